"""Accounts, terms, files and imports at the desk."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from articles.admin.fields import join_names, split_names
from articles.editorial import workflow
from articles.findings import Finding
from articles.models import Author, Category, ImportItem, ImportRun, MediaFile, Post, Redirect, Revision, Series, Tag
from tests.people import make_person

pytestmark = pytest.mark.django_db


def sign_in(role: str, name: str = "") -> tuple[Client, Any]:
    person = make_person(role, name)
    client = Client()
    client.force_login(person)
    return client, person


def give(person: User, *codenames: str) -> None:
    for codename in codenames:
        person.user_permissions.add(*Group._meta.get_field("permissions").related_model.objects.filter(codename=codename))


# --- All screens ----------------------------------------------------------------------------------------------------


def test_every_model_of_the_product_has_a_screen() -> None:
    registered = {model.__name__ for model in admin.site._registry if model._meta.app_label == "articles"}
    assert registered == {
        "Author",
        "Category",
        "FrontPage",
        "ImportItem",
        "ImportRun",
        "MediaFile",
        "Post",
        "ProofRun",
        "Redirect",
        "Revision",
        "Series",
        "SiteSettings",
        "Source",
        "SourceFile",
        "TableImport",
        "Tag",
    }


@pytest.mark.parametrize("role", ["author", "importer", "editor", "publisher", "superuser"])
def test_every_list_opens_with_a_search_for_those_who_may_see_it(role: str) -> None:
    client, _person = sign_in(role)
    for model in admin.site._registry:
        if model._meta.app_label == "articles":
            address = reverse(f"admin:articles_{model._meta.model_name}_changelist")
            assert client.get(address, {"q": "倉庫"}).status_code in (200, 403), address


def test_member_of_staff_without_rights_sees_an_empty_desk() -> None:
    client, _person = sign_in("staff")
    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert client.get(address).status_code == 403, address


def test_no_page_of_the_desk_holds_an_inline_script_or_style() -> None:
    client, person = sign_in("superuser")
    post = workflow.save_post(Post(), person, {"title": "題"})
    run = ImportRun.objects.create(label="a.zip", user=person)
    pages = [
        reverse("admin:index"),
        reverse("admin:articles_post_changelist"),
        reverse("admin:articles_post_add"),
        reverse("admin:articles_post_change", args=[post.pk]),
        reverse("admin:articles_importrun_add"),
        reverse("admin:articles_importrun_change", args=[run.pk]),
        reverse("admin:articles_mediafile_add"),
        reverse("admin:articles_category_add"),
        reverse("admin:articles_post_import"),
        reverse("admin:articles_tag_export"),
    ]
    for address in pages:
        response = client.get(address)
        page = response.content.decode()
        assert response.status_code == 200, address
        assert "<style" not in page, address
        assert ' style="' not in page, address
        assert "onclick=" not in page, address
        assert "script-src" in response["Content-Security-Policy"] or "default-src 'self'" in response["Content-Security-Policy"]


# --- Accounts -------------------------------------------------------------------------------------------------------


def account_url(name: str, *args: Any) -> str:
    return reverse(f"admin:auth_user_{name}", args=args)


def test_who_manages_accounts_gives_nobody_more_rights() -> None:
    client, manager = sign_in("staff", "manager")
    give(manager, "view_user", "change_user", "add_user", "delete_user")
    target = make_person("staff", "target")
    superuser = make_person("superuser")
    publisher = Group.objects.get(name="publisher")
    for account in (manager, target):
        data = {
            "username": "renamed",
            "email": "thief@example.jp",
            "last_name": "新しい名",
            "is_active": "on",
            "is_staff": "on",
            "is_superuser": "on",
            "groups": [publisher.pk],
            "user_permissions": list(publisher.permissions.values_list("pk", flat=True))[:3],
        }
        client.post(account_url("change", account.pk), data)
        account.refresh_from_db()
        assert not account.is_superuser
        assert not account.groups.exists()
    target.refresh_from_db()
    assert (target.username, target.email) == ("target", "")
    assert client.post(account_url("change", superuser.pk), {"last_name": "x"}).status_code == 403
    assert client.post(account_url("delete", superuser.pk), {"post": "yes"}).status_code == 403
    assert client.post(reverse("admin:auth_user_password_change", args=[target.pk]), {}).status_code == 403


def test_an_account_with_rights_that_the_manager_lacks_is_out_of_reach_even_when_inactive() -> None:
    client, manager = sign_in("staff", "manager")
    give(manager, "view_user", "change_user", "delete_user")
    publisher = make_person("publisher")
    User.objects.filter(pk=publisher.pk).update(is_active=False)
    assert client.post(account_url("change", publisher.pk), {"is_active": "on"}).status_code == 403
    assert client.post(account_url("delete", publisher.pk), {"post": "yes"}).status_code == 403


def test_a_new_account_made_by_a_manager_has_no_rights() -> None:
    client, manager = sign_in("staff", "manager")
    give(manager, "view_user", "change_user", "add_user")
    data = {"username": "newcomer", "usable_password": "true", "password1": "kawara-7-ban", "password2": "kawara-7-ban"}
    client.post(account_url("add"), data | {"is_superuser": "on", "is_staff": "on", "groups": [1]})
    newcomer = User.objects.get(username="newcomer")
    assert (newcomer.is_superuser, newcomer.is_staff, newcomer.groups.count()) == (False, False, 0)


def test_only_superusers_change_groups() -> None:
    client, manager = sign_in("staff", "manager")
    give(manager, "view_group", "change_group", "add_group", "delete_group")
    group = Group.objects.get(name="author")
    address = reverse("admin:auth_group_change", args=[group.pk])
    assert client.post(address, {"name": "author", "permissions": [1]}).status_code == 403


@pytest.mark.parametrize("query", ["password__startswith=p", "email__startswith=a", "user_permissions__codename=x"])
def test_the_list_of_accounts_answers_no_questions_about_secrets(query: str) -> None:
    client, _person = sign_in("superuser")
    assert client.get(account_url("changelist") + "?" + query).status_code == 400


# --- Terms ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("AI、日本語, 編集，　校閲", ["AI", "日本語", "編集", "校閲"]),
        ('"Smith, Jones"、AI', ["Smith, Jones", "AI"]),
        ("AI、ＡＩ、ai", ["AI"]),
        ("machine learning", ["machine learning"]),
        ("、, ", []),
        ('a"b', ['a"b']),
    ],
)
def test_names_on_one_line_are_read_as_people_type_them(text: str, names: list[str]) -> None:
    assert split_names(text) == names


def test_names_are_written_so_that_they_are_read_back() -> None:
    names = ["Smith, Jones", "東京、大阪", "AI", "C++"]
    assert split_names(join_names(names)) == names


@pytest.mark.parametrize("model", [Tag, Series, Author])
def test_a_second_spelling_of_a_name_is_refused_with_the_first(model: Any) -> None:
    client, _person = sign_in("superuser")
    model.objects.create(name="AI")
    address = reverse(f"admin:articles_{model._meta.model_name}_add")
    response = client.post(address, {"name": "ＡＩ", "kind": "desk", "slug": "", "aliases": ""})
    assert "AI" in str(response.context["adminform"].form.errors["name"])
    assert model.objects.count() == 1


@pytest.mark.parametrize("model", ["tag", "series", "author", "category"])
def test_a_term_gets_a_readable_slug_and_its_other_spellings(model: str) -> None:
    client, _person = sign_in("publisher")
    data = {
        "name": "技術 動向",
        "slug": "",
        "aliases": "テック、TECH",
        "kind": "desk",
        "position": 0,
        "links": "案内 https://example.jp/",
    }
    assert client.post(reverse(f"admin:articles_{model}_add"), data).status_code == 302
    row = {"tag": Tag, "series": Series, "author": Author, "category": Category}[model].objects.get()
    assert (row.slug, row.aliases) == ("技術-動向", ["テック", "TECH"])


def test_a_category_cannot_lie_below_itself() -> None:
    client, _person = sign_in("publisher")
    parent = Category.objects.create(name="技術")
    child = Category.objects.create(name="印刷", parent=parent)
    address = reverse("admin:articles_category_change", args=[parent.pk])
    response = client.post(address, {"name": "技術", "slug": "技術", "parent": child.pk, "position": 0})
    assert "parent" in response.context["adminform"].form.errors


def test_links_of_a_by_line_lead_to_web_addresses_only() -> None:
    client, _person = sign_in("publisher")
    data = {"name": "朝刊班", "kind": "desk", "links": "罠 javascript:alert(1)"}
    response = client.post(reverse("admin:articles_author_add"), data)
    assert "links" in response.context["adminform"].form.errors


@pytest.mark.parametrize("old_path", ["/admin/x/", "/taken/", "//host/", "/own/"])
def test_a_redirect_takes_no_address_that_is_in_use(old_path: str) -> None:
    client, person = sign_in("publisher")
    workflow.save_post(Post(), person, {"title": "先客", "path": "/taken/"})
    post = workflow.save_post(Post(), person, {"title": "題", "path": "/own/"})
    client.post(reverse("admin:articles_redirect_add"), {"old_path": old_path, "post": post.pk})
    assert not Redirect.objects.exists()


# --- Files ----------------------------------------------------------------------------------------------------------


def picture(name: str = "写真.png", colour: str = "red") -> SimpleUploadedFile:
    data = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(data, "PNG")
    return SimpleUploadedFile(name, data.getvalue(), "image/png")


def test_a_picture_is_stored_with_its_texts_and_only_once(media_root: Any) -> None:
    client, person = sign_in("author")
    for _time in range(2):
        client.post(
            reverse("admin:articles_mediafile_add"), {"file": picture(), "alt": "倉庫", "caption": "", "credit": "写真班"}
        )
    media = MediaFile.objects.get()
    assert (media.name, media.alt, media.credit, media.uploaded_by, media.width) == ("写真.png", "倉庫", "写真班", person, 40)


def test_an_author_changes_only_texts_of_own_files(media_root: Any) -> None:
    client, person = sign_in("author")
    own = MediaFile.objects.create(sha256="a" * 64, name="a.png", uploaded_by=person)
    other = MediaFile.objects.create(sha256="b" * 64, name="b.png")
    for media, status in ((own, 302), (other, 403)):
        address = reverse("admin:articles_mediafile_change", args=[media.pk])
        assert client.get(address).status_code == 200
        assert client.post(address, {"alt": "新", "caption": "", "credit": ""}).status_code == status


def test_a_file_that_a_post_shows_is_not_deleted() -> None:
    client, person = sign_in("publisher")
    media = MediaFile.objects.create(sha256="a" * 64, name="a.png", public_name="aa/a.png")
    workflow.save_post(Post(), person, {"title": "題", "path": "/shown/", "cover": media})
    response = client.post(reverse("admin:articles_mediafile_delete", args=[media.pk]), {"post": "yes"}, follow=True)
    assert MediaFile.objects.exists()
    assert "/shown/" in response.content.decode()


# --- Imports --------------------------------------------------------------------------------------------------------


def test_a_report_escapes_names_and_findings_and_isolates_their_direction() -> None:
    client, person = sign_in("superuser")
    evil = "<script>alert(1)</script>\u202egpj"
    finding = Finding("bad", "error", "The key “%(key)s” stands twice.", {"key": evil}, 4).as_json()
    run = ImportRun.objects.create(label=evil, user=person, totals={"refused": 1}, findings=[finding])
    ImportItem.objects.create(run=run, path=evil, verdict="refused", permalink=evil, findings=[finding])
    for name, args in (("importrun_change", [run.pk]), ("importrun_changelist", []), ("importitem_changelist", [])):
        page = client.get(reverse(f"admin:articles_{name}", args=args)).content.decode()
        assert "<script>alert" not in page
        assert "<bdi>&lt;script&gt;" in page


def test_runs_of_others_are_shown_to_editors_only() -> None:
    run = ImportRun.objects.create(label="a.zip", user=make_person("importer", "other"))
    address = reverse("admin:articles_importrun_change", args=[run.pk])
    assert sign_in("importer")[0].get(address).status_code == 404
    assert sign_in("editor")[0].get(address).status_code == 200


def test_records_cannot_be_changed_by_anyone() -> None:
    client, person = sign_in("superuser")
    post = workflow.save_post(Post(), person, {"title": "題"})
    revision = Revision.objects.get(post=post)
    address = reverse("admin:articles_revision_change", args=[revision.pk])
    assert client.get(address).status_code == 200
    assert client.post(address, {"note": "x"}).status_code == 403
    assert client.post(reverse("admin:articles_revision_delete", args=[revision.pk]), {"post": "yes"}).status_code == 403


def test_a_list_counts_no_further_than_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("articles.admin.base.COUNTED_ROWS", 3)
    for number in range(5):
        Tag.objects.create(name=f"語{number}")
    client, _person = sign_in("editor")
    assert client.get(reverse("admin:articles_tag_changelist")).context["cl"].result_count == 3


def test_a_kept_version_shows_its_note_in_the_readers_language() -> None:
    client, person = sign_in("publisher")
    workflow.publish(workflow.save_post(Post(), person, {"title": "題"}), person)
    assert Revision.objects.latest().note == "published"
    assert client.get(reverse("admin:articles_revision_changelist")).status_code == 200
