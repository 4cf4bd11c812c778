"""The card that other sites show beside a link to a text without a picture: its title, set as a newspaper would. Pure.

A title breaks between phrases, no line begins or ends with a sign that may not stand there, and nothing is ever wider than
its place: the letters get smaller, and in the end the title is cut. Emoji and other signs that no font here has are left
out; a title of which a letter would be left out gets no card, for without a letter a name is another name.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import budoux
from PIL import Image, ImageDraw

from articles.media.fonts import Face
from articles.pictures import CARD_SIZE

RECIPE: Final = 1
"""Grows whenever the same text would be drawn differently."""

#: Colours of sections: each dark enough for white letters, each to be told from the next.
PALETTE: Final = (
    *("#b3261e", "#1f3a5f", "#2f6b4f", "#7a4a00", "#5b3a78", "#0f6674", "#8a2c5b", "#4d5b16", "#31408f", "#6b3a2a"),
)
PAPER, INK, SOFT, RULE = "#faf8f3", "#1b1916", "#5b564d", "#1b1916"

WIDTH, HEIGHT = CARD_SIZE
BAND, MARGIN = 32, 72
LEFT, RIGHT = BAND + MARGIN, WIDTH - MARGIN
TITLE_TOP, TITLE_BOTTOM = 126, 486
SIZES: Final = (84, 78, 72, 64, 58, 52, 46)
LEADING: Final = 1.36
_MAX_TEXT: Final = 500

NOT_FIRST: Final = frozenset(
    "、。，．・：；？！!?,.:;%％‰°℃）)］]｝}〕〉》」』】〙〗〟’”»ヽヾゝゞ々〻ー…‥―—–-‐゠〜～"
    "ァィゥェォッャュョヮヵヶぁぃぅぇぉっゃゅょゎゕゖㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ／/"
)
"""Signs that begin no line (JIS X 4051)."""
NOT_LAST: Final = frozenset("（(［[｛{〔〈《「『【〘〖〝‘“«￥¥＄$£€#＃＠@№")
"""Signs that end no line."""
_OPENING: Final = frozenset("「『（〔【〈《")
# Written from right to left, or with letters that change beside others: drawn one by one they would be wrong.
_UNSET: Final = frozenset(("R", "AL"))
_PAIRS: Final = frozenset("…‥―—─")
_JAPANESE: Final = ("\u3040", "\u30ff", "\u3400", "\u9fff")


@dataclass(frozen=True, slots=True)
class CardText:
    """What is written on a card. ``colour`` is a number; sections that differ in it look different."""

    title: str
    section: str = ""
    byline: str = ""
    site: str = ""
    colour: int = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """A title as it is set."""

    size: int
    lines: tuple[str, ...]
    is_cut: bool = False


def draw_card(text: CardText, faces: Sequence[Face]) -> bytes | None:
    """The card as PNG, or ``None`` where the fonts lack a letter of the title."""
    title = legible(text.title, faces)
    if title is None:
        return None
    image = Image.new("RGB", CARD_SIZE, PAPER)
    pen = _Pen(ImageDraw.Draw(image), faces)
    colour = PALETTE[text.colour % len(PALETTE)]
    pen.draw.rectangle((0, 0, BAND - 1, HEIGHT), fill=colour)
    section, byline, site = (legible(part, faces) or "" for part in (text.section, text.byline, text.site))
    pen.write(LEFT, 92, pen.shorten(section, 36, RIGHT - LEFT), 36, colour)
    setting = set_title(title, faces)
    step = round(setting.size * LEADING)
    top = TITLE_TOP + (TITLE_BOTTOM - TITLE_TOP - step * len(setting.lines)) // 2
    for number, line in enumerate(setting.lines):
        # The left half of an opening bracket is empty: it hangs, so that the letters stand in one line.
        hang = setting.size // 2 if line[0] in _OPENING else 0
        pen.write(LEFT - hang, top + step * number + round(setting.size * 1.06), line, setting.size, INK, is_bold=True)
    pen.draw.rectangle((LEFT, 514, RIGHT, 517), fill=RULE)
    pen.draw.rectangle((LEFT, 521, RIGHT, 521), fill=RULE)
    name = pen.shorten(site, 38, (RIGHT - LEFT) * 6 // 10)
    pen.write(LEFT, 576, name, 38, INK, is_bold=True)
    room = RIGHT - LEFT - round(pen.measure(name, 38)) - 48
    credit = pen.shorten(byline, 30, room)
    pen.write(RIGHT - round(pen.measure(credit, 30)), 574, credit, 30, SOFT)
    output = io.BytesIO()
    # Few colours: a third of the bytes, and nobody sees the difference.
    image.quantize(48, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(output, "PNG", optimize=True)
    return output.getvalue()


# --- Letters --------------------------------------------------------------------------------------------------------


def legible(text: str, faces: Sequence[Face]) -> str | None:
    """``text`` with single blanks and without signs that no face draws; ``None`` where a letter or all of it would go."""
    kept: list[str] = []
    for sign in unicodedata.normalize("NFC", text[:_MAX_TEXT]):
        category = unicodedata.category(sign)
        if sign.isspace():
            kept.append(" ")
        elif category[0] != "C" and not _is_selector(sign) and _can_draw(sign, faces):
            kept.append(sign)
        elif category[0] in "LN":
            return None
    return " ".join("".join(kept).split()) or None


def _is_selector(sign: str) -> bool:
    return "\ufe00" <= sign <= "\ufe0f" or sign >= "\U000e0000"


def _can_draw(sign: str, faces: Sequence[Face]) -> bool:
    return unicodedata.bidirectional(sign) not in _UNSET and any(face.has(sign) for face in faces)


class _Pen:
    """Writes with several faces: each letter with the first that has it."""

    def __init__(self, draw: Any, faces: Sequence[Face]) -> None:
        self.draw, self.faces = draw, faces

    def runs(self, text: str) -> list[tuple[Face, str]]:
        found: list[tuple[Face, str]] = []
        for letter in text:
            face = next((face for face in self.faces if face.has(letter)), self.faces[0])
            if found and found[-1][0] is face:
                found[-1] = (face, found[-1][1] + letter)
            else:
                found.append((face, letter))
        return found

    def measure(self, text: str, size: int) -> float:
        return sum(face.at(size).getlength(part) for face, part in self.runs(text))

    def write(self, left: int, baseline: int, text: str, size: int, colour: str, *, is_bold: bool = False) -> None:
        place = float(left)
        for face, part in self.runs(text):
            font = face.at(size)
            stroke = size / 70 if is_bold and not face.is_bold else 0
            self.draw.text((place, baseline), part, font=font, fill=colour, anchor="ls", stroke_width=stroke)
            place += font.getlength(part)

    def shorten(self, text: str, size: int, width: int) -> str:
        """``text`` on one line of ``width``, cut with ``…`` where it is longer."""
        if self.measure(text, size) <= width:
            return text
        letters = list(text)
        while letters and self.measure("".join(letters).rstrip() + "…", size) > width:
            letters.pop()
        return _end(letters) + "…" if letters else ""


def _end(letters: Sequence[str]) -> str:
    """A beginning that an ellipsis may follow: no opening bracket, no comma before it."""
    text = "".join(letters).rstrip()
    while text and (text[-1] in NOT_LAST or text[-1] in "、，,・…‥"):
        text = text[:-1].rstrip()
    return text


# --- Lines ----------------------------------------------------------------------------------------------------------


def set_title(title: str, faces: Sequence[Face]) -> Setting:
    """The title in the largest letters in which it has room without breaking a phrase; in the smallest, broken or cut."""
    pen = _Pen(None, faces)
    phrases = split_phrases(title)
    width = RIGHT - LEFT
    for size in SIZES:
        most = int((TITLE_BOTTOM - TITLE_TOP) // (size * LEADING))
        is_last = size == SIZES[-1]
        lines = _fill(pen, phrases, size, width, may_break=is_last)
        if lines is None:
            continue
        if len(lines) <= most:
            return Setting(size, tuple(_balance(pen, phrases, size, width, lines)))
        if is_last:
            rest = "".join(lines[most - 1 :])
            return Setting(size, (*lines[: most - 1], pen.shorten(rest, size, width)), is_cut=True)
    raise AssertionError("the smallest size always gives lines")


def split_phrases(text: str) -> list[str]:
    """Where a line may end: between Japanese phrases and after blanks, never before or after a sign that forbids it."""
    parts = _parser().parse(text) if any(_is_japanese(letter) for letter in text) else [text]
    words = [word for part in parts for word in _split_at_blanks(part)]
    return _join(words)


def _split_at_blanks(part: str) -> list[str]:
    pieces = part.split(" ")
    return [*(piece + " " for piece in pieces[:-1]), *([pieces[-1]] if pieces[-1] else [])]


def _join(words: Sequence[str]) -> list[str]:
    """Words that must stay together as one."""
    joined: list[str] = []
    for word in words:
        if joined and _clings(joined[-1], word):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _clings(before: str, after: str) -> bool:
    last, first = before[-1], after[0]
    if last == " ":
        return after[0] in NOT_FIRST
    is_word = last.isalnum() and first.isalnum() and not _is_japanese(last) and not _is_japanese(first)
    return first in NOT_FIRST or last in NOT_LAST or is_word or first == " " or (last in _PAIRS and first == last)


def _is_japanese(letter: str) -> bool:
    return _JAPANESE[0] <= letter <= _JAPANESE[1] or _JAPANESE[2] <= letter <= _JAPANESE[3]


def _fill(pen: _Pen, phrases: Sequence[str], size: int, width: float, *, may_break: bool) -> list[str] | None:
    """The lines of ``phrases``, or ``None`` where one of them is wider than a line and may not be broken."""
    lines = [""]
    for phrase in phrases:
        if pen.measure((lines[-1] + phrase).rstrip(), size) <= width:
            lines[-1] += phrase
        elif pen.measure(phrase.rstrip(), size) <= width:
            lines.append(phrase)
        elif not may_break:
            return None
        else:
            for part in _break(pen, phrase, size, width):
                if pen.measure((lines[-1] + part).rstrip(), size) <= width:
                    lines[-1] += part
                else:
                    lines.append(part)
    return [line.strip() for line in lines if line.strip()]


def _break(pen: _Pen, phrase: str, size: int, width: float) -> list[str]:
    """A phrase in letters, with those together that cling to each other; what is too wide even so in single ones."""
    return [
        piece for part in _join(list(phrase)) for piece in ([part] if pen.measure(part.rstrip(), size) <= width else list(part))
    ]


def _balance(pen: _Pen, phrases: Sequence[str], size: int, width: float, lines: list[str]) -> list[str]:
    """As many lines as before, as even as phrases allow: no word stands alone on the last."""
    low, high, best = width * 0.4, float(width), lines
    for _turn in range(7):
        middle = (low + high) / 2
        tried = _fill(pen, phrases, size, middle, may_break=False)
        if tried is not None and len(tried) <= len(lines):
            high, best = middle, tried
        else:
            low = middle
    return best


@lru_cache(maxsize=1)
def _parser() -> Any:
    return budoux.load_default_japanese_parser()
