"""The page cache in front of Django: what it keeps and serves, and what it never does."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from articles.changes import forget_all_pages
from articles.models import Category, FrontPage, FrontSlot, Post, SiteSettings, Tag
from cms import pagecache
from cms.pagecache import normalize_query
from tests.factories import CategoryFactory, PostFactory
from tests.pages import CachedSite, wait_until

pytestmark = pytest.mark.django_db

GZIP = {"HTTP_ACCEPT_ENCODING": "gzip, br"}


@pytest.fixture
def posts() -> list[Post]:
    """Twelve posts, the newest first, five on a page; two sections, a tag."""
    SiteSettings.objects.create(number=1, posts_per_page=5)
    now = timezone.now()
    return [
        PostFactory(
            published_at=now - timedelta(days=number + 1),
            slug=f"p{number}",
            categories=["経済" if number % 2 else "政治"],
            tags=["AI"] if number < 3 else [],
        )
        for number in range(12)
    ]


@pytest.fixture
def post(posts: list[Post]) -> Post:
    return posts[0]


@pytest.fixture
def site(posts: list[Post]) -> CachedSite:
    return CachedSite()


# --- What is served -----------------------------------------------------------------------------------------------------


def test_a_page_is_made_once_and_then_served_without_django(site: CachedSite, post: Post) -> None:
    first, second = site.get(post.path), site.get(post.path)
    assert (first.how, second.how, site.asked) == ("miss", "hit", [post.path])
    assert first.text == second.text == site.fresh(post.path).text
    assert {**first.headers, "x-page-cache": ""} == {**second.headers, "x-page-cache": ""}


def test_the_headers_are_those_of_django(site: CachedSite, post: Post) -> None:
    site.get(post.path)
    kept, made = site.get(post.path), site.fresh(post.path)
    assert {name: value for name, value in kept.headers.items() if name != "x-page-cache"} == made.headers


def test_it_is_compressed_once_and_unpacked_for_whoever_does_not_take_that(site: CachedSite, post: Post) -> None:
    packed, plain = site.get(post.path, **GZIP), site.get(post.path)
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.raw) == plain.raw
    assert packed.headers["etag"] == "W/" + plain.headers["etag"]
    assert packed.headers["content-length"] == str(len(packed.raw))
    refused = site.get(post.path, HTTP_ACCEPT_ENCODING="gzip;q=0, identity")
    assert "content-encoding" not in refused.headers
    assert "accept-encoding" in packed.headers["vary"].lower()


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*", '"other",W/{}'])
def test_a_browser_that_has_the_page_is_told_so(site: CachedSite, form: str, post: Post) -> None:
    etag = site.get(post.path).headers["etag"]
    for headers in ({}, GZIP):
        answer = site.get(post.path, HTTP_IF_NONE_MATCH=form.format(etag), **headers)
        assert (answer.status, answer.raw) == (304, b"")
        assert answer.headers["etag"].removeprefix("W/") == etag
        assert {"content-length", "content-type", "content-encoding"}.isdisjoint(answer.headers)
    assert site.get(post.path, HTTP_IF_NONE_MATCH='"other"').status == 200


def test_head_has_the_headers_of_get_and_no_body(site: CachedSite, post: Post) -> None:
    for _round in ("miss", "hit"):
        head = site.get(post.path, REQUEST_METHOD="HEAD", **GZIP)
        got = site.get(post.path, **GZIP)
        assert head.raw == b""
        assert {**head.headers, "x-page-cache": ""} == {**got.headers, "x-page-cache": ""}


def test_lists_feeds_archives_and_texts_are_kept(site: CachedSite, post: Post) -> None:
    tag, category = Tag.objects.get(), Category.objects.first()
    assert category
    addresses = ["/", "/tags/", "/authors/", "/categories/", "/archives/", "/feeds/", "/rss.xml", "/atom.xml", "/feed.json"]
    addresses += [tag.get_absolute_url(), f"/categories/{category.full_slug}/", f"/{post.published_at:%Y}/", post.path]
    addresses += [post.path.rstrip("/") + ".md", f"/tags/{tag.slug}/rss.xml"]
    for address in addresses:
        assert (site.get(address).how, site.get(address).how) == ("miss", "hit"), address


def test_pages_of_an_address_in_japanese_are_kept(site: CachedSite) -> None:
    PostFactory(path="/記事/初稿/")
    assert (site.get("/記事/初稿/").status, site.get("/記事/初稿/").how) == (200, "hit")


# --- What never is ------------------------------------------------------------------------------------------------------


def test_what_is_no_page_is_never_kept(site: CachedSite) -> None:
    hidden = PostFactory(state=Post.State.DRAFT, path="/draft/")
    later = PostFactory(state=Post.State.SCHEDULED, path="/later/", published_at=timezone.now() + timedelta(days=1))
    gone = PostFactory(state=Post.State.WITHDRAWN, path="/gone/")
    for address, status in ((hidden.path, 404), (later.path, 404), (gone.path, 410), ("/nothing/", 404), ("/tags", 301)):
        assert [site.get(address).status for _twice in range(2)] == [status, status]
    for address in ("/search/?q=AI", "/search/", "/sitemap.xml", "/healthz", "/robots.txt", "/admin/", "/llms.txt"):
        assert site.get(address).how == ""
    assert site.kept == {}


def test_an_unknown_address_is_compressed_too_and_not_kept(site: CachedSite) -> None:
    answer = site.get("/nothing/", **GZIP)
    assert (answer.status, answer.headers["content-encoding"]) == (404, "gzip")
    assert answer.text == site.fresh("/nothing/").text
    assert site.get("/nothing/", REQUEST_METHOD="HEAD", **GZIP).raw == b""


def test_whoever_is_signed_in_gets_no_kept_page_and_leaves_none(site: CachedSite, post: Post) -> None:
    session = SessionStore()
    session.save()
    cookie = {"HTTP_COOKIE": f"a=1; sessionid={session.session_key}"}
    assert site.get(post.path, **cookie).how == ""
    assert site.kept == {}
    site.get(post.path)
    assert site.get(post.path, **cookie).how == ""
    assert site.get(post.path, HTTP_COOKIE="theme=dark; _ga=1").how == "hit"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_go_to_django(site: CachedSite, method: str, post: Post) -> None:
    site.get(post.path)
    assert site.get(post.path, REQUEST_METHOD=method).status == 405


def test_another_host_is_refused_though_the_page_is_there(site: CachedSite, post: Post) -> None:
    site.get(post.path)
    for host in ("evil.example", "testserver.evil.example", "", "testserver@evil.example"):
        assert site.get(post.path, HTTP_HOST=host).status == 400, host
    assert site.get(post.path, HTTP_HOST="localhost:8000").how == "hit"


def test_where_tls_is_wanted_a_bare_request_is_sent_there(settings: Any, post: Post) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    site = CachedSite()
    assert site.get(post.path, HTTP_X_FORWARDED_PROTO="https").how == "miss"
    assert site.get(post.path, HTTP_X_FORWARDED_PROTO="https").how == "hit"
    assert site.get(post.path).status == 301


UNKEYED = (
    *("X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Scheme", "X-Forwarded-Server", "X-Host", "X-Original-URL"),
    *("X-Rewrite-URL", "Forwarded", "X-HTTP-Method-Override", "X-HTTP-Method", "Accept-Language", "Accept", "User-Agent"),
    *("Referer", "Origin", "X-Forwarded-For", "X-Real-IP", "X-Requested-With", "Cookie", "Range", "If-Modified-Since"),
    *("Content-Type", "Content-Length", "Authorization", "X-Forwarded-Prefix", "X-Script-Name", "Via", "DNT", "Save-Data"),
)


@pytest.mark.parametrize("name", UNKEYED)
def test_no_header_of_one_reader_reaches_another(site: CachedSite, name: str, post: Post) -> None:
    key = name.upper().replace("-", "_")
    key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
    for address in ("/", post.path, "/rss.xml"):
        clean = site.fresh(address)
        site.get(address, **{key: "canary" if key != "CONTENT_LENGTH" else "7"})
        answer = site.get(address)
        assert answer.text == clean.text
        assert "canary" not in str(answer.headers)


def test_campaigns_share_the_page_and_unknown_queries_pass_by(site: CachedSite, post: Post) -> None:
    site.get(post.path)
    assert site.get(post.path + "?utm_source=x&fbclid=%22%3E%3Cscript%3E").how == "hit"
    for query in ("p=12", "preview=1", "before=1-0&before=2-0", "q=x", "x=%ff", "from=" + "a" * 400):
        assert site.get(f"{post.path}?{query}").how == "", query
    assert list(site.kept) == [post.path]


def test_made_up_queries_push_out_no_page(posts: list[Post]) -> None:
    site = CachedSite(max_bytes=400_000)
    for post in posts[:6]:
        site.get(post.path)
    for number in range(150):
        site.get(f"/?before={1_790_000_000_000_000 + number}-0")
    assert [site.get(post.path).how for post in posts[:6]] == ["hit"] * 6
    assert sum(page.size for page in site.cache.pages.by_key.values()) <= 400_000
    assert len(site.cache.pages.by_key) < 100


def test_the_least_used_pages_go_first(posts: list[Post]) -> None:
    site = CachedSite(max_bytes=120_000)
    for post in posts * 3:
        site.get(posts[0].path)
        site.get(post.path)
    assert site.get(posts[0].path).how == "hit"
    assert site.cache.pages.bytes[False] <= 90_000
    assert set(site.cache.pages.index) == {
        name for page in site.cache.pages.by_key.values() for name in pagecache._names_of(page)
    }


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("before=1-0", "before=1-0"),
        ("utm_source=a&before=1-0&gclid=b", "before=1-0"),
        ("from=%E3%81%82", "from=%E3%81%82"),
        ("utm_source=a", ""),
        ("before=1&from=2", "before=1&from=2"),
        ("from=2&before=1", "before=1&from=2"),
        ("a=1", None),
        ("before=1-0;x=1", "before=1-0%3Bx%3D1"),
        ("&" * 600, None),
    ],
)
def test_queries_come_to_one_form(query: str, kept: str | None) -> None:
    assert normalize_query(query) == kept


def test_while_the_site_is_worked_on_readers_get_the_note(site: CachedSite, settings: Any, tmp_path: Any, post: Post) -> None:
    site.get(post.path)
    site.cache._maintenance = settings.MAINTENANCE_FILE = tmp_path / "maintenance.txt"
    settings.MAINTENANCE_FILE.write_text("移転中", encoding="utf-8")
    assert site.get(post.path).status == 503
    settings.MAINTENANCE_FILE.unlink()
    assert site.get(post.path).how == "hit"


# --- What leaves when something changes ---------------------------------------------------------------------------------


def keep_everything(site: CachedSite, posts: list[Post]) -> set[str]:
    addresses = ["/", "/archives/", "/tags/", "/tags/ai/", "/rss.xml", *(post.path for post in posts)]
    addresses += [f"/categories/{category.full_slug}/" for category in Category.objects.all()]
    for address in addresses:
        assert site.get(address).status == 200, address
    older = site.get("/").text.partition('href="?before=')[2].partition('"')[0]
    site.get(f"/?before={older}")
    return set(site.kept)


def left(site: CachedSite, before: set[str]) -> set[str]:
    return before - set(site.kept)


def showing(site: CachedSite, post: Post) -> set[str]:
    """The pages kept now that name a post."""
    return {address for address in site.kept if post.path in site.get(address).text}


@pytest.fixture
def kept(site: CachedSite, posts: list[Post]) -> tuple[CachedSite, list[Post], set[str]]:
    return site, posts, keep_everything(site, posts)


Kept = tuple[CachedSite, list[Post], set[str]]


def test_a_change_of_the_text_concerns_its_page_and_feeds_alone(kept: Kept) -> None:
    site, posts, before = kept
    Post.objects.filter(pk=posts[1].pk).update(body_html="<p>別の文</p>")
    site.follower.hear()
    assert left(site, before) == {posts[1].path, "/rss.xml"}
    assert "別の文" in site.get(posts[1].path).text


def test_a_change_of_the_title_concerns_the_pages_that_show_it(kept: Kept) -> None:
    site, posts, before = kept
    expected = showing(site, posts[8])
    assert len(expected) >= 5
    Post.objects.filter(pk=posts[8].pk).update(title="新しい題")
    site.follower.hear()
    assert left(site, before) == expected


def test_a_new_post_concerns_the_lists_that_it_enters_and_its_neighbour(kept: Kept) -> None:
    site, posts, before = kept
    PostFactory(published_at=timezone.now() - timedelta(minutes=1), categories=["経済"], tags=[])
    site.follower.hear()
    gone = left(site, before)
    assert {posts[0].path, "/", "/rss.xml", "/archives/"} <= gone
    assert {"/tags/ai/", *(post.path for post in posts[1:])}.isdisjoint(gone)


def test_a_draft_concerns_no_page_at_all(kept: Kept) -> None:
    site, _posts, before = kept
    draft = PostFactory(state=Post.State.DRAFT, tags=["AI"], categories=["経済"])
    Post.objects.filter(pk=draft.pk).update(title="下書き")
    draft.delete()
    assert site.follower.hear() == 0
    assert left(site, before) == set()


def test_what_is_withdrawn_is_gone_at_once_and_never_served_stale(kept: Kept) -> None:
    site, posts, before = kept
    etag = site.get(posts[2].path).headers["etag"]
    Post.objects.filter(pk=posts[2].pk).update(state=Post.State.WITHDRAWN, first_published_at=timezone.now())
    site.follower.hear()
    answer = site.get(posts[2].path, HTTP_IF_NONE_MATCH=etag)
    assert answer.status == 410
    for address in before - {posts[2].path}:
        assert posts[2].title not in site.get(address).text, address


def test_a_post_that_comes_under_a_tag_concerns_that_list_and_the_cards_of_it(kept: Kept) -> None:
    site, posts, before = kept
    cards = showing(site, posts[11]) - {posts[10].path, "/archives/"}
    posts[11].tagged_items.create(tag=Tag.objects.get())
    site.follower.hear()
    assert left(site, before) == {"/tags/ai/", "/tags/"} | cards


def test_new_settings_concern_every_page(kept: Kept) -> None:
    site, _posts, _before = kept
    SiteSettings.objects.create(number=2, name="別の新聞", posts_per_page=5)
    site.follower.hear()
    assert site.kept == {}
    assert "別の新聞" in site.get("/").text


def test_the_first_post_of_a_section_brings_it_into_every_navigation(kept: Kept) -> None:
    site, _posts, _before = kept
    section = CategoryFactory(name="天気")
    site.follower.hear()
    assert site.kept
    PostFactory(published_at=timezone.now() - timedelta(days=400), categories=[section])
    site.follower.hear()
    # Feeds show no navigation.
    assert set(site.kept) <= {"/rss.xml"}
    assert "天気" in site.get("/archives/").text


def test_an_arranged_front_page_concerns_itself(kept: Kept, post: Post) -> None:
    site, posts, before = kept
    edition = FrontPage.objects.create(number=1, starts_at=timezone.now() - timedelta(minutes=1))
    FrontSlot.objects.create(edition=edition, post=posts[10], position=0)
    site.follower.hear()
    assert left(site, before) == {address for address in before if address == "/" or address.startswith("/?")}


def test_a_change_that_is_taken_back_is_none(kept: Kept) -> None:
    site, posts, _before = kept
    posts[0].save()
    Post.objects.filter(pk=posts[0].pk).update(renderer_version=99, name_key="x")
    assert site.follower.hear() == 0


def test_everything_can_be_forgotten(kept: Kept) -> None:
    site, _posts, _before = kept
    forget_all_pages()
    site.follower.hear()
    assert site.kept == {}


def test_a_page_that_was_begun_before_a_change_is_not_kept_after_it(site: CachedSite, post: Post) -> None:
    ask = site.cache.application

    def change_meanwhile(environ: dict[str, Any], start_response: Any) -> Any:
        answer = ask(environ, start_response)
        body = [b"".join(answer)]
        Post.objects.filter(pk=post.pk).update(title="その間に")
        site.follower.hear()
        return body

    site.cache.application = change_meanwhile
    site.get(post.path)
    site.cache.application = ask
    assert site.kept == {}
    assert "その間に" in site.get(post.path).text


@pytest.mark.parametrize("minutes", [5, 90])
def test_at_its_minute_a_scheduled_post_turns_the_pages(
    site: CachedSite, posts: list[Post], monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    PostFactory(
        state=Post.State.SCHEDULED, published_at=timezone.now() + timedelta(minutes=minutes), path="/soon/", title="予定の記事"
    )
    expires = PostFactory(
        published_at=timezone.now() - timedelta(hours=2),
        expires_at=timezone.now() + timedelta(minutes=minutes),
        title="期限の記事",
    )
    site.follower.hear()
    before = keep_everything(site, [*posts, expires])
    assert site.follower.hear() == 0
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(minutes=minutes, seconds=1))
    assert site.follower.hear() > 0
    assert {"/", "/rss.xml", expires.path, posts[0].path} <= left(site, before)
    assert posts[5].path in site.kept
    assert "/soon/" in site.get("/").text
    assert site.get("/soon/").status == 200
    assert expires.path not in site.get("/").text
    assert site.get(expires.path).status == 404


# --- One makes it, and what is served when nobody can -------------------------------------------------------------------


def finished_page(text: str) -> Callable[..., Any]:
    """An application whose page shows one post."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        shown = pagecache.Shown(keys={"card:1", "text:1"}, is_complete=True)
        environ[pagecache.SHOWN] = shown
        body = text.encode() * 500
        headers = [
            ("Content-Type", "text/html"),
            ("Content-Length", str(len(body))),
            ("ETag", '"1"'),
            ("Vary", "Accept-Encoding"),
        ]
        start_response("200 OK", headers)
        return [body]

    return answer


