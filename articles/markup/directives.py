"""Notices and folds in the spellings of generators without template code: ``:::note``, ``!!! note``; and what MDX adds.

Source of the rules: the manuals of Docusaurus, VitePress, Starlight, Qiita and MkDocs with Python-Markdown's admonitions.
"""

from __future__ import annotations

import re
from collections import Counter
from html import escape

from articles.markup.callouts import callout_end, callout_start, kind_of
from articles.markup.page import Page
from articles.markup.page import gettext_noop as _
from articles.markup.source import CodeMap

_CONTAINER = re.compile(
    r"^ {0,3}(?P<mark>:{3,})[ \t]*(?P<name>[A-Za-z][\w-]*)?(?:\[(?P<label>[^\]\n]*)\])?(?:\{[^}\n]*\})?"
    r"[ \t]*(?P<rest>[^\n]*)$",
    re.M,
)
_ADMONITION = re.compile(
    r'^(?P<in>[ \t]*+)(?P<mark>!!!|\?\?\?\+?)[ \t]++(?P<name>[\w-]++)[^"\n]*+(?:"(?P<title>[^"\n]*+)")?[^"\n]*+$'
)
_CONTENTS = re.compile(r"^ {0,3}(?:\[\[?_?toc_?\]?\]|@\[toc\](?:\([^)\n]*\))?)[ \t]*$", re.M | re.I)
_MODULE = re.compile(r"^(?:import|export)[ \t{*'\"][^\n]*(?:\n(?![ \t]*\n)[^\n]*)*", re.M)
_COMPONENT = re.compile(r"<([A-Z][\w.]*)[\s/>]")
#: What one name means as a kind of notice where the author wrote it as an argument (Qiita).
_QIITA = {"info": "info", "warn": "warning", "alert": "danger"}
_FOLDS = frozenset({"details", "collapse", "spoiler"})
_MAX_DEPTH = 8
_MAX_NAMED = 20


def translate(page: Page, text: str) -> str:
    """``text`` with its notices and folds as placeholders; an unknown container is kept as it stands and reported."""
    if ":::" in text:
        text = _Containers(page, text).run()
    if "!!!" in text or "???" in text:
        text = _translate_admonitions(page, text)
    if "toc" in text.lower():
        code = CodeMap(text)
        text = _CONTENTS.sub(lambda match: match[0] if code.region_at(match.start()) else "", text)
    return text


def translate_mdx(page: Page, text: str) -> str:
    """``text`` of an MDX file with its modules marked as code and its comments left out; components are reported by name."""
    code = CodeMap(text)
    text = _MODULE.sub(lambda match: match[0] if code.region_at(match.start()) else _show(page, match[0], "import/export"), text)
    text = _drop_jsx_comments(text)
    code = CodeMap(text)
    places: dict[str, int] = {}
    for match in _COMPONENT.finditer(text):
        if match[1] not in places and not code.region_at(match.start()):
            places[match[1]] = match.start()
    for name, at in list(places.items())[:_MAX_NAMED]:
        _report(page, f"<{name}>", f"<{name} …>", text.count("\n", 0, at) + 1)
    return text


def _drop_jsx_comments(text: str) -> str:
    code = CodeMap(text) if "{/*" in text else None
    pieces: list[str] = []
    at = position = 0
    while code is not None and (start := text.find("{/*", position)) >= 0:
        end = text.find("*/}", start)
        if end < 0:
            break
        position = end + 3
        if not code.region_at(start):
            pieces.append(text[at:start])
            at = position
    return "".join(pieces) + text[at:]


def _show(page: Page, source: str, name: str) -> str:
    _report(page, name, source)
    return "\n" + page.hold(f'<p><span class="template-code">{escape(source)}</span></p>', text=source, is_block=True) + "\n"


def _report(page: Page, name: str, source: str, line: int | None = None) -> None:
    page.report(
        "unknown-template-code",
        "warning",
        _("The template code “%(name)s” is not known and is shown as it stands: %(source)s. Rewrite it as Markdown."),
        line,
        name=name,
        source=source[:80],
    )


