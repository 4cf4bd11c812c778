"""Lists by term: which category, tag, by-line or series an address names, and its public posts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Length, Substr
from django.utils import timezone

from articles.feed_links import FeedLink, feeds_of
from articles.models import Author, Category, Post, PostCategory, PostQuerySet, Series, Tag
from articles.site.listing import Wanted
from articles.statements import fetch

Term = Author | Category | Series | Tag
MAX_SLUG = 700


@dataclass(frozen=True, slots=True)
class TermList:
    """A term and the public posts that stand in its list. ``kind`` is ``category``, ``tag``, ``author`` or ``series``."""

    kind: str
    term: Term
    wanted: Wanted

    @property
    def posts(self) -> PostQuerySet:
        """Those that are public now."""
        return self.wanted.build(timezone.now(), *self.wanted.values)

    @property
    def name(self) -> str:
        """What :mod:`articles.shown` calls it, and its list."""
        return f"{self.kind}:{slug_of(self.term)}"

    @property
    def address(self) -> str:
        return self.term.get_absolute_url()

    @property
    def description(self) -> str:
        """What staff say of the term; may be empty."""
        return self.term.bio if isinstance(self.term, Author) else self.term.description

    @property
    def feeds(self) -> tuple[FeedLink, ...]:
        """Its feeds, one for each format."""
        return feeds_of(self.kind, slug_of(self.term))


def slug_of(term: Term) -> str:
    """The part of a term's address that names it."""
    return term.full_slug if isinstance(term, Category) else term.slug


def find_list(kind: str, slug: str) -> TermList | None:
    """The term of an address, composed or not, with its posts; ``None`` where there is none. One query."""
    spellings = _spellings(slug)
    if not spellings:
        return None
    found = fetch(_AT[kind], [spelling.strip("/") for spelling in spellings] if kind == "category" else spellings)
    if not found:
        return None
    term: Any = found[0]
    if kind == "category":
        folder = term.full_slug + "/" if term.has_below else None
        return TermList(kind, term, Wanted(_of_category, (term.pk, folder)))
    return TermList(kind, term, Wanted(_OF[kind], (term.pk,)))


def posts_below(category: Category) -> PostQuerySet:
    """The public posts of a category and of everything below it."""
    return _of_category(timezone.now(), category.pk, category.full_slug + "/")


def _categories_at(slugs: list[str]) -> QuerySet[Category]:
    below = Category.objects.filter(parent=OuterRef("pk")).order_by()
    return _first(Category.objects.filter(full_slug__in=slugs).annotate(has_below=Exists(below)))


def _tags_at(slugs: list[str]) -> QuerySet[Tag]:
    return _first(Tag.objects.filter(slug__in=slugs))


def _authors_at(slugs: list[str]) -> QuerySet[Author]:
    return _first(Author.objects.select_related("picture__variants").filter(slug__in=slugs))


def _series_at(slugs: list[str]) -> QuerySet[Series]:
    return _first(Series.objects.filter(slug__in=slugs))


def _first(rows: QuerySet[Any]) -> QuerySet[Any]:
    return (rows if rows.ordered else rows.order_by("pk"))[:1]


def _of_category(now: datetime, pk: int, folder: str | None) -> PostQuerySet:
    """``folder`` is how addresses below the category begin; ``None`` where there is none below it."""
    if folder is None:
        # A join on what is unique lets a database walk its index of dates; a subquery has it read all posts of the term.
        return Post.objects.published(now).filter(postcategory__category=pk)
    # Not a LIKE, which would take the wildcards of an address for its own.
    begun = Category.objects.annotate(beginning=Substr("full_slug", 1, Length(Value(folder))))
    below = begun.filter(Q(pk=pk) | Q(beginning=folder)).values("pk")
    return Post.objects.published(now).filter(pk__in=PostCategory.objects.filter(category__in=below).values("post"))


def _of_tag(now: datetime, pk: int) -> PostQuerySet:
    return Post.objects.published(now).filter(tagged_items__tag=pk)


def _of_author(now: datetime, pk: int) -> PostQuerySet:
    return Post.objects.published(now).filter(authors=pk)


def _of_series(now: datetime, pk: int) -> PostQuerySet:
    return Post.objects.published(now).filter(series=pk)


TERM_KINDS = ("category", "tag", "author", "series")
_AT: dict[str, Callable[[list[str]], QuerySet[Any]]] = {
    "category": _categories_at,
    "tag": _tags_at,
    "author": _authors_at,
    "series": _series_at,
}
_OF: dict[str, Callable[..., PostQuerySet]] = {
    "tag": _of_tag,
    "author": _of_author,
    "series": _of_series,
}


def _spellings(slug: str) -> list[str]:
    """The slug as asked for and composed; nothing for what PostgreSQL would refuse to look for."""
    return [] if not slug.isprintable() or len(slug) > MAX_SLUG else list({slug, unicodedata.normalize("NFC", slug)})
