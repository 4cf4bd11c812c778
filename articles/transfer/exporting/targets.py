"""Where an export goes: a folder, a zip on the disk, or a zip sent while it is being made."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile

CHUNK = 256 * 1024
EPOCH = (1980, 1, 1, 0, 0, 0)
_PACKED = (
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".webp",
    ".avif",
    ".mp3",
    ".mp4",
    ".m4a",
    ".webm",
    ".mov",
    ".pdf",
    ".zip",
    ".gz",
    ".epub",
)


@dataclass(frozen=True, slots=True)
class Member:
    """One file on its way out: its bytes, or what reads them. ``findings`` and ``post`` go into the receipt."""

    path: str
    data: bytes = b""
    original: Callable[[], Iterator[bytes]] | None = None
    size: int = 0
    post: str = ""
    source: str = ""
    findings: tuple[Finding, ...] = ()

    def open(self) -> Iterator[bytes]:
        """The bytes. Raises OSError, with the path, where a file of the library cannot be opened."""
        if self.original is None:
            return iter((self.data,))
        return self.original()


class Target(Protocol):
    """Takes files one after the other."""

    def write(self, path: str, chunks: Iterable[bytes], size: int) -> Iterator[None]:
        """Writes one file, a step at a time. ``size`` is its length, as far as it is known beforehand."""
        ...


class FolderTarget:
    """Files below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, path: str, chunks: Iterable[bytes], size: int) -> Iterator[None]:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for part in chunks:
                file.write(part)
                yield


class ZipTarget:
    """Members of a zip. They have no time of their own, so that the same content gives the same archive."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive

    def write(self, path: str, chunks: Iterable[bytes], size: int) -> Iterator[None]:
        info = zipfile.ZipInfo(path, EPOCH)
        info.compress_type = zipfile.ZIP_DEFLATED
        # Without a mode some programs unpack files that nobody may read; without a system it is that of this machine.
        info.external_attr, info.create_system = 0o100644 << 16, 3
        if path.lower().endswith(_PACKED):
            info._compresslevel = 1  # type: ignore[attr-defined]
        # From its size zipfile tells whether the member needs Zip64.
        info.file_size = size
        with self.archive.open(info, "w") as file:
            for part in chunks:
                file.write(part)
                yield


class HashTarget:
    """Writes nothing: for a comparison with what was written before."""

    def write(self, path: str, chunks: Iterable[bytes], size: int) -> Iterator[None]:
        for _part in chunks:
            yield


class _Outbox(io.RawIOBase):
    """A file that zipfile writes to and that is emptied after every step: nothing can be sought in it."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self.parts.append(part)
        self.size += len(part)
        return len(part)

    def take(self) -> bytes:
        taken = b"".join(self.parts)
        self.parts.clear()
        self.size = 0
        return taken


def stream_zip(write: Callable[[Target], Iterator[None]]) -> Iterator[bytes]:
    """A zip while it is being made. ``write`` writes into the target it is given, a step at a time.

    Where ``write`` fails, the archive ends without its directory: no program takes it for a whole one.
    """
    outbox = _Outbox()
    archive = zipfile.ZipFile(outbox, "w", zipfile.ZIP_DEFLATED, allowZip64=True)
    try:
        for _step in write(ZipTarget(archive)):
            if outbox.size >= CHUNK // 4:
                yield outbox.take()
        archive.close()
        yield outbox.take()
    finally:
        # A closed archive has none; one that failed would write its directory when the object is thrown away.
        archive.fp = None


@contextmanager
def open_target(target: Path, *, as_zip: bool) -> Iterator[Target]:
    """A target beside its place, moved there when all is written. A failure leaves nothing.

    Raises RefusedFile where the place is taken, and OSError with the path where writing fails.
    """
    if target.exists() and (as_zip or not target.is_dir() or any(target.iterdir())):
        template = _("“%(path)s” is there already. Name a new place, or an empty folder; nothing was written.")
        raise RefusedFile(Finding("target-taken", "error", template, {"path": str(target)}))
    target.parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=".export-", dir=target.parent))
    try:
        if as_zip:
            part = workshop / "archive.zip"
            with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
                yield ZipTarget(archive)
            part.rename(target)
        else:
            part = workshop / "files"
            part.mkdir()
            yield FolderTarget(part)
            if target.exists():
                target.rmdir()
            part.rename(target)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
