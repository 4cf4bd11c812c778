"""Opens a folder, a single file or a zip as one set of members, within limits, following nothing that points elsewhere.

The zip directory is read here and not by ``zipfile``: that reads the whole directory before its size can be judged,
fails as a whole on one bad name, believes the sizes that a directory states, and before Python 3.11.8 lets members
overlap. Only stored and deflated members are read. Sources: PKWARE APPNOTE 6.3.10.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import struct
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.parse import unquote

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one archive may hold; sizes in bytes after decompression.

    ``max_members`` counts a zip's directory entries, folders included; ``max_folder_members`` a folder's files, which
    are the operator's own. A document has its own, lower limit (``encoding.MAX_DOCUMENT_BYTES``).
    """

    max_members: int = 19_999
    max_folder_members: int = 1_000_000
    max_file: int = 256 * _MIB
    max_total: int = 4096 * _MIB
    max_ratio: int = 1_100
    max_text_ratio: int = 200
    max_depth: int = 40
    max_path: int = 1_000


DEFAULT_LIMITS = Limits()

_CHUNK = 256 * 1024
# Deflate cannot pack better than 1,032 to 1, so a directory that states more lies. Below this size it does not matter.
_RATIO_FROM = _MIB

# Why a file is no part of a site, as what stands behind the colon in “… is left out: …”.
_VERSIONS = _("version control")
_SYSTEM = _("made by the operating system")
_PACKAGES = _("installed packages")
_CACHE = _("a cache")
_SECRETS = _("secrets")
_RECEIPT = _("the receipt of an export")
_TEMPORARY = _("a temporary file")

_SKIPPED_NAMES = {
    ".git": _VERSIONS,
    ".hg": _VERSIONS,
    ".svn": _VERSIONS,
    ".bzr": _VERSIONS,
    "cvs": _VERSIONS,
    ".ds_store": _SYSTEM,
    "__macosx": _SYSTEM,
    "thumbs.db": _SYSTEM,
    "ehthumbs.db": _SYSTEM,
    "desktop.ini": _SYSTEM,
    ".spotlight-v100": _SYSTEM,
    ".trashes": _SYSTEM,
    ".fseventsd": _SYSTEM,
    "$recycle.bin": _SYSTEM,
    "node_modules": _PACKAGES,
    "bower_components": _PACKAGES,
    ".bundle": _PACKAGES,
    ".venv": _PACKAGES,
    "__pycache__": _CACHE,
    ".sass-cache": _CACHE,
    ".jekyll-cache": _CACHE,
    ".jekyll-metadata": _CACHE,
    ".hugo_build.lock": _CACHE,
    ".ssh": _SECRETS,
    ".gnupg": _SECRETS,
    ".aws": _SECRETS,
    ".netrc": _SECRETS,
    "_netrc": _SECRETS,
    ".npmrc": _SECRETS,
    ".pypirc": _SECRETS,
    ".pgpass": _SECRETS,
    ".my.cnf": _SECRETS,
    ".htpasswd": _SECRETS,
    ".git-credentials": _SECRETS,
    "credentials.json": _SECRETS,
    "service-account.json": _SECRETS,
    "wp-config.php": _SECRETS,
    "id_rsa": _SECRETS,
    "id_dsa": _SECRETS,
    "id_ecdsa": _SECRETS,
    "id_ed25519": _SECRETS,
    "kawaraban-receipt.json": _RECEIPT,
}
_SKIPPED_PATTERN = re.compile(
    r"(?P<receipt>.+\.kawaraban-receipt\.json)|(?P<secrets>\.env(?:\..+|rc)?|.+\.(?:pem|key|p12|pfx|jks|keystore|kdbx))|(?P<system>\._.+)|(?P<temporary>~\$.+|.+~|\.#.+|.+\.sw[op])",
    re.IGNORECASE,
)
_SKIPPED_REASONS = {"receipt": _RECEIPT, "secrets": _SECRETS, "system": _SYSTEM, "temporary": _TEMPORARY}

