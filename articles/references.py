"""Finds what a text refers to, by the ways in which Markdown sites name their posts and files. Pure: no database.

One set of rules, two stores: an import asks a mapping held in memory, the desk asks the database (``articles.links``),
which loads the few rows that may be meant into such a mapping.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import NamedTuple
from urllib.parse import unquote

from articles.addresses import host_of, loose_form, with_number
from articles.formats.terms import identity
from articles.markup.document import LinkKind, ResolvedMedia

DOCUMENT_SUFFIX = re.compile(r"\.(md|markdown|mkdn?|mdown|mdx|rmd|html?|txt|text)$", re.IGNORECASE)
MARKDOWN_SUFFIX = re.compile(r"\.(md|markdown|mkdn?|mdown|mdx|rmd)$", re.IGNORECASE)
POST_NAME = re.compile(r"^(?:\d{4}-\d{1,2}-\d{1,2}-)?(?P<name>.+)$")
MAX_KEY = 60
"""Longer keys would, together with a long address, outgrow what PostgreSQL can index. They only find who may be meant."""
_LANGUAGE_SUFFIX = re.compile(r"(?<=.)\.[a-z]{2,3}(?:-[a-z0-9]{2,8})?$")
_NUMBER = re.compile(r"-(\d{1,6})(?:/|\.[A-Za-z][A-Za-z0-9]{0,4})?$")
_UNNAMED = ("", ".", "..", "index", "_index")
_DOTS = re.compile(r"^(?:\.{1,2}/)+")
_ASKED_LANGUAGE = re.compile(r"\?lang=([A-Za-z0-9-]+)$")
_WIKI: tuple[LinkKind, ...] = ("wikilink", "embed")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands: its path in its source (``""`` for a post made here), its permalink and its language.

    ``base_path`` is the sub-path of its source, ``hosts`` the hosts at which that source was to be read
    (:func:`articles.addresses.host_of`).
    """

    path: str = ""
    permalink: str = ""
    base_path: str = ""
    language: str = ""
    hosts: frozenset[str] = frozenset()


# --- Mentions ---------------------------------------------------------------------------------------------------------

_MENTION = re.compile(
    r"""\]\(\s*(?:<(?P<angled>[^<>\n]{1,2000})>|(?P<inline>[^\s()<>]{1,2000}(?:\([^\s()]{0,500}\)[^\s()<>]{0,500})?))
    |^[ ]{0,3}\[[^\]\n]{1,300}\]:[ \t]*<?(?P<defined>[^\s<>]{1,2000})
    |\b(?:href|src|poster|url|image|image_path|filename|link)\s*=\s*
        (?:"(?P<double>[^"\n]{1,2000})"|'(?P<single>[^'\n]{1,2000})'|(?P<unquoted>[^\s"'<>`=]{1,2000}))
    |\[\[(?P<wiki>[^\[\]|\n]{1,300})
    |\{[{%][<%-]?\s*(?P<tag>ref|relref|post_url|link|post_link|post_path|asset_\w+|img|image|figure)\s(?P<arguments>[^{}\n]{1,600})
    |(?P<bare>https?://[^\s<>"'()）」。、]{1,2000})""",
    re.VERBOSE | re.MULTILINE,
)
_ARGUMENT = re.compile(r"""(?:(\w+)\s*=\s*)?(?:"([^"]*)"|'([^']*)'|([^\s"'%>]+))""")
_FILE_KEYS = ("src", "url", "image", "image_path", "filename", "link")
_TAG_KINDS: dict[str, LinkKind] = {
    "ref": "ref",
    "relref": "relref",
    "post_url": "post_url",
    "link": "link",
    "post_link": "hexo_post",
    "post_path": "hexo_post",
}


def find_mentions(text: str) -> Iterator[tuple[LinkKind, str]]:
    """What a Markdown text may refer to, each as its rendering will ask for it; more rather than less.

    Read without parsing, so that all of it can be looked up at once. What it overlooks is merely looked up later.
    """
    for match in _MENTION.finditer(text):
        if match["wiki"]:
            name = unescape(match["wiki"]).partition("#")[0].strip()
            yield from (("wikilink", name), ("embed", name), ("image", name))
        elif tag := match["tag"]:
            yield from _tag_mentions(tag, match["arguments"])
        else:
            written = next(filter(None, match.groups()), "")
            address = unescape(written).strip().partition("#")[0].partition("?")[0]
            yield ("url" if host_of(address) else "path"), unquote(address)
            yield "image", unquote(address)


