"""OpenDocument spreadsheets (.ods), read by events; only where ``IMPORT_FORMATS`` asks for it. OpenDocument 1.3, part 3, 9."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats.container import Container
from articles.sheets.cells import Cell, Fault, Moment, as_text, is_empty, read_number
from articles.sheets.markup import Reader, get, refuse_damage
from articles.sheets.table import (
    Knows,
    Limits,
    Row,
    Table,
    check_headings,
    column_letters,
    describe_stray,
    refuse,
    refuse_cell,
    refuse_cells,
    refuse_headings,
    refuse_rows,
    shorten,
)
from articles.sheets.workbook import TEXTS_SHEET, LongTexts, open_parts, refuse_part

PART = "content.xml"
_MAX_ROWS = 1_048_576


def read_opendocument(path: Path, knows: Knows, limits: Limits) -> Table:
    """The one sheet whose first row names known columns, as :func:`articles.sheets.workbook.read_workbook` chooses it."""
    archive = open_parts(path, limits)
    if PART not in archive.members:
        raise refuse_part(archive, PART)
    headings: dict[str, tuple[list[str], int]] = {}
    texts = LongTexts()
    for sheet, number, cells in _walk(archive, limits):
        if sheet == TEXTS_SHEET:
            texts.add(cells)
        else:
            headings.setdefault(sheet, ([as_text(cell) for cell in cells], number))
    chosen = [sheet for sheet, (names, _number) in headings.items() if any(map(knows, names))]
    if len(chosen) > 1:
        raise refuse(
            "several-sheets",
            _("Several sheets hold a table: %(sheets)s. Keep one, or hide the others."),
            sheets="、".join(chosen),
        )
    if not chosen:
        raise refuse_headings(next(iter(headings.values()), ([], 0))[0])
    names, start = headings[chosen[0]]
    table = Table("ods", check_headings(names, knows, limits), iter(()))
    template = _("The sheet “%(sheet)s” was not read: its first row names no known column.")
    table.findings += [
        Finding("sheet-not-read", "warning", template, {"sheet": shorten(sheet)}) for sheet in headings if sheet != chosen[0]
    ]
    table.rows = _read_rows(_walk(archive, limits), chosen[0], start, table, texts, limits)
    return table


def _walk(archive: Container, limits: Limits) -> Iterator[tuple[str, int, list[Cell]]]:
    try:
        yield from _ContentReader(limits).walk(archive.stream(PART), PART)
    except RefusedFile as refused:
        if refused.finding.code.startswith("zip"):
            raise refuse_damage(PART) from refused
        raise


def _read_rows(
    found: Iterator[tuple[str, int, list[Cell]]], sheet: str, start: int, table: Table, texts: LongTexts, limits: Limits
) -> Iterator[Row]:
    width = len(table.headings)
    count = 0
    for name, number, cells in found:
        if name != sheet or number <= start:
            continue
        count += 1
        if count > limits.max_rows:
            raise refuse_rows(limits.max_rows)
        row = Row(number, [])
        row.cells = [texts.resolve(cell, row, limits) for cell in (cells + [None] * width)[:width]]
        row.findings += [
            describe_stray(number, column_letters(place)) for place, cell in enumerate(cells[width:], width) if not is_empty(cell)
        ]
        yield row


class _ContentReader(Reader):
    """Rows as ``(sheet, number, cells)``, those without any value left out."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits, self.max_elements = limits, max(self.max_elements, 3 * limits.max_cells)
        self.sheet = ""
        self.number = self.seen = self.repeats = self.times = self.length = 0
        self.cells: list[Cell] = []
        self.attributes: dict[str, str] = {}
        self.paragraphs: list[str] = []
        self.is_cell = self.is_text = False
        self.inside_note = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table":
            self.sheet, self.number = get(attributes, "name"), 0
        elif name == "table-row":
            self.repeats, self.cells = _count(get(attributes, "number-rows-repeated")), []
        elif name in ("table-cell", "covered-table-cell"):
            self.times, self.attributes = _count(get(attributes, "number-columns-repeated")), attributes
            self.paragraphs, self.length, self.is_cell = [], 0, True
        elif name in ("annotation", "ruby-text"):
            self.inside_note += 1
        elif self.is_cell and not self.inside_note:
            self._start_text(name, attributes)

    def _start_text(self, name: str, attributes: dict[str, str]) -> None:
        if name == "p":
            self.paragraphs.append("")
            self.is_text = True
        elif name == "s" and self.is_text:
            self.text(" " * min(_count(get(attributes, "c")), 1_000))
        elif name in ("tab", "line-break") and self.is_text:
            self.text("\t" if name == "tab" else "\n")

    def text(self, data: str) -> None:
        if self.is_text and not self.inside_note:
            self.paragraphs[-1] += data
            self.length += len(data)
            if self.length > self.limits.max_cell:
                raise refuse_cell(self.number + 1, column_letters(len(self.cells)), self.limits.max_cell)

    def end(self, name: str) -> None:
        if name == "p":
            self.is_text = False
        elif name in ("annotation", "ruby-text"):
            self.inside_note -= 1
        elif name in ("table-cell", "covered-table-cell"):
            self._end_cell()
        elif name == "table-row":
            self._end_row()

    def _end_cell(self) -> None:
        self.is_cell = False
        cell = self._read_cell()
        times = self.times
        if is_empty(cell):
            # A row ends in thousands of empty cells; none of them is needed.
            times = min(times, self.limits.max_columns + 1)
        self.seen += times
        if self.seen > self.limits.max_cells:
            raise refuse_cells(self.limits.max_cells)
        self.cells.extend([cell] * times)

    def _end_row(self) -> None:
        while self.cells and is_empty(self.cells[-1]):
            self.cells.pop()
        if self.cells:
            self.seen += len(self.cells) * (self.repeats - 1)
            if self.seen > self.limits.max_cells:
                raise refuse_cells(self.limits.max_cells)
            self.done += [(self.sheet, self.number + place, list(self.cells)) for place in range(1, self.repeats + 1)]
        self.number += self.repeats
        if self.number > _MAX_ROWS * 2:
            raise refuse_damage(PART)

    def _read_cell(self) -> Cell:
        kind = get(self.attributes, "value-type")
        text = "\n".join(self.paragraphs)
        if kind in ("float", "percentage", "currency"):
            return read_number(get(self.attributes, "value"))
        if kind == "date":
            return _read_date(get(self.attributes, "date-value"))
        if kind == "boolean":
            return get(self.attributes, "boolean-value") == "true"
        if get(self.attributes, "formula") and text.startswith(("#", "Err:")):
            return Fault(text)
        return text


def _read_date(text: str) -> Cell:
    try:
        return Moment(datetime.fromisoformat(text).replace(tzinfo=None), "T" in text)
    except ValueError:
        return text


def _count(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else 1
