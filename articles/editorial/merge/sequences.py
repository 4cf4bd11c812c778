"""Compares and merges sequences of texts (lines, clauses): the core that knows nothing of Markdown.

The cost is bounded on any input: what is common at both ends is cut off, lines that occur once on each side are anchors
(Bram Cohen's patience diff), what lies between them is compared by Myers' O(ND) algorithm within a budget of steps for
the whole comparison. Where the budget is used up, the rest counts as one change: a large conflict, never a hanging one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

Kind = Literal["same", "ours", "theirs", "both", "conflict"]

_OURS: Kind = "ours"
_THEIRS: Kind = "theirs"

STEPS = 1_000_000
"""Steps of Myers' algorithm that one comparison may take: about half a second."""
MAX_DEPTH = 8
"""How often anchors may be looked for between anchors. Every round costs one pass over the texts."""
SEARCHED = 200
"""In stretches of so many elements an unchanged middle is looked for."""


class Edit(NamedTuple):
    """``old[start:end]`` became ``new[new_start:new_end]``."""

    start: int
    end: int
    new_start: int
    new_end: int

    @property
    def is_replacement(self) -> bool:
        """Whether something was there before and something is there now."""
        return self.start < self.end and self.new_start < self.new_end


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of a merge, in places of the three sequences. ``kind`` says who changed it; ``both``: to the same."""

    kind: Kind
    base: slice
    ours: slice
    theirs: slice


MayTouch = Callable[[Edit, Edit, Sequence[str]], bool]
"""Whether two edits of different sides, the first before the second, may both be made; third the first one's own side."""


def are_apart(first: Edit, second: Edit, side: Sequence[str]) -> bool:
    """The rule of Git for lines: at least one unchanged line lies between two changes."""
    return first.end < second.start


@dataclass(slots=True)
class Budget:
    """Steps that comparisons may still take together."""

    left: int = STEPS


def find_edits(old: Sequence[str], new: Sequence[str], budget: Budget | None = None) -> list[Edit]:
    """What changed from ``old`` to ``new``, in order; between two edits there is always something unchanged.

    An insertion or deletion that could stand in several places (one of equal neighbours) stands in the last one, so that
    the same change made on two sides is found to be the same.
    """
    edits = [*_complement(_Matcher(old, new, budget or Budget()).find_partners(), len(new))]
    return _slide_down(edits, old, new)


def merge_sequences(
    base: Sequence[str],
    ours: Sequence[str],
    theirs: Sequence[str],
    may_touch: MayTouch = are_apart,
    budget: Budget | None = None,
) -> list[Part]:
    """The stretches of a three-way merge; together they cover each sequence once, in order.

    Edits of both sides that are not apart by ``may_touch`` make one stretch: ``both`` where they come to the same,
    else a conflict. Within it, what both sides changed alike is taken out first: where the rest is a change of only one
    side (it goes on where the other side stopped), it is no conflict.
    """
    parts: list[Part] = []
    place = _Place(0, 0, 0)
    for cluster in _cluster(find_edits(base, ours, budget), find_edits(base, theirs, budget), ours, theirs, may_touch):
        before = cluster.start - place.base
        if before:
            parts.append(place.advance("same", before, before, before))
        size = cluster.end - cluster.start
        part = place.advance(cluster.kind, size, size + cluster.ours_growth, size + cluster.theirs_growth)
        parts += _settle(part, base, ours, theirs) if part.kind == "conflict" else [part]
    if rest := len(base) - place.base:
        parts.append(place.advance("same", rest, rest, rest))
    return parts


# --- Comparing two sequences


