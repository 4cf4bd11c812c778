"""Writes an Excel workbook piece by piece: texts stay texts, dates are dates, and no text is ever cut."""

from __future__ import annotations

import json
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Literal, cast

from django.utils.translation import gettext_noop as _

from articles.sheets.cells import is_formula_like, to_serial, utf16_length
from articles.sheets.table import column_letters, refuse
from articles.sheets.workbook import MARK_START, MAX_CELL, MAX_ROWS, TEXTS_HEADINGS, TEXTS_SHEET

Kind = Literal["text", "long", "number", "moment"]
Value = str | int | datetime | None

_NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_HEADER = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PIECE = 128 * 1024
_SPOOL = 8 * 1024 * 1024
_PART = 32_000
# Not allowed in XML, and what must not be read back as such an escape.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0d\x0e-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
# Cell formats by their place in cellXfs.
_HEADING, _TEXT, _TEXT_QUOTED, _LONG, _LONG_QUOTED, _MOMENT, _NUMBER = range(1, 8)
_STYLES = (
    f"{_HEADER}<styleSheet {_NAMESPACE}>"
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '<fill><patternFill patternType="solid"><fgColor rgb="FFF1ECE0"/><bgColor indexed="64"/></patternFill></fill></fills>'
    '<borders count="2"><border><left/><right/><top/><bottom/><diagonal/></border>'
    '<border><left/><right/><top/><bottom style="thin"><color rgb="FF1B1916"/></bottom><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="8">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="49" fontId="1" fillId="2" borderId="1" xfId="0" applyFont="1" applyFill="1" applyBorder="1"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" applyAlignment="1"><alignment vertical="top"/></xf>'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyAlignment="1">'
    '<alignment vertical="top"/></xf>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="1" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """One column: its heading, what its cells hold, how wide it is, and what a list offers to choose from."""

    heading: str
    kind: Kind = "text"
    width: int = 20
    choices: tuple[str, ...] = ()


def escape(text: str) -> str:
    """Text for XML: what XML cannot hold as ``_x0008_`` (ECMA-376 part 1, 22.9.2.19), which every reader undoes."""
    if _UNFIT.search(text):
        text = _UNFIT.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def write_workbook(name: str, columns: Sequence[SheetColumn], rows: Iterable[Sequence[Value]]) -> Iterator[bytes]:
    """A workbook with the sheet ``name`` as pieces of bytes; memory does not grow with the rows.

    Texts are strings in every program, whatever they begin with. Dates are readings of the clock. A text that no cell can
    hold whole stands on a second sheet, in parts, and its cell names it. Raises RefusedFile where there are more rows than
    a sheet holds.
    """
    sink = _Sink()
    with tempfile.SpooledTemporaryFile(_SPOOL) as texts, zipfile.ZipFile(cast(Any, sink), "w", zipfile.ZIP_DEFLATED) as archive:
        long_texts = _LongTexts(texts)
        with archive.open(_entry("xl/worksheets/sheet1.xml"), "w", force_zip64=True) as part:
            for piece in _write_sheet(columns, rows, long_texts):
                part.write(piece.encode("utf-8"))
                yield from sink.drain()
        if long_texts.count:
            with archive.open(_entry("xl/worksheets/sheet2.xml"), "w", force_zip64=True) as part:
                for piece in _write_texts(long_texts):
                    part.write(piece.encode("utf-8"))
                    yield from sink.drain()
        for path, content in _write_rest(name, has_texts=bool(long_texts.count)):
            archive.writestr(_entry(path), content)
    yield from sink.drain()


def _entry(path: str) -> zipfile.ZipInfo:
    """A part without a time of its own, so that the same table gives the same bytes."""
    entry = zipfile.ZipInfo(path)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


class _Sink:
    """What a zip is written into when nobody can seek in it; what came is handed on."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self.parts.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def drain(self) -> Iterator[bytes]:
        if self.parts:
            parts, self.parts, self.size = self.parts, [], 0
            yield b"".join(parts)


class _LongTexts:
    """Texts for the second sheet, kept on disk until the first is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.count = file, 0

    def add(self, text: str) -> str:
        """Keeps the text; gives what stands in the cell instead."""
        self.count += 1
        self.file.write(json.dumps(text).encode("ascii") + b"\n")
        return f"{MARK_START} {self.count}⟧"

    def parts(self) -> Iterator[tuple[int, int, str]]:
        self.file.seek(0)
        for number, line in enumerate(self.file, 1):
            for place, part in enumerate(_split(json.loads(line)), 1):
                yield number, place, part


def _split(text: str) -> Iterator[str]:
    """Parts that a cell can hold. Characters outside the plane count twice there, so half of the limit is always safe."""
    size = _PART if utf16_length(text) == len(text) else _PART // 2
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _write_sheet(columns: Sequence[SheetColumn], rows: Iterable[Sequence[Value]], long_texts: _LongTexts) -> Iterator[str]:
    letters = [column_letters(place) for place in range(len(columns))]
    yield (
        f"{_HEADER}<worksheet {_NAMESPACE}>"
        '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        "</sheetView></sheetViews><cols>"
    )
    for place, column in enumerate(columns, 1):
        style = {"text": _TEXT, "long": _LONG, "moment": _MOMENT, "number": _NUMBER}[column.kind]
        yield f'<col min="{place}" max="{place}" width="{column.width}" style="{style}" customWidth="1"/>'
    yield "</cols><sheetData>"
    headings = (
        f'<c r="{letter}1" s="{_HEADING}" {_string(column.heading)}' for letter, column in zip(letters, columns, strict=True)
    )
    pending = [f'<row r="1">{"".join(headings)}</row>']
    length, number = 0, 1
    for row in rows:
        number += 1
        if number > MAX_ROWS:
            raise refuse("too-many-rows-for-a-sheet", _("A sheet holds %(limit)s rows. Choose CSV or JSON."), limit=MAX_ROWS)
        cells = [
            _write_cell(f"{letter}{number}", column.kind, value, long_texts)
            for letter, column, value in zip(letters, columns, row, strict=True)
        ]
        pending.append(f'<row r="{number}">{"".join(cells)}</row>')
        length += len(pending[-1])
        if length > _PIECE:
            yield "".join(pending)
            pending, length = [], 0
    yield "".join(pending)
    yield f'</sheetData><autoFilter ref="A1:{letters[-1]}{number}"/>'
    yield _write_choices(columns, letters)
    yield "</worksheet>"


def _write_choices(columns: Sequence[SheetColumn], letters: list[str]) -> str:
    """Lists to choose from below headings; other values may be typed all the same, as the import says what it takes."""
    lists = [
        f'<dataValidation type="list" allowBlank="1" showErrorMessage="0" sqref="{letter}2:{letter}{MAX_ROWS}">'
        f'<formula1>"{escape(",".join(column.choices))}"</formula1></dataValidation>'
        for letter, column in zip(letters, columns, strict=True)
        if column.choices and len(",".join(column.choices)) < 255
    ]
    return f'<dataValidations count="{len(lists)}">{"".join(lists)}</dataValidations>' if lists else ""


def _write_cell(reference: str, kind: Kind, value: Value, long_texts: _LongTexts) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, datetime):
        serial = to_serial(value)
        if serial is not None:
            return f'<c r="{reference}" s="{_MOMENT}"><v>{serial!r}</v></c>'
        value = value.isoformat(" ")
    if isinstance(value, int):
        return f'<c r="{reference}" s="{_NUMBER}"><v>{value}</v></c>'
    # A text that looks like our own mark is carried too, so that the mark always means what it says.
    if utf16_length(value) > MAX_CELL or value.startswith(MARK_START):
        value = long_texts.add(value)
    quoted = is_formula_like(value)
    if kind == "long":
        style = _LONG_QUOTED if quoted else _LONG
    else:
        style = _TEXT_QUOTED if quoted else _TEXT
    return f'<c r="{reference}" s="{style}" {_string(value)}'