def _tag_mentions(tag: str, arguments: str) -> Iterator[tuple[LinkKind, str]]:
    found = [(match[1] or "", match[2] or match[3] or match[4] or "") for match in _ARGUMENT.finditer(arguments)]
    named = {name: value for name, value in found if name}
    first = named.get("path") or next((value for name, value in found if not name), "")
    target = unquote(first.partition("#")[0].partition("?")[0])
    if kind := _TAG_KINDS.get(tag):
        yield kind, f"{target}?lang={named['lang']}" if named.get("lang") else target
    yield from (("image", unquote(value.partition("?")[0])) for name, value in found if name in _FILE_KEYS)
    yield "image", target


# --- Names ------------------------------------------------------------------------------------------------------------


def name_key(text: str) -> str:
    """What a path, an address, a title and a reference to them have in common: by it the database finds who may be meant.

    The last part without date, suffix and language, as an identity. Equal for everything that :func:`link_names` takes
    for one name, and for more: whether it is the same is decided there.
    """
    # First the identity: a full-width solidus of a title divides it as the ordinary one of a wikilink does.
    stem = stem_of(identity(text.partition("?lang=")[0]).rstrip("/"))
    dated = POST_NAME.match(posixpath.basename(stem))
    return _LANGUAGE_SUFFIX.sub("", dated["name"] if dated else "")[:MAX_KEY]


def search_key(title: str, path: str) -> str:
    """What the desk's list is searched in: title and address as identities, so that width and case make no difference.

    Bounded, because it stands in an index whose entries are. An identity can be longer than its text.
    """
    return f"{identity(title)[:300]}\n{identity(path)[:330]}"


def address_key(permalink: str, asked: str) -> str:
    """The :func:`name_key` of a post's address: of the one that its file asked for, where it only got a number."""
    numbered = _NUMBER.search(permalink) if asked and asked != permalink else None
    return name_key(asked if numbered and with_number(asked, int(numbered[1])) == permalink else permalink)


def link_key(kind: LinkKind, target: str, place: Place) -> str:
    """The :func:`name_key` of what ``target`` means, seen from ``place``: of ``../`` it is the folder's name."""
    if kind == "url":
        return name_key(path_of(target))
    path = target.partition("?lang=")[0]
    if not path.startswith("/") and posixpath.basename(stem_of(path.rstrip("/"))) in _UNNAMED:
        is_file = kind != "path" or DOCUMENT_SUFFIX.search(path)
        folder = posixpath.dirname(place.path if is_file else place.permalink + "x")
        path = posixpath.normpath(posixpath.join(folder, path))
    return name_key(path)


def stem_of(path: str) -> str:
    """The path without its suffix; an ``index`` file stands for its folder."""
    stem = DOCUMENT_SUFFIX.sub("", path)
    folder, name = posixpath.split(stem)
    return folder if name in ("index", "_index") and folder else stem


def fold(path: str) -> str:
    """A path without regard to case and composition: file systems differ about both."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def compose(path: str) -> str:
    """A path composed (NFC): archives made on macOS hold decomposed names."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def path_of(address: str) -> str:
    """The path of an absolute address that is decoded already and has neither query nor fragment."""
    _authority, slash, path = address.partition("//")[2].partition("/")
    return slash + path or "/"


def media_paths(target: str, place: Place) -> Iterator[tuple[str, str]]:
    """The files that ``target`` may mean, best first, as ``("path" | "public" | "name", value)``.

    A relative target is looked for beside the document, then at the address it has seen from the permalink
    (both occur: Hugo bundles and Obsidian do the first, Jekyll the second); a bare name anywhere (Obsidian).
    An absolute address means a file of the place's own source, or none.
    """
    if "://" in target or target.startswith("//"):
        if host_of(target) in place.hosts:
            yield "public", posixpath.normpath(compose(path_of(target)))
        return
    if target.startswith(("data:", "#")) or not target:
        return
    clean = compose(target.split("?")[0])
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
    yield "name", _DOTS.sub("", posixpath.normpath(clean))


def link_names(kind: LinkKind, target: str, place: Place) -> Iterator[tuple[str, str]]:
    """The posts that ``target`` may mean, best first, each name once.

    Names are ``("path" | "fold" | "tail" | "permalink" | "loose" | "stem" | "title", value)``. ``path`` is that of a file
    without suffix, ``fold`` the same without regard to case, ``tail`` the end of one; ``permalink`` is an address as
    written, ``loose`` in one form for all its spellings. Rules: Hugo's ``ref`` and ``relref`` take a path beside the page
    or below the content folder, or a bare name; Jekyll's ``post_url`` the name of a post's file and ``link`` a path from
    the site's root; Obsidian's wikilinks a path, the end of one, a file's name or a title. Of an absolute address (kind
    ``url``) only the path is looked at: whose host it is, is the caller's question.
    """
    if not target:
        return iter(())
    if kind == "url":
        return iter(dict.fromkeys(_address_names(compose(path_of(target)), "")))
    if "://" in target:
        return iter(())
    names = _path_names(compose(target), place) if kind == "path" else _reference_names(kind, compose(target), place)
    return iter(dict.fromkeys(names))


