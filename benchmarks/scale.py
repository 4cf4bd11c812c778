"""What grows with the number of posts: ``python benchmarks/scale.py [--posts 10000 100000] [--database postgres://…/]``.

Fills one database for each size, on SQLite and, with ``--database``, on PostgreSQL (databases ``kawaraban_scale_…`` are made
there and dropped), asks every kind of page and command, and prints what each costs, with the ratio of the last size to the
first. Below stand the statements that read much, and what each table and index takes for a post, from which the
sizes for a million are reckoned. Exits with 1 where a page reads a table whole.

Statements, rows and steps are counted, not timed, so they are the same on every machine. Rows: what the nodes of PostgreSQL's
plan read (EXPLAIN ANALYZE). Steps: instructions of SQLite's machine, in thousands; a row takes some ten. CPU: of this process
and, on PostgreSQL, of the server's process that works for it; median of ``--runs``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

#: More rows, or thousands of steps, in one statement of a page are a finding.
MAX_ROWS, MAX_STEPS = 12_000, 300
COMMANDS = {
    "content_digest": ["content_digest"],
    "export_posts": ["export_posts", "{data}/exported"],
    "render_posts --all": ["render_posts", "--all"],
    "reindex --all": ["reindex", "--all"],
    "prove_urls, 2,000 addresses": ["prove_urls", "--csv", "{data}/addresses.csv"],
}


@dataclass(slots=True)
class Cost:
    """What one page costs. ``read`` are rows on PostgreSQL, thousands of steps on SQLite; ``findings`` are its statements."""

    statements: int = 0
    database_ms: float = 0
    cpu_ms: float = 0
    read: float = 0
    findings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Answer:
    """Everything measured of one size on one database."""

    vendor: str
    posts: int
    pages: dict[str, Cost]
    commands: dict[str, tuple[float, float, float]]
    sizes: dict[str, float]
    rows: dict[str, int]
    chunk: int


# --- Reading plans --------------------------------------------------------------------------------------------------

_LIMITS = re.compile(r"^(?:SET LOCAL \w+ = \w+; )+")
_AFTER = re.compile(r"(?:; SET LOCAL \w+ = DEFAULT)+$")
_COUNT_ALL = re.compile(r"SELECT COUNT\(", re.IGNORECASE)
_OFFSET = re.compile(r"OFFSET ([1-9][0-9]*)")


@dataclass(slots=True)
class Plan:
    """How a database carried out one statement. ``whole`` names tables that were read from end to end, or sorted so."""

    read: float = 0
    whole: list[str] = field(default_factory=list)
    text: str = ""


def explain_postgresql(cursor: Any, sql: str, params: Any) -> Plan:
    """Carries the statement out once more and reads the plan."""
    limits = _LIMITS.match(sql)
    bare = _AFTER.sub("", sql[limits.end() :] if limits else sql)
    if limits:
        cursor.execute(limits[0])
    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {bare}", params)
    [(found,)] = cursor.fetchall()
    root = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    plan = Plan()
    _walk(root, plan)
    plan.text = "; ".join(dict.fromkeys(plan.whole))
    return plan


def _walk(node: dict[str, Any], plan: Plan) -> None:
    loops = node.get("Actual Loops", 1)
    rows = node.get("Actual Rows", 0) * loops
    if "Relation Name" in node or node["Node Type"].startswith("Bitmap Index"):
        removed = sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck")) * loops
        plan.read += rows + removed
        name = node.get("Relation Name", "")
        if rows + removed > MAX_ROWS:
            how = node["Node Type"] + (f" {node['Index Name']}" if "Index Name" in node else "")
            plan.whole.append(f"{how} of {name or 'an index'}, {int(rows + removed):,} rows")
    if node["Node Type"] in ("Sort", "Incremental Sort"):
        below = sum(child.get("Actual Rows", 0) * child.get("Actual Loops", 1) for child in node.get("Plans", []))
        if below > MAX_ROWS:
            plan.whole.append(f"Sort of {int(below):,} rows")
    for child in node.get("Plans", []):
        _walk(child, plan)


def explain_sqlite(cursor: Any, sql: str, params: Any) -> Plan:
    """Carries the statement out once more and counts the steps; the plan says what was read whole."""
    raw = cursor.connection if not hasattr(cursor, "db") else cursor.db.connection
    counted = [0]

    def count() -> int:
        counted[0] += 1
        return 0

    raw.set_progress_handler(count, 100)
    try:
        cursor.execute(sql, params)
        cursor.fetchall()
    finally:
        raw.set_progress_handler(None, 0)
    plan = Plan(read=counted[0] / 10)
    if plan.read > MAX_STEPS:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        lines = [row[3] for row in cursor.fetchall()]
        telling = [line for line in lines if line.startswith("SCAN") or "TEMP B-TREE" in line] or lines[:4]
        plan.whole.append(f"{plan.read:,.0f} thousand steps")
        plan.text = f"{plan.whole[0]}: {'; '.join(dict.fromkeys(telling))}"
    return plan


# --- One size on one database ---------------------------------------------------------------------------------------


@contextmanager
def recorded() -> Iterator[list[tuple[str, Any, float]]]:
    """Every statement meanwhile, with its parameters and milliseconds."""
    from django.db import connection

    found: list[tuple[str, Any, float]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            if not many:
                found.append((sql, params, (time.perf_counter() - started) * 1000))

    with connection.execute_wrapper(note):
        yield found


def server_cpu() -> float:
    """Milliseconds that PostgreSQL's process of this connection has worked, where it is on this machine."""
    from django.db import connection

    if connection.vendor != "postgresql" or connection.connection is None:
        return 0.0
    try:
        text = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return int(text.split()[0]) / 1e6


