"""Tables as files: CSV, workbooks, JSON … ↔ rows of cells, under guard. Pure: no database, no request, no settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from django.utils.translation import gettext_noop as _

from articles.findings import Finding
from articles.sheets.cells import Cell, Missing
from articles.sheets.delimited import read_delimited
from articles.sheets.hypertext import read_hypertext
from articles.sheets.opendocument import read_opendocument
from articles.sheets.records import read_records
from articles.sheets.table import Knows, Limits, Row, Table, refuse, refuse_cell, shorten
from articles.sheets.workbook import read_workbook
from articles.sheets.yamllist import read_yaml_list

__all__ = ["DEFAULT_FORMATS", "FORMATS", "Limits", "Row", "Table", "open_table"]

#: Every format that can be read. What is not in :data:`DEFAULT_FORMATS` is read only where a site asks for it.
FORMATS: dict[str, Callable[[Path, Knows, Limits], Table]] = {
    "csv": read_delimited,
    "xlsx": read_workbook,
    "json": read_records,
    "ods": read_opendocument,
    "html": read_hypertext,
    "yaml": read_yaml_list,
}
DEFAULT_FORMATS = ("csv", "xlsx", "json")

_ZIP = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PDF = b"%PDF"
_HTML = re.compile(rb"\s*(?:<!doctype\s+html|<html|<table|<\?xml[^>]*\?>\s*<html|<!--|<body|<div|<meta)", re.IGNORECASE)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SUFFIXES = {".yaml": "yaml", ".yml": "yaml", ".html": "html", ".htm": "html", ".json": "json", ".ods": "ods"}


def open_table(path: Path, name: str, knows: Knows, *, limits: Limits, formats: Collection[str] = DEFAULT_FORMATS) -> Table:
    """Opens a table by its content, and by the suffix of ``name`` where content alone does not tell.

    ``knows(heading)`` says which headings name a column; it chooses separator and sheet. Every text that comes out can be
    stored. Raises RefusedFile, also while ``rows`` are walked through, for everything that cannot be read as it should.
    """
    size = path.stat().st_size
    if size > limits.max_bytes:
        raise refuse(
            "table-too-large",
            _(
                "The file has %(size)s bytes; %(limit)s are allowed. Import it in parts, or on the server with the command "
                "“manage.py import_table”."
            ),
            size=size,
            limit=limits.max_bytes,
        )
    if not size:
        raise refuse("empty-table", _("The table is empty. Its first row must name the columns."))
    kind = find_format(path, name)
    if kind not in formats:
        raise refuse(
            "format-off",
            _("Tables as %(format)s are not read here. Save the table as .xlsx, CSV or JSON (IMPORT_FORMATS can allow more)."),
            format=kind.upper(),
        )
    table = FORMATS[kind](path, knows, limits)
    table.rows = _guard(table.rows, table.headings, limits)
    return table


def find_format(path: Path, name: str) -> str:
    """Which of :data:`FORMATS` a file is. Raises RefusedFile for what is certainly none of them."""
    with path.open("rb") as file:
        start = file.read(2048)
    if start.startswith(_ZIP):
        return "ods" if _is_opendocument(start) else "xlsx"
    if start.startswith(_COMPOUND):
        raise refuse(
            "old-workbook", _("This is an old workbook (.xls), or one with a password. Save it as .xlsx without a password.")
        )
    if start.startswith(_PDF):
        raise refuse("no-table", _("This is a PDF, not a table. Save the table as .xlsx, CSV or JSON."))
    suffix = Path(name).suffix.lower()
    if suffix in (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"):
        raise refuse("no-workbook", _("The file is called a workbook but is none, or it was cut. Save the table again."))
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if _HTML.match(start.removeprefix(b"\xef\xbb\xbf")):
        return "html"
    if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{") and suffix not in (".csv", ".tsv", ".txt"):
        return "json"
    return "csv"


def _is_opendocument(start: bytes) -> bool:
    return b"mimetypeapplication/vnd.oasis.opendocument" in start[:200]


def _guard(rows: Iterator[Row], headings: list[str], limits: Limits) -> Iterator[Row]:
    """What no database can store ends here: such a cell makes its row an error and is left out."""
    for row in rows:
        for place, cell in enumerate(row.cells):
            row.cells[place] = _guard_cell(cell, row, headings[place], limits)
        yield row


def _guard_cell(cell: Cell, row: Row, heading: str, limits: Limits) -> Cell:
    texts = cell if isinstance(cell, list) else [cell] if isinstance(cell, str) else []
    if sum(map(len, texts)) > limits.max_cell:
        raise refuse_cell(row.number, shorten(heading), limits.max_cell)
    if any(_UNSTORABLE.search(text) for text in texts):
        template = _("Row %(row)s: the cell in column “%(column)s” holds a character that cannot be stored. Type it anew.")
        row.findings.append(Finding("unstorable", "error", template, {"row": row.number, "column": shorten(heading)}))
        return Missing.CELL
    return cell
