"""A post as the site will show it, rendered by the site's own function, for staff only."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpResponse
from django.utils import timezone

from articles.derive import derive
from articles.editorial import permalinks
from articles.editorial.terms import find_known_tags
from articles.editorial.workflow import ordered_authors, ordered_categories, ordered_tags
from articles.formats.terms import identity, slugify
from articles.models import Author, Category, Post, Tag
from articles.site import article
from articles.site.listing import Credit, Credits
from articles.site.views import render_post

OPENING = 400


def render_preview(
    post: Post,
    *,
    derived: bool = True,
    authors: Sequence[Author] | None = None,
    categories: Sequence[Category] | None = None,
    tags: Sequence[str] | None = None,
) -> HttpResponse:
    """The page of a post, saved or not. ``derived`` is false where the text differs from what is stored.

    By-lines, categories and names of tags that are ``None`` are the stored ones. Nothing is written, the answer is
    stored nowhere, and search engines are told to leave it alone.
    """
    if post.pk is not None:
        authors = ordered_authors(post) if authors is None else authors
        categories = ordered_categories(post) if categories is None else categories
    shown_tags = ordered_tags(post) if tags is None and post.pk is not None else _as_tags(tags or ())
    credits = Credits(
        [Credit(author.name, author.slug, author.kind) for author in authors or ()],
        [Credit(category.name, category.full_slug) for category in categories or ()],
        [Credit(tag.name, tag.slug) for tag in shown_tags],
    )
    _complete(post)
    if not derived:
        derive(post)
    response = render_post(post, credits, post.plain_text[:OPENING], article.load_neighbours(post))
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


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