def measure_page(ask: Callable[[], Any], runs: int) -> Cost:
    """One page: a run that fills caches, those that are timed, one that is read statement by statement."""
    from django.db import connection, transaction

    ask()
    times = []
    for _run in range(runs):
        started, server = time.process_time(), server_cpu()
        ask()
        times.append((time.process_time() - started) * 1000 + server_cpu() - server)
    with recorded() as statements:
        ask()
    cost = Cost(len(statements), sum(ms for _sql, _params, ms in statements), statistics.median(times))
    explain = explain_postgresql if connection.vendor == "postgresql" else explain_sqlite
    for sql, params, _ms in statements:
        if not _LIMITS.sub("", sql).lstrip("( ").upper().startswith(("SELECT", "DECLARE", "WITH")):
            continue
        with transaction.atomic(), connection.cursor() as cursor:
            plan = explain(cursor, re.sub(r"^DECLARE .* FOR ", "", sql), params)
        cost.read += plan.read
        if plan.whole:
            cost.findings.append(f"{plan.text}\n    {shorten(sql)}")
        elif (offset := _OFFSET.search(sql)) and int(offset[1]) > MAX_ROWS:
            cost.findings.append(f"OFFSET {offset[1]}\n    {shorten(sql)}")
        elif _COUNT_ALL.match(sql) and "LIMIT" not in sql:
            cost.findings.append(f"COUNT without a limit\n    {shorten(sql)}")
    return cost


def shorten(sql: str) -> str:
    """A statement without its list of columns, on one line."""
    text = re.sub(r"SELECT (?:DISTINCT )?(\"\w+\"\.\"\w+\"(?: AS \"\w+\")?, ){3,}", "SELECT …, ", " ".join(sql.split()))
    return text.replace("articles_", "")[:600]


