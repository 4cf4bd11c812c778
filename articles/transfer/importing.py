"""Imports an archive of Markdown: every file gets a verdict, one bad file never stops the rest."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import find_sites
from articles.formats.container import Container, open_archive
from articles.formats.document import Site
from articles.formats.encoding import propose
from articles.library import add_media, store_original
from articles.links import as_resolved
from articles.models import ImportItem, ImportRun, MediaFile, Post, Source, SourceFile
from articles.references import MemoryIndex
from articles.transfer.reading import Job, Read, Readers, Wanted
from articles.transfer.relinking import relink
from articles.transfer.storing import ChunkStore

CHUNK = 100
CHUNK_BYTES = 4_000_000
"""A chunk is in memory at once, several times over: few large texts make one."""
SAMPLE = 200
MAX_NAMED = 50
NOT_TAKEN = (ImportItem.Verdict.REFUSED, ImportItem.Verdict.CONFLICT)
INLINE_BELOW = 150
"""Archives with fewer documents are read in this process: starting others would take longer."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the caller chose; empty means: as the site says. ``processes`` ``None`` means: as many as pay."""

    source_name: str = ""
    dialect: str = ""
    timezone: str = ""
    language: str = ""
    encoding: str = ""
    on_conflict: str = "keep"
    dry_run: bool = False
    processes: int | None = None


Progress = Callable[[int, int], None]


def import_archive(
    path: Path,
    *,
    user: User | None = None,
    source_name: str = "",
    dialect: str = "",
    timezone: str = "",
    language: str = "",
    encoding: str = "",
    on_conflict: str = "keep",
    dry_run: bool = False,
    label: str = "",
    processes: int | None = None,
    progress: Progress | None = None,
) -> ImportRun:
    """Imports the folder, file or zip at ``path`` and gives the finished run with its items.

    ``user`` is who imports (``None``: the system); without the right to publish, posts arrive as drafts. ``timezone``
    is the IANA name for dates that say none where the site's configuration does not either. ``encoding`` is that of
    files that are not Unicode; where it is not given, one is found that fits all such files of a site. ``on_conflict`` is
    ``keep`` or ``replace`` for posts that people changed since the last import. A dry run journals what would be
    done and writes nothing else. An archive that cannot be opened at all gives a run in state ``refused``. Run again
    after an interruption, it goes on where it stopped: what is stored already is unchanged.

    Raises PermissionDenied where the user may not import.
    """
    if user is not None and not user.has_perm("articles.import_posts"):
        raise PermissionDenied("import_posts")
    options = ImportOptions(
        source_name, dialect, timezone or settings.TIME_ZONE, language, encoding, on_conflict, dry_run, processes
    )
    run = ImportRun.objects.create(user=user, label=(label or path.name)[:300], options=asdict(options))
    with _closing(run):
        try:
            container = open_archive(path)
            sites = find_sites(container, dialect=dialect, timezone=options.timezone, language=language, encoding=encoding)
        except RefusedFile as refused:
            return _refuse(run, refused.finding)
        documents = sum(1 for site in sites for file in site.files.values() if file.role == "document")
        if not documents and not container.refused:
            template = _("No Markdown files found. Choose the folder or zip that holds the texts.")
            return _refuse(run, Finding("no-documents", "error", template))
        _journal_refused_members(run, container)
        _note_members(run, container)
        counter = _Progress(documents, progress)
        used: list[Source] = []
        for site in sites:
            _SiteImport(run, container, site, options, user, counter, used).carry_out()
        run.state = ImportRun.State.FINISHED
    return run


def _note_members(run: ImportRun, container: Container) -> None:
    """Says what is odd about members, and what was left out and why."""
    remarks = [finding for _path, finding in container.findings]
    template = _("“%(path)s” is left out: %(reason)s.")
    skipped = [Finding("skipped", "info", template, {"path": path, "reason": reason}) for path, reason in container.skipped]
    if len(skipped) > MAX_NAMED:
        more = _("%(count)s more files are left out for such reasons.")
        skipped = [*skipped[:MAX_NAMED], Finding("skipped", "info", more, {"count": len(skipped) - MAX_NAMED})]
    run.findings = [finding.as_json() for finding in [*remarks[:MAX_NAMED], *skipped]]


class _Progress:
    def __init__(self, total: int, report: Progress | None) -> None:
        self.done, self.total, self.report = 0, total, report

    def add(self, count: int) -> None:
        self.done += count
        if self.report:
            self.report(self.done, self.total)


