"""A command that cannot do its work says so in a sentence: settings, database, disk."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, OperationalError

from cms import command_line
from tests.installations import PROJECT, Installation
from tests.reverse_proxy import free_port


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_a_wrong_setting_is_one_sentence_and_no_traceback(site: Installation) -> None:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "manage.py"), "migrate"],
        env={**site.environment, "TIME_ZONE": "Asia/Tokio"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("TIME_ZONE is 'Asia/Tokio'")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["migrate", "createsuperuser", "check --database default"])
def test_a_server_that_is_not_there_is_named_by_its_variable(tmp_path: Path, command: str) -> None:
    site = Installation(tmp_path / "data", f"postgres://site:geheim@127.0.0.1:{free_port()}/site")
    code, output = site.run(*command.split())
    assert code == 1
    assert "DATABASE_URL" in output
    assert "postgres://user:password@host:5432/name" in output
    assert "Traceback" not in output
    assert "geheim" not in output


@pytest.mark.postgres
@pytest.mark.parametrize("command", ["migrate", "createsuperuser", "check --database default"])
def test_a_database_that_the_server_does_not_have_is_named(site: Installation, command: str) -> None:
    place = os.environ["DATABASE_URL"].rpartition("/")[0]
    code, output = Installation(site.folder, f"{place}/nosuch").run(*command.split())
    assert code == 1
    assert 'database "nosuch" does not exist' in output
    assert "Traceback" not in output


def test_a_database_that_nobody_migrated_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "db.sqlite3").touch()
    code, output = Installation(tmp_path).run("createsuperuser", "--no-input", "--username=a", "--email=a@example.jp")
    assert code == 1
    assert "no such table" in output
    assert "manage.py migrate" in output
    assert "Traceback" not in output


def test_a_database_that_is_not_there_is_said_once(site: Installation) -> None:
    code, output = site.run("createsuperuser", "--no-input", "--username=a", "--email=a@example.jp")
    assert code == 1
    assert output.count("There is no database at") == 1


def fail_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: list[str]) -> None:
        raise error

    monkeypatch.setattr(command_line, "execute_from_command_line", fail)


def test_a_full_disk_is_a_sentence_that_names_the_place(monkeypatch: pytest.MonkeyPatch, settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    # Writing to a file that is open names none.
    fail_with(OSError(errno.ENOSPC, "No space left on device"), monkeypatch)
    with pytest.raises(SystemExit, match=f"空き.*{tmp_path}"):
        command_line.run(["manage.py", "collectstatic"])
    fail_with(PermissionError(errno.EACCES, "Permission denied", "/srv/static/a.css"), monkeypatch)
    with pytest.raises(SystemExit, match=r"/srv/static/a\.css"):
        command_line.run(["manage.py", "collectstatic"])


@pytest.mark.parametrize("error", [ImproperlyConfigured("x"), OperationalError("x"), OSError(errno.ENOSPC, "full")])
def test_whoever_asks_for_the_traceback_gets_it(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    fail_with(error, monkeypatch)
    with pytest.raises(type(error)):
        command_line.run(["manage.py", "migrate", "--traceback"])


@pytest.mark.parametrize("error", [DatabaseError("syntax"), OSError(errno.EIO, "Input/output error"), OSError("odd")])
def test_a_fault_of_the_program_stays_one(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    fail_with(error, monkeypatch)
    with pytest.raises(type(error)):
        command_line.run(["manage.py", "migrate"])
