"""Commands whose failures are sentences: what is wrong with the settings, the database or the disk, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import Error as DatabaseError
from django.utils.translation import gettext as _

from articles.management.reasons import OF_THE_DISK, describe_disk, describe_wrong_database, first_line, lacks_tables
from cms.outage import Outage, describe_remedy, find_outage, find_sqlite_file


def run(arguments: Sequence[str]) -> None:
    """Runs a command. Ends the process with 1 and a sentence where it fails for a reason outside of the program.

    ``--traceback`` shows where. Raises whatever else the command raises.
    """
    try:
        execute_from_command_line(list(arguments))
    except ImproperlyConfigured as error:
        _stop(arguments, str(error), error)
    except DatabaseError as error:
        complaint = describe_database(error)
        if not complaint:
            raise
        _stop(arguments, complaint, error)
    except OSError as error:
        if error.errno not in OF_THE_DISK or (error.filename is None and error.strerror is None):
            raise
        _stop(arguments, describe_disk(error), error)


def describe_database(error: BaseException) -> str:
    """What the matter with the database is and what to do; empty where the program is at fault."""
    if lacks_tables(error):
        remedy = _("If this database was never migrated, run: python3 manage.py migrate")
        return f"{first_line(error)}\n{remedy}"
    outage = find_outage(error)
    if outage is None:
        return ""
    if outage is Outage.GONE and find_sqlite_file() is None:
        return "\n".join(describe_wrong_database(error))
    # Of a file that is not there both say the same.
    return "\n".join(dict.fromkeys([first_line(error), describe_remedy(outage)]))


def _stop(arguments: Sequence[str], complaint: str, error: Exception) -> None:
    if "--traceback" in arguments:
        raise error
    sys.exit(complaint)
