"""Takes an import back: what it made goes, what it changed becomes what it was, what people changed since stays and is named.

The journal is read backwards in chunks, each a transaction that also notes what became of it; so undo can be killed and
resumed, and doing it again does nothing. Addresses are given back in the reverse order of their taking, so that the
post which had one before finds it free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import CharField, Exists, F, Model, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from articles.derive import DERIVED_FIELDS, save_derived
from articles.editorial.workflow import local_text
from articles.findings import Finding
from articles.library import mend, remove_unused_files
from articles.models import (
    Author,
    Category,
    ImportChange,
    ImportItem,
    ImportRun,
    MediaFile,
    Post,
    PostAuthor,
    PostCategory,
    PostLink,
    Redirect,
    Revision,
    Series,
    SiteSettings,
    Source,
    SourceFile,
    Tag,
    TaggedPost,
)
from articles.related import mark_waiting
from articles.search import forget_posts, index_posts
from articles.transfer.journal import LINK_FIELDS, MODELS, plain_value, record, unpack, write_back
from articles.transfer.runs import (
    Lease,
    RightsLost,
    State,
    WrongState,
    add_event,
    held,
    move,
    queue,
    require_undo,
    wait_and_take,
)

BATCH = 100
Outcome = ImportItem.Undo
UNDOABLE = (State.FINISHED, State.INTERRUPTED, State.PLANNED, State.CANCELLED)
Judgement = tuple[str, list[Finding]]

USERS: Mapping[type[Model], tuple[tuple[type[Model], str], ...]] = {
    Tag: ((TaggedPost, "tag"),),
    Series: ((Post, "series"),),
    Category: ((PostCategory, "category"), (Category, "parent")),
    Author: ((PostAuthor, "author"),),
    Source: ((Post, "source"), (SourceFile, "source")),
    MediaFile: ((SourceFile, "media"), (Post, "cover"), (Author, "picture"), (SiteSettings, "logo"), (SiteSettings, "logo_dark")),
}

CHANGED_BY = gettext_noop("%(user)s changed it on %(when)s, after this import; it is kept.")
CHANGED = gettext_noop("It was changed after this import; it is kept.")
LATER_IMPORT = gettext_noop("Import %(run)s wrote it later; it is kept. Undo that import first.")
NEW_REDIRECT = gettext_noop("The former address “%(path)s” was given to it after this import; it is kept.")
ADDRESS_TAKEN = gettext_noop("Its former address “%(path)s” belongs to another page by now, so it keeps “%(given)s”.")
FILE_TAKEN = gettext_noop("Its former file “%(path)s” belongs to another post by now; it is kept as it is.")
TERM_GONE = gettext_noop("%(count)s of its former terms or by-lines are gone and were not given back.")
IN_USE = gettext_noop("“%(name)s” is used elsewhere; it is kept.")
EDITED = gettext_noop("“%(name)s” was changed after this import; it is kept.")
UNDONE_BY = gettext_noop("%(user)s had it undone: %(removed)s removed, %(restored)s as before, %(kept)s kept.")
NO_RIGHT = gettext_noop("%(user)s may not undo imports any more, so it stopped.")


def start_undo(run: ImportRun, user: User | None) -> None:
    """Enqueues the undo of a run. Raises NotAllowed, WrongState."""
    require_undo(run, user)
    if run.interrupted_in != State.UNDOING:
        _require_undoable(run)
    queue(run, UNDOABLE, State.UNDOING, undone_by=user)


def undo_import(run: ImportRun, user: User | None, *, tell: Callable[[str], None] | None = None) -> ImportRun:
    """Undoes a run in this process, or goes on with an undo that was interrupted. Raises NotAllowed, WrongState, SiteIsBusy."""
    require_undo(run, user)
    if run.state != State.UNDOING:
        if run.interrupted_in != State.UNDOING:
            _require_undoable(run)
        move(run, UNDOABLE, State.UNDOING, undone_by=user, interrupted_in="")
    return work_off(wait_and_take(run, writes=True, tell=tell))


def work_off(lease: Lease) -> ImportRun:
    """Undoes the run of ``lease``; however it ends, the run says so."""
    run = lease.run
    with held(lease):
        _Undo(lease).carry_out()
        totals = count_undone(run)
        who = str(run.undone_by) if run.undone_by else _("the system")
        numbers = {outcome: totals.get(outcome, 0) for outcome in Outcome.values}
        event = Finding("undone", "info", UNDONE_BY, {"user": who, **numbers})
        events = add_event(run, event, run.undone_by)
        lease.end(State.UNDONE, undone_at=timezone.now(), undo_totals=totals, events=events, interrupted_in="")
    return run


def count_undone(run: ImportRun) -> dict[str, int]:
    """The posts of the run by what their undo gave."""
    return dict(Counter(run.items.exclude(undo="").order_by().values_list("undo", flat=True)))


def survey_undo(run: ImportRun) -> Iterator[tuple[ImportItem, str, list[Finding]]]:
    """What undoing the run would do with each of its posts, the latest first; writes nothing."""
    last: int | None = None
    while True:
        items = _open_items(run)
        batch = list(items.filter(pk__lt=last)[:BATCH] if last else items[:BATCH])
        if not batch:
            return
        last = batch[-1].pk
        judgements = _judge_items(run, batch, Post.objects.only("modified_at").in_bulk(_post_keys(batch)))
        yield from ((item, *judgements[item.pk]) for item in batch)


def _require_undoable(run: ImportRun) -> None:
    if run.state not in UNDOABLE or not (run.items.filter(written_at__isnull=False).exists() or run.changes.exists()):
        raise WrongState(
            _("Import %(run)s is “%(state)s”: there is nothing of it to undo.")
            % {"run": run.pk, "state": run.get_state_display()}
        )


def _open_items(run: ImportRun) -> QuerySet[ImportItem]:
    """Items that wrote a post and are not undone yet, the latest first."""
    return run.items.filter(written_at__isnull=False, undo="").order_by("-pk")


def _post_keys(items: Sequence[ImportItem]) -> list[int]:
    return [item.post_id for item in items if item.post_id]


# --- May it be taken back? -----------------------------------------------------------------------------------------


def _judge_items(run: ImportRun, items: Sequence[ImportItem], posts: Mapping[int, Post]) -> dict[int, Judgement]:
    """Per key of an item: what becomes of its post, and why it stays where it does."""
    redirects = _new_redirects(items)
    judgements: dict[int, Judgement] = {}
    changed: dict[int, ImportItem] = {}
    for item in items:
        post = posts.get(item.post_id or 0)
        is_made = item.before is None
        outcome = Outcome.REMOVED if is_made else Outcome.RESTORED
        if post is None:
            judgements[item.pk] = (Outcome.REMOVED, [])
        elif post.modified_at != item.written_at:
            changed[post.pk] = item
        elif is_made and (path := redirects.get(post.pk)):
            judgements[item.pk] = (Outcome.KEPT, [Finding("new-redirect", "warning", NEW_REDIRECT, {"path": path})])
        else:
            judgements[item.pk] = (outcome, [])
    reasons = _find_reasons(run, list(changed))
    judgements |= {item.pk: (Outcome.KEPT, [reasons[key]]) for key, item in changed.items()}
    return judgements


def _new_redirects(items: Sequence[ImportItem]) -> dict[int, str]:
    """Post → a former address that it was given after the run wrote it."""
    applied = {item.post_id: item.applied_at for item in items}
    rows = Redirect.objects.filter(post__in=[key for key in applied if key]).values_list("post_id", "old_path", "created_at")
    return {key: path for key, path, made in rows if (moment := applied[key]) is not None and made > moment}


def _find_reasons(run: ImportRun, posts: list[int]) -> dict[int, Finding]:
    """Who changed the posts since: by their newest kept version."""
    reasons = {key: Finding("changed-since", "warning", CHANGED) for key in posts}
    rows = Revision.objects.filter(post__in=posts).select_related("user").order_by("created_at", "pk")
    for row in rows.only("post_id", "run_id", "user__username", "created_at"):
        if row.run_id == run.pk:
            reasons[row.post_id] = Finding("changed-since", "warning", CHANGED)
        elif row.run_id:
            reasons[row.post_id] = Finding("later-import", "warning", LATER_IMPORT, {"run": row.run_id})
        else:
            params = {"user": str(row.user) if row.user else "–", "when": local_text(row.created_at)}
            reasons[row.post_id] = Finding("changed-since", "warning", CHANGED_BY, params)
    return reasons


# --- Taking back ----------------------------------------------------------------------------------------------------


@dataclass
class _Undo:
    lease: Lease
    done: int = 0

    def __post_init__(self) -> None:
        self.run = self.lease.run

    def carry_out(self) -> None:
        run, lease = self.run, self.lease
        lease.hold(stage=ImportRun.Stage.POSTS, done=0, total=_open_items(run).count() + self._open_changes().count())
        self._walk(lambda: list(self._open_changes().filter(model="post")[:BATCH]), self._unlink)
        self._walk(lambda: list(_open_items(run)[:BATCH]), self._take_back)
        lease.hold(stage=ImportRun.Stage.CLEARING)
        self._walk(lambda: list(self._open_changes()[:BATCH]), self._revert)
        self._mend_links()
        mend()

    def _open_changes(self) -> QuerySet[ImportChange]:
        return self.run.changes.filter(undo="").order_by("-pk")

    def _walk(self, find: Callable[[], list[Any]], treat: Callable[[list[Any]], None]) -> None:
        """Batch by batch until nothing is open: what was treated is not found again."""
        while True:
            self.lease.beat()
            with transaction.atomic():
                self.lease.hold(done=self.done)
                self._check_rights()
                batch = find()
                if not batch:
                    return
                treat(batch)
            self.done += len(batch)

    def _check_rights(self) -> None:
        if self.run.undone_by_id is None:
            return
        user = User.objects.filter(pk=self.run.undone_by_id, is_active=True).first()
        if user is None or not user.has_perm("articles.import_posts"):
            raise RightsLost(Finding("rights-lost", "error", NO_RIGHT, {"user": str(self.run.undone_by)}))

    # --- posts

    def _unlink(self, changes: list[ImportChange]) -> None:
        """Gives posts that only had a reference resolved their rendering back; one that was saved since is rendered again."""
        posts = {
            post.pk: post for post in Post.objects.select_for_update().filter(pk__in=[change.object_id for change in changes])
        }
        restored: dict[int, Post] = {}
        links: dict[int, list[list[str]]] = {}
        for change in changes:
            post = posts.get(change.object_id)
            if post is None:
                change.undo = Outcome.REMOVED
            elif plain_value(post.modified_at) != change.after["modified_at"]:
                change.undo = Outcome.KEPT
            else:
                change.undo = Outcome.RESTORED
                before = change.before or {}
                # The earliest state of a post that was rendered twice is met last.
                write_back(post, {name: before[name] for name in DERIVED_FIELDS if name in before})
                restored[post.pk], links[post.pk] = post, before.get("links", [])
        for post in restored.values():
            post.save(update_fields=DERIVED_FIELDS)
        index_posts(restored.values())
        PostLink.objects.filter(post__in=list(restored)).delete()
        PostLink.objects.bulk_create(_link_rows(links))
        ImportChange.objects.bulk_update(changes, ["undo"])

    def _take_back(self, items: list[ImportItem]) -> None:
        posts = Post.objects.select_for_update().in_bulk(_post_keys(items))
        judgements = _judge_items(self.run, items, posts)
        for item in items:
            item.undo, findings = judgements[item.pk]
            item.undo_findings = [finding.as_json() for finding in findings]
        removed = [item.post_id for item in items if item.undo == Outcome.REMOVED and item.post_id]
        restored = [item for item in items if item.undo == Outcome.RESTORED]
        if removed:
            forget_posts(removed)
            Post.objects.filter(pk__in=removed).only("pk").delete()
        _Restoration(self.run, restored, posts).carry_out()
        ImportItem.objects.bulk_update(items, ["undo", "undo_findings"])

    # --- other rows

    def _revert(self, changes: list[ImportChange]) -> None:
        """Reverts rows in the order of the journal, those of one model together: what a later one used is free by then."""
        for model, group in groupby(changes, key=lambda change: change.model):
            together = list(group)
            # A category is free only when those below it are gone.
            for part in [[change] for change in together] if model == "category" else [together]:
                self._revert_group(MODELS[model], part)
        ImportChange.objects.bulk_update(changes, ["undo", "undo_findings"])
        gone = [change for change in changes if change.undo != Outcome.KEPT]
        fingerprints = {value["sha256"] for change in gone for value in (change.after, change.before or {}) if "sha256" in value}
        names = {change.after["public_name"] for change in gone if change.model == "mediafile" and change.before is None} - {""}
        if fingerprints:
            remove_unused_files(fingerprints, names)

    def _revert_group(self, model: type[Model], changes: list[ImportChange]) -> None:
        rows: dict[int, Model] = model._default_manager.in_bulk([change.object_id for change in changes])
        made = [rows[change.object_id] for change in changes if change.before is None and change.object_id in rows]
        used = _find_used(model, made)
        removed = []
        for change in changes:
            row = rows.get(change.object_id)
            if change.before is not None:
                outcome, findings = _revert_change(change, row)
            elif row is None:
                outcome, findings = Outcome.REMOVED, []
            else:
                outcome, findings = _judge_made(row, change.after, row.pk in used)
                if outcome == Outcome.REMOVED:
                    removed.append(row.pk)
            change.undo, change.undo_findings = outcome, [finding.as_json() for finding in findings]
        if removed:
            model._default_manager.filter(pk__in=removed).delete()

    # --- references of posts that stay

    def _mend_links(self) -> None:
        """Unlinks what still points at addresses that went: posts that were kept, and texts that named the address itself."""
        outcomes = (Outcome.REMOVED, Outcome.RESTORED)
        gone = self.run.items.filter(undo__in=outcomes).exclude(permalink="").values("permalink")
        links = (
            PostLink.objects.exclude(kind="image").filter(url__in=gone).filter(~Exists(Post.objects.filter(path=OuterRef("url"))))
        )
        with transaction.atomic():
            self.lease.hold()
            links.filter(kind="path", target=F("url")).update(url="")
        keys = sorted(set(links.values_list("post_id", flat=True)))
        for start in range(0, len(keys), BATCH):
            with transaction.atomic():
                self.lease.hold()
                rows = Post.objects.select_for_update(of=("self",)).select_related("source")
                for post in rows.filter(pk__in=keys[start : start + BATCH]):
                    save_derived(post)


def _link_rows(links: Mapping[int, list[list[str]]]) -> list[PostLink]:
    return [
        PostLink(post_id=key, **dict(zip(LINK_FIELDS, values, strict=True))) for key, rows in links.items() for values in rows
    ]


# --- A chunk of posts, as they were ---------------------------------------------------------------------------------


@dataclass
class _Restoration:
    """Gives a chunk of posts their whole former state: columns, relations, references, former addresses.

    The versions that the run kept of them go.
    """

    run: ImportRun
    items: Sequence[ImportItem]
    posts: Mapping[int, Post]
    states: dict[int, dict[str, Any]] = field(default_factory=dict)

    def carry_out(self) -> None:
        for item in self.items:
            if item.before is not None and item.post_id:
                self.states[item.post_id] = unpack(item.before)
        if not self.states:
            return
        self._keep_where_file_is_taken()
        posts = [self.posts[key] for key in self.states]
        for post in posts:
            write_back(post, self.states[post.pk]["columns"])
        self._keep_taken_addresses(posts)
        self._clear_lost_references(posts)
        self._make_room()
        names = [field.name for field in Post._meta.concrete_fields if not field.primary_key]
        Post.objects.bulk_create(posts, update_conflicts=True, unique_fields=["id"], update_fields=names)
        index_posts(posts)
        mark_waiting(posts)
        self._restore_relations()
        self._restore_redirects()
        Revision.objects.filter(run=self.run, post__in=list(self.states)).delete()

    def _make_room(self) -> None:
        """Moves the chunk's posts off their addresses and paths: they may have changed places among themselves."""
        mark = Concat(Value("#undo-"), Cast("pk", CharField()))
        Post.objects.filter(pk__in=list(self.states)).update(path=mark, source_path=mark)

    def _keep_where_file_is_taken(self) -> None:
        """A post whose former file became another post's stays as it is."""
        columns = {key: state["columns"] for key, state in self.states.items()}
        wanted = {(row["source_id"], row["source_path"]): key for key, row in columns.items()}
        sources, paths = {source for source, _path in wanted if source}, {path for _source, path in wanted}
        rows = Post.objects.filter(source__in=sources, source_path__in=paths)
        for source, path, holder in rows.exclude(pk__in=list(self.states)).values_list("source_id", "source_path", "pk"):
            key = wanted.get((source, path))
            if key is not None and holder != key:
                self._note(key, Finding("file-taken", "warning", FILE_TAKEN, {"path": path}), Outcome.KEPT)
                del self.states[key]

    def _keep_taken_addresses(self, posts: Sequence[Post]) -> None:
        wanted = Post.objects.filter(path__in=[post.path for post in posts])
        taken = set(wanted.exclude(pk__in=list(self.states)).values_list("path", flat=True))
        own = Post.objects.filter(pk__in=list(self.states))
        current = dict(own.values_list("pk", "path")) if taken else {}
        for post in posts:
            if post.path in taken:
                params = {"path": post.path, "given": current[post.pk]}
                self._note(post.pk, Finding("address-taken", "warning", ADDRESS_TAKEN, params))
                post.path = current[post.pk]

    def _clear_lost_references(self, posts: Sequence[Post]) -> None:
        """What a post belonged to may be gone since: a series, a picture, an account."""
        for name in ("series", "cover", "owner"):
            model: Any = Post._meta.get_field(name).related_model
            keys = {getattr(post, f"{name}_id") for post in posts} - {None}
            there = set(model._default_manager.filter(pk__in=keys).values_list("pk", flat=True)) if keys else set()
            for post in posts:
                if getattr(post, f"{name}_id") not in there:
                    setattr(post, f"{name}_id", None)

    def _restore_relations(self) -> None:
        keys = list(self.states)
        lost: Counter[int] = Counter()
        for through, owner, term, name in (
            (PostAuthor, "post", "author", "authors"),
            (PostCategory, "post", "category", "categories"),
            (TaggedPost, "content_object", "tag", "tags"),
        ):
            rows: Any = through._default_manager
            rows.filter(**{f"{owner}__in": keys}).delete()
            wanted = [(key, *_as_pair(value)) for key, state in self.states.items() for value in state[name]]
            model: Any = through._meta.get_field(term).related_model
            there = set(model._default_manager.filter(pk__in={pk for _key, pk, _position in wanted}).values_list("pk", flat=True))
            lost.update(key for key, pk, _position in wanted if pk not in there)
            new = []
            for key, pk, position in wanted:
                if pk in there:
                    place = {} if through is TaggedPost else {"position": position}
                    new.append(through(**{f"{owner}_id": key, f"{term}_id": pk, **place}))
            rows.bulk_create(new)
        for key, count in lost.items():
            self._note(key, Finding("term-gone", "info", TERM_GONE, {"count": count}))
        PostLink.objects.filter(post__in=keys).delete()
        PostLink.objects.bulk_create(_link_rows({key: state["links"] for key, state in self.states.items()}))

    def _restore_redirects(self) -> None:
        """Former addresses that the run gave go; those that it took come back. What was added since stays."""
        applied = {item.post_id: item.applied_at for item in self.items}
        now = list(Redirect.objects.filter(post__in=list(self.states)))
        given = [
            row.pk
            for row in now
            if row.old_path not in self.states[row.post_id]["redirects"] and _is_before(row.created_at, applied[row.post_id])
        ]
        Redirect.objects.filter(pk__in=given).delete()
        there = {(row.post_id, row.old_path) for row in now}
        missing = [
            Redirect(old_path=path, post_id=key)
            for key, state in self.states.items()
            for path in state["redirects"]
            if (key, path) not in there
        ]
        Redirect.objects.bulk_create(missing, ignore_conflicts=True)

    def _note(self, key: int, finding: Finding, outcome: str = "") -> None:
        for item in self.items:
            if item.post_id == key:
                item.undo_findings = [*item.undo_findings, finding.as_json()]
                item.undo = outcome or item.undo


