"""A table comes in: read, compared, shown, confirmed, written row by row; each step can be interrupted and goes on.

What is written is what the comparison kept and a person saw, never the file again. A row is written by the verbs of its
object, in a transaction with the note that it was.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from articles.editorial.terms import RefusedTerm
from articles.editorial.workflow import EditorialError
from articles.findings import Finding, RefusedFile
from articles.models import TableImport, TableRow
from articles.sheets import Limits, Row, Table, open_table
from articles.sheets.cells import Missing, from_plain, is_empty, to_plain
from articles.sheets.table import column_letters, describe_stray, refuse, shorten
from articles.transfer.resources import RESOURCES, Judgement, TableResource
from articles.transfer.resources.base import describe_errors

State, Verdict, Outcome = TableImport.State, TableRow.Verdict, TableRow.Outcome
WRITES = (Verdict.CREATE, Verdict.UPDATE)
LIFETIME = timedelta(hours=2)
"""How long what was shown may be confirmed."""
MAX_AT_ONCE = 2_000
"""Rows that may be written in one transaction at the desk, while nobody else can write to SQLite."""
NOTE = gettext_noop("changed by a table")

_READ_BATCH = 500
_PLAN_CHUNK = 200
_WRITE_CHUNK = 20
_KEPT = timedelta(days=1)
_JUDGED = ["verdict", "object_id", "label", "changes", "expected", "findings", "claims"]


class RefusedTable(Exception):
    """A step of a table import that cannot be taken. The message is a sentence in the active language."""


@dataclass(frozen=True, slots=True)
class Written:
    """One object that a step wrote."""

    object_id: int
    label: str
    is_new: bool


def desk_limits() -> Limits:
    """What may come by a form."""
    return Limits(max_bytes=settings.TABLE_MAX_BYTES, max_rows=settings.TABLE_MAX_ROWS)


COMMAND_LIMITS = Limits(
    max_bytes=2 * 1024**3,
    max_unpacked=4 * 1024**3,
    max_rows=1_048_576,
    max_columns=200,
    max_cells=200_000_000,
    max_cell=8_000_000,
)


def hash_session(session_key: str | None) -> str:
    """A session without what it could be taken over by."""
    return salted_hmac("articles.tables", session_key).hexdigest()[:64] if session_key else ""


def make_resource(run: TableImport, user: User | None) -> TableResource:
    options = run.options
    return RESOURCES[run.model](user, replace=options.get("replace", False), epoch_1904=options.get("epoch_1904", False))


# --- Reading --------------------------------------------------------------------------------------------------------


def start_import(
    path: Path,
    *,
    model: str,
    user: User | None,
    label: str,
    session_key: str | None = None,
    replace: bool = False,
    all_or_nothing: bool = False,
    limits: Limits,
) -> TableImport:
    """Reads the table at ``path`` into rows that wait to be compared. Nothing but the record of the import is written.

    Raises RefusedFile where the table cannot be read, has unknown columns, or none that could change anything; then no
    record is left. Raises RefusedTable where the user may not import such a table.
    """
    resource = RESOURCES[model](user)
    if not resource.may_import(user):
        raise RefusedTable(_("You may not import this table. Ask an administrator for the right."))
    forget_old()
    run = TableImport(
        user=user,
        session_hash=hash_session(session_key),
        model=model,
        label=shorten(label, 300),
        size=path.stat().st_size,
        sha256=_hash_file(path),
        options={"replace": replace, "all_or_nothing": all_or_nothing},
    )
    table = open_table(
        path, label, lambda heading: bool(resource.find_column(heading)), limits=limits, formats=settings.IMPORT_FORMATS
    )
    places = _place_columns(table, resource)
    run.format, run.columns = table.kind, [name for name in places if name and not resource.columns[name].is_info]
    run.options["epoch_1904"] = table.epoch_1904
    run.save()
    try:
        run.rows_total = _store_rows(run, table, places, resource)
    except RefusedFile:
        run.delete()
        raise
    run.findings = [*(found.as_json() for found in table.findings), *_describe_unread(table, places, resource)]
    run.state = State.PLANNING
    run.save()
    if not run.rows_total:
        run.delete()
        raise refuse("no-rows", gettext_noop("The table has headings and no rows below them."))
    return run


def forget_old() -> None:
    """Takes away what was read and never confirmed, a day later: it holds texts of drafts."""
    unfinished = (State.READING, State.PLANNING, State.PLANNED, State.CANCELLED)
    TableImport.objects.filter(state__in=unfinished, created_at__lt=timezone.now() - _KEPT).delete()


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _place_columns(table: Table, resource: TableResource) -> list[str]:
    """The column's name for each heading, ``""`` below an empty one. Raises RefusedFile."""
    places = [resource.find_column(heading) for heading in table.headings]
    known = "、".join(resource.columns)
    unknown = [heading for heading, name in zip(table.headings, places, strict=True) if heading.strip() and not name]
    if unknown:
        raise refuse(
            "unknown-columns",
            gettext_noop(
                "The table has columns that are not known here, or that no table may change: %(columns)s. Remove them. "
                "Known are: %(known)s."
            ),
            columns="、".join(shorten(heading, 40) for heading in unknown[:20]),
            known=known,
        )
    for name in places:
        if name and places.count(name) > 1:
            headings = "、".join(
                shorten(heading, 40) for heading, place in zip(table.headings, places, strict=True) if place == name
            )
            raise refuse(
                "column-twice", gettext_noop("Two columns mean the same: %(headings)s. Keep one of them."), headings=headings
            )
    if not any(name and not resource.columns[name].readonly for name in places):
        raise refuse(
            "nothing-to-change",
            gettext_noop("No column of this table can change anything. Known are: %(known)s."),
            known=known,
        )
    return places


