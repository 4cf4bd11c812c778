"""Takes in the files of a site that are no documents: attachments into the library, site files as they came."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from mimetypes import guess_type
from typing import Any

from django.db import transaction

from articles.findings import Finding, RefusedFile
from articles.formats.container import Container
from articles.formats.document import Site
from articles.library import NewFile, add_many, store_original, store_originals
from articles.links import as_resolved
from articles.markup.document import ResolvedMedia
from articles.media import foresee_fault
from articles.models import ImportItem, MediaFile, Source, SourceFile
from articles.references import MemoryIndex, name_key
from articles.stores import StoreError
from articles.transfer.journal import Journal
from articles.transfer.passages import Passage, split_portions

FILE_CHUNK = 50
FILE_CHUNK_BYTES = 16_000_000
PLANNED = "/-/planned/"
"""Before the path of a file, where a rendering shows one that the library does not have yet."""


def plan_address(path: str) -> str:
    """The address that stands in a plan's rendering for a file of the archive that the library does not have yet."""
    return PLANNED + path


def planned_media(
    path: str, address: Callable[[str], str] = plan_address, findings: Sequence[Mapping[str, Any]] = ()
) -> ResolvedMedia:
    """How the renderer sees a file of the archive that is not in the library yet; its size is not known.

    ``findings`` say why readers will not get it.
    """
    is_image = (guess_type(path)[0] or "").startswith("image/")
    if findings:
        return ResolvedMedia("", is_image=is_image, why=Finding.from_json(findings[0]))
    return ResolvedMedia(address(path), is_image=is_image)


