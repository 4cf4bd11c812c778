"""The library's files at the desk: found, described, replaced, and deleted once nothing shows them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, UnreadablePostError
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from articles.admin.base import DeskList, isolate, read_findings, show_badge, show_findings, show_moment
from articles.admin.meanwhile import MergingAdmin, MergingForm
from articles.admin.pictures import (
    MAX_UPLOAD,
    TextsForm,
    bound_upload,
    describe_choice,
    describe_refusal,
    describe_too_large,
    only_pictures,
    receive_picture,
    save_texts,
)
from articles.admin.replacement import bring_back, show_alike, show_replace
from articles.admin.writing import MAX_RESULTS, MAX_WORDS, answer_rows, find_rows, refuse_method
from articles.editorial.permissions import sees_others, visible_posts
from articles.library import NewFile, add_many, remove_unused_files
from articles.lookalikes import compare_pictures, find_alike
from articles.models import MediaFile, PictureVariants, Post, PostQuerySet
from articles.queue import enqueue_once
from articles.uses import (
    OtherUses,
    count_other_uses,
    count_uses,
    find_bylines,
    find_kept_uses,
    find_uses,
    is_in_masthead,
    is_linked,
    without_uses,
)

SHOWN_USES = 20
MAX_ENDING = 8
COUNTED_USES = 1_000
SEARCHED = ("name", "alt", "caption", "credit")
TEXTS = ["alt", "is_decorative", "caption"]
RIGHTS = ["credit", "licence", "licence_text", "licence_url"]
FOCUS = ["focus_x", "focus_y"]


class PercentInput(forms.NumberInput):
    """A slider: the arrow keys move it, and it says where it is."""

    input_type = "range"

    def __init__(self) -> None:
        super().__init__(attrs={"min": 0, "max": 100, "step": 1, "class": "focus-slider"})


class MediaForm(MergingForm, TextsForm):
    """Texts, rights and the focal point of a file; when it is new, the file too."""

    file = forms.FileField(label=gettext_lazy("File"))

    class Meta:
        model = MediaFile
        fields = [*TEXTS, *RIGHTS, *FOCUS]
        widgets = dict.fromkeys(FOCUS, PercentInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            del self.fields["file"]

    refusal = ""
    """Why the file could not be stored, where the same form was sent and failed at that."""

    def clean_file(self) -> Any:
        upload = self.cleaned_data["file"]
        if self.refusal:
            raise ValidationError(self.refusal)
        if upload.size > MAX_UPLOAD:
            raise ValidationError(describe_too_large(f"“{upload.name}”"))
        return upload


class ChoiceFilter(admin.SimpleListFilter):
    """A filter whose choices are written out in ``choices_of``: value → its word and the condition."""

    choices_of: dict[str, tuple[Any, Q]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(value, word) for value, (word, _condition) in self.choices_of.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[MediaFile]) -> QuerySet[MediaFile]:
        chosen = self.choices_of.get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


class KindFilter(ChoiceFilter):
    title = gettext_lazy("kind")
    parameter_name = "kind"
    choices_of = {
        "picture": (gettext_lazy("Pictures"), Q(content_type__startswith="image/")),
        "sound": (gettext_lazy("Sound"), Q(content_type__startswith="audio/")),
        "film": (gettext_lazy("Film"), Q(content_type__startswith="video/")),
        "document": (gettext_lazy("Documents and others"), Q(content_type__startswith="application/")),
        "unserved": (gettext_lazy("Not for readers"), Q(public_name="")),
    }


class AltFilter(ChoiceFilter):
    title = gettext_lazy("alternative text")
    parameter_name = "alt"
    choices_of = {
        "missing": (
            gettext_lazy("Missing"),
            Q(alt="", is_decorative=False, content_type__startswith="image/") & ~Q(public_name=""),
        ),
        "decorative": (gettext_lazy("Decorative"), Q(is_decorative=True)),
    }


class UseFilter(admin.SimpleListFilter):
    """Files that nothing shows."""

    title = gettext_lazy("use")
    parameter_name = "use"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("none", gettext_lazy("Shown nowhere"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[MediaFile]) -> QuerySet[MediaFile]:
        return without_uses(queryset) if self.value() == "none" else queryset


class OwnFilter(admin.SimpleListFilter):
    """Files that one brought oneself."""

    title = gettext_lazy("belongs to")
    parameter_name = "mine"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", gettext_lazy("Mine"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[MediaFile]) -> QuerySet[MediaFile]:
        return queryset.filter(uploaded_by=request.user.pk) if self.value() == "1" else queryset


class MediaList(DeskList):
    """Rows that know where they are shown; seven queries for a page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        counts, others = count_uses(rows), count_other_uses(rows)
        for media in rows:
            media.number_of_uses, media.other_uses = counts[media.pk], others[media.pk]
        self.result_list = rows


