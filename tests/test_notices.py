"""Who is told of a step, at the desk and by mail; and copies of posts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from articles.editorial import notices, workflow
from articles.editorial.copies import duplicate
from articles.mail import one_line
from articles.models import Author, Category, DeskSettings, Notice, Post
from tests.people import make_person

pytestmark = pytest.mark.django_db
Kind = Notice.Kind


class BrokenServer:
    """A mail server that takes nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def send_messages(self, messages: Any) -> int:
        raise ConnectionRefusedError("no\r\nserver")


def person(role: str, name: str = "", **columns: Any) -> Any:
    found = make_person(role, name)
    for key, value in ({"email": f"{found.username}@example.jp"} | columns).items():
        setattr(found, key, value)
    found.save()
    return found


def write(owner: Any, **changes: Any) -> Post:
    return workflow.save_post(Post(), owner, {"title": "川沿いの倉庫", "body": "本文。", **changes})


def told(kind: str) -> set[str]:
    return set(Notice.objects.filter(kind=kind).values_list("recipient__username", flat=True))


def sign_in(account: Any) -> Client:
    client = Client()
    client.force_login(account)
    return client


# --- Who ------------------------------------------------------------------------------------------------------------


def test_a_submission_is_told_to_all_who_may_review_it_and_to_nobody_else() -> None:
    author = person("author")
    for name in ("editor", "publisher", "superuser", "importer", "staff"):
        person(name)
    person("editor", "gone", is_active=False)
    workflow.submit_for_review(write(author), author)
    assert told(Kind.SUBMITTED) == {"editor", "publisher", "superuser"}


def test_an_editor_who_submits_another_ones_post_tells_its_owner_but_not_themselves() -> None:
    author, editor = person("author"), person("editor")
    workflow.submit_for_review(write(author), editor)
    assert told(Kind.SUBMITTED) == {"author"}


@pytest.mark.parametrize(("act", "kind"), [("return_to_draft", Kind.RETURNED), ("publish", Kind.PUBLISHED)])
def test_what_becomes_of_a_submission_is_told_to_the_owner_and_to_who_submitted_it(act: str, kind: str) -> None:
    author, editor, publisher = person("author"), person("editor"), person("publisher")
    post = workflow.submit_for_review(write(author), editor)
    getattr(workflow, act)(post, publisher)
    assert told(kind) == {"author", "editor"}


def test_scheduling_and_withdrawing_are_told_by_their_own_names() -> None:
    author, publisher = person("author"), person("publisher")
    post = workflow.publish(write(author), publisher, timezone.now() + timedelta(days=1))
    assert told(Kind.SCHEDULED) == {"author"}
    workflow.withdraw(post, publisher)
    assert told(Kind.WITHDRAWN) == {"author"}


def test_the_system_and_a_post_without_an_owner_trouble_nobody() -> None:
    person("editor")
    workflow.publish(write(None), None)
    assert not Notice.objects.exists()


def test_a_verb_that_fails_tells_nobody() -> None:
    author, editor = person("author"), person("editor")
    post = workflow.submit_for_review(write(author), author)
    with transaction.atomic():
        workflow.return_to_draft(post, editor, reason="長い")
        transaction.set_rollback(True)
    assert told(Kind.RETURNED) == set()


def test_telling_many_costs_what_telling_one_costs(django_assert_num_queries: Any) -> None:
    author = person("author")
    person("editor")
    first, second = write(author), write(author)
    first.state = second.state = Post.State.IN_REVIEW
    # the post's categories, people concerned, what they want, rows
    with django_assert_num_queries(4):
        notices.notify(notices.Verb.SUBMIT, first, author)
    for number in range(12):
        person("editor", f"editor{number}", email="")
    with django_assert_num_queries(4):
        notices.notify(notices.Verb.SUBMIT, second, author)
    assert Notice.objects.filter(post=second).count() == 13


# --- Reasons --------------------------------------------------------------------------------------------------------


