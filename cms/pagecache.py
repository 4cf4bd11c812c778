"""Finished pages in front of Django: compressed bytes with their headers, served before any of its machinery runs.

What may be kept is decided twice. A *request* is looked up only if nothing in it can change the page: GET or HEAD, an allowed
host, no session, no query but that of lists; Django is then asked with an environment that holds nothing else, so that no
header, cookie or noise can get into shared bytes. An *answer* is kept only if its view noted all that it shows
(:mod:`articles.shown`), with status 200, without a cookie. Everything else passes through untouched.

Pages leave when what they show changes (:mod:`cms.following`), never by a guess at a time; :data:`MAX_AGE` only bounds what a
mistake there could do. Where Redis is configured, a page that one process made serves all, and one of them makes it.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.core.cache import cache
from django.db import Error as DatabaseError
from django.http.request import split_domain_port, validate_host

from articles.addresses import bare_form
from articles.changes import Seen
from articles.following import SKEW, Follower, Portion
from articles.release import digest_of, list_ingredients
from articles.shown import SHOWN, Marks, Shown
from cms.routers import NEEDED, read_position

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
Key = tuple[str, str]

MAX_AGE = 600.0
"""Seconds after which a page is made anew, whatever the changes say."""
DEAF = 10.0
"""Seconds without word from the database after which no page is believed without asking."""
RETRY = 2.0
"""Seconds for which an old page is served without asking again, where it could not be made anew."""
WAIT = 5.0
"""Seconds that a reader waits for a page that another one has asked for and that is not there."""
PATIENCE = 1.0
"""Seconds that a reader waits where the page is there, but of before a change: for so long a publication may stay unseen."""
MAX_PAGE = 2_000_000
LEAST_COMPRESSED = 1000
QUERY_SHARE = 4
"""Pages with a query get one part in so many of the room, so that made-up queries push out no other page."""
LOG = 1000
"""Portions of changes that are remembered, against which a page is held that was begun before them."""
_LISTED = ("before", "from")
_NOISE = re.compile(r"utm_\w+|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|twclid|ttclid|igshid|mc_cid|mc_eid|_ga|_gl|_hs\w+")
_PASSES = ("/admin", "/api/", "/search", "/sitemap", "/healthz", "/readyz")
_NO_GZIP = re.compile(r"\bgzip\b\s*;\s*q=0(?:\.0*)?\s*(?:,|$)")
_TEXT = re.compile(r"text/|application/(?:[a-z]+\+)?(?:json|xml)")
# What says which site is asked for, and nothing of who asks.
_KEPT_HEADERS = ("HTTP_HOST", "HTTP_X_FORWARDED_PROTO")
_OF_BYTES = ("content-length", "content-encoding", "etag", "date", "x-page-cache")


@dataclass(slots=True)
class Page:
    """A finished page. ``body`` is compressed where ``is_packed``. ``seen`` are the changes that it can hold."""

    key: Key
    path: str
    body: bytes
    is_packed: bool
    etag: str
    headers: Headers
    shown: Shown
    seen: Seen
    made_at: float
    is_stale: bool = False
    is_used: bool = False
    retry_at: float = 0.0

    @property
    def size(self) -> int:
        """Bytes that it takes, roughly."""
        return len(self.body) + 2000 + 100 * len(self.shown.keys)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Django gave: ``page`` where that may be kept, else status, headers and body."""

    status: str
    headers: Headers
    body: Iterable[bytes]
    page: Page | None = None


# --- The store ------------------------------------------------------------------------------------------------------


