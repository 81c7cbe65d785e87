"""Compares webserv with nginx at a large configuration: 10,000 servers of 5 locations each.

Run by `bench/run large`, which finds the binaries. Measures what `-t` costs, how long a
reload takes to answer by the new tree, what running traffic feels of it, and what the
running server holds. The method is explained in bench/README.md.
"""

import argparse
import contextlib
import dataclasses
import multiprocessing
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from servers import NGINX_EXTRA, WORKERS, ServerError, free_port, is_nginx, started

MIB = 1024 * 1024
TARGETS = {"time": 0.5, "memory": 0.5, "reload": 0.3, "p99": 1.5}
START_SECONDS_MAX = 60
RELOAD_SECONDS_MAX = 60
# Traffic that leaves a machine of two cores most of its time.
REQUEST_INTERVAL_SECONDS = 0.002
PROBE_INTERVAL_SECONDS = 0.005
QUIET_SECONDS = 5
# What a reload leaves to be done (old workers, old trees) is felt after its first answer.
AFTER_SECONDS = 1
SETTLE_SECONDS = 2

MAIN = """\
worker_processes {workers};
error_log {folder}/error.log error;
pid {folder}/server.pid;

events {{
    worker_connections 1024;
}}

http {{
    access_log off;
    keepalive_requests 1000000000;
    server_names_hash_max_size 65536;
    server_names_hash_bucket_size 128;
{extra}
{servers}}}
"""

SERVER = """\
    server {{
        listen 127.0.0.1:{port};
        server_name site{number}.example www.site{number}.example;
        root /srv/site{number};

        location / {{
            try_files $uri $uri/ =404;
        }}

        location = /status {{
            return 200 "site {number}, generation {generation}\\n";
        }}

        location /images/ {{
            expires 30d;
        }}

        location ^~ /private/ {{
            deny all;
        }}

        location ~ \\.(css|js|png)$ {{
            expires 7d;
        }}
    }}

"""


@dataclasses.dataclass(frozen=True)
class Check:
    """What one `-t` cost."""

    cpu_seconds: float
    peak_bytes: int


@dataclasses.dataclass(frozen=True)
class Reload:
    """One reload, as clients saw it."""

    seconds: float
    quiet_p99: float
    p99: float
    longest: float


def main():
    options = parse_arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    binaries = {"nginx": os.environ["NGINX"], "webserv": os.environ["WEBSERV"]}
    try:
        with tempfile.TemporaryDirectory(prefix="webserv-bench-") as folder:
            folder = pathlib.Path(folder)
            folder.chmod(0o755)
            checks = compare_checks(options, binaries, folder)
            reloads, held = compare_reloads(options, binaries, folder)
    except KeyboardInterrupt:
        return 130
    except ServerError as error:
        print(f"bench/run large: {error}", file=sys.stderr)
        return 1
    print_table(checks, reloads, held)
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(prog="bench/run large", description=__doc__.split("\n")[0])
    parser.add_argument("--servers", type=int, default=10_000, help="virtual servers, of 5 locations each")
    parser.add_argument("--rounds", type=int, default=5, help="checks and reloads of each server")
    return parser.parse_args()


def write_configuration(path, binary, port, servers, generation):
    """The same text for both, but for nginx's temporary folders."""
    folder = path.parent
    extra = NGINX_EXTRA.format(folder=folder) if is_nginx(binary) else ""
    blocks = (SERVER.format(port=port, number=number, generation=generation) for number in range(servers))
    text = MAIN.format(workers=WORKERS, folder=folder, extra=extra, servers="".join(blocks))
    # As editors do: whoever reads meanwhile sees the old text or the new one.
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def compare_checks(options, binaries, folder):
    """`-t` of both in turn, round by round; who goes first changes."""
    port = free_port()
    configurations = {}
    for name, binary in binaries.items():
        place = folder / f"check-{name}"
        place.mkdir()
        configurations[name] = place / "server.conf"
        write_configuration(configurations[name], binary, port, options.servers, 1)
    checks = {name: [] for name in binaries}
    for number in range(-1, options.rounds):
        names = list(binaries) if number % 2 else list(reversed(binaries))
        for name in names:
            measured = check(binaries[name], configurations[name])
            # The first round reads binaries and texts into the page cache.
            if number >= 0:
                checks[name].append(measured)
    return checks