def test_the_reason_of_a_return_stands_above_the_text_until_it_is_submitted_again() -> None:
    author, editor = person("author"), person("editor")
    post = workflow.submit_for_review(write(author), author)
    post = workflow.return_to_draft(post, editor, reason="冒頭を短く。\n<b>数字</b>に出典を。")
    page = sign_in(author).get(reverse("admin:articles_post_change", args=[post.pk])).text
    assert "冒頭を短く。<br>&lt;b&gt;数字" in page
    assert post.revisions.latest().note.endswith("冒頭を短く。 <b>数字</b>に出典を。")
    found = notices.newest_return(post)
    assert found is not None
    assert found.actor == editor
    assert notices.newest_return(workflow.submit_for_review(post, author)) is None


def test_whoever_returns_another_ones_post_must_say_why_and_nothing_typed_is_lost() -> None:
    author, editor = person("author"), person("editor")
    post = workflow.submit_for_review(write(author), author)
    client, address = sign_in(editor), reverse("admin:articles_post_verb", args=[post.pk, "return"])
    client.post(address, {"reason": "  "})
    post.refresh_from_db()
    assert post.state == Post.State.IN_REVIEW
    client.post(address, {"reason": "短\x00く"})
    post.refresh_from_db()
    assert post.state == Post.State.DRAFT
    assert Notice.objects.get(kind=Kind.RETURNED).text == "短く"


def test_an_author_takes_back_what_they_submitted_without_a_reason() -> None:
    author = person("author")
    post = workflow.submit_for_review(write(author), author)
    sign_in(author).post(reverse("admin:articles_post_verb", args=[post.pk, "return"]))
    post.refresh_from_db()
    assert post.state == Post.State.DRAFT


# --- At the desk ----------------------------------------------------------------------------------------------------


def test_the_bell_counts_what_is_unread_and_opening_leads_to_the_post() -> None:
    author, editor = person("author"), person("editor")
    post = workflow.submit_for_review(write(author), author)
    client = sign_in(editor)
    page = client.get(reverse("admin:index"))
    assert '<a class="bell" href="/admin/notices/">' in page.text
    assert "<b>1</b>" in page.text
    notice = Notice.objects.get()
    assert client.get(reverse("desk:notice_open", args=[notice.pk])).status_code == 405
    answer = client.post(reverse("desk:notice_open", args=[notice.pk]))
    assert answer["Location"] == reverse("admin:articles_post_change", args=[post.pk])
    notice.refresh_from_db()
    assert notice.read_at is not None
    assert "<b>1</b>" not in client.get(reverse("admin:index")).text


def test_nobody_reads_or_opens_the_notices_of_others() -> None:
    author, editor = person("author"), person("editor")
    workflow.submit_for_review(write(author), author)
    notice = Notice.objects.get(recipient=editor)
    client = sign_in(author)
    assert client.post(reverse("desk:notice_open", args=[notice.pk])).status_code == 404
    client.post(reverse("desk:notices_read"), {"notice": notice.pk})
    client.post(reverse("desk:notices_read"))
    notice.refresh_from_db()
    assert notice.read_at is None
    assert "川沿い" not in client.get(reverse("desk:notices")).text


@pytest.mark.parametrize("key", ["x", "-1", str(2**70), "1 OR 1"])
def test_a_notice_that_is_none_marks_nothing_as_read(key: str) -> None:
    editor = person("editor")
    Notice.objects.create(recipient=editor, kind=Kind.PUBLISHED, title="題")
    assert sign_in(editor).post(reverse("desk:notices_read"), {"notice": key}).status_code == 302
    assert notices.count_unread(editor) == 1


def test_a_notice_outlives_its_post_and_names_it() -> None:
    author, publisher = person("author"), person("publisher")
    post = workflow.publish(write(author, title="<i>消える</i>記事"), publisher)
    Post.objects.filter(pk=post.pk).delete()
    client = sign_in(author)
    assert "&lt;i&gt;消える&lt;/i&gt;記事" in client.get(reverse("desk:notices")).text
    assert client.post(reverse("desk:notice_open", args=[Notice.objects.get().pk]))["Location"] == "/admin/notices/"


