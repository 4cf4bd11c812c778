"""Lists and definition lists, by the column in which an item's content starts."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from articles.markup.kramdown.attributes import read_attribute_list
from articles.markup.kramdown.grammar import (
    BLANK,
    BLOCK_ATTRIBUTES,
    END_MARK,
    HTML_START,
    HTML_STOP,
    ID_NAME,
    LIST_BODY,
    LIST_START,
    RULE,
    TAIL,
    S,
    is_blank,
    line_after,
)
from articles.markup.kramdown.tree import AttributeList, Node

if TYPE_CHECKING:
    from articles.markup.kramdown.blocks import BlockReader, Frame

_MARKERS = {"ul": r"[+*-]", "ol": r"[0-9]+\.", "dl": ":"}
_ITEM_ATTRIBUTES = re.compile(rf"{S}*(?:\{{:(?!(?:{ID_NAME})?:|/)({LIST_BODY})\}}){S}*")
_NOTHING_BUT_ATTRIBUTES = re.compile(rf"(?:{_ITEM_ATTRIBUTES.pattern})?{S}*\n")
_LEADING_TABS = re.compile(r"( *)(\t+)")
_TASK = re.compile(rf"{S}*\[([ xX])\]{S}+")
_CHECKBOX = '<input type="checkbox" class="task-list-item-checkbox" disabled="disabled" />'
_CHECKED_BOX = '<input type="checkbox" class="task-list-item-checkbox" disabled="disabled" checked="checked" />'


@cache
def _item_start(kind: str, indent: int) -> re.Pattern[str]:
    return re.compile(rf"( {{0,{indent}}}{_MARKERS[kind]})({TAIL})")


@lru_cache(maxsize=128)
def _content_line(column: int) -> re.Pattern[str]:
    tabs, spaces = divmod(column, 4)
    exact = rf"(?:\t| {{4}}){{{tabs}}} {{{spaces}}}"
    return re.compile(rf"(?:{exact}|(?:\t| {{4}}){{{tabs + 1}}})")


@lru_cache(maxsize=4)
def _lazy_line_end(column: int) -> re.Pattern[str]:
    return re.compile(rf" {{0,{column}}}(?:{BLOCK_ATTRIBUTES}|{HTML_STOP}|{HTML_START})")


class _ItemDraft:
    """An item while its lines are collected. A list nested directly in its text starts a new part."""

    __slots__ = ("column", "content_line", "lazy_end", "node", "parts")

    def __init__(self, kind: str, marker: str, rest: str) -> None:
        self.node = Node(kind)
        first, self.column = _read_first_line(len(marker), rest)
        match = _ITEM_ATTRIBUTES.match(first)
        if match is not None:
            self.node.ial = AttributeList()
            read_attribute_list(match[1], self.node.ial)
            first = first[match.end() :]
        self.parts: list[list[str]] = [[first]]
        self.content_line = _content_line(self.column)
        self.lazy_end = _lazy_line_end(min(self.column, 3))

    def take_line(self, text: str, position: int, *, may_be_lazy: bool) -> str | None:
        """The line at ``position`` without its indent where it belongs to this item, else ``None``."""
        end = line_after(text, position)
        if is_blank(text[position:end]):
            return None
        if not self.content_line.match(text, position):
            return text[position:end] if may_be_lazy and not self.lazy_end.match(text, position) else None
        return text[position:end]

    def unindent(self, line: str) -> tuple[str, bool]:
        """The line without the item's indent, and whether it had it. Leading tabs count four columns."""
        tabs = len(line) - len(line.lstrip("\t"))
        if tabs:
            line = "    " * tabs + line[tabs:]
        if line.startswith(" " * self.column):
            return line[self.column :], True
        return line, False

    def add(self, line: str) -> None:
        """Append a line to the current part."""
        self.parts[-1].append(line)


