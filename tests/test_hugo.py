"""Hugo: what the real generator makes of a site, rule by rule. Every address and date here was compared with Hugo 0.111.3."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from articles import formats
from articles.formats import hugo, hugo_site
from articles.formats.container import open_archive
from articles.formats.document import Cover, Document, Site, SourceText
from articles.formats.frontmatter import Scalar
from articles.formats.hugo_addresses import (
    PageFacts,
    PathRules,
    build_resource_folder,
    clean_path,
    expand_permalink,
    match_path,
    resolve_alias,
    titleise,
)
from articles.formats.sites import ReadOptions
from tests.test_formats import ARCHIVES, read_archive

_EMPTY_SITES = {
    "hugo": Site("", "hugo", "t", config={"hugo": hugo_site.read_settings({}, ReadOptions())}),
    "obsidian": Site("", "obsidian", "t", config={"templates": []}),
    "zenn": Site("", "zenn", "t", config={"books": {}}),
}
CONFIG = 'baseURL = "https://example.org/"\n'


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def read_site(folder: Path, files: dict[str, str], **options: str) -> tuple[Site, dict[str, Document]]:
    write(folder, files)
    container = open_archive(folder)
    [site] = formats.find_sites(container, **options)
    assert site.dialect == "hugo"
    site = pickle.loads(pickle.dumps(site))
    return site, {
        path: formats.read_document(site, path, container.read(path))
        for path, file in site.files.items()
        if file.role == "document"
    }


def read_one(folder: Path, path: str, text: str, config: str = CONFIG) -> Document:
    return read_site(folder, {"hugo.toml": config, path: text})[1][path]


def front_matter(**values: str) -> str:
    return "---\n" + "".join(f"{key}: {value}\n" for key, value in values.items()) + "---\nBody.\n"


def addresses(documents: dict[str, Document]) -> dict[str, str | None]:
    return {path: document.permalink for path, document in documents.items()}


def test_a_golden_site_reads_as_its_expectation_says() -> None:
    expected = json.loads((ARCHIVES / "hugo" / "gazette.json").read_text(encoding="utf-8"))

    assert read_archive(ARCHIVES / "hugo" / "gazette") == expected


# --- recognition


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hugo.toml", ""),
        ("hugo.yaml", "title: T\n"),
        ("config.toml", 'baseURL = "https://example.org/"\n'),
        ("config.yml", "languageCode: ja\n"),
        ("config.json", '{"permalinks": {"posts": "/:slug/"}}'),
        ("config/_default/config.toml", "title = 'T'\n"),
        ("archetypes/default.md", "---\n---\n"),
    ],
)
def test_a_site_is_known_by_its_configuration_or_its_archetypes(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, {name: text, "content/x.md": front_matter(title="X")})

    assert [site.dialect for site in formats.find_sites(open_archive(tmp_path))] == ["hugo"]


def test_a_configuration_of_zola_is_not_hugo(tmp_path: Path) -> None:
    config = 'base_url = "https://example.org"\ntitle = "T"\n[markdown]\nhighlight_code = true\n'
    write(tmp_path, {"config.toml": config, "content/x.md": "+++\ntitle = 'X'\n+++\n"})

    assert [site.dialect for site in formats.find_sites(open_archive(tmp_path))] == ["plain"]


@pytest.mark.parametrize(
    ("values", "path", "expected"),
    [
        ({"cover": {"image": "/a.png", "relative": "false"}}, "x.md", True),
        ({"publishDate": "2025-01-01"}, "x.md", True),
        ({}, "content/_index.md", True),
        ({"title": "T", "taxonomies": {"tags": ["a"]}}, "x.md", False),
        ({"title": "T", "date": "2025-01-01"}, "x.md", False),
    ],
)
def test_a_lone_file_is_known_by_keys_of_hugos_own(values: dict[str, object], path: str, expected: bool) -> None:
    assert hugo.recognise_file(values, path) is expected


def test_a_lone_file_has_no_address_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"003.txt": '---\ntitle: "T"\ndate: 2026-02-10T00:00:00+09:00\ncover:\n  image: /a.png\n---\nBody.\n'})
    container = open_archive(tmp_path)
    [site] = formats.find_sites(container)

    document = formats.read_document(site, "003.txt", container.read("003.txt"))

    assert (document.dialect, document.permalink, document.kind) == ("hugo", None, "article")
    assert document.cover == Cover("/a.png")
    assert document.published_at == datetime(2026, 2, 9, 15, tzinfo=UTC)


# --- addresses by path


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("content/about.md", "/about/"),
        ("content/about/index.md", "/about/"),
        ("content/_index.md", "/"),
        ("content/posts/_index.md", "/posts/"),
        ("content/x/no index/y/_index.md", "/x/no-index/y/"),
        ("content/posts/My Page_(x)!.md", "/posts/my-page_x/"),
        ("content/posts/日本語 ファイル・名（一）.md", "/posts/日本語-ファイル名一/"),
        ("content/posts/a--b.md", "/posts/a--b/"),
        ("content/posts/C#.md", "/posts/c#/"),
        ("content/posts/100% sure+a~b.md", "/posts/100-sure+a~b/"),
        ("content/posts/markdown.fa.md", "/posts/markdown.fa/"),
        ("content/posts/page.html", "/posts/page/"),
    ],
)
def test_an_address_follows_the_path(tmp_path: Path, path: str, address: str) -> None:
    assert read_one(tmp_path, path, front_matter(title="T")).permalink == address


@pytest.mark.parametrize(
    ("config", "address"),
    [
        ("", "/sub/été-page/"),
        ("disablePathToLower = true\n", "/sub/Été-Page/"),
        ("removePathAccents = true\n", "/sub/ete-page/"),
        ("uglyURLs = true\n", "/sub/été-page.html"),
    ],
)
def test_a_site_decides_on_case_accents_and_endings(tmp_path: Path, config: str, address: str) -> None:
    config = f'baseURL = "https://example.org/sub/"\n{config}'

    assert read_one(tmp_path, "content/Été Page.md", front_matter(title="T"), config).permalink == address


def test_ugly_addresses_hold_for_the_sections_that_are_named(tmp_path: Path) -> None:
    files = {
        "hugo.yaml": "baseURL: https://example.org/\nuglyURLs: {posts: true}\n",
        "content/_index.md": front_matter(title="H"),
        "content/posts/_index.md": front_matter(title="P"),
        "content/posts/a.md": front_matter(title="A"),
        "content/posts/b/index.md": front_matter(title="B"),
        "content/posts/b/図.png": "x",
        "content/notes/a.md": front_matter(title="A"),
    }

    site, documents = read_site(tmp_path, files)

    assert addresses(documents) == {
        "content/_index.md": "/",
        "content/posts/_index.md": "/posts.html",
        "content/posts/a.md": "/posts/a.html",
        "content/posts/b/index.md": "/posts/b.html",
        "content/notes/a.md": "/notes/a/",
    } | {path: documents[path].permalink for path in documents if path not in documents}
    assert site.files["content/posts/b/図.png"].public_paths == ("/posts/b/図.png",)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("/Some/URL Path", "/Some/URL Path/"),
        ("rel/path/", "/rel/path/"),
        ("/a/b.html", "/a/b.html"),
        ("/a/index.html", "/a/"),
        ("/v1.2/x", "/v1.2/x"),
        ("/%E6%97%A5/ページ/", "/日/ページ/"),
    ],
)
def test_a_stated_url_stays_as_it_is_written(tmp_path: Path, url: str, address: str) -> None:
    document = read_one(tmp_path, "content/posts/a.md", front_matter(title="T", url=f'"{url}"'))

    assert (document.permalink, document.permalink_stated) == (address, True)


def test_an_address_that_could_be_no_file_is_not_taken(tmp_path: Path) -> None:
    slug = read_one(tmp_path / "slug", "content/posts/a.md", front_matter(title="T", slug="a" * 3000))
    config = f'{CONFIG}[permalinks]\nposts = "/:title/"\n'
    title = read_one(tmp_path / "title", "content/posts/a.md", front_matter(title="春" * 100), config)

    assert (slug.permalink, slug.slug) == ("/posts/a/", "a" * 200)
    assert title.permalink is None
    assert {finding.code for finding in (*slug.findings, *title.findings)} == {"unsafe-address"}


def test_a_stated_url_may_hold_the_tokens_of_a_pattern(tmp_path: Path) -> None:
    text = front_matter(title="T", date="2024-03-05", slug="s", url="/kept/:year/:slug/")

    assert read_one(tmp_path, "content/posts/a.md", text).permalink == "/kept/2024/s/"


def test_a_slug_takes_the_place_of_the_file_name(tmp_path: Path) -> None:
    document = read_one(tmp_path, "content/posts/a.md", front_matter(title="T", slug='"-A Slug/With / part-"'))

    assert document.permalink == "/posts/a-slug/with-/-part/"
    assert document.slug == "a-slug-with-part"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"slug": '"../../admin"'}, "unsafe-address"),
        ({"slug": '"a\\\\b"'}, "unsafe-address"),
        ({"url": '"//evil.example/x"'}, "unsafe-address"),
        ({"url": '"https://evil.example/x/"'}, None),
        ({"url": '"/../../etc"'}, "unsafe-address"),
        ({"url": '"/%2e%2e/%2e%2e/etc"'}, "unsafe-address"),
        ({"slug": '"a%0d%0ab"'}, "unsafe-address"),
    ],
)
def test_a_hostile_address_stays_on_this_site(tmp_path: Path, values: dict[str, str], code: str | None) -> None:
    document = read_one(tmp_path, "content/posts/a.md", front_matter(title="T", **values))

    assert document.permalink is not None
    assert document.permalink.startswith("/")
    assert not document.permalink.startswith("//")
    assert ".." not in document.permalink
    assert "\\" not in document.permalink
    assert "evil.example" not in document.permalink.split("/")[0]
    assert code is None or code in {finding.code for finding in document.findings}


# --- permalink patterns


@pytest.mark.parametrize(
    ("pattern", "address"),
    [
        ("/:year/:month/:day/:slug/", "/2024/03/05/c-sharp/"),
        ("/:monthname/:weekday/:weekdayname/:yearday/", "/march/2/tuesday/65/"),
        ("/:2006/:01/:02/", "/2024/03/05/"),
        ("/:section/:title", "/posts/big-news/"),
        ("/:sections/:filename/", "/posts/deep/my.file/"),
        ("/:sections[1:]/:slugorfilename", "/deep/c-sharp/"),
        ("/:sections[last]/:contentbasename", "/deep/my.file/"),
        ("/:sections[0]/x", "/posts/x/"),
        ("/:title.html", "/big-news.html/"),
    ],
)
def test_a_pattern_of_a_section_makes_the_address(tmp_path: Path, pattern: str, address: str) -> None:
    files = {
        "hugo.toml": f'{CONFIG}[permalinks]\nposts = "{pattern}"\n',
        "content/posts/deep/_index.md": front_matter(title="Deep"),
        "content/posts/deep/my.file.md": front_matter(title="Big News", date="2024-03-05T23:30:00+09:00", slug='"c sharp"'),
    }

    documents = read_site(tmp_path, files)[1]

    assert documents["content/posts/deep/my.file.md"].permalink == address
    assert documents["content/posts/deep/_index.md"].permalink == "/posts/deep/"


def test_a_title_in_an_address_loses_its_punctuation(tmp_path: Path) -> None:
    config = f'{CONFIG}[permalinks]\nposts = "/:title/"\n'
    text = front_matter(title='"Go & C++ 100%: 日本語　タイトル（全角）"')

    assert read_one(tmp_path, "content/posts/a.md", text, config).permalink == "/go-c-100-日本語-タイトル全角/"


def test_patterns_may_be_given_for_each_kind_of_page(tmp_path: Path) -> None:
    files = {
        "hugo.yaml": "permalinks:\n  page: {posts: '/p/:slug/'}\n  section: {posts: '/all/'}\n  term: {tags: '/t/:slug/'}\n",
        "content/posts/_index.md": front_matter(title="Posts"),
        "content/posts/a.md": front_matter(title="A"),
        "content/tags/春/_index.md": front_matter(title="春"),
    }

    assert set(addresses(read_site(tmp_path, files)[1]).values()) == {"/p/a/", "/all/", "/t/春/"}


def test_a_page_without_a_date_has_the_year_one_in_its_address(tmp_path: Path) -> None:
    config = f'{CONFIG}[permalinks]\nposts = "/:year/:month/:title/"\n'

    assert read_one(tmp_path, "content/posts/a.md", front_matter(title="A"), config).permalink == "/1/01/a/"


def test_the_pattern_for_the_top_folder_is_a_slash(tmp_path: Path) -> None:
    config = f'{CONFIG}[permalinks]\n"/" = "/root/:slug/"\n'

    assert read_one(tmp_path, "content/about.md", front_matter(title="About Us"), config).permalink == "/root/about-us/"


def test_an_unknown_token_leaves_the_pattern_unused() -> None:
    facts = PageFacts("T", "", "t", "posts", ["posts"], None)

    assert expand_permalink("/:nonsense/", facts, PathRules()) == ""


def test_sections_are_cut_without_errors() -> None:
    facts = PageFacts("T", "", "t", "a", ["a", "b", "c"], None)

    def expand(cut: str) -> str:
        return expand_permalink(f":sections[{cut}]", facts, PathRules())

    assert [expand(cut) for cut in ("1:", ":1", "last", ":last", "0:2", "5:", ":5", "9", "x")] == [
        "b/c", "a", "c", "a/b", "a/b", "", "a/b/c", "", "a",
    ]  # fmt: skip


# --- languages


def test_languages_by_suffix_have_prefixes_but_for_the_default(tmp_path: Path) -> None:
    config = (
        "baseURL: https://example.org/\ndefaultContentLanguage: ja\n"
        "languages: {ja: {weight: 1}, en: {weight: 2}, zh-CN: {weight: 3}}\n"
    )
    files = {
        "hugo.yaml": config,
        "content/post/a.md": front_matter(title="a"),
        "content/post/a.en.md": front_matter(title="a"),
        "content/post/b.zh-cn.md": front_matter(title="b"),
        "content/post/b.zh-CN.md": front_matter(title="b"),
        "content/_index.en.md": front_matter(title="home"),
        "content/post/abs.en.md": front_matter(title="u", url="/abs/"),
        "content/post/rel.en.md": front_matter(title="u", url="rel/"),
    }

    documents = read_site(tmp_path, files)[1]

    assert addresses(documents) == {
        "content/post/a.md": "/post/a/",
        "content/post/a.en.md": "/en/post/a/",
        "content/post/b.zh-cn.md": "/zh-cn/post/b/",
        "content/post/b.zh-CN.md": "/post/b.zh-cn/",
        "content/_index.en.md": "/en/",
        "content/post/abs.en.md": "/abs/",
        "content/post/rel.en.md": "/en/rel/",
    }
    assert documents["content/post/a.en.md"].language == "en"
    assert documents["content/post/a.en.md"].translation_key == documents["content/post/a.md"].translation_key == "page/post/a"


def test_languages_may_have_folders_zones_and_taxonomies_of_their_own(tmp_path: Path) -> None:
    files = {
        "config/_default/config.toml": f'{CONFIG}timeZone = "Asia/Tokyo"\ndefaultContentLanguageInSubdir = true\n',
        "config/_default/languages.toml": (
            '[en]\ncontentDir = "content/en"\nweight = 1\n[fr]\ncontentDir = "content/fr"\ntimeZone = "Europe/Paris"\n'
            '[fr.taxonomies]\ntag = "FRtags"\n'
        ),
        "config/_default/permalinks.toml": 'blog = "/:section/:year/:filename/"\n',
        "config/production/permalinks.toml": 'news = "/n/:filename/"\n',
        "content/en/blog/a.md": front_matter(title="a", date="2024-01-01"),
        "content/fr/blog/a.md": front_matter(title="a", date="2024-01-01", FRtags="[x]", tags="[kept]"),
        "content/en/news/a.md": front_matter(title="a"),
    }

    documents = read_site(tmp_path, files)[1]

    assert addresses(documents) == {
        "content/en/blog/a.md": "/en/blog/2024/a/",
        "content/fr/blog/a.md": "/fr/blog/2024/a/",
        "content/en/news/a.md": "/en/n/a/",
    }
    assert documents["content/fr/blog/a.md"].tags == ["x"]
    assert str(documents["content/fr/blog/a.md"].published_at) == "2024-01-01 00:00:00+01:00"
    assert str(documents["content/en/blog/a.md"].published_at) == "2024-01-01 00:00:00+09:00"


def test_hosts_of_their_own_make_language_prefixes_needless(tmp_path: Path) -> None:
    files = {
        "hugo.yaml": (
            "baseURL: https://example.org/\ndefaultContentLanguage: ja\n"
            "languages: {ja: {baseURL: 'https://ja.example.org/x/'}, en: {baseURL: 'https://en.example.org'}}\n"
        ),
        "content/a.md": front_matter(title="a"),
        "content/a.en.md": front_matter(title="a"),
    }

    assert addresses(read_site(tmp_path, files)[1]) == {"content/a.md": "/x/a/", "content/a.en.md": "/a/"}


def test_mounts_take_the_place_of_the_content_folder(tmp_path: Path) -> None:
    files = {
        "hugo.yaml": (
            "baseURL: https://example.org/\nmodule:\n  mounts:\n  - {source: docs, target: content}\n"
            "  - {source: manual/en, target: content/guide}\n  - {source: pics, target: static/pics}\n"
        ),
        "docs/a.md": front_matter(title="a"),
        "manual/en/b.md": front_matter(title="b"),
        "content/unused.md": front_matter(title="c"),
        "pics/x.png": "x",
    }

    site, documents = read_site(tmp_path, files)

    assert addresses(documents) == {"docs/a.md": "/a/", "manual/en/b.md": "/guide/b/"}
    assert site.files["pics/x.png"].public_paths == ("/pics/x.png",)


@pytest.mark.parametrize(
    ("config", "options", "language"),
    [
        ("", {}, ""),
        ('languageCode = "ja-jp"\n', {}, "ja"),
        ('languageCode = "zh-tw"\n', {}, "zh-tw"),
        ('defaultContentLanguage = "fr"\nlanguageCode = "fr-ca"\n', {}, "fr"),
        ("", {"language": "ja"}, "ja"),
    ],
)
def test_the_language_of_a_site_with_one(tmp_path: Path, config: str, options: dict[str, str], language: str) -> None:
    site, documents = read_site(tmp_path, {"hugo.toml": CONFIG + config, "content/a.md": front_matter(title="a")}, **options)

    assert (site.language, documents["content/a.md"].language) == (language, language)


# --- dates


def test_dates_come_from_the_keys_in_hugos_order(tmp_path: Path) -> None:
    text = front_matter(title="T", PublishDate="2020-02-02", Modified="2020-03-03", unpublishDate="2031-01-01")

    document = read_one(tmp_path, "content/posts/a.md", text, f'{CONFIG}timeZone = "Asia/Tokyo"\n')

    assert str(document.published_at) == "2020-02-02 00:00:00+09:00"
    assert str(document.updated_at) == "2020-03-03 00:00:00+09:00"
    assert str(document.expires_at) == "2031-01-01 00:00:00+09:00"


def test_a_later_publish_date_is_when_a_page_appears(tmp_path: Path) -> None:
    config = f'{CONFIG}[permalinks]\nposts = "/:year/:slug/"\n'
    text = front_matter(title="T", date="2024-01-01", publishDate="2033-01-01")

    document = read_one(tmp_path, "content/posts/a.md", text, config)

    assert document.published_at == datetime(2033, 1, 1, tzinfo=UTC)
    assert document.permalink == "/2024/t/"


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("content/posts/2024-05-06-hello.md", "/posts/hello/"),
        ("content/posts/2024-05-06 Foo Bar.md", "/posts/foo-bar/"),
        ("content/posts/2024-05-06-bundle/index.md", "/posts/bundle/"),
    ],
)
def test_a_file_name_may_hold_date_and_slug(tmp_path: Path, path: str, address: str) -> None:
    config = f'{CONFIG}[frontmatter]\ndate = [":filename", ":default"]\n'

    document = read_one(tmp_path, path, front_matter(title="T"), config)

    assert (document.permalink, document.published_at) == (address, datetime(2024, 5, 6, tzinfo=UTC))


def test_the_file_name_is_not_looked_at_after_a_date_was_found(tmp_path: Path) -> None:
    config = f'{CONFIG}[frontmatter]\ndate = ["date", ":filename"]\n'

    document = read_one(tmp_path, "content/posts/2024-05-06-hello.md", front_matter(title="T", date="2020-01-01"), config)

    assert document.permalink == "/posts/2024-05-06-hello/"


def test_a_section_without_dates_has_those_of_its_newest_pages(tmp_path: Path) -> None:
    files = {
        "hugo.toml": CONFIG,
        "content/posts/_index.md": front_matter(title="Posts"),
        "content/posts/a.md": front_matter(title="a", date="2024-01-01", lastmod="2025-05-05"),
        "content/posts/deep/b.md": "+++\ntitle = 'b'\ndate = 2024-02-02T00:00:00Z # a comment\n+++\n",
        "content/stated/_index.md": front_matter(title="Stated", date="2019-01-01"),
        "content/stated/a.md": front_matter(title="a", date="2024-01-01"),
        "content/nested/_index.md": front_matter(title="Nested"),
        "content/nested/deep/_index.md": front_matter(title="Deep", date="2023-03-03"),
    }

    documents = read_site(tmp_path, files)[1]

    assert documents["content/nested/_index.md"].published_at == datetime(2023, 3, 3, tzinfo=UTC)
    assert documents["content/posts/_index.md"].published_at == datetime(2024, 2, 2, tzinfo=UTC)
    assert documents["content/posts/_index.md"].updated_at == datetime(2025, 5, 5, tzinfo=UTC)
    assert documents["content/stated/_index.md"].published_at == datetime(2019, 1, 1, tzinfo=UTC)


def test_a_section_has_no_date_from_pages_that_are_still_to_come(tmp_path: Path) -> None:
    files = {
        "hugo.toml": CONFIG,
        "content/posts/_index.md": front_matter(title="Posts"),
        "content/posts/a.md": front_matter(title="a", date="2024-01-01"),
        "content/posts/future.md": front_matter(title="f", date="2199-01-01"),
        "content/posts/held.md": front_matter(title="h", date="2024-06-01", publishDate="2199-01-01"),
    }

    documents = read_site(tmp_path, files)[1]

    assert documents["content/posts/_index.md"].published_at == datetime(2024, 1, 1, tzinfo=UTC)


def test_the_time_zone_of_the_caller_counts_where_the_site_has_none(tmp_path: Path) -> None:
    files = {"hugo.toml": CONFIG, "content/posts/a.md": front_matter(title="a", date="2024-01-01")}

    documents = read_site(tmp_path, files, timezone="Asia/Tokyo")[1]

    assert str(documents["content/posts/a.md"].published_at) == "2024-01-01 00:00:00+09:00"


# --- state


@pytest.mark.parametrize(
    ("text", "draft"),
    [
        (front_matter(title="T"), False),
        (front_matter(title="T", Draft="true"), True),
        (front_matter(title="T", published="false"), True),
        (front_matter(title="T", draft="false", published="false"), True),
        (front_matter(title="T", published="2020-01-01"), False),
        (front_matter(title="T", status="Completed"), False),
        (front_matter(title="T", status="Feedback Appreciated"), False),
        (front_matter(title="T", status="draft"), True),
        (front_matter(title="T", status="drfat"), True),
        (front_matter(title="T", status="publshed"), True),
        (front_matter(title="T", status="published"), False),
        ("+++\ntitle = 'T'\ndraft = true\n+++\n", True),
    ],
)
def test_a_draft_is_a_draft_under_all_its_names(tmp_path: Path, text: str, draft: bool) -> None:
    assert read_one(tmp_path, "content/posts/a.md", text).draft is draft


@pytest.mark.parametrize(
    ("values", "draft", "has_address"),
    [
        ("build: {render: never}", False, False),
        ("_build: {render: false}", False, False),
        ("build: {render: never, list: never}", True, False),
        ("build: {render: link}", False, True),
        ("build: {list: never}", False, True),
        ("headless: true", True, False),
    ],
)
def test_what_was_shown_nowhere_stays_a_draft(tmp_path: Path, values: str, draft: bool, has_address: bool) -> None:
    document = read_one(tmp_path, "content/posts/a/index.md", f"---\ntitle: T\ndate: 2024-01-01\n{values}\n---\n")

    assert (document.draft, document.permalink is not None) == (draft, has_address)
    assert values == "build: {list: never}" or [finding.code for finding in document.findings] == ["not-rendered"]
    assert document.kind == ("page" if "list" in values else "article")


def test_pages_in_a_leaf_bundle_are_its_resources(tmp_path: Path) -> None:
    files = {
        "hugo.toml": CONFIG,
        "content/posts/b/index.md": front_matter(title="B", slug="renamed"),
        "content/posts/b/part.md": front_matter(title="Part"),
        "content/posts/b/sub/図 A.PNG": "x",
        "content/posts/pic.png": "x",
        "content/top.png": "x",
    }

    site, documents = read_site(tmp_path, files)

    assert documents["content/posts/b/part.md"].permalink is None
    assert documents["content/posts/b/part.md"].draft
    assert site.files["content/posts/b/sub/図 A.PNG"].public_paths == ("/posts/renamed/sub/図 A.PNG",)
    assert site.files["content/posts/pic.png"].public_paths == ("/posts/pic.png",)
    assert site.files["content/top.png"].public_paths == ("/top.png",)


def test_a_branch_hands_down_what_its_pages_do_not_state(tmp_path: Path) -> None:
    files = {
        "hugo.yaml": "baseURL: https://example.org/\ncascade:\n  - _target: {kind: page}\n    author: Site\n",
        "content/blog/_index.md": "---\ntitle: Blog\ncascade:\n  draft: true\n  date: 2019-01-01\n  tags: [x]\n---\n",
        "content/blog/own.md": front_matter(title="a", draft="false", date="2022-02-02", tags="[own]"),
        "content/blog/a.md": front_matter(title="a"),
        "content/blog/sub/_index.md": (
            "---\ntitle: sub\ncascade:\n- _target: {path: '/blog/sub/t*'}\n  linkTitle: L\n- target: {path: '/blog/sub/t2.md'}\n"
            "  title: T2\n- _target: {kind: section}\n  title: S\n---\n"
        ),
        "content/blog/sub/t1.md": front_matter(weight="1"),
        "content/blog/sub/t2.md": front_matter(weight="1"),
    }

    documents = read_site(tmp_path, files)[1]

    own, inherited = documents["content/blog/own.md"], documents["content/blog/a.md"]
    assert (own.draft, own.tags, str(own.published_at)[:10]) == (False, ["own"], "2022-02-02")
    assert (inherited.draft, inherited.tags, str(inherited.published_at)[:10]) == (True, ["x"], "2019-01-01")
    assert inherited.authors == ["Site"]
    assert inherited.known_keys == {"title"}
    assert documents["content/blog/_index.md"].draft
    assert documents["content/blog/sub/t1.md"].title == "L"
    assert documents["content/blog/sub/t2.md"].source_title == "T2"


def test_a_clipping_in_a_hugo_site_stays_private(tmp_path: Path) -> None:
    document = read_one(tmp_path, "content/posts/a.md", front_matter(title="T", tags="[Clippings]", author="'[[@Desk]]'"))

    assert document.draft
    assert document.authors == []
    assert "web-clipping" in {finding.code for finding in document.findings}


# --- fields


def test_titles_fall_back_to_what_a_reader_sees(tmp_path: Path) -> None:
    files = {
        "hugo.toml": f'{CONFIG}title = "Home"\n',
        "content/_index.md": "---\nweight: 1\n---\n",
        "content/my-news/_index.md": "---\nweight: 1\n---\n",
        "content/my-news/a.md": "---\nlinkTitle: Link\n---\n# Heading\n",
        "content/my-news/b.md": "---\nweight: 1\n---\n# Heading\n",
        "content/my-news/c_c.md": "Text.\n",
    }

    documents = read_site(tmp_path, files)[1]

    assert [documents[path].title for path in sorted(documents)] == ["Home", "My News", "Link", "Heading", "c c"]
    assert {document.source_title for document in documents.values()} == {None}


def test_terms_follow_the_taxonomies_of_the_site(tmp_path: Path) -> None:
    config = f'{CONFIG}[taxonomies]\ncategory = "genres"\ntag = "topics"\nseries = "serials"\nauthor = "writers"\n'
    text = "---\ntitle: T\ngenres: [経済]\ntopics: 'one term'\nserials: [連載]\nwriters: [経済班]\nseries_order: 3\nodd: 1\n---\n"

    document = read_one(tmp_path, "content/posts/a.md", text, config)

    assert (document.categories, document.tags, document.series) == ([("経済",)], ["one term"], "連載")
    assert (document.authors, document.series_order) == (["経済班"], 3)
    assert [key for key in document.front_matter if key not in document.known_keys] == ["odd"]


def test_a_singular_key_is_no_taxonomy(tmp_path: Path) -> None:
    document = read_one(tmp_path, "content/posts/a.md", front_matter(title="T", category="concept", tags='["a", "", ""]'))

    assert (document.categories, document.tags) == ([], ["a"])
    assert "category" not in document.known_keys


def test_keys_know_no_case_and_keep_their_spelling(tmp_path: Path) -> None:
    text = front_matter(Title="T", TAGS="[a]", CanonicalURL="https://example.net/x", FeaturedImage="/x.png", Odd="1")

    document = read_one(tmp_path, "content/posts/a.md", text)

    assert (document.title, document.tags, document.canonical_url) == ("T", ["a"], "https://example.net/x")
    assert document.cover == Cover("/x.png")
    assert document.known_keys == {"Title", "TAGS", "CanonicalURL", "FeaturedImage"}
    assert list(document.front_matter) == ["Title", "TAGS", "CanonicalURL", "FeaturedImage", "Odd"]


def test_params_of_a_page_count_as_its_keys(tmp_path: Path) -> None:
    document = read_one(tmp_path, "content/posts/a.md", "---\ntitle: T\nparams:\n  author: 編集部\n  cover: /a.png\n---\n")

    assert (document.authors, document.cover) == (["編集部"], Cover("/a.png"))


def test_a_resource_that_is_named_cover_is_the_cover(tmp_path: Path) -> None:
    text = "---\ntitle: T\nresources:\n- {src: a.pdf, name: paper}\n- {src: b.png, name: cover, title: Caption}\n---\n"

    assert read_one(tmp_path, "content/posts/a/index.md", text).cover == Cover("b.png", "", "Caption")


@pytest.mark.parametrize(
    ("config", "aliases"),
    [
        ("", ["/sub/old/one/", "/sub/a/rel/", "/sub/up/x.html", "/sub/UP/Case/"]),
        ("uglyURLs = true\n", ["/sub/old/one.html", "/sub/a/rel.html", "/sub/up/x.html", "/sub/UP/Case.html"]),
    ],
)
def test_aliases_start_beside_the_page(tmp_path: Path, config: str, aliases: list[str]) -> None:
    text = front_matter(title="T", aliases='[/old/one, rel, "../up/x.html", /UP/Case, "//evil.example/", "https://evil.example"]')

    document = read_one(tmp_path, "content/a/p.md", text, f'baseURL = "https://example.org/sub/"\n{config}')

    assert document.aliases == aliases
    assert [finding.code for finding in document.findings] == ["unsafe-alias", "unsafe-alias"]


@pytest.mark.parametrize(
    ("config", "text", "has", "has_not"),
    [
        (
            "",
            "",
            {"tables", "typographer", "attributes", "shortcodes"},
            {"math", "passthrough", "wikilinks", "emoji", "callouts"},
        ),
        ("enableEmoji = true\n", "", {"emoji"}, {"math"}),
        ("[markup.goldmark.extensions]\ntypographer = false\ntable = false\n", "", set(), {"typographer", "tables"}),
        ("[markup.goldmark.extensions.typographer]\ndisable = true\n", "", set(), {"typographer"}),
        ("[markup.goldmark.renderer]\nhardWraps = true\n", "", {"hardbreaks"}, set()),
        ("[markup.goldmark.parser.attribute]\nblock = true\ntitle = false\n", "", {"block_attributes"}, {"attributes"}),
        (
            "[markup.goldmark.extensions.passthrough]\nenable = true\n"
            "[markup.goldmark.extensions.passthrough.delimiters]\ninline = [['\\(', '\\)']]\n",
            "",
            {"passthrough"},
            {"math"},
        ),
        (
            "[markup.goldmark.extensions.passthrough]\nenable = true\n"
            "[markup.goldmark.extensions.passthrough.delimiters]\ninline = [['$', '$']]\n",
            "",
            {"passthrough", "math"},
            set(),
        ),
        ("", "math: true\n", {"passthrough"}, {"math"}),
        ("[params]\nmath = true\n", "math: false\n", set(), {"math", "passthrough"}),
    ],
)
def test_the_markup_of_a_page_is_what_its_site_switched_on(
    tmp_path: Path, config: str, text: str, has: set[str], has_not: set[str]
) -> None:
    document = read_one(tmp_path, "content/posts/a.md", f"---\ntitle: T\n{text}---\n", CONFIG + config)

    assert has <= document.features
    assert has_not.isdisjoint(document.features)


def test_files_have_the_roles_of_their_folders(tmp_path: Path) -> None:
    files = {
        "hugo.toml": CONFIG,
        "content/a.md": "x",
        "content/raw.html": "<p>x</p>",
        "content/x.org": "* x",
        "static/a b.png": "x",
        "assets/pic.png": "x",
        "assets/main.scss": "x",
        "layouts/index.html": "x",
        "archetypes/default.md": "---\n---\n",
        "README.md": "# x",
    }

    site, documents = read_site(tmp_path, files)

    assert {path: file.role for path, file in site.files.items()} == {
        "hugo.toml": "site_file",
        "content/a.md": "document",
        "content/raw.html": "document",
        "content/x.org": "site_file",
        "static/a b.png": "attachment",
        "assets/pic.png": "attachment",
        "assets/main.scss": "site_file",
        "layouts/index.html": "site_file",
        "archetypes/default.md": "site_file",
        "README.md": "site_file",
    }
    assert site.files["static/a b.png"].public_paths == ("/a b.png",)
    assert (documents["content/raw.html"].permalink, documents["content/raw.html"].flavour) == ("/raw.html", "html")


def test_a_broken_configuration_is_reported_and_does_not_stop_the_rest(tmp_path: Path) -> None:
    site, documents = read_site(tmp_path, {"hugo.toml": "title = [", "content/a.md": front_matter(title="T")})

    assert [finding.code for finding in site.findings] == ["config-unreadable"]
    assert documents["content/a.md"].permalink == "/a/"


@pytest.mark.parametrize(
    "config",
    [
        "languages: 5\npermalinks: [1, {a: 2}]\ntaxonomies: x\nuglyURLs: [a]\nmodule: {mounts: {a: b}}\nfrontmatter: [x]\n",
        "baseURL: [x]\nlanguages: {ja: null, en: 3}\ncascade: 7\nparams: 1\nmarkup: {goldmark: [1]}\ntimeZone: Nowhere/Land\n",
        "languages: {ja: {weight: 99999999999999999999, permalinks: {posts: {a: b}}}}\ncontentDir: ../../etc\n",
    ],
)
def test_a_configuration_of_wrong_types_is_read_as_far_as_it_goes(tmp_path: Path, config: str) -> None:
    documents = read_site(tmp_path, {"hugo.yaml": config, "content/posts/a.md": front_matter(title="T", cascade="1")})[1]

    assert [document.title for document in documents.values()] == ["T"]


def test_a_changed_configuration_changes_the_fingerprint(tmp_path: Path) -> None:
    one = read_site(tmp_path / "one", {"hugo.toml": CONFIG, "content/a.md": "x"})[0]
    same = read_site(tmp_path / "two", {"hugo.toml": CONFIG, "content/a.md": "y"})[0]
    other = read_site(tmp_path / "three", {"hugo.toml": f"{CONFIG}uglyURLs = true\n", "content/a.md": "x"})[0]

    assert one.fingerprint == same.fingerprint
    assert one.fingerprint != other.fingerprint


# --- the rules of addresses by themselves


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("A  B", "a-b"),
        ("a - b", "a-b"),
        ("「括弧」", "括弧"),
        ("half－width", "halfwidth"),
        ("e\u0301", "e\u0301"),
        ("½ 🎉 ٣", "٣"),
        ("50%25 50%", "50%25-50"),
    ],
)
def test_a_path_is_cleaned_as_hugo_does(text: str, cleaned: str) -> None:
    assert clean_path(text, PathRules()) == cleaned


@pytest.mark.parametrize(
    ("alias", "permalink", "expected"),
    [
        ("old", "/posts/a/", "/posts/old/"),
        ("old", "/posts/a.html", "/posts/old/"),
        ("../../../x", "/posts/a/", ""),
        ("/a/./b//c", "/x/", "/a/b/c/"),
        ("/", "/x/", "/"),
    ],
)
def test_an_alias_never_leaves_the_site(alias: str, permalink: str, expected: str) -> None:
    assert resolve_alias(alias, permalink) == expected


def test_resources_stand_beside_a_stated_file_and_below_an_ugly_one() -> None:
    assert build_resource_folder("/q/w.html", is_stated=True) == "/q/"
    assert build_resource_folder("/q/w.html") == "/q/w/"
    assert build_resource_folder("/q/w/") == "/q/w/"


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/blog/**", "/blog/a/b", True),
        ("/blog/*", "/blog/a/b", False),
        ("{/blog/**,/news/*}", "/News/x", True),
        ("/b?og", "/blog", True),
        ("/a{b", "/ab", True),
        ("(a+)+$", "(a+)+$", True),
    ],
)
def test_a_target_is_matched_like_a_glob(pattern: str, path: str, expected: bool) -> None:
    assert match_path(pattern, path) is expected


def test_a_folder_name_becomes_a_title() -> None:
    assert [titleise(name) for name in ("my-news", "ニュース", "a_b c")] == ["My News", "ニュース", "A B C"]


_TEXT = st.text(max_size=30) | st.sampled_from(
    [
        "2024-02-30",
        "0001-01-01",
        "true",
        "../..",
        "//evil.example/",
        "https://evil.example/x",
        "[[x]]",
        "a/b",
        "\\",
        "%2e%2e",
        ":year",
    ]
)
_VALUE = st.recursive(
    _TEXT.map(Scalar), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3), max_leaves=6
)
_KEYS = st.sampled_from(
    [
        "title",
        "date",
        "lastmod",
        "publishDate",
        "expiryDate",
        "draft",
        "published",
        "publish",
        "slug",
        "url",
        "permalink",
        "aliases",
        "tags",
        "categories",
        "topics",
        "series",
        "author",
        "authors",
        "cover",
        "images",
        "resources",
        "build",
        "_build",
        "headless",
        "cascade",
        "params",
        "translationKey",
        "weight",
        "math",
        "source",
        "status",
    ]
)


@pytest.mark.parametrize("dialect", ["hugo", "obsidian", "zenn"])
@settings(max_examples=60, deadline=None)
@given(values=st.dictionaries(_KEYS, _VALUE, max_size=6), body=_TEXT)
def test_no_front_matter_makes_a_dialect_fail(dialect: str, values: dict[str, Any], body: str) -> None:
    paths = {"hugo": "content/posts/a.md", "obsidian": "a.md", "zenn": "articles/a.md"}
    site = _EMPTY_SITES[dialect]

    document = formats.DIALECTS[dialect].read_document(site, paths[dialect], SourceText("", body), values, "0" * 64)

    assert document.title.strip()
    for address in filter(None, [document.permalink, *document.aliases]):
        assert address.startswith("/")
        assert not address.startswith("//")
        assert not {"..", "."} & set(address.split("/"))
        assert "\\" not in address
    assert document.known_keys <= set(values)


# --- what the configuration leaves out


def test_files_that_the_configuration_ignores_are_drafts_with_the_reason(tmp_path: Path) -> None:
    files = {
        "hugo.toml": CONFIG + 'ignoreFiles = ["\\\\.bak\\\\.md$", "content/skip/", "(a+)+$", "[z-a]"]\n',
        "content/a.bak.md": front_matter(title="a"),
        "content/skip/b.md": front_matter(title="b"),
        "content/c.md": front_matter(title="c"),
    }

    documents = read_site(tmp_path, files)[1]

    assert [path for path, document in documents.items() if document.draft] == ["content/a.bak.md", "content/skip/b.md"]
    assert [finding.code for finding in documents["content/skip/b.md"].findings] == ["not-rendered"]
    assert documents["content/skip/b.md"].permalink is None


@pytest.mark.parametrize("key", ["[languages.de]\ndisabled = true\n", 'disableLanguages = ["de"]\n[languages.de]\n'])
def test_pages_of_a_language_that_is_switched_off_are_drafts(tmp_path: Path, key: str) -> None:
    config = f'baseURL = "https://example.org/"\n{key}weight = 2\n[languages.en]\nweight = 1\n'
    if key.startswith("[l"):
        config = 'baseURL = "https://example.org/"\n[languages.en]\nweight = 1\n' + key
    files = {"hugo.toml": config, "content/a.md": front_matter(title="a"), "content/a.de.md": front_matter(title="b")}

    documents = read_site(tmp_path, files)[1]

    assert documents["content/a.de.md"].draft
    assert not documents["content/a.md"].draft


def test_a_cascade_by_path_reaches_the_section_itself_by_its_file(tmp_path: Path) -> None:
    cascade = "---\ntitle: d\ncascade:\n  - draft: true\n    _target: {path: /docs/secret/**}\n---\n"
    files = {
        "hugo.toml": CONFIG,
        "content/docs/_index.md": cascade,
        "content/docs/secret/_index.md": front_matter(title="s"),
        "content/docs/secret/a.md": front_matter(title="a"),
        "content/docs/b.md": front_matter(title="b"),
    }

    documents = read_site(tmp_path, files)[1]

    drafts = [path for path, document in documents.items() if document.draft]
    assert drafts == ["content/docs/secret/_index.md", "content/docs/secret/a.md"]


def test_a_term_and_a_taxonomy_have_the_newest_date_of_the_pages_that_bear_them(tmp_path: Path) -> None:
    files = {
        "hugo.toml": CONFIG,
        "content/tags/_index.md": front_matter(title="tags"),
        "content/tags/my-tag/_index.md": front_matter(title="My Tag"),
        "content/posts/a.md": front_matter(title="a", date="2024-01-01", tags="[My Tag]"),
        "content/posts/b.md": front_matter(title="b", date="2024-02-01", tags="[other]"),
        "content/posts/c.md": front_matter(title="c", date="2024-03-01"),
    }

    documents = read_site(tmp_path, files)[1]

    assert documents["content/tags/_index.md"].published_at == datetime(2024, 2, 1, tzinfo=UTC)
    assert documents["content/tags/my-tag/_index.md"].published_at == datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "path"), [("Me@Home", "me@home"), ("İstanbul", "istanbul"), ("ΟΔΟΣ", "οδοσ"), ("Ｆｕｌｌ Width!", "ｆｕｌｌ-width")]
)
def test_signs_and_letters_of_an_address_are_those_that_hugo_writes(text: str, path: str) -> None:
    assert clean_path(text, PathRules()) == path


def test_a_dated_name_ends_at_its_last_dot(tmp_path: Path) -> None:
    files = {
        "hugo.toml": CONFIG + '[frontmatter]\ndate = [":filename", ":default"]\n',
        "content/posts/2024-05-06-v1.2.md": front_matter(title="t"),
    }

    assert read_site(tmp_path, files)[1]["content/posts/2024-05-06-v1.2.md"].permalink == "/posts/v1/"
