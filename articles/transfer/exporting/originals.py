"""The layout ``original``: every file of a source where and as it was, byte for byte unless edited."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from django.db.models import QuerySet
from django.utils.translation import gettext_noop as _

from articles.findings import Finding
from articles.library import stream_original
from articles.models import Post, PostLink, Source, SourceFile
from articles.references import Place
from articles.sources import encoding_findings, source_bytes
from articles.transfer.exporting.files import OutFile, SourceIndex
from articles.transfer.exporting.targets import Member

BATCH = 200
FIELDS = (
    "path",
    "source_path",
    "source_permalink",
    "front_matter",
    "front_matter_format",
    "body",
    "encoding",
    "bom",
    "newline",
    "source_bytes",
    "source_findings",
    "cover_target",
)


class OriginalSource:
    """The files of one source. ``whole``: with its site files and all attachments, not only those that posts refer to."""

    def __init__(self, source: Source, posts: QuerySet[Post], *, prefix: str, whole: bool, with_media: bool) -> None:
        self.source, self.prefix, self.whole, self.with_media = source, prefix, whole, with_media
        self.posts = posts.filter(source=source)
        self.keys = [key for _path, key in sorted(self.posts.values_list("source_path", "pk"))]
        self.wanted: set[str] = set()
        self.findings: list[Finding] = []

    @property
    def count(self) -> int:
        return len(self.keys)

    def members(self) -> Iterator[Member]:
        """Posts in the order of their paths, then the other files."""
        index = None if self.whole or not self.with_media else self._index()
        for start in range(0, len(self.keys), BATCH):
            rows = self.posts.filter(pk__in=self.keys[start : start + BATCH]).only(*FIELDS)
            posts = sorted(rows, key=lambda row: row.source_path)
            if index is not None:
                self._note_files(index, posts)
            yield from map(self._member, posts)
        yield from self._files()

    def _member(self, post: Post) -> Member:
        data = source_bytes(post)
        findings = encoding_findings(post)
        if post.source_permalink and post.path != post.source_permalink:
            template = _("Its address here is “%(path)s”; the file gives it “%(other)s”, which another page has or had.")
            params = {"path": post.path, "other": post.source_permalink}
            findings = (*findings, Finding("address-differs", "info", template, params))
        return Member(self.prefix + post.source_path, data, None, len(data), post.path, self.source.name, findings)

    def _files(self) -> Iterator[Member]:
        rows = self.source.files.all() if self.whole else self.source.files.filter(role=SourceFile.Role.ATTACHMENT)
        if self.whole and not self.with_media:
            rows = rows.exclude(role=SourceFile.Role.ATTACHMENT)
        elif not self.with_media:
            return
        for path, sha256, size in sorted(rows.values_list("path", "sha256", "size")):
            if self.whole or path in self.wanted:
                original = partial(stream_original, sha256)
                yield Member(self.prefix + path, original=original, size=size, source=self.source.name)

    # --- a part of a source takes the files that its posts show

    def _index(self) -> SourceIndex:
        index = SourceIndex(self.source.base_path)
        rows = self.source.files.filter(role=SourceFile.Role.ATTACHMENT).values_list("path", "public_path", "sha256", "size")
        for path, public_path, sha256, size in sorted(rows):
            index.add(path, public_path, OutFile(path, path, sha256, size))
        return index

    def _note_files(self, index: SourceIndex, posts: list[Post]) -> None:
        places = {post.pk: Place(post.source_path, post.path, self.source.base_path) for post in posts}
        targets = [(post.pk, post.cover_target) for post in posts]
        targets += PostLink.objects.filter(post__in=posts).values_list("post_id", "target")
        for key, target in targets:
            if target and (file := index.find(target, places[key])):
                self.wanted.add(file.path)
