"""Redis that is gone, hangs, is slow or holds something else: every page is made all the same."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

import pytest
import redis
from django.core.cache import caches
from django.test import Client

from cms import caches as sturdy
from cms.breaker import Breaker
from tests.factories import PostFactory
from tests.faults import FaultProxy
from tests.people import make_person

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")


@pytest.fixture(autouse=True)
def breaker(monkeypatch: pytest.MonkeyPatch) -> Breaker:
    """Closed at the beginning, and never in the way of another test."""
    fresh = Breaker("The cache", 0.3)
    monkeypatch.setattr(sturdy, "_breaker", fresh)
    monkeypatch.setattr(sturdy, "_pace", sturdy._Pace())
    monkeypatch.setattr(sturdy, "SECONDS_TO_ANSWER", 0.5)
    monkeypatch.setattr(sturdy, "SECONDS_SLOW", 0.05)
    return fresh


def make_cache(settings, port: int, number: str = "0") -> sturdy.SturdyRedisCache:
    settings.CACHES = {
        "default": {
            "BACKEND": "cms.caches.SturdyRedisCache",
            "LOCATION": f"redis://127.0.0.1:{port}/{number}",
            "KEY_PREFIX": f"kawaraban-faults-{os.getpid()}",
        }
    }
    return caches["default"]


@pytest.fixture
def nowhere(settings) -> sturdy.SturdyRedisCache:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return make_cache(settings, port)


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with FaultProxy.before(REDIS_URL, 6379) as between:
        yield between


@pytest.fixture
def cache(settings, proxy: FaultProxy) -> Iterator[sturdy.SturdyRedisCache]:
    kept = make_cache(settings, proxy.port, REDIS_URL.rpartition("/")[2])
    kept.set("word", "語")
    assert kept.get("word") == "語"
    yield kept
    client = redis.Redis.from_url(REDIS_URL)
    for key in client.scan_iter(match=f"kawaraban-faults-{os.getpid()}:*"):
        client.delete(key)


def test_without_redis_reading_is_a_miss_and_writing_does_nothing(nowhere: sturdy.SturdyRedisCache) -> None:
    assert nowhere.get("a", "other") == "other"
    nowhere.set("a", 1)
    assert nowhere.add("a", 1) is False
    assert nowhere.touch("a") is False
    assert nowhere.delete("a") is False
    assert nowhere.get_many(["a", "b"]) == {}
    assert nowhere.set_many({"a": 1, "b": 2}) == ["a", "b"]
    nowhere.delete_many(["a"])
    assert nowhere.has_key("a") is False
    assert nowhere.get_or_set("a", lambda: "made") == "made"
    nowhere.clear()
    with pytest.raises(ValueError, match="'a' not found"):
        nowhere.incr("a")


def test_the_log_has_one_line_when_it_goes_and_not_one_for_each_question(
    nowhere: sturdy.SturdyRedisCache, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        nowhere.get("a")
    assert len(caplog.records) == 1
    assert "ConnectionError" in caplog.text
    assert nowhere.is_down


def test_one_asks_again_after_the_seconds_and_the_others_do_not_wait_with_it() -> None:
    breaker = Breaker("a thing", 0.2)
    breaker.note_failure("gone")
    assert not breaker.may_try()
    time.sleep(0.25)
    assert [breaker.may_try() for _ in range(5)] == [True, False, False, False, False]
    breaker.note_success()
    assert breaker.may_try()


@pytest.mark.django_db
def test_pages_and_the_desk_need_no_cache(client: Client, nowhere: sturdy.SturdyRedisCache) -> None:
    assert client.get(PostFactory().path).status_code == 200
    person = make_person("publisher")
    person.set_password("ein-langes-Wort-1")
    person.save()
    answer = client.post("/admin/login/", {"username": person.get_username(), "password": "ein-langes-Wort-1", "next": "/admin/"})
    assert answer.status_code == 302
    assert client.get("/admin/").status_code == 200
    assert client.get("/readyz").json()["checks"]["cache"] == "degraded"


@pytest.mark.django_db
def test_tries_to_sign_in_are_counted_without_a_cache(client: Client, nowhere: sturdy.SturdyRedisCache) -> None:
    for _ in range(11):
        answer = client.post("/admin/login/", {"username": "nobody", "password": "wrong", "next": "/admin/"})
    assert "試行が多すぎます" in answer.text


@pytest.mark.redis
def test_a_redis_that_hangs_costs_one_wait_and_then_none(
    cache: sturdy.SturdyRedisCache, proxy: FaultProxy, breaker: Breaker
) -> None:
    proxy.set("hang")
    assert cache.get("word") is None
    assert breaker.is_open
    taken = proxy.taken
    assert [cache.get("word") for _ in range(50)] == [None] * 50
    assert proxy.taken == taken


@pytest.mark.redis
@pytest.mark.parametrize("mode", ["hang", "refuse"])
def test_it_is_used_again_as_soon_as_it_answers(
    cache: sturdy.SturdyRedisCache, proxy: FaultProxy, breaker: Breaker, mode: str
) -> None:
    proxy.set(mode)
    assert cache.get("word") is None
    proxy.set("pass")
    deadline = time.monotonic() + 20
    while cache.get("word") != "語" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert cache.get("word") == "語"
    assert not breaker.is_open


@pytest.mark.redis
def test_a_redis_that_is_slow_is_left_alone(cache: sturdy.SturdyRedisCache, proxy: FaultProxy, breaker: Breaker) -> None:
    proxy.set("delay", 0.035)
    for _ in range(2):
        cache.get("word")
    assert breaker.is_open


@pytest.mark.redis
def test_what_redis_forgot_is_a_miss(cache: sturdy.SturdyRedisCache) -> None:
    cache.delete("word")
    assert cache.get("word") is None
    assert not cache.is_down


@pytest.mark.redis
@pytest.mark.parametrize("kind", ["list", "bytes", "another module"])
def test_something_else_under_a_key_is_a_miss_and_redis_is_still_used(cache: sturdy.SturdyRedisCache, kind: str) -> None:
    key = cache.make_key("word")
    client = redis.Redis.from_url(REDIS_URL)
    client.delete(key)
    if kind == "list":
        client.rpush(key, "a")
    else:
        client.set(key, b"\xff\x00 no pickle" if kind == "bytes" else b"cno_such_module\nThing\n.")
    assert cache.get("word") is None
    assert cache.get_many(["word"]) == {}
    assert not cache.is_down
    cache.set("word", "新")
    assert cache.get("word") == "新"


@pytest.mark.redis
def test_a_number_that_is_none_is_not_counted(cache: sturdy.SturdyRedisCache) -> None:
    with pytest.raises(ValueError, match="not found"):
        cache.incr("word")
    assert not cache.is_down
