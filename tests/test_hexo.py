"""Hexo: addresses, the category tree, drafts and the files of posts."""

from __future__ import annotations

from pathlib import Path

import pytest

from articles import formats
from articles.formats.container import open_archive
from articles.formats.document import Document, Site
from articles.formats.hexo import slugize


def read_site(folder: Path, config: str, files: dict[str, str]) -> tuple[Site, dict[str, Document]]:
    for name, text in {"_config.yml": config, "scaffolds/post.md": "x", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    container = open_archive(folder)
    [site] = formats.find_sites(container)
    assert site.dialect == "hexo"
    return site, {
        path: formats.read_document(site, path, container.read(path))
        for path, file in site.files.items()
        if file.role == "document"
    }


def read_post(folder: Path, config: str, name: str, text: str) -> Document:
    return read_site(folder, config, {f"source/_posts/{name}": text})[1][f"source/_posts/{name}"]


POST = "---\ntitle: Hello World\ndate: 2025-03-04 05:06:07\ncategories: [Top, Sub Level]\n---\nBody.\n"


@pytest.mark.parametrize(
    ("config", "name", "address"),
    [
        ("", "a b.md", "/2025/03/04/a b/"),
        ("permalink: ':year/:i_month/:i_day/:hour-:minute-:second/:title.html'\n", "x.md", "/2025/3/4/05-06-07/x.html"),
        ("permalink: ':category/:name/'\n", "deep/x.md", "/Top/Sub-Level/x/"),
        ("permalink: ':category/:title/'\nfilename_case: 1\n", "deep/x.md", "/top/sub-level/deep/x/"),
        ("permalink: ':post_title/'\n", "x.md", "/hello-world/"),
        ("permalink: ':timestamp/'\ntimezone: UTC\n", "x.md", "/1741064767/"),
        ("permalink: ':lang/:title/'\npermalink_defaults: {lang: en}\n", "x.md", "/en/x/"),
        ("permalink: ':title/'\nnew_post_name: ':year-:month-:day-:title.md'\n", "2025-03-04-x.md", "/x/"),
        ("permalink: ':title/'\nnew_post_name: ':year-:month-:day-:title.md'\n", "Undated Name.md", "/Undated-Name/"),
        ("root: /sub/\n", "x.md", "/sub/2025/03/04/x/"),
    ],
)
def test_a_post_has_the_address_of_the_configured_permalink(tmp_path: Path, config: str, name: str, address: str) -> None:
    assert read_post(tmp_path, "title: T\n" + config, name, POST).permalink == address


def test_a_date_may_stand_in_the_file_name(tmp_path: Path) -> None:
    config = "new_post_name: ':year-:month-:day-:title.md'\ntimezone: Asia/Tokyo\n"

    document = read_post(tmp_path, config, "2025-03-04-x.md", "---\ntitle: X\n---\n")

    assert document.published_at
    assert document.published_at.isoformat() == "2025-03-04T00:00:00+09:00"


@pytest.mark.parametrize(
    ("written", "categories"),
    [
        ("[A, B]", [("A", "B")]),
        ("[[A, B], [C]]", [("A", "B"), ("C",)]),
        ("[A, [B, C]]", [("A",), ("B", "C")]),
        ("A", [("A",)]),
        ("技術、科学", [("技術",), ("科学",)]),
        ("[]", []),
    ],
)
def test_a_flat_list_of_categories_is_one_path(tmp_path: Path, written: str, categories: list[tuple[str, ...]]) -> None:
    assert read_post(tmp_path, "title: T\n", "x.md", f"---\ncategories: {written}\n---\n").categories == categories


@pytest.mark.parametrize(
    ("path", "config", "address"),
    [
        ("about/index.md", "", "/about/"),
        ("about/team.md", "", "/about/team.html"),
        ("about/team.md", "pretty_urls: {trailing_html: false}\n", "/about/team"),
        ("index.md", "", "/"),
        ("raw/x.md", "skip_render: ['raw/*']\n", "/raw/x.md"),
    ],
)
def test_a_page_stands_where_its_file_lies(tmp_path: Path, path: str, config: str, address: str) -> None:
    documents = read_site(tmp_path, "title: T\n" + config, {f"source/{path}": "---\ntitle: P\n---\n"})[1]

    assert documents[f"source/{path}"].permalink == address


@pytest.mark.parametrize("path", ["source/_drafts/x.md", "source/_posts/_x.md", "source/_hidden/x.md"])
def test_what_hexo_would_not_publish_is_a_draft(tmp_path: Path, path: str) -> None:
    assert read_site(tmp_path, "title: T\n", {path: POST})[1][path].draft


def test_a_locked_post_stays_a_draft(tmp_path: Path) -> None:
    document = read_post(tmp_path, "title: T\n", "x.md", "---\ntitle: X\npassword: swordfish\n---\n")

    assert document.draft
    assert "swordfish" not in " ".join(finding.message for finding in document.findings)


def test_the_files_of_a_post_are_served_beside_it(tmp_path: Path) -> None:
    files = {"source/_posts/x.md": POST, "source/_posts/x/a.png": "x", "source/_posts/x/deep/b.png": "x", "source/img/c.png": "x"}

    site, _documents = read_site(tmp_path, "post_asset_folder: true\npermalink: ':title/'\n", files)

    assert [site.files[path].public_paths for path in list(files)[1:]] == [("/x/a.png",), ("/x/deep/b.png",), ("/img/c.png",)]


@pytest.mark.parametrize(
    ("text", "case", "slug"),
    [("Hello, World!", "0", "Hello-World"), ("Café Ünï", "1", "cafe-uni"), ("日本 語", "0", "日本-語"), ("C++ & C#", "2", "C-C")],
)
def test_slugs_are_made_as_hexo_makes_them(text: str, case: str, slug: str) -> None:
    assert slugize(text, case=case) == slug
