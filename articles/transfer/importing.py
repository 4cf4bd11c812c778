"""Imports an archive of Markdown: every file gets a verdict, one bad file never stops the rest.

One walk (:func:`carry_out`) serves the command, which reads and writes in one pass, a plan, which writes nothing but its
items, and the application of a plan, which writes only what the plan says.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError, transaction
from django.utils.timezone import now
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from articles.addresses import host_of
from articles.editorial.permissions import can_import
from articles.findings import Finding, RefusedFile
from articles.formats import find_sites
from articles.formats.container import Container, open_archive
from articles.formats.document import Site
from articles.formats.encoding import propose
from articles.library import mend, store_original
from articles.links import Library
from articles.models import ImportChange, ImportItem, ImportRun, Post, Source, SourceFile
from articles.references import MemoryIndex
from articles.referrers import refresh_after_import
from articles.transfer.archives import fetch_archive
from articles.transfer.attachments import FileTaker
from articles.transfer.choices import Choices
from articles.transfer.journal import Journal, note_relinked, record, unpack
from articles.transfer.missing import MissingPosts
from articles.transfer.passages import (
    Passage,
    Progress,
    RefusedArchive,
    fingerprint_archive,
    split_portions,
)
from articles.transfer.reading import Job, Known, Read, Readers, Wanted
from articles.transfer.relinking import find_printing, names_printed, relink, render_again
from articles.transfer.rows import large_page_cache
from articles.transfer.runs import (
    Lease,
    SameArchive,
    State,
    WrongState,
    count_items,
    held,
    interrupt,
    load_user,
    renew_connection,
    require_own,
    wait_and_take,
)
from articles.transfer.storing import ChunkStore, StalePlan
from articles.transfer.unresolved import note_unresolved

CHUNK = 200
CHUNK_BYTES = 4_000_000
"""A chunk is in memory at once, several times over: few large texts make one."""
SAMPLE = 200
MAX_NAMED = 50
NOT_TAKEN = (ImportItem.Verdict.REFUSED, ImportItem.Verdict.CONFLICT)
INLINE_BELOW = 150
"""Archives with fewer documents are read in this process: starting others would take longer."""
TRIES = 3
"""An editor who takes an address or a term at the same moment makes the database refuse a chunk; the next try sees it."""
Stage = ImportRun.Stage
TAKEN_IN = (ImportItem.Verdict.CREATE, ImportItem.Verdict.UPDATE)
SOURCE_GONE = _("The source to which this import went was deleted or renamed. Import the archive anew.")
SAME = _("The same archive is being imported right now, as import %(run)s (“%(label)s”). Wait for its report.")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a command was called; empty means: as the site says. ``processes`` ``None`` means: as many as pay.

    ``user`` names who imports, so that a run whose account is deleted does not become the system's.
    """

    source_name: str = ""
    dialect: str = ""
    timezone: str = ""
    language: str = ""
    encoding: str = ""
    on_conflict: str = "merge"
    dry_run: bool = False
    processes: int | None = None
    withdraw_missing: bool = False
    user: str = ""

    def as_choices(self) -> Choices:
        return Choices(
            source_name=self.source_name,
            dialect=self.dialect,
            timezone=self.timezone,
            language=self.language,
            encoding=self.encoding,
            on_conflict=self.on_conflict,
            withdraw_missing=self.withdraw_missing,
        )


