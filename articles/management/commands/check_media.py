"""manage.py check_media: what rows and files lack of each other."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.library import LEFT_BEHIND, Inventory, take_inventory, write_missing_public_files
from articles.management.translated import TranslatedCommand
from articles.stores import Store, Stored, private_store, public_store
from articles.transfer.archives import find_abandoned

SHOWN = 20


class Command(TranslatedCommand):
    help = gettext_lazy(
        "Compares the rows of the library with the files that are stored: originals that are gone, copies for readers that lack, "
        "and files that nothing names, as an upload leaves them that broke off. Changes nothing unless told to."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--repair", action="store_true", help=_("makes the copies for readers that lack"))
        parser.add_argument("--remove", action="store_true", help=_("removes the files that nothing names, an hour old or more"))

    def handle(self, *args: Any, **options: Any) -> None:
        before = timezone.now() - LEFT_BEHIND
        try:
            found = take_inventory(stored_before=before)
            uploads = find_abandoned(time.time() - LEFT_BEHIND.total_seconds())
            self._tell(found, uploads)
            if options["repair"] and found.lacking and not found.lost:
                self.stdout.write(_("%(count)d copies made.") % {"count": len(write_missing_public_files())})
            if options["remove"]:
                unfinished = [name for store in (private_store(), public_store()) for name in store.sweep(before)]
                number = _remove(private_store(), found.private) + _remove(public_store(), found.public) + len(unfinished)
                private_store().remove(uploads)
                self.stdout.write(_("%(count)d files removed.") % {"count": number + len(uploads)})
        except OSError as error:
            message = _("The files cannot be compared: %(reason)s (%(place)s).")
            raise CommandError(message % {"reason": error.strerror or error, "place": error.filename}) from error
        if found.lost:
            message = _("%(count)d originals are gone. Restore them from a backup: what they show cannot be exported.")
            raise CommandError(message % {"count": len(found.lost)})

    def _tell(self, found: Inventory, uploads: list[str]) -> None:
        groups = (
            (_("Originals that are gone: %(count)d"), found.lost),
            (_("Copies for readers that lack: %(count)d"), found.lacking),
            (_("Originals that nothing names: %(count)d"), [one.name for one in found.private]),
            (_("Copies that nothing names: %(count)d"), [one.name for one in found.public]),
            (_("Uploads that no import names: %(count)d"), uploads),
        )
        for template, names in groups:
            self.stdout.write(template % {"count": len(names)})
            for name in names[:SHOWN]:
                self.stdout.write(f"  {name}")


def _remove(store: Store, files: list[Stored]) -> int:
    store.remove(one.name for one in files)
    return len(files)