@admin.register(MediaFile)
class MediaAdmin(MergingAdmin):
    """Whoever may see posts may choose any file; its texts belong to who uploaded it and to the editors."""

    form = MediaForm
    change_form_template = "admin/articles/mediafile/form.html"
    change_list_template = "admin/articles/mediafile/list.html"
    delete_confirmation_template = "admin/articles/mediafile/delete.html"
    list_display = ("thumbnail", "name_line", "alt_line", "uses_line", "rights_line", "measures", "created_line")
    list_display_links = ("name_line",)
    list_filter = (KindFilter, AltFilter, UseFilter, OwnFilter, "licence")
    list_select_related = ("uploaded_by",)
    # The order in which they came, which needs no sorting.
    ordering = ("-pk",)
    search_fields = SEARCHED
    search_help_text = gettext_lazy("File name, alternative text, caption or credit")
    readonly_fields = ("name", "content_type", "measures", "public_address", "found", "uploaded_by", "created_at", "sha256")

    def get_fieldsets(self, request: HttpRequest, obj: MediaFile | None = None) -> Any:
        rights = (_("Credit and licence"), {"fields": RIGHTS})
        if obj is None:
            return [(None, {"fields": ["file", *TEXTS]}), rights]
        facts = ["name", "content_type", "measures", "public_address", "found", "uploaded_by", "created_at", "sha256"]
        focus = [(_("Focal point"), {"fields": FOCUS, "classes": ["focus"]})] if obj.is_image and obj.public_name else []
        return [(None, {"fields": TEXTS}), *focus, rights, (_("About the file"), {"fields": facts, "classes": ["collapse"]})]

    def has_change_permission(self, request: HttpRequest, obj: MediaFile | None = None) -> bool:
        return super().has_change_permission(request, obj) and _belongs(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: MediaFile | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _belongs(request.user, obj)

    # --- Addresses of its own ---

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("search/", view(self.search_view), name="articles_mediafile_search"),
            path("upload/", view(bound_upload(self.upload_view)), name="articles_mediafile_upload"),
            path("alike/", view(self.alike_view), name="articles_mediafile_alike"),
            path("<int:object_id>/texts/", view(self.texts_view), name="articles_mediafile_texts"),
            path("<int:object_id>/replace/", view(bound_upload(self.replace_view)), name="articles_mediafile_replace"),
            path("<int:object_id>/former/<int:version_id>/restore/", view(self.restore_view), name="articles_mediafile_restore"),
            *super().get_urls(),
        ]

    def search_view(self, request: HttpRequest) -> HttpResponse:
        """Pictures that readers get, by words of their name and texts, as JSON."""
        found = only_pictures(find_rows(self, request))
        if refusal := refuse_method(request):
            return refusal
        return answer_rows([describe_choice(media) for media in found.order_by("-created_at", "-pk")[:MAX_RESULTS]])

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        return receive_picture(self, request)

    def alike_view(self, request: HttpRequest) -> HttpResponse:
        return show_alike(self, request)

    def texts_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return save_texts(self, request, self.get_object(request, str(object_id)))

    def replace_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return show_replace(self, request, self.get_object(request, str(object_id)))

    def restore_view(self, request: HttpRequest, object_id: int, version_id: int) -> HttpResponse:
        return bring_back(self, request, self.get_object(request, str(object_id)), version_id)

    # --- The list ---

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return MediaList

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        """Each word in the name or a text. Words are separated by blanks, also full-width ones."""
        for word in search_term.replace("\x00", "").split()[:MAX_WORDS]:
            anywhere = Q()
            for name in SEARCHED:
                anywhere |= Q(**{f"{name}__icontains": word})
            queryset = queryset.filter(anywhere)
        # Every field of a form that names a file of the library shows it as a picture.
        if request.resolver_match is not None and request.resolver_match.url_name == "autocomplete":
            queryset = only_pictures(queryset)
        return queryset, False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without the bulk deletion, which knows nothing of where a file is shown."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @admin.display(description=gettext_lazy("picture"))
    def thumbnail(self, media: MediaFile) -> SafeString | str:
        return show_picture(media)

    @admin.display(description=gettext_lazy("file name"), ordering="name")
    def name_line(self, media: MediaFile) -> SafeString:
        """The name, which may break anywhere but in its ending; whether readers cannot get the file, and why."""
        stem, dot, ending = media.name.rpartition(".")
        name = isolate(media.name)
        if stem and len(ending) <= MAX_ENDING:
            name = format_html('<bdi>{}<span class="name-ending">{}{}</span></bdi>', stem, dot, ending)
        if reason := explain_unserved(media):
            badge = show_badge("withdrawn", _("not for readers"))
            return format_html('{} <span class="media-unserved">{} {}</span>', name, badge, reason)
        return name

    @admin.display(description=gettext_lazy("alternative text"), ordering="alt")
    def alt_line(self, media: MediaFile) -> SafeString | str:
        if media.alt or not media.is_image or not media.public_name:
            return isolate(media.alt)
        return (
            show_badge("decorative", _("decorative"))
            if media.is_decorative
            else show_badge("in_review", _("without alternative text"))
        )

    @admin.display(description=gettext_lazy("shown in"))
    def uses_line(self, media: MediaFile) -> str:
        number, others = getattr(media, "number_of_uses", 0), getattr(media, "other_uses", OtherUses())
        places = [ngettext("%(number)d post", "%(number)d posts", number) % {"number": number}] if number else []
        if others.bylines:
            said = ngettext("%(number)d by-line", "%(number)d by-lines", others.bylines)
            places.append(said % {"number": others.bylines})
        if others.is_in_settings:
            places.append(_("site settings"))
        return "、".join(places) or _("nowhere")

    @admin.display(description=gettext_lazy("credit and licence"))
    def rights_line(self, media: MediaFile) -> SafeString:
        return isolate("　".join(filter(None, [media.credit, str(media.get_licence_display())])))

    @admin.display(description=gettext_lazy("created"), ordering="created_at")
    def created_line(self, media: MediaFile) -> SafeString | str:
        """When it came, and by whom: one column, so that the list fits beside the others' names."""
        moment = show_moment(media.created_at)
        if media.uploaded_by is None:
            return moment
        return format_html('{} <span class="media-fact">{}</span>', moment, isolate(media.uploaded_by))

    # --- One file ---

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Where a file cannot be stored, the form comes back as it was sent, with the reason; no row was made."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except UnreadablePostError:
            raise
        except OSError as error:
            if getattr(request, "refusal", ""):
                raise
            request.refusal = describe_refusal(error)  # type: ignore[attr-defined]
            return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        form.refusal = getattr(request, "refusal", "")
        return form

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        media: MediaFile | None = kwargs.get("obj")
        if media is not None:
            number, posts = list_uses(media, request.user)
            context |= {
                "media_file": media,
                "picture": show_picture(media, large=True),
                "uses": posts,
                "number": number,
                "hidden": number - len(posts),
                "others": list_other_uses(media),
                "unserved": explain_unserved(media),
                "versions": media.versions.select_related("replaced_by"),
                "alike": find_alike(media.likeness, besides=media.pk),
                "may_change": self.has_change_permission(request, media),
                "is_replaceable": media.is_image and bool(media.public_name),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: MediaFile, form: forms.ModelForm, change: bool) -> None:
        """Stores a new file by its content. One that the library has already gets the texts that it lacks."""
        enqueue_once("articles.tasks.make_variants")
        if change:
            super().save_model(request, obj, form, change)
            return
        upload = form.cleaned_data["file"]
        made: list[MediaFile] = []
        brought = NewFile(upload.read(), upload.name, obj.alt)
        (stored,) = add_many([brought], user=cast(User, request.user), made=made)
        stored = MediaFile.objects.select_for_update(of=("self",)).get(pk=stored.pk)
        may_change = bool(made) or self.has_change_permission(request, stored)
        filling = fill_texts(stored, obj, may_change=may_change)
        if filling.taken:
            stored.save(update_fields=filling.taken)
        if made:
            compare_pictures([stored])
        else:
            request.known_file = filling  # type: ignore[attr-defined]
        obj.pk = stored.pk
        obj.refresh_from_db()

    def log_addition(self, request: HttpRequest, obj: MediaFile, message: Any) -> Any:
        """A file that was there already was not added; what it got is a change."""
        known: Filling | None = getattr(request, "known_file", None)
        if known is None:
            return super().log_addition(request, obj, message)
        if known.taken:
            fields = [str(MediaFile._meta.get_field(name).verbose_name) for name in known.taken]  # type: ignore[union-attr]
            return self.log_change(request, obj, [{"changed": {"fields": fields}}])
        return None

    def response_add(self, request: HttpRequest, obj: MediaFile, post_url_continue: str | None = None) -> HttpResponse:
        """One message: that the file was there already, that readers cannot get it, or Django's own."""
        known: Filling | None = getattr(request, "known_file", None)
        if IS_POPUP_VAR in request.POST or (known is None and obj.public_name):
            return super().response_add(request, obj, post_url_continue)
        address = reverse("admin:articles_mediafile_change", args=[obj.pk])
        link = format_html('<a href="{}"><bdi>{}</bdi></a>', address, obj.name)
        if known is not None:
            messages.warning(request, describe_known(link, known))
        if not obj.public_name:
            said = format_html(_("{} is in the library, but readers cannot get it."), link)
            messages.warning(request, format_html("{} {}", said, explain_unserved(obj)))
        return HttpResponseRedirect(request.path if "_addanother" in request.POST and known is None else address)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Refused, with the places, while the file is shown somewhere; kept versions that show it are named before it goes."""
        media = self.get_object(request, object_id)
        used = find_uses(media)
        if used.exists():
            messages.error(
                request,
                _("This file is shown in posts. Take it out of them first: %(posts)s") % {"posts": _list(media, request.user)},
            )
            return HttpResponseRedirect(reverse("admin:articles_mediafile_change", args=[media.pk]))
        if others := list_other_uses(media):
            places = format_html_join("、", '{} <a href="{}"><bdi>{}</bdi></a>', others)
            messages.error(
                request,
                format_html(_("This file is shown beside the posts. Choose another in its place first: {}"), places),
            )
            return HttpResponseRedirect(reverse("admin:articles_mediafile_change", args=[media.pk]))
        kept = find_kept_uses(media)
        seen = visible_posts(request.user).in_bulk([post.pk for post in kept])
        context = {"kept": list(seen.values()), "kept_hidden": len(kept) - len(seen), "is_imported": media.source_files.exists()}
        return super().delete_view(request, object_id, context | (extra_context or {}))

    def delete_model(self, request: HttpRequest, obj: MediaFile) -> None:
        """The copies for readers go with the row, and the originals that nothing else names."""
        stored = [(obj.sha256, obj.public_name), *obj.versions.values_list("sha256", "public_name")]
        super().delete_model(request, obj)
        remove_unused_files([sha256 for sha256, _name in stored], [name for _sha256, name in stored if name])

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What belongs to a file goes with it; the right to delete it covers that."""
        return [isolate(media.name) for media in objs], {MediaFile._meta.verbose_name_plural: len(objs)}, set(), []

    @admin.display(description=gettext_lazy("size"), ordering="size")
    def measures(self, media: MediaFile) -> str:
        size = filesizeformat(media.size)
        return f"{media.width} × {media.height}, {size}" if media.width else size

    @admin.display(description=gettext_lazy("address for readers"))
    def public_address(self, media: MediaFile) -> SafeString | str:
        return isolate(media.url) if media.url else _("Not served to readers.")

    @admin.display(description=gettext_lazy("findings"))
    def found(self, media: MediaFile) -> SafeString | str:
        of_variants = PictureVariants.objects.filter(media=media).values_list("findings", flat=True)
        return show_findings([*media.findings, *chain.from_iterable(of_variants)])


