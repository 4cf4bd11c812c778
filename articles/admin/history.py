"""The kept versions of one post: who saved what and when, what differs, and the way back to one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from articles.admin.base import CappedPaginator, EditorialAdmin, is_key, isolate, show_moment
from articles.admin.naming import label_of, name_user
from articles.editorial import drafts, versions, workflow
from articles.editorial.comparison import Comparison, compare
from articles.editorial.permissions import Verb, can
from articles.editorial.versions import MOMENTS, Reading, describe_step, is_milestone, read_snapshot
from articles.editorial.workflow import EditorialError
from articles.models import MediaFile, Post, Revision

PER_PAGE = 50
NOW, LIVE_SIDE = "now", "live"
MAX_VALUE, MAX_LABEL = 300, 100
MAX_UNFOLDED = 3
_CHOICES = {"state": Post.State, "kind": Post.Kind, "flavour": Post.Flavour}
# What a form has rows or rules of its own for, so that a version opened in it cannot bring them along.
_NOT_IN_THE_FORM = ("front_matter", "extra", "slug")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two things that are compared: a kept version, or (``revision`` is ``None``) the post as it is."""

    revision: Revision | None
    snapshot: dict[str, Any]
    label: SafeString


def show_history(desk: EditorialAdmin, request: HttpRequest, post: Post) -> HttpResponse:
    """The list of versions, newest first: milestones, and between them what was saved and kept by itself, folded."""
    # The snapshots hold whole texts, which the list does not print.
    revisions = post.revisions.defer("snapshot").select_related("user", "run")
    page = CappedPaginator(revisions, PER_PAGE).get_page(request.GET.get("page"))
    first = post.revisions.order_by("created_at", "pk").values_list("pk", flat=True).first()
    saved = [revision.pk for revision in page if revision.kind == Revision.Kind.SAVE][:2]
    rows = [
        {
            "pk": revision.pk,
            "moment": show_moment(revision.created_at),
            "spoken": spoken(revision.created_at),
            "who": name_user(revision.user),
            "step": describe_step(revision, is_first=revision.pk == first),
            "label": revision.label,
            "run": revision.run,
            "kind": revision.kind,
            "is_milestone": is_milestone(revision),
            # The newest pair is what people look for: what the last save changed.
            "is_before": revision.pk in saved[-1:],
            "is_after": len(saved) > 1 and revision.pk == saved[0],
            "name_url": reverse("admin:articles_post_name_version", args=[post.pk, revision.pk]),
        }
        for revision in page
    ]
    context = {
        "page": page,
        "rows": rows,
        "groups": list(_fold(rows)),
        "now": NOW,
        "live": LIVE_SIDE,
        "is_live": post.is_live,
        "has_draft": post.pending_id is not None,
        "may_name": can(request.user, Verb.CHANGE, post),
        "compare_url": reverse("admin:articles_post_compare", args=[post.pk]),
    }
    return _render(desk, request, post, "history", _("Versions"), context)


