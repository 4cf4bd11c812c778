"""Conflicts of an import at the desk: the list, and the screen on which they are decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from articles.admin.base import CappedPaginator, isolate
from articles.admin.merge_screen import Sides, build_screen, read_answers
from articles.admin.naming import describe_value, label_of
from articles.editorial.merge import Unanswered
from articles.editorial.workflow import EditorialError, local_text
from articles.findings import RefusedFile
from articles.formats.frontmatter import EditError
from articles.models import ImportItem, ImportRun
from articles.transfer.conflicts import Conflict, ConflictChanged, decide, list_conflicts, list_waiting, may_decide, open_conflict

PER_PAGE = 50


def conflict_urls(model_admin: Any) -> list[URLPattern]:
    """The addresses of conflicts, below those of a run. ``model_admin`` decides which runs the user may see."""
    view = model_admin.admin_site.admin_view

    def check(request: HttpRequest) -> None:
        if not model_admin.has_view_permission(request):
            raise PermissionDenied

    def conflicts(request: HttpRequest, run_id: int) -> HttpResponse:
        check(request)
        return show_conflicts(model_admin, request, run_id)

    def conflict(request: HttpRequest, run_id: int, item_id: int) -> HttpResponse:
        check(request)
        return show_conflict(model_admin, request, run_id, item_id)

    return [
        path("<int:run_id>/conflicts/", view(conflicts), name="articles_importrun_conflicts"),
        path("<int:run_id>/conflicts/<int:item_id>/", view(conflict), name="articles_importrun_conflict"),
    ]


def show_conflicts(model_admin: Any, request: HttpRequest, run_id: int) -> HttpResponse:
    """The run's conflicts of texts, open ones and decided ones."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    run: ImportRun = model_admin.get_object(request, str(run_id))
    page = CappedPaginator(list_conflicts(run, request.user), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        **_context(model_admin, request, run, _("Conflicts")),
        "page": page,
        "rows": [_describe_row(item, request) for item in page],
    }
    return TemplateResponse(request, "admin/articles/importrun/conflicts.html", context)


def show_conflict(model_admin: Any, request: HttpRequest, run_id: int, item_id: int) -> HttpResponse:
    """One conflict: three texts and a choice for each place (GET), or what was chosen (POST)."""
    run: ImportRun = model_admin.get_object(request, str(run_id))
    item = list_conflicts(run, request.user).filter(pk=item_id).select_related("run").first()
    if item is None:
        raise Http404(_("There is no such entry, or it is not yours to see."))
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    try:
        conflict = open_conflict(item, request.user)
    except EditorialError as error:
        return _turn_away(model_admin, request, run, str(error))
    except RefusedFile as refused:
        return _turn_away(model_admin, request, run, refused.finding.localised())
    if request.method != "POST":
        return _render(model_admin, request, conflict)
    return _take_answers(model_admin, request, conflict)


def _take_answers(model_admin: Any, request: HttpRequest, conflict: Conflict) -> HttpResponse:
    seen = str(request.POST.get("seen", ""))
    answers = read_answers(request.POST, conflict.questions)
    if request.POST.get("preset"):
        messages.info(request, _("Chosen everywhere. Nothing is saved yet: look through it and save."))
        return _render(model_admin, request, conflict, answers)
    try:
        post = decide(conflict.item, request.user, answers, seen=seen)
    except Unanswered as unanswered:
        return _render(model_admin, request, conflict, answers, unanswered)
    except ConflictChanged as error:
        messages.warning(request, str(error))
        fresh = open_conflict(conflict.item, request.user)
        return _render(model_admin, request, fresh, read_answers(request.POST, fresh.questions))
    except EditorialError as error:
        return _turn_away(model_admin, request, conflict.item.run, str(error))
    except RefusedFile as refused:
        messages.error(request, refused.finding.localised())
        return _render(model_admin, request, conflict, answers)
    except EditError:
        messages.error(
            request,
            _("What was written does not fit into the front matter there. Write it in another way, or choose a side."),
        )
        return _render(model_admin, request, conflict, answers)
    model_admin.log_change(request, post, [{"changed": {"fields": [_("conflict")]}}])
    title = format_html('<a href="{}">{}</a>', reverse("admin:articles_post_change", args=[post.pk]), isolate(post.title))
    messages.success(request, format_html(_("Decided: “{}”. The same file counts as imported from now on."), title))
    return HttpResponseRedirect(_next_address(conflict.item, request))


def _next_address(item: ImportItem, request: HttpRequest) -> str:
    """The next open conflict of the run that the user may decide, else the list."""
    waiting = list_waiting(item.run, request.user)
    for other in [*waiting.filter(pk__gt=item.pk)[:20], *waiting.filter(pk__lt=item.pk)[:20]]:
        if other.post is not None and may_decide(request.user, other.post):
            return reverse("admin:articles_importrun_conflict", args=[item.run_id, other.pk])
    return reverse("admin:articles_importrun_conflicts", args=[item.run_id])


def _turn_away(model_admin: Any, request: HttpRequest, run: ImportRun, reason: str) -> HttpResponse:
    messages.warning(request, reason)
    return HttpResponseRedirect(reverse("admin:articles_importrun_conflicts", args=[run.pk]))


def _render(
    model_admin: Any,
    request: HttpRequest,
    conflict: Conflict,
    answers: Any = None,
    unanswered: Unanswered | None = None,
) -> HttpResponse:
    sides = Sides(_("Last import"), _("Here"), _("File"))
    screen = build_screen(
        conflict.merge.files,
        conflict.questions,
        sides,
        answers=answers,
        unanswered=unanswered,
        fields=conflict.merge.fields,
        describe=describe_value,
        name_field=label_of,
    )
    context = {
        **_context(model_admin, request, conflict.item.run, conflict.post.title),
        "item": conflict.item,
        "post": conflict.post,
        "screen": screen,
        "seen": conflict.seen,
        "is_incomplete": unanswered is not None,
        "saved": local_text(conflict.post.modified_at),
    }
    return TemplateResponse(request, "admin/articles/importrun/conflict.html", context, status=422 if unanswered else 200)


def _context(model_admin: Any, request: HttpRequest, run: ImportRun, title: str) -> dict[str, Any]:
    return {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
        "run": run,
        "media": model_admin.media,
    }


def _describe_row(item: ImportItem, request: HttpRequest) -> dict[str, Any]:
    resolution = item.resolution or {}
    is_open = resolution.get("state") == "open"
    state, kind = _("decided"), "update"
    is_newer = bool(getattr(item, "is_newer", False))
    if is_open:
        state, kind = (_("met by a later import"), "unchanged") if is_newer else (_("open"), "conflict")
    return {
        "item": item,
        "questions": resolution.get("questions", 0),
        "state": state,
        "kind": kind,
        "by": resolution.get("by", ""),
        "at": _parse(resolution.get("at")),
        "is_open": is_open and not is_newer and item.post is not None and may_decide(request.user, item.post),
    }


def _parse(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
