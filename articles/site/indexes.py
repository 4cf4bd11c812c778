"""Which terms there are: the pages that list all tags, all by-lines, all series, grouped by how a name begins."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Collate
from django.http import Http404
from django.utils import timezone
from django.utils.http import urlencode

from articles.models import Author, Post, Series, Tag, TaggedPost

PAGE_SIZE = 1000
#: Tags that recent posts have most stand first, where there are more tags than a reader takes in at a glance.
RECENT_POSTS = 200
MAX_FREQUENT = 24
MIN_FOR_FREQUENT = 40

# Each row of the kana table with its first letter, which is a small one where there is one, in the order of code points.
_HIRAGANA = dict(zip("ぁかさたなはまゃらゎ", "あかさたなはまやらわ", strict=True))
_KATAKANA = dict(zip("ァカサタナハマャラヮ", "アカサタナハマヤラワ", strict=True))


@dataclass(frozen=True, slots=True)
class Entry:
    """A term as an index shows it."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Group:
    """Terms whose names begin alike. ``label`` is a letter, a row of the kana table, or empty for all others."""

    label: str
    entries: list[Entry]


@dataclass(slots=True)
class Index:
    """One page of an index. ``following`` is the query of the next page, or empty; ``frequent`` stands before all."""

    groups: list[Group]
    following: str = ""
    is_first: bool = True
    frequent: list[Entry] = field(default_factory=list)


def list_terms(kind: str, start: str | None) -> Index:
    """The tags, by-lines or series with public posts whose identity is not before ``start``; one query, for many tags three.

    ``kind`` is ``tag``, ``author`` or ``series``. Raises Http404 for a ``start`` that no database can hold.
    """
    if start is not None and (not start.isprintable() or len(start) > 250):
        raise Http404
    rows = _TERMS[kind]().annotate(key=_bytewise("identity")).order_by("key")
    if start:
        rows = rows.filter(key__gte=start)
    found = list(rows[: PAGE_SIZE + 1])
    index = Index(_group(found[:PAGE_SIZE]), is_first=not start)
    if len(found) > PAGE_SIZE:
        index.following = "?" + urlencode({"from": found[PAGE_SIZE].key})
    if kind == "tag" and index.is_first and len(found) >= MIN_FOR_FREQUENT:
        index.frequent = _frequent_tags()
    return index


def _bytewise(column: str) -> Collate:
    """The order of code points, which is the same on every database; PostgreSQL's own order depends on its locale."""
    return Collate(column, "BINARY" if connection.vendor == "sqlite" else "C")


def _with_posts(terms: QuerySet[Any], **term: OuterRef) -> QuerySet[Any]:
    """Those of ``terms`` that have a public post. Joined, not "in all public posts": of those a database would first make a list.

    One post is looked for, not asked whether there is one: that PostgreSQL turns into a join of all terms with all posts.
    """
    found = Post.objects.published().filter(**term).order_by().values("pk")[:1]
    return terms.alias(a_post=Subquery(found)).filter(a_post__isnull=False).only("name", "slug", "identity")


def _tags() -> QuerySet[Any]:
    return _with_posts(Tag.objects.all(), tagged_items__tag=OuterRef("pk"))


def _authors() -> QuerySet[Any]:
    return _with_posts(Author.objects.all(), postauthor__author=OuterRef("pk"))


def _series() -> QuerySet[Any]:
    return _with_posts(Series.objects.all(), series=OuterRef("pk"))


_TERMS = {"tag": _tags, "author": _authors, "series": _series}


def _frequent_tags() -> list[Entry]:
    """Two queries: asked in one, SQLite walks all tagged posts to find those of a few."""
    dated = Post.objects.published().dated().filter(published_at__lte=timezone.now())
    newest = list(dated.values_list("pk", flat=True)[:RECENT_POSTS])
    tagged = TaggedPost.objects.filter(content_object__in=newest).order_by().select_related("tag")
    counted = Counter(_entry(row.tag) for row in tagged)
    return [entry for entry, _number in sorted(counted.items(), key=lambda found: (-found[1], found[0].name))[:MAX_FREQUENT]]


def _entry(term: Any) -> Entry:
    return Entry(term.name, term.get_absolute_url())


def _group(terms: Iterable[Any]) -> list[Group]:
    """Each letter once: in the order of code points ``à`` stands after ``z``, and ``ヴ`` after ``ワ``."""
    groups: list[Group] = []
    by_letter: dict[str, Group] = {}
    for label, members in groupby(terms, lambda term: label_of(term.key)):
        entries = [_entry(term) for term in members]
        if label in by_letter:
            by_letter[label].entries.extend(entries)
            continue
        groups.append(Group(label, entries))
        if label:
            by_letter[label] = groups[-1]
    return groups


def label_of(identity: str) -> str:
    """Under which letter a term stands: ``A``, ``あ`` for the row from あ to お, empty for digits, signs and kanji."""
    letter = unicodedata.normalize("NFD", identity[:1])[:1]
    for rows, last in ((_HIRAGANA, "ゟ"), (_KATAKANA, "ヿ")):
        if letter and min(rows) <= letter <= last:
            return rows[max(first for first in rows if first <= letter)]
    is_letter = letter.isalpha() and letter.upper() != letter.lower()
    return letter.upper() if is_letter else ""
