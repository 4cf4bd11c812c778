"""Bytes to text and back: strict, complete, and the same bytes again."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from articles.findings import Finding, RefusedFile
from articles.formats.encoding import (
    decode_source,
    decode_text,
    encode_edited,
    encode_source,
    propose,
    propose_encoding,
    with_text,
)

JAPANESE = (
    "---\ntitle: 市立図書館の開館時間が変わります\n---\n\n来月から、市立図書館は午後八時まで開きます。①新聞室も同じです。\n"
)
PLAIN = JAPANESE.replace("①", "")


def refuse(data: bytes, **options: str) -> Finding:
    with pytest.raises(RefusedFile) as caught:
        decode_source(data, **options)  # type: ignore[arg-type]
    return caught.value.finding


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be-bom", "utf-32", "euc_jp", "cp932", "iso2022_jp"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_japanese_text_in_any_encoding_reads_the_same_and_comes_out_as_the_same_bytes(encoding: str, newline: str) -> None:
    written = PLAIN.replace("\n", newline)
    data = ("\ufeff" + written).encode("utf-16-be") if encoding == "utf-16-be-bom" else written.encode(encoding)
    source = decode_source(data)
    assert source.head + source.body == PLAIN
    assert source.newline == newline
    assert source.format == "yaml"
    assert encode_source(source) == data


def test_the_circled_digits_of_windows_are_read_in_cp932_and_in_euc() -> None:
    assert "①" in decode_source(JAPANESE.encode("cp932")).body
    assert "①" in decode_source(JAPANESE.encode("euc_jis_2004")).body


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
def test_an_empty_file_is_an_empty_document(data: bytes) -> None:
    source = decode_source(data)
    assert (source.head, source.body) == ("", "")
    assert encode_source(source) == data


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    source = decode_source(b"\xef\xbb\xbf---\na: b\n---\nx")
    assert source.bom
    assert source.head == "---\na: b\n---\n"


@settings(max_examples=150, deadline=None)
@given(st.binary() | st.text().map(str.encode) | st.text(alphabet="ab\r\n-: あア亜").map(lambda text: text.encode("cp932")))
@example(b"a\r\nb\rc\n")
@example(b'\x1b$B$"\x1b(B')
@example("\x0b\x0c\x85\u2028".encode())
def test_whatever_is_accepted_comes_out_as_the_same_bytes(data: bytes) -> None:
    try:
        source = decode_source(data)
    except RefusedFile as refused:
        assert refused.finding.message  # noqa: PT017
        return
    assert encode_source(source) == data
    assert "\r" not in source.head + source.body
    assert "\ufffd" not in source.head + source.body or "\ufffd".encode() in data or source.encoding != "utf-8"


def test_characters_that_python_takes_for_line_ends_are_text() -> None:
    text = "a\x0bb\x0cc\x85d\u2028e\n"
    assert decode_source(text.encode()).body == text


@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\xbcb\xc0\xbe", b"\xed\xa0\xbd\xed\xb8\x80", b"\xe3\x81", b"\xf5\x80\x80\x80"])
def test_damaged_utf_8_is_refused_with_its_byte_and_line_and_never_read_as_something_else(bad: bytes) -> None:
    text = "---\ntitle: 図書館\n---\nだれでも。".encode()
    finding = refuse(text + bad + "おわり\n".encode())
    assert finding.code == "damaged-utf-8"
    assert finding.line == 4
    assert str(len(text)) in finding.message


@pytest.mark.parametrize("bad", [b"x \xc0\xbcscript\xc0\xbe", b"x \xed\xa0\xbd\xed\xb8\x80 y"])
def test_overlong_and_surrogate_sequences_are_refused_where_nothing_else_is_utf_8(bad: bytes) -> None:
    assert refuse(bad).code == "damaged-utf-8"


def test_a_nul_is_refused_with_its_line() -> None:
    finding = refuse(b"---\na: b\n---\n\nx\0y\n")
    assert (finding.code, finding.line) == ("nul", 5)


def test_utf_16_without_a_mark_is_refused_with_the_remedy_and_read_when_named() -> None:
    data = "title: plain text\n".encode("utf-16-le")
    assert "UTF-16" in refuse(data).message
    source = decode_source(data, encoding="utf-16-le")
    assert source.body == "title: plain text\n"
    assert encode_source(source) == data


def test_western_text_is_never_read_as_japanese_and_its_encoding_is_proposed() -> None:
    data = ("Le café est fermé. L'été dernier, les élèves étaient à l'école près du marché. " * 5).encode("cp1252")
    assert refuse(data).code == "unknown-encoding"
    assert decode_source(data, encoding="cp1252").body.startswith("Le café est fermé.")


def test_one_accented_letter_between_latin_letters_is_no_kanji() -> None:
    assert refuse("Señal".encode("cp1252") + b" ok").code == "unknown-encoding"
    assert refuse("Fr\u00e9d\u00e9ric".encode("cp1252")).code == "unknown-encoding"


def test_a_legacy_encoding_is_decided_over_all_files_of_a_source() -> None:
    half_width = "ｶﾀｶﾅﾃｽﾄ\n".encode("cp932")
    prose = PLAIN.encode("cp932")
    assert propose_encoding([b"ascii", "ＵＴＦ".encode(), half_width, prose]) == "cp932"
    assert decode_source(half_width, encoding="cp932").body == "ｶﾀｶﾅﾃｽﾄ\n"
    assert propose_encoding([PLAIN.encode("euc_jp")]) == "euc_jp"
    assert propose_encoding([b"ascii", PLAIN.encode()]) == ""


def test_a_guess_about_western_files_is_never_certain() -> None:
    proposal = propose([("Über den Dächern. Schöne Grüße aus Köln. " * 9).encode("cp1252")])
    assert not proposal.certain
    assert proposal.findings or not proposal.encoding


def test_utf_8_files_stay_utf_8_when_the_source_has_a_legacy_encoding() -> None:
    assert decode_source(PLAIN.encode(), encoding="cp932").encoding == "utf-8"


def test_an_unknown_encoding_name_is_a_finding() -> None:
    assert refuse("é".encode("cp1252"), encoding="klingon").code == "unknown-encoding"
    assert refuse("é".encode("cp1252"), encoding="base64").code == "unknown-encoding"


def test_a_file_over_the_limit_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(RefusedFile) as caught:
        decode_source(b"x" * 11, max_bytes=10)
    assert caught.value.finding.code == "too-large"


def test_mixed_line_ends_keep_the_bytes_and_an_edit_changes_only_its_line() -> None:
    data = b"---\r\ntitle: a\n---\r\none\rtwo\nthree\r\n"
    source = decode_source(data)
    assert source.body == "one\ntwo\nthree\n"
    assert source.raw == data
    assert encode_edited(source, source.head, "one\n2\nthree\n") == b"---\r\ntitle: a\n---\r\none\r2\nthree\r\n"
    edited = with_text(source, source.head.replace("a", "b"), source.body)
    assert encode_source(edited) == b"---\r\ntitle: b\n---\r\none\rtwo\nthree\r\n"


def test_an_inserted_line_takes_the_line_end_of_the_line_before() -> None:
    source = decode_source(b"one\r\ntwo\nthree\r\n")
    assert encode_edited(source, "", "one\nnew\ntwo\nthree\n") == b"one\r\nnew\r\ntwo\nthree\r\n"


def test_untouched_lines_of_a_legacy_file_keep_bytes_that_encoding_would_change() -> None:
    # NEC's and IBM's Ⅰ are one character; Python writes NEC's.
    data = "一行目の本文です。\r\n".encode("cp932") + b"\xfa\x4a" + "番の窓口です。\n".encode("cp932")
    source = decode_source(data)
    assert source.raw == data
    edited = with_text(source, "", source.body.replace("一行目", "壱行目"))
    assert encode_source(edited) == data.replace("一行目".encode("cp932"), "壱行目".encode("cp932"))


def test_a_text_that_its_encoding_lacks_makes_the_file_utf_8() -> None:
    source = decode_source(PLAIN.replace("\n", "\r\n").encode("cp932"))
    edited = with_text(source, source.head, source.body + "🎉\n")
    assert edited.encoding == "utf-8"
    assert encode_source(edited) == (PLAIN + "🎉\n").replace("\n", "\r\n").encode()


def test_an_edit_that_changes_nothing_keeps_the_bytes() -> None:
    source = decode_source(b"a\r\nb\n")
    assert encode_source(with_text(source, source.head, source.body)) == b"a\r\nb\n"


@given(st.text(alphabet="ab\r\nあ"), st.text(alphabet="ab\nあ"))
@example("\ra\n", "\n\n")
def test_an_edited_file_reads_as_the_edited_text(before: str, after: str) -> None:
    source = decode_source(before.encode())
    edited = with_text(source, "", after)
    again = decode_source(encode_source(edited))
    assert again.head + again.body == after
    assert encode_edited(source, "", after) == encode_source(edited)


def test_a_configuration_is_decoded_without_looking_for_front_matter() -> None:
    assert decode_text(b"---\r\ntitle: a\r\n") == "---\ntitle: a\n"