@dataclass
class FileTaker:
    """The files of one site root. Fills ``index``, by which texts find them, and ``covers``: address → key in the library."""

    passage: Passage
    container: Container
    site: Site
    source: Source
    index: MemoryIndex
    journal: Journal
    covers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.run = self.passage.run

    def take(self) -> None:
        """Keeps attachments and site files, each content once, and tells the index what texts can refer to.

        A walk that writes nothing reads them all the same: a damaged one is to be known before.
        """
        known = {file.path: file for file in self.source.files.select_related("media")} if self.source.pk else {}
        refused: list[tuple[str, Finding]] = []
        for paths in self._file_portions():
            contents: dict[str, bytes] = {}
            for path in paths:
                self.passage.lease.beat()
                try:
                    contents[path] = self.container.read(self.site.root + path)
                except RefusedFile as error:
                    refused.append((path, error.finding))
            if self.passage.writes:
                rows = self._store_files(contents, known)
                found = {path: (row.public_path, row.media) for path, row in rows.items()}
            else:
                found = self._find_media(contents, known)
            for path, (public_path, media) in sorted(found.items()):
                if media is not None:
                    resolved = as_resolved(media) if media.pk else planned_media(self.site.root + path, findings=media.findings)
                    self.index.add_media(path, public_path, resolved)
                    if media.pk:
                        self.covers[resolved.url] = media.pk
        self._journal_refused_files(refused)

    def _file_portions(self) -> Iterator[list[str]]:
        paths = sorted(path for path, file in self.site.files.items() if file.role in ("attachment", "site_file"))
        return split_portions(paths, self.site, FILE_CHUNK, FILE_CHUNK_BYTES)

    def _find_media(self, contents: dict[str, bytes], known: dict[str, SourceFile]) -> dict[str, tuple[str, MediaFile | None]]:
        """What the library has of the attachments; an unsaved row for what it would get."""
        hashes = {
            path: hashlib.sha256(data).hexdigest()
            for path, data in contents.items()
            if self.site.files[path].role == "attachment"
        }
        there = {media.sha256: media for media in MediaFile.objects.filter(sha256__in=set(hashes.values()))}
        # A file that came before may show another picture by now: an entry of the library that was replaced.
        kept = {path: row.media for path, row in known.items() if row.media and row.sha256 == hashes.get(path)}
        return {
            path: (self._public_path(path), kept.get(path) or there.get(sha256) or _foresee(path, sha256, contents[path]))
            for path, sha256 in hashes.items()
        }

    def _public_path(self, path: str) -> str:
        public_paths = self.site.files[path].public_paths
        return public_paths[0][:1000] if public_paths else ""

    def _store_files(self, contents: dict[str, bytes], known: dict[str, SourceFile]) -> dict[str, SourceFile]:
        """Stores one portion of files, in one transaction; those that are stored as they are cost nothing."""
        rows: dict[str, SourceFile] = {}
        new: dict[str, bytes] = {}
        for path, data in contents.items():
            file = known.get(path)
            said = (hashlib.sha256(data).hexdigest(), self.site.files[path].role, self._public_path(path))
            if file is not None and (file.sha256, file.role, file.public_path) == said:
                rows[path] = file
            else:
                new[path] = data
        if new:
            try:
                # Before the transaction: while a store on another machine takes them, nobody waits for the database.
                store_originals(list(new.values()))
                with transaction.atomic():
                    self.passage.lease.hold()
                    self.passage.check_rights()
                    rows |= self._write_files(new, known)
                    self.journal.flush()
            except StoreError as error:
                raise _name_file(error, new) from error
        return rows

    def _write_files(self, contents: dict[str, bytes], known: dict[str, SourceFile]) -> dict[str, SourceFile]:
        attachments = [path for path in contents if self.site.files[path].role == "attachment"]
        files = [NewFile(contents[path], path.rsplit("/", 1)[-1]) for path in attachments]
        made: list[MediaFile] = []
        media = add_many(files, user=self.passage.user, made=made)
        self.journal.made(made)
        by_path = dict(zip(attachments, media, strict=True))
        rows = {}
        for path, data in contents.items():
            sha256 = by_path[path].sha256 if path in by_path else store_original(data)
            values = {
                "role": self.site.files[path].role,
                "size": len(data),
                "sha256": sha256,
                "media_id": by_path[path].pk if path in by_path else None,
                "public_path": self._public_path(path),
            }
            row = known.get(path) or SourceFile(source=self.source, path=path, name_key=name_key(path))
            before = {name: getattr(row, name) for name in values}
            for name, value in values.items():
                setattr(row, name, value)
            if row.pk:
                row.save()
                self.journal.changed(row, before)
            rows[path] = row
        new = [row for row in rows.values() if row.pk is None]
        SourceFile.objects.bulk_create(new)
        self.journal.made(new)
        for path, row in rows.items():
            row.media = by_path.get(path)
        return rows

    def _journal_refused_files(self, refused: list[tuple[str, Finding]]) -> None:
        """An item per file that cannot be read; those that an earlier attempt journalled stay."""
        if not refused:
            return
        there = set(self.run.items.filter(verdict=ImportItem.Verdict.REFUSED, sha256="").values_list("path", flat=True))
        source = self.source if self.source.pk else None
        items = [
            ImportItem(
                run=self.run,
                source=source,
                path=path,
                size=self.site.files[inner].size,
                verdict=ImportItem.Verdict.REFUSED,
                findings=[finding.as_json()],
            )
            for inner, finding in refused
            if (path := (self.site.root + inner)[:1000]) not in there
        ]
        with transaction.atomic():
            self.passage.lease.hold()
            ImportItem.objects.bulk_create(items)


def _foresee(path: str, sha256: str, data: bytes) -> MediaFile:
    """The unsaved entry that the library would make of a file, with what can be told of it beforehand."""
    fault = foresee_fault(data, path.rsplit("/", 1)[-1])
    return MediaFile(sha256=sha256, findings=[fault.as_json()] if fault else [])


def _name_file(error: StoreError, contents: dict[str, bytes]) -> StoreError:
    """The same failure by the file's path in the archive: names in the store say nothing to people."""
    asked = str(error.filename)
    for path, data in contents.items():
        # Copies for readers bear the beginning of it.
        if hashlib.sha256(data).hexdigest()[:16] in asked:
            return StoreError(error.errno, error.strerror, path)
    return error