def pages_of(posts: int) -> dict[str, str]:
    """The public pages by name. Deep pages begin in the middle and near the end of a list."""
    from articles.models import Author, Category, Post, Series, Tag
    from articles.site.listing import _token
    from benchmarks.scale_site import FORMER_TAG, RARE_TAG

    public = Post.objects.published().dated().order_by("published_at", "pk")
    third, middle, early = (public.filter(path__contains=f"/post-{place}/").first() for place in _ordinary(posts))
    deep = {name: f"?before={_token(post.published_at, 0)}" for name, post in (("middle", middle), ("end", early))}
    author = Author.objects.order_by("pk")[3].get_absolute_url()
    category = Category.objects.order_by("pk")[0].get_absolute_url()
    tag, former, rare = (Tag.objects.get(name=name).get_absolute_url() for name in ("編集部話題0", FORMER_TAG, RARE_TAG))
    series = Series.objects.order_by("pk")[0].get_absolute_url()
    sitemap = "/sitemap-posts.xml?from=" + middle.path
    pages = {
        "front page": "/",
        **{f"front page, older, {name}": f"/{query}" for name, query in deep.items()},
        "article, newest third": third.path,
        "article, middle": middle.path,
        "article, oldest": early.path,
        "article as Markdown": middle.path + "index.md",
    }
    for name, address in (("section", category), ("tag, frequent", tag), ("by-line", author)):
        pages[name] = address
        pages |= {f"{name}, {where}": address + query for where, query in deep.items()}
    month = f"/{middle.published_at:%Y/%m}/"
    return pages | {
        "tag, of the past": former,
        "tag, once": rare,
        "series": series,
        "year": f"/{middle.published_at:%Y}/",
        "month": month,
        "archive": "/archives/",
        "tags": "/tags/",
        "tags, a later page": "/tags/?from=校",
        "by-lines": "/authors/",
        "all series": "/series/",
        "sections": "/categories/",
        "feeds, for people": "/feeds/",
        "feed": "/atom.xml",
        "feed of a tag": tag + "atom.xml",
        "feed of a tag of the past": former + "atom.xml",
        "feed of a section": category + "rss.xml",
        "feed of a by-line": author + "feed.json",
        "sitemap, index": "/sitemap.xml",
        "sitemap, first file": "/sitemap-posts.xml",
        "sitemap, a middle file": sitemap,
        "sitemap of news": "/sitemap-news.xml",
        "llms.txt": "/llms.txt",
        "former address": "/old/6.html",
        "unknown address": month + "post-of-long-ago/",
        "unknown address at the root": "/post-of-long-ago/",
        **{f"search, {name}": f"/search/?q={query}" for name, query in SEARCHES.items()},
        "API, posts": "/api/v1/posts",
        "API, posts, middle": f"/api/v1/posts{deep['middle']}",
        "API, posts of a tag of the past": f"/api/v1/posts?tag={former.split('/')[2]}",
        "API, posts of a language": "/api/v1/posts?language=en",
        "API, posts of a section": f"/api/v1/posts?category={category.split('/')[2]}",
        "API, post": f"/api/v1/post?path={middle.path}",
        "API, pages": "/api/v1/pages",
        "API, tags": "/api/v1/tags",
        "API, by-lines": "/api/v1/authors",
        "API, categories": "/api/v1/categories",
    }


SEARCHES = {
    "two characters, newest": "首相",
    "two characters, best": "首相&order=best",
    "a character in every post": "の",
    "rare, newest": "鵺鳥",
    "rare, best": "鵺鳥&order=best",
    "two words": "首相 検察",
    "nothing found": "井戸端会議",
    "with a tag of the past": "首相 tag:以前の特集",
    "before a year": "水害 before:2015",
}


