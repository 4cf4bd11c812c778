"""A merge as a form: three texts side by side and a choice for each place where they disagree.

Knows nothing of imports: whoever has a :class:`FileMerge` can show it, with their own names for the three sides.
Template: ``admin/articles/merge/_screen.html``, styles: ``css/merge.css``. It needs no script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from articles.editorial.merge import (
    Answer,
    FieldQuestion,
    FileMerge,
    Hunk,
    KeyChange,
    Merge,
    Question,
    Unanswered,
    mark_changes,
    show_value,
)

Pieces = list[tuple[str, bool]]

MAX_QUESTIONS = 200
"""So many are asked on one page; about all beyond them one choice decides."""
MAX_SHOWN = 20_000
"""Characters of one side of one place that are shown."""
MAX_PAGE = 600_000
"""Characters on the whole page. Beyond them what nobody has to decide is only counted, and questions are cut short."""
MAX_WRITTEN = 300_000
"""Characters in all fields together: they come back with the form, which has a limit."""
OVERHEAD = 300
MAX_LINE = 400
EDGE = 3
REST = "rest"


@dataclass(frozen=True, slots=True)
class Sides:
    """What the three versions are called above their columns."""

    base: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Column:
    """One version of one place. ``pieces`` are its text, each with whether it differs; ``left_out`` characters are not shown."""

    side: str
    label: str
    pieces: Pieces
    is_missing: bool = False
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to answer a question."""

    way: str
    label: str
    is_chosen: bool


