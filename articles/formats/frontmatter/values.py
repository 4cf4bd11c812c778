"""What a front matter value is: its text as written, and the readings that dialects ask for."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, TypeAlias, Union
from zoneinfo import ZoneInfo

from articles.formats import dates

Kind = Literal["str", "bool", "int", "float", "null", "date"]

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "yes", "on", "1", "y", "t"))
_FALSE = frozenset(("false", "no", "off", "0", "n", "f"))
# The words and numbers of YAML 1.1 as Psych (Jekyll, Hexo) and go-yaml (Hugo) resolve them.
_BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)\Z")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9_]*|0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+)\Z")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9_]+|[0-9][0-9_]*(?=[eE]))(?:[eE][-+]?[0-9]+)?\Z"
    r"|[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z"
)
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]*)?)?[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?)?)?\Z"
)
_DECIMAL = re.compile(r"[-+]?[0-9][0-9_]{0,17}(?:\.0*)?\Z")


class Scalar(str):
    """One value as its file writes it: always text, so that ``no``, ``1.10`` and ``2026`` stay what they are.

    ``kind`` is what a generator would make of it, ``quoted`` whether the file puts it in quotes (or its format has
    no plain text), ``line`` its line in the whole file (0 where the format does not say).
    """

    __slots__ = ("_kind", "line", "quoted")

    _kind: Kind | Literal[""]
    quoted: bool
    line: int

    def __new__(cls, text: str, kind: Kind | Literal[""] = "", quoted: bool = False, line: int = 0) -> Scalar:
        self = str.__new__(cls, text)
        self._kind = kind
        self.quoted = quoted
        self.line = line
        return self

    @property
    def kind(self) -> Kind:
        """Resolved when asked: most values are only ever read as text."""
        if self._kind:
            return self._kind
        return "str" if self.quoted else resolve_kind(str(self))

    def __reduce__(self) -> tuple[type[Scalar], tuple[str, str, bool, int]]:
        return (Scalar, (str(self), self._kind, self.quoted, self.line))


Value: TypeAlias = Union[Scalar, list["Value"], dict[str, "Value"]]  # noqa: UP007


def resolve_kind(text: str) -> Kind:
    """The kind of a plain (unquoted) YAML scalar, by YAML 1.1's rules."""
    if text in _NULLS:
        return "null"
    first = text[0]
    if first in "tTfFyYnNoO":
        return "bool" if _BOOL.match(text) else "str"
    if first in "0123456789+-.":
        if _INT.match(text):
            return "int"
        if _FLOAT.match(text):
            return "float"
        if _DATE.match(text):
            return "date"
    return "str"


def as_text(value: Value | None, *, null: str | None = "") -> str:
    """The value as text, blanks around it removed; ``""`` for a key that is missing or empty.

    Words keep their spelling: ``no`` is "no", ``1.10`` is "1.10". ``null`` is what a null reads as; ``None`` means the
    word as written (a title ``null`` is then "null", while ``~`` and nothing at all stay ""). A list or mapping reads
    as its flow text, ``[[X]]`` or ``{a: b}``, never as Python's.
    """
    if value is None:
        return null or ""
    if isinstance(value, str):
        if not is_null(value):
            return value.strip()
        if null is None:
            return "" if value == "~" else value.strip()
        return null
    return _spell_flow(value) if value else ""


def as_bool(value: Value | None) -> bool | None:
    """``true``/``yes``/``on``/``1`` and their opposites in any case, quoted or not; ``None`` for anything else."""
    if not isinstance(value, str):
        return None
    word = value.strip().lower()
    if word in _TRUE:
        return True
    return False if word in _FALSE else None


def as_int(value: Value | None) -> int | None:
    """A whole decimal number of up to 18 digits, quoted or not; ``None`` for anything else."""
    if not isinstance(value, str) or not _DECIMAL.match(value.strip()):
        return None
    return int(value.strip().split(".")[0].replace("_", ""))


def as_list(value: Value | None, *, split: Callable[[str], list[str]] | None = None) -> list[str]:
    """The value as a list of texts. Nulls and empty texts are left out.

    One text is one item, or what ``split`` makes of it. An item that YAML took for a mapping (``- C++: a tour``) reads
    as it is written, an Obsidian link as ``[[X]]``. A mapping itself is no list: ``[]``. In a list the word ``null``
    is a name like any other; ``~`` and nothing are nulls.
    """
    if isinstance(value, dict) or value is None:
        return []
    if isinstance(value, list) and not is_wikilink(value):
        texts = [_spell_item(item) for item in value]
    elif isinstance(value, str) and is_null(value):
        texts = []
    else:
        text = as_text(value)
        texts = split(text) if split is not None and isinstance(value, str) else [text]
    return [text for text in texts if text]


def as_date(value: Value | None, zone: ZoneInfo) -> datetime | None:
    """The instant that the value names, or ``None`` if it is missing or null.

    Raises :class:`articles.formats.dates.BadDate` (see :func:`articles.formats.dates.parse_date`).
    """
    return dates.parse_date(as_text(value), zone)


def as_plain(value: Value) -> Any:
    """The value as JSON has it: text, ``True``/``False``, numbers, ``None``, lists and mappings.

    A number that JSON would not give back (over 18 digits, infinity, ``1.10`` as a version) stays text.
    """
    if isinstance(value, dict):
        return {key: as_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_plain(item) for item in value]
    if value.kind == "null":
        return None
    if value.kind == "bool":
        return as_bool(value)
    if value.kind == "int" and str(as_int(value)) == value:
        return as_int(value)
    if value.kind == "float" and re.fullmatch(r"-?[0-9]{1,15}\.[0-9]{1,15}", value) and str(float(value)) == value:
        return float(value)
    return str(value)


def is_null(value: Value) -> bool:
    """Whether the value is YAML's null, in any spelling, or empty."""
    return (isinstance(value, Scalar) and value.kind == "null") or value == ""


def is_wikilink(value: Value) -> bool:
    """Whether a list is what YAML makes of Obsidian's unquoted ``[[X]]``."""
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], list) and _is_flat(value[0])


def _is_flat(items: list[Value]) -> bool:
    return bool(items) and all(isinstance(item, str) for item in items)


def _spell_item(item: Value) -> str:
    if isinstance(item, dict) and len(item) == 1:
        return _spell_flow(item)[1:-1]
    return as_text(item, null=None)


def _spell_flow(value: Value) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_spell_flow(item) for item in value) + "]"
    return "{" + ", ".join(f"{key}: {_spell_flow(item)}".rstrip() for key, item in value.items()) + "}"
