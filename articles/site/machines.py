"""Small files for programs: the manifest of the site as an application, and ``llms.txt``."""

from __future__ import annotations

import json
import re

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from articles.feed_links import feeds_of
from articles.models import Post
from articles.site.article import description_of
from articles.site.context import load_sections
from articles.site.markdown import markdown_address
from articles.site.media import FOR_EVER
from articles.site.responses import allows_ai, public_page
from articles.site.views import answer_address
from articles.site_settings import current

LLMS_POSTS = 50
_SUMMARY = 200
A_MINUTE = "public, max-age=60"
_COLOURS_KEY = re.compile("[0-9a-f]{12}")
_BREAKS = re.compile(r"\s+")
_BRACKETS = re.compile(r"([\\\[\]])")


@public_page
def show_manifest(request: HttpRequest) -> HttpResponseBase:
    """The web application manifest: name, colours and icons for who keeps the site on a home screen."""
    site = current()
    home = reverse("articles:home")
    icons = [
        {"src": static(f"img/{name}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for name, size, purpose in (("icon-192", 192, "any"), ("icon-512", 512, "any"), ("icon-maskable", 512, "maskable"))
    ]
    data = {
        "id": home,
        "name": site.name,
        "short_name": site.name,
        "description": site.description,
        "lang": settings.LANGUAGE_CODE,
        "start_url": home,
        "scope": home,
        "display": "minimal-ui",
        "background_color": site.paper_light,
        "theme_color": site.paper_light,
        "icons": icons,
    }
    return HttpResponse(json.dumps(data, ensure_ascii=False), content_type="application/manifest+json; charset=utf-8")


@public_page
def show_colours(request: HttpRequest, key: str) -> HttpResponseBase:
    """The style sheet of the site's own colours, kept for ever at the address that names it.

    At the address of an earlier one, which a page kept elsewhere may link, the present one stands, not kept for long.
    """
    site = current()
    if not site.colours or not _COLOURS_KEY.fullmatch(key):
        return answer_address(request)
    response = HttpResponse(site.colours, content_type="text/css; charset=utf-8")
    response.headers["Cache-Control"] = FOR_EVER if key == site.colours_key else A_MINUTE
    return response


@public_page
def show_llms(request: HttpRequest) -> HttpResponseBase:
    """What the site is, for language models, in the form of llmstxt.org: sections, and the newest posts as Markdown.

    Where the site does not want to be read by them there is no such file. Queries: the sections, the posts.
    """
    if not allows_ai():
        return answer_address(request)
    sections, site = load_sections(), current()
    lines = [f"# {_one_line(site.name)}", ""]
    if site.description:
        lines += [f"> {_one_line(site.description)}", ""]
    if sections:
        lines += [_heading(_("Sections")), "", *(_link(section.name, section.url) for section in sections), ""]
    if posts := _newest():
        lines += [
            _heading(_("Newest articles")),
            "",
            *(_link(post.title, _text_of(post), description_of(post)) for post in posts),
            "",
        ]
    lines += [_heading(_("For programs")), ""]
    lines += [_link(link.format.label, link.address) for link in feeds_of()]
    lines += [_link("Sitemap", reverse("articles:sitemap")), _link("API (OpenAPI)", reverse("api:description"))]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


def _newest() -> list[Post]:
    rows = Post.objects.published().dated().filter(noindex=False, published_at__lte=timezone.now())
    return list(rows.only("title", "path", "description", "custom_excerpt", "excerpt")[:LLMS_POSTS])


def _text_of(post: Post) -> str:
    return markdown_address(post)


def _heading(text: str) -> str:
    return f"## {text}"


def _link(name: str, address: str, note: str = "") -> str:
    # A bracket at either end of an address would end the link.
    target = (settings.SITE_URL + address).replace("(", "%28").replace(")", "%29")
    note = _one_line(note)
    note = note if len(note) <= _SUMMARY else note[: _SUMMARY - 1] + "…"
    name = _BRACKETS.sub(r"\\\1", _one_line(name))
    return f"- [{name}]({target})" + (f": {note}" if note else "")


def _one_line(text: str) -> str:
    return _BREAKS.sub(" ", text).strip()
