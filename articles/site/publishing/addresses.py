"""Which public addresses there are: those that have a page or a file, and those that lead on or are gone.

Nothing of a post that is not public is asked for, but its address where it was withdrawn; what the answer is, the site's own
views decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import resolve, reverse

from articles.feed_links import feeds_of
from articles.models import Author, MediaVersion, Post, PostQuerySet, Redirect, Series, Source, SourceFile, Tag, TermRedirect
from articles.routes import path_address
from articles.site import archives
from articles.site.context import Section, load_sections
from articles.site.folders import find_folder
from articles.site.front import without_front
from articles.site.listing import list_posts
from articles.site.markdown import markdown_address
from articles.site.responses import allows_ai
from articles.site.terms import TERM_KINDS, find_list
from articles.site_settings import current

AT_ONCE = 1_000
#: Folders of static files that only staff's pages load.
DESK_FILES = ("admin/", "import_export/", "js/editor/")
_MANIFEST = "staticfiles.json"
_PLACE = ("path", "source", "source_path", "source_permalink", "translation_key", "language")


def posts() -> Iterator[Post]:
    """All public posts by address, with nothing but where they stand, a thousand at a time."""
    yield from _by_column(Post.objects.published().only(*_PLACE), "path")


def texts_of(post: Post) -> tuple[str, str]:
    """The addresses of a post's page and of its text."""
    return post.get_absolute_url(), markdown_address(post)


def posts_of_page(post: Post) -> PostQuerySet | None:
    """What stands in the list below a page, if it has one."""
    folder = find_folder(post)
    return folder.posts if folder else None


def term_lists() -> Iterator[tuple[str, str]]:
    """Kind and slug of all terms under which something public stands."""
    yield from (("category", slug) for slug in _slugs_below(load_sections()))
    yield from (("tag", tag.slug) for tag in _by_column(_with_posts(Tag, "tagged_items__tag"), "slug"))
    yield from (("author", author.slug) for author in _by_column(_with_posts(Author, "postauthor__author"), "slug"))
    yield from (("series", series.slug) for series in _by_column(_with_posts(Series, "series"), "slug"))


def periods() -> Iterator[tuple[int, int | None]]:
    """The years that have posts, each followed by its months."""
    for year in archives.list_years():
        yield year.start.year, None
        months = year.months or archives.look_around(archives.year_span(year.start.year), year=year.start.year).months
        yield from ((month.year, month.month) for month in months)


def posts_of_term(kind: str, slug: str) -> PostQuerySet:
    """What stands in the list of a term."""
    found = find_list(kind, slug)
    return found.posts if found else Post.objects.none()


def posts_of_period(year: int, month: int | None) -> PostQuerySet:
    """What stands in the list of a year or month."""
    span = archives.month_span(year, month) if month else archives.year_span(year)
    return Post.objects.published().filter(published_at__gte=span[0], published_at__lt=span[1])


def posts_of_home() -> PostQuerySet:
    """What stands in the list of the front page."""
    return without_front(Post.objects.published())


def posts_of(address: str) -> PostQuerySet | None:
    """What stands in the list at an address; ``None`` for what is no list by date."""
    if "?" in address:
        return None
    found = resolve(unquote(address))
    values = list(found.kwargs.values())
    if found.url_name == "home":
        return posts_of_home()
    if found.url_name in TERM_KINDS:
        return posts_of_term(found.url_name, values[0])
    if found.url_name in ("year", "month"):
        return posts_of_period(values[0], values[1] if len(values) > 1 else None)
    post = Post.objects.published().only(*_PLACE).filter(path="/" + unquote(address).lstrip("/")).first()
    return posts_of_page(post) if post else None


def steady_query(rows: PostQuerySet) -> tuple[str, str]:
    """The query that the first page of a list leads to, and the one that files have in its place; both empty on a single page.

    Pages of files are counted from the oldest post, so that a new one changes the first page and no other. What is left over at
    the new end stands on the first page and on the second.
    """
    size = current().posts_per_page
    first = list_posts(rows, None).older
    if first is None:
        return "", ""
    rest = rows.dated().count() % size
    steady = (list_posts(rows, None, size=rest).older if rest else first) or first
    return first, steady


