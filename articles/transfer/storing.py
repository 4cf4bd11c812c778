"""Writes what was read of a site into the database, a chunk at a time."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from articles.addresses import host_of, is_reserved, with_number
from articles.derive import apply_rendered, link_rows, moved
from articles.editorial.permalinks import MAX_PATH, house_path
from articles.editorial.terms import find_category, former_address, is_called, load_moved_categories, load_other_names
from articles.editorial.versions import snapshot_of
from articles.findings import Finding, RefusedFile
from articles.formats.document import Document, Site, SiteFile
from articles.formats.frontmatter import as_plain
from articles.formats.terms import slugify
from articles.library import fill_alternative_texts, store_original
from articles.markup.document import Rendered
from articles.models import (
    Author,
    Category,
    ImportItem,
    ImportRun,
    ImportTerm,
    Post,
    PostAuthor,
    PostCategory,
    PostLink,
    Redirect,
    Revision,
    Series,
    Source,
    Tag,
    TaggedPost,
    TermRedirect,
)
from articles.models.taxonomy import MAX_NAME, term_identity
from articles.references import MemoryIndex
from articles.related import mark_waiting
from articles.search import index_posts
from articles.sources import note_encoding
from articles.transfer.choices import Choices, category_identity, split_category
from articles.transfer.journal import Journal, capture, plain_value
from articles.transfer.merging import Decision, Merger, Outcome, file_bytes, render_document, snapshot_of_file
from articles.transfer.reading import Read
from articles.transfer.rows import insert_all, insert_rows

Term = TypeVar("Term", Tag, Author, Series)
Verdict = ImportItem.Verdict
LIVE = (Post.State.SCHEDULED, Post.State.PUBLISHED)
TAKEN = _("The address “%(path)s” is taken by another page. Change “permalink” or “url” in the file, or that page.")
RESERVED = _("The address “%(path)s” belongs to the site itself. Change “permalink” or “url” in the file.")
KEPT = _("The file changed, and so did the post here; the post is kept. Decide on the import's page, or import with “merge”.")
QUESTIONS = _(
    "The file changed, and so did the post here, in the same place; the post is kept. Questions to decide on the import's page: "
    "%(count)s."
)
MAX_ORDER = 2**31 - 1
SAMPLE_SOURCE = "sample-"
"""How the names of the sources begin that the demonstration imports."""
MAX_DEPTH = 5
"""Levels of categories. More would outgrow the column that holds the address."""
_APPLIED = (
    "source",
    "size",
    "sha256",
    "verdict",
    "post",
    "claim",
    "permalink",
    "findings",
    "applied_at",
    "written_at",
    "before",
)


class TermBook:
    """Terms and by-lines by identity, made where they are missing, so that a chunk costs a few queries whatever it names.

    ``source`` is what the names come from: a category that moved is followed where posts of the source are in it.
    """

    def __init__(self, choices: Choices | None = None, journal: Journal | None = None, source: Source | None = None) -> None:
        self.rows: dict[tuple[type, Any, str], Any] = {}
        self.choices = choices or Choices()
        self.journal = journal or Journal(None)
        self.accounts: dict[str, int] = {}
        self.other_names: dict[type, dict[tuple[int | None, str], int]] = {}
        # Read before a chunk takes the posts that it writes out of their categories.
        self.moved = load_moved_categories([source.pk] if source is not None and source.pk else [])
        self._place_authors()

    def _place_authors(self) -> None:
        """Loads the by-lines that staff chose for names; an account without one gets the first of its names."""
        chosen = self.choices.authors
        keys = {target["author"] for target in chosen.values() if "author" in target}
        accounts = {target["user"] for target in chosen.values() if "user" in target}
        if not chosen:
            return
        by_key = {row.pk: row for row in Author.objects.filter(pk__in=keys)}
        by_account = {row.user_id: row for row in Author.objects.filter(user__in=accounts)}
        for name, target in chosen.items():
            row = by_key.get(target.get("author", 0)) or by_account.get(target.get("user", 0))
            if row is not None:
                self.rows[Author, None, name] = row
            elif "user" in target:
                self.accounts.setdefault(name, target["user"])

    def shown(self, model: type[Model], name: str) -> str:
        """The name of the term that ``name`` is to become: another one where staff merged the two."""
        merges = self.choices.terms.get(model._meta.model_name or "")
        return merges.get(term_identity(name), name) if merges else name

    def find(self, model: type[Term], names: Iterable[str]) -> None:
        """Loads or makes the rows that ``names`` need."""
        names = [self.shown(model, name) for name in names]
        spellings = {term_identity(name): name[:MAX_NAME] for name in reversed(names)}
        missing = [key for key in spellings if (model, None, key) not in self.rows]
        if not missing:
            return
        for row in model.objects.filter(identity__in=missing):
            self.rows[model, None, row.identity] = row
        self._find_renamed(model, [key for key in missing if (model, None, key) not in self.rows])
        new = [spellings[key] for key in missing if (model, None, key) not in self.rows]
        slugs = self._free_slugs(model, new)
        made = model.objects.bulk_create(
            [model(name=name, identity=term_identity(name), slug=slug) for name, slug in zip(new, slugs, strict=True)]
        )
        for row in made:
            self.rows[model, None, row.identity] = row
        self.journal.made(made)
        if model is Author and self.accounts:
            self._give_accounts(missing)

    def _find_renamed(self, model: type[Term], missing: Sequence[str]) -> None:
        """Takes terms that had one of the names; which they are is read once for all chunks."""
        if not missing:
            return
        if model not in self.other_names:
            self.other_names[model] = load_other_names(model)
        known = self.other_names[model]
        keys = {key: known[None, key] for key in missing if (None, key) in known}
        rows = model._default_manager.in_bulk(set(keys.values())) if keys else {}
        for key, pk in keys.items():
            if pk in rows:
                # One object for all its names, which collects the spellings of all.
                row = self.rows.setdefault((model, None, rows[pk].identity), rows[pk])
                self.rows[model, None, key] = row

    def _give_accounts(self, identities: Iterable[str]) -> None:
        """Joins by-lines that were loaded or made just now with the accounts that staff chose for their names."""
        for key in identities:
            row = self.rows[Author, None, key]
            account = self.accounts.pop(key, None)
            if account is not None and row.user_id is None and not Author.objects.filter(user=account).exists():
                before, row.user_id = {"user_id": None}, account
                Author.objects.filter(pk=row.pk).update(user=account)
                self.journal.changed(row, before)

    def _free_slugs(self, model: Any, names: Sequence[str]) -> list[str]:
        wanted = [slugify(name) for name in names]
        former = TermRedirect.objects.filter(kind=model._meta.model_name)
        # Nobody meant the new term to take an address that leads readers to another one.
        taken = set(model.objects.filter(slug__in=wanted).values_list("slug", flat=True))
        taken |= set(former.filter(old_slug__in=wanted).values_list("old_slug", flat=True))
        free = []
        for slug in wanted:
            candidate = slug
            if slug in taken:
                candidate, number = f"{slug}-2", 2
                while (
                    candidate in taken
                    or model.objects.filter(slug=candidate).exists()
                    or former.filter(old_slug=candidate).exists()
                ):
                    number += 1
                    candidate = f"{slug}-{number}"
            taken.add(candidate)
            free.append(candidate)
        return free

    def get(self, model: Any, name: str) -> Any:
        """The row of a name given to :meth:`find` before. Another spelling is noted on it."""
        row = self.rows[model, None, term_identity(self.shown(model, name))]
        self._note_spelling(row, name)
        return row

    def category_path(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """The path of names that ``path`` is to become."""
        merges = self.choices.terms.get(ImportTerm.Kind.CATEGORY)
        chosen = merges.get(category_identity(path[:MAX_DEPTH])) if merges else None
        return split_category(chosen) if chosen else path

    def category(self, path: tuple[str, ...]) -> Category:
        """The category at ``path``, outermost first, made with all above it."""
        parent: Category | None = None
        for name in self.category_path(path)[:MAX_DEPTH]:
            key = (Category, parent.pk if parent else None, term_identity(name))
            row = self.rows.get(key) or find_category(parent, name) or self._find_moved(parent, name)
            if row is None:
                row = Category(name=name[:MAX_NAME], parent=parent)
                row.save()
                self.journal.made([row])
            self.rows[key] = row
            self._note_spelling(row, name)
            parent = row
        assert parent is not None, "a category path is never empty"
        return parent

    def _find_moved(self, parent: Category | None, name: str) -> Category | None:
        """The category that lay here when posts of the source came into it."""
        key = self.moved.get(former_address(parent.full_slug if parent else "", name))
        row = Category.objects.filter(pk=key).first() if key is not None else None
        return row if row is not None and is_called(row, name) else None

    def _note_spelling(self, row: Any, name: str) -> None:
        """Keeps a spelling of a term that differs from the one shown.

        A name that only a choice led to the term says nothing about the files of other sources, and every import reads these.
        """
        name = name[:MAX_NAME]
        if name != row.name and name not in row.aliases and is_called(row, name):
            before = {"aliases": row.aliases}
            row.aliases = [*row.aliases, name]
            type(row).objects.filter(pk=row.pk).update(aliases=row.aliases)
            self.journal.changed(row, before)


def note_long_names(entry: Entry) -> None:
    """Says which names are shown shortened."""
    document = entry.document
    names = [*document.tags, *document.authors, document.series, *(name for path in document.categories for name in path)]
    for name in dict.fromkeys(name for name in names if len(name) > MAX_NAME):
        template = _("The name “%(name)s…” is longer than %(limit)s characters and is shown shortened; the file keeps it.")
        entry.findings.append(Finding("name-too-long", "warning", template, {"name": name[:60], "limit": MAX_NAME}))


@dataclass(slots=True)
class Entry:
    """One document on its way into a post."""

    read: Read
    document: Document
    post: Post
    is_new: bool
    findings: list[Finding] = field(default_factory=list)
    before: bytes | None = None
    decision: Decision | None = None
    questions: int | None = None

    def take(self, decision: Decision, rendered: Rendered | None) -> None:
        """Goes on with what a merge with the post came to, instead of the file itself."""
        self.decision, self.document = decision, decision.document
        self.read = replace(self.read, document=decision.document, rendered=rendered)
        self.findings.append(decision.finding)


class StalePlan(Exception):
    """What the plan saw is no more: the file, the post, or who has the address. ``items`` are path and reason."""

    def __init__(self, items: Sequence[tuple[str, str]]) -> None:
        super().__init__(", ".join(path for path, _reason in items))
        self.items = list(items)


class ChunkStore:
    """Stores chunks of one site's documents. Every call of :meth:`store` runs inside the caller's transaction.

    ``planned`` are the items of a plan by path: what a chunk would do is compared with them before anything is written.
    ``describe`` is told of every document and its item before the item is saved. After a rollback call :meth:`forget_chunk`.
    ``left`` are the addresses of public posts that moved or went: what leads to them is to be looked at again.
    """

    def __init__(
        self,
        run: ImportRun,
        source: Source,
        *,
        root: str = "",
        fingerprint: str = "",
        user: User | None = None,
        on_conflict: str = "merge",
        dry_run: bool = False,
        site: Site | None = None,
        gone: Mapping[str, Post] | None = None,
        covers: Mapping[str, int] | None = None,
        index: MemoryIndex | None = None,
        choices: Choices | None = None,
        journal: Journal | None = None,
        moment: datetime | None = None,
        sizes: Mapping[str, SiteFile] | None = None,
        planned: Mapping[str, ImportItem] | None = None,
        excluded: Container[str] = (),
        describe: Callable[[Entry, ImportItem], None] | None = None,
    ) -> None:
        self.run, self.source, self.root, self.fingerprint = run, source, root, fingerprint
        self.user, self.on_conflict, self.dry_run = user, on_conflict, dry_run
        self.gone = dict(gone or {})
        self.covers = covers or {}
        self.index = index
        self.choices, self.journal = choices or Choices(), journal or Journal(None)
        self.merger = Merger(site, self.choices.fill) if site else None
        self.terms = TermBook(self.choices, self.journal, self.source)
        self.now = moment or timezone.now()
        self.sizes, self.planned, self.excluded, self.describe = sizes or {}, planned, excluded, describe
        self.may_publish = user is None or user.has_perm("articles.publish_post")
        self.left: set[str] = set()
        self.claimed: set[str] = set()
        self.vacated: set[int] = set()
        self.numbers: dict[str, int] = {}
        self.promised: set[str] = set()
        self.moved: dict[str, Post] = {}
        self._claimed_now: list[str] = []
        self._vacated_now: list[int] = []

    def store(self, reads: list[Read]) -> list[ImportItem]:
        """The journal of the chunk, saved, with the posts that its files became. Raises StalePlan before anything is written."""
        # Addresses that a chunk leaves are free from the next one on: the chunk's new posts are inserted before it leaves them.
        self.vacated.update(self._vacated_now)
        self._claimed_now, self._vacated_now, self.moved = [], [], {}
        known = self._known_posts(reads)
        self._refresh_gone(read for read in reads if read.document is not None and read.path not in known)
        self._prepare_merges(reads, known)
        items: list[ImportItem] = []
        entries: list[tuple[Entry, ImportItem]] = []
        for read in reads:
            item, entry = self._judge(read, known.get(read.path))
            items.append(item)
            if item.path in self.excluded:
                item.excluded = True
                if entry is not None and self.describe is not None:
                    self.describe(entry, item)
            elif entry is not None:
                entries.append((entry, item))
        before = {entry.post.pk: entry.post.path for entry, _item in entries if entry.post.pk and entry.post.is_public}
        if not self.dry_run:
            self._capture(entry for entry, _item in entries)
        self._claim_paths(entries)
        self._compare(items, entries)
        kept = [(entry, item) for entry, item in entries if item.verdict != Verdict.CONFLICT]
        if not self.dry_run:
            self._write([entry for entry, _item in kept])
            posts = [entry.post for entry, _item in kept if entry.post.pk in before]
            self.left.update(before[post.pk] for post in posts if post.path != before[post.pk] or not post.is_public)
        elif self.describe is not None:
            self._foresee([entry for entry, _item in kept])
        for entry, item in entries:
            item.permalink = entry.post.path if item.verdict != Verdict.CONFLICT else entry.document.permalink or ""
            item.findings = [finding.as_json() for finding in self._all_findings(entry)]
            item.post_id = entry.post.pk
            if entry.questions is not None:
                item.resolution = {"state": "open", "questions": entry.questions}
                if not self.dry_run:
                    store_original(file_bytes(entry.document))
            if self.describe is not None:
                self.describe(entry, item)
        if not self.dry_run:
            self._mark_applied(items, [item for _entry, item in kept], entries)
        self._save(items)
        return items

    def settle(self, item: ImportItem, entry: Entry) -> None:
        """Writes the post of a conflict as a person decided, and notes it on its item. Runs inside the caller's transaction.

        Raises RefusedFile where the address that the merged file states is taken.
        """
        pair = [(entry, item)]
        item.verdict = Verdict.UPDATE
        self._capture([entry])
        self._claim_paths(pair)
        if item.verdict == Verdict.CONFLICT:
            raise RefusedFile(entry.findings[-1])
        self._write([entry])
        item.permalink, item.post = entry.post.path, entry.post
        item.findings = [finding.as_json() for finding in self._all_findings(entry)]
        self._mark_applied([item], [item], pair)
        item.save()
        self.journal.flush()

    def forget_chunk(self) -> None:
        """Forgets what the last chunk claimed and made: its transaction was rolled back."""
        self.claimed.difference_update(self._claimed_now)
        self._vacated_now = []
        self.gone.update(self.moved)
        self.numbers = {}
        self.journal.forget()
        self.terms = TermBook(self.choices, self.journal, self.source)

    def _capture(self, entries: Iterable[Entry]) -> None:
        """Keeps the whole state of the posts that are about to change: claiming an address changes them first."""
        changed = [entry for entry in entries if not entry.is_new]
        states = capture([entry.post for entry in changed])
        for entry in changed:
            entry.before = states[entry.post.pk]

    def _compare(self, items: list[ImportItem], entries: list[tuple[Entry, ImportItem]]) -> None:
        """Raises StalePlan where a file would not become what the plan says."""
        if self.planned is None:
            return
        paths = {id(item): entry.post.path for entry, item in entries if item.verdict != Verdict.CONFLICT}
        stale = []
        for item in items:
            plan = self.planned[item.path]
            if reason := find_difference(plan, item, paths.get(id(item), item.permalink)):
                stale.append((item.path, reason))
        if stale:
            raise StalePlan(stale)

    def _mark_applied(self, items: list[ImportItem], kept: list[ImportItem], entries: list[tuple[Entry, ImportItem]]) -> None:
        now = timezone.now()
        for item in items:
            item.applied_at = now
        for item in kept:
            item.written_at = self.now
        for entry, item in entries:
            if item.written_at is not None:
                item.before = entry.before

    def _save(self, items: list[ImportItem]) -> None:
        if self.moved:
            posts = [post.pk for post in self.moved.values()]
            ImportItem.objects.filter(run=self.run, verdict=Verdict.MISSING, post__in=posts).delete()
        if self.planned is None:
            insert_all(items)
            return
        for item in items:
            plan = self.planned[item.path]
            item.pk, item.mapped, item.seen, item.resolution = plan.pk, plan.mapped, plan.seen, plan.resolution
        ImportItem.objects.bulk_create(items, update_conflicts=True, unique_fields=["id"], update_fields=_APPLIED)

    def _known_posts(self, reads: list[Read]) -> dict[str, Post]:
        """The posts that files of the chunk may change; those of unchanged files stay in the database."""
        paths = [read.path for read in reads if read.document is not None]
        if not paths or not self.source.pk:
            return {}
        posts = Post.objects.filter(source=self.source, source_path__in=paths)
        if not self.dry_run:
            # Whoever saves one of them meanwhile waits, and then sees that it changed.
            posts = posts.select_for_update()
        return {post.source_path: self._own(post) for post in posts}

    def _own(self, post: Post) -> Post:
        """The post with its source in hand, which its references and its text are read by."""
        post.source = self.source
        return post

    def _refresh_gone(self, reads: Iterable[Read]) -> None:
        """Reads the posts anew, locked, whose files may have moved to where ``reads`` come from: they were read long ago."""
        keys = [post.pk for read in reads if (post := self.gone.get(read.sha256)) is not None]
        if keys and not self.dry_run:
            for post in Post.objects.select_for_update().filter(pk__in=keys):
                self.gone[post.source_sha256] = self._own(post)

    def _item(self, read: Read, verdict: str, post: Post | None = None, findings: Iterable[Finding] = ()) -> ImportItem:
        """The journal's line of one file, as far as it is known before the post is written. ``post``: where it was loaded."""
        known = read.known
        return ImportItem(
            run_id=self.run.pk,
            source_id=self.source.pk,
            path=(self.root + read.path)[:1000],
            size=self.sizes[read.path].size if read.path in self.sizes else 0,
            sha256=read.sha256,
            verdict=verdict,
            post_id=post.pk if post else known.pk if known else None,
            permalink=post.path if post else known.permalink if known else "",
            findings=[finding.as_json() for finding in findings],
            seen=see(post) if post else None,
        )

    def _conflict(self, entry: Entry) -> Finding | None:
        """Why the file must not replace what its post says, if it must not."""
        post, source = entry.post, entry.document.source
        is_same_text = (source.head, source.body) == (post.front_matter, post.body)
        if not self.may_publish and post.state in LIVE and not (post.is_edited and is_same_text):
            template = _("The post is public: only an account that may publish can replace its text. The post is kept.")
            return Finding("live-post", "warning", template)
        return None

    def _prepare_merges(self, reads: list[Read], known: Mapping[str, Post]) -> None:
        if self.merger is None:
            return
        changed = [known[read.path] for read in reads if read.document is not None and read.path in known]
        gone = [self.gone[read.sha256] for read in reads if read.path not in known and read.sha256 in self.gone]
        self.merger.prepare([post for post in (*changed, *gone) if post.is_edited])

    def _merge(self, entry: Entry, *, is_moved: bool = False) -> str:
        """The verdict on a file whose post people changed: what both sides did is one post, or a conflict."""
        if self.merger is None or (self.on_conflict == "replace" and not is_moved):
            return Verdict.UPDATE
        merge = self.merger.compare(entry.post, entry.document)
        if not merge.questions and (merge.is_same_text or merge.is_file_unchanged or self.on_conflict == "merge"):
            decision = merge.settle()
            rendered = None
            if entry.read.rendered is not None and self.index is not None:
                resolver = self.index.resolver(decision.document.path, decision.document.permalink or "")
                rendered = render_document(decision.document, resolver, self.source.values)
            entry.take(decision, rendered)
            return Verdict.UNCHANGED if decision.outcome == Outcome.SAME else Verdict.UPDATE
        entry.questions = merge.questions
        template = QUESTIONS if merge.questions else KEPT
        entry.findings.append(Finding("edited-here", "warning", template, {"count": merge.questions}))
        return Verdict.CONFLICT

    def _judge(self, read: Read, post: Post | None) -> tuple[ImportItem, Entry | None]:
        if read.refusal is not None:
            return self._item(read, Verdict.REFUSED, post, [read.refusal]), None
        if read.document is None:
            return self._item(read, Verdict.UNCHANGED, post), None
        self.choices.fill(read.document)
        if post is None and (moved := self._moved_post(read)):
            entry = Entry(read, read.document, moved, is_new=False)
            entry.findings.append(
                Finding("moved", "info", _("This file was “%(old)s” before; its post moved with it."), {"old": moved.source_path})
            )
            if moved.is_edited:
                # Its text did not change: what people wrote here stays, and only the place of the file is new.
                self._merge(entry, is_moved=True)
            item = self._item(read, Verdict.UPDATE, moved)
            item.seen = {**see(moved), "moved": True}
            return item, entry
        if post is None:
            return self._item(read, Verdict.CREATE), Entry(read, read.document, Post(source=self.source), is_new=True)
        if post.is_edited and post.source_sha256 == read.sha256:
            # Only the configuration changed, and how the post reads was decided here.
            return self._item(read, Verdict.UNCHANGED, post), None
        entry = Entry(read, read.document, post, is_new=False)
        if conflict := self._conflict(entry):
            entry.findings.append(conflict)
            entry.questions = 0
            return self._item(read, Verdict.CONFLICT, post), entry
        verdict = self._merge(entry) if post.is_edited else Verdict.UPDATE
        return self._item(read, verdict, post), entry

    def _moved_post(self, read: Read) -> Post | None:
        """The post whose file went away while this one, with the same bytes, came."""
        post = self.gone.pop(read.sha256, None)
        if post is not None:
            self.moved[read.sha256] = post
        return post

    def _all_findings(self, entry: Entry) -> list[Finding]:
        lines = entry.document.source.head.count("\n")
        rendered = entry.read.rendered.findings if entry.read.rendered else []
        return [*entry.document.findings, *entry.findings, *(moved(finding, lines) for finding in rendered)]

    # --- addresses

    def _claim_paths(self, entries: list[tuple[Entry, ImportItem]]) -> None:
        wanted = {id(entry): self._wanted_path(entry) for entry, _item in entries}
        holders = Post.objects.filter(path__in=set(wanted.values())).values_list("path", "pk", "source__name")
        taken = {path: pk for path, pk, _source in holders}
        samples = {path: name for path, _pk, name in holders if name and name.startswith(SAMPLE_SOURCE)}
        for entry, item in entries:
            path = item.claim = wanted[id(entry)]
            if item.verdict == Verdict.CONFLICT:
                continue
            keeps_path = entry.decision is not None and entry.decision.keeps_path
            if not entry.is_new and (path == entry.post.source_permalink or keeps_path):
                entry.post.source_permalink = path
                self._claim(entry.post.path)
                continue
            if self._is_free(path, taken, entry.post.pk):
                self._set_path(entry, path, path)
                continue
            if entry.document.permalink_stated:
                item.verdict = Verdict.CONFLICT
                template = RESERVED if is_reserved(path) else TAKEN
                entry.findings.append(Finding("permalink-collision", "error", template, {"path": path}))
                self._note_sample(entry, samples.get(path, ""))
                continue
            numbered = self._first_free(path, entry.document)
            template = _("The address “%(path)s” is taken; this post got “%(given)s”.")
            entry.findings.append(Finding("permalink-collision", "warning", template, {"path": path, "given": numbered}))
            self._note_sample(entry, samples.get(path, ""))
            self._set_path(entry, path, numbered)

    def _note_sample(self, entry: Entry, source: str) -> None:
        """Says of a collision that a sample post of the demonstration has the address, and how it becomes free."""
        if not source:
            return
        runs = ImportItem.objects.filter(source__name=source, verdict=Verdict.CREATE).order_by("pk")
        template = _(
            "The address belongs to a sample post (import %(run)s, “%(source)s”). Undo that import, and this one where it was "
            "carried out, and import again; or import into another folder of data (DATA_DIR, “demo --data”)."
        )
        params = {"run": runs.values_list("run_id", flat=True).first() or "?", "source": source}
        entry.findings.append(Finding("sample-in-the-way", "warning", template, params))

    def _wanted_path(self, entry: Entry) -> str:
        document = entry.document
        if document.permalink and len(document.permalink) <= MAX_PATH - 10:
            return document.permalink
        if document.permalink:
            template = _(
                "The address has %(length)s characters; %(limit)s are possible. The post got an address of this site's pattern."
            )
            entry.findings.append(
                Finding("address-too-long", "warning", template, {"length": len(document.permalink), "limit": MAX_PATH - 10})
            )
        return self._house_path(document)

    def _house_path(self, document: Document) -> str:
        # Without a date the moment of the import would decide, and differ at the next.
        kind = document.kind if document.published_at else Post.Kind.PAGE
        return house_path(Post(kind=kind, slug=document.slug, title=document.title, published_at=document.published_at))

    def _is_free(self, path: str, taken: Mapping[str, int], own: int | None) -> bool:
        holder = taken.get(path)
        return path not in self.claimed and (holder in (None, own) or holder in self.vacated) and not is_reserved(path)

    def _first_free(self, path: str, document: Document) -> str:
        """The lowest number that nobody has. Numbers given out are remembered: thousands of files may claim one address.

        Below a reserved prefix every number is reserved too; such a post gets an address of the house pattern.
        """
        if is_reserved(with_number(path, 2)):
            path = self._house_path(document)
            if self._is_new(path):
                return path
        number = self.numbers.get(path, 1)
        while True:
            number += 1
            candidate = with_number(path, number)
            if self._is_new(candidate):
                self.numbers[path] = number
                return candidate

    def _is_new(self, path: str) -> bool:
        if path in self.claimed or is_reserved(path):
            return False
        holder = Post.objects.filter(path=path).values_list("pk", flat=True).first()
        return holder is None or holder in self.vacated

    def _set_path(self, entry: Entry, source_permalink: str, path: str) -> None:
        entry.post.source_permalink = source_permalink
        if entry.post.path and entry.post.path != path and entry.post.first_published_at:
            entry.document.aliases = [*entry.document.aliases, entry.post.path]
        if entry.post.pk and entry.post.path != path:
            self._vacated_now.append(entry.post.pk)
        entry.post.path = path
        self._claim(path)

    def _claim(self, path: str) -> None:
        if path not in self.claimed:
            self.claimed.add(path)
            self._claimed_now.append(path)

    # --- rows

    def _write(self, entries: list[Entry]) -> None:
        documents = [entry.document for entry in entries]
        self.terms.find(Tag, (name for document in documents for name in document.tags))
        self.terms.find(Author, (name for document in documents for name in document.authors))
        self.terms.find(Series, (document.series for document in documents if document.series))
        for entry in entries:
            note_long_names(entry)
            self._note_cover(entry)
            self._fill(entry)
        insert_all([entry.post for entry in entries if entry.is_new])
        changed = [entry.post for entry in entries if not entry.is_new]
        for post in changed:
            post.save()
        for through, owner in ((PostAuthor, "post"), (PostCategory, "post"), (TaggedPost, "content_object"), (PostLink, "post")):
            if changed:
                through._base_manager.filter(**{f"{owner}__in": changed}).delete()
        self._write_relations(entries)
        self._write_redirects(entries)
        index_posts(
            (entry.post for entry in entries),
            {entry.post.pk: entry.read.found_by for entry in entries if entry.read.found_by is not None},
        )
        if changed:
            # Terms, too, say what belongs together.
            mark_waiting(changed)
        insert_all([revision for entry in entries for revision in self._make_revisions(entry)])
        covers = [(entry.post.cover_id, entry.post.cover_alt) for entry in entries if entry.post.cover_id]
        for media in fill_alternative_texts((entry.post.body_html for entry in entries), covers):
            self.journal.changed(media, {"alt": ""})

    def _make_revisions(self, entry: Entry) -> list[Revision]:
        """What is kept of the post now; after a merge, before it, the file as it came: the next merge begins there."""
        snapshot = snapshot_of(
            entry.post,
            authors=[self.terms.get(Author, name).name for name in entry.document.authors],
            categories=[list(self.terms.category_path(path)) for path in entry.document.categories],
            tags=[self.terms.get(Tag, name).name for name in entry.document.tags],
        )
        origins = {Revision.Origin.IMPORT: snapshot}
        if entry.decision is not None and entry.decision.is_edited:
            origins = {
                Revision.Origin.IMPORT: snapshot_of_file(entry.decision.file, snapshot),
                Revision.Origin.MERGE: snapshot,
            }
        return [
            Revision(post=entry.post, origin=origin, user=self.user, run=self.run, created_at=timezone.now(), snapshot=kept)
            for origin, kept in origins.items()
        ]

    def _foresee(self, entries: list[Entry]) -> None:
        """What :meth:`_write` would find, for a plan: states, names that are too long, former addresses that are taken."""
        for entry in entries:
            note_long_names(entry)
            self._note_cover(entry)
            entry.post.state = self._state(entry)
        self.promised.update(redirect.old_path for redirect in self._find_redirects(entries))

    def _write_relations(self, entries: list[Entry]) -> None:
        authors: list[tuple[int, ...]] = []
        categories: list[tuple[int, ...]] = []
        tags: list[tuple[int, ...]] = []
        links: list[PostLink] = []
        for entry in entries:
            document, post = entry.document, entry.post
            for position, row in enumerate(unique(self.terms.get(Author, name) for name in document.authors)):
                authors.append((post.pk, row.pk, position))
            for position, row in enumerate(unique(self.terms.category(path) for path in document.categories if path)):
                categories.append((post.pk, row.pk, position))
            tags += [(post.pk, row.pk) for row in unique(self.terms.get(Tag, name) for name in document.tags)]
            links += link_rows(post, entry.read.rendered.links if entry.read.rendered else [])
        insert_rows(PostAuthor, ("post", "author", "position"), authors)
        insert_rows(PostCategory, ("post", "category", "position"), categories)
        insert_rows(TaggedPost, ("content_object", "tag"), tags)
        insert_all(links)

    def _write_redirects(self, entries: list[Entry]) -> None:
        Redirect.objects.bulk_create(self._find_redirects(entries))

    def _find_redirects(self, entries: list[Entry]) -> list[Redirect]:
        """Unsaved rows for the former addresses that the entries may have; the others get a finding."""
        wanted: dict[str, Entry] = {}
        for entry in entries:
            for alias in entry.document.aliases:
                if len(alias) > MAX_PATH or is_reserved(alias):
                    self._warn_of_unfit_alias(entry, alias)
                elif wanted.setdefault(alias, entry) is not entry:
                    self._warn_of_alias(entry, alias)
        if not wanted:
            return []
        pages = set(Post.objects.filter(path__in=wanted).values_list("path", flat=True))
        if self.dry_run:
            pages |= {alias for alias in wanted if alias in self.claimed or alias in self.promised}
        redirects = dict(Redirect.objects.filter(old_path__in=wanted).values_list("old_path", "post_id"))
        new = []
        for alias, entry in wanted.items():
            if redirects.get(alias) == entry.post.pk:
                continue
            if alias in pages or alias in redirects:
                self._warn_of_alias(entry, alias)
            else:
                new.append(Redirect(old_path=alias, post=entry.post))
        return new

    def _warn_of_alias(self, entry: Entry, alias: str) -> None:
        template = _("The former address “%(path)s” belongs to another page and was not taken over.")
        entry.findings.append(Finding("alias-taken", "warning", template, {"path": alias}))

    def _warn_of_unfit_alias(self, entry: Entry, alias: str) -> None:
        template = _("The former address “%(path)s” belongs to the site itself or is too long, so it leads nowhere.")
        entry.findings.append(Finding("alias-unfit", "warning", template, {"path": alias[:200]}))

    def _fill(self, entry: Entry) -> None:
        """Sets every column of the post from its document."""
        post, document, source = entry.post, entry.document, entry.document.source
        post.kind = document.kind
        post.title = shorten(document.title, 500)
        post.source_title = shorten(document.source_title, 500) if document.source_title is not None else None
        post.slug = (document.slug or slugify(document.title))[:200]
        post.language = document.language[:35]
        post.translation_key = document.translation_key[:300]
        post.published_at = document.published_at
        post.updated_at = document.updated_at
        post.expires_at = document.expires_at
        post.state = self._state(entry)
        if post.state == Post.State.PUBLISHED and post.first_published_at is None:
            post.first_published_at = document.published_at or self.now
        post.modified_at = self.now
        post.series = self.terms.get(Series, document.series) if document.series else None
        order = document.series_order
        post.series_order = order if order is not None and 0 <= order <= MAX_ORDER else None
        cover = document.cover
        post.cover_target = cover.target[:1000] if cover else ""
        post.cover_alt = shorten(cover.alt, 500) if cover else ""
        post.cover_caption = cover.caption if cover else ""
        post.cover_id = self._cover_id(document) if cover else None
        post.custom_excerpt = document.excerpt
        post.description = document.description
        post.canonical_url = document.canonical_url[:1000]
        post.noindex = document.noindex
        post.source_url = document.source_url[:1000]
        post.flavour = document.flavour
        post.features = sorted(document.features)
        post.front_matter, post.body, post.front_matter_format = source.head, source.body, source.format
        post.encoding, post.bom, post.newline, post.source_bytes = source.encoding, source.bom, source.newline, source.raw
        post.extra = {key: as_plain(value) for key, value in document.front_matter.items() if key not in document.known_keys}
        post.source_path = document.path
        post.dialect = document.dialect
        post.source_sha256 = entry.read.sha256
        post.source_fingerprint = self.fingerprint
        post.source_findings = [finding.as_json() for finding in document.findings]
        post.is_edited = entry.decision is not None and entry.decision.is_edited
        if entry.decision is not None and post.cover_id is None:
            post.cover_id = entry.decision.cover_id
        if entry.is_new and self.user is not None:
            post.owner_id = self.user.pk
        if entry.read.rendered is not None:
            apply_rendered(post, entry.read.rendered)
        if entry.decision is not None and entry.decision.file.source.encoding != post.encoding:
            note_encoding(post, entry.decision.file.source.encoding)

    def _note_cover(self, entry: Entry) -> None:
        """Says of a cover that readers will not see what is wrong with it."""
        cover = entry.document.cover
        if self.index is None or cover is None or not cover.target or host_of(cover.target):
            return
        document = entry.document
        target = cover.target[:200]
        found = self.index.resolver(document.path, document.permalink or "").media(cover.target)
        if found is None:
            template = _("The cover “%(path)s” is not there, so the post has none. Add the file and import again, or choose one.")
            entry.findings.append(Finding("media-missing", "warning", template, {"path": target}))
        elif not found.url and found.why is not None:
            template = _("The cover “%(path)s” cannot be shown, so the post has none: %(why)s")
            entry.findings.append(Finding("media-unusable", "warning", template, {"path": target, "why": found.why}))

    def _cover_id(self, document: Document) -> int | None:
        if self.index is None or document.cover is None:
            return None
        media = self.index.resolver(document.path, document.permalink or "").media(document.cover.target)
        return self.covers.get(media.url) if media and media.url else None

    def _state(self, entry: Entry) -> str:
        document, state = entry.document, entry.post.state
        if entry.post.trashed_at is not None:
            template = _("The post is in the trash and stays there, with the text of the file. Restore it if it is to return.")
            entry.findings.append(Finding("stays-in-trash", "info", template))
        if not entry.is_new and state == Post.State.WITHDRAWN:
            template = _("The post was withdrawn here and stays so. Publish it at the desk if it is to return.")
            entry.findings.append(Finding("stays-withdrawn", "info", template))
            return state
        if entry.decision is not None and entry.decision.state and entry.decision.state not in LIVE:
            return entry.decision.state
        if document.draft and not (entry.decision is not None and entry.decision.state):
            return Post.State.DRAFT
        if not entry.is_new and not self.may_publish:
            return state
        if not self.may_publish:
            template = _("It arrives as a draft: %(user)s may import, but not publish. A publisher can publish it.")
            entry.findings.append(Finding("published-as-draft", "warning", template, {"user": str(self.user)}))
            return Post.State.DRAFT
        if document.published_at is not None and document.published_at > self.now:
            if document.shows_future:
                template = _(
                    "The old site showed texts before their date, so this was public there. Here it waits until %(date)s; "
                    "give it an earlier date if readers should have it now."
                )
                date = document.published_at.isoformat(timespec="minutes")
                entry.findings.append(Finding("was-public-there", "warning", template, {"date": date}))
            return Post.State.SCHEDULED
        return Post.State.PUBLISHED


def see(post: Post) -> dict[str, Any]:
    """What a plan remembers of a post, to notice that somebody saved it since."""
    return {"post": post.pk, "modified_at": plain_value(post.modified_at), "source_sha256": post.source_sha256}


def find_difference(plan: ImportItem, item: ImportItem, path: str) -> str:
    """What changed between a planned item and the same file now: ``file``, ``post``, ``address``; ``""`` where nothing did."""
    if plan.sha256 != item.sha256:
        return "file"
    if plan.verdict != item.verdict:
        return "post"
    if item.verdict in (Verdict.CREATE, Verdict.UPDATE) and plan.permalink != path:
        return "address"
    if item.verdict == Verdict.UPDATE and plan.seen != item.seen:
        return "post"
    return ""


def unique(rows: Iterable[Any]) -> list[Any]:
    """Each row once, in order: two spellings in one file may be one term."""
    return list({row.pk: row for row in rows}.values())


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` characters; the source keeps the whole."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
