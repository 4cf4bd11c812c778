"""Finding posts: exactly what a scan of the texts finds, on whichever database the run uses."""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from articles import search
from articles.checks import check_search_index
from articles.editorial import workflow
from articles.models import Post, SearchEntry
from articles.search import Search, clear_index, find_hits, find_many, forget_posts, index_posts, place_of_moment, places_for
from articles.searchtext import find_by, fold
from tests.factories import PostFactory

pytestmark = pytest.mark.django_db

PIECES = [
    "東京",
    "京都",
    "選挙",
    "の",
    "は",
    "サーバ",
    "サーバー",
    "ｻｰﾊﾞｰ",
    "さーば",
    "AI",
    "ＡＩ",
    "ai",
    " ",
    "\n",
    "、",
    "。",
    "100%",
    "'",
    '"',
    "*",
    "が",
    "か\u3099",
    "㍿",
    "ß",
    "C++",
    "😀",
    "\u200b",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
WORDS = st.one_of(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join),
    st.text("東京都選挙のaiサーバ", min_size=1, max_size=2),
)


def naive_fold(text: str) -> str:
    """The rule in one line, apart from what nobody sees."""
    text = text.replace("\u200b", "")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5),
    words=st.lists(WORDS, min_size=1, max_size=3),
    excluded=st.lists(WORDS, max_size=2),
)
def test_a_search_finds_exactly_what_a_scan_of_the_texts_finds(texts, words, excluded):
    forget_posts(Post.objects.values_list("pk", flat=True))
    Post.objects.all().delete()
    posts = [PostFactory(title=title or "題", plain_text=text) for title, text in texts]
    index_posts(posts)
    words = [word for word in map(fold, words) if word]
    excluded = [word for word in map(fold, excluded) if word]
    if not words:
        return
    scanned = set()
    for post in posts:
        fields = [naive_fold(post.title), naive_fold(post.plain_text)]
        has_words = all(any(naive_fold(word) in field for field in fields) for word in words)
        if has_words and not any(naive_fold(word) in field for word in excluded for field in fields):
            scanned.add(post.pk)
    assert {hit.post for hit in find_hits(Search(Post.objects.published(), words, excluded), 100)} == scanned


def find(word, **columns):
    return [hit.post for hit in find_hits(Search(Post.objects.published(), [word], **columns), 100)]


@pytest.mark.parametrize("known", ["nothing", "long ago", "last year", "the last", "the future"])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_every_post_is_found_in_its_order_whatever_the_newest_was_a_minute_ago(monkeypatch, known, limit):
    """A site that was empty, or silent for years, and has just published: readers find the post at once."""
    now = timezone.now()
    ages = [0, 1, 20, 50, 100, 200, 400, 900, 3000, 9000, 36_500]
    posts = [PostFactory(plain_text="春の市", published_at=now - timedelta(days=age)) for age in ages]
    index_posts(posts)
    moments = {"long ago": now - timedelta(days=9000), "last year": now - timedelta(days=400), "the last": now}
    moments["the future"] = now + timedelta(days=900)
    monkeypatch.setattr(search._newest, "place", place_of_moment(moments[known]) if known in moments else 0)
    monkeypatch.setattr(search._newest, "read_at", math.inf)
    wanted = [post.pk for post in posts]
    public = Post.objects.published()
    assert [hit.post for hit in find_hits(Search(public, ["春の市"]), limit)] == wanted[:limit]
    assert [hit.post for hit in find_hits(Search(public, ["市"]), limit, skip=4)] == wanted[4:][:limit]
    for start in range(len(ages)):
        below = places_for(posts[start])[0]
        assert [hit.post for hit in find_hits(Search(public, ["春の市"], below=below), limit)] == wanted[start + 1 :][:limit]
        above = Search(public, ["春の市"], above=below)
        assert [hit.post for hit in find_hits(above, limit)] == wanted[: start + 1][:limit]


def test_a_post_is_found_by_its_new_text_and_no_more_by_its_old_one():
    post = PostFactory(plain_text="春の市")
    assert index_posts([post]) == 1
    post.plain_text = "秋の祭"
    assert index_posts([post]) == 1
    assert (find("春"), find("秋"), find("の祭")) == ([], [post.pk], [post.pk])
    assert index_posts([post]) == 0


def test_what_was_worked_out_elsewhere_is_found_as_if_it_were_worked_out_here():
    texts = ["春の　市 market", "", "ＡＢＣ と abc", "𠮷野家で\u3099"]
    plain = [PostFactory(title="", plain_text=text) for text in texts]
    index_posts(plain)
    prepared = [PostFactory(title="", plain_text=text) for text in texts]
    index_posts(prepared, {post.pk: find_by(post.title, post.plain_text) for post in prepared})
    entries = SearchEntry.objects.in_bulk(field_name="post_id")
    for one, other in zip(plain, prepared, strict=True):
        assert entries[one.pk].text == entries[other.pk].text
    for word in ("の 市", "市 m", "abc", "𠮷野", "と a"):
        found = {post.pk for post, text in zip(plain + prepared, texts * 2, strict=True) if fold(word) in fold(text)}
        assert found, word
        assert set(find(fold(word))) == found, word


