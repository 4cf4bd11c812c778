"""What a search means, without any database: how texts are folded, the pieces they are found by, and how a question is read.

A word is found exactly where it stands in the folded text, inside other words too: Japanese has no blanks to find words by.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from itertools import pairwise
from operator import add
from typing import Literal, NamedTuple

from django.utils.translation import gettext as _

from articles.formats.terms import fold_text, identity

INDEX_VERSION = 1
"""Higher with every change in what is written; entries of another version are written again by ``manage.py reindex``."""

MAX_LENGTH = 200
"""Characters of a question. Nobody types more, and each word costs a look into the index."""
MAX_PARTS = 12

TITLE_MARK = "\ufdd0"
"""Stands before the grams of a title. A noncharacter of Unicode, which :func:`fold` takes out of texts."""
LINE = "\n"
"""Parts the title from the text in a folded text. Folded texts and words hold no line end, so no word reaches over it."""

Kind = Literal["word", "tag", "category", "author", "series", "before", "after"]
TERM_KINDS: tuple[Kind, ...] = ("tag", "category", "author", "series")
FIELDS: dict[str, Kind] = {
    "tag": "tag",
    "タグ": "tag",
    "category": "category",
    "欄": "category",
    "author": "author",
    "署名": "author",
    "series": "series",
    "連載": "series",
    "before": "before",
    "after": "after",
}

# Controls, noncharacters and lone surrogates: no reader sees them, and one database or the other refuses them.
_UNSEARCHABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_QUOTES = {'"': '"', "＂": '"＂', "“": "”", "「": "」", "『": "』"}
_MINUS = "-－−"
_FIELD = re.compile(rf"({'|'.join(FIELDS)})[:：]", re.IGNORECASE)
_DATE = re.compile(r"([0-9]{4})(?:[-/.年]([0-9]{1,2})(?:[-/.月]([0-9]{1,2})日?|月)?|年)?")
# No full-width form is left after NFKC, so they stand for the ASCII characters that FTS5 would take for blanks.
_ASCII = re.compile("[ -~]+")
_AS_TOKEN = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}


# --- Texts ----------------------------------------------------------------------------------------------------------


def fold(text: str) -> str:
    """``text`` as it is searched: full width is half width, capitals are small ones, blanks and controls are one blank."""
    return fold_text(_UNSEARCHABLE.sub(" ", text))


def fold_post(title: str, text: str) -> str:
    """The folded text of a post: its title, a line end, and its text."""
    return fold(title) + LINE + fold(text)


def grams_of(folded: str) -> set[str]:
    """Every character and every pair of characters of a folded text or word, as tokens that hold no ASCII."""
    spelled = _as_tokens(folded)
    return set(map(add, spelled, spelled[1:])).union(spelled)


def _as_tokens(folded: str) -> str:
    # Only where there is ASCII: looking every character up takes twice as long.
    return _ASCII.sub(lambda found: found.group().translate(_AS_TOKEN), folded)


def post_grams(folded: str) -> set[str]:
    """What a post is found by: the grams of its title and its text, and those of its title once more as such."""
    title, _line, text = folded.partition(LINE)
    of_title = grams_of(title)
    return grams_of(text) | of_title | {TITLE_MARK + gram for gram in of_title}


class FoundBy(NamedTuple):
    """What a title and a text are found by: both folded (:func:`fold_post`), and their grams, parted by blanks."""

    title: str
    plain_text: str
    folded: str
    grams: str


def find_by(title: str, plain_text: str) -> FoundBy:
    """Works out what a post is found by, where no database is at hand: most of what an entry of the index costs."""
    folded = fold_post(title, plain_text)
    return FoundBy(title, plain_text, folded, " ".join(post_grams(folded)))


def word_grams(word: str) -> list[str]:
    """The grams that every text with ``word`` has: its pairs, or itself where it is one character."""
    spelled = _as_tokens(word)
    if len(spelled) < 2:
        return [spelled]
    return list(dict.fromkeys(map("".join, pairwise(spelled))))


# --- Questions --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a question. ``raw`` is how it was written; ``value`` what it names; ``folded`` what it is found by.

    ``day`` is the first day that ``before`` leaves out or that ``after`` begins with.
    """

    raw: str
    kind: Kind
    value: str
    folded: str
    is_excluded: bool = False
    day: date | None = None


