"""Why a command could not do its work, in a sentence for whoever typed it, where Django would print its own inside."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

LEAST_FREE_BYTES = 10_000_000
OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
"""Errors of files that are no fault of the program."""
# https://www.postgresql.org/docs/current/errcodes-appendix.html: undefined_table, undefined_column.
_NO_TABLE = ("42P01", "42703")


def first_line(error: BaseException) -> str:
    """What a database said, as far as it fits on a line. Neither PostgreSQL nor SQLite repeats a password."""
    return str(error).strip().split("\n")[0].strip()


def lacks_tables(error: BaseException) -> bool:
    """Whether a database answered that a table or column is not there, as one does that nobody migrated."""
    if getattr(error.__cause__, "sqlstate", "") in _NO_TABLE:
        return True
    return first_line(error).startswith(("no such table", "no such column"))


def describe_wrong_database(error: BaseException) -> tuple[str, str]:
    """The reason and the remedy where the server that ``DATABASE_URL`` names does not do what it is asked."""
    message = _("The database of DATABASE_URL does not answer: %(reason)s") % {"reason": first_line(error)}
    remedy = _("Start it, or set DATABASE_URL right: postgres://user:password@host:5432/name")
    return message, remedy


def describe_disk(error: OSError) -> str:
    """The reason and the remedy where a file cannot be written, or read."""
    reason = _(error.strerror or type(error).__name__)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        sentence = _("%(reason)s. Make room and run the command again: %(place)s.")
    else:
        sentence = _("%(reason)s. Let the user who runs this use it, and run the command again: %(place)s.")
    return sentence % {"reason": reason, "place": error.filename or _find_full_folder()}


def _find_full_folder() -> str:
    """The folders of the site whose disk is full, which an error of writing does not name; all of them where none is now."""
    folders = [settings.STATIC_ROOT, settings.MEDIA_ROOT, settings.PRIVATE_ROOT, settings.DATA_DIR]
    there = sorted({str(folder) for folder in folders if Path(folder).exists()})
    return ", ".join([folder for folder in there if shutil.disk_usage(folder).free < LEAST_FREE_BYTES] or there)
