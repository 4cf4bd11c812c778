"""The cache in Redis, without which every page is still made: what it cannot answer in time is a miss."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache, RedisCacheClient, RedisSerializer
from redis.backoff import NoBackoff
from redis.retry import Retry

from cms.breaker import Breaker

T = TypeVar("T")

SECONDS_TO_ANSWER = 0.1
"""One answer, and one connecting. What takes longer is slower than making the thing anew."""
SECONDS_SLOW = 0.05
"""Two answers in a row that took longer, and a page that asks several things would wait for each."""
SECONDS_LEFT_ALONE = 5.0
# Errors of one key, not of the server: something else stands under its name.
_ABOUT_THE_KEY = ("WRONGTYPE", "value is not an integer", "increment or decrement would overflow")
# What reading a value of another release, or of another program, raises.
_UNREADABLE = (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError, TypeError, ValueError)
_MISSING = object()


class Unreadable(Exception):
    """What is kept under a key is nothing that this program wrote."""


class SturdySerializer(RedisSerializer):
    """Django's own; raises Unreadable for what cannot be read."""

    def loads(self, data: Any) -> Any:
        try:
            return super().loads(data)
        except _UNREADABLE as error:
            raise Unreadable(type(error).__name__) from error


class SturdyRedisCache(RedisCache):
    """Django's cache in Redis that raises nothing when Redis is gone, hangs, is slow, full or holds something else.

    Reading is then a miss, writing does nothing: ``add``, ``touch`` and ``delete`` give False, ``incr`` raises ValueError as
    for a key that is not there. After a failure Redis is left alone for :data:`SECONDS_LEFT_ALONE`, then one request tries. So
    nothing that must hold may rest on it alone: tries to sign in, sessions and locks are rows of the database.
    """

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        options = {
            "socket_connect_timeout": SECONDS_TO_ANSWER,
            "socket_timeout": SECONDS_TO_ANSWER,
            # The client's own tries would multiply the wait. A connection that the server closed is renewed by the pool.
            "retry": Retry(NoBackoff(), 0),
            "serializer": SturdySerializer,
            # Redis is not told which client asks: two questions less whenever a connection is made.
            "driver_info": None,
            **params.get("OPTIONS", {}),
        }
        super().__init__(server, {**params, "OPTIONS": options})
        self._class: type[RedisCacheClient]

    @property
    def is_down(self) -> bool:
        """Whether Redis did not answer when it was last asked."""
        return _breaker.is_open

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._ask(lambda: super(SturdyRedisCache, self).add(key, value, timeout, version), False)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            return self._ask(lambda: super(SturdyRedisCache, self).get(key, default, version), default)
        except Unreadable:
            self.delete(key, version)
            return default

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._ask(lambda: super(SturdyRedisCache, self).set(key, value, timeout, version), None)

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._ask(lambda: super(SturdyRedisCache, self).touch(key, timeout, version), False)

    def delete(self, key: Any, version: int | None = None) -> bool:
        return self._ask(lambda: super(SturdyRedisCache, self).delete(key, version), False)

    def get_many(self, keys: Any, version: int | None = None) -> dict[Any, Any]:
        keys = list(keys)
        try:
            return self._ask(lambda: super(SturdyRedisCache, self).get_many(keys, version), {})
        except Unreadable:
            found = ((key, self.get(key, _MISSING, version)) for key in keys)
            return {key: value for key, value in found if value is not _MISSING}

    def has_key(self, key: Any, version: int | None = None) -> bool:
        return self._ask(lambda: super(SturdyRedisCache, self).has_key(key, version), False)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        value: int | None = self._ask(lambda: super(SturdyRedisCache, self).incr(key, delta, version), None)
        if value is None:
            raise ValueError(f"Key '{key}' not found.")
        return value

    def set_many(self, data: dict[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> list[Any]:
        """The keys that were not kept."""
        return self._ask(lambda: super(SturdyRedisCache, self).set_many(data, timeout, version), list(data))

    def delete_many(self, keys: Any, version: int | None = None) -> None:
        keys = list(keys)
        self._ask(lambda: super(SturdyRedisCache, self).delete_many(keys, version), None)

    def clear(self) -> None:
        self._ask(super().clear, None)

    def _ask(self, question: Callable[[], T], otherwise: T) -> T:
        """What Redis answers; ``otherwise`` where it does not, or is left alone. Raises Unreadable."""
        if not _breaker.may_try():
            return otherwise
        begun = time.monotonic()
        try:
            answer = question()
        except redis.ResponseError as error:
            if not str(error).startswith(_ABOUT_THE_KEY):
                _breaker.note_failure(error)
            return otherwise
        except (OSError, redis.RedisError) as error:
            _breaker.note_failure(type(error).__name__)
            return otherwise
        _pace.note(time.monotonic() - begun)
        return answer


class _Pace:
    """Whether answers come in time. One slow one may be this process's own fault: it was busy, or had to connect."""

    def __init__(self) -> None:
        self._was_slow = False

    def note(self, seconds: float) -> None:
        was_slow, self._was_slow = self._was_slow, seconds > SECONDS_SLOW
        if was_slow and self._was_slow:
            _breaker.note_failure(f"an answer took {seconds * 1000:.0f} ms")
        elif not self._was_slow:
            _breaker.note_success()


# One for all threads: Django gives each a cache object of its own.
_breaker = Breaker("The cache (REDIS_URL)", SECONDS_LEFT_ALONE)
_pace = _Pace()
