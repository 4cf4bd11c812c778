"""Servers side by side, and what they take: for ``readers.py``, which says what is asked of which.

A :class:`Server` is a process and all below it, on a port of this machine. Load comes from wrk (apt install wrk nginx);
processor time is read from ``/proc``, of every thread of the tree, in nanoseconds.
"""

from __future__ import annotations

import gzip
import http.client
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from beside_generators import PROJECT, family, manage, proportional_set
from responsiveness import free_port

CONNECTIONS = 16
#: From how many answers on the sixteen that were not waited for are less than one in a hundred.
MANY_ANSWERS = 100 * CONNECTIONS
#: What a browser sends and what decides about an answer here. No cookie.
ASKED = {"Host": "localhost", "Accept-Encoding": "gzip"}
NGINX = """user {user};
daemon off;
worker_processes 2;
pid {work}/nginx.pid;
error_log {work}/error.log;
events {{ worker_connections 1024; }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {work}/body;
    proxy_temp_path {work}/proxy;
    fastcgi_temp_path {work}/fastcgi;
    uwsgi_temp_path {work}/uwsgi;
    scgi_temp_path {work}/scgi;
    {more}
}}
"""
# Requests are made once, so that asking for many pages costs wrk no more than asking for one.
SCRIPT = """local paths = {{{paths}}}
local requests, place = {{}}, 0
function init(args)
    for number, path in ipairs(paths) do
        requests[number] = wrk.format("GET", path, {{{headers}}})
    end
end
function request()
    place = place % #requests + 1
    return requests[place]
end
function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format("\\nRESULT %d %d %d %d %d\\n", summary.requests, summary.bytes, summary.duration,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True)
class Page:
    """One kind of page at one server: its addresses, asked in turn, and how it is known to be the page.

    ``words`` stand on the page of the same place. Of a list are none; it has at least ``links`` different posts. With
    ``etag`` the page is asked whether it changed, and answers that it did not.
    """

    paths: tuple[str, ...]
    words: tuple[str, ...] = ()
    links: int = 0
    etag: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return ASKED | ({"If-None-Match": self.etag} if self.etag else {})

    @property
    def status(self) -> int:
        return 304 if self.etag else 200


@dataclass(frozen=True)
class Figures:
    """What one kind of page took: pages per second, microseconds of processor per page, bytes of a body as sent."""

    rate: float
    cpu: float
    size: float


@dataclass
class Server:
    """A command that serves on ``port``, or that has to be told it: ``{port}`` in its words."""

    name: str
    command: list[str]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self, path: str) -> Iterator[Server]:
        """Started, and asked for ``path`` until it answers 200. Raises SystemExit, with what it said, where it never does."""
        self.port = self.port or free_port()
        command = [word.replace("{port}", str(self.port)) for word in self.command]
        with tempfile.TemporaryFile() as said:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=os.environ | self.environment, stdout=subprocess.DEVNULL, stderr=said
            )
            try:
                if not self.answers(path):
                    said.seek(0)
                    raise SystemExit(f"{self.name} did not answer {path}: {said.read().decode(errors='replace')[-3000:]}")
                yield self
            finally:
                self.process.terminate()
                self.process.wait(60)

    def answers(self, path: str) -> bool:
        assert self.process
        for _attempt in range(300):
            try:
                if self.process.poll() is None and self.ask(path).status == 200:
                    return True
            except OSError:
                pass
            time.sleep(0.1)
        return False

    def ask(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        """One request on a connection of its own, with :data:`ASKED` unless other headers are given."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            return ask(connection, path, headers, method)
        finally:
            connection.close()

    @property
    def members(self) -> list[int]:
        assert self.process
        return family(self.process.pid)


@dataclass(frozen=True)
class Answer:
    """What came back; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The page without its tags: a title may have marks for breaking lines between its words."""
        return re.sub("<[^>]*>", "", self.html)

    @property
    def html(self) -> str:
        is_packed = self.headers.get("content-encoding") == "gzip"
        return (gzip.decompress(self.body) if is_packed else self.body).decode()


