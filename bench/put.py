"""What it costs a server to store a large file by PUT.

Runs by itself: WEBSERV=target/release/webserv python3 bench/put.py [MEBIBYTES [ROUNDS]].
Both servers store the same bytes in the same folder, in turns; what counts is their CPU time
(user and system, of all threads), not how long the disk takes. The files are removed.
"""

import os
import pathlib
import shutil
import signal
import socket
import statistics
import sys
import tempfile

from servers import ServerError, make_site, running

PIECE = os.urandom(1 << 20)
CONNECTIONS = 64


def main():
    mebibytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    # As with Ctrl-C: unwind, and so end what was started.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    binaries = {name: shutil.which(os.environ.get(name.upper(), name)) for name in ("webserv", "nginx")}
    missing = [name for name, binary in binaries.items() if binary is None]
    if missing:
        print(f"bench/put.py: {missing[0]} is missing: set {missing[0].upper()}=/path/to/binary", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="webserv-bench-") as folder:
        folder = pathlib.Path(folder)
        root = make_site(folder)
        try:
            with running("webserv", binaries["webserv"], folder, root, CONNECTIONS) as ours, \
                    running("nginx", binaries["nginx"], folder, root, CONNECTIONS) as theirs:
                used = {server.name: [] for server in (ours, theirs)}
                for _ in range(rounds):
                    for server in (ours, theirs):
                        used[server.name].append(put(server, root, mebibytes))
        except ServerError as error:
            print(f"bench/put.py: {error}", file=sys.stderr)
            return 1
    for name, milliseconds in used.items():
        print(f"{name:8} {statistics.median(milliseconds):7.0f} ms of CPU  {[round(each) for each in milliseconds]}")
    print(f"ratio    {statistics.median(used['webserv']) / statistics.median(used['nginx']):7.2f}")
    return 0


def put(server, root, mebibytes):
    """Stores a file, removes it, and returns the milliseconds of CPU time that storing took."""
    before = server.cpu_microseconds()
    length = mebibytes * len(PIECE)
    head = f"PUT /put/file HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as connection:
        connection.sendall(head.encode())
        for _ in range(mebibytes):
            connection.sendall(PIECE)
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    used = (server.cpu_microseconds() - before) / 1000
    file = root / "put" / "file"
    if not answer.startswith(b"HTTP/1.1 201 ") or file.stat().st_size != length:
        raise ServerError(f"{server.name} answered {answer[:200]!r}\n{server.error_log()}")
    file.unlink()
    return used


if __name__ == "__main__":
    sys.exit(main())