def import_archive(
    path: Path,
    *,
    user: User | None = None,
    source_name: str = "",
    dialect: str = "",
    timezone: str = "",
    language: str = "",
    encoding: str = "",
    on_conflict: str = "merge",
    dry_run: bool = False,
    withdraw_missing: bool = False,
    label: str = "",
    processes: int | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> ImportRun:
    """Imports the folder, file or zip at ``path`` in one pass and gives the run with its items.

    ``user`` is who imports (``None``: the system); without the right to publish, posts arrive as drafts. ``timezone``
    is the IANA name for dates that say none where the site's configuration does not either; empty, the generator's own
    rule decides, else the zone of the site here. ``encoding`` is that of
    files that are not Unicode; where it is not given, one is found that fits all such files of a site. ``on_conflict`` is
    ``merge``, ``keep`` or ``replace`` for posts that people changed since the last import. ``withdraw_missing`` takes posts
    off the site whose files went. A dry run journals what would be done and writes nothing else.

    Waits while another run writes, saying so through ``tell``. An archive that cannot be opened at all, or that is being
    imported right now, gives a run in state ``refused``; what stops it half-way (no room on the disk, the database, a lost
    right) one in state ``interrupted``, which :func:`resume_import` takes up: what is stored already stays as it is.

    Raises PermissionDenied where the user may not import.
    """
    if not can_import(user):
        raise PermissionDenied("import_posts")
    options = ImportOptions(
        source_name,
        dialect,
        timezone,
        language,
        encoding,
        on_conflict,
        dry_run,
        processes,
        withdraw_missing,
        user.get_username() if user else "",
    )
    run = ImportRun.objects.create(
        user=user,
        label=(label or path.name)[:300],
        location=str(path.absolute())[:1000],
        state=State.APPLYING,
        options=asdict(options),
        moment=now(),
        heartbeat_at=now(),
    )
    return _import_in_one_pass(run, progress, tell)


def resume_import(
    run: ImportRun, user: User | None, *, progress: Progress | None = None, tell: Callable[[str], None] | None = None
) -> ImportRun:
    """Goes on with an interrupted one-pass run: what its journal names is passed over. Raises NotAllowed, WrongState."""
    require_own(run, user)
    if run.state not in (State.INTERRUPTED, State.APPLYING) or run.planned_at is not None:
        raise WrongState(
            gettext("Import %(run)s cannot be resumed: it is “%(state)s”.") % {"run": run.pk, "state": run.get_state_display()}
        )
    ImportRun.objects.filter(pk=run.pk, state=State.INTERRUPTED, interrupted_in=State.APPLYING, lease="").update(
        state=State.APPLYING, interrupted_in="", heartbeat_at=now()
    )
    run.refresh_from_db()
    return _import_in_one_pass(run, progress, tell)


def _import_in_one_pass(run: ImportRun, progress: Progress | None, tell: Callable[[str], None] | None) -> ImportRun:
    options = ImportOptions(**run.options)
    run.size, run.sha256 = fingerprint_archive(fetch_archive(run))
    run.save(update_fields=["size", "sha256"])
    try:
        lease = wait_and_take(run, writes=not options.dry_run, tell=tell)
    except SameArchive as same:
        refuse_unheld(run, Finding("same-archive", "error", SAME, {"run": same.holder.pk, "label": same.holder.label}))
        return run
    return work_off(lease, progress)


def work_off(lease: Lease, progress: Progress | None = None) -> ImportRun:
    """Reads and writes in one pass, or goes on with it; however it ends, the run says so."""
    run, options = lease.run, ImportOptions(**lease.run.options)
    with held(lease):
        user = load_user(run)
        if run.sites and not options.dry_run:
            # The process before this one may have died between a commit and the files that belong to it.
            mend()
        passage = Passage(
            run, lease, options.as_choices(), user, options.processes, writes=not options.dry_run, progress=progress
        )
        try:
            carry_out(passage)
        except RefusedArchive as refused:
            lease.end(State.REFUSED, finished_at=now(), findings=[refused.finding.as_json()])
        except StalePlan:
            interrupt(lease, Finding("source-gone", "error", SOURCE_GONE))
        else:
            findings = [finding.as_json() for finding in passage.findings]
            lease.end(State.FINISHED, finished_at=now(), totals=count_items(run), findings=findings)
    return run


def refuse_unheld(run: ImportRun, finding: Finding) -> None:
    """Refuses a run that never came to hold its lease."""
    ImportRun.objects.filter(pk=run.pk, lease="").update(
        state=State.REFUSED, stage="", findings=[finding.as_json()], finished_at=now()
    )
    run.refresh_from_db()


def carry_out(passage: Passage) -> None:
    """Walks over the archive of the run, in the state and by the rights of ``passage``.

    Raises RefusedArchive, StalePlan, RightsLost, LostLease, Stopping, OSError and DatabaseError: what is written by then stays.
    """
    with large_page_cache():
        _carry_out(passage)


def _carry_out(passage: Passage) -> None:
    run, choices = passage.run, passage.choices
    passage.enter(Stage.OPENING)
    try:
        container = open_archive(fetch_archive(run))
        sites = find_sites(
            container,
            dialect=choices.dialect,
            timezone=choices.timezone,
            language=choices.language,
            encoding=choices.encoding,
            default_timezone=settings.TIME_ZONE,
        )
    except RefusedFile as refused:
        raise RefusedArchive(refused.finding) from refused
    passage.total = sum(1 for site in sites for file in site.files.values() if file.role == "document")
    if not passage.total and not container.refused:
        template = _("No Markdown files found. Choose the folder or zip that holds the texts.")
        raise RefusedArchive(Finding("no-documents", "error", template))
    passage.lease.hold(total=passage.total, done=0)
    if passage.makes_plan or (passage.writes and not passage.is_planned and not run.sites):
        _journal_refused_members(passage, container)
    _note_members(passage, container)
    with large_page_cache():
        for site in sites:
            _SiteImport(passage, container, site).carry_out()


def _note_members(passage: Passage, container: Container) -> None:
    """Says what is odd about members, and what was left out and why: a line for each reason, not for each file."""
    remarks = [finding for _path, finding in container.findings]
    passage.findings += remarks[:MAX_NAMED]
    passage.findings += _describe_skipped(
        container.skipped,
        _("“%(path)s” is left out: %(reason)s."),
        _("%(count)s files such as “%(path)s” are left out: %(reason)s."),
    )


def _describe_skipped(skipped: Iterable[tuple[str, str]], one: str, several: str) -> list[Finding]:
    """A finding for each reason, which names the first file and counts the others; ``one`` and ``several`` are templates."""
    paths: dict[str, list[str]] = {}
    for path, reason in skipped:
        paths.setdefault(reason, []).append(path)
    return [
        Finding("skipped", "info", several, {"path": found[0], "reason": reason, "count": len(found)})
        if len(found) > 1
        else Finding("skipped", "info", one, {"path": found[0], "reason": reason})
        for reason, found in paths.items()
    ]


def _describe_left(site: Site) -> Iterator[Finding]:
    """What of a site does not become a post although it lies among its texts, and what its generator made or never read."""
    left = [(site.root + path, file.reason) for path, file in sorted(site.files.items()) if file.role == "skipped"]
    yield from _describe_skipped(
        left, _("“%(path)s” is left out. %(reason)s"), _("%(count)s files such as “%(path)s” are left out. %(reason)s")
    )
    unread = [file for _path, file in sorted(site.files.items()) if file.is_unread]
    for file in unread[:MAX_NAMED]:
        params = {"path": site.root + file.path, "reason": file.reason, "address": file.lost}
        template = _("“%(path)s” does not become a post and is kept privately. %(reason)s")
        if file.lost:
            template = _(
                "“%(path)s” does not become a post and is kept privately, so its old address “%(address)s” is lost. %(reason)s "
                "Write it in Markdown and import again."
            )
        yield Finding("not-a-post", "warning", template, params)
    if len(unread) > MAX_NAMED:
        template = _("%(count)s more files like these do not become posts; the list of files kept with the source names them.")
        yield Finding("not-a-post", "warning", template, {"count": len(unread) - MAX_NAMED})


def _journal_refused_members(passage: Passage, container: Container) -> None:
    refused = ImportItem.Verdict.REFUSED
    items = [
        ImportItem(run=passage.run, path=path[:1000], verdict=refused, findings=[finding.as_json()])
        for path, finding in container.refused
    ]
    with transaction.atomic():
        passage.lease.hold()
        # A run that was killed before its first site had nothing but these.
        passage.run.items.filter(source=None, sha256="").delete()
        ImportItem.objects.bulk_create(items)


class _SiteImport:
    """The import of one site root into one source."""

    def __init__(self, passage: Passage, container: Container, site: Site) -> None:
        self.passage, self.run, self.container, self.site = passage, passage.run, container, site
        self.documents = sorted(path for path, file in site.files.items() if file.role == "document")
        self.index = MemoryIndex(site.base_path, static_url=settings.STATIC_URL)
        self.hashes: dict[str, str] = {}
        self.journal = Journal(self.run if passage.writes else None)
        self.entry = next((entry for entry in self.run.sites if entry["root"] == site.root), None)

    def carry_out(self) -> None:
        self.source = self._find_source()
        self.passage.used.append(self.source)
        self.passage.findings += self.site.findings
        self.passage.findings += _describe_left(self.site)
        self.choices = self.passage.choices.over(self.source.choices)
        self.choices.prepare(self.site)
        self.missing = MissingPosts(self.passage, self.source, self.site, self.choices)
        self._choose_encoding()
        self.index.hosts, self.index.known_hosts = frozenset({host_of(self.site.base_url)}) - {""}, Library().hosts
        self._begin()
        self.passage.enter(Stage.FILES)
        self.files = FileTaker(self.passage, self.container, self.site, self.source, self.index, self.journal)
        self.files.take()
        self.passage.enter(Stage.DOCUMENTS)
        left = self._take_documents()
        if self.passage.writes:
            self.passage.enter(Stage.LINKS)
            relink(self.source, self.index, self._prepare_relinking)
            self._keep_values()
            refresh_after_import(self.run, self.source, left, is_new_host=self._is_new_host(), prepare=self._prepare_relinking)
            self.passage.findings += note_unresolved(self.run, self.source, self.passage.lease.hold)
        if self.passage.only is None:
            self.passage.enter(Stage.MISSING)
            self.missing.treat()

    def _keep_values(self) -> None:
        """Keeps the values that texts print by name, and renders again the posts that print one which changed."""
        source = self.source
        if not (self.site.values or source.values):
            return
        values = {name: self.site.values[name] for name in names_printed(source) if name in self.site.values}
        if values == source.values:
            return
        with transaction.atomic():
            self.passage.lease.hold()
            before, source.values = {"values": source.values}, values
            source.save(update_fields=["values"])
            self.journal.changed(source, before)
            self.journal.flush()
        changed = {name for name in values.keys() | before["values"].keys() if values.get(name) != before["values"].get(name)}
        render_again(find_printing(source, changed, self.run), self.index, self._prepare_relinking)

    def _prepare_relinking(self, posts: Iterable[Post]) -> None:
        self.passage.lease.hold()
        note_relinked(self.run, list(posts))

    def _is_new_host(self) -> bool:
        """Whether this run brought the site's old address, be it an attempt before this one."""
        change = ImportChange.objects.filter(run=self.run, model="source", object_id=self.source.pk).first()
        return change is not None and host_of((change.before or {}).get("base_url", "")) != host_of(self.source.base_url)

    def _choose_encoding(self) -> None:
        """One encoding for all files of the site that are not Unicode: a single file alone decides badly."""
        if self.site.encoding:
            return
        proposal = propose(map(self._survey, self.documents))
        if proposal.certain and proposal.encoding:
            self.site.encoding = proposal.encoding
        self.passage.findings += proposal.findings

    def _survey(self, path: str) -> bytes:
        """As :meth:`_read`; remembers the content's hash, so that a file which did not change is read this once only."""
        data = self._read(path)
        if data:
            self.hashes[path] = hashlib.sha256(data).hexdigest()
        return data

    def _read(self, path: str) -> bytes:
        """A file's bytes, or none where it cannot be had: its reading will say so."""
        self.passage.lease.beat()
        try:
            return self.container.read(self.site.root + path)
        except (RefusedFile, OSError):
            return b""

    def _processes(self) -> int:
        if self.passage.processes is not None:
            return self.passage.processes
        return 2 if len(self.documents) >= INLINE_BELOW else 0

    # --- which source

    def _find_source(self) -> Source:
        """The source that this run, or its plan, decided on before; else the one found by name, content or address."""
        if self.entry is None:
            if self.passage.choices.source_name:
                return self._source_by_name()
            return self._source_by_content() or self._source_by_address()
        if self.entry["source"] is not None:
            source = Source.objects.filter(pk=self.entry["source"]).first()
            if source is None:
                raise StalePlan([(self.entry["name"], "source")])
            return source
        if Source.objects.filter(name=self.entry["name"]).exists():
            raise StalePlan([(self.entry["name"], "source")])
        return Source(name=self.entry["name"])

    def _begin(self) -> None:
        """Notes, in one transaction, what the site says of itself, which source it is, and which posts have no file in it.

        Writes no row of the source where it says what it said last time.
        """
        site, source = self.site, self.source
        said = {
            "title": site.title[:300],
            "dialect": site.dialect,
            "base_url": site.base_url[:500],
            "base_path": site.base_path[:300],
            "timezone": site.timezone,
            "language": site.language[:35],
            "encoding": site.encoding,
            "fingerprint": site.fingerprint,
            "choices": self.choices.reading(),
            "lists": site.lists,
        }
        with transaction.atomic():
            self.passage.lease.hold()
            if self.passage.writes and (source.pk is None or said != {name: getattr(source, name) for name in said}):
                before = record(source) if source.pk else None
                for name, value in said.items():
                    setattr(source, name, value)
                source.save()
                if before is None:
                    self.journal.made([source])
                else:
                    self.journal.changed(source, {name: before[name] for name in said})
                self.journal.flush()
            if self.passage.makes_plan or (self.entry is None and self.passage.writes):
                self.missing.note(self.documents)
            self._note_site()

    def _note_site(self) -> None:
        """Keeps on the run what was found of the site: the next attempt decides as this one did."""
        site = self.site
        attachments = sum(1 for file in site.files.values() if file.role == "attachment")
        entry = {
            "root": site.root,
            "source": self.source.pk,
            "name": self.source.name,
            "title": site.title,
            "dialect": site.dialect,
            "base_url": site.base_url + site.base_path if not site.base_url.endswith(site.base_path) else site.base_url,
            "timezone": site.timezone,
            "language": site.language,
            "encoding": site.encoding,
            "documents": len(self.documents),
            "attachments": attachments,
        }
        if entry != self.entry:
            others = [other for other in self.run.sites if other["root"] != site.root]
            self.passage.lease.hold(sites=[*others, entry])

    def _source_by_name(self) -> Source:
        """The named source. An archive with several roots has one source each: the first is the name, others add their root."""
        name = self.passage.choices.source_name
        if self.passage.used:
            name = f"{name}/{self.site.root.rstrip('/')}"
        return Source.objects.filter(name=name).first() or Source(name=name[:200])

    def _source_by_content(self) -> Source | None:
        """The known source that shares most files with this site, byte for byte.

        Not one that this run used already (two sites of one archive may share files), nor one of another address.
        """
        step = max(1, len(self.documents) // SAMPLE)
        hashes = {path: self._hash(path) for path in self.documents[::step]}
        candidates = Source.objects.exclude(pk__in=[source.pk for source in self.passage.used if source.pk])
        if self.site.base_url:
            candidates = candidates.filter(base_url__in=["", self.site.base_url], base_path=self.site.base_path)
        posts = Post.objects.filter(source__in=candidates, source_path__in=list(hashes))
        shared = Counter(
            source
            for source, path, sha256 in posts.values_list("source", "source_path", "source_sha256")
            if hashes[path] == sha256
        )
        return Source.objects.get(pk=shared.most_common(1)[0][0]) if shared else None

    def _source_by_address(self) -> Source:
        """The source of this name, if it is the same site: the same old address, or at least half of the paths in common."""
        site = self.site
        number, name = 1, site.name[:190]
        while source := Source.objects.filter(name=name).first():
            if source not in self.passage.used and self._is_same_site(source):
                return source
            number += 1
            name = f"{site.name[:190]}-{number}"
        while name in [source.name for source in self.passage.used]:
            number += 1
            name = f"{site.name[:190]}-{number}"
        return Source(name=name)

    def _is_same_site(self, source: Source) -> bool:
        if self.site.base_url and source.base_url:
            return (source.base_url, source.base_path) == (self.site.base_url, self.site.base_path)
        known = set(source.posts.values_list("source_path", flat=True))
        return not known or 2 * len(known.intersection(self.documents)) >= min(len(known), len(self.documents))

    def _hash(self, path: str) -> str:
        return hashlib.sha256(self._read(path)).hexdigest()

    # --- documents

    def _take_documents(self) -> set[str]:
        """Stores the texts; gives the addresses that public posts have left."""
        passage = self.passage
        renders = passage.writes or passage.describe is not None
        language = settings.LANGUAGE_CODE
        job = Job(self.container, self.site, self.index, language, renders=renders, indexes=passage.writes)
        store = ChunkStore(
            self.run,
            self.source,
            root=self.site.root,
            fingerprint=self.site.fingerprint,
            user=passage.user,
            on_conflict=passage.choices.on_conflict,
            dry_run=not passage.writes,
            site=self.site,
            gone=self.missing.by_content(),
            covers=self.files.covers,
            index=self.index,
            choices=self.choices,
            journal=self.journal,
            moment=self.run.moment,
            sizes=self.site.files,
            excluded=frozenset(passage.choices.excluded),
            describe=passage.describe,
        )
        store.claimed.update(self._claimed_elsewhere())
        with Readers(job, self._processes(), passage.lease.beat) as readers:
            for reads in readers.read(self._chunks()):
                self._take_chunk(store, reads)
        return store.left | self._left_before()

    def _left_before(self) -> set[str]:
        """Addresses that posts had before earlier attempts of this run changed them."""
        if 0 not in self.passage.journalled.values():
            return set()
        items = self.run.items.filter(source=self.source, written_at__isnull=False).exclude(before=None)
        return {unpack(before)["columns"]["path"] for before in items.values_list("before", flat=True).iterator() if before}

    def _take_chunk(self, store: ChunkStore, reads: list[Read]) -> None:
        """Stores one chunk in a transaction of its own. Tries again where somebody else was writing at the same moment."""
        for attempt in range(1, TRIES + 1):
            try:
                with transaction.atomic():
                    self.passage.lease.hold(done=self.passage.done + len(reads))
                    self.passage.check_rights()
                    store.planned = self._load_planned(reads)
                    items = store.store(reads)
                    self._keep_refused(reads, items)
                    self.journal.flush()
                break
            except (IntegrityError, OperationalError):
                store.forget_chunk()
                renew_connection()
                if attempt == TRIES:
                    raise
        self.passage.count(len(reads))

    def _load_planned(self, reads: list[Read]) -> dict[str, ImportItem] | None:
        """The items of the plan for what was read. Raises StalePlan for a file that the plan has not seen."""
        if not self.passage.is_planned:
            return None
        paths = {self.site.root + read.path for read in reads}
        if unknown := [path for path in sorted(paths) if path not in self.passage.journalled]:
            raise StalePlan([(path, "file") for path in unknown])
        keys = [self.passage.journalled[path] for path in paths]
        return {item.path: item for item in ImportItem.objects.filter(pk__in=keys)}

    def _keep_refused(self, reads: list[Read], items: list[ImportItem]) -> None:
        """Keeps texts that were refused, or whose address is taken, so that an export is whole; one that is a post now goes."""
        if not self.passage.writes:
            return
        rows = self.source.files.filter(role=SourceFile.Role.REFUSED, path__in=[read.path for read in reads])
        kept = {file.path: file for file in rows}
        left = {read.path for read, item in zip(reads, items, strict=True) if item.verdict in NOT_TAKEN}
        if settled := [file for path, file in kept.items() if path not in left]:
            for file in settled:
                self.journal.removed(file)
            rows.filter(pk__in=[file.pk for file in settled]).delete()
        refused = [read for read in reads if read.path in left and read.sha256 and not _is_kept(kept.get(read.path), read)]
        # Where an earlier state of the file is a post, that is what an export writes.
        posts = self.source.posts.filter(source_path__in=[read.path for read in refused])
        taken = set(posts.values_list("source_path", flat=True))
        for read in refused:
            if read.path not in taken:
                self._keep_text(read.path, kept.get(read.path))

    def _keep_text(self, path: str, known: SourceFile | None) -> None:
        data = self.container.read(self.site.root + path)
        values = {"role": SourceFile.Role.REFUSED, "size": len(data), "sha256": store_original(data)}
        if known is None:
            row, is_new = SourceFile.objects.get_or_create(source=self.source, path=path, defaults=values)
            if is_new:
                self.journal.made([row])
                return
            known = row
        before = {name: getattr(known, name) for name in values}
        for name, value in values.items():
            setattr(known, name, value)
        known.save()
        self.journal.changed(known, before)

    def _chunks(self) -> Iterator[list[Wanted]]:
        for portion in split_portions(self.documents, self.site, CHUNK, CHUNK_BYTES):
            # The limits of chunks stay where they are whatever is passed over: what a chunk decides depends on them.
            paths = [path for path in portion if self._is_wanted(self.site.root + path)]
            if len(paths) < len(portion):
                self.passage.count(len(portion) - len(paths))
            if not paths:
                continue
            known: dict[str, Known] = {}
            if self.source.pk:
                posts = Post.objects.filter(source=self.source, source_path__in=paths)
                rows = posts.values_list("source_path", "source_sha256", "source_fingerprint", "pk", "path")
                known = {path: Known(sha256, fingerprint, pk, address) for path, sha256, fingerprint, pk, address in rows}
            yield [Wanted(path, known.get(path), self.hashes.get(path, "")) for path in paths]

    def _is_wanted(self, path: str) -> bool:
        """Whether this walk looks at the document: not where it is journalled, left out, or no part of what is planned anew."""
        passage = self.passage
        if passage.only is not None and path not in passage.only:
            return False
        if passage.is_planned and path in passage.excluded:
            return False
        return passage.journalled.get(path) != 0

    def _claimed_elsewhere(self) -> set[str]:
        """Addresses that items of the plan have which are not looked at again."""
        if self.passage.only is None:
            return set()
        rows = self.run.items.filter(verdict__in=TAKEN_IN, excluded=False).values_list("path", "permalink")
        return {permalink for path, permalink in rows if path not in self.passage.only}


def _is_kept(file: SourceFile | None, read: Read) -> bool:
    return file is not None and file.sha256 == read.sha256
