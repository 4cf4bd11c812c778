"""The pages on which terms become one: which of the chosen stays, which may be one, and what was merged and can be undone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
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

from articles.admin.base import CappedPaginator, EditorialAdmin, is_key, isolate
from articles.editorial.permissions import assigned_categories, is_own_category
from articles.editorial.term_merges import merge_terms, name_in_full, places_of_return, undo_merge
from articles.editorial.term_posts import count_posts
from articles.editorial.terms import RefusedTerm
from articles.formats.terms import variant_key
from articles.models import Category, TermMerge

MAX_MERGED = 100
"""So many terms become one at once."""
MAX_SHOWN = 50
"""So many groups of names that may be one stand on the page, and so many merges on one."""
SLOW = 2000
"""From so many posts on, the page says that it takes a while."""
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
        terms = list(self._with_parents(chosen)[: MAX_MERGED + 1])
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
            "rows": [_describe(term, counts) for term in terms],
            "is_slow": sum(counts.values()) > SLOW,
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
        text = ngettext("%(names)s: %(count)d post got it.", "%(names)s: %(count)d posts got it.", merge.number_of_posts) % {
            "names": merge,
            "count": merge.number_of_posts,
        }
        address = reverse(f"admin:articles_{self.opts.model_name}_merges")
        messages.success(request, format_html('{} <a href="{}">{}</a>', isolate(text), address, _("Undo")))
        return HttpResponseRedirect(request.get_full_path())

    # --- What may be one, and what became one ---

    def merges_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_merge_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        merges = TermMerge.objects.filter(kind=self.opts.model_name).select_related("user")
        if not self._is_limited(request):
            # A record holds a row for each post.
            merges = merges.defer("record")
        page = CappedPaginator(merges, MAX_SHOWN).get_page(request.GET.get("page"))
        into = self.model._default_manager.in_bulk([merge.into_key for merge in page])
        context = {
            **self.admin_site.each_context(request),
            "title": _("Merge into one"),
            "opts": self.opts,
            "groups": self._find_variants(request),
            "page": page,
            "merges": [(merge, merge.undone_at is None and self._may_undo(request, merge, into)) for merge in page],
            "field": ACTION_CHECKBOX_NAME,
            "action": ACTION,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/articles/term/merges.html", context)

    def _find_variants(self, request: HttpRequest) -> list[list[dict[str, Any]]]:
        """Terms whose names differ only in what Japanese desks vary in, with their numbers of posts; the first groups by name."""
        above = ["parent_id"] if self.model is Category else []
        groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        rows = self.model._default_manager.order_by("-pk")
        if self._is_limited(request):
            rows = rows.filter(pk__in=assigned_categories(_account(request)))
        for pk, name, *parent in rows.values_list("pk", "name", *above)[:MAX_COMPARED]:
            if key := variant_key(name):
                groups[(*parent, key)].append(pk)
        found = sorted((str(key[-1]), sorted(keys)[:MAX_MERGED]) for key, keys in groups.items() if len(keys) > 1)[:MAX_SHOWN]
        terms = self._with_parents(self.model._default_manager.all()).in_bulk([key for _name, keys in found for key in keys])
        counts = count_posts(list(terms.values()))
        return [[_describe(terms[key], counts) for key in keys if key in terms] for _name, keys in found]

    def _may_undo(self, request: HttpRequest, merge: TermMerge, into: Mapping[int, Any]) -> bool:
        """Whether the one that stayed is there, and nothing would come back where the account may make nothing."""
        stayed = into.get(merge.into_key)
        if stayed is None or not self.has_merge_permission(request, stayed):
            return False
        account = _account(request)
        return not self._is_limited(request) or all(is_own_category(account, key) for key in places_of_return(merge))

    def _is_limited(self, request: HttpRequest) -> bool:
        return self.model is Category and assigned_categories(_account(request)) is not None

    def _with_parents(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """As deep as an import makes categories: a deeper one costs a query of its own."""
        return rows.select_related("parent__parent__parent__parent") if self.model is Category else rows

    def undo_view(self, request: HttpRequest, merge_id: int) -> HttpResponse:
        if not self.has_merge_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        merge = TermMerge.objects.filter(pk=merge_id, kind=self.opts.model_name).first() if is_key(merge_id) else None
        if merge is None:
            raise Http404(_("There is no such entry, or it is not yours to see."))
        found = self.model._default_manager.in_bulk([merge.into_key])
        if found and not self._may_undo(request, merge, found):
            raise PermissionDenied
        into = found.get(merge.into_key)
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


def _describe(term: Any, counts: Mapping[int, int]) -> dict[str, Any]:
    address = uri_to_iri(term.get_absolute_url())
    return {"term": term, "name": name_in_full(term), "number": counts.get(term.pk, 0), "address": address}


def _account(request: HttpRequest) -> Any:
    return request.user