def _address_names(path: str, base_path: str) -> Iterator[tuple[str, str]]:
    paths = [path]
    if base_path and not path.startswith(base_path + "/"):
        paths.append(base_path + path)
    for one in paths:
        yield "permalink", one
    for one in paths:
        yield "loose", loose_form(one)


def _path_names(target: str, place: Place) -> Iterator[tuple[str, str]]:
    """An ordinary link: an address from the root, or a path or address beside the page."""
    if target.startswith("@/"):
        # Zola's links begin at its content folder.
        yield from _exact_then_folded([stem_of("content/" + target[2:])])
        return
    is_document = DOCUMENT_SUFFIX.search(target) is not None
    if target.startswith("/"):
        yield from _address_names(target, place.base_path)
        if is_document or target.startswith("/articles/"):
            # Zenn's articles name each other by their path without a suffix.
            yield from _exact_then_folded([stem_of(target.lstrip("/"))])
        return
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(place.path), target))
    if is_document and not beside.startswith(".."):
        yield from _exact_then_folded([stem_of(beside)])
    if place.permalink:
        seen = posixpath.normpath(posixpath.join(posixpath.dirname(place.permalink + "x"), target))
        yield from _address_names(seen + ("/" if target.endswith("/") and seen != "/" else ""), "")
    if MARKDOWN_SUFFIX.search(target) and not target.startswith("."):
        yield from _exact_then_folded([stem_of(posixpath.normpath(target))])
        yield "tail", fold(stem_of(posixpath.normpath(target)))


def _reference_names(kind: LinkKind, target: str, place: Place) -> Iterator[tuple[str, str]]:
    target, language = split_language(target, place.language)
    inner = stem_of(target.rstrip("/")).lstrip("/")
    if not inner:
        return
    paths = []
    if not target.startswith("/") and kind != "link":
        folder = posixpath.dirname(place.path)
        paths.append(posixpath.join(folder, inner))
        if kind in ("ref", "relref") and folder and stem_of(place.path) == folder:
            # A page bundle's neighbours lie beside its folder.
            paths.append(posixpath.join(posixpath.dirname(folder), inner))
    folders = ["", "content/", "_posts/", "source/_posts/", "source/"]
    if language:
        folders.insert(2, f"content/{language}/")
    paths += [folder + inner for folder in folders]
    normal = [posixpath.normpath(path) for path in paths]
    yield from _exact_then_folded([stem_of(path) for path in normal if not path.startswith("..")])
    if kind in ("ref", "relref"):
        yield from _address_names(f"{place.base_path}/{inner}/", "")
    if kind in _WIKI and "/" in inner:
        yield "tail", fold(inner)
    else:
        yield "stem", identity(posixpath.basename(inner))
    if kind in _WIKI:
        yield "title", identity(target)


