"""Dates in front matter: forms, zones, impossible values."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from articles.formats.dates import BadDate, is_date_only, parse_date, read_date
from articles.formats.frontmatter import Scalar

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2025-11-25 04:42:35 +0000", "2025-11-25T04:42:35"),
        ("2025-11-25T04:42:35Z", "2025-11-25T04:42:35"),
        ("2025-11-25T04:42:35.123456789+09:00", "2025-11-24T19:42:35.123456"),
        ("2025-11-25 10:00 +09", "2025-11-25T01:00:00"),
        ("2025-11-25 10:00:00 JST", "2025-11-25T01:00:00"),
        ("2025-11-25 10:00:00 EST", "2025-11-25T15:00:00"),
        ("2025-11-25 10:00:00 +0900 JST", "2025-11-25T01:00:00"),
        ("2025-11-25", "2025-11-24T15:00:00"),
        ("Tue Nov 25 2025 10:00:00 GMT+0900 (Japan Standard Time)", "2025-11-25T01:00:00"),
        ("令和7年11月25日", "2025-11-24T15:00:00"),
        ("平成元年1月8日", "1989-01-07T15:00:00"),
        ("昭和６４年１月７日（土） 10時30分", "1989-01-07T01:30:00"),
        ("2025/11/25", "2025-11-24T15:00:00"),
        ("2025.11.25", "2025-11-24T15:00:00"),
        ("2025-1-5 3:04", "2025-01-04T18:04:00"),
        ("December 25, 2017", "2017-12-24T15:00:00"),
        ("25 Dec 2017", "2017-12-24T15:00:00"),
        ("Mon, 25 Dec 2017 10:00:00 +0900", "2017-12-25T01:00:00"),
        ("Dec 25, 2017 3:04 PM", "2017-12-25T06:04:00"),
        ("2017-12-25T10:00", "2017-12-25T01:00:00"),
        ("2017-12-25 24:00", "2017-12-25T15:00:00"),
        ("2025年11月25日", "2025-11-24T15:00:00"),
        ("２０２５年１１月２５日（火）午後1時30分", "2025-11-25T04:30:00"),
        ("2025年11月25日 10時", "2025-11-25T01:00:00"),
    ],
)
def test_a_date_is_read_in_every_form_that_sites_use(text: str, utc: str) -> None:
    found = parse_date(text, TOKYO)
    assert found is not None
    assert found.astimezone(UTC).replace(tzinfo=None).isoformat() == utc


@pytest.mark.parametrize(
    "text",
    ["2025-02-30", "99:99::99", "2025-11-25 99:99::99", "12/25/2017", "1700000000", "soon", "2025-11-25 10:00 XYZ", "2025-13-01",
     "0000-01-01", "2025-11-25 25:00", "2025-11-25T10:00:00+24:00", "9" * 5000, "2025-11-25 13:00 PM"],
)  # fmt: skip
def test_what_names_no_instant_is_a_bad_date_that_carries_its_value(text: str) -> None:
    with pytest.raises(BadDate) as caught:
        parse_date(text, TOKYO)
    assert caught.value.value == text
    assert pickle.loads(pickle.dumps(caught.value)).value == text


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:59-23:59", "9999-12-31T20:00:00", "0001-01-01T23:00:00+14:00x", "0001-01-02T00:00:00+14:00"]
)
def test_an_instant_at_the_edge_of_the_calendar_is_a_bad_date_and_no_overflow(text: str) -> None:
    with pytest.raises(BadDate):
        parse_date(text, TOKYO)


def test_the_last_day_that_calendars_hold_can_be_shown_in_every_zone() -> None:
    moment = parse_date("9999-12-31", ZoneInfo("America/New_York"))
    assert moment is not None
    assert moment.astimezone(ZoneInfo("Pacific/Kiritimati")).isoformat() == "9999-12-31T19:00:00+14:00"
    assert moment.astimezone(ZoneInfo("Etc/GMT+12")).isoformat() == "9999-12-30T17:00:00-12:00"


def test_an_empty_value_and_gos_zero_time_are_no_date() -> None:
    assert parse_date("", TOKYO) is None
    assert parse_date("0001-01-01T00:00:00Z", TOKYO) is None


def test_an_hour_that_occurs_twice_means_its_first_and_one_that_does_not_occur_the_next() -> None:
    assert str(parse_date("2025-10-26 02:30", BERLIN)) == "2025-10-26 02:30:00+02:00"
    assert str(parse_date("2025-03-30 02:30", BERLIN)) == "2025-03-30 03:30:00+02:00"


def test_a_day_alone_is_told_from_a_time() -> None:
    assert is_date_only("2025-11-25")
    assert is_date_only("2025年11月25日")
    assert not is_date_only("2025-11-25 00:00")
    assert not is_date_only("")
    assert not is_date_only("2025-02-30")


def test_a_bad_date_becomes_a_finding_with_key_value_and_line() -> None:
    found, findings = read_date(Scalar("2025-02-30", line=4), TOKYO, key="lastmod")
    assert found is None
    assert [(finding.code, finding.line) for finding in findings] == [("bad-date", 4)]
    assert "lastmod: 2025-02-30" in findings[0].message


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)), st.integers(-1439, 1439))  # noqa: DTZ001
def test_what_is_written_with_an_offset_is_read_as_the_same_instant(moment: datetime, minutes: int) -> None:
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    found = parse_date(moment.isoformat() + offset, TOKYO)
    assert found is not None
    assert found.astimezone(UTC).replace(tzinfo=None) == moment - timedelta(minutes=minutes)


@given(st.text(alphabet="0123456789-/:T Z+年月日時分JanPM.,", max_size=30))
def test_no_text_raises_anything_but_bad_date(text: str) -> None:
    try:
        found = parse_date(text, TOKYO)
    except BadDate:
        return
    assert found is None or found.astimezone(ZoneInfo("Pacific/Kiritimati")).year > 0
