"""What an address was that is no post: a file, list, feed, sitemap or icon of an old site, or a term's own; where it leads now.

Every answer is an address of this site that answers 200, so that nobody is sent on twice. What only drafts have (a
file, a term, a whole source) answers as an unknown address.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any
from urllib.parse import unquote

from django.db.models import Q
from django.templatetags.static import static
from django.urls import get_script_prefix, resolve
from django.utils import timezone

from articles.addresses import MAX_PATH, bare_form, file_spellings
from articles.feed_links import feeds_of
from articles.formats.terms import identity, slugify
from articles.library import find_owner, may_be_shown
from articles.models import (
    Author,
    Category,
    Post,
    PostCategory,
    Redirect,
    Series,
    Source,
    SourceFile,
    Tag,
    TaggedPost,
    TermRedirect,
)
from articles.references import fold
from articles.routes import address_of, period_address
from articles.site.media import is_there
from articles.site.terms import TERM_KINDS

#: Where generators keep the lists of a kind, below the home page.
LIST_FOLDERS = {
    "tag": ("tags", "tag"),
    "category": ("categories", "category"),
    "author": ("authors", "author"),
    "series": ("series",),
    "archive": ("archives", "archive"),
}
_FILE = re.compile(r"[^/]\.(?!html?$|php$|md$)[A-Za-z0-9]{2,5}$")
_FEED = re.compile(
    r"(?P<list>/(?:.*/)?)(?:(?P<rss>index\.xml|rss2?\.xml|index\.rss|rss/?|feed/(?:rss2?/?)?|feed)"
    r"|(?P<atom>feed\.xml|atom\.xml|feed\.atom|atom/?|feed/atom/?|feed/(?:by_tag/)?[^/]+\.xml)|(?P<json>feed\.json))"
)
_SITEMAP = re.compile(r"(?P<list>/(?:.*/)?)(?:[\w-]+-)?sitemap(?:[_-]?index)?[0-9]*\.(?:xml|xml\.gz|txt)", re.IGNORECASE)
_ICON = re.compile(r"(?P<list>/(?:.*/)?)favicon\.(?:ico|png|svg|gif)", re.IGNORECASE)
_PAGE = re.compile(r"(?P<list>/(?:.*/)?)page/?[0-9]{1,6}(?:/|\.html?)?")
_DAY = re.compile(r"(?P<year>[0-9]{4})(?:/(?P<month>[0-9]{2})(?:/(?P<day>[0-9]{2}))?)?")
_NOT_WORDS = re.compile(r"[\W_]+")
_MAX_TERMS = 2_000
_MAX_HOMES = 40
_MAX_DEPTH = 6


def find_old_site(path: str) -> str | None:
    """Where the decoded ``path`` of an old site leads, percent-encoded; ``None`` where nobody knows it.

    Asked only where no post stands or stood. Queries: the sources; then, for what looks like a file, the files and
    whether they may be shown; for what looks like a list, the term, the one that had its address, and whether it holds
    anything public.
    """
    path = unicodedata.normalize("NFC", path)
    if not path.isprintable() or len(path) > MAX_PATH or not path.startswith("/"):
        return None
    old_site = _OldSite()
    if _FILE.search(path) and (found := old_site.find_file(path)):
        return found
    if (match := _ICON.fullmatch(path)) and old_site.is_home(match["list"]):
        return static("img/icon.svg")
    if (match := _SITEMAP.fullmatch(path)) and old_site.is_home(match["list"]):
        return address_of("sitemap")
    if (match := _FEED.fullmatch(path)) and (shown := old_site.find_list(match["list"], is_feed=True)):
        return _feed_of(shown, next(name for name in ("rss", "atom", "json") if match[name]))
    if match := _PAGE.fullmatch(path):
        return old_site.find_list(match["list"])
    return old_site.find_list(bare_form(path) + "/")


def _feed_of(address: str, format: str) -> str:
    """The feed of the list at an address of this site: its own, or the site's where it has none."""
    found = resolve("/" + unquote(address.removeprefix(get_script_prefix())))
    if found.url_name not in TERM_KINDS:
        return address_of(format)
    [slug] = found.kwargs.values()
    return next(link.address for link in feeds_of(found.url_name, slug) if link.format.name == format)


@dataclass(frozen=True, slots=True)
class _List:
    """One list of an old site. ``source`` is whose it was; ``None``: it is one of this site's own.

    ``folder`` is where a section's files lie in the source; empty where the import did not keep it.
    """

    kind: str
    address: str
    source: int | None = None
    folder: str = ""


@dataclass(slots=True)
class _Answers:
    """What was asked of the database for one address already."""

    has_public: dict[int, bool] = field(default_factory=dict)


