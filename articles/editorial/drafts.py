"""What people write before it is the post: drafts beside public posts, texts kept by themselves, saves that met another's.

A post that readers see stays as it is while somebody writes on it. What they save is a :class:`Revision`, ``Post.pending``,
whose ``base`` is the public version that it was written on; publishing makes it the row (:mod:`articles.editorial.workflow`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from articles.editorial.merge import Answer, FieldQuestion, FileMerge, Question, ask, collect, merge_files, merge_texts
from articles.editorial.permissions import Account
from articles.editorial.terms import find_known_tags
from articles.editorial.versions import (
    COLUMNS,
    find_value,
    ordered_authors,
    ordered_categories,
    ordered_tags,
    read_snapshot,
    snapshot,
    snapshot_of,
    spell_value,
)
from articles.formats import frontmatter
from articles.formats.document import SourceText
from articles.formats.terms import identity
from articles.models import Author, Category, Post, Presence, Revision
from articles.statements import without_index

Snapshot = Mapping[str, Any]

LISTS = ("authors", "categories", "tags", "features")
KEPT_FOR = timedelta(minutes=5)
"""So long one version that is kept by itself is written over; then the next one begins."""
PRESENT_FOR = timedelta(seconds=75)
"""Whoever was not heard of for so long is gone: a page says every 20 seconds that it is there, a hidden one every minute."""


@dataclass(slots=True)
class Draft:
    """A post as one of its versions has it, unsaved: the row's own keys, state and rights with that version's content.

    ``left_out``: by field, what the version names and the desk has no longer.
    """

    post: Post
    authors: list[Author]
    categories: list[Category]
    tags: list[str]
    left_out: Mapping[str, list[str]]


Relations = tuple[list[Author], list[Category], list[str]]


def read_relations(post: Post) -> Relations:
    """The by-lines, categories and names of tags of the row, in order. Three queries."""
    return ordered_authors(post), ordered_categories(post), [tag.name for tag in ordered_tags(post)]


def spell_public(post: Post, relations: Relations) -> dict[str, Any]:
    """The snapshot of the row, with what :func:`read_relations` gave."""
    authors, categories, tags = relations
    return snapshot_of(
        post, authors=spell_value("authors", authors), categories=spell_value("categories", categories), tags=list(tags)
    )


def read_present(post: Post, relations: Relations | None = None) -> dict[str, Any]:
    """The snapshot on which the next save is made: that of the draft beside the post, else of the row.

    ``relations`` are those of the row, where the caller has read them.
    """
    if post.pending is not None:
        return dict(post.pending.snapshot)
    return spell_public(post, relations) if relations is not None else snapshot(post)


def present_revision(post: Post) -> Revision | None:
    """The version that an open form shows: the draft beside the post, else the newest that was saved."""
    return post.pending if post.pending is not None else post.revisions.saved().first()


def with_base(posts: QuerySet[Post]) -> QuerySet[Post]:
    """Posts that know, by the very statement that reads their text, the version which :func:`base_of` names.

    Asked afterwards it may be a later one, and what that holds and the form does not show would pass for deleted by its writer.
    """
    newest = Revision.objects.saved().filter(post=OuterRef("pk")).values("pk")[:1]
    return posts.annotate(newest_saved=Subquery(newest))


def base_of(post: Post) -> int | None:
    """The number of the version that an open form of ``post`` shows, which was read by :func:`with_base`."""
    newest: int | None = post.newest_saved  # type: ignore[attr-defined]
    return post.pending_id or newest


def open_draft(post: Post, kept: Snapshot, relations: Relations | None = None) -> Draft:
    """``post`` with the content of ``kept``, a snapshot of one of its versions. Nothing is written.

    ``relations`` are those of the row, where the caller has read them.
    """
    authors, categories, tags = relations = relations or read_relations(post)
    reading = read_snapshot(kept, spell_public(post, relations))
    changes = reading.changes
    draft = copy(post)
    for name in changes.keys() & set(COLUMNS):
        setattr(draft, name, changes[name])
    if changes.keys() & {"front_matter", "body"}:
        # The bytes that came are those of another text.
        draft.source_bytes = None
        draft.front_matter_format = frontmatter.split(draft.front_matter)[2] if draft.front_matter else ""
    return Draft(
        draft,
        changes.get("authors", authors),
        changes.get("categories", categories),
        changes.get("tags", tags),
        reading.left_out,
    )


# --- Bringing two saves together -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Merged:
    """What both sides made of one version. ``changes`` are those that stand beside the other side's; ``files`` holds the
    text, ``fields`` are what both changed in two ways. ``wanted`` are the changes of this side as they were."""

    changes: dict[str, Any]
    wanted: Mapping[str, Any]
    files: FileMerge
    fields: list[FieldQuestion] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nobody has to decide anything."""
        return not self.fields and self.files.is_clean

    @property
    def questions(self) -> list[Question]:
        return ask(self.files, self.fields)

    def resolve(self, answers: Mapping[str, Answer]) -> dict[str, Any]:
        """The changes with what a person decided. Raises Unanswered where a question is open."""
        found = collect(self.files, self.questions, answers)
        changes = dict(self.changes)
        if "body" in self.wanted:
            changes["body"] = self.files.body.resolve(found.body_lines)
        for name, side in found.fields.items():
            if side == "ours":
                changes[name] = self.wanted[name]
        return changes


