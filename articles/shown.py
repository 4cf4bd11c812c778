"""What a page shows, noted while it is made, so that a change can tell the pages that it concerns from all others. Pure.

A page notes *keys* (``card:12``, ``tag:経済``) of what stands on it, and *spans*: of a list, from which place to which it
shows the members, so that a newcomer between them concerns it and one elsewhere does not. A change is told as :class:`Marks`
over the same names; :meth:`Marks.touch` compares the two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from articles.addresses import bare_form

SHOWN = "kawaraban.shown"
"""Where a page leaves in the request's ``META`` what it shows (:class:`Shown`), if all of it was noted."""

#: A place in a list: a date in microseconds, in a series whether it has a number, which, and the date. Compared as tuples.
Place = tuple[int, ...]
#: A list, and the first and the last place that concern a page; ``None`` is open.
Span = tuple[str, Place | None, Place | None]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def place_of(moment: datetime) -> Place:
    """A date as a place in a list."""
    return ((moment - _EPOCH) // timedelta(microseconds=1),)


@dataclass(slots=True)
class Shown:
    """What one page shows. ``settings`` and ``sections`` are the fingerprints of those that it was made with, if it was.

    ``is_complete`` says that the view noted all of it; the page may be kept only then.
    """

    keys: set[str] = field(default_factory=set)
    spans: list[Span] = field(default_factory=list)
    settings: str = ""
    sections: str = ""
    is_complete: bool = False

    def fits(self, frame: tuple[str, str]) -> bool:
        """Whether it was made with these settings and sections, as far as with any (``find_fingerprints``)."""
        settings, sections = frame
        return self.settings in ("", settings) and self.sections in ("", sections)


@dataclass(slots=True)
class Marks:
    """What changed, in the names that pages note. ``gone`` are keys of what readers may not see any more.

    ``places`` are those of lists that somebody entered or left; ``None`` is the whole list. At ``addresses``, as
    :func:`articles.addresses.bare_form` gives them, something else stands now. ``frame``: settings or sections may have changed.
    """

    keys: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    places: dict[str, set[Place | None]] = field(default_factory=lambda: defaultdict(set))
    addresses: set[str] = field(default_factory=set)
    frame: bool = False
    everything: bool = False

    def touch(self, shown: Shown, path: str = "") -> bool:
        """Whether a page that shows this, at ``path``, may be another one now."""
        if self.everything or bare_form(path) in self.addresses:
            return True
        if not (self.keys.isdisjoint(shown.keys) and self.gone.isdisjoint(shown.keys)):
            return True
        return any(self.enters(span) for span in shown.spans)

    def enters(self, span: Span) -> bool:
        """Whether a change lies within a span."""
        name, low, high = span
        return any(
            place is None or ((low is None or low <= place) and (high is None or place <= high))
            for place in self.places.get(name, ())
        )


_shown: ContextVar[Shown | None] = ContextVar("shown", default=None)


@contextmanager
def noting() -> Iterator[Shown]:
    """Collects what the page made inside shows."""
    shown = Shown()
    token = _shown.set(shown)
    try:
        yield shown
    finally:
        _shown.reset(token)


def note(*keys: str) -> None:
    """Notes that the page shows what these keys name."""
    if shown := _shown.get():
        shown.keys.update(keys)


def note_posts(kind: str, posts: Iterable[int | None]) -> None:
    """Notes posts by their keys.

    ``kind``: ``name`` for title and address, ``card`` for teaser, terms and picture as well, ``text`` where the text shows, too.
    """
    if shown := _shown.get():
        shown.keys.update(f"{kind}:{pk}" for pk in posts if pk is not None)


def note_span(name: str, low: Place | None = None, high: Place | None = None) -> None:
    """Notes that members of a list between two places, both included, would show here."""
    if shown := _shown.get():
        shown.spans.append((name, low, high))


def note_frame(*, settings: str = "", sections: str = "") -> None:
    """Notes the settings and sections that the page was made with. A page made with two of them fits none."""
    shown = _shown.get()
    if shown is None:
        return
    if settings:
        shown.settings = settings if shown.settings in ("", settings) else "mixed"
    if sections:
        shown.sections = sections if shown.sections in ("", sections) else "mixed"


def complete() -> None:
    """Says that everything on the page is noted."""
    if shown := _shown.get():
        shown.is_complete = True
