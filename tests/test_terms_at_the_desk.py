"""Terms and former addresses at the desk: what is said before a term goes, what stays, and who may change which."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from articles.editorial import workflow
from articles.models import Assignment, Category, Post, Redirect, Revision, SiteLink, SiteSettings, Tag, TermRedirect
from articles.models.taxonomy import LastingTerm
from articles.transfer.resources import RESOURCES
from tests.factories import CategoryFactory, PostFactory, SeriesFactory
from tests.people import make_person
from tests.test_former_terms import FOLDERS, make_term

pytestmark = pytest.mark.django_db


def sign_in(role: str, name: str = "") -> tuple[Client, Any]:
    person = make_person(role, name)
    client = Client()
    client.force_login(person)
    return client, person


def address(term: LastingTerm, view: str) -> str:
    return reverse(f"admin:articles_{term._meta.model_name}_{view}", args=[term.pk])


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def fields_of(term: Any, **changes: Any) -> dict[str, Any]:
    names = ("name", "slug", "parent_id", "position", "kind")
    held = {name.removesuffix("_id"): getattr(term, name) for name in names if getattr(term, name, None) is not None}
    return {**held, "aliases": "、".join(term.aliases), **changes}


# --- Moving -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FOLDERS)
def test_saving_a_new_slug_says_that_the_former_address_leads_on(kind: str) -> None:
    client, _person = sign_in("publisher")
    term = make_term(kind)
    response = client.post(address(term, "change"), fields_of(term, slug="shin"))
    assert response.status_code == 302
    assert f"/{FOLDERS[kind]}/旧称/" in said(response)
    assert f"/{FOLDERS[kind]}/shin/" in said(response)


def test_saving_another_parent_says_how_many_addresses_lead_on() -> None:
    client, _person = sign_in("publisher")
    moved = CategoryFactory(name="甲")
    CategoryFactory(name="乙", parent=moved)
    other = CategoryFactory(name="丙")
    said_then = said(client.post(address(moved, "change"), fields_of(moved, parent=other.pk)))
    assert "/categories/丙/甲/" in said_then
    assert "1" in said_then
    assert TermRedirect.objects.count() == 2


@pytest.mark.parametrize("kind", FOLDERS)
def test_an_emptied_slug_of_the_form_keeps_the_address(kind: str) -> None:
    client, _person = sign_in("publisher")
    term = make_term(kind)
    term.slug = "kyusho"
    term.save()
    assert client.post(address(term, "change"), fields_of(term, name="改称", slug="")).status_code == 302
    term.refresh_from_db()
    assert (term.name, term.slug, term.aliases) == ("改称", "kyusho", ["旧称"])


# --- Deleting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FOLDERS)
def test_before_a_term_is_deleted_its_posts_are_named(kind: str) -> None:
    client, _person = sign_in("publisher")
    term = make_term(kind)
    post = Post.objects.get()
    page = client.get(address(term, "delete")).content.decode()
    assert post.title in page
    assert reverse("admin:articles_post_change", args=[post.pk]) in page
    assert address(term, "change") in page
    assert "Tagged posts" not in page


def test_posts_that_the_person_may_not_see_are_counted_and_not_named() -> None:
    client, person = sign_in("publisher")
    own, other = CategoryFactory(name="内"), CategoryFactory(name="外")
    Assignment.objects.create(user=person, category=own)
    for number in range(25):
        PostFactory(title=f"見える話{number}", categories=[own], tags=["共通"])
    PostFactory(title="外の秘話", categories=[other], tags=["共通"])
    page = client.get(address(Tag.objects.get(), "delete")).content.decode()
    assert "外の秘話" not in page
    assert page.count("見える話") == 20
    assert "26" in page
    assert "6" in page


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_deleted_term_leaves_a_version_in_each_post_that_tells_of_it(kind: str) -> None:
    client, person = sign_in("publisher")
    term = make_term(kind)
    post = Post.objects.get()
    modified = post.modified_at
    response = client.post(address(term, "delete"), {"post": "yes"})
    assert response.status_code == 302
    assert not type(term)._default_manager.exists()
    post.refresh_from_db()
    assert post.modified_at > modified
    newest, before = post.revisions.all()
    assert "旧称" in newest.note
    assert newest.user == person
    assert "旧称" in str([before.snapshot[name] for name in ("tags", "categories", "authors", "series")])
    assert "旧称" not in str([newest.snapshot[name] for name in ("tags", "categories", "authors", "series")])
    restored = workflow.restore_revision(before, person)
    assert "旧称" in str(restored.left_out)
    assert client.get(f"/{FOLDERS[kind]}/旧称/").status_code == 404


def test_several_terms_are_deleted_by_the_list_in_the_same_way() -> None:
    client, _person = sign_in("publisher")
    PostFactory(title="二つの語", tags=["甲", "乙"])
    keys = list(Tag.objects.values_list("pk", flat=True))
    data = {"action": "delete_selected", "_selected_action": keys}
    page = client.post(reverse("admin:articles_tag_changelist"), data).content.decode()
    assert "二つの語" in page
    client.post(reverse("admin:articles_tag_changelist"), {**data, "post": "yes"})
    assert not Tag.objects.exists()
    assert Revision.objects.count() == 2


def test_deleting_costs_the_same_queries_for_few_posts_and_many() -> None:
    client, _person = sign_in("publisher")
    counts = []
    for number in (2, 20):
        for _post in range(number):
            PostFactory(tags=["語"], authors=["班"], categories=[CategoryFactory()])
        with CaptureQueriesContext(connection) as queries:
            client.post(address(Tag.objects.get(), "delete"), {"post": "yes"})
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_page_before_deleting_costs_the_same_for_few_terms_and_many() -> None:
    client, _person = sign_in("publisher")
    for number in range(12):
        PostFactory(tags=[f"語{number}"])
    keys = list(Tag.objects.values_list("pk", flat=True))
    counts = []
    for chosen in (keys[:2], keys):
        data = {"action": "delete_selected", "_selected_action": chosen}
        with CaptureQueriesContext(connection) as queries:
            assert client.post(reverse("admin:articles_tag_changelist"), data).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_page_before_deleting_says_that_links_of_the_site_go_too() -> None:
    client, _person = sign_in("publisher")
    category = CategoryFactory(name="甲")
    for number in (1, 2):
        version = SiteSettings.objects.create(number=number)
        SiteLink.objects.create(settings=version, place="navigation", position=0, label="甲へ", category=category)
    assert (
        "1" in client.get(address(category, "delete")).content.decode().partition('id="deleted-objects"')[2].partition("</ul>")[0]
    )


def test_a_category_with_others_below_or_with_limited_accounts_names_them_and_stays() -> None:
    client, _person = sign_in("superuser")
    above = CategoryFactory(name="上")
    below = CategoryFactory(name="下の分野", parent=above)
    page = client.get(address(above, "delete")).content.decode()
    assert "下の分野" in page
    assert address(below, "change") in page
    Assignment.objects.create(user=make_person("editor"), category=below)
    assert 'name="post"' not in client.get(address(below, "delete")).content.decode()
    client.post(address(below, "delete"), {"post": "yes"})
    assert Category.objects.count() == 2


# --- Whose categories -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["editor", "publisher"])
def test_a_limited_account_changes_its_own_categories_and_looks_at_the_others(role: str) -> None:
    client, person = sign_in(role)
    own, other = CategoryFactory(name="内"), CategoryFactory(name="外")
    below = CategoryFactory(name="内の下", parent=own)
    Assignment.objects.create(user=person, category=own)
    assert client.get(address(other, "change")).status_code == 200
    assert client.post(address(other, "change"), fields_of(other, name="乗っ取り")).status_code == 403
    assert client.post(address(other, "delete"), {"post": "yes"}).status_code == 403
    assert client.post(address(below, "change"), fields_of(below, name="改称")).status_code == 302
    assert client.post(address(own, "change"), fields_of(own, name="内側")).status_code == 302
    data = {"action": "delete_selected", "_selected_action": [other.pk], "post": "yes"}
    client.post(reverse("admin:articles_category_changelist"), data)
    assert set(Category.objects.values_list("name", flat=True)) == {"内側", "外", "改称"}


@pytest.mark.parametrize("role", ["editor", "publisher"])
def test_a_limited_account_places_categories_below_its_own_only(role: str) -> None:
    client, person = sign_in(role)
    own, other = CategoryFactory(name="内"), CategoryFactory(name="外")
    below = CategoryFactory(name="下", parent=own)
    Assignment.objects.create(user=person, category=own)
    for parent in ("", other.pk):
        response = client.post(address(below, "change"), fields_of(below, parent=parent))
        assert "parent" in response.context["adminform"].form.errors
        new = {"name": "新設", "position": 0, "parent": parent}
        assert client.post(reverse("admin:articles_category_add"), new).status_code == 200
    assert (
        client.post(reverse("admin:articles_category_add"), {"name": "新設", "position": 0, "parent": own.pk}).status_code == 302
    )
    below.refresh_from_db()
    assert below.parent == own


def test_a_table_changes_no_category_of_others() -> None:
    _client, person = sign_in("publisher")
    own, other = CategoryFactory(name="内"), CategoryFactory(name="外")
    Assignment.objects.create(user=person, category=own)
    assert judge(person, {"id": own.pk, "name": "内側"}) == []
    assert judge(person, {"id": other.pk, "name": "外側"}) == ["refused-by-rule"]
    assert judge(person, {"name": "根"}) == ["refused-by-rule"]
    assert judge(person, {"name": "下", "parent": "内"}) == []


def judge(person: Any, row: dict[str, Any]) -> list[str]:
    """The codes of errors that a row of the table of categories gets."""
    resource = RESOURCES["category"](person)
    loader = resource._meta.instance_loader_class(resource, [row])
    found = resource.judge(2, row, [], loader)
    return [finding.code for finding in found.findings if finding.severity == "error"]


# --- Numbers ----------------------------------------------------------------------------------------------------------


def test_a_number_that_no_database_could_hold_is_refused_in_the_form() -> None:
    client, _person = sign_in("publisher")
    category = CategoryFactory(name="甲")
    response = client.post(address(category, "change"), fields_of(category, position=99999999999))
    assert "2147483647" in str(response.context["adminform"].form.errors["position"]).replace(",", "")
    response = client.post(reverse("admin:articles_post_add"), {"title": "題", "series_order": 99999999999})
    assert "series_order" in response.context["adminform"].form.errors


# --- Former addresses of posts ----------------------------------------------------------------------------------------


def refusal(old_path: str, post: Post | None = None) -> str:
    """What the form says of an old address; empty where it is taken."""
    client, _person = sign_in("publisher")
    post = post or PostFactory()
    response = client.post(reverse("admin:articles_redirect_add"), {"old_path": old_path, "post": post.pk})
    return "" if response.status_code == 302 else str(response.context["adminform"].form.errors["old_path"])


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/index.html",
            "https://old.example.jp",
            "/search/",
            "/feeds/",
            "/archives/",
            "/2026/",
            "/2026/11/",
            "/categories/",
        ),
        *("/categories/甲/", "/categories/甲", "/categories/甲/rss.xml", "/tags/語/", "/authors/班/", "/series/連載/"),
    ],
)
def test_an_address_at_which_readers_find_something_else_is_refused_by_name(path: str) -> None:
    series = SeriesFactory(name="連載")
    PostFactory(categories=[CategoryFactory(name="甲")], tags=["語"], authors=["班"], series=series, path="/p/")
    assert "<a" not in (said_then := refusal(path))
    assert path.removeprefix("https://old.example.jp") in said_then
    assert not Redirect.objects.exists()


@pytest.mark.parametrize("path", ["/categories/甲/", "/tags/語/", "/2025/", "/search/old/", "/categories/甲/a/"])
def test_an_address_of_a_list_that_shows_nothing_is_free(path: str) -> None:
    CategoryFactory(name="甲")
    assert refusal(path) == ""
    client = Client()
    assert client.get(path).status_code == 301


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://old.example.jp/a/", "/a/"),
        ("http://www.old.example.jp:8080/2019/%E6%98%A5/", "/2019/春/"),
        ("/2019/%E6%98%A5/", "/2019/春/"),
        ("a/b/", "/a/b/"),
    ],
)
def test_the_path_is_taken_off_an_address_that_was_pasted_whole(typed: str, kept: str) -> None:
    assert refusal(typed) == ""
    assert Redirect.objects.get().old_path == kept


@pytest.mark.parametrize("typed", ["https://old.example.jp/a/?p=3", "/a/?p=3", "https://old.example.jp/a/#top"])
def test_a_query_is_no_part_of_an_address_and_the_form_says_so(typed: str) -> None:
    assert "/2019/05/spring/" in refusal(typed)


def test_full_width_slashes_are_refused_with_a_sentence() -> None:
    assert "／" in refusal("／a／")


def test_the_form_of_redirects_explains_its_fields() -> None:
    client, _person = sign_in("publisher")
    page = client.get(reverse("admin:articles_redirect_add")).content.decode()
    assert page.count("/2019/05/spring/") >= 2
