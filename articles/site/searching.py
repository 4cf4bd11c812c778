"""The search page: a question read, its filters found, hits, snippets, and what to try instead.

Queries, however many posts there are: the terms that the question names or means, the hits (on PostgreSQL in two where the
newest are not enough), their cards, their credits, the sections; where nothing is found, what would be found instead in the
place of cards and credits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from articles.formats.terms import identity
from articles.models import Author, Category, Post, PostCategory, Series, Tag, TaggedPost
from articles.routes import address_of
from articles.search import MINUTE_BITS, RANKED, Hit, Search, TooSlow, find_hits, find_many, place_of_moment, rank_hits
from articles.searchtext import TERM_KINDS, Part, Question, make_snippet, mark, read_question
from articles.site.listing import as_cards, attach_credits
from articles.site_settings import PAGE_SIZE

NEWEST, BEST = "newest", "best"
MAX_BEST = 100
"""Hits that are shown best first; whoever wants more reads them newest first."""
COUNTED = RANKED
"""Hits that are counted. Beyond, the page says that there are more."""
MAX_SUGGESTIONS = 5
MAX_TRIALS = 6
_TOKEN = re.compile(r"([0-9]{1,12})-([0-9]{1,4})")
_OFFSET = re.compile(r"[0-9]{1,3}")
# Places of one minute may lie this far behind it (articles.search.places_for).
_SPREAD = 1 << 25
_HIRAGANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}
_KATAKANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_ENDS_LONG = re.compile("[\u30a1-\u30fa\u30fc]{2,}\u30fc$")


@dataclass(frozen=True, slots=True)
class Term:
    """A term or by-line that the question names or means."""

    kind: str
    pk: int
    name: str
    slug: str
    identity: str
    aliases: Sequence[str]
    is_shown: bool

    @property
    def url(self) -> str:
        """Its page."""
        return address_of(self.kind, self.slug)

    def is_called(self, wanted: str) -> bool:
        """Whether ``wanted``, an identity, is its name, its slug or one of its other spellings."""
        return wanted in (self.identity, identity(self.slug)) or any(identity(str(alias)) == wanted for alias in self.aliases)


@dataclass(frozen=True, slots=True)
class Removable:
    """A filter or exclusion in force, in words, and the query of the page without it."""

    label: str
    query: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A question that finds something where this one does not, and the query of its page."""

    text: str
    query: str


@dataclass(slots=True)
class Results:
    """Everything that the page says. ``count`` is ``None`` on later pages; ``has_more``: there are more than counted."""

    question: Question
    order: str = NEWEST
    problem: str = ""
    posts: list[Post] = field(default_factory=list)
    count: int | None = None
    has_more: bool = False
    is_first: bool = True
    following: str = ""
    removable: list[Removable] = field(default_factory=list)
    unknown: list[Part] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)

    def query(self, **changes: str) -> str:
        """The query of this page with other parameters."""
        values = {"q": self.question.text, "order": self.order} | changes
        if values["order"] == NEWEST:
            del values["order"]
        return "?" + urlencode(values)

    @property
    def newest_query(self) -> str:
        """The query of the first page, newest first."""
        return self.query(order=NEWEST)

    @property
    def best_query(self) -> str:
        """The query of the first page, best first."""
        return self.query(order=BEST)

    @property
    def is_asked(self) -> bool:
        """Whether a question was put that can be answered."""
        return not self.problem and not self.question.is_empty


def search_posts(text: str, order: str, token: str | None) -> Results:
    """The answer to what somebody typed. ``token`` names a later page; raises Http404 where it names none.

    A question that cannot be answered gives results with a ``problem``, a sentence for the reader.
    """
    question = read_question(text)
    results = Results(question, BEST if order == BEST else NEWEST, question.problem, is_first=token is None)
    if not results.is_asked:
        return results
    found = _load_terms(question)
    results.terms = _choose_suggestions(question, found)
    results.removable = [
        Removable(_describe(part, found), results.query(q=question.without(part)))
        for part in question.parts
        if part.kind != "word" or part.is_excluded
    ]
    results.unknown = [
        part for part in question.filters if part.kind in TERM_KINDS and not part.is_excluded and not _named(part, found)
    ]
    try:
        if not results.unknown:
            _find(results, build_search(question, found), token)
        if not results.posts and results.is_first:
            results.proposals = _find_proposals(results, found)
    except TooSlow:
        results.problem = _("This search takes too long. Use longer or fewer words.")
    return results


