"""Receives an upload straight onto the disk: no file of it is in memory or in the folder for temporary files at any time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, QueryDict, UnreadablePostError, multipartparser
from django.http.multipartparser import (
    FIELD,
    FILE,
    ChunkIter,
    InterBoundaryIter,
    LazyStream,
    MultiPartParserError,
)
from django.utils.datastructures import MultiValueDict
from django.utils.encoding import force_str
from django.utils.translation import gettext as _

from articles.transfer.uploads import Received, UploadBox, UploadRefused, check_size, discard_received

FILE_FIELDS = ("files", "folder")
BLOCK = 256 * 1024
MAX_FIELDS = 20
MAX_FIELD = 4096
MAX_HEADERS = 16 * 1024
"""Of one part: a path of a thousand Japanese characters takes three thousand bytes."""
DRAINED = 64 * 1024 * 1024
"""How much of a refused upload is read on, so that a browser gets to see the answer instead of a broken connection."""


class BoxHandler(FileUploadHandler):
    """Reads the whole form itself. Django's own parser takes a cut connection for the end of a file, keeps no folders of
    the files' names, and counts files by a limit for all forms of the site.

    Afterwards either ``received`` is the archive, or ``complaint`` a sentence for the person and nothing is left on the disk.
    """

    chunk_size = BLOCK

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.received: Received | None = None
        self.complaint = ""

    def handle_raw_input(
        self, input_data: Any, META: Mapping[str, Any], content_length: int, boundary: Any, encoding: str | None = None
    ) -> tuple[QueryDict, MultiValueDict[str, Any]]:
        """The form's plain fields; files go into the box."""
        fields = QueryDict(mutable=True)
        box = UploadBox()
        stream = _Stream(input_data)
        try:
            _take_parts(stream, boundary, content_length, box, fields)
            if stream.count < content_length or b"--" + boundary + b"--" not in stream.tail:
                raise UploadRefused(_describe_cut())
            self.received = box.close()
        except UploadRefused as refused:
            self.complaint = str(refused)
            stream.drain()
        except (UnreadablePostError, MultiPartParserError, SuspiciousOperation):
            self.complaint = _describe_cut()
        finally:
            if self.received is None:
                box.discard()
        fields._mutable = False
        return fields, MultiValueDict()

    def take(self, request: HttpRequest) -> Received | None:
        """The archive, once the form was read; ``None`` with a complaint where there is none."""
        request.POST  # noqa: B018
        if self.received is None and not self.complaint:
            self.complaint = _("Choose a zip, one or more Markdown files, or a folder.")
        return self.received

    def clear(self) -> None:
        """Removes what was received, unless it was moved to where it belongs."""
        if self.received is not None:
            discard_received(self.received)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Never called: :meth:`handle_raw_input` reads everything."""
        raise NotImplementedError

    def file_complete(self, file_size: int) -> None:
        """Never called, as above."""
        raise NotImplementedError


def _describe_cut() -> str:
    return _("The upload broke off before it was complete, so nothing of it was kept. Send it again.")


class _Stream:
    """The body of a request: how much of it came, and how it ended."""

    def __init__(self, body: Any) -> None:
        self.body = body
        self.count = 0
        self.tail = b""

    def read(self, size: int) -> bytes:
        data: bytes = self.body.read(size)
        self.count += len(data)
        if data:
            self.tail = (self.tail + data)[-512:]
        return data

    def drain(self) -> None:
        """Reads on for a while; a connection that breaks has had its answer."""
        left = DRAINED
        try:
            while left > 0 and (data := self.body.read(BLOCK)):
                left -= len(data)
        except UnreadablePostError:
            return


def _read_parts(stream: _Stream, boundary: bytes) -> Iterator[tuple[str, Mapping[str, Any], Any]]:
    """Kind, headers and content of each part. A part's content must be read before the next one is asked for."""
    chunks = ChunkIter(cast(Any, stream), BLOCK)
    for part in InterBoundaryIter(LazyStream(chunks), b"--" + boundary):
        # The stubs do not know it.
        yield multipartparser.parse_boundary_stream(part, MAX_HEADERS)  # type: ignore[attr-defined]


def _take_parts(stream: _Stream, boundary: bytes, length: int, box: UploadBox, fields: QueryDict) -> None:
    for kind, headers, content in _read_parts(stream, boundary):
        disposition = headers.get("content-disposition", ("", {}))[1] if kind in (FIELD, FILE) else {}
        name = force_str(disposition.get("name", ""), errors="replace").strip()
        if kind == FIELD and name:
            _take_field(name, content.read(MAX_FIELD + 1), fields)
        elif kind == FILE and name in FILE_FIELDS and (path := _read_path(disposition.get("filename", b""))):
            if not box.count:
                # Not before: the token stands in front of the files, and without it nobody would be told the reason.
                check_size(length)
            box.begin(path)
            for data in content:
                box.write(data)
            box.end()


def _take_field(name: str, data: bytes, fields: QueryDict) -> None:
    if len(data) > MAX_FIELD or len(fields) >= MAX_FIELDS:
        raise UploadRefused(_("The form holds more than this page sends. Open the page again."))
    fields.appendlist(name, force_str(data, errors="replace"))


def _read_path(name: str | bytes) -> str:
    """The path as the browser named it: browsers write a quotation mark as ``%22`` (WHATWG, multipart/form-data)."""
    return force_str(name, errors="replace").replace("%22", '"')


def watch_upload(request: HttpRequest) -> BoxHandler:
    """Makes the form of ``request`` be received by a box as soon as its first field is asked for."""
    handler = BoxHandler(request)
    request.upload_handlers = [handler]
    return handler
