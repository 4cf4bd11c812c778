"""Tables at the desk: who reaches which address, what a confirmation is bound to, and what hostile files come to."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, reverse
from django.utils import timezone

from articles.admin import tables
from articles.editorial import workflow
from articles.models import Author, Post, Redirect, TableImport, TableRow, Tag
from articles.transfer import table_imports as imports
from tests.people import make_person

pytestmark = pytest.mark.django_db
MODELS = ("post", "author", "category", "tag", "redirect")
ROLES = ("staff", "author", "importer", "editor", "publisher", "superuser")


def sign_in(role: str, name: str = "") -> tuple[Client, Any]:
    person = make_person(role, name)
    client = Client()
    client.force_login(person)
    return client, person


def url(name: str, *args: Any) -> str:
    return reverse(f"admin:articles_{name}", args=args)


def upload(content: str | bytes, name: str = "表.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)


def bring(client: Client, content: str | bytes, name: str = "表.csv", model: str = "post", **options: Any) -> Any:
    return client.post(url(f"{model}_import"), {"table": upload(content, name), **options}, follow=True)


def press(client: Client, run: TableImport, name: str, **data: Any) -> Any:
    if name == "confirm":
        data.setdefault("token", run.plan_sha256)
    return client.post(url(f"tableimport_{name}", run.pk), data, follow=True)


def make_post(owner: Any = None, **values: Any) -> Post:
    post = workflow.save_post(Post(), None, {"title": "川沿いの倉庫", "body": "本文。\n", **values})
    Post.objects.filter(pk=post.pk).update(owner=owner)
    post.refresh_from_db()
    return post


def download(response: Any) -> bytes:
    return b"".join(response.streaming_content)


# --- Address × role -------------------------------------------------------------------------------------------------

MAY_IMPORT = {
    "staff": set(),
    "author": {"post"},
    "importer": {"post"},
    "editor": {"post", "author", "category", "tag"},
    "publisher": set(MODELS),
    "superuser": set(MODELS),
}
MAY_EXPORT = {
    "staff": set(),
    "author": {"post", "author", "category", "tag"},
    "importer": {"post", "author", "category", "tag"},
    "editor": set(MODELS),
    "publisher": set(MODELS),
    "superuser": set(MODELS),
}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reaches_the_tables_of_what_it_may_change_and_see(role: str) -> None:
    client, _person = sign_in(role)
    make_post()
    for model in MODELS:
        for method in (client.get, client.post):
            assert (method(url(f"{model}_import")).status_code == 200) == (model in MAY_IMPORT[role])
            assert (method(url(f"{model}_export")).status_code == 200) == (model in MAY_EXPORT[role])
        listed = client.get(url(f"{model}_changelist"))
        if listed.status_code == 200:
            page = listed.content.decode()
            assert (url(f"{model}_import") in page) == (model in MAY_IMPORT[role])
            assert (url(f"{model}_export") in page) == (model in MAY_EXPORT[role])


STEPS = ("step", "confirm", "again", "cancel")
# Address → answer to one's own, another's, and for a superuser another's; by GET steps are never taken.
MATRIX = {
    ("change", "GET"): (200, 404, 200),
    ("change", "POST"): (403, 404, 403),
    ("delete", "POST"): (403, 404, 403),
    ("history", "GET"): (200, 404, 200),
    ("report", "GET"): (200, 404, 200),
    **{(name, "GET"): (405, 404, 405) for name in STEPS},
    **{(name, "POST"): (302, 404, 404) for name in STEPS},
}


def test_every_address_of_table_imports_has_a_row_in_the_matrix() -> None:
    names = {pattern.name for pattern in admin.site._registry[TableImport].get_urls() if isinstance(pattern, URLPattern)}
    own = {str(name).removeprefix("articles_tableimport_") for name in names if name}
    assert own - {"changelist", "add"} == {name for name, _method in MATRIX}


@pytest.mark.parametrize(("name", "method"), MATRIX)
def test_a_table_import_is_its_owners_alone(name: str, method: str) -> None:
    owner, person = sign_in("author")
    post = make_post(person)
    answers = []
    for client in (owner, sign_in("publisher")[0], sign_in("superuser")[0]):
        bring(owner, f"id,title\n{post.pk},変える\n")
        run = TableImport.objects.latest("pk")
        response = (
            client.get(url(f"tableimport_{name}", run.pk)) if method == "GET" else client.post(url(f"tableimport_{name}", run.pk))
        )
        answers.append(response.status_code)
    assert tuple(answers) == MATRIX[name, method]
    assert post.title == "川沿いの倉庫"


@pytest.mark.parametrize("name", ["post_import", "post_export", "tableimport_changelist"])
def test_nobody_gets_in_without_signing_in(name: str) -> None:
    for response in (Client().get(url(name)), Client().post(url(name))):
        assert "/admin/login/" in response["Location"]


def test_the_library_second_step_that_trusts_a_file_name_is_gone() -> None:
    client, _person = sign_in("superuser")
    with pytest.raises(NoReverseMatch):
        url("post_process_import")
    data = {"import_file_name": "/etc/passwd", "original_file_name": "a.csv", "format": "0", "resource": ""}
    assert client.post("/admin/articles/post/process_import/", data).status_code in (302, 404)
    assert client.post(url("post_import"), data).status_code == 200
    assert not Post.objects.exists()


# --- Out ------------------------------------------------------------------------------------------------------------


def test_an_export_is_streamed_with_the_chosen_columns_of_the_filtered_list() -> None:
    client, person = sign_in("editor")
    make_post(person, title="一本目", path="/1/")
    workflow.publish(make_post(person, title="二本目", path="/2/"), None)
    page = client.get(url("post_export") + "?state__exact=published").content.decode()
    assert "1" in page
    response = client.post(url("post_export") + "?state__exact=published", {"format": "json", "columns": ["title", "tags"]})
    assert response.streaming
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response["Cache-Control"]
    assert re.fullmatch(r'attachment; filename="post-[0-9-]+\.json"', response["Content-Disposition"])
    rows = json.loads(download(response))
    assert [(row["title"], sorted(row)) for row in rows] == [("二本目", ["id", "tags", "title", "version"])]


@pytest.mark.parametrize(
    ("query", "status"),
    [("id__exact=abc", 302), ("owner__password__startswith=a", 400), ("state__exact=none", 200), ("p=99", 200)],
)
def test_an_export_answers_no_question_that_the_list_does_not_offer(query: str, status: int) -> None:
    client, _person = sign_in("editor")
    assert client.get(url("post_export") + "?" + query).status_code == status


def test_ticked_entries_are_exported_and_never_others() -> None:
    client, person = sign_in("author")
    own, foreign = make_post(person, title="自分の記事", path="/1/"), make_post(None, title="秘密の題", path="/2/")
    page = client.post(
        url("post_changelist"), {"action": "export_chosen", "_selected_action": [own.pk, foreign.pk]}
    ).content.decode()
    assert f'value="{own.pk}"' in page
    data = {"format": "csv", "columns": ["title"], "keys": f"{own.pk},{foreign.pk}"}
    text = download(client.post(url("post_export"), data)).decode("utf-8-sig")
    assert "自分の記事" in text
    assert "秘密" not in text
    assert client.post(url("post_export"), data | {"keys": "1 or 1=1"}).context["form"].errors


def test_a_workbook_is_made_in_the_language_of_who_asks_though_it_is_sent_afterwards() -> None:
    client, person = sign_in("editor")
    make_post(person)
    for language, word in (("ja", "下書き"), ("en", "draft")):
        client.cookies["django_language"] = language
        response = client.post(url("post_export"), {"format": "xlsx", "columns": ["state"]})
        book = openpyxl.load_workbook(io.BytesIO(download(response)))
        assert book.worksheets[0]["C2"].value == word


# --- In -------------------------------------------------------------------------------------------------------------


def test_a_table_is_shown_then_confirmed_then_written_and_the_history_says_so() -> None:
    client, person = sign_in("publisher")
    post = make_post(person, description="もとの説明", path="/a/")
    response = bring(client, f"id,title,description,tags\n{post.pk},新しい題,,編集\n,二本目,説明,\n")
    run = TableImport.objects.get()
    page = response.content.decode()
    assert (run.user, run.label, run.totals["update"], run.totals["create"]) == (person, "表.csv", 1, 1)
    assert "<del>川沿いの倉庫</del><ins>新しい題</ins>" in page
    assert page.count('class="emptied"') == 1
    assert run.plan_sha256 in page
    post.refresh_from_db()
    assert (post.title, Post.objects.count()) == ("川沿いの倉庫", 1)
    page = press(client, run, "confirm").content.decode()
    post.refresh_from_db()
    assert (post.title, post.description, Post.objects.count()) == ("新しい題", "", 2)
    assert LogEntry.objects.filter(user=person).count() == 2
    assert "2" in page
    assert client.get(url("post_history", post.pk)).status_code == 200


def test_pages_of_a_long_preview_hold_fifty_rows_and_are_filtered() -> None:
    client, _person = sign_in("publisher")
    bring(client, "title,path\n" + "".join(f"題{number},/{number}/\n" for number in range(120)) + "壊れた,/admin/\n")
    run = TableImport.objects.get()
    address = url("tableimport_change", run.pk)
    assert client.get(address).content.decode().count('<li id="row-') == 50
    assert client.get(address + "?page=3").content.decode().count('<li id="row-') == 21
    refused = client.get(address + "?verdict=refused").content.decode()
    assert refused.count('<li id="row-') == 1
    assert "壊れた" in refused
    assert client.get(address + "?verdict=nonsense&page=zzz").status_code == 200


def test_a_preview_costs_the_same_number_of_queries_whatever_its_rows(django_assert_max_num_queries: Any) -> None:
    client, _person = sign_in("publisher")
    for number in (5, 45):
        bring(client, "title,path\n" + "".join(f"題{place},/{number}/{place}/\n" for place in range(number)))
        # session, user, rights of the user and its groups, run, count, rows, done, total, posts that may be seen
        with django_assert_max_num_queries(12):
            client.get(url("tableimport_change", TableImport.objects.latest("pk").pk))


def test_an_unreadable_table_is_an_error_in_the_form_and_nothing_else() -> None:
    client, _person = sign_in("publisher")
    for content, name in (
        (b"", "a.csv"),
        (b"username,password,is_staff,is_superuser,groups\nmallory,x,1,1,Admins\n", "a.csv"),
        (b"%PDF-1.4", "a.pdf"),
        (b"PK\x03\x04" + bytes(200), "a.xlsx"),
        (b"<table><tr><th>title</th></tr><tr><td><script>__pwn('x')</script></td></tr></table>", "page.html"),
    ):
        response = bring(client, content, name)
        assert response.context["form"].errors["table"], name
        assert "<script>__pwn" not in response.content.decode()
    assert not TableImport.objects.exists()
    assert not User.objects.filter(username="mallory").exists()


def test_a_table_larger_than_the_limit_is_refused_with_the_command(settings: Any) -> None:
    settings.TABLE_MAX_BYTES = 100
    client, _person = sign_in("publisher")
    response = bring(client, "title\n" + "あ" * 100)
    assert "import_table" in str(response.context["form"].errors["table"])


def test_nothing_that_a_table_holds_becomes_markup() -> None:
    client, person = sign_in("superuser")
    evil = "<script>__pwn(1)</script><img src=x onerror=__pwn(2)>\u202egpj"
    post = make_post(person)
    rows = [
        {"id": post.pk, "title": evil, "description": evil, "tags": [evil]},
        {"title": evil, "path": f"/{evil}/"},
        {"title": "x", "published_at": evil, "authors": evil, "categories": evil, "path": "/admin/" + evil},
        {"id": evil, "title": "x"},
    ]
    bring(client, json.dumps(rows), f"{evil}.json")
    run = TableImport.objects.get()
    for address in (url("tableimport_change", run.pk), url("tableimport_changelist"), url("tableimport_history", run.pk)):
        page = client.get(address).content.decode()
        assert "__pwn" in page or "history" in address
        assert "<script>__pwn" not in page
        assert "<img src=x" not in page
    press(client, run, "confirm")
    for address in (
        url("post_changelist"),
        url("post_history", post.pk),
        url("tag_changelist"),
        url("tableimport_change", run.pk),
    ):
        page = client.get(address).content.decode()
        assert "<script>__pwn" not in page
        assert "<img src=x" not in page
    # An error that repeats a heading is escaped too.
    page = bring(client, f'title,"{evil}"\na,b\n').content.decode()
    assert "<script>__pwn" not in page
    assert html.escape("<script>__pwn(1)") in page
    report = client.get(url("tableimport_report", run.pk) + "?format=csv")
    assert report["Content-Type"].startswith("text/csv")


def test_reports_are_files_for_programs_and_for_spreadsheets() -> None:
    client, person = sign_in("publisher")
    post = make_post(person)
    bring(client, f"id,title\n{post.pk},=1+1\n")
    run = TableImport.objects.get()
    text = download(client.get(url("tableimport_report", run.pk) + "?format=csv")).decode("utf-8-sig")
    assert "'=1+1" in text
    data = json.loads(client.get(url("tableimport_report", run.pk) + "?format=json").content)
    assert data["rows"][0]["changes"]["title"]["new"] == "=1+1"


# --- The confirmation -----------------------------------------------------------------------------------------------


def test_a_confirmation_is_bound_to_session_preview_and_time_and_counts_once() -> None:
    client, person = sign_in("publisher")
    post = make_post(person)
    bring(client, f"id,title\n{post.pk},変える\n")
    run = TableImport.objects.get()
    elsewhere = Client()
    elsewhere.force_login(person)
    assert "error" in press(elsewhere, run, "confirm").content.decode()
    press(client, run, "confirm", token="")
    press(client, run, "confirm", token="0" * 64)
    TableImport.objects.update(planned_at=timezone.now() - timedelta(hours=3))
    assert "Write" not in client.get(url("tableimport_change", run.pk)).content.decode()
    press(client, run, "confirm")
    post.refresh_from_db()
    assert post.title == "川沿いの倉庫"
    # The other window compares again, which makes it the one that may confirm.
    press(elsewhere, run, "again")
    run.refresh_from_db()
    press(client, run, "confirm")
    post.refresh_from_db()
    assert post.title == "川沿いの倉庫"
    press(elsewhere, run, "confirm")
    post.refresh_from_db()
    assert post.title == "変える"
    workflow.save_post(post, None, {"title": "そのあとの題"})
    press(elsewhere, run, "confirm")
    press(elsewhere, run, "step")
    post.refresh_from_db()
    assert post.title == "そのあとの題"


def test_a_post_saved_since_the_preview_is_shown_again_and_not_written() -> None:
    client, person = sign_in("publisher")
    post, other = make_post(person, path="/1/"), make_post(person, path="/2/")
    bring(client, f"id,description\n{post.pk},表の説明\n{other.pk},表の説明\n")
    run = TableImport.objects.get()
    workflow.save_post(post, None, {"description": "手で書いた説明"})
    page = press(client, run, "confirm").content.decode()
    assert "<del>手で書いた</del><ins>表の</ins>説明" in page
    assert not Post.objects.filter(description="表の説明").exists()
    run.refresh_from_db()
    press(client, run, "confirm")
    assert Post.objects.filter(description="表の説明").count() == 2


def test_two_previews_in_two_windows_do_not_write_over_each_other() -> None:
    client, person = sign_in("publisher")
    post = make_post(person, path="/1/")
    for title in ("一つ目の窓", "二つ目の窓"):
        bring(client, f"id,title\n{post.pk},{title}\n")
    second, first = TableImport.objects.all()
    press(client, first, "confirm")
    press(client, second, "confirm")
    post.refresh_from_db()
    assert post.title == "一つ目の窓"


def test_a_long_import_goes_on_step_by_step_and_needs_no_script(monkeypatch: Any) -> None:
    monkeypatch.setattr(tables, "STEP_SECONDS", -1.0)
    monkeypatch.setattr(imports, "_PLAN_CHUNK", 10)
    client, person = sign_in("publisher")
    posts = [make_post(person, path=f"/{number}/") for number in range(25)]
    page = bring(client, "id,title\n" + "".join(f"{post.pk},表の題\n" for post in posts)).content.decode()
    run = TableImport.objects.get()
    assert "data-goes-on" in page
    assert 'max="25" value="10"' in page
    steps = 0
    while run.state != TableImport.State.PLANNED:
        press(client, run, "step")
        run.refresh_from_db()
        steps += 1
    assert steps == 3
    page = press(client, run, "confirm").content.decode()
    assert 'max="25" value="20"' in page
    press(client, run, "step")
    page = press(client, run, "step").content.decode()
    run.refresh_from_db()
    assert (run.state, Post.objects.filter(title="表の題").count()) == ("finished", 25)
    assert "data-goes-on" not in page


def test_a_demoted_person_can_neither_confirm_nor_go_on() -> None:
    client, person = sign_in("publisher")
    post = make_post(person)
    bring(client, f"id,title\n{post.pk},変える\n")
    run = TableImport.objects.get()
    person.groups.clear()
    for name in ("confirm", "step", "again"):
        assert press(client, run, name).status_code == 403
    post.refresh_from_db()
    assert post.title == "川沿いの倉庫"


def test_records_of_tables_cannot_be_made_or_changed_by_hand() -> None:
    client, _person = sign_in("superuser")
    assert client.get(url("tableimport_add")).status_code == 403
    assert client.post(url("tableimport_add"), {"model": "post"}).status_code == 403


# --- Hostile tables, each as its kind comes, on files of our own ----------------------------------------------------

NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def workbook(sheet: str, **parts: str) -> bytes:
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    content = {
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="a" Type="{relations}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{NAMESPACE}" xmlns:r="{relations}"><sheets><sheet name="S" sheetId="1" r:id="a"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="a" Type="{relations}/worksheet" '
        f'Target="worksheets/sheet1.xml"/><Relationship Id="b" Type="{relations}/sharedStrings" Target="sharedStrings.xml"/>'
        "</Relationships>",
        "xl/sharedStrings.xml": f'<sst xmlns="{NAMESPACE}"/>',
        "xl/worksheets/sheet1.xml": sheet,
        **parts,
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return data.getvalue()


def sheet_of(*rows: str) -> str:
    return f'<worksheet xmlns="{NAMESPACE}"><sheetData>{"".join(rows)}</sheetData></worksheet>'


def row_of(*texts: str) -> str:
    return "<row>" + "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in texts) + "</row>"


HEADINGS = row_of("title", "slug", "body")
ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><sst><si><t>&b;</t></si></sst>'
REFUSED: dict[str, Callable[[], tuple[str | bytes, str]]] = {
    "a NUL": lambda: ("title,slug,body,status\na\x00@b,nul,c,draft\n", "a.csv"),
    "one heading twice": lambda: ("title,slug,title\nA,x,B\n", "a.csv"),
    "no headings": lambda: ("Hello,hello,Body,draft\n", "a.csv"),
    "a delete column": lambda: ("id,delete,title\n1,1,x\n2,true,y\n", "a.csv"),
    "columns of accounts": lambda: ("username,password,is_staff,is_superuser,groups\nm,x,1,1,A\n", "a.csv"),
    "an unclosed quote": lambda: ('title,body\n"a,b\nc,d\n', "a.csv"),
    "an external entity": lambda: (workbook(ENTITY + sheet_of(HEADINGS, row_of("&e;"))), "a.xlsx"),
    "an entity bomb": lambda: (workbook(sheet_of(HEADINGS), **{"xl/sharedStrings.xml": LAUGHS}), "a.xlsx"),
    "a bomb": lambda: (workbook(sheet_of(HEADINGS, row_of("A" * 8) * 2_400_000)), "a.xlsx"),
    "a cut workbook": lambda: (workbook(sheet_of(HEADINGS))[:400], "a.xlsx"),
    "endless nesting": lambda: ("[" * 50_000, "a.json"),
    "a page": lambda: ("<table><tr><th>title</th></tr><tr><td><script>__pwn(1)</script></td></tr></table>", "a.html"),
    "YAML": lambda: ("- title: !!python/object/apply:os.system [id]\n", "a.yaml"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_hostile_tables_are_refused_with_a_message_and_change_nothing(kind: str) -> None:
    client, person = sign_in("editor")
    make_post(make_person("author", "other"))
    content, name = REFUSED[kind]()
    response = bring(client, content, name)
    assert response.status_code == 200
    assert response.context["form"].errors["table"]
    assert (Post.objects.count(), TableImport.objects.count(), User.objects.count()) == (1, 0, 2)
    assert person.is_active


def test_semicolons_formulas_links_and_macros_are_read_as_values_alone() -> None:
    client, _person = sign_in("editor")
    formula = (
        '<row><c><f>HYPERLINK("http://127.0.0.1:9","x")</f><v>0</v></c><c t="inlineStr"><is><t>fx</t></is></c>'
        '<c t="str"><f>WEBSERVICE("http://127.0.0.1:9")</f><v>v</v></c></row>'
    )
    link = {
        "xl/externalLinks/_rels/externalLink1.xml.rels": '<Relationships><Relationship Target="http://127.0.0.1:9/"/></Relationships>'
    }
    files = (
        ("title;slug;body;status\nÉté;ete;b;draft\n", "a.csv"),
        (workbook(sheet_of(HEADINGS, formula)), "b.xlsx"),
        (workbook(sheet_of(HEADINGS, row_of("Slip", "slip", "c")), **{"../../x": "y", "xl/vbaProject.bin": "x"}), "c.xlsx"),
        (workbook(sheet_of(HEADINGS, row_of("Link", "link", "c")), **link), "d.xlsx"),
    )
    for content, name in files:
        bring(client, content, name)
        press(client, TableImport.objects.latest("pk"), "confirm")
    assert set(Post.objects.values_list("title", "slug", "body", "state")) == {
        ("Été", "ete", "b", "draft"),
        ("0", "fx", "v", "draft"),
        ("Slip", "slip", "c", "draft"),
        ("Link", "link", "c", "draft"),
    }


def test_a_number_that_points_at_anothers_post_changes_it_only_with_the_right_and_the_preview_says_so() -> None:
    other = make_person("author", "other")
    post = make_post(other, path="/1/")
    Author.objects.create(name="admin")
    text = f"id,title,slug,body,status,author\n{post.pk},Owned,owned,x,published,admin\n"
    for role in ("author", "editor"):
        client, _person = sign_in(role)
        bring(client, text)
        run = TableImport.objects.latest("pk")
        assert run.totals["refused"] == 1
        press(client, run, "confirm")
    post.refresh_from_db()
    assert (post.title, post.state, post.owner) == ("川沿いの倉庫", "draft", other)
    client, _person = sign_in("publisher")
    page = bring(client, text).content.decode()
    assert "Owned" in page
    press(client, TableImport.objects.latest("pk"), "confirm")
    post.refresh_from_db()
    assert (post.title, post.state, post.owner) == ("Owned", "published", other)


def test_one_slug_on_two_rows_is_said_and_no_second_post_is_made() -> None:
    client, _person = sign_in("author")
    page = bring(client, "title,slug,body,status\nA,same,1,draft\nB,same,2,draft\n").content.decode()
    run = TableImport.objects.get()
    assert list(run.rows.order_by("number").values_list("number", "verdict")) == [(2, "create"), (3, "refused")]
    assert 'id="row-3"' in page
    press(client, run, "confirm")
    assert Post.objects.get().title == "A"


def test_terms_and_redirects_come_by_their_own_doors() -> None:
    client, _person = sign_in("publisher")
    post = make_post(path="/a/")
    bring(client, "name,aliases\nAI,人工知能、Ａ．Ｉ．\n", model="tag")
    press(client, TableImport.objects.latest("pk"), "confirm")
    bring(client, "old_path,post\n/old/,/a/\n/bad/,https://elsewhere.example/\n", model="redirect")
    press(client, TableImport.objects.latest("pk"), "confirm")
    assert Tag.objects.get().aliases == ["人工知能", "Ａ．Ｉ．"]
    assert list(Redirect.objects.values_list("old_path", "post")) == [("/old/", post.pk)]
    assert TableRow.objects.filter(verdict="refused").count() == 1


def test_a_redirect_is_led_to_another_post_by_its_form() -> None:
    client, _person = sign_in("publisher")
    post, other = make_post(path="/a/"), make_post(path="/b/")
    redirect = Redirect.objects.create(old_path="/old/", post=post)
    client.post(url("redirect_change", redirect.pk), {"old_path": "/old/", "post": other.pk})
    redirect.refresh_from_db()
    assert redirect.post == other
