"""Stores and finds files: originals privately, by content; copies for readers below ``MEDIA_ROOT``.

Originals lie in ``PRIVATE_ROOT/originals/<2 hex>/<sha256>``. A copy for readers lies in
``MEDIA_ROOT/<2 hex>/<16 hex>/<name>.<suffix>``: its address comes from its content, so nobody guesses that of a file
of an unpublished post. Every file is written whole beside its place, synced, and moved there.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from articles.findings import RefusedFile
from articles.formats.terms import slugify
from articles.media import PublicCopy, detect_type, make_public_copy
from articles.models import MediaFile

MAX_NAME = 60  # characters; a Japanese one takes three bytes of the 255 that file systems allow

_SHA256 = re.compile(r"[0-9a-f]{64}")
_STAGING = ".staging"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to be taken into the library. ``name`` is its name or path where it came from."""

    data: bytes
    name: str
    alt: str = ""


# --- Originals ------------------------------------------------------------------------------------------------------


def store_original(data: bytes) -> str:
    """Keeps bytes privately and gives their SHA-256 (hexadecimal). Storing the same bytes again writes nothing.

    Raises OSError, with the path, where the file cannot be written.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    path = original_path(sha256)
    if not path.exists():
        _write_whole(path, data)
    return sha256


def original_path(sha256: str) -> Path:
    """Where an original lies. Raises ValueError for what is no SHA-256."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"not a SHA-256: {sha256[:80]!r}")
    return Path(settings.PRIVATE_ROOT) / "originals" / sha256[:2] / sha256


def read_original(sha256: str) -> bytes:
    """The bytes of an original. Raises OSError, with the path, where it cannot be read."""
    return original_path(sha256).read_bytes()


def open_original(sha256: str) -> BinaryIO:
    """An original, opened for reading. Raises OSError, with the path, where it cannot be read."""
    return original_path(sha256).open("rb")


# --- The library ----------------------------------------------------------------------------------------------------


def add_media(data: bytes, name: str, *, alt: str = "", user: AbstractBaseUser | None = None) -> MediaFile:
    """The library's file for these bytes: the one it has, or a new one. Raises OSError where the disk refuses.

    A file that readers may not get is kept with its finding and without a public address.
    """
    return add_many([NewFile(data, name, alt)], user=user)[0]


def add_many(files: Iterable[NewFile], *, user: AbstractBaseUser | None = None) -> list[MediaFile]:
    """The library's files for ``files``, in their order; two queries whatever their number. Raises OSError as :func:`add_media`.

    Inside a transaction the copies for readers appear when it commits; a rollback leaves none of them.
    """
    prepared = [(store_original(file.data), file) for file in files]
    known = {media.sha256: media for media in _find(sha256 for sha256, _file in prepared)}
    new: dict[str, MediaFile] = {}
    for sha256, file in prepared:
        if sha256 not in known and sha256 not in new:
            new[sha256] = _build(sha256, file, user)
    # Another process may have added the same bytes meanwhile: its row stays, and ours are read back.
    MediaFile.objects.bulk_create(new.values(), ignore_conflicts=True)
    for media in _find(new) if new else ():
        known[media.sha256] = media
    return [known[sha256] for sha256, _file in prepared]


def write_missing_public_files() -> list[str]:
    """Makes the copies that rows name and the disk lacks (a crash between commit and write); gives their names."""
    written = []
    for media in MediaFile.objects.exclude(public_name="").iterator():
        if not _public_path(media.public_name).exists():
            _write_whole(_public_path(media.public_name), make_public_copy(read_original(media.sha256), media.name).data)
            written.append(media.public_name)
    return written


def _find(fingerprints: Iterable[str]) -> Iterator[MediaFile]:
    wanted = list(dict.fromkeys(fingerprints))
    # SQLite takes a limited number of parameters.
    for start in range(0, len(wanted), 500):
        yield from MediaFile.objects.filter(sha256__in=wanted[start : start + 500])


def _build(sha256: str, file: NewFile, user: AbstractBaseUser | None) -> MediaFile:
    """An unsaved row; the copy for readers is staged, and moved to its place on commit."""
    name = posixpath.basename(file.name.replace("\\", "/")).replace("\0", "")
    media = MediaFile(
        sha256=sha256, name=name[-255:], size=len(file.data), alt=file.alt[:500], uploaded_by_id=user.pk if user else None
    )
    try:
        copy = make_public_copy(file.data, name)
    except RefusedFile as refused:
        media.content_type = detect_type(file.data, name)
        media.findings = [refused.finding.as_json()]
        return media
    media.content_type, media.width, media.height = copy.content_type, copy.width, copy.height
    media.public_name = public_name(sha256, name, copy)
    _stage(copy.data, sha256, media.public_name)
    return media


def public_name(sha256: str, name: str, copy: PublicCopy) -> str:
    """``ab/0123456789abcdef/name.png``: the place below ``MEDIA_ROOT``. Japanese letters of the name stay."""
    stem = slugify(posixpath.splitext(name)[0])[:MAX_NAME].strip("-_") or "file"
    return f"{sha256[:2]}/{sha256[:16]}/{stem}.{copy.extension}"


def _public_path(name: str) -> Path:
    return Path(settings.MEDIA_ROOT) / name


def _stage(data: bytes, sha256: str, name: str) -> None:
    """Writes the copy out of readers' sight now and moves it on commit: an import's pictures never fill the memory.

    The staged name is that of the content, so a repeated run overwrites what a killed one left.
    """
    if _public_path(name).exists():
        return
    staged = _public_path(f"{_STAGING}/{sha256}")
    _write_whole(staged, data)
    transaction.on_commit(partial(_move, staged, _public_path(name)))


def _move(staged: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(staged, target)
    except FileNotFoundError:
        # Another process staged the same content and has moved it already.
        if not target.exists():
            raise
    _sync_folder(target.parent)


def _write_whole(path: Path, data: bytes) -> None:
    """Either the whole file is there or none of it, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        if error.filename is None:
            error.filename = str(path)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def stored_fingerprints(fingerprints: Sequence[str]) -> set[str]:
    """Those of ``fingerprints`` whose original is on the disk."""
    return {sha256 for sha256 in fingerprints if original_path(sha256).exists()}