def build_search(question: Question, found: Sequence[Term]) -> Search:
    """The question as the index is asked it: only what is public, with the terms and between the days that it names."""
    posts = Post.objects.published()
    above = below = None
    for part in question.filters:
        if part.day is not None:
            moment = _midnight(part.day)
            if part.kind == "before":
                posts = posts.filter(published_at__lt=moment)
                below = min(filter(None, (below, place_of_moment(moment) + _SPREAD)))
            else:
                posts = posts.filter(published_at__gte=moment)
                above = max(filter(None, (above, place_of_moment(moment))))
            continue
        condition = _has_term(part, _named(part, found))
        posts = posts.exclude(condition) if part.is_excluded else posts.filter(condition)
    return Search(posts, question.words, question.excluded, above, below)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_default_timezone())


# --- Hits -----------------------------------------------------------------------------------------------------------


def _find(results: Results, search: Search, token: str | None) -> None:
    if results.order == BEST and search.words:
        hits = _find_best(results, search, token)
    else:
        hits = _find_newest(results, search, token)
    results.posts = _load_cards(hits, search.words)


def _find_best(results: Results, search: Search, token: str | None) -> list[Hit]:
    if token is not None and not _OFFSET.fullmatch(token):
        raise Http404
    start = int(token or 0)
    ranked, results.has_more = rank_hits(search)
    ends = min(len(ranked), MAX_BEST)
    if start and start >= ends:
        raise Http404
    results.count = min(len(ranked), COUNTED)
    if start + PAGE_SIZE < ends:
        results.following = results.query(**{"from": str(start + PAGE_SIZE)})
    return ranked[start : min(start + PAGE_SIZE, ends)]


def _find_newest(results: Results, search: Search, token: str | None) -> list[Hit]:
    """A page begins after so many hits of a minute, as a list's does: a row's number would say how many are not public."""
    minute, skipped = _read_token(token)
    if minute is not None:
        below = minute + 1 << MINUTE_BITS
        search = Search(search.posts, search.words, search.excluded, search.above, min(filter(None, (search.below, below))))
    limit = COUNTED if results.is_first else PAGE_SIZE
    hits = find_hits(search, limit + 1, skip=skipped)
    if results.is_first:
        results.count, results.has_more = min(len(hits), COUNTED), len(hits) > COUNTED
    page = hits[:PAGE_SIZE]
    if len(hits) > PAGE_SIZE:
        last = page[-1].place >> MINUTE_BITS
        tied = sum(hit.place >> MINUTE_BITS == last for hit in page)
        results.following = results.query(**{"from": f"{last}-{tied + (skipped if last == minute else 0)}"})
    return page


def _read_token(token: str | None) -> tuple[int | None, int]:
    if token is None:
        return None, 0
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise Http404
    return int(match[1]), int(match[2])


def _load_cards(hits: Sequence[Hit], words: Sequence[str]) -> list[Post]:
    """The posts of the hits, in their order, with marked titles and snippets. What is no longer public is left out."""
    if not hits:
        return []
    cards = as_cards(Post.objects.published().filter(pk__in=[hit.post for hit in hits])).annotate(found_text=F("plain_text"))
    by_key = {post.pk: post for post in cards.order_by()}
    posts: list[Post] = [by_key[hit.post] for hit in hits if hit.post in by_key]
    attach_credits(posts)
    for post in posts:
        post.marked_title = mark(post.title, words)  # type: ignore[attr-defined]
        post.snippet = make_snippet(post.found_text, words)  # type: ignore[attr-defined]
    return posts


# --- Terms ----------------------------------------------------------------------------------------------------------


def _load_terms(question: Question) -> list[Term]:
    """Terms and by-lines that the filters name or whose names hold one of the words; one query."""
    named = [part for part in question.filters if part.kind in TERM_KINDS]
    below = Concat(OuterRef("full_slug"), Value("/"))
    parts = [
        _term_rows(kind, rows, posts, slug, question, [part.folded for part in named if part.kind == kind])
        for kind, rows, posts, slug in (
            ("tag", Tag.objects.all(), Q(tagged_items__tag=OuterRef("pk")), "slug"),
            (
                "category",
                Category.objects.all(),
                Q(categories=OuterRef("pk")) | Q(categories__full_slug__startswith=below),
                "full_slug",
            ),
            ("author", Author.objects.all(), Q(authors=OuterRef("pk")), "slug"),
            ("series", Series.objects.all(), Q(series=OuterRef("pk")), "slug"),
        )
    ]
    return [Term(*row) for row in parts[0].union(*parts[1:], all=True)]


