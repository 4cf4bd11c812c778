"""Which language the interface speaks, and the policy that every answer carries."""

from typing import Any

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

ADMIN_PREFIX = "/admin/"


class AdminLocaleMiddleware(LocaleMiddleware):
    """Lets the browser's language choose the desk's language, and never that of a public page.

    A public page speaks its own language, whoever asks: its bytes are cached and shared, so they must not vary by
    ``Accept-Language`` or a cookie.
    """

    def process_request(self, request: HttpRequest) -> None:
        if request.path_info.startswith(ADMIN_PREFIX):
            super().process_request(request)
            return
        translation.activate(settings.LANGUAGE_CODE)
        request.LANGUAGE_CODE = settings.LANGUAGE_CODE

    def process_response(self, request: HttpRequest, response: Any) -> HttpResponseBase:
        if request.path_info.startswith(ADMIN_PREFIX):
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
