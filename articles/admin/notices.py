"""What the desk tells the person at it: their notices, and which of them also come by mail."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from articles.admin.base import CappedPaginator, is_key
from articles.editorial.notices import describe
from articles.models import DeskSettings, Notice

PER_PAGE = 30


class SettingsForm(forms.Form):
    """One person's own settings."""

    mailed = forms.MultipleChoiceField(
        label=gettext_lazy("Also send me by mail"),
        choices=[
            (Notice.Kind.SUBMITTED, gettext_lazy("A post was submitted for review")),
            (Notice.Kind.RETURNED, gettext_lazy("My post was returned")),
            (Notice.Kind.PUBLISHED, gettext_lazy("My post was published")),
            (Notice.Kind.SCHEDULED, gettext_lazy("My post was scheduled")),
            (Notice.Kind.WITHDRAWN, gettext_lazy("My post was withdrawn")),
        ],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language of mails"),
        choices=[("", gettext_lazy("That of the site")), *settings.LANGUAGES],
        required=False,
    )


@require_safe
def show_notices(request: HttpRequest) -> HttpResponse:
    """One's own notices, newest first."""
    rows = Notice.objects.filter(recipient=request.user.pk).select_related("actor", "post__owner")
    rows = rows.defer("post__body", "post__body_html", "post__plain_text", "post__front_matter", "post__source_bytes")
    page = CappedPaginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    shown = [{"notice": notice, "what": describe(notice)} for notice in page]
    context = {"page": page, "rows": shown, "has_unread": any(notice.read_at is None for notice in page)}
    return _render(request, "notices", _("Notices"), context)


@require_POST
def open_notice(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Marks a notice as read and leads to its post, or back to the list where that is gone."""
    notice = get_object_or_404(Notice, pk=notice_id, recipient=request.user.pk)
    Notice.objects.filter(pk=notice.pk, read_at__isnull=True).update(read_at=timezone.now())
    if notice.post_id is None:
        messages.info(request, _("“%(title)s” was deleted.") % {"title": notice.title})
        return redirect("desk:notices")
    return redirect("admin:articles_post_change", notice.post_id)


@require_POST
def mark_read(request: HttpRequest) -> HttpResponse:
    """Marks one notice as read, or all where none is named."""
    rows = Notice.objects.filter(recipient=request.user.pk, read_at__isnull=True)
    if key := request.POST.get("notice", ""):
        rows = rows.filter(pk=key) if is_key(key) else rows.none()
    rows.update(read_at=timezone.now())
    return redirect("desk:notices")


@require_http_methods(["GET", "HEAD", "POST"])
def show_settings(request: HttpRequest) -> HttpResponse:
    """What one wants by mail, and in which language."""
    stored = DeskSettings.objects.filter(user=request.user.pk).first() or DeskSettings(user=cast(User, request.user))
    mailed = [kind for kind in Notice.Kind.values if kind not in stored.unmailed_kinds]
    initial = {"mailed": mailed, "language": stored.language}
    form = SettingsForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data["mailed"]
        stored.unmailed_kinds = [kind for kind in Notice.Kind.values if kind not in chosen]
        stored.language = form.cleaned_data["language"]
        stored.save()
        messages.success(request, _("Your settings are saved."))
        return redirect("desk:settings")
    return _render(request, "settings", _("My settings"), {"form": form})


def _render(request: HttpRequest, name: str, title: str, context: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(
        request, f"admin/articles/notices/{name}.html", {**admin.site.each_context(request), "title": title, **context}
    )
