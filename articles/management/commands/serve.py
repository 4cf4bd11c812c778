"""``python3 manage.py serve``: the production server. It looks whether the site can be served, then becomes Granian."""

from __future__ import annotations

import os
import socket
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import CommandError, CommandParser
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.management.reasons import first_line
from articles.management.translated import TranslatedCommand

# What waits in the kernel while all threads are busy. Behind a proxy the proxy turns away first (deploy/nginx.conf: max_conns).
BACKLOG = 2048
# Requests of one process that are taken from the kernel and wait for a thread. Granian's own figure is half the backlog, which
# would keep a reader waiting for seconds and have as many lost where a process is killed.
WAITING_PER_THREAD = 16
HEADER_MILLISECONDS = 10_000
# A request may hold at most this much before its head ends (nginx: large_client_header_buffers).
HEAD_BYTES = 65_536
# Between the start of a new process and the end of the one in whose place it comes: it has to have read the program by then.
RESPAWN_SECONDS = 10


def read_number(text: str) -> int:
    """A whole number above 0. Raises ArgumentTypeError for anything else."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ArgumentTypeError(_("“%(text)s” is no number above 0") % {"text": text})
    return int(text)


class Command(TranslatedCommand):
    help = gettext_lazy(
        "Serves the site: checks that it can be served, then runs the server. SIGTERM finishes what is being answered."
    )
    # With those of deployment, below.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.WEB_HOST, help=_("address to listen at (WEB_HOST, 127.0.0.1)"))
        parser.add_argument("--port", type=read_number, default=settings.WEB_PORT, help=_("TCP port (WEB_PORT, 8000)"))
        parser.add_argument(
            "--socket", type=Path, default=settings.WEB_SOCKET, help=_("a Unix socket instead of address and port (WEB_SOCKET)")
        )
        parser.add_argument(
            "--workers",
            type=read_number,
            default=settings.WEB_WORKERS or count_cores(),
            help=_("processes (WEB_WORKERS, one per core)"),
        )
        parser.add_argument(
            "--threads", type=read_number, default=settings.WEB_THREADS, help=_("threads of each process (WEB_THREADS, 20)")
        )
        parser.add_argument(
            "--stop-seconds",
            type=read_number,
            default=settings.WEB_STOP_SECONDS,
            help=_("seconds that a request has to end after SIGTERM or SIGHUP (WEB_STOP_SECONDS, 30)"),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.DEBUG:
            raise CommandError(_("DEBUG is on. For your own machine there is: python3 manage.py demo"))
        self.check(include_deployment_checks=True)
        require_static_files()
        self._require_migrations()
        if options["socket"]:
            remove_stale_socket(options["socket"])
        sys.stdout.flush()
        sys.stderr.flush()
        # The same process goes on, so that signals and the exit code are the server's own.
        os.execv(sys.executable, [sys.executable, *granian_arguments(**options)])  # noqa: S606

    def _require_migrations(self) -> None:
        """Raises CommandError where migrations wait, or the file of SQLite is not there or cannot be read.

        A server that is away is no reason not to start: it comes back.
        """
        try:
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        except DatabaseError as error:
            if connection.vendor == "sqlite":
                raise CommandError(str(error)) from error
            complaint = _("The database does not answer (%(error)s); /readyz says when it does.")
            self.stderr.write(complaint % {"error": first_line(error) or type(error).__name__})
            return
        finally:
            connection.close()
        if plan:
            complaint = _("%(count)d migrations are not applied. Run: python3 manage.py migrate")
            raise CommandError(complaint % {"count": len(plan)})


def count_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def granian_arguments(
    *, host: str, port: int, socket: Path | None, workers: int, threads: int, stop_seconds: int, **_others: Any
) -> list[str]:
    """What Python is started with to be this server."""
    # Whoever may open the socket's folder may ask: that is the proxy, which runs under a name of its own.
    place = ["--uds", str(socket), "--uds-permissions", "0o666"] if socket else ["--host", host, "--port", str(port)]
    return [
        *("-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws", *place),
        *("--workers", str(workers), "--blocking-threads", str(threads)),
        *("--backlog", str(BACKLOG), "--backpressure", str(WAITING_PER_THREAD * threads)),
        *("--http1-header-read-timeout", str(HEADER_MILLISECONDS), "--http1-buffer-size", str(HEAD_BYTES)),
        *("--respawn-failed-workers", "--respawn-interval", str(RESPAWN_SECONDS)),
        *("--workers-kill-timeout", str(stop_seconds), "--working-dir", str(settings.BASE_DIR), "cms.wsgi:application"),
    ]


def require_static_files() -> None:
    """Raises CommandError where a static file is not gathered: pages name each by its content and would fail."""
    gathered: dict[str, str] | None = getattr(staticfiles_storage, "hashed_files", None)
    if gathered is None:
        return
    missing = [path for finder in get_finders() for path, _storage in finder.list([]) if path not in gathered]
    if missing:
        complaint = _("Static files are not gathered (%(name)s …). Run: python3 manage.py collectstatic --no-input")
        raise CommandError(complaint % {"name": missing[0]})


def remove_stale_socket(path: Path) -> None:
    """Removes what a server that was killed left behind. Raises CommandError where one answers, or where it is no socket."""
    if not path.exists():
        return
    if not path.is_socket():
        raise CommandError(_("%(path)s is there and is no socket. Name another place.") % {"path": path})
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}") from error
    raise CommandError(_("A server answers at %(path)s already.") % {"path": path})
