"""The Markdown of Jekyll: kramdown's grammar with its GFM parser, on the base of Python-Markdown.

The grammar is kramdown's, not Python-Markdown's: lists by content column, blocks that interrupt paragraphs, attribute
lists, Markdown inside HTML. So Python-Markdown's parser and serialiser are replaced and it gets no processors; what
remains of it is the conversion from source to output.
"""

from __future__ import annotations

from typing import Any, Self

import markdown
from markdown.blockparser import BlockParser
from markdown.util import Registry

from articles.markup.kramdown.blocks import BlockReader
from articles.markup.kramdown.spans import Budget, SpanReader
from articles.markup.kramdown.tree import Document, Node
from articles.markup.kramdown.writer import HtmlWriter

_INLINE_KINDS = frozenset({"p", "header", "td", "dt", "inline"})


def to_html(text: str, features: frozenset[str] = frozenset(), *, auto_ids: bool = True) -> str:
    """HTML of a kramdown text, not sanitised; never raises, and takes time near-linear in the text's length.

    ``text`` has no front matter and no template code. ``features``: ``hardbreaks`` makes each line break a ``<br>``
    (kramdown's ``hard_wrap``); others do not concern this engine. ``auto_ids`` gives headings the ids that Jekyll gives
    them, which a ``{:toc}`` needs; without it a table of contents lists only headings with ids of their own.

    Mathematics becomes ``<span data-math-style="inline">`` (or ``display``) with the TeX source, cells are aligned by
    the classes ``align-left``, ``align-center`` and ``align-right``, and the content of ``{::comment}`` is left out.
    """
    return KramdownMarkdown(auto_ids=auto_ids, is_hard_wrapped="hardbreaks" in features).convert(text)


class KramdownMarkdown(markdown.Markdown):
    """A ``markdown.Markdown`` whose grammar and output are kramdown's: no processors, our own parser and serialiser."""

    def __init__(self, *, auto_ids: bool = True, is_hard_wrapped: bool = False) -> None:
        self.auto_ids = auto_ids
        self.is_hard_wrapped = is_hard_wrapped
        super().__init__()
        self.stripTopLevelTags = False
        self.serializer = self._serialise

    def build_parser(self) -> Self:
        """Set up the parser; called once by the base class."""
        self.preprocessors = Registry()
        self.inlinePatterns = Registry()
        self.treeprocessors = Registry()
        self.postprocessors = Registry()
        self.parser = _Parser(self, auto_ids=self.auto_ids)
        return self

    def _serialise(self, document: Any) -> str:
        return HtmlWriter(document, is_hard_wrapped=self.is_hard_wrapped).write()


class _Parsed:
    """What Python-Markdown hands from the parser to the serialiser, in the place of an element tree."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def getroot(self) -> Document:
        """The document."""
        return self._document


class _Parser(BlockParser):
    """Reads a whole text as kramdown: its blocks first, then, with all definitions known, its spans."""

    def __init__(self, md: markdown.Markdown, *, auto_ids: bool) -> None:
        super().__init__(md)
        self._auto_ids = auto_ids

    def parseDocument(self, lines: Any) -> Any:
        """Read the lines of a text."""
        text = "\n".join(lines).replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n") + "\n"
        document = Document()
        document.settings.auto_ids = self._auto_ids
        BlockReader(document).read(document.root, text, 0)
        budget = Budget(len(text))
        read_spans(document, document.root, budget)
        for note in list(document.footnotes.values()):
            read_spans(document, note, budget)
        return _Parsed(document)


def read_spans(document: Document, node: Node, budget: Budget) -> None:
    """Read the inline source of every block in ``node``, and give every block its attributes."""
    for child in node.children:
        if not isinstance(child, Node):
            continue
        if child.kind in _INLINE_KINDS:
            child.children = SpanReader(document, child.text, budget).read()
        else:
            read_spans(document, child, budget)
        if child.ial is not None:
            document.apply_attribute_list(child.attributes, child.ial)
