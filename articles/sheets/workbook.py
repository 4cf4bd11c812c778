"""Excel workbooks (.xlsx, .xlsm), read in one pass within limits: values only, never a formula, a link or a macro.

Written against ECMA-376 (Office Open XML), part 1, 18.3 and 22.9.2.19. openpyxl is not used: it holds shared strings
whole, believes stated sizes, and hangs on what a few kilobytes can claim.
"""

from __future__ import annotations

import posixpath
import re
import tempfile
import weakref
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import container
from articles.sheets.cells import Cell, Fault, Moment, as_text, from_serial, is_empty, read_number
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

MAX_ROWS = 1_048_576
MAX_CELL = 32_767
"""Characters of one cell, counted in UTF-16; Excel and LibreOffice cut what is longer without a word."""
TEXTS_SHEET = "texts"
TEXTS_HEADINGS = ["text", "part", "content"]
MARK = re.compile(r"⟦texts ([0-9]{1,7})⟧\Z")
"""What stands in a cell whose text is carried on the sheet ``texts``."""
MARK_START = "⟦texts"

_MAX_COLUMN = 16_384
_MAX_MERGES = 2_000
_SPOOL = 8 * 1024 * 1024
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})\Z")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
# Built-in formats that show a day; those that show a time of day only or besides (also in Japanese Excel: 27-36, 50-58).
_DAY_FORMATS = frozenset((14, 15, 16, 17, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58))
_TIME_FORMATS = frozenset((18, 19, 20, 21, 22, 32, 33, 34, 35, 45, 46, 47, 55, 56))
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)


def unescape(text: str) -> str:
    """``_x000D_`` and the like as the characters that they stand for (22.9.2.19)."""
    if "_x" not in text:
        return text
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


def read_workbook(path: Path, knows: Knows, limits: Limits) -> Table:
    """The one visible sheet whose first row names known columns. Row numbers are the sheet's own.

    Formulas give the value they had when the workbook was saved. Raises RefusedFile, also while rows are walked through,
    where the workbook is damaged, encrypted, too large (from its directory, before anything is unpacked), holds a document
    type, or where no sheet or several could be meant.
    """
    book = _Book(open_parts(path, limits), limits)
    sheet, headings, start = _choose_sheet(book, knows, limits)
    table = Table("xlsx", check_headings(headings, knows, limits), iter(()), epoch_1904=book.epoch_1904, findings=book.findings)
    merges = _read_merges(book, sheet)
    for first_row, last_row, _first, _last in merges:
        if first_row <= start <= last_row:
            raise refuse("merged-headings", _("Cells of the headings (row %(row)s) are merged. Unmerge them."), row=start)
    table.rows = _read_rows(book, sheet, table, start, merges, limits)
    return table


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    part: str
    is_hidden: bool


@dataclass(slots=True)
class _Value:
    column: int
    cell: Cell
    is_formula: bool