class _OldSite:
    """What the sources of this site had, as far as one address asks for it."""

    def __init__(self) -> None:
        self.answers = _Answers()

    @cached_property
    def lists(self) -> list[_List]:
        """All lists, those with the longest address first: the innermost says what the rest of an address means."""
        named = [(kind, name) for kind, names in LIST_FOLDERS.items() for name in names]
        found = [_List("home", "/"), *(_List(kind, f"/{name}/") for kind, name in named)]
        for pk, base_path, stated in Source.objects.order_by("pk").values_list("pk", "base_path", "lists"):
            homes = {f"{base_path}/", *(address for kind, address in stated if kind == "home")}
            found += [_List("home", home, pk) for home in sorted(homes)]
            found += [_List(kind, f"{home}{name}/", pk) for home in homes for kind, name in named]
            for kind, address in stated:
                name, _colon, folder = kind.partition(":")
                found.append(_List(name, address, pk, folder))
        unique = dict.fromkeys(found)
        return sorted(unique, key=lambda one: (-len(one.address), one.source or 0))

    def is_home(self, address: str) -> bool:
        return any(one.kind == "home" and fold(one.address) == fold(address) and self._is_public(one) for one in self.lists)

    def find_list(self, address: str, *, is_feed: bool = False) -> str | None:
        """Where the list at ``address`` (with a final slash) leads, if it shows anything here, or its feed does."""
        if page := _find_page_above(address):
            return page
        folded = fold(address)
        for one in self.lists:
            rest = address[len(one.address) :].strip("/")
            if folded.startswith(fold(one.address)) and (found := self._find_in(one, rest, is_feed)):
                return found
        return None

    def _find_in(self, one: _List, rest: str, is_feed: bool) -> str | None:
        home = address_of("home")
        if rest and one.kind in ("home", "archive"):
            return find_period(rest)
        if rest and one.kind != "terms":
            return find_term(one.kind, rest, is_feed=is_feed) if one.kind in _TERMS else None
        if one.kind == "section" and not self._shows_section(one):
            return None
        if one.source is None:
            return home if one.address == "/" else None
        if not self._is_public(one):
            return None
        if rest and (found := next((found for kind in _TERMS if (found := find_term(kind, rest, is_feed=is_feed))), None)):
            return found
        # Whether a text has such a term of the old taxonomy is not looked up: answers that differ would tell strangers, letter
        # by letter, what front matter says that is shown to nobody.
        if "/" in rest or _FILE.search("/" + rest):
            return None
        # A section is often a category by the same name.
        name = one.address.strip("/").rpartition("/")[2] if one.kind in ("section", "list", "terms") else ""
        return (name and find_term("category", name, is_feed=is_feed)) or home

    def _shows_section(self, one: _List) -> bool:
        """Whether a section has anything public: below its address, or in its folder, whose posts ``permalinks`` may move."""
        public = Post.objects.published()
        if public.below(one.address).exists():
            return True
        return bool(one.source is not None and one.folder and public.in_folder(one.source, one.folder).exists())

    def _is_public(self, one: _List) -> bool:
        """Whether readers may know of the source: one that brought nothing but drafts is unknown to them."""
        if one.source is None:
            return True
        known = self.answers.has_public
        if one.source not in known:
            known[one.source] = Post.objects.published().filter(source=one.source).exists()
        return known[one.source]

    # --- files

    def find_file(self, path: str) -> str | None:
        """The library's address for the file that an old site had at ``path``."""
        wanted = [spelling for address in self._in_all_languages(path) for spelling in file_spellings(address)]
        files = SourceFile.objects.filter(public_path__in=wanted, media__isnull=False).exclude(media__public_name="")
        for file in files.select_related("media", "source").order_by("source", "path")[:20]:
            if file.media is not None and is_there(file.media.public_name) and may_be_shown(file):
                return file.media.url
        return _find_beside_page(path)

    def _in_all_languages(self, path: str) -> list[str]:
        """A file of a page bundle was served below the home page of each language; one address of it is recorded."""
        homes = [one.address for one in self.lists if one.kind == "home"][:_MAX_HOMES]
        others = [to + path[len(home) :] for home in homes if path.startswith(home) for to in homes]
        return list(dict.fromkeys([path, *others]))


def _find_beside_page(path: str) -> str | None:
    """The library's address for a file of a page's bundle, below an address that a public page of it has or had.

    The pages of a bundle may have an address in each language that says nothing of the others'.
    """
    folders = [path[:at] for at, char in enumerate(path) if char == "/" and at][-_MAX_DEPTH:]
    asked = {form: folder for folder in folders for page in (f"{folder}/", f"{folder}.html") for form in file_spellings(page)}
    public = Post.objects.published().filter(source_path__contains="index.", source__dialect="hugo")
    pages = list(public.filter(path__in=asked).values_list("path", "source", "source_path"))
    former = Redirect.objects.filter(old_path__in=asked, post__in=public.order_by())
    pages += former.values_list("old_path", "post__source", "post__source_path")
    bundles: dict[tuple[int | None, str], str] = {}
    for page, source, source_path in sorted(pages, key=lambda page: len(page[0])):
        bundle, _slash, name = source_path.rpartition("/")
        inside = path[len(asked[page]) :].lstrip("/")
        # Folders below a section are bundles or sections themselves, with pages of their own.
        if name.startswith("index.") or (name.startswith("_index.") and "/" not in inside):
            bundles[(source, f"{bundle}/{inside}")] = bundle
    if not bundles:
        return None
    sources, paths = zip(*bundles, strict=True)
    files = SourceFile.objects.filter(source__in=sources, path__in=paths, media__isnull=False).exclude(media__public_name="")
    for file in files.select_related("media", "source").order_by("source", "path")[:20]:
        bundle = bundles.get((file.source_id, file.path), "")
        owner = find_owner(file) if bundle else None
        may_be_seen = owner is None or owner.is_public or owner.source_path.rpartition("/")[0] == bundle
        if bundle and may_be_seen and file.media is not None and is_there(file.media.public_name):
            return file.media.url
    return None


