"""A post's life at the desk, in a real browser: written, previewed, saved, published, read, withdrawn."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from articles.editorial import versions, workflow
from articles.models import Author, Post
from tests.browser.waiting import choose_found, follow, is_wide
from tests.people import make_person

pytestmark = pytest.mark.browser
PHONE, DESK = {"width": 390, "height": 800}, {"width": 1360, "height": 900}


@pytest.fixture
def problems(page: Page) -> list[str]:
    """What the browser complains about in any window of this test: refused scripts and styles, errors."""
    found: list[str] = []

    def listen(window: Page) -> None:
        window.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
        window.on("pageerror", lambda error: found.append(str(error)))

    listen(page)
    page.context.on("page", listen)
    return found


def sign_in(page: Page, site: Any, name: str) -> None:
    page.goto(f"{site.url}/admin/login/")
    # On a busy machine the cursor is there later than the page, and what is typed before is lost.
    expect(page.locator("#id_username")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type("x")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.url}/admin/")


def press(page: Page, name: str) -> None:
    """Presses a button of the desk by keyboard alone."""
    follow(page.locator(f'.desk-buttons button[value="{name}"]' if name else ".desk-buttons button").first)


def refused_by_policy(problems: list[str]) -> list[str]:
    return [problem for problem in problems if "Content Security Policy" in problem or "violates" in problem]


def test_an_editor_takes_a_post_from_the_first_word_to_its_withdrawal_by_keyboard(
    page: Page, live_site: Any, problems: list[str], media_root: Any
) -> None:
    make_person("publisher")
    sign_in(page, live_site, "publisher")
    page.goto(f"{live_site.url}/admin/articles/post/add/")
    page.locator("#id_title").focus()
    page.keyboard.insert_text("原稿はどこに住むのか")
    page.keyboard.press("Tab")
    expect(page.locator("#id_body")).to_be_focused()
    page.keyboard.insert_text("原稿は**「机の上」**に住む。\n\n## 次の段\n\n- 一\n- 二\n")

    page.locator('.desk-buttons button[formtarget="_blank"]').focus()
    with page.context.expect_page() as opened:
        page.keyboard.press("Enter")
    preview = opened.value
    expect(preview.locator("article h1, main h1").first).to_contain_text("原稿はどこに住むのか")
    expect(preview.locator("strong").first).to_have_text("「机の上」")
    preview.close()
    assert not Post.objects.exists()

    press(page, "")
    post = Post.objects.get()
    assert (post.state, post.body.count("\r")) == ("draft", 0)
    public = f"{live_site.url}{post.get_absolute_url()}"
    reader = page.context.browser.new_context().new_page()  # type: ignore[union-attr]
    assert reader.goto(public).status == 404  # type: ignore[union-attr]

    press(page, "publish")
    assert reader.goto(public).status == 200  # type: ignore[union-attr]
    expect(reader.locator("main")).to_contain_text("に住む。")

    press(page, "withdraw")
    assert reader.goto(public).status == 410  # type: ignore[union-attr]
    reader.context.close()
    assert refused_by_policy(problems) == []


def test_two_editors_at_one_post_lose_nothing(browser: Browser, live_site: Any, media_root: Any) -> None:
    post = workflow.save_post(Post(), make_person("editor"), {"title": "題", "body": "はじめ"})
    make_person("publisher")
    windows = []
    for name in ("editor", "publisher"):
        window = browser.new_context(locale="ja-JP").new_page()
        sign_in(window, live_site, name)
        window.goto(f"{live_site.url}/admin/articles/post/{post.pk}/change/")
        windows.append(window)
    first, second = windows
    first.fill("#id_body", "先に保存した文章")
    press(first, "")
    second.fill("#id_body", "あとから保存しようとした文章")
    press(second, "")
    expect(second.locator(".merge-question")).to_contain_text("先に保存した文章")
    expect(second.locator(".merge-question")).to_contain_text("あとから保存しようとした文章")
    expect(second.locator(".merge-head")).to_contain_text("editor")
    post.refresh_from_db()
    assert post.body == "先に保存した文章"
    for window in windows:
        window.context.close()


def test_by_lines_are_added_with_the_library_of_the_desk_under_the_policy(
    page: Page, live_site: Any, problems: list[str], media_root: Any
) -> None:
    person = make_person("publisher")
    Author.objects.create(name="朝刊班")
    post = workflow.save_post(Post(), person, {"title": "題", "body": "本文"})
    sign_in(page, live_site, "publisher")
    page.goto(f"{live_site.url}/admin/articles/post/{post.pk}/change/")
    page.locator("#postauthor_set-group .add-row a").press("Enter")
    choose_found(page.locator("#postauthor_set-0 .select2-selection"), "朝刊", "朝刊班")
    press(page, "")
    assert [author.name for author in versions.ordered_authors(post)] == ["朝刊班"]
    assert refused_by_policy(problems) == []


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_no_page_of_the_desk_is_wider_than_its_window(browser: Browser, live_site: Any, size: Any, media_root: Any) -> None:
    person = make_person("superuser")
    post = workflow.save_post(Post(), person, {"title": "とても長い題" * 12, "body": "本文" * 50})
    page = browser.new_context(locale="ja-JP", viewport=size).new_page()
    sign_in(page, live_site, "superuser")
    wide = []
    for address in ("post/", "post/add/", f"post/{post.pk}/change/", "importrun/", "importrun/add/", "mediafile/add/", "tag/"):
        page.goto(f"{live_site.url}/admin/articles/{address}")
        page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
        if is_wide(page):
            wide.append(address)
    page.context.close()
    assert wide == []
