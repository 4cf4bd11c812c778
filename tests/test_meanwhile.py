"""Two people at the same form: nothing that one saved is undone by the other without a word."""

from __future__ import annotations

import json
import re
from typing import Any

import lxml.html
import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import gettext

from articles.models import Author, Category, MediaFile, Redirect, Series, Tag
from tests.factories import MediaFileFactory, PostFactory
from tests.people import make_person
from tests.test_admin_screens import sign_in

pytestmark = pytest.mark.django_db


def make_category() -> Category:
    return Category.objects.create(name="経済", description="市場の動き", position=1)


def make_redirect() -> Redirect:
    post = PostFactory(path="/new/")
    return Redirect.objects.create(old_path="/old/", post=post)


#: model, how a row is made, the field of one person and what they type, the field of the other and what they type.
ROWS: dict[str, tuple[Any, ...]] = {
    "category": (make_category, ("name", "経済と市場"), ("description", "暮らしの経済")),
    "tag": (lambda: Tag.objects.create(name="川", description="水辺"), ("description", "河川"), ("slug", "river")),
    "series": (lambda: Series.objects.create(name="倉庫街", description="連載"), ("name", "倉庫の街"), ("description", "全十回")),
    "author": (
        lambda: Author.objects.create(name="山田", bio="記者"),
        ("bio", "経済部の記者"),
        ("links", "X https://x.example/"),
    ),
    "mediafile": (
        lambda: MediaFileFactory(alt="橋", credit="本紙", content_type="image/png"),
        ("alt", "川にかかる橋"),
        ("credit", "通信社"),
    ),
    "redirect": (make_redirect, ("old_path", "/older/"), ("post", None)),
}


def address(row: Any) -> str:
    return reverse(f"admin:articles_{row._meta.model_name}_change", args=[row.pk])


def open_form(client: Client, row: Any) -> dict[str, Any]:
    """What a browser would send from the page of a row as it is."""
    return read_form(client.get(address(row)), row)


def read_form(answer: Any, row: Any) -> dict[str, Any]:
    form = lxml.html.fromstring(answer.text).get_element_by_id(f"{row._meta.model_name}_form")
    # HTML drops the first line end of a text area.
    return {name: value.removeprefix("\n") for name, value in form.form_values() if name != "csrfmiddlewaretoken"}


def spelled(row: Any, name: str) -> str:
    value = getattr(type(row).objects.get(pk=row.pk), name)
    if isinstance(value, list):
        return " ".join(f"{link['label']} {link['url']}" for link in value)
    return str(getattr(value, "pk", value))


@pytest.fixture
def people() -> tuple[Client, Client]:
    first, second = sign_in("publisher", "sato")[0], sign_in("publisher", "suzuki")[0]
    return first, second


@pytest.mark.parametrize("name", ROWS)
def test_what_one_saved_stays_where_the_other_left_it_alone(name: str, people: tuple[Client, Client]) -> None:
    make, (one, typed), (other, also_typed) = ROWS[name]
    row = make()
    also_typed = also_typed or str(PostFactory(path="/another/").pk)
    first, second = (open_form(client, row) for client in people)
    assert people[0].post(address(row), first | {one: typed}).status_code == 302
    assert people[1].post(address(row), second | {other: also_typed}).status_code == 302
    assert (spelled(row, one), spelled(row, other)) == (typed, also_typed)


@pytest.mark.parametrize("name", ROWS)
def test_where_both_changed_a_field_nothing_is_saved_and_all_is_said(name: str, people: tuple[Client, Client]) -> None:
    make, (one, typed), _other = ROWS[name]
    row = make()
    first, second = (open_form(client, row) for client in people)
    theirs = "/elsewhere/" if name == "redirect" else "別の言い方"
    people[0].post(address(row), first | {one: typed})
    answer = people[1].post(address(row), second | {one: theirs})
    assert answer.status_code == 200
    assert spelled(row, one) == typed
    for said in ("sato", typed, theirs):
        assert said in lxml.html.fromstring(answer.text).get_element_by_id(f"{name}_form").text_content()
    again = read_form(answer, row)
    assert again[one] == theirs
    # Whoever has seen both decides.
    assert people[1].post(address(row), again).status_code == 302
    assert spelled(row, one) == theirs


