"""What an import run says of itself, for people and for programs."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from articles.findings import Finding
from articles.models import ImportItem, ImportRun

SHOWN = 20
LACKS = frozenset({"media-missing", "media-unusable", "links-unresolved", "sample-in-the-way"})
"""What readers will not find: said with the file's name also where only a summary is wanted."""
PORTION = 500
BOM = "\ufeff"
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def build_report(run: ImportRun) -> dict[str, Any]:
    """The run as plain data: who, when, from which bytes, and ``"items"``, one per file.

    ``{"run", "state", "user", "archive", "sha256", "size", "started_at" …, "totals", "findings", "events", "items"}``; an item is
    ``{"path", "source", "sha256", "size", "verdict", "permalink", "applied_at", "undo", "findings" …}``. ``path`` is the file's
    path in the archive. Messages are English; ``code`` is stable. For a large run see :func:`stream_json`.
    """
    return {**_describe_run(run), "items": [_describe_item(item) for item in _items(run)]}


def stream_json(run: ImportRun) -> Iterator[str]:
    """The text of :func:`build_report` piece by piece, so that no more than a few hundred items are in memory."""
    head = json.dumps(_describe_run(run), ensure_ascii=False, indent=1)
    yield head.removesuffix("\n}") + ',\n "items": ['
    mark = "\n  "
    for item in _items(run):
        yield mark + json.dumps(_describe_item(item), ensure_ascii=False)
        mark = ",\n  "
    yield "\n ]\n}\n"


def stream_csv(run: ImportRun) -> Iterator[str]:
    """The report as CSV with a byte order mark, a row per file, in the active language; no cell is a formula."""
    yield BOM
    yield _csv_row(
        [
            *(_("Import"), _("by"), _("archive"), _("archive’s fingerprint"), _("started"), _("finished")),
            *(_("source"), _("path"), _("size in bytes"), _("fingerprint"), _("verdict"), _("left out"), _("address")),
            *(_("applied"), _("undone"), _("findings")),
        ]
    )
    head = [str(run.pk), _name_user(run), run.label, run.sha256, _local(run.started_at), _local(run.finished_at)]
    yes = _("yes")
    for item in _items(run):
        findings = [Finding.from_json(finding) for finding in (*item.findings, *item.undo_findings)]
        yield _csv_row(
            [
                *head,
                item.source.name if item.source else "",
                item.path,
                str(item.size),
                item.sha256,
                item.get_verdict_display(),
                yes if item.excluded else "",
                item.permalink,
                _local(item.applied_at),
                item.get_undo_display() if item.undo else "",
                " / ".join(_place(finding) + finding.localised() for finding in findings),
            ]
        )


def make_inert(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula, whichever width its first sign has."""
    return "'" + text if text.startswith(_FORMULA) else text


def _csv_row(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([make_inert(cell) for cell in cells])
    return line.getvalue()


def _items(run: ImportRun) -> Iterator[ImportItem]:
    items: QuerySet[ImportItem] = run.items.select_related("source").defer("before", "mapped").order_by("pk")
    return items.iterator(chunk_size=PORTION)


def _describe_run(run: ImportRun) -> dict[str, Any]:
    return {
        "run": run.pk,
        "state": run.state,
        "user": _name_user(run),
        "archive": run.label,
        "sha256": run.sha256,
        "size": run.size,
        "started_at": _iso(run.started_at),
        "planned_at": _iso(run.planned_at),
        "finished_at": _iso(run.finished_at),
        "undone_at": _iso(run.undone_at),
        "undone_by": run.undone_by.get_username() if run.undone_by else "",
        "options": run.options,
        "choices": run.choices,
        "sites": run.sites,
        "totals": run.totals,
        "undo_totals": run.undo_totals,
        "findings": run.findings,
        "events": run.events,
    }


def _describe_item(item: ImportItem) -> dict[str, Any]:
    return {
        "path": item.path,
        "source": item.source.name if item.source else "",
        "sha256": item.sha256,
        "size": item.size,
        "verdict": item.verdict,
        "excluded": item.excluded,
        "permalink": item.permalink,
        "post": item.post_id,
        "applied_at": _iso(item.applied_at),
        "undo": item.undo,
        "findings": item.findings,
        "undo_findings": item.undo_findings,
    }


def _name_user(run: ImportRun) -> str:
    """Who imported; the name also of an account that is gone, ``""`` for the system."""
    return run.user.get_username() if run.user else str(run.options.get("user", ""))


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _local(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S%z}" if moment else ""


def _place(finding: Finding) -> str:
    return f"{finding.line}: " if finding.line else ""


def summarise_run(run: ImportRun) -> Iterator[str]:
    """Lines for a person, in the active language: totals, then what needs attention, the commonest findings last."""
    words = dict(ImportItem.Verdict.choices)
    totals = "　".join(f"{words[verdict]} {run.totals[verdict]}" for verdict in words if run.totals.get(verdict))
    yield f"{_('Import')} {run.pk}　{printable(run.label)}　{run.get_state_display()}　{totals}".rstrip("　")
    if run.options.get("dry_run"):
        yield "  " + _("Only tried: no post was written.")
    for finding in run.findings:
        yield f"  {Finding.from_json(finding).localised()}"
    attention = run.items.filter(verdict__in=[ImportItem.Verdict.REFUSED, ImportItem.Verdict.CONFLICT]).order_by("pk")
    for item in attention[:SHOWN]:
        for finding in map(Finding.from_json, item.findings):
            if finding.severity == "error" or item.verdict == ImportItem.Verdict.CONFLICT:
                line = f":{finding.line}" if finding.line else ""
                yield f"  {words[item.verdict]}　{printable(item.path)}{line}　{finding.localised()}"
    if (more := attention.count() - SHOWN) > 0:
        yield "  " + _("… and %(count)d more; --json FILE names them all.") % {"count": more}
    counts: Counter[str] = Counter()
    lacking: list[str] = []
    rows = run.items.exclude(findings=[]).order_by("pk").values_list("path", "findings")
    for path, findings in rows.iterator(chunk_size=500):
        counts.update({finding["code"] for finding in findings})
        lacking += [_name_finding(path, finding) for finding in findings if len(lacking) < SHOWN and finding["code"] in LACKS]
    yield from lacking
    if len(lacking) == SHOWN:
        yield "  " + _("There may be more of these; --json FILE names them all.")
    if counts:
        yield _("Findings: %(list)s") % {"list": "、".join(f"{code} {count}" for code, count in counts.most_common())}


def _name_finding(path: str, finding: dict[str, Any]) -> str:
    line = f":{finding['line']}" if finding["line"] else ""
    return f"  {printable(path)}{line}　{printable(Finding.from_json(finding).localised())}"


def printable(text: str) -> str:
    """The text with control characters made visible: a file's name must not write to the terminal."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
