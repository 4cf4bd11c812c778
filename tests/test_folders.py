"""Pages that stood above a list on their old site: their words, and the list, both stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from articles.models import Post, SiteSettings, Source, Tag
from articles.site.publishing import publish
from articles.transfer.importing import import_archive
from tests.factories import AuthorFactory, PostFactory
from tests.pages import CachedSite
from tests.test_admin import fields, post_url, sign_in
from tests.test_importing import write_site

pytestmark = pytest.mark.django_db

SITE: dict[str, str | bytes] = {
    "hugo.toml": (
        'baseURL = "https://old.example/"\ndefaultContentLanguage = "ja"\n'
        "[languages.ja]\nweight = 1\n[languages.en]\nweight = 2\n"
        '[taxonomies]\ntag = "tags"\nauthor = "writers"\n'
    ),
    "content/posts/_index.md": "---\ntitle: 記事\n---\n記事の棚の前書き。\n",
    "content/posts/haru.md": "---\ntitle: 春が来た\ndate: 2025-04-01\ntags: [春]\nwriters: [山田 太郎]\n---\n本文\n",
    "content/posts/natsu.md": "---\ntitle: 夏が来た\ndate: 2025-07-01\n---\n本文\n",
    "content/posts/hello.en.md": "---\ntitle: Hello there\ndate: 2025-05-01\n---\ntext\n",
    "content/posts/secret.md": "---\ntitle: 秘密\ndate: 2025-05-02\ndraft: true\n---\n本文\n",
    "content/docs/_index.md": "---\ntitle: 手引き\n---\n手引きの前書き。\n",
    "content/docs/begin.md": "---\ntitle: はじめに\n---\n本文\n",
    "content/_index.en.md": "---\ntitle: Home\n---\nWelcome, reader.\n",
    "content/tags/春/_index.md": "---\ntitle: 春の特集\ndescription: 春だけの説明\n---\n特集の言葉。\n",
    "content/tags/冬/_index.md": "---\ntitle: 冬の特集\n---\n冬の言葉。\n",
    "content/tags/_index.md": "---\ntitle: 札の一覧\n---\n札についての言葉。\n",
    "content/writers/山田-太郎/_index.md": "---\ntitle: 山田太郎のこと\n---\n山田の紹介。\n",
}


@pytest.fixture(autouse=True)
def japanese(settings: Any) -> None:
    settings.LANGUAGE_CODE = "ja"


def bring(folder: Path, files: dict[str, str | bytes]) -> Source:
    import_archive(write_site(folder / "old", files))
    return Source.objects.get()


@pytest.fixture
def hugo(tmp_path: Path, media_root: Path) -> Source:
    return bring(tmp_path, SITE)


def read(client: Client, path: str) -> str:
    response = client.get(quote(path, safe="/?=-"))
    assert response.status_code == 200, path
    return response.content.decode().replace("<wbr>", "")


# --- Terms ------------------------------------------------------------------------------------------------------------


def test_the_list_of_a_term_shows_the_words_of_the_page_at_its_address(client: Client, hugo: Source, settings: Any) -> None:
    page = read(client, "/tags/春/")
    assert page.index("春の特集") < page.index("特集の言葉。") < page.index("春が来た")
    assert '<meta name="description" content="春だけの説明">' in page
    assert f'<link rel="canonical" href="{settings.SITE_URL}{quote("/tags/春/")}">' in page
    assert f'type="text/markdown" href="{quote("/tags/春.md")}"' in page
    assert "特集の言葉。" in read(client, "/tags/春.md")
    assert client.get(quote("/tags/春")).headers["Location"] == quote("/tags/春/")


def test_a_page_at_a_terms_address_answers_alone_while_nothing_has_the_term(client: Client, hugo: Source) -> None:
    assert "冬の言葉。" in read(client, "/tags/冬/")
    assert "冬の言葉。" in read(client, "/tags/冬.md")


def test_older_pages_of_a_term_do_not_repeat_the_words(client: Client, hugo: Source) -> None:
    SiteSettings.objects.create(number=1, posts_per_page=5)
    for number in range(7):
        PostFactory(tags=["春"], published_at=timezone.now() - timedelta(days=number + 1))
    older = read(client, "/tags/春/").partition('rel="next" href="')[2].partition('"')[0]
    assert "特集の言葉。" not in read(client, "/tags/春/" + older)


def test_any_public_page_stands_above_the_list_at_its_address_and_no_other_does(client: Client) -> None:
    author = AuthorFactory(name="hanako", slug="hanako")
    page = PostFactory(path="/authors/hanako/", kind="page", published_at=None, title="花子の頁", body_html="<p>花子の言葉</p>")
    PostFactory(title="花子の記事", authors=[author])
    assert "花子の言葉" in read(client, "/authors/hanako/")
    page.state = Post.State.DRAFT
    page.save()
    assert "花子の言葉" not in read(client, "/authors/hanako/")
    assert "花子の記事" in read(client, "/authors/hanako/")


def test_a_page_that_alone_has_the_term_of_its_address_is_no_member_of_its_own_list(client: Client) -> None:
    Tag.objects.create(name="odd", slug="odd")
    PostFactory(path="/tags/odd/", kind="page", published_at=None, title="独り", tags=["odd"], body_html="<p>独りの言葉</p>")
    page = read(client, "/tags/odd/")
    assert "独りの言葉" in page
    assert page.count('class="story"') == 0


def test_a_page_asked_to_be_kept_out_of_search_keeps_the_list_that_shows_it_out(client: Client, hugo: Source) -> None:
    Post.objects.filter(path="/tags/春/").update(noindex=True)
    assert client.get(quote("/tags/春/")).headers["X-Robots-Tag"] == "noindex"


def test_the_page_of_a_term_at_another_address_has_the_list_of_the_term_below_it(client: Client, hugo: Source) -> None:
    page = read(client, "/writers/山田-太郎/")
    assert page.index("山田の紹介。") < page.index("春が来た")
    assert "夏が来た" not in page


def test_a_page_above_the_terms_of_a_taxonomy_is_shown_above_them(client: Client, hugo: Source) -> None:
    page = read(client, "/tags/")
    assert page.index("札の一覧") < page.index("札についての言葉。") < page.index(quote("/tags/春/"))


# --- Sections and languages ---------------------------------------------------------------------------------------------


def test_the_page_of_a_section_shows_its_text_and_its_articles_newest_first(client: Client, hugo: Source) -> None:
    page = read(client, "/posts/")
    assert page.index("記事の棚の前書き。") < page.index("夏が来た") < page.index("春が来た")
    for other in ("Hello there", "秘密", "はじめに"):
        assert other not in page


def test_a_section_of_pages_without_a_date_lists_them(client: Client, hugo: Source) -> None:
    page = read(client, "/docs/")
    assert page.index("手引きの前書き。") < page.index("はじめに")


def test_the_page_of_a_language_lists_the_articles_of_that_language(client: Client, hugo: Source) -> None:
    page = read(client, "/en/")
    assert page.index("Welcome, reader.") < page.index("Hello there")
    assert "夏が来た" not in page


def test_the_home_page_of_a_sub_path_lists_its_language(client: Client, tmp_path: Path, media_root: Path) -> None:
    files = SITE | {"content/_index.md": "---\ntitle: 入口\n---\nようこそ。\n"}
    files["hugo.toml"] = str(files["hugo.toml"]).replace(
        '"https://old.example/"', '"https://old.example/sub/"\ndefaultContentLanguageInSubdir = true'
    )
    bring(tmp_path, files)
    page = read(client, "/sub/ja/")
    assert page.index("ようこそ。") < page.index("夏が来た")
    assert "Hello there" not in page


def test_a_section_whose_posts_stand_elsewhere_lists_them_all_the_same(client: Client, tmp_path: Path, media_root: Path) -> None:
    config = str(SITE["hugo.toml"]) + '[permalinks]\nposts = "/:year/:month/:slug/"\n'
    bring(tmp_path, SITE | {"hugo.toml": config})
    assert not Post.objects.filter(path__startswith="/posts/", kind="article").exists()
    page = read(client, "/posts/")
    assert page.index("記事の棚の前書き。") < page.index("夏が来た") < page.index("春が来た")
    assert "Hello there" not in page
    assert "秘密" not in page


def test_older_articles_of_a_section_are_on_pages_of_their_own(client: Client, hugo: Source) -> None:
    SiteSettings.objects.create(number=1, posts_per_page=5)
    for number in range(7):
        PostFactory(
            path=f"/posts/more-{number}/", title=f"続き{number}", published_at=timezone.now() - timedelta(days=number + 1)
        )
    first = read(client, "/posts/")
    older = first.partition('rel="next" href="')[2].partition('"')[0]
    assert older.startswith("?before=")
    second = read(client, "/posts/" + older)
    assert "続き0" in first
    assert "続き6" not in first
    assert "続き6" in second
    assert "夏が来た" in second
    assert "記事の棚の前書き。" not in second
    assert "<h1>" in second
    assert client.get("/posts/?before=nonsense").status_code == 404


def test_further_pages_and_feeds_of_an_old_list_lead_to_the_page_above_it(client: Client, hugo: Source) -> None:
    for old, new in {
        "/posts/page/2/": "/posts/",
        "/en/page/3/": "/en/",
        "/posts/index.xml": "/rss.xml",
        "/en/index.xml": "/rss.xml",
        "/tags/春/index.xml": quote("/tags/春/rss.xml"),
        "/writers/山田-太郎/index.xml": "/rss.xml",
        "/writers/山田-太郎/page/2/": quote("/writers/山田-太郎/"),
    }.items():
        assert client.get(quote(old)).headers["Location"] == new, old
    assert client.get(quote("/tags/冬/index.xml")).status_code == 404, "a term without public posts has no feed"


def test_the_preview_of_a_page_above_a_list_shows_the_list(hugo: Source) -> None:
    desk, _person = sign_in("editor")
    page = Post.objects.get(path="/posts/")
    text = desk.post(post_url("preview", page.pk), fields(page, body="直した前書き。")).text.replace("<wbr>", "")
    assert text.index("直した前書き。") < text.index("夏が来た") < text.index("春が来た")


def test_the_list_below_a_page_is_published_as_files_with_its_older_pages(hugo: Source, tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    SiteSettings.objects.create(number=1, posts_per_page=5)
    for number in range(9):
        moment = timezone.now() - timedelta(days=number + 1)
        for folder, language in (("posts", "ja"), ("en", "en")):
            PostFactory(path=f"/{folder}/more-{number}/", title=f"続き{number}", published_at=moment, language=language)
    report = publish(tmp_path / "www" / "site")
    assert not report.refused
    for folder in ("posts", "en"):
        older = [file.read_text() for file in (tmp_path / "www" / "site" / folder / "page").glob("*/index.html")]
        assert any("続き8" in text for text in older), folder
    assert "特集の言葉。" in (tmp_path / "www" / "site" / "tags" / "春" / "index.html").read_text()
    again = publish(tmp_path / "www" / "site", mode="check")
    assert not again.differing


def test_without_an_index_a_section_and_a_language_lead_on_as_before(client: Client, tmp_path: Path, media_root: Path) -> None:
    bring(tmp_path, {name: text for name, text in SITE.items() if "_index" not in name})
    for path in ("/posts/", "/en/"):
        assert client.get(path).headers["Location"] == "/"


def test_a_page_above_a_list_costs_the_same_with_twice_the_posts(
    client: Client, hugo: Source, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    def costs() -> list[int]:
        found = []
        for path in ("/posts/", "/en/", "/tags/春/", "/tags/", "/writers/山田-太郎/", "/docs/"):
            with django_assert_max_num_queries(16) as captured:
                read(client, path)
            found.append(len(captured))
        return found

    for number in range(3):
        PostFactory(path=f"/posts/a{number}/", tags=["春"])
    costs()
    before = costs()
    for number in range(9):
        PostFactory(path=f"/posts/b{number}/", tags=["春"], language="en" if number % 2 else "")
    assert costs() == before


def test_a_section_lists_its_own_language_alone_wherever_the_pages_of_another_stand(
    client: Client, tmp_path: Path, media_root: Path
) -> None:
    """Hosts of their own for languages: their addresses lie below each other's."""
    files = SITE | {"content/posts/_index.en.md": "---\ntitle: Articles\n---\nWords above.\n"}
    files["hugo.toml"] = (
        'baseURL = "https://old.example/"\ndefaultContentLanguage = "ja"\n'
        '[languages.ja]\nbaseURL = "https://ja.example/"\nweight = 1\n'
        '[languages.en]\nbaseURL = "https://en.example/"\nweight = 2\n[taxonomies]\ntag = "tags"\n'
    )
    bring(tmp_path, files)
    japanese, english = (Post.objects.get(source_path=f"content/posts/_index{end}.md").path for end in ("", ".en"))
    PostFactory(path=f"{japanese}new/", title="新しい記事", language="")
    PostFactory(path=f"{japanese}new-en/", title="Brand new", language="en")
    shown = read(client, japanese)
    assert all(title in shown for title in ("春が来た", "夏が来た", "新しい記事"))
    assert not any(title in shown for title in ("Hello there", "Brand new", "Articles"))
    shown = read(client, english)
    assert "Hello there" in shown
    assert not any(title in shown for title in ("春が来た", "新しい記事", "記事の棚"))


