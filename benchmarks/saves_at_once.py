"""Many editors save the same posts at once: is every save that was acknowledged in the history?

    python benchmarks/saves_at_once.py [--editors 50] [--saves 40] [--posts 10] [--database URL]

Starts the real server. Each editor, in a thread of their own with a session of their own, opens a form, writes a token that
nobody else has into the text, half of them in a paragraph of their own and half at the end where all meet, and saves. A save
is acknowledged where the answer leads back to the post (it is in the post, brought together with others' where need be) or to
the page on which two texts are brought together (it is set aside). Prints a Markdown table: what was answered, and how many
acknowledged tokens no version holds. Without ``--database`` on SQLite, in a folder that is thrown away.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent))
from beside_generators import PRODUCTION, PROJECT, manage
from responsiveness import free_port, server

PARAGRAPHS = 60
ROWS = ("postauthor_set", "postcategory_set")


@dataclass
class Log:
    """What all editors saw. ``tokens``: by outcome, those that were acknowledged so."""

    outcomes: Counter[str] = field(default_factory=Counter)
    tokens: dict[str, list[str]] = field(default_factory=lambda: {"saved": [], "set aside": []})
    waits: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Editor(threading.Thread):
    """One editor at one browser."""

    def __init__(self, number: int, port: int, session: str, posts: list[int], saves: int, log: Log) -> None:
        super().__init__()
        self.number, self.port, self.session, self.posts, self.saves, self.log = number, port, session, posts, saves, log

    def run(self) -> None:
        for turn in range(self.saves):
            post = self.posts[(self.number + turn) % len(self.posts)]
            token = f"editor{self.number:02}save{turn:02}"
            began = time.monotonic()
            outcome = self.save(post, token)
            with self.log.lock:
                self.log.waits.append(time.monotonic() - began)
                self.log.outcomes[outcome] += 1
                if outcome in self.log.tokens:
                    self.log.tokens[outcome].append(token)

    def save(self, post: int, token: str) -> str:
        """Opens the form, writes, saves; gives what became of it."""
        address = f"/admin/articles/post/{post}/change/"
        status, headers, page = self.ask("GET", address)
        if status != 200:
            return f"form answered {status}"
        data = read_form(page)
        lines = data["body"].split("\n")
        if self.number % 2:
            lines.append(token)
        else:
            place = 2 * (self.number % PARAGRAPHS)
            lines[place] = f"{lines[place]}{token}。"
        data["body"] = "\n".join(lines)
        cookie = re.search(r"csrftoken=([^;]+)", headers.get("set-cookie", ""))
        token_cookie = cookie[1] if cookie else ""
        status, headers, _page = self.ask("POST", address, urlencode(data), token_cookie)
        if status != 302:
            return f"save answered {status}"
        return "set aside" if "/join/" in headers["location"] else "saved"

    def ask(self, method: str, path: str, body: str = "", csrf: str = "") -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Host": "localhost", "Cookie": f"sessionid={self.session}; csrftoken={csrf}"}
        if method == "POST":
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Referer": "https://localhost/"}
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        headers = {name.lower(): ", ".join(answer.headers.get_all(name, [])) for name in answer.headers}
        return answer.status, headers, text


def read_form(page: str) -> dict[str, str]:
    """What the browser would send of the form: the fields that a save needs."""
    data = {
        name: unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)"(?: value="([^"]*)")?', page)
        if name in ("csrfmiddlewaretoken", "seen", "base", "session")
    }
    areas = dict(re.findall(r'<textarea name="([^"]+)"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL))
    data |= {name: unescape(areas[name]) for name in ("title", "body")}
    path = re.search(r'name="path"[^>]*value="([^"]*)"', page) or re.search(r'value="([^"]*)"[^>]*name="path"', page)
    data |= {"path": unescape(path[1]) if path else "", "kind": "article", "flavour": "commonmark", "tags": ""}
    data |= {f"{prefix}-{name}_FORMS": "0" for prefix in ROWS for name in ("TOTAL", "INITIAL")}
    return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--editors", type=int, default=50)
    parser.add_argument("--saves", type=int, default=40)
    parser.add_argument("--posts", type=int, default=10)
    parser.add_argument("--database", default="", help="a database that may be filled, e.g. postgres://…; default SQLite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = PRODUCTION | {"DATA_DIR": str(Path(folder) / "data")}
        if options.database:
            environment["DATABASE_URL"] = options.database
        for command in (manage("migrate", "-v0"), manage("collectstatic", "--no-input", "-v0")):
            subprocess.run(command, cwd=PROJECT, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)
        os.environ.update(environment)
        print(run(options))


def run(options: Any) -> str:
    import django

    sys.path.insert(0, str(PROJECT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")
    django.setup()
    from django.contrib.auth.models import Group, User
    from django.db import connection, connections
    from django.test import Client

    from articles.editorial.workflow import save_post
    from articles.models import Post, Revision

    body = "\n\n".join(f"{number}段目の文章。" for number in range(PARAGRAPHS))
    posts = [save_post(Post(), None, {"title": f"記事{number}", "body": body}).pk for number in range(options.posts)]
    sessions = []
    for number in range(options.editors):
        person = User.objects.create_user(f"editor{number}-{time.time_ns()}", is_staff=True)
        person.groups.add(Group.objects.get(name="editor"))
        client = Client()
        client.force_login(person)
        sessions.append(client.cookies["sessionid"].value)
    connections.close_all()
    port, log = free_port(), Log()
    with server(dict(os.environ), port):
        editors = [Editor(number, port, session, posts, options.saves, log) for number, session in enumerate(sessions)]
        began = time.monotonic()
        for editor in editors:
            editor.start()
        for editor in editors:
            editor.join()
        seconds = time.monotonic() - began
    kept = Revision.objects.filter(post__in=posts)
    saved = "\n".join(kept.filter(kind=Revision.Kind.SAVE).values_list("snapshot__body", flat=True))
    aside = "\n".join(kept.exclude(kind=Revision.Kind.SAVE).values_list("snapshot__body", flat=True))
    present = "\n".join(Post.objects.filter(pk__in=posts).values_list("body", flat=True))
    lost = [token for token in log.tokens["saved"] if token not in saved]
    lost += [token for token in log.tokens["set aside"] if token not in aside]
    gone = [token for token in log.tokens["saved"] if token not in present]
    waits = sorted(log.waits)
    total = options.editors * options.saves
    rows = [
        ("database", connection.vendor),
        ("saves asked for", total),
        ("in the post, alone or brought together", len(log.tokens["saved"])),
        ("set aside, for a person to bring together", len(log.tokens["set aside"])),
        (
            "refused otherwise",
            "、".join(f"{name}: {count}" for name, count in log.outcomes.items() if name not in log.tokens) or 0,
        ),
        ("**acknowledged and in no version**", len(lost)),
        ("saved and in the end not in the post", len(gone)),
        (
            "form and save together, median / 99th percentile, s",
            f"{statistics.median(waits):.2f} / {waits[int(0.99 * len(waits))]:.2f}",
        ),
        ("seconds", f"{seconds:.0f}"),
    ]
    return "\n".join(["| what | number |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows)])


if __name__ == "__main__":
    main()
