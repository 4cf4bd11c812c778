"""What editors do with posts. Each verb is one transaction: permission, transition, row, derived columns, revision.

A save of the form is :func:`save_draft`, which leaves alone what readers see; :func:`publish` makes it public. What changes
the row itself, readers or not, is :func:`save_post`: for those who carry out a plan that somebody has confirmed.

Every verb reads the row again under a lock, so that what it checks is what is stored and not what a form has seen, and
gives back the row as saved. ``user`` is who acts; ``None`` is the system itself (a command).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from articles.derive import save_derived
from articles.editorial import drafts, permalinks
from articles.editorial.drafts import Draft
from articles.editorial.notices import notify
from articles.editorial.permissions import Account, Verb, can
from articles.editorial.terms import find_or_make_tags
from articles.editorial.versions import (
    COLUMNS,
    EDITABLE,
    RELATIONS,
    Reading,
    join_note,
    ordered_authors,
    ordered_categories,
    ordered_tags,
    read_snapshot,
    snapshot,
    snapshot_of,
    spell_value,
)
from articles.findings import RefusedFile
from articles.formats.frontmatter import EditError
from articles.formats.terms import slugify
from articles.formats.writing import Field
from articles.markup import DEFAULT_FEATURES
from articles.models import Post, PostAuthor, PostCategory, Redirect, Revision, TaggedPost
from articles.queue import enqueue
from articles.referrers import refresh_referrers, target_of
from articles.related import mark_waiting
from articles.search import index_posts
from articles.sources import set_text, write_fields
from articles.websub import announce

State = Post.State
LIVE = (State.SCHEDULED, State.PUBLISHED)
# From which states each verb leads on.
TRANSITIONS: Mapping[Verb, tuple[str, ...]] = {
    Verb.SUBMIT: (State.DRAFT,),
    Verb.RETURN: (State.IN_REVIEW, State.WITHDRAWN),
    Verb.PUBLISH: (State.DRAFT, State.IN_REVIEW, State.SCHEDULED, State.WITHDRAWN),
    Verb.WITHDRAW: LIVE,
}
# What takes a post back is done before its text changes, as that may be all that makes the change allowed.
STEPS_BEFORE_SAVING = (Verb.RETURN, Verb.WITHDRAW)
_RESTORED = gettext_noop("restored an earlier version")

_WRITTEN_COLUMNS: tuple[Field, ...] = (
    "title",
    "slug",
    "path",
    "published_at",
    "updated_at",
    "expires_at",
    "language",
    "description",
    "custom_excerpt",
    "canonical_url",
    "noindex",
    "cover_alt",
    "cover_caption",
)
# What the rendering depends on: relative links on the address, the lines of findings on the front matter.
_RENDERED_FROM = frozenset({"title", "path", "language", "custom_excerpt", "flavour", "features", "body", "front_matter"})


class EditorialError(Exception):
    """A verb that was refused. The message is a sentence for the person who tried, in the active language."""


class NotAllowed(EditorialError):
    """The user may not do this with this post, as it is now."""


class WrongState(EditorialError):
    """The verb does not lead on from the state in which the post is."""


class RefusedChange(EditorialError):
    """The change itself cannot be: an address that is taken, front matter that cannot be read or written."""


class ChangedMeanwhile(EditorialError):
    """Someone saved the post after the user had opened it."""


class Clash(ChangedMeanwhile):
    """The same, where both changed the same place, so that a person has to bring the two together."""


@dataclass(frozen=True, slots=True)
class Saved:
    """The post as saved. ``is_beside``: as a draft beside what readers see. ``is_merged``: with what others saved meanwhile."""

    post: Post
    is_changed: bool
    is_beside: bool
    is_merged: bool


@dataclass(frozen=True, slots=True)
class Restored:
    """The post as saved; whether anything changed; what of the version could not come back, by field."""

    post: Post
    is_changed: bool
    left_out: Mapping[str, list[str]]


def was_ever_public(post: Post) -> bool:
    """Whether readers can have seen the post, so that its address must go on answering."""
    return post.first_published_at is not None and post.first_published_at <= timezone.now()


@transaction.atomic
def save_post(
    post: Post, user: Account | None, changes: Mapping[str, Any], *, expected: datetime | None = None, note: str = ""
) -> Post:
    """Changes the row of the post, which readers may see, or makes it where ``post`` is new, and keeps a revision.

    ``changes`` maps names of :data:`EDITABLE` to their new values: a column's value, a sequence of Author or Category,
    or names of tags. ``expected`` is the ``modified_at`` that the user has seen. An address left empty is made by the
    house pattern; one that was made so follows title and date until readers can have seen it. A save that changes
    nothing writes nothing. Raises NotAllowed, ChangedMeanwhile, RefusedChange, and ValueError for a name that is not
    editable.
    """
    if unknown := changes.keys() - EDITABLE:
        raise ValueError(f"not editable: {', '.join(sorted(unknown))}")
    is_new = post.pk is None
    if is_new:
        return _save_new(user, changes, note)
    row = _open(post, user, Verb.UPDATE, expected)
    _save_row(row, user, changes, note)
    return row


@transaction.atomic
def save_draft(
    post: Post,
    user: Account | None,
    changes: Mapping[str, Any],
    *,
    seen: datetime | None = None,
    base: Revision | None = None,
    session: str = "",
    note: str = "",
) -> Saved:
    """Saves what somebody wrote: on the row, or beside it while readers see that; makes the post where it is new.

    ``seen`` is the ``modified_at`` on which the form was based, ``base`` the version that it showed. Where others saved since,
    both are brought together. ``session`` names the form: what it kept by itself is in the post then. Raises as
    :func:`save_post` does, Clash where a person has to bring the two together, and ChangedMeanwhile where ``base`` is gone.
    """
    if unknown := changes.keys() - EDITABLE:
        raise ValueError(f"not editable: {', '.join(sorted(unknown))}")
    is_new = post.pk is None
    if is_new:
        return Saved(_save_new(user, changes, note, session), is_changed=True, is_beside=False, is_merged=False)
    row = _open(post, user, Verb.CHANGE, None)
    is_stale = seen is not None and row.modified_at != seen
    if is_stale:
        changes = _bring_together(row, user, changes, base, session)
    is_beside = row.is_live or row.pending is not None
    save = _save_beside if is_beside else _save_row
    is_changed = save(row, user, changes, note, session)
    drafts.close_form(row, user, session)
    return Saved(row, is_changed, is_beside, is_merged=is_stale and is_changed)


@transaction.atomic
def discard_draft(post: Post, user: Account | None, *, expected: datetime | None = None) -> Post:
    """Drops the draft beside the post, which stays among its versions."""
    row = _open(post, user, Verb.CHANGE, expected)
    if row.pending is None:
        raise WrongState(_("“%(title)s” has no changes that are not public.") % {"title": row.title})
    row.pending, row.pending_submitted_at = None, None
    _keep(row, user, gettext_noop("unpublished changes dropped"), snapshot(row))
    _note_pending(row)
    return row


def rehearse(post: Post, user: Account | None, changes: Mapping[str, Any]) -> Post:
    """The row as :func:`save_post` would store it, its source text and address included. Nothing is written or locked.

    ``post`` is the row as it is now, or a new one; ``changes`` are those that differ. Raises what :func:`save_post` raises,
    as far as it can be told beforehand: what others do until then cannot.
    """
    if unknown := changes.keys() - EDITABLE:
        raise ValueError(f"not editable: {', '.join(sorted(unknown))}")
    is_new = post.pk is None
    row = _start(user) if is_new else copy(post)
    if not is_new:
        _require(row, user, Verb.UPDATE)
    _apply(row, changes)
    if is_new:
        return row
    _write_to_source(row, set(changes), lambda _row, name: [getattr(entry, "name", entry) for entry in changes[name]])
    return row


def rehearse_step(row: Post, user: Account | None, verb: Verb, at: datetime | None = None) -> None:
    """Raises what the verb would raise for ``row``, which need not be stored yet. Nothing is written."""
    _require(row, user, verb)
    _require_transition(row, verb)
    if verb is Verb.PUBLISH:
        now = timezone.now()
        _refuse_moment(row, _date_of_publication(row, at, now), now)


def explain_refusal(row: Post, user: Account | None, verb: Verb) -> str:
    """Why the verb would be refused now, in one sentence; empty where it would not. Nothing is written or locked."""
    try:
        _require(row, user, verb)
        if verb in TRANSITIONS:
            _require_transition(row, verb)
        if verb is Verb.PUBLISH and row.pending is None:
            now = timezone.now()
            _refuse_moment(row, _date_of_publication(row, None, now), now)
    except EditorialError as refusal:
        return str(refusal)
    return ""


def find_step(row: Post, wanted: str) -> Verb | None:
    """The verb that leads from the state in which ``row`` is to ``wanted``; ``None`` where it is there already.

    A post that is public and one that will be differ by their date alone. Raises WrongState where no single verb leads there.
    """
    if wanted == row.state or (wanted in LIVE and row.state in LIVE):
        return None
    verb = {State.IN_REVIEW: Verb.SUBMIT, State.DRAFT: Verb.RETURN, State.WITHDRAWN: Verb.WITHDRAW}.get(
        State(wanted), Verb.PUBLISH
    )
    if row.state in TRANSITIONS[verb]:
        return verb
    raise WrongState(
        _("No step leads from “%(state)s” to “%(wanted)s”. Go by the states between, one after the other.")
        % {"state": row.get_state_display(), "wanted": State(wanted).label}
    )


@transaction.atomic
def publish(post: Post, user: Account | None, at: datetime | None = None, *, expected: datetime | None = None) -> Post:
    """Makes the post public: now, or from ``at`` on, where that is to come.

    Without ``at`` a date in the past stays as it is and any other becomes now; a standing page may have no date. The draft
    beside the post, if there is one, becomes the post. Raises NotAllowed, ChangedMeanwhile, Clash where an import changed
    the post in the places where the draft does, and WrongState where it is public already or would have expired.
    """
    row = _open(post, user, Verb.PUBLISH, expected)
    now = timezone.now()
    has_draft = row.pending is not None
    if not has_draft and not (at and row.state == State.PUBLISHED):
        _require_transition(row, Verb.PUBLISH)
    old_path, old_date = row.path, row.published_at
    if has_draft:
        _take_over_draft(row, user)
    old_base = permalinks.house_path(row) if permalinks.follows_house(row) and not was_ever_public(row) else ""
    row.published_at = _date_of_publication(row, at, now)
    _refuse_moment(row, row.published_at, now)
    if not was_ever_public(row):
        row.first_published_at = row.published_at or now
    if old_base and permalinks.house_path(row) != old_base:
        row.path = ""
        permalinks.fill(row)
    row.state = State.SCHEDULED if row.published_at is not None and row.published_at > now else State.PUBLISHED
    fields: dict[Field, Any] = {"draft": False}
    if row.published_at != old_date:
        fields["published_at"] = row.published_at
    _write(row, fields)
    note = gettext_noop("scheduled") if row.state == State.SCHEDULED else gettext_noop("published")
    _finish(row, user, note, derived=has_draft or row.path != old_path)
    _leave_redirect(row, old_path)
    notify(Verb.PUBLISH, row, user)
    announce(row)
    return row


@transaction.atomic
def withdraw(post: Post, user: Account | None, *, expected: datetime | None = None) -> Post:
    """Takes the post off the site; its address then answers 410. One that nobody can have seen becomes a draft again."""
    row = _open(post, user, Verb.WITHDRAW, expected)
    _require_transition(row, Verb.WITHDRAW)
    if was_ever_public(row):
        row.state = State.WITHDRAWN
    else:
        row.state, row.first_published_at = State.DRAFT, None
    _write(row, {"draft": True})
    _finish(row, user, gettext_noop("withdrawn"), derived=False)
    notify(Verb.WITHDRAW, row, user)
    return row


@transaction.atomic
def submit_for_review(post: Post, user: Account | None, *, expected: datetime | None = None) -> Post:
    """Hands a draft to the editors."""
    row = _move(post, user, Verb.SUBMIT, State.IN_REVIEW, gettext_noop("submitted"), expected)
    notify(Verb.SUBMIT, row, user)
    return row


@transaction.atomic
def return_to_draft(post: Post, user: Account | None, *, expected: datetime | None = None, reason: str = "") -> Post:
    """Gives a post under review back, or makes a withdrawn one a draft to work on; the address of that still answers 410.

    ``reason`` goes to those whom it concerns, and its beginning into the note of the version.
    """
    note = join_note(gettext_noop("returned to draft"), reason)
    row = _move(post, user, Verb.RETURN, State.DRAFT, note, expected)
    notify(Verb.RETURN, row, user, reason)
    return row


@transaction.atomic
def move_to_trash(post: Post, user: Account | None) -> Post:
    """Takes the post off the site and off the lists. Nothing is deleted; :func:`restore` brings it back."""
    row = _open(post, user, Verb.TRASH, None)
    if row.trashed_at is not None:
        raise WrongState(_("“%(title)s” is in the trash already.") % {"title": row.title})
    row.trashed_at = timezone.now()
    _finish(row, user, gettext_noop("moved to the trash"), derived=False)
    return row


@transaction.atomic
def restore(post: Post, user: Account | None) -> Post:
    """Brings a post back from the trash, never straight to readers: one that was public comes back withdrawn."""
    row = _open(post, user, Verb.RESTORE, None)
    if row.trashed_at is None:
        raise WrongState(_("“%(title)s” is not in the trash.") % {"title": row.title})
    row.trashed_at = None
    if row.state in LIVE:
        row.state = State.WITHDRAWN if was_ever_public(row) else State.DRAFT
        _write(row, {"draft": True})
    _finish(row, user, gettext_noop("restored from the trash"), derived=False)
    return row


@transaction.atomic
def restore_revision(revision: Revision, user: Account | None, *, expected: datetime | None = None) -> Restored:
    """Makes the post, or the draft beside it where readers see it, what it was when ``revision`` was kept.

    That is kept as a new version. The state stays: no version goes straight to readers. A post that was ever public keeps a date
    of publication. The address comes back too unless another post has it by now. What a version names and nobody has any more
    is left out and named in the result. Raises NotAllowed, ChangedMeanwhile and RefusedChange.
    """
    row = _open(revision.post, user, Verb.CHANGE, expected)
    before = drafts.read_present(row)
    reading = read_snapshot(revision.snapshot, before)
    try:
        permalinks.claim(row, reading.changes.get("path") or row.path)
    except permalinks.BadAddress:
        reading.leave_out("path", reading.changes.pop("path"))
    if _keeps_date(revision, before) and was_ever_public(row):
        # Readers know the post by the date that it has.
        reading.changes.pop("published_at", None)
    is_beside = row.is_live or row.pending is not None
    take_back = _take_back_beside if is_beside else _take_back
    is_changed = take_back(row, user, reading, revision, before)
    return Restored(row, is_changed, reading.left_out)


def _keeps_date(revision: Revision, before: Mapping[str, Any]) -> bool:
    """Whether a version is from before the publication that the post has had since."""
    return bool(before.get("published_at")) and not revision.snapshot.get("published_at")


def _take_back(row: Post, user: Account | None, reading: Reading, revision: Revision, before: Mapping[str, Any]) -> bool:
    old_path = row.path
    _apply(row, reading.changes)
    _set_relations(row, reading.changes)
    # The front matter of that version says all fields as they were, but for these.
    if "path" in reading.left_out:
        _write(row, {"path": row.path})
    if _keeps_date(revision, before) and "published_at" not in reading.changes:
        _write(row, {"published_at": row.published_at})
    if revision.snapshot.get("state") in LIVE:
        _write(row, {"draft": True})
    changed = _changed_names(before, row)
    if changed:
        _finish(row, user, _RESTORED, derived=bool(changed & _RENDERED_FROM))
        _leave_redirect(row, old_path)
    return bool(changed)


def _take_back_beside(row: Post, user: Account | None, reading: Reading, revision: Revision, before: Mapping[str, Any]) -> bool:
    draft = drafts.open_draft(row, before)
    _apply(draft.post, reading.changes)
    if "path" in reading.left_out:
        _write(draft.post, {"path": draft.post.path})
    if _keeps_date(revision, before) and "published_at" not in reading.changes:
        _write(draft.post, {"published_at": draft.post.published_at})
    if revision.snapshot.get("state") not in LIVE:
        _write(draft.post, {"draft": False})
    return _keep_beside(row, user, draft, reading.changes, before, _RESTORED)


def own_changes(row: Post, based_on: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes without front matter that only says what the other changed fields say, which a save writes itself.

    ``changes`` lead from ``based_on``, a snapshot of ``row``, to another version, as
    :func:`articles.editorial.versions.read_snapshot` has them.
    """
    wanted = {name: value for name, value in changes.items() if name not in ("front_matter", "extra")}
    if "front_matter" not in changes:
        return wanted
    draft = drafts.open_draft(row, based_on)
    _apply(draft.post, {name: value for name, value in wanted.items() if name != "path"})
    _write_to_source(draft.post, set(wanted), partial(_drafted_names, draft, wanted))
    return wanted if draft.post.front_matter == changes["front_matter"] else {**wanted, "front_matter": changes["front_matter"]}


