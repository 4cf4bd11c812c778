"""Writes posts and files out again: as they came, or in another dialect's layout."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext_noop as _

from articles.editorial.workflow import category_names, ordered_authors, ordered_categories, ordered_tags
from articles.findings import Finding, RefusedFile
from articles.formats import layout_path
from articles.formats.writing import compose
from articles.library import read_original
from articles.models import Post, Source, SourceFile
from articles.sources import source_bytes

HERE = "kawaraban"
"""The folder of posts that were written here and belong to no source, where an export has several folders."""
ATTACHMENT_ROOT = {"jekyll": "", "hugo": "static/", "obsidian": ""}
"""Where the address ``/a.png`` of a text finds its file: in a vault an address from the root is a path in the vault."""
CODE_MARKS = (
    ("liquid", "{%"),
    ("liquid", "{{"),
    ("hexo_tags", "{%"),
    ("shortcodes", "{{<"),
    ("shortcodes", "{{%"),
    ("zenn", ":::"),
    ("wikilinks", "[["),
)
BATCH = 200


@dataclass(slots=True)
class Receipt:
    """What an export wrote: the sha256 of each file by its path, and what could not be said in the layout."""

    files: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


class Writer(Protocol):
    def write(self, path: str, data: bytes) -> None: ...


class FolderWriter:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, path: str, data: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


class ZipWriter:
    """Entries have no time of their own, so that the same content gives the same archive."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive

    def write(self, path: str, data: bytes) -> None:
        self.archive.writestr(zipfile.ZipInfo(path), data, zipfile.ZIP_DEFLATED)


def export_posts(target: Path, *, source_name: str = "", layout: str = "original", as_zip: bool = False) -> Receipt:
    """Writes every post (or those of one source) with its files below ``target``, or into the zip ``target``.

    ``original`` gives each file where and as it was, byte for byte unless edited; with several sources each has a
    folder. Other layouts write the front matter of that dialect and keep the text. The target must not exist, or be
    an empty folder; it appears only when everything is written. Posts in the trash are left out.

    Raises RefusedFile where the target is taken or the source unknown, and OSError with the path where writing fails.
    """
    sources = list(Source.objects.order_by("name"))
    if source_name:
        sources = [source for source in sources if source.name == source_name]
        if not sources:
            known = "、".join(Source.objects.values_list("name", flat=True)) or "-"
            template = _("There is no source “%(name)s”. Known: %(known)s.")
            raise RefusedFile(Finding("unknown-source", "error", template, {"name": source_name, "known": known}))
    receipt = Receipt()
    with _opened(target, as_zip) as writer:
        _Export(writer, receipt, layout).write_all(sources, with_own=not source_name)
    return receipt


@contextmanager
def _opened(target: Path, as_zip: bool) -> Iterator[Writer]:
    """A writer beside the target, moved into its place when all is written."""
    if target.exists() and (as_zip or not target.is_dir() or any(target.iterdir())):
        template = _("“%(path)s” is there already. Name a new place, or an empty folder; nothing was written.")
        raise RefusedFile(Finding("target-taken", "error", template, {"path": str(target)}))
    target.parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=".export-", dir=target.parent))
    try:
        if as_zip:
            part = workshop / "archive.zip"
            with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
                yield ZipWriter(archive)
            part.rename(target)
        else:
            part = workshop / "files"
            part.mkdir()
            yield FolderWriter(part)
            if target.exists():
                target.rmdir()
            part.rename(target)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