def _read_first_line(column: int, rest: str) -> tuple[str, int]:
    """The item's first line without white space before it, and the column in which its content starts."""
    if _NOTHING_BUT_ATTRIBUTES.match(rest):
        column = 4
    else:
        while (tabs := _LEADING_TABS.match(rest)) is not None:
            at = len(tabs[1]) + column
            rest = tabs[1] + " " * (4 - at % 4 + (len(tabs[2]) - 1) * 4) + rest[tabs.end() :]
        column += len(rest) - len(rest.lstrip(" "))
    return rest.lstrip(" \t\r\n\f\v"), column


def read_list(reader: BlockReader, frame: Frame) -> bool:
    """Read a bulleted or numbered list at the frame's position; False where there is none."""
    text = frame.text
    kind = "ul" if _item_start("ul", 3).match(text, frame.position) else "ol"
    start = _item_start(kind, 3)
    if not start.match(text, frame.position):
        return False
    list_node = Node(kind)
    list_node.ial, frame.pending = frame.pending, None
    drafts, has_end_mark = _collect_items(frame, kind)
    for draft in drafts:
        list_node.children.append(draft.node)
        for part in draft.parts:
            reader.read(draft.node, "".join(part), frame.depth + 1)
    frame.container.children.append(list_node)
    last_blank = _tighten_items([draft.node for draft in drafts], has_end_mark)
    if last_blank is not None and not has_end_mark:
        frame.container.children.append(last_blank)
    _mark_tasks(list_node)
    return True


def _collect_items(frame: Frame, kind: str) -> tuple[list[_ItemDraft], bool]:
    """The items from the frame's position on, and whether an end mark closed the list."""
    text, start = frame.text, _item_start(kind, 3)
    drafts: list[_ItemDraft] = []
    is_after_blank = has_nested_list = False
    while frame.position < len(text):
        position = frame.position
        if is_after_blank and RULE.match(text, position):
            break
        end_mark = END_MARK.match(text, position)
        if end_mark is not None:
            frame.position = end_mark.end()
            return drafts, True
        match = start.match(text, position)
        if match is not None:
            frame.position = match.end()
            draft = _ItemDraft("li", match[1], match[2])
            drafts.append(draft)
            start = _item_start(kind, min(draft.column - 1, 3))
            has_nested_list = LIST_START.match(draft.parts[0][0]) is not None
            is_after_blank = False
            continue
        draft = drafts[-1]
        taken = draft.take_line(text, position, may_be_lazy=not is_after_blank)
        if taken is not None:
            frame.position = position + len(taken)
            line, was_indented = draft.unindent(taken)
            if was_indented != has_nested_list and LIST_START.match(line):
                if was_indented:
                    draft.parts.append([])
                    has_nested_list = True
                else:
                    line = " " * (draft.column + 4) + line
            draft.add(line)
            is_after_blank = False
            continue
        blank = BLANK.match(text, position)
        if blank is None:
            break
        frame.position = blank.end()
        draft.add(blank.group())
        has_nested_list = is_after_blank = True
    return drafts, False


def _tighten_items(items: list[Node], has_end_mark: bool) -> Node | None:
    """Decide which items' first paragraphs are printed without ``<p>``; take off and return the last blank."""
    blank = None
    has_tight = False
    for number, item in enumerate(items):
        children = [child for child in item.children if isinstance(child, Node)]
        if not children:
            blank = None
            has_tight = True
            continue
        first = children[0]
        if first.kind == "p" and first.ial is not None and len(children) > 1 and children[1].kind == "eob":
            del children[1]
        is_last = number == len(items) - 1
        if first.kind == "p":
            ends_here = len(children) == 1 or children[1].kind != "blank"
            ends_list = is_last and len(children) == 2 and not has_end_mark
            if (ends_here or ends_list) and (not is_last or len(items) == 1 or has_tight):
                first.is_tight = True
                if len(children) > 1 and children[1].kind != "blank":
                    first.text += "\n"
        has_tight = has_tight or first.kind != "p" or first.is_tight
        blank = children.pop() if children[-1].kind == "blank" else None
        item.children = list(children)
    return blank


