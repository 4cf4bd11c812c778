"""CSV as spreadsheet programs write it: read strictly, whatever its encoding and separator, and written for them."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TextIO

from django.utils.translation import gettext_noop as _

from articles.findings import Finding
from articles.formats.encoding import propose
from articles.sheets.cells import Cell, Missing, protect, unprotect
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

DELIMITERS = (",", "\t", ";")
_CHUNK = 256 * 1024
_WINDOW = 64 * 1024
_MAX_LINES = 1_048_576
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Excel's own first line: which separator the file uses. No program shows it as a row.
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*\Z", re.IGNORECASE)


def read_delimited(path: Path, knows: Knows, limits: Limits) -> Table:
    """A CSV, semicolon or tab separated file. Row numbers are those that a spreadsheet shows.

    Read are Unicode with or without byte order mark, CP932 and EUC-JP. The separator is the one under which the first
    row names the most known columns. Raises RefusedFile, also while rows are walked through, for NUL, damaged text, quotes
    that do not close, and what is over a limit: a quote that is lost would make one row of many.
    """
    csv.field_size_limit(limits.max_cell)
    encoding = find_encoding(path)
    delimiter, skips = _find_delimiter(path, encoding, knows)
    records = _read_records(path, encoding, delimiter, skips, limits)
    first = next(records, None)
    if first is None:
        raise refuse("empty-table", _("The table is empty. Its first row must name the columns."))
    headings = check_headings(first[1], knows, limits)
    table = Table("csv", headings, iter(()))
    table.rows = _read_rows(records, table, delimiter, limits)
    return table


def find_encoding(path: Path) -> str:
    """The encoding of a text file by its mark, else UTF-8 if all of it is, else the Japanese one that it reads as.

    Raises RefusedFile with byte and line where none fits.
    """
    with path.open("rb") as file:
        start = file.read(4)
        for mark, name in _BOMS:
            if start.startswith(mark):
                return name
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        offset = lines = 0
        while chunk := file.read(_CHUNK):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                # The place counts within what the decoder had in hand, which may begin in the chunk before.
                place = offset + len(chunk) - len(error.object) + error.start
                lines += chunk.count(b"\n", 0, max(0, place - offset))
                return _find_legacy(path, place, lines + 1)
            offset += len(chunk)
            lines += chunk.count(b"\n")
    return "utf-8"


def write_delimited(headings: list[str], rows: Iterable[list[str]]) -> Iterator[bytes]:
    """A CSV for spreadsheet programs, piece by piece: with byte order mark, CR LF, and every formula made inert."""
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    target.write("\ufeff")
    writer.writerow([protect(heading) for heading in headings])
    for row in rows:
        writer.writerow([protect(text) for text in row])
        if target.tell() > _WINDOW:
            yield _drain(target)
    yield _drain(target)


def _drain(target: io.StringIO) -> bytes:
    data = target.getvalue().encode("utf-8")
    target.seek(0)
    target.truncate()
    return data


def _find_legacy(path: Path, offset: int, line: int) -> str:
    with path.open("rb") as file:
        file.seek(max(0, offset - 1))
        # The samples stand before and after the place; a character cut at their ends must not decide.
        sample = file.read(_WINDOW)
        file.seek(0)
        head = file.read(_WINDOW)
    samples = [part[: part.rfind(b"\n") + 1] or part for part in (head, sample[1 if offset else 0 :])]
    proposal = propose(samples)
    if proposal.encoding in ("cp932", "euc_jp", "euc_jis_2004"):
        return proposal.encoding
    raise refuse(
        "bad-bytes",
        _("Line %(line)s (byte %(offset)s) is neither UTF-8 nor Japanese text. Save the table as “CSV UTF-8” or as .xlsx."),
        line=line,
        offset=offset,
    )


def _open(path: Path, encoding: str) -> TextIO:
    return path.open(encoding=encoding, errors="strict", newline="")


def _find_delimiter(path: Path, encoding: str, knows: Knows) -> tuple[str, int]:
    """The separator, and how many lines of Excel's own stand before the table."""
    with _open(path, encoding) as file:
        try:
            sample = file.read(_WINDOW)
        except UnicodeDecodeError as error:
            raise _refuse_bytes(encoding, 1) from error
    lines = sample.splitlines(keepends=True)
    stated = _SEPARATOR_LINE.match(lines[0]) if lines else None
    if stated:
        return stated[1], 1
    best, most = ",", 0
    for delimiter in DELIMITERS:
        known = sum(knows(heading) for heading in _peek(sample, delimiter))
        if known > most:
            best, most = delimiter, known
    if not most and sample.strip():
        raise refuse_headings(_peek(sample, ","))
    return best, 0


