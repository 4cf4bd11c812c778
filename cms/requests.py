"""Requests that are read as UTF-8, whatever encoding their ``Content-Type`` names.

Django decodes even a query string by that header while the request object is made, outside everything that turns an
exception into an answer: ``charset=hex`` is a codec but gives no text, so any address would end in a bare 500, and other
codecs give half surrogate pairs, which no database takes. :class:`cms.middleware.StorableInputMiddleware` refuses a
form that really is written in something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.utils.http import parse_header_parameters


def _read_content_type(self: HttpRequest, meta: Mapping[str, Any]) -> None:
    self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Utf8WSGIRequest(WSGIRequest):
    """For ``cms.wsgi``."""

    _set_content_type_params = _read_content_type


class Utf8ASGIRequest(ASGIRequest):
    """For ``cms.asgi``."""

    _set_content_type_params = _read_content_type
