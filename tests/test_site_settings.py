"""The site's settings: who may change them, what is refused, and where each of them stands."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from articles import site_settings
from articles.admin.preview import preview_home
from articles.colours import DEFAULTS, LEAST, contrast, find_accent_fault, find_paper_fault, make_scheme, write_sheet
from articles.editorial import permalinks, workflow
from articles.editorial.permalinks import BadAddress, check_pattern
from articles.editorial.settings import BadTarget, Draft, Row, find_faults, newest, read_draft, read_target, save_settings
from articles.editorial.workflow import ChangedMeanwhile, NotAllowed, RefusedChange
from articles.mail import send
from articles.models import Category, MediaFile, Post, SiteLink, SiteSettings, Tag
from articles.uses import is_in_masthead, without_uses
from tests.factories import PostFactory
from tests.people import make_person

pytestmark = pytest.mark.django_db

SCREEN = "/admin/articles/sitesettings/"


def save(user: Any = None, links: dict[str, list[Row]] | None = None, **values: Any) -> SiteSettings:
    known = newest()
    draft = read_draft(known)
    changed = Draft({**draft.values, **values}, {**draft.links, **(links or {})})
    version = save_settings(user, changed, seen=known.number if known else 0)
    assert version is not None
    return version


def publish(title: str, **changes: Any) -> Post:
    post = workflow.save_post(Post(), None, {"title": title, "body": "本文。", **changes})
    return workflow.publish(post, None)


def make_picture(name: str = "題字.png", letter: str = "a", **values: Any) -> MediaFile:
    values = {
        "content_type": "image/png",
        "public_name": f"{letter * 2}/{letter * 16}/logo.png",
        "width": 640,
        "height": 160,
    } | values
    return MediaFile.objects.create(sha256=letter * 64, name=name, **values)


def read(client: Client, path: str = "/") -> str:
    return client.get(path).content.decode()


# --- What holds -----------------------------------------------------------------------------------------------------


def test_without_a_row_the_environment_speaks(settings: Any, client: Client) -> None:
    settings.SITE_NAME, settings.SITE_DESCRIPTION = "川辺新聞", "川のそばから"
    site = site_settings.current()
    assert (site.version, site.name, site.description) == (0, "川辺新聞", "川のそばから")
    assert "<title>川辺新聞 – 川のそばから</title>" in read(client)


def test_an_empty_field_goes_on_saying_what_the_environment_says(settings: Any) -> None:
    settings.SITE_NAME = "川辺新聞"
    save(description="毎朝の新聞")
    site = site_settings.current()
    assert (site.version, site.name, site.description) == (1, "川辺新聞", "毎朝の新聞")


def test_every_save_is_a_version_and_the_same_again_is_none() -> None:
    save(name="一")
    save(name="二")
    draft = read_draft(newest())
    assert save_settings(None, draft, seen=2) is None
    assert list(SiteSettings.objects.values_list("number", "name")) == [(2, "二"), (1, "一")]


def test_two_saves_at_once_leave_one_and_tell_the_other() -> None:
    mine = read_draft(newest())
    save(make_person("publisher"), name="先の名")
    with pytest.raises(ChangedMeanwhile, match="publisher"):
        save_settings(None, Draft({**mine.values, "name": "後の名"}, mine.links), seen=0)
    with pytest.raises(IntegrityError):
        SiteSettings.objects.create(number=1)


def test_a_process_asks_once_for_many_pages_and_forgets_at_a_save() -> None:
    site_settings.current()
    with CaptureQueriesContext(connection) as captured:
        assert site_settings.current().version == 0
    assert len(captured) == 0
    save(name="新しい名")
    assert site_settings.current().name == "新しい名"


def test_what_could_not_be_saved_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    save(name="先の名")

    def fail() -> None:
        raise OSError("full")

    monkeypatch.setattr("articles.cards.forget_all", fail)
    with pytest.raises(OSError, match="full"):
        save(name="後の名")
    assert site_settings.current().name == "先の名"


def test_cards_are_drawn_anew_by_the_name_that_was_saved_not_by_the_one_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    save(name="先の名")
    site_settings.current()
    SiteSettings.objects.create(number=2, name="よその名")
    forgotten: list[str] = []
    monkeypatch.setattr("articles.cards.forget_all", lambda: forgotten.append("all"))
    save(name="先の名")
    assert forgotten == ["all"]


def test_after_two_seconds_what_another_process_saved_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    site_settings.current()
    SiteSettings.objects.create(number=1, name="よその手")
    assert site_settings.current().version == 0
    now = site_settings.time.monotonic()
    monkeypatch.setattr(site_settings.time, "monotonic", lambda: now + site_settings.REMEMBERED)
    assert site_settings.current().name == "よその手"


def test_settings_that_grow_old_while_a_page_is_made_cost_it_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    publish("題", path="/a/")
    moments = {"now": 0.0}
    monkeypatch.setattr(site_settings.time, "monotonic", lambda: moments["now"])
    site_settings.current()
    load = site_settings.load_frame

    def load_slowly() -> Any:
        found = load()
        moments["now"] += site_settings.REMEMBERED / 3
        return found

    monkeypatch.setattr("articles.site.context.load_frame", load_slowly)
    moments["now"] = site_settings.REMEMBERED * 0.9
    with django_assert_num_queries(4):
        client.get("/a/")


@pytest.mark.parametrize("links", [0, 12])
def test_a_page_costs_what_it_cost_before_however_much_is_set(
    client: Client, django_assert_num_queries: Any, django_assert_max_num_queries: Any, links: int
) -> None:
    category = Category.objects.create(name="経済")
    post = publish("題", categories=[category], path="/a/")
    targets = ["/a/", category.get_absolute_url(), "/search/"]
    save(name="名", logo=make_picture(), links={"navigation": [Row("案内", targets[at % 3]) for at in range(links)]})
    with django_assert_num_queries(4):  # post, credits, neighbours, sections with settings
        client.get(post.get_absolute_url())
    with django_assert_num_queries(4):  # the settings are remembered, the sections asked for
        client.get(post.get_absolute_url())
    site_settings.forget()
    with django_assert_max_num_queries(5):
        client.get("/")
    site_settings.forget()
    with django_assert_max_num_queries(5):
        client.get(category.get_absolute_url())


def test_a_page_of_a_fault_asks_the_database_nothing(client: Client, django_assert_num_queries: Any) -> None:
    save(name="覚えた名")
    site_settings.current()
    with django_assert_num_queries(0):
        assert "覚えた名" in site_settings.last_known().name
    site_settings.forget()
    with django_assert_num_queries(0):
        assert site_settings.last_known().version == 0


# --- Where each stands ----------------------------------------------------------------------------------------------


def test_name_and_description_stand_everywhere(client: Client, mailoutbox: list[Any]) -> None:
    publish("題", path="/a/")
    save(name="<川辺>", description='川と"町"の新聞')
    home, article = read(client), read(client, "/a/")
    assert "<title>&lt;川辺&gt; – 川と&quot;町&quot;の新聞</title>" in home
    assert '<meta name="description" content="川と&quot;町&quot;の新聞">' in home
    assert "<title>題 – &lt;川辺&gt;</title>" in article
    assert "<川辺>" not in article
    assert '"name": "\\u003c川辺\\u003e"' in article
    assert "<title>&lt;川辺&gt;</title>" in read(client, "/rss.xml")
    assert "&lt;川辺&gt;" in read(client, "/atom.xml")
    assert "&lt;川辺&gt;" in read(client, "/sitemap-news.xml")
    assert json.loads(read(client, "/feed.json"))["title"] == "<川辺>"
    manifest = json.loads(read(client, "/manifest.webmanifest"))
    assert (manifest["name"], manifest["description"]) == ("<川辺>", '川と"町"の新聞')
    assert read(client, "/llms.txt").startswith("# <川辺>")
    assert client.get("/api/v1/site").json()["name"] == "<川辺>"
    send("a@example.jp", "件名", ["本文"])
    assert mailoutbox[0].subject == "[<川辺>] 件名"


def test_the_logo_stands_in_the_masthead_with_the_name_read_aloud(client: Client) -> None:
    publish("題", path="/a/")
    save(name="川辺", logo=make_picture(), logo_dark=make_picture("夜.png", "b"))
    for path in ("/", "/a/"):
        html = read(client, path)
        assert (
            '<source srcset="/media/bb/bbbbbbbbbbbbbbbb/logo.png" media="(prefers-color-scheme: dark)" width="640" height="160">'
            in html
        )
        assert (
            '<img src="/media/aa/aaaaaaaaaaaaaaaa/logo.png" width="640" height="160" class="logo" alt="川辺" decoding="async">'
            in html
        )
        assert (
            '"logo": {"@type": "ImageObject", "url": "http://testserver/media/aa/aaaaaaaaaaaaaaaa/logo.png", "width": 640' in html
        )
        assert "css/site-parts.css" in html


def test_a_logo_that_is_gone_leaves_the_name(client: Client) -> None:
    logo = make_picture()
    save(name="川辺", logo=logo)
    assert is_in_masthead(logo)
    assert logo not in without_uses(MediaFile.objects.all())
    logo.delete()
    site_settings.forget()
    html = read(client)
    assert 'class="logo"' not in html
    assert ">川辺</a></h1>" in html.replace("\n", "")
    logo = make_picture()
    save(logo=logo)
    MediaFile.objects.filter(pk=logo.pk).update(public_name="")
    site_settings.forget()
    assert site_settings.current().logo is None


def test_a_logo_is_not_deleted_while_it_is_shown() -> None:
    logo = make_picture()
    save(logo=logo)
    client = Client()
    client.force_login(make_person("publisher"))
    response = client.post(f"/admin/articles/mediafile/{logo.pk}/delete/", {"post": "yes"}, follow=True)
    assert MediaFile.objects.filter(pk=logo.pk).exists()
    assert "題字" in response.content.decode()


def test_navigation_takes_the_place_of_the_sections(client: Client) -> None:
    economy, empty = Category.objects.create(name="経済"), Category.objects.create(name="空")
    tag = Tag.objects.create(name="AI")
    page = publish("会社案内", kind="page", path="/about/")
    publish("題", categories=[economy], tags=["AI"], path="/a/")
    rows = [
        Row("お金<b>", economy.get_absolute_url()),
        Row("空の欄", empty.get_absolute_url()),
        Row("人工知能", tag.get_absolute_url()),
        Row("わたしたち", "/about/"),
        Row("よそ", "https://example.jp/?a=1&b=2"),
        Row("便り", "mailto:news@example.jp"),
    ]
    save(links={"navigation": rows})
    html = read(client, "/a/")
    nav = html[html.index('class="sections"') : html.index("</nav>", html.index('class="sections"'))]
    assert 'aria-current="true">お金&lt;b&gt;</a>' in nav
    assert "空の欄" not in nav
    assert "人工知能" in nav
    assert "便り" in nav
    assert 'href="https://example.jp/?a=1&amp;b=2"' in nav
    assert 'href="/about/" aria-current="page">わたしたち' in read(client, "/about/")
    links = SiteLink.objects.filter(place="navigation")
    assert [(bool(link.category), bool(link.tag), bool(link.post)) for link in links][:4] == [
        (True, False, False), (True, False, False), (False, True, False), (False, False, True)
    ]  # fmt: skip
    workflow.withdraw(page, None)
    site_settings.forget()
    assert "わたしたち" not in read(client, "/a/")


def test_a_link_to_a_draft_is_not_shown_and_follows_it_when_it_moves(client: Client) -> None:
    draft = workflow.save_post(Post(), None, {"title": "まだ秘密", "body": "本文", "kind": "page", "path": "/soon/"})
    save(links={"footer": [Row("近日", "/soon/")]})
    assert "近日" not in read(client)
    assert "/soon/" not in read(client)
    workflow.publish(draft, None)
    Post.objects.filter(pk=draft.pk).update(path="/now/")
    site_settings.forget()
    assert '<a href="/now/">近日</a>' in read(client)


def test_a_link_to_a_post_in_the_trash_waits_for_it_and_hinders_no_other_change(client: Client) -> None:
    post = publish("題")
    save(links={"navigation": [Row("河岸の案内", post.get_absolute_url())]})
    workflow.move_to_trash(post, None)
    save(name="川辺新聞")
    assert "河岸の案内</a></li>" not in read(client, "/tags/")
    workflow.publish(workflow.restore(post, None), None)
    site_settings.forget()
    assert "河岸の案内</a></li>" in read(client, "/tags/")


def test_a_scheduled_post_is_linked_from_its_minute_on(client: Client) -> None:
    post = publish("題", path="/a/")
    Post.objects.filter(pk=post.pk).update(published_at=timezone.now() + timedelta(hours=1))
    save(links={"navigation": [Row("予定", "/a/")]})
    assert "予定" not in read(client)
    Post.objects.filter(pk=post.pk).update(published_at=timezone.now())
    site_settings.forget()
    assert "予定" in read(client)


def test_the_foot_has_links_text_accounts_and_the_copyright_line(client: Client) -> None:
    social = [Row("X", "https://x.com/kawabe_news"), Row("Mastodon", "https://social.example.jp/@kawabe")]
    save(links={"footer": [Row("利用規約", "https://example.jp/terms")], "social": social},
         footer_text="一行目\n<script>二</script>", copyright="© 川辺新聞社")  # fmt: skip
    html = read(client)
    foot = html[html.index("<footer") :]
    assert '<a href="https://example.jp/terms">利用規約</a>' in foot
    assert "一行目<br>&lt;script&gt;二&lt;/script&gt;" in foot
    assert "© 川辺新聞社" in foot
    assert '<a href="https://x.com/kawabe_news" rel="me">X</a>' in foot
    assert '"sameAs": ["https://x.com/kawabe_news", "https://social.example.jp/@kawabe"]' in html
    assert '<meta name="twitter:site" content="@kawabe_news">' in html


def test_colours_are_a_sheet_at_an_address_of_their_own(client: Client) -> None:
    assert "/colours-" not in read(client)
    assert client.get("/colours-000000000000.css").status_code == 404
    save(accent_light="#1f5f3a", paper_dark="#101418")
    site = site_settings.current()
    address = f"/colours-{site.colours_key}.css"
    html = read(client)
    assert f'<link rel="stylesheet" href="{address}">' in html
    assert '<meta name="theme-color" content="#101418" media="(prefers-color-scheme: dark)">' in html
    assert html.index("css/site.css") < html.index(address)
    sheet = client.get(address)
    assert sheet["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in sheet["Cache-Control"]
    assert "--shu: light-dark(#1f5f3a, #ff8a7a);" in sheet.content.decode()
    earlier = client.get("/colours-000000000000.css")
    assert earlier.content == sheet.content
    assert earlier["Cache-Control"] == "public, max-age=60"
    assert client.get("/colours-x.css").status_code == 404
    assert json.loads(read(client, "/manifest.webmanifest"))["theme_color"] == DEFAULTS["light"].paper


def test_new_posts_follow_the_pattern_and_old_ones_stay() -> None:
    old = publish("前の記事", slug="before")
    save(permalink="/{year}/{slug}.html")
    year = timezone.localtime().year
    new = publish("後の記事", slug="after")
    assert new.path == f"/{year}/after.html"
    old.refresh_from_db()
    assert old.path == f"/{year}/{timezone.localtime():%m}/before/"
    again = publish("後の記事", slug="after")
    assert again.path == f"/{year}/after-2.html"


def test_lists_have_as_many_posts_as_is_set(client: Client) -> None:
    for number in range(8):
        publish(f"題{number}", path=f"/{number}/")
    year = f"/{timezone.localtime().year}/"
    assert "?before=" not in read(client, year)
    save(posts_per_page=5)
    html = read(client, year)
    assert html.count("<article") == 5
    assert "?before=" in html


def test_the_advertising_labels_are_those_of_the_site(client: Client) -> None:
    publish("題", body='<a href="https://shop.example.jp/" rel="sponsored">買う</a>', path="/a/")
    assert "広告リンク" in read(client, "/a/")
    save(advertising_label="当社は紹介料を受け取ります", advertising_label_short="紹介料")
    article = read(client, "/a/")
    assert '<span class="label">当社は紹介料を受け取ります</span>' in article
    assert '"genre": "当社は紹介料を受け取ります"' in article
    assert '<span class="label">紹介料</span>' in read(client)
    assert "当社は紹介料を受け取ります" in read(client, "/rss.xml")


def test_no_script_of_another_host_is_loaded_unless_it_is_switched_on(client: Client) -> None:
    publish("題", path="/a/")
    save(analytics_script="https://stats.example.jp/js/script.js", analytics_domain="example.jp")
    response = client.get("/a/")
    assert "stats.example.jp" not in response.content.decode() + response["Content-Security-Policy"]
    save(has_analytics=True)
    response = client.get("/a/")
    script = '<script defer src="https://stats.example.jp/js/script.js" data-domain="example.jp"></script>'
    assert response.content.decode().count(script) == 1
    policy = response["Content-Security-Policy"].split("; ")
    assert "script-src 'self' https://stats.example.jp" in policy
    assert "connect-src 'self' https://stats.example.jp" in policy
    assert "default-src 'self'" in policy
    again = client.get("/a/", headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304
    assert again["Content-Security-Policy"] == response["Content-Security-Policy"]
    for path in ("/rss.xml", "/api/v1/site", "/admin/login/"):
        assert "stats.example.jp" not in client.get(path)["Content-Security-Policy"]


def test_a_preview_loads_no_script_that_counts_visits() -> None:
    post = publish("題", path="/a/")
    save(has_analytics=True, analytics_script="https://stats.example.jp/script.js")
    client = Client()
    client.force_login(make_person("publisher"))
    policy = client.get(f"/admin/articles/post/{post.pk}/preview/")["Content-Security-Policy"]
    assert "script-src 'none'" in policy
    assert "stats" not in policy


def test_a_page_with_a_film_counts_visits_too(client: Client) -> None:
    post = publish("題", body="<https://www.youtube.com/watch?v=abcdefghijk>")
    save(has_analytics=True, analytics_script="https://stats.example.jp/script.js")
    policy = client.get(post.get_absolute_url())["Content-Security-Policy"].split("; ")
    assert "script-src 'self' https://stats.example.jp" in policy
    assert "frame-src https://www.youtube-nocookie.com" in policy


def test_the_preview_of_the_front_page_names_no_script(client: Client) -> None:
    publish("題")
    save(has_analytics=True, analytics_script="https://stats.example.jp/script.js")
    assert "<script" in read(client, "/")
    assert "<script defer" not in preview_home([], timezone.now()).content.decode()


# --- What is refused ------------------------------------------------------------------------------------------------


def fault(**values: Any) -> dict[str, str]:
    blank = read_draft(None)
    return find_faults(Draft({**blank.values, **values}, blank.links)).fields


def test_only_a_picture_that_readers_get_is_a_logo() -> None:
    assert "logo" in fault(logo=make_picture("規約.pdf", "c", content_type="application/pdf"))
    assert "logo" in fault(logo=make_picture("隠れた.svg", "d", public_name=""))
    assert "logo_dark" in fault(logo_dark=make_picture())
    assert fault(logo=make_picture("良い.png", "e")) == {}


@pytest.mark.parametrize("colour", ["red", "#12345", "#1234567", "rgb(0,0,0)", "#12345g", "}body{", "#ABCDEF"])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    assert "accent_light" in fault(accent_light=colour)


def test_a_colour_that_cannot_be_read_is_refused_with_its_ratio_and_the_nearest_that_can() -> None:
    message = fault(accent_light="#e0a000")["accent_light"]
    found = find_accent_fault("light", "#e0a000")
    assert found is not None
    assert found.nearest in message
    assert "1.91" in message
    assert fault(accent_light=found.nearest) == {}
    paper = find_paper_fault("dark", "#555555")
    assert paper is not None
    assert paper.nearest in fault(paper_dark="#555555")["paper_dark"]
    assert fault(paper_dark=paper.nearest) == {}


def test_colours_of_the_product_are_those_of_its_sheet() -> None:
    tokens = Path("static/css/tokens.css").read_text(encoding="utf-8")
    names = {
        "paper": "paper",
        "sheet": "sheet",
        "rule": "rule",
        "shu": "accent",
        "shu-soft": "soft",
        "wash": "wash",
        "ink": "ink",
    }
    for name, key in names.items():
        assert f"--{name}: light-dark({getattr(DEFAULTS['light'], key)}, {getattr(DEFAULTS['dark'], key)});" in tokens
    for number, name in enumerate(("ink", "ink-2", "ink-3", "ai")):
        assert f"--{name}: light-dark({DEFAULTS['light'].inks[number]}, {DEFAULTS['dark'].inks[number]});" in tokens


def test_contrast_is_that_of_wcag() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21
    assert contrast("#123456", "#123456") == 1
    assert contrast("#767676", "#ffffff") >= LEAST > contrast("#777777", "#ffffff")
    for scheme in DEFAULTS:
        assert find_paper_fault(scheme, DEFAULTS[scheme].paper) is None
        assert find_accent_fault(scheme, DEFAULTS[scheme].accent) is None
    assert "prefers-contrast: more" in write_sheet(make_scheme("light", "#ffffff"), make_scheme("dark"))


@pytest.mark.parametrize(
    "pattern",
    ["/{year}/", "/{id}/{slug}/", "{slug}/", "/{slug}/{slug}/", "/a b/{slug}/", "/{slug}.md", "/admin/{slug}/", "/tags/{slug}/",
     "/{year/{slug}/", "//{slug}/", "/../{slug}/", "/{slug}?x", "/API/{slug}/", "/{}/{slug}/", "/{slug.__class__}/"],
)  # fmt: skip
def test_a_pattern_from_which_no_good_address_comes_is_refused(pattern: str) -> None:
    with pytest.raises(BadAddress):
        check_pattern(pattern)
    assert "permalink" in fault(permalink=pattern)


@pytest.mark.parametrize(
    "pattern", ["/{year}/{month}/{slug}/", "/{slug}/", "/記事/{year}/{month}/{day}/{slug}", "/p/{slug}.html"]
)
def test_good_patterns_are_taken(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "slug", "expected"),
    [
        ("/{slug}/", "2026", "/2026-2/"),
        ("/{slug}", "tags", "/tags-2"),
        ("/{year}/{slug}/", "11", "/2026/11-2/"),
        ("/{year}/{slug}", "07", "/2026/07-2"),
        ("/{slug}/", "archives", "/archives-2/"),
        ("/{slug}/", "20261", "/20261/"),
        ("/{year}/{slug}.html", "11", "/2026/11.html"),
    ],
)
def test_no_new_address_is_that_of_a_list(client: Client, pattern: str, slug: str, expected: str) -> None:
    save(permalink=pattern)
    post = PostFactory(slug=slug, path="", title="題名", published_at=datetime(2026, 11, 2, tzinfo=UTC))
    permalinks.fill(post)
    post.save()
    assert post.path == expected
    assert "題名 –" in read(client, expected)


@pytest.mark.parametrize(
    "target",
    ["javascript:alert(1)", "data:text/html,x", "//example.jp/", "example.jp", "/admin/", "/Admin/login/", "/nowhere/", "",
     "https://", "https://user@example.jp/", "https://example.jp/\"onclick", "mailto:nobody", "ftp://example.jp/", "/tags/none/",
     "https://exa mple.jp/", "JAVASCRIPT:alert(1)", "/a/#x\x00"],
)  # fmt: skip
def test_a_link_leads_nowhere_but_to_this_site_the_web_and_mail(target: str) -> None:
    with pytest.raises(BadTarget):
        read_target("navigation", target)


@pytest.mark.parametrize("path", ["/it's/", "/a,b;c/", "/一 二/", "/a`b^c/"])
def test_a_post_at_an_old_and_odd_address_can_be_linked(path: str, client: Client) -> None:
    post = PostFactory(path=path)
    assert read_target("navigation", path).post == post
    save(links={"navigation": [Row("昔の記事", path)]})
    assert f'href="{escape(post.get_absolute_url())}"' in read(client, "/tags/")


def test_addresses_of_this_site_are_known_in_every_spelling(settings: Any) -> None:
    post = publish("題", kind="page", path="/会社/")
    for text in ("/会社/", "/会社", "/%E4%BC%9A%E7%A4%BE/", settings.SITE_URL + "/会社/"):
        assert read_target("footer", text).post == post
    assert read_target("footer", "/search/?q=川").address == "/search/?q=川"
    assert read_target("footer", "/rss.xml").address == "/rss.xml"
    with pytest.raises(BadTarget):
        read_target("footer", "/会社/#top")
    with pytest.raises(BadTarget):
        read_target("social", "/会社/")


@pytest.mark.parametrize(
    "script",
    ["http://stats.example.jp/x.js", "https://stats.example.jp;script-src *", "/x.js", "https://例.jp/x.js", "https://a,b/"],
)
def test_a_script_is_named_by_a_plain_https_address(script: str) -> None:
    assert "analytics_script" in fault(analytics_script=script)
    assert "analytics_script" in fault(has_analytics=True)
    assert "analytics_domain" in fault(analytics_script="https://a.example/x.js", analytics_domain='a"b')


def test_a_refused_draft_is_not_saved() -> None:
    with pytest.raises(RefusedChange):
        save(permalink="/x/")
    with pytest.raises(RefusedChange):
        save(links={"navigation": [Row("", "/search/")]})
    with pytest.raises(RefusedChange):
        save(links={"navigation": [Row("案内", "/search/")] * 13})
    assert newest() is None


# --- The desk -------------------------------------------------------------------------------------------------------


def form(seen: int = 0, act: str = "save", **values: Any) -> dict[str, Any]:
    return {"seen": seen, "act": act, **values}


@pytest.fixture
def publisher() -> Client:
    client = Client()
    client.force_login(make_person("publisher"))
    return client


def test_only_publishers_and_administrators_may() -> None:
    for role, answer in {"staff": 403, "author": 403, "importer": 403, "editor": 403, "publisher": 200, "superuser": 200}.items():
        person = make_person(role)
        client = Client()
        client.force_login(person)
        assert client.get(SCREEN).status_code == answer
        if answer == 403:
            assert client.post(SCREEN, form(name="盗")).status_code == 403
            with pytest.raises(NotAllowed):
                save(person, name="盗")
    assert newest() is None
    holders = Group.objects.filter(permissions__codename="change_sitesettings")
    assert set(holders.values_list("name", flat=True)) == {"publisher", "administrator"}


def test_a_publisher_saves_and_readers_see_it_at_once(publisher: Client, client: Client) -> None:
    read(client)
    data = form(
        name="  川辺\n新聞 ", accent_light="1F5F3A", **{"navigation-label": ["検索", ""], "navigation-target": ["/search/", ""]}
    )
    response = publisher.post(SCREEN, data, follow=True)
    assert "第1版" in response.content.decode()
    html = read(client)
    assert "川辺 新聞" in html
    assert '<a href="/search/">検索</a>' in html
    version = newest()
    assert version is not None
    assert version.accent_light == "#1f5f3a"
    assert version.user is not None
    assert (
        publisher.post(
            SCREEN,
            form(1, name="川辺 新聞", accent_light="#1f5f3a", **{"navigation-label": "検索", "navigation-target": "/search/"}),
        ).status_code
        == 302
    )
    assert SiteSettings.objects.count() == 1


def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_lost(publisher: Client) -> None:
    data = form(name="川辺", accent_light="#e0a000", permalink="/x/", posts_per_page="500",
                **{"navigation-label": ["案内"], "navigation-target": ["javascript:alert(1)"]})  # fmt: skip
    html = publisher.post(SCREEN, data).content.decode()
    assert newest() is None
    assert 'id="id_posts_per_page_error"' in html
    assert 'value="川辺"' in html
    assert 'value="javascript:alert(1)"' in html
    data["posts_per_page"] = "50"
    html = publisher.post(SCREEN, data).content.decode()
    for place in ("id_accent_light_error", "id_permalink_error", "navigation-0-error"):
        assert f'id="{place}"' in html
    assert newest() is None


@pytest.mark.parametrize(
    "sent",
    [{"seen": "1" * 5000}, {"seen": "１"}, {"act": "up:navigation:" + "1" * 5000}, {"act": "remove:nowhere:0"},
     {"logo": "1" * 5000}, {"logo": ["1", "x"]}, {"posts_per_page": "1" * 5000}, {"accent_light": "#\0"},
     {"permalink": "{" * 120},
     *({"navigation-label": "案内", "navigation-target": target}
       for target in ("/a/%00", "/tags/%00/", "/categories/%00/", "/search/?q=%00", "/%ED%A0%80/", "//[", "https://[",
                      "/" + "a" * 3000))],
)  # fmt: skip
@pytest.mark.parametrize("act", ["save", "check"])
def test_what_no_database_holds_is_refused_in_words(publisher: Client, act: str, sent: dict[str, Any]) -> None:
    assert publisher.post(SCREEN, {"seen": "0", "act": act, **sent}).status_code in {200, 302}
    assert not SiteLink.objects.exists()


@pytest.mark.parametrize("query", ["version=" + "1" * 5000, "version=-1", "version=１", "version=9223372036854775808"])
def test_a_version_that_cannot_be_is_not_there(publisher: Client, query: str) -> None:
    assert publisher.get(f"{SCREEN}?{query}").status_code == 404


def test_a_button_moves_a_link_and_saves_nothing(publisher: Client) -> None:
    rows = {"navigation-label": ["一", "二", "三"], "navigation-target": ["/search/", "/feeds/", "/"]}
    html = publisher.post(SCREEN, form(act="down:navigation:0", **rows)).content.decode()
    assert html.index('value="二"') < html.index('value="一"') < html.index('value="三"')
    assert 'value="down:navigation:1" class="button" autofocus' in html
    html = publisher.post(SCREEN, form(act="remove:navigation:1", **rows)).content.decode()
    assert 'value="二"' not in html
    for act in ("up:navigation:99", "up:nowhere:0", "remove:navigation:x", "up"):
        assert publisher.post(SCREEN, form(act=act, **rows)).status_code == 200
    assert newest() is None


def test_checking_saves_nothing_and_shows_the_address_that_comes_of_it(publisher: Client) -> None:
    html = publisher.post(SCREEN, form(act="check", permalink="/p/{slug}.html")).content.decode()
    assert "/p/" in html
    assert newest() is None


def test_who_saves_after_somebody_else_sees_what_differs_and_loses_nothing(publisher: Client) -> None:
    save(name="元の名", description="元の説明", copyright="元の権利")
    save(make_person("superuser", "colleague"), name="同僚の名", copyright="同僚の権利")
    html = publisher.post(SCREEN, form(1, name="わたしの名", description="わたしの説明", copyright="元の権利")).content.decode()
    assert SiteSettings.objects.count() == 2
    assert "colleague" in html
    assert "同僚の名" in html
    assert 'value="わたしの名"' in html
    assert "わたしの説明" in html
    assert 'value="同僚の権利"' in html
    assert '<input type="hidden" name="seen" value="2">' in html
    publisher.post(SCREEN, form(2, name="わたしの名", description="わたしの説明", copyright="同僚の権利"))
    version = newest()
    assert version is not None
    assert (version.number, version.name, version.copyright) == (3, "わたしの名", "同僚の権利")


def test_an_earlier_version_is_opened_and_saved_again(publisher: Client) -> None:
    save(name="一")
    save(name="二")
    html = publisher.get(SCREEN + "?version=1").content.decode()
    assert 'value="一"' in html
    assert '<input type="hidden" name="seen" value="2">' in html
    assert publisher.get(SCREEN + "?version=9").status_code == 404
    assert publisher.get(SCREEN + "?version=x").status_code == 404
    publisher.post(SCREEN, form(2, name="一"))
    assert site_settings.current().name == "一"
    listed = publisher.get(SCREEN).content.decode()
    assert listed.count("<del>") == 3


def test_the_screen_costs_the_same_with_twice_the_links(publisher: Client, django_assert_max_num_queries: Any) -> None:
    for number in (3, 6):
        save(name=f"名{number}", links={"footer": [Row("検索", "/search/")] * number})
    publisher.get(SCREEN)
    with CaptureQueriesContext(connection) as captured:
        publisher.get(SCREEN)
    save(links={"footer": [Row("検索", "/search/")] * 20})
    with django_assert_max_num_queries(len(captured)):
        publisher.get(SCREEN)


def test_a_link_without_a_label_marks_its_label(publisher: Client) -> None:
    sent = {"navigation-label": ["", "案内"], "navigation-target": ["/search/", "javascript:alert(1)"]}
    page = lxml.html.fromstring(publisher.post(SCREEN, form(**sent)).content.decode())
    marked = {field.get("id") for field in page.xpath("//input[@aria-invalid='true']")}
    assert marked == {"navigation-0-label", "navigation-1-target"}
    assert {link.get("href") for link in page.xpath("//a[starts-with(@href, '#navigation-')]")} == {f"#{name}" for name in marked}


def test_what_the_form_says_of_the_foot_is_what_stands_there(publisher: Client, client: Client) -> None:
    foot = lxml.html.fromstring(read(client)).xpath("//footer//nav")[0]
    said = publisher.get(SCREEN).content.decode()
    names = [link.text_content().strip() for link in foot.iter("a")]
    assert len(names) == 5
    assert [name for name in names if name not in said] == []
