"""Whether anything that readers could see changed: one hash over all rows that public pages are made of, and over their making.

It costs reading the rows once, a small part of what making the pages costs; it errs only towards making them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from articles.models import (
    Author,
    Category,
    Correction,
    FrontPage,
    FrontSlot,
    MediaFile,
    MediaVersion,
    PictureVariants,
    Post,
    PostAuthor,
    PostCard,
    PostCategory,
    Redirect,
    RelatedPost,
    Series,
    SiteLink,
    SiteSettings,
    Source,
    SourceFile,
    Tag,
    TaggedPost,
    TermRedirect,
)
from articles.release import digest_of, list_ingredients
from articles.site.sitemaps import NEWS_AGE

#: Of changes to these the outbox does not tell; imports make them.
_UNTOLD: tuple[Any, ...] = (MediaVersion, Source, SourceFile)
#: All rows of these are read as they are.
_TABLES: tuple[Any, ...] = (
    *(Author, Category, Series, Tag, PostAuthor, PostCategory, TaggedPost, RelatedPost, Correction, Redirect),
    TermRedirect,
    *(MediaFile, PictureVariants, PostCard, FrontPage, FrontSlot, SiteSettings, SiteLink, *_UNTOLD),
)
#: Columns by which processes claim work, and those of the desk; no page shows them.
_UNSHOWN = frozenset(
    (
        *("holder", "until", "tries", "findings", "source_findings", "last_seen_at"),
        *("modified_at", "pending_id", "pending_submitted_at", "is_edited", "embargo_until"),
    )
)
#: Of a post that is not public only this can be seen: that it was there once.
_STATE = ("pk", "path", "state", "published_at", "first_published_at", "expires_at", "trashed_at")

_IS_LIVE = Q(state__in=[Post.State.SCHEDULED, Post.State.PUBLISHED], trashed_at__isnull=True)


def take_proof(search_url: str) -> str:
    """Equal at two moments between which no public page can have become another one."""
    return digest_of(chain([search_url], list_ingredients(), _rows()))


def _rows() -> Iterator[object]:
    """Post by post, so that what is held in memory does not grow with them."""
    now = timezone.now()
    posts = Post.objects.order_by("pk")
    yield from _read(posts.published(now), [name for name in _columns(Post) if name not in _UNSHOWN])
    yield from _read(posts, _STATE)
    # What comes and goes by time alone.
    yield list(FrontPage.objects.running().values_list("pk", flat=True)[:1])
    yield from _read(posts.published(now).filter(published_at__gt=now - NEWS_AGE), ("pk",))
    yield from _read_all(_TABLES)


def read_untold() -> Iterator[object]:
    """What public pages may depend on besides what the outbox of changes tells of."""
    yield from _read_all(_UNTOLD)


def read_leads() -> Iterator[object]:
    """What no page shows and addresses answer by, with a redirect or as gone: the outbox is silent of posts that are not live."""
    yield from _read(Post.objects.order_by("pk").filter(~_IS_LIVE), _STATE)
    yield from _read_all((Redirect,))


def _read_all(models: Iterable[Any]) -> Iterator[object]:
    for model in models:
        yield model._meta.label
        yield from _read(model.objects.order_by("pk"), [name for name in _columns(model) if name not in _UNSHOWN])


def _columns(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def _read(rows: QuerySet[Any, Any], columns: Iterable[str]) -> Iterator[object]:
    names = list(columns)
    last = 0
    place = names.index("pk") if "pk" in names else names.index("id")
    while page := list(rows.filter(pk__gt=last).values_list(*names)[:500]):
        yield from page
        last = page[-1][place]
