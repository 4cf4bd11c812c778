"""Taking an import back: what would go, what would be as before, and what stays because people changed it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.admin.moving.runs import RunScreens, account, may_undo, run_url
from articles.editorial.permissions import visible_posts
from articles.models import ImportItem, ImportRun
from articles.transfer.runs import NotAllowed, TransferError
from articles.transfer.undoing import start_undo, survey_undo

MAX_KEPT = 200
Outcome = ImportItem.Undo
MADE_LABELS = {
    "tag": gettext_lazy("tags"),
    "category": gettext_lazy("categories"),
    "series": gettext_lazy("series"),
    "author": gettext_lazy("by-lines"),
    "mediafile": gettext_lazy("pictures and other files"),
    "source": gettext_lazy("sources"),
    "sourcefile": gettext_lazy("files of the source"),
}


class UndoScreens(RunScreens):
    """The address of undo. Part of the admin of runs."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.undo_view)
        return [path("<int:object_id>/undo/", view, name="articles_importrun_undo"), *super().get_urls()]

    def undo_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """What would be taken back, and the button that does it."""
        run = self.find_run(request, object_id)
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        if request.method != "POST":
            if not may_undo(run, request.user):
                messages.warning(request, _("There is nothing of this import that you could take back."))
                return HttpResponseRedirect(run_url(run))
            return self.render_run(request, run, "undo.html", survey(run, request.user))
        try:
            start_undo(run, account(request))
        except NotAllowed as refused:
            raise PermissionDenied(str(refused)) from refused
        except TransferError as refused:
            messages.error(request, str(refused))
        return HttpResponseRedirect(run_url(run))


def survey(run: ImportRun, user: Any) -> dict[str, Any]:
    """What undo would do: numbers, and by name what it keeps and why. Writes nothing."""
    counts: Counter[str] = Counter()
    kept: list[dict[str, Any]] = []
    for item, outcome, findings in survey_undo(run):
        counts[outcome] += 1
        if outcome == Outcome.KEPT and len(kept) < MAX_KEPT:
            kept.append({"item": item, "reasons": [finding.localised() for finding in findings]})
    keys = [entry["item"].post_id for entry in kept]
    seen = dict(visible_posts(user).filter(pk__in=keys).values_list("pk", "title"))
    for entry in kept:
        entry["title"] = seen.get(entry["item"].post_id, "")
        entry["is_linked"] = entry["item"].post_id in seen
    made = Counter(run.changes.filter(undo="", before=None).values_list("model", flat=True))
    return {
        "removed": counts[Outcome.REMOVED],
        "restored": counts[Outcome.RESTORED],
        "kept_number": counts[Outcome.KEPT],
        "kept": kept,
        "more": counts[Outcome.KEPT] - len(kept),
        "made": [(label, made[name]) for name, label in MADE_LABELS.items() if made.get(name)],
    }
