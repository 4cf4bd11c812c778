"""Feeds of the site and of each category, tag, by-line and series, in three formats, and the page that tells people of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.utils.encoding import iri_to_uri

from articles.feed_links import feeds_of
from articles.models import Correction, Post, PostQuerySet, Redirect, Series
from articles.routes import address_of, path_address
from articles.shown import complete, note, note_posts, note_span, place_of
from articles.site.context import load_sections
from articles.site.listing import Wanted, attach_credits, take_newest
from articles.site.lookup import find_post, shown
from articles.site.responses import public_page, render_page
from articles.site.syndication import Feed, write_atom, write_json, write_rss
from articles.site.terms import find_list
from articles.site.views import answer_address, page_context
from articles.site_settings import current

FEED_SIZE = 20
MAX_SERIES = 50


#: How a format is written, and under which type. As plain XML: what is named rss+xml or atom+xml, a browser prints as source
#: text, whatever sheet it names.
_WRITERS: dict[str, tuple[Callable[[Feed], str], str]] = {
    "rss": (write_rss, "application/xml; charset=utf-8"),
    "atom": (write_atom, "application/xml; charset=utf-8"),
    "json": (write_json, "application/feed+json; charset=utf-8"),
}


@public_page
def show_feed(request: HttpRequest, format: str) -> HttpResponseBase:
    """The newest posts of the site. Queries: posts, credits, corrections if there are any, first addresses."""
    posts = _newest(Wanted(_public))
    _note_posts("time", posts)
    feed = Feed(current().name, current().description, _absolute(address_of("home")), _own_address(format), posts)
    return _respond(format, feed)


@public_page
def show_term_feed(request: HttpRequest, kind: str, slug: str, format: str) -> HttpResponseBase:
    """The newest posts of a category, tag, by-line or series; without anything public it is an unknown address.

    Queries: the term, and those of the site's feed.
    """
    found = find_list(kind, slug)
    if found is None or not (posts := _newest(found.wanted)):
        return answer_address(request)
    address = next(link.address for link in found.feeds if link.format.name == format)
    if iri_to_uri(request.path) != address:
        return HttpResponsePermanentRedirect(address)
    note(found.name)
    _note_posts(found.name, posts)
    title = f"{found.term} – {current().name}"
    return _respond(format, Feed(title, found.description, _absolute(found.address), _absolute(address), posts))


def _newest(wanted: Wanted) -> list[Post]:
    newest = take_newest(wanted, FEED_SIZE, shown)
    attach_credits(newest)
    return newest


def _public(now: datetime) -> PostQuerySet:
    # Not the front page's list, which leaves out what stands in its stories.
    return Post.objects.published(now)


def _note_posts(name: str, posts: Sequence[Post]) -> None:
    note_posts("text", (post.pk for post in posts))
    oldest = posts[-1].published_at if len(posts) == FEED_SIZE else None
    note_span(name, place_of(oldest) if oldest else None)
    complete()


def _respond(format: str, feed: Feed) -> HttpResponse:
    write, content_type = _WRITERS[format]
    feed.corrections = _load_corrections(feed.posts)
    feed.ids = _load_ids(feed.posts)
    feed.hub = settings.WEBSUB_HUB
    response = HttpResponse(write(feed), content_type=content_type)
    if feed.hub:
        response.headers["Link"] = f'<{feed.hub}>; rel="hub", <{feed.address}>; rel="self"'
    return response


def _load_corrections(posts: Sequence[Post]) -> dict[int, list[Correction]]:
    corrected = [post.pk for post in posts if post.corrected_at is not None]
    by_post: dict[int, list[Correction]] = defaultdict(list)
    for correction in Correction.objects.filter(post__in=corrected) if corrected else ():
        by_post[correction.post_id].append(correction)
    return by_post


def _load_ids(posts: Sequence[Post]) -> dict[int, str]:
    """Of a post that moved, the first address that it had here: with another id, readers would get it a second time."""
    ids: dict[int, str] = {}
    for redirect in Redirect.objects.filter(post__in=[post.pk for post in posts]).order_by("created_at", "pk"):
        ids.setdefault(redirect.post_id, _absolute(path_address(redirect.old_path)))
    return ids


def _own_address(format: str) -> str:
    return _absolute(address_of(format))


def _absolute(address: str) -> str:
    return settings.SITE_URL + address


# --- For people ---------------------------------------------------------------------------------------------------------


@public_page
def show_feeds(request: HttpRequest) -> HttpResponseBase:
    """What a feed is, and the addresses of the site's. A post of this very address stands in its place.

    Queries: the post, the sections, the series with something public.
    """
    found = find_post(request.path_info)
    if found is not None and found.is_exact:
        return answer_address(request)
    sections = load_sections()
    note("index:series")
    complete()
    context = {
        **page_context(sections),
        "is_feeds": True,
        "canonical": _absolute(address_of("feeds")),
        "site_feeds": feeds_of(),
        "section_feeds": [(section.name, section.url, _best_feed("category", section.full_slug)) for section in sections],
        "series_feeds": [
            (series.name, series.get_absolute_url(), _best_feed("series", series.slug)) for series in _load_series()
        ],
    }
    return render_page("articles/feeds.html", context, language=settings.LANGUAGE_CODE)


def _load_series() -> list[Series]:
    has_posts = Exists(Post.objects.published().dated().filter(series=OuterRef("pk")))
    return list(Series.objects.filter(has_posts)[:MAX_SERIES])


def _best_feed(kind: str, slug: str) -> str:
    """Atom, which says the most exactly; readers know all three."""
    return next(link.address for link in feeds_of(kind, slug) if link.format.name == "atom")
