"""Films and posts of other sites in a real browser: nothing is asked of another host before a reader asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from articles.derive import save_derived
from articles.library import add_media
from articles.markup import DEFAULT_FEATURES
from tests.browser.waiting import run_axe, settle, wait_until
from tests.factories import PostFactory, make_picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
OUTPUT = Path(__file__).resolve().parents[2] / "test-output" / "embeds"
WIDTHS = (360, 1440)
FILM = "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ?autoplay=1"
STAND_IN = "<!doctype html><title>外</title><body style='background:#246'><button>再生</button>"
BODY = """本文のはじまり。川沿いの倉庫を改めた図書室で、取材班は一日を過ごした。

[![図書室の一日](POSTER)](https://www.youtube.com/watch?v=dQw4w9WgXcQ)

外の資料は、読み手が押すまで読み込まれない。

<iframe src="https://player.vimeo.com/video/76979871" title="編集長に聞く：原稿はどこに住み、どこへ行くのか"></iframe>

https://open.spotify.com/episode/512ojhOuo1ktJprKbVcKyQ

![駅までの地図](https://www.google.com/maps/embed?pb=!1m18!2stest)

https://x.com/i/status/20

https://www.docswell.com/s/someone/LK7J5V-hello

https://codepen.io/team/pen/wFeaG

https://gist.github.com/someone/123
"""
PLAYERS = 7


@pytest.fixture
def address(live_site: Any, media_root: Path) -> str:
    poster = add_media(make_picture("#31506f", "#c79a5b"), "poster.png")
    body = BODY.replace("POSTER", poster.url)
    post = PostFactory(title="外の映像", slug="films", body=body, features=sorted(DEFAULT_FEATURES[""]), flavour="commonmark")
    save_derived(post)
    return str(live_site.url + post.path)


class Foreign:
    """What a page asked of other hosts; they answer with a page of ours, so that no test needs the network."""

    def __init__(self, page: Page, own: str) -> None:
        self.asked: list[tuple[str, str]] = []
        self.own = own
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.route(lambda url: not url.startswith(own), self.answer)

    def answer(self, route: Route) -> None:
        self.asked.append((route.request.url, route.request.headers.get("referer", "")))
        route.fulfill(content_type="text/html", body=STAND_IN)


@pytest.fixture
def foreign(page: Page, live_site: Any) -> Iterator[Foreign]:
    yield Foreign(page, live_site.url)
    page.unroute_all()


def test_nothing_is_asked_of_another_host_until_a_press_and_then_exactly_one_frame(
    page: Page, address: str, foreign: Foreign
) -> None:
    page.goto(address)
    expect(page.locator("button.player-poster")).to_have_count(PLAYERS)
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_load_state("networkidle")
    assert foreign.asked == []
    expect(page.locator("iframe")).to_have_count(0)
    first = page.locator("figure.player").first
    expect(first.get_by_role("button")).to_have_accessible_name("YouTube 図書室の一日 動画を見る")
    expect(first.get_by_role("status")).to_have_text("押すと、外部サイト youtube-nocookie.com から読み込みます。")
    first.get_by_role("button").click()
    frame = page.locator("iframe")
    expect(frame).to_have_count(1)
    expect(frame).to_have_attribute("src", FILM)
    expect(frame).to_have_attribute("title", "図書室の一日 – YouTube")
    expect(frame).to_have_attribute("sandbox", "allow-scripts allow-same-origin allow-popups allow-popups-to-escape-sandbox")
    expect(frame).to_have_attribute("allow", "autoplay; encrypted-media; fullscreen; picture-in-picture")
    expect(frame).to_have_attribute("loading", "lazy")
    expect(page.frame_locator("iframe").get_by_role("button")).to_be_visible()
    expect(first.get_by_role("status")).to_have_text("外部サイト youtube-nocookie.com の内容を表示しています。")
    # YouTube plays only for a page that says which site it is of; it learns no more than that.
    assert foreign.asked == [(FILM, foreign.own + "/")]
    assert foreign.complaints == []


def test_others_than_those_that_need_it_do_not_learn_where_a_reader_is(page: Page, address: str, foreign: Foreign) -> None:
    page.goto(address)
    post = page.locator("figure.player-post")
    post.get_by_role("button").click()
    expect(page.frame_locator("iframe").get_by_role("button")).to_be_visible()
    assert foreign.asked == [("https://platform.twitter.com/embed/Tweet.html?dnt=true&id=20", "")]


@pytest.mark.parametrize("key", ["Enter", " "])
def test_a_player_is_loaded_by_keyboard_and_takes_the_focus(page: Page, address: str, foreign: Foreign, key: str) -> None:
    page.goto(address)
    button = page.locator("button.player-poster").nth(1)
    expect(button).to_have_accessible_name(re.compile("^Vimeo 編集長に聞く.* 動画を見る$"))
    # From the link of the figure before it.
    page.locator(".player-link").first.focus()
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press(key)
    expect(page.locator("iframe")).to_be_focused()
    expect(page.frame_locator("iframe").get_by_role("button")).to_be_visible()
    assert [url for url, _referrer in foreign.asked] == ["https://player.vimeo.com/video/76979871?dnt=1&autoplay=1"]


def test_without_scripts_a_poster_is_a_link_and_there_is_no_button(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    foreign = Foreign(page, address[: address.index("/", 8)])
    page.goto(address)
    expect(page.locator(".prose button")).to_have_count(0)
    posters = page.locator("a.player-poster")
    expect(posters).to_have_count(PLAYERS)
    expect(posters.first).to_have_attribute("href", "https://www.youtube.com/watch?v=dQw4w9WgXcQ")
    expect(page.locator(".player-note").first).to_be_hidden()
    assert foreign.asked == []
    posters.first.click()
    page.wait_for_url("https://www.youtube.com/watch?v=dQw4w9WgXcQ")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_posters_fit_every_window_and_can_be_used_by_everybody(browser: Browser, address: str, scheme: str) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
        page = context.new_page()
        foreign = Foreign(page, address[: address.index("/", 8)])
        page.goto(address)
        expect(page.locator("button.player-poster")).to_have_count(PLAYERS)
        settle(page)
        page.screenshot(path=OUTPUT / f"posters-{width}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for box in page.locator(".player :is(button, .player-link)").all():
            assert box.bounding_box()["height"] >= 44  # type: ignore[index]
        page.locator("button.player-poster").first.click()
        expect(page.frame_locator("iframe").get_by_role("button")).to_be_visible()
        violations = run_axe(page, options={"iframes": False})
        assert [(rule["id"], [node["html"][:200] for node in rule["nodes"]][:5]) for rule in violations] == []
        assert len(foreign.asked) == 1
        context.close()


def test_nothing_moves_when_a_player_is_loaded(page: Page, address: str, foreign: Foreign) -> None:
    shifts = (
        "new PerformanceObserver(list => { for (const e of list.getEntries()) window.shift = (window.shift || 0) + e.value; })"
    )
    page.add_init_script(f"{shifts}.observe({{ type: 'layout-shift', buffered: true }});")
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(address)
        expect(page.locator("button.player-poster")).to_have_count(PLAYERS)
        page.wait_for_load_state("networkidle")
        sizes = "[...document.querySelectorAll('.player-stage')].map(stage => stage.getBoundingClientRect().height)"
        before = page.evaluate(sizes)
        assert not page.evaluate("window.shift")
        for left in range(PLAYERS, 0, -1):
            expect(page.locator("button.player-poster")).to_have_count(left)
            page.locator("button.player-poster").first.press("Enter")
        expect(page.locator("iframe")).to_have_count(PLAYERS)
        assert page.evaluate(sizes) == before
        assert page.evaluate("[...document.querySelectorAll('iframe')].every(f => f.clientHeight > 140 && f.clientWidth > 280)")


def test_a_frame_of_a_host_that_the_page_did_not_name_is_refused(page: Page, address: str, foreign: Foreign) -> None:
    page.goto(address)
    figure = page.locator("figure.player").first
    figure.evaluate("figure => { figure.dataset.src = 'https://evil.example/'; }")
    figure.get_by_role("button").click()
    expect(page.locator("iframe")).to_have_count(1)
    wait_until(page, lambda: re.search("frame-src", " ".join(foreign.complaints)))
    page.wait_for_load_state("networkidle")
    assert foreign.asked == []


def test_on_paper_each_player_is_its_title_and_its_address(page: Page, address: str, foreign: Foreign) -> None:
    page.goto(address)
    page.emulate_media(media="print")
    figure = page.locator("figure.player").nth(1)
    expect(figure.locator("figcaption .player-title")).to_be_visible()
    expect(figure.locator(".player-mark")).to_be_hidden()
    expect(figure.locator(".player-note")).to_be_hidden()
    settle(page)
    shown = figure.locator(".player-link").evaluate("link => getComputedStyle(link, '::after').content")
    assert "vimeo.com" in shown or "attr(href)" in shown
