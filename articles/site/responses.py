"""How every public page answers: GET and HEAD only, no cookie, an entity tag of its bytes, one language."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from csp.constants import SELF
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.text import compress_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from articles.edge import tell_page
from articles.shown import SHOWN, noting
from articles.site.context import interface_language
from articles.site_settings import Settings, last_known

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

#: Caches ask every time; the entity tag makes that cheap, and a withdrawn text is gone at once.
ASK_AGAIN = "public, max-age=0, must-revalidate"

#: Bytes below which an answer fits into one packet anyway.
_MIN_COMPRESSED = 1000
_IS_TEXT = re.compile(r"text/|application/(?:[a-z]+\+)?(?:json|xml)")
_TAKES_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")


def public_page(view: View[P]) -> View[P]:
    """For views that only read. An address that takes no POST answers 405 to it, not "CSRF failed".

    The entity tag is that of the bytes just made, so it never confirms a text that is no longer public. There is no
    Last-Modified: a page also shows its neighbours, which change at other times than its post.
    """

    @wraps(view)
    def respond(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        with noting() as shown:
            response = view(request, *args, **kwargs)
        if shown.is_complete:
            # For whoever keeps finished pages, before Django; the environment is that server's own dictionary.
            request.META[SHOWN] = shown
        ask_robots(response)
        if not isinstance(response, HttpResponse) or response.status_code != 200:
            return compress(request, response)
        response.headers.setdefault("Cache-Control", ASK_AGAIN)
        if _is_compressible(response):
            # Before it becomes a confirmation, which says so, too.
            patch_vary_headers(response, ("Accept-Encoding",))
        if shown.is_complete:
            tell_page(response, shown, request.path_info)
        etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
        response.headers["ETag"] = etag
        answer = get_conditional_response(request, etag=etag, response=response) or response
        if policy := getattr(response, "_csp_update", None):
            # The headers of a 304 take the place of those that a browser kept.
            answer._csp_update = policy  # type: ignore[attr-defined]
        return compress(request, answer)

    return csrf_exempt(require_safe(respond))  # type: ignore[return-value]


def compress(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The same answer, by gzip where it is a text of some length, and not streamed, and the browser takes that.

    Public pages hold no secret that their compressed length could tell. Its entity tag becomes a weak one, because the
    bytes are others; it still confirms the page.
    """
    if not isinstance(response, HttpResponse) or not _is_compressible(response):
        return response
    patch_vary_headers(response, ("Accept-Encoding",))
    if not _TAKES_GZIP.search(request.headers.get("Accept-Encoding", "")):
        return response
    response.content = compress_string(response.content)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Length"] = str(len(response.content))
    if (etag := response.headers.get("ETag", "")).startswith('"'):
        response.headers["ETag"] = "W/" + etag
    return response


def _is_compressible(response: HttpResponse) -> bool:
    is_text = _IS_TEXT.match(response.headers.get("Content-Type", "")) is not None
    return is_text and len(response.content) >= _MIN_COMPRESSED and not response.has_header("Content-Encoding")


def allows_ai() -> bool:
    """Whether the site may be read for language models."""
    return settings.AI_USE == "ALLOW"


def robots_text(*, noindex: bool) -> str:
    """What a page asks of programs, for its head and for ``X-Robots-Tag``; empty where it asks nothing.

    ``noai`` and ``noimageai`` are DeviantArt's words, which several makers of data sets follow.
    """
    words = ["noindex"] if noindex else []
    if not allows_ai():
        words += ["noai", "noimageai"]
    return ", ".join(words)


def ask_robots(response: HttpResponseBase, *, noindex: bool = False) -> None:
    """Sets ``X-Robots-Tag``, unless it is set: for what has no head or is read by programs that do not look there."""
    if text := robots_text(noindex=noindex):
        response.headers.setdefault("X-Robots-Tag", text)


def render_page(
    template: str, context: Mapping[str, Any], *, language: str, status: int = 200, noindex: bool = False
) -> HttpResponse:
    """A page in the interface language that goes with ``language``; ``noindex`` asks search engines to leave it out.

    Rendered without the request: whatever a template says, neither a user nor a token can get into shared bytes.
    """
    spoken = interface_language(language)
    # What is no page says so in its own template.
    robots = robots_text(noindex=noindex) if status == 200 else ""
    # A page that says that the database does not answer asks it nothing.
    site: Settings = context.get("site") or last_known()
    shared = {"language": language, "interface_language": spoken, "robots": robots, "site": site}
    with translation.override(spoken):
        html = render_to_string(template, {**context, **shared})
    response = HttpResponse(html.lstrip(), status=status)
    response.headers["Content-Language"] = language
    ask_robots(response, noindex=noindex or status != 200)
    if status != 200:
        response.headers["Cache-Control"] = "no-store"
    if site.analytics:
        # Of all hosts only that one, and on readers' pages only: the desk's never pass here but as previews, without scripts.
        hosts = [SELF, site.analytics.host]
        response._csp_update = {"script-src": hosts, "connect-src": hosts}  # type: ignore[attr-defined]
    return response
