"""What the texts of a site print by name: ``{{ site.title }}`` and ``{{ page.venue }}`` of Liquid, Hugo's ``param``.

A value is a text, a number or a truth value, by its dotted name (``author.name``). Dates are none: how one is printed is
up to the generator's version and the page's filters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from articles.formats.document import Document
from articles.formats.frontmatter import as_plain

MAX_VALUES = 500
MAX_LENGTH = 1000
MAX_DEPTH = 4


def flatten_values(settings: Mapping[Any, Any], prefix: str = "") -> dict[str, str]:
    """The values of a mapping by their dotted names, at most :data:`MAX_VALUES`; longer and deeper ones are left out."""
    found: dict[str, str] = {}
    for name, value in _walk(settings, prefix, MAX_DEPTH):
        if len(found) == MAX_VALUES:
            break
        found[name] = value
    return found


def _walk(settings: Mapping[Any, Any], prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            if depth > 1:
                yield from _walk(value, f"{name}.", depth - 1)
        elif (
            (text := _as_text(value)) is not None
            and len(text) <= MAX_LENGTH
            and len(name) <= MAX_LENGTH
            and "\0" not in name + text
        ):
            yield name, text


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def values_of(document: Document, site: Mapping[str, str]) -> dict[str, str]:
    """The values that the text of a document may print; ``site`` holds those of its site."""
    unknown = {key: as_plain(value) for key, value in document.front_matter.items() if key not in document.known_keys}
    return name_values(document.source.body, site, unknown, title=document.title, description=document.description)


def name_values(text: str, site: Mapping[str, str], page: Mapping[str, Any], **fields: str) -> dict[str, str]:
    """The values that ``text`` may print, as :func:`articles.markup.render` takes them; none where it prints nothing.

    ``site`` holds those of the site, ``page`` the keys of the front matter that are no fields here, ``fields`` the others.
    """
    if "{{" not in text:
        return {}
    own = {f"page.{name}": value for name, value in fields.items() if value}
    return {f"site.{name}": value for name, value in site.items()} | flatten_values(page, "page.") | own
