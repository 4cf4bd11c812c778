"""Posts at the desk: the list, the form, the preview. Every button calls a verb of ``articles.editorial``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.admin import export, keeping
from articles.admin.base import DeskList, EditorialAdmin, ForgivingMixin, isolate, read_findings, show_badge, show_moment
from articles.admin.bulk import STEPS, take_bulk_step
from articles.admin.corrections import list_corrections, show_correcting, take_back
from articles.admin.history import name_version, open_version, restore_version, show_comparison, show_history
from articles.admin.joining import show_joining
from articles.admin.markdown_help import guide_urls
from articles.admin.media import show_picture
from articles.admin.pictures import MAX_UPLOAD
from articles.admin.post_form import SCHEDULE, TOKENS, OrderedRowsFormSet, PostForm, RowForm, find_base, read_rows
from articles.admin.post_list import FILTERS, PostListMixin, is_trash, with_trasher
from articles.admin.preview import Draft, preview_draft, preview_live, render_preview
from articles.admin.saved_views import forget_view, keep_view
from articles.admin.tables import TablesMixin
from articles.admin.tools import SHORTCUTS, TOOLS
from articles.admin.writing import MAX_RESULTS, answer_rows, find_rows, reading_rates, refuse_method
from articles.editorial import drafts, workflow
from articles.editorial.copies import duplicate
from articles.editorial.corrections import can_correct
from articles.editorial.notices import needs_reason, newest_return
from articles.editorial.permissions import Verb, can, can_export, visible_posts
from articles.editorial.workflow import Clash, EditorialError, Saved
from articles.models import Author, Category, Correction, Post, PostAuthor, PostCategory, PostQuerySet, Redirect, Revision
from articles.referrers import refresh_referrers, target_of
from articles.related import mark_waiting
from articles.search import forget_posts
from articles.sources import describe_unfit
from articles.transfer.resources import RESOURCES

Act = Callable[[Post, Any, Any], Post]

# What each button does after the form is saved: the verb, and how it is called with the date that the form states.
ACTS: dict[str, tuple[Verb, Act]] = {
    "submit": (Verb.SUBMIT, lambda post, user, at: workflow.submit_for_review(post, user)),
    "return": (Verb.RETURN, lambda post, user, at: workflow.return_to_draft(post, user)),
    "publish": (Verb.PUBLISH, lambda post, user, at: workflow.publish(post, user)),
    SCHEDULE: (Verb.PUBLISH, lambda post, user, at: workflow.publish(post, user, at)),
    "withdraw": (Verb.WITHDRAW, lambda post, user, at: workflow.withdraw(post, user)),
    "discard": (Verb.CHANGE, lambda post, user, at: workflow.discard_draft(post, user)),
    "trash": (Verb.TRASH, lambda post, user, at: workflow.move_to_trash(post, user)),
    "restore": (Verb.RESTORE, lambda post, user, at: workflow.restore(post, user)),
}


@dataclass(slots=True)
class SaveOrder:
    """What a form asks for, kept for the case that it cannot be had: ``is_saved`` once the text was taken."""

    changes: dict[str, Any]
    seen: datetime | None
    base: Revision | None
    session: str
    is_saved: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """One button above the form. ``action`` is where it posts to, empty for the form's own address."""

    name: str
    label: str
    is_main: bool = False
    action: str = ""