def _string(text: str) -> str:
    return f't="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def _write_texts(long_texts: _LongTexts) -> Iterator[str]:
    yield f"{_HEADER}<worksheet {_NAMESPACE}><sheetData><row>"
    yield "".join(f'<c s="{_HEADING}" {_string(heading)}' for heading in TEXTS_HEADINGS)
    yield "</row>"
    for number, place, part in long_texts.parts():
        style = _LONG_QUOTED if is_formula_like(part) else _LONG
        yield f'<row><c s="{_NUMBER}"><v>{number}</v></c><c s="{_NUMBER}"><v>{place}</v></c><c s="{style}" {_string(part)}</row>'
    yield "</sheetData></worksheet>"


def _write_rest(name: str, *, has_texts: bool) -> Iterator[tuple[str, str]]:
    sheets = [name, TEXTS_SHEET][: 1 + has_texts]
    numbers = range(1, len(sheets) + 1)
    yield "xl/styles.xml", _STYLES
    yield (
        "xl/workbook.xml",
        f'{_HEADER}<workbook {_NAMESPACE} xmlns:r="{_RELATIONS}"><sheets>'
        + "".join(
            f'<sheet name="{_attribute(sheet)}" sheetId="{number}" r:id="rId{number}"/>'
            for number, sheet in zip(numbers, sheets, strict=True)
        )
        + "</sheets></workbook>",
    )
    package = "http://schemas.openxmlformats.org/package/2006"
    yield (
        "xl/_rels/workbook.xml.rels",
        f'{_HEADER}<Relationships xmlns="{package}/relationships">'
        + "".join(
            f'<Relationship Id="rId{number}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{number}.xml"/>'
            for number in numbers
        )
        + f'<Relationship Id="rId{len(sheets) + 1}" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>',
    )
    yield (
        "_rels/.rels",
        f'{_HEADER}<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    )
    yield (
        "[Content_Types].xml",
        f'{_HEADER}<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_TYPE}.worksheet+xml"/>' for number in numbers
        )
        + "</Types>",
    )


def _attribute(text: str) -> str:
    return escape(text).replace('"', "&quot;")
