"""Jekyll: what the real generator makes of a file, rule by rule. Every expectation was compared with Jekyll 4.3.1."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from articles import formats
from articles.formats.container import open_archive
from articles.formats.document import Document, Site
from articles.formats.jekyll_addresses import slugify
from articles.markup.postlists import find_post_lists


def read_site(folder: Path, files: dict[str, str]) -> tuple[Site, dict[str, Document]]:
    for name, text in {"_config.yml": "title: T\n", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    container = open_archive(folder)
    [site] = formats.find_sites(container)
    return site, {
        path: formats.read_document(site, path, container.read(path))
        for path, file in site.files.items()
        if file.role == "document"
    }


def read_one(folder: Path, path: str, text: str, config: str = "title: T\n") -> Document:
    return read_site(folder, {"_config.yml": config, path: text})[1][path]


def front_matter(**values: str) -> str:
    return "---\n" + "".join(f"{key}: {value}\n" for key, value in values.items()) + "---\nBody.\n"


@pytest.mark.parametrize(
    ("style", "address"),
    [
        ("date", "/news/2025/03/04/five-w.html"),
        ("pretty", "/news/2025/03/04/five-w/"),
        ("ordinal", "/news/2025/063/five-w.html"),
        ("none", "/news/five-w.html"),
        ("weekdate", "/news/2025/W10/Tue/five-w.html"),
        ("/blog/:year/:i_month/:i_day/:slug", "/blog/2025/3/4/five-w"),
        (
            "/:short_year/:short_month/:long_month/:w_year/:week/:w_day/:long_day/:y_day/:title/",
            "/25/Mar/March/2025/10/2/Tuesday/063/five-w/",
        ),
        ("/:hour-:minute-:second/:title:output_ext", "/10-20-30/five-w.html"),
        ("/:collection/:path:output_ext", "/posts/2025-03-04-five-w.html"),
        ("/:collection/:name/", "/posts/2025-03-04-five-w/"),
        ("/:year_:month/:title/", "/2025_03/five-w/"),
        ("a//b/../:title/", "/a/b/five-w/"),
    ],
)
def test_a_post_has_the_address_of_its_permalink_style(tmp_path: Path, style: str, address: str) -> None:
    text = front_matter(categories="News", date="2025-03-04 10:20:30 +0000")

    document = read_one(tmp_path, "_posts/2025-03-04-five-w.md", text, f'permalink: "{style}"\n')

    assert document.permalink == address
    assert not document.permalink_stated


@pytest.mark.parametrize(
    ("style", "address", "index"),
    [
        ("date", "/docs/page one.html", "/docs/"),
        ("pretty", "/docs/page one/", "/docs/"),
        ("weekdate", "/docs/page one", "/docs/"),
        ("/:title/", "/docs/page one/", "/docs/"),
        ("/:title.html", "/docs/page one", "/docs/"),
        ("/:title:output_ext", "/docs/page one.html", "/docs/"),
    ],
)
def test_a_page_follows_only_the_end_of_the_permalink_style(tmp_path: Path, style: str, address: str, index: str) -> None:
    files = {"_config.yml": f'permalink: "{style}"\n', "docs/page one.md": front_matter(), "docs/index.md": front_matter()}

    documents = read_site(tmp_path, files)[1]

    assert documents["docs/page one.md"].permalink == address
    assert documents["docs/index.md"].permalink == index


@pytest.mark.parametrize(
    ("permalink", "address"),
    [
        ("/about/me/", "/about/me/"),
        ("about/you", "/about/you"),
        ("/%E6%97%A5%E6%9C%AC/x/", "/日本/x/"),
        ("/:categories/:title:output_ext", "/a b/x.html"),
        ("/:slug.php", "/x.php"),
    ],
)
def test_a_stated_permalink_wins_and_may_hold_placeholders(tmp_path: Path, permalink: str, address: str) -> None:
    text = front_matter(permalink=f'"{permalink}"', category="A b")

    document = read_one(tmp_path, "_posts/2025-01-02-x.md", text)

    assert document.permalink == address
    assert document.permalink_stated


@pytest.mark.parametrize("permalink", ["/%2e%2e/%2e%2e/x.html", "/a\\\\b", "/a%0d%0aX: y"])
def test_a_permalink_that_a_browser_could_misread_is_replaced(tmp_path: Path, permalink: str) -> None:
    document = read_one(tmp_path, "_posts/2025-01-02-x.md", front_matter(permalink=f'"{permalink}"'))

    assert document.permalink is None
    assert not document.permalink_stated
    assert "unsafe-address" in {finding.code for finding in document.findings}


def test_an_unknown_placeholder_is_reported(tmp_path: Path) -> None:
    document = read_one(tmp_path, "_posts/2025-01-02-x.md", front_matter(permalink="/:nothing/"))

    assert document.permalink is None
    assert [finding.params["name"] for finding in document.findings] == ["nothing"]


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2025-03-09 23:30:00", "2025-03-09T23:30:00+00:00"),
        ('"2025-03-09 23:30:00"', "2025-03-09T14:30:00+00:00"),
        ("2025-03-09 23:30", "2025-03-09T14:30:00+00:00"),
        ("2025-03-09", "2025-03-08T15:00:00+00:00"),
        ("2025-03-09 23:30:00 +0000", "2025-03-09T23:30:00+00:00"),
        ("2025-03-09T23:30:00-11:00", "2025-03-10T10:30:00+00:00"),
        ("20250309", "2025-03-08T15:00:00+00:00"),
        ("2025/03/09 23:30:00", "2025-03-09T14:30:00+00:00"),
        ("25/12/2017", "2017-12-24T15:00:00+00:00"),
        ("December 25, 2017", "2017-12-24T15:00:00+00:00"),
        ("2025-03-09 23:30:00 2025 +0000", "2025-03-09T23:30:00+00:00"),
        ("2025-03-09 23:30:00 America/New_York", "2025-03-09T14:30:00+00:00"),
        ("2025-03-09 23:30:00 XYZ", "2025-03-09T14:30:00+00:00"),
    ],
)
def test_a_date_is_the_instant_that_ruby_reads(tmp_path: Path, written: str, instant: str) -> None:
    document = read_one(tmp_path, "_posts/2020-01-01-x.md", front_matter(date=written), "timezone: Asia/Tokyo\n")

    assert document.published_at
    assert document.published_at.astimezone(UTC) == datetime.fromisoformat(instant)


def test_of_a_clock_reading_that_occurs_twice_the_second_counts(tmp_path: Path) -> None:
    text = front_matter(date="2020-11-01 01:30")

    document = read_one(tmp_path, "_posts/2020-11-01-x.md", text, "timezone: America/New_York\n")

    assert document.published_at
    assert document.published_at.astimezone(UTC) == datetime(2020, 11, 1, 6, 30, tzinfo=UTC)


def test_the_day_in_an_address_is_that_of_the_sites_zone(tmp_path: Path) -> None:
    text = front_matter(date="2025-03-09 23:30:00 +0000")

    document = read_one(tmp_path, "_posts/2025-03-09-x.md", text, "timezone: Asia/Tokyo\n")

    assert document.permalink == "/2025/03/10/x.html"


def test_a_date_that_does_not_exist_makes_a_draft_with_a_finding(tmp_path: Path) -> None:
    document = read_one(tmp_path, "_posts/2025-03-09-x.md", front_matter(date="99:99::99"))

    assert document.draft
    assert [(finding.code, finding.line) for finding in document.findings] == [("bad-date", 2)]


@pytest.mark.parametrize(
    ("keys", "categories", "tags"),
    [
        ({"categories": "foo bar Baz", "tags": "a b"}, ["foo", "bar", "Baz"], ["a", "b"]),
        ({"category": "foo bar", "tag": "a b"}, ["foo bar"], ["a b"]),
        ({"categories": "[Foo Bar, B]", "tags": "[a b, c]"}, ["Foo Bar", "B"], ["a b", "c"]),
        ({"category": "one", "categories": "[two, three]"}, ["two", "three", "one"], []),
        ({"category": "", "categories": "keep"}, ["keep"], []),
        ({"tag": "x", "tags": "[a, b]"}, [], ["x"]),
        ({"tags": "株価、市況"}, [], ["株価", "市況"]),
        ({"tags": "[no, 1.10, 2025]"}, [], ["no", "1.10", "2025"]),
        ({"categories": "[]", "tags": ""}, [], []),
    ],
)
def test_terms_are_read_by_jekylls_rules(tmp_path: Path, keys: dict[str, str], categories: list[str], tags: list[str]) -> None:
    document = read_one(tmp_path, "_posts/2025-01-02-x.md", front_matter(**keys))

    assert document.categories == [(name,) for name in categories]
    assert document.tags == tags


def test_folders_above_posts_are_categories_and_add_up_with_defaults(tmp_path: Path) -> None:
    config = "defaults:\n- scope: {path: '', type: posts}\n  values: {categories: [general]}\n"

    document = read_one(tmp_path, "sports/Relay Race/_posts/x/2025-01-02-x.md", front_matter(categories="own"), config)

    assert document.categories == [("sports",), ("Relay Race",), ("general",), ("own",)]
    assert document.permalink == "/sports/relay race/general/own/2025/01/02/x.html"


@pytest.mark.parametrize(
    ("scope", "applies"),
    [
        ("{path: ''}", True),
        ("{path: '', type: posts}", True),
        ("{path: '', type: pages}", False),
        ("{path: _posts/desk}", True),
        ("{path: '_posts/*'}", True),
        ("{path: '*/desk'}", True),
        ("{path: '_posts/*.md'}", False),
        ("{path: '**/desk'}", True),
        ("{path: '_posts/{desk,other}*'}", True),
        ("{path: other}", False),
    ],
)
def test_defaults_apply_by_path_and_type(tmp_path: Path, scope: str, applies: bool) -> None:
    config = f"defaults:\n- scope: {scope}\n  values: {{author: Desk}}\n"

    document = read_one(tmp_path, "_posts/desk/2025-01-02-x.md", front_matter(), config)

    assert document.authors == (["Desk"] if applies else [])
    assert "author" not in document.known_keys


def test_the_longer_path_wins_among_defaults(tmp_path: Path) -> None:
    config = (
        "defaults:\n"
        "- scope: {path: _posts/desk}\n  values: {author: near}\n"
        "- scope: {path: ''}\n  values: {author: far, lang: ja}\n"
    )

    document = read_one(tmp_path, "_posts/desk/2025-01-02-x.md", front_matter(), config)

    assert (document.authors, document.language) == (["near"], "ja")


def test_collections_have_their_own_addresses_and_what_is_not_written_is_a_draft(tmp_path: Path) -> None:
    config = "collections: {docs: {output: true, permalink: '/:collection/:path/'}, team: {output: false}}\n"
    files = {"_config.yml": config, "_docs/a/b.md": front_matter(title="B"), "_team/c.md": front_matter(), "_docs/a/x.png": "x"}

    site, documents = read_site(tmp_path, files)

    assert (documents["_docs/a/b.md"].permalink, documents["_docs/a/b.md"].draft) == ("/docs/a/b/", False)
    assert documents["_team/c.md"].draft
    assert site.files["_docs/a/x.png"].public_paths == ("/docs/a/x.png",)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("_drafts/x.md", front_matter()),
        ("_posts/2025-01-02-x.md", front_matter(published="false")),
        ("_posts/no-date.md", front_matter()),
        ("_posts/_2025-01-02-x.md", front_matter()),
        ("_private/x.md", front_matter()),
        ("unpublished.md", front_matter(published="false")),
    ],
)
def test_what_jekyll_would_not_publish_is_a_draft(tmp_path: Path, path: str, text: str) -> None:
    assert read_one(tmp_path, path, text).draft


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("README.md", "site_file"),
        ("docs/x.md", "document"),
        ("_layouts/post.html", "site_file"),
        ("_data/people.md", "site_file"),
        ("_site/index.html", "skipped"),
        ("feed.xml", "site_file"),
        ("list.html", "site_file"),
        ("contact.html", "document"),
        ("robots.txt", "site_file"),
        ("note.txt", "document"),
        ("plain.html", "site_file"),
        ("vendor/bundle/x.md", "site_file"),
        (".github/pull_request_template.md", "site_file"),
        ("images/x.png", "attachment"),
        ("style.scss", "site_file"),
    ],
)
def test_each_path_has_a_role(tmp_path: Path, path: str, role: str) -> None:
    text = {"list.html": "---\n---\n{% for p in site.posts %}x{% endfor %}", "plain.html": "<p>x</p>"}.get(path, front_matter())

    site, _documents = read_site(tmp_path, {"_config.yml": "exclude: [README.md]\n", path: text})

    assert site.files[path].role == role


@pytest.mark.parametrize(("plugins", "address"), [("[]", "/notes.md"), ("[jekyll-optional-front-matter]", "/notes.html")])
def test_markdown_without_front_matter_stands_where_jekyll_copies_it(tmp_path: Path, plugins: str, address: str) -> None:
    document = read_one(tmp_path, "notes.md", "# Notes\n", f"plugins: {plugins}\n")

    assert (document.permalink, document.title, document.source_title) == (address, "Notes", None)


def test_titles_come_from_front_matter_then_heading_then_name(tmp_path: Path) -> None:
    files = {
        "_posts/2025-01-01-from-the-NAME.md": front_matter(),
        "_posts/2025-01-02-x.md": "---\n---\n# **The** [heading](/x) {#id}\n",
        "_posts/2025-01-03-x.md": front_matter(title="yes"),
    }

    documents = read_site(tmp_path, files)[1]

    assert [(document.title, document.source_title) for document in documents.values()] == [
        ("From The Name", "From The Name"),
        ("The heading", "X"),
        ("yes", "yes"),
    ]


def test_the_base_path_is_part_of_every_address(tmp_path: Path) -> None:
    config = "url: https://www.example.com\nbaseurl: /paper/\n"
    files = {"_config.yml": config, "about.md": front_matter(redirect_from="/old/"), "a.png": "x"}

    site, documents = read_site(tmp_path, files)

    assert site.name == "www.example.com/paper"
    assert (documents["about.md"].permalink, documents["about.md"].aliases) == ("/paper/about.html", ["/paper/old/"])
    assert site.files["a.png"].public_paths == ("/paper/a.png",)


def test_a_collections_dir_moves_posts_and_collections(tmp_path: Path) -> None:
    config = "collections_dir: stuff\ncollections: {docs: {output: true}}\npermalink: /:categories/:title/\n"
    files = {"_config.yml": config, "stuff/_posts/2025-01-02-x.md": front_matter(), "stuff/_docs/y.md": front_matter()}

    documents = read_site(tmp_path, files)[1]

    assert [document.permalink for document in documents.values()] == ["/docs/y/", "/x/"]


def test_a_site_without_configuration_keeps_unknown_collections_private(tmp_path: Path) -> None:
    (tmp_path / "_posts").mkdir()
    (tmp_path / "_posts/2025-01-02-x.md").write_text(front_matter(), encoding="utf-8")
    (tmp_path / "_notes").mkdir()
    (tmp_path / "_notes/y.md").write_text(front_matter(), encoding="utf-8")
    container = open_archive(tmp_path)
    [site] = formats.find_sites(container)

    document = formats.read_document(site, "_notes/y.md", container.read("_notes/y.md"))

    assert [finding.code for finding in site.findings] == ["config-missing"]
    assert document.draft


@pytest.mark.parametrize("start", ["---\n", "# remark\n---\n", "%YAML 1.1\n---\n", ""])
def test_a_configuration_may_begin_with_a_document_marker(tmp_path: Path, start: str) -> None:
    assert read_one(tmp_path, "x.md", front_matter(), start + "permalink: pretty\n").permalink == "/x/"


def test_a_configuration_may_be_toml(tmp_path: Path) -> None:
    (tmp_path / "_config.toml").write_text('permalink = "pretty"\n', encoding="utf-8")
    (tmp_path / "x.md").write_text(front_matter(), encoding="utf-8")
    container = open_archive(tmp_path)
    [site] = formats.find_sites(container)

    assert formats.read_document(site, "x.md", container.read("x.md")).permalink == "/x/"


@pytest.mark.parametrize(
    ("markdown", "flavour"), [("kramdown", "kramdown"), ("CommonMarkGhPages", "commonmark"), ("CommonMark", "commonmark")]
)
def test_the_flavour_follows_the_configured_processor(tmp_path: Path, markdown: str, flavour: str) -> None:
    assert read_one(tmp_path, "x.md", front_matter(), f"markdown: {markdown}\n").flavour == flavour


@pytest.mark.parametrize(
    ("text", "pretty", "slug"),
    [
        ("日本語 テスト・中点", False, "日本語-テスト-中点"),
        ("a_b.c~d!e", False, "a-b-c-d-e"),
        ("a_b.c~d!E", True, "a_b.c~d!e"),
        ("①② １２", False, "１２"),
        ("हिन्दी", False, "हिन्दी"),
        ("--x--", False, "x"),
    ],
)
def test_slugs_are_made_as_jekyll_makes_them(text: str, pretty: bool, slug: str) -> None:
    assert slugify(text, pretty=pretty) == slug


@pytest.mark.parametrize(
    ("path", "data", "config"),
    [
        ("_data/authors.yml", "hana:\n  name: 花の係\n", "title: T\n"),
        ("_data/people.json", '{"hana": {"display_name": "花の係"}}', "title: T\n"),
        ("src/_data/authors.yml", "hana: {name: 花の係}\n", "source: src\n"),
        ("note.txt", "", "authors:\n  hana: {name: 花の係}\n"),
    ],
)
def test_a_byline_that_is_a_key_of_the_sites_people_is_their_name(tmp_path: Path, path: str, data: str, config: str) -> None:
    name = ("src/" if "source" in config else "") + "_posts/2024-01-02-a.md"
    files = {"_config.yml": config, path: data, name: front_matter(author="hana", authors="[hana, 客員]")}

    assert read_site(tmp_path, files)[1][name].authors == ["花の係", "客員"]


def test_a_japanese_comma_separates_terms_but_no_part_of_an_address(tmp_path: Path) -> None:
    text = front_matter(categories="春、夏 Sea")

    document = read_one(tmp_path, "_posts/2024-01-02-a.md", text, "permalink: /:categories/:title/\n")

    assert document.categories == [("春",), ("夏",), ("Sea",)]
    assert document.permalink == "/春、夏/sea/a/"


# --- Pages that list posts ----------------------------------------------------------------------------------------------


@contextmanager
def processor_seconds(most: int) -> Iterator[None]:
    """Raises AssertionError in what takes the processor for longer, however busy the machine is with other things."""

    def stop(*_args: object) -> None:
        raise AssertionError(f"took the processor for more than {most} seconds")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, most)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


LOOP = "{% for post in site.posts %}\n- [{{ post.title }}]({{ post.url }})\n{% endfor %}\n"


@pytest.mark.parametrize(
    "body",
    [
        LOOP,
        "# 記事一覧\n\n" + LOOP,
        "ようこそ。\n\n" + LOOP,
        "{% for person in site.data.people %}{{ person.name }}{% endfor %}\n",
        "{% for post in site.posts limit:1 %}お問い合わせは編集部まで。{% endfor %}\n",
        '<img src="/map.png" alt="編集部の地図">\n{% include contact.html %}\n' + LOOP,
        "",
    ],
)
def test_a_page_of_markdown_is_a_text_whatever_template_code_it_holds(tmp_path: Path, body: str) -> None:
    """Its words may stand in a loop, an include or a picture; what only listed posts is left out when it is rendered."""
    site, documents = read_site(tmp_path, {"_config.yml": "title: T\n", "list.md": "---\nlayout: x\n---\n" + body})

    assert list(documents) == ["list.md"]
    assert ["list", "/list/"] not in site.lists


@pytest.mark.parametrize(
    "unit",
    [
        *("<!-- {% ", "<!-- ", "{% ", "{{ ", "{: ", "< ", "{% for post in site.posts %}", LOOP),
        "{% assign all = site.posts %}{% for post in all %}{% endfor %}",
    ],
)
def test_a_page_of_a_megabyte_of_openings_is_looked_through_once(unit: str) -> None:
    """If each opening read the text to its end, this took a quarter of an hour of the processor; half a minute is allowed."""
    body = unit * (1_000_000 // len(unit))

    with processor_seconds(30):
        found = find_post_lists(body)

    assert len(found) == body.count("{% endfor %}") + body.count("{% assign")


def test_lists_do_not_overlap_where_one_was_assigned_in_another() -> None:
    body = "{% for a in site.posts %}{% assign all = site.tags %}{% endfor %}見出し{% for b in all %}{% endfor %}"

    found = find_post_lists(body)

    assert [body[one.start : one.end][:26] for one in found] == ["{% for a in site.posts %}{", "{% for b in all %}{% endfo"]


def test_a_site_that_shows_the_future_says_so(tmp_path: Path) -> None:
    assert read_one(tmp_path, "_posts/2099-01-01-x.md", front_matter(), "future: true\n").shows_future
    assert not read_one(tmp_path, "_posts/2099-01-01-x.md", front_matter(), "title: T\n").shows_future
