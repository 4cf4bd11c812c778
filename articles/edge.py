"""Caches of other machines: what a page tells them that it shows, and telling them what changed.

A network that delivers pages (a CDN), or a cache of one's own, may keep a page for long if it can be told when to forget it.
So each page names tokens of what it shows, in the header ``Surrogate-Key`` (Fastly's word; ``Cache-Tag``, Cloudflare's, says
the same), and a worker sends the tokens of every change. A token stands for a name (:mod:`articles.shown`), cut to a length of
which a page can carry a hundred. Where a list's place decides, the whole list is forgotten: those caches compare no places.

Only where ``EDGE_PURGE_URL`` is set; without it nothing is sent and no page says more than that it is to be asked for again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from http.client import HTTPException
from urllib.request import Request, urlopen

from django.conf import settings
from django.http import HttpResponse

from articles.addresses import bare_form
from articles.following import Portion
from articles.mail import one_line
from articles.shown import Shown

logger = logging.getLogger(__name__)

ALL = "all"
"""Every page has this token."""
SECONDS = 10
"""For a service that hangs."""
WAITS = (1, 2, 5, 10, 30)
"""Seconds until the next try; the last for ever, for what was not told stays wrong."""
MOST = 200
"""Tokens in one message; where more changed, everything is forgotten."""
KEEP = "max-age=86400, stale-if-error=86400"


def token_of(name: str) -> str:
    """A name as those caches know it: ten letters and digits."""
    return hashlib.blake2b(name.encode(), digest_size=5).hexdigest()


def tell_page(response: HttpResponse, shown: Shown, path: str) -> None:
    """Has a page say for how long another cache may keep it, and under which tokens it is to forget it."""
    if not settings.EDGE_PURGE_URL:
        return
    names = {*shown.keys, *(f"={name}" for name, _low, _high in shown.spans), f"@{bare_form(path)}"}
    tokens = [ALL, *sorted(token_of(name) for name in names)]
    if len(tokens) > MOST:
        # Too many to carry: such a page is forgotten whenever anything changes.
        return
    response.headers["Surrogate-Key"] = " ".join(tokens)
    response.headers["Cache-Tag"] = ",".join(tokens)
    # RFC 9213; the older word for caches that do not know it.
    response.headers["CDN-Cache-Control"] = KEEP
    response.headers["Surrogate-Control"] = KEEP


def tokens_of(portion: Portion, *, is_framed: bool) -> set[str]:
    """What is to be forgotten after changes; ``is_framed``: settings and sections are what they were."""
    marks = portion.marks
    names = {*marks.keys, *marks.gone, *(f"={name}" for name in marks.places), *(f"@{address}" for address in marks.addresses)}
    if marks.everything or not is_framed or len(names) > MOST:
        return {ALL}
    return {token_of(name) for name in names}


class Edge:
    """What a :class:`articles.following.Follower` tells of changes, and sends on; what could not be sent is sent later."""

    def __init__(self, send: Callable[[Iterable[str]], None] | None = None) -> None:
        self.send = send or send_tokens
        self.waiting: set[str] = set()
        self.frame = ("", "")
        self._wake = threading.Condition()
        threading.Thread(target=self._run, name="edge", daemon=True).start()

    def begin(self, at: float, frame: tuple[str, str]) -> None:
        """Has everything forgotten: nobody knows what was told before this process."""
        self.frame = frame
        self._put({ALL})

    def apply(self, portion: Portion, frame: tuple[str, str]) -> int:
        """Has what changed forgotten. Gives the number of tokens."""
        tokens = tokens_of(portion, is_framed=frame == self.frame)
        self.frame = frame
        self._put(tokens)
        return len(tokens)

    def _put(self, tokens: set[str]) -> None:
        with self._wake:
            self.waiting |= tokens
            self._wake.notify()

    def _run(self) -> None:
        tries = 0
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self.waiting)
                tokens, self.waiting = self.waiting, set()
            try:
                self.send({ALL} if ALL in tokens or len(tokens) > MOST else tokens)
                tries = 0
            except (OSError, HTTPException, ValueError) as error:
                reason = one_line(str(error) or type(error).__name__)[:200]
                logger.error("The cache at EDGE_PURGE_URL was not told of %s changes and is told again: %s", len(tokens), reason)
                with self._wake:
                    self.waiting |= tokens
                time.sleep(WAITS[min(tries, len(WAITS) - 1)])
                tries += 1


def send_tokens(tokens: Iterable[str]) -> None:
    """One message to the service. Raises OSError or HTTPException where it does not take it."""
    named = sorted(tokens)
    headers = {"User-Agent": "Kawaraban", **settings.EDGE_PURGE_HEADERS}
    body = b""
    if settings.EDGE_PURGE_FORM == "JSON":
        headers["Content-Type"] = "application/json"
        body = json.dumps({"purge_everything": True} if ALL in named else {"tags": named}).encode()
    else:
        headers["Surrogate-Key"] = " ".join(named)
    address = settings.EDGE_PURGE_URL
    request = Request(address, body, headers, method="POST")  # noqa: S310 - the setting takes web addresses only
    with urlopen(request, timeout=SECONDS):  # noqa: S310
        pass
