"""manage.py export_posts TARGET: takes everything out again, or what was chosen."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.findings import RefusedFile
from articles.management.translated import TranslatedCommand
from articles.models import Post
from articles.transfer.exporting import LAYOUT_NAMES, ORIGINAL, Receipt, Selection, export_posts, receipts
from articles.transfer.reporting import printable

SHOWN = 20


class Command(TranslatedCommand):
    # Checks read the whole desk, which takes as long as a thousand posts; "manage.py check" and the server run them.
    requires_system_checks = []
    help = gettext_lazy(
        "Writes posts and files to a new folder or zip: as they came, byte for byte, or as a site in another layout."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", type=Path, help=_("a folder or zip that does not exist yet"))
        parser.add_argument("--layout", choices=LAYOUT_NAMES, default=ORIGINAL, help=_("what the site is to be built by"))
        parser.add_argument("--zip", action="store_true", help=_("writes one zip instead of a folder"))
        parser.add_argument("--source", default="", metavar="NAME", help=_("only posts of this source"))
        parser.add_argument(
            "--state", action="append", default=[], choices=Post.State.values, help=_("only posts in this state; may be repeated")
        )
        parser.add_argument("--category", default="", metavar="NAME", help=_("only posts in this category or below it"))
        parser.add_argument("--tag", default="", metavar="NAME", help=_("only posts with this tag"))
        parser.add_argument("--author", default="", metavar="NAME", help=_("only posts by this author"))
        parser.add_argument("--since", type=_day, metavar="YYYY-MM-DD", help=_("only posts published on this day or later"))
        parser.add_argument("--until", type=_day, metavar="YYYY-MM-DD", help=_("only posts published on this day or earlier"))
        parser.add_argument(
            "--path", action="append", default=[], metavar="ADDRESS", help=_("only this address, or all that begin so (/2025/*)")
        )
        parser.add_argument("--without-media", action="store_true", help=_("leaves out pictures and other attachments"))
        parser.add_argument("--as", dest="user", default="", metavar="USER", help=_("exports what this account may see"))
        parser.add_argument(
            "--receipt",
            type=Path,
            metavar="FILE",
            help=_("where the receipt is written; default: TARGET%(suffix)s") % {"suffix": receipts.SUFFIX},
        )

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["target"]
        receipt_path: Path = options["receipt"] or target.with_name(target.name + receipts.SUFFIX)
        selection = Selection(
            source=options["source"],
            states=tuple(options["state"]),
            category=options["category"],
            tag=options["tag"],
            author=options["author"],
            since=options["since"],
            until=options["until"],
            paths=tuple(options["path"]),
        )
        try:
            receipt = export_posts(
                target,
                layout=options["layout"],
                as_zip=options["zip"],
                selection=selection,
                user=find_user(options["user"]),
                with_media=not options["without_media"],
                receipt_path=receipt_path,
                progress=self._show_progress if sys.stderr.isatty() and options["verbosity"] else None,
            )
        except RefusedFile as refused:
            raise CommandError(refused.finding.localised()) from None
        except PermissionDenied:
            raise CommandError(_("The account “%(user)s” may not export posts.") % {"user": options["user"]}) from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            template = _("“%(path)s” cannot be written (%(reason)s). Nothing was left behind.")
            raise CommandError(template % {"path": error.filename or target, "reason": reason}) from None
        self._report(receipt, target, receipt_path)

    def _show_progress(self, done: int, total: int) -> None:
        if done % 20 == 0 or done == total:
            self.stderr.write(f"\r{done}/{total}", ending="\n" if done == total else "")

    def _report(self, receipt: Receipt, target: Path, receipt_path: Path) -> None:
        """What was written, what needs attention, and where the rest is told. Raises CommandError where files are missing."""
        lines = [(entry.path, finding) for entry in receipt.entries for finding in entry.findings if finding.severity != "info"]
        for path, finding in lines[:SHOWN]:
            place = f"{printable(path)}:{finding.line}" if finding.line else printable(path)
            self.stderr.write(f"{place}　{finding.localised()}")
        if len(lines) > SHOWN:
            self.stderr.write(_("… and %(count)d more; the receipt names them all.") % {"count": len(lines) - SHOWN})
        for finding in receipt.site_findings:
            self.stderr.write(finding.localised())
        counts = Counter(finding.code for finding in receipt.findings)
        if counts:
            listed = "、".join(f"{code} {count}" for code, count in counts.most_common())
            self.stdout.write(_("Findings: %(list)s") % {"list": listed})
        self.stdout.write(
            _("%(posts)d posts, %(count)d files written to %(target)s. Receipt: %(receipt)s")
            % {"posts": receipt.posts, "count": len(receipt.entries), "target": target, "receipt": receipt_path}
        )
        if lost := [finding for finding in receipt.findings if finding.code == "file-missing"]:
            raise CommandError(_("%(count)d files could not be read and are missing.") % {"count": len(lost)})


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(_("“%(text)s” is no day. Write it as 2025-11-25.") % {"text": text}) from None


def find_user(name: str) -> User | None:
    """The active account of this name; ``None`` for no name. Raises CommandError where there is none."""
    if not name:
        return None
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(_("There is no active account “%(user)s”.") % {"user": name})
    return user
