"""Lists by term: which category, tag, by-line or series an address names, and its public posts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Q

from articles.feed_links import FeedLink, feeds_of
from articles.models import Author, Category, Post, PostCategory, PostQuerySet, Series, Tag, TaggedPost

Term = Author | Category | Series | Tag
MAX_SLUG = 700


@dataclass(frozen=True, slots=True)
class TermList:
    """A term and the public posts that stand in its list. ``kind`` is ``category``, ``tag``, ``author`` or ``series``."""

    kind: str
    term: Term
    posts: PostQuerySet

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
    def feeds(self) -> list[FeedLink]:
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
    return _FINDERS[kind](spellings)


def posts_below(category: Category) -> PostQuerySet:
    """The public posts of a category and of everything below it."""
    below = Category.objects.filter(Q(pk=category.pk) | Q(full_slug__startswith=category.full_slug + "/"))
    return Post.objects.published().filter(pk__in=PostCategory.objects.filter(category__in=below).values("post"))


def _find_category(spellings: list[str]) -> TermList | None:
    term = Category.objects.filter(full_slug__in=[spelling.strip("/") for spelling in spellings]).first()
    return TermList("category", term, posts_below(term)) if term else None


def _find_tag(spellings: list[str]) -> TermList | None:
    term = Tag.objects.filter(slug__in=spellings).first()
    members = TaggedPost.objects.filter(tag=term).values("content_object")
    return TermList("tag", term, Post.objects.published().filter(pk__in=members)) if term else None


def _find_author(spellings: list[str]) -> TermList | None:
    term = Author.objects.select_related("picture__variants").filter(slug__in=spellings).first()
    return TermList("author", term, Post.objects.published().filter(authors=term)) if term else None


def _find_series(spellings: list[str]) -> TermList | None:
    term = Series.objects.filter(slug__in=spellings).first()
    return TermList("series", term, Post.objects.published().filter(series=term)) if term else None


TERM_KINDS = ("category", "tag", "author", "series")
_FINDERS: dict[str, Callable[[list[str]], TermList | None]] = {
    "category": _find_category,
    "tag": _find_tag,
    "author": _find_author,
    "series": _find_series,
}


def _spellings(slug: str) -> list[str]:
    """The slug as asked for and composed; nothing for what PostgreSQL would refuse to look for."""
    return [] if not slug.isprintable() or len(slug) > MAX_SLUG else list({slug, unicodedata.normalize("NFC", slug)})
