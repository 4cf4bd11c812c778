"""What one rendering knows and collects: the post's language and features, links, findings, ids, and held-back HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Any
from urllib.parse import unquote

from articles.addresses import host_of
from articles.findings import Finding, Severity
from articles.markup.document import Link, LinkKind, ResolvedMedia, Resolver
from articles.markup.limits import MAX_PRINTED, TooComplex

#: Held-back HTML stands in the text as ``OPEN number CLOSE``. Both are Unicode noncharacters, removed from authors' texts first.
OPEN, CLOSE = "\ufdd0", "\ufdd1"
PLACEHOLDER = re.compile(f"{OPEN}([0-9]+){CLOSE}")
NONCHARACTERS = re.compile("[\x00\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?""")
_MAX_FINDINGS_PER_CODE = 20
SHOWN = 80
"""Characters of a piece of code that a finding shows."""

#: Words that rendering adds, by language. English stands in for any other.
WORDS: dict[str, dict[str, str]] = {
    "ja": {
        "table": "表",
        "back": "本文の脚注番号へ戻る",
        "footnotes": "脚注",
        "embed": "外部の埋め込み",
        "video": "動画を見る",
        "post": "投稿を見る",
        "code": "コードを見る",
        "source": "コード",
        "done": "完了",
        "open": "未完了",
        "cancelled": "中止",
        "deferred": "先送り",
        "details": "詳細",
        "note": "注記",
        "abstract": "要約",
        "info": "情報",
        "todo": "やること",
        "tip": "ヒント",
        "important": "重要",
        "success": "成功",
        "question": "質問",
        "warning": "警告",
        "caution": "注意",
        "failure": "失敗",
        "danger": "危険",
        "bug": "不具合",
        "example": "例",
        "quote": "引用",
    },
    "en": {
        "table": "Table",
        "back": "Back to the text",
        "footnotes": "Footnotes",
        "embed": "Embedded from elsewhere",
        "video": "Watch the video",
        "post": "View the post",
        "code": "View the code",
        "source": "Code",
        "done": "Done",
        "open": "To be done",
        "cancelled": "Cancelled",
        "deferred": "Postponed",
        "details": "Details",
        "note": "Note",
        "abstract": "Abstract",
        "info": "Info",
        "todo": "To do",
        "tip": "Tip",
        "important": "Important",
        "success": "Success",
        "question": "Question",
        "warning": "Warning",
        "caution": "Caution",
        "failure": "Failure",
        "danger": "Danger",
        "bug": "Bug",
        "example": "Example",
        "quote": "Quote",
    },
}


def gettext_noop(template: str) -> str:
    """Marks ``template`` for translation, as Django's function of this name does, but without settings: this layer is pure."""
    return template


@dataclass(frozen=True, slots=True)
class Held:
    """HTML that Markdown must not see. ``text`` takes its place inside an attribute; ``is_block`` frees it from its paragraph.

    With ``attributes`` it is the end of a heading that they belong to; anywhere else it shows its ``html``.
    """

    html: str
    text: str = ""
    is_block: bool = False
    attributes: Mapping[str, str] | None = None


CODE_MARK = '<span class="template-code">'
"""Before template code that is shown as it stands."""


