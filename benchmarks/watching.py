"""What happens at a hot server when somebody publishes: for ``readers.py``.

:func:`watch_publish` says how long each worker goes on showing what was, and which pages are made again;
:func:`crowd` lets many clients ask for one page at once. Renders are counted by the header ``X-Page-Cache`` of an answer: a
``miss`` was made for it, a ``hit`` was there, a ``stale`` one is what was before while another is made.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from beside_generators import PROJECT
from serving import ASKED, Server, ask

STATE = "x-page-cache"
CLIENTS = 500
#: Seconds after which a page that still shows what was is given up.
LONGEST = 20.0


def publish(path: str, title: str) -> None:
    """Is a process of the site that gives the post at ``path`` another title; prints the moment at which it was saved."""
    import django

    sys.path.insert(0, str(PROJECT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "cms.settings"
    django.setup()
    from django.db import transaction

    from articles.editorial.workflow import publish as publish_post
    from articles.editorial.workflow import save_draft
    from articles.models import Post

    with transaction.atomic():
        # Before all that the verbs want done then. The clock is the machine's, one for all processes.
        transaction.on_commit(lambda: print(time.monotonic()))
        publish_post(save_draft(Post.objects.get(path=path), None, {"title": title}).post, None)
    assert Post.objects.get(path=path).title == title


def start_publishing(environment: dict[str, str], path: str, title: str) -> subprocess.Popen[str]:
    """The same in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), path, title]
    return subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read_moment(process: subprocess.Popen[str]) -> float:
    """When it had saved. Raises SystemExit where it did not."""
    said, complaint = process.communicate(timeout=120)
    if process.returncode:
        raise SystemExit(f"publishing failed: {complaint[-3000:]}")
    return float(said)


# --- Who answers ----------------------------------------------------------------------------------------------------


def find_workers(server: Server, connections: list[http.client.HTTPConnection]) -> list[int]:
    """The process that holds the other end of each connection, which must have been asked something."""
    owners: dict[str, int] = {}
    for pid in server.members:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                owners.setdefault(os.readlink(entry), pid)
            except OSError:
                continue
    inodes: dict[int, str] = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        here, there = (int(words[place].split(":")[1], 16) for place in (1, 2))
        if here == server.port:
            inodes[there] = f"socket:[{words[9]}]"
    return [owners[inodes[connection.sock.getsockname()[1]]] for connection in connections if connection.sock]


def connect_workers(server: Server, path: str) -> dict[int, http.client.HTTPConnection]:
    """One open connection to each worker of the server. Raises SystemExit where there are fewer than two."""
    connections = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=60) for _number in range(40)]
    for connection in connections:
        ask(connection, path)
    found: dict[int, http.client.HTTPConnection] = {}
    for pid, connection in zip(find_workers(server, connections), connections, strict=True):
        if pid in found:
            connection.close()
        else:
            found[pid] = connection
    if len(found) < 2:
        raise SystemExit(f"{server.name}: forty connections reached {len(found)} worker")
    return found


# --- The two measurements -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Published:
    """What one publish did: the seconds until the slowest worker showed it on each page, by name; of the pages that were
    warm, how many show the post and how many were made again, or ``None`` where the server does not say which it made."""

    delays: dict[str, float]
    warm: int
    showing: int
    renewed: int | None


def watch_publish(server: Server, environment: dict[str, str], post: str, pages: dict[str, str], others: list[str]) -> Published:
    """Publishes another title of ``post`` and asks each worker for ``pages``, by name, until it is there.

    ``others`` are asked for before, so that they are warm, and once more afterwards.
    """
    workers = connect_workers(server, post)
    old = re.search(r"第\d+号", ask(next(iter(workers.values())), post).text)
    assert old
    title = f"{old[0]}　書き直した題{time.time_ns()}"
    first = next(iter(workers.values()))
    # Not what leads elsewhere: an address of a term may be spelt in another way.
    others = [path for path in others if ask(first, path).status == 200]
    showing = sum(old[0] in ask(first, path).text for path in others)
    process = start_publishing(environment, post, title)
    seen = wait_for(title, [(connection, path) for path in pages.values() for connection in workers.values()], process)
    began = read_moment(process)
    # A worker may have asked the database between the commit and the look at the clock.
    delays = {name: max(0.0, max(moment for path, moment in seen if path == pages[name]) - began) for name in pages}
    states = [ask(first, path).headers.get(STATE, "") for path in others]
    for connection in workers.values():
        connection.close()
    # Where no answer says how it came there is no page cache; one that alone says nothing went past it.
    return Published(delays, len(others), showing, sum(state != "hit" for state in states) if any(states) else None)


def wait_for(
    title: str, waiting: list[tuple[http.client.HTTPConnection, str]], process: subprocess.Popen[str]
) -> list[tuple[str, float]]:
    """Each path with the moment at which it had the title on that connection: infinity where it never had."""
    seen: list[tuple[str, float]] = []
    last = float("inf")
    while waiting and time.monotonic() < last:
        still = []
        for connection, path in waiting:
            if title in ask(connection, path).text:
                seen.append((path, time.monotonic()))
            else:
                still.append((connection, path))
        waiting = still
        if process.poll() is not None:
            last = min(last, time.monotonic() + LONGEST)
        time.sleep(0.005)
    return seen + [(path, float("inf")) for _connection, path in waiting]


@dataclass(frozen=True)
class Crowd:
    """How many answers came how, by ``X-Page-Cache``, and how many showed what was before."""

    states: Counter[str]
    outdated: int


def crowd(server: Server, environment: dict[str, str], post: str, path: str) -> Crowd:
    """How ``path``, which shows ``post``, is answered to 500 clients at once, two seconds after another publish.

    Raises SystemExit where an answer is no 200.
    """
    title = f"大勢が待つ題{time.time_ns()}"
    read_moment(start_publishing(environment, post, title))
    # What was is nowhere any more; nobody has asked for what is.
    time.sleep(2)
    answers = asyncio.run(ask_at_once(server.port, path))
    wrong = [head.splitlines()[0] for head, _body in answers if not head.startswith("HTTP/1.1 200")]
    if wrong:
        raise SystemExit(f"{server.name}: of {CLIENTS} clients {len(wrong)} got {wrong[0]}")
    states = (re.search(rf"^{STATE}: *(\S+)", head, re.MULTILINE | re.IGNORECASE) for head, _body in answers)
    outdated = sum(title not in re.sub("<[^>]*>", "", body) for _head, body in answers)
    return Crowd(Counter(state[1].lower() if state else "" for state in states), outdated)


async def ask_at_once(port: int, path: str) -> list[tuple[str, str]]:
    """Heads and bodies; every client is connected before the first one asks."""
    clients = [await asyncio.open_connection("127.0.0.1", port, limit=2**22) for _number in range(CLIENTS)]
    request = f"GET {path} HTTP/1.1\r\nHost: {ASKED['Host']}\r\nConnection: close\r\n\r\n".encode()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, str]:
        writer.write(request)
        await writer.drain()
        head, _empty, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        writer.close()
        return head.decode("latin-1"), body.decode(errors="replace")

    return await asyncio.wait_for(asyncio.gather(*(take(*client) for client in clients)), 120)


if __name__ == "__main__":
    publish(*sys.argv[1:])
