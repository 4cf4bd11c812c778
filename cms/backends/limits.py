"""How long a question to the database may take: said by whoever asks for somebody, read by the connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_seconds: ContextVar[float | None] = ContextVar("seconds to answer", default=None)


@contextmanager
def answer_within(seconds: float | None) -> Iterator[None]:
    """Within this context a question that is not answered in so many seconds is given up. ``None`` waits as long as it takes."""
    token = _seconds.set(seconds)
    try:
        yield
    finally:
        _seconds.reset(token)


def seconds_to_answer() -> float | None:
    """What :func:`answer_within` said last; ``None`` in commands and the worker, whose questions may be long."""
    return _seconds.get()
