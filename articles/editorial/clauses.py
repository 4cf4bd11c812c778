"""What differs between two texts as a reader sees it: by clauses in Japanese, by words where words are set apart. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from articles.editorial.merge.sequences import Budget, find_edits

# Around a change, so many lines are shown; of long ones only the part beside it.
CONTEXT = 1
MAX_BLOCKS = 400
MAX_AROUND = 160
MAX_PIECE = 20_000
# Lines that have less than this part in common were written anew.
_ALIKE = 0.3
# Kana, Chinese characters, full-width letters and digits: written without blanks between words.
_WHOLE = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uff9d\U00020000-\U0003ffff"
)
_END = "。．、，！？!?…"
_CLOSING = "」』）〉》】〕”’)"
_TOKEN = re.compile(
    rf"\n|[^\S\n]+|[{_WHOLE}「『（〈《【〔“‘]+[{_END}{_CLOSING}]*|(?:(?![{_WHOLE}])[\w'’-])+|[{_END}]+[{_CLOSING}]*|."
)

Kind = Literal["same", "removed", "added"]
Piece = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the text: ``pieces`` in reading order, or, where it is empty, ``hidden`` lines that are alike."""

    pieces: tuple[Piece, ...] = ()
    hidden: int = 0

    @property
    def is_changed(self) -> bool:
        return any(kind != "same" for kind, _text in self.pieces)


@dataclass(frozen=True, slots=True)
class Difference:
    """``left_out`` counts the blocks beyond :data:`MAX_BLOCKS`; ``removed`` and ``added`` count characters, shown or not."""

    blocks: list[Block] = field(default_factory=list)
    left_out: int = 0
    removed: int = 0
    added: int = 0


def compare_clauses(before: str, after: str) -> Difference:
    """The difference of two texts with ``\\n`` as line end. The cost is bounded on any input."""
    blocks = list(_lay_out(before.split("\n"), after.split("\n")))
    pieces = [piece for block in blocks for piece in block.pieces]
    return Difference(
        [_cut(block) for block in blocks[:MAX_BLOCKS]],
        max(0, len(blocks) - MAX_BLOCKS),
        sum(len(text) for kind, text in pieces if kind == "removed"),
        sum(len(text) for kind, text in pieces if kind == "added"),
    )


def split_tokens(text: str) -> list[str]:
    """Clauses, words, blanks and line ends; joined they are the text."""
    return _TOKEN.findall(text)


def _lay_out(old: Sequence[str], new: Sequence[str]) -> Iterator[Block]:
    budget = Budget()
    edits = find_edits(old, new, budget)
    hidden_from = 0
    for place, edit in enumerate(edits):
        shown = max(hidden_from, edit.start - CONTEXT)
        yield from _hide(shown - hidden_from)
        yield from (Block((("same", line),)) for line in old[shown : edit.start])
        yield Block(tuple(_compare_lines(old[edit.start : edit.end], new[edit.new_start : edit.new_end], budget)))
        following = edits[place + 1].start if place + 1 < len(edits) else len(old)
        hidden_from = min(following, edit.end + CONTEXT)
        yield from (Block((("same", line),)) for line in old[edit.end : hidden_from])
    if edits:
        yield from _hide(len(old) - hidden_from)


def _hide(lines: int) -> Iterator[Block]:
    if lines > 0:
        yield Block(hidden=lines)


def _compare_lines(old: Sequence[str], new: Sequence[str], budget: Budget) -> Iterator[Piece]:
    before, after = "\n".join(old), "\n".join(new)
    whole: list[Piece] = [("removed", before), ("added", after)]
    if not old or not new:
        yield from (piece for piece in whole if piece[1] or (old or new))
        return
    if budget.left <= 0 or len(before) + len(after) > MAX_PIECE:
        yield from whole
        return
    pieces = list(_compare_tokens(split_tokens(before), split_tokens(after), budget))
    alike = sum(len(text) for kind, text in pieces if kind == "same" and not text.isspace())
    yield from pieces if alike >= _ALIKE * min(len(before), len(after)) else whole


def _compare_tokens(old: Sequence[str], new: Sequence[str], budget: Budget) -> Iterator[Piece]:
    place = 0
    for edit in find_edits(old, new, budget):
        parts: tuple[tuple[Kind, Sequence[str]], ...] = (
            ("same", old[place : edit.start]),
            ("removed", old[edit.start : edit.end]),
            ("added", new[edit.new_start : edit.new_end]),
        )
        yield from ((kind, "".join(tokens)) for kind, tokens in parts if tokens)
        place = edit.end
    if place < len(old):
        yield "same", "".join(old[place:])


def _cut(block: Block) -> Block:
    """The block with its long unchanged stretches shortened to what stands beside a change."""
    if not block.is_changed:
        text = block.pieces[0][1] if block.pieces else ""
        return block if len(text) <= 2 * MAX_AROUND else Block((("same", text[: 2 * MAX_AROUND] + "…"),), block.hidden)
    pieces: list[Piece] = []
    for place, (kind, text) in enumerate(block.pieces):
        if kind == "same" and len(text) > 3 * MAX_AROUND:
            head = text[:MAX_AROUND] if place else ""
            tail = text[-MAX_AROUND:] if place + 1 < len(block.pieces) else ""
            text = f"{head} … {tail}"
        pieces.append((kind, text if len(text) <= MAX_PIECE else text[:MAX_PIECE] + "…"))
    return Block(tuple(pieces))
