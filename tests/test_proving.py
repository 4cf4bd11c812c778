"""Old addresses are proved: asked of the site itself, without a network, and told with what they most likely meant."""

from __future__ import annotations

import csv
import io
import json
import logging
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from articles.derive import save_derived
from articles.models import ImportRun, Post, ProofItem, ProofRun, Redirect, Source, SourceFile
from articles.transfer import proving
from articles.transfer.importing import import_archive
from articles.transfer.proving import (
    Answer,
    InProcess,
    OverHttp,
    Unreachable,
    addresses_of_run,
    addresses_of_source,
    begin_proof,
    continue_proof,
    inert,
    make_redirects,
    plan_redirects,
    prove,
    read_target,
    stored_proofs,
    totals_of,
    write_csv,
    write_json,
)
from tests.factories import PostFactory, RedirectFactory
from tests.people import make_person
from tests.test_importing import write_site
from tests.test_old_addresses import HUGO, write_with_pictures

pytestmark = pytest.mark.django_db


def derived(**changes: Any) -> Post:
    post = PostFactory(**changes)
    save_derived(post)
    return post


def one(address: str, **options: Any) -> proving.Proof:
    return next(prove([address], **options))


# --- What is asked ------------------------------------------------------------------------------------------------------


def test_each_address_is_told_with_what_it_answered() -> None:
    Source.objects.create(name="old", dialect="jekyll", timezone="UTC", base_url="https://old.example")
    post = derived(path="/2026/11/記事/")
    RedirectFactory(old_path="/old a.html", post=post)
    derived(path="/gone/", state=Post.State.WITHDRAWN, first_published_at=datetime(2026, 1, 1, tzinfo=UTC))
    wanted = {
        "/2026/11/記事/": ("ok", 200, ""),
        "https://old.example/2026/11/%E8%A8%98%E4%BA%8B/": ("ok", 200, ""),
        "http://www.old.example/2026/11/%e8%a8%98%e4%ba%8b/#x": ("ok", 200, ""),
        "http://testserver/2026/11/記事": ("moved", 301, "/2026/11/記事/"),
        "/old%20a.html": ("moved", 301, "/2026/11/記事/"),
        "/old a": ("moved", 301, "/2026/11/記事/"),
        "/x/../2026/./11/記事/": ("ok", 200, ""),
        "/gone/": ("gone", 410, ""),
        "/nothing-like-it/": ("missing", 404, ""),
        "/%zz%ff%00": ("missing", 404, ""),
        "/robots.txt": ("ok", 200, ""),
        "https://elsewhere.example/2026/11/記事/": ("foreign", None, ""),
        "2026/11/": ("unusable", None, ""),
        "//": ("unusable", None, ""),
        "/a\x01b": ("unusable", None, ""),
        "/" + "a" * 3000: ("unusable", None, ""),
        "/" + "a" * 1500: ("missing", 404, ""),
        "javascript:alert(1)": ("unusable", None, ""),
    }
    proofs = list(prove(wanted))
    for (address, expected), proof in zip(wanted.items(), proofs, strict=True):
        assert (str(proof.outcome), proof.status, proof.location) == expected, address
    assert all(proof.outcome != "error" for proof in proofs)


def test_what_follows_the_question_mark_is_noted_where_it_decides_nothing() -> None:
    derived(path="/a/")
    assert (one("/?p=12").outcome, one("/?p=12").note) == ("ok", "query")
    assert (one("/a?utm=1").outcome, one("/a?utm=1").note) == ("moved", "query")
    assert one("/a/").note == ""


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("", "/"),
        ("/a b/記?q=x y#z", "/a%20b/%E8%A8%98?q=x%20y"),
        ("/%e8%A8%98/", "/%e8%A8%98/"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/..", "/"),
        ("/a/b/.", "/a/b/"),
        ("/../../etc", "/etc"),
        ("/100%", "/100%"),
        ("?x=1", "/?x=1"),
        ("//evil.example/", ""),
        ("a/b", ""),
        ("/a\nb", ""),
    ],
)
def test_an_address_is_asked_for_as_a_browser_would(written: str, target: str) -> None:
    assert read_target(written) == target


def fake(answers: dict[str, Answer]) -> Callable[[str], Answer]:
    return lambda target: answers.get(target, Answer(404))


