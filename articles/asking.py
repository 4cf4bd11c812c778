"""Asks this process's own request handler, all its middleware included, as an anonymous reader on the site's own host.

Without a network, and without a line in the log for what is not there: thousands of addresses are asked in a row.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpResponseBase
from django.utils import translation

from articles.shown import SHOWN, Shown

_LOG = logging.getLogger("django.request")


class _Quiet(logging.Filter):
    """What is asked here is told in a report, not in the log; faults of the program are told in both."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR or not getattr(getattr(record, "request", None), "is_quiet", False)


class OwnHandler:
    """The handler, made once; :meth:`ask` may be called as often as one likes."""

    def __init__(self) -> None:
        self.site = urlsplit(settings.SITE_URL)
        self.handler = WSGIHandler()

    def ask(self, target: str, method: str = "GET") -> HttpResponseBase:
        """The answer for ``target``: a path with its query, percent-encoded and beginning with ``/``."""
        return self.ask_noting(target, method)[0]

    def ask_noting(self, target: str, method: str = "GET") -> tuple[HttpResponseBase, Shown | None]:
        """The answer as :meth:`ask` gives it, and what the page shows, where all of that was noted."""
        request = WSGIRequest(self._environ(target, method))
        request.is_quiet = True  # type: ignore[attr-defined]
        # The handler is entered below the server's signals, which would close the connection under a page of the desk; and
        # it sets the language of this thread, which that page speaks too.
        with translation.override(translation.get_language()), _quiet():
            response: HttpResponseBase = self.handler.get_response(request)
        return response, request.META.get(SHOWN)

    def _environ(self, target: str, method: str) -> dict[str, Any]:
        path, _mark, query = target.partition("?")
        host = self.site.hostname or "localhost"
        return {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": host,
            "SERVER_PORT": str(self.site.port or (443 if self.site.scheme == "https" else 80)),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": self.site.netloc,
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": self.site.scheme,
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }


@contextmanager
def _quiet() -> Iterator[None]:
    quiet = _Quiet()
    _LOG.addFilter(quiet)
    try:
        yield
    finally:
        _LOG.removeFilter(quiet)