def test_a_section_without_articles_does_not_list_the_page_of_another_language(
    client: Client, tmp_path: Path, media_root: Path
) -> None:
    other = {"content/docs/_index.en.md": "---\ntitle: Manual\n---\nHow to.\n"}
    bring(tmp_path, SITE | other)
    Post.objects.filter(title="Manual").update(path="/docs/manual/")
    shown = read(client, "/docs/")
    assert "はじめに" in shown
    assert "Manual" not in shown


def test_further_pages_are_kept_out_of_search_with_the_page_above_them(client: Client, hugo: Source) -> None:
    SiteSettings.objects.create(number=1, posts_per_page=5)
    for number in range(7):
        moment = timezone.now() - timedelta(days=number + 1)
        PostFactory(path=f"/posts/more-{number}/", tags=["春"], published_at=moment)
    older = {
        address: address + read(client, address).partition('rel="next" href="')[2].partition('"')[0]
        for address in ("/posts/", "/tags/春/")
    }
    addresses = [*older, *older.values(), "/tags/", "/tags/?from=a"]
    site = CachedSite()
    for address in addresses:
        assert "X-Robots-Tag" not in client.get(quote(address, safe="/?=-")).headers, address
        site.get(address)
    Post.objects.filter(path__in=[*older, "/tags/"]).update(noindex=True)
    site.follower.hear()
    for address in addresses:
        assert client.get(quote(address, safe="/?=-")).headers["X-Robots-Tag"] == "noindex", address
        assert site.get(address).text == site.fresh(address).text, address
    Post.objects.filter(path="/tags/春/").update(state="draft")
    assert "X-Robots-Tag" not in client.get(quote(older["/tags/春/"], safe="/?=-")).headers