class _Matcher:
    """Finds which element of ``new`` each element of ``old`` is."""

    def __init__(self, old: Sequence[str], new: Sequence[str], budget: Budget) -> None:
        # Numbers compare faster than texts, and hostile lines of equal length cost their whole length only once.
        numbers: dict[str, int] = {}
        self.old = [numbers.setdefault(text, len(numbers)) for text in old]
        self.new = [numbers.setdefault(text, len(numbers)) for text in new]
        self.partners = [-1] * len(self.old)
        self.budget = budget

    def find_partners(self) -> list[int]:
        """For each place in ``old`` the place in ``new``, or -1."""
        waiting = [(0, len(self.old), 0, len(self.new), 0)]
        while waiting:
            start, end, new_start, new_end, depth = self._cut_ends(*waiting.pop())
            if start == end or new_start == new_end:
                continue
            anchors = self._find_anchors(start, end, new_start, new_end) if depth < MAX_DEPTH else []
            if not anchors:
                self._compare(start, end, new_start, new_end)
                continue
            for place, new_place in anchors:
                self.partners[place] = new_place
                waiting.append((start, place, new_start, new_place, depth + 1))
                start, new_start = place + 1, new_place + 1
            waiting.append((start, end, new_start, new_end, depth + 1))
        return self.partners

    def _cut_ends(self, start: int, end: int, new_start: int, new_end: int, depth: int) -> tuple[int, int, int, int, int]:
        old, new = self.old, self.new
        while start < end and new_start < new_end and old[start] == new[new_start]:
            self.partners[start] = new_start
            start, new_start = start + 1, new_start + 1
        while start < end and new_start < new_end and old[end - 1] == new[new_end - 1]:
            end, new_end = end - 1, new_end - 1
            self.partners[end] = new_end
        return start, end, new_start, new_end, depth

    def _find_anchors(self, start: int, end: int, new_start: int, new_end: int) -> list[tuple[int, int]]:
        """Elements that occur once on each side, as many as stand in the same order on both."""
        once = _find_unique(self.old, start, end)
        new_once = _find_unique(self.new, new_start, new_end)
        pairs = [(place, new_once[element]) for element, place in once.items() if element in new_once]
        return _longest_rise(pairs)

    def _compare(self, start: int, end: int, new_start: int, new_end: int) -> None:
        """Myers' algorithm over what occurs on both sides: what occurs on one side only has no partner anyway."""
        common = set(self.old[start:end]) & set(self.new[new_start:new_end])
        places = [place for place in range(start, end) if self.old[place] in common]
        new_places = [place for place in range(new_start, new_end) if self.new[place] in common]
        for place, new_place in self._follow(places, new_places):
            self.partners[place] = new_place

    def _follow(self, places: list[int], new_places: list[int]) -> Iterator[tuple[int, int]]:
        """Pairs of the longest common subsequence; none where the budget does not reach."""
        xs, ys = [self.old[place] for place in places], [self.new[place] for place in new_places]
        trace = self._explore(xs, ys)
        if trace is None:
            return
        x, y = len(xs), len(ys)
        for distance in range(len(trace) - 1, -1, -1):
            furthest = trace[distance]
            diagonal = x - y
            is_down = diagonal == -distance or (
                diagonal != distance and furthest.get(diagonal - 1, -1) < furthest.get(diagonal + 1, -1)
            )
            previous = diagonal + 1 if is_down else diagonal - 1
            previous_x = furthest.get(previous, 0)
            previous_y = previous_x - previous
            while x > max(previous_x, 0) and y > max(previous_y, 0):
                x, y = x - 1, y - 1
                yield places[x], new_places[y]
            if distance:
                x, y = previous_x, previous_y

    def _explore(self, xs: list[int], ys: list[int]) -> list[dict[int, int]] | None:
        """Per distance, how far each diagonal reached before it; ``None`` where the budget ends first."""
        furthest, trace = {1: 0}, []
        for distance in range(len(xs) + len(ys) + 1):
            trace.append(dict(furthest))
            for diagonal in range(-distance, distance + 1, 2):
                if not -len(ys) <= diagonal <= len(xs):
                    continue
                is_down = diagonal == -distance or (
                    diagonal != distance and furthest.get(diagonal - 1, -1) < furthest.get(diagonal + 1, -1)
                )
                x = furthest.get(diagonal + 1, 0) if is_down else furthest.get(diagonal - 1, -1) + 1
                begin = x
                while x < len(xs) and x - diagonal < len(ys) and xs[x] == ys[x - diagonal]:
                    x += 1
                furthest[diagonal] = x
                self.budget.left -= 1 + x - begin
                if x >= len(xs) and x - diagonal >= len(ys):
                    return trace
                if self.budget.left <= 0:
                    return None
        return None


