"""Conflicts of an import that wait for a person: which there are, what they ask, and what becomes of the answers.

Nothing of a comparison is stored but the file: base, post and file are compared anew whenever someone looks, so that
what is asked is always about the texts as they are now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from articles.editorial.merge import Answer, Question, ask, collect
from articles.editorial.permissions import Account, Verb, can, can_import, visible_posts
from articles.editorial.workflow import EditorialError, NotAllowed, local_text, name_last
from articles.formats import read_document
from articles.links import DatabaseResolver
from articles.models import ImportItem, ImportRun, Post, Source
from articles.transfer.choices import Choices
from articles.transfer.journal import Journal
from articles.transfer.merging import Decision, Merger, PostMerge, render_document
from articles.transfer.reading import Read
from articles.transfer.runs import count_items
from articles.transfer.stored import index_media, read_kept, read_stored_site
from articles.transfer.storing import ChunkStore, Entry

State = ImportRun.State
CLOSED_RUNS = (State.UNDOING, State.UNDONE)


class ConflictClosed(EditorialError):
    """There is nothing to decide here any more. The message says why, and what to do."""


class ConflictChanged(EditorialError):
    """Post or file are no longer those that the answers are about; what still fits was kept."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A conflict as it is now. ``seen`` names the versions compared: answers count only for these."""

    item: ImportItem
    post: Post
    merge: PostMerge
    questions: list[Question]
    seen: str


def list_conflicts(run: ImportRun, user: Account) -> QuerySet[ImportItem]:
    """The run's conflicts of texts that ``user`` may see, decided ones included; ``is_newer`` where a later import met the file.

    Conflicts about an address are none: nobody can decide them but by changing the file or the other page.
    """
    # Said plainly first: by it the few are found without reading what is said in them.
    items = run.items.filter(
        resolution__isnull=False, resolution__state__in=["open", "settled"], applied_at__isnull=False, excluded=False
    )
    return (
        items.filter(post__in=visible_posts(user)).select_related("post").annotate(is_newer=Exists(_later_items())).order_by("pk")
    )


def list_waiting(run: ImportRun, user: Account) -> QuerySet[ImportItem]:
    """Those of :func:`list_conflicts` that are still to be decided."""
    return list_conflicts(run, user).filter(~Exists(_later_items()), resolution__state="open")


def _later_items() -> QuerySet[ImportItem]:
    """Items of later imports that met the same post."""
    return ImportItem.objects.filter(post=OuterRef("post"), pk__gt=OuterRef("pk"), applied_at__isnull=False)


def may_decide(user: Account, post: Post) -> bool:
    """Whether ``user`` may decide conflicts of the post: who may import, and change this post as it is now."""
    return can_import(user) and can(user, Verb.UPDATE, _out_of_trash(post))


def _out_of_trash(post: Post) -> Post:
    """A post in the trash takes texts too, as every import gives them to it; the rest of the rule is its own."""
    if post.trashed_at is None:
        return post
    return Post(pk=post.pk, owner_id=post.owner_id, state=post.state)


def open_conflict(item: ImportItem, user: Account) -> Conflict:
    """Compares the three versions of a conflict. Raises NotAllowed, ConflictClosed, RefusedFile where the file cannot be read."""
    return _compare(item, _require_open(item, _posts_of(item).first(), user))


def decide(item: ImportItem, user: Account, answers: Mapping[str, Answer], *, seen: str) -> Post:
    """Writes the post as the answers have it, and keeps two versions: the file as it came, and what was decided.

    The post then counts as imported from this file, so that the same file is unchanged from now on. Everything is journalled
    into the item's run: undoing it takes the decision back too. Raises NotAllowed, ConflictClosed, ConflictChanged where
    ``seen`` is not what is there now, Unanswered, EditError where an answer cannot be written into its key alone, and
    RefusedFile where what came of it cannot be read as a file of its site or states an address that is taken.
    """
    with transaction.atomic():
        # First the item, so that two people who decide at once come one after the other.
        item = ImportItem.objects.select_for_update(of=("self",)).select_related("run").get(pk=item.pk)
        post = _posts_of(item).select_for_update(of=("self",)).first()
        conflict = _compare(item, _require_open(item, post, user))
        if conflict.seen != seen:
            raise ConflictChanged(_describe_change(conflict.post))
        chosen = collect(conflict.merge.files, conflict.questions, answers)
        _write(conflict, user, conflict.merge.settle(chosen), answers)
        ImportRun.objects.filter(pk=item.run_id).update(totals=count_items(item.run))
    return conflict.post