class PostChangeList(DeskList):
    """Rows without their texts, with what a line prints in a constant number of queries."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Post]:
        rows: PostQuerySet = super().get_queryset(request, exclude_parameters)  # type: ignore[assignment]
        rows = rows.light().select_related("cover").prefetch_related("postauthor_set__author")
        return with_trasher(rows) if is_trash(request) else rows

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        for post in self.result_list:
            post.viewer = request.user


class OrderedInline(ForgivingMixin, admin.TabularInline):
    """Rows with an order. Whoever may change the post may change them."""

    form = RowForm
    formset = OrderedRowsFormSet
    extra = 0
    template = "admin/articles/post/rows.html"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return without_links(super().formfield_for_dbfield(db_field, request, **kwargs))

    def _may(self, request: HttpRequest, obj: Post | None) -> bool:
        return can(request.user, Verb.ADD if obj is None or obj.pk is None else Verb.CHANGE, obj)

    def has_view_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return can(request.user, Verb.VIEW, obj)

    def has_add_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return self._may(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return self._may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return self._may(request, obj)


class AuthorRows(OrderedInline):
    model = PostAuthor
    fields = ("author", "position")
    autocomplete_fields = ("author",)
    verbose_name = gettext_lazy("by-line")
    verbose_name_plural = gettext_lazy("By-lines")


class CategoryRows(OrderedInline):
    model = PostCategory
    fields = ("category", "position")
    autocomplete_fields = ("category",)
    verbose_name = gettext_lazy("category")
    verbose_name_plural = gettext_lazy("Categories")


@admin.register(Post)
class PostAdmin(PostListMixin, TablesMixin, EditorialAdmin):
    """Nothing here sets a state: buttons and actions call the verbs, which check right and transition again."""

    form = PostForm
    resource_classes = (RESOURCES["post"],)
    inlines = (AuthorRows, CategoryRows)
    change_form_template = "admin/articles/post/form.html"
    change_list_template = "admin/articles/post/list.html"
    # The form has a field of its own for them: Django would read them once more, in no order.
    exclude = ("tags",)
    list_display = ("title_line", "state_badge", "thumbnail", "authors_line", "published_line", "modified_line")
    list_display_links = ("title_line",)
    list_filter = FILTERS
    search_fields = ("title", "path")
    search_help_text = gettext_lazy("Title, address or by-line")
    ordering = ("-published_at", "-pk")
    autocomplete_fields = ("cover", "series")
    actions = ("export_chosen", *STEPS)
    save_on_top = False

    # --- Who sees what ---

    def get_queryset(self, request: HttpRequest) -> QuerySet[Post]:
        rows = visible_posts(request.user).order_by(*self.ordering)
        return drafts.with_base(rows) if getattr(request, "is_editing", False) else rows

    def has_view_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return can(request.user, Verb.VIEW, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return can(request.user, Verb.ADD)

    def has_change_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return can(request.user, Verb.CHANGE, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return can(request.user, Verb.DELETE, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without the bulk deletion: posts go to the trash, and are deleted one by one."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        if not can_export(request.user):
            actions.pop("export_chosen", None)
        for name, step in STEPS.items():
            if not can(request.user, step.verb):
                actions.pop(name, None)
        return actions

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A post's versions, credits and former addresses go with it; the right to delete it covers them.

        They are counted, not listed: by-lines, tags and categories themselves stay, which a list of rows does not say.
        """
        _shown, _counts, _needed, protected = super().get_deleted_objects(objs, request)
        keys = [post.pk for post in objs]
        counts = {
            Post._meta.verbose_name_plural: len(keys),
            Revision._meta.verbose_name_plural: Revision.objects.filter(post__in=keys).count(),
            Redirect._meta.verbose_name_plural: Redirect.objects.filter(post__in=keys).count(),
            Correction._meta.verbose_name_plural: Correction.objects.filter(post__in=keys).count(),
        }
        shown = [isolate(post.title) for post in objs]
        return shown, {name: count for name, count in counts.items() if count}, set(), protected

    def delete_model(self, request: HttpRequest, obj: Post) -> None:
        """What leads to the post lets go of it, and search does."""
        gone = replace(target_of(obj), is_public=False)
        mark_waiting([obj])
        forget_posts([obj.pk])
        super().delete_model(request, obj)
        transaction.on_commit(partial(refresh_referrers, [gone]), robust=True)

    # --- The list ---

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PostChangeList

    @admin.display(description=gettext_lazy("picture"), empty_value="")
    def thumbnail(self, post: Post) -> SafeString | str:
        return show_picture(post.cover)

    # By what stands in the index of the list: by the title, every post would be read.
    @admin.display(description=gettext_lazy("title"), ordering="search_key")
    def title_line(self, post: Post) -> SafeString:
        return isolate(post.title)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, post: Post) -> SafeString:
        return show_state(post)

    @admin.display(description=gettext_lazy("by-lines"))
    def authors_line(self, post: Post) -> SafeString:
        return isolate("、".join(credit.author.name for credit in post.postauthor_set.all()))

    @admin.display(description=gettext_lazy("published"), ordering="published_at")
    def published_line(self, post: Post) -> SafeString | str:
        return show_moment(post.published_at)

    @admin.display(description=gettext_lazy("saved"), ordering="modified_at")
    def modified_line(self, post: Post) -> SafeString | str:
        return show_moment(post.modified_at)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"may_export": can_export(request.user), **(extra_context or {})})

    @admin.action(description=gettext_lazy("Export the chosen posts"))
    def export_chosen(self, request: HttpRequest, queryset: QuerySet[Post]) -> Any:
        keys = list(queryset.order_by().values_list("pk", flat=True)[: export.MAX_CHOSEN])
        return export.show_export(request, self.admin_site, keys)

    def export_view(self, request: HttpRequest) -> Any:
        """The page where one chooses what leaves."""
        return export.show_export(request, self.admin_site)

    @admin.action(description=STEPS["submit_chosen"].label)
    def submit_chosen(self, request: HttpRequest, queryset: QuerySet[Post]) -> Any:
        return take_bulk_step(self, request, queryset, "submit_chosen")

    @admin.action(description=STEPS["publish_chosen"].label)
    def publish_chosen(self, request: HttpRequest, queryset: QuerySet[Post]) -> Any:
        return take_bulk_step(self, request, queryset, "publish_chosen")

    @admin.action(description=STEPS["withdraw_chosen"].label)
    def withdraw_chosen(self, request: HttpRequest, queryset: QuerySet[Post]) -> Any:
        return take_bulk_step(self, request, queryset, "withdraw_chosen")

    @admin.action(description=STEPS["trash_chosen"].label)
    def trash_chosen(self, request: HttpRequest, queryset: QuerySet[Post]) -> Any:
        return take_bulk_step(self, request, queryset, "trash_chosen")

    @admin.action(description=STEPS["restore_chosen"].label)
    def restore_chosen(self, request: HttpRequest, queryset: QuerySet[Post]) -> Any:
        return take_bulk_step(self, request, queryset, "restore_chosen")

    # --- The form ---

    def get_fieldsets(self, request: HttpRequest, obj: Post | None = None) -> Any:
        text = ["title", "body", *TOKENS]
        folded = ("collapse",)
        return [
            (None, {"fields": text}),
            (_("Publication"), {"fields": ["path", "published_at", "kind", "language"], "classes": folded}),
            (_("Tags and series"), {"fields": ["tags", "series", "series_order"], "classes": folded}),
            (_("Cover"), {"fields": ["cover", "cover_alt", "cover_caption"], "classes": folded}),
            (
                _("Search and sharing"),
                {"fields": ["custom_excerpt", "description", "canonical_url", "noindex"], "classes": folded},
            ),
            (_("Update, embargo and expiry"), {"fields": ["updated_at", "embargo_until", "expires_at"], "classes": folded}),
            (
                _("The file (advanced)"),
                {
                    "fields": ["other_keys", "front_matter", "source_url", "translation_key", "flavour", "features"],
                    "classes": folded,
                },
            ),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Post | None = None) -> tuple[str, ...]:
        return ("other_keys",)

    def get_form(self, request: HttpRequest, obj: Post | None = None, change: bool = False, **kwargs: Any) -> Any:
        # A class made for this request only.
        form: type[PostForm] = super().get_form(request, obj, change, **kwargs)  # type: ignore[assignment]
        form.user, form.refusal = request.user, getattr(request, "editorial_refusal", "")
        form.version = getattr(request, "opened_version", {})
        return form

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "title":
            # Long titles wrap; line ends in it become blanks.
            attributes = {"class": "title-text", "rows": 1, "placeholder": _("Title")}
            field.widget = forms.Textarea(attributes)
        elif field is not None and db_field.name == "body":
            field.widget.attrs = {"class": "body-text", "rows": 28, "placeholder": _("Write here, in Markdown.")}
        elif field is not None and db_field.name == "front_matter":
            field.widget.attrs = {"class": "front-matter-text", "rows": 10, "spellcheck": "false"}
        return without_links(field)

    @admin.display(description=gettext_lazy("Other keys of the file"))
    def other_keys(self, post: Post) -> SafeString | str:
        return show_keys(post.extra) if post and post.extra else "–"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Post:
        """The post; for the form with the content that it shows: the draft beside it, or the version it was opened on."""
        post: Post = super().get_object(request, object_id, from_field)
        if getattr(request, "is_editing", False):
            return self._open_draft(request, post)
        return post

    def _open_draft(self, request: HttpRequest, post: Post) -> Post:
        base = find_base(post, request.POST.get("base")) if request.method == "POST" else None
        version = getattr(request, "opened_version", {})
        if base is None and post.pending is None and not version:
            return post
        is_current = base is not None and post.pending is None and request.POST.get("seen") == post.modified_at.isoformat()
        if is_current:
            return post
        draft = drafts.open_draft(post, base.snapshot if base is not None else drafts.read_present(post))
        draft.authors, draft.categories = version.get("authors", draft.authors), version.get("categories", draft.categories)
        draft.post.draft = draft  # type: ignore[attr-defined]
        return draft.post

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The form; ``?version=`` fills it with a kept version, which is saved only when a button is pressed."""
        number = request.GET.get("version", "")
        if number and request.method == "GET":
            post = self.get_object(request, object_id)
            if can(request.user, Verb.CHANGE, post):
                request.opened_version = open_version(request, post, number).changes  # type: ignore[attr-defined]
        return super().change_view(request, object_id, form_url, extra_context)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The form; where a verb refuses it, the same form again with the reason and all that was typed."""
        request.is_editing = object_id is not None  # type: ignore[attr-defined]
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Clash as clash:
            if object_id is not None and (answer := self._set_aside(request, object_id)) is not None:
                return answer
            request.editorial_refusal = str(clash)  # type: ignore[attr-defined]
        except EditorialError as error:
            # The transaction is rolled back by now.
            request.editorial_refusal = str(error)  # type: ignore[attr-defined]
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _set_aside(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Keeps what was typed where it met what another had saved, and leads to where the two are brought together."""
        order: SaveOrder = request.save_order  # type: ignore[attr-defined]
        base = order.base
        if base is None:
            return None
        with transaction.atomic():
            post = Post.objects.select_for_update(of=("self",)).get(pk=unquote(object_id))
            if order.is_saved:
                # It was the draft that met an import, when it was to be published.
                post = workflow.save_draft(
                    post, request.user, order.changes, seen=order.seen, base=base, session=order.session
                ).post
                number = post.pending_id
            else:
                kept = workflow.spell_changes(base.snapshot, order.changes)
                number = drafts.set_aside(post, request.user, kept, base, order.session).pk
        messages.warning(
            request, _("Meanwhile the same place was saved elsewhere. Your text is kept; bring the two together here.")
        )
        return HttpResponseRedirect(reverse("admin:articles_post_join", args=[post.pk, number]))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        post: Post | None = kwargs.get("obj")
        stored = Post.objects.get(pk=post.pk) if post is not None else None
        context |= {
            "buttons": self.make_buttons(request, stored),
            "stored": stored,
            "state": show_state(stored) if stored else show_badge("draft", _("new")),
            "saved": show_moment(stored.modified_at) if stored else "",
            "found": read_findings(stored.findings) if stored else [],
            "preview_url": self._preview_url(stored),
            "max_upload": MAX_UPLOAD,
            "reading": reading_rates(stored.language if stored else ""),
            "draft": stored.pending if stored else None,
            "keep_url": reverse("admin:articles_post_keep", args=[stored.pk])
            if stored
            else reverse("admin:articles_post_keep_new"),
            "present_url": reverse("admin:articles_post_present", args=[stored.pk]) if stored else "",
            "open_texts": self._list_open(request, stored),
            "tools": TOOLS,
            "shortcuts": SHORTCUTS,
            "came_back": newest_return(stored) if stored else None,
            "typed_reason": request.POST.get("reason", ""),
            "asks_reason": stored is not None and needs_reason(stored, request.user),
            "duplicate_url": self._duplicate_url(request, stored),
            "corrections": list_corrections(stored) if stored else [],
            "correct_url": self._correct_url(request, stored),
            "may_write": can(request.user, Verb.ADD if stored is None else Verb.CHANGE, stored),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def _list_open(self, request: HttpRequest, post: Post | None) -> list[dict[str, Any]]:
        """What the user wrote on the post and never saved, with the ways to take it up."""
        if post is None or not can(request.user, Verb.CHANGE, post):
            return []
        return [
            {
                "moment": show_moment(revision.created_at),
                "is_set_aside": revision.kind == Revision.Kind.SET_ASIDE,
                "join": reverse("admin:articles_post_join", args=[post.pk, revision.pk]),
                "compare": reverse("admin:articles_post_compare", args=[post.pk]) + f"?before=now&after={revision.pk}",
            }
            for revision in drafts.find_open(post, request.user)
        ]

    def make_buttons(self, request: HttpRequest, post: Post | None) -> list[Button]:
        """What this user can do with the post now; the first is what the Enter key does, which is never to publish."""
        user = request.user
        writes = can(user, Verb.ADD if post is None else Verb.CHANGE, post)
        is_live = post is not None and post.is_live
        is_waiting = post is not None and post.state in workflow.LIVE and not post.is_public
        buttons = []
        if writes:
            buttons.append(Button("", _("Save without publishing") if is_live else _("Save as draft")))
        labels = {
            "submit": _("Submit for review"),
            "return": _("Return to draft"),
            SCHEDULE: _("Change the schedule") if is_waiting else _("Schedule"),
            "publish": _("Publish the changes") if post is not None and post.is_public else _("Publish now"),
            "discard": _("Drop the unpublished changes"),
            "withdraw": _("Withdraw"),
            "trash": _("Move to the trash"),
            "restore": _("Restore"),
        }
        for name, label in labels.items():
            verb = ACTS[name][0]
            if not _is_offered(user, name, verb, post, writes=writes):
                continue
            if (post is None and verb in (Verb.TRASH, Verb.RESTORE)) or not can(user, verb, post):
                continue
            action = "" if writes or post is None else reverse("admin:articles_post_verb", args=[post.pk, name])
            main = "publish" if can(user, Verb.PUBLISH, post) else "submit"
            buttons.append(Button(name, label, is_main=name == main, action=action))
        return buttons

    def save_model(self, request: HttpRequest, obj: Post, form: forms.ModelForm, change: bool) -> None:
        """Nothing yet: the verb writes the whole post at once, when by-lines and categories are read too."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Saves the post by its verb, then does what the button says. Raises EditorialError where a verb refuses."""
        changes = form.changes
        for formset in formsets:
            changes |= formset.changes()
        order = SaveOrder(changes, form.seen_at if change else None, form.base_revision, form.session_name)
        request.save_order = order  # type: ignore[attr-defined]
        encoding = form.instance.encoding
        saved = workflow.save_draft(form.instance, request.user, changes, seen=order.seen, base=order.base, session=order.session)
        order.is_saved = True
        post = saved.post
        if form.verb:
            post = self._act(post, request, form.verb, form.cleaned_data.get("published_at"))
        request.saved = saved  # type: ignore[attr-defined]
        written = saved.post.pending.snapshot if saved.post.pending is not None else vars(saved.post)
        if saved.is_changed and (finding := describe_unfit(written["front_matter"] + written["body"], encoding)):
            messages.warning(request, finding.localised())
        form.instance.pk = post.pk
        form.instance.refresh_from_db()

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        return super().construct_change_message(request, form, [], add)

    def response_add(self, request: HttpRequest, obj: Post, post_url_continue: str | None = None) -> HttpResponse:
        return self._respond(request, obj)

    def response_change(self, request: HttpRequest, obj: Post) -> HttpResponse:
        return self._respond(request, obj)

    def _respond(self, request: HttpRequest, post: Post) -> HttpResponse:
        """Back to the post, or to the list when it went to the trash."""
        saved: Saved | None = getattr(request, "saved", None)
        if saved is not None and saved.is_merged:
            messages.info(
                request, _("Meanwhile the post was saved elsewhere, in other places. Both are in it now; look through it.")
            )
        messages.success(request, describe_state(post))
        if post.trashed_at is not None:
            return HttpResponseRedirect(reverse("admin:articles_post_changelist"))
        return HttpResponseRedirect(reverse("admin:articles_post_change", args=[post.pk]))

    def _act(self, post: Post, request: HttpRequest, name: str, at: datetime | None = None) -> Post:
        if name not in ACTS:
            raise Http404(_("There is no such step."))
        if name == "return":
            reason = request.POST.get("reason", "").replace("\x00", "").replace("\r\n", "\n")
            if needs_reason(post, request.user) and not reason.strip():
                raise EditorialError(_("Say why you return “%(title)s”: its author reads it.") % {"title": post.title})
            return workflow.return_to_draft(post, request.user, reason=reason)
        return ACTS[name][1](post, request.user, at)

    # --- Addresses of its own ---

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            *guide_urls(self.admin_site),
            path("archive/", view(self.export_view), name="articles_post_archive"),
            path("search/", view(self.search_view), name="articles_post_search"),
            path("add/preview/", view(self.preview_view), name="articles_post_preview_new"),
            path("<int:object_id>/preview/", view(self.preview_view), name="articles_post_preview"),
            path("add/keep/", view(self.keep_view), name="articles_post_keep_new"),
            path("<int:object_id>/keep/", view(self.keep_view), name="articles_post_keep"),
            path("<int:object_id>/present/", view(self.present_view), name="articles_post_present"),
            path("<int:object_id>/join/<int:revision_id>/", view(self.join_view), name="articles_post_join"),
            path("views/keep/", view(partial(keep_view, self)), name="articles_post_keep_view"),
            path("views/<int:view_id>/forget/", view(partial(forget_view, self)), name="articles_post_forget_view"),
            path("<int:object_id>/duplicate/", view(self.duplicate_view), name="articles_post_duplicate"),
            path("<int:object_id>/correct/", view(self.correct_view), name="articles_post_correct"),
            path(
                "<int:object_id>/correct/<int:correction_id>/take-back/",
                view(self.take_back_view),
                name="articles_post_take_back_correction",
            ),
            path("<int:object_id>/verb/<slug:name>/", view(self.verb_view), name="articles_post_verb"),
            path("<int:object_id>/history/compare/", view(self.compare_view), name="articles_post_compare"),
            path(
                "<int:object_id>/history/<int:revision_id>/restore/",
                view(self.restore_version_view),
                name="articles_post_restore_version",
            ),
            path(
                "<int:object_id>/history/<int:revision_id>/name/",
                view(self.name_version_view),
                name="articles_post_name_version",
            ),
            *super().get_urls(),
        ]

    def search_view(self, request: HttpRequest) -> HttpResponse:
        """Posts to link to, by words of title, address or by-line, as JSON. Nothing leads to what is in the trash."""
        found: PostQuerySet = find_rows(self, request)  # type: ignore[assignment]
        if refusal := refuse_method(request):
            return refusal
        return answer_rows([describe_post(post) for post in found.filter(trashed_at__isnull=True).light()[:MAX_RESULTS]])

    def verb_view(self, request: HttpRequest, object_id: int, name: str) -> HttpResponse:
        """A step without saving, from the page of a post that the user may see but not change."""
        post = self.get_object(request, str(object_id))
        if name not in ACTS or name == SCHEDULE:
            raise Http404(_("There is no such step."))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not can(request.user, ACTS[name][0], post):
            raise PermissionDenied
        try:
            post = self._act(post, request, name)
        except EditorialError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:articles_post_change", args=[post.pk]))
        self.log_change(request, post, [{"changed": {"fields": [post.get_state_display()]}}])
        return self._respond(request, post)

    def duplicate_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """A new draft from a post that the user may see; leads to it."""
        post = self.get_object(request, str(object_id))
        if not can(request.user, Verb.ADD):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            made = duplicate(post, request.user)
        except EditorialError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:articles_post_change", args=[post.pk]))
        self.log_addition(request, made, [{"added": {}}])
        messages.success(request, format_html(_("This is a copy of “{}”, and yours. Give it a title."), isolate(post.title)))
        return HttpResponseRedirect(reverse("admin:articles_post_change", args=[made.pk]))

    def correct_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The page on which a correction of the post is issued, for those who may publish it."""
        post = self.get_object(request, str(object_id))
        if not can(request.user, Verb.PUBLISH, post):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        return show_correcting(self, request, post)

    def take_back_view(self, request: HttpRequest, object_id: int, correction_id: int) -> HttpResponse:
        """Removes a correction, for those who may publish the post."""
        post = self.get_object(request, str(object_id))
        if not can(request.user, Verb.PUBLISH, post):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return take_back(self, request, post, correction_id)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The kept versions, in place of the admin's log of who pressed which button."""
        return show_history(self, request, self.get_object(request, object_id))

    def compare_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """What differs between two versions of a post that the user may see."""
        return show_comparison(self, request, self.get_object(request, str(object_id)))

    def name_version_view(self, request: HttpRequest, object_id: int, revision_id: int) -> HttpResponse:
        """Names a version, for those who may change the post."""
        post = self.get_object(request, str(object_id))
        if not can(request.user, Verb.CHANGE, post):
            raise PermissionDenied
        return name_version(self, request, post, revision_id)

    def restore_version_view(self, request: HttpRequest, object_id: int, revision_id: int) -> HttpResponse:
        """Brings a version back, for those who may change the post."""
        post = self.get_object(request, str(object_id))
        if not can(request.user, Verb.CHANGE, post):
            raise PermissionDenied
        return restore_version(self, request, post, revision_id)

    def keep_view(self, request: HttpRequest, object_id: int | None = None) -> HttpResponse:
        """Keeps what stands in the form, for the form's script. A new post is made by that."""
        request.is_editing = True  # type: ignore[attr-defined]
        post = None if object_id is None else self.get_object(request, str(object_id))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not can(request.user, Verb.ADD if post is None else Verb.CHANGE, post):
            raise PermissionDenied
        changes = self._read_form(request, post)
        session, is_rescued = keeping.read_session(request.POST), "rescued" in request.POST
        try:
            if post is None:
                made = keeping.find_made(request.user, session)
                if made is None:
                    return keeping.answer_new(keeping.make_kept_post(request.user, changes, session), request.user, session)
                if not can(request.user, Verb.CHANGE, made):
                    raise PermissionDenied
                post, base = made, keeping.find_saved(made, request.user, session)
                keeping.keep_form(post, request.user, changes, base, session, is_rescued=is_rescued)
                if is_rescued and not drafts.find_open(post, request.user):
                    return keeping.answer_held()
                return keeping.answer_new(post, request.user, session)
            base = find_base(post, request.POST.get("base"))
            keeping.keep_form(post, request.user, changes, base, session, is_rescued=is_rescued)
        except EditorialError as error:
            return keeping.answer_refusal(str(error))
        except drafts.FormClosed:
            return keeping.answer_closed(cast(Post, post), request.user, session)
        except Post.DoesNotExist as error:
            raise Http404(_("This post was deleted while you had it open. Copy your text before you leave the page.")) from error
        if is_rescued:
            drafts.forget_presence(session, request.user)
        else:
            keeping.note_presence(post, request.user, request.POST)
        open_texts = self._list_open(request, post) if is_rescued else []
        return keeping.answer_state(post, request.user, request.POST, is_kept=True, open_texts=open_texts)

    def _read_form(self, request: HttpRequest, post: Post | None) -> dict[str, Any]:
        """What of a form can be kept as it was sent: an entry that cannot be is left out, and none is missing."""
        form = self._fill_form(request, post)
        changes = form.changes
        if post is None:
            changes = {name: value for name, value in changes.items() if value not in (None, "")}
        for name, key, model in (("authors", "author", Author), ("categories", "category", Category)):
            if f"post{key}_set-TOTAL_FORMS" in request.POST:
                changes[name] = read_rows(request.POST, f"post{key}_set", key, model)
        return changes

    def _fill_form(self, request: HttpRequest, post: Post | None) -> PostForm:
        fields = [name for _heading, options in self.get_fieldsets(request, post) for name in options["fields"]]
        form: PostForm = self.get_form(request, post, change=post is not None, fields=fields)(request.POST, instance=post)
        form.is_valid()
        return form

    def present_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Says that the form is open, and asks who else has it open."""
        post = self.get_object(request, str(object_id))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not can(request.user, Verb.CHANGE, post):
            raise PermissionDenied
        session = keeping.read_session(request.POST)
        if "closed" not in request.POST and drafts.is_closed(session, request.user):
            return keeping.answer_closed(post, request.user, session)
        keeping.note_presence(post, request.user, request.POST)
        return keeping.answer_state(post, request.user, request.POST, is_kept=False)

    def join_view(self, request: HttpRequest, object_id: int, revision_id: int) -> HttpResponse:
        """Brings together what somebody wrote and what the post holds."""
        post = self.get_object(request, str(object_id))
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        if not can(request.user, Verb.CHANGE, post):
            raise PermissionDenied
        return show_joining(self, request, post, revision_id)

    def preview_view(self, request: HttpRequest, object_id: int | None = None) -> HttpResponse:
        """The post as the site will show it: as saved (GET), or as the form in front of the editor has it (POST)."""
        request.is_editing = request.method == "POST"  # type: ignore[attr-defined]
        post = None if object_id is None else self.get_object(request, str(object_id))
        if request.method == "POST":
            if not can(request.user, Verb.ADD if post is None else Verb.CHANGE, post):
                raise PermissionDenied
            return self._preview_form(request, post)
        if post is None or request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["POST"] if post is None else ["GET", "HEAD", "POST"])
        return render_preview(post, drafts.open_draft(post, drafts.read_present(post)))

    def _preview_form(self, request: HttpRequest, post: Post | None) -> HttpResponse:
        form = self._fill_form(request, post)
        field = form.fields.get("flavour")
        stored_flavour = "" if field is None else str(form.get_initial_for_field(field, "flavour"))
        draft = Draft(form.instance, stored_flavour=stored_flavour, tags=form.cleaned_data.get("tags"))
        draft.authors = read_rows(request.POST, "postauthor_set", "author", Author)
        draft.categories = read_rows(request.POST, "postcategory_set", "category", Category)
        if "application/json" not in request.headers.get("Accept", ""):
            return preview_draft(draft)
        draft.complaints = [
            f"{form.fields[name].label}: {error}"
            for name, errors in form.errors.items()
            if name in form.fields
            for error in errors
        ]
        return preview_live(draft, request.GET.get("view", ""))

    def _duplicate_url(self, request: HttpRequest, post: Post | None) -> str:
        if post is None or not can(request.user, Verb.ADD):
            return ""
        return reverse("admin:articles_post_duplicate", args=[post.pk])

    def _correct_url(self, request: HttpRequest, post: Post | None) -> str:
        is_offered = post is not None and can_correct(post) and can(request.user, Verb.PUBLISH, post)
        return reverse("admin:articles_post_correct", args=[post.pk]) if post is not None and is_offered else ""

    def _preview_url(self, post: Post | None) -> str:
        if post is None:
            return reverse("admin:articles_post_preview_new")
        return reverse("admin:articles_post_preview", args=[post.pk])


def _is_offered(user: Any, name: str, verb: Verb, post: Post | None, *, writes: bool) -> bool:
    """Whether a step can follow on what the form holds, once that is saved."""
    row = post if post is not None else Post()
    if name == "discard":
        return writes and row.pending_id is not None
    if verb not in workflow.TRANSITIONS:
        return True
    # What is written on a public post is saved first, and then there is a draft to be published.
    if name == SCHEDULE and row.is_public:
        # A date to come would take it from its readers until then.
        return False
    will_have_draft = writes and row.is_live and row.pending_submitted_at is None
    if row.is_live and verb is Verb.SUBMIT and can(user, Verb.PUBLISH, row):
        return False
    return (will_have_draft and verb in (Verb.PUBLISH, Verb.SUBMIT)) or workflow.leads_on(row, verb)


def without_links(field: Any) -> Any:
    """A choice that offers to add what is missing, but no links that lead away from the text."""
    if isinstance(getattr(field, "widget", None), RelatedFieldWidgetWrapper):
        field.widget.can_change_related = field.widget.can_view_related = field.widget.can_delete_related = False
    return field


def name_state(post: Post) -> tuple[str, str]:
    """The state as readers would put it, and its word: what is scheduled or has expired is not called published."""
    now = timezone.now()
    if post.trashed_at is not None:
        return "trashed", _("in the trash")
    if post.state in workflow.LIVE and post.expires_at is not None and post.expires_at <= now:
        return "expired", _("expired")
    if post.state in workflow.LIVE and post.published_at is not None and post.published_at > now:
        return "scheduled", _("scheduled")
    if post.state == Post.State.SCHEDULED:
        return "published", _("published")
    return post.state, post.get_state_display()


def show_state(post: Post) -> SafeString:
    """The state as a small label; another says that there is a draft beside what readers see."""
    badge = show_badge(*name_state(post))
    if post.pending_id is None:
        return badge
    is_submitted = post.pending_submitted_at is not None
    changes = show_badge("in_review", _("changes in review")) if is_submitted else show_badge("draft", _("unpublished changes"))
    return format_html("{} {}", badge, changes)


def describe_post(post: Post) -> dict[str, str]:
    """A post as the dialog for links shows it."""
    return {"title": post.title, "path": post.path, "state": name_state(post)[1]}


def describe_state(post: Post) -> SafeString | str:
    """What a save or a step led to, in one sentence."""
    if post.trashed_at is not None:
        return format_html(_("“{}” is in the trash, from where it can be restored."), isolate(post.title))
    if post.is_public and post.pending_id is not None:
        return format_html(_("Saved. Readers see “{}” as it was: these changes are not public yet."), isolate(post.title))
    if post.is_public:
        link = format_html('<a href="{}">{}</a>', post.get_absolute_url(), isolate(post.path))
        return format_html(_("Saved. “{}” is public at {}"), isolate(post.title), link)
    if post.state == Post.State.SCHEDULED and post.published_at:
        return format_html(_("Saved. “{}” will be public from {}."), isolate(post.title), show_moment(post.published_at))
    return format_html(_("Saved. “{}” is “{}” and not public."), isolate(post.title), post.get_state_display())


def show_keys(keys: dict[str, Any]) -> SafeString:
    """Front matter keys that no field stands for, with their values."""
    rows = [format_html("<tr><th scope=row><bdi>{}</bdi></th><td><bdi>{}</bdi></td></tr>", name, keys[name]) for name in keys]
    return format_html('<table class="keys">{}</table>', SafeString("".join(rows)))