@contextmanager
def _closing(run: ImportRun) -> Iterator[None]:
    """Whatever happens, the run says how it ended and counts its items."""
    try:
        yield
    finally:
        if run.state == ImportRun.State.RUNNING:
            run.state = ImportRun.State.INTERRUPTED
        run.totals = dict(Counter(run.items.values_list("verdict", flat=True)))
        run.finished_at = timezone.now()
        run.save()


def _refuse(run: ImportRun, finding: Finding) -> ImportRun:
    run.state = ImportRun.State.REFUSED
    run.findings = [finding.as_json()]
    return run


def _journal_refused_members(run: ImportRun, container: Container) -> None:
    ImportItem.objects.bulk_create(
        [
            ImportItem(run=run, path=path[:1000], verdict=ImportItem.Verdict.REFUSED, findings=[finding.as_json()])
            for path, finding in container.refused
        ]
    )


class _SiteImport:
    """The import of one site root into one source."""

    def __init__(
        self,
        run: ImportRun,
        container: Container,
        site: Site,
        options: ImportOptions,
        user: User | None,
        progress: _Progress,
        used: list[Source],
    ) -> None:
        self.run, self.container, self.site, self.options = run, container, site, options
        self.user, self.progress, self.used = user, progress, used
        self.documents = sorted(path for path, file in site.files.items() if file.role == "document")
        self.index = MemoryIndex(site.base_path)
        self.covers: dict[str, int] = {}

    def carry_out(self) -> None:
        self.source = self._find_source()
        self.used.append(self.source)
        self._note(self.site.findings)
        self._choose_encoding()
        if not self.options.dry_run:
            self._save_source()
            self._store_files()
        self._store_documents()
        if not self.options.dry_run:
            relink(self.source, self.index)

    def _choose_encoding(self) -> None:
        """One encoding for all files of the site that are not Unicode: a single file alone decides badly."""
        if self.site.encoding:
            return
        proposal = propose(map(self._read, self.documents))
        if proposal.certain and proposal.encoding:
            self.site.encoding = proposal.encoding
        self._note(proposal.findings)

    def _read(self, path: str) -> bytes:
        """A file's bytes, or none where it cannot be had: its reading will say so."""
        try:
            return self.container.read(self.site.root + path)
        except (RefusedFile, OSError):
            return b""

    def _note(self, findings: list[Finding]) -> None:
        self.run.findings = [*self.run.findings, *(finding.as_json() for finding in findings)]

    def _processes(self) -> int:
        if self.options.processes is not None:
            return self.options.processes
        return 2 if len(self.documents) >= INLINE_BELOW else 0

    # --- which source

    def _find_source(self) -> Source:
        if self.options.source_name:
            return self._source_by_name()
        return self._source_by_content() or self._source_by_address()

    def _save_source(self) -> None:
        """Notes what the site says of itself; writes no row where it says what it said last time."""
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
        }
        if source.pk is None or said != {name: getattr(source, name) for name in said}:
            for name, value in said.items():
                setattr(source, name, value)
            source.save()

    def _source_by_name(self) -> Source:
        """The named source. An archive with several roots has one source each: the first is the name, others add their root."""
        name = self.options.source_name
        if self.used:
            name = f"{name}/{self.site.root.rstrip('/')}"
        return Source.objects.filter(name=name).first() or Source(name=name[:200])

    def _source_by_content(self) -> Source | None:
        """The known source that shares most files with this site, byte for byte.

        Not one that this run used already (two sites of one archive may share files), nor one of another address.
        """
        step = max(1, len(self.documents) // SAMPLE)
        hashes = {path: self._hash(path) for path in self.documents[::step]}
        candidates = Source.objects.exclude(pk__in=[source.pk for source in self.used if source.pk])
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
            if source not in self.used and self._is_same_site(source):
                return source
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

    # --- files that are no documents

    def _store_files(self) -> None:
        """Keeps attachments and site files, each content once, and tells the index what texts can refer to."""
        known = {file.path: file for file in self.source.files.select_related("media")}
        for path, file in sorted(self.site.files.items()):
            if file.role not in ("attachment", "site_file"):
                continue
            try:
                row = self._store_file(path, file.role, file.public_paths, known.get(path))
            except RefusedFile as refused:
                self._journal_refused_file(path, refused.finding)
                continue
            if row.media is not None:
                resolved = as_resolved(row.media)
                self.index.add_media(path, row.public_path, resolved)
                self.covers[resolved.url] = row.media.pk

    @transaction.atomic
    def _store_file(self, path: str, role: str, public_paths: tuple[str, ...], known: SourceFile | None) -> SourceFile:
        data = self.container.read(self.site.root + path)
        sha256 = hashlib.sha256(data).hexdigest()
        public_path = public_paths[0][:1000] if public_paths else ""
        if known is not None and (known.sha256, known.role, known.public_path) == (sha256, role, public_path):
            return known
        store_original(data)
        media: MediaFile | None = None
        if role == "attachment":
            media = add_media(data, path.rsplit("/", 1)[-1], user=self.user)
        row, _created = SourceFile.objects.update_or_create(
            source=self.source,
            path=path,
            defaults={"role": role, "size": len(data), "sha256": sha256, "media": media, "public_path": public_path},
        )
        return row

    def _journal_refused_file(self, path: str, finding: Finding) -> None:
        ImportItem.objects.create(
            run=self.run,
            source=self.source,
            path=(self.site.root + path)[:1000],
            verdict=ImportItem.Verdict.REFUSED,
            findings=[finding.as_json()],
        )

    # --- documents

    def _store_documents(self) -> None:
        job = Job(self.container, self.site, self.index, settings.LANGUAGE_CODE, renders=not self.options.dry_run)
        store = ChunkStore(
            self.run,
            self.source,
            root=self.site.root,
            fingerprint=self.site.fingerprint,
            user=self.user,
            on_conflict=self.options.on_conflict,
            dry_run=self.options.dry_run,
            gone=self._gone_posts(),
            covers=self.covers,
            index=self.index,
        )
        with Readers(job, self._processes()) as readers:
            for reads in readers.read(self._chunks()):
                with transaction.atomic():
                    items = store.store(reads)
                    self._keep_refused(reads, items)
                self.progress.add(len(reads))
        if store.gone:
            template = _("%(count)s posts of “%(source)s” have no file in this archive. They stay as they are.")
            self._note([Finding("missing-files", "info", template, {"count": len(store.gone), "source": self.source.name})])

    def _keep_refused(self, reads: list[Read], items: list[ImportItem]) -> None:
        """Keeps texts that were refused, or whose address is taken, so that an export is whole; one that is a post now goes."""
        if self.options.dry_run:
            return
        rows = self.source.files.filter(role=SourceFile.Role.REFUSED, path__in=[read.path for read in reads])
        kept = {file.path: file.sha256 for file in rows}
        left = {read.path for read, item in zip(reads, items, strict=True) if item.verdict in NOT_TAKEN}
        if settled := [path for path in kept if path not in left]:
            rows.filter(path__in=settled).delete()
        refused = [read for read in reads if read.path in left and read.sha256 and kept.get(read.path) != read.sha256]
        # Where an earlier state of the file is a post, that is what an export writes.
        posts = self.source.posts.filter(source_path__in=[read.path for read in refused])
        taken = set(posts.values_list("source_path", flat=True))
        for read in refused:
            if read.path in taken:
                continue
            data = self.container.read(self.site.root + read.path)
            SourceFile.objects.update_or_create(
                source=self.source,
                path=read.path,
                defaults={"role": SourceFile.Role.REFUSED, "size": len(data), "sha256": store_original(data)},
            )

    def _chunks(self) -> Iterator[list[Wanted]]:
        for paths in self._portions():
            known = (
                {
                    path: (sha256, fingerprint)
                    for path, sha256, fingerprint in Post.objects.filter(source=self.source, source_path__in=paths).values_list(
                        "source_path", "source_sha256", "source_fingerprint"
                    )
                }
                if self.source.pk
                else {}
            )
            yield [Wanted(path, known.get(path)) for path in paths]

    def _portions(self) -> Iterator[list[str]]:
        """The documents in order, as many at once as fit a chunk."""
        portion: list[str] = []
        size = 0
        for path in self.documents:
            if portion and (len(portion) == CHUNK or size + self.site.files[path].size > CHUNK_BYTES):
                yield portion
                portion, size = [], 0
            portion.append(path)
            size += self.site.files[path].size
        if portion:
            yield portion

    def _gone_posts(self) -> dict[str, Post]:
        """Posts of this source whose files are not in the archive, by sha256; none where the archive is only a part of it."""
        if not self.source.pk:
            return {}
        known = dict(self.source.posts.values_list("source_path", "pk"))
        here = set(self.documents)
        gone = [pk for path, pk in known.items() if path not in here]
        if not gone or 2 * len(gone) > len(known):
            return {}
        return {post.source_sha256: post for post in Post.objects.filter(pk__in=gone)}
