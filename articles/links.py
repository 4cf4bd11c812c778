"""Finds what posts refer to in the database, by the rules of :mod:`articles.references`.

Whatever the number of references, a constant number of queries loads the few rows that may be meant; which of them is,
the pure rules say. A post is found in its own source first, then among the posts made here, and at an address anywhere.
Only what the public may see is found: no page names the address of a draft.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, TypeVar

from django.conf import settings
from django.db.models import Q, QuerySet

from articles.addresses import MAX_PATH, file_spellings, host_of, spellings_of
from articles.findings import Finding
from articles.markup.document import LinkKind, ResolvedMedia
from articles.models import MediaFile, MediaVersion, Post, Redirect, Source, SourceFile
from articles.references import (
    MemoryIndex,
    Place,
    compose,
    find_mentions,
    link_key,
    link_names,
    media_paths,
    name_key,
    path_of,
    split_language,
)

T = TypeVar("T")
DOCUMENT_SUFFIXES = ("md", "markdown", "html", "txt", "mdx", "mkdn", "text")
MAX_ROWS = 2_000
"""Rows that one question loads. Thousands of files may share a name; exact paths and addresses are then asked for besides."""
_PORTION = 5_000  # SQLite takes 32,766 parameters, PostgreSQL 65,535


def as_resolved(media: MediaFile) -> ResolvedMedia:
    """How the renderer sees a library file. A file that readers do not get has an empty address, and the reason."""
    why = Finding.from_json(media.findings[0]) if media.findings and not media.url else None
    return ResolvedMedia(media.url, media.width, media.height, media.is_image, why)


def hosts_of(source: Source | None) -> frozenset[str]:
    """The hosts at which a source was to be read before."""
    host = host_of(source.base_url) if source else ""
    return frozenset({host}) if host else frozenset()


def place_of(post: Post) -> Place:
    """Where a post's text stands."""
    source = post.source
    return Place(post.source_path, post.path, source.base_path if source else "", post.language, hosts_of(source))


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference and the text it stands in. ``source`` is the key of the text's source, if it has one."""

    kind: LinkKind
    target: str
    place: Place
    source: int | None


class _Row(NamedTuple):
    source: int | None
    source_path: str
    path: str
    source_permalink: str
    title: str
    language: str


@dataclass(slots=True)
class _Wanted:
    """What a batch of references asks the database for."""

    names: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    file_keys: set[str] = field(default_factory=set)
    file_paths: set[str] = field(default_factory=set)
    public_paths: set[str] = field(default_factory=set)
    public_names: set[str] = field(default_factory=set)
    sources: set[int] = field(default_factory=set)
    is_anywhere: bool = False


