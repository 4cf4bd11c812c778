"""The read API: what it shows, to whom, at what cost, and what it says to those who ask wrongly."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings as django_settings
from django.test import Client

from articles.models import Author, Post, Series
from tests.factories import CategoryFactory, MediaFileFactory, PostFactory, SeriesFactory, make_correction
from tests.test_site import HIDDEN

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)
LISTS = ("posts", "pages", "authors", "categories", "tags", "series")


def ask(client: Client, name: str, status: int = 200, **parameters: Any) -> Any:
    response = client.get(f"/api/v1/{name}", parameters)
    assert response.status_code == status, response.content[:500]
    assert response.headers["Content-Type"].startswith("application/json")
    return response.json()


def walk(client: Client, address: str | None) -> list[dict[str, Any]]:
    """Everything on all pages of a list."""
    found: list[dict[str, Any]] = []
    while address:
        page = client.get(address.removeprefix("http://testserver")).json()
        found += page.get("posts", page.get("entries"))
        address = page["next"]
    return found


def make_everything(count: int) -> list[Post]:
    series = Series.objects.first() or SeriesFactory(name="連載")
    return [
        PostFactory(authors=["経済班"], categories=["技術", "政策"], tags=["AI", "編集"], cover=MediaFileFactory(), series=series)
        for _ in range(count)
    ]


# --- Posts --------------------------------------------------------------------------------------------------------------


def test_a_post_is_given_with_its_text_and_all_that_its_page_says(client):
    picture = MediaFileFactory(public_name="ab/abcdefabcdefabcd/zu.webp", alt="図", licence="cc-by")
    post = PostFactory(
        title="題",
        path="/2026/a/",
        published_at=NOON,
        description="説明",
        authors=["経済班"],
        categories=["政策"],
        tags=["AI"],
        series=SeriesFactory(name="連載"),
        series_order=3,
        cover=MediaFileFactory(),
        body="本文 %%覚え%%",
        body_html=f'<p>本文</p><p><img src="{picture.url}" alt="図"><a href="/b/">b</a></p>',
        translation_key="a",
        source_url="javascript:alert(1)",
    )
    PostFactory(path="/en/a/", language="en", translation_key="a")
    PostFactory(path="/fr/a/", language="fr", translation_key="a", state=Post.State.DRAFT)
    make_correction(post, "三は四の誤り", NOON + timedelta(days=1))
    found = ask(client, "post", path="/2026/a/")
    assert (found["title"], found["summary"], found["language"], found["series_number"]) == ("題", "説明", "ja", 3)
    assert (found["published_at"], found["updated_at"]) == ("2026-11-10T12:00:00+09:00", "2026-11-11T12:00:00+09:00")
    assert found["authors"] == [{"name": "経済班", "slug": "経済班", "url": f"http://testserver/authors/{quote('経済班')}/"}]
    assert (found["categories"][0]["name"], found["tags"][0]["slug"], found["series"]["name"]) == ("政策", "ai", "連載")
    assert found["html"] == (
        f'<p>本文</p><p><img src="http://testserver{picture.url}" alt="図"><a href="http://testserver/b/">b</a></p>'
    )
    assert found["markdown"].startswith('---\ntitle: "題"')
    assert "覚え" not in found["markdown"]
    assert found["corrections"] == [{"text": "三は四の誤り", "corrected_at": "2026-11-11T12:00:00+09:00"}]
    assert [(each["language"], each["path"]) for each in found["translations"]] == [("en", "/en/a/")]
    assert found["source_url"] == ""
    assert (found["has_paid_links"], found["noindex"]) == (False, False)
    assert client.get(found["markdown_url"].removeprefix("http://testserver")).status_code == 200
    media = ask(client, "media", path="/2026/a/")["media"]
    assert [each["url"] for each in media] == [found["cover"]["url"], f"http://testserver{picture.url}"]
    assert (media[1]["type"], media[1]["alt"]) == ("image/webp", "図")


def test_a_post_is_found_by_every_spelling_that_the_site_knows(client):
    PostFactory(path="/2026/記事/")
    for path in ("/2026/記事/", "/2026/記事", quote("/2026/記事/")):
        assert ask(client, "post", path=path)["path"] == "/2026/記事/"


def test_posts_are_filtered_by_what_they_are_filed_under(client):
    below = CategoryFactory(name="税", parent=CategoryFactory(name="政策"))
    PostFactory(path="/a/", published_at=NOON, categories=[below], tags=["AI"], authors=["甲"], series=SeriesFactory(name="連載"))
    PostFactory(path="/b/", published_at=NOON - timedelta(days=1), language="en", categories=["政策"], tags=["AI"])
    PostFactory(path="/c/", published_at=NOON - timedelta(days=2), categories=["政策の外"])
    for asked, expected in (
        ({}, ["/a/", "/b/", "/c/"]),
        ({"category": "政策"}, ["/a/", "/b/"]),
        ({"category": "政策/税"}, ["/a/"]),
        ({"tag": "ai"}, ["/a/", "/b/"]),
        ({"tag": "ai", "language": "en"}, ["/b/"]),
        ({"author": "甲"}, ["/a/"]),
        ({"series": "連載"}, ["/a/"]),
        ({"language": "ja"}, ["/a/", "/c/"]),
        ({"since": "2026-11-10T12:00:00"}, ["/a/"]),
        ({"since": "2026-11-10T03:00:00Z"}, ["/a/"]),
        ({"until": "2026-11-10"}, ["/b/", "/c/"]),
        ({"tag": "unknown"}, []),
        ({"unknown": "1", "state": "draft", "author__user__password__startswith": "a"}, ["/a/", "/b/", "/c/"]),
    ):
        assert [post["path"] for post in ask(client, "posts", **asked)["posts"]] == expected, asked


def test_paid_links_and_posts_kept_out_of_search_are_marked(client):
    PostFactory(path="/paid/", body_html='<p><a href="https://shop.example/" rel="sponsored">店</a></p>', noindex=True)
    [card] = ask(client, "posts")["posts"]
    whole = ask(client, "post", path="/paid/")
    for found in (card, whole):
        assert (found["has_paid_links"], found["noindex"]) == (True, True)


def test_lists_are_walked_to_the_end_without_a_gap(client):
    for number in range(7):
        PostFactory(
            path=f"/p{number}/", published_at=NOON, tags=[f"t{number}"], authors=[f"a{number}"], categories=[f"c{number}"]
        )
        PostFactory(path=f"/page & {number}/", kind=Post.Kind.PAGE, published_at=None)
        PostFactory(series=SeriesFactory(name=f"s{number}"), published_at=NOON, path=f"/s{number}/")
    for name, key, count in (
        *(("posts", "path", 14), ("pages", "path", 7), ("authors", "slug", 7), ("categories", "slug", 7)),
        *(("tags", "slug", 7), ("series", "slug", 7)),
    ):
        for size in (1, 3, 7, 100):
            found = [entry[key] for entry in walk(client, f"/api/v1/{name}?size={size}")]
            assert len(found) == len(set(found)) == count, (name, size)


def test_the_address_of_the_next_page_keeps_what_was_asked_for(client):
    for number in range(3):
        PostFactory(path=f"/{number}/", tags=["AI & co"], published_at=NOON + timedelta(hours=number))
    PostFactory(published_at=NOON)
    asked = {"tag": "ai-co", "size": 1, "since": "2026-11-10T12:00:00+09:00"}
    [tag] = ask(client, "tags")["entries"]
    asked["tag"] = tag["slug"]
    first = ask(client, "posts", **asked)
    assert first["next"].startswith("http://testserver/api/v1/posts?")
    assert [post["path"] for post in [*first["posts"], *walk(client, first["next"])]] == ["/2/", "/1/", "/0/"]


def test_terms_come_with_what_staff_say_of_them_and_their_feed(client):
    author = Author.objects.create(
        name="山田", bio="記者", links=[{"label": "X", "url": "https://x.example/"}, {"url": "javascript:1"}]
    )
    child = CategoryFactory(name="税", parent=CategoryFactory(name="政策", description="政策の欄"))
    PostFactory(authors=[author], categories=[child], tags=["AI"])
    [found] = ask(client, "authors")["entries"]
    assert (found["description"], found["links"], found["kind"]) == (
        "記者",
        [{"label": "X", "url": "https://x.example/"}],
        "person",
    )
    categories = ask(client, "categories")["entries"]
    assert [(each["slug"], each["description"]) for each in categories] == [("政策", "政策の欄"), ("政策/税", "")]
    for entry in (found, *categories, *ask(client, "tags")["entries"]):
        for name in ("url", "feed_url"):
            assert client.get(entry[name].removeprefix("http://testserver")).status_code == 200


def test_the_site_says_what_it_is_called(client):
    found = ask(client, "site")
    assert (found["name"], found["language"], found["time_zone"]) == ("瓦版", "ja", "Asia/Tokyo")
    assert found["feeds"]["json"] == "http://testserver/feed.json"


# --- What nobody may see ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(HIDDEN))
def test_what_is_not_public_changes_no_byte(client, name):
    post = PostFactory(path="/shown/", authors=["甲"], categories=["政策"], tags=["AI"])
    asked = [f"/api/v1/{each}" for each in (*LISTS, "site", "post?path=/shown/", "media?path=/shown/")]
    asked += ["/api/v1/posts?tag=canary", "/api/v1/posts?author=canary", "/api/v1/posts?series=canary&category=canary"]
    before = [client.get(address).content for address in asked]
    for kind in (Post.Kind.ARTICLE, Post.Kind.PAGE):
        PostFactory(
            path=f"/canary/{kind}/",
            kind=kind,
            authors=["canary"],
            categories=["canary"],
            tags=["canary"],
            series=Series.objects.filter(name="canary").first() or SeriesFactory(name="canary"),
            **HIDDEN[name],
        )
    assert [client.get(address).content for address in asked] == before
    unknown = ask(client, "post", 404, path="/unknown/")
    hidden = ask(client, "post", 410 if name == "withdrawn" else 404, path="/canary/article/")
    assert (hidden == unknown) is (name != "withdrawn")
    assert post.path == "/shown/"


# --- How it answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*LISTS, "site", "openapi.json"])
def test_an_answer_that_did_not_change_is_confirmed(client, name):
    PostFactory()
    first = client.get(f"/api/v1/{name}")
    assert first.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert not first.cookies
    again = client.get(f"/api/v1/{name}", headers={"if-none-match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = client.head(f"/api/v1/{name}")
    assert (head.status_code, head.headers["ETag"]) == (200, first.headers["ETag"])


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_nothing_can_be_written(client, method):
    for address in ("/api/v1/posts", "/api/v1/openapi.json", "/api/"):
        assert getattr(client, method)(address).status_code == 405


@pytest.mark.parametrize(
    ("name", "query", "parameter"),
    [
        ("posts", "size=0", "size"),
        ("posts", "size=101", "size"),
        ("posts", "size=1e3", "size"),
        ("posts", "size=" + "9" * 5000, "size"),
        ("posts", "size=-1", "size"),
        ("posts", "before=x", "before"),
        ("posts", "before=-99999999999999999-1", ""),
        ("posts", "before=1-1%00", "before"),
        ("posts", "tag=%00", "tag"),
        ("posts", "tag=a%0A", "tag"),
        ("posts", "tag=", "tag"),
        ("posts", "category=" + "x" * 1_000_000, "category"),
        ("posts", "language=%22", "language"),
        ("posts", "since=yesterday", "since"),
        ("posts", "since=9999-12-31T23:59:59-12:00", "since"),
        ("posts", "since=0001-01-01T00:00:00%2B14:00", "since"),
        ("posts", "since=1e300", "since"),
        ("posts", "since=" + "1" * 4000, "since"),
        ("posts", "until=2026-02-30", "until"),
        ("pages", "after=%00", "after"),
        ("tags", "size=x", "size"),
        ("authors", "after=" + "x" * 801, "after"),
        ("post", "", "path"),
        ("post", "path=%00", "path"),
        ("media", "path=" + "/" * 801, "path"),
    ],
)
def test_what_is_asked_wrongly_is_named(client, name, query, parameter):
    response = client.get(f"/api/v1/{name}?{query}")
    assert response.status_code == 422, response.content[:300]
    assert response.json()["parameter"] == parameter
    assert response.json()["detail"]
    assert len(response.content) < 700
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("value", ["%ED%A0%80", "%FF", "😀" * 200, "' OR 1=1 --", "%25%5F", "\\", "a" * 800, "../../etc/passwd"])
def test_odd_values_find_nothing(client, value):
    PostFactory()
    for name in ("tag", "author", "series", "category"):
        assert client.get(f"/api/v1/posts?{name}={value}").json()["posts"] == []
    assert client.get(f"/api/v1/post?path={value}").status_code == 404
    assert client.get(f"/api/v1/tags?after={value}").status_code == 200


def test_too_many_parameters_are_refused(client):
    assert client.get("/api/v1/posts?" + "&".join(f"a{number}=1" for number in range(2000))).status_code == 400


def test_an_unknown_operation_is_an_unknown_address(client):
    for address in ("/api/v1/users", "/api/v1/", "/api/v2/posts", "/api/v1/docs", "/api/docs"):
        assert client.get(address).status_code == 404


def test_every_operation_costs_the_same_with_twice_the_posts(client, django_assert_max_num_queries):
    asked = {
        "site": 1,  # the settings, where they are not remembered
        "posts": 2,  # the posts, their credits
        "posts?tag=ai&category=政策&author=経済班&series=連載": 2,
        "pages": 2,
        "post?path=/one/": 5,  # the post, its credits, its text, its neighbours, its corrections
        "media?path=/one/": 2,  # the post, the files
        "authors": 1,
        "tags": 1,
        "series": 1,
        "categories": 2,  # the tree, what staff say of them
        "openapi.json": 0,
    }
    post = PostFactory(path="/one/", translation_key="x", cover=MediaFileFactory(), authors=["経済班"])
    make_correction(post, "誤り", NOON)
    for _round in range(2):
        make_everything(10)
        PostFactory.create_batch(5, kind=Post.Kind.PAGE, published_at=None, translation_key="")
        for address, most in asked.items():
            with django_assert_max_num_queries(most):
                assert client.get(f"/api/v1/{address}").status_code == 200


# --- Its description ----------------------------------------------------------------------------------------------------


def test_the_description_names_every_operation_and_every_form_that_it_uses(client):
    found = client.get("/api/v1/openapi.json").json()
    assert found["openapi"].startswith("3.")
    assert set(found["paths"]) == {f"/api/v1/{name}" for name in (*LISTS, "site", "post", "media")}
    for methods in found["paths"].values():
        assert list(methods) == ["get"]
        assert methods["get"]["summary"]
        assert "200" in methods["get"]["responses"]
    for form in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(found)):
        assert form in found["components"]["schemas"]


def test_the_page_for_programmers_loads_nothing_from_elsewhere(client, django_assert_max_num_queries):
    PostFactory(categories=["政策"])
    with django_assert_max_num_queries(1):
        html = client.get("/api/").content.decode()
    for name in LISTS:
        assert f"<code>/api/v1/{name}</code>" in html
    loaded = re.findall(r'<(?:script|img|link rel="(?:stylesheet|icon)")[^>]*(?:src|href)="([^"]*)"', html)
    assert loaded
    assert all(address.startswith("/static/") for address in loaded)
    assert "<script" not in html
    assert "ninja" not in django_settings.INSTALLED_APPS