def merge_changes(base: Snapshot, wanted: Mapping[str, Any], present: Snapshot) -> Merged:
    """Brings ``wanted``, changes made on the version ``base``, together with ``present``, what others made of it.

    ``wanted`` is what :func:`articles.editorial.workflow.save_post` takes, the other two are snapshots. A field that only
    one side changed is that side's; texts are merged by line and clause, lists by what came and what went.
    """
    merged = Merged({}, wanted, _merge_bodies(base, wanted, present))
    for name, value in wanted.items():
        # A version that is older than a field of yes or no says no.
        old = base.get(name, False if isinstance(value, bool) else None)
        ours, theirs = spell_value(name, value), present.get(name)
        if ours in (old, theirs):
            continue
        if theirs == old:
            merged.changes[name] = value
        elif name == "body":
            if merged.files.body.text is not None:
                merged.changes[name] = merged.files.body.text
        elif name in LISTS and (both := _merge_lists(old or [], ours, theirs or [])) is not None:
            merged.changes[name] = both if name in ("tags", "features") else find_value(name, both)
        elif name == "front_matter" and (text := merge_texts(old or "", ours, theirs or "", by_clause=False).text) is not None:
            merged.changes[name] = text
        else:
            merged.fields.append(FieldQuestion(name, old, ours, theirs))
    return merged


def _merge_bodies(base: Snapshot, wanted: Mapping[str, Any], present: Snapshot) -> FileMerge:
    old = str(base.get("body", ""))
    bodies = (old, str(wanted.get("body", old)), str(present.get("body", "")))
    return merge_files(*(SourceText("", body) for body in bodies))


def _merge_lists(base: Sequence[Any], ours: Sequence[Any], theirs: Sequence[Any]) -> list[Any] | None:
    """What came and what went on either side; ``None`` where this side only changed the order, which the other did not know."""
    if all(entry in base for entry in ours) and all(entry in ours for entry in base):
        return None
    kept = [entry for entry in theirs if entry in ours or entry not in base]
    return [*kept, *(entry for entry in ours if entry not in base and entry not in kept)]


# --- What is kept by itself ----------------------------------------------------------------------------------------


class FormClosed(Exception):
    """The form was saved, and what it sends now was written before that or in a page that has stayed open."""


@transaction.atomic
def keep(
    post: Post, user: Account, kept: Snapshot, base: Revision | None, session: str, *, is_rescued: bool = False
) -> Revision | None:
    """Keeps what stands in an open form as a version of its own; the post is not touched.

    Within :data:`KEPT_FOR` it takes the place of what the same form had kept before. ``None`` where the form holds what it
    saved already. Who may change the post is asked by the caller. Raises FormClosed where the form was saved meanwhile, unless
    the copy ``is_rescued``: nothing is newer than what the browser itself has kept.
    """
    # In the order of a save, which locks the post: two that wait for each other would both be lost.
    Post.objects.select_for_update(of=("self",)).only("pk").get(pk=post.pk)
    if not is_rescued and is_closed(session, user):
        raise FormClosed
    mine = Revision.objects.filter(post=post, user=user.pk, session=session)
    settled = mine.filter(Q(kind=Revision.Kind.SAVE) | Q(settled_at__isnull=False))
    if any(_is_held(kept, base, one.snapshot) for one in settled[:5]):
        return None
    newest = mine.first()
    now = timezone.now()
    if newest is not None and newest.kind == Revision.Kind.AUTOSAVE and newest.settled_at is None:
        if newest.begun_at is not None and now - newest.begun_at < KEPT_FOR:
            newest.snapshot, newest.created_at, newest.base = dict(kept), now, base
            newest.save(update_fields=["snapshot", "created_at", "base"])
            return newest
        mine.open().update(settled_at=now)
    return Revision.objects.create(
        post=post,
        kind=Revision.Kind.AUTOSAVE,
        user_id=user.pk,
        base=base,
        session=session,
        snapshot=dict(kept),
        begun_at=now,
    )


