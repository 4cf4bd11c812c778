"""Every address of the desk × method × role × whose row, against a table. An address without a row here fails."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import Client

from tests.desk import Address, fill_address, list_addresses, list_registered, make_rows
from tests.people import make_person

pytestmark = pytest.mark.django_db

ROLES = ("anonymous", "staff", "author", "importer", "editor", "publisher", "superuser")
TERMS = "tag series category author"

# Page, method, what each role is answered, models. "404/200": for a row of somebody else, and for one's own.
# 302 leads a stranger to the sign-in and everyone else to where the thing done can be seen; a row that may not be seen
# answers as one that is not there (404); a right that is lacking is 403; forms are sent empty, so 200 is the form again.
TABLE = f"""
index                 GET   302 200     200     200     200 200 200
index                 POST  302 200     200     200     200 200 200
login                 GET   200 302     302     302     302 302 302
login                 POST  200 200     200     200     200 200 200
logout                GET   302 405     405     405     405 405 405
logout                POST  302 200     200     200     200 200 200
password_change       GET   302 200     200     200     200 200 200
password_change       POST  302 200     200     200     200 200 200
password_change_done  GET   302 200     200     200     200 200 200
password_change_done  POST  302 405     405     405     405 405 405
autocomplete          GET   302 403     403     403     403 403 403
autocomplete          POST  302 405     405     405     405 405 405
jsi18n                GET   302 200     200     200     200 200 200
jsi18n                POST  302 405     405     405     405 405 405
app_list              GET   302 404     200     200     200 200 200
app_list              POST  302 404     200     200     200 200 200
anywhere              GET   302 404     404     404     404 404 404
anywhere              POST  302 404     404     404     404 404 404

changelist            GET   302 403     200     200     200 200 200  post mediafile revision {TERMS}
changelist            POST  302 403     200     200     200 200 200  post mediafile revision {TERMS}
changelist            GET   302 403     403     200     200 200 200  importrun importitem source sourcefile
changelist            POST  302 403     403     200     200 200 200  importrun importitem source sourcefile
changelist            GET   302 403     403     403     200 200 200  redirect
changelist            POST  302 403     403     403     200 200 200  redirect
changelist            GET   302 403     403     403     403 403 200  user group
changelist            POST  302 403     403     403     403 403 200  user group

add                   GET   302 403     200     200     200 200 200  post mediafile
add                   POST  302 403     200     200     200 200 200  post mediafile
add                   GET   302 403     403     403     200 200 200  {TERMS}
add                   POST  302 403     403     403     200 200 200  {TERMS}
add                   GET   302 403     403     403     403 200 200  redirect
add                   POST  302 403     403     403     403 200 200  redirect
add                   GET   302 403     403     200     403 403 200  importrun
add                   POST  302 403     403     400     403 403 400  importrun
add                   GET   302 403     403     403     403 403 403  importitem source sourcefile revision
add                   POST  302 403     403     403     403 403 403  importitem source sourcefile revision
add                   GET   302 403     403     403     403 403 200  user group
add                   POST  302 403     403     403     403 403 200  user group

change                GET   302 404     404/200 404/200 200 200 200  post revision
change                POST  302 404     404/200 404/200 200 200 200  post
change                POST  302 404     404/403 404/403 403 403 403  revision
change                GET   302 403     200     200     200 200 200  mediafile {TERMS}
change                POST  302 403     403/302 403/302 302 302 302  mediafile
change                POST  302 403     403     403     200 200 200  {TERMS}
change                GET   302 404     404/403 404/403 200 200 200  redirect
change                POST  302 404     404/403 404/403 403 200 200  redirect
change                GET   302 404/403 404/403 404/200 200 200 200  importitem
change                POST  302 404/403 404/403 404/403 403 403 403  importitem
change                GET   302 403     403     404/200 200 200 200  importrun
change                POST  302 403     403     404/403 403 403 403  importrun
change                GET   302 403     403     200     200 200 200  source sourcefile
change                POST  302 403     403     403     403 403 403  source sourcefile
change                GET   302 403     403     403     403 403 200  user group
change                POST  302 403     403     403     403 403 200  user group
password_change       GET   302 403     403     403     403 403 200  user
password_change       POST  302 403     403     403     403 403 200  user

