"""Compares webserv with nginx, case by case, and prints a table.

Run by bench/run, which finds the binaries. Loads the servers in turn with wrk, and reads
from /proc what each load cost. The method is explained in bench/README.md.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import urllib.request

import idle
from servers import FILES, KIB, ServerError, make_site, raise_descriptor_limit, running

BENCH = pathlib.Path(__file__).resolve().parent
IDLE = "idle"
IDLE_TITLE = f"{idle.CONNECTIONS:,} idle keep-alive connections, memory each"
IDLE_TARGET_KIB = 0.9
# A load ends by itself; this is for a wrk that does not.
LOAD_SECONDS_GRACE = 20
BROKEN_SHARE_MAX = 0.001


@dataclasses.dataclass(frozen=True)
class Case:
    """One kind of load, and the ratio of CPU per request (webserv / nginx) it should reach."""

    name: str
    title: str
    path: str
    target: float | None
    connections: int = 64
    script: str = "report.lua"
    header: str | None = None
    # Counts requests by the bytes received, where a request still under way would matter.
    size_bytes: int | None = None


CASES = [
    Case("1k", "1 KiB, keep-alive, 64 connections", "/1k.txt", 0.70),
    Case("return", '`return 200 "..."`', "/return", 0.75),
    Case("close", "1 KiB, a connection per request", "/1k.txt", 0.85, header="Connection: close"),
    Case("100k", "100 KiB", "/100k.txt", 0.85),
    Case("10m", "10 MiB, 8 connections", "/10m.bin", 1.0, connections=8, size_bytes=FILES["10m.bin"]),
    Case("pipelined", "1 KiB, 16 requests pipelined", "/1k.txt", 0.30, script="pipeline.lua"),
    Case("logged", "1 KiB, with an access log", "/logged/1k.txt", None),
]


@dataclasses.dataclass(frozen=True)
class Load:
    """What one load of one server gave."""

    requests_per_second: float
    cpu_microseconds: float


def main():
    options = parse_arguments()
    if options.list:
        for case in CASES:
            print(f"{case.name:10} {case.title}")
        print(f"{IDLE:10} {IDLE_TITLE}")
        return 0
    # As with Ctrl-C: unwind, and so end what was started.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    binaries = {"webserv": os.environ["WEBSERV"], "nginx": os.environ["NGINX"]}
    try:
        with tempfile.TemporaryDirectory(prefix="webserv-bench-") as folder:
            rows, held = compare(options, binaries, pathlib.Path(folder))
    except KeyboardInterrupt:
        return 130
    except ServerError as error:
        print(f"bench/run: {error}", file=sys.stderr)
        return 1
    print_table(options.markdown, binaries, rows, held)
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(prog="bench/run", description="Compares webserv with nginx on this machine.")
    names = [case.name for case in CASES] + [IDLE]
    parser.add_argument("--list", action="store_true", help="name the cases and do nothing")
    parser.add_argument("--case", action="append", choices=names, metavar="NAME", help="measure this case only (may be repeated)")
    parser.add_argument("--rounds", type=positive, default=5, metavar="N", help="rounds of each case (5)")
    parser.add_argument("--seconds", type=positive, default=4, metavar="N", help="longest load (4)")
    parser.add_argument("--requests", type=positive, default=400_000, metavar="N",
                        help="shortens a load to about so many requests, but not below a second (400000)")
    parser.add_argument("--markdown", action="store_true", help="print the table for bench/README.md")
    options = parser.parse_args()
    options.case = options.case or names
    return options


def positive(text):
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def compare(options, binaries, folder):
    """Runs the chosen cases; returns the rows of the table, and the memory held if measured."""
    root = make_site(folder)
    cases = [case for case in CASES if case.name in options.case]
    rows, held = [], None
    if cases:
        raise_descriptor_limit(4096)
        with (
            running("webserv", binaries["webserv"], folder, root, 1024) as ours,
            running("nginx", binaries["nginx"], folder, root, 1024) as theirs,
        ):
            for case in cases:
                check_answers(case, root, (ours, theirs))
                rows.append((case, rounds_of(case, options, ours, theirs)))
    if IDLE in options.case:
        held = {}
        for name, binary in binaries.items():
            progress(f"{IDLE}: {name}")
            held[name] = idle.measure(name, binary, folder, root)
    return rows, held


def check_answers(case, root, pair):
    """Both servers must answer with the same right body, or the comparison means nothing."""
    bodies = set()
    # Without the proxy that the environment may name.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for server in pair:
        try:
            with opener.open(server.url(case.path), timeout=10) as answer:
                bodies.add(hashlib.sha256(answer.read()).hexdigest())
        except OSError as error:
            raise ServerError(f"{server.name} does not answer {case.path}: {error}") from error
    file = root / case.path.lstrip("/")
    if file.exists():
        bodies.add(hashlib.sha256(file.read_bytes()).hexdigest())
    if len(bodies) != 1:
        raise ServerError(f"the servers answer {case.path} differently")


def rounds_of(case, options, ours, theirs):
    """Loads both in turn, `rounds` times; who goes first changes each round."""
    seconds = {server.name: load_seconds(case, options, server) for server in (ours, theirs)}
    rounds = []
    for number in range(options.rounds):
        order = (theirs, ours) if number % 2 == 0 else (ours, theirs)
        loads = {server.name: load(case, server, seconds[server.name]) for server in order}
        rounds.append((loads["webserv"], loads["nginx"]))
        progress(
            f"{case.name}: round {number + 1} of {options.rounds}: CPU µs per request: "
            f"webserv {loads['webserv'].cpu_microseconds:.2f}, nginx {loads['nginx'].cpu_microseconds:.2f}"
        )
    return rounds


def load_seconds(case, options, server):
    """Warms the server up for a second, and says how long a load may take."""
    rate = load(case, server, 1).requests_per_second
    return max(1, min(options.seconds, int(options.requests / rate)))


def load(case, server, seconds):
    """Loads `server` once, and relates what it used to the requests wrk counted."""
    command = ["wrk", "-t", "2", "-c", str(case.connections), "-d", f"{seconds}s", "-s", BENCH / case.script]
    if case.header:
        command += ["-H", case.header]
    before = server.cpu_microseconds()
    result = run_wrk([*command, server.url(case.path)], seconds)
    used = server.cpu_microseconds() - before
    requests = result["requests"]
    if result["refused"] or result["broken"] > requests * BROKEN_SHARE_MAX or not requests:
        raise ServerError(f"{server.name} failed under the load of case {case.name}: {result}\n{server.error_log()}")
    if case.size_bytes:
        requests = result["bytes"] / case.size_bytes
    return Load(requests / result["microseconds"] * 1e6, used / requests)


def run_wrk(command, seconds):
    """Runs wrk and returns the numbers its script reports; wrk never outlives this."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, start_new_session=True) as wrk:
        try:
            output, _ = wrk.communicate(timeout=seconds + LOAD_SECONDS_GRACE)
        except BaseException as reason:
            wrk.kill()
            if isinstance(reason, subprocess.TimeoutExpired):
                raise ServerError(f"wrk did not end after {seconds} s") from reason
            raise
    for line in output.splitlines():
        if line.startswith("{"):
            return json.loads(line)
    raise ServerError(f"wrk reported nothing:\n{output}")


