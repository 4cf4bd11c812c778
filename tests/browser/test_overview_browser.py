"""The first page, kept views and the trash in a real browser: by keyboard, on a phone, for everybody."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from articles.editorial import workflow
from articles.models import Post, SavedView
from tests.browser.test_admin_browser import sign_in
from tests.browser.waiting import click_through, follow, is_wide, run_axe
from tests.people import make_person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
PHONE = {"width": 390, "height": 844}


def write(owner: Any, title: str) -> Post:
    return workflow.save_post(Post(), owner, {"title": title, "body": "本文。"})


def violations(page: Page) -> list[str]:
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:160]}" for rule in run_axe(page)]


def test_an_editor_finds_what_waits_and_goes_there_by_keyboard_on_a_phone(page: Page, live_site: Any) -> None:
    author = make_person("author")
    make_person("editor")
    workflow.submit_for_review(write(author, "物価の見方、もう一度はじめから"), author)
    page.set_viewport_size(PHONE)
    sign_in(page, live_site, "editor")
    assert not is_wide(page)
    link = page.locator('section[aria-labelledby="to-review-heading"] li a')
    expect(link).to_have_text("物価の見方、もう一度はじめから")
    assert violations(page) == []
    follow(link)
    expect(page.locator("#id_title")).to_have_value("物価の見方、もう一度はじめから")


def test_a_searched_list_is_kept_opened_again_and_deleted_by_keyboard(page: Page, live_site: Any) -> None:
    editor = make_person("editor")
    write(editor, "半導体の投資")
    write(editor, "図書館の予約")
    sign_in(page, live_site, "editor")
    page.goto(f"{live_site.url}/admin/articles/post/?q=投資")
    page.locator(".keep-view summary").press("Enter")
    expect(page.locator("#view-name")).to_be_visible()
    page.locator("#view-name").focus()
    expect(page.locator("#view-name")).to_be_focused()
    page.keyboard.insert_text("投資の記事")
    assert violations(page) == []
    follow(page.locator("#view-name"))
    page.goto(f"{live_site.url}/admin/articles/post/")
    click_through(page.locator(".saved-views a", has_text="投資の記事"))
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    click_through(page.locator(".saved-views .forget"))
    expect(page.locator(".saved-views")).to_have_count(0)
    assert not SavedView.objects.exists()


def test_what_was_thrown_away_comes_back_with_one_press(page: Page, live_site: Any) -> None:
    editor = make_person("editor")
    workflow.move_to_trash(write(editor, "消した記事"), editor)
    page.set_viewport_size(PHONE)
    sign_in(page, live_site, "editor")
    page.goto(f"{live_site.url}/admin/articles/post/?trash=1")
    assert violations(page) == []
    follow(page.locator(".ways-out button"))
    assert Post.objects.get().trashed_at is None
