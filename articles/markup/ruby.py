"""Ruby (furigana) in the two spellings of Japanese writers: ``{漢字|かん|じ}`` and ``｜漢字《かんじ》``."""

from __future__ import annotations

import re

_CJK = "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_BRACES = re.compile(r"\{([^{}|<>\n&]{1,40})((?:\|[^{}|<>\n&]{1,40}){1,40})\}")
_AOZORA = re.compile(r"[｜|]([^｜|《》<>\n]{1,60})《([^《》<>\n]{1,60})》")
_HAS_CJK = re.compile(f"[{_CJK}]")


def may_hold_ruby(text: str) -> bool:
    """Whether looking closer can be worth it."""
    return "《" in text or ("{" in text and "|" in text)


def to_html(text: str) -> str:
    """``text`` (escaped HTML text without code) with its ruby as ``<ruby>``."""
    return _AOZORA.sub(lambda match: _ruby([match[1]], [match[2]]), _BRACES.sub(_replace_braces, text))


def _replace_braces(match: re.Match[str]) -> str:
    base, readings = match[1], match[2][1:].split("|")
    if not _HAS_CJK.search(base):
        return match[0]
    if len(readings) == 1:
        return _ruby([base], readings)
    return _ruby(list(base), readings) if len(base) == len(readings) else match[0]


def _ruby(bases: list[str], readings: list[str]) -> str:
    parts = (f"{base}<rp>（</rp><rt>{reading}</rt><rp>）</rp>" for base, reading in zip(bases, readings, strict=True))
    return f"<ruby>{''.join(parts)}</ruby>"
