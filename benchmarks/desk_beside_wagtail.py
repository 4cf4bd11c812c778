"""The desk beside Wagtail's, in one run: lists, search, form, save, publish and preview.

    python benchmarks/desk_beside_wagtail.py [--rows 10000] [--posts 100000] [--rounds 15] [--cache DIR] [--alone]

Wagtail is installed from PyPI beside the Django that runs here, in a virtual environment that is thrown away. Both get the
same ``--rows`` Japanese texts, SQLite opened in the same way, the interface in Japanese, and a superuser; a third process has
``--posts`` posts for the list alone. They are asked in turn, each in a process of its own and without a server: every round asks
each of them for everything once, with text that was not there before. The first round, which fills caches, does not count.

Prints a Markdown table of medians. Time is that of the whole answer, from request to bytes, as processor time of the process
and by the clock, which also counts waiting for the disk. A goal is reached where both are within it. Wagtail's page is the one
with which its tutorial ends: date, authors, tags, introduction, one rich text and pictures, of which there are none. Its
preview is two requests, as its editor sends them. With ``--cache`` the filled databases and the virtual environment stay in
DIR, for repeated runs of the same code.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent))
from beside_generators import PRODUCTION, PROJECT, manage
from corpus import write_site
from figures import describe_machine
from wagtail_site import enter, make_project

LONG = 20_000
# Words of two characters with which titles begin: those of corpus.py and of desk_list.py. Wagtail finds them only there.
WORD, WORD_OF_MANY = "読者", "電力"
ROW, PEER_ROW = '<th class="field-title_line"', "data-object-id="
Times = dict[str, tuple[float, float]]


# --- One process, one product ---------------------------------------------------------------------------------------


class FormReader(HTMLParser):
    """What a browser would send of the form with an id, no button pressed. Texts that a script puts there are none."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.is_inside, self.area, self.choice = name, False, "", ""
        self.data: dict[str, Any] = {}
        self.choices: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        name, value = values.get("name") or "", values.get("value") or ""
        if tag == "form":
            self.is_inside = values.get("id") == self.name
        elif tag == "option" and self.choice:
            self.choices.append((value, "selected" in values))
        if not name or "disabled" in values or (values.get("form") != self.name if "form" in values else not self.is_inside):
            return
        kind = values.get("type")
        if tag == "textarea":
            self.area, self.data[name] = name, ""
        elif tag == "select":
            self.choice, self.choices = name, []
        elif tag == "input" and kind in ("checkbox", "radio"):
            if "checked" in values:
                self.data.setdefault(name, []).append(values.get("value") or "on")
        elif tag == "input" and kind not in ("submit", "button", "file", "image"):
            self.data[name] = value

    def handle_data(self, data: str) -> None:
        if self.area:
            self.data[self.area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.is_inside = False
        elif tag == "textarea" and self.area:
            self.data[self.area] = self.data[self.area].removeprefix("\n")
            self.area = ""
        elif tag == "select" and self.choice:
            chosen = [value for value, is_chosen in self.choices if is_chosen]
            self.data[self.choice] = (chosen or [value for value, _is_chosen in self.choices[:1]] or [""])[0]
            self.choice = ""


class Desk:
    """A superuser's browser at a product, and what each of its requests took in this round."""

    def __init__(self) -> None:
        from django.contrib.auth.models import User
        from django.test import Client

        self.client = Client(SERVER_NAME="localhost")
        self.client.force_login(User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("chief"))
        self.times: Times = {}

    def ask(self, name: str, address: str, data: dict[str, Any] | None = None, **headers: str) -> str:
        """The text of the answer. Under one ``name`` times add up; without one they are left out."""
        status = 302 if data is not None and not headers else 200
        cpu, clock = time.process_time(), time.perf_counter()
        answer = self.client.get(address) if data is None else self.client.post(address, data, headers=headers)
        content = answer.content
        spent = time.process_time() - cpu, time.perf_counter() - clock
        assert answer.status_code == status, (address, answer.status_code, content[:2000].decode())
        if name:
            before = self.times.get(name, (0.0, 0.0))
            self.times[name] = before[0] + 1000 * spent[0], before[1] + 1000 * spent[1]
        return str(answer.headers["Location"] if status == 302 else content.decode())

    def read_form(self, name: str, address: str, form: str) -> dict[str, Any]:
        reader = FormReader(form)
        reader.feed(self.ask(name, address))
        assert reader.data, f"no form {form} at {address}"
        return reader.data


def begin_kawaraban() -> tuple[int, Callable[[int], Times]]:
    """How many posts a search for :data:`WORD` finds, and what one round asks of a desk with posts that were imported."""
    from articles.models import Post

    desk = Desk()
    long = Post.objects.latest("character_count")
    keys = list(Post.objects.exclude(pk=long.pk).order_by("pk").values_list("pk", flat=True))

    def take_round(number: int) -> Times:
        desk.times = {}
        ask_lists(desk, "/admin/articles/post/", WORD, name_last(keys), ROW, len(keys) + 1)
        key = keys[37 * number % len(keys)]
        address, preview = f"/admin/articles/post/{key}/change/", f"/admin/articles/post/{key}/preview/"
        data = desk.read_form("form", address, "post_form")
        for name, flavour, text in (
            ("preview", "commonmark", data["body"]),
            ("long", "commonmark", long.body),
            ("long kramdown", "kramdown", long.body),
        ):
            changes = {"body": text + add(number, "見る"), "flavour": flavour}
            shown = desk.ask(name, preview, data | changes, Accept="application/json")
            assert add(number, "見る").strip() in json.loads(shown)["html"]
        saved, published = add(number, "書き足す"), add(number, "公開する")
        desk.ask("save", address, data | {"body": data["body"] + saved})
        data = desk.read_form("", address, "post_form")
        assert saved in data["body"].replace("\r\n", "\n")
        desk.ask("publish", address, data | {"body": data["body"] + published, "_verb": "publish"})
        assert Post.objects.get(pk=key).body.endswith(saved + published)
        return desk.times

    return Post.objects.filter(title__contains=WORD).count(), take_round


def begin_many() -> tuple[int, Callable[[int], Times]]:
    """The same for a desk with very many posts, which is asked for lists only."""
    from desk_list import RARE

    from articles.models import Post

    desk, posts = Desk(), Post.objects.filter(trashed_at__isnull=True)
    count = posts.count()

    def take_round(number: int) -> Times:
        desk.times = {}
        ask_lists(desk, "/admin/articles/post/", WORD_OF_MANY, RARE, ROW, count)
        return desk.times

    return posts.filter(title__contains=WORD_OF_MANY).count(), take_round


def begin_wagtail() -> tuple[int, Callable[[int], Times]]:
    """The same for Wagtail's admin."""
    from news.models import ArticlePage, NewsIndexPage

    desk, index = Desk(), NewsIndexPage.objects.get()
    pages = list(ArticlePage.objects.order_by("pk").values_list("pk", flat=True))
    long = pages.pop()

    def read(name: str, key: int) -> dict[str, Any]:
        data = desk.read_form(name, f"/admin/pages/{key}/edit/", "page-edit-form")
        # Its script adds those of the comments.
        return data | {f"comments-{part}_FORMS": "0" for part in ("TOTAL", "INITIAL")}

    def look(name: str, key: int, data: dict[str, Any], sentence: str) -> None:
        address = f"/admin/pages/{key}/edit/preview/"
        sent = desk.ask(name, address, data | {"body": append(data["body"], sentence)}, Accept="application/json")
        assert json.loads(sent)["is_valid"], sent
        assert sentence.strip() in desk.ask(name, f"{address}?in_preview_panel=true&mode=")

    def take_round(number: int) -> Times:
        desk.times = {}
        ask_lists(desk, f"/admin/pages/{index.pk}/", WORD, name_last(pages), PEER_ROW, len(pages) + 1)
        key = pages[37 * number % len(pages)]
        address = f"/admin/pages/{key}/edit/"
        data = read("form", key)
        look("preview", key, data, add(number, "見る"))
        look("long", long, read("", long), add(number, "見る"))
        saved, published = add(number, "書き足す").strip(), add(number, "公開する").strip()
        desk.ask("save", address, data | {"body": append(data["body"], saved)})
        data = read("", key)
        assert saved in json.dumps(json.loads(data["body"]), ensure_ascii=False)
        desk.ask("publish", address, data | {"body": append(data["body"], published), "action-publish": "action-publish"})
        body = ArticlePage.objects.get(pk=key).body
        assert saved in body
        assert published in body
        return desk.times

    return ArticlePage.objects.autocomplete(WORD).count(), take_round


def ask_lists(desk: Desk, address: str, word: str, rare: str, row: str, count: int) -> None:
    """The first page of a list, and of what it finds."""
    shown = desk.ask("list", address).count(row)
    assert shown == min(50, count), (address, shown)
    for name, wanted in (("search", word), ("rare search", rare)):
        found = desk.ask(name, f"{address}?q={quote(wanted)}").count(row)
        assert 0 < found <= 50, (address, wanted, found)


def name_last(keys: list[int]) -> str:
    """A word that stands in the title of one text only, the last but for the long one."""
    return f"第{len(keys) - 1}号"


def add(number: int, what: str) -> str:
    """A paragraph that no text has yet."""
    return f"\n\n{number}回目に{what}段落。\n"


def append(body: str, sentence: str) -> str:
    """A text as Wagtail's editor sends it, with one more paragraph."""
    content = json.loads(body)
    block = {"key": f"{len(content['blocks']):05}", "type": "unstyled", "depth": 0, "text": sentence.strip()}
    content["blocks"].append(block | {"inlineStyleRanges": [], "entityRanges": []})
    return json.dumps(content, ensure_ascii=False)


def take_part(part: str, folder: Path, count: int) -> None:
    """Is one of the processes that are measured: a line in, with the number of the round; a line out, with its times."""
    answers, sys.stdout = sys.stdout, sys.stderr
    if part == "wagtail":
        enter(folder)
    else:
        import django

        sys.path.insert(0, str(PROJECT))
        os.environ["DJANGO_SETTINGS_MODULE"] = "cms.settings"
        django.setup()
    if part == "fill":
        from desk_list import make_site

        make_site(count)
        return
    hits, take_round = {"kawaraban": begin_kawaraban, "many": begin_many, "wagtail": begin_wagtail}[part]()
    print(json.dumps([name_versions(part), hits]), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(take_round(int(line))), file=answers, flush=True)


def name_versions(part: str) -> str:
    import sqlite3

    import django

    versions = f"Django {django.__version__}, SQLite {sqlite3.sqlite_version}"
    if part == "wagtail":
        from wagtail import __version__

        return f"Wagtail {__version__}, {versions}"
    return versions


# --- The run --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One line of the table: what ``part`` took for ``name`` beside what Wagtail took for ``peer``, else for the same."""

    label: str
    part: str
    name: str
    share: float | None = None
    limit: float | None = None
    peer: str = ""

    @property
    def goal(self) -> str:
        goals = [f"≤ {self.share} × Wagtail"] if self.share else []
        return ", ".join([*goals, f"≤ {self.limit:.0f} ms"] if self.limit else goals) or "–"

    def judge(self, own: tuple[float, float], peer: tuple[float, float] | None) -> str:
        """Whether both processor and clock are within the goals, as far as these were measured."""
        failures = [
            name
            for name, place in (("CPU", 0), ("wall", 1))
            if (self.share and peer and own[place] > self.share * peer[place]) or (self.limit and own[place] > self.limit)
        ]
        if failures:
            return f"**missed** ({', '.join(failures)})"
        return "reached" if self.limit or (self.share and peer) else "–"


ROWS = (
    Row("list of {rows} posts; Wagtail's explorer", "kawaraban", "list"),
    Row("list of {posts} posts; Wagtail's explorer of {rows}", "many", "list", share=0.3),
    Row("search in the list of {rows}, two characters, many hits", "kawaraban", "search"),
    Row("search in the list of {posts}, two characters, many hits; Wagtail's of {rows}", "many", "search"),
    Row("search in the list of {rows}, one hit", "kawaraban", "rare search"),
    Row("search in the list of {posts}, few hits; Wagtail's of {rows}, one", "many", "rare search"),
    Row("edit form", "kawaraban", "form", share=0.5),
    Row("save beside what is public", "kawaraban", "save", share=0.5),
    Row("publish the changes", "kawaraban", "publish"),
    Row("preview", "kawaraban", "preview", share=0.5),
    Row(f"preview of {LONG:,} characters", "kawaraban", "long", share=0.5, limit=150),
    Row(f"preview of {LONG:,} characters, kramdown", "kawaraban", "long kramdown", share=0.5, limit=150, peer="long"),
)


def make_texts(folder: Path, count: int) -> None:
    """The texts for both: a site of Hugo below ``folder/site``, and ``folder/texts.jsonl``. The last is a long one."""
    import comrak
    import yaml

    posts = folder / "site/content/posts"
    write_site(folder / "site", count, "hugo")
    write_site(folder / "long", 1, "hugo", size=4 * LONG)
    head, body = next((folder / "long").rglob("*.md")).read_text(encoding="utf-8").split("---\n", 2)[1:]
    (posts / "long.md").write_text(f"---\n{head}---\n{body[:LONG]}", encoding="utf-8")
    with (folder / "texts.jsonl").open("w", encoding="utf-8") as lines:
        for path in sorted(posts.iterdir()):
            head, body = path.read_text(encoding="utf-8").split("---\n", 2)[1:]
            keys = yaml.safe_load(head)
            text = {name: keys[name] for name in ("title", "description", "author", "tags")}
            text["date"] = datetime.strptime(keys["date"], "%Y-%m-%d %H:%M:%S %z").isoformat()
            # Wagtail's rich text knows no tables: they become paragraphs, so that no word is lost.
            text["html"] = comrak.render_markdown(body)
            lines.write(json.dumps(text, ensure_ascii=False) + "\n")


def run_manage(data: Path, *arguments: str) -> None:
    subprocess.run(manage(*arguments), cwd=PROJECT, env=as_environment(data), check=True, stdout=subprocess.DEVNULL)


def as_environment(data: Path) -> dict[str, str]:
    nothing = {"DATABASE_URL": "", "REDIS_URL": "", "EMAIL_URL": "dummymail://"}
    return os.environ | PRODUCTION | nothing | {"DATA_DIR": str(data)}


def part_command(python: Path | str, part: str, folder: Path, count: int = 0) -> list[str]:
    return [str(python), str(Path(__file__).resolve()), "--part", part, "--folder", str(folder), "--rows", str(count)]


def fill_kawaraban(data: Path, texts: Path) -> None:
    run_manage(data, "migrate", "-v0")
    run_manage(data, "import_posts", str(texts / "site"))


def fill_many(data: Path, count: int) -> None:
    subprocess.run(part_command(sys.executable, "fill", data, count), env=as_environment(data), check=True)


def install_wagtail(folder: Path) -> Path:
    """A virtual environment with the newest Wagtail for the Django that runs here, and what serves it; gives its Python."""
    import django

    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin/python"
    packages = [f"django=={django.__version__}", "wagtail", "wagtail-cache", "gunicorn"]
    subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
    return python


def fingerprint(*paths: Path) -> str:
    """Changes when one of the files, or a file below one of the folders, does."""
    found = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found.update(file.read_bytes())
    return found.hexdigest()[:12]


def keep(cache: Path, name: str, make: Callable[[Path], object]) -> Path:
    """``cache/name``, made where it is not there. What was left half made is made again."""
    folder = cache / name
    if not folder.exists():
        unfinished = cache / f"{name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        make(unfinished)
        unfinished.rename(folder)
    return folder


class Part:
    """A process that is measured, and the rounds that it took."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.rounds: list[Times] = []
        self.versions, self.hits = self.read()

    def read(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a process ended before it was asked to")
        return json.loads(line)

    def take_round(self, number: int) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        self.rounds.append(self.read())

    def median(self, name: str) -> tuple[float, float]:
        """Milliseconds of processor and of the clock, without the first round."""
        cpu, wall = (statistics.median(one[name][place] for one in self.rounds[1:]) for place in (0, 1))
        return cpu, wall

    def stop(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(20)


def measure(options: argparse.Namespace, work: Path) -> dict[str, Part]:
    """Fills what is not filled yet, and takes the rounds, every other one in reverse order."""
    cache = options.cache or work / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    here = Path(__file__).resolve().parent
    own = fingerprint(PROJECT / "articles/migrations", here / "corpus.py", here / "desk_list.py")
    filled: dict[str, tuple[Path | str, Path]] = {}
    texts = work / "texts"
    make_texts(texts, options.rows)
    filled["kawaraban"] = sys.executable, keep(cache, f"kawaraban-{options.rows}-{own}", lambda data: fill_kawaraban(data, texts))
    filled["many"] = sys.executable, keep(cache, f"many-{options.posts}-{own}", lambda data: fill_many(data, options.posts))
    if not options.alone:
        python = keep(cache, "peers", install_wagtail) / "bin/python"
        name = f"wagtail-{options.rows}-{fingerprint(here / 'corpus.py', here / 'wagtail_site.py')}"
        filled["wagtail"] = python, keep(cache, name, lambda folder: make_project(python, folder, texts / "texts.jsonl"))
    with ExitStack() as stack:
        parts: dict[str, Part] = {}
        for name, (python, folder) in filled.items():
            # A copy, so that every run begins with the same rows.
            copy = work / name
            shutil.copytree(folder, copy)
            if name != "wagtail":
                run_manage(copy, "collectstatic", "--no-input", "-v0")
            parts[name] = Part(part_command(python, name, copy), as_environment(copy))
            stack.callback(parts[name].stop)
        for number in range(options.rounds + 1):
            for part in list(parts.values())[:: -1 if number % 2 else 1]:
                part.take_round(number)
    return parts


def print_table(options: argparse.Namespace, parts: dict[str, Part]) -> None:
    versions = dict.fromkeys(part.versions for part in parts.values())
    hits = ", ".join(f"{name} {part.hits:,}" for name, part in parts.items())
    print(f"{describe_machine()}\n\nmedians of {options.rounds} rounds; {'; '.join(versions)}; many hits: {hits}\n")
    print("| what | CPU, ms | wall, ms | Wagtail: CPU, ms | wall, ms | CPU : Wagtail | wall : Wagtail | goal | |")
    print("|---|---:|---:|---:|---:|---:|---:|---|---|")
    for row in ROWS:
        own = parts[row.part].median(row.name)
        peer = parts["wagtail"].median(row.peer or row.name) if "wagtail" in parts else None
        figures = [f"{value:.1f}" for value in own]
        figures += [f"{value:.1f}" for value in peer] if peer else ["–"] * 2
        figures += [f"{mine / other:.2f}" for mine, other in zip(own, peer, strict=True)] if peer else ["–"] * 2
        label = row.label.format(rows=f"{options.rows:,}", posts=f"{options.posts:,}")
        print(f"| {' | '.join([label, *figures, row.goal, row.judge(own, peer)])} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000, help="texts that both have")
    parser.add_argument("--posts", type=int, default=100_000, help="posts of the third process, for the list alone")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cache", type=Path, help="where the filled databases stay")
    parser.add_argument("--alone", action="store_true", help="without Wagtail, and so without the network")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        take_part(options.part, options.folder, options.rows)
        return
    with tempfile.TemporaryDirectory() as folder:
        parts = measure(options, Path(folder))
    print_table(options, parts)


if __name__ == "__main__":
    main()
