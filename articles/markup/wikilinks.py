"""Obsidian's ``[[target#heading|text]]`` and ``![[embed|300]]``, resolved against the site."""

from __future__ import annotations

import re
from html import escape

from articles.markup.headings import heading_id
from articles.markup.page import Page, unresolved
from articles.markup.vault import DRAWINGS

#: Wikilinks in text that an engine without them has left as it stood.
WRITTEN = re.compile(r"(!?)\[\[([^\[\]|<>\n]{1,300})(?:\|([^\[\]<>\n]{0,300}))?\]\]")
_SIZE = re.compile(r"(\d{1,4})(?:x(\d{1,4}))?")
#: Suffixes of pictures, by which one that is not there is known.
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".svg", ".bmp", ".heic")
#: A name that is a file's: its suffix is none of Markdown's.
FILE = re.compile(r"\.(?!md$|markdown$)[A-Za-z0-9]{2,5}$")


def fragment_id(fragment: str) -> str:
    """The id that a wikilink's heading or block name means: the last of nested headings, ``^block`` for a block."""
    name = fragment.rpartition("#")[2].strip()
    if name.startswith("^"):
        return f"block-{name[1:]}"
    return heading_id(name) if name else ""


def link(page: Page, target: str, text_html: str) -> str:
    """The HTML for ``[[target|text]]``. ``target`` is decoded; ``text_html`` is escaped."""
    name, _, fragment = target.partition("#")
    name, identity = name.strip(), fragment_id(fragment)
    if not name:
        return f'<a class="wikilink" href="#{escape(identity)}">{text_html.lstrip("#^")}</a>'
    if fragment and text_html == escape(target):
        # Written without a text of its own: as people say it, and a block's made-up name says nothing.
        heading = fragment.rpartition("#")[2].strip()
        text_html = escape(name if heading.startswith("^") else f"{name} > {heading}")
    # A note may be called “Node.js”: what is no file may be one.
    if FILE.search(name) and page.resolver and page.resolver.media(name) is not None:
        found = page.media("wikilink", name)
        if found is not None and found.url:
            return f'<a class="wikilink" href="{escape(found.url)}">{text_html}</a>'
        page.report_file(name, found)
        return unresolved(text_html)
    url = page.link("wikilink", name, identity)
    return f'<a class="wikilink" href="{escape(url)}">{text_html}</a>' if url else unresolved(text_html)


def embed(page: Page, target: str, option: str) -> str:
    """The HTML for ``![[target|option]]``: an image, or a link to the post or file. ``option`` is a size or a text, escaped."""
    name, _, fragment = target.partition("#")
    name, identity = name.strip(), fragment_id(fragment)
    option = option.rpartition("|")[2] if _SIZE.fullmatch(option.rpartition("|")[2]) else option
    size = _SIZE.fullmatch(option.strip())
    label = "" if size or option == escape(target) else option
    if "comments" in page.features and name.lower().endswith(DRAWINGS):
        page.report_template_code(name.rpartition(".")[2].lower(), f"![[{target}]]")
        # The name alone, as other programs show it after an export.
        return f'<span class="template-code">{label or escape(name)}</span>'
    if not FILE.search(name):
        url = page.link("embed", name, identity)
        text = label or escape(name)
        return f'<a class="wikilink embed" href="{escape(url)}">{text}</a>' if url else unresolved(text)
    found = page.media("embed", name)
    if found is None or not found.url:
        if page.resolver is not None:
            page.report_file(name, found)
        return unresolved(label or escape(name), is_picture=name.lower().endswith(PICTURES))
    if not found.is_image:
        return f'<a class="wikilink embed" href="{escape(found.url)}">{label or escape(name)}</a>'
    width, height = found.width, found.height
    if size:
        chosen = int(size[1])
        height = int(size[2]) if size[2] else (round(height * chosen / width) if width and height else 0)
        width = chosen
    sizes = (f' width="{width}"' if width else "") + (f' height="{height}"' if height else "")
    return f'<img src="{escape(found.url)}" alt="{label}"{sizes} loading="lazy" decoding="async">'
