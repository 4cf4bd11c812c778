"""One file of a run: its fields, what was found, the text before and after, and how the page looks and would look."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin

from articles.admin.base import read_findings, show_moment
from articles.admin.moving.listing import show_item_badge
from articles.admin.moving.runs import RunScreens, account
from articles.differences import compare_texts
from articles.editorial.permissions import visible_posts
from articles.media import is_inline
from articles.models import ImportItem, ImportRun, Post
from articles.transfer.choices import join_category
from articles.transfer.previewing import NoPreview, preview_item, read_planned_picture
from articles.transfer.runs import State
from articles.transfer.texts import applied_texts

FRAME_POLICY = "; ".join(
    (
        "base-uri 'none'",
        "default-src 'none'",
        "font-src 'self'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "sandbox allow-same-origin",
        "style-src 'self'",
    )
)
"""A preview shows: nothing of it runs, asks another host, submits or leads anywhere. The same origin is for its pictures, which
need the reader's session."""


class FileScreens(RunScreens):
    """The addresses of one file. Part of the admin of runs."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        frame = xframe_options_sameorigin(view(self.frame_view))
        return [
            path("<int:object_id>/file/<int:item_id>/", view(self.file_view), name="articles_importrun_file"),
            path("<int:object_id>/file/<int:item_id>/<slug:side>/", frame, name="articles_importrun_frame"),
            path("<int:object_id>/picture", view(self.picture_view), name="articles_importrun_picture"),
            *super().get_urls(),
        ]

    def _find_item(self, request: HttpRequest, object_id: int, item_id: int) -> tuple[ImportRun, ImportItem]:
        run = self.find_run(request, object_id)
        item = run.items.filter(pk=item_id).select_related("source").first()
        if item is None:
            raise Http404(_("There is no such entry, or it is not yours to see."))
        if item.post_id is not None and not visible_posts(request.user).filter(pk=item.post_id).exists():
            # What another person's post says, or said, is not shown by an import that met it.
            item.post = item.before = None
        return run, item

    def file_view(self, request: HttpRequest, object_id: int, item_id: int) -> HttpResponse:
        """Everything about one file."""
        run, item = self._find_item(request, object_id, item_id)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        neighbours = run.items.order_by("path", "pk")
        context = {
            "title": _("One file"),
            "item": item,
            "item_badge": show_item_badge(run, item),
            "fields": describe_fields(item),
            "found": read_findings(item.findings),
            "undo_found": read_findings(item.undo_findings),
            "previous": neighbours.filter(path__lt=item.path).values_list("pk", flat=True).last(),
            "next": neighbours.filter(path__gt=item.path).values_list("pk", flat=True).first(),
            **self._compare(request, run, item),
        }
        return self.render_run(request, run, "file.html", context)

    def _compare(self, request: HttpRequest, run: ImportRun, item: ImportItem) -> dict[str, Any]:
        """What the page shows of both texts: of a plan's file by reading it, of one that was imported by the journal."""
        if run.state == State.PLANNED and item.applied_at is None:
            try:
                preview = preview_item(run, item, account(request))
            except NoPreview as none:
                return {"refusal": str(none)}
            return {
                "difference": preview.difference,
                "is_new": not preview.before and not preview.address_before,
                "shows_before": bool(preview.address_before),
                "shows_after": bool(preview.after),
                "refusal": _("What the post says now is not yours to see.") if preview.is_hidden else "",
            }
        texts = applied_texts(run, item)
        return {} if texts is None else {"difference": compare_texts(*texts), "is_new": not texts[0]}

    def frame_view(self, request: HttpRequest, object_id: int, item_id: int, side: str) -> HttpResponse:
        """The text of the post as readers see it, before or after, for a frame in which nothing runs."""
        run, item = self._find_item(request, object_id, item_id)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if side not in ("before", "after") or run.state != State.PLANNED:
            raise Http404(_("There is no such entry, or it is not yours to see."))
        picture = reverse("admin:articles_importrun_picture", args=[run.pk])
        context: dict[str, Any] = {}
        try:
            preview = preview_item(run, item, account(request), address=lambda name: f"{picture}?path={quote(name)}")
        except NoPreview as none:
            context["refusal"] = str(none)
        else:
            context["heading"] = getattr(preview, f"title_{side}")
            context["html"] = mark_safe(getattr(preview, side))
        headers = {"Content-Security-Policy": FRAME_POLICY, "Cache-Control": "no-store"}
        return TemplateResponse(request, "admin/articles/importrun/frame.html", context, headers=headers)

    def picture_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """A picture of the archive, decoded and written anew as for readers; nothing else of an archive is served."""
        run = self.find_run(request, object_id)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if run.state != State.PLANNED:
            raise Http404
        try:
            copy = read_planned_picture(run, request.GET.get("path", ""))
        except NoPreview as none:
            raise Http404(str(none)) from none
        if not is_inline(copy.extension):
            raise Http404
        headers = {
            "Content-Security-Policy": "default-src 'none'; sandbox; style-src 'unsafe-inline'",
            "Cache-Control": "private, max-age=600",
            "X-Content-Type-Options": "nosniff",
        }
        return HttpResponse(copy.data, content_type=copy.content_type, headers=headers)


def describe_fields(item: ImportItem) -> list[dict[str, Any]]:
    """The fields as the file gives them, those that it has."""
    mapped = item.mapped or {}
    rows: list[tuple[str, Any]] = [
        (_("title"), mapped.get("title")),
        (_("state"), dict(Post.State.choices).get(mapped.get("state", ""), "")),
        (_("kind"), dict(Post.Kind.choices).get(mapped.get("kind", ""), "")),
        (_("published"), _moment(mapped.get("published_at"))),
        (_("updated"), _moment(mapped.get("updated_at"))),
        (_("by-lines"), "、".join(mapped.get("authors", ()))),
        (_("categories"), "、".join(map(join_category, mapped.get("categories", ())))),
        (_("tags"), "、".join(mapped.get("tags", ()))),
        (_("series"), mapped.get("series")),
        (_("language"), mapped.get("language")),
        (_("cover"), mapped.get("cover")),
        (_("description"), mapped.get("description")),
        (_("former addresses"), "、".join(mapped.get("aliases", ()))),
        (_("keys that are no field"), "、".join(mapped.get("keys", ()))),
        (_("pictures that are not in the archive"), "、".join(mapped.get("missing", ()))),
    ]
    return [{"label": label, "value": value} for label, value in rows if value]


def _moment(text: str | None) -> Any:
    return show_moment(parse_datetime(text)) if text else ""
