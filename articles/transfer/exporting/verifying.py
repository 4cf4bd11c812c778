"""Compares an export with its receipt, and with the site as it is now."""

from __future__ import annotations

import hashlib
import json
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from django.utils.translation import gettext_noop as _

from articles.editorial.permissions import Account
from articles.findings import Finding, RefusedFile
from articles.transfer.digest import content_digest
from articles.transfer.exporting import ORIGINAL, Export, prepare_export, receipts
from articles.transfer.exporting.receipts import FileEntry, Receipt, ReceiptWriter
from articles.transfer.exporting.selecting import Selection
from articles.transfer.exporting.targets import CHUNK, HashTarget

MAX_RECEIPT = 512 * 1024 * 1024


@dataclass(slots=True)
class Verification:
    """What a comparison found. Paths in their order; ``site_*`` compare with what an export would write now.

    ``is_whole``: every file of the receipt is there, as it was written, and nothing else is. ``is_current``: the site would
    give the same files today.
    """

    receipt: Receipt
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    site_missing: list[str] = field(default_factory=list)
    site_changed: list[str] = field(default_factory=list)
    site_added: list[str] = field(default_factory=list)
    digest_now: str = ""

    @property
    def is_whole(self) -> bool:
        return not (self.missing or self.changed or self.added)

    @property
    def is_current(self) -> bool:
        return not (self.site_missing or self.site_changed or self.site_added)


def verify_export(
    target: Path, *, receipt_path: Path | None = None, user: Account | None = None, with_site: bool = True
) -> Verification:
    """Compares the folder or zip ``target`` with its receipt (beside it, or inside the zip), then with the site.

    Raises RefusedFile where there is no receipt or none that can be read, where the target cannot be opened, and where
    what was chosen does not exist any more.
    """
    receipt = read_receipt(target, receipt_path)
    found = Verification(receipt)
    _compare_files(target, found)
    if with_site:
        _compare_site(found, user)
    return found


def read_receipt(target: Path, receipt_path: Path | None = None) -> Receipt:
    """The receipt of an export. Raises RefusedFile where there is none, or none that can be read."""
    for data in _receipt_bytes(target, receipt_path):
        try:
            return Receipt.from_json(json.loads(data))
        except (ValueError, KeyError, TypeError) as error:
            template = _("The receipt of “%(path)s” cannot be read. Was it changed, or is it of another program?")
            raise RefusedFile(Finding("receipt-unreadable", "error", template, {"path": str(target)})) from error
    template = _("There is no receipt for “%(path)s”. It lies beside the export as “%(name)s”; name it with --receipt.")
    params = {"path": str(target), "name": target.name + receipts.SUFFIX}
    raise RefusedFile(Finding("no-receipt", "error", template, params))


def _receipt_bytes(target: Path, receipt_path: Path | None) -> Iterator[bytes]:
    beside = receipt_path or target.with_name(target.name + receipts.SUFFIX)
    try:
        if beside.is_file() and beside.stat().st_size <= MAX_RECEIPT:
            yield beside.read_bytes()
        elif receipt_path is None and target.is_dir() and (inside := target / receipts.NAME).is_file():
            # A zip that a browser downloaded, unpacked.
            yield inside.read_bytes()
        elif receipt_path is None and target.is_file():
            with _opened_zip(target) as archive:
                if receipts.NAME in archive.namelist():
                    yield archive.read(receipts.NAME)
    except OSError as error:
        raise _unreadable(target, error) from error


@contextmanager
def _opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        template = _("“%(path)s” is no whole zip: it was cut off or changed. Make or download the export again.")
        raise RefusedFile(Finding("zip-damaged", "error", template, {"path": str(path)})) from error


def _unreadable(path: Path, error: OSError) -> RefusedFile:
    template = _("“%(path)s” cannot be read (%(reason)s).")
    params = {"path": error.filename or str(path), "reason": error.strerror or type(error).__name__}
    return RefusedFile(Finding("unreadable", "error", template, params))


def _compare_files(target: Path, found: Verification) -> None:
    try:
        there = dict(_hash_folder(target) if target.is_dir() else _hash_zip(target))
    except OSError as error:
        raise _unreadable(target, error) from error
    there.pop(receipts.NAME, None)
    written = {entry.path: entry for entry in found.receipt.entries}
    _compare(written, there, found.missing, found.changed, found.added)


def _hash_folder(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                yield path.relative_to(folder).as_posix(), _hash(file)


def _hash_zip(path: Path) -> Iterator[tuple[str, str]]:
    with _opened_zip(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                with archive.open(info) as file:
                    yield info.filename, _hash(file)


def _hash(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while part := file.read(CHUNK):
        digest.update(part)
    return digest.hexdigest()


def _compare_site(found: Verification, user: Account | None) -> None:
    header = found.receipt.header
    export: Export = prepare_export(
        Selection.from_json(header.get("selection", {})),
        layout=str(header.get("layout", ORIGINAL)),
        user=user,
        with_media=bool(header.get("with_media", True)),
    )
    with ReceiptWriter({}) as now:
        for _step in export.write(HashTarget(), now):
            pass
        there = {entry.path: entry.sha256 for entry in now.entries()}
    written = {entry.path: entry for entry in found.receipt.entries}
    _compare(written, there, found.site_missing, found.site_changed, found.site_added)
    found.digest_now = content_digest() if header.get("content_digest") else ""


def _compare(
    written: Mapping[str, FileEntry], there: Mapping[str, str], missing: list[str], changed: list[str], added: list[str]
) -> None:
    """Names are compared composed: macOS gives them back in another composition than they were written in."""
    present = {unicodedata.normalize("NFC", path): sha256 for path, sha256 in there.items()}
    known = set()
    for path, entry in written.items():
        name = unicodedata.normalize("NFC", path)
        known.add(name)
        if name not in present:
            missing.append(path)
        elif present[name] != entry.sha256:
            changed.append(path)
    added.extend(path for path in there if unicodedata.normalize("NFC", path) not in known)
