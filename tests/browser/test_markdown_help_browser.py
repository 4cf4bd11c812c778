"""The guide to Markdown in a real browser: one key away, live, into the text and back to the cursor."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.test_admin_browser import DESK, PHONE, problems, refused_by_policy
from tests.browser.test_writing import expect_body, expect_selected, form, sign_in, tool, write
from tests.browser.waiting import is_wide, run_axe, settle

__all__ = ["form", "problems"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
GUIDE = "/admin/articles/post/markdown/"


def open_guide(page: Page, keys: str = "Control+Shift+Slash") -> Locator:
    """The guide in the post form, by its key. The first one of a server waits for the engine of kramdown to start."""
    page.keyboard.press(keys)
    expect(page.locator("#writing-guide .guide")).to_be_visible(timeout=60_000)
    return page.locator("#writing-guide")


def example(page: Page, name: str) -> Locator:
    return page.locator(f'[data-example="{name}"]')


def result(page: Page, name: str) -> Locator:
    return example(page, name).locator(".guide-shown > .guide-result .prose")


def test_one_key_opens_the_guide_and_escape_gives_the_cursor_back(form: Page, problems: list[str]) -> None:
    write(form, "前«語»後")
    dialog = open_guide(form)
    expect(result(form, "emphasis").locator("strong").first).to_have_text("「とても大事」")
    form.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(form.locator("#id_body")).to_be_focused()
    expect_body(form, "前語後")
    expect_selected(form, "語")
    assert refused_by_policy(problems) == []


def test_it_opens_from_the_title_and_from_its_tool_which_names_the_key(form: Page) -> None:
    form.locator("#id_title").focus()
    expect(form.locator("#id_title")).to_be_focused()
    dialog = open_guide(form)
    form.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(form.locator("#id_title")).to_be_focused()
    button = form.locator('[data-act="guide"]')
    expect(button).to_have_attribute("aria-keyshortcuts", "Control+Shift+/")
    expect(button).to_have_attribute("title", "Ctrl+Shift+/")
    tool(form, "guide")
    expect(dialog).to_be_visible()
    form.keyboard.press("Escape")
    expect(form.locator("#id_body")).to_be_focused()


def test_the_key_does_nothing_while_an_input_method_composes(form: Page) -> None:
    for options in ({"isComposing": True}, {"keyCode": 229}):
        for field in ("#id_body", "#id_title"):
            event = {"key": "?", "code": "Slash", "ctrlKey": True, "shiftKey": True, "bubbles": True, "cancelable": True}
            form.locator(field).dispatch_event("keydown", {**event, **options})
    expect(form.locator("#writing-guide")).to_be_hidden()


def test_a_changed_example_shows_its_result_and_comes_back(form: Page) -> None:
    open_guide(form)
    text = example(form, "emphasis").locator("textarea")
    before = text.input_value()
    text.fill("**「別の語」**と==印==")
    expect(result(form, "emphasis").locator("strong")).to_have_text(["「別の語」"])
    expect(result(form, "emphasis").locator("mark")).to_have_text("印")
    example(form, "emphasis").locator("[data-reset]").click()
    expect(text).to_have_value(before)
    expect(text).to_be_focused()
    expect(result(form, "emphasis")).to_contain_text("とても大事")


def test_a_composition_in_an_example_asks_nothing_and_escape_ends_it_alone(form: Page) -> None:
    dialog = open_guide(form)
    asked: list[str] = []
    form.on("request", lambda request: asked.append(request.url) if "markdown/render" in request.url else None)
    text = example(form, "emphasis").locator("textarea")
    text.fill("")
    expect(result(form, "emphasis")).to_have_text("")
    asked.clear()
    client = form.context.new_cdp_session(form)
    client.send("Input.imeSetComposition", {"text": "つよい", "selectionStart": 3, "selectionEnd": 3})
    expect(text).to_have_value("つよい")
    form.evaluate("() => new Promise(done => setTimeout(done, 700))")
    assert asked == []
    text.dispatch_event("keydown", {"key": "Escape", "isComposing": True, "bubbles": True, "cancelable": True})
    expect(dialog).to_be_visible()
    client.send("Input.insertText", {"text": "強い"})
    expect(result(form, "emphasis")).to_have_text("強い")


def test_an_example_goes_into_the_text_at_the_cursor_and_is_undone_by_the_browser(form: Page) -> None:
    write(form, "前«語»後")
    open_guide(form)
    example(form, "strikethrough").locator("[data-insert]").click()
    expect(form.locator("#writing-guide")).to_be_hidden()
    expect(form.locator("#id_body")).to_be_focused()
    expect_body(form, "前語開場は~~十時~~九時です。後")
    expect_selected(form, "開場は~~十時~~九時です。")
    form.keyboard.press("Control+z")
    expect_body(form, "前語後")


def test_a_block_goes_on_lines_of_its_own_as_it_was_changed(form: Page) -> None:
    write(form, "前の行«»\n後の行")
    open_guide(form)
    example(form, "quotes").locator("textarea").fill("> 変えた引用")
    example(form, "quotes").locator("[data-insert]").click()
    expect_body(form, "前の行\n\n> 変えた引用\n\n後の行")


def test_the_other_flavour_is_shown_in_place_and_the_form_stays(form: Page) -> None:
    write(form, "書きかけ")
    open_guide(form)
    expect(result(form, "definitions").locator("dl")).to_be_visible()
    form.locator("#writing-guide [data-flavour-choice]", has_text="kramdown").click()
    chosen = form.locator("#writing-guide [data-flavour-choice][aria-current]")
    expect(chosen).to_have_text("kramdown")
    expect(chosen).to_be_focused()
    expect(example(form, "ruby").locator("textarea")).to_have_value("｜瓦版《かわらばん》を読む。｜東京《とうきょう》の朝。")
    expect(result(form, "ruby").locator("ruby").first).to_be_visible()
    expect_body(form, "書きかけ")


def test_the_flavour_and_features_of_the_form_count_also_unsaved(form: Page) -> None:
    form.evaluate(
        """() => {
          document.querySelector('#id_features input[value="highlight"]').checked = false;
          document.getElementById("id_flavour").value = "commonmark";
        }"""
    )
    form.locator("#id_body").focus()
    open_guide(form)
    expect(example(form, "highlight").locator(".guide-note")).to_be_visible()
    expect(result(form, "highlight").locator("mark")).to_have_count(0)
    expect(example(form, "tables").locator(".guide-note")).to_have_count(0)


def test_it_is_used_by_keyboard_alone(form: Page) -> None:
    write(form, "本文«»")
    open_guide(form)
    link = form.locator('#writing-guide .guide-contents a[href="#guide-ruby"]')
    link.press("Enter")
    expect(form.locator("#guide-ruby")).to_be_focused()
    assert "#" not in form.url
    form.keyboard.press("Tab")
    expect(example(form, "ruby").locator("textarea")).to_be_focused()
    form.keyboard.press("Tab")
    expect(example(form, "ruby").locator("[data-insert]")).to_be_focused()
    form.keyboard.press("Enter")
    expect(form.locator("#id_body")).to_be_focused()
    expect_body(form, "本文{瓦版|かわらばん}を読む。{東京|とう|きょう}の朝。")


def test_an_ended_session_is_told(form: Page) -> None:
    form.context.clear_cookies()
    form.keyboard.press("Control+Shift+Slash")
    expect(form.locator("#writing-guide [role=status]").first).to_contain_text("読み込めませんでした")


def test_as_a_page_it_needs_no_script(browser: Browser, live_site: Any) -> None:
    context = browser.new_context(java_script_enabled=False, locale="ja-JP")
    page = context.new_page()
    sign_in(page, live_site, "author")
    page.goto(f"{live_site.url}/admin/articles/post/")
    page.locator(f'a[href="{GUIDE}"]').click()
    expect(result(page, "emphasis").locator("strong").first).to_have_text("「とても大事」")
    expect(example(page, "emphasis").locator("textarea")).to_have_attribute("readonly", "")
    page.locator("[data-flavour-choice]", has_text="kramdown").click()
    expect(page.locator("[data-flavour-choice][aria-current]")).to_have_text("kramdown")
    expect(page.locator(".writing-keys")).to_contain_text("Ctrl")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_everybody_can_read_it_at_every_width(browser: Browser, live_site: Any, size: Any, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme, locale="ja-JP", viewport=size)
    page = context.new_page()
    sign_in(page, live_site, "author")
    page.goto(live_site.url + GUIDE)
    expect(result(page, "tables").locator("table")).to_be_visible()
    assert not is_wide(page)
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    problems = run_axe(page)
    page.goto(f"{live_site.url}/admin/articles/post/add/")
    page.locator("#id_body").focus()
    expect(page.locator("#id_body")).to_be_focused()
    open_guide(page)
    settle(page)
    assert page.evaluate("document.getElementById('writing-guide').getBoundingClientRect().right <= innerWidth")
    problems += run_axe(page, "#writing-guide")
    assert [(rule["id"], node["html"][:160], node["failureSummary"][:200]) for rule in problems for node in rule["nodes"]] == []
