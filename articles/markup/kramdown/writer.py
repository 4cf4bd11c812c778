"""The tree to HTML, with footnotes at the end and the table of contents where ``{:toc}`` stands."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from articles.markup.kramdown.abbreviations import AbbreviationFinder
from articles.markup.kramdown.grammar import VOID_ELEMENTS, WHITE
from articles.markup.kramdown.tree import Document, Node

#: References stay as they are in text; a lone ampersand does not.
_REFERENCE = r"&(?:[A-Za-z_:][-\w.:]*;|#[0-9]+;|#x[0-9a-fA-F]+;)"
_IN_TEXT = re.compile(rf"({_REFERENCE})|[<>&]")
_IN_ATTRIBUTE = re.compile(rf"({_REFERENCE})|[<>&\"]")
_NEEDS_ESCAPE = re.compile(r"[<>&]")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;"}
_LANGUAGE = re.compile(r"\blanguage-(\S+)")
_NOT_IN_ID = re.compile(r"[^\w\- \t]")
_NO_TOC = re.compile(r"\bno_toc\b")
_BACKLINK = "↩"
_TOC_MARK = "\ufdd0toc\ufdd0"
_FOOTNOTES_MARK = "\ufdd0footnotes\ufdd0"
_ALIGNED = frozenset({"left", "center", "right"})


class HtmlWriter:
    """Writes one document."""

    def __init__(self, document: Document, *, is_hard_wrapped: bool = False) -> None:
        self._document = document
        self._settings = document.settings
        self._out: list[str] = []
        self._abbreviations = AbbreviationFinder(document) if document.abbreviations else None
        self._line_end = "\n" if is_hard_wrapped else "\\\n"
        self._html_depth = 0
        self._raw_depth = 0
        self._ids: dict[str, int] = {}
        self._footnotes: dict[str, list[int]] = {}
        self._headings: list[tuple[int, str, Node]] = []
        self._toc: Node | None = None
        self._has_footnote_place = False
        self._alignment: tuple[str, ...] = ()

    def write(self) -> str:
        """The HTML of the whole document."""
        self._write_children(self._document.root)
        body = self._take()
        if self._footnotes:
            footnotes = self._write_footnotes()
            body = body.replace(_FOOTNOTES_MARK, footnotes, 1) if self._has_footnote_place else body + footnotes
        elif self._has_footnote_place:
            body = body.replace(_FOOTNOTES_MARK, "", 1)
        if self._toc is not None:
            body = body.replace(_TOC_MARK, self._write_toc(self._toc), 1)
        return body

    def _take(self) -> str:
        text = "".join(self._out)
        self._out.clear()
        return text

    def _write_children(self, node: Node) -> None:
        children = node.children
        plain: list[str] = []
        for child in children:
            if type(child) is str:
                plain.append(child)
                continue
            if plain:
                self._write_text("".join(plain), node)
                plain = []
            if isinstance(child, Node):
                _WRITERS[child.kind](self, child)
            else:
                self._out.append(escape_text(child))
        if plain:
            self._write_text("".join(plain), node, is_last=True)

    def _write_text(self, text: str, parent: Node, *, is_last: bool = False) -> None:
        if self._line_end in text and not self._html_depth:
            self._write_lines(text, parent, is_at_end=is_last and parent.kind in _BLOCKS)
        else:
            self._write_words(text, parent)

    def _write_words(self, text: str, parent: Node) -> None:
        if self._abbreviations is not None and parent.model != "raw":
            for is_abbreviation, piece in self._abbreviations.split(text):
                if is_abbreviation:
                    self._write_abbreviation(piece)
                else:
                    self._out.append(escape_text(piece))
            return
        self._out.append(escape_text(text))

    def _write_lines(self, text: str, parent: Node, *, is_at_end: bool) -> None:
        """Text whose line ends are line breaks, but for one at the very end of a block."""
        lines = text.split(self._line_end)
        for number, line in enumerate(lines):
            self._write_words(line if number == 0 else "\n" + line, parent)
            is_last_break = number == len(lines) - 2 and not lines[-1] and is_at_end
            if number < len(lines) - 1 and not is_last_break:
                self._out.append("<br />")

    def _write_abbreviation(self, text: str) -> None:
        title, mark = self._document.abbreviations[text]
        attributes = dict(mark.attributes)
        if title:
            attributes["title"] = title
        self._out.append(f"<abbr{format_attributes(attributes)}>{escape_text(text)}</abbr>")

    # Blocks

    def _write_blank(self, node: Node) -> None:
        self._out.append("\n")

    def _write_nothing(self, node: Node) -> None:
        pass

    def _write_paragraph(self, node: Node) -> None:
        if node.is_tight:
            self._write_children(node)
            return
        only = node.children[0] if len(node.children) == 1 else None
        if isinstance(only, Node) and only.kind == "img" and only.refers_to("standalone"):
            self._write_figure(node, only)
            return
        self._out.append(f"<p{format_attributes(node.attributes)}>")
        self._write_children(node)
        self._out.append("</p>\n")

    def _write_figure(self, node: Node, image: Node) -> None:
        figure, attributes = dict(node.attributes), dict(image.attributes)
        for name in ("class", "id"):
            if name in attributes and name not in figure:
                figure[name] = attributes.pop(name)
        caption = escape_text(attributes.get("alt", ""))
        self._out.append(
            f"<figure{format_attributes(figure)}>\n<img{format_attributes(attributes)} />\n"
            f"<figcaption>{caption}</figcaption>\n</figure>\n"
        )

    def _write_heading(self, node: Node) -> None:
        attributes = dict(node.attributes)
        if self._settings.auto_ids and not attributes.get("id"):
            attributes["id"] = self._make_id(plain_text(node))
        is_listed = node.level in self._settings.toc_levels and not _NO_TOC.search(attributes.get("class", ""))
        if is_listed and attributes.get("id"):
            self._headings.append((node.level, attributes["id"], node))
        level = max(1, min(6, node.level + self._settings.header_offset))
        self._out.append(f"<h{level}{format_attributes(attributes)}>")
        self._write_children(node)
        self._out.append(f"</h{level}>\n")

    def _make_id(self, text: str) -> str:
        """The id that Jekyll gives: small letters of any script, hyphens for blanks, a number for repetitions."""
        identifier = _NOT_IN_ID.sub(_keep_marks, text.lower()).replace(" ", "-").replace("\t", "-")
        count = self._ids.get(identifier, -1) + 1
        self._ids[identifier] = count
        return f"{identifier}-{count}" if count else identifier

    def _write_codeblock(self, node: Node) -> None:
        attributes, code_attributes = dict(node.attributes), ""
        language = _LANGUAGE.search(attributes.get("class", ""))
        if language is not None:
            others = attributes["class"].replace(language.group(), "", 1).split()
            attributes.pop("class")
            if others:
                attributes["class"] = " ".join(others)
            code_attributes = format_attributes({"class": language.group()})
        code = escape_code(node.text.removesuffix("\n"))
        self._out.append(f"<pre{format_attributes(attributes)}><code{code_attributes}>{code}\n</code></pre>\n")

    def _write_rule(self, node: Node) -> None:
        self._out.append(f"<hr{format_attributes(node.attributes)} />\n")

    def _write_container(self, node: Node) -> None:
        self._out.append(f"<{node.kind}{format_attributes(node.attributes)}>\n")
        self._write_children(node)
        self._out.append(f"</{node.kind}>\n")

    def _write_list(self, node: Node) -> None:
        if self._toc is None and node.refers_to("toc"):
            self._toc = node
            self._out.append(_TOC_MARK)
        elif not self._has_footnote_place and node.refers_to("footnotes"):
            self._has_footnote_place = True
            self._out.append(_FOOTNOTES_MARK)
        else:
            self._write_container(node)

    def _write_item(self, node: Node) -> None:
        self._out.append(f"<{node.kind}{format_attributes(node.attributes)}>")
        self._write_children(node)
        self._out.append(f"</{node.kind}>\n")

    def _write_table(self, node: Node) -> None:
        self._alignment = node.alignment
        self._write_container(node)

    def _write_row(self, node: Node) -> None:
        self._write_cells(node, "td")

    def _write_cells(self, row: Node, tag: str) -> None:
        self._out.append("<tr>\n")
        for number, cell in enumerate(row.nodes()):
            side = self._alignment[number] if number < len(self._alignment) else ""
            attributes = dict(cell.attributes)
            if side in _ALIGNED:
                attributes["class"] = f"{attributes.get('class', '')} align-{side}".lstrip()
            self._out.append(f"<{tag}{format_attributes(attributes)}>")
            self._write_children(cell)
            self._out.append(f"</{tag}>\n")
        self._out.append("</tr>\n")

    def _write_table_head(self, node: Node) -> None:
        self._out.append("<thead>\n")
        for row in node.nodes():
            self._write_cells(row, "th")
        self._out.append("</thead>\n")

    # HTML

    def _write_html(self, node: Node) -> None:
        out = self._out
        out.append(f"<{node.text}{format_attributes(node.attributes)}")
        if node.text in VOID_ELEMENTS and not node.children:
            out.append(" />")
        else:
            out.append(">" if node.model != "block" else ">\n")
            self._html_depth += 1
            self._raw_depth += node.model == "raw"
            self._write_children(node)
            self._raw_depth -= node.model == "raw"
            self._html_depth -= 1
            out.append(f"</{node.text}>")
        if node.kind == "html" and not self._raw_depth:
            out.append("\n")

    def _write_verbatim(self, node: Node) -> None:
        self._out.append(node.text)

    # Spans

    def _write_span(self, node: Node) -> None:
        self._out.append(f"<{node.kind}{format_attributes(node.attributes)}>")
        self._write_children(node)
        self._out.append(f"</{node.kind}>")

    def _write_struck(self, node: Node) -> None:
        self._html_depth += 1
        self._write_span(node)
        self._html_depth -= 1

    def _write_image(self, node: Node) -> None:
        self._out.append(f"<img{format_attributes(node.attributes)} />")

    def _write_break(self, node: Node) -> None:
        if self._line_end != "\n":  # else the line end that follows is the break
            self._out.append("<br />")

    def _write_codespan(self, node: Node) -> None:
        self._out.append(f"<code{format_attributes(node.attributes)}>{escape_code(node.text)}</code>")

    def _write_math(self, node: Node) -> None:
        style = "display" if node.model == "block" else "inline"
        attributes = {**node.attributes, "data-math-style": style}
        self._out.append(f"<span{format_attributes(attributes)}>{escape_code(node.text)}</span>")
        if node.model == "block":
            self._out.append("\n")

    # Footnotes and contents

    def _write_footnote(self, node: Node) -> None:
        name = node.text
        number_and_uses = self._footnotes.get(name)
        if number_and_uses is None:
            number_and_uses = [self._settings.first_footnote + len(self._footnotes), 0]
            self._footnotes[name] = number_and_uses
            repeated = ""
        else:
            number_and_uses[1] += 1
            repeated = f":{number_and_uses[1]}"
        self._out.append(
            f'<sup id="fnref:{name}{repeated}" role="doc-noteref"><a href="#fn:{name}" class="footnote" rel="footnote">'
            f"{number_and_uses[0]}</a></sup>"
        )

    def _write_footnotes(self) -> str:
        """The section of notes. Notes may refer to further notes, which join the end while it is written."""
        first = self._settings.first_footnote
        items: list[str] = []
        names = list(self._footnotes)
        while len(items) < len(names):
            name = names[len(items)]
            self._write_children(self._document.footnotes[name])
            items.append(self._take())
            if len(self._footnotes) > len(names):
                names = list(self._footnotes)
        self._out.append('<div class="footnotes" role="doc-endnotes">\n')
        self._out.append(f'<ol start="{first}">\n' if first != 1 else "<ol>\n")
        for name, item in zip(names, items, strict=True):
            self._out.append(f'<li id="fn:{name}" role="doc-endnote">\n{self._with_backlinks(item, name)}</li>\n')
        self._out.append("</ol>\n</div>\n")
        return self._take()

    def _with_backlinks(self, note: str, name: str) -> str:
        """The note with links back to its marks, in its last paragraph or in one of their own."""
        links = [f'<a href="#fnref:{name}" class="reversefootnote" role="doc-backlink">{_BACKLINK}</a>']
        for use in range(1, self._footnotes[name][1] + 1):
            links.append(
                f'<a href="#fnref:{name}:{use}" class="reversefootnote" role="doc-backlink">{_BACKLINK}<sup>{use + 1}</sup></a>'
            )
        backlinks = "\N{NO-BREAK SPACE}".join(links)
        last = self._document.footnotes[name].last_node()
        if last is not None and last.kind == "p" and note.endswith("</p>\n"):
            return f"{note.removesuffix('</p>' + chr(10))}\N{NO-BREAK SPACE}{backlinks}</p>\n"
        return f"{note}<p>{backlinks}</p>\n"

    def _write_toc(self, node: Node) -> str:
        """Nested lists of links to the headings; a deeper heading goes under the last one above its level."""
        if not self._headings:
            return ""
        identifier = node.attributes.get("id", "markdown-toc")
        out, levels = self._out, list[int]()
        out.append(f"<{node.kind}{format_attributes({**node.attributes, 'id': identifier})}>\n")
        for level, target, heading in self._headings:
            if levels and levels[-1] < level:
                out.append(f"\n<{node.kind}>\n")
            while levels and levels[-1] >= level:
                levels.pop()
                out.append("</li>\n")
                if levels and levels[-1] >= level:
                    out.append(f"</{node.kind}>\n")
            levels.append(level)
            href = format_attributes({"href": f"#{target}", "id": f"{identifier}-{target}"})
            out.append(f"<li><a{href}>")
            self._write_children(_as_contents_entry(heading))
            out.append("</a>")
        out.append(f"</li>\n</{node.kind}>\n" * len(levels))
        return self._take()


def _as_contents_entry(node: Node) -> Node:
    """A copy of a heading's content without footnote marks, links replaced by what they hold."""
    entry = Node(node.kind, node.text, node.attributes)
    entry.model, entry.level = node.model, node.level
    for child in node.children:
        if isinstance(child, str):
            entry.children.append(child)
            continue
        copy = _as_contents_entry(child)
        if copy.kind == "a":
            entry.children.extend(copy.children)
        elif copy.kind != "footnote":
            entry.children.append(copy)
    return entry


