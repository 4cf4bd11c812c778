"""What is changed in a page so that files can hold it: links to addresses with a query. Links are parsed, and changed whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape, unescape
from html.parser import HTMLParser
from itertools import accumulate
from urllib.parse import unquote, urljoin, urlsplit
from xml.parsers import expat

#: Attributes that hold one address.
_ADDRESSES = ("href", "src", "action", "poster")
_ATTRIBUTE = re.compile(r"""(?<=[\s"'])([a-zA-Z-]+)=("[^"]*"|'[^']*'|[^\s"'>]+)""")
#: What no page without such a link holds, so that most pages need not be parsed.
_SIGNS = ("?before=", "?from=", '"?"')
_MEDIA = re.compile(r"([0-9a-f]{2}/[0-9a-f]{16}/)((?:[\w.~-]|%[0-9A-Fa-f]{2}|\\u[0-9a-f]{4})+)")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")

#: From an address of this site with its query to the one that files have, or ``""`` for those that stay.
Translate = Callable[[str], str]


def rewrite_html(text: str, base: str, place: str, translate: Translate) -> str:
    """``text`` with its links of queries changed. ``base`` is the absolute address that it was asked at, ``place`` the one that
    files have it at: where the two differ, links relative to the first are made absolute."""
    is_moved = urlsplit(base).path != place
    if not is_moved and not any(sign in text for sign in _SIGNS):
        return text
    found = _Tags(text)
    parts, end = [], 0
    for start, tag in found.tags:
        parts += [text[end:start], _ATTRIBUTE.sub(lambda match: _rewrite(match, base, translate, is_moved=is_moved), tag)]
        end = start + len(tag)
    return "".join([*parts, text[end:]])


class _Tags(HTMLParser):
    """Where each start tag with an address stands in a text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.tags: list[tuple[int, str]] = []
        self.lines = [0, *accumulate(len(line) for line in text.split("\n"))]
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if any(name in _ADDRESSES for name, _value in attrs):
            line, column = self.getpos()
            # Each line before it ended with one character more than it has.
            self.tags.append((self.lines[line - 1] + line - 1 + column, self.get_starttag_text() or ""))


def _rewrite(match: re.Match[str], base: str, translate: Translate, *, is_moved: bool) -> str:
    name, quoted = match[1], match[2]
    written = unescape(quoted.strip("\"'"))
    if name.lower() not in _ADDRESSES or not written or written.startswith("#"):
        return match[0]
    scheme, host, path, query, fragment = urlsplit(urljoin(base, written))
    if (scheme, host) != urlsplit(base)[:2]:
        return match[0]
    # "?" alone leads to the page without its query; joined, it would be the page itself.
    target = path if written == "?" else translate(f"{path}?{query}" if query else path)
    is_relative = is_moved and not written.startswith("/") and not urlsplit(written).scheme
    if not target or (target == path and written != "?" and not is_relative):
        if not is_relative:
            return match[0]
        target = f"{path}?{query}" if query else path
    is_whole = written.startswith((f"{scheme}:", "//"))
    address = (f"{scheme}://{host}" if is_whole else "") + target + (f"#{fragment}" if fragment else "")
    return f'{name}="{escape(address)}"'


def rewrite_sitemap(data: bytes, site: str, translate: Translate) -> bytes:
    """The index of a sitemap with the files' own addresses in its ``<loc>``s. ``site`` is scheme and host."""
    found: list[tuple[int, int, str]] = []
    parser = expat.ParserCreate()
    parser.buffer_text = False
    inside: list[tuple[int, list[str]]] = []

    def begin(name: str, _attributes: dict[str, str]) -> None:
        if name == "loc":
            inside.append((data.index(b">", parser.CurrentByteIndex) + 1, []))

    def read(text: str) -> None:
        if inside:
            inside[-1][1].append(text)

    def end(name: str) -> None:
        if name == "loc":
            start, texts = inside.pop()
            found.append((start, parser.CurrentByteIndex, "".join(texts)))

    parser.StartElementHandler, parser.CharacterDataHandler, parser.EndElementHandler = begin, read, end
    parser.Parse(data, True)
    parts, done = [], 0
    for start, stop, address in found:
        target = translate(address.removeprefix(site)) if address.startswith(site + "/") and "?" in address else ""
        if target:
            parts += [data[done:start], escape(site + target).encode()]
            done = stop
    return b"".join([*parts, data[done:]])


def find_media(text: str) -> set[str]:
    """The names below ``MEDIA_ROOT`` that a page, a feed or a sheet of the site names, in whatever way it writes them."""
    names = set()
    for folder, name in _MEDIA.findall(text):
        plain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), name)
        names.add(folder + unquote(plain).rstrip("."))
    return names


def find_links(text: str, base: str) -> list[str]:
    """The addresses of this site with a query that a page links to, percent-encoded, without host, in their order."""
    if not any(sign in text for sign in _SIGNS[:2]):
        return []
    links: dict[str, None] = {}
    for _start, tag in _Tags(text).tags:
        for name, quoted in _ATTRIBUTE.findall(tag):
            scheme, host, path, query, _fragment = urlsplit(urljoin(base, unescape(quoted.strip("\"'"))))
            if name.lower() == "href" and query and (scheme, host) == urlsplit(base)[:2]:
                links[f"{path}?{query}"] = None
    return list(links)
