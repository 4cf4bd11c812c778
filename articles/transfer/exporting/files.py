"""Files that posts refer to: which there are, where each goes, and which of them were asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from django.conf import settings
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop as _

from articles.findings import Finding
from articles.formats.names import NameBook
from articles.library import find_by_former_name, stream_copy, stream_original
from articles.models import MediaFile, Source, SourceFile
from articles.references import Place, media_paths
from articles.stores import public_store
from articles.transfer.exporting.targets import Member

LIBRARY_ADDRESS = re.compile(r"/media/[0-9a-f]{2}/[0-9a-f]{16}/[^\s\"'()<>]+")
BATCH = 500


@dataclass(slots=True)
class OutFile:
    """A file that can leave. ``address`` is how texts name it where it goes, ``url`` how the site here serves it."""

    path: str
    address: str
    sha256: str
    size: int
    url: str = ""
    source: str = ""
    stored: str = ""
    """The name of the copy that leaves instead of the original."""
    is_wanted: bool = False

    def as_member(self) -> Member:
        original = partial(stream_copy, self.stored) if self.stored else partial(stream_original, self.sha256)
        return Member(self.path, original=original, size=self.size, source=self.source)


@dataclass(slots=True)
class SourceIndex:
    """The attachments of one source by the names that texts use, as :class:`articles.references.MemoryIndex` has them."""

    base_path: str
    by_name: dict[str, OutFile] = field(default_factory=dict)

    def add(self, path: str, public_path: str, file: OutFile) -> None:
        self.by_name[f"path:{path}"] = file
        if public_path:
            self.by_name.setdefault(f"public:{public_path}", file)
        self.by_name.setdefault(f"name:{path.rpartition('/')[2]}", file)

    def find(self, target: str, place: Place) -> OutFile | None:
        found = (self.by_name.get(f"{by}:{value}") for by, value in media_paths(target, place))
        return next((file for file in found if file), None)


MediaOf = Callable[[str], tuple[str, str]]


class FileBook:
    """All files that an export may need, each with a place of its own. ``media_of`` is the layout's."""

    def __init__(self, names: NameBook, media_of: MediaOf, prefix: str, *, keeps_originals: bool) -> None:
        self.names, self.media_of, self.prefix = names, media_of, prefix
        self.keeps_originals = keeps_originals
        self.indexes: dict[int, SourceIndex] = {}
        self.files: list[OutFile] = []
        self.by_place: dict[tuple[str, str], OutFile] = {}
        self.by_address: dict[str, OutFile] = {}
        self.library: dict[str, OutFile | None] = {}

    def add_source(self, source: Source) -> None:
        """Gives every attachment of a source its place."""
        index = self.indexes[source.pk] = SourceIndex(source.base_path)
        # As readers see it: a picture that was replaced here leaves as what stands in its place.
        shown = (Coalesce("media__sha256", "sha256"), Coalesce("media__size", "size"))
        rows = source.files.filter(role=SourceFile.Role.ATTACHMENT).values_list(
            "path", "public_path", *shown, "media__public_name"
        )
        for path, public_path, sha256, size, public_name in sorted(rows, key=lambda row: row[0]):
            url = settings.MEDIA_URL + public_name if public_name else ""
            index.add(path, public_path, self._place(public_path or f"/{path}", sha256, size, url, source.name))

    def _place(self, address: str, sha256: str, size: int, url: str, source: str, stored: str = "") -> OutFile:
        path, named = self.media_of(address)
        if known := self.by_place.get((path, sha256)):
            return known
        claimed = self.names.claim(path)
        if claimed != path:
            named = named.rpartition("/")[0] + "/" + claimed.rpartition("/")[2]
        file = OutFile(self.prefix + claimed, named, sha256, size, url, source, stored)
        self.by_place[path, sha256] = file
        self.by_address[named] = file
        self.files.append(file)
        return file

    def find(self, source: int | None, target: str, place: Place) -> OutFile | None:
        """The file that a text at ``place`` calls ``target``, noted as wanted."""
        if target.startswith(settings.MEDIA_URL) and LIBRARY_ADDRESS.fullmatch(target):
            file = self.find_in_library(target.removeprefix(settings.MEDIA_URL))
        else:
            index = self.indexes.get(source) if source is not None else None
            file = index.find(target, place) if index else None
        if file is not None:
            file.is_wanted = True
        return file

    def find_in_library(self, public_name: str) -> OutFile | None:
        """A file by its name below ``MEDIA_URL``."""
        if public_name not in self.library:
            media = MediaFile.objects.filter(public_name=public_name).first() or find_by_former_name(public_name)
            self.library[public_name] = self.add_media(media, public_name) if media else None
        return self.library[public_name]

    def add_media(self, media: MediaFile, named: str = "") -> OutFile:
        """A file of the library at the address where readers have it: their copy, or the original for another site of ours.

        ``named``: the address by which a text means it, where another stood before the file was replaced.
        """
        address = settings.MEDIA_URL + (named or media.public_name)
        stored = public_store().find(media.public_name) if media.public_name and not self.keeps_originals else None
        if stored is None:
            return self._place(address, media.sha256, media.size, media.url, "")
        return self._place(address, media.sha256, stored.size, media.url, "", stored.name)

    def add_all_media(self) -> None:
        """Every file of the library that came from no source."""
        rows = MediaFile.objects.filter(source_files__isnull=True).order_by("sha256")
        for media in rows.iterator(chunk_size=BATCH):
            if media.public_name:
                self.library.setdefault(media.public_name, self.add_media(media))
            elif self.keeps_originals:
                name = f"{settings.MEDIA_URL}{media.sha256[:2]}/{media.sha256[:16]}/{media.name or 'file'}"
                self._place(name, media.sha256, media.size, "", "")

    def members(self, *, everything: bool) -> Iterator[Member]:
        """The files, those that a text asked for or all, in order of path."""
        for file in sorted(self.files, key=lambda file: file.path):
            if everything or file.is_wanted:
                yield file.as_member()


def missing_file(path: str, error: OSError) -> Finding:
    """A file of the library that is not on the disk any more."""
    template = _("“%(path)s” could not be read (%(reason)s) and is missing from this export. Restore it from a backup.")
    return Finding("file-missing", "error", template, {"path": path, "reason": error.strerror or type(error).__name__})
