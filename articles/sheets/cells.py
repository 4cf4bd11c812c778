"""What one cell can hold, whatever the file; the serial numbers of spreadsheets; formulas made inert."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Literal

Target = Literal["csv", "xlsx", "json", "shown"]


@dataclass(frozen=True, slots=True)
class Moment:
    """A date as a spreadsheet keeps it: a reading of the clock without a zone; ``has_time`` where a time of day is meant."""

    wall: datetime
    has_time: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """A cell that shows an error, such as ``#N/A``, or a formula that was never calculated (``text`` empty)."""

    text: str


class Missing(Enum):
    """The one value of a cell that the row does not have at all: it changes nothing, where an empty cell clears."""

    CELL = "missing"


Cell = str | int | float | bool | Moment | Fault | list[str] | None | Missing

# What spreadsheets take for the beginning of a formula, also after the apostrophe that undoes it (OWASP, CSV injection).
# The full-width signs are what Japanese input methods give; some programs take them too.
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
_PROTECTED = re.compile("''*[=+\\-@\t\r\n＝＋－＠]")
# Day 0 of the calendar that the 1900 system pretends; right from March 1900 on, as Excel has a 29 February 1900.
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - wall clocks have no zone
_EPOCH_1904 = datetime(1904, 1, 1)  # noqa: DTZ001
FIRST_SERIAL_DAY = datetime(1900, 3, 1)  # noqa: DTZ001
"""The first day that all spreadsheet programs count alike; earlier dates are written as text."""
_LAST_SERIAL = 2_958_466
_MAX_WHOLE = 10**15


def protect(text: str) -> str:
    """``text`` for a CSV cell: one apostrophe before what a spreadsheet would take for a formula. Undone by :func:`unprotect`."""
    return "'" + text if _FORMULA.match(text) else text


def unprotect(text: str) -> str:
    """The text that :func:`protect` was given. An apostrophe before anything else is part of the text."""
    return text[1:] if _PROTECTED.match(text) else text


def is_formula_like(text: str) -> bool:
    """Whether a spreadsheet could take the text for a formula when somebody edits its cell."""
    return _FORMULA.match(text) is not None


def to_serial(wall: datetime) -> float | None:
    """The number by which spreadsheets (1900 system) keep a reading of the clock; ``None`` before they count reliably."""
    if wall < FIRST_SERIAL_DAY:
        return None
    return (wall - _EPOCH) / timedelta(days=1)


def from_serial(number: float, *, epoch_1904: bool = False) -> datetime | None:
    """The reading of the clock behind a serial number, to the millisecond; ``None`` for a number that is none."""
    if not math.isfinite(number) or not 0 <= number < _LAST_SERIAL:
        return None
    epoch = _EPOCH_1904 if epoch_1904 else _EPOCH
    if not epoch_1904 and number < 60:
        # Before the day that never was, serial 1 is 1 January 1900.
        epoch += timedelta(days=1)
    return epoch + timedelta(milliseconds=round(number * 86_400_000))


def utf16_length(text: str) -> int:
    """The length as spreadsheet programs count it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def read_number(text: str) -> int | float | None:
    """The number in a cell as the file spells it, whole where it is; ``None`` where it is none or endless."""
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number == int(number) and abs(number) < _MAX_WHOLE else number


def as_text(cell: Cell) -> str:
    """What a person sees in the cell, as text."""
    if isinstance(cell, str):
        return cell
    if cell is None or isinstance(cell, Missing):
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, Moment):
        return f"{cell.wall:%Y-%m-%d %H:%M:%S}" if cell.has_time else f"{cell.wall:%Y-%m-%d}"
    if isinstance(cell, Fault):
        return cell.text
    if isinstance(cell, list):
        return "\n".join(cell)
    return repr(cell)


def is_empty(cell: Cell) -> bool:
    return cell is None or cell == "" or cell == [] or isinstance(cell, Missing)


def to_plain(cell: Cell) -> Any:
    """The cell as plain data for JSON; :func:`from_plain` reads it back. A missing cell is left out by the caller."""
    if isinstance(cell, Moment):
        return {"wall": cell.wall.isoformat(), "has_time": cell.has_time}
    if isinstance(cell, Fault):
        return {"fault": cell.text}
    return None if isinstance(cell, Missing) else cell


def from_plain(data: Any) -> Cell:
    if isinstance(data, dict):
        if "fault" in data:
            return Fault(data["fault"])
        return Moment(datetime.fromisoformat(data["wall"]), data["has_time"])
    cell: Cell = data
    return cell
