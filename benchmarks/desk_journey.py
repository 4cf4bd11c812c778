"""Five real texts through the desk in a real browser, from three people's hands to the readers and out again.

    python benchmarks/desk_journey.py FOLDER [--chromium PATH]

An author who brought the files of FOLDER writes a sentence into each and hands it over; an editor returns one with a
reason, which comes back; a publisher schedules one and publishes the others. Prints what held. The exit code is 1 where
something did not: a state, what readers see, a complaint of the browser, or more changed in a file than the sentence and
the keys that were written.
"""

from __future__ import annotations

import argparse
import difflib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from responsiveness import free_port, server

PROJECT = Path(__file__).resolve().parent.parent
SENTENCE = "この段落は、ブラウザーの中で書き足した。"
MENDED = "確認して、出典を足した。"
REASON = "出典を一つ足してください。"
PASSWORD = "only-for-this-run"
PEOPLE = ("author", "editor", "publisher")
WAIT = 20_000
failures: list[str] = []


def show(holds: bool, text: str) -> None:
    print(f"{'ok  ' if holds else 'FAIL'}  desk: {text}", flush=True)
    if not holds:
        failures.append(text)


def make_people() -> dict[str, Any]:
    from django.contrib.auth.models import Group, User

    people = {role: User.objects.create_user(role, password=PASSWORD, is_staff=True) for role in PEOPLE}
    for role, person in people.items():
        person.groups.add(Group.objects.get(name=role))
    people["author"].groups.add(Group.objects.get(name="importer"))
    return people


class Desk:
    """One person at the desk. What the browser complains about is kept in ``complaints``."""

    def __init__(self, browser: Any, url: str, role: str) -> None:
        self.url, self.complaints = url, list[str]()
        self.page = browser.new_context(locale="ja-JP", viewport={"width": 1280, "height": 900}).new_page()
        self.page.set_default_timeout(WAIT)
        # Words that come in after the save of their form are answered by 409, of which the browser writes a line.
        late = "status of 409"
        self.page.on(
            "console",
            lambda message: message.type == "error" and late not in message.text and self.complaints.append(message.text),
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(f"{url}/admin/login/")
        self.page.fill("#id_username", role)
        self.page.fill("#id_password", PASSWORD)
        self.page.press("#id_password", "Enter")
        self.page.wait_for_url(f"{url}/admin/")

    def open(self, key: int) -> None:
        self.page.goto(f"{self.url}/admin/articles/post/{key}/change/")

    def add(self, sentence: str) -> None:
        """At the end of the text, as it is typed with an input method."""
        self.page.locator("#id_body").press("Control+End")
        self.page.keyboard.insert_text(f"\n{sentence}\n")

    def press(self, name: str) -> None:
        with self.page.expect_navigation():
            self.page.locator(f'.desk-buttons button[value="{name}"]').first.press("Enter")

    def return_it(self) -> None:
        self.page.locator(".return-reason summary").press("Enter")
        self.page.fill("#return-reason", REASON)
        with self.page.expect_navigation():
            self.page.locator(".return-sheet button").press("Enter")

    def schedule(self, at: datetime) -> None:
        self.page.locator("details:has(#id_published_at_0)").evaluate("fold => { fold.open = true; }")
        self.page.fill("#id_published_at_0", at.strftime("%Y-%m-%d"))
        self.page.fill("#id_published_at_1", at.strftime("%H:%M"))
        self.press("schedule")


def walk(folder: Path, browser: Any, url: str) -> None:
    """The journey of every file of ``folder``; a database with nothing in it and a server at ``url`` are there."""
    from django.utils import timezone

    from articles.models import Post
    from articles.transfer.importing import import_archive

    people = make_people()
    import_archive(folder, user=people["author"], timezone="Asia/Tokyo")
    keys = list(Post.objects.order_by("source_path").values_list("pk", flat=True))
    states = set(Post.objects.values_list("state", flat=True))
    show(states == {"draft"}, f"{len(keys)} texts brought by an author are {states}")
    author, editor, publisher = (Desk(browser, url, role) for role in PEOPLE)
    for key in keys:
        author.open(key)
        author.add(SENTENCE)
        author.press("submit")
    show(_count("in_review") == len(keys), f"{_count('in_review')} edited and submitted")
    editor.open(keys[0])
    editor.return_it()
    author.open(keys[0])
    show(REASON in author.page.locator(".came-back").inner_text(), "the reason of the return stands above the text")
    author.add(MENDED)
    author.press("submit")
    show(_count("in_review") == len(keys), "the returned one was mended and submitted again")
    at = timezone.localtime(timezone.now()) + timedelta(days=2)
    publisher.open(keys[-1])
    publisher.schedule(at)
    for key in keys[:-1]:
        publisher.open(key)
        publisher.press("publish")
    show((_count("published"), _count("scheduled")) == (len(keys) - 1, 1), f"{_count('published')} published, 1 scheduled")
    reader = browser.new_context(locale="ja-JP").new_page()
    for post in Post.objects.order_by("source_path"):
        answer = reader.goto(url + post.get_absolute_url())
        shown = SENTENCE in reader.locator("body").inner_text()
        wanted = (404, False) if post.pk == keys[-1] else (200, True)
        show((answer.status, shown) == wanted, f"{post.source_path[:3]} answers {answer.status} to readers")
    is_there = Post.objects.published(at + timedelta(minutes=1)).filter(pk=keys[-1]).exists()
    show(is_there, "the scheduled one is public a minute after its time")
    complaints = [text for desk in (author, editor, publisher) for text in desk.complaints]
    show(not complaints, f"complaints of the browser: {complaints[:3] or 'none'}")


def _count(state: str) -> int:
    from articles.models import Post

    return Post.objects.filter(state=state).count()


def compare(folder: Path) -> None:
    """What stands in the files that come out, beside those that went in."""
    from articles.transfer.exporting import export_posts

    with tempfile.TemporaryDirectory() as place:
        export_posts(Path(place) / "out")
        for path in sorted(folder.iterdir()):
            before = path.read_text(encoding="utf-8").splitlines()
            after = (Path(place) / "out" / path.name).read_text(encoding="utf-8").splitlines()
            lines = [line for line in difflib.ndiff(before, after) if line.startswith(("- ", "+ "))]
            added = [line[2:] for line in lines if line.startswith("+ ") and line[2:] and line[2:] not in (SENTENCE, MENDED)]
            gone = [line[2:] for line in lines if line.startswith("- ") and line[2:]]
            is_small = len(gone) <= 2 and len(added) <= 2 and all(":" in line for line in [*gone, *added])
            show(is_small, f"{path.name[:3]} comes out with the sentence; other lines gone {gone}, come {added}")


@contextmanager
def open_browser(path: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    # Playwright's own event loop runs in this thread, which Django takes for an asynchronous caller.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield browser
        browser.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome") or "")
    options = parser.parse_args()
    if not options.chromium:
        raise SystemExit("No Chromium found: install it (Debian: apt install chromium) or name it with --chromium.")
    with tempfile.TemporaryDirectory() as data:
        port = free_port()
        environment = {
            "DATA_DIR": data,
            "DEBUG": "true",
            "SECRET_KEY": PASSWORD * 4,
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "SITE_URL": f"http://127.0.0.1:{port}",
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "cms.settings",
        }
        os.environ.update(environment)
        sys.path.insert(0, str(PROJECT))
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        with server(environment, port), open_browser(options.chromium) as browser:
            walk(options.folder.resolve(), browser, environment["SITE_URL"])
            compare(options.folder.resolve())
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
