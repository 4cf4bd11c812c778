"""What readers take of a server: hot, uncached and through nginx, beside nginx, Hugo's files and Wagtail, in one run.

    python benchmarks/readers.py [--rows 10000] [--posts 100000] [--rounds 3] [--seconds 5] [--cache DIR] [--alone] [--quick]

All have the same ``--rows`` Japanese texts (median 8.5 kB), two workers and 16 connections of wrk, which take gzip and send
no cookie. They run at once and are asked in turn, for ``--seconds`` each, every other round in reverse; figures are medians.
Every answer must be the page: its text is looked at before and after, its bytes meanwhile. Before it is measured, this
product must keep the rules of HTTP, hot and uncached alike: HEAD, entity tags, gzip, no cookie. "not modified" is asked with
``If-None-Match``. Articles are twenty different ones, asked in turn.

- Hugo's files are served by nginx with gzip_static: the limit. So are this product's pages that publish_static wrote.
- nginx proxy_cache keeps this product's pages for an hour without asking: what a cache in front can do. "through nginx" is
  deploy/nginx.conf, on other ports and folders.
- This product runs as docs/operations.md starts it, with its page cache (``PAGE_CACHE=on``) and without, in one process tree
  each, on SQLite; without it once more with ``--posts`` posts.
- Wagtail runs under gunicorn with threads; an article prints its stored HTML, a list has twenty, written as its tutorial
  does, or with the fewest queries ("tuned"). Once with wagtail-cache in the memory of each process, whose answers are not
  compressed, once without. Django's "hello" runs under both servers.

CPU is that of the whole tree of processes. "First" are pages that this product had not made before, with its page cache on.
Memory is PSS of each server alone, with nothing else running, once each worker has answered. At the end somebody publishes, and
500 clients ask at once: workers with a memory each, and workers that share the Redis at ``--redis``, where one answers.
With ``--cache`` what takes long to make stays in DIR, for repeated runs of the same code; ``--alone`` leaves Wagtail out, and
so the network. Exits with 1 where a goal is missed. Needs wrk, nginx and hugo, from Debian.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import redis

sys.path.insert(0, str(Path(__file__).resolve().parent))
from beside_generators import PRODUCTION, PROJECT
from corpus import TAGS, add_theme, write_site
from desk_beside_wagtail import fingerprint, install_wagtail, keep, make_texts, run_manage
from readers_goals import (
    CACHED,
    COLD,
    HELLO,
    HOT,
    HUGO,
    KEEPING,
    MANY,
    NGINX,
    PROXY,
    UNCACHED,
    WRITTEN,
    Results,
    print_tables,
)
from serving import (
    ASKED,
    Page,
    Server,
    check_page,
    load,
    measure_first,
    read_memory,
    run_granian,
    run_gunicorn,
    run_nginx,
    run_site,
    warm,
)
from wagtail_site import make_project
from watching import connect_workers, crowd, watch_publish

ARTICLES = 20
PAGE_SIZE = 20
DEEP = 4000
RELATED = 8
TAG = "経済"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HELLO_PROJECT = """from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

