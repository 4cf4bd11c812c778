"""What the screens of terms say and do when one moves or is deleted; and whose categories they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import model_ngettext
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.encoding import uri_to_iri
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from articles.admin.base import EditorialAdmin, isolate
from articles.editorial.permissions import is_own_category, visible_posts
from articles.editorial.removal import delete_terms
from articles.editorial.term_posts import count_posts, posts_with
from articles.models import Assignment, Category, SiteLink, SiteSettings, Tag

MAX_TITLES = 20
MAX_TERMS = 200


class TermCare(EditorialAdmin):
    """A term leads on from where it was, and its posts are named before it goes."""

    delete_confirmation_template = "admin/articles/term/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/articles/term/delete_selected_confirmation.html"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        column = type(obj).address_column
        before = type(obj)._default_manager.filter(pk=obj.pk).values_list(column, flat=True).first() if change else None
        super().save_model(request, obj, form, change)
        if before and before != getattr(obj, column):
            messages.info(request, self._describe_move(obj, before))

    def _describe_move(self, term: Any, before: str) -> str:
        below = Category.objects.filter(full_slug__startswith=f"{term.full_slug}/").count() if isinstance(term, Category) else 0
        text = _("The former address %(old)s leads on to %(new)s, and so do those of its feeds.")
        if below:
            text = ngettext(
                "The former address %(old)s leads on to %(new)s, and so do those of its feeds and of %(count)d category below.",
                "The former address %(old)s leads on to %(new)s, and so do those of its feeds and of %(count)d categories below.",
                below,
            )
        old = uri_to_iri(reverse(f"articles:{self.opts.model_name}", args=[before]))
        return text % {"old": old, "new": uri_to_iri(term.get_absolute_url()), "count": below}

    # --- Deleting ---

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes, and the first of the posts that lose it; those that the person may not see are only counted."""
        terms = list(objs)
        numbers = count_posts(terms)
        shown: list[Any] = [
            format_html("{} – {}", isolate(term), _describe_number(numbers.get(term.pk, 0))) for term in terms[:MAX_TERMS]
        ]
        if numbers:
            shown.append(self._name_posts(request, terms))
        if links := _count_links(terms):
            text = ngettext(
                "%(count)d link of the site leads there and goes too", "%(count)d links of the site lead there and go too", links
            )
            shown.append(text % {"count": links})
        counts = {model_ngettext(self.opts, len(terms)): len(terms)}
        needed = set() if all(self.has_delete_permission(request, term) for term in terms) else {self.opts.verbose_name}
        return shown, counts, needed, self._list_protected(terms)

    def _name_posts(self, request: HttpRequest, terms: Sequence[Any]) -> list[SafeString | str]:
        posts = posts_with(terms)
        seen = posts.filter(pk__in=visible_posts(request.user).order_by().values("pk"))
        rows = seen.order_by("-published_at", "-pk").values_list("pk", "title")[:MAX_TITLES]
        named: list[SafeString | str] = [
            format_html('<a href="{}">{}</a>', reverse("admin:articles_post_change", args=[pk]), isolate(title))
            for pk, title in rows
        ]
        if rest := posts.count() - len(named):
            named.append(ngettext("%(count)d other post", "%(count)d other posts", rest) % {"count": rest})
        return named

    def _list_protected(self, terms: Sequence[Any]) -> list[SafeString | str]:
        """What does not let a category go: those below it, and accounts that would have no limits any more."""
        if not terms or not isinstance(terms[0], Category):
            return []
        below = Category.objects.filter(parent__in=terms).order_by("full_slug").values_list("pk", "name", "full_slug")
        named: list[SafeString | str] = [
            format_html(
                '<a href="{}">{}</a> ({})', reverse("admin:articles_category_change", args=[pk]), isolate(name), isolate(slug)
            )
            for pk, name, slug in below
        ]
        if limited := Assignment.objects.filter(category__in=terms).values("user").distinct().count():
            text = ngettext("the limits of %(count)d account", "the limits of %(count)d accounts", limited)
            named.append(text % {"count": limited})
        return named

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._delete(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._delete(request, list(queryset))

    def _delete(self, request: HttpRequest, terms: list[Any]) -> None:
        number = delete_terms(terms, request.user)
        if number:
            text = ngettext(
                "%(count)d post lost it. It keeps a version that says so.",
                "%(count)d posts lost it. Each keeps a version that says so.",
                number,
            )
            messages.info(request, text % {"count": number})


class OwnCategories(EditorialAdmin):
    """Whoever is limited to some categories changes and deletes these and those below; the others are only shown."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        # A class of its own for each request.
        form.user = request.user
        return form

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _is_within(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _is_within(request, obj)


def _is_within(request: HttpRequest, category: Category | None) -> bool:
    return category is None or is_own_category(request.user, category.pk)


def check_place(form: forms.ModelForm, user: Any) -> None:
    """Refuses a place in the tree that is not below the categories of a limited account."""
    parent = form.cleaned_data.get("parent")
    if "parent" not in form.errors and not is_own_category(user, parent.pk if parent else None):
        form.add_error("parent", _("Your account is limited to some categories. Choose one of these, or one below them."))


def _count_links(terms: Sequence[Any]) -> int:
    """How many links in the navigation and the foot, as they are now, lead to one of the terms."""
    if not terms or not isinstance(terms[0], Category | Tag):
        return 0
    newest = SiteSettings.objects.order_by("-number").values("pk")[:1]
    return SiteLink.objects.filter(settings__in=newest, **{f"{terms[0]._meta.model_name}__in": terms}).count()


def _describe_number(number: int) -> str:
    return ngettext("%(count)d post has it", "%(count)d posts have it", number) % {"count": number}
