"""The span reader: inline source becomes text, symbols and nodes.

kramdown tries each opening mark, reads on until its closing mark, and starts again after the opening mark where there
is none. On hostile text that is exponential; so what failed is remembered, and a text that still takes more steps than
its length allows is read once more without emphasis, links and HTML.
"""

from __future__ import annotations

import html.entities
import re
from collections.abc import Callable

from articles.markup.kramdown.attributes import is_for_html, read_attribute_list
from articles.markup.kramdown.grammar import (
    BLOCK_ELEMENTS,
    EXTENSION_START,
    EXTENSION_STOP,
    HTML_CLOSE_TAG,
    HTML_TAG,
    ID_NAME,
    KNOWN_ELEMENTS,
    LIST_BODY,
    STRIPPED,
    WHITE,
    S,
    content_model,
    is_letter,
    normalise_link_id,
)
from articles.markup.kramdown.html import choose_model, open_element, tag_name
from articles.markup.kramdown.options import apply_options
from articles.markup.kramdown.quotes import curl_quotes
from articles.markup.kramdown.tree import MAX_SPAN_DEPTH, AttributeList, Document, Node, Symbol

_MARKS = r"\*|_|`|<|\[|!\[|&|\"|'|\\|\$|~~|\{:|--|\.\.\.|>>|  (?=\n)| >>"
_ANY_MARK = re.compile(_MARKS)
_ANY_MARK_OR_BRACKET = re.compile(_MARKS + r"|\]")
_TAG_MARK = re.compile("<")
_CODE_OR_TAG_MARK = re.compile("[`<]")

_ADDRESS = r"[-\w.]"
_AUTOLINK = re.compile(rf"<((mailto|https?|ftps?):[^\n]{{1,2000}}?|{_ADDRESS}{{1,300}}?@{_ADDRESS}{{1,300}}?)>")
_FOOTNOTE = re.compile(rf"\[\^({ID_NAME})\]")
_ENTITY = re.compile(r"&(?:([A-Za-z0-9_:][-A-Za-z0-9_.:]*+)|#([0-9]{1,9})|#x([0-9a-fA-F]{1,8}));")
_ESCAPED = re.compile(r"\\([\\.*_+`<>()\[\]{}#!:|\"'$=\-~])")
_ESCAPED_IN_LABEL = re.compile(r"\\([\\.*_+`<>()\[\]{}#!:|\"'$=-])")
_TICKS = re.compile("`+")
_STRUCK_END = re.compile(rf"(?!{S}|~).~~", re.DOTALL)
_SPAN_ATTRIBUTES = re.compile(rf"\{{:({LIST_BODY})\}}")
_LINK_ID = re.compile(rf"{S}*?\[([^\]]+)?\]")
_LINK_ANGLE = re.compile(r"\(<([^\n>]*)>")
_LINK_PAREN = re.compile(rf"""[()]|{S}(?=['"])""")
_LINK_TITLE = re.compile(rf"""{S}*+(["'])""")
_LINK_TITLE_END = {mark: re.compile(rf"{mark}{S}*+\)") for mark in "\"'"}
#: Characters of a label that may name a link definition.
_LONGEST_LABEL = 2_000
_NEWLINES = re.compile(r"\n+")

#: Where a mark can close: no white space before it, and not one half of a double mark.
_CLOSERS = {
    "*": re.compile(rf"(?<!{S})\*(?!\*(?!\*))"),
    "**": re.compile(rf"(?<!{S})\*\*"),
    "_": re.compile(rf"(?<!{S})_(?!_(?!_))(?![^\W_])"),
    "__": re.compile(rf"(?<!{S})__(?![^\W_])"),
}
_DASHES_AND_DOTS = (("---", "—"), ("--", "–"), ("...", "…"))

#: kramdown's entities beyond those of HTML 4, and what browsers make of the C1 range.
_NAMED = {**html.entities.name2codepoint, "apos": 39, "vellip": 8942}
_WINDOWS = dict(enumerate(bytes(range(128, 160)).decode("cp1252", "replace"), 128))


class TooManySteps(Exception):
    """The text has so many half-open marks that reading it exactly would take too long."""


class Budget:
    """Steps left for a document. One text may use at most the share that its length gives it."""

    __slots__ = ("left",)

    def __init__(self, characters: int) -> None:
        self.left = 20_000 + 3 * characters


Stop = Callable[[Node, int], bool]


