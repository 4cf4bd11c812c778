"""``python3 manage.py demo``: the whole product on this machine, as a production site runs it."""

from __future__ import annotations

import errno
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import webbrowser
from argparse import ArgumentTypeError
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, CommandParser, call_command
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from articles.management.translated import TranslatedCommand
from articles.models import ImportRun
from articles.transfer.storing import SAMPLE_SOURCE

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
HOST = "127.0.0.1"
ADMIN = "admin"
SECONDS_TO_START = 60
SECONDS_TO_STOP = 15


def read_port(text: str) -> int:
    """A TCP port. Raises ArgumentTypeError for anything else."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ArgumentTypeError(_("“%(text)s” is no port: give a number from 1 to 65535") % {"text": text})
    return int(text)


class Command(TranslatedCommand):
    help = gettext_lazy(
        "Runs Kawaraban with sample posts on this machine: server and worker, production settings. Ctrl-C stops it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=read_port, default=8000, help=_("TCP port on this machine (default: 8000)"))
        # Read by cms.bootstrap before the settings are; listed here so that --help shows it.
        parser.add_argument("--data", type=Path, help=_("folder that keeps database, media and secret key (default: data)"))
        parser.add_argument("--workers", type=int, choices=(1, 2, 3, 4), default=2, help=_("server processes (default: 2)"))
        parser.add_argument("--no-browser", action="store_true", help=_("do not open a browser window"))
        parser.add_argument(
            "--new-password", action="store_true", help=_("make and print a new password for %(user)s") % {"user": ADMIN}
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.DEBUG:
            raise CommandError(_("demo runs with production settings. Start it as: python3 manage.py demo"))
        require_free_port(options["port"])
        self._prepare()
        password = set_password(always=options["new_password"])
        self._serve(options["port"], options["workers"], password, open_browser=not options["no_browser"])

    def _prepare(self) -> None:
        self.stderr.write(_("Preparing the database …"))
        call_command("migrate", interactive=False, verbosity=0)
        for folder in sorted(path for path in SAMPLES.iterdir() if path.is_dir()):
            source = SAMPLE_SOURCE + folder.name
            if not was_imported(source):
                self.stderr.write(
                    _("Importing the sample posts in %(folder)s …") % {"folder": folder.relative_to(settings.BASE_DIR)}
                )
                call_command("import_posts", str(folder), source=source, stdout=self.stderr)
        call_command("collectstatic", interactive=False, verbosity=0)

    def _serve(self, port: int, workers: int, password: str, *, open_browser: bool) -> None:
        """Starts both processes and stays until one ends or a signal comes. Raises CommandError where one fails."""
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda signum, frame: stop.set())
        processes = {gettext_noop("server"): start_server(port, workers), gettext_noop("worker"): start_worker()}
        try:
            wait_until_ready(port, processes, stop)
            if not stop.is_set():
                self._announce(port, password)
                if open_browser and has_desktop():
                    webbrowser.open(f"http://localhost:{port}/")
            while not stop.wait(0.5):
                require_running(processes)
        finally:
            stop_processes(processes)
        self.stderr.write(_("Stopped. What you wrote is kept; the same command goes on from here."))

    def _announce(self, port: int, password: str) -> None:
        shown = _("the one printed at the first start")
        if password:
            shown = _("%(password)s   (shown only now; --new-password makes another)") % {"password": password}
        lines = [
            (_("Site"), f"http://localhost:{port}/"),
            (_("Desk"), f"http://localhost:{port}/admin/"),
            (_("User"), ADMIN),
            (_("Password"), shown),
            (_("Data"), str(settings.DATA_DIR)),
        ]
        self.stdout.write("\n" + _("Kawaraban（瓦版） is running."))
        width = 2 + max(count_columns(name) for name, _value in lines)
        for name, value in lines:
            self.stdout.write(f"  {name}{' ' * (width - count_columns(name))}{value}")
        self.stdout.write(_("Ctrl-C stops it.") + "\n")
        self.stdout.flush()


def require_free_port(port: int) -> None:
    """Raises CommandError where the port is taken or may not be used."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A port of a server that has just stopped is free, although the kernel still remembers its connections.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                template = _("Port %(port)d is in use, perhaps by another demo. Choose another: %(command)s")
            else:
                template = _("Port %(port)d cannot be used (%(reason)s). Choose another: %(command)s")
            command = f"python3 manage.py demo --port {next_port(port)}"
            values = {"port": port, "reason": _(error.strerror or ""), "command": command}
            raise CommandError(template % values) from error


def count_columns(text: str) -> int:
    """How wide a text is in a terminal, where a Japanese letter takes two columns."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def next_port(port: int) -> int:
    """A port to propose instead."""
    return port + 1 if 1024 <= port < 65535 else 8001


def was_imported(source: str) -> bool:
    """Whether an import of this source was finished; an interrupted one is taken up again."""
    return ImportRun.objects.filter(items__source__name=source, state=ImportRun.State.FINISHED).exists()


def set_password(*, always: bool) -> str:
    """Makes the administrator at the first start. Returns the new password, or ``""`` where there is one already."""
    users = get_user_model().objects
    user = users.filter(username=ADMIN).first()
    if user is None and not always and users.filter(is_superuser=True).exists():
        return ""
    if user is not None and not always:
        return ""
    password = secrets.token_urlsafe(12)
    user = user or get_user_model()(username=ADMIN, is_staff=True, is_superuser=True)
    user.set_password(password)
    user.save()
    return password


def start_server(port: int, workers: int) -> subprocess.Popen[bytes]:
    """Granian, on this machine only."""
    arguments = ["--interface", "wsgi", "--host", HOST, "--port", str(port), "--workers", str(workers)]
    quiet = ["--no-ws", "--http", "1", "--log-level", "warning", "--blocking-threads", "20", "--workers-kill-timeout", "10"]
    return start([sys.executable, "-m", "granian", *arguments, *quiet, "cms.wsgi:application"])


def start_worker() -> subprocess.Popen[bytes]:
    """The process that runs imports and other background work."""
    return start(
        [
            sys.executable,
            str(settings.BASE_DIR / "manage.py"),
            "worker",
            "--skip-checks",
        ]
    )


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """A process in a group of its own: Ctrl-C reaches this command only, which then stops the others in order."""
    return subprocess.Popen(command, cwd=settings.BASE_DIR, process_group=0)


def wait_until_ready(port: int, processes: dict[str, subprocess.Popen[bytes]], stop: threading.Event) -> None:
    """Returns once the site answers or ``stop`` is set. Raises CommandError where it never does."""
    for _quarter in range(SECONDS_TO_START * 4):
        if is_ready(port) or stop.wait(0.25):
            return
        require_running(processes)
    template = _("The server did not answer within %(seconds)d seconds. Its messages are above.")
    raise CommandError(template % {"seconds": SECONDS_TO_START})


def is_ready(port: int) -> bool:
    """Whether ``/readyz`` says so."""
    connection = HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def require_running(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """Raises CommandError where a process has ended by itself."""
    for name, process in processes.items():
        if process.poll() is not None:
            template = _("The %(name)s ended by itself (code %(code)s). Its messages are above.")
            raise CommandError(template % {"name": _(name), "code": process.returncode})


def stop_processes(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """Asks every process to stop, waits for what it is doing, and ends those that do not."""
    for process in processes.values():
        if process.poll() is None:
            process.terminate()
    for process in processes.values():
        try:
            process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def has_desktop() -> bool:
    """Whether opening a browser shows a window, not a text browser in this terminal."""
    return sys.stdout.isatty() and (
        sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    )
