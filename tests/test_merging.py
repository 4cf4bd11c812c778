"""Re-imports of files whose posts people changed: a repository and the desk side by side. All texts were written for this."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from articles.editorial import workflow
from articles.editorial.workflow import save_post
from articles.formats import find_sites, read_document
from articles.formats.container import open_archive
from articles.library import read_original
from articles.models import ImportItem, ImportRun, MediaFile, Post, Redirect, Revision, Source
from articles.sources import source_bytes
from articles.transfer.conflicts import ConflictClosed, open_conflict
from articles.transfer.digest import content_digest
from articles.transfer.exporting import export_posts
from articles.transfer.importing import import_archive
from articles.transfer.merging import hold, said
from articles.transfer.previewing import preview_item
from articles.transfer.stored import read_stored_site
from articles.transfer.undoing import undo_import
from tests.factories import make_picture
from tests.people import make_person
from tests.test_planning import apply, items, plan

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]

PATH = "_posts/2025-04-01-haru.md"
CONFIG = "url: https://news.example\ntimezone: Asia/Tokyo\npermalink: /:year/:month/:day/:title/\n"
BASE = (
    "---\ntitle: 春の市\ndate: 2025-04-01 09:00:00 +0900\ntags: [市, 春]\nauthor: 瓦版編集部\n# 編集部のメモ\nmood: 晴れ\n---\n\n"
    "朝は白く、昼は青く、夜は黒い。\n\n二つ目の段落です。\n\n三つ目の段落です。\n"
)
ARCHIVES = Path(__file__).parent / "archives"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "news"
    (folder / "_posts").mkdir(parents=True)
    (folder / "_config.yml").write_text(CONFIG, encoding="utf-8")
    (folder / PATH).write_text(BASE, encoding="utf-8")
    import_archive(folder)
    return folder


def write(site: Path, text: str | bytes, path: str = PATH) -> None:
    (site / path).write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))


def post_of(path: str = PATH) -> Post:
    return Post.objects.get(source_path=path)


def at_the_desk(where: str = PATH, **changes: Any) -> Post:
    return save_post(post_of(where), None, changes)


def again(site: Path, **options: Any) -> ImportItem:
    """Imports once more and gives what became of the file."""
    return import_archive(site, **options).items.get(path=PATH)


def codes(item: ImportItem) -> set[str]:
    return {finding["code"] for finding in item.findings}


def body_of(text: str) -> str:
    return text.split("---\n", 2)[2]


# --- Text


def test_changes_in_different_places_become_one_post_and_leave_as_the_base_with_both(site: Path, tmp_path: Path) -> None:
    at_the_desk(title="初夏の市", body=body_of(BASE).replace("二つ目", "机で直した二つ目"))
    write(site, BASE.replace("mood: 晴れ", "mood: 雨").replace("三つ目", "外で直した三つ目"))

    item = again(site)

    assert item.verdict == "update"
    assert "merged" in codes(item)
    wanted = (
        BASE.replace("春の市", "初夏の市")
        .replace("mood: 晴れ", "mood: 雨")
        .replace("二つ目", "机で直した二つ目")
        .replace("三つ目", "外で直した三つ目")
    )
    export_posts(tmp_path / "out")
    assert (tmp_path / "out" / PATH).read_text(encoding="utf-8") == wanted
    post = post_of()
    assert post.title == "初夏の市"
    assert post.extra == {"mood": "雨"}
    assert "机で直した二つ目" in post.body_html
    assert "外で直した三つ目" in post.body_html
    assert post.is_edited


def test_a_merge_keeps_the_file_as_it_came_and_what_came_of_it(site: Path) -> None:
    at_the_desk(title="初夏の市")
    changed = BASE.replace("三つ目", "外で直した三つ目")
    write(site, changed)

    item = again(site)

    merged, came, desk, first = post_of().revisions.all()
    assert [row.origin for row in (merged, came, desk, first)] == ["merge", "import", "desk", "import"]
    assert came.snapshot["front_matter"] + came.snapshot["body"] == changed
    assert (came.snapshot["title"], merged.snapshot["title"]) == ("春の市", "初夏の市")
    assert merged.run == came.run == item.run
    assert post_of().source_sha256 == item.sha256


def test_the_same_file_again_changes_nothing(site: Path) -> None:
    at_the_desk(title="初夏の市")
    write(site, BASE.replace("三つ目", "外で直した三つ目"))
    again(site)
    before, revisions = content_digest(), Revision.objects.count()

    item = again(site)

    assert item.verdict == "unchanged"
    assert (content_digest(), Revision.objects.count()) == (before, revisions)


def test_merges_follow_each_other_because_every_one_begins_at_the_last_file(site: Path) -> None:
    at_the_desk(title="初夏の市")
    write(site, BASE.replace("三つ目", "外で直した三つ目"))
    again(site)
    at_the_desk(body=post_of().body.replace("朝は白く", "朝は淡く"))
    write(site, BASE.replace("三つ目", "外で直した三つ目").replace("夜は黒い", "夜は暗い"))

    item = again(site)

    assert item.verdict == "update"
    assert "朝は淡く、昼は青く、夜は暗い。" in post_of().body
    assert post_of().title == "初夏の市"


def test_changes_in_the_same_place_are_a_conflict_and_the_file_is_kept_for_the_decision(site: Path) -> None:
    at_the_desk(body=body_of(BASE).replace("二つ目", "机の二つ目"))
    changed = BASE.replace("二つ目", "外の二つ目").replace("春の市", "秋の市")
    write(site, changed)
    before = content_digest()

    item = again(site)

    assert (item.verdict, codes(item)) == ("conflict", {"edited-here"})
    assert item.resolution == {"state": "open", "questions": 1}
    assert content_digest() == before
    assert read_original(item.sha256).decode() == changed
    assert item.post == post_of()


def test_a_file_that_became_the_post_is_unchanged_and_the_post_counts_as_edited_no_longer(site: Path) -> None:
    at_the_desk(title="初夏の市", body=body_of(BASE).replace("二つ目", "机の二つ目"))
    write(site, source_bytes(post_of()))

    item = again(site)

    assert (item.verdict, codes(item)) == ("unchanged", {"same-text"})
    post = post_of()
    assert not post.is_edited
    assert post.source_sha256 == item.sha256
    newest = post.revisions.first()
    assert newest is not None
    assert (newest.origin, newest.snapshot["title"]) == ("import", "初夏の市")
    digest = content_digest()
    assert again(site).verdict == "unchanged"
    assert content_digest() == digest


@pytest.mark.parametrize("way", ["merge", "keep", "replace"])
def test_after_the_repository_took_the_desk_over_its_next_change_is_an_ordinary_update(site: Path, way: str) -> None:
    at_the_desk(title="初夏の市")
    write(site, source_bytes(post_of()))
    again(site, on_conflict=way)
    write(site, source_bytes(post_of()).replace("三つ目".encode(), "外の三つ目".encode()))

    item = again(site, on_conflict=way)

    assert item.verdict == "update"
    assert "merged" not in codes(item)
    assert not post_of().is_edited


def test_the_repository_took_the_desk_over_and_went_on_writing(site: Path) -> None:
    at_the_desk(title="初夏の市", body=body_of(BASE).replace("二つ目の段落です。", "机で直した段落です。"))
    text = source_bytes(post_of()).decode().replace("机で直した段落です。", "机で直した段落です。\n\n外で加えた段落です。")
    write(site, text)

    item = again(site)

    assert item.verdict == "update"
    post = post_of()
    assert post.front_matter + post.body == text
    assert not post.is_edited


def test_keep_reports_a_conflict_even_where_both_could_be_brought_together(site: Path) -> None:
    at_the_desk(title="初夏の市")
    write(site, BASE.replace("三つ目", "外の三つ目"))

    item = again(site, on_conflict="keep")

    assert item.verdict == "conflict"
    assert item.resolution == {"state": "open", "questions": 0}
    assert post_of().title == "初夏の市"


def test_replace_takes_the_file_as_it_is(site: Path) -> None:
    at_the_desk(title="初夏の市")
    changed = BASE.replace("三つ目", "外の三つ目")
    write(site, changed)

    item = again(site, on_conflict="replace")

    assert item.verdict == "update"
    assert source_bytes(post_of()).decode() == changed
    assert not post_of().is_edited


def test_a_trial_says_the_same_and_writes_nothing(site: Path) -> None:
    at_the_desk(body=body_of(BASE).replace("二つ目", "机の二つ目"))
    before, revisions = content_digest(), Revision.objects.count()
    write(site, BASE.replace("三つ目", "外の三つ目"))
    assert again(site, dry_run=True).verdict == "update"
    write(site, BASE.replace("二つ目", "外の二つ目"))
    item = again(site, dry_run=True)

    assert (item.verdict, item.resolution) == ("conflict", {"state": "open", "questions": 1})
    assert (content_digest(), Revision.objects.count()) == (before, revisions)
    with pytest.raises(OSError, match=item.sha256):
        read_original(item.sha256)


# --- Front matter and fields


def test_both_sides_change_keys_and_the_fields_are_read_from_what_came_of_it(site: Path) -> None:
    at_the_desk(title="初夏の市", tags=["市", "春", "机"])
    write(
        site,
        BASE.replace("tags: [市, 春]", "tags: [市, 外]").replace("2025-04-01 09:00", "2025-04-01 10:30").replace("瓦版", "夕刊"),
    )

    item = again(site)

    assert item.verdict == "update"
    post = post_of()
    assert "tags: [市, 外, 机]\n" in post.front_matter
    assert sorted(post.tags.names()) == sorted(["市", "外", "机"])
    assert [author.name for author in post.authors.all()] == ["夕刊編集部"]
    assert post.published_at == datetime(2025, 4, 1, 1, 30, tzinfo=UTC)
    assert post.title == "初夏の市"


def test_one_key_changed_on_both_sides_is_a_conflict(site: Path) -> None:
    at_the_desk(title="初夏の市")
    write(site, BASE.replace("春の市", "秋の市"))

    assert again(site).resolution == {"state": "open", "questions": 1}


def test_what_was_decided_at_the_desk_and_stands_in_no_file_stays(site: Path) -> None:
    at_the_desk(kind="page", features=["tables"], series_order=3)
    write(site, BASE.replace("三つ目", "外の三つ目"))

    item = again(site)

    assert item.verdict == "update"
    post = post_of()
    assert (post.kind, post.features, post.series_order) == ("page", ["tables"], 3)
    assert "外の三つ目" in post.body
    assert post.is_edited
    # The same once more, when the text itself was never changed here.
    write(site, BASE.replace("三つ目", "外でまた直した三つ目"))
    again(site)
    assert (post_of().kind, post_of().series_order) == ("page", 3)
    assert "外でまた直した三つ目" in post_of().body


def test_a_field_decided_here_and_changed_by_the_file_is_a_question(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.md").write_text("---\ntitle: 題\nseries: 連載\nseries_order: 1\n---\n本文\n", encoding="utf-8")
    import_archive(folder)
    at_the_desk("a.md", series_order=7)
    (folder / "a.md").write_text("---\ntitle: 題\nseries: 連載\nseries_order: 2\n---\n本文\n", encoding="utf-8")

    item = import_archive(folder).items.get(path="a.md")

    assert (item.verdict, item.resolution) == ("conflict", {"state": "open", "questions": 1})
    assert post_of("a.md").series_order == 7


def test_a_post_under_review_stays_so_while_its_text_changes_there(site: Path) -> None:
    write(site, BASE.replace("mood: 晴れ", "mood: 晴れ\npublished: false"))
    again(site)
    workflow.submit_for_review(post_of(), None)
    write(site, BASE.replace("mood: 晴れ", "mood: 晴れ\npublished: false").replace("三つ目", "外の三つ目"))

    item = again(site)

    assert item.verdict == "update"
    assert post_of().state == "in_review"
    assert "外の三つ目" in post_of().body


def test_a_post_published_at_the_desk_stays_public_when_its_text_changes_there(site: Path) -> None:
    write(site, BASE.replace("mood: 晴れ", "published: false"))
    again(site)
    workflow.publish(post_of(), None)
    write(site, BASE.replace("mood: 晴れ", "published: false").replace("三つ目", "外の三つ目"))

    assert again(site).verdict == "update"
    assert post_of().state == "published"
    assert "published: true\n" in post_of().front_matter


def test_a_draft_of_a_drafts_folder_that_was_published_here_stays_public(site: Path) -> None:
    path = "_drafts/kangae.md"
    (site / "_drafts").mkdir()
    write(site, "---\ntitle: 考え\n---\n一。\n\n二。\n", path)
    import_archive(site)
    workflow.publish(post_of(path), None)
    at_the_desk(path, body="壱。\n\n二。\n")
    write(site, "---\ntitle: 考え\n---\n一。\n\n弐。\n", path)

    item = import_archive(site).items.get(path=path)

    assert item.verdict == "update"
    post = post_of(path)
    assert (post.state, post.body) == ("published", "壱。\n\n弐。\n")


def test_a_withdrawn_post_takes_the_text_and_stays_withdrawn(site: Path) -> None:
    workflow.withdraw(post_of(), None)
    write(site, BASE.replace("三つ目", "外の三つ目"))

    item = again(site)

    assert item.verdict == "update"
    assert "stays-withdrawn" in codes(item)
    post = post_of()
    assert post.state == "withdrawn"
    assert "外の三つ目" in post.body
    assert "published: false\n" in post.front_matter


def test_a_post_in_the_trash_takes_the_text_and_stays_there(site: Path) -> None:
    workflow.move_to_trash(post_of(), None)
    write(site, BASE.replace("三つ目", "外の三つ目"))

    item = again(site)

    assert item.verdict == "update"
    assert "stays-in-trash" in codes(item)
    post = post_of()
    assert post.trashed_at is not None
    assert "外の三つ目" in post.body


def test_a_file_that_only_moved_keeps_what_people_wrote(site: Path) -> None:
    for number in range(2, 5):
        write(site, BASE.replace("春の市", f"題{number}"), f"_posts/2025-04-0{number}-sonota.md")
    import_archive(site)
    at_the_desk(title="初夏の市")
    new = "_posts/2025-04-01-shoka.md"
    (site / PATH).rename(site / new)

    for way in ("merge", "keep", "replace"):
        item = import_archive(site, on_conflict=way).items.get(path=new)
        assert item.verdict == ("update" if way == "merge" else "unchanged")
        post = post_of(new)
        assert post.title == "初夏の市"
        assert post.is_edited


# --- Addresses


def test_an_address_that_the_desk_left_alone_does_not_move_with_a_date_changed_here(site: Path) -> None:
    at_the_desk(published_at=datetime(2025, 4, 5, 0, 0, tzinfo=UTC))
    write(site, BASE.replace("三つ目", "外の三つ目"))

    assert again(site).verdict == "update"
    post = post_of()
    assert post.path == "/2025/04/01/haru/"
    assert post.source_permalink == "/2025/04/05/haru/"
    assert not Redirect.objects.exists()
    write(site, source_bytes(post))
    assert again(site).verdict == "unchanged"
    assert post_of().path == "/2025/04/01/haru/"


def test_an_address_that_the_file_changes_moves_with_a_redirect(site: Path) -> None:
    at_the_desk(title="初夏の市")
    write(site, BASE.replace("mood: 晴れ", "mood: 晴れ\npermalink: /ichi/"))

    assert again(site).verdict == "update"
    assert post_of().path == "/ichi/"
    assert Redirect.objects.get(old_path="/2025/04/01/haru/").post == post_of()


def test_an_address_given_at_the_desk_stays(site: Path) -> None:
    at_the_desk(path="/shoka/")
    write(site, BASE.replace("三つ目", "外の三つ目"))

    assert again(site).verdict == "update"
    assert post_of().path == "/shoka/"
    assert "permalink: /shoka/\n" in post_of().front_matter


# --- Bytes


@pytest.mark.parametrize(
    ("encoding", "newline"),
    [("cp932", "\r\n"), ("euc_jp", "\n"), ("utf-16", "\r\n"), ("utf-8-sig", "\r\n"), ("iso2022_jp", "\n")],
)
def test_a_merged_file_keeps_its_encoding_and_line_ends(tmp_path: Path, encoding: str, newline: str) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    base = "---\ntitle: 題名\nmood: 晴れ\n---\n一つ目の段落です。\n\n二つ目の段落です。\n\n三つ目の段落です。\n"

    def encode(text: str) -> bytes:
        return text.replace("\n", newline).encode(encoding)

    (folder / "a.md").write_bytes(encode(base))
    import_archive(folder)
    at_the_desk("a.md", title="机の題名", body=post_of("a.md").body.replace("一つ目", "机の一つ目"))
    (folder / "a.md").write_bytes(encode(base.replace("三つ目", "外の三つ目")))

    item = import_archive(folder).items.get(path="a.md")

    assert item.verdict == "update"
    wanted = base.replace("題名", "机の題名", 1).replace("一つ目", "机の一つ目").replace("三つ目", "外の三つ目")
    assert source_bytes(post_of("a.md")) == encode(wanted)


def test_lines_that_nobody_changed_keep_their_bytes_in_a_file_that_mixes_line_ends(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    base = "---\r\ntitle: 題\r\n---\n一。\r\n\n二。\n\r\n三。\r\n"
    (folder / "a.md").write_bytes(base.encode())
    import_archive(folder)
    at_the_desk("a.md", body=post_of("a.md").body.replace("一。", "壱。"))
    (folder / "a.md").write_bytes(base.replace("三。", "参。").encode())

    import_archive(folder)

    assert source_bytes(post_of("a.md")).decode() == base.replace("一。", "壱。").replace("三。", "参。")


def test_a_sign_that_the_file_cannot_hold_makes_the_merged_file_unicode(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    base = "---\ntitle: 題名\n---\n一つ目の段落です。\n\n二つ目の段落です。\n"
    (folder / "a.md").write_bytes(base.encode("cp932"))
    import_archive(folder)
    at_the_desk("a.md", body=post_of("a.md").body.replace("一つ目", "🌸の一つ目"))
    (folder / "a.md").write_bytes(base.replace("二つ目", "外の二つ目").encode("cp932"))

    import_archive(folder)

    wanted = base.replace("一つ目", "🌸の一つ目").replace("二つ目", "外の二つ目")
    assert source_bytes(post_of("a.md")) == wanted.encode("utf-8")


def test_another_encoding_of_the_same_text_is_the_same_text(site: Path) -> None:
    at_the_desk(title="初夏の市")
    write(site, BASE.replace("\n", "\r\n"))

    item = again(site)

    assert item.verdict == "update"
    assert source_bytes(post_of()).decode() == BASE.replace("春の市", "初夏の市").replace("\n", "\r\n")


# --- Rights, covers, cost


def test_a_cover_chosen_at_the_desk_survives_a_merge(site: Path) -> None:
    picture = MediaFile.objects.create(sha256="a" * 64, name="mado.png", content_type="image/png", public_name="aa/aaaa/mado.png")
    at_the_desk(cover=picture)
    write(site, BASE.replace("三つ目", "外の三つ目"))

    assert again(site).verdict == "update"
    assert post_of().cover == picture


def test_a_cover_changed_by_the_file_is_found_among_the_files(site: Path) -> None:
    (site / "images").mkdir()
    (site / "images" / "ichi.png").write_bytes(make_picture("#204060", "#e0d0b0"))
    at_the_desk(title="初夏の市")
    write(site, BASE.replace("mood: 晴れ", "image: /images/ichi.png"))

    assert again(site).verdict == "update"
    cover = post_of().cover
    assert cover is not None
    assert cover.name == "ichi.png"


def test_who_may_not_publish_merges_nothing_into_a_public_post(site: Path) -> None:
    at_the_desk(title="初夏の市")
    write(site, BASE.replace("三つ目", "外の三つ目"))
    importer = make_person("importer")

    item = again(site, user=importer)

    assert (item.verdict, codes(item)) == ("conflict", {"live-post"})
    assert item.resolution == {"state": "open", "questions": 0}
    # What the file says by now as the post does is no change of what readers see.
    write(site, source_bytes(post_of()))
    assert again(site, user=importer).verdict == "unchanged"
    assert post_of().state == "published"


def test_a_default_by_line_is_no_change_made_here(site: Path) -> None:
    path = "_posts/2025-04-02-mumei.md"
    text = "---\ntitle: 無名\ndate: 2025-04-02 09:00:00 +0900\n---\n一。\n\n二。\n"
    write(site, text, path)
    import_archive(site)
    Source.objects.update(choices={"default_author": "夕刊"})
    write(site, text.replace("一。", "壱。"), path)
    import_archive(site)
    assert [author.name for author in post_of(path).authors.all()] == ["夕刊"]
    at_the_desk(path, body="壱。\n\n弐。\n")
    write(site, text.replace("一。", "壱。").replace("無名", "題"), path)

    assert import_archive(site).items.get(path=path).verdict == "update"
    assert [author.name for author in post_of(path).authors.all()] == ["夕刊"]


def test_merges_cost_the_same_number_of_queries_whatever_their_number(tmp_path: Path) -> None:
    def count(number: int) -> int:
        folder = tmp_path / f"notes{number}"
        folder.mkdir()
        for place in range(number):
            (folder / f"a{place}.md").write_text(
                f"---\ntitle: 題{place}\ntags: [甲]\nauthor: 編集部\ncategories: [乙]\n---\n一。\n\n二。\n", encoding="utf-8"
            )
        import_archive(folder, source_name=f"s{number}")
        for post in Post.objects.filter(source__name=f"s{number}"):
            save_post(post, None, {"body": "壱。\n\n二。\n"})
        for path in folder.iterdir():
            path.write_text(path.read_text(encoding="utf-8").replace("二。", "弐。"), encoding="utf-8")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            run = import_archive(folder, source_name=f"s{number}")
        assert run.totals == {"update": number}
        # One statement per row is written for posts that change, as in every import.
        updates = [query for query in queries if query["sql"].startswith('UPDATE "articles_post"')]
        return len(queries) - len(updates)

    assert count(2) == count(9)


# --- Plans


def files_of(site: Path) -> dict[str, str | bytes]:
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def test_a_plan_shows_the_merge_and_its_application_does_it(site: Path) -> None:
    at_the_desk(title="初夏の市")
    write(site, BASE.replace("三つ目", "外の三つ目"))
    before = content_digest()

    run = plan(None, files_of(site), source_name=Source.objects.get().name)

    item = items(run)[PATH]
    assert (item.verdict, codes(item)) == ("update", {"merged"})
    assert item.mapped["title"] == "初夏の市"
    assert content_digest() == before
    shown = preview_item(run, item, None)
    assert shown.title_after == "初夏の市"
    assert "外の三つ目" in shown.after

    apply(run, None)

    assert run.state == "finished"
    assert (post_of().title, "外の三つ目" in post_of().body) == ("初夏の市", True)
    undo_import(run, None)
    assert content_digest() == before


def test_a_planned_conflict_is_still_to_be_decided_once_the_plan_was_carried_out(site: Path) -> None:
    at_the_desk(title="初夏の市")
    write(site, BASE.replace("春の市", "秋の市"))
    run = plan(None, files_of(site), source_name=Source.objects.get().name)
    person = make_person("superuser")
    with pytest.raises(ConflictClosed):
        open_conflict(items(run)[PATH], person)

    apply(run, None)

    item = items(run)[PATH]
    assert item.resolution == {"state": "open", "questions": 1}
    assert [question.theirs for question in open_conflict(item, person).questions] == ["秋の市"]


def test_a_post_that_was_saved_after_the_plan_is_planned_again(site: Path) -> None:
    at_the_desk(title="初夏の市")
    write(site, BASE.replace("三つ目", "外の三つ目"))
    run = plan(None, files_of(site), source_name=Source.objects.get().name)
    at_the_desk(title="真夏の市")

    apply(run, None)

    assert run.state == "planned"
    assert post_of().title == "真夏の市"
    assert "外の三つ目" not in post_of().body
    apply(run, None)
    assert (post_of().title, "外の三つ目" in post_of().body) == ("真夏の市", True)


# --- The site as it is kept


def read_all(folder: Path) -> tuple[Source, dict[str, dict[str, Any]]]:
    container = open_archive(folder)
    (found,) = find_sites(container, timezone="Asia/Tokyo")
    run = import_archive(folder, timezone="Asia/Tokyo")
    assert run.state == ImportRun.State.FINISHED
    paths = Post.objects.values_list("source_path", flat=True)
    documents = {path: said(read_document(found, path, container.read(found.root + path))) for path in paths}
    return Source.objects.get(), documents


@pytest.mark.parametrize("case", ["hexo/diary", "hugo/gazette", "jekyll/newsroom", "obsidian/vault", "zenn/desk"])
def test_a_source_as_it_is_kept_reads_its_texts_as_the_archive_did(case: str) -> None:
    folder = ARCHIVES / case
    if not folder.exists():
        folder = next(path for path in sorted((ARCHIVES / case.split("/")[0]).iterdir()) if path.is_dir())
    source, documents = read_all(folder)

    stored = read_stored_site(source, timezone="Asia/Tokyo")

    assert stored.fingerprint == source.fingerprint
    for post in Post.objects.all():
        assert said(read_document(stored, post.source_path, source_bytes(post))) == documents[post.source_path]


@pytest.mark.parametrize("dialect", ["hexo", "hugo", "jekyll", "obsidian", "zenn"])
def test_a_post_after_its_import_holds_what_its_document_says(dialect: str) -> None:
    """The merge compares the two forms, so a field that one of them writes otherwise would look like a change."""
    folder = next(path for path in sorted((ARCHIVES / dialect).iterdir()) if path.is_dir())
    _source, documents = read_all(folder)

    for post in Post.objects.all():
        held, document = hold([post])[post.pk], documents[post.source_path]
        differing = {name: (held[name], document[name]) for name in held if name != "state" and held[name] != document[name]}
        assert differing == {}


def test_the_finding_of_a_merge_counts_the_changes_of_both_sides(site: Path) -> None:
    at_the_desk(title="初夏の市", body=body_of(BASE).replace("二つ目", "机の二つ目"))
    write(site, BASE.replace("三つ目", "外の三つ目"))

    finding = next(found for found in again(site).findings if found["code"] == "merged")

    assert finding["params"] == {"here": "2", "there": "1"}