def _describe_unread(table: Table, places: list[str], resource: TableResource) -> list[dict[str, Any]]:
    unread = [str(resource.columns[name].label) for name in places if name and resource.columns[name].is_info]
    if not unread:
        return []
    template = gettext_noop("For information only, and not read: %(columns)s.")
    return [Finding("columns-not-read", "info", template, {"columns": "、".join(unread)}).as_json()]


def _store_rows(run: TableImport, table: Table, places: list[str], resource: TableResource) -> int:
    batch: list[TableRow] = []
    total = 0
    for row in table.rows:
        batch.append(_make_row(run, row, places, resource))
        total += 1
        if len(batch) >= _READ_BATCH:
            TableRow.objects.bulk_create(batch)
            batch = []
    TableRow.objects.bulk_create(batch)
    return total


def _make_row(run: TableImport, row: Row, places: list[str], resource: TableResource) -> TableRow:
    cells = {}
    for place, (name, cell) in enumerate(zip(places, row.cells, strict=True)):
        if not name and not is_empty(cell):
            row.findings.append(describe_stray(row.number, column_letters(place)))
        elif name and cell is not Missing.CELL and not resource.columns[name].is_info:
            cells[name] = to_plain(cell)
    return TableRow(run=run, number=row.number, cells=cells, source_findings=[found.as_json() for found in row.findings])


# --- Comparing ------------------------------------------------------------------------------------------------------


def plan_some(run: TableImport, user: User | None, *, seconds: float | None = None) -> bool:
    """Compares rows until all are, or the time is over; whether all are. ``run`` is brought up to date.

    Raises RefusedTable where the user may not import such a table any more.
    """
    end = None if seconds is None else time.monotonic() + seconds
    if not RESOURCES[run.model].may_import(user):
        raise RefusedTable(_("You may not import this table. Ask an administrator for the right."))
    claims = _Claims()
    while run.state == State.PLANNING:
        with transaction.atomic():
            run = _lock(run)
            if run.state == State.PLANNING and not _plan_chunk(run, user, claims):
                _finish_plan(run)
        if end is not None and time.monotonic() > end:
            break
    return run.state != State.PLANNING


