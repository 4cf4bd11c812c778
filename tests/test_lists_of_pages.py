"""Terms that only standing pages carry: whatever a page links to is there."""

from __future__ import annotations

import pytest
from lxml import html

from articles.models import Post
from tests.factories import PostFactory

pytestmark = pytest.mark.django_db


def make_page(title: str, **options) -> Post:
    return PostFactory(title=title, kind=Post.Kind.PAGE, published_at=None, **options)


def test_every_term_that_a_page_names_has_a_list(client):
    make_page("用語", path="/terms/", tags=["設計"], categories=["資料"], authors=["校閲班"])
    tree = html.fromstring(client.get("/terms/").content)
    links = tree.xpath("//article//a[@rel='tag' or contains(@class, 'kicker')]/@href")
    assert len(links) == 2
    for link in [*links, "/authors/校閲班/"]:
        answer = client.get(link)
        assert answer.status_code == 200, link
        titles = html.fromstring(answer.content).xpath("//article[@class='story']//h2//text()")
        assert "".join(titles) == "用語"


def test_the_list_is_by_title_has_no_dates_and_no_feed(client):
    for title in ("う", "あ", "い"):
        make_page(title, path=f"/{title}/", tags=["設計"])
    tree = html.fromstring(client.get("/tags/設計/").content)
    assert ["".join(node.itertext()) for node in tree.xpath("//article//h2")] == ["あ", "い", "う"]
    assert tree.xpath("//article//time") == []
    assert not [link for link in tree.xpath("//link[@rel='alternate']/@href") if "/tags/" in link]
    assert client.get("/tags/設計/?before=1793500000000000-0").status_code == 404


def test_where_articles_stand_the_list_is_of_them(client):
    make_page("用語", path="/terms/", tags=["設計"])
    PostFactory(title="記事", tags=["設計"])
    tree = html.fromstring(client.get("/tags/設計/").content)
    assert ["".join(node.itertext()) for node in tree.xpath("//article//h2")] == ["記事"]


def test_a_term_of_hidden_pages_alone_is_unknown(client):
    make_page("下書き", path="/hidden/", tags=["設計"], state=Post.State.DRAFT)
    assert client.get("/tags/設計/").status_code == 404


def test_a_list_of_pages_costs_no_more_than_a_list(client, django_assert_max_num_queries):
    for number in range(30):
        make_page(f"用語{number}", path=f"/terms/{number}/", tags=["設計"])
    with django_assert_max_num_queries(6):  # term, articles, pages, what stands at the address, credits, sections
        client.get("/tags/設計/")
