"""A table as every format gives it: headings, rows as they come, and what is to be said about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.sheets.cells import Cell

_MIB = 1024 * 1024
Knows = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one table may hold. ``max_unpacked`` bounds a workbook's parts together, ``max_cells`` counts also empty ones."""

    max_bytes: int = 50 * _MIB
    max_unpacked: int = 100 * _MIB
    max_rows: int = 20_000
    max_columns: int = 200
    max_cells: int = 1_000_000
    max_cell: int = 2_000_000


@dataclass(slots=True)
class Row:
    """One row. ``number`` is the one that a spreadsheet shows beside it; ``cells`` are as many as there are headings.

    Where one of ``findings`` is an error, the row cannot be taken as it is.
    """

    number: int
    cells: list[Cell]
    findings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    """An opened table. ``rows`` can be walked through once; ``findings`` about the whole are complete when that is done."""

    kind: str
    headings: list[str]
    rows: Iterator[Row]
    epoch_1904: bool = False
    findings: list[Finding] = field(default_factory=list)


def refuse(code: str, template: str, **params: object) -> RefusedFile:
    """The whole table is refused. ``template`` is marked for translation where it is written."""
    return RefusedFile(Finding(code, "error", template, {name: shorten(str(value)) for name, value in params.items()}))


def shorten(text: str, length: int = 120) -> str:
    """A value fit for a message: on one line, not endless, no NUL."""
    line = " ".join(text.replace("\x00", "␀").split())
    return line if len(line) <= length else line[: length - 1] + "…"


def check_headings(headings: list[str], knows: Knows, limits: Limits) -> list[str]:
    """``headings`` without empty ones at the end. Raises RefusedFile where they name no known column, or one twice."""
    while headings and not headings[-1].strip():
        headings = headings[:-1]
    if len(headings) > limits.max_columns:
        raise refuse(
            "too-many-columns",
            _("The table has %(count)s columns; %(limit)s are allowed. Remove those that are not needed."),
            count=len(headings),
            limit=limits.max_columns,
        )
    if not any(knows(heading) for heading in headings):
        raise refuse_headings(headings)
    return headings


def refuse_headings(headings: list[str]) -> RefusedFile:
    """The first row names no column that is known here."""
    return refuse(
        "no-headings",
        _("The first row names no column known here: “%(row)s”. Write the headings of an exported table into the first row."),
        row="｜".join(headings[:12]) or "-",
    )


def refuse_rows(limit: int) -> RefusedFile:
    return refuse(
        "too-many-rows",
        _(
            "The table has more than %(limit)s rows. Import it in parts, or on the server with the command "
            "“manage.py import_table”, which takes more."
        ),
        limit=limit,
    )


def refuse_cells(limit: int) -> RefusedFile:
    return refuse(
        "too-many-cells",
        _("The table has more than %(limit)s cells, empty ones included. Copy the rows that you need into a new sheet."),
        limit=limit,
    )


def refuse_cell(number: int, heading: str, limit: int) -> RefusedFile:
    return refuse(
        "cell-too-long",
        _("Row %(row)s: a cell in column “%(column)s” has more than %(limit)s characters. Shorten it, or check the quotes."),
        row=number,
        column=heading,
        limit=limit,
    )


def describe_stray(number: int, place: str) -> Finding:
    """A value where no heading stands above."""
    template = _("Row %(row)s: the value in column %(place)s has no heading above it. Give the column its heading, or empty it.")
    return Finding("cell-without-heading", "error", template, {"row": number, "place": place})


def column_letters(index: int) -> str:
    """The name of a column from its index, which counts from 0: A … Z, AA …"""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