class SpanReader:
    """Reads one inline source."""

    def __init__(self, document: Document, text: str, budget: Budget) -> None:
        self._document = document
        self._text = text
        self._position = 0
        self._budget = budget
        share = 2_000 + 3 * len(text)
        self._floor = max(budget.left - share, 0)
        self._kinds: list[str] = []
        self._failed: set[tuple[int, str, tuple[str, ...]]] = set()
        self._missing: dict[str, int] = {}

    def read(self) -> list[Node | str]:
        """The children that the source makes."""
        if not _ANY_MARK.search(self._text):
            return [self._text]
        root = Node("inline")
        try:
            self._run(root, _ANY_MARK, _HANDLERS, None)
        except TooManySteps:
            self._position, self._floor = 0, -len(self._text)
            root = Node("inline")
            self._run(root, _ANY_MARK, _LEAF_HANDLERS, None)
        return root.children

    def read_only(self, marks: re.Pattern[str], handlers: dict[str, Handler]) -> list[Node | str]:
        """The children where only code, or code and HTML, counts."""
        root = Node("inline")
        try:
            self._run(root, marks, handlers, None)
        except TooManySteps:
            return [self._text]
        return root.children

    def _run(self, node: Node, marks: re.Pattern[str], handlers: dict[str, Handler], stop: Stop | None) -> bool:
        """Read into ``node`` until ``stop`` agrees to a place. True when it did; the place is then the position."""
        text, children, budget = self._text, node.children, self._budget
        search, end = marks.search, len(text)
        while self._position < end:
            match = search(text, self._position)
            if match is None:
                break
            at = match.start()
            character = text[at]
            budget.left -= 1
            if budget.left < self._floor:
                raise TooManySteps
            if character in "\"'":
                self._read_quote(node, at)
                continue
            if at > self._position:
                children.append(text[self._position : at])
                self._position = at
            if stop is not None and stop(node, at):
                return True
            handler = handlers.get(character)
            if handler is None or not handler(self, node):
                self._read_ordinary(node)
        else:
            return False
        if stop is None:
            children.append(text[self._position :])
            self._position = end
        return False

    def _has_after(self, name: str, pattern: re.Pattern[str], position: int) -> bool:
        """Does ``pattern`` occur at ``position`` or later? A "no" is remembered under ``name``."""
        if position >= self._missing.get(name, len(self._text) + 1):
            return False
        if pattern.search(self._text, position):
            return True
        self._missing[name] = position
        return False

    # Text and symbols

    def _read_ordinary(self, node: Node) -> None:
        """A mark that means nothing here: text, or the character whose neighbour is a quotation mark."""
        at = self._position
        if self._text[at] != "\\" and self._is_before_quote():
            self._curl(node, at)
            return
        node.children.append(self._text[at])
        self._position = at + 1

    def _read_quote(self, node: Node, at: int) -> None:
        start = at - 1 if at > self._position else at
        if start > self._position:
            node.children.append(self._text[self._position : start])
        self._curl(node, start)

    def _curl(self, node: Node, start: int) -> None:
        before, marks, self._position = curl_quotes(self._text, start)
        if before:
            node.children.append(before)
        node.children.append(Symbol(marks))

    def _is_before_quote(self) -> bool:
        return self._text[self._position + 1 : self._position + 2] in ('"', "'")

    def _read_escape(self, node: Node) -> bool:
        text, at = self._text, self._position
        for signs, symbol in (("\\<<", "&lt;&lt;"), ("\\>>", "&gt;&gt;")):
            if text.startswith(signs, at):
                node.children.append(Symbol(symbol))
                self._position = at + 3
                return True
        if text.startswith("\\\\\n", at):
            node.children.append(Node("br"))
            self._position = at + 2
            return True
        match = _ESCAPED.match(text, at)
        if match is None:
            return False
        node.children.append(match[1])
        self._position = at + 2
        return True

    def _read_sign(self, node: Node) -> bool:
        for signs, symbol in _DASHES_AND_DOTS:
            if self._text.startswith(signs, self._position):
                return self._add_symbol(node, symbol, len(signs))
        return False

    def _read_closing_guillemet(self, node: Node) -> bool:
        if self._text.startswith(">>", self._position):
            return self._add_symbol(node, "»", 2)
        return False

    def _read_space(self, node: Node) -> bool:
        if self._text.startswith(" >>", self._position):
            return self._add_symbol(node, "\N{NO-BREAK SPACE}»", 3)
        node.children.append(Node("br"))
        self._position += 2
        return True

    def _add_symbol(self, node: Node, symbol: str, length: int) -> bool:
        node.children.append(Symbol(symbol))
        self._position += length
        return True

    def _read_entity(self, node: Node) -> bool:
        if self._is_before_quote():
            return False
        match = _ENTITY.match(self._text, self._position)
        if match is None:
            return False
        symbol = entity_text(match)
        node.children.append(Symbol(symbol or "&amp;"))
        self._position = match.end() if symbol else match.start() + 1
        return True

    # Code, mathematics, struck text

    def _read_code(self, node: Node) -> bool:
        text, start = self._text, self._position
        found = find_code(text, start, self._missing)
        if found is None:
            ticks = _TICKS.match(text, start)
            end = ticks.end() if ticks else start + 1
            node.children.append(text[start:end])
            self._position = end
            return True
        content, self._position = found
        node.children.append(Node("codespan", content))
        return True

    def _read_math(self, node: Node) -> bool:
        text, start = self._text, self._position
        if self._is_before_quote() or not text.startswith("$$", start):
            return False
        end = text.find("$$", start + 2)
        if end < 0:
            return False
        math = Node("math", text[start + 2 : end].strip(STRIPPED))
        math.model = "span"
        node.children.append(math)
        self._position = end + 2
        return True

    def _read_struck(self, node: Node) -> bool:
        text, start = self._text, self._position
        after = text[start + 2 : start + 3]
        if not after or after in WHITE + "~" or len(self._kinds) > MAX_SPAN_DEPTH:
            return False
        if not self._has_after("~~", _STRUCK_END, start + 2):
            return False
        end = _STRUCK_END.search(text, start + 2)
        if end is None:
            return False
        struck = Node("del")
        inner = SpanReader(self._document, text[start + 2 : end.start() + 1], self._budget)
        inner._floor = max(inner._floor, self._floor)
        inner._kinds = ["del"] * (len(self._kinds) + 1)
        inner._run(struck, _ANY_MARK, _HANDLERS, None)
        node.children.append(struck)
        self._position = end.end()
        return True

    # Emphasis

    def _read_emphasis(self, node: Node) -> bool:
        text, start = self._text, self._position
        mark = text[start]
        delimiter = mark * 2 if text.startswith(mark, start + 1) else mark
        kind = "strong" if len(delimiter) == 2 else "em"
        after = start + len(delimiter)
        is_plain = (
            text[after : after + 1] in _WHITE_SPACE
            or kind in self._kinds
            or len(self._kinds) > MAX_SPAN_DEPTH
            or (mark == "_" and self._is_within_word(start))
        )
        if not is_plain:
            if self._try_emphasis(node, start, delimiter, kind):
                return True
            if kind == "strong" and node.kind != "em" and self._try_emphasis(node, start, mark, "em"):
                return True
        node.children.append(delimiter)
        self._position = after
        return True

    def _is_within_word(self, at: int) -> bool:
        """Does a word, perhaps with a hyphen, reach up to ``at``?"""
        if at > 1 and self._text[at - 1] == "-":
            return is_letter(self._text[at - 2])
        return at > 0 and is_letter(self._text[at - 1])

    def _try_emphasis(self, node: Node, start: int, delimiter: str, kind: str) -> bool:
        text, after = self._text, start + len(delimiter)
        if not self._has_after(delimiter, _CLOSERS[delimiter], after + 1):
            return False
        attempt = (start, delimiter, tuple(self._kinds))
        if attempt in self._failed:
            return False
        closes = _CLOSERS[delimiter].match

        def stop(inner: Node, at: int) -> bool:
            return bool(inner.children) and closes(text, at) is not None

        element = Node(kind)
        self._position = after
        self._kinds.append(kind)
        found = self._run(element, _ANY_MARK, _HANDLERS, stop)
        self._kinds.pop()
        if not found:
            self._failed.add(attempt)
            self._position = start
            return False
        self._position += len(delimiter)
        node.children.append(element)
        return True

    # Links and images

    def _read_bracket(self, node: Node) -> bool:
        text, start = self._text, self._position
        if text.startswith("[^", start):
            footnote = _FOOTNOTE.match(text, start)
            if footnote is None:
                return False
            is_known = footnote[1] in self._document.footnotes
            node.children.append(Node("footnote", footnote[1]) if is_known else footnote.group())
            self._position = footnote.end()
            return True
        return self._read_link(node, start, start + 1, "a")

    def _read_image(self, node: Node) -> bool:
        return self._read_link(node, self._position, self._position + 2, "img")

    def _read_link(self, node: Node, start: int, after: int, kind: str) -> bool:
        text = self._text
        if after >= len(text) or text[after] == "^":
            return False
        is_within_link = kind == "a" and ("a" in self._kinds or "img" in self._kinds)
        attempt = (start, kind, tuple(self._kinds))
        can_be_link = (
            not is_within_link
            and len(self._kinds) <= MAX_SPAN_DEPTH
            and self._has_after("]", _CLOSING_BRACKET, after)
            and attempt not in self._failed
        )
        if can_be_link and self._try_link(node, after, kind):
            return True
        if can_be_link:
            self._failed.add(attempt)
        node.children.append(text[start:after])
        self._position = after
        return True

    def _try_link(self, node: Node, after: int, kind: str) -> bool:
        text = self._text
        element = Node(kind)
        open_brackets = 1

        def stop(inner: Node, at: int) -> bool:
            nonlocal open_brackets
            if text[at] == "]":
                open_brackets -= 1
            elif text[at] in "[!":
                open_brackets += 1
            else:
                return False
            return open_brackets == inner.level

        self._position = after
        self._kinds.append(kind)
        found = self._run(element, _ANY_MARK_OR_BRACKET, _HANDLERS, stop)
        self._kinds.pop()
        if not found:
            return False
        label = text[after : self._position]
        self._position += 1
        return self._read_target(node, element, label)

    def _read_target(self, node: Node, element: Node, label: str) -> bool:
        """What follows the label: an id in brackets, nothing (the label is the id), or an address in parentheses."""
        text, at = self._text, self._position
        identifier = _LINK_ID.match(text, at) if self._has_after("[", _OPENING_BRACKET, at) else None
        if identifier is not None or not text.startswith("(", at):
            links = self._document.links
            if not links or len(label) > _LONGEST_LABEL:
                return False
            definition = links.get(normalise_link_id((identifier and identifier[1]) or _unescape(label)))
            if definition is None:
                return False
            self._position = identifier.end() if identifier is not None else at
            element.ial = definition.mark.ial
            if element.ial is not None:
                self._document.apply_attribute_list(element.attributes, element.ial)
            return self._add_link(node, element, label, definition.url, definition.title)
        angle = _LINK_ANGLE.match(text, at)
        if angle is not None:
            url, at = angle[1], angle.end()
            if text.startswith(")", at):
                self._position = at + 1
                return self._add_link(node, element, label, url, None)
        else:
            url, at, is_complete = self._read_address(at)
            if is_complete:
                self._position = at
                return self._add_link(node, element, label, url, None)
        return self._read_title(node, element, label, url, at)

    def _read_address(self, at: int) -> tuple[str, int, bool]:
        """The address in balanced parentheses from ``at``, its end, and whether the closing one was found."""
        text, depth, end = self._text, 0, at
        for match in _LINK_PAREN.finditer(text, at):
            self._budget.left -= 1
            if self._budget.left < self._floor:
                raise TooManySteps
            end = match.end()
            sign = match.group()
            depth += 1 if sign == "(" else -1 if sign == ")" else 0
            if sign not in "()" or not depth:
                break
        return text[at + 1 : end - 1].strip(STRIPPED), end, depth == 0

    def _read_title(self, node: Node, element: Node, label: str, url: str, at: int) -> bool:
        text = self._text
        quote = _LINK_TITLE.match(text, at)
        if quote is None:
            return False
        closing = _LINK_TITLE_END[quote[1]]
        if not self._has_after(quote[1] + ")", closing, quote.end() + 1):
            return False
        end = closing.search(text, quote.end() + 1)
        if end is None:
            return False
        self._position = end.end()
        return self._add_link(node, element, label, url, text[quote.end() : end.start()])

    @staticmethod
    def _add_link(node: Node, element: Node, label: str, url: str, title: str | None) -> bool:
        if element.kind == "a":
            element.attributes["href"] = url
        else:
            element.attributes["src"] = url
            element.attributes["alt"] = _unescape(label)
            element.children.clear()
            node.level += 1
        if title:
            element.attributes["title"] = title
        node.children.append(element)
        return True

    # Angle brackets

    def _read_angle(self, node: Node) -> bool:
        if self._read_autolink(node) or self._read_comment(node) or self._read_tag(node):
            return True
        if self._is_before_quote():
            return False
        text, start = self._text, self._position
        if text.startswith("<< ", start):
            return self._add_symbol(node, "«\N{NO-BREAK SPACE}", 3)
        return text.startswith("<<", start) and self._add_symbol(node, "«", 2)

    def _read_tags_only(self, node: Node) -> bool:
        return self._read_comment(node) or self._read_tag(node)

    def _read_autolink(self, node: Node) -> bool:
        match = _AUTOLINK.match(self._text, self._position)
        if match is None:
            return False
        link = Node("a", attributes={"href": match[1] if match[2] else f"mailto:{match[1]}"})
        link.children.append(match[1].removeprefix("mailto:"))
        node.children.append(link)
        self._position = match.end()
        return True

    def _read_comment(self, node: Node) -> bool:
        text, start = self._text, self._position
        if not text.startswith("<!--", start) or not self._has_after("-->", _COMMENT_END, start + 4):
            return False
        self._position = text.index("-->", start + 4) + 3
        node.children.append(Node("comment", text[start : self._position]))
        return True

    def _read_tag(self, node: Node) -> bool:
        text, start = self._text, self._position
        closing = HTML_CLOSE_TAG.match(text, start)
        if closing is not None:
            node.children.append(closing.group())
            self._position = closing.end()
            return True
        opening = HTML_TAG.match(text, start)
        if opening is None:
            return False
        self._position = opening.end()
        name = tag_name(opening[1])
        if name in BLOCK_ELEMENTS or len(self._kinds) > MAX_SPAN_DEPTH:
            node.children.append(opening.group())
            return True
        element = open_element(opening, "htmlspan")
        for key, value in element.attributes.items():
            element.attributes[key] = _NEWLINES.sub(" ", value)
        element.model = self._span_model(node, element)
        node.children.append(element)
        if not element.level:
            self._read_tag_content(element)
        return True

    def _span_model(self, node: Node, element: Node) -> str:
        is_raw = content_model(element.text) == "raw"
        if is_raw or node.model == "raw" or not self._document.settings.parse_span_html:
            default = "raw"
        else:
            default = "span"
        wish = choose_model(element, default)
        if wish == "block":
            return "raw" if is_raw else "span"
        return wish

    def _read_tag_content(self, element: Node) -> None:
        text, name = self._text, element.text
        is_known = name in KNOWN_ELEMENTS
        close_end = 0

        def stop(inner: Node, at: int) -> bool:
            nonlocal close_end
            closing = HTML_CLOSE_TAG.match(text, at) if text[at] == "<" else None
            if closing is None or (closing[1].lower() if is_known else closing[1]) != name:
                return False
            close_end = closing.end()
            return True

        is_raw = element.model == "raw"
        self._kinds.append("html")
        if is_raw:
            found = self._run(element, _TAG_MARK, _TAG_HANDLERS, stop)
        else:
            found = self._run(element, _ANY_MARK, _HANDLERS, stop)
        self._kinds.pop()
        if found:
            self._position = close_end
        elif self._position < len(text):
            element.children.append(text[self._position :])
            self._position = len(text)

    # Attribute lists and extensions

    def _read_braces(self, node: Node) -> bool:
        text, start = self._text, self._position
        if text.startswith("{::", start):
            return self._read_extension(node)
        last = node.children[-1] if node.children else None
        if last is None or type(last) is str or text.startswith("{:/", start):
            return False
        match = _SPAN_ATTRIBUTES.match(text, start)
        if match is None:
            return False
        self._position = match.end()
        if isinstance(last, Node):
            given = AttributeList()
            read_attribute_list(match[1], given)
            last.ial = last.ial or AttributeList()
            last.ial.merge(given)
            self._document.apply_attribute_list(last.attributes, given)
        return True

    def _read_extension(self, node: Node) -> bool:
        match = EXTENSION_START.match(self._text, self._position)
        if match is None:
            return False
        name, body, end = match[1], None, match.end()
        if not match[3]:
            if not self._has_after(name, EXTENSION_STOP[name], end):
                return False
            stop = EXTENSION_STOP[name].search(self._text, end)
            if stop is None:
                return False
            body, end = self._text[match.end() : stop.start()], stop.end()
        self._position = end
        given = AttributeList()
        read_attribute_list(match[2] or "", given)
        if name == "options":
            apply_options(self._document.settings, given.attributes)
        elif body is not None:
            node.children.append(Node("verbatim", body) if name == "nomarkdown" and is_for_html(given) else Node("hidden"))
        return True


