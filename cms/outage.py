"""What the matter is with the database, told from an exception, and what the operator can do about it."""

from __future__ import annotations

import os
import pwd
import sqlite3
from contextlib import closing
from enum import Enum
from pathlib import Path
from typing import cast

from django.conf import settings
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connection
from django.db.backends.sqlite3.base import DatabaseWrapper

SQLITE_READONLY, SQLITE_CORRUPT, SQLITE_CANTOPEN, SQLITE_NOTADB = 8, 11, 14, 26
_AS_EFFECTIVE = os.access in os.supports_effective_ids
_PRIMARY = 0xFF
"""The upper bits of SQLite's codes say more than is needed."""
# https://www.postgresql.org/docs/current/errcodes-appendix.html: a read-only transaction, data or an index that is corrupted,
# a transaction that was idle for too long.
_READ_ONLY, _CORRUPTED, _IDLE = "25006", ("XX001", "XX002"), "25P03"


class Outage(Enum):
    """Why the database does not do what was asked. Other errors of a database are faults of the program."""

    GONE = "gone"
    """It is not there, hangs, is busy or full: asking again helps."""
    READ_ONLY = "read-only"
    """It answers, and takes nothing."""
    DAMAGED = "damaged"
    """Its file is not what it was."""


def find_outage(error: BaseException | None) -> Outage | None:
    """Which outage an exception tells of; ``None`` for every other exception."""
    if isinstance(error, SessionInterrupted):
        # Django takes any failure to write a session for one that was deleted meanwhile.
        error = _first_failure(error)
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    cause = error.__cause__
    code = getattr(cause, "sqlite_errorcode", 0) & _PRIMARY
    state = getattr(cause, "sqlstate", None)
    if code == SQLITE_READONLY or state == _READ_ONLY:
        return Outage.READ_ONLY
    if code in (SQLITE_CORRUPT, SQLITE_NOTADB) or state in _CORRUPTED:
        return Outage.DAMAGED
    is_gone = isinstance(error, OperationalError | InterfaceError) or (isinstance(error, InternalError) and state == _IDLE)
    return Outage.GONE if is_gone else None


def note_outage(outage: Outage) -> None:
    """Remembers for ``/readyz`` that this process met a damaged place, which a small question may not touch."""
    if outage is Outage.DAMAGED:
        _met.add(outage)


def met_damage() -> bool:
    """Whether this process met one. It stays so until the process is started again, as it is after a repair."""
    return bool(_met)


_met: set[Outage] = set()


def _first_failure(error: BaseException) -> BaseException:
    while error.__context__ is not None and not isinstance(error, OperationalError | InterfaceError | InternalError):
        error = error.__context__
    return error


def describe_remedy(outage: Outage) -> str:
    """One sentence for the log and for ``check``: where the database is, and what to do. Names no password."""
    path = find_sqlite_file()
    if path is None:
        return _REMEDIES[outage].format(where=f"The database {connection.settings_dict['HOST']}".strip())
    if outage is Outage.DAMAGED:
        return (
            f"The database {path} is damaged. Stop the site, put the file aside with its -wal and -shm, and bring the last "
            f"backup back; what is left of it can be read with: sqlite3 {path} .recover"
        )
    return find_file_fault(path) or _REMEDIES[outage].format(where=f"The database {path}")


def find_sqlite_file() -> Path | None:
    """Where the database is, if it is SQLite in a file."""
    if connection.vendor != "sqlite" or cast(DatabaseWrapper, connection).is_in_memory_db():
        return None
    return Path(str(connection.settings_dict["NAME"]))


_REMEDIES = {
    Outage.GONE: "{where} does not answer or is busy. The site goes on by itself as soon as it answers.",
    Outage.READ_ONLY: "{where} can be read and not written. The site goes on by itself as soon as it takes what is saved.",
    Outage.DAMAGED: "{where} reports damaged data. Stop the site and bring the last backup back.",
}


def find_file_fault(path: Path) -> str:
    """Why the file of a SQLite database cannot be used by this process, and what to do; empty where nothing is to be seen."""
    if not path.exists():
        return (
            f"There is no database at {path}. Bring the backup back to that place, or set DATA_DIR or DATABASE_URL right; "
            "a new site begins with: python3 manage.py migrate"
        )
    beside = [path, path.parent, *(other for end in ("-wal", "-shm") if (other := path.with_name(path.name + end)).exists())]
    for one in beside:
        needed = os.R_OK | os.W_OK | (os.X_OK if one.is_dir() else 0)
        if not os.access(one, needed, effective_ids=_AS_EFFECTIVE):
            return (
                f"{one} belongs to {_name_user(one.stat().st_uid)} and cannot be written by {_name_user(os.geteuid())}, who runs "
                f"this process. As root: chown -R {_name_user(os.geteuid())} {path.parent}"
            )
    return ""


def list_written_folders() -> list[Path]:
    """The folders that this machine writes to, which need not be there yet."""
    shared = [] if settings.MEDIA_STORE else [settings.MEDIA_ROOT]
    return [Path(folder) for folder in (*shared, settings.PRIVATE_ROOT, settings.DATA_DIR)]


def find_folder_fault(folder: Path) -> str:
    """Why a folder cannot be written to, or made, by this process, and what to do; empty where it can."""
    there = nearest_existing(folder)
    if os.access(there, os.W_OK | os.X_OK, effective_ids=_AS_EFFECTIVE):
        return ""
    user = _name_user(os.geteuid())
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        return f"{folder} lies on a disk that is mounted to be read only. Mount it to be written, or name another folder."
    if there != folder:
        return f"{folder} is not there and cannot be made by {user}. As root: install -d -o {user} {folder}"
    owner = _name_user(there.stat().st_uid)
    return f"{folder} belongs to {owner} and cannot be written by {user}. As root: chown -R {user} {folder}"


def nearest_existing(folder: Path) -> Path:
    """The folder itself, or the nearest around it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def can_read(path: Path) -> bool:
    """Whether this process may read a file."""
    return os.access(path, os.R_OK, effective_ids=_AS_EFFECTIVE)


def read_sqlite_damage(path: Path) -> str:
    """The first fault that SQLite's own check finds; empty for a sound file. Reads the whole file. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    return "" if found == "ok" else found


def _name_user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