def _as_pair(value: Any) -> tuple[int, int]:
    return (value[0], value[1]) if isinstance(value, list) else (value, 0)


def _is_before(moment: datetime, other: datetime | None) -> bool:
    return other is None or moment <= other


# --- One row beside posts -------------------------------------------------------------------------------------------


def _judge_made(row: Model, after: Mapping[str, Any], is_used: bool) -> Judgement:
    """Whether a row that the run made may go: nobody changed it and nothing uses it."""
    if not isinstance(row, Source) and _is_edited(row, after):
        return Outcome.KEPT, [Finding("changed-since", "warning", EDITED, {"name": str(row)})]
    if is_used:
        return Outcome.KEPT, [Finding("in-use", "info", IN_USE, {"name": str(row)})]
    return Outcome.REMOVED, []


def _is_edited(row: Model, after: Mapping[str, Any]) -> bool:
    """Whether someone changed what the run had written. Other spellings that later imports met are no edit."""
    current = record(row)
    return any(name != "aliases" and name in current and current[name] != value for name, value in after.items())


def _find_used(model: type[Model], rows: Sequence[Model]) -> set[int]:
    """Keys of those rows with which something else would lose something; a few queries whatever their number."""
    if not rows:
        return set()
    keys = [row.pk for row in rows]
    used: set[int] = set()
    for users, name in USERS.get(model, ()):
        found = users._default_manager.filter(**{f"{name}__in": keys}).order_by()
        used.update(found.values_list(f"{name}_id", flat=True).distinct())
    if model is MediaFile:
        by_url = {row.url: row.pk for row in rows if isinstance(row, MediaFile) and row.url}
        named = PostLink.objects.filter(url__in=list(by_url)).order_by().values_list("url", flat=True).distinct()
        used.update(by_url[url] for url in named)
    return used


