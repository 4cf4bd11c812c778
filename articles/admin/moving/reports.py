"""The fourth step: what became of every file, on the page and to take away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from articles.admin.moving.listing import ItemFilter, list_items
from articles.admin.moving.runs import RunScreens, count_findings, may_undo
from articles.models import ImportItem, ImportRun
from articles.transfer.reporting import stream_csv, stream_json


class ReportScreens(RunScreens):
    """The addresses of the report. Part of the admin of runs."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:object_id>/report.json", view(self.json_view), name="articles_importrun_json"),
            path("<int:object_id>/report.csv", view(self.csv_view), name="articles_importrun_csv"),
            *super().get_urls(),
        ]

    def show_report(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        """The report: totals, what was found of the whole, its course, and every file."""
        context = {
            "findings": count_findings(run),
            "options": list_options(run),
            "finished": run.undone_at or run.finished_at,
            "may_undo": may_undo(run, request.user),
            "undo_totals": list_undone(run),
            **list_items(run, ItemFilter.read(request.GET), request.GET.get("page"), request.user),
        }
        return self.render_run(request, run, "report.html", context)

    def json_view(self, request: HttpRequest, object_id: int) -> StreamingHttpResponse | HttpResponse:
        """The whole report for machines; codes and words are English and stable."""
        run = self.find_run(request, object_id)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return _download(stream_json(run), f"import-{run.pk}.json", "application/json")

    def csv_view(self, request: HttpRequest, object_id: int) -> StreamingHttpResponse | HttpResponse:
        """The files of the report as a sheet, in UTF-8 with the mark by which sheets know it."""
        run = self.find_run(request, object_id)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return _download(stream_csv(run), f"import-{run.pk}.csv", "text/csv; charset=utf-8")


def _download(lines: Iterator[str], name: str, content_type: str) -> StreamingHttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(lines, content_type=content_type, headers=headers)


def list_undone(run: ImportRun) -> list[tuple[Any, int]]:
    """What became of the posts when the import was taken back."""
    return [(label, run.undo_totals[name]) for name, label in ImportItem.Undo.choices if run.undo_totals.get(name)]


def list_options(run: ImportRun) -> list[tuple[str, Any]]:
    """How the run was made: what a command was called with, or what staff chose."""
    labels = {
        "source_name": _("Source"),
        "dialect": _("Dialect"),
        "timezone": _("Time zone"),
        "language": _("Language"),
        "encoding": _("Encoding"),
        "on_conflict": _("Posts that people changed here since the last import"),
        "default_author": _("By-line where a file names none"),
        "withdraw_missing": _("Withdraw public posts whose files are gone"),
        "dry_run": _("Only try"),
    }
    values = {**run.options, **run.choices}
    shown = [(label, values[name]) for name, label in labels.items() if values.get(name)]
    if excluded := run.choices.get("excluded"):
        shown.append((_("left out"), len(excluded)))
    return [(label, _("yes") if value is True else value) for label, value in shown]
