"""Library files over HTTP, where no web server in front serves them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from articles.library import find_beside, find_by_former_name
from articles.media import SERVED_TYPES, is_inline

# The shape of ``articles.library.public_name``. Anything else below /media/ is no file of ours.
PUBLIC_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{16}/[\w-]{1,80}\.[a-z0-9]{1,5}")
# A file opened on its own must not run or load anything on this origin.
POLICY = "sandbox; default-src 'none'; img-src data:; media-src 'self'; style-src 'unsafe-inline'"
FOR_EVER = "public, max-age=31536000, immutable"
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_CHUNK = 64 * 1024


def find_file(name: str) -> Path | None:
    """The file of a public name, or ``None``. Links out of ``MEDIA_ROOT`` lead nowhere."""
    if not PUBLIC_NAME.fullmatch(name) or name.rpartition(".")[2] not in SERVED_TYPES:
        return None
    root = Path(settings.MEDIA_ROOT).resolve()
    path = (root / name).resolve()
    return path if path.is_relative_to(root) and path.is_file() else None


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


def serve_file(request: HttpRequest, path: Path) -> HttpResponseBase:
    """The file with its type, kept for ever (its address comes from its content); one byte range where asked for."""
    status = path.stat()
    etag = f'"{path.parent.name}-{status.st_size:x}"'
    unchanged = get_conditional_response(request, etag=etag, last_modified=int(status.st_mtime))
    response = unchanged if unchanged and unchanged.status_code == 304 else _body(request, path, status.st_size, etag)
    extension = path.suffix.lstrip(".")
    response.headers["ETag"] = etag
    response.headers["Last-Modified"] = http_date(status.st_mtime)
    response.headers["Cache-Control"] = FOR_EVER
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Accept-Ranges"] = "bytes"
    if response.status_code != 416:
        response.headers["Content-Type"] = SERVED_TYPES[extension]
        if not is_inline(extension):
            response.headers["Content-Disposition"] = "attachment"
    return response


def _body(request: HttpRequest, path: Path, size: int, etag: str) -> HttpResponseBase:
    wanted = request.headers.get("Range", "")
    if wanted and request.method == "GET" and request.headers.get("If-Range", etag) == etag:
        match = _RANGE.fullmatch(wanted.strip())
        if match and match.group() != "bytes=-":
            return _part(path, size, match[1], match[2])
    if request.method == "HEAD":
        return HttpResponse(headers={"Content-Length": str(size)})
    return FileResponse(path.open("rb"))


def _part(path: Path, size: int, first: str, last: str) -> HttpResponseBase:
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end or start >= size:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    length = end - start + 1
    response = StreamingHttpResponse(_read(path, start, length), status=206)
    response.headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    response.headers["Content-Length"] = str(length)
    return response


def _read(path: Path, start: int, length: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while length > 0 and (chunk := file.read(min(_CHUNK, length))):
            length -= len(chunk)
            yield chunk
