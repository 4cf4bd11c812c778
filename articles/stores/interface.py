"""What every store does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

CHUNK = 64 * 1024


class StoreError(OSError):
    """A shared store did not answer, or refused. ``strerror`` says how, ``filename`` what was asked for."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in a store: its name, its bytes, and when it was written (seconds since 1970)."""

    name: str
    size: int
    modified: float

    def is_older_than(self, moment: datetime) -> bool:
        return self.modified < moment.timestamp()


class Parts(Iterator[bytes]):
    """A file that is being read, at most ``length`` bytes of it. Closed at its end, and by whoever stops before.

    No generator: one that nobody began would not close what it holds.
    """

    def __init__(self, read: Callable[[int], bytes], close: Callable[[], object], length: int | None = None) -> None:
        self._read, self._close, self._left = read, close, length

    def __next__(self) -> bytes:
        part = self._read(CHUNK if self._left is None else min(CHUNK, self._left))
        if not part:
            self.close()
            raise StopIteration
        if self._left is not None:
            self._left -= len(part)
        return part

    def close(self) -> None:
        self._close()


class Store(Protocol):
    """Files by name (``ab/0123456789abcdef/picture.png``). Every method raises OSError where the store fails."""

    is_shared: bool
    """Whether other machines see the same files. Then a file is there before its row; else it may be moved there after it."""

    def write(self, name: str, data: bytes) -> None:
        """Puts a file in its place, whole."""
        ...

    def write_from(self, name: str, path: Path) -> None:
        """Puts a copy of a file of this machine in its place, whole; it may be larger than the memory."""
        ...

    def stage(self, name: str, data: bytes, key: str) -> Callable[[], None]:
        """Writes what is to be at ``name`` once the caller commits; what is given back puts it there.

        ``key`` stands for the content: a repeated try writes over what the one before left.
        """
        ...

    def read(self, name: str) -> bytes:
        """The whole file. Raises FileNotFoundError."""
        ...

    def stream(self, name: str, start: int = 0, length: int | None = None) -> Parts:
        """The file, or ``length`` bytes from ``start`` on, piece by piece. Raises FileNotFoundError at once."""
        ...

    def find(self, name: str) -> Stored | None:
        """What is at ``name``; ``None`` where nothing is, or a link that leads out of the store."""
        ...

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Removes files; one that is gone already is no matter."""
        ...

    def walk(self, folder: str = "") -> Iterator[Stored]:
        """Every whole file below a folder (of names with ``/``), in no order."""
        ...

    def sweep(self, before: datetime, folder: str = "") -> list[str]:
        """Removes what killed processes left half-written; what was begun since ``before`` only if its process is gone."""
        ...

    def probe(self) -> None:
        """Returns where the store answers and takes what it is given, as far as asking can tell."""
        ...
