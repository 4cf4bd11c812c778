"""The site's settings in a real browser: the form by keyboard, and the public page that comes of it, light and dark."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from articles import library, site_settings
from articles.models import Category, MediaFile, SiteSettings
from tests.browser.test_admin_browser import DESK, PHONE, problems, refused_by_policy
from tests.browser.test_writing import sign_in
from tests.browser.waiting import choose_found, click_through, follow, is_wide, run_axe, settle
from tests.factories import PostFactory
from tests.people import make_person
from tests.test_site_settings import SCREEN, Row, save

__all__ = ["problems"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def violations(page: Page) -> list[str]:
    return [f"{rule['id']}: {node['html'][:200]}" for rule in run_axe(page) for node in rule["nodes"]]


def make_logo(name: str, colour: tuple[int, int, int]) -> MediaFile:
    data = BytesIO()
    Image.new("RGB", (480, 120), colour).save(data, "PNG")
    return library.add_media(data.getvalue(), name)


def set_everything() -> None:
    economy = Category.objects.create(name="経済")
    PostFactory(title="川沿いの倉庫", path="/kura/", categories=["経済"])
    save(
        name="川辺新聞",
        logo=make_logo("題字.png", (31, 95, 58)),
        logo_dark=make_logo("夜の題字.png", (160, 220, 180)),
        accent_light="#1f5f3a",
        accent_dark="#9fdcb4",
        paper_light="#f4f8f4",
        paper_dark="#0f1512",
        footer_text="川辺新聞は、川の両岸で起きたことを伝えます。\n編集部：川辺町一丁目",
        copyright="© 川辺新聞社",
        links={
            "navigation": [
                Row("お金", economy.get_absolute_url()),
                Row("検索", "/search/"),
                Row("会社案内", "https://example.jp/"),
            ],
            "footer": [Row("利用規約", "https://example.jp/terms"), Row("便り", "mailto:news@example.jp")],
            "social": [Row("X", "https://x.com/kawabe_news"), Row("Mastodon", "https://social.example.jp/@kawabe")],
        },
    )


@pytest.mark.parametrize(("scheme", "size"), [("light", DESK), ("dark", PHONE), ("light", PHONE), ("dark", DESK)])
def test_a_page_with_everything_set_is_for_everybody(
    browser: Browser, live_site: Any, media_root: Any, scheme: str, size: Any
) -> None:
    set_everything()
    context = browser.new_context(color_scheme=scheme, viewport=size, locale="ja-JP")
    page = context.new_page()
    for path in ("/", "/kura/"):
        page.goto(live_site.url + path)
        logo = page.get_by_role("banner").get_by_role("img", name="川辺新聞")
        expect(logo).to_be_visible()
        wanted = "夜の題字" if scheme == "dark" else "題字"
        shown = MediaFile.objects.get(name=f"{wanted}.png").public_name.rpartition("/")[0]
        settle(page)
        assert shown in logo.evaluate("image => image.currentSrc")
        paper = "rgb(244, 248, 244)" if scheme == "light" else "rgb(15, 21, 18)"
        expect(page.locator("body")).to_have_css("background-color", paper)
        expect(page.get_by_role("navigation", name="欄").get_by_role("link", name="お金")).to_be_visible()
        expect(page.get_by_role("contentinfo").get_by_text("© 川辺新聞社")).to_be_visible()
        assert not is_wide(page)
        assert violations(page) == []
    context.close()


@pytest.mark.parametrize("media", [{"contrast": "more"}, {"media": "print"}])
def test_more_contrast_and_paper_have_their_own_colours_whatever_is_set(
    page: Page, live_site: Any, media_root: Any, media: dict[str, Any]
) -> None:
    set_everything()
    page.emulate_media(**media)
    page.goto(live_site.url + "/kura/")
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")


def test_the_settings_are_filled_in_ordered_and_saved_by_keyboard(page: Page, live_site: Any, problems: list[str]) -> None:
    sign_in(page, live_site, "publisher")
    page.goto(live_site.url + SCREEN)
    name = page.get_by_label("サイト名").first
    name.focus()
    expect(name).to_be_focused()
    page.keyboard.insert_text("川辺新聞")
    # The Enter key checks, and saves nothing.
    follow(name)
    expect(page.get_by_role("status").filter(has_text="まだ保存はしていません")).to_be_visible()
    assert not SiteSettings.objects.exists()
    for number, (label, target) in enumerate([("購読", "/feeds/"), ("検索", "/search/")]):
        page.locator(f"#navigation-{number}-label").fill(label)
        page.locator(f"#navigation-{number}-target").fill(target)
    follow(page.locator("#navigation-1-target"))
    follow(page.locator('[value="up:navigation:1"]'))
    # It is the first now, and cannot go further up.
    expect(page.locator('[value="down:navigation:0"]')).to_be_focused()
    expect(page.locator("#navigation-0-label")).to_have_value("検索")
    page.locator("#id_accent_light").fill("#e0a000")
    follow(page.locator('[value="save"]'))
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.locator("#id_accent_light_error")).to_contain_text(": 1")
    expect(page.locator("#id_name")).to_have_value("川辺新聞")
    page.locator("#id_accent_light").fill("#1f5f3a")
    follow(page.locator('[value="save"]'))
    expect(page.locator("#versions")).to_contain_text("第1版")
    site_settings.forget()
    page.goto(live_site.url + "/")
    expect(page.get_by_role("navigation", name="欄").get_by_role("link")).to_have_text(["検索", "購読"])
    assert refused_by_policy(problems) == []


def test_the_picture_of_the_masthead_is_looked_for_in_the_library(page: Page, live_site: Any, media_root: Any) -> None:
    logo = make_logo("題字.png", (31, 95, 58))
    sign_in(page, live_site, "publisher")
    page.goto(live_site.url + SCREEN)
    box = page.locator(".field-logo, .settings-field").filter(has_text="題字の画像").locator(".select2-selection").first
    choose_found(box, "題字", "題字.png")
    click_through(page.locator('[value="save"]'))
    expect(page.locator("#versions")).to_contain_text("題字.png")
    assert SiteSettings.objects.get().logo == logo


@pytest.mark.parametrize(("scheme", "size"), [("light", DESK), ("dark", PHONE)])
def test_the_form_is_for_everybody(browser: Browser, live_site: Any, media_root: Any, scheme: str, size: Any) -> None:
    set_everything()
    save(make_person("superuser", "colleague"), name="川辺日報")
    context = browser.new_context(color_scheme=scheme, viewport=size, locale="ja-JP")
    page = context.new_page()
    sign_in(page, live_site, "publisher")
    page.goto(live_site.url + SCREEN)
    assert violations(page) == []
    page.locator("#id_accent_light").fill("#e0a000")
    page.locator("#navigation-3-target").fill("javascript:alert(1)")
    click_through(page.locator('[value="save"]'))
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []
    assert not is_wide(page)
    context.close()
