"""The Markdown source before any engine sees it: where its code stands, and what is taken out of its prose."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict

_FENCE = re.compile(r"^(?:[ \t>]|(?:[-*+]|\d{1,9}[.)])(?=[ \t]))*(`{3,}(?=[^`\n]*$)|~{3,})", re.M)
# A blank line, a heading and an item of a list end a paragraph, and with it what an open backtick may reach.
_BACKTICKS = re.compile(r"`+|\n[ \t]*(?=\n)|\n(?=[ \t>]{0,40}(?:#{1,6}|[-*+]|\d{1,9}[.)])[ \t])")

Region = tuple[int, int]


def find_code(text: str) -> list[Region]:
    """Where ``text`` has fenced code and code spans: ordered, not overlapping. Linear but for sorting."""
    if "`" not in text and "~~~" not in text:
        return []
    regions: list[Region] = []
    at = 0
    for start, end in _find_fences(text):
        regions.extend(_find_spans(text, at, start))
        regions.append((start, end))
        at = end
    regions.extend(_find_spans(text, at, len(text)))
    return regions


def _find_fences(text: str) -> list[Region]:
    fences: list[Region] = []
    at = 0
    while opened := _FENCE.search(text, at):
        mark = opened[1]
        closing = re.compile(rf"^[ \t>]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$", re.M)
        closed = closing.search(text, opened.end())
        end = closed.end() if closed else len(text)
        fences.append((opened.start(), end))
        if closed is None:
            break
        at = end
    return fences


def _find_spans(text: str, start: int, end: int) -> list[Region]:
    return _match_backticks(text, start, end)[0]


def _match_backticks(text: str, start: int, end: int) -> tuple[list[Region], list[Region]]:
    """Code spans, and runs of backticks that are none."""
    if text.find("`", start, end) < 0:
        return [], []
    paragraph = 0
    runs: list[tuple[int, int, int]] = []
    for match in _BACKTICKS.finditer(text, start, end):
        if match[0][0] == "`":
            runs.append((match.start(), match.end(), paragraph))
        else:
            paragraph += 1
    by_length: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, (first, last, number) in enumerate(runs):
        by_length[number, last - first].append(index)
    spans: list[Region] = []
    lone: list[Region] = []
    index = 0
    while index < len(runs):
        first, last, number = runs[index]
        same = by_length[number, last - first]
        later = bisect_right(same, index)
        if first and text[first - 1] == "\\":
            pass
        elif later < len(same):
            index = same[later]
            spans.append((first, runs[index][1]))
        else:
            lone.append((first, last))
        index += 1
    return spans, lone


def mark_lone_backticks(text: str, mark: str) -> str:
    """Writes ``mark`` for the backticks of runs that open nothing: after one, comrak misses code spans later in the paragraph."""
    pieces: list[str] = []
    at = 0
    for start, end in _gaps(_find_fences(text), len(text)):
        for first, last in _match_backticks(text, start, end)[1]:
            pieces += [text[at:first], mark * (last - first)]
            at = last
    return "".join(pieces) + text[at:]


def _gaps(regions: list[Region], length: int) -> list[Region]:
    edges = [0, *(edge for region in regions for edge in region), length]
    return list(zip(edges[::2], edges[1::2], strict=True))


class CodeMap:
    """Answers whether a position stands in code, for positions asked in any order."""

    def __init__(self, text: str) -> None:
        self.regions = find_code(text)
        self._starts = [start for start, _ in self.regions]

    def region_at(self, position: int) -> Region | None:
        """The code that holds ``position``, or ``None``."""
        index = bisect_right(self._starts, position) - 1
        if index >= 0 and position < self.regions[index][1]:
            return self.regions[index]
        return None


def remove_comments(text: str) -> str:
    """Takes Obsidian's ``%%comments%%`` out of prose, keeping their line ends. A comment that never closes stays."""
    code = CodeMap(text)
    pieces: list[str] = []
    at = 0
    position = text.find("%%")
    while position >= 0:
        if region := code.region_at(position):
            position = text.find("%%", region[1])
            continue
        end = text.find("%%", position + 2)
        if end < 0:
            break
        pieces += [text[at:position], "\n" * text.count("\n", position, end)]
        at = end + 2
        position = text.find("%%", at)
    return "".join(pieces) + text[at:]
