"""Zenn: what zenn-cli's folders and keys say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from articles import formats
from articles.formats import zenn
from articles.formats.container import open_archive
from articles.formats.document import Document
from tests.test_formats import ARCHIVES, read_archive

ARTICLE = '---\ntitle: "T"\nemoji: "📈"\ntype: "tech"\ntopics: ["a"]\npublished: true\n---\nBody.\n'


def read_all(folder: Path, files: dict[str, str], **options: str) -> dict[str, Document]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    container = open_archive(folder)
    [site] = formats.find_sites(container, **options)
    return {
        path: formats.read_document(site, path, container.read(path))
        for path, file in site.files.items()
        if file.role == "document"
    }


def test_a_golden_repository_reads_as_its_expectation_says() -> None:
    expected = json.loads((ARCHIVES / "zenn" / "notebook.json").read_text(encoding="utf-8"))

    assert read_archive(ARCHIVES / "zenn" / "notebook") == expected


def test_a_repository_is_known_by_the_keys_of_its_articles(tmp_path: Path) -> None:
    documents = read_all(tmp_path, {"articles/market-data-2025.md": ARTICLE})

    assert documents["articles/market-data-2025.md"].dialect == "zenn"
    assert documents["articles/market-data-2025.md"].permalink == "/articles/market-data-2025"


def test_a_folder_named_articles_is_not_enough(tmp_path: Path) -> None:
    documents = read_all(tmp_path, {"articles/a.md": "---\ntitle: T\n---\n", "README.md": "# R\n"})

    assert documents["articles/a.md"].dialect == "plain"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"topics": ["a"], "emoji": "x"}, True),
        ({"topics": ["a"], "type": "idea"}, True),
        ({"topics": ["a"]}, False),
        ({"emoji": "x"}, False),
    ],
)
def test_a_lone_file_is_known_by_its_topics(values: dict[str, object], expected: bool) -> None:
    assert zenn.recognise_file(values, "x.md") is expected


@pytest.mark.parametrize(
    ("published", "draft"), [("published: true", False), ("published: false", True), ("published:", True), ("", True)]
)
def test_only_what_says_so_is_public(tmp_path: Path, published: str, draft: bool) -> None:
    text = ARTICLE.replace("published: true", published)

    assert read_all(tmp_path, {"articles/a.md": text})["articles/a.md"].draft is draft


def test_times_without_a_zone_are_japanese(tmp_path: Path) -> None:
    text = ARTICLE.replace("published: true", "published: true\npublished_at: 2050-06-12 09:03")

    document = read_all(tmp_path, {"articles/a.md": text})["articles/a.md"]

    assert document.published_at == datetime(2050, 6, 12, 0, 3, tzinfo=UTC)


def test_a_chapter_is_as_public_as_its_book(tmp_path: Path) -> None:
    chapter = "---\ntitle: C\n---\n"
    files = {
        "package.json": '{"dependencies": {"zenn-cli": "1"}}',
        "books/open/config.yaml": "title: Open\npublished: true\nprice: 0\nchapters: [two, one]\n",
        "books/open/one.md": chapter,
        "books/shut/config.yaml": "title: Shut\npublished: false\n",
        "books/shut/1.one.md": chapter,
        "books/sold/config.yml": "title: Sold\npublished: true\nprice: 500\n",
        "books/sold/1.one.md": "---\ntitle: C\nfree: true\n---\n",
        "books/sold/2.two.md": chapter,
        "books/lost/one.md": chapter,
    }

    documents = read_all(tmp_path, files)

    assert {path: document.draft for path, document in documents.items()} == {
        "books/open/one.md": False,
        "books/shut/1.one.md": True,
        "books/sold/1.one.md": False,
        "books/sold/2.two.md": True,
        "books/lost/one.md": True,
    }
    assert (documents["books/open/one.md"].series, documents["books/open/one.md"].series_order) == ("Open", 2)
    assert (documents["books/sold/2.two.md"].series_order, documents["books/sold/2.two.md"].permalink) == (
        2,
        "/books/sold/viewer/two",
    )


def test_a_broken_book_keeps_its_chapters_private(tmp_path: Path) -> None:
    files = {
        "package.json": '{"dependencies": {"zenn-cli": "1"}}',
        "books/b/config.yaml": "title: [",
        "books/b/one.md": "---\ntitle: C\n---\n",
    }

    assert read_all(tmp_path, files)["books/b/one.md"].draft


def test_the_markup_is_zenns(tmp_path: Path) -> None:
    features = read_all(tmp_path, {"articles/a.md": ARTICLE})["articles/a.md"].features

    assert {"zenn", "math", "embeds", "tables"} <= features
    assert {"ruby", "wikilinks"}.isdisjoint(features)


def test_articles_outside_their_folder_are_taken_when_asked_for(tmp_path: Path) -> None:
    documents = read_all(tmp_path, {"a.md": ARTICLE}, dialect="zenn")

    assert (documents["a.md"].dialect, documents["a.md"].permalink) == ("zenn", None)
