"""The tree between reading and writing: block and span nodes, and what a whole document knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

#: Blocks inside blocks deeper than this are read as plain paragraphs, spans inside spans as plain text.
MAX_BLOCK_DEPTH = 60
MAX_SPAN_DEPTH = 30
MAX_HTML_DEPTH = 80

#: Empty cells that short table rows may be filled up with, for a whole document.
MAX_FILLED_CELLS = 50_000


class Symbol(str):
    """Text that a rule produced (an entity, a typographic sign): never joined with the text beside it."""

    __slots__ = ()


@dataclass(slots=True)
class AttributeList:
    """What a ``{: …}`` says: attributes, and names of lists defined elsewhere by ``{:name: …}``."""

    attributes: dict[str, str] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)

    def merge(self, other: AttributeList) -> None:
        """Add ``other``: classes accumulate, every other attribute is replaced."""
        merge_attributes(self.attributes, other.attributes)
        self.references.extend(other.references)


class Node:
    """One element. ``kind`` says which; what the other fields mean depends on it.

    ``text`` is unread inline source for paragraphs, headings, cells and terms, the content of code and mathematics,
    the tag of an HTML element, or the reason of an ``eob`` (end of block) mark. ``level`` is a heading's level, 1 for an
    HTML element closed in its own tag, and the number of images directly in a span.
    """

    __slots__ = ("alignment", "attributes", "children", "ial", "is_tight", "kind", "level", "model", "text")

    def __init__(self, kind: str, text: str = "", attributes: dict[str, str] | None = None) -> None:
        self.kind = kind
        self.text = text
        self.attributes: dict[str, str] = attributes if attributes is not None else {}
        self.children: list[Node | str] = []
        self.ial: AttributeList | None = None
        self.level = 0
        self.is_tight = False
        self.model = ""
        self.alignment: tuple[str, ...] = ()

    def nodes(self) -> Iterator[Node]:
        """The children that are nodes, text left out."""
        return (child for child in self.children if isinstance(child, Node))

    def last_node(self) -> Node | None:
        """The last child where it is a node."""
        last = self.children[-1] if self.children else None
        return last if isinstance(last, Node) else None

    def refers_to(self, name: str) -> bool:
        """Is ``name`` among the references of this node's attribute list, as in ``{:toc}``?"""
        return self.ial is not None and name in self.ial.references


@dataclass(slots=True)
class LinkDefinition:
    """``[id]: url "title"``. ``mark`` is the block that an attribute list after the definition attaches to."""

    url: str
    title: str | None
    mark: Node


@dataclass(slots=True)
class Settings:
    """What ``{::options … /}`` may change, with the values Jekyll uses otherwise."""

    auto_ids: bool = True
    parse_block_html: bool = False
    parse_span_html: bool = True
    toc_levels: frozenset[int] = frozenset(range(1, 7))
    header_offset: int = 0
    first_footnote: int = 1


@dataclass(slots=True)
class Document:
    """A text while it is read: its tree and the definitions found anywhere in it."""

    root: Node = field(default_factory=lambda: Node("root"))
    settings: Settings = field(default_factory=Settings)
    links: dict[str, LinkDefinition] = field(default_factory=dict)
    footnotes: dict[str, Node] = field(default_factory=dict)
    abbreviations: dict[str, tuple[str, Node]] = field(default_factory=dict)
    attribute_lists: dict[str, AttributeList] = field(default_factory=dict)
    cells_left: int = MAX_FILLED_CELLS

    def apply_attribute_list(self, attributes: dict[str, str], given: AttributeList, depth: int = 0) -> None:
        """Write what ``given`` says into ``attributes``, references resolved first (so that they can be overridden)."""
        if depth > 5:
            return
        for name in given.references:
            referred = self.attribute_lists.get(name)
            if referred is not None and referred is not given:
                self.apply_attribute_list(attributes, referred, depth + 1)
        merge_attributes(attributes, given.attributes)


def merge_attributes(attributes: dict[str, str], more: dict[str, str]) -> None:
    """Add ``more`` to ``attributes``: classes accumulate, every other attribute is replaced."""
    for name, value in more.items():
        if name == "class" and attributes.get("class"):
            attributes["class"] += " " + value
        else:
            attributes[name] = value
