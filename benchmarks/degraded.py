"""What readers and editors get while something the site depends on is gone, and how soon it is over.

    python benchmarks/degraded.py [--seconds 5] [--only redis,postgresql,copy,overload,sqlite]

Starts the real server (granian, two processes behind cms.gate) with a Redis, a PostgreSQL and a second PostgreSQL that follows
it, all of its own in a temporary folder and each behind a proxy that refuses, hangs and delays. The mail server and the hub hang
all the time. Readers ask for the front page and an article twenty times a second, an editor opens a form and saves it once a
second; during a fault an editor who cannot open a form sends the one that is open. Prints a Markdown table; ``seconds to
recover`` is from the end of the fault to the first of ten pages and a save in a row that succeed, without a restart of anything.

Needs the programs of PostgreSQL (Debian: postgresql) and Redis (redis-server), and as root the account ``postgres``.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from beside_generators import PRODUCTION, PROJECT, manage
from crash_safety import Cluster
from responsiveness import answers, free_port
from saves_at_once import read_form

from tests.faults import FaultProxy

PREPARE = """
import json
from django.contrib.auth.models import Group, User
from django.test import Client
from articles.editorial.workflow import publish, save_post
from articles.models import Post
posts = []
for number in range(30):
    body = "\\n\\n".join(f"{line}段目の文章。" for line in range(60))
    post = save_post(Post(), None, {"title": f"記事{number}", "body": body})
    posts.append(publish(post, None))
editor = User.objects.create_user("editor", is_staff=True)
editor.groups.add(Group.objects.get(name="publisher"))
client = Client()
client.force_login(editor)
print(json.dumps({"path": posts[0].get_absolute_url(), "post": posts[1].pk, "session": client.cookies["sessionid"].value}))
"""
CUT_OFF = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'site'"
THREADS = 20
CLIENTS = 60
HEAD = """\
| fault | readers | slowest page, ms | editor | slowest save, ms | `/readyz` | s to recover |
|---|---|---:|---|---:|---|---:|"""


@dataclass
class Site:
    """A server that answers on ``port``, a page of it, and an editor who is signed in."""

    port: int
    path: str = "/"
    post: int = 0
    session: str = ""
    form: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    def ask(self, method: str, path: str, body: str = "", *, cookies: str = "", patience: float = 90) -> tuple[int, Any, str]:
        """Status (0: no answer), headers and text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)
        headers = {"Host": "localhost", **({"Cookie": cookies} if cookies else {})}
        if method == "POST":
            headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode("utf-8", "replace")
        except OSError:
            return 0, {}, ""
        finally:
            connection.close()

    def open_form(self) -> int:
        status, headers, page = self.ask("GET", self._form_address, cookies=f"sessionid={self.session}; csrftoken={self.csrf}")
        if status == 200:
            self.form = read_form(page)
            for cookie in headers.get_all("Set-Cookie", []):
                if cookie.startswith("csrftoken="):
                    self.csrf = cookie.partition("=")[2].partition(";")[0]
        return status

    def save(self) -> str:
        """Opens the form, or takes the one that is open, and saves: what became of it."""
        self.open_form()
        token = f"字{time.time_ns()}"
        data = self.form | {"body": f"{self.form['body']}\n\n{token}"}
        cookies = f"sessionid={self.session}; csrftoken={self.csrf}"
        status, headers, page = self.ask("POST", self._form_address, urlencode(data), cookies=cookies)
        if status == 302:
            return "set aside" if "/join/" in headers["Location"] else "saved"
        return f"{status}, text {'given back' if token in page else 'not given back'}"

    @property
    def _form_address(self) -> str:
        return f"/admin/articles/post/{self.post}/change/"


@dataclass
class Seen:
    """What happened during one fault. Milliseconds."""

    pages: Counter[int] = field(default_factory=Counter)
    page_waits: list[float] = field(default_factory=list)
    saves: Counter[str] = field(default_factory=Counter)
    save_waits: list[float] = field(default_factory=list)
    ready: Counter[str] = field(default_factory=Counter)


