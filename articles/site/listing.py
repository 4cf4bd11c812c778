"""Lists of posts: newest first, a page at a time, with by-lines and sections, in a constant number of queries.

A page is named by where it begins, not by a number: ``?before=<microseconds>-<count>`` begins after ``count`` posts of
exactly that instant. Page 4,000 costs what page 1 costs, a new post moves nobody's page, and, unlike a row's id, the
token says nothing about posts that are not public.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    ExpressionWrapper,
    F,
    IntegerField,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Coalesce
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from articles.models import Correction, PictureVariants, Post, PostAuthor, PostCategory, PostQuerySet, TaggedPost
from articles.pictures import Picture, names_in
from articles.site_settings import current

#: Texts without a date have no page after the first: a token is an instant.
MAX_PAGES = 200
MAX_HEADLINES = 5
#: A term with more posts is not sorted for each page: the posts of the site are walked by date, as far as that goes.
MANY = 2_000
#: So many of them, whether they are of the term or not.
WALKED = 2_000
#: More posts of one instant than a token can count.
MAX_TIES = 1_000_000
INSTANT = timedelta(microseconds=1)
EARLIEST, LATEST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)

# A link in the rendered text that is marked as paid for. Attribute values there are always in double quotes.
SPONSORED_LINK = r'<a(?: [a-z-]+="[^"]*")* rel="(?:[^"]* )?sponsored[ "]'

_TOKEN = re.compile(r"(-?[0-9]{1,17})-([0-9]{1,6})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Credit:
    """An author, category or tag as a post shows it. ``detail`` is an author's kind."""

    name: str
    slug: str
    detail: str = ""


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


@dataclass(frozen=True, slots=True)
class Chosen:
    """The posts that a list shows, as its database is asked for them. ``posts`` are public, whatever their order.

    ``walk`` is given where there are too many to be sorted for a page (:data:`MANY`): the same posts by a condition on each,
    so that a walk along the dates can ask of one after the other. ``since`` is their first moment and ``until`` the first
    after them, where the list has ends: said here and not in ``posts``, because of several bounds on one side SQLite takes
    any, and would walk from there.
    """

    posts: PostQuerySet
    walk: PostQuerySet | None = None
    since: datetime | None = None
    until: datetime | None = None

    def between(self, oldest: datetime | None, newest: datetime, *, is_walk: bool) -> PostQuerySet:
        """The dated ones, newest first, from ``oldest`` to ``newest``, both included."""
        rows = (self.walk if is_walk and self.walk is not None else self.posts).dated()
        if self.until is not None:
            newest = min(newest, self.until - INSTANT)
        oldest = max(filter(None, (oldest, self.since)), default=None)
        rows = rows.filter(published_at__lte=newest)
        return rows if oldest is None else rows.filter(published_at__gte=oldest)

    def load_newest(
        self, load: Callable[[QuerySet[Post, Any]], list[Post]], count: int, newest: datetime, *, skip: int = 0
    ) -> list[Post]:
        """The newest ``count`` up to ``newest``, without the first ``skip``, as ``load`` gives them for a query of their keys.

        One query; where ``walk`` met too few on its way, one more, which sorts all of them.
        """
        if self.walk is not None:
            near = self.between(None, newest, is_walk=True).filter(published_at__gte=_end_of_walk(newest))
            if len(found := load(near.values("pk")[skip : skip + count])) == count:
                return found
        # Which they are first: with all that is shown, a database may read it of every post of a term in order to sort them.
        return load(self.between(None, newest, is_walk=False).values("pk")[skip : skip + count])

    def times_after(self, moment: datetime, newest: datetime, count: int) -> list[datetime]:
        """When the first ``count`` after ``moment`` and up to ``newest`` were published, the oldest first. As many queries."""
        after = moment + INSTANT
        if self.walk is not None:
            near = self.between(after, newest, is_walk=True).filter(published_at__lte=_end_of_walk(after, upwards=True))
            if len(found := _times(near, count)) == count:
                return found
        return _times(self.between(after, newest, is_walk=False), count)


def _times(rows: PostQuerySet, count: int) -> list[datetime]:
    times = rows.order_by("published_at", "pk").values_list("published_at", flat=True)[:count]
    return [time for time in times if time is not None]


def _end_of_walk(start: datetime, *, upwards: bool = False) -> Coalesce:
    """The date of the post that lies :data:`WALKED` posts from ``start``: it is read from the index of dates alone."""
    posts: PostQuerySet = Post.objects.order_by("published_at" if upwards else "-published_at")
    posts = posts.filter(**{"published_at__gte" if upwards else "published_at__lte": start})
    end = posts.values("published_at")[WALKED : WALKED + 1]
    return Coalesce(Subquery(end), Value(LATEST if upwards else EARLIEST, DateTimeField()), output_field=DateTimeField())