def test_what_was_worked_out_of_another_title_or_text_is_worked_out_anew():
    post = PostFactory(title="市", plain_text="秋の祭")
    for title, text in (("市", "春の市"), ("春の市", "秋の祭")):
        clear_index()
        index_posts([post], {post.pk: find_by(title, text)})
        assert (find("春の"), find("秋の")) == ([], [post.pk])


def test_a_post_moves_among_the_hits_with_its_date():
    first, second = PostFactory(plain_text="春"), PostFactory(plain_text="春")
    index_posts([first, second])
    assert find("春") == [second.pk, first.pk]
    first.published_at = second.published_at + timedelta(minutes=1)
    index_posts([first])
    assert find("春") == [first.pk, second.pk]
    assert SearchEntry.objects.count() == 2


def test_a_whole_archive_of_one_minute_has_its_places():
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    first = PostFactory(plain_text="春", published_at=moment)
    posts = [first] + [PostFactory(pk=first.pk + 1024 * step, plain_text="春", published_at=moment) for step in (1, 2, 64)]
    assert index_posts(posts) == 4
    assert set(find("春")) == {post.pk for post in posts}
    assert index_posts(posts) == 0


def test_posts_that_want_one_place_get_others(monkeypatch):
    monkeypatch.setattr("articles.search.places_for", lambda post: [5, 5, 5])
    posts = [PostFactory(plain_text="春") for _number in range(3)]
    assert index_posts(posts) == 3
    assert sorted(SearchEntry.objects.values_list("place", flat=True)) == [5, 6, 7]


def test_undated_pages_stand_behind_all_dated_ones_even_old_ones():
    page = PostFactory(plain_text="春", published_at=None)
    old = PostFactory(plain_text="春", published_at=datetime(1871, 1, 1, tzinfo=UTC))
    index_posts([page, old])
    assert find("春") == [old.pk, page.pk]


def test_what_is_forgotten_or_deleted_is_found_no_more():
    first, second = PostFactory(plain_text="春の市"), PostFactory(plain_text="春の市")
    index_posts([first, second])
    forget_posts([first.pk])
    second.delete()
    assert find("春") == find("の市") == []
    again = PostFactory(pk=second.pk, plain_text="秋", published_at=second.published_at)
    index_posts([again])
    assert (find("春"), find("の市"), find("秋")) == ([], [], [again.pk])


def test_hits_of_the_distant_past_are_found_behind_those_of_today():
    """PostgreSQL looks through pieces of time, each of which has hits here."""
    now = datetime.now(UTC)
    posts = [
        PostFactory(plain_text="春", published_at=now - timedelta(days=days)) for days in (0, 1, 40, 90, 400, 2000, 9000, 40_000)
    ]
    index_posts(posts)
    assert find("春") == [post.pk for post in posts]
    places = dict(SearchEntry.objects.values_list("post_id", "place"))
    for number, post in enumerate(posts):
        assert find("春", below=places[post.pk]) == [later.pk for later in posts[number + 1 :]]
        assert find("春", above=places[post.pk]) == [earlier.pk for earlier in posts[: number + 1]]


def test_a_text_with_more_pieces_than_a_vector_holds_is_found_exactly():
    text = "".join(chr(0x4E00 + number % 20000) + chr(0x4E00 + number * 7 % 19997) for number in range(90_000))
    wide, short = PostFactory(plain_text=text + "春の終わり"), PostFactory(plain_text="春の始まり")
    index_posts([wide, short])
    assert set(find("春の")) == {wide.pk, short.pk}
    assert find("春の終") == [wide.pk]
    assert find("始ま") == [short.pk]
    excluded = Search(Post.objects.published(), ["春"], ["終わ"])
    assert [hit.post for hit in find_hits(excluded, 10)] == [short.pk]


def test_the_command_indexes_what_is_missing_and_says_so(capsys):
    posts = [PostFactory(plain_text="春") for _number in range(3)]
    with pytest.raises(CommandError, match="3"):
        call_command("reindex", "--check")
    index_posts(posts[:1])
    call_command("reindex")
    assert "2" in capsys.readouterr().out
    call_command("reindex", "--check")
    SearchEntry.objects.update(version=0)
    assert [message.id for message in check_search_index(None, databases=["default"])] == ["kawaraban.W003"]
    call_command("reindex")
    assert check_search_index(None, databases=["default"]) == []
    call_command("reindex", "--all")
    assert set(find("春")) == {post.pk for post in posts}
    clear_index()
    assert find("春") == []


def test_saving_publishing_and_deleting_keep_the_index(django_user_model):
    editor = django_user_model.objects.create_superuser("editor", password="x")
    post = workflow.save_post(Post(), editor, {"title": "見出し", "body": "最初の本文"})
    assert find("最初") == []
    post = workflow.publish(post, editor)
    assert find("最初") == find("見出し") == [post.pk]
    post = workflow.save_post(post, editor, {"body": "次の本文", "published_at": datetime(2001, 1, 1, tzinfo=UTC)})
    assert (find("最初"), find("次の")) == ([], [post.pk])
    assert SearchEntry.objects.get().place in places_for(post)
    workflow.withdraw(post, editor)
    assert find("次の") == []


def test_questions_are_asked_many_at_once():
    post = PostFactory(plain_text="春の市")
    index_posts([post])
    searches = [Search(Post.objects.published(), [word]) for word in ("春", "秋", "の市")]
    assert [len(hits) for hits in find_many(searches, 5)] == [1, 0, 1]
    assert find_many([], 5) == []
