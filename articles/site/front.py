"""What staff put at the head of the front page, as far as readers may see it now."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, QuerySet, Subquery
from django.utils import timezone

from articles.models import FrontPage, FrontSlot, Post, PostQuerySet
from articles.site.listing import as_cards
from articles.statements import fetch


def load_front() -> list[Post]:
    """The public stories of the current edition, the lead first; one query. Empty where nothing is arranged."""
    return fetch(_arranged, timezone.now())


def _arranged(now: datetime) -> QuerySet[Post]:
    posts = Post.objects.published(now).dated().filter(front_slots__edition=_current(now))
    return as_cards(posts).annotate(front_place=F("front_slots__position")).order_by("front_place")


def latest(now: datetime) -> PostQuerySet:
    """The public posts that do not stand at the head of the front page at the moment ``now``."""
    return without_front(Post.objects.published(now), now)


def without_front(posts: PostQuerySet, now: datetime | None = None) -> PostQuerySet:
    """``posts`` without those of the current edition: on every page of the list alike, so that none comes twice or is lost."""
    return posts.exclude(pk__in=_current_slots(now).values("post"))


def _current_slots(now: datetime | None) -> QuerySet[FrontSlot]:
    return FrontSlot.objects.filter(edition=_current(now)).order_by()


def _current(now: datetime | None) -> Subquery:
    return Subquery(FrontPage.objects.running(now).values("pk")[:1])