class Pages:
    """The pages of one process, within a bound of bytes; the least used go first (a clock, not a strict order)."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = {False: max_bytes - max_bytes // QUERY_SHARE, True: max_bytes // QUERY_SHARE}
        self.lock = threading.RLock()
        self.log: deque[Portion] = deque()
        self.number = 0
        # What was heard before is not in the log.
        self.floor = 0.0
        self.frame = ("", "")
        self.clear()

    def clear(self) -> None:
        """Forgets all pages."""
        with self.lock:
            self.by_key: dict[Key, Page] = {}
            self.orders: dict[bool, dict[Key, None]] = {False: {}, True: {}}
            self.index: dict[str, set[Key]] = {}
            self.bytes = {False: 0, True: 0}

    def __len__(self) -> int:
        return len(self.by_key)

    def add(self, page: Page, number: int) -> bool:
        """Keeps a page that was begun when the portion ``number`` was the last; not where a later one concerns it."""
        with self.lock:
            later = [portion for portion in self.log if portion.number > number]
            if self.number - number != len(later) or not self._fits(page, later):
                return False
            self.remove(page.key)
            self.by_key[page.key] = page
            has_query = bool(page.key[1])
            self.orders[has_query][page.key] = None
            self.bytes[has_query] += page.size
            for name in _names_of(page):
                self.index.setdefault(name, set()).add(page.key)
            self._make_room(has_query)
            return True

    def is_current(self, page: Page) -> bool:
        """Whether a page that another process made is what readers should see, as far as this process has heard."""
        with self.lock:
            if page.made_at < self.floor:
                return False
            later = [portion for portion in self.log if portion.concerns(page.seen, page.made_at)]
            return self._fits(page, later)

    def _fits(self, page: Page, portions: Iterable[Portion]) -> bool:
        return page.shown.fits(self.frame) and not any(portion.marks.touch(page.shown, page.path) for portion in portions)

    def remove(self, key: Key) -> None:
        """Forgets one page, if it is there."""
        with self.lock:
            page = self.by_key.pop(key, None)
            if page is None:
                return
            has_query = bool(key[1])
            self.orders[has_query].pop(key, None)
            self.bytes[has_query] -= page.size
            for name in _names_of(page):
                members = self.index[name]
                members.discard(key)
                if not members:
                    del self.index[name]

    def _make_room(self, has_query: bool) -> None:
        order = self.orders[has_query]
        while self.bytes[has_query] > self.max_bytes[has_query]:
            key = next(iter(order))
            page = self.by_key[key]
            if page.is_used:
                page.is_used = False
                del order[key]
                order[key] = None
            else:
                self.remove(key)

    def apply(self, portion: Portion, frame: tuple[str, str]) -> int:
        """Has the pages that a portion of changes concerns made anew, or goes without them. Gives their number."""
        with self.lock:
            self._remember(portion)
            is_framed = frame == self.frame
            self.frame = frame
            marks = portion.marks
            if marks.everything:
                count = len(self)
                self.clear()
                return count
            concerned = self._concerned(marks)
            for key in concerned:
                page = self.by_key[key]
                if bare_form(page.path) in marks.addresses or not marks.gone.isdisjoint(page.shown.keys):
                    self.remove(key)
                else:
                    page.is_stale = True
            return len(concerned) + (0 if is_framed else self._reframe())

    def begin(self, at: float, frame: tuple[str, str]) -> None:
        """Begins to follow: what was before the moment (seconds since 1970) is not known."""
        with self.lock:
            self.clear()
            self.log.clear()
            self.floor, self.frame = at, frame

    def _remember(self, portion: Portion) -> None:
        self.number = portion.number
        self.log.append(portion)
        if len(self.log) > LOG:
            lost = self.log.popleft()
            # Later than any page whose fate only that one could tell.
            self.floor = max(self.floor, lost.at + SKEW)

    def _concerned(self, marks: Marks) -> set[Key]:
        found: set[Key] = set()
        for name in marks.keys | marks.gone:
            found |= self.index.get(name, set())
        for name in marks.places:
            for key in self.index.get(f"={name}", ()):
                if any(span[0] == name and marks.enters(span) for span in self.by_key[key].shown.spans):
                    found.add(key)
        for address in marks.addresses:
            found |= self.index.get(f"@{address}", set())
        return found

    def _reframe(self) -> int:
        """Settings or sections are others: what was made with the former ones is made anew."""
        count = 0
        for page in self.by_key.values():
            if not self._fits(page, ()) and not page.is_stale:
                page.is_stale = True
                count += 1
        return count


def _names_of(page: Page) -> set[str]:
    """Under which names of changes a page is found: what it shows, its lists, its address."""
    return {*page.shown.keys, *(f"={name}" for name, _low, _high in page.shown.spans), f"@{bare_form(page.path)}"}


# --- The door -------------------------------------------------------------------------------------------------------


class PageCache:
    """The WSGI application that asks ``application`` only for what it does not have.

    Every answer for a page says in ``X-Page-Cache`` how it came: ``hit``, ``miss`` (made now), ``stale`` (an old one, while
    it is made anew or cannot be), ``shared`` (made by another process).
    """

    def __init__(self, application: Application, *, max_bytes: int, follower: Follower | None = None) -> None:
        self.application = application
        self.pages = Pages(max_bytes)
        self.follower = follower or Follower(self.pages)
        self.shared = SharedPages() if uses_redis() else None
        self._making: dict[Key, threading.Event] = {}
        self._making_lock = threading.Lock()
        self._hosts: dict[str, bool] = {}
        self._needed = (-1, "")
        self._passes = (*_PASSES, settings.MEDIA_URL, settings.STATIC_URL)
        self._session = f"{settings.SESSION_COOKIE_NAME}="
        self._proxy = settings.SECURE_PROXY_SSL_HEADER
        self._maintenance = Path(settings.MAINTENANCE_FILE)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        key = self.find_key(environ)
        if key is None or not self.follower.is_following():
            return self.application(environ, start_response)
        page = self.pages.by_key.get(key)
        if page is not None and self.is_fresh(page):
            page.is_used = True
            return self._send(page, environ, start_response, "hit")
        return self._make_or_wait(key, environ, start_response)

    # --- Requests

    def find_key(self, environ: Environ) -> Key | None:
        """Under which key a page may be served to a request; ``None`` where only Django may answer it."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return None
        path = environ.get("PATH_INFO", "")
        if not path.startswith("/") or path.startswith(self._passes):
            return None
        if self._session in environ.get("HTTP_COOKIE", "") or not self._is_own_host(environ):
            return None
        query = environ.get("QUERY_STRING", "")
        if query:
            found = normalize_query(query)
            if found is None:
                return None
            query = found
        return None if self._maintenance.exists() else (path, query)

    def _is_own_host(self, environ: Environ) -> bool:
        """Whether Django would answer the request with a page at this host and by this scheme."""
        if settings.SECURE_SSL_REDIRECT and not self._is_secure(environ):
            return False
        host = environ.get("HTTP_HOST", "")
        known = self._hosts.get(host)
        if known is None:
            domain, _port = split_domain_port(host)
            known = bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
            if len(self._hosts) < 1000:
                self._hosts[host] = known
        return known

    def _is_secure(self, environ: Environ) -> bool:
        if self._proxy:
            return bool(environ.get(self._proxy[0], "").split(",")[0].strip() == self._proxy[1])
        return bool(environ.get("wsgi.url_scheme") == "https")

    def is_fresh(self, page: Page) -> bool:
        """Whether a page of this process may be served as it is."""
        if page.is_stale:
            return False
        now = time.time()
        return page.made_at + MAX_AGE > now and self.follower.heard_at + DEAF > time.monotonic()

    # --- Pages that are not there

    def _make_or_wait(self, key: Key, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        old = self.pages.by_key.get(key)
        if old is not None and old.retry_at > time.monotonic():
            return self._send(old, environ, start_response, "stale")
        with self._making_lock:
            made = self._making.get(key)
            if made is None:
                mine = self._making[key] = threading.Event()
        if made is None:
            try:
                return self._make(key, old, environ, start_response)
            finally:
                with self._making_lock:
                    del self._making[key]
                mine.set()
        if old is None or old.is_stale:
            made.wait(WAIT if old is None else PATIENCE)
        page = self.pages.by_key.get(key)
        if page is not None:
            return self._send(page, environ, start_response, "hit" if page is not old else "stale")
        # No page that is kept, or one that takes too long: Django says what it is.
        return self.application(environ, start_response)

    def _make(self, key: Key, old: Page | None, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        number, seen = self.pages.number, self.follower.seen
        if self.shared is not None:
            page = self.shared.get_or_claim(key, self.pages.is_current, WAIT if old is None else PATIENCE)
            if page is not None:
                self.pages.add(page, number)
                return self._send(page, environ, start_response, "shared")
        answer = self._ask(key, environ, seen)
        if answer.page is not None:
            is_kept = self.pages.add(answer.page, number)
            if is_kept and self.shared is not None:
                self.shared.put(answer.page)
            return self._send(answer.page, environ, start_response, "miss")
        if self.shared is not None:
            self.shared.release(key)
        if old is not None:
            if answer.status.startswith("5"):
                _close(answer.body)
                old.retry_at = time.monotonic() + RETRY
                return self._send(old, environ, start_response, "stale")
            self.pages.remove(key)
        return _send_other(answer, environ, start_response)

    def _ask(self, key: Key, environ: Environ, seen: Seen) -> Answer:
        """Django's answer to the bare address: a header, cookie or parameter that is not in the key is not in the question."""
        asked = {name: value for name, value in environ.items() if not name.startswith("HTTP_") or name in _KEPT_HEADERS}
        asked |= {"REQUEST_METHOD": "GET", "QUERY_STRING": key[1]}
        asked.pop("CONTENT_LENGTH", None)
        asked.pop("CONTENT_TYPE", None)
        started: list[tuple[str, Headers]] = []

        def start(status: str, headers: Headers, exc_info: Any = None) -> None:
            started[:] = [(status, list(headers))]

        made_at = time.time()
        # Where copies of the database answer readers: one that has what this process heard of.
        asked[NEEDED] = self._find_needed()
        result = self.application(asked, start)
        status, headers = started[0]
        shown = asked.get(SHOWN)
        named = {name.lower(): value for name, value in headers}
        if not isinstance(shown, Shown) or not _may_be_kept(status, named):
            return Answer(status, headers, result)
        body = b"".join(result)
        _close(result)
        if len(body) > MAX_PAGE:
            return Answer(status, headers, [body])
        return Answer(status, headers, (), _finish(key, body, headers, named, shown, seen, made_at))

    def _find_needed(self) -> str:
        if self._needed[0] != self.pages.number:
            try:
                self._needed = (self.pages.number, read_position())
            except DatabaseError:
                # The primary is away: what was needed before is what a copy can have.
                logger.warning("The database does not say how far it is; copies are asked for what was known before.")
        return self._needed[1]

    # --- Answers

    def _send(self, page: Page, environ: Environ, start_response: StartResponse, how: str) -> Iterable[bytes]:
        takes_packed = page.is_packed and takes_gzip(environ)
        etag = f"W/{page.etag}" if takes_packed else page.etag
        said = [*page.headers, ("ETag", etag), ("X-Page-Cache", how)]
        if confirms(environ.get("HTTP_IF_NONE_MATCH", ""), page.etag):
            start_response("304 Not Modified", [header for header in said if not header[0].lower().startswith("content-type")])
            return ()
        if takes_packed:
            body = page.body
            said.append(("Content-Encoding", "gzip"))
        else:
            body = gzip.decompress(page.body) if page.is_packed else page.body
        said.append(("Content-Length", str(len(body))))
        start_response("200 OK", said)
        return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)


def normalize_query(query: str) -> str | None:
    """A query without the noise of campaigns, in one order; ``None`` where it holds anything but what lists are asked for."""
    if len(query) > 500:
        return None
    kept: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=None):
        if _NOISE.fullmatch(name):
            continue
        if name not in _LISTED or name in kept or len(value) > 250:
            return None
        kept[name] = value
    return urlencode(sorted(kept.items()))


