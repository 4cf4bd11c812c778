"""Lists of addresses as old sites and their tools give them: sitemaps, their indexes, tables and plain lines. Pure.

Everything here is foreign: a sitemap is read without any document type, so that no entity can grow; size, depth and number
are bounded; nothing that a list names is fetched.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats.encoding import decode_text

MAX_BYTES = 50 * 1024 * 1024
"""Unpacked. The sitemap protocol allows as much for one file."""
MAX_ADDRESSES = 100_000
MAX_DEPTH = 12
MAX_LENGTH = 2_000
MAX_CELL = 100_000
"""Characters. Checked here, because the limit of ``csv`` belongs to the process and others change it."""
_STEP = 64 * 1024
_GZIP = b"\x1f\x8b"
_ROOTS = ("urlset", "sitemapindex")
_HEADINGS = (
    "url",
    "address",
    "loc",
    "old",
    "old_path",
    "old_url",
    "from",
    "source",
    "path",
    "permalink",
    "page",
    "住所",
    "アドレス",
)
_ADDRESS = re.compile(r"\s*(?:https?:)?/", re.IGNORECASE)
_DELIMITERS = ",;\t"


@dataclass(slots=True)
class AddressList:
    """``addresses`` as written, each once, in order. ``children`` are further sitemaps that an index names."""

    addresses: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)


def read_addresses(data: bytes, name: str) -> AddressList:
    """The addresses in a file: a sitemap or an index of sitemaps, also compressed by gzip; a table; or one address per line.

    Which of them it is, its content says. Raises :class:`RefusedFile` for what is too large, broken, or no list at all.
    """
    if data.startswith(_GZIP):
        data = _unpack(data, name)
    if len(data) > MAX_BYTES:
        raise _too_large(name)
    start = data[:1000].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")
    found = _read_sitemap(data, name) if start.startswith((b"<", b"\x00<")) else AddressList(list(_read_text(data, name)))
    found.addresses = list(dict.fromkeys(found.addresses))
    if not found.addresses and not found.children:
        template = _("“%(name)s” names no addresses. Give a sitemap.xml, a table with a column “url”, or one address per line.")
        raise RefusedFile(Finding("no-addresses", "error", template, {"name": name}))
    return found


def collect(files: Iterable[tuple[str, bytes]]) -> tuple[list[str], list[Finding]]:
    """The addresses of several files together, and what could not be read of them.

    A sitemap that an index names is looked for among the files by its last part, and named where it is missing: it is not
    fetched. Raises :class:`RefusedFile` where no file has an address.
    """
    given = list(files)
    names = {_base_name(name) for name, _data in given}
    addresses: dict[str, None] = {}
    findings: list[Finding] = []
    for name, data in given:
        try:
            found = read_addresses(data, name)
        except RefusedFile as refused:
            if len(given) == 1:
                raise
            findings.append(refused.finding)
            continue
        addresses |= dict.fromkeys(found.addresses)
        for child in found.children:
            if _base_name(child) not in names:
                template = _("The index “%(name)s” names %(child)s. It is not fetched: download it and add it to the list.")
                findings.append(Finding("sitemap-missing", "warning", template, {"name": name, "child": child[:300]}))
    if len(addresses) > MAX_ADDRESSES:
        raise _too_many("、".join(name for name, _data in given)[:300])
    if not addresses:
        named = findings[0] if findings else Finding("no-addresses", "error", _("There is no list of addresses."))
        raise RefusedFile(named)
    return list(addresses), findings


def _base_name(path: str) -> str:
    return path.partition("?")[0].rstrip("/").rpartition("/")[2].removesuffix(".gz").casefold()


def _too_large(name: str) -> RefusedFile:
    template = _("“%(name)s” is larger than %(limit)d MB unpacked. Divide it.")
    return RefusedFile(Finding("list-too-large", "error", template, {"name": name, "limit": MAX_BYTES // 1024 // 1024}))


def _too_many(name: str) -> RefusedFile:
    template = _("“%(name)s” names more than %(limit)d addresses. Divide it.")
    return RefusedFile(Finding("list-too-long", "error", template, {"name": name, "limit": MAX_ADDRESSES}))


def _unpack(data: bytes, name: str) -> bytes:
    """Unpacks no further than the limit: a small file may hold gigabytes."""
    whole = bytearray()
    try:
        while data:
            unpacker = zlib.decompressobj(wbits=31)
            whole += unpacker.decompress(data, MAX_BYTES + 1 - len(whole))
            if len(whole) > MAX_BYTES:
                raise _too_large(name)
            if not unpacker.eof:
                raise zlib.error("cut off")
            data = unpacker.unused_data.lstrip(b"\x00")
    except zlib.error as error:
        template = _("“%(name)s” cannot be unpacked (%(reason)s). Download it again.")
        raise RefusedFile(Finding("list-broken", "error", template, {"name": name, "reason": str(error)})) from error
    return bytes(whole)


class _Sitemap:
    """What expat reports of one sitemap. Names are compared without their prefix: old tools write any."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found = AddressList()
        self.path: list[str] = []
        self.text: list[str] | None = None
        self.size = 0

    def start(self, tag: str, _attributes: object) -> None:
        self.path.append(tag.rpartition(":")[2].rpartition(" ")[2])
        if len(self.path) > MAX_DEPTH:
            template = _("“%(name)s” is nested too deeply for a sitemap.")
            raise RefusedFile(Finding("sitemap-broken", "error", template, {"name": self.name}))
        if len(self.path) == 1 and self.path[0] not in _ROOTS:
            template = _("“%(name)s” is no sitemap: it begins with <%(tag)s>. Give a sitemap.xml, a table or plain lines.")
            raise RefusedFile(Finding("not-a-sitemap", "error", template, {"name": self.name, "tag": self.path[0][:40]}))
        if self.path[-1] == "loc":
            self.text, self.size = [], 0

    def data(self, text: str) -> None:
        if self.text is not None and self.size <= MAX_LENGTH:
            self.text.append(text)
            self.size += len(text)

    def end(self, _tag: str) -> None:
        if self.path.pop() != "loc" or self.text is None:
            return
        address, self.text = "".join(self.text).strip(), None
        if address:
            (self.found.children if self.path[:1] == ["sitemapindex"] else self.found.addresses).append(address)
        if len(self.found.addresses) + len(self.found.children) > MAX_ADDRESSES:
            raise _too_many(self.name)

    def refuse(self, *_anything: object) -> None:
        template = _("“%(name)s” declares a document type. A sitemap has none, and it could hide anything: take the lines out.")
        raise RefusedFile(Finding("sitemap-doctype", "error", template, {"name": self.name}))


