"""Pictures that come while somebody writes: received one by one, answered as JSON, their texts asked for at once."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from articles.admin.base import EditorialAdmin
from articles.editorial.settings import find_picture_fault
from articles.findings import RefusedFile
from articles.library import add_picture
from articles.lookalikes import compare_pictures, find_alike
from articles.models import MediaFile
from articles.queue import enqueue_once
from articles.stores import StoreError, describe_failure

MAX_UPLOAD = 50 * 1024 * 1024
MAX_REST = 64 * 1024
"""The fields of the form around the file."""
SHOWN_ALIKE = 3
TEXTS = ("alt", "is_decorative", "caption", "credit")

# What systems call a picture that has no name of its own.
_NAMELESS = re.compile(r"(image|blob|unnamed|untitled|clipboard|pasted[ _-]?(image|graphic)?|画像)?[ _-]*\d{0,3}", re.IGNORECASE)


class TextsForm(forms.ModelForm):
    """What a picture says and whose it is."""

    class Meta:
        model = MediaFile
        fields = TEXTS

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.cleaned_data.get("is_decorative") and self.cleaned_data.get("alt"):
            self.add_error(
                "alt",
                ValidationError(_("A decorative picture has no alternative text. Empty it, or take the mark “decorative” away.")),
            )
        return cleaned


def bound_upload(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refuses an upload by its length before anything of it is read. Exempt only for that: the token is checked all the same."""
    checked = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def receive(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if request.method == "POST" and (not length.isdigit() or int(length) > MAX_UPLOAD + MAX_REST):
            return _refuse_unread(request, describe_too_large(_("The file")))
        return checked(request, *args, **kwargs)

    return receive


def receive_picture(desk: EditorialAdmin, request: HttpRequest) -> HttpResponse:
    """Takes one picture into the library: 201 with what it is, 200 where the library has it already, else the complaint.

    Raises PermissionDenied.
    """
    if not desk.has_add_permission(request):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    upload = request.FILES.get("file")
    if upload is None:
        return complain(_("No picture arrived. Choose it again."))
    name = name_upload(upload.name or "")
    if (upload.size or 0) > MAX_UPLOAD:
        return complain(describe_too_large(f"“{name}”"))
    try:
        media, is_new = add_picture(upload.read(), name, user=request.user)  # type: ignore[arg-type]
    except RefusedFile as refused:
        return complain(refused.finding.localised())
    except OSError as error:
        return complain(describe_refusal(error), 503)
    if is_new:
        compare_pictures([media])
        enqueue_once("articles.tasks.make_variants")
        desk.log_addition(request, media, [{"added": {}}])
    alike = [describe_choice(other) for other in find_alike(media.likeness, besides=media.pk)[:SHOWN_ALIKE]]
    answer = {**_describe(desk, request, media), "isNew": is_new, "alike": alike}
    return JsonResponse(answer, status=201 if is_new else 200, headers={"Cache-Control": "no-store"})


def save_texts(desk: EditorialAdmin, request: HttpRequest, media: MediaFile) -> HttpResponse:
    """Stores the texts of a picture, as JSON. Raises PermissionDenied for a file of somebody else."""
    if not desk.has_change_permission(request, media):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = TextsForm(request.POST, instance=media)
    if not form.is_valid():
        return complain(" ".join(str(error) for errors in form.errors.values() for error in errors))
    form.save()
    if form.changed_data:
        desk.log_change(request, media, [{"changed": {"fields": [str(form.fields[name].label) for name in form.changed_data]}}])
    return JsonResponse(_describe(desk, request, media), headers={"Cache-Control": "no-store"})


def describe_refusal(error: OSError) -> str:
    """Why a file was not stored, and what to do, for the person who brought it."""
    if isinstance(error, StoreError):
        return describe_failure(error)
    return _("The picture could not be stored: the disk of the server refused it. Tell its operator, then try again.")


def _refuse_unread(request: HttpRequest, sentence: str) -> HttpResponse:
    """The refusal for whoever asked: a script, or a form that comes back with it."""
    if "application/json" in request.headers.get("Accept", ""):
        return complain(sentence, 413)
    messages.error(request, sentence)
    return HttpResponseRedirect(request.path)


def complain(sentence: str, status: int = 400) -> HttpResponse:
    return JsonResponse({"complaint": sentence}, status=status, headers={"Cache-Control": "no-store"})


def describe_too_large(name: str) -> str:
    return _("%(name)s is larger than %(limit)s. Make it smaller first.") % {"name": name, "limit": filesizeformat(MAX_UPLOAD)}


def name_upload(name: str) -> str:
    """A file's name as people look for it: without folders and signs that do not print, in one form of each letter; a picture
    that came without one is named after the moment."""
    plain = unicodedata.normalize("NFC", posixpath.basename(name.replace("\\", "/")))
    plain = " ".join("".join(sign for sign in plain if unicodedata.category(sign) not in ("Cc", "Cf", "Cs")).split())
    stem, suffix = posixpath.splitext(plain)
    if _NAMELESS.fullmatch(stem):
        stem = f"{_('picture')}-{timezone.localtime():%Y%m%d-%H%M%S}"
    return f"{stem[:200]}{suffix[:20]}"


def only_pictures(files: QuerySet[MediaFile]) -> QuerySet[MediaFile]:
    """Those that can be shown as a picture."""
    return files.filter(content_type__startswith="image/").exclude(public_name="")


def check_picture(media: MediaFile | None, before: Any) -> MediaFile | None:
    """The file that a form chose as a picture. Raises ValidationError for what is none that readers get.

    What stood there ``before`` (its key), by an import perhaps, hinders no other change.
    """
    if media is not None and media.pk != before and (fault := find_picture_fault(media)):
        raise ValidationError(fault)
    return media


def describe_choice(media: MediaFile) -> dict[str, Any]:
    """A picture of the library, to be chosen."""
    return {"id": media.pk, "name": media.name, "alt": media.alt, "url": media.url, "isDecorative": media.is_decorative}


def _describe(desk: EditorialAdmin, request: HttpRequest, media: MediaFile) -> dict[str, Any]:
    may_change = desk.has_change_permission(request, media)
    return {
        **describe_choice(media),
        "caption": media.caption,
        "credit": media.credit,
        "texts": reverse("admin:articles_mediafile_texts", args=[media.pk]) if may_change else "",
    }
