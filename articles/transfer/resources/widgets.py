"""How each kind of column is written into a cell and read back. Widgets of django-import-export, strict and lossless."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone, translation
from django.utils.translation import gettext_noop as _
from import_export.widgets import Widget

from articles.findings import Finding
from articles.formats.dates import BadDate, parse_date
from articles.formats.terms import identity, slugify
from articles.sheets.cells import Cell, Fault, Moment, Target, as_text, from_serial, read_number, utf16_length
from articles.sheets.lists import join_links, join_names, join_paths, split_links, split_names, split_paths
from articles.sheets.table import shorten
from articles.sheets.workbook import MAX_CELL

if TYPE_CHECKING:
    from articles.transfer.resources.base import ChunkLoader

# No database, page or feed takes these; a tab and a line end are text.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n|\r")
_ONE_LINE = re.compile("[\t\n\u2028\u2029]+")
_SERIAL = re.compile(r"[0-9]{5}(?:\.[0-9]{1,15})?")
_ERA = re.compile(r"(令和|平成|昭和|[RHS](?=[0-9元]))\s*([0-9]{1,2}|元)\s*([年./-])\s*")
_ERA_STARTS = {"令和": 2018, "R": 2018, "平成": 1988, "H": 1988, "昭和": 1925, "S": 1925}
_SECONDS = re.compile(r":[0-9]{1,2}:[0-9]{1,2}|秒")
_FRACTION = re.compile(r":[0-9]{1,2}[.,][0-9]")
_TIME = re.compile(r"[0-9]:[0-9]{2}|時|[ap]\.?m", re.IGNORECASE)
_OFFSET = re.compile(r"[0-9](?:z|\s*[+\-\u2212][0-9]{1,2}:?[0-9]{2}|\s*(?:utc|gmt|jst))\s*\Z", re.IGNORECASE)
_DATE_LIKE = re.compile(r"[0-9]{1,4}[-/月年][0-9]{1,2}(?:[-/月日][0-9]{0,4})?日?(?: 00:00:00)?")
_EXPONENT = re.compile(r"[0-9](?:\.[0-9]+)?E\+[0-9]+")
_ESCAPED = re.compile("%[0-9A-Fa-f]{2}")
_MAX_LIST = 20_000
_MAX_NUMBER = 2_147_483_647


def cell_error(code: str, template: str, **params: Any) -> ValidationError:
    """A cell that cannot be taken. ``template`` is marked for translation where it is written and names ``%(column)s``."""
    return ValidationError(template, code=code, params={name: shorten(str(value)) for name, value in params.items()})


def normalise(text: str) -> str:
    """Line ends as ``\\n``."""
    return _LINE_ENDS.sub("\n", text) if "\r" in text else text


def compose(text: str) -> str:
    """The composed form: Macs write が as two characters."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


class CellWidget(Widget):
    """Base of all. ``clean`` reads a cell that is not empty; ``check`` judges a value only where it differs from what is there.

    ``store`` gives what :class:`articles.models.TableRow` keeps as plain data, ``restore`` reads it back.
    """

    empty: Any = ""

    def clean(self, value: Cell, row: Any = None, **kwargs: Any) -> Any:
        return self.read(value, kwargs["loader"])

    def read(self, cell: Cell, loader: ChunkLoader) -> Any:
        return read_text(cell)

    def is_same(self, old: Any, new: Any, cell: Cell) -> bool:
        return bool(old == new)

    def check(self, old: Any, new: Any, cell: Cell, loader: ChunkLoader) -> Any:
        """The value as it will be stored. Raises ValidationError; adds remarks to ``loader.current``."""
        return new

    def render(self, value: Any, obj: Any = None, *, target: Target = "shown", **kwargs: Any) -> Any:
        return "" if value is None else str(value)

    def store(self, value: Any) -> Any:
        return value

    def restore(self, stored: Any, loader: ChunkLoader) -> Any:
        return stored


def read_text(cell: Cell) -> str:
    """The text of a cell. Raises ValidationError for an error value and for a list."""
    if isinstance(cell, Fault):
        if cell.text:
            raise cell_error(
                "error-cell", _("“%(column)s” shows the error “%(value)s”. Correct it in the table."), value=cell.text
            )
        raise cell_error(
            "formula-without-value",
            _("“%(column)s” holds a formula that was never calculated. Put the value there instead of the formula."),
        )
    if isinstance(cell, list):
        raise cell_error("list-not-expected", _("“%(column)s” takes one text, not a list."))
    return normalise(as_text(cell))