def find_code(text: str, start: int, missing: dict[str, int]) -> tuple[str, int] | None:
    """Content and end of the code span that opens at ``start``. ``missing`` remembers where none closes any more."""
    match = _TICKS.match(text, start)
    if match is None:
        return None
    ticks, after = match.group(), match.end()
    is_single = len(ticks) == 1
    if is_single and text[after : after + 1] in _WHITE_SPACE and (start == 0 or text[start - 1] in WHITE):
        return None
    if after >= missing.get(ticks, len(text) + 1):
        return None
    end = text.find(ticks, after)
    if end < 0:
        missing[ticks] = after
        return None
    content = text[after:end]
    if not is_single:
        content = content.removeprefix(" ").removesuffix(" ")
    return content, end + len(ticks)


def split_at_code(text: str) -> list[tuple[bool, str]]:
    """The pieces of ``text``, each with whether it is the content of a code span."""
    pieces: list[tuple[bool, str]] = []
    missing: dict[str, int] = {}
    plain = position = 0
    while (start := text.find("`", position)) >= 0:
        found = find_code(text, start, missing)
        if found is None:
            ticks = _TICKS.match(text, start)
            position = ticks.end() if ticks else start + 1
            continue
        pieces.append((False, text[plain:start]))
        pieces.append((True, found[0]))
        plain = position = found[1]
    pieces.append((False, text[plain:]))
    return [(is_code, piece) for is_code, piece in pieces if is_code or piece]


