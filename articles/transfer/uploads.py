"""Archives that staff bring: received onto the disk as they arrive, or found in a folder of the server that is open for it.

An upload arrives in a folder of its own below ``PRIVATE_ROOT/uploads/``, which then bears the number of its run. Several files
become one zip while they arrive, stored as they are: their names are judged by the rules for every archive, and never
reach the file system.
"""

from __future__ import annotations

import errno
import os
import posixpath
import shutil
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from articles.findings import Finding
from articles.formats.container import DEFAULT_LIMITS
from articles.models import ImportRun
from articles.stores import StoreError, is_shared
from articles.stores import describe_failure as describe_store
from articles.transfer.archives import (
    SHARED,
    find_abandoned,
    folder_of,
    remove_shared,
    remove_upload,
    share_upload,
    uploads_folder,
)
from articles.transfer.passages import fingerprint_archive
from articles.transfer.planning import start_planning
from articles.transfer.runs import AT_WORK, State, TransferError, add_event, require_import

SPARE_BYTES = 64 * 1024 * 1024
"""Room that an upload leaves on the disk: the database shares it."""
ABANDONED = timedelta(days=1)
"""A folder without a run that nobody wrote to for so long belongs to a process that died."""
MAX_LISTED = 500
NAME_OF_SEVERAL = "files"
FIRST, PACKED = "first", "archive.zip"
_BLOCK = 1024 * 1024
_ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_ENDED = (State.FINISHED, State.REFUSED, State.CANCELLED, State.UNDONE)
_FULL = (errno.ENOSPC, errno.EDQUOT)

UNATTENDED = gettext_noop("Nobody went on with the plan for %(days)s days, so its upload was cleared away. Upload it again.")