def _exact_then_folded(paths: list[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        yield "path", path
    for path in paths:
        yield "fold", fold(path)


def split_language(target: str, language: str = "") -> tuple[str, str]:
    """A target and the language in which it is wanted: that of ``?lang=`` (from ``ref … lang="fr"``), else the page's."""
    asked = _ASKED_LANGUAGE.search(target)
    return (target[: asked.start()], asked[1]) if asked else (target, language)


def wanted_names(kind: LinkKind, target: str, place: Place) -> Iterator[str]:
    """The keys under which a :class:`MemoryIndex` would have to know the target."""
    return (f"{by}:{value}" for by, value in link_names(kind, target, place))


# --- The store --------------------------------------------------------------------------------------------------------


class Target(NamedTuple):
    """A post that a name may mean. The smallest that has the wanted language is meant.

    ``is_variant``: the name is that of the file it translates (``a.fr.md`` for ``a.md``). ``depth`` counts folders:
    Obsidian takes the shortest path.
    """

    depth: int
    is_variant: bool
    path: str
    permalink: str
    language: str


@dataclass(slots=True)
class MemoryIndex:
    """The posts and files of one source. Plain data: an import sends it to worker processes.

    ``static_url`` is where the site's own files lie, which no archive brings.
    ``hosts`` are those of the source itself, ``known_hosts`` those of other sources, whose addresses are noted as
    references although they are not known here.
    """

    base_path: str = ""
    media: dict[str, ResolvedMedia] = field(default_factory=dict)
    posts: dict[str, list[Target]] = field(default_factory=dict)
    hosts: frozenset[str] = frozenset()
    known_hosts: frozenset[str] = frozenset()
    names: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    static_url: str = ""

    def add_media(self, path: str, public_path: str, media: ResolvedMedia) -> None:
        path, public_path = compose(path), compose(public_path)
        self.media[f"path:{path}"] = media
        if public_path:
            self.media.setdefault(f"public:{public_path}", media)
        self.names.setdefault(fold(posixpath.basename(path)), []).append((path, public_path))

    def add_post(
        self,
        path: str,
        permalink: str,
        title: str,
        wanted: Container[str],
        *,
        former: Iterable[str] = (),
        language: str = "",
    ) -> None:
        """Adds those names of a post that are ``wanted`` (keys of :func:`wanted_names`).

        ``former`` are addresses that it had, ``path`` is empty for a post made here.
        """
        stem = compose(stem_of(path)) if path else stem_of(permalink.rstrip("/")).strip("/")
        target = Target(stem.count("/"), False, stem, permalink, language)
        keys = {f"title:{identity(title)}", *_stem_keys(posixpath.basename(stem))}
        if path:
            keys |= _path_keys(stem)
        for address in (permalink, *former):
            keys |= {f"permalink:{address}", f"loose:{loose_form(address)}"}
        self._add(keys, target, wanted)
        base, dot, suffix = stem.rpartition(".")
        if dot and language and suffix.casefold() == language.casefold():
            more = _path_keys(base) | _stem_keys(posixpath.basename(base))
            self._add(more - keys, target._replace(is_variant=True), wanted)

    def _add(self, keys: set[str], target: Target, wanted: Container[str]) -> None:
        for key in keys:
            if key in wanted:
                self.posts.setdefault(key, []).append(target)

    def find_post(self, names: Iterable[tuple[str, str]], language: str = "") -> Target | None:
        """The post that the first known of ``names`` means."""
        for by, value in names:
            if targets := self.posts.get(f"{by}:{value}"):
                if len(targets) == 1:
                    return targets[0]
                return min(targets, key=lambda target: (target.language.casefold() != language.casefold(), target))
        return None

    def find_media(self, target: str, place: Place) -> ResolvedMedia | None:
        """The file that ``target`` means: by exact names first, then whatever the case of the letters."""
        names = list(media_paths(target, place))
        for by, value in names:
            if found := self.media.get(f"{by}:{value}"):
                return found
        if not names:
            return None
        known = self.names.get(fold(posixpath.basename(names[0][1])), ())
        path = next((path for name in names for path in [_folded_match(*name, known)] if path), None)
        return self.media.get(f"path:{path}") if path else None

    def resolver(self, path: str, permalink: str, language: str = "") -> MemoryResolver:
        return MemoryResolver(self, Place(path, permalink, self.base_path, language, self.hosts))


def _path_keys(stem: str) -> set[str]:
    folded = fold(stem)
    parts = folded.split("/")
    return {f"path:{stem}", f"fold:{folded}", *(f"tail:{'/'.join(parts[start:])}" for start in range(len(parts)))}


def _stem_keys(name: str) -> set[str]:
    dated = POST_NAME.match(name)
    return {f"stem:{identity(name)}", f"stem:{identity(dated['name'])}"} if dated else {f"stem:{identity(name)}"}


def _folded_match(by: str, value: str, known: Iterable[tuple[str, str]]) -> str | None:
    """The path of the known file that ``value`` names without regard to case; of several, the one in the fewest folders."""
    folded = fold(value)
    if by == "path":
        fits = [path for path, _public in known if fold(path) == folded]
    elif by == "public":
        fits = [path for path, public in known if public and fold(public) == folded]
    else:
        fits = [path for path, _public in known if f"/{fold(path)}".endswith(f"/{folded}")]
        fits = fits or [path for path, _public in known]
    return min(fits, key=lambda path: (path.count("/"), path), default=None)


@dataclass(frozen=True, slots=True)
class MemoryResolver:
    """A :class:`articles.markup.document.Resolver` over a :class:`MemoryIndex`."""

    index: MemoryIndex
    place: Place

    @property
    def hosts(self) -> frozenset[str]:
        return self.index.hosts | self.index.known_hosts

    def link(self, kind: LinkKind, target: str) -> str | None:
        if kind == "url" and host_of(target) not in self.index.hosts:
            return None
        language = split_language(target, self.place.language)[1]
        found = self.index.find_post(link_names(kind, target, self.place), language)
        return found.permalink if found else None

    def media(self, target: str) -> ResolvedMedia | None:
        found = self.index.find_media(target, self.place)
        if found is None and self.index.static_url and target.startswith(self.index.static_url):
            # The site's own. Asked last: old sites had folders of this name, too.
            return ResolvedMedia(target)
        return found
