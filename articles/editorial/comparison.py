"""What differs between two versions of a post: fields, the text by clauses, front matter by lines. Plain data, bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from articles.editorial.clauses import Difference, compare_clauses

TEXTS = ("front_matter", "body")
# Lines changed up to which the shortest difference is looked for: the cost grows with the square.
MAX_EDITS = 600
CONTEXT = 3
MAX_LINES = 1500
# Of a long line, what is shown around its changed part, and of that part.
MAX_AROUND, MAX_CHANGED = 200, 2000
# Lines that have less than this part in common are two different lines.
_ALIKE = 0.3

Kind = Literal["same", "removed", "added", "gap"]
# Where a stretch of lines differs: first and last line in the one text, then in the other.
Stretch = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a difference: ``start + changed + end``, shortened. A ``gap`` stands for ``hidden`` lines that are alike."""

    kind: Kind
    start: str = ""
    changed: str = ""
    end: str = ""
    before: int | None = None
    after: int | None = None
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class TextDifference:
    """``lines`` to show; ``left_out`` counts those beyond :data:`MAX_LINES`. ``is_exact`` is false where the texts differ
    so much that all between the first and the last difference counts as replaced."""

    lines: list[Line] = field(default_factory=list)
    left_out: int = 0
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field with its value in either snapshot."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """Fields that differ, in the order of the later snapshot; the text and the front matter, or ``None`` where they are alike."""

    fields: list[FieldDifference]
    body: Difference | None
    front_matter: TextDifference | None

    @property
    def is_empty(self) -> bool:
        return not self.fields and self.body is None and self.front_matter is None


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Comparison:
    """The difference between two snapshots as :func:`articles.editorial.versions.snapshot` gives them."""
    names = [*after, *(name for name in before if name not in after)]
    changed = [name for name in names if _differs(before, after, name)]
    texts = {name: (str(before.get(name, "")), str(after.get(name, ""))) for name in TEXTS if name in changed}
    return Comparison(
        [FieldDifference(name, before.get(name), after.get(name)) for name in changed if name not in TEXTS],
        compare_clauses(*texts["body"]) if "body" in texts else None,
        compare_texts(*texts["front_matter"]) if "front_matter" in texts else None,
    )


def _differs(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> bool:
    # A version that is older than a field of yes or no says no.
    return before.get(name) != after.get(name) and not (name not in before and after.get(name) is False)


def compare_texts(before: str, after: str) -> TextDifference:
    """The lines that differ, each with its changed part, and :data:`CONTEXT` lines around them."""
    # Not splitlines(): a text may hold U+2028 and its like within a line.
    old, new = before.split("\n"), after.split("\n")
    stretches = find_stretches(old, new)
    is_exact = stretches is not None
    lines = list(_lay_out(old, new, stretches if stretches is not None else [_outermost(old, new)]))
    return TextDifference(lines[:MAX_LINES], max(0, len(lines) - MAX_LINES), is_exact)


def find_stretches(old: Sequence[str], new: Sequence[str]) -> list[Stretch] | None:
    """Where two lists of lines differ, by Myers' greedy search; ``None`` where more than :data:`MAX_EDITS` would be needed.

    The library's own matcher compares every pair of equal lines: a text of many blank lines takes it minutes.
    """
    start, old_end, _start, new_end = _outermost(old, new)
    numbers: dict[str, int] = {}
    a = [numbers.setdefault(line, len(numbers)) for line in old[start:old_end]]
    b = [numbers.setdefault(line, len(numbers)) for line in new[start:new_end]]
    steps = _search(a, b)
    if steps is None:
        return None
    stretches: list[Stretch] = []
    for x, y, is_removal in steps:
        x, y = x + start, y + start
        if stretches and stretches[-1][1] == x and stretches[-1][3] == y:
            first, _last, new_first, _new_last = stretches.pop()
        else:
            first, new_first = x, y
        stretches.append((first, x + is_removal, new_first, y + (not is_removal)))
    return stretches


def _search(a: Sequence[int], b: Sequence[int]) -> list[tuple[int, int, bool]] | None:
    """The shortest way from ``a`` to ``b``: (place in a, place in b, whether a line goes), in order."""
    reached = {1: 0}
    trace: list[dict[int, int]] = []
    for edits in range(MAX_EDITS + 1):
        trace.append(dict(reached))
        for diagonal in range(-edits, edits + 1, 2):
            goes_down = diagonal == -edits or (diagonal != edits and reached[diagonal - 1] < reached[diagonal + 1])
            x = reached[diagonal + 1] if goes_down else reached[diagonal - 1] + 1
            while x < len(a) and 0 <= x - diagonal < len(b) and a[x] == b[x - diagonal]:
                x += 1
            reached[diagonal] = x
            if x >= len(a) and x - diagonal >= len(b):
                return _walk_back(trace, len(a), len(b))
    return None


def _walk_back(trace: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int, bool]]:
    steps = []
    for edits in range(len(trace) - 1, 0, -1):
        reached, diagonal = trace[edits], x - y
        goes_down = diagonal == -edits or (diagonal != edits and reached[diagonal - 1] < reached[diagonal + 1])
        previous = diagonal + 1 if goes_down else diagonal - 1
        x = reached[previous]
        y = x - previous
        steps.append((x, y, not goes_down))
    return steps[::-1]


def _outermost(old: Sequence[str], new: Sequence[str]) -> Stretch:
    """Everything between the first and the last line that differ."""
    shorter = min(len(old), len(new))
    start = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    rest = shorter - start
    end = next((place for place in range(rest) if old[-1 - place] != new[-1 - place]), rest)
    return start, len(old) - end, start, len(new) - end


def _lay_out(old: Sequence[str], new: Sequence[str], stretches: Sequence[Stretch]) -> Iterator[Line]:
    shown = hidden_from = 0
    for place, (first, last, new_first, new_last) in enumerate(stretches):
        offset = new_first - first
        begin = max(shown, first - CONTEXT)
        if begin > hidden_from:
            yield Line("gap", hidden=begin - hidden_from)
        yield from (Line("same", old[line], before=line + 1, after=line + offset + 1) for line in range(begin, first))
        yield from _pair(old, new, (first, last, new_first, new_last))
        following = stretches[place + 1][0] if place + 1 < len(stretches) else len(old)
        shown = hidden_from = min(following, last + CONTEXT)
        offset = new_last - last
        yield from (Line("same", old[line], before=line + 1, after=line + offset + 1) for line in range(last, shown))
    if hidden_from < len(old) and stretches:
        yield Line("gap", hidden=len(old) - hidden_from)


def _pair(old: Sequence[str], new: Sequence[str], stretch: Stretch) -> Iterator[Line]:
    """Removed lines, then added ones; where one stands for one, with the part that changed."""
    first, last, new_first, new_last = stretch
    pairs = [_mark(old[first + place], new[new_first + place]) for place in range(min(last - first, new_last - new_first))]
    for place, line in enumerate(range(first, last)):
        parts = pairs[place][0] if place < len(pairs) else _whole(old[line])
        yield Line("removed", *parts, before=line + 1)
    for place, line in enumerate(range(new_first, new_last)):
        parts = pairs[place][1] if place < len(pairs) else _whole(new[line])
        yield Line("added", *parts, after=line + 1)


def _mark(old: str, new: str) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    start = _count_alike(old, new)
    old_rest, new_rest = old[start:], new[start:]
    end = _count_alike(old_rest[::-1], new_rest[::-1])
    if start + end < _ALIKE * max(len(old), len(new)):
        return _whole(old), _whole(new)
    changed, new_changed = old_rest[: len(old_rest) - end], new_rest[: len(new_rest) - end]
    tail = old_rest[len(changed) :]
    return _shorten(old[:start], changed, tail), _shorten(new[:start], new_changed, tail)


def _count_alike(old: str, new: str) -> int:
    """How many characters two lines have in common at their start, halving: a line may be megabytes long."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _whole(line: str) -> tuple[str, str, str]:
    return _shorten("", line, "")


def _shorten(start: str, changed: str, end: str) -> tuple[str, str, str]:
    return (
        start if len(start) <= MAX_AROUND else "…" + start[-MAX_AROUND:],
        changed if len(changed) <= MAX_CHANGED else changed[:MAX_CHANGED] + "…",
        end if len(end) <= MAX_AROUND else end[:MAX_AROUND] + "…",
    )