def hold(site: CachedSite, page: Callable[..., Any]) -> tuple[threading.Event, threading.Event, list[int]]:
    """Has the page wait while it is made: events that it was asked for, and that it may go on; how often it was made."""
    asked, may_go_on, made = threading.Event(), threading.Event(), []

    def slow(environ: dict[str, Any], start_response: Any) -> Any:
        made.append(1)
        asked.set()
        assert may_go_on.wait(20)
        return page(environ, start_response)

    site.cache.application = slow
    return asked, may_go_on, made


@pytest.mark.parametrize("patience", [0, 20])
def test_of_many_readers_of_a_changed_page_one_has_it_made_and_nobody_waits_for_ever(
    site: CachedSite, monkeypatch: pytest.MonkeyPatch, patience: int
) -> None:
    """Who has waited long enough gets the old page; in the ordinary case everybody gets the new one."""
    monkeypatch.setattr(pagecache, "PATIENCE", patience)
    site.cache.application = finished_page("前")
    site.get("/a/")
    for page in site.cache.pages.by_key.values():
        page.is_stale = True
    asked, may_go_on, made = hold(site, finished_page("後"))
    answers: list[Any] = []
    first = threading.Thread(target=lambda: answers.append(site.get("/a/")))
    first.start()
    assert asked.wait(20)
    others: list[Any] = []
    readers = [threading.Thread(target=lambda: others.append(site.get("/a/"))) for _reader in range(50)]
    for reader in readers:
        reader.start()
    if patience == 0:
        wait_until(lambda: len(others) == 50)
    may_go_on.set()
    for reader in (first, *readers):
        reader.join()
    assert {other.how for other in others} == {"hit" if patience else "stale"}
    assert all(("後" if patience else "前") in other.text for other in others)
    assert (answers[0].how, len(made)) == ("miss", 1)
    assert "後" in site.get("/a/").text


