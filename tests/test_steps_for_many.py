"""Steps for many posts at once, schedules and embargoes, and accounts that are limited to categories."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from articles.admin import bulk
from articles.editorial import drafts, workflow
from articles.editorial.permissions import Verb, can, visible_posts
from articles.editorial.schedule import settle_due
from articles.editorial.workflow import WrongState
from articles.models import Assignment, Category, Notice, Post, Revision
from tests.people import make_person

State = Post.State
LIST = "admin:articles_post_changelist"


def write(user: Any, title: str = "川沿いの倉庫", **changes: Any) -> Post:
    return workflow.save_post(Post(), user, {"title": title, "body": "本文。", **changes})


def sign_in(role: str, name: str = "") -> tuple[Client, Any]:
    person = make_person(role, name)
    client = Client()
    client.force_login(person)
    return client, person


def choose(client: Client, action: str, posts: list[Post], query: str = "", **data: Any) -> Any:
    chosen = {"action": action, "_selected_action": [post.pk for post in posts], **data}
    return client.post(reverse(LIST) + query, chosen)


# --- Steps for many -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_step_for_many_shows_what_it_will_touch_and_what_not_before_it_does_anything() -> None:
    client, person = sign_in("publisher")
    posts = [write(person, f"記事{number}") for number in range(3)]
    workflow.publish(posts[2], person)
    page = choose(client, "publish_chosen", posts)
    assert page.status_code == 200
    assert {post.title for post in page.context["touched"]} == {"記事0", "記事1"}
    [(refused, reason)] = page.context["refused"]
    assert (refused.title, bool(reason)) == ("記事2", True)
    assert Post.objects.filter(state=State.PUBLISHED).count() == 1
    done = choose(client, "publish_chosen", page.context["touched"], confirmed="publish_chosen")
    assert done.status_code == 302
    assert Post.objects.filter(state=State.PUBLISHED).count() == 3


@pytest.mark.django_db
def test_what_changed_between_the_page_and_the_confirmation_is_asked_again() -> None:
    client, person = sign_in("publisher")
    post = write(person)
    choose(client, "withdraw_chosen", [workflow.publish(post, person)])
    workflow.withdraw(post, person)
    answer = choose(client, "withdraw_chosen", [post], confirmed="withdraw_chosen")
    assert answer.status_code == 302
    messages = [str(message) for message in client.get(reverse(LIST)).context["messages"]]
    assert len(messages) == 1
    assert "川沿いの倉庫" in messages[0]


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["author", "editor"])
def test_who_may_not_publish_is_offered_no_such_step_and_forging_it_does_nothing(role: str) -> None:
    client, person = sign_in(role)
    post = write(person)
    assert "publish_chosen" not in client.get(reverse(LIST)).text
    choose(client, "publish_chosen", [post], confirmed="publish_chosen")
    assert Post.objects.get().state == State.DRAFT


@pytest.mark.django_db
def test_a_step_for_many_touches_nobody_elses_posts_and_names_none() -> None:
    client, _person = sign_in("author")
    other = write(make_person("editor"), "見せない題")
    for data in ({}, {"confirmed": "trash_chosen"}, {"select_across": "1"}):
        answer = choose(client, "trash_chosen", [other], **data)
        assert "見せない題" not in answer.content.decode()
    assert Post.objects.get().trashed_at is None


@pytest.mark.django_db
def test_all_of_a_long_list_are_too_many_for_one_step(monkeypatch: Any) -> None:
    monkeypatch.setattr(bulk, "MAX_POSTS", 2)
    client, person = sign_in("publisher")
    posts = [write(person, f"記事{number}") for number in range(3)]
    answer = choose(client, "trash_chosen", posts, select_across="1")
    assert answer.status_code == 302
    assert not Post.objects.filter(trashed_at__isnull=False).exists()


@pytest.mark.django_db
def test_the_trash_is_emptied_back_after_the_same_question() -> None:
    client, person = sign_in("publisher")
    post = workflow.move_to_trash(write(person), person)
    page = choose(client, "restore_chosen", [post], "?trash=1")
    assert [entry.pk for entry in page.context["touched"]] == [post.pk]
    choose(client, "restore_chosen", [post], "?trash=1", confirmed="restore_chosen")
    assert Post.objects.get().trashed_at is None


# --- Schedules ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_scheduled_post_is_called_published_once_when_its_minute_has_come() -> None:
    author, publisher = make_person("author"), make_person("publisher")
    post = workflow.publish(write(author), publisher, timezone.now() + timedelta(hours=1))
    assert settle_due() == 0
    past = timezone.now() - timedelta(seconds=1)
    Post.objects.filter(pk=post.pk).update(published_at=past, first_published_at=past)
    Notice.objects.all().delete()
    assert (settle_due(), settle_due()) == (1, 0)
    row = Post.objects.get()
    assert (row.state, row.modified_at) == (State.PUBLISHED, post.modified_at)
    assert [revision.note for revision in row.revisions.all()[:2]] == ["published", "scheduled"]
    assert [notice.recipient for notice in Notice.objects.all()] == [author]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_workers_publish_each_post_exactly_once() -> None:
    person = make_person("publisher")
    for number in range(40):
        workflow.publish(write(person, f"記事{number}"), person, timezone.now() + timedelta(hours=1))
    Post.objects.update(published_at=timezone.now() - timedelta(seconds=1))
    counts: list[int] = []

    def work() -> None:
        try:
            counts.append(settle_due())
        finally:
            connection.close()

    workers = [Thread(target=work) for _number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(counts) == 40
    assert Revision.objects.filter(note="published").count() == 40


@pytest.mark.django_db
def test_nothing_goes_out_before_its_embargo_ends() -> None:
    person = make_person("publisher")
    until = timezone.now() + timedelta(days=1)
    post = write(person, embargo_until=until)
    for at in (None, until - timedelta(minutes=1)):
        with pytest.raises(WrongState, match="川沿いの倉庫"):
            workflow.publish(post, person, at)
    scheduled = workflow.publish(post, person, until)
    assert scheduled.state == State.SCHEDULED
    with pytest.raises(WrongState):
        workflow.publish(scheduled, person)
    with pytest.raises(WrongState):
        workflow.save_post(scheduled, person, {"published_at": timezone.now()})
    client = Client()
    client.force_login(person)
    page = choose(client, "publish_chosen", [post])
    assert page.context["touched"] == []


# --- Limits to categories -------------------------------------------------------------------------------------------


@pytest.fixture
def sections(db: None) -> dict[str, Category]:
    culture = Category.objects.create(name="文化")
    return {
        "文化": culture,
        "書評": Category.objects.create(name="書評", parent=culture),
        "政治": Category.objects.create(name="政治"),
    }


def limit(person: User, *categories: Category) -> Any:
    for category in categories:
        Assignment.objects.create(user=person, category=category)
    return User.objects.get(pk=person.pk)


@pytest.mark.django_db
def test_a_limited_publisher_works_in_their_categories_and_below_alone(sections: Any) -> None:
    person = limit(make_person("publisher"), sections["文化"])
    other = make_person("author")
    inside = write(other, categories=[sections["書評"]])
    outside = write(other, "政治の記事", categories=[sections["政治"]])
    both = write(other, "両方の記事", categories=[sections["文化"], sections["政治"]])
    nowhere = write(other, "欄のない記事")
    assert [can(person, Verb.CHANGE, post) for post in (inside, outside, both, nowhere)] == [True, False, False, False]
    assert [can(person, Verb.PUBLISH, post) for post in (inside, outside, both, nowhere)] == [True, False, False, False]
    assert set(visible_posts(person)) == {inside, both}


@pytest.mark.django_db
def test_ones_own_posts_can_be_written_anywhere_and_published_where_one_works(sections: Any) -> None:
    person = limit(make_person("publisher"), sections["文化"])
    own = write(person, categories=[sections["政治"]])
    assert can(person, Verb.CHANGE, own)
    assert not can(person, Verb.PUBLISH, own)


@pytest.mark.django_db
def test_a_draft_that_moves_a_post_out_of_ones_categories_is_not_published(sections: Any) -> None:
    person = limit(make_person("publisher"), sections["文化"])
    post = workflow.publish(write(person, categories=[sections["文化"]]), person)
    workflow.save_draft(post, person, {"categories": [sections["政治"]]})
    with pytest.raises(workflow.NotAllowed):
        workflow.publish(Post.objects.get(), person)
    row = Post.objects.get()
    assert (row.pending is not None, drafts.read_present(row)["categories"]) == (True, [["政治"]])


@pytest.mark.django_db
def test_a_submission_tells_only_those_who_work_in_its_categories(sections: Any) -> None:
    limit(make_person("editor", "politics"), sections["政治"])
    limit(make_person("editor", "culture"), sections["文化"])
    make_person("editor", "everywhere")
    author = make_person("author")
    workflow.submit_for_review(write(author, categories=[sections["書評"]]), author)
    assert {notice.recipient.username for notice in Notice.objects.all()} == {"culture", "everywhere"}


@pytest.mark.django_db
def test_a_limit_costs_lists_no_query_per_post(sections: Any, django_assert_num_queries: Any) -> None:
    client, person = sign_in("publisher")
    limit(person, sections["文化"])
    write(None, categories=[sections["文化"]])
    with django_assert_num_queries(15):
        client.get(reverse(LIST))
    for number in range(10):
        write(None, f"記事{number}", categories=[sections["文化"]])
    with django_assert_num_queries(15):
        client.get(reverse(LIST))


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "status"), [("superuser", True), ("administrator", True), ("publisher", False)])
def test_limits_are_set_by_those_who_manage_accounts(sections: Any, role: str, status: bool) -> None:
    client, person = sign_in(role)
    account = make_person("editor", "colleague")
    address = reverse("admin:auth_user_change", args=[account.pk])
    page = client.get(address)
    rows = {
        "assignments-TOTAL_FORMS": 1,
        "assignments-INITIAL_FORMS": 0,
        "assignments-0-category": sections["文化"].pk,
        "assignments-0-user": account.pk,
        "username": "colleague",
        "groups": [group.pk for group in account.groups.all()],
    }
    client.post(address, rows)
    assert (page.status_code, Assignment.objects.exists()) == (200 if status else 403, status)
    if role == "administrator":
        own = reverse("admin:auth_user_change", args=[person.pk])
        client.post(own, rows | {"username": role, "assignments-0-user": person.pk})
        assert not Assignment.objects.filter(user=person).exists()