class _Strings:
    """The strings that cells share, on disk beyond a few megabytes: a hundred thousand texts do not fit in memory twice."""

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(_SPOOL)  # noqa: SIM115
        # Rows are walked through long after the workbook was opened: the file closes with the last who can ask for a string.
        weakref.finalize(self, self.file.close)
        self.starts = array("Q", [0])

    def __len__(self) -> int:
        return len(self.starts) - 1

    def add(self, text: str) -> int:
        self.file.seek(0, 2)
        self.file.write(text.encode("utf-8", "surrogatepass"))
        self.starts.append(self.file.tell())
        return len(self) - 1

    def get(self, index: int) -> str:
        """Raises IndexError for one that is not there."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        start, end = self.starts[index], self.starts[index + 1]
        self.file.seek(start)
        return self.file.read(end - start).decode("utf-8", "surrogatepass")


class LongTexts:
    """Texts that no cell can hold, put together again from the parts in which a second sheet carries them."""

    def __init__(self, strings: _Strings | None = None) -> None:
        self.strings = _Strings() if strings is None else strings
        self.parts: dict[int, dict[int, int]] = {}

    def add(self, cells: Sequence[Cell]) -> None:
        """Takes one row of the sheet: which text, which part of it, and the part."""
        text, part, content = (*cells, None, None, None)[:3]
        if isinstance(text, int) and isinstance(part, int):
            self.parts.setdefault(text, {})[part] = self.strings.add(as_text(content))

    def resolve(self, cell: Cell, row: Row, limits: Limits) -> Cell:
        """The cell, or the text that it stands for. Where that is missing the row gets an error: it must not become empty."""
        found = MARK.match(cell) if isinstance(cell, str) and cell.startswith(MARK_START) else None
        if found is None:
            return cell
        parts = self.parts.get(int(found[1]))
        if parts is None:
            template = _(
                "Row %(row)s: the long text “%(mark)s” is missing, which an export keeps on the sheet “%(sheet)s”. "
                "Put that sheet back, or write the text into the cell."
            )
            params = {"row": row.number, "mark": found[0], "sheet": TEXTS_SHEET}
            row.findings.append(Finding("long-text-missing", "error", template, params))
            return None
        text = "".join(self.strings.get(parts[part]) for part in sorted(parts))
        if len(text) > limits.max_cell:
            raise refuse_cell(row.number, TEXTS_SHEET, limits.max_cell)
        return text


class _Book:
    """The parts that every sheet needs."""

    def __init__(self, archive: container.Container, limits: Limits) -> None:
        self.archive, self.limits = archive, limits
        self.findings: list[Finding] = []
        main = self._find_main()
        folder = posixpath.dirname(main)
        links = self._read_links(f"{folder}/_rels/{posixpath.basename(main)}.rels", folder)
        workbook = _WorkbookReader()
        workbook.read(self.stream(main), main)
        self.epoch_1904 = workbook.epoch_1904
        self.sheets = [
            _Sheet(name, links.targets[link], is_hidden)
            for name, link, is_hidden in workbook.sheets
            if links.kinds.get(link) == "worksheet"
        ]
        self.formats = self._read_formats(links)
        self.strings = self._read_strings(links)
        self.texts = LongTexts(self.strings)
        if any("vbaproject" in name.lower() for name in archive.members):
            self.findings.append(Finding("macros-ignored", "info", _("The macros in the workbook were not read.")))

    def stream(self, part: str) -> Iterator[bytes]:
        """One part in pieces. Raises RefusedFile where it is not there or was refused by its size."""
        if part not in self.archive.members:
            raise refuse_part(self.archive, part)
        try:
            yield from self.archive.stream(part)
        except RefusedFile as refused:
            raise refuse_damage(part) from refused

    def _find_main(self) -> str:
        if "_rels/.rels" in self.archive.members:
            links = self._read_links("_rels/.rels", "")
            for link, kind in links.kinds.items():
                if kind == "officeDocument":
                    return links.targets[link]
        return "xl/workbook.xml"

    def _read_links(self, part: str, folder: str) -> _LinksReader:
        links = _LinksReader(folder)
        if part in self.archive.members:
            links.read(self.stream(part), part)
        return links

    def _read_formats(self, links: _LinksReader) -> list[str]:
        styles = _StylesReader()
        for part in links.find("styles"):
            styles.read(self.stream(part), part)
        return styles.kinds

    def _read_strings(self, links: _LinksReader) -> _Strings:
        reader = _StringsReader(self.limits)
        for part in links.find("sharedStrings"):
            reader.read(self.stream(part), part)
        return reader.strings


class _LinksReader(Reader):
    """Relations of a part: which file each id means. Targets outside the workbook are not even looked at."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = folder
        self.targets: dict[str, str] = {}
        self.kinds: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name != "Relationship" or attributes.get("TargetMode") == "External":
            return
        target = attributes.get("Target", "")
        path = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(self.folder, target))
        self.targets[attributes.get("Id", "")] = path
        self.kinds[attributes.get("Id", "")] = attributes.get("Type", "").rpartition("/")[2]

    def find(self, kind: str) -> list[str]:
        return [self.targets[link] for link, found in self.kinds.items() if found == kind][:1]


class _WorkbookReader(Reader):
    def __init__(self) -> None:
        super().__init__()
        self.sheets: list[tuple[str, str, bool]] = []
        self.epoch_1904 = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            hidden = attributes.get("state", "visible") != "visible"
            self.sheets.append((attributes.get("name", ""), get(attributes, "id"), hidden))
        elif name == "workbookPr":
            self.epoch_1904 = attributes.get("date1904", "0") in ("1", "true", "on")


