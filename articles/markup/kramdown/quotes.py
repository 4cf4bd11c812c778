"""Straight quotation marks to curly ones, by what stands before and after."""

from __future__ import annotations

import re

from articles.markup.kramdown.grammar import WORD, S

_OPENING = {'"': "“", "'": "‘"}
_CLOSING = {'"': "”", "'": "’"}
_SIGN = r"""[!"#$%'()*+,\-./:;<=>?@\[\\\]^_`{|}~]"""

#: In order; the first that matches decides. Group 1 is the text before the mark, group 2 the mark or marks.
_RULES: tuple[tuple[re.Pattern[str], dict[str, str]], ...] = (
    (re.compile(rf"()([\"'])(?=[_*]{{1,2}}(?!{S}).)"), _OPENING),
    (re.compile(rf"()([\"'])(?={_SIGN}(?!\.\.)\B)"), _CLOSING),
    (re.compile(rf"({S}?)(\"'|'\")(?={WORD})"), _OPENING),
    (re.compile(rf"({S}?)(')(?=[0-9][0-9]s)"), _CLOSING),
    (re.compile(rf"({S})([\"'])(?={WORD})"), _OPENING),
    (re.compile(r"([^ \\\t\r\n\[{(-])([\"'])"), _CLOSING),
    (re.compile(rf"()([\"'])(?={S}|s\b|\Z)"), _CLOSING),
    (re.compile(r"(.?)([\"'])", re.DOTALL), _OPENING),
)


def curl_quotes(text: str, start: int) -> tuple[str, str, int]:
    """The text before the marks, the curly marks and the position after them.

    ``start`` is the place of a straight mark, or of the one character before it that still counts as its context.
    """
    for pattern, marks in _RULES:
        match = pattern.match(text, start)
        if match is not None:
            return match[1], "".join(marks[mark] for mark in match[2]), match.end()
    raise ValueError(f"no quotation mark at {start}")
