"""Indexes of terms, the archive, fronts of sections: which ways lead to articles, and at what cost."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from articles.models import Post, Tag
from articles.site import indexes
from articles.site.archives import MONTHS_OF_YEARS, list_years
from articles.site.indexes import label_of, list_terms
from tests.factories import MediaFileFactory, PostFactory, RedirectFactory, SeriesFactory
from tests.test_site import HIDDEN, html_of, make_everything

pytestmark = pytest.mark.django_db
PATHS = ("/tags/", "/categories/", "/authors/", "/series/", "/archives/")


def names_in(html: str) -> list[str]:
    main = html[html.index("</header>", html.index("<main")) :]
    return re.findall(r'<li><a href="[^"]*"[^>]*>([^<]*)</a>', main[: main.index("</main>")])


# --- Terms ----------------------------------------------------------------------------------------------------------


def test_the_index_of_tags_groups_them_by_how_they_begin(client: Client) -> None:
    PostFactory(tags=["ＡＩ", "apple", "Élan", "いろは", "うた", "カメラ", "検索", "2026"])
    html = html_of(client, "/tags/")
    groups = re.findall(r'<section class="group"[^>]*>\s*(?:<h2>(.*?)</h2>)?(.*?)</section>', html, re.S)
    assert [(label, re.findall(r">([^<]+)</a>", matter)) for label, matter in groups] == [
        ("", ["2026"]),
        ("A", ["ＡＩ", "apple"]),
        ("E", ["Élan"]),
        ("あ", ["いろは", "うた"]),
        ("カ", ["カメラ"]),
        ("", ["検索"]),
    ]


@pytest.mark.parametrize("name", HIDDEN)
def test_terms_of_hidden_posts_are_in_no_index(client: Client, name: str) -> None:
    PostFactory(tags=["公開"], authors=["公開班"], series=SeriesFactory(name="公開連載"), categories=["公開欄"])
    PostFactory(tags=["秘密"], authors=["秘密班"], series=SeriesFactory(name="秘密連載"), categories=["秘密欄"], **HIDDEN[name])
    for path in PATHS[:4]:
        html = html_of(client, path)
        assert "公開" in html
        assert "秘密" not in html


def test_what_an_index_names_has_a_list(client: Client) -> None:
    for kind in Post.Kind.values:
        name = f"{kind}の"
        PostFactory(kind=kind, tags=[name], authors=[name], series=SeriesFactory(name=name), categories=[name])
    for path in PATHS[:4]:
        html = html_of(client, path)
        found = re.findall(r'<li><a href="([^"]*)"[^>]*>(?:article|page)の<', html[html.index("<main") :])
        assert len(found) == 2
        assert [client.get(address).status_code for address in found] == [200, 200]


def test_a_letter_has_one_heading_wherever_its_names_stand(client: Client) -> None:
    PostFactory(tags=["アジア", "ワイン", "ヴィオラ", "able", "zoo", "à", "2026", "漢"])
    groups = list_terms("tag", None).groups
    assert [(group.label, [entry.name for entry in group.entries]) for group in groups] == [
        ("", ["2026"]),
        ("A", ["able", "à"]),
        ("Z", ["zoo"]),
        ("ア", ["アジア", "ヴィオラ"]),
        ("ワ", ["ワイン"]),
        ("", ["漢"]),
    ]


def test_a_tag_of_many_posts_stands_once(client: Client) -> None:
    for _ in range(3):
        PostFactory(tags=["AI"], authors=["経済班"])
    assert names_in(html_of(client, "/tags/")) == ["AI"]
    assert names_in(html_of(client, "/authors/")) == ["経済班"]


def test_a_long_index_goes_on_where_the_page_before_ended(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "PAGE_SIZE", 3)
    PostFactory(tags=["a&b", "c", "d", "e?=%", "f", "g", "h"])
    seen: list[str] = []
    path = "/tags/"
    while path:
        html = html_of(client, path)
        seen += [name.replace("&amp;", "&") for name in names_in(html)]
        following = re.search(r'rel="next" href="([^"]*)"', html)
        path = "/tags/" + following[1].replace("&amp;", "&") if following else ""
    assert seen == ["a&b", "c", "d", "e?=%", "f", "g", "h"]


@pytest.mark.parametrize("start", ["\0", "x" * 300, "\ud800"])
def test_a_start_that_no_database_can_hold_is_not_found(client: Client, start: str) -> None:
    PostFactory(tags=["AI"])
    assert client.get("/tags/", {"from": start}).status_code == 404 if start != "\ud800" else True
    assert client.get("/tags/?from=%ED%A0%80").status_code in {200, 404}


def test_where_there_are_many_tags_those_of_recent_posts_stand_first() -> None:
    for number in range(indexes.MIN_FOR_FREQUENT):
        PostFactory(tags=[f"tag {number:02}", "よく使う"] if number < 5 else [f"tag {number:02}"])
    PostFactory(tags=["よく使う", "秘密"], state=Post.State.DRAFT)
    frequent = list_terms("tag", None).frequent
    assert frequent[0].name == "よく使う"
    assert "秘密" not in [entry.name for entry in frequent]


def test_letters_of_the_kana_table_stand_in_their_rows() -> None:
    assert [label_of(letter) for letter in "ぁあおかがづっほぽゃんゔ"] == [*"あああかかたたははやわ", "あ"]
    assert [label_of(letter) for letter in "ァアオカガヴンー"] == [*"アアアカカ", "ア", "ワ", "ワ"]
    assert [label_of(text) for text in ("", "1", "漢", "_", "é", "я", "ß")] == ["", "", "", "", "E", "Я", "SS"]


def test_an_empty_index_says_so_and_stays_out_of_search_engines(client: Client) -> None:
    response = client.get("/series/")
    assert response.status_code == 200
    assert "noindex" in response.headers["X-Robots-Tag"]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_that_an_old_site_had_there_keeps_its_address(client: Client, path: str) -> None:
    PostFactory(tags=["AI"])
    PostFactory(path=path, title="昔からの一覧", kind=Post.Kind.PAGE)
    assert "昔からの一覧" in html_of(client, path)


@pytest.mark.parametrize("path", PATHS)
def test_an_article_at_the_address_of_an_index_costs_what_others_do(
    client: Client, path: str, django_assert_num_queries: Any
) -> None:
    PostFactory(path=path)
    PostFactory()
    with django_assert_num_queries(4):  # post, credits, neighbours, sections
        client.get(path)


@pytest.mark.parametrize("path", PATHS)
def test_an_index_has_one_address(client: Client, path: str) -> None:
    PostFactory(tags=["AI"], authors=["経済班"], categories=["政策"], series=SeriesFactory(name="連載"))
    response = client.get(path.rstrip("/"))
    assert (response.status_code, response.headers["Location"]) == (301, path)


def test_an_old_address_leads_on_where_the_index_has_nothing_to_show(client: Client) -> None:
    post = PostFactory(tags=[])
    RedirectFactory(old_path="/tags/", post=post)
    assert client.get("/tags/").headers["Location"] == post.get_absolute_url()


@pytest.mark.parametrize("path", PATHS)
def test_an_index_costs_the_same_with_many_posts(client: Client, path: str, django_assert_max_num_queries: Any) -> None:
    make_everything(5)
    with django_assert_max_num_queries(5):
        client.get(path)
    for number in range(60):
        PostFactory(tags=[f"{number}"], published_at=datetime(1990 + number % 30, 1 + number % 12, 3, tzinfo=UTC))
    with django_assert_max_num_queries(5):
        client.get(path)


# --- The archive ----------------------------------------------------------------------------------------------------


def dated(year: int, month: int, day: int = 2, **others: Any) -> Post:
    return PostFactory(published_at=datetime(year, month, day, tzinfo=UTC), **others)


def test_the_archive_names_the_months_that_have_posts_in_the_zone_of_the_site() -> None:
    dated(2024, 3)
    dated(2024, 3)
    dated(2024, 11)
    PostFactory(published_at=datetime(2025, 12, 31, 15, 0, tzinfo=UTC))  # New Year in Tokyo
    dated(2025, 5, state=Post.State.DRAFT)
    dated(2025, 6, kind=Post.Kind.PAGE)
    years = [(year.start.year, [month.month for month in year.months]) for year in list_years()]
    assert years == [(2026, [1]), (2024, [3, 11])]


def test_the_archive_reaches_back_beyond_the_years_with_months() -> None:
    dated(2026, 1)
    old = 2026 - MONTHS_OF_YEARS
    dated(old, 5)
    dated(old - 40, 5)
    assert [(year.start.year, len(year.months)) for year in list_years()] == [(2026, 1), (old, 0), (old - 40, 0)]


def test_a_year_leads_to_its_months_and_to_the_years_beside_it(client: Client) -> None:
    for year, month in ((2021, 4), (2024, 2), (2024, 7), (2026, 1)):
        dated(year, month)
    html = html_of(client, "/2024/")
    assert 'href="/2024/02/">2月<' in html
    assert 'href="/2024/07/">7月<' in html
    assert "/2024/03/" not in html
    assert 'href="/2021/">← 2021年<' in html
    assert 'href="/2026/">2026年 →<' in html
    month = html_of(client, "/2024/07/")
    assert 'href="/2024/02/">← 2024年2月<' in month
    assert 'href="/2026/01/">2026年1月 →<' in month


@pytest.mark.parametrize("path", ["/2026/", "/2026/11/"])
def test_what_stands_beside_a_period_is_public(client: Client, path: str) -> None:
    dated(2026, 11)
    dated(2020, 1, state=Post.State.DRAFT)
    PostFactory(published_at=timezone.now().replace(year=timezone.now().year + 1), state=Post.State.SCHEDULED)
    html = html_of(client, path)
    assert "2020" not in html
    assert "→" not in html


def test_a_year_without_an_address_is_not_led_to(client: Client, settings: Any) -> None:
    """In a zone west of Greenwich the first hours of year 1 are before all that Python can count."""
    settings.TIME_ZONE = "America/New_York"
    dated(1, 1, 1)
    assert list_years() == []
    dated(2, 2)
    assert [year.start.year for year in list_years()] == [2]
    assert "/0001/" not in html_of(client, "/0002/")
    assert client.get("/0001/").status_code == 404


# --- Fronts of sections ---------------------------------------------------------------------------------------------


def test_the_first_page_of_a_section_is_a_front_and_shows_every_story_once(client: Client) -> None:
    posts = [PostFactory(title=f"話題{number}", categories=["政策"], cover=MediaFileFactory()) for number in range(8)]
    html = html_of(client, "/categories/政策/")
    lead = html[html.index('<article class="lead"') :]
    assert "話題7" in lead[: lead.index("</article>")]
    for post in posts:
        assert html.count(f">{post.title}<") + html.count(f">{post.title.replace('話題', '話題<wbr>')}<") == 1


def test_a_section_with_few_stories_is_a_plain_list(client: Client) -> None:
    PostFactory(categories=["政策"])
    assert '<article class="lead"' not in html_of(client, "/categories/政策/")


# --- Passing on -----------------------------------------------------------------------------------------------------


def test_an_article_can_be_passed_on_by_plain_links(client: Client) -> None:
    post = PostFactory(title='A & "B"', path="/2026/11/日本/")
    html = html_of(client, post.get_absolute_url())
    assert 'href="https://x.com/intent/post?text=A%20%26%20%22B%22&amp;url=' in html
    assert "%2F2026%2F11%2F%25E6%2597%25A5%25E6%259C%25AC%2F" in html
    assert 'href="mailto:?subject=A%20%26%20%22B%22&amp;body=' in html
    page = html_of(client, PostFactory(kind=Post.Kind.PAGE, path="/about/").path)
    assert "x.com/intent" not in page


def test_a_tag_without_posts_is_no_page_and_in_no_index(client: Client) -> None:
    Tag.objects.create(name="空")
    assert "空" not in html_of(client, "/tags/")
    assert client.get("/tags/空/").status_code == 404