def _peek(sample: str, delimiter: str) -> list[str]:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    try:
        return next((record for record in reader if any(map(str.strip, record))), [])
    except csv.Error:
        return []


def _read_records(path: Path, encoding: str, delimiter: str, skips: int, limits: Limits) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each record that holds anything."""
    with closing(_open(path, encoding)) as file:
        for _line in range(skips):
            file.readline()
        reader = csv.reader(checked_lines(file, encoding), delimiter=delimiter, strict=True)
        number = 0
        while True:
            number += 1
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise _describe_csv_error(error, number, limits) from error
            if any(map(str.strip, record)):
                yield number, record
            elif number > _MAX_LINES:
                raise refuse_rows(limits.max_rows)


def checked_lines(file: TextIO, encoding: str) -> Iterator[str]:
    """The lines of an open text. Raises RefusedFile where its bytes are no text, or hold NUL."""
    number = 0
    while True:
        number += 1
        try:
            line = file.readline()
        except UnicodeDecodeError as error:
            raise _refuse_bytes(encoding, number) from error
        if not line:
            return
        if "\x00" in line:
            raise refuse(
                "nul", _("There is a NUL character in line %(line)s of the table. Remove it: no database keeps it."), line=number
            )
        yield line


def _read_rows(records: Iterator[tuple[int, list[str]]], table: Table, delimiter: str, limits: Limits) -> Iterator[Row]:
    width = len(table.headings)
    cells = 0
    for count, (number, record) in enumerate(records, 1):
        cells += max(width, len(record))
        if count > limits.max_rows:
            raise refuse_rows(limits.max_rows)
        if cells > limits.max_cells:
            raise refuse_cells(limits.max_cells)
        values: list[Cell] = [unprotect(text) for text in record[:width]]
        row = Row(number, values)
        if len(record) < width:
            # Excel leaves separators out where the last columns of sixteen rows are empty.
            template = _(
                "Row %(row)s has %(count)s cells, the headings %(width)s: columns from “%(column)s” on stay as they are."
            )
            params = {"row": number, "count": len(record), "width": width, "column": shorten(table.headings[len(record)])}
            row.findings.append(Finding("short-row", "warning", template, params))
            values.extend([Missing.CELL] * (width - len(record)))
        for place, text in enumerate(record[width:], width):
            if text.strip():
                row.findings.append(describe_stray(number, column_letters(place)))
        for place, text in enumerate(record[:width]):
            if "\n" in text and _holds_rows(text, delimiter, width):
                template = _(
                    "Row %(row)s: the cell in column “%(column)s” holds lines that look like rows. If a quote is missing "
                    "or too many, rows were joined here."
                )
                params = {"row": number, "column": shorten(table.headings[place])}
                row.findings.append(Finding("rows-in-a-cell", "warning", template, params))
        yield row


def _holds_rows(text: str, delimiter: str, width: int) -> bool:
    return width > 2 and any(line.count(delimiter) >= width - 1 for line in text.split("\n")[1:])


def _describe_csv_error(error: csv.Error, number: int, limits: Limits) -> Exception:
    message = str(error)
    if "field larger" in message:
        return refuse_cell(number, "?", limits.max_cell)
    if "unexpected end" in message:
        return refuse(
            "quote-not-closed",
            _("A quote opened in row %(row)s is never closed, so that what follows cannot be told apart. Close or remove it."),
            row=number,
        )
    return refuse(
        "bad-quotes",
        _("Row %(row)s: there is text after a closing quote. Write a quote inside a cell twice, or export the table again."),
        row=number,
    )


def _refuse_bytes(encoding: str, line: int) -> Exception:
    return refuse(
        "bad-bytes",
        _("Line %(line)s or one soon after it is no valid %(encoding)s. Save the table as “CSV UTF-8” or as .xlsx."),
        line=line,
        encoding=encoding,
    )
