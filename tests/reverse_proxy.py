"""nginx with ``deploy/nginx.conf`` on a port of its own, and the server that it stands before, for tests."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.installations import PROJECT, Installation

CONFIGURATION = PROJECT / "deploy" / "nginx.conf"
SECONDS_TO_START = 120
# What a Debian package and the official image have around a file of conf.d.
AROUND = """
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    sendfile on;
    gzip on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/kawaraban.conf;
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Answer:
    """Status, headers by lower-case name, and body."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def cache(self) -> str:
        return self.headers.get("x-cache", "")


@dataclass
class ServedSite:
    """An installation behind ``manage.py serve`` on a Unix socket, and nginx in front of it. All below ``folder``."""

    installation: Installation
    folder: Path
    port: int = field(default_factory=free_port)
    server: subprocess.Popen[bytes] | None = None
    proxy: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "web.sock"

    def write_configuration(self) -> Path:
        """The delivered file with this site's places in it, and what stands around it. Returns the outer file."""
        text = CONFIGURATION.read_text(encoding="utf-8")
        places = {
            "/run/kawaraban/web.sock": str(self.socket),
            "/var/lib/kawaraban": str(self.installation.folder),
            "/var/cache/nginx/kawaraban": str(self.folder / "cache"),
            "listen 80 default_server;": f"listen 127.0.0.1:{self.port} default_server;",
            "    listen [::]:80 default_server;\n": "",
        }
        for place, own in places.items():
            assert place in text, f"{CONFIGURATION.name} no longer has {place}"
            text = text.replace(place, own)
        (self.folder / "kawaraban.conf").write_text(text, encoding="utf-8")
        outer = self.folder / "nginx.conf"
        # Started by root, nginx would answer as nobody, who may not read a test's folder.
        outer.write_text(AROUND.format(folder=self.folder, user="user root;" if os.geteuid() == 0 else ""), encoding="utf-8")
        return outer

    def check_configuration(self) -> str:
        """What ``nginx -t`` says."""
        return run_nginx("-t", "-c", str(self.write_configuration())).stderr

    def start_proxy(self) -> None:
        command = [find_nginx(), "-c", str(self.write_configuration()), "-g", "daemon off;"]
        self.proxy = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for(lambda: takes_connections(self.port))

    def start_server(self, *options: str) -> None:
        """Returns once the server answers; where it runs already, at once. It is a process group of its own."""
        if self.server is not None and self.server.poll() is None:
            return
        command = ["serve", "--socket", str(self.socket), "--workers", "1", *options]
        log = (self.folder / "server.log").open("ab")
        with log:
            self.server = subprocess.Popen(
                [*manage_command(), *command],
                env=self.installation.environment,
                cwd=PROJECT,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        wait_for(self._answers)

    def _answers(self) -> bool:
        assert self.server is not None
        assert self.server.poll() is None, (self.folder / "server.log").read_text()
        try:
            return ask_socket(self.socket, "/healthz").startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def stop_server(self) -> int:
        """Asks the server to stop. Returns its exit code."""
        assert self.server is not None
        self.server.terminate()
        return self.server.wait(SECONDS_TO_START)

    def reload(self) -> None:
        assert self.server is not None
        self.server.send_signal(signal.SIGHUP)

    def close(self) -> None:
        for process in (self.server, self.proxy):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(SECONDS_TO_START)

    def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: str | None = None) -> Answer:
        """One request through nginx, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        try:
            connection.request(method, path, body, headers={"Host": "testserver", **(headers or {})})
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)
        finally:
            connection.close()


def manage_command() -> list[str]:
    return [sys.executable, str(PROJECT / "manage.py")]


def find_nginx() -> str:
    """The path of nginx, which Debian keeps where only root looks; or ``""``."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or ""


def run_nginx(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([find_nginx(), *arguments], capture_output=True, text=True, timeout=30, check=False)


def takes_connections(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask_socket(place: Path, path: str, request: bytes = b"") -> bytes:
    """The whole answer of the server itself, past nginx. Raises OSError where nobody answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(40)
        connection.connect(str(place))
        connection.sendall(request or f"GET {path} HTTP/1.1\r\nHost: testserver\r\nConnection: close\r\n\r\n".encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
        return b"".join(parts)


def wait_for(condition, seconds: float = SECONDS_TO_START) -> None:
    """Returns once the condition holds. Fails where it never does."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come true in time"
        time.sleep(0.1)
