"""System checks of the settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.checks import INFO, WARNING
from django.core.management.base import BaseCommand

from articles import checks
from cms import outage
from cms.checks import check_folders_can_be_written


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


@pytest.mark.parametrize(
    ("hosts", "address", "is_served"),
    [
        (["www.example.jp"], "https://www.example.jp", True),
        (["WWW.example.jp"], "https://www.EXAMPLE.jp:8443", True),
        ([".example.jp"], "https://www.example.jp", True),
        (["[::1]"], "http://[::1]:8000", True),
        (["*"], "https://www.example.jp", True),
        (["other.example"], "https://www.example.jp", False),
        (["example.jp"], "https://www.example.jp", False),
    ],
)
def test_a_site_that_answers_to_another_host_is_warned_about(settings, hosts: list[str], address: str, is_served: bool) -> None:
    settings.ALLOWED_HOSTS, settings.SITE_URL = hosts, address
    messages = checks.check_allowed_hosts(None)
    assert [message.id for message in messages] == ([] if is_served else ["kawaraban.W008"])
    assert is_served or "ALLOWED_HOSTS=www.example.jp" in str(messages[0].hint)


def test_a_proxy_that_asks_by_the_name_of_its_origin_is_warned_about_and_served(
    settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """``serve`` asks the same question."""
    settings.ALLOWED_HOSTS, settings.SITE_URL = ["origin.example.net"], "https://www.example.jp"
    BaseCommand().check(include_deployment_checks=True, tags=["security"])
    said = capsys.readouterr().err
    assert "does not hold www.example.jp" in said
    assert "rewrites Host" in said


def test_a_folder_to_import_from_that_is_not_there_is_named(settings, tmp_path: Path) -> None:
    settings.IMPORT_ROOTS = [str(tmp_path), str(tmp_path / "none")]
    assert [message.msg.split(",")[0] for message in checks.check_import_roots_are_there(None)] == [
        f"IMPORT_ROOTS names {tmp_path / 'none'}"
    ]


def test_folders_that_cannot_be_written_are_named_with_a_remedy(
    settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MEDIA_ROOT, settings.PRIVATE_ROOT, settings.DATA_DIR = tmp_path / "media", tmp_path / "private", tmp_path
    settings.MEDIA_ROOT.mkdir()
    assert check_folders_can_be_written(None) == []
    allowed = os.access
    monkeypatch.setattr(
        outage.os, "access", lambda path, *rest, **more: path != settings.MEDIA_ROOT and allowed(path, *rest, **more)
    )
    message, *others = check_folders_can_be_written(None)
    assert others == []
    assert str(settings.MEDIA_ROOT) in message.msg
    assert "chown" in message.msg
    # With a bucket nothing is written there.
    settings.MEDIA_STORE = {"bucket": "files"}
    assert check_folders_can_be_written(None) == []