def test_the_list_of_notices_costs_the_same_whatever_its_length_and_has_pages(django_assert_num_queries: Any) -> None:
    author, editor = person("author"), person("editor")
    post = write(author)
    client = sign_in(author)

    def add(number: int) -> None:
        rows = [Notice(recipient=author, actor=editor, post=post, kind=Kind.PUBLISHED, title=f"題{n}") for n in range(number)]
        Notice.objects.bulk_create(rows)

    add(3)
    # session, user, permissions (own, groups'), number of notices, notices, unread ones
    with django_assert_num_queries(7):
        client.get(reverse("desk:notices"))
    add(60)
    with django_assert_num_queries(7):
        page = client.get(reverse("desk:notices"))
    assert len(page.context["rows"]) == 30
    assert len(client.get(reverse("desk:notices"), {"page": "3"}).context["rows"]) == 3


# --- By mail --------------------------------------------------------------------------------------------------------


def deliver_all() -> None:
    for key in Notice.objects.values_list("pk", flat=True):
        notices.deliver(key)


def test_the_save_waits_for_no_mail(django_capture_on_commit_callbacks: Any, settings: Any) -> None:
    settings.EMAIL_BACKEND = "tests.test_notices.BrokenServer"
    author, editor = person("author"), person("editor")
    with django_capture_on_commit_callbacks(execute=True):
        post = workflow.submit_for_review(write(author), author)
    assert post.state == Post.State.IN_REVIEW
    assert Notice.objects.get(recipient=editor).mail_due_at is not None


def test_a_mail_says_who_what_why_and_where_in_the_language_of_the_site(settings: Any) -> None:
    settings.SITE_URL, settings.SITE_NAME = "https://kawara.example.jp", "瓦版"
    author, editor = person("author"), person("editor")
    post = workflow.submit_for_review(write(author), author)
    workflow.return_to_draft(post, editor, reason="冒頭を短く。")
    mail.outbox.clear()
    notices.deliver(Notice.objects.get(kind=Kind.RETURNED).pk)
    (sent,) = mail.outbox
    assert sent.to == ["author@example.jp"]
    assert sent.subject.startswith("[瓦版] ")
    assert "川沿いの倉庫" in sent.subject
    assert "editorさん" in sent.body
    assert "冒頭を短く。" in sent.body
    assert f"https://kawara.example.jp/admin/articles/post/{post.pk}/change/" in sent.body


def test_a_mail_speaks_english_to_whom_wants_english() -> None:
    author, editor = person("author"), person("editor")
    DeskSettings.objects.create(user=editor, language="en")
    workflow.submit_for_review(write(author), author)
    deliver_all()
    assert "author submitted this post for review." in mail.outbox[0].body


def test_a_title_adds_no_header_and_turns_no_line() -> None:
    author, publisher = person("author"), person("publisher")
    post = write(author)
    Post.objects.filter(pk=post.pk).update(title="題\r\nBcc: thief@example.jp\u2028\u202e逆")
    workflow.publish(post, publisher)
    deliver_all()
    (sent,) = mail.outbox
    assert sent.message()["Bcc"] is None
    assert "\n" not in sent.subject
    assert "\u202e" not in sent.subject
    assert one_line("a\r\nb\x00c") == "a b c"


def test_nobody_gets_a_mail_twice_and_without_an_address_none() -> None:
    author = person("author")
    person("editor")
    person("publisher", email="")
    workflow.submit_for_review(write(author), author)
    deliver_all()
    deliver_all()
    assert [sent.to for sent in mail.outbox] == [["editor@example.jp"]]


def test_what_a_person_does_not_want_by_mail_stays_at_the_desk() -> None:
    author, editor = person("author"), person("editor")
    answer = sign_in(editor).post(reverse("desk:settings"), {"mailed": [Kind.RETURNED, Kind.PUBLISHED], "language": "en"})
    assert answer.status_code == 302
    workflow.submit_for_review(write(author), author)
    deliver_all()
    assert mail.outbox == []
    assert notices.count_unread(editor) == 1