class _Containers:
    """One pass over the lines of colons. ``stack`` holds the number of colons and the end of each open container."""

    def __init__(self, page: Page, text: str) -> None:
        self.page, self.text = page, text
        self.code = CodeMap(text)
        self.stack: list[tuple[int, str]] = []
        self.levels: Counter[int] = Counter()
        self.unknown: set[str] = set()

    def run(self) -> str:
        text = _CONTAINER.sub(self.replace, self.text)
        while self.stack:
            text += "\n\n" + self.page.hold(self.stack.pop()[1], is_block=True)
        return text

    def replace(self, match: re.Match[str]) -> str:
        if self.code.region_at(match.start()):
            return match[0]
        if match["name"]:
            return self.open(match)
        return match[0] if match["rest"] or match["label"] else self.close(match)

    def open(self, match: re.Match[str]) -> str:
        ends = self.ends_of(match["name"].lower(), (match["label"] or match["rest"]).strip())
        if ends is None:
            shown = escape(match[0].strip())
            if match["name"] not in self.unknown:
                self.unknown.add(match["name"])
                line = self.text.count("\n", 0, match.start()) + 1
                _report(self.page, f":::{match['name']}", match[0].strip(), line)
            ends = f'<p><span class="template-code">{shown}</span></p>', ""
        self.stack.append((len(match["mark"]), ends[1]))
        self.levels[len(match["mark"])] += 1
        return "\n" + self.page.hold(ends[0], text=match[0], is_block=True) + "\n"

    def ends_of(self, name: str, title: str) -> tuple[str, str] | None:
        if name in _FOLDS:
            summary = escape(title) or self.page.word("details")
            return f'<details class="callout"><summary class="callout-title">{summary}</summary>', "</details>"
        if name == "note" and title.lower() in _QIITA:
            name, title = _QIITA[title.lower()], ""
        kind = "info" if name == "message" else kind_of(name)
        return (callout_start(self.page, kind, escape(title)), callout_end("")) if kind else None

    def close(self, match: re.Match[str]) -> str:
        level = len(match["mark"])
        if not self.levels[level]:
            return match[0]
        ends = []
        while self.stack:
            opened, end = self.stack.pop()
            self.levels[opened] -= 1
            ends.append(end)
            if opened == level:
                break
        return "\n" + self.page.hold("".join(ends), is_block=True) + "\n"


def _translate_admonitions(page: Page, text: str) -> str:
    """``!!! kind "title"`` and, foldable, ``??? kind`` with their blocks, which stand four blanks further in."""
    for _depth in range(_MAX_DEPTH):
        lines = text.split("\n")
        code = CodeMap(text)
        out: list[str] = []
        at = position = 0
        is_changed = False
        while at < len(lines):
            line = lines[at]
            found = _ADMONITION.match(line) if line.lstrip()[:3] in ("!!!", "???") else None
            at += 1
            if found is None or len(found["in"].expandtabs(4)) > 3 or code.region_at(position):
                out.append(line)
                position += len(line) + 1
                continue
            position += len(line) + 1
            end = at
            while end < len(lines) and (not lines[end].strip() or lines[end].expandtabs(4).startswith(" " * 4)):
                end += 1
            block = [inner.expandtabs(4)[4:] if inner.strip() else "" for inner in lines[at:end]]
            position += sum(len(inner) + 1 for inner in lines[at:end])
            start, close = _admonition_ends(page, found)
            out += ["", page.hold(start, is_block=True), "", *block, "", page.hold(close, is_block=True), ""]
            at, is_changed = end, True
        text = "\n".join(out)
        if not is_changed:
            break
    return text


def _admonition_ends(page: Page, found: re.Match[str]) -> tuple[str, str]:
    fold = {"!!!": "", "???": "-", "???+": "+"}[found["mark"]]
    title = escape(found["title"] or "")
    name = found["name"].lower()
    return callout_start(page, kind_of(name) or name, title, fold), callout_end(fold)
