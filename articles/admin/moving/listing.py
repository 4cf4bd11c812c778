"""The files of a run as a list: filters, pages, and what one line prints. Plan and report share it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.cache import cache
from django.core.paginator import Page
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.http import QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.admin.base import CappedPaginator, read_findings, show_badge
from articles.editorial.permissions import visible_posts
from articles.models import ImportItem, ImportRun

PER_PAGE = 100
MAX_QUERY = 300
KEPT_SECONDS = 3600
EXCLUDED = "excluded"
FINDINGS_SHOWN = 6
Verdict = ImportItem.Verdict
PLANNED_LABELS = {
    Verdict.CREATE: gettext_lazy("new"),
    Verdict.UPDATE: gettext_lazy("will change"),
    Verdict.UNCHANGED: gettext_lazy("unchanged"),
    Verdict.CONFLICT: gettext_lazy("conflict"),
    Verdict.REFUSED: gettext_lazy("cannot be read"),
    Verdict.MISSING: gettext_lazy("file gone"),
    Verdict.WITHDRAW: gettext_lazy("will be withdrawn"),
}
"""What a verdict is called before it happens."""


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which files of a run are meant. Unknown values mean no filter; a query is a part of the path or address."""

    verdict: str = ""
    code: str = ""
    query: str = ""
    folder: str = ""

    @classmethod
    def read(cls, values: QueryDict) -> ItemFilter:
        """The filter that an address or a form names."""
        verdict = values.get("verdict", "")
        code = values.get("code", "")
        return cls(
            verdict if verdict in Verdict.values or verdict == EXCLUDED else "",
            code if code.replace("-", "").isalnum() and code.isascii() and len(code) <= 60 else "",
            _storable(values.get("q", ""))[:MAX_QUERY].strip(),
            _storable(values.get("folder", ""))[:MAX_QUERY],
        )

    def apply(self, items: QuerySet[ImportItem]) -> QuerySet[ImportItem]:
        """Those of ``items`` that are meant."""
        if self.verdict == EXCLUDED:
            items = items.filter(excluded=True)
        elif self.verdict:
            items = items.filter(verdict=self.verdict, excluded=False)
        if self.code:
            # Within a text of the stored JSON a quotation mark is escaped, so this can only be the key.
            items = items.annotate(stored=Cast("findings", TextField())).filter(stored__contains=f'"code": "{self.code}"')
        if self.query:
            items = items.filter(path__icontains=self.query) | items.filter(permalink__icontains=self.query)
        if self.folder:
            items = items.filter(path__startswith=self.folder.rstrip("/") + "/")
        return items

    def as_query(self, **changes: Any) -> str:
        """The filter as the query of an address, with ``changes``; empty values are left out."""
        values = {"verdict": self.verdict, "code": self.code, "q": self.query, "folder": self.folder, **changes}
        return urlencode({name: value for name, value in values.items() if value})

    def __bool__(self) -> bool:
        return bool(self.verdict or self.code or self.query or self.folder)


def _storable(text: str) -> str:
    """The text without what no database can be asked for."""
    return "".join(char for char in text if char != "\x00" and not "\ud800" <= char <= "\udfff")


def list_items(run: ImportRun, chosen: ItemFilter, number: str | None, user: Any) -> dict[str, Any]:
    """A page of the run's files, as the templates print it; a handful of queries, whatever its length."""
    items = chosen.apply(run.items.all()).defer("before", "seen")
    known = known_total(run, chosen)
    paginator = CappedPaginator(items.order_by("path", "pk"), PER_PAGE, known=known)
    page = paginator.get_page(number)
    return {
        "filter": chosen,
        "page": page,
        "lines": describe_items(run, page.object_list, user),
        "verdicts": count_verdicts(run, chosen),
        "codes": count_codes(run, chosen),
        "folders": list_folders(page),
        "total": paginator.count if known is None else known,
    }


