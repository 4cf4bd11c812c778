"""manage.py content_digest: one hash over everything editorial."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from articles.transfer.digest import content_digest


class Command(BaseCommand):
    help = "Prints one hash over posts, terms, by-lines, media and redirects. Equal content gives an equal hash."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(content_digest())
