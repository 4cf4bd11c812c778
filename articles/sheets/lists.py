"""Several names in one cell or on one line: written so that they are read back, whatever the names hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from articles.formats.terms import identity

LINK_SCHEMES = ("http", "https", "mailto")
_QUOTED = r'"((?:[^"]|"")*)"[^\S\r\n]*'
_NAME = re.compile(rf"\s*(?:{_QUOTED}(?=[、，,\r\n]|\Z)|([^、，,\r\n]*))(?:[、，,\r\n]|\Z)")
_WORD = re.compile(rf"\s*(?:{_QUOTED}(?=[、，,\u3000\r\n]|\Z)|([^、，,\u3000\r\n]*))(?:[、，,\u3000\r\n]|\Z)")
_LEVEL = re.compile(rf"\s*(?:{_QUOTED}(?=[>＞、，,\r\n]|\Z)|([^>＞、，,\r\n]*))([>＞、，,\r\n]|\Z)")
_NEEDS_QUOTES = re.compile(r'[、，,\u3000\r\n]|\A["\s]|\s\Z')
_LEVEL_NEEDS_QUOTES = re.compile(r'[>＞、，,\u3000\r\n]|\A["\s]|\s\Z')


def join_names(names: Iterable[str]) -> str:
    """Names as one line that :func:`split_names` reads back, as ``AI、編集、"Smith, Jones"``."""
    return "、".join(_quote(name, _NEEDS_QUOTES) for name in names)


def split_names(text: str, *, at_blanks: bool = True) -> list[str]:
    """The names in a line, each identity once in its first spelling: those in quotes whole, the rest at ``、`` ``，`` ``,``.

    A full-width space separates too, as it does where tags are typed; not ``at_blanks=False``, for people's names, which
    hold one. Inside quotes a quote is written twice. Quotes anywhere but around a whole name belong to the name.
    """
    names: dict[str, str] = {}
    for quoted, bare in _split(text, _WORD if at_blanks else _NAME):
        name = _unquote(quoted) if quoted is not None else bare.strip()
        if key := identity(name):
            names.setdefault(key, name)
    return list(names.values())


def join_paths(paths: Iterable[Sequence[str]]) -> str:
    """Places in a tree as one line that :func:`split_paths` reads back, as ``技術 > AI、くらし``."""
    return "、".join(" > ".join(_quote(name, _LEVEL_NEEDS_QUOTES) for name in path) for path in paths)


def split_paths(text: str) -> list[tuple[str, ...]]:
    """The places in a tree that a line names, each once: levels at ``>``, places at ``、`` ``，`` ``,`` and line ends."""
    paths: dict[tuple[str, ...], tuple[str, ...]] = {}
    levels: list[str] = []
    at = 0
    while at <= len(text):
        found = _LEVEL.match(text, at)
        if found is None:
            break
        name = _unquote(found[1]) if found[1] is not None else found[2].strip()
        if identity(name):
            levels.append(name)
        if found[3] not in (">", "＞"):
            if levels:
                paths.setdefault(tuple(map(identity, levels)), tuple(levels))
            levels = []
        if found.end() == at or not found[3]:
            break
        at = found.end()
    return list(paths.values())


def join_links(links: Iterable[dict[str, str]]) -> str:
    """Links as lines of a label, a blank and an address, which :func:`split_links` reads back."""
    return "\n".join(f"{link.get('label', '')} {link.get('url', '')}".strip() for link in links)


def split_links(text: str) -> list[dict[str, str]]:
    """One ``{"label", "url"}`` per line. Raises ValueError with the line that ends in no address of the web or of mail."""
    links = []
    for line in re.split(r"[\r\n]+", text):
        if not line.strip():
            continue
        label, _blank, url = line.strip().rpartition(" ")
        try:
            scheme = urlsplit(url).scheme
        except ValueError:
            scheme = ""
        if scheme not in LINK_SCHEMES:
            raise ValueError(line.strip())
        links.append({"label": label.strip() or url, "url": url})
    return links


def _quote(name: str, needs_quotes: re.Pattern[str]) -> str:
    return '"' + name.replace('"', '""') + '"' if needs_quotes.search(name) else name


def _unquote(quoted: str) -> str:
    return quoted.replace('""', '"')


def _split(text: str, item: re.Pattern[str]) -> Iterable[tuple[str | None, str]]:
    at = 0
    while at < len(text) and (found := item.match(text, at)) is not None and found.end() > at:
        yield found[1], found[2] or ""
        at = found.end()