class UploadRefused(TransferError):
    """An upload that cannot be taken in. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Received:
    """An archive on the disk. ``label`` is what it is called to people, as foreign text."""

    path: Path
    label: str
    size: int


# --- Limits ---------------------------------------------------------------------------------------------------------


def max_files() -> int:
    """How many files one upload may have: as set, but no more than an archive can hold."""
    return min(int(settings.IMPORT_MAX_FILES), DEFAULT_LIMITS.max_members)


def max_bytes() -> int:
    """How many bytes one upload may have."""
    return int(settings.IMPORT_MAX_BYTES)


def check_size(size: int) -> None:
    """Raises UploadRefused for an upload of ``size`` bytes that is over the limit or for which there is no room."""
    if size > max_bytes():
        raise UploadRefused(describe_too_large())
    if shutil.disk_usage(_nearest_folder(Path(settings.PRIVATE_ROOT))).free < size + SPARE_BYTES:
        raise UploadRefused(_no_room())


def describe_too_large() -> str:
    return _("The upload is larger than %(limit)s. Split it, or put it into a folder of the server and import it from there.") % {
        "limit": describe_bytes(max_bytes())
    }


def describe_too_many() -> str:
    return _("The upload has more than %(limit)d files. Pack the folder as a zip, or import it in parts.") % {
        "limit": max_files()
    }


def describe_bytes(number: int) -> str:
    """A size as people say it, without the narrow blanks that some fonts lack."""
    for unit, size in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if number >= size:
            value = number / size
            return f"{value:.0f} {unit}" if value >= 10 or value == int(value) else f"{value:.1f} {unit}"
    return f"{number} B"


def _no_room() -> str:
    return _("There is no room for it on the server's disk. Ask whoever runs the server to make some; nothing was kept.")


def describe_failure(error: OSError) -> UploadRefused:
    """Why the disk did not take an upload, for people."""
    if isinstance(error, StoreError):
        return UploadRefused(describe_store(error))
    if error.errno in _FULL:
        return UploadRefused(_no_room())
    reason = error.strerror or type(error).__name__
    return UploadRefused(_("The server could not store the upload (%(reason)s). Nothing was kept.") % {"reason": reason})


def _nearest_folder(path: Path) -> Path:
    """The folder itself, or the nearest one above that is there."""
    while not path.is_dir():
        path = path.parent
    return path


# --- Receiving ------------------------------------------------------------------------------------------------------


class UploadBox:
    """Takes one upload in: call :meth:`begin`, :meth:`write` and :meth:`end` per file, then :meth:`close`.

    One file is kept as it comes; from the second one on they are packed. Every method raises UploadRefused, after which, as
    after :meth:`discard`, nothing of the upload is left.
    """

    def __init__(self) -> None:
        self.folder = uploads_folder() / f"{timezone.now():%Y%m%d}-{get_random_string(16).lower()}"
        self.names: list[str] = []
        self.count = self.size = 0
        self._file: IO[bytes] | None = None
        self._packer: zipfile.ZipFile | None = None
        self._tops: set[str] = set()
        self._zips = 0

    def begin(self, name: str) -> None:
        """A file begins. ``name`` is its name, or its path below the folder that was chosen."""
        if self.count >= max_files():
            self.discard()
            raise UploadRefused(describe_too_many())
        name = clean_name(name)
        try:
            if self.count == 0:
                self.folder.mkdir(parents=True, mode=0o700)
                self._file = (self.folder / FIRST).open("xb")
            else:
                if self.count == 1:
                    self._pack_first()
                self._file = self._open_member(name)
        except OSError as error:
            raise self._fail(error) from error
        if self.count == 0:
            self.names = [name]
        self._tops.add(name.split("/")[0] if "/" in name else "")
        self._zips += name.lower().endswith(".zip")
        self.count += 1

    def write(self, data: bytes) -> None:
        """The next bytes of the file."""
        assert self._file is not None, "begin() comes first"
        self.size += len(data)
        if self.size > max_bytes():
            self.discard()
            raise UploadRefused(describe_too_large())
        try:
            self._file.write(data)
        except OSError as error:
            raise self._fail(error) from error

    def end(self) -> None:
        """The file is complete."""
        assert self._file is not None, "begin() comes first"
        try:
            self._file.close()
        except OSError as error:
            raise self._fail(error) from error
        self._file = None

    def close(self) -> Received:
        """The upload is complete; its bytes are on the disk when this returns."""
        if not self.count:
            raise UploadRefused(_("Choose a zip, one or more Markdown files, or a folder."))
        if self.count > 1 and self._zips == self.count:
            self.discard()
            raise UploadRefused(_("Bring one zip at a time: each becomes an import of its own."))
        try:
            path = self._settle()
            with path.open("rb") as file:
                os.fsync(file.fileno())
            return Received(path, self._label(), path.stat().st_size)
        except OSError as error:
            raise self._fail(error) from error

    def discard(self) -> None:
        """Leaves nothing behind. May be called at any time, and again."""
        if self._packer is not None and self._packer.fp is not None:
            # Closing the packer would write a directory first.
            self._packer.fp.close()
            self._packer.fp = None
        if self._file is not None:
            with suppress(OSError, ValueError):
                self._file.close()
        self._file = self._packer = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _fail(self, error: OSError) -> UploadRefused:
        self.discard()
        return describe_failure(error)

    def _pack_first(self) -> None:
        """A second file comes: the first one moves into the zip that holds them all."""
        self._packer = zipfile.ZipFile(self.folder / PACKED, "x", zipfile.ZIP_STORED)
        first = self.folder / FIRST
        with first.open("rb") as source, self._open_member(self.names[0]) as target:
            shutil.copyfileobj(source, target, _BLOCK)
        first.unlink()

    def _open_member(self, name: str) -> IO[bytes]:
        assert self._packer is not None, "a member is part of a zip"
        # Sizes are not known yet: a member of 2 GB or more needs the long form.
        return self._packer.open(zipfile.ZipInfo(name, timezone.now().timetuple()[:6]), "w", force_zip64=True)

    def _settle(self) -> Path:
        """Gives the archive the name from which its source may be named."""
        if self._packer is not None:
            self._packer.close()
            self._packer = None
            return (self.folder / PACKED).rename(self.folder / safe_name(f"{self._label()}.zip"))
        name = self.names[0]
        first = self.folder / FIRST
        if "/" in name:
            # The only file of a folder: its path is part of what it says.
            self._pack_first()
            return self._settle()
        with first.open("rb") as file:
            is_zip = file.read(4) in _ZIP_MARKS
        name = f"{name}.zip" if is_zip and not name.lower().endswith(".zip") else name
        return first.rename(self.folder / safe_name(name))

    def _label(self) -> str:
        if self.count == 1 and "/" not in self.names[0]:
            return self.names[0][:300]
        if len(self._tops) == 1 and (top := next(iter(self._tops))):
            return top[:300]
        return NAME_OF_SEVERAL


def clean_name(name: str) -> str:
    """The path of a file as its archive may name it: what no zip can hold is marked, the rest is judged when it is opened."""
    marked = name.replace("\x00", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode("utf-8")
    return unicodedata.normalize("NFC", marked)[:2000] or "-"


def safe_name(name: str) -> str:
    """The name as file systems take it; a single text's name is its path in the source, so it is kept where possible."""
    clean = "".join(char for char in posixpath.basename(name.replace("\\", "/")) if char.isprintable()).lstrip(".") or "archive"
    stem, dot, suffix = clean.rpartition(".")
    return f"{stem.encode()[:180].decode(errors='ignore')}{dot}{suffix.encode()[:40].decode(errors='ignore')}"