@dataclass(frozen=True)
class Question:
    """What somebody looks for. ``problem`` says why it cannot be answered; ``ignored`` are parts that say nothing."""

    text: str
    parts: tuple[Part, ...] = ()
    problem: str = ""
    ignored: tuple[str, ...] = field(default=())

    @cached_property
    def words(self) -> list[str]:
        """What a text must hold, folded, each once."""
        return list(dict.fromkeys(part.folded for part in self.parts if part.kind == "word" and not part.is_excluded))

    @cached_property
    def excluded(self) -> list[str]:
        """What a text must not hold."""
        return list(dict.fromkeys(part.folded for part in self.parts if part.kind == "word" and part.is_excluded))

    @cached_property
    def filters(self) -> list[Part]:
        """The parts that name terms or days."""
        return [part for part in self.parts if part.kind != "word"]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is looked for: a question of exclusions alone would list everything else."""
        return not self.words and all(part.is_excluded for part in self.filters)

    def without(self, left_out: Part) -> str:
        """The question as text without one of its parts."""
        return " ".join(part.raw for part in self.parts if part is not left_out)

    def replaced(self, old: Part, word: str) -> str:
        """The question as text with ``word`` in the place of a part."""
        return " ".join(word if part is old else part.raw for part in self.parts)


def read_question(text: str) -> Question:
    """Reads what somebody typed: words, "phrases" and 「phrases」, ``-word``, ``tag:``, ``before:`` and the other fields.

    Never raises: a question that is too long, has too many parts or a date that is none has a ``problem``, a sentence in the
    active language.
    """
    if len(text) > MAX_LENGTH:
        return Question(text[:MAX_LENGTH], problem=_("Your search is too long. Use at most %d characters.") % MAX_LENGTH)
    text = _UNSEARCHABLE.sub(" ", text).strip()
    parts: list[Part] = []
    ignored: list[str] = []
    for raw, kind, value, is_excluded in _split(text):
        folded = identity(value)
        if not folded:
            ignored.append(raw)
            continue
        day = None
        if kind in ("before", "after"):
            day = read_day(value)
            if day is None:
                problem = _("“%s” is not a date. Write a year, a month or a day: 2025, 2025-03 or 2025-03-01.") % value
                return Question(text, problem=problem)
        parts.append(Part(raw, kind, value, folded, is_excluded and kind not in ("before", "after"), day))
    if len(parts) > MAX_PARTS:
        return Question(text, problem=_("Your search has too many parts. Use at most %d.") % MAX_PARTS)
    return Question(text, tuple(parts), ignored=tuple(ignored))


def read_day(value: str) -> date | None:
    """The first day of a year, month or day as people write them (``2025``, ``2025-3``, ``2025年3月1日``); ``None`` for none."""
    match = _DATE.fullmatch(unicodedata.normalize("NFKC", value).strip())
    # The first and last years have midnights that no database can compare.
    if match is None or not 1 < int(match[1]) < 9998:
        return None
    try:
        return date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return None


def _split(text: str) -> Iterator[tuple[str, Kind, str, bool]]:
    """Each part as written, its kind, its value without quotes, and whether it is excluded."""
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        start = at
        is_excluded = text[at] in _MINUS and at + 1 < len(text) and not text[at + 1].isspace()
        at += is_excluded
        kind: Kind = "word"
        if match := _FIELD.match(text, at):
            kind, at = FIELDS[match[1].lower()], match.end()
        value, at = _read_value(text, at)
        yield text[start:at], kind, value, is_excluded


def _read_value(text: str, at: int) -> tuple[str, int]:
    """The value that begins at ``at``, quoted or up to the next blank or quote, and where it ends."""
    closing = _QUOTES.get(text[at]) if at < len(text) else None
    if closing is None:
        end = at
        while end < len(text) and not text[end].isspace() and (end == at or text[end] not in _QUOTES):
            end += 1
        return text[at:end], end
    end = next((place for place in range(at + 1, len(text)) if text[place] in closing), len(text))
    return text[at + 1 : end], min(end + 1, len(text))


# --- Snippets -----------------------------------------------------------------------------------------------------------

BEFORE, AFTER = 36, 110
_WINDOW = 150
# A character with what NFKC may join to it: accents, voicing marks of kana in both widths, later letters of a Korean syllable.
_CLUSTER = re.compile(".[\u0300-\u036f\u3099\u309a\uff9e\uff9f\u1160-\u11ff\ufe00-\ufe0f\u200d]*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text, and whether it is one of the words that were looked for."""

    text: str
    is_marked: bool


def mark(text: str, words: Sequence[str]) -> list[Piece]:
    """``text`` in pieces, with the places of the folded ``words`` marked as they are written in the text."""
    folded, places = _fold_with_places(text)
    inside = [False] * len(text)
    for word in words:
        found = folded.find(word)
        while found >= 0:
            end = found + len(word)
            for place in range(places[found], places[end] if end < len(places) else len(text)):
                inside[place] = True
            found = folded.find(word, end)
    pieces: list[Piece] = []
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or inside[place] != inside[start]:
            pieces.append(Piece(text[start:place], inside[start]))
            start = place
    return pieces


def make_snippet(text: str, words: Sequence[str]) -> list[Piece]:
    """The part of ``text`` around the first place of one of ``words``, marked; its beginning where none of them stands in it."""
    text = " ".join(text.split())
    start = max(_find_place(text, words) - BEFORE, 0)
    end = min(start + BEFORE + AFTER, len(text))
    pieces = mark(text[start:end], words)
    if start:
        pieces.insert(0, Piece("…", is_marked=False))
    if end < len(text):
        pieces.append(Piece("…", is_marked=False))
    return pieces


def _find_place(text: str, words: Sequence[str]) -> int:
    """Where the first of ``words`` stands in the unfolded text, near enough; 0 where none does."""
    folded = fold(text)
    word, found = min(
        ((word, at) for word in words if (at := folded.find(word)) >= 0), key=lambda pair: pair[1], default=("", -1)
    )
    if found < 0:
        return 0
    # Folding moves places by few characters, so the word is looked for around where it must be; mapping all would be slow.
    guess = found * len(text) // max(len(folded), 1)
    for begin, end in ((max(guess - _WINDOW, 0), guess + _WINDOW), (0, len(text))):
        near, places = _fold_with_places(text[begin:end])
        at = near.find(word)
        if at >= 0:
            return begin + places[at]
    return 0


def _fold_with_places(text: str) -> tuple[str, list[int]]:
    """The folded text, and for each of its characters where in ``text`` it comes from."""
    pieces: list[str] = []
    places: list[int] = []
    ends_blank = True
    for cluster in _CLUSTER.finditer(text):
        folded = _fold_cluster(cluster.group())
        if not (folded == " " and ends_blank):
            pieces.append(folded)
            places += [cluster.start()] * len(folded)
            ends_blank = folded == " " if folded else ends_blank
    return "".join(pieces), places


@lru_cache(maxsize=16_384)
def _fold_cluster(cluster: str) -> str:
    return " " if cluster.isspace() else fold(cluster)
