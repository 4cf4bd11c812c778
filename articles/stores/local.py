"""A folder of this machine. Every file is written whole beside its place, synced, and moved there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from articles.queue import has_ended, name_process
from articles.stores.interface import CHUNK, Parts, Stored
from articles.whole import sync, write_whole

STAGING = ".staging"
# Before the name of the process that writes a file: whoever comes after its death knows that nobody will finish it.
_NEW = ".new-"
_NEW_MARK = "~"


class LocalStore:
    """The files below ``root``."""

    is_shared = False

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, data: bytes) -> None:
        _write(self.root / name, [data])

    def write_from(self, name: str, path: Path) -> None:
        with path.open("rb") as source:
            _write(self.root / name, iter(partial(source.read, CHUNK), b""))

    def write_parts(self, name: str, parts: Iterable[bytes]) -> None:
        """Puts a file together from its parts, whole or, where they break off, not at all."""
        _write(self.root / name, parts)

    def stage(self, name: str, data: bytes, key: str) -> Callable[[], None]:
        """Writes it out of readers' sight now and moves it later: an import's pictures never fill the memory."""
        staged = self.root / STAGING / key
        _write(staged, [data])
        return partial(_move, staged, self.root / name)

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def stream(self, name: str, start: int = 0, length: int | None = None) -> Parts:
        file = (self.root / name).open("rb")
        file.seek(start)
        return Parts(file.read, file.close, length)

    def find(self, name: str) -> Stored | None:
        root = self.root.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            return None
        status = path.stat()
        return Stored(name, status.st_size, status.st_mtime)

    def has(self, name: str) -> bool:
        return (self.root / name).exists()

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            path = self.root / name
            path.unlink(missing_ok=True)
            # Another file may have come into it meanwhile.
            with suppress(OSError):
                path.parent.rmdir()

    def walk(self, folder: str = "") -> Iterator[Stored]:
        for path in _walk(self.root / folder):
            if not path.name.startswith(_NEW):
                with suppress(FileNotFoundError):
                    status = path.stat()
                    yield Stored(path.relative_to(self.root).as_posix(), status.st_size, status.st_mtime)

    def sweep(self, before: datetime, folder: str = "") -> list[str]:
        removed = []
        for path in _walk(self.root / folder):
            if path.name.startswith(_NEW) and (_has_dead_writer(path.name) or _is_old(path, before)):
                path.unlink(missing_ok=True)
                removed.append(path.name)
        return removed

    def probe(self) -> None:
        """Room is asked for elsewhere, for all folders at once."""


def _walk(folder: Path) -> Iterator[Path]:
    for place, _folders, names in os.walk(folder):
        yield from (path for name in names if (path := Path(place, name)).is_file())


def _has_dead_writer(name: str) -> bool:
    return has_ended(name.removeprefix(_NEW).replace(_NEW_MARK, "/")) is True


def _is_old(path: Path, moment: datetime) -> bool:
    try:
        return path.stat().st_mtime < moment.timestamp()
    except FileNotFoundError:
        return False


def _move(staged: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(staged, target)
    except FileNotFoundError:
        # Another process staged the same content and has moved it already.
        if not target.exists():
            raise
    sync(target.parent)


def _write(path: Path, parts: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, parts, prefix=f"{_NEW}{name_process().replace('/', _NEW_MARK)}{_NEW_MARK}")
