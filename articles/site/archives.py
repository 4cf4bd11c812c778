"""Which years and months have posts, asked of the index of dates: what it costs does not grow with the posts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, QuerySet, Subquery
from django.utils import timezone

from articles.models import Post, PostQuerySet

#: An archive that reaches further back names the years before by themselves, and the years before these not at all.
MONTHS_OF_YEARS = 30
MAX_YEARS = 150
#: Years with an address: before and after every one of them there is another, in which its border may lie in UTC.
FIRST_YEAR, LAST_YEAR = 2, 9997
Span = tuple[datetime, datetime]


@dataclass(slots=True)
class Year:
    """A year with posts; ``months`` are the beginnings of those that have some, where they were asked for."""

    start: datetime
    months: list[datetime] = field(default_factory=list)


@dataclass(slots=True)
class Around:
    """What stands beside a year or a month: the nearest earlier and later one with posts, and the months of a year."""

    earlier: datetime | None
    later: datetime | None
    months: list[datetime]


def midnight(year: int, month: int = 1) -> datetime:
    """The beginning of a month, in the site's zone."""
    return datetime(year, month, 1, tzinfo=timezone.get_default_timezone())


def year_span(year: int) -> Span:
    """From the beginning of a year to that of the next."""
    return midnight(year), midnight(year + 1)


def month_span(year: int, month: int) -> Span:
    """From the beginning of a month to that of the next."""
    return midnight(year, month), midnight(year + month // 12, month % 12 + 1)


def posts_since(now: datetime, start: datetime) -> PostQuerySet:
    """The public posts from a moment on."""
    return Post.objects.published(now).filter(published_at__gte=start)


def look_around(span: Span, *, year: int = 0) -> Around:
    """What stands beside a span that has posts; one query. With ``year``, also which of its months have some."""
    before = _newest_first(until=span[0]).values("published_at")[:1]
    after = _newest_first(since=span[1]).order_by("published_at", "pk").values("published_at")[:1]
    months = [month_span(year, month) for month in range(1, 13)] if year else []
    asked = {"earlier": Subquery(before), "later": Subquery(after), **_questions(months)}
    row = _ask(**asked)
    filled = [start for number, (start, _end) in enumerate(months) if row[f"span_{number}"]]
    return Around(row["earlier"], row["later"], filled)


def list_years() -> list[Year]:
    """The years with posts, the newest first, each with its months; two queries."""
    ends = {
        "first": Subquery(_newest_first().order_by("published_at", "pk").values("published_at")[:1]),
        "last": Subquery(_newest_first().values("published_at")[:1]),
    }
    row = _ask(**ends)
    if not row or row["last"] is None:
        return []
    newest = timezone.localtime(row["last"]).year
    oldest = max(timezone.localtime(row["first"]).year, newest - MAX_YEARS)
    first_by_month = max(oldest, newest - MONTHS_OF_YEARS + 1)
    months = [month_span(year, month) for year in range(newest, first_by_month - 1, -1) for month in range(1, 13)]
    whole = [year_span(year) for year in range(first_by_month - 1, oldest - 1, -1)]
    years: dict[int, Year] = {}
    for start, _end in _those_with_posts([*months, *whole]):
        year = years.setdefault(start.year, Year(midnight(start.year)))
        if start.year >= first_by_month:
            year.months.append(start)
    return list(years.values())


def _newest_first(since: datetime | None = None, until: datetime | None = None) -> PostQuerySet:
    """The public posts whose year has an address, from ``since`` on, before ``until``.

    In some zones the first hours that a database holds are in no year that Python knows. As a plain range it lets SQLite
    walk its index; published() implies its end. One bound on each side: of two, SQLite may walk from the farther.
    """
    first, now = midnight(FIRST_YEAR), timezone.now()
    rows = Post.objects.published().dated().filter(published_at__gte=max(since or first, first))
    return rows.filter(published_at__lt=until) if until is not None and until <= now else rows.filter(published_at__lte=now)


def _those_with_posts(spans: Sequence[Span]) -> list[Span]:
    row = _ask(**_questions(spans))
    return [span for number, span in enumerate(spans) if row[f"span_{number}"]]


def _questions(spans: Sequence[Span]) -> dict[str, Exists]:
    dated = Post.objects.published().dated().order_by()
    return {
        f"span_{number}": Exists(dated.filter(published_at__gte=start, published_at__lt=end))
        for number, (start, end) in enumerate(spans)
    }


def _ask(**questions: Exists | Subquery) -> dict[str, Any]:
    """The answers, in one query over no more than one row; empty where there is no post at all."""
    rows: QuerySet[Any, Any] = Post.objects.order_by().values(**questions)[:1]
    return next(iter(rows), {})
