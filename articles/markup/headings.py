"""Heading ids and attributes."""

from __future__ import annotations

import re
import unicodedata
from html import unescape

from articles.markup.page import Page

_TAG = re.compile(r"<[^>]*>")
_BLANKS = re.compile(r"\s+")
_NOT_IN_ID = re.compile(r"[^\w\s-]")
_FORBIDDEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff\"'<>&`]")
_MAX_ID = 100

#: Ids that the site's own pages and Django's forms use, so that no author's id can stand before them.
_RESERVED = frozenset(
    [
        "csrfmiddlewaretoken",
        "main",
        "content",
        "body",
        "top",
        "header",
        "footer",
        "nav",
        "navigation",
        "menu",
        "search",
        "q",
        "next",
        "action",
        "method",
        "submit",
        "elements",
        "length",
        "name",
        "target",
        "attributes",
        "children",
        "style",
        "login",
        "logout",
        "password",
        "username",
    ]
)
_RESERVED_PREFIXES = ("id_", "id-", "site-", "__", "form-", "on")


def safe_id(wanted: str) -> str:
    """An author's id without what HTML forbids, moved out of the way of names that pages and forms use."""
    chosen = _FORBIDDEN.sub("", wanted)[:_MAX_ID]
    if not chosen:
        return ""
    folded = chosen.lower()
    return f"text-{chosen}" if folded in _RESERVED or folded.startswith(_RESERVED_PREFIXES) else chosen


def plain(html: str) -> str:
    """The text of inline HTML, blanks collapsed. Readings of ruby and marks of footnotes are left out."""
    if "<" in html:
        if "<rt>" in html:
            html = re.sub(r"<r[tp]>[^<]*</r[tp]>", "", html)
        if "footnote" in html:
            html = re.sub(r'<sup [^>]*(?:"footnote-ref"|"fnref)[^>]*><a [^>]*>[^<]*</a></sup>', "", html)
        html = _TAG.sub("", html)
    if "&" in html:
        html = unescape(html)
    return _BLANKS.sub(" ", html).strip()


def heading_id(text: str) -> str:
    """The id of a heading with this text: GitHub's and Goldmark's rule, so that old deep links keep working; Japanese stays."""
    kept = _NOT_IN_ID.sub("", unicodedata.normalize("NFC", text).strip().lower())
    return safe_id(_BLANKS.sub("-", kept).strip()) or "heading"


def claim(page: Page, stated: str, text: str) -> str:
    """A free id for a heading: the stated one, else one made from its text."""
    return page.claim_id(safe_id(stated) or heading_id(text))
