"""Statements that are made once give the rows that their querysets give, and refuse what could not stay true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from articles import site_settings, statements
from articles.derive import save_derived
from articles.models import Post
from articles.site import article, front, listing, lookup, terms
from articles.site.listing import Wanted, as_cards
from articles.statements import fetch
from tests.factories import CategoryFactory, PostFactory, SeriesFactory

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
USERS = (site_settings, article, front, listing, lookup, terms)


def _at(now: datetime, paths: list[str], number: int | None) -> QuerySet[Post]:
    return as_cards(Post.objects.published(now).filter(path__in=paths, series_order=number).order_by("path"))


def _by_clock(path: str) -> QuerySet[Post]:
    return Post.objects.published().filter(path=path)


def _changing(path: str) -> QuerySet[Post]:
    return Post.objects.filter(path=path + "/")


def _titles(keys: list[int]) -> QuerySet[Any, Any]:
    return Post.objects.filter(pk__in=keys).order_by("pk").values_list("title", flat=True)


def _columns(start: datetime, **shape: int) -> QuerySet[Any, Any]:
    return Post.objects.filter(published_at__gte=start).order_by("path").values_list("pk", "published_at")[: shape["size"]]


@pytest.fixture
def newsroom(media_root: Any) -> list[Post]:
    """Posts with series, translations, ties in time and several by-lines."""
    series = SeriesFactory(name="連載")
    living = CategoryFactory(name="くらし")
    cooking = CategoryFactory(name="料理", parent=living)
    posts = []
    for number in range(30):
        post = PostFactory(
            path=f"/p/{number}/",
            title=f"記事{number}",
            body="本文。",
            published_at=NOON - timedelta(hours=number // 3),
            authors=["経済班", "くらし班"][: number % 3],
            categories=[cooking] if number % 2 else ["政策"],
            tags=["編集"],
            series=series if number % 5 == 0 else None,
            series_order=number if number % 10 == 0 else None,
            translation_key="key" if number in (4, 5) else "",
            language="en" if number == 5 else "",
        )
        save_derived(post)
        posts.append(post)
    return posts


def test_other_values_find_other_rows_by_the_same_statement(newsroom: list[Post]) -> None:
    now = timezone.now()
    for paths, number in (
        (["/p/0/", "/p/10/"], 0),
        (["/p/10/", "/p/20/"], 10),
        (["/p/1/", "/p/2/"], None),
        (["/nothing/"], None),
    ):
        found, wanted = fetch(_at, now, paths, number), list(_at(now, paths, number))
        assert found == wanted
        for one, other in zip(found, wanted, strict=True):
            # What was read and what was left out, the related rows and the annotations.
            assert one.get_deferred_fields() == other.get_deferred_fields()
            assert {**one.__dict__, "_state": 0} == {**other.__dict__, "_state": 0}
            assert (one._state.adding, one._state.db) == (False, other._state.db)


def test_a_post_of_a_statement_reads_what_was_left_out_when_it_is_asked(newsroom: list[Post]) -> None:
    found = fetch(_at, timezone.now(), ["/p/0/"], 0)[0]
    assert found.body == "本文。"


def test_tuples_and_single_values_come_as_from_the_queryset(newsroom: list[Post]) -> None:
    keys = [post.pk for post in newsroom[3:6]]
    assert fetch(_titles, keys) == list(_titles(keys)) == ["記事3", "記事4", "記事5"]
    assert fetch(_titles, []) == []
    for start, size in ((NOON - timedelta(hours=3), 4), (NOON, 4), (NOON - timedelta(hours=3), 2)):
        assert fetch(_columns, start, size=size) == list(_columns(start, size=size))


def test_a_question_that_asks_the_clock_is_refused() -> None:
    with pytest.raises(TypeError, match="asks the clock"):
        fetch(_by_clock, "/p/0/")


def test_a_question_that_changes_its_values_is_refused() -> None:
    with pytest.raises(TypeError, match="changes or drops values"):
        fetch(_changing, "/p/0")


def test_every_page_asks_what_its_querysets_would_ask(
    newsroom: list[Post], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind of page several times, so that most answers are of a statement that was made for other values."""

    def compare(build: Any, *values: Any, **shape: Any) -> list[Any]:
        found, wanted = fetch(build, *values, **shape), list(build(*values, **shape))
        assert found == wanted, build
        assert [getattr(row, "__dict__", {}).keys() for row in found] == [getattr(row, "__dict__", {}).keys() for row in wanted]
        asked.add(build.__name__)
        return found

    asked: set[str] = set()
    for module in USERS:
        monkeypatch.setattr(module, "fetch", compare)
    pages = [post.get_absolute_url() for post in newsroom[:12]]
    pages += ["/", "/categories/くらし/", "/categories/政策/", "/tags/編集/", "/authors/経済班/", "/series/連載/"]
    for page in pages:
        site_settings.forget()
        answer = client.get(page)
        assert answer.status_code == 200, page
    listing = client.get("/tags/編集/").content.decode()
    older = listing.partition('rel="next" href="')[2].partition('"')[0]
    assert client.get("/tags/編集/" + older).status_code == 200
    assert {"posts_at", "_beside", "_credit_rows", "_cards", "_later", "_everything", "_arranged", "_tags_at"} <= asked


def test_a_list_that_is_asked_otherwise_is_the_same(newsroom: list[Post]) -> None:
    known = listing.list_posts(Wanted(front.latest), None, size=7)
    plain = listing.list_posts(Post.objects.published(), None, size=7)
    assert (known.posts, known.older) == (plain.posts, plain.older)
    token = (known.older or "").removeprefix("?before=")
    one, other = (
        listing.list_posts(Wanted(front.latest), token, size=7),
        listing.list_posts(Post.objects.published(), token, size=7),
    )
    assert (one.posts, one.older, one.newer) == (other.posts, other.older, other.newer)


def test_what_is_kept_is_bounded(newsroom: list[Post], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "_MAX_KEPT", 3)
    monkeypatch.setattr(statements, "_kept", {})
    for size in range(9):
        fetch(_columns, NOON, size=size + 1)
    assert len(statements._kept) <= 3
