"""What hurried people do to a form, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from articles.editorial import workflow
from articles.models import Post, Revision
from tests.browser.test_admin_browser import press, sign_in
from tests.browser.waiting import click_through, follow, run_axe
from tests.people import make_person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_a_double_click_makes_one_post(page: Page, live_site: Any, media_root: Any) -> None:
    make_person("publisher")
    sign_in(page, live_site, "publisher")
    page.goto(f"{live_site.url}/admin/articles/post/add/")
    expect(page.locator("#id_title")).to_be_focused()
    page.keyboard.insert_text("二度押した題")
    page.locator(".desk-buttons button").first.dblclick()
    page.wait_for_url("**/change/")
    # Long enough for a second order to be carried out.
    page.wait_for_timeout(1000)
    assert Post.objects.count() == 1
    assert Revision.objects.count() == 1
    expect(page.locator(".errornote")).to_have_count(0)


def test_going_back_and_saving_again_is_refused_in_words_and_keeps_the_text(page: Page, live_site: Any, media_root: Any) -> None:
    post = workflow.save_post(Post(), make_person("editor"), {"title": "題", "body": "はじめ"})
    sign_in(page, live_site, "editor")
    page.goto(f"{live_site.url}/admin/articles/post/{post.pk}/change/")
    page.fill("#id_body", "一度目")
    press(page, "")
    page.go_back()
    page.fill("#id_body", "戻ってから書いた文")
    press(page, "")
    expect(page.locator("#id_body")).to_have_value("戻ってから書いた文")
    post.refresh_from_db()
    # Either the browser asked for the page anew and the save is good, or the old page is refused with who saved it.
    if post.body != "戻ってから書いた文":
        assert post.body == "一度目"
        expect(page.locator(".errorlist").first).to_contain_text("editor")


def test_a_session_that_ends_while_somebody_writes_costs_no_word(page: Page, live_site: Any, media_root: Any) -> None:
    person = make_person("author")
    sign_in(page, live_site, "author")
    page.goto(f"{live_site.url}/admin/articles/post/add/")
    page.fill("#id_title", "期限の切れた原稿")
    page.fill("#id_body", "\n一行目は空。\n二行目。\n")
    Session.objects.all().delete()
    click_through(page.locator(".desk-buttons button").first)
    expect(page.locator("main")).to_contain_text("二行目。")
    assert run_axe(page) == []
    assert not Post.objects.exists()
    page.fill("#id_sign-in-username", "author")
    page.fill("#id_sign-in-password", "x")
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/")
    post = Post.objects.get()
    assert (post.title, post.body, post.owner) == ("期限の切れた原稿", "\n一行目は空。\n二行目。\n", person)


def test_signing_in_anew_in_another_tab_costs_no_word(page: Page, live_site: Any, media_root: Any) -> None:
    make_person("author")
    sign_in(page, live_site, "author")
    page.goto(f"{live_site.url}/admin/articles/post/add/")
    page.fill("#id_title", "前の札の原稿")
    other = page.context.new_page()
    other.goto(f"{live_site.url}/admin/")
    click_through(other.locator("#logout-form button"))
    sign_in(other, live_site, "author")
    click_through(page.locator(".desk-buttons button").first)
    expect(page.locator("main")).to_contain_text("前の札の原稿")
    page.locator(".kept-form button").click()
    page.wait_for_url("**/change/")
    assert Post.objects.get().title == "前の札の原稿"


def test_versions_are_compared_and_restored_by_keyboard(page: Page, live_site: Any, media_root: Any) -> None:
    person = make_person("editor")
    post = workflow.save_post(Post(), person, {"title": "題", "body": "はじめの文。"})
    workflow.save_post(post, person, {"body": "あとの文。"})
    sign_in(page, live_site, "editor")
    page.goto(f"{live_site.url}/admin/articles/post/{post.pk}/change/")
    follow(page.get_by_role("link", name="版", exact=True).first)
    follow(page.get_by_role("link", name="今との違いを見る・戻す").last)
    expect(page.locator(".clauses del")).to_contain_text("はじめの文。")
    expect(page.locator(".clauses ins")).to_contain_text("あとの文。")
    page.get_by_role("button", name="この版に戻す").press("Enter")
    page.wait_for_url("**/change/")
    expect(page.locator("#id_body")).to_have_value("はじめの文。")
    assert [revision.note for revision in Revision.objects.all()[:1]] == ["restored an earlier version"]
