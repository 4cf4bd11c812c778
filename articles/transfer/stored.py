"""A source as this site keeps it, read like the archive it came in: what later readings of its files depend on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import DIALECTS
from articles.formats.container import Container, Member
from articles.formats.document import Site
from articles.formats.sites import ReadOptions
from articles.library import read_original
from articles.links import as_resolved
from articles.models import Source
from articles.references import MemoryIndex
from articles.sources import source_bytes


@dataclass(slots=True)
class StoredContainer(Container):
    """The texts and files of one source. ``hashes`` says which of them are kept as files; the others are posts."""

    stored: Source | None = None
    hashes: dict[str, str] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        """The bytes of one member. Raises KeyError if unknown, and RefusedFile where the original cannot be read."""
        if path in self.hashes:
            return read_kept(path, self.hashes[path])
        assert self.stored is not None, "made by open_source"
        post = self.stored.posts.filter(source_path=path).first()
        if post is None:
            raise KeyError(path)
        return source_bytes(post)


def read_kept(path: str, sha256: str) -> bytes:
    """The bytes of a file that is kept privately. Raises RefusedFile, which names it by ``path``, where it cannot be read."""
    try:
        return read_original(sha256)
    except OSError as error:
        template = _("The kept original of “%(path)s” cannot be read (%(reason)s). Restore it from a backup, or import again.")
        params = {"path": path, "reason": error.strerror or str(error)}
        raise RefusedFile(Finding("original-unreadable", "error", template, params)) from error


def open_source(source: Source) -> StoredContainer:
    """Everything that is kept of a source, as one archive. Two queries; contents are read when asked for."""
    files = source.files.values_list("path", "size", "sha256")
    posts = source.posts.values_list("source_path", flat=True)
    container = StoredContainer(Path(source.name.replace("/", "-") or "source"), "folder", stored=source)
    container.members = {path: Member(path, 0) for path in posts.iterator()}
    for path, size, sha256 in files.iterator():
        container.members[path] = Member(path, size)
        container.hashes[path] = sha256
    return container


def read_stored_site(source: Source, *, dialect: str = "", timezone: str = "", language: str = "") -> Site:
    """The site of a source, by the configuration that its last import brought.

    ``dialect``, ``timezone`` and ``language`` are what that import was told, where it was told any.
    """
    options = ReadOptions(dialect=dialect, timezone=timezone or source.timezone, language=language, encoding=source.encoding)
    site: Site = DIALECTS[source.dialect].read_site(open_source(source), "", options)
    return site


def index_media(source: Source) -> tuple[MemoryIndex, dict[str, int]]:
    """How texts find the files of a source, and which address is which file of the library. One query."""
    index = MemoryIndex(source.base_path, static_url=settings.STATIC_URL)
    covers: dict[str, int] = {}
    for file in source.files.filter(media__isnull=False).select_related("media").order_by("path"):
        if file.media is not None:
            resolved = as_resolved(file.media)
            index.add_media(file.path, file.public_path, resolved)
            covers[resolved.url] = file.media.pk
    return index, covers
