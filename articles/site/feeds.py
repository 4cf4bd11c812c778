"""RSS 2.0 and Atom with the whole text. Written by hand: every value goes through one function that XML can take."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import format_datetime
from html import escape as escape_html
from urllib.parse import urljoin

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.templatetags.static import static
from django.utils import timezone
from django.utils.cache import patch_cache_control

from articles.models import Post
from articles.site.listing import attach_credits
from articles.site.lookup import shown
from articles.site.naming import site_description, site_name
from articles.site.responses import public_page

FEED_SIZE = 20
XML_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
# XML 1.0 has no way to write these, not even as references.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The text holds "<" only where a tag begins; inside a tag, values are in double quotes.
_TAG = re.compile(r'<[a-zA-Z][^\s<>"]*(?:\s+[^\s<>"=]+(?:="[^"]*")?)*\s*/?>')
_ADDRESS = re.compile(r'(\s(?:href|src|poster|cite)=")([^"]*)(")')


def sheet() -> str:
    """Names the sheet with which a browser shows a feed or a sitemap: without one it prints the bare text."""
    return f'<?xml-stylesheet type="text/css" href="{xml_text(static("css/feed.css"))}"?>\n'


def xml_text(text: str) -> str:
    """``text`` for XML content or a double-quoted value: special characters escaped, impossible ones left out."""
    return escape_html(_NOT_XML.sub("", text))


def absolute_links(html: str, base: str) -> str:
    """Sanitised HTML whose relative addresses begin with ``base``: a feed reader stands elsewhere."""

    def resolve(match: re.Match[str]) -> str:
        address = match[2]
        if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", address):
            return match[0]
        try:
            return match[1] + urljoin(base, address) + match[3]
        except ValueError:
            return match[0]

    return _TAG.sub(lambda tag: _ADDRESS.sub(resolve, tag[0]), html)


@public_page
def show_rss(request: HttpRequest) -> HttpResponseBase:
    """The newest posts as RSS 2.0."""
    posts = _newest()
    home = settings.SITE_URL + "/"
    updated = _latest(posts)
    lines = [
        XML_DECLARATION + sheet(),
        '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>',
        f"<title>{xml_text(site_name())}</title><link>{xml_text(home)}</link>",
        f"<description>{xml_text(site_description() or site_name())}</description>",
        f"<language>{xml_text(settings.LANGUAGE_CODE)}</language>",
        f'<atom:link href="{xml_text(settings.SITE_URL + request.path)}" rel="self" type="application/rss+xml"/>',
    ]
    if updated:
        lines.append(f"<lastBuildDate>{format_datetime(updated)}</lastBuildDate>")
    lines += [_rss_item(post) for post in posts]
    lines.append("</channel></rss>")
    return _feed("\n".join(lines))


@public_page
def show_atom(request: HttpRequest) -> HttpResponseBase:
    """The newest posts as Atom (RFC 4287)."""
    posts = _newest()
    home = settings.SITE_URL + "/"
    lines = [
        XML_DECLARATION + sheet(),
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{xml_text(settings.LANGUAGE_CODE)}">',
        f"<title>{xml_text(site_name())}</title><id>{xml_text(home)}</id>",
        f'<link rel="alternate" type="text/html" href="{xml_text(home)}"/>',
        f'<link rel="self" type="application/atom+xml" href="{xml_text(settings.SITE_URL + request.path)}"/>',
        f"<updated>{(_latest(posts) or datetime(1970, 1, 1, tzinfo=timezone.get_default_timezone())).isoformat()}</updated>",
    ]
    lines += [atom_entry(post) for post in posts]
    lines.append("</feed>")
    return _feed("\n".join(lines))


def _newest() -> list[Post]:
    posts = list(shown(Post.objects.published().dated())[:FEED_SIZE])
    attach_credits(posts)
    return posts


def _latest(posts: list[Post]) -> datetime | None:
    return max((timezone.localtime(_updated(post)) for post in posts), default=None)


def _updated(post: Post) -> datetime:
    moment = post.last_updated_at or post.published_at
    assert moment is not None  # dated() lists only posts with a date
    return moment


def _rss_item(post: Post) -> str:
    address = settings.SITE_URL + post.get_absolute_url()
    terms = [*post.credits.categories, *post.credits.tags]  # type: ignore[attr-defined]
    assert post.published_at is not None
    parts = [
        f"<title>{xml_text(post.title)}</title>",
        f"<link>{xml_text(address)}</link>",
        f'<guid isPermaLink="true">{xml_text(address)}</guid>',
        f"<pubDate>{format_datetime(timezone.localtime(post.published_at))}</pubDate>",
        *(f"<dc:creator>{xml_text(author.name)}</dc:creator>" for author in post.credits.authors),  # type: ignore[attr-defined]
        *(f"<category>{xml_text(term.name)}</category>" for term in terms),
        f"<description>{xml_text(post.description or post.excerpt)}</description>",
        f"<content:encoded>{xml_text(absolute_links(post.body_html, address))}</content:encoded>",
    ]
    return "<item>" + "".join(parts) + "</item>"


def atom_entry(post: Post) -> str:
    """One entry of the Atom feed. ``post`` has a date, and its ``credits`` attached."""
    address = settings.SITE_URL + post.get_absolute_url()
    terms = [*post.credits.categories, *post.credits.tags]  # type: ignore[attr-defined]
    # Every entry needs an author (RFC 4287, 4.1.2).
    authors = [author.name for author in post.credits.authors] or [site_name()]  # type: ignore[attr-defined]
    assert post.published_at is not None
    language = f' xml:lang="{xml_text(post.language)}"' if post.language else ""
    parts = [
        f"<title>{xml_text(post.title)}</title><id>{xml_text(address)}</id>",
        f'<link rel="alternate" type="text/html" href="{xml_text(address)}"/>',
        f"<published>{timezone.localtime(post.published_at).isoformat()}</published>",
        f"<updated>{timezone.localtime(_updated(post)).isoformat()}</updated>",
        *(f"<author><name>{xml_text(name)}</name></author>" for name in authors),
        *(f'<category term="{xml_text(term.slug)}" label="{xml_text(term.name)}"/>' for term in terms),
        f"<summary>{xml_text(post.description or post.excerpt)}</summary>",
        f'<content type="html">{xml_text(absolute_links(post.body_html, address))}</content>',
    ]
    return f"<entry{language}>" + "".join(parts) + "</entry>"


def _feed(text: str) -> HttpResponse:
    # As plain XML: what is named rss+xml or atom+xml, a browser prints as source text, whatever sheet it names.
    response = HttpResponse(text, content_type="application/xml; charset=utf-8")
    patch_cache_control(response, public=True, max_age=0, must_revalidate=True)
    return response