@pytest.mark.django_db(transaction=True)
def test_a_further_page_of_terms_forgets_the_title_of_a_page_that_was_withdrawn() -> None:
    source = Source.objects.create(name="old", dialect="hugo", timezone="UTC", lists=[["home", "/"], ["tag", "/tags/"]])
    values = {"source": source, "source_path": "content/tags/_index.md", "source_permalink": "/tags/"}
    page = PostFactory(path="/tags/", kind="page", published_at=None, title="秘密の題", translation_key="taxonomy/tags", **values)
    PostFactory(title="記事", tags=["春"])
    site = CachedSite()
    for address in ("/tags/?from=a", "/tags/"):
        assert "秘密の題" in site.get(address).text
        assert site.get(address).how == "hit"
    Post.objects.filter(pk=page.pk).update(title="別の題")
    site.follower.hear()
    assert "秘密の題" not in site.get("/tags/?from=a").text
    Post.objects.filter(pk=page.pk).update(state="withdrawn")
    site.follower.hear()
    assert "別の題" not in site.get("/tags/?from=a").text


@pytest.mark.parametrize("change", ["lists", "address"])
def test_a_kept_page_above_terms_hears_of_what_an_import_says_anew_of_the_old_site(hugo: Source, change: str) -> None:
    site = CachedSite()
    addresses = ("/tags/", "/writers/山田-太郎/")
    before = [site.get(address).text for address in addresses]
    if change == "lists":
        Source.objects.update(lists=[["home", "/"]])
    else:
        Post.objects.filter(path__in=addresses).update(source_permalink="/labels/x/")
    site.follower.hear()
    after = [site.get(address).text for address in addresses]
    assert after == [site.fresh(address).text for address in addresses]
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_a_kept_page_above_a_list_hears_of_whoever_comes_goes_or_moves(hugo: Source) -> None:
    site = CachedSite()
    addresses = ("/posts/", "/en/", "/docs/", "/tags/春/", "/tags/", "/writers/山田-太郎/")

    def compare() -> None:
        site.follower.hear()
        for address in addresses:
            assert site.get(address).text == site.fresh(address).text, address

    compare()
    assert {site.get(address).how for address in addresses} == {"hit"}
    newcomer = PostFactory(path="/elsewhere/", title="新顔", published_at=timezone.now() - timedelta(days=3))
    compare()
    for values in (
        {"path": "/posts/newcomer/"},
        {"language": "en"},
        {"title": "改題"},
        {"path": "/docs/newcomer/", "kind": "page", "published_at": None},
        {"title": "再改題"},
        {"state": "withdrawn"},
    ):
        Post.objects.filter(pk=newcomer.pk).update(**values)
        compare()
    Post.objects.filter(path="/posts/").update(body_html="<p>別の前書き</p>")
    compare()
    assert "別の前書き" in site.get("/posts/").text
    Post.objects.filter(path="/tags/春/").update(body_html="<p>別の特集</p>")
    compare()
    assert "別の特集" in site.get("/tags/春/").text
    Post.objects.filter(path="/writers/山田-太郎/").update(title="改名")
    Post.objects.filter(title="春が来た").update(state="draft")
    compare()