def test_settings_that_are_none_come_back_with_a_sentence() -> None:
    answer = sign_in(person("editor")).post(reverse("desk:settings"), {"mailed": ["nonsense"], "language": "xx"})
    assert answer.status_code == 200
    assert set(answer.context["form"].errors) == {"mailed", "language"}


def test_who_may_not_see_the_post_any_more_gets_no_mail_about_it() -> None:
    author, editor = person("author"), person("editor")
    workflow.submit_for_review(write(author), author)
    editor.groups.clear()
    deliver_all()
    assert mail.outbox == []


def test_a_server_that_takes_no_mail_is_asked_again_some_times_and_then_somebody_is_told(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    author, editor = person("author"), person("editor")
    workflow.submit_for_review(write(author), author)
    settings.EMAIL_BACKEND = "tests.test_notices.BrokenServer"
    key = Notice.objects.get().pk
    for _try in range(10):
        notices.deliver(key)
    notice = Notice.objects.get()
    assert (notice.mail_tries, notice.mail_due_at, notice.mailed_at) == (len(notices.WAITS) + 1, None, None)
    assert notice.mail_error == "no server"
    assert "given up" in caplog.text
    assert 'class="mail-error"' in sign_in(editor).get(reverse("desk:notices")).text


def test_a_mail_whose_task_was_lost_is_taken_up() -> None:
    author = person("author")
    person("editor")
    workflow.submit_for_review(write(author), author)
    assert notices.take_up_mails() == 0
    Notice.objects.update(mail_due_at=timezone.now() - timedelta(hours=1))
    assert notices.take_up_mails() == 1
    assert notices.take_up_mails() == 0


# --- Copies ---------------------------------------------------------------------------------------------------------


def test_a_copy_is_a_draft_of_ones_own_with_everything_but_dates_address_and_origin() -> None:
    author, editor = person("author"), person("editor")
    desk, category = Author.objects.create(name="文化部"), Category.objects.create(name="くらし")
    front_matter = "---\ntitle: 元の題\nlayout: wide\nratings: [1, 2]\ndate: 2020-01-01\n---\n"
    post = write(author, authors=[desk], categories=[category], tags=["AI", "倉庫"], extra={"layout": "wide", "ratings": [1, 2]})
    Post.objects.filter(pk=post.pk).update(
        front_matter=front_matter, front_matter_format="yaml", source_path="_posts/a.md", published_at=timezone.now()
    )
    made = duplicate(post, editor)
    made.refresh_from_db()
    assert (made.owner, made.state, made.body) == (editor, Post.State.DRAFT, "本文。")
    assert made.title != "川沿いの倉庫"
    assert made.title.startswith("川沿いの倉庫")
    assert made.path != post.path
    assert (made.published_at, made.source_id, made.source_path) == (None, None, "")
    assert workflow.ordered_authors(made) == [desk]
    assert workflow.ordered_categories(made) == [category]
    assert [tag.name for tag in workflow.ordered_tags(made)] == ["AI", "倉庫"]
    assert made.extra == {"layout": "wide", "ratings": [1, 2]}
    assert "layout" in made.front_matter
    assert "2020" not in made.front_matter


def test_a_copy_of_the_longest_title_has_room_for_its_mark() -> None:
    editor = person("editor")
    made = duplicate(write(editor, title="長" * 500), editor)
    assert len(made.title) <= 500
    assert made.title != "長" * 500


def test_what_one_may_not_see_one_cannot_copy() -> None:
    post = write(person("editor"))
    with pytest.raises(workflow.NotAllowed):
        duplicate(post, person("author"))
    assert sign_in(person("author", "second")).post(reverse("admin:articles_post_duplicate", args=[post.pk])).status_code == 404
    assert Post.objects.count() == 1


def test_the_button_leads_to_the_copy() -> None:
    editor = person("editor")
    post = write(editor)
    client = sign_in(editor)
    assert 'form="duplicate"' in client.get(reverse("admin:articles_post_change", args=[post.pk])).text
    answer = client.post(reverse("admin:articles_post_duplicate", args=[post.pk]))
    assert answer["Location"] == reverse("admin:articles_post_change", args=[Post.objects.latest("pk").pk])
