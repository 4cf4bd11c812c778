"""A folder of Markdown becomes posts, again and again, and comes out byte for byte."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import connection
from PIL import Image

from articles.editorial.workflow import publish, save_post, withdraw
from articles.models import Author, Category, ImportItem, ImportRun, Post, PostLink, Redirect, Revision, Source, SourceFile, Tag
from articles.transfer import importing, reading
from articles.transfer.digest import content_digest
from articles.transfer.exporting import export_posts
from articles.transfer.importing import import_archive
from articles.transfer.reading import Readers
from articles.transfer.reporting import build_report
from articles.transfer.storing import ChunkStore
from tests.factories import make_picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]

JEKYLL = {
    "_config.yml": "url: https://news.example\ntimezone: Asia/Tokyo\npermalink: /:year/:month/:day/:title/\n",
    "_posts/2025-04-01-hajimari.md": (
        "---\ntitle: はじまり\ndate: 2025-04-01 09:00:00 +0900\ncategories: [編集の手帖]\ntags: [AI, 原稿]\n"
        "author: 瓦版編集部\nmood: 晴れ\nredirect_from: /old/hajimari/\n---\n\n"
        "最初の段落です。\n\n次は [つづき]({% post_url 2025-04-02-tsuzuki %})。\n"
    ),
    "_posts/2025-04-02-tsuzuki.md": (
        '---\ntitle: "つづき"\ndate: 2025-04-02 09:00:00 +0900\ncategories: [編集の手帖]\n'
        'tags: ["ＡＩ"]\nauthor: 瓦版編集部\n---\n\n二日目。\n'
    ),
    "_drafts/shitagaki.md": "---\ntitle: 下書き\n---\nまだ出せない。\n",
    "about.md": "---\ntitle: この新聞\npermalink: /about/\n---\n\n案内です。\n",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "news", JEKYLL)


def write_site(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return folder


def verdicts(run: ImportRun) -> dict[str, str]:
    return dict(run.items.values_list("path", "verdict"))


def codes(run: ImportRun, path: str) -> set[str]:
    return {finding["code"] for finding in run.items.get(path=path).findings}


def test_a_jekyll_site_becomes_posts_with_its_addresses_dates_terms_and_bylines(site: Path) -> None:
    run = import_archive(site)

    assert run.state == ImportRun.State.FINISHED
    assert run.totals == {"create": 4}
    post = Post.objects.get(source_path="_posts/2025-04-01-hajimari.md")
    assert post.path == "/2025/04/01/hajimari/"
    assert post.title == "はじまり"
    assert post.published_at is not None
    assert post.published_at.isoformat() == "2025-04-01T00:00:00+00:00"
    assert [category.name for category in post.categories.all()] == ["編集の手帖"]
    assert set(post.tags.values_list("name", flat=True)) == {"AI", "原稿"}
    assert [author.name for author in post.authors.all()] == ["瓦版編集部"]
    assert post.extra == {"mood": "晴れ"}
    assert post.flavour == "kramdown"
    assert "最初の段落です。" in post.body_html


def test_drafts_are_not_public(site: Path) -> None:
    import_archive(site)

    assert Post.objects.get(source_path="_drafts/shitagaki.md").state == Post.State.DRAFT
    assert Post.objects.published().filter(source_path="_drafts/shitagaki.md").count() == 0


def test_two_spellings_of_a_tag_are_one_tag_with_an_alias(site: Path) -> None:
    import_archive(site)

    tag = Tag.objects.get(identity="ai")
    assert tag.name == "AI"
    assert tag.aliases == ["ＡＩ"]
    assert Post.objects.filter(tags=tag).count() == 2


def test_a_reference_to_a_later_post_is_resolved_when_all_are_there(site: Path) -> None:
    import_archive(site)

    post = Post.objects.get(source_path="_posts/2025-04-01-hajimari.md")
    assert 'href="/2025/04/02/tsuzuki/"' in post.body_html
    assert PostLink.objects.get(post=post, kind="post_url").url == "/2025/04/02/tsuzuki/"
    assert "post_url" in post.body


def test_rendering_again_keeps_what_the_reading_of_the_file_found(tmp_path: Path) -> None:
    import_archive(
        write_site(tmp_path / "s", {"_config.yml": "title: s\n", "a.md": "---\ntitle: a\nis_admin: true\n---\n本文\n"})
    )
    post = Post.objects.get()
    assert "privileged-key" in {finding["code"] for finding in post.findings}

    save_post(post, None, {"body": "直した本文\n"})

    post.refresh_from_db()
    assert "privileged-key" in {finding["code"] for finding in post.findings}


def test_a_former_address_redirects_to_the_post(site: Path) -> None:
    import_archive(site)

    redirect = Redirect.objects.get(old_path="/old/hajimari/")
    assert redirect.post.source_path == "_posts/2025-04-01-hajimari.md"


def test_a_second_import_writes_no_row(site: Path) -> None:
    import_archive(site)
    before = content_digest()
    revisions = Revision.objects.count()

    again = import_archive(site)

    assert again.totals == {"unchanged": 4}
    assert content_digest() == before
    assert Revision.objects.count() == revisions


def test_unchanged_files_are_not_opened_again_and_start_no_process(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_archive(site)

    def fail(*arguments: Any) -> None:
        raise AssertionError("an unchanged file was read again")

    monkeypatch.setattr(reading, "read_document", fail)
    monkeypatch.setattr(Readers, "_start", fail)
    assert import_archive(site, processes=2).totals == {"unchanged": 4}


def test_rows_inserted_together_have_keys_of_their_own_and_the_next_row_another(site: Path) -> None:
    import_archive(site)
    keys = list(Post.objects.order_by("pk").values_list("pk", flat=True))
    assert len(set(keys)) == 4
    later = Post.objects.create(title="後", path="/ato/")
    assert later.pk > max(keys)
    assert all(revision.post_id in keys for revision in Revision.objects.all())


def test_a_changed_file_updates_its_post_and_keeps_a_revision(site: Path) -> None:
    import_archive(site)
    path = site / "_posts/2025-04-02-tsuzuki.md"
    path.write_text(path.read_text(encoding="utf-8").replace("二日目。", "二日目を直した。"), encoding="utf-8")

    run = import_archive(site)

    assert verdicts(run)["_posts/2025-04-02-tsuzuki.md"] == "update"
    post = Post.objects.get(source_path="_posts/2025-04-02-tsuzuki.md")
    assert "二日目を直した。" in post.body_html
    assert post.revisions.count() == 2
    assert post.tags.count() == 1


def test_a_post_edited_here_and_a_changed_file_are_a_conflict_and_the_post_stays(site: Path) -> None:
    import_archive(site)
    post = Post.objects.get(source_path="_posts/2025-04-02-tsuzuki.md")
    save_post(post, None, {"body": "\n編集部で直した。\n"})
    path = site / "_posts/2025-04-02-tsuzuki.md"
    path.write_text(path.read_text(encoding="utf-8").replace("二日目。", "よそで直した。"), encoding="utf-8")

    run = import_archive(site)

    assert verdicts(run)["_posts/2025-04-02-tsuzuki.md"] == "conflict"
    assert "edited-here" in codes(run, "_posts/2025-04-02-tsuzuki.md")
    post.refresh_from_db()
    assert "編集部で直した。" in post.body


def test_replace_takes_the_file_over_what_was_edited_here(site: Path) -> None:
    import_archive(site)
    save_post(Post.objects.get(source_path="_posts/2025-04-02-tsuzuki.md"), None, {"body": "\n編集部で直した。\n"})
    path = site / "_posts/2025-04-02-tsuzuki.md"
    path.write_text(path.read_text(encoding="utf-8").replace("二日目。", "よそで直した。"), encoding="utf-8")

    run = import_archive(site, on_conflict="replace")

    assert verdicts(run)["_posts/2025-04-02-tsuzuki.md"] == "update"
    assert "よそで直した。" in Post.objects.get(source_path="_posts/2025-04-02-tsuzuki.md").body


def test_a_file_edited_only_here_is_unchanged_for_the_import(site: Path) -> None:
    import_archive(site)
    save_post(Post.objects.get(source_path="_posts/2025-04-02-tsuzuki.md"), None, {"title": "題を替えた"})

    run = import_archive(site)

    assert run.totals == {"unchanged": 4}
    assert Post.objects.get(source_path="_posts/2025-04-02-tsuzuki.md").title == "題を替えた"


def test_one_bad_file_never_stops_the_rest(site: Path) -> None:
    write_site(site, {"_posts/2025-04-03-kowareta.md": "---\ntitle: a\ntitle: b\n---\n本文\n"})

    run = import_archive(site)

    assert run.totals == {"create": 4, "refused": 1}
    finding = run.items.get(verdict="refused").findings[0]
    assert finding["code"] == "duplicate-key"
    assert finding["line"] == 3


def test_a_refused_text_is_kept_and_exported_and_becomes_a_post_once_it_is_mended(site: Path, tmp_path: Path) -> None:
    write_site(site, {"_posts/2025-04-03-kowareta.md": "---\ntitle: a\ntitle: b\n---\n本文\n", "memo.md": b""})
    import_archive(site)
    export_posts(tmp_path / "out")
    assert (tmp_path / "out/_posts/2025-04-03-kowareta.md").read_bytes() == (site / "_posts/2025-04-03-kowareta.md").read_bytes()

    write_site(site, {"_posts/2025-04-03-kowareta.md": "---\ntitle: a\n---\n本文\n"})
    run = import_archive(site)

    assert verdicts(run)["_posts/2025-04-03-kowareta.md"] == "create"
    assert not SourceFile.objects.filter(path__endswith="kowareta.md").exists()


def test_the_export_gives_every_file_back_byte_for_byte(site: Path, tmp_path: Path) -> None:
    write_site(
        site,
        {
            "_posts/2025-04-04-windows.md": "---\r\ntitle: 改行\r\n---\r\n本文\r\n".encode(),
            "_posts/2025-04-05-mixed.md": "---\ntitle: 混在\n---\n一\r\n二\n三\r".encode(),
            "_posts/2025-04-06-bom.md": b"\xef\xbb\xbf" + "---\ntitle: 印\n---\n本文".encode(),
            "_posts/2025-04-07-sjis.md": "---\ntitle: 古い文字\n---\n日本語の本文です。\n".encode("cp932"),
            "images/dot.gif": b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00"
            b"!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;",
            "_layouts/default.html": "<main>{{ content }}</main>",
        },
    )
    import_archive(site)

    export_posts(tmp_path / "out")

    before = {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    after = {
        str(path.relative_to(tmp_path / "out")): path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert after == before


def test_a_zip_export_holds_the_same_files(site: Path, tmp_path: Path) -> None:
    import_archive(site)

    receipt = export_posts(tmp_path / "out.zip", as_zip=True)

    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert set(archive.namelist()) == set(JEKYLL) == set(receipt.files)


def test_an_export_never_writes_over_what_is_there(site: Path, tmp_path: Path) -> None:
    import_archive(site)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/keep.txt").write_text("x")

    with pytest.raises(CommandError, match="out"):
        call_command("export_posts", str(tmp_path / "out"))

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["keep.txt"]


@pytest.mark.parametrize("layout", ["jekyll", "hugo", "obsidian"])
def test_an_export_in_another_layout_says_the_same_when_it_is_read_again(site: Path, tmp_path: Path, layout: str) -> None:
    import_archive(site)
    wanted = described("news.example")
    export_posts(tmp_path / "out", layout=layout)
    Post.objects.all().delete()
    Source.objects.all().delete()

    import_archive(tmp_path / "out", dialect=layout, timezone="Asia/Tokyo", source_name="again")

    assert described("again") == wanted


def described(source: str) -> dict[str, tuple[object, ...]]:
    return {
        post.title: (
            post.published_at,
            post.state,
            sorted(post.tags.values_list("name", flat=True)),
            [category.name for category in post.categories.all()],
            [author.name for author in post.authors.all()],
        )
        for post in Post.objects.filter(source__name=source)
    }


def test_an_edited_title_changes_one_line_of_the_exported_file(site: Path, tmp_path: Path) -> None:
    import_archive(site)
    save_post(Post.objects.get(source_path="_posts/2025-04-02-tsuzuki.md"), None, {"title": "新しい題"})

    export_posts(tmp_path / "out")

    old = (site / "_posts/2025-04-02-tsuzuki.md").read_text(encoding="utf-8").split("\n")
    new = (tmp_path / "out/_posts/2025-04-02-tsuzuki.md").read_text(encoding="utf-8").split("\n")
    assert [line for line in new if line not in old] == ['title: "新しい題"']
    assert len(new) == len(old)


def test_two_files_that_claim_one_address_get_two_addresses_the_same_at_every_import(tmp_path: Path) -> None:
    files = {
        "_config.yml": "permalink: /:title/\n",
        "_posts/2025-01-01-same.md": "---\ntitle: 一\n---\n一\n",
        "_posts/2025-01-02-same.md": "---\ntitle: 二\n---\n二\n",
    }
    site = write_site(tmp_path / "twins", files)

    run = import_archive(site)

    assert dict(Post.objects.values_list("title", "path")) == {"一": "/same/", "二": "/same-2/"}
    assert "permalink-collision" in codes(run, "_posts/2025-01-02-same.md")
    write_site(site, {name: text + "追記\n" for name, text in files.items() if name.endswith(".md")})
    import_archive(site)
    assert dict(Post.objects.values_list("title", "path")) == {"一": "/same/", "二": "/same-2/"}


def test_a_stated_address_that_is_taken_is_a_conflict_and_makes_no_post(tmp_path: Path) -> None:
    page = "---\ntitle: {}\npermalink: /about/\n---\n本文\n"
    site = write_site(tmp_path / "s", {"_config.yml": "title: s\n", "a.md": page.format("一"), "b.md": page.format("二")})

    run = import_archive(site)

    assert verdicts(run) == {"a.md": "create", "b.md": "conflict"}
    assert Post.objects.count() == 1


def test_an_import_as_a_user_who_may_not_publish_makes_drafts_and_leaves_the_files_alone(site: Path, tmp_path: Path) -> None:
    user = User.objects.create_user("importer")
    user.groups.add(Group.objects.get(name="importer"))

    run = import_archive(site, user=user)

    assert set(Post.objects.values_list("state", flat=True)) == {"draft"}
    assert "published-as-draft" in codes(run, "about.md")
    assert set(Post.objects.values_list("owner__username", flat=True)) == {"importer"}
    export_posts(tmp_path / "out")
    assert (tmp_path / "out/about.md").read_bytes() == (site / "about.md").read_bytes()


def test_a_user_without_the_right_cannot_import(site: Path) -> None:
    user = User.objects.create_user("author")
    user.groups.add(Group.objects.get(name="author"))

    with pytest.raises(PermissionDenied):
        import_archive(site, user=user)

    assert ImportRun.objects.count() == 0


def test_a_dry_run_gives_the_same_verdicts_and_writes_nothing(site: Path) -> None:
    before = content_digest()

    dry = import_archive(site, dry_run=True)

    assert content_digest() == before
    assert Source.objects.count() == 0
    wet = import_archive(site)
    assert [(item.path, item.verdict, item.permalink) for item in dry.items.order_by("pk")] == [
        (item.path, item.verdict, item.permalink) for item in wet.items.order_by("pk")
    ]


def test_a_file_that_moved_keeps_its_post(site: Path) -> None:
    import_archive(site)
    key = Post.objects.get(source_path="about.md").pk
    (site / "about.md").rename(site / "annai.md")

    run = import_archive(site)

    assert verdicts(run)["annai.md"] == "update"
    assert Post.objects.get(source_path="annai.md").pk == key
    assert Post.objects.count() == 4


def test_the_same_site_in_another_folder_is_the_same_source(site: Path, tmp_path: Path) -> None:
    import_archive(site)
    elsewhere = site.rename(tmp_path / "renamed")

    assert import_archive(elsewhere).totals == {"unchanged": 4}
    assert Source.objects.count() == 1


def test_two_sites_in_folders_of_one_name_stay_two_sources(tmp_path: Path) -> None:
    import_archive(write_site(tmp_path / "a/docs", {"one.md": "# 一\n"}))
    import_archive(write_site(tmp_path / "b/docs", {"two.md": "# 二\n", "three.md": "# 三\n"}))

    assert Source.objects.count() == 2
    assert Post.objects.count() == 3


def test_two_sites_of_one_archive_that_share_files_stay_two_sources(tmp_path: Path) -> None:
    text = "---\ntitle: 同じ文\n---\n同じ本文\n"
    write_site(tmp_path / "both/a", {"_config.yml": "title: a\n", "_posts/2025-01-01-x.md": text})
    write_site(tmp_path / "both/b", {"_config.yml": "title: b\n", "_posts/2025-01-01-x.md": text})

    run = import_archive(tmp_path / "both")

    assert run.totals == {"create": 2}
    assert Source.objects.count() == 2
    assert import_archive(tmp_path / "both").totals == {"unchanged": 2}


def test_a_site_that_states_another_address_is_another_source_even_where_all_files_are_equal(tmp_path: Path) -> None:
    files = {"_posts/2025-01-01-x.md": "---\ntitle: 同じ文\n---\n同じ本文\n"}
    import_archive(write_site(tmp_path / "a", files | {"_config.yml": "url: https://a.example\n"}))

    assert import_archive(write_site(tmp_path / "b", files | {"_config.yml": "url: https://b.example\n"})).totals == {"create": 1}


def test_an_attachment_is_shown_from_the_library_and_exported_as_it_came(tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (4, 3), "red").save(picture, "PNG")
    data = picture.getvalue()
    site = write_site(
        tmp_path / "s",
        {
            "_config.yml": "title: s\n",
            "_posts/2025-01-01-a.md": "---\ntitle: 絵\n---\n![図](/images/a.png)\n",
            "images/a.png": data,
        },
    )

    import_archive(site)

    post = Post.objects.get()
    file = SourceFile.objects.get(path="images/a.png")
    assert file.media is not None
    assert file.media.url in post.body_html
    assert 'alt="図"' in post.body_html
    assert post.body == "![図](/images/a.png)\n"


def test_a_missing_archive_and_an_empty_one_say_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nowhere"):
        call_command("import_posts", str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()

    run = import_archive(tmp_path / "empty")

    assert run.state == ImportRun.State.REFUSED
    assert "no Markdown files found" in run.findings[0]["message"]


def test_the_report_has_one_item_per_file_with_its_address(site: Path, tmp_path: Path) -> None:
    call_command("import_posts", str(site), report=tmp_path / "report.json", stdout=io.StringIO())

    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["totals"] == {"create": 4}
    by_path = {item["path"]: item for item in report["items"]}
    assert by_path["about.md"]["permalink"] == "/about/"
    assert by_path["about.md"]["verdict"] == "create"
    assert report == json.loads(json.dumps(build_report(ImportRun.objects.get())))


def test_processes_give_the_same_result_as_one(site: Path) -> None:
    import_archive(site, processes=0)
    alone = content_digest()
    for model in (Post, Source, Tag, Author):
        model.objects.all().delete()
    Category.objects.all().delete()

    import_archive(site, processes=2)

    assert content_digest() == alone


def test_withdrawn_posts_stay_withdrawn_at_the_next_import(site: Path) -> None:
    import_archive(site)
    withdraw(Post.objects.get(source_path="about.md"), None)

    import_archive(site)

    assert Post.objects.get(source_path="about.md").state == Post.State.WITHDRAWN


def test_a_chunk_of_posts_costs_a_constant_number_of_queries(
    tmp_path: Path, django_assert_max_num_queries: Callable[..., object]
) -> None:
    def make(name: str, count: int) -> Path:
        text = (
            "---\ntitle: 記事{n}\ntags: [一, 二, {n}番]\ncategories: [欄]\nauthor: 瓦版編集部\ndate: 2025-01-01\n---\n本文{n}\n"
        )
        return write_site(
            tmp_path / name,
            {"_config.yml": f"url: https://{name}.example\n"}
            | {f"_posts/2025-01-01-{name}-{n:03}.md": text.replace("{n}", str(n)) for n in range(count)},
        )

    def count_queries(path: Path) -> int:
        with django_assert_max_num_queries(500) as captured:
            import_archive(path, processes=0)
        return len(captured)  # type: ignore[arg-type]

    import_archive(make("warm", 1))
    ten, forty = count_queries(make("ten", 10)), count_queries(make("forty", 40))
    # SQLite splits the insertion of 40 posts in three, by its limit of parameters.
    assert forty - ten <= 2, (ten, forty)


def test_items_name_the_post_that_a_file_became(site: Path) -> None:
    run = import_archive(site)

    assert ImportItem.objects.get(run=run, path="about.md").post == Post.objects.get(path="/about/")


def test_a_named_source_of_an_archive_with_two_sites_gives_each_site_a_source_of_its_own(tmp_path: Path) -> None:
    post = {"_posts/2025-01-01-x.md": "---\ntitle: 題\n---\n本文\n"}
    write_site(tmp_path / "both/a", post | {"_config.yml": "title: a\n"})
    write_site(tmp_path / "both/b", post | {"_config.yml": "title: b\n"})

    run = import_archive(tmp_path / "both", source_name="新聞")

    assert run.totals == {"create": 2}
    assert set(Source.objects.values_list("name", flat=True)) == {"新聞", "新聞/b"}
    assert import_archive(tmp_path / "both", source_name="新聞").totals == {"unchanged": 2}


def test_an_address_below_a_reserved_prefix_gives_way_to_the_house_pattern(tmp_path: Path) -> None:
    site = write_site(tmp_path / "s", {"_config.yml": "title: s\n", "admin/about.md": "---\ntitle: 管理\n---\n本文\n"})

    run = import_archive(site)

    assert Post.objects.get().path == "/管理/"
    assert "permalink-collision" in codes(run, "admin/about.md")


def test_a_reserved_address_that_a_file_states_is_a_conflict_that_says_so(tmp_path: Path) -> None:
    site = write_site(
        tmp_path / "s",
        {"_config.yml": "title: s\n", "a.md": "---\ntitle: a\npermalink: /admin/\n---\n本文\n", "b.md": "---\ntitle: b\n---\n"},
    )

    run = import_archive(site)

    assert verdicts(run)["a.md"] == "conflict"
    assert "belongs to the site itself" in run.items.get(path="a.md").findings[-1]["message"]


def test_names_that_outgrow_their_columns_are_shortened_with_a_finding(tmp_path: Path) -> None:
    long = "長" * 300
    text = (
        f"---\ntitle: a\ntags: [{long}甲, {long}乙, ﷺ{'﷽' * 120}]\nauthor: {long}\ncategories: [{long}]\n"
        f"series: {long}\nseries_order: -1\n---\n本文\n"
    )
    site = write_site(tmp_path / "s", {"_config.yml": "title: s\n", "_posts/2025-01-01-a.md": text})

    run = import_archive(site)

    assert run.totals == {"create": 1}
    assert "name-too-long" in codes(run, "_posts/2025-01-01-a.md")
    write_site(site, {"_posts/2025-01-01-a.md": text + "追記\n"})
    assert import_archive(site).totals == {"update": 1}


def test_an_encoded_nul_in_a_link_stops_no_import(tmp_path: Path) -> None:
    text = "---\ntitle: a\n---\n[甲](/x%00/) ![乙](y%00z.png) &#0; [[n%00]]\n"
    site = write_site(tmp_path / "s", {"_config.yml": "title: s\n", "_posts/2025-01-01-a.md": text})

    assert import_archive(site).totals == {"create": 1}


def test_a_new_post_leaves_the_others_of_a_hugo_site_unchanged(tmp_path: Path) -> None:
    post = "---\ntitle: 題{n}\ndate: 2025-01-0{n}T09:00:00+09:00\n---\n本文\n"
    site = write_site(
        tmp_path / "h",
        {
            "hugo.toml": 'baseURL = "https://h.example/"\n',
            "content/posts/_index.md": "---\ntitle: 欄\n---\n",
            "content/posts/a.md": post.replace("{n}", "1"),
        },
    )
    import_archive(site)
    write_site(site, {"content/posts/b/index.md": post.replace("{n}", "2")})

    run = import_archive(site)

    assert verdicts(run)["content/posts/a.md"] == "unchanged"
    assert verdicts(run)["content/posts/b/index.md"] == "create"


def test_an_import_by_someone_who_may_not_publish_leaves_live_posts_alone(site: Path) -> None:
    import_archive(site)
    user = User.objects.create_user("importer")
    user.groups.add(Group.objects.get(name="importer"))
    path = site / "_posts/2025-04-02-tsuzuki.md"
    path.write_text(path.read_text(encoding="utf-8").replace("二日目。", "こっそり替えた。"), encoding="utf-8")

    run = import_archive(site, user=user)

    assert verdicts(run)["_posts/2025-04-02-tsuzuki.md"] == "conflict"
    assert "live-post" in codes(run, "_posts/2025-04-02-tsuzuki.md")
    post = Post.objects.get(source_path="_posts/2025-04-02-tsuzuki.md")
    assert post.state == Post.State.PUBLISHED
    assert "こっそり" not in post.body


def test_replace_does_not_bring_a_withdrawn_post_back(site: Path) -> None:
    import_archive(site)
    withdraw(Post.objects.get(source_path="about.md"), None)
    (site / "about.md").write_text("---\ntitle: この新聞\npermalink: /about/\n---\n\n書き直した案内です。\n", encoding="utf-8")

    run = import_archive(site, on_conflict="replace")

    assert verdicts(run)["about.md"] == "update"
    assert Post.objects.get(source_path="about.md").state == Post.State.WITHDRAWN
    assert "stays-withdrawn" in codes(run, "about.md")


def test_a_file_whose_address_is_taken_is_exported_all_the_same(tmp_path: Path) -> None:
    page = "---\ntitle: {}\npermalink: /about/\n---\n本文\n"
    site = write_site(tmp_path / "s", {"_config.yml": "title: s\n", "a.md": page.format("一"), "b.md": page.format("二")})
    import_archive(site)

    export_posts(tmp_path / "out")

    assert (tmp_path / "out/b.md").read_bytes() == (site / "b.md").read_bytes()


def test_the_lines_of_findings_count_from_the_start_of_the_file(tmp_path: Path) -> None:
    text = "---\ntitle: a\nlayout: post\n---\n\n{% unknown_tag %}\n"
    run = import_archive(write_site(tmp_path / "s", {"_config.yml": "title: s\n", "_posts/2025-01-01-a.md": text}))

    finding = next(one for one in run.items.get().findings if one["code"] == "unknown-template-code")
    assert finding["line"] == 6
    assert next(one for one in Post.objects.get().findings if one["code"] == "unknown-template-code")["line"] == 6


def test_files_that_are_not_unicode_are_read_in_one_encoding_for_the_whole_site(tmp_path: Path) -> None:
    kana = "---\ntitle: a\n---\nｱｲｳｴｵ\n".encode("cp932")
    prose = "---\ntitle: b\n---\n古い編集部の原稿です。\n".encode("cp932")
    site = write_site(
        tmp_path / "s", {"_config.yml": "title: s\n", "_posts/2000-01-01-a.md": kana, "_posts/2000-01-02-b.md": prose}
    )

    import_archive(site)

    assert set(Post.objects.values_list("encoding", flat=True)) == {"cp932"}
    assert Post.objects.get(title="a").body == "ｱｲｳｴｵ\n"


def test_what_was_left_out_of_an_archive_is_said(site: Path) -> None:
    write_site(site, {".env": "SECRET=1\n"})

    run = import_archive(site)

    assert [finding["params"]["path"] for finding in run.findings if finding["code"] == "skipped"] == [".env"]


def test_publishing_a_file_with_a_status_in_words_changes_that_word(tmp_path: Path) -> None:
    import_archive(write_site(tmp_path / "s", {"_config.yml": "title: s\n", "a.md": "---\ntitle: a\nstatus: draft\n---\n本文\n"}))

    publish(Post.objects.get(), None)

    assert Post.objects.get().front_matter == "---\ntitle: a\nstatus: published\n---\n"


def test_an_unwritable_report_is_said_before_anything_is_imported(site: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="report"):
        call_command("import_posts", str(site), report=tmp_path / "no/such/folder/report.json")

    assert ImportRun.objects.count() == 0


def test_a_chunk_is_bounded_by_its_bytes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    store = ChunkStore.store
    monkeypatch.setattr(importing, "CHUNK_BYTES", 500)
    monkeypatch.setattr(ChunkStore, "store", lambda self, reads: sizes.append(len(reads)) or store(self, reads))
    large = {f"{number}.md": f"---\ntitle: t{number}\n---\n" + "x" * 200 for number in range(6)}

    import_archive(write_site(tmp_path / "s", {**large, "9.md": "x" * 2000}), processes=0)

    assert sizes == [2, 2, 2, 1]
    assert Post.objects.count() == 7


def test_a_former_address_that_the_site_itself_answers_is_named(tmp_path: Path) -> None:
    text = "---\ntitle: a\ndate: 2025-04-01\naliases: [/admin/, /old/]\n---\n本文\n"

    run = import_archive(write_site(tmp_path / "s", {"a.md": text}))

    assert codes(run, "a.md") == {"alias-unfit"}
    assert list(Redirect.objects.values_list("old_path", flat=True)) == ["/old/"]


def test_an_address_of_an_early_year_has_four_digits(tmp_path: Path) -> None:
    import_archive(write_site(tmp_path / "s", {"a.md": "---\ntitle: a\ndate: 0050-05-05\n---\n本文\n"}))

    assert Post.objects.get().path == "/0050/05/a/"


@pytest.mark.parametrize("layout", ["hugo", "obsidian"])
def test_what_is_to_come_stays_so_in_another_layout_and_template_code_becomes_markdown(
    site: Path, tmp_path: Path, layout: str
) -> None:
    write_site(site, {"_posts/2199-04-03-saki.md": "---\ntitle: 先の話\ndate: 2199-04-03 09:00:00 +0900\n---\n先の本文。\n"})
    import_archive(site)

    export_posts(tmp_path / "out", layout=layout)

    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "out").rglob("*.md")]
    assert not any("{%" in text for text in texts)
    Post.objects.all().delete()
    import_archive(tmp_path / "out", dialect=layout, timezone="Asia/Tokyo", source_name="again")
    assert Post.objects.get(title="先の話").state == "scheduled"


def test_a_scheduled_post_is_no_draft_in_jekylls_layout(tmp_path: Path) -> None:
    text = "+++\ntitle = 'a'\ndate = 2199-04-03T09:00:00+09:00\n+++\n本文\n"
    import_archive(write_site(tmp_path / "s", {"hugo.toml": "baseURL = 'https://s.example/'\n", "content/posts/a.md": text}))

    entries = export_posts(tmp_path / "out", layout="jekyll").entries

    assert [entry.path for entry in entries if entry.post] == ["_posts/2199-04-03-a.md"]


def test_a_picture_with_an_address_from_the_root_is_found_in_an_exported_vault(tmp_path: Path) -> None:
    text = "---\ntitle: a\nimage: /img/a.png\n---\n![a](/img/a.png)\n"
    site = write_site(
        tmp_path / "s",
        {"_config.yml": "title: s\n", "_posts/2025-04-01-a.md": text, "img/a.png": make_picture("red", "blue", (4, 3))},
    )
    import_archive(site)
    export_posts(tmp_path / "out", layout="obsidian")
    Post.objects.all().delete()
    Source.objects.all().delete()

    import_archive(tmp_path / "out", dialect="obsidian")

    post = Post.objects.get()
    assert post.cover is not None
    assert f'src="{post.cover.url}"' in post.body_html


def test_a_tree_of_categories_is_written_side_by_side_in_another_layout_and_comes_back_as_a_tree(tmp_path: Path) -> None:
    site = {
        "_config.yml": "title: s\npermalink: :year/:title/\nsource_dir: source\nnew_post_name: :title.md\n",
        "package.json": '{"dependencies": {"hexo": "^7"}, "hexo": {}}',
        "source/_posts/a.md": "---\ntitle: a\ndate: 2024-10-01 10:00:00\ncategories: [技術, 道具]\n---\n本文\n",
    }
    import_archive(write_site(tmp_path / "s", site))

    export_posts(tmp_path / "out", layout="hugo")

    assert "categories: [技術, 道具]" in (tmp_path / "out/content/posts/a.md").read_text(encoding="utf-8")
    Post.objects.all().delete()
    import_archive(tmp_path / "out", source_name="again")
    assert [category.full_slug for category in Post.objects.get().categories.all()] == ["技術/道具"]


def test_other_titles_of_a_note_do_not_become_addresses_in_another_layout(tmp_path: Path) -> None:
    note = "---\npublish: true\naliases: [覚え書き]\n---\n本文と[[ない頁]]\n"
    import_archive(write_site(tmp_path / "s", {".obsidian/app.json": "{}", "メモ.md": note}))

    receipt = export_posts(tmp_path / "out", layout="jekyll")
    text = next((tmp_path / "out").rglob("*.md")).read_text(encoding="utf-8")

    assert "alternative_titles: [覚え書き]" in text
    assert text.endswith("本文とない頁\n")
    assert [(finding.code, finding.line) for finding in receipt.findings] == [("reference-unresolved", 5)]


def test_the_command_keeps_no_statements_in_memory(site: Path, settings: Any) -> None:
    settings.DEBUG = True
    log = connection.queries_log

    call_command("import_posts", str(site), verbosity=0)

    assert connection.queries_log is log
    assert not any("INSERT" in entry["sql"] and "articles_post" in entry["sql"] for entry in log)
