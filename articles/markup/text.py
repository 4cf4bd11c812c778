"""The text that a reader sees: for search, excerpts and counting; and the joining of Japanese lines."""

from __future__ import annotations

import re
from html import unescape
from itertools import groupby

#: Japanese and full-width characters: between two of them a line break is no word space. Hangul is left out: Korean has spaces.
WIDE = (
    "\u2e80-\u2fdf\u3000-\u303f\u3041-\u30ff\u3190-\u31ff\u3200-\u32ff\u3300-\u33ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff9f\uffe0-\uffe6\U00020000-\U0003ffff"
)
_INLINE = "strong|em|a|mark|del|b|i|s|span|code|small|sub|sup|ruby|u|ins"
# A lookbehind takes alternatives of one length only, and the wide characters are costly to compile.
_BY_LENGTH = [list(names) for _length, names in groupby(sorted(_INLINE.split("|"), key=len), len)]
_BREAK = re.compile(
    rf"\n(?:(?<=[{WIDE}]\n)"
    + "".join(rf"|(?<=[{WIDE}]</(?:{'|'.join(names)})>\n)" for names in _BY_LENGTH)
    + rf")(?=(?:<(?:{_INLINE})(?:\s[^<>]*)?>){{0,4}}[{WIDE}])"
)

#: Characters (without blanks) that are read in a minute. Japanese: 500, the usual figure for silent reading of news.
#: Others: 200 words of five letters.
CHARACTERS_PER_MINUTE = {"ja": 500, "zh": 500, "ko": 500}
OTHER_CHARACTERS_PER_MINUTE = 1000

# A link in the rendered text that is marked as paid for. Attribute values there are always in double quotes.
_PAID_LINK = re.compile(r'<a(?: [a-z-]+="[^"]*")* rel="(?:[^"]* )?sponsored[ "]')
_EXCERPT = 200
_BLOCK_END = re.compile(r"</(?:p|h[1-6]|li|tr|dt|dd|div|figcaption|summary|blockquote)>|<(?:br|hr)>")
_CELL_END = re.compile(r"</t[dh]>")
_UNSEEN = re.compile(
    r"<r[tp]>[^<]*</r[tp]>|<sup class=\"footnote-ref\">.*?</sup>|<a [^>]*class=\"footnote-backref\"[^>]*>[^<]*</a>"
    r"|<span class=\"(?:template-code|unresolved missing-picture)\">[^<]*</span>"
)
_TAG = re.compile(r"<[^>]*>")
_BLANKS = re.compile(r"[ \t\f\v]+")
_PARAGRAPH = re.compile(r"<p(?: [^>]*)?>")


def join_lines(html: str) -> str:
    """Takes the line breaks out that stand between two Japanese characters, except in ``<pre>``. Linear."""
    if "<pre" not in html:
        return _BREAK.sub("", html)
    pieces: list[str] = []
    at = 0
    while (start := html.find("<pre", at)) >= 0:
        end = html.find("</pre>", start)
        if end < 0:
            break
        pieces += [_BREAK.sub("", html[at:start]), html[start:end]]
        at = end
    return "".join(pieces) + _BREAK.sub("", html[at:])


def _without_blocks(html: str, name: str) -> str:
    opener, closer = f"<{name}", f"</{name}>"
    if opener not in html:
        return html
    pieces: list[str] = []
    at = 0
    while (start := html.find(opener, at)) >= 0:
        end = html.find(closer, start)
        if end < 0:
            break
        pieces.append(html[at:start])
        at = end + len(closer)
    return "".join(pieces) + html[at:]


def visible_text(html: str, *, has_line_per_block: bool = False) -> str:
    """The text of sanitised HTML: one line per block; code blocks, formulas, readings and footnote marks left out.

    ``has_line_per_block`` says that line breaks already stand between blocks, as engines write them.
    """
    html = _without_blocks(_without_blocks(html, "pre"), "math")
    if "<rt>" in html or "footnote" in html or "template-code" in html or "missing-picture" in html:
        html = _UNSEEN.sub("", html)
    if not has_line_per_block:
        html = _CELL_END.sub(" ", _BLOCK_END.sub("\n", html))
    text = _TAG.sub("", html)
    if "&" in text:
        text = unescape(text)
    if "  " in text or "\t" in text:
        text = _BLANKS.sub(" ", text)
    return "\n".join(filter(None, map(str.strip, text.split("\n"))))


def make_excerpt(html: str, title: str) -> str:
    """The first paragraph of sanitised HTML that says something else than the title, at most 200 characters."""
    wanted = " ".join(title.split())
    for opened in _PARAGRAPH.finditer(html):
        if "callout-title" in opened[0] or "embed" in opened[0]:
            continue
        end = html.find("</p>", opened.end())
        if end < 0:
            break
        text = " ".join(visible_text(html[opened.end() : end]).split())
        if text and text != wanted and any(map(str.isalnum, text)):
            return cut(text)
    return ""


def cut(text: str, length: int = _EXCERPT) -> str:
    """``text``, or its first ``length`` - 1 characters and ``…``; Latin words are not cut in two."""
    if len(text) <= length:
        return text
    kept = text[: length - 1]
    if text[length - 1].isascii() and not text[length - 1].isspace():
        word_end = kept.rfind(" ")
        if word_end > length - 40:
            kept = kept[:word_end]
    return kept.rstrip() + "…"


def count_characters(text: str) -> int:
    """Visible characters without white space, as Japanese newsrooms count."""
    return len("".join(text.split()))


def count_minutes(characters: int, language: str) -> int:
    """Minutes that reading takes, at least one. ``language`` is a tag such as ``ja`` or ``en-GB``."""
    rate = CHARACTERS_PER_MINUTE.get(language.split("-")[0].lower(), OTHER_CHARACTERS_PER_MINUTE)
    return max(1, round(characters / rate))


def has_paid_links(html: str) -> bool:
    """Whether a rendered text holds links that are paid for (``rel="sponsored"``), so that its page must say so."""
    return "sponsored" in html and _PAID_LINK.search(html) is not None