def list_posts(
    posts: PostQuerySet | Chosen,
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
    chosen = posts if isinstance(posts, Chosen) else Chosen(posts)
    # Implied by published(), but said as a plain bound, which lets a database walk its index of dates and stop early.
    now = at or timezone.now()
    start, skipped = _read_token(token) if token is not None else (None, 0)
    # One bound, the nearer: of two, SQLite may walk from the farther.
    cards = chosen.load_newest(_load_cards, size + 1, min(start, now) if start else now, skip=skipped)
    has_older = len(cards) > size
    listing = Listing(cards[:size], is_first=start is None)
    if has_older:
        listing.older = "?before=" + _token_after(listing.posts, start, skipped)
    if start and listing.posts:
        listing.newer = _newer(chosen, listing.posts[0], start, skipped, size, now)
    attach_credits([*besides, *listing.posts])
    return listing


def _load_cards(keys: QuerySet[Post, Any]) -> list[Post]:
    return list(as_cards(Post.objects.filter(pk__in=keys).order_by("-published_at", "-pk")))


def list_pages(posts: PostQuerySet) -> Listing:
    """What stands under a term that has no dated article: its other texts, by title, as many as fit on one page."""
    chosen = posts.order_by("title", "pk").values("pk")[:MAX_PAGES]
    listing = Listing(list(as_cards(Post.objects.filter(pk__in=chosen).order_by("title", "pk"))))
    attach_credits(listing.posts)
    return listing


def headlines(posts: Sequence[Post]) -> str:
    """What a list says of itself to search engines where staff said nothing: the newest titles on it."""
    return " / ".join(post.title for post in posts[:MAX_HEADLINES])


def as_cards(posts: PostQuerySet) -> PostQuerySet:
    """What a card shows, and no more, in the query's own order."""
    is_sponsored = ExpressionWrapper(
        # The first condition spares the costlier one for nearly every post.
        Q(body_html__contains="sponsored") & Q(body_html__regex=SPONSORED_LINK),
        output_field=BooleanField(),
    )
    return posts.select_related("cover__variants", "series").light().annotate(is_sponsored=is_sponsored)


def attach_credits(posts: Sequence[Post], *, html: str | None = None) -> None:
    """Gives every post its ``credits``: authors, categories and tags in their order, in one query.

    With ``html``, the rendered text of the first, empty or not, the same query finds the variants of the pictures that it
    shows, and the post's corrections.
    """
    by_post = {post.pk: Credits() for post in posts}
    for post in posts:
        post.credits = by_post[post.pk]  # type: ignore[attr-defined]
    if not by_post:
        return
    ids = list(by_post)
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
    if names := names_in(html or "", settings.MEDIA_URL):
        shapes = Cast("shapes", TextField())
        columns = (Value("pictures", text), "media__width", "media__height", "pk", "media__public_name", shapes, Value("", text))
        parts.append(_variants_of(names).values_list(*columns))
    if html is not None and posts[0].corrected_at is not None:
        corrections = Correction.objects.filter(post=posts[0].pk).order_by()
        times = Cast("corrected_at", TextField())
        parts.append(
            corrections.values_list(Value("corrections", text), "post_id", Value(0, number), "pk", "text", times, Value("", text))
        )
    rows = authors.values_list(
        Value("authors", text), "post_id", "position", "pk", "author__name", "author__slug", "author__kind"
    ).union(*parts, all=True)
    for kind, owner, place, _pk, label, address, detail in sorted(rows, key=lambda row: (row[2], row[3])):
        if kind == "pictures":
            width, height = owner, place
            picture = Picture(settings.MEDIA_URL + label, json.loads(address), width, height)
            posts[0].credits.pictures[picture.address] = picture  # type: ignore[attr-defined]
        elif kind == "corrections":
            by_post[owner].corrections.append(Correction(text=label, corrected_at=_read_time(address)))
        else:
            getattr(by_post[owner], kind).append(Credit(label, address, detail))
    posts[0].credits.corrections.sort(key=attrgetter("corrected_at"))  # type: ignore[attr-defined]


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


def author_url(credit: Credit) -> str:
    return reverse("articles:author", args=[credit.slug])


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


def _newer(chosen: Chosen, first: Post, start: datetime, skipped: int, size: int, now: datetime) -> str:
    """The query of the page before the one that begins with ``first``."""
    moment = _instant(first)
    before = skipped if moment == start else 0
    if before >= size:
        return "?before=" + _token(moment, before - size)
    missing = size - before
    times = chosen.times_after(moment, now, missing + 1)
    if len(times) <= missing:
        return ""
    begins = times[missing - 1]
    if times[missing] != begins:
        return "?before=" + _token(begins, 0)
    # Posts of one instant lie on both sides of the border between two pages.
    ties = chosen.between(begins, begins, is_walk=True).order_by().values("pk")[:MAX_TIES].count()
    return "?before=" + _token(begins, ties - times[:missing].count(begins))
