"""What machines are told of a page in schema.org's words (JSON-LD): one graph for each page.

Times are in the site's zone. Nothing is said that the page does not show.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.templatetags.static import static
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from articles.models import Author, Correction, Post
from articles.routes import address_of
from articles.site.article import canonical_url, description_of, is_article, shared_picture, shown_cover
from articles.site.context import Section, interface_language, language_of, web_links
from articles.site.listing import Credits
from articles.site_settings import current

CONTEXT = "https://schema.org"
LOGO_SIZE = 512
Node = dict[str, Any]


def describe_post(post: Post, credits: Credits, way: Sequence[Section], corrections: Sequence[Correction] = ()) -> Node:
    """The graph of one post: ``NewsArticle`` (a standing page: ``WebPage``), the way to it, and who publishes it.

    ``way`` are the sections from the root down to its own.
    """
    crumbs = _breadcrumbs(way, post.title, _absolute(post.get_absolute_url()))
    return _graph(_article(post, credits, corrections), crumbs, _publisher())


def describe_home() -> Node:
    """The graph of the front page: the site, its search and its publisher."""
    site: Node = {
        "@type": "WebSite",
        "@id": _home() + "#website",
        "url": _home(),
        "name": current().name,
        "inLanguage": settings.LANGUAGE_CODE,
        "publisher": {"@id": _publisher_id()},
    }
    if search := current().search_url:
        site["potentialAction"] = {
            "@type": "SearchAction",
            "target": {"@type": "EntryPoint", "urlTemplate": urljoin(_home(), search) + "?q={search_term_string}"},
            "query-input": "required name=search_term_string",
        }
    if description := current().description:
        site["description"] = description
    return _graph(site, _publisher())


def describe_list(heading: str, address: str, way: Sequence[Section], author: Author | None = None) -> Node:
    """The graph of a list: the way to it, and on the page of a by-line who that is. ``way`` leads to the list, without it."""
    crumbs = _breadcrumbs(way, heading, address)
    if author is None:
        return _graph(crumbs)
    return _graph({"@type": "ProfilePage", "url": address, "mainEntity": _person(author, address)}, crumbs)


def _graph(*nodes: Node) -> Node:
    return {"@context": CONTEXT, "@graph": list(nodes)}


def _article(post: Post, credits: Credits, corrections: Sequence[Correction]) -> Node:
    address = _absolute(post.get_absolute_url())
    data: Node = {
        "@type": "NewsArticle" if is_article(post) else "WebPage",
        "@id": address + "#text",
        "url": address,
        "headline": post.title,
        "mainEntityOfPage": canonical_url(post),
        "inLanguage": language_of(post),
        "isAccessibleForFree": True,
        "publisher": {"@id": _publisher_id()},
    }
    if description := description_of(post):
        data["description"] = description
    if post.published_at:
        data["datePublished"] = _moment(post.published_at)
        data["dateModified"] = _moment(post.last_updated_at or post.published_at)
    if credits.authors:
        data["author"] = [
            {"@type": _kind_of(author.detail), "name": author.name, "url": _absolute(author.url)} for author in credits.authors
        ]
    if credits.categories:
        data["articleSection"] = [category.name for category in credits.categories]
    if credits.tags:
        data["keywords"] = [tag.name for tag in credits.tags]
    if cover := shown_cover(post):
        data["image"] = [_absolute(cover.url)]
    elif shared := shared_picture(post):
        data["image"] = [_absolute(shared.url)]
    if post.series is not None:
        data["isPartOf"] = {
            "@type": "CreativeWorkSeries",
            "name": post.series.name,
            "url": _absolute(post.series.get_absolute_url()),
        }
    if post.has_paid_links:
        # What the label on the page says. AdvertiserContentArticle would say that somebody paid for the text itself.
        with translation.override(interface_language(language_of(post))):
            data["genre"] = current().advertising_label or _("Contains advertising links")
    if corrections:
        data["correction"] = [_correction(correction) for correction in corrections]
    return data


def _correction(correction: Correction) -> Node:
    return {"@type": "CorrectionComment", "text": correction.text, "datePublished": _moment(correction.corrected_at)}


def _person(author: Author, address: str) -> Node:
    data: Node = {"@type": _kind_of(author.kind), "@id": address + "#author", "name": author.name, "url": address}
    if author.bio:
        data["description"] = author.bio
    if author.picture is not None and author.picture.public_name and author.picture.is_image:
        data["image"] = _absolute(author.picture.url)
    if links := web_links(author):
        data["sameAs"] = [link["url"] for link in links]
    return data


def _kind_of(kind: str) -> str:
    return "Organization" if kind == Author.Kind.DESK else "Person"


def _breadcrumbs(way: Sequence[Section], title: str, address: str) -> Node:
    steps = [(current().name, _home()), *((section.name, _absolute(section.url)) for section in way), (title, address)]
    items = [
        {"@type": "ListItem", "position": position, "name": name, "item": target}
        for position, (name, target) in enumerate(steps, start=1)
    ]
    return {"@type": "BreadcrumbList", "itemListElement": items}


def _publisher() -> Node:
    site = current()
    address, width, height = static("img/icon-512.png"), LOGO_SIZE, LOGO_SIZE
    if site.logo:
        address, width, height = site.logo.address, site.logo.width, site.logo.height
    logo: Node = {"@type": "ImageObject", "url": _absolute(address)}
    if width and height:
        # A drawing may state no size.
        logo |= {"width": width, "height": height}
    data: Node = {"@type": "Organization", "@id": _publisher_id(), "name": site.name, "url": _home(), "logo": logo}
    if site.social:
        data["sameAs"] = [link.url for link in site.social]
    return data


def _publisher_id() -> str:
    return _home() + "#organization"


def _home() -> str:
    return _absolute(address_of("home"))


def _absolute(address: str) -> str:
    return settings.SITE_URL + address


def _moment(value: datetime) -> str:
    return value.astimezone(timezone.get_default_timezone()).isoformat()