class _Export:
    def __init__(self, writer: Writer, receipt: Receipt, layout: str) -> None:
        self.writer, self.receipt, self.layout = writer, receipt, layout
        self.folded: dict[str, str] = {}

    def write_all(self, sources: list[Source], *, with_own: bool) -> None:
        own = Post.objects.filter(source__isnull=True, trashed_at__isnull=True)
        has_own = with_own and own.exists()
        several = len(sources) + has_own > 1
        folders: set[str] = set()
        for source in sources:
            prefix = self._folder(source.name, folders) if several else ""
            posts = Post.objects.filter(source=source, trashed_at__isnull=True).order_by("source_path")
            for post in posts.iterator(chunk_size=BATCH):
                self._write_post(prefix, post, source)
            for file in source.files.order_by("path").iterator(chunk_size=BATCH):
                self._write_file(prefix, file)
        if has_own:
            prefix = self._folder(HERE, folders) if several else ""
            for post in own.order_by("path").iterator(chunk_size=BATCH):
                self._write_post(prefix, post, None)

    def _folder(self, name: str, taken: set[str]) -> str:
        """A folder's name that every system can hold, and no other source has."""
        folder = re.sub(r"[^\w.\-]+", "_", name).strip("._") or "source"
        candidate, number = folder, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{folder}-{number}"
        taken.add(candidate.casefold())
        return candidate + "/"

    def _write_post(self, prefix: str, post: Post, source: Source | None) -> None:
        post.source = source
        if source is not None and self.layout in ("original", post.dialect):
            self._write(prefix + post.source_path, source_bytes(post))
            return
        layout = "jekyll" if self.layout == "original" else self.layout
        zone = ZoneInfo(source.timezone if source else settings.TIME_ZONE)
        is_draft = post.state not in (Post.State.PUBLISHED, Post.State.SCHEDULED)
        self._note_foreign_code(post)
        text = compose(
            layout,
            {
                "title": post.title,
                "published_at": post.published_at,
                "updated_at": post.updated_at,
                "expires_at": post.expires_at,
                "draft": is_draft,
                "language": post.language,
                "description": post.description,
                "custom_excerpt": post.custom_excerpt,
                "canonical_url": post.canonical_url,
                "authors": [author.name for author in ordered_authors(post)],
                "categories": self._category_names(post),
                "tags": [tag.name for tag in ordered_tags(post)],
                "series": post.series.name if post.series else "",
                "path": post.path,
                "cover_target": post.cover_target or (post.cover.url if post.cover else ""),
                "cover_alt": post.cover_alt,
                "cover_caption": post.cover_caption,
            },
            aliases=list(post.redirects.order_by("old_path").values_list("old_path", flat=True)),
            extra=post.extra,
            zone=zone,
        )
        path = layout_path(
            layout,
            {
                "kind": post.kind,
                "slug": post.slug,
                "title": post.title,
                "published_at": post.published_at,
                "draft": is_draft,
                "source_path": post.source_path,
                "zone": zone,
            },
        )
        self._write(self._free(prefix + path), (text + post.body).encode("utf-8"))

    def _category_names(self, post: Post) -> list[str]:
        """Front matter knows no tree: a category is written with those above it, so that the post stays in each."""
        paths = [category_names(category) for category in ordered_categories(post)]
        if any(len(path) > 1 for path in paths):
            template = _("The categories of “%(path)s” are written side by side: this layout knows none inside another.")
            self.receipt.findings.append(
                Finding("categories-flattened", "info", template, {"path": post.source_path or post.path})
            )
        return list(dict.fromkeys(name for path in paths for name in path))

    def _note_foreign_code(self, post: Post) -> None:
        """Says which texts carry template code that the layout's generator would not run."""
        if any(mark in post.body for name, mark in CODE_MARKS if name in post.features):
            template = _(
                "“%(path)s” has code or links of %(dialect)s that this layout does not know; they are written as they stand."
            )
            params = {"path": post.source_path or post.path, "dialect": post.dialect or "-"}
            self.receipt.findings.append(Finding("foreign-template-code", "warning", template, params))

    def _free(self, path: str) -> str:
        """The path, or the path with a number where another post of this layout has it."""
        pure = PurePosixPath(path)
        candidate, number = path, 1
        while candidate.casefold() in self.folded:
            number += 1
            candidate = str(pure.with_name(f"{pure.stem}-{number}{pure.suffix}"))
        return candidate

    def _write_file(self, prefix: str, file: SourceFile) -> None:
        if self.layout == "original" or self.layout == file.source.dialect:
            path = file.path
        elif file.role == SourceFile.Role.ATTACHMENT:
            path = ATTACHMENT_ROOT[self.layout] + (file.public_path or file.path).lstrip("/")
        else:
            return
        self._write(prefix + path, read_original(file.sha256))

    def _write(self, path: str, data: bytes) -> None:
        if path.startswith("/") or ".." in PurePosixPath(path).parts:
            template = _("“%(path)s” lies outside the export and was not written.")
            self.receipt.findings.append(Finding("outside", "error", template, {"path": path}))
            return
        self.folded[path.casefold()] = path
        self.writer.write(path, data)
        self.receipt.files[path] = hashlib.sha256(data).hexdigest()
