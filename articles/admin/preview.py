"""A post as the site will show it, rendered by the site's own function, for staff only."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from unicodedata import east_asian_width
from urllib.parse import unquote
from xml.etree import ElementTree

from csp.constants import NONE
from django.http import HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from articles.admin.base import read_findings
from articles.derive import derive
from articles.editorial import drafts, permalinks
from articles.editorial.front_page import explain_absence
from articles.editorial.terms import find_known_tags
from articles.editorial.versions import ordered_authors, ordered_categories, ordered_tags
from articles.formats.terms import identity, slugify
from articles.formats.translating import list_differences
from articles.models import Author, Category, Post, Tag
from articles.site import article, folders
from articles.site.context import load_sections
from articles.site.listing import Credit, Credits, as_cards, attach_credits, list_posts, load_pictures
from articles.site.syndication import atom_entry
from articles.site.views import render_home, render_post
from articles.site_settings import current

OPENING = 400
#: Characters of a text that is rendered while it is written. Longer ones have the button, which waits for no keystroke.
MAX_LIVE = 200_000
MAX_COMPLAINTS = 5
MAX_DIFFERENCES = 40
AROUND = 20
#: Widths at which search engines cut, a full-width character counting two.
TITLE_WIDTH, DESCRIPTION_WIDTH = 60, 160
_ATOM = "{http://www.w3.org/2005/Atom}"
_NOT_SHOWN = ("too-complex", "render-failed")


@dataclass(slots=True)
class Draft:
    """A post as a form has it, unsaved.

    ``stored_flavour`` is what the form began with, empty where it may not be chosen; ``complaints`` are sentences.
    """

    post: Post
    authors: Sequence[Author] | None = None
    categories: Sequence[Category] | None = None
    tags: Sequence[str] | None = None
    stored_flavour: str = ""
    complaints: list[str] = field(default_factory=list)


def render_preview(post: Post, saved: drafts.Draft) -> HttpResponse:
    """The page of a post as it is saved, with the draft beside it where it has one."""
    if post.pending_id is None:
        return protect(_render_page(post, _credit(Draft(post))))
    return preview_draft(Draft(saved.post, authors=saved.authors, categories=saved.categories, tags=saved.tags))


def preview_draft(draft: Draft) -> HttpResponse:
    """The page of a post as a form has it."""
    return protect(_render_page(draft.post, _prepare(draft)))


def preview_live(draft: Draft, view: str) -> HttpResponse:
    """The same for the desk's script, with what is to be said about it; ``view`` is one of :data:`VIEWS`, else the page."""
    if len(draft.post.body) > MAX_LIVE:
        message = _("The text has more than %(limit)s characters, too many to show while you write. The Preview button shows it.")
        return protect(JsonResponse({"complaints": [message % {"limit": f"{MAX_LIVE:,}"}]}, status=413))
    credits = _prepare(draft)
    if view in VIEWS:
        context = {"view": view, "post": draft.post, **VIEWS[view](draft, credits)}
        html = str(render_to_string("admin/articles/post/view.html", context))
    else:
        html = _render_page(draft.post, credits).text
    failures = [found["message"] for found in read_findings(draft.post.findings) if found["code"] in _NOT_SHOWN]
    data = {
        "html": html,
        "address": draft.post.get_absolute_url(),
        "complaints": [*failures, *draft.complaints][:MAX_COMPLAINTS],
    }
    return protect(JsonResponse(data))


def preview_home(keys: Sequence[int], at: datetime) -> HttpResponse:
    """The front page at the moment ``at`` with those posts at its head. What readers would not see then is labelled."""
    cards = {post.pk: post for post in as_cards(Post.objects.filter(pk__in=keys))}
    front = [cards[key] for key in keys if key in cards]
    for post in front:
        if explain_absence(post, at):
            post.staff_note = _("not for readers")  # type: ignore[attr-defined]
    sections = load_sections()
    listing = list_posts(Post.objects.published(at).exclude(pk__in=keys), None, besides=front, at=at)
    return protect(render_home(front, listing, sections, scripts=False))


