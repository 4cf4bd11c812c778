"""The first page, the list of posts with its search, kept views, and the trash."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import lxml.html
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from articles.editorial import workflow
from articles.editorial.overview import LATE, LEAVING, SHOWN, WAITING, read_overview
from articles.models import Author, Category, ImportRun, Post, SavedView
from tests.people import make_person

pytestmark = pytest.mark.django_db
LIST = "/admin/articles/post/"
KEEP = "/admin/articles/post/views/keep/"


def sign_in(role: str, name: str = "") -> tuple[Client, Any]:
    person = make_person(role, name)
    client = Client()
    client.force_login(person)
    return client, person


def write(owner: Any, title: str = "川沿いの倉庫", **changes: Any) -> Post:
    return workflow.save_post(Post(), owner, {"title": title, "body": "本文。", **changes})


def titles(entries: Any) -> list[str]:
    return [entry.post.title for entry in entries]


def found(client: Client, **query: str) -> set[str]:
    return {post.title for post in client.get(LIST, query).context["cl"].result_list}


# --- The first page -------------------------------------------------------------------------------------------------


def test_the_first_page_shows_what_is_mine_and_why_it_came_back() -> None:
    client, author = sign_in("author")
    editor = make_person("editor")
    write(make_person("author", "other"), "他の人の記事")
    write(author, "書きかけ")
    post = workflow.submit_for_review(write(author, "戻った記事"), author)
    workflow.return_to_draft(post, editor, reason="冒頭を短く。")
    overview = read_overview(author)
    assert titles(overview.mine.entries) == ["戻った記事", "書きかけ"]
    assert [entry.reason for entry in overview.mine.entries] == ["冒頭を短く。", ""]
    page = client.get("/admin/").text
    assert "冒頭を短く。" in page
    assert "他の人の記事" not in page
    assert not overview.may_review


def test_what_waits_for_review_stands_before_those_who_may_oldest_first() -> None:
    _client, editor = sign_in("editor")
    author = make_person("author")
    posts = [workflow.submit_for_review(write(author, title), author) for title in ("先", "あと")]
    workflow.submit_for_review(write(editor, "自分の"), editor)
    Post.objects.filter(pk=posts[1].pk).update(modified_at=timezone.now() - timedelta(hours=1))
    assert titles(read_overview(editor).to_review.entries) == ["あと", "先"]
    assert titles(read_overview(author).to_review.entries) == []


def test_what_is_scheduled_is_shown_with_the_zone_of_its_time() -> None:
    client, publisher = sign_in("publisher")
    workflow.publish(write(publisher, "明日の記事"), publisher, timezone.now() + timedelta(days=1))
    assert titles(read_overview(publisher).scheduled.entries) == ["明日の記事"]
    assert "Asia/Tokyo" in client.get("/admin/").text
    assert found(client, due="to_come") == {"明日の記事"}


def test_what_is_overdue_says_why() -> None:
    client, publisher = sign_in("publisher")
    now = timezone.now()
    write(publisher, "日が過ぎた", published_at=now - timedelta(days=2))
    write(publisher, "昔の原稿", published_at=now - timedelta(days=400))
    waiting = workflow.submit_for_review(write(publisher, "待っている"), publisher)
    Post.objects.filter(pk=waiting.pk).update(modified_at=now - timedelta(days=4))
    workflow.publish(write(publisher, "まもなく終わる", expires_at=now + timedelta(days=2)), publisher)
    trashed = write(publisher, "捨てた", published_at=now - timedelta(days=2))
    workflow.move_to_trash(trashed, publisher)
    entries = read_overview(publisher).overdue.entries
    assert {entry.post.title: entry.why for entry in entries} == {
        "日が過ぎた": LATE,
        "待っている": WAITING,
        "まもなく終わる": LEAVING,
    }
    assert found(client, due=LATE) == {"日が過ぎた"}
    assert found(client, due=WAITING) == {"待っている"}
    assert found(client, due=LEAVING) == {"まもなく終わる"}


def test_a_newcomer_is_told_what_to_do_first() -> None:
    for role in ("author", "importer", "superuser"):
        client, person = sign_in(role)
        assert read_overview(person).is_new
        page = client.get("/admin/").text
        assert 'class="welcome"' in page
        assert reverse("admin:articles_post_add") in page
        assert (reverse("admin:articles_importrun_add") in page.partition('class="screens-heading"')[0]) == (role != "author")


def test_whoever_may_do_nothing_sees_nothing_of_anybody() -> None:
    client, staff = sign_in("staff")
    publisher = make_person("publisher")
    workflow.publish(write(publisher, "公開の記事"), publisher)
    workflow.publish(write(publisher, "明日の記事"), publisher, timezone.now() + timedelta(days=1))
    page = client.get("/admin/").text
    assert "公開の記事" not in page
    assert "明日の記事" not in page
    assert not read_overview(staff).may_view


def test_imports_under_way_stand_on_the_first_page() -> None:
    client, superuser = sign_in("superuser")
    ImportRun.objects.create(label="旧サイト.zip", user=superuser)
    assert "旧サイト.zip" in client.get("/admin/").text


def test_the_first_page_costs_the_same_whatever_there_is(django_assert_max_num_queries: Any) -> None:
    client, editor = sign_in("editor")
    author = make_person("author")
    now = timezone.now()

    def fill(number: int) -> None:
        for place in range(number):
            post = workflow.submit_for_review(write(author, f"記事{number}-{place}"), author)
            workflow.return_to_draft(post, editor, reason="短く")
            workflow.submit_for_review(write(author, f"確認{number}-{place}"), author)
            write(editor, f"自分{number}-{place}", published_at=now - timedelta(days=2))
            workflow.publish(write(editor, f"予約{number}-{place}"), None, now + timedelta(days=1))

    fill(1)
    with django_assert_max_num_queries(24) as few:
        client.get("/admin/")
    fill(9)
    with django_assert_max_num_queries(24) as many:
        page = client.get("/admin/")
    assert len(few.captured_queries) == len(many.captured_queries)
    overview = page.context["overview"]
    assert len(overview.mine.entries) == SHOWN
    assert overview.mine.has_more


# --- Searching and filtering ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["投資", "ＡＩ", "ai", "AI　投資", "文化", "ﾌﾞﾝｶ ai", "/TOUSHI/"])
def test_two_characters_are_enough_whatever_their_width_and_case(words: str) -> None:
    client, editor = sign_in("editor")
    desk = Author.objects.create(name="文化部ブンカ")
    write(editor, "半導体の投資とＡＩ", authors=[desk], path="/2026/toushi/")
    write(editor, "図書館の予約")
    assert found(client, q=words) == {"半導体の投資とＡＩ"}


@pytest.mark.parametrize("words", ["%", "_", "\\", "100%", "'", "<b>"])
def test_signs_that_mean_something_to_a_database_mean_themselves(words: str) -> None:
    client, editor = sign_in("editor")
    write(editor, f"題に{words}がある")
    write(editor, "題に何もない")
    assert found(client, q=words) == {f"題に{words}がある"}


def test_the_search_follows_a_new_title_and_address() -> None:
    client, editor = sign_in("editor")
    post = write(editor, "古い題")
    workflow.save_post(post, editor, {"title": "新しい題", "path": "/mado/"})
    assert found(client, q="新し mado") == {"新しい題"}
    assert found(client, q="古い") == set()


def test_the_list_is_filtered_by_category_with_those_below_and_by_by_line() -> None:
    client, editor = sign_in("editor")
    above = Category.objects.create(name="くらし")
    below = Category.objects.create(name="台所", parent=above)
    desk = Author.objects.create(name="文化部")
    write(editor, "台所の話", categories=[below])
    write(editor, "署名の話", authors=[desk])
    assert found(client, category=str(above.pk)) == {"台所の話"}
    assert found(client, author=str(desk.pk)) == {"署名の話"}
    for wrong in ("x", "-1", str(2**70)):
        assert found(client, category=wrong) == found(client, author=wrong) == set()


def test_searching_and_filtering_show_nobody_the_posts_of_others() -> None:
    client, _author = sign_in("author")
    write(make_person("editor"), "秘密の投資", published_at=timezone.now() - timedelta(days=1))
    for query in ({"q": "投資"}, {"due": LATE}, {"state__exact": "draft"}, {"trash": "1"}):
        assert found(client, **query) == set()


# --- Kept views -----------------------------------------------------------------------------------------------------


def test_a_list_is_kept_under_a_name_and_opened_again() -> None:
    client, editor = sign_in("editor")
    write(editor, "書きかけの投資")
    answer = client.post(KEEP, {"name": " 投資の\n下書き ", "query": "q=投資&state__exact=draft&p=3&evil=1"})
    view = SavedView.objects.get()
    assert (view.name, view.user, view.is_shared) == ("投資の 下書き", editor, False)
    assert view.query == "q=%E6%8A%95%E8%B3%87&state__exact=draft"
    assert answer["Location"] == f"{LIST}?{view.query}"
    page = client.get(answer["Location"])
    assert page.context["saved_views"][0]["is_here"]
    assert found(client, q="投資", state__exact="draft") == {"書きかけの投資"}


@pytest.mark.parametrize(
    "query",
    [
        "//evil.example/",
        "https://evil.example/?q=x",
        "owner__password__startswith=p",
        "e=1",
        "_popup=1",
        "",
        "q=" + "x" * 5000,
        "q=%00",
    ],
)
def test_what_is_no_filter_of_the_list_is_not_kept_and_leads_nowhere_else(query: str) -> None:
    client, _editor = sign_in("editor")
    answer = client.post(KEEP, {"name": "x", "query": query, "next": "https://evil.example/"})
    assert answer["Location"].startswith(LIST)
    assert not SavedView.objects.exclude(query="q=x").exists()


def test_only_those_who_review_show_a_view_to_everybody() -> None:
    editor_client, _editor = sign_in("editor")
    author_client, _author = sign_in("author")
    for client in (editor_client, author_client):
        client.post(KEEP, {"name": "自分の", "query": "mine=1", "shared": "1"})
    assert {view.user.username: view.is_shared for view in SavedView.objects.all()} == {"editor": True, "author": False}
    assert len(author_client.get(LIST).context["saved_views"]) == 2
    assert len(editor_client.get(LIST).context["saved_views"]) == 1


def test_a_view_is_deleted_by_its_owner_and_a_shared_one_by_those_who_review() -> None:
    editor_client, editor = sign_in("editor")
    author_client, author = sign_in("author")
    private = SavedView.objects.create(user=editor, name="内緒", query="mine=1")
    shared = SavedView.objects.create(user=author, name="みんなの", query="mine=1", is_shared=True)

    def forget(client: Client, view: SavedView) -> int:
        return client.post(f"/admin/articles/post/views/{view.pk}/forget/").status_code

    assert forget(author_client, private) == 404
    other_client, _other = sign_in("author", "other")
    assert forget(other_client, shared) == 403
    assert forget(editor_client, shared) == 302
    assert forget(editor_client, private) == 302
    assert not SavedView.objects.exists()


def test_a_name_is_kept_once_and_not_more_views_than_anybody_can_see() -> None:
    client, editor = sign_in("editor")
    for query in ("mine=1", "state__exact=draft"):
        client.post(KEEP, {"name": "下書き", "query": query})
    assert SavedView.objects.get().query == "state__exact=draft"
    SavedView.objects.bulk_create(SavedView(user=editor, name=f"{n}", query="mine=1") for n in range(49))
    client.post(KEEP, {"name": "もう一つ", "query": "mine=1"})
    assert SavedView.objects.count() == 50


# --- The trash ------------------------------------------------------------------------------------------------------


def test_the_trash_says_who_threw_away_what_and_when_and_gives_it_back() -> None:
    client, _editor = sign_in("editor")
    author = make_person("author")
    post = write(author, "捨てた記事")
    workflow.move_to_trash(post, author)
    page = client.get(LIST, {"trash": "1"})
    assert '<td class="field-trashed_by_line"><bdi>author</bdi>' in page.text
    assert f'formaction="/admin/articles/post/{post.pk}/verb/restore/"' in page.text
    assert f"/admin/articles/post/{post.pk}/delete/" not in page.text
    assert found(client) == set()
    client.post(f"/admin/articles/post/{post.pk}/verb/restore/", {"action": "", "index": "0"})
    assert found(client) == {"捨てた記事"}


def test_only_who_may_delete_is_offered_to_delete_for_good() -> None:
    client, publisher = sign_in("publisher")
    post = write(publisher)
    workflow.move_to_trash(post, publisher)
    assert f'href="/admin/articles/post/{post.pk}/delete/"' in client.get(LIST, {"trash": "1"}).text


def test_many_posts_are_restored_at_once() -> None:
    client, editor = sign_in("editor")
    keys = [workflow.move_to_trash(write(editor, f"記事{number}"), editor).pk for number in range(3)]
    page = client.get(LIST, {"trash": "1"})
    assert [name for name, _label in page.context["action_form"].fields["action"].choices if name] == ["restore_chosen"]
    confirmed = {"confirmed": "restore_chosen"}
    client.post(f"{LIST}?trash=1", {"action": "restore_chosen", "_selected_action": keys, **confirmed})
    assert not Post.objects.filter(trashed_at__isnull=False).exists()


def test_the_trash_costs_the_same_whatever_is_in_it(django_assert_num_queries: Any) -> None:
    client, editor = sign_in("editor")
    workflow.move_to_trash(write(editor), editor)
    # session, user, permissions (own, groups'), assigned categories, kept views, categories, by-lines, count, rows,
    # by-lines, their authors, unread
    with django_assert_num_queries(13):
        client.get(LIST, {"trash": "1"})
    for number in range(12):
        workflow.move_to_trash(write(editor, f"記事{number}"), editor)
    with django_assert_num_queries(13):
        client.get(LIST, {"trash": "1"})


def test_screens_on_which_one_changes_are_marked_so_and_a_fresh_log_says_that_nothing_is_there() -> None:
    client, _person = sign_in("publisher")
    page = lxml.html.fromstring(client.get(reverse("admin:index")).text)
    for model in ("sitesettings", "frontpage"):
        (row,) = [row for row in page.iter("tr") if f"model-{model}" in (row.get("class") or "").split()]
        assert [link.get("class") for link in row.iter("a")][1:] == ["changelink"], model
    actions = page.get_element_by_id("recent-actions-module").text_content()
    assert "利用不可" not in actions
    assert "まだ" in actions
