"""Public pages by gzip: fewer bytes for whoever takes them, the same page for everybody."""

from __future__ import annotations

import gzip

import pytest

from tests.factories import PARAGRAPHS, PostFactory

pytestmark = pytest.mark.django_db


def make_long_post():
    return PostFactory(body_html="".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS * 5))


@pytest.mark.parametrize("address", ["", "/rss.xml", "/feed.json", "/categories/政策/", "/no-such-page/"])
def test_a_text_is_compressed_where_the_browser_takes_that(client, address):
    address = address or make_long_post().path
    PostFactory.create_batch(5, categories=["政策"])
    plain = client.get(address)
    packed = client.get(address, headers={"accept-encoding": "gzip, deflate, br"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert int(packed.headers["Content-Length"]) == len(packed.content) < len(plain.content) * 0.7
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("header", ["", "br", "identity", "gzip;q=0", "gzip; q=0.0, br", "xgzipx"])
def test_it_is_left_alone_for_whoever_does_not_take_it(client, header):
    answer = client.get(make_long_post().path, headers={"accept-encoding": header})
    assert "Content-Encoding" not in answer.headers


def test_the_tag_of_a_compressed_page_confirms_it_and_is_a_weak_one(client):
    post = make_long_post()
    takes = {"accept-encoding": "gzip"}
    packed = client.get(post.path, headers=takes)
    tag = packed.headers["ETag"]
    assert tag == "W/" + client.get(post.path).headers["ETag"]
    confirmed = client.get(post.path, headers={**takes, "if-none-match": tag})
    assert (confirmed.status_code, confirmed.content) == (304, b"")
    assert confirmed.headers["Vary"] == "Accept-Encoding"
    assert client.get(post.path, headers={**takes, "if-none-match": 'W/"other"'}).status_code == 200


def test_the_same_page_gives_the_same_bytes(client):
    post = make_long_post()
    first, second = (client.get(post.path, headers={"accept-encoding": "gzip"}).content for _time in range(2))
    assert first == second


def test_a_short_answer_is_left_alone(client):
    assert "Content-Encoding" not in client.get("/robots.txt", headers={"accept-encoding": "gzip"}).headers
