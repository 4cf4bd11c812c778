"""Pages that stood above a list on their old site: the ``_index`` of a section, a language, a taxonomy or a term.

Which page is one is said by the file that it came from, and what it stood above by what the import kept of its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from django.conf import settings
from django.db.models import Q, Value
from django.db.models.functions import Length, Substr
from django.urls import get_script_prefix, resolve
from django.utils import timezone

from articles.addresses import bare_form
from articles.models import Post, PostQuerySet, Source
from articles.shown import note, note_span
from articles.site.context import language_of
from articles.site.former import find_term
from articles.site.listing import Listing, Wanted, list_pages, list_posts, note_listing
from articles.site.terms import TERM_KINDS, TermList, find_list

_INDEX = "_index."


@dataclass(frozen=True, slots=True)
class Folder:
    """What a page stands above: ``wanted`` are its posts; ``name`` is what :mod:`articles.shown` calls their list.

    ``below`` says that texts without a date are part of it, too, where there is no dated one.
    """

    page: Post
    wanted: Wanted
    name: str = "time"
    below: bool = True

    @property
    def posts(self) -> PostQuerySet:
        """Those that are public now."""
        return self.wanted.build(timezone.now(), *self.wanted.values)

    def list(self, token: str | None) -> Listing:
        """The page of the list that ``token`` names, noted. Raises Http404 for a malformed token."""
        listing = list_posts(self.wanted, token)
        if self.below and not listing.posts and token is None:
            listing = list_pages(self.posts)
        note(self.name)
        note_listing(self.name, listing)
        note_span("undated")
        return listing


def stands_above(post: Post) -> bool:
    """Whether the page came from an ``_index``."""
    return post.source_id is not None and post.source_path.rpartition("/")[2].startswith(_INDEX)


def place_above(post: Post) -> str:
    """``home``, ``section``, ``taxonomy`` or ``term``; empty for every other page."""
    if not stands_above(post):
        return ""
    kind = post.translation_key.partition("/")[0]
    return kind if kind in ("home", "taxonomy", "term") else "section"


def find_folder(post: Post) -> Folder | None:
    """The list that a page stands above; ``None`` where it is none of these pages, or one above a list of terms.

    No query for other pages; for that of a term those of :func:`articles.site.former.find_term`.
    """
    place = place_above(post)
    if place == "home":
        return Folder(post, _of_language(language_of(post)), below=False)
    if place == "section":
        return Folder(post, _of_section(post))
    return _of_term(post) if place == "term" else None


def _of_language(language: str) -> Wanted:
    return Wanted(_in_languages, (_spellings(language),), by_date=_in_languages_by_date)


def _spellings(language: str) -> list[str]:
    # An empty language is the site's own.
    return [language, ""] if language == settings.LANGUAGE_CODE else [language]


def _in_languages(now: datetime, languages: list[str]) -> PostQuerySet:
    return Post.objects.published(now).filter(language__in=languages)


def _in_languages_by_date(now: datetime, languages: list[str]) -> PostQuerySet:
    # No index begins with an expression: SQLite walks that of dates.
    posts = Post.objects.published(now).annotate(spoken=Substr("language", 1))
    return posts.filter(spoken__in=languages)


def _of_section(page: Post) -> Wanted:
    folder = page.source_path.rpartition("/")[0] + "/"
    values = (page.pk, bare_form(page.path) + "/", page.source_id, folder, _spellings(language_of(page)))
    return Wanted(_in_section, values, is_known=False, by_date=_in_section_by_date)


def _in_section(now: datetime, page: int, address: str, source: int, folder: str, languages: list[str]) -> PostQuerySet:
    """The posts below an address, and those of a folder of the source, whose addresses may lie elsewhere (``permalinks``).

    Those of the page's own language: each language has a page of its own above the same folder.
    """
    # A union of keys, not alternatives: for those a database would read all posts.
    below, beside = Post.objects.below(address), Post.objects.in_folder(source, folder)
    keys = below.order_by().values("pk").union(beside.order_by().values("pk"), all=True)
    # Else SQLite may walk the index of languages, which is all posts, and look for each among the keys.
    posts = Post.objects.published(now).annotate(spoken=Substr("language", 1))
    return posts.filter(pk__in=keys, spoken__in=languages).exclude(pk=page)


def _in_section_by_date(now: datetime, page: int, address: str, source: int, folder: str, languages: list[str]) -> PostQuerySet:
    # As in _in_languages_by_date, no condition may begin with a column that has an index.
    begun = Post.objects.published(now).annotate(
        address_begins=Substr("path", 1, Length(Value(address))),
        file_begins=Substr("source_path", 1, Length(Value(folder))),
        spoken=Substr("language", 1),
    )
    here = Q(address_begins=address) | Q(source=source, file_begins=folder)
    return begun.filter(here, spoken__in=languages).exclude(pk=page)


def find_taxonomy(post: Post) -> str:
    """The kind of the terms in the list that a page stands above; empty for every other page, which costs no query."""
    if place_above(post) != "taxonomy":
        return ""
    return next((kind for kind, above in _stated_lists(post) if kind in TERM_KINDS and above == _old_address(post)), "")


def _of_term(page: Post) -> Folder | None:
    """The list of the term that an old site had at the page's address, if it shows anything."""
    address = _old_address(page)
    for kind, above in _stated_lists(page):
        if kind in TERM_KINDS and address.startswith(above):
            # Which term it is may change with whatever gets one.
            note(f"index:{kind}")
            # Where ``permalinks`` make its address from a title, the folder still has the name.
            written = (bare_form(address[len(above) :]).strip("/"), page.source_path.split("/")[-2])
            term = next((term for name in written if (term := _find_listed(kind, name))), None)
            return Folder(page, term.wanted, term.name, below=False) if term else None
    return None


def _find_listed(kind: str, written: str) -> TermList | None:
    if (address := find_term(kind, written)) is None:
        return None
    [slug] = resolve("/" + unquote(address.removeprefix(get_script_prefix()))).kwargs.values()
    return find_list(kind, slug)


def _stated_lists(page: Post) -> list[list[str]]:
    """The lists of the page's old site, those with the longest address first; one query."""
    stated = Source.objects.filter(posts=page.pk).values_list("lists", flat=True).first()
    return sorted(stated or [], key=lambda one: -len(one[1]))


def _old_address(page: Post) -> str:
    return page.source_permalink or page.path