def ask(connection: http.client.HTTPConnection, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
    connection.request(method, path, headers=ASKED if headers is None else headers)
    response = connection.getresponse()
    fields = {name.lower(): ", ".join(response.headers.get_all(name, [])) for name in response.headers}
    return Answer(response.status, fields, response.read())


# --- What is measured -----------------------------------------------------------------------------------------------


def read_cpu(members: list[int]) -> dict[str, int]:
    """Nanoseconds of processor that each thread of these processes has taken."""
    spent: dict[str, int] = {}
    for pid in members:
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                spent[task.parent.name] = int(task.read_text().split()[0])
            except OSError:
                # A thread that has just ended.
                continue
    return spent


def count_cpu(before: dict[str, int], after: dict[str, int]) -> float:
    """Seconds between two readings."""
    return sum(spent - before.get(task, 0) for task, spent in after.items()) / 1e9


def read_memory(server: Server) -> float:
    """Mebibytes of PSS of the whole tree. What it shares with another server that runs is shared out between both."""
    return sum(map(proportional_set, server.members)) / 1024


def check_page(server: Server, page: Page) -> float:
    """That every address is the page that it should be; gives the mean bytes of a body. Raises SystemExit where it is not."""
    sizes = []
    for place, path in enumerate(page.paths):
        answer = server.ask(path, page.headers)
        if answer.status != page.status:
            raise SystemExit(f"{server.name}: {path} answered {answer.status}, not {page.status}")
        sizes.append(len(answer.body))
        if page.words and page.words[place] not in answer.text and not page.etag:
            raise SystemExit(f"{server.name}: {path} has no {page.words[place]}")
        if len(set(re.findall(r"post-\d{6}", answer.html))) < page.links:
            raise SystemExit(f"{server.name}: {path} is no list of {page.links}")
    return sum(sizes) / len(sizes)


def warm(server: Server, page: Page, *, keeps: bool) -> None:
    """Asks for each address: where a server ``keeps`` pages, so often that each worker has it."""
    for _time in range(8 if keeps else 1):
        check_page(server, page)


def settle(server: Server) -> dict[str, int]:
    """Waits until the server is done with what nobody waits for any more; gives what its threads have taken by then."""
    before = read_cpu(server.members)
    for _attempt in range(300):
        time.sleep(0.1)
        after = read_cpu(server.members)
        if count_cpu(before, after) < 0.005:
            break
        before = after
    return after


def load(server: Server, page: Page, seconds: int, times: int, work: Path) -> Figures:
    """What a server does for 16 connections that ask for a page again and again. Every answer must be the page.

    Where so few are answered that the last 16, which wrk does not wait for, would count, CPU is that of ``times`` further
    requests from each of 16 connections.
    """
    size = check_page(server, page)
    members = server.members
    before = settle(server)
    requests, total, duration = run_wrk(server, page, seconds, work)
    spent, counted = count_cpu(before, settle(server)), requests
    # One that ends by itself, such as nginx's loader of its cache, is no worker: those are started anew.
    if set(server.members) - set(members):
        raise SystemExit(f"{server.name} started a process while it was measured")
    # wrk says nothing of what was sent: the bytes tell a page from an error or a redirection. Headers are below 1.6 kB.
    if requests and not size <= total / requests < size + 1600:
        raise SystemExit(f"{server.name}: {page.paths[0]} was {size:.0f} bytes, but {total / requests:.0f} under load")
    if requests < MANY_ANSWERS:
        before, counted = read_cpu(members), CONNECTIONS * times
        with ThreadPoolExecutor(CONNECTIONS) as readers:
            list(readers.map(lambda _number: ask_often(server, page, times), range(CONNECTIONS)))
        spent = count_cpu(before, read_cpu(members))
    check_page(server, page)
    return Figures(requests / duration, 1e6 * spent / counted, size)


def ask_often(server: Server, page: Page, times: int) -> None:
    """One reader who waits for each answer. Raises SystemExit for one that is not the page."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    for number in range(times):
        answer = ask(connection, page.paths[number % len(page.paths)], page.headers)
        if answer.status != page.status:
            raise SystemExit(f"{server.name} answered {answer.status} under load")
    connection.close()


def run_wrk(server: Server, page: Page, seconds: int, work: Path) -> tuple[int, int, float]:
    """Requests answered, bytes received, seconds. Raises SystemExit for any answer that is an error, or none."""
    script = work / "load.lua"
    headers = ", ".join(f'["{name}"] = {quote_lua(value)}' for name, value in page.headers.items())
    script.write_text(SCRIPT.format(paths=", ".join(map(quote_lua, page.paths)), headers=headers))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script)]
    address = f"http://127.0.0.1:{server.port}/"
    said = subprocess.run([*command, address], capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    found = re.search(r"^RESULT (\d+) (\d+) (\d+) (\d+) (\d+)$", said, re.MULTILINE)
    if not found:
        raise SystemExit(f"wrk said nothing of its requests: {said}")
    requests, total, duration, refused, broken = map(int, found.groups())
    if refused or broken:
        raise SystemExit(f"{server.name}: {page.paths[0]}: {refused} of {requests} were errors, {broken} connections broke")
    return requests, total, duration / 1e6


def quote_lua(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def measure_first(server: Server, paths: list[str]) -> float:
    """Microseconds of processor for each of these pages, asked once, one after another, on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    before = read_cpu(server.members)
    statuses = {ask(connection, path).status for path in paths}
    spent = count_cpu(before, read_cpu(server.members))
    connection.close()
    if statuses != {200}:
        raise SystemExit(f"{server.name} answered {statuses} where pages were asked for the first time")
    return 1e6 * spent / len(paths)


# --- The servers ----------------------------------------------------------------------------------------------------


SERVE = PROJECT / "articles/management/commands/serve.py"


def run_site(name: str, environment: dict[str, str]) -> Server:
    """This product as ``docs/operations.md`` starts it."""
    if SERVE.exists():
        words = ("serve", "--host", "127.0.0.1", "--port", "{port}", "--workers", "2", "--threads", "4")
        return Server(name, manage(*words), PROJECT, environment)
    return run_granian(name, "cms.wsgi:application", PROJECT, environment)


def run_granian(name: str, target: str, folder: Path, environment: dict[str, str]) -> Server:
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--workers", "2", "--blocking-threads", "4"]
    command += ["--host", "127.0.0.1", "--port", "{port}", "--log-level", "error", target]
    return Server(name, command, folder, environment)


def run_gunicorn(name: str, python: Path, target: str, folder: Path, settings: str) -> Server:
    command = [str(python), "-m", "gunicorn", "--worker-class", "gthread", "--workers", "2", "--threads", "4"]
    command += ["--bind", "127.0.0.1:{port}", "--log-level", "error", target]
    return Server(name, command, folder, {"DJANGO_SETTINGS_MODULE": settings})


def run_nginx(name: str, work: Path, more: str) -> Server:
    """nginx with ``more`` inside of ``http``, where ``{port}`` is its port and ``{work}`` a folder of its own."""
    folder = work / re.sub(r"\W+", "-", name)
    folder.mkdir(parents=True)
    port = free_port()
    user = "root" if os.geteuid() == 0 else "nobody"
    inside = more.replace("{port}", str(port)).replace("{work}", str(folder))
    (folder / "nginx.conf").write_text(NGINX.format(user=user, work=folder, more=inside))
    command = ["nginx", "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    return Server(name, command, folder, port=port)