class TextWidget(CellWidget):
    """Text of one line, or of several where ``lines``; ``max_length`` as the column of the database has it."""

    def __init__(self, max_length: int = 0, *, lines: bool = False) -> None:
        super().__init__()
        self.max_length, self.lines = max_length, lines

    def is_same(self, old: Any, new: Any, cell: Cell) -> bool:
        if old == new:
            return True
        one, other = compose(normalise(old or "")), compose(new)
        return one == other or (not self.lines and one.strip() == other.strip())

    def check(self, old: Any, new: Any, cell: Cell, loader: ChunkLoader) -> Any:
        text: str = new if self.lines else _ONE_LINE.sub(" ", new).strip()
        if old is None or compose(old) == old:
            text = compose(text)
        if found := _CONTROL.search(text):
            raise cell_error(
                "control-character",
                _("“%(column)s” holds a control character (U+%(point)s). Remove it."),
                point=f"{ord(found[0]):04X}",
            )
        if self.max_length and len(text) > self.max_length:
            raise cell_error(
                "too-long",
                _("“%(column)s” has %(count)s characters; %(limit)s are allowed. Shorten it."),
                count=len(text),
                limit=self.max_length,
            )
        _refuse_cut(old or "", text)
        if remark := find_spoiled(old or "", text, cell):
            loader.current.remark(remark, "warning", text=shorten(text, 40), old=shorten(old or "", 40))
        return text


class LongTextWidget(TextWidget):
    """Text of several lines."""

    def __init__(self, max_length: int = 0) -> None:
        super().__init__(max_length, lines=True)


class SlugWidget(TextWidget):
    """The last part of an address: what is stated must be fit for one, so that nothing is changed behind anyone's back."""

    def check(self, old: Any, new: Any, cell: Cell, loader: ChunkLoader) -> Any:
        text: str = super().check(old, new, cell, loader)
        if slugify(text) != text:
            raise cell_error(
                "bad-slug",
                _("“%(column)s”: “%(value)s” cannot stand in an address. Write “%(fit)s”."),
                value=text,
                fit=slugify(text),
            )
        return text


class LanguageWidget(TextWidget):
    def check(self, old: Any, new: Any, cell: Cell, loader: ChunkLoader) -> Any:
        text: str = super().check(old, new, cell, loader)
        if text and not re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}", text):
            raise cell_error("bad-language", _("“%(column)s”: “%(value)s” is no language. Write one like ja or en."), value=text)
        return text


class UrlWidget(TextWidget):
    """A whole address of the web."""

    def check(self, old: Any, new: Any, cell: Cell, loader: ChunkLoader) -> Any:
        text: str = super().check(old, new, cell, loader)
        if text and not is_web_address(text):
            raise cell_error(
                "bad-url", _("“%(column)s”: “%(value)s” does not begin with https:// or http:// and a host."), value=text
            )
        return text


def is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and not re.search(r"[\s<>\"\\]", text)


class PathWidget(TextWidget):
    """An address on this site: with or without host, percent-encoded or not. Whether it is free is for the verbs to say."""

    def read(self, cell: Cell, loader: ChunkLoader) -> Any:
        return read_text(cell).strip()

    def is_same(self, old: Any, new: Any, cell: Cell) -> bool:
        return compose(old or "") in (compose(new), compose(decode_path(new) or ""))

    def check(self, old: Any, new: Any, cell: Cell, loader: ChunkLoader) -> Any:
        path = decode_path(super().check(old, new, cell, loader))
        if path is None:
            raise cell_error(
                "foreign-address",
                _("“%(column)s”: “%(value)s” is no address on this site. Leave out scheme and host."),
                value=new,
            )
        return path


def decode_path(text: str) -> str | None:
    """The decoded path of an address on this site; ``None`` for one elsewhere."""
    if re.match(r"[a-z][a-z0-9+.-]*:|//", text, re.IGNORECASE):
        try:
            parts, own = urlsplit(text), urlsplit(settings.SITE_URL)
        except ValueError:
            return None
        if parts.netloc.lower() != own.netloc.lower() or parts.scheme not in ("http", "https"):
            return None
        text = parts.path or "/"
    if _ESCAPED.search(text):
        text = _unquote(text)
    return text if text.startswith("/") or not text else f"/{text}"


