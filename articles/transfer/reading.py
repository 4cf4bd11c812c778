"""Reads and renders the files of a site, in this process or in a pool of them. Touches no database."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import read_document
from articles.formats.container import Container
from articles.formats.document import Document, Site
from articles.formats.values import values_of
from articles.markup import render
from articles.markup.document import Rendered
from articles.references import MemoryIndex
from articles.searchtext import FoundBy, find_by

PREFETCH = 2
BEAT = 2.0


@dataclass(frozen=True, slots=True)
class Job:
    """What every reader of a site needs. Sent once to each process.

    ``renders`` and ``indexes`` say how far a file is taken: to its HTML, and to what it is found by.
    """

    container: Container
    site: Site
    index: MemoryIndex
    language: str
    renders: bool = True
    indexes: bool = False


class Known(NamedTuple):
    """What is stored of the post that a file became at its last import."""

    sha256: str
    fingerprint: str
    pk: int
    permalink: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file to read: its path, what is known of it, and the sha256 of its content where somebody has read it already."""

    path: str
    known: Known | None = None
    sha256: str = ""

    def is_unchanged(self, sha256: str, fingerprint: str) -> bool:
        """Whether a file with these two is as it was at its last import."""
        return self.known is not None and (self.known.sha256, self.known.fingerprint) == (sha256, fingerprint)


@dataclass(frozen=True, slots=True)
class Read:
    """What became of one file: unchanged (only its sha256 set), a document, or a refusal.

    A refusal without sha256 is of a file whose bytes could not be had at all. ``found_by`` is worked out here because the
    processes that read may be many, and the one that writes is not.
    """

    path: str
    sha256: str = ""
    document: Document | None = None
    rendered: Rendered | None = None
    refusal: Finding | None = None
    known: Known | None = None
    found_by: FoundBy | None = None


def read_file(job: Job, wanted: Wanted) -> Read:
    """Reads one file, and renders it where the job says so."""
    sha256 = ""
    try:
        data = job.container.read(job.site.root + wanted.path)
        sha256 = hashlib.sha256(data).hexdigest()
        if wanted.is_unchanged(sha256, job.site.fingerprint):
            return Read(wanted.path, sha256, known=wanted.known)
        document = read_document(job.site, wanted.path, data, sha256=sha256)
    except RefusedFile as refused:
        return Read(wanted.path, sha256, refusal=refused.finding, known=wanted.known)
    except OSError as error:
        template = _("The file cannot be read (%(reason)s). Make it readable and import again.")
        refusal = Finding("unreadable", "error", template, {"reason": error.strerror or str(error)})
        return Read(wanted.path, refusal=refusal, known=wanted.known)
    if not job.renders:
        return Read(wanted.path, sha256, document)
    rendered = render(
        document.source.body,
        flavour=document.flavour,
        features=document.features,
        language=document.language or job.language,
        resolver=job.index.resolver(document.path, document.permalink or ""),
        title=document.title,
        values=values_of(document.source, document.features, job.site.values),
    )
    found_by = find_by(document.title, rendered.plain_text) if job.indexes else None
    return Read(wanted.path, sha256, document, rendered, found_by=found_by)


_job: list[Job] = []


def _take_job(job: Job) -> None:
    _job[:] = [job]
    # Ctrl-C reaches every process of the terminal: the parent decides what becomes of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if (parent := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    # This process lives for the job: what is loaded by now stays, and the collector need not walk it again and again.
    gc.freeze()


def _end_with(sentinel: int) -> None:
    """Ends this process when its parent has ended without a word: it would wait for ever."""
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def _read_files(wanted: list[Wanted]) -> list[Read]:
    return [read_file(_job[0], one) for one in wanted]


def _no_beat() -> None:
    """Whoever reads under no lease has nothing to renew."""


class Readers:
    """Reads chunks in order, with ``processes`` processes (0: in this one). A context manager.

    A file on which a process dies is refused by name; the others of its chunk are read again. ``beat`` is called every few
    seconds at least, and may raise.
    """

    def __init__(self, job: Job, processes: int, beat: Callable[[], None] | None = None) -> None:
        self.job = job
        self.processes = processes
        self.beat = beat or _no_beat
        self.pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        # As in the processes of the pool; but this process goes on afterwards.
        gc.freeze()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        gc.unfreeze()
        self._stop()

    def read(self, chunks: Iterable[list[Wanted]]) -> Iterator[list[Read]]:
        """One list of results per chunk, in the same order. Chunks are taken from the iterable only as needed.

        What is known to be unchanged is said here: no process is started, and no file opened, for it.
        """
        waiting: deque[tuple[list[Wanted], Future[list[Read]] | None]] = deque()
        for chunk in chunks:
            changed = [one for one in chunk if not self._is_unchanged(one)]
            waiting.append((chunk, self._submit(changed) if changed and self.processes else None))
            if len(waiting) > self.processes * PREFETCH:
                yield self._result(*waiting.popleft())
        while waiting:
            yield self._result(*waiting.popleft())

    def _is_unchanged(self, one: Wanted) -> bool:
        return bool(one.sha256) and one.is_unchanged(one.sha256, self.job.site.fingerprint)

    def _read_here(self, one: Wanted) -> Read:
        self.beat()
        return read_file(self.job, one)

    def _start(self) -> ProcessPoolExecutor:
        # A forked child would share this process's database connection.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.processes, mp_context=context, initializer=_take_job, initargs=(self.job,))

    def _submit(self, chunk: list[Wanted]) -> Future[list[Read]]:
        if self.pool is None:
            self.pool = self._start()
        try:
            return self.pool.submit(_read_files, chunk)
        except BrokenProcessPool:
            self._stop()
            self.pool = self._start()
            return self.pool.submit(_read_files, chunk)

    def _result(self, chunk: list[Wanted], future: Future[list[Read]] | None) -> list[Read]:
        changed = [one for one in chunk if not self._is_unchanged(one)]
        reads = [self._read_here(one) for one in changed] if future is None else self._await(changed, future)
        by_path = {read.path: read for read in reads}
        return [by_path.get(one.path) or Read(one.path, one.sha256, known=one.known) for one in chunk]

    def _await(self, changed: list[Wanted], future: Future[list[Read]]) -> list[Read]:
        while not wait([future], timeout=BEAT).done:
            self.beat()
        try:
            return future.result()
        except BrokenProcessPool:
            return [self._read_alone(one) for one in changed]

    def _read_alone(self, one: Wanted) -> Read:
        self.beat()
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn, initializer=_take_job, initargs=(self.job,)) as alone:
            try:
                return alone.submit(_read_files, [one]).result()[0]
            except BrokenProcessPool:
                template = _("Reading this file ended the process that read it: it is too complex. Split or simplify it.")
                return Read(one.path, refusal=Finding("too-complex", "error", template), known=one.known)

    def _stop(self) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
            self.pool = None
