"""Two machines with separate disks serve one site: they share a database, a Redis and a bucket, and nothing else."""

from __future__ import annotations

import json
import os
import re
import signal
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.buckets import KEYS, Bucket
from tests.factories import make_picture
from tests.installations import Factory
from tests.machines import ACCOUNT, Machine, Visitor, archive, end, seen, wait_for

pytest_plugins = ("tests.bucket_fixtures",)
pytestmark = [pytest.mark.postgres, pytest.mark.redis]

POSTS, PICTURES = 60, 150


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
