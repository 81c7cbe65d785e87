"""Whether a server that is reloaded every second loses anything: a request, a connection, memory, a descriptor.

Called by bench/soak, which builds webserv. Clients of many kinds are busy all the time, the configuration is edited at
random and reloaded every second, some edits are wrong on purpose, and with --upgrades the program replaces itself now
and then. What clients saw is counted; memory at the end is printed beside what it was after a minute, and
descriptors beside what they were before the clients came.
"""

import argparse
import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from servers import KIB, ServerError, rollup_bytes

LARGE_BYTES = 4 * KIB * KIB
WARM_SECONDS_MAX = 60
ANSWER_SECONDS_MAX = 30

SCRIPTS = {
    "quick": "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello'\n",
    # A line now and then, as a tunnel or an event stream would have it.
    "long": "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nfor n in 1 2 3 4 5 6 7 8 9 10; do echo $n; sleep 0.5; done\n",
}

WRONG = ["indx a;", "keepalive_timeout soon;", "include /no/such/file;", "listen 192.0.2.1:1;", "root", "}"]


class Counts:
    """What clients saw, by kind."""

    def __init__(self):
        self.lock = threading.Lock()
        self.done = {}
        self.wrong = {}

    def add(self, kind, problem=None):
        with self.lock:
            if problem is None:
                self.done[kind] = self.done.get(kind, 0) + 1
            else:
                self.wrong.setdefault(kind, []).append(problem)

    def problems(self):
        with self.lock:
            return sum(len(problems) for problems in self.wrong.values())


class Site:
    """A folder with files, a configuration that changes, and the server that runs by it."""

    def __init__(self, folder, binary):
        self.folder = folder
        self.binary = binary
        self.port, self.other_port = quiet_ports(2)
        self.random = random.Random(7)
        self.edition = 0
        (folder / "cgi").mkdir()
        (folder / "up").mkdir()
        (folder / "large").write_bytes(os.urandom(LARGE_BYTES))
        for name, text in SCRIPTS.items():
            (folder / "cgi" / name).write_text(text)
            (folder / "cgi" / name).chmod(0o755)
        for path in (folder, folder / "cgi"):
            path.chmod(0o755)
        (folder / "up").chmod(0o777)

    def write(self, wrong=False):
        """Writes another edition of the configuration."""
        self.edition += 1
        chosen = self.random
        servers = "".join(
            f"    server {{ listen 127.0.0.1:{self.port}; server_name host{number}.test;\n"
            + "".join(f"        location /{place}/ {{ return 200 {chosen.randrange(9)}; }}\n"
                      for place in range(chosen.randrange(5)))
            + "    }\n"
            for number in range(chosen.randrange(40))
        )
        other = f"listen 127.0.0.1:{self.other_port};" if chosen.random() < 0.5 else ""
        mistake = chosen.choice(WRONG) if wrong else ""
        user = "user root;" if os.geteuid() == 0 else ""
        text = f"""{user}
worker_processes {chosen.randint(1, 3)};
error_log {self.folder}/error.log notice;
pid {self.folder}/server.pid;
events {{ worker_connections 4096; }}
http {{
    access_log {self.folder}/access{chosen.randrange(2)}.log combined buffer=32k flush=1s;
    limit_req_zone $binary_remote_addr zone=one:{chosen.choice(["1m", "2m"])} rate=100000r/s;
    keepalive_timeout 600; keepalive_requests 1000000000; keepalive_time 24h;
    client_max_body_size 0;
    map $uri $picked {{ default {self.edition}; ~^/(?<part>[a-z]+)/{self.edition} $part; }}
    server {{
        listen 127.0.0.1:{self.port} default_server;
        {other}
        root {self.folder};
        location = /hello {{ limit_req zone=one burst=100000 nodelay; return 200 hello; }}
        location = /edition {{ return 200 {self.edition}; }}
        location /up/ {{ dav_methods PUT; }}
        location /cgi/ {{ cgi on; }}
        {mistake}
    }}
{servers}}}
"""
        (self.folder / "new.conf").write_text(text)
        os.replace(self.folder / "new.conf", self.folder / "site.conf")

    def command(self, *words):
        return subprocess.run(
            [self.binary, "-c", self.folder / "site.conf", *words], capture_output=True, text=True, timeout=120
        )

    def pid(self):
        return int((self.folder / "server.pid").read_text())


