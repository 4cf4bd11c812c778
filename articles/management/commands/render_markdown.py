"""manage.py render_markdown: renders JSON lines, to compare with other generators."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy

from articles.management.translated import TranslatedCommand
from articles.markup import render_lines


class Command(TranslatedCommand):
    # Checks read the whole desk, which takes as long as a thousand posts; "manage.py check" and the server run them.
    requires_system_checks = []
    help = gettext_lazy(
        'Reads lines of {"path", "markdown"} and writes lines of {"path", "html"}, with the features of the flavour\'s generator.'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, metavar="IN.jsonl")
        parser.add_argument("target", type=Path, metavar="OUT.jsonl")
        parser.add_argument("--flavour", choices=["commonmark", "kramdown", "html"], required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        count = render_lines(options["source"], options["target"], options["flavour"])
        self.stdout.write(f"{count}")
