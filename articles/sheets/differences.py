"""What changed between two texts, word by word in Latin and character by character in Japanese, at a bounded cost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["same", "removed", "added", "skipped"]
_TOKEN = re.compile(r"[A-Za-z0-9_]+|\s+|.", re.DOTALL)
_CONTEXT = 40
_LONGEST = 600
_LINES = 10
_SHORT = 2


@dataclass(slots=True)
class Budget:
    """Steps that comparisons may still take together; a page of differences shares one. At 0 all that is left is whole."""

    steps: int = 2_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text. ``skipped`` has no text but the number of characters that are the same.

    Of what was removed or added ``length`` is how many characters are not shown.
    """

    kind: Kind
    text: str = ""
    length: int = 0


def compare(old: str, new: str, budget: Budget) -> list[Piece]:
    """The pieces of the two texts in order. Cost and length are bounded: beyond the budget a changed stretch is shown whole.

    difflib's matcher is quadratic on ordinary texts and worse on hostile ones; this is Myers' algorithm (An O(ND)
    Difference Algorithm, 1986) on what differs between the common beginning and the common end.
    """
    start = _common_prefix(old, new)
    end = _common_prefix(old[start:][::-1], new[start:][::-1])
    before, after = old[:start], old[len(old) - end :] if end else ""
    middle = _compare_middle(old[start : len(old) - end], new[start : len(new) - end], budget)
    return [_shorten(piece) for piece in _fold([Piece("same", before), *middle, Piece("same", after)])]


def _common_prefix(one: str, other: str) -> int:
    limit = min(len(one), len(other))
    low, high = 0, limit
    # Comparing slices is done by the machine; a loop over characters of a long text is not.
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _compare_middle(old: str, new: str, budget: Budget) -> list[Piece]:
    whole = [Piece("removed", old), Piece("added", new)]
    if not old or not new:
        return whole
    by_line = len(old) + len(new) > 4_000
    one, other = (text.splitlines(keepends=True) if by_line else _TOKEN.findall(text) for text in (old, new))
    pairs = _match(one, other, budget)
    if pairs is None:
        return whole
    return _join(one, other, pairs)


def _match(one: Sequence[str], other: Sequence[str], budget: Budget) -> list[tuple[int, int]] | None:
    """Pairs of places that are the same, in order; ``None`` where the budget does not reach."""
    rows, columns = len(one), len(other)
    furthest = {1: 0}
    history: list[dict[int, int]] = []
    for distance in range(rows + columns + 1):
        history.append(dict(furthest))
        for diagonal in range(-distance, distance + 1, 2):
            down = diagonal == -distance or (
                diagonal != distance and furthest.get(diagonal - 1, -1) < furthest.get(diagonal + 1, -1)
            )
            place = furthest.get(diagonal + 1, 0) if down else furthest.get(diagonal - 1, 0) + 1
            begin = place
            while place < rows and 0 <= place - diagonal < columns and one[place] == other[place - diagonal]:
                place += 1
            furthest[diagonal] = place
            budget.steps -= place - begin + 1
            if place >= rows and place - diagonal >= columns:
                return _trace(history, rows, columns)
        # Copies of the front are what costs memory.
        budget.steps -= distance
        if budget.steps <= 0 or distance > 400:
            return None
    return None


def _trace(history: list[dict[int, int]], place: int, other: int) -> list[tuple[int, int]]:
    pairs = []
    for distance in range(len(history) - 1, -1, -1):
        furthest = history[distance]
        diagonal = place - other
        down = diagonal == -distance or (diagonal != distance and furthest.get(diagonal - 1, -1) < furthest.get(diagonal + 1, -1))
        previous = diagonal + 1 if down else diagonal - 1
        before = furthest.get(previous, 0)
        while place > before and other > before - previous and place > 0 and other > 0:
            place, other = place - 1, other - 1
            pairs.append((place, other))
        if distance:
            place, other = before, before - previous
    return pairs[::-1]


def _join(one: Sequence[str], other: Sequence[str], pairs: list[tuple[int, int]]) -> list[Piece]:
    pieces: list[Piece] = []
    at = to = 0
    for place, counterpart in [*pairs, (len(one), len(other))]:
        pieces += [Piece("removed", "".join(one[at:place])), Piece("added", "".join(other[to:counterpart]))]
        if place < len(one):
            pieces.append(Piece("same", one[place]))
        at, to = place + 1, counterpart + 1
    return pieces


def _fold(pieces: list[Piece]) -> list[Piece]:
    """Joins neighbours; one or two characters that stayed the same between changes are shown as changed with them."""
    joined: list[Piece] = []
    for piece in pieces:
        if not piece.text:
            continue
        if joined and joined[-1].kind == piece.kind:
            joined[-1] = Piece(piece.kind, joined[-1].text + piece.text)
        else:
            joined.append(piece)
    folded: list[Piece] = []
    removed = added = ""
    for number, piece in enumerate(joined):
        between = 0 < number < len(joined) - 1 and bool(removed or added)
        if piece.kind == "same" and not (between and len(piece.text) <= _SHORT):
            folded += [Piece("removed", removed), Piece("added", added), piece]
            removed = added = ""
        else:
            removed += piece.text if piece.kind in ("same", "removed") else ""
            added += piece.text if piece.kind in ("same", "added") else ""
    folded += [Piece("removed", removed), Piece("added", added)]
    return _with_context([piece for piece in folded if piece.text])


def _with_context(pieces: list[Piece]) -> list[Piece]:
    """Leaves out the inside of long stretches that are the same."""
    shown: list[Piece] = []
    for number, piece in enumerate(pieces):
        keep_end, keep_start = _CONTEXT * (number < len(pieces) - 1), _CONTEXT * (number > 0)
        if piece.kind != "same" or len(piece.text) <= keep_start + keep_end + _CONTEXT:
            shown.append(piece)
            continue
        skipped = Piece("skipped", length=len(piece.text) - keep_start - keep_end)
        parts = (Piece("same", piece.text[:keep_start]), skipped, Piece("same", piece.text[len(piece.text) - keep_end :]))
        shown += [part for part in parts if part.text or part.length]
    return shown


def _shorten(piece: Piece) -> Piece:
    lines = piece.text.split("\n", _LINES)
    shown = "\n".join(lines[:_LINES])[:_LONGEST] if len(lines) > _LINES else piece.text[:_LONGEST]
    return piece if shown == piece.text else Piece(piece.kind, shown + "…", len(piece.text) - len(shown))
