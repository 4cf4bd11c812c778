"""What an answer that is none looks like: the desk's own sheet for staff, the site's for everybody else.

Neither asks the database nor names what was asked for, so that the answer for a hidden thing is that for an absent one.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from articles.site.responses import render_page
from cms.outage import Outage, find_outage

DESK, API = "/admin/", "/api/"
RETRY_AFTER = 5
RETRY_AFTER_MAINTENANCE = 600
_NOT_KEPT = re.compile("password|^csrfmiddlewaretoken$|^sign-in-", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Note:
    """The heading of a page and the sentence below it, which says what to do."""

    title: Promise
    remedy: Promise


_NOTES = {
    400: Note(_("This request cannot be answered"), _("Go back, correct what is named here, and try again.")),
    403: Note(
        _("You may not do this"),
        _("Your account lacks the right. Ask an administrator for it, or go on with something else."),
    ),
    404: Note(
        _("This is not there"),
        _("The entry was deleted, its address was mistyped, or it is not yours to see. Look for it in the lists."),
    ),
    500: Note(
        _("Something went wrong here"),
        _("Nothing was saved. The fault has been recorded; go back, copy your text, and try again in a moment."),
    ),
}
_OUTAGES = {
    Outage.GONE: Note(
        _("The database does not answer"),
        _("Nothing was saved. Go back, copy your text, and try again in a moment."),
    ),
    Outage.READ_ONLY: Note(
        _("The site can only be read at the moment"),
        _(
            "Nothing can be saved and nobody can sign in, but readers see everything. "
            "What you write is kept in this browser; save it later."
        ),
    ),
    Outage.DAMAGED: Note(
        _("The database is damaged"),
        _("Nothing was saved. Copy your text and tell whoever looks after the server; the log says what to do."),
    ),
}
_NOT_SAVED = {
    Outage.GONE: gettext_noop("The database was busy, so nothing was saved. What you sent is still here."),
    Outage.READ_ONLY: gettext_noop(
        "The site can only be read at the moment, so nothing was saved. "
        "What you sent is still here: leave this page open, and send it again later."
    ),
    Outage.DAMAGED: gettext_noop(
        "The database is damaged, so nothing was saved. "
        "What you sent is still here: copy it, and tell whoever looks after the server."
    ),
}


def is_desk(request: HttpRequest) -> bool:
    """Whether an address belongs to staff."""
    return request.path_info.startswith(DESK)


def show_note(request: HttpRequest, status: int, detail: str = "") -> HttpResponse:
    """The page of one status. ``detail`` is a sentence in the active language; it is escaped."""
    if not is_desk(request):
        return render_page(f"{status}.html", {"detail": detail}, language=settings.LANGUAGE_CODE, status=status)
    note = _NOTES[status]
    context = {
        "title": note.title,
        "detail": detail,
        "remedy": note.remedy,
        "site_header": admin.site.site_header,
        "site_title": admin.site.site_title,
    }
    # Without the request: neither who asks nor a token may make two such answers differ.
    return HttpResponse(render_to_string("admin/note.html", context), status=status, headers={"Cache-Control": "no-store"})


def show_bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: Django's own reasons are for developers and are not shown. 503 where the database took no session."""
    outage = find_outage(exception)
    return show_note(request, 400) if outage is None else show_unavailable(request, outage)


def show_forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403."""
    return show_note(request, 403)


def show_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404."""
    return show_note(request, 404)


