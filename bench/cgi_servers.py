"""webserv, lighttpd and Apache with the same scripts, and what their requests cost.

Called by cgi.py. Does not load a server and does not judge a number.

What a script uses is counted too, and whoever waits for it is not to be trusted with that:
Apache's daemon has the system forget its children. So each server runs in a control group of
its own, whose clock counts everything in it, to the nanosecond.
"""

import contextlib
import os
import pathlib
import subprocess
import time

from servers import Server, ServerError, free_port, started

# Where groups are, with the file that holds their time and how many of it are a microsecond.
GROUPS = [
    (pathlib.Path("/sys/fs/cgroup"), "cpu.stat"),
    (pathlib.Path("/sys/fs/cgroup/unified"), "cpu.stat"),
    (pathlib.Path("/sys/fs/cgroup/cpuacct"), "cpuacct.usage"),
]
REMOVAL_SECONDS_MAX = 5

PROGRAM = """\
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    const char *query = getenv("QUERY_STRING");
    printf("Content-Type: text/plain\\r\\n\\r\\nIt was asked for %s.\\n", query ? query : "nothing");
    return 0;
}
"""

# Writes a line ten times a second, for two seconds.
SLOW_PROGRAM = """\
#include <stdio.h>
#include <time.h>

int main(void)
{
    struct timespec pause = {0, 100000000};
    printf("Content-Type: text/plain\\r\\n\\r\\n");
    for (int line = 0; line < 20; line++) {
        printf("%01000d\\n", line);
        fflush(stdout);
        nanosleep(&pause, NULL);
    }
    return 0;
}
"""

SHELL = """\
#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
echo "It was asked for $QUERY_STRING."
"""

WEBSERV = """\
worker_processes {workers};
error_log {folder}/error.log error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    default_type text/plain;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/temp;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location /cgi-bin/ {{ cgi on; }}
        location /form/ {{
            client_max_body_size 0;
            upload_store {folder}/uploads;
        }}
    }}
}}
"""

LIGHTTPD = """\
server.modules = ( "mod_cgi" )
server.document-root = "{root}"
server.port = {port}
server.bind = "127.0.0.1"
server.max-worker = {workers}
server.errorlog = "{folder}/error.log"
server.max-keep-alive-requests = 1000000000
$HTTP["url"] =~ "^/cgi-bin/" {{ cgi.assign = ( "" => "" ) }}
"""

APACHE = """\
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/server.pid
ErrorLog {folder}/error.log
LogLevel error
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule alias_module {modules}/mod_alias.so
LoadModule cgid_module {modules}/mod_cgid.so
ScriptSock {folder}/cgid.sock
MaxKeepAliveRequests 0
{user}
DocumentRoot {root}
ScriptAlias /cgi-bin/ {root}/cgi-bin/
"""
APACHE_MODULES = "/usr/lib/apache2/modules"


class Metered(Server):
    """A server in a group of its own."""

    def __init__(self, name, process, port, folder):
        super().__init__(name, process, port, folder)
        self.group = None

    def cpu_microseconds(self):
        group, file = self.group
        text = (group / file).read_text()
        if file == "cpu.stat":
            return int(text.split()[1])
        return int(text) // 1000

    def resident_bytes(self):
        """What the server's own process holds."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise ServerError(f"{self.name} has no memory")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def make_scripts(root):
    """Writes and compiles the scripts."""
    folder = root / "cgi-bin"
    folder.mkdir(mode=0o755)
    for name, text in (("program", PROGRAM), ("slow", SLOW_PROGRAM)):
        source = root.parent / f"{name}.c"
        source.write_text(text)
        subprocess.run(["cc", "-O2", "-o", folder / name, source], check=True)
    (folder / "shell").write_text(SHELL)
    (folder / "shell").chmod(0o755)


def webserv(folder, root, workers=2):
    return _running("webserv", folder, WEBSERV, {"root": root, "workers": workers},
                    lambda file: [os.environ["WEBSERV"], "-c", file, "-p", f"{folder}/"])


def lighttpd(folder, root):
    return _running("lighttpd", folder, LIGHTTPD, {"root": root, "workers": 2}, lambda file: ["lighttpd", "-D", "-f", file])


def apache(folder, root):
    # It does not want to run its scripts as root.
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    return _running("apache", folder, APACHE, {"root": root, "user": user, "modules": APACHE_MODULES},
                    lambda file: ["apache2", "-DFOREGROUND", "-f", file])


@contextlib.contextmanager
def _running(name, folder, text, values, command):
    folder = folder / name
    folder.mkdir(exist_ok=True)
    # The server may have become another user, who must be able to write there.
    (folder / "uploads").mkdir(exist_ok=True)
    (folder / "uploads").chmod(0o777)
    port = free_port()
    file = folder / "server.conf"
    file.write_text(text.format(folder=folder, port=port, **values))
    with _group(name) as group:
        # It enters its group before it is the server, so that nothing is missed.
        enter = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', group[0] / "cgroup.procs"]
        with started(name, [*enter, *command(file)], port, folder, Metered) as server:
            server.group = group
            yield server


@contextlib.contextmanager
def _group(name):
    for parent, file in GROUPS:
        group = parent / f"webserv-bench-{os.getpid()}-{name}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if (group / file).exists():
                yield group, file
                return
        finally:
            _remove(group)
    raise ServerError("no control group can be made to count time in: run this as root")


def _remove(group):
    """Removes a group, once what is in it has ended."""
    deadline = time.monotonic() + REMOVAL_SECONDS_MAX
    while True:
        try:
            return group.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
