"""manage.py content_digest: one hash over everything editorial."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

from articles.management.translated import TranslatedCommand
from articles.transfer.digest import content_digest


class Command(TranslatedCommand):
    # Checks read the whole desk, which takes as long as a thousand posts; "manage.py check" and the server run them.
    requires_system_checks = []
    help = gettext_lazy("Prints one hash over posts, terms, by-lines, media and redirects. Equal content gives an equal hash.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(content_digest())
