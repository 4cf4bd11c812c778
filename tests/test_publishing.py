"""The site as files: what is there is what readers see, what is not public is not there, and only what changed is written."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, unquote_to_bytes

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from articles.changes import forget_all_pages
from articles.editorial import workflow
from articles.findings import RefusedFile
from articles.library import add_media
from articles.models import Change, Post, Source, Tag
from articles.site import publishing
from articles.site.publishing import publish, target
from articles.site.publishing.places import HTML, address_of, natural_place, odd_place, static_address
from articles.site.publishing.rewriting import find_media, rewrite_html
from tests.factories import FIRST_DAY, PostFactory, RedirectFactory
from tests.newsroom import Newsroom
from tests.pictures import draw

CANARY = "秘密の下書きの言葉カナリア"
NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else "")


@pytest.fixture(autouse=True)
def library(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PRIVATE_ROOT = tmp_path / "private"


Stored = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def stored(django_capture_on_commit_callbacks: Stored) -> Stored:
    """Files appear when a transaction commits, which that of a test never does."""
    return django_capture_on_commit_callbacks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "www" / "site"


def state_of(folder: Path) -> Path:
    return folder.with_name(folder.name + ".kawaraban")


def read_tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pages_of(folder: Path) -> dict[str, bytes]:
    """The tree without the site's own static files, which do not change here."""
    return {name: data for name, data in read_tree(folder).items() if not name.startswith("static/")}


# --- Places ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("/", "index.html"),
        ("/2025/11/a/", "2025/11/a/index.html"),
        ("/a.html", "a.html"),
        ("/a", "a"),
        ("/v1.0", "v1.0"),
        ("/%E8%A8%98%E4%BA%8B/%E6%98%A5%20%E3%81%AE/", "記事/春 の/index.html"),
        ("/100%25/%3Fa%23b/", "100%/?a#b/index.html"),
    ],
)
def test_an_address_becomes_the_file_of_its_name_and_back(address: str, file: str) -> None:
    assert natural_place(address, HTML) == file
    assert address_of(file) == quote(file.removesuffix("index.html")).join(["/", ""])


@pytest.mark.parametrize(
    "address",
    [
        "/../../etc/passwd",
        "/a/%2e%2e/b/",
        "/.htaccess",
        "/a//b/",
        "/a/index.html",
        "/notes.txt",
        "/a.gz",
        "/_addresses/a/",
        "/a%5C..%5Cb/",
        "/%00/",
        "/" + "%E3%81%82" * 85 + "/",
        "/" + "%E3%81%82" * 84 + ".html",
    ],
)
def test_what_no_file_of_its_name_can_hold_gets_a_name_that_can_escape_nothing(address: str) -> None:
    assert natural_place(address, HTML) == ""
    folder, _slash, name = odd_place(address, HTML).rpartition("/")
    assert folder == "_addresses"
    assert name.removesuffix(".html").isalnum()
    assert len(name) < 60


def test_older_pages_have_an_address_without_a_query() -> None:
    assert static_address("/tags/a/?before=1700000000000000-1") == "/tags/a/page/1700000000000000-1/"
    assert static_address("/?before=1-2") == "/page/1-2/"
    assert static_address("/tags/?from=%E3%81%82").startswith("/tags/page/")
    assert static_address("/sitemap-posts.xml?from=/a").startswith("/sitemap-posts-")
    assert static_address("/tags/a/?before=../../x") == ""
    assert static_address("/tags/a/?utm=1") == ""


# --- Links -----------------------------------------------------------------------------------------------------------


def test_only_whole_links_of_this_site_are_changed() -> None:
    text = (
        '<p>?before=1-2 &lt;a href="?before=1-2"&gt;</p>\n<script>var a = \'<a href="?before=1-2">\';</script>\n'
        '<a title="?before=1-2" href="?before=1-2">a</a> <a href=\'/x/?before=3-4&amp;y=1\'>b</a>'
        '<a href="https://elsewhere.example/?before=1-2">c</a><a rel="prev" href="?">d</a><a href="#main">e</a>'
    )
    changed = rewrite_html(text, "http://testserver/tags/a/?before=9-9", "/tags/a/page/9-9/", static_address)
    assert changed == text.replace('href="?before=1-2">a', 'href="/tags/a/page/1-2/">a').replace(
        'href="?">', 'href="/tags/a/">'
    ).replace("'/x/?before=3-4&amp;y=1'", "'/x/?before=3-4&amp;y=1'")


def test_pictures_are_found_however_a_page_writes_their_names() -> None:
    folder = "ab/0123456789abcdef/"
    text = (
        f'<img src="/media/{folder}写真.png" srcset="/media/{folder}_1-480.jpg 480w"> {quote("/media/" + folder + "図 1.png")} '
    )
    assert {folder + "写真.png", folder + "_1-480.jpg"} <= find_media(text)
    assert find_media(json.dumps(f"/media/{folder}写真.png")) == {folder + "写真.png"}