def indexes() -> Iterator[str]:
    """The pages that list lists."""
    for name in ("archives", "categories", "tags", "authors", "all_series", "feeds"):
        yield reverse(f"articles:{name}")


def site_feeds() -> Iterator[str]:
    """The feeds of the whole site."""
    yield from (link.address for link in feeds_of())


def term_feeds(kind: str, slug: str) -> Iterator[str]:
    """The feeds of a term."""
    yield from (link.address for link in feeds_of(kind, slug))


def sheets() -> Iterator[str]:
    """What pages load that depends on settings."""
    if key := current().colours_key:
        yield reverse("articles:colours", args=[key])
    yield reverse("articles:manifest")


def for_programs() -> Iterator[str]:
    """Files that programs ask for, the index of the sitemap last."""
    yield reverse("articles:robots")
    if allows_ai():
        yield reverse("articles:llms")
    yield reverse("articles:news_sitemap")
    yield reverse("articles:sitemap_page")


def static_files() -> Iterator[str]:
    """The names of the site's own files below ``STATIC_URL``, without those of the desk."""
    root = Path(settings.STATIC_ROOT)
    if root.is_dir():
        names = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
        names = {name for name in names if not (name.endswith((".gz", ".br")) and name.rpartition(".")[0] in names)}
    else:
        names = {name for finder in finders.get_finders() for name, _storage in finder.list([])}
    yield from sorted(name for name in names if not name.startswith(DESK_FILES) and name != _MANIFEST)


def static_address(name: str) -> str:
    """The address of one of the site's own files."""
    return settings.STATIC_URL + quote(name)


def media_address(name: str) -> str:
    """The address of a file of the library."""
    return settings.MEDIA_URL + quote(name)


def leading_on() -> Iterator[str]:
    """Addresses that may lead to another or may be gone. What they answer has to be asked: it depends on what is public."""
    for name in ("feed", "favicon", "touch_icon"):
        yield reverse(f"articles:{name}")
    yield reverse("articles:feed").rstrip("/")
    for redirect in _by_column(Redirect.objects.only("old_path"), "old_path"):
        yield path_address(redirect.old_path)
    for term in _by_column(TermRedirect.objects.only("kind", "old_slug"), "pk"):
        yield reverse(f"articles:{term.kind}", args=[term.old_slug])
        yield from term_feeds(term.kind, term.old_slug)
    withdrawn = Post.objects.filter(state=Post.State.WITHDRAWN, trashed_at__isnull=True)
    for post in _by_column(withdrawn.only("path"), "path"):
        yield from texts_of(post)
    for version in _by_column(MediaVersion.objects.only("public_name"), "public_name"):
        yield media_address(version.public_name)
    for base_path, stated in Source.objects.order_by("pk").values_list("base_path", "lists"):
        homes = {f"{base_path}/", *(address for kind, address in stated if kind == "home")}
        yield from (path_address(address) for address in sorted({*homes, *(address for _kind, address in stated)}))
        yield from (path_address(home + file) for home in sorted(homes) for file in _OLD_FEEDS)
    last = 0
    while rows := list(SourceFile.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "public_path", "media")[:AT_ONCE]):
        yield from (path_address(path) for _pk, path, media in rows if path and media)
        last = rows[-1][0]


#: Where generators have the feeds and sitemaps of a site.
_OLD_FEEDS = ("index.xml", "feed.xml", "atom.xml", "rss.xml", "feed/", "sitemap.xml")


def _by_column(rows: QuerySet[Any, Any], column: str) -> Iterator[Any]:
    """All rows in the order of a unique column. By where the last thousand ended, so that no cursor stays open meanwhile."""
    last = None
    while page := list((rows.filter(**{f"{column}__gt": last}) if last is not None else rows).order_by(column)[:AT_ONCE]):
        yield from page
        last = getattr(page[-1], column)


def _with_posts(model: Any, relation: str) -> QuerySet[Any, Any]:
    # Joined, not "in all public posts": of those a database would first make a list.
    members = Post.objects.published().filter(**{relation: OuterRef("pk")}).order_by()
    return model.objects.filter(Exists(members)).only("slug")


def _slugs_below(sections: list[Section]) -> Iterator[str]:
    for section in sections:
        yield section.full_slug
        yield from _slugs_below(section.children)