def desk_of(posts: int, run: int) -> dict[str, str]:
    """The pages of the desk by name."""
    from articles.models import Author, Category, MediaFile, Post

    middle = Post.objects.get(path__contains=f"/post-{_ordinary(posts)[1]}/")
    picture = MediaFile.objects.order_by("pk")[7]
    lists = "/admin/articles/post/"
    filters = {
        "drafts": "state__exact=draft",
        "in review": "state__exact=in_review",
        "published": "state__exact=published",
        "mine": "mine=1",
        "with changes": "changes=1",
        "changes in review": "changes=review",
        "will appear": "due=to_come",
        "late": "due=late",
        "waiting": "due=waiting",
        "leaving": "due=leaving",
        "of a section": f"category={Category.objects.order_by('pk')[0].pk}",
        "of a by-line": f"author={Author.objects.order_by('pk')[5].pk}",
        "pages": "kind__exact=page",
        "of a source": f"source__id__exact={middle.source_id}",
        "edited": "is_edited__exact=1",
        "not edited": "is_edited__exact=0",
        "trash": "trash=1",
        "last page": f"p={min(200, posts // 60)}",
        "by title": "o=1",
        "by state": "o=2",
        "by date, oldest first": "o=5",
        "by time of saving": "o=-6",
        "drafts by title": "state__exact=draft&o=1",
        "search, frequent": "q=その",
        "search, rare": "q=鵺鳥",
        "search, none": "q=井戸端",
        "search, by-line": "q=担当7",
        "search, two words": "q=編集部 記録",
    }
    return {
        "overview": "/admin/",
        "posts": lists,
        **{f"posts, {name}": f"{lists}?{query}" for name, query in filters.items()},
        "post, form": f"{lists}{middle.pk}/change/",
        "post, versions": f"{lists}{middle.pk}/history/",
        "media": "/admin/articles/mediafile/",
        "media, by size": "/admin/articles/mediafile/?o=-6",
        "media, search": "/admin/articles/mediafile/?q=picture-77",
        "media, last page": f"/admin/articles/mediafile/?p={min(200, posts // 5 // 50)}",
        "media, form": f"/admin/articles/mediafile/{picture.pk}/change/",
        **{f"media, {name}": f"/admin/articles/mediafile/?{query}" for name, query in MEDIA_FILTERS.items()},
        "versions": "/admin/articles/revision/",
        "tags": "/admin/articles/tag/",
        "tags, by number of posts": "/admin/articles/tag/?o=-3",
        "categories": "/admin/articles/category/",
        "series": "/admin/articles/series/",
        "by-lines": "/admin/articles/author/",
        "former addresses": "/admin/articles/redirect/",
        "former addresses, by time": "/admin/articles/redirect/?o=-3",
        "files of sources": "/admin/articles/sourcefile/",
        "files of imports": "/admin/articles/importitem/",
        "imports": "/admin/articles/importrun/",
        "import": f"/admin/articles/importrun/{run}/change/",
        "export": f"{lists}export/",
        "front page": "/admin/articles/frontpage/",
        "choice of a post": "/admin/autocomplete/?app_label=articles&model_name=redirect&field_name=post&term=記録",
    }


MEDIA_FILTERS = {
    "pictures": "kind=picture",
    "documents": "kind=document",
    "without alternative text": "alt=missing",
    "decorative": "alt=decorative",
    "shown nowhere": "use=none",
    "mine": "mine=1",
}


