"""The folder that is written: which file is whose, what of it changed, and every file whole or not at all.

What the folder holds is recorded beside it, in a SQLite file, so that everything in the folder itself may be served. A file is
entered there before it is moved to its place, and struck out after it was removed: whatever a run was at when it was killed,
the next one knows which files are its own. Files that are not are never overwritten or removed.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import shutil
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from django.conf import settings
from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.site.publishing.places import HTML, PACKED, STAGING, fold, folders_of, natural_place, odd_place
from articles.whole import sync

Mode = Literal["write", "dry-run", "check"]
RECORD = "published.sqlite3"
LOCK = "lock"
SUFFIX = ".kawaraban"
AT_ONCE = 200
MAX_WAITING = 32 * 1024 * 1024
"""Bytes that are kept before they are moved to their places."""
MIN_PACKED = 1_000
_TEXTS = ("application/xml", "application/json", "application/javascript")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    address TEXT PRIMARY KEY, file TEXT NOT NULL UNIQUE, fold TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
    headers TEXT NOT NULL, packed INTEGER NOT NULL, source TEXT NOT NULL, is_there INTEGER NOT NULL, run INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS files_fold ON files (fold);
CREATE INDEX IF NOT EXISTS files_run ON files (run);
CREATE INDEX IF NOT EXISTS files_source ON files (source);
CREATE INDEX IF NOT EXISTS files_lower ON files (lower(address));
CREATE TABLE IF NOT EXISTS leftovers (file TEXT PRIMARY KEY, fold TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS redirects (
    address TEXT PRIMARY KEY, status INTEGER NOT NULL, location TEXT NOT NULL, run INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS redirects_lower ON redirects (lower(address));
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS made (address TEXT PRIMARY KEY, page TEXT NOT NULL);
"""

# Another address that has a file of one's name, or one in the place of one's folders; and one below what would be one's file.
_TAKEN = (
    "SELECT 1 FROM files WHERE fold IN (SELECT value FROM json_each(:above)) AND address != :address",
    "SELECT 1 FROM files WHERE fold >= :key || '/' AND fold < :key || '0' AND address != :address",
    "SELECT 1 FROM leftovers WHERE fold IN (SELECT value FROM json_each(:above)) AND file != :file",
    "SELECT 1 FROM leftovers WHERE fold >= :key || '/' AND fold < :key || '0' AND file != :file",
)


