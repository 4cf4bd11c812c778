"""The sitemap: an index, and pages of a bounded number of addresses that are written while they are read."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from articles.models import Post, PostQuerySet
from articles.site.feeds import XML_DECLARATION, sheet, xml_text
from articles.site.responses import ASK_AGAIN, public_page

PAGE_SIZE = 10_000  # the protocol allows 50,000
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


@public_page
def show_sitemap_index(request: HttpRequest) -> HttpResponseBase:
    """Names the pages. At least one: it holds the home page."""
    pages = max(1, -(-_posts().count() // PAGE_SIZE))
    addresses = (settings.SITE_URL + reverse("articles:sitemap_page", args=[number]) for number in range(1, pages + 1))
    entries = "".join(f"<sitemap><loc>{xml_text(address)}</loc></sitemap>\n" for address in addresses)
    text = f'{XML_DECLARATION}{sheet()}<sitemapindex xmlns="{_NAMESPACE}">\n{entries}</sitemapindex>\n'
    return HttpResponse(text, content_type="application/xml")


@public_page
def show_sitemap_page(request: HttpRequest, number: int) -> HttpResponseBase:
    """One page, streamed. Unknown numbers are 404."""
    start = (number - 1) * PAGE_SIZE
    if number < 1 or number > 100_000:
        raise Http404
    posts = _posts()[start : start + PAGE_SIZE]
    if number > 1 and not posts[:1]:
        raise Http404
    response = StreamingHttpResponse(_write(posts, has_home=number == 1), content_type="application/xml")
    response.headers["Cache-Control"] = ASK_AGAIN
    return response


def _posts() -> PostQuerySet:
    # Not only(): what the page writes is a handful of columns of possibly ten thousand rows.
    return Post.objects.published().only("path", "published_at", "updated_at", "corrected_at").order_by("pk")


def _write(posts: PostQuerySet, *, has_home: bool) -> Iterator[str]:
    yield f'{XML_DECLARATION}{sheet()}<urlset xmlns="{_NAMESPACE}">\n'
    if has_home:
        yield f"<url><loc>{xml_text(settings.SITE_URL + reverse('articles:home'))}</loc></url>\n"
    for post in posts.iterator(chunk_size=1000):
        if post.path == "/":
            continue
        moment = post.last_updated_at or post.published_at
        changed = f"<lastmod>{timezone.localtime(moment).isoformat()}</lastmod>" if moment else ""
        yield f"<url><loc>{xml_text(settings.SITE_URL + post.get_absolute_url())}</loc>{changed}</url>\n"
    yield "</urlset>\n"


@public_page
def show_robots(request: HttpRequest) -> HttpResponseBase:
    """Everything public may be read; the sitemap says where it is."""
    text = f"User-agent: *\nDisallow:\n\nSitemap: {settings.SITE_URL}{reverse('articles:sitemap')}\n"
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
