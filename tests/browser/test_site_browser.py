"""The public site in a real browser: pictures of every page, and what only a browser can tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from articles.derive import save_derived
from articles.markup import DEFAULT_FEATURES
from tests.factories import PostFactory, make_newsroom

OUTPUT = Path(__file__).resolve().parents[2] / "test-output" / "site"
WINDOWS = {390: 844, 1360: 900}
PAGES = {
    "home": "/",
    "article": "/2026/11/news-0/",
    "advertising": "/2026/11/news-3/",
    "english": "/2026/10/where-articles-live/",
    "category": "/categories/開発者/",
    "author": "/authors/瓦版編集部/",
    "year": "/2026/",
    "feeds": "/feeds/",
    "api": "/api/",
    "search": "/search/",
    "hits": "/search/?q=原稿 -サーバー tag:AI",
    "no hits": "/search/?q=げんこう 原稿 tag:ない",
    "problem": "/search/?q=before:x",
    "missing": "/2026/11/where-article-live/",
    "withdrawn": "/withdrawn/",
}

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def scroll_through(page: Page) -> None:
    """Brings every picture that loads late into sight once."""
    height = page.evaluate("document.documentElement.scrollHeight")
    for top in range(0, height, 800):
        page.evaluate("top => window.scrollTo(0, top)", top)
        page.wait_for_timeout(30)
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_its_window_and_needs_no_script(browser: Browser, live_site, media_root, scheme):
    make_newsroom()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for width, height in WINDOWS.items():
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
            java_script_enabled=False,
            locale="ja-JP",
        )
        page = context.new_page()
        foreign: list[str] = []
        page.on(
            "request", lambda request, seen=foreign: None if request.url.startswith(live_site.url) else seen.append(request.url)
        )
        for name, path in PAGES.items():
            page.goto(live_site.url + path)
            scroll_through(page)
            page.screenshot(path=OUTPUT / f"{name}-{width}-{scheme}.png", full_page=True)
            assert page.locator("h1").count() == 1, path
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is wider than {width}"
        assert not foreign
        assert not context.cookies()
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_by_everybody(browser: Browser, live_site, media_root, scheme):
    make_newsroom()
    context = browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 844}, bypass_csp=True)
    page = context.new_page()
    complaints = {}
    for path in PAGES.values():
        page.goto(live_site.url + path)
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        violations = Axe().run(page).response["violations"]
        if violations:
            complaints[path] = [(rule["id"], [node["html"][:200] for node in rule["nodes"]][:5]) for rule in violations]
    context.close()
    assert complaints == {}


def test_structured_data_passes_the_policy_of_the_site(page: Page, live_site, media_root):
    make_newsroom()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.add_init_script("document.addEventListener('securitypolicyviolation', event => console.log(event.violatedDirective))")
    for path in ("/", PAGES["article"], PAGES["author"]):
        answer = page.goto(live_site.url + path)
        assert answer is not None
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        # A data block is no script: the browser reads it whole and runs nothing.
        graph = page.evaluate("JSON.parse(document.querySelector('script[type=\"application/ld+json\"]').textContent)")
        assert graph["@context"] == "https://schema.org"
    assert said == []


SEVERAL = "| a | b |\n|---|---|\n| 1 | 2 |\n\n```\n" + "x" * 400 + "\n```\n\n"


@pytest.mark.parametrize("flavour", ["commonmark", "kramdown"])
def test_several_tables_boxes_and_samples_of_code_have_names_and_can_be_scrolled_by_keyboard(
    page: Page, live_site, media_root, flavour
):
    text = SEVERAL * 2 + "- [x] 済\n- [ ] 未\n\n<pre>" + "y" * 400 + "</pre>\n"
    post = PostFactory(flavour=flavour, features=sorted(DEFAULT_FEATURES["jekyll"] | DEFAULT_FEATURES[""]), body=text)
    save_derived(post)
    page.goto(live_site.url + post.path)
    assert page.locator(".prose pre").count() == 3
    assert page.locator(".prose input").count() == 2
    violations = Axe().run(page).response["violations"]
    assert [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in violations] == []
    for sample in page.locator(".prose pre").all():
        sample.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(200)
        assert sample.evaluate("element => element.scrollLeft") > 0


def test_the_first_key_leads_past_the_masthead(page: Page, live_site, media_root):
    make_newsroom()
    page.goto(live_site.url + "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")


def test_touch_targets_of_the_masthead_and_the_foot_are_large_enough(browser: Browser, live_site, media_root):
    make_newsroom()
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(live_site.url + "/2026/11/news-1/")
    for selector in (".tools a", ".sections a", ".chips a", ".foot nav a", ".pages a", ".up a", ".steps a"):
        for link in page.locator(selector).all():
            box = link.bounding_box()
            assert box is not None
            assert box["height"] >= 44, f"{selector}: {box['height']}"
    context.close()
