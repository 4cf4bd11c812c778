"""What all tables share: columns, the objects that a chunk of rows speaks of, and the verdict on one row.

django-import-export's resource declares the fields and walks a row through its hooks; reading files, showing differences,
confirming and writing are ours (``articles.sheets``, ``articles.transfer.tables``), because the library holds whole files in
memory, compares at quadratic cost and trusts the name that is posted at the confirm step.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils import translation
from django.utils.text import capfirst
from django.utils.translation import gettext_noop as _
from import_export import fields, resources
from import_export.instance_loaders import BaseInstanceLoader
from import_export.results import RowResult

from articles.editorial.permissions import visible_posts
from articles.editorial.terms import RefusedTerm, find_known, find_known_tags, load_other_names
from articles.editorial.workflow import EditorialError
from articles.findings import Finding
from articles.formats.terms import identity
from articles.models import Author, Category, MediaFile, MediaVersion, Post, Series
from articles.models.taxonomy import term_identity
from articles.sheets.cells import Cell, Missing, Target, as_text, is_empty, protect
from articles.sheets.lists import join_paths, split_names
from articles.sheets.table import shorten
from articles.sheets.workbook_writing import Kind
from articles.transfer.resources.widgets import CellWidget, cell_error, decode_path, read_whole

Empty = Literal["clear", "keep", "refuse"]
_BRACKETED = re.compile(r"\[\s*([a-z_]{1,40})\s*\]\s*\Z")
_MAX_LABEL = 300


class Column(fields.Field):
    """A column. ``name`` is the machine's, stable for ever; ``label`` stands before it in the heading.

    ``is_key`` finds the object, ``is_info`` is written and never read. ``empty`` says what an empty cell means, a missing one
    always means that nothing changes. ``is_heavy`` is left out unless it is asked for.
    """

    def __init__(
        self,
        name: str,
        label: Any,
        widget: CellWidget,
        *,
        kind: Kind = "text",
        width: int = 20,
        empty: Empty = "clear",
        aliases: Sequence[str] = (),
        is_key: bool = False,
        is_info: bool = False,
        is_heavy: bool = False,
    ) -> None:
        super().__init__(attribute=name, column_name=name, widget=widget, readonly=is_key or is_info)
        self.name, self.label, self.kind, self.width, self.empty = name, label, kind, width, empty
        self.aliases, self.is_key, self.is_info, self.is_heavy = tuple(aliases), is_key, is_info, is_heavy

    @property
    def heading(self) -> str:
        """The heading in the active language, with the name that makes it stable in brackets."""
        return f"{capfirst(str(self.label))} [{self.name}]"


@dataclass(frozen=True, slots=True)
class Place:
    """A category by its place in the tree; ``pk`` is ``None`` where an earlier row is going to make it."""

    pk: int | None
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.names[-1]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(term_identity(name) for name in self.names)


class Tree:
    """All categories, read once; a newsroom has hundreds at most."""

    def __init__(self) -> None:
        rows = {row[0]: row[1:] for row in Category.objects.values_list("pk", "name", "parent_id")}
        self.rows, self.others = rows, load_other_names(Category)
        self.places: dict[int, Place] = {}
        for pk in rows:
            names: list[str] = []
            at: int | None = pk
            # A loop cannot be stored, but must not hang an export either.
            while at in rows and len(names) < 50:
                name, at = rows[at]
                names.append(name)
            self.places[pk] = Place(pk, tuple(reversed(names)))
        self.by_last: dict[str, list[Place]] = {}
        for place in self.places.values():
            self.by_last.setdefault(place.keys[-1], []).append(place)

    def get(self, pk: int | None) -> Place | None:
        return None if pk is None else self.places.get(pk)

    def find(self, path: Sequence[str]) -> list[Place]:
        """The place whose names are ``path``, else all whose last names are, else what had these names."""
        keys = tuple(term_identity(name) for name in path)
        ending = [place for place in self.by_last.get(keys[-1], []) if place.keys[-len(keys) :] == keys]
        return [place for place in ending if place.keys == keys] or ending or self._find_renamed(keys)

    def _find_renamed(self, keys: Sequence[str]) -> list[Place]:
        at: int | None = None
        for key in keys:
            named = (pk for pk, (name, parent) in self.rows.items() if parent == at and term_identity(name) == key)
            found = next(named, None) or self.others.get((at, key))
            if found is None:
                return []
            at = found
        place = self.get(at)
        return [place] if place else []


@dataclass(slots=True)
class Judgement:
    """What is to become of one row. ``changes`` is by column, as :func:`describe_change` gives them."""

    number: int
    verdict: str = ""
    object_id: int | None = None
    label: str = ""
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    expected: str = ""
    findings: list[Finding] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    column: str = ""
    is_conflict: bool = False

    def remark(self, finding: Finding, severity: Literal["info", "warning"], **params: str) -> None:
        """Notes what a person should know about the cell that is being read."""
        self.findings.append(Finding(finding.code, severity, finding.template, {"column": self.column, **params}))


class ChunkLoader(BaseInstanceLoader):
    """The objects that a chunk of rows speaks of, loaded in a number of queries that does not grow with the rows.

    ``claims`` says which row of the same table already holds what (an address, a name). Subclasses load their own objects.
    """

    def __init__(self, resource: TableResource, dataset: Sequence[Mapping[str, Cell]]) -> None:
        super().__init__(resource, dataset)
        self.user: User | None = resource.user
        self.epoch_1904 = resource.epoch_1904
        self.claims: dict[str, int] = {}
        self.current = Judgement(0)
        self.load()

    def load(self) -> None:
        """Loads the objects that the keys of the chunk name."""

    def may(self, codename: str) -> bool:
        return self.user is None or self.user.has_perm(f"articles.{codename}")

    def texts(self, name: str) -> set[str]:
        """What the chunk's cells in a column say, as text."""
        found = (row.get(name, Missing.CELL) for row in self.dataset)
        return {as_text(cell).strip() for cell in found if not is_empty(cell)}

    def numbers(self, name: str) -> set[int]:
        found = (read_whole(row.get(name, Missing.CELL)) for row in self.dataset)
        return {number for number in found if number is not None}

    def names(self, name: str) -> set[str]:
        """The names in the chunk's lists in a column."""
        found: set[str] = set()
        for row in self.dataset:
            cell = row.get(name, Missing.CELL)
            found.update(cell if isinstance(cell, list) else split_names(as_text(cell)[:20_000], at_blanks=False))
            if isinstance(cell, str):
                found.update(split_names(cell[:20_000]))
        return found

    @cached_property
    def tree(self) -> Tree:
        return Tree()

    @cached_property
    def known_tags(self) -> set[str]:
        return set(find_known_tags(self.names("tags")))

    @cached_property
    def authors(self) -> dict[str, Author]:
        wanted = {term_identity(name) for name in self.names("authors")}
        return {author.identity: author for author in Author.objects.filter(identity__in=wanted)}

    @cached_property
    def authors_by_spelling(self) -> dict[str, Author]:
        """Only asked for where a name is nobody's first spelling."""
        return {identity(alias): author for author in Author.objects.all() for alias in author.aliases}

    def find_author(self, name: str) -> Author | None:
        return self.authors.get(term_identity(name)) or self.authors_by_spelling.get(identity(name))

    @cached_property
    def series(self) -> dict[str, Series]:
        return find_known(Series, self.texts("series"))

    def find_series(self, name: str) -> Series | None:
        return self.series.get(term_identity(name))

    @cached_property
    def media(self) -> dict[str, MediaFile]:
        wanted = {_public_name(text) for text in self.texts("cover") | self.texts("picture")}
        rows = MediaFile.objects.filter(Q(public_name__in=wanted - {""}) | Q(sha256__in=wanted))
        found = {key: media for media in rows for key in (media.public_name, media.sha256)}
        # A table that was taken out before a picture was replaced names it by the address of that time.
        former = MediaVersion.objects.filter(public_name__in=wanted - {""} - found.keys()).select_related("media")
        return {version.public_name: version.media for version in former} | found

    def find_media(self, text: str) -> MediaFile | None:
        return self.media.get(_public_name(text) or " ")

    def find_post(self, text: str) -> Post | None:
        """The post at an address, present or former. Posts that the user may not see are not there."""
        raise NotImplementedError

    def find_claimed_category(self, path: Sequence[str]) -> Place | None:
        names = tuple(path)
        return Place(None, names) if claim_category(names) in self.claims else None

    # For rows that are written: values as they were stored in the plan.

    def get_authors(self, keys: Sequence[int]) -> list[Author]:
        return _in_order(Author.objects, keys)

    def get_categories(self, keys: Sequence[int]) -> list[Category]:
        return _in_order(Category.objects, keys)

    def get_series(self, key: int | None) -> Series | None:
        return None if key is None else _in_order(Series.objects, [key])[0]

    def get_media(self, key: int | None) -> MediaFile | None:
        return None if key is None else _in_order(MediaFile.objects, [key])[0]

    def get_post(self, key: int) -> Post:
        posts = Post.objects.all() if self.user is None else visible_posts(self.user)
        return _in_order(posts, [key])[0]


