"""Callouts: quotations that begin with ``[!type]``, in GitHub's, Obsidian's and translated spellings."""

from __future__ import annotations

import re
from html import escape, unescape

from articles.markup.page import Page

_SYNONYMS = {
    "note": "note 注 注記 メモ 備考 補足 ノート",
    "abstract": "abstract summary tldr 要約 概要 まとめ",
    "info": "info 情報",
    "todo": "todo やること",
    "tip": "tip hint ヒント コツ 参考",
    "important": "important 重要",
    "success": "success check done 成功 完了",
    "question": "question help faq 質問 疑問",
    "warning": "warning attention 警告",
    "caution": "caution 注意",
    "failure": "failure fail missing 失敗",
    "danger": "danger error 危険 エラー",
    "bug": "bug バグ 不具合",
    "example": "example 例",
    "quote": "quote cite 引用",
}
_KINDS = {name: kind for kind, names in _SYNONYMS.items() for name in names.split()}

#: Every class that a callout can have.
CLASSES = frozenset({"callout", "callout-title"} | {f"callout-{kind}" for kind in _SYNONYMS})

_TOKEN = re.compile(r"<blockquote>|</blockquote>|<pre\b|</pre>", re.I)
_MARK = re.compile(r"\s*<p>\[!([^\]\n<>]{1,40})\]([+-]?)[ \t]*(?=[^\s(\[]|\s|$)")
_TITLE_END = re.compile(r"\n|<br ?/?>\n?|</p>\n?")


def kind_of(name: str) -> str:
    """The kind of callout that ``name`` means, or ``""``."""
    return _KINDS.get(name.strip().lower(), "")


def callout_start(page: Page, name: str, title_html: str, fold: str = "") -> str:
    """The opening HTML. ``fold`` is ``+`` (open), ``-`` (closed) or ``""``; an empty title becomes the kind's word."""
    kind = kind_of(name)
    if not title_html.strip():
        title_html = page.word(kind) if kind and name.isascii() else escape(name.strip())
    classes = f"callout callout-{kind or 'note'}"
    if fold:
        is_open = " open" if fold == "+" else ""
        return f'<details class="{classes}"{is_open}><summary class="callout-title">{title_html}</summary>\n'
    return f'<div class="{classes}" role="note">\n<p class="callout-title">{title_html}</p>\n'


def callout_end(fold: str) -> str:
    """The closing HTML."""
    return "</details>" if fold else "</div>"


def translate(page: Page, html: str) -> str:
    """Turns the quotations of ``html`` that begin with a mark into callouts. One pass, linear."""
    pieces: list[str] = []
    ends: list[str] = []
    at = 0
    in_code = False
    for token in _TOKEN.finditer(html):
        name = token[0].lower()
        if name in {"<pre", "</pre>"}:
            in_code = name == "<pre"
        elif in_code or token.start() < at:
            continue
        elif name == "</blockquote>":
            end = ends.pop() if ends else token[0]
            pieces += [html[at : token.start()], end]
            at = token.end()
        elif mark := _MARK.match(html, token.end()):
            title_end = _TITLE_END.search(html, mark.end())
            if title_end is None:
                break
            pieces += [
                html[at : token.start()],
                callout_start(page, unescape(mark[1]), html[mark.end() : title_end.start()], mark[2]),
            ]
            pieces.append("" if title_end[0].startswith("</p>") else "<p>")
            ends.append(callout_end(mark[2]))
            at = title_end.end()
        else:
            ends.append("</blockquote>")
    return "".join(pieces) + html[at:]
