"""What every test can rely on: an environment of its own, and the browser and servers that this machine has."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

# Before Django reads its settings. Only the two addresses come from outside.
_DATA_DIR = Path(tempfile.mkdtemp(prefix="kawaraban-tests-"))
os.environ.update(
    DJANGO_SETTINGS_MODULE="cms.settings",
    DEBUG="true",
    SECRET_KEY="only-for-tests-" + "kawaraban" * 5,
    ALLOWED_HOSTS="testserver,localhost,127.0.0.1",
    SITE_URL="http://testserver",
    DATA_DIR=str(_DATA_DIR),
    CACHE_PREFIX=f"kawaraban-test-{os.getpid()}",
    LOG_LEVEL="WARNING",
)
for _name in (
    *("MEDIA_ROOT", "PRIVATE_ROOT", "STATIC_ROOT", "TIME_ZONE", "CSRF_TRUSTED_ORIGINS", "BEHIND_PROXY"),
    *("LANGUAGE_CODE", "SITE_NAME", "SITE_DESCRIPTION", "AI_USE", "WEBSUB_HUB", "THEME_DIR", "EMBED_SERVICES"),
    *("DATABASE_REPLICA_URLS", "DATABASE_CONNECT_SECONDS", "DATABASE_READER_SECONDS", "DATABASE_EDITOR_SECONDS"),
    *("PAGES_AT_ONCE", "PAGES_WAITING", "DESK_AT_ONCE"),
    *("MEDIA_STORE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"),
):
    os.environ.pop(_name, None)

import django  # noqa: E402
import hypothesis  # noqa: E402
import pytest  # noqa: E402
from django.conf import settings as django_settings  # noqa: E402
from django.contrib import admin  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.db import connection, connections  # noqa: E402
from django.utils import timezone  # noqa: E402
from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

django.setup()

# How long a busy machine takes for an example says nothing about it.
hypothesis.settings.register_profile("steady", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("steady")

from articles import site_settings  # noqa: E402
from tests.factories import PostFactory  # noqa: E402
from tests.reverse_proxy import find_nginx  # noqa: E402

if connection.vendor == "sqlite":
    # A database in memory has one connection for all threads. Two of them stop for ever where one holds SQLite's lock in a
    # query that calls a function of Python's, a regular expression say, and the other holds Python's and asks for SQLite's.
    connection.settings_dict["TEST"]["NAME"] = str(_DATA_DIR / "test.sqlite3")
    # What a power cut would lose, no test misses.
    connection.settings_dict["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
# The desk registers its models when the addresses are first read, which a test that asks for the registry may precede.
admin.autodiscover()

SECONDS_TO_ANSWER = 90
# Milliseconds for anything that a browser is expected to show or do on a machine that is busy; nobody waits longer than needed.
BROWSER_PATIENCE = 30_000
# The first is Chromium's engine without windows, which opens and leaves pages in a third of the time.
BROWSER_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Without these Chromium looks for its maker's hosts at every start, which a closed network refuses many times over.
BROWSER_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str:
    """The path of an installed Chromium or Chrome, or ``""``."""
    return next((path for name in BROWSER_NAMES if (path := shutil.which(name))), "")


def uses_postgres() -> bool:
    return os.environ.get("DATABASE_URL", "").startswith(("postgres", "psql", "pgsql"))


def uses_redis() -> bool:
    return bool(os.environ.get("REDIS_URL"))


def answers(port: int) -> bool:
    """Whether a server on this machine takes connections."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def list_not_run() -> dict[str, str]:
    """Marker → why its tests are left out in this run."""
    reasons = {}
    if not find_chromium():
        reasons["browser"] = "no Chromium found; on Debian: apt install chromium"
    if not find_nginx():
        reasons["nginx"] = "no nginx found; on Debian: apt install nginx"
    if not uses_postgres():
        reasons["postgres"] = "this run uses SQLite; DATABASE_URL=postgres://… runs them"
    if not uses_redis():
        reasons["redis"] = "this run caches in memory; REDIS_URL=redis://… runs them"
    return reasons


