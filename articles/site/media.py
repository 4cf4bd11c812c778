"""Library files over HTTP, where no web server in front serves them."""

from __future__ import annotations

import logging
import posixpath
import re

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from articles.library import find_beside, find_by_former_name
from articles.media import SERVED_TYPES, is_inline
from articles.stores import Stored, StoreError, is_shared, public_store

logger = logging.getLogger(__name__)

# The shape of ``articles.library.public_name``. Anything else below /media/ is no file of ours.
PUBLIC_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{16}/[\w-]{1,80}\.[a-z0-9]{1,5}")
# A file opened on its own must not run or load anything on this origin.
POLICY = "sandbox; default-src 'none'; img-src data:; media-src 'self'; style-src 'unsafe-inline'"
FOR_EVER = "public, max-age=31536000, immutable"
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
RETRY_SECONDS = 10
# What stands in the place of a picture while the store is down; browsers draw it though the answer is an error.
PLACEHOLDER = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="320" height="180" viewBox="0 0 320 180">'
    b'<rect width="320" height="180" fill="#8884"/>'
    b'<path d="M136 108l16-22 12 14 8-9 16 17zM180 72a6 6 0 1 1-.1 0z" fill="#888"/></svg>'
)


def answer_file(request: HttpRequest, name: str) -> HttpResponseBase | None:
    """The file of a public name, a placeholder while the store is down, or ``None`` where there is no such file."""
    try:
        file = find_file(name)
        return serve_file(request, file) if file else None
    except FileNotFoundError:
        # It was removed between the two questions.
        return None
    except StoreError as error:
        logger.warning("%s: %s", error.filename, error.strerror)
        return say_unavailable(name)


def find_file(name: str) -> Stored | None:
    """The file of a public name, or ``None``. Links out of the store lead nowhere. Raises OSError where the store is down."""
    return public_store(is_hurried=True).find(name) if _is_served(name) else None


def is_there(name: str) -> bool:
    """Whether a name of the library can be asked for. A shared store is not asked: its files are there before their rows."""
    return _is_served(name) and (is_shared() or find_file(name) is not None)


def _is_served(name: str) -> bool:
    return PUBLIC_NAME.fullmatch(name) is not None and name.rpartition(".")[2] in SERVED_TYPES


def say_unavailable(name: str) -> HttpResponse:
    """503 while the store is down: a grey picture in the place of a picture, and when to ask again."""
    is_picture = SERVED_TYPES.get(name.rpartition(".")[2], "").startswith("image/")
    response = HttpResponse(PLACEHOLDER if is_picture else b"", status=503)
    response.headers["Content-Type"] = "image/svg+xml" if is_picture else "text/plain; charset=utf-8"
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = POLICY
    return response


def lead_to_replacement(name: str) -> HttpResponse | None:
    """Leads from the address of a picture that was replaced to what stands there now; never kept, for it may come back.

    From that of a variant which is not there, to the whole picture: a page that somebody has open may name it still.
    """
    if not PUBLIC_NAME.fullmatch(name):
        return None
    media = find_beside(name) if name.rpartition("/")[2].startswith("_") else find_by_former_name(name)
    if media is None or not media.url:
        return None
    return HttpResponseRedirect(media.url, headers={"Cache-Control": "no-cache"})


def serve_file(request: HttpRequest, file: Stored) -> HttpResponseBase:
    """The file with its type, kept for ever (its address comes from its content); one byte range where asked for.

    Raises OSError where the store cannot give it.
    """
    etag = f'"{posixpath.basename(posixpath.dirname(file.name))}-{file.size:x}"'
    unchanged = get_conditional_response(request, etag=etag, last_modified=int(file.modified))
    response = unchanged if unchanged and unchanged.status_code == 304 else _body(request, file, etag)
    extension = file.name.rpartition(".")[2]
    response.headers["ETag"] = etag
    response.headers["Last-Modified"] = http_date(file.modified)
    response.headers["Cache-Control"] = FOR_EVER
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Accept-Ranges"] = "bytes"
    if response.status_code != 416:
        response.headers["Content-Type"] = SERVED_TYPES[extension]
        if not is_inline(extension):
            response.headers["Content-Disposition"] = "attachment"
    return response


def _body(request: HttpRequest, file: Stored, etag: str) -> HttpResponseBase:
    wanted = request.headers.get("Range", "")
    if wanted and request.method == "GET" and request.headers.get("If-Range", etag) == etag:
        match = _RANGE.fullmatch(wanted.strip())
        if match and match.group() != "bytes=-":
            return _part(file, match[1], match[2])
    length = {"Content-Length": str(file.size)}
    if request.method == "HEAD":
        return HttpResponse(headers=length)
    return StreamingHttpResponse(public_store(is_hurried=True).stream(file.name), headers=length)


def _part(file: Stored, first: str, last: str) -> HttpResponseBase:
    start = int(first) if first else max(file.size - int(last), 0)
    end = min(int(last), file.size - 1) if first and last else file.size - 1
    if start > end or start >= file.size:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{file.size}"})
    length = end - start + 1
    response = StreamingHttpResponse(public_store(is_hurried=True).stream(file.name, start, length), status=206)
    response.headers["Content-Range"] = f"bytes {start}-{end}/{file.size}"
    response.headers["Content-Length"] = str(length)
    return response
