"""What rendering takes and gives. Plain data, so that it crosses process borders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from articles.findings import Finding

LinkKind = Literal["path", "url", "wikilink", "embed", "ref", "relref", "post_url", "link", "hexo_post", "image"]


@dataclass(frozen=True, slots=True)
class Heading:
    """One entry of the outline. ``text`` is plain; ``id`` is unique on the page, stable, and keeps Japanese."""

    level: int
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A reference from a text to something of the same site.

    ``target`` is what the source says, percent-decoded, without its query and fragment; ``url`` is the address it was
    resolved to, or ``""`` while the target is unknown. Kind ``url`` is an absolute address of a site that came here.
    """

    kind: LinkKind
    target: str
    fragment: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class ResolvedMedia:
    """An image or file of the library. Sizes in pixels; 0 where unknown.

    Of a file that readers do not get, ``url`` is ``""`` and ``why`` says the reason and the remedy.
    """

    url: str
    width: int = 0
    height: int = 0
    is_image: bool = True
    why: Finding | None = None


class Resolver(Protocol):
    """Finds what a text refers to. Asked once per reference, while rendering; must not raise.

    It may have an attribute ``hosts``: those whose absolute addresses it wants to be asked about
    (:func:`articles.addresses.host_of`).
    """

    def link(self, kind: LinkKind, target: str) -> str | None:
        """The address of the post that ``target`` names, or ``None``."""
        ...

    def media(self, target: str) -> ResolvedMedia | None:
        """The library file that ``target`` names, or ``None``."""
        ...


@dataclass(slots=True)
class Rendered:
    """The result of :func:`articles.markup.render`.

    ``html`` is sanitised and complete. ``plain_text`` is the text a reader sees, without code, for search and
    counting; ``excerpt`` is its first paragraph, at most 200 characters, ended with ``…`` where cut.
    ``character_count`` counts as a Japanese newsroom does: every visible character but white space.
    """

    html: str
    outline: list[Heading] = field(default_factory=list)
    plain_text: str = ""
    excerpt: str = ""
    character_count: int = 0
    links: list[Link] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