history               GET   302 404     404/200 404/200 200 200 200  post revision
history               POST  302 404     404/200 404/200 200 200 200  post revision
history               GET   302 403     200     200     200 200 200  mediafile {TERMS}
history               POST  302 403     200     200     200 200 200  mediafile {TERMS}
history               GET   302 404     404/403 404/403 200 200 200  redirect
history               POST  302 404     404/403 404/403 200 200 200  redirect
history               GET   302 404/403 404/403 404/200 200 200 200  importrun importitem
history               POST  302 404/403 404/403 404/200 200 200 200  importrun importitem
history               GET   302 403     403     200     200 200 200  source sourcefile
history               POST  302 403     403     200     200 200 200  source sourcefile
history               GET   302 403     403     403     403 403 200  user group
history               POST  302 403     403     403     403 403 200  user group

delete                GET   302 404     404/403 404/403 403 200 200  post redirect
delete                POST  302 404     404/403 404/403 403 302 302  post redirect
delete                GET   302 403     403     403     403 200 200  mediafile {TERMS}
delete                POST  302 403     403     403     403 302 302  mediafile {TERMS}
delete                GET   302 404     404/403 404/403 403 403 403  revision
delete                POST  302 404     404/403 404/403 403 403 403  revision
delete                GET   302 404/403 404/403 404/403 403 403 403  importrun importitem
delete                POST  302 404/403 404/403 404/403 403 403 403  importrun importitem
delete                GET   302 403     403     403     403 403 403  source sourcefile
delete                POST  302 403     403     403     403 403 403  source sourcefile
delete                GET   302 403     403     403     403 403 200  user group
delete                POST  302 403     403     403     403 403 302  user group

merges                GET   302 403     403     403     403 200 200  {TERMS}
merges                POST  302 403     403     403     403 405 405  {TERMS}
undo_merge            GET   302 403     403     403     403 405 405  {TERMS}
undo_merge            POST  302 403     403     403     403 302 302  {TERMS}

preview_new           GET   302 405     405     405     405 405 405  post
preview_new           POST  302 403     200     200     200 200 200  post
keep_new              GET   302 405     405     405     405 405 405  post
keep_new              POST  302 403     200     200     200 200 200  post
keep                  GET   302 404     404/405 404/405 405 405 405  post
keep                  POST  302 404     404/200 404/200 200 200 200  post
present               GET   302 404     404/405 404/405 405 405 405  post
present               POST  302 404     404/200 404/200 200 200 200  post
join                  GET   302 404     404     404     404 404 404  post
join                  POST  302 404     404     404     404 404 404  post
name_version          GET   302 404     404/405 404/405 405 405 405  post
name_version          POST  302 404     404/302 404/302 302 302 302  post
preview               GET   302 404     404/200 404/200 200 200 200  post
preview               POST  302 404     404/200 404/200 200 200 200  post
search                GET   302 403     200     200     200 200 200  post mediafile
search                POST  302 403     405     405     405 405 405  post mediafile
upload                GET   302 403     405     405     405 405 405  mediafile
upload                POST  302 403     400     400     400 400 400  mediafile
alike                 GET   302 403     200     200     200 200 200  mediafile
alike                 POST  302 403     302     302     302 302 302  mediafile
texts                 GET   302 403     403/405 403/405 405 405 405  mediafile
texts                 POST  302 403     403/200 403/200 200 200 200  mediafile
replace               GET   302 403     403/200 403/200 200 200 200  mediafile
replace               POST  302 403     403/200 403/200 200 200 200  mediafile
restore               GET   302 403     403/405 403/405 405 405 405  mediafile
restore               POST  302 403     403/302 403/302 302 302 302  mediafile
compare               GET   302 404     404/200 404/200 200 200 200  post
compare               POST  302 404     404/200 404/200 200 200 200  post
restore_version       GET   302 404     404/405 404/405 405 405 405  post
restore_version       POST  302 404     404/302 404/302 302 302 302  post
verb                  GET   302 404     404/405 404/405 405 405 405  post
verb                  POST  302 404     404/302 404/302 302 302 302  post