class Library:
    """The posts and files that a batch of references may mean. Ask :meth:`load` first, then the others."""

    def __init__(self) -> None:
        self.posts: dict[int | None, MemoryIndex] = {}
        self.everywhere = MemoryIndex()
        self.media: dict[int | None, MemoryIndex] = {}
        self.files: dict[str, MediaFile] = {}
        self._files_of: dict[int, MediaFile] = {}
        self._seen: set[int] = set()
        self._sources: dict[str, list[Source]] | None = None

    @property
    def sources_by_host(self) -> dict[str, list[Source]]:
        """The sources by the host at which they were to be read; one query."""
        if self._sources is None:
            self._sources = {}
            for source in Source.objects.exclude(base_url="").order_by("pk"):
                self._sources.setdefault(host_of(source.base_url), []).append(source)
            self._sources.pop("", None)
        return self._sources

    @property
    def hosts(self) -> frozenset[str]:
        """Hosts whose absolute addresses may mean something here: those of all sources, and the site's own."""
        return frozenset(self.sources_by_host) | {host_of(settings.SITE_URL)}

    # --- answers

    def link(self, reference: Reference) -> str | None:
        """The address of the public post that a loaded reference means, or ``None``."""
        names = list(link_names(reference.kind, reference.target, reference.place))
        anywhere = [name for name in names if name[0] in ("permalink", "loose")]
        tries: list[tuple[MemoryIndex | None, list[tuple[str, str]]]]
        if reference.kind == "url":
            sources = self.sources_by_host.get(host_of(reference.target), [])
            tries = [*((self.posts.get(source.pk), names) for source in sources), (self.everywhere, names)]
        elif reference.source is None:
            tries = [(self.everywhere, names)]
        else:
            tries = [(self.posts.get(reference.source), names), (self.posts.get(None), names), (self.everywhere, anywhere)]
        language = split_language(reference.target, reference.place.language)[1]
        found = (index.find_post(names, language) for index, names in tries if index is not None)
        return next((target.permalink for target in found if target), None)

    def media_file(self, reference: Reference) -> MediaFile | None:
        """The library file that a loaded reference means, or ``None``."""
        target = reference.target
        if target.startswith(settings.MEDIA_URL):
            return self.files.get(target.removeprefix(settings.MEDIA_URL))
        if host := host_of(target):
            tries: list[tuple[int | None, str]] = [(source.pk, path_of(target)) for source in self.sources_by_host.get(host, [])]
        else:
            tries = [(reference.source, target)]
        for source, wanted in tries:
            index = self.media.get(source)
            if index and (found := index.find_media(wanted, reference.place)):
                return self._files_of[id(found)]
        return None

    # --- loading

    def load(self, references: Iterable[Reference]) -> None:
        """Loads what ``references`` may mean, in a number of queries that does not grow with theirs."""
        wanted = _Wanted()
        for reference in references:
            if "\x00" not in reference.target:
                self._want(reference, wanted)
        if wanted.names or wanted.file_keys or wanted.public_names:
            self._load_posts(wanted)
            self._load_files(wanted)

    def _want(self, reference: Reference, wanted: _Wanted) -> None:
        kind, target, place = reference.kind, reference.target, reference.place
        host = host_of(target)
        if reference.source is None:
            wanted.is_anywhere = True
        else:
            wanted.sources.add(reference.source)
        if host:
            wanted.sources.update(source.pk for source in self.sources_by_host.get(host, ()))
        if target.startswith(settings.MEDIA_URL):
            wanted.public_names.add(target.removeprefix(settings.MEDIA_URL))
            return
        if kind != "image":
            wanted.keys.add(link_key(kind, target, place))
            _want_posts(kind, target, place, wanted)
        for by, value in [("public", path_of(target))] if host else media_paths(target, place):
            wanted.file_keys.add(name_key(value))
            if by == "public":
                wanted.public_paths.update(file_spellings(value))
            elif by == "path":
                wanted.file_paths.add(value)

    def _load_posts(self, wanted: _Wanted) -> None:
        public = Post.objects.published().order_by("pk")
        of_sources = public.filter(source__in=wanted.sources)
        rows: dict[int, _Row] = {}
        is_cut = False
        for keys in portions(sorted(wanted.keys), _PORTION // 3):
            # Of all sources, though few may be meant: asked for together with the source, a whole source would be read.
            named = _read_posts(public.filter(Q(name_key__in=keys) | Q(title_key__in=keys) | Q(address_key__in=keys)))
            is_cut, rows = is_cut or len(named) == MAX_ROWS, rows | named
        for addresses in portions(sorted(wanted.addresses), _PORTION):
            rows |= _read_posts(public.filter(path__in=addresses))
        # Only where the names are common: among all posts of a name, those at the paths may not have been read.
        for paths in portions(sorted(wanted.paths) if wanted.sources and is_cut else [], _PORTION):
            rows |= _read_posts(of_sources.filter(source_path__in=paths))
        former = self._load_former(wanted, rows)
        for pk in sorted(rows):
            row = rows[pk]
            addresses = [*([row.source_permalink] if row.source_permalink else []), *former.get(pk, ())]
            for index in (self.posts.setdefault(row.source, MemoryIndex()), self.everywhere):
                index.add_post(row.source_path, row.path, row.title, wanted.names, former=addresses, language=row.language)

    def _load_former(self, wanted: _Wanted, rows: dict[int, _Row]) -> dict[int, list[str]]:
        """Former addresses that are asked for, by post; the posts that only these name are added to ``rows``."""
        former: dict[int, list[str]] = {}
        for addresses in portions(sorted(wanted.addresses), _PORTION):
            redirects = Redirect.objects.filter(old_path__in=addresses).order_by("pk")
            for old_path, pk in redirects.values_list("old_path", "post_id"):
                former.setdefault(pk, []).append(old_path)
        for keys in portions([pk for pk in former if pk not in rows], _PORTION):
            rows |= _read_posts(Post.objects.published().filter(pk__in=keys).order_by("pk"))
        return former

    def _load_files(self, wanted: _Wanted) -> None:
        files = SourceFile.objects.filter(media__isnull=False).select_related("media").order_by("path", "pk")
        of_sources = files.filter(source__in=wanted.sources)
        found: list[QuerySet[SourceFile]] = []
        if wanted.sources:
            found += [of_sources.filter(name_key__in=keys) for keys in portions(sorted(wanted.file_keys), _PORTION)]
            found += [of_sources.filter(path__in=paths) for paths in portions(sorted(wanted.file_paths), _PORTION)]
        near = files if wanted.is_anywhere else of_sources
        found += [near.filter(public_path__in=paths) for paths in portions(sorted(wanted.public_paths), _PORTION)]
        for file in sorted(chain.from_iterable(rows[:MAX_ROWS] for rows in found), key=lambda file: (file.path, file.pk)):
            if file.pk not in self._seen and file.media is not None:
                self._seen.add(file.pk)
                self._add_file(file, file.media)
        for names in portions(sorted(wanted.public_names), _PORTION):
            self.files |= {media.public_name: media for media in MediaFile.objects.filter(public_name__in=names)}
            # A text goes on naming the address that a file had before another took its place.
            former = MediaVersion.objects.filter(public_name__in=set(names) - self.files.keys()).select_related("media")
            self.files |= {version.public_name: version.media for version in former}

    def _add_file(self, file: SourceFile, media: MediaFile) -> None:
        resolved = as_resolved(media)
        self._files_of[id(resolved)] = media
        self.media.setdefault(file.source_id, MemoryIndex()).add_media(file.path, file.public_path, resolved)
        # A text made here names a file by the address at which some source had it.
        if file.public_path:
            self.media.setdefault(None, MemoryIndex()).media.setdefault(f"public:{compose(file.public_path)}", resolved)


def portions(values: Collection[T], size: int) -> Iterator[list[T]]:
    """``values`` in their order, ``size`` at a time."""
    rows = list(values)
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _want_posts(kind: LinkKind, target: str, place: Place, wanted: _Wanted) -> None:
    for by, value in link_names(kind, target, place):
        wanted.names.add(f"{by}:{value}")
        if by == "permalink" and len(value) <= MAX_PATH:
            wanted.addresses.update(spellings_of(value))
        elif by == "path":
            wanted.paths.update([f"{value}.{suffix}" for suffix in DOCUMENT_SUFFIXES])
            wanted.paths.update([f"{value}/index.md", f"{value}/_index.md"])


def _read_posts(posts: QuerySet[Post]) -> dict[int, _Row]:
    columns = ("pk", "source_id", "source_path", "path", "source_permalink", "title", "language")
    return {pk: _Row(*values) for pk, *values in posts.values_list(*columns)[:MAX_ROWS]}


class DatabaseResolver:
    """A :class:`articles.markup.document.Resolver` for one post.

    What the text mentions is loaded at the first question; what only the rendering finds is asked for singly.
    """

    def __init__(self, post: Post) -> None:
        self.post = post
        self.place = place_of(post)
        self.library = Library()
        self._loaded: set[tuple[str, str]] = set()

    @property
    def hosts(self) -> frozenset[str]:
        return self.library.hosts

    def link(self, kind: LinkKind, target: str) -> str | None:
        return self.library.link(self._reference(kind, target))

    def media(self, target: str) -> ResolvedMedia | None:
        if file := self.media_file(target):
            return as_resolved(file)
        # The site's own. Asked last: old sites had folders of this name, too.
        return ResolvedMedia(target) if target.startswith(settings.STATIC_URL) else None

    def media_file(self, target: str) -> MediaFile | None:
        """The library file that ``target`` names, for covers too."""
        return self.library.media_file(self._reference("image", target))

    def _reference(self, kind: LinkKind, target: str) -> Reference:
        reference = Reference(kind, target, self.place, self.post.source_id)
        if (kind, target) not in self._loaded:
            mentions = set(find_mentions(self.post.body)) if not self._loaded else set()
            new = {(kind, target), *mentions} - self._loaded
            self._loaded |= new
            self.library.load(Reference(kind, target, self.place, self.post.source_id) for kind, target in new)
        return reference
