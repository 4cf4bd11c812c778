# Spreadsheets know no time zones.
# ruff: noqa: DTZ001
"""Tables as files: what spreadsheet programs write is read, what is hostile or broken is refused by name, nothing is cut."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.styles import Font

from articles.findings import RefusedFile
from articles.formats.terms import identity
from articles.sheets import FORMATS, Limits, open_table
from articles.sheets.cells import Fault, Missing, Moment, from_plain, from_serial, protect, to_plain, to_serial, unprotect
from articles.sheets.delimited import write_delimited
from articles.sheets.differences import Budget, compare
from articles.sheets.lists import join_links, join_names, join_paths, split_links, split_names, split_paths
from articles.sheets.records import write_records
from articles.sheets.workbook_writing import SheetColumn, write_workbook

KNOWN = {"title", "tags", "date", "body", "id"}
LIMITS = Limits(max_rows=1_000, max_cells=100_000, max_unpacked=4_000_000, max_cell=200_000)
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def knows(heading: str) -> bool:
    return heading.strip().lower() in KNOWN


def read(path: Path, name: str = "", formats: Any = tuple(FORMATS)) -> tuple[Any, list[Any]]:
    table = open_table(path, name or path.name, knows, limits=LIMITS, formats=formats)
    return table, list(table.rows)


def read_text(tmp_path: Path, content: str | bytes, name: str = "table.csv") -> tuple[Any, list[Any]]:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path)


def code_of(call: Any) -> str:
    with pytest.raises(RefusedFile) as refused:
        call()
    assert refused.value.finding.message
    return refused.value.finding.code


def cells(rows: list[Any]) -> list[list[Any]]:
    return [row.cells for row in rows]


# --- CSV ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "euc_jp", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_in_the_encodings_and_with_the_separators_of_spreadsheet_programs(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    lines = ["title", "tags"], ["川沿いの倉庫、その後", "建築・町なみ"], ["二行目の題", "くらし"]
    text = "\r\n".join(delimiter.join(line) for line in lines) + "\r\n"
    data = ("\ufeff" if encoding == "utf-16-le" else "") + text
    _table, rows = read_text(tmp_path, data.encode(encoding))
    assert cells(rows) == [list(line) for line in lines[1:]]
    assert [row.number for row in rows] == [2, 3]


def test_excels_own_line_about_the_separator_is_no_row(tmp_path: Path) -> None:
    _table, rows = read_text(tmp_path, "sep=;\r\ntitle;tags\r\nA;B\r\n")
    assert [(row.number, row.cells) for row in rows] == [(2, ["A", "B"])]


def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    _table, rows = read_text(tmp_path, 'title,body\n"a","one\ntwo\nthree"\n\n,\nb,x\n')
    assert [(row.number, row.cells[0]) for row in rows] == [(2, "a"), (5, "b")]


def test_a_row_that_ends_early_leaves_the_rest_as_it_is_and_says_so(tmp_path: Path) -> None:
    _table, rows = read_text(tmp_path, "title,tags,body\na\n")
    assert rows[0].cells == ["a", Missing.CELL, Missing.CELL]
    assert [found.code for found in rows[0].findings] == ["short-row"]


def test_a_value_beyond_the_headings_makes_its_row_an_error(tmp_path: Path) -> None:
    _table, rows = read_text(tmp_path, "title\na,,stray\nb,,\n")
    assert [[found.code for found in row.findings] for row in rows] == [["cell-without-heading"], []]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("title,body\na\x00b,c\n", "nul"),
        ('title,body\n"a,b\nc,d\n', "quote-not-closed"),
        ('title,body\n"a"b,c\n', "bad-quotes"),
        ("Hello,World\na,b\n", "no-headings"),
        ("", "empty-table"),
        ("\n\n", "empty-table"),
        (b"title,body\n\xe3\x81\x82\xff\xfe\xe3\x81\x84,b\n", "bad-bytes"),
        ("title," + ",".join(f"c{number}" for number in range(300)) + "\n", "too-many-columns"),
        ("title\n" + "a\n" * 1_001, "too-many-rows"),
        ("title\n" + "a" * 200_001 + "\n", "cell-too-long"),
        ("title" + ",body" * 150 + "\n" + ("," * 150 + "x\n") * 800, "too-many-cells"),
    ],
)
def test_what_cannot_be_read_as_it_should_is_refused_whole(tmp_path: Path, text: str | bytes, code: str) -> None:
    assert code_of(lambda: read_text(tmp_path, text)) == code


def test_a_refusal_names_the_line_of_the_damage(tmp_path: Path) -> None:
    with pytest.raises(RefusedFile) as refused:
        read_text(tmp_path, "title,body\nあ,い\nう,え\n".encode() + b"\xe3\x81\xff,b\n" + "お,か\n".encode() * 3)
    assert refused.value.finding.params["line"] == "4"


def test_lines_in_a_cell_that_look_like_rows_are_remarked(tmp_path: Path) -> None:
    _table, rows = read_text(tmp_path, 'title,tags,body\na,b,"c\nd,e,f\ng,h,i"\n')
    assert [found.code for found in rows[0].findings] == ["rows-in-a-cell"]


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_a_formula_made_inert_comes_back_as_it_was(text: str) -> None:
    assert unprotect(protect(text)) == text
    assert not re.match("[=+\\-@\t\r\n＝＋－＠]", protect(text))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠x", "'=1", "''=x"])
def test_every_beginning_of_a_formula_is_made_inert(text: str) -> None:
    assert protect(text) == "'" + text


@pytest.mark.parametrize("text", ["'tis the season", "a=b", "'", "", "'quoted'", "１－２"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert protect(text) == unprotect(text) == text


def test_a_written_csv_has_its_mark_and_reads_back_to_the_letter(tmp_path: Path) -> None:
    rows = [["=cmd|' /C calc'!A0", 'a "b", c\r\nd'], ["  blanks  ", "'tis"], ["", "行\n行"]]
    data = b"".join(write_delimited(["title", "body"], rows))
    assert data.startswith(b"\xef\xbb\xbf")
    assert next(csv.reader(io.StringIO(data.decode("utf-8-sig").split("\r\n", 1)[1]), strict=True))[0][0] == "'"
    _table, read_back = read_text(tmp_path, data)
    assert [[str(cell) for cell in row] for row in cells(read_back)] == rows


# --- Workbooks ------------------------------------------------------------------------------------------------------


def make_workbook(path: Path, sheet: str, **parts: str) -> Path:
    """A workbook with this sheet data, as small as it can be; ``parts`` replace or add other parts."""
    content = {
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}">'
        f'<Relationship Id="r" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{RELATIONS}">'
        '<sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">'
        f'<Relationship Id="r1" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{RELATIONS}/sharedStrings" Target="sharedStrings.xml"/>'
        f'<Relationship Id="r3" Type="{RELATIONS}/styles" Target="/xl/styles.xml"/></Relationships>',
        "xl/sharedStrings.xml": f'<sst xmlns="{SHEET}"/>',
        "xl/styles.xml": f'<styleSheet xmlns="{SHEET}"/>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{SHEET}"><sheetData>{sheet}</sheetData></worksheet>',
    } | {f"xl/{name.replace('__', '/')}.xml": text for name, text in parts.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return path


def text_cell(reference: str, text: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'


HEAD = f'<row r="1">{text_cell("A1", "title")}{text_cell("B1", "body")}</row>'


def test_a_workbook_as_another_program_writes_it(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["id", "title", "date", "body"])
    sheet.append([1, "題", datetime(2025, 11, 25, 4, 42, 35), "一\n二"])
    sheet.append([2.5, True, "2025/11/25", None])
    sheet["B3"].font = Font(bold=True)
    sheet.append([None, None, None, None])
    sheet["B9"] = "九行目"
    path = tmp_path / "a.xlsx"
    book.save(path)
    table, rows = read(path)
    assert table.headings == ["id", "title", "date", "body"]
    assert [(row.number, row.cells) for row in rows] == [
        (2, [1, "題", Moment(datetime(2025, 11, 25, 4, 42, 35), True), "一\n二"]),
        (3, [2.5, True, "2025/11/25", None]),
        (9, [None, "九行目", None, None]),
    ]


def test_rich_text_is_whole_and_readings_of_kanji_are_no_text(tmp_path: Path) -> None:
    strings = (
        f'<sst xmlns="{SHEET}"><si><r><t>東京</t></r><r><t xml:space="preserve"> 版</t></r>'
        '<rPh sb="0" eb="2"><t>トウキョウ</t></rPh></si><si><t>_x000D_a_x005F_x000D_</t></si></sst>'
    )
    sheet = HEAD + '<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c></row>'
    _table, rows = read(make_workbook(tmp_path / "a.xlsx", sheet, sharedStrings=strings))
    assert rows[0].cells == ["東京 版", "\ra_x000D_"]


def test_formulas_give_their_values_and_those_without_any_are_errors(tmp_path: Path) -> None:
    sheet = (
        HEAD
        + '<row r="2"><c r="A2" t="str"><f>A1</f><v>x</v></c><c r="B2"><f>1+1</f><v>2</v></c></row>'
        + '<row r="3"><c r="A3"><f>A1</f></c><c r="B3"><f>1+1</f><v></v></c></row>'
        + '<row r="4"><c r="A4" t="e"><v>#N/A</v></c><c r="B4" t="str"><f>""</f><v></v></c></row>'
    )
    _table, rows = read(make_workbook(tmp_path / "a.xlsx", sheet))
    assert cells(rows) == [["x", 2], [Fault(""), Fault("")], [Fault("#N/A"), None]]
    assert [found.code for found in rows[0].findings] == ["formula-value"]


@pytest.mark.parametrize(
    ("style", "value", "expected"),
    [
        ('numFmtId="22"', "45986.196238425924", Moment(datetime(2025, 11, 25, 4, 42, 35), True)),
        ('numFmtId="14"', "45986", Moment(datetime(2025, 11, 25), False)),
        ('numFmtId="30"', "45986", Moment(datetime(2025, 11, 25), False)),
        ('numFmtId="200"', "45986.5", Moment(datetime(2025, 11, 25, 12), True)),
        ('numFmtId="201"', "45986", 45986),
        ('numFmtId="0"', "45986.5", 45986.5),
    ],
)
def test_dates_are_told_from_numbers_by_their_format(tmp_path: Path, style: str, value: str, expected: Any) -> None:
    styles = (
        f'<styleSheet xmlns="{SHEET}"><numFmts>'
        '<numFmt numFmtId="200" formatCode="[$-411]ggge&quot;年&quot;m&quot;月&quot;d&quot;日&quot;"/>'
        '<numFmt numFmtId="201" formatCode="#,##0&quot;day&quot;;[Red]0.00E+00"/></numFmts>'
        f'<cellXfs><xf numFmtId="0"/><xf {style}/></cellXfs></styleSheet>'
    )
    sheet = HEAD + f'<row r="2"><c r="A2" s="1"><v>{value}</v></c></row>'
    _table, rows = read(make_workbook(tmp_path / "a.xlsx", sheet, styles=styles))
    assert rows[0].cells[0] == expected


def test_workbooks_of_old_macs_count_days_from_1904(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active.append(["title", "date"])
    book.active.append(["a", datetime(2025, 11, 25, 4, 42)])
    path = tmp_path / "a.xlsx"
    book.save(path)
    table, rows = read(path)
    assert table.epoch_1904
    assert rows[0].cells[1] == Moment(datetime(2025, 11, 25, 4, 42), True)


def test_hidden_sheets_are_not_read_and_two_tables_are_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "記事"
    book.active.append(["title"])
    book.active.append(["a"])
    hidden = book.create_sheet("隠し")
    hidden.append(["title"])
    hidden.sheet_state = "hidden"
    notes = book.create_sheet("メモ")
    notes.append(["覚え書き"])
    path = tmp_path / "a.xlsx"
    book.save(path)
    table, rows = read(path)
    assert cells(rows) == [["a"]]
    assert {found.code for found in table.findings} == {"sheet-hidden", "sheet-not-read"}
    hidden.sheet_state = "visible"
    book.save(path)
    assert code_of(lambda: read(path)) == "several-sheets"


def test_merged_cells_make_their_rows_errors_and_merged_headings_refuse_the_table(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["title", "body"], ["a", "x"], ["b", "y"], ["c", "z"]):
        book.active.append(row)
    book.active.merge_cells("A2:A3")
    path = tmp_path / "a.xlsx"
    book.save(path)
    _table, rows = read(path)
    assert [[found.code for found in row.findings] for row in rows] == [[], ["merged-cells"], []]
    book.active.merge_cells("A1:B1")
    book.save(path)
    assert code_of(lambda: read(path)) == "merged-headings"


def test_a_million_empty_rows_cost_little_and_are_no_rows(tmp_path: Path) -> None:
    empty = "".join(f'<row r="{number}" ht="15"/>' for number in range(3, 60_000))
    _table, rows = read(make_workbook(tmp_path / "a.xlsx", HEAD + f'<row r="2">{text_cell("A2", "a")}</row>' + empty))
    assert cells(rows) == [["a", None]]


@pytest.mark.parametrize(
    ("sheet", "parts", "code"),
    [
        (HEAD, {"workbook": "<!DOCTYPE x><workbook/>"}, "workbook-doctype"),
        (HEAD, {"sharedStrings": '<!DOCTYPE x [<!ENTITY a "b">]><sst><si><t>&a;</t></si></sst>'}, "workbook-doctype"),
        (HEAD + '<row r="2"><c r="A2" t="s"><v>7</v></c></row>', {}, "workbook-damaged"),
        (HEAD + '<row r="1"><c r="A2"><v>1</v></c></row>', {}, "workbook-damaged"),
        (HEAD + '<row r="2"><c r="A2"><v>x</v></c></row>', {}, "workbook-damaged"),
        (HEAD + '<row r="2"><c r="ZZZZ2"><v>1</v></c></row>', {}, "workbook-damaged"),
        (HEAD + "<row><c></row>", {}, "workbook-damaged"),
        ("<row/>", {}, "no-headings"),
        ("x" * 5_000_000, {}, "workbook-too-large"),
        (HEAD + f'<row r="2" spans="{"1 " * 1_600_000}"/>', {}, "workbook-damaged"),
        (HEAD + "<a>" * 70 + "</a>" * 70, {}, "workbook-damaged"),
        (HEAD + f'<row r="2">{text_cell("A2", "x" * 200_001)}</row>', {}, "cell-too-long"),
        (HEAD + "".join(f'<row r="{n}">{text_cell(f"A{n}", "x")}</row>' for n in range(2, 1_100)), {}, "too-many-rows"),
        (HEAD + "<row>" + "<c/>" * 100_001 + "</row>", {}, "too-many-cells"),
        (f"<row>{text_cell('A1', 'title')}{text_cell('ZZ1', 'x')}</row>", {}, "too-many-columns"),
        (HEAD + f'<row r="2">{text_cell("A2", "a")}</row>', {"styles": "<!DOCTYPE a><a/>"}, "workbook-doctype"),
    ],
)
def test_hostile_and_broken_workbooks_are_refused(tmp_path: Path, sheet: str, parts: dict[str, str], code: str) -> None:
    assert code_of(lambda: read(make_workbook(tmp_path / "a.xlsx", sheet, **parts))) == code


def test_a_cut_workbook_an_old_one_and_other_files_are_refused_by_name(tmp_path: Path) -> None:
    whole = make_workbook(tmp_path / "a.xlsx", HEAD).read_bytes()
    for name, data, code in (
        ("cut.xlsx", whole[:700], "workbook-damaged"),
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "old-workbook"),
        ("text.xlsx", b"title,body\na,b\n", "no-workbook"),
        ("a.pdf", b"%PDF-1.7", "no-table"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        assert code_of(lambda path=path: read(path)) == code
    other = tmp_path / "b.xlsx"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    assert code_of(lambda: read(other)) == "no-workbook"


def test_only_a_far_cell_costs_no_more_than_itself(tmp_path: Path) -> None:
    sheet = HEAD + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    _table, rows = read(make_workbook(tmp_path / "a.xlsx", sheet))
    assert [(row.number, [found.code for found in row.findings]) for row in rows] == [(1_048_576, ["cell-without-heading"])]


def test_macros_and_escaping_names_are_not_read(tmp_path: Path) -> None:
    path = make_workbook(tmp_path / "a.xlsx", HEAD + f'<row r="2">{text_cell("A2", "a")}</row>')
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"x")
        archive.writestr("../../escape", b"x")
    table, rows = read(path)
    assert cells(rows) == [["a", None]]
    assert [found.code for found in table.findings] == ["macros-ignored"]


COLUMNS = [SheetColumn("id", "number"), SheetColumn("title"), SheetColumn("date", "moment"), SheetColumn("body", "long")]


def write_book(path: Path, rows: list[list[Any]], columns: list[SheetColumn] = COLUMNS) -> Path:
    path.write_bytes(b"".join(write_workbook("記事 & <題>", columns, rows)))
    return path


def test_a_written_workbook_reads_back_to_the_letter(tmp_path: Path) -> None:
    texts = [
        "=1+1",
        "_x0041_",
        "a\x08b\x0b",
        "\ufffe",
        "<&>\"'",
        "  two  ",
        "tab\tend\r\nnext\n",
        "⟦texts 1⟧",
        "😀" * 20_000,
        "あ" * 40_000,
    ]
    rows = [[number, text, datetime(2025, 11, 25, 4, 42, 35), text] for number, text in enumerate(texts)]
    _table, read_back = read(write_book(tmp_path / "a.xlsx", rows))
    assert [row.cells[1] for row in read_back] == texts
    assert [row.cells[3] for row in read_back] == texts
    assert {row.cells[2] for row in read_back} == {Moment(datetime(2025, 11, 25, 4, 42, 35), True)}


def test_another_program_sees_strings_dates_and_lists_to_choose_from_and_no_formula(tmp_path: Path) -> None:
    columns = [*COLUMNS[:3], SheetColumn("body", choices=("下書き", "公開"))]
    path = write_book(tmp_path / "a.xlsx", [[1, "=HYPERLINK(1)", datetime(2025, 11, 25, 4, 42, 35), "－1"]], columns)
    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert [cell.data_type for cell in sheet[2]] == ["n", "s", "d", "s"]
    assert (sheet["B2"].value, sheet["B2"].quotePrefix, sheet["D2"].quotePrefix) == ("=HYPERLINK(1)", True, True)
    assert sheet["C2"].value == datetime(2025, 11, 25, 4, 42, 35)
    assert sheet.data_validations.dataValidation[0].formula1 == '"下書き,公開"'
    assert sheet.freeze_panes == "A2"
    with zipfile.ZipFile(path) as archive:
        assert not any(b"<f>" in archive.read(name) for name in archive.namelist())


def test_a_long_text_stands_in_parts_on_a_second_sheet_that_no_program_cuts(tmp_path: Path) -> None:
    path = write_book(tmp_path / "a.xlsx", [[1, "題", None, "字" * 70_000]])
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["記事 & <題>", "texts"]
    assert max(len(str(cell.value)) for sheet in book for row in sheet for cell in row) <= 32_767
    # Saved again by another program, sorted and all, it still is the same text.
    book.save(path)
    _table, rows = read(path)
    assert rows[0].cells[3] == "字" * 70_000


def test_without_its_second_sheet_a_long_text_is_an_error_and_not_empty(tmp_path: Path) -> None:
    path = write_book(tmp_path / "a.xlsx", [[1, "題", None, "字" * 40_000]])
    book = openpyxl.load_workbook(path)
    book.remove(book["texts"])
    book.save(path)
    _table, rows = read(path)
    assert [found.code for found in rows[0].findings] == ["long-text-missing"]


def test_dates_before_all_programs_agree_are_written_as_text(tmp_path: Path) -> None:
    _table, rows = read(write_book(tmp_path / "a.xlsx", [[1, "a", datetime(1868, 1, 3, 12), ""]]))
    assert rows[0].cells[2] == "1868-01-03 12:00:00"


@settings(max_examples=200, deadline=None)
@given(st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 31)))
def test_serial_numbers_keep_the_millisecond(moment: datetime) -> None:
    wall = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    serial = to_serial(wall)
    assert serial is not None
    assert from_serial(float(repr(serial))) == wall


def test_cells_as_plain_data_come_back() -> None:
    for cell in ("a", 1, 2.5, True, None, ["a", "b"], Fault("#N/A"), Moment(datetime(2025, 11, 25), False)):
        assert from_plain(json.loads(json.dumps(to_plain(cell)))) == cell


# --- JSON -----------------------------------------------------------------------------------------------------------


def test_json_is_read_object_by_object(tmp_path: Path) -> None:
    text = '[{"title": "題", "tags": ["a", 2], "body": null},\n {"title": 12345678901234567890, "id": 1.0}]'
    table, rows = read_text(tmp_path, text, "a.json")
    assert table.headings == ["title", "tags", "body", "id"]
    assert cells(rows) == [["題", ["a", "2"], None, Missing.CELL], ["12345678901234567890", Missing.CELL, Missing.CELL, 1]]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[" * 50_000, "bad-json-shape"),
        ('{"title": 1}', "bad-json-shape"),
        ("[1, 2]", "bad-json-shape"),
        ('[{"title": "a", "title": "b"}]', "duplicate-key"),
        ('[{"title": NaN}]', "not-a-number"),
        ('[{"title": "a"} {"title": "b"}]', "bad-json"),
        ('[{"title": "a"}', "bad-json"),
        ('[{"title": "a"}] x', "bad-json"),
        ('[{"title": ' + "9" * 6_000 + "}", "bad-json"),
        ("[]", "no-headings"),
        ('[{"title": "' + "x" * 3_000_000 + '"}]', "row-too-long"),
    ],
)
def test_json_that_is_no_table_is_refused(tmp_path: Path, text: str, code: str) -> None:
    assert code_of(lambda: read_text(tmp_path, text, "a.json")) == code


def test_nested_values_and_halves_of_characters_are_errors_of_their_row(tmp_path: Path) -> None:
    text = '[{"title": {"a": 1}}, {"title": "\\ud800"}, {"title": "\\u0000"}, {"title": "gut"}]'
    _table, rows = read_text(tmp_path, text, "a.json")
    assert [[found.code for found in row.findings] for row in rows] == [["nested-value"], ["unstorable"], ["unstorable"], []]


def test_written_json_is_read_back(tmp_path: Path) -> None:
    rows = [[1, "=1+1", None, ["a", "b"]], [2, "題", "x", []]]
    data = b"".join(write_records(["id", "title", "body", "tags"], rows))
    assert json.loads(data)[0]["title"] == "=1+1"
    assert cells(read_text(tmp_path, data, "a.json")[1]) == rows


# --- Formats that a site must ask for -------------------------------------------------------------------------------

ODS = """<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">
<office:body><office:spreadsheet><table:table table:name="S"><table:table-row>
<table:table-cell><text:p>title</text:p></table:table-cell><table:table-cell><text:p>date</text:p></table:table-cell>
<table:table-cell><text:p>body</text:p></table:table-cell></table:table-row>
<table:table-row table:number-rows-repeated="2">
<table:table-cell office:value-type="string"><text:p>一<text:s text:c="2"/>二</text:p>
<text:p>三</text:p><office:annotation><text:p>note</text:p></office:annotation></table:table-cell>
<table:table-cell office:value-type="date" office:date-value="2025-11-25T04:42:00"><text:p>x</text:p></table:table-cell>
<table:table-cell table:number-columns-repeated="16000"/></table:table-row>
<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>
<table:table-row>
<table:table-cell office:value-type="float" office:value="7"><text:p>7</text:p></table:table-cell></table:table-row>
</table:table></office:spreadsheet></office:body></office:document-content>"""


def test_opendocument_is_read_where_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", ODS)
    assert code_of(lambda: read(path, formats=("csv", "xlsx", "json"))) == "format-off"
    _table, rows = read(path)
    row = ["一  二\n三", Moment(datetime(2025, 11, 25, 4, 42), True), None]
    assert [(found.number, found.cells) for found in rows] == [(2, row), (3, row), (1_048_004, [7, None, None])]


def test_long_texts_survive_a_workbook_saved_as_opendocument(tmp_path: Path) -> None:
    def sheet(name: str, *rows: str) -> str:
        lines = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
        return f'<table:table table:name="{name}">{lines}</table:table>'

    def text(value: str) -> str:
        return f"<table:table-cell><text:p>{value}</text:p></table:table-cell>"

    def number(value: int) -> str:
        return f'<table:table-cell office:value-type="float" office:value="{value}"/>'

    head = ODS.partition("<table:table ")[0]
    parts = [number(1) + number(part) + text(letter * 9) for part, letter in ((2, "い"), (1, "あ"))]
    tables = sheet("記事", text("title"), text("⟦texts 1⟧"), text("⟦texts 2⟧")) + sheet("texts", text("text"), *parts)
    path = tmp_path / "a.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", f"{head}{tables}</office:spreadsheet></office:body></office:document-content>")
    _table, rows = read(path)
    assert rows[0].cells == ["あ" * 9 + "い" * 9]
    assert [found.code for found in rows[1].findings] == ["long-text-missing"]


def test_a_page_of_html_is_read_where_it_is_asked_for(tmp_path: Path) -> None:
    text = (
        "<table><tr><th>title</th><th>body</th></tr><tr><td>a<script>x()</script></td><td>b<br>c &amp; d</td></tr></table>"
        "<table><tr><td>other</td></tr></table>"
    )
    path = tmp_path / "a.html"
    path.write_text(text)
    assert code_of(lambda: read(path, formats=("csv",))) == "format-off"
    assert cells(read(path)[1]) == [["a", "b\nc & d"]]
    path.write_text('<table><tr><th>title</th></tr><tr><td rowspan="2">a</td></tr></table>')
    assert code_of(lambda: read(path)) == "merged-cells-html"
    path.write_text("<table><tr><th>title</th></tr><tr><td><table></table></td></tr></table>")
    assert code_of(lambda: read(path)) == "table-in-table"


def test_a_yaml_list_is_read_as_text_where_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("---\n- title: no\n  tags: [a, b]\n  body: |\n    一\n\n    二\n- {title: 1.10, tags: }\n")
    assert code_of(lambda: read(path, formats=("csv",))) == "format-off"
    assert cells(read(path)[1]) == [["no", ["a", "b"], "一\n\n二\n"], ["1.10", None, Missing.CELL]]
    path.write_text("- title: &a x\n  body: *a\n")
    assert code_of(lambda: read(path)) == "bad-yaml"
    path.write_text("title: x\n")
    assert code_of(lambda: read(path)) == "bad-yaml-shape"


# --- Lists in a cell ------------------------------------------------------------------------------------------------

NAME = st.text(st.sampled_from('a"、,，　 >＞\nB漢'), min_size=1, max_size=8).filter(identity)


@settings(max_examples=500, deadline=None)
@given(st.lists(NAME, max_size=5, unique_by=identity))
def test_names_in_a_cell_come_back_whatever_they_hold(names: list[str]) -> None:
    assert split_names(join_names(names)) == names
    assert split_names(join_names(names), at_blanks=False) == names


@settings(max_examples=500, deadline=None)
@given(st.lists(st.lists(NAME, min_size=1, max_size=3).map(tuple), max_size=4, unique_by=lambda path: tuple(map(identity, path))))
def test_places_in_a_tree_come_back_whatever_their_names_hold(paths: list[tuple[str, ...]]) -> None:
    assert split_paths(join_paths(paths)) == paths


def test_names_of_people_keep_their_full_width_blank() -> None:
    assert split_names("山田　太郎、鈴木　花子", at_blanks=False) == ["山田　太郎", "鈴木　花子"]
    assert split_names("山田　太郎") == ["山田", "太郎"]


def test_links_stand_one_per_line() -> None:
    links = [{"label": "案 内", "url": "https://example.jp/"}, {"label": "手紙", "url": "mailto:a@example.jp"}]
    assert split_links(join_links(links)) == links
    with pytest.raises(ValueError, match="javascript"):
        split_links("罠 javascript:alert(1)")


# --- Differences ----------------------------------------------------------------------------------------------------


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from("ab 漢\n"), max_size=40), st.text(st.sampled_from("ab 漢\n"), max_size=40))
def test_a_difference_holds_both_texts_whole(old: str, new: str) -> None:
    pieces = compare(old, new, Budget())
    if not any(piece.length for piece in pieces):
        assert "".join(piece.text for piece in pieces if piece.kind in ("same", "removed")) == old
        assert "".join(piece.text for piece in pieces if piece.kind in ("same", "added")) == new


def test_a_difference_shows_words_and_characters() -> None:
    pieces = compare("The quick fox. 記事はどこに住む", "The slow fox. 記事はいつ、どこに住む", Budget())
    assert [(piece.kind, piece.text) for piece in pieces if piece.kind != "same"] == [
        ("removed", "quick"),
        ("added", "slow"),
        ("added", "いつ、"),
    ]


def test_what_is_the_same_is_left_out_of_a_long_difference() -> None:
    pieces = compare("あ" * 10_000 + "x" + "い" * 10_000, "あ" * 10_000 + "y" + "い" * 10_000, Budget())
    assert [piece.kind for piece in pieces] == ["skipped", "same", "removed", "added", "same", "skipped"]
    assert sum(len(piece.text) for piece in pieces) < 200


def test_the_cost_of_a_difference_is_bounded_however_hostile_the_texts() -> None:
    budget = Budget(50_000)
    one = "".join(chr(0x4E00 + number * 7 % 97) for number in range(3_000))
    other = "".join(chr(0x4E00 + number * 11 % 89) for number in range(3_000))
    for _time in range(20):
        pieces = compare(one, other, budget)
        assert sum(len(piece.text) for piece in pieces) <= 2 * 3_002
    assert budget.steps > -60_000


# --- Whatever comes ------------------------------------------------------------------------------------------------

GOOD_SHEET = (
    HEAD
    + f'<row r="2">{text_cell("A2", "a")}<c r="B2" s="1"><v>45986.5</v></c></row>'
    + '<row r="4"><c r="A4" t="s"><v>0</v></c><c r="B4" t="str"><f>1</f><v>x</v></c></row>'
)
PIECES = (
    "<c",
    "<row",
    ' r="',
    ' t="s"',
    ' s="9"',
    "<v>",
    "</v>",
    "</c>",
    "&amp;",
    "&#0;",
    "<!--",
    "]]>",
    "1e999",
    "-1",
    "A2",
    "\ufffe",
)


def read_whole(path: Path, name: str) -> None:
    with suppress(RefusedFile):
        read(path, name)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_to_a_table_raises_anything_but_a_refusal(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["a.xlsx", "a.csv", "a.json", "a.ods", "a.html", "a.yaml"]))
    path = tmp_path / name
    if name == "a.xlsx":
        make_workbook(path, GOOD_SHEET)
    elif name == "a.ods":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
            archive.writestr("content.xml", ODS)
    else:
        path.write_text(
            {
                "a.csv": 'title,tags\n"a ""b""",c\nd,e\n',
                "a.json": '[{"title": "a", "tags": ["b", 1, null], "id": 1.5}]',
                "a.html": "<table><tr><th>title</th></tr><tr><td>a<br>b</td></tr></table>",
                "a.yaml": "- title: a\n  tags: [b, c]\n- title: |\n    d\n",
            }[name]
        )
    content = bytearray(path.read_bytes())
    for _time in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    path.write_bytes(bytes(content))
    read_whole(path, name)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_markup_in_a_sheet_raises_anything_but_a_refusal(tmp_path: Path, data: st.DataObject) -> None:
    sheet = GOOD_SHEET
    for _time in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(sheet)))
        sheet = sheet[:at] + data.draw(st.sampled_from(PIECES)) + sheet[at + data.draw(st.integers(0, 8)) :]
    path = tmp_path / "a.xlsx"
    make_workbook(path, sheet)
    read_whole(path, "a.xlsx")
