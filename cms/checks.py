"""System checks of the database itself (``check --database default``, and ``migrate`` before it begins) and of folders."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import Error as DatabaseError
from django.db import connection

from articles.management.reasons import describe_wrong_database
from cms.outage import (
    Outage,
    can_read,
    describe_remedy,
    find_file_fault,
    find_folder_fault,
    find_sqlite_file,
    list_written_folders,
    read_sqlite_damage,
)


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


@register(Tags.database)
def check_database_answers(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Whether the server that ``DATABASE_URL`` names can be reached and has the database."""
    if "default" not in (databases or ()) or connection.vendor == "sqlite":
        return []
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        message, hint = describe_wrong_database(error)
        return [Error(message, hint=hint, id="kawaraban.E022")]
    return []


@register(Tags.files, deploy=True)
def check_folders_can_be_written(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Whether the folders that the site writes to can be written by whoever runs this. Readers are served without."""
    faults = {fault for folder in list_written_folders() if (fault := find_folder_fault(folder))}
    hint = "Uploads, imports and smaller copies of pictures would fail. Run this check as the site's user."
    return [Warning(fault, hint=hint, id="kawaraban.W021") for fault in sorted(faults)]