@transaction.atomic
def move_draft(post: Post, user: Account | None, changes: Mapping[str, Any], *, expected: datetime) -> Post:
    """Puts the draft beside the post onto what readers see by now, as ``changes`` of that.

    For a draft whose post an import has changed in the same places. Raises as :func:`save_draft` does.
    """
    row = _open(post, user, Verb.CHANGE, expected)
    if row.pending is None:
        raise WrongState(_("“%(title)s” has no changes that are not public.") % {"title": row.title})
    row.pending = None
    if not _save_beside(row, user, changes, gettext_noop("brought together with an import")):
        row.pending_submitted_at = None
        _note_pending(row)
    return row


def open_row(post: Post, user: Account | None, verb: Verb, *, expected: datetime | None = None) -> Post:
    """The row as it is now, locked, for verbs in modules of their own; to be called in their transaction.

    Raises NotAllowed, WrongState for a post in the trash, and ChangedMeanwhile where somebody saved it since ``expected``.
    """
    return _open(post, user, verb, expected)


def keep_version(row: Post, user: Account | None, note: str) -> None:
    """Stores what a verb of another module set on the row, but for its text, and keeps a version that says so."""
    row.modified_at = timezone.now()
    row.save()
    _keep(row, user, note, snapshot(row))


def local_text(moment: datetime) -> str:
    """A moment as people write it, in the site's zone."""
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")


