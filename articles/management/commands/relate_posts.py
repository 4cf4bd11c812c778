"""manage.py relate_posts: finds which posts belong together, for an archive that came with an import."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.management.translated import TranslatedCommand
from articles.models import SearchEntry
from articles.related import relate_waiting

AT_ONCE = 200


class Command(TranslatedCommand):
    help = gettext_lazy(
        "Finds which posts belong together, for those that came with an import or changed. May be stopped and run again at any "
        "time; the worker does the same a few at a time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help=_("look at every post again"))
        parser.add_argument("--limit", type=int, default=0, metavar="NUMBER", help=_("at most so many posts"))

    def handle(self, *args: Any, **options: Any) -> None:
        if options["all"]:
            SearchEntry.objects.update(related_at=None)
        limit, done = options["limit"], 0
        while number := relate_waiting(min(AT_ONCE, limit - done) if limit > 0 else AT_ONCE, spreads=False):
            done += number
        self.stdout.write(_("%(count)d posts looked at.") % {"count": done})
