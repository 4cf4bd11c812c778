"""Writes every derived column. The one place that does, so that nothing derived is ever half right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from django.conf import settings
from django.db import transaction

from articles.findings import Finding
from articles.formats.values import Values, values_of
from articles.links import DatabaseResolver, place_of
from articles.markup import RENDERER_VERSION, render
from articles.markup.document import Link, Rendered, Resolver
from articles.markup.engines import Flavour
from articles.markup.text import has_paid_links
from articles.models import Post, PostLink
from articles.references import address_key, link_key, name_key, search_key
from articles.search import index_posts
from articles.sources import source_text

DERIVED_FIELDS = (
    "body_html",
    "outline",
    "excerpt",
    "plain_text",
    "character_count",
    "has_paid_links",
    "findings",
    "renderer_version",
    "name_key",
    "title_key",
    "address_key",
    "search_key",
)


def derive(post: Post, resolver: Resolver | None = None) -> list[Link]:
    """Renders the post's text and sets the derived columns on the instance. Saves nothing; gives the references found."""
    rendered = render(
        post.body,
        flavour=cast(Flavour, post.flavour),
        features=frozenset(post.features),
        language=post.language or settings.LANGUAGE_CODE,
        resolver=resolver or DatabaseResolver(post),
        title=post.title,
        values=values_for(post),
    )
    apply_rendered(post, rendered)
    return rendered.links


def values_for(post: Post) -> Values:
    """What the text of a post may print by name. A query for the source of one that prints something."""
    if "{{" not in post.body:
        return {}
    site = post.source.values if post.source is not None else {}
    return values_of(source_text(post), frozenset(post.features), site)


def apply_rendered(post: Post, rendered: Rendered) -> None:
    """Sets the derived columns from a rendering made elsewhere. What the reading of the file found stays said."""
    offset = post.front_matter.count("\n")
    post.body_html = rendered.html
    post.outline = [[heading.level, heading.id, heading.text] for heading in rendered.outline]
    post.excerpt = post.custom_excerpt.strip() or rendered.excerpt
    post.plain_text = rendered.plain_text
    post.character_count = rendered.character_count
    post.has_paid_links = has_paid_links(rendered.html)
    post.findings = [*post.source_findings, *(moved(finding, offset).as_json() for finding in rendered.findings)]
    post.renderer_version = RENDERER_VERSION
    post.name_key = name_key(post.source_path or post.path)
    post.title_key = name_key(post.title)
    post.address_key = address_key(post.path, post.source_permalink)
    post.search_key = search_key(post.title, post.path)


def moved(finding: Finding, lines: int) -> Finding:
    """The finding with its line counted from the start of the file."""
    if finding.line is None or not lines:
        return finding
    return Finding(finding.code, finding.severity, finding.template, finding.params, finding.line + lines)


def link_rows(post: Post, links: Iterable[Link]) -> list[PostLink]:
    """Unsaved rows for the references of a post."""
    place = place_of(post)
    return [
        PostLink(
            post=post,
            kind=link.kind,
            target=link.target[:1000],
            fragment=link.fragment[:300],
            url=link.url[:1000],
            key=link_key(link.kind, link.target, place),
        )
        for link in links
    ]


@transaction.atomic
def save_derived(post: Post, resolver: Resolver | None = None) -> None:
    """Renders the post, saves its derived columns, and replaces its references and what it is found by."""
    links = derive(post, resolver)
    post.save(update_fields=DERIVED_FIELDS)
    post.links.all().delete()
    PostLink.objects.bulk_create(link_rows(post, links))
    index_posts([post])
