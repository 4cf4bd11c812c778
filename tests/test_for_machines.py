"""What programs are told: structured data, Open Graph, languages, sitemaps, robots, llms.txt, manifest and icons.

The form of sitemaps is checked by hand after sitemaps.org and Google's documentation of the news: their schema files are no
part of this project.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone
from lxml import etree, html
from PIL import Image
from pyld import jsonld

from articles.addresses import is_reserved
from articles.models import Author, Category, Post
from articles.site import crawlers, sitemaps
from tests.factories import CategoryFactory, MediaFileFactory, PostFactory, SeriesFactory, make_correction

ROOT = Path(__file__).resolve().parent.parent
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
NEWS = "{http://www.google.com/schemas/sitemap-news/0.9}"
SCHEMA = "https://schema.org/"
NOON = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def page_of(client, path: str, status: int = 200) -> html.HtmlElement:
    response = client.get(path)
    assert response.status_code == status, path
    return html.document_fromstring(response.content.decode())


def metas_of(page: html.HtmlElement) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for meta in page.iter("meta"):
        if name := meta.get("property") or meta.get("name"):
            found.setdefault(name, []).append(meta.get("content"))
    return found


def graph_of(client, path: str) -> dict[str, dict[str, Any]]:
    """The nodes of a page's graph by their type, after a processor has read it."""
    [script] = page_of(client, path).xpath('//script[@type="application/ld+json"]')
    data = json.loads(script.text)
    assert data.pop("@context") == "https://schema.org"
    # schema.org's own context says little more than that; its file would have to be fetched.
    data["@context"] = {"@vocab": SCHEMA}
    [expanded] = [jsonld.expand(data, {"documentLoader": refuse})]
    nodes = jsonld.flatten(expanded, None, {"documentLoader": refuse})
    types = [name for node in nodes for name in node.get("@type", [])]
    assert all(name.startswith(SCHEMA) and name.removeprefix(SCHEMA).isalpha() for name in types)
    keys = {key for node in nodes for key in node if not key.startswith("@")}
    assert {key.removeprefix(SCHEMA) for key in keys} <= WORDS, "a word that schema.org does not have"
    return {node["@type"]: node for node in data["@graph"]}


#: The properties of schema.org that this site uses, as that names them.
WORDS = frozenset(
    (
        *(
            "articleSection",
            "author",
            "correction",
            "dateModified",
            "datePublished",
            "description",
            "genre",
            "headline",
            "height",
        ),
        *("image", "inLanguage", "isAccessibleForFree", "isPartOf", "item", "itemListElement", "keywords", "logo", "mainEntity"),
        *("mainEntityOfPage", "name", "position", "potentialAction", "publisher", "query-input", "sameAs", "target", "text"),
        *("url", "urlTemplate", "width"),
    )
)


def refuse(url: str, options: Any) -> None:
    raise AssertionError(f"{url} would be fetched")


# --- Structured data ----------------------------------------------------------------------------------------------------


def test_an_article_is_described_in_the_words_of_schema_org(client):
    category = CategoryFactory(name="税", parent=CategoryFactory(name="政策"))
    post = PostFactory(
        title="題名",
        description="短い説明",
        published_at=NOON,
        authors=["経済班", Author.objects.create(name="山田", kind=Author.Kind.PERSON)],
        categories=[category],
        tags=["電力"],
        cover=MediaFileFactory(),
        series=SeriesFactory(name="連載"),
    )
    make_correction(post, "三は四の誤りでした。", NOON + timedelta(days=1))
    graph = graph_of(client, post.get_absolute_url())
    address = "http://testserver" + post.get_absolute_url()
    article = graph["NewsArticle"]
    assert article["headline"] == "題名"
    assert article["mainEntityOfPage"] == article["url"] == address
    assert (article["datePublished"], article["dateModified"]) == ("2026-11-10T12:00:00+09:00", "2026-11-11T12:00:00+09:00")
    assert [(who["@type"], who["name"]) for who in article["author"]] == [("Person", "経済班"), ("Person", "山田")]
    assert article["correction"] == [
        {"@type": "CorrectionComment", "text": "三は四の誤りでした。", "datePublished": "2026-11-11T12:00:00+09:00"}
    ]
    assert article["isPartOf"]["name"] == "連載"
    assert "genre" not in article
    assert article["publisher"] == {"@id": graph["Organization"]["@id"]}
    steps = [(step["position"], step["name"], step["item"]) for step in graph["BreadcrumbList"]["itemListElement"]]
    assert steps == [
        (1, "瓦版", "http://testserver/"),
        (2, "政策", f"http://testserver/categories/{quote('政策')}/"),
        (3, "税", f"http://testserver/categories/{quote('政策/税')}/"),
        (4, "題名", address),
    ]