def test_chains_other_hosts_errors_and_dead_ends_are_told_apart() -> None:
    fetch = fake(
        {
            "/chain/": Answer(301, "/next/"),
            "/next/": Answer(301, "/end/"),
            "/end/": Answer(200),
            "/loop/": Answer(301, "/loop/"),
            "/astray/": Answer(301, "https://evil.example/end/"),
            "/astray2/": Answer(301, "//evil.example/end/"),
            "/dead/": Answer(301, "/nowhere/"),
            "/temporary/": Answer(302, "/end/"),
            "/absolute/": Answer(301, "http://testserver/end/"),
            "/broken/": Answer(500),
            "/broken2/": Answer(301, "/broken/"),
        }
    )
    outcomes = {
        "/chain/": "chain",
        "/loop/": "chain",
        "/astray/": "astray",
        "/astray2/": "astray",
        "/dead/": "missing",
        "/temporary/": "moved",
        "/absolute/": "moved",
        "/broken/": "error",
        "/broken2/": "error",
        "/end/": "ok",
    }
    proofs = prove(outcomes, fetch=fetch)
    assert {address: str(proof.outcome) for address, proof in zip(outcomes, proofs, strict=True)} == outcomes
    assert one("/temporary/", fetch=fetch).note == "temporary"


def test_a_server_that_does_not_answer_is_told() -> None:
    def fetch(target: str) -> Answer:
        raise Unreachable("refused")

    proof = one("/a/", fetch=fetch)
    assert (proof.outcome, proof.status, proof.location) == ("unreachable", None, "refused")