def watch(site: Site, seconds: float) -> Seen:
    """Readers, an editor and a health check for some seconds; who began in time is waited for."""
    seen, until = Seen(), time.monotonic() + seconds

    def read() -> None:
        while time.monotonic() < until:
            for path in ("/", site.path):
                began = time.monotonic()
                status = site.ask("GET", path)[0]
                seen.page_waits.append(1000 * (time.monotonic() - began))
                seen.pages[status] += 1
                time.sleep(max(0.0, 0.2 - (time.monotonic() - began)))

    def edit() -> None:
        while time.monotonic() < until:
            began = time.monotonic()
            seen.saves[site.save()] += 1
            seen.save_waits.append(1000 * (time.monotonic() - began))
            time.sleep(max(0.0, 1 - (time.monotonic() - began)))

    def check() -> None:
        while time.monotonic() < until:
            seen.ready[describe_ready(site)] += 1
            time.sleep(1)

    threads = [threading.Thread(target=act) for act in (read, read, read, read, edit, check)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def describe_ready(site: Site) -> str:
    status, _headers, text = site.ask("GET", "/readyz")
    if status not in (200, 503):
        return str(status)
    with suppress(ValueError):
        bad = [f"{name} {state}" for name, state in json.loads(text)["checks"].items() if state != "ok"]
        return f"{status} {', '.join(bad)}".strip()
    return str(status)


def recover(site: Site, limit: float = 60) -> float:
    """Seconds until the first of ten pages in a row that succeed, and a save after them."""
    began, good, first = time.monotonic(), 0, 0.0
    while time.monotonic() - began < limit:
        asked = time.monotonic()
        good = good + 1 if site.ask("GET", site.path)[0] == 200 else 0
        first = asked - began if good == 1 else first
        if good >= 10:
            if site.save() in ("saved", "set aside"):
                return first
            good = 0
        elif not good:
            time.sleep(0.1)
    return float("inf")


def row(name: str, seen: Seen, seconds: float | None) -> str:
    def list_counts(counts: Counter[Any]) -> str:
        total = sum(counts.values())
        return "; ".join(f"{value}: {number} of {total}" for value, number in counts.most_common())

    waits = [max(found) if found else 0.0 for found in (seen.page_waits, seen.save_waits)]
    end = "" if seconds is None else f"{seconds:.1f}"
    ready = "; ".join(name for name, _ in seen.ready.most_common(2))
    return (
        f"| {name} | {list_counts(seen.pages)} | {waits[0]:.0f} | {list_counts(seen.saves)} | {waits[1]:.0f} | {ready} | {end} |"
    )


# --- What the site depends on ---------------------------------------------------------------------------------------


class Follower(Cluster):
    """A second server that follows a first one."""

    def __init__(self, folder: Path, leader: Cluster) -> None:
        super().__init__(folder)
        self.leader = leader

    def __enter__(self) -> Follower:
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        source = ("-h", "127.0.0.1", "-p", str(self.leader.port), "-U", "postgres")
        self._call("pg_basebackup", *source, "-D", str(self.folder / "data"), "-R", "-X", "stream", "--no-sync", "-c", "fast")
        self.start()
        return self

    def promote(self) -> None:
        self._call("pg_ctl", "-D", str(self.folder / "data"), "-w", "promote")


@contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def served(environment: dict[str, str], folder: Path) -> Iterator[int]:
    """The server on a port of its own. A site that is not ready is served as well."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "2",
    ]
    options = ["--no-ws", "--http", "1", "--log-level", "error", "--blocking-threads", str(THREADS), "cms.wsgi:application"]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen([*command, *options], cwd=PROJECT, env=os.environ | environment, stdout=log, stderr=log)
    try:
        for _ in range(300):
            if Site(port).ask("GET", "/healthz", patience=5)[0] == 200:
                break
            time.sleep(0.1)
        else:
            raise SystemExit(f"the server did not answer: {(folder / 'server.log').read_text(encoding='utf-8')[-2000:]}")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def run_manage(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run(manage(*arguments), cwd=PROJECT, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)


def prepare(environment: dict[str, str]) -> dict[str, Any]:
    """Fills a new site; a path, a post and a session."""
    run_manage(environment, "migrate", "-v0")
    run_manage(environment, "collectstatic", "--no-input", "-v0")
    code = f"import django; django.setup()\n{PREPARE}"
    more = {"DJANGO_SETTINGS_MODULE": "cms.settings", "ALLOWED_HOSTS": "localhost,testserver"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=os.environ | environment | more, check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# --- Faults ---------------------------------------------------------------------------------------------------------


@dataclass
class Bench:
    """The site with all that it depends on."""

    site: Site
    redis: FaultProxy
    redis_port: int
    database: FaultProxy
    copy: FaultProxy
    primary: Cluster
    follower: Follower
    seconds: float
    held: list[psycopg.Connection[Any]] = field(default_factory=list)

    def sql(self, text: str) -> None:
        with psycopg.connect(f"host=127.0.0.1 port={self.primary.port} user=postgres dbname=postgres", autocommit=True) as other:
            other.execute(text.encode())

    def cut_site_off(self) -> None:
        self.sql(CUT_OFF)

    def use_up(self) -> None:
        """Takes every connection that the server gives, the site's own as well."""
        address = f"host=127.0.0.1 port={self.primary.port} user=postgres dbname=postgres"
        self.held.append(psycopg.connect(address, autocommit=True))
        for _ in range(5):
            self.held[0].execute(CUT_OFF)
            with suppress(psycopg.OperationalError):
                while len(self.held) < 500:
                    self.held.append(psycopg.connect(address, autocommit=True))

    def let_go(self) -> None:
        for one in self.held:
            one.close()
        self.held.clear()

    def forbid_writing(self, *, forbidden: bool) -> None:
        self.sql(f"ALTER DATABASE site SET default_transaction_read_only = {'on' if forbidden else 'off'}")
        self.cut_site_off()

    def fail_over(self) -> None:
        self.primary.stop("immediate")
        time.sleep(1)
        self.follower.promote()
        self.database.redirect("127.0.0.1", self.follower.port)
        self.database.set("refuse")
        self.database.set("pass")

    def measure(self, name: str, begin: Callable[[], object], end: Callable[[], object]) -> str:
        begin()
        time.sleep(0.2)
        seen = watch(self.site, self.seconds)
        end()
        return row(name, seen, recover(self.site))


def nothing() -> None:
    """No fault."""


def list_faults(bench: Bench, only: set[str]) -> Iterator[str]:
    redis, database, copy = bench.redis, bench.database, bench.copy
    yield bench.measure("none", nothing, nothing)
    if "redis" in only:
        yield bench.measure("Redis refuses", lambda: redis.set("refuse"), lambda: redis.set("pass"))
        yield bench.measure("Redis hangs", lambda: redis.set("hang"), lambda: redis.set("pass"))
        yield bench.measure("Redis takes 80 ms longer", lambda: redis.set("delay", 0.04), lambda: redis.set("pass"))
        forget = ["redis-cli", "-p", str(bench.redis_port), "flushall"]
        yield bench.measure(
            "Redis forgets everything", lambda: subprocess.run(forget, check=True, stdout=subprocess.DEVNULL), nothing
        )
    if "copy" in only:
        yield bench.measure("the copy for readers refuses", lambda: copy.set("refuse"), lambda: copy.set("pass"))
        yield bench.measure("the copy for readers hangs", lambda: copy.set("hang"), lambda: copy.set("pass"))
    if "postgresql" in only:
        # With the copy, too: else readers would notice nothing.
        both = (database, copy)
        # Until the copy, which was left alone, is asked again.
        time.sleep(6)
        recover(bench.site)
        yield bench.measure(
            "PostgreSQL refuses, readers have a copy", lambda: database.set("refuse"), lambda: database.set("pass")
        )
        copy.set("refuse")
        yield bench.measure("PostgreSQL refuses", lambda: [one.set("refuse") for one in both], lambda: database.set("pass"))
        yield bench.measure("PostgreSQL hangs", lambda: database.set("hang"), lambda: database.set("pass"))
        yield bench.measure("PostgreSQL is stopped and started", lambda: bench.primary.stop("immediate"), bench.primary.start)
        yield bench.measure("all connections are used up", bench.use_up, bench.let_go)
        yield bench.measure(
            "PostgreSQL is read-only",
            lambda: bench.forbid_writing(forbidden=True),
            lambda: bench.forbid_writing(forbidden=False),
        )
        copy.set("pass")
    if "overload" in only:
        yield overload(bench.site, bench.seconds)
    if "postgresql" in only:
        # Last: there is no way back.
        copy.set("refuse")
        yield bench.measure("fail-over to the second server (during the seconds)", bench.fail_over, bench.primary.start)


def overload(site: Site, seconds: float) -> str:
    """Sixty clients who ask again when they have a page, or a second after a refusal; an editor and health checks beside them."""
    seen, until = Seen(), time.monotonic() + seconds
    served_waits: list[float] = []

    def flood() -> None:
        while time.monotonic() < until:
            began = time.monotonic()
            status = site.ask("GET", site.path)[0]
            wait = 1000 * (time.monotonic() - began)
            seen.pages[status] += 1
            seen.page_waits.append(wait)
            if status == 200:
                served_waits.append(wait)
            else:
                time.sleep(1)

    threads = [threading.Thread(target=flood) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    while time.monotonic() < until:
        began = time.monotonic()
        seen.saves[site.save()] += 1
        seen.save_waits.append(1000 * (time.monotonic() - began))
        seen.ready[describe_ready(site)] += 1
    for thread in threads:
        thread.join()
    took = recover(site)
    cuts = statistics.quantiles(served_waits, n=100) if len(served_waits) > 1 else [0.0] * 99
    return row(f"{CLIENTS} clients at once (99th percentile of the served: {cuts[98]:.0f} ms)", seen, took)


def sqlite_rows(work: Path) -> Iterator[str]:
    """A site on SQLite whose file is missing or damaged when it starts."""
    for name, harm in (("SQLite: the file is missing", Path.unlink), ("SQLite: every page from the fifth on is damaged", damage)):
        folder = work / name.rpartition(" ")[2]
        folder.mkdir()
        data = folder / "data"
        environment = PRODUCTION | {"DATA_DIR": str(data), "DATABASE_URL": "", "REDIS_URL": ""}
        found = prepare(environment)
        harm(data / "db.sqlite3")
        for end in ("-wal", "-shm"):
            (data / f"db.sqlite3{end}").unlink(missing_ok=True)
        with served(environment, folder) as port:
            site = Site(port, path=found["path"])
            pages = Counter(site.ask("GET", path)[0] for path in ("/", site.path, "/", site.path))
            desk = site.ask("GET", "/admin/")[0]
            ready = describe_ready(site)
        is_made = "; a database was made" if harm is Path.unlink and (data / "db.sqlite3").exists() else ""
        lines = (folder / "server.log").read_text(encoding="utf-8").splitlines()
        said = next((line.rpartition("(")[2].rstrip(")") for line in lines if "(" in line and "backup" in line), "nothing")
        said = said.replace(str(data), "DATA_DIR")
        counts = "; ".join(f"{status}: {number} of 4" for status, number in pages.items())
        yield f"| {name}{is_made} | {counts} | | {desk} | | {ready} | log: {said} |"


def damage(path: Path) -> None:
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(4 * 4096)
        file.write(os.urandom(size - 4 * 4096))


def run(work: Path, only: set[str], seconds: float) -> None:
    work.chmod(0o755)
    with ExitStack() as stack:
        redis_port = stack.enter_context(redis_server(work))
        primary = stack.enter_context(Cluster(work / "primary"))
        address = primary.make_database("site")
        environment = PRODUCTION | {"DATA_DIR": str(work / "data"), "DATABASE_URL": address, "REDIS_URL": ""}
        found = prepare(environment)
        follower = stack.enter_context(Follower(work / "follower", primary))
        redis, database, copy, nowhere = (
            stack.enter_context(FaultProxy("127.0.0.1", port)) for port in (redis_port, primary.port, follower.port, primary.port)
        )
        nowhere.set("hang")
        environment |= {
            "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
            "DATABASE_URL": f"postgres://postgres@127.0.0.1:{database.port}/site",
            "DATABASE_REPLICA_URLS": f"postgres://postgres@127.0.0.1:{copy.port}/site",
            "EMAIL_URL": f"smtp://127.0.0.1:{nowhere.port}",
            "WEBSUB_HUB": f"http://127.0.0.1:{nowhere.port}/",
        }
        port = stack.enter_context(served(environment, work))
        if not any(answers(port) or time.sleep(0.5) for _ in range(60)):
            raise SystemExit(f"the site is not ready: {(work / 'server.log').read_text(encoding='utf-8')[-2000:]}")
        site = Site(port, **found)
        site.open_form()
        bench = Bench(site, redis, redis_port, database, copy, primary, follower, seconds)
        for line in list_faults(bench, only):
            print(line, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="of each fault")
    parser.add_argument("--only", default="redis,postgresql,copy,overload,sqlite")
    parser.add_argument("--keep-log", type=Path, help="where the log of the server goes")
    options = parser.parse_args()
    only = set(options.only.split(","))
    print(HEAD)
    with tempfile.TemporaryDirectory(prefix="kawaraban-degraded-", ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        try:
            if only - {"sqlite"}:
                run(work, only, options.seconds)
            if "sqlite" in only:
                for line in sqlite_rows(work):
                    print(line, flush=True)
        finally:
            if options.keep_log and (work / "server.log").exists():
                shutil.copy(work / "server.log", options.keep_log)
    return 0


if __name__ == "__main__":
    sys.exit(main())
