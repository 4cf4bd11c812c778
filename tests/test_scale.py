"""A site of any size: what a page asks of its database is bounded, and found by an index."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.db.migrations.state import ProjectState
from django.db.models import Index
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from articles import site_settings, statements
from articles.admin import base
from articles.editorial import drafts
from articles.editorial.overview import read_overview
from articles.migrations._indexes import AddIndexBeside
from articles.models import Author, Category, ImportRun, MediaFile, Post, PostLink, Revision, SiteSettings, Tag
from articles.site import listing, terms
from articles.uses import find_uses
from benchmarks.scale_site import fill
from tests.factories import MediaFileFactory, PostFactory, SeriesFactory
from tests.people import make_person

pytestmark = pytest.mark.django_db

PUBLIC_PAGES = (
    *("/", "/?before={token}", "{article}", "{article}index.md", "/categories/部門0/", "/categories/部門0/?before={token}"),
    *("/tags/以前の特集/", "/tags/以前の特集/?before={token}", "/authors/瓦版編集部担当0/", "/series/編集部連載0/"),
    *("/2018/", "/2018/03/", "/archives/", "/tags/", "/tags/?from=校", "/authors/", "/series/", "/categories/", "/feeds/"),
    *("/atom.xml", "/rss.xml", "/feed.json", "/tags/以前の特集/atom.xml", "/categories/部門0/rss.xml"),
    *("/sitemap.xml", "/sitemap-posts.xml", "/sitemap-posts.xml?from=/2018/", "/sitemap-news.xml", "/llms.txt", "/robots.txt"),
    *("/2018/03/nowhere/", "/nowhere/", "/old/6.html", "/search/?q=首相", "/search/?q=首相&order=best", "/search/?q=井戸端"),
    *(
        "/api/v1/posts",
        "/api/v1/posts?before={token}",
        "/api/v1/posts?tag=以前の特集",
        "/api/v1/posts?category=部門0&language=en",
    ),
    *("/api/v1/pages", "/api/v1/tags", "/api/v1/authors", "/api/v1/series", "/api/v1/categories", "/api/v1/post?path={article}"),
)
# A search counts to 150 hits and leafs by "from"; its pieces of PostgreSQL's plan are fenced by OFFSET 0.
LIMIT_OF_OFFSETS = base.COUNTED_ROWS
_OFFSET = re.compile(r"OFFSET (\d+)")
_COUNT = re.compile(r"SELECT COUNT\(\*\)(?: AS \"\w+\")? FROM (\(SELECT.*)?", re.DOTALL)
#: Counted of one owner: of a person their kept views; of an import what it holds, which has a limit.
OF_ONE_OWNER = ('"articles_savedview"."user_id" =', '"articles_importterm"."run_id" =', '"articles_importitem"."run_id" =')


def find_unbounded(statements: list[str]) -> list[str]:
    """Those that count without a limit, or skip more rows than a list has pages for."""
    found = []
    for sql in statements:
        counts = _COUNT.match(sql)
        if counts and not (counts[1] and " LIMIT " in sql) and not any(owner in sql for owner in OF_ONE_OWNER):
            found.append(sql)
        found += [sql for offset in _OFFSET.findall(sql) if int(offset) > LIMIT_OF_OFFSETS]
    return found


def ask(client: Client, address: str) -> list[str]:
    """The statements of one answer, read to its end."""
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address)
        _body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert answer.status_code in (200, 301, 404), (address, answer.status_code)
    return [query["sql"] for query in captured]


def desk_pages() -> Iterator[str]:
    """Every list of the desk, with each of its filters, sortings and a search; and what else it counts."""
    for model, desk in admin.site._registry.items():
        try:
            address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        except NoReverseMatch:
            continue
        yield address
        yield f"{address}?p=2"
        if desk.search_fields:
            yield f"{address}?q=その"
        for number in range(1, len(desk.list_display) + 1):
            yield f"{address}?o=-{number}"
    lists = reverse("admin:articles_post_changelist")
    for query in ("state__exact=draft", "mine=1", "changes=1", "changes=review", "due=late", "kind__exact=page", "trash=1"):
        yield f"{lists}?{query}"
    yield from (f"{reverse('admin:articles_mediafile_changelist')}?{query}" for query in ("use=none", "alt=missing", "mine=1"))
    yield reverse("admin:index")
    yield f"{lists}export/"
    for model in (MediaFile, Post, ImportRun, Revision, Tag):
        row = model._default_manager.order_by("pk").first()
        assert row is not None
        yield reverse(f"admin:articles_{model._meta.model_name}_change", args=[row.pk])
    yield reverse("admin:articles_post_history", args=[Post.objects.order_by("pk")[0].pk])


def public_pages() -> Iterator[str]:
    middle = Post.objects.published().dated()[100]
    token = listing._token(listing._instant(middle), 0)
    yield from (address.format(token=token, article=middle.path) for address in PUBLIC_PAGES)


@pytest.fixture
def editor() -> Client:
    person = User.objects.create_superuser("root")
    client = Client()
    client.force_login(person)
    return client


def test_no_page_counts_all_rows_or_skips_many(client: Client, editor: Client) -> None:
    fill(300, tags=60, texts=5)
    found = {address: unbounded for address in public_pages() if (unbounded := find_unbounded(ask(client, address)))}
    found |= {address: unbounded for address in desk_pages() if (unbounded := find_unbounded(ask(editor, address)))}
    assert found == {}


@pytest.mark.parametrize("sql", ['SELECT COUNT(*) AS "__count" FROM "articles_post"', "SELECT 1 FROM x LIMIT 20 OFFSET 20000"])
def test_what_is_unbounded_is_found(sql: str) -> None:
    assert find_unbounded([sql]) == [sql]
    assert find_unbounded(["SELECT COUNT(*) FROM (SELECT 1 FROM x LIMIT 10000) s"]) == []


# --- Lists of a period -------------------------------------------------------------------------------------------------


def test_a_period_is_walked_from_its_own_end(client: Client) -> None:
    """Of two bounds on one side SQLite takes any, and would walk from today to a year long ago."""
    PostFactory(published_at=datetime(2015, 5, 5, tzinfo=UTC))
    for address in ("/2015/", "/2015/05/", "/?before=1430000000000000-0"):
        chosen = next(sql for sql in ask(client, address) if '"character_count"' in sql)
        assert len(re.findall(r'published_at" <=? \S', chosen)) == 2, chosen  # published() itself, and one bound


def pages_of(client: Client, address: str) -> list[str]:
    """The pages of a list from its first one back, and from there forward again, without what differs by the way to them."""
    found, query = [], ""
    for rel in ("next", "prev"):
        while True:
            html = client.get(address + query).content.decode()
            found.append(html)
            link = re.search(rf'<a rel="{rel}" href="([^"]*)"', html)
            if link is None:
                break
            query = link[1]
    return found


def test_a_list_of_very_many_posts_is_the_same_whichever_way_it_is_found(client: Client, monkeypatch: Any) -> None:
    """Terms of now and of long ago, with ties, deep pages and sections below a section: among the nearest, or all of the term."""
    days = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=number // 3) for number in range(60)]
    below = Category.objects.create(name="県内", slug="local", parent=Category.objects.create(name="地域", slug="area"))
    series = SeriesFactory(name="連載")
    for number, day in enumerate(days):
        PostFactory(
            published_at=day,
            tags=["昔"] if number < 15 else ["今"],
            authors=["経済班" if number % 4 else "文化班"],
            categories=[below if number % 2 else below.parent],
            series=series if number % 5 else None,
        )
    SiteSettings.objects.create(number=1, posts_per_page=5)
    site_settings.forget()
    addresses = ["/tags/今/", "/tags/昔/", "/categories/area/", "/categories/area/local/", series.get_absolute_url()]
    addresses += [author.get_absolute_url() for author in Author.objects.all()]
    plain = {address: pages_of(client, address) for address in addresses}
    assert all(len(pages) > 3 for pages in plain.values())
    feeds = {address: client.get(f"{address}feed.json").json()["items"] for address in addresses}
    assert all(len(items) > 5 for items in feeds.values())
    monkeypatch.setattr(terms, "LARGE", 3)
    for walked in (1, 4, 7, 20, 1000):
        monkeypatch.setattr(statements, "_kept", {})
        monkeypatch.setattr(listing, "WALKED", walked)
        for address, pages in plain.items():
            assert pages_of(client, address) == pages, (walked, address)
            assert client.get(f"{address}feed.json").json()["items"] == feeds[address], (walked, address)


@pytest.mark.parametrize("address", ["/tags/電力/", "/tags/電力/rss.xml"])
def test_a_large_term_is_walked_from_its_date_on_without_statistics(client: Client, monkeypatch: Any, address: str) -> None:
    """SQLite counts nothing: left to itself, it would read all posts of the term and sort them."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL counts and chooses")
    monkeypatch.setattr(statements, "_kept", {})
    monkeypatch.setattr(terms, "LARGE", 5)
    PostFactory.create_batch(30, tags=["電力"])
    plan = plan_of(next(sql for sql in ask(client, address) if '"character_count"' in sql)).split("; ")
    assert any("post_newest_first (published_at>? AND published_at<?)" in line for line in plan), plan
    assert not any("tag_id=?" in line and "content_object_id" not in line for line in plan), plan


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's own plans")
def test_what_a_person_wrote_is_looked_for_among_the_versions_of_the_post() -> None:
    """Who imported an archive has made a version of every post."""
    editor, post = make_person("editor"), PostFactory()
    with CaptureQueriesContext(connection) as captured:
        drafts.find_open(post, editor)
        read_overview(editor)
    asked = [query["sql"] for query in captured if '"articles_revision"' in query["sql"]]
    plans = [plan_of(sql) for sql in asked]
    assert any("post_id=?" in plan for plan in plans)
    assert not any(re.search(r"articles_revision USING [^;]*user_id", plan) for plan in plans), plans