class _StylesReader(Reader):
    """Which cell formats show a date: ``""``, ``"day"`` or ``"time"`` by the number that cells name."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: list[str] = []
        self.codes: dict[int, str] = {}
        self.is_inside = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "numFmt":
            self.codes[_as_int(attributes.get("numFmtId", ""))] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self.is_inside = True
        elif name == "xf" and self.is_inside:
            self.kinds.append(_describe_format(_as_int(attributes.get("numFmtId", "")), self.codes))

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self.is_inside = False


class _StringsReader(Reader):
    """Shared strings: all runs of a rich text, without the readings that Japanese Excel keeps beside it."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.strings, self.limits, self.max_elements = _Strings(), limits, max(self.max_elements, 3 * limits.max_cells)
        self.parts: list[str] = []
        self.length = 0
        self.is_text = self.is_reading = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "si":
            self.parts, self.length = [], 0
        elif name == "rPh":
            self.is_reading = True
        elif name == "t":
            self.is_text = not self.is_reading

    def text(self, data: str) -> None:
        if self.is_text:
            self.parts.append(data)
            self.length += len(data)
            if self.length > self.limits.max_cell:
                raise refuse_cell(0, "?", self.limits.max_cell)

    def end(self, name: str) -> None:
        if name == "t":
            self.is_text = False
        elif name == "rPh":
            self.is_reading = False
        elif name == "si":
            self.strings.add(unescape("".join(self.parts)))


class _SheetReader(Reader):
    """Rows of a sheet as ``(number, values)``, those without any value left out."""

    def __init__(self, book: _Book) -> None:
        super().__init__()
        self.book, self.max_elements = book, max(self.max_elements, 3 * book.limits.max_cells)
        self.number = self.column = self.seen = 0
        self.values: list[_Value] = []
        self.kind = self.style = ""
        self.parts: list[str] = []
        self.length = 0
        self.has_value = self.is_formula = self.is_text = self.is_reading = False
        self.is_data = False
        self.columns: dict[str, int] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._start_cell(attributes)
        elif name in ("v", "t"):
            self.is_text = not self.is_reading
            self.has_value = self.has_value or self.is_text
        elif name == "row" and self.is_data:
            stated = _as_int(attributes.get("r", "")) or self.number + 1
            if not self.number < stated <= MAX_ROWS:
                raise refuse_damage(f"row {stated}")
            self.number, self.column, self.values = stated, -1, []
        elif name == "f":
            self.is_formula = True
        elif name == "rPh":
            self.is_reading = True
        elif name == "sheetData":
            self.is_data = True

    def text(self, data: str) -> None:
        if self.is_text:
            self.parts.append(data)
            self.length += len(data)
            if self.length > self.book.limits.max_cell:
                raise refuse_cell(self.number, column_letters(self.column), self.book.limits.max_cell)

    def end(self, name: str) -> None:
        if name == "c":
            self._end_cell()
        elif name in ("v", "t"):
            self.is_text = False
        elif name == "rPh":
            self.is_reading = False
        elif name == "row" and self.values:
            self.done.append((self.number, self.values))
            self.values = []
        elif name == "sheetData":
            self.is_data = False

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self.seen += 1
        if self.seen > self.book.limits.max_cells:
            raise refuse_cells(self.book.limits.max_cells)
        reference = attributes.get("r", "")
        self.column = self._find_column(reference) if reference else self.column + 1
        self.kind, self.style = attributes.get("t", "n"), attributes.get("s", "0")
        self.parts, self.length = [], 0
        self.has_value = self.is_formula = self.is_text = self.is_reading = False

    def _end_cell(self) -> None:
        cell = self._read_cell()
        if not is_empty(cell):
            self.values.append(_Value(self.column, cell, self.is_formula))

    def _find_column(self, reference: str) -> int:
        found = _REFERENCE.match(reference)
        if found is None:
            raise refuse_damage(shorten(reference))
        letters = found[1]
        if letters not in self.columns:
            self.columns[letters] = _column_index(letters)
        return self.columns[letters]

    def _read_cell(self) -> Cell:
        if self.is_formula and (not self.has_value or (self.kind == "n" and not self.parts)):
            return Fault("")
        if not self.has_value:
            return None
        text = "".join(self.parts)
        if self.kind == "s":
            return self._read_shared(text)
        if self.kind in ("str", "inlineStr"):
            return unescape(text)
        if self.kind == "b":
            return text.strip() not in ("0", "false", "")
        if self.kind == "e":
            return Fault(text)
        if self.kind == "d":
            return text
        return self._read_numeric(text)

    def _read_shared(self, text: str) -> Cell:
        try:
            return self.book.strings.get(int(text))
        except (ValueError, IndexError) as error:
            raise refuse_damage(f"row {self.number}, {column_letters(self.column)}") from error

    def _read_numeric(self, text: str) -> Cell:
        if not text.strip():
            return None
        number = read_number(text)
        if number is None:
            raise refuse_damage(f"row {self.number}, {column_letters(self.column)}")
        style = _as_int(self.style)
        kind = self.book.formats[style] if 0 <= style < len(self.book.formats) else ""
        if kind and (wall := from_serial(number, epoch_1904=self.book.epoch_1904)) is not None:
            return Moment(wall, kind == "time" or number != int(number))
        return number


