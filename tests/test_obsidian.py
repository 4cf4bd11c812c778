"""Obsidian: what a vault says, and that nothing in it becomes public by accident."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from articles import formats
from articles.formats import obsidian
from articles.formats.container import open_archive
from articles.formats.document import Document
from tests.test_formats import ARCHIVES, read_archive

CLIPPING = (
    '---\ntitle: "A page"\nsource: "https://elsewhere.example.org/x"\nauthor:\n  - "[[@SomeDesk]]"\npublished: 2025-11-18\n'
    'created: 2025-11-21\ntags:\n  - "clippings"\n  - "AI"\n---\n# Summary\n'
)


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


def read_one(folder: Path, text: str, path: str = "Note.md") -> Document:
    return read_all(folder, {".obsidian/app.json": "{}", path: text})[path]


def front_matter(**values: str) -> str:
    return "---\n" + "".join(f"{key}: {value}\n" for key, value in values.items()) + "---\nBody.\n"


def codes(document: Document) -> set[str]:
    return {finding.code for finding in document.findings}


def test_a_golden_vault_reads_as_its_expectation_says() -> None:
    expected = json.loads((ARCHIVES / "obsidian" / "vault.json").read_text(encoding="utf-8"))

    assert read_archive(ARCHIVES / "obsidian" / "vault") == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"cssclasses": "wide"}, True),
        ({"publish": "true"}, True),
        ({"tags": ["clippings"]}, True),
        ({"up": "[[Home]]"}, True),
        ({"people": ["[[A|a]]"]}, True),
        ({"title": "About [[x]] links"}, False),
        ({"title": "T", "tags": ["a"], "aliases": ["b"]}, False),
    ],
)
def test_a_lone_file_is_known_by_keys_of_obsidians_own(values: dict[str, object], expected: bool) -> None:
    assert obsidian.recognise_file(values, "x.md") is expected


# --- what is public


@pytest.mark.parametrize(
    ("text", "draft", "code"),
    [
        ("Body.\n", True, "vault-note"),
        (front_matter(date="2020-01-01"), True, "vault-note"),
        (front_matter(published="2020-01-01"), True, "vault-note"),
        (front_matter(publish="true"), False, ""),
        (front_matter(published="true"), False, ""),
        (front_matter(draft="false"), False, ""),
        (front_matter(status="published"), False, ""),
        ("---\ndg-publish: true\n---\n", False, ""),
        ("---\ndg-publish: false\npublish: true\n---\n", True, ""),
        (front_matter(publish="false"), True, ""),
        (front_matter(publish="true", draft="true"), True, "draft-contradiction"),
        (front_matter(status="seedling"), True, "vault-note"),
    ],
)
def test_a_note_is_private_unless_it_says_otherwise(tmp_path: Path, text: str, draft: bool, code: str) -> None:
    document = read_one(tmp_path, text)

    assert document.draft is draft
    assert not code or code in codes(document)


def test_a_clipping_is_a_private_draft_and_its_author_no_byline(tmp_path: Path) -> None:
    document = read_one(tmp_path, CLIPPING)

    assert document.draft
    assert "web-clipping" in codes(document)
    assert document.authors == []
    assert document.source_url == "https://elsewhere.example.org/x"
    assert str(document.published_at) == "2025-11-18 00:00:00+00:00"
    assert document.tags == ["clippings", "AI"]
    assert {"author", "created"}.isdisjoint(document.known_keys)


@pytest.mark.parametrize(
    ("text", "is_clipping"),
    [
        (front_matter(source="https://elsewhere.example.org/x", publish="true"), True),
        (front_matter(source="https://elsewhere.example.org/x", publish="true", author="'[[Someone]]'"), True),
        (front_matter(source="https://elsewhere.example.org/x", publish="true", author="経済班"), False),
        (front_matter(categories="'[[Clippings]]'", publish="true", author="経済班"), True),
        (front_matter(source="'[[A book]]'", publish="true"), False),
    ],
)
def test_a_text_from_elsewhere_without_a_byline_is_a_clipping(tmp_path: Path, text: str, is_clipping: bool) -> None:
    document = read_one(tmp_path, text)

    assert ("web-clipping" in codes(document), document.draft) == (is_clipping, is_clipping)


def test_a_linked_author_is_a_byline_only_in_a_public_note(tmp_path: Path) -> None:
    text = front_matter(author="['[[People/経済班|班]]', 社会部, '@someone']", publish="true")

    assert read_one(tmp_path / "public", text).authors == ["社会部", "班"]
    assert read_one(tmp_path / "private", text.replace("publish: true", "x: y")).authors == ["社会部"]


@pytest.mark.parametrize("folder", ["Templates", "_templates", "sub/templates", "雛形/朝"])
def test_templates_are_drafts_named_for_their_files(tmp_path: Path, folder: str) -> None:
    files = {".obsidian/templates.json": '{"folder": "雛形"}', f"{folder}/Meeting.md": "---\npublish: true\n---\n# {{title}}\n"}

    [document] = read_all(tmp_path, files).values()

    assert document.draft
    assert "template" in codes(document)
    assert document.title == "Meeting"


# --- fields


def test_a_title_is_the_key_then_the_heading_then_the_file(tmp_path: Path) -> None:
    files = {
        ".obsidian/app.json": "{}",
        "a.md": "---\ntitle: Key\n---\n# Heading\n",
        "b.md": "# Heading\n",
        "覚え書き 1.md": "Text.\n",
    }

    documents = read_all(tmp_path, files)

    assert [documents[path].title for path in documents] == ["Key", "Heading", "覚え書き 1"]
    assert [documents[path].source_title for path in documents] == ["a", "b", "覚え書き 1"]


def test_aliases_are_titles_and_no_addresses(tmp_path: Path) -> None:
    document = read_one(tmp_path, front_matter(aliases="[Other Title, /looks/like/one]"))

    assert document.aliases == []
    assert "aliases" not in document.known_keys


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (front_matter(tags="[a, '#b/c', A]"), ["a", "b/c"]),
        (front_matter(tags="a, b c"), ["a", "b", "c"]),
        ("#速報 と #政治/国政 です #a-b_c。 #123 #1a\n", ["速報", "政治/国政", "a-b_c", "1a"]),
        ("#one\n\n#two, (#three) word#four # five ##six\n", ["one", "two"]),
        ("`#a` ``x ` #b`` [[Note#c]] [[#d]] https://example.com/#e\n", []),
        ("```\n#a\n```\n\n~~~~\n#b\n~~~\n#c\n~~~~\n#d\n", ["d"]),
        ("%% #a %% <!-- #b --> $$\n#c\n$$ #d\n", ["d"]),
        ("```\n#never closed\n", []),
        ("#🎉 #émile\n", ["🎉", "émile"]),
    ],
)
def test_tags_are_those_of_front_matter_and_text(tmp_path: Path, text: str, tags: list[str]) -> None:
    assert read_one(tmp_path, text).tags == tags


def test_links_in_values_read_as_their_names(tmp_path: Path) -> None:
    text = front_matter(categories="['[[Books]]', '[[x/Trips|旅]]', Plain]", cover="'[[表紙.png]]'", series="'[[連載]]'")

    document = read_one(tmp_path, text)

    assert document.categories == [("Books",), ("旅",), ("Plain",)]
    assert document.cover is not None
    assert (document.cover.target, document.series) == ("表紙.png", "連載")


def test_a_published_note_keeps_the_addresses_that_publish_gave_it(tmp_path: Path) -> None:
    stated = read_one(tmp_path / "stated", front_matter(publish="true", permalink="election-night"), "記事/A note.md")
    bare = read_one(tmp_path / "bare", front_matter(publish="true"), "記事/100% note.md")
    private = read_one(tmp_path / "private", front_matter(publish="false"), "記事/A note.md")

    assert (stated.permalink, stated.permalink_stated, stated.aliases) == ("/election-night", True, ["/記事/A+note"])
    assert (bare.permalink, bare.aliases) == (None, ["/記事/100%+note"])
    assert private.aliases == []


@pytest.mark.parametrize("value", ["//evil.example/x", "https://evil.example/x", "../../admin", "'a\\b'"])
def test_a_hostile_permalink_is_left_out_with_a_finding(tmp_path: Path, value: str) -> None:
    document = read_one(tmp_path, front_matter(publish="true", permalink=value))

    assert document.permalink is None or document.permalink == "/evil.example/x"
    assert document.permalink is not None or "unsafe-address" in codes(document)


def test_a_daily_note_has_the_day_of_its_name(tmp_path: Path) -> None:
    document = read_one(tmp_path, "Text.\n", "Daily/2025-07-20.md")

    assert (str(document.published_at), document.kind) == ("2025-07-20 00:00:00+00:00", "article")


def test_line_breaks_count_unless_the_vault_is_strict(tmp_path: Path) -> None:
    loose = read_one(tmp_path / "loose", "x\n")
    [strict] = read_all(tmp_path / "strict", {".obsidian/app.json": '{"strictLineBreaks": true}', "a.md": "x\n"}).values()

    assert loose.features - strict.features == {"hardbreaks"}
    assert {"wikilinks", "embeds", "callouts", "comments", "math", "highlight"} <= strict.features


def test_broken_settings_of_the_vault_are_reported(tmp_path: Path) -> None:
    (tmp_path / ".obsidian").mkdir()
    (tmp_path / ".obsidian" / "templates.json").write_text("{", encoding="utf-8")
    (tmp_path / "a.md").write_text("x\n", encoding="utf-8")

    [site] = formats.find_sites(open_archive(tmp_path))

    assert [finding.code for finding in site.findings] == ["config-unreadable"]


def test_the_keys_of_the_digital_garden_are_read_in_any_spelling(tmp_path: Path) -> None:
    document = read_one(
        tmp_path, front_matter(**{"DG-Publish": "true", "dg-permalink": "garden/haru", "dg-created": "2024-05-06"})
    )

    assert not document.draft
    assert document.permalink == "/garden/haru"
    assert document.published_at is not None
    assert document.published_at.date().isoformat() == "2024-05-06"


def test_a_status_of_another_kind_does_not_close_a_note_that_says_it_is_public(tmp_path: Path) -> None:
    assert not read_one(tmp_path, front_matter(publish="true", status="evergreen")).draft
    assert read_one(tmp_path, front_matter(publish="true", status="draft")).draft


def test_a_drawing_is_no_text(tmp_path: Path) -> None:
    documents = read_all(tmp_path, {".obsidian/app.json": "{}", "図.excalidraw.md": "# Text Elements\n", "a.md": "x"})

    assert list(documents) == ["a.md"]