def _term_rows(kind: str, rows: QuerySet[Any], posts: Q, slug: str, question: Question, named: Sequence[str]) -> QuerySet[Any]:
    wanted = Q(pk__in=[])
    for word in question.words:
        wanted |= Q(identity__contains=word)
    if named:
        # Other spellings stand in a list, which neither database looks through alike: they are compared here.
        wanted |= Q(identity__in=named) | Q(**{f"{slug}__in": named}) | ~Q(aliases=[])
    is_shown = Exists(Post.objects.published().filter(posts))
    return (
        rows.filter(wanted)
        .order_by()
        .annotate(is_shown=is_shown)
        .values_list(Value(kind, CharField()), "pk", "name", slug, "identity", "aliases", "is_shown")
    )


def _named(part: Part, found: Iterable[Term]) -> list[Term]:
    """The terms that a filter names, of those that readers can open: what only drafts have is as unknown as any other name."""
    return [term for term in found if term.is_shown and term.kind == part.kind and term.is_called(part.folded)]


def _describe(part: Part, found: Iterable[Term]) -> str:
    """How a filter is shown: by the term's own name, where that may be known to readers."""
    name = next((term.name for term in _named(part, found)), part.value)
    labels: dict[str, str] = {
        "word": name,
        "tag": _("Tag: %s") % name,
        "category": _("Section: %s") % name,
        "author": _("By-line: %s") % name,
        "series": _("Series: %s") % name,
        "before": _("before %s") % name,
        "after": _("from %s on") % name,
    }
    return _("without “%s”") % labels[part.kind] if part.is_excluded else labels[part.kind]


def _has_term(part: Part, terms: Sequence[Term]) -> Q:
    """The condition that a post has one of the terms; categories with all that lies below them."""
    keys = [term.pk for term in terms]
    if part.kind == "tag":
        return Q(pk__in=TaggedPost.objects.filter(tag__in=keys).order_by().values("content_object"))
    if part.kind == "author":
        return Q(pk__in=Post.authors.through.objects.filter(author__in=keys).order_by().values("post"))
    if part.kind == "series":
        return Q(series__in=keys) & Q(series__isnull=False)
    below = Q(pk__in=keys)
    for term in terms:
        below |= Q(full_slug__startswith=term.slug + "/")
    rows = PostCategory.objects.filter(category__in=Category.objects.filter(below).order_by().values("pk"))
    return Q(pk__in=rows.order_by().values("post"))


def _choose_suggestions(question: Question, found: Iterable[Term]) -> list[Term]:
    """Terms that readers can open and whose names hold a word, those that are the word itself first."""
    named = {(term.kind, term.pk) for part in question.filters for term in _named(part, found)}
    fitting = [
        term
        for term in found
        if term.is_shown and (term.kind, term.pk) not in named and any(word in term.identity for word in question.words)
    ]
    fitting.sort(key=lambda term: (term.identity not in question.words, len(term.identity), term.identity, term.kind))
    return fitting[:MAX_SUGGESTIONS]


# --- Nothing found ----------------------------------------------------------------------------------------------------


def _find_proposals(results: Results, found: Sequence[Term]) -> list[Proposal]:
    """Other questions that find something; one query. None is proposed that would find nothing either."""
    trials: dict[str, Question] = {}
    for text in _other_questions(results.question):
        question = read_question(text)
        parts = [part for part in question.filters if part.kind in TERM_KINDS and not part.is_excluded]
        if not question.is_empty and not question.problem and all(_named(part, found) for part in parts):
            trials.setdefault(text, question)
        if len(trials) == MAX_TRIALS:
            break
    searches = [build_search(question, found) for question in trials.values()]
    answers = find_many(searches, 1)
    return [Proposal(text, results.query(q=text)) for text, hits in zip(trials, answers, strict=True) if hits]


def _other_questions(question: Question) -> Iterable[str]:
    """The question in the other kana, without a long mark at the end of a word, and without each of its parts."""
    for part in question.parts:
        if part.kind == "word" and not part.is_excluded:
            for word in _other_spellings(part.value):
                yield question.replaced(part, word)
    if len(question.parts) > 1:
        for part in reversed(question.parts):
            yield question.without(part)


def _other_spellings(word: str) -> Iterable[str]:
    for spelled in (word.translate(_HIRAGANA), word.translate(_KATAKANA)):
        if spelled != word:
            yield spelled
    if _ENDS_LONG.search(word):
        yield word.removesuffix("ー")
