"""What a merge leaves to a person: questions with names that stay while their texts do, and the answers to them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from articles.editorial.merge.files import FileMerge
from articles.editorial.merge.keys import KeyChange, read_value, show_value
from articles.editorial.merge.texts import Hunk, Merge
from articles.formats.frontmatter import Value

Part = Literal["key", "head", "body", "field"]
Way = Literal["ours", "theirs", "ours_theirs", "theirs_ours", "text"]

WAYS_FOR_LINES: tuple[Way, ...] = ("ours", "theirs", "ours_theirs", "theirs_ours", "text")
WAYS_FOR_KEYS: tuple[Way, ...] = ("ours", "theirs", "text")
WAYS_FOR_SIDES: tuple[Way, ...] = ("ours", "theirs")


@dataclass(frozen=True, slots=True)
class FieldQuestion:
    """A field that both sides changed, beside the text: here without a key of the file, there by the file."""

    name: str
    base: Any
    ours: Any
    theirs: Any


@dataclass(frozen=True, slots=True)
class Question:
    """One decision. ``id`` depends on the three versions alone: an answer fits as long as these are the same.

    ``number`` is its place among the questions of its part. ``base``, ``ours`` and ``theirs`` are shown; ``None`` where a key
    is not there. ``text`` is what somebody who writes it anew begins with.
    """

    id: str
    part: Part
    number: int
    name: str
    base: str | None
    ours: str | None
    theirs: str | None
    ways: tuple[Way, ...]

    @property
    def text(self) -> str:
        return self.ours if self.ours is not None else self.theirs or ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Which side, both in which order, or ``text`` as somebody wrote it."""

    way: Way
    text: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person decided, in the form in which merges take it, by the questions' numbers; fields by their names."""

    keys: Mapping[int, Value | None] = field(default_factory=dict)
    head_lines: Mapping[int, Sequence[str]] = field(default_factory=dict)
    body_lines: Mapping[int, Sequence[str]] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


class Unanswered(Exception):
    """Questions are open. ``questions`` are these."""

    def __init__(self, questions: Sequence[Question]) -> None:
        super().__init__(f"{len(questions)} questions are open")
        self.questions = list(questions)


def ask(files: FileMerge, fields: Sequence[FieldQuestion] = ()) -> list[Question]:
    """All questions of a merge: keys of the front matter, hunks of its lines, hunks of the text, fields beside the file."""
    seen: Counter[str] = Counter()
    questions = [_ask_key(number, change, seen) for number, change in enumerate(files.head.conflicts)]
    if files.head.lines is not None:
        questions += _ask_lines("head", files.head.lines, seen)
    questions += _ask_lines("body", files.body, seen)
    for number, question in enumerate(fields):
        versions = [_show(value) for value in (question.base, question.ours, question.theirs)]
        name = _identify("field", [question.name, *versions], seen)
        questions.append(Question(name, "field", number, question.name, versions[0], versions[1], versions[2], WAYS_FOR_SIDES))
    return questions


def collect(files: FileMerge, questions: Sequence[Question], answers: Mapping[str, Answer]) -> Answers:
    """The answers by question id, as a merge takes them. Raises Unanswered where one is missing or cannot be."""
    unanswered = [question for question in questions if not _fits(question, answers.get(question.id))]
    if unanswered:
        raise Unanswered(unanswered)
    keys: dict[int, Value | None] = {}
    lines: dict[str, dict[int, Sequence[str]]] = {"head": {}, "body": {}}
    fields: dict[str, str] = {}
    hunks = {"head": files.head.lines.conflicts if files.head.lines is not None else [], "body": files.body.conflicts}
    for question in questions:
        answer = answers[question.id]
        if question.part == "key":
            keys[question.number] = _choose_value(files.head.conflicts[question.number], answer)
        elif question.part == "field":
            fields[question.name] = answer.way
        else:
            lines[question.part][question.number] = choose_lines(hunks[question.part][question.number], answer)
    return Answers(keys, lines["head"], lines["body"], fields)


def choose_lines(hunk: Hunk, answer: Answer) -> tuple[str, ...]:
    """The lines of a hunk as an answer has them."""
    if answer.way == "text":
        text = answer.text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
        return tuple(text.split("\n")) if text else ()
    sides = {"ours": hunk.ours, "theirs": hunk.theirs}
    return tuple(line for side in answer.way.split("_") for line in sides[side])


def _choose_value(change: KeyChange, answer: Answer) -> Value | None:
    if answer.way == "text":
        return read_value(answer.text, (change.theirs, change.ours, change.base)) if answer.text.strip() else None
    return change.ours if answer.way == "ours" else change.theirs


def _fits(question: Question, answer: Answer | None) -> bool:
    return answer is not None and answer.way in question.ways


def _ask_key(number: int, change: KeyChange, seen: Counter[str]) -> Question:
    values = (change.base, change.ours, change.theirs)
    versions = [None if value is None else show_value(value) for value in values]
    # A map or a list of maps has no form in which one could write it into a field.
    is_plain = not any(isinstance(value, dict) or _holds_maps(value) for value in values)
    name = _identify("key", [change.name, *versions], seen)
    ways = WAYS_FOR_KEYS if is_plain else WAYS_FOR_SIDES
    return Question(name, "key", number, change.name, versions[0], versions[1], versions[2], ways)


def _holds_maps(value: Value | None) -> bool:
    return isinstance(value, list) and not all(isinstance(item, str) for item in value)


def _ask_lines(part: Literal["head", "body"], merge: Merge, seen: Counter[str]) -> list[Question]:
    questions = []
    for number, hunk in enumerate(merge.conflicts):
        base, ours, theirs = ("\n".join(lines) for lines in (hunk.base, hunk.ours, hunk.theirs))
        name = _identify(part, [list(hunk.base), list(hunk.ours), list(hunk.theirs)], seen)
        questions.append(Question(name, part, number, "", base, ours, theirs, WAYS_FOR_LINES))
    return questions


def _identify(part: str, versions: Sequence[Any], seen: Counter[str]) -> str:
    """A short name by the content; equal questions of one merge are numbered."""
    text = json.dumps([part, *versions], ensure_ascii=False)
    name = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    seen[name] += 1
    return name if seen[name] == 1 else f"{name}-{seen[name]}"


def _show(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "、".join(str(entry) for entry in value)
    return "" if value is None else str(value)
