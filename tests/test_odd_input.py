"""What no database can hold, sent to every address by every way: an answer in words, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

import lxml.html
import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from articles.editorial import workflow
from articles.models import Author, Post, Tag
from tests.desk import Address, fill_address, list_addresses, make_rows
from tests.people import make_person

pytestmark = pytest.mark.django_db

NUL = "a\x00b"
# Percent-encoded: NUL, half a surrogate pair, a byte that is no UTF-8.
ODD_BYTES = ("%00", "a%00b", "%ED%A0%80", "%ff")
# Values that a database may refuse where a key, a number or a page is expected.
ODD_KEYS = (NUL, "9" * 30, "-1", "abc", "²")
# What lists and reports take in their query, whether or not a page links to it.
QUERIES = (
    *("q", "o", "p", "all", "e", "page", "term", "before", "next", "verdict", "version"),
    *("state", "state__exact", "mine", "kind", "source__id__exact", "trash", "role", "origin"),
)
DESK = [address for address in list_addresses(desk=True) if address.name != "logout"]
PUBLIC = list_addresses(desk=False)


def label(address: Address) -> str:
    return address.name or address.route


def ask(client: Client, method: str, path: str, data: Any = None, **options: Any) -> Any:
    """The answer; what a database refuses is an error of this test, not the end of its transaction."""
    with transaction.atomic():
        return getattr(client, method)(path, data, **options)


def list_questions(address: Address) -> list[tuple[list[str], str]]:
    """Names of a query with the value that all of them get. Lists are asked each name with each value.

    Other pages read few of them: each name comes once alone, the values in turn, and each value once in all names.
    """
    values = (*ODD_BYTES, "9" * 30)
    if address.name.endswith("_changelist"):
        return [([name], value) for name in QUERIES for value in values]
    alone = [([name], values[place % len(values)]) for place, name in enumerate(QUERIES)]
    return [*alone, *((list(QUERIES), value) for value in values)]


def list_answers(names: list[str]) -> list[tuple[list[str], str]]:
    """Fields of a form with the value that all of them get: each alone with a NUL and one other, and all with each value."""
    alone = [
        ([name], value) for place, name in enumerate(names) for value in dict.fromkeys((NUL, ODD_KEYS[place % len(ODD_KEYS)]))
    ]
    return [*alone, *((names, value) for value in ODD_KEYS)]


@pytest.fixture
def world() -> tuple[Client, dict[str, Any]]:
    person = make_person("superuser")
    client = Client()
    client.force_login(person)
    return client, make_rows(person)


@pytest.mark.parametrize("address", DESK, ids=label)
def test_no_query_and_no_path_of_the_desk_ends_in_an_error_of_the_database(address: Address, world: Any) -> None:
    client, rows = world
    path = fill_address(address, rows)
    for names, value in list_questions(address):
        answer = ask(client, "get", f"{path}?{'&'.join(f'{name}={value}' for name in names)}")
        if "%00" in value and names != ["q"]:
            assert answer.status_code == 400, (names, value)
            assert any(f"“{name}”" in answer.text or f"「{name}」" in answer.text for name in names), (names, value)
        assert answer.status_code < 500, (names, value)
    for place in address.places:
        for value in (*ODD_BYTES, "9" * 30, "-1", "abc"):
            answer = ask(client, "get", address.fill(dict.fromkeys(address.places, "1") | {place: value}))
            assert answer.status_code == (400 if "%00" in value else answer.status_code), (place, value)
            assert answer.status_code < 500, (place, value)


@pytest.mark.parametrize("address", DESK, ids=label)
def test_no_field_of_any_form_of_the_desk_ends_in_an_error_of_the_database(address: Address, world: Any, media_root: Any) -> None:
    client, rows = world
    path = fill_address(address, rows)
    page = ask(client, "get", path)
    if page.status_code != 200 or "html" not in page["Content-Type"]:
        return
    for form in lxml.html.fromstring(page.text).forms:
        if form.method != "POST" or "logout" in (form.action or ""):
            continue
        sent = {field.name: field.value for field in form.inputs if field.name and field.value and field.get("type") != "file"}
        sent = {name: list(value) if not isinstance(value, str) else value for name, value in sent.items()}
        buttons = ("_verb", "action", "index", "_selected_action", "select_across", "_popup", "_to_field", "_continue")
        for names, value in list_answers([name for name in dict.fromkeys([*form.fields.keys(), *buttons]) if name]):
            data = sent | {"action": "trash_chosen"} if names == ["_selected_action"] else sent
            if ask(client, "post", path, data | dict.fromkeys(names, value)).status_code >= 500:
                pytest.fail(f"{path}: {names}={value!r}")


@pytest.mark.parametrize("address", PUBLIC, ids=label)
def test_no_public_address_ends_in_an_error_of_the_database(address: Address, world: Any) -> None:
    client, _rows = world
    workflow.publish(Post.objects.get(), None)
    defaults = {"number": "1", "year": "2026", "month": "11", "path": "kura/", "full_slug": "技術", "slug": "ai", "key": "0" * 12}
    for value in ODD_BYTES:
        for query in ("before", "from", "page", "q", value):
            answer = ask(client, "get", address.fill(defaults) + f"?{query}={value}")
            assert answer.status_code < 500, (query, value)
        for place in address.places:
            if place not in ("number", "year", "month"):
                assert ask(client, "get", address.fill(defaults | {place: value})).status_code in (301, 404), (place, value)


def test_a_form_names_the_field_that_holds_a_nul() -> None:
    client, person = Client(), make_person("superuser")
    client.force_login(person)
    answer = client.post(reverse("admin:articles_tag_add"), {"name": NUL, "slug": "", "aliases": ""})
    assert "name" in answer.context["adminform"].form.errors
    answer = client.post(reverse("admin:articles_tag_add"), {"name": "AI", "slug": "", "aliases": NUL})
    assert "aliases" in answer.context["adminform"].form.errors
    links = {"name": "朝刊班", "kind": "desk", "slug": "", "aliases": "", "links": "案内 https://example.jp/\x00"}
    answer = client.post(reverse("admin:articles_author_add"), links)
    assert "links" in answer.context["adminform"].form.errors
    assert not Tag.objects.exists()
    assert not Author.objects.exists()


@pytest.mark.parametrize("key", ["abc", NUL, "9" * 30, "²"])
@pytest.mark.parametrize(
    ("model", "field"), [("post", "series"), ("post", "cover"), ("category", "parent"), ("redirect", "post")]
)
def test_a_choice_that_is_no_key_comes_back_with_the_form(model: str, field: str, key: str) -> None:
    client = Client()
    client.force_login(make_person("superuser"))
    answer = client.post(reverse(f"admin:articles_{model}_add"), {"name": "題", "title": "題", "old_path": "/x/", field: key})
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors


@pytest.mark.parametrize("key", ["abc", NUL, "9" * 30, "²", ""])
@pytest.mark.parametrize("model", ["articles_post", "articles_tag", "auth_group"])
def test_an_action_on_what_is_no_key_does_nothing_and_says_so(model: str, key: str, world: Any) -> None:
    client, rows = world
    data = {
        "action": "trash_chosen" if model == "articles_post" else "delete_selected",
        "_selected_action": [key, rows[model].pk],
    }
    answer = client.post(reverse(f"admin:{model}_changelist"), data, follow=True)
    assert answer.status_code == 200
    assert len(answer.context["messages"]) == 1
    assert type(rows[model]).objects.filter(pk=rows[model].pk).exists()
    assert not Post.objects.filter(trashed_at__isnull=False).exists()


def test_a_search_for_a_nul_says_what_is_wrong_and_shows_the_list(world: Any) -> None:
    client, _rows = world
    answer = client.get(reverse("admin:articles_post_changelist"), {"q": NUL})
    assert answer.status_code == 200
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]
    assert "NUL" in answer.text


@pytest.mark.parametrize("cookie", ["sessionid", "csrftoken", "messages", "django_language"])
def test_a_cookie_that_no_database_can_look_for_is_named(cookie: str) -> None:
    client = Client()
    answer = client.get("/admin/", headers={"cookie": f'{cookie}="\\000aaaaaaaaaaaaaaaa"'})
    assert answer.status_code == 400
    assert cookie in answer.text
    assert client.get("/", headers={"cookie": f'{cookie}="\\000aaaaaaaaaaaaaaaa"'}).status_code == 200


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_form_in_another_encoding_is_refused_with_its_name(kind: str, world: Any) -> None:
    client, _rows = world
    body = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\x91\xe8\r\n--x--\r\n'
    answer = client.generic("POST", reverse("admin:articles_tag_add"), body, f"{kind}; charset=shift_jis")
    assert answer.status_code == 400
    assert "shift_jis" in answer.text
    assert Tag.objects.count() == 1


def test_a_text_whose_escapes_stand_for_what_cannot_be_stored_is_refused_beside_its_field() -> None:
    client, person = Client(), make_person("superuser")
    client.force_login(person)
    heads = (
        '---\ntitle: "a\\0b"\n---\n',
        '{"title": "\\ud800"}\n',
        '{"title": "a\\u0000b"}\n',
        '+++\ntitle = "a\\u0000b"\n+++\n',
    )
    for head in heads:
        post = workflow.save_post(Post(), person, {"title": "題", "front_matter": "---\ntitle: 題\n---\n"})
        data = {
            "title": "題",
            "body": "本文",
            "kind": "article",
            "flavour": "commonmark",
            "front_matter": head,
            "seen": post.modified_at.isoformat(),
            **{f"{name}_set-{what}_FORMS": 0 for name in ("postauthor", "postcategory") for what in ("TOTAL", "INITIAL")},
        }
        answer = client.post(reverse("admin:articles_post_change", args=[post.pk]), data)
        assert answer.status_code == 200
        assert "front_matter" in answer.context["adminform"].form.errors, head


def test_a_text_full_of_odd_references_is_saved_alike_on_both_databases() -> None:
    body = "[甲](/x%00/) ![乙](y%00z.png) &#0; &#xD800; [[n%00]] [丙](%ED%A0%80) `\ufffe`\n\n# \ufdd0見出し\n"
    post = workflow.save_post(Post(), None, {"title": "題", "body": body})
    assert post.body == body
    assert "\x00" not in post.body_html + post.plain_text
    assert connection.vendor in ("sqlite", "postgresql")