def takes_gzip(environ: Environ) -> bool:
    """Whether whoever asks takes what is compressed by gzip (RFC 9110, 12.5.3)."""
    accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
    return "gzip" in accepted and (";" not in accepted or not _NO_GZIP.search(accepted))


def confirms(wanted: str, etag: str) -> bool:
    """Whether ``If-None-Match`` names a page (RFC 9110, 13.1.2: compared weakly)."""
    if not wanted:
        return False
    return wanted.strip() == "*" or etag in [part.strip().removeprefix("W/") for part in wanted.split(",")]


def _may_be_kept(status: str, headers: dict[str, str]) -> bool:
    control = headers.get("cache-control", "")
    return (
        status.startswith("200")
        and "set-cookie" not in headers
        and "no-store" not in control
        and "private" not in control
        and headers.get("vary", "Accept-Encoding").lower() == "accept-encoding"
        and "etag" in headers
        and "content-encoding" not in headers
        and "content-length" in headers
    )


def _finish(key: Key, body: bytes, headers: Headers, named: dict[str, str], shown: Shown, seen: Seen, made_at: float) -> Page:
    is_packed = len(body) >= LEAST_COMPRESSED and bool(_TEXT.match(named.get("content-type", "")))
    return Page(
        key=key,
        path=key[0].encode("latin-1", "replace").decode("utf-8", "replace"),
        body=gzip.compress(body, 6, mtime=0) if is_packed else body,
        is_packed=is_packed,
        etag=named["etag"].removeprefix("W/"),
        headers=[(name, value) for name, value in headers if name.lower() not in _OF_BYTES],
        shown=shown,
        seen=seen,
        made_at=made_at,
    )


