"""Hatena Blog's notation in texts that were written as Markdown there: pictures, embedded pages, footnotes in brackets.

Source of the rules: the help of Hatena Blog (はてな記法一覧) and the files that its exporters write.
"""

from __future__ import annotations

import re
from html import escape

from articles.markup.embeds import embed_address
from articles.markup.page import Page
from articles.markup.source import CodeMap

_NOTATION = re.compile(
    r"\[f:id:(?P<user>[A-Za-z][\w-]{1,31}):(?P<day>\d{8})(?P<clock>\d{6})(?P<kind>[pjg])?:(?:plain|image)(?P<more>(?::[^\]\n]{0,200})?)\]"
    r"|\[(?P<address>https?://[^\]\s]{1,1000}?):(?P<form>embed(?::cite)?|title(?:=[^\]\n]{0,300})?|bookmark|cite)\]"
    r"|(?P<contents>^\[:contents\][ \t]*$)"
    r"|(?<!\()\(\((?P<note>[^()\n]{1,1000}(?:\([^()\n]{0,200}\)[^()\n]{0,1000}){0,5})\)\)(?!\))",
    re.M,
)
_KINDS = {"p": "png", "j": "jpg", "g": "gif"}
_ALT = re.compile(r":alt=([^:\]]*)")


def translate(page: Page, text: str) -> str:
    """``text`` with Hatena's notation as Markdown, inline footnotes and placeholders. Code is left alone."""
    if "[" not in text and "((" not in text:
        return text
    code = CodeMap(text)

    def replace(match: re.Match[str]) -> str:
        if code.region_at(match.start()):
            return match[0]
        if match["user"]:
            return _picture(page, match)
        if match["address"]:
            return _reference(page, match)
        return "" if match["contents"] else f"^[{match['note']}]"

    return _NOTATION.sub(replace, text)


def _picture(page: Page, match: re.Match[str]) -> str:
    user, name = match["user"], match["day"] + match["clock"]
    address = f"https://cdn-ak.f.st-hatena.com/images/fotolife/{user[0]}/{user}/{match['day']}/{name}"
    alt = _ALT.search(match["more"] or "")
    return page.hold(f'<img src="{address}.{_KINDS[match["kind"] or "j"]}" alt="{escape(alt[1]) if alt else ""}">')


def _reference(page: Page, match: re.Match[str]) -> str:
    address, form = match["address"], match["form"]
    if form.startswith("embed"):
        card = embed_address(page, address)
        plain = f'<p class="embed"><a class="embed" href="{escape(address)}" rel="noopener">{escape(address)}</a></p>'
        return f"\n\n{page.hold(card or plain, is_block=True)}\n\n"
    title = form.partition("=")[2] or address
    return page.hold(f'<a href="{escape(address)}">{escape(title)}</a>', text=address)
