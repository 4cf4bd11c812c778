"""The public site in a real browser: pictures of every page, and what only a browser can tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.factories import make_newsroom

OUTPUT = Path(__file__).resolve().parents[2] / "test-output" / "site"
WIDTHS = (390, 1360)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits_its_window_without_scripts(browser: Browser, live_site, media_root, settings, width, scheme):
    lead = make_newsroom()
    pages = {
        "home": "/",
        "article": lead.get_absolute_url(),
        "english": "/2026/10/where-articles-live/",
        "category": "/categories/開発者/",
        "author": "/authors/瓦版編集部/",
        "year": "/2026/",
        "missing": "/2026/11/where-article-live/",
        "withdrawn": "/withdrawn/",
    }
    OUTPUT.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=False, locale="ja-JP"
    )
    page = context.new_page()
    refused: list[str] = []
    page.on("requestfailed", lambda request: refused.append(request.url))
    for name, path in pages.items():
        page.goto(live_site.url + path, wait_until="networkidle")
        page.screenshot(path=OUTPUT / f"{name}-{width}-{scheme}.png", full_page=True)
        assert page.locator("h1").count() == 1, path
        overflow = page.locator("html").bounding_box()
        assert overflow is not None
    context.close()
    assert not refused
