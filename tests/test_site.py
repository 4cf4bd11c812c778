"""The public pages: what they show, to whom, at which address, and at what cost."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from articles.addresses import is_reserved, with_number
from articles.derive import save_derived
from articles.library import add_media
from articles.markup.text import has_paid_links
from articles.models import Author, Category, Post, Series, Source, Tag
from articles.site import views
from articles.site.article import load_neighbours, standfirst
from articles.site.markdown import without_comments
from articles.templatetags.site_tags import day, json_ld, moment, phrases, reading_minutes
from tests.factories import (
    PARAGRAPHS,
    AuthorFactory,
    CategoryFactory,
    MediaFileFactory,
    PostFactory,
    RedirectFactory,
    SeriesFactory,
    make_picture,
)

NOON = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)  # 12:00 in Tokyo
HIDDEN = {
    "draft": {"state": Post.State.DRAFT},
    "in review": {"state": Post.State.IN_REVIEW},
    "scheduled": {"state": Post.State.SCHEDULED, "published_at": datetime(2999, 1, 1, tzinfo=UTC)},
    "future": {"published_at": datetime(2999, 1, 1, tzinfo=UTC)},
    "expired": {"expires_at": datetime(2026, 1, 1, tzinfo=UTC)},
    "withdrawn": {"state": Post.State.WITHDRAWN},
    "trashed": {"trashed_at": datetime(2026, 11, 1, tzinfo=UTC)},
}


def html_of(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status, path
    return response.content.decode()


def titles_in(html: str) -> list[str]:
    links = re.findall(r'<h[23]><a href="[^"]*">(.*?)</a></h[23]>', html)
    return [re.sub(r"<[^>]*>", "", link) for link in links]


def make_everything(count: int) -> Post:
    series = Series.objects.first() or SeriesFactory(name="連載")
    cover = MediaFileFactory()
    return [
        PostFactory(
            authors=["経済班", "政策班"],
            categories=["技術動向", "政策"],
            tags=["AI", "編集"],
            cover=cover,
            series=series,
            translation_key="same",
            source_url="https://example.com/",
        )
        for _ in range(count)
    ][count // 2]


# --- An article -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_article_shows_everything_a_reader_needs(client):
    post = PostFactory(
        title="電力需要の見通し、三つの前提で読む",
        description="三つの前提を並べ、どれに賭けるかを考える。",
        published_at=NOON,
        updated_at=NOON + timedelta(days=1, hours=2),
        character_count=3120,
        authors=["経済班"],
        categories=["投資分析"],
        tags=["電力"],
        outline=[[2, "前提", "前提"], [2, "結論", "結論"]],
    )
    html = html_of(client, post.get_absolute_url())
    assert '<html lang="ja"' in html
    assert html.count("<h1") == 1
    for text in ("2026年11月10日 12:00", "2026年11月11日 14:00", "3,120", "三つの前提を並べ", "経済班", "投資分析", "電力"):
        assert text in html
    assert '<time datetime="2026-11-10T12:00:00+09:00">' in html
    assert f'href="{Author.objects.get().get_absolute_url()}"' in html
    assert f'<link rel="canonical" href="http://testserver{post.get_absolute_url()}">' in html
    assert f'href="#{quote("前提")}"' in html
    # Only data, and a file of this site that is not needed to read.
    assert re.search(r'<script(?! type="application/ld\+json"| src="/static/js/article[.\w]*js" defer>)', html) is None
    assert "style=" not in html
    assert 'href="#main"' in html
    assert 'id="main"' in html


@pytest.mark.django_db
def test_a_title_is_escaped_everywhere(client):
    attack = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    post = PostFactory(title=attack, description=attack, excerpt=attack, authors=[attack], categories=[attack], tags=[attack])
    for path in (post.get_absolute_url(), "/", Tag.objects.get().get_absolute_url(), Author.objects.get().get_absolute_url()):
        html = html_of(client, path)
        assert "<script>alert" not in html
        assert "<img src=x" not in html


@pytest.mark.django_db
def test_an_excerpt_that_repeats_the_title_is_not_shown_twice(client):
    post = PostFactory(title="同じ言葉の題名", custom_excerpt="同じ言葉の題名", excerpt="同じ言葉の題名", description="")
    body = html_of(client, post.get_absolute_url()).split("<body>")[1]
    assert re.sub(r"<wbr>", "", body).count("同じ言葉の題名") == 1
    front = html_of(client, "/").split("<body>")[1]
    assert re.sub(r"<wbr>", "", front).count("同じ言葉の題名") == 1


def test_a_standfirst_is_what_somebody_wrote_and_the_text_does_not_say_again():
    opening = PARAGRAPHS[0]
    post = Post(title="題名", custom_excerpt="", description="別の言葉")
    assert standfirst(post, opening) == "別の言葉"
    for repeated in (opening, opening[:30] + "…", opening.replace("、", "。。") + " ほか", "題名。", ""):
        assert standfirst(Post(title="題名", description=repeated), opening) == ""
    assert standfirst(Post(title="題名", custom_excerpt="題名", description="別の言葉"), opening) == "別の言葉"


@pytest.mark.django_db
def test_a_cover_is_shown_with_its_text_and_not_twice(client):
    cover = MediaFileFactory(credit="写真班")
    post = PostFactory(cover=cover, cover_alt="AI generated thumbnail", cover_caption="説明")
    html = html_of(client, post.get_absolute_url())
    assert 'alt="AI generated thumbnail"' in html
    assert "<figcaption>説明 <span" in html
    assert f'og:image" content="http://testserver{cover.url}"' in html
    post.body_html = f'<p><img src="{cover.url}" alt=""></p>'
    post.save()
    assert "<figure" not in html_of(client, post.get_absolute_url())


@pytest.mark.django_db
def test_a_cover_that_readers_do_not_get_is_not_named(client):
    post = PostFactory(cover=MediaFileFactory(public_name="", name="private.svg"))
    for path in (post.get_absolute_url(), "/"):
        html = html_of(client, path)
        assert "<img" not in html
        assert "og:image" not in html


@pytest.mark.django_db
def test_paid_links_are_labelled_on_the_page_and_in_lists(client):
    paid = '<p><a href="https://shop.example/" rel="sponsored nofollow">店</a></p>'
    post = PostFactory(body_html=paid)
    assert 'class="label"' in html_of(client, post.get_absolute_url())
    assert 'class="label"' in html_of(client, "/")
    post.body = 'How to write `<a rel="sponsored">`: rel="sponsored"'
    save_derived(post)
    assert 'class="label"' not in html_of(client, post.get_absolute_url())
    assert 'class="label"' not in html_of(client, "/")


@pytest.mark.parametrize(
    ("html", "is_paid"),
    [
        ('<a href="/a" rel="sponsored">', True),
        ('<a href="/a" class="b c" rel="nofollow sponsored noopener" title="x">', True),
        ('<a title="a > b" rel="nofollow sponsored">', True),
        ('<a href="/a" rel="nofollow">sponsored', False),
        ('<a title=" rel=&quot;sponsored&quot; " href="/">', False),
        ('<p>rel="sponsored"</p>', False),
    ],
)
def test_a_paid_link_is_told_by_its_tag(html, is_paid):
    assert has_paid_links(html) is is_paid


@pytest.mark.django_db
def test_an_upgrade_marks_the_texts_that_have_paid_links(monkeypatch):
    upgrade = import_module("articles.migrations.0021_find_paid_links")
    monkeypatch.setattr(upgrade, "AT_ONCE", 2)
    paid = [PostFactory(body_html=f'<p><a href="/{number}" rel="sponsored">店</a></p>').pk for number in range(5)]
    PostFactory(body_html="<p>sponsored</p>")
    Post.objects.update(has_paid_links=False)
    for _time in range(2):
        upgrade.mark(apps, SimpleNamespace(connection=connection))
        assert sorted(Post.objects.filter(has_paid_links=True).values_list("pk", flat=True)) == paid


@pytest.mark.django_db
def test_neighbours_are_the_nearest_public_posts_of_the_language(client):
    older = PostFactory(title="older", published_at=NOON - timedelta(days=1))
    post = PostFactory(title="middle", published_at=NOON)
    same_time = PostFactory(title="newer", published_at=NOON)
    PostFactory(title="other language", published_at=NOON + timedelta(minutes=1), language="en")
    PostFactory(title="far", published_at=NOON + timedelta(days=1))
    for state in HIDDEN.values():
        PostFactory(**{"title": "kept back", "published_at": NOON + timedelta(seconds=1), **state})
    html = html_of(client, post.get_absolute_url())
    assert older.get_absolute_url() in html
    assert same_time.get_absolute_url() in html
    assert not [title for title in ("kept back", "other language", "far") if title in html]


@pytest.mark.django_db
def test_a_series_leads_through_its_numbers_whatever_the_dates(client):
    series = SeriesFactory(name="引っ越し")
    third = PostFactory(title="third", series=series, series_order=3, published_at=NOON - timedelta(days=3))
    second = PostFactory(title="second", series=series, series_order=2, published_at=NOON)
    first = PostFactory(title="first", series=series, series_order=1, published_at=NOON - timedelta(days=1))
    extra = PostFactory(title="extra", series=series, published_at=NOON - timedelta(days=9))
    PostFactory(title="hidden", series=series, series_order=2, state=Post.State.DRAFT)

    def steps(post: Post) -> list[str]:
        part = html_of(client, post.get_absolute_url()).partition('class="series"')[2].partition("</nav>")[0]
        return re.findall(r'href="([^"]*)" rel="(?:prev|next)"', part)

    assert steps(first) == [second.get_absolute_url()]
    assert steps(second) == [first.get_absolute_url(), third.get_absolute_url()]
    assert steps(third) == [second.get_absolute_url(), extra.get_absolute_url()]
    assert steps(extra) == [third.get_absolute_url()]


@pytest.mark.django_db
def test_translations_name_each_other_and_drafts_are_left_out(client):
    japanese = PostFactory(translation_key="k")
    english = PostFactory(translation_key="k", language="en")
    PostFactory(translation_key="k", language="fr", state=Post.State.DRAFT, path="/canary/")
    html = html_of(client, japanese.get_absolute_url())
    assert f'hreflang="en" href="http://testserver{english.get_absolute_url()}"' in html
    assert f'hreflang="ja" href="http://testserver{japanese.get_absolute_url()}"' in html
    assert "canary" not in html
    assert f'hreflang="ja" href="http://testserver{japanese.get_absolute_url()}"' in html_of(client, english.get_absolute_url())


@pytest.mark.django_db
def test_translations_are_found_by_their_key_and_not_among_all_posts_of_a_source():
    post = PostFactory(translation_key="k", source=Source.objects.create(name="旧サイト", dialect="hugo", timezone="Asia/Tokyo"))
    PostFactory(translation_key="k", language="en")
    with CaptureQueriesContext(connection) as queries:
        assert load_neighbours(post).translations == []
    condition = queries[0]["sql"].partition("WHERE")[2]
    assert '"translation_key" = ' in condition
    assert '"source_id" = ' not in condition


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "spoken"), [("", "ja"), ("ja", "ja"), ("en", "en"), ("en-GB", "en"), ("ar", "ja")])
def test_the_interface_follows_the_page_and_never_the_reader(client, language, spoken):
    post = PostFactory(language=language, published_at=NOON)
    response = client.get(post.get_absolute_url(), headers={"accept-language": "fr,de;q=0.9", "cookie": "django_language=en"})
    html = response.content.decode()
    assert f'<html lang="{language or "ja"}" dir="{"rtl" if language == "ar" else "ltr"}"' in html
    assert f'<header class="masthead" lang="{spoken}"' in html
    assert ("10 November 2026" in html) == (spoken == "en")
    assert response.headers.get("Vary", "Accept-Encoding") == "Accept-Encoding"
    assert response.headers["Content-Language"] == (language or "ja")


@pytest.mark.django_db
def test_words_of_the_interface_in_a_page_of_another_language_say_whose_they_are(client):
    body = "## أ\n\n## ب\n"
    post = PostFactory(language="ar", body=body, authors=["A"])
    PostFactory(language="ar", title="مقال آخر")
    save_derived(post)
    html = html_of(client, post.get_absolute_url())
    for start in ("<summary", '<p class="meta"', '<footer class="after"'):
        assert f'{start} lang="ja">' in html
    assert '<span class="title" lang="ar">مقال آخر</span>' in html
    japanese = html_of(client, PostFactory().get_absolute_url())
    assert '<footer class="after">' in japanese


@pytest.mark.django_db
def test_a_standing_page_has_no_date_and_stands_in_no_list(client):
    page = PostFactory(kind=Post.Kind.PAGE, title="編集の約束", published_at=None, path="/about/")
    html = html_of(client, "/about/")
    assert "<time" not in html
    assert "WebPage" in html
    assert page.title not in html_of(client, "/")


@pytest.mark.django_db
def test_only_web_addresses_become_links(client):
    author = AuthorFactory(
        links=[{"label": "x", "url": "javascript:alert(1)"}, "odd", {"label": "ok", "url": "https://example.com/"}]
    )
    post = PostFactory(source_url="javascript:alert(1)", canonical_url="javascript:alert(1)", authors=[author])
    assert "javascript:" not in html_of(client, post.get_absolute_url())
    html = html_of(client, author.get_absolute_url())
    assert "javascript:" not in html
    assert 'href="https://example.com/"' in html


@pytest.mark.django_db
def test_a_stated_canonical_address_is_told(client):
    post = PostFactory(canonical_url="https://example.com/first")
    assert '<link rel="canonical" href="https://example.com/first">' in html_of(client, post.get_absolute_url())


# --- Home and lists -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_front_page_shows_the_newest_posts_by_section(client):
    posts = [PostFactory(title=f"post-{number}", categories=["政策" if number % 2 else "技術"]) for number in range(14)]
    html = html_of(client, "/")
    shown = [title for title in titles_in(html) if title.startswith("post-")]
    assert shown[:5] == [f"post-{number}" for number in range(13, 8, -1)]
    assert sorted(shown) == sorted(post.title for post in posts)
    assert html.count("<h1") == 1


@pytest.mark.django_db
def test_an_empty_site_says_so(client):
    assert 'class="empty"' in html_of(client, "/")


@pytest.mark.django_db
def test_a_post_at_the_root_introduces_the_front_page(client):
    PostFactory(kind=Post.Kind.PAGE, title="ようこそ", path="/", published_at=None, body_html="<p>はじめに</p>")
    PostFactory(title="news")
    html = html_of(client, "/")
    assert html.index("はじめに") < html.index("news")
    assert html_of(client, "/index.md").startswith("---\n")
    response = client.get("/index.html")
    assert (response.status_code, response.headers["Location"]) == (301, "/")


@pytest.mark.django_db
def test_lists_are_walked_in_both_directions_without_a_gap(client):
    # Many posts of one instant, as an import of undated files makes, on both sides of a page's border.
    moments = [NOON - timedelta(hours=number) for number in range(18)] + [NOON - timedelta(days=2)] * 50
    posts = [PostFactory(title=f"post-{number}", published_at=moment, tags=["AI"]) for number, moment in enumerate(moments)]
    expected = [post.title for post in Post.objects.published().dated()]
    assert len(expected) == len(posts)
    seen, back, path = [], {}, "/tags/ai/"
    while path:
        html = html_of(client, path)
        seen += titles_in(html)
        newer, older = (re.search(rf'rel="{rel}" href="([^"]*)"', html) for rel in ("prev", "next"))
        back[path] = newer and newer[1]
        path = older and "/tags/ai/" + older[1]
    assert seen == expected
    pages = list(back)
    assert [back[page] for page in pages[1:]] == ["?", *(page.removeprefix("/tags/ai/") for page in pages[1:-1])]
    assert back[pages[0]] is None


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "x", "1", "1-", "-", "999999999999999999-0", "1-9999999", "1-0;", "１-0", "1-0\x00"])
@pytest.mark.parametrize("path", ["/", "/tags/ai/", "/2026/"])
def test_a_malformed_place_in_a_list_is_not_found(client, path, token):
    PostFactory(tags=["AI"])
    assert client.get(path, {"before": token}).status_code == 404


@pytest.mark.django_db
def test_unknown_parameters_change_nothing(client):
    PostFactory(tags=["AI"])
    for path in ("/", "/tags/ai/", "/2026/11/"):
        plain = client.get(path).content
        for query in ("?utm_source=x", "?author__password__startswith=a", "?status=draft&ordering=-id", "?preview=1;a=b"):
            assert client.get(path + query).content == plain


@pytest.mark.django_db
def test_a_category_holds_what_is_below_it_once(client):
    parent = CategoryFactory(name="技術")
    child = CategoryFactory(name="索引", parent=parent)
    PostFactory(title="both", categories=[parent, child])
    PostFactory(title="below", categories=[child])
    PostFactory(title="elsewhere", categories=[CategoryFactory(name="技術者")])
    html = html_of(client, parent.get_absolute_url())
    assert sorted(titles_in(html)) == ["below", "both"]
    assert child.get_absolute_url() in html
    assert sorted(titles_in(html_of(client, "/categories/技術/索引/"))) == ["below", "both"]


@pytest.mark.django_db
def test_archives_are_by_the_day_of_the_sites_zone(client):
    PostFactory(title="new year in Tokyo", published_at=datetime(2025, 12, 31, 15, 0, tzinfo=UTC), path="/a/")
    PostFactory(title="old year in Tokyo", published_at=datetime(2025, 12, 31, 14, 59, tzinfo=UTC), path="/b/")
    assert titles_in(html_of(client, "/2026/"))[-1] == "new year in Tokyo"
    assert "old year" not in html_of(client, "/2026/01/")
    assert titles_in(html_of(client, "/2025/12/")) == ["old year in Tokyo"]
    for path in ("/2024/", "/2026/13/", "/2026/00/", "/0000/", "/9999/", "/9999/12/"):
        assert client.get(path).status_code == 404, path


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/tags/ai", "/categories/政策", "/authors/経済班", "/series/連載", "/2026", "/2026/11"])
def test_a_list_has_one_address(client, path):
    PostFactory(tags=["AI"], categories=["政策"], authors=["経済班"], series=SeriesFactory(name="連載"), published_at=NOON)
    response = client.get(path)
    assert (response.status_code, response.headers["Location"]) == (301, quote(path) + "/")


# --- What is not public ---------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_not_public_leaves_no_trace(client, name):
    visible = PostFactory(
        title="visible",
        tags=["AI"],
        categories=["政策"],
        authors=["経済班"],
        series=SeriesFactory(name="連載"),
        path="/2026/11/visible/",
    )
    paths = ("/", visible.path, "/tags/ai/", "/categories/政策/", "/authors/経済班/", "/series/連載/", "/2026/", "/2026/11/")
    files = (
        "/rss.xml",
        "/atom.xml",
        "/sitemap.xml",
        "/sitemap-posts.xml",
        "/sitemap-news.xml",
        "/llms.txt",
        "/feeds/",
        "/feed.json",
        "/unknown/",
        "/2999/",
        visible.path.rstrip("/") + ".md",
    )

    def crawl() -> list[tuple[int, bytes, dict[str, str]]]:
        answers = [client.get(path) for path in (*paths, *files)]
        return [(answer.status_code, b"".join(answer), dict(answer.headers)) for answer in answers]

    before = crawl()
    hidden = PostFactory(
        **{
            "title": "DRAFTCANARY",
            "path": "/2026/11/canary/",
            "excerpt": "DRAFTCANARY",
            "tags": ["AI", "canary-tag"],
            "categories": ["政策", "canary-category"],
            "authors": ["経済班", "canary-author"],
            "series": Series.objects.get(),
            "translation_key": "k",
            **HIDDEN[name],
        }
    )
    RedirectFactory(old_path="/canary-old/", post=hidden)
    assert crawl() == before
    unknown = 410 if name == "withdrawn" else 404
    for path in ("/2026/11/canary/", "/2026/11/canary", "/2026/11/canary.md", "/canary-old/"):
        assert client.get(path).status_code == unknown, path
        assert "CANARY" not in client.get(path).content.decode()
    for path in ("/tags/canary-tag/", "/tags/canary-tag", "/categories/canary-category/", "/authors/canary-author/"):
        assert client.get(path).status_code == 404, path


@pytest.mark.django_db
def test_a_draft_answers_as_an_unknown_address_does(client):
    PostFactory(title="zzqxj", path="/a/zzqxj/", state=Post.State.DRAFT)
    draft, unknown = client.get("/a/zzqxj/"), client.get("/a/vvkwq/")
    assert (draft.status_code, draft.content, draft.headers) == (unknown.status_code, unknown.content, unknown.headers)


@pytest.mark.django_db
def test_what_was_withdrawn_before_its_day_was_never_there(client):
    soon = timezone.now() + timedelta(days=1)
    PostFactory(path="/x/", state=Post.State.WITHDRAWN, published_at=soon)
    assert client.get("/x/").status_code == 404
    PostFactory(path="/y/", state=Post.State.WITHDRAWN, published_at=soon, first_published_at=NOON)
    assert client.get("/y/").status_code == 410


@pytest.mark.django_db
def test_a_withdrawn_text_is_not_confirmed_by_its_entity_tag(client):
    post = PostFactory()
    etag = client.get(post.get_absolute_url()).headers["ETag"]
    assert client.get(post.get_absolute_url(), headers={"if-none-match": etag}).status_code == 304
    post.state = Post.State.WITHDRAWN
    post.save()
    for headers in ({"if-none-match": etag}, {"if-modified-since": "Fri, 01 Jan 2999 00:00:00 GMT"}):
        response = client.get(post.get_absolute_url(), headers=headers)
        assert response.status_code == 410
        assert post.title not in response.content.decode()


# --- Addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/2026/11/記事/", "/2026/11/記事"),
        ("/2026/11/記事/", "/2026/11/記事/index.html"),
        ("/2026/11/記事/", "/2026/11/記事.html"),
        ("/2026/11/ガイド/", "/2026/11/" + unicodedata.normalize("NFD", "ガイド") + "/"),
        ("/2026/11/ガイド/", "/2026/11/" + unicodedata.normalize("NFD", "ガイド") + ".html"),
        ("/2026/11/記事/", "/2026/11/" + quote(quote("記事")) + "/"),
        ("/a.html", "/a"),
        ("/a.html", "/a/"),
        ("/a/index.html", "/a/"),
        ("/a", "/a/"),
        ("/100% sure?/#1/", "/100%25%20sure%3F/%231"),
    ],
)
def test_other_spellings_lead_to_the_permalink_in_one_step(client, path, asked):
    post = PostFactory(path=path)
    response = client.get(quote(asked) if "%" not in asked else asked)
    assert response.status_code == 301
    assert response.headers["Location"] == post.get_absolute_url()
    assert client.get(response.headers["Location"]).status_code == 200


@pytest.mark.django_db
def test_a_former_address_leads_to_the_post_in_one_step(client):
    post = PostFactory(path="/新しい/住所/")
    RedirectFactory(old_path="/古い/住所.html", post=post)
    RedirectFactory(old_path="/2020/01/", post=post)
    for path in ("/古い/住所.html", "/古い/住所", "/古い/住所/", "/2020/01/", "/古い/住所.html?utm=1"):
        response = client.get(quote(path, safe="/?="))
        assert (response.status_code, response.headers["Location"]) == (301, post.get_absolute_url())


@pytest.mark.django_db
def test_a_post_wins_over_a_redirect_and_an_exact_address_over_a_variant(client):
    first, second = PostFactory(path="/a/"), PostFactory(path="/a")
    RedirectFactory(old_path="/a/", post=second)
    assert first.title in client.get("/a/").content.decode().replace("<wbr>", "")
    assert second.title in client.get("/a").content.decode().replace("<wbr>", "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/tags/x/", "/2031/", "/2031/05/", "/categories/x/y/", "/authors/x/", "/series/x/", "/media/x/", "/tags/x"]
)
def test_a_post_may_hold_an_address_that_looks_like_a_list(client, path):
    Tag.objects.create(name="x")
    Category.objects.create(name="x")
    post = PostFactory(path=path)
    assert f'content="{post.title}"' in html_of(client, path)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/",
        "///evil.example",
        "/%5Cevil.example",
        "/%0d%0aLocation:%20x",
        "/%00",
        "/a/%00/b",
        "/%ff%fe",
        "/" + "a" * 5000,
        "/a/../../etc/passwd",
        "/%e3%80",
    ],
)
def test_odd_addresses_are_not_found_and_lead_nowhere(client, path):
    PostFactory(path="/evil.example/")
    response = client.get("/", PATH_INFO=path) if path.startswith("//") else client.get(path)
    assert response.status_code in (301, 404)
    assert response.headers.get("Location", "/evil.example/") == "/evil.example/"


@pytest.mark.django_db
def test_a_missing_page_proposes_similar_public_posts(client):
    meant = PostFactory(title="Where articles live", path="/2026/11/where-articles-live/")
    PostFactory(title="Quite different", path="/2026/11/zzz/")
    PostFactory(title="Where articles live, draft", path="/2026/11/where-articles-live-2/", state=Post.State.DRAFT)
    html = html_of(client, "/2026/10/where-article-lives/", 404)
    assert re.findall(r'<li><a href="(/2026[^"]*)"', html) == [meant.get_absolute_url()]


@pytest.mark.django_db
def test_markdown_is_the_public_text_without_comments(client):
    post = PostFactory(
        title='題名 "x"',
        path="/2026/11/text/",
        authors=["経済班"],
        tags=["AI"],
        body="見える。<!-- SECRET --> 続き %%SECRET%%。\n\n```html\n<!-- a sample -->\n```\n\n[//]: # (SECRET)\n\n<!-- SECRET",
        body_html='<p>見える。 続き 。</p><pre><code><span class="c">&lt;!-- a</span> sample --&gt;</code></pre>',
        front_matter="---\nsecret: SECRET\n---\n",
    )
    response = client.get("/2026/11/text.md")
    text = response.content.decode()
    assert response.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert text.startswith('---\ntitle: "題名 \\"x\\""\ndate: 2026-11-')
    assert f'canonical: "http://testserver{post.get_absolute_url()}"' in text
    assert "SECRET" not in text
    assert "<!-- a sample -->" in text
    assert '<link rel="alternate" type="text/markdown" href="/2026/11/text.md">' in html_of(client, post.path)


@pytest.mark.parametrize(
    "comment",
    [
        "<!--\nSECRET\n-->",
        "%%\nSECRET\n%%",
        "{% comment %}SECRET{% endcomment %}",
        "{%- comment -%}SECRET{%- endcomment -%}",
        "{::comment}\nSECRET\n{:/comment}",
        "{{/* SECRET */}}",
        "{{</* SECRET */>}}",
        '[comment]: <> "SECRET"',
        "<!-- SECRET",
    ],
)
def test_every_kind_of_comment_is_left_out(comment):
    assert "SECRET" not in without_comments(f"before\n\n{comment}\n", "<p>before</p>")


def test_reserved_addresses_are_told_however_they_are_spelled():
    for path in ("/admin/", "/Admin/x/", "//admin/", "/./admin/", "/feed/", "/rss.xml", "/static/a.css", "/healthz", "/api/"):
        assert is_reserved(path), path
    for path in ("/sitemap-2.xml", "/media/0a/0123456789abcdef/a.png"):
        assert is_reserved(path), path
    for path in ("/", "/administration/", "/a/admin/", "/media/news/", "/tags/x/", "/2025/", "/docs/rss.xml", "/feeds/"):
        assert not is_reserved(path), path


def test_a_newcomers_address_gets_a_number():
    assert with_number("/a/b/", 2) == "/a/b-2/"
    assert with_number("/a.html", 2) == "/a-2.html"
    assert with_number("/a", 3) == "/a-3"
    assert with_number("/", 2) == "/index-2/"
    assert with_number("/node.js/", 2) == "/node.js-2/"
    assert with_number("/v1.2", 2) == "/v1.2-2"
    assert len(with_number("/" + "a" * 799, 2)) == 800


# --- HTTP -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_public_pages_set_no_cookie_and_take_no_post():
    post = PostFactory(tags=["AI"])
    client = Client(enforce_csrf_checks=True)
    for path in (
        "/",
        post.path,
        "/tags/ai/",
        "/rss.xml",
        "/sitemap.xml",
        "/sitemap-posts.xml",
        "/sitemap-news.xml",
        "/llms.txt",
        "/feeds/",
        "/manifest.webmanifest",
        "/api/",
        "/robots.txt",
        "/unknown/",
        "/feed/",
    ):
        response = client.get(path)
        assert not response.cookies, path
        assert response.headers.get("Vary", "Accept-Encoding") == "Accept-Encoding", path
        for method in (client.post, client.put, client.delete, client.patch):
            assert method(path).status_code == 405, path


@pytest.mark.django_db
def test_head_says_what_get_says():
    post = PostFactory()
    client = Client()
    for path in ("/", post.path, "/rss.xml", "/unknown/"):
        head, get = client.head(path), client.get(path)
        assert head.content == b""
        assert (head.status_code, head.headers) == (get.status_code, get.headers)


@pytest.mark.django_db
def test_headers_of_a_request_never_reach_a_page(client):
    post = PostFactory()
    plain = client.get(post.path).content
    for name in (
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-original-url",
        "x-rewrite-url",
        "forwarded",
        "accept-language",
        "cookie",
    ):
        assert client.get(post.path, headers={name: "canary.example"}).content == plain


# --- Cost -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_article_costs_four_queries_however_many_posts_there_are(client, django_assert_num_queries):
    post = make_everything(10)
    with django_assert_num_queries(4):  # post, credits, neighbours, sections
        client.get(post.get_absolute_url())
    make_everything(10)
    with django_assert_num_queries(4):
        client.get(post.get_absolute_url())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/", "/tags/ai/", "/categories/技術動向/", "/authors/経済班/", "/series/連載/", "/2026/", "/2026/11/"]
)
def test_a_list_costs_at_most_five_queries_however_many_posts_there_are(client, django_assert_max_num_queries, path):
    make_everything(10)
    with django_assert_max_num_queries(5):  # term, posts, credits, sections
        client.get(path)
    make_everything(60)
    with django_assert_max_num_queries(5):
        html = html_of(client, path)
    older = re.search(r'rel="next" href="([^"]*)"', html)
    with django_assert_max_num_queries(6):  # and the newer page, and whether what stands at the address is kept out of search
        html_of(client, path + older[1])


@pytest.mark.django_db
def test_an_unknown_address_costs_the_same_with_twice_the_posts(client, django_assert_max_num_queries):
    make_everything(10)
    with django_assert_max_num_queries(7):  # post, redirect, withdrawn, former address of a term, sections, two for suggestions
        client.get("/2026/11/articel-3/")
    make_everything(10)
    with django_assert_max_num_queries(7):
        client.get("/2026/11/articel-3/")


def test_the_stylesheets_and_scripts_of_an_article_stay_small():
    folder = Path(django_settings.BASE_DIR) / "static"
    assert sum((folder / "css" / name).stat().st_size for name in ("tokens.css", "site.css", "prose.css")) <= 14 * 1024
    assert (folder / "js" / "article.js").stat().st_size <= 10 * 1024


# --- Library files --------------------------------------------------------------------------------------------------


def get_media(name: str, **headers: str):
    request = RequestFactory().get(f"/media/{name}", headers={key.replace("_", "-"): value for key, value in headers.items()})
    return views.show_media(request, name)


def read(response) -> bytes:
    data = b"".join(response)
    response.close()
    return data


@pytest.mark.django_db(transaction=True)
def test_a_picture_is_served_with_its_type_and_kept_for_ever(media_root):
    media = add_media(make_picture("#000000", "#ffffff", (8, 8)), "a.png")
    response = get_media(media.public_name)
    data = read(response)
    assert data == (media_root / media.public_name).read_bytes()
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in response.headers["Cache-Control"]
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert not response.headers.get("Content-Disposition", "").startswith("attachment")
    assert get_media(media.public_name, if_none_match=response.headers["ETag"]).status_code == 304


@pytest.mark.django_db(transaction=True)
def test_a_part_of_a_file_is_served(media_root):
    media = add_media(b"%PDF-1.7\n0123456789\n%%EOF\n", "a.pdf")
    whole = get_media(media.public_name)
    assert whole.headers["Content-Disposition"].startswith("attachment")
    size = len(read(whole))
    part = get_media(media.public_name, range="bytes=9-12")
    assert (part.status_code, read(part), part.headers["Content-Range"]) == (206, b"0123", f"bytes 9-12/{size}")
    tail = get_media(media.public_name, range="bytes=-6")
    assert (tail.status_code, read(tail)) == (206, b"%%EOF\n")
    assert get_media(media.public_name, range="bytes=900-").status_code == 416
    for odd in ("bytes=0-1,3-4", "lines=1-2", "bytes=-", "bytes=a-b"):
        response = get_media(media.public_name, range=odd)
        assert response.status_code == 200, odd
        response.close()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        "../private/x",
        "..%2f..%2fx",
        "0a/0123456789abcdef/../../../x.png",
        "0a/0123456789abcdef/.hidden.png",
        "0a/0123456789abcdef/x.html",
        "0a/0123456789abcdef/x",
        ".staging/x",
        "0a\\0123456789abcdef\\x.png",
        "0a/0123456789abcdef/x.png\x00",
    ],
)
def test_no_way_leads_out_of_the_library(media_root, client, name):
    folder = media_root / "0a" / "0123456789abcdef"
    folder.mkdir(parents=True)
    for file in (".hidden.png", "x.html", "x", "y.png"):
        (folder / file).write_text("SECRET")
    (folder / "x.png").symlink_to("/etc/passwd")
    assert get_media(name).status_code == 404
    assert get_media("0a/0123456789abcdef/x.png").status_code == 404
    assert client.get("/media/" + quote(name)).status_code == 404


@pytest.mark.django_db
def test_addresses_below_media_that_are_no_files_may_be_those_of_posts():
    post = PostFactory(path="/media/radio/")
    response = get_media("radio/")
    assert response.status_code == 200
    assert post.title in response.content.decode()


# --- Words ----------------------------------------------------------------------------------------------------------


def test_dates_are_written_as_the_language_writes_them():
    with translation.override("ja"):
        assert moment(NOON) == "2026年11月10日 12:00"
        assert day(NOON) == "2026年11月10日"
    with translation.override("en"):
        assert moment(NOON) == "10 November 2026, 12:00"
    assert moment(None) == ""


def test_reading_time_counts_characters_as_the_language_is_read():
    assert reading_minutes(Post(language="", character_count=3120)) == 6
    assert reading_minutes(Post(language="ja", character_count=2080)) == 4
    assert reading_minutes(Post(language="en", character_count=3120)) == 3
    assert reading_minutes(Post(language="ja", character_count=0)) == 1


def test_titles_break_between_phrases_and_are_escaped():
    assert phrases("電力需要の見通し、三つの前提で読む").count("<wbr>") >= 2
    assert phrases("Plain English") == "Plain English"
    assert "<script>" not in phrases("危険な<script>題名</script>")
    assert re.sub(r"<[^>]*>", "", phrases("記事はどこに住むのか")) == "記事はどこに住むのか"


def test_json_in_a_page_cannot_end_its_element():
    assert json_ld({"a": "</script><!--&\u2028"}) == '{"a": "\\u003c/script\\u003e\\u003c!--\\u0026\\u2028"}'
