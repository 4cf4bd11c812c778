"""A table leaves the desk, is edited in a workbook, comes back, is looked at and confirmed, all in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Browser, Page, expect

from articles.admin import tables
from articles.editorial import versions, workflow
from articles.models import Author, Category, Post, TableImport
from tests.browser.test_admin_browser import refused_by_policy, sign_in
from tests.browser.waiting import click_through, follow, is_wide, run_axe, settle
from tests.people import make_person

pytestmark = pytest.mark.browser
OUTPUT = Path(__file__).resolve().parents[2] / "test-output" / "tables"
TITLES = (
    "記事はどこに住むのか",
    "電力需要の見通し、三つの前提で読む",
    "=二文字の検索はなぜ難しいか",
    "住所を変えない、という約束",
)


@pytest.fixture
def problems(page: Page) -> list[str]:
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def make_posts(owner: Any) -> list[Post]:
    desk = Author.objects.create(name="山田　太郎")
    section = Category.objects.create(name="AI", parent=Category.objects.create(name="技術動向"))
    return [
        workflow.save_post(
            Post(),
            owner,
            {
                "title": title,
                "path": f"/{number}/",
                "body": "本文。\n",
                "authors": [desk],
                "categories": [section],
                "tags": ["検索", "東京、大阪"],
                "description": "二文字の語でも見つかる索引の作り方を、はじめから順に説明する。",
            },
        )
        for number, title in enumerate(TITLES)
    ]


def test_a_table_goes_out_is_edited_and_comes_back_by_keyboard(
    page: Page, live_site: Any, problems: list[str], media_root: Any, tmp_path: Path
) -> None:
    posts = make_posts(make_person("publisher"))
    sign_in(page, live_site, "publisher")
    page.goto(f"{live_site.url}/admin/articles/post/")
    follow(page.get_by_role("link", name="表に書き出す"))
    expect(page.locator("main, #content").first).to_contain_text("4件を書き出します。")
    with page.expect_download() as started:
        page.get_by_role("button", name="書き出す").press("Enter")
    path = tmp_path / "posts.xlsx"
    started.value.save_as(path)

    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    headings = {cell.value.partition("[")[2][:-1]: cell.column for cell in sheet[1]}
    lines = {sheet.cell(row, headings["id"]).value: row for row in range(2, 6)}
    first, second = (lines[post.pk] for post in posts[:2])
    sheet.cell(first, headings["title"]).value = "記事はいつ、どこに住むのか"
    sheet.cell(first, headings["tags"]).value = '検索、"東京、大阪"、引っ越し'
    sheet.cell(second, headings["published_at"]).value = "2025年11月25日 午後4時42分"
    sheet.cell(lines[posts[3].pk], headings["path"]).value = "/admin/x/"
    book.save(path)

    page.goto(f"{live_site.url}/admin/articles/post/")
    follow(page.get_by_role("link", name="表を取り込む"))
    page.set_input_files('input[type="file"]', path)
    follow(page.get_by_role("button", name="比べる"))
    page.wait_for_url("**/tableimport/**")
    expect(page.locator(".decision .summary")).to_contain_text("2行を書き込みます。")
    expect(page.locator(".decision .summary")).to_contain_text("1行は採れません。")
    row = page.locator(f"#row-{first}")
    expect(row.locator("ins").first).to_have_text("いつ、")
    expect(row).to_contain_text("新しくできるタグ：引っ越し")
    expect(page.locator(f"#row-{lines[posts[3].pk]}")).to_contain_text("サイト自身が使う住所")
    assert not Post.objects.filter(title__startswith="記事はいつ").exists()

    follow(page.get_by_role("button", name="この行を書き込む"))
    expect(page.locator(".messagelist")).to_contain_text("2行を書き込みました。")
    for post in posts:
        post.refresh_from_db()
    assert posts[0].title == "記事はいつ、どこに住むのか"
    assert [tag.name for tag in versions.ordered_tags(posts[0])] == ["検索", "東京、大阪", "引っ越し"]
    assert posts[1].published_at is not None
    assert posts[1].published_at.isoformat() == "2025-11-25T07:42:00+00:00"
    assert (posts[2].title, posts[3].path) == ("=二文字の検索はなぜ難しいか", "/3/")
    assert refused_by_policy(problems) == []


def test_a_long_import_goes_on_by_itself_until_it_is_done(
    page: Page, live_site: Any, problems: list[str], media_root: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(tables, "STEP_SECONDS", -1.0)
    make_person("publisher")
    sign_in(page, live_site, "publisher")
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"title": f"題{number}", "path": f"/{number}/"} for number in range(45)]))
    page.goto(f"{live_site.url}/admin/articles/post/import/")
    page.set_input_files('input[type="file"]', path)
    click_through(page.get_by_role("button", name="比べる"))
    page.get_by_role("button", name="この行を書き込む").click()
    # One page after the other, a row or two each.
    expect(page.locator(".decision .summary")).to_contain_text("45行を書き込みました。", timeout=120_000)
    assert Post.objects.count() == 45
    assert refused_by_policy(problems) == []


def test_nothing_in_a_table_runs_in_the_preview(
    page: Page, live_site: Any, problems: list[str], media_root: Any, tmp_path: Path
) -> None:
    make_person("publisher")
    sign_in(page, live_site, "publisher")
    page.add_init_script("window.__pwn = value => (window.__hits = (window.__hits || []).concat(value));")
    evil = '"><img src=x onerror=__pwn(1)><script>__pwn(2)</script>{{7*7}}<svg/onload=__pwn(3)>'
    path = tmp_path / "a.json"
    rows = [
        {"title": evil, "path": "/a/", "description": evil, "tags": [evil]},
        {"title": "x", "published_at": evil, "authors": evil},
    ]
    path.write_text(json.dumps(rows))
    page.goto(f"{live_site.url}/admin/articles/post/import/")
    page.set_input_files('input[type="file"]', path)
    click_through(page.get_by_role("button", name="比べる"))
    page.wait_for_url("**/tableimport/**")
    expect(page.locator("#row-1")).to_contain_text("onerror")
    click_through(page.get_by_role("button", name="この行を書き込む"))
    page.wait_for_load_state("networkidle")
    for address in ("tableimport/", f"post/{Post.objects.get().pk}/history/", "post/", "tag/"):
        page.goto(f"{live_site.url}/admin/articles/{address}")
        assert page.evaluate("window.__hits || []") == []
    heading = tmp_path / "b.csv"
    heading.write_text(f'title,"{evil.replace(chr(34), chr(34) * 2)}"\na,b\n')
    page.goto(f"{live_site.url}/admin/articles/post/import/")
    page.set_input_files('input[type="file"]', heading)
    click_through(page.get_by_role("button", name="比べる"))
    expect(page.locator(".errorlist").first).to_be_visible()
    assert page.evaluate("window.__hits || []") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_of_tables_fits_its_window_and_can_be_read_by_everybody(
    browser: Browser, live_site: Any, media_root: Any, tmp_path: Path, scheme: Any
) -> None:
    posts = make_posts(make_person("publisher"))
    rows = [
        {"id": posts[0].pk, "title": "記事はいつ、どこに住むのか", "description": ""},
        {"id": posts[1].pk, "body": "本文。\n" * 40 + "長い本文の終わり。", "tags": ["検索", "引っ越し"]},
        {"id": posts[2].pk, "title": posts[2].title},
        {"id": 999_999, "title": "とても長い題" * 20},
        {"title": "新しい記事", "state": "published", "published_at": "2099-01-01"},
        {"id": posts[3].pk, "version": "v1", "title": "書き出したあとに変わった記事"},
    ]
    path = tmp_path / "秋の直し.json"
    path.write_text(json.dumps(rows))
    OUTPUT.mkdir(parents=True, exist_ok=True)
    complaints: dict[str, Any] = {}
    for width, height in ((390, 844), (1280, 900)):
        context = browser.new_context(
            locale="ja-JP", viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=True
        )
        page = context.new_page()
        sign_in(page, live_site, "publisher")

        def look(name: str, page: Page = page, width: int = width) -> None:
            settle(page)
            page.screenshot(path=OUTPUT / f"{name}-{width}-{scheme}.png", full_page=True)
            assert not is_wide(page), f"{name} is wider than {width}"
            # Django's own pages have their own faults; what is checked is what this product adds.
            checked = {"include": [["#content"]], "exclude": [["#changelist"], ["#toolbar"]]}
            if violations := run_axe(page, context=checked):
                complaints[f"{name} {width}"] = [
                    (rule["id"], [node["html"][:160] for node in rule["nodes"]][:3]) for rule in violations
                ]

        page.goto(f"{live_site.url}/admin/articles/post/")
        look("list")
        page.goto(f"{live_site.url}/admin/articles/post/export/")
        look("export")
        page.goto(f"{live_site.url}/admin/articles/post/import/")
        look("upload")
        page.set_input_files('input[type="file"]', path)
        click_through(page.get_by_role("button", name="比べる"))
        page.wait_for_url("**/tableimport/**")
        look("preview")
        run = TableImport.objects.latest("pk")
        TableImport.objects.filter(pk=run.pk).update(state="applying")
        page.route("**/js/steps.js", lambda route: route.abort())
        page.reload()
        look("progress")
        TableImport.objects.filter(pk=run.pk).update(state="planned")
        page.goto(f"{live_site.url}/admin/articles/tableimport/")
        look("imports")
        context.close()
    assert complaints == {}
