"""Corrections of a post at the desk: their list, and the page on which one is issued or taken back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.admin.base import EditorialAdmin, PlainTextField, show_moment
from articles.admin.history import parse_moment, show_fields, spoken
from articles.admin.naming import name_user
from articles.editorial.comparison import compare
from articles.editorial.corrections import (
    MAX_TEXT,
    check_text,
    check_time,
    issue_correction,
    require_readers,
    take_back_correction,
)
from articles.editorial.versions import snapshot
from articles.editorial.workflow import ChangedMeanwhile, Clash, EditorialError
from articles.models import Correction, Post

_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M"]


class CorrectionForm(forms.Form):
    """What a correction says and from when, in the site's zone; whether what is not public yet goes with it."""

    text = PlainTextField(
        label=gettext_lazy("Text of the correction"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "maxlength": MAX_TEXT, "required": True}),
    )
    corrected_at = forms.DateTimeField(
        label=gettext_lazy("Time of the correction"),
        required=False,
        input_formats=_FORMATS,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_FORMATS[0]),
    )
    with_changes = forms.BooleanField(label=gettext_lazy("Publish the unpublished changes with it"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self.fields["text"].help_text = _("Plain text. Say what was wrong and what is right; an empty line begins a paragraph.")
        zone = timezone.get_default_timezone_name()
        self.fields["corrected_at"].help_text = _("Time zone: %(zone)s. Empty: the present.") % {"zone": zone}

    def clean_text(self) -> str:
        return _check(check_text, self.cleaned_data["text"])

    def clean_corrected_at(self) -> Any:
        return _check(check_time, self.cleaned_data["corrected_at"])


def _check(check: Any, value: Any) -> Any:
    try:
        return check(value)
    except EditorialError as refused:
        raise ValidationError(str(refused)) from refused


def list_corrections(post: Post) -> list[dict[str, Any]]:
    """The corrections of a post as the desk prints them, oldest first; no query for a post without."""
    if post.corrected_at is None:
        return []
    return [
        {
            "moment": show_moment(correction.corrected_at),
            "spoken": spoken(correction.corrected_at),
            "who": name_user(correction.user),
            "text": correction.text,
            "take_back_url": reverse("admin:articles_post_take_back_correction", args=[post.pk, correction.pk]),
        }
        for correction in post.corrections.select_related("user")
    ]


def show_correcting(desk: EditorialAdmin, request: HttpRequest, post: Post) -> HttpResponse:
    """The page on which a correction is written (GET) and issued (POST). Who may publish the post is asked before."""
    try:
        require_readers(post)
    except EditorialError as error:
        messages.error(request, str(error))
        return _lead_to(post)
    if request.method != "POST":
        initial = {"corrected_at": timezone.now().replace(second=0, microsecond=0), "with_changes": True}
        return _render(desk, request, post, CorrectionForm(initial=initial))
    form = CorrectionForm(request.POST)
    if form.is_valid() and (correction := _issue(request, post, form)) is not None:
        desk.log_change(request, correction.post, [{"changed": {"fields": [_("correction issued")]}}])
        return _lead_to(post)
    return _render(desk, request, desk.get_object(request, str(post.pk)), form)


def _issue(request: HttpRequest, post: Post, form: CorrectionForm) -> Correction | None:
    """Issues what the form says; ``None`` where it cannot be, with the reason in the form."""
    given = form.cleaned_data
    has_changes = post.pending_id is not None and given["with_changes"]
    seen = parse_moment(request.POST.get("seen", ""))
    try:
        if seen is None:
            raise ChangedMeanwhile
        correction = issue_correction(
            post, request.user, given["text"], given["corrected_at"], with_changes=given["with_changes"], expected=seen
        )
    except Clash as clash:
        form.add_error(None, str(clash))
    except ChangedMeanwhile:
        form.add_error(None, _("The post was saved after you had opened this page. Look through what is below and press again."))
    except EditorialError as error:
        form.add_error(None, str(error))
    else:
        done = _("The correction is issued, and the changes are public.") if has_changes else _("The correction is issued.")
        messages.success(request, done)
        return correction
    return None


def take_back(desk: EditorialAdmin, request: HttpRequest, post: Post, correction_id: int) -> HttpResponse:
    """Removes a correction of the post. Raises Http404 for one of another post. Who may is asked before."""
    correction = post.corrections.filter(pk=correction_id).first()
    if correction is None:
        raise Http404(_("There is no such correction of this post."))
    try:
        row = take_back_correction(correction, request.user)
    except EditorialError as error:
        messages.error(request, str(error))
        return _lead_to(post)
    desk.log_change(request, row, [{"changed": {"fields": [_("correction taken back")]}}])
    messages.success(request, _("The correction is taken back. Readers do not see it any more."))
    return _lead_to(post)


def _lead_to(post: Post) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:articles_post_change", args=[post.pk]))


def _render(desk: EditorialAdmin, request: HttpRequest, post: Post, form: CorrectionForm) -> HttpResponse:
    request.current_app = desk.admin_site.name
    comparison = compare(snapshot(post), post.pending.snapshot) if post.pending is not None else None
    context = {
        **desk.admin_site.each_context(request),
        "title": _("Issue a correction"),
        "subtitle": str(post),
        "opts": desk.opts,
        "post": post,
        "change_url": reverse("admin:articles_post_change", args=[post.pk]),
        "form": form,
        "entries": [form["text"], form["corrected_at"]],
        "seen": post.modified_at.isoformat(),
        "comparison": comparison,
        "fields": show_fields(comparison) if comparison is not None else [],
        "corrections": list_corrections(post),
    }
    return TemplateResponse(request, "admin/articles/post/correct.html", context)
