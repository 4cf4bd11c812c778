"""An import is taken back whole: the site is as it was before, but for what people changed since."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from articles.editorial.workflow import save_post
from articles.models import Author, Category, MediaFile, Post, PostLink, Redirect, Revision, Source, SourceFile, Tag
from articles.transfer.background import work
from articles.transfer.digest import content_digest
from articles.transfer.importing import import_archive
from articles.transfer.journal import capture, note_written
from articles.transfer.runs import NotAllowed, WrongState
from articles.transfer.undoing import start_undo, survey_undo, undo_import
from tests.factories import make_picture
from tests.people import make_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]

SITE: dict[str, str | bytes] = {
    "_config.yml": "url: https://news.example\ntimezone: Asia/Tokyo\npermalink: /:year/:month/:day/:title/\n",
    "_posts/2025-04-01-hajimari.md": (
        "---\ntitle: はじまり\ndate: 2025-04-01 09:00:00 +0900\ncategories: [編集, 手帖]\ntags: [AI, 原稿]\n"
        "author: 瓦版編集部\nseries: 移転の記録\nimage: /images/kawara.png\nredirect_from: /old/hajimari/\n---\n\n"
        "次は [つづき]({% post_url 2025-04-02-tsuzuki %})。![瓦](/images/kawara.png)\n"
    ),
    "_posts/2025-04-02-tsuzuki.md": (
        '---\ntitle: "つづき"\ndate: 2025-04-02 09:00:00 +0900\ncategories: [編集]\ntags: ["ＡＩ"]\n'
        "author: 瓦版編集部\n---\n\n二日目。\n"
    ),
    "about.md": "---\ntitle: この新聞\npermalink: /about/\n---\n\n[三日目]({% post_url 2025-04-03-sannichime %})\n",
    "images/kawara.png": make_picture("navy", "white"),
    "broken.md": "---\ntitle: [\n---\n",
}
THIRD = "---\ntitle: 三日目\ndate: 2025-04-03 09:00:00 +0900\ntags: [あたらしい札]\nauthor: 別の人\n---\n\n三日目の本文。\n"


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write(tmp_path / "news", SITE)


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.django_db(transaction=True)
def test_an_undone_import_leaves_nothing_behind(site: Path, media_root: Path) -> None:
    before = content_digest()
    run = import_archive(site)
    assert run.state == "finished"
    assert Post.objects.count() == 3
    assert MediaFile.objects.count() == 1

    undo_import(run, None)

    assert run.state == "undone"
    assert content_digest() == before
    for model in (Post, PostLink, Redirect, Revision, Source, SourceFile, MediaFile, Tag, Author, Category):
        assert model._default_manager.count() == 0, model
    assert files_below(media_root) == files_below(media_root.parent / "private") == set()


def test_an_undone_update_gives_posts_their_whole_former_state(site: Path) -> None:
    import_archive(site)
    before, revisions = content_digest(), Revision.objects.count()
    path = site / "_posts/2025-04-01-hajimari.md"
    path.write_text(
        path.read_text()
        .replace("はじまり", "おわり")
        .replace("[AI, 原稿]", "[ａｉ, 札]")
        .replace("author: 瓦版編集部", "author: 別の人")
        .replace("series: 移転の記録\n", "permalink: /moved/\n")
    )
    (site / "_posts/2025-04-02-tsuzuki.md").unlink()
    write(
        site,
        {
            "_posts/2025-04-03-sannichime.md": THIRD,
            "images/two.png": make_picture("teal", "white"),
            "broken.md": "---\ntitle: 直った\n---\n本文\n",
        },
    )
    run = import_archive(site, withdraw_missing=True)
    assert run.totals == {"create": 2, "update": 1, "unchanged": 1, "withdraw": 1}
    assert Redirect.objects.filter(old_path="/2025/04/01/hajimari/").exists()
    assert "/2025/04/03/" in Post.objects.get(path="/about/").body_html

    undo_import(run, None)

    assert content_digest() == before
    assert Revision.objects.count() == revisions
    assert not Redirect.objects.filter(old_path="/2025/04/01/hajimari/").exists()
    assert SourceFile.objects.filter(path="broken.md", role="refused").exists()


def test_what_people_edited_since_is_kept_and_named(site: Path) -> None:
    run = import_archive(site)
    post = Post.objects.get(path="/about/")
    save_post(post, None, {"title": "この新聞について"})
    assert [outcome for item, outcome, _f in survey_undo(run) if item.path == "about.md"] == ["kept"]

    undo_import(run, None)

    assert [post.title for post in Post.objects.all()] == ["この新聞について"]
    item = run.items.get(path="about.md")
    assert item.undo == "kept"
    assert item.undo_findings[0]["code"] == "changed-since"
    assert run.undo_totals == {"removed": 2, "kept": 1}
    assert Source.objects.count() == 1
    assert Tag.objects.count() == 0


def test_a_moved_file_is_moved_back(site: Path) -> None:
    import_archive(site)
    before = content_digest()
    (site / "about.md").rename(site / "annai.md")
    run = import_archive(site)
    assert Post.objects.get(path="/about/").source_path == "annai.md"

    undo_import(run, None)

    assert content_digest() == before
    assert Post.objects.get(path="/about/").source_path == "about.md"


def test_a_moved_file_leaves_what_was_edited_here_alone(site: Path) -> None:
    import_archive(site)
    save_post(Post.objects.get(path="/about/"), None, {"title": "ここで直した題"})
    before = content_digest()
    (site / "about.md").rename(site / "annai.md")
    run = import_archive(site)
    post = Post.objects.get(path="/about/")
    assert (post.title, post.source_path, post.is_edited) == ("ここで直した題", "annai.md", True)
    assert run.totals == {"unchanged": 2, "update": 1, "refused": 1}
    assert import_archive(site).totals == {"unchanged": 3, "refused": 1}

    undo_import(run, None)
    assert content_digest() == before


def test_a_conflict_that_a_person_resolved_is_undone_with_its_run(site: Path) -> None:
    import_archive(site)
    save_post(Post.objects.get(path="/about/"), None, {"title": "ここの題"})
    before, revisions = content_digest(), Revision.objects.count()
    path = site / "about.md"
    path.write_text(path.read_text().replace("この新聞", "あちらの題"))
    run = import_archive(site)
    item = run.items.get(verdict="conflict")
    post = Post.objects.get(path="/about/")
    state = capture([post])[post.pk]
    save_post(post, None, {"title": "合わせた題"})
    post.refresh_from_db()
    post.revisions.filter(pk=post.revisions.latest().pk).update(origin="merge", run=run)
    note_written(item, state, post)

    undo_import(run, None)

    assert content_digest() == before
    assert Revision.objects.count() == revisions


def test_posts_that_changed_places_change_back(tmp_path: Path) -> None:
    text = "---\ntitle: {title}\npermalink: {path}\ndate: 2025-01-01\n---\n本文\n"
    site = write(tmp_path / "s", {"a.md": text.format(title="一", path="/a/"), "b.md": text.format(title="二", path="/b/")})
    import_archive(site)
    before = content_digest()
    first = import_archive(write(site, {"a.md": text.format(title="一", path="/c/")}))
    second = import_archive(write(site, {"b.md": text.format(title="二", path="/a/")}))
    assert set(Post.objects.values_list("path", flat=True)) == {"/c/", "/a/"}

    undo_import(first, None)
    item = first.items.get(path="a.md")
    assert Post.objects.get(title="一").path == "/c/", "its address is another post's by now"
    assert item.undo_findings[0]["code"] == "address-taken"

    undo_import(second, None)
    assert Post.objects.get(title="二").path == "/b/"
    assert content_digest() != before


def test_runs_undone_in_reverse_order_lead_all_the_way_back(site: Path) -> None:
    digests, runs = [content_digest()], []
    for number in range(3):
        path = site / "about.md"
        path.write_text(path.read_text().replace("この新聞", f"この新聞{number}") + f"\n[新しい札](/x{number}/)\n")
        text = f"---\ntitle: 新{number}\ntags: [札{number}, ＡＩ{number}]\n---\n本文\n"
        write(site, {f"_posts/2025-05-0{number + 1}-n{number}.md": text})
        runs.append(import_archive(site))
        digests.append(content_digest())

    for run in reversed(runs):
        assert content_digest() == digests.pop()
        undo_import(run, None)
    assert content_digest() == digests.pop()


def test_a_run_that_a_later_one_built_upon_keeps_what_that_one_wrote(site: Path) -> None:
    first = import_archive(site)
    path = site / "about.md"
    path.write_text(path.read_text() + "\n書き足した。\n")
    second = import_archive(site)

    undo_import(first, None)

    item = first.items.get(path="about.md")
    assert item.undo == "kept"
    assert item.undo_findings[0] | {"line": None} == item.undo_findings[0]
    assert item.undo_findings[0]["code"] == "later-import"
    assert item.undo_findings[0]["params"] == {"run": str(second.pk)}


def test_an_edit_that_a_run_replaced_comes_back_with_its_mark(site: Path) -> None:
    import_archive(site)
    save_post(Post.objects.get(path="/about/"), None, {"title": "ここで直した題"})
    before = content_digest()
    path = site / "about.md"
    path.write_text(path.read_text().replace("この新聞", "あちらで直した題"))
    run = import_archive(site, on_conflict="replace")
    assert Post.objects.get(path="/about/").title == "あちらで直した題"

    undo_import(run, None)

    assert content_digest() == before
    assert Post.objects.get(path="/about/").is_edited


def test_terms_and_pictures_that_others_use_by_now_stay(site: Path) -> None:
    run = import_archive(site)
    mine = save_post(Post(), None, {"title": "机で書いた", "tags": ["原稿"], "cover": MediaFile.objects.get()})

    undo_import(run, None)

    assert [tag.name for tag in mine.tags.all()] == ["原稿"]
    assert Tag.objects.count() == 1
    assert MediaFile.objects.count() == 1
    kept = {(change.model, change.undo_findings[0]["code"]) for change in run.changes.filter(undo="kept")}
    assert kept == {("tag", "in-use"), ("mediafile", "in-use")}


def test_a_term_that_someone_described_since_stays(site: Path) -> None:
    run = import_archive(site)
    Tag.objects.filter(name="原稿").update(description="原稿についての記事")
    undo_import(run, None)
    assert [tag.name for tag in Tag.objects.all()] == ["原稿"]


def test_an_alias_that_a_run_added_goes_and_one_that_an_editor_added_stays(site: Path) -> None:
    tag = Tag.objects.create(name="AI", aliases=["人工知能"])
    run = import_archive(site)
    tag.refresh_from_db()
    assert tag.aliases == ["人工知能", "ＡＩ"]
    tag.aliases = [*tag.aliases, "機械の知恵"]
    tag.save()

    undo_import(run, None)

    tag.refresh_from_db()
    assert tag.aliases == ["人工知能", "機械の知恵"]


def test_a_post_that_was_kept_no_longer_links_to_what_went(site: Path) -> None:
    run = import_archive(site)
    save_post(Post.objects.get(path="/2025/04/01/hajimari/"), None, {"description": "足した"})
    undo_import(run, None)
    post = Post.objects.get()
    assert "/2025/04/02/" not in post.body_html
    assert not post.links.filter(url__startswith="/2025/04/02").exists()


def test_a_former_address_that_was_given_since_keeps_its_post(site: Path) -> None:
    run = import_archive(site)
    Redirect.objects.create(old_path="/annai/", post=Post.objects.get(path="/about/"))
    undo_import(run, None)
    assert run.items.get(path="about.md").undo_findings[0]["code"] == "new-redirect"
    assert Redirect.objects.filter(old_path="/annai/").exists()


def test_undoing_twice_does_nothing_and_says_so(site: Path) -> None:
    run = import_archive(site)
    undo_import(run, None)
    with pytest.raises(WrongState):
        undo_import(run, None)
    with pytest.raises(WrongState):
        undo_import(import_archive(site, dry_run=True), None)


def test_an_undo_needs_rights_and_another_persons_run_needs_more(site: Path) -> None:
    mine, theirs = make_person("importer", "mine"), make_person("importer", "theirs")
    run = import_archive(site, user=mine)
    for stranger in (theirs, make_person("author"), make_person("publisher")):
        with pytest.raises(NotAllowed):
            undo_import(run, stranger)
    undo_import(run, mine)
    assert run.state == "undone"
    other = import_archive(site, user=mine)
    undo_import(other, make_person("superuser"))
    assert other.state == "undone"


def test_rights_lost_stop_an_undo(site: Path) -> None:
    user = make_person("superuser")
    run = import_archive(site, user=user)
    start_undo(run, user)
    user.is_active = False
    user.save()
    work(run.pk, "undoing")
    run.refresh_from_db()
    assert run.state == "interrupted"
    assert Post.objects.count() == 3
    undo_import(run, None)
    assert run.state == "undone"


def test_the_command_says_what_it_would_keep_and_then_undoes(site: Path) -> None:
    run = import_archive(site)
    save_post(Post.objects.get(path="/about/"), None, {"title": "直した"})
    out = io.StringIO()
    call_command("undo_import", str(run.pk), "--dry-run", stdout=out)
    assert "about.md" in out.getvalue()
    assert Post.objects.count() == 3
    call_command("undo_import", str(run.pk), stdout=out)
    assert Post.objects.count() == 1
    with pytest.raises(CommandError):
        call_command("undo_import", "999")


def test_undo_costs_the_same_number_of_statements_whatever_a_chunk_holds(
    tmp_path: Path, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    def count(number: int) -> int:
        files = {f"{place}.md": f"---\ntitle: 記事{place}\ntags: [一]\n---\n本文{number}\n" for place in range(number)}
        run = import_archive(write(tmp_path / str(number), files), source_name=str(number), processes=0)
        with django_assert_max_num_queries(500) as captured:
            undo_import(run, None)
        return len(captured)

    ten, forty = count(10), count(40)
    assert forty - ten <= 2, (ten, forty)


def test_links_that_were_resolved_before_stay_resolved_when_another_target_arrives(tmp_path: Path) -> None:
    """A post is rendered whole: a reference resolved at an earlier import must be found again."""
    public = "---\npublish: true\n---\n"
    site = write(tmp_path / "vault", {"a.md": "[[b]] と [[c]]\n", "b.md": f"{public}# b\n", ".obsidian/app.json": "{}"})
    import_archive(site)
    import_archive(write(site, {"c.md": f"{public}# c\n"}))
    html = Post.objects.get(source_path="a.md").body_html
    assert html.count("href=") == 2