# --- What is there ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_page_is_what_the_site_answers(client: Client, folder: Path) -> None:
    post = PostFactory(path="/記事/春の市/", categories=["政策"], tags=["市場"], authors=["政策班"])
    PostFactory(path="/about.html", kind=Post.Kind.PAGE, published_at=None)
    PostFactory(path="/bare")
    report = publish(folder, search_url="/search/")
    assert report.refused == []
    for address in (
        post.get_absolute_url(),
        "/about.html",
        "/bare",
        "/",
        "/rss.xml",
        "/tags/",
        "/categories/",
        "/archives/",
        "/feeds/",
    ):
        assert (folder / natural_place(address, client.get(address).headers["Content-Type"])).read_bytes() == client.get(
            address
        ).content
    names = read_tree(folder)
    assert {
        "記事/春の市.md",
        "bare.md",
        "atom.xml",
        "feed.json",
        "sitemap.xml",
        "sitemap-posts.xml",
        "robots.txt",
        "llms.txt",
    } <= set(names)
    assert {"404.html", "manifest.webmanifest", "static/css/site.css", "2026/index.html", "2026/11/index.html"} <= set(names)
    assert any(name.startswith("tags/") and name.endswith("/rss.xml") for name in names)
    assert not any(name.startswith(("static/admin/", "admin/", "api/", "search/")) for name in names)
    for name in names:
        if name.endswith(".gz"):
            assert gzip.decompress(names[name]) == names[name.removesuffix(".gz")]


@pytest.mark.django_db
def test_nothing_of_what_is_not_public_is_in_the_folder_or_beside_it(folder: Path, stored: Stored) -> None:
    hidden = {
        "title": CANARY,
        "body": CANARY,
        "body_html": f"<p>{CANARY}</p>",
        "plain_text": CANARY,
        "tags": [CANARY],
        "categories": [CANARY],
    }
    with stored(execute=True):
        secret = add_media(draw(1), f"{CANARY}.png")
    PostFactory(state=Post.State.DRAFT, path="/canary-draft/", cover=secret, **hidden)
    PostFactory(state=Post.State.IN_REVIEW, path="/canary-review/", **hidden)
    PostFactory(path="/canary-later/", published_at=timezone.now() + timedelta(days=1), state=Post.State.SCHEDULED, **hidden)
    PostFactory(path="/canary-expired/", expires_at=timezone.now() - timedelta(days=1), **hidden)
    trashed = PostFactory(path="/canary-trash/", trashed_at=timezone.now(), **hidden)
    RedirectFactory(old_path="/canary-former/", post=trashed)
    shown = PostFactory(path="/shown/", title="公開の記事")
    publish(folder)
    everything = {**read_tree(folder), **read_tree(state_of(folder))}
    needles = (CANARY.encode(), quote(CANARY).encode(), b"canary", secret.public_name.encode())
    assert [
        name for name, data in everything.items() for needle in needles if needle in data or needle in os.fsencode(name)
    ] == []
    assert b"/shown/" in everything["index.html"]
    assert shown.title.encode() in everything["shown/index.html"]


@pytest.mark.django_db
def test_only_files_that_public_pages_show_are_brought_along(folder: Path, stored: Stored) -> None:
    with stored(execute=True):
        used, cover, unused = (add_media(draw(number), f"写真{number}.png") for number in range(3))
    PostFactory(path="/a/", body_html=f'<p><img src="{used.url}" alt="写真"></p>', cover=cover)
    publish(folder)
    names = {name.removeprefix("media/") for name in read_tree(folder) if name.startswith("media/")}
    assert names == {used.public_name, cover.public_name}
    assert unused.public_name not in names
    Post.objects.all().delete()
    publish(folder)
    assert not (folder / "media").exists()


# --- Only what changed -----------------------------------------------------------------------------------------------


def stamps(folder: Path) -> dict[str, int]:
    return {
        str(path): path.stat().st_mtime_ns for path in [*folder.rglob("*"), *state_of(folder).rglob("*.conf")] if path.is_file()
    }


@pytest.mark.django_db
def test_a_second_run_writes_no_file_and_asks_for_no_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PostFactory.create_batch(3, tags=["市場"])
    first = publish(folder)
    before = stamps(folder)
    asked: list[str] = []
    real = publishing.OwnHandler.ask_noting
    monkeypatch.setattr(publishing.OwnHandler, "ask_noting", lambda self, *args: asked.append(args[0]) or real(self, *args))
    second = publish(folder)
    assert (second.written, second.removed, second.is_proved, second.changed_tables) == (0, 0, True, [])
    assert second.unchanged == first.written + first.unchanged
    assert asked == []
    third = publish(folder, everything=True)
    assert (third.written, third.removed, third.changed_tables) == (0, 0, [])
    assert len(asked) > 20
    assert stamps(folder) == before


