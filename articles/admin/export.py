"""Exports at the desk: a page where one chooses what leaves and in which layout, and a zip that is sent while it is made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from articles.editorial.permissions import can_export, visible_posts
from articles.findings import RefusedFile
from articles.models import Category, Post, Source
from articles.stores import StoreError, private_store
from articles.transfer.exporting import LAYOUT_NAMES, ORIGINAL, Export, Selection, prepare_export, stream_export

MAX_CHOSEN = 100_000
LAYOUT_LABELS = {
    "original": gettext_lazy("As it came: every file where and as it was"),
    "jekyll": gettext_lazy("A site for Jekyll"),
    "hugo": gettext_lazy("A site for Hugo"),
    "obsidian": gettext_lazy("A vault for Obsidian"),
    "zenn": gettext_lazy("A repository for Zenn"),
    "hexo": gettext_lazy("A site for Hexo"),
    "plain": gettext_lazy("Plain files, for another site of this product"),
}


class ExportForm(forms.Form):
    """What leaves, and in which layout. ``chosen`` are row numbers from the list of posts."""

    layout = forms.ChoiceField(label=gettext_lazy("Layout"), widget=forms.RadioSelect, initial=ORIGINAL)
    source = forms.ChoiceField(label=gettext_lazy("Source"), required=False)
    states = forms.MultipleChoiceField(
        label=gettext_lazy("States"), required=False, choices=Post.State, widget=forms.CheckboxSelectMultiple
    )
    category = forms.ChoiceField(label=gettext_lazy("Category"), required=False)
    tag = forms.CharField(label=gettext_lazy("Tag"), required=False, max_length=200)
    author = forms.CharField(label=gettext_lazy("By-line"), required=False, max_length=200)
    since = forms.DateField(
        label=gettext_lazy("Published from"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label=gettext_lazy("Published until"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    with_media = forms.BooleanField(label=gettext_lazy("With pictures and other attachments"), required=False, initial=True)
    chosen = forms.CharField(required=False, widget=forms.HiddenInput, max_length=MAX_CHOSEN * 12)

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        seen = visible_posts(user).filter(trashed_at__isnull=True).order_by()
        sources = Source.objects.filter(pk__in=seen.values("source")).values_list("name", flat=True)
        categories = Category.objects.order_by("full_slug").values_list("full_slug", "name")
        self._offer("layout", [(name, LAYOUT_LABELS[name]) for name in LAYOUT_NAMES])
        self._offer("source", [("", _("All")), *((name, name) for name in sources)])
        self._offer("category", [("", _("All")), *((slug, "　" * slug.count("/") + name) for slug, name in categories)])

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        cast(forms.ChoiceField, self.fields[name]).choices = choices

    def clean_chosen(self) -> tuple[int, ...] | None:
        text = self.cleaned_data["chosen"]
        if not text:
            return None
        if not re.fullmatch(r"[0-9]{1,10}(,[0-9]{1,10})*", text):
            raise forms.ValidationError(_("The list of chosen posts cannot be read. Choose them again."))
        return tuple(map(int, text.split(",")))

    def selection(self) -> Selection:
        """What was chosen, for :func:`articles.transfer.exporting.prepare_export`."""
        chosen = self.cleaned_data
        return Selection(
            source=chosen["source"],
            states=tuple(chosen["states"]),
            category=chosen["category"],
            tag=chosen["tag"],
            author=chosen["author"],
            since=chosen["since"],
            until=chosen["until"],
            keys=chosen["chosen"],
        )


def show_export(request: HttpRequest, site: AdminSite, keys: list[int] | None = None) -> HttpResponseBase:
    """The page; a post of its form answers with the zip. ``keys`` are posts chosen in the list, for which the page is shown.

    Raises PermissionDenied for an account without the right to export.
    """
    if not can_export(request.user):
        raise PermissionDenied
    if keys is not None:
        form = ExportForm(user=request.user, initial={"chosen": ",".join(map(str, keys)), "layout": ORIGINAL, "with_media": True})
        return _show_form(request, site, form, len(keys))
    if request.method != "POST":
        return _show_form(request, site, ExportForm(user=request.user))
    form = ExportForm(request.POST, user=request.user)
    if form.is_valid():
        try:
            # Before the first byte leaves there is still a page on which to say it.
            private_store(is_hurried=True).probe()
            export = prepare_export(
                form.selection(),
                layout=form.cleaned_data["layout"],
                user=request.user,
                with_media=form.cleaned_data["with_media"],
            )
        except RefusedFile as refused:
            form.add_error(None, refused.finding.localised())
        except StoreError as error:
            template = _("The media store does not answer: %(reason)s. Export again in a few minutes.")
            form.add_error(None, template % {"reason": error.strerror})
        else:
            return _send(request, export)
    chosen = form.cleaned_data.get("chosen") if hasattr(form, "cleaned_data") else None
    return _show_form(request, site, form, len(chosen) if chosen else None)


def _show_form(request: HttpRequest, site: AdminSite, form: ExportForm, chosen: int | None = None) -> HttpResponse:
    context = {
        **site.each_context(request),
        "title": _("Export posts"),
        "opts": Post._meta,
        "form": form,
        "chosen": chosen,
        "hidden": {"chosen"} if chosen is None else {"chosen", "source", "states", "category", "tag", "author", "since", "until"},
    }
    return TemplateResponse(request, "admin/articles/post/export.html", context)


def _send(request: HttpRequest, export: Export) -> StreamingHttpResponse:
    """The zip, a piece at a time: its length is not known before it is made, so none is claimed."""
    user = cast(User, request.user)
    said = ngettext("%(count)d post exported as “%(layout)s”.", "%(count)d posts exported as “%(layout)s”.", export.count)
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(Post),
        action_flag=CHANGE,
        object_repr=_("Export"),
        change_message=said % {"count": export.count, "layout": export.layout},
    )
    response = StreamingHttpResponse(_stream(export), content_type="application/zip")
    name = f"kawaraban-{export.layout}-{timezone.localtime():%Y%m%d-%H%M}.zip"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    # A proxy that keeps the answer until it is whole would let the browser wait for minutes.
    response["X-Accel-Buffering"] = "no"
    return response


def _stream(export: Export) -> Iterator[bytes]:
    yield from stream_export(export)
