"""RSS, Atom, sitemap and robots.txt."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.utils import timezone
from lxml import etree

from articles.models import Post
from articles.site import feeds, sitemaps
from tests.factories import PostFactory

pytestmark = pytest.mark.django_db

HOSTILE = "]]> </content:encoded> </script> & <b>\"'\x00\x08\x1b\ud800\ufffe題"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
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
    assert feeds.xml_text(HOSTILE).isprintable()
    assert etree.fromstring(f'<a b="{feeds.xml_text(HOSTILE)}"/>').get("b").endswith("題")


def test_relative_addresses_in_a_feed_become_absolute():
    html = (
        '<p>Write <code>href="/x"</code>. <a title="a &gt; b" href="/b/">B</a> '
        '<img src="c.png"><a href="#n">1</a> <a href="mailto:a@b">m</a></p>'
    )
    assert feeds.absolute_links(html, "https://example.jp/2026/a/") == (
        '<p>Write <code>href="/x"</code>. <a title="a &gt; b" href="https://example.jp/b/">B</a> '
        '<img src="https://example.jp/2026/a/c.png"><a href="https://example.jp/2026/a/#n">1</a> <a href="mailto:a@b">m</a></p>'
    )


@pytest.mark.parametrize("path", ["/rss.xml", "/atom.xml", "/sitemap-1.xml"])
def test_a_feed_never_names_what_is_not_public(client, path):
    soon = timezone.now() + timedelta(hours=1)
    PostFactory(title="draft", path="/canary-1/", state=Post.State.DRAFT)
    PostFactory(title="scheduled", path="/canary-2/", state=Post.State.SCHEDULED, published_at=soon)
    PostFactory(title="expired", path="/canary-3/", expires_at=timezone.now() - timedelta(hours=1))
    PostFactory(title="withdrawn", path="/canary-4/", state=Post.State.WITHDRAWN)
    PostFactory(title="trashed", path="/canary-5/", trashed_at=timezone.now())
    assert "canary" not in etree.tostring(read_xml(client, path), encoding="unicode")


def test_standing_pages_are_in_the_sitemap_and_not_in_feeds(client):
    PostFactory(kind=Post.Kind.PAGE, published_at=None, path="/about/")
    assert "/about/" not in client.get("/rss.xml").content.decode()
    assert "/about/" in etree.tostring(read_xml(client, "/sitemap-1.xml"), encoding="unicode")


def test_the_sitemap_is_split_into_bounded_pages(client, monkeypatch):
    monkeypatch.setattr(sitemaps, "PAGE_SIZE", 3)
    for number in range(7):
        PostFactory(path=f"/記事-{number}/")
    index = read_xml(client, "/sitemap.xml")
    addresses = [element.text for element in index.iter("{*}loc")]
    assert addresses == [f"http://testserver/sitemap-{number}.xml" for number in (1, 2, 3)]
    listed = [
        element.text
        for address in addresses
        for element in read_xml(client, address.removeprefix("http://testserver")).iter("{*}loc")
    ]
    assert len(listed) == len(set(listed)) == 8
    assert listed[:2] == ["http://testserver/", "http://testserver/%E8%A8%98%E4%BA%8B-0/"]
    assert client.get("/sitemap-4.xml").status_code == 404
    assert client.get("/sitemap-0.xml").status_code == 404


def test_an_empty_site_has_valid_feeds_and_sitemaps(client):
    for path in ("/rss.xml", "/atom.xml", "/sitemap.xml", "/sitemap-1.xml"):
        read_xml(client, path)


def test_robots_names_the_sitemap(client):
    text = client.get("/robots.txt").content.decode()
    assert "Sitemap: http://testserver/sitemap.xml" in text


def test_the_usual_feed_address_leads_to_the_feed(client):
    for path in ("/feed/", "/feed"):
        response = client.get(path)
        assert (response.status_code, response.headers["Location"]) == (301, "/rss.xml")


@pytest.mark.parametrize("path", ["/rss.xml", "/atom.xml", "/sitemap.xml"])
def test_feeds_cost_the_same_with_twice_the_posts(client, path, django_assert_max_num_queries):
    PostFactory.create_batch(10, authors=["経済班"], tags=["AI"])
    with django_assert_max_num_queries(2):
        client.get(path)
    PostFactory.create_batch(10, authors=["政策班"], tags=["編集"])
    with django_assert_max_num_queries(2):
        client.get(path)


@pytest.mark.parametrize("path", ["/rss.xml", "/atom.xml"])
def test_a_feed_that_did_not_change_answers_304(client, path):
    PostFactory()
    etag = client.get(path).headers["ETag"]
    assert client.get(path, headers={"if-none-match": etag}).status_code == 304
    PostFactory()
    assert client.get(path, headers={"if-none-match": etag}).status_code == 200


def test_structured_data_cannot_end_its_element(client):
    post = PostFactory(title="</script><script>alert(1)</script>\u2028", tags=["<!--<script>"])
    html = client.get(post.get_absolute_url()).content.decode()
    start = html.index('<script type="application/ld+json">') + len('<script type="application/ld+json">')
    data = json.loads(html[start : html.index("</script>", start)])
    assert data["headline"] == post.title
    assert data["keywords"] == ["<!--<script>"]
    assert html.count("<script") == 1


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/rss.xml", "/atom.xml", "/sitemap.xml", "/sitemap-1.xml"])
def test_a_browser_shows_what_is_no_page_with_a_sheet_of_its_own(client, path):
    PostFactory()
    answer = client.get(path)
    text = b"".join(answer.streaming_content).decode() if answer.streaming else answer.text
    assert answer["Content-Type"].startswith("application/xml")
    sheet = re.search(r'<\?xml-stylesheet type="text/css" href="(/static/css/feed[^"]*)"\?>', text)
    assert sheet
    assert text.startswith("<?xml ")
    assert client.get("/favicon.ico")["Location"].startswith("/static/img/icon")