def list_absent() -> dict[str, str]:
    """Marker → what this machine lacks, whichever database this run uses."""
    absent = {name: reason for name, reason in list_not_run().items() if name in ("browser", "nginx")}
    if not uses_postgres() and not answers(5432):
        absent["postgres"] = "no PostgreSQL on 127.0.0.1:5432, and DATABASE_URL names none"
    if not uses_redis() and not answers(6379):
        absent["redis"] = "no Redis on 127.0.0.1:6379, and REDIS_URL names none"
    return absent


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    required = {name.strip() for name in os.environ.get("KAWARABAN_REQUIRE", "").split(",")} - {""}
    if unknown := required - {"browser", "nginx", "postgres", "redis"}:
        raise pytest.UsageError(f"KAWARABAN_REQUIRE names {', '.join(sorted(unknown))}; it takes browser, nginx, postgres, redis")
    missing = {name: reason for name, reason in list_absent().items() if name in required}
    if missing:
        lines = [f"{name} is required (KAWARABAN_REQUIRE) but absent: {reason}" for name, reason in missing.items()]
        raise pytest.UsageError("\n".join(lines))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons = list_not_run()
    for item in items:
        for name, reason in reasons.items():
            if item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=f"{name}: {reason}"))
        # A browser may miss a deadline on a busy machine. What passes only then is named at the end, and is to be mended.
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    """Tests that need what the migrations made stand before those after which Django fills the tables in another order."""
    marker = item.get_closest_marker("django_db")
    options = marker.kwargs if marker else {}
    names = getattr(item, "fixturenames", ())
    if "live_site" in names or options.get("serialized_rollback"):
        return 1
    return 2 if options.get("transaction") or not {"transactional_db", "live_server"}.isdisjoint(names) else 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, reason in list_not_run().items():
        terminalreporter.write_line(f"not run: {name} ({reason})")


def pytest_unconfigure() -> None:
    shutil.rmtree(_DATA_DIR, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> None:
    """The real hasher takes a quarter of a second per password, by design."""
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """No test sees what another one cached. On Redis only this process's own keys go."""
    if not uses_redis():
        cache.clear()
        return
    sturdy = importlib.import_module("cms.caches")
    # Where many tests run at once, a late answer is no fault of Redis.
    sturdy.SECONDS_TO_ANSWER = sturdy.SECONDS_SLOW = SECONDS_TO_ANSWER
    sturdy._breaker.note_success()
    client = cache._cache.get_client()
    if keys := list(client.scan_iter(match=f"{os.environ['CACHE_PREFIX']}:*")):
        client.delete(*keys)


@pytest.fixture(autouse=True)
def _forgotten_settings() -> None:
    """No test sees the site's settings that another one left in this process."""
    site_settings._forget()


@pytest.fixture(autouse=True)
def _counted_anew() -> None:
    """A test's posts are older and newer than each other in the order in which it makes them, whatever ran before it."""
    PostFactory.reset_sequence(0)


@pytest.fixture
def media_root(settings: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Empty folders for public and private files, for this test only. Returns the public one."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PRIVATE_ROOT = tmp_path / "private"
    return tmp_path / "media"


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser; the test is skipped where there is none."""
    return find_chromium() or pytest.skip("browser: no Chromium found")


@pytest.fixture(scope="session")
def browser(chromium: str, django_db_setup: str) -> Iterator[Browser]:
    """One headless browser for the whole run."""
    # Playwright's own event loop runs in this thread, which Django takes for an asynchronous caller.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    flags = [*BROWSER_FLAGS, "--no-sandbox"] if os.geteuid() == 0 else list(BROWSER_FLAGS)
    # That of actions and of navigation is as long by itself.
    expect.set_options(timeout=BROWSER_PATIENCE)
    with sync_playwright() as playwright:
        # While the loop runs, Django keeps a second set of connections, which did not make the database.
        connection._test_serialized_contents = django_db_setup
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()
        # An open connection would keep the test database alive.
        connections.close_all()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window with no history and no cookies, speaking Japanese.

    Its forms keep nothing by themselves, which would overtake a test on a slow machine; the tests of that open their own.
    """
    context = browser.new_context(locale="ja-JP", timezone_id="Asia/Tokyo")
    context.route(re.compile("/post/(add|[0-9]+)/keep/$"), lambda route: route.fulfill(json={}))
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> str:
    """The test database, as always. Returns what the migrations put in it."""
    return getattr(connection, "_test_serialized_contents", "")


@pytest.fixture
def live_site(browser: Browser, django_db_serialized_rollback: None, live_server, settings):
    """The site on a port of its own (``live_site.url``); what migrations put in the database is there in every test.

    The browser comes first: once Playwright's loop runs, a test has another set of connections than before. At the end its
    windows close and every answer is finished, before the database is emptied under them.
    """
    settings.SITE_URL = live_server.url
    before = set(threading.enumerate())
    yield live_server
    for context in browser.contexts:
        context.close()
    for thread in set(threading.enumerate()) - before:
        if "process_request_thread" in thread.name:
            thread.join(SECONDS_TO_ANSWER)
            assert not thread.is_alive(), "the site still answers a request of this test"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """How far the time has gone on beyond the real one."""
    gone = [timedelta()]
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + gone[0])
    return gone
