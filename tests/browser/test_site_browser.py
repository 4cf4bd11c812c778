"""The public site in a real browser: pictures of every page, and what only a browser can tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from articles.derive import save_derived
from articles.editorial import workflow
from articles.markup import DEFAULT_FEATURES
from articles.models import Category, Post
from articles.site import views
from tests.browser.waiting import expect_value, run_axe, settle
from tests.factories import LONG_READ, PostFactory, make_correction, make_newsroom

OUTPUT = Path(__file__).resolve().parents[2] / "test-output" / "site"
WINDOWS = {360: 780, 768: 1024, 1440: 900}
SCHEMES = ("light", "dark")
PAGES = {
    "home": "/",
    "article": "/2026/11/news-0/",
    "advertising": "/2026/11/news-3/",
    "plain article": "/2026/11/news-1/",
    "notation": "/2026/10/notation/",
    "english": "/2026/10/where-articles-live/",
    "page": "/about/",
    "category": "/categories/開発者/",
    "tag": "/tags/AI/",
    "series": "/series/原稿の引っ越し/",
    "author": "/authors/瓦版編集部/",
    "year": "/2026/",
    "month": "/2026/11/",
    "archive": "/archives/",
    "sections": "/categories/",
    "tags": "/tags/",
    "by-lines": "/authors/",
    "all series": "/series/",
    "feeds": "/feeds/",
    "api": "/api/",
    "search": "/search/",
    "hits": "/search/?q=原稿 -サーバー tag:AI",
    "best hits": "/search/?q=原稿&order=best",
    "no hits": "/search/?q=げんこう 原稿 tag:ない",
    "problem": "/search/?q=before:x",
    "missing": "/2026/11/where-article-live/",
    "withdrawn": "/withdrawn/",
    "error": "/this-fails/",
}
NOTATION = f"""{LONG_READ}

$$
\\int_0^\\infty e^{{-x^2}} dx = \\frac{{\\sqrt{{\\pi}}}}{{2}} + \\sum_{{n=1}}^{{N}} a_n x^n
\\quad + \\prod_{{k=1}}^{{K}} b_k + \\left( c_1 + c_2 + c_3 \\right)
$$

文中の $E = mc^2$ と、==印のついた文== と、とても長い https://example.jp/{"a-very-long-address-" * 8}end です。

用語
: その説明は、用語の下に字下げして置きます。

{"x" * 300}

| 一 | 二 | 三 | 四 | 五 | 六 | 七 | 八 |
|---|---|---|---|---|---|---|---|
{"| 長い表の欄です " * 8}|

```text
{"一行がとても長いコードです。" * 20}
```
"""

# What a browser hides although it is there: text beyond the edges of a box that cannot be scrolled. Lines that are cut on
# purpose (line-clamp), boxes of one pixel (for screen readers) and pictures are none of that.
FIND_CUT = """() => [...document.querySelectorAll('body *')].filter(element => {
  const style = getComputedStyle(element);
  if (!['hidden', 'clip'].includes(style.overflowX) && !['hidden', 'clip'].includes(style.overflowY)) return false;
  if (style.webkitLineClamp !== 'none' || element.clientWidth <= 1 || !element.innerText?.trim()) return false;
  return element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1;
}).map(element => `${element.tagName}.${element.className}: ${element.innerText.slice(0, 40)}`)"""
FIND_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]
  .filter(element => element.getBoundingClientRect().right > innerWidth + 1)
  .map(element => `${element.tagName}.${element.className}`).slice(0, 8)"""
