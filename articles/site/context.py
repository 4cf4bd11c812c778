"""What every public page shows besides its own matter: the site's name, its sections, its language."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from django.conf import settings
from django.utils import translation

from articles.models import Author, Post
from articles.routes import address_of
from articles.site_settings import SectionRow, load_frame, show_sections


@dataclass(slots=True)
class Section:
    """A category that has something public in it or below it."""

    name: str
    full_slug: str
    children: list[Section] = field(default_factory=list)

    @property
    def url(self) -> str:
        return address_of("category", self.full_slug)


@lru_cache(maxsize=256)
def interface_language(language: str) -> str:
    """The language of the interface for a page in ``language``: that one where there is a catalogue, else the site's."""
    try:
        return translation.get_supported_language_variant(language)
    except LookupError:
        return settings.LANGUAGE_CODE


def language_of(post: Post) -> str:
    """The language a post's page is in."""
    return post.language or settings.LANGUAGE_CODE


def load_sections() -> list[Section]:
    """The tree of categories with public posts, roots first met first; one query, which also brings the settings.

    While the categories are the same it is the same tree, which nobody may change.

    A page therefore asks for its sections before it asks anything of :func:`articles.site_settings.current`.
    """
    global _known
    _site, rows = load_frame()
    known_rows, known = _known
    if rows is not known_rows:
        known = _make_tree(rows)
        _known = (rows, known)
    return known


_known: tuple[list[SectionRow], list[Section]] = ([], [])


def _make_tree(rows: list[SectionRow]) -> list[Section]:
    shown = show_sections(rows)
    sections = {row.full_slug: Section(row.name, row.full_slug) for row in rows if row.full_slug in shown}
    for full_slug, section in sections.items():
        parent = sections.get(full_slug.rpartition("/")[0])
        if parent:
            parent.children.append(section)
    return [section for full_slug, section in sections.items() if "/" not in full_slug]


def find_way(sections: list[Section], full_slug: str) -> list[Section]:
    """The sections from the root down to the one at a category's address; empty where there is none."""
    for section in sections:
        if section.full_slug == full_slug:
            return [section]
        if full_slug.startswith(section.full_slug + "/") and (below := find_way(section.children, full_slug)):
            return [section, *below]
    return []


def is_web_address(value: object) -> bool:
    """Whether a stored text may become a link: one of another scheme could run a script."""
    return isinstance(value, str) and value.startswith(("https://", "http://"))


def web_links(author: Author) -> list[dict[str, str]]:
    """The links of a by-line that are web addresses, as ``{"label", "url"}``."""
    return [link for link in author.links if isinstance(link, dict) and is_web_address(link.get("url"))]
