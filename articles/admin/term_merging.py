"""The pages on which terms become one: which of the chosen stays, which may be one, and what was merged and can be undone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.encoding import uri_to_iri
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from articles.admin.base import EditorialAdmin, is_key, isolate
from articles.editorial.term_merges import merge_terms, undo_merge
from articles.editorial.term_posts import count_posts
from articles.editorial.terms import RefusedTerm
from articles.formats.terms import variant_key
from articles.models import Category, TermMerge

MAX_MERGED = 100
"""So many terms become one at once."""
MAX_SHOWN = 50
"""So many merges, and groups of names that may be one, stand on the page."""
MAX_COMPARED = 20_000
"""So many names are compared for it, the newest."""
CONFIRMED, STAYS = "confirmed", "stays"
ACTION = "merge_chosen"


class TermMerging(EditorialAdmin):
    """A list whose terms can become one. For it one needs the right to change that kind of term and to delete it."""

    actions = (ACTION,)

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, f"articles_{self.opts.model_name}"
        return [
            path("merges/", view(self.merges_view), name=f"{name}_merges"),
            path("merges/<int:merge_id>/undo/", view(self.undo_view), name=f"{name}_undo_merge"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"may_merge": self.has_merge_permission(request), **(extra_context or {})})

    def has_merge_permission(self, request: HttpRequest, term: Any = None) -> bool:
        return self.has_change_permission(request, term) and self.has_delete_permission(request, term)

    @admin.action(description=gettext_lazy("Merge into one"), permissions=["merge"])
    def merge_chosen(self, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse | None:
        """The page that asks which of the chosen stays; once that is said, the merge and back to the list."""
        terms = list(chosen[: MAX_MERGED + 1])
        if len(terms) > MAX_MERGED:
            messages.error(request, _("More than %(limit)d are chosen. Merge them in portions.") % {"limit": MAX_MERGED})
            return None
        if len(terms) < 2:
            messages.error(request, _("Choose two or more, and then which of them stays."))
            return None
        if not all(self.has_merge_permission(request, term) for term in terms):
            messages.error(request, _("Some of the chosen entries are not yours to merge. Choose others."))
            return None
        counts = count_posts(terms)
        terms.sort(key=lambda term: (-counts.get(term.pk, 0), term.pk))
        into = next((term for term in terms if str(term.pk) == request.POST.get(STAYS)), None)
        if request.POST.get(CONFIRMED) and into is not None:
            try:
                merge = merge_terms([term for term in terms if term is not into], into, _account(request))
            except RefusedTerm as refused:
                messages.error(request, str(refused))
            else:
                return self._tell(request, merge, into)
        return self._ask(request, terms, counts, into)

    def _ask(self, request: HttpRequest, terms: Sequence[Any], counts: dict[int, int], into: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Merge into one"),
            "opts": self.opts,
            "rows": [(term, counts.get(term.pk, 0), uri_to_iri(term.get_absolute_url())) for term in terms],
            "stays": (into or terms[0]).pk,
            "field": ACTION_CHECKBOX_NAME,
            "action": ACTION,
            "names": {"confirmed": CONFIRMED, "stays": STAYS},
            "back": request.get_full_path(),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/articles/term/merge.html", context)

    def _tell(self, request: HttpRequest, merge: TermMerge, into: Any) -> HttpResponse:
        self.log_change(request, into, _("Merged: %(names)s") % {"names": str(merge)})
        text = ngettext(
            "%(names)s: %(count)d post has it now.", "%(names)s: %(count)d posts have it now.", merge.number_of_posts
        ) % {"names": merge, "count": merge.number_of_posts}
        address = reverse(f"admin:articles_{self.opts.model_name}_merges")
        messages.success(request, format_html('{} <a href="{}">{}</a>', isolate(text), address, _("Undo")))
        return HttpResponseRedirect(request.get_full_path())

    # --- What may be one, and what became one ---

    def merges_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_merge_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        merges = TermMerge.objects.filter(kind=self.opts.model_name).select_related("user").defer("record")[:MAX_SHOWN]
        context = {
            **self.admin_site.each_context(request),
            "title": _("Merge into one"),
            "opts": self.opts,
            "groups": self._find_variants(request),
            "merges": merges,
            "field": ACTION_CHECKBOX_NAME,
            "action": ACTION,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/articles/term/merges.html", context)

    def _find_variants(self, request: HttpRequest) -> list[list[tuple[Any, int]]]:
        """Terms whose names differ only in what Japanese desks vary in, with their numbers of posts; the first groups by name."""
        above = ["parent_id"] if self.model is Category else []
        groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        rows = self.model._default_manager.order_by("-pk").values_list("pk", "name", *above)[:MAX_COMPARED]
        for pk, name, *parent in rows:
            groups[(*parent, variant_key(name))].append(pk)
        alike = [keys for _key, keys in sorted(groups.items(), key=lambda group: str(group[0][-1])) if len(keys) > 1][:MAX_SHOWN]
        terms = {term.pk: term for term in self.model._default_manager.filter(pk__in=[key for keys in alike for key in keys])}
        terms = {key: term for key, term in terms.items() if self.has_merge_permission(request, term)}
        counts = count_posts(list(terms.values()))
        shown = [[(terms[key], counts.get(key, 0)) for key in sorted(keys) if key in terms] for keys in alike]
        return [group for group in shown if len(group) > 1]

    def undo_view(self, request: HttpRequest, merge_id: int) -> HttpResponse:
        if not self.has_merge_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        merge = TermMerge.objects.filter(pk=merge_id, kind=self.opts.model_name).first() if is_key(merge_id) else None
        if merge is None:
            raise Http404(_("There is no such entry, or it is not yours to see."))
        into = self.model._default_manager.filter(pk=merge.into_key).first()
        if into is not None and not self.has_merge_permission(request, into):
            raise PermissionDenied
        try:
            number = undo_merge(merge, _account(request))
        except RefusedTerm as refused:
            messages.error(request, str(refused))
        else:
            self.log_change(request, into, _("Undone: %(names)s") % {"names": str(merge)})
            text = ngettext(
                "They are back, and %(count)d post has them.", "They are back, and %(count)d posts have them.", number
            )
            messages.success(request, text % {"count": number})
        return HttpResponseRedirect(reverse(f"admin:articles_{self.opts.model_name}_merges"))


def _account(request: HttpRequest) -> Any:
    return request.user
