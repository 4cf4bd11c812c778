"""Waits that end by themselves.

A browser does most things later than it is told to, and on a busy machine much later: whatever a test reads after that is asked
for until it is there. ``expect(…)`` does so for what a page shows; here is what it does not know.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Locator, Page, expect

Answer = TypeVar("Answer")
# How long anything may take on a machine that does other things meanwhile.
SECONDS = 30
PAUSE = 50
# The page and the frames and trees of shadow in it: whole, with its sheets and pictures, and nothing on its way to another look.
# Pictures that wait to be scrolled to and movements that never end are none of that.
IS_STILL = """() => {
  const roots = [document];
  for (const root of roots) {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) roots.push(element.shadowRoot);
      if (element.localName === "iframe" && element.contentDocument) roots.push(element.contentDocument);
    }
  }
  return roots.every(root => (root.readyState ?? "complete") === "complete"
    && [...root.querySelectorAll("link[rel=stylesheet]")].every(link => link.sheet)
    && [...root.querySelectorAll("img")].every(image => image.complete || image.loading === "lazy")
    && root.getAnimations().every(one => one.playState !== "running" || one.effect.getComputedTiming().endTime === Infinity));
}"""
IS_WIDE = "document.documentElement.scrollWidth > innerWidth"


def wait_until(
    page: Page, ask: Callable[[], Answer], holds: Callable[[Answer], object] = bool, seconds: float = SECONDS
) -> Answer:
    """Asks until the answer ``holds``, and gives it. Raises AssertionError with the last answer where it never does.

    What the browser refuses meanwhile, because the page is on its way or a part of it is not there yet, counts as no answer.
    Between two questions the browser's events reach the test.
    """
    end = time.monotonic() + seconds
    while True:
        is_last = time.monotonic() > end
        try:
            answer = ask()
        except Error:
            if is_last:
                raise
        else:
            if holds(answer):
                return answer
            assert not is_last, f"after {seconds} s it is still {answer!r}"
        page.wait_for_timeout(PAUSE)


def expect_equal(page: Page, ask: Callable[[], Answer], wanted: Answer) -> None:
    """Asks, the database for one, until the answer is ``wanted``."""

    def equals(answer: Answer) -> bool:
        return answer == wanted

    try:
        wait_until(page, ask, equals)
    except AssertionError:
        # Once more: what differs is shown best by a comparison.
        assert ask() == wanted


def expect_value(page: Page, script: str, wanted: Any, argument: Any = None) -> None:
    """Evaluates a script in the page until it gives ``wanted``."""
    expect_equal(page, lambda: page.evaluate(script, argument), wanted)


def settle(page: Page) -> None:
    """Waits until the page and the frames in it are whole and nothing in them is on its way to another look."""
    wait_until(page, lambda: page.evaluate(IS_STILL))


def is_wide(page: Page) -> bool:
    """Whether the page, once it is whole, is wider than its window."""
    settle(page)
    return bool(page.evaluate(IS_WIDE))


def run_axe(page: Page, *scope: Any, **options: Any) -> list[dict[str, Any]]:
    """What axe, asked as ``Axe().run`` is, finds wrong with the page once it is whole. Colours on their way would be too pale."""
    settle(page)
    violations: list[dict[str, Any]] = Axe().run(page, *scope, **options).response["violations"]
    return violations


@contextmanager
def leaving(page: Page) -> Iterator[None]:
    """Around what leads to another page, which has loaded afterwards: the old one can be mistaken for it no more."""
    with page.expect_navigation():
        yield


def follow(locator: Locator) -> None:
    """Presses Enter on what leads to another page, and waits for that."""
    with leaving(locator.page):
        locator.press("Enter")


def click_through(locator: Locator) -> None:
    """Clicks on what leads to another page, and waits for that."""
    with leaving(locator.page):
        locator.click()


def choose_found(box: Locator, words: str, name: str) -> None:
    """Looks for ``words`` in one of the admin's boxes with a search and chooses what is called ``name``."""
    page = box.page
    box.click()
    with page.expect_response(lambda answer: parse_qs(urlsplit(answer.url).query).get("term") == [words]):
        page.locator(".select2-search__field").fill(words)
    expect(page.locator(".loading-results")).to_have_count(0)
    page.locator(".select2-results__option", has_text=name).click()
    expect(box).to_contain_text(name)
