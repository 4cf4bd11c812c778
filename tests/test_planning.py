"""An import is planned before it happens: nothing is written, everything is known, and what changes since is noticed."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile

from articles.editorial.workflow import save_post
from articles.formats import find_sites, read_document
from articles.formats.container import open_archive
from articles.formats.terms import variant_key
from articles.models import Author, ImportItem, ImportRun, Post, Tag
from articles.transfer.applying import start_apply
from articles.transfer.archives import uploads_folder
from articles.transfer.background import work
from articles.transfer.choices import BadChoice, check_choices
from articles.transfer.digest import content_digest
from articles.transfer.importing import import_archive
from articles.transfer.passages import fingerprint_archive
from articles.transfer.planning import change_choices, start_planning
from articles.transfer.previewing import NoPreview, preview_item, read_planned_picture
from articles.transfer.runs import NotAllowed, WrongState
from articles.transfer.undoing import undo_import
from tests.factories import make_picture
from tests.people import make_person
from tests.test_undoing import SITE, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]


def pack(files: dict[str, str | bytes]) -> SimpleUploadedFile:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return SimpleUploadedFile("news.zip", stream.getvalue(), "application/zip")


def receive(user: User | None, files: dict[str, str | bytes] = SITE, **choices: Any) -> ImportRun:
    """An upload as it lies there once it was received."""
    run = ImportRun.objects.create(
        user=user,
        is_upload=True,
        choices=check_choices(choices, user).as_json(),
        options={"user": user.get_username() if user else ""},
    )
    folder = uploads_folder() / str(run.pk)
    folder.mkdir(parents=True)
    (folder / "news.zip").write_bytes(pack(files).read())
    return place(run, folder / "news.zip")


def choose(folder: Path) -> ImportRun:
    """A folder of the server that was chosen by the system."""
    return place(ImportRun.objects.create(options={"user": ""}), folder)


def place(run: ImportRun, path: Path) -> ImportRun:
    run.location, (run.size, run.sha256) = str(path), fingerprint_archive(path)
    run.save()
    return run


def plan(user: User | None, files: dict[str, str | bytes] = SITE, **choices: Any) -> ImportRun:
    run = receive(user, files, **choices)
    start_planning(run, user)
    return work_on(run)


def work_on(run: ImportRun) -> ImportRun:
    """What a worker does until nothing is left to do."""
    for _ in range(5):
        run.refresh_from_db()
        if run.state not in ("planning", "applying", "undoing"):
            break
        work(run.pk, run.state)
    run.refresh_from_db()
    return run


def apply(run: ImportRun, user: User | None) -> ImportRun:
    start_apply(run, user, planned_at=run.planned_at)
    return work_on(run)


def items(run: ImportRun) -> dict[str, ImportItem]:
    return {item.path: item for item in run.items.all()}


def test_a_plan_writes_nothing_and_its_application_gives_what_one_pass_gives(tmp_path: Path) -> None:
    user = make_person("superuser")
    before = content_digest()
    run = plan(user)

    assert run.state == "planned"
    assert run.totals == {"create": 3, "refused": 1}
    assert content_digest() == before
    assert not Post.objects.exists()
    item = items(run)["_posts/2025-04-01-hajimari.md"]
    assert item.permalink == "/2025/04/01/hajimari/"
    assert item.verdict == "create"
    assert item.mapped["title"] == "はじまり"
    assert item.mapped["tags"] == ["AI", "原稿"]
    assert item.mapped["state"] == "published"
    assert len(item.sha256) == 64
    assert item.size == len(str(SITE["_posts/2025-04-01-hajimari.md"]).encode())

    apply(run, user)

    assert run.state == "finished"
    assert run.totals == {"create": 3, "refused": 1}
    planned = content_digest()
    undo_import(run, user)
    assert content_digest() == before
    import_archive(write(tmp_path / "news", SITE), user=user)
    assert content_digest() == planned


def test_a_plan_counts_terms_template_code_missing_images_and_collisions() -> None:
    Tag.objects.create(name="サーバー")
    files = {
        "_config.yml": "url: https://news.example\n",
        "_posts/2025-01-01-a.md": (
            "---\ntitle: 一\ntags: [サーバ, AI, ウェブ]\npermalink: /x/\n---\n![](gone.png) {% chart 1 %}\n"
        ),
        "_posts/2025-01-02-b.md": "---\ntitle: 二\ntags: [ＡＩ, ウエブ]\npermalink: /x/\n---\n{% chart 2 %}\n",
        "_posts/2025-01-03-c.md": "---\ntitle: 三\ntags: [ウェブ, blog, blogs]\n---\n本文\n",
    }
    run = plan(None, files)

    terms = {term.name: term for term in run.terms.filter(kind="tag")}
    assert terms["サーバ"].proposal == "サーバー"
    assert terms["サーバ"].existing is None
    assert terms["AI"].spellings == ["AI", "ＡＩ"]
    assert terms["AI"].posts == 2
    assert terms["ウエブ"].proposal == "ウェブ"
    assert terms["ウェブ"].proposal == ""
    assert terms["blog"].proposal == terms["blogs"].proposal == ""
    assert run.plan["template_code"] == {"chart": 2}
    assert run.plan["missing_images"] == {"gone.png": 1}
    assert run.plan["collisions"] == 1
    assert items(run)["_posts/2025-01-02-b.md"].verdict == "conflict"


def test_chosen_merges_authors_and_fields_are_carried_out() -> None:
    editor = make_person("superuser")
    writer = User.objects.create_user("kisha", first_name="記者", last_name="山")
    house = Author.objects.create(name="瓦版編集部")
    Tag.objects.create(name="サーバー")
    files = {
        "_config.yml": "url: https://news.example\n",
        "_posts/2025-01-01-a.md": "---\ntitle: 一\ntags: [サーバ]\nauthor: 編集部\n---\n本文\n",
        "_posts/2025-01-02-b.md": "---\ntitle: 二\nwriter: 山の記者\n---\n本文\n",
        "_posts/2025-01-03-c.md": "---\ntitle: 三\n---\n本文\n",
    }
    run = plan(editor, files)
    assert "writer" in run.plan["keys"]
    change_choices(
        run,
        editor,
        terms={"tag": {"サーバ": "サーバー"}},
        authors={"編集部": {"author": house.pk}, "山の記者": {"user": writer.pk}},
        fields={"writer": "authors"},
        default_author="無署名",
    )
    work_on(run)
    assert items(run)["_posts/2025-01-02-b.md"].mapped["authors"] == ["山の記者"]

    apply(run, editor)

    by_title = {post.title: post for post in Post.objects.all()}
    assert [tag.name for tag in by_title["一"].tags.all()] == ["サーバー"]
    assert Tag.objects.get().aliases == [], "what was chosen for one source is no name for others"
    assert [author.pk for author in by_title["一"].authors.all()] == [house.pk]
    assert by_title["二"].authors.get().user == writer
    assert by_title["三"].authors.get().name == "無署名"
    assert by_title["二"].front_matter.count("writer: 山の記者") == 1
    assert import_again_is_unchanged(files)


def import_again_is_unchanged(files: dict[str, str | bytes]) -> bool:
    run = plan(None, files)
    return run.totals == {"unchanged": len(files) - 1}


def test_a_left_out_file_gives_its_address_free_and_is_not_imported() -> None:
    files = {
        "_config.yml": "url: https://news.example\n",
        "a.md": "---\ntitle: 一\npermalink: /x/\n---\n本文\n",
        "b.md": "---\ntitle: 二\npermalink: /x/\n---\n本文\n",
    }
    run = plan(None, files)
    assert items(run)["b.md"].verdict == "conflict"

    change_choices(run, None, excluded=["a.md"])
    assert run.state == "planning"
    assert run.plan["scope"] == ["a.md", "b.md"]
    work_on(run)
    assert items(run)["a.md"].excluded
    assert items(run)["b.md"].permalink == "/x/"
    assert run.totals == {"create": 1, "excluded": 1}

    apply(run, None)
    assert [post.title for post in Post.objects.all()] == ["二"]


def test_a_post_saved_since_the_plan_stops_the_import_before_it_is_written(tmp_path: Path) -> None:
    user = make_person("superuser")
    files = {**SITE, "about.md": "---\ntitle: あたらしい案内\npermalink: /about/\n---\n\n案内\n"}
    import_archive(write(tmp_path / "news", SITE), user=user)
    run = plan(user, files)
    assert items(run)["about.md"].verdict == "update"
    save_post(Post.objects.get(path="/about/"), user, {"title": "ここで直した"})

    apply(run, user)

    assert run.state == "planned"
    assert items(run)["about.md"].verdict == "conflict"
    assert Post.objects.get(path="/about/").title == "ここで直した"
    assert next(finding["code"] for finding in run.findings) == "plan-stale"


def test_a_planned_move_of_an_edited_post_is_carried_out(tmp_path: Path) -> None:
    import_archive(write(tmp_path / "news", SITE))
    save_post(Post.objects.get(path="/about/"), None, {"title": "ここで直した題"})
    files = {("annai.md" if name == "about.md" else name): text for name, text in SITE.items()}
    run = plan(None, files)
    assert run.totals == {"unchanged": 2, "update": 1, "refused": 1}
    apply(run, None)
    assert run.state == "finished"
    assert Post.objects.get(path="/about/").source_path == "annai.md"


def test_a_plan_with_withdrawals_is_carried_out(tmp_path: Path) -> None:
    import_archive(write(tmp_path / "news", SITE))
    files = {name: text for name, text in SITE.items() if name != "about.md"}
    run = plan(None, files)
    assert items(run)["about.md"].verdict == "missing"
    change_choices(run, None, withdraw_missing=True)
    work_on(run)
    assert items(run)["about.md"].verdict == "withdraw"
    change_choices(run, None, excluded=["about.md"])
    work_on(run)
    assert (items(run)["about.md"].verdict, items(run)["about.md"].excluded) == ("missing", True)
    change_choices(run, None, excluded=[])
    work_on(run)
    before = content_digest()
    apply(run, None)
    assert Post.objects.get(path="/about/").state == "withdrawn"
    undo_import(run, None)
    assert content_digest() == before


def test_a_plan_that_was_made_anew_must_be_looked_at_again() -> None:
    run = plan(None)
    seen = run.planned_at
    start_planning(run, None)
    work_on(run)

    with pytest.raises(WrongState):
        start_apply(run, None, planned_at=seen)
    assert run.state == "planned"


def test_a_plan_is_carried_out_once_however_often_it_is_started() -> None:
    run = plan(None)
    start_apply(run, None, planned_at=run.planned_at)
    with pytest.raises(WrongState):
        start_apply(run, None, planned_at=run.planned_at)
    for _ in range(3):
        work(run.pk, "applying")
    run.refresh_from_db()
    assert run.state == "finished"
    assert Post.objects.count() == 3


def test_a_plan_belongs_to_who_made_it() -> None:
    run = plan(make_person("superuser", "one"))
    with pytest.raises(NotAllowed):
        start_apply(run, make_person("superuser", "two"), planned_at=run.planned_at)


def test_rights_lost_since_the_plan_stop_the_import_and_are_reported() -> None:
    user = make_person("importer")
    user.user_permissions.add(Permission.objects.get(codename="publish_post"))
    run = plan(user)
    start_apply(run, user, planned_at=run.planned_at)
    User.objects.filter(pk=user.pk).update(is_active=False)
    work_on(run)
    assert run.state == "interrupted"
    assert run.events[-1]["code"] == "rights-lost"
    assert not Post.objects.exists()

    User.objects.filter(pk=user.pk).delete()
    run.refresh_from_db()
    ImportRun.objects.filter(pk=run.pk).update(state="applying", interrupted_in="")
    work_on(run)
    assert run.state == "interrupted", "a deleted account's import is not the system's"


def test_a_damaged_upload_is_never_imported() -> None:
    run = plan(None)
    Path(run.location).write_bytes(b"PK")
    apply(run, None)
    assert run.state == "refused"
    assert run.findings[0]["code"] == "upload-changed"


def test_a_folder_that_changed_since_its_plan_is_planned_again(tmp_path: Path) -> None:
    site = write(tmp_path / "news", SITE)
    run = choose(site)
    start_planning(run, None)
    assert work_on(run).state == "planned"

    write(site, {"new.md": "---\ntitle: あとから\n---\n本文\n"})
    apply(run, None)
    assert run.state == "planned"
    assert run.totals["create"] == 4


def test_choices_that_cannot_be_are_refused_by_name() -> None:
    run = receive(None)
    for wrong in (
        {"dialect": "wordpress"},
        {"timezone": "Mars/Base"},
        {"encoding": "klingon"},
        {"on_conflict": "burn"},
        {"fields": {"writer": "is_superuser"}},
        {"fields": {"writer": "draft"}},
        {"terms": {"users": {"a": "b"}}},
        {"authors": {"a": {"author": 99}}},
        {"authors": {"a": {"user": 99}}},
        {"colour": "red"},
    ):
        with pytest.raises(BadChoice):
            change_choices(run, None, **wrong)


def test_giving_an_account_a_byline_needs_the_right_to_change_authors() -> None:
    user = make_person("importer")
    run = receive(user)
    with pytest.raises(BadChoice):
        change_choices(run, user, authors={"瓦版編集部": {"user": user.pk}})


def test_spellings_that_may_be_one_term() -> None:
    for one, other in [
        ("サーバ", "サーバー"),
        ("ｻｰﾊﾞ", "サーバー"),
        ("ウェブ", "ウエブ"),
        ("データ・ベース", "データベース"),
        ("ローカルサーバ", "ローカルサーバー"),
        ("machine learning", "Machine-Learning"),
    ]:
        assert variant_key(one) == variant_key(other)
    for one, other in [("ビル", "ビール"), ("blog", "blogs"), ("C", "C++"), ("キー", "キ")]:
        assert variant_key(one) != variant_key(other)


def test_a_planned_file_is_shown_before_and_after(tmp_path: Path) -> None:
    user = make_person("superuser")
    import_archive(write(tmp_path / "news", SITE), user=user)
    changed = (
        str(SITE["_posts/2025-04-01-hajimari.md"]).replace("次は", "<script>alert(1)</script>つぎは")
        + "\n![新](/images/new.png)\n"
    )
    files = {**SITE, "_posts/2025-04-01-hajimari.md": changed, "images/new.png": make_picture("red", "white")}
    files["new.md"] = "---\ntitle: あたらしい\n---\n\n[はじまり]({% post_url 2025-04-01-hajimari %}) と [案内](about.md)\n"
    run = plan(user, files)

    old = preview_item(run, items(run)["_posts/2025-04-01-hajimari.md"], user)
    new = preview_item(run, items(run)["new.md"], user, address=lambda path: f"/admin/picture/{path}")

    assert old.title_before == old.title_after == "はじまり"
    assert old.address_before == old.address_after
    assert "<p>次は" in old.before
    assert "つぎは" in old.after
    assert "<script" not in old.after
    assert "/-/planned/images/new.png" in old.after
    assert "/media/" in old.after
    assert [line.kind for line in old.difference.lines if line.kind != "same"] == ["gap", "removed", "added", "added", "added"]
    assert new.before == ""
    assert 'href="/2025/04/01/hajimari/"' in new.after
    assert read_planned_picture(run, "images/new.png").content_type == "image/png"
    for path in ("about.md", "../secret", "images/none.png"):
        with pytest.raises(NoPreview):
            read_planned_picture(run, path)


def test_a_preview_shows_no_post_that_the_user_may_not_see(tmp_path: Path) -> None:
    import_archive(write(tmp_path / "news", {**SITE, "about.md": "---\ntitle: 秘密\npermalink: /about/\n---\n秘密の本文\n"}))
    user = make_person("importer")
    run = plan(user)
    preview = preview_item(run, items(run)["about.md"], user)
    assert preview.is_hidden
    assert preview.before == preview.title_before == ""
    assert all(line.kind == "added" for line in preview.difference.lines)


def test_a_preview_says_when_the_file_is_not_what_was_planned(tmp_path: Path) -> None:
    site = write(tmp_path / "news", SITE)
    run = choose(site)
    start_planning(run, None)
    work_on(run)
    item = items(run)["about.md"]
    (site / "about.md").write_text("---\ntitle: 別\n---\n別\n")
    with pytest.raises(NoPreview):
        preview_item(run, item, None)
    (site / "about.md").unlink()
    with pytest.raises(NoPreview):
        preview_item(run, item, None)


SMALL_SITES = {
    "hugo": {"hugo.toml": "", "content/posts/a.md": ""},
    "hexo": {"_config.yml": "theme: x\nsource_dir: source\n", "source/_posts/a.md": ""},
    "jekyll": {"_config.yml": "plugins: []\n", "_posts/2025-01-01-a.md": ""},
    "zenn": {"articles/aaaaaaaaaaaa.md": ""},
    "obsidian": {".obsidian/app.json": "{}", "a.md": ""},
    "plain": {"a.md": ""},
}


@pytest.mark.parametrize("dialect", SMALL_SITES)
def test_a_key_that_staff_chose_is_read_as_the_field_in_every_dialect(dialect: str, tmp_path: Path) -> None:
    text = "---\nsubject: 題\nwriter: 記者\nlabels: [札]\nposted: 2025-04-01 09:00:00 +0900\n---\n本文\n"
    files = {name: content if content or name == "hugo.toml" else text for name, content in SMALL_SITES[dialect].items()}
    container = open_archive(write(tmp_path / "s", files))
    (site,) = find_sites(container, dialect=dialect, timezone="Asia/Tokyo")
    path = next(path for path, file in site.files.items() if file.role == "document")
    site.field_names = {"subject": "title", "writer": "authors", "labels": "tags", "posted": "published_at"}

    document = read_document(site, path, container.read(site.root + path))

    assert (document.title, document.authors, document.tags) == ("題", ["記者"], ["札"])
    assert document.published_at == datetime(2025, 4, 1, tzinfo=UTC)
    assert list(document.front_matter) == ["subject", "writer", "labels", "posted"]
    assert {"subject", "writer", "labels", "posted"} <= document.known_keys
    assert document.source.head.startswith("---\nsubject: 題\n")


def test_a_key_of_the_dialects_own_counts_more_than_a_chosen_one(tmp_path: Path) -> None:
    files = {"a.md": "---\ntitle: 題\nauthor: 本人\nwriter: 記者\n---\n本文\n"}
    container = open_archive(write(tmp_path / "s", files))
    (site,) = find_sites(container)
    site.field_names = {"writer": "authors"}
    document = read_document(site, "a.md", container.read("a.md"))
    assert document.authors == ["本人"]
    assert "writer" not in document.known_keys
