"""The pages beside a file of the library: another picture in its place, a former one back, pictures that look alike."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from articles.admin.base import CappedPaginator, EditorialAdmin, is_key
from articles.admin.pictures import MAX_UPLOAD, describe_refusal, describe_too_large, name_upload
from articles.findings import RefusedFile
from articles.models import MediaFile, MediaPair
from articles.replacing import replace_file, restore_version
from articles.stores import StoreError
from articles.uses import count_uses

PAIRS_PER_PAGE = 20


class ReplaceForm(forms.Form):
    """The picture that takes the place."""

    file = forms.FileField(label=gettext_lazy("New picture"), widget=forms.FileInput(attrs={"accept": "image/*"}))

    def clean_file(self) -> Any:
        upload = self.cleaned_data["file"]
        if upload.size > MAX_UPLOAD:
            raise ValidationError(describe_too_large(f"“{upload.name}”"))
        return upload


def show_replace(desk: EditorialAdmin, request: HttpRequest, media: MediaFile) -> HttpResponse:
    """The page on which another picture takes the place of this one. Raises PermissionDenied."""
    if not desk.has_change_permission(request, media):
        raise PermissionDenied
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    form = ReplaceForm(request.POST, request.FILES) if request.method == "POST" else ReplaceForm()
    if form.is_bound and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            replace_file(media, upload.read(), name_upload(upload.name), user=request.user)  # type: ignore[arg-type]
        except RefusedFile as refused:
            form.add_error("file", refused.finding.localised())
        except OSError as error:
            form.add_error("file", describe_refusal(error))
            # What was set on the instance is not in the database.
            media.refresh_from_db()
        else:
            desk.log_change(request, media, [{"changed": {"fields": [_("the picture itself")]}}])
            return _tell(request, media)
    context = {
        **desk.admin_site.each_context(request),
        "opts": desk.opts,
        "title": _("Replace the picture"),
        "media_file": media,
        "form": form,
        "number": count_uses([media])[media.pk],
        "is_replaceable": media.is_image and bool(media.public_name),
    }
    return TemplateResponse(request, "admin/articles/mediafile/replace.html", context)


def bring_back(desk: EditorialAdmin, request: HttpRequest, media: MediaFile, version_id: int) -> HttpResponse:
    """Puts a former picture back in its place. Raises PermissionDenied; Http404 for one of another entry."""
    if not desk.has_change_permission(request, media):
        raise PermissionDenied
    version = media.versions.filter(pk=version_id).first()
    if version is None:
        raise Http404(_("There is no such entry, or it is not yours to see."))
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        restore_version(version, user=request.user)  # type: ignore[arg-type]
    except RefusedFile as refused:
        messages.error(request, refused.finding.localised())
        return HttpResponseRedirect(_address(media))
    except StoreError as error:
        messages.error(request, describe_refusal(error))
        return HttpResponseRedirect(_address(media))
    except OSError:
        messages.error(request, _("The former picture could not be read from the disk. Restore it from a backup first."))
        return HttpResponseRedirect(_address(media))
    media.refresh_from_db()
    desk.log_change(request, media, [{"changed": {"fields": [_("the picture itself")]}}])
    return _tell(request, media)


def show_alike(desk: EditorialAdmin, request: HttpRequest) -> HttpResponse:
    """The pairs of pictures that look alike, the newest first; POST marks a pair as two. Raises PermissionDenied."""
    if not desk.has_view_permission(request):
        raise PermissionDenied
    if request.method == "POST":
        return _dismiss(desk, request)
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    pairs = MediaPair.objects.filter(is_dismissed=False).select_related("first", "second")
    page = CappedPaginator(pairs, PAIRS_PER_PAGE).get_page(request.GET.get("page"))
    files = [media for pair in page for media in (pair.first, pair.second)]
    counts = count_uses(files)
    rows = [
        {"pk": pair.pk, "is_same": pair.distance == 0, "sides": [(side, counts[side.pk]) for side in (pair.second, pair.first)]}
        for pair in page
    ]
    context = {
        **desk.admin_site.each_context(request),
        "opts": desk.opts,
        "title": _("Pictures that look alike"),
        "page": page,
        "rows": rows,
        "may_dismiss": desk.has_change_permission(request),
    }
    return TemplateResponse(request, "admin/articles/mediafile/alike.html", context)


def _dismiss(desk: EditorialAdmin, request: HttpRequest) -> HttpResponse:
    if not desk.has_change_permission(request):
        raise PermissionDenied
    key = request.POST.get("pair", "")
    if is_key(key) and MediaPair.objects.filter(pk=int(key)).update(is_dismissed=True):
        messages.success(request, _("These two will not be named as alike again."))
    return HttpResponseRedirect(reverse("admin:articles_mediafile_alike"))


def _tell(request: HttpRequest, media: MediaFile) -> HttpResponse:
    posts = count_uses([media])[media.pk]
    said = ngettext(
        "The picture was replaced. %(number)d post shows the new one.",
        "The picture was replaced. %(number)d posts show the new one.",
        posts,
    )
    messages.success(request, said % {"number": posts} if posts else _("The picture was replaced. No post shows it."))
    return HttpResponseRedirect(_address(media))


def _address(media: MediaFile) -> str:
    return reverse("admin:articles_mediafile_change", args=[media.pk])
