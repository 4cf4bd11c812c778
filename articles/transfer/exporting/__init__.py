"""Writes posts and files out again: as they came, or as a new site in another generator's layout.

``prepare_export`` decides what leaves; ``export_posts`` writes it to a folder or zip on this machine, ``stream_export`` sends a
zip while it is being made. Nothing is held whole: not a file of the library, not the archive, not the receipt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from articles.editorial.permissions import Account, can_export
from articles.findings import Finding, RefusedFile
from articles.formats.layouts import LAYOUTS
from articles.formats.names import safe_name
from articles.markup import RENDERER_VERSION
from articles.models import Post, Source
from articles.stores import StoreError
from articles.transfer.digest import content_digest
from articles.transfer.exporting import receipts
from articles.transfer.exporting.files import missing_file
from articles.transfer.exporting.originals import OriginalSource
from articles.transfer.exporting.placing import PLAIN, SiteOptions
from articles.transfer.exporting.receipts import FileEntry, Receipt, ReceiptWriter
from articles.transfer.exporting.selecting import Selection, sees_everything, select_posts
from articles.transfer.exporting.sites import NewSite
from articles.transfer.exporting.targets import Member, Target, open_target, stream_zip
from articles.version import VERSION
from articles.whole import write_whole

__all__ = [
    "LAYOUT_NAMES",
    "ORIGINAL",
    "Export",
    "FileEntry",
    "Receipt",
    "Selection",
    "export_posts",
    "prepare_export",
    "stream_export",
]

ORIGINAL = "original"
LAYOUT_NAMES = (ORIGINAL, *LAYOUTS)
MAX_NAMED = 20
HERE = "kawaraban"
"""The folder of the new site (of posts that were written here), where an export has several folders."""

Progress = Callable[[int, int], None]


class Part(Protocol):
    """What leaves in one folder."""

    findings: list[Finding]

    @property
    def count(self) -> int:
        """How many posts it has."""
        ...

    def members(self) -> Iterator[Member]:
        """Its files, one after the other."""
        ...


@dataclass(slots=True)
class Export:
    """An export that was decided on and not yet written.

    ``is_everything``: the receipt states the digest of the site. ``findings`` are those of no part.
    """

    layout: str
    selection: Selection
    parts: list[Part]
    user: Account | None = None
    with_media: bool = True
    is_everything: bool = False
    findings: list[Finding] = field(default_factory=list)
    started_at: datetime = field(default_factory=timezone.now)

    @property
    def count(self) -> int:
        """How many posts leave."""
        return sum(part.count for part in self.parts)

    def header(self) -> dict[str, Any]:
        """What the receipt begins with."""
        return {
            "product": HERE,
            "version": VERSION,
            "renderer_version": RENDERER_VERSION,
            "site": settings.SITE_URL,
            "exported_at": self.started_at.isoformat(timespec="seconds"),
            "exported_by": self.user.get_username() if self.user is not None else "",
            "layout": self.layout,
            "selection": self.selection.as_json(),
            "with_media": self.with_media,
            "content_digest": "",
        }

    def write(self, target: Target, receipt: ReceiptWriter, progress: Progress | None = None) -> Iterator[None]:
        """Writes every file into ``target``, a step at a time, and notes each in ``receipt``.

        A file of the library that cannot be read is named in the receipt and left out. Raises OSError, with the path,
        where the target cannot be written.
        """
        done, total = 0, self.count
        for part in self.parts:
            for member in part.members():
                yield from _write_member(member, target, receipt)
                if member.post and progress is not None:
                    done += 1
                    progress(done, total)
            receipt.findings.extend(part.findings)
        receipt.findings.extend(self.findings)
        if self.is_everything:
            receipt.header["content_digest"] = content_digest()


def _write_member(member: Member, target: Target, receipt: ReceiptWriter) -> Iterator[None]:
    if member.path.startswith("/") or ".." in PurePosixPath(member.path).parts:
        template = _("“%(path)s” lies outside the export and was not written.")
        receipt.findings.append(Finding("outside", "error", template, {"path": member.path}))
        return
    try:
        chunks = member.open()
    except StoreError:
        # It is away as a whole: an export without its files would only look like one.
        raise
    except OSError as error:
        receipt.findings.append(missing_file(member.path, error))
        return
    digest, length = hashlib.sha256(), 0

    def counted() -> Iterator[bytes]:
        nonlocal length
        for part in chunks:
            digest.update(part)
            length += len(part)
            yield part

    yield from target.write(member.path, counted(), member.size)
    receipt.add(FileEntry(member.path, digest.hexdigest(), length, member.post, member.source, member.findings))


def prepare_export(
    selection: Selection | None = None, *, layout: str = ORIGINAL, user: Account | None = None, with_media: bool = True
) -> Export:
    """Decides what leaves: the chosen posts that ``user`` may see (``None``: the system), with the files that belong to them.

    ``original`` gives each source in a folder of its own (at the top where there is only one) where and as its files
    were; posts that were written here form a site of their own, as ``plain`` writes it. In any other layout sources of
    that dialect leave whole as they came, and all other posts form one new site. Files that belong to no chosen post
    (site files, attachments that no text shows) leave only with a whole source, and only for those who see all posts.

    Raises PermissionDenied where the user may not export, RefusedFile for a name that does not exist and where nothing
    would leave.
    """
    if not can_export(user):
        raise PermissionDenied("export_posts")
    selection = selection or Selection()
    posts = select_posts(selection, user)
    whole = selection.is_whole and sees_everything(user)
    parts = _Parts(posts, selection, layout, whole=whole, with_media=with_media).make()
    if not any(part.count for part in parts) and not whole:
        template = _("No post was chosen: none is as asked for, or none of them is yours to see.")
        raise RefusedFile(Finding("nothing-chosen", "error", template))
    is_everything = whole and not selection.source
    return Export(layout, selection, parts, user, with_media, is_everything, _find_drafts(posts))


def _find_drafts(posts: QuerySet[Post]) -> list[Finding]:
    """The record is what readers have: what is written beside it and not published yet stays at the desk."""
    drafts = posts.filter(pending__isnull=False).order_by("pk")
    if not (count := drafts.count()):
        return []
    template = _("Changes of %(count)d posts are not published and not in the files: publish them first. Among them: %(paths)s")
    shown = "、".join(drafts.values_list("path", flat=True)[:MAX_NAMED])
    return [Finding("changes-stay", "warning", template, {"count": count, "paths": shown})]


class _Parts:
    """The folders of an export."""

    def __init__(self, posts: Any, selection: Selection, layout: str, *, whole: bool, with_media: bool) -> None:
        self.posts, self.selection, self.layout = posts, selection, layout
        self.whole, self.with_media = whole, with_media
        self.taken: set[str] = set()

    def make(self) -> list[Part]:
        sources = self._sources()
        as_they_came = [source for source in sources if self._leaves_as_it_came(source)]
        others = [source for source in sources if source not in as_they_came]
        rest = self.posts.exclude(source__in=as_they_came) if as_they_came else self.posts
        has_rest = rest.exists()
        several = len(as_they_came) + has_rest > 1
        parts: list[Part] = [
            OriginalSource(
                source,
                self.posts,
                prefix=self._folder(source.name) if several else "",
                whole=self.whole,
                with_media=self.with_media,
            )
            for source in as_they_came
        ]
        if has_rest:
            parts.append(NewSite(rest, others, self._options(others, self._folder(HERE) if several else "")))
        return parts

    def _sources(self) -> list[Source]:
        """The sources of the chosen posts, and those that have nothing but other files where everything leaves."""
        rows = Source.objects.all()
        if self.selection.source:
            rows = rows.filter(name=self.selection.source)
        if not self.whole:
            rows = rows.filter(pk__in=self.posts.order_by().values("source").distinct())
        return sorted(rows, key=lambda source: source.name)

    def _leaves_as_it_came(self, source: Source) -> bool:
        if self.layout == ORIGINAL:
            return True
        return self.whole and source.dialect == self.layout and self.layout != PLAIN

    def _options(self, sources: Sequence[Source], prefix: str) -> SiteOptions:
        lone = sources[0] if len(sources) == 1 else None
        is_mixed = self.posts.filter(source__isnull=True).exists() if lone else True
        return SiteOptions(
            layout=PLAIN if self.layout == ORIGINAL else self.layout,
            title=(lone.title if lone and not is_mixed else "") or settings.SITE_URL.partition("://")[2],
            base_url=settings.SITE_URL,
            timezone=lone.timezone if lone and not is_mixed else settings.TIME_ZONE,
            language=(lone.language if lone and not is_mixed else "") or settings.LANGUAGE_CODE,
            prefix=prefix,
            whole=self.whole,
            with_media=self.with_media,
            takes_library=not self.selection.source,
        )

    def _folder(self, name: str) -> str:
        """A folder's name that every system can hold, and no other part of the export has."""
        folder = re.sub(r"[^\w.\-]+", "_", safe_name(name, "source")).strip("._") or "source"
        candidate, number = folder, 1
        while candidate.casefold() in self.taken:
            number += 1
            candidate = f"{folder}-{number}"
        self.taken.add(candidate.casefold())
        return candidate + "/"


