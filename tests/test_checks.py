"""System checks of the settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.checks import INFO, WARNING

from articles import checks


@pytest.mark.parametrize(
    ("version", "has_race"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
        ((4, 0, 0), False),
    ],
)
def test_the_releases_of_sqlite_with_the_race_are_known(version: tuple[int, int, int], has_race: bool) -> None:
    assert checks.has_wal_race(version) is has_race


def test_the_race_is_information_at_a_desk_and_a_warning_for_a_site(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    monkeypatch.setattr(checks, "sqlite_version_info", (3, 46, 1))
    assert [message.level for message in checks.check_sqlite(None)] == [INFO]
    assert [message.level for message in checks.check_sqlite_for_deployment(None)] == [WARNING]


def test_postgresql_has_no_such_race(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    assert checks.check_sqlite(None) == checks.check_sqlite_for_deployment(None) == []


def test_what_several_machines_would_not_share_is_named(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_media_store(None) == checks.check_what_is_shared(None) == []
    settings.MEDIA_STORE = {"bucket": "files"}
    settings.IMPORT_ROOTS = ["/srv/import"]
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    monkeypatch.setitem(settings.CACHES["default"], "BACKEND", "django.core.cache.backends.locmem.LocMemCache")
    assert [message.id for message in checks.check_what_is_shared(None)] == [
        "kawaraban.W005",
        "kawaraban.W006",
        "kawaraban.W007",
    ]
    assert checks.check_media_store(None) == []
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    assert [message.id for message in checks.check_media_store(None)] == ["kawaraban.E005"]


def test_the_suites_own_folders_are_safe() -> None:
    assert checks.check_folders(None) == []


@pytest.mark.parametrize("name", ["PRIVATE_ROOT", "DATA_DIR"])
def test_private_files_inside_a_served_folder_are_an_error(settings, tmp_path: Path, name: str) -> None:
    settings.MEDIA_ROOT = tmp_path
    setattr(settings, name, tmp_path / "inside")
    messages = checks.check_folders(None)
    assert [message.id for message in messages if name in message.msg] == ["kawaraban.E001"]
    assert name in str(messages[0].hint)


def test_media_inside_static_files_is_an_error(settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT, settings.MEDIA_ROOT = tmp_path / "s", tmp_path / "s" / "media"
    assert "kawaraban.E002" in [message.id for message in checks.check_folders(None)]


def test_naive_times_are_an_error(settings) -> None:
    settings.USE_TZ = False
    assert [message.id for message in checks.check_time_zone(None)] == ["kawaraban.E003"]


def test_a_site_that_names_this_machine_is_warned_about(settings) -> None:
    settings.SITE_URL = "http://localhost:8000"
    assert [message.id for message in checks.check_site_url(None)] == ["kawaraban.W002"]
    settings.SITE_URL = "https://www.example.jp"
    assert checks.check_site_url(None) == []
