"""Imports at the desk: the upload, and the record of what became of every file."""

from __future__ import annotations

import shutil
import tempfile
import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_tasks_db.admin import DBTaskResult

from articles.admin.base import ReadOnlyAdmin, isolate, read_findings, show_badge, show_findings, show_moment
from articles.editorial.permissions import can_import, sees_others, visible_posts
from articles.formats import DIALECTS
from articles.models import ImportItem, ImportRun, Revision, Source, SourceFile
from articles.transfer.importing import import_archive

# The library's list of raw task records is for developers; what an import did is told by its own run.
admin.site.unregister(DBTaskResult)

MAX_ARCHIVE = 200 * 1024 * 1024
ITEMS_PER_PAGE = 100


class ImportForm(forms.Form):
    """An archive and how to read it."""

    archive = forms.FileField(
        label=gettext_lazy("Zip or Markdown file"), help_text=gettext_lazy("A site's folder as a zip, or one text.")
    )
    dry_run = forms.BooleanField(
        label=gettext_lazy("Only try"),
        required=False,
        help_text=gettext_lazy("Reports what would be done and stores nothing else."),
    )
    source_name = forms.CharField(
        label=gettext_lazy("Source"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("The site the files come from. Empty: recognised. The same name again updates the same posts."),
    )
    dialect = forms.ChoiceField(label=gettext_lazy("Dialect"), required=False)
    timezone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        required=False,
        help_text=gettext_lazy("For dates that name none, where the site's configuration does not either."),
    )
    on_conflict = forms.ChoiceField(label=gettext_lazy("Posts that people changed here since the last import"))

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer("dialect", [("", _("Recognise it")), *((name, name) for name in DIALECTS)])
        zones = sorted(zoneinfo.available_timezones())
        self._offer("timezone", [("", settings.TIME_ZONE), *((zone, zone) for zone in zones)])
        ways = [("keep", _("Keep them and report a conflict"))]
        if sees_others(user):
            ways.append(("replace", _("Replace them by the file")))
        self._offer("on_conflict", ways)

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        cast(forms.ChoiceField, self.fields[name]).choices = choices

    def clean_archive(self) -> UploadedFile:
        upload: UploadedFile = self.cleaned_data["archive"]
        if (upload.size or 0) > MAX_ARCHIVE:
            raise ValidationError(
                _("“%(name)s” is larger than %(limit)s. Use the command import_posts on the server instead.")
                % {"name": upload.name, "limit": filesizeformat(MAX_ARCHIVE)}
            )
        return upload


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnlyAdmin):
    """Runs: one's own, and everyone's for those who see everyone's posts."""

    list_display = ("label_line", "state_badge", "totals_line", "user", "started_line", "finished_line")
    list_filter = ("state",)
    list_select_related = ("user",)
    search_fields = ("label",)
    change_form_template = "admin/articles/importrun/report.html"
    change_list_template = "admin/articles/importrun/list.html"
    fields = ("state_badge", "user", "started_line", "finished_line", "options_line", "findings_list")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportRun]:
        runs: QuerySet[ImportRun] = super().get_queryset(request)
        return runs if sees_others(request.user) else runs.filter(user=request.user.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return can_import(request.user)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The upload: imports the archive in this request and leads to its report."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None, user=request.user)
        if request.method == "POST" and form.is_valid():
            run = import_upload(request.user, form.cleaned_data)
            messages.success(request, _("The import has ended. This is what became of every file."))
            return HttpResponseRedirect(reverse("admin:articles_importrun_change", args=[run.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Import Markdown files"),
            "opts": self.opts,
            "form": form,
            "media": self.media,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/articles/importrun/upload.html", context)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The report: totals, and the files, of one verdict or of all."""
        run = self.get_object(request, object_id)
        verdict = request.GET.get("verdict", "")
        items = ImportItem.objects.filter(run=run).select_related("post", "source").order_by("pk")
        if verdict in ImportItem.Verdict.values:
            items = items.filter(verdict=verdict)
        page = Paginator(items, ITEMS_PER_PAGE).get_page(request.GET.get("page"))
        seen = set(visible_posts(request.user).filter(pk__in=[item.post_id for item in page]).values_list("pk", flat=True))
        report = {
            "verdicts": [
                {"name": name, "label": label, "number": run.totals.get(name, 0), "is_chosen": name == verdict}
                for name, label in ImportItem.Verdict.choices
            ],
            "verdict": verdict,
            "subtitle": run.label,
            "page": page,
            "items": [
                {
                    "item": item,
                    "badge": show_badge(item.verdict, item.get_verdict_display()),
                    "findings": read_findings(item.findings),
                    "is_linked": item.post_id in seen,
                }
                for item in page
            ],
        }
        return super().change_view(request, object_id, form_url, {**report, **(extra_context or {})})

    @admin.display(description=gettext_lazy("archive"), ordering="label")
    def label_line(self, run: ImportRun) -> SafeString:
        return isolate(run.label)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, run: ImportRun) -> SafeString:
        return show_badge(run.state, run.get_state_display())

    @admin.display(description=gettext_lazy("files"))
    def totals_line(self, run: ImportRun) -> str:
        return (
            "、".join(f"{label} {run.totals[name]}" for name, label in ImportItem.Verdict.choices if run.totals.get(name)) or "–"
        )

    @admin.display(description=gettext_lazy("started"), ordering="started_at")
    def started_line(self, run: ImportRun) -> SafeString | str:
        return show_moment(run.started_at)

    @admin.display(description=gettext_lazy("finished"), ordering="finished_at")
    def finished_line(self, run: ImportRun) -> SafeString | str:
        return show_moment(run.finished_at)

    @admin.display(description=gettext_lazy("options"))
    def options_line(self, run: ImportRun) -> SafeString:
        return isolate(_describe_options(run.options))

    @admin.display(description=gettext_lazy("findings"))
    def findings_list(self, run: ImportRun) -> SafeString | str:
        return show_findings(run.findings)


@admin.register(ImportItem)
class ImportItemAdmin(ReadOnlyAdmin):
    list_display = ("path_line", "verdict_badge", "permalink_line", "run")
    list_filter = ("verdict",)
    list_select_related = ("run",)
    search_fields = ("path", "permalink")
    fields = ("path_line", "verdict_badge", "permalink_line", "run", "findings_list")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportItem]:
        items: QuerySet[ImportItem] = super().get_queryset(request)
        return items if sees_others(request.user) else items.filter(run__user=request.user.pk)

    @admin.display(description=gettext_lazy("path"), ordering="path")
    def path_line(self, item: ImportItem) -> SafeString:
        return isolate(item.path)

    @admin.display(description=gettext_lazy("verdict"), ordering="verdict")
    def verdict_badge(self, item: ImportItem) -> SafeString:
        return show_badge(item.verdict, item.get_verdict_display())

    @admin.display(description=gettext_lazy("address"))
    def permalink_line(self, item: ImportItem) -> SafeString:
        return isolate(item.permalink)

    @admin.display(description=gettext_lazy("findings"))
    def findings_list(self, item: ImportItem) -> SafeString | str:
        return show_findings(item.findings)


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    list_display = ("name", "title", "dialect", "base_url", "timezone", "created_at")
    search_fields = ("name", "title", "base_url")


@admin.register(SourceFile)
class SourceFileAdmin(ReadOnlyAdmin):
    list_display = ("path_line", "source", "role", "size")
    list_filter = ("role", "source")
    list_select_related = ("source",)
    search_fields = ("path",)

    @admin.display(description=gettext_lazy("path"), ordering="path")
    def path_line(self, file: SourceFile) -> SafeString:
        return isolate(file.path)


@admin.register(Revision)
class RevisionAdmin(ReadOnlyAdmin):
    """What was kept, and by whom; only of posts that the user may see."""

    list_display = ("post_line", "created_line", "origin", "user", "note_line")
    list_filter = ("origin",)
    list_select_related = ("post", "user")
    search_fields = ("post__title", "post__path")
    fields = ("post_line", "created_line", "origin", "user", "note_line", "title_line", "front_matter_text", "body_text")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Revision]:
        revisions: QuerySet[Revision] = super().get_queryset(request)
        return revisions if sees_others(request.user) else revisions.filter(post__in=visible_posts(request.user))

    @admin.display(description=gettext_lazy("post"))
    def post_line(self, revision: Revision) -> SafeString:
        return isolate(revision.post.title)

    @admin.display(description=gettext_lazy("saved"), ordering="created_at")
    def created_line(self, revision: Revision) -> SafeString | str:
        return show_moment(revision.created_at)

    @admin.display(description=gettext_lazy("note"))
    def note_line(self, revision: Revision) -> SafeString | str:
        return isolate(_(revision.note)) if revision.note else "–"

    @admin.display(description=gettext_lazy("title"))
    def title_line(self, revision: Revision) -> SafeString:
        return isolate(revision.snapshot.get("title", ""))

    @admin.display(description=gettext_lazy("front matter"))
    def front_matter_text(self, revision: Revision) -> str:
        return str(revision.snapshot.get("front_matter", ""))

    @admin.display(description=gettext_lazy("text"))
    def body_text(self, revision: Revision) -> str:
        return str(revision.snapshot.get("body", ""))


def import_upload(user: Any, chosen: Mapping[str, Any]) -> ImportRun:
    """Imports an uploaded archive from a folder of its own, which is gone afterwards."""
    upload: UploadedFile = chosen["archive"]
    name = Path((upload.name or "archive").replace("\\", "/")).name
    with tempfile.TemporaryDirectory(prefix="kawaraban-import-") as folder:
        path = Path(folder) / _safe_name(name)
        with path.open("wb") as target:
            shutil.copyfileobj(upload, target)
        return import_archive(
            path,
            user=user,
            source_name=chosen["source_name"],
            dialect=chosen["dialect"],
            timezone=chosen["timezone"],
            on_conflict=chosen["on_conflict"],
            dry_run=chosen["dry_run"],
            label=name,
        )


def _safe_name(name: str) -> str:
    """The name as file systems take it: a single text's name is its path in the source, so it is kept where possible."""
    clean = "".join(char for char in name if char.isprintable()).lstrip(".") or "archive"
    stem, dot, suffix = clean.rpartition(".")
    return f"{stem.encode()[:180].decode(errors='ignore')}{dot}{suffix[:12]}"


def _describe_options(options: Mapping[str, Any]) -> str:
    return "、".join(f"{name}: {value}" for name, value in options.items() if value not in ("", None, False))
