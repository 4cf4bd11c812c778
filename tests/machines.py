"""Machines with separate disks that serve one site and work for it, each by a name of its own, and somebody who visits them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, Request, build_opener
from uuid import uuid4

import psycopg

from tests.factories import make_picture
from tests.installations import PROJECT, SECONDS, Installation
from tests.test_commands_bootstrap import find_free_port

MACHINE = """
import socket, sys
name = sys.argv.pop(1)
socket.gethostname = lambda: name
import django
django.setup()
from articles.management.commands import worker
from articles.transfer import runs
if patience := int(sys.argv.pop(1)):
    runs.LEASE_SECONDS, worker.LOOK_SECONDS = patience, 1
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""
ACCOUNT = """
from django.contrib.auth.models import User
User.objects.create_superuser("desk", password="correct-horse-battery")
"""
RUN = """
SELECT (SELECT state FROM articles_importrun ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM articles_mediafile),
       (SELECT count(*) FROM articles_post), (SELECT events FROM articles_importrun ORDER BY id DESC LIMIT 1)
"""


@dataclass
class Machine(Installation):
    """One of several that serve a site."""

    name: str = ""
    shared: dict[str, str] = field(default_factory=dict)
    port: int = 0

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **self.shared}

    def serve(self) -> subprocess.Popen[str]:
        self.port = find_free_port()
        granian = [
            str(Path(sys.executable).parent / "granian"),
            "--interface",
            "wsgi",
            "--workers",
            "1",
            "--blocking-threads",
            "4",
        ]
        process = self._start([*granian, "--host", "127.0.0.1", "--port", str(self.port), "cms.wsgi:application"])
        wait_for(lambda: Visitor(self).ask("/healthz")[0] == 200)
        return process

    def work(self, patience: int = 3) -> subprocess.Popen[str]:
        """A worker. ``patience``: the seconds of silence after which another one is dead to it; 0: those of a real site."""
        return self._start([sys.executable, "-c", MACHINE, self.name, str(patience), "worker"])

    def _start(self, command: list[str]) -> subprocess.Popen[str]:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "text": True, "start_new_session": True}
        return subprocess.Popen(command, env=self.environment, cwd=PROJECT, **quiet)

    def files(self) -> list[str]:
        return [path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()]


class Visitor:
    """A browser's cookies; which machine answers may change from one request to the next."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.jar = CookieJar()
        self.opener = build_opener(HTTPCookieProcessor(self.jar))

    def ask(self, path: str, data: bytes | None = None, kind: str = "") -> tuple[int, bytes, str]:
        """Status, body and the address that was come to."""
        headers = {"Content-Type": kind} if kind else {}
        request = Request(f"http://127.0.0.1:{self.machine.port}{path}", data, headers)
        try:
            with self.opener.open(request, timeout=60) as answer:
                return answer.status, answer.read(), answer.url
        except HTTPError as error:
            with error:
                return error.code, error.read(), error.url
        except OSError:
            return 0, b"", ""

    def send(self, path: str, files: dict[str, tuple[str, bytes]], **fields: str) -> tuple[int, bytes, str]:
        """A form as a browser sends it, with the token of the page it stands on."""
        token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', self.ask(path)[1])
        assert token is not None, path
        mark = uuid4().hex
        body = BytesIO()
        for name, value in {"csrfmiddlewaretoken": token[1].decode(), **fields}.items():
            body.write(f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
        for name, (file_name, data) in files.items():
            body.write(f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n\r\n'.encode())
            body.write(data + b"\r\n")
        body.write(f"--{mark}--\r\n".encode())
        return self.ask(path, body.getvalue(), f"multipart/form-data; boundary={mark}")


def wait_for(is_so: Callable[[], bool]) -> None:
    """Returns once it is so; fails after :data:`SECONDS`."""
    end = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.1)


def end(process: subprocess.Popen[str], how: signal.Signals = signal.SIGTERM) -> None:
    os.killpg(process.pid, how)
    process.wait(timeout=SECONDS)


def archive(posts: int, pictures: int) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("_config.yml", "url: https://news.example\n")
        for number in range(posts):
            text = f"---\ntitle: 記事{number}\ntags: [札{number % 5}]\n---\n\n![絵](/images/{number % pictures}.png)\n\n本文。\n"
            file.writestr(f"_posts/2025-01-01-n{number:03}.md", text)
        for number in range(pictures):
            file.writestr(f"images/{number}.png", make_picture("navy", "white", (20 + number, 20)))
    return stream.getvalue()


def seen(machine: Machine) -> tuple[str, int, int, list[dict[str, Any]]]:
    """State of the last import, pictures and posts there are, and what befell that import; asked of the database at once."""
    with psycopg.connect(machine.database, autocommit=True) as connection:
        row = connection.execute(RUN).fetchone()
    assert row is not None
    return row[0] or "", row[1], row[2], row[3] or []