@dataclass(slots=True)
class Report:
    """What a run did. ``refused`` are addresses that have no file, each with its reason; ``differing`` is what a check found."""

    written: int = 0
    unchanged: int = 0
    removed: int = 0
    redirects: int = 0
    gone: int = 0
    refused: list[tuple[str, Finding]] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    changed_tables: list[str] = field(default_factory=list)
    is_proved: bool = False
    """Nothing in the database changed since the last run, so nothing was asked."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Content:
    """What a file is to hold: bytes, or the bytes of another file, which may be too large to keep."""

    data: bytes | Path
    sha256: str
    size: int

    @classmethod
    def of(cls, data: bytes | Path) -> Content:
        """Raises OSError where the other file cannot be read."""
        if isinstance(data, bytes):
            return cls(data, hashlib.sha256(data).hexdigest(), len(data))
        return cls(data, _digest(data), data.stat().st_size)

    def write(self, place: Path) -> None:
        """Puts it into a new file that others may read."""
        if isinstance(self.data, bytes):
            place.write_bytes(self.data)
        else:
            shutil.copyfile(self.data, place)
        place.chmod(0o644)


@dataclass(slots=True)
class _Waiting:
    """A file that is staged. ``packed`` is its ``.gz``; ``had_packed``: one of before is to go."""

    address: str
    file: str
    staged: Path
    packed: Path | None
    had_packed: bool


@dataclass(frozen=True, slots=True)
class _Row:
    file: str
    sha256: str
    size: int
    headers: str
    packed: bool
    source: str
    is_there: bool


class Target:
    """A folder of files with its record, held by one run at a time. Use as a context manager.

    ``dry-run`` and ``check`` write nothing, neither files nor record; ``check`` compares with the bytes on the disk. ``adopt``
    lets the run take over files that stand in the way. Raises RefusedFile where the folder is none to be written to.
    """

    def __init__(self, folder: Path, state: Path | None = None, *, mode: Mode = "write", adopt: bool = False) -> None:
        self.folder = folder.absolute()
        if not self.folder.name:
            raise RefusedFile(_no_place(self.folder))
        self.state = (state or self.folder.with_name(self.folder.name + SUFFIX)).absolute()
        self.mode, self.adopt = mode, adopt
        self.report = Report()
        self._waiting: list[_Waiting] = []
        self._bytes = 0
        self._lock: int | None = None

    def __enter__(self) -> Target:
        check_folder(self.folder, self.state, adopt=self.adopt or self.mode != "write")
        if self.mode == "write":
            self.folder.mkdir(parents=True, exist_ok=True)
            self.state.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        is_known = (self.state / RECORD).exists()
        self.record = sqlite3.connect(
            self.state / RECORD if is_known or self.mode == "write" else ":memory:", isolation_level=None
        )
        self.record.executescript(_SCHEMA)
        self.record.execute("BEGIN IMMEDIATE")
        self.run = int(self.fact("run") or 0) + 1
        if self.mode == "write":
            shutil.rmtree(self.folder / STAGING, ignore_errors=True)
            (self.folder / STAGING).mkdir()
            self.set_fact("run", str(self.run))
        return self

    def __exit__(self, *_error: object) -> None:
        # What was staged and not moved is written again by the next run; what is entered and not there is this folder's own.
        self.record.execute("ROLLBACK")
        self.record.close()
        if self.mode == "write":
            shutil.rmtree(self.folder / STAGING, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)

    def _take_lock(self) -> None:
        if not self.state.is_dir():
            return
        self._lock = os.open(self.state / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            template = _("Another run is writing to “%(folder)s”. Wait until it has ended.")
            raise RefusedFile(Finding("publishing-busy", "error", template, {"folder": self.folder})) from None

    # --- facts

    def fact(self, name: str) -> str:
        """What was kept under a name; empty where nothing was."""
        row = self.record.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def set_fact(self, name: str, value: str) -> None:
        """Keeps a value; it is there for the next run once this one has committed."""
        self.record.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    # --- writing

    def put(
        self, address: str, headers: Mapping[str, str], data: bytes | Path, *, is_asset: bool = False, source: str = ""
    ) -> None:
        """Has the file of ``address`` hold ``data``, written only where it does not. ``source`` says what it was made of."""
        content = Content.of(data)
        row = self._row(address)
        file = self._claim(address, headers.get("Content-Type", HTML), row, is_asset=is_asset)
        told = json.dumps(dict(sorted(headers.items())), ensure_ascii=False)
        packs = isinstance(data, bytes) and len(data) >= MIN_PACKED and _is_text(headers.get("Content-Type", ""))
        is_same = row is not None and (row.file, row.sha256, row.packed) == (file, content.sha256, packs)
        if row and is_same and self._is_there(row, read=self.mode == "check"):
            values = (self.run, told, source, address)
            self.record.execute("UPDATE files SET run = ?, headers = ?, source = ? WHERE address = ?", values)
            self.report.unchanged += 1
            return
        if not self._may_write(address, file, content.sha256, row):
            return
        self.report.written += 1
        if self.mode == "check":
            self.report.differing.append(address)
        self._enter(address, file, content, told, row, packs=packs, source=source)
        if self.mode == "write":
            self._stage(address, file, content, row, packs=packs)
            if len(self._waiting) >= AT_ONCE or self._bytes >= MAX_WAITING:
                self.flush()

    def keeps(self, address: str, source: str) -> bool:
        """Whether the file of ``address`` was made of ``source`` and is there; then this run keeps it unread."""
        row = self._row(address)
        if self.mode == "check" or row is None or not source or row.source != source or not self._is_there(row, read=False):
            return False
        self.keep(address)
        self.report.unchanged += 1
        return True

    def keeps_page(self, address: str) -> bool:
        """Whether the file of a page is there, at the place of its own name; then this run keeps it unasked."""
        row = self._row(address)
        if row is None or not self._is_there(row, read=False):
            return False
        if row.file != natural_place(address, json.loads(row.headers).get("Content-Type", HTML)):
            # What stood in its way may be gone.
            return False
        self.keep(address)
        self.report.unchanged += 1
        return True

    def page_of(self, address: str) -> str:
        """What was remembered of the page that a file was made of; empty where nothing was."""
        row = self.record.execute("SELECT page FROM made WHERE address = ?", (address,)).fetchone()
        return str(row[0]) if row else ""

    def remember_page(self, address: str, page: str) -> None:
        """Keeps what the next run is to know of the page that a file was made of; empty: nothing."""
        if page:
            self.record.execute("INSERT OR REPLACE INTO made VALUES (?, ?)", (address, page))
        else:
            self.record.execute("DELETE FROM made WHERE address = ?", (address,))

    def keep(self, address: str) -> None:
        """Leaves the file of ``address`` as it is: what cannot be asked at this moment is not gone."""
        self.record.execute("UPDATE files SET run = ? WHERE address = ?", (self.run, address))

    def has(self, address: str) -> bool:
        """Whether this run has met ``address`` already."""
        found = self.record.execute("SELECT 1 FROM files WHERE address = ? AND run = ?", (address, self.run))
        return found.fetchone() is not None

    def count(self) -> int:
        """How many files there are."""
        return int(self.record.execute("SELECT count(*) FROM files").fetchone()[0])

    def is_whole(self) -> bool:
        """Whether every file that was written is still in its place, as far as its size tells."""
        rows = self.record.execute("SELECT file, sha256, size, headers, packed, source, is_there FROM files")
        return all(self._is_there(_read_row(row), read=False) for row in rows)

    def put_redirect(self, address: str, status: int, location: str = "") -> None:
        """Enters where an address leads (301, 302), or that it is gone (410)."""
        self.record.execute("INSERT OR REPLACE INTO redirects VALUES (?, ?, ?, ?)", (address, status, location, self.run))

    def refuse(self, address: str, finding: Finding) -> None:
        """Says why an address has no file, or not the one that it should have."""
        if all(address != known for known, _finding in self.report.refused):
            self.report.refused.append((address, finding))

    def flush(self) -> None:
        """Moves what waits to its places, in its order, each file whole."""
        if not self._waiting:
            return
        for waiting in self._waiting:
            for staged in filter(None, (waiting.staged, waiting.packed)):
                sync(staged)
        self._commit()
        folders: dict[Path, None] = {}
        for waiting in self._waiting:
            place = self.folder / waiting.file
            # The packed copy first: a server that finds one sends it instead of the file.
            if waiting.packed:
                _move(waiting.packed, _packed(place))
            elif waiting.had_packed:
                _packed(place).unlink(missing_ok=True)
            _move(waiting.staged, place)
            folders |= dict.fromkeys(self.folder / folder for folder in folders_of(waiting.file))
            folders[self.folder] = None
        for folder in folders:
            sync(folder)
        self.record.executemany("UPDATE files SET is_there = 1 WHERE address = ?", [(each.address,) for each in self._waiting])
        self._waiting, self._bytes = [], 0
        self._commit()

    def finish(self, only: Collection[str] | None = None) -> None:
        """Moves what waits, then removes what this run did not meet; of ``only``, where that is not everything."""
        self.flush()
        stale = list(self._stale(only))
        files = [file for _address, file in stale]
        files += [file for (file,) in self.record.execute("SELECT file FROM leftovers")]
        if self.mode == "check":
            self.report.differing += [address for address, _file in stale]
            self.report.differing += sorted(self._foreign_files())
        self.report.removed = len(stale)
        if self.mode == "write":
            for file in files:
                self._remove(file)
            for table in ("files", "made"):
                self.record.executemany(f"DELETE FROM {table} WHERE address = ?", [(address,) for address, _file in stale])  # noqa: S608
            self.record.execute("DELETE FROM leftovers")
            if only is None:
                self.record.execute("DELETE FROM redirects WHERE run < ?", (self.run,))
        counts = dict(self.record.execute("SELECT status = 410, count(*) FROM redirects GROUP BY 1").fetchall())
        self.report.redirects, self.report.gone = counts.get(0, 0), counts.get(1, 0)

    def _foreign_files(self) -> Iterator[str]:
        """Files of the folder that no run wrote, as they are called there."""
        for root, _folders, names in os.walk(self.folder):
            for name in names:
                file = (Path(root) / name).relative_to(self.folder).as_posix()
                known = "SELECT 1 FROM files WHERE file = ? OR (packed AND file = ?)"
                if self.record.execute(known, (file, file.removesuffix(PACKED))).fetchone() is None:
                    yield file

    def commit(self) -> None:
        """Makes the record of this run last; nothing where it only looks."""
        if self.mode == "write":
            self._commit()

    def rows(self) -> Iterator[tuple[str, str, str, int, dict[str, str]]]:
        """All files, by address: address, file, SHA-256, size, headers."""
        query = "SELECT address, file, sha256, size, headers FROM files ORDER BY address"
        for address, file, sha256, size, headers in self.record.execute(query):
            yield address, file, sha256, size, json.loads(headers)

    def queries(self) -> Iterator[tuple[str, str]]:
        """The addresses with a query whose pages are files, each with its file."""
        yield from self.record.execute("SELECT source, file FROM files WHERE source LIKE '/%?%' ORDER BY source")

    def pages_of(self, address: str) -> list[str]:
        """The addresses, with their queries, of the older pages of a list that there were after the last run."""
        query = "SELECT source FROM files WHERE source >= ? AND source < ?"
        return [source for (source,) in self.record.execute(query, (f"{address}?before=", f"{address}?before>"))]

    def place_of(self, address: str) -> str:
        """The file of an address; empty where it has none."""
        row = self._row(address)
        return row.file if row else ""

    def like(self, pattern: str) -> str:
        """The first address that SQL's ``LIKE`` finds; empty where there is none."""
        row = self.record.execute("SELECT address FROM files WHERE address LIKE ? ORDER BY address", (pattern,)).fetchone()
        return str(row[0]) if row else ""

    def differs_by_case(self, address: str) -> bool:
        """Whether another address, or one that leads on, is spelled like this one but for its case."""
        queries = (
            "SELECT 1 FROM files WHERE lower(address) = lower(?) AND address != ?",
            "SELECT 1 FROM redirects WHERE lower(address) = lower(?) AND address != ?",
        )
        return any(self.record.execute(query, (address, address)).fetchone() for query in queries)

    def header_names(self) -> list[str]:
        """The headers that any file has."""
        names = self.record.execute("SELECT DISTINCT key FROM files, json_each(headers) ORDER BY key")
        return [str(name) for (name,) in names]

    def leads(self) -> Iterator[tuple[str, int, str]]:
        """All redirects, by address: address, status, location."""
        yield from self.record.execute("SELECT address, status, location FROM redirects ORDER BY address")

    def _commit(self) -> None:
        self.record.execute("COMMIT")
        self.record.execute("BEGIN IMMEDIATE")

    def _row(self, address: str) -> _Row | None:
        query = "SELECT file, sha256, size, headers, packed, source, is_there FROM files WHERE address = ?"
        row = self.record.execute(query, (address,)).fetchone()
        return _read_row(row) if row else None

    def _is_there(self, row: _Row, *, read: bool) -> bool:
        """Whether the file of a row is in its place, whole; ``read`` compares the bytes, which costs reading them."""
        place = self.folder / row.file
        try:
            if read and row.packed and hashlib.sha256(gzip.decompress(_packed(place).read_bytes())).hexdigest() != row.sha256:
                return False
            if read and _digest(place) != row.sha256:
                return False
            has_packed = not row.packed or _packed(place).stat().st_size > 0
            return row.is_there and has_packed and place.stat().st_size == row.size
        except (OSError, EOFError, zlib.error):
            return False

    def _claim(self, address: str, content_type: str, row: _Row | None, *, is_asset: bool) -> str:
        natural = natural_place(address, content_type, is_asset=is_asset)
        if row and row.file == natural:
            return natural
        return natural if natural and self._is_free(natural, address) else odd_place(address, content_type)

    def _is_free(self, file: str, address: str) -> bool:
        """Whether no other address has the file, a folder of its name, or a file in the place of one of its folders."""
        key = fold(file)
        values = {"address": address, "file": file, "above": json.dumps([key, *folders_of(key)]), "key": key}
        return all(self.record.execute(query, values).fetchone() is None for query in _TAKEN)

    def _may_write(self, address: str, file: str, sha256: str, row: _Row | None) -> bool:
        """Whether the place is free or this run's own; a file of the same bytes is taken over, for nothing of it is lost."""
        place = self.folder / file
        is_own = (row is not None and row.file == file) or self._is_leftover(file)
        blocked = any((self.folder / above).is_file() or (self.folder / above).is_symlink() for above in folders_of(file))
        try:
            is_same = place.is_file() and _digest(place) == sha256
        except OSError:
            is_same = False
        is_foreign = not is_own and not is_same and (place.exists() or _packed(place).exists())
        if blocked or place.is_dir() or place.is_symlink() or (is_foreign and not self.adopt):
            self.refuse(address, _foreign(file))
            return False
        return True

    def _is_leftover(self, file: str) -> bool:
        return self.record.execute("SELECT 1 FROM leftovers WHERE file = ?", (file,)).fetchone() is not None

    def _enter(
        self, address: str, file: str, content: Content, headers: str, row: _Row | None, *, packs: bool, source: str
    ) -> None:
        if row and row.file != file:
            self.record.execute("INSERT OR IGNORE INTO leftovers VALUES (?, ?)", (row.file, fold(row.file)))
        self.record.execute("DELETE FROM leftovers WHERE file = ?", (file,))
        values = (address, file, fold(file), content.sha256, content.size, headers, packs, source, False, self.run)
        self.record.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def _stage(self, address: str, file: str, content: Content, row: _Row | None, *, packs: bool) -> None:
        staged = self.folder / STAGING / str(len(self._waiting))
        content.write(staged)
        packed = None
        if packs and isinstance(content.data, bytes):
            packed = _packed(staged)
            # Without a time, so that the same text gives the same bytes.
            Content.of(gzip.compress(content.data, mtime=0)).write(packed)
        had_packed = row is not None and row.file == file and row.packed
        self._waiting.append(_Waiting(address, file, staged, packed, had_packed))
        self._bytes += content.size

    def _stale(self, only: Collection[str] | None) -> Iterable[tuple[str, str]]:
        query = "SELECT address, file FROM files WHERE run < ?"
        rows: list[tuple[str, str]] = self.record.execute(query + " ORDER BY address", (self.run,)).fetchall()
        return rows if only is None else [row for row in rows if row[0] in only]

    def _remove(self, file: str) -> None:
        place = self.folder / file
        for path in (_packed(place), place):
            path.unlink(missing_ok=True)
        for folder in folders_of(file):
            with suppress(OSError):
                # Of what is not empty the system says no.
                (self.folder / folder).rmdir()


