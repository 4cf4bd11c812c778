"""One hash over everything editorial, to prove that two states are equal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from articles.models import Author, Category, MediaFile, Post, PostAuthor, PostCategory, Redirect, Series, Source, SourceFile, Tag, TaggedPost

POST_FIELDS = (
    "source__name",
    "source_path",
    "path",
    "kind",
    "state",
    "title",
    "source_title",
    "slug",
    "language",
    "translation_key",
    "published_at",
    "updated_at",
    "expires_at",
    "trashed_at",
    "series__name",
    "series_order",
    "cover__sha256",
    "cover_target",
    "cover_alt",
    "cover_caption",
    "custom_excerpt",
    "description",
    "canonical_url",
    "source_url",
    "flavour",
    "features",
    "body",
    "front_matter",
    "encoding",
    "bom",
    "newline",
    "source_bytes",
    "source_sha256",
    "is_edited",
    "owner__username",
    "body_html",
)


def content_digest() -> str:
    """The sha256, in hex, over posts, terms, by-lines, media and redirects by natural key.

    Left out are row numbers, times of saving, the journal of imports, revisions and logs: two databases with the
    same content have the same digest whatever way they came to it.
    """
    total = hashlib.sha256()
    for name, rows in _tables():
        total.update(f"\x1e{name}".encode())
        for row in rows:
            total.update(b"\x1f" + json.dumps([_plain(value) for value in row], ensure_ascii=True).encode())
    return total.hexdigest()


def _tables() -> Iterator[tuple[str, Iterable[tuple[Any, ...]]]]:
    term = ("name", "slug", "identity", "aliases", "description")
    yield "sources", Source.objects.order_by("name").values_list("name", "dialect", "base_url", "base_path", "timezone", "language")
    yield "files", _sorted(SourceFile.objects.values_list("source__name", "path", "role", "sha256", "public_path"))
    yield "media", MediaFile.objects.order_by("sha256").values_list("sha256", "name", "content_type", "alt", "caption", "credit")
    yield "tags", Tag.objects.order_by("identity").values_list(*term)
    yield "series", Series.objects.order_by("identity").values_list(*term)
    yield "categories", Category.objects.order_by("full_slug").values_list("full_slug", *term)
    yield "authors", Author.objects.order_by("identity").values_list("name", "slug", "identity", "aliases", "kind", "bio", "user__username", "links")
    yield "posts", Post.objects.order_by("path").values_list(*POST_FIELDS).iterator(chunk_size=200)
    yield "post authors", PostAuthor.objects.order_by("post__path", "position", "author__identity").values_list("post__path", "author__identity", "position").iterator()
    yield (
        "post categories",
        PostCategory.objects.order_by("post__path", "position", "category__full_slug").values_list("post__path", "category__full_slug", "position").iterator(),
    )
    yield "post tags", TaggedPost.objects.order_by("content_object__path", "tag__identity").values_list("content_object__path", "tag__identity").iterator()
    yield "redirects", Redirect.objects.order_by("old_path").values_list("old_path", "post__path").iterator()


def _sorted(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return hashlib.sha256(value).hexdigest()
    return value
