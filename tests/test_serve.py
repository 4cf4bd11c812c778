"""``manage.py serve``: what it refuses to start on, how it starts, and that it stops without losing an answer."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from articles.management.commands.serve import granian_arguments, remove_stale_socket
from tests.installations import Installation
from tests.reverse_proxy import ServedSite, ask_socket


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An empty site that can be served."""
    site = Installation(tmp_path_factory.mktemp("served") / "data")
    site.folder.mkdir()
    for command in (["migrate", "-v0"], ["collectstatic", "--no-input", "-v0"]):
        code, output = site.run(*command)
        assert code == 0, output
    return site


def test_with_debug_it_does_not_start(settings) -> None:
    settings.DEBUG = True
    with pytest.raises(CommandError, match="DEBUG"):
        call_command("serve")


def test_without_static_files_or_migrations_it_does_not_start_and_says_what_to_run(tmp_path: Path) -> None:
    site = Installation(tmp_path)
    code, output = site.run("serve")
    assert code == 1
    assert "collectstatic" in output
    site.run("collectstatic", "--no-input", "-v0")
    code, output = site.run("serve")
    assert code == 1
    assert "manage.py migrate" in output


def test_it_listens_where_it_is_told() -> None:
    common = {"host": "127.0.0.1", "port": 8000, "workers": 3, "threads": 2, "stop_seconds": 9}
    at_port = granian_arguments(socket=None, **common)
    assert at_port[at_port.index("--port") + 1] == "8000"
    assert "--uds" not in at_port
    at_socket = granian_arguments(socket=Path("/run/site.sock"), **common)
    assert at_socket[at_socket.index("--uds") + 1] == "/run/site.sock"
    assert "--port" not in at_socket
    for option, value in {
        "--workers": "3",
        "--blocking-threads": "2",
        "--workers-kill-timeout": "9",
        "--backpressure": "32",
    }.items():
        assert at_socket[at_socket.index(option) + 1] == value


@pytest.mark.parametrize("option", ["--workers", "--threads", "--stop-seconds", "--port"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "２"])
def test_numbers_are_above_zero(option: str, value: str) -> None:
    with pytest.raises(CommandError):
        call_command("serve", f"{option}={value}")


def test_a_socket_that_nobody_answers_at_is_removed_and_nothing_else_is(tmp_path: Path) -> None:
    # A socket's path may have a hundred letters.
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        left, answered, file = Path("left.sock"), Path("answered.sock"), Path("file")
        for place in (left, answered):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(place))
            if place == left:
                listener.close()
        listener.listen()
        file.write_text("text", encoding="utf-8")
        remove_stale_socket(left)
        remove_stale_socket(Path("none.sock"))
        for place in (answered, file):
            with pytest.raises(CommandError):
                remove_stale_socket(place)
        listener.close()
        assert [path.exists() for path in (left, answered, file)] == [False, True, True]


def test_what_is_being_answered_at_sigterm_is_answered(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A try to sign in is counted in the database, which somebody else holds until the server is told to stop."""
    site = ServedSite(installation, tmp_path_factory.mktemp("s"))
    answers: list[bytes] = []
    try:
        site.start_server()
        token = read_token(ask_socket(site.socket, "/admin/login/"))
        form = f"csrfmiddlewaretoken={token}&username=nobody&password=nothing"
        head = f"POST /admin/login/ HTTP/1.1\r\nHost: testserver\r\nConnection: close\r\nCookie: csrftoken={token}\r\n"
        kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n"
        with sqlite3.connect(installation.folder / "db.sqlite3", isolation_level=None) as held:
            held.execute("BEGIN IMMEDIATE")
            asking = threading.Thread(target=lambda: answers.append(ask_socket(site.socket, "", (head + kind + form).encode())))
            asking.start()
            # Long enough to have been read; it cannot be answered before the lock is let go.
            time.sleep(2)
            assert answers == []
            assert site.server is not None
            site.server.terminate()
            time.sleep(1)
            assert site.server.poll() is None
            with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
                ask_socket(site.socket, "/healthz")
            held.execute("ROLLBACK")
        held.close()
        asking.join(60)
        assert answers[0].startswith(b"HTTP/1.1 200")
        assert answers[0].rstrip().endswith(b"</html>")
        assert site.server.wait(60) == 0
    finally:
        site.close()


def test_a_server_that_was_killed_leaves_nothing_that_keeps_the_next_from_starting(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = ServedSite(installation, tmp_path_factory.mktemp("k"))
    try:
        site.start_server()
        assert site.server is not None
        os.killpg(site.server.pid, signal.SIGKILL)
        site.server.wait()
        assert site.socket.exists()
        site.start_server()
        assert ask_socket(site.socket, "/healthz").startswith(b"HTTP/1.1 200")
    finally:
        site.close()


def read_token(page: bytes) -> str:
    return page.split(b"csrftoken=", 1)[1].split(b";", 1)[0].decode()
