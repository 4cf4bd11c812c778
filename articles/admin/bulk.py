"""Steps for many posts at once. First the page says which posts it will touch and which not, and why; then it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from articles.admin.base import EditorialAdmin, isolate
from articles.editorial import workflow
from articles.editorial.permissions import Verb
from articles.editorial.workflow import EditorialError
from articles.models import Post

MAX_POSTS = 500
"""So many posts take one step at once; a reader of the page could not check more."""
CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class BulkStep:
    """One step. ``question`` stands above the list of posts, ``label`` on the button that does it."""

    verb: Verb
    act: Callable[[Post, Any], Post]
    label: Any
    question: Any


STEPS: Mapping[str, BulkStep] = {
    "submit_chosen": BulkStep(
        Verb.SUBMIT,
        workflow.submit_for_review,
        gettext_lazy("Submit for review"),
        gettext_lazy("These posts will be submitted for review:"),
    ),
    "publish_chosen": BulkStep(
        Verb.PUBLISH,
        workflow.publish,
        gettext_lazy("Publish now"),
        gettext_lazy("Readers will see these posts at once, with their unpublished changes:"),
    ),
    "withdraw_chosen": BulkStep(
        Verb.WITHDRAW,
        workflow.withdraw,
        gettext_lazy("Withdraw"),
        gettext_lazy("These posts will leave the site:"),
    ),
    "trash_chosen": BulkStep(
        Verb.TRASH,
        workflow.move_to_trash,
        gettext_lazy("Move to the trash"),
        gettext_lazy("These posts will go to the trash, and from the site:"),
    ),
    "restore_chosen": BulkStep(
        Verb.RESTORE,
        workflow.restore,
        gettext_lazy("Restore from the trash"),
        gettext_lazy("These posts will come back from the trash. None of them goes straight to readers:"),
    ),
}


def take_bulk_step(desk: EditorialAdmin, request: HttpRequest, chosen: QuerySet[Post], name: str) -> HttpResponse | None:
    """The page that says what will be touched; once that is confirmed, the step for each of them and back to the list."""
    step = STEPS[name]
    posts = list(chosen.select_related("pending").defer("body_html", "plain_text", "source_bytes")[: MAX_POSTS + 1])
    if len(posts) > MAX_POSTS:
        text = _("More than %(limit)d posts are chosen. Choose fewer, or take them in portions.")
        messages.error(request, text % {"limit": MAX_POSTS})
        return None
    if request.POST.get(CONFIRMED) == name:
        _do(desk, request, posts, step)
        return HttpResponseRedirect(request.get_full_path())
    return _ask(desk, request, posts, name)


def _ask(desk: EditorialAdmin, request: HttpRequest, posts: list[Post], name: str) -> HttpResponse:
    step = STEPS[name]
    refusals = [(post, workflow.explain_refusal(post, request.user, step.verb)) for post in posts]
    context = {
        **desk.admin_site.each_context(request),
        "title": step.label,
        "opts": desk.opts,
        "question": step.question,
        "step": name,
        "touched": [post for post, refusal in refusals if not refusal],
        "refused": [(post, refusal) for post, refusal in refusals if refusal],
        "field": ACTION_CHECKBOX_NAME,
        "confirmed": CONFIRMED,
        "back": request.get_full_path(),
    }
    request.current_app = desk.admin_site.name
    return TemplateResponse(request, "admin/articles/post/bulk.html", context)


def _do(desk: EditorialAdmin, request: HttpRequest, posts: list[Post], step: BulkStep) -> None:
    done = 0
    for post in posts:
        try:
            row = step.act(post, request.user)
        except EditorialError as error:
            messages.warning(request, format_html("{}: {}", isolate(post.title), str(error)))
            continue
        desk.log_change(request, row, [{"changed": {"fields": [str(step.label)]}}])
        done += 1
    if done:
        messages.success(request, ngettext("%(done)d post.", "%(done)d posts.", done) % {"done": done})
