"""Drafts beside public posts, saves that meet, texts that are kept by themselves, and who has a post open."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import lxml.html
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from articles.editorial import drafts, versions, workflow
from articles.editorial.workflow import ChangedMeanwhile, Clash, NotAllowed, RefusedChange, WrongState
from articles.models import Author, Category, Post, Presence, Redirect, Revision, Source, Tag
from tests.people import make_person
from tests.test_admin import fields

pytestmark = pytest.mark.django_db
State = Post.State
TEXT = "最初の段落。二つ目の文。\n\n真ん中の段落。\n\n最後の段落。\n"


@pytest.fixture
def publisher() -> Any:
    return make_person("publisher")


@pytest.fixture
def editor() -> Any:
    return make_person("editor")


def write(user: Any, **changes: Any) -> Post:
    return workflow.save_post(Post(), user, {"title": "川沿いの倉庫", "body": TEXT, **changes})


def make_public(user: Any, **changes: Any) -> Post:
    return workflow.publish(write(user, **changes), user)


def reread(post: Post) -> Post:
    return Post.objects.get(pk=post.pk)


def url(name: str, *arguments: Any) -> str:
    return reverse(f"admin:articles_post_{name}", args=arguments)


def sign_in(role: str, name: str = "") -> tuple[Client, Any]:
    person = make_person(role, name)
    client = Client()
    client.force_login(person)
    return client, person


# --- Beside the public post -----------------------------------------------------------------------------------------


def test_writing_on_a_public_post_changes_nothing_for_readers_until_it_is_published(publisher: Any, editor: Any) -> None:
    post = make_public(publisher, tags=["AI"])
    page = Client().get(post.get_absolute_url()).content
    digest = versions.snapshot(post)
    saved = workflow.save_draft(post, editor, {"title": "書き直した題", "body": "書き直した本文", "tags": ["編集"]})
    assert (saved.is_beside, saved.is_changed) == (True, True)
    row = reread(post)
    assert versions.snapshot(row) == digest
    assert Client().get(post.get_absolute_url()).content == page
    for address in ("/", "/feed/", "/tags/"):
        answer = Client().get(address)
        assert "書き直した" not in answer.content.decode()
    published = workflow.publish(row, publisher)
    assert (published.title, published.body, published.pending) == ("書き直した題", "書き直した本文", None)
    assert [tag.name for tag in versions.ordered_tags(published)] == ["編集"]
    assert "書き直した本文" in Client().get(published.get_absolute_url()).content.decode()


def test_a_scheduled_post_goes_out_as_it_was_scheduled(publisher: Any) -> None:
    post = write(publisher)
    later = timezone.now() + timedelta(days=1)
    post = workflow.publish(post, publisher, later)
    row = workflow.save_draft(post, publisher, {"body": "まだ出さない本文"}).post
    assert (row.state, row.body, row.published_at) == (State.SCHEDULED, TEXT, later)
    moved = workflow.publish(row, publisher, later + timedelta(days=1))
    assert (moved.state, moved.body) == (State.SCHEDULED, "まだ出さない本文")


def test_saves_on_a_public_post_follow_one_another_and_each_is_kept(publisher: Any, editor: Any) -> None:
    post = make_public(publisher)
    for number in range(3):
        workflow.save_draft(reread(post), editor, {"body": f"{number}稿"})
    row = reread(post)
    assert drafts.read_present(row)["body"] == "2稿"
    bases = {revision.base for revision in row.revisions.all()[:3]}
    assert [kept.snapshot["body"] for kept in row.revisions.saved()[:4]] == ["2稿", "1稿", "0稿", TEXT]
    assert len(bases) == 1


def test_a_draft_that_says_what_readers_see_or_nothing_new_is_no_draft(publisher: Any) -> None:
    post = make_public(publisher)
    saved = workflow.save_draft(post, publisher, {"body": TEXT, "title": post.title})
    assert (saved.is_changed, reread(post).pending, post.revisions.count()) == (False, None, 2)


def test_a_draft_is_dropped_and_stays_among_the_versions(publisher: Any) -> None:
    post = workflow.save_draft(make_public(publisher), publisher, {"body": "捨てる"}).post
    workflow.discard_draft(post, publisher)
    row = reread(post)
    assert (row.pending, row.body) == (None, TEXT)
    assert row.revisions.filter(snapshot__body="捨てる").exists()
    with pytest.raises(WrongState):
        workflow.discard_draft(row, publisher)


def test_who_may_not_publish_hands_changes_over_and_gets_them_back(publisher: Any, editor: Any) -> None:
    post = workflow.save_draft(make_public(publisher), editor, {"body": "直した"}).post
    with pytest.raises(NotAllowed):
        workflow.publish(post, editor)
    post = workflow.submit_for_review(post, editor)
    assert (post.state, post.pending_submitted_at is not None) == (State.PUBLISHED, True)
    with pytest.raises(WrongState):
        workflow.submit_for_review(post, editor)
    post = workflow.return_to_draft(post, publisher)
    assert (post.state, post.pending_submitted_at, drafts.read_present(post)["body"]) == (State.PUBLISHED, None, "直した")


def test_an_author_may_not_write_on_what_was_published(publisher: Any) -> None:
    author = make_person("author")
    post = write(author)
    workflow.publish(post, publisher)
    with pytest.raises(NotAllowed):
        workflow.save_draft(post, author, {"body": "x"})


def test_a_new_address_of_a_draft_moves_the_post_only_when_it_is_published(publisher: Any) -> None:
    post = make_public(publisher, path="/old/")
    row = workflow.save_draft(post, publisher, {"path": "/new/"}).post
    assert (reread(row).path, Redirect.objects.count()) == ("/old/", 0)
    published = workflow.publish(row, publisher)
    assert (published.path, Redirect.objects.get().old_path) == ("/new/", "/old/")


def test_the_file_of_an_imported_post_changes_in_the_edited_lines_only_when_published(publisher: Any) -> None:
    source = Source.objects.create(name="旧サイト", dialect="hugo", timezone="Asia/Tokyo")
    head = "---\ntitle: 川沿いの倉庫 # 仮\ncustom: そのまま\ntags: [AI]\n---\n"
    post = workflow.save_post(Post(), None, {"title": "川沿いの倉庫", "body": TEXT, "path": "/kura/"})
    Post.objects.filter(pk=post.pk).update(
        source=source, source_path="kura.md", dialect="hugo", front_matter=head, front_matter_format="yaml", newline="\r\n"
    )
    post = workflow.publish(reread(post), None)
    before = post.front_matter
    row = workflow.save_draft(post, publisher, {"title": "直した題", "body": TEXT + "追記。\n"}).post
    assert reread(row).front_matter == before
    published = workflow.publish(row, publisher)
    changed = set(published.front_matter.split("\n")) ^ set(before.split("\n"))
    assert sorted(changed) == ["title: 川沿いの倉庫 # 仮", "title: 直した題 # 仮"]
    assert (published.newline, published.body) == ("\r\n", TEXT + "追記。\n")


def test_an_import_that_changed_the_public_post_elsewhere_is_brought_together_with_the_draft(publisher: Any) -> None:
    post = workflow.save_draft(make_public(publisher), publisher, {"body": TEXT.replace("最後", "終わり")}).post
    workflow.save_post(reread(post), None, {"body": TEXT.replace("最初", "はじめ"), "description": "外から"})
    published = workflow.publish(reread(post), publisher)
    assert published.body == TEXT.replace("最後", "終わり").replace("最初", "はじめ")
    assert published.description == "外から"


def test_an_import_that_changed_the_same_place_is_for_a_person_to_see(publisher: Any) -> None:
    post = workflow.save_draft(make_public(publisher), publisher, {"body": "わたしの本文\n"}).post
    workflow.save_post(reread(post), None, {"body": "取り込んだ本文\n"})
    with pytest.raises(Clash):
        workflow.publish(reread(post), publisher)
    row = reread(post)
    assert (row.body, drafts.read_present(row)["body"]) == ("取り込んだ本文\n", "わたしの本文\n")
    client = Client()
    client.force_login(publisher)
    page = client.get(url("join", row.pk, row.pending_id))
    assert "取り込んだ本文" in page.text
    assert "わたしの本文" in page.text
    answers = {f"way-{block.id}": "ours" for block in page.context["screen"].open}
    client.post(url("join", row.pk, row.pending_id), {"seen": row.modified_at.isoformat(), **answers})
    assert workflow.publish(reread(post), publisher).body == "わたしの本文\n"


def test_what_a_draft_names_and_nobody_has_any_more_is_not_published_away(publisher: Any) -> None:
    category = Category.objects.create(name="技術")
    post = workflow.save_draft(make_public(publisher), publisher, {"categories": [category]}).post
    category.delete()
    with pytest.raises(WrongState, match="技術"):
        workflow.publish(reread(post), publisher)


def test_an_address_that_another_post_took_meanwhile_is_refused_when_publishing(publisher: Any) -> None:
    post = workflow.save_draft(make_public(publisher, path="/a/"), publisher, {"path": "/b/"}).post
    write(publisher, title="もう一つ", path="/b/")
    with pytest.raises(RefusedChange, match="/b/"):
        workflow.publish(reread(post), publisher)


# --- Two saves ------------------------------------------------------------------------------------------------------


def opened(post: Post) -> dict[str, Any]:
    """What a form remembers of the post as it was opened."""
    row = reread(post)
    return {"seen": row.modified_at, "base": drafts.present_revision(row)}


@pytest.mark.parametrize("is_public", [False, True])
def test_changes_of_different_places_are_brought_together(publisher: Any, editor: Any, is_public: bool) -> None:
    desk = Author.objects.create(name="朝刊班")
    post = make_public(publisher, tags=["AI"]) if is_public else write(publisher, tags=["AI"])
    mine = opened(post)
    workflow.save_draft(post, editor, {"body": TEXT.replace("最初", "はじめ"), "tags": ["AI", "編集"], "description": "説明"})
    saved = workflow.save_draft(
        post, publisher, {"body": TEXT.replace("最後", "終わり"), "tags": ["AI", "印刷"], "authors": [desk]}, **mine
    )
    present = drafts.read_present(reread(post))
    assert saved.is_merged
    assert present["body"] == TEXT.replace("最初", "はじめ").replace("最後", "終わり")
    assert (present["tags"], present["description"], present["authors"]) == (["AI", "編集", "印刷"], "説明", ["朝刊班"])
    assert post.revisions.filter(snapshot__body=TEXT.replace("最後", "終わり")).exists()


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [
        ({"body": "かれの本文\n"}, {"body": "わたしの本文\n"}),
        ({"title": "かれの題"}, {"title": "わたしの題"}),
        ({"language": "en"}, {"language": "fr", "body": "ほかの場所"}),
    ],
)
def test_changes_of_one_place_are_never_decided_by_the_machine(publisher: Any, editor: Any, theirs: Any, mine: Any) -> None:
    post = write(publisher)
    form = opened(post)
    workflow.save_draft(post, editor, theirs)
    with pytest.raises(Clash, match="editor"):
        workflow.save_draft(post, publisher, mine, **form)
    assert all(drafts.read_present(reread(post))[name] == value for name, value in theirs.items())


def test_a_save_without_its_version_is_refused_and_not_guessed(publisher: Any, editor: Any) -> None:
    post = write(publisher)
    form = opened(post)
    workflow.save_draft(post, editor, {"description": "x"})
    with pytest.raises(ChangedMeanwhile):
        workflow.save_draft(post, publisher, {"body": "y"}, seen=form["seen"])
    other = write(publisher, title="ほか")
    with pytest.raises(ChangedMeanwhile):
        workflow.save_draft(post, publisher, {"body": "y"}, seen=form["seen"], base=other.revisions.first())


def test_the_same_change_on_both_sides_is_one_change(publisher: Any, editor: Any) -> None:
    post = write(publisher)
    form = opened(post)
    workflow.save_draft(post, editor, {"title": "同じ題"})
    saved = workflow.save_draft(post, publisher, {"title": "同じ題"}, **form)
    assert (saved.is_changed, reread(post).title) == (False, "同じ題")


def test_two_orders_of_the_same_by_lines_are_for_a_person_to_choose(publisher: Any, editor: Any) -> None:
    desks = [Author.objects.create(name=name) for name in ("一班", "二班", "三班")]
    post = write(publisher, authors=desks)
    form = opened(post)
    workflow.save_draft(post, editor, {"authors": [desks[1], desks[0], desks[2]]})
    with pytest.raises(Clash):
        workflow.save_draft(post, publisher, {"authors": desks[::-1]}, **form)


def test_two_forms_meet_and_the_second_sees_three_texts(client: Client) -> None:
    first, _person = sign_in("editor")
    second, _other = sign_in("publisher")
    post = write(None)
    page = second.get(url("change", post.pk))
    form = page.context["adminform"].form
    tokens = {name: form[name].value() for name in ("base", "session")}
    mine = fields(post, body="わたしの本文\n") | tokens
    first.post(url("change", post.pk), fields(post, body="かれの本文\n"))
    answer = second.post(url("change", post.pk), mine)
    aside = Revision.objects.get(kind=Revision.Kind.SET_ASIDE)
    assert answer["Location"] == url("join", post.pk, aside.pk)
    assert aside.snapshot["body"] == "わたしの本文\n"
    screen = second.get(answer["Location"])
    assert "かれの本文" in screen.text
    assert "わたしの本文" in screen.text
    assert screen.context["screen"].total == 1
    seen = reread(post).modified_at.isoformat()
    assert second.post(answer["Location"], {"seen": seen}).status_code == 422
    ways = {f"way-{block.id}": "theirs_ours" for block in screen.context["screen"].open}
    second.post(answer["Location"], {"seen": seen, **ways})
    assert reread(post).body == "かれの本文\nわたしの本文\n"
    assert second.get(answer["Location"]).status_code == 404
    assert drafts.find_open(post, _other) == []


def test_forms_that_changed_different_places_are_one_post_afterwards() -> None:
    first, _person = sign_in("editor")
    second, _other = sign_in("publisher")
    post = write(None)
    base = second.get(url("change", post.pk)).context["adminform"].form["base"].value()
    mine = fields(post, body=TEXT.replace("最後", "終わり"), base=base)
    first.post(url("change", post.pk), fields(post, title="かれの題", body=TEXT.replace("最初", "はじめ")))
    answer = second.post(url("change", post.pk), mine, follow=True)
    row = reread(post)
    assert (row.title, row.body) == ("かれの題", TEXT.replace("最初", "はじめ").replace("最後", "終わり"))
    assert "info" in [message.level_tag for message in answer.context["messages"]]


# --- Kept by itself -------------------------------------------------------------------------------------------------

SESSION = "abcdefghij0123456789"


def keep(client: Client, post: Post, session: str = SESSION, **changes: Any) -> Any:
    base = drafts.present_revision(reread(post))
    return client.post(url("keep", post.pk), fields(post, **changes) | {"session": session, "base": base.pk if base else ""})


def test_what_is_kept_by_itself_is_a_version_and_touches_neither_post_nor_readers() -> None:
    client, person = sign_in("publisher")
    post = make_public(person)
    answer = keep(client, post, body="書きかけ", title="書きかけの題")
    assert answer.json()["kept"]
    row = reread(post)
    assert (row.modified_at, row.pending, row.title) == (post.modified_at, None, "川沿いの倉庫")
    kept = Revision.objects.get(kind=Revision.Kind.AUTOSAVE)
    assert (kept.snapshot["body"], kept.snapshot["title"], kept.user) == ("書きかけ", "書きかけの題", person)


def test_what_is_kept_is_written_over_for_some_minutes_and_then_begins_anew() -> None:
    client, person = sign_in("editor")
    post = write(person)
    for number in range(3):
        keep(client, post, body=f"{number}")
    kept = Revision.objects.get(kind=Revision.Kind.AUTOSAVE)
    assert kept.snapshot["body"] == "2"
    Revision.objects.filter(pk=kept.pk).update(begun_at=timezone.now() - drafts.KEPT_FOR)
    keep(client, post, body="3")
    assert [row.snapshot["body"] for row in Revision.objects.filter(kind=Revision.Kind.AUTOSAVE)] == ["3", "2"]
    assert [row.snapshot["body"] for row in Revision.objects.open()] == ["3"]


def test_a_form_that_changed_nothing_keeps_nothing() -> None:
    client, person = sign_in("editor")
    post = write(person)
    keep(client, post)
    assert not Revision.objects.filter(kind=Revision.Kind.AUTOSAVE).exists()


def test_entries_that_cannot_be_are_left_out_and_the_rest_is_kept() -> None:
    client, person = sign_in("author")
    post = write(person)
    answer = keep(client, post, body="書きかけ", path="/admin/", published_at_0="きのう", tags="まだ無いタグ")
    assert answer.status_code == 200
    kept = Revision.objects.get(kind=Revision.Kind.AUTOSAVE).snapshot
    assert (kept["body"], kept["path"], kept["tags"]) == ("書きかけ", post.path, [])


def test_text_that_was_never_saved_is_offered_and_comes_back_whole() -> None:
    client, person = sign_in("editor")
    desk = Author.objects.create(name="朝刊班")
    post = write(person)
    rows = {"postauthor_set-TOTAL_FORMS": 1, "postauthor_set-0-author": desk.pk, "postauthor_set-0-position": 1}
    keep(client, post, body="救われる本文", description="説明", **rows)
    Presence.objects.all().delete()
    page = client.get(url("change", post.pk))
    [offer] = page.context["open_texts"]
    assert reread(post).body == TEXT
    client.post(offer["join"], {"act": "take"})
    row = reread(post)
    assert (row.body, row.description, versions.ordered_authors(row)) == ("救われる本文", "説明", [desk])
    assert client.get(url("change", post.pk)).context["open_texts"] == []


def test_text_that_meets_what_others_saved_since_leads_to_the_three_texts() -> None:
    client, person = sign_in("editor")
    post = write(person)
    keep(client, post, body="救われる本文")
    workflow.save_draft(reread(post), None, {"body": "ほかの人の本文"})
    Presence.objects.all().delete()
    [offer] = client.get(url("change", post.pk)).context["open_texts"]
    answer = client.post(offer["join"], {"act": "take"})
    assert answer["Location"] == offer["join"]
    assert reread(post).body == "ほかの人の本文"


def test_offered_text_can_be_put_away_and_stays_in_the_history() -> None:
    client, person = sign_in("editor")
    post = write(person)
    keep(client, post, body="いらない")
    Presence.objects.all().delete()
    [offer] = client.get(url("change", post.pk)).context["open_texts"]
    client.post(offer["join"], {"act": "drop"})
    assert client.get(url("change", post.pk)).context["open_texts"] == []
    assert Revision.objects.filter(snapshot__body="いらない").exists()


def test_a_save_takes_what_its_form_kept_and_a_late_copy_of_it_is_not_offered() -> None:
    client, person = sign_in("editor")
    post = write(person)
    data = fields(post, title="新しい題", body="できた") | {
        "session": SESSION,
        "base": drafts.present_revision(post).pk,  # type: ignore[union-attr]
    }
    client.post(url("keep", post.pk), data)
    client.post(url("change", post.pk), data)
    assert client.get(url("change", post.pk)).context["open_texts"] == []
    # The browser's own copy arrives afterwards.
    answer = client.post(url("keep", post.pk), data | {"rescued": "1"})
    assert (answer.json()["open"], Revision.objects.open().count()) == ([], 0)


@pytest.mark.parametrize(
    "typed",
    [
        {"title": "  新しい題  "},
        {"path": ""},
        {"path": "atarashii", "title": "新しい題"},
        {"slug": "Atarashii Dai"},
        {"tags": "倉庫、 かわ ,倉庫"},
        {"tags": "新しい、WAREHOUSE、ｗａｒｅｈｏｕｓｅ"},
        {"body": "一行目。\r\n二行目。  \r\n"},
        {"description": "  説明\r\n二行  "},
        {"front_matter": "---\r\ntitle: 題\r\nweight: 3\r\n---\r\n"},
        {"published_at_0": "2026-5-1", "published_at_1": "9:30"},
    ],
)
def test_whatever_was_typed_its_copy_is_not_offered_once_it_was_saved(typed: dict[str, str]) -> None:
    client, _person = sign_in("editor")
    Tag.objects.create(name="warehouse", slug="warehouse")
    data = fields(title="題", body="一行目。", path="") | {"session": SESSION}
    made = client.post(url("keep_new"), data).json()["post"]
    post = Post.objects.get()
    data |= {"seen": made["seen"], "base": made["base"]} | typed
    assert client.post(url("change", post.pk), data).status_code == 302
    client.post(url("keep", post.pk), data | {"rescued": "1"})
    assert [row.snapshot for row in Revision.objects.open()] == []


def test_a_form_that_became_a_post_and_was_closed_offers_nothing_that_the_post_has() -> None:
    client, _person = sign_in("editor")
    data = fields(title="題", body="一行目。", path="") | {"session": SESSION}
    made = client.post(url("keep_new"), data).json()["post"]
    client.post(made["keep"], data | {"seen": made["seen"], "base": made["base"], "rescued": "1"})
    assert not Revision.objects.open().exists()


def test_what_was_sent_before_a_save_and_comes_in_after_it_is_neither_offered_nor_somebody_who_writes() -> None:
    client, person = sign_in("editor")
    other, _colleague = sign_in("publisher")
    post = write(person)
    late = fields(post, body="一行目。") | {"session": SESSION, "base": drafts.present_revision(post).pk, "writing": "1"}  # type: ignore[union-attr]
    client.post(url("change", post.pk), late | {"body": "一行目。二行目。"})
    for name in ("keep", "present"):
        answer = client.post(url(name, post.pk), late)
        assert (answer.status_code, answer.json()["closed"]) == (409, True)
        assert answer.json()["post"]["base"] == drafts.present_revision(reread(post)).pk  # type: ignore[union-attr]
    assert client.post(url("present", post.pk), late | {"closed": "1"}).status_code == 200
    assert client.post(url("keep", post.pk), late).status_code == 409
    assert client.get(url("change", post.pk)).context["open_texts"] == []
    assert other.post(url("present", post.pk), {"session": "b" * 20}).json()["present"] == []


def test_a_page_that_stays_open_goes_on_without_meeting_its_own_save_but_never_on_anothers_text() -> None:
    client, person = sign_in("editor")
    post = write(person)
    data = fields(post, body=TEXT + "一。") | {"session": SESSION, "base": drafts.present_revision(post).pk}  # type: ignore[union-attr]
    client.post(url("change", post.pk), data)
    closed = client.post(url("keep", post.pk), data).json()["post"]
    again = data | {"session": "b" * 20, "seen": closed["seen"], "base": closed["base"], "body": TEXT + "一。二。"}
    workflow.save_draft(reread(post), None, {"body": "冒頭。\n\n" + TEXT + "一。"})
    client.post(url("change", post.pk), again)
    assert reread(post).body == "冒頭。\n\n" + TEXT + "一。二。"
    # The page shows nothing of what another had written above its text.
    assert "base" not in client.post(url("keep", post.pk), again).json()["post"]


def test_the_browsers_own_copy_of_a_new_post_is_offered_only_where_the_saved_post_lacks_some_of_it() -> None:
    client, person = sign_in("author")
    data = fields(title="題", body="一行目。", path="") | {"session": SESSION}
    client.post(url("add"), data)
    assert client.post(url("keep_new"), data | {"rescued": "1"}).json().keys() == {"kept"}
    answer = client.post(url("keep_new"), data | {"rescued": "1", "body": "一行目。送る間に書いた。"}).json()
    post = Post.objects.get()
    assert answer["post"]["address"] == url("change", post.pk)
    assert [row.snapshot["body"] for row in drafts.find_open(post, person)] == ["一行目。送る間に書いた。"]


def test_what_a_new_form_sends_again_is_kept_with_the_post_that_it_became() -> None:
    client, _person = sign_in("author")
    data = fields(title="題", body="一行目。", path="") | {"session": SESSION}
    client.post(url("keep_new"), data)
    workflow.save_draft(Post.objects.get(), None, {"body": "冒頭。\n\n一行目。"})
    answer = client.post(url("keep_new"), data | {"body": "一行目。\n\n二行目。"}).json()["post"]
    post = Post.objects.get()
    assert [row.snapshot["body"] for row in Revision.objects.open()] == ["一行目。\n\n二行目。"]
    tokens = {"seen": answer["seen"], "base": answer["base"]}
    client.post(url("change", post.pk), data | tokens | {"body": "一行目。\n\n二行目。"})
    assert Post.objects.get().body == "冒頭。\n\n一行目。\n\n二行目。"


def test_no_form_that_says_what_its_writer_has_seen_is_filled_with_what_stood_in_it_before() -> None:
    torn = []
    for path in sorted((settings.BASE_DIR / "templates/admin").rglob("*.html")):
        for form in re.findall(r"<form\b.*?</form>", path.read_text(), re.DOTALL):
            tag, _end, inside = form.partition(">")
            shows = re.search(r"<(textarea|select|input(?![^>]*type=\"hidden\"))", inside)
            if 'name="seen"' in inside and shows and 'autocomplete="off"' not in tag:
                torn.append(f"{path.name}: {tag}")
    assert torn == []


def test_a_new_form_keeps_nothing_with_a_post_that_its_writer_may_not_change_any_more() -> None:
    client, _person = sign_in("author")
    data = fields(title="題", body="一行目。", path="") | {"session": SESSION}
    client.post(url("keep_new"), data)
    workflow.publish(Post.objects.get(), None)
    for more in ({}, {"rescued": "1"}):
        assert client.post(url("keep_new"), data | {"body": "二行目。"} | more).status_code == 403
    assert not Revision.objects.open().exists()


def test_a_browser_that_goes_back_puts_nothing_old_into_a_form_that_it_fetches_anew() -> None:
    client, person = sign_in("editor")
    post = write(person, authors=[Author.objects.create(name="朝刊班")])
    tree = lxml.html.fromstring(client.get(url("change", post.pk)).text)
    named = tree.xpath("//form[@id='post_form']//*[self::input or self::textarea or self::select][@name]")
    named = [field for field in named if field.get("name") != "csrfmiddlewaretoken" and "_FORMS" not in field.get("name")]
    assert len(named) > 30
    assert [field.get("name") for field in named if field.get("autocomplete") != "off"] == []


def test_what_a_form_changed_and_took_back_is_not_offered_when_it_comes_in_late() -> None:
    client, person = sign_in("editor")
    post = write(person)
    data = fields(post) | {"session": SESSION, "base": drafts.present_revision(post).pk}  # type: ignore[union-attr]
    client.post(url("change", post.pk), data)
    client.post(url("keep", post.pk), data | {"body": "やめた"})
    assert not Revision.objects.open().exists()


def test_the_browsers_own_copy_of_a_saved_form_is_offered_where_it_has_more() -> None:
    client, person = sign_in("editor")
    post = write(person)
    data = fields(post, body="一行目。") | {"session": SESSION, "base": drafts.present_revision(post).pk}  # type: ignore[union-attr]
    client.post(url("change", post.pk), data)
    answer = client.post(url("keep", post.pk), data | {"body": "一行目。保存の間に書いた。", "rescued": "1"})
    assert len(answer.json()["open"]) == 1
    assert client.post(url("keep", post.pk), data).status_code == 409


def test_what_is_written_in_a_form_that_is_open_is_not_offered_to_its_writer_in_another() -> None:
    client, person = sign_in("editor")
    post = write(person)
    keep(client, post, body="書いている")
    assert client.get(url("change", post.pk)).context["open_texts"] == []
    Presence.objects.update(seen_at=timezone.now() - drafts.PRESENT_FOR)
    assert len(client.get(url("change", post.pk)).context["open_texts"]) == 1


def test_nobody_is_offered_what_another_wrote() -> None:
    client, person = sign_in("editor")
    post = write(person)
    keep(client, post, body="わたしの")
    Presence.objects.all().delete()
    other, _colleague = sign_in("publisher")
    assert other.get(url("change", post.pk)).context["open_texts"] == []


def test_a_new_text_becomes_a_draft_by_itself_once_whatever_happens_to_the_answer() -> None:
    client, person = sign_in("author")
    data = fields(title="", body="## 見出しから始まる\n\n本文") | {"session": SESSION}
    first = client.post(url("keep_new"), data).json()
    again = client.post(url("keep_new"), data).json()
    post = Post.objects.get()
    assert first["post"]["address"] == again["post"]["address"] == url("change", post.pk)
    assert (post.title, post.state, post.owner) == ("見出しから始まる", State.DRAFT, person)
    tokens = {"session": SESSION, "seen": first["post"]["seen"], "base": first["post"]["base"]}
    saved = client.post(url("change", post.pk), fields(title="題", body="本文") | tokens)
    assert saved.status_code == 302
    assert reread(post).title == "題"


def test_a_right_that_is_lost_keeps_nothing_more() -> None:
    client, person = sign_in("author")
    post = write(person)
    workflow.publish(post, None)
    assert keep(client, post, body="x").status_code == 403
    assert client.post(url("keep", post.pk), {"body": "x"}).status_code == 403
    assert not Revision.objects.filter(kind=Revision.Kind.AUTOSAVE).exists()


@pytest.mark.parametrize(
    "data", [{}, {"session": "\x00", "base": "x"}, {"base": str(2**70), "session": "a" * 99, "seen": "gestern"}]
)
def test_a_forged_form_is_answered_and_breaks_nothing(data: Any) -> None:
    client, person = sign_in("editor")
    post = write(person)
    for name in ("keep", "present"):
        assert client.post(url(name, post.pk), data).status_code == 200


# --- Who else is there ----------------------------------------------------------------------------------------------


def test_everybody_sees_who_else_has_the_post_open_and_who_saved() -> None:
    first, person = sign_in("editor")
    second, _other = sign_in("publisher")
    post = write(person)
    seen = post.modified_at.isoformat()
    first.post(url("present", post.pk), {"session": "a" * 20, "seen": seen, "writing": "1"})
    answer = second.post(url("present", post.pk), {"session": "b" * 20, "seen": seen}).json()
    assert [(row["name"], row["is_writing"]) for row in answer["present"]] == [("editor", True)]
    assert answer["newer"] == ""
    workflow.save_draft(reread(post), person, {"body": "保存した"})
    answer = second.post(url("present", post.pk), {"session": "b" * 20, "seen": seen}).json()
    assert "editor" in answer["newer"]
    first.post(url("present", post.pk), {"session": "a" * 20, "closed": "1"})
    assert second.post(url("present", post.pk), {"session": "b" * 20, "seen": seen}).json()["present"] == []


def test_forms_of_any_post_that_are_long_gone_are_forgotten_by_the_next_that_is_open() -> None:
    client, person = sign_in("editor")
    first, second = write(person), write(person, title="二つ目")
    client.post(url("change", first.pk), fields(first, body="保存した") | {"session": "a" * 20})
    Presence.objects.update(seen_at=timezone.now() - 5 * drafts.PRESENT_FOR)
    client.post(url("present", second.pk), {"session": "b" * 20})
    assert [row.post for row in Presence.objects.all()] == [second]


def test_nobody_closes_anothers_form() -> None:
    first, person = sign_in("editor")
    second, _other = sign_in("publisher")
    post = write(person)
    first.post(url("present", post.pk), {"session": "a" * 20})
    second.post(url("present", post.pk), {"session": "a" * 20, "closed": "1"})
    assert Presence.objects.count() == 1


# --- The list and the form of drafts --------------------------------------------------------------------------------


def test_the_form_shows_the_draft_with_its_by_lines_and_saves_on_it() -> None:
    client, person = sign_in("publisher")
    desks = [Author.objects.create(name=name) for name in ("朝刊班", "夕刊班")]
    post = make_public(person, authors=desks[:1])
    workflow.save_draft(post, person, {"title": "下書きの題", "authors": desks[::-1], "tags": ["新"]})
    page = client.get(url("change", post.pk))
    form = page.context["adminform"].form
    assert (form["title"].value(), form["tags"].value()) == ("下書きの題", "新")
    formset = page.context["inline_admin_formsets"][0].formset
    assert [row.initial["author"] for row in formset.forms] == [desks[1].pk, desks[0].pk]
    assert Client().get(post.get_absolute_url()).status_code == 200
    row = reread(post)
    data = fields(row, title="下書きの題2", tags="新", base=form["base"].value())
    data |= {"postauthor_set-TOTAL_FORMS": 1, "postauthor_set-0-author": desks[0].pk, "postauthor_set-0-position": 1}
    client.post(url("change", post.pk), data)
    present = drafts.read_present(reread(post))
    assert (present["title"], present["authors"], present["tags"]) == ("下書きの題2", ["朝刊班"], ["新"])


def test_the_difference_from_the_public_post_is_one_click_away() -> None:
    client, person = sign_in("editor")
    post = workflow.save_draft(make_public(None), person, {"body": TEXT.replace("真ん中", "なか")}).post
    page = client.get(url("compare", post.pk), {"before": "live", "after": "now"})
    pieces = [piece for block in page.context["comparison"].body.blocks for piece in block.pieces if piece[0] != "same"]
    assert pieces == [("removed", "真ん中の段落。"), ("added", "なかの段落。")]
    assert "before=live" in client.get(url("history", post.pk)).text


def test_a_post_with_drafts_and_versions_can_be_deleted(publisher: Any) -> None:
    post = workflow.save_draft(make_public(publisher), publisher, {"body": "x"}).post
    drafts.note_presence(post, publisher, "a" * 20, is_writing=True)
    Post.objects.get(pk=post.pk).delete()
    assert (Revision.objects.count(), Presence.objects.count()) == (0, 0)


def test_a_save_beside_a_public_post_asks_for_its_names_twice(publisher: Any, editor: Any) -> None:
    post = make_public(publisher, authors=[Author.objects.create(name="経済班")], tags=["倉庫"])
    for body in ("一度目。\n", "二度目。\n"):
        with CaptureQueriesContext(connection) as queries:
            workflow.save_draft(post, editor, {"body": body})
        asked = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
        assert sum('FROM "articles_postauthor"' in query for query in asked) <= 2
        assert sum('FROM "articles_taggedpost"' in query for query in asked) <= 2


def test_a_save_while_a_form_is_being_made_is_not_taken_back_by_that_form(publisher: Any) -> None:
    post = write(publisher)
    client, _person = sign_in("editor")
    saves = [{"body": TEXT.replace("最初", "かれの最初")}]

    def save_between(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if saves and '"articles_post"."body"' in sql:
            changes = saves.pop()
            workflow.save_draft(reread(post), publisher, changes)
        return answer

    with connection.execute_wrapper(save_between):
        form = lxml.html.fromstring(client.get(url("change", post.pk)).text).get_element_by_id("post_form")
    assert saves == []
    # A browser leaves out the line end after the tag of a text area.
    data = {name: value.removeprefix("\n") for name, value in form.form_values() if name != "_verb"}
    data["body"] = data["body"].replace("\r\n", "\n").replace("最後", "わたしの最後")
    assert client.post(url("change", post.pk), data).status_code == 302
    assert reread(post).body == TEXT.replace("最初", "かれの最初").replace("最後", "わたしの最後")
