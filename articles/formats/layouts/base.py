"""What every layout is told: the facts of a post that decide its place, and those of the site around it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from articles.formats.names import safe_name, safe_path

Kind = Literal["article", "page"]


@dataclass(frozen=True, slots=True)
class PostFacts:
    """One post on its way into a layout. ``published_at`` is aware, in the zone in which its day is counted.

    ``kept_path`` is the path that it must keep where the layout can: that in its source, for a post of this dialect.
    """

    address: str
    slug: str
    title: str
    kind: Kind = "article"
    language: str = ""
    flavour: str = "commonmark"
    published_at: datetime | None = None
    is_draft: bool = False
    kept_path: str = ""

    @property
    def is_listed(self) -> bool:
        """Whether it stands among the articles by date; a page, or a text that is public without a date, does not."""
        return self.kind == "article" and (self.published_at is not None or self.is_draft)


@dataclass(slots=True)
class SiteFacts:
    """The site that an export makes. ``features`` are those of most posts; ``languages`` begins with the site's own.

    ``first_parts`` are the first parts of all addresses, ``addresses`` those of a single part: what a generator's own
    lists must not stand on.
    """

    title: str
    base_url: str
    timezone: str
    languages: tuple[str, ...]
    features: frozenset[str] = frozenset()
    first_parts: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()

    @property
    def language(self) -> str:
        return self.languages[0]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many posts have each Markdown feature, of how many, and whether any has formulas."""

    total: int = 0
    features: Mapping[str, int] = field(default_factory=dict)
    has_formulas: bool = False

    def is_usual(self, feature: str) -> bool:
        """Whether at least half of the posts have it."""
        return self.total > 0 and 2 * self.features.get(feature, 0) >= self.total


def suffix_for(post: PostFacts) -> str:
    """``.html`` for a text that is HTML already, where the generator reads such files."""
    return ".html" if post.flavour == "html" else ".md"


def stem_of(post: PostFacts) -> str:
    """The slug as a file's name; where a post has none, the last part of its address."""
    last = post.address.rstrip("/").rpartition("/")[2]
    return safe_name(post.slug or last.removesuffix(".html") or post.title, "post")


def page_stem(post: PostFacts) -> str:
    """Where a page stands by its address: ``/docs/start.html`` is ``docs/start``; the home page ``index``."""
    address = post.address.strip("/")
    return safe_path(address.removesuffix(".html").removesuffix(".htm"), "page") if address else "index"


def quote(text: str) -> str:
    """A text as a string of TOML and of YAML: both take JSON's."""
    return json.dumps(text, ensure_ascii=False)


def escape_address(address: str, also: str = "") -> str:
    """An address in front matter: what would end it, and what a reader decodes, percent-encoded."""
    for char in "%?#" + also:
        address = address.replace(char, f"%{ord(char):02X}")
    return address
