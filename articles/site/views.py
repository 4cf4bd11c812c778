"""Public pages. Each reads through ``Post.objects.published()`` and prints stored HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext

from articles.feed_links import feeds_of
from articles.models import Author, Category, Correction, Post
from articles.pictures import link_elsewhere, place_pictures
from articles.routes import address_of, period_address
from articles.shown import complete, note, note_posts, note_span, place_of
from articles.site import archives, article, folders, lookup, structured
from articles.site.context import Section, find_way, interface_language, is_web_address, language_of, load_sections, web_links
from articles.site.embeds import place_players
from articles.site.former import find_old_site
from articles.site.front import latest, load_front
from articles.site.indexes import list_terms
from articles.site.listing import Credits, Listing, Wanted, attach_credits, headlines, list_pages, list_posts, note_listing
from articles.site.markdown import markdown_address, public_markdown
from articles.site.media import answer_file, lead_to_replacement
from articles.site.responses import ASK_AGAIN, ask_robots, public_page, render_page
from articles.site.searching import search_posts
from articles.site.suggestions import suggest_posts
from articles.site.terms import TermList, find_list
from articles.site_settings import current
from articles.statements import fetch

LEAD_AND_SIDE = 5
MIN_BAND = 2
MAX_BAND = 4


# --- Home -----------------------------------------------------------------------------------------------------------


@public_page
def show_home(request: HttpRequest) -> HttpResponseBase:
    """The front page: what staff put there, then the latest. Older pages are plain lists of what did not stand at its head.

    Queries: the arranged stories, posts, credits, sections, introduction; on older pages the newer page.
    """
    token = request.GET.get("before")
    sections = load_sections()
    front = load_front() if token is None else []
    listing = list_posts(Wanted(latest), token, besides=front)
    if not listing.is_first:
        context = {"kind": "home", "canonical": settings.SITE_URL + address_of("home")}
        note("front")
        note_listing("time", listing)
        return _show_list(listing, context, sections)
    return render_home(front, listing, sections)


def render_home(front: list[Post], listing: Listing, sections: list[Section], *, scripts: bool = True) -> HttpResponse:
    """The front page with the stories of ``front`` at its head. Previews are made by this function too, without ``scripts``.

    The first story leads, the next four stand beside it, those that staff chose (``beside``) apart from the latest. Further
    chosen ones come below them, and what is left in bands by section. A post at ``/`` is the introduction.
    """
    stories = [*front, *listing.posts]
    newest = max((post.published_at for post in stories if post.published_at), default=None)
    introduction = _introduction_at("/")
    note("front")
    note_posts("card", (post.pk for post in front))
    note_listing("time", listing)
    context = {
        **page_context(sections),
        "listing": listing,
        "lead": stories[:1],
        "side": stories[1:LEAD_AND_SIDE],
        "beside": max(len(front) - 1, 0),
        "more_pinned": front[LEAD_AND_SIDE:],
        "latest": newest,
        "bands": _bands(stories[max(LEAD_AND_SIDE, len(front)) :], sections),
        **_introduce(introduction),
        "is_front": True,
        "scripts": scripts,
        "structured_data": structured.describe_home(),
        "canonical": settings.SITE_URL + address_of("home"),
    }
    complete()
    return render_page("articles/home.html", context, language=settings.LANGUAGE_CODE)


def _bands(posts: list[Post], sections: list[Section]) -> list[dict[str, Any]]:
    """The posts below the fold by their first root section, in the sections' order; what is alone comes last, together."""
    by_root: dict[str, list[Post]] = {section.full_slug: [] for section in sections}
    rest: list[Post] = []
    for post in posts:
        categories = post.credits.categories  # type: ignore[attr-defined]
        root = categories[0].slug.partition("/")[0] if categories else ""
        by_root.get(root, rest).append(post)
    bands = []
    for section in sections:
        members = by_root[section.full_slug]
        if len(members) >= MIN_BAND:
            bands.append({"section": section, "posts": members[:MAX_BAND]})
            rest += members[MAX_BAND:]
        else:
            rest += members
    if rest:
        bands.append({"section": None, "posts": sorted(rest, key=posts.index)})
    return bands


# --- Lists by term --------------------------------------------------------------------------------------------------