def test_the_front_page_names_the_site_its_search_and_its_publisher(client, settings):
    settings.SITE_DESCRIPTION = "AI 時代のメディアを読む"
    graph = graph_of(client, "/")
    assert graph["WebSite"]["potentialAction"]["target"]["urlTemplate"] == "http://testserver/search/?q={search_term_string}"
    assert graph["WebSite"]["description"] == settings.SITE_DESCRIPTION
    logo = graph["Organization"]["logo"]
    assert (ROOT / urlsplit(logo["url"]).path.lstrip("/")).is_file()
    assert logo["width"] == logo["height"] == 512


def test_a_by_line_is_described_as_who_it_is(client):
    links = [{"label": "X", "url": "https://x.example/a"}, {"label": "bad", "url": "javascript:alert(1)"}, "odd"]
    author = Author.objects.create(name="山田", kind=Author.Kind.PERSON, bio="記者", links=links)
    desk = Author.objects.create(name="経済班", kind=Author.Kind.DESK)
    PostFactory(authors=[author, desk])
    person = graph_of(client, author.get_absolute_url())["ProfilePage"]["mainEntity"]
    assert (person["@type"], person["description"], person["sameAs"]) == ("Person", "記者", ["https://x.example/a"])
    assert graph_of(client, desk.get_absolute_url())["ProfilePage"]["mainEntity"]["@type"] == "Organization"


def test_paid_links_are_said_to_machines_too(client):
    post = PostFactory(body_html='<p><a href="https://shop.example/" rel="sponsored">店</a></p>')
    assert graph_of(client, post.get_absolute_url())["NewsArticle"]["genre"] == "広告リンクを含む"


def test_a_standing_page_is_no_news(client):
    post = PostFactory(kind=Post.Kind.PAGE, published_at=None, path="/about/")
    graph = graph_of(client, "/about/")
    assert "NewsArticle" not in graph
    assert "datePublished" not in graph["WebPage"]
    assert graph["WebPage"]["headline"] == post.title


def test_structured_data_cannot_end_its_element(client):
    hostile = "</script><script>alert(1)</script><!--<script>\u2028&"
    post = PostFactory(title=hostile, tags=[hostile[:50]], authors=[hostile[:50]], categories=[hostile[:50]])
    for path in (post.get_absolute_url(), post.authors.get().get_absolute_url(), post.categories.get().get_absolute_url()):
        text = client.get(path).content.decode()
        # The data, and on an article the script of the page, which holds nothing of what is written.
        assert re.sub(r'<script src="[^"]*" defer></script>', "", text).count("<script") == 1
        graph_of(client, path)
    assert graph_of(client, post.get_absolute_url())["NewsArticle"]["headline"] == hostile


# --- Heads --------------------------------------------------------------------------------------------------------------


