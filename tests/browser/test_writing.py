"""Writing Markdown in the post form, in a real browser: tools, keys, lists, input methods, links, pictures, find, leaving."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from articles.editorial import workflow
from articles.library import add_media
from articles.models import Post
from tests.browser.test_admin_browser import press
from tests.browser.waiting import click_through, expect_value, is_wide, run_axe, wait_until
from tests.people import make_person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1360, "height": 900}
COUNT = "text => { const start = performance.now(); writing.countCharacters(text); return performance.now() - start; }"
FOLDS = "localStorage.getItem('kawaraban.desk.folds')"
SELECTED = "() => { const t = document.getElementById('id_body'); return t.value.slice(t.selectionStart, t.selectionEnd); }"


def sign_in(page: Page, site: Any, role: str) -> Any:
    person = make_person(role)
    client = Client()
    client.force_login(person)
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site.url}])
    return person


@pytest.fixture
def form(page: Page, live_site: Any, media_root: Any) -> Page:
    """An empty form with the cursor in the text."""
    sign_in(page, live_site, "publisher")
    page.goto(f"{live_site.url}/admin/articles/post/add/")
    page.locator("#id_body").focus()
    expect(page.locator("#id_body")).to_be_focused()
    return page


def write(page: Page, text: str) -> None:
    """Puts ``text`` in the field. What stands between « and » is selected; without them the caret stands at the end."""
    start, end = text.find("«"), text.find("»")
    plain = text.replace("«", "").replace("»", "")
    page.evaluate(
        """([text, start, end]) => {
          const body = document.getElementById("id_body");
          body.focus();
          body.value = text;
          body.dispatchEvent(new InputEvent("input", {bubbles: true}));
          body.setSelectionRange(start, end);
        }""",
        [plain, start if start >= 0 else len(plain), end - 1 if start >= 0 else len(plain)],
    )


def tool(page: Page, name: str) -> None:
    # Playwright waits for a tool that is disabled; people press it and are told why.
    page.locator(f'[role=toolbar] [data-act="{name}"]').click(force=True)


def text_of(page: Page) -> str:
    return page.locator("#id_body").input_value()


def expect_body(page: Page, text: str) -> None:
    expect(page.locator("#id_body")).to_have_value(text)


def expect_selected(page: Page, text: str) -> None:
    expect_value(page, SELECTED, text)


ACTS = [
    ("bold", "原稿は«「机の上」»に住む。", "原稿は**「机の上」**に住む。"),
    ("bold", "原稿は**«机»**に住む。", "原稿は«机»に住む。"),
    ("bold", "原稿は«**机**»に住む。", "原稿は机に住む。"),
    ("bold", "a «b »c", "a **b** c"),
    ("italic", "«強»い", "*強*い"),
    ("italic", "**«強»**い", "***強***い"),
    ("heading", "«見出し»\n本文", "## 見出し\n本文"),
    ("heading", "## 見«»出し", "### 見出し"),
    ("heading", "#### 見«»出し", "見出し"),
    ("bullets", "一«\n二\n\n三»", "- 一\n- 二\n\n- 三"),
    ("bullets", "«- 一\n- 二»", "一\n二"),
    ("numbers", "«- 一\n- 二\n»三", "1. 一\n2. 二\n三"),
    ("numbers", "«1. 一\n2. 二»", "一\n二"),
    ("quote", "«一\n\n二»", "> 一\n>\n> 二"),
    ("quote", "«> 一\n>\n> 二»", "一\n\n二"),
    ("code", "«a`b»", "``a`b``"),
    ("code", "«`a`»", "a"),
    ("code", "«x = 1\ny = 2»", "```\nx = 1\ny = 2\n```"),
    ("table", "前«»", "前\n\n| 列 1 | 列 2 |\n| --- | --- |\n|  |  |\n"),
    ("table", "«店\t値|段\n甲\t1»", "| 店 | 値\\|段 |\n| --- | --- |\n| 甲 | 1 |\n"),
    ("footnote", "一«»。\n\n二[^2]。\n\n[^2]: 前の注", "一[^3]。\n\n二[^2]。\n\n[^2]: 前の注\n[^3]: \n"),
    ("ruby", "«瓦版»を読む", "{瓦版|かんじ}を読む"),
    ("ruby", "| «瓦版» |", "| ｜瓦版《かんじ》 |"),
    ("ruby", "«Kawaraban»", "｜Kawaraban《かんじ》"),
    ("callout", "前\n«中»\n後", "前\n\n> [!NOTE]\n> 中\n\n後"),
]


@pytest.mark.parametrize(("act", "before", "after"), ACTS, ids=[f"{act}-{number}" for number, (act, *_rest) in enumerate(ACTS)])
def test_each_tool_changes_the_text_and_is_undone_by_the_browser(form: Page, act: str, before: str, after: str) -> None:
    write(form, before)
    plain = text_of(form)
    tool(form, act)
    expect_body(form, after.replace("«", "").replace("»", ""))
    if "«" in after:
        expect_selected(form, after.split("«")[1].split("»")[0])
    expect(form.locator("#id_body")).to_be_focused()
    form.keyboard.press("Control+z")
    expect_body(form, plain)


def test_what_the_tools_write_is_what_readers_get(form: Page) -> None:
    form.fill("#id_title", "道具の題")
    write(form, "「«机»」と\n")
    tool(form, "bold")
    form.evaluate("t => t.setSelectionRange(t.value.length, t.value.length)", form.query_selector("#id_body"))
    for act in ("ruby", "footnote", "callout", "table"):
        tool(form, act)
        form.evaluate("t => t.setSelectionRange(t.value.length, t.value.length)", form.query_selector("#id_body"))
    press(form, "")
    html = Post.objects.get().body_html
    for part in ("<strong>机</strong>", "<ruby>漢字", "footnote-ref", "callout-note", "<table"):
        assert part in html, html


@pytest.mark.parametrize(
    ("keys", "after"),
    [
        ("Control+b", "**語**"),
        ("Control+i", "*語*"),
        ("Control+e", "`語`"),
        ("Control+Shift+Digit6", "## 語"),
        ("Control+Shift+Digit7", "1. 語"),
        ("Control+Shift+Digit8", "- 語"),
        ("Control+Shift+Digit9", "> 語"),
    ],
)
def test_shortcuts_do_what_the_tools_do(form: Page, keys: str, after: str) -> None:
    write(form, "«語»")
    form.keyboard.press(keys)
    expect_body(form, after)


def test_pressing_twice_leaves_the_text_as_it_was(form: Page) -> None:
    for act in ("bold", "italic", "code", "bullets", "numbers", "quote"):
        write(form, "一«二»三")
        tool(form, act)
        tool(form, act)
        expect_body(form, "一二三")


def test_the_toolbar_is_one_stop_after_the_text_and_arrows_move_in_it(form: Page) -> None:
    form.locator("#id_title").focus()
    form.keyboard.press("Tab")
    expect(form.locator("#id_body")).to_be_focused()
    form.keyboard.press("Tab")
    focused = form.locator("[role=toolbar] button:focus")
    expect(focused).to_have_text("太字")
    form.keyboard.press("ArrowRight")
    expect(focused).to_have_text("斜体")
    form.keyboard.press("End")
    expect(focused).to_have_text("書き方")
    form.keyboard.press("ArrowRight")
    expect(focused).to_have_text("太字")
    form.keyboard.press("Tab")
    expect(form.locator("[role=toolbar] button:focus")).to_have_count(0)
    form.locator("#id_body").focus()
    form.keyboard.press("Alt+F10")
    expect(focused).to_have_count(1)
    form.keyboard.press("Escape")
    expect(form.locator("#id_body")).to_be_focused()


def test_a_tool_that_the_post_does_not_know_says_so_and_changes_nothing(form: Page) -> None:
    form.evaluate("document.querySelectorAll('.desk-side details').forEach(fold => fold.open = true)")
    form.locator('#id_features input[value="ruby"]').uncheck()
    write(form, "«瓦版»")
    tool(form, "ruby")
    expect_body(form, "瓦版")
    expect(form.locator(".writing-said")).to_contain_text("ルビ")
    expect(form.locator('[data-act="ruby"]')).to_have_attribute("aria-disabled", "true")


# --- Lists ---


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("- 一", "- 一\n- "),
        ("  * 一", "  * 一\n  * "),
        ("9. 一", "9. 一\n10. "),
        ("1) 一", "1) 一\n2) "),
        ("- [x] 済み", "- [x] 済み\n- [ ] "),
        ("> 引用", "> 引用\n> "),
        ("> - 一", "> - 一\n> - "),
        ("- 一\n- ", "- 一\n"),
        ("> 一\n> ", "> 一\n"),
        ("本文", "本文\n"),
        ("```\n- 一", "```\n- 一\n"),
        ("-一", "-一\n"),
    ],
)
def test_enter_goes_on_with_a_list_and_ends_it_on_an_empty_item(form: Page, before: str, after: str) -> None:
    write(form, before)
    form.keyboard.press("Enter")
    expect_body(form, after)
    form.keyboard.press("Control+z")
    expect_body(form, before)


def test_enter_in_the_middle_of_an_item_takes_the_rest_along(form: Page) -> None:
    write(form, "- 一«»二")
    form.keyboard.press("Enter")
    expect_body(form, "- 一\n- 二")


def test_tab_moves_items_in_and_out_and_leaves_the_text_anywhere_else(form: Page) -> None:
    write(form, "1. 一\n2. 二")
    form.keyboard.press("Tab")
    expect_body(form, "1. 一\n   2. 二")
    form.keyboard.press("Shift+Tab")
    expect_body(form, "1. 一\n2. 二")
    form.keyboard.press("Shift+Tab")
    expect(form.locator("#id_title")).to_be_focused()
    form.locator("#id_body").focus()
    write(form, "本文")
    form.keyboard.press("Tab")
    expect(form.locator("#id_body")).not_to_be_focused()


def test_escape_and_tab_leave_the_text_from_a_list(form: Page) -> None:
    write(form, "- 一\n- 二")
    form.keyboard.press("Escape")
    form.keyboard.press("Tab")
    expect(form.locator("#id_body")).not_to_be_focused()
    expect_body(form, "- 一\n- 二")


# --- Input methods ---


def test_nothing_acts_while_an_input_method_composes(form: Page) -> None:
    session = form.context.new_cdp_session(form)
    write(form, "- ")
    form.keyboard.press("a")
    session.send("Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3})
    for key, code in (("Enter", 13), ("Tab", 9), ("b", 66)):
        init = {"key": key, "keyCode": code, "isComposing": True, "ctrlKey": key == "b", "bubbles": True, "cancelable": True}
        assert form.evaluate("i => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', i))", init)
    session.send("Input.insertText", {"text": "日本"})
    expect_body(form, "- a日本")
    form.keyboard.press("Enter")
    expect_body(form, "- a日本\n- ")


@pytest.mark.parametrize("field", ["#id_title", "#id_body"])
def test_the_enter_that_ends_a_composition_in_safari_does_nothing_else(form: Page, field: str) -> None:
    write(form, "- 日本")
    form.locator(field).focus()
    late = """field => {
      const event = new KeyboardEvent("keydown", {key: "Enter", keyCode: 229, bubbles: true, cancelable: true});
      return document.querySelector(field).dispatchEvent(event);
    }"""
    assert form.evaluate(late, field)
    expect(form.locator(field)).to_be_focused()
    expect_body(form, "- 日本")


def test_a_search_waits_until_the_composition_ends(form: Page) -> None:
    asked: list[str] = []
    with form.expect_response("**/search/?q=*"):
        form.keyboard.press("Control+k")
    expect(form.locator("#writing-link[open]")).to_be_visible()
    form.on("request", lambda request: asked.append(request.url) if "/search/" in request.url else None)
    session = form.context.new_cdp_session(form)
    session.send("Input.imeSetComposition", {"text": "そうこ", "selectionStart": 3, "selectionEnd": 3})
    form.wait_for_timeout(400)
    assert asked == []
    with form.expect_response("**/search/?q=*"):
        session.send("Input.insertText", {"text": "倉庫"})


# --- Links and pictures ---


def test_a_post_is_linked_by_two_characters_of_its_title_and_keyboard_alone(form: Page) -> None:
    workflow.save_post(Post(), None, {"title": "川沿いの倉庫 [前]", "body": "本文", "path": "/2026/倉庫(1)/"})
    workflow.save_post(Post(), None, {"title": "ほかの題", "body": "本文", "path": "/hoka/"})
    write(form, "まえ«»あと")
    form.keyboard.press("Control+k")
    expect(form.locator("#writing-link-query")).to_be_focused()
    form.keyboard.insert_text("倉庫")
    rows = form.locator("#writing-link .writing-result")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("下書き")
    form.keyboard.press("ArrowDown")
    expect(rows.first).to_be_focused()
    form.keyboard.press("Enter")
    expect(form.locator("#writing-link")).to_be_hidden()
    expect(form.locator("#id_body")).to_be_focused()
    expect_body(form, r"まえ[川沿いの倉庫 \[前\]](/2026/倉庫%281%29/)あと")
    form.keyboard.press("Control+z")
    expect_body(form, "まえあと")


def test_a_selection_is_linked_and_unlinked(form: Page) -> None:
    workflow.save_post(Post(), None, {"title": "川沿いの倉庫", "path": "/kura/"})
    write(form, "«倉庫»へ")
    tool(form, "link")
    expect(form.locator("#writing-link-query")).to_have_value("倉庫")
    expect(form.locator("#writing-link .writing-result")).to_have_count(1)
    form.keyboard.press("Enter")
    expect_body(form, "[倉庫](/kura/)へ")
    write(form, "«[倉庫](/kura/)»へ")
    form.keyboard.press("Control+k")
    expect_body(form, "倉庫へ")


def test_a_url_is_linked_as_it_is(form: Page) -> None:
    write(form, "«ここ»")
    form.keyboard.press("Control+k")
    form.fill("#writing-link-query", "https://example.com/a_(b)")
    form.keyboard.press("Enter")
    expect(form.locator("#writing-link")).to_be_hidden()
    expect_body(form, "[ここ](https://example.com/a_%28b%29)")


def test_escape_closes_a_dialog_and_the_selection_is_still_there(form: Page) -> None:
    for act, dialog in (("link", "#writing-link"), ("picture", "#writing-picture"), ("help", "#writing-help")):
        write(form, "前«語»後")
        tool(form, act)
        expect(form.locator(dialog)).to_be_visible()
        form.keyboard.press("Escape")
        expect(form.locator(dialog)).to_be_hidden()
        expect(form.locator("#id_body")).to_be_focused()
        expect_body(form, "前語後")
        expect_selected(form, "語")


def test_a_picture_of_the_library_is_shown_with_its_alternative_text(form: Page) -> None:
    stored = make_picture("倉庫.png", "川沿いの倉庫")
    write(form, "«»")
    tool(form, "picture")
    form.fill("#writing-picture-query", "川沿")
    expect(form.locator("#writing-picture .writing-result")).to_have_count(1)
    form.locator("#writing-picture .writing-result").click()
    expect_body(form, f"![川沿いの倉庫]({stored.url})")


def test_a_session_that_has_ended_is_said_in_the_dialog(form: Page) -> None:
    form.context.clear_cookies()
    form.keyboard.press("Control+k")
    expect(form.locator("#writing-link [role=status]")).to_contain_text("検索の答えがありません")


def make_picture(name: str, alt: str) -> Any:
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "firebrick").save(file, "PNG")
    return add_media(file.getvalue(), name, alt=alt)


# --- Find and replace ---


def test_words_are_found_in_every_width_counted_and_stepped_through(form: Page) -> None:
    write(form, "ＡＩとaiとAI、ｶﾞｽとガス。«»")
    form.keyboard.press("Control+Shift+H")
    expect(form.locator('[data-find="word"]')).to_be_focused()
    form.keyboard.insert_text("ai")
    count = form.locator(".writing-find-count")
    expect(count).to_have_text("3件中1件目")
    form.keyboard.press("Enter")
    expect(count).to_have_text("3件中2件目")
    expect(form.locator(".writing-mirror mark")).to_have_count(3)
    form.keyboard.press("Shift+Enter")
    form.keyboard.press("Shift+Enter")
    expect(count).to_have_text("3件中3件目")
    form.fill('[data-find="word"]', "ガス")
    expect(count).to_have_text("2件中1件目")
    form.locator('[data-find="alike"]').uncheck()
    expect(count).to_have_text("1件中1件目")
    form.keyboard.press("Escape")
    expect(form.locator(".writing-find")).to_be_hidden()
    expect(form.locator("#id_body")).to_be_focused()
    expect_selected(form, "ガス")


def test_replacing_is_one_step_of_undo_each_and_all_at_once_one(form: Page) -> None:
    write(form, "新聞、新聞、新聞«»")
    tool(form, "find")
    form.fill('[data-find="word"]', "新聞")
    form.fill('[data-find="replacement"]', "瓦版")
    expect(form.locator(".writing-find-count")).to_have_text("3件中1件目")
    form.locator('[data-find="replace"]').click()
    expect_body(form, "瓦版、新聞、新聞")
    form.locator('[data-find="replace"]').click()
    expect_body(form, "瓦版、瓦版、新聞")
    form.locator("#id_body").focus()
    form.keyboard.press("Control+z")
    expect_body(form, "瓦版、新聞、新聞")
    form.keyboard.press("Control+z")
    expect_body(form, "新聞、新聞、新聞")
    form.locator('[data-find="all"]').click()
    expect_body(form, "瓦版、瓦版、瓦版")
    expect(form.locator(".writing-find-count")).to_have_text("3件を置き換えました")
    form.locator("#id_body").focus()
    form.keyboard.press("Control+z")
    expect_body(form, "新聞、新聞、新聞")


def test_enter_in_the_bar_saves_nothing_and_what_is_typed_there_is_no_change(form: Page) -> None:
    tool(form, "find")
    expect(form.locator('[data-find="word"]')).to_be_focused()
    form.keyboard.insert_text("語")
    form.keyboard.press("Enter")
    form.wait_for_timeout(500)
    assert form.url.endswith("/add/")
    assert not Post.objects.exists()


def test_a_long_text_is_changed_at_once_and_undone(form: Page) -> None:
    form.set_default_timeout(60_000)
    write(form, "«新»聞の一文です。強いところ。\n\n" + "新聞の一文です。強いところ。\n\n" * 999)
    before = text_of(form)
    tool(form, "footnote")
    wait_until(form, lambda: text_of(form), lambda text: text.startswith("新[^1]聞の一文です。"))
    form.keyboard.insert_text("注")
    wait_until(form, lambda: text_of(form), lambda text: text.endswith("\n\n[^1]: 注\n"))
    form.keyboard.press("Control+z")
    form.keyboard.press("Control+z")
    expect_body(form, before)
    tool(form, "find")
    form.fill('[data-find="word"]', "新聞")
    form.fill('[data-find="replacement"]', "瓦版")
    form.locator('[data-find="all"]').click()
    expect_body(form, before.replace("新聞", "瓦版"))
    form.locator("#id_body").focus()
    form.keyboard.press("Control+z")
    expect_body(form, before)


# --- Full screen, count, leaving ---


def test_full_screen_leaves_the_text_and_the_buttons_and_escape_leads_back(form: Page) -> None:
    tool(form, "full")
    expect(form.locator(".desk-side")).to_be_hidden()
    expect(form.locator("#header")).to_be_hidden()
    expect(form.locator(".desk-buttons")).to_be_visible()
    expect(form.locator("#id_body")).to_be_focused()
    form.keyboard.press("Escape")
    expect(form.locator(".desk-side")).to_be_visible()


COUNTED = [
    "原稿は**「机の上」**に住む。",
    "## 見出し\n\n- 一\n- 二\n\n1. 三\n\n> 引用です\n\n[題](/a/b/) と ![絵](/c.png)",
    "{瓦版|かわらばん}と｜新聞《しんぶん》。\n\n注[^1]。\n\n[^1]: 注の文",
    "```python\nx = 1\n```\n\n`code`と~~消~~す。<!-- 見えない -->",
    "| 甲 | 乙 |\n| --- | --- |\n| 一 | 二 |",
    "> [!TIP] 題\n> 囲み\n\n- [ ] する\n\n𠮷野家で😀",
]


def test_characters_are_counted_while_writing_as_the_site_counts_them(form: Page) -> None:
    for text in COUNTED:
        form.locator("#id_body").fill(text)
        expected = workflow.save_post(Post(), None, {"title": "題", "body": text}).character_count
        expect(form.locator('[data-part="characters"]')).to_have_text(f"{expected}字")
    form.locator("#id_body").fill("字" * 3120)
    expect(form.locator(".desk-count")).to_have_text("3,120字 約6分")


def test_a_long_text_is_counted_without_making_the_writer_wait(form: Page) -> None:
    write(form, "長い原稿の一文です。**強い**ところ。\n\n" * 5000)
    expect(form.locator('[data-part="characters"]')).to_have_text("80,000字")
    hostile = ["[" * 100_000, "*" * 100_000, "{a|" * 33_000, "| - " * 25_000, "```\n" * 25_000, "<!--" * 25_000, "｜" * 100_000]
    for text in hostile:
        # The best of three: what other programs take of the machine is no time of this one.
        assert min(form.evaluate(COUNT, text) for _run in range(3)) < 1000, text[:4]


def test_unsaved_words_are_asked_about_when_leaving_and_never_after_a_submit(form: Page, live_site: Any) -> None:
    asked: list[str] = []
    form.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    form.keyboard.press("Escape")
    form.goto(f"{live_site.url}/admin/")
    assert asked == []
    form.goto(f"{live_site.url}/admin/articles/post/add/")
    form.locator("#id_title").press_sequentially("題")
    form.goto(f"{live_site.url}/admin/")
    assert asked == ["beforeunload"]
    form.goto(f"{live_site.url}/admin/articles/post/add/")
    form.locator("#id_title").press_sequentially("題")
    press(form, "")
    form.wait_for_url("**/change/")
    form.goto(f"{live_site.url}/admin/")
    assert asked == ["beforeunload"]


def test_a_refused_form_still_asks(form: Page, live_site: Any) -> None:
    asked: list[str] = []
    form.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    form.locator("#id_body").press_sequentially("本文")
    press(form, "")
    expect(form.locator(".errornote")).to_be_visible()
    form.locator("#id_body").click()
    form.goto(f"{live_site.url}/admin/")
    assert asked == ["beforeunload"]


def test_the_folds_of_the_panel_stay_as_they_were_left(form: Page) -> None:
    fold = form.locator(".desk-side details").first
    for is_open in (True, False):
        before = form.evaluate(FOLDS)
        fold.locator("summary").click()
        wait_until(form, lambda: form.evaluate(FOLDS), lambda kept, before=before: kept != before)
        form.reload()
        expect(fold).to_have_js_property("open", is_open)


# --- Everybody ---


def test_without_scripts_the_form_is_whole_and_shows_no_tool(browser: Browser, live_site: Any, media_root: Any) -> None:
    context = browser.new_context(locale="ja-JP", java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_site, "publisher")
    page.goto(f"{live_site.url}/admin/articles/post/add/")
    expect(page.locator("[role=toolbar]")).to_be_hidden()
    expect(page.locator("dialog")).to_have_count(4)
    page.fill("#id_title", "道具なしの題")
    page.fill("#id_body", "本文")
    click_through(page.locator(".desk-buttons button").first)
    page.wait_for_url("**/change/")
    assert Post.objects.get().body == "本文"
    expect(page.locator(".desk-count").first).to_contain_text("2")
    context.close()


def open_search(page: Page, name: str) -> None:
    """One of the dialogs with a search, and its first results."""
    tool(page, name)
    expect(page.locator(f"#writing-{name} .writing-result").first).to_be_visible()


def open_find(page: Page) -> None:
    tool(page, "find")
    page.fill('[data-find="word"]', "本文")
    expect(page.locator(".writing-find-count")).to_contain_text("8")


def open_help(page: Page) -> None:
    tool(page, "help")
    expect(page.locator("#writing-help")).to_be_visible()


def open_full(page: Page) -> None:
    tool(page, "full")
    expect(page.locator(".desk-side")).to_be_hidden()


OPEN: dict[str, Callable[[Page], None]] = {
    "form": lambda page: None,
    "link": lambda page: open_search(page, "link"),
    "picture": lambda page: open_search(page, "picture"),
    "help": open_help,
    "find": open_find,
    "full": open_full,
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_everything_that_opens_can_be_used_by_everybody(
    browser: Browser, live_site: Any, size: Any, scheme: Any, media_root: Any
) -> None:
    context = browser.new_context(locale="ja-JP", viewport=size, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    person = sign_in(page, live_site, "publisher")
    make_picture("倉庫.png", "川沿いの倉庫")
    post = workflow.save_post(Post(), person, {"title": "とても長い題の記事" * 6, "body": "本文を書く。\n\n- 一\n- 二\n" * 8})
    wrong = {}
    for name, opens in OPEN.items():
        page.goto(f"{live_site.url}/admin/articles/post/{post.pk}/change/")
        # On a phone there is the text or its preview.
        if size == DESK:
            expect(page.frame_locator(".live-frame").locator(".prose")).to_contain_text("本文を書く。")
        opens(page)
        found = complaints.copy()
        if is_wide(page):
            found.append("wider than its window")
        # Last: axe writes styles of its own into the page, which the policy refuses.
        for rule in run_axe(page):
            found += [f"{rule['id']}: {node['html'][:120]} {node['failureSummary'][:200]}" for node in rule["nodes"][:3]]
        if found:
            wrong[name] = found
        complaints.clear()
    assert wrong == {}
    context.close()
