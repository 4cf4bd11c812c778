"""A site of its own for tests that need real processes: server and worker, which can be killed, over a database in a file."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "only-for-this-test"
SECONDS_TO_START = 180


class OwnSite:
    """Server and worker in ``folder``. ``url`` is where it answers."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            **os.environ,
            "DEBUG": "true",
            "SITE_URL": self.url,
            "ALLOWED_HOSTS": "127.0.0.1",
            "DATA_DIR": str(folder),
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "SQLITE_SYNCHRONOUS": "NORMAL",
            "LOG_LEVEL": "WARNING",
            **settings,
        }
        self.worker: subprocess.Popen[bytes] | None = None
        self.server: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str, code: str = "") -> str:
        """Runs a command of the site and gives what it printed."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.env, input=code, text=True, check=True, capture_output=True).stdout

    def prepare(self, *people: tuple[str, str]) -> None:
        """Makes the database, and accounts of the given names and roles."""
        self.manage("migrate", "--verbosity=0")
        lines = ["from django.contrib.auth.models import Group, User"]
        for name, role in people:
            if role == "superuser":
                lines.append(f"User.objects.create_superuser({name!r}, password={PASSWORD!r})")
            else:
                lines.append(f"person = User.objects.create_user({name!r}, password={PASSWORD!r}, is_staff=True)")
                lines.append(f"person.groups.add(*Group.objects.filter(name__in={role.split('+')!r}))")
        self.manage("shell", "--no-imports", "-c", "\n".join(lines))

    def start_server(self) -> None:
        granian = Path(sys.executable).with_name("granian")
        command = [granian, "--interface", "wsgi", "--no-ws", "--host", "127.0.0.1", "--port", str(self.port)]
        options = ["--workers", "1", "--blocking-threads", "4", "--log-level", "error", "cms.wsgi:application"]
        self.server = subprocess.Popen([*map(str, command), *options], cwd=ROOT, env=self.env, start_new_session=True)
        end = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < end:
            assert self.server.poll() is None, "the server ended"
            connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request("GET", "/healthz", headers={"Host": "127.0.0.1"})
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.1)
            finally:
                connection.close()
        raise AssertionError("the server does not answer")

    def start_worker(self) -> None:
        command = [sys.executable, "manage.py", "worker"]
        self.worker = subprocess.Popen(command, cwd=ROOT, env=self.env, start_new_session=True)

    def kill_worker(self) -> None:
        """Ends the worker and the processes it started without a word, as a power cut would."""
        assert self.worker is not None, "start_worker() comes first"
        os.killpg(self.worker.pid, signal.SIGKILL)
        self.worker.wait()
        self.worker = None

    def stop(self) -> None:
        for process in (self.worker, self.server):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def run_site(folder: Path, *people: tuple[str, str], worker: bool = True, **settings: str) -> Iterator[OwnSite]:
    """A running site with accounts of the given names and roles (``importer+publisher`` for both groups)."""
    site = OwnSite(folder, **settings)
    try:
        site.prepare(*people)
        site.start_server()
        if worker:
            site.start_worker()
        yield site
    finally:
        site.stop()


def sign_in(page: Any, site: OwnSite, name: str) -> None:
    page.goto(f"{site.url}/admin/login/")
    page.fill("#id_username", name)
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.wait_for_url(f"{site.url}/admin/")
