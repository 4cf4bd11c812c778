"""The sitemap: an index and files of a bounded number of addresses, written while they are read; and the one of the news.

A file begins at an address and not at a number, so that the last costs what the first costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from urllib.parse import quote

from django.conf import settings
from django.db.models import F, IntegerField, Max, Value, Window
from django.db.models.functions import Mod, RowNumber
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from articles.addresses import spellings_of
from articles.models import Post, PostQuerySet
from articles.site.context import language_of
from articles.site.responses import ASK_AGAIN, public_page
from articles.site.syndication import XML_DECLARATION, sheet, xml_text
from articles.site.views import answer_address
from articles.site_settings import current

PAGE_SIZE = 10_000  # the protocol allows 50,000
#: What Google takes: posts of two days, a thousand of them at most.
NEWS_AGE = timedelta(days=2)
NEWS_SIZE = 1_000
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_NEWS = "http://www.google.com/schemas/sitemap-news/0.9"
_XML = "application/xml; charset=utf-8"
# Google News wants two letters, except for Chinese.
_NEWS_LANGUAGES = {"zh-cn": "zh-cn", "zh-hans": "zh-cn", "zh-tw": "zh-tw", "zh-hant": "zh-tw"}


@public_page
def show_sitemap_index(request: HttpRequest) -> HttpResponseBase:
    """Names the files, each with its newest change. At least one: it holds the home page. Two queries."""
    starts = _load_starts()
    changes = _load_changes(starts)
    address = settings.SITE_URL + reverse("articles:sitemap_page")
    entries = []
    for start, changed in zip(starts or [""], changes or [None], strict=True):
        query = f"?from={quote(start, safe='/')}" if start and start != starts[0] else ""
        entries.append(f"<sitemap><loc>{xml_text(address + query)}</loc>{_lastmod(changed)}</sitemap>\n")
    text = f'{XML_DECLARATION}{sheet()}<sitemapindex xmlns="{_NAMESPACE}">\n{"".join(entries)}</sitemapindex>\n'
    return HttpResponse(text, content_type=_XML)


@public_page
def show_sitemap_page(request: HttpRequest) -> HttpResponseBase:
    """The addresses from ``?from=`` on, streamed. What no post can have as its address is not found."""
    start = request.GET.get("from", "")
    if start and start not in spellings_of(start):
        return answer_address(request)
    posts = _posts().filter(path__gte=start) if start else _posts()
    response = StreamingHttpResponse(_write(posts.order_by("path")[:PAGE_SIZE], has_home=not start), content_type=_XML)
    response.headers["Cache-Control"] = ASK_AGAIN
    return response


@public_page
def show_news_sitemap(request: HttpRequest) -> HttpResponseBase:
    """The articles of the last two days, for news search. Queries: the posts, and the settings where they are not remembered."""
    now = timezone.now()
    recent = _posts().dated().filter(published_at__gt=now - NEWS_AGE, published_at__lte=now)
    entries = "".join(map(_news_entry, recent.only("path", "title", "language", "published_at")[:NEWS_SIZE]))
    text = f'{XML_DECLARATION}{sheet()}<urlset xmlns="{_NAMESPACE}" xmlns:news="{_NEWS}">\n{entries}</urlset>\n'
    return HttpResponse(text, content_type=_XML)


def _posts() -> PostQuerySet:
    """What search engines are told of."""
    return Post.objects.published().filter(noindex=False)


def _load_starts() -> list[str]:
    """The address at which each file begins."""
    place = Window(RowNumber(), order_by=F("path").asc())
    rows = _posts().order_by().annotate(place=place).annotate(rest=Mod(F("place"), Value(PAGE_SIZE), output_field=IntegerField()))
    # The first of each: numbers begin with 1. With one to a file there is no remainder.
    return list(rows.filter(rest=1 % PAGE_SIZE).order_by("place").values_list("path", flat=True))


def _load_changes(starts: Sequence[str]) -> list[datetime | None]:
    """The newest change of each file, in one statement."""
    parts = []
    for number, (start, end) in enumerate(pairwise([*starts, ""])):
        rows = _posts().filter(path__gte=start)
        rows = rows.filter(path__lt=end) if end else rows
        newest = (
            rows.order_by().values(number=Value(number)).annotate(Max("published_at"), Max("updated_at"), Max("corrected_at"))
        )
        parts.append(newest.values_list("number", "published_at__max", "updated_at__max", "corrected_at__max"))
    found = sorted(parts[0].union(*parts[1:], all=True)) if parts else []
    return [max(filter(None, moments), default=None) for _number, *moments in found]


def _write(posts: PostQuerySet, *, has_home: bool) -> Iterator[str]:
    yield f'{XML_DECLARATION}{sheet()}<urlset xmlns="{_NAMESPACE}">\n'
    if has_home:
        yield f"<url><loc>{xml_text(settings.SITE_URL + reverse('articles:home'))}</loc></url>\n"
    for post in posts.only("path", "published_at", "updated_at", "corrected_at").iterator(chunk_size=1000):
        if post.path == "/":
            continue
        changed = _lastmod(post.last_updated_at or post.published_at)
        yield f"<url><loc>{xml_text(settings.SITE_URL + post.get_absolute_url())}</loc>{changed}</url>\n"
    yield "</urlset>\n"


def _lastmod(moment: datetime | None) -> str:
    return f"<lastmod>{timezone.localtime(moment).isoformat()}</lastmod>" if moment else ""


def _news_entry(post: Post) -> str:
    assert post.published_at is not None  # dated() lists only posts with a date
    language = language_of(post).lower()
    publication = (
        f"<news:publication><news:name>{xml_text(current().name)}</news:name>"
        f"<news:language>{xml_text(_NEWS_LANGUAGES.get(language, language.partition('-')[0]))}</news:language></news:publication>"
    )
    return (
        f"<url><loc>{xml_text(settings.SITE_URL + post.get_absolute_url())}</loc><news:news>{publication}"
        f"<news:publication_date>{timezone.localtime(post.published_at).isoformat()}</news:publication_date>"
        f"<news:title>{xml_text(post.title)}</news:title></news:news></url>\n"
    )
