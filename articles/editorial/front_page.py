"""The front page as staff arrange it: a new edition is saved, a scheduled one withdrawn, and what readers do not see is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from articles.editorial.permissions import Account, can_arrange
from articles.editorial.workflow import ChangedMeanwhile, NotAllowed, RefusedChange, WrongState
from articles.models import FrontPage, FrontSlot, Post

#: Pinned stories of one edition: what stands above the latest is a choice, not a list.
MAX_PINNED = 12


def newest_number() -> int:
    """The number of the edition that was saved last, 0 where there is none: what a screen has seen when it was opened."""
    return FrontPage.objects.aggregate(newest=Max("number"))["newest"] or 0


def save_edition(
    user: Account | None,
    lead: Post | None,
    pinned: Sequence[Post],
    *,
    seen: int,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    made_from: FrontPage | None = None,
) -> FrontPage:
    """A new edition, shown from ``starts_at`` on (``None``: at once). One that waits and was opened gives way to it.

    ``seen`` is :func:`newest_number` as the user saw it. Raises NotAllowed, RefusedChange for times and stories that cannot
    be, ChangedMeanwhile where another edition was saved since.
    """
    if not can_arrange(user):
        raise NotAllowed(_("You may not arrange the front page."))
    now = timezone.now()
    stories = [*([lead] if lead else []), *pinned]
    _check(stories, lead, now, starts_at, ends_at)
    try:
        with transaction.atomic():
            _check_unchanged(seen)
            edition = FrontPage.objects.create(
                number=seen + 1,
                starts_at=starts_at or now,
                ends_at=ends_at,
                made_from=made_from,
                user=None if user is None or user.pk is None else user,
                created_at=now,
            )
            slots = [
                FrontSlot(edition=edition, post=post, position=place, kind=_kind(post, lead))
                for place, post in enumerate(stories)
            ]
            FrontSlot.objects.bulk_create(slots)
            if made_from is not None and waits(made_from, now):
                FrontPage.objects.filter(pk=made_from.pk).update(withdrawn_at=now)
    except IntegrityError:
        # Two saved at once, and the other one has the number.
        _check_unchanged(seen)
        raise
    return edition


def withdraw_edition(user: Account | None, edition: FrontPage) -> FrontPage:
    """A scheduled edition that shall not come. Raises NotAllowed, and WrongState for one that readers have seen."""
    if not can_arrange(user):
        raise NotAllowed(_("You may not arrange the front page."))
    now = timezone.now()
    if not FrontPage.objects.filter(pk=edition.pk, starts_at__gt=now, withdrawn_at__isnull=True).update(withdrawn_at=now):
        raise WrongState(_("Only an edition that is still to come can be withdrawn. Save a new one instead."))
    edition.withdrawn_at = now
    return edition


def waits(edition: FrontPage, at: datetime) -> bool:
    """Whether the edition is still to come."""
    return edition.withdrawn_at is None and edition.starts_at > at


def explain_absence(post: Post, at: datetime) -> str:
    """Why readers do not see a chosen story at the moment ``at``, as a sentence; empty where they do.

    The same rule as ``Post.objects.published(at)`` and ``dated()``, for one row in hand.
    """
    if post.trashed_at is not None:
        return _("It is in the trash.")
    if post.state not in (Post.State.SCHEDULED, Post.State.PUBLISHED):
        return _("It is not published: %(state)s.") % {"state": post.get_state_display()}
    if post.kind != Post.Kind.ARTICLE or post.published_at is None:
        return _("It is a standing page or has no date; only articles with a date stand on the front page.")
    if post.published_at > at:
        return _("It is published later: %(moment)s.") % {"moment": _spoken(post.published_at)}
    if post.expires_at is not None and post.expires_at <= at:
        return _("It has left the site: %(moment)s.") % {"moment": _spoken(post.expires_at)}
    return ""


def _kind(post: Post, lead: Post | None) -> str:
    return FrontSlot.Kind.LEAD if lead is not None and post.pk == lead.pk else FrontSlot.Kind.PINNED


def _check(
    stories: Sequence[Post], lead: Post | None, now: datetime, starts_at: datetime | None, ends_at: datetime | None
) -> None:
    if len({post.pk for post in stories}) != len(stories):
        raise RefusedChange(_("A story stands on the front page twice. Take one of the two off."))
    if len(stories) - bool(lead) > MAX_PINNED:
        raise RefusedChange(_("At most %(limit)d stories can be pinned. Take some off.") % {"limit": MAX_PINNED})
    if starts_at is not None and starts_at <= now:
        raise RefusedChange(_("The time of the change has passed. Give a time to come, or none to change at once."))
    if ends_at is not None and ends_at <= (starts_at or now):
        raise RefusedChange(_("The end lies before the beginning. Give a later time, or none."))


def _check_unchanged(seen: int) -> None:
    """Raises ChangedMeanwhile where the newest edition is another one than ``seen``."""
    newest = FrontPage.objects.select_related("user").order_by("-number").first()
    if (newest.number if newest else 0) == seen:
        return
    if newest is None:
        raise ChangedMeanwhile(_("The edition that you opened is gone. Look at your choice again, then save."))
    who = newest.user.get_username() if newest.user else _("someone")
    message = _(
        "%(who)s saved no. %(number)d at %(moment)s, after you had opened this page. Your choice is still here: "
        "compare the two, then save again, which puts yours in its place."
    )
    raise ChangedMeanwhile(message % {"who": who, "number": newest.number, "moment": _spoken(newest.created_at)})


def _spoken(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")
