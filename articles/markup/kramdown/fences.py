"""Fenced code: where each fence of a text closes, found once for the whole text."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass

from articles.markup.kramdown.grammar import S, line_after

_OPENING = re.compile(r" {0,3}([~`]{3,})")
_CLOSING = re.compile(r"^ {0,3}([~`]{3,})(?:[ \t\r\f\v]*)\n", re.MULTILINE)
#: One word, up to a question mark (parameters for the highlighter follow it).
_INFO = re.compile(rf"{S}*?((?:(?!{S})[^?])++|\?)?(?:\?(?:(?!{S}).)*+)?[ \t\r\f\v]*\n")


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block: its content, language (``""`` where none) and the position after it."""

    code: str
    language: str
    end: int


class FenceIndex:
    """The lines of one text that can close a fence."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: dict[str, list[int]] = {"`": [], "~": []}
        self._ends: dict[str, list[int]] = {"`": [], "~": []}
        self._lengths: dict[str, list[int]] = {"`": [], "~": []}
        for match in _CLOSING.finditer(text):
            mark = match[1][0]
            if match[1] == mark * len(match[1]):
                self._starts[mark].append(match.start())
                self._ends[mark].append(match.end())
                self._lengths[mark].append(len(match[1]))
        self._longest_after = {mark: _longest_from_here(lengths) for mark, lengths in self._lengths.items()}

    def read(self, position: int) -> Fence | None:
        """The fenced block that starts at ``position``, or ``None`` where it never closes or its info has two words.

        Where no closing fence is long enough, kramdown takes a shorter one and counts the surplus to the info.
        """
        opening = _OPENING.match(self._text, position)
        if opening is None:
            return None
        run = opening[1]
        mark, length = run[0], len(run)
        if run != mark * length:
            return None
        content = line_after(self._text, opening.end())
        index = bisect_left(self._starts[mark], content)
        if index == len(self._starts[mark]):
            return None
        length = min(length, self._longest_after[mark][index])
        info = _INFO.match(self._text, opening.start(1) + length)
        if info is None or info.end() != content:
            return None
        while self._lengths[mark][index] < length:
            index += 1
        return Fence(self._text[content : self._starts[mark][index]], info[1] or "", self._ends[mark][index])


def _longest_from_here(lengths: list[int]) -> list[int]:
    longest, result = 0, []
    for length in reversed(lengths):
        longest = max(longest, length)
        result.append(longest)
    return result[::-1]