LOAD_PICTURES = """() => Promise.all([...document.images].map(image => {
  image.loading = 'eager';
  return image.decode().catch(() => null);
}))"""
# Where the keyboard is, and whether one sees that.
DESCRIBE_FOCUS = """() => {
  const element = document.activeElement;
  if (element === document.body) return null;
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  return {
    what: `${element.tagName} ${element.getAttribute('href') || element.id || element.innerText.slice(0, 20)}`,
    ring: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth),
    inside: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""
COUNT_FOCUSABLE = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]
  .filter(element => element.tabIndex >= 0 && !element.disabled && element.type !== 'hidden')
  .filter(element => element.checkVisibility()).length"""

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def make_whole_site(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A newsroom with something for every template; gives the addresses of :data:`PAGES` and of an older page."""
    lead = make_newsroom()
    make_correction(lead, "「三千本」とあるのは「二千本」の誤りでした。\n\n数えなおして改めました。", timezone.now())
    features = sorted(DEFAULT_FEATURES[""])
    day = lead.published_at - timedelta(days=31)
    notation = PostFactory(title="書き方の見本", path=PAGES["notation"], published_at=day, body=NOTATION, features=features)
    about = PostFactory(title="この新聞について", path=PAGES["page"], published_at=None, kind="page", body="編集部の紹介。")
    for post in (notation, about):
        save_derived(post)
    suggest = views.suggest_posts
    monkeypatch.setattr(views, "suggest_posts", lambda path: 1 / 0 if path == PAGES["error"] else suggest(path))
    older = views.list_posts(views.Post.objects.published(), None).older
    return {**PAGES, "older": f"/{older}"}


@contextmanager
def open_page(browser: Browser, **options: Any) -> Iterator[Page]:
    """A window that speaks Japanese and moves nothing."""
    context = browser.new_context(locale="ja-JP", reduced_motion="reduce", **options)
    yield context.new_page()
    context.close()


def find_violations(page: Page) -> list[tuple[str, list[str]]]:
    found = run_axe(page)
    return [(rule["id"], [node["html"][:200] for node in rule["nodes"]][:5]) for rule in found]


def find_overflow(page: Page) -> list[str]:
    """What is wider than the window, and text that is cut."""
    settle(page)
    return [*page.evaluate(FIND_WIDE), *page.evaluate(FIND_CUT)]


def test_every_page_fits_its_window_and_needs_no_script(browser: Browser, live_site, media_root, monkeypatch):
    pages = make_whole_site(monkeypatch)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    overflowing, foreign = {}, []
    with open_page(browser, java_script_enabled=False) as page:
        page.on("request", lambda request: None if request.url.startswith(live_site.url) else foreign.append(request.url))
        for name, path in pages.items():
            page.goto(live_site.url + path)
            expect(page.locator("h1")).to_have_count(1)
            for width, height in WINDOWS.items():
                page.set_viewport_size({"width": width, "height": height})
                page.evaluate(LOAD_PICTURES)
                if found := find_overflow(page):
                    overflowing[f"{name} {width}"] = found
                for scheme in SCHEMES:
                    page.emulate_media(color_scheme=scheme)
                    page.screenshot(path=OUTPUT / f"{name}-{width}-{scheme}.png", full_page=True)
        assert not page.context.cookies()
    assert overflowing == {}
    assert foreign == []


def test_every_page_can_be_read_by_everybody(browser: Browser, live_site, media_root, monkeypatch):
    pages = make_whole_site(monkeypatch)
    complaints = {}
    with open_page(browser, viewport={"width": 360, "height": 780}, bypass_csp=True) as page:
        for name, path in pages.items():
            page.goto(live_site.url + path)
            page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                if violations := find_violations(page):
                    complaints[f"{name} {scheme}"] = violations
    assert complaints == {}


def test_text_of_twice_the_size_and_a_window_of_a_quarter_cut_nothing(browser: Browser, live_site, media_root, monkeypatch):
    pages = make_whole_site(monkeypatch)
    overflowing = {}
    with open_page(browser, viewport={"width": 1280, "height": 1024}) as page:
        for name, path in pages.items():
            page.goto(live_site.url + path)
            page.evaluate("document.documentElement.style.fontSize = '200%'")
            if found := find_overflow(page):
                overflowing[f"{name} with large text"] = found
            page.screenshot(path=OUTPUT / f"{name}-1280-large.png")
            page.evaluate("document.documentElement.style.fontSize = ''")
            page.set_viewport_size({"width": 320, "height": 256})
            if found := find_overflow(page):
                overflowing[f"{name} at 400 %"] = found
            page.set_viewport_size({"width": 1280, "height": 1024})
    assert overflowing == {}


def test_the_browser_s_own_colours_more_contrast_and_paper(browser: Browser, live_site, media_root, monkeypatch):
    pages = make_whole_site(monkeypatch)
    complaints = {}
    names = ("home", "article", "notation", "category", "hits", "missing")
    with open_page(browser, viewport={"width": 768, "height": 1024}, bypass_csp=True) as page:
        for name in names:
            page.goto(live_site.url + pages[name])
            for scheme in SCHEMES:
                page.emulate_media(contrast="more", color_scheme=scheme)
                if violations := find_violations(page):
                    complaints[f"{name} {scheme}, more contrast"] = violations
            page.emulate_media(contrast="no-preference", forced_colors="active", color_scheme="dark")
            page.screenshot(path=OUTPUT / f"{name}-768-forced.png")
            page.emulate_media(forced_colors="none", color_scheme="light")
            pdf = page.pdf(path=OUTPUT / f"{name}.pdf", format="A4")
            assert pdf.startswith(b"%PDF")
    assert complaints == {}


@pytest.mark.parametrize("width", [360, 1440])
def test_the_keyboard_reaches_everything_and_one_sees_where_it_is(browser: Browser, live_site, media_root, width):
    make_newsroom()
    with open_page(browser, viewport={"width": width, "height": 800}) as page:
        page.goto(live_site.url + PAGES["article"])
        expected = page.evaluate(COUNT_FOCUSABLE)
        unseen, steps = [], 0
        for _step in range(expected + 20):
            page.keyboard.press("Tab")
            focus = page.evaluate(DESCRIBE_FOCUS)
            if focus is None:
                break
            steps += 1
            if focus["ring"] < 2 or not focus["inside"]:
                unseen.append(focus)
    assert unseen == []
    assert steps >= expected


def test_the_interface_in_english_fits_and_can_be_read_by_everybody(
    browser: Browser, live_site, media_root, settings, monkeypatch
):
    settings.LANGUAGE_CODE = "en"
    pages = make_whole_site(monkeypatch)
    complaints, overflowing = {}, {}
    with open_page(browser, bypass_csp=True) as page:
        for name in ("home", "english", "author", "hits", "no hits", "feeds", "missing"):
            page.goto(live_site.url + pages[name])
            expect(page.locator("header.masthead")).to_have_attribute("lang", "en")
            if violations := find_violations(page):
                complaints[name] = violations
            for width, height in WINDOWS.items():
                page.set_viewport_size({"width": width, "height": height})
                if found := find_overflow(page):
                    overflowing[f"{name} {width}"] = found
                page.screenshot(path=OUTPUT / f"{name}-{width}-in-english.png", full_page=True)
    assert complaints == {}
    assert overflowing == {}


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
    expect(page.locator(".prose pre")).to_have_count(3)
    expect(page.locator(".prose input")).to_have_count(2)
    violations = run_axe(page)
    assert [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in violations] == []
    for sample in page.locator(".prose pre").all():
        sample.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("element => element.scrollLeft > 0", arg=sample.element_handle())


def test_the_first_key_leads_past_the_masthead(page: Page, live_site, media_root):
    make_newsroom()
    page.goto(live_site.url + "/")
    page.keyboard.press("Tab")
    expect_value(page, "document.activeElement.getAttribute('href')", "#main")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#main$"))
    page.keyboard.press("Tab")
    expect_value(page, "document.getElementById('main').contains(document.activeElement)", True)


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


@pytest.mark.parametrize("width", [1280, 390])
def test_a_long_name_of_a_section_takes_two_lines_above_a_story_and_is_read_whole(page: Page, live_site, media_root, width):
    section = Category.objects.create(name="長い名前の欄" * 33)
    post = workflow.save_post(
        Post(),
        None,
        {"title": "川沿いの倉庫", "path": "/kura/", "body": "本文", "categories": [section], "published_at": timezone.now()},
    )
    workflow.publish(post, None)
    page.set_viewport_size({"width": width, "height": 900})
    for path in ("/", "/kura/"):
        page.goto(live_site.url + path)
        kicker = page.locator("main a.kicker").first
        measured = kicker.evaluate("shown => [shown.clientHeight, parseFloat(getComputedStyle(shown).lineHeight)]")
        assert measured[0] <= 2 * measured[1] + 1, (path, measured)
        assert kicker.text_content() == section.name
        assert kicker.bounding_box()["height"] >= 32
