"""The first step: an upload of one's own, or a folder of the server."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.options import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.crypto import get_random_string
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from articles.admin.moving.receiving import BoxHandler, watch_upload
from articles.admin.moving.runs import account
from articles.editorial.permissions import can_import
from articles.transfer.runs import TransferError
from articles.transfer.uploads import (
    choose_place,
    describe_bytes,
    list_open_folders,
    list_place,
    max_bytes,
    max_files,
    open_run,
)

ONCE = "once"


class PlaceForm(forms.Form):
    """A folder or archive of the server: the number of its root, and its path below it."""

    root = forms.IntegerField(min_value=0, max_value=1000)
    path = forms.CharField(required=False, max_length=2000, strip=False)
    once = forms.CharField(required=False, max_length=60)


class UploadScreens(ModelAdmin):
    """The addresses of the first step. Part of the admin of runs."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.folder_view)
        return [path("add/folder/", view, name="articles_importrun_folder"), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return can_import(request.user)

    @method_decorator(csrf_exempt)
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The page that takes an upload. Exempt only so that nothing reads the form before it is said how to receive it:
        the token is checked all the same, and a page of another origin is refused before a byte is read."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            handler = watch_upload(request)
            try:
                return self._take_upload(request, handler)
            finally:
                # What became a run has moved; what was refused after it came, for a wrong token for example, must go.
                handler.clear()
        return self._show_upload(request)

    @method_decorator(csrf_protect)
    def _take_upload(self, request: HttpRequest, handler: BoxHandler) -> HttpResponse:
        received = handler.take(request)
        if received is None:
            return self._complain(request, handler.complaint)
        try:
            run = open_run(account(request), received, is_upload=True, once=request.POST.get(ONCE, "")[:60])
        except TransferError as error:
            return self._complain(request, str(error))
        address = reverse("admin:articles_importrun_change", args=[run.pk])
        if wants_json(request):
            return JsonResponse({"address": address}, status=201)
        return HttpResponseRedirect(address)

    def _complain(self, request: HttpRequest, complaint: str) -> HttpResponse:
        if wants_json(request):
            return JsonResponse({"complaint": complaint}, status=400)
        return self._show_upload(request, complaint)

    def _show_upload(self, request: HttpRequest, complaint: str = "") -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Bring texts in"),
            "opts": self.opts,
            "complaint": complaint,
            "once": get_random_string(22),
            "max_bytes": max_bytes(),
            "max_size": describe_bytes(max_bytes()),
            "max_files": max_files(),
            "folders": list_open_folders(),
        }
        return TemplateResponse(request, "admin/articles/importrun/upload.html", context, status=400 if complaint else 200)

    def folder_view(self, request: HttpRequest) -> HttpResponse:
        """Folders of the server: looked through by GET, taken by POST."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        form = PlaceForm(request.POST if request.method == "POST" else request.GET)
        if not form.is_valid():
            messages.error(request, _("There is no such folder on the server, or it is not open for imports."))
            return HttpResponseRedirect(reverse("admin:articles_importrun_add"))
        root, place = form.cleaned_data["root"], form.cleaned_data["path"]
        try:
            if request.method == "POST":
                run = open_run(account(request), choose_place(root, place), is_upload=False, once=form.cleaned_data["once"])
                return HttpResponseRedirect(reverse("admin:articles_importrun_change", args=[run.pk]))
            listing = list_place(root, place)
        except TransferError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:articles_importrun_add"))
        context = {
            **self.admin_site.each_context(request),
            "title": _("A folder of the server"),
            "opts": self.opts,
            "listing": listing,
            "entries": [(entry, describe_bytes(entry.size)) for entry in listing.entries],
            "once": get_random_string(22),
        }
        return TemplateResponse(request, "admin/articles/importrun/folder.html", context)


def wants_json(request: HttpRequest) -> bool:
    """Whether the page's own script asks; without it a browser wants a page."""
    return request.headers.get("Accept", "").startswith("application/json")