@dataclass(slots=True)
class Page:
    """One rendering under way."""

    features: frozenset[str]
    language: str = "ja"
    resolver: Resolver | None = None
    title: str = ""
    faithful: bool = False
    source: str = ""
    values: Mapping[str, str | None] = field(default_factory=dict)
    has_printed_tags: bool = False
    printed: int = 0
    links: list[Link] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    tasks: dict[str, str] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    _hosts: frozenset[str] | None = None
    _repeats: dict[str, int] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def word(self, name: str) -> str:
        """A word in the page's language."""
        return WORDS.get(self.language.split("-")[0].lower(), WORDS["en"])[name]

    def print_value(self, name: str) -> str | None:
        """What template code prints where it names a value, as part of the text; ``None`` for one that is not known.

        Raises TooComplex where a text prints more than it may hold.
        """
        value = self.title if name == "page.title" and self.title else self.values.get(name)
        if value is None:
            return None
        self.printed += len(value)
        if self.printed > MAX_PRINTED:
            raise TooComplex
        # A tag may begin in the text and end in the value.
        self.has_printed_tags |= "<" in value or "<" in self.source
        return NONCHARACTERS.sub("\ufffd", value.replace("\r\n", "\n").replace("\r", "\n"))

    def hold(self, html: str, *, text: str = "", is_block: bool = False, attributes: Mapping[str, str] | None = None) -> str:
        """Keeps ``html`` back and returns its placeholder."""
        self.held.append(Held(html, text, is_block, attributes))
        return f"{OPEN}{len(self.held) - 1}{CLOSE}"

    def hold_task(self, sign: str) -> str:
        """The placeholder that says, behind the box of a task, which sign stands in it. Anywhere else it shows nothing."""
        placeholder = self.hold("")
        self.tasks[placeholder[1:-1]] = sign
        return placeholder

    def held_at(self, number: str) -> Held:
        """The held HTML of a placeholder; an empty one for a number that was never given."""
        index = int(number) if len(number) < 8 else len(self.held)
        return self.held[index] if index < len(self.held) else Held("")

    def report(self, code: str, severity: Severity, template: str, line: int | None = None, **params: Any) -> None:
        """Adds a finding, at most twenty of one code: a text with thousands of them is told after twenty."""
        if self.count(code) <= _MAX_FINDINGS_PER_CODE:
            self.findings.append(Finding(code, severity, template, params, line))

    def report_template_code(self, name: str, source: str, line: int | None = None) -> None:
        """Says once for each name that template code is not known. Whoever calls shows it as it stands, marked."""
        if self.count(f"code {name}") == 1:
            template = gettext_noop(
                "The template code “%(name)s” is not known and is shown as it stands: %(source)s. Rewrite it as Markdown."
            )
            self.report("unknown-template-code", "warning", template, line, name=name, source=" ".join(source.split())[:SHOWN])

    def count(self, name: str) -> int:
        """How often this was called with ``name`` for this page, this time included."""
        count = self._counts[name] = self._counts.get(name, 0) + 1
        return count

    # ``%00`` in a text: no file has such a name, and no database takes it.
    def link(self, kind: LinkKind, target: str, fragment: str = "") -> str:
        """Resolves and records a reference. The address with its fragment, or ``""`` while the target is unknown."""
        if "\0" in target + fragment:
            return ""
        url = (self.resolver.link(kind, target) if self.resolver else None) or ""
        self.links.append(Link(kind, target, fragment, url))
        if not url:
            return ""
        return f"{url}#{fragment}" if fragment else url

    def media(self, kind: LinkKind, target: str) -> ResolvedMedia | None:
        """Resolves and records an image or file."""
        if "\0" in target:
            return None
        found = self.resolver.media(target) if self.resolver else None
        self.links.append(Link(kind, target, "", found.url if found else ""))
        return found

    def report_file(self, target: str, found: ResolvedMedia | None) -> None:
        """Says of a file that a text shows or names, and that readers do not get, what is wrong with it."""
        name = target[:200]
        if found is None:
            template = gettext_noop(
                "“%(path)s” is not there, so its text is shown instead. Add the file and import again, or upload it at the desk."
            )
            self.report("media-missing", "warning", template, path=name)
        elif found.why is not None:
            template = gettext_noop("“%(path)s” cannot be shown, so its text is: %(why)s")
            self.report("media-unusable", "warning", template, path=name, why=found.why)
        else:
            template = gettext_noop("“%(path)s” is kept privately and readers do not get it, so its text is shown instead.")
            self.report("media-unusable", "warning", template, path=name)

    def is_ours(self, address: str) -> bool:
        """Whether an absolute address is one of a site that came here: the resolver names their hosts."""
        if not (host := host_of(address)):
            return False
        if self._hosts is None:
            self._hosts = frozenset(getattr(self.resolver, "hosts", ()))
        return host in self._hosts

    def claim_id(self, wanted: str) -> str:
        """``wanted``, or with ``-1``, ``-2`` … where the page has it already."""
        chosen = wanted
        while chosen in self.ids:
            number = self._repeats[wanted] = self._repeats.get(wanted, 0) + 1
            chosen = f"{wanted}-{number}"
        self.ids.add(chosen)
        return chosen


def unresolved(text_html: str, *, is_picture: bool = False) -> str:
    """What stands for a link whose target is unknown: its text. That of a picture is none of the post's words."""
    return f'<span class="unresolved{" missing-picture" if is_picture else ""}">{text_html}</span>'


def split_target(target: str) -> tuple[str, str]:
    """A link as written → its target, percent-decoded and without query, and its fragment."""
    path, _, fragment = target.partition("#")
    return unquote(path.partition("?")[0]), unquote(fragment)


def read_attributes(text: str) -> dict[str, str]:
    """The attributes of a start tag, names in lower case, values unescaped; the first of a name wins."""
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(text):
        value = match[2] if match[2] is not None else match[3] if match[3] is not None else match[4] or ""
        found.setdefault(match[1].lower(), unescape(value) if "&" in value else value)
    return found


def merge_attributes(own: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """``own`` attributes and those of ``more`` that it lacks; classes add up."""
    merged = {**own, **{name: value for name, value in more.items() if name not in own}}
    if "class" in own and "class" in more:
        merged["class"] = f"{own['class']} {more['class']}"
    return merged


def start_tag(name: str, attributes: dict[str, str]) -> str:
    """``<name key="value">`` with values escaped."""
    written = "".join([f' {key}="{escape(value)}"' for key, value in attributes.items()])
    return f"<{name}{written}>"
