"""Lists by term: which category, tag, by-line or series an address names, and its public posts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat

from articles.feed_links import FeedLink, feeds_of
from articles.models import Author, Category, Post, PostAuthor, PostCategory, PostQuerySet, Series, Tag, TaggedPost
from articles.site.listing import MANY, Chosen

Term = Author | Category | Series | Tag
MAX_SLUG = 700


@dataclass(frozen=True, slots=True)
class TermList:
    """A term and the public posts that stand in its list. ``kind`` is ``category``, ``tag``, ``author`` or ``series``."""

    kind: str
    term: Term
    chosen: Chosen

    @property
    def posts(self) -> PostQuerySet:
        """The public posts, whatever their order."""
        return self.chosen.posts

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
    return Post.objects.published().filter(pk__in=PostCategory.objects.filter(category__in=_below(category)).values("post"))


def _below(category: Category) -> QuerySet[Category]:
    return Category.objects.filter(Q(pk=category.pk) | Q(full_slug__startswith=category.full_slug + "/"))


def _find_category(spellings: list[str]) -> TermList | None:
    below = Category.objects.filter(
        Q(pk=OuterRef(OuterRef("pk"))) | Q(full_slug__startswith=Concat(OuterRef(OuterRef("full_slug")), Value("/")))
    )
    found = Category.objects.filter(full_slug__in=[spelling.strip("/") for spelling in spellings])
    term = found.annotate(has_many=_has_many(PostCategory.objects.filter(category__in=below.order_by().values("pk")))).first()
    if term is None:
        return None
    members = PostCategory.objects.filter(category__in=_below(term).order_by().values("pk"), post=OuterRef("pk"))
    return TermList("category", term, _choose(term, posts_below(term), members))


def _find_tag(spellings: list[str]) -> TermList | None:
    has_many = _has_many(TaggedPost.objects.filter(tag=OuterRef("pk")))
    term = Tag.objects.annotate(has_many=has_many).filter(slug__in=spellings).first()
    if term is None:
        return None
    members = TaggedPost.objects.filter(tag=term)
    posts = Post.objects.published().filter(pk__in=members.values("content_object"))
    return TermList("tag", term, _choose(term, posts, members.filter(content_object=OuterRef("pk"))))


def _find_author(spellings: list[str]) -> TermList | None:
    has_many = _has_many(PostAuthor.objects.filter(author=OuterRef("pk")))
    authors = Author.objects.select_related("picture__variants").annotate(has_many=has_many)
    term = authors.filter(slug__in=spellings).first()
    if term is None:
        return None
    members = PostAuthor.objects.filter(author=term)
    posts = Post.objects.published().filter(pk__in=members.order_by().values("post"))
    return TermList("author", term, _choose(term, posts, members.filter(post=OuterRef("pk"))))


def _find_series(spellings: list[str]) -> TermList | None:
    term = Series.objects.filter(slug__in=spellings).first()
    return TermList("series", term, Chosen(Post.objects.published().filter(series=term))) if term else None


def _has_many(members: QuerySet[Any]) -> Exists:
    """Whether a term has more than :data:`MANY` members: so many entries of an index are read, never all."""
    return Exists(members.order_by()[MANY : MANY + 1])


def _choose(term: Any, posts: PostQuerySet, members: QuerySet[Any]) -> Chosen:
    """``members`` are those of one post (``OuterRef``), to be asked on a walk along the dates."""
    walk = Post.objects.published().filter(Exists(members.order_by()))
    return Chosen(posts, walk if term.has_many else None)


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
