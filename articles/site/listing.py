"""Lists of posts: newest first, a page at a time, with by-lines and sections, in a constant number of queries.

A page is named by where it begins, not by a number: ``?before=<microseconds>-<count>`` begins after ``count`` posts of
exactly that instant. Page 4,000 costs what page 1 costs, a new post moves nobody's page, and, unlike a row's id, the
token says nothing about posts that are not public.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.db.models import CharField, Count, F, IntegerField, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.http import Http404
from django.utils import timezone

from articles.models import (
    Correction,
    MediaFile,
    PictureVariants,
    Post,
    PostAuthor,
    PostCategory,
    PostQuerySet,
    Series,
    TaggedPost,
)
from articles.pictures import Picture, names_in
from articles.routes import address_of
from articles.shown import note, note_posts, note_span, place_of
from articles.site_settings import current
from articles.statements import Given, fetch

#: Texts without a date have no page after the first: a token is an instant.
MAX_PAGES = 200
WALKED = 2000
MAX_HEADLINES = 5
_NAMES_AT_ONCE = 8

_KINDS = {"authors": "author", "categories": "category", "tags": "tag"}
_TOKEN = re.compile(r"(-?[0-9]{1,17})-([0-9]{1,6})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Credit:
    """An author, category or tag as a post shows it. ``kind`` is the route of its page, ``detail`` an author's kind."""

    kind: str
    name: str
    slug: str
    detail: str = ""

    @property
    def url(self) -> str:
        """The address of its page."""
        return address_of(self.kind, self.slug)


@dataclass(slots=True)
class Credits:
    authors: list[Credit] = field(default_factory=list)
    categories: list[Credit] = field(default_factory=list)
    tags: list[Credit] = field(default_factory=list)
    pictures: dict[str, Picture] = field(default_factory=dict)
    """Those of the text that have variants, by their addresses, where :func:`attach_credits` was asked for them."""
    corrections: list[Correction] = field(default_factory=list)
    """What was said of mistakes, oldest first, where :func:`attach_credits` was asked for it; not to be saved."""


@dataclass(slots=True)
class Listing:
    """One page of a list. ``older`` and ``newer`` are queries (``?before=…``; ``""`` is the first page) or ``None``."""

    posts: list[Post]
    older: str | None = None
    newer: str | None = None
    is_first: bool = True
    lower: datetime | None = None
    upper: datetime | None = None
    """The nearest posts beyond the page that its links depend on: one after it, one before the page before it."""


Build = Callable[..., PostQuerySet]
Show = Callable[[PostQuerySet], PostQuerySet]
"""A function of a module that says which columns of posts are read."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which posts a list is of: ``build(now, *values)`` gives those public at ``now``, as :func:`articles.statements.fetch` asks.

    ``until`` is the end of a period, not in it: said apart, because of two upper ends SQLite takes one and walks from there.
    ``is_known``: ``build`` is a function of a module, so that the statements of its lists are made once. ``by_date`` gives the
    same posts in a form in which SQLite walks its index of dates: for terms with very many posts, of which most lists find
    enough among the nearest :data:`WALKED` of the site. Where they do not, as with a term of long ago, all of the term are read.
    """

    build: Build
    values: tuple[Given, ...] = ()
    until: datetime | None = None
    is_known: bool = True
    by_date: Build | None = None

    def ask(self, query: Callable[..., QuerySet[Any, Any]], now: datetime, *moments: datetime, **shape: Any) -> list[Any]:
        """The rows of ``query(now, *moments, *values, posts=build, **shape)``."""
        if self.is_known:
            return fetch(query, now, *moments, *self.values, posts=self.build, **shape)
        return list(query(now, *moments, *self.values, posts=self.build, **shape))

    def ask_by_date(self, query: Callable[..., QuerySet[Any, Any]], now: datetime, *moments: datetime, **shape: Any) -> list[Any]:
        """The rows of :meth:`ask` by ``by_date``; none where that is not said."""
        return replace(self, build=self.by_date).ask(query, now, *moments, **shape) if self.by_date else []


