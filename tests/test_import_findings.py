"""What an import could not show, resolve or take in is said: with the file, by name, with what to do."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from PIL import Image

from articles.editorial import workflow
from articles.findings import Finding
from articles.markup import render
from articles.markup.document import Rendered
from articles.markup.engines import DEFAULT_FEATURES
from articles.models import ImportRun, Post
from articles.references import MemoryIndex
from articles.transfer.exporting import export_posts
from articles.transfer.importing import import_archive
from articles.transfer.undoing import undo_import
from tests.factories import make_picture
from tests.test_admin import fields, post_url, sign_in
from tests.test_importing import write_site
from tests.test_planning import plan

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]

HUGO = "baseURL = 'https://news.example/'\ntimeZone = 'Asia/Tokyo'\n"


def page(body: str, **values: str) -> str:
    lines = "".join(
        f"{key}: {value}\n" for key, value in ({"title": "記事", "date": "2025-04-01T09:00:00+09:00"} | values).items()
    )
    return f"---\n{lines}---\n{body}\n"


def huge_picture() -> bytes:
    stream = io.BytesIO()
    Image.new("1", (9000, 6000)).save(stream, "PNG")
    return stream.getvalue()


def findings_of(run: ImportRun, path: str) -> list[Finding]:
    return [Finding.from_json(finding) for finding in run.items.get(path=path).findings]


def named(findings: list[Finding], code: str) -> list[str]:
    return [finding.message for finding in findings if finding.code == code]


def draw(text: str, dialect: str = "obsidian", **options: Any) -> Rendered:
    return render(text, features=DEFAULT_FEATURES[dialect], flavour="commonmark", **options)


def codes(rendered: Rendered) -> list[str]:
    return [finding.code for finding in rendered.findings]


# --- pictures


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    files: dict[str, str | bytes] = {
        "hugo.toml": HUGO,
        "content/posts/tabi/index.md": page(
            "![大きい](huge.png)\n\n![無い](nai.png)\n\n![壊れた](broken.png)\n\n![](nameless.png)\n\n![良い](good.png)",
            cover="nai2.jpg",
        ),
        "content/posts/tabi/huge.png": huge_picture(),
        "content/posts/tabi/broken.png": make_picture("#123456", "#abcdef")[:300],
        "content/posts/tabi/good.png": make_picture("#123456", "#abcdef"),
    }
    return write_site(tmp_path / "news", files)


def test_pictures_that_readers_do_not_get_are_named_and_their_text_is_shown(bundle: Path) -> None:
    run = import_archive(bundle)

    found = findings_of(run, "content/posts/tabi/index.md")
    missing, unusable = named(found, "media-missing"), named(found, "media-unusable")
    assert [message.split("”")[0] for message in missing] == ["The cover “nai2.jpg", "“nai.png", "“nameless.png"]
    assert "huge.png" in unusable[0]
    assert "50,000,000 pixels" in unusable[0]
    assert "cannot be decoded" in unusable[1]
    html = Post.objects.get().body_html
    assert 'src=""' not in html
    assert html.count("<img") == 1
    for shown in ("大きい", "無い", "壊れた", "nameless.png"):
        assert f'<span class="unresolved missing-picture">{shown}</span>' in html
        assert shown not in Post.objects.get().plain_text
    assert {"media-missing", "media-unusable"} <= {finding["code"] for finding in Post.objects.get().findings}


def test_the_command_names_the_pictures_in_its_summary_and_in_json(bundle: Path, tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("import_posts", str(bundle), report=tmp_path / "report.json", stdout=out)

    assert "nai.png" in out.getvalue()
    assert "huge.png" in out.getvalue()
    [item] = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["items"]
    assert {"media-missing", "media-unusable"} <= {finding["code"] for finding in item["findings"]}


def test_a_plan_foresees_which_pictures_readers_will_not_get(bundle: Path) -> None:
    files = {str(path.relative_to(bundle)): path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    from_plan = plan(None, files)

    found = findings_of(from_plan, "content/posts/tabi/index.md")
    assert any("huge.png" in message for message in named(found, "media-unusable"))
    assert len(named(found, "media-missing")) == 3


def test_a_picture_that_comes_later_is_shown_and_no_longer_missed(bundle: Path) -> None:
    import_archive(bundle)
    (bundle / "content/posts/tabi/nai.png").write_bytes(make_picture("#222222", "#dddddd"))
    import_archive(bundle)

    post = Post.objects.get()
    assert post.body_html.count("<img") == 2
    assert not any(finding["params"].get("path") == "nai.png" for finding in post.findings)


def test_a_link_to_a_file_that_readers_do_not_get_is_its_text(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        ".obsidian/app.json": "{}",
        "記事.md": page("[[表.xls]] ![[表.xls]] [表](表.xls)", publish="true"),
        "表.xls": b"\xd0\xcf\x11\xe0" + bytes(600),
    }
    run = import_archive(write_site(tmp_path / "vault", files))

    html = Post.objects.get().body_html
    assert html.count('class="unresolved"') == 3
    assert 'href=""' not in html
    assert named(findings_of(run, "記事.md"), "media-unusable")


def test_pictures_of_other_hosts_are_counted() -> None:
    rendered = draw("![外の絵|100](https://example.com/a.png) ![二つ目](https://example.com/b.png)")

    [finding] = [finding for finding in rendered.findings if finding.code == "pictures-elsewhere"]
    assert finding.severity == "info"
    assert finding.params == {"count": 2}


def test_a_file_of_the_site_itself_is_no_missing_picture() -> None:
    index = MemoryIndex(static_url="/static/")
    rendered = draw("![印](/static/img/mark.svg)", resolver=index.resolver("a.md", "/a/"))

    assert '<img src="/static/img/mark.svg"' in rendered.html
    assert codes(rendered) == []


# --- code of Obsidian's plugins


@pytest.mark.parametrize("language", ["dataview", "dataviewjs", "query", "button"])
def test_a_block_that_a_plugin_draws_stays_visible_marked_and_reported(language: str) -> None:
    rendered = draw(f"前\n\n```{language}\nLIST FROM #本\n```\n")

    assert '<pre class="template-code"' in rendered.html
    assert "LIST FROM #本" in rendered.html
    [finding] = rendered.findings
    assert (finding.code, finding.params["name"], finding.line) == ("unknown-template-code", language, 3)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("名は `= this.file.name`。", "dataview"),
        ("`$= dv.pages().length` 件", "dataview"),
        ("`$= 1 + 1` 件", "dataview"),
        ("`=dv.current()`", "dataview"),
        ("`= [[蔵書]].pages`", "dataview"),
        ('`= this["分類"]`', "dataview"),
        ('`=dateformat(this.day, "yyyy")`', "dataview"),
        ("`= choice(true, 1, 2)`", "dataview"),
        ("`= date(today)`", "dataview"),
        ("``= length([[蔵書]].file.inlinks)``", "dataview"),
        ("<% tp.file.title %>", "tp.file.title"),
        ("<%* const a = 1 %>", "const"),
        ("![[図.canvas]]", "canvas"),
        ("![[図.excalidraw]]", "excalidraw"),
    ],
)
def test_code_in_a_line_stays_visible_marked_and_reported(text: str, name: str) -> None:
    rendered = draw(text)

    assert '<span class="template-code">' in rendered.html
    assert [(finding.code, finding.params["name"]) for finding in rendered.findings] == [("unknown-template-code", name)]


@pytest.mark.parametrize(
    "text",
    [
        *("評価:: 良い", "`=>` `==` `= 1`", "```python\nx = 1\n```", "`<% tp.x %>`", "5 <% 6"),
        *("合計は`=SUM(A1:A3)`。", "`=IF(A1>0, 1, 2)`", "`=VLOOKUP(x)` `=Date(2024,1,1)`", "`= foo(1)`", "`=summary(x)`"),
        *("`= this` `=thisness.x`", "`$=` `$=>` `$==`", "`= dvd.x`", "`=f(x)`", "`=A1+this.x`"),
    ],
)
def test_what_is_no_plugins_code_stays_as_it_was(text: str) -> None:
    rendered = draw(text)

    assert "template-code" not in rendered.html
    assert codes(rendered) == []


def test_only_texts_of_a_vault_are_read_so() -> None:
    assert "template-code" not in draw("```query\na\n```\n\n<% x %>", "hugo").html


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_tasks_that_are_cancelled_or_postponed_are_not_done(gap: str) -> None:
    html = draw(gap.join(["- [-] やめた", "- [>] あとで", "- [x] 済んだ", "- [ ] これから", "- [?] 疑わしい"])).html

    boxes = [part.split(">")[0] for part in html.split("<input")[1:]]
    names = [box.split('aria-label="')[1].split('"')[0] for box in boxes]
    assert names == ["中止", "先送り", "完了", "未完了", "未完了"]
    assert ["checked" in box for box in boxes] == [False, False, True, False, False]
    assert html.count('<span class="task-state" aria-hidden="true">') == 2
    assert "[?]" in html


def test_what_looks_like_a_task_in_indented_code_stays_as_it_is() -> None:
    assert "- [-] x" in draw("前\n\n    - [-] x\n").html


# --- what does not become a post


def run_findings(run: ImportRun, code: str) -> list[str]:
    return [finding["message"] for finding in run.findings if finding["code"] == code]


def test_texts_in_another_markup_are_named_with_the_address_that_is_lost(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "hugo.toml": HUGO,
        "content/posts/a.md": page("本文"),
        "content/posts/org.org": "#+title: 題\n#+slug: kochira\n\n本文\n",
        "content/posts/asc.adoc": "= 題\n\n本文\n",
        "content/posts/re.rst": "題\n==\n",
        "content/posts/pan.pandoc": "% 題\n",
    }
    site = write_site(tmp_path / "news", files)
    run = import_archive(site)
    planned = plan(None, files)

    for messages in (run_findings(run, "not-a-post"), run_findings(planned, "not-a-post")):
        assert len(messages) == 4
        for path, address in (("asc.adoc", "asc"), ("org.org", "kochira"), ("pan.pandoc", "pan"), ("re.rst", "re")):
            [message] = [message for message in messages if f"content/posts/{path}" in message]
            assert f"“/posts/{address}/” is lost" in message
            assert "another markup language" in message


def test_an_address_that_a_date_decides_is_not_made_up(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "hugo.toml": HUGO + "[permalinks]\nposts = '/:year/:slug/'\n",
        "content/posts/a.md": page("本文"),
        "content/posts/b.adoc": "= 題\n",
    }
    run = import_archive(write_site(tmp_path / "news", files))

    [message] = run_findings(run, "not-a-post")
    assert "is lost" not in message


def test_drawings_and_canvases_of_a_vault_are_named(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        ".obsidian/app.json": "{}",
        "記事.md": page("本文"),
        "図.excalidraw.md": "# Text",
        "板.canvas": "{}",
    }
    run = import_archive(write_site(tmp_path / "vault", files))

    assert [message.split("”")[0] for message in run_findings(run, "not-a-post")] == ["“図.excalidraw.md", "“板.canvas"]


def test_files_that_are_left_out_for_one_reason_are_one_line(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"_config.yml": "timezone: Asia/Tokyo\n", "_posts/2025-04-01-a.md": page("本文")}
    files |= {f"__MACOSX/_posts/._{number}.md": b"\0\5\x16\7" for number in range(60)}
    files |= {"a/.DS_Store": b"x", "b/.DS_Store": b"x", "Thumbs.db": b"x", "node_modules/x/a.md": "x", ".env": "x"}
    run = plan(None, files)

    lines = run_findings(run, "skipped")
    assert len(lines) == len(set(lines)) <= 5
    [macos] = [line for line in lines if "__MACOSX" in line]
    assert macos.startswith("63 files such as")
    assert any("“.env” is left out" in line for line in lines)


# --- what findings say agrees with what stands beside them


def test_a_slug_is_said_to_become_what_stands_in_the_address(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"hugo.toml": HUGO, "content/posts/a.md": page("本文", slug="a/b c")}
    run = import_archive(write_site(tmp_path / "news", files))

    item = run.items.get()
    assert item.permalink == "/posts/a/b-c/"
    assert named(findings_of(run, item.path), "slug-changed") == [
        "In the address the slug “a/b c” became “a/b-c”, as Hugo writes it."
    ]


def test_a_page_that_had_no_address_is_not_said_to_have_none_here(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "hugo.toml": HUGO,
        "content/posts/tabi/index.md": page("本文"),
        "content/posts/tabi/note.md": page("覚え書き"),
        "content/posts/c.md": page("本文", _build="{render: never, list: never}"),
    }
    run = import_archive(write_site(tmp_path / "news", files))

    for path in ("content/posts/tabi/note.md", "content/posts/c.md"):
        [message] = named(findings_of(run, path), "not-rendered")
        assert run.items.get(path=path).permalink
        assert "opens only if somebody publishes it here" in message


@pytest.mark.parametrize(
    ("config", "content", "key"),
    [
        ("_config.yml", "title: x\n", "timezone: Asia/Tokyo"),
        ("hugo.toml", "baseURL = 'https://news.example/'\n", 'timeZone = "Asia/Tokyo"'),
    ],
)
def test_an_assumed_time_zone_comes_with_its_remedy(tmp_path: Path, config: str, content: str, key: str) -> None:
    folder = "_posts/2025-04-01-a.md" if config == "_config.yml" else "content/a.md"
    run = import_archive(write_site(tmp_path / "news", {config: content, folder: page("本文")}))

    [message] = run_findings(run, "zone-assumed")
    assert key in message
    assert "--time-zone Asia/Tokyo" in message
    assert "Time zone" in message


# --- links


def test_links_that_lead_to_nothing_are_named_with_their_post_and_counted(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        ".obsidian/app.json": "{}",
        "記事.md": page(
            "[[ないノート]] [[ある]] [[下書き]] [ない](nai.md) [ある](ある.md) [一覧](/tags/) ![[無い.png]]", publish="true"
        ),
        "ある.md": page("本文", publish="true"),
        "下書き.md": page("本文"),
    }
    run = import_archive(write_site(tmp_path / "vault", files))

    [message] = named(findings_of(run, "記事.md"), "links-unresolved")
    assert "2 targets" in message
    assert "ないノート、nai.md" in message
    assert run_findings(run, "links-unresolved")[0].startswith("2 links in 1 posts")
    assert not named(findings_of(run, "ある.md"), "links-unresolved")


def test_references_in_template_code_count_as_well(tmp_path: Path) -> None:
    hugo: dict[str, str | bytes] = {
        "hugo.toml": HUGO,
        "content/posts/a.md": page('[x]({{< ref "nai.md" >}}) [y]({{< relref "b.md" >}})'),
        "content/posts/b.md": page("本文"),
    }
    jekyll: dict[str, str | bytes] = {
        "_config.yml": "timezone: Asia/Tokyo\n",
        "_posts/2025-04-01-a.md": page("[x]({% post_url 2020-01-01-nai %}) [y]({% post_url 2025-04-02-b %})"),
        "_posts/2025-04-02-b.md": page("本文"),
    }
    for name, files, path, target in (
        ("hugo", hugo, "content/posts/a.md", "nai.md"),
        ("jekyll", jekyll, "_posts/2025-04-01-a.md", "2020-01-01-nai"),
    ):
        run = import_archive(write_site(tmp_path / name, files))
        [message] = named(findings_of(run, path), "links-unresolved")
        assert message.startswith(f"1 targets of links are not here, so the links are shown as text: {target}.")


def test_many_targets_are_bounded_and_the_command_counts_them(tmp_path: Path) -> None:
    body = " ".join(f"[[無い{number}]]" for number in range(30))
    files: dict[str, str | bytes] = {".obsidian/app.json": "{}", "記事.md": page(body, publish="true")}
    out = io.StringIO()
    call_command("import_posts", str(write_site(tmp_path / "vault", files)), stdout=out)

    assert "リンク30件" in out.getvalue()
    assert "無い9…" in out.getvalue()
    assert "無い10" not in out.getvalue()


# --- samples


@pytest.mark.parametrize("stated", ["", "permalink: /about/\n"])
def test_an_address_that_a_sample_post_has_comes_with_the_samples_import_and_the_remedy(tmp_path: Path, stated: str) -> None:
    files: dict[str, str | bytes] = {
        "_config.yml": "timezone: Asia/Tokyo\npermalink: pretty\n",
        "about.md": f"---\ntitle: この新聞\n{stated}---\n案内\n",
    }
    samples = import_archive(write_site(tmp_path / "samples", files), source_name="sample-jekyll")
    files["about.md"] = f"---\ntitle: うちの新聞\n{stated}---\n別の案内\n"
    run = import_archive(write_site(tmp_path / "ours", files), source_name="ours")

    [message] = named(findings_of(run, "about.md"), "sample-in-the-way")
    assert f"import {samples.pk}, “sample-jekyll”" in message
    assert "--data" in message
    if not stated:
        undo_import(run, None)
    undo_import(samples, None)
    again = import_archive(tmp_path / "ours", source_name="ours")
    assert again.items.get(path="about.md").permalink == "/about/"
    assert not named(findings_of(again, "about.md"), "sample-in-the-way")


# --- an encoding that does not hold what is written


def bring_shift_jis(tmp_path: Path, **values: str) -> Post:
    files: dict[str, str | bytes] = {
        "_config.yml": "timezone: Asia/Tokyo\n",
        "_posts/2025-04-01-a.md": page("古い編集部の原稿です。", **values).encode("cp932"),
    }
    import_archive(write_site(tmp_path / "news", files))
    post = Post.objects.get()
    assert post.encoding == "cp932"
    return post


def receipt_of(target: Path) -> dict[str, list[str]]:
    receipt = export_posts(target)
    return {entry.path: [finding.code for finding in entry.findings] for entry in receipt.entries}


@pytest.mark.parametrize("state", ["published", "draft"])
def test_saving_says_which_character_makes_the_whole_file_utf_8(tmp_path: Path, state: str) -> None:
    post = bring_shift_jis(tmp_path, published=str(state == "published").lower())
    client, _person = sign_in("publisher")

    answer = client.post(post_url("change", post.pk), fields(post, body=post.body + "😀と😀\n"), follow=True)

    [said] = [str(message) for message in answer.context["messages"] if "cp932" in str(message)]
    assert "😀" in said
    assert "UTF-8" in said


def test_the_receipt_says_so_and_without_the_character_the_file_is_what_it_was(tmp_path: Path) -> None:
    post = bring_shift_jis(tmp_path)
    body = post.body
    path = post.source_path

    post = workflow.save_post(post, None, {"body": body + "😀\n"})
    assert post.encoding == "utf-8"
    assert "encoding-changed" in {finding["code"] for finding in post.findings}
    assert receipt_of(tmp_path / "out")[path] == ["encoding-changed"]

    post = workflow.save_post(post, None, {"title": "絵文字😀", "body": body})
    assert receipt_of(tmp_path / "again")[path] == ["encoding-changed"]

    post = workflow.save_post(post, None, {"title": "記事", "body": body})
    assert post.encoding == "cp932"
    assert receipt_of(tmp_path / "last")[path] == []
    assert (tmp_path / "last" / path).read_bytes() == (tmp_path / "news" / path).read_bytes()


def test_an_edit_that_fits_says_nothing(tmp_path: Path) -> None:
    post = bring_shift_jis(tmp_path)
    client, _person = sign_in("publisher")
    answer = client.post(post_url("change", post.pk), fields(post, body=post.body + "追記。\n"), follow=True)

    assert not [message for message in answer.context["messages"] if "cp932" in str(message)]


# --- folders of the site's own name, and encodings after a merge


@pytest.mark.parametrize(
    ("files", "target"),
    [
        ({"_config.yml": "timezone: Asia/Tokyo\n"}, "static/img/a.png"),
        ({"hugo.toml": HUGO}, "static/static/img/a.png"),
    ],
)
def test_a_picture_in_a_folder_that_is_called_static_is_shown(tmp_path: Path, files: dict[str, str], target: str) -> None:
    """The site's own files lie below such an address, too: they are asked for last."""
    text = page("![絵](/static/img/a.png) ![別](/static/css/site.css)", image="/static/img/a.png")
    name = "_posts/2025-04-01-a.md" if "_config.yml" in files else "content/posts/a.md"
    run = import_archive(write_site(tmp_path / "site", {**files, name: text, target: make_picture("#123456", "#abcdef")}))
    post = Post.objects.get()
    assert '<img src="/media/' in post.body_html
    assert 'src="/static/css/site.css"' in post.body_html
    assert named(findings_of(run, name), "media-missing") == []
    workflow.save_post(post, None, {"body": post.body + "\n追記。\n"})
    assert '<img src="/media/' in Post.objects.get().body_html


def test_a_merge_that_makes_a_file_utf_8_says_so_and_it_comes_back_without_the_character(tmp_path: Path) -> None:
    words = "こんにちは、世界。今日は天気が良いので散歩に行きました。"
    name = "_posts/2025-01-01-a.md"
    site = write_site(tmp_path / "site", {"_config.yml": "timezone: Asia/Tokyo\n", name: page(words).encode("cp932")})
    import_archive(site)
    post = Post.objects.get()
    workflow.save_post(post, None, {"body": post.body + "🍣\n"})
    (site / name).write_bytes(page(f"序。\n\n{words}").encode("cp932"))
    import_archive(site)
    post = Post.objects.get()
    assert ("序。" in post.body, "🍣" in post.body, post.encoding) == (True, True, "utf-8")
    assert [finding["code"] for finding in post.source_findings] == ["encoding-changed"]
    workflow.save_post(post, None, {"body": post.body.replace("🍣\n", "")})
    post = Post.objects.get()
    assert (post.encoding, post.source_findings) == ("cp932", [])