def _revert_change(change: ImportChange, row: Model | None) -> Judgement:
    if not change.after:
        return _bring_back(change)
    return (Outcome.REMOVED, []) if row is None else _revert_columns(row, change.before or {}, change.after)


def _bring_back(change: ImportChange) -> Judgement:
    """Makes a row again that the run removed, under its old key."""
    before = change.before or {}
    if change.model == "sourcefile":
        there = SourceFile.objects.filter(source=before["source_id"], path=before["path"]).exists()
        if there or not Source.objects.filter(pk=before["source_id"]).exists():
            return Outcome.KEPT, []
    row = MODELS[change.model](pk=change.object_id)
    write_back(row, before)
    row.save(force_insert=True)
    return Outcome.RESTORED, []


def _revert_columns(row: Model, before: Mapping[str, Any], after: Mapping[str, Any]) -> Judgement:
    """Gives a row the values back that the run changed; a column that someone changed since keeps its new value."""
    kept = False
    values: dict[str, Any] = {}
    current = record(row)
    for name, value in before.items():
        if name == "aliases":
            added = [alias for alias in after[name] if alias not in value]
            values[name] = [alias for alias in current[name] if alias not in added]
        elif current.get(name) == after.get(name):
            values[name] = value
        else:
            kept = True
    write_back(row, values)
    # Not save(): a term's would make its address anew.
    columns = {name: getattr(row, name) for name in values}
    if columns:
        type(row)._default_manager.filter(pk=row.pk).update(**columns)
    if kept:
        return Outcome.KEPT, [Finding("changed-since", "warning", EDITED, {"name": str(row)})]
    return Outcome.RESTORED, []
