"""Links, pictures and wikilinks of a text, found and given the addresses that they have where the text goes."""

from __future__ import annotations

import re
from html import escape, unescape
from urllib.parse import unquote

from articles.formats.translating.constructs import Figure
from articles.formats.translating.part import Job
from articles.formats.translating.spelling import spell_address
from articles.markup.page import OPEN
from articles.markup.page import gettext_noop as _
from articles.markup.wikilinks import fragment_id

_INLINE = re.compile(r"(\]\(\s*)(<[^<>\n]*>|[^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*)")
_DEFINITION = re.compile(r"^((?:[ >]{0,12})\[(?!\^)[^\]\n]{1,200}\]:[ \t]*)(<[^<>\n]*>|\S+)", re.M)
_TAG = re.compile(r"<[A-Za-z][^<>]*>")
_ATTRIBUTE = re.compile(r"""(\s(?:src|href|poster)\s*=\s*)("[^"]*"|'[^']*')""", re.I)
_WIKILINK = re.compile(r"(!?)\[\[([^\[\]|\n]{1,300})(?:\\?\|([^\[\]\n]{0,300}))?\]\]")
_FILE = re.compile(r"\.(?!md$|markdown$)[A-Za-z0-9]{2,5}$")
_SIZE = re.compile(r"(\d{1,4})(?:x(\d{1,4}))?")
_EXTERNAL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//|#|\\|$")


UNRESOLVED = _("“%(code)s” names no page or file of this export: its words stay, without a link.")
NOWHERE = "\ufdd6"
"""Stands for the address of a page that is not known, until the link around it has become its words."""
_LINK_TO_NOWHERE = re.compile(rf"!?\[([^\[\]\n]*)\]\(\s*{NOWHERE}(.*?){NOWHERE}[^()\n]*\)")


def free_words(text: str) -> str:
    """Links to nowhere become their words; where no link was around it, the page stays named as it was."""
    if NOWHERE not in text:
        return text
    return _LINK_TO_NOWHERE.sub(r"\1", text).replace(NOWHERE, "")


def rewrite_links(job: Job, text: str) -> str:
    """``text`` with its references rewritten where they would lead elsewhere. Code is held back already."""
    if "](" in text:
        text = _INLINE.sub(lambda match: match[1] + _rewrite(job, match[2]), text)
    if "]:" in text:
        text = _DEFINITION.sub(lambda match: match[1] + _rewrite(job, match[2]), text)
    if "<" in text:
        text = _TAG.sub(lambda match: _ATTRIBUTE.sub(lambda pair: pair[1] + _rewrite_quoted(job, pair[2]), match[0]), text)
    if "[[" in text and job.has("wikilinks"):
        text = _WIKILINK.sub(lambda match: _translate_wikilink(job, match), text)
    return text


def _rewrite(job: Job, written: str) -> str:
    """A destination of Markdown, in angle brackets or not."""
    address = written[1:-1] if written.startswith("<") else written
    new = _find(job, address)
    return written if new is None else job.hold(spell_address(new))


def _rewrite_quoted(job: Job, written: str) -> str:
    new = _find(job, unescape(written[1:-1]).strip())
    return written if new is None else job.hold(f'"{escape(new)}"')


def _find(job: Job, address: str) -> str | None:
    if OPEN in address or _EXTERNAL.match(address):
        return None
    path, hash_mark, fragment = address.partition("#")
    path, question, query = path.partition("?")
    new = job.references.rewrite(unquote(path))
    return None if new is None else f"{new}{question}{query}{hash_mark}{fragment}"


def _translate_wikilink(job: Job, match: re.Match[str]) -> str:
    written, option = match[2], match[3] or ""
    name, _hash, fragment = written.partition("#")
    name = name.strip()
    if job.wants("wikilinks"):
        return _keep_wikilink(job, match, name)
    identity = fragment_id(fragment)
    if not name:
        return job.hold(f"[{option or fragment.lstrip('^')}](#{spell_address(identity)})")
    is_file = _FILE.search(name) is not None
    address = job.references.file(name) if is_file else None
    if match[1] and is_file and address is not None:
        return job.hold(_picture(job, name, address, option))
    address = address if is_file else job.references.page("embed" if match[1] else "wikilink", name)
    if address is None:
        job.report("reference-unresolved", "warning", UNRESOLVED, match[0], code=match[0][:80])
        return option if option and not _SIZE.fullmatch(option) else name if match[1] else written
    end = f"#{spell_address(identity)}" if identity else ""
    text = option if option and not _SIZE.fullmatch(option) else name if match[1] else written
    return f"[{text}]({job.hold(spell_address(address) + end)})"


def _keep_wikilink(job: Job, match: re.Match[str], name: str) -> str:
    """Between two texts with wikilinks only the name can have to change: that of a note is its file's."""
    if not name or _FILE.search(name):
        address = job.references.file(name) if name else None
        if address is None or address.lstrip("/") == name:
            return job.hold(match[0])
        return job.hold(match[0].replace(name, address.lstrip("/"), 1))
    address = job.references.page("embed" if match[1] else "wikilink", name)
    if address is None:
        return job.hold(match[0])
    note = address.removesuffix(".md")
    if note.casefold() == name.casefold():
        return job.hold(match[0])
    changed = match[2].replace(name, note, 1)
    return job.hold(f"{match[1]}[[{changed}|{match[3] or match[2]}]]")


def _picture(job: Job, name: str, address: str, option: str) -> str:
    last = option.rpartition("|")[2]
    size = _SIZE.fullmatch(last.strip())
    alt = option if option and not size else ""
    if not re.search(r"\.(?:png|jpe?g|gif|webp|avif|svg|bmp|ico|jfif|apng)$", name, re.I):
        return f"[{alt or name}]({spell_address(address)})"
    width, height = (size[1], size[2] or "") if size else ("", "")
    return job.speller.figure(Figure(address, alt, width=width, height=height))