@dataclass(frozen=True, slots=True)
class Filling:
    """What a file got of the texts that came with it, by names of columns; ``kept``: column, the text there, the one typed."""

    taken: list[str]
    kept: list[tuple[str, str, str]]
    may_change: bool = True


def fill_texts(stored: MediaFile, typed: MediaFile, *, may_change: bool) -> Filling:
    """Gives a file the texts that it lacks; what it says already stays. Not saved."""
    filling = Filling([], [], may_change)
    for name in (*TEXTS, *RIGHTS):
        there, wanted = getattr(stored, name), getattr(typed, name)
        if not wanted or wanted == there:
            continue
        # A decorative picture has no alternative text, and one that has is not decorative.
        is_shut = (name == "alt" and stored.is_decorative) or (name == "is_decorative" and stored.alt)
        if there or is_shut or not may_change:
            filling.kept.append((name, _spell(stored, name), _spell(typed, name)))
        else:
            setattr(stored, name, wanted)
            filling.taken.append(name)
    return filling


def describe_known(link: SafeString, known: Filling) -> SafeString:
    """What became of a file, and of its texts, that the library had already."""
    said = [format_html(_("{} was in the library already and was not added again."), link)]
    if known.taken:
        said.append(format_html(_("It had no text there and got yours: {}."), "、".join(map(_label, known.taken))))
    if known.kept:
        reason = (
            _("Yours was not taken, because it says something else there")
            if known.may_change
            else _("It belongs to somebody else, so your texts were not taken")
        )
        template = _("{label}: there “{there}”, yours “{yours}”")
        kept = format_html_join(
            " ／ ",
            "{}",
            ((format_html(template, label=_label(name), there=there, yours=yours),) for name, there, yours in known.kept),
        )
        said.append(format_html("{}: {}", reason, kept))
    return format_html_join(" ", "{}", ((part,) for part in said))


