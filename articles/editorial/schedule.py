"""Scheduled posts at their minute. Readers see them by their date alone; this only says so at the desk, once for each."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from articles.editorial.notices import notify
from articles.editorial.permissions import Verb
from articles.editorial.versions import snapshot
from articles.models import Post, Revision
from articles.websub import announce

AT_ONCE = 200


def settle_due(limit: int = AT_ONCE) -> int:
    """Marks scheduled posts whose time has come as published, keeps a version of each, and tells whom it concerns.

    Gives their number. Of several workers one does it: whoever changes the state from scheduled does the rest, in one
    transaction, so that a worker that is killed leaves the post to the next.
    """
    due = Post.objects.filter(state=Post.State.SCHEDULED, published_at__lte=timezone.now(), trashed_at__isnull=True)
    return sum(_settle(key) for key in due.order_by("published_at", "pk").values_list("pk", flat=True)[:limit])


@transaction.atomic
def _settle(key: int) -> bool:
    waiting = Post.objects.filter(pk=key, state=Post.State.SCHEDULED, published_at__lte=timezone.now(), trashed_at__isnull=True)
    # The moment of the last save stays: nobody saved, and a form that is open is still based on it.
    if not waiting.update(state=Post.State.PUBLISHED):
        return False
    post = Post.objects.get(pk=key)
    Revision.objects.create(post=post, note=gettext_noop("published"), snapshot=snapshot(post))
    notify(Verb.PUBLISH, post, None)
    announce(post)
    return True
