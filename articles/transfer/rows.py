"""Inserts many rows at once: what ``bulk_create`` does, without asking every field of every instance.

Rows come as instances (:func:`insert_all`) or, where they hold nothing but numbers, as tuples (:func:`insert_rows`).
Everything runs in the caller's transaction. No signal is sent and no ``pre_save`` is called: values are taken as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db import connection
from django.db.models import Field, Model

Convert = Callable[[Any], Any]

_dump = json.JSONEncoder(ensure_ascii=False).encode


def insert_all(instances: Sequence[Model]) -> None:
    """Inserts new instances of one model and sets the keys of those that have none.

    Keys are set where the database can give them out beforehand (SQLite inside its writing transaction, PostgreSQL);
    with any other database this is ``bulk_create``. Raises IntegrityError as the database does.
    """
    if not instances:
        return
    model = type(instances[0])
    if connection.vendor not in ("sqlite", "postgresql"):
        model._default_manager.bulk_create(instances)
        return
    for instance, key in zip(instances, _reserve_keys(model, len(instances)), strict=True):
        instance.pk = key
    fields = model._meta.concrete_fields
    values = attrgetter(*(field.attname for field in fields))
    _execute(model, fields, map(values, instances))
    for instance in instances:
        instance._state.adding = False
        instance._state.db = connection.alias


def insert_rows(model: type[Model], names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Inserts rows given as tuples of the fields ``names``; foreign keys as numbers."""
    if not rows:
        return
    known = {field.name: field for field in model._meta.concrete_fields}
    _execute(model, [known[name] for name in names], rows)


IMPORT_PRAGMAS = {"cache_size": -20_000, "wal_autocheckpoint": 8_000}
"""An import touches the whole of every index: 2 MB of pages do not hold them, and a log of 4 MB is copied with every chunk."""


@contextmanager
def large_page_cache() -> Iterator[None]:
    """Lets SQLite hold 20 MB of pages, and 32 MB of its log, meanwhile."""
    if connection.vendor != "sqlite":
        yield
        return
    before = {}
    with connection.cursor() as cursor:
        for name, value in IMPORT_PRAGMAS.items():
            cursor.execute(f"PRAGMA {name}")
            before[name] = int(cursor.fetchone()[0])
            cursor.execute(f"PRAGMA {name} = {value}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for name, value in before.items():
                cursor.execute(f"PRAGMA {name} = {value}")


def _reserve_keys(model: type[Model], count: int) -> Iterable[int]:
    """Keys that nobody else gets."""
    table, column = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)", [table, column, count])
            return [key for (key,) in cursor.fetchall()]
        # AUTOINCREMENT: the counter is in this table from the first row on, and follows keys that are given explicitly.
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        last = (cursor.fetchone() or (0,))[0]
    return range(last + 1, last + 1 + count)


def _execute(model: type[Model], fields: Sequence[Field[Any, Any]], rows: Iterable[tuple[Any, ...]]) -> None:
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    converters = [(index, convert) for index, field in enumerate(fields) if (convert := _converter(field))]
    with connection.cursor() as cursor:
        statement = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({places})"  # noqa: S608
        cursor.executemany(statement, [_converted(row, converters) for row in rows])


def _converted(row: tuple[Any, ...], converters: Sequence[tuple[int, Convert]]) -> Sequence[Any]:
    if not converters:
        return row
    values = list(row)
    for index, convert in converters:
        if values[index] is not None:
            values[index] = convert(values[index])
    return values


def _converter(field: Field[Any, Any]) -> Convert | None:
    """How a field's values are given to the database, where that is not simply as they are."""
    kind = field.get_internal_type()
    if kind == "JSONField":
        # Django escapes every Japanese character, which doubles the size of a kept text.
        if connection.vendor == "sqlite":
            return _dump
        return lambda value: field.get_db_prep_save(value, connection)
    if kind == "DateTimeField":
        adapt: Callable[[datetime], Any] = connection.ops.adapt_datetimefield_value
        return adapt
    if kind == "BinaryField":
        return lambda value: field.get_db_prep_save(value, connection)
    return None
