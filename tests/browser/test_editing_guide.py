"""What the guide to the desk says, done as it says: five texts edited, reviewed, scheduled and published in real browsers.

The pictures of ``docs/editing.md`` and ``docs/editing.ja.md`` are taken on the way.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from articles.editorial import drafts, workflow
from articles.library import add_media
from articles.models import MediaFile, Post
from articles.transfer.importing import import_archive
from tests.browser.pictures import DESK, LOCALES, show
from tests.browser.test_admin_browser import press, sign_in
from tests.browser.test_images_browser import bring
from tests.browser.test_keeping_browser import let_in
from tests.browser.waiting import follow, is_wide
from tests.people import make_person
from tests.pictures import draw

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

PHONE = {"width": 390, "height": 844}
# Wide enough for the preview to stand beside the text.
WIDE = {"width": 1440, "height": 860}
SITES = {
    "hugo": {
        "hugo.toml": 'baseURL = "https://kura.example/"\ntimeZone = "Asia/Tokyo"\n',
        "content/posts/kura.md": (
            "---\ntitle: 川沿いの倉庫を歩く\ndate: 2026-10-05T09:00:00+09:00\ncategories: [文化]\ntags: [町並み, 建築]\n---\n\n"
            "川沿いに、煉瓦の倉庫が三棟並ぶ。\n\n## 一棟目\n\n戸の錆びた蝶番に、大正十二年の刻印がある。\n"
        ),
        "content/posts/asaichi.md": (
            '+++\ntitle = "朝市の一時間"\ndate = 2026-10-12T06:00:00+09:00\ncategories = ["くらし"]\ntags = ["市場"]\n+++\n\n'
            "六時の鐘で、幌が一斉に上がる。\n\n- 里芋\n- 柿\n- 新生姜\n"
        ),
    },
    "jekyll": {
        "_config.yml": "url: https://machi.example\ntimezone: Asia/Tokyo\npermalink: /:year/:month/:title/\n",
        "_posts/2026-10-19-watashi.md": (
            "---\ntitle: 渡し船の時刻表\ndate: 2026-10-19 08:00:00 +0900\ncategories: くらし\ntags: [交通]\n---\n\n"
            "渡し船は、潮を見て出る。\n\n| 便 | 時刻 |\n| --- | --- |\n| 一番 | 7時10分 |\n| 二番 | 8時40分 |\n"
        ),
    },
    "obsidian": {
        ".obsidian/app.json": "{}",
        "瓦の手帖.md": "---\ntags: [建築]\n---\n\n瓦は、焼き色で産地が分かる。\n\n> [!NOTE]\n> 見本は三枚。\n",
        "土蔵の見分け方.md": "瓦は[[瓦の手帖]]に書いた。\n\n土蔵は、==壁の厚み==で見分ける。\n",
    },
}
TITLES = ["川沿いの倉庫を歩く", "朝市の一時間", "渡し船の時刻表", "瓦の手帖", "土蔵の見分け方"]
REASON = "時刻は港の掲示と違います。確かめて、表の下に出典を入れてください。"


@pytest.fixture
def reporter(tmp_path: Path, live_site: Any, media_root: Any) -> User:
    """An author who brought five texts of three old sites, which are drafts of theirs by that."""
    person = make_person("author", "kisha")
    person.groups.add(Group.objects.get(name="importer"))
    for name, files in SITES.items():
        for path, text in files.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        import_archive(tmp_path / name, user=person)
    assert sorted(Post.objects.filter(owner=person, state="draft").values_list("title", flat=True)) == sorted(TITLES)
    return person


def open_window(browser: Browser, language: str, size: Any = DESK) -> Page:
    return browser.new_context(locale=LOCALES[language], viewport=size, reduced_motion="reduce").new_page()


def open_from_first_page(page: Page, site: Any, title: str) -> None:
    page.goto(f"{site.url}/admin/")
    follow(page.locator(".overview a", has_text=title).first)
    expect(page.locator("#id_title")).to_have_value(title)


def add_at_end(page: Page, text: str) -> None:
    body = page.locator("#id_body")
    body.focus()
    expect(body).to_be_focused()
    body.press("Control+End")
    page.keyboard.insert_text(text)


def wait_for_preview(page: Page) -> None:
    expect(page.frame_locator(".live-frame").locator("h1").first).to_be_visible()


def unfold(page: Page, field: str) -> None:
    page.locator(f"details:has(#{field})").evaluate("fold => { fold.open = true; }")


def address_of(site: Any, title: str) -> str:
    return f"{site.url}{Post.objects.get(title=title).get_absolute_url()}"


@pytest.mark.parametrize("language", ["ja", "en"])
def test_five_texts_are_edited_reviewed_scheduled_and_published(
    browser: Browser, live_site: Any, reporter: User, language: str
) -> None:
    make_person("editor", "desk")
    make_person("publisher", "hakkou")
    writing, reviewing, publishing = (open_window(browser, language, WIDE) for _person in range(3))

    # The author works on each of the five and hands it over: the first with a picture, the last on a phone.
    sign_in(writing, live_site, "kisha")
    expect(writing.locator("#mine-heading + ul li")).to_have_count(5)
    show(writing, f"editing-first-{language}", WIDE)
    open_from_first_page(writing, live_site, TITLES[0])
    add_at_end(writing, "\n二棟目は、いまも米を入れている。\n\n")
    assert bring(writing, "paste", ("倉庫.png", draw(2, (1280, 800))))
    expect(writing.locator("#writing-describe")).to_be_visible()
    writing.locator("#writing-alt").fill("川の対岸から見た三棟の倉庫")
    expect(writing.locator(".writing-upload")).to_have_count(0)
    wait_for_preview(writing)
    show(writing, f"editing-picture-{language}", WIDE)
    writing.locator("#writing-alt").press("Enter")
    expect(writing.locator("#writing-describe")).to_be_hidden()
    expect(writing.frame_locator(".live-frame").locator("img").first).to_have_attribute("alt", "川の対岸から見た三棟の倉庫")
    writing.locator("#id_body").press("Control+Home")
    show(writing, f"editing-form-{language}", WIDE)
    press(writing, "submit")
    for title in TITLES[1:4]:
        open_from_first_page(writing, live_site, title)
        add_at_end(writing, "\n書き足した結びの段落。\n")
        press(writing, "submit")

    phone = open_window(browser, language, PHONE)
    sign_in(phone, live_site, "kisha")
    open_from_first_page(phone, live_site, TITLES[4])
    add_at_end(phone, "\n壁を叩くと、低い音がする。\n")
    assert not is_wide(phone)
    show(phone, f"editing-phone-{language}", PHONE)
    press(phone, "submit")
    assert Post.objects.filter(state="in_review").count() == 5

    # The editor was told of all five, mends one and returns one.
    sign_in(reviewing, live_site, "desk")
    expect(reviewing.locator(".bell b")).to_have_text("5")
    expect(reviewing.locator("#to-review-heading + ul li")).to_have_count(5)
    show(reviewing, f"editing-review-{language}", WIDE)
    open_from_first_page(reviewing, live_site, TITLES[1])
    add_at_end(reviewing, "\n七時には、もう片付けが始まる。\n")
    press(reviewing, "")
    open_from_first_page(reviewing, live_site, TITLES[2])
    reviewing.locator(".return-reason summary").press("Enter")
    reviewing.locator("#return-reason").fill(REASON)
    wait_for_preview(reviewing)
    show(reviewing, f"editing-return-{language}", WIDE)
    follow(reviewing.locator(".return-sheet button"))

    # Its author reads why, mends it, and hands it over again.
    open_from_first_page(writing, live_site, TITLES[2])
    expect(writing.locator(".came-back")).to_contain_text(REASON)
    wait_for_preview(writing)
    show(writing, f"editing-returned-{language}", WIDE)
    add_at_end(writing, "\n（港の掲示、十月十五日現在）\n")
    press(writing, "submit")

    # The publisher schedules one and publishes the others.
    sign_in(publishing, live_site, "hakkou")
    at = timezone.localtime(timezone.now()) + timedelta(days=2)
    open_from_first_page(publishing, live_site, TITLES[4])
    unfold(publishing, "id_published_at_0")
    publishing.fill("#id_published_at_0", at.strftime("%Y-%m-%d"))
    publishing.fill("#id_published_at_1", "07:30")
    wait_for_preview(publishing)
    show(publishing, f"editing-schedule-{language}", WIDE)
    press(publishing, "schedule")
    for title in TITLES[:4]:
        open_from_first_page(publishing, live_site, title)
        press(publishing, "publish")
    publishing.goto(f"{live_site.url}/admin/articles/post/")
    expect(publishing.locator("#result_list tbody tr")).to_have_count(5)
    show(publishing, f"editing-list-{language}", WIDE)
    writing.goto(f"{live_site.url}/admin/notices/")
    expect(writing.locator(".notices li")).to_have_count(6)
    show(writing, f"editing-notices-{language}", WIDE)

    # Readers have four of them, and the fifth in its time.
    reader = open_window(browser, language)
    for title in TITLES[:4]:
        assert reader.goto(address_of(live_site, title)).status == 200  # type: ignore[union-attr]
        expect(reader.locator("h1")).to_contain_text(title)
    reader.goto(address_of(live_site, TITLES[2]))
    expect(reader.locator("article")).to_contain_text("港の掲示、十月十五日現在")
    assert reader.goto(address_of(live_site, TITLES[4])).status == 404  # type: ignore[union-attr]
    assert Post.objects.published(at + timedelta(days=1)).filter(title=TITLES[4]).exists()
    reader.goto(address_of(live_site, TITLES[0]))
    expect(reader.get_by_alt_text("川の対岸から見た三棟の倉庫")).to_be_visible()


TEXT = "川沿いに、煉瓦の倉庫が三棟並ぶ。\n\n戸の錆びた蝶番に、大正十二年の刻印がある。\n\n二棟目は、いまも米を入れている。\n"


def make_post(person: User, **changes: Any) -> Post:
    return workflow.save_post(Post(), person, {"title": TITLES[0], "body": TEXT, **changes})


@pytest.mark.parametrize("language", ["ja", "en"])
def test_what_was_kept_is_offered_and_two_saves_and_versions_are_shown(
    browser: Browser, live_site: Any, media_root: Any, language: str
) -> None:
    person, colleague = make_person("publisher", "hakkou"), make_person("editor", "desk")
    page = open_window(browser, language)
    let_in(page.context, live_site, person)

    post, longer = make_post(person), TEXT + "\n三棟目は、屋根が落ちた。\n"
    drafts.keep(post, person, {**drafts.read_present(post), "body": longer}, None, "k" * 20)
    page.goto(f"{live_site.url}/admin/articles/post/{post.pk}/change/")
    expect(page.locator(".open-text")).to_have_count(1)
    show(page, f"editing-kept-{language}")
    follow(page.locator('.open-text button[value="take"]'))
    expect(page.locator("#id_body")).to_have_value(longer)

    mine = longer.replace("大正十二年", "大正十三年")
    page.locator("#id_body").fill(mine)
    workflow.save_draft(post, colleague, {"body": longer.replace("大正十二年の刻印", "工場の刻印")})
    press(page, "")
    expect(page.locator(".merge-question")).to_have_count(1)
    show(page, f"editing-together-{language}")
    page.locator(".merge-choices input").first.check()
    follow(page.locator(".merge-bar button.default"))
    expect(page.locator("#id_body")).to_have_value(mine)

    press(page, "publish")
    page.locator("#id_body").fill(mine.replace("米を入れている", "米と酒を入れている"))
    press(page, "")
    reader = open_window(browser, language)
    reader.goto(f"{live_site.url}{Post.objects.get().get_absolute_url()}")
    expect(reader.locator("article")).not_to_contain_text("酒")
    follow(page.locator('.desk-state a[href*="before=live"]'))
    expect(page.locator(".clauses ins")).to_contain_text("酒")
    show(page, f"editing-difference-{language}")
    page.goto(f"{live_site.url}/admin/articles/post/{post.pk}/history/")
    expect(page.locator(".version.is-milestone").first).to_be_visible()
    show(page, f"editing-versions-{language}")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_other_pages_of_the_desk_that_the_guide_shows(
    browser: Browser, live_site: Any, media_root: Any, language: str
) -> None:
    person = make_person("administrator", "kanri")
    page = open_window(browser, language)
    let_in(page.context, live_site, person)
    media = add_media(draw(2, (1280, 800)), "倉庫.png", alt="川の対岸から見た三棟の倉庫", user=person)
    MediaFile.objects.filter(pk=media.pk).update(credit="写真部", focus_x=40, focus_y=60)
    post = make_post(person, cover=media)
    for row in (post, make_post(person, title=TITLES[1]), make_post(person, title=TITLES[2])):
        workflow.publish(row, person)

    page.goto(f"{live_site.url}/admin/articles/mediafile/{media.pk}/change/")
    expect(page.locator(".focus-crops")).to_be_visible()
    page.locator("fieldset.focus").evaluate("fields => fields.scrollIntoView()")
    show(page, f"editing-media-{language}")

    page.goto(f"{live_site.url}/admin/articles/frontpage/")
    with page.expect_response("**/admin/articles/frontpage/"):
        page.locator(f'[value="lead:{post.pk}"]').press("Enter")
    expect(page.locator(".front-list.is-lead .front-story")).to_have_count(1)
    expect(page.frame_locator("#front-preview").locator("article").first).to_contain_text(TITLES[0])
    show(page, f"editing-front-{language}")
    follow(page.locator('[value="save"]'))

    page.goto(f"{live_site.url}/admin/articles/post/add/")
    page.locator("#id_body").focus()
    expect(page.locator("#id_body")).to_be_focused()
    page.keyboard.press("Control+Shift+/")
    expect(page.locator("#writing-guide textarea").first).to_be_visible()
    show(page, f"editing-guide-{language}")

    page.goto(f"{live_site.url}/admin/auth/user/invite/")
    page.fill("#id_username", "shinjin")
    page.fill("#id_email", "shinjin@example.jp")
    page.select_option("#id_role", str(Group.objects.get(name="author").pk))
    show(page, f"editing-invite-{language}")
    follow(page.locator(".plain-form button"))
    expect(page.locator("#invitation-link")).to_have_value(re.compile("^http"))
