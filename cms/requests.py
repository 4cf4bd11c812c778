"""Requests that are read as UTF-8, whatever encoding their ``Content-Type`` names.

Django decodes even a query string by that header while the request object is made, outside everything that turns an
exception into an answer: ``charset=hex`` is a codec but gives no text, so any address would end in a bare 500, and other
codecs give half surrogate pairs, which no database takes. :class:`cms.middleware.StorableInputMiddleware` refuses a
form that really is written in something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.utils.encoding import escape_uri_path, iri_to_uri
from django.utils.http import parse_header_parameters


def _read_content_type(self: HttpRequest, meta: Mapping[str, Any]) -> None:
    self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Utf8WSGIRequest(WSGIRequest):
    """For ``cms.wsgi``."""

    _set_content_type_params = _read_content_type

    def __init__(self, environ: dict[str, Any]) -> None:
        # Django writes what it decoded over it.
        self._raw_path = environ.get("PATH_INFO", "").encode("latin-1", "replace")
        super().__init__(environ)

    def _get_full_path(self, path: str, force_append_slash: bool) -> str:
        """The address as it was asked for. Raises nothing.

        Bytes that are no UTF-8 stand percent-encoded in Django's path, which Django would encode once more: whoever is sent
        to sign in at ``/admin/%ff`` would come back to ``/admin/%25FF``.
        """
        try:
            self._raw_path.decode("utf-8")
        except UnicodeDecodeError:
            prefix = path.removesuffix(self.path_info)
            quoted = escape_uri_path(prefix) + quote(self._raw_path, safe="/:@!$&'()*+,;=")
            slash = "/" if force_append_slash and not quoted.endswith("/") else ""
            query = iri_to_uri(self.META.get("QUERY_STRING", ""))
            return f"{quoted}{slash}{'?' + query if query else ''}"
        return str(super()._get_full_path(path, force_append_slash))  # type: ignore[misc]


class Utf8ASGIRequest(ASGIRequest):
    """For ``cms.asgi``."""

    _set_content_type_params = _read_content_type
