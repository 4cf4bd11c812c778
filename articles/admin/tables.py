"""Tables at the desk: out of any list, in again by way of a preview that somebody confirms.

The mixin is django-import-export's, with its addresses and rights; what its views did (whole files in memory, quadratic
differences, a posted file name that is trusted) is done by ``articles.transfer`` instead.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, StreamingHttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils import translation
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from import_export.admin import ImportExportMixin

from articles.admin.base import (
    COUNTED_ROWS,
    CappedPaginator,
    ReadOnlyAdmin,
    isolate,
    read_findings,
    show_badge,
    show_findings,
    show_moment,
)
from articles.editorial.permissions import visible_posts
from articles.findings import RefusedFile
from articles.models import TableImport, TableRow
from articles.sheets.delimited import write_delimited
from articles.sheets.differences import Budget, compare
from articles.sheets.workbook import MAX_ROWS
from articles.transfer import table_imports as imports
from articles.transfer.resources import RESOURCES, TableResource
from articles.transfer.table_exports import CONTENT_TYPES, FORMATS, Format, choose_columns, export_table, name_file

ROWS_PER_PAGE = 50
STEP_SECONDS = 4.0
"""How long one request compares or writes; the page then goes on by itself."""
MAX_CHOSEN = 1_000

FORMAT_LABELS: dict[Format, Any] = {
    "xlsx": gettext_lazy("Workbook (.xlsx): Excel, Numbers, LibreOffice"),
    "csv": gettext_lazy("CSV, as Excel reads it"),
    "json": gettext_lazy("JSON, for programs"),
}


class ExportForm(forms.Form):
    """What leaves, and as what."""

    format = forms.ChoiceField(label=gettext_lazy("Format"), widget=forms.RadioSelect, choices=list(FORMAT_LABELS.items()))
    columns = forms.MultipleChoiceField(label=gettext_lazy("Columns"), widget=forms.CheckboxSelectMultiple)
    keys = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, resource: TableResource, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [column for column in resource.columns.values() if column.name not in ("id", "version")]
        cast(forms.ChoiceField, self.fields["columns"]).choices = [(column.name, column.label) for column in offered]
        self.initial.setdefault("columns", [column.name for column in offered if not column.is_heavy])
        self.initial.setdefault("format", FORMATS[0])

    def clean_keys(self) -> list[int]:
        text: str = self.cleaned_data["keys"]
        if text and not all(key.isascii() and key.isdigit() and len(key) < 19 for key in text.split(",")):
            raise ValidationError(_("The list of chosen entries is damaged. Choose them again."))
        return [int(key) for key in text.split(",")] if text else []


class UploadForm(forms.Form):
    """A table, and what to do with rows that are in doubt."""

    table = forms.FileField(
        label=gettext_lazy("Table"), help_text=gettext_lazy("An .xlsx, CSV or JSON file as this list exports it.")
    )
    replace = forms.BooleanField(
        label=gettext_lazy("Take rows also where somebody saved the entry after the export"),
        required=False,
        help_text=gettext_lazy("Else such rows are conflicts and stay unwritten."),
    )
    all_or_nothing = forms.BooleanField(
        label=gettext_lazy("All or nothing"),
        required=False,
        help_text=gettext_lazy("If one row cannot be taken, none is. Else each row stands for itself."),
    )

    def clean_table(self) -> UploadedFile:
        upload: UploadedFile = self.cleaned_data["table"]
        if (upload.size or 0) > settings.TABLE_MAX_BYTES:
            raise ValidationError(
                _("“%(name)s” is larger than %(limit)s. Import it in parts, or with the command import_table on the server.")
                % {"name": upload.name, "limit": filesizeformat(settings.TABLE_MAX_BYTES)}
            )
        return upload


class TablesMixin(ImportExportMixin):
    """Gives a list its two buttons and their pages. ``resource_classes`` names the one resource."""

    import_export_change_list_template = "admin/articles/tables/list.html"

    @property
    def resource(self) -> type[TableResource]:
        """The one resource. Its instances copy every field, so who only asks for rights makes none."""
        resource: type[TableResource] = self.resource_classes[0]
        return resource

    def make_resource(self, request: HttpRequest) -> TableResource:
        return self.resource(cast(Any, request.user))

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.resource.may_import(cast(Any, request.user))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.resource.may_export(cast(Any, request.user))

    def get_urls(self) -> list[URLPattern]:
        """The library's addresses without its second step, which takes the name of a file from the browser."""
        urls: list[URLPattern] = super().get_urls()
        return [pattern for pattern in urls if not (pattern.name or "").endswith("_process_import")]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if self.has_export_permission(request):
            actions["export_chosen"] = (type(self).export_chosen, "export_chosen", _("Export as a table"))
        return actions

    def export_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """The export page for the entries that are ticked, or for the whole list where all of it is."""
        address = reverse("admin:{}_{}_export".format(*self.get_model_info()))
        if request.POST.get("select_across") == "1":
            query = request.META.get("QUERY_STRING", "")
            return HttpResponseRedirect(f"{address}?{query}" if query else address)
        keys = list(queryset.values_list("pk", flat=True)[: MAX_CHOSEN + 1])
        if len(keys) > MAX_CHOSEN:
            messages.error(
                request, _("More than %(limit)d are chosen. Filter the list and export it whole.") % {"limit": MAX_CHOSEN}
            )
            return None
        form = ExportForm(self.make_resource(request), initial={"keys": ",".join(map(str, keys))})
        return self._show_export(request, form, len(keys), action=address)

    def export_action(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """The export of the list as it is filtered, or of the entries that were ticked in it."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        resource = self.make_resource(request)
        try:
            rows: QuerySet[Any] = self.get_export_queryset(request)
        except IncorrectLookupParameters:
            # As the list itself does with a filter that cannot be.
            return HttpResponseRedirect(request.path)
        form = ExportForm(resource, request.POST or None)
        if request.method != "POST" or not form.is_valid():
            return self._show_export(request, form, rows.order_by().values("pk")[: COUNTED_ROWS + 1].count())
        if chosen := form.cleaned_data["keys"]:
            rows = self.get_queryset(request).filter(pk__in=chosen)
        keys = list(rows.values_list("pk", flat=True))
        format: Format = form.cleaned_data["format"]
        if format == "xlsx" and len(keys) >= MAX_ROWS:
            form.add_error("format", _("A sheet holds %(limit)s rows. Choose CSV or JSON.") % {"limit": MAX_ROWS})
            return self._show_export(request, form, len(keys))
        pieces = export_table(resource, keys, choose_columns(resource, form.cleaned_data["columns"]), format)
        response = StreamingHttpResponse(_in_language(pieces), content_type=CONTENT_TYPES[format])
        return _as_download(response, name_file(resource, format))

    def _show_export(self, request: HttpRequest, form: ExportForm, number: int, action: str = "") -> TemplateResponse:
        limit = COUNTED_ROWS if number > COUNTED_ROWS else 0
        context = {"title": _("Export as a table"), "form": form, "number": number, "limit": limit, "action": action}
        return self._show(request, "admin/articles/tables/export.html", context)

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The upload. What was read is compared in this request as far as a few seconds reach, and shown on a page of its own."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                run = read_upload(request, form.cleaned_data, self.make_resource(request))
            except RefusedFile as refused:
                form.add_error("table", refused.finding.localised())
            else:
                imports.plan_some(run, cast(Any, request.user), seconds=STEP_SECONDS)
                return HttpResponseRedirect(reverse("admin:articles_tableimport_change", args=[run.pk]))
        resource = self.make_resource(request)
        columns = [column for column in resource.columns.values() if not column.is_info]
        context = {"title": _("Import a table"), "form": form, "columns": columns}
        return self._show(request, "admin/articles/tables/upload.html", context)

    def _show(self, request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, template, shared | context)


def read_upload(request: HttpRequest, chosen: dict[str, Any], resource: TableResource) -> TableImport:
    """Reads an uploaded table from a folder of its own, which is gone afterwards. Raises RefusedFile."""
    upload: UploadedFile = chosen["table"]
    name = Path((upload.name or "table").replace("\\", "/")).name
    if request.session.session_key is None:
        request.session.save()
    with tempfile.TemporaryDirectory(prefix="kawaraban-table-") as folder:
        target = Path(folder) / "table"
        with target.open("wb") as file:
            shutil.copyfileobj(upload, file)
        return imports.start_import(
            target,
            model=resource.model_name,
            user=cast(Any, request.user),
            label=name,
            session_key=request.session.session_key,
            replace=chosen["replace"],
            all_or_nothing=chosen["all_or_nothing"],
            limits=imports.desk_limits(),
        )


@admin.register(TableImport)
class TableImportAdmin(ReadOnlyAdmin):
    """One's own table imports: the preview, its confirmation, the progress, and the record afterwards."""

    list_display = ("label_line", "model_line", "state_badge", "totals_line", "user", "created_line")
    list_filter = ("model", "state")
    list_select_related = ("user",)
    search_fields = ("label",)
    change_form_template = "admin/articles/tables/run.html"
    fields = ("label_line", "model_line", "state_badge", "user", "created_line", "read_line", "options_line", "findings_list")
    readonly_fields = fields

    # --- Who sees what ---

    def get_queryset(self, request: HttpRequest) -> QuerySet[TableImport]:
        runs: QuerySet[TableImport] = super().get_queryset(request)
        return runs if cast(Any, request.user).is_superuser else runs.filter(user=request.user.pk)

    def has_view_permission(self, request: HttpRequest, obj: TableImport | None = None) -> bool:
        user = cast(Any, request.user)
        if obj is not None and not user.is_superuser and obj.user_id != user.pk:
            return False
        return any(resource.may_import(user) for resource in RESOURCES.values())

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    # --- Addresses of its own ---

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        steps = [
            path(f"<int:object_id>/{name}/", view(getattr(self, f"{name}_view")), name=f"articles_tableimport_{name}")
            for name in ("step", "confirm", "again", "cancel", "report")
        ]
        return [*steps, *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The preview or the record: totals, and the rows of one verdict or of all, with what each changes."""
        run: TableImport = self.get_object(request, object_id)
        verdict = request.GET.get("verdict", "")
        rows = run.rows.defer("cells", "source_findings", "claims").order_by("number")
        if verdict in TableRow.Verdict.values:
            rows = rows.filter(verdict=verdict)
        page = CappedPaginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("page"))
        done, total = imports.measure(run)
        context = {
            "title": f"{run.get_model_display()}: {run.label}",
            "subtitle": None,
            "run": run,
            "is_own": run.user_id == request.user.pk,
            "is_working": run.state in (TableImport.State.PLANNING, TableImport.State.APPLYING),
            "is_waiting": run.state == TableImport.State.PLANNED,
            "is_expired": imports.is_expired(run),
            "writes": imports.count_writes(run),
            "untaken": imports.count_untaken(run),
            "is_blocked": bool(run.options.get("all_or_nothing") and imports.count_untaken(run)),
            "done": done,
            "total": total,
            "verdicts": [
                {"name": name, "label": label, "number": run.totals.get(name, 0), "is_chosen": name == verdict}
                for name, label in TableRow.Verdict.choices
            ],
            "verdict": verdict,
            "changed_columns": describe_columns(run),
            "page": page,
            "rows": show_rows(page, run, request.user),
        }
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def step_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Goes on comparing or writing for a few seconds."""
        run = self._get_own(request, object_id)
        if isinstance(run, HttpResponse):
            return run
        if run.state == TableImport.State.PLANNING:
            self._try(request, lambda: imports.plan_some(run, cast(Any, request.user), seconds=STEP_SECONDS))
        else:
            self._write(request, run)
        return self._back(run)

    def confirm_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Confirms what was shown, and begins to write it; where something changed since, shows it anew instead."""
        run = self._get_own(request, object_id)
        if isinstance(run, HttpResponse):
            return run
        user, token = cast(Any, request.user), request.POST.get("token", "")
        try:
            changed = imports.confirm(run, user, session_key=request.session.session_key, token=token)
        except imports.RefusedTable as refused:
            messages.error(request, str(refused))
            return self._back(run)
        if changed:
            imports.plan_some(run, user, seconds=STEP_SECONDS)
            text = ngettext(
                "Nothing was written: %(number)d entry was saved by someone since the preview. Its row was compared again; "
                "look at it, then confirm.",
                "Nothing was written: %(number)d entries were saved by someone since the preview. Their rows were compared "
                "again; look at them, then confirm.",
                changed,
            )
            messages.error(request, text % {"number": changed})
        else:
            self._write(request, run)
        return self._back(run)

    def again_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Compares the table with the site as it is now."""
        run = self._get_own(request, object_id)
        if isinstance(run, HttpResponse):
            return run
        user = cast(Any, request.user)

        def compare_again() -> None:
            imports.plan_again(run, user)
            TableImport.objects.filter(pk=run.pk).update(session_hash=imports.hash_session(request.session.session_key))
            run.refresh_from_db()
            imports.plan_some(run, user, seconds=STEP_SECONDS)

        self._try(request, compare_again)
        return self._back(run)

    def cancel_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ends an import that was not confirmed."""
        run = self._get_own(request, object_id)
        if isinstance(run, HttpResponse):
            return run
        self._try(request, lambda: imports.cancel(run, cast(Any, request.user)))
        return self._back(run)

    def report_view(self, request: HttpRequest, object_id: int) -> HttpResponse | StreamingHttpResponse:
        """The record as JSON, or as CSV for a spreadsheet program."""
        run: TableImport = self.get_object(request, str(object_id))
        if request.GET.get("format") == "json":
            response: Any = HttpResponse(imports.dump_report(run), content_type="application/json; charset=utf-8")
            return _as_download(response, f"table-import-{run.pk}.json")
        pieces = write_delimited(imports.REPORT_HEADINGS, imports.report_lines(run))
        response = StreamingHttpResponse(_in_language(pieces), content_type="text/csv; charset=utf-8")
        return _as_download(response, f"table-import-{run.pk}.csv")

    def _get_own(self, request: HttpRequest, object_id: int) -> TableImport | HttpResponse:
        run: TableImport = self.get_object(request, str(object_id))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if run.user_id != request.user.pk:
            raise Http404(_("There is no such entry, or it is not yours to see."))
        return run

    def _write(self, request: HttpRequest, run: TableImport) -> None:
        user = cast(Any, request.user)
        before = run.state
        try:
            is_over, written = imports.apply_some(run, user, seconds=STEP_SECONDS)
        except imports.RefusedTable as refused:
            messages.error(request, str(refused))
            return
        _log(user, run, written)
        if is_over and before == TableImport.State.APPLYING:
            number = run.totals.get("outcome_applied", 0)
            messages.success(
                request, ngettext("%(number)d row was written.", "%(number)d rows were written.", number) % {"number": number}
            )

    def _try(self, request: HttpRequest, act: Any) -> None:
        try:
            act()
        except imports.RefusedTable as refused:
            messages.error(request, str(refused))

    def _back(self, run: TableImport) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:articles_tableimport_change", args=[run.pk]))

    # --- Columns and fields ---

    @admin.display(description=gettext_lazy("table"), ordering="label")
    def label_line(self, run: TableImport) -> SafeString:
        return isolate(run.label)

    @admin.display(description=gettext_lazy("what it changes"), ordering="model")
    def model_line(self, run: TableImport) -> str:
        return run.get_model_display()

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, run: TableImport) -> SafeString:
        return show_badge(run.state, run.get_state_display())

    @admin.display(description=gettext_lazy("rows"))
    def totals_line(self, run: TableImport) -> str:
        named = [f"{label} {run.totals[name]}" for name, label in TableRow.Verdict.choices if run.totals.get(name)]
        return "、".join(named) or str(run.rows_total)

    @admin.display(description=gettext_lazy("uploaded"), ordering="created_at")
    def created_line(self, run: TableImport) -> SafeString | str:
        return show_moment(run.created_at)

    @admin.display(description=gettext_lazy("what was read"))
    def read_line(self, run: TableImport) -> SafeString:
        resource = RESOURCES[run.model]()
        columns = "、".join(str(resource.columns[name].label) for name in run.columns if name in resource.columns)
        rows = ngettext("%(number)d row", "%(number)d rows", run.rows_total) % {"number": run.rows_total}
        return isolate(f"{run.format.upper()}, {filesizeformat(run.size)}, {rows}: {columns} (SHA-256 {run.sha256[:12]}…)")

    @admin.display(description=gettext_lazy("options"))
    def options_line(self, run: TableImport) -> str:
        chosen = [
            str(label)
            for name, label in (("replace", _("also entries saved after the export")), ("all_or_nothing", _("all or nothing")))
            if run.options.get(name)
        ]
        return "、".join(chosen) or "–"

    @admin.display(description=gettext_lazy("findings"))
    def findings_list(self, run: TableImport) -> SafeString | str:
        return show_findings(run.findings)


def describe_columns(run: TableImport) -> str:
    """Which columns change in how many rows, and how many cells are emptied."""
    resource = RESOURCES[run.model]()
    counted: dict[str, int] = run.totals.get("columns", {})
    named = [f"{column.label} {counted[name]}" for name, column in resource.columns.items() if name in counted]
    if emptied := run.totals.get("emptied", 0):
        named.append(ngettext("%(number)d cell is emptied", "%(number)d cells are emptied", emptied) % {"number": emptied})
    return "、".join(named)


def show_rows(rows: Iterable[TableRow], run: TableImport, user: Any) -> list[dict[str, Any]]:
    """Rows as the page prints them. All differences of a page share one budget, so that no table can make a page endless."""
    rows = list(rows)
    resource = RESOURCES[run.model]()
    budget = Budget()
    linked = find_linked(rows, run, user)
    return [
        {
            "row": row,
            "link": linked.get(row.object_id or 0, ""),
            "badge": show_badge(row.verdict or "unchanged", row.get_verdict_display() or _("not compared yet")),
            "outcome": show_badge(row.outcome, row.get_outcome_display()) if row.outcome else "",
            "findings": read_findings(row.findings),
            "changes": [
                {
                    "label": resource.columns[name].label,
                    "is_emptied": bool(change["old"]) and not change["new"],
                    "pieces": compare(change["old"], change["new"], budget),
                }
                # PostgreSQL keeps no order of keys.
                for name in resource.columns
                if (change := row.changes.get(name))
            ],
        }
        for row in rows
    ]


def find_linked(rows: Sequence[TableRow], run: TableImport, user: Any) -> dict[int, str]:
    """Addresses of the entries that the user may open, by key."""
    keys = [row.object_id for row in rows if row.object_id is not None]
    if run.model == TableImport.Model.POST:
        keys = list(visible_posts(user).filter(pk__in=keys).values_list("pk", flat=True))
    elif not user.has_perm(f"articles.view_{run.model}"):
        return {}
    try:
        return {key: reverse(f"admin:articles_{run.model}_change", args=[quote(key)]) for key in keys}
    except NoReverseMatch:
        return {}


def _log(user: Any, run: TableImport, written: Sequence[imports.Written]) -> None:
    """The desk's history of each entry says that a table changed it."""
    model: type[Model] = RESOURCES[run.model]._meta.model
    for flag, is_new in ((ADDITION, True), (CHANGE, False)):
        keys = [entry.object_id for entry in written if entry.is_new == is_new]
        entries = model._default_manager.filter(pk__in=keys)
        if keys:
            message = _("By the table “%(table)s”.") % {"table": run.label}
            LogEntry.objects.log_actions(user.pk, entries, flag, change_message=message)


def _in_language(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces made in the language of this request, though the server asks for them when it has ended."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    iterator = iter(pieces)

    def generate() -> Iterator[bytes]:
        while True:
            with translation.override(language):
                piece = next(iterator, None)
            if piece is None:
                return
            yield piece

    return generate()


def _as_download(response: Any, name: str) -> Any:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
