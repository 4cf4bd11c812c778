"""What template code and extensions of Markdown mean, whichever generator spells them how: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Code:
    """A block of code. ``text`` is as it is to be read."""

    text: str
    language: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with what stands around it. ``width`` and ``height`` are pixels as written, or empty."""

    source: str
    alt: str = ""
    caption: str = ""
    title: str = ""
    link: str = ""
    width: str = ""
    height: str = ""
    credit: str = ""
    credit_link: str = ""

    @property
    def is_simple(self) -> bool:
        """Whether an image of Markdown says all of it."""
        return not (self.caption or self.title or self.link or self.credit)


@dataclass(frozen=True, slots=True)
class Embed:
    """Something of another host: a service and the number of an item there, or an address (``service`` is then empty)."""

    service: str
    item: str


@dataclass(frozen=True, slots=True)
class PageReference:
    """A page of the same site named by template code. Without ``text`` only its address is wanted."""

    kind: str
    target: str
    fragment: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file of the same site named by template code."""

    target: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A box with a title. ``fold`` is ``+`` (open), ``-`` (closed) or empty (cannot be folded)."""

    kind: str
    title: str
    body: str
    fold: str = ""


@dataclass(frozen=True, slots=True)
class Details:
    """A text that opens at its summary."""

    summary: str
    body: str
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Quotation:
    """A quotation with the HTML of its source."""

    body: str
    credit: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """What the author wrote for no reader."""

    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """Text that is to be read as it stands: template code that was shown, not run."""

    text: str


@dataclass(frozen=True, slots=True)
class Markdown:
    """Markdown that takes the place of a tag."""

    text: str


Construct: TypeAlias = (
    Code | Figure | Embed | PageReference | FileReference | Notice | Details | Quotation | Remark | Words | Markdown
)
