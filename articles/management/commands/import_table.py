"""manage.py import_table MODEL FILE: reads a table of posts, authors, categories, tags or redirects."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.findings import Finding, RefusedFile
from articles.management.commands.import_posts import check_report, find_user, without_statement_log
from articles.management.translated import TranslatedCommand
from articles.models import TableImport, TableRow
from articles.transfer import table_imports as imports
from articles.transfer.resources import RESOURCES

SHOWN_ROWS = 200
STEP = 2.0


class Command(TranslatedCommand):
    help = gettext_lazy(
        "Reads a table, says what each row changes, and writes it by the same rules as the desk. --dry-run writes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", choices=list(RESOURCES))
        parser.add_argument("file", type=Path, help=_("an .xlsx, CSV or JSON file"))
        parser.add_argument("--as", dest="username", metavar="USER", help=_("the account whose rights hold; none: the system"))
        parser.add_argument("--dry-run", action="store_true", help=_("says what would change and writes nothing"))
        parser.add_argument("--replace", action="store_true", help=_("takes rows also of entries saved after the export"))
        parser.add_argument("--all-or-nothing", action="store_true", help=_("writes nothing where one row cannot be taken"))
        parser.add_argument("--json", dest="report", type=Path, metavar="FILE", help=_("writes the report there; “-” prints it"))

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(_("“%(path)s” does not exist.") % {"path": path})
        check_report(options["report"])
        user = find_user(options["username"])
        with without_statement_log():
            run = self._start(path, user, options)
            try:
                self._carry_out(run, user, options)
                self._report(run, options)
            finally:
                if options["dry_run"]:
                    run.delete()
        if run.state != TableImport.State.FINISHED and not options["dry_run"]:
            raise CommandError(_("Nothing was written."))

    def _start(self, path: Path, user: User | None, options: dict[str, Any]) -> TableImport:
        try:
            return imports.start_import(
                path,
                model=options["model"],
                user=user,
                label=path.name,
                replace=options["replace"],
                all_or_nothing=options["all_or_nothing"],
                limits=imports.COMMAND_LIMITS,
            )
        except (RefusedFile, imports.RefusedTable) as refused:
            raise CommandError(_describe(refused)) from None

    def _carry_out(self, run: TableImport, user: User | None, options: dict[str, Any]) -> None:
        try:
            self._plan(run, user)
            if options["dry_run"] or (options["all_or_nothing"] and imports.count_untaken(run)):
                return
            # Nobody looks at the preview, so what others saved meanwhile is simply compared again.
            while imports.confirm(run, user, session_key=None, token=run.plan_sha256):
                self._plan(run, user)
            while not imports.apply_some(run, user, seconds=STEP)[0]:
                self._show_progress(run)
        except imports.RefusedTable as refused:
            raise CommandError(str(refused)) from None

    def _plan(self, run: TableImport, user: User | None) -> None:
        while not imports.plan_some(run, user, seconds=STEP):
            self._show_progress(run)

    def _show_progress(self, run: TableImport) -> None:
        if sys.stderr.isatty():
            done, total = imports.measure(run)
            self.stderr.write(f"\r{run.get_state_display()} {done}/{total}", ending="")

    def _report(self, run: TableImport, options: dict[str, Any]) -> None:
        report = options["report"]
        if report is not None and str(report) == "-":
            self.stdout.write(imports.dump_report(run))
            return
        if report is not None:
            report.write_text(imports.dump_report(run), encoding="utf-8")
        for finding in run.findings:
            self.stdout.write(Finding.from_json(finding).localised())
        self._list_refused(run)
        counted = [f"{label} {run.totals[name]}" for name, label in TableRow.Verdict.choices if run.totals.get(name)]
        self.stdout.write(f"{run.label}: {_('rows')} {run.rows_total} ({'、'.join(counted)})")
        if run.state == TableImport.State.FINISHED:
            written = run.totals.get("outcome_applied", 0)
            refused = imports.count_untaken(run) + run.totals.get("outcome_refused", 0)
            self.stdout.write(_("%(written)d rows written, %(refused)d refused.") % {"written": written, "refused": refused})

    def _list_refused(self, run: TableImport) -> None:
        """What rows cannot be taken, and why; the report holds all of them."""
        rows = run.rows.filter(verdict__in=[TableRow.Verdict.REFUSED, TableRow.Verdict.CONFLICT]) | run.rows.filter(
            outcome=TableRow.Outcome.REFUSED
        )
        for row in rows.order_by("number")[:SHOWN_ROWS]:
            said = " ".join(Finding.from_json(found).localised() for found in row.findings if found["severity"] == "error")
            self.stderr.write(_("Row %(number)d: %(reason)s") % {"number": row.number, "reason": said})


def _describe(refused: RefusedFile | imports.RefusedTable) -> str:
    return refused.finding.localised() if isinstance(refused, RefusedFile) else str(refused)