def list_posts(
    posts: PostQuerySet | Wanted,
    token: str | None,
    *,
    size: int | None = None,
    besides: Sequence[Post] = (),
    at: datetime | None = None,
) -> Listing:
    """The page of ``posts`` that ``token`` names; the first one without. Raises Http404 for a malformed token.

    ``size`` is what the site's settings say, where nobody gives another. ``besides`` are posts that stand on the same page
    and get their credits by the same query; ``at`` is the moment for which ``posts`` are those published, if not now.
    """
    size = size or current().posts_per_page
    wanted = posts if isinstance(posts, Wanted) else Wanted(lambda _now: posts, is_known=False)
    now = at or timezone.now()
    start, skipped = _read_token(token) if token is not None else (None, 0)
    # One end of the range: of two, SQLite takes the first and walks from there to the other.
    end = min(now, wanted.until - timedelta(microseconds=1)) if wanted.until else now
    cards = _take_cards(wanted, now, min(start or end, end), skipped, size, as_cards)
    has_older = len(cards) > size
    listing = Listing(cards[:size], is_first=start is None)
    if has_older:
        listing.older = "?before=" + _token_after(listing.posts, start, skipped)
        listing.lower = cards[size].published_at
    if start and listing.posts:
        listing.newer, listing.upper = _newer(wanted, now, end, listing.posts[0], start, skipped, size)
    attach_credits([*besides, *listing.posts])
    return listing


def _dated(until: datetime, posts: PostQuerySet) -> PostQuerySet:
    # Implied by published(), but said as a plain range, which lets a database walk its index of dates and stop early.
    return posts.dated().filter(published_at__lte=until)


def take_newest(wanted: Wanted, size: int, show: Show) -> list[Post]:
    """The newest ``size`` posts with what ``show`` reads of them, found as those of a list are."""
    now = timezone.now()
    return _take_cards(wanted, now, now, 0, size - 1, show)


def _take_cards(wanted: Wanted, now: datetime, until: datetime, skipped: int, size: int, show: Show) -> list[Post]:
    """One post more than ``size``, where there are so many."""
    shape: dict[str, Any] = {"skipped": skipped, "size": size, "show": show}
    if wanted.by_date:
        since: datetime | None = next(iter(fetch(_dates_before, until)), None)
        if since is None:
            return wanted.ask_by_date(_cards, now, until, **shape)
        near: list[Post] = wanted.ask_by_date(_near_cards, now, until, since, **shape)
        if len(near) > size:
            return near
    return wanted.ask(_cards, now, until, **shape)


def _take_later(wanted: Wanted, now: datetime, end: datetime, moment: datetime, size: int) -> list[datetime]:
    if wanted.by_date:
        until = min(next(iter(fetch(_dates_after, moment)), end), end)
        near: list[datetime] = wanted.ask_by_date(_later, now, until, moment, size=size)
        if len(near) == size or until == end:
            return near
    return wanted.ask(_later, now, end, moment, size=size)


def _dates_before(until: datetime) -> QuerySet[Any, Any]:
    dates = Post.objects.filter(published_at__lte=until).order_by("-published_at", "-pk")
    return dates.values_list("published_at", flat=True)[WALKED : WALKED + 1]


def _dates_after(moment: datetime) -> QuerySet[Any, Any]:
    dates = Post.objects.filter(published_at__gt=moment).order_by("published_at", "pk")
    return dates.values_list("published_at", flat=True)[WALKED : WALKED + 1]


def _near_cards(
    now: datetime, until: datetime, since: datetime, *values: Given, posts: Build, skipped: int, size: int, show: Show
) -> QuerySet[Post]:
    def near(now: datetime, *values: Given) -> PostQuerySet:
        return posts(now, *values).filter(published_at__gte=since)

    return _cards(now, until, *values, posts=near, skipped=skipped, size=size, show=show)