@pytest.mark.django_db
def test_a_changed_title_writes_what_shows_it_and_nothing_else(folder: Path) -> None:
    post = PostFactory(path="/a/", tags=["市場"], published_at=FIRST_DAY)
    for number in range(4):
        PostFactory(path=f"/other-{number}/", tags=["別"], published_at=FIRST_DAY + timedelta(days=number + 2))
    publish(folder)
    before = read_tree(folder)
    Post.objects.filter(pk=post.pk).update(title="新しい題名")
    publish(folder)
    after = read_tree(folder)
    changed = {name for name in after if after[name] != before.get(name) and not name.endswith(".gz")}
    assert {"a/index.html", "a.md", "index.html", "rss.xml"} <= changed
    assert not {"other-2/index.html", "other-2.md", "tags/別/index.html", "static/css/site.css"} & changed


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that runs ask for."""
    addresses: list[str] = []
    real = publishing.OwnHandler.ask_noting
    monkeypatch.setattr(publishing.OwnHandler, "ask_noting", lambda self, *args: addresses.append(args[0]) or real(self, *args))
    return addresses


@pytest.mark.django_db
def test_a_changed_text_has_only_pages_asked_that_show_it_or_cannot_tell(folder: Path, asked: list[str]) -> None:
    post = PostFactory(path="/a/", tags=["市場"], published_at=FIRST_DAY)
    others = [f"/other-{number}/" for number in range(30)]
    for number, path in enumerate(others):
        PostFactory(path=path, tags=["別"], published_at=FIRST_DAY + timedelta(hours=number + 2))
    publish(folder)
    assert {*others, "/tags/%E5%88%A5/", "/"} <= set(asked)
    asked.clear()
    Post.objects.filter(pk=post.pk).update(body_html="<p>書き直した本文。</p>")
    report = publish(folder)
    assert {"/a/", "/a.md"} <= set(asked)
    assert not {*others, "/tags/%E5%88%A5/", "/"} & set(asked)
    assert report.written
    assert "書き直した本文".encode() in (folder / "a/index.html").read_bytes()
    assert publish(folder, mode="check").differing == []


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_after_any_edits_the_files_are_what_the_site_answers(folder: Path, seed: int, clock: list[timedelta]) -> None:
    newsroom = Newsroom(seed, clock)
    publish(folder)
    for _step in range(12):
        for _each in range(newsroom.random.choice((1, 1, 1, 4))):
            newsroom.random.choice(newsroom.actions())()
        publish(folder)
        assert publish(folder, mode="check").differing == []


@pytest.mark.django_db
def test_a_page_with_a_fault_is_asked_again_though_nothing_changed_since(
    folder: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    post = PostFactory(path="/a/")
    PostFactory(path="/b/")
    publish(folder)
    Post.objects.filter(pk=post.pk).update(body_html="<p>書き直した本文。</p>")
    with monkeypatch.context() as patched:
        patched.setattr("articles.site.views.render_post", lambda *_args: 1 / 0)
        assert [address for address, _finding in publish(folder).refused] == ["/a/"]
    assert "書き直した本文".encode() not in (folder / "a/index.html").read_bytes()
    asked.clear()
    assert publish(folder).refused == []
    assert "/a/" in asked
    assert "/b/" not in asked
    assert "書き直した本文".encode() in (folder / "a/index.html").read_bytes()


@pytest.mark.django_db
@pytest.mark.parametrize("changed", ["an hour", "the program", "a source", "the search", "the outbox", "the database"])
def test_where_it_is_not_known_what_changed_every_page_is_asked(
    folder: Path, changed: str, clock: list[timedelta], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    post = PostFactory(path="/a/")
    PostFactory(path="/b/")
    publish(folder)
    asked.clear()
    Post.objects.filter(pk=post.pk).update(body_html="<p>書き直した本文。</p>")
    if changed == "an hour":
        clock[0] = timedelta(hours=1)
    if changed == "the program":
        monkeypatch.setattr("articles.release.VERSION", "9.9.9")
    if changed == "a source":
        Source.objects.create(name="旧サイト", dialect="hugo")
    if changed == "the outbox":
        forget_all_pages()
    if changed == "the database":
        # A backup that was brought back has told other things under the same numbers.
        Change.objects.update(at=timezone.now() - timedelta(minutes=3))
    publish(folder, search_url="/search/" if changed == "the search" else "")
    assert {"/a/", "/b/", "/"} <= set(asked)


@pytest.mark.django_db
@pytest.mark.parametrize("done", ["trashed", "deleted", "moved", "redirected"])
def test_what_becomes_of_a_withdrawn_post_is_told_to_the_server_and_no_page_is_made_for_it(
    folder: Path, done: str, asked: list[str]
) -> None:
    PostFactory(path="/a/")
    post = PostFactory(path="/gone/", state=Post.State.WITHDRAWN)
    publish(folder)
    assert publish(folder).is_proved
    assert ["/gone/", "410", ""] in read_redirects(folder)
    asked.clear()
    if done == "trashed":
        Post.objects.filter(pk=post.pk).update(trashed_at=timezone.now())
    if done == "deleted":
        Post.objects.filter(pk=post.pk).delete()
    if done == "moved":
        Post.objects.filter(pk=post.pk).update(path="/gone-elsewhere/")
    if done == "redirected":
        RedirectFactory(post=post, old_path="/older/")
    publish(folder)
    gone = {address for address, status, _location in read_redirects(folder) if status == "410"}
    wanted = {"moved": {"/gone-elsewhere/", "/gone-elsewhere.md"}, "redirected": {"/gone/", "/gone.md", "/older/"}}
    assert gone == wanted.get(done, set())
    assert "/a/" not in asked
    assert publish(folder, mode="check").differing == []


@pytest.mark.django_db
def test_a_file_that_is_gone_or_changed_in_size_is_made_again(folder: Path, asked: list[str]) -> None:
    for path in ("/a/", "/b/", "/c/"):
        PostFactory(path=path)
    publish(folder)
    (folder / "a/index.html").unlink()
    (folder / "b/index.html").write_bytes(b"x")
    asked.clear()
    publish(folder)
    assert {"/a/", "/b/"} <= set(asked)
    assert "/c/" not in asked
    assert publish(folder, mode="check").differing == []


@pytest.mark.django_db
def test_only_named_addresses_are_asked(folder: Path) -> None:
    one, other = PostFactory(path="/a/"), PostFactory(path="/b/")
    publish(folder)
    Post.objects.filter(pk__in=[one.pk, other.pk]).update(title="新しい題名")
    report = publish(folder, only=["/a/"])
    assert (report.written, report.removed) == (1, 0)
    assert "新しい題名".encode() in (folder / "a/index.html").read_bytes()
    assert "新しい題名".encode() not in (folder / "b/index.html").read_bytes()
    assert not publish(folder).is_proved
    assert "新しい題名".encode() in (folder / "b/index.html").read_bytes()


@pytest.mark.django_db
def test_a_scheduled_post_is_there_with_the_next_run_after_its_minute(folder: Path) -> None:
    PostFactory(path="/now/")
    post = PostFactory(path="/soon/", state=Post.State.SCHEDULED, published_at=timezone.now() + timedelta(hours=1))
    publish(folder)
    assert publish(folder).is_proved
    assert not (folder / "soon").exists()
    Post.objects.filter(pk=post.pk).update(published_at=timezone.now() - timedelta(seconds=1))
    publish(folder)
    assert (folder / "soon/index.html").exists()


@pytest.mark.django_db(transaction=True)
def test_a_withdrawn_text_vanishes_and_its_address_is_gone(folder: Path) -> None:
    post = workflow.publish(
        workflow.save_post(Post(), None, {"title": "消える記事", "body": "本文。", "path": "/old/deep/a/"}), None
    )
    PostFactory(path="/stays/")
    publish(folder)
    assert (folder / "old/deep/a/index.html").exists()
    workflow.withdraw(post, None)
    report = publish(folder)
    assert report.removed >= 2
    tree = read_tree(folder)
    assert not any(
        "消える記事".encode() in (gzip.decompress(data) if name.endswith(".gz") else data) for name, data in tree.items()
    )
    assert not (folder / "old").exists()
    assert ["/old/deep/a/", "410", ""] in read_redirects(folder)
    assert (folder / "410.html").exists()


@pytest.mark.django_db(transaction=True)
def test_a_post_that_moved_leaves_a_redirect_and_no_file(folder: Path) -> None:
    post = workflow.publish(workflow.save_post(Post(), None, {"title": "移る記事", "body": "本文。", "path": "/old/a/"}), None)
    publish(folder)
    workflow.save_post(post, None, {"path": "/新しい/a/"})
    publish(folder)
    assert not (folder / "old").exists()
    assert (folder / "新しい/a/index.html").exists()
    assert ["/old/a/", "301", post_address("/新しい/a/")] in read_redirects(folder)


@pytest.mark.django_db(transaction=True)
def test_a_term_that_moved_leaves_redirects_for_its_list_and_feeds_and_no_file(folder: Path) -> None:
    PostFactory(tags=["旧"])
    publish(folder)
    assert (folder / "tags/旧/index.html").exists()
    tag = Tag.objects.get()
    tag.slug = "new"
    tag.save()
    publish(folder)
    assert not (folder / "tags/旧").exists()
    listed = read_redirects(folder)
    for name in ("", "rss.xml", "atom.xml", "feed.json"):
        assert [quote(f"/tags/旧/{name}"), "301", f"/tags/new/{name}"] in listed


def post_address(path: str) -> str:
    return Post(path=path).get_absolute_url()


def read_redirects(folder: Path) -> list[list[str]]:
    return [line.split(",") for line in (state_of(folder) / "redirects.csv").read_text().splitlines()]


# --- Pages of lists --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_new_post_changes_the_first_page_of_a_list_and_no_older_one(folder: Path, settings: Any) -> None:
    for number in range(50):
        PostFactory(path=f"/p{number}/", tags=["市場"], published_at=FIRST_DAY - timedelta(days=number))
    publish(folder)
    before = {name for name in read_tree(folder) if name.startswith("tags/市場/page/")}
    assert len([name for name in before if name.endswith(".html")]) == 2
    PostFactory(path="/new/", tags=["市場"], published_at=FIRST_DAY + timedelta(days=1))
    old = stamps(folder)
    publish(folder)
    assert {name for name in read_tree(folder) if name.startswith("tags/市場/page/")} == before
    again = {name for name, stamp in stamps(folder).items() if old.get(name) != stamp}
    assert not any("/tags/市場/page/" in name for name in again)


@pytest.mark.django_db
def test_who_follows_the_pages_of_a_list_meets_every_post(folder: Path) -> None:
    for number in range(70):
        PostFactory(path=f"/p{number}/", tags=["市場"], published_at=FIRST_DAY - timedelta(days=number // 3))
    publish(folder)
    assert follow(folder, "/") == {f"/p{number}/" for number in range(70)}
    assert follow(folder, post_address("/tags/市場/")) == {f"/p{number}/" for number in range(70)}


def follow(folder: Path, address: str) -> set[str]:
    met: set[str] = set()
    while address:
        text = (folder / natural_place(address, HTML)).read_text()
        assert "before=" not in text
        met |= set(re.findall(r'href="(/p[0-9]+/)"', text))
        following = re.search(r'<a rel="next" href="([^"]*)"', text)
        address = following[1] if following else ""
    return met


@pytest.mark.django_db
def test_parts_of_an_index_and_of_the_sitemap_are_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("articles.site.indexes.PAGE_SIZE", 2)
    monkeypatch.setattr("articles.site.sitemaps.PAGE_SIZE", 2)
    for number in range(5):
        PostFactory(path=f"/記事{number}/", tags=[f"言葉{number}"])
    publish(folder)
    named = re.findall(r"<loc>http://testserver/([^<]*)</loc>", (folder / "sitemap.xml").read_text())
    assert len(named) == 3
    assert "?" not in "".join(named)
    files = "".join((folder / name).read_text() for name in named)
    assert all(post_address(f"/記事{number}/") in files for number in range(5))
    tags = "".join(path.read_text() for path in (folder / "tags").glob("**/index.html"))
    assert all(post_address(f"/tags/言葉{number}/") in tags for number in range(5))
    assert len(list((folder / "tags/page").iterdir())) == 2


# --- Whatever happens ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("moves", [0, 1, 7, 40])
def test_a_run_that_was_killed_is_finished_by_the_next(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    for number in range(6):
        PostFactory(path=f"/p{number}/", tags=["市場"])
    monkeypatch.setattr(target, "AT_ONCE", 5)
    real, left = target._move, [moves]

    def move(*places: Path) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise SystemExit(9)
        real(*places)

    with monkeypatch.context() as patch:
        patch.setattr(target, "_move", move)
        patch.setattr(target.shutil, "rmtree", lambda *args, **kwargs: None)
        with pytest.raises(SystemExit):
            publish(folder)
    # What was half done is changed meanwhile, so that no file is right by chance.
    Post.objects.update(title="別の題名")
    report = publish(folder)
    assert report.refused == []
    fresh = tmp_path / "www" / "fresh"
    publish(fresh)
    assert read_tree(folder) == read_tree(fresh)
    assert publish(folder, mode="check").differing == []


@pytest.mark.django_db
def test_a_file_that_did_not_come_from_here_is_named_and_left_alone(folder: Path) -> None:
    PostFactory(path="/a/")
    PostFactory(path="/b/")
    publish(folder)
    (folder / "c").mkdir()
    for name in ("c/index.html", "verify.txt", "a/mine.txt"):
        (folder / name).write_text("mine")
    PostFactory(path="/c/")
    Post.objects.filter(path="/a/").delete()
    report = publish(folder)
    assert [address for address, _finding in report.refused] == ["/c/"]
    assert "c/index.html" in str(report.refused[0][1])
    assert {(folder / name).read_text() for name in ("c/index.html", "verify.txt", "a/mine.txt")} == {"mine"}
    assert not (folder / "a/index.html").exists()
    assert publish(folder, adopt=True).refused == []
    assert (folder / "c/index.html").read_text() != "mine"
    assert (folder / "verify.txt").read_text() == "mine"
    assert publish(folder, mode="check").differing == ["a/mine.txt", "verify.txt"]


@pytest.mark.django_db
def test_a_link_in_the_folder_leads_no_file_out_of_it(folder: Path, tmp_path: Path) -> None:
    PostFactory(path="/b/")
    publish(folder)
    (tmp_path / "elsewhere").mkdir()
    (folder / "out").symlink_to(tmp_path / "elsewhere")
    PostFactory(path="/out/a/")
    assert [address for address, _finding in publish(folder).refused] == ["/out/a/", "/out/a.md"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.django_db
def test_a_folder_that_holds_other_things_is_refused(folder: Path, settings: Any, tmp_path: Path) -> None:
    for place in (
        Path("/"),
        Path.home(),
        settings.BASE_DIR,
        settings.MEDIA_ROOT,
        settings.MEDIA_ROOT / "ab",
        settings.PRIVATE_ROOT,
        tmp_path,
    ):
        with pytest.raises(RefusedFile):
            publish(place)
    folder.mkdir(parents=True)
    (folder / "letters.txt").write_text("mine")
    with pytest.raises(RefusedFile, match="--adopt"):
        publish(folder)
    publish(folder, adopt=True)
    assert (folder / "letters.txt").read_text() == "mine"


@pytest.mark.django_db
def test_two_runs_at_once_do_not_meet(folder: Path) -> None:
    PostFactory(path="/a/")
    publish(folder)
    with target.Target(folder), pytest.raises(RefusedFile, match="Another run"):
        publish(folder)


@pytest.mark.django_db
def test_a_site_under_maintenance_is_not_published_and_loses_nothing(folder: Path, settings: Any, tmp_path: Path) -> None:
    settings.MAINTENANCE_FILE = tmp_path / "maintenance.txt"
    PostFactory(path="/a/")
    publish(folder)
    before = read_tree(folder)
    settings.MAINTENANCE_FILE.write_text("")
    Post.objects.all().delete()
    with pytest.raises(RefusedFile, match="503"):
        publish(folder)
    assert read_tree(folder) == before
    settings.MAINTENANCE_FILE.unlink()
    publish(folder)
    assert not (folder / "a").exists()


@pytest.mark.django_db
def test_a_page_with_a_fault_stays_as_it_was_and_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    post = PostFactory(path="/a/")
    publish(folder)
    before = (folder / "a/index.html").read_bytes()
    Post.objects.filter(pk=post.pk).update(title="新しい題名", outline=[["broken"]])
    report = publish(folder)
    assert [address for address, _finding in report.refused] == ["/a/"]
    assert (folder / "a/index.html").read_bytes() == before
    assert not publish(folder).is_proved


@pytest.mark.django_db
def test_a_dry_run_and_a_check_write_nothing(folder: Path) -> None:
    post = PostFactory(path="/a/")
    report = publish(folder, mode="dry-run")
    assert report.written > 20
    assert not folder.exists()
    assert not state_of(folder).exists()
    publish(folder)
    before = read_tree(folder.parent)
    assert publish(folder, mode="check").differing == []
    Post.objects.filter(pk=post.pk).update(title="新しい題名")
    assert "/a/" in publish(folder, mode="check").differing
    assert publish(folder, mode="dry-run").written > 2
    assert read_tree(folder.parent) == before
    publish(folder)
    (folder / "a/index.html").write_bytes((folder / "a/index.html").read_bytes()[:-1] + b" ")
    assert publish(folder, mode="check").differing == ["/a/"]


# --- The command -----------------------------------------------------------------------------------------------------


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("publish_static", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.django_db
def test_the_command_says_what_it_did_and_what_files_cannot_do(folder: Path, settings: Any) -> None:
    settings.LANGUAGE_CODE = "en"
    PostFactory(path="/a/")
    said = run(str(folder))
    assert "0 removed" in said
    assert "--search-url" in said
    assert "Reload the web server" in said
    assert "Nothing that readers see changed" in run(str(folder))
    assert "0 written" in run(str(folder), "--check")
    (folder / "a/index.html").unlink()
    with pytest.raises(CommandError):
        run(str(folder), "--check")
    with pytest.raises(CommandError, match="static-publishing"):
        run("s3://bucket/site")


@pytest.mark.django_db
def test_pages_offer_no_search_or_that_of_another_place(folder: Path) -> None:
    PostFactory(path="/a/")
    publish(folder)
    assert not any(b"/search/" in data for name, data in pages_of(folder).items() if name.endswith(".html"))
    publish(folder, search_url="https://search.example.jp/search/")
    assert b'href="https://search.example.jp/search/"' in (folder / "a/index.html").read_bytes()
    assert b'action="https://search.example.jp/search/"' in (folder / "404.html").read_bytes()
    rows = [json.loads(line) for line in (state_of(folder) / "files.jsonl").read_text().splitlines()]
    policy = next(row["headers"]["Content-Security-Policy"] for row in rows if row["address"] == "/a/")
    assert "form-action 'self' https://search.example.jp" in policy


@pytest.mark.django_db
def test_a_bucket_is_told_the_key_the_type_and_the_headers_of_every_file(folder: Path) -> None:
    PostFactory(path="/記事/a/", language="en")
    PostFactory(path="/b")
    publish(folder)
    rows = {row["key"]: row for row in map(json.loads, (state_of(folder) / "files.jsonl").read_text().splitlines())}
    assert rows["記事/a/"]["file"] == "記事/a/index.html"
    assert rows["記事/a/"]["headers"]["Content-Language"] == "en"
    assert rows["b"]["headers"]["Content-Type"] == HTML
    assert rows["b.md"]["headers"]["Content-Type"] == "text/markdown; charset=utf-8"
    assert rows[""]["file"] == "index.html"


# --- Through nginx ---------------------------------------------------------------------------------------------------

HOSTILE = (
    "/a b/",
    '/a"b/',
    "/a'b/",
    "/a$b/",
    "/a$uri/",
    "/a;b/",
    "/a{b}/",
    "/a\\b/",
    "/a%b/",
    "/a%2Fb/",
    "/a?b/",
    "/a#b/",
    "/~^/.*$/",
    "/default/",
    "/.hidden/",
    "/a//b/",
    "/" + "長" * 100 + "/",
    "/" + "長" * 100,
    "/file",
    "/file/below/",
    "/Case/",
    "/case/",
    "/case/index.html",
    "/notes.txt",
    "/page.html",
    "/v1.0",
    "/data.gz",
    "/404.html",
    "/が/ぎ/",
    "/絵文字😀/",
    "/a&b=c+d/",
    "/*/",
    "/(x)/[y]/",
    "/static-looking/",
    "/media/section/",
    "/2025/",
)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Path], int]]:
    """Starts nginx on a published folder; gives its port."""
    if not NGINX:
        pytest.skip("nginx: not installed")
    started: list[subprocess.Popen[bytes]] = []

    def start(folder: Path) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        state, work = state_of(folder), tmp_path / f"nginx-{port}"
        work.mkdir()
        user = "user root;" if os.geteuid() == 0 else ""
        temporary = "".join(f"{name}_temp_path {work}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (work / "nginx.conf").write_text(
            f"{user} daemon off; pid {work}/pid; error_log {work}/error.log; events {{ worker_connections 64; }}\n"
            f"http {{ access_log off; {temporary} include {state}/nginx-http.conf;\n"
            f"server {{ listen 127.0.0.1:{port}; server_name _; include {state}/nginx-server.conf; }} }}\n"
        )
        command = [NGINX, "-p", str(work), "-e", str(work / "error.log"), "-c", str(work / "nginx.conf")]
        tested = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=60)
        assert tested.returncode == 0, tested.stderr
        started.append(subprocess.Popen(command))
        for _try in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return port
            time.sleep(0.05)
        raise AssertionError((work / "error.log").read_text())

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=30)


def fetch(port: int, address: str, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", address, headers={"Host": "testserver", **headers})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, answer.headers


COMPARED = (
    *("Content-Type", "Content-Language", "Content-Security-Policy", "Cache-Control", "Link", "X-Robots-Tag"),
    *("X-Frame-Options", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy", "Content-Disposition"),
)


def ask(client: Client, address: str) -> Any:
    """What Django answers at a percent-encoded address, as the handler of a server would ask."""
    path, _mark, query = address.partition("?")
    return client.generic("GET", "/", PATH_INFO=unquote_to_bytes(path).decode("latin-1"), QUERY_STRING=query)


@pytest.mark.django_db
def test_nginx_answers_every_address_as_the_site_does(
    client: Client, folder: Path, serve: Callable[[Path], int], stored: Stored
) -> None:
    with stored(execute=True):
        picture = add_media(draw(5), "写真.png")
        paper = add_media(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n", "資料.pdf")
    film = '<p><a href="https://www.youtube.com/watch?v=dQw4w9WgXcQ">film</a></p>'
    for number, path in enumerate(HOSTILE):
        PostFactory(
            path=path, title=f"記事 {number}", language="en" if number % 5 == 0 else "", noindex=number % 7 == 0, tags=["市場"]
        )
    for number in range(30):
        PostFactory(path=f"/many/{number}/", tags=["市場"])
    PostFactory(path="/shown/", body_html=f'<p><img src="{picture.url}" alt="写"></p><p><a href="{paper.url}">資料</a></p>{film}')
    report = publish(folder, search_url="/search/")
    assert report.refused == []
    port = serve(folder)
    rows = [json.loads(line) for line in (state_of(folder) / "files.jsonl").read_text().splitlines()]
    compared, wrong = 0, []
    for row in rows:
        address = row["address"]
        if not address.startswith("/"):
            continue
        expected = ask(client, address)
        status, body, headers = fetch(port, address)
        data = b"".join(expected) if expected.streaming else expected.content
        if "/page/" in address and expected.status_code == 404:
            # A page of a list, which only files have at this address.
            continue
        compared += 1
        # nginx knows no way to write a dollar; in an address it means what its code means.
        wanted = {name: (expected.headers.get(name) or "").replace("$", "%24") for name in COMPARED}
        if wanted["Content-Disposition"].startswith("inline"):
            # Django names a picture whose name is not English, which is what its address does; HEAD and a server do not.
            wanted["Content-Disposition"] = ""
        told = {name: (headers[name], value) for name, value in wanted.items() if (headers[name] or "") != value}
        is_list = b"before=" in data
        if status != 200 or expected.status_code != 200 or (body != data and not is_list) or told:
            wrong.append((address, status, expected.status_code, body == data, told))
    assert wrong == [], "\n".join(map(str, wrong))
    assert compared > 2 * len(HOSTILE)


@pytest.mark.django_db
def test_nginx_sends_older_pages_packed_texts_and_parts(folder: Path, serve: Callable[[Path], int]) -> None:
    for number in range(45):
        PostFactory(path=f"/p{number}/", tags=["市場"])
    publish(folder)
    port = serve(folder)
    text = (folder / "tags/市場/index.html").read_text()
    older = re.search(r'<a rel="next" href="([^"]*)"', text)
    assert older
    status, body, headers = fetch(port, older[1], **{"Accept-Encoding": "gzip"})
    assert (status, headers["Content-Encoding"], headers["Content-Type"]) == (200, "gzip", HTML)
    token = older[1].rstrip("/").rpartition("/")[2]
    assert fetch(port, post_address("/tags/市場/") + f"?before={token}")[1] == gzip.decompress(body)
    tag = headers["ETag"]
    assert fetch(port, older[1], **{"Accept-Encoding": "gzip", "If-None-Match": tag})[0] == 304
    # A page that is no longer there is the first one of its list.
    status, _body, headers = fetch(port, post_address("/tags/市場/page/1-1/"))
    assert (status, headers["Location"]) == (302, post_address("/tags/市場/"))
    assert fetch(port, post_address("/tags/市場/") + "?before=1-1")[1].decode() == text
    for address in (
        "/index.html.gz",
        "/_addresses/x.html",
        "/.kawaraban-new/0",
        "/404.html",
        "/p1/index.html.gz",
        "/../etc/passwd",
        "/%00",
    ):
        assert fetch(port, address)[0] in (400, 404)


@pytest.mark.django_db
def test_nginx_leads_on_and_says_what_is_gone_as_the_site_does(
    client: Client, folder: Path, serve: Callable[[Path], int]
) -> None:
    posts = [PostFactory(path=path) for path in ("/new/", "/新しい/が/", "/a$b;c/", "/plain", "/page.html", "/about/")]
    odd = (
        "/古い/",
        "/a b/",
        '/q"uote/',
        "/dol$lar/",
        "/semi;colon/",
        "/back\\slash/",
        "/{brace}/",
        "/~^/",
        "/%/",
        "/About/",
        "/x.php",
        "/old",
    )
    for number, path in enumerate(odd):
        RedirectFactory(old_path=path, post=posts[number % len(posts)])
    RedirectFactory(old_path="/ABOUT/", post=posts[5])
    gone = PostFactory(path="/gone/a/", state=Post.State.WITHDRAWN)
    RedirectFactory(old_path="/gone/former/", post=gone)
    hidden = PostFactory(path="/hidden/", state=Post.State.DRAFT)
    RedirectFactory(old_path="/hidden-former/", post=hidden)
    publish(folder)
    port = serve(folder)
    addresses = [
        post_address(path) for path in (*odd, "/ABOUT/", "/gone/a/", "/gone/a", "/gone/a.md", "/gone/former/", "/nothing/")
    ]
    addresses += [
        post_address(path) for path in ("/hidden/", "/hidden-former/", "/new", "/new.html", "/new/index.html", "/plain/")
    ]
    addresses += [
        post_address(path)
        for path in ("/page/", "/page", "/新しい/が", "/新しい/が.html", "/feed/", "/favicon.ico", "/tags", "/old/")
    ]
    addresses += [post_address(unicodedata.normalize("NFD", "/新しい/が/")), quote(post_address("/新しい/が/"))]
    wrong = []
    for address in addresses:
        expected = ask(client, address)
        status, _body, headers = fetch(port, address)
        found, wanted = (status, headers["Location"]), (expected.status_code, expected.headers.get("Location"))
        if (found[0], unquote(found[1] or "")) != (wanted[0], unquote(wanted[1] or "")):
            wrong.append((address, found, wanted))
    assert wrong == [], "\n".join(map(str, wrong))