def progress(text):
    print(f"bench/run: {text}", file=sys.stderr, flush=True)


def print_table(markdown, binaries, rows, held):
    head = ["case", "requests/s nginx", "webserv", "CPU µs nginx: min", "median", "webserv: min", "median",
            "ratio: min", "median", "target", ""]
    lines = [table_line(case, rounds) for case, rounds in rows]
    for name, binary in binaries.items():
        if os.path.basename(binary) != name:
            print(f"{name} is {binary} here\n")
    if lines:
        print_lines(markdown, head, lines)
    if held:
        print_lines(markdown, *memory_lines(held))


def table_line(case, rounds):
    ours, theirs = zip(*rounds)
    ratios = [our.cpu_microseconds / their.cpu_microseconds for our, their in rounds]
    median = statistics.median(ratios)
    return [
        case.title,
        f"{statistics.median(one.requests_per_second for one in theirs):,.0f}",
        f"{statistics.median(one.requests_per_second for one in ours):,.0f}",
        *least_and_median(one.cpu_microseconds for one in theirs),
        *least_and_median(one.cpu_microseconds for one in ours),
        f"{min(ratios):.2f}", f"{median:.2f}",
        *verdict(median, case.target),
    ]


def least_and_median(values):
    values = list(values)
    digits = 1 if min(values) < 1000 else 0
    return f"{min(values):.{digits}f}", f"{statistics.median(values):.{digits}f}"


def memory_lines(held):
    head = ["memory", "nginx", "webserv", "ratio", "target", ""]
    ours, theirs = held["webserv"], held["nginx"]
    each = ours["each"] / KIB

    def line(title, key, last):
        ratio = f"{ours[key] / theirs[key]:.2f}" if theirs[key] > 0 else "-"
        return [title, f"{theirs[key] / KIB:,.2f} KiB", f"{ours[key] / KIB:,.2f} KiB", ratio, *last]

    return head, [
        line(IDLE_TITLE, "each", [f"{IDLE_TARGET_KIB} KiB", verdict(each, IDLE_TARGET_KIB)[1]]),
        line(f"at start, worker_connections {idle.WORKER_CONNECTIONS}", "start", ["-", ""]),
        line(f"of that reserved for more than {idle.WORKER_CONNECTIONS_FEW} of them", "reserved", ["-", ""]),
    ]


def verdict(value, target):
    if target is None:
        return "-", ""
    return f"{target:.2f}", "reached" if value <= target else "missed"


def print_lines(markdown, head, lines):
    if markdown:
        print("| " + " | ".join(head) + " |")
        print("|---" + "|--:" * (len(head) - 2) + "|---|")
        for line in lines:
            print("| " + " | ".join(line) + " |")
    else:
        widths = [max(len(row[column]) for row in [head, *lines]) for column in range(len(head))]
        for row in [head, *lines]:
            cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
            print("  ".join(cells).rstrip())
    print()


if __name__ == "__main__":
    sys.exit(main())
