"""The receipt of an export: what left, from which state of the site, by whom, and what could not be said.

It is written while the export runs: what it says of each file waits in a temporary file, not in memory.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from articles.findings import Finding

FORMAT = "kawaraban-receipt/1"
NAME = "kawaraban-receipt.json"
"""The receipt inside a zip that a browser downloads; an import passes it over."""
SUFFIX = f".{NAME}"
"""Behind the name of a folder or zip that a command writes: the receipt lies beside it."""
MAX_IN_MEMORY = 256 * 1024


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of an export. ``post`` is the address here of the post that it is, ``source`` the source it came from."""

    path: str
    sha256: str
    size: int
    post: str = ""
    source: str = ""
    findings: tuple[Finding, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data; what is empty is left out."""
        said: dict[str, Any] = {"path": self.path, "sha256": self.sha256, "size": self.size}
        if self.post:
            said["post"] = self.post
        if self.source:
            said["source"] = self.source
        if self.findings:
            said["findings"] = [finding.as_json() for finding in self.findings]
        return said

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FileEntry:
        """Raises KeyError, TypeError or ValueError for what is no entry."""
        return cls(
            str(data["path"]),
            str(data["sha256"]),
            int(data["size"]),
            str(data.get("post", "")),
            str(data.get("source", "")),
            tuple(map(Finding.from_json, data.get("findings", ()))),
        )


@dataclass(slots=True)
class Receipt:
    """What an export wrote. ``header`` is who, when, what; ``findings`` are those of no single file."""

    header: dict[str, Any] = field(default_factory=dict)
    entries: list[FileEntry] = field(default_factory=list)
    site_findings: list[Finding] = field(default_factory=list)

    @property
    def files(self) -> dict[str, str]:
        """The sha256 of each file by its path."""
        return {entry.path: entry.sha256 for entry in self.entries}

    @property
    def findings(self) -> list[Finding]:
        """All findings, those of the files first."""
        return [*(finding for entry in self.entries for finding in entry.findings), *self.site_findings]

    @property
    def posts(self) -> int:
        """How many of the files are posts."""
        return sum(1 for entry in self.entries if entry.post)

    @classmethod
    def from_json(cls, data: Any) -> Receipt:
        """A receipt as it was written. Raises ValueError, KeyError or TypeError for anything else."""
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError(FORMAT)
        header = {name: value for name, value in data.items() if name not in ("files", "findings", "totals")}
        entries = [FileEntry.from_json(entry) for entry in data["files"]]
        return cls(header, entries, [Finding.from_json(finding) for finding in data.get("findings", ())])


class ReceiptWriter:
    """Takes the entries one by one and gives the receipt as JSON at the end. A context manager."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        self.header = dict(header)
        self.findings: list[Finding] = []
        self.codes: Counter[str] = Counter()
        self.files = self.posts = self.bytes = 0
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY)  # noqa: SIM115
        self._digest = hashlib.sha256()

    def __enter__(self) -> ReceiptWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._spool.close()

    def add(self, entry: FileEntry) -> None:
        """Notes a file."""
        self._spool.write(_dump(entry.as_json()) + b"\n")
        self._digest.update(f"{entry.path}\0{entry.sha256}\n".encode())
        self.files += 1
        self.posts += bool(entry.post)
        self.bytes += entry.size
        self.codes.update(finding.code for finding in entry.findings)

    def lines(self) -> Iterator[bytes]:
        """The receipt, a few kilobytes at a time."""
        codes = self.codes + Counter(finding.code for finding in self.findings)
        totals = {"files": self.files, "posts": self.posts, "bytes": self.bytes, "findings": dict(sorted(codes.items()))}
        head = {"format": FORMAT, **self.header, "files_digest": self._digest.hexdigest(), "totals": totals}
        yield _dump(head)[:-1] + b',\n"findings": ['
        yield from _separated(_dump(finding.as_json()) for finding in self.findings)
        yield b'],\n"files": ['
        self._spool.seek(0)
        yield from _separated(line.rstrip(b"\n") for line in self._spool)
        yield b"\n]}\n"

    def entries(self) -> Iterator[FileEntry]:
        """What was noted, in order."""
        self._spool.seek(0)
        for line in self._spool:
            yield FileEntry.from_json(json.loads(line))


def _dump(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, sort_keys=False).encode("utf-8", "surrogatepass")


def _separated(lines: Iterable[bytes]) -> Iterator[bytes]:
    for number, line in enumerate(lines):
        yield (b",\n" if number else b"\n") + line
