"""The one table of an HTML page; only where ``IMPORT_FORMATS`` asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from django.utils.translation import gettext_noop as _

from articles.sheets.cells import Cell
from articles.sheets.delimited import find_encoding
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
    refuse_rows,
)

_CHUNK = 64 * 1024
_IGNORED = frozenset(("script", "style", "template", "head"))


def read_hypertext(path: Path, knows: Knows, limits: Limits) -> Table:
    """The text of the first table's cells. Raises RefusedFile for cells that span others and for a table in a table."""
    rows = _walk(path, limits)
    first = next(rows, None)
    if first is None:
        raise refuse("empty-table", _("The table is empty. Its first row must name the columns."))
    table = Table("html", check_headings(first[1], knows, limits), iter(()))
    table.rows = _read_rows(rows, len(table.headings), limits)
    return table


def _read_rows(rows: Iterator[tuple[int, list[str]]], width: int, limits: Limits) -> Iterator[Row]:
    for count, (number, texts) in enumerate(rows, 1):
        if count > limits.max_rows:
            raise refuse_rows(limits.max_rows)
        cells: list[Cell] = [*texts[:width], *([None] * (width - len(texts)))]
        row = Row(number, cells)
        row.findings += [describe_stray(number, column_letters(place)) for place, text in enumerate(texts[width:], width) if text]
        yield row


def _walk(path: Path, limits: Limits) -> Iterator[tuple[int, list[str]]]:
    reader = _TableReader(limits)
    with path.open(encoding=find_encoding(path), errors="strict", newline="") as file:
        while not reader.is_over:
            try:
                piece = file.read(_CHUNK)
            except UnicodeDecodeError as error:
                raise refuse("bad-bytes", _("The file is no valid UTF-8. Save it as UTF-8.")) from error
            if not piece:
                break
            reader.feed(piece)
            if len(reader.rawdata) > limits.max_cell:
                raise refuse_cell(reader.number, "?", limits.max_cell)
            done, reader.done = reader.done, []
            yield from done
    reader.close()
    yield from reader.done


class _TableReader(HTMLParser):
    def __init__(self, limits: Limits) -> None:
        super().__init__(convert_charrefs=True)
        self.limits = limits
        self.done: list[tuple[int, list[str]]] = []
        self.number = self.seen = self.ignored = 0
        self.cells: list[str] = []
        self.parts: list[str] | None = None
        self.is_table = self.is_over = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in _IGNORED:
            self.ignored += 1
        elif tag == "table":
            if self.is_table and not self.is_over:
                raise refuse("table-in-table", _("There is a table inside the table. Only a plain table is read."))
            self.is_table = True
        elif tag == "tr":
            self._end_row()
            self.number += 1
        elif tag in ("td", "th"):
            self._end_cell()
            if any(name in ("colspan", "rowspan") and value not in (None, "", "1") for name, value in attributes):
                raise refuse(
                    "merged-cells-html", _("Row %(row)s: a cell spans several. Only a plain table is read."), row=self.number
                )
            self.parts = []
        elif tag == "br" and self.parts is not None:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _IGNORED:
            self.ignored = max(0, self.ignored - 1)
        elif tag in ("td", "th"):
            self._end_cell()
        elif tag == "tr":
            self._end_row()
        elif tag == "table" and self.is_table:
            self._end_row()
            self.is_over = True

    def handle_data(self, data: str) -> None:
        if self.parts is not None and not self.ignored and not self.is_over:
            self.parts.append(data)

    def _end_cell(self) -> None:
        if self.parts is None or self.is_over:
            return
        self.cells.append("".join(self.parts).strip())
        self.parts = None
        self.seen += 1
        if self.seen > self.limits.max_cells:
            raise refuse_cells(self.limits.max_cells)

    def _end_row(self) -> None:
        self._end_cell()
        if any(self.cells) and not self.is_over:
            self.done.append((self.number, self.cells))
        self.cells = []
