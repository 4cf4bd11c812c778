"""Takes a model out as a table: CSV, workbook or JSON, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast, get_args

from django.utils import timezone
from django.utils.text import capfirst

from articles.sheets.cells import Target
from articles.sheets.delimited import write_delimited
from articles.sheets.records import write_records
from articles.sheets.workbook_writing import SheetColumn, write_workbook
from articles.transfer.resources import Column, TableResource
from articles.transfer.resources.widgets import ChoiceWidget

Format = Literal["xlsx", "csv", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
CONTENT_TYPES: dict[Format, str] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json; charset=utf-8",
}
_CHUNK = 200


def choose_columns(resource: TableResource, chosen: Sequence[str] = ()) -> list[Column]:
    """The columns to export: those named, else all but heavy ones. What finds an entry again is always among them."""
    columns = resource.columns.values()
    return [
        column
        for column in columns
        if column.name in ("id", "version") or (column.name in chosen if chosen else not column.is_heavy)
    ]


def export_table(
    resource: TableResource, keys: Sequence[int], columns: Sequence[Column], format: Format, *, plain_headings: bool = False
) -> Iterator[bytes]:
    """The table of the objects ``keys``, in their order, as pieces of bytes.

    Memory does not grow with the rows, queries grow with chunks of them. Formulas are inert in every format. Headings are
    in the active language unless ``plain_headings``. Raises RefusedFile where a sheet cannot hold so many rows.
    """
    names = [column.name for column in columns]
    headings = names if plain_headings else [column.heading for column in columns]
    target: Target = format
    rows = _render(resource, keys, names, target)
    if format == "json":
        return write_records(names, rows)
    if format == "csv":
        return write_delimited(headings, rows)
    sheet = [
        SheetColumn(heading, column.kind, column.width, _list_choices(column))
        for heading, column in zip(headings, columns, strict=True)
    ]
    return write_workbook(capfirst(str(resource._meta.model._meta.verbose_name_plural)), sheet, rows)


def name_file(resource: TableResource, format: Format) -> str:
    """What the browser calls the file."""
    return f"{resource.model_name}-{timezone.localtime():%Y-%m-%d-%H%M}.{format}"


def list_keys(resource: TableResource) -> list[int]:
    """Everything that the user may take out, in the order of the table."""
    return list(resource.get_exported().values_list("pk", flat=True))


def _render(resource: TableResource, keys: Sequence[int], names: Sequence[str], target: Target) -> Iterator[list[Any]]:
    loader = resource._meta.instance_loader_class(resource, ())
    for start in range(0, len(keys), _CHUNK):
        for instance in resource.load_for_export(keys[start : start + _CHUNK]):
            yield resource.render_row(instance, names, target, loader)


def _list_choices(column: Column) -> tuple[str, ...]:
    widget = cast(Any, column.widget)
    return tuple(str(label) for _name, label in widget.choices) if isinstance(widget, ChoiceWidget) else ()
