"""The live preview's answer: who gets it, what it says, and that it writes nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from articles.admin.preview import MAX_LIVE, cut_to_width
from articles.editorial import workflow
from articles.formats.translating import list_differences
from articles.models import Author, Post, Revision, Tag
from tests.people import make_person
from tests.test_admin import fields, post_url, sign_in

pytestmark = pytest.mark.django_db
DATA = {"Accept": "application/json"}


def ask(client: Client, post: Post, view: str = "", **changes: Any) -> Any:
    """The answer to the form of ``post`` with ``changes``."""
    return client.post(f"{post_url('preview', post.pk)}?view={view}", fields(post, **changes), headers=DATA)


def test_the_answer_is_the_page_of_the_button() -> None:
    client, person = sign_in("editor")
    post = workflow.save_post(Post(), person, {"title": "題", "body": "保存した文。", "published_at": None})
    changes = {"body": "## 一\n\n**書きかけ**。\n\n## 二\n", "published_at_0": "2026-01-02", "published_at_1": "03:04:05"}
    live = ask(client, post, **changes).json()
    assert live["html"] == client.post(post_url("preview", post.pk), fields(post, **changes)).text
    assert (live["complaints"], live["address"]) == ([], post.get_absolute_url())


@pytest.mark.parametrize("view", ["", "search", "card", "feed", "flavour", "../nowhere"])
def test_no_view_writes_a_row(view: str) -> None:
    client, person = sign_in("editor")
    post = workflow.save_post(Post(), person, {"title": "題", "body": "文。"})
    with CaptureQueriesContext(connection) as queries:
        answer = ask(client, post, view, tags="まだない", flavour="kramdown", body="語\n* 語")
    assert answer.status_code == 200
    assert [query["sql"] for query in queries if not query["sql"].startswith(("SELECT", "SAVEPOINT", "RELEASE"))] == []
    assert (Tag.objects.count(), Revision.objects.count()) == (0, 1)


def test_another_authors_post_is_as_absent_as_for_the_button() -> None:
    post = workflow.save_post(Post(), make_person("author", "other"), {"title": "秘密の題", "tags": ["秘密のタグ"]})
    client, _person = sign_in("author")
    answer = ask(client, post)
    assert answer.status_code == 404
    assert "秘密" not in answer.text
    staff, _person = sign_in("staff")
    assert staff.post(post_url("preview_new"), fields(), headers=DATA).status_code == 403
    assert ask(Client(), post).status_code in (302, 403)


def test_a_form_without_its_token_is_refused() -> None:
    person = make_person("editor")
    post = workflow.save_post(Post(), person, {"title": "題"})
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    assert ask(client, post).status_code == 403


@pytest.mark.parametrize("headers", [{}, DATA], ids=["page", "data"])
def test_the_answer_is_stored_nowhere_framed_here_only_and_runs_no_script(headers: Any) -> None:
    client, person = sign_in("editor")
    post = workflow.save_post(Post(), person, {"title": "題"})
    answer = client.post(post_url("preview", post.pk), fields(post), headers=headers)
    assert "no-store" in answer["Cache-Control"]
    assert "noindex" in answer["X-Robots-Tag"]
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "script-src 'none'" in answer["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]


def test_a_text_too_long_is_refused_in_words_and_not_rendered() -> None:
    client, person = sign_in("editor")
    post = workflow.save_post(Post(), person, {"title": "題"})
    answer = ask(client, post, body="長" * (MAX_LIVE + 1))
    assert answer.status_code == 413
    assert "200,000" in answer.json()["complaints"][0]
    assert "html" not in answer.json()


def test_an_invalid_field_is_named_and_the_rest_is_shown() -> None:
    client, person = sign_in("editor")
    post = workflow.save_post(Post(), person, {"title": "保存した題"})
    live = ask(client, post, title="", body="新しい文。").json()
    assert len(live["complaints"]) == 1
    assert "保存した題" in live["html"]
    assert "新しい文。" in live["html"]


@pytest.mark.parametrize("view", ["", "search", "card", "feed", "flavour"])
def test_what_the_text_says_is_never_markup_of_the_desk(view: str) -> None:
    client, person = sign_in("editor")
    post = workflow.save_post(Post(), person, {"title": "題", "body": "文。"})
    evil = "<img src=x onerror=alert(1)><script>alert(1)</script>"
    html = ask(client, post, view, title=evil, description=evil, body=f"`{evil}`{evil}\n* 語", flavour="kramdown").json()["html"]
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    # As the name of an attribute; in the address of a link it stands in percent signs.
    assert not re.search(r"""<(?!meta)[a-z][^<>]*[\s"'/]onerror""", html)
    assert not re.search(r'<script(?! type="application/ld)', html)


def test_it_costs_the_same_number_of_queries_whatever_the_form_holds() -> None:
    client, person = sign_in("publisher")
    post = workflow.save_post(Post(), person, {"title": "題"})

    def count(size: int) -> int:
        rows = {
            f"postauthor_set-{number}-author": Author.objects.create(name=f"署名{size}-{number}").pk for number in range(size)
        }
        body = "\n\n".join(f"[語{number}](/2024/01/{number}/)" for number in range(size))
        tags = "、".join(f"タグ{number}" for number in range(size))
        with CaptureQueriesContext(connection) as queries:
            html = ask(client, post, body=body, tags=tags, **{"postauthor_set-TOTAL_FORMS": size}, **rows).json()["html"]
        assert f"署名{size}-{size - 1}" in html
        return len(queries)

    count(2)
    assert count(3) == count(30)


def test_by_lines_stand_in_the_order_of_their_numbers_without_those_taken_away() -> None:
    client, person = sign_in("publisher")
    post = workflow.save_post(Post(), person, {"title": "題"})
    names = ["一班", "二班", "三班"]
    rows: dict[str, Any] = {"postauthor_set-TOTAL_FORMS": 3}
    for number, name in enumerate(names):
        rows[f"postauthor_set-{number}-author"] = Author.objects.create(name=name).pk
        rows[f"postauthor_set-{number}-position"] = 9 - number
    html = ask(client, post, **rows, **{"postauthor_set-1-DELETE": "on"}).json()["html"]
    assert "二班" not in html
    assert html.index("三班") < html.index("一班")


def test_the_feed_view_is_the_entry_of_the_feed() -> None:
    client, person = sign_in("publisher")
    post = workflow.save_post(Post(), person, {"title": "題 & 名", "body": "[語](/a/)。", "tags": ["倉庫"]})
    html = ask(client, post, "feed").json()["html"]
    assert '<a href="http://testserver/a/"' in html
    assert "題 &amp; 名" in html
    assert "倉庫" in html


def test_differences_are_listed_block_by_block_up_to_a_limit() -> None:
    one = "".join(f"<p>語{number}</p>" for number in range(9))
    other = one.replace("<p>語2</p>", "<h2>語2</h2>").replace("語7", "句7")
    found = list_differences(one, other, 10)
    assert [(part.one, part.other) for part in found] == [("<p> 語2 </p>", "<h2> 語2 </h2>"), ("語7", "句7")]
    assert len(list_differences(one, other, 1)) == 1
    assert list_differences(one, one, 5) == []


def test_full_width_characters_count_two_where_a_search_engine_cuts() -> None:
    assert cut_to_width("あ" * 30, 60) == "あ" * 30
    assert cut_to_width("あ" * 31, 60) == "あ" * 29 + "…"
    assert cut_to_width("a\n b", 10) == "a b"