# The middleware of startproject, and the apps that it needs.
settings.configure(
    INSTALLED_APPS=[f"django.contrib.{name}" for name in ("auth", "contenttypes", "sessions", "messages")],
    SECRET_KEY="only-for-this-benchmark-0123456789-abcdefghij",
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
)
urlpatterns = [path("", lambda request: HttpResponse("hello"))]
application = get_wsgi_application()
"""
FILES = """server {
    listen 127.0.0.1:{port};
    root ROOT;
    index index.html;
    gzip_static on;
    gzip_vary on;
}"""
# A page varies by Accept-Encoding, which nginx keeps apart by itself.
PROXY_CACHE = """upstream site { server 127.0.0.1:ORIGIN; keepalive 16; }
proxy_cache_path {work}/cache keys_zone=pages:10m max_size=1g;
server {
    listen 127.0.0.1:{port};
    location / {
        proxy_pass http://site;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_cache pages;
        proxy_cache_key $host$request_uri;
        proxy_cache_valid 200 1h;
        proxy_cache_lock on;
        proxy_ignore_headers Cache-Control Expires X-Accel-Expires;
    }
}"""
DEPLOYED = PROJECT / "deploy/nginx.conf"
PUBLISH = PROJECT / "articles/management/commands/publish_static.py"
# The tables that publish_static writes for nginx.
AS_FILES = """include STATE/nginx-http.conf;
server {
    listen 127.0.0.1:{port};
    include STATE/nginx-server.conf;
}"""


# --- What is asked of whom ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Texts:
    """The posts of one corpus: their files' names without the ending, oldest first."""

    folder: Path
    names: list[str]
    articles: int = ARTICLES

    def choose(self, count: int) -> list[int]:
        """Numbers of ``count`` posts, spread over all, none of them the newest or beside it."""
        step = max(1, (len(self.names) - 5) // count)
        return list(range(0, step * count, step))

    def article_pages(self, form: str) -> Page:
        chosen = self.choose(self.articles)
        paths = (form.format(name=self.names[number], number=number) for number in chosen)
        return Page(tuple(paths), tuple(f"第{number}号" for number in chosen))

    def path(self, number: int) -> str:
        return f"/posts/{self.names[number]}/"


def as_list(path: str) -> Page:
    return Page((path,), links=PAGE_SIZE)


def tag_path(tag: str = TAG) -> str:
    return f"/tags/{quote(tag)}/"


def name_page(data: Path, number: int) -> str:
    """The query of page ``number`` of all posts, from where the one before it ends: an instant, and how many posts have it."""
    query = "SELECT published_at FROM articles_post WHERE state = 'published' ORDER BY published_at DESC, id DESC LIMIT ?"
    with sqlite3.connect(data / "db.sqlite3") as database:
        rows = [row[0] for row in database.execute(query, [(number - 1) * PAGE_SIZE])]
    moment = datetime.fromisoformat(rows[-1]).replace(tzinfo=UTC)
    return f"?before={(moment - EPOCH) // timedelta(microseconds=1)}-{rows.count(rows[-1])}"


@dataclass(frozen=True)
class Target:
    server: Server
    pages: dict[str, Page]


# --- What has to be there first -------------------------------------------------------------------------------------


def as_site(data: Path, *, caches: bool) -> dict[str, str]:
    """The environment of this product, for a server of its own."""
    nothing = {"DATABASE_URL": "", "REDIS_URL": "", "EMAIL_URL": "dummymail://"}
    return PRODUCTION | nothing | {"DATA_DIR": str(data), "PAGE_CACHE": "on" if caches else "off"}


def fill_site(data: Path, site: Path, *, by_lot: bool = False) -> None:
    """As after an import and what the worker does of it by and by.

    ``by_lot``: which posts belong together is drawn, which asks the same of a page and takes seconds, not a quarter of an hour.
    """
    run_manage(data, "migrate", "-v0")
    run_manage(data, "import_posts", str(site))
    if by_lot:
        draw_related(data)
    else:
        run_manage(data, "relate_posts")
    run_manage(data, "collectstatic", "--no-input", "-v0")


def draw_related(data: Path) -> None:
    source = random.Random(20261122)
    with closing(sqlite3.connect(data / "db.sqlite3")) as database, database:
        keys = [key for (key,) in database.execute("SELECT id FROM articles_post ORDER BY id")]
        rows = (
            (key, other, place) for key in keys for place, other in enumerate(source.sample(keys, RELATED), 1) if other != key
        )
        database.executemany("INSERT INTO articles_relatedpost (post_id, other_id, position) VALUES (?, ?, ?)", rows)


def build_files(folder: Path, site: Path) -> None:
    """What Hugo makes of the posts with lists of twenty, terms and neighbours."""
    with tempfile.TemporaryDirectory() as work:
        themed = Path(work) / "site"
        shutil.copytree(site, themed)
        add_theme(themed)
        subprocess.run(["hugo", "--quiet", "-d", str(folder)], cwd=themed, check=True)


def pack_files(folder: Path, page: Page) -> None:
    """The compressed copies that gzip_static serves, of the pages that are measured."""
    for path in page.paths:
        file = folder / path.strip("/") / "index.html" if "%" not in path else folder / "tags" / TAG / "index.html"
        subprocess.run(["gzip", "-k", "-f", "-6", str(file)], check=True)


def name_texts(site: Path, articles: int) -> Texts:
    return Texts(site, sorted(path.stem for path in (site / "content/posts").glob("*-post-*.md")), articles)


def make_targets(options: argparse.Namespace, work: Path) -> tuple[dict[str, Target], Texts, Path]:
    """Everything that is measured, not started yet; the texts; and the folder of the site that is hot."""
    cache = options.cache or work / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    here = Path(__file__).resolve().parent
    own = fingerprint(PROJECT / "articles", here / "corpus.py", here / "desk_beside_wagtail.py")
    make_texts(work / "texts", options.rows)
    texts = name_texts(work / "texts/site", options.articles)
    targets: dict[str, Target] = {}
    files = keep(cache, f"files-{options.rows}-{own}", lambda folder: build_files(folder, texts.folder))
    filled = keep(cache, f"readers-{options.rows}-{own}", lambda data: fill_site(data, texts.folder))
    articles, tags = texts.article_pages("/posts/{name}/"), as_list(tag_path())
    for page in (articles, tags):
        pack_files(files, page)
    of_files = run_nginx(HUGO, work, FILES.replace("ROOT", str(files)))
    targets[HUGO] = Target(of_files, {"article": articles, "list": tags})
    data = {}
    for name in (HOT, COLD):
        # A copy each, so that every run begins with the same rows.
        data[name] = Path(shutil.copytree(filled, work / f"data-{len(data)}"))
        server = run_site(name, as_site(data[name], caches=name == HOT))
        targets[name] = Target(server, {"article": articles, "front page": as_list("/"), "list": tags})
    if PUBLISH.exists():
        add_files(targets, data[HOT], work)
    if options.posts:
        add_many(targets, options, work, cache, own)
    add_hello(targets, "granian", run_granian(HELLO.format("granian"), "hello:application", write_hello(work), {}))
    if not options.alone:
        python = keep(cache, "peers", install_wagtail) / "bin/python"
        name = f"wagtail-{options.rows}-{fingerprint(here / 'corpus.py', here / 'wagtail_site.py')}"
        made = keep(cache, name, lambda folder: make_project(python, folder, work / "texts/texts.jsonl"))
        project = Path(shutil.copytree(made, work / "wagtail"))
        pages = {"article": texts.article_pages("/posts/post-{number:06}/"), "list": as_list("/posts/")}
        tuned = {"tuned list": as_list("/posts/?tuned=1")}
        for name, settings, more in ((CACHED, "peer.settings.cached", {}), (UNCACHED, "peer.settings.readers", tuned)):
            targets[name] = Target(run_gunicorn(name, python, "peer.wsgi:application", project, settings), pages | more)
        add_hello(targets, "gunicorn", run_gunicorn(HELLO.format("gunicorn"), python, "hello:application", work / "hello", ""))
    return targets, texts, data[HOT]


def add_files(targets: dict[str, Target], data: Path, work: Path) -> None:
    """The pages that are measured as ``publish_static`` writes them."""
    pages = {page: targets[HOT].pages[page] for page in ("article", "list")}
    state = work / "published"
    words = ["publish_static", str(work / "public"), "--state", str(state)]
    for page in pages.values():
        words += [word for path in page.paths for word in ("--address", unquote(path))]
    run_manage(data, *words)
    targets[WRITTEN] = Target(run_nginx(WRITTEN, work, AS_FILES.replace("STATE", str(state))), pages)


def write_hello(work: Path) -> Path:
    folder = work / "hello"
    folder.mkdir()
    (folder / "hello.py").write_text(HELLO_PROJECT)
    return folder


def write_proxies(port: int, data: Path) -> dict[str, str]:
    """What stands in front of the server on ``port``, by its name: configurations of nginx."""
    proxies = {PROXY: PROXY_CACHE.replace("ORIGIN", str(port))}
    if DEPLOYED.exists():
        text = DEPLOYED.read_text(encoding="utf-8")
        for here, there in (
            ("listen 80 default_server;", "listen 127.0.0.1:{port};"),
            ("listen [::]:80 default_server;", ""),
            ("unix:/run/kawaraban/web.sock", f"127.0.0.1:{port}"),
            ("/var/cache/nginx/kawaraban", "{work}/cache"),
            ("/var/lib/kawaraban", str(data)),
        ):
            if here not in text:
                raise SystemExit(f"{DEPLOYED.name} says no more: {here}")
            text = text.replace(here, there)
        proxies[NGINX] = text
    return proxies


def add_hello(targets: dict[str, Target], name: str, server: Server) -> None:
    targets[HELLO.format(name)] = Target(server, {"hello": Page(("/",), ("hello",))})


def add_many(targets: dict[str, Target], options: argparse.Namespace, work: Path, cache: Path, own: str) -> None:
    """The product with very many posts: what it has of pages that the other has, and pages far back."""
    write_site(work / "many", options.posts, "hugo")
    texts = name_texts(work / "many", options.articles)
    filled = keep(cache, f"readers-{options.posts}-{own}", lambda data: fill_site(data, texts.folder, by_lot=True))
    data = Path(shutil.copytree(filled, work / "data-many"))
    name = MANY.format(posts=options.posts)
    server = run_site(name, as_site(data, caches=False))
    pages = {"article": texts.article_pages("/posts/{name}/"), "front page": as_list("/"), "list": as_list(tag_path())}
    for number in (2, min(DEEP, len(texts.names) // PAGE_SIZE)):
        pages[f"page {number:,} of all"] = as_list("/" + name_page(data, number))
    targets[name] = Target(server, pages)


# --- The rules of HTTP ----------------------------------------------------------------------------------------------


def check_rules(server: Server, path: str) -> None:
    """HEAD, entity tags, gzip and cookies as they have to be. Raises SystemExit with the first that is not."""
    packed = server.ask(path)
    plain = server.ask(path, {"Host": "localhost"})
    tag = packed.headers.get("etag", "")
    strong = tag.removeprefix("W/")
    host = {"Host": "localhost"}

    def hold(holds: bool, rule: str) -> None:
        if not holds:
            raise SystemExit(f"{server.name}: {path}: {rule}")

    hold(packed.headers.get("content-encoding") == "gzip" and tag.startswith('W/"'), "no gzip, or not with a weak tag")
    hold("content-encoding" not in plain.headers, "gzip for a browser that does not take it")
    hold(packed.html == plain.body.decode(), "gzip has another text")
    hold(plain.headers.get("etag") == strong != "", "another entity tag without gzip")
    refused = server.ask(path, host | {"Accept-Encoding": "gzip;q=0, identity"})
    hold(refused.body == plain.body, "gzip for a browser that refuses it")
    for answer in (packed, plain):
        hold("accept-encoding" in answer.headers.get("vary", "").lower(), "no Vary: Accept-Encoding")
        hold("set-cookie" not in answer.headers and "cookie" not in answer.headers.get("vary", "").lower(), "a cookie")
        hold(bool(answer.headers.get("cache-control")) and bool(answer.headers.get("content-security-policy")), "no policy")
    for headers, answer in ((ASKED, packed), (host, plain)):
        head = server.ask(path, headers, "HEAD")
        hold(head.status == 200 and not head.body, "HEAD has a body, or another status")
        same = ("etag", "content-type", "content-encoding", "content-length", "vary", "cache-control")
        hold(all(head.headers.get(name) == answer.headers.get(name) for name in same), "HEAD has other headers than GET")
        for known in (tag, strong, f'"other", {tag}', "*"):
            unchanged = server.ask(path, headers | {"If-None-Match": known})
            hold(unchanged.status == 304 and not unchanged.body, f"If-None-Match: {known} answered {unchanged.status}")
            hold(unchanged.headers.get("etag", "").removeprefix("W/") == strong, "304 with another entity tag")
        hold(server.ask(path, headers | {"If-None-Match": '"other"'}).body == answer.body, "another tag, but no page")
        hold(server.ask(path, headers | {"Cookie": "sessionid=a; theme=b"}).body == answer.body, "a cookie changes the page")
    hold(server.ask(path, host, "POST").status == 405, "POST is not refused with 405")


def ask_unchanged(target: Target) -> None:
    """Adds one article, asked whether it has changed."""
    path = target.pages["article"].paths[0]
    target.pages["article, not modified"] = Page((path,), etag=target.server.ask(path).headers["etag"])


# --- The run --------------------------------------------------------------------------------------------------------


def measure_memory(targets: dict[str, Target], results: Results) -> None:
    """Each server alone, once both workers have answered."""
    for name in (HOT, COLD, CACHED, UNCACHED):
        if name not in targets:
            continue
        server, pages = targets[name].server, targets[name].pages
        with server.running(pages["article"].paths[0]):
            for page in pages.values():
                for _time in range(10):
                    check_page(server, replace(page, paths=page.paths[:1]))
            time.sleep(1)
            results.memory[name] = read_memory(server)


def measure_firsts(hot: Server, texts: Texts, data: Path, results: Results) -> None:
    """Pages that nobody has asked for yet, in workers that have made others of their kind."""
    count = min(300, len(texts.names) // 4)
    fresh = [number + 1 for number in texts.choose(count)]
    lists = [tag_path() + name_page(data, page) for page in range(2, min(100, len(texts.names) // PAGE_SIZE - 1))]
    for number in fresh[:16]:
        hot.ask(texts.path(number))
    for tag in TAGS:
        hot.ask(tag_path(tag))
    results.first["article"] = measure_first(hot, [texts.path(number) for number in fresh[16:]])
    results.first["list"] = measure_first(hot, lists)


def take_rounds(targets: dict[str, Target], options: argparse.Namespace, work: Path, results: Results) -> None:
    asked = [(name, page) for name, target in targets.items() for page in target.pages]
    for number in range(options.rounds):
        for name, page in asked[:: -1 if number % 2 else 1]:
            target = targets[name]
            if not number:
                warm(target.server, target.pages[page], keeps=name in KEEPING)
            figures = load(target.server, target.pages[page], options.seconds, options.times, work)
            results.rounds[name, page].append(figures)


def measure_publish(hot: Server, environment: dict[str, str], texts: Texts, results: Results) -> None:
    """The newest post gets another title, twice: it stands on the front page, and below the tags that it has."""
    newest = len(texts.names) - 1
    text = (texts.folder / f"content/posts/{texts.names[newest]}.md").read_text(encoding="utf-8")
    # Of its line of tags: there are sections of the same names. An address may lead on to another spelling.
    named = next(line for line in text.splitlines() if line.startswith("tags:"))
    tags = [tag for tag in TAGS if f'"{tag}"' in named and hot.ask(tag_path(tag)).status == 200]
    post = texts.path(newest)
    pages = {"the article": post, "the front page": "/", "a list": tag_path(tags[0])}
    others = [tag_path(tag) for tag in TAGS if tag != tags[0]]
    others += [texts.path(newest - 1), *(texts.path(number) for number in texts.choose(ARTICLES))]
    results.published = watch_publish(hot, environment, post, pages, others)
    results.crowds["two workers with a memory each"] = crowd(hot, environment, post, post)


def measure_sharing(address: str, data: Path, texts: Texts, results: Results) -> None:
    """What a crowd gets of two workers that share what they made in the Redis at ``address``; nothing where none answers."""
    try:
        redis.from_url(address).ping()
    except redis.RedisError as error:
        print(f"without Redis: {error}", file=sys.stderr)
        return
    environment = as_site(data, caches=True) | {"REDIS_URL": address, "CACHE_PREFIX": f"readers-{os.getpid()}"}
    post = texts.path(len(texts.names) - 1)
    with run_site("this product with Redis", environment).running(post) as server:
        # A worker that was never asked begins to follow changes at its first request.
        for connection in connect_workers(server, post).values():
            connection.close()
        results.crowds["two workers that share Redis"] = crowd(server, environment, post, post)


def run(options: argparse.Namespace, work: Path) -> Results:
    results = Results()
    targets, texts, data = make_targets(options, work)
    measure_memory(targets, results)
    with ExitStack() as stack:
        for target in targets.values():
            stack.enter_context(target.server.running(next(iter(target.pages.values())).paths[0]))
        hot = targets[HOT].server
        for name, before in write_proxies(hot.port, data).items():
            server = stack.enter_context(run_nginx(name, work, before).running("/"))
            targets[name] = Target(server, {page: targets[HOT].pages[page] for page in ("article", "list")})
        measure_firsts(hot, texts, data, results)
        for name in (HOT, COLD):
            for page in targets[name].pages.values():
                check_rules(targets[name].server, page.paths[0])
        for name in (HUGO, HOT, COLD):
            ask_unchanged(targets[name])
        take_rounds(targets, options, work, results)
        measure_publish(hot, as_site(data, caches=True), texts, results)
    measure_sharing(options.redis, data, texts, results)
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000, help="texts that all have")
    parser.add_argument("--posts", type=int, default=100_000, help="posts of one more server; 0 leaves it out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of load for each page in each round")
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/9", help="what two workers share for the last figure")
    parser.add_argument("--cache", type=Path, help="where what was made stays")
    parser.add_argument("--alone", action="store_true", help="without Wagtail, and so without the network")
    parser.add_argument("--quick", action="store_true", help="few posts, one second, one round: whether it runs, no figures")
    options = parser.parse_args()
    options.times, options.articles = 10, ARTICLES
    if options.quick:
        options.rows, options.posts, options.rounds, options.seconds, options.times, options.articles = 120, 200, 1, 1, 1, 2
    if missing := [name for name in ("wrk", "nginx", "hugo") if shutil.which(name) is None]:
        raise SystemExit(f"not installed: {', '.join(missing)} (apt install {' '.join(missing)})")
    # So that the servers end with a command that is ended.
    signal.signal(signal.SIGTERM, lambda *_arguments: sys.exit(1))
    with tempfile.TemporaryDirectory() as folder:
        results = run(options, Path(folder))
    return 0 if print_tables(options, results) or options.quick else 1


if __name__ == "__main__":
    sys.exit(main())
