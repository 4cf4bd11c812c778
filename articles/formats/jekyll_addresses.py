"""The addresses that Jekyll gives posts, collections, pages and files it copies as they stand."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from articles.formats import sites
from articles.formats.jekyll_places import Place

STYLES = {
    "none": "/:categories/:title:output_ext",
    "date": "/:categories/:year/:month/:day/:title:output_ext",
    "ordinal": "/:categories/:year/:y_day/:title:output_ext",
    "pretty": "/:categories/:year/:month/:day/:title/",
    "weekdate": "/:categories/:year/W:week/:short_day/:title:output_ext",
}
_CONVERTED_OUTPUT = {".scss": ".css", ".sass": ".css", ".coffee": ".js"}
_PLACEHOLDER = re.compile(r":([a-z_]+)")


class NoAddress(Exception):
    """The address template needs what the document does not have; the message is the placeholder's name."""


def static_address(config: Mapping[str, Any], place: Place) -> str:
    suffix = PurePosixPath(place.relative).suffix
    stem = place.relative[: len(place.relative) - len(suffix)].rstrip(".")
    if place.kind != "collection":
        return _escape("/" + stem.rstrip("/") + suffix)
    values = {
        "collection": place.label,
        "path": stem.replace("_" + place.label, "", 1),
        "output_ext": "",
        "name": PurePosixPath(stem).name,
        "title": "",
    }
    address = _collection_template(config, place.label)
    for name, value in values.items():
        address = address.replace(":" + name, _escape(value))
    return sanitise(address).removesuffix("/") + suffix


def page_address(config: Mapping[str, Any], place: Place, permalink: str) -> str:
    folder, _slash, name = place.relative.rpartition("/")
    suffix = PurePosixPath(name).suffix
    basename = (name.removesuffix(suffix) if suffix else name).rstrip(".")
    output = _output_suffix(config, suffix, permalink)
    template = permalink or _page_template(config, basename, output)
    for key, value in (("path", "/" + folder), ("basename", basename), ("output_ext", output)):
        template = template.replace(":" + key, _escape(value))
    return template


def _page_template(config: Mapping[str, Any], basename: str, output: str) -> str:
    if output not in sites.HTML_SUFFIXES:
        return "/:path/:basename:output_ext"
    return "/:path/" if basename == "index" else _with_suffix("/:path/:basename", config["permalink"])


def _with_suffix(template: str, style: str) -> str:
    if style == "pretty" or style.endswith("/"):
        return template + "/"
    return template + (":output_ext" if style in ("date", "ordinal", "none") or style.endswith(":output_ext") else "")


def _collection_template(config: Mapping[str, Any], label: str) -> str:
    known = config["collections"].get(label) or {}
    return known.get("permalink") or _with_suffix("/:collection/:path", config["permalink"])


def _output_suffix(config: Mapping[str, Any], suffix: str, permalink: str) -> str:
    if permalink and not permalink.endswith("/") and (stated := PurePosixPath(permalink).suffix):
        return stated
    if suffix.lower() in config["markdown_ext"]:
        return ".html"
    return _CONVERTED_OUTPUT.get(suffix, suffix)


def document_address(
    config: Mapping[str, Any], place: Place, permalink: str, slug: str, moment: datetime | None, categories: list[str]
) -> str:
    """The address of a post, a draft or a document of a collection; a stated ``permalink`` may hold placeholders too.

    ``slug`` is that of the front matter or of the file name, ``moment`` its date in the site's zone. Raises
    :class:`NoAddress` for a placeholder that Jekyll does not know, or that needs a date where there is none.
    """
    suffix = PurePosixPath(place.relative).suffix
    values: dict[str, str] = {
        "collection": place.label,
        "path": place.relative[: len(place.relative) - len(suffix)].replace("_" + place.label, "", 1).rstrip("."),
        "name": slugify(PurePosixPath(place.relative).name.removesuffix(suffix)),
        "title": slugify(slug, pretty=True, cased=True),
        "slug": slugify(slug),
        "categories": "/".join(dict.fromkeys(name.lower() for name in categories)),
        "slugified_categories": "/".join(dict.fromkeys(slugify(name) for name in categories)),
        "output_ext": _output_suffix(config, suffix, permalink),
    }
    template = permalink or _collection_template(config, place.label)
    return _PLACEHOLDER.sub(lambda match: _substitute(match[1], values, moment), template)


def _substitute(name: str, values: Mapping[str, str], moment: datetime | None) -> str:
    tail = ""
    if name not in values and name not in _TIME_FORMATS and name.endswith("_"):
        name, tail = name[:-1], "_"
    if name in values:
        return _escape(values[name]) + tail
    if name not in _TIME_FORMATS:
        raise NoAddress(name)
    if moment is None:
        raise NoAddress("date")
    return _TIME_FORMATS[name].format(**_time_parts(moment)) + tail


_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_TIME_FORMATS = {
    "year": "{d.year:04d}",
    "month": "{d.month:02d}",
    "day": "{d.day:02d}",
    "hour": "{d.hour:02d}",
    "minute": "{d.minute:02d}",
    "second": "{d.second:02d}",
    "i_day": "{d.day}",
    "i_month": "{d.month}",
    "short_month": "{month:.3}",
    "long_month": "{month}",
    "short_year": "{short_year:02d}",
    "w_year": "{week[0]:04d}",
    "week": "{week[1]:02d}",
    "w_day": "{week[2]}",
    "short_day": "{day:.3}",
    "long_day": "{day}",
    "y_day": "{ordinal:03d}",
}


def _time_parts(moment: datetime) -> dict[str, Any]:
    """Parts of a date in English, whatever the process's locale."""
    return {
        "d": moment,
        "month": _MONTHS[moment.month - 1],
        "day": _DAYS[moment.weekday()],
        "short_year": moment.year % 100,
        "week": moment.isocalendar(),
        "ordinal": moment.timetuple().tm_yday,
    }


_GAPS = re.compile("\0+")
_NOT_SLUG_ASCII = re.compile("[^A-Za-z0-9]+")
_NOT_PRETTY_ASCII = re.compile(r"[^A-Za-z0-9._~!$&'()+,;=@]+")
_PRETTY_EXTRA = frozenset("._~!$&'()+,;=@")


def slugify(text: str, *, pretty: bool = False, cased: bool = False) -> str:
    """Jekyll's ``slugify``: runs of other than marks, letters and decimal digits (``pretty`` keeps ``._~!$&'()+,;=@`` too)
    become one ``-``, one ``-`` is cut at each end, and without ``cased`` the result is lower case."""
    if text.isascii():
        slug = (_NOT_PRETTY_ASCII if pretty else _NOT_SLUG_ASCII).sub("-", text)
    else:
        slug = _GAPS.sub("-", "".join(char if _stays_in_slug(char, pretty) else "\0" for char in text))
    slug = slug.removeprefix("-").removesuffix("-")
    return slug if cased else slug.lower()


def _stays_in_slug(char: str, pretty: bool) -> bool:
    kind = unicodedata.category(char)
    return kind[0] in "LM" or kind == "Nd" or (pretty and char in _PRETTY_EXTRA)


def _escape(value: str) -> str:
    """A value stands in an address as it is; its own percent signs must survive the decoding."""
    return value.replace("%", "%25")


def sanitise(address: str) -> str:
    return re.sub("/{2,}", "/", f"/{address}".replace("..", "/").replace("./", ""))