# --- Dates that cannot be shown ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("zone", "moment"), [("America/New_York", datetime(1, 1, 1, tzinfo=UTC))])
def test_a_post_of_the_first_hours_of_year_1_breaks_no_page(client: Client, settings: Any, zone: str, moment: datetime) -> None:
    settings.TIME_ZONE = zone
    timezone.get_default_timezone.cache_clear()
    post = PostFactory(published_at=moment, path="/first/", tags=["AI"])
    for address in ("/", "/first/", "/tags/ai/", "/archives/", "/atom.xml", "/feed.json", "/sitemap-posts.xml", "/api/v1/posts"):
        assert client.get(address).status_code == 200, address
    read = Post.objects.get(pk=post.pk).published_at
    assert read == datetime(1, 1, 2, 12, tzinfo=UTC)
    timezone.get_default_timezone.cache_clear()


# --- The desk ------------------------------------------------------------------------------------------------------------


def test_a_list_sorted_by_title_takes_the_folded_one(editor: Client) -> None:
    for title in ("b", "Ａ", "C"):
        PostFactory(title=title)
    html = editor.get(reverse("admin:articles_post_changelist") + "?o=1").text
    assert re.findall(r"<bdi>(b|Ａ|C)</bdi>", html) == ["Ａ", "b", "C"]


