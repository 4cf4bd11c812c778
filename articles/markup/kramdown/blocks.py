"""The block reader: a text becomes a tree whose paragraphs, headings and cells still hold inline source.

Positions, not lines, drive it: after an HTML element closes in the middle of a line, the rest of that line is read as
if it began there, as kramdown does.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from articles.markup.kramdown import lists, tables
from articles.markup.kramdown.attributes import is_for_html, read_attribute_list
from articles.markup.kramdown.fences import FenceIndex
from articles.markup.kramdown.grammar import (
    BLANK,
    BLOCK_ATTRIBUTES_LINE,
    BLOCK_BOUNDARY,
    CODE_INDENT,
    END_MARK,
    EXTENSION_BLOCK_STOP,
    EXTENSION_START,
    HTML_CLOSE_TAG,
    HTML_TAG,
    ID_NAME,
    LAZY_END,
    LAZY_END_STARTS,
    LIST_BODY,
    NOT_LAZY_IN_CODE,
    PARAGRAPH_END,
    PARAGRAPH_END_STARTS,
    RULE,
    SPAN_ELEMENTS,
    STRIPPED,
    WHITE,
    S,
    line_after,
    normalise_link_id,
)
from articles.markup.kramdown.html import open_element, read_element
from articles.markup.kramdown.options import apply_options
from articles.markup.kramdown.tree import MAX_BLOCK_DEPTH, AttributeList, Document, LinkDefinition, Node

_ATX_HEADING = re.compile(r"(#{1,6})[\t ]+([^\n]*)\n")
_SETEXT_HEADING = re.compile(r" {0,3}([^ \t\n][^\n]*)\n([-=])[-=]*[ \t\r\f\v]*\n")
#: The characters of an XML name.
_NAME_START = (
    r":A-Z_a-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u037D\u037F-\u1FFF\u200C\u200D\u2070-\u218F"
    r"\u2C00-\u2FEF\u3001-\uD7FF\uF900-\uFDCF\uFDF0-\uFFFD\U00010000-\U000EFFFF"
)
_HEADING_ID = re.compile(rf"[\t ]\{{#([{_NAME_START}][-.0-9\u00B7\u0300-\u036F\u203F\u2040{_NAME_START}]*)\}}\Z")
_CLOSING_HASHES = re.compile(r"(?<=[\t ])#+\Z")
_QUOTE_MARK = re.compile(r"^ {0,3}> ?", re.MULTILINE)
_QUOTE = re.compile(r" {0,3}>")
_MATH = re.compile(r" {0,3}(\\)?\$\$")
_MATH_LINE_END = re.compile(rf"{S}*?\n")
_FOOTNOTE = re.compile(rf" {{0,3}}\[\^({ID_NAME})\]:")
_LINK = re.compile(r" {0,3}\[([^\n\]]+)\]:[ \t]*")
_LINK_ANGLE = re.compile(r"<([^\n>]*)>")
_LINK_END = re.compile(r"""(?:[ \t]*(?:\n[ \t]*|(?<=[ \t]))(["'])([^\n]+?)\1)?[ \t]*\n""")
_LINK_NEXT_LINE_TITLE = re.compile(r"""[ \t]*(["'])([^\n]+)\1[ \t]*\n""")
_QUOTE_AFTER_BLANK = re.compile(r"""[ \t]["']""")
_ABBREVIATION = re.compile(r" {0,3}\*\[([^\n]+?)\]:([^\n]*)\n")
_ATTRIBUTE_DEFINITION = re.compile(rf" {{0,3}}\{{:({ID_NAME}):({LIST_BODY})\}}{S}*?\n")
_INDENT = re.compile(r" {0,3}")
_CODE_START = re.compile(r"\t| {4}")
_CODE_LINE = re.compile(r"(?:\t| {4})[ \t]*+[^ \t\r\n\f\v]")
_LAZY_CODE_LINE = re.compile(r"\n( {0,3}[^ \t\r\n\f\v])")

#: Kinds of mark after which an attribute list belongs to the definition before it.
_DEFINITION_MARKS = frozenset({"link", "abbreviation", "footnote"})


class Frame:
    """One run over a text, filling ``container``. ``pending`` is an attribute list waiting for the next block."""

    __slots__ = ("container", "depth", "fences", "html_depth", "missing", "pending", "position", "text")

    def __init__(self, container: Node, text: str, depth: int, position: int = 0) -> None:
        self.container = container
        self.text = text
        self.position = position
        self.depth = depth
        self.html_depth = 0
        self.pending: AttributeList | None = None
        self.fences: FenceIndex | None = None
        self.missing: set[str] = set()

    def has_after(self, needle: str, position: int) -> bool:
        """Does ``needle`` occur at ``position`` or later? Positions only grow, so one "no" is remembered."""
        if needle in self.missing:
            return False
        if self.text.find(needle, position) >= 0:
            return True
        self.missing.add(needle)
        return False

    def skip_rest_of_line(self) -> None:
        """Step over the rest of the line where nothing but blanks and tabs is left on it."""
        end = self.position
        while end < len(self.text) and self.text[end] in " \t":
            end += 1
        if end < len(self.text) and self.text[end] == "\n":
            self.position = end + 1

    def nested_in(self, container: Node) -> Frame:
        """A run over the rest of the same text, for the content of an HTML element."""
        frame = Frame(container, self.text, self.depth + 1, self.position)
        frame.fences = self.fences
        frame.html_depth = self.html_depth
        frame.missing = self.missing
        return frame

    def add(self, node: Node) -> Node:
        """Append a block, which takes the waiting attribute list."""
        node.ial, self.pending = self.pending, None
        self.container.children.append(node)
        return node

    def add_mark(self, reason: str) -> Node:
        """Append an end of block mark: nothing visible, but what follows does not join what precedes."""
        return self.add(Node("eob", reason))

    def is_after_boundary(self) -> bool:
        """May a block start here that needs a blank line (or the start of the text) before it?"""
        last = self.container.last_node()
        return last is None or last.kind == "blank" or (last.kind == "eob" and not last.text) or self.pending is not None

    def is_before_boundary(self) -> bool:
        """Does a block end here: blank line, end mark, attribute list or end of text?"""
        return BLOCK_BOUNDARY.match(self.text, self.position) is not None


Reader = Callable[["BlockReader", Frame], bool]


class BlockReader:
    """Reads blocks into the tree of one document."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def read(self, container: Node, text: str, depth: int) -> None:
        """Read the whole of ``text`` into ``container``."""
        if depth > MAX_BLOCK_DEPTH:
            container.children.append(Node("p", text.strip(STRIPPED)))
            return
        self.run(Frame(container, text, depth))

    def run(self, frame: Frame) -> bool:
        """Read from the frame's position to the end of its text. True when the container's closing tag ended it."""
        text, end = frame.text, len(frame.text)
        while frame.position < end:
            character = text[frame.position]
            if character in WHITE:
                blank = BLANK.match(text, frame.position)
                if blank is not None:
                    self._add_blank(frame, blank.group(), blank.end())
                    continue
                if _CODE_START.match(text, frame.position):
                    self._read_indented_code(frame)
                    continue
                indent = _INDENT.match(text, frame.position)
                character = text[indent.end()] if indent is not None and indent.end() < end else ""
            if character == "<" and self._ends_container(frame):
                return True
            if not self._read_block(frame, character):
                self._read_paragraph(frame)
        return False

    def _read_block(self, frame: Frame, character: str) -> bool:
        for reader in _READERS.get(character, ()):
            if reader(self, frame):
                return True
        if self._read_setext_heading(frame):
            return True
        if character in "$\\" and character and self._read_math(frame):
            return True
        if tables.read_table(self, frame):
            return True
        return any(reader(self, frame) for reader in _LATE_READERS.get(character, ()))

    @staticmethod
    def _add_blank(frame: Frame, blank: str, end: int) -> None:
        frame.position = end
        last = frame.container.last_node()
        if last is not None and last.kind == "blank":
            last.text += blank
        else:
            frame.add(Node("blank", blank))

    # Code

    def _read_indented_code(self, frame: Frame) -> bool:
        start = frame.position
        frame.position = indented_extent(frame.text, start)
        if frame.position == start:
            # Only white space before the end of a text without a final newline.
            return self._read_paragraph(frame)
        code = _LAZY_CODE_LINE.sub(r" \1", frame.text[start : frame.position])
        frame.add(Node("codeblock", CODE_INDENT.sub("", code)))
        return True

    def _read_fenced_code(self, frame: Frame) -> bool:
        if frame.fences is None:
            frame.fences = FenceIndex(frame.text)
        fence = frame.fences.read(frame.position)
        if fence is None:
            return False
        frame.position = fence.end
        code = frame.add(Node("codeblock", fence.code))
        if fence.language:
            code.attributes["class"] = f"language-{fence.language}"
        return True

    # Quotes, headings, rules

    def _read_quote(self, frame: Frame) -> bool:
        text, start = frame.text, frame.position
        if not _QUOTE.match(text, start):
            return False
        end = line_after(text, start)
        while end < len(text) and not (text[end] in LAZY_END_STARTS and LAZY_END.match(text, end)):
            end = line_after(text, end)
        frame.position = end
        quote = frame.add(Node("blockquote"))
        self.read(quote, _QUOTE_MARK.sub("", text[start:end]), frame.depth + 1)
        return True

    def _read_atx_heading(self, frame: Frame) -> bool:
        match = _ATX_HEADING.match(frame.text, frame.position)
        if match is None:
            return False
        content, identifier = split_heading_id(match[2])
        content = _CLOSING_HASHES.sub("", content).rstrip(STRIPPED) if content.endswith("#") else content
        return self._add_heading(frame, match, len(match[1]), content, identifier)

    def _read_setext_heading(self, frame: Frame) -> bool:
        text = frame.text
        below = line_after(text, frame.position)
        if below >= len(text) or text[below] not in "-=" or not frame.is_after_boundary():
            return False
        match = _SETEXT_HEADING.match(text, frame.position)
        if match is None:
            return False
        content, identifier = split_heading_id(match[1])
        return self._add_heading(frame, match, 2 if match[2] == "-" else 1, content, identifier)

    @staticmethod
    def _add_heading(frame: Frame, match: re.Match[str], level: int, content: str, identifier: str) -> bool:
        if not content:
            return False
        frame.position = match.end()
        heading = frame.add(Node("header", content))
        heading.level = level
        if identifier:
            heading.attributes["id"] = identifier
        return True

    def _read_rule(self, frame: Frame) -> bool:
        match = RULE.match(frame.text, frame.position)
        if match is None:
            return False
        frame.position = match.end()
        frame.add(Node("hr"))
        return True

    # HTML

    def _ends_container(self, frame: Frame) -> bool:
        """Is the closing tag of the HTML element that this run fills here? Then step over it."""
        if frame.container.kind != "html":
            return False
        start = _INDENT.match(frame.text, frame.position)
        match = HTML_CLOSE_TAG.match(frame.text, start.end() if start else frame.position)
        if match is None or match[1].lower() in SPAN_ELEMENTS or match[1].lower() != frame.container.text:
            return False
        frame.position = match.end()
        return True

    def _read_html(self, frame: Frame) -> bool:
        text = frame.text
        if text.startswith("<!--", frame.position) and frame.has_after("-->", frame.position + 4):
            end = text.index("-->", frame.position + 4) + 3
            frame.container.children.append(Node("comment", text[frame.position : end]))
            frame.position = end
            frame.skip_rest_of_line()
            return True
        start = _INDENT.match(text, frame.position)
        match = HTML_TAG.match(text, start.end() if start else frame.position)
        if match is None or match[1].lower() in SPAN_ELEMENTS or frame.html_depth + frame.depth > MAX_BLOCK_DEPTH:
            return False
        frame.position = match.end()
        element = open_element(match)
        frame.container.children.append(element)
        element.ial, frame.pending = frame.pending, None
        read_element(self, frame, element, is_in_raw=frame.container.kind == "html" and frame.container.model == "raw")
        return True

    # Mathematics

    def _read_math(self, frame: Frame) -> bool:
        text, start = frame.text, frame.position
        match = _MATH.match(text, start)
        if match is None or not frame.is_after_boundary():
            return False
        end = text.find("$$", match.end())
        if end < 0:
            return False
        line_end = _MATH_LINE_END.match(text, end + 2)
        if match[1]:
            if line_end is not None:
                frame.position = match.start() + text[match.start() :].index("\\") + 1
            return False
        frame.position = line_end.end() if line_end is not None else end + 2
        if not frame.is_before_boundary():
            frame.position = start
            return False
        math = frame.add(Node("math", text[match.end() : end].strip(STRIPPED)))
        math.model = "block"
        return True

    # Definitions

    def _read_footnote(self, frame: Frame) -> bool:
        match = _FOOTNOTE.match(frame.text, frame.position)
        if match is None:
            return False
        end = indented_extent(frame.text, line_after(frame.text, match.end()))
        note = Node("footnote_definition")
        self.read(note, CODE_INDENT.sub("", frame.text[match.end() : end]), frame.depth + 1)
        frame.position = end
        frame.add_mark("footnote")
        self.document.footnotes[match[1]] = note
        return True

    def _read_link(self, frame: Frame) -> bool:
        match = _LINK.match(frame.text, frame.position)
        if match is None:
            return False
        target = read_link_target(frame.text, match.end())
        if target is None:
            return False
        url, title, frame.position = target
        self.document.links[normalise_link_id(match[1])] = LinkDefinition(url, title, frame.add_mark("link"))
        return True

    def _read_abbreviation(self, frame: Frame) -> bool:
        match = _ABBREVIATION.match(frame.text, frame.position)
        if match is None:
            return False
        frame.position = match.end()
        self.document.abbreviations[match[1]] = (match[2].strip(STRIPPED), frame.add_mark("abbreviation"))
        return True

    # Attribute lists, extensions, end marks

    def _read_braces(self, frame: Frame) -> bool:
        match = _ATTRIBUTE_DEFINITION.match(frame.text, frame.position)
        if match is not None:
            frame.position = match.end()
            read_attribute_list(match[2], self.document.attribute_lists.setdefault(match[1], AttributeList()))
            frame.add_mark("attributes")
            return True
        if self._read_extension(frame):
            return True
        match = BLOCK_ATTRIBUTES_LINE.match(frame.text, frame.position)
        if match is None:
            return False
        frame.position = match.end()
        self._attach_attributes(frame, match[1])
        return True

    @staticmethod
    def _attach_attributes(frame: Frame, source: str) -> None:
        last = frame.container.last_node()
        belongs_to_last = last is not None and (last.text in _DEFINITION_MARKS if last.kind == "eob" else last.kind != "blank")
        if last is None or not belongs_to_last:
            frame.pending = frame.pending or AttributeList()
            read_attribute_list(source, frame.pending)
            return
        last.ial = last.ial or AttributeList()
        read_attribute_list(source, last.ial)
        if not BLOCK_ATTRIBUTES_LINE.match(frame.text, frame.position):
            frame.add_mark("ial")

    def _read_extension(self, frame: Frame) -> bool:
        start = _INDENT.match(frame.text, frame.position)
        match = EXTENSION_START.match(frame.text, start.end() if start else frame.position)
        if match is None:
            return False
        line_end = _MATH_LINE_END.match(frame.text, match.end())
        if line_end is None:
            return False
        name, body, end = match[1], None, line_end.end()
        if not match[3]:
            stop = EXTENSION_BLOCK_STOP[name].search(frame.text, end)
            if stop is None:
                return False
            body, end = frame.text[end : stop.start()].removesuffix("\n"), stop.end()
        frame.position = end
        given = AttributeList()
        read_attribute_list(match[2] or "", given)
        if name == "options":
            apply_options(self.document.settings, given.attributes)
            frame.add_mark("extension")
        elif name == "nomarkdown" and body is not None and is_for_html(given):
            frame.container.children.append(Node("verbatim", body + "\n"))
        elif body is not None:
            frame.container.children.append(Node("hidden"))
        return True

    def _read_end_mark(self, frame: Frame) -> bool:
        match = END_MARK.match(frame.text, frame.position)
        if match is None:
            return False
        frame.position = match.end()
        frame.add_mark("")
        return True

    # Paragraphs

    def _read_paragraph(self, frame: Frame) -> bool:
        text, start = frame.text, frame.position
        position = line_after(text, start)
        end = len(text)
        while position < end and not (text[position] in PARAGRAPH_END_STARTS and PARAGRAPH_END.match(text, position)):
            position = line_after(text, position)
        frame.position = position
        source = text[start:position].rstrip(STRIPPED)
        indent = _INDENT.match(text, start)
        last = frame.container.last_node()
        if indent is not None and text[indent.end() : indent.end() + 1] in ("\t", " "):
            frame.container.children.append(Node("inline", text[start : line_after(text, start)]))
            frame.position = line_after(text, start)
        elif last is not None and last.kind == "p":
            joiner = "  \n" if start >= 3 and text[start - 3 : start] == "  \n" else "\n"
            last.text += joiner + source
        else:
            frame.add(Node("p", source.lstrip(STRIPPED)))
        return True


def indented_extent(text: str, start: int) -> int:
    """Where the indented lines from ``start`` end, the lazy lines directly below them included."""
    end = position = start
    while True:
        blank = BLANK.match(text, position)
        if blank is not None:
            position = blank.end()
        if not _CODE_LINE.match(text, position):
            return end
        while _CODE_LINE.match(text, position):
            position = line_after(text, position)
        while position < len(text) and not BLANK.match(text, position) and not NOT_LAZY_IN_CODE.match(text, position):
            position = line_after(text, position)
        end = position


def split_heading_id(content: str) -> tuple[str, str]:
    """The text of a heading and the id that ``{#id}`` at its end gives, or ``""``."""
    content = content.rstrip(STRIPPED)
    match = _HEADING_ID.search(content) if content.endswith("}") else None
    return (content[: match.start()].rstrip(STRIPPED), match[1]) if match else (content, "")


def read_link_target(text: str, start: int) -> tuple[str, str | None, int] | None:
    """Address, title and end of a link definition whose address begins at ``start``, or ``None``."""
    angle = _LINK_ANGLE.match(text, start)
    if angle is not None:
        tail = _LINK_END.match(text, angle.end())
        if tail is not None:
            return angle[1], tail[2], tail.end()
    end = line_after(text, start)
    line = text[start:end].rstrip(" \t\n")
    if not line.strip(WHITE):
        return None
    quote = _QUOTE_AFTER_BLANK.search(line, 1)
    if quote is not None:
        title = line[quote.end() :]
        if len(title) < 2 or title[-1] != line[quote.end() - 1]:
            return None
        return line[: quote.start()].rstrip(" \t"), title[:-1], end
    below = _LINK_NEXT_LINE_TITLE.match(text, end)
    if below is not None:
        return line, below[2], below.end()
    return line, None, end


_READERS: dict[str, tuple[Reader, ...]] = {
    "`": (BlockReader._read_fenced_code,),
    "~": (BlockReader._read_fenced_code,),
    ">": (BlockReader._read_quote,),
    "#": (BlockReader._read_atx_heading,),
    "*": (BlockReader._read_rule, lists.read_list),
    "-": (BlockReader._read_rule, lists.read_list),
    "_": (BlockReader._read_rule,),
    "+": (lists.read_list,),
    ":": (lists.read_definition_list,),
    "<": (BlockReader._read_html,),
    **dict.fromkeys("0123456789", (lists.read_list,)),
}
_LATE_READERS: dict[str, tuple[Reader, ...]] = {
    "[": (BlockReader._read_footnote, BlockReader._read_link),
    "*": (BlockReader._read_abbreviation,),
    "{": (BlockReader._read_braces,),
    "^": (BlockReader._read_end_mark,),
}
