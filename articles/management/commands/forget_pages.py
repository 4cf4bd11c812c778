"""``manage.py forget_pages``: has every process make all pages anew."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.changes import forget_all_pages
from articles.management.translated import TranslatedCommand


class Command(TranslatedCommand):
    help = gettext_lazy(
        "Has every process make all pages anew: after a change that the database does not know of, as of a template."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        forget_all_pages()
        self.stdout.write(_("All kept pages are forgotten within a second."))
