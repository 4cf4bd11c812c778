"""The conflict screen in a real browser: decided by keyboard alone, readable by everybody, in both schemes, on a telephone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Browser, Page, expect

from articles.editorial.workflow import save_post
from articles.models import ImportRun, Post
from articles.transfer.importing import import_archive
from tests.browser.waiting import click_through, run_axe, settle
from tests.people import make_person

pytestmark = pytest.mark.browser
OUTPUT = Path(__file__).resolve().parents[2] / "test-output" / "desk"
WINDOWS = {390: 844, 1280: 900}

BASE = """---
title: 市場の朝
date: 2026-10-01 09:00:00 +0900
tags: [市場, 朝]
description: 港の市場を歩く。
# 写真は編集部
mood: 晴れ
---

港の朝は早い。四時には最初の船が戻り、五時には競りが始まる。

仲買人たちは、指の形だけで値を告げる。声を出す者はいない。

## 競りのあと

魚は氷の上に並び、トラックは町へ向かう。

食堂が開くのは六時である。

市場の人は、ここで一日の最初の食事をとる。

## 帰り道

帰りの船は、もう次の漁の支度をしている。
"""


@pytest.fixture
def chief(live_site: Any) -> User:
    person = make_person("publisher", "chief")
    person.groups.add(Group.objects.get(name="importer"))
    return person


@pytest.fixture
def run(chief: User, tmp_path: Path, media_root: Any) -> ImportRun:
    """An import with two conflicts: three places in one text, a title in the other."""
    folder = tmp_path / "港新聞"
    (folder / "_posts").mkdir(parents=True)
    (folder / "_config.yml").write_text("title: 港新聞\ntimezone: Asia/Tokyo\n", encoding="utf-8")
    first, second = folder / "_posts" / "2026-10-01-asa.md", folder / "_posts" / "2026-10-02-yoru.md"
    first.write_text(BASE, encoding="utf-8")
    second.write_text("---\ntitle: 夜の港\n---\n灯台が回る。\n", encoding="utf-8")
    import_archive(folder)
    here = (
        Post.objects.get(title="市場の朝")
        .body.replace("声を出す者はいない。", "声を出す者は一人もいない。")
        .replace("食堂が開くのは六時である。", "食堂が開くのは五時半で、列ができる。")
        .replace("港の朝は早い。", "港の朝はとても早い。")
    )
    save_post(Post.objects.get(title="市場の朝"), chief, {"title": "市場の夜明け", "body": here})
    save_post(Post.objects.get(title="夜の港"), chief, {"title": "夜の港と灯台"})
    there = (
        BASE.replace("市場の朝", "朝の市場")
        .replace("mood: 晴れ", "mood: 薄曇り")
        .replace("声を出す者はいない。", "声は要らない。")
        .replace("食堂が開くのは六時である。", "食堂は六時に開く。")
        .replace("もう次の漁の支度をしている。", "もう次の漁の支度を終えている。")
    )
    first.write_text(there, encoding="utf-8")
    second.write_text("---\ntitle: 夜の波止場\n---\n灯台が回る。\n", encoding="utf-8")
    run = import_archive(folder, user=chief)
    assert run.totals == {"conflict": 2}
    return run


def sign_in(page: Page, site: Any) -> None:
    page.goto(f"{site.url}/admin/login/")
    # On a busy machine the cursor is there later than the page, and what is typed before is lost.
    expect(page.locator("#id_username")).to_be_focused()
    page.keyboard.type("chief")
    page.keyboard.press("Tab")
    page.keyboard.type("x")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.url}/admin/")


def tab_to(page: Page, wanted: str, limit: int = 80) -> None:
    """Presses the tabulator until the focus is on what the selector names."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
    raise AssertionError(f"the tabulator never came to {wanted}")