def read_code_and_html(document: Document, text: str) -> list[tuple[bool, str]]:
    """The text and code spans at the top of ``text`` (with whether they are code); an HTML element gives its name."""
    pieces: list[tuple[bool, str]] = []
    is_after_node = True
    for child in SpanReader(document, text, Budget(len(text))).read_only(_CODE_OR_TAG_MARK, _CODE_AND_TAG_HANDLERS):
        if isinstance(child, Node):
            pieces.append((child.kind == "codespan", child.text))
        elif is_after_node:
            pieces.append((False, child))
        else:
            pieces[-1] = (False, pieces[-1][1] + child)
        is_after_node = isinstance(child, Node)
    return pieces


def entity_text(match: re.Match[str]) -> str:
    """The text for an entity, itself written as an entity where HTML needs that; ``""`` where it is unknown."""
    name, decimal, hexadecimal = match.groups()
    if name:
        code = _NAMED.get(name, -1)
    else:
        code = int(decimal) if decimal else int(hexadecimal, 16)
    if code < 0:
        return ""
    if code in (38, 60, 62):
        return {38: "&amp;", 60: "&lt;", 62: "&gt;"}[code]
    if code in _WINDOWS:
        return _WINDOWS[code]
    return chr(code) if 0 < code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\N{REPLACEMENT CHARACTER}"


