"""RSS, Atom and JSON Feed, for the site and for each list by term."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlsplit

import feedparser
import pytest
from django.utils import timezone
from lxml import etree

from articles.models import Post
from articles.site import feeds, syndication
from tests.factories import CategoryFactory, PostFactory, RedirectFactory, SeriesFactory, make_correction

pytestmark = pytest.mark.django_db

HOSTILE = "]]> </content:encoded> </script> & <b>\"'\x00\x08\x1b\ud800\ufffe題"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
FEEDS = ("/rss.xml", "/atom.xml", "/feed.json")
ATOM = "{http://www.w3.org/2005/Atom}"


def read_xml(client, path: str) -> etree._Element:
    response = client.get(path)
    assert response.status_code == 200
    return etree.fromstring(b"".join(response) if response.streaming else response.content)


def test_rss_carries_the_whole_text_of_the_newest_posts(client):
    for number in range(25):
        PostFactory(slug=f"p{number}", authors=["経済班"], categories=["政策"], tags=["AI"])
    channel = read_xml(client, "/rss.xml").find("channel")
    items = channel.findall("item")
    assert len(items) == feeds.FEED_SIZE
    assert items[0].findtext("title") == Post.objects.first().title
    assert items[0].findtext(CONTENT).startswith("<p>原稿は")
    assert items[0].findtext("{http://purl.org/dc/elements/1.1/}creator") == "経済班"
    assert [category.text for category in items[0].findall("category")] == ["政策", "AI"]
    assert items[0].findtext("guid") == items[0].findtext("link") == "http://testserver" + Post.objects.first().get_absolute_url()


def test_atom_carries_the_whole_text_and_an_author_for_each_entry(client):
    PostFactory(language="en")
    feed = read_xml(client, "/atom.xml")
    entry = feed.find(f"{ATOM}entry")
    assert entry.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert entry.findtext(f"{ATOM}content").startswith("<p>原稿は")
    assert entry.find(f"{ATOM}author") is not None
    assert entry.findtext(f"{ATOM}updated").endswith("+09:00")


@pytest.mark.parametrize("path", ["/rss.xml", "/atom.xml"])
def test_a_feed_is_well_formed_whatever_a_post_holds(client, path):
    hostile = HOSTILE.replace("\x00", "").replace("\ud800", "")
    PostFactory(title=hostile, body_html=f"<p>{hostile}</p>", excerpt=hostile, tags=[hostile[:20]], authors=[hostile[:20]])
    root = read_xml(client, path)
    assert "題" in etree.tostring(root, encoding="unicode")


def test_what_xml_cannot_write_is_left_out():
    assert syndication.xml_text(HOSTILE).isprintable()
    assert etree.fromstring(f'<a b="{syndication.xml_text(HOSTILE)}"/>').get("b").endswith("題")


def test_relative_addresses_in_a_feed_become_absolute():
    html = (
        '<p>Write <code>href="/x"</code>. <a title="a &gt; b" href="/b/">B</a> '
        '<img src="c.png"><a href="#n">1</a> <a href="mailto:a@b">m</a></p>'
    )
    assert syndication.absolute_links(html, "https://example.jp/2026/a/") == (
        '<p>Write <code>href="/x"</code>. <a title="a &gt; b" href="https://example.jp/b/">B</a> '
        '<img src="https://example.jp/2026/a/c.png"><a href="https://example.jp/2026/a/#n">1</a> <a href="mailto:a@b">m</a></p>'
    )


@pytest.mark.parametrize("path", ["/rss.xml", "/atom.xml", "/sitemap-posts.xml", "/sitemap-news.xml"])
def test_a_feed_never_names_what_is_not_public(client, path):
    soon = timezone.now() + timedelta(hours=1)
    PostFactory(title="draft", path="/canary-1/", state=Post.State.DRAFT)
    PostFactory(title="scheduled", path="/canary-2/", state=Post.State.SCHEDULED, published_at=soon)
    PostFactory(title="expired", path="/canary-3/", expires_at=timezone.now() - timedelta(hours=1))
    PostFactory(title="withdrawn", path="/canary-4/", state=Post.State.WITHDRAWN)
    PostFactory(title="trashed", path="/canary-5/", trashed_at=timezone.now())
    assert "canary" not in etree.tostring(read_xml(client, path), encoding="unicode")


def test_standing_pages_are_not_in_feeds(client):
    PostFactory(kind=Post.Kind.PAGE, published_at=None, path="/about/")
    for path in FEEDS:
        assert "/about/" not in client.get(path).content.decode()


def test_an_empty_site_has_valid_feeds(client):
    for path in ("/rss.xml", "/atom.xml"):
        read_xml(client, path)
    assert client.get("/feed.json").json()["items"] == []


def test_the_usual_feed_address_leads_to_the_feed(client):
    for path in ("/feed/", "/feed"):
        response = client.get(path)
        assert (response.status_code, response.headers["Location"]) == (301, "/rss.xml")


@pytest.mark.parametrize("path", FEEDS)
def test_a_feed_that_did_not_change_answers_304(client, path):
    PostFactory()
    etag = client.get(path).headers["ETag"]
    assert client.get(path, headers={"if-none-match": etag}).status_code == 304
    PostFactory()
    assert client.get(path, headers={"if-none-match": etag}).status_code == 200


@pytest.mark.parametrize("path", ["/rss.xml", "/atom.xml", "/sitemap.xml", "/sitemap-posts.xml"])
def test_a_browser_shows_what_is_no_page_with_a_sheet_of_its_own(client, path):
    PostFactory()
    answer = client.get(path)
    text = b"".join(answer.streaming_content).decode() if answer.streaming else answer.text
    assert answer["Content-Type"].startswith("application/xml")
    sheet = re.search(r'<\?xml-stylesheet type="text/css" href="(/static/css/feed[^"]*)"\?>', text)
    assert sheet
    assert text.startswith("<?xml ")
    assert client.get("/favicon.ico")["Location"].startswith("/static/img/icon")


# --- As real readers see them -------------------------------------------------------------------------------------------


def parse(client, path: str) -> feedparser.FeedParserDict:
    response = client.get(path)
    assert response.status_code == 200, path
    found = feedparser.parse(response.content, response_headers={"content-type": response.headers["Content-Type"]})
    assert not found.bozo, found.get("bozo_exception")
    return found


def terms_of(post: Post) -> list[str]:
    return [
        post.categories.get().get_absolute_url(),
        post.tags.get().get_absolute_url(),
        post.authors.get().get_absolute_url(),
        post.series.get_absolute_url(),
    ]


def make_full_post(**values) -> Post:
    values = {"authors": ["経済班"], "categories": ["政策"], "tags": ["AI"], "series": SeriesFactory(name="連載"), **values}
    return PostFactory(**values)


@pytest.mark.parametrize("name", ["rss.xml", "atom.xml"])
def test_every_list_by_term_has_feeds_that_a_reader_takes(client, name):
    post = make_full_post(title="題 <b> & 」")
    PostFactory()
    for address in ["/", *terms_of(post)]:
        found = parse(client, address + name)
        assert found.feed.link == "http://testserver" + address
        own = [link.href for link in found.feed.links if link.rel == "self"]
        assert own == [f"http://testserver{address}{name}"]
        entries = [entry for entry in found.entries if entry.link == f"http://testserver{post.get_absolute_url()}"]
        assert len(entries) == 1
        assert len(found.entries) == (2 if address == "/" else 1)
        assert entries[0].content[0].value.startswith("<p>原稿は")
        assert entries[0].published_parsed is not None
        assert entries[0].updated_parsed is not None
        assert entries[0].author == "経済班"
        assert [tag.label or tag.term for tag in entries[0].tags] == ["政策", "AI"]


def test_every_list_by_term_has_a_json_feed_of_the_form(client):
    post = make_full_post(language="en")
    for address in ["/", *terms_of(post)]:
        response = client.get(address + "feed.json")
        assert response.headers["Content-Type"].startswith("application/feed+json")
        feed = response.json()
        # https://www.jsonfeed.org/version/1.1/: what must be there, and what everything else must be.
        assert feed["version"] == "https://jsonfeed.org/version/1.1"
        assert feed.keys() <= {"version", "title", "home_page_url", "feed_url", "language", "items", "description", "hubs"}
        assert feed["home_page_url"] == "http://testserver" + address
        assert feed["feed_url"] == f"http://testserver{address}feed.json"
        [item] = feed["items"]
        assert item["id"] == item["url"] == "http://testserver" + post.get_absolute_url()
        assert item["content_html"].startswith("<p>原稿は")
        assert (item["language"], item["tags"], item["authors"][0]["name"]) == ("en", ["政策", "AI"], "経済班")
        for name in ("date_published", "date_modified"):
            assert datetime.fromisoformat(item[name]).utcoffset() is not None


def test_an_atom_feed_is_what_the_standard_asks_for(client):
    """RFC 4287, 4.1.1 and 4.1.2, checked by hand: its schema is no part of this project."""
    make_full_post(description="短い説明")
    root = read_xml(client, "/atom.xml")
    assert root.tag == f"{ATOM}feed"
    known = {
        "title",
        "subtitle",
        "id",
        "link",
        "updated",
        "entry",
        "author",
        "category",
        "published",
        "summary",
        "content",
        "name",
    }
    assert {element.tag.removeprefix(ATOM) for element in root.iter("{*}*")} - {"feed"} <= known
    for owner in (root, root.find(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(owner.findall(f"{ATOM}{name}")) == 1, name
        datetime.fromisoformat(owner.findtext(f"{ATOM}updated"))
        assert urlsplit(owner.findtext(f"{ATOM}id")).scheme == "http"
        alternates = [link for link in owner.findall(f"{ATOM}link") if link.get("rel") == "alternate"]
        assert len(alternates) == 1
    assert root.find(f"{ATOM}entry/{ATOM}author/{ATOM}name").text


def test_an_rss_feed_is_what_the_standard_asks_for(client):
    """RSS 2.0, "Required channel elements" and "Elements of <item>", checked by hand."""
    make_full_post()
    channel = read_xml(client, "/rss.xml").find("channel")
    assert channel.getparent().get("version") == "2.0"
    for name in ("title", "link", "description"):
        assert channel.findtext(name), name
    item = channel.find("item")
    assert parsedate_to_datetime(item.findtext("pubDate")).utcoffset() is not None
    assert parsedate_to_datetime(channel.findtext("lastBuildDate")).utcoffset() is not None
    plain = {element.tag for element in item if not element.tag.startswith("{")}
    assert plain <= {"title", "link", "guid", "pubDate", "category", "description"}
    assert len(item.findall("guid")) == len(item.findall("link")) == 1


@pytest.mark.parametrize("name", ["rss.xml", "atom.xml", "feed.json"])
@pytest.mark.parametrize("kind", ["categories", "tags", "authors", "series"])
def test_a_term_without_anything_public_has_no_feed(client, kind, name):
    post = make_full_post(state=Post.State.DRAFT)
    address = next(address for address in terms_of(post) if address.startswith(f"/{kind}/"))
    unknown = client.get(f"/{kind}/unknown/{name}")
    answer = client.get(address + name)
    assert (unknown.status_code, answer.status_code) == (404, 404)


def test_a_category_holds_in_its_feed_what_is_below_it(client):
    root = CategoryFactory(name="政策")
    PostFactory(categories=[CategoryFactory(name="税", parent=root)], title="税の話")
    for address in (root.get_absolute_url(), "/categories/政策/税/"):
        assert [entry.title for entry in parse(client, address + "atom.xml").entries] == ["税の話"]


def test_another_spelling_of_a_term_leads_to_its_feed(client):
    PostFactory(tags=["が"])
    decomposed = quote(unicodedata.normalize("NFD", "が"))
    response = client.get(f"/tags/{decomposed}/atom.xml")
    assert (response.status_code, response.headers["Location"]) == (301, f"/tags/{quote('が')}/atom.xml")


@pytest.mark.parametrize("slug", ["%00", "a%0Ab", "%F0%9F%98%80" * 300, "%ED%A0%80", "x" * 5000])
def test_a_hostile_term_has_no_feed(client, slug):
    for kind in ("categories", "tags", "authors", "series"):
        assert client.get(f"/{kind}/{slug}/rss.xml").status_code == 404


def test_an_entry_says_what_was_corrected_and_when(client):
    post = make_full_post(published_at=datetime(2026, 11, 2, tzinfo=UTC), language="en")
    make_correction(post, "It was 3 < 4 & not 5.", datetime(2026, 11, 20, 3, 0, tzinfo=UTC))
    [entry] = parse(client, "/atom.xml").entries
    text = entry.content[0].value
    assert entry.updated == "2026-11-20T12:00:00+09:00"
    assert "This article has corrections" in text.partition("<p>原稿は")[0]
    assert "It was 3 &lt; 4 &amp; not 5." in text.partition("<p>原稿は")[2]
    assert parse(client, "/rss.xml").entries[0].updated_parsed[:5] == (2026, 11, 20, 3, 0)
    assert "3 &lt; 4" in client.get("/feed.json").json()["items"][0]["content_html"]


def test_paid_links_are_labelled_in_feeds(client):
    PostFactory(body_html='<p><a href="https://shop.example/" rel="sponsored nofollow">買う</a></p>')
    for path in FEEDS:
        assert "広告リンクを含む" in client.get(path).content.decode()


def test_a_post_that_moved_keeps_its_id(client):
    post = PostFactory(path="/new/")
    RedirectFactory(old_path="/first/", post=post)
    RedirectFactory(old_path="/second/", post=post)
    for path in ("/rss.xml", "/atom.xml"):
        [entry] = parse(client, path).entries
        assert (entry.id, entry.link) == ("http://testserver/first/", "http://testserver/new/")
    assert client.get("/feed.json").json()["items"][0]["id"] == "http://testserver/first/"


def test_pictures_of_several_sizes_are_named_by_whole_addresses():
    html = '<img src="/a.png" srcset="/a.avif 800w, b.avif 1600w">'
    assert syndication.absolute_links(html, "https://example.jp/x/") == (
        '<img src="https://example.jp/a.png" srcset="https://example.jp/a.avif 800w, https://example.jp/x/b.avif 1600w">'
    )


@pytest.mark.parametrize("path", FEEDS)
def test_a_hub_is_named_only_where_there_is_one(client, settings, path):
    PostFactory()
    assert "hub" not in client.get(path).content.decode().lower()
    settings.WEBSUB_HUB = "https://hub.example.jp/?a=1&b=2"
    response = client.get(path)
    assert response.headers["Link"] == f'<https://hub.example.jp/?a=1&b=2>; rel="hub", <http://testserver{path}>; rel="self"'
    if path == "/feed.json":
        assert response.json()["hubs"] == [{"type": "WebSub", "url": "https://hub.example.jp/?a=1&b=2"}]
    else:
        assert [link.href for link in parse(client, path).feed.links if link.rel == "hub"] == [settings.WEBSUB_HUB]


def test_feeds_cost_the_same_with_twice_the_posts(client, django_assert_max_num_queries):
    """Posts, credits, corrections, first addresses; before them the term, and a category's names below it."""
    paths = [*FEEDS, "/tags/ai/atom.xml", f"/categories/{quote('政策')}/rss.xml", f"/series/{quote('連載')}/feed.json"]
    series = SeriesFactory(name="連載")
    for _round in range(2):
        for post in PostFactory.create_batch(10, authors=["経済班"], tags=["AI"], categories=["政策"], series=series):
            make_correction(post, "誤り", datetime(2026, 11, 25, tzinfo=UTC))
        for path in paths:
            with django_assert_max_num_queries(5):
                assert client.get(path).status_code == 200


