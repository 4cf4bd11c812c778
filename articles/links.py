"""Finds what a post refers to in the database, by the rules of :mod:`articles.references`."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db.models import Q

from articles.markup.document import LinkKind, ResolvedMedia
from articles.models import MediaFile, Post, SourceFile
from articles.references import Place, link_names, media_paths


def as_resolved(media: MediaFile) -> ResolvedMedia:
    """How the renderer sees a library file. A file that readers do not get has an empty address."""
    return ResolvedMedia(media.url, media.width, media.height, media.is_image)


class DatabaseResolver:
    """A :class:`articles.markup.document.Resolver` for one post, asking the database once per reference."""

    def __init__(self, post: Post) -> None:
        self.source = post.source
        self.place = Place(post.source_path, post.path, post.source.base_path if post.source else "")

    def link(self, kind: LinkKind, target: str) -> str | None:
        rows = Post.objects.filter(source=self.source) if self.source else Post.objects.all()
        for by, value in link_names(kind, target, self.place):
            if found := rows.filter(post_condition(by, value)).values_list("path", flat=True).first():
                return found
        return None

    def media(self, target: str) -> ResolvedMedia | None:
        if file := self.media_file(target):
            return as_resolved(file)
        return None

    def media_file(self, target: str) -> MediaFile | None:
        """The library file that ``target`` names, for covers too."""
        if target.startswith(settings.MEDIA_URL):
            return MediaFile.objects.filter(public_name=target.removeprefix(settings.MEDIA_URL)).first()
        if self.source is None:
            return None
        files = SourceFile.objects.filter(source=self.source, media__isnull=False).select_related("media")
        for by, value in media_paths(target, self.place):
            if file := files.filter(file_condition(by, value)).order_by("path").first():
                return file.media
        return None


def post_condition(by: str, value: str) -> Q:
    if by == "permalink":
        return Q(path=value)
    if by == "title":
        return Q(title__iexact=value)
    suffixes = ("md", "markdown", "html", "txt", "mdx", "mkdn", "text")
    if by == "path":
        return Q(source_path__in=[f"{value}.{suffix}" for suffix in suffixes] + [f"{value}/index.md", f"{value}/_index.md"])
    endings: Iterable[str] = (f"/{value}.{suffix}" for suffix in suffixes)
    condition = Q(slug__iexact=value) | Q(source_path__in=[f"{value}.{suffix}" for suffix in suffixes])
    for ending in endings:
        condition |= Q(source_path__iendswith=ending)
    return condition


def file_condition(by: str, value: str) -> Q:
    if by == "path":
        return Q(path=value)
    if by == "public":
        return Q(public_path=value)
    return Q(path=value) | Q(path__endswith="/" + value)
