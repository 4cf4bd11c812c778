"""HTML elements among the blocks: what is inside is raw, or Markdown where ``markdown="1"`` says so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from articles.markup.kramdown.grammar import (
    HTML_ATTRIBUTE,
    HTML_CLOSE_TAG,
    HTML_TAG,
    KNOWN_ELEMENTS,
    VOID_ELEMENTS,
    S,
    content_model,
)
from articles.markup.kramdown.tree import MAX_BLOCK_DEPTH, MAX_HTML_DEPTH, Node

if TYPE_CHECKING:
    from articles.markup.kramdown.blocks import BlockReader, Frame

#: Values of the ``markdown`` attribute; ``"1"`` is the element's own model.
_MODELS = {"0": "raw", "span": "span", "block": "block"}


def tag_name(name: str) -> str:
    """The name of an element: in small letters where HTML knows it."""
    lowered = name.lower()
    return lowered if lowered in KNOWN_ELEMENTS else name


def open_element(match: re.Match[str], kind: str = "html") -> Node:
    """The element that an opening tag (a match of ``HTML_TAG``) begins. ``level`` is 1 where the tag closes itself."""
    name = tag_name(match[1])
    element = Node(kind, name, read_tag_attributes(match[2], is_known=name in KNOWN_ELEMENTS))
    element.level = 1 if match[3] or name in VOID_ELEMENTS else 0
    return element


def read_tag_attributes(source: str, *, is_known: bool) -> dict[str, str]:
    """The attributes in ``source``, the inside of a tag after its name."""
    attributes = {}
    for name, bare, double, single in HTML_ATTRIBUTE.findall(source):
        attributes[name.lower() if is_known else name] = bare or double or single
    return attributes


def choose_model(element: Node, default: str) -> str:
    """How to read the element's content, which its ``markdown`` attribute (taken off here) may override."""
    wish = element.attributes.pop("markdown", None)
    if wish == "1":
        return content_model(element.text)
    return _MODELS.get(wish, default) if wish is not None else default


def read_element(reader: BlockReader, frame: Frame, element: Node, *, is_in_raw: bool) -> None:
    """Read what follows the opening tag of ``element``, its closing tag included."""
    takes_markdown = not is_in_raw and reader.document.settings.parse_block_html
    default = content_model(element.text) if takes_markdown else "raw"
    if element.text in ("script", "style"):
        if not element.level:
            _read_verbatim(frame, element)
        element.model = choose_model(element, default)
        return
    element.model = choose_model(element, default)
    _read_content(reader, frame, element)
    if not element.level and not is_in_raw:
        frame.skip_rest_of_line()


def _read_content(reader: BlockReader, frame: Frame, element: Node) -> None:
    if element.model == "block":
        frame.skip_rest_of_line()
    if element.level:
        return
    if element.model == "block" and frame.depth < MAX_BLOCK_DEPTH:
        inner = frame.nested_in(element)
        reader.run(inner)
        frame.position = inner.position
    elif element.model == "span":
        content, frame.position = _find_close(frame, element.text)
        if content:
            element.children.append(Node("inline", content))
    else:
        _read_raw(reader, frame, element)


def _find_close(frame: Frame, name: str) -> tuple[str, int]:
    """The text up to the closing tag of ``name`` (or to the end) and the position after that tag."""
    close = re.compile(rf"</{re.escape(name)}{S}*>", re.IGNORECASE).search(frame.text, frame.position)
    if close is None:
        return frame.text[frame.position :], len(frame.text)
    return frame.text[frame.position : close.start()], close.end()


def _read_verbatim(frame: Frame, element: Node) -> None:
    content, frame.position = _find_close(frame, element.text)
    if content:
        element.children.append(Node("verbatim", content))


def _read_raw(reader: BlockReader, frame: Frame, element: Node) -> None:
    """Read raw content up to the closing tag; inner elements are kept open on a stack, not by recursion."""
    text, end = frame.text, len(frame.text)
    stack = [element]
    while frame.position < end:
        at = text.find("<", frame.position)
        if at < 0:
            at = end
        if at > frame.position:
            stack[-1].children.append(text[frame.position : at])
            frame.position = at
        if at == end:
            return
        if _read_comment(frame, stack[-1]):
            continue
        opening = HTML_TAG.match(text, at)
        if opening is not None and len(stack) + frame.html_depth < MAX_HTML_DEPTH:
            frame.position = opening.end()
            inner = open_element(opening)
            stack[-1].children.append(inner)
            _enter(reader, frame, inner, stack)
            continue
        closing = HTML_CLOSE_TAG.match(text, at) if opening is None else opening
        frame.position = closing.end() if closing is not None else at + 1
        if closing is not None and opening is None and tag_name(closing[1]) == stack[-1].text:
            stack.pop()
            if not stack:
                return
        else:
            stack[-1].children.append(text[at : frame.position])


def _enter(reader: BlockReader, frame: Frame, element: Node, stack: list[Node]) -> None:
    """Handle an element found within raw content: its body is read here, or by whoever works off the stack."""
    if element.text in ("script", "style"):
        if not element.level:
            _read_verbatim(frame, element)
        element.model = choose_model(element, "raw")
        return
    element.model = choose_model(element, "raw")
    if element.model == "raw" and not element.level:
        stack.append(element)
        return
    frame.html_depth += len(stack)
    _read_content(reader, frame, element)
    frame.html_depth -= len(stack)


def _read_comment(frame: Frame, parent: Node) -> bool:
    """Read a comment or processing instruction; False where there is none at the position."""
    text, at = frame.text, frame.position
    for opening, closing in (("<!--", "-->"), ("<?", "?>")):
        if text.startswith(opening, at) and frame.has_after(closing, at + len(opening)):
            frame.position = text.index(closing, at + len(opening)) + len(closing)
            parent.children.append(Node("comment", text[at : frame.position]))
            return True
    return False
