"""The reading site with posts that nobody draws in a design, at double text size, on paper, by keyboard, without script."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from articles.derive import save_derived
from articles.models import Category, Post
from tests.browser.waiting import is_wide
from tests.factories import CategoryFactory, PostFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
TEXT = "本文。" * 60 + f"\n\nhttps://example.org/{'a' * 300}\n\n## 見出し\n\n`{'x' * 200}`\n\n## 次\n\n終わり。"
POSTS: dict[str, dict[str, Any]] = {
    "long": {"title": "とても長い題名の記事、" * 40},
    "word": {"title": WORD * 4, "language": "de"},
    "bare": {"title": "短い", "body": "一行。"},
    "tags": {"title": "四十のタグ", "tags": [f"タグ{number}" for number in range(40)] + ["長い" * 60]},
    "rtl": {
        "title": "عنوان طويل باللغة العربية عن الصحافة",
        "language": "ar",
        "body": "هذه فقرة. " * 30 + "\n\n## عنوان\n\n## آخر",
    },
    "emoji": {"title": "絵文字🎉の👩‍👩‍👧‍👦題名🇯🇵", "tags": ["🎉"]},
    "markup": {"title": "<script>alert(1)</script>&amp;「題」"},
    "undated": {"title": "日付のない固定ページ", "kind": Post.Kind.PAGE, "published_at": None},
}


def make_posts() -> dict[str, str]:
    """Every odd post, and the lists that show them; gives the addresses."""
    parent: Category | None = None
    for depth in range(6):
        parent = CategoryFactory(name=f"とても長い名の欄その{depth}", parent=parent)
    assert parent is not None
    addresses = {
        "home": "/",
        "deep category": parent.get_absolute_url(),
        "year": "/2026/",
        "missing": "/2026/11/とても長い題名の記事",
    }
    for name, values in POSTS.items():
        post = PostFactory(
            slug=name, path=f"/{name}/", categories=[parent] if name != "bare" else (), **({"body": TEXT} | values)
        )
        save_derived(post)
        addresses[name] = post.path
    return addresses


@pytest.mark.parametrize("width", [390, 1280])
def test_no_odd_post_is_wider_than_its_window_at_any_text_size(
    browser: Browser, live_site: Any, media_root: Any, width: int
) -> None:
    addresses = make_posts()
    context = browser.new_context(viewport={"width": width, "height": 844}, reduced_motion="reduce", bypass_csp=True)
    page = context.new_page()
    wide = []
    for name, address in addresses.items():
        page.goto(live_site.url + address)
        expect(page.locator("h1")).to_have_count(1)
        for size in ("100%", "200%"):
            page.evaluate("size => document.documentElement.style.fontSize = size", size)
            if is_wide(page):
                wide.append((name, size))
    context.close()
    assert wide == []


def test_without_script_every_link_of_a_page_is_reached_and_seen_by_keyboard(
    browser: Browser, live_site: Any, media_root: Any
) -> None:
    addresses = make_posts()
    context = browser.new_context(java_script_enabled=False, reduced_motion="reduce")
    page = context.new_page()
    for name in ("home", "tags", "rtl", "deep category"):
        page.goto(live_site.url + addresses[name])
        # Asked through the debugger: the page itself runs no script.
        links = page.locator("a[href]:not([tabindex='-1'])")
        reached = set()
        for _press in range(links.count() + 5):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            if focused.count() == 0:
                break
            assert focused.evaluate("node => getComputedStyle(node).outlineStyle") == "solid", name
            if focused.evaluate("node => node.tagName") == "A":
                reached.add(focused.evaluate("node => [...document.links].indexOf(node)"))
        assert len(reached) == sum(link.is_visible() for link in links.all()), name
    context.close()


def test_on_paper_there_is_the_text_and_nothing_to_press(browser: Browser, live_site: Any, media_root: Any) -> None:
    addresses = make_posts()
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.emulate_media(media="print")
    page.goto(live_site.url + addresses["tags"])
    for selector in (".sections", ".tools", ".foot", ".chips", ".outline"):
        expect(page.locator(selector).first).to_be_hidden()
    expect(page.locator(".prose")).to_be_visible()
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    context.close()
