"""Merges two changed texts by the text from which both came: by lines, as Git does, and inside a line by clauses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from articles.editorial.merge.sequences import Budget, Edit, Part, find_edits, merge_sequences

HunkKind = Literal["same", "ours", "theirs", "both", "merged", "conflict"]

MAX_CLAUSED = 100_000
"""Characters, of the three versions together, up to which a hunk is looked at by clauses."""
MAX_MARKED = 20_000
MARKING_STEPS = 20_000

_OTHER_ENDS = re.compile("\r\n|\r")
# A clause ends behind a run of Japanese marks; one in Latin letters is a sentence, with the blanks behind it.
_CLAUSE = re.compile(r"\n|[^\n]*?(?:[。、！？」』）．，…]+|[.!?][\"')\]”’]*[ \t]+|(?=\n)|\Z)")
_SENTENCE_END = re.compile(r"(?:[。！？．][」』）”’]*|[.!?][\"')\]”’]*[ \t]*)\Z")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_WORD = re.compile(r"[A-Za-z0-9_]+|[\u3041-\u309f]+|[\u30a0-\u30ff]+|[\u3400-\u9fff々]+|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Hunk:
    """One stretch of a merge: what the three texts have there, in lines without their ends.

    ``same``: nobody changed it. ``ours``, ``theirs``: one side did. ``both``: both made the same change. ``merged``: both
    changed it, in different clauses. ``conflict``: both changed it otherwise, and a person has to choose.
    """

    kind: HunkKind
    base: tuple[str, ...]
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    merged: tuple[str, ...] | None

    @property
    def is_conflict(self) -> bool:
        return self.kind == "conflict"


@dataclass(frozen=True, slots=True)
class Merge:
    """The whole merge. ``newline`` and ``has_final_newline`` are those of the result, merged as values of their own."""

    hunks: tuple[Hunk, ...]
    newline: str = "\n"
    has_final_newline: bool = True

    @property
    def text(self) -> str | None:
        """The merged text, or ``None`` where there is a conflict."""
        if any(hunk.merged is None for hunk in self.hunks):
            return None
        return self._join([line for hunk in self.hunks for line in hunk.merged or ()])

    @property
    def conflicts(self) -> list[Hunk]:
        """The hunks about which a person has to decide, in order."""
        return [hunk for hunk in self.hunks if hunk.is_conflict]

    def resolve(self, chosen: Mapping[int, Sequence[str]]) -> str:
        """The text with the lines ``chosen`` for each conflict, by its number in :attr:`conflicts`.

        Raises KeyError for a conflict that nobody decided.
        """
        lines: list[str] = []
        number = 0
        for hunk in self.hunks:
            if hunk.merged is not None:
                lines += hunk.merged
            else:
                lines += chosen[number]
                number += 1
        return self._join(lines)

    def _join(self, lines: Sequence[str]) -> str:
        text = "\n".join(lines) + ("\n" if self.has_final_newline and lines else "")
        return text if self.newline == "\n" else text.replace("\n", self.newline)


@dataclass(frozen=True, slots=True)
class _Text:
    lines: tuple[str, ...] = ()
    newline: str = ""
    has_final_newline: bool = False
    is_mixed: bool = field(default=False, compare=False)


def merge_texts(base: str, ours: str, theirs: str, *, by_clause: bool = True) -> Merge:
    """Merges what ``ours`` and ``theirs`` made of ``base``. Never raises; the cost is bounded on any input.

    Changes of different lines are merged, the same change on both sides counts once. Two changes of adjacent lines
    are one conflict, as in Git: in a text with short lines they are mostly one sentence. With ``by_clause`` a conflict is
    looked at again by clauses (behind 。、！？」 and the like; in Latin letters by sentences), outside fenced code: changes of
    different clauses are merged where an unchanged clause lies between them, or where both only rewrite and a sentence
    ends between them. What a line ends with (``\\n``, ``\\r\\n``, ``\\r``) and whether the last line ends are merged as
    values of their own, where each text has one kind of line end; else line ends are part of their lines.

    The result does not depend on which side is called ours.
    """
    texts = _read(base), _read(ours), _read(theirs)
    if any(text.is_mixed for text in texts):
        texts = _read(base, splits_all=False), _read(ours, splits_all=False), _read(theirs, splits_all=False)
    old, here, there = texts
    newlines = [text.newline for text in texts]
    ends = [text.has_final_newline for text in texts]
    return Merge(
        tuple(_merge_lines(old.lines, here.lines, there.lines, by_clause)),
        _pick_newline(*newlines),
        _pick(*ends),
    )


def conflict_whole(base: str, ours: str, theirs: str) -> Merge:
    """The three texts as one conflict, where no finer merge makes sense."""
    old, here, there = _read(base), _read(ours), _read(theirs)
    return Merge((Hunk("conflict", old.lines, here.lines, there.lines, None),))


def mark_changes(old: str, new: str) -> list[tuple[str, bool]]:
    """``new`` in pieces, each with whether it is new against ``old``; whole words and runs of one script, for display."""
    if len(old) + len(new) > MAX_MARKED:
        return [(new, old != new)] if new else []
    before, after = _WORD.findall(old), _WORD.findall(new)
    pieces: list[tuple[str, bool]] = []
    place = 0
    for edit in find_edits(before, after, Budget(MARKING_STEPS)):
        pieces.append(("".join(after[place : edit.new_start]), False))
        pieces.append(("".join(after[edit.new_start : edit.new_end]), True))
        place = edit.new_end
    pieces.append(("".join(after[place:]), False))
    return [piece for piece in pieces if piece[0]]


def split_clauses(text: str) -> list[str]:
    """The clauses of a text; joined they are the text. A line end is a piece of its own."""
    return [piece for piece in _CLAUSE.findall(text) if piece]


def _read(text: str, *, splits_all: bool = True) -> _Text:
    """The lines of a text. ``splits_all``: at every kind of line end, where the text has only one."""
    newline, is_mixed = "\n" if "\n" in text else "", False
    if splits_all and "\r" in text:
        found = {*_OTHER_ENDS.findall(text), *(["\n"] if re.search("(?<!\r)\n", text) else [])}
        newline, is_mixed = max(found), len(found) > 1
        text = _OTHER_ENDS.sub("\n", text)
    if not text:
        return _Text()
    has_final_newline = text.endswith("\n")
    return _Text(tuple(text.removesuffix("\n").split("\n")), newline, has_final_newline, is_mixed)


def _pick_newline(base: str, ours: str, theirs: str) -> str:
    """The merged kind of line end. A text of one line has none, and no opinion."""
    picked = _pick(base, ours or base, theirs or base)
    return picked or "\n"


def _pick(base: Any, ours: Any, theirs: Any) -> Any:
    """The value that one side changed; where both did, the smaller one, so that the order of the sides does not matter."""
    if ours == base:
        return theirs
    return ours if theirs == base else min(ours, theirs)


def _merge_lines(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], by_clause: bool) -> Iterator[Hunk]:
    code = _Code(base, ours, theirs) if by_clause else None
    budget = Budget()
    for part in merge_sequences(base, ours, theirs):
        old, here, there = tuple(base[part.base]), tuple(ours[part.ours]), tuple(theirs[part.theirs])
        if part.kind != "conflict":
            yield Hunk(part.kind, old, here, there, here if part.kind in ("same", "ours", "both") else there)
            continue
        merged = None
        if code is not None and not code.is_in(part):
            merged = _merge_clauses(old, here, there, budget)
        yield Hunk("conflict" if merged is None else "merged", old, here, there, merged)


def _merge_clauses(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], budget: Budget) -> tuple[str, ...] | None:
    """The lines with the changed clauses of both sides, or ``None`` where these overlap."""
    # Where a side has no line left it removed the text: what the other side rewrote there is for a person to see.
    if budget.left <= 0 or not (base and ours and theirs) or sum(map(len, (*base, *ours, *theirs))) > MAX_CLAUSED:
        return None
    old, here, there = (split_clauses("\n".join(lines)) for lines in (base, ours, theirs))

    def may_touch(first: Edit, second: Edit, side: Sequence[str]) -> bool:
        gap = old[first.end : second.start]
        if len(gap) > 1 or (gap and gap[0] != "\n"):
            return True
        return (
            first.is_replacement
            and second.is_replacement
            and _ends_sentence(old[first.start : first.end])
            and _ends_sentence(side[first.new_start : first.new_end])
        )

    parts = merge_sequences(old, here, there, may_touch, budget)
    if any(part.kind == "conflict" for part in parts):
        return None
    pieces = [piece for part in parts for piece in (there[part.theirs] if part.kind == "theirs" else here[part.ours])]
    return tuple("".join(pieces).split("\n"))


def _ends_sentence(clauses: Sequence[str]) -> bool:
    last = next((clause for clause in reversed(clauses) if clause != "\n"), "")
    return _SENTENCE_END.search(last) is not None


class _Code:
    """Which lines of the three texts stand in fenced code; found out when first asked."""

    def __init__(self, *texts: Sequence[str]) -> None:
        self.texts = texts
        self.lines: list[set[int]] | None = None

    def is_in(self, part: Part) -> bool:
        """Whether any of the part's lines is code or a fence."""
        if self.lines is None:
            self.lines = [set(_find_code(text)) for text in self.texts]
        places = (part.base, part.ours, part.theirs)
        return any(not lines.isdisjoint(range(where.start, where.stop)) for lines, where in zip(self.lines, places, strict=True))


def _find_code(lines: Sequence[str]) -> Iterator[int]:
    fence = ""
    for number, line in enumerate(lines):
        found = _FENCE.match(line)
        if fence:
            yield number
            if found and found[1].startswith(fence) and not line.strip(" \t" + fence[0]):
                fence = ""
        elif found:
            fence = found[1]
            yield number
