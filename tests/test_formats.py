"""The registry of dialects: which sites an archive holds, which dialect a file has, and golden pairs of all dialects."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from articles import formats
from articles.findings import RefusedFile
from articles.formats.container import open_archive
from articles.formats.document import Document

ARCHIVES = Path(__file__).parent / "archives"
SITES = sorted(path for dialect in ("jekyll", "hexo", "plain") for path in (ARCHIVES / dialect).glob("*.json"))


def describe(document: Document) -> dict[str, Any]:
    """What a golden pair states of a document; fields at their defaults are left out."""
    described: dict[str, Any] = {
        "dialect": document.dialect,
        "kind": document.kind,
        "flavour": document.flavour,
        "title": document.title,
        "source_title": document.source_title,
        "permalink": document.permalink,
        "permalink_stated": document.permalink_stated,
        "slug": document.slug,
        "draft": document.draft,
        "published_at": document.published_at and document.published_at.isoformat(),
        "updated_at": document.updated_at and document.updated_at.isoformat(),
        "categories": [list(path) for path in document.categories],
        "tags": document.tags,
        "authors": document.authors,
        "aliases": document.aliases,
        "cover": document.cover and [document.cover.target, document.cover.alt, document.cover.caption],
        "excerpt": document.excerpt,
        "description": document.description,
        "canonical_url": document.canonical_url,
        "noindex": document.noindex,
        "source_url": document.source_url,
        "language": document.language,
        "translation_key": document.translation_key,
        "unknown_keys": [key for key in document.front_matter if key not in document.known_keys],
        "findings": sorted(finding.code for finding in document.findings),
    }
    return {name: value for name, value in described.items() if value not in (None, "", [], False)}


def read_archive(folder: Path) -> dict[str, Any]:
    """Everything that an archive says, in the form of a golden pair."""
    container = open_archive(folder)
    result: dict[str, Any] = {}
    for site in formats.find_sites(container, timezone="Asia/Tokyo"):
        result[site.root or "."] = {
            "dialect": site.dialect,
            "name": site.name,
            "base_path": site.base_path,
            "timezone": site.timezone,
            "language": site.language,
            "findings": sorted(finding.code for finding in site.findings),
            "attachments": {path: list(file.public_paths) for path, file in site.files.items() if file.role == "attachment"},
            "site_files": [path for path, file in site.files.items() if file.role == "site_file"],
            "documents": {
                path: describe(formats.read_document(site, path, container.read(site.root + path)))
                for path, file in site.files.items()
                if file.role == "document"
            },
        }
    return result


@pytest.mark.parametrize("expectation", SITES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_golden_archive_reads_as_its_expectation_says(expectation: Path) -> None:
    source = expectation.with_suffix("")
    if not source.is_dir():
        source = expectation.with_suffix(".md")

    assert read_archive(source) == json.loads(expectation.read_text(encoding="utf-8"))


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def find_roots(folder: Path, **options: str) -> dict[str, str]:
    return {site.root: site.dialect for site in formats.find_sites(open_archive(folder), **options)}


def test_an_archive_of_several_sites_has_one_root_for_each(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a/_config.yml": "title: A\n",
            "a/_posts/2025-01-01-x.md": "---\ntitle: X\n---\n",
            "a/docs/_config.yml": "title: A's manual\n",
            "a/docs/index.md": "---\ntitle: Manual\n---\n",
            "b/source/_posts/hello.md": "---\ntitle: Hello\n---\n",
            "b/scaffolds/post.md": "---\ntitle: t\n---\n",
            "c/content/posts/x.md": "+++\ntitle = 'x'\n+++\n",
            "c/hugo.toml": "baseURL = 'https://c.example.com/'\n",
            "d/deep/_posts/2025-01-01-x.md": "---\ntitle: X\n---\n",
            "e/config.toml": "base_url = 'https://e.example.com'\ncompile_sass = true\n",
            "e/content/x.md": "+++\ntitle = 'x'\n+++\n",
            "loose/x.md": "# X\n",
        },
    )

    roots = find_roots(tmp_path)

    assert roots == {
        "a/": "jekyll",
        "a/docs/": "jekyll",
        "b/": "hexo",
        "c/": "hugo",
        "d/deep/": "jekyll",
        "e/": "plain",
        "loose/": "plain",
    }


def test_every_member_belongs_to_exactly_one_site(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "_config.yml": "title: A\n",
            "index.md": "---\n---\n",
            "docs/_config.yml": "title: B\n",
            "docs/page.md": "---\n---\n",
            "docs/assets/x.png": "x",
        },
    )
    container = open_archive(tmp_path)

    claimed = [site.root + path for site in formats.find_sites(container) for path in site.files]

    assert sorted(claimed) == sorted(container.members)


def test_a_theme_inside_a_site_is_no_site(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "_config.yml": "new_post_name: ':title.md'\nsource_dir: source\n",
            "source/_posts/x.md": "---\ntitle: X\n---\n",
            "themes/t/_config.yml": "menu: 1\n",
            "themes/t/layout/index.ejs": "x",
        },
    )

    assert find_roots(tmp_path) == {"": "hexo"}


def test_a_generator_wins_over_a_vault_in_the_same_folder(tmp_path: Path) -> None:
    write(tmp_path, {"_config.yml": "title: A\n", ".obsidian/app.json": "{}", "_posts/2025-01-01-x.md": "---\n---\n"})

    assert find_roots(tmp_path) == {"": "jekyll"}


def test_what_stands_beside_a_site_is_plain(tmp_path: Path) -> None:
    write(tmp_path, {"site/_config.yml": "title: A\n", "site/x.md": "---\n---\n", "NOTES.md": "# N\n"})

    assert find_roots(tmp_path) == {"": "plain", "site/": "jekyll"}


def test_a_stated_dialect_reads_what_it_would_not_recognise(tmp_path: Path) -> None:
    write(tmp_path, {"x.md": "# X\n", "y/z.md": "# Z\n"})

    assert find_roots(tmp_path, dialect="jekyll") == {"": "jekyll"}


def test_an_unknown_dialect_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"x.md": "# X\n"})

    with pytest.raises(KeyError):
        formats.find_sites(open_archive(tmp_path), dialect="gatsby")


def test_each_loose_file_is_read_in_its_own_dialect(tmp_path: Path) -> None:
    texts = {
        "a.txt": "---\nlayout: post\ntitle: T\ndate: 2025-11-25 04:42:35 +0000\n---\n",
        "b.txt": "---\ntitle: T\ndate: 2026-02-10T00:00:00+09:00\ncover:\n  image: /c.png\n  relative: false\n---\n",
        "c.txt": (
            "---\ntitle: T\nsource: https://elsewhere.example.net/1\nauthor:\n  - '[[@Elsewhere]]'\n"
            "published: 2025-11-18\ncreated: 2025-11-21\ntags:\n  - clippings\n---\n"
        ),
        "d.md": '---\ntitle: T\nemoji: "🗞"\ntype: tech\ntopics: [django]\npublished: true\n---\n',
        "e.md": "---\ntitle: T\nprivate: false\nslide: false\nignorePublish: false\n---\n",
        "f.md": "# T\n",
    }
    container = open_archive(write(tmp_path, texts))
    [site] = formats.find_sites(container)

    documents = {path: formats.read_document(site, path, container.read(path)) for path in texts}

    assert {path: document.dialect for path, document in documents.items()} == {
        "a.txt": "jekyll",
        "b.txt": "hugo",
        "c.txt": "obsidian",
        "d.md": "zenn",
        "e.md": "plain",
        "f.md": "plain",
    }
    assert [path for path, document in documents.items() if document.draft] == ["c.txt"]
    assert documents["c.txt"].authors == []


def test_a_lone_file_is_read_whatever_its_name(tmp_path: Path) -> None:
    write(tmp_path, {"notes.txt": "Only text\n"})

    [site] = formats.find_sites(open_archive(tmp_path / "notes.txt"))

    assert [file.role for file in site.files.values()] == ["document"]


def test_a_bad_file_is_refused_and_does_not_stop_finding_sites(tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_bytes(b"---\ntitle: \xff\xfe\n---\n")
    write(tmp_path, {"_config.yml": "{ not: [closed\n", "_posts/2025-01-01-x.md": "---\na: 1\na: 2\n---\n"})
    container = open_archive(tmp_path)

    [site] = formats.find_sites(container)

    assert [finding.code for finding in site.findings] == ["config-unreadable"]
    with pytest.raises(RefusedFile):
        formats.read_document(site, "_posts/2025-01-01-x.md", container.read("_posts/2025-01-01-x.md"))


def test_a_configuration_that_changes_the_reading_changes_the_fingerprint(tmp_path: Path) -> None:
    write(tmp_path, {"_config.yml": "timezone: UTC\n", "x.md": "---\n---\n"})
    before = formats.find_sites(open_archive(tmp_path))[0].fingerprint
    write(tmp_path, {"_config.yml": "timezone: UTC\n# remark\n"})
    same = formats.find_sites(open_archive(tmp_path))[0].fingerprint
    write(tmp_path, {"_config.yml": "timezone: Asia/Tokyo\n"})
    after = formats.find_sites(open_archive(tmp_path))[0].fingerprint

    assert before == same != after


@pytest.mark.parametrize(
    ("dialect", "fields", "path"),
    [
        ("jekyll", {"slug": "x", "published_at": datetime(2025, 1, 2, tzinfo=UTC)}, "_posts/2025-01-02-x.md"),
        ("jekyll", {"slug": "x"}, "_drafts/x.md"),
        ("jekyll", {"slug": "x", "draft": False}, "x.md"),
        ("jekyll", {"slug": "x", "kind": "page"}, "x.md"),
        ("hugo", {"slug": "x", "published_at": datetime(2025, 1, 2, tzinfo=UTC)}, "content/posts/x.md"),
        ("obsidian", {"slug": "x", "title": "a/b: 問い?"}, "a b 問い.md"),
        ("obsidian", {"slug": "x", "title": ".."}, "x.md"),
        ("plain", {"slug": "記事"}, "posts/記事.md"),
    ],
)
def test_a_layout_says_where_a_new_post_goes(dialect: str, fields: dict[str, Any], path: str) -> None:
    assert formats.layout_path(dialect, fields) == path


# --- time zones

ZONED_SITES = {
    "jekyll": ("_posts/2024-05-06-a.md", "_config.yml", "title: x\n", "timezone: Europe/Paris\n", []),
    "hugo": ("content/posts/a.md", "hugo.yaml", "title: x\n", "timeZone: Europe/Paris\n", []),
    "hexo": ("source/_posts/a.md", "_config.yml", "title: x\n", "timezone: Europe/Paris\n", [("scaffolds/post.md", "x")]),
    "zenn": ("articles/a.md", "package.json", '{"devDependencies": {"zenn-cli": "1"}}', "", []),
    "obsidian": ("a.md", ".obsidian/app.json", "{}", "", []),
    "plain": ("a.md", "zola.toml", 'base_url = "https://example.jp"\n', "", []),
}
GENERATORS_OWN = {"jekyll": "UTC", "hugo": "UTC", "zenn": "Asia/Tokyo"}


def zone_of(tmp_path, dialect, *, states=False, **options):
    name, config, text, stated, more = ZONED_SITES[dialect]
    key = "published_at" if dialect == "zenn" else "date"
    front = f"---\ntitle: a\n{key}: 2024-05-06 20:00\n---\n本文\n"
    for path, content in [(name, front), (config, text + (stated if states else "")), *more]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content, encoding="utf-8")
    container = open_archive(tmp_path)
    [site] = formats.find_sites(container, **options)
    assert site.dialect == dialect
    moment = formats.read_document(site, name, container.read(name)).published_at
    return site, f"{moment.astimezone(UTC):%d %H:%M}"


INSTANTS = {"UTC": "06 20:00", "Asia/Tokyo": "06 11:00", "Europe/Paris": "06 18:00", "America/New_York": "07 00:00"}


@pytest.mark.parametrize("dialect", ZONED_SITES)
def test_a_time_zone_that_somebody_asked_for_wins_over_the_generators_default(tmp_path, dialect):
    options = {"timezone": "America/New_York", "default_timezone": "Europe/Paris"}
    site, instant = zone_of(tmp_path, dialect, **options)
    assert (site.timezone, instant) == ("America/New_York", INSTANTS["America/New_York"])
    assert "zone-assumed" not in [finding.code for finding in site.findings]


@pytest.mark.parametrize("dialect", ["jekyll", "hugo", "hexo"])
def test_the_time_zone_that_a_site_states_wins_over_all(tmp_path, dialect):
    options = {"timezone": "America/New_York", "default_timezone": "Asia/Tokyo"}
    site, instant = zone_of(tmp_path, dialect, states=True, **options)
    assert (site.timezone, instant) == ("Europe/Paris", INSTANTS["Europe/Paris"])
    assert site.findings == []


@pytest.mark.parametrize("dialect", ZONED_SITES)
def test_where_nobody_chose_a_time_zone_the_generators_rule_counts_and_then_that_of_the_site_here(tmp_path, dialect):
    site, instant = zone_of(tmp_path, dialect, default_timezone="Europe/Paris")
    zone = GENERATORS_OWN.get(dialect, "Europe/Paris")
    assert (site.timezone, instant) == (zone, INSTANTS[zone])


@pytest.mark.parametrize("dialect", ["jekyll", "hugo", "hexo"])
def test_a_site_that_states_no_time_zone_is_told_which_one_was_taken(tmp_path, dialect):
    site, _instant = zone_of(tmp_path, dialect, default_timezone="Asia/Tokyo")
    [finding] = site.findings
    assert (finding.code, finding.severity) == ("zone-assumed", "info")
    assert site.timezone in finding.message


def test_a_time_zone_that_is_none_is_named(tmp_path):
    (tmp_path / "_config.yml").write_text("timezone: Tokyo Standard Time\n", encoding="utf-8")
    (tmp_path / "a.md").write_text("---\ntitle: a\n---\n", encoding="utf-8")
    [site] = formats.find_sites(open_archive(tmp_path), dialect="jekyll", timezone="Asia/Tokyo")
    assert [finding.code for finding in site.findings] == ["zone-unknown"]
    assert site.timezone == "Asia/Tokyo"
