"""A YAML list of mappings; only where ``IMPORT_FORMATS`` asks for it. Values are read as front matter is: as text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import frontmatter
from articles.formats.frontmatter.values import Value, is_null
from articles.sheets.cells import Cell, Missing
from articles.sheets.delimited import checked_lines, find_encoding
from articles.sheets.table import Knows, Limits, Row, Table, check_headings, refuse, refuse_cells, refuse_rows


def read_yaml_list(path: Path, knows: Knows, limits: Limits) -> Table:
    """Entries that begin with ``- `` at the left edge, each read on its own: no alias, no tag, no object, bounded in depth.

    Raises RefusedFile with the number of the entry that cannot be read.
    """
    headings: dict[str, None] = {}
    for _number, entry in _walk(path, limits):
        headings.update(dict.fromkeys(entry))
    table = Table("yaml", check_headings(list(headings), knows, limits), iter(()))
    table.rows = _read_rows(path, table.headings, limits)
    return table


def _read_rows(path: Path, headings: list[str], limits: Limits) -> Iterator[Row]:
    for number, entry in _walk(path, limits):
        if number * len(headings) > limits.max_cells:
            raise refuse_cells(limits.max_cells)
        row = Row(number, [])
        for heading in headings:
            row.cells.append(_read_value(entry[heading], row, heading) if heading in entry else Missing.CELL)
        yield row


def _read_value(value: Value, row: Row, heading: str) -> Cell:
    if isinstance(value, str):
        return None if is_null(value) else str(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return [str(item) for item in value]
    template = _("Row %(row)s: the value of “%(column)s” is neither a text, a number nor a list of texts. Write it as one.")
    row.findings.append(Finding("nested-value", "error", template, {"row": row.number, "column": heading}))
    return Missing.CELL


def _walk(path: Path, limits: Limits) -> Iterator[tuple[int, dict[str, Value]]]:
    for number, text in enumerate(_split(path), 1):
        if number > limits.max_rows:
            raise refuse_rows(limits.max_rows)
        try:
            # The mark of the entry becomes a blank, so that its first key stands beside the others.
            yield number, frontmatter.parse(f"---\n {text[1:]}---\n", "yaml")
        except RefusedFile as refused:
            raise refuse(
                "bad-yaml",
                _("Entry %(row)s of the YAML cannot be read: %(reason)s"),
                row=number,
                reason=refused.finding.message,
            ) from refused


def _split(path: Path) -> Iterator[str]:
    entry: list[str] = []
    size = 0
    encoding = find_encoding(path)
    with path.open(encoding=encoding, errors="strict", newline=None) as file:
        for line in checked_lines(file, encoding):
            size += len(line)
            if size > frontmatter.MAX_BYTES:
                raise refuse(
                    "row-too-long",
                    _("One object has more than %(limit)s characters. Split the table."),
                    limit=frontmatter.MAX_BYTES,
                )
            if line.startswith("- ") or (entry and line[:1] in (" ", "\n", "#")):
                if line.startswith("- ") and entry:
                    yield "".join(entry)
                    entry, size = [], len(line)
                entry.append(line if line.endswith("\n") else line + "\n")
            elif line.strip() and not line.startswith(("#", "---", "...")):
                raise refuse("bad-yaml-shape", _("The YAML is no list of mappings, each beginning with “- ” at the left edge."))
    if entry:
        yield "".join(entry)
