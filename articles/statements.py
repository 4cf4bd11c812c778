"""Questions that every page asks: built and compiled once in a process, then asked with other values.

Django makes the SQL of a queryset anew each time, which costs many times what the database needs to answer. Here the
function that builds the queryset is called once with stand-ins for its values; where they come out among the parameters,
the real ones are put from then on. What comes back are the same rows, tuples or instances that the queryset would give.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections, router
from django.db.models import BigIntegerField, F, Func, Model, QuerySet, Value
from django.db.models.base import ModelState
from django.db.models.lookups import Exact
from django.db.models.query import FlatValuesListIterable, ModelIterable, ValuesListIterable, get_related_populators

from articles.models import Post

#: A value whose place is found: an instant, a number of a row, a text, or several of them. ``None`` belongs to the shape.
Given = datetime | int | str | Sequence[int] | Sequence[str] | None
#: (position in the values, position in a list there or -1, the type of the parameter)
_Place = tuple[int, int, type]

_FIRST_NUMBER = 1_900_000_001
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:.*")
_MAX_KEPT = 512


@dataclass(frozen=True, slots=True)
class _Statement:
    """``params`` with the values of constants; ``places`` says for each parameter which value stands there, if any."""

    sql: str
    params: tuple[Any, ...]
    places: tuple[_Place | None, ...]
    read: Callable[[Sequence[Sequence[Any]]], list[Any]]


_kept: dict[Hashable, _Statement | None] = {}


def fetch(build: Callable[..., QuerySet[Any, Any]], *values: Given, **shape: Hashable) -> list[Any]:
    """``list(build(*values, **shape))`` in one query; the SQL is made at the first call for each ``shape``.

    ``build`` is a function of a module that only hands its ``values`` to lookups, as they are: it neither looks at them nor
    computes with them, asks no clock, and asks nothing of the database. What decides which SQL it makes goes into
    ``shape``, ``None`` among the values and the lengths of lists aside, which are part of it anyway. Raises TypeError
    where a value does not reach the statement or is changed on the way.
    """
    # Which of several databases answers readers, is asked each time.
    alias = router.db_for_read(Post)
    key = (build, alias, tuple(shape.items()), tuple(_kind_of(value) for value in values))
    if key not in _kept:
        if len(_kept) >= _MAX_KEPT:
            # Lengths of lists are bounded by what a page shows; this bounds what is not foreseen.
            _kept.clear()
        _kept[key] = _compile(alias, build, values, shape)
    statement = _kept[key]
    if statement is None:
        return []
    connection = connections[alias]
    params = [
        constant if place is None else _adapted(values[place[0]], place, connection)
        for constant, place in zip(statement.params, statement.places, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, params)
        return statement.read(cursor.fetchall())


def without_index(column: str, number: int) -> Any:
    """The condition that ``column`` is ``number``, for which no index of the column is taken.

    SQLite, which counts nothing, takes such an index wherever one fits, however many rows it leads to.
    """
    field = BigIntegerField()
    return Exact(Func(F(column), template="+%(expressions)s", output_field=field), Value(number, output_field=field))


def _kind_of(value: Given) -> Hashable:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return ("list", len(value))
    return type(value).__name__


def _adapted(value: Any, place: _Place, connection: Any) -> Any:
    _position, inner, kind = place
    if inner >= 0:
        value = value[inner]
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    # PostgreSQL's driver is told the size of a number by its type.
    return value if type(value) is kind else kind(value)


def _compile(
    alias: str, build: Callable[..., QuerySet[Any, Any]], values: Sequence[Given], shape: dict[str, Any]
) -> _Statement | None:
    """``None`` where no row can come, such as that of an empty list of keys."""
    connection = connections[alias]
    numbers = count()
    places: dict[Any, _Place] = {}
    stand_ins = [_stand_in(value, position, numbers, places, connection) for position, value in enumerate(values)]
    queryset = build(*stand_ins, **shape).using(alias)
    compiler = queryset.query.get_compiler(alias)
    try:
        sql, params = compiler.as_sql()
    except EmptyResultSet:
        return None
    found = [places.get(param) if isinstance(param, Hashable) else None for param in params]
    missing = {place[:2] for place in places.values()} - {place[:2] for place in found if place}
    if missing:
        raise TypeError(f"{build.__qualname__} changes or drops values at {sorted(missing)}")
    if any(_is_instant(param) for param, place in zip(params, found, strict=True) if place is None):
        raise TypeError(f"{build.__qualname__} asks the clock: the moment of the first call would be that of all")
    typed = tuple(place and (*place[:2], type(param)) for place, param in zip(found, params, strict=True))
    return _Statement(sql, tuple(params), typed, _reader(queryset, compiler, alias))


def _is_instant(param: Any) -> bool:
    return isinstance(param, datetime) or (isinstance(param, str) and _INSTANT.fullmatch(param) is not None)


def _stand_in(value: Any, position: int, numbers: Iterator[int], places: dict[Any, _Place], connection: Any) -> Any:
    def make(each: Any, inner: int) -> Any:
        number = next(numbers)
        made: Any
        if isinstance(each, datetime):
            made = datetime(1800, 1, 1, microsecond=number, tzinfo=UTC)
            places[connection.ops.adapt_datetimefield_value(made)] = (position, inner, datetime)
        else:
            made = _FIRST_NUMBER + number if isinstance(each, int) else f"\N{OBJECT REPLACEMENT CHARACTER}{number}"
            places[made] = (position, inner, type(made))
        return made

    if value is None:
        return None
    if isinstance(value, list | tuple):
        return [make(each, inner) for inner, each in enumerate(value)]
    return make(value, -1)


# --- Rows -----------------------------------------------------------------------------------------------------------


def _reader(queryset: QuerySet[Any, Any], compiler: Any, alias: str) -> Callable[[Sequence[Sequence[Any]]], list[Any]]:
    """What makes of the database's rows what the queryset would give."""
    expressions = [column[0] for column in compiler.select[: compiler.col_count]]
    converters = [
        (position, functions, expression) for position, (functions, expression) in compiler.get_converters(expressions).items()
    ]

    def convert(rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        if not converters:
            return rows
        # Once, not for each value: the look-up of the thread's connection costs more than most conversions.
        connection = connections[alias]
        converted = [list(row) for row in rows]
        for position, functions, expression in converters:
            for row in converted:
                for function in functions:
                    row[position] = function(row[position], expression, connection)
        return converted

    kind = queryset._iterable_class
    if kind is ModelIterable:
        return _instance_reader(compiler, convert, alias)
    if kind is FlatValuesListIterable:
        return lambda rows: [row[0] for row in convert(rows)]
    if kind is ValuesListIterable:
        return lambda rows: [tuple(row) for row in convert(rows)]
    raise TypeError(f"no rows of {kind.__name__} are made here")


def _instance_reader(compiler: Any, convert: Callable[[Any], Any], alias: str) -> Callable[[Sequence[Sequence[Any]]], list[Any]]:
    model: type[Model] = compiler.klass_info["model"]
    fields = compiler.klass_info["select_fields"]
    start, end = fields[0], fields[-1] + 1
    names = [column[0].target.attname for column in compiler.select[start:end]]
    # The types are those of a later Django, which asks for one thing more.
    populators = get_related_populators(compiler.klass_info, compiler.select, alias)  # type: ignore[call-arg]
    annotations = list((compiler.annotation_col_map or {}).items())
    columns = operator.itemgetter(slice(start, end))

    def read(rows: Sequence[Sequence[Any]]) -> list[Any]:
        found = []
        for row in convert(rows):
            # As Model.from_db, without asking each of the many fields that are not read whether it was.
            instance = model.__new__(model)
            instance.__dict__.update(zip(names, columns(row), strict=True))
            state = ModelState()
            state.adding, state.db = False, alias
            instance._state = state
            for populator in populators:
                populator.populate(row, instance)
            for name, position in annotations:
                setattr(instance, name, row[position])
            found.append(instance)
        return found

    return read
