"""The lines in which two texts differ, at a cost that the texts cannot drive up. Pure.

``difflib`` takes quadratic time, and worse, on texts that are made for it. This is Myers' algorithm (1986) with a limit on the
number of differences: beyond it the rest counts as replaced, which is true, if not the shortest way to say it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

MAX_TEXT = 400_000
MAX_COMPARED = 10_000
MAX_LINES = 600
MAX_LINE = 400
MAX_EDITS = 300
CONTEXT = 3

Kind = Literal["same", "removed", "added", "gap"]
Edit = tuple[Kind, int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference. Numbers count from 1, and are 0 on the side where it is not. A gap stands for ``count`` lines."""

    kind: Kind
    text: str = ""
    old: int = 0
    new: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """``is_cut``: there is more than is shown. ``removed`` and ``added`` count all lines, shown or not."""

    lines: list[Line]
    removed: int = 0
    added: int = 0
    is_cut: bool = False


def compare_texts(old: str, new: str) -> Difference:
    """The difference between two texts by lines, with three lines around each change, at most :data:`MAX_LINES` lines.

    What stands after :data:`MAX_TEXT` characters or :data:`MAX_COMPARED` lines is not looked at, and lines are shown up to
    :data:`MAX_LINE` characters.
    """
    before, after = _split(old), _split(new)
    is_cut = max(len(old), len(new)) > MAX_TEXT or max(len(before), len(after)) > MAX_COMPARED
    before, after = before[:MAX_COMPARED], after[:MAX_COMPARED]
    edits = list(find_edits(before, after))
    removed = sum(1 for kind, _old, _new in edits if kind == "removed")
    added = sum(1 for kind, _old, _new in edits if kind == "added")
    lines = [_show(edit, before, after) for edit in _shorten(edits)]
    return Difference(lines[:MAX_LINES], removed, added, is_cut or len(lines) > MAX_LINES)


def _split(text: str) -> list[str]:
    return text[:MAX_TEXT].split("\n") if text else []


def find_edits(old: Sequence[str], new: Sequence[str]) -> Iterator[Edit]:
    """The way from ``old`` to ``new``: ``same``, ``removed`` and ``added`` with the places in both."""
    start, most = 0, min(len(old), len(new))
    while start < most and old[start] == new[start]:
        start += 1
    end = 0
    while end < most - start and old[-1 - end] == new[-1 - end]:
        end += 1
    yield from (("same", place, place) for place in range(start))
    # Comparing numbers costs the same whatever the lines hold.
    numbers: dict[str, int] = {}
    inner_old = [numbers.setdefault(line, len(numbers)) for line in old[start : len(old) - end]]
    inner_new = [numbers.setdefault(line, len(numbers)) for line in new[start : len(new) - end]]
    yield from ((kind, start + one, start + other) for kind, one, other in _find_inner(inner_old, inner_new))
    yield from (("same", len(old) - end + place, len(new) - end + place) for place in range(end))


def _find_inner(old: Sequence[int], new: Sequence[int]) -> list[Edit]:
    trace = _trace(old, new)
    if trace is None:
        removed: list[Edit] = [("removed", place, 0) for place in range(len(old))]
        return removed + [("added", len(old), place) for place in range(len(new))]
    edits: list[Edit] = []
    one, other = len(old), len(new)
    for number in range(len(trace) - 1, -1, -1):
        reach = trace[number]
        diagonal = one - other
        down = diagonal == -number or (diagonal != number and reach.get(diagonal - 1, -1) < reach.get(diagonal + 1, -1))
        previous = diagonal + 1 if down else diagonal - 1
        x = reach.get(previous, 0) if number else 0
        y = x - previous if number else 0
        while one > x and other > y and (number or one > 0):
            if one - 1 < 0 or other - 1 < 0 or old[one - 1] != new[other - 1]:
                break
            one, other = one - 1, other - 1
            edits.append(("same", one, other))
        if number:
            edits.append(("added", x, y) if down else ("removed", x, y))
            one, other = x, y
    return edits[::-1]


def _trace(old: Sequence[int], new: Sequence[int]) -> list[dict[int, int]] | None:
    """Per number of edits how far each diagonal was reached before; ``None`` where more than :data:`MAX_EDITS` are needed."""
    reach = {1: 0}
    trace: list[dict[int, int]] = []
    for number in range(min(MAX_EDITS, len(old) + len(new)) + 1):
        trace.append(dict(reach))
        for diagonal in range(-number, number + 1, 2):
            down = diagonal == -number or (diagonal != number and reach.get(diagonal - 1, -1) < reach.get(diagonal + 1, -1))
            x = reach[diagonal + 1] if down else reach[diagonal - 1] + 1
            y = x - diagonal
            while x < len(old) and y < len(new) and old[x] == new[y]:
                x, y = x + 1, y + 1
            reach[diagonal] = x
            if x >= len(old) and y >= len(new):
                return trace
    return None


def _shorten(edits: Sequence[Edit]) -> Iterator[Edit]:
    """Leaves out what is far from every change; a gap has the number of lines where others have places."""
    near = bytearray(len(edits))
    for place, (kind, _old, _new) in enumerate(edits):
        if kind != "same":
            first, last = max(0, place - CONTEXT), min(len(edits), place + CONTEXT + 1)
            near[first:last] = b"\x01" * (last - first)
    skipped = 0
    for place, edit in enumerate(edits):
        if not near[place]:
            skipped += 1
            continue
        if skipped:
            yield ("gap", skipped, skipped)
            skipped = 0
        yield edit
    if skipped and skipped < len(edits):
        yield ("gap", skipped, skipped)


def _show(edit: Edit, old: Sequence[str], new: Sequence[str]) -> Line:
    kind, one, other = edit
    if kind == "gap":
        return Line("gap", count=one)
    text = new[other] if kind == "added" else old[one]
    shown = text if len(text) <= MAX_LINE else text[: MAX_LINE - 1] + "…"
    return Line(kind, shown, 0 if kind == "added" else one + 1, 0 if kind == "removed" else other + 1)
