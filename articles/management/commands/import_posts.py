"""manage.py import_posts PATH: imports a folder, a file or a zip of Markdown."""

from __future__ import annotations

import signal
import sys
import threading
from argparse import ArgumentParser, ArgumentTypeError
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError, connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.findings import Finding
from articles.formats import DIALECTS
from articles.management.translated import TranslatedCommand
from articles.models import ImportRun
from articles.transfer.background import go_on
from articles.transfer.choices import ON_CONFLICT, BadChoice, check_encoding, check_zone
from articles.transfer.importing import import_archive
from articles.transfer.reporting import stream_json, summarise_run
from articles.transfer.runs import TransferError


class Command(TranslatedCommand):
    # Checks read the whole desk, which takes as long as a thousand posts; "manage.py check" and the server run them.
    requires_system_checks = []
    help = gettext_lazy(
        "Imports a folder, a single file or a zip of Markdown. Run it again at any time: what did not change stays."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=read_path, nargs="?", help=_("folder, file or zip"))
        parser.add_argument("--resume", type=int, metavar="N", help=_("goes on with import N, which was interrupted"))
        parser.add_argument("--as", dest="username", metavar="USER", help=_("the account that imports; none: the system"))
        parser.add_argument("--source", default="", metavar="NAME", help=_("the source's name; none: found from the content"))
        parser.add_argument("--dialect", default="", choices=["", *DIALECTS], help=_("none: found from the content"))
        parser.add_argument(
            "--time-zone", default="", metavar="TZ", help=_("of dates that say none, unless the site does, e.g. Asia/Tokyo")
        )
        parser.add_argument("--language", default="", metavar="TAG", help=_("for posts that say none, e.g. ja"))
        parser.add_argument("--encoding", default="", metavar="NAME", help=_("of files that are not Unicode, e.g. cp932"))
        parser.add_argument("--dry-run", action="store_true", help=_("says what would be done and writes no post"))
        parser.add_argument(
            "--on-conflict", choices=ON_CONFLICT, default=ON_CONFLICT[0], help=_("for posts that changed here as well")
        )
        parser.add_argument(
            "--withdraw-missing", action="store_true", help=_("takes posts off the site whose files went from their source")
        )
        parser.add_argument("--processes", type=int, metavar="N", help=_("processes that read and render; 0: none but this one"))
        parser.add_argument("--json", dest="report", type=Path, metavar="FILE", help=_("writes the report there; “-” prints it"))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with without_statement_log(), interruptible():
                run = self._resume(options) if options["resume"] else self._import(options)
        except (TransferError, BadChoice) as error:
            raise CommandError(str(error)) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(describe_database(error)) from error
        except KeyboardInterrupt:
            number = ImportRun.objects.filter(state=ImportRun.State.INTERRUPTED).values_list("pk", flat=True).first()
            template = _("Stopped. What is stored stays; go on with: manage.py import_posts --resume %(run)s")
            raise CommandError(template % {"run": number}) from None
        self._report(run, options["report"])
        if run.state == ImportRun.State.REFUSED:
            raise CommandError(_("Nothing was imported."))
        if run.state == ImportRun.State.INTERRUPTED:
            last = Finding.from_json(run.events[-1]).localised() if run.events else ""
            template = _("%(reason)s Go on with: manage.py import_posts --resume %(run)s")
            raise CommandError(template % {"reason": last, "run": run.pk})

    def _report(self, run: ImportRun, report: Path | None) -> None:
        if report is not None and str(report) != "-":
            with report.open("w", encoding="utf-8") as file:
                file.writelines(stream_json(run))
        elif report is not None:
            for piece in stream_json(run):
                self.stdout.write(piece, ending="")
            return
        for line in summarise_run(run):
            self.stdout.write(line)

    def _resume(self, options: dict[str, Any]) -> ImportRun:
        check_report(options["report"])
        run = ImportRun.objects.filter(pk=options["resume"]).first()
        if run is None:
            raise CommandError(_("There is no import %(run)s.") % {"run": options["resume"]})
        progress = self._show_progress if sys.stderr.isatty() else None
        return go_on(run, find_user(options["username"]) or run.user, progress=progress, tell=self.stderr.write)

    def _import(self, options: dict[str, Any]) -> ImportRun:
        path: Path | None = options["path"]
        if path is None:
            raise CommandError(_("Name a folder, file or zip, or give --resume N."))
        if not path.exists():
            raise CommandError(_("“%(path)s” does not exist. Check the path.") % {"path": path})
        check_zone(options["time_zone"])
        check_encoding(options["encoding"])
        check_report(options["report"])
        shows_progress = sys.stderr.isatty()
        try:
            return import_archive(
                path,
                user=find_user(options["username"]),
                source_name=options["source"],
                dialect=options["dialect"],
                timezone=options["time_zone"],
                language=options["language"],
                encoding=options["encoding"],
                on_conflict=options["on_conflict"],
                dry_run=options["dry_run"],
                withdraw_missing=options["withdraw_missing"],
                label=path.resolve().name,
                processes=options["processes"],
                progress=self._show_progress if shows_progress else None,
                tell=self.stderr.write,
            )
        except PermissionDenied:
            template = _("“%(user)s” may not import. Add the account to the group “importer”.")
            raise CommandError(template % {"user": options["username"]}) from None

    def _show_progress(self, done: int, total: int) -> None:
        width = 30
        filled = width * done // max(1, total)
        self.stderr.write(f"\r[{'#' * filled}{'.' * (width - filled)}] {done}/{total}", ending="\n" if done >= total else "")


def read_path(text: str) -> Path:
    """A path that somebody named. An empty one, as from a variable that is not set, would be the current folder."""
    if not text.strip():
        raise ArgumentTypeError(_("name a folder, a file or a zip"))
    return Path(text)


@contextmanager
def without_statement_log() -> Iterator[None]:
    """Under DEBUG Django keeps the last 9,000 statements with their values: a large import would be held in memory whole."""
    log = connection.queries_log
    connection.queries_log = deque(maxlen=0)
    try:
        yield
    finally:
        connection.queries_log = log


def describe_database(error: Exception) -> str:
    """What to say where the database is gone, and with it the place in which the reason could be kept."""
    template = _("The database did not answer (%(reason)s). Give the same command again once it does; what is stored stays.")
    return template % {"reason": str(error).split("\n")[0][:200]}


def find_user(username: str | None) -> User | None:
    """The active account of that name, or ``None`` for the system. Raises CommandError for an unknown name."""
    if not username:
        return None
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(_("There is no active account “%(user)s”.") % {"user": username})
    return user


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does: at once, the chunk under way rolled back, the run resumable."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def check_report(path: Path | None) -> None:
    """Raises CommandError where the report could not be written, before anything is done."""
    if path is None or str(path) == "-":
        return
    try:
        path.open("a", encoding="utf-8").close()
    except OSError as error:
        template = _("The report cannot be written to “%(path)s”: %(reason)s.")
        raise CommandError(template % {"path": path, "reason": _(error.strerror or type(error).__name__)}) from None
