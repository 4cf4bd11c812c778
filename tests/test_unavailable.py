"""A database that is locked or gone: an answer in words, nothing saved, and no text lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from articles.editorial import workflow
from articles.models import Post
from articles.site import views
from tests.factories import PostFactory
from tests.people import make_person

pytestmark = pytest.mark.django_db


def refuse(*args: Any, **kwargs: Any) -> Any:
    raise OperationalError("database is locked")


@pytest.fixture
def client() -> Client:
    # Whatever is not answered is the end of the test, as it would be a 500 for a person.
    return Client(raise_request_exception=True)


def test_a_form_that_met_a_busy_database_comes_back_with_its_text(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    person = make_person("publisher")
    client.force_login(person)
    post = workflow.save_post(Post(), person, {"title": "題", "body": "本文。"})
    monkeypatch.setattr(workflow, "save_post", refuse)
    monkeypatch.setattr(workflow, "save_draft", refuse)
    data = {
        "title": "題",
        "body": "一晩かけて書いた本文。",
        "kind": "article",
        "flavour": "commonmark",
        "front_matter": post.front_matter,
        "seen": post.modified_at.isoformat(),
        **{f"{name}_set-{what}_FORMS": 0 for name in ("postauthor", "postcategory") for what in ("TOTAL", "INITIAL")},
    }
    address = reverse("admin:articles_post_change", args=[post.pk])
    answer = client.post(address, data)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert answer["Cache-Control"] == "no-store"
    assert answer.text.count("一晩かけて書いた本文。") == 2
    assert f'action="{address}"' in answer.text
    assert Post.objects.get().body == "本文。"


def test_a_page_of_the_desk_says_that_the_database_does_not_answer(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.force_login(make_person("publisher"))
    monkeypatch.setattr("cms.desk.read_overview", refuse)
    answer = client.get("/admin/")
    assert answer.status_code == 503
    assert "データベース" in answer.text


def test_readers_are_asked_to_come_back_and_the_answer_is_kept_nowhere(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    post = PostFactory()
    monkeypatch.setattr(views.lookup, "find_post", refuse)
    answer = client.get(post.path)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert answer["Cache-Control"] == "no-store"
