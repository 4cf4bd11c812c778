"""A site that is worked on: readers are told to come back, staff go on."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from tests.factories import PostFactory


@pytest.fixture
def file(settings: Any, tmp_path: Path) -> Path:
    settings.MAINTENANCE_FILE = tmp_path / "new" / "maintenance.txt"
    return settings.MAINTENANCE_FILE


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("maintenance", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_readers_are_told_to_come_back_and_nothing_keeps_it(client: Client, file: Path) -> None:
    post = PostFactory()
    run("on", "--note", "21時ごろ <再開> します。")
    for path in ("/", post.path, "/rss.xml", "/api/posts/", "/unknown/"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "600"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "21時ごろ &lt;再開&gt; します。" in answer.content.decode()
    run("off")
    assert client.get(post.path).status_code == 200


@pytest.mark.django_db
def test_the_desk_and_the_addresses_of_health_stay(client: Client, file: Path) -> None:
    run("on")
    assert client.get("/admin/login/").status_code == 200
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200
    assert client.get("/media/00/0000000000000000/none.png").status_code == 404


def test_readers_are_told_without_the_database(client: Client, file: Path) -> None:
    run("on")
    with connection.execute_wrapper(lambda *_args: pytest.fail("asked the database")):
        assert client.get("/").status_code == 503


def test_the_command_says_how_things_stand_and_may_be_given_twice(file: Path) -> None:
    off = run("status")
    assert run("off") == off
    on = run("on")
    assert on != off
    assert run("on", "--note", "夜まで") == run("status") == on
    assert file.read_text(encoding="utf-8") == "夜まで"


def test_a_note_that_is_too_long_is_refused(file: Path) -> None:
    with pytest.raises(CommandError, match="500"):
        run("on", "--note", "長" * 501)
    assert not file.exists()


def test_a_file_that_somebody_wrote_in_another_encoding_or_at_length_is_shown_as_far_as_it_can_be(
    client: Client, file: Path
) -> None:
    file.parent.mkdir()
    file.write_bytes("作業".encode("cp932") + b"x" * 9000)
    answer = client.get("/")
    assert answer.status_code == 503
    assert len(answer.content) < 5000