class _MergesReader(Reader):
    def __init__(self) -> None:
        super().__init__()
        self.merges: list[tuple[int, int, int, int]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name != "mergeCell":
            return
        first, _colon, last = attributes.get("ref", "").partition(":")
        begin, end = _REFERENCE.match(first), _REFERENCE.match(last or first)
        if begin is None or end is None or len(self.merges) >= _MAX_MERGES:
            raise refuse_damage("mergeCells")
        self.merges.append((int(begin[2]), int(end[2]), _column_index(begin[1]), _column_index(end[1])))


def open_parts(path: Path, limits: Limits) -> container.Container:
    """The parts of a workbook as its directory names them, within limits. Raises RefusedFile before anything is unpacked."""
    bounds = container.Limits(max_members=10_000, max_file=limits.max_unpacked, max_total=2 * limits.max_unpacked)
    try:
        archive = container.open_archive(path, limits=bounds)
    except RefusedFile as refused:
        code = refused.finding.code
        if code in ("archive-too-large", "too-many-files", "zip-overlap", "zip-bomb"):
            raise _refuse_size(limits) from refused
        raise refuse_damage(path.name) from refused
    if archive.kind != "zip":
        raise refuse_damage(path.name)
    if any(finding.code == "encrypted" for _path, finding in archive.refused):
        raise refuse("workbook-encrypted", _("The workbook is protected by a password. Remove it and save the workbook again."))
    # Bounded before anything is unpacked: a sheet of a hundred megabytes may come in a few kilobytes.
    if sum(member.size for member in archive.members.values()) > limits.max_unpacked:
        raise _refuse_size(limits)
    return archive


def refuse_part(archive: container.Container, part: str) -> RefusedFile:
    """Why a part that is needed is not there."""
    for path, finding in archive.refused:
        if path == part and finding.code in ("too-large", "zip-bomb"):
            return refuse(
                "workbook-too-large",
                _(
                    "The workbook's part “%(part)s” unpacks to far more than the rows of a table need. "
                    "Copy the rows into a new workbook."
                ),
                part=part,
            )
    if any(name.endswith("workbook.bin") for name in archive.members):
        return refuse("binary-workbook", _("This is a binary workbook (.xlsb). Save it as .xlsx."))
    if part.endswith("workbook.xml"):
        return refuse("no-workbook", _("The file is a zip but no workbook. Save the table as .xlsx or CSV."))
    return refuse(
        "workbook-damaged",
        _("The workbook is damaged: its part “%(part)s” cannot be read. Open it in the spreadsheet program and save it again."),
        part=part,
    )


def _refuse_size(limits: Limits) -> RefusedFile:
    return refuse(
        "workbook-too-large",
        _("The workbook unpacks to more than %(limit)s MiB. Copy the rows that you need into a new workbook."),
        limit=limits.max_unpacked // (1024 * 1024),
    )


def _choose_sheet(book: _Book, knows: Knows, limits: Limits) -> tuple[_Sheet, list[str], int]:
    """The sheet, its headings, and the number of the row they stand in."""
    chosen: list[tuple[_Sheet, list[str], int]] = []
    first: list[str] = []
    for sheet in book.sheets:
        if sheet.is_hidden:
            template = _("The hidden sheet “%(sheet)s” was not read.")
            book.findings.append(Finding("sheet-hidden", "info", template, {"sheet": shorten(sheet.name)}))
            continue
        headings, number = _read_headings(book, sheet, limits)
        if sheet.name == TEXTS_SHEET and headings[:3] == TEXTS_HEADINGS:
            _read_texts(book, sheet)
        elif any(knows(heading) for heading in headings):
            chosen.append((sheet, headings, number))
        elif headings:
            first = first or headings
            template = _("The sheet “%(sheet)s” was not read: its first row names no known column.")
            book.findings.append(Finding("sheet-not-read", "warning", template, {"sheet": shorten(sheet.name)}))
    if len(chosen) > 1:
        names = "、".join(sheet.name for sheet, _headings, _number in chosen)
        raise refuse("several-sheets", _("Several sheets hold a table: %(sheets)s. Keep one, or hide the others."), sheets=names)
    if not chosen:
        raise refuse_headings(first)
    return chosen[0]


def _read_headings(book: _Book, sheet: _Sheet, limits: Limits) -> tuple[list[str], int]:
    for number, values in _SheetReader(book).walk(book.stream(sheet.part), sheet.part):
        width = max(value.column for value in values) + 1
        if width > limits.max_columns:
            raise refuse(
                "too-many-columns",
                _("The table has %(count)s columns; %(limit)s are allowed. Remove those that are not needed."),
                count=width,
                limit=limits.max_columns,
            )
        headings = [""] * width
        for value in values:
            headings[value.column] = as_text(value.cell)
        return headings, number
    return [], 0


def _read_texts(book: _Book, sheet: _Sheet) -> None:
    for _number, values in _SheetReader(book).walk(book.stream(sheet.part), sheet.part):
        cells = {value.column: value.cell for value in values}
        book.texts.add([cells.get(column) for column in range(3)])


def _read_merges(book: _Book, sheet: _Sheet) -> list[tuple[int, int, int, int]]:
    """Ranges of merged cells, which a sheet lists after its rows."""
    tail = b""
    for piece in book.stream(sheet.part):
        if b"mergeCell" in tail + piece:
            reader = _MergesReader()
            reader.read(book.stream(sheet.part), sheet.part)
            return sorted(reader.merges)
        tail = piece[-16:]
    return []


def _read_rows(
    book: _Book, sheet: _Sheet, table: Table, start: int, merges: list[tuple[int, int, int, int]], limits: Limits
) -> Iterator[Row]:
    width = len(table.headings)
    count = 0
    waiting = list(reversed(merges))
    active: list[tuple[int, int, int, int]] = []
    for number, values in _SheetReader(book).walk(book.stream(sheet.part), sheet.part):
        if number <= start:
            continue
        count += 1
        if count > limits.max_rows:
            raise refuse_rows(limits.max_rows)
        row = Row(number, [None] * width)
        while waiting and waiting[-1][0] <= number:
            active.append(waiting.pop())
        active = [merge for merge in active if merge[1] >= number]
        _fill_row(book, row, values, table)
        _check_merges(row, active, table)
        yield row


def _fill_row(book: _Book, row: Row, values: list[_Value], table: Table) -> None:
    formulas = []
    for value in values:
        if value.column >= len(row.cells):
            row.findings.append(describe_stray(row.number, column_letters(value.column)))
            continue
        row.cells[value.column] = book.texts.resolve(value.cell, row, book.limits)
        if value.is_formula and not isinstance(value.cell, Fault):
            formulas.append(shorten(table.headings[value.column]))
    if formulas:
        template = _("Row %(row)s: formulas in %(columns)s; the values they had when the workbook was saved are taken.")
        row.findings.append(Finding("formula-value", "info", template, {"row": row.number, "columns": "、".join(formulas)}))


def _check_merges(row: Row, active: list[tuple[int, int, int, int]], table: Table) -> None:
    for first_row, _last_row, first, last in active:
        covered = range(first + (row.number == first_row), last + 1)
        columns = [shorten(table.headings[place]) for place in covered if place < len(table.headings)]
        if columns:
            template = _(
                "Row %(row)s: the cells in %(columns)s are merged with others and have no value of their own. Unmerge them."
            )
            params = {"row": row.number, "columns": "、".join(columns[:5])}
            row.findings.append(Finding("merged-cells", "error", template, params))
            return


def _describe_format(number: int, codes: dict[int, str]) -> str:
    # 255 characters are what a program can enter; the pattern below must not meet more.
    code = codes.get(number, "")[:255] if number in codes else None
    if code is None:
        return "day" if number in _DAY_FORMATS else "time" if number in _TIME_FORMATS else ""
    # Only the first section speaks of positive numbers.
    plain = _LITERAL.sub("", code).split(";")[0].lower()
    if "general" in plain or "@" in plain:
        return ""
    if re.search("[hs]", plain):
        return "time"
    return "day" if re.search("[ydge]|m", plain) and not re.search(r"[0#?]e[+-]", plain) else ""


def _column_index(letters: str) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    if index > _MAX_COLUMN:
        raise refuse_damage(letters)
    return index - 1


def _as_int(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
