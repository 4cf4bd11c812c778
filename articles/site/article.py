"""What the page of one post shows: standfirst, neighbours, outline, translations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from articles.changes import series_place
from articles.formats.terms import identity
from articles.models import Correction, MediaFile, Post, PostCard, PostQuerySet, RelatedPost
from articles.pictures import CARD, CARD_SIZE, PLAIN
from articles.shown import note, note_posts, note_span, place_of
from articles.site.context import language_of
from articles.statements import fetch

OUTLINE_LEVELS = (1, 2, 3)
MIN_OUTLINE = 2
MAX_RELATED = 4
_NOT_WORDS = re.compile(r"[\W_]+")


@dataclass(slots=True)
class Neighbours:
    """Public posts next to one: in time (of the same language), in its series, by what it is about, and in other languages."""

    older: Post | None = None
    newer: Post | None = None
    series_previous: Post | None = None
    series_next: Post | None = None
    related: list[Post] = field(default_factory=list)
    translations: list[Post] = field(default_factory=list)


def is_article(post: Post) -> bool:
    """Whether it is part of lists by date, and so has neighbours in time."""
    return post.kind == Post.Kind.ARTICLE and post.published_at is not None


def load_neighbours(post: Post) -> Neighbours:
    """One query, whatever is found; none for a post that can have no neighbours."""
    if not is_article(post) and not post.translation_key:
        return Neighbours()
    found = _find_neighbours(post)
    _note_neighbours(post, found)
    return found


def _find_neighbours(post: Post) -> Neighbours:
    in_time = (post.published_at, post.language) if is_article(post) else (None, None)
    in_series = (post.series_id, post.series_order) if is_article(post) and post.series_id else (None, None)
    rows: list[Post] = fetch(_beside, timezone.now(), post.pk, *in_time, *in_series, post.translation_key or None)
    # The rows hold each true neighbour, and others that stand farther away: the nearest of a kind is the true one.
    found = Neighbours()
    if is_article(post):
        same = [row for row in rows if is_article(row) and row.language == post.language]
        found.older, found.newer = _nearest(same, post, _time_key)
        related = [row for row in rows if row.related_position is not None]  # type: ignore[attr-defined]
        related.sort(key=attrgetter("related_position"))
        found.related = related[:MAX_RELATED]
        if post.series_id:
            members = [row for row in rows if is_article(row) and row.series_id == post.series_id]
            found.series_previous, found.series_next = _nearest(members, post, _series_key)
    if post.translation_key:
        others = {row.language: row for row in rows if _is_translation(row, post)}
        found.translations = [others[language] for language in sorted(others)]
    return found


def _note_neighbours(post: Post, found: Neighbours) -> None:
    """Notes who stands beside a post, and where somebody who comes would."""
    beside = (found.older, found.newer, found.series_previous, found.series_next)
    note_posts("name", (other.pk for other in (*beside, *found.translations) if other))
    note_posts("card", (other.pk for other in found.related))
    if post.translation_key:
        note_span(f"translation:{post.translation_key}")
    if not is_article(post):
        return
    note(f"related:{post.pk}")
    older, newer = (other.published_at if other else None for other in beside[:2])
    note_span(f"beside:{post.language}", place_of(older) if older else None, place_of(newer) if newer else None)
    if post.series_id:
        before, after = (series_place(other) if other else None for other in beside[2:])
        note_span(f"part:{post.series_id}", before, after)


def _beside(
    now: datetime,
    pk: int,
    moment: datetime | None,
    language: str | None,
    series: int | None,
    number: int | None,
    translation_key: str | None,
) -> PostQuerySet:
    """What may be a neighbour of a post; ``moment`` and ``language`` of articles alone, what they have none of is ``None``."""
    kind = Post.Kind.PAGE if moment is None else Post.Kind.ARTICLE
    post = Post(pk=pk, kind=kind, published_at=moment, language=language or "", series_id=series, series_order=number)
    post.translation_key = translation_key or ""
    position = RelatedPost.objects.filter(post=pk, other=OuterRef("pk")).order_by().values("position")[:1]
    columns = ("title", "path", "kind", "language", "published_at", "series", "series_order", "translation_key", "source")
    # One set of keys, not alternatives on a post: for those PostgreSQL reads all posts.
    wanted = _neighbour_keys(post, now)
    keys = wanted[0].union(*wanted[1:], all=True)
    beside = Post.objects.published(now).filter(pk__in=keys).exclude(pk=pk).only(*columns)
    return beside.annotate(related_position=Subquery(position))


def _neighbour_keys(post: Post, now: datetime) -> list[QuerySet[Any, Any]]:
    """Queries that give the keys of posts that may be neighbours, each by an index of its own."""
    wanted: list[QuerySet[Any, Any]] = []
    if is_article(post):
        wanted += _beside_in_time(post, now)
        wanted.append(RelatedPost.objects.filter(post=post.pk).order_by().values_list("other_id"))
        if post.series_id:
            wanted += _beside_in_series(post, now)
    if post.translation_key:
        # The source is compared afterwards: with it here, SQLite may walk all posts of the source to find two.
        wanted.append(Post.objects.filter(translation_key=post.translation_key).order_by().values_list("pk"))
    return wanted


def _beside_in_time(post: Post, now: datetime) -> list[QuerySet[Any, Any]]:
    rows = Post.objects.published(now).dated().filter(language=post.language)
    moment = post.published_at
    # A range and an exclusion, not two alternatives: with those, SQLite sorts all posts instead of walking its index.
    older = rows.filter(~Q(published_at=moment, pk__gte=post.pk), published_at__lte=moment)
    newer = rows.filter(~Q(published_at=moment, pk__lte=post.pk), published_at__range=(moment, now))
    return [_first_of(older), _first_of(newer.order_by("published_at", "pk"))]


def _beside_in_series(post: Post, now: datetime) -> list[QuerySet[Any, Any]]:
    """Numbered members stand first, in the order of their numbers; the others follow by date."""
    rows = Post.objects.published(now).dated().filter(series=post.series_id)
    moment, number = post.published_at, post.series_order
    earlier = Q(published_at__lt=moment) | Q(published_at=moment, pk__lt=post.pk)
    later = Q(published_at__gt=moment) | Q(published_at=moment, pk__gt=post.pk)
    if number is None:
        previous = rows.filter(Q(series_order__isnull=False) | earlier)
        following = rows.filter(later, series_order__isnull=True)
    else:
        previous = rows.filter(Q(series_order__lt=number) | (Q(series_order=number) & earlier))
        following = rows.filter(Q(series_order__isnull=True) | Q(series_order__gt=number) | (Q(series_order=number) & later))
    order = F("series_order")
    backwards = previous.order_by(order.desc(nulls_first=True), "-published_at", "-pk")
    forwards = following.order_by(order.asc(nulls_last=True), "published_at", "pk")
    return [_first_of(backwards), _first_of(forwards)]


def _first_of(rows: PostQuerySet) -> QuerySet[Any, Any]:
    """The key of the first. Not the slice itself: SQLite takes none inside a compound."""
    return Post.objects.filter(pk=Subquery(rows.values("pk")[:1])).order_by().values_list("pk")


def _time_key(post: Post) -> tuple[Any, ...]:
    return (post.published_at, post.pk)


def _series_key(post: Post) -> tuple[Any, ...]:
    return (*series_place(post), post.pk)


def _nearest(rows: Iterable[Post], post: Post, key: Any) -> tuple[Post | None, Post | None]:
    rows = list(rows)
    before = max((row for row in rows if key(row) < key(post)), key=key, default=None)
    after = min((row for row in rows if key(row) > key(post)), key=key, default=None)
    return before, after


def _is_translation(row: Post, post: Post) -> bool:
    return (
        row.translation_key == post.translation_key and row.source_id == post.source_id and language_of(row) != language_of(post)
    )


def load_corrections(post: Post) -> list[Correction]:
    """What was said of mistakes in the post, oldest first. One query, and none for the many posts without."""
    return list(post.corrections.all()) if post.corrected_at is not None else []


def standfirst(post: Post, opening: str) -> str:
    """The excerpt or description that somebody wrote, unless it says again what stands beside it.

    ``opening`` is the beginning of the plain text. An excerpt that repeats the title or the first paragraph (cut
    short or not, whatever its punctuation) would be read twice.
    """
    title, text = _words(post.title), _words(opening)
    for candidate in (post.custom_excerpt.strip(), post.description.strip()):
        words = _words(candidate)
        if words and words != title and not text.startswith(words) and not words.startswith(text[:60] or words):
            return candidate
    return ""


def _words(text: str) -> str:
    return _NOT_WORDS.sub("", identity(text))


def description_of(post: Post) -> str:
    """What search engines and cards are told of a post, in the order of who wrote it on purpose."""
    return post.description.strip() or post.custom_excerpt.strip() or post.excerpt


def outline_of(post: Post) -> list[dict[str, Any]]:
    """The headings worth a table of contents; none where there are fewer than two."""
    headings = [
        {"level": level, "id": id_, "text": text, "address": "#" + quote(id_, safe="")}
        for level, id_, text in post.outline
        if level in OUTLINE_LEVELS
    ]
    return headings if len(headings) >= MIN_OUTLINE else []


def shown_cover(post: Post) -> MediaFile | None:
    """The cover, if it is a picture that readers may get."""
    cover = post.cover
    return cover if cover and cover.public_name and cover.is_image else None


def shows_cover(post: Post) -> bool:
    """Whether the page shows the cover: not where the text begins with it anyway."""
    cover = shown_cover(post)
    return bool(cover and cover.public_name not in post.body_html[:3000])


@dataclass(frozen=True, slots=True)
class Alternate:
    """One language in which a text is public; ``language`` is ``x-default`` for readers of any other."""

    language: str
    address: str


def alternates_of(post: Post, translations: Sequence[Post]) -> list[Alternate]:
    """The languages of a text for search engines, the same on each of its pages; none where it has only one.

    The default is the site's language, else English, else the first.
    """
    if not translations:
        return []
    by_language = {language_of(each): settings.SITE_URL + each.get_absolute_url() for each in (*translations, post)}
    found = [Alternate(language, by_language[language]) for language in sorted(by_language)]
    default = next((code for code in (settings.LANGUAGE_CODE, "en") if code in by_language), found[0].language)
    return [*found, Alternate("x-default", by_language[default])]


@dataclass(frozen=True, slots=True)
class ShareLink:
    """Where a reader may pass an article on: a plain link, so that nobody learns of the visit before it is followed."""

    name: str | Promise
    address: str


def share_links(post: Post) -> list[ShareLink]:
    """The services' own pages for it, as they document them, and a mail."""
    address = canonical_url(post)
    url, title = quote(address, safe=""), quote(post.title, safe="")
    return [
        ShareLink("X", f"https://x.com/intent/post?text={title}&url={url}"),
        ShareLink("LINE", f"https://social-plugins.line.me/lineit/share?url={url}"),
        ShareLink(_("Hatena Bookmark"), f"https://b.hatena.ne.jp/entry/panel/?url={url}&btitle={title}"),
        ShareLink(_("Mail"), f"mailto:?subject={title}&body={title}%0A{url}"),
    ]


@dataclass(frozen=True, slots=True)
class SharedPicture:
    """What other sites show beside a link to a post. ``alt`` may be empty, sizes 0 where they are unknown."""

    url: str
    width: int
    height: int
    alt: str


def shared_picture(post: Post) -> SharedPicture | None:
    """The cover, cropped for it where the crop is made; without a cover the generated card, as soon as there is one."""
    cover = post.cover
    if cover and cover.url and cover.is_image:
        alt = post.cover_alt or cover.alt
        picture = cover.picture
        if widths := picture.shapes.get(CARD, {}).get(PLAIN):
            width, height = picture.shapes[CARD]["size"]
            return SharedPicture(picture.address_of(CARD, widths[-1], PLAIN), width, height, alt)
        return SharedPicture(cover.url, cover.width, cover.height, alt)
    card: PostCard | None = getattr(post, "card", None)
    if card is None or not card.url:
        return None
    return SharedPicture(card.url, *CARD_SIZE, post.title)


def canonical_url(post: Post) -> str:
    """The address told to search engines: the stated one if it is one, else this page's."""
    stated = post.canonical_url.strip()
    return stated if stated.startswith(("https://", "http://")) else settings.SITE_URL + post.get_absolute_url()
