"""Proofs of old addresses at the desk: who may, which lists, how far, and redirects made from them."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from articles.admin import proving as desk
from articles.derive import save_derived
from articles.models import ImportItem, ImportRun, Post, ProofItem, ProofRun, Redirect, Source
from articles.transfer import proving
from articles.transfer.proving import begin_proof, continue_proof
from tests.factories import PostFactory
from tests.people import make_person
from tests.test_admin_screens import give, sign_in

pytestmark = pytest.mark.django_db
ADD = reverse("admin:articles_proofrun_add")


def address(name: str, run: ProofRun) -> str:
    return reverse(f"admin:articles_proofrun_{name}", args=[run.pk])


def make_run(user: Any, *addresses: str) -> ProofRun:
    return continue_proof(begin_proof(user, "list", addresses).pk)


def derived(**changes: Any) -> Post:
    post = PostFactory(**changes)
    save_derived(post)
    return post


@pytest.mark.parametrize("role", ["author", "editor", "publisher", "staff"])
def test_without_the_right_to_import_nobody_proves(role: str) -> None:
    client, person = sign_in(role)
    run = make_run(person, "/a/")
    for page in (
        ADD,
        reverse("admin:articles_proofrun_changelist"),
        address("change", run),
        address("csv", run),
        address("json", run),
    ):
        assert client.get(page).status_code == 403, page
    for page in (ADD, address("continue", run), address("lead", run)):
        assert client.post(page, {"pasted": "/a/"}).status_code == 403, page
    assert ProofRun.objects.count() == 1
    assert Client().get(ADD).status_code == 302


def test_an_importer_sees_own_proofs_only_and_whoever_sees_everyones_posts_all() -> None:
    run = make_run(make_person("importer", "other"), "/a/")
    client, person = sign_in("importer")
    pages = [address(name, run) for name in ("change", "csv", "json")]
    assert [client.get(page).status_code for page in pages] == [404, 404, 404]
    assert client.post(address("continue", run)).status_code == 404
    give(person, "change_others_post")
    assert [Client().get(page).status_code for page in pages] == [302, 302, 302]
    client.force_login(type(person).objects.get(pk=person.pk))
    assert [client.get(page).status_code for page in pages] == [200, 200, 200]


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("/2025/%E8%A8%98%E4%BA%8B/", "/2025/記事/"),
        ("https://old.example/a%20b%2F%3F%25", "https://old.example/a%20b%2F%3F%25"),
        ("/%E3%81/%FF", "/%E3%81/%FF"),
        ("/%E2%80%AE%07a", "/%E2%80%AE%07a"),
        ("", ""),
    ],
)
def test_an_address_is_shown_as_people_read_it_and_nothing_hides_in_it(stored: str, shown: str) -> None:
    assert desk.show_address(stored) == shown


def test_the_report_of_an_import_without_conflicts_offers_none_to_settle() -> None:
    client, person = sign_in("importer")
    run = ImportRun.objects.create(user=person, state=ImportRun.State.FINISHED)
    page = client.get(reverse("admin:articles_importrun_change", args=[run.pk]))
    assert [door for door in page.context["doors"] if "conflicts" in door["address"]] == []
    post = PostFactory(owner=person)
    item = ImportItem.objects.create(run=run, path="a.md", verdict="conflict", post=post, resolution={"state": "open"})
    ImportItem.objects.filter(pk=item.pk).update(applied_at=timezone.now())
    page = client.get(reverse("admin:articles_importrun_change", args=[run.pk]))
    assert [door for door in page.context["doors"] if "conflicts" in door["address"]]


def test_the_report_of_an_import_leads_to_the_proof_of_its_addresses_however_old_it_is() -> None:
    client, person = sign_in("importer")
    run = ImportRun.objects.create(user=person, state=ImportRun.State.FINISHED)
    ImportRun.objects.bulk_create([ImportRun(user=person) for _ in range(desk.RECENT_RUNS)])
    report = client.get(reverse("admin:articles_importrun_change", args=[run.pk]))
    door = next(door["address"] for door in report.context["doors"] if "proof" in door["address"])
    assert client.get(door).context["form"]["run"].value() == str(run.pk)
    assert f'<option value="{run.pk}" selected>' in client.get(door).content.decode()
    for wrong in ("x", "9" * 30, "-1", "１２"):
        assert client.get(ADD, {"run": wrong}).status_code == 200, wrong


@pytest.mark.parametrize(
    "upload",
    [
        SimpleUploadedFile(
            "sitemap.xml", b"<urlset><url><loc>http://testserver/a/</loc></url><url><loc>/b/</loc></url></urlset>"
        ),
        SimpleUploadedFile(
            "sitemap.xml.gz", gzip.compress(b"<urlset><url><loc>/a/</loc></url><url><loc>/b/</loc></url></urlset>")
        ),
        SimpleUploadedFile("list.csv", "url,題\n/a/,一\n/b/,二\n".encode("cp932")),
    ],
)
def test_an_uploaded_list_is_proved(upload: SimpleUploadedFile) -> None:
    derived(path="/a/")
    client, person = sign_in("importer")
    response = client.post(ADD, {"uploads": upload}, follow=True)
    run = ProofRun.objects.get()
    assert (run.user, run.label, run.state, run.total) == (person, upload.name, "finished", 2)
    page = response.content.decode()
    assert "1 / 2" in page
    assert "is-missing" in page
    assert "/b/" not in client.get(address("change", run) + "?outcome=ok").content.decode().split("<tbody>")[1]


def test_the_parts_of_an_index_are_uploaded_with_it_and_a_missing_one_is_named() -> None:
    index = "<sitemapindex><sitemap><loc>https://old.example/s1.xml</loc></sitemap><sitemap><loc>https://old.example/s2.xml</loc></sitemap></sitemapindex>"
    files = [
        SimpleUploadedFile("sitemap.xml", index.encode()),
        SimpleUploadedFile("s1.xml", b"<urlset><url><loc>https://old.example/a/</loc></url></urlset>"),
    ]
    client, _person = sign_in("importer")
    page = client.post(ADD, {"uploads": files, "hosts": "https://www.old.example/、x.example"}, follow=True).content.decode()
    run = ProofRun.objects.get()
    assert run.hosts == ["old.example", "x.example"]
    assert list(run.items.values_list("outcome", flat=True)) == ["missing"]
    assert "https://old.example/s2.xml" in page


def test_pasted_lines_sources_and_imports_are_proved() -> None:
    client, person = sign_in("importer")
    first, second = (Source.objects.create(name=name, dialect="plain", timezone="UTC") for name in ("一", "二"))
    derived(path="/a/", source=first, source_path="a.md", source_permalink="/a/")
    run = ImportRun.objects.create(label="a.zip", user=person)
    ImportItem.objects.create(run=run, source=second, path="x", verdict="conflict", permalink="/x/")
    for data in ({"pasted": "/a/\r\n/a\r\n"}, {"source": str(first.pk)}, {"source": "all"}, {"run": str(run.pk)}):
        assert client.post(ADD, data).status_code == 302, data
    labels = list(ProofRun.objects.order_by("pk").values_list("label", "total"))
    assert [total for _label, total in labels] == [2, 3, 3, 3]
    assert f'value="{run.pk}" selected' in client.get(f"{ADD}?run={run.pk}").content.decode()


def test_a_list_that_is_none_or_two_lists_or_anothers_import_is_refused_and_nothing_is_kept() -> None:
    client, _person = sign_in("importer")
    others = ImportRun.objects.create(label="b.zip", user=make_person("editor"))
    for data in (
        {},
        {"pasted": "/a/", "uploads": SimpleUploadedFile("a.csv", b"/a/")},
        {"uploads": SimpleUploadedFile("a.xml", b"<!DOCTYPE a><urlset/>")},
        {"uploads": SimpleUploadedFile("a.csv", b"x")},
        {"uploads": [SimpleUploadedFile(f"{number}.csv", b"/a/") for number in range(21)]},
        {"pasted": "/a/", "hosts": "???"},
        {"run": str(others.pk)},
        {"source": "99"},
    ):
        response = client.post(ADD, data)
        assert response.status_code == 200
        assert "errornote" in response.content.decode(), data
    assert not ProofRun.objects.exists()


def test_a_list_over_the_limit_is_refused_with_the_way_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "MAX_BYTES", 10)
    client, _person = sign_in("importer")
    page = client.post(ADD, {"uploads": SimpleUploadedFile("big.csv", b"/a/\n" * 10)}).content.decode()
    assert "prove_urls" in page


def test_a_long_list_goes_on_step_by_step_with_or_without_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "PORTION", 2)
    monkeypatch.setattr(desk, "SECONDS", 0)
    client, _person = sign_in("importer")
    page = client.post(ADD, {"pasted": "\n".join(f"/{number}/" for number in range(6))}, follow=True).content.decode()
    run = ProofRun.objects.get()
    assert '<progress id="proof-progress" max="6" value="2">' in page
    assert client.get(address("continue", run)).status_code == 405
    state = client.post(address("continue", run), headers={"accept": "application/json"}).json()
    assert (state["done"], state["total"], state["is_finished"]) == (4, 6, False)
    assert client.post(address("continue", run)).headers["Location"] == address("change", run)
    assert "<progress" not in client.get(address("change", run)).content.decode()


def test_reports_are_downloaded_as_table_and_as_json() -> None:
    derived(path="/a/")
    client, person = sign_in("importer")
    run = make_run(person, "/a/", "=1+1")
    table = client.get(address("csv", run))
    assert table.headers["Content-Disposition"] == f'attachment; filename="addresses-{run.pk}.csv"'
    text = b"".join(table.streaming_content).decode("utf-8")
    assert text.startswith("\ufeffaddress,")
    assert "'=1+1" in text
    data = json.loads(b"".join(client.get(address("json", run) + "?outcome=ok").streaming_content))
    assert (data["user"], data["totals"], len(data["addresses"])) == ("importer", {"ok": 1, "unusable": 1}, 1)


def test_a_report_escapes_what_the_list_says() -> None:
    client, person = sign_in("importer")
    evil = '<script>alert(1)</script>"\u202egpj'
    run = begin_proof(person, evil, [evil, f"/{evil}/"])
    continue_proof(run.pk)
    for page in (address("change", run), reverse("admin:articles_proofrun_changelist"), ADD):
        html = client.get(page).content.decode()
        assert "<script>alert" not in html
        assert " style=" not in html
        assert "<style" not in html


# --- Redirects ----------------------------------------------------------------------------------------------------------


def editor_of_addresses() -> tuple[Client, Any]:
    client, person = sign_in("importer")
    give(person, "add_redirect", "change_others_post")
    client.force_login(type(person).objects.get(pk=person.pk))
    return client, person


def test_one_click_leads_an_address_to_the_nearest_post() -> None:
    post = derived(path="/2026/11/記事/")
    client, person = editor_of_addresses()
    run = make_run(person, "/blog/記事.html")
    item = run.items.get()
    page = client.get(address("change", run)).content.decode()
    assert f'value="{item.pk}:{post.pk}"' in page
    response = client.post(address("lead", run), {"single": f"{item.pk}:{post.pk}", "outcome": "missing"}, follow=True)
    assert response.redirect_chain[-1][0] == address("change", run) + "?outcome=missing#addresses"
    assert Redirect.objects.get().old_path == "/blog/記事.html"
    item.refresh_from_db()
    assert item.outcome == "moved"


def test_several_are_shown_before_they_are_made() -> None:
    posts = [derived(path=f"/2026/11/記事{number}/") for number in range(3)]
    client, person = editor_of_addresses()
    run = make_run(person, *(f"/blog/記事{number}.html" for number in range(3)))
    run.items.filter(path="/blog/記事2.html").update(path="/admin/記事2/")
    chosen = [f"{item.pk}:{item.candidate_id}" for item in run.items.order_by("pk")]
    page = client.post(address("lead", run), {"chosen": chosen}).content.decode()
    assert page.count('name="chosen"') == 2
    assert "proof-refusal" in page
    assert not Redirect.objects.exists()
    client.post(address("lead", run), {"chosen": chosen, "confirmed": "1"})
    assert sorted(Redirect.objects.values_list("old_path", flat=True)) == ["/blog/記事0.html", "/blog/記事1.html"]
    client.post(address("lead", run), {"chosen": chosen, "confirmed": "1"})
    assert Redirect.objects.count() == 2
    assert len(posts) == 3


def test_only_what_the_report_showed_is_made_and_only_with_the_right() -> None:
    post, other = derived(path="/2026/11/記事/"), derived(path="/other/")
    client, person = sign_in("importer")
    run = make_run(person, "/blog/記事.html")
    item = run.items.get()
    assert 'name="single"' not in client.get(address("change", run)).content.decode()
    assert client.post(address("lead", run), {"single": f"{item.pk}:{post.pk}"}).status_code == 403
    give(person, "add_redirect")
    client.force_login(type(person).objects.get(pk=person.pk))
    # Others' posts are not this account's to lead to.
    client.post(address("lead", run), {"single": f"{item.pk}:{post.pk}"})
    give(person, "change_others_post")
    client.force_login(type(person).objects.get(pk=person.pk))
    assert client.get(address("lead", run)).status_code == 405
    foreign = make_run(None, "/blog/記事.html").items.get()
    for pair in (f"{item.pk}:{other.pk}", f"{foreign.pk}:{post.pk}", "x:y", "", f"{item.pk}", "9" * 50 + ":1", "²:³"):
        client.post(address("lead", run), {"single": pair or "-", "confirmed": "1"})
    assert not Redirect.objects.exists()
    Post.objects.filter(pk=post.pk).update(state=Post.State.DRAFT)
    client.post(address("lead", run), {"single": f"{item.pk}:{post.pk}"})
    assert not Redirect.objects.exists()
    Post.objects.filter(pk=post.pk).update(state=Post.State.PUBLISHED)
    client.post(address("lead", run), {"single": f"{item.pk}:{post.pk}"})
    assert Redirect.objects.get().post == post


def test_a_report_costs_the_same_with_twice_the_rows(django_assert_max_num_queries: Any) -> None:
    client, person = editor_of_addresses()

    def cost(count: int) -> int:
        for number in range(count):
            derived(path=f"/{count}/記事{number}/")
        run = make_run(person, *(f"/blog{count}/記事{number}" for number in range(count)))
        assert run.items.exclude(candidate=None).count() == count
        with django_assert_max_num_queries(30) as captured:
            client.get(address("change", run))
        return len(captured)

    assert cost(10) == cost(20)


def test_the_report_of_a_proof_is_no_form_for_anything_else() -> None:
    client, person = sign_in("superuser")
    run = make_run(person, "/a/")
    assert client.post(address("change", run), {"label": "x"}).status_code == 403
    assert client.post(reverse("admin:articles_proofrun_delete", args=[run.pk]), {"post": "yes"}).status_code == 403
    assert ProofItem.objects.count() == 1
