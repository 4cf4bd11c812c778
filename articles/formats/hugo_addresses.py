"""Hugo's address rules: how a path, a slug and a permalink pattern become the address of a page.

Source of the rules: Hugo's documentation (URL management, Permalinks, Page bundles) and what Hugo 0.111 builds. All
functions are pure; addresses are decoded Unicode paths that begin with ``/``.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote, unquote_plus

PageKind = Literal["home", "section", "taxonomy", "term", "page"]

_ATTRIBUTE = re.compile(r":\w+(?:\[.+?\])?")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_PLAIN = re.compile(r"[A-Za-z0-9./\\_#+~@-]*")
_ALLOWED = frozenset("./\\_#+~@-")
# Parts of Go's reference time, by which its layouts (``:2006``, ``:Jan``) are written; longer ones first.
_GO_TOKEN = re.compile("January|Jan|Monday|Mon|2006|06|01|02|03|04|05|15|PM|1|2|3|4|5")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class PathRules:
    """``disablePathToLower`` and ``removePathAccents`` of a site."""

    keep_case: bool = False
    remove_accents: bool = False


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a permalink pattern may ask of a page. ``file_name`` is the folder's name for a leaf bundle."""

    title: str
    slug: str
    file_name: str
    section: str
    sections: Sequence[str]
    date: datetime | None
    section_slugs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a page stands. ``folder`` is its path in the content folder, ``""`` at the top; for a branch its own."""

    kind: PageKind
    folder: str
    base_name: str = ""
    url: str = ""
    expanded: str = ""
    prefix: str = ""
    is_ugly: bool = False


def clean_path(text: str, rules: PathRules) -> str:
    """``text`` as Hugo writes it in a path: blanks to hyphens, punctuation dropped, lower case unless disabled."""
    if rules.remove_accents and not text.isascii():
        text = _strip_accents(text)
    cleaned = text if _PLAIN.fullmatch(text) else _drop_punctuation(text)
    return cleaned if rules.keep_case else _lower(cleaned)


def _lower(text: str) -> str:
    """Lower case character by character, as Go has it: no final sigma, and İ is one letter afterwards too."""
    return text.lower() if text.isascii() else "".join("i" if char == "İ" else char.lower() for char in text)


def _strip_accents(text: str) -> str:
    plain = "".join(char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != "Mn")
    return unicodedata.normalize("NFC", plain)


def _drop_punctuation(text: str) -> str:
    kept: list[str] = []
    owes_hyphen = was_hyphen = False
    for position, char in enumerate(text):
        if _is_allowed(char) or (char == "%" and _ESCAPE.match(text, position)):
            was_hyphen = char == "-"
            if owes_hyphen and not was_hyphen:
                kept.append("-")
            owes_hyphen = False
            kept.append(char)
        elif kept and char.isspace() and not was_hyphen:
            owes_hyphen = True
    return "".join(kept)


@lru_cache(maxsize=8192)
def _is_allowed(char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char in _ALLOWED
    category = unicodedata.category(char)
    return category[0] in "LM" or category == "Nd"


def expand_permalink(pattern: str, facts: PageFacts, rules: PathRules) -> str:
    """``pattern`` with its tokens replaced; ``""`` where it names a token that Hugo does not know."""
    tokens = _ATTRIBUTE.findall(pattern.replace("\\:", "\0"))
    expanded = pattern.replace("\\:", "\0")
    for token in tokens:
        value = _expand_token(token[1:], facts, rules)
        if value is None:
            return ""
        expanded = expanded.replace(token, value, 1)
    # Hugo unescapes the finished pattern as a query, so a plus sign of a title becomes a blank and then a hyphen.
    return unquote_plus(expanded.replace("\0", ":"))


def _expand_token(name: str, facts: PageFacts, rules: PathRules) -> str | None:
    values = {
        "title": facts.title,
        "slug": facts.slug or facts.title,
        "slugorfilename": facts.slug or facts.file_name,
        "slugorcontentbasename": facts.slug or facts.file_name,
        "filename": facts.file_name,
        "contentbasename": facts.file_name,
    }
    if name in values:
        return clean_path(values[name], rules)
    if name.startswith("sections["):
        return posixpath.join("", *_slice_sections(facts.sections, name.removeprefix("sections")))
    if name in ("sectionslug", "sectionslugs"):
        slugs = facts.section_slugs[:1] if name == "sectionslug" else facts.section_slugs
        return posixpath.join("", *(clean_path(slug, rules) for slug in slugs))
    if name == "section":
        return facts.section
    return posixpath.join("", *facts.sections) if name == "sections" else _expand_date(name, facts.date)


def _slice_sections(sections: Sequence[str], cut: str) -> Sequence[str]:
    """``[1:]``, ``[:last]``, ``[0]`` and the like; out of range gives nothing, never an error."""
    low_text, colon, high_text = cut.strip("[] ").lower().partition(":")
    low = _read_index(low_text, len(sections), 0)
    if low >= len(sections):
        return ()
    if not colon:
        return sections[low : low + 1]
    return sections[low : _read_index(high_text, len(sections), len(sections))]


def _read_index(text: str, length: int, default: int) -> int:
    if not text:
        return default
    if text == "last":
        return length - 1
    return min(int(text), length) if text.isascii() and text.isdigit() else 0


def _expand_date(name: str, moment: datetime | None) -> str | None:
    """A date token, or a layout of Go's such as ``:2006``. A page without a date counts as 1 January of the year 1."""
    date = moment or datetime(1, 1, 1, tzinfo=UTC)
    values = {
        "year": str(date.year),
        "month": f"{date.month:02d}",
        "monthname": _MONTHS[date.month - 1],
        "day": f"{date.day:02d}",
        "weekday": str(date.isoweekday() % 7),
        "weekdayname": _WEEKDAYS[date.weekday()],
        "yearday": str(date.timetuple().tm_yday),
    }
    if name in values:
        return values[name]
    return _GO_TOKEN.sub(lambda part: _format_part(part.group(), date), name) if _GO_TOKEN.search(name) else None


