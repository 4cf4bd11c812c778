"""The whole public site as files, so that a web server or a bucket answers without this program.

:func:`publish` asks the site's own handler for every public address and keeps what it answers: there is no second way in which a
page is made. Only what changed is written; what is no longer public goes, last of all.

``places`` says which file an address becomes, ``addresses`` which addresses there are, ``rewriting`` what a page's links become,
``target`` writes the folder, ``tables`` what a server needs to know of it, ``memory`` which pages changes since the last run
concern, ``proof`` whether anything changed at all since one that is longer ago.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext_noop as _

from articles.asking import OwnHandler
from articles.findings import Finding, RefusedFile
from articles.models import Post, PostQuerySet
from articles.queue import stop_if_asked
from articles.routes import address_of, period_address
from articles.shown import Shown
from articles.site.folders import stands_above
from articles.site.media import find_file
from articles.site.publishing import addresses
from articles.site.publishing.memory import Memory, Page
from articles.site.publishing.places import static_address, token_of
from articles.site.publishing.proof import take_proof
from articles.site.publishing.rewriting import find_links, find_media, rewrite_html, rewrite_sitemap
from articles.site.publishing.tables import PAGES_OF_FAULTS, write_tables
from articles.site.publishing.target import Mode, Report, Target
from articles.site_settings import forget, search_elsewhere
from articles.stores import public_store

#: Headers of an answer that a server is to give, too. Of TLS (HSTS) the operator decides; tag and encoding are the server's.
KEPT_HEADERS = (
    *("Content-Type", "Content-Language", "Content-Disposition", "Content-Security-Policy", "Cache-Control", "Link"),
    *("X-Robots-Tag", "X-Frame-Options", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy"),
)
_MOVED = (301, 302)
_MISSING = (403, 404, 405, 410)
_PROOF = "proof"
#: Addresses at which no post can be said to have been meant, so that the page of 404 proposes none.
_NOWHERE = ("/0", "/0/0", "/0/0/0", "/00/00/00")

#: Told after each address: how many were met so far, and which it was.
Progress = Callable[[int, str], None]
#: From the address of a page of a list to that of the one which files have in its place.
StandIn = Callable[[str], str]


def publish(
    folder: Path,
    *,
    state: Path | None = None,
    only: Collection[str] | None = None,
    mode: Mode = "write",
    adopt: bool = False,
    everything: bool = False,
    search_url: str = "",
    progress: Progress | None = None,
) -> Report:
    """Makes ``folder`` what readers see at this moment, and the tables beside it (in ``state``).

    ``only`` are the addresses that may have changed (percent-encoded, without host); what a list leads to is followed until a
    page is as it was, so an older page that changed by itself has to be named (``/tags/a/?before=…``). Without it all addresses
    are gone through: those are asked that a change since the last whole run concerns, every one where that is not known or
    ``everything`` is said, and none where nothing changed. ``search_url`` is
    where pages send who searches; empty: they offer no search. ``mode`` may be ``dry-run`` or ``check``, which change nothing.

    Raises RefusedFile where the folder cannot be written to, another run is at it, or the site does not answer; OSError, with the
    path, where the disk refuses. Then nothing was removed, and the next run goes on.
    """
    began = time.monotonic()
    forget()
    with Target(folder, state, mode=mode, adopt=adopt) as target, search_elsewhere(search_url):
        _Run(target, search_url, progress).carry_out(only, everything=everything)
        target.report.seconds = time.monotonic() - began
        return target.report


class _Run:
    """One walk over all public addresses."""

    def __init__(self, target: Target, search_url: str, progress: Progress | None) -> None:
        self.target, self.search_url, self.progress = target, search_url, progress
        self.handler = OwnHandler()
        self.memory = Memory(target, search_url)
        self.site = settings.SITE_URL
        self.met = 0

    def carry_out(self, only: Collection[str] | None, *, everything: bool) -> None:
        report, mode = self.target.report, self.target.mode
        trusts = only is None and mode != "check" and not everything
        self.memory.begin(trusts=trusts)
        proof = take_proof(self.search_url) if only is None and not self.memory.knows else ""
        # Without a proof something was refused, or changed while the last run was at work.
        proved = self.target.fact(_PROOF)
        if trusts and proved and (self.memory.is_idle or proof == proved) and self.target.is_whole():
            report.is_proved = True
            report.unchanged = self.target.count()
            self.target.finish(())
        elif only is None:
            self._walk()
            self.target.finish()
        else:
            self._walk_some(only)
            self.target.finish({static_address(address) for address in only})
        report.changed_tables = write_tables(self.target, self.search_url)
        if mode == "check":
            report.differing += report.changed_tables
        if only is None:
            self.memory.keep()
        if not report.is_proved:
            self.target.set_fact(_PROOF, self._prove(proof) if only is None and not report.refused else "")
        self.target.commit()

    def _prove(self, before: str) -> str:
        """What a later run is to find again; empty where something changed meanwhile, which was asked before or after that."""
        if self.memory.is_quiet():
            return before or take_proof(self.search_url)
        return before if before == take_proof(self.search_url) else ""

    def _walk(self) -> None:
        """Every address. What others show or link to comes first: files, posts, lists, the front page, feeds, sitemaps."""
        self._take_static()
        self._take_all(addresses.sheets())
        self._take_posts()
        for kind, slug in addresses.term_lists():
            self._take_list(address_of(kind, slug), addresses.posts_of_term(kind, slug))
            self._take_all(addresses.term_feeds(kind, slug))
        for year, month in addresses.periods():
            self._take_list(period_address(year, month), addresses.posts_of_period(year, month))
        for address in addresses.indexes():
            self._take_list(address)
        # Before the front page: posts that came meanwhile, of which it may be the first to tell.
        self._take_posts()
        self._take_list(reverse("articles:home"), addresses.posts_of_home())
        self._take_all(addresses.site_feeds())
        self._take_all(addresses.for_programs())
        self._take_list(reverse("articles:sitemap"))
        self._take_faults()
        for address in addresses.leading_on():
            self._take_lead(address)

    def _walk_some(self, only: Iterable[str]) -> None:
        for address in only:
            self._take_list(address, addresses.posts_of(address), is_partial=True)
            if not self.target.has(static_address(address)):
                self._take_lead(address)

    # --- kinds of addresses

    def _take_all(self, found: Iterable[str]) -> None:
        for address in found:
            self._take(address)

    def _take_posts(self) -> None:
        for post in addresses.posts():
            if stands_above(post) and not self.target.has(post.get_absolute_url()):
                self._take_list(post.get_absolute_url(), addresses.posts_of_page(post))
            for address in addresses.texts_of(post):
                if not self.target.has(address):
                    self._take(address)

    def _take_list(self, address: str, rows: PostQuerySet | None = None, *, is_partial: bool = False) -> None:
        """A page and, of a list (``rows``), all that it leads to, one from the other; ``is_partial``: until one is as it was."""
        first, steady = addresses.steady_query(rows) if rows is not None else ("", "")
        known = self._newer_pages(address) if is_partial else []
        waiting, seen = deque([address]), {address}
        while waiting:
            page = waiting.popleft()
            before = self.target.report.unchanged
            links = self._take(page, partial(_stand_in, page, {address + first: address + steady}, known)) or []
            known.append(page)
            if is_partial and self.target.report.unchanged > before:
                continue
            further = [link for link in links if link.partition("?")[0] == address or address == reverse("articles:sitemap")]
            new = [link for link in further if link not in seen and static_address(link)]
            seen.update(new)
            waiting.extend(new)

    def _newer_pages(self, address: str) -> list[str]:
        """Of an older page that is asked by itself, the pages before it, as they were; the last is the next to it."""
        own, path = token_of(address), address.partition("?")[0]
        if own is None:
            return []
        pages = [(token, page) for page in self.target.pages_of(path) if (token := token_of(page)) and token > own]
        return [path, *(page for _token, page in sorted(pages, reverse=True))]

    def _take_static(self) -> None:
        for name in addresses.static_files():
            address = addresses.static_address(name)
            file = Path(settings.STATIC_ROOT) / name
            source = _source_of(file) if file.is_file() else ""
            if not self.target.keeps(address, source):
                answer = self._ask(address)
                if answer.status_code == 200:
                    self.target.put(address, self._headers(answer), _body(answer), is_asset=True, source=source)
                self._tell(address)

    def _take_media(self, names: Iterable[str]) -> None:
        for name in sorted(names):
            address = addresses.media_address(name)
            if self.target.has(address) or (file := find_file(name)) is None:
                continue
            source = f"{file.size}-{file.modified}"
            if not self.target.keeps(address, source):
                headers = self._headers(self._ask(address, "HEAD"))
                self.target.put(address, headers, public_store().read(name), is_asset=True, source=source)
            self._tell(address)

    def _take_faults(self) -> None:
        """The pages that a server shows where there is nothing, or nothing any more."""
        nowhere = next((answer for address in _NOWHERE if (answer := self._ask(address)).status_code == 404), None)
        if nowhere is not None:
            self._put_fault(404, nowhere)
        withdrawn = Post.objects.filter(state=Post.State.WITHDRAWN, trashed_at__isnull=True).only("path")[:AT_MOST]
        answers = (self._ask(post.get_absolute_url()) for post in withdrawn)
        gone = next((answer for answer in answers if answer.status_code == 410), None)
        if gone is not None:
            self._put_fault(410, gone)

    def _put_fault(self, status: int, answer: HttpResponseBase) -> None:
        data = _body(answer)
        self._take_media(find_media(data.decode("utf-8")))
        self.target.put(PAGES_OF_FAULTS[status], self._headers(answer), data)

    def _take_lead(self, address: str) -> None:
        """Enters where an address leads, unless a page stands there."""
        if self.target.has(address):
            return
        answer = self._ask(address, "HEAD")
        location = answer.headers.get("Location", "")
        if answer.status_code in _MOVED:
            self._take_media(
                {unquote(location.removeprefix(settings.MEDIA_URL))} if location.startswith(settings.MEDIA_URL) else ()
            )
            self.target.put_redirect(address, answer.status_code, location)
        elif answer.status_code == 410:
            self.target.put_redirect(address, 410)
        self._tell(address)

    # --- one address

    def _take(self, address: str, stand_in: StandIn = str) -> list[str] | None:
        """Keeps what an address answers, and gives the links with a query that it holds; ``None`` where nothing is there."""
        place = static_address(address)
        if not place:
            return None
        if page := self.memory.find(place, address, stand_in):
            self._take_media(page.media)
            self._tell(address)
            return list(page.translated)
        answer, shown = self._ask_noting(address)
        self._tell(address)
        if answer.status_code != 200:
            if answer.status_code not in (*_MOVED, *_MISSING):
                self._refuse(place, answer.status_code)
            return None
        return self._keep(address, answer, stand_in, shown)

    def _keep(self, address: str, answer: HttpResponseBase, stand_in: StandIn, shown: Shown | None) -> list[str]:
        place, base, data = static_address(address), self.site + address, _body(answer)
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        found: list[str] = []

        def translate(target: str) -> str:
            return static_address(stand_in(target))

        text = data.decode("utf-8")
        media: set[str] = set()
        if kind == "text/html":
            found, media = find_links(text, base), find_media(text)
            data = rewrite_html(text, base, place, translate).encode()
        elif address == reverse("articles:sitemap"):
            found = [link for link in _locations(text, self.site) if "?" in link]
            data = rewrite_sitemap(data, self.site, translate)
        else:
            media = find_media(text)
        self._take_media(media)
        links = [stand_in(link) for link in found]
        self.target.put(place, self._headers(answer), data, source=address if place != address else "")
        page = Page(shown, found, links, sorted(media)).as_text() if shown and self.target.has(place) else ""
        self.target.remember_page(place, page)
        return links

    def _ask(self, address: str, method: str = "GET") -> HttpResponseBase:
        return self._ask_noting(address, method)[0]

    def _ask_noting(self, address: str, method: str = "GET") -> tuple[HttpResponseBase, Shown | None]:
        stop_if_asked()
        answer, shown = self.handler.ask_noting(address, method)
        if answer.status_code == 503:
            template = _("The site answers with 503 at %(address)s: it is under maintenance, or its database does not answer.")
            raise RefusedFile(Finding("publishing-unavailable", "error", template, {"address": address}))
        return answer, shown

    def _refuse(self, place: str, status: int) -> None:
        template = _("The site answers with %(status)d. What was published there before stays. Look in the log.")
        self.target.keep(place)
        # What it was made of may have changed, which is told once.
        self.target.remember_page(place, "")
        self.target.refuse(place, Finding("publishing-fault", "error", template, {"status": status}))

    def _headers(self, answer: HttpResponseBase) -> dict[str, str]:
        headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
        parts = urlsplit(self.search_url)
        if parts.netloc and (policy := headers.get("Content-Security-Policy")):
            own = "form-action 'self'"
            headers["Content-Security-Policy"] = policy.replace(own, f"{own} {parts.scheme}://{parts.netloc}")
        return headers

    def _tell(self, address: str) -> None:
        self.met += 1
        if self.progress:
            self.progress(self.met, address)


def _stand_in(page: str, steady: dict[str, str], known: list[str], link: str) -> str:
    """One page has one address, though it may be named by where the newer one ends as well as by where it begins itself.

    ``known`` are the newer pages of the list, the last next to ``page``.
    """
    own, other = token_of(page), token_of(link)
    if own and other and other > own and known and page.partition("?")[0] == link.partition("?")[0]:
        return known[-1]
    return steady.get(link, link)


AT_MOST = 20
"""Withdrawn posts that are asked for the page of 410."""


def _body(answer: HttpResponseBase) -> bytes:
    if isinstance(answer, StreamingHttpResponse):
        data = b"".join(answer)
        # Closing the answer itself would say that a request has ended, which closes the connection to the database.
        if isinstance(answer, FileResponse) and answer.file_to_stream is not None:
            answer.file_to_stream.close()
        return data
    assert isinstance(answer, HttpResponse)
    return answer.content


def _source_of(file: Path) -> str:
    status = file.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def _locations(text: str, site: str) -> Iterator[str]:
    """The addresses of this site that an index of a sitemap names."""
    for part in text.split("<loc>")[1:]:
        address = part.partition("</loc>")[0].replace("&amp;", "&")
        if address.startswith(site + "/"):
            yield address.removeprefix(site)


__all__ = ["KEPT_HEADERS", "Progress", "Report", "publish"]
