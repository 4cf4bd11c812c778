"""A thing that does not answer is left alone for some seconds; then one asks again, and the others follow if it answers."""

from __future__ import annotations

import logging
import threading
import time

logger = logging.getLogger(__name__)


class Breaker:
    """What one process knows of one thing that it depends on. Safe for threads.

    Whoever wants to ask calls :meth:`may_try`; who was allowed says how it ended. The log has a line when the thing stops
    answering and one when it answers again, not one for each question.
    """

    def __init__(self, name: str, seconds: float) -> None:
        """``name`` stands in the log; ``seconds`` is how long the thing is left alone after a failure."""
        self.name = name
        self.seconds = seconds
        self._until: float | None = None
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether the thing failed and has not answered since."""
        return self._until is not None

    def may_try(self) -> bool:
        """Whether to ask. After a failure only one is allowed each time the seconds are over: the others do not wait with it."""
        if self._until is None:
            return True
        with self._lock:
            now = time.monotonic()
            if self._until is None or now >= self._until:
                if self._until is not None:
                    self._until = now + self.seconds
                return True
            return False

    def note_failure(self, reason: object) -> None:
        """It did not answer, or too late. ``reason`` is for the log."""
        with self._lock:
            was_open, self._until = self.is_open, time.monotonic() + self.seconds
        if not was_open:
            logger.warning("%s does not answer and is left alone for %g s at a time: %s", self.name, self.seconds, reason)

    def note_success(self) -> None:
        """It answered."""
        if self._until is None:
            return
        with self._lock:
            was_open, self._until = self.is_open, None
        if was_open:
            logger.warning("%s answers again", self.name)