# --- lists


def _find_page_above(address: str) -> str | None:
    """The public page that stands at ``address`` above a list of its own, of which a further page or a feed is asked for."""
    page = Post.objects.published().filter(path=address, source_path__contains="_index.").only("path").first()
    if page is None or resolve(page.path).url_name in TERM_KINDS:
        return None
    return page.get_absolute_url()


def find_period(text: str) -> str | None:
    """The list of a year or month (``2020``, ``2020/05``; of a day, its month), if it shows anything."""
    match = _DAY.fullmatch(text)
    if match is None:
        return None
    year, month = int(match["year"]), int(match["month"] or 0)
    if not 1 < year < 9998 or not (0 <= month <= 12) or (match["month"] and not month):
        return None
    zone = timezone.get_default_timezone()
    start = datetime(year, month or 1, 1, tzinfo=zone)
    end = datetime(year + (month // 12 if month else 1), month % 12 + 1 if month else 1, 1, tzinfo=zone)
    if not Post.objects.published().dated().filter(published_at__gte=start, published_at__lt=end).exists():
        return None
    return period_address(year, month)


_TERMS: dict[str, Any] = {"tag": Tag, "category": Category, "author": Author, "series": Series}


def find_term(kind: str, written: str, *, is_feed: bool = False) -> str | None:
    """The list of a term as an old address writes it, if it shows anything, or its feed does.

    By its slug here; by a slug that it had; by its identity, blanks written as hyphens; or by its letters and digits alone:
    generators drop punctuation each in their own way.
    """
    rows = _TERMS[kind].objects.all()
    column = "full_slug" if kind == "category" else "slug"
    name = written.rpartition("/")[2] if kind == "category" else written
    slugs = list(dict.fromkeys([written, written.lower(), slugify(written)]))
    identities = list(dict.fromkeys(identity(text) for text in (name, name.replace("-", " "), name.replace("+", " "))))
    found = list(rows.filter(Q(**{f"{column}__in": slugs}) | Q(identity__in=identities))[:20])
    found.sort(key=lambda term: (getattr(term, column) not in slugs, len(getattr(term, column))))
    here = [term for term in found if getattr(term, column) in slugs]
    candidates = chain(here, _had_address(kind, slugs) if not here else (), found[len(here) :])
    term = next((term for term in candidates if _shows_posts(term, is_feed)), None) or _find_by_letters(rows, name, is_feed)
    return term.get_absolute_url() if term else None


def _had_address(kind: str, slugs: list[str]) -> Iterator[Any]:
    """The terms that had one of the addresses, the one that is spelled as asked for first. No slug has a dot, as a file has."""
    if "." in slugs[0]:
        return
    rows = TermRedirect.objects.filter(kind=kind, old_slug__in=slugs).select_related(kind)
    yield from (row.term for row in sorted(rows, key=lambda row: slugs.index(row.old_slug)))


def _find_by_letters(rows: Any, name: str, is_feed: bool) -> Any:
    wanted = _NOT_WORDS.sub("", identity(name))
    if not wanted:
        return None
    near = rows.filter(identity__gte=wanted[0], identity__lt=wanted[0] + "\U0010ffff").order_by("identity")[:_MAX_TERMS]
    keys = [pk for pk, known in near.values_list("pk", "identity") if _NOT_WORDS.sub("", known) == wanted]
    return next((term for term in rows.filter(pk__in=keys[:20]).order_by("pk") if _shows_posts(term, is_feed)), None)


def _shows_posts(term: Any, is_feed: bool) -> bool:
    """Whether the term's list has anything to show; a feed has only what is dated."""
    posts = Post.objects.published()
    posts = posts.dated() if is_feed else posts
    if isinstance(term, Tag):
        return posts.filter(pk__in=TaggedPost.objects.filter(tag=term).values("content_object")).exists()
    if isinstance(term, Category):
        below = Category.objects.filter(Q(pk=term.pk) | Q(full_slug__startswith=term.full_slug + "/"))
        return posts.filter(pk__in=PostCategory.objects.filter(category__in=below).values("post")).exists()
    return posts.filter(**({"authors": term} if isinstance(term, Author) else {"series": term})).exists()
