"""The two servers under comparison: their files, their configuration, their lives.

Called by compare.py, idle.py, large.py, put.py and cgi_servers.py. Every server is started here and ended here, by its
process id. Does not load a server and does not judge a number.
"""

import contextlib
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time

KIB = 1024
FILES = {"1k.txt": KIB, "100k.txt": 100 * KIB, "10m.bin": 10 * KIB * KIB}
WORKERS = 2
START_SECONDS_MAX = 10
STOP_SECONDS_MAX = 10
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

# One text for both servers. It names neither a cache nor anything else that only one of
# them has; what keeps connections open is set so that no load meets a limit.
CONFIGURATION = """\
worker_processes {workers};
error_log {folder}/error.log error;
pid {folder}/server.pid;

events {{
    worker_connections {connections};
}}

http {{
    default_type text/plain;
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 600s;
    keepalive_requests 1000000000;
{extra}
    server {{
        listen 127.0.0.1:{port};
        root {root};

        location = /return {{
            return 200 "It is answered without a file.\\n";
        }}

        location /logged/ {{
            access_log {folder}/access.log;
        }}

        location /put/ {{
            dav_methods PUT DELETE;
            client_max_body_size 0;
        }}
    }}
}}
"""

# nginx wants to create these at its start, by default in folders that only root can write.
NGINX_EXTRA = "\n".join(
    f"    {name}_temp_path {{folder}}/temp;"
    for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)


class ServerError(Exception):
    """A server that did not start, answer or stop as it should."""


class Server:
    """One running server, and what it has used so far."""

    def __init__(self, name, process, port, folder):
        self.name = name
        self.process = process
        self.port = port
        self.folder = folder

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def processes(self):
        """The ids of the server's process and all its descendants."""
        children = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    children.setdefault(int(stat_fields(entry.name)[1]), []).append(int(entry.name))
        found, pending = [], [self.process.pid]
        while pending:
            pid = pending.pop()
            found.append(pid)
            pending += children.get(pid, [])
        return found

    def cpu_microseconds(self):
        """User and system time of all threads of all processes since their start."""
        ticks = 0
        for pid in self.processes():
            fields = stat_fields(pid)
            ticks += int(fields[11]) + int(fields[12])
        return ticks * 1_000_000 // TICKS_PER_SECOND

    def memory_bytes(self):
        """The proportional set size of all processes: pages they share count once."""
        return sum(rollup_bytes(pid, "Pss:") for pid in self.processes())

    def error_log(self):
        with contextlib.suppress(OSError):
            return (self.folder / "error.log").read_text(errors="replace")[-2000:]
        return ""


def stat_fields(pid):
    """What follows the name in /proc/PID/stat, from the state on (field 3 of proc(5))."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2:].split()


def rollup_bytes(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * KIB
    raise ServerError(f"/proc/{pid}/smaps_rollup has no {key}")


def make_site(folder):
    """Writes the files that both servers serve, and returns their root."""
    root = folder / "root"
    (root / "logged").mkdir(parents=True)
    line = b"The same sixty-four bytes again, so that each file has its size\n"
    for name, size in FILES.items():
        (root / name).write_bytes((line * (size // len(line) + 1))[:size])
    (root / "logged" / "1k.txt").write_bytes((root / "1k.txt").read_bytes())
    # The workers may have become another user, who must be able to read it.
    for path in (folder, root, root / "logged"):
        path.chmod(0o755)
    (root / "put").mkdir()
    (root / "put").chmod(0o777)
    return root


@contextlib.contextmanager
def running(name, binary, folder, root, connections):
    """Starts `binary` with its own folder under `folder`, and ends it at the exit."""
    folder = folder / name
    folder.mkdir(exist_ok=True)
    port = free_port()
    configuration = folder / "server.conf"
    configuration.write_text(CONFIGURATION.format(
        workers=WORKERS, connections=connections, folder=folder, root=root, port=port,
        extra=NGINX_EXTRA.format(folder=folder) if is_nginx(binary) else "",
    ))
    command = [binary, "-c", configuration, "-p", f"{folder}/", "-g", "daemon off;"]
    with started(name, command, port, folder) as server:
        yield server


@contextlib.contextmanager
def started(name, command, port, folder, kind=Server, seconds_max=START_SECONDS_MAX):
    """Runs a server by a command that stays in the foreground, and ends it at the exit."""
    with open(folder / "output", "wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            # Ctrl-C is for the comparison alone, which then ends the servers itself.
            start_new_session=True,
        )
    server = kind(name, process, port, folder)
    try:
        wait_until_it_answers(server, seconds_max)
        yield server
    finally:
        stop(server)


def is_nginx(binary):
    return os.path.basename(os.path.realpath(binary)) == "nginx"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_it_answers(server, seconds_max):
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
            return
        time.sleep(0.02)
    output = (server.folder / "output").read_text(errors="replace")[-2000:]
    raise ServerError(f"{server.name} does not answer on port {server.port}\n{output}{server.error_log()}")


def stop(server):
    """Ends the server and its children: by asking, and if that does not help by force."""
    if server.process.poll() is not None:
        return
    pids = server.processes()
    try:
        server.process.terminate()
        server.process.wait(STOP_SECONDS_MAX)
    except BaseException as reason:
        # It hangs, or somebody is impatient: either way nothing may stay behind.
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.process.wait()
        if not isinstance(reason, subprocess.TimeoutExpired):
            raise


def raise_descriptor_limit(wanted):
    """Allows this process and the servers it starts `wanted` descriptors each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (OSError, ValueError) as error:
        raise ServerError(f"{wanted} open files are needed, {hard} are allowed: raise the limit, or run as root") from error