def _lock(run: TableImport) -> TableImport:
    """The record as it is now, in the same object, and nobody else's until the transaction ends."""
    TableImport.objects.select_for_update().filter(pk=run.pk).first()
    run.refresh_from_db()
    return run


def _plan_chunk(run: TableImport, user: User | None, claims: _Claims) -> bool:
    """Whether there was anything to compare."""
    rows = list(run.rows.filter(verdict="").order_by("number")[:_PLAN_CHUNK])
    if not rows:
        return False
    resource = make_resource(run, user)
    cells = [{name: from_plain(cell) for name, cell in row.cells.items()} for row in rows]
    loader = resource._meta.instance_loader_class(resource, cells)
    loader.claims = claims.collect(run)
    for row, values in zip(rows, cells, strict=True):
        found = resource.judge(row.number, values, map(Finding.from_json, row.source_findings), loader)
        _keep_judgement(row, found)
    # An upsert is one statement of values; bulk_update would build a CASE of each value and take longer than the comparing.
    TableRow.objects.bulk_create(rows, update_conflicts=True, unique_fields=["id"], update_fields=_JUDGED)
    return True


class _Claims:
    """What rows that were compared before hold, also in an earlier step or in another window."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}
        self.last = -1

    def collect(self, run: TableImport) -> dict[str, int]:
        judged = run.rows.filter(number__gt=self.last).exclude(verdict="").order_by("number")
        for number, claims in judged.values_list("number", "claims").iterator():
            self.held |= dict.fromkeys(claims, number)
            self.last = number
        return self.held


def _keep_judgement(row: TableRow, found: Judgement) -> None:
    row.verdict, row.object_id, row.label = found.verdict, found.object_id, found.label
    row.changes, row.expected, row.claims = found.changes, found.expected, found.claims
    row.findings = [finding.as_json() for finding in found.findings]


def _finish_plan(run: TableImport) -> None:
    run.plan_sha256, by_column, emptied = _sum_up(run)
    run.totals = _count(run) | {"columns": by_column, "emptied": emptied}
    run.state, run.planned_at = State.PLANNED, timezone.now()
    run.save()


def _count(run: TableImport) -> dict[str, Any]:
    counted = run.rows.order_by().values("verdict").annotate(number=Count("pk")).values_list("verdict", "number")
    written = (
        run.rows.order_by().exclude(outcome="").values("outcome").annotate(number=Count("pk")).values_list("outcome", "number")
    )
    return dict(counted) | {f"outcome_{outcome}": number for outcome, number in written}


def _sum_up(run: TableImport) -> tuple[str, dict[str, int], int]:
    """One value over all that is shown, so that a confirmation cannot mean anything else; changes by column; emptied cells."""
    digest = hashlib.sha256(f"{run.pk} {run.sha256}".encode())
    by_column: Counter[str] = Counter()
    emptied = 0
    rows = run.rows.order_by("number").values_list("number", "verdict", "object_id", "expected", "changes")
    for row in rows.iterator():
        digest.update(json.dumps(row, ensure_ascii=True, sort_keys=True).encode())
        by_column.update(row[4].keys())
        emptied += sum(1 for change in row[4].values() if change["old"] and not change["new"])
    return digest.hexdigest(), dict(by_column), emptied


def plan_again(run: TableImport, user: User | None) -> None:
    """Forgets the comparison, so that it is made anew. Raises RefusedTable where the import was confirmed already."""
    with transaction.atomic():
        run = _lock(run)
        _require_own(run, user)
        if run.state not in (State.PLANNING, State.PLANNED):
            raise RefusedTable(_("This table import was confirmed or cancelled already."))
        run.rows.update(verdict="", claims=[])
        run.state, run.plan_sha256 = State.PLANNING, ""
        run.save()


# --- Confirming -----------------------------------------------------------------------------------------------------


def confirm(run: TableImport, user: User | None, *, session_key: str | None, token: str) -> int:
    """Lets the rows be written that were shown; how many of them changed since, in which case nothing is confirmed.

    ``token`` is the ``plan_sha256`` that was shown. Rows whose objects were saved since are compared anew: show them again.
    Raises RefusedTable for another user or session, a second time, after two hours, for another plan, and where all or
    nothing was asked and there are rows that cannot be taken.
    """
    with transaction.atomic():
        run = _lock(run)
        _require_own(run, user)
        _require_confirmable(run, session_key, token)
        changed = _reset_changed(run, user)
        if changed:
            run.state = State.PLANNING
        else:
            run.state, run.confirmed_at = State.APPLYING, timezone.now()
        run.save()
    return changed


def is_expired(run: TableImport) -> bool:
    """Whether what was shown is too old to be confirmed."""
    return run.state == State.PLANNED and (run.planned_at is None or run.planned_at < timezone.now() - LIFETIME)


def _require_own(run: TableImport, user: User | None) -> None:
    if run.user_id != (user.pk if user else None):
        raise RefusedTable(_("This table was brought by someone else, who alone can confirm it."))
    if not RESOURCES[run.model].may_import(user):
        raise RefusedTable(_("You may not import this table. Ask an administrator for the right."))


def _require_confirmable(run: TableImport, session_key: str | None, token: str) -> None:
    if run.state in (State.APPLYING, State.FINISHED, State.CANCELLED):
        raise RefusedTable(_("This table import was confirmed or cancelled already."))
    if run.state != State.PLANNED:
        raise RefusedTable(_("The table is still being compared. Wait until all rows are shown."))
    if run.session_hash and not constant_time_compare(run.session_hash, hash_session(session_key)):
        raise RefusedTable(_("You have signed in anew since. Compare the table again, then confirm."))
    if is_expired(run):
        raise RefusedTable(_("The comparison is older than two hours. Compare the table again, then confirm."))
    if not constant_time_compare(run.plan_sha256, token):
        raise RefusedTable(_("The table was compared again since this page was opened. Look at it again, then confirm."))
    if run.options.get("all_or_nothing") and (refused := count_untaken(run)):
        raise RefusedTable(
            _("All or nothing was asked for, and %(count)d rows cannot be taken. Correct them and bring the table again.")
            % {"count": refused}
        )


def count_untaken(run: TableImport) -> int:
    """Rows that will not be written though they would change something."""
    return sum(run.totals.get(verdict, 0) for verdict in (Verdict.REFUSED, Verdict.CONFLICT))


def count_writes(run: TableImport) -> int:
    """Rows that will be written."""
    return sum(run.totals.get(verdict, 0) for verdict in WRITES)


def _reset_changed(run: TableImport, user: User | None) -> int:
    """Marks the rows whose object is another than was compared, so that they are compared again; how many they are."""
    resource = make_resource(run, user)
    rows = list(run.rows.filter(verdict=Verdict.UPDATE).values_list("pk", "object_id", "expected").order_by("number"))
    stale: list[int] = []
    for start in range(0, len(rows), _READ_BATCH):
        chunk = rows[start : start + _READ_BATCH]
        versions = resource.find_versions([object_id for _pk, object_id, _expected in chunk if object_id is not None])
        stale += [pk for pk, object_id, expected in chunk if versions.get(object_id or 0) != expected]
    for start in range(0, len(stale), _READ_BATCH):
        run.rows.filter(pk__in=stale[start : start + _READ_BATCH]).update(verdict="", claims=[])
    return len(stale)


def cancel(run: TableImport, user: User | None) -> None:
    """Ends an import that was not confirmed; what was read is forgotten. Raises RefusedTable where it was."""
    with transaction.atomic():
        run = _lock(run)
        if run.user_id != (user.pk if user else None):
            raise RefusedTable(_("This table was brought by someone else, who alone can confirm it."))
        if run.state not in (State.READING, State.PLANNING, State.PLANNED):
            raise RefusedTable(_("This table import was confirmed or cancelled already."))
        run.rows.all().delete()
        run.state, run.finished_at = State.CANCELLED, timezone.now()
        run.save()


# --- Writing --------------------------------------------------------------------------------------------------------


def apply_some(run: TableImport, user: User | None, *, seconds: float | None = None) -> tuple[bool, list[Written]]:
    """Writes rows until all are, or the time is over; whether all are, and what this step wrote.

    A row is written once, whoever goes on and however often: the row's own note of it is part of the transaction. Where the
    user lost the right meanwhile, the import ends with the rows that are written. Raises RefusedTable for another's import.
    """
    if run.user_id != (user.pk if user else None):
        raise RefusedTable(_("This table was brought by someone else, who alone can confirm it."))
    end = None if seconds is None else time.monotonic() + seconds
    written: list[Written] = []
    if run.state == State.APPLYING and run.options.get("all_or_nothing"):
        written = _apply_all(run, user)
    while run.state == State.APPLYING:
        with transaction.atomic():
            run = _lock(run)
            if run.state == State.APPLYING:
                person = _refresh(user)
                if not RESOURCES[run.model].may_import(person):
                    _stop(run)
                elif not (chunk := _apply_chunk(run, person)):
                    _finish(run)
                else:
                    written += [entry for entry in chunk if entry is not None]
        if end is not None and time.monotonic() > end:
            break
    return run.state != State.APPLYING, written


def _refresh(user: User | None) -> User | None:
    """The account as it is now: rights may have been taken away since the request began."""
    if user is None:
        return None
    return User.objects.filter(pk=user.pk, is_active=True).first() or User(is_active=False)


def _apply_chunk(run: TableImport, user: User | None) -> list[Written | None]:
    """One entry per row that was tried, empty where there is none left."""
    rows = list(run.rows.select_for_update().filter(verdict__in=WRITES, outcome="").order_by("number")[:_WRITE_CHUNK])
    resource = make_resource(run, user)
    loader = resource._meta.instance_loader_class(resource, ())
    results = []
    for row in rows:
        try:
            with transaction.atomic():
                written = _apply_row(row, resource, loader)
        except (EditorialError, RefusedTerm, ValidationError, IntegrityError) as error:
            written = None
            row.outcome = Outcome.REFUSED
            row.findings = [*row.findings, *(finding.as_json() for finding in _describe_refusal(error))]
            row.save(update_fields=["outcome", "findings"])
        results.append(written)
    return results


def _apply_row(row: TableRow, resource: TableResource, loader: Any) -> Written:
    saved = resource.carry_out(row.object_id, row.changes, row.expected, loader, NOTE)
    is_new = row.object_id is None
    row.object_id, row.label, row.outcome = saved.pk, shorten(str(saved), 300), Outcome.APPLIED
    row.save(update_fields=["object_id", "label", "outcome"])
    return Written(saved.pk, row.label, is_new)


def _describe_refusal(error: Exception) -> list[Finding]:
    if isinstance(error, ValidationError):
        return describe_errors(error)
    if isinstance(error, IntegrityError):
        template = gettext_noop("Somebody took the same address or name at this moment. Bring the row again.")
        return [Finding("taken-meanwhile", "error", template)]
    return [Finding("refused-by-rule", "error", str(error))]


def _apply_all(run: TableImport, user: User | None) -> list[Written]:
    """All rows in one transaction; where one fails none is written, and the row says why."""
    try:
        with transaction.atomic():
            run = _lock(run)
            if run.state != State.APPLYING:
                return []
            person = _refresh(user)
            if not RESOURCES[run.model].may_import(person):
                _stop(run)
                return []
            written: list[Written] = []
            while chunk := _apply_chunk(run, person):
                if None in chunk:
                    raise _Undone(run.rows.filter(outcome=Outcome.REFUSED).order_by("number")[0])
                written += [entry for entry in chunk if entry is not None]
            _finish(run)
            return written
    except _Undone as undone:
        with transaction.atomic():
            run = _lock(run)
            TableRow.objects.filter(pk=undone.row.pk).update(outcome=Outcome.REFUSED, findings=undone.row.findings)
            template = gettext_noop("Nothing was written, as all or nothing was asked for: row %(row)s could not be taken.")
            run.findings = [*run.findings, Finding("all-or-nothing", "error", template, {"row": undone.row.number}).as_json()]
            _finish(run)
        return []


class _Undone(Exception):
    def __init__(self, row: TableRow) -> None:
        super().__init__(str(row))
        self.row = row


def _stop(run: TableImport) -> None:
    template = gettext_noop(
        "The account lost the right to import while the table was being written. The remaining rows were left."
    )
    run.findings = [*run.findings, Finding("right-lost", "error", template).as_json()]
    _finish(run)


def _finish(run: TableImport) -> None:
    run.totals = run.totals | _count(run)
    run.state, run.finished_at = State.FINISHED, timezone.now()
    run.save()
    # What was read is not needed any more; what changed stays as the record.
    run.rows.update(cells={}, source_findings=[])


# --- Reports --------------------------------------------------------------------------------------------------------


def measure(run: TableImport) -> tuple[int, int]:
    """How many rows of how many the present step has done."""
    if run.state == State.APPLYING:
        total = count_writes(run)
        return total - run.rows.filter(verdict__in=WRITES, outcome="").count(), total
    if run.state == State.PLANNING:
        return run.rows.exclude(verdict="").count(), run.rows_total
    return run.rows_total, run.rows_total


def build_report(run: TableImport) -> dict[str, Any]:
    """Who, when, what, from which bytes, and what became of each row; plain data, messages in English and as templates."""
    return {
        "model": run.model,
        "table": run.label,
        "format": run.format,
        "sha256": run.sha256,
        "bytes": run.size,
        "user": run.user.get_username() if run.user else None,
        "state": run.state,
        "uploaded": _iso(run.created_at),
        "confirmed": _iso(run.confirmed_at),
        "finished": _iso(run.finished_at),
        "options": run.options,
        "columns": run.columns,
        "totals": run.totals,
        "findings": run.findings,
        "rows": list(report_rows(run)),
    }


def dump_report(run: TableImport) -> str:
    return json.dumps(build_report(run), ensure_ascii=False, indent=1) + "\n"


def report_rows(run: TableImport) -> Iterator[dict[str, Any]]:
    columns = list(RESOURCES[run.model]().columns)
    for row in run.rows.order_by("number").iterator(chunk_size=_READ_BATCH):
        yield {
            "row": row.number,
            "verdict": row.verdict,
            "outcome": row.outcome,
            "id": row.object_id,
            "entry": row.label,
            # PostgreSQL keeps no order of keys.
            "changes": {
                name: {"old": row.changes[name]["old"], "new": row.changes[name]["new"]}
                for name in columns
                if name in row.changes
            },
            "findings": row.findings,
        }


REPORT_HEADINGS = ["row", "verdict", "outcome", "id", "entry", "column", "old", "new", "findings"]


def report_lines(run: TableImport) -> Iterator[list[str]]:
    """The report as lines of a table: one per change, and one for a row without any."""
    for row in report_rows(run):
        said = " / ".join(Finding.from_json(finding).localised() for finding in row["findings"])
        changes: Mapping[str, Mapping[str, str]] = row["changes"] or {"": {"old": "", "new": ""}}
        for name, change in changes.items():
            yield [
                str(row["row"]),
                row["verdict"],
                row["outcome"],
                str(row["id"] or ""),
                row["entry"],
                name,
                change["old"],
                change["new"],
                said,
            ]


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
