"""Exports at the desk: who may, what they get, and that it is sent as it is made."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from articles.transfer.exporting import receipts
from tests.factories import PostFactory
from tests.people import make_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]
ADDRESS = "/admin/articles/post/archive/"


def signed_in(client: Client, role: str) -> Any:
    person = make_person(role)
    client.force_login(person)
    return person


def unpack(response: Any) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))


def test_a_publisher_gets_everything_as_a_zip_with_a_receipt_and_no_length_is_claimed(client: Client) -> None:
    signed_in(client, "publisher")
    PostFactory(title="記事", slug="kiji")

    response = client.post(ADDRESS, {"layout": "hugo", "with_media": "on"})

    assert response["Content-Type"] == "application/zip"
    assert "Content-Length" not in response
    with unpack(response) as archive:
        assert "content/posts/kiji.md" in archive.namelist()
        receipt = json.loads(archive.read(receipts.NAME))
    assert (receipt["exported_by"], receipt["layout"]) == ("publisher", "hugo")
    assert LogEntry.objects.get().user.username == "publisher"


def test_an_author_gets_their_own_posts_only(client: Client) -> None:
    author = signed_in(client, "author")
    PostFactory(slug="mine", owner=author, state="draft")
    PostFactory(slug="others", state="draft")

    with unpack(client.post(ADDRESS, {"layout": "plain"})) as archive:
        names = archive.namelist()

    assert "posts/mine.md" in names
    assert not any("others" in name for name in names)


def test_chosen_posts_leave_and_no_others_even_if_their_numbers_are_forged(client: Client) -> None:
    author = signed_in(client, "author")
    mine = PostFactory(slug="mine", owner=author)
    other = PostFactory(slug="other", state="draft")

    page = client.post("/admin/articles/post/", {"action": "export_chosen", "_selected_action": [mine.pk]})
    assert f'value="{mine.pk}"' in page.content.decode()

    with unpack(client.post(ADDRESS, {"layout": "hugo", "chosen": f"{mine.pk},{other.pk}"})) as archive:
        assert [name for name in archive.namelist() if name.endswith(".md")] == ["content/posts/mine.md"]


@pytest.mark.parametrize("role", ["staff", None])
def test_without_the_right_there_is_neither_page_nor_zip(client: Client, role: str | None) -> None:
    if role:
        signed_in(client, role)
    for response in (client.get(ADDRESS), client.post(ADDRESS, {"layout": "hugo"})):
        assert response.status_code == (403 if role else 302)


@pytest.mark.parametrize("wrong", [{"layout": "word"}, {"layout": "hugo", "chosen": "1;drop"}, {"layout": "hugo", "tag": "無い"}])
def test_a_wrong_choice_is_said_on_the_page(client: Client, wrong: dict[str, str]) -> None:
    signed_in(client, "editor")
    PostFactory()

    response = client.post(ADDRESS, wrong)

    assert response.status_code == 200
    assert "errorlist" in response.content.decode() or "errornote" in response.content.decode()


def test_the_list_offers_the_export_to_those_who_may(client: Client) -> None:
    signed_in(client, "author")
    assert ADDRESS in client.get("/admin/articles/post/").content.decode()
