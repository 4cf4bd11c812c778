"""``manage.py undo_import N``: takes an import back."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.findings import Finding
from articles.management.commands.import_posts import describe_database, find_user, interruptible, without_statement_log
from articles.management.translated import TranslatedCommand
from articles.models import ImportItem, ImportRun
from articles.transfer.reporting import printable
from articles.transfer.runs import TransferError
from articles.transfer.undoing import survey_undo, undo_import

SHOWN = 20


class Command(TranslatedCommand):
    # Checks read the whole desk, which takes as long as a thousand posts; "manage.py check" and the server run them.
    requires_system_checks = []
    help = gettext_lazy(
        "Undoes an import: what it made goes, what it changed is as before, what people changed since is kept and named."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", type=int, metavar="N", help=_("the number of the import"))
        parser.add_argument("--as", dest="username", metavar="USER", help=_("the account that undoes it; none: the system"))
        parser.add_argument("--dry-run", action="store_true", help=_("says what would become of each post and writes nothing"))

    def handle(self, *args: Any, **options: Any) -> None:
        run = ImportRun.objects.filter(pk=options["run"]).first()
        if run is None:
            raise CommandError(_("There is no import %(run)s.") % {"run": options["run"]})
        user = find_user(options["username"])
        if options["dry_run"]:
            self._survey(run)
            return
        try:
            with without_statement_log(), interruptible():
                undo_import(run, user, tell=self.stderr.write)
        except TransferError as error:
            raise CommandError(str(error)) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(describe_database(error)) from error
        except KeyboardInterrupt:
            raise CommandError(_("Stopped. The same command goes on from here.")) from None
        if run.state != ImportRun.State.UNDONE:
            raise CommandError(describe_end(run))
        self._print_totals(run.undo_totals)
        kept = run.items.filter(undo=ImportItem.Undo.KEPT).order_by("pk")
        for item in kept[:SHOWN]:
            self._print_kept(item, [Finding.from_json(finding) for finding in item.undo_findings])
        if (more := kept.count() - SHOWN) > 0:
            self.stdout.write("  " + _("… and %(count)d more.") % {"count": more})

    def _survey(self, run: ImportRun) -> None:
        totals: Counter[str] = Counter()
        for item, outcome, findings in survey_undo(run):
            totals[outcome] += 1
            if outcome == ImportItem.Undo.KEPT and totals[outcome] <= SHOWN:
                self._print_kept(item, findings)
        self._print_totals(totals)

    def _print_totals(self, totals: Any) -> None:
        words = ImportItem.Undo.choices
        self.stdout.write("　".join(f"{word} {totals.get(name, 0)}" for name, word in words))

    def _print_kept(self, item: ImportItem, findings: list[Finding]) -> None:
        for finding in findings:
            self.stdout.write(f"  {printable(item.path)}　{finding.localised()}")


def describe_end(run: ImportRun) -> str:
    """Why a run stopped, in the active language."""
    last = run.events[-1] if run.events else None
    return Finding.from_json(last).localised() if last else run.get_state_display()