def check_folder(folder: Path, state: Path, *, adopt: bool) -> None:
    """Raises RefusedFile for a folder whose files would be lost, or shown to readers, if it were written to."""
    place, record = Path(os.path.realpath(folder)), Path(os.path.realpath(state))
    checkout = Path(os.path.realpath(settings.BASE_DIR))
    guarded = [Path(os.path.realpath(root)) for root in (settings.MEDIA_ROOT, settings.PRIVATE_ROOT, settings.STATIC_ROOT)]
    home = Path(os.path.realpath(Path.home()))
    params = {"folder": folder}
    inside = any(place.is_relative_to(root) for root in guarded)
    if inside or any(root.is_relative_to(place) for root in (*guarded, checkout, home)) or record.is_relative_to(place):
        raise RefusedFile(_no_place(folder))
    if folder.exists() and not folder.is_dir():
        raise RefusedFile(Finding("publishing-target", "error", _("“%(folder)s” is no folder. Name another."), params))
    is_empty = not folder.exists() or not any(each.name != STAGING for each in folder.iterdir())
    if not is_empty and not adopt and not (state / RECORD).exists():
        template = _(
            "“%(folder)s” holds files, and nothing beside it says that they came from here. Name an empty folder, or say "
            "--adopt: files at addresses of the site are then overwritten, others are left alone."
        )
        raise RefusedFile(Finding("publishing-target-full", "error", template, params))


def _no_place(folder: Path) -> Finding:
    template = _("“%(folder)s” holds more than a site, or is no place for one. Name a folder of its own, like /srv/www/site.")
    return Finding("publishing-target", "error", template, {"folder": folder})


def _foreign(file: str) -> Finding:
    template = _("“%(file)s” is in the way and did not come from here. Move it away, or say --adopt, which overwrites files.")
    return Finding("publishing-foreign-file", "error", template, {"file": file})


def _is_text(content_type: str) -> bool:
    kind = content_type.partition(";")[0]
    return kind.startswith("text/") or kind in _TEXTS or kind.endswith(("+json", "+xml"))


def _read_row(row: tuple[str, str, int, str, int, str, int]) -> _Row:
    file, sha256, size, headers, packed, source, is_there = row
    return _Row(file, sha256, size, headers, bool(packed), source, bool(is_there))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _packed(place: Path) -> Path:
    return place.with_name(place.name + PACKED)


def _move(staged: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    os.replace(staged, place)
