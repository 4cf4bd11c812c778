"""A correction in a real browser: issued by keyboard, read by readers, taken back without a script."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from articles.editorial import workflow
from articles.models import Correction, Post
from tests.browser.test_admin_browser import DESK, PHONE, problems, refused_by_policy
from tests.browser.test_writing import sign_in
from tests.browser.waiting import click_through, follow, is_wide, run_axe
from tests.people import make_person

__all__ = ["problems"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
TEXT = "二段落目の「二千本」は「三千本」の誤りでした。"


@pytest.fixture
def post(live_site: Any, media_root: Any) -> Post:
    """A post that was public for some days, with a draft beside it."""
    changes = {"title": "川沿いの倉庫", "body": "倉庫は川沿いにある。\n\n原稿は二千本ある。\n", "path": "/kura/"}
    made = workflow.publish(workflow.save_post(Post(), None, changes), None)
    past = timezone.now() - timedelta(days=3)
    Post.objects.filter(pk=made.pk).update(published_at=past, first_published_at=past)
    return workflow.save_draft(made, None, {"body": "倉庫は川沿いにある。\n\n原稿は三千本ある。\n"}).post


def find_violations(page: Page) -> list[str]:
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:160]}" for rule in run_axe(page)]


def test_a_correction_is_issued_by_keyboard_with_the_changes_and_read_by_readers(
    page: Page, live_site: Any, post: Post, problems: list[str]
) -> None:
    page.set_viewport_size(DESK)
    sign_in(page, live_site, "publisher")
    page.goto(f"{live_site.url}/admin/articles/post/{post.pk}/change/")
    follow(page.get_by_role("link", name="訂正を出す"))
    expect(page.locator("#id_with_changes")).to_be_checked()
    expect(page.locator(".clauses ins").first).to_contain_text("三")
    text = page.locator("#id_text")
    text.focus()
    expect(text).to_be_focused()
    page.keyboard.insert_text(TEXT)
    follow(page.get_by_role("button", name="訂正を出す"))
    expect(page.locator(".messagelist")).to_contain_text("未公開だった変更を公開しました")
    expect(page.locator(".desk-corrections")).to_contain_text(TEXT)
    page.goto(f"{live_site.url}/kura/")
    expect(page.locator(".prose").first).to_contain_text("三千本")
    page.get_by_role("link", name="この記事には訂正があります").press("Enter")
    expect(page.get_by_role("region", name="訂正")).to_be_in_viewport()
    expect(page.get_by_role("region", name="訂正")).to_contain_text(TEXT)
    assert refused_by_policy(problems) == []


@pytest.mark.parametrize(("scheme", "size"), [("light", DESK), ("dark", PHONE)])
def test_the_pages_of_corrections_are_for_everybody(page: Page, live_site: Any, post: Post, scheme: Any, size: Any) -> None:
    Correction.objects.create(post=post, text=TEXT, corrected_at=timezone.now())
    Post.objects.filter(pk=post.pk).update(corrected_at=timezone.now())
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size(size)
    sign_in(page, live_site, "publisher")
    correct = f"{live_site.url}/admin/articles/post/{post.pk}/correct/"
    for address in (correct, f"{live_site.url}/kura/"):
        page.goto(address)
        assert not is_wide(page)
        page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
        assert find_violations(page) == []
    page.goto(correct)
    click_through(page.get_by_role("button", name="訂正を出す"))
    expect(page.get_by_role("alert")).to_contain_text("まだ出していません")
    expect(page.locator("#id_text")).to_have_attribute("aria-invalid", "true")
    assert find_violations(page) == []


def test_a_correction_is_taken_back_after_a_second_look(page: Page, live_site: Any, post: Post) -> None:
    Correction.objects.create(post=post, text=TEXT, corrected_at=timezone.now(), user=make_person("editor"))
    Post.objects.filter(pk=post.pk).update(corrected_at=timezone.now())
    sign_in(page, live_site, "publisher")
    page.goto(f"{live_site.url}/admin/articles/post/{post.pk}/correct/")
    button = page.get_by_role("button", name="取り消す", exact=True)
    expect(button).to_be_hidden()
    page.locator(".issued summary").press("Enter")
    expect(button).to_be_visible()
    follow(button)
    expect(page.locator(".messagelist")).to_contain_text("訂正を取り消しました")
    assert not Correction.objects.exists()