def _send_other(answer: Answer, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """What is not kept: a redirect, a page that says that there is none, an error."""
    named = {name.lower(): value for name, value in answer.headers}
    is_text = _TEXT.match(named.get("content-type", "")) and "content-length" in named and "content-encoding" not in named
    if is_text and takes_gzip(environ) and int(named["content-length"]) >= LEAST_COMPRESSED:
        body = gzip.compress(b"".join(answer.body), 6, mtime=0)
        _close(answer.body)
        headers = [(name, value) for name, value in answer.headers if name.lower() != "content-length"]
        headers += [("Content-Encoding", "gzip"), ("Content-Length", str(len(body)))]
        answer = Answer(answer.status, headers, (body,))
    start_response(answer.status, answer.headers)
    if environ["REQUEST_METHOD"] == "HEAD":
        _close(answer.body)
        return ()
    return answer.body


def _close(body: Iterable[bytes]) -> None:
    """Ends an answer as a server does, which has Django let go of its connections."""
    if close := getattr(body, "close", None):
        close()


# --- Shared by all processes ----------------------------------------------------------------------------------------


class SharedPages:
    """Pages in Redis. A process believes one only as far as it has heard of all changes since it was begun."""

    CLAIM_SECONDS = 10
    STEP = 0.02

    def __init__(self) -> None:
        self.prefix = f"page:{find_release()}:"

    def get_or_claim(self, key: Key, is_current: Callable[[Page], bool], seconds: float) -> Page | None:
        """The page, or ``None`` where the caller is to make it. While another process makes it, it is waited for so long."""
        name = self._name(key)
        deadline = time.monotonic() + seconds
        while True:
            page = cache.get(name)
            if isinstance(page, Page) and is_current(page):
                return page
            if cache.add(f"{name}:claim", 1, self.CLAIM_SECONDS) or time.monotonic() >= deadline:
                return None
            if getattr(cache, "is_down", False):
                # It says no to everybody: nobody makes the page for us.
                return None
            time.sleep(self.STEP)

    def put(self, page: Page) -> None:
        """Offers a page to the other processes."""
        name = self._name(page.key)
        cache.set(name, page, MAX_AGE)
        cache.delete(f"{name}:claim")

    def release(self, key: Key) -> None:
        """Says that what was claimed is no page to keep."""
        cache.delete(f"{self._name(key)}:claim")

    def _name(self, key: Key) -> str:
        return self.prefix + hashlib.sha256("\0".join(key).encode()).hexdigest()


def uses_redis() -> bool:
    """Whether the processes of this site share a cache."""
    return "Redis" in settings.CACHES["default"]["BACKEND"]


def find_release() -> str:
    """A name for all that pages are made of besides what is stored, so that none outlives it in Redis."""
    return digest_of(list_ingredients())[:16]


def with_page_cache(application: Application) -> Application:
    """``application`` behind the page cache, unless ``PAGE_CACHE`` switches it off."""
    if not settings.PAGE_CACHE:
        return application
    return PageCache(application, max_bytes=settings.PAGE_CACHE_BYTES)