def test_the_uses_of_a_file_are_counted_once_each(editor: Client) -> None:
    media = MediaFileFactory()
    both, cover, text = (PostFactory(cover=media), PostFactory(cover=media), PostFactory())
    for post in (both, text):
        PostLink.objects.create(post=post, kind="media", target="a.png", url=media.url)
    PostFactory()
    assert set(find_uses(media)) == {both, cover, text}
    assert find_uses(media).count() == 3


def test_choosing_all_of_a_large_list_for_a_step_says_how_many_it_takes(editor: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("articles.admin.bulk.MAX_POSTS", 2)
    posts = [PostFactory() for _number in range(4)]
    address = reverse("admin:articles_post_changelist")
    data = {"action": "withdraw_chosen", "select_across": "1", "_selected_action": [posts[0].pk], "index": "0"}
    answer = editor.post(address, data, follow=True)
    assert answer.status_code == 200
    assert not Post.objects.filter(state=Post.State.WITHDRAWN).exists()


# --- Plans --------------------------------------------------------------------------------------------------------------


def read_plan(sql: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"), [])
        [(found,)] = cursor.fetchall()
    plan: dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return plan


def walk_plan(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from walk_plan(child)


def rows_of(node: dict[str, Any]) -> int:
    removed = sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
    return int((node.get("Actual Rows", 0) + removed) * node.get("Actual Loops", 1))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_no_page_reads_all_posts_on_postgresql(client: Client) -> None:
    """With statistics and 4,000 posts, nothing forbidden: the planner itself takes the indexes."""
    fill(4000, tags=500, texts=5)
    whole: dict[str, list[str]] = {}
    used: set[str] = set()
    for address in public_pages():
        if address.startswith(("/search/", "/sitemap")):
            # Search sets limits of its own in the statement; the sitemap is a list of everything.
            continue
        for sql in ask(client, address):
            if not sql.startswith("SELECT"):
                continue
            for node in walk_plan(read_plan(sql)):
                used.add(node.get("Index Name", ""))
                if node.get("Relation Name") in ("articles_post", "articles_postlink") and rows_of(node) > 3000:
                    whole.setdefault(address, []).append(f"{node['Node Type']} {rows_of(node)}: {sql[:200]}")
    assert whole == {}
    assert {"post_newest_first", "post_pages", "articles_post_path_key"} <= used


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_an_index_left_half_made_is_made_anew() -> None:
    """As ``CREATE INDEX CONCURRENTLY`` leaves it when the migration is killed."""
    index = Index(fields=["bom"], name="post_test_beside")
    operation = AddIndexBeside("post", index)
    before = ProjectState.from_apps(apps)
    after = before.clone()
    operation.state_forwards("articles", after)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("articles", editor, before, after)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass('post_test_beside')")
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("articles", editor, before, after)
        operation.database_forwards("articles", editor, before, after)
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('post_test_beside')")
        assert cursor.fetchone() == (True,)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_backwards("articles", editor, after, before)


def plan_of(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}".replace("%", "%%"), [])
        return "; ".join(row[3] for row in cursor.fetchall())


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's own plans")
def test_the_few_are_found_by_indexes_of_the_few_on_sqlite() -> None:
    """An index of some rows is used only where the statement says so in words, not by a parameter."""
    for rows, index in ((Post.objects.pages(), "post_pages"), (Post.objects.withheld(), "post_withheld")):
        with CaptureQueriesContext(connection) as captured:
            list(rows.order_by().values("pk"))
        assert index in plan_of(captured[0]["sql"])
