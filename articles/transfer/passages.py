"""One walk over an archive, whichever it is for: a pass of the command, a plan, or the application of a plan."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.contrib.auth.models import User

from articles.findings import Finding, RefusedFile
from articles.formats.container import open_archive
from articles.formats.document import Site
from articles.models import ImportItem, ImportRun, Source
from articles.transfer.choices import Choices
from articles.transfer.runs import OTHER_RIGHT, Lease, RightsLost, load_user
from articles.transfer.storing import Entry

Progress = Callable[[int, int], None]
GONE = (ImportItem.Verdict.MISSING, ImportItem.Verdict.WITHDRAW)
"""Verdicts of items that are no files: posts whose file went."""


@dataclass
class Passage:
    """One walk over an archive: who walks, by which choices, what may be written, and how far it is.

    ``is_planned``: the run's items are a plan, and only what they say may happen. ``describe`` is told of each document and
    its item, and makes the walk render though it ``writes`` nothing. ``only``: the paths to be looked at, where a plan is made
    anew in part.
    """

    run: ImportRun
    lease: Lease
    choices: Choices
    user: User | None
    processes: int | None = None
    writes: bool = True
    is_planned: bool = False
    describe: Callable[[Entry, ImportItem], None] | None = None
    only: frozenset[str] | None = None
    progress: Progress | None = None
    used: list[Source] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    done: int = 0
    total: int = 0

    def __post_init__(self) -> None:
        self.may_publish = _may_publish(self.user)
        self.excluded = frozenset(self.choices.excluded)
        self.journalled = self._load_journal()

    def _load_journal(self) -> dict[str, int]:
        """Path → key of the plan's items that are to be carried out, and ``0`` for what was carried out before."""
        items = self.run.items.exclude(verdict__in=GONE)
        if not self.is_planned:
            items = items.filter(applied_at__isnull=False)
        rows = items.values_list("path", "pk", "applied_at")
        return {path: pk if applied_at is None else 0 for path, pk, applied_at in rows.iterator()}

    @property
    def makes_plan(self) -> bool:
        """Whether this walk makes a plan, or a trial, of the whole archive."""
        return not self.writes and self.only is None

    def enter(self, stage: str) -> None:
        """Says which step begins."""
        self.lease.hold(stage=stage)

    def count(self, number: int) -> None:
        self.done += number
        if self.progress:
            self.progress(self.done, self.total)

    def check_rights(self) -> None:
        """Reads the account's rights anew. Raises RightsLost where it may not import any more, or publishes by other rights."""
        if self.user is None:
            return
        if _may_publish(load_user(self.run)) != self.may_publish:
            raise RightsLost(Finding("rights-changed", "error", OTHER_RIGHT, {"user": self.user.get_username()}))


def _may_publish(user: User | None) -> bool:
    return user is None or user.has_perm("articles.publish_post")


class RefusedArchive(Exception):
    """An archive of which nothing can be taken in. ``finding`` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def fingerprint_archive(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of the archive's bytes; of a folder, those of its list of files. ``(0, "")`` for what cannot be read."""
    digest = hashlib.sha256()
    try:
        if path.is_dir():
            members = open_archive(path).members
            for name, member in sorted(members.items()):
                digest.update(f"{member.size} {name}\n".encode("utf-8", "surrogatepass"))
            return sum(member.size for member in members.values()), digest.hexdigest()
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
            return file.tell(), digest.hexdigest()
    except (OSError, RefusedFile):
        # Opening it for the import says why.
        return 0, ""


def split_portions(paths: Iterable[str], site: Site, count: int, limit: int) -> Iterator[list[str]]:
    """Paths of the site in order, at most ``count`` and about ``limit`` bytes at once."""
    portion: list[str] = []
    size = 0
    for path in paths:
        if portion and (len(portion) == count or size + site.files[path].size > limit):
            yield portion
            portion, size = [], 0
        portion.append(path)
        size += site.files[path].size
    if portion:
        yield portion
