"""What the pages of the last run showed, so that a run asks only for those that changes since then concern.

Changes are told by the outbox (:mod:`articles.changes`), as to pages that are kept in memory, and a page is compared with them in
the same way. The outbox reaches back :data:`articles.changes.KEPT`; a run after more than that asks for every page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from urllib.parse import unquote

from django.db.models import QuerySet
from django.utils import timezone

from articles.changes import KEPT, Row, change_connection, find_due, find_position, has_triggers, mark, read_changes
from articles.models import Change, Post
from articles.release import digest_of, list_ingredients
from articles.shown import Marks, Shown
from articles.site.publishing.proof import read_leads, read_untold
from articles.site.publishing.target import Target
from articles.site.sitemaps import NEWS_AGE
from articles.site_settings import find_fingerprints

_FACT = "outbox"
#: How much sooner than rows of the outbox are taken away it is no longer believed.
_MARGIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Page:
    """A page that a file was made of: what it shows, its links with a query, what became of them in the file, its media."""

    shown: Shown
    links: Sequence[str] = ()
    translated: Sequence[str] = ()
    media: Sequence[str] = ()

    def as_text(self) -> str:
        """For the record of the folder; :meth:`read` is its inverse."""
        shown = self.shown
        values = [sorted(shown.keys), shown.spans, shown.settings, shown.sections]
        return json.dumps([*values, self.links, self.translated, self.media], ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> Page:
        """A page from the record."""
        keys, spans, settings, sections, links, translated, media = json.loads(text)
        places = [(name, *(None if place is None else tuple(place) for place in ends)) for name, *ends in spans]
        return cls(Shown(set(keys), places, settings, sections, is_complete=True), links, translated, media)


@dataclass(frozen=True, slots=True)
class _Moment:
    """When a run began: where the outbox ended, and what there is besides what it tells of.

    ``made_of`` names what pages are made of, ``leads`` by what other addresses answer; equal where that is the same.
    ``told`` are rows at ``position`` or later that were there already, ``newest`` is the last of all with its date in ISO 8601.
    """

    at: datetime
    made_of: str
    leads: str
    position: int
    told: Sequence[int]
    newest: tuple[int, str]

    def as_text(self) -> str:
        return json.dumps([self.at.isoformat(), self.made_of, self.leads, self.position, self.told, self.newest])

    @classmethod
    def read(cls, text: str) -> _Moment:
        at, made_of, leads, position, told, newest = json.loads(text)
        return cls(datetime.fromisoformat(at), made_of, leads, position, told, tuple(newest))

    def is_known(self, now: _Moment) -> bool:
        """Whether the outbox still tells all that came since, in the same database."""
        if self.at < now.at - KEPT + _MARGIN or self.made_of != now.made_of or self.position > now.position:
            return False
        number, date = self.newest
        if not date or datetime.fromisoformat(date) < now.at - KEPT + _MARGIN:
            # It was taken away meanwhile, or may have been.
            return True
        # Otherwise a backup was brought back, which has told other things.
        return _name_row(Change.objects.using(change_connection().alias).filter(pk=number)) == self.newest


@dataclass(slots=True)
class Memory:
    """What a run knows of the one before. Begun before the first page is asked; :meth:`keep` hands on to the next run.

    ``knows``: what changed since then is known. ``is_idle``: nothing did, and nothing came or went by time alone.
    """

    target: Target
    search_url: str
    begun: _Moment | None = None
    knows: bool = False
    is_idle: bool = False
    _marks: Marks = field(default_factory=Marks)
    _frame: tuple[str, str] = ("", "")

    def begin(self, *, trusts: bool) -> None:
        """``trusts``: pages may be left unasked; without it only the moment is noted. A few queries."""
        if not has_triggers(change_connection()):
            return
        found = self.target.fact(_FACT)
        last = _Moment.read(found) if found else None
        now, rows = _look(last.position if last else None, self.search_url)
        self.begun = now
        if not trusts or last is None or not last.is_known(now):
            return
        rows = [*(row for row in rows if row.id not in last.told), *find_due(last.at, now.at)]
        self._marks, self._frame = mark(rows), find_fingerprints()
        self.knows = not self._marks.everything
        self.is_idle = self.knows and not rows and last.leads == now.leads and not _has_aged(last.at, now.at)

    def find(self, place: str, address: str, translate: Callable[[str], str]) -> Page | None:
        """The page at ``address``, of which ``place`` holds the file, if asking for it would give that very file again.

        ``translate`` is what its links would become now. The file is then kept by this run.
        """
        if not self.knows or not (text := self.target.page_of(place)):
            return None
        page = Page.read(text)
        if not page.shown.fits(self._frame) or self._marks.touch(page.shown, unquote(address.partition("?")[0])):
            return None
        if [translate(link) for link in page.links] != page.translated or not self.target.keeps_page(place):
            return None
        return page

    def keep(self) -> None:
        """Has the next run know where this one began."""
        self.target.set_fact(_FACT, self.begun.as_text() if self.begun else "")

    def is_quiet(self) -> bool:
        """Whether nothing that readers see has changed since this run began, as far as can be told."""
        if self.begun is None:
            return False
        now, rows = _look(self.begun.position, self.search_url)
        came = [row for row in rows if row.id not in self.begun.told] or find_due(self.begun.at, now.at)
        is_same = (self.begun.made_of, self.begun.leads) == (now.made_of, now.leads)
        return is_same and not came and not _has_aged(self.begun.at, now.at)


def _look(position: int | None, search_url: str) -> tuple[_Moment, list[Row]]:
    """This moment, and what the outbox tells from a position on; ``None``: from its end."""
    end = find_position()[0]
    # Of a database that was brought back the end lies before the position.
    rows, after, _seen = read_changes(end if position is None else min(end, position))
    told = [row.id for row in rows if row.turn >= after]
    newest = _name_row(Change.objects.using(change_connection().alias).order_by("-pk"))
    made_of, leads = digest_of(chain([search_url], list_ingredients(), read_untold())), digest_of(read_leads())
    return _Moment(timezone.now(), made_of, leads, after, told, newest), rows


def _name_row(rows: QuerySet[Change]) -> tuple[int, str]:
    row = rows.values_list("pk", "at").first()
    return (row[0], row[1].isoformat()) if row else (0, "")


def _has_aged(since: datetime, now: datetime) -> bool:
    """Whether a post left the news meanwhile, which are the posts of the last days."""
    return Post.objects.filter(published_at__gt=since - NEWS_AGE, published_at__lte=now - NEWS_AGE).exists()
