"""Posts at the desk: the list, the form, the preview. Every button calls a verb of ``articles.editorial``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from articles.admin.base import EditorialAdmin, isolate, read_findings, show_badge, show_moment
from articles.admin.media import show_picture
from articles.admin.post_form import SCHEDULE, OrderedRowsFormSet, PostForm
from articles.admin.preview import render_preview
from articles.editorial import workflow
from articles.editorial.permissions import Verb, can, visible_posts
from articles.editorial.workflow import EditorialError
from articles.models import Post, PostAuthor, PostCategory, PostQuerySet

Act = Callable[[Post, Any, Any], Post]

# What each button does after the form is saved: the verb, and how it is called.
ACTS: dict[str, tuple[Verb, Act]] = {
    "submit": (Verb.SUBMIT, lambda post, user, seen: workflow.submit_for_review(post, user, expected=seen)),
    "return": (Verb.RETURN, lambda post, user, seen: workflow.return_to_draft(post, user, expected=seen)),
    "publish": (Verb.PUBLISH, lambda post, user, seen: workflow.publish(post, user, expected=seen)),
    SCHEDULE: (Verb.PUBLISH, lambda post, user, seen: workflow.publish(post, user, post.published_at, expected=seen)),
    "withdraw": (Verb.WITHDRAW, lambda post, user, seen: workflow.withdraw(post, user, expected=seen)),
    "trash": (Verb.TRASH, lambda post, user, seen: workflow.move_to_trash(post, user)),
    "restore": (Verb.RESTORE, lambda post, user, seen: workflow.restore(post, user)),
}


@dataclass(frozen=True, slots=True)
class Button:
    """One button above the form. ``action`` is where it posts to, empty for the form's own address."""

    name: str
    label: str
    is_main: bool = False
    action: str = ""


class TrashFilter(admin.SimpleListFilter):
    """Posts outside the trash, unless the trash is asked for."""

    title = gettext_lazy("trash")
    parameter_name = "trash"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", gettext_lazy("In the trash"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        return queryset.filter(trashed_at__isnull=self.value() != "1")


class OwnFilter(admin.SimpleListFilter):
    """One's own posts."""

    title = gettext_lazy("belongs to")
    parameter_name = "mine"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", gettext_lazy("Mine"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        return queryset.filter(owner=request.user.pk) if self.value() == "1" else queryset


