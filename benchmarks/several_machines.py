"""Several machines with separate disks serve one site; one of them dies, and the store goes away. PASS or FAIL per line.

    DATABASE_URL=postgres://… REDIS_URL=redis://… python benchmarks/several_machines.py [--posts 300] [--pictures 300]

Starts a bucket (moto), a line to it that faults are put on, two servers and workers of two names, each with a folder of its
own, on an empty database of their own. Silence counts as on a real site: the worker that is killed is taken for dead after a
minute. Prints what was measured beside each line; ends with 1 where one failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.update(DJANGO_SETTINGS_MODULE="cms.settings", DEBUG="true", ALLOWED_HOSTS="127.0.0.1")
os.environ["SECRET_KEY"] = "only-for-tests-" + "kawaraban" * 5
os.environ.pop("MEDIA_STORE", None)

import django  # noqa: E402

django.setup()

from tests.buckets import KEYS, Bucket, Line, serve_buckets  # noqa: E402
from tests.factories import make_picture  # noqa: E402
from tests.installations import Factory  # noqa: E402
from tests.machines import ACCOUNT, Machine, Visitor, archive, end, seen, wait_for  # noqa: E402

FAULTS = ("refuse", "reset", "hang", "cut")
failed: list[str] = []


def say(name: str, is_so: bool, measured: str = "") -> None:
    print(f"{'PASS' if is_so else 'FAIL'}  {name}{'  ' + measured if measured else ''}", flush=True)
    if not is_so:
        failed.append(name)


def timed(act: Callable[[], object]) -> tuple[object, float]:
    began = time.monotonic()
    return act(), time.monotonic() - began


def upload(visitor: Visitor, seed: int) -> tuple[int, bytes, str]:
    picture = make_picture("teal", "white", (64 + seed, 48))
    return visitor.send("/admin/articles/mediafile/add/", {"file": (f"倉庫{seed}.png", picture)}, alt=f"倉庫{seed}")


def check_sharing(first: Machine, second: Machine, visitor: Visitor) -> str:
    """Signing in and pictures; gives the address of one."""
    status, _page, url = upload(visitor, 0)
    say("a picture is uploaded on A", status == 200 and url.endswith("/mediafile/"))
    visitor.machine = second
    status, page, url = visitor.ask("/admin/articles/mediafile/")
    say("the session of A holds on B", status == 200 and "login" not in url)
    found = re.search(rb'src="(/media/[^"]+)"', page)
    name = quote(found[1].decode(), safe="/%") if found else "/media/none"
    answers = [Visitor(machine).ask(name)[:2] for machine in (first, second)]
    say("A and B give readers the same bytes", answers[0] == answers[1] and answers[0][0] == 200, f"{len(answers[0][1])} B")
    kept = first.files() + second.files()
    say("neither machine's disk holds a file", kept == [], ", ".join(kept[:3]))
    visitor.machine = first
    return name


def check_import(first: Machine, second: Machine, visitor: Visitor, data: bytes, posts: int, pictures: int) -> None:
    """An archive brought to A, planned on B, begun on A, which dies, and finished by B."""
    before = seen(first)[1:3]
    _status, _page, url = visitor.send("/admin/articles/importrun/add/", {"files": ("news.zip", data)})
    run = re.findall(r"/importrun/(\d+)/", url)[0]
    worker = second.work(0)
    _done, seconds = timed(lambda: wait_for(lambda: seen(first)[0] == "planned"))
    end(worker)
    say("what A received is planned by a worker of B", True, f"{seconds:.0f} s")
    progress = json.loads(visitor.ask(f"/admin/articles/importrun/{run}/progress/")[1])
    say("its progress is read on A", progress["state"] == "planned")
    page = visitor.ask(f"/admin/articles/importrun/{run}/change/")[1].decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    when = re.search(r'name="seen" value="([^"]+)"', page)
    assert token is not None
    assert when is not None
    worker = first.work(0)
    visitor.ask(f"/admin/articles/importrun/{run}/apply/", f"csrfmiddlewaretoken={token[1]}&seen={quote(when[1])}".encode())
    wait_for(lambda: seen(second)[1] > before[0])
    end(worker, signal.SIGKILL)
    state, there, texts, _events = seen(second)
    say("A dies in the middle", state == "applying", f"{there - before[0]} of {pictures} pictures, {texts} posts")
    worker = second.work(0)
    _done, seconds = timed(lambda: wait_for(lambda: seen(second)[0] == "finished"))
    end(worker)
    _state, there, texts, events = seen(second)
    complete = (there - before[0], texts - before[1]) == (pictures, posts) and "taken-up" in [event["code"] for event in events]
    say("B takes it up and finishes it", complete, f"{seconds:.0f} s, {texts} posts")
    code, said = second.run("check_media")
    say("no row lacks its file", code == 0, said.split("\n")[0])


def check_faults(line: Line, first: Machine, visitor: Visitor, name: str) -> None:
    """What readers and the desk meet while the store is away."""
    for number, fault in enumerate(FAULTS, 1):
        rows = seen(first)[1]
        line.mode, line.limit = fault, line.passed
        pictures: list[float] = []

        def look(times: list[float] = pictures) -> None:
            times.append(timed(lambda: Visitor(first).ask(name))[1])

        readers = [threading.Thread(target=look) for _reader in range(12)]
        for reader in readers:
            reader.start()
        answer, seconds = timed(lambda: Visitor(first).ask("/")[0])
        say(f"{fault}: a text is served", answer == 200, f"{seconds:.2f} s beside 12 readers of pictures")
        for reader in readers:
            reader.join()
        answer, seconds = timed(lambda: Visitor(first).ask(name)[0])
        say(f"{fault}: a picture is a placeholder", answer == 503, f"{seconds:.2f} s; at first {max(pictures):.1f} s at most")
        ready = json.loads(Visitor(first).ask("/readyz")[1])
        say(f"{fault}: /readyz says so", (ready["status"], ready["checks"].get("store")) == ("degraded", "degraded"))
        (status, page, _url), seconds = timed(lambda number=number: upload(visitor, number))  # type: ignore[misc]
        refused = status == 200 and b"MEDIA_STORE" in page and seen(first)[1] == rows
        say(f"{fault}: an upload is refused with the reason and leaves no row", refused, f"{seconds:.1f} s")
        line.mode = "pass"
        time.sleep(6)
        status, _page, url = upload(visitor, number)
        back = status == 200 and url.endswith("/mediafile/") and Visitor(first).ask(name)[0] == 200
        say(f"{fault}: all is well once it is over", back and seen(first)[1] == rows + 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--posts", type=int, default=300)
    parser.add_argument("--pictures", type=int, default=300)
    options = parser.parse_args()
    if not os.environ.get("DATABASE_URL", "").startswith("postgres") or not os.environ.get("REDIS_URL"):
        parser.error("set DATABASE_URL to a PostgreSQL and REDIS_URL: several machines share both")
    folder = Path(tempfile.mkdtemp(prefix="several-machines-"))
    sites = Factory(folder)
    servers = []
    with serve_buckets() as address:
        bucket = Bucket(address, f"files-{uuid4().hex}")
        bucket.client.create_bucket(Bucket=bucket.name)
        line = Line(address)
        shared = {"DEBUG": "true", "REDIS_URL": os.environ["REDIS_URL"], "CACHE_PREFIX": f"several-{uuid4().hex}", **KEYS}
        shared |= {"MEDIA_STORE": bucket.address.replace(address, f"http://127.0.0.1:{line.port}"), "ALLOWED_HOSTS": "127.0.0.1"}
        database = sites.make().database
        first, second = (Machine(folder / name, database, name, shared) for name in ("a", "b"))
        try:
            for machine in (first, second):
                machine.folder.mkdir()
                if machine is first:
                    machine.execute(ACCOUNT)
                servers.append(machine.serve())
            visitor = Visitor(first)
            visitor.send("/admin/login/", {}, username="desk", password="correct-horse-battery", next="/admin/")
            name = check_sharing(first, second, visitor)
            data = archive(options.posts, options.pictures)
            check_import(first, second, visitor, data, options.posts, options.pictures)
            check_faults(line, first, visitor, name)
        finally:
            for server in servers:
                end(server)
            line.mode = "refuse"
            line.close()
            sites.close()
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(failed)} failed" if failed else "all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