def _find_unique(elements: list[int], start: int, end: int) -> dict[int, int]:
    """Element → place, for those that occur once, in order."""
    places: dict[int, int] = {}
    repeated: set[int] = set()
    for place in range(start, end):
        element = elements[place]
        if element in places:
            repeated.add(element)
        else:
            places[element] = place
    return {element: place for element, place in places.items() if element not in repeated}


def _longest_rise(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of pairs in which both numbers rise. The first already do."""
    tops: list[int] = []
    holders: list[int] = []
    before = [-1] * len(pairs)
    for number, (_place, new_place) in enumerate(pairs):
        pile = bisect_left(tops, new_place)
        before[number] = holders[pile - 1] if pile else -1
        if pile == len(tops):
            tops.append(new_place)
            holders.append(number)
        else:
            tops[pile], holders[pile] = new_place, number
    rise: list[tuple[int, int]] = []
    number = holders[-1] if holders else -1
    while number >= 0:
        rise.append(pairs[number])
        number = before[number]
    return rise[::-1]


def _complement(partners: list[int], new_length: int) -> Iterator[Edit]:
    """The edits between the elements that have partners."""
    start = new_start = 0
    for place, partner in enumerate([*partners, new_length]):
        if partner < 0:
            continue
        if start < place or new_start < partner:
            yield Edit(start, place, new_start, partner)
        start, new_start = place + 1, partner + 1


def _slide_down(edits: list[Edit], old: Sequence[str], new: Sequence[str]) -> list[Edit]:
    """Moves insertions and deletions down over equal neighbours; edits that come to touch become one."""
    done: list[Edit] = []
    # From the last to the first: each one can slide as far as the one below it, which is in its place already.
    for edit in reversed(edits):
        limit = done[-1].start if done else len(old)
        start, end, new_start, new_end = edit
        if start == end or new_start == new_end:
            elements, first = (new, new_start) if start == end else (old, start)
            shift = 0
            while end + shift < limit and elements[first + shift] == old[end + shift]:
                shift += 1
            start, end, new_start, new_end = start + shift, end + shift, new_start + shift, new_end + shift
        if done and end == done[-1].start:
            below = done.pop()
            end, new_end = below.end, below.new_end
        done.append(Edit(start, end, new_start, new_end))
    return done[::-1]


# --- Merging three


@dataclass(slots=True)
class _Place:
    """How far a merge has come in each sequence."""

    base: int
    ours: int
    theirs: int

    def advance(self, kind: Kind, base: int, ours: int, theirs: int) -> Part:
        """The stretch of these lengths that begins here; the place moves behind it."""
        part = Part(
            kind,
            slice(self.base, self.base + base),
            slice(self.ours, self.ours + ours),
            slice(self.theirs, self.theirs + theirs),
        )
        self.base, self.ours, self.theirs = part.base.stop, part.ours.stop, part.theirs.stop
        return part


@dataclass(slots=True)
class _Cluster:
    """Edits that belong together. ``growth`` is by how much each side is longer there than the base."""

    start: int
    end: int
    ours_growth: int = 0
    theirs_growth: int = 0
    has_ours: bool = False
    has_theirs: bool = False

    @property
    def kind(self) -> Kind:
        if self.has_ours and self.has_theirs:
            return "conflict"
        return "ours" if self.has_ours else "theirs"

    def add(self, edit: Edit, *, is_ours: bool) -> None:
        growth = (edit.new_end - edit.new_start) - (edit.end - edit.start)
        self.end = max(self.end, edit.end)
        if is_ours:
            self.ours_growth, self.has_ours = self.ours_growth + growth, True
        else:
            self.theirs_growth, self.has_theirs = self.theirs_growth + growth, True


def _place_of(entry: tuple[Edit, bool]) -> tuple[int, int]:
    return entry[0].start, entry[0].end


def _cluster(
    changes: list[Edit], others: list[Edit], ours: Sequence[str], theirs: Sequence[str], may_touch: MayTouch
) -> Iterator[_Cluster]:
    """Edits in order of their place; those of different sides that may not both be made are together."""
    edits = [(edit, True) for edit in changes] + [(edit, False) for edit in others]
    edits.sort(key=_place_of)
    current: _Cluster | None = None
    last: dict[bool, Edit] = {}
    for (start, end), found in groupby(edits, key=_place_of):
        # Both sides' edits of one place go together: one after the other, the first would depend on which side is ours.
        here = list(found)
        # Edits of one side are apart; the other side's can bridge them.
        belongs = current is not None and (
            start < current.end
            or any(
                not may_touch(last[not is_ours], edit, theirs if is_ours else ours)
                for edit, is_ours in here
                if (not is_ours) in last
            )
        )
        if current is None or not belongs:
            if current is not None:
                yield current
            current, last = _Cluster(start, end), {}
        for edit, is_ours in here:
            current.add(edit, is_ours=is_ours)
            last[is_ours] = edit
    if current is not None:
        yield current


def _settle(part: Part, base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[Part]:
    """A stretch that both sides changed: without what they changed alike, and without a conflict if nothing else is left."""
    old, here, there = base[part.base], ours[part.ours], theirs[part.theirs]
    if list(here) == list(there):
        return [Part("both", part.base, part.ours, part.theirs)]
    head = _count_common(here, there)
    tail = _count_common(here[head:][::-1], there[head:][::-1])
    if settled := _settle_rest(part, old, here[head : len(here) - tail], there[head : len(there) - tail], head, tail):
        return settled
    place = _Place(part.base.start, part.ours.start, part.theirs.start)
    parts = [
        place.advance("both", 0, head, head),
        place.advance("conflict", len(old), len(here) - head - tail, len(there) - head - tail),
        place.advance("both", 0, tail, tail),
    ]
    return [found for found in parts if _is_filled(found)]


def _settle_rest(
    part: Part, old: Sequence[str], here: Sequence[str], there: Sequence[str], head: int, tail: int
) -> list[Part] | None:
    """The stretch as changes made alike around one that a single side made, where it is that; else ``None``.

    ``here`` and ``there`` are what differs between the sides, between ``head`` and ``tail`` elements that both have.
    """
    places = [(kind, _find_rest(old, rest, head, tail), len(rest)) for kind, rest in ((_THEIRS, here), (_OURS, there))]
    found = [(kind, place, size) for kind, place, size in places if place is not None]
    if len(found) != 1:
        # Where either side can be taken for the one that changed nothing more, nobody knows which it was.
        return None
    kind, place, size = found[0]
    at = _Place(part.base.start, part.ours.start, part.theirs.start)
    parts = [
        at.advance("both", place, head, head),
        at.advance(kind, size, len(here), len(there)),
        at.advance("both", len(old) - place - size, tail, tail),
    ]
    return [one for one in parts if _is_filled(one)]


def _find_rest(old: Sequence[str], rest: Sequence[str], head: int, tail: int) -> int | None:
    """Where in the base the side's rest stands, so that it is unchanged there; ``None`` where it is not, or may not be.

    A rest of nothing says little (did the side remove what the other rewrote?), so it counts only where there was at
    most one element, which both sides changed to the same.
    """
    if not (head or tail) or (not rest and len(old) > 1):
        return None
    if not tail:
        places = [len(old) - len(rest)]
    elif not head:
        places = [0]
    elif rest and len(old) <= SEARCHED:
        places = [place for place in range(len(old)) if old[place] == rest[0]]
    else:
        return None
    found = [place for place in places if place >= 0 and list(old[place : place + len(rest)]) == list(rest)]
    return found[0] if len(found) == 1 else None


def _is_filled(part: Part) -> bool:
    return any(where.start < where.stop for where in (part.base, part.ours, part.theirs))


def _count_common(first: Sequence[str], second: Sequence[str]) -> int:
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count
