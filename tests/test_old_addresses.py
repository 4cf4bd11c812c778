"""Every address of an old site answers: kept, or led on in one step; and what only drafts have is unknown."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from articles.addresses import host_of, letter_pairs, likeness, loose_form, spellings_of
from articles.models import Post, PostLink, Source, SourceFile
from articles.transfer.importing import import_archive
from articles.transfer.proving import addresses_of_source, prove
from tests.factories import PostFactory, RedirectFactory, make_picture
from tests.test_importing import write_site

pytestmark = pytest.mark.django_db
DAY = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)


def leads(client: Client, path: str) -> str:
    """Where an address leads in one step, decoded; its status where it leads nowhere. The target must answer 200."""
    response = client.get(quote(path, safe="/?=&%+~!$'()*,;:@"))
    if response.status_code != 301:
        return str(response.status_code)
    location = response.headers["Location"]
    assert location[:1] == "/" != location[1:2]
    assert client.head(location).status_code == 200, location
    return location


HUGO = {
    "hugo.toml": (
        'baseURL = "https://old.example/news/"\ndefaultContentLanguage = "ja"\nbuildFuture = true\n'
        "[languages.ja]\nweight = 1\n[languages.fr]\nweight = 2\n"
        '[taxonomies]\ntag = "topics"\ncategory = "categories"\nauthor = "writers"\n'
    ),
    "content/posts/Spring.md": (
        "---\ntitle: 春\ndate: 2025-04-01\ntopics: [AI, 'C++', 'Q&A', 機械 学習]\ncategories: [技術動向]\n"
        "writers: [経済班]\n---\n本文\n"
    ),
    "content/posts/trip/index.md": "---\ntitle: 旅\ndate: 2025-04-02\naliases: [/old/trip/]\n---\n![海](sea.png)\n",
    "content/posts/trip/index.fr.md": "---\ntitle: Voyage\ndate: 2025-04-02\n---\n![mer](sea.png)\n",
    "content/posts/trip/sea.png": b"sea",
    "content/posts/secret/index.md": "---\ntitle: 秘\ndate: 2025-04-03\ndraft: true\ntopics: [内密]\n---\n![図](plan.png)\n",
    "content/posts/secret/plan.png": b"plan",
    "static/images/Logo A.png": b"logo",
    "static/favicon.png": b"favicon",
}


def write_with_pictures(folder: Path, files: dict[str, str | bytes]) -> Path:
    colours = {b"sea": "#123456", b"plan": "#654321", b"logo": "#104010", b"favicon": "#700010"}
    drawn = {
        name: make_picture(colours[content], "#ffffff", (40, 30)) if isinstance(content, bytes) else content
        for name, content in files.items()
    }
    return write_site(folder, drawn)


@pytest.fixture
def hugo(tmp_path: Path, media_root: Path, django_capture_on_commit_callbacks: Any) -> Source:
    with django_capture_on_commit_callbacks(execute=True):
        import_archive(write_with_pictures(tmp_path / "news", HUGO))
    return Source.objects.get()


# --- Spellings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/posts/hello-world/", "/Posts/Hello-World/"),
        ("/posts/hello-world/", "/Posts/Hello-World.html"),
        ("/posts/été/", "/Posts/" + unicodedata.normalize("NFD", "Été") + "/index.html"),
        ("/a/b/", "/a//b/"),
        ("/a/b/", "/a/b/index"),
        ("/a/b/", "/a/b/index.php"),
        ("/記事/", "/%e8%a8%98%E4%BA%8B"),
        ("/a%2Fb/", "/a%252Fb"),
    ],
)
def test_any_spelling_leads_to_the_permalink_in_one_step(client: Client, path: str, asked: str) -> None:
    post = PostFactory(path=path)
    response = client.get(asked if "%" in asked else quote(asked))
    assert (response.status_code, response.headers["Location"]) == (301, post.get_absolute_url())


def test_an_address_as_written_wins_over_one_in_lower_case(client: Client) -> None:
    upper, lower = PostFactory(path="/Go/"), PostFactory(path="/go/")
    assert leads(client, "/Go") == upper.get_absolute_url()
    assert leads(client, "/go") == lower.get_absolute_url()


def test_a_former_address_as_written_wins_over_another_spelling_of_a_post(client: Client) -> None:
    PostFactory(path="/a/")
    other = PostFactory(path="/b/")
    RedirectFactory(old_path="/a.html", post=other)
    assert leads(client, "/a.html") == other.get_absolute_url()
    for same in ("/a", "/a/index.html"):
        RedirectFactory(old_path=same, post=other)
        assert leads(client, same) == "/a/", "no former address comes before a page that stands there"


def test_spellings_of_one_address_have_one_loose_form() -> None:
    forms = {loose_form(path) for path in ("/a/B/", "/a/b", "/a/b.html", "/a/b/index.html", "/A//b/")}
    assert forms == {"/a/b"}
    assert {loose_form("/"), loose_form("/index.html")} == {"/"}
    assert list(spellings_of("/" + "a" * 900)) == list(spellings_of("/\x00")) == []


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://www.Old.example/a", "old.example"),
        ("http://old.example:80/", "old.example"),
        ("//old.example:8080/", "old.example:8080"),
        ("https://user@old.example/", "old.example"),
        ("https://日本語.example/", "xn--wgv71a119e.example"),
        ("/a", ""),
        ("ftp://old.example/", ""),
        ("https://[::1", ""),
        ("https:///a", ""),
        ("mailto:a@old.example", ""),
    ],
)
def test_a_host_has_one_spelling(address: str, host: str) -> None:
    assert host_of(address) == host


def test_likeness_is_the_share_of_the_wanted_pairs() -> None:
    assert likeness(letter_pairs("/2025/04/hello/"), "/archive/hello/") == 1
    assert likeness(letter_pairs("/hello/"), "/zzz/", "別") == 0
    assert likeness(letter_pairs("/2025/"), "/2025/") == 0


# --- Lists, feeds, sitemaps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/news/", "/"),
        ("/news/index.html", "/"),
        ("/news/fr/", "/"),
        ("/news/posts/", "/"),
        ("/news/posts/page/2/", "/"),
        ("/news/fr/posts/", "/"),
        ("/news/page/2/", "/"),
        ("/news/page2/", "/"),
        ("/page/3/", "/"),
        ("/news/topics/", "/"),
        ("/news/topics/ai/", "/tags/ai/"),
        ("/news/topics/AI", "/tags/ai/"),
        ("/news/topics/ai/page/2/", "/tags/ai/"),
        ("/news/fr/topics/ai/", "/tags/ai/"),
        ("/news/topics/c++/", "/tags/c-plus-plus/"),
        ("/news/topics/qa/", "/tags/q-a/"),
        ("/news/topics/機械-学習/", "/tags/機械-学習/"),
        ("/tags/AI/", "/tags/ai/"),
        ("/tag/ai/", "/tags/ai/"),
        ("/news/categories/技術動向/", "/categories/技術動向/"),
        ("/news/writers/経済班/", "/authors/経済班/"),
        ("/news/2025/", "/2025/"),
        ("/news/2025/04/", "/2025/04/"),
        ("/2025/04/01/", "/2025/04/"),
        ("/news/archives/2025/04/", "/2025/04/"),
        ("/news/index.xml", "/rss.xml"),
        ("/news/posts/index.xml", "/rss.xml"),
        ("/news/topics/ai/index.xml", "/tags/ai/rss.xml"),
        ("/news/categories/技術動向/feed.xml", "/categories/技術動向/atom.xml"),
        ("/news/feed.xml", "/atom.xml"),
        ("/feed.xml", "/atom.xml"),
        ("/index.xml", "/rss.xml"),
        ("/feed/by_tag/ai.xml", "/atom.xml"),
        ("/news/sitemap.xml", "/sitemap.xml"),
        ("/news/fr/sitemap.xml", "/sitemap.xml"),
        ("/sitemap_index.xml", "/sitemap.xml"),
        ("/sitemap.xml.gz", "/sitemap.xml"),
        ("/favicon.ico", "/static/img/icon.svg"),
        ("/news/favicon.ico", "/static/img/icon.svg"),
    ],
)
def test_lists_feeds_and_sitemaps_of_the_old_site_lead_to_those_of_this_one(
    client: Client, hugo: Source, old: str, new: str
) -> None:
    assert leads(client, old) == quote(new)


@pytest.mark.parametrize(
    "path",
    [
        "/news/topics/内密/",
        "/news/topics/内密/index.xml",
        "/news/topics/nothing/",
        "/news/2024/",
        "/news/2025/13/",
        "/news/0000/",
        "/news/elsewhere/",
        "/other/page/2/",
        "/other/index.xml",
        "/other/sitemap.xml",
        "/news/topics/" + "a" * 780,
        "/news/topics/%00/",
        "/news/posts/secret/",
        "/news/posts/secret/plan.png",
    ],
)
def test_a_list_that_shows_nothing_is_as_unknown_as_one_that_never_was(client: Client, hugo: Source, path: str) -> None:
    assert leads(client, path) == "404"


def test_a_source_of_drafts_alone_is_unknown_to_readers(client: Client, tmp_path: Path, media_root: Path) -> None:
    drafts = {
        name: text.replace("---\ntitle", "---\ndraft: true\ntitle") if isinstance(text, str) else text
        for name, text in HUGO.items()
    }
    before = {path: (client.get(path).status_code, client.get(path).content) for path in LISTS}
    import_archive(write_with_pictures(tmp_path / "news", drafts))
    assert Post.objects.exists()
    assert not Post.objects.published().exists()
    assert {path: (client.get(path).status_code, client.get(path).content) for path in LISTS} == before


LISTS = (
    "/news/",
    "/news/fr/",
    "/news/posts/",
    "/news/topics/",
    "/news/topics/ai/",
    "/news/index.xml",
    "/news/page/2/",
    "/news/sitemap.xml",
    "/news/archives/",
    "/news/posts/trip/sea.png",
    "/news/images/Logo%20A.png",
)


def test_a_post_stands_where_the_old_list_did(client: Client, hugo: Source) -> None:
    PostFactory(path="/news/topics/ai/")
    assert leads(client, "/news/topics/ai/") == "200"


def test_the_template_pages_of_a_jekyll_site_lead_home(client: Client, tmp_path: Path, media_root: Path) -> None:
    site = {
        "_config.yml": (
            "url: https://old.example\nbaseurl: /blog\npaginate_path: /articles/page:num/\n"
            "jekyll-archives:\n  permalinks:\n    tag: /t/:name/\n    category: /c/:name/\n    year: /on/:year/\n"
        ),
        "_posts/2025-04-01-Haru.md": "---\ntitle: 春\ntags: [AI]\ncategories: [News]\n---\n本文\n",
        "articles/index.html": "---\nlayout: default\n---\n{% for post in paginator.posts %}{{ post.title }}{% endfor %}\n",
        "all.html": "---\npermalink: /every-post/\n---\n{% for post in site.posts %}{{ post.title }}{% endfor %}\n",
    }
    import_archive(write_site(tmp_path / "blog", site))
    for old, new in {
        "/blog/articles/": "/",
        "/blog/articles/page2/": "/",
        "/blog/articles/page/2/": "/",
        "/blog/every-post/": "/",
        "/blog/t/ai/": "/tags/ai/",
        "/blog/c/news/": "/categories/news/",
        "/blog/on/2025/": "/2025/",
        "/blog/feed.xml": "/atom.xml",
        "/blog/news/2025/04/01/haru.html": "404",
        "/blog/news/2025/04/01/Haru.html": "200",
        "/blog/news/2025/04/01/Haru": "/blog/news/2025/04/01/Haru.html",
    }.items():
        assert leads(client, old) == new, old


def test_pages_of_markdown_that_listed_posts_open_with_their_words_and_without_template_code(
    client: Client, tmp_path: Path, media_root: Path
) -> None:
    loop = '{% for post in site.posts %}\n- <a href="{{ post.url }}">{{ post.title }}</a>\n{% endfor %}\n'
    site = {
        "_config.yml": "url: https://old.example\nfuture: true\n",
        "_posts/2025-04-01-Haru.md": "---\ntitle: 春\ncategories: [News]\n---\n本文\n",
        "_posts/2099-04-01-ahead.md": "---\ntitle: 先\n---\n本文\n",
        "index.md": "---\nlayout: home\n---\n# 最新\n\n" + loop,
        "list.md": "---\ntitle: 一覧\n---\n" + loop,
        "news.md": "---\npermalink: /news/\n---\n" + loop,
        "about.md": "---\ntitle: 紹介\npermalink: /about/\n---\n紹介の言葉。\n\n" + loop,
    }
    run = import_archive(write_site(tmp_path / "blog", site))
    pages = {address: client.get(address) for address in ("/", "/list/", "/news/", "/about/")}
    assert {answer.status_code for answer in pages.values()} <= {200, 301}
    assert "最新" in pages["/"].text
    assert "紹介の言葉。" in pages["/about/"].text
    for text in (answer.text for answer in pages.values()):
        assert "{{" not in text
        assert "{%" not in text
    codes = {item.path: {finding["code"] for finding in item.findings} for item in run.items.all()}
    assert "post-list-left-out" in codes["about.md"]
    assert "was-public-there" in codes["_posts/2099-04-01-ahead.md"]
    assert "was-public-there" not in codes["_posts/2025-04-01-Haru.md"]


def test_hexos_folders_of_lists_are_read_from_its_configuration(
    client: Client, tmp_path: Path, media_root: Path, django_capture_on_commit_callbacks: Any
) -> None:
    site = {
        "_config.yml": (
            "url: https://old.example\ntag_dir: label\ncategory_dir: kinds\narchive_dir: past\npost_asset_folder: true\n"
        ),
        "source/_posts/haru.md": "---\ntitle: 春\ndate: 2025-04-01\ntags: [AI]\ncategories: [News, Local]\n---\n本文\n",
        "source/_posts/haru/a.png": make_picture("#123456", "#ffffff", (40, 30)),
        "scaffolds/post.md": "---\ntitle: x\n---\n",
    }
    with django_capture_on_commit_callbacks(execute=True):
        import_archive(write_site(tmp_path / "hexo", site))
    assert leads(client, "/label/AI/") == "/tags/ai/"
    assert leads(client, "/kinds/News/Local/") == "/categories/news/local/"
    assert leads(client, "/past/2025/04/") == "/2025/04/"
    assert leads(client, "/past/") == "/"
    post = Post.objects.get()
    picture = post.path.rstrip("/") + "/a.png"
    assert leads(client, picture).startswith("/media/")
    Post.objects.update(state=Post.State.DRAFT)
    assert leads(client, picture) == "404"


# --- Files --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/news/posts/trip/sea.png",
        "/news/fr/posts/trip/sea.png",
        "/news/images/Logo A.png",
        "/news/images/Logo%20A.png",
        "/news/images/Logo%2520A.png",
        "/news//images/Logo A.png",
        "/news/favicon.png",
    ],
)
def test_a_file_is_found_under_its_old_address(client: Client, hugo: Source, path: str) -> None:
    response = client.get(path if "%" in path else quote(path))
    assert response.status_code == 301
    assert response.headers["Location"].startswith("/media/")
    assert client.head(response.headers["Location"]).status_code == 200


def test_a_picture_that_only_a_draft_shows_is_unknown_until_the_post_is_public(client: Client, hugo: Source) -> None:
    plan, nothing = client.get("/news/posts/secret/plan.png"), client.get("/news/posts/secret/nope.png")
    assert (plan.status_code, nothing.status_code) == (404, 404)
    Post.objects.filter(source_path="content/posts/secret/index.md").update(state=Post.State.PUBLISHED)
    assert leads(client, "/news/posts/secret/plan.png").startswith("/media/")


def test_a_site_wide_picture_is_unknown_while_only_drafts_show_it(client: Client, hugo: Source) -> None:
    media = SourceFile.objects.get(path="static/images/Logo A.png").media
    assert media is not None
    draft = PostFactory(state=Post.State.DRAFT)
    PostLink.objects.create(post=draft, kind="image", target="/images/Logo A.png", url=media.url)
    assert leads(client, "/news/images/Logo A.png") == "404"
    draft.state = Post.State.PUBLISHED
    draft.save()
    assert leads(client, "/news/images/Logo A.png").startswith("/media/")
    draft.state = Post.State.DRAFT
    draft.save()
    PostFactory(cover=media)
    assert leads(client, "/news/images/Logo A.png").startswith("/media/")


def test_a_file_that_readers_do_not_get_or_the_disk_has_lost_is_not_promised(
    client: Client, hugo: Source, media_root: Path
) -> None:
    media = SourceFile.objects.get(path="static/favicon.png").media
    assert media is not None
    (media_root / media.public_name).unlink()
    assert leads(client, "/news/favicon.png") == "/static/img/icon.svg"
    media.public_name = ""
    media.save()
    assert leads(client, "/news/favicon.png") == "/static/img/icon.svg"
    media = SourceFile.objects.get(path="static/images/Logo A.png").media
    assert media is not None
    (media_root / media.public_name).unlink()
    assert leads(client, "/news/images/Logo A.png") == "404"


# --- Cost ---------------------------------------------------------------------------------------------------------------


def test_an_old_address_costs_the_same_with_twice_the_posts_and_sources(
    client: Client, hugo: Source, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    def costs() -> list[int]:
        found = []
        for path in ("/news/topics/ai/page/2/", "/news/posts/trip/sea.png", "/news/nothing/", "/news/posts/", "/news/topics/zz/"):
            with django_assert_max_num_queries(12) as captured:
                client.get(path)
            found.append(len(captured))  # type: ignore[arg-type]
        return found

    before = costs()
    for number in range(10):
        source = Source.objects.create(name=f"s{number}", dialect="hugo", base_path=f"/b{number}", timezone="UTC")
        PostFactory(source=source, source_path=f"a{number}.md", tags=["AI", f"t{number}"])
    assert costs() == before


# --- Lists that this site has no equal of -------------------------------------------------------------------------------

PLACES = {
    "hugo.toml": (
        'baseURL = "https://old.example/"\ndefaultContentLanguage = "ja"\n'
        "[languages.ja]\nweight = 1\n[languages.en]\nweight = 2\n"
        '[taxonomies]\ntag = "tags"\ncategory = "categories"\nchiiki = "chiiki"\n'
        '[permalinks]\nposts = "/:year/:month/:slug/"\nhidden = "/:year/:month/:slug/"\nMy-News = "/:year/:slug/"\n'
        'tags = "/fuda/:slug/"\n'
    ),
    "content/posts/haru.md": (
        "---\ntitle: 春\ndate: 2025-04-01\ntags: [海, 名所]\ncategories: [お知らせ]\n"
        "chiiki: [港区, 名所, New York, 'Q&A']\n---\n本文\n"
    ),
    "content/posts/hello.en.md": "---\ntitle: Hello\ndate: 2025-04-02\ntags: [Sea]\n---\ntext\n",
    "content/My News/a.md": "---\ntitle: 報\ndate: 2025-04-03\n---\n本文\n",
    "content/hidden/a.md": "---\ntitle: 秘\ndate: 2025-04-03\ndraft: true\nchiiki: [内密]\n---\n本文\n",
}


def test_lists_of_moved_sections_taxonomies_and_the_first_language_lead_on(
    client: Client, tmp_path: Path, media_root: Path
) -> None:
    run = import_archive(write_site(tmp_path / "old", PLACES))
    for old, new in {
        "/posts/": "/",
        "/posts/index.xml": "/rss.xml",
        "/posts/page/2/": "/",
        "/en/posts/": "/",
        "/my-news/": "/",
        "/hidden/": "404",
        "/hidden/index.xml": "404",
        "/fuda/海/": quote("/tags/海/"),
        "/fuda/海/index.xml": quote("/tags/海/rss.xml"),
        "/en/fuda/sea/": "/tags/sea/",
        "/fuda/無い/": "404",
        "/chiiki/": "/",
        "/chiiki/index.xml": "/rss.xml",
        "/chiiki/港区/": "/",
        "/chiiki/港区/index.xml": "/rss.xml",
        "/chiiki/new-york/": "/",
        "/chiiki/qa/": "/",
        "/chiiki/名所/": quote("/tags/名所/"),
        "/chiiki/内密/": "/",
        "/chiiki/無い/": "/",
        "/chiiki/港区/無い/": "404",
        "/chiiki/無い.png": "404",
        "/ja/": "/",
        "/ja/index.html": "/",
        "/ja/sitemap.xml": "/sitemap.xml",
    }.items():
        assert leads(client, old) == new, old
    findings = [finding for finding in run.findings if finding["code"] == "taxonomy-not-shown"]
    assert [finding["params"]["name"] for finding in findings] == ["chiiki"]


def test_addresses_of_an_unknown_taxonomy_tell_nothing_of_what_texts_hide(client: Client) -> None:
    lists = [["home", "/"], ["terms", "/chiiki/"]]
    source = Source.objects.create(name="old", dialect="hugo", timezone="UTC", lists=lists)
    front_matter = "---\ntitle: x\nchiiki: [関西]\ninformant: Yamada Jiro\npassword: hunter2\n---\n"
    extra = {"informant": "Yamada Jiro", "password": "hunter2"}
    PostFactory(source=source, source_path="content/a.md", front_matter=front_matter, extra=extra, tags=["海"])
    for word in ("y", "yz", "yamada", "yamadx", "yamada-jiro", "yamada-jirx", "hunter2", "hunter3", "password", "関西", "関東"):
        assert leads(client, f"/chiiki/{word}/") == "/", word
        assert leads(client, f"/chiiki/{word}/index.xml") == "/rss.xml", word
    assert leads(client, "/chiiki/海/") == quote("/tags/海/")
    Post.objects.update(state=Post.State.DRAFT)
    assert leads(client, "/chiiki/yamada/") == "404", "nobody knows of a source of which nothing is public"


def test_no_address_has_the_texts_of_all_posts_read(client: Client) -> None:
    lists = [["home", "/"], ["terms", "/chiiki/"], ["section:content/hidden/", "/hidden/"], ["section", "/earlier/"]]
    source = Source.objects.create(name="old", dialect="hugo", timezone="UTC", lists=lists)
    PostFactory(source=source, source_path="content/a.md")
    for path in ("/chiiki/a-b-c-d/", "/hidden/", "/earlier/", "/nothing/here/"):
        with CaptureQueriesContext(connection) as captured:
            client.get(path)
        for query in captured.captured_queries:
            asked = query["sql"].partition(" WHERE ")[2]
            assert "front_matter" not in asked, path
            assert "extra" not in query["sql"], path
            assert "LIKE '%" not in asked or '"path" = ' in asked, f"{path}: such a LIKE reads the whole table: {asked}"


def test_a_section_answers_while_its_own_folder_has_something_public(client: Client) -> None:
    lists = [["home", "/"], ["section:content/news/", "/news/"]]
    source = Source.objects.create(name="old", dialect="hugo", timezone="UTC", lists=lists)
    PostFactory(source=source, source_path="content/other/news/a.md", path="/2025/a/")
    assert leads(client, "/news/") == "404", "a folder of that name elsewhere is another one"
    post = PostFactory(source=source, source_path="content/news/a.md", path="/2025/b/")
    assert leads(client, "/news/") == "/"
    Post.objects.filter(pk=post.pk).update(state=Post.State.DRAFT)
    assert leads(client, "/news/") == "404"


def test_a_section_leads_to_the_category_of_its_name(client: Client, tmp_path: Path, media_root: Path) -> None:
    files = {name.replace("/posts/", "/お知らせ/"): text for name, text in PLACES.items()}
    files["hugo.toml"] = files["hugo.toml"].replace("posts =", "お知らせ =")
    import_archive(write_site(tmp_path / "old", files))
    assert leads(client, "/お知らせ/") == quote("/categories/お知らせ/")


# --- Files of bundles in translations that have addresses of their own --------------------------------------------------

SHARED = {
    "hugo.toml": PLACES["hugo.toml"].replace('posts = "/:year/:month/:slug/"\n', ""),
    "content/posts/trip/index.md": "---\ntitle: 旅\ndate: 2025-04-02\nchiiki: [港区]\n---\n![海](sea.png)\n",
    "content/posts/trip/index.en.md": (
        "---\ntitle: Voyage\nslug: voyage\ndate: 2025-04-02\n---\n![sea](sea.png)\n\n[map](maps/map.png)\n"
    ),
    "content/posts/trip/sea.png": b"sea",
    "content/posts/trip/maps/map.png": b"logo",
    "content/posts/_index.en.md": "---\ntitle: Posts\nurl: /en/all/\n---\ntext\n",
    "content/posts/banner.png": b"favicon",
    "content/posts/secret/index.md": "---\ntitle: 秘\ndate: 2025-04-03\ndraft: true\n---\n![図](plan.png)\n",
    "content/posts/secret/plan.png": b"plan",
}


@pytest.fixture
def translated(tmp_path: Path, media_root: Path, django_capture_on_commit_callbacks: Any) -> Source:
    with django_capture_on_commit_callbacks(execute=True):
        import_archive(write_with_pictures(tmp_path / "old", SHARED))
    return Source.objects.get()


def test_a_file_of_a_bundle_is_found_below_the_address_of_each_translation(client: Client, translated: Source) -> None:
    for path in (
        "/posts/trip/sea.png",
        "/en/posts/voyage/sea.png",
        "/en/posts/voyage/maps/map.png",
        "/en/all/banner.png",
    ):
        assert leads(client, path).startswith("/media/"), path
    for path in ("/en/posts/voyage/none.png", "/en/all/secret/plan.png", "/posts/secret/plan.png", "/en/all/trip/sea.png"):
        assert leads(client, path) == "404", path


def test_a_file_goes_with_the_page_of_its_translation(client: Client, translated: Source) -> None:
    Post.objects.filter(path="/posts/trip/").update(state=Post.State.DRAFT)
    assert leads(client, "/en/posts/voyage/sea.png").startswith("/media/")
    assert leads(client, "/posts/trip/sea.png") == "404"
    moved = Post.objects.get(path="/en/posts/voyage/")
    RedirectFactory(old_path=moved.path, post=moved)
    Post.objects.filter(pk=moved.pk).update(path="/elsewhere/")
    assert leads(client, "/en/posts/voyage/sea.png").startswith("/media/")
    Post.objects.filter(pk=moved.pk).update(state=Post.State.DRAFT)
    assert leads(client, "/en/posts/voyage/sea.png") == "404"


def test_a_proof_asks_for_files_in_each_language_and_for_every_list(translated: Source) -> None:
    addresses = set(addresses_of_source(translated))
    assert {
        "/posts/trip/sea.png",
        "/en/posts/voyage/sea.png",
        "/en/posts/voyage/maps/map.png",
        "/posts/",
        "/posts/index.xml",
        "/ja/",
        quote("/chiiki/港区/"),
        "/chiiki/index.xml",
    } <= addresses
    assert not any("secret" in address for address in addresses)
    answered = {proof.address: str(proof.outcome) for proof in prove(sorted(addresses))}
    assert set(answered.values()) <= {"ok", "moved"}, [address for address, outcome in answered.items() if outcome == "missing"]
