"""What the texts of a site print by name: ``{{ site.title }}`` and ``{{ page.venue }}`` of Jekyll, ``{{ venue }}`` of Hexo,
Hugo's ``param``.

A value is a text, a number or a truth value, by its dotted name (``page.author.name``), as its generator prints it. What is
there and cannot be printed surely, a date or a list for one, is ``None``: template code that names it stays as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from articles.findings import RefusedFile
from articles.formats import frontmatter
from articles.formats.document import SourceText
from articles.formats.frontmatter import Scalar, as_bool

MAX_VALUES = 2000
MAX_LENGTH = 1000
MAX_DEPTH = 4

#: Features of texts that print values, and how one begins that does.
_PRINTING = {
    "liquid": re.compile(r"\{\{-?\s*(?:site|page)\."),
    "shortcodes": re.compile(r"\{\{[<%]\s*param\b"),
    "hexo_tags": re.compile(r"\{\{-?\s*[a-zA-Z_]"),
}
_NAMED_BY_LIQUID = re.compile(r"\{\{-?\s*(site(?:\.[\w-]+?)+)\s*-?\}\}", re.ASCII)
_NAMED_BY_PARAM = re.compile(r"""\{\{[<%]\s*param\s+["'`]?([\w.-]+)["'`]?\s*[>%]\}\}""", re.ASCII)
_SIXTIES = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_SHORT_FLOAT = re.compile(r"[-+]?[0-9]{1,15}\.[0-9]{1,15}")
_BASES = (("0x", 16), ("0b", 2), ("0o", 8), ("0", 8))
# A configuration names them for programs, and whoever writes a text at the desk is not meant to read them there.
_SECRET = re.compile(
    r"pass(?:word|wd|phrase)?\b|secret|token|credential|private|api_?key|(?:^|[._-])(?:key|auth|deploy)(?:[._-]|$)", re.I
)

Values = dict[str, str | None]


def flatten_values(settings: Mapping[str, Any], prefix: str = "", *, is_hugo: bool = False) -> Values:
    """The values of a parsed mapping by their dotted names, those of the top level first, at most :data:`MAX_VALUES`.

    ``is_hugo``: names are in small letters, as Hugo knows no difference, and numbers as Go prints them.
    """
    found: Values = {}
    for name, value in _walk(settings, prefix, MAX_DEPTH, is_hugo=is_hugo):
        if len(found) == MAX_VALUES:
            break
        found.setdefault(name.lower() if is_hugo else name, value)
    return found


def _walk(settings: Mapping[str, Any], prefix: str, depth: int, *, is_hugo: bool) -> Iterator[tuple[str, str | None]]:
    for key, value in settings.items():
        # A dot in a key is none of a path, for every generator.
        if "." not in key:
            yield f"{prefix}{key}", _spell(value, is_hugo=is_hugo)
    for key, value in settings.items():
        if isinstance(value, Mapping) and depth > 1 and "." not in key:
            yield from _walk(value, f"{prefix}{key}.", depth - 1, is_hugo=is_hugo)


def _spell(value: Any, *, is_hugo: bool) -> str | None:
    """How Liquid, or Hugo's ``param``, prints a value; ``None`` for one of which that is not sure."""
    if not isinstance(value, Scalar) or len(value) > MAX_LENGTH:
        return None
    match value.kind:
        case "str":
            return None if not is_hugo and not value.quoted and _SIXTIES.fullmatch(value) else str(value)
        case "bool":
            return "true" if as_bool(value) else "false"
        case "null":
            return None if is_hugo else ""
        case "int":
            return _spell_int(value)
        case "float":
            return _spell_float(value, is_hugo=is_hugo)
    return None


def _spell_int(text: str) -> str | None:
    sign, digits = ("-" if text[0] == "-" else ""), text.lstrip("+-").replace("_", "").lower()
    base = next((base for mark, base in _BASES if digits.startswith(mark) and digits != mark), 10)
    try:
        return f"{sign}{int(digits.removeprefix('0x').removeprefix('0b').removeprefix('0o'), base)}"
    except ValueError:
        return None


def _spell_float(text: str, *, is_hugo: bool) -> str | None:
    if not _SHORT_FLOAT.fullmatch(text):
        return None
    shown = repr(float(text))
    return None if "e" in shown else shown.removesuffix(".0") if is_hugo else shown


def site_values(settings: Mapping[str, Any], *, is_hugo: bool = False) -> dict[str, str]:
    """The values of a configuration as texts may print them: no secrets, and nothing that cannot be printed."""
    found = flatten_values(settings, "site.", is_hugo=is_hugo)
    return {name: value for name, value in found.items() if value is not None and not _SECRET.search(name)}


def values_of(source: SourceText, features: frozenset[str], site: Mapping[str, str]) -> Values:
    """The values that the body of a text may print; none where it prints nothing. ``site`` holds those of its site."""
    if not any(begins.search(source.body) for feature, begins in _PRINTING.items() if feature in features):
        return {}
    try:
        head = frontmatter.parse(source.head, source.format)
    except RefusedFile:
        # Said where the file was read; what it holds is not known.
        head = {}
    return {**site, **flatten_values(head, "page.", is_hugo="shortcodes" in features)}


def names_in(body: str) -> set[str]:
    """The names of values of the site that a text prints."""
    named = set(_NAMED_BY_LIQUID.findall(body))
    return named | {f"site.params.{name.lower()}" for name in _NAMED_BY_PARAM.findall(body)}
