"""Colours of the site: contrast as WCAG 2 measures it, the nearest colour that can be read, and the style sheet. Pure.

A scheme (light or dark) has two colours of its own, paper and accent; the rest of ``static/css/tokens.css`` follows from
them or stays. Text is held against every surface that the sheets put under it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

LEAST: Final = 4.5
"""Contrast of text and ground that WCAG 2 (AA) asks for."""

_COLOUR = re.compile("#[0-9a-f]{6}")
_STEPS = 400


@dataclass(frozen=True, slots=True)
class Scheme:
    """One of the two: colours as ``#rrggbb``. ``inks`` are those of texts and links besides the accent."""

    paper: str
    accent: str
    ink: str
    inks: tuple[str, ...]
    sheet: str
    wash: str
    soft: str
    rule: str


#: As static/css/tokens.css has them; a test compares the two.
DEFAULTS: Final[Mapping[str, Scheme]] = MappingProxyType(
    {
        "light": Scheme(
            paper="#faf8f3",
            accent="#b3261e",
            ink="#1b1916",
            inks=("#1b1916", "#5b564d", "#6b655c", "#1f3a5f"),
            sheet="#fffefb",
            wash="#efebe1",
            soft="#f7e6e1",
            rule="#d9d3c6",
        ),
        "dark": Scheme(
            paper="#14130f",
            accent="#ff8a7a",
            ink="#ece7db",
            inks=("#ece7db", "#b3ab9b", "#a0978a", "#9cc0f0"),
            sheet="#1c1a16",
            wash="#28251f",
            soft="#3a1f1b",
            rule="#39352d",
        ),
    }
)
_WHITE, _BLACK = "#ffffff", "#000000"


@dataclass(frozen=True, slots=True)
class Fault:
    """A colour that cannot be read: the lowest ``ratio``, ``against`` which colour, and the ``nearest`` that can."""

    ratio: float
    against: str
    nearest: str


def is_colour(text: str) -> bool:
    """Whether a text is a colour as this module takes it: ``#rrggbb`` in small letters."""
    return _COLOUR.fullmatch(text) is not None


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def make_scheme(name: str, paper: str = "", accent: str = "") -> Scheme:
    """The scheme ``light`` or ``dark`` with a paper and an accent; empty ones are the product's own."""
    base = DEFAULTS[name]
    if not paper and not accent:
        return base
    ground, shu = paper or base.paper, accent or base.accent
    return Scheme(
        paper=ground,
        accent=shu,
        ink=base.ink,
        inks=base.inks,
        sheet=_mix(ground, _WHITE, 0.6 if name == "light" else 0.03) if paper else base.sheet,
        wash=_mix(ground, base.ink, 0.05) if paper else base.wash,
        soft=_mix(ground, shu, 0.1),
        rule=_mix(ground, base.ink, 0.17) if paper else base.rule,
    )


def find_paper_fault(name: str, paper: str) -> Fault | None:
    """What is wrong with a paper under the site's own texts, if anything."""
    reached, against = _worst_ink(name, paper)
    if reached >= LEAST:
        return None
    return Fault(reached, against, _nearest(paper, lambda colour: _worst_ink(name, colour)[0] >= LEAST))


def find_accent_fault(name: str, accent: str, paper: str = "") -> Fault | None:
    """What is wrong with an accent on that paper and on the surfaces that are made of both, if anything."""
    reached, against = _worst_ground(name, paper, accent)
    if reached >= LEAST:
        return None
    return Fault(reached, against, _nearest(accent, lambda colour: _worst_ground(name, paper, colour)[0] >= LEAST))


def write_sheet(light: Scheme, dark: Scheme) -> str:
    """The style sheet that puts the two schemes in the place of the product's own.

    Not for paper, and not where somebody asks for more contrast: there the rules of ``tokens.css`` stay.
    """
    names = {"paper": "paper", "sheet": "sheet", "rule": "rule", "shu": "accent", "shu-soft": "soft", "wash": "wash"}
    lines = [f"--{name}: light-dark({getattr(light, key)}, {getattr(dark, key)});" for name, key in names.items()]
    # "not" with a bare condition is younger than light-dark(): nested, every browser reads it.
    return "@media screen { @media not all and (prefers-contrast: more) {\n:root { " + " ".join(lines) + " }\n} }\n"


def _worst_ink(name: str, paper: str) -> tuple[float, str]:
    """The lowest contrast of a text of the site on that paper and on what is made of it, and the text's colour."""
    scheme = make_scheme(name, paper)
    return min((contrast(ink, ground), ink) for ink in scheme.inks for ground in (scheme.paper, scheme.sheet, scheme.wash))


def _worst_ground(name: str, paper: str, accent: str) -> tuple[float, str]:
    """The lowest contrast of an accent on a surface that is made of it and the paper, and that surface."""
    scheme = make_scheme(name, paper, accent)
    return min((contrast(accent, ground), ground) for ground in (scheme.paper, scheme.sheet, scheme.wash, scheme.soft))


def _nearest(colour: str, holds: Callable[[str], bool]) -> str:
    """The colour that ``holds`` with the least black or white mixed in; black or white where none before does."""
    for step in range(1, _STEPS + 1):
        for end in (_BLACK, _WHITE):
            candidate = _mix(colour, end, step / _STEPS)
            if holds(candidate):
                return candidate
    return ""


def _mix(one: str, other: str, share: float) -> str:
    """``one`` with ``share`` (0 to 1) of ``other`` in it."""
    parts = (round(first + (second - first) * share) for first, second in zip(_parts(one), _parts(other), strict=True))
    return "#" + "".join(f"{part:02x}" for part in parts)


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
