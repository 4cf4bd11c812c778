"""manage.py make_cards: the cards that other sites show beside links to posts without a cover."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles import cards
from articles.management.translated import TranslatedCommand
from articles.media.fonts import NoFont, find_faces

TELL_EVERY = 200


class Command(TranslatedCommand):
    help = gettext_lazy(
        "Draws the cards that other sites show beside links to posts without a cover, for a whole archive. May be stopped and "
        "run again at any time; the worker does it for what was saved lately."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, default=0, metavar="NUMBER", help=_("at most so many posts"))
        parser.add_argument(
            "--all", action="store_true", help=_("compares every card: after a section, a by-line or the site was renamed")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            find_faces(settings.CARD_FONT)
        except NoFont as missing:
            message = _("%(reason)s Install one, on Debian: apt install fonts-morisawa-bizud-gothic. Or set CARD_FONT.")
            raise CommandError(message % {"reason": missing.finding.localised()}) from missing
        if options["all"]:
            cards.forget_all()
        limit, done = max(options["limit"], 0), 0
        while number := cards.make_waiting(limit=min(TELL_EVERY, limit - done) if limit else TELL_EVERY, everything=True):
            done += number
            self.stderr.write(_("%(count)d posts so far.") % {"count": done})
        self.stdout.write(_("%(count)d posts worked on.") % {"count": done})