@dataclass(slots=True)
class Block:
    """One place: ``same`` (``count`` lines that nobody changed), ``change`` (decided by itself), or ``question``."""

    kind: str
    title: str = ""
    columns: list[Column] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)
    note: str = ""
    id: str = ""
    number: int = 0
    choices: list[Choice] = field(default_factory=list)
    text: str | None = None
    rows: int = 4
    error: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the file with its places."""

    name: str
    title: str
    blocks: list[Block]


@dataclass(slots=True)
class Screen:
    """Everything that the template prints. ``open`` are the questions without an answer; ``more`` are not on the page."""

    sides: Sides
    sections: list[Section]
    total: int
    open: list[Block]
    more: int = 0
    rest: list[Choice] = field(default_factory=list)
    rest_error: str = ""


def read_answers(data: Mapping[str, Any], questions: Sequence[Question]) -> dict[str, Answer]:
    """The answers in a posted form, by question id. Answers to questions that are not asked any more are passed over.

    ``preset`` (a button) answers everything by one side.
    """
    preset = str(data.get("preset", ""))
    rest = str(data.get(f"way-{REST}", ""))
    answers: dict[str, Answer] = {}
    for place, question in enumerate(questions):
        way = preset or str(data.get(f"way-{question.id}", "")) or (rest if place >= MAX_QUESTIONS else "")
        for known in question.ways:
            if known == way:
                answers[question.id] = Answer(known, str(data.get(f"text-{question.id}", "")) if known == "text" else "")
    return answers


def build_screen(
    files: FileMerge,
    questions: Sequence[Question],
    sides: Sides,
    *,
    answers: Mapping[str, Answer] | None = None,
    unanswered: Unanswered | None = None,
    fields: Sequence[FieldQuestion] = (),
    describe: Callable[[str, Any], str] | None = None,
    name_field: Callable[[str], str] | None = None,
) -> Screen:
    """The merge as the template prints it, with ``answers`` chosen and ``unanswered`` questions marked.

    ``describe`` and ``name_field`` say how values and names of fields read.
    """
    return _Builder(files, questions, sides, answers or {}, unanswered, fields, describe or _describe, name_field or str).build()


def _describe(name: str, value: Any) -> str:
    return "" if value is None else str(value)


class _Builder:
    def __init__(
        self,
        files: FileMerge,
        questions: Sequence[Question],
        sides: Sides,
        answers: Mapping[str, Answer],
        unanswered: Unanswered | None,
        fields: Sequence[FieldQuestion],
        describe: Callable[[str, Any], str],
        name_field: Callable[[str], str],
    ) -> None:
        self.files, self.questions, self.sides, self.answers = files, questions, sides, answers
        self.missing = {question.id for question in unanswered.questions} if unanswered else set()
        self.fields, self.describe, self.name_field = fields, describe, name_field
        self.numbers = {question.id: number for number, question in enumerate(questions, 1)}
        self.left, self.writable = MAX_PAGE, MAX_WRITTEN
        self.open: list[Block] = []

    def build(self) -> Screen:
        sections = [
            Section("keys", _("Front matter"), list(self._keys())),
            Section("text", _("Text"), list(self._hunks("body", self.files.body))),
            Section("fields", _("Beside the text"), list(self._fields())),
        ]
        more = max(0, len(self.questions) - MAX_QUESTIONS)
        rest = self._choices(("ours", "theirs"), self._rest_answer()) if more else []
        is_rest_open = any(question.id in self.missing for question in self.questions[MAX_QUESTIONS:])
        return Screen(
            self.sides,
            [section for section in sections if section.blocks],
            len(self.questions),
            self.open,
            more,
            rest,
            _("Choose a side for all of these.") if is_rest_open else "",
        )

    def _rest_answer(self) -> Answer | None:
        answers = [self.answers.get(question.id) for question in self.questions[MAX_QUESTIONS:]]
        return answers[0] if answers and all(answer == answers[0] for answer in answers) else None

    # --- The parts of a file

    def _keys(self) -> Iterator[Block]:
        head = self.files.head
        if head.lines is not None:
            yield from self._hunks("head", head.lines)
            return
        asked = iter([question for question in self.questions if question.part == "key"])
        for change in head.changes:
            if change.kind == "conflict":
                if block := self._question(next(asked), change.name, _versions_of(change)):
                    yield block
            else:
                yield self._change(change.kind, change.name, _versions_of(change), show_value(change.value))

    def _hunks(self, part: str, merge: Merge) -> Iterator[Block]:
        asked = iter([question for question in self.questions if question.part == part])
        passed_over = 0
        for hunk in merge.hunks:
            if self.left <= 0 and not hunk.is_conflict:
                passed_over += hunk.kind != "same"
                continue
            if hunk.kind == "same":
                yield from self._same(hunk.base)
                continue
            versions = tuple("\n".join(lines) for lines in (hunk.base, hunk.ours, hunk.theirs))
            if hunk.is_conflict:
                if block := self._question(next(asked), "", versions, _are_missing(hunk)):
                    yield block
            else:
                yield self._change(hunk.kind, "", versions, "\n".join(hunk.merged or ()), _are_missing(hunk))
        if passed_over:
            note = ngettext("%(count)s more change, brought together", "%(count)s more changes, brought together", passed_over)
            yield Block("same", note=note % {"count": passed_over})

    def _fields(self) -> Iterator[Block]:
        asked = [question for question in self.questions if question.part == "field"]
        for question, known in zip(asked, self.fields, strict=True):
            versions = tuple(self.describe(known.name, value) for value in (known.base, known.ours, known.theirs))
            if block := self._question(question, self.name_field(known.name), versions):
                yield block

    # --- One place

    def _question(
        self, question: Question, title: str, versions: Sequence[str | None], missing: Sequence[bool] = (False, False, False)
    ) -> Block | None:
        number = self.numbers[question.id]
        if number > MAX_QUESTIONS:
            return None
        answer = self.answers.get(question.id)
        block = Block("question", title, self._columns(versions, missing), id=question.id, number=number)
        can_write = "text" in question.ways and len(question.text) <= self.writable
        ways = tuple(way for way in question.ways if way != "text" or can_write)
        block.choices = self._choices(ways, answer)
        if can_write:
            self.writable -= len(question.text)
            block.text = answer.text if answer is not None and answer.way == "text" else question.text
            block.rows = min(16, max(2, block.text.count("\n") + 2 + len(block.text) // 60))
        if question.id in self.missing:
            block.error = _("Choose one of these.")
        if answer is None:
            self.open.append(block)
        return block

    def _choices(self, ways: Sequence[str], answer: Answer | None) -> list[Choice]:
        labels = {
            "ours": self.sides.ours,
            "theirs": self.sides.theirs,
            "ours_theirs": _("Both, “%(first)s” first") % {"first": self.sides.ours},
            "theirs_ours": _("Both, “%(first)s” first") % {"first": self.sides.theirs},
            "text": _("Write it yourself"),
        }
        return [Choice(way, labels[way], answer is not None and answer.way == way) for way in ways]

    def _change(
        self,
        kind: str,
        title: str,
        versions: Sequence[str | None],
        result: str,
        missing: Sequence[bool] = (False, False, False),
    ) -> Block:
        notes = {
            "ours": _("Changed only in “%(side)s”; taken over.") % {"side": self.sides.ours},
            "theirs": _("Changed only in “%(side)s”; taken over.") % {"side": self.sides.theirs},
            "both": _("Changed alike on both sides."),
            "merged": _("Changed on both sides in different places; brought together."),
        }
        block = Block("change", title, note=notes[kind])
        old, new = versions[0] or "", result
        block.columns = [
            self._column("base", self.sides.base, old, "", is_missing=versions[0] is None or missing[0]),
            self._column("result", _("Result"), new, old, is_missing=not new),
        ]
        return block

    def _same(self, lines: Sequence[str]) -> Iterator[Block]:
        """Lines that nobody changed: the first and last of them, and how many lie between; no blank ones at the ends."""
        start, end = 0, len(lines)
        while start < end and not lines[start].strip():
            start += 1
        while end > start and not lines[end - 1].strip():
            end -= 1
        between = end - start - 2 * EDGE
        if between > 1:
            note = ngettext("%(count)s line that nobody changed", "%(count)s lines that nobody changed", between)
            head, tail = _shorten(lines[start : start + EDGE]), _shorten(lines[end - EDGE : end])
            block = Block("same", lines=head, tail=tail, note=note % {"count": between})
        else:
            block = Block("same", lines=_shorten(lines[start:end]))
        self.left -= OVERHEAD + sum(map(len, (*block.lines, *block.tail)))
        if start < end:
            yield block

    def _columns(self, versions: Sequence[str | None], missing: Sequence[bool]) -> list[Column]:
        base = versions[0] or ""
        labels = (self.sides.base, self.sides.ours, self.sides.theirs)
        return [
            self._column(side, label, version or "", base if side != "base" else "", is_missing=version is None or gone)
            for side, label, version, gone in zip(("base", "ours", "theirs"), labels, versions, missing, strict=True)
        ]

    def _column(self, side: str, label: str, text: str, old: str, *, is_missing: bool) -> Column:
        limit = max(500, min(MAX_SHOWN, self.left))
        shown = text[:limit]
        self.left -= len(shown) + OVERHEAD
        pieces = mark_changes(old[:limit], shown) if side != "base" else [(shown, False)]
        return Column(side, label, pieces, is_missing and not text, len(text) - len(shown))


def _versions_of(change: KeyChange) -> tuple[str | None, ...]:
    return tuple(None if value is None else show_value(value) for value in (change.base, change.ours, change.theirs))


def _are_missing(hunk: Hunk) -> tuple[bool, bool, bool]:
    return not hunk.base, not hunk.ours, not hunk.theirs


def _shorten(lines: Sequence[str]) -> list[str]:
    return [line if len(line) <= MAX_LINE else line[:MAX_LINE] + "…" for line in lines]