def quiet_ports(count):
    """Free ports that the system gives to no client, who could have one while nobody listens on it."""
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found = []
    for port in random.sample(range(max(1024, lowest - 20000), lowest), 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            found.append(port)
    return found[:count]


def receive_head(connection):
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(4096)
        if not piece:
            raise OSError("closed before an answer was complete")
        received += piece
    head, rest = received.split(b"\r\n\r\n", 1)
    return head, rest


class Closing(Exception):
    """An answer said that it is the last on its connection."""


def receive_answer(connection):
    """Status and content of an answer."""
    head, content = receive_head(connection)
    lengths = (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    length = next(lengths, 0)  # a 204 has none
    while len(content) < length:
        piece = connection.recv(65536)
        if not piece:
            raise OSError("closed within content")
        content += piece
    return int(head.split()[1]), content


def connect(site):
    connection = socket.create_connection(("127.0.0.1", site.port), timeout=ANSWER_SECONDS_MAX)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def expect(condition, what):
    if not condition:
        raise OSError(what)


def keep(site, over, pause):
    """A connection that stays: each request is answered on it."""
    with connect(site) as connection:
        while not over.is_set():
            connection.sendall(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
            head, content = receive_head(connection)
            while len(content) < len(b"hello") and (piece := connection.recv(4096)):
                content += piece
            expect(b" 200 " in head[:20] and content == b"hello", "a wrong answer")
            yield
            if b"\r\nConnection: close" in head:
                raise Closing
            over.wait(pause * random.random())


def idle(site, over):
    yield from keep(site, over, 20)


def busy(site, over):
    yield from keep(site, over, 0.02)


def newcomers(site, over):
    while not over.is_set():
        with connect(site) as connection:
            connection.sendall(b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            expect(receive_answer(connection) == (200, b"hello"), "a wrong answer")
        yield
        over.wait(0.005)


def pipelines(site, over):
    with connect(site) as connection:
        while not over.is_set():
            connection.sendall(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n" * 16)
            received = b""
            while received.count(b"\r\n\r\nhello") < 16:
                piece = connection.recv(65536)
                expect(piece, "closed within a pipeline")
                received += piece
            yield
            if b"\r\nConnection: close" in received:
                raise Closing
            over.wait(0.1)


def slow_downloads(site, over):
    expected = (site.folder / "large").read_bytes()
    while not over.is_set():
        with connect(site) as connection:
            connection.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            head, content = receive_head(connection)
            content = bytearray(content)
            while piece := connection.recv(64 * KIB):
                content += piece
                over.wait(0.05)
            expect(content == expected, f"a download of {len(content)} bytes after {head[:40]!r}")
        yield


def slow_uploads(site, over):
    name = f"/up/{threading.get_ident()}"
    piece = os.urandom(64 * KIB)
    while not over.is_set():
        with connect(site) as connection:
            head = f"PUT {name} HTTP/1.1\r\nHost: a\r\nContent-Length: {32 * len(piece)}\r\n\r\n"
            connection.sendall(head.encode())
            for _ in range(32):
                connection.sendall(piece)
                over.wait(0.05)
            status, _content = receive_answer(connection)
            expect(status in (201, 204), f"an upload was answered with {status}")
        yield


def scripts(site, over):
    while not over.is_set():
        with connect(site) as connection:
            connection.sendall(b"GET /cgi/quick HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            received = b""
            while piece := connection.recv(4096):
                received += piece
            expect(b" 200 " in received[:20] and b"hello" in received, f"a script's answer: {received[:80]!r}")
        yield
        over.wait(0.05)


def long_scripts(site, over):
    while not over.is_set():
        with connect(site) as connection:
            connection.sendall(b"GET /cgi/long HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            received = b""
            while piece := connection.recv(4096):
                received += piece
            expect(b"10\n" in received, f"the end of a long answer: {received[-40:]!r}")
        yield


def leavers(site, over):
    """Clients that go in the middle of something; nobody minds but the server."""
    beginnings = [b"GET /he", b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /cgi/long HTTP/1.1\r\nHost: a\r\n\r\n",
                  b"PUT /up/half HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf"]
    while not over.is_set():
        with connect(site) as connection:
            connection.sendall(random.choice(beginnings))
            over.wait(0.05)
            if random.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        yield


CLIENTS = [(idle, 20), (busy, 4), (newcomers, 2), (pipelines, 1), (slow_downloads, 2), (slow_uploads, 2),
           (scripts, 2), (long_scripts, 2), (leavers, 1)]


def run_client(client, site, over, counts):
    """A client, begun anew after each thing that goes wrong."""
    while not over.is_set():
        try:
            for _ in client(site, over):
                counts.add(client.__name__)
        except Closing:
            counts.add("polite closes")
        except (OSError, ValueError) as error:
            if not over.is_set():
                counts.add(client.__name__, f"{time.strftime('%H:%M:%S')} {error}")


def look(site):
    """Memory and descriptors of the server."""
    pid = site.pid()
    threads = len(list(pathlib.Path(f"/proc/{pid}/task").iterdir()))
    return rollup_bytes(pid, "Pss:") // KIB, len(os.listdir(f"/proc/{pid}/fd")), threads


def edit(site, over, counts, upgrade_seconds):
    """A reload every second; one in ten is of a wrong configuration, which must be refused."""
    next_upgrade = time.monotonic() + upgrade_seconds if upgrade_seconds else None
    while not over.wait(1):
        wrong = site.random.random() < 0.1
        site.write(wrong)
        done = site.command("reload")
        if (done.returncode == 0) == wrong:
            counts.add("reloads", f"exit {done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}")
            continue
        counts.add("refused reloads" if wrong else "reloads")
        if not wrong:
            check_edition(site, counts)
            if next_upgrade and time.monotonic() > next_upgrade:
                next_upgrade += upgrade_seconds
                done = site.command("upgrade")
                counts.add("upgrades", None if done.returncode == 0 else f"{done.stdout[-300:]}{done.stderr[-300:]}")


def check_edition(site, counts):
    """After a reload the next request sees it."""
    try:
        with connect(site) as connection:
            connection.sendall(b"GET /edition HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            content = receive_answer(connection)[1]
        expect(content == str(site.edition).encode(), f"edition {content!r} instead of {site.edition}")
    except OSError as error:
        counts.add("reloads", str(error))


def wait_until_it_answers(site, process):
    for _ in range(500):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError):
            connect(site).close()
            return
        time.sleep(0.02)
    raise ServerError(f"the server does not answer\n{(site.folder / 'output').read_text()[-2000:]}")


def end(site, process):
    """Ends the server that runs now, which may be a successor of the one that was started."""
    with contextlib.suppress(OSError, ValueError):
        os.kill(site.pid(), signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
        return
    process.kill()
    process.wait()


def soak(site, seconds, upgrade_seconds):
    counts, over = Counts(), threading.Event()
    threads = [threading.Thread(target=run_client, args=(client, site, over, counts))
               for client, number in CLIENTS for _ in range(number)]
    threads.append(threading.Thread(target=edit, args=(site, over, counts, upgrade_seconds)))
    for thread in threads:
        thread.start()
    try:
        warm = min(WARM_SECONDS_MAX, seconds / 4)
        end_at = time.monotonic() + seconds
        time.sleep(warm)
        before = look(site)
        print(f"after {warm:.0f} s: {before[0]} KiB, {before[1]} descriptors, {before[2]} threads", flush=True)
        while (left := end_at - time.monotonic()) > 0:
            time.sleep(min(60, left))
            memory, descriptors, count = look(site)
            print(f"{left:5.0f} s left: {memory} KiB, {descriptors} descriptors, {count} threads, "
                  f"{counts.problems()} problems", flush=True)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return counts, before


def main():
    parser = argparse.ArgumentParser(prog="bench/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long (default: 10)")
    parser.add_argument("--upgrades", type=float, default=0, metavar="SECONDS",
                        help="let the program replace itself so often (default: never)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="webserv-soak-") as folder:
        site = Site(pathlib.Path(folder), os.environ["WEBSERV"])
        site.write()
        with open(site.folder / "output", "wb") as output:
            process = subprocess.Popen([site.binary, "-c", site.folder / "site.conf"], stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=output, start_new_session=True)
        try:
            wait_until_it_answers(site, process)
            at_rest = look(site)
            counts, warm = soak(site, arguments.minutes * 60, arguments.upgrades)
            time.sleep(2)  # connections that have just been closed
            after = look(site)
            before = (warm[0], *at_rest[1:])
        except ServerError as error:
            print(f"bench/soak: {error}", file=sys.stderr)
            return 1
        finally:
            end(site, process)
    return conclude(counts, before, after)


def conclude(counts, before, after):
    for kind, number in sorted(counts.done.items()):
        print(f"{kind:16} {number:9}")
    for name, was, now in zip(("memory, KiB", "descriptors", "threads"), before, after):
        print(f"{name:16} {was:9} -> {now}")
    for kind, problems in counts.wrong.items():
        print(f"{len(problems)} problems of {kind}, such as:")
        for problem in problems[:5]:
            print(f"    {problem}")
    print("PASSED" if counts.problems() == 0 else "FAILED")
    return int(counts.problems() > 0)


if __name__ == "__main__":
    sys.exit(main())