def _fold(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Milestones stand alone; what lies between two of them is one group, which says how much it holds."""
    for is_milestone_, members in groupby(rows, key=lambda row: bool(row["is_milestone"])):
        found = list(members)
        if is_milestone_ or (len(found) <= MAX_UNFOLDED and all(row["kind"] == Revision.Kind.SAVE for row in found)):
            yield from ({"rows": [row], "is_folded": False} for row in found)
            continue
        kinds = Counter(row["kind"] for row in found)
        yield {
            "rows": found,
            "is_folded": True,
            "is_open": any(row["is_before"] or row["is_after"] for row in found),
            "saves": kinds[Revision.Kind.SAVE],
            "kept": kinds[Revision.Kind.AUTOSAVE],
            "aside": kinds[Revision.Kind.SET_ASIDE],
        }


def name_version(desk: EditorialAdmin, request: HttpRequest, post: Post, revision_id: int) -> HttpResponse:
    """Gives a version a name, by which it stands among the milestones; an empty one takes it away."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    revision = find_revision(post, str(revision_id))
    label = " ".join(request.POST.get("label", "").replace("\x00", "").split())[:MAX_LABEL]
    Revision.objects.filter(pk=revision.pk).update(label=label)
    if label:
        messages.success(request, format_html(_("The version of {} is called “{}” now."), spoken(revision.created_at), label))
    else:
        messages.success(request, _("The version has no name now."))
    return HttpResponseRedirect(reverse("admin:articles_post_history", args=[post.pk]))


def show_comparison(desk: EditorialAdmin, request: HttpRequest, post: Post) -> HttpResponse:
    """What differs between two versions, or a version and the post as it is. Raises Http404 for versions of other posts."""
    before = find_side(post, request.GET.get("before", ""))
    after = find_side(post, request.GET.get("after", NOW))
    comparison = compare(before.snapshot, after.snapshot)
    may_change = can(request.user, Verb.CHANGE, post)
    context = {
        "before": before,
        "after": after,
        "comparison": comparison,
        "fields": show_fields(comparison),
        "ways_back": [
            {
                "label": side.label,
                "restore_url": reverse("admin:articles_post_restore_version", args=[post.pk, side.revision.pk]),
                "form_url": reverse("admin:articles_post_change", args=[post.pk]) + f"?version={side.revision.pk}",
            }
            for side in (before, after)
            if side.revision is not None and may_change
        ],
        "is_live": post.is_live,
        "seen": post.modified_at.isoformat(),
    }
    return _render(desk, request, post, "comparison", _("Difference between two versions"), context)


def show_fields(comparison: Comparison) -> list[dict[str, Any]]:
    """The fields that differ, as the template of a difference prints them beside the ``comparison``."""
    return [
        {
            "label": label_of(difference.name),
            "before": show_value(difference.name, difference.before),
            "after": show_value(difference.name, difference.after),
        }
        for difference in comparison.fields
    ]


def restore_version(desk: EditorialAdmin, request: HttpRequest, post: Post, revision_id: int) -> HttpResponse:
    """Brings a version back by the verb, which checks right, state and time again; leads to the post."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    revision = find_revision(post, str(revision_id))
    back = HttpResponseRedirect(reverse("admin:articles_post_change", args=[post.pk]))
    seen = parse_moment(request.POST.get("seen", ""))
    if seen is None:
        messages.error(request, _("This page was incomplete, so nothing was restored. Open the comparison again."))
        return back
    try:
        restored = workflow.restore_revision(revision, request.user, expected=seen)
    except EditorialError as error:
        messages.error(request, str(error))
        return back
    if not restored.is_changed:
        said = (
            _("Nothing was changed: the post differs from that version only in what could not be brought back.")
            if restored.left_out
            else _("The post is what that version was, so nothing was changed.")
        )
        messages.info(request, said)
        warn_of_left_out(request, restored.left_out)
        return back
    desk.log_change(request, restored.post, [{"changed": {"fields": [_("restored an earlier version")]}}])
    moment = spoken(revision.created_at)
    messages.success(
        request, _("The version of %(moment)s is back, and kept as a new one. Readers see nothing of it.") % {"moment": moment}
    )
    warn_of_left_out(request, restored.left_out)
    return back


def open_version(request: HttpRequest, post: Post, number: str) -> Reading:
    """A version for the form: what its fields would show, unsaved; the rest is named. Raises Http404 for another post's."""
    revision = find_revision(post, number)
    reading = read_snapshot(revision.snapshot, drafts.read_present(post))
    others = [label_of(name) for name in _NOT_IN_THE_FORM if reading.changes.pop(name, None) is not None]
    messages.info(
        request,
        _("The form shows the version of %(moment)s. Nothing is saved yet: check it, and press a button above.")
        % {"moment": spoken(revision.created_at)},
    )
    if others:
        messages.warning(request, _("These stay as they are now; change them by hand: %(names)s") % {"names": "、".join(others)})
    warn_of_left_out(request, reading.left_out)
    return reading


def warn_of_left_out(request: HttpRequest, left_out: Any) -> None:
    """One message for each field of a version that names what is no longer there."""
    for name, values in left_out.items():
        if name == "path":
            template = _("Its address %(names)s belongs to another post by now, so the post keeps the present one.")
        else:
            template = _("%(field)s: %(names)s is not there any more and was left out. Make it anew if it is needed.")
        messages.warning(request, template % {"field": label_of(name), "names": "、".join(values)})


def find_side(post: Post, wanted: str) -> Side:
    """``now``, ``live``, or the number of a version of this very post. Raises Http404 for any other."""
    if wanted == NOW:
        label = _("the draft as it is now") if post.pending_id is not None else _("the post as it is now")
        return Side(None, drafts.read_present(post), SafeString(label))
    if wanted == LIVE_SIDE:
        return Side(None, versions.snapshot(post), SafeString(_("what readers see")))
    revision = find_revision(post, wanted)
    label = format_html(_("the version of {} by {}"), show_moment(revision.created_at), isolate(name_user(revision.user)))
    return Side(revision, revision.snapshot, label)


def find_revision(post: Post, number: str) -> Revision:
    """A version of this very post. Raises Http404 for any other."""
    found = post.revisions.select_related("user").filter(pk=number).first() if is_key(number) else None
    if found is None:
        raise Http404(_("There is no such version of this post."))
    return found


def spoken(moment: datetime) -> str:
    """A moment as text, for labels that only a screen reader reads."""
    return workflow.local_text(moment)


def parse_moment(text: str) -> datetime | None:
    """A moment as a form of ours sent it; ``None`` for anything else."""
    try:
        return parse_datetime(text)
    except ValueError:
        return None


def show_value(name: str, value: Any) -> SafeString | str:
    """A value of a snapshot as people read it, escaped and not too long."""
    if value in (None, "", [], {}):
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name in MOMENTS:
        return show_moment(datetime.fromisoformat(value))
    if name in _CHOICES:
        return str(dict(_CHOICES[name].choices).get(value, value))
    if name == "cover":
        return isolate(MediaFile.objects.filter(sha256=value).values_list("name", flat=True).first() or str(value)[:12])
    if isinstance(value, list):
        value = "、".join(" › ".join(entry) if isinstance(entry, list) else str(entry) for entry in value)
    elif isinstance(value, dict):
        value = "、".join(f"{key}: {entry}" for key, entry in value.items())
    text = str(value)
    return isolate(text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…")


def _render(
    desk: EditorialAdmin, request: HttpRequest, post: Post, template: str, title: str, context: dict[str, Any]
) -> HttpResponse:
    request.current_app = desk.admin_site.name
    shared = {
        **desk.admin_site.each_context(request),
        "title": title,
        "subtitle": str(post),
        "opts": desk.opts,
        "post": post,
        "change_url": reverse("admin:articles_post_change", args=[quote(post.pk)]),
        "history_url": reverse("admin:articles_post_history", args=[quote(post.pk)]),
    }
    return TemplateResponse(request, f"admin/articles/post/{template}.html", {**shared, **context})
