"""Health addresses: alive, and able to serve."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import OperationalError
from django.test import Client

from cms import health, outage

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def _forget_migrations() -> None:
    health._migrations_seen_applied.clear()


def test_alive_asks_nothing_but_the_process(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")
    assert "no-store" in response.headers["Cache-Control"]
    assert "Set-Cookie" not in response.headers


@pytest.mark.django_db
def test_ready_names_each_thing_in_words(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    names = dict.fromkeys(("database", "migrations", "disk", "cache"), "ok")
    assert response.json() == {"status": "ready", "checks": names}
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.django_db
def test_the_second_question_costs_one_query(client: Client, django_assert_num_queries) -> None:
    client.get("/readyz")
    with django_assert_num_queries(1):  # SELECT 1
        client.get("/readyz")


@pytest.mark.django_db
def test_a_database_that_is_down_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError("password=geheim host=10.0.0.5")

    monkeypatch.setattr(connections["default"], "cursor", fail)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["status"] == "unavailable"
    assert response.json()["checks"]["database"] == "failed"
    assert "geheim" not in response.text
    assert "10.0.0.5" not in response.text


@pytest.mark.django_db
def test_a_missing_migration_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda self, targets: [("articles.0002", False)])
    assert client.get("/readyz").json()["checks"]["migrations"] == "failed"


@pytest.mark.django_db
def test_a_full_disk_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10, 10, 0))
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["disk"] == "failed"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["DATA_DIR", "MEDIA_ROOT"])
def test_a_folder_that_cannot_be_written_only_degrades(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(getattr(settings, name))
    folder.mkdir(exist_ok=True)
    allowed = os.access
    monkeypatch.setattr(outage.os, "access", lambda path, *rest, **more: path != folder and allowed(path, *rest, **more))
    response = client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert response.json()["checks"]["disk"] == "read-only"
    assert str(folder) in caplog.text
    assert str(folder) not in response.text


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["127.0.0.1:6397", "redis://host:port", "redis://127.0.0.1:1/0?nonsense=1"])
def test_no_fault_of_a_cache_is_a_fault_of_the_site(client: Client, settings, address: str) -> None:
    settings.CACHES = {"default": {"BACKEND": "cms.caches.SturdyRedisCache", "LOCATION": address}}
    response = client.get("/readyz")
    assert (response.status_code, response.json()["checks"]["cache"]) == (200, "degraded")


@pytest.mark.django_db
def test_a_cache_that_is_down_only_degrades(client: Client, settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "cms.caches.SturdyRedisCache", "LOCATION": "redis://127.0.0.1:1/0"}}
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"


@pytest.mark.django_db
def test_a_cache_that_forgets_only_degrades(client: Client, monkeypatch: pytest.MonkeyPatch, settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    monkeypatch.setattr(LocMemCache, "get", lambda *args, **kwargs: None)
    assert client.get("/readyz").json()["checks"]["cache"] == "degraded"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_only_read(client: Client, path: str, db: None) -> None:
    assert client.post(path).status_code == 405


@pytest.mark.redis
@pytest.mark.django_db
def test_ready_asks_the_real_redis(client: Client) -> None:
    assert client.get("/readyz").json()["checks"]["cache"] == "ok"


@pytest.mark.postgres
@pytest.mark.django_db
def test_ready_asks_the_real_postgresql(client: Client) -> None:
    assert connection.vendor == "postgresql"
    assert client.get("/readyz").json()["checks"]["database"] == "ok"
