"""A repository for Zenn: ``articles/<slug>.md`` and ``images/``. Zenn gives an article its own address, by its slug."""

from __future__ import annotations

import hashlib
import re

from articles.formats.layouts.base import Counts, PostFacts, SiteFacts

NAME = "zenn"
FLAVOUR = "commonmark"
UNREAD = frozenset(
    {"updated_at", "expires_at", "authors", "categories", "series", "cover_target", "cover_alt", "cover_caption", "description"}
    | {"custom_excerpt", "canonical_url", "noindex", "aliases", "language", "translation_key", "permalink", "source_url"}
)
"""Fields that Zenn knows nothing of; the keys stay for other readers."""

_ALWAYS = frozenset(
    {"autolinks", "strikethrough", "tables", "tasklists", "footnotes", "embeds", "hardbreaks", "math", "wide_autolinks", "zenn"}
)
_SLUG = re.compile(r"[a-z0-9_-]{12,50}")
_NOT_IN_SLUG = re.compile(r"[^a-z0-9_-]+")


def features_for(counts: Counts) -> frozenset[str]:
    """Zenn's Markdown has no switches."""
    return _ALWAYS


def file_of(post: PostFacts, site: SiteFacts) -> str:
    """``articles/<slug>.md``. Zenn's slugs are 12 to 50 characters of a-z, 0-9, ``-`` and ``_``."""
    return post.kept_path or f"articles/{slug_of(post)}.md"


def slug_of(post: PostFacts) -> str:
    """The post's own slug where Zenn takes it; else its ASCII part and a number made from the address, always the same."""
    if _SLUG.fullmatch(post.slug):
        return post.slug
    digest = hashlib.sha256(post.address.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    start = _NOT_IN_SLUG.sub("-", post.slug.lower()).strip("-_")[:36]
    return f"{start}-{digest}" if start else f"post-{digest}"


def stated_address(post: PostFacts, file: str) -> str:
    """What ``permalink`` says, which Zenn does not read."""
    return post.address.replace("%", "%25").replace("?", "%3F").replace("#", "%23")


def target_of(address: str, file: str) -> str:
    """How a text refers to another article."""
    return "/" + file.removesuffix(".md")


def media_of(address: str) -> tuple[str, str]:
    """The file, and its address: Zenn serves pictures below ``images/`` only."""
    path = address.strip("/")
    path = path if path.startswith("images/") else f"images/{path}"
    return path, "/" + path


def config_files(site: SiteFacts) -> dict[str, str]:
    """What makes a folder a repository of Zenn's command."""
    return {"package.json": '{"private": true, "dependencies": {"zenn-cli": "latest"}}\n', "books/.keep": ""}


def template_file(name: str) -> tuple[str, str]:
    """There are no templates."""
    return "", ""
