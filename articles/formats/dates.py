"""Dates as people and generators write them in front matter, read to aware datetimes."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop as _

from articles.findings import Finding

# Every aware datetime given out can be shown in any zone on Earth (UTC-12 to UTC+14) without OverflowError.
EARLIEST = datetime(1, 1, 2, 12, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, 9, 59, 59, tzinfo=UTC)
_GO_ZERO = (1, 1, 1)

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep sept september",
            "oct october",
            "nov november",
            "dec december",
        ),
        start=1,
    )
    for name in names.split()
}
# Abbreviations are ambiguous around the world; these are the ones that Ruby's Time.parse and RFC 2822 fix, and Japan's.
_ZONE_HOURS = {
    "z": 0.0,
    "ut": 0.0,
    "utc": 0.0,
    "gmt": 0.0,
    "wet": 0.0,
    "west": 1.0,
    "bst": 1.0,
    "cet": 1.0,
    "cest": 2.0,
    "eet": 2.0,
    "eest": 3.0,
    "msk": 3.0,
    "jst": 9.0,
    "kst": 9.0,
    "aest": 10.0,
    "nzst": 12.0,
    "nzdt": 13.0,
    "est": -5.0,
    "edt": -4.0,
    "cst": -6.0,
    "cdt": -5.0,
    "mst": -7.0,
    "mdt": -6.0,
    "pst": -8.0,
    "pdt": -7.0,
    "hst": -10.0,
}

#: The year before the first of each Japanese era.
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911}
_MONTH_NAME = "(?P<month_name>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\.?"
_DAY_FORMS = (
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})",
    r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})",
    r"(?P<year>\d{4})\.(?P<month>\d{1,2})\.(?P<day>\d{1,2})\.?",
    r"(?P<era>令和|平成|昭和|大正)\s*(?P<era_year>元|\d{1,2})\s*年\s*(?P<month>\d{1,2})\s*月\s*(?P<day>\d{1,2})\s*日"
    r"(?:\s*\([月火水木金土日][^)]{0,3}\))?",
    r"(?P<year>\d{4})\s*年\s*(?P<month>\d{1,2})\s*月\s*(?P<day>\d{1,2})\s*日(?:\s*\([月火水木金土日][^)]{0,3}\))?",
    _MONTH_NAME + r"\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})",
    r"(?P<day>\d{1,2})(?:st|nd|rd|th)?[\s-]" + _MONTH_NAME + r",?[\s-](?P<year>\d{4})",
)
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_TIME = (
    r"(?:[t\s,]\s*(?:at\s+)?|(?<=日)|(?<=\)))(?P<half_before>午前|午後)?\s*(?P<hour>\d{1,2})"
    r"(?::(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,12}))?)?"
    r"|時(?:(?P<minute_ja>\d{1,2})分(?:(?P<second_ja>\d{1,2})秒)?)?"
    r"|(?=\s*[ap]\.?m))"
    r"\s*(?P<half>[ap]\.?m\.?)?"
)
# Go prints "+0900 JST", RFC 2822 "+0900 (JST)", JavaScript "GMT+0900 (Japan Standard Time)": the offset decides.
_ZONE = (
    r"\s*(?:(?P<zone>z|[a-z]{2,4})"
    r"|(?:utc|gmt)?(?P<sign>[+\-\u2212])(?P<offset>\d{1,2}(?::?\d{2}){0,2})(?:\s+(?:[a-z]+|\([^()]{1,60}\)))?)"
)
# One pattern for each form of the day: a name may stand only once in a pattern.
_PATTERNS = tuple(re.compile(f"{_WEEKDAY}{form}(?:{_TIME}(?:{_ZONE})?)?", re.IGNORECASE) for form in _DAY_FORMS)
_MAX_LENGTH = 100


class BadDate(ValueError):
    """A value that is there but names no instant. ``value`` is its text as the file writes it."""

    def __init__(self, value: str) -> None:
        super().__init__(f"not a date: {value[:_MAX_LENGTH]}")
        self.value = str(value)

    def __reduce__(self) -> tuple[type[BadDate], tuple[str]]:
        return (type(self), (self.value,))


class _Parts(NamedTuple):
    """A reading before any zone: the wall clock, the offset if one is written, whether a time is written."""

    wall: datetime
    offset: timedelta | None
    has_time: bool


def parse_date(value: str, zone: ZoneInfo) -> datetime | None:
    """The instant that ``value`` names, aware; ``None`` for an empty value and for Go's zero time ``0001-01-01``.

    Read are ISO 8601 and RFC 3339 (with a blank for the ``T``, offsets ``+0900``, ``+09:00``, ``+09``, ``Z``, up to
    picoseconds, cut to microseconds), ``2025/11/25``, ``2025.11.25``, ``2025年11月25日 10時30分``, ``December 25, 2017``,
    ``25 Dec 2017``, RFC 2822, ``AM``/``PM``, ``24:00`` and the usual zone abbreviations. A written offset is kept as
    the datetime's zone; without one the value is a wall clock reading in ``zone``: where that reading occurs twice
    (end of summer time) the first is meant, where it does not occur (start) the clock is read as if it had not been
    put forward, so 02:30 becomes 03:30. A day without a time is its midnight.

    Raises :class:`BadDate` for anything else: 30 February, ``99:99::99``, bare numbers, day/month orders that differ
    by country (``12/25/2017``), and instants too near year 1 or 9999 to be shown in every zone.
    """
    text = _normalise(value)
    if not text:
        return None
    parts = _read_parts(text, value)
    if parts.wall.timetuple()[:3] == _GO_ZERO:
        return None
    own = zone if parts.offset is None else UTC if not parts.offset else timezone(parts.offset)
    local = parts.wall.replace(tzinfo=own)
    if not EARLIEST <= local <= LATEST:
        raise BadDate(value)
    if parts.offset is not None:
        return local
    # Through UTC and back, so that a reading in the gap becomes the wall clock that people saw.
    return local.astimezone(UTC).astimezone(zone)


def read_date(value: str, zone: ZoneInfo, *, key: str = "date") -> tuple[datetime | None, list[Finding]]:
    """Like :func:`parse_date`, but a bad date is ``None`` with one finding that names ``key`` and the value."""
    try:
        return parse_date(value, zone), []
    except BadDate as error:
        return None, [describe_bad_date(error, key, line=getattr(value, "line", None) or None)]


def describe_bad_date(error: BadDate, key: str, *, line: int | None = None) -> Finding:
    """The finding for a value that is no date; ``line`` counts in the whole file."""
    return Finding(
        "bad-date",
        "error",
        _("“%(key)s: %(value)s” is not a date that exists. Write it like 2025-11-25 10:30:00 +0900."),
        {"key": key, "value": error.value[:_MAX_LENGTH]},
        line,
    )


def is_date_only(value: str) -> bool:
    """Whether ``value`` is a valid date that names a day and no time of day."""
    text = _normalise(value)
    if not text:
        return False
    try:
        return not _read_parts(text, value).has_time
    except BadDate:
        return False


def _normalise(value: str) -> str:
    """One spelling for full-width digits, odd blanks and quotes around the value."""
    if len(value) > _MAX_LENGTH:
        raise BadDate(value)
    text = value if value.isascii() else unicodedata.normalize("NFKC", value)
    return " ".join(text.strip(" \t\n\"'").split())


def _read_parts(text: str, value: str) -> _Parts:
    for pattern in _PATTERNS:
        if match := pattern.fullmatch(text):
            return _build_parts(match.groupdict(), value)
    raise BadDate(value)


def _build_parts(found: dict[str, str | None], value: str) -> _Parts:
    year = int(found.get("year") or 0)
    if era := found.get("era"):
        year = _ERAS[era] + (1 if found["era_year"] == "元" else int(found["era_year"] or 0))
    month = found.get("month") or _MONTHS[(found.get("month_name") or "").lower()]
    hour = _read_hour(found, value)
    minute = found["minute"] or found["minute_ja"] or "0"
    second = found["second"] or found["second_ja"] or "0"
    fraction = (found["fraction"] or "").ljust(6, "0")[:6]
    ends_day = hour == 24 and not int(minute) and not int(second) and not int(fraction)
    try:
        wall = datetime(  # noqa: DTZ001 - the zone comes later
            year,
            int(month),
            int(found["day"] or 0),
            0 if ends_day else hour,
            int(minute),
            int(second),
            int(fraction),
        )
        if ends_day:
            wall += timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise BadDate(value) from error
    return _Parts(wall, _read_offset(found, value), found["hour"] is not None)


def _read_hour(found: dict[str, str | None], value: str) -> int:
    hour = int(found["hour"] or 0)
    half = {"午前": "a", "午後": "p"}.get(found["half_before"] or "") or (found["half"] or "")[:1].lower()
    if not half:
        return hour
    if found["half_before"] and hour == 0:
        return 12 if half == "p" else 0
    if not 1 <= hour <= 12:
        raise BadDate(value)
    return hour % 12 + (12 if half == "p" else 0)


def _read_offset(found: dict[str, str | None], value: str) -> timedelta | None:
    if name := found["zone"]:
        if name.lower() not in _ZONE_HOURS:
            raise BadDate(value)
        return timedelta(hours=_ZONE_HOURS[name.lower()])
    if not found["offset"]:
        return None
    digits = found["offset"].replace(":", "")
    if len(digits) % 2:
        digits = "0" + digits
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4] or 0), int(digits[4:6] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise BadDate(value)
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return offset if found["sign"] == "+" else -offset
