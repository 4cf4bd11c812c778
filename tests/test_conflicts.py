"""Conflicts of an import: asked, decided, undone. All texts were written for these tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from articles.editorial import workflow
from articles.editorial.merge import Answer, Question, Unanswered
from articles.editorial.workflow import NotAllowed, save_post
from articles.findings import RefusedFile
from articles.formats.frontmatter import EditError
from articles.library import read_original, sweep
from articles.models import ImportItem, ImportRun, Post, Redirect, Source, SourceFile
from articles.sources import source_bytes
from articles.transfer.conflicts import (
    Conflict,
    ConflictChanged,
    ConflictClosed,
    decide,
    list_conflicts,
    may_decide,
    open_conflict,
)
from articles.transfer.digest import content_digest
from articles.transfer.exporting import export_posts
from articles.transfer.importing import import_archive
from articles.transfer.undoing import undo_import
from tests.people import make_person
from tests.test_merging import BASE, CONFIG, PATH, at_the_desk, body_of, post_of, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "news"
    (folder / "_posts").mkdir(parents=True)
    (folder / "_config.yml").write_text(CONFIG, encoding="utf-8")
    (folder / PATH).write_text(BASE, encoding="utf-8")
    import_archive(folder)
    return folder


@pytest.fixture
def chief() -> User:
    """Somebody who may import and publish."""
    person = make_person("publisher", "chief")
    person.groups.add(Group.objects.get(name="importer"))
    return person


def quarrel(site: Path, here: Mapping[str, Any] | None = None, there: str = "") -> ImportItem:
    """A conflict: title and second paragraph changed on both sides."""
    at_the_desk(
        **(here or {"title": "初夏の市", "body": body_of(BASE).replace("二つ目", "机の二つ目").replace("朝は", "明け方は")})
    )
    write(site, there or BASE.replace("春の市", "秋の市").replace("二つ目", "外の二つ目").replace("三つ目", "外の三つ目"))
    item = import_archive(site).items.get(path=PATH)
    assert item.verdict == "conflict"
    return item


def answer_all(conflict: Conflict, way: Any = "ours") -> dict[str, Answer]:
    return {question.id: Answer(way) for question in conflict.questions}


def named(conflict: Conflict) -> dict[str, Question]:
    return {question.name or question.part: question for question in conflict.questions}


def test_a_conflict_asks_about_what_both_changed_and_about_nothing_else(site: Path, chief: User) -> None:
    conflict = open_conflict(quarrel(site), chief)

    assert [(question.part, question.name) for question in conflict.questions] == [("key", "title"), ("body", "")]
    title, text = conflict.questions
    assert (title.base, title.ours, title.theirs) == ("春の市", "初夏の市", "秋の市")
    assert (text.ours, text.theirs) == ("机の二つ目の段落です。", "外の二つ目の段落です。")


def test_what_was_decided_is_the_post_and_the_file_is_taken_as_imported(site: Path, chief: User, tmp_path: Path) -> None:
    item = quarrel(site)
    conflict = open_conflict(item, chief)
    questions = named(conflict)
    answers = {questions["title"].id: Answer("ours"), questions["body"].id: Answer("theirs_ours")}

    post = decide(item, chief, answers, seen=conflict.seen)

    wanted = (
        BASE.replace("春の市", "初夏の市")
        .replace("二つ目の段落です。", "外の二つ目の段落です。\n机の二つ目の段落です。")
        .replace("三つ目", "外の三つ目")
        .replace("朝は", "明け方は")
    )
    export_posts(tmp_path / "out")
    assert (tmp_path / "out" / PATH).read_text(encoding="utf-8") == wanted
    assert (post.title, post.state, post.is_edited) == ("初夏の市", "published", True)
    assert "外の二つ目" in post.body_html
    item.refresh_from_db()
    assert (item.verdict, item.post) == ("update", post)
    assert item.resolution is not None
    assert (item.resolution["state"], item.resolution["by"]) == ("settled", "chief")
    assert item.run.totals == {"update": 1}
    digest = content_digest()
    assert import_archive(site).totals == {"unchanged": 1}
    assert content_digest() == digest
    newest = post.revisions.first()
    assert newest is not None
    assert (newest.origin, newest.user, newest.run) == ("merge", chief, item.run)


@pytest.mark.parametrize(
    ("answer", "title"),
    [(Answer("theirs"), "秋の市"), (Answer("text", "四季の市"), "四季の市"), (Answer("text", "no: 1"), "no: 1")],
)
def test_a_key_is_as_one_side_has_it_or_as_somebody_writes_it(site: Path, chief: User, answer: Answer, title: str) -> None:
    item = quarrel(site)
    conflict = open_conflict(item, chief)

    post = decide(item, chief, {**answer_all(conflict), named(conflict)["title"].id: answer}, seen=conflict.seen)

    assert post.title == title


def test_a_paragraph_is_written_anew_with_the_line_ends_of_a_browser(site: Path, chief: User) -> None:
    item = quarrel(site)
    conflict = open_conflict(item, chief)
    text = Answer("text", "書き直した段落。\r\n\r\nもう一つ。\r\n")

    post = decide(item, chief, {**answer_all(conflict), named(conflict)["body"].id: text}, seen=conflict.seen)

    assert "\n\n書き直した段落。\n\nもう一つ。\n\n外の三つ目" in post.body


def test_taking_the_file_everywhere_leaves_a_post_that_is_not_edited(site: Path, chief: User) -> None:
    item = quarrel(site, {"title": "初夏の市"}, BASE.replace("春の市", "秋の市"))
    conflict = open_conflict(item, chief)

    post = decide(item, chief, answer_all(conflict, "theirs"), seen=conflict.seen)

    assert not post.is_edited
    assert source_bytes(post) == (site / PATH).read_bytes()
    newest = post.revisions.first()
    assert newest is not None
    assert newest.origin == "import"


def test_an_open_question_saves_nothing(site: Path, chief: User) -> None:
    item = quarrel(site)
    conflict = open_conflict(item, chief)
    before = content_digest()

    with pytest.raises(Unanswered) as caught:
        decide(item, chief, {conflict.questions[0].id: Answer("ours")}, seen=conflict.seen)

    assert [question.id for question in caught.value.questions] == [conflict.questions[1].id]
    assert content_digest() == before
    with pytest.raises(Unanswered):
        decide(item, chief, answer_all(conflict, "ours_theirs"), seen=conflict.seen)


def test_answers_to_texts_that_changed_since_are_not_taken_and_keep_their_names_where_they_fit(site: Path, chief: User) -> None:
    item = quarrel(site)
    conflict = open_conflict(item, chief)
    at_the_desk(title="真夏の市")

    with pytest.raises(ConflictChanged):
        decide(item, chief, answer_all(conflict), seen=conflict.seen)

    now = open_conflict(item, chief)
    assert named(now)["body"].id == named(conflict)["body"].id
    assert named(now)["title"].id != named(conflict)["title"].id
    assert decide(item, chief, answer_all(now), seen=now.seen).title == "真夏の市"


def test_two_people_decide_once(site: Path, chief: User) -> None:
    item = quarrel(site)
    conflict = open_conflict(item, chief)
    decide(item, chief, answer_all(conflict), seen=conflict.seen)

    with pytest.raises(ConflictClosed, match="chief"):
        decide(item, make_person("superuser"), answer_all(conflict, "theirs"), seen=conflict.seen)


def test_undoing_the_import_takes_the_decision_back_too(site: Path, chief: User) -> None:
    item = quarrel(site)
    before = content_digest()
    conflict = open_conflict(item, chief)
    decide(item, chief, answer_all(conflict, "theirs"), seen=conflict.seen)
    assert content_digest() != before

    undo_import(ImportRun.objects.get(pk=item.run_id), None)

    assert content_digest() == before
    assert post_of().title == "初夏の市"
    with pytest.raises(ConflictClosed):
        open_conflict(ImportItem.objects.get(pk=item.pk), chief)
    # The next import begins where this one did.
    again = import_archive(site).items.get(path=PATH)
    assert open_conflict(again, chief).questions == conflict.questions


def test_undoing_an_automatic_merge_gives_the_post_back_as_it_was(site: Path) -> None:
    at_the_desk(title="初夏の市")
    before = content_digest()
    write(site, BASE.replace("三つ目", "外の三つ目"))
    run = import_archive(site)
    assert run.totals == {"update": 1}

    undo_import(run, None)

    assert content_digest() == before
    assert [revision.origin for revision in post_of().revisions.all()] == ["desk", "import"]


def test_undoing_an_import_that_only_noticed_equal_texts_gives_the_edited_state_back(site: Path) -> None:
    at_the_desk(title="初夏の市")
    before = content_digest()
    write(site, source_bytes(post_of()))
    run = import_archive(site)
    assert not post_of().is_edited

    undo_import(run, None)

    assert content_digest() == before
    assert post_of().is_edited


def test_a_later_import_of_the_file_closes_the_conflict(site: Path, chief: User) -> None:
    item = quarrel(site)
    write(site, BASE.replace("春の市", "冬の市"))
    later = import_archive(site).items.get(path=PATH)

    with pytest.raises(ConflictClosed, match=str(later.run_id)):
        open_conflict(item, chief)
    assert [question.theirs for question in open_conflict(later, chief).questions] == ["冬の市"]
    assert [found.is_newer for found in list_conflicts(item.run, chief)] == [True]


def test_a_conflict_of_keep_that_asks_nothing_is_decided_by_agreeing(site: Path, chief: User) -> None:
    at_the_desk(title="初夏の市")
    write(site, BASE.replace("三つ目", "外の三つ目"))
    item = import_archive(site, on_conflict="keep").items.get(path=PATH)
    conflict = open_conflict(item, chief)

    assert conflict.questions == []
    post = decide(item, chief, {}, seen=conflict.seen)
    assert (post.title, "外の三つ目" in post.body) == ("初夏の市", True)


def test_a_public_post_that_an_importer_may_not_touch_waits_for_somebody_who_may(site: Path, chief: User) -> None:
    write(site, BASE.replace("三つ目", "外の三つ目"))
    importer = make_person("importer")
    item = import_archive(site, user=importer).items.get(path=PATH)
    assert {finding["code"] for finding in item.findings} == {"live-post"}

    conflict = open_conflict(item, chief)
    decide(item, chief, {}, seen=conflict.seen)

    assert "外の三つ目" in post_of().body
    assert not post_of().is_edited


def test_a_field_beside_the_text_is_taken_from_the_side_that_was_chosen(tmp_path: Path, chief: User) -> None:
    for side, wanted in (("ours", 7), ("theirs", 2)):
        folder = tmp_path / side
        folder.mkdir()
        (folder / "a.md").write_text("---\ntitle: 題\nseries: 連載\nseries_order: 1\n---\n本文\n", encoding="utf-8")
        import_archive(folder, source_name=side)
        post = Post.objects.get(source__name=side)
        save_post(post, None, {"series_order": 7})
        (folder / "a.md").write_text("---\ntitle: 題\nseries: 連載\nseries_order: 2\n---\n本文\n", encoding="utf-8")
        item = import_archive(folder, source_name=side).items.get(path="a.md")
        conflict = open_conflict(item, chief)
        assert [(question.part, question.name, question.ways) for question in conflict.questions] == [
            ("field", "series_order", ("ours", "theirs"))
        ]

        assert decide(item, chief, answer_all(conflict, side), seen=conflict.seen).series_order == wanted
        assert Post.objects.get(pk=post.pk).is_edited is (side == "ours")


def test_an_address_that_somebody_else_took_meanwhile_is_said_and_nothing_is_saved(site: Path, chief: User) -> None:
    item = quarrel(site, None, BASE.replace("春の市", "秋の市").replace("mood: 晴れ", "permalink: /ichi/"))
    save_post(Post(), None, {"title": "別の記事", "path": "/ichi/"})
    conflict = open_conflict(item, chief)
    before = content_digest()

    with pytest.raises(RefusedFile, match="/ichi/"):
        decide(item, chief, answer_all(conflict), seen=conflict.seen)

    assert content_digest() == before
    item.refresh_from_db()
    assert item.verdict == "conflict"


def test_an_answer_that_makes_no_front_matter_is_refused(site: Path, chief: User) -> None:
    """Both sides changed the remark, so that lines are asked about; what somebody writes there must be front matter."""
    front = post_of().front_matter.replace("# 編集部のメモ", "# 机のメモ")
    item = quarrel(site, {"front_matter": front}, BASE.replace("# 編集部のメモ\nmood: 晴れ", "# 外のメモ\nmood: 雨"))
    conflict = open_conflict(item, chief)
    assert [question.part for question in conflict.questions] == ["head"]

    for text, kind in (("mood: 雨\nmood: 雪", RefusedFile), ("---\nmood: 雪", EditError)):
        with pytest.raises(kind):
            decide(item, chief, {conflict.questions[0].id: Answer("text", text)}, seen=conflict.seen)
    decide(item, chief, {conflict.questions[0].id: Answer("text", "# 二人のメモ\nmood: 雨")}, seen=conflict.seen)
    assert "# 二人のメモ\nmood: 雨\n" in post_of().front_matter


def test_a_withdrawn_and_a_trashed_post_stay_what_they_are(site: Path, chief: User) -> None:
    item = quarrel(site)
    workflow.withdraw(post_of(), None)
    conflict = open_conflict(item, chief)
    decide(item, chief, answer_all(conflict), seen=conflict.seen)
    assert post_of().state == "withdrawn"

    write(site, BASE.replace("春の市", "冬の市"))
    item = import_archive(site).items.get(path=PATH)
    workflow.move_to_trash(post_of(), None)
    conflict = open_conflict(item, chief)
    post = decide(item, chief, answer_all(conflict, "theirs"), seen=conflict.seen)
    assert (post.title, post.trashed_at is not None) == ("冬の市", True)


# --- Who may


def test_deciding_needs_the_right_to_import_and_to_change_the_post(site: Path, chief: User) -> None:
    item = quarrel(site)
    for role in ("author", "importer", "editor", "publisher", "staff"):
        person = make_person(role)
        assert not may_decide(person, post_of())
        with pytest.raises((NotAllowed, ConflictClosed)):
            open_conflict(item, person)
    assert may_decide(chief, post_of())
    # An importer decides about own drafts.
    owner = make_person("importer", "owner")
    post = post_of()
    Post.objects.filter(pk=post.pk).update(owner=owner, state="draft")
    assert may_decide(owner, post_of())
    assert len(open_conflict(item, owner).questions) == 2


def test_conflicts_of_posts_that_one_may_not_see_are_not_listed(site: Path, chief: User) -> None:
    item = quarrel(site)

    assert list(list_conflicts(item.run, chief)) == [item]
    assert list(list_conflicts(item.run, make_person("importer", "stranger"))) == []


def test_a_right_that_was_lost_meanwhile_decides_nothing(site: Path, chief: User) -> None:
    item = quarrel(site)
    conflict = open_conflict(item, chief)
    chief.groups.clear()
    chief.user_permissions.add(Permission.objects.get(codename="import_posts"))

    with pytest.raises((NotAllowed, ConflictClosed)):
        decide(item, User.objects.get(pk=chief.pk), answer_all(conflict), seen=conflict.seen)


# --- What is kept


def test_the_file_of_an_open_conflict_is_not_cleared_away(site: Path, chief: User) -> None:
    item = quarrel(site)

    sweep(stored_before=timezone.now())
    assert read_original(item.sha256) == (site / PATH).read_bytes()

    conflict = open_conflict(item, chief)
    decide(item, chief, answer_all(conflict), seen=conflict.seen)
    sweep(stored_before=timezone.now())
    with pytest.raises(OSError, match=item.sha256):
        read_original(item.sha256)


def test_a_lost_file_is_said_with_its_name(site: Path, chief: User, settings: Any, tmp_path: Path) -> None:
    item = quarrel(site)
    settings.PRIVATE_ROOT = tmp_path / "elsewhere"

    with pytest.raises(RefusedFile, match="haru"):
        open_conflict(item, chief)


def test_a_conflict_about_an_address_is_not_one_of_texts(tmp_path: Path, chief: User) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.md").write_text(f"---\ntitle: {name}\npermalink: /x/\n---\n本文\n", encoding="utf-8")

    run = import_archive(folder)

    assert run.totals == {"create": 1, "conflict": 1}
    assert list(list_conflicts(run, chief)) == []


def test_the_decision_reads_by_the_configuration_that_the_site_came_with(site: Path, chief: User) -> None:
    """Zone and address come from _config.yml, which is kept with the source; nothing of the archive is needed any more."""
    item = quarrel(site, None, BASE.replace("春の市", "秋の市").replace("2025-04-01 09:00:00 +0900", "2025-04-03 08:00"))
    (site / "_config.yml").unlink()
    assert SourceFile.objects.filter(source=Source.objects.get(), path="_config.yml").exists()
    conflict = open_conflict(item, chief)

    post = decide(item, chief, answer_all(conflict), seen=conflict.seen)

    assert post.path == "/2025/04/03/haru/"
    assert post.published_at is not None
    assert post.published_at.astimezone(UTC).isoformat() == "2025-04-02T23:00:00+00:00"
    assert Redirect.objects.get(old_path="/2025/04/01/haru/").post == post
