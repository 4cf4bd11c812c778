"""Lists by term: which category, tag, by-line or series an address names, and its public posts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Length, Substr
from django.utils import timezone

from articles.feed_links import FeedLink, feeds_of
from articles.models import Author, Category, Post, PostAuthor, PostCategory, PostQuerySet, Series, Tag, TaggedPost
from articles.site.listing import Wanted
from articles.statements import fetch, without_index

Term = Author | Category | Series | Tag
MAX_SLUG = 700
LARGE = 500
"""Posts of a term from which its list is looked for among the newest posts first (:class:`articles.site.listing.Wanted`)."""


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
    values = (term.pk, term.full_slug + "/" if term.has_below else None) if kind == "category" else (term.pk,)
    is_large = getattr(term, "is_large", False)
    return TermList(kind, term, Wanted(_OF[kind], values, by_date=_BY_DATE[kind] if is_large else None))


def posts_below(category: Category) -> PostQuerySet:
    """The public posts of a category and of everything below it."""
    return _of_category(timezone.now(), category.pk, category.full_slug + "/")


def _categories_at(slugs: list[str]) -> QuerySet[Category]:
    below = Category.objects.filter(parent=OuterRef("pk")).order_by()
    here = Category.objects.filter(full_slug__in=slugs).annotate(has_below=Exists(below))
    # Of itself and one level below: it is a guess at how long a list is, which need not be right.
    itself = OuterRef(OuterRef("pk"))
    near = Category.objects.filter(Q(pk=itself) | Q(parent=itself)).order_by().values("pk")
    return _first(here, PostCategory.objects.filter(category__in=near))


def _tags_at(slugs: list[str]) -> QuerySet[Tag]:
    return _first(Tag.objects.filter(slug__in=slugs), TaggedPost.objects.filter(tag=OuterRef("pk")))


def _authors_at(slugs: list[str]) -> QuerySet[Author]:
    found = Author.objects.select_related("picture__variants").filter(slug__in=slugs)
    return _first(found, PostAuthor.objects.filter(author=OuterRef("pk")))


def _series_at(slugs: list[str]) -> QuerySet[Series]:
    return _first(Series.objects.filter(slug__in=slugs), Post.objects.filter(series=OuterRef("pk")))


def _first(terms: QuerySet[Any], members: QuerySet[Any]) -> QuerySet[Any]:
    """The first of ``terms``, which says on SQLite whether it has many ``members``: counted no further than that.

    PostgreSQL keeps count of how many posts a term has, and chooses its way by itself.
    """
    if connection.vendor == "sqlite":
        terms = terms.annotate(is_large=Exists(members.order_by().values("pk")[LARGE : LARGE + 1]))
    return (terms if terms.ordered else terms.order_by("pk"))[:1]


def _of_category(now: datetime, pk: int, folder: str | None) -> PostQuerySet:
    """``folder`` is how addresses below the category begin; ``None`` where there is none below it."""
    if folder is None:
        # A join on what is unique lets a database walk its index of dates; a subquery has it read all posts of the term.
        return Post.objects.published(now).filter(postcategory__category=pk)
    members = PostCategory.objects.filter(category__in=_below(pk, folder))
    return Post.objects.published(now).filter(pk__in=members.values("post"))


def _below(pk: int, folder: str) -> QuerySet[Any, Any]:
    # Not a LIKE, which would take the wildcards of an address for its own.
    begun = Category.objects.annotate(beginning=Substr("full_slug", 1, Length(Value(folder))))
    return begun.filter(Q(pk=pk) | Q(beginning=folder)).order_by().values("pk")


def _of_tag(now: datetime, pk: int) -> PostQuerySet:
    return Post.objects.published(now).filter(tagged_items__tag=pk)


def _of_author(now: datetime, pk: int) -> PostQuerySet:
    return Post.objects.published(now).filter(authors=pk)


def _of_series(now: datetime, pk: int) -> PostQuerySet:
    return Post.objects.published(now).filter(series=pk)


# --- The same posts, looked for from a date on ----------------------------------------------------------------------
#
# SQLite, which counts nothing, takes the index of the term wherever one fits, reads all its posts and sorts them. Here none
# fits: what is asked of each post is whether it has the term.


def _category_by_date(now: datetime, pk: int, folder: str | None) -> PostQuerySet:
    rows = PostCategory.objects.filter(post=OuterRef("pk"))
    if folder is None:
        return _having(now, rows.filter(without_index("category_id", pk)))
    return _having(now, rows.filter(category__in=_below(pk, folder)))


def _tag_by_date(now: datetime, pk: int) -> PostQuerySet:
    return _having(now, TaggedPost.objects.filter(without_index("tag_id", pk), content_object=OuterRef("pk")))


def _author_by_date(now: datetime, pk: int) -> PostQuerySet:
    return _having(now, PostAuthor.objects.filter(without_index("author_id", pk), post=OuterRef("pk")))


def _series_by_date(now: datetime, pk: int) -> PostQuerySet:
    return Post.objects.published(now).filter(without_index("series_id", pk))


def _having(now: datetime, members: QuerySet[Any]) -> PostQuerySet:
    return Post.objects.published(now).filter(Exists(members.order_by()))


TERM_KINDS = ("category", "tag", "author", "series")
_AT: dict[str, Callable[[list[str]], QuerySet[Any]]] = {
    "category": _categories_at,
    "tag": _tags_at,
    "author": _authors_at,
    "series": _series_at,
}
_OF: dict[str, Callable[..., PostQuerySet]] = {
    "category": _of_category,
    "tag": _of_tag,
    "author": _of_author,
    "series": _of_series,
}
_BY_DATE: dict[str, Callable[..., PostQuerySet]] = {
    "category": _category_by_date,
    "tag": _tag_by_date,
    "author": _author_by_date,
    "series": _series_by_date,
}


def _spellings(slug: str) -> list[str]:
    """The slug as asked for and composed; nothing for what PostgreSQL would refuse to look for."""
    return [] if not slug.isprintable() or len(slug) > MAX_SLUG else list({slug, unicodedata.normalize("NFC", slug)})
