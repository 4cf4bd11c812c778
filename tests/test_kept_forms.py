"""A form that outlived its session, or the token of another sign-in, is not thrown away."""

from __future__ import annotations

from typing import Any

import lxml.html
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from articles.models import Post, Tag
from tests.people import make_person

pytestmark = pytest.mark.django_db
ADD = reverse("admin:articles_post_add")
HERE = {"origin": "http://testserver"}


def browser() -> Client:
    """A client with the token cookie that every page with a form gives."""
    client = Client(enforce_csrf_checks=True)
    client.get(reverse("admin:login"))
    return client


def token(client: Client) -> str:
    return client.cookies["csrftoken"].value


def written(client: Client, **changes: Any) -> dict[str, Any]:
    rows = {f"{name}_set-{what}_FORMS": 0 for name in ("postauthor", "postcategory") for what in ("TOTAL", "INITIAL")}
    text = {"title": "川沿いの倉庫", "body": "\n一行空けて\r\n<b>太字</b>\r\n", "kind": "article", "flavour": "commonmark"}
    return text | rows | {"csrfmiddlewaretoken": token(client)} | changes


def sent_again(answer: Any) -> dict[str, Any]:
    """What the browser would send from the page: line ends of a text area are read as LF and sent as CR LF."""
    form = next(form for form in lxml.html.fromstring(answer.text).forms if "kept-form" in (form.get("class") or ""))
    # HTML drops the first line end of a text area.
    values = {
        field.name: (field.value or "").removeprefix("\n") for field in form.inputs if field.name and field.tag == "textarea"
    }
    hidden = {field.name: field.value for field in form.inputs if field.get("type") == "hidden"}
    return hidden | {name: value.replace("\r\n", "\n").replace("\n", "\r\n") for name, value in values.items()}


def test_a_text_sent_after_the_session_ended_is_saved_by_signing_in() -> None:
    make_person("author")
    client = browser()
    answer = client.post(ADD, written(client), headers=HERE)
    assert answer.status_code == 403
    assert "&lt;b&gt;太字" in answer.text
    assert not Post.objects.exists()
    again = sent_again(answer)
    answer = client.post(ADD, again | {"sign-in-username": "author", "sign-in-password": "wrong"}, headers=HERE)
    assert answer.status_code == 403
    assert "errorlist" in answer.text
    assert "wrong" not in answer.text
    answer = client.post(ADD, sent_again(answer) | {"sign-in-username": "author", "sign-in-password": "x"}, headers=HERE)
    post = Post.objects.get()
    assert answer["Location"] == reverse("admin:articles_post_change", args=[post.pk])
    assert (post.title, post.body, post.owner.username) == ("川沿いの倉庫", "\n一行空けて\n<b>太字</b>\n", "author")
    assert client.get(answer["Location"]).status_code == 200


def test_signing_in_with_a_form_gives_no_right_that_the_account_lacks() -> None:
    make_person("staff")
    client = browser()
    data = written(client) | {"sign-in-username": "staff", "sign-in-password": "x"}
    assert client.post(ADD, data, headers=HERE).status_code == 403
    assert not Post.objects.exists()


def test_an_account_that_is_no_staff_does_not_sign_in_by_a_form(django_user_model: Any) -> None:
    django_user_model.objects.create_user("reader", password="x")
    client = browser()
    data = written(client) | {"sign-in-username": "reader", "sign-in-password": "x"}
    assert "errorlist" in client.post(ADD, data, headers=HERE).text
    assert "sessionid" not in client.cookies


def test_a_form_from_before_another_sign_in_comes_back_with_a_new_token() -> None:
    client, person = browser(), make_person("author")
    stale = written(client)
    client.force_login(person)
    client.cookies["csrftoken"] = "a" * 32
    answer = client.post(ADD, stale, headers=HERE)
    assert answer.status_code == 403
    assert not Post.objects.exists()
    assert client.post(ADD, sent_again(answer), headers=HERE).status_code == 302
    assert Post.objects.get().title == "川沿いの倉庫"


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "https://evil.example"}, {"origin": "null"}, {"referer": "http://testserver/"}]
)
def test_a_form_from_elsewhere_is_refused_and_not_given_a_token(headers: dict[str, str]) -> None:
    client, person = browser(), make_person("author")
    stale = written(client)
    client.force_login(person)
    client.cookies["csrftoken"] = "a" * 32
    answer = client.post(ADD, stale, headers=headers)
    assert answer.status_code == 403
    assert "csrfmiddlewaretoken" not in answer.text
    assert "川沿い" not in answer.text


def test_passwords_and_files_do_not_come_back() -> None:
    client = browser()
    data = written(client, new_password1="secret-word", file=SimpleUploadedFile("a.png", b"x"))
    answer = client.post(ADD, data, headers=HERE)
    assert "secret-word" not in answer.text
    assert "ファイル" in answer.text


def test_who_never_had_a_page_of_the_desk_is_led_to_the_sign_in() -> None:
    answer = Client().post(reverse("admin:articles_tag_add"), {"name": "AI"})
    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]
    assert not Tag.objects.exists()