# --- Folders of the server ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, or an archive, of the server that may be imported. ``path`` is relative to its root."""

    root: int
    path: str
    name: str
    is_folder: bool = True
    size: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """What one folder of the server holds: folders first, then zips and texts. ``is_cut``: there are more."""

    place: Place
    above: Place | None
    entries: list[Place]
    is_cut: bool = False


def list_open_folders() -> list[Place]:
    """The folders that ``IMPORT_ROOTS`` opens, those that are there."""
    return [Place(number, "", str(path)) for number, path in enumerate(map(Path, settings.IMPORT_ROOTS)) if path.is_dir()]


def list_place(root: int, path: str) -> Listing:
    """The folder at ``path`` below a root. Raises UploadRefused for what is no folder there, links included."""
    folder = find_place(root, path)
    if not folder.is_dir():
        raise UploadRefused(_("There is no such folder on the server, or it is not open for imports."))
    try:
        found = sorted(_scan(root, path, folder), key=lambda place: (not place.is_folder, place.name))
    except OSError as error:
        raise UploadRefused(_("The folder cannot be read: %(reason)s.") % {"reason": error.strerror or error}) from error
    above = Place(root, posixpath.dirname(path), posixpath.basename(posixpath.dirname(path))) if path else None
    name = posixpath.basename(path) or str(folder)
    return Listing(Place(root, path, name), above, found[:MAX_LISTED], len(found) > MAX_LISTED)


def find_place(root: int, path: str) -> Path:
    """The folder or file at ``path`` below a root. Raises UploadRefused where a link or ``..`` leads elsewhere."""
    missing = UploadRefused(_("There is no such folder on the server, or it is not open for imports."))
    roots = {place.root for place in list_open_folders()}
    if root not in roots or "\x00" in path:
        raise missing
    top = Path(settings.IMPORT_ROOTS[root]).resolve()
    wanted = top.joinpath(*(part for part in path.split("/") if part))
    try:
        # A link inside a root may lead anywhere: only what is its own true place is open.
        is_true = wanted.resolve(strict=True) == wanted and wanted.is_relative_to(top)
        kind = wanted.stat().st_mode
    except (OSError, RuntimeError, ValueError) as error:
        raise missing from error
    if not is_true or not (stat.S_ISDIR(kind) or stat.S_ISREG(kind)):
        raise missing
    return wanted


def choose_place(root: int, path: str) -> Received:
    """The folder or file as an archive to be imported. Raises UploadRefused."""
    found = find_place(root, path)
    return Received(found, found.name, 0 if found.is_dir() else found.stat().st_size)


def _scan(root: int, path: str, folder: Path) -> Iterator[Place]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.is_symlink() or not _is_text(entry.name):
                continue
            inner = f"{path}/{entry.name}" if path else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield Place(root, inner, entry.name)
            elif entry.is_file(follow_symlinks=False) and entry.name.lower().endswith((".zip", ".md", ".markdown")):
                yield Place(root, inner, entry.name, is_folder=False, size=entry.stat(follow_symlinks=False).st_size)


def _is_text(name: str) -> bool:
    """Whether the name can be printed and asked for again: a name's bytes need not be UTF-8."""
    return name.isprintable() and not any("\ud800" <= char <= "\udfff" for char in name)


# --- Runs -----------------------------------------------------------------------------------------------------------


