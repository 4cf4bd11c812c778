"""The editorial verbs: what they change, what they keep, and what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from articles.editorial import versions, workflow
from articles.editorial.workflow import ChangedMeanwhile, NotAllowed, RefusedChange, WrongState
from articles.models import Author, Category, MediaFile, Post, Redirect, Revision, Series, Source, Tag
from tests.people import make_person

pytestmark = pytest.mark.django_db
State = Post.State


@pytest.fixture
def publisher() -> Any:
    return make_person("publisher")


@pytest.fixture
def author() -> Any:
    return make_person("author")


def write(user: Any, **changes: Any) -> Post:
    return workflow.save_post(Post(), user, {"title": "川沿いの倉庫", "body": "本文。", **changes})


def test_a_new_post_is_a_draft_of_its_writer_with_address_rendering_and_revision(author: Any) -> None:
    post = write(author, body="**太字**の本文。")
    month = f"{timezone.localtime():%Y/%m}"
    assert (post.state, post.owner, post.path) == (State.DRAFT, author, f"/{month}/川沿いの倉庫/")
    assert "<strong>太字</strong>" in post.body_html
    revision = Revision.objects.get()
    assert (revision.origin, revision.user, revision.snapshot) == ("desk", author, versions.snapshot(post))


def test_a_snapshot_holds_the_whole_editable_state_in_order(publisher: Any) -> None:
    desks = [Author.objects.create(name=name) for name in ("校閲班", "朝刊班")]
    parent = Category.objects.create(name="技術")
    child = Category.objects.create(name="印刷", parent=parent)
    cover = MediaFile.objects.create(sha256="a" * 64, name="表紙.png", public_name="aa/x.png")
    when = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    post = write(
        publisher,
        authors=desks,
        categories=[child],
        tags=["編集", "AI"],
        cover=cover,
        series=Series.objects.create(name="連載"),
        published_at=when,
    )
    kept = versions.snapshot(post)
    assert kept["authors"] == ["校閲班", "朝刊班"]
    assert kept["categories"] == [["技術", "印刷"]]
    assert kept["tags"] == ["編集", "AI"]
    assert (kept["cover"], kept["series"], kept["state"]) == ("a" * 64, "連載", "draft")
    assert kept["published_at"] == "2026-11-21T09:00:00+00:00"
    assert {"title", "slug", "path", "kind", "front_matter", "body", "flavour", "features", "custom_excerpt"} <= kept.keys()


def test_the_order_of_by_lines_can_be_changed(publisher: Any) -> None:
    first, second = Author.objects.create(name="一班"), Author.objects.create(name="二班")
    post = write(publisher, authors=[first, second])
    post = workflow.save_post(post, publisher, {"authors": [second, first]})
    assert versions.ordered_authors(post) == [second, first]


def test_saving_without_a_change_writes_nothing(author: Any) -> None:
    post = write(author, tags=["AI"])
    again = workflow.save_post(post, author, {"title": post.title, "body": post.body, "tags": ["AI"]})
    assert (again.modified_at, Revision.objects.count()) == (post.modified_at, 1)


def test_two_spellings_are_one_tag_and_the_second_becomes_an_alias(author: Any) -> None:
    Tag.objects.create(name="AI")
    post = write(author, tags=["ＡＩ", "ai", "日本語"])
    assert [tag.name for tag in versions.ordered_tags(post)] == ["AI", "日本語"]
    assert Tag.objects.get(name="AI").aliases == ["ＡＩ"]


def test_the_address_has_the_month_of_the_sites_zone(publisher: Any) -> None:
    # 30 November 15:30 UTC is already December in Tokyo.
    post = write(publisher, published_at=datetime(2025, 11, 30, 15, 30, tzinfo=UTC))
    assert post.path == "/2025/12/川沿いの倉庫/"


def test_a_standing_page_has_a_short_address(publisher: Any) -> None:
    assert write(publisher, kind="page", title="この新聞について").path == "/この新聞について/"


def test_a_taken_address_gets_a_number_and_a_former_one_counts_as_taken(publisher: Any) -> None:
    first, second = write(publisher), write(publisher)
    assert second.path == first.path.removesuffix("/") + "-2/"
    first = workflow.publish(first, publisher)
    workflow.save_post(first, publisher, {"path": "/moved/"})
    assert write(publisher).path.endswith("-3/")


@pytest.mark.parametrize("title", ["Admin", "Static", "feed", "robots.txt"])
def test_a_made_address_never_shadows_the_sites_own(publisher: Any, title: str) -> None:
    post = write(publisher, kind="page", title=title)
    assert post.path not in ("/admin/", "/static/", "/feed/", "/robots.txt")


@pytest.mark.parametrize("path", ["/admin/x/", "/a b/", "/a?b/", "/../x/", "//host/x/", "/a#b/", "/a\\b/", "/" + "長" * 900])
def test_a_stated_address_that_cannot_be_is_refused(publisher: Any, path: str) -> None:
    with pytest.raises(RefusedChange):
        write(publisher, path=path)
    assert not Post.objects.exists()


def test_a_stated_address_of_another_post_is_refused(publisher: Any) -> None:
    write(publisher, path="/taken/")
    with pytest.raises(RefusedChange, match="taken"):
        write(publisher, path="/taken/")


def test_a_made_address_follows_title_and_date_until_readers_have_seen_it(publisher: Any) -> None:
    post = write(publisher, title="仮題")
    post = workflow.save_post(post, publisher, {"title": "本題", "published_at": datetime(2024, 3, 5, tzinfo=UTC)})
    assert post.path == "/2024/03/本題/"
    post = workflow.publish(post, publisher)
    post = workflow.save_post(post, publisher, {"title": "改題"})
    assert post.path == "/2024/03/本題/"
    assert not Redirect.objects.exists()


def test_a_stated_address_stays_whatever_the_title(author: Any) -> None:
    post = write(author, path="/special/")
    assert workflow.save_post(post, author, {"title": "別の題"}).path == "/special/"


def test_moving_a_post_that_was_public_leaves_a_redirect_and_back_again_frees_it(publisher: Any) -> None:
    post = workflow.publish(write(publisher), publisher)
    first = post.path
    post = workflow.save_post(post, publisher, {"path": "/new/"})
    assert Redirect.objects.get().old_path == first
    post = workflow.save_post(post, publisher, {"path": first})
    assert [redirect.old_path for redirect in Redirect.objects.all()] == ["/new/"]


def test_moving_a_draft_leaves_no_redirect(author: Any) -> None:
    workflow.save_post(write(author), author, {"path": "/elsewhere/"})
    assert not Redirect.objects.exists()


def test_publishing_sets_date_and_first_publication_and_keeps_a_revision(publisher: Any) -> None:
    post = workflow.publish(write(publisher), publisher)
    assert post.is_public
    assert post.published_at is not None
    assert post.first_published_at == post.published_at
    assert Revision.objects.latest().snapshot["state"] == "published"


def test_publishing_keeps_a_date_in_the_past(publisher: Any) -> None:
    when = datetime(2020, 1, 2, tzinfo=UTC)
    assert workflow.publish(write(publisher, published_at=when), publisher).published_at == when


def test_a_standing_page_needs_no_date(publisher: Any) -> None:
    post = workflow.publish(write(publisher, kind="page"), publisher)
    assert (post.published_at, post.is_public) == (None, True)


def test_publishing_later_schedules_and_nothing_is_public_before(publisher: Any) -> None:
    later = timezone.now() + timedelta(days=1)
    post = workflow.publish(write(publisher), publisher, later)
    assert (post.state, post.is_public) == (State.SCHEDULED, False)
    assert not workflow.was_ever_public(post)
    assert Post.objects.published(later + timedelta(seconds=1)).get() == post


def test_a_scheduled_post_can_be_published_now_and_is_never_left_in_the_future(publisher: Any) -> None:
    post = workflow.publish(write(publisher), publisher, timezone.now() + timedelta(days=1))
    post = workflow.publish(post, publisher)
    assert (post.state, post.is_public) == (State.PUBLISHED, True)


def test_moving_the_date_of_a_live_post_into_the_future_schedules_it(publisher: Any) -> None:
    post = workflow.publish(write(publisher), publisher)
    post = workflow.save_post(post, publisher, {"published_at": timezone.now() + timedelta(days=1)})
    assert (post.state, post.is_public) == (State.SCHEDULED, False)


def test_withdrawing_what_was_public_and_what_never_was(publisher: Any) -> None:
    seen = workflow.withdraw(workflow.publish(write(publisher), publisher), publisher)
    unseen = workflow.withdraw(workflow.publish(write(publisher), publisher, timezone.now() + timedelta(days=1)), publisher)
    assert (seen.state, unseen.state, unseen.first_published_at) == (State.WITHDRAWN, State.DRAFT, None)


def test_a_withdrawn_post_can_be_published_again_with_its_first_date(publisher: Any) -> None:
    post = workflow.publish(write(publisher), publisher)
    again = workflow.publish(workflow.withdraw(post, publisher), publisher)
    assert (again.is_public, again.first_published_at) == (True, post.first_published_at)


def test_publishing_what_would_have_expired_is_refused(publisher: Any) -> None:
    post = write(publisher, expires_at=timezone.now() - timedelta(days=1))
    with pytest.raises(WrongState, match="川沿いの倉庫"):
        workflow.publish(post, publisher)


def test_a_post_goes_to_review_and_back(author: Any) -> None:
    post = workflow.submit_for_review(write(author), author)
    assert post.state == State.IN_REVIEW
    with pytest.raises(NotAllowed):
        workflow.save_post(post, author, {"title": "あとから"})
    assert workflow.return_to_draft(post, author).state == State.DRAFT


@pytest.mark.parametrize("verb", [workflow.withdraw, workflow.return_to_draft])
def test_a_step_that_does_not_lead_on_is_refused(publisher: Any, verb: Any) -> None:
    post = write(publisher)
    with pytest.raises(WrongState, match="川沿いの倉庫"):
        verb(post, publisher)


def test_publishing_twice_is_refused(publisher: Any) -> None:
    post = workflow.publish(write(publisher), publisher)
    with pytest.raises(WrongState):
        workflow.publish(post, publisher)


def test_an_author_may_not_publish_and_nothing_changes(author: Any) -> None:
    post = write(author)
    with pytest.raises(NotAllowed):
        workflow.publish(post, author)
    post.refresh_from_db()
    assert (post.state, Revision.objects.count()) == (State.DRAFT, 1)


def test_the_stored_state_counts_and_not_that_of_the_object_in_hand(author: Any, publisher: Any) -> None:
    post = write(author)
    workflow.publish(post, publisher)
    with pytest.raises(NotAllowed):
        workflow.save_post(post, author, {"body": "公開後に差し替え"})


def test_an_editor_may_not_change_what_readers_see(publisher: Any) -> None:
    post = workflow.publish(write(publisher), publisher)
    with pytest.raises(NotAllowed):
        workflow.save_post(post, make_person("editor"), {"title": "差し替え"})


def test_state_owner_and_derived_columns_are_not_editable(publisher: Any) -> None:
    for name in ("state", "owner", "body_html", "first_published_at", "source"):
        with pytest.raises(ValueError, match=name):
            write(publisher, **{name: "x"})


def test_a_save_on_top_of_another_is_refused_and_names_who_saved(publisher: Any) -> None:
    post = write(publisher)
    colleague = make_person("editor")
    workflow.save_post(post, colleague, {"body": "先に保存した。"})
    with pytest.raises(ChangedMeanwhile, match="editor"):
        workflow.save_post(post, publisher, {"body": "あとの保存。"}, expected=post.modified_at)
    post.refresh_from_db()
    assert post.body == "先に保存した。"


def test_a_post_deleted_meanwhile_is_said_to_be(publisher: Any) -> None:
    post = write(publisher)
    Post.objects.all().delete()
    with pytest.raises(ChangedMeanwhile):
        workflow.save_post(post, publisher, {"body": "x"})


def test_the_trash_hides_and_restoring_never_publishes(publisher: Any) -> None:
    post = workflow.publish(write(publisher), publisher)
    post = workflow.move_to_trash(post, publisher)
    assert not Post.objects.published().exists()
    with pytest.raises(WrongState, match="川沿いの倉庫"):
        workflow.save_post(post, publisher, {"title": "ごみ箱の中"})
    post = workflow.restore(post, publisher)
    assert (post.state, post.is_public, post.trashed_at) == (State.WITHDRAWN, False, None)


def test_text_and_front_matter_keep_their_form_and_line_ends_become_line_feeds(publisher: Any) -> None:
    post = write(publisher, body="一行目\r\n二行目\r三行目\n")
    assert post.body == "一行目\n二行目\n三行目\n"


def imported(**fields: Any) -> Post:
    """A post as an import leaves it."""
    source = Source.objects.create(name="example.jp", dialect="jekyll", timezone="Asia/Tokyo")
    values = {
        "title": "届いた記事",
        "slug": "arrived",
        "path": "/2025/11/25/arrived.html",
        "state": State.PUBLISHED,
        "published_at": datetime(2025, 11, 25, tzinfo=UTC),
        "first_published_at": datetime(2025, 11, 25, tzinfo=UTC),
        "front_matter": "---\nlayout: post\ntitle: 届いた記事\ndate: 2025-11-25 09:00:00 +0900\n---\n",
        "front_matter_format": "yaml",
        "extra": {"layout": "post"},
        "body": "本文。\n",
        "source": source,
        "source_path": "_posts/2025-11-25-arrived.md",
        "dialect": "jekyll",
        **fields,
    }
    return Post.objects.create(**values)


def test_a_change_is_written_into_the_file_as_one_line(publisher: Any) -> None:
    post = workflow.save_post(imported(), publisher, {"title": "改めた題"})
    assert post.front_matter == "---\nlayout: post\ntitle: 改めた題\ndate: 2025-11-25 09:00:00 +0900\n---\n"
    assert (post.is_edited, post.path) == (True, "/2025/11/25/arrived.html")


def test_withdrawing_and_publishing_write_the_files_own_key(publisher: Any) -> None:
    post = workflow.withdraw(imported(), publisher)
    assert "published: false\n" in post.front_matter
    post = workflow.publish(post, publisher)
    assert "published: false" not in post.front_matter
    assert "date: 2025-11-25 09:00:00 +0900\n" in post.front_matter


def test_an_imported_address_is_not_remade_when_title_or_date_change(publisher: Any) -> None:
    post = workflow.save_post(imported(), publisher, {"published_at": datetime(2025, 12, 24, tzinfo=UTC)})
    assert post.path == "/2025/11/25/arrived.html"


def test_front_matter_that_cannot_be_read_is_refused_and_nothing_is_saved(publisher: Any) -> None:
    post = imported()
    with pytest.raises(RefusedChange):
        workflow.save_post(post, publisher, {"front_matter": "---\ntitle: [\n---\n"})
    assert not Revision.objects.exists()
