"""Blocks of lines that two kinds of Markdown read differently: callouts, HTML, attribute lists, tables, task lists."""

from __future__ import annotations

import re
from collections.abc import Callable

from articles.formats.translating.constructs import Notice
from articles.formats.translating.part import Job
from articles.formats.translating.spelling import inline_html
from articles.markup.page import gettext_noop as _

_CALLOUT = re.compile(r"([ \t>]*?)>[ \t]?\[!([^\]\n]{1,40})\]([+-]?)[ \t]*(.*)$")
_BLOCK_TAGS = [
    "div",
    "section",
    "article",
    "details",
    "aside",
    "figure",
    "table",
    "center",
    "header",
    "footer",
    "main",
    "nav",
    "blockquote",
    "ul",
    "ol",
    "dl",
    "form",
    "fieldset",
    "address",
    "hgroup",
    "menu",
]
_OPENED = re.compile(rf" {{0,3}}<({'|'.join(_BLOCK_TAGS)})(?=[\s>])([^<>\n]*)>", re.I)
_ANY_OPENED = re.compile(rf"<({'|'.join(_BLOCK_TAGS)})(?=[\s>])([^<>]*)>", re.I)
_MARKDOWN = re.compile(r"""\s+markdown\s*=\s*["']?(1|block|span|0)["']?""", re.I)
_ROW = re.compile(r"[ \t]*\|.*\S")
_RULE = re.compile(r"[ \t]*\|?[ \t]*[:=-][-=:|+ \t]*$")
_TABLE_LINE = re.compile(r"[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_BLOCK_LIST = re.compile(r"([ \t>]*)\{:((?!:)[^{}\n]*)\}[ \t]*$")
_ENTRY = re.compile(r"""([#.][^\s.#{}]+)|([\w:-]+)=("[^"]*"|'[^']*')""")
_HEADING = re.compile(r"([ \t>]*)(#{1,6}[ \t].*?)[ \t]*#*[ \t]*$")
_ITEM = re.compile(r"[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]")


def translate_callouts(job: Job, text: str, translate_part: Callable[[str], str]) -> str:
    """Quotations that begin with ``[!type]``, where the new generator knows none."""
    lines = text.split("\n")
    written: list[str] = []
    number = 0
    while number < len(lines):
        opened = _CALLOUT.match(lines[number])
        number += 1
        if opened is None:
            written.append(lines[number - 1])
            continue
        prefix = opened[1]
        body: list[str] = []
        while number < len(lines) and lines[number].startswith(prefix) and lines[number][len(prefix) :].lstrip().startswith(">"):
            body.append(re.sub(r"^[ \t]*>[ \t]?", "", lines[number][len(prefix) :], count=1))
            number += 1
        notice = Notice(opened[2].strip(), job.restore(opened[4]).strip(), translate_part("\n".join(body)), opened[3])
        block = job.speller.notice(notice)
        if written and written[-1].strip(" \t>"):
            written.append(prefix.rstrip())
        written.append(prefix + job.hold(("\n" + prefix).join(block.split("\n")) if prefix else block))
        if number < len(lines) and lines[number].strip(" \t>"):
            written.append(prefix.rstrip())
    return "\n".join(written)


# --- HTML among Markdown -----------------------------------------------------------------------------------------------


def close_html(text: str) -> str:
    """HTML that kramdown leaves alone, for readers who end a block of HTML at a blank line; and Markdown that it reads inside.

    A block without ``markdown="1"`` loses its blank lines; in one with it they are put where CommonMark needs them.
    """
    return _each_html_block(text, _close_block)


def open_html(text: str) -> str:
    """HTML in which CommonMark reads Markdown behind a blank line, for kramdown, which wants to be told."""
    return _each_html_block(text, _open_block)


def _each_html_block(text: str, change: Callable[[str, str, str], str]) -> str:
    if "<" not in text:
        return text
    pieces: list[str] = []
    at = line_start = 0
    while line_start < len(text):
        line_end = text.find("\n", line_start)
        line_end = len(text) if line_end < 0 else line_end
        opened = _OPENED.match(text, line_start)
        if opened and (end := _find_close(text, opened)):
            block = text[opened.start() : end]
            pieces += [text[at:line_start], change(block, opened[1].lower(), opened[2])]
            at = end
            line_end = text.find("\n", end)
            line_end = len(text) if line_end < 0 else line_end
        line_start = line_end + 1
    return "".join(pieces) + text[at:]


def _find_close(text: str, opened: re.Match[str]) -> int:
    depth = 0
    for match in re.compile(rf"<(/?){opened[1]}(?=[\s>/])[^<>]*>", re.I).finditer(text, opened.start()):
        depth += -1 if match[1] else 1
        if depth == 0:
            return match.end()
    return 0


def _close_block(block: str, name: str, attributes: str) -> str:
    if not _MARKDOWN.search(block):
        return re.sub(r"\n(?:[ \t]*\n)+", "\n", block) if "<pre" not in block.lower() else block
    if not (own := _MARKDOWN.search(attributes)) or own[1] in ("span", "0"):
        return _MARKDOWN.sub("", block)
    head = block[: block.index(">") + 1]
    inner = block[len(head) : block.rindex("<")]
    inner = _PARAGRAPH.sub(_open_paragraph, close_html(_dedent(inner)))
    return f"{_MARKDOWN.sub('', head)}\n\n{inner.strip(chr(10))}\n\n</{name}>"


_PARAGRAPH = re.compile(
    r"""^[ ]{0,8}<p((?:\s[^<>]*)?\smarkdown\s*=\s*["']?(?:1|span)["']?[^<>]*)>(.*?)</p>""", re.M | re.S | re.I
)


def _open_paragraph(match: re.Match[str]) -> str:
    """A paragraph of HTML with Markdown in it: to CommonMark a paragraph of its own, in a box that takes the classes."""
    words = re.sub(r"^(\d{1,9}(?=[.)][ \t])|(?=(?:[-*+>]|#{1,6})[ \t]))", r"\1\\", match[2].strip(), flags=re.M)
    return f"\n<div{_MARKDOWN.sub('', match[1])}>\n\n{words}\n\n</div>\n"


_LONE_TAG = re.compile(
    r"^([ \t>]*<(?:img|a|span|em|strong|b|i|code|kbd|small|sub|sup|abbr|mark|br)\b[^<>]*>)[ \t]*\n(?=[ \t>]*[^\s<>])", re.M
)


def join_lone_tags(text: str) -> str:
    """A line that is nothing but a tag begins a block of HTML to CommonMark; before a line of text it is a part of that."""
    return _LONE_TAG.sub(r"\1 ", text) if "<" in text else text


def _open_block(block: str, name: str, attributes: str) -> str:
    """Every box in the block that holds a blank line, and with it Markdown, is marked."""
    pieces: list[str] = []
    at = 0
    for opened in _ANY_OPENED.finditer(block):
        end = _find_close(block, opened)
        if not end or "markdown=" in opened[2] or not re.search(r"\n[ \t]*\n", block[opened.end() : end]):
            continue
        pieces += [block[at : opened.end() - 1], ' markdown="1">']
        at = opened.end()
    return "".join(pieces) + block[at:]


def _dedent(text: str) -> str:
    lines = text.split("\n")
    widths = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
    width = min(widths, default=0)
    return "\n".join(line[width:] if line.strip() else "" for line in lines)


# --- kramdown's attribute lists ------------------------------------------------------------------------------------------


def translate_block_attributes(job: Job, text: str) -> str:
    """Lines such as ``{: .class}``: to Goldmark's form behind a heading or a block, else left out and named."""
    if "{:" not in text:
        return text
    lines = text.split("\n")
    written: list[str] = []
    for number, line in enumerate(lines):
        found = _BLOCK_LIST.fullmatch(line)
        if found is None:
            written.append(line)
            continue
        content = found[2].strip()
        if re.match(r"toc\b", content):
            _take_toc(job, written, line)
            continue
        attributes = _as_goldmark(content)
        previous = written[-1] if written else ""
        is_behind = previous.strip(" \t>") != ""
        heading = _HEADING.fullmatch(previous) if is_behind else None
        if attributes and heading and job.wants("attributes"):
            written[-1] = f"{heading[1]}{heading[2]} {attributes}"
        elif attributes and is_behind and not heading and job.wants("block_attributes") and not _ITEM.match(previous):
            written.append(found[1] + job.hold(attributes))
        elif attributes:
            template = _("The attributes “%(code)s” were left out: this layout has none there.")
            job.report("attributes-left-out", "info", template, line, code=line.strip()[:80])
        del number
    return "\n".join(written)


def _take_toc(job: Job, written: list[str], line: str) -> None:
    """A list that stands for a table of contents, which themes make by themselves."""
    while written and _ITEM.match(written[-1]):
        written.pop()
    template = _("The table of contents “%(code)s” was left out: in this layout the theme shows it.")
    job.report("toc-left-out", "info", template, line, code=line.strip()[:80])


def _as_goldmark(content: str) -> str:
    """``{: #id .class key="value"}`` as Goldmark writes it; ``""`` where nothing of it can be."""
    entries = [match[1] or f"{match[2]}={match[3]}" for match in _ENTRY.finditer(content)]
    return "{" + " ".join(entries) + "}" if entries else ""


_HEADING_ATTRIBUTES = re.compile(r"^([ \t>]*#{1,6}[ \t].*?)[ \t]*\{:?[ \t]*[#.][^{}\n]*\}[ \t]*#*[ \t]*$", re.M)


def leave_out_heading_attributes(job: Job, text: str) -> str:
    """``{#id}`` behind a heading, where it would be read as words."""

    def leave_out(match: re.Match[str]) -> str:
        template = _("The attributes “%(code)s” were left out: this layout has none there.")
        job.report("attributes-left-out", "info", template, match[0], code=match[0][len(match[1]) :].strip()[:80])
        return match[1]

    return _HEADING_ATTRIBUTES.sub(leave_out, text) if "{" in text else text


_DEFINITION = re.compile(r"( {0,3}):[ \t]+(\S.*)$")


def translate_definitions(job: Job, text: str) -> str:
    """Lists of definitions as HTML, with Markdown in the definitions; as bold terms where no HTML is read."""
    if "\n:" not in text and "\n :" not in text:
        return text
    lines = text.split("\n")
    written: list[str] = []
    number = 0
    while number < len(lines):
        found = _DEFINITION.match(lines[number])
        terms = _take_terms(written) if found else []
        if found is None or not terms:
            written.append(lines[number])
            number += 1
            continue
        entries, number = _read_definitions(lines, number, terms)
        written += _spell_definitions(job, entries)
    return "\n".join(written)


def _take_terms(written: list[str]) -> list[str]:
    """The lines above a definition that are its terms, taken out."""
    gap = 1 if written and not written[-1].strip() else 0
    start = len(written) - gap
    while start > 0 and written[start - 1].strip() and not _BLOCK_START.match(written[start - 1]):
        start -= 1
    terms = written[start : len(written) - gap]
    if not terms or any(term.startswith(("    ", "\t", "<")) for term in terms):
        return []
    del written[start:]
    return [term.strip() for term in terms]


Entry = tuple[list[str], list[str]]


def _read_definitions(lines: list[str], number: int, terms: list[str]) -> tuple[list[Entry], int]:
    """Terms with their definitions, as far as the list goes; and where the text goes on."""
    entries: list[Entry] = []
    while True:
        definitions: list[str] = []
        while number < len(lines) and (found := _DEFINITION.match(lines[number])):
            body = [found[2]]
            number += 1
            while number < len(lines) and _goes_on(lines, number):
                body.append(re.sub(r"^(?: {1,4}|\t)", "", lines[number]))
                number += 1
            definitions.append("\n".join(body).strip("\n"))
            while number + 1 < len(lines) and not lines[number].strip() and _DEFINITION.match(lines[number + 1]):
                number += 1
        entries.append((terms, definitions))
        following = _next_terms(lines, number)
        if following is None:
            return entries, number
        terms, number = following


def _goes_on(lines: list[str], number: int) -> bool:
    line = lines[number]
    if line.startswith(("  ", "\t")):
        return True
    if not line.strip():
        later = next((other for other in lines[number + 1 :] if other.strip()), "")
        return later.startswith(("  ", "\t"))
    return not _BLOCK_START.match(line) and not _DEFINITION.match(line) and bool(lines[number - 1].strip())


def _next_terms(lines: list[str], number: int) -> tuple[list[str], int] | None:
    """The terms of a further entry of the same list, and where its definitions begin."""
    start = number
    while start < len(lines) and not lines[start].strip():
        start += 1
    end = start
    while end < len(lines) and lines[end].strip() and not _BLOCK_START.match(lines[end]) and not _DEFINITION.match(lines[end]):
        end += 1
    if end == start:
        return None
    first = end + 1 if end < len(lines) and not lines[end].strip() else end
    if first < len(lines) and _DEFINITION.match(lines[first]):
        return [line.strip() for line in lines[start:end]], first
    return None


def _spell_definitions(job: Job, entries: list[Entry]) -> list[str]:
    if not job.target.takes_html:
        lines = [
            line for terms, bodies in entries for line in (f"**{'、'.join(terms)}**", "", *("\n\n".join(bodies).split("\n")), "")
        ]
        return ["", *lines]
    written = ["", "<dl>"]
    for terms, bodies in entries:
        written += [f"<dt>{inline_html(job.restore(term))}</dt>" for term in terms]
        for body in bodies:
            written += ["<dd>", "", body, "", "</dd>"]
    return [*written, "</dl>", ""]


def translate_tables(text: str) -> str:
    """kramdown's tables: further rules between their rows are left out, and one without a head gets an empty one."""
    if "|" not in text:
        return text
    lines = text.split("\n")
    written: list[str] = []
    number = 0
    while number < len(lines):
        if not _ROW.match(lines[number]):
            written.append(lines[number])
            number += 1
            continue
        end = number
        while end < len(lines) and _ROW.match(lines[end]):
            end += 1
        written += _spell_table(lines[number:end])
        number = end
    return "\n".join(written)


def _spell_table(rows: list[str]) -> list[str]:
    has_head = len(rows) > 1 and _RULE.match(rows[1]) is not None
    body = [row for row in rows[2 if has_head else 0 :] if not _RULE.match(row)]
    if has_head:
        return [*rows[:2], *body]
    if not body:
        return rows
    columns = len(re.findall(r"(?<!\\)\|", body[0].strip().strip("|"))) + 1
    return ["|" + "   |" * columns, "|" + "---|" * columns, *body]


def as_kramdown_attributes(text: str) -> str:
    """Goldmark's attributes of blocks, ``{.class}`` in a line of its own, as kramdown's."""
    return re.sub(r"^([ \t>]*)\{(?=[#.][^\s{}])([^{}\n]*)\}[ \t]*$", r"\1{: \2}", text, flags=re.M)


# --- what kramdown takes for a table -----------------------------------------------------------------------------------


def escape_bars(text: str) -> str:
    """A bar in a line makes it a table to kramdown: outside tables it is escaped."""
    if "|" not in text:
        return text
    lines = text.split("\n")
    in_table = _table_lines(lines)
    return "\n".join(
        line if index in in_table or "|" not in line or _HTML_LINE.match(line) else re.sub(r"(?<!\\)\|", r"\\|", line)
        for index, line in enumerate(lines)
    )


def part_blocks(text: str, *, starts_block: Callable[[str], bool]) -> str:
    """Blank lines where kramdown needs them: before headings, tables and code, which CommonMark lets follow a paragraph.

    What goes on a note at the foot of the page must be indented to it.
    """
    lines = text.split("\n")
    tables = _table_lines(lines)
    written: list[str] = []
    in_note = False
    for number, line in enumerate(lines):
        previous = lines[number - 1] if number else ""
        follows_words = number > 0 and previous.strip(" \t>") != ""
        is_heading = _HEADING_LINE.match(line) is not None
        if is_heading and line.startswith(" ") and not _below_item(lines, number):
            # To kramdown a heading begins its line.
            line = line.lstrip(" ")
        begins_table = number in tables and number - 1 not in tables
        if follows_words and (is_heading or begins_table or starts_block(line)) and not _HEADING_LINE.match(previous):
            prefix = _QUOTE.match(line)
            written.append(prefix[0].rstrip() if prefix else "")
        if in_note and follows_words and not _BLOCK_START.match(line) and not line.startswith((" ", "\t")):
            line = "    " + line
        in_note = _NOTE.match(line) is not None or (in_note and line.strip() != "")
        written.append(line)
    return "\n".join(written)


def _below_item(lines: list[str], number: int) -> bool:
    """Whether an indented line belongs to an item of a list above it."""
    while number > 0:
        number -= 1
        line = lines[number]
        if _ITEM.match(line):
            return True
        if line.strip() and not line.startswith((" ", "\t")):
            return False
    return False


_HTML_LINE = re.compile(r"[ \t>]*<[A-Za-z/!]")
_HEADING_LINE = re.compile(r"[ \t>]{0,12}#{1,6}(?:[ \t]|$)")
_QUOTE = re.compile(r"[ \t>]*")
_NOTE = re.compile(r" {0,3}\[\^[^\]\n]+\]:")
_BLOCK_START = re.compile(r"[ \t]*(?:$|[-*+>][ \t]|\d{1,9}[.)][ \t]|#{1,6}[ \t]|\||\[\^)")


def _table_lines(lines: list[str]) -> set[int]:
    found: set[int] = set()
    for number, line in enumerate(lines):
        if number and "-" in line and ("|" in line or "|" in lines[number - 1]) and _TABLE_LINE.match(line):
            found |= {number - 1, number}
            below = number + 1
            while below < len(lines) and lines[below].strip(" \t>"):
                found.add(below)
                below += 1
    return found