def test_both_may_type_the_same(people: tuple[Client, Client]) -> None:
    row = make_category()
    first, second = (open_form(client, row) for client in people)
    people[0].post(address(row), first | {"name": "市場", "description": "一行\r\n二行"})
    answer = people[1].post(address(row), second | {"name": "市場", "description": "一行\r\n二行", "position": "7"})
    row.refresh_from_db()
    assert (answer.status_code, row.name, row.description, row.position) == (302, "市場", "一行\n二行", 7)


def test_a_mark_and_a_choice_are_brought_together_too(people: tuple[Client, Client]) -> None:
    row = MediaFileFactory(alt="", is_decorative=True, licence="cc0", content_type="image/png")
    first, second = (open_form(client, row) for client in people)
    del first["is_decorative"]
    people[0].post(address(row), first | {"licence": "cc-by"})
    people[1].post(address(row), second | {"credit": "通信社"})
    row.refresh_from_db()
    assert (row.is_decorative, row.licence, row.credit) == (False, "cc-by", "通信社")
    parent = make_category()
    child = Category.objects.create(name="物価", parent=parent)
    first, second = (open_form(client, child) for client in people)
    people[0].post(address(child), first | {"parent": ""})
    people[1].post(address(child), second | {"position": "3"})
    child.refresh_from_db()
    assert (child.parent, child.position) == (None, 3)


def test_a_change_that_no_log_names_is_told_without_a_name(people: tuple[Client, Client]) -> None:
    row = make_category()
    sent = open_form(people[0], row)
    Category.objects.filter(pk=row.pk).update(name="市況")
    answer = people[0].post(address(row), sent | {"name": "市場"})
    assert "市況" in answer.text
    assert spelled(row, "name") == "市況"


@pytest.mark.parametrize(
    "seen", ["", "{", "[]", '{"at": "x", "values": {}}', '{"at": 5, "values": {}}', '{"values": []}', "[" * 9000]
)
def test_a_damaged_page_saves_nothing_and_keeps_what_was_typed(seen: str, people: tuple[Client, Client]) -> None:
    row = make_category()
    answer = people[0].post(address(row), open_form(people[0], row) | {"seen": seen, "name": "市場"})
    assert (answer.status_code, spelled(row, "name"), read_form(answer, row)["name"]) == (200, "経済", "市場")
    assert people[0].post(address(row), read_form(answer, row)).status_code == 302


def test_a_damaged_page_shows_what_differs_before_it_is_saved_again(people: tuple[Client, Client]) -> None:
    """Sent again, it would say that its writer has seen what others saved meanwhile."""
    row = make_category()
    Category.objects.filter(pk=row.pk).update(description="先に保存した説明")
    answer = people[0].post(address(row), open_form(people[0], row) | {"seen": "{", "description": "古い画面の説明"})
    assert answer.status_code == 200
    assert "先に保存した説明" in answer.text
    row.refresh_from_db()
    assert row.description == "先に保存した説明"


def test_what_a_page_says_it_saw_is_compared_and_never_saved(people: tuple[Client, Client]) -> None:
    row = make_category()
    sent = open_form(people[0], row)
    seen = json.loads(sent["seen"])
    seen["values"] = {"name": "偽", "identity": "偽", "pk": 5, "description": {"a": [1]}}
    answer = people[0].post(address(row), sent | {"seen": json.dumps(seen)})
    row.refresh_from_db()
    assert (answer.status_code, row.name, row.description) == (302, "経済", "市場の動き")


@pytest.mark.parametrize("name", ROWS)
def test_a_row_that_was_deleted_meanwhile_is_told_with_what_was_typed(name: str, people: tuple[Client, Client]) -> None:
    make, (one, typed), _other = ROWS[name]
    row = make()
    sent = open_form(people[0], row)
    type(row).objects.filter(pk=row.pk).delete()
    answer = people[0].post(address(row), sent | {one: typed})
    assert (answer.status_code, type(row).objects.filter(pk=row.pk).exists()) == (404, False)
    assert typed in answer.text


