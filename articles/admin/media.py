"""The library's files, as far as the desk needs them: upload, texts, a safe deletion."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from articles.admin.base import EditorialAdmin, isolate, show_findings
from articles.editorial.permissions import sees_others, visible_posts
from articles.library import add_media
from articles.models import MediaFile, Post

MAX_UPLOAD = 50 * 1024 * 1024
SHOWN_USES = 5


class MediaForm(forms.ModelForm):
    """Texts of a file; when it is new, the file too."""

    file = forms.FileField(label=gettext_lazy("File"))

    class Meta:
        model = MediaFile
        fields = ["alt", "caption", "credit"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            del self.fields["file"]

    def clean_file(self) -> Any:
        upload = self.cleaned_data["file"]
        if upload.size > MAX_UPLOAD:
            raise ValidationError(
                _("“%(name)s” is larger than %(limit)s. Make it smaller first.")
                % {"name": upload.name, "limit": filesizeformat(MAX_UPLOAD)}
            )
        return upload


@admin.register(MediaFile)
class MediaAdmin(EditorialAdmin):
    """Whoever may see posts may choose any file; its texts belong to who uploaded it and to the editors."""

    form = MediaForm
    list_display = ("thumbnail", "name_line", "content_type", "measures", "alt", "uploaded_by", "created_at")
    list_display_links = ("thumbnail", "name_line")
    list_select_related = ("uploaded_by",)
    search_fields = ("name", "alt", "caption", "credit")
    readonly_fields = (
        "picture",
        "name",
        "content_type",
        "measures",
        "public_address",
        "uses",
        "found",
        "uploaded_by",
        "created_at",
        "sha256",
    )

    def get_fieldsets(self, request: HttpRequest, obj: MediaFile | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["file", "alt", "caption", "credit"]})]
        facts = ["name", "content_type", "measures", "public_address", "uses", "found", "uploaded_by", "created_at", "sha256"]
        return [(None, {"fields": ["picture", "alt", "caption", "credit"]}), (_("About the file"), {"fields": facts})]

    def has_change_permission(self, request: HttpRequest, obj: MediaFile | None = None) -> bool:
        return super().has_change_permission(request, obj) and _belongs(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: MediaFile | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _belongs(request.user, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without the bulk deletion, which knows nothing of where a file is shown."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def save_model(self, request: HttpRequest, obj: MediaFile, form: forms.ModelForm, change: bool) -> None:
        """Stores a new file by its content; one that the library has already keeps its texts."""
        if change:
            super().save_model(request, obj, form, change)
            return
        upload = form.cleaned_data["file"]
        stored = add_media(upload.read(), upload.name, alt=obj.alt, user=cast(User, request.user))
        obj.pk = stored.pk
        if stored.uploaded_by_id == request.user.pk:
            for name in ("alt", "caption", "credit"):
                setattr(stored, name, getattr(obj, name) or getattr(stored, name))
            stored.save(update_fields=["alt", "caption", "credit"])
        else:
            messages.warning(request, _("The library has this file already; it was left as it is."))
        obj.refresh_from_db()

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Refused, with the posts, while the file is shown somewhere."""
        media = self.get_object(request, object_id)
        used = find_uses(media)
        if used.exists():
            messages.error(
                request,
                _("This file is shown in posts. Take it out of them first: %(posts)s") % {"posts": _list(used, request.user)},
            )
            return HttpResponseRedirect(reverse("admin:articles_mediafile_change", args=[media.pk]))
        return super().delete_view(request, object_id, extra_context)

    @admin.display(description=gettext_lazy("picture"))
    def thumbnail(self, media: MediaFile) -> SafeString | str:
        return show_picture(media)

    @admin.display(description=gettext_lazy("picture"))
    def picture(self, media: MediaFile) -> SafeString | str:
        return show_picture(media, large=True)

    @admin.display(description=gettext_lazy("file name"), ordering="name")
    def name_line(self, media: MediaFile) -> SafeString:
        return isolate(media.name)

    @admin.display(description=gettext_lazy("size"), ordering="size")
    def measures(self, media: MediaFile) -> str:
        size = filesizeformat(media.size)
        return f"{media.width} × {media.height}, {size}" if media.width else size

    @admin.display(description=gettext_lazy("address for readers"))
    def public_address(self, media: MediaFile) -> SafeString | str:
        return isolate(media.url) if media.url else _("Not served to readers.")

    @admin.display(description=gettext_lazy("findings"))
    def found(self, media: MediaFile) -> SafeString | str:
        return show_findings(media.findings)

    @admin.display(description=gettext_lazy("shown in"))
    def uses(self, media: MediaFile) -> str:
        number = find_uses(media).count()
        return ngettext("%(number)d post", "%(number)d posts", number) % {"number": number} if number else _("no post")


def find_uses(media: MediaFile) -> QuerySet[Post]:
    """The posts that show the file: as their cover, or by its address in the text."""
    covers = Post.objects.filter(cover=media)
    if not media.public_name:
        return covers
    return (covers | Post.objects.filter(links__url=media.url)).distinct()


def show_picture(media: MediaFile | None, *, large: bool = False) -> SafeString | str:
    """The picture as readers get it, or nothing where they do not."""
    if media is None or not media.is_image or not media.public_name:
        return ""
    kind = "picture" if large else "thumbnail"
    return format_html('<img class="{}" src="{}" alt="{}" loading="lazy" decoding="async">', kind, media.url, media.alt)


def _belongs(user: Any, media: MediaFile | None) -> bool:
    return media is None or media.uploaded_by_id == user.pk or sees_others(user)


def _list(posts: QuerySet[Post], user: Any) -> str:
    """The addresses of the posts as far as the user may see them, and how many others there are."""
    seen = visible_posts(user).filter(pk__in=posts.values("pk"))
    shown = [str(path) for path in seen.values_list("path", flat=True)[:SHOWN_USES]]
    rest = posts.count() - len(shown)
    if rest:
        shown.append(ngettext("%(rest)d other", "%(rest)d others", rest) % {"rest": rest})
    return "、".join(shown)
