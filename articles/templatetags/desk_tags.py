"""What every page of the desk says in its header, and the first one besides its lists."""

from __future__ import annotations

from typing import Any

from django import template

from articles.models import ImportRun, Notice

register = template.Library()

OPEN = (
    ImportRun.State.UPLOADED,
    ImportRun.State.PLANNING,
    ImportRun.State.PLANNED,
    ImportRun.State.APPLYING,
    ImportRun.State.INTERRUPTED,
    ImportRun.State.UNDOING,
)
SHOWN = 6
COUNTED_NOTICES = 100


@register.simple_tag
def imports_under_way(user: Any) -> list[ImportRun]:
    """Imports that are at work or wait for a person: one's own, and everyone's for those who see everyone's posts."""
    if not user.has_perm("articles.view_importrun"):
        return []
    runs = ImportRun.objects.filter(state__in=OPEN).select_related("user").only("label", "state", "started_at", "user")
    if not user.has_perms(("articles.view_post", "articles.change_others_post")):
        runs = runs.filter(user=user.pk)
    return list(runs[:SHOWN])


@register.simple_tag
def unread_notices(user: Any) -> int:
    """How many notices wait to be read, counted up to a limit: one look into an index."""
    unread = Notice.objects.filter(recipient=user.pk, read_at__isnull=True).order_by()
    return unread[:COUNTED_NOTICES].count()


@register.filter
def capped(number: int) -> str:
    """A number that was counted up to a limit."""
    return f"{COUNTED_NOTICES - 1}+" if number >= COUNTED_NOTICES else str(number)