class PostChangeList(ChangeList):
    """Rows without their texts, with what a line prints in a constant number of queries."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Post]:
        rows: PostQuerySet = super().get_queryset(request, exclude_parameters)  # type: ignore[assignment]
        return rows.light().select_related("cover").prefetch_related("postauthor_set__author")


class OrderedInline(admin.TabularInline):
    """Rows with an order. Whoever may change the post may change them."""

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
class PostAdmin(EditorialAdmin):
    """Nothing here sets a state: buttons and actions call the verbs, which check right and transition again."""

    form = PostForm
    inlines = (AuthorRows, CategoryRows)
    change_form_template = "admin/articles/post/form.html"
    list_display = ("title_line", "state_badge", "thumbnail", "authors_line", "published_line", "modified_line")
    list_display_links = ("title_line",)
    list_filter = ("state", OwnFilter, "kind", "source", "is_edited", TrashFilter)
    search_fields = ("title", "path")
    search_help_text = gettext_lazy("Title, address or by-line")
    ordering = ("-published_at", "-pk")
    autocomplete_fields = ("cover", "series")
    actions = ("trash_chosen", "restore_chosen")
    save_on_top = False

    # --- Who sees what ---

    def get_queryset(self, request: HttpRequest) -> QuerySet[Post]:
        return visible_posts(request.user).order_by(*self.ordering)

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
        return actions

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A post's revisions, credits and former addresses go with it; the right to delete it covers them."""
        shown, counts, _needed, protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), protected

    # --- The list ---

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PostChangeList

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        """Each word in the title, the address or a by-line. Words are separated by blanks, also full-width ones."""
        for word in search_term.replace("\x00", "").split()[:8]:
            credited = PostAuthor.objects.filter(post=OuterRef("pk"), author__name__icontains=word)
            queryset = queryset.filter(Q(title__icontains=word) | Q(path__icontains=word) | Exists(credited))
        return queryset, False

    @admin.display(description=gettext_lazy("picture"), empty_value="")
    def thumbnail(self, post: Post) -> SafeString | str:
        return show_picture(post.cover)

    @admin.display(description=gettext_lazy("title"), ordering="title")
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

    @admin.action(description=gettext_lazy("Move to the trash"))
    def trash_chosen(self, request: HttpRequest, queryset: QuerySet[Post]) -> None:
        self._act_on_each(request, queryset, workflow.move_to_trash)

    @admin.action(description=gettext_lazy("Restore from the trash"))
    def restore_chosen(self, request: HttpRequest, queryset: QuerySet[Post]) -> None:
        self._act_on_each(request, queryset, workflow.restore)

    def _act_on_each(self, request: HttpRequest, posts: Any, act: Callable[[Post, Any], Post]) -> None:
        done, refused = 0, ""
        for post in posts.light():
            try:
                act(post, request.user)
                done += 1
            except EditorialError as error:
                refused = str(error)
                messages.warning(request, format_html("<bdi>{}</bdi>: {}", post.title, refused))
        if done or not refused:
            messages.success(request, ngettext("%(done)d post.", "%(done)d posts.", done) % {"done": done})

    # --- The form ---

    def get_fieldsets(self, request: HttpRequest, obj: Post | None = None) -> Any:
        text = ["title", "body"] if obj is None else ["title", "body", "seen"]
        folded = ("collapse",)
        return [
            (None, {"fields": text}),
            (_("Publication"), {"fields": ["path", "published_at", "kind", "language"], "classes": folded}),
            (_("Tags and series"), {"fields": ["tags", "series", "series_order"], "classes": folded}),
            (_("Cover"), {"fields": ["cover", "cover_alt", "cover_caption"], "classes": folded}),
            (_("Search and sharing"), {"fields": ["custom_excerpt", "description", "canonical_url"], "classes": folded}),
            (_("Update and expiry"), {"fields": ["updated_at", "expires_at"], "classes": folded}),
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
        return form

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "title":
            # Long titles wrap; line ends in it become blanks.
            field.widget = forms.Textarea({"class": "title-text", "rows": 1, "placeholder": _("Title"), "autocomplete": "off"})
        elif field is not None and db_field.name == "body":
            field.widget.attrs = {"class": "body-text", "rows": 28, "placeholder": _("Write here, in Markdown.")}
        elif field is not None and db_field.name == "front_matter":
            field.widget.attrs = {"class": "front-matter-text", "rows": 10, "spellcheck": "false"}
        return without_links(field)

    @admin.display(description=gettext_lazy("Other keys of the file"))
    def other_keys(self, post: Post) -> SafeString | str:
        return show_keys(post.extra) if post and post.extra else "–"

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The form; where a verb refuses it, the same form again with the reason and all that was typed."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except EditorialError as error:
            # The transaction is rolled back by now.
            request.editorial_refusal = str(error)  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

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
            "may_write": can(request.user, Verb.ADD if stored is None else Verb.CHANGE, stored),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def make_buttons(self, request: HttpRequest, post: Post | None) -> list[Button]:
        """What this user can do with the post now; the first is what the Enter key does, which is never to publish."""
        user = request.user
        writes = can(user, Verb.ADD if post is None else Verb.CHANGE, post)
        is_live = post is not None and post.state in workflow.LIVE
        buttons = []
        if writes:
            buttons.append(Button("", _("Update the public post") if is_live else _("Save as draft"), is_main=is_live))
        labels = {
            "submit": _("Submit for review"),
            "return": _("Return to draft"),
            SCHEDULE: _("Schedule"),
            "publish": _("Publish now"),
            "withdraw": _("Withdraw"),
            "trash": _("Move to the trash"),
            "restore": _("Restore"),
        }
        for name, label in labels.items():
            verb = ACTS[name][0]
            state = post.state if post else Post.State.DRAFT
            if verb in workflow.TRANSITIONS and state not in workflow.TRANSITIONS[verb]:
                continue
            if (post is None and verb in (Verb.TRASH, Verb.RESTORE)) or not can(user, verb, post):
                continue
            action = "" if writes or post is None else reverse("admin:articles_post_verb", args=[post.pk, name])
            main = "publish" if can(user, Verb.PUBLISH, post) else "submit"
            buttons.append(Button(name, label, is_main=name == main and not is_live, action=action))
        return buttons

    def save_model(self, request: HttpRequest, obj: Post, form: forms.ModelForm, change: bool) -> None:
        """Nothing yet: the verb writes the whole post at once, when by-lines and categories are read too."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Saves the post by its verb, then does what the button says. Raises EditorialError where a verb refuses."""
        changes = form.changes
        for formset in formsets:
            if formset.has_changed():
                name, key = ("authors", "author") if formset.model is PostAuthor else ("categories", "category")
                changes[name] = formset.chosen(key)
        saved = workflow.save_post(form.instance, request.user, changes, expected=form.seen_at if change else None)
        if form.verb:
            saved = self._act(saved, request, form.verb)
        form.instance.pk = saved.pk
        form.instance.refresh_from_db()

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        return super().construct_change_message(request, form, [], add)

    def response_add(self, request: HttpRequest, obj: Post, post_url_continue: str | None = None) -> HttpResponse:
        return self._respond(request, obj)

    def response_change(self, request: HttpRequest, obj: Post) -> HttpResponse:
        return self._respond(request, obj)

    def _respond(self, request: HttpRequest, post: Post) -> HttpResponse:
        """Back to the post, or to the list when it went to the trash."""
        messages.success(request, describe_state(post))
        if post.trashed_at is not None:
            return HttpResponseRedirect(reverse("admin:articles_post_changelist"))
        return HttpResponseRedirect(reverse("admin:articles_post_change", args=[post.pk]))

    def _act(self, post: Post, request: HttpRequest, name: str, seen: Any = None) -> Post:
        if name not in ACTS:
            raise Http404(_("There is no such step."))
        return ACTS[name][1](post, request.user, seen)

    # --- Addresses of its own ---

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("add/preview/", view(self.preview_view), name="articles_post_preview_new"),
            path("<int:object_id>/preview/", view(self.preview_view), name="articles_post_preview"),
            path("<int:object_id>/verb/<slug:name>/", view(self.verb_view), name="articles_post_verb"),
            *super().get_urls(),
        ]

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

    def preview_view(self, request: HttpRequest, object_id: int | None = None) -> HttpResponse:
        """The post as the site will show it: as saved (GET), or as the form in front of the editor has it (POST)."""
        post = None if object_id is None else self.get_object(request, str(object_id))
        if request.method == "POST":
            if not can(request.user, Verb.ADD if post is None else Verb.CHANGE, post):
                raise PermissionDenied
            return self._preview_form(request, post)
        if post is None or request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["POST"] if post is None else ["GET", "HEAD", "POST"])
        return render_preview(post)

    def _preview_form(self, request: HttpRequest, post: Post | None) -> HttpResponse:
        fields = [name for _heading, options in self.get_fieldsets(request, post) for name in options["fields"]]
        form = self.get_form(request, post, change=post is not None, fields=fields)(request.POST, instance=post)
        form.is_valid()
        related: dict[str, Any] = {"tags": form.cleaned_data.get("tags")}
        for formset_class, inline in self.get_formsets_with_inlines(request, post):
            options = self.get_formset_kwargs(request, form.instance, inline, formset_class.get_default_prefix())
            formset = formset_class(**options)
            formset.is_valid()
            name, key = ("authors", "author") if formset.model is PostAuthor else ("categories", "category")
            related[name] = formset.chosen(key)
        return render_preview(form.instance, derived=False, **related)

    def _preview_url(self, post: Post | None) -> str:
        if post is None:
            return reverse("admin:articles_post_preview_new")
        return reverse("admin:articles_post_preview", args=[post.pk])


def without_links(field: Any) -> Any:
    """A choice that offers to add what is missing, but no links that lead away from the text."""
    if isinstance(getattr(field, "widget", None), RelatedFieldWidgetWrapper):
        field.widget.can_change_related = field.widget.can_view_related = field.widget.can_delete_related = False
    return field


def show_state(post: Post) -> SafeString:
    """The state as readers would put it: what is scheduled or has expired is not called published."""
    now = timezone.now()
    if post.trashed_at is not None:
        return show_badge("trashed", _("in the trash"))
    if post.state in workflow.LIVE and post.expires_at is not None and post.expires_at <= now:
        return show_badge("expired", _("expired"))
    if post.state in workflow.LIVE and post.published_at is not None and post.published_at > now:
        return show_badge("scheduled", _("scheduled"))
    if post.state == Post.State.SCHEDULED:
        return show_badge("published", _("published"))
    return show_badge(post.state, post.get_state_display())


def describe_state(post: Post) -> SafeString | str:
    """What a save or a step led to, in one sentence."""
    if post.trashed_at is not None:
        return format_html(_("“{}” is in the trash, from where it can be restored."), isolate(post.title))
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
