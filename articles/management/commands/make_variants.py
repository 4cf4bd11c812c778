"""manage.py make_variants: smaller copies of the pictures that lack them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles import variants
from articles.management.translated import TranslatedCommand
from articles.models import PictureVariants

TELL_EVERY = 100


class Command(TranslatedCommand):
    help = gettext_lazy(
        "Makes smaller copies of pictures, for phones and slow lines, where they lack. May be stopped and run again at any time, "
        "several at once; the worker does the same by itself."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, default=0, metavar="NUMBER", help=_("at most so many pictures"))
        parser.add_argument(
            "--lost", action="store_true", help=_("first asks for every copy on the disk, and makes those again that are gone")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["lost"]:
            lost = variants.find_lost()
            self.stdout.write(_("%(count)d pictures lack copies on the disk.") % {"count": lost})
        limit, done = max(options["limit"], 0), 0
        while number := variants.make_waiting(limit=min(TELL_EVERY, limit - done) if limit else TELL_EVERY):
            done += number
            self.stderr.write(_("%(count)d pictures so far.") % {"count": done})
        self.stdout.write(_("%(count)d pictures worked on.") % {"count": done})
        if failed := PictureVariants.objects.exclude(findings=[]).count():
            message = _("%(count)d pictures failed; the library says why beside each, and the log. They are tried again later.")
            self.stderr.write(message % {"count": failed})