@public_page
def show_category(request: HttpRequest, full_slug: str) -> HttpResponseBase:
    """The posts of a category and of everything below it."""
    return _show_term(request, find_list("category", full_slug.strip("/")))


@public_page
def show_tag(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The posts with a tag."""
    return _show_term(request, find_list("tag", slug))


@public_page
def show_author(request: HttpRequest, slug: str) -> HttpResponseBase:
    """A by-line, who it is, and its posts."""
    return _show_term(request, find_list("author", slug))


@public_page
def show_series(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The posts of a series."""
    return _show_term(request, find_list("series", slug))


def _show_term(request: HttpRequest, found: TermList | None) -> HttpResponseBase:
    """A term's list at its own address; without anything public it is as unknown as a term that does not exist."""
    if found is None:
        return answer_address(request)
    sections = load_sections()
    token = request.GET.get("before")
    listing = list_posts(found.wanted, token)
    is_dated = bool(listing.posts)
    if not is_dated and token is None:
        listing = list_pages(found.posts)
    if not listing.posts:
        return answer_address(request)
    if iri_to_uri(request.path) != found.address:
        return HttpResponsePermanentRedirect(found.address)
    introduction = _introduction_at(request.path_info)
    if introduction and not is_dated:
        listing.posts = [post for post in listing.posts if post.pk != introduction.pk]
        if not listing.posts:
            return answer_address(request)
    context = _term_context(found) | _introduce(introduction, is_first=token is None)
    context["description"] = found.description or context["introduction_description"]
    note(found.name)
    note_listing(found.name, listing)
    # A feed is of what has a date.
    return _show_list(listing, context if is_dated else {**context, "list_feeds": ()}, sections)


def _introduction_at(path: str) -> Post | None:
    """The public post that stands at the very address of a list, which shows it above its posts; one query."""
    return next(iter(fetch(lookup.posts_at, timezone.now(), [path])), None)


def _introduce(introduction: Post | None, *, is_first: bool = True) -> dict[str, Any]:
    """What a list shows of the post at its address, noted: on its first page all, on others whether it is kept out of search."""
    is_hidden = bool(introduction and introduction.noindex)
    note_posts("text" if is_first else "name", [introduction.pk if introduction else None])
    introduction = introduction if is_first else None
    return {
        "is_hidden": is_hidden,
        "introduction": introduction,
        "introduction_description": article.description_of(introduction) if introduction else "",
        "introduction_text": link_elsewhere(introduction.body_html, settings.SITE_URL) if introduction else "",
        "markdown_url": markdown_address(introduction) if introduction else "",
    }


def _term_context(found: TermList) -> dict[str, Any]:
    term = found.term
    context: dict[str, Any] = {
        "kind": found.kind,
        "term": term,
        "heading": term.name,
        "description": found.description,
        "canonical": settings.SITE_URL + found.address,
        "list_feeds": found.feeds,
        "feeds_name": term.name,
    }
    if isinstance(term, Category):
        context["category"] = term.full_slug
    if isinstance(term, Author):
        context["links"] = web_links(term)
        note(f"file:{term.picture.public_name if term.picture else ''}")
    return context


def _show_list(listing: Listing, context: dict[str, Any], sections: list[Section]) -> HttpResponse:
    complete()
    context["description"] = context.get("description") or headlines(listing.posts)
    way = find_way(sections, context.get("category", ""))
    children = way[-1].children if way else []
    context = {**page_context(sections), **context, "listing": listing, "children": children, "above": way[:-1]}
    if heading := context.get("heading"):
        author = context["term"] if context["kind"] == "author" else None
        context["structured_data"] = structured.describe_list(heading, context["canonical"], way[:-1], author)
    # The first page of a section is a front of its own: its newest stories stand as those of the site's do.
    is_front = context["kind"] == "category" and listing.is_first and len(listing.posts) > LEAD_AND_SIDE
    head = LEAD_AND_SIDE if is_front else 0
    context |= {"lead": listing.posts[:1] if head else [], "side": listing.posts[1:head], "entries": listing.posts[head:]}
    # Below the months of a year, an entry is one level deeper.
    context["entry_level"] = 3 if context["kind"] == "year" else 2
    language, is_hidden = context.get("language") or settings.LANGUAGE_CODE, context.get("is_hidden", False)
    return render_page("articles/list.html", context, language=language, noindex=is_hidden)


def page_context(sections: list[Section]) -> dict[str, Any]:
    """What every page shows besides its own matter."""
    site = current()
    return {"sections": sections, "site": site, "site_name": site.name, "site_description": site.description}


# --- Search ---------------------------------------------------------------------------------------------------------


@public_page
def show_search(request: HttpRequest) -> HttpResponseBase:
    """The search page, with hits where something is asked. Never in the index of a search engine."""
    if request.path != address_of("search"):
        query = request.META.get("QUERY_STRING", "")
        return HttpResponsePermanentRedirect(address_of("search") + (f"?{query}" if query else ""))
    with translation.override(interface_language(settings.LANGUAGE_CODE)):
        results = search_posts(request.GET.get("q", ""), request.GET.get("order", ""), request.GET.get("from"))
    context = {**page_context(load_sections()), "results": results, "kind": "search"}
    status = 400 if results.problem else 200
    response = render_page("articles/search.html", context, language=settings.LANGUAGE_CODE, status=status)
    response.headers["X-Robots-Tag"] = "noindex"
    return response


# --- Archives by date -----------------------------------------------------------------------------------------------


@public_page
def show_year(request: HttpRequest, year: int) -> HttpResponseBase:
    """The posts of a year, in the site's zone."""
    return _show_period(request, year, None)


@public_page
def show_month(request: HttpRequest, year: int, month: int) -> HttpResponseBase:
    """The posts of a month, in the site's zone."""
    return _show_period(request, year, month)


def _show_period(request: HttpRequest, year: int, month: int | None) -> HttpResponseBase:
    if not archives.FIRST_YEAR <= year <= archives.LAST_YEAR or (month is not None and not 1 <= month <= 12):
        return answer_address(request)
    span = archives.month_span(year, month) if month else archives.year_span(year)
    sections = load_sections()
    listing = list_posts(Wanted(archives.posts_since, (span[0],), until=span[1]), request.GET.get("before"))
    if not listing.posts:
        return answer_address(request)
    address = period_address(year, month)
    if request.path != address:
        return HttpResponsePermanentRedirect(address)
    around = archives.look_around(span, year=0 if month else year)
    _note_period(span, listing, around, is_year=not month)
    context = {"kind": "month" if month else "year", "start": span[0], "around": around, "canonical": settings.SITE_URL + address}
    return _show_list(listing, context, sections)


def _note_period(span: archives.Span, listing: Listing, around: archives.Around, *, is_year: bool) -> None:
    """Notes the posts of a period, and that posts between it and those that the page leads to would show."""
    before, after = (place_of(moment) if moment else None for moment in (around.earlier, around.later))
    note_listing("time", listing, within=span)
    note_span("time", before, place_of(span[0]))
    note_span("time", place_of(span[1]), after)
    if is_year:
        # Which of its months have posts.
        note_span("time", *map(place_of, span))


@public_page
def show_archives(request: HttpRequest) -> HttpResponseBase:
    """The years and months that have posts. Queries: a post at this address, the ends, the months, the sections."""
    return _show_index(request, "archives", gettext("Archive"), lambda _sections: {"years": archives.list_years()}, lists="time")


# --- Indexes of terms -----------------------------------------------------------------------------------------------


@public_page
def show_tags(request: HttpRequest) -> HttpResponseBase:
    """All tags that have public posts."""
    return _show_terms(request, "tag", gettext("Tags"))


@public_page
def show_authors(request: HttpRequest) -> HttpResponseBase:
    """All by-lines that have public posts."""
    return _show_terms(request, "author", gettext("By-lines"))


@public_page
def show_all_series(request: HttpRequest) -> HttpResponseBase:
    """All series that have public posts."""
    return _show_terms(request, "series", gettext("Series"))


@public_page
def show_categories(request: HttpRequest) -> HttpResponseBase:
    """The tree of categories that have public posts."""
    return _show_index(request, "categories", gettext("Sections"), lambda sections: {"tree": sections})


def _show_terms(request: HttpRequest, kind: str, heading: str) -> HttpResponseBase:
    start = request.GET.get("from")
    note(f"index:{kind}")
    return _show_index(request, _INDEXES[kind], heading, lambda _sections: {"index": list_terms(kind, start)})


Loader = Callable[[list[Section]], dict[str, Any]]
_INDEXES = {"tag": "tags", "author": "authors", "series": "all_series"}


def _show_index(request: HttpRequest, name: str, heading: str, load: Loader, *, lists: str = "") -> HttpResponseBase:
    """An index at its own address, unless an old site had a page there: its address belongs to that page.

    ``load`` gives what the page lists, from the sections of the site; ``lists`` is the list that it tells of. Other indexes
    lead here, so one without anything in it is a page that says so.
    """
    if found := lookup.find_post(request.path_info):
        return _answer_found(request, found)
    sections = load_sections()
    listed = load(sections)
    matter = listed.get("years") or listed.get("tree") or (index.groups if (index := listed.get("index")) else [])
    if not matter and (other := _answer_found(request, None)).status_code != HTTPStatus.NOT_FOUND:
        return other
    address = address_of(name)
    if request.path != address:
        return HttpResponsePermanentRedirect(address)
    if lists:
        note_span(lists)
    return _render_index(name, heading, address, sections, {**listed, "is_empty": not matter})


def _show_taxonomy(request: HttpRequest, post: Post, kind: str) -> HttpResponse:
    """The page that an old site had above the list of its terms, with those of them that have something public."""
    start, sections = request.GET.get("from"), load_sections()
    listed: dict[str, Any] = {"tree": sections} if kind == "category" else {"index": list_terms(kind, start)}
    note(f"index:{kind}")
    if not (listed.get("tree") or listed["index"].groups):
        return _show_post(post, None)
    listed |= _introduce(post, is_first=start is None)
    return _render_index(_INDEXES.get(kind, "categories"), post.title, post.get_absolute_url(), sections, listed)


def _render_index(name: str, heading: str, address: str, sections: list[Section], listed: dict[str, Any]) -> HttpResponse:
    canonical = settings.SITE_URL + address
    context = {
        **page_context(sections),
        **listed,
        "kind": name,
        "heading": heading,
        "canonical": canonical,
        "structured_data": structured.describe_list(heading, canonical, ()),
    }
    complete()
    is_hidden = bool(listed.get("is_empty") or listed.get("is_hidden"))
    return render_page("articles/index.html", context, language=settings.LANGUAGE_CODE, noindex=is_hidden)


# --- One address ----------------------------------------------------------------------------------------------------


@public_page
def show_address(request: HttpRequest, path: str = "") -> HttpResponseBase:
    """Whatever stands at an address: a post, the way to it, the note that it was withdrawn, or nothing."""
    return answer_address(request)


@public_page
def show_media(request: HttpRequest, path: str) -> HttpResponseBase:
    """A library file. Addresses below ``/media/`` that are none may be those of posts."""
    if response := answer_file(request, path):
        return response
    return lead_to_replacement(path) or answer_address(request)


def answer_address(request: HttpRequest) -> HttpResponseBase:
    """Whatever stands at the address that was asked for, where no list of the site's own does."""
    return _answer_found(request, lookup.find_post(request.path_info))


def _answer_found(request: HttpRequest, found: lookup.Found | None) -> HttpResponseBase:
    """The same, where ``found`` is what :func:`lookup.find_post` knows of the address."""
    path = request.path_info
    if found and found.is_exact:
        if kind := folders.find_taxonomy(found.post):
            return _show_taxonomy(request, found.post, kind)
        return _show_post(found.post, request.GET.get("before"))
    markdown_of = path.removesuffix(".md").removesuffix("/index") or "/" if path.endswith(".md") else ""
    if not found and markdown_of and (text := lookup.find_post(markdown_of)):
        return _show_markdown(text.post)
    if found and found.is_same_page:
        return HttpResponsePermanentRedirect(found.post.get_absolute_url())
    former = lookup.find_former(path)
    # Of a post at another spelling and a former address, the one whose spelling is nearer to what was asked for.
    if former.post and not (found and found.rank <= former.rank):
        return HttpResponsePermanentRedirect(former.post.get_absolute_url())
    if found:
        return HttpResponsePermanentRedirect(found.post.get_absolute_url())
    if former.is_withdrawn or (markdown_of and lookup.find_former(markdown_of).is_withdrawn):
        return render_page("410.html", page_context(load_sections()), language=settings.LANGUAGE_CODE, status=410)
    if (target := find_old_site(path)) and target != iri_to_uri(request.path):
        # Where a file or a list leads may change; without this, browsers would keep it for good.
        return HttpResponsePermanentRedirect(target, headers={"Cache-Control": ASK_AGAIN})
    context = {**page_context(load_sections()), "suggestions": suggest_posts(path)}
    return render_page("404.html", context, language=settings.LANGUAGE_CODE, status=404)


def _show_post(post: Post, token: str | None) -> HttpResponse:
    """Queries: the post (read already), neighbours with related posts, credits with pictures and corrections, the sections.

    A page that stood above a list shows its posts below the text, and older ones (``token``) on pages of their own.
    """
    folder = folders.find_folder(post)
    if folder and token is not None:
        return _show_older(post, folder.list(token))
    listing = folder.list(None) if folder else None
    neighbours = article.load_neighbours(post)
    attach_credits([post, *neighbours.related], html=post.body_html)
    credits: Credits = post.credits  # type: ignore[attr-defined]
    note_posts("text", [post.pk])
    complete()
    return render_post(post, credits, post.opening, neighbours, credits.corrections, listing=listing)  # type: ignore[attr-defined]


def _show_older(post: Post, listing: Listing) -> HttpResponse:
    """Older posts of the list that a page stands above."""
    note_posts("name", [post.pk])
    context = {
        "kind": "folder",
        "heading": post.title,
        "canonical": settings.SITE_URL + post.get_absolute_url(),
        "language": language_of(post),
        "is_hidden": post.noindex,
    }
    return _show_list(listing, context, load_sections())


def render_post(
    post: Post,
    credits: Credits,
    opening: str,
    neighbours: article.Neighbours,
    corrections: Sequence[Correction],
    *,
    scripts: bool = True,
    listing: Listing | None = None,
) -> HttpResponse:
    """The page of a post, saved or not: previews are made by this function too, so that they cannot differ.

    ``opening`` is the beginning of its plain text; ``scripts`` says whether the page may name any; ``listing`` stands below it.
    """
    description = article.description_of(post)
    sections = load_sections()
    category = credits.categories[0].slug if credits.categories else ""
    alternates = article.alternates_of(post, neighbours.translations)
    shows_cover = article.shows_cover(post)
    language = language_of(post)
    text, origins = place_players(post.body_html, interface_language(language), text_language=language)
    context = {
        **page_context(sections),
        "post": post,
        "credits": credits,
        "is_article": article.is_article(post),
        "standfirst": article.standfirst(post, opening),
        "description": description,
        "is_sponsored": post.has_paid_links,
        "outline": article.outline_of(post),
        "shows_cover": shows_cover,
        "text": place_pictures(link_elsewhere(text, settings.SITE_URL), credits.pictures, leads=not shows_cover),
        "has_players": bool(origins),
        "scripts": scripts,
        "shared_picture": article.shared_picture(post),
        "neighbours": neighbours,
        "corrections": corrections,
        "listing": listing,
        "source_url": post.source_url if is_web_address(post.source_url) else "",
        "site_language": settings.LANGUAGE_CODE,
        "category": category,
        "alternates": alternates,
        "list_feeds": feeds_of("category", category) if category else (),
        "feeds_name": credits.categories[0].name if category else "",
        "canonical": article.canonical_url(post),
        "share_links": article.share_links(post) if article.is_article(post) else [],
        "markdown_url": markdown_address(post),
        "structured_data": structured.describe_post(post, credits, find_way(sections, category), corrections),
    }
    response = render_page("articles/post.html", context, language=language, noindex=post.noindex)
    if origins:
        # Beside what the page lets the script that counts visits do.
        policy = getattr(response, "_csp_update", {})
        response._csp_update = {**policy, "frame-src": origins}  # type: ignore[attr-defined]
    return response


def _show_markdown(post: Post) -> HttpResponse:
    attach_credits([post])
    note_posts("text", [post.pk])
    complete()
    text = public_markdown(post, post.credits)  # type: ignore[attr-defined]
    response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    response.headers["Link"] = f'<{article.canonical_url(post)}>; rel="canonical"'
    ask_robots(response, noindex=post.noindex)
    response.headers["Content-Language"] = language_of(post)
    return response
