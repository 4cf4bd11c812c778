"""Markdown files with everything said in their front matter: for another site of this product, or for any reader of Markdown.

Texts are left as they are; which Markdown they are written in stands beside them.
"""

from __future__ import annotations

import json

from articles.formats.layouts.base import Counts, PostFacts, SiteFacts, escape_address, page_stem, stem_of, suffix_for

NAME = "plain"
FLAVOUR = "commonmark"
UNREAD: frozenset[str] = frozenset()

_NO_TEXTS = frozenset(
    ("_includes", "_layouts", "_data", "templates", "layouts", "sass", "themes", "theme", "archetypes", "scaffolds")
) | frozenset(("dist", "build", "node_modules"))


def features_for(counts: Counts) -> frozenset[str]:
    """Those that a file states for itself."""
    return frozenset()


def file_of(post: PostFacts, site: SiteFacts) -> str:
    """The path in the source, which links by path and by name ask for; else ``posts/slug.md`` or the page's address."""
    if post.kept_path and not _is_hidden(post.kept_path):
        return post.kept_path
    stem = f"posts/{stem_of(post)}" if post.is_listed else page_stem(post)
    return "/".join(f"{part}-" if part in _NO_TEXTS else part for part in stem.split("/")) + suffix_for(post)


def _is_hidden(path: str) -> bool:
    """Whether a reader of such files would pass the path over."""
    *folders, name = path.split("/")
    return name.startswith(".") or any(folder.startswith(".") or folder in _NO_TEXTS for folder in folders)


def stated_address(post: PostFacts, file: str) -> str:
    """What ``permalink`` says."""
    return escape_address(post.address)


def target_of(address: str, file: str) -> str:
    """How a text refers to a post."""
    return address


def media_of(address: str) -> tuple[str, str]:
    """The file at its address."""
    return address.strip("/"), address


def config_files(site: SiteFacts) -> dict[str, str]:
    """What the site is, and where its root is: every other folder could be the top of what lies in it."""
    said = {"title": site.title, "base_url": site.base_url, "default_language": site.language}
    return {"kawaraban.json": json.dumps(said, ensure_ascii=False, indent=2) + "\n"}


def template_file(name: str) -> tuple[str, str]:
    """There are no templates."""
    return "", ""