def open_run(user: User, received: Received, *, is_upload: bool, once: str = "") -> ImportRun:
    """The run of an archive that was received, with its plan on the way. Raises NotAllowed, UploadRefused.

    ``once`` is the token of the form: sent twice, it gives the first run again, and the second upload goes.
    """
    require_import(user)
    shared, run = "", None
    try:
        size, sha256 = fingerprint_archive(received.path)
        if is_upload and is_shared():
            # Before the run: a worker of another machine may begin with it at once.
            shared = share_upload(received.path)
        with transaction.atomic():
            # Two clicks may end at the same moment: one of them waits here for the other.
            User.objects.select_for_update().get(pk=user.pk)
            if once and (known := ImportRun.objects.filter(user=user, options__once=once).first()):
                return known
            made = ImportRun.objects.create(
                user=user,
                label=received.label[:300],
                location=shared or str(received.path)[:1000],
                is_upload=is_upload,
                size=size,
                sha256=sha256,
                options={"user": user.get_username(), **({"once": once} if once else {})},
            )
            if is_upload and not shared:
                made.location = str(_move_to(made, received.path))
                made.save(update_fields=["location"])
            start_planning(made, user)
        run = made
        return run
    except OSError as error:
        raise describe_failure(error) from error
    finally:
        # What was shared stays here, too, as the copy that this machine reads.
        if is_upload and not (shared and run):
            discard_received(received)
        if shared and run is None:
            remove_shared([shared.removeprefix(SHARED)])


def discard_received(received: Received) -> None:
    """Removes an upload that became no run. One that did has moved."""
    shutil.rmtree(received.path.parent, ignore_errors=True)


def _move_to(run: ImportRun, path: Path) -> Path:
    """The archive's place once its folder bears the run's number."""
    folder = uploads_folder() / str(run.pk)
    # What lies there belongs to a run whose transaction was rolled back.
    shutil.rmtree(folder, ignore_errors=True)
    path.parent.rename(folder)
    return folder / path.name


def clear_uploads() -> int:
    """Removes uploads whose run ended ``IMPORT_KEEP_DAYS`` ago, those of plans left alone for so long, and what dead
    processes left; gives the number of folders. A run that was interrupted keeps its upload: it is to go on."""
    now = timezone.now()
    long_ago = now - timedelta(days=settings.IMPORT_KEEP_DAYS)
    runs = ImportRun.objects.filter(is_upload=True).exclude(location="")
    for run in runs.filter(state__in=(State.UPLOADED, State.PLANNED), started_at__lt=long_ago, lease=""):
        if max(run.started_at, run.planned_at or run.started_at) < long_ago:
            _give_up(run)
    cleared = 0
    for run in runs.filter(state__in=_ENDED, started_at__lt=long_ago):
        if (run.undone_at or run.finished_at or run.started_at) < long_ago:
            cleared += _clear(run)
    return cleared + _clear_abandoned(now.timestamp() - ABANDONED.total_seconds())


def _give_up(run: ImportRun) -> None:
    event = Finding("unattended", "info", UNATTENDED, {"days": settings.IMPORT_KEEP_DAYS})
    ImportRun.objects.filter(pk=run.pk, state=run.state, lease="").update(
        state=State.CANCELLED, finished_at=timezone.now() - timedelta(days=settings.IMPORT_KEEP_DAYS, seconds=1),
        events=add_event(run, event),
    )  # fmt: skip


def _clear(run: ImportRun) -> int:
    # The row first: a run without its archive says so, while files without a run are found as abandoned.
    if not ImportRun.objects.filter(pk=run.pk, state=run.state, lease="").update(location=""):
        return 0
    remove_upload(run)
    return 1


def _clear_abandoned(before: float) -> int:
    shared = find_abandoned(before)
    remove_shared(shared)
    try:
        with os.scandir(uploads_folder()) as entries:
            folders = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return len(shared)
    old = [folder for folder in folders if _last_written(folder) < before]
    kept = {folder_of(place) for place in ImportRun.objects.filter(is_upload=True).values_list("location", flat=True) if place}
    abandoned = [folder for folder in old if folder.name not in kept]
    for folder in abandoned:
        shutil.rmtree(folder, ignore_errors=True)
    return len(abandoned) + len(shared)


def _last_written(folder: Path) -> float:
    """When something in the folder was written last; an upload under way writes all the time."""
    times = [folder.stat().st_mtime]
    with suppress(FileNotFoundError):
        times += [entry.stat().st_mtime for entry in folder.iterdir()]
    return max(times)


def count_ahead(run: ImportRun) -> int:
    """How many imports come before this one, which waits: the one that writes, and those that were queued earlier."""
    if run.state not in AT_WORK or run.lease:
        return 0
    others = ImportRun.objects.filter(state__in=(State.APPLYING, State.UNDOING)).exclude(pk=run.pk)
    since = run.heartbeat_at or run.started_at
    return sum(1 for other in others if other.lease or (other.heartbeat_at or other.started_at) < since)


def describe_queue(ahead: int) -> str:
    """One sentence on the place in the queue."""
    return ngettext("%(count)d import is before it.", "%(count)d imports are before it.", ahead) % {"count": ahead}