def test_proving_opens_no_connection_writes_no_log_line_and_keeps_the_language(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    derived(path="/a/")

    def refuse(*_anything: Any, **_more: Any) -> None:
        raise AssertionError("a connection was opened")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with translation.override("en"), caplog.at_level(logging.INFO):
        addresses = ["/a/", "/a", "/missing/", "http://evil.example/", "https://testserver/a/", "/admin/", "/static/none.css"]
        outcomes = [str(proof.outcome) for proof in prove(addresses)]
        assert translation.get_language() == "en"
    assert outcomes == ["ok", "moved", "missing", "foreign", "ok", "moved", "missing"]
    assert caplog.records == []


def test_a_site_on_https_is_asked_on_https(settings: Any) -> None:
    settings.SITE_URL, settings.SECURE_SSL_REDIRECT = "https://testserver", True
    derived(path="/a/")
    assert [str(proof.outcome) for proof in prove(["/a/", "https://testserver/a", "http://testserver/a/"])] == [
        "ok",
        "moved",
        "ok",
    ]


def test_only_a_server_of_ones_own_is_asked(settings: Any) -> None:
    settings.ALLOWED_HOSTS = [".news.example"]
    for base in ("http://127.0.0.1:8000", "http://localhost", "https://www.news.example/"):
        OverHttp(base)
    for base in ("http://evil.example", "ftp://localhost", "localhost:8000", "http://", "http://localhost/?x", "http://[::1"):
        with pytest.raises(ValueError, match=r".*"):
            OverHttp(base)


def test_a_running_server_is_asked_and_a_dead_one_named(live_server: Any) -> None:
    post = derived(path="/a/")
    fetch = OverHttp(live_server.url)
    try:
        assert [str(proof.outcome) for proof in prove(["/a/", "/a", "/zzz/"], fetch=fetch)] == ["ok", "moved", "missing"]
    finally:
        fetch.close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert one("/a/", fetch=OverHttp(f"http://127.0.0.1:{port}")).outcome == "unreachable"
    assert post.pk


# --- What was meant -----------------------------------------------------------------------------------------------------


def test_the_nearest_public_post_is_proposed_by_name_then_by_neighbourhood() -> None:
    same = derived(path="/2026/11/where-articles-live/", title="x")
    derived(path="/2026/11/where-articles-live-2/", title="y", state=Post.State.DRAFT)
    other = derived(path="/about/the-newsroom/", title="z")
    assert one("/blog/Where-Articles-Live.html").candidate == same.pk
    assert one("/2026/11/where-article-lives/").candidate_path == same.path
    assert one("/about/the-newsrom/").candidate == other.pk
    assert one("/qqq/zzz/").candidate is None


def test_a_post_that_is_not_public_is_told_to_those_who_may_see_it_and_is_never_a_candidate() -> None:
    derived(path="/2026/secret/", state=Post.State.DRAFT)
    hidden = derived(path="/2026/other/", state=Post.State.DRAFT)
    RedirectFactory(old_path="/was/", post=hidden)
    assert [(proof.note, proof.candidate) for proof in prove(["/2026/secret", "/was/", "/2026/secrets/"])] == [
        ("not-public", None),
        ("not-public", None),
        ("", None),
    ]
    importer = make_person("importer")
    assert one("/2026/secret/", user=importer).note == ""
    Post.objects.filter(path="/2026/secret/").update(owner=importer)
    assert one("/2026/secret/", user=importer).note == "not-public"


def test_a_file_that_is_kept_but_not_served_is_told() -> None:
    source = Source.objects.create(name="s", dialect="jekyll", timezone="UTC", base_path="/blog")
    SourceFile.objects.create(source=source, path="assets/main.css", role="site_file", sha256="0")
    assert one("/blog/assets/main.css").note == "not-served"
    assert one("/blog/assets/none.css").note == ""


def test_a_portion_costs_the_same_whatever_it_asks_besides_its_requests(
    django_assert_max_num_queries: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        derived(path=f"/2026/11/post-{number}/")

    def cost(count: int) -> int:
        with django_assert_max_num_queries(40) as captured:
            list(prove([f"/old/post-{number}.html" for number in range(count)], fetch=fake({})))
        return len(captured)  # type: ignore[arg-type]

    cost(1)
    assert cost(10) == cost(20)


# --- Which addresses ----------------------------------------------------------------------------------------------------


def test_all_addresses_of_an_imported_site_are_answered(
    tmp_path: Path, media_root: Path, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = import_archive(write_with_pictures(tmp_path / "news", HUGO))
    source = Source.objects.get()
    addresses = list(addresses_of_source(source))
    assert {"/news/posts/spring/", "/news/old/trip/", "/news/posts/trip/sea.png", "/news/topics/AI/", "/news/index.xml"} <= set(
        addresses
    )
    assert not any("secret" in address for address in addresses)
    assert {str(proof.outcome) for proof in prove(addresses)} == {"ok", "moved"}
    assert (one("/news/posts/secret/plan.png").outcome, one("/news/posts/secret/plan.png").note) == ("missing", "not-public")
    assert set(addresses_of_run(run)) == set(addresses)


def test_the_address_that_a_conflict_claimed_is_asked_for_too(tmp_path: Path, media_root: Path) -> None:
    PostFactory(path="/about/")
    site = {"_config.yml": "title: s\n", "about.md": "---\ntitle: a\npermalink: /about/\n---\nx\n"}
    run = import_archive(write_site(tmp_path / "s", site))
    assert "/about/" in list(addresses_of_run(run))


# --- A proof that is kept -----------------------------------------------------------------------------------------------


def test_a_proof_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "PORTION", 2)
    derived(path="/a/")
    run = begin_proof(None, "list", ["/a/", "/a", " /a/ ", "/b/", "https://old.example/a/", "x\x00"], hosts=["old.example"])
    assert (run.total, run.done, run.state) == (4, 0, "running")
    run = continue_proof(run.pk, seconds=0)
    assert (run.done, run.state) == (2, "running")
    run = continue_proof(run.pk)
    assert (run.done, run.state) == (4, "finished")
    assert totals_of(run) == {"ok": 2, "moved": 1, "missing": 1}
    assert continue_proof(run.pk).finished_at == run.finished_at
    assert begin_proof(None, "empty", []).state == "finished"


def test_an_account_keeps_its_newest_proofs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "KEPT_RUNS", 2)
    mine, others = make_person("importer"), make_person("editor")
    begin_proof(others, "other", ["/x/"])
    for number in range(4):
        begin_proof(mine, str(number), ["/a/"])
    assert list(ProofRun.objects.order_by("pk").values_list("label", flat=True)) == ["other", "2", "3"]
    assert ProofItem.objects.count() == 3


def test_a_missing_address_is_led_to_its_candidate_and_asked_for_again() -> None:
    post = derived(path="/2026/11/記事 一/")
    run = continue_proof(begin_proof(None, "list", ["/blog/記事 一.html", "/blog/%E8%A8%98%E4%BA%8B%20%E4%B8%80/x/", "/zzz/"]).pk)
    items = list(run.items.order_by("pk"))
    assert [item.candidate_id for item in items] == [post.pk, None, None]
    steps = plan_redirects(items)
    assert [(step.path, step.post, step.refusal) for step in steps] == [("/blog/記事 一.html", post, "")]
    assert not Redirect.objects.exists()
    assert make_redirects(run, steps) == steps
    assert Redirect.objects.get().old_path == "/blog/記事 一.html"
    assert [item.outcome for item in run.items.order_by("pk")] == ["moved", "missing", "missing"]
    assert plan_redirects(run.items.all()) == []
    assert make_redirects(run, steps) == []


@pytest.mark.parametrize("path", ["/admin/記事/", "//x//記事/", "/taken/", "/" + "a" * 900 + "/記事/"])
def test_no_redirect_is_made_from_an_address_that_belongs_to_another(path: str) -> None:
    post = derived(path="/2026/11/記事/")
    derived(path="/taken/", state=Post.State.DRAFT)
    run = begin_proof(None, "list", [path])
    run.items.update(outcome="missing", path=path, candidate=post)
    step = plan_redirects(run.items.all())[0]
    assert step.refusal
    assert make_redirects(run, [step]) == []
    assert not Redirect.objects.exists()


def test_a_candidate_that_went_meanwhile_is_not_led_to() -> None:
    post = derived(path="/2026/11/記事/")
    run = continue_proof(begin_proof(None, "list", ["/blog/記事/"]).pk)
    steps = plan_redirects(run.items.all())
    Post.objects.update(state=Post.State.DRAFT)
    steps[0].post.refresh_from_db()
    assert make_redirects(run, steps) == []
    assert post.pk


# --- Reports ------------------------------------------------------------------------------------------------------------


def test_a_report_is_a_table_that_spreadsheets_read_and_no_cell_is_a_formula() -> None:
    derived(path="/a/", title="x")
    run = continue_proof(begin_proof(None, "list", ["/a/", "=cmd|' /C calc'!A0", "+1", "@x", '/b,"c/']).pk)
    text = "".join(write_csv(stored_proofs(run)))
    assert text.startswith("\ufeffaddress,path,outcome,status,location,candidate,note\r\n")
    rows = list(csv.DictReader(io.StringIO(text[1:])))
    assert [row["address"] for row in rows] == ["/a/", "'=cmd|' /C calc'!A0", "'+1", "'@x", '/b,"c/']
    assert (inert("\t=1"), inert("a\r\nb"), inert(None)) == ("' =1", "a  b", "")
    data = json.loads("".join(write_json(stored_proofs(run, "unusable"), {"run": run.pk})))
    assert data["run"] == run.pk
    assert [entry["address"] for entry in data["addresses"]] == ["=cmd|' /C calc'!A0", "+1", "@x"]
    assert json.loads("".join(write_json([], {}))) == {"addresses": []}


def run_command(*arguments: Any, **options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("prove_urls", *arguments, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_the_command_proves_a_list_and_writes_reports(tmp_path: Path) -> None:
    derived(path="/a/")
    (tmp_path / "list.csv").write_text("url\n/a/\nhttps://old.example/a\n", encoding="utf-8")
    with pytest.raises(CommandError):
        run_command("--csv", tmp_path / "list.csv")
    out, _err = run_command(
        "--csv",
        tmp_path / "list.csv",
        "--host",
        "www.old.example",
        "--json",
        tmp_path / "r.json",
        "--csv-out",
        tmp_path / "r.csv",
    )
    assert "2" in out
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert report["totals"] == {"ok": 1, "moved": 1}
    assert (tmp_path / "r.csv").read_bytes().startswith(b"\xef\xbb\xbfaddress,")


def test_the_command_finds_the_sitemaps_of_an_index_beside_it(tmp_path: Path) -> None:
    derived(path="/a/")
    (tmp_path / "sitemap.xml").write_text(
        "<sitemapindex><sitemap><loc>http://testserver/sitemap-1.xml</loc></sitemap>"
        "<sitemap><loc>http://testserver/../../etc/passwd</loc></sitemap></sitemapindex>",
        encoding="utf-8",
    )
    (tmp_path / "sitemap-1.xml").write_text("<urlset><url><loc>http://testserver/a/</loc></url></urlset>", encoding="utf-8")
    _out, err = run_command("--sitemap", tmp_path / "sitemap.xml")
    assert "passwd" in err


def test_the_command_proves_sources_and_runs_and_says_what_is_not_public(
    tmp_path: Path, media_root: Path, django_capture_on_commit_callbacks: Any
) -> None:
    files = {name: text for name, text in HUGO.items() if "plan.png" not in name}
    with django_capture_on_commit_callbacks(execute=True):
        run = import_archive(write_with_pictures(tmp_path / "news", files))
    for arguments in ([], ["--source", "old.example/news"], ["--run", str(run.pk)]):
        _out, err = run_command(*arguments)
        assert "1" in err
    Redirect.objects.all().delete()
    Post.objects.filter(source_path="content/posts/Spring.md").update(path="/elsewhere/")
    with pytest.raises(CommandError):
        run_command()


def test_the_command_says_what_it_cannot_do(tmp_path: Path) -> None:
    for arguments in (
        ["--run", "99"],
        ["--source", "none"],
        ["--csv", tmp_path / "none.csv"],
        ["--base", "http://evil.example"],
        ["--host", "???"],
        ["--json", tmp_path / "no" / "folder.json"],
    ):
        with pytest.raises(CommandError):
            run_command(*arguments)
    (tmp_path / "bad.xml").write_text("<html/>", encoding="utf-8")
    with pytest.raises(CommandError):
        run_command("--sitemap", tmp_path / "bad.xml")
    assert not ImportRun.objects.exists()


def test_the_handler_is_made_once_for_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(InProcess, "__init__", lambda self: made.append(self) or setattr(self, "x", 1))
    monkeypatch.setattr(InProcess, "__call__", lambda self, target: Answer(200))
    assert len(list(prove([f"/{number}/" for number in range(250)]))) == 250
    assert len(made) == 1
