"""Goldmark's attribute lists: ``{#id .class key="value"}`` at the end of a heading, or on a line of its own after a block.

They are taken out before the engine reads the text, which knows no such lists, and come back with its HTML. Source of the
rules: goldmark's ``ParseAttributes`` and Hugo's extension for blocks, compared with Hugo 0.111.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Literal

from articles.markup.page import CLOSE, OPEN, Page, merge_attributes, read_attributes, start_tag
from articles.markup.source import CodeMap

# Characters of an id or a class: all but blanks and ASCII punctuation, of which four are allowed. Nothing here backtracks.
_NAME = r"[^\s!-,/;-@\[-^`{-~]*+"
_KEY = r"[A-Za-z_:][A-Za-z0-9_:.-]*+"
_VALUE = rf'"(?:[^"\\\n]|\\.)*+"|[+-]?[0-9][0-9.eE+-]*+|{_KEY}|\[[^\[\]{{}}\n]*+\]'
_ITEM = rf"[#.]{_NAME}|{_KEY}[ \t]*+=[ \t]*+(?:{_VALUE})"
_LIST = rf"\{{\s*+(?:(?:{_ITEM})\s*+,?+\s*+)*+\}}"
_READ_ITEM = re.compile(rf"(?P<sign>[#.])(?P<name>{_NAME})|(?P<key>{_KEY})[ \t]*+=[ \t]*+(?P<value>{_VALUE})")
_ESCAPED = re.compile(r"\\(.)")

_PREFIX = r"[ \t>]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)*+"
_LIST_AT_END = re.compile(rf"(?<!\\)({_LIST})(?=[ \t]*+#*+[ \t]*+$)", re.M)
_ATX = re.compile(rf"{_PREFIX}#{{1,6}}(?![^ \t\n{{])")
_UNDERLINE = re.compile(r"[ \t]*+\n[ \t>]{0,12}+(?:=++|-++)[ \t]*+$", re.M)
_LINE = re.compile(rf"^(?P<start>{_PREFIX})(?P<lists>(?:{_LIST}[ \t]*+)++)$", re.M)
_ONE_LIST = re.compile(_LIST)
_NOTHING = re.compile(r"[ \t>]*+")

_HTML_ONLY = re.compile(r"<(?:div|details|section|figure)\b")
_HELD = re.compile(rf"(?:{OPEN}[0-9]+{CLOSE}\s*)+")
_ESCAPED_MARK = re.compile(f"&lt;!--{OPEN}([0-9]+){CLOSE}--&gt;")
_TOKEN = re.compile(
    rf"<(?P<close>/?)(?P<tag>p|h[1-6]|[uo]l|li|blockquote|table|dl|dt|dd|pre|div|details|section|figure|hr)(?=[\s/>])[^<>]*>"
    rf"|<!--{OPEN}(?P<mark>[0-9]+){CLOSE}-->\n?",
)
# In these a list with nothing before it belongs to nothing; elsewhere it stands in an author's HTML and is text.
_CONTAINERS = frozenset({"", "li", "dd", "blockquote"})


def read_list(written: str) -> dict[str, str]:
    """The attributes that ``{…}`` states. Classes add up; of another name the last counts, as in goldmark."""
    found: dict[str, str] = {}
    for item in _READ_ITEM.finditer(written[1:-1]):
        if item["sign"]:
            name, value = ("id" if item["sign"] == "#" else "class"), item["name"]
        else:
            name, value = item["key"].lower(), item["value"]
            value = _ESCAPED.sub(r"\1", value[1:-1]) if value[0] == '"' else value
        found[name] = f"{found['class']} {value}" if name == "class" and "class" in found else value
    return found


def hold(page: Page, text: str) -> str:
    """``text`` with its attribute lists held back: those of headings, and where the feature is on those of blocks."""
    features = page.features
    if "{" not in text or not features & {"attributes", "block_attributes"}:
        return text
    if "attributes" in features:
        code, whole = CodeMap(text), text
        text = _LIST_AT_END.sub(lambda match: _hold_in_heading(page, match, code, whole), text)
    if "block_attributes" in features:
        code, whole = CodeMap(text), text
        text = _LINE.sub(lambda match: _hold_line(page, match, code, whole), text)
    return text


def _hold_in_heading(page: Page, match: re.Match[str], code: CodeMap, text: str) -> str:
    written = match[1]
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    is_heading = _ATX.match(before) or (not _NOTHING.fullmatch(before) and _UNDERLINE.match(text, match.end()))
    if not is_heading or "\n" in written or code.region_at(match.start()):
        return written
    return page.hold(escape(written, quote=False), text=written, attributes=read_list(written))


def _hold_line(page: Page, match: re.Match[str], code: CodeMap, text: str) -> str:
    if code.region_at(match.start("lists")):
        return match[0]
    # Only the first of several lists on a line counts.
    first = _ONE_LIST.match(match["lists"])
    attributes = read_list(first[0]) if first and not _follows_blank(match, text) else {}
    held = page.hold(escape(match["lists"], quote=False), text=match["lists"], attributes=attributes)
    return f"{match['start']}<!--{held}-->"


def _follows_blank(match: re.Match[str], text: str) -> bool:
    """Whether nothing, or a blank line, stands before: such a list belongs to nothing."""
    at = match.start()
    if not at:
        return True
    above = text[text.rfind("\n", 0, at - 1) + 1 : at - 1]
    return _NOTHING.fullmatch(above) is not None


def attach(page: Page, html: str) -> str:
    """Gives the lists that :func:`hold` marked as lines to the blocks before them; others become text again. Linear."""
    if f"<!--{OPEN}" in html:
        html = _Attacher(page, html).run()
    if f"&lt;!--{OPEN}" in html:
        html = _ESCAPED_MARK.sub(lambda match: page.held_at(match[1]).html, html)
    return html


@dataclass(slots=True)
class _Frame:
    """An open element: where it begins, where its last finished child begins (-1: none), and what stands since then."""

    tag: str
    start: int
    child: int = -1
    since: Literal["", "text", "held"] = ""


class _Attacher:
    """One pass over an engine's HTML. ``pieces`` is the output, in which start tags are written anew."""

    def __init__(self, page: Page, html: str) -> None:
        self.page, self.html = page, html
        self.pieces: list[str] = []
        self.frames = [_Frame("", 0)]
        self.open: Counter[str] = Counter()

    def run(self) -> str:
        at = 0
        for token in _TOKEN.finditer(self.html):
            self.take_text(self.html[at : token.start()])
            at = token.end()
            if token["mark"]:
                self.take_mark(token)
            else:
                self.pieces.append(token[0])
                self.take_tag(token["tag"], is_end=bool(token["close"]))
        return "".join(self.pieces) + self.html[at:]

    def take_text(self, text: str) -> None:
        self.pieces.append(text)
        if stripped := text.strip():
            self.frames[-1].since = "held" if _HELD.fullmatch(stripped) else "text"

    def take_tag(self, tag: str, *, is_end: bool) -> None:
        start = len(self.pieces) - 1
        if not is_end and tag != "hr":
            self.frames.append(_Frame(tag, start))
            self.open[tag] += 1
            return
        if is_end:
            if not self.open[tag]:
                return
            while True:
                frame = self.frames.pop()
                self.open[frame.tag] -= 1
                if frame.tag == tag:
                    break
            start = frame.start
        self.frames[-1].child, self.frames[-1].since = start, ""

    def take_mark(self, token: re.Match[str]) -> None:
        frame, held = self.frames[-1], self.page.held_at(token["mark"])
        if self.is_in_html(frame):
            self.pieces.append(held.html + ("\n" if token[0].endswith("\n") else ""))
        elif frame.child >= 0 and not frame.since and held.attributes:
            self.pieces[frame.child] = _with_attributes(self.pieces[frame.child], held.attributes)

    def is_in_html(self, frame: _Frame) -> bool:
        """Whether the list is part of an author's HTML or of a paragraph, and so is text."""
        if frame.tag not in _CONTAINERS or (frame.since == "text" and frame.tag not in ("li", "dd")):
            return True
        child = self.pieces[frame.child] if frame.child >= 0 and not frame.since else ""
        return _HTML_ONLY.match(child) is not None and "callout" not in child


def _with_attributes(tag: str, attributes: Mapping[str, str]) -> str:
    """A start tag with attributes that it has not yet; classes add up. goldmark writes none on code blocks."""
    name, _blank, rest = tag.strip("</>").partition(" ")
    if name == "pre":
        return tag
    return start_tag(name, merge_attributes(read_attributes(rest), attributes))
