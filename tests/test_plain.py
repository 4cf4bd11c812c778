"""Loose files, unknown generators, and what every dialect reads alike from front matter."""

from __future__ import annotations

from pathlib import Path

import pytest

from articles import formats
from articles.formats.container import open_archive
from articles.formats.document import Cover, Document
from articles.formats.fields import title_from_name
from articles.formats.sites import clean_address, first_heading, is_web_address, propose_name, split_base_url


def read(folder: Path, text: str, name: str = "x.md") -> Document:
    (folder / name).write_text(text, encoding="utf-8")
    container = open_archive(folder)
    [site] = formats.find_sites(container, dialect="plain", timezone="Asia/Tokyo")
    return formats.read_document(site, name, container.read(name))


def codes(document: Document) -> list[str]:
    return [finding.code for finding in document.findings]


@pytest.mark.parametrize(
    ("keys", "draft", "found"),
    [
        ("draft: true", True, []),
        ("draft: false", False, []),
        ("published: false", True, []),
        ("published: 2025-11-18", False, []),
        ("publish: false", True, []),
        ("private: true", True, []),
        ("ignorePublish: true", True, []),
        ("status: draft", True, []),
        ("status: published", False, []),
        ("status: Pubished", True, ["unknown-status"]),
        ("draft: maybe", True, ["unknown-status"]),
        ("draft: false\npublished: false", True, ["draft-contradiction"]),
        ("status: published\ndraft: true", True, ["draft-contradiction"]),
        ("private:\ndraft: ''", False, []),
        ("password: x", True, ["password"]),
        ("Draft: true", True, []),
        ("Published: no", True, []),
        ("DRAFT: true\ndraft: false", True, ["draft-contradiction"]),
        ("Status: draft", True, []),
        ("date: [2025, 2, 1]", True, ["bad-date"]),
        ("date: {day: 2025-02-01}", True, ["bad-date"]),
        ("date: 2025-02-30", True, ["bad-date"]),
    ],
)
def test_the_more_private_reading_wins(tmp_path: Path, keys: str, draft: bool, found: list[str]) -> None:
    document = read(tmp_path, f"---\ntitle: T\n{keys}\n---\nBody.\n")

    assert (document.draft, codes(document)) == (draft, found)


@pytest.mark.parametrize(
    ("written", "authors"),
    [
        ("編集部", ["編集部"]),
        ("[A, B, A]", ["A", "B"]),
        ("{name: Desk, email: d@example.com}", ["Desk"]),
        ("{display_name: Desk, login: d, email: d@example.com}", ["Desk"]),
        ("[{name: A}, B]", ["A", "B"]),
        ("123", ["123"]),
        ("{email: d@example.com}", []),
    ],
)
def test_authors_come_in_every_shape(tmp_path: Path, written: str, authors: list[str]) -> None:
    assert read(tmp_path, f"---\nauthor: {written}\n---\n").authors == authors


@pytest.mark.parametrize(
    ("written", "cover"),
    [
        ("image: /a.png", Cover("/a.png")),
        ("image: {path: /a.png, alt: A, caption: C}", Cover("/a.png", "A", "C")),
        ("cover: {image: a.png, alt: A}", Cover("a.png", "A")),
        ("cover_image: a.png\ncover_alt: A", Cover("a.png", "A")),
        ("header: {teaser: /t.png}", Cover("/t.png")),
        ("image: [a.png, b.png]", Cover("a.png")),
        ("image: false", None),
        ("image: 'javascript:alert(1)'", None),
        ("image: file:///etc/passwd", None),
    ],
)
def test_covers_come_in_every_shape(tmp_path: Path, written: str, cover: Cover | None) -> None:
    assert read(tmp_path, f"---\n{written}\n---\n").cover == cover


def test_aliases_stay_on_this_site_and_off_the_page_itself(tmp_path: Path) -> None:
    hostile = [
        "//evil.example.net/x",
        "https://evil.example.net/",
        "/\\\\evil",
        "/",
        "",
        "javascript:x",
        "/a%0d%0ab",
        "/../x",
        "/%2F%2Fx",
    ]
    aliases = ", ".join(f'"{text}"' for text in [*hostile, "/kept/", "kept/", "/own", "/other/?q=1"])

    document = read(tmp_path, f"---\npermalink: /own/\naliases: [{aliases}]\n---\n")

    assert document.aliases == ["/kept/", "/other/"]


