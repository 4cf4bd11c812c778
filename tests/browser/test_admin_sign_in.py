"""The desk opens in a real browser under the strict policy."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import ConsoleMessage, Page, expect

pytestmark = pytest.mark.browser


def test_an_administrator_signs_in_without_a_word_from_the_policy(live_site, page: Page) -> None:
    get_user_model().objects.create_superuser("desk", password="a-password-of-the-desk")
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            complaints.append(message.text)

    page.on("console", note)
    page.goto(f"{live_site.url}/admin/")
    page.get_by_label("ユーザー名").fill("desk")
    page.get_by_label("パスワード").fill("a-password-of-the-desk")
    page.get_by_role("button", name="ログイン").click()
    expect(page).to_have_title("きょうの机 | Kawaraban（瓦版）")
    assert complaints == []


def test_what_migrations_made_is_there_in_every_browser_test(live_site) -> None:
    assert get_user_model().objects.count() == 0
    groups = get_user_model()._meta.get_field("groups").related_model
    assert set(groups.objects.values_list("name", flat=True)) >= {"importer", "author", "editor", "publisher"}
