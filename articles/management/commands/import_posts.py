"""manage.py import_posts PATH: imports a folder, a file or a zip of Markdown."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils.translation import gettext as _

from articles.formats import DIALECTS
from articles.models import ImportRun
from articles.transfer.importing import import_archive
from articles.transfer.reporting import build_report, summarise_run


class Command(BaseCommand):
    help = "Imports a folder, a single file or a zip of Markdown. Run it again at any time: what did not change stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="folder, file or zip")
        parser.add_argument("--as", dest="username", metavar="USER", help="the account that imports; none: the system")
        parser.add_argument("--source", default="", metavar="NAME", help="the source's name; none: found from the content")
        parser.add_argument("--dialect", default="", choices=["", *DIALECTS], help="none: found from the content")
        parser.add_argument("--time-zone", default="", metavar="TZ", help="for dates that say none, e.g. Asia/Tokyo")
        parser.add_argument("--language", default="", metavar="TAG", help="for posts that say none, e.g. ja")
        parser.add_argument("--encoding", default="", metavar="NAME", help="of files that are not Unicode, e.g. cp932")
        parser.add_argument("--dry-run", action="store_true", help="says what would be done and writes no post")
        parser.add_argument(
            "--on-conflict", choices=["keep", "replace"], default="keep", help="for posts that changed here as well"
        )
        parser.add_argument("--processes", type=int, metavar="N", help="processes that read and render; 0: none but this one")
        parser.add_argument("--json", dest="report", type=Path, metavar="FILE", help="writes the report there; “-” prints it")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"]
        if not path.exists():
            raise CommandError(_("“%(path)s” does not exist.") % {"path": path})
        with without_statement_log():
            run = self._import(path, options)
        report = options["report"]
        if report is not None:
            text = json.dumps(build_report(run), ensure_ascii=False, indent=1)
            if str(report) == "-":
                self.stdout.write(text)
            else:
                report.write_text(text + "\n", encoding="utf-8")
        if str(report) != "-":
            for line in summarise_run(run):
                self.stdout.write(line)
        if run.state == ImportRun.State.REFUSED:
            raise CommandError(_("Nothing was imported."))

    def _import(self, path: Path, options: dict[str, Any]) -> ImportRun:
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
                label=path.resolve().name,
                processes=options["processes"],
                progress=self._show_progress if shows_progress else None,
            )
        except PermissionDenied:
            template = _("“%(user)s” may not import. Add the account to the group “importer”.")
            raise CommandError(template % {"user": options["username"]}) from None

    def _show_progress(self, done: int, total: int) -> None:
        width = 30
        filled = width * done // max(1, total)
        self.stderr.write(f"\r[{'#' * filled}{'.' * (width - filled)}] {done}/{total}", ending="\n" if done >= total else "")


@contextmanager
def without_statement_log() -> Iterator[None]:
    """Under DEBUG Django keeps the last 9,000 statements with their values: a large import would be held in memory whole."""
    log = connection.queries_log
    connection.queries_log = deque(maxlen=0)
    try:
        yield
    finally:
        connection.queries_log = log


def find_user(username: str | None) -> User | None:
    """The active account of that name, or ``None`` for the system. Raises CommandError for an unknown name."""
    if not username:
        return None
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(_("There is no active account “%(user)s”.") % {"user": username})
    return user


def check_zone(name: str) -> None:
    """Raises CommandError for what is no IANA time zone."""
    try:
        if name:
            ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise CommandError(_("“%(zone)s” is no time zone. Give one like Asia/Tokyo.") % {"zone": name}) from None


def check_encoding(name: str) -> None:
    """Raises CommandError for what is no encoding of text."""
    try:
        if name:
            "".encode(name)
    except LookupError:
        raise CommandError(_("“%(encoding)s” is no encoding. Give one like cp932 or euc_jp.") % {"encoding": name}) from None


def check_report(path: Path | None) -> None:
    """Raises CommandError where the report could not be written, before anything is done."""
    if path is None or str(path) == "-":
        return
    try:
        path.open("a", encoding="utf-8").close()
    except OSError as error:
        template = _("The report cannot be written to “%(path)s”: %(reason)s.")
        raise CommandError(template % {"path": path, "reason": error.strerror}) from None