def show_csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form whose token is not that of the browser: mostly one that was open while somebody signed in anew.

    Where the browser itself says that the form came from here, what was typed comes back with a new token.
    """
    if not is_desk(request) or not _came_from_here(request):
        detail = _("This form could not be checked: it is too old, or this browser refuses the site's cookies.")
        return show_note(request, 403, str(detail)) if is_desk(request) else show_note(request, 403)
    explanation = gettext("You signed in anew since this form was opened, so nothing was saved. What you sent is still here.")
    return show_kept_form(request, gettext("Send the form again"), explanation)


def show_kept_form(
    request: HttpRequest, title: str, explanation: str, sign_in: Any = None, *, status: int = 403, asks_nobody: bool = False
) -> HttpResponse:
    """A form that was not taken, with all that was typed, to be sent again. Passwords and files do not come back.

    ``asks_nobody`` leaves out who is signed in, so that the page needs no database.
    """
    names = [name for name in request.POST if not _NOT_KEPT.search(name)]
    context = {
        "title": title,
        "explanation": explanation,
        "sign_in": sign_in,
        "action": request.get_full_path(),
        "fields": [(name, value) for name in names for value in request.POST.getlist(name)],
        "texts": [request.POST[name] for name in ("title", "body") if request.POST.get(name)],
        "has_files": bool(request.FILES),
        "site_header": admin.site.site_header,
        "site_title": admin.site.site_title,
    }
    if asks_nobody:
        html = render_to_string("admin/kept_form.html", {**context, "csrf_token": get_token(request)})
    else:
        html = render_to_string("admin/kept_form.html", context, request)
    return HttpResponse(html, status=status, headers={"Cache-Control": "no-store"})


def _came_from_here(request: HttpRequest) -> bool:
    return request.method == "POST" and request.headers.get("Origin") == f"{request.scheme}://{request.get_host()}"


def show_server_error(request: HttpRequest) -> HttpResponse:
    """500; 503 where a database fails outside of every view, as when a session is written at the end of an answer."""
    outage = find_outage(sys.exc_info()[1])
    return _show_plain(request, _NOTES[500], 500) if outage is None else show_unavailable(request, outage)


def show_unavailable(request: HttpRequest, outage: Outage = Outage.GONE) -> HttpResponse:
    """503 where the database does not do what was asked. What was typed into a form of the desk comes back, to be sent again."""
    answer = _answer_program(request, outage)
    if answer is None and is_desk(request) and request.method == "POST":
        answer = _keep(request, outage)
    answer = answer or _show_plain(request, _OUTAGES[outage], 503)
    answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def show_maintenance(note: str) -> HttpResponse:
    """503 for readers while the site is worked on; ``note`` is what staff say of it, plain text, or empty. Asks no database."""
    headers = {"Cache-Control": "no-store", "Retry-After": str(RETRY_AFTER_MAINTENANCE)}
    return HttpResponse(render_to_string("503.html", {"note": note}), status=503, headers=headers)


def _answer_program(request: HttpRequest, outage: Outage) -> HttpResponse | None:
    """JSON for a program that reads the API, and for the desk's scripts where they cannot know the reason by themselves."""
    note = _OUTAGES[outage]
    headers = {"Cache-Control": "no-store"}
    if request.path_info.startswith(API):
        said = gettext("This cannot be answered at the moment. Ask again in a few seconds.")
        return JsonResponse({"detail": said, "parameter": ""}, status=503, headers=headers)
    if outage is Outage.READ_ONLY and is_desk(request) and request.headers.get("Accept") == "application/json":
        said = f"{note.title}. {note.remedy}" if get_language() == "en" else f"{note.title}。{note.remedy}"
        return JsonResponse({"refused": said, "complaint": said, "complaints": [said]}, status=503, headers=headers)
    return None


def _keep(request: HttpRequest, outage: Outage) -> HttpResponse | None:
    if any("password" in name.lower() for name in request.POST):
        # Without its passwords, which do not come back, the form is of no use.
        return None
    title, explanation = gettext("Send the form again"), gettext(_NOT_SAVED[outage])
    try:
        return show_kept_form(request, title, explanation, status=503)
    except DatabaseError:
        # It is not busy but gone, and the page asks it who is signed in.
        return show_kept_form(request, title, explanation, status=503, asks_nobody=True)


def _show_plain(request: HttpRequest, note: Note, status: int) -> HttpResponse:
    """From a template that needs nothing: what failed may be what other pages are made with."""
    context = {"note": note if is_desk(request) else None}
    return HttpResponse(render_to_string("500.html", context), status=status, headers={"Cache-Control": "no-store"})