def claim_category(names: Sequence[str]) -> str:
    """What a row claims that makes, or will have, the category at this place."""
    return "category:" + join_paths([[term_identity(name) for name in names]])


def _in_order(rows: Any, keys: Sequence[int]) -> list[Any]:
    found = rows.in_bulk(keys)
    if missing := [key for key in keys if key not in found]:
        raise ValidationError(
            _("What the row refers to (%(keys)s) was deleted since the preview. Compare the table again."),
            code="reference-gone",
            params={"keys": ", ".join(map(str, missing))},
        )
    return [found[key] for key in keys]


def _public_name(text: str) -> str:
    path = decode_path(text) or text
    return path.removeprefix(settings.MEDIA_URL) if path.startswith(settings.MEDIA_URL) else text


def is_new(instance: Model) -> bool:
    """Whether the object is not stored yet."""
    return instance.pk is None


class TableResource(resources.ModelResource):
    """A model as a table. ``user`` is who exports or imports; ``None`` is the system.

    A row is judged by :meth:`judge`, which writes nothing, and written by :meth:`carry_out` from what the judgement kept.
    """

    #: The machine's name of the model, as in addresses and commands.
    model_name: ClassVar[str]
    #: The column that names an entry to people.
    label_column: ClassVar[str] = "name"
    #: Permissions of which one is needed to import, and the one to export.
    import_permissions: ClassVar[tuple[str, ...]]
    export_permission: ClassVar[str]

    class Meta:
        abstract = True
        skip_unchanged = True
        report_skipped = True
        skip_diff = True
        use_transactions = False
        clean_model_instances = False
        instance_loader_class = ChunkLoader

    def __init__(self, user: User | None = None, *, replace: bool = False, epoch_1904: bool = False) -> None:
        super().__init__()
        self.user, self.replace, self.epoch_1904 = user, replace, epoch_1904
        self._current = Judgement(0)

    # --- Columns ---

    @cached_property
    def columns(self) -> dict[str, Column]:
        """All columns by name, in their order."""
        return {name: self.fields[name] for name in self.get_export_order()}

    @cached_property
    def labels(self) -> dict[str, str]:
        """Labels in the language that is active when they are first asked for."""
        return {name: str(column.label) for name, column in self.columns.items()}

    @cached_property
    def headings(self) -> dict[str, str]:
        """Every heading that is understood → the column's name: machine names, and labels in all languages of the desk."""
        known: dict[str, str] = {}
        for name, column in self.columns.items():
            known |= {identity(text): name for text in (name, *column.aliases)}
        for language, _name in settings.LANGUAGES:
            with translation.override(language):
                for name, column in self.columns.items():
                    known.setdefault(identity(str(column.label)), name)
        return known

    def find_column(self, heading: str) -> str:
        """The name of the column that a heading means; ``""`` for none."""
        text = unicodedata.normalize("NFKC", heading).strip()
        bracketed = _BRACKETED.search(text)
        if bracketed and bracketed[1] in self.fields:
            return bracketed[1]
        return self.headings.get(identity(text), "")

    # --- Who may ---

    @classmethod
    def may_import(cls, user: User | None) -> bool:
        """Whether the user may bring such a table at all; what each row may do is asked for each row."""
        return user is None or any(user.has_perm(codename) for codename in cls.import_permissions)

    @classmethod
    def may_export(cls, user: User | None) -> bool:
        return user is None or user.has_perm(cls.export_permission)

    def require(self, loader: ChunkLoader, object_id: int | None) -> None:
        """Raises ValidationError where the user may not make, or change, entries of this model. Posts have finer rules."""
        if object_id is None and not loader.may(f"add_{self.model_name}"):
            raise ValidationError(_("You may not make new entries here. Ask an editor."), code="not-allowed")
        if object_id is not None and not loader.may(f"change_{self.model_name}"):
            raise ValidationError(_("You may not change entries here. Ask an editor."), code="not-allowed")

    # --- Out ---

    def get_exported(self) -> QuerySet[Any]:
        """Everything that the user may take out."""
        raise NotImplementedError

    def load_for_export(self, keys: Sequence[int]) -> list[Any]:
        """The objects with all that their row needs, in the order of ``keys``, in a constant number of queries."""
        raise NotImplementedError

    def read_value(self, name: str, instance: Any, loader: ChunkLoader) -> Any:
        """The value of a column as its widget takes it."""
        reader: Callable[[Any, ChunkLoader], Any] | None = getattr(self, f"read_{name}", None)
        return reader(instance, loader) if reader else getattr(instance, name)

    def read_version(self, instance: Any, loader: ChunkLoader) -> str:
        """What changes whenever the object is saved with a change."""
        raise NotImplementedError

    def render_row(self, instance: Any, names: Sequence[str], target: Target, loader: ChunkLoader) -> list[Any]:
        """The cells of one object."""
        return [self.fields[name].widget.render(self.read_value(name, instance, loader), target=target) for name in names]

    # --- In: one row is judged ---

    def judge(self, number: int, cells: Mapping[str, Cell], findings: Iterable[Finding], loader: ChunkLoader) -> Judgement:
        """The verdict on one row. Nothing is written; what the row will hold is remembered in ``loader.claims``."""
        current = Judgement(number, findings=list(findings), label=as_text(cells.get(self.label_column)))
        loader.current = self._current = current
        result = self.import_row(dict(cells), loader, loader=loader, row_number=number, dry_run=True)
        if result.errors:
            # The library keeps every exception as text; what nobody expected must stay an error of the program.
            raise result.errors[0].error
        if result.validation_error is not None:
            current.findings += describe_errors(result.validation_error)
        if result.validation_error is not None or any(found.severity == "error" for found in current.findings):
            current.verdict = "conflict" if current.is_conflict else "refused"
            current.claims = []
        else:
            current.verdict = {RowResult.IMPORT_TYPE_NEW: "create", RowResult.IMPORT_TYPE_SKIP: "unchanged"}.get(
                result.import_type, "update"
            )
            loader.claims |= dict.fromkeys(current.claims, number)
        if current.verdict not in ("create", "update"):
            current.changes = {}
        current.label = shorten(current.label, _MAX_LABEL)
        return current

    def get_instance(self, instance_loader: ChunkLoader, row: Mapping[str, Cell]) -> Any:
        """The object that the row is about, or ``None`` for a new one. Raises ValidationError where that cannot be told."""
        return instance_loader.get_instance(row)

    def import_instance(self, instance: Any, row: Mapping[str, Cell], **kwargs: Any) -> None:
        """Reads the row's cells and keeps what differs from ``instance``, which stays as it is.

        Raises ValidationError with the errors of all cells together.
        """
        loader: ChunkLoader = kwargs["loader"]
        current = loader.current
        self.begin(instance, loader)
        errors: list[ValidationError] = []
        for name, column in self.columns.items():
            cell = row.get(name, Missing.CELL)
            if cell is Missing.CELL or column.readonly:
                continue
            current.column = self.labels[name]
            try:
                self._read_cell(name, column, cell, instance, loader)
            except ValidationError as error:
                errors += _with_column(error, current.column)
        if errors:
            raise ValidationError(errors)

    def begin(self, instance: Any, loader: ChunkLoader) -> None:
        """Notes which object the row is about, and refuses one that an earlier row named, or that was saved since."""
        current = loader.current
        if instance.pk is None:
            return
        current.object_id, current.label = instance.pk, str(instance)
        current.expected = self.read_version(instance, loader)
        claim = f"{self.model_name}:{instance.pk}"
        if claim in loader.claims:
            raise ValidationError(
                _("Row %(other)s is about the same entry. Keep one of the two."),
                code="same-entry",
                params={"other": loader.claims[claim]},
            )
        current.claims.append(claim)

    def _read_cell(self, name: str, column: Column, cell: Cell, instance: Any, loader: ChunkLoader) -> None:
        widget: CellWidget = column.widget
        if isinstance(cell, str) and column.empty != "clear" and not cell.strip():
            # Blanks alone are no title and no address.
            cell = ""
        old = self.read_value(name, instance, loader)
        if isinstance(cell, str) and cell in _spellings(widget, old):
            return
        if is_empty(cell):
            if column.empty == "keep" or (instance.pk is None and column.empty == "clear"):
                return
            if column.empty == "refuse" and not is_new(instance) and not str(old).strip():
                return
            if column.empty == "refuse":
                raise cell_error("empty-cell", _("“%(column)s” is empty. Write a value, or take the column out."))
            value: Any = widget.empty
        else:
            value = column.clean({name: cell}, loader=loader)
        if widget.is_same(old, value, cell):
            return
        value = widget.check(old, value, cell, loader) if not is_empty(cell) else value
        if value == old:
            return
        current = loader.current
        current.values[name] = value
        current.changes[name] = describe_change("" if instance.pk is None else widget.render(old), widget, value)

    def skip_row(self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None) -> bool:
        """Whether nothing differs. The library would compare attributes, which are never set here."""
        return instance.pk is not None and not import_validation_errors and not self._current.changes

    def validate_instance(self, instance: Any, import_validation_errors: Any = None, validate_unique: bool = True) -> None:
        if import_validation_errors:
            errors = import_validation_errors.values()
            raise ValidationError([error for found in errors for error in (found if isinstance(found, list) else [found])])

    def save_instance(self, instance: Any, is_create: bool, row: Mapping[str, Cell], **kwargs: Any) -> None:
        """The library's place for saving: here the change is rehearsed, by the rules that will apply when it is made."""
        loader: ChunkLoader = kwargs["loader"]
        if is_create:
            self._refuse_incomplete(loader)
        self._refuse_stale(instance, row, loader)
        try:
            self.rehearse(instance, loader)
        except (EditorialError, RefusedTerm) as refused:
            raise ValidationError(str(refused), code="refused-by-rule") from refused

    def save_m2m(self, instance: Any, row: Mapping[str, Cell], **kwargs: Any) -> None:
        """Nothing: relations are part of the change."""

    def rehearse(self, instance: Any, loader: ChunkLoader) -> None:
        """Raises EditorialError, RefusedTerm or ValidationError where the changes of ``loader.current`` cannot be made."""
        raise NotImplementedError

    def _refuse_incomplete(self, loader: ChunkLoader) -> None:
        missing = [
            column for name, column in self.columns.items() if column.empty == "refuse" and name not in loader.current.values
        ]
        if missing:
            raise ValidationError(
                _("A new entry needs “%(columns)s”. Write it into the row, or the number of the entry that is meant."),
                code="incomplete",
                params={"columns": "、".join(str(column.label) for column in missing)},
            )

    def _refuse_stale(self, instance: Any, row: Mapping[str, Cell], loader: ChunkLoader) -> None:
        stated = as_text(row.get("version", Missing.CELL)).strip()
        current = loader.current
        if instance.pk is None or not stated or stated == current.expected or self.replace:
            return
        current.is_conflict = True
        raise ValidationError(
            _("This was saved after the table was exported, and the row would undo that. Export it again, or choose to replace."),
            code="changed-since-export",
        )

    def claim(self, loader: ChunkLoader, claim: str, shown: str) -> None:
        """Remembers what the row will hold. Raises ValidationError where an earlier row will hold it."""
        if claim in loader.claims:
            raise ValidationError(
                _("“%(value)s” is taken by row %(other)s of this table. Write another."),
                code="taken-in-table",
                params={"value": shown, "other": loader.claims[claim]},
            )
        loader.current.claims.append(claim)

    # --- In: one row is written ---

    def restore(self, changes: Mapping[str, Mapping[str, Any]], loader: ChunkLoader) -> dict[str, Any]:
        """The values of a plan as the verbs take them. Raises ValidationError where what they refer to is gone."""
        return {name: self.fields[name].widget.restore(stored_value(change), loader) for name, change in changes.items()}

    def carry_out(
        self, object_id: int | None, changes: Mapping[str, Mapping[str, Any]], expected: str, loader: ChunkLoader, note: str
    ) -> Model:
        """Makes the change by the object's own rules; gives what was saved.

        Raises EditorialError, RefusedTerm or ValidationError where it cannot be made (any more).
        """
        raise NotImplementedError

    def find_versions(self, keys: Sequence[int]) -> dict[int, str]:
        """The present versions of objects, by key, in a constant number of queries."""
        raise NotImplementedError


