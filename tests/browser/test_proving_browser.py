"""Old addresses proved at the desk in a real browser: uploaded, watched, filtered, led on, by keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from articles.admin import proving as desk
from articles.derive import save_derived
from articles.models import ProofRun, Redirect
from articles.transfer import proving
from tests.browser.test_admin_browser import problems, refused_by_policy, sign_in
from tests.browser.waiting import click_through, expect_equal, follow, is_wide
from tests.factories import PostFactory
from tests.people import make_person

__all__ = ["problems"]
pytestmark = pytest.mark.browser
SITEMAP = (
    "<urlset>"
    + "".join(
        f"<url><loc>https://old.example/{path}</loc></url>"
        for path in (
            "2026/11/引っ越しの朝/",
            "2026/11/引っ越しの朝.html",
            "blog/住所を変えない.html",
            "blog/二文字の検索.html",
            "feed.xml",
            "none/",
            "about/",
        )
    )
    + "<url><loc>https://elsewhere.example/</loc></url></urlset>"
)


def make_posts() -> None:
    for name in ("引っ越しの朝", "住所を変えない", "二文字の検索"):
        save_derived(PostFactory(title=name, path=f"/2026/11/{name}/"))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A portion of two at each step, so that a short list is watched like a long one."""
    monkeypatch.setattr(proving, "PORTION", 2)
    monkeypatch.setattr(desk, "SECONDS", 0)


def test_a_sitemap_is_proved_and_what_is_missing_is_led_on_by_keyboard(
    page: Page, live_site: Any, problems: list[str], slow: None, tmp_path: Path
) -> None:
    make_posts()
    make_person("superuser")
    sitemap = tmp_path / "sitemap.xml"
    sitemap.write_text(SITEMAP, encoding="utf-8")
    sign_in(page, live_site, "superuser")
    page.goto(f"{live_site.url}/admin/articles/proofrun/add/")
    page.locator("#id_uploads").set_input_files(sitemap)
    page.locator("#id_hosts").fill("old.example")
    page.locator("#id_hosts").press("Enter")
    page.wait_for_url("**/change/")
    expect_equal(page, lambda: ProofRun.objects.values_list("state", "done").get(), ("finished", 8))
    expect(page.locator("progress")).to_have_count(0)
    expect(page.locator(".proof-figure strong")).to_have_text("3 / 8")

    follow(page.locator('.verdicts a[href*="outcome=missing"]'))
    assert "outcome=missing" in page.url
    rows = page.locator(".proof-addresses tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.first.locator("td").last).to_contain_text("/2026/11/住所を変えない/")
    follow(page.locator('button[name="single"]').first)
    expect(page.locator(".messagelist .success")).to_be_visible()
    expect(rows).to_have_count(3)
    assert Redirect.objects.get().old_path == "/blog/住所を変えない.html"

    page.locator('input[name="chosen"]').first.press("Space")
    expect(page.locator('input[name="chosen"]').first).to_be_checked()
    follow(page.locator(".proof-lead button"))
    expect(page.locator('button[name="confirmed"]')).to_be_visible()
    assert Redirect.objects.count() == 1
    follow(page.locator('button[name="confirmed"]'))
    expect(page.locator(".messagelist .success")).to_be_visible()
    assert Redirect.objects.count() == 2

    reader = page.context.browser.new_context().new_page()  # type: ignore[union-attr]
    answer = reader.goto(f"{live_site.url}/blog/二文字の検索.html")
    assert answer is not None
    assert (answer.status, reader.url.endswith("/2026/11/%E4%BA%8C%E6%96%87%E5%AD%97%E3%81%AE%E6%A4%9C%E7%B4%A2/")) == (200, True)
    reader.context.close()
    with page.expect_download() as download:
        page.locator('.proof-downloads a[href*=".csv"]').press("Enter")
    assert download.value.path().read_bytes().startswith(b"\xef\xbb\xbfaddress,")
    assert refused_by_policy(problems) == []


def test_without_scripts_the_button_goes_on(browser: Browser, live_site: Any, slow: None, tmp_path: Path) -> None:
    make_person("importer")
    context = browser.new_context(locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_site, "importer")
    page.goto(f"{live_site.url}/admin/articles/proofrun/add/")
    page.locator("#id_pasted").fill("/1/\n/2/\n/3/\n")
    click_through(page.locator('.submit-row button[type="submit"]'))
    page.screenshot(path=tmp_path / "proof-running.png", full_page=True)
    click_through(page.locator("form[data-proof] button"))
    expect(page.locator("progress")).to_have_count(0)
    expect(page.locator(".proof-figure strong")).to_have_text("0 / 3")
    context.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_a_proof_is_wider_than_its_window(
    browser: Browser, live_site: Any, tmp_path: Path, width: int, scheme: Any
) -> None:
    make_posts()
    person = make_person("superuser")
    long = "/とても長い住所" * 40
    run = proving.begin_proof(
        person, "sitemap.xml", ["/blog/住所を変えない.html", long, f"{long}.html?x=1", "/feed.xml", "=1", "/2026/11/"]
    )
    proving.continue_proof(run.pk)
    item = run.items.exclude(candidate=None).order_by("pk")[0]
    context = browser.new_context(locale="ja-JP", viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    sign_in(page, live_site, "superuser")
    wide = []
    for name in ("", "add/", f"{run.pk}/change/"):
        page.goto(f"{live_site.url}/admin/articles/proofrun/{name}")
        page.screenshot(
            path=tmp_path / f"proof-{name.strip('/').replace('/', '-') or 'list'}-{width}-{scheme}.png", full_page=True
        )
        if is_wide(page):
            wide.append(name)
    page.locator(f'input[value="{item.pk}:{item.candidate_id}"]').check()
    click_through(page.locator(".proof-lead button"))
    page.screenshot(path=tmp_path / f"proof-lead-{width}-{scheme}.png", full_page=True)
    if is_wide(page):
        wide.append("lead")
    context.close()
    assert wide == []