@pytest.mark.parametrize("name", ROWS)
def test_a_browser_that_goes_back_restores_no_field(name: str, people: tuple[Client, Client]) -> None:
    row = ROWS[name][0]()
    form = lxml.html.fromstring(people[0].get(address(row)).text).get_element_by_id(f"{name}_form")
    kept = [
        field.name
        for field in form.inputs
        if field.name and field.name != "csrfmiddlewaretoken" and field.get("type") != "submit" and not field.get("autocomplete")
    ]
    assert kept == []


@pytest.mark.parametrize("name", ROWS)
def test_a_save_costs_the_same_however_many_rows_there_are(name: str, people: tuple[Client, Client]) -> None:
    row = ROWS[name][0]()
    ContentType.objects.get_for_model(row)
    client = people[0]

    def count_queries() -> int:
        sent = open_form(client, row)
        with CaptureQueriesContext(connection) as queries:
            assert client.post(address(row), sent).status_code == 302
        return len(queries)

    count_queries()
    before = count_queries()
    for number in range(8):
        Category.objects.create(name=f"欄{number}")
        Tag.objects.create(name=f"札{number}")
        MediaFileFactory()
        PostFactory()
    assert count_queries() == before


def test_readers_of_a_row_that_may_not_be_changed_have_nothing_to_send() -> None:
    client, _person = sign_in("author", "kato")
    row = MediaFileFactory(alt="橋")
    answer = client.get(address(row))
    assert 'name="seen"' not in answer.text
    assert MediaFile.objects.count() == 1


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model.__name__)
def test_every_field_of_every_form_is_named_in_japanese_in_the_history(model: Any, rf: RequestFactory) -> None:
    desk = admin.site._registry[model]
    rf_request = rf.get("/")
    rf_request.user = make_person("superuser")
    row = model(pk=1)
    row.newest_saved = None
    form_class = desk.get_form(rf_request, row, change=True)
    form = form_class(instance=row)
    changed = [name for name, field in form.fields.items() if not field.widget.is_hidden]
    form.changed_data = changed
    (message,) = desk.construct_change_message(rf_request, form, []) or [{"changed": {"fields": []}}]
    entry = LogEntry(action_flag=CHANGE, change_message=json.dumps([message]))
    said = {name: str(gettext(name)) for name in message["changed"]["fields"]}
    assert [name for name in said.values() if not re.search("[ぁ-んァ-ン一-龥]", name)] == []
    assert len(said) == 0 or entry.get_change_message()


def test_a_new_name_at_the_desk_is_short_and_one_of_an_import_stays(people: tuple[Client, Client]) -> None:
    add = reverse("admin:articles_tag_add")
    sent = {"name": "長" * 81, "slug": "", "aliases": "", "description": ""}
    assert "80" in people[0].post(add, sent).text
    assert not Tag.objects.exists()
    assert people[0].post(add, sent | {"name": "長" * 80}).status_code == 302
    brought = Category.objects.create(name="長" * 198)
    form = open_form(people[0], brought)
    assert people[0].post(address(brought), form | {"description": "説明"}).status_code == 302
    assert people[0].post(address(brought), form | {"name": "短"}).status_code == 302
    brought.refresh_from_db()
    assert brought.name == "短"


@pytest.mark.postgres
@pytest.mark.parametrize("name", ROWS)
def test_while_one_saves_nobody_else_writes_the_row(name: str, people: tuple[Client, Client]) -> None:
    row = ROWS[name][0]()
    sent = open_form(people[0], row)
    with CaptureQueriesContext(connection) as queries:
        people[0].post(address(row), sent)
    statements = [query["sql"] for query in queries]
    locked = next(place for place, sql in enumerate(statements) if "FOR UPDATE" in sql and row._meta.db_table in sql)
    read = [place for place, sql in enumerate(statements) if sql.startswith("SELECT") and f'FROM "{row._meta.db_table}"' in sql]
    assert locked == read[0], "locked before it is read for the comparison"