def _is_held(kept: Snapshot, base: Revision | None, version: Snapshot) -> bool:
    """Whether a version has all that was changed; what a save made of that besides, an address or front matter, may differ."""
    before = base.snapshot if base is not None else {}
    changed = {name for name, value in kept.items() if name not in before or before[name] != value}
    if not kept.get("path"):
        # An empty address leaves it to the site, which gave one.
        changed.discard("path")
    differ = {name for name in changed if version.get(name) != kept[name]}
    if differ == {"tags"}:
        # A save spells a tag as the site does.
        known = find_known_tags(kept["tags"])
        named = {key: known[key].name if key in known else name for name in kept["tags"] if (key := identity(name))}
        return [*named.values()] == version.get("tags")
    return not differ


def set_aside(post: Post, user: Account, kept: Snapshot, base: Revision | None, session: str) -> Revision:
    """Keeps a save that met another's, until somebody brings the two together; what its form kept before is in it."""
    close_form(post, user, session)
    return Revision.objects.create(
        post=post, kind=Revision.Kind.SET_ASIDE, user_id=user.pk, base=base, session=session, snapshot=dict(kept)
    )


def close_form(post: Post, user: Account | None, session: str) -> None:
    """Says that a form was saved: what it kept by itself is in the post, and what it sent before and comes in later is old.

    The caller holds the lock on the post.
    """
    if not session or user is None:
        return
    now = timezone.now()
    Presence.objects.bulk_create(
        [Presence(session=session, user_id=cast(int, user.pk), post=post, seen_at=now, closed_at=now)],
        update_conflicts=True,
        unique_fields=["user", "session"],
        update_fields=["post", "seen_at", "closed_at"],
    )
    kept = post.revisions.filter(session=session, user=user.pk, kind=Revision.Kind.AUTOSAVE)
    kept.filter(settled_at__isnull=True).update(settled_at=now)


def is_closed(session: str, user: Account) -> bool:
    """Whether a form of the user was saved in the last minutes."""
    return Presence.objects.filter(session=session, user=user.pk, closed_at__isnull=False).exists()


def find_open(post: Post, user: Account) -> list[Revision]:
    """What the user wrote on the post and nobody has in it, newest first; not what is being written in a form that is open."""
    writing = _open_forms(post).filter(user=user.pk).values("session")
    # Of the post's own versions, which are few: who imported an archive has made one of every post.
    mine = without_index("user_id", cast(int, user.pk))
    found = post.revisions.open().filter(mine).exclude(kind=Revision.Kind.AUTOSAVE, session__in=writing)
    return [*found.defer("snapshot")[:10]]


# --- Who else is there ---------------------------------------------------------------------------------------------


def note_presence(post: Post, user: Account, session: str, *, is_writing: bool) -> None:
    """Says that a form of the post is open; one that was saved stays closed. Forgets those that were not heard of."""
    now = timezone.now()
    Presence.objects.filter(seen_at__lt=now - 4 * PRESENT_FOR).delete()
    found = {"post": post, "seen_at": now, "is_writing": is_writing}
    # A name that another account's page has is none of this user's, whatever a forged form says.
    Presence.objects.update_or_create(session=session, user_id=cast(int, user.pk), defaults=found)


def list_present(post: Post, session: str) -> list[Presence]:
    """The other open forms of the post, the longest open first."""
    return list(_open_forms(post).exclude(session=session).select_related("user"))


def _open_forms(post: Post) -> QuerySet[Presence]:
    return Presence.objects.filter(post=post, seen_at__gt=timezone.now() - PRESENT_FOR, closed_at__isnull=True)


def forget_presence(session: str, user: Account) -> None:
    """Says that the page of a form of the user is gone."""
    Presence.objects.filter(session=session, user=user.pk, closed_at__isnull=True).delete()