def _read_sitemap(data: bytes, name: str) -> AddressList:
    reader = _Sitemap(name)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.data
    # Before anything of the declaration is read: no entity is ever known, so none can grow or name a file.
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = reader.refuse
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    try:
        for start in range(0, len(data), _STEP):
            parser.Parse(data[start : start + _STEP], False)
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        line = getattr(error, "lineno", None)
        template = _("“%(name)s” is no well-formed XML (%(reason)s). Download it again, or give plain lines.")
        raise RefusedFile(
            Finding("sitemap-broken", "error", template, {"name": name, "reason": str(error)[:200]}, line)
        ) from error
    return reader.found


def _read_text(data: bytes, name: str) -> Iterator[str]:
    """A table, whose column of addresses is known by its heading, else by what is in it; or one address per line."""
    try:
        text = decode_text(data, max_bytes=MAX_BYTES).removeprefix("\ufeff")
    except RefusedFile as refused:
        template = _("“%(name)s” is no text (%(reason)s). Save it as UTF-8.")
        params = {"name": name, "reason": refused.finding.message}
        raise RefusedFile(Finding("list-broken", "error", template, params)) from refused
    first = next((line for line in text.split("\n") if line.strip()), "")
    if _ADDRESS.match(first) and not any(mark in first for mark in '"\t;'):
        found: Iterator[str] = (line.strip() for line in text.split("\n"))
    else:
        found = _read_table(text, first, name)
    for number, address in enumerate(address for address in found if address and not address.startswith("#")):
        if number >= MAX_ADDRESSES:
            raise _too_many(name)
        yield address


def _read_table(text: str, first: str, name: str) -> Iterator[str]:
    delimiter = max(_DELIMITERS, key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    column: int | None = None
    try:
        for row in rows:
            if any(len(cell) > MAX_CELL for cell in row):
                raise csv.Error(f"field larger than field limit ({MAX_CELL})")
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if column is None:
                column = _find_column(cells)
                if not _ADDRESS.match(cells[column]):
                    continue
            if column < len(cells):
                yield cells[column]
    except csv.Error as error:
        template = _("“%(name)s” cannot be read as a table (%(reason)s). Save it as CSV again, or give plain lines.")
        params = {"name": name, "reason": str(error)[:200]}
        raise RefusedFile(Finding("list-broken", "error", template, params, rows.line_num)) from error


def _find_column(cells: list[str]) -> int:
    headings = [cell.casefold() for cell in cells]
    named = next((headings.index(name) for name in _HEADINGS if name in headings), None)
    if named is not None:
        return named
    return next((number for number, cell in enumerate(cells) if _ADDRESS.match(cell)), 0)
