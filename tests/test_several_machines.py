"""Two machines with separate disks serve one site: they share a database, a Redis and a bucket, and nothing else."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPCookieProcessor, Request, build_opener
from uuid import uuid4

import pytest

from tests.buckets import KEYS, Bucket
from tests.factories import make_picture
from tests.installations import PROJECT, SECONDS, Factory, Installation
from tests.test_commands_bootstrap import find_free_port

pytest_plugins = ("tests.bucket_fixtures",)
pytestmark = [pytest.mark.postgres, pytest.mark.redis]

# A machine of its own by its name; what a minute's silence means to the others is shortened, so that no test waits for one.
MACHINE = """
import socket, sys
name = sys.argv.pop(1)
socket.gethostname = lambda: name
import django
django.setup()
from articles.management.commands import worker
from articles.transfer import runs
runs.LEASE_SECONDS, worker.LOOK_SECONDS = 3, 1
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""
ACCOUNT = """
from django.contrib.auth.models import User
User.objects.create_superuser("desk", password="correct-horse-battery")
"""
RUN = """
import json
from articles.models import ImportRun, MediaFile, Post
run = ImportRun.objects.order_by("pk").last()
print(json.dumps([run.state if run else "", MediaFile.objects.count(), Post.objects.count(), run.events if run else []]))
"""
DIGEST = "from articles.transfer.digest import content_digest\nprint(content_digest())"
POSTS = PICTURES = 110


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

    def work(self) -> subprocess.Popen[str]:
        return self._start([sys.executable, "-c", MACHINE, self.name, "worker"])

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
        time.sleep(0.2)


def end(process: subprocess.Popen[str], how: signal.Signals = signal.SIGTERM) -> None:
    os.killpg(process.pid, how)
    process.wait(timeout=SECONDS)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    factory = Factory(tmp_path_factory.mktemp("sites"))
    yield factory
    factory.close()


@pytest.fixture(scope="module")
def machines(sites: Factory, bucket_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Machine]]:
    """Two machines that serve, and an account to sign in with."""
    bucket = Bucket(bucket_server, f"files-{uuid4().hex}")
    bucket.client.create_bucket(Bucket=bucket.name)
    database = sites.make().database
    shared = {
        "DEBUG": "true",
        "REDIS_URL": os.environ["REDIS_URL"],
        "CACHE_PREFIX": f"several-{uuid4().hex}",
        "MEDIA_STORE": bucket.address,
        "ALLOWED_HOSTS": "127.0.0.1",
        **KEYS,
    }
    folder = tmp_path_factory.mktemp("machines")
    made = (Machine(folder / "a", database, "a", shared), Machine(folder / "b", database, "b", shared))
    for machine in made:
        machine.folder.mkdir()
    made[0].execute(ACCOUNT)
    servers = [machine.serve() for machine in made]
    yield made
    for server in servers:
        end(server)
    bucket.client.close()


@pytest.fixture(scope="module")
def visitor(machines: tuple[Machine, Machine]) -> Visitor:
    """Somebody who signed in at the first machine."""
    visitor = Visitor(machines[0])
    form = {"username": "desk", "password": "correct-horse-battery", "next": "/admin/"}
    assert visitor.send("/admin/login/", {}, **form)[0] == 200
    return visitor


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
    state, pictures, posts, events = json.loads(machine.execute(RUN))
    return state, pictures, posts, events


def test_a_session_begun_on_one_machine_holds_on_the_other_and_its_pictures_are_seen_there(
    machines: tuple[Machine, Machine], visitor: Visitor
) -> None:
    first, second = machines
    visitor.machine = first
    picture = make_picture("teal", "white", (64, 48))
    status, page, _url = visitor.send("/admin/articles/mediafile/add/", {"file": ("倉庫.png", picture)}, alt="倉庫")
    assert status == 200
    visitor.machine = second
    status, page, url = visitor.ask("/admin/articles/mediafile/")
    assert (status, url.endswith("/mediafile/")) == (200, True)
    found = re.search(rb'src="(/media/[^"]+)"', page)
    assert found is not None
    name = quote(found[1].decode(), safe="/%")
    answers = [Visitor(machine).ask(name)[:2] for machine in machines]
    assert answers[0] == answers[1]
    assert (answers[0][0], answers[0][1][:4]) == (200, b"\x89PNG")
    assert json.loads(Visitor(second).ask("/readyz")[1])["checks"]["store"] == "ok"
    assert [machine.files() for machine in machines] == [[], []]


def test_an_import_received_by_one_machine_is_worked_by_another_and_goes_on_when_that_one_dies(
    machines: tuple[Machine, Machine], visitor: Visitor, sites: Factory, tmp_path: Path
) -> None:
    first, second = machines
    data = archive(POSTS, PICTURES)
    visitor.machine = first
    status, _page, url = visitor.send("/admin/articles/importrun/add/", {"files": ("news.zip", data)})
    assert (status, url.endswith("/change/")) == (200, True)
    run = re.findall(r"/importrun/(\d+)/", url)[0]

    # Planned by the second machine, which never saw the file; its progress is read on the first.
    worker = second.work()
    wait_for(lambda: seen(first)[0] == "planned")
    end(worker)
    progress = json.loads(visitor.ask(f"/admin/articles/importrun/{run}/progress/")[1])
    assert progress["state"] == "planned"

    # Carried out by the first, which dies in the middle: nobody is told.
    page = visitor.ask(f"/admin/articles/importrun/{run}/change/")[1].decode()
    when = re.search(r'name="seen" value="([^"]+)"', page)
    assert when is not None
    worker = first.work()
    before = seen(first)[1]
    form = f"/admin/articles/importrun/{run}/change/"
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token is not None
    body = f"csrfmiddlewaretoken={token[1]}&seen={when[1].replace('+', '%2B').replace(':', '%3A')}".encode()
    assert visitor.ask(form.replace("change", "apply"), body)[0] == 200
    wait_for(lambda: seen(first)[1] > before)
    end(worker, signal.SIGKILL)
    state, pictures, posts, _events = seen(second)
    assert state == "applying"
    assert pictures < PICTURES + before or posts < POSTS

    # The second takes it up once the first has been silent.
    worker = second.work()
    wait_for(lambda: seen(second)[0] == "finished")
    end(worker)
    state, pictures, posts, events = seen(second)
    assert (state, pictures - before, posts) == ("finished", PICTURES, POSTS)
    assert "taken-up" in [event["code"] for event in events]
    assert visitor.ask(f"/admin/articles/importrun/{run}/progress/")[0] == 200

    # It is what an import on one machine makes.
    out = tmp_path / "out"
    code, said = second.run("export_posts", str(out))
    assert code == 0, said
    with zipfile.ZipFile(BytesIO(data)) as file:
        assert {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()} == {
            name: file.read(name) for name in file.namelist()
        }
    code, said = second.run("check_media")
    assert code == 0, said