changelist            GET   302 403     403     403     403 200 200  frontpage
changelist            POST  302 403     403     403     403 200 200  frontpage
add                   GET   302 403     403     403     403 403 403  frontpage
add                   POST  302 403     403     403     403 403 403  frontpage
change                GET   302 403     403     403     403 302 302  frontpage
change                POST  302 403     403     403     403 403 403  frontpage
history               GET   302 403     403     403     403 302 302  frontpage
history               POST  302 403     403     403     403 302 302  frontpage
delete                GET   302 403     403     403     403 403 403  frontpage
delete                POST  302 403     403     403     403 403 403  frontpage
preview               GET   302 403     403     403     403 405 405  frontpage
preview               POST  302 403     403     403     403 200 200  frontpage
withdraw              GET   302 403     403     403     403 405 405  frontpage
withdraw              POST  302 403     403     403     403 302 302  frontpage
changelist            GET   302 403     403     403     403 200 200  sitesettings
changelist            POST  302 403     403     403     403 200 200  sitesettings
add                   GET   302 403     403     403     403 403 403  sitesettings
add                   POST  302 403     403     403     403 403 403  sitesettings
change                GET   302 403     403     403     403 302 302  sitesettings
change                POST  302 403     403     403     403 403 403  sitesettings
history               GET   302 403     403     403     403 302 302  sitesettings
history               POST  302 403     403     403     403 302 302  sitesettings
delete                GET   302 403     403     403     403 403 403  sitesettings
delete                POST  302 403     403     403     403 403 403  sitesettings
markdown              GET   302 403     200     200     200 200 200  post
markdown              POST  302 403     405     405     405 405 405  post
markdown_render       GET   302 403     405     405     405 405 405  post
markdown_render       POST  302 403     200     200     200 200 200  post
admin_password_reset       GET   200 200 200 200 200 200 200
admin_password_reset       POST  200 200 200 200 200 200 200
admin_password_reset_done  GET   200 200 200 200 200 200 200
admin_password_reset_done  POST  405 405 405 405 405 405 405
password_reset_confirm     GET   200 200 200 200 200 200 200
password_reset_confirm     POST  200 200 200 200 200 200 200
password_reset_complete    GET   200 200 200 200 200 200 200
password_reset_complete    POST  405 405 405 405 405 405 405
notices               GET   302 200     200     200     200 200 200
notices               POST  302 405     405     405     405 405 405
notices_read          GET   302 405     405     405     405 405 405
notices_read          POST  302 302     302     302     302 302 302
notice_open           GET   302 405     405     405     405 405 405
notice_open           POST  302 404/302 404/302 404/302 404/302 404/302 404/302
settings              GET   302 200     200     200     200 200 200
settings              POST  302 302     302     302     302 302 302
invite                GET   302 403     403     403     403 403 200  user
invite                POST  302 403     403     403     403 403 200  user
step                  GET   302 403     403     403     403 403 405  user
step                  POST  302 403     403     403     403 403 302  user
keep_view             GET   302 403     405     405     405 405 405  post
keep_view             POST  302 403     302     302     302 302 302  post
forget_view           GET   302 403     404/405 404/405 404/405 404/405 404/405  post
forget_view           POST  302 403     404/302 404/302 404/302 404/302 404/302  post
correct               GET   302 404     404/403 404/403 403 302 302  post
correct               POST  302 404     404/403 404/403 403 302 302  post
take_back_correction  GET   302 404     404/403 404/403 403 405 405  post
take_back_correction  POST  302 404     404/403 404/403 403 302 302  post
duplicate             GET   302 404     404/405 404/405 405 405 405  post
duplicate             POST  302 404     404/302 404/302 302 302 302  post

