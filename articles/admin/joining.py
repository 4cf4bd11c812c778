"""What somebody wrote and is not in the post: taken up, brought together with what others saved, or dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from articles.admin.base import EditorialAdmin, show_moment
from articles.admin.history import parse_moment
from articles.admin.merge_screen import Sides, build_screen, read_answers
from articles.admin.naming import describe_value, label_of, name_user
from articles.editorial import drafts, workflow
from articles.editorial.drafts import Merged
from articles.editorial.merge import Answer, Question, Unanswered
from articles.editorial.versions import MOMENTS, read_snapshot, snapshot
from articles.editorial.workflow import EditorialError, local_text
from articles.models import Post, Revision


@dataclass(slots=True)
class Joining:
    """``revision`` beside the post. ``is_draft``: it is the post's own draft, whose public side was changed by an import.

    ``is_alone``: nothing was saved since the version that it was written on.
    """

    post: Post
    revision: Revision
    merged: Merged
    questions: list[Question]
    is_draft: bool
    is_alone: bool
    left_out: Mapping[str, list[str]]


def open_joining(post: Post, number: int) -> Joining:
    """What is to be brought together. Raises Http404 for a version of another post and for one that is in the post."""
    found = post.revisions.select_related("base", "user").filter(pk=number).first()
    is_draft = found is not None and post.pending_id == found.pk
    if found is None or not (is_draft or (found.kind != Revision.Kind.SAVE and found.settled_at is None)):
        raise Http404(_("There is no such version of this post."))
    present = snapshot(post) if is_draft else drafts.read_present(post)
    base = found.base.snapshot if found.base is not None else present
    reading = read_snapshot(found.snapshot, base)
    wanted = workflow.own_changes(post, base, reading.changes)
    merged = drafts.merge_changes(base, wanted, present)
    return Joining(post, found, merged, merged.questions, is_draft, base == present, reading.left_out)


def show_joining(desk: EditorialAdmin, request: HttpRequest, post: Post, number: int) -> HttpResponse:
    """The page on which both are brought together (GET), and what was decided (POST). Who may change the post is asked before."""
    joining = open_joining(post, number)
    if request.method != "POST":
        return _render(desk, request, joining)
    if request.POST.get("act") == "drop" and not joining.is_draft:
        return _drop(request, joining)
    answers = read_answers(request.POST, joining.questions)
    if request.POST.get("preset"):
        messages.info(request, _("Chosen everywhere. Nothing is saved yet: look through it and save."))
        return _render(desk, request, joining, answers)
    if request.POST.get("act") == "take" and not joining.merged.is_clean:
        return HttpResponseRedirect(reverse("admin:articles_post_join", args=[post.pk, number]))
    if request.POST.get("act") != "take" and parse_moment(request.POST.get("seen", "")) != post.modified_at:
        messages.warning(
            request, _("The post was saved again meanwhile. Your answers are kept as far as they still fit: look once more.")
        )
        return _render(desk, request, joining, answers)
    try:
        _join(request, joining, answers)
    except Unanswered as unanswered:
        return _render(desk, request, joining, answers, unanswered)
    except EditorialError as error:
        messages.error(request, str(error))
        return _render(desk, request, joining, answers)
    desk.log_change(request, post, [{"changed": {"fields": [_("brought together")]}}])
    return _back(post)


def _join(request: HttpRequest, joining: Joining, answers: Mapping[str, Answer]) -> None:
    changes = joining.merged.resolve(answers)
    post, revision, user = joining.post, joining.revision, request.user
    if joining.is_draft:
        workflow.move_draft(post, user, changes, expected=post.modified_at)
    else:
        workflow.save_draft(post, user, changes, seen=post.modified_at, session=revision.session)
        post.revisions.filter(pk=revision.pk).update(settled_at=timezone.now())
    if joining.left_out:
        names = "、".join(name for names in joining.left_out.values() for name in names)
        messages.warning(request, _("Left out, because it is not there any more: %(names)s") % {"names": names})
    if joining.is_alone:
        messages.success(request, _("Your text is in the post now. Readers see nothing of it until you publish."))
    else:
        messages.success(request, _("Both are in the post now. Readers see nothing of it until you publish."))


def _drop(request: HttpRequest, joining: Joining) -> HttpResponse:
    joining.post.revisions.filter(pk=joining.revision.pk).update(settled_at=timezone.now())
    messages.success(request, _("Put away. It stays among the versions of the post."))
    return _back(joining.post)


def _back(post: Post) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:articles_post_change", args=[post.pk]))


def _render(
    desk: EditorialAdmin,
    request: HttpRequest,
    joining: Joining,
    answers: Mapping[str, Answer] | None = None,
    unanswered: Unanswered | None = None,
) -> HttpResponse:
    post, revision, merged = joining.post, joining.revision, joining.merged
    newest = drafts.present_revision(post)
    if joining.is_draft:
        sides = Sides(_("Public before"), _("Draft"), _("Public now"))
    else:
        sides = Sides(_("As it was opened"), _("Set aside"), _("As it is now"))
    screen = build_screen(
        merged.files,
        joining.questions,
        sides,
        answers=answers,
        unanswered=unanswered,
        fields=merged.fields,
        describe=_describe,
        name_field=label_of,
    )
    context = {
        **desk.admin_site.each_context(request),
        "title": _("Bring together"),
        "subtitle": str(post),
        "opts": desk.opts,
        "post": post,
        "joining": joining,
        "screen": screen,
        "seen": post.modified_at.isoformat(),
        "is_incomplete": unanswered is not None,
        "taken_over": [(label_of(name), _describe(name, merged.wanted[name])) for name in merged.changes if name != "body"],
        "who": name_user(revision.user),
        "moment": show_moment(revision.created_at),
        "other": name_user(newest.user) if newest else _("the system"),
        "saved": local_text(post.modified_at),
        "change_url": reverse("admin:articles_post_change", args=[post.pk]),
    }
    request.current_app = desk.admin_site.name
    return TemplateResponse(request, "admin/articles/post/join.html", context, status=422 if unanswered else 200)


def _describe(name: str, value: Any) -> str:
    if name in MOMENTS and isinstance(value, str) and value:
        return local_text(datetime.fromisoformat(value))
    return describe_value(name, value)
