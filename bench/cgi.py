"""Measures CGI, case by case, and prints tables. Run by bench/cgi, which finds what is needed.

The method is explained in bench/README.md.
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time

import cgi_servers
from compare import load as load_case
from compare import Case, positive, print_lines, progress, run_wrk
from servers import ServerError, make_site, raise_descriptor_limit

CONNECTIONS = 16
SLOW_SCRIPTS = 50
PROBES = 3000
PROBE_PAUSE_SECONDS = 0.001
FLAT_AT = (1_000, 50_000, 100_000)
PIECE = os.urandom(1 << 20)

CASES = {
    "program": "a small compiled program",
    "shell": "a script of /bin/sh",
    "beside": f"static requests beside {SLOW_SCRIPTS} scripts on one worker",
    "flat": f"memory and descriptors over {FLAT_AT[-1]:,} requests",
    "form": "a form with one large file, and the memory it takes",
}


def main():
    options = parse_arguments()
    if options.list:
        for name, title in CASES.items():
            print(f"{name:10} {title}")
        return 0
    # As with Ctrl-C: unwind, and so end what was started.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    raise_descriptor_limit(4096)
    try:
        with tempfile.TemporaryDirectory(prefix="webserv-bench-", dir=options.folder) as folder:
            measure(options, pathlib.Path(folder))
    except KeyboardInterrupt:
        return 130
    except ServerError as error:
        print(f"bench/cgi: {error}", file=sys.stderr)
        return 1
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(prog="bench/cgi", description="Measures CGI on this machine.")
    parser.add_argument("--list", action="store_true", help="name the cases and do nothing")
    parser.add_argument("--case", action="append", choices=list(CASES), metavar="NAME", help="measure this case only (may be repeated)")
    parser.add_argument("--rounds", type=positive, default=5, metavar="N", help="rounds of each comparison (5)")
    parser.add_argument("--seconds", type=positive, default=4, metavar="N", help="length of a load (4)")
    parser.add_argument("--gibibytes", type=positive, default=10, metavar="N", help="size of the form's file (10)")
    parser.add_argument("--folder", metavar="PATH", help="where the temporary folder is made, as for a large form")
    parser.add_argument("--markdown", action="store_true", help="print the tables for bench/README.md")
    options = parser.parse_args()
    options.case = options.case or list(CASES)
    return options


def measure(options, folder):
    root = make_site(folder)
    cgi_servers.make_scripts(root)
    compared = [name for name in ("program", "shell") if name in options.case]
    if compared:
        rows = compare(options, folder, root, compared)
        print_lines(options.markdown, COMPARED_HEAD, rows)
    for name, work, head in (("beside", beside, BESIDE_HEAD), ("flat", flat, FLAT_HEAD), ("form", form, FORM_HEAD)):
        if name in options.case:
            print_lines(options.markdown, head, list(work(options, folder, root)))


COMPARED_HEAD = ["case", "", "requests/s: median", "CPU µs: min", "median", "webserv's ratio: requests/s", "CPU"]


def compare(options, folder, root, names):
    """Loads the three in turn; who goes first changes each round."""
    rows = []
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(start(folder, root))
                   for start in (cgi_servers.webserv, cgi_servers.lighttpd, cgi_servers.apache)]
        for name in names:
            case = Case(name, CASES[name], f"/cgi-bin/{name}?x=1", None, connections=CONNECTIONS)
            for server in servers:
                check_answer(server, case.path)
                load_case(case, server, 1)
            loads = {server.name: [] for server in servers}
            for number in range(options.rounds):
                for at in range(len(servers)):
                    server = servers[(number + at) % len(servers)]
                    loads[server.name].append(load_case(case, server, options.seconds))
                progress(f"{name}: round {number + 1} of {options.rounds}: " + ", ".join(
                    f"{name} {each[-1].requests_per_second:.0f}/s {each[-1].cpu_microseconds:.0f} µs"
                    for name, each in loads.items()))
            rows += compared_lines(case, loads)
    return rows


def compared_lines(case, loads):
    ours = loads["webserv"]
    for name, theirs in loads.items():
        faster = statistics.median(our.requests_per_second / their.requests_per_second for our, their in zip(ours, theirs))
        dearer = statistics.median(our.cpu_microseconds / their.cpu_microseconds for our, their in zip(ours, theirs))
        used = [each.cpu_microseconds for each in theirs]
        yield [case.title, name, f"{statistics.median(each.requests_per_second for each in theirs):,.0f}",
               f"{min(used):,.0f}", f"{statistics.median(used):,.0f}",
               *(["", ""] if name == "webserv" else [f"{faster:.2f}", f"{dearer:.2f}"])]


def check_answer(server, path):
    """All must give the same right answer, or the comparison means nothing."""
    with connect(server) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = read_all(connection)
    if not answer.startswith(b"HTTP/1.1 200 ") or b"It was asked for x=1.\n" not in answer:
        raise ServerError(f"{server.name} answers {path} with {answer[:300]!r}\n{server.error_log()}")


BESIDE_HEAD = ["a file of 1 KiB, one worker", "p50 µs", "p99 µs", "beside scripts: p50", "p99", "ratio of p99"]


def beside(options, folder, root):
    """The latency of static requests, alone and beside scripts, in turns."""
    kinds = {"a request each millisecond": probe, "4 connections without a pause": saturate}
    found = {title: ([], []) for title in kinds}
    with cgi_servers.webserv(folder, root, workers=1) as server:
        for number in range(options.rounds):
            for title, latency in kinds.items():
                found[title][0].append(latency(server, options))
                with scripts_beside(server):
                    found[title][1].append(latency(server, options))
                progress(f"beside: round {number + 1} of {options.rounds}: {title}: p99 µs alone "
                         f"{found[title][0][-1][1]:.0f}, beside scripts {found[title][1][-1][1]:.0f}")
    for title, (alone, accompanied) in found.items():
        ratio = statistics.median(with_[1] / without[1] for without, with_ in zip(alone, accompanied))
        middle = [f"{statistics.median(each[at] for each in of):.0f}" for of in (alone, accompanied) for at in (0, 1)]
        yield [title, *middle, f"{ratio:.2f}"]


def probe(server, _options):
    """p50 and p99 of a lone client that asks now and then, in microseconds."""
    request = b"GET /1k.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"
    times = []
    with connect(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(PROBES):
            time.sleep(PROBE_PAUSE_SECONDS)
            start = time.perf_counter_ns()
            connection.sendall(request)
            length = 0
            while length <= 1024:
                length += len(connection.recv(4096))
            times.append((time.perf_counter_ns() - start) / 1000)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def saturate(server, options):
    """The same of clients that ask as fast as they are answered."""
    command = ["wrk", "-t", "1", "-c", "4", "-d", f"{options.seconds}s", "-s",
               pathlib.Path(__file__).with_name("report.lua"), server.url("/1k.txt")]
    result = run_wrk(command, options.seconds)
    return result["p50_microseconds"], result["p99_microseconds"]


@contextlib.contextmanager
def scripts_beside(server):
    """Has so many scripts run all the time."""
    over = threading.Event()
    begun = threading.Semaphore(0)

    def keep_one():
        while not over.is_set():
            with connect(server) as connection:
                connection.sendall(b"GET /cgi-bin/slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                connection.recv(4096)
                begun.release()
                while connection.recv(1 << 16) and not over.is_set():
                    pass

    threads = [threading.Thread(target=keep_one, daemon=True) for _ in range(SLOW_SCRIPTS)]
    for thread in threads:
        thread.start()
    for _ in threads:
        begun.acquire()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


FLAT_HEAD = ["requests", "resident KiB", "descriptors"]


def flat(_options, folder, root):
    """Memory and descriptors after so many requests to scripts, on connections of their own."""
    with cgi_servers.webserv(folder, root) as server:
        yield ["0", f"{server.resident_bytes() // 1024:,}", str(server.descriptors())]
        done = 0
        for goal in FLAT_AT:
            ask_many(server, goal - done)
            done = goal
            settle(server)
            progress(f"flat: {done:,} requests: {server.resident_bytes() // 1024:,} KiB, {server.descriptors()} descriptors")
            yield [f"{done:,}", f"{server.resident_bytes() // 1024:,}", str(server.descriptors())]


def ask_many(server, count):
    left = iter(range(count))
    lock = threading.Lock()
    wrong = []

    def client():
        with connect(server) as connection:
            while not wrong:
                with lock:
                    if next(left, None) is None:
                        return
                connection.sendall(b"GET /cgi-bin/program?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
                answer = b""
                while not answer.endswith(b"0\r\n\r\n"):
                    piece = connection.recv(4096)
                    if not piece:
                        break
                    answer += piece
                if not answer.startswith(b"HTTP/1.1 200 ") or b"x=1" not in answer:
                    wrong.append(answer)

    threads = [threading.Thread(target=client, daemon=True) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise ServerError(f"{server.name} answered {wrong[0][:300]!r}\n{server.error_log()}")


def settle(server):
    """Waits until the last connections and children are gone."""
    last = -1
    while (now := server.descriptors()) != last or len(server.processes()) > 1:
        last = now
        time.sleep(0.2)


FORM_HEAD = ["file", "seconds", "CPU s", "resident KiB before", "at most"]


def form(options, folder, root):
    """A form with one file, made as it is sent."""
    mebibytes = options.gibibytes * 1024
    if shutil.disk_usage(folder).free < (mebibytes + 1024) * len(PIECE):
        raise ServerError(f"{options.gibibytes} GiB are not free in {folder}: see --folder")
    start = b'--=\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'
    end = b"\r\n--=--\r\n"
    length = mebibytes * len(PIECE) + len(start) + len(end)
    with cgi_servers.webserv(folder, root) as server:
        before, most = server.resident_bytes(), 0
        used, begun = server.cpu_microseconds(), time.monotonic()
        with connect(server) as connection:
            connection.sendall(
                f"POST /form/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n"
                f"Content-Type: multipart/form-data; boundary==\r\n\r\n".encode() + start)
            for number in range(mebibytes):
                connection.sendall(PIECE)
                if number % 64 == 0:
                    most = max(most, server.resident_bytes())
            connection.sendall(end)
            answer = read_all(connection)
        most = max(most, server.resident_bytes())
        stored = folder / "webserv" / "uploads" / "large.bin"
        if not answer.startswith(b"HTTP/1.1 201 ") or stored.stat().st_size != mebibytes * len(PIECE):
            raise ServerError(f"{server.name} answered {answer[:300]!r}\n{server.error_log()}")
        stored.unlink()
        return [[f"{options.gibibytes} GiB", f"{time.monotonic() - begun:.1f}",
                 f"{(server.cpu_microseconds() - used) / 1e6:.1f}", f"{before // 1024:,}", f"{most // 1024:,}"]]


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=120)


def read_all(connection):
    answer = b""
    while piece := connection.recv(4096):
        answer += piece
    return answer


if __name__ == "__main__":
    sys.exit(main())
