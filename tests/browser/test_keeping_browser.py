"""Nothing is lost, in real browsers: a killed tab, a lost network, an ended session, two people at one post, the way back."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.db import InternalError
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Error, Page, Route, expect
from psycopg.errors import ReadOnlySqlTransaction

from articles.editorial import drafts, workflow
from articles.models import Post, Revision
from tests.browser.waiting import click_through, follow, run_axe, wait_until
from tests.people import make_person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

TEXT = "最初の段落。\n\n真ん中の段落。\n\n最後の段落。\n"
COPIES = "Object.keys(localStorage).filter(key => key.startsWith('kawaraban.kept.')).length"


@pytest.fixture
def editor(live_site: Any, media_root: Any) -> Any:
    return make_person("editor")


def open_browser(browser: Browser, site: Any, person: Any) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1360, "height": 900}, locale="ja-JP", reduced_motion="reduce")
    let_in(context, site, person)
    return context


def let_in(context: BrowserContext, site: Any, person: Any) -> None:
    client = Client()
    client.force_login(person)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site.url}])


def address_of(site: Any, post: Post) -> str:
    return f"{site.url}/admin/articles/post/{post.pk}/change/"


def open_post(context: BrowserContext, site: Any, post: Post) -> Page:
    page = context.new_page()
    page.goto(address_of(site, post))
    return page


def make_post(person: Any, **changes: Any) -> Post:
    return workflow.save_post(Post(), person, {"title": "川沿いの倉庫", "body": TEXT, **changes})


def type_at_end(page: Page, text: str) -> None:
    body = page.locator("#id_body")
    body.focus()
    expect(body).to_be_focused()
    body.press("Control+End")
    page.keyboard.insert_text(text)


def wait_until_kept(page: Page) -> None:
    expect(page.locator(".kept-said")).to_contain_text("自動保存")


def kill(page: Page) -> None:
    """Ends the process of the tab, as the system does when memory runs out: no event of the page runs any more."""
    with page.expect_event("crash"), suppress(Error):
        page.goto("chrome://crash")
    page.close()


def bring_back(page: Page) -> None:
    click_through(page.locator("#open-texts").get_by_role("button", name="原稿を戻す"))
    expect(page.locator(".messagelist")).to_contain_text("原稿を記事に入れました")


def test_a_killed_tab_loses_nothing(browser: Browser, live_site: Any, editor: Any) -> None:
    post = make_post(editor)
    context = open_browser(browser, live_site, editor)
    page = open_post(context, live_site, post)
    type_at_end(page, "書きかけの結び。")
    wait_until_kept(page)
    type_at_end(page, "まだ送られていない一文。")
    page.wait_for_function("() => localStorage.length > 0 && JSON.stringify(localStorage).includes('まだ送られていない一文')")
    kill(page)
    assert Post.objects.get().body == TEXT
    page = open_post(context, live_site, post)
    expect(page.locator(".open-text")).to_contain_text("保存していない原稿があります")
    bring_back(page)
    expect(page.locator("#id_body")).to_have_value(TEXT + "書きかけの結び。まだ送られていない一文。")
    assert Post.objects.get().body == TEXT + "書きかけの結び。まだ送られていない一文。"
    page.reload()
    expect(page.locator("#open-texts")).to_be_hidden()
    page.wait_for_function(f"() => {COPIES} === 0")


def test_text_written_without_a_network_survives_the_tab_and_is_sent_when_there_is_one(
    browser: Browser, live_site: Any, editor: Any
) -> None:
    post = make_post(editor)
    context = open_browser(browser, live_site, editor)
    page = open_post(context, live_site, post)
    context.set_offline(True)
    type_at_end(page, "電車の中で書いた。")
    expect(page.locator(".kept-said")).to_contain_text("このブラウザーに控えてあり")
    kill(page)
    assert not Revision.objects.filter(kind=Revision.Kind.AUTOSAVE).exists()
    context.set_offline(False)
    page = open_post(context, live_site, post)
    bring_back(page)
    assert Post.objects.get().body == TEXT + "電車の中で書いた。"


def test_a_network_that_comes_back_is_noticed_without_a_reload(browser: Browser, live_site: Any, editor: Any) -> None:
    post = make_post(editor)
    context = open_browser(browser, live_site, editor)
    page = open_post(context, live_site, post)
    context.set_offline(True)
    type_at_end(page, "途切れた。")
    expect(page.locator(".kept-said")).to_contain_text("サーバーにつながりません")
    context.set_offline(False)
    wait_until_kept(page)
    kept = Revision.objects.get(kind=Revision.Kind.AUTOSAVE)
    assert kept.snapshot["body"] == TEXT + "途切れた。"


def test_a_session_that_ends_while_writing_loses_nothing(browser: Browser, live_site: Any, editor: Any) -> None:
    post = make_post(editor)
    context = open_browser(browser, live_site, editor)
    page = open_post(context, live_site, post)
    context.clear_cookies(name="sessionid")
    type_at_end(page, "期限が切れた。")
    expect(page.locator(".kept-said")).to_contain_text("ログインの期限が切れました")
    expect(page.locator(".kept-sign-in")).to_be_visible()
    let_in(context, live_site, editor)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    wait_until_kept(page)
    click_through(page.get_by_role("button", name="下書き保存"))
    expect(page.locator(".messagelist")).to_contain_text("保存しました")
    assert Post.objects.get().body == TEXT + "期限が切れた。"


def test_a_new_text_becomes_a_post_by_itself_and_only_one(browser: Browser, live_site: Any, editor: Any) -> None:
    context = open_browser(browser, live_site, editor)
    page = context.new_page()
    page.goto(f"{live_site.url}/admin/articles/post/add/")
    expect(page.locator("#id_title")).to_be_focused()
    page.keyboard.insert_text("新しい記事")
    type_at_end(page, "一行目。")
    page.wait_for_url("**/change/")
    type_at_end(page, "二行目。")
    click_through(page.get_by_role("button", name="下書き保存"))
    expect(page.locator(".messagelist")).to_contain_text("保存しました")
    post = Post.objects.get()
    assert (post.title, post.body, post.owner) == ("新しい記事", "一行目。二行目。", editor)
    # The browser's own copy of the form that is gone was sent to the server, and is in the post.
    page.wait_for_function(f"() => {COPIES} === 0")
    expect(page.locator("#open-texts")).to_be_hidden()


def test_a_page_that_stays_open_after_its_form_was_saved_goes_on_as_another_form(
    browser: Browser, live_site: Any, editor: Any
) -> None:
    post = make_post(editor)
    context = open_browser(browser, live_site, editor)
    page = open_post(context, live_site, post)
    first = page.locator("[name=session]").input_value()

    def save_and_stay(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch(max_redirects=0)
            route.fulfill(status=204)
        else:
            route.continue_()

    page.route(address_of(live_site, post), save_and_stay)
    type_at_end(page, "保存した。")
    page.get_by_role("button", name="下書き保存").click()
    wait_until(page, lambda: Post.objects.get().body == TEXT + "保存した。")
    type_at_end(page, "その後に書いた。")
    wait_until_kept(page)
    kept, now = Revision.objects.open().get(), page.locator("[name=session]").input_value()
    assert kept.snapshot["body"] == TEXT + "保存した。その後に書いた。"
    assert kept.session == now != first
    page.unroute(address_of(live_site, post))
    click_through(page.get_by_role("button", name="下書き保存"))
    page.wait_for_function(f"() => {COPIES} === 0")
    expect(page.locator("#open-texts")).to_be_hidden()
    assert Post.objects.get().body == TEXT + "保存した。その後に書いた。"


def test_going_back_after_saves_shows_the_newest_text_and_undoes_nobodys(browser: Browser, live_site: Any, editor: Any) -> None:
    post = make_post(editor)
    page = open_post(open_browser(browser, live_site, editor), live_site, post)
    for text in ("一度目。", "二度目。"):
        type_at_end(page, text)
        click_through(page.get_by_role("button", name="下書き保存"))
        expect(page.locator(".messagelist")).to_contain_text("保存しました")
    workflow.save_draft(Post.objects.get(), make_person("publisher"), {"body": "同僚の冒頭。\n\n" + TEXT + "一度目。二度目。"})
    page.go_back()
    page.go_back()
    type_at_end(page, "三度目。")
    click_through(page.get_by_role("button", name="下書き保存"))
    expect(page.locator(".messagelist")).to_contain_text("保存しました")
    assert Post.objects.get().body == "同僚の冒頭。\n\n" + TEXT + "一度目。二度目。三度目。"


def test_going_back_to_the_form_of_a_new_post_that_was_saved_at_once_makes_no_second_one(
    browser: Browser, live_site: Any, editor: Any
) -> None:
    page = open_browser(browser, live_site, editor).new_page()
    page.goto(f"{live_site.url}/admin/articles/post/add/")
    expect(page.locator("#id_title")).to_be_focused()
    page.keyboard.insert_text("新しい記事")
    type_at_end(page, "一行目。")
    click_through(page.get_by_role("button", name="下書き保存"))
    expect(page.locator(".messagelist")).to_contain_text("保存しました")
    page.go_back()
    page.wait_for_function(f"() => {COPIES} === 0")
    expect(page.locator("#open-texts")).to_be_hidden()
    if page.url.endswith("/add/"):
        expect(page.locator("#id_body")).to_have_value("")
    assert Post.objects.get().body == "一行目。"


def test_a_save_without_a_network_leaves_the_text_where_it_is_and_says_so(browser: Browser, live_site: Any, editor: Any) -> None:
    post = make_post(editor)
    context = open_browser(browser, live_site, editor)
    page = open_post(context, live_site, post)
    context.set_offline(True)
    type_at_end(page, "電車の中で書いた。")
    page.get_by_role("button", name="下書き保存").click()
    expect(page.locator(".kept-said")).to_contain_text("ネットワークがありません")
    expect(page.locator("#id_body")).to_have_value(TEXT + "電車の中で書いた。")
    context.set_offline(False)
    click_through(page.get_by_role("button", name="下書き保存"))
    expect(page.locator(".messagelist")).to_contain_text("保存しました")
    assert Post.objects.get().body == TEXT + "電車の中で書いた。"


def test_nothing_is_kept_while_an_input_method_is_composing(browser: Browser, live_site: Any, editor: Any) -> None:
    post = make_post(editor)
    context = open_browser(browser, live_site, editor)
    page = open_post(context, live_site, post)
    body = page.locator("#id_body")
    body.focus()
    expect(body).to_be_focused()
    keyboard = context.new_cdp_session(page)
    keyboard.send("Input.imeSetComposition", {"text": "へんかんちゅう", "selectionStart": 7, "selectionEnd": 7})
    # Longer than the pause after which the browser's own copy is written.
    page.wait_for_timeout(900)
    assert page.evaluate(COPIES) == 0
    keyboard.send("Input.insertText", {"text": "変換中"})
    page.wait_for_function(f"() => {COPIES} === 1")
    wait_until_kept(page)
    assert "変換中" in Revision.objects.get(kind=Revision.Kind.AUTOSAVE).snapshot["body"]


def test_what_is_written_while_the_page_still_loads_is_kept_and_asked_about(
    browser: Browser, live_site: Any, editor: Any
) -> None:
    post = make_post(editor)
    context = open_browser(browser, live_site, editor)
    page = context.new_page()
    held: list[Route] = []
    page.route("**/slow.png", lambda route: held.append(route))
    page.add_init_script(
        """addEventListener("DOMContentLoaded", () => {
          const image = document.createElement("img");
          image.src = "/slow.png";
          document.body.append(image);
        });"""
    )
    page.goto(address_of(live_site, post), wait_until="domcontentloaded")
    wait_until(page, lambda: held)
    page.evaluate("document.querySelectorAll('.desk-side details').forEach(fold => fold.open = true)")
    page.locator("#id_path").click()
    page.locator("#id_path").fill("/hayaku/")
    assert page.evaluate("document.readyState") == "interactive"
    held[0].fulfill(status=404)
    page.wait_for_load_state()
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.evaluate("setTimeout(() => location.assign('/admin/'))")
    wait_until(page, lambda: asked)
    wait_until_kept(page)
    assert Revision.objects.get(kind=Revision.Kind.AUTOSAVE).snapshot["path"] == "/hayaku/"


def test_two_people_at_one_post_see_each_other_and_both_saves_are_in_it(browser: Browser, live_site: Any, editor: Any) -> None:
    colleague = make_person("publisher")
    post = make_post(editor)
    first = open_post(open_browser(browser, live_site, editor), live_site, post)
    second = open_post(open_browser(browser, live_site, colleague), live_site, post)
    expect(second.locator(".kept-present")).to_contain_text("editorさん")
    first.locator("#id_body").fill(TEXT.replace("最初", "はじめ"))
    second.locator("#id_body").fill(TEXT.replace("最後", "終わり"))
    click_through(first.get_by_role("button", name="下書き保存"))
    expect(first.locator(".messagelist")).to_contain_text("保存しました")
    click_through(second.get_by_role("button", name="下書き保存"))
    expect(second.locator(".messagelist")).to_contain_text("両方とも記事に入っています")
    expect(second.locator("#id_body")).to_have_value(TEXT.replace("最初", "はじめ").replace("最後", "終わり"))


def test_two_saves_of_one_place_are_brought_together_by_keyboard(browser: Browser, live_site: Any, editor: Any) -> None:
    colleague = make_person("publisher")
    post = make_post(editor)
    context = open_browser(browser, live_site, colleague)
    page = open_post(context, live_site, post)
    page.locator("#id_body").fill(TEXT.replace("真ん中の段落", "わたしの段落"))
    workflow.save_draft(post, editor, {"body": TEXT.replace("真ん中の段落", "かれの段落")})
    click_through(page.get_by_role("button", name="下書き保存"))
    expect(page.locator("h1")).to_contain_text("川沿いの倉庫")
    expect(page.locator(".merge-question")).to_have_count(1)
    assert run_axe(page) == []
    first = page.locator(".merge-choices input").first
    first.focus()
    page.keyboard.press("Space")
    follow(page.locator(".merge-bar button.default"))
    expect(page.locator(".messagelist")).to_contain_text("両方を記事に入れました")
    assert "わたしの段落" in Post.objects.get().body


def test_readers_see_nothing_of_a_change_until_it_is_published(browser: Browser, live_site: Any, editor: Any) -> None:
    publisher = make_person("publisher")
    post = workflow.publish(make_post(editor), publisher)
    reader = browser.new_context().new_page()
    page = open_post(open_browser(browser, live_site, publisher), live_site, post)
    type_at_end(page, "追記した段落。")
    click_through(page.get_by_role("button", name="公開せずに保存"))
    expect(page.locator(".desk-state")).to_contain_text("未公開の変更あり")
    reader.goto(live_site.url + post.get_absolute_url())
    expect(reader.locator("article")).not_to_contain_text("追記した段落")
    click_through(page.get_by_role("link", name="公開中の記事との違い"))
    expect(page.locator(".clauses ins")).to_contain_text("追記した段落。")
    page.go_back()
    click_through(page.get_by_role("button", name="変更を公開"))
    expect(page.locator(".messagelist")).to_contain_text("公開")
    reader.reload()
    expect(reader.locator("article")).to_contain_text("追記した段落")


def test_versions_are_named_folded_compared_and_brought_back(browser: Browser, live_site: Any, editor: Any) -> None:
    post = make_post(editor)
    for number in range(6):
        workflow.save_draft(post, editor, {"body": f"{number}稿。{TEXT}"})
    drafts.keep(Post.objects.get(), editor, {"body": "x"}, None, "a" * 20)
    page = open_post(open_browser(browser, live_site, editor), live_site, post)
    click_through(page.locator('.desk-state a[href$="/history/"]'))
    expect(page.locator(".version-fold > details > summary")).to_contain_text("自動保存1件")
    row = page.locator(".version").filter(has=page.locator(".naming")).nth(3)
    row.locator(".naming summary").press("Enter")
    row.get_by_label("版の名前").fill("編集会議に出した版")
    click_through(row.get_by_role("button", name="この名前にする"))
    expect(page.locator(".version.is-milestone .version-name")).to_have_text("編集会議に出した版")
    page.locator(".version.is-milestone").filter(has_text="編集会議").get_by_role("link").first.click()
    click_through(page.get_by_role("button", name="この版に戻す"))
    expect(page.locator(".messagelist")).to_contain_text("戻し")
    assert Post.objects.get().body.startswith("3稿")


def test_while_the_database_takes_nothing_the_page_says_so_and_sends_the_text_when_it_does(
    browser: Browser, live_site: Any, editor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same error that PostgreSQL raises in a transaction that only reads."""
    post = make_post(editor)
    context = open_browser(browser, live_site, editor)
    page = open_post(context, live_site, post)

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise InternalError("cannot execute INSERT in a read-only transaction") from ReadOnlySqlTransaction()

    with monkeypatch.context() as patch:
        patch.setattr(drafts, "keep", refuse)
        type_at_end(page, "読むだけのあいだに書いた。")
        expect(page.locator(".kept-said")).to_contain_text("いまは読むことだけできます", timeout=15_000)
        assert page.evaluate(COPIES) == 1
    wait_until_kept(page)
    assert "読むだけのあいだに書いた。" in Revision.objects.latest("pk").snapshot["body"]
    context.close()