def test_readers_of_a_page_that_is_made_for_the_first_time_wait_for_it(site: CachedSite) -> None:
    asked, may_go_on, made = hold(site, finished_page("初"))
    answers: list[Any] = []
    readers = [threading.Thread(target=lambda: answers.append(site.get("/a/"))) for _reader in range(20)]
    for reader in readers:
        reader.start()
    assert asked.wait(20)
    may_go_on.set()
    for reader in readers:
        reader.join()
    assert len(made) == 1
    assert sorted({answer.how for answer in answers}) in (["hit", "miss"], ["miss"])
    assert all("初" in answer.text for answer in answers)


def test_where_a_page_cannot_be_made_the_old_one_is_served(site: CachedSite) -> None:
    site.cache.application = finished_page("前")
    site.get("/a/")
    for page in site.cache.pages.by_key.values():
        page.is_stale = True

    def broken(environ: dict[str, Any], start_response: Any) -> Any:
        site.asked.append("broken")
        start_response("503 Service Unavailable", [("Content-Type", "text/html"), ("Retry-After", "5")])
        return [b"sorry"]

    site.cache.application = broken
    answers = [site.get("/a/") for _time in range(5)]
    assert {(answer.status, answer.how) for answer in answers} == {(200, "stale")}
    assert site.asked.count("broken") == 1, "it is not asked again at once"
    assert site.get("/b/").status == 503
    site.cache.application = finished_page("後")
    for page in site.cache.pages.by_key.values():
        page.retry_at = 0
    assert "後" in site.get("/a/").text


