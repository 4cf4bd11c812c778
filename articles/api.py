"""The read API: public posts, by-lines, terms and pictures as JSON, with an OpenAPI description and a page that explains it.

It shows what the pages show, by the same functions. Nothing is signed in, nothing is written, no cookie is read. A page of a
list is named by where it begins; its size is bounded. What is asked for wrongly is answered with 422 and the parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache, wraps
from typing import Annotated, Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ninja import NinjaAPI, Query, Schema
from ninja.errors import HttpError, ValidationError
from pydantic import AfterValidator, Field, StringConstraints

from articles.feed_links import feeds_of
from articles.media import SERVED_TYPES
from articles.models import Author, Category, MediaFile, Post, PostAuthor, PostCategory, PostQuerySet, Series, Tag, TaggedPost
from articles.site import article
from articles.site.context import Section, is_web_address, language_of, load_sections, web_links
from articles.site.listing import Credit, Credits, as_cards, attach_credits, list_posts
from articles.site.lookup import find_former, find_post
from articles.site.markdown import markdown_address, public_markdown
from articles.site.responses import public_page, render_page
from articles.site.syndication import absolute_links
from articles.site.views import page_context
from articles.site_settings import current

VERSION = "1"
#: The second stands in words in the description of ``size``, too.
SIZE, MAX_SIZE = 20, 100
MAX_MEDIA = 200
#: Earlier and later moments cannot be moved into every zone.
FIRST_YEAR, LAST_YEAR = 2, 9998
_MEDIA_NAME = re.compile(r"/media/([0-9a-f]{2}/[0-9a-f]{16}/[\w-]{1,80}\.[a-z0-9]{1,5})")


# --- What is asked ------------------------------------------------------------------------------------------------------


def _check_moment(value: datetime) -> datetime:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"Give a year from {FIRST_YEAR} to {LAST_YEAR}.")
    return value if timezone.is_aware(value) else timezone.make_aware(value)


# No post or term has a control character in its address, and PostgreSQL refuses NUL even in a question.
Address = Annotated[str, StringConstraints(min_length=1, max_length=800, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Moment = Annotated[datetime, AfterValidator(_check_moment)]
Size = Annotated[int, Field(ge=1, le=MAX_SIZE, description=gettext_noop("Entries on a page, at most 100."))]


class PostFilters(Schema):
    """Which articles, newest first. Several conditions must all hold."""

    category: Address | None = Field(
        None, description=gettext_noop("The slugs from the root down, joined by “/”; with everything below.")
    )
    tag: Address | None = Field(None, description=gettext_noop("The slug of a tag."))
    author: Address | None = Field(None, description=gettext_noop("The slug of a by-line."))
    series: Address | None = Field(None, description=gettext_noop("The slug of a series."))
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,35}$")] | None = Field(
        None, description=gettext_noop("A language as BCP 47 writes it, such as “ja”.")
    )
    since: Moment | None = Field(
        None, description=gettext_noop("Published at this moment or later. Without an offset: in the site's zone.")
    )
    until: Moment | None = Field(None, description=gettext_noop("Published before this moment."))
    before: Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,17}-[0-9]{1,6}$")] | None = Field(
        None, description=gettext_noop("Where the page begins, as “next” of the page before names it.")
    )
    size: Size = SIZE


class Place(Schema):
    """Where a page of a list by name begins."""

    after: Address | None = Field(None, description=gettext_noop("The last slug or address of the page before."))
    size: Size = SIZE


# --- What is answered ---------------------------------------------------------------------------------------------------


class Name(Schema):
    name: str
    slug: str
    url: str


class Picture(Schema):
    url: str
    type: str
    width: int | None
    height: int | None
    alt: str
    caption: str
    credit: str
    licence: str


class PostCard(Schema):
    """A post in a list. ``path`` names it in this API; ``url`` is its page, ``markdown_url`` its text alone."""

    path: str
    url: str
    markdown_url: str
    title: str
    kind: str
    language: str
    published_at: datetime | None
    updated_at: datetime | None
    summary: str
    authors: list[Name]
    categories: list[Name]
    tags: list[Name]
    series: Name | None
    series_number: int | None
    cover: Picture | None
    characters: int
    has_paid_links: bool = Field(description="Whether the text holds links that somebody pays for.")
    noindex: bool = Field(description="Whether search engines are asked not to list it.")


class CorrectionNote(Schema):
    text: str
    corrected_at: datetime


class Translation(Schema):
    language: str
    path: str
    url: str


class WholePost(PostCard):
    canonical_url: str
    source_url: str
    html: str
    markdown: str
    corrections: list[CorrectionNote]
    translations: list[Translation]


class PostPage(Schema):
    posts: list[PostCard]
    next: str | None


class PictureList(Schema):
    media: list[Picture]


class TermEntry(Name):
    description: str
    feed_url: str


class AuthorEntry(TermEntry):
    kind: str
    links: list[dict[str, str]]


class TermPage(Schema):
    entries: list[TermEntry]
    next: str | None


class AuthorPage(Schema):
    entries: list[AuthorEntry]
    next: str | None


class Site(Schema):
    name: str
    description: str
    language: str
    time_zone: str
    url: str
    feeds: dict[str, str]
    sitemap: str


class Problem(Schema):
    """What was wrong; ``parameter`` where it was one."""

    detail: str
    parameter: str = ""


_AT = Query(..., description=gettext_noop("Where the post stands here, decoded: “/2026/11/a/”."))
api = NinjaAPI(
    title="Kawaraban",
    version=VERSION,
    description="Public content of this site, for reading.",
    openapi_url=None,
    docs_url=None,
    urls_namespace="api_operations",
)
_PROBLEMS = {404: Problem, 410: Problem, 422: Problem}


# --- Posts --------------------------------------------------------------------------------------------------------------


@api.get("site", response=Site, summary=gettext_noop("The site"), url_name="site")
def read_site(request: HttpRequest) -> dict[str, Any]:
    """What the site is called, its language and zone, its feeds."""
    return {
        "name": current().name,
        "description": current().description,
        "language": settings.LANGUAGE_CODE,
        "time_zone": settings.TIME_ZONE,
        "url": _absolute(reverse("articles:home")),
        "feeds": {link.format.name: _absolute(link.address) for link in feeds_of()},
        "sitemap": _absolute(reverse("articles:sitemap")),
    }


@api.get("posts", response={200: PostPage, 422: Problem}, summary=gettext_noop("Articles, newest first"), url_name="posts")
def read_posts(request: HttpRequest, filters: Query[PostFilters]) -> dict[str, Any]:
    """A page of the articles that meet every condition. A term that is unknown has none."""
    try:
        listing = list_posts(_filtered(filters), filters.before, size=filters.size)
    except Http404 as error:
        raise HttpError(422, _("“before” names no place in time.")) from error
    token = listing.older.partition("=")[2] if listing.older else None
    return {"posts": [_card(post) for post in listing.posts], "next": _next("posts", filters, before=token)}


@api.get("pages", response={200: PostPage, 422: Problem}, summary=gettext_noop("Standing pages, by address"), url_name="pages")
def read_pages(request: HttpRequest, place: Query[Place]) -> dict[str, Any]:
    """A page of the standing pages, in the order of their addresses."""
    rows = as_cards(Post.objects.published().pages()).order_by("path")
    found = list((rows.filter(path__gt=place.after) if place.after else rows)[: place.size + 1])
    shown = found[: place.size]
    attach_credits(shown)
    last = shown[-1].path if len(found) > place.size else None
    return {"posts": [_card(post) for post in shown], "next": _next("pages", place, after=last)}


@api.get("post", response={200: WholePost, **_PROBLEMS}, summary=gettext_noop("One post with its text"), url_name="post")
def read_post(request: HttpRequest, path: Annotated[Address, _AT]) -> dict[str, Any]:
    """A post with its text as HTML and as Markdown, its corrections and translations."""
    post = _require_post(path)
    attach_credits([post])
    credits: Credits = post.credits  # type: ignore[attr-defined]
    address = _absolute(post.get_absolute_url())
    translations = article.load_neighbours(post).translations
    return {
        **_card(post),
        "canonical_url": article.canonical_url(post),
        "source_url": post.source_url if is_web_address(post.source_url) else "",
        "html": absolute_links(post.body_html, address),
        "markdown": public_markdown(post, credits),
        "corrections": [{"text": one.text, "corrected_at": _local(one.corrected_at)} for one in article.load_corrections(post)],
        "translations": [
            {"language": language_of(each), "path": each.path, "url": _absolute(each.get_absolute_url())} for each in translations
        ],
    }


@api.get("media", response={200: PictureList, **_PROBLEMS}, summary=gettext_noop("The pictures of one post"), url_name="media")
def read_media(request: HttpRequest, path: Annotated[Address, _AT]) -> dict[str, Any]:
    """The cover of a post and the files that its text shows, each once."""
    post = _require_post(path)
    names = list(dict.fromkeys(_MEDIA_NAME.findall(post.body_html)))[:MAX_MEDIA]
    found = {file.public_name: file for file in MediaFile.objects.filter(public_name__in=names)}
    cover = article.shown_cover(post)
    files = {file.pk: file for file in ([cover] if cover else []) + [found[name] for name in names if name in found]}
    return {"media": [_picture(file) for file in files.values()]}


def _filtered(filters: PostFilters) -> PostQuerySet:
    posts = Post.objects.published()
    if filters.category:
        posts = posts.filter(pk__in=_in_category(filters.category))
    if filters.tag:
        posts = posts.filter(pk__in=TaggedPost.objects.filter(tag__slug=filters.tag).values("content_object"))
    if filters.author:
        posts = posts.filter(pk__in=PostAuthor.objects.filter(author__slug=filters.author).values("post"))
    if filters.series:
        posts = posts.filter(series__slug=filters.series)
    if filters.language:
        wanted = [filters.language, ""] if filters.language == settings.LANGUAGE_CODE else [filters.language]
        posts = posts.filter(language__in=wanted)
    if filters.since:
        posts = posts.filter(published_at__gte=filters.since)
    if filters.until:
        posts = posts.filter(published_at__lt=filters.until)
    return posts


def _in_category(full_slug: str) -> QuerySet[PostCategory, Any]:
    full_slug = full_slug.strip("/")
    places = PostCategory.objects.filter(category__full_slug=full_slug)
    return (places | PostCategory.objects.filter(category__full_slug__startswith=full_slug + "/")).values("post")


def _require_post(path: str) -> Post:
    """The public post at an address, however it is spelled. Raises HttpError 410 for a withdrawn one, else 404."""
    if found := find_post(path):
        return found.post
    if find_former(path).is_withdrawn:
        raise HttpError(410, _("This article was withdrawn"))
    raise HttpError(404, _("There is no post at this address."))


# --- By-lines and terms -------------------------------------------------------------------------------------------------


@api.get(
    "authors", response={200: AuthorPage, 422: Problem}, summary=gettext_noop("By-lines with public articles"), url_name="authors"
)
def read_authors(request: HttpRequest, place: Query[Place]) -> dict[str, Any]:
    """A page of the by-lines, in the order of their slugs."""
    return _term_page("authors", Author, place, Post.objects.published().dated().filter(authors=OuterRef("pk")), _author)


@api.get("tags", response={200: TermPage, 422: Problem}, summary=gettext_noop("Tags of public articles"), url_name="tags")
def read_tags(request: HttpRequest, place: Query[Place]) -> dict[str, Any]:
    """A page of the tags, in the order of their slugs."""
    return _term_page("tags", Tag, place, Post.objects.published().dated().filter(tagged_items__tag=OuterRef("pk")), _tag)


@api.get("series", response={200: TermPage, 422: Problem}, summary=gettext_noop("Series of public articles"), url_name="series")
def read_series(request: HttpRequest, place: Query[Place]) -> dict[str, Any]:
    """A page of the series, in the order of their slugs."""
    return _term_page("series", Series, place, Post.objects.published().dated().filter(series=OuterRef("pk")), _series)


@api.get(
    "categories",
    response={200: TermPage, 422: Problem},
    summary=gettext_noop("Categories with public posts"),
    url_name="categories",
)
def read_categories(request: HttpRequest, place: Query[Place]) -> dict[str, Any]:
    """A page of the categories, in the order of their addresses."""
    slugs = sorted(section.full_slug for section in _flat(load_sections()))
    slugs = [slug for slug in slugs if place.after is None or slug > place.after]
    page = slugs[: place.size]
    rows = {row.full_slug: row for row in Category.objects.filter(full_slug__in=page)}
    entries = [_entry("category", rows[slug], slug, rows[slug].description) for slug in page if slug in rows]
    return {"entries": entries, "next": _next("categories", place, after=page[-1] if len(slugs) > len(page) else None)}


def _term_page(
    name: str, model: type[Author | Tag | Series], place: Place, posts: PostQuerySet, describe: Callable[[Any], dict[str, Any]]
) -> dict[str, Any]:
    rows: QuerySet[Any] = model._default_manager.filter(Exists(posts.order_by())).order_by("slug")
    found = list((rows.filter(slug__gt=place.after) if place.after else rows)[: place.size + 1])
    shown = found[: place.size]
    last = shown[-1].slug if len(found) > place.size else None
    return {"entries": [describe(row) for row in shown], "next": _next(name, place, after=last)}


def _flat(sections: Sequence[Section]) -> list[Section]:
    return [each for section in sections for each in (section, *_flat(section.children))]


def _author(author: Author) -> dict[str, Any]:
    links = [{"label": str(link.get("label") or ""), "url": link["url"]} for link in web_links(author)]
    return {**_entry("author", author, author.slug, author.bio), "kind": author.kind, "links": links}


def _tag(tag: Tag) -> dict[str, Any]:
    return _entry("tag", tag, tag.slug, tag.description)


def _series(series: Series) -> dict[str, Any]:
    return _entry("series", series, series.slug, series.description)


def _entry(kind: str, term: Any, slug: str, description: str) -> dict[str, Any]:
    feed = next(link.address for link in feeds_of(kind, slug) if link.format.name == "json")
    url = _absolute(term.get_absolute_url())
    return {"name": term.name, "slug": slug, "url": url, "description": description, "feed_url": _absolute(feed)}


# --- Forms --------------------------------------------------------------------------------------------------------------


def _card(post: Post) -> dict[str, Any]:
    credits: Credits = post.credits  # type: ignore[attr-defined]
    cover = article.shown_cover(post)
    return {
        "path": post.path,
        "url": _absolute(post.get_absolute_url()),
        "markdown_url": _absolute(markdown_address(post)),
        "title": post.title,
        "kind": post.kind,
        "language": language_of(post),
        "published_at": _local(post.published_at),
        "updated_at": _local(post.last_updated_at or post.published_at),
        "summary": article.description_of(post),
        "authors": [_name(credit) for credit in credits.authors],
        "categories": [_name(credit) for credit in credits.categories],
        "tags": [_name(credit) for credit in credits.tags],
        "series": _name(Credit("series", post.series.name, post.series.slug)) if post.series else None,
        "series_number": post.series_order,
        "cover": _picture(cover) if cover else None,
        "characters": post.character_count,
        "has_paid_links": post.has_paid_links,
        "noindex": post.noindex,
    }


def _name(credit: Credit) -> dict[str, str]:
    return {"name": credit.name, "slug": credit.slug, "url": _absolute(credit.url)}


def _picture(file: MediaFile) -> dict[str, Any]:
    return {
        "url": _absolute(file.url),
        "type": SERVED_TYPES.get(file.public_name.rpartition(".")[2], file.content_type),
        "width": file.width or None,
        "height": file.height or None,
        "alt": file.alt,
        "caption": file.caption,
        "credit": file.credit,
        "licence": file.licence_text or (file.get_licence_display() if file.licence else ""),
    }


def _next(name: str, asked: Schema, **place: str | None) -> str | None:
    """The whole address of the page after this one: what was asked for, from there on."""
    [(key, value)] = place.items()
    if value is None:
        return None
    said = {name: text for name, text in asked.dict(exclude_none=True, exclude_defaults=True).items() if name != key}
    plain = {name: text.isoformat() if isinstance(text, datetime) else text for name, text in said.items()}
    return f"{_absolute(reverse('api:' + name))}?{urlencode({**plain, key: value})}"


def _local(moment: datetime | None) -> datetime | None:
    return timezone.localtime(moment) if moment else None


def _absolute(address: str) -> str:
    return settings.SITE_URL + address


# --- How it answers -----------------------------------------------------------------------------------------------------


@api.exception_handler(HttpError)
def _explain_refusal(request: HttpRequest, error: HttpError) -> HttpResponse:
    return JsonResponse({"detail": str(error), "parameter": ""}, status=error.status_code)


@api.exception_handler(ValidationError)
def _explain_parameter(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Names the first parameter that is wrong, and never repeats its value, which may be a megabyte."""
    first = error.errors[0]
    name = str(first["loc"][-1])
    return JsonResponse({"detail": f"{name}: {first['msg']}"[:500], "parameter": name[:50]}, status=422)


