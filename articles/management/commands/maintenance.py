"""manage.py maintenance: tells readers to come back while the site is worked on."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.management.translated import TranslatedCommand

MAX_NOTE = 500


class Command(TranslatedCommand):
    help = gettext_lazy(
        "Answers readers with 503 and a page that says so, while the desk goes on. Needs no database and no restart."
    )
    # It must work where the database, which checks ask, does not.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("state", choices=("on", "off", "status"))
        parser.add_argument("--note", default="", help=_("what readers are told, for example until when"))

    def handle(self, *args: Any, **options: Any) -> None:
        file = settings.MAINTENANCE_FILE
        note = options["note"].strip()
        if len(note) > MAX_NOTE:
            complaint = _("The note has %(length)d characters; %(limit)d are possible.")
            raise CommandError(complaint % {"length": len(note), "limit": MAX_NOTE})
        try:
            if options["state"] == "on":
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(note, encoding="utf-8")
            elif options["state"] == "off":
                file.unlink(missing_ok=True)
            is_on = file.exists()
        except OSError as error:
            raise CommandError(_("%(file)s: %(problem)s") % {"file": file, "problem": error.strerror}) from error
        self.stdout.write(_("Readers are told to come back.") if is_on else _("Readers see the site."))
