"""Which database answers: readers' pages may come from a copy of PostgreSQL that follows the primary, all else from the primary.

A copy (``DATABASE_REPLICA_URLS``) is read only by a GET or HEAD of a public address, by somebody without a session, before
anything was written and outside of transactions, one copy for a whole page. The desk, commands, the worker and every write use
``default``. A copy that fails is left alone for some seconds, and the page that met it is made again from the primary.

A copy is behind. What must not be older than some change says so with the position that the change reached in PostgreSQL's log:
:func:`read_position` after its commit, :func:`reader_needs` before the page is made. A copy that has not replayed it is not used.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponseBase

from cms.backends.limits import answer_within
from cms.breaker import Breaker
from cms.errors import is_desk
from cms.outage import find_outage

NEEDED = "kawaraban.needed"
"""Where whoever keeps pages leaves in the environment which position a page must have seen (:func:`read_position`)."""
SECONDS_LEFT_ALONE = 5.0
SECONDS_TO_ANSWER = 2.0
"""For one question to a copy: less than the primary has, which is asked next."""
# A server that is no copy says where its own log ends, so that the same question can be asked of both.
_HAS_REPLAYED = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END >= %s::pg_lsn"


@dataclass(slots=True)
class Reading:
    """One public request. ``alias`` is the copy that it reads; ``failed`` that this copy did not answer it."""

    alias: str = DEFAULT_DB_ALIAS
    failed: bool = False


_reading: ContextVar[Reading | None] = ContextVar("reading", default=None)
_turn = itertools.count()
_breakers: dict[str, Breaker] = {}


class ReplicaRouter:
    """Django asks it before every statement."""

    def db_for_read(self, model: type, **hints: Any) -> str:
        """The copy that this request reads, unless something was written or is being written."""
        reading = _reading.get()
        if reading is None or connections[DEFAULT_DB_ALIAS].in_atomic_block:
            return DEFAULT_DB_ALIAS
        return reading.alias

    def db_for_write(self, model: type, **hints: Any) -> str:
        """The primary, which the rest of the request then reads, too: the copy does not have yet what is written."""
        if (reading := _reading.get()) is not None:
            reading.alias = DEFAULT_DB_ALIAS
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        """Rows of the copy and of the primary are the same rows."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        """A copy gets its tables from the primary."""
        return None if db == DEFAULT_DB_ALIAS else False


class ReplicaMiddleware:
    """Lets a public page read a copy, and makes it again from the primary where the copy fails."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not list_replicas() or not may_read_copy(request):
            return self.get_response(request)
        reading = Reading(choose_replica())
        with _reads(reading), answer_within(SECONDS_TO_ANSWER):
            reader_needs(request.META.get(NEEDED, ""))
            response = self.get_response(request)
        if reading.failed:
            # A GET of a page changes nothing, so it can be asked twice.
            return self.get_response(request)
        if reading.alias != DEFAULT_DB_ALIAS:
            breaker_of(reading.alias).note_success()
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        reading = _reading.get()
        if reading is None or reading.alias == DEFAULT_DB_ALIAS or find_outage(exception) is None:
            return None
        _leave_alone(reading.alias, exception)
        reading.failed = True
        return None


def list_replicas() -> list[str]:
    """The names of the copies."""
    return [alias for alias in connections if alias != DEFAULT_DB_ALIAS]


def may_read_copy(request: HttpRequest) -> bool:
    """Whether it is a reader who asks: somebody with a session may just have changed what is asked for."""
    is_read = request.method in ("GET", "HEAD")
    return is_read and not is_desk(request) and settings.SESSION_COOKIE_NAME not in request.COOKIES and _is_page(request)


def choose_replica(position: str = "") -> str:
    """The next copy in turn that is not left alone and has replayed ``position``; the primary where there is none."""
    aliases = list_replicas()
    start = next(_turn)
    for alias in (aliases[(start + offset) % len(aliases)] for offset in range(len(aliases))):
        if breaker_of(alias).may_try() and (not position or replica_has(position, alias)):
            return alias
    return DEFAULT_DB_ALIAS


def read_position() -> str:
    """Where PostgreSQL's log ends now, such as ``0/16B3748``: after a commit, a place at which a copy has the change.

    Empty where there are no copies or the database is another one.
    """
    if not list_replicas() or connections[DEFAULT_DB_ALIAS].vendor != "postgresql":
        return ""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_lsn()::text")
        return str(cursor.fetchone()[0])


def replica_has(position: str, alias: str = "") -> bool:
    """Whether a copy, or with no ``alias`` every one, has replayed the log up to a :func:`read_position`. One question each.

    A copy that does not answer has not.
    """
    return all(_has_replayed(name, position) for name in ([alias] if alias else list_replicas()))


def reader_needs(position: str) -> None:
    """For the request that is being answered: what it reads from now on is no older than a :func:`read_position`.

    It goes to the next copy that has it, and to the primary where none does. Nothing happens outside of a public request.
    """
    reading = _reading.get()
    if reading is None or not position or reading.alias == DEFAULT_DB_ALIAS or replica_has(position, reading.alias):
        return
    reading.alias = choose_replica(position)


def breaker_of(alias: str) -> Breaker:
    """What this process knows of a copy."""
    return _breakers.setdefault(alias, Breaker(f"The copy of the database “{alias}” (DATABASE_REPLICA_URLS)", SECONDS_LEFT_ALONE))


def _has_replayed(alias: str, position: str) -> bool:
    if connections[alias].vendor != "postgresql":
        return False
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute(_HAS_REPLAYED, [position])
            return bool(cursor.fetchone()[0])
    except DatabaseError as error:
        _leave_alone(alias, error)
        return False


def _leave_alone(alias: str, error: Exception) -> None:
    breaker_of(alias).note_failure(error)
    connections[alias].close()


def _is_page(request: HttpRequest) -> bool:
    return request.path_info not in ("/healthz", "/readyz")


@contextmanager
def _reads(reading: Reading) -> Iterator[None]:
    token = _reading.set(reading)
    try:
        yield
    finally:
        _reading.reset(token)