def for_readers(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """An operation as every public page answers: GET and HEAD, an entity tag, no cookie; and for scripts of any site."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "HEAD":
            # The library knows only the methods of its operations; the server leaves the body out.
            request.method = "GET"
        response = view(request, *args, **kwargs)
        response.headers["Access-Control-Allow-Origin"] = "*"
        if response.status_code != 200:
            response.headers["Cache-Control"] = "no-store"
        return response

    return public_page(answer)


@lru_cache(maxsize=1)
def describe() -> dict[str, Any]:
    """The OpenAPI description of all operations."""
    return dict(api.get_openapi_schema(path_prefix=f"/api/v{VERSION}/"))


def show_description(request: HttpRequest) -> HttpResponseBase:
    """``openapi.json``."""
    return JsonResponse(describe())


@public_page
def show_guide(request: HttpRequest) -> HttpResponseBase:
    """What programs may ask, for the people who write them."""
    operations = [_explain(address, methods["get"]) for address, methods in describe()["paths"].items()]
    context = {
        **page_context(load_sections()),
        "operations": operations,
        "base": _absolute(f"/api/v{VERSION}/"),
        "description": _absolute(reverse("api:description")),
        "canonical": _absolute(reverse("api:guide")),
    }
    return render_page("articles/api.html", context, language=settings.LANGUAGE_CODE)


def _explain(address: str, operation: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        {
            "name": one["name"],
            "text": one.get("description") or one["schema"].get("description", ""),
            "required": one.get("required", False),
        }
        for one in operation.get("parameters", ())
    ]
    return {"path": address, "summary": operation["summary"], "parameters": parameters}


app_name = "api"
urlpatterns = [
    path("", show_guide, name="guide"),
    path(f"v{VERSION}/openapi.json", for_readers(show_description), name="description"),
    *(
        path(f"v{VERSION}/{found.pattern}", for_readers(found.callback), name=found.name)
        for found in api.urls[0]
        if isinstance(found, URLPattern) and found.name != "api-root"
    ),
]
