"""What a script adds to an article in a real browser: the place in the contents, notes beside their marks, passing it on."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from articles.derive import save_derived
from articles.markup import DEFAULT_FEATURES
from articles.models import Post
from tests.browser.waiting import run_axe, wait_until
from tests.factories import PostFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
FILLING = "文字が続く段落です。" * 12 + "\n\n"
NOTES = "\n[^1]: 注の[出典](https://example.jp/)。\n\n    二つめの段落。\n\n[^2]: 次の注。\n"
DESK = {"width": 1360, "height": 800}
PHONE = {"width": 390, "height": 800}


@pytest.fixture(params=["commonmark", "kramdown"])
def article(request: pytest.FixtureRequest, live_site: Any, media_root: Any) -> Post:
    """Six parts, more than a screen each, with two notes in the second."""
    parts = [f"## 第{number}節\n\n{FILLING * 6}" for number in range(6)]
    parts[1] = f"## 第1節\n\n注のある文[^1]と、もう一つ[^2]。\n\n{FILLING * 6}"
    features = sorted(DEFAULT_FEATURES["jekyll"] | DEFAULT_FEATURES[""])
    post = PostFactory(flavour=request.param, features=features, body="".join(parts) + NOTES)
    save_derived(post)
    return post


def go(page: Page, site: Any, post: Post, size: Any = DESK) -> None:
    page.set_viewport_size(size)
    page.emulate_media(reduced_motion="reduce")
    page.goto(site.url + post.get_absolute_url())


def bring(page: Page, heading: str) -> None:
    """A heading to the head of the window, as reading on does."""
    page.locator(".prose h2", has_text=heading).evaluate("heading => window.scrollTo(0, heading.offsetTop - 40)")


def test_the_contents_follow_the_reader(page: Page, live_site: Any, article: Post) -> None:
    go(page, live_site, article)
    current = page.locator(".outline [aria-current]")
    expect(current).to_have_count(0)
    for heading in ("第2節", "第4節", "第1節"):
        bring(page, heading)
        expect(current).to_have_text([heading])
    page.evaluate("window.scrollTo(0, 0)")
    expect(current).to_have_count(0)


def test_a_long_list_of_contents_shows_the_part_that_is_read_and_leaves_the_page_where_it_is(
    page: Page, live_site: Any, media_root: Any
) -> None:
    post = PostFactory(body="".join(f"## 第{number}節\n\n{FILLING}" for number in range(60)))
    save_derived(post)
    go(page, live_site, post)
    bring(page, "第50節")
    expect(page.locator(".outline [aria-current]")).to_have_text(["第50節"])
    expect(page.locator(".outline [aria-current]")).to_be_in_viewport()
    where = page.evaluate("scrollY")
    page.wait_for_timeout(200)
    assert page.evaluate("scrollY") == where


def marks(page: Page) -> Any:
    return page.locator(".prose sup a[href^='#']")


def test_a_note_shows_beside_its_mark_under_a_mouse(page: Page, live_site: Any, article: Post) -> None:
    go(page, live_site, article)
    note = page.locator(".note")
    bring(page, "第1節")
    marks(page).first.hover()
    expect(note).to_be_visible()
    expect(note).to_contain_text("注の出典。")
    expect(note).to_contain_text("二つめの段落。")
    # The mark that leads back from the list has no sense here, and no name may stand twice in a page.
    expect(note.locator("[id], [role=doc-backlink]")).to_have_count(0)
    note.hover()
    page.wait_for_timeout(400)
    expect(note.get_by_role("link", name="出典")).to_be_visible()
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()
    marks(page).nth(1).hover()
    expect(note).to_have_text("次の注。")
    page.mouse.move(5, 5)
    expect(note).to_be_hidden()


def test_a_note_shows_by_keyboard_and_enter_leads_to_it(page: Page, live_site: Any, article: Post) -> None:
    go(page, live_site, article)
    bring(page, "第1節")
    page.locator(".prose h2").nth(1).evaluate("heading => { heading.tabIndex = -1; heading.focus(); }")
    page.keyboard.press("Tab")
    expect(marks(page).first).to_be_focused()
    expect(page.locator(".note")).to_contain_text("注の出典。")
    page.keyboard.press("Tab")
    expect(page.locator(".note")).to_have_text("次の注。")
    page.keyboard.press("Enter")
    expect(page.locator(".note")).to_be_hidden()
    target = marks(page).nth(1).evaluate("mark => decodeURIComponent(mark.hash.slice(1))")
    expect(page.locator(f'[id="{target}"]')).to_be_in_viewport()


def test_a_first_touch_shows_the_note_and_the_second_leads_to_it(browser: Browser, live_site: Any, article: Post) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion="reduce")
    page = context.new_page()
    page.goto(live_site.url + article.get_absolute_url())
    note = page.locator(".note")
    marks(page).first.tap()
    expect(note).to_contain_text("注の出典。")
    wait_until(page, note.bounding_box, lambda box: box and box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"])
    assert page.evaluate("location.hash") == ""
    page.locator(".prose p").first.tap()
    expect(note).to_be_hidden()
    marks(page).first.tap()
    expect(note).to_be_visible()
    marks(page).first.tap()
    expect(note).to_be_hidden()
    expect(page).to_have_url(re.compile("#."))
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_open_note_can_be_read_by_everybody(browser: Browser, live_site: Any, article: Post, scheme: Any) -> None:
    context = browser.new_context(viewport=DESK, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    page = context.new_page()
    page.goto(live_site.url + article.get_absolute_url())
    bring(page, "第1節")
    marks(page).first.hover()
    expect(page.locator(".note")).to_be_visible()
    violations = run_axe(page)
    assert [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in violations] == []
    context.close()


def test_the_policy_of_the_site_has_nothing_against_the_script(page: Page, live_site: Any, article: Post) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    go(page, live_site, article)
    bring(page, "第1節")
    marks(page).first.hover()
    expect(page.locator(".note")).to_be_visible()
    assert said == []


def test_a_link_that_no_browser_can_decode_stops_nothing(browser: Browser, live_site: Any, media_root: Any) -> None:
    body = f"""文<sup><a href="#50%">半分</a></sup>と注[^1]。{FILLING}
[^1]: 注の中身。
"""
    post = PostFactory(body=body, features=sorted(DEFAULT_FEATURES[""]), flavour="commonmark")
    save_derived(post)
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(live_site.url + post.get_absolute_url())
    expect(page.locator("[data-share=copy]")).to_be_visible()
    page.locator(".prose sup > a[href^='#fn']").first.hover()
    expect(page.locator(".note")).to_have_text("注の中身。")
    context.close()


def test_the_address_is_copied_and_the_button_says_so(browser: Browser, live_site: Any, article: Post) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(live_site.url + article.get_absolute_url())
    button = page.locator("[data-share=copy]")
    button.press("Enter")
    expect(button).to_have_text("コピーしました")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("link[rel=canonical]").get_attribute("href")
    context.close()


def test_without_a_script_there_are_only_buttons_that_work_and_marks_lead_to_notes(
    browser: Browser, live_site: Any, article: Post
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(live_site.url + article.get_absolute_url())
    expect(page.locator("[data-share]:visible")).to_have_count(0)
    expect(page.get_by_role("link", name="はてなブックマーク")).to_be_visible()
    marks(page).first.click()
    expect(page).to_have_url(re.compile("#fn"))
    context.close()