@pytest.mark.parametrize(
    "text", ["//x/y", "https://x/y", "/a\\b", "/a\nb", "/%0a", "/a/../b", "/a/%2e%2e/b", "", "mailto:x@example.com"]
)
def test_what_is_no_path_of_the_site_is_no_address(text: str) -> None:
    assert clean_address(text) is None


def test_an_address_is_decoded_and_has_no_query() -> None:
    assert clean_address("%E8%A8%98%E4%BA%8B/?a=1#b") == "/記事/"


@pytest.mark.parametrize(
    ("slug", "stored"), [("../../admin", "admin"), ("<img src=x>", "img-src-x"), ("a\\b", "a-b"), ("記事", "記事")]
)
def test_a_hostile_slug_is_made_safe(tmp_path: Path, slug: str, stored: str) -> None:
    document = read(tmp_path, f"---\nslug: '{slug}'\n---\n")

    assert document.slug == stored
    assert ("slug-changed" in codes(document)) == (slug != stored)


def test_a_percent_encoded_slug_or_file_name_is_read_as_the_words_it_stands_for(tmp_path: Path) -> None:
    stated = read(tmp_path, "---\ntitle: T\nslug: '%e7%a9%ba-100%25'\n---\nBody.\n")

    assert (stated.slug, codes(stated)) == ("空-100-25", ["slug-changed"])
    assert read(tmp_path, "---\nslug: '%e7%a9%ba'\n---\nBody.\n").findings == []
    assert title_from_name("posts/%E7%A9%BA_%ff.md") == "空 %ff"


def test_addresses_of_other_sites_must_be_web_addresses(tmp_path: Path) -> None:
    document = read(tmp_path, "---\ncanonical_url: 'javascript:alert(1)'\nsource: https://elsewhere.example.net/1\n---\n")

    assert (document.canonical_url, document.source_url) == ("", "https://elsewhere.example.net/1")
    assert codes(document) == ["unsafe-address", "source-elsewhere"]


@pytest.mark.parametrize(
    "text", ["https://", "http:///x", "https://a b/", "javascript://x", 'https://x/"onload=', "https://[::1"]
)
def test_a_broken_web_address_is_none(text: str) -> None:
    assert not is_web_address(text)


def test_privileged_keys_set_nothing_and_are_named(tmp_path: Path) -> None:
    document = read(tmp_path, "---\nid: 1\npk: 1\nis_staff: true\nauthor_id: 3\ntitle: T\n---\n")

    assert codes(document) == ["privileged-key"] * 4
    assert document.known_keys == {"title"}
    assert [finding.line for finding in document.findings] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("---\ntitle: 2025\n---\n", "2025"),
        ("---\ntitle: {a: b}\n---\n# Heading\n", "Heading"),
        ("---\ntitle:\n---\nHeading\n=======\n", "Heading"),
        ("```\n# code\n```\n", "x"),
        ("---\ntitle: '[[X]]'\n---\n", "[[X]]"),
    ],
)
def test_a_title_is_never_empty(tmp_path: Path, text: str, title: str) -> None:
    assert read(tmp_path, text).title == title


def test_marks_are_no_part_of_a_heading() -> None:
    assert (
        first_heading("text\n\n# **太字**の `code` [[target|alias]] ![alt](x.png) <b>tag</b> ##\n") == "太字の code alias alt tag"
    )


def test_a_readme_is_named_after_its_folder(tmp_path: Path) -> None:
    (tmp_path / "tan").mkdir()

    assert read(tmp_path, "Body.\n", "tan/README.md").title == "tan"


