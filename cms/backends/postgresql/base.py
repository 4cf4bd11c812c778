"""PostgreSQL that may hang: the server's own time limit helps nobody whose packets are not answered."""

from __future__ import annotations

import logging
import time
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import psycopg
from django.db.backends.postgresql import base
from psycopg.errors import _WaitTimeout

from cms.backends.limits import answer_within, seconds_to_answer
from cms.breaker import Breaker

logger = logging.getLogger(__name__)

SECONDS_LEFT_ALONE = 2.0
"""After a connecting that nobody answered. Each further one would keep a thread of the server waiting for nothing."""
SECONDS_AT_ONCE = 0.5
"""A refusal that came sooner kept nobody waiting, so the next request may ask again."""
SECONDS_TO_CANCEL = 0.5
SECONDS_TO_CHECK = 2.0


class BoundedConnection(psycopg.Connection[Any]):
    """A connection whose questions are answered within :func:`cms.backends.limits.seconds_to_answer`, or raise OperationalError.

    The question is then cancelled at the server, as far as that listens, and the connection closed: what comes late on it
    would be taken for the answer to the next one.
    """

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        limit = seconds_to_answer() if timeout is None else None
        if limit is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, limit)
        except _WaitTimeout as error:
            self._give_up()
            raise psycopg.OperationalError(f"the database did not answer within {limit:g} seconds") from error

    def _give_up(self) -> None:
        try:
            self.cancel_safe(timeout=SECONDS_TO_CANCEL)
        except psycopg.Error as error:
            logger.info("A question that took too long could not be cancelled: %s", error)
        self.close()


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's PostgreSQL with bounded waiting, and with a pause between tries while nobody answers at all."""

    # Django connects by the function of this name and looks the driver's exceptions up beside it.
    Database = cast(ModuleType, SimpleNamespace(**{**vars(psycopg), "connect": BoundedConnection.connect}))

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if pool := self.settings_dict["OPTIONS"].get("pool"):
            pool.setdefault("connection_class", BoundedConnection)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if seconds_to_answer() is None or self.settings_dict["OPTIONS"].get("pool"):
            # A command waits as it always did; a pool connects in threads of its own.
            return super().get_new_connection(conn_params)
        breaker = _breakers.setdefault(self.alias, Breaker(f"The database “{self.alias}”", SECONDS_LEFT_ALONE))
        if not breaker.may_try():
            raise psycopg.OperationalError("the database did not answer a moment ago and is asked again in a moment")
        begun = time.monotonic()
        try:
            connection = super().get_new_connection(conn_params)
        except psycopg.OperationalError as error:
            if time.monotonic() - begun > SECONDS_AT_ONCE:
                breaker.note_failure(type(error).__name__)
            raise
        breaker.note_success()
        return connection

    def is_usable(self) -> bool:
        with answer_within(SECONDS_TO_CHECK):
            return super().is_usable()


_breakers: dict[str, Breaker] = {}