def _cards(now: datetime, until: datetime, *values: Given, posts: Build, skipped: int, size: int, show: Show) -> QuerySet[Post]:
    page = _dated(until, posts(now, *values))
    # Which they are first: with what cards show, a database may read it of all posts of a term in order to sort them.
    chosen = page.values("pk")[skipped : skipped + size + 1]
    return show(Post.objects.filter(pk__in=chosen).order_by("-published_at", "-pk"))


def list_pages(posts: PostQuerySet) -> Listing:
    """What stands under a term that has no dated article: its other texts, by title, as many as fit on one page."""
    chosen = posts.order_by("title", "pk").values("pk")[:MAX_PAGES]
    listing = Listing(list(as_cards(Post.objects.filter(pk__in=chosen).order_by("title", "pk"))))
    attach_credits(listing.posts)
    return listing


def note_listing(name: str, listing: Listing, *, within: tuple[datetime | None, datetime | None] = (None, None)) -> None:
    """Notes what a page of the list ``name`` shows: its cards, and between which places somebody else would show.

    ``within`` are the ends of a list of a period; whoever comes beyond them is no member.
    """
    note_posts("card", (post.pk for post in listing.posts))
    low, high = listing.lower or within[0], listing.upper or within[1]
    note_span(name, place_of(low) if low else None, place_of(high) if high else None)


def headlines(posts: Sequence[Post]) -> str:
    """What a list says of itself to search engines where staff said nothing: the newest titles on it."""
    return " / ".join(post.title for post in posts[:MAX_HEADLINES])


def as_cards(posts: PostQuerySet) -> PostQuerySet:
    """What a card shows, and no more, in the query's own order."""
    return posts.select_related("cover__variants", "series").for_cards()


def attach_credits(posts: Sequence[Post], *, html: str | None = None) -> None:
    """Gives every post its ``credits``: authors, categories and tags in their order, in one query.

    With ``html``, the rendered text of the first, empty or not, the same query finds the variants of the pictures that it
    shows, and the post's corrections.
    """
    by_post = {post.pk: Credits() for post in posts}
    _note_attached(posts)
    for post in posts:
        post.credits = by_post[post.pk]  # type: ignore[attr-defined]
    if not by_post:
        return
    names = names_in(html or "", settings.MEDIA_URL)
    note(*(f"file:{name}" for name in names))
    # The same statement serves for up to as many: a name that is there twice is found once.
    names += names[-1:] * (-len(names) % _NAMES_AT_ONCE)
    corrected = posts[0].pk if html is not None and posts[0].corrected_at is not None else None
    rows: list[tuple[Any, ...]] = fetch(_credit_rows, list(by_post), names, corrected)
    for kind, owner, place, _pk, label, address, detail in sorted(rows, key=lambda row: (row[2], row[3])):
        if kind == "pictures":
            width, height = owner, place
            picture = Picture(settings.MEDIA_URL + label, json.loads(address), width, height)
            posts[0].credits.pictures[picture.address] = picture  # type: ignore[attr-defined]
        elif kind == "corrections":
            by_post[owner].corrections.append(Correction(text=label, corrected_at=_read_time(address)))
        else:
            getattr(by_post[owner], kind).append(Credit(_KINDS[kind], label, address, detail))
            note(f"{_KINDS[kind]}:{address}")
    posts[0].credits.corrections.sort(key=attrgetter("corrected_at"))  # type: ignore[attr-defined]


