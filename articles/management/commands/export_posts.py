"""manage.py export_posts TARGET: takes everything out again."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from articles.findings import RefusedFile
from articles.transfer.exporting import export_posts


class Command(BaseCommand):
    help = "Writes all posts and files to a new folder or zip: as they came, byte for byte, or in another layout."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", type=Path, help="a folder or zip that does not exist yet")
        parser.add_argument("--source", default="", metavar="NAME", help="only this source")
        parser.add_argument("--layout", choices=["original", "jekyll", "hugo", "obsidian"], default="original")
        parser.add_argument("--zip", action="store_true", help="writes one zip instead of a folder")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            receipt = export_posts(
                options["target"], source_name=options["source"], layout=options["layout"], as_zip=options["zip"]
            )
        except RefusedFile as refused:
            raise CommandError(refused.finding.localised()) from None
        for finding in receipt.findings:
            self.stderr.write(finding.localised())
        self.stdout.write(
            _("%(count)d files written to %(target)s.") % {"count": len(receipt.files), "target": options["target"]}
        )
