"""manage.py measure_pictures: what pictures look like, for those that came before or with an import."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.lookalikes import measure_waiting
from articles.management.translated import TranslatedCommand

AT_ONCE = 1_000


class Command(TranslatedCommand):
    help = gettext_lazy(
        "Measures what pictures look like, so that those which look alike are found. May be stopped and run again at any time; "
        "the worker does the same a few at a time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, default=0, metavar="NUMBER", help=_("at most so many pictures"))

    def handle(self, *args: Any, **options: Any) -> None:
        limit, done = options["limit"], 0
        while number := measure_waiting(min(AT_ONCE, limit - done) if limit > 0 else AT_ONCE):
            done += number
        self.stdout.write(_("%(count)d pictures measured.") % {"count": done})
