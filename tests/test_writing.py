"""What writers look for while they write: who finds which posts and pictures, and what no query can do."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image

from articles.admin.writing import MAX_RESULTS
from articles.editorial import workflow
from articles.library import add_media
from articles.models import MediaFile, Post
from tests.people import make_person

pytestmark = pytest.mark.django_db
POSTS, PICTURES = "/admin/articles/post/search/", "/admin/articles/mediafile/search/"


def sign_in(role: str) -> tuple[Client, Any]:
    person = make_person(role)
    client = Client()
    client.force_login(person)
    return client, person


def titles(client: Client, query: str) -> list[str]:
    return [row["title"] for row in client.get(POSTS, {"q": query}).json()["results"]]


def make_post(title: str, person: Any = None, **fields: Any) -> Post:
    post = workflow.save_post(Post(), None, {"title": title, "body": "本文", **fields})
    Post.objects.filter(pk=post.pk).update(owner=person)
    return post


def test_two_japanese_characters_find_a_post_with_its_title_address_and_state() -> None:
    client, _person = sign_in("editor")
    make_post("川沿いの倉庫", path="/2026/kura/")
    make_post("ほかの題")
    answer = client.get(POSTS, {"q": "倉庫"})
    assert answer.json() == {"results": [{"title": "川沿いの倉庫", "path": "/2026/kura/", "state": "下書き"}]}
    assert "no-store" in answer.headers["Cache-Control"]
    assert titles(client, "kura") == titles(client, "倉庫　川沿") == ["川沿いの倉庫"]
    assert titles(client, "倉庫 ほか") == []


def test_an_author_finds_own_posts_only_and_an_editor_all() -> None:
    client, person = sign_in("author")
    make_post("倉庫、自分の", person)
    make_post("倉庫、ほかの人の", make_person("author", "other"))
    assert titles(client, "倉庫") == titles(client, "") == ["倉庫、自分の"]
    assert len(titles(sign_in("editor")[0], "倉庫")) == 2


def test_without_the_right_to_see_posts_or_signed_out_nothing_is_found() -> None:
    make_post("倉庫")
    client, _person = sign_in("staff")
    for address in (POSTS, PICTURES):
        assert client.get(address, {"q": "倉庫"}).status_code == 403
        assert Client().get(address, {"q": "倉庫"}).status_code == 302
        assert sign_in("editor" if address == POSTS else "publisher")[0].post(address).status_code == 405


def test_the_right_to_see_pictures_is_none_to_see_posts() -> None:
    make_post("倉庫")
    client, person = sign_in("staff")
    person.user_permissions.add(Permission.objects.get(codename="view_mediafile"))
    assert client.get(PICTURES).status_code == 200
    assert client.get(POSTS).status_code == 403


def test_nothing_in_the_trash_is_found() -> None:
    client, _person = sign_in("editor")
    workflow.move_to_trash(make_post("倉庫"), None)
    assert titles(client, "倉庫") == []


def test_no_more_than_twenty_come_in_a_bounded_number_of_queries() -> None:
    client, _person = sign_in("editor")
    for number in range(MAX_RESULTS + 5):
        make_post(f"倉庫 {number}")
    with CaptureQueriesContext(connection) as few:
        assert len(titles(client, "倉庫")) == MAX_RESULTS
    assert len([query for query in few if "articles_post" in query["sql"]]) == 1


@pytest.mark.parametrize("query", ["%", "_", "\\", "'", '"', "%' OR 1=1 --", "倉_", "<script>", "\ud83d\ude00", "*"])
def test_signs_of_a_pattern_stand_for_themselves(query: str) -> None:
    client, _person = sign_in("editor")
    make_post("川沿いの倉庫", path="/kura/")
    assert titles(client, query.encode("utf-16", "surrogatepass").decode("utf-16")) == []


@pytest.mark.parametrize("query", ["倉" * 10_000, "% " * 5_000, "_" * 10_000, "倉 " * 5_000, '"' * 10_000])
@pytest.mark.parametrize("address", [POSTS, PICTURES])
def test_a_query_of_ten_thousand_characters_is_answered(address: str, query: str) -> None:
    client, _person = sign_in("editor")
    assert client.get(address, {"q": query}).status_code == 200


@pytest.mark.parametrize("address", [POSTS, PICTURES])
def test_a_character_that_cannot_be_stored_is_no_error(address: str) -> None:
    client, _person = sign_in("editor")
    assert client.get(address, {"q": "倉\x00庫"}).status_code in (200, 400)
    assert client.get(address + "?q=%ff%fe").status_code in (200, 400)


def test_pictures_are_found_by_their_texts_and_only_those_that_readers_get(media_root: Any) -> None:
    client, _person = sign_in("author")
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "navy").save(file, "PNG")
    stored = add_media(file.getvalue(), "kura.png", alt="川沿いの倉庫")
    MediaFile.objects.create(sha256="b" * 64, name="倉庫.pdf", content_type="application/pdf", public_name="x.pdf")
    MediaFile.objects.create(sha256="d" * 64, name="倉庫.png", content_type="image/png")
    found = client.get(PICTURES, {"q": "倉庫"}).json()["results"]
    assert found == [{"id": stored.pk, "name": "kura.png", "alt": "川沿いの倉庫", "url": stored.url, "isDecorative": False}]