def protect(response: HttpResponse) -> HttpResponse:
    """Marks an answer as stored nowhere, left alone by search engines, and without any script, whatever the text says."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    response.headers["Referrer-Policy"] = "same-origin"
    # Framed by this site only: that part of the policy, and X-Frame-Options, are the same for every answer.
    response._csp_update = {"script-src": [NONE]}  # type: ignore[attr-defined]
    return response


# --- The other views ------------------------------------------------------------------------------------------------


def _show_search(draft: Draft, credits: Credits) -> dict[str, Any]:
    address = unquote(article.canonical_url(draft.post)).split("://", 1)[-1].strip("/")
    return {
        "crumbs": address.split("/"),
        "headline": cut_to_width(f"{draft.post.title} – {current().name}", TITLE_WIDTH),
        "description": cut_to_width(article.description_of(draft.post), DESCRIPTION_WIDTH),
    }


def _show_card(draft: Draft, credits: Credits) -> dict[str, Any]:
    cover = draft.post.cover
    return {
        "cover": cover if cover and cover.url and cover.is_image else None,
        "description": article.description_of(draft.post),
        "site": current().name,
    }


def _show_feed(draft: Draft, credits: Credits) -> dict[str, Any]:
    if draft.post.published_at is None:
        return {}
    draft.post.credits = credits  # type: ignore[attr-defined]
    # Read back from the very bytes that the feed carries, which nobody else wrote.
    written = atom_entry(draft.post, article.load_corrections(draft.post))
    entry = ElementTree.fromstring(f'<feed xmlns="{_ATOM[1:-1]}">{written}</feed>')[0]  # noqa: S314
    return {
        "entry": {
            name: entry.findtext(_ATOM + name, "") for name in ("title", "id", "published", "updated", "summary", "content")
        },
        "authors": [author.findtext(_ATOM + "name", "") for author in entry.iterfind(_ATOM + "author")],
        "terms": [term.get("label", "") for term in entry.iterfind(_ATOM + "category")],
    }


def _show_flavour(draft: Draft, credits: Credits) -> dict[str, Any]:
    post = draft.post
    if draft.stored_flavour in ("", post.flavour):
        return {"differences": []}
    before = copy.copy(post)
    before.flavour = draft.stored_flavour
    derive(before)
    found = list_differences(before.body_html, post.body_html, MAX_DIFFERENCES + 1)
    return {
        "differences": [(part.before[-AROUND:], part.one, part.other) for part in found[:MAX_DIFFERENCES]],
        "is_cut": len(found) > MAX_DIFFERENCES,
        "before": Post.Flavour(draft.stored_flavour).label,
        "after": post.get_flavour_display(),
    }


VIEWS = {"search": _show_search, "card": _show_card, "feed": _show_feed, "flavour": _show_flavour}


def cut_to_width(text: str, width: int) -> str:
    """``text`` with ``…`` where it is wider than ``width``; a full-width character counts two."""
    text = " ".join(text.split())
    used = 0
    for place, character in enumerate(text):
        used += 2 if east_asian_width(character) in "WFA" else 1
        if used > width:
            return text[: place - 1].rstrip() + "…"
    return text


# --- What a page needs ----------------------------------------------------------------------------------------------


def _prepare(draft: Draft) -> Credits:
    """Gives the post what publishing now would, renders it, and says who and what is credited."""
    credits = _credit(draft)
    derive(draft.post)
    return credits


def _credit(draft: Draft) -> Credits:
    """By-lines, categories and names of tags that are ``None`` are the stored ones."""
    post, authors, categories, tags = draft.post, draft.authors, draft.categories, draft.tags
    if post.pk is not None:
        authors = ordered_authors(post) if authors is None else authors
        categories = ordered_categories(post) if categories is None else categories
    shown_tags = ordered_tags(post) if tags is None and post.pk is not None else _as_tags(tags or ())
    _complete(post)
    return Credits(
        [Credit("author", author.name, author.slug, author.kind) for author in authors or ()],
        [Credit("category", category.name, category.full_slug) for category in categories or ()],
        [Credit("tag", tag.name, tag.slug) for tag in shown_tags],
    )


def _render_page(post: Post, credits: Credits) -> HttpResponse:
    credits.pictures = load_pictures(post.body_html)
    neighbours = article.load_neighbours(post)
    attach_credits(neighbours.related)
    corrections = article.load_corrections(post)
    folder = folders.find_folder(post)
    listing = folder.list(None) if folder else None
    return render_post(post, credits, post.plain_text[:OPENING], neighbours, corrections, scripts=False, listing=listing)


def _complete(post: Post) -> None:
    """What a page needs and a draft may lack: the date and address that publishing now would give it."""
    if post.kind == Post.Kind.ARTICLE and post.published_at is None:
        post.published_at = timezone.now()
    permalinks.fill(post)
    # The site's queries compare keys; no row has this one.
    post.pk = post.pk or 0


def _as_tags(names: Sequence[str]) -> list[Tag]:
    """Tags as they are, or as they would be made; none is."""
    known = find_known_tags(names)
    return [known.get(identity(name)) or Tag(name=name, slug=slugify(name)) for name in names]