def _format_part(part: str, date: datetime) -> str:
    """One part of a Go layout; English names whatever the locale of the process."""
    hour = (date.hour - 1) % 12 + 1
    values = {
        "January": _MONTHS[date.month - 1],
        "Jan": _MONTHS[date.month - 1][:3],
        "Monday": _WEEKDAYS[date.weekday()],
        "Mon": _WEEKDAYS[date.weekday()][:3],
        "2006": f"{date.year:04d}",
        "06": f"{date.year % 100:02d}",
        "01": f"{date.month:02d}",
        "1": str(date.month),
        "02": f"{date.day:02d}",
        "2": str(date.day),
        "15": f"{date.hour:02d}",
        "03": f"{hour:02d}",
        "3": str(hour),
        "04": f"{date.minute:02d}",
        "4": str(date.minute),
        "05": f"{date.second:02d}",
        "5": str(date.second),
        "PM": "AM" if date.hour < 12 else "PM",
    }
    return values[part]


def build_permalink(target: Target, rules: PathRules) -> str:
    """The address of a page below the site's base path."""
    if target.url and target.kind != "home":
        return _build_stated(target, rules)
    if target.expanded:
        path = _join(target.expanded)
    else:
        path = _join(target.folder, target.base_name if target.kind == "page" else "")
    path = _prefix(path, target.prefix)
    if target.kind == "page" and not target.expanded and target.base_name == "index":
        path = path.removesuffix("index").rstrip("/")
    # Home and the top folder are never ugly. The ending counts while the path is cleaned: a blank before it stays a hyphen.
    is_file = target.is_ugly and target.kind != "home" and path.strip("/") not in ("", target.prefix)
    return _collapse(clean_path(path.rstrip("/") + (".html" if is_file else "/"), rules))


def _build_stated(target: Target, rules: PathRules) -> str:
    """The address that ``url`` in the front matter states: a page's as written, a section's cleaned; relative ones below
    the language."""
    path = _join(target.url)
    if not target.url.startswith("/"):
        path = _prefix(path, target.prefix)
    is_file = "." in target.url and not target.url.endswith("/")
    path = unquote(path).rstrip("/") + ("" if is_file else "/")
    if target.kind != "page":
        path = _collapse(clean_path(path, rules))
    return path.removesuffix("index.html") if path.endswith("/index.html") else path


def _collapse(path: str) -> str:
    """A part of which nothing is left leaves no empty part behind."""
    return re.sub("//+", "/", path)


def build_resource_folder(permalink: str, *, is_stated: bool = False) -> str:
    """The folder, with a slash at the end, that holds the resources of the bundle at ``permalink``.

    Beside a file whose address the front matter states, below one that is ugly by configuration.
    """
    if permalink.endswith("/"):
        return permalink
    return posixpath.dirname(permalink).rstrip("/") + "/" if is_stated else permalink.removesuffix(".html") + "/"


def resolve_alias(alias: str, permalink: str, *, is_stated: bool = False, is_ugly: bool = False) -> str:
    """An alias as an address below the base path: relative ones start beside the page. ``""`` for one that leaves.

    ``is_stated`` where the front matter states the address; ``is_ugly`` where ``uglyURLs`` holds for the whole site:
    aliases are then files too.
    """
    path = alias.replace("\\", "/")
    if not path.startswith("/"):
        folder = build_resource_folder(permalink, is_stated=is_stated).rstrip("/")
        path = posixpath.join(posixpath.dirname(folder) or "/", path)
    parts = [part for part in path.split("/") if part not in ("", ".")]
    kept: list[str] = []
    for part in parts:
        if part != "..":
            kept.append(part)
        elif kept:
            kept.pop()
        else:
            return ""
    cleaned = "/" + "/".join(kept)
    if cleaned == "/" or cleaned.endswith(".html"):
        return cleaned
    return cleaned + (".html" if is_ugly else "/")


def match_path(pattern: str, path: str) -> bool:
    """Whether Hugo's glob ``pattern`` matches ``path``: ``*`` within a folder, ``**`` across, ``{a,b}``, ``?``."""
    return _compile_glob(pattern.lower()).fullmatch(path.lower()) is not None


def _compile_glob(pattern: str) -> re.Pattern[str]:
    out: list[str] = []
    depth = position = 0
    while position < len(pattern):
        char = pattern[position]
        if pattern.startswith("**", position):
            out.append(".*")
            position += 1
        elif char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "{":
            depth += 1
            out.append("(?:")
        elif char == "}" and depth:
            depth -= 1
            out.append(")")
        elif char == "," and depth:
            out.append("|")
        else:
            out.append(re.escape(char))
        position += 1
    return re.compile("".join(out) + ")" * depth)


def titleise(name: str) -> str:
    """What Hugo calls a section without a file: ``my-news`` is "My News" (plural, as ``pluralizeListTitles`` has it)."""
    words = re.split(r"([\s_-]+)", name.strip())
    return "".join(" " if index % 2 else word[:1].upper() + word[1:] for index, word in enumerate(words)).strip()


def _join(*parts: str) -> str:
    joined = posixpath.normpath("/" + "/".join(part.strip("/") for part in parts if part))
    return "/" + joined.strip("/")


def _prefix(path: str, prefix: str) -> str:
    return _join(prefix, path) + ("/" if path.endswith("/") and path != "/" else "") if prefix else path
