"""What staff put at the head of the front page, as far as readers may see it now."""

from __future__ import annotations

from django.db.models import F, QuerySet, Subquery

from articles.models import FrontPage, FrontSlot, Post, PostQuerySet
from articles.site.listing import as_cards


def load_front() -> list[Post]:
    """The public stories of the current edition, the lead first; one query. Empty where nothing is arranged."""
    posts = Post.objects.published().dated().filter(front_slots__edition=_current())
    return list(as_cards(posts).annotate(front_place=F("front_slots__position")).order_by("front_place"))


def without_front(posts: PostQuerySet) -> PostQuerySet:
    """``posts`` without those of the current edition: on every page of the list alike, so that none comes twice or is lost."""
    return posts.exclude(pk__in=_current_slots().values("post"))


def _current_slots() -> QuerySet[FrontSlot]:
    return FrontSlot.objects.filter(edition=_current()).order_by()


def _current() -> Subquery:
    return Subquery(FrontPage.objects.running().values("pk")[:1])
