"""Writes what was read of a site into the database, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from articles.addresses import is_reserved, with_number
from articles.derive import apply_rendered, link_rows, moved
from articles.editorial.permalinks import MAX_PATH, house_path
from articles.editorial.workflow import snapshot_of
from articles.findings import Finding
from articles.formats.document import Document
from articles.formats.frontmatter import as_plain
from articles.formats.terms import slugify
from articles.models import (
    Author,
    Category,
    ImportItem,
    ImportRun,
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
)
from articles.models.taxonomy import MAX_NAME, term_identity
from articles.references import MemoryIndex
from articles.transfer.reading import Read

Term = TypeVar("Term", Tag, Author, Series)
Verdict = ImportItem.Verdict
LIVE = (Post.State.SCHEDULED, Post.State.PUBLISHED)
TAKEN = _("The address “%(path)s” is taken by another page. Change “permalink” or “url” in the file, or that page.")
RESERVED = _("The address “%(path)s” belongs to the site itself. Change “permalink” or “url” in the file.")
MAX_ORDER = 2**31 - 1
MAX_DEPTH = 5
"""Levels of categories. More would outgrow the column that holds the address."""


class TermBook:
    """Terms and by-lines by identity, made where they are missing, so that a chunk costs a few queries whatever it names."""

    def __init__(self) -> None:
        self.rows: dict[tuple[type, Any, str], Any] = {}

    def find(self, model: type[Term], names: Iterable[str]) -> None:
        """Loads or makes the rows that ``names`` need."""
        spellings = {term_identity(name): name[:MAX_NAME] for name in reversed(list(names))}
        missing = [key for key in spellings if (model, None, key) not in self.rows]
        if not missing:
            return
        for row in model.objects.filter(identity__in=missing):
            self.rows[model, None, row.identity] = row
        new = [spellings[key] for key in missing if (model, None, key) not in self.rows]
        slugs = self._free_slugs(model, new)
        made = model.objects.bulk_create(
            [model(name=name, identity=term_identity(name), slug=slug) for name, slug in zip(new, slugs, strict=True)]
        )
        for row in made:
            self.rows[model, None, row.identity] = row

    def _free_slugs(self, model: Any, names: Sequence[str]) -> list[str]:
        wanted = [slugify(name) for name in names]
        taken = set(model.objects.filter(slug__in=wanted).values_list("slug", flat=True))
        free = []
        for slug in wanted:
            candidate = slug
            if slug in taken:
                candidate, number = f"{slug}-2", 2
                while candidate in taken or model.objects.filter(slug=candidate).exists():
                    number += 1
                    candidate = f"{slug}-{number}"
            taken.add(candidate)
            free.append(candidate)
        return free

    def get(self, model: Any, name: str) -> Any:
        """The row of a name given to :meth:`find` before. Another spelling is noted on it."""
        row = self.rows[model, None, term_identity(name)]
        note_spelling(row, name)
        return row

    def category(self, path: tuple[str, ...]) -> Category:
        """The category at ``path``, outermost first, made with all above it."""
        parent: Category | None = None
        for name in path[:MAX_DEPTH]:
            key = (Category, parent.pk if parent else None, term_identity(name))
            row = self.rows.get(key) or Category.objects.filter(parent=parent, identity=key[2]).first()
            if row is None:
                row = Category(name=name[:MAX_NAME], parent=parent)
                row.save()
            self.rows[key] = row
            note_spelling(row, name)
            parent = row
        assert parent is not None, "a category path is never empty"
        return parent


def note_long_names(entry: Entry) -> None:
    """Says which names are shown shortened."""
    document = entry.document
    names = [*document.tags, *document.authors, document.series, *(name for path in document.categories for name in path)]
    for name in dict.fromkeys(name for name in names if len(name) > MAX_NAME):
        template = _("The name “%(name)s…” is longer than %(limit)s characters and is shown shortened; the file keeps it.")
        entry.findings.append(Finding("name-too-long", "warning", template, {"name": name[:60], "limit": MAX_NAME}))


def note_spelling(row: Any, name: str) -> None:
    """Keeps a spelling of a term that differs from the one shown."""
    name = name[:MAX_NAME]
    if name != row.name and name not in row.aliases:
        row.aliases = [*row.aliases, name]
        type(row).objects.filter(pk=row.pk).update(aliases=row.aliases)


@dataclass(slots=True)
class Entry:
    """One document on its way into a post."""

    read: Read
    document: Document
    post: Post
    is_new: bool
    findings: list[Finding] = field(default_factory=list)


class ChunkStore:
    """Stores chunks of one site's documents. Every call of :meth:`store` runs inside the caller's transaction."""

    def __init__(
        self,
        run: ImportRun,
        source: Source,
        *,
        root: str = "",
        fingerprint: str = "",
        user: User | None = None,
        on_conflict: str = "keep",
        dry_run: bool = False,
        gone: Mapping[str, Post] | None = None,
        covers: Mapping[str, int] | None = None,
        index: MemoryIndex | None = None,
    ) -> None:
        self.run, self.source, self.root, self.fingerprint = run, source, root, fingerprint
        self.user, self.on_conflict, self.dry_run = user, on_conflict, dry_run
        self.gone = dict(gone or {})
        self.covers = covers or {}
        self.index = index
        self.terms = TermBook()
        self.now = timezone.now()
        self.may_publish = user is None or user.has_perm("articles.publish_post")
        self.claimed: set[str] = set()
        self.numbers: dict[str, int] = {}

    def store(self, reads: list[Read]) -> list[ImportItem]:
        """The journal of the chunk, saved, with the posts that its files became."""
        known = self._known_posts(reads)
        items: list[ImportItem] = []
        entries: list[tuple[Entry, ImportItem]] = []
        for read in reads:
            item, entry = self._judge(read, known.get(read.path))
            items.append(item)
            if entry is not None:
                entries.append((entry, item))
        self._claim_paths(entries)
        kept = [(entry, item) for entry, item in entries if item.verdict != Verdict.CONFLICT]
        if not self.dry_run:
            self._write([entry for entry, _item in kept])
        for entry, item in entries:
            item.permalink = entry.post.path if item.verdict != Verdict.CONFLICT else entry.document.permalink or ""
            item.findings = [finding.as_json() for finding in self._all_findings(entry)]
            item.post = entry.post if entry.post.pk else None
        ImportItem.objects.bulk_create(items)
        return items

    def _known_posts(self, reads: list[Read]) -> dict[str, Post]:
        if not self.source.pk:
            return {}
        posts = Post.objects.filter(source=self.source, source_path__in=[read.path for read in reads])
        return {post.source_path: post for post in posts}

    def _item(self, path: str, verdict: str, post: Post | None = None, findings: Iterable[Finding] = ()) -> ImportItem:
        return ImportItem(
            run=self.run,
            source=self.source if self.source.pk else None,
            path=(self.root + path)[:1000],
            verdict=verdict,
            post=post,
            permalink=post.path if post else "",
            findings=[finding.as_json() for finding in findings],
        )

    def _conflict(self, entry: Entry) -> Finding | None:
        """Why the file must not replace what its post says, if it must not."""
        post = entry.post
        if not self.may_publish and post.state in LIVE:
            template = _("The post is public: only an account that may publish can replace its text. The post is kept.")
            return Finding("live-post", "warning", template)
        if post.is_edited and self.on_conflict == "keep":
            template = _(
                "The file changed, and so did the post here; the post is kept. Import again with “replace” to take the file."
            )
            return Finding("edited-here", "warning", template)
        return None

    def _judge(self, read: Read, post: Post | None) -> tuple[ImportItem, Entry | None]:
        if read.refusal is not None:
            return self._item(read.path, Verdict.REFUSED, post, [read.refusal]), None
        if read.document is None:
            return self._item(read.path, Verdict.UNCHANGED, post), None
        if post is None and (moved := self._moved_post(read)):
            entry = Entry(read, read.document, moved, is_new=False)
            entry.findings.append(
                Finding("moved", "info", _("This file was “%(old)s” before; its post moved with it."), {"old": moved.source_path})
            )
            return self._item(read.path, Verdict.UPDATE), entry
        if post is None:
            return self._item(read.path, Verdict.CREATE), Entry(read, read.document, Post(source=self.source), is_new=True)
        if post.is_edited and post.source_sha256 == read.sha256:
            # Only the configuration changed, and how the post reads was decided here.
            return self._item(read.path, Verdict.UNCHANGED, post), None
        entry = Entry(read, read.document, post, is_new=False)
        if conflict := self._conflict(entry):
            entry.findings.append(conflict)
            return self._item(read.path, Verdict.CONFLICT, post), entry
        return self._item(read.path, Verdict.UPDATE, post), entry

    def _moved_post(self, read: Read) -> Post | None:
        """The post whose file went away while this one, with the same bytes, came."""
        return self.gone.pop(read.sha256, None)

    def _all_findings(self, entry: Entry) -> list[Finding]:
        lines = entry.document.source.head.count("\n")
        rendered = entry.read.rendered.findings if entry.read.rendered else []
        return [*entry.document.findings, *entry.findings, *(moved(finding, lines) for finding in rendered)]

    # --- addresses

    def _claim_paths(self, entries: list[tuple[Entry, ImportItem]]) -> None:
        wanted = {id(entry): self._wanted_path(entry) for entry, _item in entries}
        taken = dict(Post.objects.filter(path__in=set(wanted.values())).values_list("path", "pk"))
        for entry, item in entries:
            if item.verdict == Verdict.CONFLICT:
                continue
            path = wanted[id(entry)]
            if not entry.is_new and path == entry.post.source_permalink:
                self.claimed.add(entry.post.path)
                continue
            if self._is_free(path, taken, entry.post.pk):
                self._set_path(entry, path, path)
                continue
            if entry.document.permalink_stated:
                item.verdict = Verdict.CONFLICT
                template = RESERVED if is_reserved(path) else TAKEN
                entry.findings.append(Finding("permalink-collision", "error", template, {"path": path}))
                continue
            numbered = self._first_free(path, entry.document)
            template = _("The address “%(path)s” is taken; this post got “%(given)s”.")
            entry.findings.append(Finding("permalink-collision", "warning", template, {"path": path, "given": numbered}))
            self._set_path(entry, path, numbered)

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
        return path not in self.claimed and taken.get(path) in (None, own) and not is_reserved(path)

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
        return path not in self.claimed and not is_reserved(path) and not Post.objects.filter(path=path).exists()

    def _set_path(self, entry: Entry, source_permalink: str, path: str) -> None:
        entry.post.source_permalink = source_permalink
        if entry.post.path and entry.post.path != path and entry.post.first_published_at:
            entry.document.aliases = [*entry.document.aliases, entry.post.path]
        entry.post.path = path
        self.claimed.add(path)

    # --- rows

    def _write(self, entries: list[Entry]) -> None:
        documents = [entry.document for entry in entries]
        self.terms.find(Tag, (name for document in documents for name in document.tags))
        self.terms.find(Author, (name for document in documents for name in document.authors))
        self.terms.find(Series, (document.series for document in documents if document.series))
        for entry in entries:
            note_long_names(entry)
            self._fill(entry)
        Post.objects.bulk_create([entry.post for entry in entries if entry.is_new])
        changed = [entry.post for entry in entries if not entry.is_new]
        for post in changed:
            post.save()
        for through, owner in ((PostAuthor, "post"), (PostCategory, "post"), (TaggedPost, "content_object"), (PostLink, "post")):
            if changed:
                through.objects.filter(**{f"{owner}__in": changed}).delete()
        self._write_relations(entries)
        self._write_redirects(entries)
        Revision.objects.bulk_create(
            [
                Revision(
                    post=entry.post,
                    origin=Revision.Origin.IMPORT,
                    user=self.user,
                    run=self.run,
                    snapshot=snapshot_of(
                        entry.post,
                        authors=[self.terms.get(Author, name).name for name in entry.document.authors],
                        categories=[list(path) for path in entry.document.categories],
                        tags=[self.terms.get(Tag, name).name for name in entry.document.tags],
                    ),
                )
                for entry in entries
            ]
        )

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
        insert_numbers(PostAuthor, ("post", "author", "position"), authors)
        insert_numbers(PostCategory, ("post", "category", "position"), categories)
        insert_numbers(TaggedPost, ("content_object", "tag"), tags)
        PostLink.objects.bulk_create(links)

    def _write_redirects(self, entries: list[Entry]) -> None:
        wanted: dict[str, Entry] = {}
        for entry in entries:
            for alias in entry.document.aliases:
                if len(alias) > MAX_PATH or is_reserved(alias):
                    self._warn_of_unfit_alias(entry, alias)
                elif wanted.setdefault(alias, entry) is not entry:
                    self._warn_of_alias(entry, alias)
        if not wanted:
            return
        pages = set(Post.objects.filter(path__in=wanted).values_list("path", flat=True))
        redirects = dict(Redirect.objects.filter(old_path__in=wanted).values_list("old_path", "post_id"))
        new = []
        for alias, entry in wanted.items():
            if redirects.get(alias) == entry.post.pk:
                continue
            if alias in pages or alias in redirects:
                self._warn_of_alias(entry, alias)
            else:
                new.append(Redirect(old_path=alias, post=entry.post))
        Redirect.objects.bulk_create(new)

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
        post.is_edited = False
        if entry.is_new and self.user is not None:
            post.owner_id = self.user.pk
        if entry.read.rendered is not None:
            apply_rendered(post, entry.read.rendered)

    def _cover_id(self, document: Document) -> int | None:
        if self.index is None or document.cover is None:
            return None
        media = self.index.resolver(document.path, document.permalink or "").media(document.cover.target)
        return self.covers.get(media.url) if media and media.url else None

    def _state(self, entry: Entry) -> str:
        document, state = entry.document, entry.post.state
        if not entry.is_new and state == Post.State.WITHDRAWN:
            template = _("The post was withdrawn here and stays so. Publish it at the desk if it is to return.")
            entry.findings.append(Finding("stays-withdrawn", "info", template))
            return state
        if document.draft:
            return Post.State.DRAFT
        if not entry.is_new and not self.may_publish:
            return state
        if not self.may_publish:
            template = _("It arrives as a draft: %(user)s may import, but not publish. A publisher can publish it.")
            entry.findings.append(Finding("published-as-draft", "warning", template, {"user": str(self.user)}))
            return Post.State.DRAFT
        if document.published_at is not None and document.published_at > self.now:
            return Post.State.SCHEDULED
        return Post.State.PUBLISHED


def insert_numbers(model: type[Model], names: Sequence[str], rows: Sequence[tuple[int, ...]]) -> None:
    """Inserts rows that hold nothing but numbers: keys and positions.

    Most rows of an import are such. ``bulk_create`` makes an instance of each and asks every field what to do with its
    number, which takes ten times as long as the database does.
    """
    if not rows:
        return
    quote = connection.ops.quote_name
    known = {field.name: field.column for field in model._meta.concrete_fields if field.column}
    columns = ", ".join(quote(known[name]) for name in names)
    values = ", ".join(["%s"] * len(names))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({values})", rows)  # noqa: S608


def unique(rows: Iterable[Any]) -> list[Any]:
    """Each row once, in order: two spellings in one file may be one term."""
    return list({row.pk: row for row in rows}.values())


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` characters; the source keeps the whole."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
