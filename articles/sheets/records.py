"""JSON: a list of objects, one per row, read one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from django.utils.translation import gettext_noop as _

from articles.findings import Finding
from articles.sheets.cells import Cell, Missing, read_number
from articles.sheets.delimited import find_encoding
from articles.sheets.table import Knows, Limits, Row, Table, check_headings, refuse, refuse_cells, refuse_rows

_CHUNK = 64 * 1024
_MAX_DIGITS = 15
_BLANKS = " \t\r\n"


class _BadValue(ValueError):
    """Something that JSON allows and a table does not; the message is the finding's code."""


def read_records(path: Path, knows: Knows, limits: Limits) -> Table:
    """A JSON file. Rows are numbered from 1. A key that an object lacks is a missing cell, ``null`` an empty one.

    Raises RefusedFile, also while rows are walked through, for what is no list of flat objects, for a key that stands
    twice in one object, and for what is over a limit or nested without end.
    """
    encoding = find_encoding(path)
    headings: dict[str, None] = {}
    for number, record in enumerate(_read_objects(path, encoding, limits), 1):
        if number > limits.max_rows:
            raise refuse_rows(limits.max_rows)
        headings.update(dict.fromkeys(record))
        if len(headings) > limits.max_columns:
            break
    table = Table("json", check_headings(list(headings), knows, limits), iter(()))
    table.rows = _read_rows(path, encoding, table.headings, limits)
    return table


def write_records(names: list[str], rows: Iterable[list[Any]]) -> Iterator[bytes]:
    """JSON piece by piece, one object per line. Values are plain data; nothing needs to be escaped against formulas."""
    start = "[\n"
    for row in rows:
        text = json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, allow_nan=False)
        yield (start + text).encode("utf-8")
        start = ",\n"
    yield b"[]\n" if start == "[\n" else b"\n]\n"


def _read_rows(path: Path, encoding: str, headings: list[str], limits: Limits) -> Iterator[Row]:
    for number, record in enumerate(_read_objects(path, encoding, limits), 1):
        if number * len(headings) > limits.max_cells:
            raise refuse_cells(limits.max_cells)
        row = Row(number, [])
        for heading in headings:
            row.cells.append(_read_value(record[heading], row, heading) if heading in record else Missing.CELL)
        yield row


def _read_value(value: Any, row: Row, heading: str) -> Cell:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list) and all(isinstance(entry, str | int | float) and not isinstance(entry, bool) for entry in value):
        return [entry if isinstance(entry, str) else repr(entry) for entry in value]
    template = _("Row %(row)s: the value of “%(column)s” is neither a text, a number nor a list of texts. Write it as one.")
    row.findings.append(Finding("nested-value", "error", template, {"row": row.number, "column": heading}))
    return Missing.CELL


def _read_objects(path: Path, encoding: str, limits: Limits) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder(
        object_pairs_hook=_build_object, parse_int=_read_int, parse_float=_read_float, parse_constant=_refuse_constant
    )
    with path.open(encoding=encoding, errors="strict", newline="") as file:
        buffer = _Buffer(file, limits.max_cell * 4)
        if buffer.next_character() != "[":
            raise _refuse_shape()
        buffer.at += 1
        number = 0
        while (character := buffer.next_character()) != "]":
            if number and character != ",":
                raise _refuse_syntax(number)
            buffer.at += bool(number)
            number += 1
            record = buffer.decode(decoder, number)
            if not isinstance(record, dict):
                raise _refuse_shape()
            yield record
        buffer.at += 1
        if buffer.next_character():
            raise _refuse_syntax(number)


class _Buffer:
    """The part of the file in hand. An object that is not whole yet makes it grow, never beyond ``limit``."""

    def __init__(self, file: TextIO, limit: int) -> None:
        self.file, self.limit = file, limit
        self.text, self.at, self.is_over = "", 0, False

    def next_character(self) -> str:
        """The next that is no blank, not consumed; empty at the end of the file."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in _BLANKS:
                self.at += 1
            if self.at < len(self.text):
                return self.text[self.at]
            if not self._grow():
                return ""

    def decode(self, decoder: json.JSONDecoder, number: int) -> Any:
        self.next_character()
        while True:
            try:
                value, end = decoder.raw_decode(self.text, self.at)
            except _BadValue as bad:
                raise _refuse_value(str(bad), number) from bad
            except RecursionError as error:
                raise _refuse_shape() from error
            except ValueError as error:
                if not self._grow():
                    raise _refuse_syntax(number) from error
                continue
            # A number may go on in what is not read yet; an object is whole.
            if end == len(self.text) and not isinstance(value, dict) and self._grow():
                continue
            self.at = end
            return value

    def _grow(self) -> bool:
        """Reads about as much again as is in hand, so that a long object is tried a few times only."""
        if self.is_over:
            return False
        rest = self.text[self.at :]
        if len(rest) > self.limit:
            raise refuse("row-too-long", _("One object has more than %(limit)s characters. Split the table."), limit=self.limit)
        try:
            more = self.file.read(max(_CHUNK, len(rest)))
        except UnicodeDecodeError as error:
            raise refuse("bad-bytes", _("The file is no valid UTF-8. Save it as UTF-8.")) from error
        self.is_over = not more
        self.text, self.at = rest + more, 0
        return bool(more)


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _BadValue("duplicate-key")
    return found


def _read_int(text: str) -> int | str:
    """Digits beyond what numbers hold exactly stay text: they are no number that a table needs."""
    return int(text) if len(text) <= _MAX_DIGITS else text


def _read_float(text: str) -> int | float | str:
    number = read_number(text)
    return text if number is None else number


def _refuse_constant(text: str) -> Any:
    raise _BadValue("not-a-number")


def _refuse_value(code: str, number: int) -> Exception:
    if code == "duplicate-key":
        return refuse(code, _("Object %(row)s names one key twice. Keep one of the two."), row=number)
    return refuse(code, _("Object %(row)s holds NaN or Infinity, which is no value. Write null or a number."), row=number)


def _refuse_syntax(number: int) -> Exception:
    return refuse(
        "bad-json", _("The JSON is broken in or after object %(row)s. Export it again, or correct it there."), row=number
    )


def _refuse_shape() -> Exception:
    return refuse(
        "bad-json-shape",
        _("The JSON is no list of flat objects. Write it as [{“title”: “…”}, …], as an exported table is."),
    )
