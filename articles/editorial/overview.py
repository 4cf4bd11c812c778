"""What waits for a person: their drafts, what to review, what is to appear, what is overdue. A fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from django.db.models import Q, QuerySet
from django.utils import timezone

from articles.editorial.permissions import Account, Verb, can, can_import, sees_others, visible_posts
from articles.models import Notice, Post, PostQuerySet
from articles.statements import without_index

State = Post.State
SHOWN = 6
LATE = "late"
WAITING = "waiting"
LEAVING = "leaving"
# A date that passed longer ago is no plan that was missed: texts from an archive are drafts with old dates.
LATE_DAYS = 30
WAITING_DAYS = 3
LEAVING_DAYS = 7
_OPEN = (State.DRAFT, State.IN_REVIEW)
_LIVE = (State.SCHEDULED, State.PUBLISHED)


@dataclass(slots=True)
class Entry:
    """A post in a list. ``why`` says what is overdue about it; ``reason`` is that of its return."""

    post: Post
    why: str = ""
    reason: str = ""


@dataclass(slots=True)
class Section:
    """The first few of a list, and whether there are more."""

    entries: list[Entry] = field(default_factory=list)
    has_more: bool = False


@dataclass(slots=True)
class Overview:
    """``is_new``: nothing of one's own and nothing published; what to do first is said instead."""

    mine: Section
    to_review: Section
    scheduled: Section
    overdue: Section
    published: Section
    may_view: bool
    may_write: bool
    may_review: bool
    may_import: bool

    @property
    def is_new(self) -> bool:
        lists = (self.mine, self.to_review, self.scheduled, self.overdue, self.published)
        return self.may_view and not any(section.entries for section in lists)


def may_review(user: Account) -> bool:
    """Whether submissions of others are the user's business."""
    return sees_others(user) and user.has_perm("articles.review_post")


def overdue(now: datetime | None = None) -> Mapping[str, Q]:
    """What is overdue, by reason: a date of publication that passed without it, a review that nobody took up, an expiry near."""
    now = now or timezone.now()
    return {
        LATE: Q(state__in=_OPEN, published_at__lte=now, published_at__gt=now - timedelta(days=LATE_DAYS)),
        WAITING: Q(state=State.IN_REVIEW, modified_at__lte=now - timedelta(days=WAITING_DAYS)),
        LEAVING: Q(state__in=_LIVE, expires_at__gt=now, expires_at__lte=now + timedelta(days=LEAVING_DAYS)),
    }


def to_come(now: datetime | None = None) -> Q:
    """What readers will see from a later moment on."""
    return Q(state__in=_LIVE, published_at__gt=now or timezone.now())


def read_overview(user: Account) -> Overview:
    """The lists of the first page for one person."""
    now = timezone.now()
    posts: PostQuerySet = visible_posts(user).filter(trashed_at__isnull=True)  # type: ignore[assignment]
    visible = posts.light()
    reviews = may_review(user)
    # One query per state: together they would have to be sorted whole.
    drafts = [visible.filter(owner=user.pk, state=state).order_by("-modified_at", "-pk") for state in _OPEN]
    # And what the user wrote on posts that are public: the few with a draft beside them first, else all are looked through.
    with_draft = Post.objects.filter(pending__isnull=False).order_by().values("pk")
    in_review = Post.objects.filter(pending_submitted_at__isnull=False).order_by().values("pk")
    written = without_index("pending__user_id", cast(int, user.pk))
    drafts.append(visible.filter(written, pk__in=with_draft, pending_submitted_at__isnull=True).order_by("-modified_at", "-pk"))
    mine = sorted(_first(*drafts), key=lambda post: post.modified_at, reverse=True)
    submitted = [
        visible.filter(state=State.IN_REVIEW).exclude(owner=user.pk).order_by("modified_at", "pk"),
        visible.filter(pk__in=in_review).exclude(pending__user=user.pk).order_by("modified_at", "pk"),
    ]
    late = {
        name: _first(visible.filter(rule).order_by("expires_at" if name == LEAVING else "modified_at"))
        for name, rule in overdue(now).items()
    }
    overview = Overview(
        mine=_section(Entry(post) for post in mine),
        to_review=_section(map(Entry, _first(*submitted) if reviews else [])),
        scheduled=_section(map(Entry, _first(visible.filter(to_come(now)).order_by("published_at", "pk")))),
        overdue=_section(_once(Entry(post, why=name) for name, posts in late.items() for post in posts)),
        # The plain limit first: of "no date or one that passed" alone SQLite sorts every post.
        published=_section(map(Entry, _first(visible.filter(published_at__lte=now).published(now).dated()))),
        may_view=can(user, Verb.VIEW),
        may_write=can(user, Verb.ADD),
        may_review=reviews,
        may_import=can_import(user),
    )
    _add_reasons(overview.mine)
    return overview


def _first(*lists: QuerySet[Post]) -> list[Post]:
    return [post for rows in lists for post in rows[: SHOWN + 1]]


def _section(entries: Iterable[Entry]) -> Section:
    found = list(entries)
    return Section(found[:SHOWN], len(found) > SHOWN)


def _once(entries: Iterable[Entry]) -> Iterable[Entry]:
    return {entry.post.pk: entry for entry in reversed(list(entries))}.values()


def _add_reasons(section: Section) -> None:
    """Why drafts came back, in one query: the last notice of each is its return."""
    kinds = (Notice.Kind.RETURNED, Notice.Kind.SUBMITTED)
    keys = [entry.post.pk for entry in section.entries if entry.post.state == State.DRAFT]
    last: dict[Any, Notice] = {}
    for notice in Notice.objects.filter(post__in=keys, kind__in=kinds).order_by("created_at", "pk"):
        last[notice.post_id] = notice
    for entry in section.entries:
        newest = last.get(entry.post.pk)
        if newest is not None and newest.kind == Notice.Kind.RETURNED:
            entry.reason = newest.text