@pytest.mark.parametrize(
    ("config", "name", "content"),
    [
        ("config.toml", "blog.example.com", "base_url = 'https://blog.example.com'\ncompile_sass = true\n"),
        ("mkdocs.yml", "docs.example.com/x", "site_url: https://docs.example.com/x/\n"),
        ("qiita.config.json", "root", '{"includePrivate": false}'),
        ("eleventy.config.js", "root", "export default {}"),
    ],
)
def test_other_generators_are_plain_sites_of_their_own(tmp_path: Path, config: str, name: str, content: str) -> None:
    root = tmp_path / "root"
    (root / "content").mkdir(parents=True)
    (root / config).write_text(content, encoding="utf-8")
    (root / "content/x.md").write_text("---\nlayout: post\npath: /stated/\n---\n", encoding="utf-8")
    container = open_archive(tmp_path)

    [site] = formats.find_sites(container)
    document = formats.read_document(site, "content/x.md", container.read("root/content/x.md"))

    assert (site.root, site.name, document.dialect) == ("root/", name, "plain")
    assert (document.permalink, document.permalink_stated) == (site.base_path + "/stated/", True)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://example.org/a/b/", ("https://example.org/a/b", "/a/b")),
        ("/sub/", ("", "/sub")),
        ("javascript:x", ("", "")),
        ("", ("", "")),
        ("https://[bad", ("", "")),
    ],
)
def test_a_base_url_is_taken_apart(url: str, parts: tuple[str, str]) -> None:
    assert split_base_url(url) == parts


def test_a_placeholder_host_names_no_source() -> None:
    assert propose_name("http://example.com", "my/blog/") == "blog"


# --- what editors and generators without a dialect of their own write


def read_site(folder: Path, files: dict[str, str]) -> dict[str, Document]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    container = open_archive(folder)
    [site] = formats.find_sites(container, default_timezone="Asia/Tokyo")
    assert site.dialect == "plain"
    return {
        path: formats.read_document(site, path, container.read(path))
        for path, file in site.files.items()
        if file.role == "document"
    }


@pytest.mark.parametrize(
    ("keys", "date"),
    [
        ("publishedAt: 2024-05-06", "2024-05-06"),
        ("Date: 2024-05-06", "2024-05-06"),
        ("pubDate: 'May 06 2024'", "2024-05-06"),
        ("date_published: 2024-05-06T00:00:00.000+09:00", "2024-05-06"),
        ("datePublished: Mon May 06 2024 00:00:00 GMT+0900 (Japan Standard Time)", "2024-05-06"),
        ("createdAt: 2024-05-06", "2024-05-06"),
        ("公開日: 令和6年5月6日", "2024-05-06"),
        ("date: Last Modified", ""),
        ("date: git Created", ""),
    ],
)
def test_a_date_is_found_under_the_name_and_spelling_that_the_editor_gave_it(tmp_path: Path, keys: str, date: str) -> None:
    document = read(tmp_path, f"---\ntitle: T\n{keys}\n---\nBody.\n")

    assert (document.published_at.date().isoformat() if document.published_at else "") == date
    assert (document.draft, codes(document)) == (False, [])


@pytest.mark.parametrize(
    ("keys", "date"),
    [
        ("updatedDate: 2024-05-07", "2024-05-07"),
        ("last_update: {date: 2024-05-07, author: x}", "2024-05-07"),
        ("lastUpdated: 2024-05-07", "2024-05-07"),
        ("lastUpdated: true", ""),
        ("dateModified: 2024-05-07", "2024-05-07"),
    ],
)
def test_so_is_the_date_of_a_change(tmp_path: Path, keys: str, date: str) -> None:
    document = read(tmp_path, f"---\ntitle: T\n{keys}\n---\nBody.\n")

    assert (document.updated_at.date().isoformat() if document.updated_at else "") == date
    assert (document.draft, codes(document)) == (False, [])
    assert ("lastUpdated" in document.known_keys) is (bool(date) and "lastUpdated" in keys)


def test_keys_in_another_spelling_become_fields_and_are_told_of_once(tmp_path: Path) -> None:
    text = "---\nTitle: はてな\nCategory:\n- 日記\nCanonical_URL: javascript:x\nUPDATED_AT: 2024-02-30\n---\n本文\n"

    document = read(tmp_path, text)

    assert (document.title, document.categories) == ("はてな", [("日記",)])
    assert sorted(codes(document)) == ["bad-date", "unsafe-address"]
    assert {"Title", "Category"} <= document.known_keys