def test_a_page_says_what_is_shown_where_it_is_shared(client):
    post = PostFactory(
        title='"題" & <b>',
        published_at=NOON,
        updated_at=NOON + timedelta(hours=1),
        authors=["経済班"],
        categories=["政策"],
        tags=["AI"],
    )
    metas = metas_of(page_of(client, post.get_absolute_url()))
    assert metas["og:title"] == ['"題" & <b>']
    assert metas["og:type"] == ["article"]
    assert metas["og:locale"] == ["ja_JP"]
    assert metas["og:url"] == ["http://testserver" + post.get_absolute_url()]
    assert metas["article:published_time"] == ["2026-11-10T12:00:00+09:00"]
    assert metas["article:modified_time"] == ["2026-11-10T13:00:00+09:00"]
    assert metas["article:author"] == [f"http://testserver/authors/{quote('経済班')}/"]
    assert (metas["article:section"], metas["article:tag"], metas["twitter:card"]) == (["政策"], ["AI"], ["summary"])
    assert "robots" not in metas
    PostFactory(path="/b/", cover=MediaFileFactory())
    assert metas_of(page_of(client, "/b/"))["twitter:card"] == ["summary_large_image"]


def test_translations_name_each_other_and_a_default_the_same_on_each_page(client):
    for language in ("", "en", "zh-Hant"):
        PostFactory(path=f"/{language or 'ja'}/a/", language=language, translation_key="a")
    PostFactory(path="/fr/a/", language="fr", translation_key="a", state=Post.State.DRAFT)
    expected = {
        "en": "http://testserver/en/a/",
        "ja": "http://testserver/ja/a/",
        "zh-Hant": "http://testserver/zh-Hant/a/",
        "x-default": "http://testserver/ja/a/",
    }
    for path in ("/ja/a/", "/en/a/", "/zh-Hant/a/"):
        links = page_of(client, path).xpath("//head/link[@hreflang]")
        assert {link.get("hreflang"): link.get("href") for link in links} == expected
    Post.objects.filter(path__in=["/en/a/", "/zh-Hant/a/"]).update(state=Post.State.WITHDRAWN)
    assert page_of(client, "/ja/a/").xpath("//head/link[@hreflang]") == []


def test_a_page_names_its_text_as_markdown(client):
    post = PostFactory()
    [link] = page_of(client, post.get_absolute_url()).xpath('//link[@type="text/markdown"]')
    assert client.get(link.get("href")).headers["Content-Type"].startswith("text/markdown")


# --- Posts that search engines leave out --------------------------------------------------------------------------------


def test_a_post_kept_out_of_search_says_so_and_stays_readable(client):
    now = timezone.now()
    PostFactory(path="/hidden/", title="内緒ではない", noindex=True, published_at=now - timedelta(hours=1))
    PostFactory(path="/shown/", published_at=now - timedelta(hours=2))
    response = client.get("/hidden/")
    assert response.headers["X-Robots-Tag"] == "noindex"
    assert metas_of(page_of(client, "/hidden/"))["robots"] == ["noindex"]
    assert client.get("/hidden.md").headers["X-Robots-Tag"] == "noindex"
    assert "X-Robots-Tag" not in client.get("/shown/").headers
    for path in ("/sitemap-posts.xml", "/sitemap-news.xml"):
        text = etree.tostring(read_sitemap(client, path), encoding="unicode")
        assert "/shown/" in text
        assert "/hidden/" not in text
    assert "/hidden" not in client.get("/llms.txt").content.decode()
    assert "/hidden" not in client.get("/robots.txt").content.decode()
    assert "/hidden/" in client.get("/").content.decode()
    assert "/hidden/" in client.get("/rss.xml").content.decode()


# --- Sitemaps -----------------------------------------------------------------------------------------------------------


def read_sitemap(client, path: str) -> etree._Element:
    response = client.get(path)
    assert response.status_code == 200, path
    assert response.headers["Content-Type"].startswith("application/xml")
    root = etree.fromstring(b"".join(response) if response.streaming else response.content)
    check_sitemap(root)
    return root


