"""A text goes to review and back with a reason, and a colleague is invited: in a real browser, by keyboard, on a phone."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Browser, Page, expect

from articles.editorial import workflow
from articles.models import Notice, Post
from tests.browser.test_admin_browser import press, sign_in
from tests.browser.waiting import click_through, follow, is_wide, run_axe
from tests.people import make_person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
PHONE = {"width": 390, "height": 844}


def violations(page: Page) -> list[str]:
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:160]}" for rule in run_axe(page)]


def test_a_text_is_submitted_returned_with_a_reason_and_read_by_its_author(browser: Browser, live_site: Any) -> None:
    author = make_person("author")
    make_person("editor")
    post = workflow.save_post(Post(), author, {"title": "川沿いの倉庫", "body": "本文。"})
    address = f"{live_site.url}/admin/articles/post/{post.pk}/change/"
    writing, editing = (browser.new_context(locale="ja-JP", viewport=PHONE).new_page() for _number in range(2))
    sign_in(writing, live_site, "author")
    writing.goto(address)
    press(writing, "submit")

    sign_in(editing, live_site, "editor")
    expect(editing.locator(".bell b")).to_have_text("1")
    editing.goto(f"{live_site.url}/admin/notices/")
    assert violations(editing) == []
    editing.locator("button.as-link").click()
    editing.wait_for_url(address)
    editing.locator(".return-reason summary").press("Enter")
    expect(editing.locator("#return-reason")).to_be_visible()
    editing.locator("#return-reason").focus()
    expect(editing.locator("#return-reason")).to_be_focused()
    editing.keyboard.insert_text("冒頭を短く。")
    assert not is_wide(editing)
    assert editing.locator("#return-reason").bounding_box()["x"] >= 0  # type: ignore[index]
    follow(editing.locator(".return-sheet button"))
    assert Post.objects.get().state == Post.State.DRAFT

    writing.goto(f"{live_site.url}/admin/")
    expect(writing.locator(".overview-reason")).to_have_text("冒頭を短く。")
    writing.goto(address)
    expect(writing.locator(".came-back")).to_contain_text("冒頭を短く。")
    assert violations(writing) == []


def test_without_a_reason_the_form_comes_back_with_what_was_typed(page: Page, live_site: Any) -> None:
    author = make_person("author")
    make_person("editor")
    post = workflow.submit_for_review(workflow.save_post(Post(), author, {"title": "題", "body": "本文。"}), author)
    sign_in(page, live_site, "editor")
    page.goto(f"{live_site.url}/admin/articles/post/{post.pk}/change/")
    page.fill("#id_body", "編集者が直した本文。")
    page.locator(".return-reason summary").click()
    click_through(page.locator(".return-sheet button"))
    expect(page.locator("#id_body")).to_have_value("編集者が直した本文。")
    expect(page.locator(".errorlist").first).to_be_visible()
    post.refresh_from_db()
    assert (post.state, post.body) == (Post.State.IN_REVIEW, "本文。")
    assert not Notice.objects.filter(kind=Notice.Kind.RETURNED).exists()


def test_a_colleague_is_invited_chooses_a_password_and_signs_in(browser: Browser, live_site: Any) -> None:
    make_person("administrator")
    desk = browser.new_context(locale="ja-JP", viewport=PHONE).new_page()
    sign_in(desk, live_site, "administrator")
    desk.goto(f"{live_site.url}/admin/auth/user/invite/")
    assert violations(desk) == []
    desk.fill("#id_username", "shinjin")
    desk.fill("#id_email", "shinjin@example.jp")
    desk.select_option("#id_role", str(Group.objects.get(name="author").pk))
    click_through(desk.locator(".plain-form button"))
    link = desk.locator("#invitation-link").input_value()
    assert violations(desk) == []

    home = browser.new_context(locale="ja-JP", viewport=PHONE).new_page()
    home.goto(link)
    assert violations(home) == []
    home.fill("#id_new_password1", "kawara-7-ban-no-tana")
    home.fill("#id_new_password2", "kawara-7-ban-no-tana")
    click_through(home.locator(".plain-form button"))
    click_through(home.locator("a.button"))
    home.fill("#id_username", "shinjin")
    home.fill("#id_password", "kawara-7-ban-no-tana")
    home.keyboard.press("Enter")
    home.wait_for_url(f"{live_site.url}/admin/")
    expect(home.locator(".welcome")).to_be_visible()

    account = User.objects.get(username="shinjin")
    desk.goto(f"{live_site.url}/admin/auth/user/{account.pk}/change/")
    click_through(desk.locator('form[action$="/step/deactivate/"] button'))
    expect(desk.locator(".badge.is-withdrawn")).to_be_visible()
    home.goto(f"{live_site.url}/admin/")
    expect(home.locator("#login-form")).to_be_visible()