def check(binary, configuration):
    with open(configuration.parent / "output", "wb") as output:
        process = subprocess.Popen(
            [binary, "-t", "-c", configuration, "-p", f"{configuration.parent}/"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        output = (configuration.parent / "output").read_text(errors="replace")[-2000:]
        raise ServerError(f"{binary} -t failed:\n{output}")
    return Check(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def compare_reloads(options, binaries, folder):
    """Both servers run all the time; one is reloaded, then the other."""
    reloads = {name: [] for name in binaries}
    held = {}
    with contextlib.ExitStack() as stack:
        servers = {
            name: stack.enter_context(running_large(name, binary, folder, options.servers))
            for name, binary in binaries.items()
        }
        for name, server in servers.items():
            time.sleep(SETTLE_SECONDS)
            held[name] = [server.memory_bytes()]
        for number in range(options.rounds):
            for name, server in servers.items():
                configuration = server.folder / "server.conf"
                write_configuration(configuration, binaries[name], server.port, options.servers, number + 2)
                reloads[name].append(reload(server, options.servers - 1, number + 2))
        for name, server in servers.items():
            time.sleep(SETTLE_SECONDS)
            held[name].append(server.memory_bytes())
    return reloads, held


@contextlib.contextmanager
def running_large(name, binary, folder, servers):
    folder = folder / f"run-{name}"
    folder.mkdir()
    port = free_port()
    write_configuration(folder / "server.conf", binary, port, servers, 1)
    command = [binary, "-c", folder / "server.conf", "-p", f"{folder}/", "-g", "daemon off;"]
    with started(name, command, port, folder, seconds_max=START_SECONDS_MAX) as server:
        yield server


def reload(server, site, generation):
    """Reloads with traffic beside it, and asks on new connections until the new tree answers."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    traffic = multiprocessing.Process(target=run_traffic, args=(server.port, sender), daemon=True)
    traffic.start()
    try:
        time.sleep(QUIET_SECONDS)
        asked = time.monotonic()
        server.process.send_signal(signal.SIGHUP)
        while f"generation {generation}\n" not in answer_on_new_connection(server.port, site):
            if time.monotonic() > asked + RELOAD_SECONDS_MAX or server.process.poll() is not None:
                raise ServerError(f"{server.name} did not reload\n{server.error_log()}")
            time.sleep(PROBE_INTERVAL_SECONDS)
        answered = time.monotonic()
        time.sleep(AFTER_SECONDS)
    finally:
        traffic.terminate()
        latencies = receive_all(receiver, traffic, sender)
        traffic.join()
    quiet = [taken for at, taken in latencies if at < asked]
    during = [taken for at, taken in latencies if asked <= at <= answered + AFTER_SECONDS]
    if not quiet or not during:
        raise ServerError(f"{server.name} answered no traffic")
    return Reload(answered - asked, percentile(quiet, 99), percentile(during, 99), max(during))


def answer_on_new_connection(port, site):
    request = f"GET /status HTTP/1.1\r\nHost: site{site}.example\r\nConnection: close\r\n\r\n"
    received = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(request.encode())
        while part := client.recv(4096):
            received += part
    return received.decode(errors="replace")


def run_traffic(port, sender):
    """One request after the other on a connection that is kept, at a steady pace, until SIGTERM."""
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    request = b"GET /status HTTP/1.1\r\nHost: site1.example\r\n\r\n"
    latencies = []
    client = None
    sent = None
    while not ended:
        # A request whose connection was closed is sent again, and counts from when it was sent first.
        sent = sent or time.monotonic()
        try:
            client = client or socket.create_connection(("127.0.0.1", port), timeout=30)
            client.sendall(request)
            closed = not client.recv(4096)
        except OSError:
            closed = True
        if closed:
            # nginx closes idle connections at a reload; opening another is a part of what it costs.
            client = client and client.close()
            continue
        latencies.append((sent, time.monotonic() - sent))
        sent = None
        time.sleep(REQUEST_INTERVAL_SECONDS)
    sender.send(latencies)


def receive_all(receiver, traffic, sender):
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        return []


def percentile(values, percent):
    values = sorted(values)
    return values[min(len(values) - 1, len(values) * percent // 100)]


def print_table(checks, reloads, held):
    cpu = {name: [check.cpu_seconds for check in rounds] for name, rounds in checks.items()}
    peak = {name: [check.peak_bytes / MIB for check in rounds] for name, rounds in checks.items()}
    taken = {name: [reload.seconds for reload in rounds] for name, rounds in reloads.items()}
    print("| large configuration | nginx: min | median | webserv: min | median | ratio of medians | target |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    print_row("`-t`, CPU time, s", cpu, "{:.2f}", TARGETS["time"])
    print_row("`-t`, peak memory, MiB", peak, "{:.0f}", TARGETS["memory"])
    print_row("reload, from HUP to the first answer, s", taken, "{:.2f}", TARGETS["reload"])
    print_row("held after the start, MiB", {name: [held[name][0] / MIB] for name in held}, "{:.0f}", None)
    print_row("held after the reloads, MiB", {name: [held[name][1] / MIB] for name in held}, "{:.0f}", None)
    print()
    for name, rounds in reloads.items():
        quiet = statistics.median(reload.quiet_p99 for reload in rounds) * 1000
        during = statistics.median(reload.p99 for reload in rounds) * 1000
        longest = statistics.median(reload.longest for reload in rounds) * 1000
        target = f", at most {TARGETS['p99']} wanted" if name == "webserv" else ""
        print(f"p99 of traffic, {name}: {quiet:.2f} ms before, {during:.2f} ms during a reload "
              f"({during / quiet:.2f}{target}), the longest {longest:.2f} ms")


def print_row(title, values, form, target):
    nginx, webserv = values["nginx"], values["webserv"]
    ratio = statistics.median(webserv) / statistics.median(nginx)
    cells = [form.format(value) for own in (nginx, webserv) for value in (min(own), statistics.median(own))]
    print(f"| {title} | {' | '.join(cells)} | {ratio:.2f} | {target or '-'} |")


if __name__ == "__main__":
    sys.exit(main())