def _credit_rows(ids: list[int], names: list[str], corrected: int | None) -> QuerySet[Any, Any]:
    """Kind, post, position, key, name, address and detail of each; ``corrected`` is the post whose corrections are asked for."""
    authors = PostAuthor.objects.filter(post__in=ids).order_by()
    categories = PostCategory.objects.filter(post__in=ids).order_by()
    tags = TaggedPost.objects.filter(content_object__in=ids).order_by()
    text, number = CharField(), IntegerField()
    parts: list[QuerySet[Any, Any]] = [
        categories.values_list(
            Value("categories", text), "post_id", "position", "pk", "category__name", "category__full_slug", Value("", text)
        ),
        tags.values_list(
            Value("tags", text), "content_object_id", Value(0, number), "pk", "tag__name", "tag__slug", Value("", text)
        ),
    ]
    if names:
        shapes = Cast("shapes", TextField())
        columns = (Value("pictures", text), "media__width", "media__height", "pk", "media__public_name", shapes, Value("", text))
        parts.append(_variants_of(names).values_list(*columns))
    if corrected is not None:
        corrections = Correction.objects.filter(post=corrected).order_by()
        times = Cast("corrected_at", TextField())
        parts.append(
            corrections.values_list(Value("corrections", text), "post_id", Value(0, number), "pk", "text", times, Value("", text))
        )
    return authors.values_list(
        Value("authors", text), "post_id", "position", "pk", "author__name", "author__slug", "author__kind"
    ).union(*parts, all=True)


def _note_attached(posts: Iterable[Post]) -> None:
    """Notes the covers and the series that were read with the posts."""
    for post in posts:
        for column in ("cover", "series"):
            attached = post._state.fields_cache.get(column)
            if isinstance(attached, MediaFile):
                note(f"file:{attached.public_name}")
            elif isinstance(attached, Series):
                note(f"series:{attached.slug}")


def _read_time(text: str) -> datetime:
    """A time as either database writes it in a text: SQLite without its zone, which is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def load_pictures(html: str) -> dict[str, Picture]:
    """The variants of the pictures that a rendered text shows, by their addresses; one query, none where it shows none."""
    names = names_in(html, settings.MEDIA_URL)
    rows = _variants_of(names).select_related("media") if names else ()
    return {row.media.url: Picture(row.media.url, row.shapes, row.media.width, row.media.height) for row in rows}


def _variants_of(names: list[str]) -> QuerySet[PictureVariants]:
    return PictureVariants.objects.filter(media__public_name__in=names, sha256=F("media__sha256")).order_by()


def _read_token(token: str) -> tuple[datetime, int]:
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise Http404
    try:
        return _EPOCH + timedelta(microseconds=int(match[1])), int(match[2])
    except OverflowError as error:
        raise Http404 from error


def _token(moment: datetime, skipped: int) -> str:
    return f"{(moment - _EPOCH) // timedelta(microseconds=1)}-{skipped}"


def _instant(post: Post) -> datetime:
    assert post.published_at is not None  # dated() lists only posts with a date
    return post.published_at


def _token_after(posts: Sequence[Post], start: datetime | None, skipped: int) -> str:
    last = _instant(posts[-1])
    tied = sum(post.published_at == last for post in posts)
    return _token(last, tied + (skipped if start == last else 0))


def _later(now: datetime, end: datetime, moment: datetime, *values: Given, posts: Build, size: int) -> QuerySet[Any, Any]:
    rows = _dated(end, posts(now, *values)).filter(published_at__gt=moment)
    return rows.order_by("published_at", "pk").values_list("published_at", flat=True)[:size]


def _ties(now: datetime, moment: datetime, *values: Given, posts: Build) -> QuerySet[Any, Any]:
    rows = _dated(now, posts(now, *values)).filter(published_at=moment).order_by()
    return rows.values("published_at").annotate(number=Count("pk")).values_list("number", flat=True)


def _newer(
    wanted: Wanted, now: datetime, end: datetime, first: Post, start: datetime, skipped: int, size: int
) -> tuple[str, datetime | None]:
    """The query of the page before the one that begins with ``first``, and the post before that, if there is one."""
    moment = _instant(first)
    before = skipped if moment == start else 0
    if before >= size:
        return "?before=" + _token(moment, before - size), moment
    missing = size - before
    times = _take_later(wanted, now, end, moment, missing + 1)
    if len(times) <= missing:
        return "", None
    begins = times[missing - 1]
    if times[missing] != begins:
        return "?before=" + _token(begins, 0), times[missing]
    # Posts of one instant lie on both sides of the border between two pages.
    ties = sum(wanted.ask(_ties, now, begins))
    return "?before=" + _token(begins, ties - times[:missing].count(begins)), times[missing]
