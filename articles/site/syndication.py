"""Feeds as text: RSS 2.0, Atom (RFC 4287) and JSON Feed 1.1 with the whole text of each post.

The XML is written by hand: every value goes through one function that XML can take.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape as escape_html
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.templatetags.static import static
from django.utils import timezone, translation
from django.utils.html import linebreaks
from django.utils.translation import gettext as _

from articles.models import Correction, Post
from articles.site.article import description_of, shown_cover
from articles.site.context import interface_language, language_of
from articles.site_settings import current

XML_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
JSON_FEED = "https://jsonfeed.org/version/1.1"
# XML 1.0 has no way to write these, not even as references.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The text holds "<" only where a tag begins; inside a tag, values are in double quotes.
_TAG = re.compile(r'<[a-zA-Z][^\s<>"]*(?:\s+[^\s<>"=]+(?:="[^"]*")?)*\s*/?>')
_ADDRESS = re.compile(r'(\s(?:href|src|poster|cite)=")([^"]*)(")')
_SOURCES = re.compile(r'(\ssrcset=")([^"]*)(")')
_ABSOLUTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


@dataclass(slots=True)
class Feed:
    """What a feed says, whatever its format.

    ``home`` and ``address`` are whole addresses: of the list that it follows, and its own. ``posts`` have their ``credits``
    attached. ``corrections`` and ``ids`` are by the key of a post; a post without an id there is known by its address. ``hub``
    is where readers may subscribe (WebSub), if there is one.
    """

    title: str
    description: str
    home: str
    address: str
    posts: Sequence[Post]
    corrections: dict[int, list[Correction]] = field(default_factory=dict)
    ids: dict[int, str] = field(default_factory=dict)
    hub: str = ""

    @property
    def updated(self) -> datetime | None:
        """When readers last got something new here."""
        return max((timezone.localtime(_updated(post)) for post in self.posts), default=None)


# --- Text ---------------------------------------------------------------------------------------------------------------


def sheet() -> str:
    """Names the sheet with which a browser shows a feed or a sitemap: without one it prints the bare text."""
    return f'<?xml-stylesheet type="text/css" href="{xml_text(static("css/feed.css"))}"?>\n'


def xml_text(text: str) -> str:
    """``text`` for XML content or a double-quoted value: special characters escaped, impossible ones left out."""
    return escape_html(_NOT_XML.sub("", text))


def absolute_links(html: str, base: str) -> str:
    """Sanitised HTML whose relative addresses begin with ``base``: a feed reader stands elsewhere."""

    def resolve_one(match: re.Match[str]) -> str:
        return match[1] + _resolve(match[2], base) + match[3]

    def resolve_each(match: re.Match[str]) -> str:
        candidates = [candidate.strip().partition(" ") for candidate in match[2].split(", ")]
        return match[1] + ", ".join(_resolve(address, base) + blank + size for address, blank, size in candidates) + match[3]

    return _TAG.sub(lambda tag: _SOURCES.sub(resolve_each, _ADDRESS.sub(resolve_one, tag[0])), html)


def _resolve(address: str, base: str) -> str:
    if _ABSOLUTE.match(address):
        return address
    try:
        return urljoin(base, address)
    except ValueError:
        return address


def feed_text(post: Post, corrections: Sequence[Correction] = ()) -> str:
    """The whole text of a post as a feed reader gets it: with the label of paid links and the corrections of its page."""
    address = settings.SITE_URL + post.get_absolute_url()
    parts = [absolute_links(post.body_html, address)]
    with translation.override(interface_language(language_of(post))):
        heading = _("Corrections")
        if corrections:
            parts.insert(0, _label(_("This article has corrections")))
            parts.append(f"<h2>{escape_html(heading)}</h2>\n")
        if post.has_paid_links:
            parts.insert(0, _label(current().advertising_label or _("Contains advertising links")))
    for correction in corrections:
        moment = timezone.localtime(correction.corrected_at)
        parts.append(f'<p><time datetime="{moment.isoformat()}">{moment:%Y-%m-%d %H:%M}</time></p>\n')
        parts.append(linebreaks(correction.text, autoescape=True) + "\n")
    return "".join(parts)


def _label(text: str) -> str:
    return f"<p><strong>{escape_html(text)}</strong></p>\n"


def _updated(post: Post) -> datetime:
    moment = post.last_updated_at or post.published_at
    assert moment is not None  # feeds hold only posts with a date
    return moment


def _published(post: Post) -> datetime:
    assert post.published_at is not None  # feeds hold only posts with a date
    return timezone.localtime(post.published_at)


# --- RSS ----------------------------------------------------------------------------------------------------------------


def write_rss(feed: Feed) -> str:
    """The feed as RSS 2.0, with the text in ``content:encoded`` and the time of the last update in ``atom:updated``."""
    lines = [
        XML_DECLARATION + sheet(),
        '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>',
        f"<title>{xml_text(feed.title)}</title><link>{xml_text(feed.home)}</link>",
        f"<description>{xml_text(feed.description or feed.title)}</description>",
        f"<language>{xml_text(settings.LANGUAGE_CODE)}</language>",
        f'<atom:link href="{xml_text(feed.address)}" rel="self" type="application/rss+xml"/>',
    ]
    if feed.hub:
        lines.append(f'<atom:link href="{xml_text(feed.hub)}" rel="hub"/>')
    if feed.updated:
        lines.append(f"<lastBuildDate>{format_datetime(feed.updated)}</lastBuildDate>")
    lines += [_rss_item(post, feed) for post in feed.posts]
    lines.append("</channel></rss>")
    return "\n".join(lines)


def _rss_item(post: Post, feed: Feed) -> str:
    address = settings.SITE_URL + post.get_absolute_url()
    terms = [*post.credits.categories, *post.credits.tags]  # type: ignore[attr-defined]
    parts = [
        f"<title>{xml_text(post.title)}</title>",
        f"<link>{xml_text(address)}</link>",
        f'<guid isPermaLink="true">{xml_text(feed.ids.get(post.pk, address))}</guid>',
        f"<pubDate>{format_datetime(_published(post))}</pubDate>",
        f"<atom:updated>{timezone.localtime(_updated(post)).isoformat()}</atom:updated>",
        *(f"<dc:creator>{xml_text(author.name)}</dc:creator>" for author in post.credits.authors),  # type: ignore[attr-defined]
        *(f"<category>{xml_text(term.name)}</category>" for term in terms),
        f"<description>{xml_text(description_of(post))}</description>",
        f"<content:encoded>{xml_text(feed_text(post, feed.corrections.get(post.pk, ())))}</content:encoded>",
    ]
    return "<item>" + "".join(parts) + "</item>"


# --- Atom ---------------------------------------------------------------------------------------------------------------


def write_atom(feed: Feed) -> str:
    """The feed as Atom (RFC 4287)."""
    updated = feed.updated or datetime(1970, 1, 1, tzinfo=UTC)
    lines = [
        XML_DECLARATION + sheet(),
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{xml_text(settings.LANGUAGE_CODE)}">',
        f"<title>{xml_text(feed.title)}</title><id>{xml_text(feed.home)}</id>",
        *([f"<subtitle>{xml_text(feed.description)}</subtitle>"] if feed.description else []),
        f'<link rel="alternate" type="text/html" href="{xml_text(feed.home)}"/>',
        f'<link rel="self" type="application/atom+xml" href="{xml_text(feed.address)}"/>',
        *([f'<link rel="hub" href="{xml_text(feed.hub)}"/>'] if feed.hub else []),
        f"<updated>{updated.isoformat()}</updated>",
    ]
    lines += [atom_entry(post, feed.corrections.get(post.pk, ()), feed.ids.get(post.pk, "")) for post in feed.posts]
    lines.append("</feed>")
    return "\n".join(lines)


def atom_entry(post: Post, corrections: Sequence[Correction] = (), id: str = "") -> str:
    """One entry of the Atom feed. ``post`` has a date, and its ``credits`` attached; without ``id`` its address is the id."""
    address = settings.SITE_URL + post.get_absolute_url()
    terms = [*post.credits.categories, *post.credits.tags]  # type: ignore[attr-defined]
    # Every entry needs an author (RFC 4287, 4.1.2).
    authors = [author.name for author in post.credits.authors] or [current().name]  # type: ignore[attr-defined]
    language = f' xml:lang="{xml_text(post.language)}"' if post.language else ""
    parts = [
        f"<title>{xml_text(post.title)}</title><id>{xml_text(id or address)}</id>",
        f'<link rel="alternate" type="text/html" href="{xml_text(address)}"/>',
        f"<published>{_published(post).isoformat()}</published>",
        f"<updated>{timezone.localtime(_updated(post)).isoformat()}</updated>",
        *(f"<author><name>{xml_text(name)}</name></author>" for name in authors),
        *(f'<category term="{xml_text(term.slug)}" label="{xml_text(term.name)}"/>' for term in terms),
        f"<summary>{xml_text(description_of(post))}</summary>",
        f'<content type="html">{xml_text(feed_text(post, corrections))}</content>',
    ]
    return f"<entry{language}>" + "".join(parts) + "</entry>"


# --- JSON Feed ----------------------------------------------------------------------------------------------------------


def write_json(feed: Feed) -> str:
    """The feed as JSON Feed 1.1."""
    data: dict[str, Any] = {
        "version": JSON_FEED,
        "title": feed.title,
        "home_page_url": feed.home,
        "feed_url": feed.address,
        "language": settings.LANGUAGE_CODE,
        "items": [_json_item(post, feed) for post in feed.posts],
    }
    if feed.description:
        data["description"] = feed.description
    if feed.hub:
        data["hubs"] = [{"type": "WebSub", "url": feed.hub}]
    return json.dumps(data, ensure_ascii=False)


def _json_item(post: Post, feed: Feed) -> dict[str, Any]:
    address = settings.SITE_URL + post.get_absolute_url()
    credits = post.credits  # type: ignore[attr-defined]
    item: dict[str, Any] = {
        "id": feed.ids.get(post.pk, address),
        "url": address,
        "title": post.title,
        "content_html": feed_text(post, feed.corrections.get(post.pk, ())),
        "date_published": _published(post).isoformat(),
        "date_modified": timezone.localtime(_updated(post)).isoformat(),
        "language": language_of(post),
    }
    if summary := description_of(post):
        item["summary"] = summary
    if cover := shown_cover(post):
        item["image"] = settings.SITE_URL + cover.url
    if credits.authors:
        item["authors"] = [{"name": author.name, "url": settings.SITE_URL + author.url} for author in credits.authors]
    if names := [term.name for term in (*credits.categories, *credits.tags)]:
        item["tags"] = names
    return item