def known_total(run: ImportRun, chosen: ItemFilter) -> int | None:
    """How many files of the run are meant, as far as the run itself says it."""
    if not run.totals or chosen.code or chosen.query or chosen.folder:
        return None
    names = [chosen.verdict] if chosen.verdict else [*Verdict.values, EXCLUDED]
    return sum(int(run.totals.get(name, 0)) for name in names)


def describe_items(run: ImportRun, items: Iterable[ImportItem], user: Any) -> list[dict[str, Any]]:
    """One entry per file. A post is linked only where the user may see it."""
    items = list(items)
    seen = set(visible_posts(user).filter(pk__in=[item.post_id for item in items]).values_list("pk", flat=True))
    lines = []
    for item in items:
        findings = read_findings(item.findings)
        folder, _mark, name = item.path.rpartition("/")
        lines.append(
            {
                "item": item,
                "folder": folder,
                "name": name,
                "title": (item.mapped or {}).get("title", ""),
                "badge": show_item_badge(run, item),
                "findings": findings[:FINDINGS_SHOWN],
                "more": max(0, len(findings) - FINDINGS_SHOWN),
                "is_linked": item.post_id in seen,
                "undone": item.get_undo_display() if item.undo else "",
                "undo_findings": read_findings(item.undo_findings),
            }
        )
    return lines


def show_item_badge(run: ImportRun, item: ImportItem) -> SafeString:
    """The verdict on a file as a small label."""
    if item.excluded:
        return show_badge(EXCLUDED, _("left out"))
    return show_badge(item.verdict, verdict_label(item.verdict, run))


def verdict_label(verdict: str, run: ImportRun) -> str:
    """The verdict in words: what will become of a file, or what became of it."""
    if run.finished_at is None and verdict in Verdict.values:
        return str(PLANNED_LABELS[Verdict(verdict)])
    return str(dict(Verdict.choices).get(verdict, verdict))


def count_verdicts(run: ImportRun, chosen: ItemFilter) -> list[dict[str, Any]]:
    """One tab per verdict that the run has."""
    labels = [*((name, verdict_label(name, run)) for name in Verdict.values), (EXCLUDED, _("left out"))]
    tabs = [
        {
            "name": name,
            "label": label,
            "number": run.totals[name],
            "is_chosen": name == chosen.verdict,
            "query": chosen.as_query(verdict=name),
        }
        for name, label in labels
        if run.totals.get(name)
    ]
    everything = sum(int(entry["number"]) for entry in tabs)
    first = {"name": "", "label": _("All"), "number": everything, "is_chosen": not chosen.verdict}
    return [{**first, "query": chosen.as_query(verdict="")}, *tabs]


def count_codes(run: ImportRun, chosen: ItemFilter) -> list[dict[str, Any]]:
    """Codes of findings in the run with how many files have them, the commonest first."""
    moments = (run.planned_at, run.finished_at)
    key = f"import-codes:{run.pk}:{run.state}:" + ":".join(str(moment.timestamp()) for moment in moments if moment)
    counts: dict[str, int] | None = cache.get(key)
    if counts is None:
        counter: Counter[str] = Counter()
        for findings in run.items.exclude(findings=[]).values_list("findings", flat=True).iterator(chunk_size=1000):
            counter.update({str(finding["code"]) for finding in findings})
        counts = dict(counter.most_common())
        cache.set(key, counts, KEPT_SECONDS)
    return [{"code": code, "number": number, "is_chosen": code == chosen.code} for code, number in counts.items()]


def list_folders(page: Page[ImportItem]) -> Sequence[str]:
    """The folders of the files on a page, to be chosen as a whole: each with those above it."""
    folders: set[str] = set()
    for item in page.object_list:
        parts = item.path.split("/")[:-1]
        folders.update("/".join(parts[:end]) for end in range(1, len(parts) + 1))
    return sorted(folders)[:PER_PAGE]