def _ordinary(posts: int) -> list[int]:
    """Places of published articles in the newest third, the middle and near the beginning."""
    return [place // 20 * 20 + 6 for place in (posts * 9 // 10, posts // 2, posts // 20)]


def work(options: argparse.Namespace) -> None:
    """In a process of its own: fills the database and measures everything."""
    import django

    django.setup()

    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    from articles.models import ImportRun, Post
    from articles.transfer.importing import CHUNK
    from benchmarks.scale_site import fill

    [posts] = options.posts
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    if not Post.objects.exists():
        fill(posts)
    run = ImportRun.objects.values_list("pk", flat=True)[0]
    reader, editor = Client(), Client()
    from django.contrib.auth.models import User

    editor.force_login(User.objects.get(username="publisher"))
    asked = {f"{name}": (reader, address) for name, address in pages_of(posts).items()}
    asked |= {f"desk: {name}": (editor, address) for name, address in desk_of(posts, run).items()}
    costs = {}
    for name, (client, address) in asked.items():
        if options.only and not any(word in name for word in options.only):
            continue
        try:
            costs[name] = measure_page(lambda client=client, address=address: read_whole(client, address), options.runs)
        except AssertionError as error:
            costs[name] = Cost(findings=[f"not measured: {error}"])
        if options.verbose:
            print(f"{name}: {costs[name]}", file=sys.stderr, flush=True)
    commands = {} if options.only or options.no_commands else measure_commands(Path(options.data))
    answer = Answer(connection.vendor, posts, costs, commands, measure_sizes(), count_rows(), CHUNK)
    Path(options.answer).write_text(json.dumps(asdict(answer)), encoding="utf-8")


def read_whole(client: Any, address: str) -> None:
    """Asks for an address and reads the answer to its end."""
    response = client.get(address)
    expected = 404 if "long-ago" in address else 301 if address.startswith("/old/") else 200
    assert response.status_code == expected, (address, response.status_code)
    _body = b"".join(response.streaming_content) if response.streaming else response.content


def measure_commands(data: Path) -> dict[str, tuple[float, float, float]]:
    """Seconds of CPU and of the clock, and MiB at most, of each command in a process of its own."""
    from django.conf import settings
    from django.db import connection

    from articles.models import Post

    paths = Post.objects.published().order_by("pk").values_list("path", flat=True)[:2000]
    (data / "addresses.csv").write_text("url\n" + "".join(f"{settings.SITE_URL}{path}\n" for path in paths), encoding="utf-8")
    connection.close()
    found = {}
    for name, words in COMMANDS.items():
        arguments = [sys.executable, str(ROOT / "manage.py"), *(word.format(data=data) for word in words)]
        started = time.perf_counter()
        with (data / "log").open("wb") as log:
            process = subprocess.Popen(arguments, stdout=log, stderr=log, cwd=ROOT)
            _pid, status, usage = os.wait4(process.pid, 0)
        if status:
            print((data / "log").read_text(encoding="utf-8")[-2000:], file=sys.stderr)
        wall = time.perf_counter() - started
        found[name] = (usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)
    return found


def measure_sizes() -> dict[str, float]:
    """Bytes of each table and index."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT c.relname, t.relname, pg_table_size(c.oid) FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid"
                " LEFT JOIN pg_class t ON t.oid = i.indrelid WHERE c.relkind IN ('r', 'i') AND coalesce(t.relname, c.relname)"
                " LIKE 'articles%'"
            )
            rows = cursor.fetchall()
        else:
            cursor.execute(
                "SELECT s.name, m.tbl_name, sum(pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name"
                " WHERE m.tbl_name LIKE 'articles%' GROUP BY 1, 2"
            )
            rows = cursor.fetchall()
    return {name if name == table or not table else f"{table}: {name}": float(size) for name, table, size in rows}


def count_rows() -> dict[str, int]:
    """How many rows each table that grows with the posts has."""
    from django.apps import apps

    models = apps.get_app_config("articles").get_models()
    counted = {model._meta.db_table: model._default_manager.count() for model in models}
    return {table: number for table, number in counted.items() if number >= 1000}


# --- All of them ----------------------------------------------------------------------------------------------------


def run_one(options: argparse.Namespace, posts: int, database: str, data: Path) -> Answer:
    """Everything of one size on one database, in a process of its own."""
    answer = data / "answer.json"
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "cms.settings",
        "DEBUG": "false",
        "SECRET_KEY": "only-for-this-benchmark-" + "kawaraban" * 5,
        "ALLOWED_HOSTS": "testserver,127.0.0.1",
        "SITE_URL": "http://testserver",
        "DATA_DIR": str(data),
        "DATABASE_URL": database,
        "REDIS_URL": "",
        "LOG_LEVEL": "CRITICAL",
    }
    command = [sys.executable, __file__, "--answer", str(answer), "--data", str(data), "--posts", str(posts)]
    command += ["--runs", str(options.runs), *(["--only", *options.only] if options.only else [])]
    command += [name for name in ("--no-commands", "--verbose") if getattr(options, name[2:].replace("-", "_"))]
    subprocess.run(command, env=environment, check=True)
    read = json.loads(answer.read_text(encoding="utf-8"))
    return Answer(**read | {"pages": {name: Cost(**cost) for name, cost in read["pages"].items()}})


@contextmanager
def postgres_database(server: str, posts: int, *, keep: bool) -> Iterator[str]:
    """An empty database on a server for as long as it takes, or a kept one."""
    import psycopg

    name = f"kawaraban_scale_{posts}"
    base = server.rstrip("/") if urlsplit(server).path in ("", "/") else server.rpartition("/")[0]
    with psycopg.connect(f"{base}/postgres", autocommit=True) as admin:
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            admin.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
        try:
            yield f"{base}/{name}"
        finally:
            if not keep:
                admin.execute(f'DROP DATABASE "{name}"')  # type: ignore[call-overload]


def ratio(first: float, last: float) -> str:
    return f"{last / first:.2f}" if first > 0 else "–"


def print_tables(answers: list[Answer]) -> int:
    """The tables of one database; gives how many statements of pages read too much at the largest size."""
    first, last = answers[0], answers[-1]
    unit = "rows" if last.vendor == "postgresql" else "steps, thousands"
    print(f"### {last.vendor}, {first.posts:,} and {last.posts:,} posts\n")
    print(f"| page | statements | in the database, ms | | CPU, ms | | ratio | {unit} | | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name, cost in last.pages.items():
        before = first.pages[name]
        number = f"{cost.statements}" if cost.statements == before.statements else f"{before.statements} → {cost.statements}"
        print(
            f"| {name} | {number} | {before.database_ms:.1f} | {cost.database_ms:.1f} | {before.cpu_ms:.1f} | {cost.cpu_ms:.1f}"
            f" | {ratio(before.cpu_ms, cost.cpu_ms)} | {before.read:,.0f} | {cost.read:,.0f} | {ratio(before.read, cost.read)} |"
        )
    if last.commands:
        print("\n| command | CPU per post, ms | | ratio | CPU, s | clock, s | peak, MiB | | ratio |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
        for name, (cpu, wall, peak) in last.commands.items():
            cpu_before, _wall, peak_before = first.commands[name]
            one, other = cpu_before * 1000 / first.posts, cpu * 1000 / last.posts
            print(
                f"| {name} | {one:.2f} | {other:.2f} | {ratio(one, other)} | {cpu:.1f} | {wall:.1f} | {peak:.0f}"
                f" | {peak_before:.0f} | {ratio(peak_before, peak)} |"
            )
    print_sizes(last)
    found = [(name, finding) for name, cost in last.pages.items() for finding in cost.findings]
    print(f"\nStatements that read much at {last.posts:,} posts: {len(found)}\n")
    for name, finding in found:
        print(f"- {name}: {finding}")
    print()
    return len(found)


def print_sizes(answer: Answer) -> None:
    """Bytes for a post of each table and index, and what a million posts take of each."""
    total = sum(answer.sizes.values())
    each = {name.removeprefix("articles_"): number / answer.posts for name, number in answer.rows.items()}
    rows = ", ".join(f"{name} {number:.2f}" for name, number in sorted(each.items(), key=lambda pair: -pair[1]))
    print(f"\nRows for a post: {rows}.\n")
    print(f"Together {sum(each.values()):.1f}; of a chunk of an import, {answer.chunk} posts in one transaction,")
    print(f"{sum(each.values()) * answer.chunk:,.0f}, whatever the number of posts.")
    print(f"\n| table or index | bytes for a post | MB at {answer.posts:,} | GB at 1,000,000 |\n|---|---:|---:|---:|")
    for name, size in sorted(answer.sizes.items(), key=lambda pair: -pair[1]):
        if size / answer.posts >= 20:
            print(f"| {name} | {size / answer.posts:,.0f} | {size / 1e6:,.1f} | {size / answer.posts / 1000:.2f} |")
    print(f"| all | {total / answer.posts:,.0f} | {total / 1e6:,.1f} | {total / answer.posts / 1000:.2f} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--database", default="", help="a server of PostgreSQL; without it only SQLite is measured")
    parser.add_argument("--no-sqlite", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-commands", action="store_true", help="pages only")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="pages whose name has one of these words")
    parser.add_argument("--keep", metavar="FOLDER", help="what is filled stays there and is used again, on PostgreSQL too")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--answer", help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answer:
        work(options)
        return 0
    found = 0
    with tempfile.TemporaryDirectory(prefix="kawaraban-scale-") as folder:
        base = Path(options.keep or folder)
        if not options.no_sqlite:
            found += print_tables([run_one(options, posts, "", _folder(base / f"sqlite-{posts}")) for posts in options.posts])
        if options.database:
            answers = []
            for posts in options.posts:
                with postgres_database(options.database, posts, keep=bool(options.keep)) as database:
                    answers.append(run_one(options, posts, database, _folder(base / f"postgresql-{posts}")))
            found += print_tables(answers)
    return 1 if found else 0


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    sys.exit(main())
