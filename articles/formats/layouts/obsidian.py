"""A vault for Obsidian: notes by their titles, files at the paths that the notes name, addresses as Publish reads them."""

from __future__ import annotations

import json

from articles.formats.layouts.base import Counts, PostFacts, SiteFacts
from articles.formats.names import safe_name

NAME = "obsidian"
FLAVOUR = "commonmark"
UNREAD = frozenset(
    {"updated_at", "expires_at", "categories", "series", "canonical_url", "noindex", "aliases", "language", "translation_key"}
)
"""Fields that Obsidian keeps as properties and does nothing with."""

MAX_TITLE = 80
_ALWAYS = frozenset(
    {"autolinks", "strikethrough", "tables", "tasklists", "footnotes", "wikilinks", "callouts", "comments", "embeds", "highlight"}
    | {"math"}
)


def features_for(counts: Counts) -> frozenset[str]:
    """What its Markdown does in a vault of such notes."""
    return _ALWAYS | ({"hardbreaks"} if counts.is_usual("hardbreaks") else frozenset())


def file_of(post: PostFacts, site: SiteFacts) -> str:
    """``Title.md`` at the top: a note is found by its name."""
    return post.kept_path or f"{note_name(post.title, post.slug)}.md"


def note_name(title: str, slug: str) -> str:
    """A title as a note's name; the slug where nothing of it can be one."""
    return safe_name(safe_name(title, slug or "note")[:MAX_TITLE], slug or "note")


def stated_address(post: PostFacts, file: str) -> str:
    """What ``permalink`` says."""
    return post.address.replace("%", "%25").replace("?", "%3F").replace("#", "%23")


def target_of(address: str, file: str) -> str:
    """How a text refers to a note: by its path in the vault."""
    return file


def media_of(address: str) -> tuple[str, str]:
    """The file, and its path as a text names it: an address from the root is a path in the vault."""
    parts = [part.lstrip(".") or "file" for part in address.strip("/").split("/")]
    return "/".join(parts), "/" + "/".join(parts)


def config_files(site: SiteFacts) -> dict[str, str]:
    """What makes a folder a vault, and decides whether a line break in a paragraph is one for the reader."""
    settings = {"strictLineBreaks": "hardbreaks" not in site.features, "useMarkdownLinks": True, "alwaysUpdateLinks": True}
    return {".obsidian/app.json": json.dumps(settings, indent=2) + "\n"}


def template_file(name: str) -> tuple[str, str]:
    """There are no templates of pages in a vault."""
    return "", ""
