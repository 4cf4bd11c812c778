"""Tables: every line of them has a bar; a first line of dashes ends the head, one of equal signs begins the foot."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from articles.markup.kramdown.grammar import STRIPPED, WHITE, line_after
from articles.markup.kramdown.spans import read_code_and_html, split_at_code
from articles.markup.kramdown.tree import Node

if TYPE_CHECKING:
    from articles.markup.kramdown.blocks import BlockReader, Frame

_HAS_BAR = re.compile(r"\||[^\n]*?[^\\\n]\|")
_DASHES = re.compile(r"(?=[+|: \t]*+-)([+|: \t-]*+)\n")
_EQUAL_SIGNS = re.compile(r"(?=[+|: \t]*+=)[+|: \t=]*+\n")
_COLUMN = re.compile(r"[ \t]?(:?)-+(:?)[ \t]?")
_BAR = re.compile(r"(?<!\\)\|")
_TICKS = re.compile("`+")
_ALIGNMENTS = {("", ""): "", (":", ""): "left", ("", ":"): "right", (":", ":"): "center"}


def read_table(reader: BlockReader, frame: Frame) -> bool:
    """Read a table at the frame's position; False (and nothing moved) where the lines are no table."""
    text, start = frame.text, frame.position
    first_line = text[start : line_after(text, start)]
    if "|" not in first_line or not frame.is_after_boundary() or not _HAS_BAR.match(first_line):
        return False
    if len(first_line) - len(first_line.lstrip(" ")) > 3 or first_line.lstrip(" ")[0] in WHITE:
        return False
    parts, columns, alignment = _read_rows(frame, has_leading_bar=first_line.lstrip(WHITE).startswith("|"))
    end = frame.position
    is_table = (
        any(part.kind == "tbody" for part in parts)
        and frame.is_before_boundary()
        and _bars_are_outside_code(reader, text[start : end - 1])
    )
    if not is_table:
        frame.position = start
        return False
    table = Node("table")
    table.ial, frame.pending = frame.pending, None
    table.children.extend(parts)
    _fill_rows(reader, parts, columns)
    table.alignment = (*alignment, *[""] * (columns - len(alignment)))[:columns]
    frame.container.children.append(table)
    return True


def _read_rows(frame: Frame, *, has_leading_bar: bool) -> tuple[list[Node], int, list[str]]:
    """The parts of the table (head, bodies, foot), its number of columns and their alignment."""
    text = frame.text
    parts: list[Node] = []
    rows: list[Node] = []
    alignment: list[str] = []
    columns = 0
    has_foot = False
    dashes = _DASHES.match(text, frame.position)
    if dashes is not None:
        frame.position = dashes.end()
    while frame.position < len(text) and _HAS_BAR.match(text, frame.position):
        dashes = _DASHES.match(text, frame.position)
        if dashes is not None:
            frame.position = dashes.end()
            if rows and not alignment and not has_foot:
                parts.append(_part("thead", rows))
                alignment = [_ALIGNMENTS[sides[0], sides[1]] for sides in _COLUMN.findall(dashes[1].rstrip(" \t"))]
                rows = []
            elif rows and not has_foot:
                parts.append(_part("tbody", rows))
                rows = []
            continue
        equal_signs = _EQUAL_SIGNS.match(text, frame.position)
        if equal_signs is not None:
            frame.position = equal_signs.end()
            if rows:
                parts.append(_part("tbody", rows))
                rows = []
            has_foot = True
            continue
        end = line_after(text, frame.position)
        row = _read_row(text[frame.position : end].rstrip(" \t\n"), has_leading_bar=has_leading_bar)
        columns = max(columns, len(row.children))
        rows.append(row)
        frame.position = end
    if rows:
        parts.append(_part("tfoot" if has_foot else "tbody", rows))
    return parts, columns, alignment


def _part(kind: str, rows: list[Node]) -> Node:
    part = Node(kind)
    part.children.extend(rows)
    return part


def _read_row(line: str, *, has_leading_bar: bool) -> Node:
    cells = _split_cells(line)
    if has_leading_bar and cells and not cells[0].strip(STRIPPED):
        del cells[0]
    if cells and not cells[-1].strip(STRIPPED):
        del cells[-1]
    row = Node("tr")
    row.children.extend(Node("td", cell.strip(STRIPPED)) for cell in cells)
    return row


def _split_cells(line: str) -> list[str]:
    """The cells of a row: bars in code and escaped bars do not separate."""
    if "`" not in line and "<code" not in line:
        return [cell.replace("\\|", "|") for cell in _BAR.split(line)]
    cells = [""]
    for is_code, piece in _split_at_code_elements(line):
        if is_code:
            cells[-1] += piece
            continue
        for is_span, content in split_at_code(piece):
            if is_span:
                ticks = max(_TICKS.findall(content), default="") + "`"
                pad = " " if len(ticks) > 1 else ""
                cells[-1] += ticks + pad + content + pad + ticks
                continue
            first, *others = (cell.replace("\\|", "|") for cell in _BAR.split(content))
            cells[-1] += first
            cells.extend(others)
    return cells


def _split_at_code_elements(line: str) -> list[tuple[bool, str]]:
    pieces = []
    position = 0
    while (start := line.find("<code", position)) >= 0:
        tag_end = line.find(">", start)
        close = line.find("</code>", tag_end) if tag_end >= 0 else -1
        if close < 0:
            break
        pieces.append((False, line[position:start]))
        position = close + len("</code>")
        pieces.append((True, line[start:position]))
    pieces.append((False, line[position:]))
    return pieces


def _bars_are_outside_code(reader: BlockReader, text: str) -> bool:
    """Does every line keep a bar when code spans (which may run over lines) and HTML elements are taken out?"""
    if "`" not in text and "<" not in text:
        return True
    has_bar = False
    for is_code, content in read_code_and_html(reader.document, text):
        lines = content.rstrip("\n").split("\n") if content.strip("\n") else []
        if is_code:
            if len(lines) > 2 or (len(lines) == 2 and not has_bar):
                break
            if len(lines) == 2:
                has_bar = False
            continue
        if len(lines) > 1 and not has_bar and not _HAS_BAR.match(lines[0]):
            break
        has_bar = (len(lines) <= 1 and has_bar) or bool(lines and _HAS_BAR.match(lines[-1]))
    return has_bar


def _fill_rows(reader: BlockReader, parts: list[Node], columns: int) -> None:
    """Add the cells that short rows lack, as long as the document's allowance lasts."""
    document = reader.document
    for part in parts:
        for row in part.nodes():
            missing = columns - len(row.children)
            if 0 < missing <= document.cells_left:
                document.cells_left -= missing
                row.children.extend(Node("td") for _ in range(missing))
