"""More is asked for than can be answered: a line that ends, a plain no, and a way in for editors and health checks."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from cms import gate
from cms.gate import Gate
from cms.wsgi import application

SECONDS = 20


class Slow:
    """An application that answers when it is told to, and counts how many it is answering."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.entered = threading.Semaphore(0)
        self.count, self.most = 0, 0
        self._lock = threading.Lock()

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        with self._lock:
            self.count += 1
            self.most = max(self.most, self.count)
        self.entered.release()
        assert environ["PATH_INFO"] == "/quick" or self.go_on.wait(SECONDS)
        with self._lock:
            self.count -= 1
        start_response("200 OK", [])
        return [b"page"]

    def wait_for(self, number: int) -> None:
        for _ in range(number):
            assert self.entered.acquire(timeout=SECONDS)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as threads:
        yield threads


@pytest.fixture
def guarded(settings, slow: Slow, monkeypatch: pytest.MonkeyPatch) -> Gate:
    settings.PAGES_AT_ONCE, settings.PAGES_WAITING, settings.DESK_AT_ONCE = 2, 3, 2
    monkeypatch.setattr(gate, "SECONDS_IN_LINE", float(SECONDS))
    return Gate(slow)


def ask(app: Any, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ |= {"PATH_INFO": path, "REQUEST_METHOD": method}
    said: list[Any] = []
    body = b"".join(app(environ, lambda status, headers: said.extend((status, headers))))
    return int(said[0][:3]), dict(said[1]), body


def flood(pool: ThreadPoolExecutor, guarded: Gate, slow: Slow, number: int) -> list[Future[Any]]:
    answers = [pool.submit(ask, guarded, "/page") for _ in range(number)]
    slow.wait_for(2)
    return answers


def settle(answers: list[Future[Any]], refused: int) -> None:
    """Waits until so many are refused: the rest is being answered or waits."""
    done = threading.Semaphore(0)
    for answer in answers:
        answer.add_done_callback(lambda _: done.release())
    for _ in range(refused):
        assert done.acquire(timeout=SECONDS)


def test_who_finds_the_line_full_is_told_to_come_back_and_the_others_are_answered(
    guarded: Gate, slow: Slow, pool: ThreadPoolExecutor
) -> None:
    answers = flood(pool, guarded, slow, 12)
    settle(answers, 7)
    slow.go_on.set()
    statuses = sorted(answer.result(SECONDS)[0] for answer in answers)
    assert statuses == [200] * 5 + [503] * 7
    assert slow.most == 2
    assert ask(guarded, "/page")[0] == 200


def test_a_refusal_says_when_to_come_again_and_is_kept_nowhere(guarded: Gate, slow: Slow, pool: ThreadPoolExecutor) -> None:
    answers = flood(pool, guarded, slow, 6)
    settle(answers, 1)
    status, headers, body = ask(guarded, "/page")
    assert status == 503
    assert int(headers["Retry-After"]) > 0
    assert headers["Cache-Control"] == "no-store"
    assert "もう一度" in body.decode()
    assert ask(guarded, "/page", "HEAD")[2] == b""
    assert ask(guarded, "/api/posts")[1]["Content-Type"] == "application/json"
    slow.go_on.set()


def test_readers_take_no_place_of_the_desk_or_of_health(guarded: Gate, slow: Slow, pool: ThreadPoolExecutor) -> None:
    answers = flood(pool, guarded, slow, 12)
    settle(answers, 7)
    desk = [pool.submit(ask, guarded, "/admin/") for _ in range(2)]
    slow.wait_for(2)
    health = pool.submit(ask, guarded, "/readyz")
    slow.wait_for(1)
    slow.go_on.set()
    assert [answer.result(SECONDS)[0] for answer in (*desk, health)] == [200, 200, 200]


def test_who_waited_in_line_for_too_long_is_told_to_come_back(
    guarded: Gate, slow: Slow, settings, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "SECONDS_IN_LINE", 0.05)
    short = Gate(slow)
    answers = flood(pool, short, slow, 5)
    settle(answers, 3)
    slow.go_on.set()
    assert sorted(answer.result(SECONDS)[0] for answer in answers) == [200, 200, 503, 503, 503]


def test_a_place_is_given_back_after_a_fault(settings) -> None:
    settings.PAGES_AT_ONCE, settings.PAGES_WAITING = 1, 0

    def fail(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise ValueError("a fault of the program")

    guarded = Gate(fail)
    for _ in range(3):
        with pytest.raises(ValueError, match="a fault"):
            ask(guarded, "/page")


def test_without_a_limit_nobody_waits(settings, slow: Slow, pool: ThreadPoolExecutor) -> None:
    settings.PAGES_AT_ONCE = settings.DESK_AT_ONCE = 0
    answers = [pool.submit(ask, Gate(slow), "/page") for _ in range(20)]
    slow.wait_for(20)
    slow.go_on.set()
    assert {answer.result(SECONDS)[0] for answer in answers} == {200}


@pytest.mark.django_db
def test_the_site_answers_behind_the_gate() -> None:
    assert ask(Gate(application), "/healthz")[::2] == (200, b"ok\n")
