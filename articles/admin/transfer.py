"""The records of imports at the desk. What staff do with one is in :mod:`articles.admin.moving`."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_tasks_db.admin import DBTaskResult

from articles.admin.base import ReadOnlyAdmin, isolate, show_badge, show_findings, show_moment
from articles.admin.conflicts import conflict_urls
from articles.admin.moving.files import FileScreens
from articles.admin.moving.plans import PlanScreens
from articles.admin.moving.reports import ReportScreens
from articles.admin.moving.runs import RunScreens
from articles.admin.moving.undo import UndoScreens
from articles.admin.moving.upload import UploadScreens
from articles.editorial.permissions import sees_others, visible_posts
from articles.models import ImportItem, ImportRun, Revision, Source, SourceFile

# The library's list of raw task records is for developers; what an import did is told by its own run.
admin.site.unregister(DBTaskResult)


@admin.register(ImportRun)
class ImportRunAdmin(UploadScreens, PlanScreens, FileScreens, ReportScreens, UndoScreens, RunScreens, ReadOnlyAdmin):
    """Runs: one's own, and everyone's for those who see everyone's posts."""

    list_display = ("label_line", "state_badge", "totals_line", "user", "started_line", "finished_line")
    list_filter = ("state",)
    list_select_related = ("user",)
    search_fields = ("label",)
    change_list_template = "admin/articles/importrun/list.html"
    fields = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportRun]:
        runs: QuerySet[ImportRun] = super().get_queryset(request)
        return runs if sees_others(request.user) else runs.filter(user=request.user.pk)

    def get_urls(self) -> list[URLPattern]:
        return [*conflict_urls(self), *super().get_urls()]

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


@admin.register(ImportItem)
class ImportItemAdmin(ReadOnlyAdmin):
    list_display = ("path_line", "verdict_badge", "permalink_line", "run")
    list_filter = ("verdict",)
    list_select_related = ("run",)
    # In the order in which they were written, which needs no sorting.
    ordering = ("-pk",)
    sortable_by = ()
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
    # By the key of the source: by its name, all of them would be joined and sorted.
    ordering = ("source_id", "path")
    sortable_by = ()
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
    # In the order in which they were kept, which needs no sorting.
    ordering = ("-pk",)
    sortable_by = ()
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