def plain_text(node: Node) -> str:
    """The text of a heading without its marks: what its id is made of."""
    parts: list[str] = []
    for child in node.children:
        if isinstance(child, str):
            parts.append(child)
        elif child.kind in ("codespan", "math"):
            parts.append(child.text)
        else:
            parts.append(plain_text(child))
    return "".join(parts)


def _keep_marks(match: re.Match[str]) -> str:
    """Vowel signs and other marks are parts of words too."""
    return match.group() if unicodedata.category(match.group())[0] == "M" else ""


def escape_text(text: str) -> str:
    """Escape text, leaving references to characters as they are."""
    if not _NEEDS_ESCAPE.search(text):
        return text
    return _IN_TEXT.sub(_escape, text)


def escape_code(text: str) -> str:
    """Escape code: what it says is what is shown."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escape(match: re.Match[str]) -> str:
    return match[1] or _ENTITIES[match.group()]


def format_attributes(attributes: dict[str, str]) -> str:
    """The attributes as they stand in a tag, with a blank before each."""
    if not attributes:
        return ""
    return "".join(
        f' {name}="{_IN_ATTRIBUTE.sub(_escape, value)}"'
        for name, value in attributes.items()
        if name != "id" or value.strip(WHITE)
    )


_BLOCKS = frozenset({"p", "header", "td", "dt", "inline", "li"})
_WRITERS: dict[str, Callable[[HtmlWriter, Node], None]] = {
    "blank": HtmlWriter._write_blank,
    "eob": HtmlWriter._write_nothing,
    "hidden": HtmlWriter._write_nothing,
    "inline": HtmlWriter._write_children,
    "p": HtmlWriter._write_paragraph,
    "header": HtmlWriter._write_heading,
    "codeblock": HtmlWriter._write_codeblock,
    "hr": HtmlWriter._write_rule,
    "blockquote": HtmlWriter._write_container,
    "ul": HtmlWriter._write_list,
    "ol": HtmlWriter._write_list,
    "dl": HtmlWriter._write_container,
    "li": HtmlWriter._write_item,
    "dd": HtmlWriter._write_item,
    "dt": HtmlWriter._write_item,
    "table": HtmlWriter._write_table,
    "thead": HtmlWriter._write_table_head,
    "tbody": HtmlWriter._write_container,
    "tfoot": HtmlWriter._write_container,
    "tr": HtmlWriter._write_row,
    "html": HtmlWriter._write_html,
    "htmlspan": HtmlWriter._write_html,
    "verbatim": HtmlWriter._write_verbatim,
    "comment": HtmlWriter._write_verbatim,
    "em": HtmlWriter._write_span,
    "strong": HtmlWriter._write_span,
    "a": HtmlWriter._write_span,
    "del": HtmlWriter._write_struck,
    "img": HtmlWriter._write_image,
    "br": HtmlWriter._write_break,
    "codespan": HtmlWriter._write_codespan,
    "math": HtmlWriter._write_math,
    "footnote": HtmlWriter._write_footnote,
}