def _spellings(widget: CellWidget, value: Any) -> tuple[str, str]:
    """How a CSV writes the value: as it is, and inert. The apostrophe becomes text where the CSV is saved as a workbook."""
    text = str(widget.render(value, target="csv"))
    return text, protect(text)


def describe_change(old: Any, widget: CellWidget, value: Any) -> dict[str, Any]:
    """A change as TableRow keeps it. A value that is what is shown stands there once: texts may be long."""
    change = {"old": str(old), "new": str(widget.render(value)), "value": widget.store(value)}
    if change["value"] == change["new"]:
        del change["value"]
    return change


def stored_value(change: Mapping[str, Any]) -> Any:
    """The value of a change, as its widget restores it."""
    return change["value"] if "value" in change else change["new"]


def describe_errors(error: ValidationError) -> list[Finding]:
    """The findings in a refusal. Texts of the verbs come finished, those of cells as a template."""
    if hasattr(error, "error_dict"):
        return [found for entry in error.error_dict.values() for one in entry for found in describe_errors(one)]
    return [
        Finding(
            one.code or "refused", "error", str(one.message), {name: str(value) for name, value in (one.params or {}).items()}
        )
        if one.params
        else Finding(one.code or "refused", "error", str(one.message))
        for one in error.error_list
    ]


def _with_column(error: ValidationError, label: str) -> list[ValidationError]:
    return [
        ValidationError(one.message, code=one.code, params={"column": label, **(one.params or {})}) for one in error.error_list
    ]


def find_by_key(cells: Mapping[str, Cell], rows: Mapping[int, Any]) -> Any:
    """The object that the column ``id`` names; ``None`` where the row names none. Raises ValidationError for a stale one."""
    cell = cells.get("id", Missing.CELL)
    if is_empty(cell):
        return None
    number = read_whole(cell)
    found = None if number is None else rows.get(number)
    if found is None:
        raise ValidationError(
            _("There is no entry number %(id)s here, or it is not yours to see. Leave the cell empty to make a new one."),
            code="unknown-id",
            params={"id": shorten(as_text(cell), 40)},
        )
    return found
