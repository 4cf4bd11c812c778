"""One file of a plan before and after: rendered as readers would see it, and line by line. Read on demand; nothing is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from articles.derive import moved
from articles.differences import Difference, compare_texts
from articles.editorial.permissions import visible_posts
from articles.findings import Finding, RefusedFile
from articles.formats import find_sites
from articles.formats.container import Container, open_archive
from articles.formats.document import Document, Site
from articles.links import as_resolved
from articles.markup.document import Link, Rendered
from articles.media import PublicCopy, make_public_copy
from articles.models import ImportItem, ImportRun, Post, Source
from articles.references import MemoryIndex, Place, wanted_names
from articles.transfer.archives import fetch_archive
from articles.transfer.attachments import plan_address, planned_media
from articles.transfer.choices import Choices
from articles.transfer.merging import Merger, render_document
from articles.transfer.reading import Job, Read, Wanted, read_file
from articles.transfer.runs import TransferError


class NoPreview(TransferError):
    """The file cannot be shown: the archive is gone, or changed since it was planned."""


@dataclass(frozen=True, slots=True)
class Preview:
    """``before`` and ``after`` are sanitised HTML, empty where there is none: a new post, or a file that went or was refused.

    ``is_hidden``: there is a post, but the user may not see it. Lines of ``findings`` count in the whole file.
    """

    title_before: str = ""
    title_after: str = ""
    address_before: str = ""
    address_after: str = ""
    before: str = ""
    after: str = ""
    difference: Difference = field(default_factory=lambda: Difference([]))
    findings: list[Finding] = field(default_factory=list)
    is_hidden: bool = False


def preview_item(run: ImportRun, item: ImportItem, user: User | None, *, address: Callable[[str], str] = plan_address) -> Preview:
    """What the file of ``item`` would make of its post. ``address`` gives where a page shows a picture that only the archive has.

    Its cost is that of opening the archive and rendering one text, both bounded. Raises NoPreview.
    """
    post = item.post
    is_hidden = post is not None and user is not None and not visible_posts(user).filter(pk=post.pk).exists()
    if is_hidden:
        post = None
    findings = [Finding.from_json(finding) for finding in item.findings]
    old = post.front_matter + post.body if post else ""
    known = Preview(
        title_before=post.title if post else "",
        address_before=post.path if post else "",
        before=post.body_html if post else "",
        findings=findings,
        is_hidden=is_hidden,
    )
    if item.verdict in (ImportItem.Verdict.MISSING, ImportItem.Verdict.WITHDRAW):
        return known
    container, site, path = _open(run, item)
    read, rendered, index = _read(run, container, site, path, item, address)
    if read.document is None:
        return known
    document = read.document
    if post is not None and post.is_edited and item.verdict in (ImportItem.Verdict.UPDATE, ImportItem.Verdict.UNCHANGED):
        document = _merge(run, site, post, document)
        if document is not read.document:
            rendered = render_document(document, index.resolver(document.path, document.permalink or ""), site.values)
    new = document.source.head + document.source.body
    return Preview(
        title_before=known.title_before,
        title_after=document.title,
        address_before=known.address_before,
        address_after=item.permalink,
        before=known.before,
        after=rendered.html if rendered else "",
        difference=compare_texts(old, new),
        findings=findings or _all_findings(read, rendered),
        is_hidden=is_hidden,
    )


def _merge(run: ImportRun, site: Site, post: Post, document: Document) -> Document:
    """What the post is to become where people changed it: the file with their changes, if both are to be brought together."""
    choices = Choices.from_json(run.choices)
    if choices.on_conflict == "replace":
        return document
    source = _source(run, site)
    choices = choices.over(source.choices if source else {})
    choices.fill(document)
    merger = Merger(site, choices.fill)
    merger.prepare([post])
    merge = merger.compare(post, document)
    return document if merge.questions else merge.settle().document


def read_planned_picture(run: ImportRun, path: str) -> PublicCopy:
    """A picture of the archive as readers would get it: verified and written anew. Raises NoPreview for anything else."""
    try:
        container = open_archive(_fetch(run))
        return make_public_copy(container.read(path), path)
    except (RefusedFile, KeyError) as error:
        raise NoPreview(_("“%(path)s” is no picture of this archive.") % {"path": path[:200]}) from error


def _fetch(run: ImportRun) -> Path:
    try:
        return fetch_archive(run)
    except OSError as error:
        template = _("The archive cannot be had now (%(reason)s). Try again later.")
        raise NoPreview(template % {"reason": error.strerror or type(error).__name__}) from error


def _open(run: ImportRun, item: ImportItem) -> tuple[Container, Site, str]:
    choices = Choices.from_json(run.choices)
    try:
        container = open_archive(_fetch(run))
        sites = find_sites(
            container,
            dialect=choices.dialect,
            timezone=choices.timezone or settings.TIME_ZONE,
            language=choices.language,
            encoding=choices.encoding,
        )
    except RefusedFile as refused:
        raise NoPreview(refused.finding.localised()) from refused
    for site in sorted(sites, key=lambda site: len(site.root), reverse=True):
        inner = item.path.removeprefix(site.root)
        if item.path.startswith(site.root) and inner in site.files:
            site.encoding = site.encoding or _entry(run, site).get("encoding", "")
            source = _source(run, site)
            choices.over(source.choices if source else {}).prepare(site)
            return container, site, inner
    raise NoPreview(_("“%(path)s” is not in the archive any more.") % {"path": item.path[:200]})


def _read(
    run: ImportRun, container: Container, site: Site, path: str, item: ImportItem, address: Callable[[str], str]
) -> tuple[Read, Rendered | None, MemoryIndex]:
    """Reads and renders the file; a second time once the posts that its references name are known."""
    index = _index_files(run, site, address)
    job = Job(container, site, index, settings.LANGUAGE_CODE)
    read = read_file(job, Wanted(path))
    if read.document is None:
        if read.refusal is not None and item.sha256 and read.sha256 != item.sha256:
            raise NoPreview(read.refusal.localised())
        return read, None, index
    if item.sha256 and read.sha256 != item.sha256:
        raise NoPreview(_("“%(path)s” changed since it was planned. Plan the import again.") % {"path": item.path[:200]})
    links = read.rendered.links if read.rendered else []
    if _index_posts(run, site, index, links, Place(path, item.permalink, site.base_path)):
        read = read_file(job, Wanted(path))
    return read, read.rendered, index


def _entry(run: ImportRun, site: Site) -> dict[str, Any]:
    """What the plan noted of the site."""
    return next((entry for entry in run.sites if entry["root"] == site.root), {})


def _source(run: ImportRun, site: Site) -> Source | None:
    """The source that the site belongs to, where it is known already."""
    key = _entry(run, site).get("source")
    return Source.objects.filter(pk=key).first() if key else None


def _index_files(run: ImportRun, site: Site, address: Callable[[str], str]) -> MemoryIndex:
    index = MemoryIndex(site.base_path, static_url=settings.STATIC_URL)
    source = _source(run, site)
    stored = {file.path: file for file in source.files.select_related("media")} if source else {}
    for path, file in sorted(site.files.items()):
        if file.role != "attachment":
            continue
        row = stored.get(path)
        is_known = row is not None and row.media is not None and row.size == file.size
        media = as_resolved(row.media) if is_known and row and row.media else planned_media(site.root + path, address)
        index.add_media(path, file.public_paths[0] if file.public_paths else "", media)
    return index


def _index_posts(run: ImportRun, site: Site, index: MemoryIndex, links: list[Link], place: Place) -> bool:
    """Tells the index of the posts that the references name, here or in the plan; whether there are any."""
    wanted = {name for link in links if link.kind != "image" for name in wanted_names(link.kind, link.target, place)}
    if not wanted:
        return False
    source = _source(run, site)
    posts = source.posts.all() if source else Post.objects.none()
    for path, permalink, title in posts.values_list("source_path", "path", "title").iterator():
        index.add_post(path, permalink, title, wanted)
    planned = run.items.filter(verdict=ImportItem.Verdict.CREATE, excluded=False, mapped__isnull=False)
    planned = planned.filter(path__startswith=site.root)
    for path, permalink, title in planned.values_list("path", "permalink", "mapped__title").iterator():
        index.add_post(path.removeprefix(site.root), permalink, title or "", wanted)
    return bool(index.posts)


def _all_findings(read: Read, rendered: Rendered | None) -> list[Finding]:
    document = read.document
    if document is None:
        return [read.refusal] if read.refusal else []
    lines = document.source.head.count("\n")
    return [*document.findings, *(moved(finding, lines) for finding in (rendered.findings if rendered else []))]