def _save_new(user: Account | None, changes: Mapping[str, Any], note: str, session: str = "") -> Post:
    row = _start(user)
    _apply(row, changes)
    _insert(row)
    _set_relations(row, changes)
    _finish(row, user, note, derived=True, session=session)
    return row


def _save_row(row: Post, user: Account | None, changes: Mapping[str, Any], note: str, session: str = "") -> bool:
    before, old_path = snapshot(row), row.path
    _apply(row, changes)
    if row.state in LIVE:
        now = timezone.now()
        row.state = State.SCHEDULED if row.published_at and row.published_at > now else State.PUBLISHED
        if "published_at" in changes:
            _refuse_moment(row, row.published_at, now)
    _set_relations(row, changes)
    changed = _changed_names(before, row)
    if not changed:
        return False
    _write_to_source(row, changed & changes.keys())
    changed = _changed_names(before, row)
    _finish(row, user, note, derived=bool(changed & _RENDERED_FROM), session=session)
    _leave_redirect(row, old_path)
    return True


def _save_beside(row: Post, user: Account | None, changes: Mapping[str, Any], note: str, session: str = "") -> bool:
    """Saves as a draft what readers of the post do not get to see."""
    relations = drafts.read_relations(row)
    present = drafts.read_present(row, relations)
    changes = {name: value for name, value in changes.items() if spell_value(name, value) != present.get(name)}
    if not changes:
        return False
    if "tags" in changes:
        # Made now, as for a post that is not public: what a draft names has to be there when it is published.
        changes["tags"] = [tag.name for tag in find_or_make_tags(changes["tags"])]
    draft = drafts.open_draft(row, present, relations)
    _apply(draft.post, changes)
    _write_to_source(draft.post, set(changes), partial(_drafted_names, draft, changes))
    return _keep_beside(row, user, draft, changes, present, note, session)


