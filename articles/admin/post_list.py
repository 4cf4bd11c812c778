"""The list of posts: what it is filtered by, searched for and kept as, and its trash."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.admin.base import is_key, isolate, show_moment
from articles.admin.saved_views import list_views
from articles.editorial.overview import LATE, LEAVING, WAITING, overdue, to_come
from articles.editorial.permissions import Verb, can
from articles.formats.terms import identity
from articles.models import Author, Category, Post, PostAuthor, PostCategory, Revision

MAX_CHOICES = 200
"""Categories and by-lines that a filter offers; the search finds the others."""
MAX_WORDS = 8
TRASHED = "moved to the trash"
"""The note of the version that going into the trash keeps."""


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


class DueFilter(admin.SimpleListFilter):
    """What is to come, and what is overdue."""

    title = gettext_lazy("due")
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("to_come", gettext_lazy("will appear")),
            (LATE, gettext_lazy("date passed, not published")),
            (WAITING, gettext_lazy("in review for days")),
            (LEAVING, gettext_lazy("leaves the site soon")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        rule = to_come() if self.value() == "to_come" else overdue().get(self.value() or "")
        return queryset if rule is None else queryset.filter(rule)


class CategoryFilter(admin.SimpleListFilter):
    """Posts of a category and of those below it."""

    title = gettext_lazy("category")
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(str(key), name) for key, name in Category.objects.order_by("name").values_list("pk", "name")[:MAX_CHOICES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        key = self.value()
        if not key:
            return queryset
        if not is_key(key):
            return queryset.none()
        below = Category.objects.filter(Q(pk=key) | Q(parent=key) | Q(parent__parent=key)).values_list("pk", flat=True)
        return queryset.filter(pk__in=PostCategory.objects.filter(category__in=list(below)).values("post"))


class AuthorFilter(admin.SimpleListFilter):
    """Posts with a by-line."""

    title = gettext_lazy("by-line")
    parameter_name = "author"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(str(key), name) for key, name in Author.objects.order_by("name").values_list("pk", "name")[:MAX_CHOICES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        key = self.value()
        if not key:
            return queryset
        if not is_key(key):
            return queryset.none()
        return queryset.filter(pk__in=PostAuthor.objects.filter(author=int(key)).values("post"))


class ChangesFilter(admin.SimpleListFilter):
    """Posts with a draft beside what readers see."""

    title = gettext_lazy("unpublished changes")
    parameter_name = "changes"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", gettext_lazy("With unpublished changes")), ("review", gettext_lazy("Changes in review"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        if self.value() == "review":
            # The few first: by the order of the list, a database would look for them among all posts.
            submitted = Post.objects.filter(pending_submitted_at__isnull=False).order_by()
            return queryset.filter(pk__in=submitted.values("pk"))
        return queryset.filter(pending__isnull=False) if self.value() == "1" else queryset


class StateFilter(admin.SimpleListFilter):
    """Posts in a state. Those that readers do not get are few: they are found by an index that holds nothing else."""

    title = gettext_lazy("state")
    parameter_name = "state__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Post.State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        state = self.value()
        if state in (Post.State.DRAFT, Post.State.IN_REVIEW, Post.State.WITHDRAWN):
            return queryset.withheld().filter(state=state)  # type: ignore[attr-defined]
        return queryset.filter(state=state) if state in Post.State.values else queryset


class KindFilter(admin.SimpleListFilter):
    """Articles or standing pages, which are few: they are found by an index that holds nothing else."""

    title = gettext_lazy("kind")
    parameter_name = "kind__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Post.Kind.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        if self.value() == Post.Kind.PAGE:
            return queryset.filter(pk__in=Post.objects.pages().order_by().values("pk"))
        return queryset.filter(kind=self.value()) if self.value() in Post.Kind.values else queryset


FILTERS = (
    StateFilter,
    ChangesFilter,
    OwnFilter,
    DueFilter,
    CategoryFilter,
    AuthorFilter,
    KindFilter,
    "source",
    "is_edited",
    TrashFilter,
)


def find_posts(posts: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Posts that have every word in title, address or a by-line, whatever its width and case.

    Words are separated by blanks, also full-width ones. What is searched stands in the index by which the list is sorted.
    """
    for word in text.replace("\x00", "").split()[:MAX_WORDS]:
        key = identity(word)
        rule = Q(search_key__contains=key)
        # Asked first, as most words are no by-line's: a database does not see that half of an "or" is empty.
        if authors := list(Author.objects.filter(identity__contains=key).values_list("pk", flat=True)[:MAX_CHOICES]):
            rule |= Q(pk__in=PostAuthor.objects.filter(author__in=authors).order_by().values("post"))
        posts = posts.filter(rule)
    return posts


def is_trash(request: HttpRequest) -> bool:
    """Whether the list shows the trash."""
    return request.GET.get(TrashFilter.parameter_name) == "1"


class PostListMixin(ModelAdmin):
    """What the list shows besides its rows: kept views above it, and the trash with who, when, and the ways out."""

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        return find_posts(queryset, search_term), False

    def get_list_display(self, request: HttpRequest) -> Any:
        if is_trash(request):
            return ("title_line", "authors_line", "trashed_line", "trashed_by_line", "way_out")
        return super().get_list_display(request)

    def get_ordering(self, request: HttpRequest) -> Any:
        return ("-trashed_at", "-pk") if is_trash(request) else super().get_ordering(request)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """In the trash posts are restored, outside it they are not."""
        actions = super().get_actions(request)
        for name in [name for name in actions if is_trash(request) != (name == "restore_chosen")]:
            actions.pop(name)
        return actions

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {"is_trash": is_trash(request), **list_views(self, request)}
        if is_trash(request):
            context["title"] = _("Trash")
        return super().changelist_view(request, context | (extra_context or {}))

    @admin.display(description=gettext_lazy("in the trash since"), ordering="trashed_at")
    def trashed_line(self, post: Post) -> SafeString | str:
        return show_moment(post.trashed_at)

    @admin.display(description=gettext_lazy("by"))
    def trashed_by_line(self, post: Any) -> SafeString:
        return isolate(post.trashed_by or "–")

    @admin.display(description=gettext_lazy("what to do"))
    def way_out(self, post: Any) -> SafeString:
        user = post.viewer
        parts = []
        if can(user, Verb.RESTORE, post):
            address = reverse("admin:articles_post_verb", args=[post.pk, "restore"])
            parts.append(
                format_html(
                    '<button type="submit" class="button" formaction="{}">{}<span class="visually-hidden">: {}</span></button>',
                    address,
                    _("Restore"),
                    post.title,
                )
            )
        if can(user, Verb.DELETE, post):
            address = reverse("admin:articles_post_delete", args=[post.pk])
            parts.append(
                format_html(
                    '<a class="deletelink" href="{}">{}<span class="visually-hidden">: {}</span></a>',
                    address,
                    _("Delete for good"),
                    post.title,
                )
            )
        return format_html('<span class="ways-out">{}</span>', SafeString(" ".join(parts)))


def with_trasher(posts: QuerySet[Post]) -> QuerySet[Post]:
    """The rows with the name of who put each into the trash last."""
    last = Revision.objects.filter(post=OuterRef("pk"), note=TRASHED).order_by("-created_at", "-pk")
    return posts.annotate(trashed_by=Subquery(last.values("user__username")[:1]))
