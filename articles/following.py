"""Follows the outbox of changes, in a thread of each process that keeps pages, and tells the pages.

On PostgreSQL the thread is woken when a transaction with changes ends (LISTEN); on SQLite it asks five times a second whether
anybody wrote, which the file answers without being read. Both look at least every half second, so that a message that is
lost (a pool of connections in between passes none on) delays a page and no more. At the minute of a scheduled post, an expiry
or an edition of the front page nothing is written: the thread knows the next such moment and tells of it by itself.
"""

from __future__ import annotations

import logging
import math
import os
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from django.db import Error as DatabaseError
from django.db import InterfaceError
from django.utils import timezone

from articles.changes import (
    CHANNEL,
    KEPT,
    SWEPT_AT_ONCE,
    Row,
    Seen,
    change_connection,
    find_due,
    find_next_due,
    find_position,
    forget_old_changes,
    has_triggers,
    mark,
    read_changes,
)
from articles.shown import Marks
from articles.site_settings import find_fingerprints

logger = logging.getLogger(__name__)

NAP = 0.2
"""Seconds between two looks at a SQLite file."""
LISTEN_SECONDS = 0.5
"""Seconds that PostgreSQL is listened to at a time."""
LOOK_AHEAD = 30.0
"""Seconds after which the next moment is looked up anew."""
SWEEP = 600.0
"""Seconds between two removals of old rows."""
SWEEP_ON = 5.0
"""The same while there are more."""
SKEW = 5.0
"""Seconds by which clocks of two machines may differ."""
BEFORE_START = timedelta(minutes=10)
"""How old a page may be that a process believes which started later."""
LONGEST = timedelta(minutes=10)
"""How much longer ago it reads changes: those of a transaction that took so long are older than when they were seen."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Changes that were read together: ``turns`` are their transactions, ``at`` is when they were heard (seconds since 1970)."""

    number: int
    turns: frozenset[int]
    at: float
    marks: Marks = field(default_factory=Marks)
    is_timed: bool = False

    def concerns(self, seen: Seen, made_at: float) -> bool:
        """Whether a page that was begun then, when that was seen, may not have seen it."""
        return not all(map(seen.has, self.turns)) or (self.is_timed and self.at + SKEW >= made_at)


class Pages(Protocol):
    """What is told of changes."""

    def begin(self, at: float, frame: tuple[str, str]) -> None: ...

    def apply(self, portion: Portion, frame: tuple[str, str]) -> int: ...


class Follower:
    """Reads the outbox for the ``pages`` of this process. One thread, begun by the first request, after any fork."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.position = 0
        self.seen = Seen()
        self.heard_at = -1e9
        self._number = 0
        self._told: set[int] = set()
        self._frame = ("", "")
        self._due_until = timezone.now()
        self._next_due: datetime | None = None
        self._looked_ahead = -math.inf
        # Not all processes of a site that starts at once.
        self._sweeps_at = time.monotonic() + random.uniform(0, SWEEP)  # noqa: S311
        self._version: int | None = None
        self._process = 0
        self._is_ready = False
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def is_following(self) -> bool:
        """Whether pages may be kept at all; begins to follow where nobody has in this process."""
        if self._process != os.getpid():
            self.start()
        return self._is_ready

    def start(self) -> None:
        """Begins the thread, once in a process."""
        with self._lock:
            if self._process == os.getpid():
                return
            self._process, self._is_ready = os.getpid(), False
            self._thread = threading.Thread(target=self._run, name="changes", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ends the thread, within a second or two; pages are not kept any more."""
        self._is_ready = False
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self) -> None:
        is_told = False
        while not self._stop.is_set():
            try:
                if not self._is_ready and not self.begin():
                    return
                while not self._stop.is_set():
                    self.wait()
                    self.poll()
                    is_told = False
            except (DatabaseError, InterfaceError) as error:
                if not is_told:
                    logger.error("The outbox of changes cannot be read: %s", str(error).split("\n")[0])
                    is_told = True
                change_connection().close()
                self._version = None
                self._stop.wait(1)
        change_connection().close()

    def begin(self) -> bool:
        """Finds where the outbox ends now. Whether pages may be kept: not where the database does not tell of changes."""
        connection = change_connection()
        if not has_triggers(connection):
            logger.error("Pages are not kept: the database lacks the triggers of the outbox. Run: python3 manage.py migrate")
            return False
        self._listen()
        now = timezone.now()
        self._frame = find_fingerprints()
        self._due_until = now - BEFORE_START
        self.position, self.seen = find_position(since=now - BEFORE_START - LONGEST)
        self.pages.begin(self._due_until.timestamp(), self._frame)
        self.poll()
        self._is_ready = True
        return True

    def _listen(self) -> None:
        connection = change_connection()
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")

    def wait(self) -> None:
        """Until there may be something new."""
        connection = change_connection()
        if connection.vendor == "postgresql":
            if connection.connection is None:
                self._listen()
            for _notice in connection.connection.notifies(timeout=self._seconds_to_due(LISTEN_SECONDS), stop_after=1):
                return
        else:
            time.sleep(self._seconds_to_due(NAP))

    def _seconds_to_due(self, most: float) -> float:
        if self._next_due is None:
            return most
        return min(most, max((self._next_due - timezone.now()).total_seconds(), 0.01))

    def poll(self) -> int:
        """Reads what is new and tells the pages. Gives the number of those concerned.

        What was read counts as told only then: where the database goes away in between, it is read again.
        """
        count = 0
        if self._was_written():
            found, position, seen = read_changes(self.position)
            rows = [row for row in found if row.id not in self._told]
            if position < self.position:
                # Another database stands in its place: one that was restored, or a standby that had not got everything.
                rows.append(Row(0, 0, "all"))
            if rows:
                count = self._tell(rows, is_timed=False)
            if any(row.kind in ("post", "front", "all") for row in rows):
                self._looked_ahead = -math.inf
            self._told = {row.id for row in found if row.turn >= position}
            self.position, self.seen = position, seen
        count += self._tell_due()
        self._sweep()
        self.heard_at = time.monotonic()
        return count

    def _was_written(self) -> bool:
        """Whether anybody wrote since the last time; on PostgreSQL that is found by reading."""
        connection = change_connection()
        if connection.vendor != "sqlite":
            return True
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA data_version")
            version = int(cursor.fetchone()[0])
        if version == self._version:
            return False
        self._version = version
        return True

    def _tell(self, rows: list[Row], *, is_timed: bool) -> int:
        marks = mark(rows)
        if marks.frame or marks.everything:
            self._frame = find_fingerprints()
        self._number += 1
        turns = frozenset(row.turn for row in rows)
        return self.pages.apply(Portion(self._number, turns, time.time(), marks, is_timed), self._frame)

    def _tell_due(self) -> int:
        now, tick = timezone.now(), time.monotonic()
        is_due = self._next_due is not None and self._next_due <= now
        if not is_due and tick - self._looked_ahead < LOOK_AHEAD:
            return 0
        rows = find_due(self._due_until, now)
        count = self._tell(rows, is_timed=True) if rows else 0
        self._next_due = find_next_due(now)
        self._due_until, self._looked_ahead = now, tick
        return count

    def _sweep(self) -> None:
        if time.monotonic() > self._sweeps_at:
            self._sweeps_at = time.monotonic() + SWEEP
            try:
                if forget_old_changes() == SWEPT_AT_ONCE:
                    self._sweeps_at = time.monotonic() + SWEEP_ON
            except DatabaseError as error:
                # A database that takes no writes now; the rows wait.
                logger.debug("Changes older than %s stay: %s", KEPT, error)
