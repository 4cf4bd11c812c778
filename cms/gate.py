"""How many requests one process answers at a time: beyond that a short line, beyond the line 503, and a lane for the desk.

A server with more threads than it can feed answers everybody late and nobody well. Here so many pages are made at once as the
machine can make; the threads above them hold who waits and say no at once to who comes when the line is full, so that the server
in front never has a long queue in which an editor or a health check would stand behind readers. So it needs threads above the
lanes: ``--blocking-threads`` of granian at least ``PAGES_AT_ONCE + PAGES_WAITING + DESK_AT_ONCE + 4``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

RETRY_AFTER = 10
SECONDS_IN_LINE = 1.0
"""Of a reader. Who has waited so long reloads, and would be waited for twice."""
SECONDS_OF_EDITORS = 15.0
"""A form that was written for an hour is worth waiting for."""
SECONDS_BETWEEN_LINES = 10.0
"""In the log."""
# Asked by machines that would take this process away, and files that cost nothing but their bytes.
FREE = ("/healthz", "/readyz", "/static/")
DESK, API = "/admin/", "/api/"


class Lane:
    """So many at once, so many in line behind them, for so many seconds at most. Safe for threads."""

    def __init__(self, at_once: int, waiting: int, seconds: float) -> None:
        self._free = threading.Semaphore(at_once)
        self._room = threading.Semaphore(waiting)
        self._seconds = seconds

    def enter(self) -> bool:
        """Whether there was a place, now or within the time. Who entered must :meth:`leave`."""
        if self._free.acquire(blocking=False):
            return True
        if not self._room.acquire(blocking=False):
            return False
        try:
            return self._free.acquire(timeout=self._seconds)
        finally:
            self._room.release()

    def leave(self) -> None:
        """Gives the place to the next."""
        self._free.release()


class Gate:
    """A WSGI application around Django's, behind whatever answers from a cache: what costs nothing needs no place.

    A place is held while an answer is made, not while it is sent.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._readers = _make_lane(settings.PAGES_AT_ONCE, settings.PAGES_WAITING, SECONDS_IN_LINE)
        self._desk = _make_lane(settings.DESK_AT_ONCE, settings.PAGES_WAITING, SECONDS_OF_EDITORS)
        self._said = 0.0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        lane = self._lane_of(environ.get("PATH_INFO", ""))
        if lane is None:
            return self._application(environ, start_response)
        if not lane.enter():
            return self._refuse(environ, start_response)
        try:
            return self._application(environ, start_response)
        finally:
            lane.leave()

    def _lane_of(self, path: str) -> Lane | None:
        if path.startswith(FREE):
            return None
        return self._desk if path.startswith(DESK) else self._readers

    def _refuse(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        now = time.monotonic()
        if now - self._said > SECONDS_BETWEEN_LINES:
            self._said = now
            logger.warning("More is asked for than can be answered; some get 503 (PAGES_AT_ONCE, PAGES_WAITING, DESK_AT_ONCE)")
        is_program = str(environ.get("PATH_INFO", "")).startswith(API)
        body = _BUSY_JSON if is_program else _write_page()
        headers = [
            ("Content-Type", "application/json" if is_program else "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Retry-After", str(RETRY_AFTER)),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'self'; object-src 'none'"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        start_response("503 Service Unavailable", headers)
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]


_BUSY_JSON = b'{"detail": "Too many requests at the moment. Ask again in a few seconds.", "parameter": ""}'
_pages: dict[str, bytes] = {}


def _make_lane(at_once: int, waiting: int, seconds: float) -> Lane | None:
    return Lane(at_once, waiting, seconds) if at_once else None


def _write_page() -> bytes:
    """In the site's language, written once: this page is for when there is no time."""
    language: Any = settings.LANGUAGE_CODE
    if language not in _pages:
        with translation.override(language):
            _pages[language] = render_to_string("busy.html").encode()
    return _pages[language]