def test_a_process_that_hears_nothing_asks_again_instead_of_believing(site: CachedSite, post: Post) -> None:
    site.get(post.path)
    site.follower.heard_at = 0.0
    assert site.get(post.path).how == "miss"


def test_an_old_page_is_made_anew_whatever_was_heard(site: CachedSite, post: Post) -> None:
    site.get(post.path)
    for page in site.cache.pages.by_key.values():
        page.made_at -= pagecache.MAX_AGE
    assert (site.get(post.path).how, site.get(post.path).how) == ("miss", "hit")


# --- Shared by processes ------------------------------------------------------------------------------------------------


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_what_one_process_made_serves_the_others_until_it_changes(posts: list[Post]) -> None:
    one, other = CachedSite(is_shared=True), CachedSite(is_shared=True)
    path = posts[0].path
    assert [one.get(path).how, other.get(path).how, other.get(path).how] == ["miss", "shared", "hit"]
    assert other.asked == []
    Post.objects.filter(pk=posts[0].pk).update(body_html="<p>改めた文</p>")
    for site in (one, other):
        site.follower.hear()
    assert [other.get(path).how, one.get(path).how] == ["miss", "shared"]
    assert "改めた文" in one.get(path).text


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_a_process_that_starts_later_believes_what_is_there_only_as_far_as_it_knows(posts: list[Post]) -> None:
    first = CachedSite(is_shared=True)
    assert first.get(posts[1].path).how == "miss"
    Post.objects.filter(pk=posts[1].pk).update(title="後で変わった")
    later = CachedSite(is_shared=True)
    answer = later.get(posts[1].path)
    assert (answer.how, "後で変わった" in answer.text) == ("miss", True)
    assert CachedSite(is_shared=True).get(posts[1].path).how == "shared"


@pytest.mark.redis
def test_without_redis_a_page_is_made_at_once(posts: list[Post], monkeypatch: pytest.MonkeyPatch) -> None:
    site = CachedSite(is_shared=True)

    class Away:
        is_down = True

        def get(self, *_args: Any) -> None:
            return None

        def add(self, *_args: Any) -> bool:
            return False

        def set(self, *_args: Any) -> None:
            return None

        def delete(self, *_args: Any) -> bool:
            return False

    monkeypatch.setattr(pagecache, "cache", Away())
    started = time.monotonic()
    assert [site.get(posts[0].path).how for _twice in range(2)] == ["miss", "hit"]
    assert time.monotonic() - started < pagecache.WAIT