# --- Where people and programs find them --------------------------------------------------------------------------------


def test_every_page_names_its_feeds(client):
    post = make_full_post()
    site = ["/rss.xml", "/atom.xml", "/feed.json"]
    for address in terms_of(post):
        assert feeds_named_by(client, address) == [*(address + name[1:] for name in site), *site]
    category = post.categories.get().get_absolute_url()
    assert feeds_named_by(client, post.get_absolute_url()) == [*(category + name[1:] for name in site), *site]
    for address in ("/", "/2026/", "/feeds/"):
        assert feeds_named_by(client, address) == site
    assert feeds_named_by(client, "/no-such-page/", 404) == site


def feeds_named_by(client, address: str, status: int = 200) -> list[str]:
    response = client.get(address)
    assert response.status_code == status
    head = response.content.decode().partition("</head>")[0]
    return re.findall(
        r'<link rel="alternate" type="application/(?:rss\+xml|atom\+xml|feed\+json)" title="[^"]+" href="([^"]+)"', head
    )


def test_people_find_the_feeds_from_every_page_and_in_words(client, django_assert_max_num_queries):
    post = make_full_post()
    for address in ("/", post.get_absolute_url(), "/2026/11/", "/feeds/"):
        html = client.get(address).content.decode()
        assert html.count('href="/feeds/"') == 2, address
    with django_assert_max_num_queries(4):
        html = client.get("/feeds/").content.decode()
    for address in (
        "rss.xml",
        "atom.xml",
        "feed.json",
        f"categories/{quote('政策')}/atom.xml",
        f"series/{quote('連載')}/atom.xml",
    ):
        assert f'value="http://testserver/{address}"' in html
    assert html.count("<h1") == 1


def test_a_post_at_the_address_of_that_page_is_shown_instead(client):
    PostFactory(path="/feeds/", title="当紙のフィードについて")
    assert "当紙のフィードについて" in re.sub("<wbr>", "", client.get("/feeds/").content.decode())
