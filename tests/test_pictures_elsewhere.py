"""Pictures of other hosts in a text: the policy loads none, so a reader gets a link instead of a hole."""

from __future__ import annotations

import pytest

from articles.derive import save_derived
from articles.models import Post
from articles.pictures import link_elsewhere
from tests.factories import PostFactory

SITE = "https://news.example"
BOOK = '<img src="https://books.example/c?id=1&amp;x=2" alt="書影" loading="lazy" decoding="async">'
LINK = (
    '<a class="elsewhere" href="https://books.example/c?id=1&amp;x=2" rel="noopener">'
    '書影 <span class="embed-host">books.example</span></a>'
)


def test_a_picture_of_another_host_becomes_a_link_that_says_what_it_showed_and_whose_it_is():
    assert link_elsewhere(f"<p>前{BOOK}後</p>", SITE) == f"<p>前{LINK}後</p>"


def test_one_without_a_text_is_named_by_its_host():
    html = '<img src="//pictures.example/a.png" alt="">'
    assert link_elsewhere(html, SITE) == (
        '<a class="elsewhere" href="//pictures.example/a.png" rel="noopener">pictures.example</a>'
    )


def test_within_a_link_it_is_the_text_of_that_link():
    html = f'<p><a href="/shop/">{BOOK}</a> と {BOOK}</p>'
    text = '<span class="elsewhere">書影 <span class="embed-host">books.example</span></span>'
    assert link_elsewhere(html, SITE) == f'<p><a href="/shop/">{text}</a> と {LINK}</p>'


@pytest.mark.parametrize("size", ['width="1" height="1"', 'width="0"', 'height="1px"'])
def test_a_picture_that_only_counts_readers_goes(size):
    assert link_elsewhere(f'<p>文<img src="https://count.example/p.gif" alt="" {size}></p>', SITE) == "<p>文</p>"


@pytest.mark.parametrize(
    "html",
    [
        '<p><img src="/media/ab/abc/a.png" alt="図" width="10" height="10"></p>',
        '<p><img src="https://news.example/media/a.png" alt=""></p>',
        '<p><a href="https://other.example/">よそ</a></p>',
        "<pre>&lt;img src=&quot;https://other.example/a.png&quot;&gt;</pre>",
    ],
)
def test_pictures_of_this_site_and_all_else_stay_to_the_letter(html):
    assert link_elsewhere(html, SITE) == html


def test_a_host_that_only_begins_like_the_site_is_another():
    assert "elsewhere" in link_elsewhere('<img src="https://news.example.evil/a.png" alt="">', SITE)


@pytest.mark.parametrize("source", ["https://[/a.png", "https://", "//"])
def test_an_address_that_is_none_ends_nothing(source):
    assert "<img" not in link_elsewhere(f'<img src="{source}" alt="">', SITE)


@pytest.mark.django_db
def test_a_page_loads_nothing_from_another_host_and_the_feed_keeps_the_picture(client):
    post = PostFactory(body="![書影](https://books.example/c.png)")
    save_derived(post)
    page = client.get(post.path).content.decode()
    assert '<img src="https://books' not in page
    assert 'href="https://books.example/c.png"' in page
    assert "books.example/c.png" in client.get("/rss.xml").content.decode()
    assert "<img" in post.body_html


@pytest.mark.django_db
def test_the_introduction_of_the_front_page_loads_none_either(client):
    post = PostFactory(path="/", title="ようこそ", kind=Post.Kind.PAGE, body="![書影](https://books.example/c.png)\n")
    save_derived(post)
    html = client.get("/").content.decode()
    assert 'href="https://books.example/c.png"' in html
    assert 'src="https://books.example' not in html