def check_sitemap(root: etree._Element) -> None:
    """sitemaps.org: which elements there are and in which order, whole addresses of this host below 2,048 letters, W3C times."""
    kinds = {f"{SITEMAP}urlset": f"{SITEMAP}url", f"{SITEMAP}sitemapindex": f"{SITEMAP}sitemap"}
    assert len(root) <= 50_000
    for entry in root:
        assert entry.tag == kinds[root.tag]
        names = [child.tag for child in entry]
        assert names in ([f"{SITEMAP}loc"], [f"{SITEMAP}loc", f"{SITEMAP}lastmod"], [f"{SITEMAP}loc", f"{NEWS}news"])
        address = entry.findtext(f"{SITEMAP}loc")
        assert address.isascii()
        assert address.startswith("http://testserver/")
        assert len(address) < 2048
        if changed := entry.findtext(f"{SITEMAP}lastmod"):
            assert datetime.fromisoformat(changed).utcoffset() is not None


def addresses_in(root: etree._Element) -> list[str]:
    return [element.text for element in root.iter(f"{SITEMAP}loc")]


@pytest.mark.parametrize("size", [1, 3, 7, 50])
def test_the_sitemap_is_split_into_files_that_hold_everything_once(client, monkeypatch, size):
    monkeypatch.setattr(sitemaps, "PAGE_SIZE", size)
    for number in range(7):
        PostFactory(path=f"/記事 & {number}/", updated_at=NOON + timedelta(days=number))
    index = read_sitemap(client, "/sitemap.xml")
    files = addresses_in(index)
    assert len(files) == -(-7 // size)
    listed = [address for file in files for address in addresses_in(read_sitemap(client, file.removeprefix("http://testserver")))]
    assert len(listed) == len(set(listed)) == 8
    assert listed[0] == "http://testserver/"
    changes = [entry.findtext(f"{SITEMAP}lastmod") for entry in index]
    assert changes[-1] == "2026-11-16T12:00:00+09:00"
    assert changes == sorted(changes)


def test_an_empty_site_has_sitemaps(client):
    assert addresses_in(read_sitemap(client, "/sitemap.xml")) == ["http://testserver/sitemap-posts.xml"]
    assert addresses_in(read_sitemap(client, "/sitemap-posts.xml")) == ["http://testserver/"]
    assert addresses_in(read_sitemap(client, "/sitemap-news.xml")) == []


@pytest.mark.parametrize("start", ["x", "/\x00", "/" * 900, "/" + "あ" * 900, "\n", "/a\nb"])
def test_a_file_of_the_sitemap_that_begins_nowhere_is_not_found(client, start):
    assert client.get("/sitemap-posts.xml", {"from": start}).status_code == 404


def test_a_numbered_file_of_the_sitemap_leads_to_the_index(client):
    assert client.get("/sitemap-1.xml").headers["Location"] == "/sitemap.xml"


def test_standing_pages_are_in_the_sitemap_and_drafts_are_not(client):
    PostFactory(kind=Post.Kind.PAGE, published_at=None, path="/about/")
    PostFactory(state=Post.State.DRAFT, path="/draft/")
    assert addresses_in(read_sitemap(client, "/sitemap-posts.xml")) == ["http://testserver/", "http://testserver/about/"]


def test_the_news_are_of_two_days_and_a_thousand_at_most(client, monkeypatch):
    now = timezone.now()
    PostFactory(path="/new/", title="題 & <b>", published_at=now - timedelta(hours=47))
    PostFactory(path="/newest/", language="zh-TW", published_at=now - timedelta(minutes=1))
    PostFactory(path="/old/", published_at=now - timedelta(hours=49))
    PostFactory(path="/page/", kind=Post.Kind.PAGE, published_at=now - timedelta(hours=1))
    PostFactory(path="/soon/", state=Post.State.SCHEDULED, published_at=now + timedelta(hours=1))
    root = read_sitemap(client, "/sitemap-news.xml")
    assert addresses_in(root) == ["http://testserver/newest/", "http://testserver/new/"]
    for news in root.iter(f"{NEWS}news"):
        assert [child.tag for child in news] == [f"{NEWS}publication", f"{NEWS}publication_date", f"{NEWS}title"]
        assert [child.tag for child in news[0]] == [f"{NEWS}name", f"{NEWS}language"]
        assert datetime.fromisoformat(news[1].text).utcoffset() is not None
    assert [element.text for element in root.iter(f"{NEWS}language")] == ["zh-tw", "ja"]
    assert [element.text for element in root.iter(f"{NEWS}name")] == ["瓦版", "瓦版"]
    assert [element.text for element in root.iter(f"{NEWS}title")][1] == "題 & <b>"
    monkeypatch.setattr(sitemaps, "NEWS_SIZE", 1)
    assert len(addresses_in(read_sitemap(client, "/sitemap-news.xml"))) == 1


def test_machines_files_cost_the_same_with_twice_the_posts(client, django_assert_max_num_queries):
    for _round in range(2):
        PostFactory.create_batch(10, authors=["経済班"], tags=["AI"], categories=["政策"], published_at=timezone.now())
        for path in ("/sitemap.xml", "/sitemap-posts.xml", "/sitemap-news.xml", "/llms.txt"):
            with django_assert_max_num_queries(2):
                response = client.get(path)
                assert response.status_code == 200
                if response.streaming:
                    b"".join(response)
        for path in ("/robots.txt", "/apple-touch-icon.png"):
            with django_assert_max_num_queries(0):
                client.get(path)
        with django_assert_max_num_queries(1):  # the settings, where they are not remembered
            client.get("/manifest.webmanifest")


# --- Robots and AI ------------------------------------------------------------------------------------------------------


def test_robots_lets_everybody_in_and_names_the_sitemaps(client):
    text = client.get("/robots.txt").content.decode()
    assert text == (
        "User-agent: *\nDisallow:\n\nSitemap: http://testserver/sitemap.xml\nSitemap: http://testserver/sitemap-news.xml\n"
    )


def test_a_site_that_keeps_ai_out_says_so_everywhere(client, settings):
    settings.AI_USE = "DISALLOW"
    post = PostFactory()
    text = client.get("/robots.txt").content.decode()
    everybody, ai, _sitemaps = text.split("\n\n")
    assert everybody == "User-agent: *\nDisallow:"
    assert ai.endswith("\nDisallow: /")
    for name in ("GPTBot", "ClaudeBot", "Google-Extended", "CCBot", "Cotoyogi"):
        assert f"User-agent: {name}\n" in ai
    for path in (post.get_absolute_url(), "/"):
        response = client.get(path)
        assert response.headers["X-Robots-Tag"] == "noai, noimageai"
        assert metas_of(page_of(client, path))["robots"] == ["noai, noimageai"]
    for path in (post.get_absolute_url().rstrip("/") + ".md", *("/rss.xml", "/feed.json", "/sitemap-posts.xml", "/api/v1/posts")):
        assert client.get(path).headers["X-Robots-Tag"] == "noai, noimageai", path
    post.noindex = True
    post.save()
    assert client.get(post.get_absolute_url()).headers["X-Robots-Tag"] == "noindex, noai, noimageai"
    assert client.get("/llms.txt").status_code == 404


def test_each_crawler_is_named_once_with_who_says_so():
    names = [crawler.name.lower() for crawler in crawlers.AI_CRAWLERS]
    assert len(names) == len(set(names))
    for crawler in crawlers.AI_CRAWLERS:
        assert re.fullmatch(r"[A-Za-z0-9-]+", crawler.name)
        assert crawler.source.startswith("https://")


def test_llms_txt_leads_to_sections_and_texts(client, settings):
    settings.SITE_DESCRIPTION = "AI 時代の\nメディアを読む"
    PostFactory(path="/a(1)/", title="題 [x]\n#", categories=["政策"], description="説明\nの続き")
    PostFactory(path="/draft/", state=Post.State.DRAFT)
    response = client.get("/llms.txt")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    text = response.content.decode()
    lines = text.splitlines()
    assert lines[:3] == ["# 瓦版", "", "> AI 時代の メディアを読む"]
    assert f"- [政策](http://testserver/categories/{quote('政策')}/)" in lines
    assert r"- [題 \[x\] #](http://testserver/a%281%29.md): 説明 の続き" in lines
    assert client.get("/a%281%29.md").status_code == 200
    assert "draft" not in text
    assert [line for line in lines if line.startswith("#")][1:] != []


# --- The site as an application -----------------------------------------------------------------------------------------


def test_the_manifest_names_icons_that_are_there(client, settings):
    response = client.get("/manifest.webmanifest")
    assert response.headers["Content-Type"].startswith("application/manifest+json")
    manifest = response.json()
    assert (manifest["name"], manifest["start_url"], manifest["lang"]) == ("瓦版", "/", "ja")
    purposes = set()
    for icon in manifest["icons"]:
        with Image.open(ROOT / icon["src"].lstrip("/")) as picture:
            assert icon["sizes"] == f"{picture.width}x{picture.height}"
            # A phone cuts these to shape; what is transparent would be black.
            assert icon["purpose"] == "any" or picture.mode == "RGB"
        purposes.add(icon["purpose"])
    assert purposes == {"any", "maskable"}
    head = page_of(client, "/")
    assert head.xpath('//link[@rel="manifest"]/@href') == [reverse("articles:manifest")]
    assert head.xpath('//link[@rel="apple-touch-icon"]/@href') == ["/static/img/apple-touch-icon.png"]
    assert len(head.xpath('//meta[@name="theme-color"]')) == 2
    assert client.get("/apple-touch-icon.png").headers["Location"] == "/static/img/apple-touch-icon.png"


def test_the_icons_are_what_the_drawing_gives(tmp_path):
    subprocess.run([sys.executable, ROOT / "tests" / "draw_icons.py", tmp_path], check=True)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {path.name for path in (ROOT / "static" / "img").glob("*.png")}
    for name in names:
        with Image.open(tmp_path / name) as drawn, Image.open(ROOT / "static" / "img" / name) as committed:
            assert drawn.mode == committed.mode
            assert drawn.tobytes() == committed.tobytes(), f"run tests/draw_icons.py: {name} is another drawing"


# --- Addresses ----------------------------------------------------------------------------------------------------------


def test_addresses_of_machines_files_belong_to_the_product():
    for path in ("/llms.txt", "/LLMS.txt", "/manifest.webmanifest", "/apple-touch-icon.png", "/sitemap-news.xml", "/feed.json"):
        assert is_reserved(path), path
    for path in ("/feeds/", "/feeds/mine/", "/llms/", "/posts/llms.txt", "/sitemap-news.html", "/tags/a/rss.xml"):
        assert not is_reserved(path), path


@pytest.mark.parametrize("address", ["/categories/政策/", "/tags/選挙/", "/authors/政策班/", "/2026/", "/2026/11/"])
def test_a_list_of_which_staff_said_nothing_describes_itself_by_its_newest_titles(client, address):
    for number in range(7):
        PostFactory(title=f"見出し{number}", categories=["政策"], tags=["選挙"], authors=["政策班"])
    html = client.get(address).content.decode()
    assert '<meta name="description" content="見出し6 / 見出し5 / 見出し4 / 見出し3 / 見出し2">' in html


def test_what_staff_said_of_a_list_comes_before_its_titles(client):
    PostFactory(title="見出し", categories=["政策"])
    Category.objects.update(description="決まりごとを読む。")
    assert '<meta name="description" content="決まりごとを読む。">' in client.get("/categories/政策/").content.decode()


@pytest.mark.parametrize("address", ["/feeds/", "/api/", "/tags/", "/categories/", "/authors/", "/series/", "/archives/"])
def test_every_page_that_may_be_found_says_what_it_is(client, address):
    PostFactory(categories=["政策"], tags=["選挙"], authors=["政策班"], series=SeriesFactory())
    tree = page_of(client, address)
    (description,) = tree.xpath("//meta[@name='description']/@content")
    assert len(description) > 5
    assert tree.xpath("//link[@rel='canonical']/@href") == [f"http://testserver{address}"]