def _unescape(label: str) -> str:
    return _ESCAPED_IN_LABEL.sub(r"\1", label) if "\\" in label else label


_WHITE_SPACE = tuple(WHITE)
_CLOSING_BRACKET = re.compile(r"\]")
_OPENING_BRACKET = re.compile(r"\[")
_COMMENT_END = re.compile("-->")

Handler = Callable[[SpanReader, Node], bool]

#: By the first character of a mark.
_LEAF_HANDLERS: dict[str, Handler] = {
    "`": SpanReader._read_code,
    "&": SpanReader._read_entity,
    "\\": SpanReader._read_escape,
    "$": SpanReader._read_math,
    "-": SpanReader._read_sign,
    ".": SpanReader._read_sign,
    ">": SpanReader._read_closing_guillemet,
    " ": SpanReader._read_space,
}
_HANDLERS: dict[str, Handler] = {
    **_LEAF_HANDLERS,
    "*": SpanReader._read_emphasis,
    "_": SpanReader._read_emphasis,
    "<": SpanReader._read_angle,
    "[": SpanReader._read_bracket,
    "!": SpanReader._read_image,
    "{": SpanReader._read_braces,
    "~": SpanReader._read_struck,
}
_TAG_HANDLERS: dict[str, Handler] = {"<": SpanReader._read_tags_only}
_CODE_AND_TAG_HANDLERS: dict[str, Handler] = {**_TAG_HANDLERS, "`": SpanReader._read_code}
