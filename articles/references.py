"""Finds what a text refers to, by the ways in which Markdown sites name their posts and files. Pure: no database.

One set of rules, two stores: an import asks a mapping held in memory, the desk asks the database (``articles.links``).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from articles.formats.terms import identity
from articles.markup.document import LinkKind, ResolvedMedia

DOCUMENT_SUFFIX = re.compile(r"\.(md|markdown|mkdn?|mdown|mdx|rmd|html?|txt|text)$", re.IGNORECASE)
POST_NAME = re.compile(r"^(?:\d{4}-\d{1,2}-\d{1,2}-)?(?P<name>.+)$")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands: its path in its source (``""`` for a post made here) and its permalink."""

    path: str = ""
    permalink: str = ""
    base_path: str = ""


def media_paths(target: str, place: Place) -> Iterator[tuple[str, str]]:
    """The files that ``target`` may mean, best first, as ``("path" | "public" | "name", value)``.

    A relative target is looked for beside the document, then at the address it has seen from the permalink
    (both occur: Hugo bundles and Obsidian do the first, Jekyll the second); a bare name anywhere (Obsidian).
    """
    if "://" in target or target.startswith(("//", "data:", "#")) or not target:
        return
    clean = target.split("?")[0]
    if clean.startswith("/"):
        public = posixpath.normpath(clean)
        yield "public", public
        if place.base_path and not public.startswith(place.base_path + "/"):
            yield "public", place.base_path + public
        yield "path", public.lstrip("/")
        return
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(place.path), clean))
    if not beside.startswith(".."):
        yield "path", beside
    if place.permalink:
        yield "public", posixpath.normpath(posixpath.join(posixpath.dirname(place.permalink + "x"), clean))
    if not clean.startswith("."):
        yield "path", posixpath.normpath(clean)
    yield "name", posixpath.basename(clean)


def link_names(kind: LinkKind, target: str, place: Place) -> Iterator[tuple[str, str]]:
    """The posts that ``target`` may mean, best first, as ``("path" | "permalink" | "stem" | "title", value)``.

    ``path`` values have no suffix. Rules: Hugo's ``ref`` and ``relref`` take a path beside the page or below the
    content folder, or a bare name; Jekyll's ``post_url`` the name of a post's file; Obsidian's wikilinks a path, a
    file's name or a title.
    """
    if not target or "://" in target:
        return
    if kind == "path":
        if target.startswith("/"):
            yield "permalink", target
            if DOCUMENT_SUFFIX.search(target):
                yield "path", DOCUMENT_SUFFIX.sub("", target.lstrip("/"))
        elif DOCUMENT_SUFFIX.search(target):
            beside = posixpath.normpath(posixpath.join(posixpath.dirname(place.path), target))
            if not beside.startswith(".."):
                yield "path", DOCUMENT_SUFFIX.sub("", beside)
        return
    bare = DOCUMENT_SUFFIX.sub("", target).rstrip("/")
    inner = bare.lstrip("/")
    if not inner:
        return
    if not bare.startswith("/"):
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(place.path), inner))
        if not beside.startswith(".."):
            yield "path", beside
    for folder in ("", "content/", "_posts/", "source/_posts/", "source/"):
        yield "path", folder + inner
    if kind == "ref" or kind == "relref":
        yield "permalink", f"{place.base_path}/{inner}/"
    yield "stem", identity(posixpath.basename(inner))
    if kind == "wikilink" or kind == "embed":
        yield "title", identity(target)


def stem_of(path: str) -> str:
    """The path without its suffix; an ``index`` file stands for its folder."""
    stem = DOCUMENT_SUFFIX.sub("", path)
    folder, name = posixpath.split(stem)
    return folder if name in ("index", "_index") and folder else stem


def wanted_names(kind: LinkKind, target: str, place: Place) -> Iterator[str]:
    """The keys under which a :class:`MemoryIndex` would have to know the target."""
    return (f"{by}:{value}" for by, value in link_names(kind, target, place))


@dataclass(slots=True)
class MemoryIndex:
    """The posts and files of one source, for an import. Plain data: it is sent to worker processes."""

    base_path: str = ""
    media: dict[str, ResolvedMedia] = field(default_factory=dict)
    posts: dict[str, str] = field(default_factory=dict)

    def add_media(self, path: str, public_path: str, media: ResolvedMedia) -> None:
        self.media[f"path:{path}"] = media
        if public_path:
            self.media.setdefault(f"public:{public_path}", media)
        self.media.setdefault(f"name:{posixpath.basename(path)}", media)

    def add_post(self, path: str, permalink: str, title: str, wanted: Container[str]) -> None:
        """Adds those names of a post that are ``wanted`` (keys of :func:`wanted_names`); the first post of a name keeps it."""
        stem = stem_of(path)
        name = posixpath.basename(stem)
        dated = POST_NAME.match(name)
        keys = {f"path:{stem}", f"permalink:{permalink}", f"stem:{identity(name)}", f"title:{identity(title)}"}
        if dated:
            keys.add(f"stem:{identity(dated['name'])}")
        for key in keys:
            if key in wanted:
                self.posts.setdefault(key, permalink)

    def resolver(self, path: str, permalink: str) -> MemoryResolver:
        return MemoryResolver(self, Place(path, permalink, self.base_path))


@dataclass(frozen=True, slots=True)
class MemoryResolver:
    """A :class:`articles.markup.document.Resolver` over a :class:`MemoryIndex`."""

    index: MemoryIndex
    place: Place

    def link(self, kind: LinkKind, target: str) -> str | None:
        found = (self.index.posts.get(name) for name in wanted_names(kind, target, self.place))
        return next((url for url in found if url), None)

    def media(self, target: str) -> ResolvedMedia | None:
        found = (self.index.media.get(f"{by}:{value}") for by, value in media_paths(target, self.place))
        return next((media for media in found if media), None)
