"""One hash over everything editorial, to prove that two states are equal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Model

from articles.models import (
    Author,
    Category,
    Correction,
    MediaFile,
    Post,
    PostAuthor,
    PostCategory,
    Redirect,
    Series,
    Source,
    SourceFile,
    Tag,
    TaggedPost,
    TermRedirect,
)

MEDIA_COLUMNS = (
    *("sha256", "name", "content_type", "alt", "caption", "is_decorative"),
    *("credit", "licence", "licence_text", "licence_url", "focus_x", "focus_y"),
)
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
    "noindex",
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
        # Databases sort text differently, so the rows' hashes are sorted here.
        for digest in sorted(_digest_row(row) for row in rows):
            total.update(digest)
    return total.hexdigest()


def _digest_row(row: tuple[Any, ...]) -> bytes:
    return hashlib.sha256(_ENCODER.encode(row).encode()).digest()


def _tables() -> Iterator[tuple[str, Iterable[tuple[Any, ...]]]]:
    term = ("name", "slug", "identity", "aliases", "description")
    yield "sources", _rows(Source, "name", "dialect", "base_url", "base_path", "timezone", "language")
    yield "files", _rows(SourceFile, "source__name", "path", "role", "sha256", "public_path")
    yield "media", _rows(MediaFile, *MEDIA_COLUMNS)
    yield "tags", _rows(Tag, *term)
    yield "series", _rows(Series, *term)
    yield "categories", _rows(Category, "full_slug", *term)
    yield "authors", _rows(Author, "name", "slug", "identity", "aliases", "kind", "bio", "user__username", "links")
    yield "posts", _rows(Post, *POST_FIELDS)
    yield "post authors", _rows(PostAuthor, "post__path", "author__identity", "position")
    yield "post categories", _rows(PostCategory, "post__path", "category__full_slug", "position")
    yield "post tags", _rows(TaggedPost, "content_object__path", "tag__identity")
    yield "corrections", _rows(Correction, "post__path", "corrected_at", "text")
    yield "redirects", _rows(Redirect, "old_path", "post__path")
    holders = ("category__full_slug", "tag__identity", "author__identity", "series__identity")
    yield "term redirects", _rows(TermRedirect, "kind", "old_slug", *holders)


def _rows(model: type[Model], *fields: str) -> Iterable[tuple[Any, ...]]:
    return model._default_manager.order_by().values_list(*fields).iterator(chunk_size=200)


def _plain(value: Any) -> str:
    """What JSON has no form for. Raises TypeError for what no column here holds."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return hashlib.sha256(value).hexdigest()
    raise TypeError(f"a digest cannot hold {type(value).__name__}")


_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)