step                  GET   302 404/405 404/405 404/405 404/405 404/405 405  tableimport
step                  POST  302 404/302 404/302 404/302 404/302 404/302 404/302  tableimport
confirm               GET   302 404/405 404/405 404/405 404/405 404/405 405  tableimport
confirm               POST  302 404/302 404/302 404/302 404/302 404/302 404/302  tableimport
again                 GET   302 404/405 404/405 404/405 404/405 404/405 405  tableimport
again                 POST  302 404/302 404/302 404/302 404/302 404/302 404/302  tableimport
cancel                GET   302 404/405 404/405 404/405 404/405 404/405 405  tableimport
cancel                POST  302 404/302 404/302 404/302 404/302 404/302 404/302  tableimport
report                GET   302 404/200 404/200 404/200 404/200 404/200 200  tableimport
report                POST  302 404/200 404/200 404/200 404/200 404/200 200  tableimport
changelist            GET   302 403     200     200     200 200 200  tableimport
changelist            POST  302 403     200     200     200 200 200  tableimport
add                   GET   302 403     403     403     403 403 403  tableimport
add                   POST  302 403     403     403     403 403 403  tableimport
history               GET   302 404/403 404/200 404/200 404/200 404/200 200  tableimport
history               POST  302 404/403 404/200 404/200 404/200 404/200 200  tableimport
delete                GET   302 404/403 404/403 404/403 404/403 404/403 403  tableimport
delete                POST  302 404/403 404/403 404/403 404/403 404/403 403  tableimport
change                GET   302 404/403 404/200 404/200 404/200 404/200 200  tableimport
change                POST  302 404/403 404/403 404/403 404/403 404/403 403  tableimport
archive               GET   302 403     200     200     200 200 200  post
archive               POST  302 403     200     200     200 200 200  post
import                GET   302 403     200     200     200 200 200  post
import                POST  302 403     200     200     200 200 200  post
export                GET   302 403     200     200     200 200 200  post tag category author
export                POST  302 403     200     200     200 200 200  post tag category author
continue              GET   302 403     403     404/405 403 403 405  proofrun
continue              POST  302 403     403     404/302 403 403 302  proofrun
csv                   GET   302 403     403     404/200 403 403 200  proofrun
csv                   POST  302 403     403     404/200 403 403 200  proofrun
json                  GET   302 403     403     404/200 403 403 200  proofrun
json                  POST  302 403     403     404/200 403 403 200  proofrun
lead                  GET   302 403     403     404/405 403 403 405  proofrun
lead                  POST  302 403     403     404/403 403 403 302  proofrun
changelist            GET   302 403     403     200     403 403 200  proofrun
changelist            POST  302 403     403     200     403 403 200  proofrun
add                   GET   302 403     403     200     403 403 200  proofrun
add                   POST  302 403     403     200     403 403 200  proofrun
history               GET   302 404/403 404/403 404/200 403 403 200  proofrun
history               POST  302 404/403 404/403 404/200 403 403 200  proofrun
delete                GET   302 404/403 404/403 404/403 403 403 403  proofrun
delete                POST  302 404/403 404/403 404/403 403 403 403  proofrun
change                GET   302 403     403     404/200 403 403 200  proofrun
change                POST  302 403     403     404/403 403 403 403  proofrun
import                GET   302 403     403     403     200 200 200  tag category author
import                POST  302 403     403     403     200 200 200  tag category author
import                GET   302 403     403     403     403 200 200  redirect
import                POST  302 403     403     403     403 200 200  redirect
export                GET   302 403     403     403     200 200 200  redirect
export                POST  302 403     403     403     200 200 200  redirect
conflicts             GET   302 403     403     404/200 200 200 200  importrun
conflicts             POST  302 403     403     405     405 405 405  importrun
conflict              GET   302 403     403     404     404 404 404  importrun
conflict              POST  302 403     403     404     404 404 404  importrun
folder                GET   302 403     403     302     403 403 302  importrun
folder                POST  302 403     403     302     403 403 302  importrun
choices               GET   302 403     403     404/405 405 405 405  importrun
choices               POST  302 403     403     404/302 403 403 403/302  importrun
leave_out             GET   302 403     403     404/405 405 405 405  importrun
leave_out             POST  302 403     403     404/302 403 403 403/302  importrun
terms                 GET   302 403     403     404/302 302 302 302  importrun
terms                 POST  302 403     403     404/302 403 403 403/302  importrun
apply                 GET   302 403     403     404/302 302 302 302  importrun
apply                 POST  302 403     403     404/302 403 403 403/302  importrun
file                  GET   302 403     403     404/200 200 200 200  importrun
file                  POST  302 403     403     404/405 405 405 405  importrun
frame                 GET   302 403     403     404     404 404 404  importrun
frame                 POST  302 403     403     404/405 405 405 405  importrun
picture               GET   302 403     403     404     404 404 404  importrun
picture               POST  302 403     403     404/405 405 405 405  importrun
json                  GET   302 403     403     404/200 200 200 200  importrun
json                  POST  302 403     403     404/405 405 405 405  importrun
csv                   GET   302 403     403     404/200 200 200 200  importrun
csv                   POST  302 403     403     404/405 405 405 405  importrun
undo                  GET   302 403     403     404/302 302 302 302  importrun
undo                  POST  302 403     403     404/302 403 403 302  importrun
progress              GET   302 403     403     404/200 200 200 200  importrun
progress              POST  302 403     403     404/405 405 405 405  importrun
act                   GET   302 403     403     404     404 404 404  importrun
act                   POST  302 403     403     404     404 404 404  importrun
"""
# Django's short form of a row's address: it leads to the form, which then answers for itself.
SHORT = "/<path:object_id>/"


def read_table() -> dict[tuple[str, str], dict[str, tuple[int, int]]]:
    """(page, method) → role → what it is answered for another's row and for its own."""
    table: dict[tuple[str, str], dict[str, tuple[int, int]]] = {}
    for line in filter(None, TABLE.split("\n")):
        page, method, *rest = line.split()
        answers = {role: _read_pair(text) for role, text in zip(ROLES, rest, strict=False)}
        for model in rest[len(ROLES) :] or [""]:
            key = (f"{model}_{page}" if model else page, method)
            assert key not in table, f"{key} has two rows"
            table[key] = answers
    return table


