"""Writes a whole block of front matter anew, for files that had none in this form.

``editing`` changes one key of a text and proves it by parsing twice; for a block of twenty keys that would take longer
than everything else. Here each value is spelled by rules that YAML 1.1 and 1.2 readers (libyaml, Psych, go-yaml) share.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime

from articles.formats.frontmatter.editing import NewValue
from articles.formats.frontmatter.values import Scalar

# Letters and digits of any script with single blanks between them, and marks that mean nothing to YAML inside a word.
_SAFE = re.compile(r"[^\W_][\w.+/()、。・「」『』！？　-]*(?: [\w.+/(「『][\w.+/()、。・「」『』！？　-]*)*\Z")
_SAFE_KEY = re.compile(r"[^\W\d][\w-]*\Z")
_OLD_BOOLS = frozenset("yYnN")  # booleans to YAML 1.1 by the letter, though few readers go so far
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\x85": "\\N", "\u2028": "\\L", "\u2029": "\\P"}
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_TO_ESCAPE = re.compile('[\\\\"\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]')


def dump(values: Mapping[str, NewValue]) -> str:
    """A YAML block with its delimiters; ``""`` where there is nothing to say. Keys keep their order.

    Texts stay texts to every reader (``no``, ``2026``, ``1e3`` and ``2025-11-25`` are quoted), aware times are written
    with their offset. A :class:`Scalar` that stood without quotes is no text but what it reads as, and is written so.
    Lists stand in one line, mappings one key to a line.
    """
    if not values:
        return ""
    return "---\n" + "".join(_entry(key, value, "") for key, value in values.items()) + "---\n"


def _entry(key: str, value: NewValue, indent: str) -> str:
    name = key if _SAFE_KEY.match(key) and _is_text(key) else _quote(key)
    if isinstance(value, Mapping) and value:
        inner = "".join(_entry(inner_key, item, indent + "  ") for inner_key, item in value.items())
        return f"{indent}{name}:\n{inner}"
    if isinstance(value, str) and "\n" in value and (literal := _literal(str(value), indent + "  ")):
        return f"{indent}{name}: {literal}"
    return f"{indent}{name}: {_flow(value)}".rstrip() + "\n"


def _literal(text: str, indent: str) -> str:
    """The text in lines of its own, or ``""`` where that would not give the same text back."""
    body = text.removesuffix("\n")
    if not body or body.endswith("\n") or body[0] in " \n\t" or _UNPRINTABLE.search(body):
        return ""
    chomp = "" if text.endswith("\n") else "-"
    return f"|{chomp}\n" + "".join(f"{indent}{line}\n" if line else "\n" for line in body.split("\n"))


def _flow(value: NewValue) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        pairs = (f"{_text(str(key))}: {_flow(item) or 'null'}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return str(value)
    return "[" + ", ".join(_flow(item) or "null" for item in value) + "]"


def _text(text: str) -> str:
    if isinstance(text, Scalar) and not text.quoted and text.kind not in ("str", "null"):
        return str(text)
    if isinstance(text, Scalar) and text.kind == "null" and not text.quoted:
        return "null"
    return str(text) if _SAFE.match(text) and _is_text(text) else _quote(text)


def _is_text(text: str) -> bool:
    return Scalar(str(text)).kind == "str" and text not in _OLD_BOOLS


def _quote(text: str) -> str:
    return '"' + _TO_ESCAPE.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
