"""manage.py verify_export TARGET: compares an export with its receipt, and with the site."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.findings import RefusedFile
from articles.management.commands.export_posts import find_user
from articles.management.translated import TranslatedCommand
from articles.transfer.exporting.verifying import Verification, verify_export
from articles.transfer.reporting import printable

SHOWN = 20


class Command(TranslatedCommand):
    # Checks read the whole desk, which takes as long as a thousand posts; "manage.py check" and the server run them.
    requires_system_checks = []
    help = gettext_lazy(
        "Compares a folder or zip that export_posts or the desk wrote with its receipt, and with the site as it is now."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", type=Path, help=_("the folder or zip"))
        parser.add_argument("--receipt", type=Path, metavar="FILE", help=_("the receipt, where it is not beside the export"))
        parser.add_argument("--without-site", action="store_true", help=_("compares with the receipt alone"))
        parser.add_argument("--as", dest="user", default="", metavar="USER", help=_("compares with what this account may see"))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = verify_export(
                options["target"],
                receipt_path=options["receipt"],
                user=find_user(options["user"]),
                with_site=not options["without_site"],
            )
        except RefusedFile as refused:
            raise CommandError(refused.finding.localised()) from None
        self._show(_("missing"), found.missing)
        self._show(_("changed since the export"), found.changed)
        self._show(_("not part of the export"), found.added)
        files = len(found.receipt.entries)
        if not found.is_whole:
            raise CommandError(_("The export is not what its receipt says. Make it again."))
        self.stdout.write(_("All %(count)d files are as the receipt says.") % {"count": files})
        if not options["without_site"]:
            self._report_site(found)

    def _report_site(self, found: Verification) -> None:
        self._show(_("not on the site any more"), found.site_missing)
        self._show(_("changed on the site"), found.site_changed)
        self._show(_("new on the site"), found.site_added)
        then = found.receipt.header.get("content_digest")
        if found.is_current and then in ("", None, found.digest_now):
            self.stdout.write(_("The site would give the same files today."))
        elif found.is_current:
            self.stdout.write(
                _("The site would give the same files today; what no file says (such as a term's text) has changed.")
            )
        else:
            self.stdout.write(_("The site has changed since this export."))

    def _show(self, heading: str, paths: list[str]) -> None:
        if not paths:
            return
        self.stderr.write(f"{heading}: {len(paths)}")
        for path in paths[:SHOWN]:
            self.stderr.write(f"  {printable(path)}")
        if len(paths) > SHOWN:
            more = _("… and %(count)d more")
            self.stderr.write("  " + more % {"count": len(paths) - SHOWN})
