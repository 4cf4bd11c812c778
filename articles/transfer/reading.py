"""Reads and renders the files of a site, in this process or in a pool of them. Touches no database."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import read_document
from articles.formats.container import Container
from articles.formats.document import Document, Site
from articles.markup import render
from articles.markup.document import Rendered
from articles.references import MemoryIndex

PREFETCH = 2


@dataclass(frozen=True, slots=True)
class Job:
    """What every reader of a site needs. Sent once to each process."""

    container: Container
    site: Site
    index: MemoryIndex
    language: str
    renders: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file to read. ``known`` is the sha256 and fingerprint of its last import, where there was one."""

    path: str
    known: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """What became of one file: unchanged (only its sha256 set), a document, or a refusal.

    A refusal without sha256 is of a file whose bytes could not be had at all.
    """

    path: str
    sha256: str = ""
    document: Document | None = None
    rendered: Rendered | None = None
    refusal: Finding | None = None


def read_file(job: Job, wanted: Wanted) -> Read:
    """Reads one file, and renders it where the job says so."""
    sha256 = ""
    try:
        data = job.container.read(job.site.root + wanted.path)
        sha256 = hashlib.sha256(data).hexdigest()
        if wanted.known == (sha256, job.site.fingerprint):
            return Read(wanted.path, sha256)
        document = read_document(job.site, wanted.path, data, sha256=sha256)
    except RefusedFile as refused:
        return Read(wanted.path, sha256, refusal=refused.finding)
    except OSError as error:
        template = _("The file cannot be read (%(reason)s). Make it readable and import again.")
        return Read(wanted.path, refusal=Finding("unreadable", "error", template, {"reason": error.strerror or str(error)}))
    if not job.renders:
        return Read(wanted.path, sha256, document)
    rendered = render(
        document.source.body,
        flavour=document.flavour,
        features=document.features,
        language=document.language or job.language,
        resolver=job.index.resolver(document.path, document.permalink or ""),
        title=document.title,
    )
    return Read(wanted.path, sha256, document, rendered)


_job: list[Job] = []


def _take_job(job: Job) -> None:
    _job[:] = [job]
    # This process lives for the job: what is loaded by now stays, and the collector need not walk it again and again.
    gc.freeze()


def _read_files(wanted: list[Wanted]) -> list[Read]:
    return [read_file(_job[0], one) for one in wanted]


class Readers:
    """Reads chunks in order, with ``processes`` processes (0: in this one). A context manager.

    A file on which a process dies is refused by name; the others of its chunk are read again.
    """

    def __init__(self, job: Job, processes: int) -> None:
        self.job = job
        self.processes = processes
        self.pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        # As in the processes of the pool; but this process goes on afterwards.
        gc.freeze()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        gc.unfreeze()
        self._stop()

    def read(self, chunks: Iterable[list[Wanted]]) -> Iterator[list[Read]]:
        """One list of results per chunk, in the same order. Chunks are taken from the iterable only as needed."""
        if not self.processes:
            for chunk in chunks:
                yield [read_file(self.job, one) for one in chunk]
            return
        waiting: deque[tuple[list[Wanted], Future[list[Read]]]] = deque()
        for chunk in chunks:
            waiting.append((chunk, self._submit(chunk)))
            if len(waiting) >= self.processes * PREFETCH:
                yield self._result(*waiting.popleft())
        while waiting:
            yield self._result(*waiting.popleft())

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

    def _result(self, chunk: list[Wanted], future: Future[list[Read]]) -> list[Read]:
        try:
            return future.result()
        except BrokenProcessPool:
            return [self._read_alone(one) for one in chunk]

    def _read_alone(self, one: Wanted) -> Read:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn, initializer=_take_job, initargs=(self.job,)) as alone:
            try:
                return alone.submit(_read_files, [one]).result()[0]
            except BrokenProcessPool:
                template = _("Reading this file ended the process that read it: it is too complex. Split or simplify it.")
                return Read(one.path, refusal=Finding("too-complex", "error", template))

    def _stop(self) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
            self.pool = None