def _mark_tasks(list_node: Node) -> None:
    is_task_list = False
    for item in list_node.nodes():
        first = item.children[0] if item.children else None
        if not isinstance(first, Node) or first.kind != "p":
            continue
        task = _TASK.match(first.text)
        if task is not None:
            is_task_list = True
            first.text = (_CHECKBOX if task[1] == " " else _CHECKED_BOX) + first.text[task.end() :]
        if is_task_list:
            item.attributes["class"] = "task-list-item"
    if is_task_list:
        list_node.attributes["class"] = "task-list"


def read_definition_list(reader: BlockReader, frame: Frame) -> bool:
    """Read ``: definition`` lines below the paragraph that holds the terms; False where there is none."""
    start = _item_start("dl", 3)
    if not start.match(frame.text, frame.position):
        return False
    children = frame.container.children
    terms = frame.container.last_node()
    is_first_loose = False
    if terms is not None and terms.kind == "blank" and terms.text == "\n" and len(children) > 1:
        is_first_loose = True
        previous = children[-2]
        terms = previous if isinstance(previous, Node) else None
    if terms is None or terms.kind != "p":
        return False
    del children[-2 if is_first_loose else -1 :]
    definition_list = Node("dl")
    definition_list.ial, frame.pending = frame.pending, None
    definition_list.children.extend(_read_terms(terms.text))
    definition_list.ial = terms.ial
    last_blank = None
    for draft, is_loose in _collect_definitions(frame, is_first_loose):
        last_blank = _read_definition(reader, frame, draft, is_loose)
        definition_list.children.append(draft.node)
    _append_definition_list(children, definition_list)
    if last_blank is not None:
        children.append(last_blank)
    return True


def _read_terms(source: str) -> list[Node]:
    terms = []
    for line in source.rstrip("\n").split("\n"):
        term = Node("dt")
        match = _ITEM_ATTRIBUTES.match(line)
        if match is not None:
            term.ial = AttributeList()
            read_attribute_list(match[1], term.ial)
            line = line[match.end() :]
        term.text = line
        terms.append(term)
    return terms


def _collect_definitions(frame: Frame, is_loose: bool) -> list[tuple[_ItemDraft, bool]]:
    text, start = frame.text, _item_start("dl", 3)
    drafts: list[tuple[_ItemDraft, bool]] = []
    is_after_blank = False
    while frame.position < len(text):
        match = start.match(text, frame.position)
        if match is not None:
            frame.position = match.end()
            draft = _ItemDraft("dd", match[1], match[2])
            drafts.append((draft, is_loose))
            start = _item_start("dl", min(draft.column - 1, 3))
            is_loose = is_after_blank = False
            continue
        if END_MARK.match(text, frame.position):
            break
        draft = drafts[-1][0]
        taken = draft.take_line(text, frame.position, may_be_lazy=not is_after_blank)
        if taken is not None:
            frame.position += len(taken)
            draft.add(draft.unindent(taken)[0])
            is_loose = is_after_blank = False
            continue
        blank = BLANK.match(text, frame.position)
        if blank is None:
            break
        frame.position = blank.end()
        draft.add(blank.group())
        is_loose = is_after_blank = True
    return drafts


def _read_definition(reader: BlockReader, frame: Frame, draft: _ItemDraft, is_loose: bool) -> Node | None:
    """Read the blocks of one definition; return the blank that ended it."""
    node = draft.node
    reader.read(node, "".join(draft.parts[0]), frame.depth + 1)
    last = node.last_node()
    blank = None
    if last is not None and last.kind == "blank":
        blank = last
        node.children.pop()
    first = node.children[0] if node.children else None
    if isinstance(first, Node) and first.kind == "p" and not is_loose:
        first.is_tight = True
        if len(node.children) > 1:
            first.text += "\n"
    return blank


def _append_definition_list(children: list[Node | str], definition_list: Node) -> None:
    """Add the list, or its content to a definition list directly before it."""
    for index in (-1, -2):
        before = children[index] if len(children) >= -index else None
        if not isinstance(before, Node):
            break
        if before.kind == "dl":
            del children[len(children) + index + 1 :]
            before.children.extend(definition_list.children)
            return
        if before.kind != "blank":
            break
    children.append(definition_list)
