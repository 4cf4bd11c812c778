"""Where the feeds are: of the whole site, and of each category, tag, by-line and series."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from django.urls import get_script_prefix

from articles.routes import address_of


@dataclass(frozen=True, slots=True)
class FeedFormat:
    """``name`` is the last part of a feed's address without its suffix; ``type`` is what a page's head calls the format."""

    name: str
    label: str
    type: str


FEED_FORMATS = (
    FeedFormat("rss", "RSS", "application/rss+xml"),
    FeedFormat("atom", "Atom", "application/atom+xml"),
    FeedFormat("json", "JSON Feed", "application/feed+json"),
)


@dataclass(frozen=True, slots=True)
class FeedLink:
    """``address`` is percent-encoded, without scheme and host."""

    format: FeedFormat
    address: str


def feeds_of(kind: str = "", slug: str = "") -> tuple[FeedLink, ...]:
    """The feeds of a term, or of the whole site, one for each format. ``kind``: ``category``, ``tag``, ``author``, ``series``."""
    return _feeds_of(kind, slug, get_script_prefix())


@lru_cache(maxsize=512)
def _feeds_of(kind: str, slug: str, script_prefix: str) -> tuple[FeedLink, ...]:
    """The same below ``script_prefix``, which Django's own look-up reads from the thread."""
    names = [(format, f"{kind}_{format.name}" if kind else format.name) for format in FEED_FORMATS]
    return tuple(FeedLink(format, address_of(name, *([slug] if kind else []))) for format, name in names)