def _posts_of(item: ImportItem) -> QuerySet[Post]:
    """The item's post, if it is there."""
    return Post.objects.filter(import_items=item).select_related("source")


def _describe_change(post: Post) -> str:
    return _(
        "%(who)s saved this post at %(time)s, after you had opened this page. Nothing was saved; what you chose is kept below "
        "where it still fits. Look at the rest, and save again."
    ) % {"who": name_last(post), "time": local_text(post.modified_at)}


def _write(conflict: Conflict, user: Account, decision: Decision, answers: Mapping[str, Answer]) -> None:
    item, post = conflict.item, conflict.post
    source = _source_of(post)
    index, covers = index_media(source)
    store = ChunkStore(
        item.run,
        source,
        fingerprint=source.fingerprint,
        user=cast(User, user),
        covers=covers,
        index=index,
        choices=Choices().over(source.choices),
        journal=Journal(item.run),
        moment=timezone.now(),
    )
    entry = Entry(Read(post.source_path, item.sha256, decision.document), decision.document, post, is_new=False)
    entry.take(decision, render_document(decision.document, DatabaseResolver(post), source.values))
    item.resolution = {
        "state": "settled",
        "questions": len(conflict.questions),
        "by": user.get_username(),
        "at": timezone.now().isoformat(),
        "answers": {question.id: answers[question.id].way for question in conflict.questions},
    }
    store.settle(item, entry)


def _require_open(item: ImportItem, post: Post | None, user: Account) -> Post:
    """The post, where the conflict is still one and ``user`` may decide it. Raises NotAllowed, ConflictClosed."""
    if post is None or not visible_posts(user).filter(pk=post.pk).exists():
        raise ConflictClosed(_("The post of this conflict is gone. Import the file again to have it anew."))
    if not may_decide(user, post):
        raise NotAllowed(
            _("Deciding this needs the right to import, and to change “%(title)s” while it is “%(state)s”.")
            % {"title": post.title, "state": post.get_state_display()}
        )
    resolution = item.resolution or {}
    if resolution.get("state") == "settled":
        raise ConflictClosed(_("%(who)s decided this conflict already.") % {"who": resolution.get("by") or "–"})
    if resolution.get("state") != "open" or item.applied_at is None:
        raise ConflictClosed(_("There is nothing to decide about this file."))
    if item.run.state in CLOSED_RUNS:
        raise ConflictClosed(_("The import of this conflict was undone. Import the file again."))
    later = ImportItem.objects.filter(post=post, pk__gt=item.pk, applied_at__isnull=False).order_by("-pk").first()
    if later is not None:
        raise ConflictClosed(
            _("Import %(run)s met this file later: what is still open is decided there.") % {"run": later.run_id}
        )
    return post


def _compare(item: ImportItem, post: Post) -> Conflict:
    source = _source_of(post)
    data = read_kept(item.path, item.sha256)
    options = {**item.run.options, **item.run.choices}
    site = read_stored_site(
        source,
        dialect=options.get("dialect", ""),
        timezone=options.get("timezone", ""),
        language=options.get("language", ""),
    )
    choices = Choices().over(source.choices)
    choices.prepare(site)
    document = read_document(site, post.source_path, data, sha256=item.sha256)
    choices.fill(document)
    merger = Merger(site, choices.fill)
    merger.prepare([post])
    merge = merger.compare(post, document)
    return Conflict(item, post, merge, ask(merge.files, merge.fields), _name_versions(item, post, merge))


def _name_versions(item: ImportItem, post: Post, merge: PostMerge) -> str:
    """What the three versions are, in short: the base by its text, the post by its last save, the file by its content."""
    base = merge.base.source
    parts = (base.head, base.body, post.modified_at.isoformat(), item.sha256)
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _source_of(post: Post) -> Source:
    if post.source is None:
        raise ConflictClosed(_("The post of this conflict belongs to no source any more."))
    return post.source
