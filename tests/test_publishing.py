"""The site as files: what is there is what readers see, what is not public is not there, and only what changed is written."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from articles import site_settings
from articles.findings import RefusedFile
from articles.models import Post
from articles.site.publishing import Report, publish, target
from articles.site.publishing.places import HTML, address_of, natural_place, odd_place, static_address
from articles.site.publishing.rewriting import find_media, rewrite_html
from tests.factories import FIRST_DAY, PostFactory, RedirectFactory

CANARY = "秘密の下書きの言葉カナリア"
NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else "")


@pytest.fixture(autouse=True)
def library(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PRIVATE_ROOT = tmp_path / "private"


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


# --- Places ---------------------------------------------------------------------------------------------------------------


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


# --- Links ------------------------------------------------------------------------------------------------------------------


def test_only_whole_links_of_this_site_are_changed() -> None:
    text = (
        '<p>?before=1-2 &lt;a href="?before=1-2"&gt;</p>\n<script>var a = \'<a href="?before=1-2">\';</script>\n'
        '<a title="?before=1-2" href="?before=1-2">a</a> <a href=\'/x/?before=3-4&amp;y=1\'>b</a>'
        '<a href="https://elsewhere.example/?before=1-2">c</a><a rel="prev" href="?">d</a><a href="#main">e</a>'
    )
    changed = rewrite_html(text, "http://testserver/tags/a/?before=9-9", "/tags/a/page/9-9/", static_address)
    assert changed == text.replace('href="?before=1-2">a', 'href="/tags/a/page/1-2/">a').replace('href="?">', 'href="/tags/a/">').replace(
        "'/x/?before=3-4&amp;y=1'", "'/x/?before=3-4&amp;y=1'"
    )


def test_pictures_are_found_however_a_page_writes_their_names() -> None:
    folder = "ab/0123456789abcdef/"
    text = f'<img src="/media/{folder}写真.png" srcset="/media/{folder}_1-480.jpg 480w"> {quote("/media/" + folder + "図 1.png")} '
    assert {folder + "写真.png", folder + "_1-480.jpg"} <= find_media(text)
    assert find_media(json.dumps(f"/media/{folder}写真.png")) == {folder + "写真.png"}


# --- What is there ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_page_is_what_the_site_answers(client: Client, folder: Path) -> None:
    post = PostFactory(path="/記事/春の市/", categories=["政策"], tags=["市場"], authors=["政策班"])
    PostFactory(path="/about.html", kind=Post.Kind.PAGE, published_at=None)
    PostFactory(path="/bare")
    report = publish(folder, search_url="/search/")
    assert report.refused == []
    for address in (post.get_absolute_url(), "/about.html", "/bare", "/", "/rss.xml", "/tags/", "/categories/", "/archives/", "/feeds/"):
        assert (folder / natural_place(address, client.get(address).headers["Content-Type"])).read_bytes() == client.get(address).content
    names = read_tree(folder)
    assert {"記事/春の市.md", "bare.md", "atom.xml", "feed.json", "sitemap.xml", "sitemap-posts.xml", "robots.txt", "llms.txt"} <= set(names)
    assert {"404.html", "manifest.webmanifest", "static/css/site.css", "2026/index.html", "2026/11/index.html"} <= set(names)
    assert any(name.startswith("tags/") and name.endswith("/rss.xml") for name in names)
    assert not any(name.startswith(("static/admin/", "admin/", "api/", "search/")) for name in names)
    for name in names:
        if name.endswith(".gz"):
            assert gzip.decompress(names[name]) == names[name.removesuffix(".gz")]
