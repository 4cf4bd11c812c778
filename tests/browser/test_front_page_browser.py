"""The front page's screen in a real browser: by keyboard, by dragging, without script, on a telephone, with an input method."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from articles.editorial.front_page import newest_number, save_edition
from articles.models import FrontPage, Post
from tests.browser.test_admin_browser import DESK, PHONE, problems, refused_by_policy
from tests.browser.test_writing import sign_in
from tests.browser.waiting import click_through, follow, is_wide, run_axe, settle
from tests.factories import PostFactory
from tests.people import make_person

__all__ = ["problems"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
SCREEN = "/admin/articles/frontpage/"


@pytest.fixture
def posts(live_site: Any, media_root: Any) -> list[Post]:
    """Six public posts, the newest first, and none arranged."""
    return [PostFactory(title=f"川沿いの倉庫　その{number}", authors=["経済班"]) for number in range(6)][::-1]


def open_screen(page: Page, site: Any, size: Any = DESK) -> None:
    page.set_viewport_size(size)
    sign_in(page, site, "publisher")
    page.goto(site.url + SCREEN)
    expect(page.frame_locator("#front-preview").locator("main")).to_be_visible()


def arrange(*posts: Post) -> FrontPage:
    return save_edition(None, posts[0], posts[1:], seen=newest_number())


def expect_order(page: Page, *posts: Post) -> None:
    """The pinned stories, as soon as the page has them."""
    expect(page.locator(".is-pinned .front-title")).to_have_text([post.title for post in posts])


@contextmanager
def answered(page: Page) -> Iterator[None]:
    """Waits until the stories that the server sends back stand in the page."""
    page.evaluate("document.getElementById('front-stories').dataset.before = ''")
    yield
    expect(page.locator("#front-stories:not([data-before])")).to_be_attached()


def press(page: Page, act: str, post: Post) -> None:
    """A button by keyboard alone."""
    with answered(page):
        page.locator(f'[value="{act}:{post.pk}"]').press("Enter")


def shown(page: Page) -> list[str]:
    settle(page)
    return page.frame_locator("#front-preview").locator("article h2, article h3").all_text_contents()


def save(page: Page) -> None:
    follow(page.locator('[value="save"]'))


def test_stories_are_chosen_ordered_looked_at_and_saved_by_keyboard(
    page: Page, live_site: Any, posts: list[Post], problems: list[str]
) -> None:
    open_screen(page, live_site)
    for post in (posts[3], posts[4], posts[5]):
        press(page, "add", post)
        # What goes on with the same story has the cursor.
        expect(page.locator(f'[value="remove:{post.pk}"]')).to_be_focused()
    press(page, "up", posts[5])
    expect(page.locator(f'[value="up:{posts[5].pk}"]')).to_be_focused()
    press(page, "up", posts[5])
    # It is the first now, and cannot go further up.
    expect(page.locator(f'[value="down:{posts[5].pk}"]')).to_be_focused()
    expect(page.locator("#front-said")).to_contain_text(posts[5].title)
    press(page, "lead", posts[4])
    press(page, "remove", posts[3])
    expect(page.frame_locator("#front-preview").locator(".lead h2")).to_have_text(posts[4].title)
    side = page.frame_locator("#front-preview").locator(".side h3")
    expect(side).to_have_text([post.title for post in (posts[5], *posts[:3])])
    expect_order(page, posts[5])
    assert not FrontPage.objects.exists()
    preview = shown(page)
    save(page)
    assert [slot.post for slot in FrontPage.objects.get().slots.all()] == [posts[4], posts[5]]
    page.goto(live_site.url + "/")
    expect(page.locator("article h2, article h3")).to_have_text(preview)
    assert refused_by_policy(problems) == []


def test_buttons_pressed_faster_than_the_server_answers_all_count(page: Page, live_site: Any, posts: list[Post]) -> None:
    arrange(*posts)
    open_screen(page, live_site)
    up = f'[value="up:{posts[5].pk}"]'
    page.evaluate("up => { for (let press = 0; press < 3; press += 1) document.querySelector(up).click(); }", up)
    page.locator("#front-query").fill("その3")
    expect(page.locator("#front-found .front-title")).to_have_text([posts[2].title])
    # Every answer brings what was found, that of the first press too.
    wanted = [re.compile(post.title) for post in (posts[1], posts[5], posts[2], posts[3], posts[4])]
    expect(page.locator(".is-pinned .front-title")).to_have_text(wanted)


def test_a_composition_searches_nothing_and_what_is_typed_stays(page: Page, live_site: Any, posts: list[Post]) -> None:
    other = PostFactory(title="二文字の検索", path="/nimoji/")
    open_screen(page, live_site)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    box = page.locator("#front-query")
    box.focus()
    client = page.context.new_cdp_session(page)
    client.send("Input.imeSetComposition", {"text": "けんさく", "selectionStart": 4, "selectionEnd": 4})
    expect(box).to_have_value("けんさく")
    box.dispatch_event("keydown", {"key": "Enter", "keyCode": 229, "isComposing": True, "bubbles": True, "cancelable": True})
    page.evaluate("() => new Promise(done => setTimeout(done, 700))")
    assert asked == []
    client.send("Input.insertText", {"text": "検索"})
    expect(page.locator("#front-found .front-title")).to_have_text([other.title])
    expect(box).to_be_focused()
    expect(box).to_have_value("検索")
    press(page, "add", other)
    expect(box).to_have_value("検索")
    expect_order(page, other)


def test_enter_in_a_field_looks_for_stories_and_saves_nothing(page: Page, live_site: Any, posts: list[Post]) -> None:
    open_screen(page, live_site)
    page.locator("#front-query").focus()
    page.keyboard.insert_text("その3")
    page.keyboard.press("Enter")
    expect(page.locator("#front-found .front-title")).to_have_text([posts[2].title])
    assert not FrontPage.objects.exists()


def test_stories_are_dragged_to_their_place_and_to_the_head(page: Page, live_site: Any, posts: list[Post]) -> None:
    arrange(*posts[:4])
    open_screen(page, live_site)
    stories = page.locator(".is-pinned .front-story")
    with answered(page):
        stories.nth(2).drag_to(stories.nth(0), target_position={"x": 60, "y": 4})
    expect(page.locator(".is-pinned .front-title").first).to_contain_text(posts[3].title)
    expect_order(page, posts[3], posts[1], posts[2])
    with answered(page):
        stories.nth(1).drag_to(page.locator(".is-lead"))
    expect(page.locator(".is-lead .front-title")).to_contain_text(posts[1].title)
    expect_order(page, posts[0], posts[3], posts[2])
    save(page)
    newest = FrontPage.objects.latest("number")
    assert [slot.post for slot in newest.slots.all()] == [posts[1], posts[0], posts[3], posts[2]]


def test_it_works_without_any_script(browser: Browser, live_site: Any, posts: list[Post]) -> None:
    context = browser.new_context(java_script_enabled=False, locale="ja-JP")
    page = context.new_page()
    sign_in(page, live_site, "publisher")
    page.goto(live_site.url + SCREEN)
    page.locator("#front-query").fill("その1")
    click_through(page.locator(".front-search button"))
    expect(page.locator("#front-found .front-title")).to_have_text([posts[4].title])
    click_through(page.locator(f'[value="lead:{posts[4].pk}"]'))
    expect(page.locator(".is-lead .front-title")).to_contain_text(posts[4].title)
    page.locator("#front-query").fill("")
    click_through(page.locator(".front-search button"))
    for post in (posts[5], posts[0]):
        click_through(page.locator(f'[value="add:{post.pk}"]'))
    click_through(page.locator(f'[value="up:{posts[0].pk}"]'))
    page.locator('[formtarget="front-preview"]').click()
    expect(page.frame_locator("#front-preview").locator(".lead h2")).to_have_text(posts[4].title)
    click_through(page.locator('[value="save"]'))
    expect(page.locator(".messagelist .success")).to_be_visible()
    assert [slot.post for slot in FrontPage.objects.get().slots.all()] == [posts[4], posts[0], posts[5]]


def test_someone_elses_edition_is_not_overwritten_in_silence(page: Page, live_site: Any, posts: list[Post]) -> None:
    open_screen(page, live_site)
    press(page, "lead", posts[3])
    save_edition(make_person("publisher", "kyokucho"), posts[0], [], seen=0)
    save(page)
    expect(page.locator(".errornote")).to_contain_text("kyokucho")
    expect(page.locator(".is-lead .front-title")).to_contain_text(posts[3].title)
    assert FrontPage.objects.count() == 1
    save(page)
    assert FrontPage.objects.latest("number").slots.get().post == posts[3]


def test_a_change_is_scheduled_in_the_sites_zone_and_what_will_be_public_by_then_has_no_warning(
    page: Page, live_site: Any, posts: list[Post]
) -> None:
    coming = PostFactory(title="あすの記事", state=Post.State.SCHEDULED, published_at=timezone.now() + timedelta(days=1))
    arrange(coming, posts[0])
    open_screen(page, live_site)
    expect(page.locator(".is-lead .front-reason")).to_be_visible()
    expect(page.frame_locator("#front-preview").locator(".lead .label")).to_be_visible()
    expect(page.locator("section", has=page.locator("#front-time-heading")).first).to_contain_text("Asia/Tokyo")
    starts = timezone.localtime(timezone.now() + timedelta(days=2)).replace(second=0, microsecond=0)
    page.locator("#id_starts_at").fill(f"{starts:%Y-%m-%dT%H:%M}")
    expect(page.locator(".is-lead .front-reason")).to_have_count(0)
    expect(page.frame_locator("#front-preview").locator(".lead .label")).to_have_count(0)
    save(page)
    assert FrontPage.objects.latest("number").starts_at == starts
    expect(page.locator(".editions .badge.is-scheduled")).to_have_count(1)
    click_through(page.locator(".editions form button"))
    expect(page.locator(".editions .badge.is-withdrawn")).to_have_count(1)


def test_a_choice_that_is_not_saved_is_not_left_without_a_question(page: Page, live_site: Any, posts: list[Post]) -> None:
    open_screen(page, live_site)
    press(page, "add", posts[0])
    expect(page.locator(".is-pinned .front-story")).to_have_count(1)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto(live_site.url + "/admin/")
    assert asked == ["beforeunload"]


def test_an_ended_session_is_told_and_the_choice_stays(page: Page, live_site: Any, posts: list[Post]) -> None:
    arrange(posts[0], posts[1])
    open_screen(page, live_site)
    page.context.clear_cookies()
    page.locator(f'[value="remove:{posts[1].pk}"]').click()
    expect(page.locator("#front-said")).to_be_visible()
    expect_order(page, posts[1])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_everybody_can_use_it_at_every_width(browser: Browser, live_site: Any, posts: list[Post], size: Any, scheme: Any) -> None:
    draft = PostFactory(title="下書きの記事", state=Post.State.DRAFT)
    arrange(posts[0], draft, *posts[1:4])
    context = browser.new_context(color_scheme=scheme, locale="ja-JP")
    page = context.new_page()
    open_screen(page, live_site, size)
    assert not is_wide(page)
    small = page.evaluate(
        """[...document.querySelectorAll("#content button, #content a.button, #content input:not([type=hidden])")]
          .filter(one => one.offsetParent && !one.classList.contains("visually-hidden"))
          .filter(one => one.getBoundingClientRect().height < 44).map(one => one.outerHTML)"""
    )
    assert small == []
    found = run_axe(page)
    assert [(rule["id"], node["html"][:120]) for rule in found for node in rule["nodes"]] == []
