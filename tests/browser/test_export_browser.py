"""The export page in a real browser: chosen, downloaded, unpacked and verified."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from articles.transfer.exporting.verifying import verify_export
from tests.browser.pictures import DESK, LOCALES, show
from tests.browser.test_admin_browser import sign_in
from tests.browser.waiting import click_through
from tests.factories import PostFactory
from tests.people import make_person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_an_editor_downloads_a_site_that_is_what_its_receipt_says(
    browser: Browser, live_site: Any, media_root: Any, tmp_path: Path, language: str
) -> None:
    make_person("publisher")
    PostFactory(title="記事はどこに住むのか", slug="kiji")
    page = browser.new_context(locale=LOCALES[language], viewport=DESK, reduced_motion="reduce").new_page()
    sign_in(page, live_site, "publisher")
    page.goto(f"{live_site.url}/admin/articles/post/")
    click_through(page.locator('a[href$="/post/archive/"]'))
    page.locator('input[value="hugo"]').check()
    show(page, f"export-{language}")

    with page.expect_download() as downloading:
        page.locator(".submit-row button").press("Enter")

    target = tmp_path / "site.zip"
    downloading.value.save_as(target)
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "site")
    assert verify_export(target).is_whole
    assert verify_export(tmp_path / "site").is_current
    assert 'url: "/2026/11/kiji/"' in (tmp_path / "site/content/posts/kiji.md").read_text(encoding="utf-8")
    expect(page.locator('input[value="hugo"]')).to_be_checked()
