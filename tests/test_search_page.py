"""The search page: what it finds, says, proposes and refuses."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import quote, quote_plus

import pytest
from django.utils import timezone

from articles import search
from articles.models import Author, Category, Post, Series, Tag
from articles.search import index_posts
from tests.factories import PostFactory

pytestmark = pytest.mark.django_db


def make(text="本文", title="題名", **columns):
    post = PostFactory(title=title, plain_text=text, **columns)
    index_posts([post])
    return post


def ask(client, query, status=200, **parameters):
    answer = client.get("/search/", {"q": query, **parameters})
    assert answer.status_code == status, answer.content.decode()[:3000]
    return answer.content.decode()


def plain(html):
    return unescape(re.sub("<[^>]*>", "", html)).strip()


def titles(html):
    return [plain(found) for found in re.findall("<h2><a [^>]*>(.*?)</a></h2>", html)]


def part(html, begin, end):
    """What stands between two strings; nothing where the first does not stand."""
    return html.partition(begin)[2].partition(end)[0]


def proposals(html):
    return [plain(found) for found in re.findall("<li>(.*?)</li>", part(html, '<section class="nothing">', "</section>"))]


def follow(client, address):
    """The titles of all pages from ``address`` on."""
    found = []
    while address:
        html = client.get(f"/search/{address}").content.decode()
        found += titles(html)
        address = unescape(part(html, '<a rel="next" href="', '"'))
    return found


def test_the_page_without_a_question_explains_itself_and_stays_out_of_search_engines(client):
    answer = client.get("/search/")
    assert answer.status_code == 200
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert '<meta name="robots" content="noindex, follow">' in answer.content.decode()
    assert "検索のしかた" in answer.content.decode() or "How to search" in answer.content.decode()


def test_the_other_spelling_of_the_address_leads_to_the_page_with_its_question(client):
    answer = client.get("/search", {"q": "東京"})
    assert (answer.status_code, answer.headers["Location"]) == (301, f"/search/?q={quote('東京')}")


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("東京", True), ("京", True), ("東", True), ("都庁", True), ("京東", False), ("ＡＩ", True), ("ai", True), ("AI", True),
        ("サーバ", True), ("ｻｰﾊﾞ", True), ("さーば", False), ("東京 AI", True), ("東京 大阪", False),
        ("東京 -大阪", True),        ("東京 -AI", False), ('"東京都庁の AI"', True), ("「東京都庁のAI」", False),
        ("100%", True), ("10%", False), ("庁の AI サ", True),
    ],
)  # fmt: skip
def test_words_are_found_exactly(client, query, is_found):
    make("東京都庁の AI サーバーは 100% 動いた。", "機械の話")
    assert titles(ask(client, query)) == (["機械の話"] if is_found else [])


def test_words_of_the_title_are_found_and_none_that_reach_from_it_into_the_text(client):
    make("の話", "機械")
    assert titles(ask(client, "機械"))
    assert not titles(ask(client, "械の"))


def test_only_what_is_public_is_found(client):
    make("秘密", state=Post.State.DRAFT)
    make("秘密", state=Post.State.WITHDRAWN)
    make("秘密", published_at=timezone.now() + timedelta(days=1), state=Post.State.SCHEDULED)
    make("秘密", trashed_at=timezone.now())
    make("秘密", expires_at=timezone.now() - timedelta(days=1))
    html = ask(client, "秘密")
    assert not titles(html)
    index_posts(Post.objects.all())
    Post.objects.update(state=Post.State.PUBLISHED, trashed_at=None, expires_at=None)
    assert len(titles(ask(client, "秘密"))) == 4


def test_terms_of_drafts_alone_are_neither_proposed_nor_named(client):
    make("本文", state=Post.State.DRAFT, tags=["極秘計画"])
    make("極秘の本文")
    assert "極秘計画" not in ask(client, "極秘")
    assert ask(client, "tag:極秘計画") == ask(client, "tag:架空計画").replace("架空", "極秘").replace(
        quote("架空"), quote("極秘")
    )


def test_filters_take_names_slugs_and_other_spellings(client):
    make("選挙", "甲", tags=["人工知能"], authors=["山の 班"], categories=["社会"])
    make("選挙", "乙")
    Tag.objects.filter(name="人工知能").update(aliases=["ＡＩ"], slug="jinko")
    for query in (
        "tag:人工知能",
        "tag:jinko",
        "tag:ai",
        "タグ：AI",
        'author:"山の 班"',
        "署名:「山の　班」",
        "category:社会",
        "欄:社会 選挙",
    ):
        assert titles(ask(client, query)) == ["甲"], query
        assert titles(ask(client, f"選挙 -{query}" if " " not in query else f"選挙 {query}"))
    assert titles(ask(client, "選挙 -tag:ai")) == ["乙"]
    assert not titles(ask(client, "選挙 tag:ない"))


def test_a_category_finds_what_lies_below_it_and_a_series_its_posts(client):
    above = Category.objects.create(name="経済")
    below = Category.objects.create(name="金融", parent=above)
    make("利子", "甲", categories=[below])
    make("利子", "乙", series=Series.objects.create(name="利子の百年"))
    assert titles(ask(client, "category:経済")) == ["甲"]
    assert titles(ask(client, "series:利子の百年")) == ["乙"]


def test_days_bound_the_hits_in_the_zone_of_the_site(client):
    make("選挙", "三月", published_at=datetime(2025, 3, 31, 14, 59, tzinfo=UTC))
    make("選挙", "四月", published_at=datetime(2025, 3, 31, 15, 0, tzinfo=UTC))
    make("選挙", "固定", published_at=None)
    assert titles(ask(client, "選挙 before:2025-04")) == ["三月"]
    assert titles(ask(client, "選挙 after:2025/4/1")) == ["四月"]
    assert titles(ask(client, "after:2025年3月 before:2025年5月")) == ["四月", "三月"]
    assert titles(ask(client, "選挙")) == ["四月", "三月", "固定"]


def test_the_newest_stand_first_or_the_best(client):
    make("選挙の話。" + "ほかの話。" * 200, "新しい", published_at=datetime(2026, 1, 3, tzinfo=UTC))
    make("選挙、選挙、選挙。" * 5, "よく出る", published_at=datetime(2026, 1, 2, tzinfo=UTC))
    make("本文", "選挙の題", published_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert titles(ask(client, "選挙")) == ["新しい", "よく出る", "選挙の題"]
    assert titles(ask(client, "選挙", order="best")) == ["選挙の題", "よく出る", "新しい"]


def test_hits_are_marked_as_they_are_written(client):
    make("前" * 300 + "ｻｰﾊﾞｰを止めた。" + "後" * 300, "サーバーの題")
    html = ask(client, "サーバー")
    assert re.findall("<mark>(.*?)</mark>", html) == ["サーバー", "ｻｰﾊﾞｰ"]
    assert part(html, '<p class="snippet">', "</p>").startswith("…")


def test_texts_are_escaped_in_titles_snippets_and_the_form(client):
    make("<script>alert(1)</script>", "<b>題</b>")
    html = ask(client, "<script>")
    assert "<script>alert" not in html
    assert '"><img' not in ask(client, '"><img src=x>')


def test_pages_follow_each_other_without_gaps_or_repeats(client):
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(45):
        make("選挙", f"第{number}", published_at=moment + timedelta(minutes=number // 30))
    for address in ("?q=選挙", "?q=選挙&order=best"):
        seen = follow(client, address)
        assert len(seen) == len(set(seen)) == 45


def test_many_hits_are_not_counted(client, monkeypatch):
    monkeypatch.setattr("articles.site.searching.COUNTED", 25)
    for _number in range(30):
        make("選挙")
    html = ask(client, "選挙")
    assert "25" in part(html, '<p role="status">', "</p>")
    assert len(titles(html)) == 20


def test_where_nothing_is_found_only_what_finds_something_is_proposed(client):
    make("サーバの話")
    assert proposals(ask(client, "さーば")) == ["サーバ"]
    assert proposals(ask(client, "サーバー")) == ["サーバ"]
    assert proposals(ask(client, "サーバ 井戸")) == ["サーバ"]
    assert proposals(ask(client, "サーバ 井戸 tag:ない")) == []


def test_terms_and_by_lines_with_the_word_are_suggested(client):
    make("本文", tags=["選挙制度"], authors=["選挙班"], categories=["選挙"])
    found = re.findall('href="(.*?)"', part(ask(client, "選挙"), '<nav class="meant"', "</nav>"))
    assert found == [
        Category.objects.get().get_absolute_url(), Author.objects.get().get_absolute_url(), Tag.objects.get().get_absolute_url()
    ]  # fmt: skip


def test_each_filter_can_be_removed(client):
    make("選挙", tags=["夏"])
    html = part(ask(client, "選挙 tag:夏 -冬 before:2030"), '<header class="heading">', "</header>")
    left = ("選挙 -冬 before:2030", "選挙 tag:夏 before:2030", "選挙 tag:夏 -冬")
    assert re.findall('<li><a href="(.*?)"', html) == [f"?q={quote_plus(text)}" for text in left]


@pytest.mark.parametrize(
    "query",
    [
        "x" * 100_000, "%" * 5000, "a " * 90, "\x00", "東\x00京", "\ud800", '"' * 199, "「「「」", "-", "- -", "--", "tag:",
        "before:99999999", "before:", "NEAR(a b)", "a AND b OR", "a* ^b", "'; DROP TABLE articles_post; --", "\\", "' | '",
        "!a & b:*", "-の", "\ufdd0a", "\u202e\u200b", "😀", "before:0001", "after:9999-12-31", "series:x -series:y",
        "%s %d %(x)s", "{{ 7*7 }}",
    ],
)  # fmt: skip
def test_hostile_questions_are_answered(client, query):
    make("本文", tags=["夏"])
    for order in ("newest", "best", "x"):
        assert client.get("/search/", {"q": query.encode("utf-8", "surrogatepass"), "order": order}).status_code in (200, 400)


@pytest.mark.parametrize("token", ["x", "-1", "9" * 40, "999999999999-9999", "1-", "", "1e9", "１-１"])
def test_a_malformed_page_is_unknown_or_empty(client, token):
    make("選挙")
    for order in ("newest", "best"):
        answer = client.get("/search/", {"q": "選挙", "from": token, "order": order})
        assert answer.status_code in (200, 404)


def test_what_takes_too_long_is_given_up(client, monkeypatch):
    make("選挙")
    monkeypatch.setattr(search, "SECONDS", -1)
    monkeypatch.setattr(search, "STEPS", 1)
    if search.connection.vendor == "postgresql":
        pytest.skip("PostgreSQL keeps its own time")
    html = ask(client, "選挙", status=400)
    assert "この検索には時間がかかりすぎます" in html


def test_a_search_costs_as_many_queries_however_many_posts_there_are(client, django_assert_max_num_queries, monkeypatch):
    def fill(number):
        for _each in range(number):
            make("選挙の話", tags=["夏"], authors=["選挙班"], categories=["選挙"])

    # Terms, hits, cards or proposals, credits, sections. PostgreSQL asks for older hits in a query of its own.
    most = 5 if search.connection.vendor == "sqlite" else 6
    fill(3)
    # Where the windows begin is looked up once a minute, and no test may hang on when.
    monkeypatch.setattr(search._newest, "read_at", math.inf)
    for _round in range(2):
        for query in ("選挙", "選挙 tag:夏 -冬", "tag:夏", "井戸 選挙"):
            for order in ("newest", "best"):
                with django_assert_max_num_queries(most):
                    ask(client, query, order=order)
        fill(30)