def _drafted_names(draft: Draft, changes: Mapping[str, Any], _row: Post, relation: str) -> list[str]:
    rows = changes[relation] if relation in changes else getattr(draft, relation)
    return [getattr(entry, "name", entry) for entry in rows]


def _keep_beside(
    row: Post,
    user: Account | None,
    draft: Draft,
    changes: Mapping[str, Any],
    present: Mapping[str, Any],
    note: str,
    session: str = "",
) -> bool:
    kept = _spell_draft(draft, changes)
    if kept == present:
        return False
    base = row.pending.base if row.pending is not None else _keep_public(row, present)
    row.pending = _keep(row, user, note, kept, base=base, session=session)
    _note_pending(row)
    return True


def _spell_draft(draft: Draft, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The snapshot of a draft with ``changes``, whose columns were applied to it already."""
    named = {name: changes.get(name, getattr(draft, name)) for name in RELATIONS}
    return snapshot_of(draft.post, **{name: spell_value(name, value) for name, value in named.items()})


def _keep_public(row: Post, public: Mapping[str, Any]) -> Revision:
    """The version that readers see, kept now where no save has kept it. ``public``: the snapshot of the row."""
    newest = row.revisions.saved().first()
    if newest is not None and newest.snapshot == public:
        return newest
    return _keep(row, None, gettext_noop("as readers see it"), public)


def _keep(
    row: Post, user: Account | None, note: str, kept: Mapping[str, Any], *, base: Revision | None = None, session: str = ""
) -> Revision:
    return Revision.objects.create(
        post=row, user_id=user.pk if user else None, note=note[:200], snapshot=dict(kept), base=base, session=session
    )


def _note_pending(row: Post) -> None:
    """Stores which draft the post has. The rest of the row is what readers see."""
    row.modified_at = timezone.now()
    row.save(update_fields=["pending", "pending_submitted_at", "modified_at"])


def _take_over_draft(row: Post, user: Account | None) -> None:
    """Sets what the draft beside the post holds on the row, and drops it. What others changed on the row since stays."""
    pending, public = row.pending, snapshot(row)
    assert pending is not None
    based_on = pending.base.snapshot if pending.base is not None else public
    reading = read_snapshot(pending.snapshot, based_on)
    if reading.left_out:
        raise WrongState(
            _("The draft of “%(title)s” names what is not there any more: %(names)s. Save the draft again and publish it.")
            % {"title": row.title, "names": "、".join(name for names in reading.left_out.values() for name in names)}
        )
    changes: Mapping[str, Any] = reading.changes
    is_moved = any(public.get(name) != value for name, value in based_on.items() if name != "state")
    if is_moved:
        merged = drafts.merge_changes(based_on, own_changes(row, based_on, changes), public)
        if not merged.is_clean:
            raise Clash(
                _("An import changed “%(title)s” where its draft does. Open the draft and bring the two together.")
                % {"title": row.title}
            )
        changes = merged.changes
    _apply(row, changes)
    _set_relations(row, changes)
    if is_moved:
        _write_to_source(row, set(changes))
    row.pending, row.pending_submitted_at = None, None
    _require(row, user, Verb.PUBLISH)


def _bring_together(
    row: Post, user: Account | None, changes: Mapping[str, Any], base: Revision | None, session: str
) -> Mapping[str, Any]:
    """The changes of a form that was opened on ``base``, beside what others saved since. Raises Clash and ChangedMeanwhile."""
    if base is None or base.post_id != row.pk:
        raise ChangedMeanwhile(meanwhile_sentence(row))
    merged = drafts.merge_changes(base.snapshot, changes, drafts.read_present(row))
    if not merged.is_clean:
        raise Clash(meanwhile_sentence(row))
    if merged.changes and user is not None:
        # So that the text as it was written can be found, too.
        own = drafts.set_aside(row, user, spell_changes(base.snapshot, changes), base, session)
        own.settled_at = timezone.now()
        own.save(update_fields=["settled_at"])
    return merged.changes


def spell_changes(present: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The snapshot of ``present`` with ``changes``, as they stand in a form that nobody has saved.

    What a save would make of them, an address or lines of front matter, is not made.
    """
    return {**present, **{name: spell_value(name, value) for name, value in changes.items()}}


def _date_of_publication(row: Post, at: datetime | None, now: datetime) -> datetime | None:
    if at:
        return at
    if row.published_at is None:
        return now if row.kind == Post.Kind.ARTICLE else None
    return min(row.published_at, now)


def _refuse_moment(row: Post, published_at: datetime | None, now: datetime) -> None:
    """Raises WrongState where the post would be public before its embargo ends, or only after it has expired."""
    if row.embargo_until is not None and max(now, published_at or now) < row.embargo_until:
        raise WrongState(
            _("“%(title)s” is under embargo until %(date)s. Schedule it for then or later, or change the embargo first.")
            % {"title": row.title, "date": local_text(row.embargo_until)}
        )
    if row.expires_at is not None and row.expires_at <= max(now, published_at or now):
        raise WrongState(
            _("“%(title)s” would have expired on %(date)s. Change or clear its expiry first.")
            % {"title": row.title, "date": local_text(row.expires_at)}
        )


def _start(user: Account | None) -> Post:
    if not can(user, Verb.ADD):
        raise NotAllowed(_("You may not write new posts. Ask an administrator for the right."))
    return Post(owner_id=user.pk if user else None, features=sorted(DEFAULT_FEATURES[""]))


def _apply(row: Post, changes: Mapping[str, Any]) -> None:
    """Sets the changed columns on the row, and the address that follows from them."""
    makes_address = permalinks.follows_house(row) and not was_ever_public(row)
    old_base, made_slug = permalinks.house_path(row), slugify(row.title)
    texts = {name: changes[name] for name in ("front_matter", "body") if name in changes}
    try:
        set_text(row, **texts)
        path = permalinks.claim(row, changes["path"]) if changes.get("path") else ""
    except RefusedFile as refused:
        raise RefusedChange(refused.finding.localised()) from refused
    except permalinks.BadAddress as bad:
        raise RefusedChange(str(bad)) from bad
    for name in changes.keys() & (set(COLUMNS) - {"front_matter", "body", "path"}):
        setattr(row, name, changes[name])
    if "cover" in changes:
        row.cover_target = row.cover.url if row.cover else ""
    if makes_address and row.slug == made_slug and "slug" not in changes:
        row.slug = ""
    if "path" in changes:
        row.path = path
    elif makes_address and permalinks.house_path(row) != old_base:
        row.path = ""
    row.slug = row.slug or slugify(row.title)
    permalinks.fill(row)


def _insert(row: Post) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise ChangedMeanwhile(_("Another post took this address at the same moment. Save again.")) from error


def _changed_names(before: Mapping[str, Any], row: Post) -> set[str]:
    return {name for name, value in snapshot(row).items() if name not in before or before[name] != value}


def _open(post: Post, user: Account | None, verb: Verb, expected: datetime | None) -> Post:
    """The row as it is now, locked, once ``user`` may do ``verb`` with it and nobody saved it since ``expected``."""
    row = Post.objects.select_for_update(of=("self",)).select_related("pending__base").filter(pk=post.pk).first()
    if row is None:
        raise ChangedMeanwhile(_("This post was deleted while you had it open. Copy your text before you leave the page."))
    _require(row, user, verb)
    if expected is not None and row.modified_at != expected:
        raise ChangedMeanwhile(meanwhile_sentence(row))
    return row


def _require(row: Post, user: Account | None, verb: Verb) -> None:
    if can(user, verb, row):
        return
    if row.trashed_at is not None and verb is not Verb.TRASH and can(user, Verb.RESTORE, row):
        raise WrongState(_("“%(title)s” is in the trash. Restore it first.") % {"title": row.title})
    raise NotAllowed(_refusal(verb, row))


def name_last(row: Post) -> str:
    """Who saved the post last."""
    last = row.revisions.select_related("user").first()
    return str(last.user) if last and last.user else _("the system")


def meanwhile_sentence(row: Post) -> str:
    """Who saved the post last, and what the other person can do now."""
    return _(
        "%(who)s saved this post at %(time)s, after you had opened it. Your text is kept below and nothing was saved: "
        "open the post in another tab, bring the two together, and save there."
    ) % {"who": name_last(row), "time": local_text(row.modified_at)}


def _refusal(verb: Verb, row: Post) -> str:
    words = {
        Verb.CHANGE: _("change this post"),
        Verb.UPDATE: _("change what readers see of this post"),
        Verb.SUBMIT: _("submit this post"),
        Verb.RETURN: _("return this post"),
        Verb.PUBLISH: _("publish this post"),
        Verb.WITHDRAW: _("withdraw this post"),
        Verb.TRASH: _("move this post to the trash"),
        Verb.RESTORE: _("restore this post"),
    }
    return _("You may not %(action)s while it is “%(state)s”. Ask someone who may publish.") % {
        "action": words[verb],
        "state": row.get_state_display(),
    }


def leads_on(row: Post, verb: Verb) -> bool:
    """Whether the verb leads on from the state in which the post is, or in which the draft beside it is."""
    if row.is_live and row.pending_id is not None:
        is_submitted = row.pending_submitted_at is not None
        of_draft = {Verb.SUBMIT: not is_submitted, Verb.RETURN: is_submitted, Verb.PUBLISH: True}
        if verb in of_draft:
            return of_draft[verb]
    return row.state in TRANSITIONS[verb]


def _require_transition(row: Post, verb: Verb) -> None:
    if leads_on(row, verb):
        return
    raise WrongState(
        _("“%(title)s” is “%(state)s”, from which this step does not lead on.")
        % {"title": row.title, "state": row.get_state_display()}
    )


def _move(post: Post, user: Account | None, verb: Verb, state: str, note: str, expected: datetime | None) -> Post:
    row = _open(post, user, verb, expected)
    _require_transition(row, verb)
    if row.pending is not None and row.is_live:
        row.pending_submitted_at = timezone.now() if verb is Verb.SUBMIT else None
        row.pending = _keep(row, user, note, row.pending.snapshot, base=row.pending.base)
        _note_pending(row)
        return row
    row.state = state
    _finish(row, user, note, derived=False)
    return row


def _set_relations(row: Post, changes: Mapping[str, Any]) -> None:
    if "authors" in changes and list(changes["authors"]) != ordered_authors(row):
        PostAuthor.objects.filter(post=row).delete()
        PostAuthor.objects.bulk_create(
            PostAuthor(post=row, author=author, position=place) for place, author in enumerate(_once(changes["authors"]), 1)
        )
    if "categories" in changes and list(changes["categories"]) != ordered_categories(row):
        PostCategory.objects.filter(post=row).delete()
        PostCategory.objects.bulk_create(
            PostCategory(post=row, category=category, position=place)
            for place, category in enumerate(_once(changes["categories"]), 1)
        )
    if "tags" in changes:
        tags = find_or_make_tags(changes["tags"])
        if tags != ordered_tags(row):
            TaggedPost.objects.filter(content_object=row).delete()
            TaggedPost.objects.bulk_create(TaggedPost(content_object=row, tag=tag) for tag in tags)


def _once(rows: Sequence[Any]) -> list[Any]:
    return list(dict.fromkeys(rows))


def _stored_names(row: Post, relation: str) -> list[str]:
    read: Mapping[str, Callable[[Post], list[Any]]] = {
        "authors": ordered_authors,
        "categories": ordered_categories,
        "tags": ordered_tags,
    }
    return [entry.name for entry in read[relation](row)]


def _write_to_source(row: Post, changed: set[str], names_of: Callable[[Post, str], list[str]] = _stored_names) -> None:
    """Hands the changed fields to the front matter, each as a change of the file's own key."""
    values: dict[Field, Any] = {name: getattr(row, name) for name in _WRITTEN_COLUMNS if name in changed}
    if "cover" in changed:
        values["cover_target"] = row.cover_target
    if "authors" in changed:
        values["authors"] = names_of(row, "authors")
    if "categories" in changed:
        values["categories"] = names_of(row, "categories")
    if "tags" in changed:
        values["tags"] = names_of(row, "tags")
    if "series" in changed:
        values["series"] = row.series.name if row.series else ""
    _write(row, values)


def _write(row: Post, values: Mapping[Field, Any]) -> None:
    try:
        write_fields(row, values)
    except RefusedFile as refused:
        raise RefusedChange(refused.finding.localised()) from refused
    except EditError as error:
        raise RefusedChange(
            _("The front matter as it is written does not let this be changed alone. Change it there: %(keys)s")
            % {"keys": ", ".join(values)}
        ) from error


def _finish(row: Post, user: Account | None, note: str, *, derived: bool, session: str = "") -> None:
    before = Post.objects.filter(pk=row.pk).light().first() or row
    row.is_edited = True
    row.modified_at = timezone.now()
    row.save()
    if derived:
        save_derived(row)
    else:
        # Its date may have changed, by which hits are ordered.
        index_posts([row])
    if target_of(before).is_public or row.is_public:
        mark_waiting([row])
    _refresh_referrers(before, row)
    if before.is_live or row.is_live:
        enqueue("articles.tasks.make_card", row.pk)
    _keep(row, user, note, snapshot(row), session=session)


def _refresh_referrers(before: Post, row: Post) -> None:
    """Has the texts that refer to the post rendered again where readers can reach it now, no longer, or elsewhere.

    After the commit, because each of those texts is locked in its turn: two posts that refer to each other may change at once.
    """
    old, new = target_of(before), target_of(row, old_path=before.path)
    if not (old.is_public or new.is_public) or old == replace(new, old_path=old.old_path):
        return
    targets = [new] if new.is_public else [new, replace(old, is_public=False)]
    transaction.on_commit(partial(refresh_referrers, targets), robust=True)


def _leave_redirect(row: Post, old_path: str) -> None:
    """Makes the former address of a post that readers may know lead to it, and frees the address it has now."""
    row.redirects.filter(old_path=row.path).delete()
    if old_path and old_path != row.path and was_ever_public(row):
        Redirect.objects.update_or_create(old_path=old_path, defaults={"post": row})
