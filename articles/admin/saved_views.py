"""Lists of posts that people keep under a name: their own, and those that editors show to everybody."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from articles.editorial.overview import may_review
from articles.mail import one_line
from articles.models import SavedView

MAX_NAME = 60
MAX_QUERY = 1000
MAX_VIEWS = 50
MAX_SHOWN = 100


def list_views(model_admin: ModelAdmin[Any], request: HttpRequest) -> dict[str, Any]:
    """What the list prints above itself: the kept views, and what of the present one could be kept."""
    query = read_query(model_admin, request, request.GET.urlencode())
    views = SavedView.objects.filter(Q(user=request.user.pk) | Q(is_shared=True)).select_related("user")[:MAX_SHOWN]
    shown = [
        {
            "view": view,
            "url": f"{_list_url()}?{view.query}",
            "is_here": view.query == query,
            "may_forget": may_forget(request.user, view),
        }
        for view in views
    ]
    return {"saved_views": shown, "view_query": query, "may_share": may_review(request.user)}


def keep_view(model_admin: ModelAdmin[Any], request: HttpRequest) -> HttpResponse:
    """Keeps a list under a name; one's own of that name becomes what is kept now. Leads to it."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    name = one_line(request.POST.get("name", "").replace("\x00", ""))[:MAX_NAME]
    query = read_query(model_admin, request, request.POST.get("query", ""))
    if not name or not query:
        wrong = _("Give the view a name.") if query else _("Filter or search the list first; then keep it.")
        messages.error(request, wrong)
        return HttpResponseRedirect(f"{_list_url()}?{query}")
    own = SavedView.objects.filter(user=request.user.pk)
    if own.count() >= MAX_VIEWS and not own.filter(name=name).exists():
        messages.error(request, _("You keep %(number)d views already. Delete one first.") % {"number": MAX_VIEWS})
        return HttpResponseRedirect(f"{_list_url()}?{query}")
    is_shared = bool(request.POST.get("shared")) and may_review(request.user)
    try:
        with transaction.atomic():
            SavedView.objects.update_or_create(
                user=cast(User, request.user), name=name, defaults={"query": query, "is_shared": is_shared}
            )
    except IntegrityError:
        messages.error(request, _("A view of this name was kept at the same moment. Try again."))
    else:
        messages.success(request, _("The view “%(name)s” is kept.") % {"name": name})
    return HttpResponseRedirect(f"{_list_url()}?{query}")


def forget_view(model_admin: ModelAdmin[Any], request: HttpRequest, view_id: int) -> HttpResponse:
    """Deletes a kept view: one's own, or a shared one for those who may share."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    view = SavedView.objects.filter(Q(user=request.user.pk) | Q(is_shared=True), pk=view_id).first()
    if view is None:
        raise Http404(_("There is no such view, or it is not yours to see."))
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not may_forget(request.user, view):
        raise PermissionDenied
    view.delete()
    messages.success(request, _("The view “%(name)s” is deleted. The posts in it stay.") % {"name": view.name})
    return HttpResponseRedirect(_list_url())


def may_forget(user: Any, view: SavedView) -> bool:
    return view.user_id == user.pk or (view.is_shared and may_review(user))


def read_query(model_admin: ModelAdmin[Any], request: HttpRequest, text: str) -> str:
    """What of a query is the list's own: its filters, its search and its order, in one spelling. Nothing else is kept.

    Empty where nothing is left, or where it is too long. It is only ever put behind the list's own address.
    """
    if len(text) > MAX_QUERY * 3:
        return ""
    given = QueryDict(text)
    kept = {}
    for name in sorted(given):
        value = str(given[name])
        is_offered = name in (SEARCH_VAR, ORDER_VAR) or model_admin.lookup_allowed(name, value, request)
        if is_offered and value and "\x00" not in value and not name.startswith("_"):
            kept[name] = value
    query = urlencode(kept)
    return query if len(query) <= MAX_QUERY else ""


def _list_url() -> str:
    return reverse("admin:articles_post_changelist")