@pytest.mark.parametrize(
    ("path", "date"),
    [
        ("blog/2024-05-06-welcome/index.md", "2024-05-06"),
        ("blog/2024/05/06/welcome.md", "2024-05-06"),
        ("2024-05-06_note.md", "2024-05-06"),
        ("blog/2024/welcome.md", ""),
        ("blog/2024/13/45/welcome.md", ""),
    ],
)
def test_a_day_in_the_path_is_the_date_of_what_states_none(tmp_path: Path, path: str, date: str) -> None:
    document = read_site(tmp_path, {path: "---\ntitle: T\n---\nx\n", "zola.toml": "base_url='https://example.org'\n"})[path]

    assert (document.published_at.date().isoformat() if document.published_at else "") == date


@pytest.mark.parametrize(("slug", "expected"), [("/", ""), ("/blog/hello/", "hello"), ("/@me/m-1", "m-1"), ("hello", "hello")])
def test_a_slug_that_is_a_path_gives_its_last_part(tmp_path: Path, slug: str, expected: str) -> None:
    document = read(tmp_path, f"---\ntitle: T\nslug: {slug}\n---\nx\n")

    assert (document.slug, codes(document)) == (expected, [])


def test_docusaurus_names_people_and_labels_tags(tmp_path: Path) -> None:
    files = {
        "docusaurus.config.ts": "export default {}\n",
        "blog/authors.yml": "hana:\n  name: 花の係\n  url: https://example.org\n",
        "blog/2024-05-06-a.md": "---\nauthors: [hana, {name: 客員}]\ntags: [{label: 速報, permalink: /x}, 政治]\n---\n# 題\n",
        "README.md": "# 手引き\n",
        "docs/README.md": "# 目次\n",
    }

    documents = read_site(tmp_path, files)

    assert documents["blog/2024-05-06-a.md"].authors == ["花の係", "客員"]
    assert documents["blog/2024-05-06-a.md"].tags == ["速報", "政治"]
    assert sorted(documents) == ["blog/2024-05-06-a.md", "docs/README.md"]


def test_a_vitepress_page_is_none_of_jekylls(tmp_path: Path) -> None:
    documents = read_site(tmp_path, {".vitepress/config.ts": "x", "index.md": "---\nlayout: home\n---\n", "guide/a.md": "# A\n"})

    assert [document.dialect for document in documents.values()] == ["plain", "plain"]


def test_zolas_terms_and_shortcodes_are_read(tmp_path: Path) -> None:
    text = '+++\ntitle = "T"\n[taxonomies]\ntags = ["a"]\ncategories = ["b"]\n+++\nx\n'
    document = read_site(tmp_path, {"config.toml": 'base_url = "https://example.org"\n', "content/a.md": text})["content/a.md"]

    assert (document.tags, document.categories) == (["a"], [("b",)])
    assert "tera" in document.features


def test_an_entry_of_hatena_keeps_its_address_and_its_notation(tmp_path: Path) -> None:
    text = (
        "---\nTitle: 題\nDate: 2024-05-06T10:11:12+09:00\nURL: https://kawara.hatenablog.com/entry/2024/05/06/101112\n"
        "EditURL: https://blog.hatena.ne.jp/kawara/kawara.hatenablog.com/atom/entry/1\n---\n本文((注))\n"
    )

    document = read(tmp_path, text)

    assert document.permalink == "/entry/2024/05/06/101112"
    assert {"hatena", "inline_footnotes"} <= document.features
    assert "hatena" not in read(tmp_path, "---\ntitle: T\n---\n本文((注))\n").features


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ('---json\n{"title": "題", "date": "2024-05-06"}\n---\n本文\n', "題"),
        ("---toml\ntitle = '題'\n---\n本文\n", "題"),
        ("---yaml\ntitle: 題\n---\n本文\n", "題"),
    ],
)
def test_front_matter_may_name_its_language(tmp_path: Path, text: str, title: str) -> None:
    document = read(tmp_path, text)

    assert (document.title, document.source.body) == (title, "本文\n")


def test_a_text_whose_front_matter_is_a_program_stays_a_draft_with_all_its_bytes(tmp_path: Path) -> None:
    text = "---js\nconst draft = true;\n---\n本文\n"

    document = read(tmp_path, text)

    assert document.draft
    assert codes(document) == ["front-matter-language"]
    assert document.source.head + document.source.body == text
