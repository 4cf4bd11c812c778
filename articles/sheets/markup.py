"""XML of workbooks, read by events under guard: no document type, no entity, no token or text without end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from xml.parsers import expat

from django.utils.translation import gettext_noop as _

from articles.sheets.table import refuse

# Expat before 2.6 reads an unfinished token again with every piece it gets (CVE-2023-52425).
_MAX_TOKEN = 2 * 1024 * 1024
_MAX_DEPTH = 64


class Reader:
    """Base of what reads one part. Subclasses have ``start(name, attributes)``, ``text(data)`` and ``end(name)``.

    Names come without their namespace: Excel's transitional and strict files, and others' prefixes, differ in nothing else.
    What a subclass appends to ``done`` is handed on by :meth:`walk` piece by piece.
    """

    #: How many elements one part may have: nothing else bounds a part that is all markup and no text.
    max_elements = 3_000_000

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.depth = self.elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def text(self, data: str) -> None:
        """Character data, in pieces."""

    def end(self, name: str) -> None:
        """The end of an element."""

    def walk(self, pieces: Iterable[bytes], part: str) -> Iterator[Any]:
        """Reads a part of a workbook. Raises RefusedFile where it is no XML, or hostile."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = self._start
        parser.CharacterDataHandler = self.text
        parser.EndElementHandler = self._end
        fed = 0
        for piece in pieces:
            fed += len(piece)
            _feed(parser, piece, part, is_last=False)
            if fed - parser.CurrentByteIndex > _MAX_TOKEN + len(piece):
                raise refuse_damage(part)
            yield from self._drain()
        _feed(parser, b"", part, is_last=True)
        yield from self._drain()

    def read(self, pieces: Iterable[bytes], part: str) -> None:
        """Reads a part whole, for what the subclass keeps of it."""
        for _nothing in self.walk(pieces, part):
            pass

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.elements += 1
        if self.depth > _MAX_DEPTH or self.elements > self.max_elements:
            raise refuse_damage(local(name))
        self.start(local(name), attributes)

    def _end(self, name: str) -> None:
        self.depth -= 1
        self.end(local(name))

    def _drain(self) -> list[Any]:
        done, self.done = self.done, []
        return done


def local(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition(" ")[2]


def get(attributes: dict[str, str], name: str) -> str:
    """An attribute by its name without namespace (``r:id`` is one of several ``id``); ``""`` where there is none."""
    found = attributes.get(name)
    if found is not None:
        return found
    return next((value for key, value in attributes.items() if local(key) == name), "")


def refuse_damage(part: str) -> Exception:
    return refuse(
        "workbook-damaged",
        _("The workbook is damaged: its part “%(part)s” cannot be read. Open it in the spreadsheet program and save it again."),
        part=part,
    )


def _feed(parser: expat.XMLParserType, data: bytes, part: str, *, is_last: bool) -> None:
    try:
        parser.Parse(data, is_last)
    except expat.ExpatError as error:
        raise refuse_damage(part) from error


def _refuse_doctype(*_arguments: Any) -> None:
    raise refuse(
        "workbook-doctype",
        _("The workbook holds a document type declaration, which no spreadsheet program writes. It was not read."),
    )
