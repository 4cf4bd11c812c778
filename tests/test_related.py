"""Related posts: found by what texts are about, shown where readers may see them, looked for again when something changes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from articles import related
from articles.editorial import workflow
from articles.models import Post, RelatedPost, SearchEntry
from articles.related import Rarity, content_words, mark_waiting, relate_waiting
from articles.search import TooSlow, index_posts
from articles.searchtext import fold_post
from tests.factories import PostFactory

pytestmark = pytest.mark.django_db

SUBJECTS = {
    "地震": "能登半島の地震で海岸が隆起した。断層の調査が続き、気象庁は余震に注意を呼びかけた。避難所の仮設住宅も足りない。",
    "漁業": "秋刀魚の漁獲量が減り、漁港の水揚げが細った。漁協は養殖に望みをつなぎ、冷凍倉庫を改める。",
    "半導体": "半導体の工場が熊本に建つ。ウエハーの搬送装置と露光装置を国内で揃え、技術者の育成も急ぐ。",
    "図書館": "市立図書館の貸出が電子書籍に移る。司書は郷土資料の保存を訴え、閲覧室の改修が始まる。",
}


@pytest.fixture(autouse=True)
def _fresh_sample(monkeypatch):
    monkeypatch.setattr(related, "_rarity", Rarity())


def make(subject, number=0, **columns):
    post = PostFactory(title=f"{subject}の記事{number}", plain_text=SUBJECTS[subject] + f"続報その{number}。", **columns)
    index_posts([post])
    return post


def shown(client, post):
    html = client.get(post.get_absolute_url()).content.decode()
    section = html.partition('id="site-related"')[2].partition("</nav>")[0]
    return re.findall('href="([^"]*)"', section)


def test_words_say_what_a_text_is_about():
    words = content_words(fold_post("半導体の話", "ウエハーを運ぶ。GitHub Actions で動かし、ウエハーを運ぶ。"))
    assert words == {"半導": 3, "導体": 3, "ウエハー": 2, "github": 1, "actions": 1}


def test_untagged_posts_find_those_of_their_subject(client):
    posts = {(subject, number): make(subject, number) for subject in SUBJECTS for number in range(3)}
    assert relate_waiting(100) >= 12
    for (subject, number), post in posts.items():
        found = {posts[subject, other].get_absolute_url() for other in range(3) if other != number}
        assert set(shown(client, post)) == found


def test_posts_that_have_nothing_in_common_are_not_related(client):
    posts = [make(subject) for subject in SUBJECTS]
    relate_waiting(100)
    assert all(shown(client, post) == [] for post in posts)


def test_shared_tags_bring_posts_together():
    first = make("地震", tags=["防災"])
    second = make("図書館", tags=["防災"])
    for subject in ("漁業", "半導体"):
        make(subject)
    third = make("半導体", 1, tags=["防災", "暮らし"])
    relate_waiting(100)
    assert RelatedPost.objects.filter(post=first).count() == 0
    second.tagged_items.create(tag=third.tags.get(name="暮らし"))
    mark_waiting([second])
    relate_waiting(100)
    assert [row.other for row in RelatedPost.objects.filter(post=second)] == [third]


def test_only_what_is_public_when_the_reader_comes_is_shown(client):
    first, second = make("地震", 1), make("地震", 2)
    for subject in ("漁業", "半導体", "図書館"):
        make(subject)
    make("地震", 3, state=Post.State.DRAFT)
    relate_waiting(100)
    assert shown(client, first) == [second.get_absolute_url()]
    Post.objects.filter(pk=second.pk).update(state=Post.State.WITHDRAWN)
    assert shown(client, first) == []


def test_publishing_withdrawing_and_deleting_are_followed(client, django_user_model):
    editor = django_user_model.objects.create_superuser("editor", password="x")
    old = make("地震", 1)
    for subject in ("漁業", "半導体", "図書館"):
        make(subject)
    relate_waiting(100)
    post = workflow.save_post(Post(), editor, {"title": "地震の続報", "body": SUBJECTS["地震"]})
    relate_waiting(100)
    assert shown(client, old) == []
    post = workflow.publish(post, editor)
    relate_waiting(100)
    assert shown(client, old) == [post.get_absolute_url()]
    assert shown(client, post) == [old.get_absolute_url()]
    workflow.withdraw(post, editor)
    assert SearchEntry.objects.get(post=old).related_at is None
    relate_waiting(100)
    assert not RelatedPost.objects.exists()


def test_texts_of_another_language_and_the_same_text_in_it_are_left_out():
    first = make("地震", 1, language="ja", translation_key="a")
    make("地震", 2, language="en", translation_key="a")
    make("地震", 3, language="en")
    third = make("地震", 4, language="ja")
    for subject in ("漁業", "半導体", "図書館"):
        make(subject, language="ja")
    relate_waiting(100)
    assert [row.other for row in RelatedPost.objects.filter(post=first)] == [third]


def test_the_work_ends_and_can_be_cut_short(capsys):
    for number in range(5):
        make("地震", number)
    assert relate_waiting(2, spreads=False) == 2
    call_command("relate_posts")
    assert not SearchEntry.objects.filter(related_at__isnull=True).exists()
    assert relate_waiting(100) == 0
    call_command("relate_posts", "--all", "--limit", "3")
    assert SearchEntry.objects.filter(related_at__isnull=True).count() == 2


def test_a_post_costs_the_same_queries_however_many_there_are(django_assert_max_num_queries):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(40):
        make("地震", number, published_at=start + timedelta(days=number), tags=["防災"])
        if number in (4, 39):
            SearchEntry.objects.update(related_at=start)
            SearchEntry.objects.filter(place=SearchEntry.objects.order_by("place").first().place).update(related_at=None)
            with django_assert_max_num_queries(20):
                assert relate_waiting(1, spreads=False) == 1


def test_an_article_with_related_ones_costs_four_queries(client, django_assert_num_queries):
    for number in range(12):
        make("地震", number, categories=["社会"] if number < 2 else [])
    for subject in ("漁業", "半導体", "図書館"):
        for number in range(12):
            make(subject, number)
    relate_waiting(100)
    post = Post.objects.filter(title__startswith="地震").first()
    with django_assert_num_queries(4):  # post, neighbours and related posts, credits, sections
        assert len(shown(client, post)) == 4


def test_what_was_found_stays_where_the_search_takes_too_long(monkeypatch):
    first, second = make("地震", 1), make("地震", 2)
    relate_waiting(100)
    mark_waiting([first])

    def give_up(*_arguments):
        raise TooSlow

    monkeypatch.setattr(related, "find_many", give_up)
    assert relate_waiting(100) == 2
    assert RelatedPost.objects.get(post=first).other == second