def export_posts(
    target: Path,
    *,
    source_name: str = "",
    layout: str = ORIGINAL,
    as_zip: bool = False,
    selection: Selection | None = None,
    user: Account | None = None,
    with_media: bool = True,
    receipt_path: Path | None = None,
    progress: Progress | None = None,
) -> Receipt:
    """Writes an export (see :func:`prepare_export`) below ``target``, or into the zip ``target``, and gives its receipt.

    The target must not exist, or be an empty folder; it appears only when everything is written. ``receipt_path`` is
    where the receipt is written as a file, or ``None`` for nowhere: it never lies among the exported files, so that
    they are what they are said to be, and a zip of the same content has the same bytes.

    Raises RefusedFile where the target is taken, PermissionDenied, and OSError with the path where writing fails.
    """
    selection = selection or Selection(source=source_name)
    with open_target(target, as_zip=as_zip) as opened:
        export = prepare_export(selection, layout=layout, user=user, with_media=with_media)
        with ReceiptWriter(export.header()) as receipt:
            for _step in export.write(opened, receipt, progress):
                pass
            if receipt_path is not None:
                write_whole(receipt_path, receipt.lines(), prefix=".receipt-")
            return Receipt(dict(receipt.header), list(receipt.entries()), list(receipt.findings))


def stream_export(export: Export) -> Iterator[bytes]:
    """The export as a zip, sent while it is being made, with its receipt as the last member.

    A caller that stops early leaves nothing behind; an error ends the archive without its directory.
    """

    def write(target: Target) -> Iterator[None]:
        with ReceiptWriter(export.header()) as receipt:
            yield from export.write(target, receipt)
            yield from target.write(receipts.NAME, receipt.lines(), 0)

    yield from stream_zip(write)
