"""The preview beside the text, in a real browser: what it shows, when it asks, and what becomes of it when something fails."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, FrameLocator, Page, Route, expect

from articles.editorial import workflow
from articles.models import Post, Revision
from tests.browser.test_admin_browser import DESK, PHONE, press, problems, refused_by_policy, sign_in
from tests.browser.waiting import expect_value, follow, is_wide, run_axe, settle, wait_until
from tests.people import make_person

__all__ = ["problems"]
pytestmark = pytest.mark.browser
BODY = "\n\n".join(f"## 第{number}節の見出し\n\n" + f"第{number}節の本文は長い。" * 30 for number in range(1, 15))


@pytest.fixture(autouse=True)
def quiet(page: Page, live_site: Any) -> Any:
    """Leaves the desk at the end: a frame whose sheets were exchanged does not always count as quiet."""
    yield
    page.unroute_all()
    page.goto("about:blank")


def open_post(page: Page, site: Any, body: str = "はじめの本文。", size: Any = DESK, **changes: Any) -> Post:
    person = make_person("publisher")
    post = workflow.save_post(Post(), person, {"title": "川沿いの倉庫", "body": body, **changes})
    page.set_viewport_size(size)
    sign_in(page, site, "publisher")
    page.goto(f"{site.url}/admin/articles/post/{post.pk}/change/")
    return post


def shown(page: Page) -> FrameLocator:
    return page.frame_locator(".live-frame")


def add_text(page: Page, words: str) -> None:
    page.locator("#id_body").press("Control+End")
    page.keyboard.insert_text(words)


def leave(page: Page) -> None:
    """To an empty page: a window whose requests were held or broken never counts as quiet."""
    page.unroute_all()
    page.goto("about:blank")


def scroll_of(page: Page) -> float:
    return float(page.evaluate("document.querySelector('.live-frame').contentWindow.scrollY"))


def test_typing_shows_what_the_public_page_then_shows(
    page: Page, browser: Browser, live_site: Any, problems: list[str], media_root: Any
) -> None:
    post = open_post(page, live_site)
    expect(shown(page).locator(".prose")).to_contain_text("はじめの本文。")
    add_text(page, "\n\n## 次の段\n\n**「強い」**語と[外](https://example.org/)。\n\n## 終わり\n\n- 一\n- 二[^1]\n\n[^1]: 注。\n")
    expect(shown(page).locator(".prose strong")).to_have_text("「強い」")
    expect(shown(page).locator("nav.outline li")).to_have_count(2)
    settle(page)
    preview = shown(page).locator("article").inner_html()
    assert (Post.objects.get(pk=post.pk).body, Revision.objects.count()) == ("はじめの本文。", 1)
    press(page, "publish")
    post.refresh_from_db()
    # As it was sent: a script adds to what readers see, and there is none in a preview.
    reader = browser.new_context(java_script_enabled=False)
    published = reader.new_page()
    published.goto(live_site.url + post.get_absolute_url())
    # The moment of publication is that of the button.
    strip = "html => html.replace(/<time[^>]*>[^<]*<\\/time>/g, '').replace(/\\s+/g, ' ')"
    assert page.evaluate(strip, published.locator("article").inner_html()) == page.evaluate(strip, preview)
    reader.close()
    assert refused_by_policy(problems) == []


def test_a_composition_holds_the_preview_back_until_it_is_confirmed(page: Page, live_site: Any, media_root: Any) -> None:
    open_post(page, live_site)
    expect(shown(page).locator(".prose")).to_contain_text("はじめの本文。")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/preview/" in request.url else None)
    page.locator("#id_body").focus()
    page.keyboard.press("Control+End")
    session = page.context.new_cdp_session(page)
    session.send("Input.imeSetComposition", {"text": "かわ", "selectionStart": 2, "selectionEnd": 2})
    page.wait_for_timeout(700)
    assert asked == []
    session.send("Input.insertText", {"text": "川"})
    expect(shown(page).locator(".prose")).to_contain_text("はじめの本文。川")
    assert len(asked) == 1


def test_one_request_is_under_way_and_a_stale_answer_is_dropped(page: Page, live_site: Any, media_root: Any) -> None:
    open_post(page, live_site)
    expect(shown(page).locator(".prose")).to_contain_text("はじめの本文。")
    page.evaluate("""() => {
        const doc = document.querySelector('.live-frame').contentDocument;
        window.seen = [];
        new MutationObserver(() => window.seen.push(doc.querySelector('.prose').textContent.trim()))
            .observe(doc.body, {subtree: true, childList: true, characterData: true});
    }""")
    asked: list[Route] = []

    def hold_the_first(route: Route) -> None:
        asked.append(route)
        if len(asked) > 1:
            route.continue_()

    page.route("**/preview/", hold_the_first)
    add_text(page, "古い語")
    wait_until(page, lambda: asked)
    add_text(page, "新しい語")
    # Longer than the pause after which it would ask for this one.
    page.wait_for_timeout(600)
    assert len(asked) == 1
    asked[0].continue_()
    expect(shown(page).locator(".prose")).to_contain_text("古い語新しい語")
    assert all("新しい語" in text for text in page.evaluate("window.seen"))
    leave(page)


def test_a_lost_network_is_said_and_what_was_shown_stays(page: Page, live_site: Any, media_root: Any) -> None:
    open_post(page, live_site)
    expect(shown(page).locator(".prose")).to_contain_text("はじめの本文。")
    page.route("**/preview/", lambda route: route.abort())
    add_text(page, "続き")
    expect(page.locator(".live-status")).to_contain_text("通信")
    expect(shown(page).locator(".prose")).to_contain_text("はじめの本文。")
    page.unroute("**/preview/")
    expect(shown(page).locator(".prose")).to_contain_text("続き")
    expect(page.locator(".live-status.is-said")).to_have_count(0)
    leave(page)


def test_after_an_ended_session_one_signs_in_elsewhere_and_goes_on(page: Page, live_site: Any, media_root: Any) -> None:
    post = open_post(page, live_site)
    expect(shown(page).locator(".prose")).to_contain_text("はじめの本文。")
    Session.objects.all().delete()
    add_text(page, "終わったあとの語")
    expect(page.locator(".live-status")).to_contain_text("ログイン")
    expect(shown(page).locator(".prose")).to_contain_text("はじめの本文。")
    with page.context.expect_page() as opened:
        page.locator(".live-status a").click()
    other = opened.value
    other.wait_for_load_state()
    other.fill("#id_username", "publisher")
    other.fill("#id_password", "x")
    follow(other.locator("#id_password"))
    other.close()
    page.bring_to_front()
    add_text(page, "と続き")
    expect(shown(page).locator(".prose")).to_contain_text("終わったあとの語と続き")
    press(page, "")
    post.refresh_from_db()
    assert post.body == "はじめの本文。終わったあとの語と続き"


def test_an_invalid_field_and_a_text_too_long_are_said(page: Page, live_site: Any, media_root: Any) -> None:
    open_post(page, live_site)
    page.fill("#id_title", "")
    expect(page.locator(".live-status")).to_contain_text("題名")
    expect(shown(page).locator("h1")).to_have_text("川沿いの倉庫")
    page.fill("#id_title", "題")
    expect(page.locator(".live-status.is-said")).to_have_count(0)
    page.evaluate("document.querySelector('#id_body').value = '長'.repeat(200001)")
    page.locator("#id_body").dispatch_event("input")
    expect(page.locator(".live-status")).to_contain_text("200,000")
    expect(shown(page).locator(".prose")).to_contain_text("はじめの本文。")


def test_it_is_really_as_wide_as_a_phone_or_a_screen_and_light_or_dark(page: Page, live_site: Any, media_root: Any) -> None:
    open_post(page, live_site)
    expect(shown(page).locator(".prose")).to_contain_text("はじめの本文。")
    width = "document.querySelector('.live-frame').contentWindow.innerWidth"
    paper = "getComputedStyle(document.querySelector('.live-frame').contentDocument.body).backgroundColor"
    expect_value(page, width, 390)
    page.click("[data-view=desktop]")
    expect_value(page, width, 1280)

    def measure() -> tuple[float, float]:
        box, room = page.locator(".live-frame").bounding_box(), page.locator(".live-body").bounding_box()
        assert box
        assert room
        return box["width"], room["width"]

    wait_until(page, measure, lambda widths: widths[0] <= widths[1] + 1)
    # Only its sheets give the page a colour.
    settle(page)
    light = page.evaluate(paper)
    page.click("[data-dark]")
    wait_until(page, lambda: page.evaluate(paper), lambda dark: dark != light)
    page.click(".live-fold")
    expect(page.locator(".live-body")).to_be_hidden()
    page.reload()
    expect(page.locator(".live-body")).to_be_hidden()
    page.click(".live-fold")
    expect(shown(page).locator("html[data-theme=dark] .prose")).to_contain_text("はじめの本文。")
    expect_value(page, width, 1280)


def test_search_result_card_and_feed_are_shown(page: Page, live_site: Any, problems: list[str], media_root: Any) -> None:
    open_post(page, live_site, description="説明の文。", body="本文の<b>語</b>。")
    page.click("[data-view=search]")
    expect(shown(page).locator(".view-search")).to_contain_text("説明の文。")
    expect(shown(page).locator(".view-search h1")).to_contain_text("川沿いの倉庫 – ")
    page.click("[data-view=card]")
    expect(shown(page).locator(".view-card")).to_contain_text("説明の文。")
    page.click("[data-view=feed]")
    expect(shown(page).locator(".view-feed .prose b")).to_have_text("語")
    assert refused_by_policy(problems) == []


def test_another_flavour_lists_what_would_change(page: Page, live_site: Any, media_root: Any) -> None:
    open_post(page, live_site, body="段落。\n{: .note}\n\n同じ段落。", flavour="commonmark")
    expect(page.locator("[data-view=flavour]")).to_be_hidden()
    page.evaluate("document.querySelectorAll('.desk-side details').forEach(fold => fold.open = true)")
    page.select_option("#id_flavour", "kramdown")
    page.click("[data-view=flavour]")
    # The first text in kramdown waits for the process that renders it.
    expect(shown(page).locator(".view-differences tbody tr").first).to_be_visible()
    page.select_option("#id_flavour", "commonmark")
    expect(shown(page).locator(".prose")).to_contain_text("同じ段落。")


def test_a_new_post_lists_what_another_flavour_would_change_too(page: Page, live_site: Any, media_root: Any) -> None:
    make_person("editor")
    page.set_viewport_size(DESK)
    sign_in(page, live_site, "editor")
    page.goto(live_site.url + "/admin/articles/post/add/")
    page.fill("#id_body", "段落。\n{: .note}\n\n同じ段落。")
    expect(page.locator("[data-view=flavour]")).to_be_hidden()
    page.evaluate("document.querySelectorAll('.desk-side details').forEach(fold => fold.open = true)")
    page.select_option("#id_flavour", "kramdown")
    page.click("[data-view=flavour]")
    expect(shown(page).locator(".view-differences tbody tr").first).to_be_visible()


def test_text_and_preview_scroll_together_by_blocks(page: Page, live_site: Any, media_root: Any) -> None:
    open_post(page, live_site, body=BODY)
    expect(shown(page).locator("h2", has_text="第8節")).to_be_attached()
    # Where lines stand can be told once the sheets and pictures of both are there.
    settle(page)
    page.locator("#id_body").hover()
    top = page.evaluate("document.querySelector('#id_body').getBoundingClientRect().top")
    height = page.evaluate("document.querySelector('#id_body').clientHeight")
    page.mouse.wheel(0, top + height * 0.5 - 450)
    inside = "document.querySelector('.live-frame').contentDocument"
    visible = f"""[...{inside}.querySelectorAll('h2')].filter(h => {{
        const y = h.getBoundingClientRect().top; return y > -300 && y < 1200 }}).map(h => h.textContent)"""
    wait_until(page, lambda: page.evaluate(visible), lambda names: any("第7節" in name or "第8節" in name for name in names))
    box = page.locator(".live-body").bounding_box()
    assert box
    page.mouse.move(box["x"] + 50, box["y"] + 300)
    page.mouse.wheel(0, 100_000)
    bottom = "document.querySelector('#id_body').getBoundingClientRect().bottom"
    wait_until(page, lambda: page.evaluate(bottom), lambda bottom: bottom < 1000)


def test_the_preview_keeps_its_place_while_the_block_written_in_is_in_sight(page: Page, live_site: Any, media_root: Any) -> None:
    open_post(page, live_site, body=BODY)
    expect(shown(page).locator("h2", has_text="第14節")).to_be_attached()
    settle(page)
    page.locator("#id_body").press("Control+End")
    # The preview is led along.
    wait_until(page, lambda: scroll_of(page))
    page.keyboard.insert_text("追伸")
    expect(shown(page).locator(".prose")).to_contain_text("追伸")
    before = scroll_of(page)
    assert before > 0
    page.keyboard.insert_text("もう一語")
    expect(shown(page).locator(".prose")).to_contain_text("追伸もう一語")
    assert scroll_of(page) == before


def test_on_a_phone_one_switches_between_writing_and_looking(page: Page, live_site: Any, media_root: Any) -> None:
    open_post(page, live_site, size=PHONE)
    expect(page.locator(".live")).to_be_hidden()
    page.click("[data-look=see]")
    expect(page.locator("#id_body")).to_be_hidden()
    expect(shown(page).locator(".prose")).to_contain_text("はじめの本文。")
    assert not is_wide(page)
    page.click("[data-look=write]")
    expect(page.locator("#id_body")).to_be_visible()


def test_no_script_of_a_text_runs_and_links_lead_to_a_window_of_their_own(page: Page, live_site: Any, media_root: Any) -> None:
    body = "<script>top.ran = 1</script>\n\n語<img src=x onerror='top.ran = 1'>[住所](/feed.xml)[^1]\n\n[^1]: 注。"
    open_post(page, live_site, body=body)
    expect(shown(page).locator(".prose a").first).to_be_visible()
    assert page.evaluate("window.ran") is None
    with page.context.expect_page() as opened:
        shown(page).get_by_role("link", name="住所").click()
    opened.value.close()
    expect(shown(page).locator(".prose a").first).to_be_visible()


def test_without_script_the_button_is_the_preview(browser: Browser, live_site: Any, media_root: Any) -> None:
    make_person("publisher")
    page = browser.new_context(locale="ja-JP", java_script_enabled=False).new_page()
    sign_in(page, live_site, "publisher")
    page.goto(f"{live_site.url}/admin/articles/post/add/")
    expect(page.locator(".live")).to_be_hidden()
    expect(page.locator(".live-switch")).to_be_hidden()
    page.fill("#id_body", "本文。")
    with page.context.expect_page() as opened:
        page.locator('.desk-buttons button[formtarget="_blank"]').click()
    expect(opened.value.locator(".prose")).to_contain_text("本文。")
    page.context.close()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(page: Page, live_site: Any, media_root: Any, size: Any, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    open_post(page, live_site, size=size, body="## 見出し\n\n本文。\n\n## 次\n\n| 表 | 欄 |\n|---|---|\n| 一 | 二 |\n\n" + BODY)
    if size == PHONE:
        page.click("[data-look=see]")
    expect(shown(page).locator("h2").first).to_be_visible()
    assert not is_wide(page)
    found = run_axe(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]})
    inside = [entry for entry in found if entry["id"] not in ("frame-tested",)]
    assert [(entry["id"], [node["html"][:120] for node in entry["nodes"]]) for entry in inside] == []


def test_a_film_has_its_poster_here_and_nothing_to_press(
    page: Page, live_site: Any, problems: list[str], media_root: Any
) -> None:
    open_post(page, live_site)
    expect(shown(page).locator(".prose")).to_contain_text("はじめの本文。")
    add_text(page, "\n\nhttps://www.youtube.com/watch?v=dQw4w9WgXcQ\n")
    poster = shown(page).locator("figure.player a.player-poster")
    expect(poster).to_have_accessible_name("YouTube 動画を見る")
    # The sheet of posters came with it.
    expect(poster).to_have_css("display", "grid")
    expect(shown(page).locator(".prose :is(button, iframe)")).to_have_count(0)
    assert refused_by_policy(problems) == []
