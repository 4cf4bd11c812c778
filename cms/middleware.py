"""Which language the interface speaks, the policy that every answer carries, and what no database can hold or answer."""

from __future__ import annotations

import codecs
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.translation import gettext as _

from cms.backends.limits import answer_within
from cms.errors import is_desk, show_maintenance, show_note, show_unavailable
from cms.outage import describe_remedy, find_outage, note_outage

logger = logging.getLogger(__name__)

# PostgreSQL refuses NUL even in a question, no database takes half a surrogate pair, and SQLite takes NUL without a word.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
MAX_NOTE = 2000
# A list's search box is a form of its own, which says beside itself what is wrong with it.
SEARCH = "q"


class AdminLocaleMiddleware(LocaleMiddleware):
    """Lets the browser's language choose the desk's language, and never that of a public page.

    A public page speaks its own language, whoever asks: its bytes are cached and shared, so they must not vary by
    ``Accept-Language`` or a cookie.
    """

    def process_request(self, request: HttpRequest) -> None:
        if is_desk(request):
            super().process_request(request)
            return
        translation.activate(settings.LANGUAGE_CODE)
        request.LANGUAGE_CODE = settings.LANGUAGE_CODE

    def process_response(self, request: HttpRequest, response: Any) -> HttpResponseBase:
        if is_desk(request):
            return super().process_response(request, response)
        return response


class StablePolicyMiddleware(CSPMiddleware):
    """Writes the content security policy in one order, whichever process answers.

    The library walks through a set, so two processes answer the same request with different bytes, and a cache or a
    comparison of two sites sees a difference where there is none.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response = super().process_response(request, response)
        if policy := response.headers.get(HEADER):
            response.headers[HEADER] = "; ".join(sorted(policy.split("; ")))
        return response


class StorableInputMiddleware:
    """Refuses with 400, naming the thing, what would be an error of the database in one place and stored in another.

    Looked at are the desk's addresses, their queries and cookies: values that reach a query without passing a form. A
    form's own fields say it beside the field. Public pages look nothing up by such values and ignore cookies.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        complaint = find_complaint(request)
        return show_note(request, 400, complaint) if complaint else self.get_response(request)


class MaintenanceMiddleware:
    """Answers readers with 503 and what staff say of it while ``settings.MAINTENANCE_FILE`` is there.

    The desk, the pictures that it shows and the addresses of health stay: those who work on the site must see it.
    """

    STAYS = (settings.MEDIA_URL, "/healthz", "/readyz")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        note = None if is_desk(request) or request.path_info.startswith(self.STAYS) else read_maintenance_note()
        return self.get_response(request) if note is None else show_maintenance(note)


def read_maintenance_note() -> str | None:
    """What readers are told while the site is worked on; ``None`` while it is not."""
    try:
        return settings.MAINTENANCE_FILE.read_bytes()[:MAX_NOTE].decode("utf-8", "replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        # It is there: whoever put it wanted readers kept out.
        logger.error("The note about maintenance cannot be read: %s", error)
        return ""


class UnavailableMiddleware:
    """Bounds how long a request waits for the database, and answers 503 instead of 500 where that is gone, locked or read-only.

    What fails outside of every view, as the writing of a session, comes to :func:`cms.errors.show_server_error`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        seconds = settings.DATABASE_EDITOR_SECONDS if is_desk(request) else settings.DATABASE_READER_SECONDS
        with answer_within(seconds or None):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        outage = find_outage(exception)
        if outage is None:
            return None
        logger.error("%s %s: %s (%s)", request.method, request.path, exception, describe_remedy(outage))
        note_outage(outage)
        return show_unavailable(request, outage)


def find_complaint(request: HttpRequest) -> str:
    """One sentence about what cannot be read or stored in a request, in the active language; empty where there is nothing."""
    if not is_desk(request):
        return ""
    charset = _foreign_charset(request)
    if charset and request.method == "POST":
        return _("The form was sent as “%(charset)s”. Send it as UTF-8.") % {"charset": charset[:40]}
    if UNSTORABLE.search(request.path_info):
        return _("The address holds a character that cannot be stored (NUL). Leave it out.")
    for name, value in _named_values(request):
        if UNSTORABLE.search(name) or UNSTORABLE.search(value):
            shown = UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", name)[:80]
            return _("“%(name)s” holds a character that cannot be stored (NUL). Leave it out.") % {"name": shown}
    return ""


def _named_values(request: HttpRequest) -> Iterator[tuple[str, str]]:
    for name, values in request.GET.lists():
        yield from ((name, str(value)) for value in values if name != SEARCH)
    yield from request.COOKIES.items()


def _foreign_charset(request: HttpRequest) -> str:
    """The encoding that the header ``Content-Type`` names, unless it is UTF-8 or none."""
    charset = (request.content_params or {}).get("charset", "")
    try:
        return "" if not charset or codecs.lookup(charset).name == "utf-8" else charset
    except (LookupError, ValueError):
        return charset
