"""Corrections of posts that readers have: official statements beside the text, which stays as it is."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from articles.editorial import workflow
from articles.editorial.permissions import Account, Verb
from articles.editorial.versions import join_note
from articles.editorial.workflow import RefusedChange, WrongState
from articles.models import Correction, Post
from articles.websub import announce

MAX_TEXT = 2000
FIRST_YEAR = 1900


@transaction.atomic
def issue_correction(
    post: Post,
    user: Account | None,
    text: str,
    at: datetime | None = None,
    *,
    with_changes: bool,
    expected: datetime | None = None,
) -> Correction:
    """States beside the post what was wrong in it, as of ``at`` (default: now), and counts as an update of it.

    ``with_changes`` publishes the draft beside the post with it, if there is one. ``expected`` is the ``modified_at`` that
    the user has seen. Raises NotAllowed and ChangedMeanwhile, WrongState where readers never had the post, RefusedChange
    for what :func:`check_text` and :func:`check_time` refuse, and what :func:`articles.editorial.workflow.publish` raises.
    """
    row = workflow.open_row(post, user, Verb.PUBLISH, expected=expected)
    require_readers(row)
    text, at = check_text(text), check_time(at)
    if with_changes and row.pending is not None:
        row = workflow.publish(row, user)
    correction = Correction.objects.create(post=row, text=text, corrected_at=at, user_id=user.pk if user is not None else None)
    _note_newest(row)
    workflow.keep_version(row, user, join_note(gettext_noop("correction issued"), text))
    announce(row)
    return correction


@transaction.atomic
def take_back_correction(correction: Correction, user: Account | None) -> Post:
    """Removes a correction; what it said stays in the note of a version. Raises NotAllowed, and WrongState where it is gone."""
    row = workflow.open_row(correction.post, user, Verb.PUBLISH)
    found = row.corrections.filter(pk=correction.pk).first()
    if found is None:
        raise WrongState(_("This correction was taken back already."))
    text = found.text
    found.delete()
    _note_newest(row)
    workflow.keep_version(row, user, join_note(gettext_noop("correction taken back"), text))
    return row


def can_correct(post: Post) -> bool:
    """Whether readers have the post. Any other is changed, not corrected."""
    return post.is_live and workflow.was_ever_public(post)


def require_readers(post: Post) -> None:
    """Raises WrongState for a post that readers do not have."""
    if can_correct(post):
        return
    raise WrongState(
        _("“%(title)s” is not before readers, so there is nothing to correct in public. Change its text.") % {"title": post.title}
    )


def check_text(text: str) -> str:
    """The text as it is stored. Raises RefusedChange for one that is empty or too long."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").strip()
    if not text:
        raise RefusedChange(_("A correction needs a text: say what was wrong and what is right."))
    if len(text) > MAX_TEXT:
        raise RefusedChange(
            _("The correction has %(length)d characters. Shorten it to at most %(limit)d.")
            % {"length": len(text), "limit": MAX_TEXT}
        )
    return text


def check_time(at: datetime | None) -> datetime:
    """The time that is stored, now where none is given. Raises RefusedChange for one to come, and for a year mistyped."""
    now = timezone.now()
    if at is None:
        return now
    if at > now:
        raise RefusedChange(_("A correction cannot have a time to come, as readers see it at once. Leave it empty for now."))
    if at.year < FIRST_YEAR:
        raise RefusedChange(_("Give the year of the correction with four digits, from %(year)d on.") % {"year": FIRST_YEAR})
    return at


def _note_newest(row: Post) -> None:
    row.corrected_at = row.corrections.aggregate(newest=Max("corrected_at"))["newest"]
