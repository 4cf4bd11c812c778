"""What writers look for while they write: posts to link to and pictures to show, as JSON for the form's dialogs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from articles.markup.text import CHARACTERS_PER_MINUTE, OTHER_CHARACTERS_PER_MINUTE

MAX_RESULTS = 20
#: Longer than any title that somebody types; SQLite refuses a pattern of some ten thousand characters.
MAX_QUERY = 200
MAX_WORDS = 8


def find_rows(model_admin: ModelAdmin[Any], request: HttpRequest) -> QuerySet[Any]:
    """What ``?q=`` finds among the rows that the user may see: all of them, newest first, where it is empty.

    Raises PermissionDenied for whoever may see none.
    """
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    query = " ".join(request.GET.get("q", "")[:MAX_QUERY].split()[:MAX_WORDS])
    found, _has_duplicates = model_admin.get_search_results(request, model_admin.get_queryset(request), query)
    return found


def answer_rows(rows: list[dict[str, Any]]) -> HttpResponse:
    """The rows, never kept by a browser: the next person at it may see others."""
    return JsonResponse({"results": rows}, headers={"Cache-Control": "no-store"})


def refuse_method(request: HttpRequest) -> HttpResponse | None:
    """The refusal of whatever is no GET."""
    return None if request.method == "GET" else HttpResponseNotAllowed(["GET"])


def reading_rates(language: str) -> dict[str, Any]:
    """Characters read in a minute, for the count under the text; ``language`` counts where the post states none."""
    rates = " ".join(f"{name}:{rate}" for name, rate in CHARACTERS_PER_MINUTE.items())
    return {"rates": rates, "other": OTHER_CHARACTERS_PER_MINUTE, "language": language or settings.LANGUAGE_CODE}
