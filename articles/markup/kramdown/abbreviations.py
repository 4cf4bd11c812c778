"""Abbreviations: every occurrence of a defined one, as a whole word."""

from __future__ import annotations

import re
from collections.abc import Iterator

from articles.markup.kramdown.grammar import WORD
from articles.markup.kramdown.tree import Document

_WORD_CHARACTER = re.compile(WORD)


class AbbreviationFinder:
    """Finds the abbreviations of one document. Letters beyond ASCII do not count as parts of a word."""

    def __init__(self, document: Document) -> None:
        names = document.abbreviations
        self._names = frozenset(names)
        self._lengths = {
            first: sorted({len(name) for name in names if name[0] == first}, reverse=True)
            for first in {name[0] for name in names}
        }
        self._start = re.compile(rf"(?<!{WORD})[{re.escape(''.join(sorted(self._lengths)))}]")

    def split(self, text: str) -> Iterator[tuple[bool, str]]:
        """The pieces of ``text``, each with whether it is an abbreviation. The longest name wins."""
        done = position = 0
        while (match := self._start.search(text, position)) is not None:
            start = match.start()
            position = start + 1
            for length in self._lengths[match.group()]:
                end = start + length
                if text[start:end] in self._names and not _WORD_CHARACTER.match(text, end):
                    if start > done:
                        yield False, text[done:start]
                    yield True, text[start:end]
                    done = position = end
                    break
        if done < len(text):
            yield False, text[done:]
