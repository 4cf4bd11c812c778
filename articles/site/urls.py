"""Public addresses. A post may hold an address that looks like one of these: lists give way where they are empty."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect
from django.templatetags.static import static
from django.urls import URLPattern, path, register_converter, reverse

from articles.site import crawlers, feeds, machines, sitemaps, views
from articles.site.responses import public_page


class YearConverter:
    """Exactly four digits, as addresses have them."""

    regex = "[0-9]{4}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return f"{int(value):04}"


class MonthConverter(YearConverter):
    """Exactly two digits."""

    regex = "[0-9]{2}"

    def to_url(self, value: int) -> str:
        return f"{int(value):02}"


register_converter(YearConverter, "yyyy")
register_converter(MonthConverter, "mm")

app_name = "articles"


@public_page
def go_to_feed(request: HttpRequest) -> HttpResponseBase:
    """Where WordPress and many themes have their feed."""
    return HttpResponsePermanentRedirect(reverse("articles:rss"))


@public_page
def go_to_sitemap(request: HttpRequest, number: int) -> HttpResponseBase:
    """Where the sitemap's files were while they had numbers: what is there now, the index says."""
    return HttpResponsePermanentRedirect(reverse("articles:sitemap"))


@public_page
def go_to_icon(request: HttpRequest, name: str) -> HttpResponseBase:
    """Where browsers and phones look for the icon of what names none, as a feed does not."""
    return HttpResponsePermanentRedirect(static(f"img/{name}"))


def _feeds_of(kind: str, folder: str, slug: str) -> list[URLPattern]:
    """The feeds of a kind of term, beside its lists."""
    files = {"rss": "rss.xml", "atom": "atom.xml", "json": "feed.json"}
    return [
        path(f"{folder}/<{slug}:slug>/{file}", feeds.show_term_feed, {"kind": kind, "format": format}, name=f"{kind}_{format}")
        for format, file in files.items()
    ]


urlpatterns = [
    path("", views.show_home, name="home"),
    path("feed/", go_to_feed, name="feed"),
    path("feed", go_to_feed),
    path("rss.xml", feeds.show_feed, {"format": "rss"}, name="rss"),
    path("atom.xml", feeds.show_feed, {"format": "atom"}, name="atom"),
    path("feed.json", feeds.show_feed, {"format": "json"}, name="json"),
    path("feeds/", feeds.show_feeds, name="feeds"),
    path("sitemap.xml", sitemaps.show_sitemap_index, name="sitemap"),
    path("sitemap-<int:number>.xml", go_to_sitemap),
    path("sitemap-posts.xml", sitemaps.show_sitemap_page, name="sitemap_page"),
    path("sitemap-news.xml", sitemaps.show_news_sitemap, name="news_sitemap"),
    path("favicon.ico", go_to_icon, {"name": "icon.svg"}, name="favicon"),
    path("apple-touch-icon.png", go_to_icon, {"name": "apple-touch-icon.png"}, name="touch_icon"),
    # Before all posts: an old site may have had its own search at this address.
    path("search/", views.show_search, name="search"),
    path("search", views.show_search),
    path("manifest.webmanifest", machines.show_manifest, name="manifest"),
    path("robots.txt", crawlers.show_robots, name="robots"),
    path("colours-<str:key>.css", machines.show_colours, name="colours"),
    path("llms.txt", machines.show_llms, name="llms"),
    path("media/<path:path>", views.show_media, name="media"),
    *_feeds_of("category", "categories", "path"),
    *_feeds_of("tag", "tags", "str"),
    *_feeds_of("author", "authors", "str"),
    *_feeds_of("series", "series", "str"),
    # The first of each pair is the address; the second leads there.
    path("archives/", views.show_archives, name="archives"),
    path("archives", views.show_archives),
    path("categories/", views.show_categories, name="categories"),
    path("categories", views.show_categories),
    path("tags/", views.show_tags, name="tags"),
    path("tags", views.show_tags),
    path("authors/", views.show_authors, name="authors"),
    path("authors", views.show_authors),
    path("series/", views.show_all_series, name="all_series"),
    path("series", views.show_all_series),
    path("categories/<path:full_slug>/", views.show_category, name="category"),
    path("categories/<path:full_slug>", views.show_category),
    path("tags/<str:slug>/", views.show_tag, name="tag"),
    path("tags/<str:slug>", views.show_tag),
    path("authors/<str:slug>/", views.show_author, name="author"),
    path("authors/<str:slug>", views.show_author),
    path("series/<str:slug>/", views.show_series, name="series"),
    path("series/<str:slug>", views.show_series),
    path("<yyyy:year>/", views.show_year, name="year"),
    path("<yyyy:year>", views.show_year),
    path("<yyyy:year>/<mm:month>/", views.show_month, name="month"),
    path("<yyyy:year>/<mm:month>", views.show_month),
    path("<path:path>", views.show_address, name="address"),
]
