"""manage.py reindex: writes the search index."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.management.translated import TranslatedCommand
from articles.search import clear_index, count_stale, index_some


class Command(TranslatedCommand):
    help = gettext_lazy(
        "Writes what posts are found by, for those that have nothing yet or what an older version wrote. "
        "May be stopped and run again at any time: it goes on where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help=_("empty the index first and write all of it"))
        parser.add_argument("--check", action="store_true", help=_("write nothing; fail where the index is not complete"))

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            self._check()
            return
        if options["all"]:
            clear_index()
        done = last = 0
        while found := index_some(last):
            last, done = found[-1], done + len(found)
        self.stdout.write(_("%(count)d posts indexed.") % {"count": done})

    def _check(self) -> None:
        if number := count_stale():
            raise CommandError(
                _("Search does not find %(count)d posts as they are. Run: python manage.py reindex") % {"count": number}
            )
        self.stdout.write(_("The index is complete."))
