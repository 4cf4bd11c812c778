"""A site behind the page cache, in one thread: what a test asks it, and how it hears of changes at once."""

from __future__ import annotations

import gzip
import io
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from articles import site_settings
from articles.following import Follower
from cms.pagecache import Page, PageCache
from cms.requests import Utf8WSGIRequest


class HeldFollower(Follower):
    """Reads the outbox when the test says so, and not by a thread."""

    def is_following(self) -> bool:
        return True

    def hear(self) -> int:
        """As soon as something was committed. A connection does not count what it wrote itself, so nothing is skipped."""
        self._version = None
        return self.poll()

    def poll(self) -> int:
        """Without a date: how long a test takes says nothing."""
        count = super().poll()
        self.heard_at = math.inf
        return count


class Answered:
    """An answer as a browser has it."""

    def __init__(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = int(status.split()[0])
        self.headers = {name.lower(): value for name, value in headers}
        self.raw = body
        self.body = gzip.decompress(body) if body and self.headers.get("content-encoding") == "gzip" else body

    @property
    def how(self) -> str:
        """``hit``, ``miss``, ``stale``, ``shared``; empty where the cache had no part in it."""
        return self.headers.get("x-page-cache", "")

    @property
    def text(self) -> str:
        return self.body.decode()


class CachedSite:
    """Django behind the cache, and without."""

    def __init__(self, **options: Any) -> None:
        self.django = WSGIHandler()
        self.django.request_class = Utf8WSGIRequest
        self.asked: list[str] = []
        self.cache = PageCache(self._ask, max_bytes=options.get("max_bytes", 64_000_000))
        if not options.get("is_shared"):
            # Whatever other tests left in Redis is no page of this site.
            self.cache.shared = None
        self.follower = HeldFollower(self.cache.pages)
        self.cache.follower = self.follower
        self.follower.begin()

    def _ask(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.asked.append(environ["PATH_INFO"].encode("latin-1").decode())
        return self.django(environ, start_response)

    def get(self, path: str, **environ: str) -> Answered:
        """The answer of the site to a request; headers as ``HTTP_…``."""
        return _call(self.cache, path, **environ)

    def fresh(self, path: str) -> Answered:
        """The answer of Django alone, which remembers nothing."""
        site_settings.forget()
        return _call(self.django, path)

    @property
    def kept(self) -> dict[str, Page]:
        """The pages that would be served as they are, by address and query."""
        pages = self.cache.pages.by_key.values()
        return {page.path + (f"?{page.key[1]}" if page.key[1] else ""): page for page in pages if self.cache.is_fresh(page)}


@contextmanager
def connections_kept() -> Iterator[None]:
    """Requests end without closing the connection of the test, which is one and the same."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


def _call(application: Any, path: str, **environ: str) -> Answered:
    address, _mark, query = path.partition("?")
    asked = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": address.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "testserver",
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **environ,
    }
    started: list[Any] = []
    with connections_kept():
        result = application(asked, lambda status, headers, exc_info=None: started.append((status, headers)))
        try:
            body = b"".join(result)
        finally:
            if hasattr(result, "close"):
                result.close()
    return Answered(*started[0], body)


def wait_until(condition: Any, seconds: float = 10) -> None:
    """Until something holds that another thread brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
