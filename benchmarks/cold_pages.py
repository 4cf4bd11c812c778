"""What a page costs that no cache holds: ``python benchmarks/cold_pages.py [--posts 10000] [--requests 300]``.

Imports the posts of ``corpus.py`` into a fresh SQLite database and asks for pages by the WSGI application itself, in one
process: every middleware, view, template and header, no server and no network. A figure is the processor time of one answer,
from request to closed response, in milliseconds: ``first`` while this process has never made the page, ``again`` when it has,
both medians over many different pages of a kind. Browsers that take gzip cost ``gzip`` more. ``queries`` are statements.

``--data FOLDER`` keeps the site for the next call, which then imports nothing. ``--profile KIND`` says instead where the time
of one kind of page goes.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("--posts", type=int, default=10_000)
PARSER.add_argument("--requests", type=int, default=300)
PARSER.add_argument("--data", type=Path)
PARSER.add_argument("--profile", default="")
OPTIONS = PARSER.parse_args()

DATA = OPTIONS.data or Path(tempfile.mkdtemp(prefix="kawaraban-cold-"))
os.environ.update(
    DJANGO_SETTINGS_MODULE="cms.settings",
    DEBUG="false",
    SECRET_KEY="only-for-this-measurement-" + "kawaraban" * 5,
    ALLOWED_HOSTS="testserver",
    SITE_URL="http://testserver",
    DATA_DIR=str(DATA),
    DATABASE_URL="",
    REDIS_URL="",
    LOG_LEVEL="ERROR",
    PAGE_CACHE="off",
)

import django  # noqa: E402

django.setup()

from corpus import write_site  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from articles.models import Author, Category, Post, RelatedPost, Tag  # noqa: E402
from articles.related import KEPT  # noqa: E402
from articles.site.listing import _token  # noqa: E402
from cms.wsgi import application  # noqa: E402

WARM_UP = 50
AT_ONCE = 1000
CENSUS = 200


def make_site(posts: int) -> None:
    """Fills the database by the product's own commands, unless it was kept from before.

    Which posts belong together is drawn by lot: to find it takes longer than the import, and a page asks the same of it.
    """
    if (DATA / "finished").exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        write_site(Path(folder), posts, "jekyll")
        for words in (
            ["migrate", "-v0"],
            ["collectstatic", "--no-input", "-v0"],
            ["import_posts", folder],
        ):
            command = [sys.executable, str(ROOT / "manage.py"), *words]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    keys = list(Post.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), AT_ONCE):
        rows = [
            RelatedPost(post_id=key, other_id=other, position=position)
            for key in keys[start : start + AT_ONCE]
            for position, other in enumerate((other for other in random.sample(keys, KEPT) if other != key), start=1)
        ]
        RelatedPost.objects.bulk_create(rows)
    if connection.vendor == "postgresql":
        # As it does by itself within a minute or so; SQLite never does.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    (DATA / "finished").touch()


def pages_of(number: int) -> dict[str, list[str]]:
    """Addresses of each kind of page, as many as ``number`` where there are so many, in an order of no meaning."""
    shown = Post.objects.published().dated()
    count = shown.count()
    posts = list(shown.order_by("?").values_list("path", flat=True)[:number])
    moments = list(shown.values_list("published_at", flat=True)[:: max(count // number, 1)])
    deepest = shown.values_list("published_at", flat=True)[max(count - 30, 0)]
    page_4000 = shown.values_list("published_at", flat=True)[min(4000 * 20, count - 30)]
    tags = list(Tag.objects.order_by("pk"))
    sections = list(Category.objects.order_by("pk"))
    authors = list(Author.objects.order_by("pk"))
    tokens = [_token(moment, 0) for moment in moments if moment is not None]
    assert deepest is not None
    assert page_4000 is not None
    return {
        "article": [Post(path=path).get_absolute_url() for path in posts],
        "front page": ["/"],
        "older pages of the site, all depths": [f"/?before={token}" for token in tokens],
        "list of a tag": [tag.get_absolute_url() for tag in tags],
        "list of a tag, all depths": [f"{tags[0].get_absolute_url()}?before={token}" for token in tokens],
        "list of a tag, at its end": [f"{tag.get_absolute_url()}?before={_token(deepest, 0)}" for tag in tags],
        "list of a section": [section.get_absolute_url() for section in sections],
        "list of an author": [author.get_absolute_url() for author in authors],
        "older page of the site, number 2": [f"/?before={tokens[1]}"],
        "older page of the site, number 4,000 or the last": [f"/?before={_token(page_4000, 0)}"],
    }


def request_of(address: str, encoding: str = "") -> dict[str, Any]:
    """What a server hands to the application for a GET."""
    parts = urlsplit(address)
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "testserver",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0",
        "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "HTTP_ACCEPT_LANGUAGE": "ja,en;q=0.5",
        "HTTP_ACCEPT_ENCODING": encoding,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def ask(address: str, encoding: str = "") -> tuple[float, bytes]:
    """Milliseconds of the processor for one answer, and its bytes. Raises SystemExit where it is not 200."""
    seen: list[str] = []
    request = request_of(address, encoding)
    start: Callable[..., Any] = lambda status, headers: seen.append(status)  # noqa: E731
    began = time.process_time()
    response = application(request, start)
    content = b"".join(response)
    response.close()
    took = (time.process_time() - began) * 1000
    if not seen[0].startswith("200"):
        raise SystemExit(f"{address} answered {seen[0]}")
    return took, content


def measure(addresses: list[str], requests: int) -> tuple[float, float, float, int, float]:
    """Medians of the first and of later answers in milliseconds, what gzip adds, statements, kilobytes."""
    first = [ask(address) for address in addresses]
    again = [ask(addresses[number % len(addresses)])[0] for number in range(requests)]
    packed = [ask(addresses[number % len(addresses)], "gzip")[0] for number in range(min(requests, 100))]
    with CaptureQueriesContext(connection) as queries:
        ask(addresses[0])
    size = statistics.median(len(content) for _took, content in first) / 1000
    usual = statistics.median(again)
    return statistics.median(took for took, _content in first), usual, statistics.median(packed) - usual, len(queries), size


def profile(addresses: list[str], requests: int) -> None:
    """Prints which functions the time goes to."""
    for address in addresses[:WARM_UP]:
        ask(address)
    profiler = cProfile.Profile()
    profiler.enable()
    for number in range(requests):
        ask(addresses[number % len(addresses)])
    profiler.disable()
    for order in ("cumulative", "tottime"):
        pstats.Stats(profiler).sort_stats(order).print_stats(90)


def main() -> None:
    """Prints the table."""
    random.seed(20261122)
    make_site(OPTIONS.posts)
    pages = pages_of(CENSUS)
    if OPTIONS.profile:
        profile(pages[OPTIONS.profile], OPTIONS.requests)
        return
    # What a process does once, such as reading templates, is no part of a page.
    for addresses in pages.values():
        ask(addresses[-1])
    floor = statistics.median(ask("/healthz")[0] for _number in range(OPTIONS.requests))
    print(f"{Post.objects.count():,} posts, {connection.vendor}, Python {sys.version.split()[0]}, Django {django.__version__}\n")
    print("| page not cached, CPU of an answer | pages | first, ms | again, ms | gzip, ms | queries | kB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for kind, addresses in pages.items():
        first, again, packed, queries, size = measure(addresses, OPTIONS.requests)
        row = f"| {kind} | {len(addresses)} | {first:.2f} | {again:.2f} | +{packed:.2f} | {queries} | {size:.0f} |"
        print(row, flush=True)
    print(f"| an answer without a page (`/healthz`) | 1 | | {floor:.2f} | | 0 | |")


if __name__ == "__main__":
    main()
