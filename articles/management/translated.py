"""Commands that speak the site's language, as their messages do: Django itself translates neither help nor descriptions."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class TranslatedCommand(BaseCommand):
    """``help`` may be a lazy text. The help of arguments is translated where they are added, by ``gettext``."""

    help: Any

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # argparse formats what it is given; a lazy text is none to it.
        self.help = str(self.help)
        return super().create_parser(prog_name, subcommand, **kwargs)