def _read_pair(text: str) -> tuple[int, int]:
    others, _slash, own = text.partition("/")
    return int(others), int(own or others)


def page_of(address: Address) -> str:
    """How the table calls an address."""
    if not address.name:
        return "short" if address.route.endswith(SHORT) and "history" not in address.route else "anywhere"
    return address.name.removeprefix("articles_").removeprefix("auth_")


EXPECTED = read_table()
ADDRESSES = list_addresses(desk=True)


def test_every_address_of_the_desk_has_a_row_and_every_row_an_address() -> None:
    pages = {page_of(address) for address in ADDRESSES} - {"short"}
    assert {page for page, _method in EXPECTED} == pages
    assert {(page, method) for page in pages for method in ("GET", "POST")} == set(EXPECTED)


def test_every_model_with_a_screen_is_in_the_table() -> None:
    models = {name.partition("_")[2] for name in list_registered()}
    assert {page.rpartition("_")[0] for page, _method in EXPECTED if page.endswith("_changelist")} == models


@pytest.mark.parametrize("own", [False, True], ids=["anothers", "own"])
@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_answered_as_the_table_says(role: str, own: bool, media_root: Any) -> None:
    person = None if role == "anonymous" else make_person(role)
    rows = make_rows(person if own and person else make_person("author", "other"))
    wrong = []
    for address in ADDRESSES:
        for method in ("GET", "POST"):
            expected = 302 if page_of(address) == "short" else EXPECTED[page_of(address), method][role][own]
            status = ask(person, method, address, rows).status_code
            if status != expected:
                wrong.append(f"{address.route} {method}: {status} instead of {expected}")
    assert wrong == []


def test_no_other_method_does_more_than_reading(media_root: Any) -> None:
    """As the one who may do everything: PUT, DELETE and their like show a page or are refused, and change no row."""
    person = make_person("superuser")
    rows = make_rows(person)
    before = count_rows()
    for address in ADDRESSES:
        read = ask(person, "GET", address, rows).status_code
        for method in ("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            status = ask(person, method, address, rows, undo=False).status_code
            # Views of Django's newer kind answer OPTIONS themselves; the sign-in leads on by GET only.
            is_harmless = method == "OPTIONS" or address.name == "login"
            assert status in (read, 405, 200 if is_harmless else read), (address.route, method, status)
    assert count_rows() == before


def test_the_desk_leads_nobody_to_the_address_of_a_row_by_its_number() -> None:
    person = make_person("staff")
    rows = make_rows(make_person("author"))
    client = Client()
    client.force_login(person)
    for number in range(1, 30):
        answer = client.get(f"/admin/r/{number}/{rows['articles_post'].pk}/")
        assert answer.status_code == 404
        assert "kura" not in answer.headers.get("Location", "") + answer.text


def ask(person: Any, method: str, address: Address, rows: Any, *, undo: bool = True) -> Any:
    """The answer to one request; whatever it wrote is undone, unless the test asks what that was."""
    path = fill_address(address, rows)
    data = {"post": "yes"} if page_of(address).endswith("_delete") else {}
    if page_of(address) == "post_compare":
        path += f"?before={rows['articles_revision'].pk}"
    with transaction.atomic():
        client = Client()
        if person is not None:
            client.force_login(person)
        answer = client.post(path, data) if method == "POST" else client.generic(method, path)
        transaction.set_rollback(undo)
    return answer


def count_rows() -> dict[str, int]:
    """How many rows every table has."""
    return {model.__name__: model._default_manager.count() for model in apps.get_models() if model is not Session}