_PACKED_SUFFIXES = (".zip", ".rar", ".7z", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".lzh")
_DOCUMENT_SUFFIXES = (".md", ".markdown", ".mdown", ".mkd", ".mkdn", ".txt", ".text", ".html", ".htm")
_RESERVED_NAME = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:[. ].*)?", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_JAPANESE = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff9f]")
_DRIVE = re.compile(r"[A-Za-z]:(?=/|\Z)")

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_END_MARK, _END64_LOCATOR_MARK, _END64_MARK = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"
_CENTRAL_MARK, _LOCAL_MARK, _SPANNED_MARK = b"PK\x01\x02", b"PK\x03\x04", b"PK\x07\x08"
_STORED, _DEFLATED, _AES = 0, 8, 99
_DOS_HOSTS = frozenset((0, 10, 14))


@dataclass(frozen=True, slots=True)
class Member:
    """One file. ``path`` is relative, with ``/``; ``size`` in bytes, for a zip as its directory states it."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where one zip member stands. Offsets from the start of the file."""

    name: bytes
    path: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    mode: int
    host: int


@dataclass(slots=True)
class Container:
    """The members of an opened archive, and what was left out of it.

    ``members`` holds files only. ``refused`` are members that break a rule, each with its finding, ``skipped`` those
    that are no part of a site (``.git``, secrets …) with the reason, ``findings`` remarks about members that stay.
    Paths in the last three are printable. A container holds no open file and can be pickled.
    """

    source: Path
    kind: Literal["folder", "file", "zip"]
    limits: Limits = DEFAULT_LIMITS
    members: dict[str, Member] = field(default_factory=dict)
    refused: list[tuple[str, Finding]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    findings: list[tuple[str, Finding]] = field(default_factory=list)
    _entries: dict[str, _Entry] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The archive's own name, without ``.zip``; what a source is called when its site has no name."""
        return self.source.stem if self.kind != "folder" else self.source.resolve().name

    def read(self, path: str) -> bytes:
        """The bytes of one member. Raises :class:`RefusedFile` if it cannot be read as it should, ``KeyError`` if unknown."""
        if path not in self.members:
            raise KeyError(path)
        if self.kind == "zip":
            try:
                with self.source.open("rb") as file:
                    return _read_entry(file, self._entries[path])
            except OSError as error:
                raise RefusedFile(_describe_os_error(path, error)) from error
        if self.kind == "folder":
            return _read_plain(os.path.join(self.source, path), path, self.limits)
        # A single file was named by the operator, who may name a link.
        return _read_plain(str(self.source.parent.resolve() / self.source.name), path, self.limits)

    def stream(self, path: str) -> Iterator[bytes]:
        """The bytes of one member of a zip in pieces, for what is too large to hold. Raises as :meth:`read` does.

        Damage may show only at the end, so nothing of it counts before the last piece came.
        """
        entry = self._entries[path]
        try:
            with self.source.open("rb") as file:
                yield from _stream_entry(file, entry)
        except OSError as error:
            raise RefusedFile(_describe_os_error(path, error)) from error


def open_archive(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> Container:
    """Opens ``path``: a folder, a zip (by its suffix or its first bytes), or one document.

    ``path`` itself may be a symbolic link, nothing inside it may be. Raises :class:`RefusedFile` where nothing of it
    can be taken in: it is missing, no zip though called one, cut, split, over a limit, a bomb, or holds no file.
    """
    path = Path(path)
    try:
        status = path.stat()
    except OSError as error:
        raise RefusedFile(_describe_os_error(str(path), error)) from error
    if stat.S_ISDIR(status.st_mode):
        container = Container(path, "folder", limits)
        _scan_folder(container)
    elif not stat.S_ISREG(status.st_mode):
        raise RefusedFile(_describe_special(str(path)))
    elif _is_zip(path):
        container = Container(path, "zip", limits)
        _scan_zip(container, status.st_size)
    else:
        container = Container(path, "file", limits)
        _scan_file(container, status.st_size)
    if not (container.members or container.refused):
        raise RefusedFile(
            Finding(
                "no-documents",
                "error",
                _("“%(path)s”: no Markdown files found. Choose the folder or zip that holds the site's texts."),
                {"path": _show(path.name)},
            )
        )
    _refuse_packed(container)
    _report_collisions(container)
    return container


def _refuse_packed(container: Container) -> None:
    """Refuses what holds nothing but other archives: a zip of a zip, or a kind of archive that is not read here."""
    packed = [path for path in container.members if path.lower().endswith(_PACKED_SUFFIXES)]
    if len(packed) < len(container.members) or not packed:
        return
    name = _show(container.source.name)
    if container.kind == "file":
        template = _("“%(path)s” is an archive of another kind than zip. Unpack it, and pack the folder as .zip.")
        raise RefusedFile(Finding("not-a-zip", "error", template, {"path": name}))
    template = _("“%(path)s” holds only another archive, “%(inner)s”. Choose that one, or unpack it first.")
    raise RefusedFile(Finding("archive-in-archive", "error", template, {"path": name, "inner": _show(packed[0])}))


def _is_zip(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix == ".zip":
        return True
    if suffix in _DOCUMENT_SUFFIXES:
        return False
    with path.open("rb") as file:
        return file.read(4) in (_LOCAL_MARK, _END_MARK, _SPANNED_MARK)


# Folders and single files


def _scan_file(container: Container, size: int) -> None:
    name = container.source.name
    if finding := _check_path(name, container.limits):
        raise RefusedFile(finding)
    if size > container.limits.max_file:
        raise RefusedFile(_describe_size(name, size, container.limits.max_file))
    container.members[name] = Member(name, size)
    _report_name(container, name)


def _scan_folder(container: Container) -> None:
    """Every regular file under the folder, in order of path. Links and special files are refused, never opened."""
    limits = container.limits
    total = 0
    for path, entry in _walk(container, "", 1):
        shown = _show(path)
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            container.refused.append((shown, _describe_os_error(path, error)))
            continue
        if stat.S_ISLNK(status.st_mode):
            container.refused.append((shown, _describe_link(path)))
        elif not stat.S_ISREG(status.st_mode):
            container.refused.append((shown, _describe_special(path)))
        elif finding := _check_path(path, limits):
            container.refused.append((shown, finding))
        elif status.st_size > limits.max_file:
            container.refused.append((shown, _describe_size(path, status.st_size, limits.max_file)))
        else:
            container.members[path] = Member(path, status.st_size)
            _report_name(container, path)
            total += status.st_size
        if len(container.members) > limits.max_folder_members:
            raise RefusedFile(_describe_count(limits.max_folder_members + 1, limits.max_folder_members))
    if total > limits.max_total:
        raise RefusedFile(_describe_total(total, limits.max_total))


def _walk(container: Container, folder: str, depth: int) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Entries that are no folder, sorted by name within each folder. Links to folders are given as entries."""
    try:
        with os.scandir(container.source / folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        container.refused.append((_show(folder), _describe_os_error(folder, error)))
        return
    for entry in found:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if reason := _find_skip_reason(entry.name):
            container.skipped.append((_show(path), reason))
        elif not entry.is_dir(follow_symlinks=False):
            yield path, entry
        elif depth >= container.limits.max_depth:
            container.refused.append((_show(path), _describe_depth(path, container.limits)))
        else:
            yield from _walk(container, path, depth + 1)


def _read_plain(source: str, path: str, limits: Limits) -> bytes:
    """A file that was regular when it was listed; it may have been replaced by a link or a pipe since."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(source, flags)
    except OSError as error:
        finding = _describe_link(path) if error.errno == errno.ELOOP else _describe_os_error(path, error)
        raise RefusedFile(finding) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise RefusedFile(_describe_special(path))
        data = _read_descriptor(descriptor, status.st_size, limits.max_file)
    except OSError as error:
        raise RefusedFile(_describe_os_error(path, error)) from error
    finally:
        os.close(descriptor)
    if len(data) > limits.max_file:
        raise RefusedFile(_describe_size(path, len(data), limits.max_file))
    return data


def _read_descriptor(descriptor: int, size: int, limit: int) -> bytes:
    """All bytes up to ``limit`` and one more; ``size`` is what is expected. Asking for the limit would allocate it."""
    parts: list[bytes] = []
    total = 0
    while total <= limit and (part := os.read(descriptor, min(max(size + 1 - total, 1), limit + 1))):
        parts.append(part)
        total += len(part)
        size = max(size, total + _CHUNK) if total > size else size
    return parts[0] if len(parts) == 1 else b"".join(parts)


# Zips


@dataclass(frozen=True, slots=True)
class _Directory:
    """Where the central directory stands and what it claims. ``shift`` is the length of what stands before the zip."""

    count: int
    start: int
    size: int
    shift: int


def _scan_zip(container: Container, size: int) -> None:
    with container.source.open("rb") as file:
        directory = _find_directory(file, size, container.limits)
        file.seek(directory.start)
        entries = list(_read_directory(file.read(directory.size), directory, container.limits))
    if len(entries) > container.limits.max_members:
        raise RefusedFile(_describe_count(len(entries), container.limits.max_members))
    _check_overlap(entries, directory.start)
    names = _decode_names(container, entries)
    total = 0
    for entry, path in zip(entries, names, strict=True):
        if _take_entry(container, entry, path):
            total += entry.size
    if total > container.limits.max_total:
        raise RefusedFile(_describe_total(total, container.limits.max_total))


def _find_directory(file: BinaryIO, size: int, limits: Limits) -> _Directory:
    """Reads the end record, and judges count and size of the directory before any of it is read."""
    tail_start = max(0, size - 65_557)
    file.seek(tail_start)
    tail = file.read()
    # From the end backwards: a comment may hold what looks like an end record, and bytes may follow the zip.
    is_split = False
    at = tail.rfind(_END_MARK)
    while at >= 0:
        record = _read_end(file, tail, at, tail_start, limits)
        if isinstance(record, _Directory):
            return record
        is_split = is_split or record == "split"
        at = tail.rfind(_END_MARK, 0, at)
    if is_split:
        raise RefusedFile(
            Finding("zip-split", "error", _("This is one part of a split zip. Join the parts, or pack the folder as one zip."))
        )
    file.seek(0)
    if file.read(4) in (_LOCAL_MARK, _SPANNED_MARK):
        raise RefusedFile(
            Finding("zip-damaged", "error", _("The zip is cut or damaged: its directory is missing. Make or upload it again."))
        )
    raise RefusedFile(
        Finding("not-a-zip", "error", _("The file is not a zip archive, though it is called one. Pack the folder as .zip."))
    )


def _read_end(file: BinaryIO, tail: bytes, at: int, tail_start: int, limits: Limits) -> _Directory | Literal["split"] | None:
    """The directory of the end record at ``at``; ``None`` if these bytes are no end record, ``split`` if one of several disks."""
    if len(tail) - at < _END.size:
        return None
    _mark, disk, first_disk, count_here, count, length, offset, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment > len(tail):
        return None
    end = tail_start + at
    if disk not in (0, 0xFFFF) or first_disk not in (0, 0xFFFF) or count_here != count:
        return "split"
    if 0xFFFF in (count, disk) or 0xFFFFFFFF in (length, offset):
        found = _read_end64(file, end)
        if found is not None:
            count, length, offset, end = found
    if count > limits.max_members:
        raise RefusedFile(_describe_count(count, limits.max_members))
    start = end - length
    if start < 0 or offset > start:
        return None
    # Long names are legal, but a directory of more than this for its count is no site's.
    if length > _MIB + limits.max_members * 512:
        raise RefusedFile(_describe_count(length // _CENTRAL.size, limits.max_members))
    if count:
        file.seek(start)
        if file.read(4) != _CENTRAL_MARK:
            return None
    return _Directory(count, start, length, start - offset)


def _read_end64(file: BinaryIO, end: int) -> tuple[int, int, int, int] | None:
    """Count, length, offset of the directory and the place where it ends, from the Zip64 records before ``end``."""
    place = end - _END64_LOCATOR.size
    if place < _END64.size:
        return None
    file.seek(place)
    mark, _disk, offset, _disks = _END64_LOCATOR.unpack(file.read(_END64_LOCATOR.size))
    if mark != _END64_LOCATOR_MARK:
        return None
    # The locator's offset is wrong where something stands before the zip; the record then ends at the locator.
    for start in (offset, place - _END64.size):
        if 0 <= start <= place - _END64.size:
            file.seek(start)
            record = _END64.unpack(file.read(_END64.size))
            if record[0] == _END64_MARK:
                return record[7], record[8], record[9], start
    return None


def _read_directory(data: bytes, directory: _Directory, limits: Limits) -> Iterator[_Entry]:
    place = 0
    count = 0
    while place + _CENTRAL.size <= len(data) and data[place : place + 4] == _CENTRAL_MARK:
        fields = _CENTRAL.unpack_from(data, place)
        (_mark, made_by, _needed, flags, method, _time, _date, crc, packed, size, name_length, extra_length) = fields[:12]
        comment_length, _disk, _internal, external, offset = fields[12:]
        name_at = place + _CENTRAL.size
        name = data[name_at : name_at + name_length]
        extra = data[name_at + name_length : name_at + name_length + extra_length]
        place = name_at + name_length + extra_length + comment_length
        if place > len(data):
            break
        size, packed, offset = _read_zip64_extra(extra, size, packed, offset)
        host = made_by >> 8
        mode = external >> 16 if host in (3, 19) else 0
        path = _read_unicode_path(extra, name)
        yield _Entry(name, path, flags, method, crc, packed, size, offset + directory.shift, mode, host)
        count += 1
        if count > limits.max_members:
            raise RefusedFile(_describe_count(count, limits.max_members))
    if count != directory.count and count != directory.count % 65_536:
        raise RefusedFile(
            Finding(
                "zip-damaged",
                "error",
                _("The zip is damaged: it announces %(stated)s files and lists %(count)s. Make or upload it again."),
                {"stated": directory.count, "count": count},
            )
        )


def _iterate_extra(extra: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        yield kind, extra[place + 4 : place + 4 + length]
        place += 4 + length


def _read_zip64_extra(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    if 0xFFFFFFFF not in (size, packed, offset):
        return size, packed, offset
    values = [size, packed, offset]
    for kind, data in _iterate_extra(extra):
        if kind == 1:
            place = 0
            for number, value in enumerate(values):
                if value == 0xFFFFFFFF and place + 8 <= len(data):
                    values[number] = struct.unpack_from("<Q", data, place)[0]
                    place += 8
    return values[0], values[1], values[2]


def _read_unicode_path(extra: bytes, name: bytes) -> str:
    """Info-ZIP's Unicode name, where it was made for this very name; else ``""``."""
    for kind, data in _iterate_extra(extra):
        if kind == 0x7075 and len(data) > 5 and struct.unpack_from("<L", data, 1)[0] == zlib.crc32(name):
            try:
                return data[5:].decode("utf-8")
            except UnicodeDecodeError:
                return ""
    return ""


def _check_overlap(entries: list[_Entry], directory_start: int) -> None:
    """Refuses members that share bytes: a few kilobytes then unpack to gigabytes, each member within every limit."""
    end = directory_start
    for entry in sorted(entries, key=lambda entry: entry.offset, reverse=True):
        if entry.offset + _LOCAL.size + len(entry.name) + entry.packed > end:
            raise RefusedFile(
                Finding(
                    "zip-overlap",
                    "error",
                    _("The zip is damaged or hostile: “%(path)s” overlaps another file. Pack the folder again."),
                    {"path": _show(entry.name.decode("utf-8", "backslashreplace"))},
                )
            )
        end = entry.offset


def _decode_names(container: Container, entries: list[_Entry]) -> list[str | None]:
    """Names as text; one encoding for all that state none. ``None``: states UTF-8 and is not."""
    unstated = [entry.name for entry in entries if not (entry.flags & 0x800 or entry.path or entry.name.isascii())]
    encoding = next(name for name in ("utf-8", "cp932", "euc_jp", "cp437") if _fits_names(unstated, name))
    if unstated and encoding != "utf-8":
        example = unstated[0].decode(encoding)
        finding = Finding(
            "zip-names-guessed",
            "warning",
            _("The zip does not say how names are written; they were read as %(encoding)s, such as “%(example)s”. Check them."),
            {"encoding": encoding, "example": _show(example)},
        )
        container.findings.append((_show(example), finding))
    return [_decode_name(entry, encoding) for entry in entries]


def _decode_name(entry: _Entry, encoding: str) -> str | None:
    if entry.path:
        return entry.path
    try:
        return entry.name.decode("utf-8" if entry.flags & 0x800 else encoding)
    except UnicodeDecodeError:
        return None


def _fits_names(names: list[bytes], encoding: str) -> bool:
    """Whether all names decode, and for the Japanese encodings look like names: mostly letters, some of them kana or kanji."""
    if encoding == "cp437":
        return True
    try:
        text = "".join(name.decode(encoding) for name in names)
    except UnicodeDecodeError:
        return False
    if encoding == "utf-8":
        return True
    high = [char for char in text if char > "\x7f"]
    return len(_JAPANESE.findall(text)) * 10 >= len(high) * 9


def _take_entry(container: Container, entry: _Entry, path: str | None) -> bool:
    """Files one member under members, refused or skipped; whether it counts for the total."""
    shown = _show(path if path is not None else entry.name.decode("utf-8", "backslashreplace"))
    if path is None:
        template = _("The file name “%(path)s” is not valid UTF-8. Rename it and pack again.")
        container.refused.append((shown, Finding("bad-name", "error", template, {"path": shown})))
        return False
    if "\\" in path and entry.host in _DOS_HOSTS:
        path = path.replace("\\", "/")
    if finding := _check_path(path.rstrip("/") if path.strip("/") else path, container.limits):
        container.refused.append((shown, finding))
        return False
    if path.endswith("/") or stat.S_ISDIR(entry.mode):
        return False
    path = "/".join(part for part in path.split("/") if part not in ("", "."))
    if reason := next((reason for part in path.split("/") if (reason := _find_skip_reason(part))), ""):
        container.skipped.append((shown, reason))
        return False
    if finding := _check_entry(entry, path, container):
        container.refused.append((shown, finding))
        return False
    container.members[path] = Member(path, entry.size)
    container._entries[path] = entry
    _report_name(container, path)
    return True


def _check_entry(entry: _Entry, path: str, container: Container) -> Finding | None:
    limits = container.limits
    if stat.S_ISLNK(entry.mode):
        return _describe_link(path)
    if entry.mode and stat.S_IFMT(entry.mode) not in (0, stat.S_IFREG):
        return _describe_special(path)
    if entry.flags & 0x2041 or entry.method == _AES:
        return _describe("encrypted", _("“%(path)s” is encrypted: remove the password and pack the folder again."), path)
    if entry.method not in (_STORED, _DEFLATED):
        template = _("“%(path)s” is packed by method %(method)s, which is not read here. Pack the folder as an ordinary zip.")
        return Finding("zip-method", "error", template, {"path": _show(path), "method": entry.method})
    if entry.size > limits.max_file:
        return _describe_size(path, entry.size, limits.max_file)
    if entry.size > _RATIO_FROM and entry.size > entry.packed * limits.max_ratio:
        return _describe_lie(path)
    if path.lower().endswith(_DOCUMENT_SUFFIXES) and entry.size > max(_RATIO_FROM, entry.packed * limits.max_text_ratio):
        template = _("“%(path)s” grows %(ratio)s times when it is unpacked, which no text does. Leave it out, or split it.")
        return Finding("zip-bomb", "error", template, {"path": _show(path), "ratio": entry.size // max(1, entry.packed)})
    if path in container.members:
        template = _("The zip holds two files called “%(path)s”; the first was taken. Rename one and pack again.")
        return _describe("duplicate-path", template, path)
    return None


def _read_entry(file: BinaryIO, entry: _Entry) -> bytes:
    """Unpacks one member, never more bytes than its directory entry states."""
    return b"".join(_stream_entry(file, entry))


def _stream_entry(file: BinaryIO, entry: _Entry) -> Iterator[bytes]:
    path = entry.path or entry.name.decode("utf-8", "backslashreplace")
    file.seek(entry.offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or header[:4] != _LOCAL_MARK:
        raise RefusedFile(_describe_damage(path))
    fields = _LOCAL.unpack(header)
    name = file.read(fields[9])
    if name != entry.name:
        template = _("The zip calls “%(path)s” by another name inside (“%(other)s”). Pack the folder again.")
        params = {"path": _show(path), "other": _show(name.decode("utf-8", "backslashreplace"))}
        raise RefusedFile(Finding("zip-name-differs", "error", template, params))
    file.seek(fields[10], os.SEEK_CUR)
    size = crc = 0
    for part in _read_stored(file, entry, path) if entry.method == _STORED else _inflate(file, entry, path):
        size += len(part)
        crc = zlib.crc32(part, crc)
        yield part
    if size != entry.size or crc != entry.crc:
        raise RefusedFile(_describe_damage(path))


def _read_stored(file: BinaryIO, entry: _Entry, path: str) -> Iterator[bytes]:
    if entry.packed != entry.size:
        raise RefusedFile(_describe_lie(path))
    left = entry.size
    while left and (part := file.read(min(left, _CHUNK))):
        left -= len(part)
        yield part


def _inflate(file: BinaryIO, entry: _Entry, path: str) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    room = entry.size
    left = entry.packed
    try:
        while left and not inflater.eof:
            chunk = file.read(min(left, _CHUNK))
            if not chunk:
                raise RefusedFile(_describe_damage(path))
            left -= len(chunk)
            while chunk:
                # One byte more than stated shows the lie.
                part = inflater.decompress(chunk, min(room + 1, _CHUNK))
                room -= len(part)
                if room < 0:
                    raise RefusedFile(_describe_lie(path))
                yield part
                chunk = inflater.unconsumed_tail
                if not part and not inflater.eof and not chunk:
                    break
        if not inflater.eof:
            rest = inflater.flush()
            if len(rest) > room:
                raise RefusedFile(_describe_lie(path))
            yield rest
    except zlib.error as error:
        raise RefusedFile(_describe_damage(path)) from error


# Names


def _find_skip_reason(name: str) -> str:
    """Why a file or folder of this name is no part of a site; ``""`` if it is one."""
    if reason := _SKIPPED_NAMES.get(name.lower(), ""):
        return reason
    found = _SKIPPED_PATTERN.fullmatch(name)
    return _SKIPPED_REASONS[found.lastgroup or "secrets"] if found else ""


def _check_path(path: str, limits: Limits) -> Finding | None:
    """The finding for a path that leads out of the archive, cannot be shown, or is over a limit."""
    if len(path) > limits.max_path or path.count("/") >= limits.max_depth:
        return _describe_depth(path, limits)
    if _CONTROL.search(path):
        return _describe("bad-name", _("The file name “%(path)s” holds control or unreadable characters. Rename it."), path)
    if _leads_out(path) or ("%" in path and _leads_out(unquote(path))):
        template = _("The path “%(path)s” leads out of the archive. Pack the folder itself, without “..” or “/”.")
        return _describe("path-escape", template, path)
    return None


def _leads_out(path: str) -> bool:
    if "\\" in path:
        parts = path.replace("\\", "/").split("/")
        return ".." in parts or not parts[0] or _DRIVE.match(parts[0]) is not None or path.startswith("\\")
    return path.startswith("/") or _DRIVE.match(path) is not None or ".." in path.split("/") or not path.strip("./ ")


def _report_name(container: Container, path: str) -> None:
    """Remarks names that some systems cannot hold: the file stays under a name of our own wherever it is stored."""
    for part in path.split("/"):
        if part[-1] in ". " or ":" in part or "\\" in part or _RESERVED_NAME.fullmatch(part):
            template = _("The name “%(path)s” cannot exist on Windows. It is kept; rename it if the site is to be opened there.")
            container.findings.append((_show(path), Finding("reserved-name", "warning", template, {"path": _show(path)})))
            return


def _report_collisions(container: Container) -> None:
    """Names that differ only in case or normalisation: one file on macOS and Windows, two here. Both are kept."""
    seen: dict[str, str] = {}
    for path in container.members:
        folded = unicodedata.normalize("NFC", path).casefold() if not path.isascii() else path.lower()
        other = seen.setdefault(folded, path)
        if other != path:
            template = _("“%(path)s” and “%(other)s” differ only in case or accents. Both were taken; rename one.")
            container.findings.append(
                (_show(path), Finding("path-collision", "warning", template, {"path": _show(path), "other": _show(other)}))
            )


def _show(path: str) -> str:
    """A path fit for reports and logs: no control characters, no lone surrogates, not endless."""
    shown = _CONTROL.sub(lambda char: char.group().encode("unicode_escape").decode(), path)
    return shown if len(shown) <= 300 else shown[:200] + "…" + shown[-60:]


def _describe(code: str, template: str, path: str) -> Finding:
    return Finding(code, "error", template, {"path": _show(path)})


def _describe_link(path: str) -> Finding:
    template = _("“%(path)s” is a symbolic link, which is never followed. Put the file itself there.")
    return _describe("symbolic-link", template, path)


def _describe_special(path: str) -> Finding:
    return _describe("special-file", _("“%(path)s” is no ordinary file (a pipe, socket or device). Remove it."), path)


def _describe_damage(path: str) -> Finding:
    template = _("“%(path)s” is damaged in the zip: its checksum does not fit. Pack the folder again.")
    return _describe("zip-damaged", template, path)


def _describe_lie(path: str) -> Finding:
    template = _("“%(path)s” unpacks to more than the zip states. Pack the folder again.")
    return _describe("zip-bomb", template, path)


def _describe_size(path: str, size: int, limit: int) -> Finding:
    template = _("“%(path)s” has %(size)s bytes; %(limit)s are allowed. Make it smaller, or leave it out.")
    return Finding("too-large", "error", template, {"path": _show(path), "size": size, "limit": limit})


def _describe_depth(path: str, limits: Limits) -> Finding:
    template = _("The path “%(path)s” is longer than %(length)s characters or deeper than %(depth)s folders. Shorten it.")
    params = {"path": _show(path), "length": limits.max_path, "depth": limits.max_depth}
    return Finding("path-too-long", "error", template, params)


def _describe_count(count: int, limit: int) -> Finding:
    template = _("The archive holds %(count)s files or more; %(limit)s are allowed. Import it in parts.")
    return Finding("too-many-files", "error", template, {"count": count, "limit": limit})


def _describe_total(total: int, limit: int) -> Finding:
    template = _("The archive unpacks to %(total)s bytes; %(limit)s are allowed. Import it in parts.")
    return Finding("archive-too-large", "error", template, {"total": total, "limit": limit})


def _describe_os_error(path: str, error: OSError) -> Finding:
    template = _("“%(path)s” cannot be read: %(reason)s. Check that it exists and may be read.")
    return Finding("unreadable", "error", template, {"path": _show(path), "reason": error.strerror or type(error).__name__})
