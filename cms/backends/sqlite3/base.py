"""SQLite that never begins an empty site in the place of one that is not there.

The library makes a file that is missing, so a mistyped folder or a disk that was not mounted would show readers an empty
site, and editors would write into it.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from sqlite3 import Connection, OperationalError
from typing import Any

from django.conf import settings
from django.db.backends.sqlite3 import base

from cms.outage import find_file_fault


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's SQLite. Outside DEBUG only ``migrate`` makes a database."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        """Raises OperationalError, naming the file and what to do, where it is not there."""
        path = Path(str(conn_params["database"]))
        if not (settings.DEBUG or self.settings_dict.get("MAY_BE_MADE") or self.is_in_memory_db() or path.exists()):
            raise OperationalError(find_file_fault(path))
        connection: Connection = super().get_new_connection(conn_params)
        return connection

    def create_cursor(self, name: str | None = None) -> base.SQLiteCursorWrapper:
        """A cursor that knows the statements it was asked before."""
        return self.connection.cursor(factory=_Cursor)


class _Cursor(base.SQLiteCursorWrapper):
    """Pages ask the same long statements again and again; to write Django's placeholders as SQLite's takes longer than some."""

    def convert_query(self, query: str, *, param_names: list[str] | None = None) -> str:
        return _converted(query) if param_names is None else super().convert_query(query, param_names=param_names)


@lru_cache(maxsize=512)
def _converted(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")
