"""Public addresses. A post may hold an address that looks like one of these: lists give way where they are empty."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect
from django.templatetags.static import static
from django.urls import path, register_converter, reverse

from articles.site import feeds, sitemaps, views
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
def go_to_icon(request: HttpRequest) -> HttpResponseBase:
    """Where browsers look for the icon of what is no page, as a feed is none."""
    return HttpResponsePermanentRedirect(static("img/icon.svg"))


urlpatterns = [
    path("", views.show_home, name="home"),
    path("feed/", go_to_feed, name="feed"),
    path("feed", go_to_feed),
    path("rss.xml", feeds.show_rss, name="rss"),
    path("atom.xml", feeds.show_atom, name="atom"),
    path("sitemap.xml", sitemaps.show_sitemap_index, name="sitemap"),
    path("sitemap-<int:number>.xml", sitemaps.show_sitemap_page, name="sitemap_page"),
    path("favicon.ico", go_to_icon, name="favicon"),
    # Before all posts: an old site may have had its own search at this address.
    path("search/", views.show_search, name="search"),
    path("search", views.show_search),
    path("robots.txt", sitemaps.show_robots, name="robots"),
    path("media/<path:path>", views.show_media, name="media"),
    # The first of each pair is the address; the second leads there.
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
