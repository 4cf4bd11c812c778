"""System checks of the database itself: ``check --database default``, and ``migrate`` before it begins."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from cms.outage import Outage, can_read, describe_remedy, find_file_fault, find_sqlite_file, read_sqlite_damage


@register(Tags.database)
def check_database_file(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Whether the file of a SQLite database is there, can be written by this user, and is sound. Reads the whole file."""
    path = find_sqlite_file() if "default" in (databases or ()) else None
    if path is None:
        return []
    if not path.exists():
        # A warning: it is what ``migrate`` meets when it begins a new site.
        return [Warning("The database is not there.", hint=find_file_fault(path), id="kawaraban.W020")]
    if can_read(path):
        try:
            damage = read_sqlite_damage(path)
        except sqlite3.DatabaseError as error:
            damage = str(error)
        if damage:
            return [Error(f"The database is damaged: {damage}", hint=describe_remedy(Outage.DAMAGED), id="kawaraban.E020")]
    if fault := find_file_fault(path):
        return [Error("The database cannot be used.", hint=fault, id="kawaraban.E021")]
    return []