def enter(page: Page) -> None:
    """Presses Enter on what has the focus, which leads to another page."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_conflicts_are_decided_one_after_the_other_by_keyboard(page: Page, live_site: Any, run: ImportRun) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    sign_in(page, live_site)
    page.goto(f"{live_site.url}/admin/articles/importrun/{run.pk}/change/")
    tab_to(page, "a[href$='/conflicts/']")
    enter(page)
    tab_to(page, "table.conflicts th a")
    enter(page)
    expect(page.locator("h1")).to_have_text("市場の夜明け")
    questions = page.locator("fieldset.merge-question")
    expect(questions).to_have_count(3)

    # Saving too early names what is open; its link leads there.
    tab_to(page, ".merge-bar button.default")
    enter(page)
    expect(page.locator(".merge-head .errornote li")).to_have_count(3)
    tab_to(page, ".merge-head .errornote a")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#."))
    # The first question: the second choice. Then both sides, then one's own words.
    tab_to(page, "input[type=radio]")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    expect(questions.nth(0).locator("input[value=theirs]")).to_be_checked()
    tab_to(page, "input[type=radio]")
    page.keyboard.press("Space")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(questions.nth(1).locator("input[value=theirs_ours]")).to_be_checked()
    tab_to(page, "input[type=radio]")
    page.keyboard.press("ArrowLeft")
    own = questions.nth(2).locator("textarea")
    expect(own).to_be_visible()
    page.keyboard.press("Tab")
    expect(own).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("食堂は五時半に開き、列ができる。")
    tab_to(page, ".merge-end button.default")
    enter(page)

    # The next conflict opens by itself.
    expect(page.locator("h1")).to_have_text("夜の港と灯台")
    post = Post.objects.get(source_path="_posts/2026-10-01-asa.md")
    assert post.title == "朝の市場"
    assert "港の朝はとても早い。" in post.body
    assert "支度を終えている。" in post.body
    assert "声は要らない。\n仲買人たちは、指の形だけで値を告げる。声を出す者は一人もいない。" in post.body
    assert "食堂は五時半に開き、列ができる。" in post.body
    tab_to(page, "button[name=preset][value=ours]")
    enter(page)
    expect(page.locator("input[value=ours]")).to_be_checked()
    tab_to(page, ".merge-bar button.default")
    enter(page)
    page.wait_for_url("**/conflicts/")
    expect(page.locator("table.conflicts .badge.is-update")).to_have_count(2)
    assert Post.objects.get(source_path="_posts/2026-10-02-yoru.md").title == "夜の港と灯台"
    assert [text for text in complaints if "Content Security Policy" in text] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_screen_fits_its_window_and_can_be_read_by_everybody(
    browser: Browser, live_site: Any, run: ImportRun, scheme: Any
) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    item = run.items.order_by("pk").first()
    assert item is not None
    found: dict[str, Any] = {}
    for width, height in WINDOWS.items():
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, locale="ja-JP", bypass_csp=True
        )
        page = context.new_page()
        sign_in(page, live_site)
        for name, address in (("conflicts", "conflicts/"), ("conflict", f"conflicts/{item.pk}/")):
            page.goto(f"{live_site.url}/admin/articles/importrun/{run.pk}/{address}")
            if name == "conflict":
                page.locator("input[value=text]").nth(1).check()
            settle(page)
            page.screenshot(path=OUTPUT / f"{name}-{width}-{scheme}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width}"
            violations = run_axe(page)
            if violations:
                found[f"{name} {width}"] = [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in violations]
        click_through(page.locator(".merge-bar button.default"))
        page.screenshot(path=OUTPUT / f"conflict-open-{width}-{scheme}.png", full_page=True)
        if violations := run_axe(page):
            found[f"open {width}"] = [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in violations]
        page.wait_for_load_state("networkidle")
        context.close()
    assert found == {}


def test_every_choice_can_be_made_without_a_script(browser: Browser, live_site: Any, run: ImportRun) -> None:
    context = browser.new_context(java_script_enabled=False, locale="ja-JP")
    page = context.new_page()
    page.goto(f"{live_site.url}/admin/login/")
    page.fill("input[name=username]", "chief")
    page.fill("input[name=password]", "x")
    click_through(page.locator("[type=submit]"))
    item = run.items.order_by("-pk").first()
    assert item is not None
    page.goto(f"{live_site.url}/admin/articles/importrun/{run.pk}/conflicts/{item.pk}/")
    page.locator("input[value=text]").check()
    page.locator("textarea").fill("灯台の夜")
    click_through(page.locator(".merge-bar button.default"))
    assert Post.objects.get(source_path="_posts/2026-10-02-yoru.md").title == "灯台の夜"
    page.wait_for_load_state("networkidle")
    context.close()