def _label(name: str) -> str:
    return capfirst(str(MediaFile._meta.get_field(name).verbose_name))  # type: ignore[union-attr]


def _spell(media: MediaFile, name: str) -> str:
    value = getattr(media, name)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(media.get_licence_display() if name == "licence" else value) or _("(empty)")


def explain_unserved(media: MediaFile) -> str:
    """Why readers do not get a file, and what to do; empty where they do."""
    if media.public_name:
        return ""
    reasons = " ".join(str(found["message"]) for found in read_findings(media.findings))
    return reasons or _("It is kept privately. Bring it in another form.")


def list_uses(media: MediaFile, user: Any) -> tuple[int, list[Post]]:
    """In how many posts the file is shown, counted to :data:`COUNTED_USES`, and those that the user may see, some of them."""
    used = find_uses(media)
    seen: PostQuerySet = visible_posts(user).filter(pk__in=used.values("pk"))  # type: ignore[assignment]
    return used.order_by().values("pk")[:COUNTED_USES].count(), list(seen.light().order_by("-published_at", "-pk")[:SHOWN_USES])


def list_other_uses(media: MediaFile) -> list[tuple[str, str, str]]:
    """Where the file is shown beside posts: what that is, the address of its form, its name."""
    found = [
        (_("by-line"), reverse("admin:articles_author_change", args=[byline.pk]), byline.name)
        for byline in find_bylines(media)[:SHOWN_USES]
    ]
    settings = reverse("admin:articles_sitesettings_changelist")
    if is_in_masthead(media):
        found.append((_("site settings"), settings, _("picture in the masthead")))
    if is_linked(media):
        found.append((_("site settings"), settings, _("link of the site")))
    return found


def show_picture(media: MediaFile | None, *, large: bool = False) -> SafeString | str:
    """The picture as readers get it, or nothing where they do not."""
    if media is None or not media.is_image or not media.public_name:
        return ""
    kind = "picture" if large else f"thumbnail {media.focus_class}".strip()
    return format_html('<img class="{}" src="{}" alt="{}" loading="lazy" decoding="async">', kind, media.url, media.alt)


def _belongs(user: Any, media: MediaFile | None) -> bool:
    return media is None or media.uploaded_by_id == user.pk or sees_others(user)


def _list(media: MediaFile, user: Any) -> SafeString:
    """Links to the posts as far as the user may see them, and how many others there are."""
    number, posts = list_uses(media, user)
    links = format_html_join(
        "、",
        '<a href="{}"><bdi>{}</bdi></a>',
        ((reverse("admin:articles_post_change", args=[post.pk]), post.title) for post in posts),
    )
    if rest := number - len(posts):
        others = ngettext("%(rest)d other", "%(rest)d others", rest) % {"rest": rest}
        return format_html("{}、{}", links, others) if posts else SafeString(others)
    return links
