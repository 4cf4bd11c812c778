"""Exports: what leaves, whole and no more than the user may see; other layouts; receipts; zips sent while they are made."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from articles.editorial import workflow
from articles.findings import RefusedFile
from articles.models import Post, Source
from articles.transfer.exporting import Selection, export_posts, prepare_export, receipts, stream_export
from articles.transfer.exporting.verifying import verify_export
from articles.transfer.importing import import_archive
from tests.factories import PostFactory, make_picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]

SITE = {
    "_config.yml": "title: 新聞\nurl: https://news.example\ntimezone: Asia/Tokyo\npermalink: /:year/:title/\n",
    "_posts/2025-04-01-ichi.md": "---\ntitle: 一\nauthor: 経済班\ntags: [AI, 電力]\nimage: /img/a.png\n---\n"
    "{% highlight python %}\nprint(1)\n{% endhighlight %}\n\n[次]({% post_url 2025-04-02-ni %})と![図](/img/a.png)\n",
    "_posts/2025-04-02-ni.md": "---\ntitle: 二\ncategories: [政策]\n---\n本文。{: .small}\n",
    "img/a.png": make_picture("red", "blue", (4, 3)),
    "img/unused.png": make_picture("blue", "red", (4, 3)),
    "secret/_data.yml": "key: value\n",
}


def write_site(folder: Path, files: dict[str, str | bytes]) -> Path:
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = write_site(tmp_path / "site", SITE)
    import_archive(folder)
    return folder


def person(name: str, group: str) -> User:
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name=group))
    return user


def texts_of(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.md")}


def described() -> list[tuple[Any, ...]]:
    posts = Post.objects.order_by("path")
    return [(post.path, post.title, post.published_at, post.cover and post.cover.sha256) for post in posts]


def stream(**options: Any) -> bytes:
    return b"".join(stream_export(prepare_export(**options)))


def test_a_hugo_site_has_its_configuration_every_address_and_markdown_for_template_code(site: Path, tmp_path: Path) -> None:
    export_posts(tmp_path / "out", layout="hugo")

    config = (tmp_path / "out/hugo.toml").read_text(encoding="utf-8")
    text = (tmp_path / "out/content/posts/ichi.md").read_text(encoding="utf-8")
    assert 'title = "新聞"' in config
    assert 'url: "/2025/ichi/"' in text
    assert "date: 2025-04-01T00:00:00+09:00" in text
    assert "```python\nprint(1)\n```" in text
    assert "[次](/2025/ni/)と![図](/img/a.png)" in text
    assert (tmp_path / "out/static/img/a.png").read_bytes() == SITE["img/a.png"]


def test_links_to_the_old_site_are_named_where_a_layout_cannot_say_that_it_is_its_own(tmp_path: Path) -> None:
    files = dict(SITE) | {"_posts/2025-04-03-san.md": "---\ntitle: 三\n---\n\n[次](https://News.example/2025/ni)\n"}
    import_archive(write_site(tmp_path / "site", files))
    named = {}
    for layout in ("plain", "jekyll"):
        receipt = export_posts(tmp_path / layout, layout=layout)
        found = [(entry.post, finding) for entry in receipt.entries for finding in entry.findings]
        named[layout] = [(post, finding.line) for post, finding in found if finding.code == "own-host-kept"]
    assert named == {"plain": [("/2025/san/", 5)], "jekyll": []}


@pytest.mark.parametrize("layout", ["jekyll", "hugo", "obsidian", "zenn", "hexo", "plain"])
def test_a_site_that_went_out_in_a_layout_comes_in_again_saying_the_same(site: Path, tmp_path: Path, layout: str) -> None:
    wanted = [
        (post.path, post.title, post.published_at, post.cover and post.cover.sha256) for post in Post.objects.order_by("path")
    ]
    export_posts(tmp_path / "out", layout=layout, selection=Selection(states=("published",)))
    Post.objects.all().delete()
    Source.objects.all().delete()

    import_archive(tmp_path / "out", dialect=layout, timezone="Asia/Tokyo", source_name="again")

    assert described() == wanted
    first = Post.objects.get(title="一")
    assert set(first.tags.values_list("name", flat=True)) == {"AI", "電力"}
    assert [author.name for author in first.authors.all()] == ["経済班"]
    assert 'href="/2025/ni/"' in first.body_html
    assert "print" in first.body_html


def test_a_text_whose_layout_is_its_dialect_is_not_touched(site: Path, tmp_path: Path) -> None:
    export_posts(tmp_path / "out", layout="jekyll", selection=Selection(tag="AI"))

    text = (tmp_path / "out/_posts/2025-04-01-ichi.md").read_text(encoding="utf-8")
    assert text.endswith(str(SITE["_posts/2025-04-01-ichi.md"]).split("---\n")[2])
    assert 'permalink: "/2025/ichi/"' in text or "permalink: /2025/ichi/" in text


def test_a_selection_takes_the_files_that_its_posts_show_and_no_others(site: Path, tmp_path: Path) -> None:
    receipt = export_posts(tmp_path / "out", selection=Selection(tag="AI"))

    assert set(receipt.files) == {"_posts/2025-04-01-ichi.md", "img/a.png"}


@pytest.mark.parametrize(
    ("selection", "titles"),
    [
        (Selection(tag="ＡＩ"), {"一"}),
        (Selection(author="経済班"), {"一"}),
        (Selection(category="政策"), {"二"}),
        (Selection(since=date(2025, 4, 2)), {"二"}),
        (Selection(until=date(2025, 4, 1)), {"一"}),
        (Selection(paths=("/2025/ichi/",)), {"一"}),
        (Selection(paths=("/2025/*",)), {"一", "二"}),
        (Selection(states=("published",), source="news.example"), {"一", "二"}),
    ],
)
def test_posts_are_chosen_by_what_they_are(site: Path, selection: Selection, titles: set[str]) -> None:
    with zipfile.ZipFile(io.BytesIO(stream(selection=selection, layout="hugo"))) as archive:
        read = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".md")]
    assert {text.split("title: ")[1].split("\n")[0] for text in read} == titles
    assert Selection.from_json(selection.as_json()) == selection


@pytest.mark.parametrize("wrong", [{"tag": "無い"}, {"author": "無い"}, {"category": "無い"}, {"source": "無い"}])
def test_a_name_that_does_not_exist_is_refused_with_those_that_do(site: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(RefusedFile, match="無い"):
        prepare_export(Selection(**wrong))  # type: ignore[arg-type]


def test_an_author_exports_only_their_own_and_never_a_site_file(site: Path, tmp_path: Path) -> None:
    author = person("author", "author")
    own = PostFactory(title="私の原稿", owner=author, state="draft")

    receipt = export_posts(tmp_path / "out", user=author)

    assert [entry.post for entry in receipt.entries if entry.post] == [own.path]
    assert not any("secret" in path or "_config" in path or "unused" in path for path in receipt.files)
    with pytest.raises(RefusedFile):
        prepare_export(Selection(source="news.example"), user=author)


def test_who_may_not_export_is_refused(site: Path) -> None:
    with pytest.raises(PermissionDenied):
        prepare_export(user=User.objects.create_user("reader"))


def test_a_withdrawn_post_leaves_as_a_draft_and_the_receipt_says_so(tmp_path: Path) -> None:
    PostFactory(state="withdrawn", slug="x")

    receipt = export_posts(tmp_path / "out", layout="hugo")

    text = (tmp_path / "out/content/posts/x.md").read_text(encoding="utf-8")
    assert "draft: true" in text
    assert "editorial_state: withdrawn" in text
    assert "state-as-draft" in {finding.code for finding in receipt.findings}


def test_what_has_expired_here_does_not_become_public_where_nothing_expires(tmp_path: Path) -> None:
    PostFactory(slug="x", expires_at=datetime(2020, 1, 1, tzinfo=UTC))

    receipt = export_posts(tmp_path / "out", layout="jekyll")

    assert "published: false" in next(iter(texts_of(tmp_path / "out").values()))
    assert "expired-as-draft" in {finding.code for finding in receipt.findings}


def test_code_for_another_generator_is_read_and_not_run(tmp_path: Path) -> None:
    PostFactory(slug="x", body="{% include secret.html %} と {{< figure >}}", features=[])
    export_posts(tmp_path / "jekyll", layout="jekyll")
    export_posts(tmp_path / "hugo", layout="hugo")

    assert "render_with_liquid: false" in next(iter(texts_of(tmp_path / "jekyll").values()))
    assert "{{</* figure */>}}" in (tmp_path / "hugo/content/posts/x.md").read_text(encoding="utf-8")


def test_what_reads_otherwise_is_named_with_its_line(tmp_path: Path) -> None:
    body = "一行目。\n\n{{< unknown-thing >}}\n"
    PostFactory(slug="x", body=body, features=["shortcodes"], dialect="hugo", renderer_version=0)

    receipt = export_posts(tmp_path / "out", layout="jekyll")

    assert [(finding.code, finding.line) for finding in receipt.entries[-1].findings][:1] == [("foreign-template-code", 3)]


def test_a_link_to_a_public_post_that_stays_leads_to_the_live_site(site: Path, tmp_path: Path) -> None:
    export_posts(tmp_path / "out", layout="hugo", selection=Selection(tag="AI"))

    assert "[次](http://testserver/2025/ni/)" in (tmp_path / "out/content/posts/ichi.md").read_text(encoding="utf-8")


def test_two_posts_of_one_name_and_reserved_names_get_names_of_their_own(tmp_path: Path) -> None:
    for number, title in enumerate(("同じ題", "同じ題", "CON", "長い題" * 100, "が" * 90 + "\u3099")):
        PostFactory(title=title, slug=f"s{number}", path=f"/{number}/")

    receipt = export_posts(tmp_path / "out", layout="obsidian")

    notes = sorted(entry.path for entry in receipt.entries if entry.post)
    assert {"同じ題.md", "同じ題-2.md", "CON_.md"} <= set(notes)
    assert all(len(path.encode()) <= 255 for path in notes)
    assert len({path.casefold() for path in notes}) == 5


def test_the_same_content_gives_the_same_zip_and_the_receipt_lies_beside_it(site: Path, tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        call_command("export_posts", str(tmp_path / name), layout="hugo", zip=True, verbosity=0)

    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    receipt = json.loads((tmp_path / f"a.zip{receipts.SUFFIX}").read_text(encoding="utf-8"))
    assert receipt["layout"] == "hugo"
    assert len(receipt["content_digest"]) == 64
    assert receipt["totals"]["posts"] == 2
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert {entry["path"] for entry in receipt["files"]} == set(archive.namelist())


def test_a_streamed_zip_ends_with_its_receipt_which_an_import_passes_over(site: Path, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(stream())

    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist()[-1] == receipts.NAME
    assert verify_export(tmp_path / "x.zip").is_whole
    before = set(Source.objects.get().files.values_list("path", flat=True))
    import_archive(tmp_path / "x.zip")
    assert set(Source.objects.get().files.values_list("path", flat=True)) == before


def test_a_zip_that_breaks_off_is_taken_for_a_whole_one_by_nobody(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export = prepare_export(layout="hugo")
    members = export.parts[0].members

    def break_off() -> Iterator[Any]:
        yield from [member for _number, member in zip(range(6), members(), strict=False)]
        raise RuntimeError("the database went away")

    monkeypatch.setattr(export.parts[0], "members", break_off)
    sent = io.BytesIO()
    with pytest.raises(RuntimeError):
        sent.writelines(stream_export(export))
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(sent)


def test_a_caller_that_stops_early_ends_the_export(site: Path) -> None:
    sending = stream_export(prepare_export())
    next(sending)
    sending.close()  # type: ignore[attr-defined]

    assert list(sending) == []


def test_verifying_finds_what_was_changed_added_and_taken_away(site: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    call_command("export_posts", str(target), layout="hugo", verbosity=0)
    assert verify_export(target).is_whole
    assert verify_export(target).is_current

    (target / "hugo.toml").write_text("x")
    (target / "new.md").write_text("x")
    (target / "content/posts/ni.md").unlink()
    found = verify_export(target)
    assert (found.changed, found.added, found.missing) == (["hugo.toml"], ["new.md"], ["content/posts/ni.md"])
    with pytest.raises(CommandError):
        call_command("verify_export", str(target))


def test_verifying_says_when_the_site_has_changed_since(site: Path, tmp_path: Path) -> None:
    call_command("export_posts", str(tmp_path / "out"), layout="hugo", verbosity=0)
    Post.objects.filter(title="二").update(description="新しい説明")

    found = verify_export(tmp_path / "out")

    assert found.is_whole
    assert found.site_changed == ["content/posts/ni.md"]


def test_a_file_that_is_gone_from_the_disk_is_named_and_the_rest_leaves(site: Path, tmp_path: Path, settings: Any) -> None:
    original = next(
        path for path in (Path(settings.PRIVATE_ROOT) / "originals").rglob("*") if path.is_file() and path.stat().st_size
    )
    original.unlink()

    with pytest.raises(CommandError, match="1"):
        call_command("export_posts", str(tmp_path / "out"), verbosity=0)

    receipt = json.loads((tmp_path / f"out{receipts.SUFFIX}").read_text(encoding="utf-8"))
    assert [finding["code"] for finding in receipt["findings"]] == ["file-missing"]


@pytest.mark.parametrize("layout", ["original", "hugo", "obsidian"])
def test_more_posts_need_no_more_queries(layout: str) -> None:
    counts = []
    for _round in range(2):
        for _number in range(10):
            PostFactory(authors=["経済班"], categories=["政策"], tags=["AI"])
        with CaptureQueriesContext(connection) as queries:
            for _part in stream_export(prepare_export(layout=layout, user=None)):
                pass
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_receipt_names_posts_whose_changes_are_not_published(site: Path, tmp_path: Path) -> None:
    publisher = person("hakkou", "publisher")
    post = Post.objects.get(title="一")
    workflow.save_draft(post, publisher, {"body": post.body + "\n書き足した。\n"}, seen=post.modified_at)
    receipt = export_posts(tmp_path / "out")
    found = [finding for finding in receipt.site_findings if finding.code == "changes-stay"]
    assert [finding.params for finding in found] == [{"count": 1, "paths": post.path}]
    assert (tmp_path / "out/_posts/2025-04-01-ichi.md").read_bytes() == (site / "_posts/2025-04-01-ichi.md").read_bytes()
