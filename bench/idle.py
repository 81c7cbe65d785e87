"""What an idle keep-alive connection holds in a server's memory.

Called by compare.py. Opens many connections, has each answered once, leaves them open,
and compares the server's memory with what it was before.
"""

import contextlib
import select
import socket
import time

from servers import KIB, ServerError, raise_descriptor_limit, running

CONNECTIONS = 10_000
# Both workers together must take them all, even if one of them gets more than the other.
WORKER_CONNECTIONS = 12_000
WORKER_CONNECTIONS_FEW = 64
# Starts up what a server only allocates with its first requests.
FIRST_REQUESTS = 200
SETTLE_SECONDS_MAX = 5
REQUEST = b"GET /return HTTP/1.1\r\nHost: localhost\r\n\r\n"
ANSWER_BYTES_MAX = 4 * KIB


def measure(name, binary, folder, root):
    """Returns, in bytes: `start` with many worker_connections, `reserved` for them (the
    difference to few), and `each` idle connection."""
    raise_descriptor_limit(CONNECTIONS + 4000)
    with running(name, binary, folder, root, WORKER_CONNECTIONS_FEW) as server:
        few = settled_memory(server)
    with running(name, binary, folder, root, WORKER_CONNECTIONS) as server:
        start = settled_memory(server)
        for _ in range(FIRST_REQUESTS):
            answered_connection(server).close()
        before = settled_memory(server)
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(answered_connection(server)) for _ in range(CONNECTIONS)]
            after = settled_memory(server)
            closed = count_closed(connections)
            if closed:
                raise ServerError(f"{name} closed {closed} of {CONNECTIONS} idle connections\n{server.error_log()}")
    return {"start": start, "reserved": start - few, "each": (after - before) / CONNECTIONS}


def answered_connection(server):
    """A connection that has had one complete answer, and may have more."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.sendall(REQUEST)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += receive(server, connection, answer)
    head, body = answer.split(b"\r\n\r\n", 1)
    length = content_length(server, head)
    while len(body) < length:
        body += receive(server, connection, answer)
    return connection


def receive(server, connection, so_far):
    piece = connection.recv(ANSWER_BYTES_MAX)
    if not piece or len(so_far) > ANSWER_BYTES_MAX:
        raise ServerError(f"{server.name} did not answer as it should: {so_far[:200]!r}")
    return piece


def content_length(server, head):
    lines = head.split(b"\r\n")
    if lines[0].split()[1:2] == [b"200"]:
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                return int(value)
    raise ServerError(f"{server.name} did not answer as it should: {head[:200]!r}")


def settled_memory(server):
    """The server's memory once it has stopped changing."""
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    last = None
    while True:
        now = server.memory_bytes()
        if now == last or time.monotonic() > deadline:
            return now
        last = now
        time.sleep(0.3)


def count_closed(connections):
    """How many are readable: an idle connection has nothing to say but that it is over."""
    poll = select.poll()
    for connection in connections:
        poll.register(connection, select.POLLIN)
    return len(poll.poll(0))
