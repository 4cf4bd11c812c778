"""Corrections: who issues them, what they leave alone, how the desk asks for them and what readers get."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from articles.editorial import corrections, workflow
from articles.editorial.corrections import issue_correction, take_back_correction
from articles.editorial.versions import describe_step, is_milestone
from articles.editorial.workflow import ChangedMeanwhile, NotAllowed, RefusedChange, WrongState
from articles.models import Correction, Post, Revision
from articles.transfer.digest import content_digest
from tests.people import make_person

pytestmark = pytest.mark.django_db
TEXT = "二段落目の「二千本」は「三千本」の誤りでした。\n\nお詫びして訂正します。"


@pytest.fixture
def publisher() -> Any:
    return make_person("publisher")


@pytest.fixture
def post(publisher: Any) -> Post:
    made = workflow.save_post(Post(), publisher, {"title": "川沿いの倉庫", "body": "原稿は二千本ある。\n"})
    made = workflow.publish(made, publisher)
    past = timezone.now() - timedelta(days=2)
    Post.objects.filter(pk=made.pk).update(published_at=past, first_published_at=past)
    return Post.objects.get(pk=made.pk)


def correct(post: Post, user: Any = None, text: str = TEXT, at: Any = None, **options: Any) -> Correction:
    return issue_correction(post, user, text, at, **{"with_changes": False, **options})


def sign_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def address(post: Post) -> str:
    return reverse("admin:articles_post_correct", args=[post.pk])


def send(client: Client, post: Post, **changes: Any) -> Any:
    return client.post(address(post), {"text": TEXT, "corrected_at": "", "seen": post.modified_at.isoformat(), **changes})


# --- The verbs ------------------------------------------------------------------------------------------------------


def test_a_correction_stands_beside_the_text_which_stays_as_it_is(post: Post, publisher: Any) -> None:
    before = workflow.snapshot(post)
    correction = correct(post, publisher)
    post.refresh_from_db()
    assert (correction.text, correction.user) == (TEXT, publisher)
    assert post.corrected_at == correction.corrected_at == post.last_updated_at
    assert workflow.snapshot(post) == before


def test_it_is_kept_among_the_versions_with_its_beginning(post: Post, publisher: Any) -> None:
    correct(post, publisher)
    kept = post.revisions.first()
    assert kept is not None
    assert describe_step(kept, is_first=False).startswith("訂正を出した — 二段落目の「二千本」")
    assert is_milestone(kept)
    assert kept.user == publisher


def test_the_newest_correction_counts_as_the_update_whichever_came_last(post: Post) -> None:
    now = timezone.now()
    correct(post, at=now - timedelta(hours=1))
    older = correct(post, at=now - timedelta(hours=5))
    post.refresh_from_db()
    assert post.corrected_at == now - timedelta(hours=1)
    assert post.corrections.first() == older
    post.updated_at = now
    assert post.last_updated_at == now


@pytest.mark.parametrize("role", ["author", "editor", "importer", "staff"])
def test_only_who_may_publish_corrects(post: Post, role: str) -> None:
    with pytest.raises(NotAllowed):
        correct(post, make_person(role, "other"))
    assert not Correction.objects.exists()


def test_what_readers_do_not_have_is_not_corrected(publisher: Any) -> None:
    draft = workflow.save_post(Post(), publisher, {"title": "下書き"})
    to_come = workflow.publish(
        workflow.save_post(Post(), publisher, {"title": "予約"}), publisher, timezone.now() + timedelta(days=1)
    )
    for row in (draft, to_come):
        with pytest.raises(WrongState, match="読者"):
            correct(row, publisher)


@pytest.mark.parametrize("text", ["", "  \n\u3000 ", "\x00", "あ" * (corrections.MAX_TEXT + 1)])
def test_an_empty_or_overlong_text_is_refused(post: Post, text: str) -> None:
    with pytest.raises(RefusedChange, match="訂正"):
        correct(post, text=text)


def test_a_time_to_come_and_a_mistyped_year_are_refused(post: Post) -> None:
    for at in (timezone.now() + timedelta(minutes=1), timezone.now().replace(year=206, day=1)):
        with pytest.raises(RefusedChange):
            correct(post, at=at)


def test_a_post_that_was_saved_meanwhile_is_not_corrected(post: Post, publisher: Any) -> None:
    workflow.save_draft(post, publisher, {"body": "別の人が書いた。\n"})
    with pytest.raises(ChangedMeanwhile):
        correct(post, publisher, expected=post.modified_at)


def test_a_correction_without_the_changes_leaves_the_draft_beside_the_post(post: Post, publisher: Any) -> None:
    workflow.save_draft(post, publisher, {"body": "原稿は三千本ある。\n"})
    correct(post, publisher)
    post.refresh_from_db()
    assert post.body == "原稿は二千本ある。\n"
    assert post.pending is not None
    workflow.publish(post, publisher)
    post.refresh_from_db()
    assert post.body == "原稿は三千本ある。\n"
    assert post.corrected_at is not None


def test_a_correction_with_the_changes_publishes_them(post: Post, publisher: Any) -> None:
    workflow.save_draft(post, publisher, {"body": "原稿は三千本ある。\n"})
    correct(post, publisher, with_changes=True)
    post.refresh_from_db()
    assert "三千本" in post.body_html
    assert post.pending is None
    assert [kept.note.partition(" — ")[0] for kept in post.revisions.all()[:2]] == ["correction issued", "published"]


def test_changes_that_cannot_be_published_take_the_correction_back_with_them(post: Post, publisher: Any) -> None:
    past = timezone.now() - timedelta(hours=1)
    workflow.save_draft(post, publisher, {"expires_at": past})
    with pytest.raises(WrongState):
        correct(post, publisher, with_changes=True)
    assert not Correction.objects.exists()
    post.refresh_from_db()
    assert (post.corrected_at, post.expires_at) == (None, None)


def test_taking_a_correction_back_keeps_what_it_said_and_forgets_its_time(post: Post, publisher: Any) -> None:
    first = correct(post, publisher, at=timezone.now() - timedelta(days=1))
    second = correct(post, publisher, text="別の訂正。")
    take_back_correction(second, publisher)
    post.refresh_from_db()
    assert post.corrected_at == first.corrected_at
    kept = post.revisions.first()
    assert kept is not None
    assert kept.note == "correction taken back — 別の訂正。"
    with pytest.raises(WrongState):
        take_back_correction(second, publisher)
    with pytest.raises(NotAllowed):
        take_back_correction(first, make_person("editor"))
    take_back_correction(first, publisher)
    post.refresh_from_db()
    assert post.last_updated_at is None


def test_the_digest_counts_corrections_and_is_what_it_was_without_them(post: Post) -> None:
    before = content_digest()
    correction = correct(post)
    assert content_digest() != before
    take_back_correction(correction, None)
    assert content_digest() == before


# --- The desk -------------------------------------------------------------------------------------------------------


def test_the_page_issues_a_correction_and_the_post_lists_it(post: Post, publisher: Any) -> None:
    client = sign_in(publisher)
    page = client.get(address(post))
    assert "Asia/Tokyo" in page.text
    assert f"{timezone.localtime():%Y-%m-%dT%H}" in page.text
    answer = send(client, post)
    assert answer.url == reverse("admin:articles_post_change", args=[post.pk])
    form = client.get(answer.url).text
    assert "二段落目の「二千本」" in form
    assert address(post) in form
    assert Correction.objects.get().text == TEXT


def test_who_may_not_publish_sees_corrections_and_no_way_to_issue_one(post: Post) -> None:
    correct(post)
    form = sign_in(make_person("editor")).get(reverse("admin:articles_post_change", args=[post.pk])).text
    assert "二段落目の「二千本」" in form
    assert address(post) not in form


def test_the_page_shows_the_unpublished_changes_and_publishes_them_where_they_are_ticked(post: Post, publisher: Any) -> None:
    post = workflow.save_draft(post, publisher, {"body": "原稿は三千本ある。\n", "title": "川沿いの大きな倉庫"}).post
    client = sign_in(publisher)
    page = client.get(address(post))
    assert re.search(r'name="with_changes"[^>]* checked', page.text)
    assert "<ins>" in page.text
    assert "川沿いの大きな倉庫" in page.text
    send(client, post, with_changes="on")
    post.refresh_from_db()
    assert post.title == "川沿いの大きな倉庫"


def test_the_page_without_unpublished_changes_offers_none(post: Post, publisher: Any) -> None:
    assert "with_changes" not in sign_in(publisher).get(address(post)).text


@pytest.mark.parametrize(
    "changes",
    [
        {"text": " "},
        {"text": "あ" * 2001},
        {"corrected_at": "きのう"},
        {"corrected_at": "0001-01-01T00:00"},
        {"corrected_at": "9999-12-31T23:59"},
        {"seen": "x"},
        {"seen": "2020-01-01T00:00:00"},
        {"seen": ""},
        {"text": "\x00あ"},
    ],
)
def test_bad_input_brings_the_form_back_with_the_reason_and_what_was_typed(
    post: Post, publisher: Any, changes: dict[str, str]
) -> None:
    answer = send(sign_in(publisher), post, **changes)
    assert answer.status_code == 200
    assert 'class="errorlist' in answer.text
    if "text" not in changes:
        assert "お詫びして訂正します" in answer.text
    assert not Correction.objects.exists()


def test_a_second_press_of_the_button_issues_nothing(post: Post, publisher: Any) -> None:
    client = sign_in(publisher)
    send(client, post)
    assert "errorlist" in send(client, post).text
    assert Correction.objects.count() == 1


def test_a_draft_has_no_page_for_corrections(publisher: Any) -> None:
    draft = workflow.save_post(Post(), publisher, {"title": "下書き"})
    client = sign_in(publisher)
    form = reverse("admin:articles_post_change", args=[draft.pk])
    assert client.get(address(draft)).url == form
    page = client.get(form).text
    assert "読者" in page
    assert address(draft) not in page


def test_a_correction_is_taken_back_at_the_desk_and_none_of_another_post(post: Post, publisher: Any) -> None:
    correction = correct(post)
    other = workflow.publish(workflow.save_post(Post(), publisher, {"title": "別の記事"}), publisher)
    client = sign_in(publisher)

    def way(row: Post) -> str:
        return reverse("admin:articles_post_take_back_correction", args=[row.pk, correction.pk])

    assert client.post(way(other)).status_code == 404
    assert client.get(way(post)).status_code == 405
    assert Correction.objects.exists()
    assert way(post) in client.get(address(post)).text
    assert client.post(way(post)).status_code == 302
    assert not Correction.objects.exists()


def test_the_form_of_a_post_costs_the_same_with_twice_the_corrections(
    post: Post, publisher: Any, django_assert_max_num_queries: Any
) -> None:
    client = sign_in(publisher)
    form = reverse("admin:articles_post_change", args=[post.pk])
    correct(post, publisher)
    with django_assert_max_num_queries(200) as before:
        client.get(form)
    for number in range(5):
        correct(post, publisher, text=f"訂正{number}")
    with django_assert_max_num_queries(len(before)):
        client.get(form)


# --- What readers get -----------------------------------------------------------------------------------------------


def test_readers_see_that_there_are_corrections_and_what_they_say(post: Post, client: Client) -> None:
    at = timezone.now() - timedelta(hours=3)
    correct(post, text="<b>誤り</b>があった。\n\n正しくは & です。", at=at)
    page = client.get(post.get_absolute_url()).text
    assert "この記事には訂正があります" in page
    assert 'href="#site-corrections"' in page
    assert page.index('class="prose"') < page.index('id="site-corrections"')
    assert "<p>&lt;b&gt;誤り&lt;/b&gt;があった。</p>" in page
    assert "<b>誤り" not in page
    assert f'更新 <time datetime="{timezone.localtime(at).isoformat(timespec="seconds")[:16]}' in page
    graph = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    data = graph["@graph"][0]
    assert data["dateModified"] == timezone.localtime(at).isoformat()
    assert [found["text"] for found in data["correction"]] == ["<b>誤り</b>があった。\n\n正しくは & です。"]
    assert data["correction"][0]["@type"] == "CorrectionComment"


def test_corrections_of_a_post_without_a_text_are_shown(publisher: Any, client: Client) -> None:
    post = workflow.publish(workflow.save_post(Post(), publisher, {"title": "撤回", "body": ""}), publisher)
    correct(post, publisher)
    assert post.body_html == ""
    assert TEXT in client.get(post.get_absolute_url()).content.decode()


def test_a_post_without_corrections_says_nothing_of_them(post: Post, client: Client) -> None:
    page = client.get(post.get_absolute_url()).text
    assert "訂正" not in page
    assert '"correction"' not in page


def test_feed_and_sitemap_take_a_correction_for_an_update(post: Post, client: Client) -> None:
    at = timezone.localtime(correct(post).corrected_at)
    sitemap = b"".join(client.get(reverse("articles:sitemap_page")).streaming_content).decode()  # type: ignore[attr-defined]
    assert f"<lastmod>{at.isoformat()}</lastmod>" in sitemap
    assert client.get("/atom.xml").text.count(f"<updated>{at.isoformat()}</updated>") == 2


def test_a_later_update_stays_the_newer_of_the_two(post: Post, client: Client) -> None:
    correct(post, at=timezone.now() - timedelta(days=1))
    Post.objects.filter(pk=post.pk).update(updated_at=timezone.now())
    updated = timezone.localtime(Post.objects.get().updated_at)
    assert f"<updated>{updated.isoformat()}</updated>" in client.get("/atom.xml").text


def test_corrections_cost_an_article_one_query_however_many_there_are(
    post: Post, client: Client, django_assert_num_queries: Any
) -> None:
    for number in range(4):
        correct(post, text=f"訂正{number}")
    with django_assert_num_queries(4):  # post, credits with corrections, neighbours, sections
        client.get(post.get_absolute_url())


def test_a_withdrawn_post_shows_its_corrections_to_nobody(post: Post, publisher: Any, client: Client) -> None:
    correct(post)
    workflow.withdraw(Post.objects.get(), publisher)
    answer = client.get(post.get_absolute_url())
    assert answer.status_code == 410
    assert "二段落目" not in answer.text


def test_a_preview_shows_the_corrections_as_the_site_does(post: Post, publisher: Any) -> None:
    correct(post)
    workflow.save_draft(Post.objects.get(), publisher, {"body": "書きかけ。\n"})
    page = sign_in(publisher).get(reverse("admin:articles_post_preview", args=[post.pk])).text
    assert "書きかけ" in page
    assert "二段落目の「二千本」" in page


def test_a_copy_of_a_post_has_none_of_its_corrections(post: Post, publisher: Any) -> None:
    correct(post)
    sign_in(publisher).post(reverse("admin:articles_post_duplicate", args=[post.pk]))
    copy = Post.objects.exclude(pk=post.pk).get()
    assert (copy.corrected_at, copy.corrections.count()) == (None, 0)
    assert Revision.objects.filter(post=copy, note__startswith="correction").count() == 0
