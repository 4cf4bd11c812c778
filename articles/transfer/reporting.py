"""What an import run says of itself, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from articles.findings import Finding
from articles.models import ImportItem, ImportRun

SHOWN = 20


def build_report(run: ImportRun) -> dict[str, Any]:
    """The run as plain data: ``{"run", "state", "totals", "findings", "items": [{"path", "verdict", "permalink", "findings"}]}``.

    ``path`` is the file's path in the archive. Messages are English; ``code`` is stable.
    """
    items = run.items.select_related("source").order_by("pk")
    return {
        "run": run.pk,
        "state": run.state,
        "totals": run.totals,
        "findings": run.findings,
        "items": [
            {
                "path": item.path,
                "source": item.source.name if item.source else "",
                "verdict": item.verdict,
                "permalink": item.permalink,
                "findings": item.findings,
            }
            for item in items.iterator(chunk_size=500)
        ],
    }


def summarise_run(run: ImportRun) -> Iterator[str]:
    """Lines for a person, in the active language: totals, then what needs attention, the commonest findings last."""
    words = dict(ImportItem.Verdict.choices)
    totals = "　".join(f"{words[verdict]} {run.totals[verdict]}" for verdict in words if run.totals.get(verdict))
    yield f"{_('Import')} {run.pk}　{run.get_state_display()}　{totals}"
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
    for findings in run.items.exclude(findings=[]).values_list("findings", flat=True).iterator(chunk_size=500):
        counts.update({finding["code"] for finding in findings})
    if counts:
        yield _("Findings: %(list)s") % {"list": "、".join(f"{code} {count}" for code, count in counts.most_common())}


def printable(text: str) -> str:
    """The text with control characters made visible: a file's name must not write to the terminal."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