def _unquote(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


class NumberWidget(CellWidget):
    """A whole number from 0 on."""

    empty = None

    def read(self, cell: Cell, loader: ChunkLoader) -> Any:
        number = read_whole(cell)
        if number is None:
            raise cell_error("bad-number", _("“%(column)s”: “%(value)s” is no whole number from 0 on."), value=as_text(cell))
        return number

    def render(self, value: Any, obj: Any = None, *, target: Target = "shown", **kwargs: Any) -> Any:
        if value is None:
            return None if target in ("xlsx", "json") else ""
        return int(value) if target in ("xlsx", "json") else str(value)


def read_whole(cell: Cell) -> int | None:
    """A whole number from 0 on, also in full-width digits; ``None`` for anything else."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        return int(cell) if 0 <= cell <= _MAX_NUMBER and cell == int(cell) else None
    if not isinstance(cell, str):
        return None
    text = unicodedata.normalize("NFKC", cell).strip()
    number = read_number(text) if re.fullmatch(r"[0-9]{1,10}(?:\.0+)?", text) else None
    return number if isinstance(number, int) and number <= _MAX_NUMBER else None


class MomentWidget(CellWidget):
    """A moment, in the site's zone where it names none. A cell that only says less than what is stored is the same."""

    empty = None

    def read(self, cell: Cell, loader: ChunkLoader) -> Any:
        if isinstance(cell, Moment):
            if cell.wall.year < 1900:
                raise cell_error("time-only", _("“%(column)s” holds a time of day without a day."))
            return localise(cell.wall)
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            return self._read_serial(float(cell), cell, loader)
        text = unicodedata.normalize("NFKC", read_text(cell)).strip()
        if _SERIAL.fullmatch(text):
            return self._read_serial(float(text), text, loader)
        try:
            return parse_date(_without_era(text), _zone())
        except BadDate as error:
            raise self._refuse(text) from error

    def _read_serial(self, number: float, shown: Any, loader: ChunkLoader) -> datetime:
        wall = from_serial(number, epoch_1904=loader.epoch_1904)
        # Below, a number is a year, a month or a mistake.
        if wall is None or number < 10_000:
            raise self._refuse(str(shown))
        return localise(wall)

    def _refuse(self, text: str) -> ValidationError:
        return cell_error(
            "bad-moment",
            _("“%(column)s”: “%(value)s” is not a date that exists. Write it like 2025-11-25 10:30:00."),
            value=text,
        )

    def is_same(self, old: Any, new: Any, cell: Cell) -> bool:
        if old is None or new is None:
            return bool(old == new)
        step = _precision(cell)
        if step == "about":
            return bool(abs(old - new) < timedelta(seconds=2))
        if isinstance(cell, str) and _OFFSET.search(cell.strip()):
            return abs(_cut(old.astimezone(UTC), step) - _cut(new.astimezone(UTC), step)) < timedelta(milliseconds=2)
        # Readings of the clock are compared, not instants: where the clock is put back, one reading means two.
        one, other = (_cut(moment.astimezone(_zone()).replace(tzinfo=None), step) for moment in (old, new))
        return abs(one - other) < timedelta(milliseconds=2)

    def render(self, value: Any, obj: Any = None, *, target: Target = "shown", **kwargs: Any) -> Any:
        if value is None:
            return None if target in ("xlsx", "json") else ""
        local = value.astimezone(_zone())
        if target == "json":
            return local.isoformat()
        if target == "xlsx":
            return local.replace(tzinfo=None)
        return f"{local.year:04}-{local:%m-%d %H:%M:%S}"

    def store(self, value: Any) -> Any:
        return value.astimezone(UTC).isoformat() if value else None

    def restore(self, stored: Any, loader: ChunkLoader) -> Any:
        return datetime.fromisoformat(stored) if stored else None


class ChoiceWidget(CellWidget):
    """One of a few words: the machine's, or the label in any language of the desk, whatever its width and case."""

    def __init__(self, choices: Iterable[tuple[str, Any]]) -> None:
        super().__init__()
        self.choices = list(choices)

    @cached_property
    def known(self) -> dict[str, str]:
        known = {identity(name): name for name, _label in self.choices}
        for language, _name in settings.LANGUAGES:
            with translation.override(language):
                known |= {identity(str(label)): name for name, label in self.choices}
        return known

    def read(self, cell: Cell, loader: ChunkLoader) -> Any:
        text = read_text(cell)
        name = self.known.get(identity(text))
        if name is None:
            labels = "、".join(str(label) for _name, label in self.choices)
            raise cell_error("bad-choice", _("“%(column)s”: “%(value)s” is none of %(choices)s."), value=text, choices=labels)
        return name

    def render(self, value: Any, obj: Any = None, *, target: Target = "shown", **kwargs: Any) -> Any:
        return str(value) if target == "json" else self.label(str(value))

    def label(self, name: str) -> str:
        return next((str(label) for value, label in self.choices if value == name), name)


class ListWidget(CellWidget):
    """Base of the lists: plain in JSON, on one line elsewhere."""

    empty: Any = []

    def read_list(self, cell: Cell) -> str:
        if isinstance(cell, list):
            cell = self.join(cell)
        text = read_text(cell)
        if len(text) > _MAX_LIST:
            raise cell_error("list-too-long", _("“%(column)s” has more than %(limit)s characters."), limit=_MAX_LIST)
        return text

    def join(self, entries: Sequence[Any]) -> str:
        return join_names(entries)


class NamesWidget(ListWidget):
    """Other spellings of a term."""

    def read(self, cell: Cell, loader: ChunkLoader) -> Any:
        return [check_name(compose(name)) for name in split_names(self.read_list(cell))]

    def is_same(self, old: Any, new: Any, cell: Cell) -> bool:
        return [compose(name) for name in old] == list(new)

    def render(self, value: Any, obj: Any = None, *, target: Target = "shown", **kwargs: Any) -> Any:
        return list(value) if target == "json" else join_names(value)


class TagsWidget(NamesWidget):
    """Tags by name. What names them is identity: another width or case is the same tag. taggit's manager is not touched."""

    def is_same(self, old: Any, new: Any, cell: Cell) -> bool:
        return [identity(name) for name in old] == [identity(name) for name in new]

    def check(self, old: Any, new: Any, cell: Cell, loader: ChunkLoader) -> Any:
        unknown = [name for name in new if identity(name) not in loader.known_tags]
        if unknown and not loader.may("add_tag"):
            raise cell_error(
                "unknown-tag",
                _("“%(column)s”: there is no tag “%(names)s” yet. Ask an editor to make it."),
                names="、".join(unknown),
            )
        if unknown:
            loader.current.remark(
                Finding("new-tag", "info", _("New tags: %(names)s"), {}), "info", names=shorten("、".join(unknown))
            )
        return new


class AuthorsWidget(ListWidget):
    """By-lines in their order. Names of people hold full-width spaces, so that these separate nothing."""

    def read(self, cell: Cell, loader: ChunkLoader) -> Any:
        names = split_names(self.read_list(cell), at_blanks=False)
        found = [loader.find_author(name) for name in names]
        if missing := [name for name, author in zip(names, found, strict=True) if author is None]:
            raise cell_error(
                "unknown-author",
                _("“%(column)s”: there is no by-line “%(names)s”. Make it first, by hand or by the table of authors."),
                names="、".join(missing),
            )
        return list(dict.fromkeys(found))

    def render(self, value: Any, obj: Any = None, *, target: Target = "shown", **kwargs: Any) -> Any:
        names = [author.name for author in value]
        return names if target == "json" else join_names(names)

    def store(self, value: Any) -> Any:
        return [author.pk for author in value]

    def restore(self, stored: Any, loader: ChunkLoader) -> Any:
        return loader.get_authors(stored)


class CategoriesWidget(ListWidget):
    """Places in the tree of categories, the main one first, as ``技術 > AI、くらし``; a name alone where only one has it."""

    def join(self, entries: Sequence[Any]) -> str:
        # In JSON each entry is a place written as in a cell.
        return "、".join(entries)

    def read(self, cell: Cell, loader: ChunkLoader) -> Any:
        found = [find_category(path, loader) for path in split_paths(self.read_list(cell))]
        return list(dict.fromkeys(found))

    def render(self, value: Any, obj: Any = None, *, target: Target = "shown", **kwargs: Any) -> Any:
        paths = [place.names for place in value]
        return [join_paths([path]) for path in paths] if target == "json" else join_paths(paths)

    def store(self, value: Any) -> Any:
        return [place.pk for place in value]

    def restore(self, stored: Any, loader: ChunkLoader) -> Any:
        return loader.get_categories(stored)


class CategoryWidget(CellWidget):
    """One place in the tree: a category's parent. It may be one that an earlier row of the same table makes."""

    empty = None

    def read(self, cell: Cell, loader: ChunkLoader) -> Any:
        paths = split_paths(read_text(cell))
        if len(paths) != 1:
            raise cell_error(
                "one-category",
                _("“%(column)s”: “%(value)s” is not one category. Write it like “Parent > Child”."),
                value=as_text(cell),
            )
        return find_category(paths[0], loader, with_claimed=True)

    def render(self, value: Any, obj: Any = None, *, target: Target = "shown", **kwargs: Any) -> Any:
        return "" if value is None else join_paths([value.names])

    def store(self, value: Any) -> Any:
        return None if value is None else {"pk": value.pk, "names": list(value.names)}

    def restore(self, stored: Any, loader: ChunkLoader) -> Any:
        if stored is None:
            return None
        if stored["pk"] is not None:
            return loader.tree.get(stored["pk"])
        return find_category(stored["names"], loader)


def find_category(path: Sequence[str], loader: ChunkLoader, *, with_claimed: bool = False) -> Any:
    """The place that the names mean. Raises ValidationError where there is none, or several."""
    places = loader.tree.find(path)
    if not places and with_claimed and (place := loader.find_claimed_category(path)) is not None:
        return place
    name = join_paths([path])
    if not places:
        raise cell_error(
            "unknown-category",
            _("“%(column)s”: there is no category “%(name)s”. Make it first, by hand or by the table of categories."),
            name=name,
        )
    if len(places) > 1:
        raise cell_error(
            "ambiguous-category",
            _("“%(column)s”: several categories are called “%(name)s”: %(places)s. Write the whole place."),
            name=name,
            places="、".join(join_paths([place.names]) for place in places),
        )
    return places[0]


class SeriesWidget(CellWidget):
    empty = None

    def read(self, cell: Cell, loader: ChunkLoader) -> Any:
        text = read_text(cell).strip()
        series = loader.find_series(text)
        if series is None:
            raise cell_error("unknown-series", _("“%(column)s”: there is no series “%(name)s”. Make it first."), name=text)
        return series

    def render(self, value: Any, obj: Any = None, *, target: Target = "shown", **kwargs: Any) -> Any:
        return "" if value is None else value.name

    def store(self, value: Any) -> Any:
        return None if value is None else value.pk

    def restore(self, stored: Any, loader: ChunkLoader) -> Any:
        return loader.get_series(stored)


class MediaWidget(CellWidget):
    """A file of the library, by the address that readers get it at, or by its fingerprint."""

    empty = None

    def read(self, cell: Cell, loader: ChunkLoader) -> Any:
        text = read_text(cell).strip()
        media = loader.find_media(text)
        if media is None:
            raise cell_error(
                "unknown-media",
                _("“%(column)s”: the library has no file “%(name)s”. Upload it first, and write its address."),
                name=text,
            )
        return media

    def render(self, value: Any, obj: Any = None, *, target: Target = "shown", **kwargs: Any) -> Any:
        return "" if value is None else value.url or value.sha256

    def store(self, value: Any) -> Any:
        return None if value is None else value.pk

    def restore(self, stored: Any, loader: ChunkLoader) -> Any:
        return loader.get_media(stored)


class LinksWidget(ListWidget):
    """Links of a profile, one line each."""

    def join(self, entries: Sequence[Any]) -> str:
        return "\n".join(entries)

    def read(self, cell: Cell, loader: ChunkLoader) -> Any:
        try:
            return split_links(self.read_list(cell))
        except ValueError as error:
            raise cell_error(
                "bad-link",
                _("“%(column)s”: the line “%(line)s” does not end in an address that begins with https://."),
                line=error,
            ) from error

    def render(self, value: Any, obj: Any = None, *, target: Target = "shown", **kwargs: Any) -> Any:
        lines = join_links(value)
        return lines.split("\n") if target == "json" and lines else [] if target == "json" else lines


class PostWidget(PathWidget):
    """A post, by its address, its former address or its number."""

    empty = None

    def is_same(self, old: Any, new: Any, cell: Cell) -> bool:
        return bool(old == new)

    def check(self, old: Any, new: Any, cell: Cell, loader: ChunkLoader) -> Any:
        return new

    def read(self, cell: Cell, loader: ChunkLoader) -> Any:
        text = read_text(cell).strip()
        post = loader.find_post(text)
        if post is None:
            raise cell_error(
                "unknown-post",
                _("“%(column)s”: there is no post at “%(value)s” that you may see. A redirect leads to a post of this site."),
                value=text,
            )
        return post

    def render(self, value: Any, obj: Any = None, *, target: Target = "shown", **kwargs: Any) -> Any:
        return "" if value is None else value.path

    def store(self, value: Any) -> Any:
        return value.pk

    def restore(self, stored: Any, loader: ChunkLoader) -> Any:
        return loader.get_post(stored)


def check_name(name: str) -> str:
    """A name that a term can have. Raises ValidationError."""
    if len(name) > 200:
        raise cell_error("name-too-long", _("“%(column)s”: “%(name)s…” is longer than 200 characters."), name=name[:40])
    if _CONTROL.search(name):
        raise cell_error(
            "control-in-name", _("“%(column)s”: the name “%(name)s” holds a control character."), name=repr(name[:40])
        )
    return name


def find_spoiled(old: str, new: str, cell: Cell) -> Finding | None:
    """A remark where a spreadsheet program seems to have changed a text by itself, as it does with what looks like a number."""
    if isinstance(cell, Moment) or (_DATE_LIKE.fullmatch(old) and _DATE_LIKE.fullmatch(new) and old != new):
        template = _("“%(column)s”: the spreadsheet program made a date of the text; “%(text)s” will be stored. Check it.")
    elif re.fullmatch("0+[0-9]+", old) and new == old.lstrip("0"):
        template = _("“%(column)s”: the spreadsheet program took the zeros off “%(old)s”; “%(text)s” will be stored. Check it.")
    elif _EXPONENT.fullmatch(new) or isinstance(cell, float):
        template = _("“%(column)s”: the spreadsheet program made a number of the text; “%(text)s” will be stored. Check it.")
    else:
        return None
    return Finding("changed-by-spreadsheet", "warning", template, {})


def _refuse_cut(old: str, new: str) -> None:
    """Programs cut a cell at 32,767 characters without a word; what was there must not end so."""
    if MAX_CELL - 70 <= utf16_length(new) <= MAX_CELL and len(old) > len(new) and old.startswith(new[:-2]):
        raise cell_error(
            "cut-cell",
            _(
                "“%(column)s” was cut at %(limit)s characters by the spreadsheet program. Take the column out, or use .xlsx "
                "as exported."
            ),
            limit=MAX_CELL,
        )


def _zone() -> Any:
    return timezone.get_default_timezone()


def localise(wall: datetime) -> datetime:
    """A reading of the clock in the site's zone as an instant; one in the gap of summer time as people saw it."""
    try:
        return wall.replace(tzinfo=_zone()).astimezone(UTC).astimezone(_zone())
    except OverflowError as error:
        raise cell_error("bad-moment", _("“%(column)s”: “%(value)s” is too far from today."), value=wall) from error


def _without_era(text: str) -> str:
    """A year of a Japanese era as the common one."""
    found = _ERA.match(text)
    if found is None:
        return text
    number = 1 if found[2] == "元" else int(found[2])
    return f"{_ERA_STARTS[found[1]] + number}{found[3]}{text[found.end() :]}"


def _precision(cell: Cell) -> str:
    if isinstance(cell, Moment):
        return "fraction" if cell.has_time else "day"
    if not isinstance(cell, str):
        return "fraction"
    text = unicodedata.normalize("NFKC", cell)
    if _SERIAL.fullmatch(text.strip()):
        # A serial number as a program shows it has too few digits for the second.
        return "about"
    if _FRACTION.search(text):
        return "fraction"
    return "second" if _SECONDS.search(text) else "minute" if _TIME.search(text) else "day"


def _cut(moment: datetime, step: str) -> datetime:
    if step == "fraction":
        return moment
    if step == "day":
        return moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return moment.replace(microsecond=0) if step == "second" else moment.replace(second=0, microsecond=0)
