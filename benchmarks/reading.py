"""How pages come to a phone: ``python benchmarks/reading.py [--rounds 5]``.

Starts the site as for readers (``DEBUG`` off, files gathered, variants made) and asks for its pages in Chromium as the
phone of Lighthouse: 412 × 823, 1.75 dots per px, a processor slowed four times, 150 ms before each answer, 1.6 Mbit/s,
nothing cached. Prints medians and exits with 1 where a limit is broken:

LCP: when the largest thing on the first screen is there. CLS: how far things move, to the end of the page. TBT: what tasks
between the first paint and the fifth second take beyond 50 ms. INP: from a touch to the next frame, the longest of opening
the outline and touching a link. Bytes are those of bodies, as sent and as read.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("--rounds", type=int, default=5)
OPTIONS = PARSER.parse_args()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


DATA = Path(tempfile.mkdtemp(prefix="kawaraban-reading-"))
PORT = free_port()
SITE = f"http://127.0.0.1:{PORT}"
os.environ.update(
    DJANGO_SETTINGS_MODULE="cms.settings",
    DEBUG="false",
    SECRET_KEY="only-for-this-measurement-" + "kawaraban" * 5,
    ALLOWED_HOSTS="127.0.0.1",
    SITE_URL=SITE,
    SITE_DESCRIPTION="原稿をファイルのまま守る編集部。",
    DATA_DIR=str(DATA),
    DATABASE_URL="",
    REDIS_URL="",
    LOG_LEVEL="ERROR",
    # Playwright's loop runs in this thread, which Django takes for an asynchronous caller.
    DJANGO_ALLOW_ASYNC_UNSAFE="true",
)

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from photographs import make_photograph  # noqa: E402
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright  # noqa: E402

from articles.derive import save_derived  # noqa: E402
from articles.library import add_media  # noqa: E402
from articles.models import MediaFile, Post  # noqa: E402
from tests.factories import LONG_READ, PostFactory, make_newsroom  # noqa: E402

PHONE: dict[str, Any] = {
    "viewport": {"width": 412, "height": 823},
    "device_scale_factor": 1.75,
    "is_mobile": True,
    "has_touch": True,
    "locale": "ja-JP",
}
SLOWER = 4
WAIT_MS = 150
BYTES_PER_SECOND = int(1.6 * 1000 * 1000 / 8)
OBSERVED_MS = 5000
SECONDS_TO_START = 60
PAGES = {
    "front page": "/",
    "article with a cover": "/2026/11/news-0/",
    "long article with tables": "/2026/11/long/",
    "section": "/categories/くらし/",
    "search": "/search/?q=原稿",
    "author": "/authors/瓦版編集部/",
}
ARTICLES = ("article with a cover", "long article with tables")
#: Most that a page may take; bytes as browsers read them.
LIMITS = {"LCP, ms": 1500, "CLS": 0, "TBT, ms": 0, "CSS, B": 14 * 1024, "JS, B": 10 * 1024}
MAX_ARTICLE = 60 * 1024
OBSERVE = """
window.seen = {lcp: 0, fcp: 0, cls: 0, tasks: [], events: [], what: ''};
const watch = (type, take, more) => {
  new PerformanceObserver(list => list.getEntries().forEach(take)).observe({type, buffered: true, ...more});
};
watch('largest-contentful-paint', entry => {
  seen.lcp = entry.startTime; seen.what = entry.element ? entry.element.tagName + '.' + entry.element.className : '';
});
watch('paint', entry => { if (entry.name === 'first-contentful-paint') seen.fcp = entry.startTime; });
watch('layout-shift', entry => { if (!entry.hadRecentInput) seen.cls += entry.value; });
watch('longtask', entry => seen.tasks.push([entry.startTime, entry.duration]));
watch('event', entry => { if (entry.interactionId) seen.events.push(entry.duration); }, {durationThreshold: 16});
"""
_KINDS = {"Document": "HTML", "Stylesheet": "CSS", "Script": "JS", "Image": "pictures"}


@dataclass(slots=True)
class Visit:
    """What one visit measured. ``sent`` and ``read`` are bytes by kind."""

    lcp: float = 0
    cls: float = 0
    tbt: float = 0
    inp: float = 0
    what: str = ""
    sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    read: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def make_site() -> None:
    """A newsroom with photographs, and an article of several screens with tables and code; ready for readers."""
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    lead = make_newsroom()
    for number, drawn in enumerate(MediaFile.objects.order_by("pk")):
        photograph = add_media(make_photograph(number, (2400, 1350)), f"写真{number}.jpg")
        Post.objects.filter(cover=drawn).update(cover=photograph)
    long = PostFactory(
        title="原稿の引っ越し、一年の記録",
        slug="long",
        path=PAGES["long article with tables"],
        published_at=lead.published_at,
        body=LONG_READ.partition("[^1]:")[0].replace("[^1]", "") * 4,
        features=lead.features,
        authors=["瓦版編集部"],
        categories=["技術動向"],
    )
    save_derived(long)
    with (DATA / "log").open("w", encoding="utf-8") as log:
        call_command("make_variants", stdout=log)
        call_command("relate_posts", stdout=log)


@contextmanager
def serve() -> Iterator[None]:
    """The server as docs/operations.md starts it."""
    granian = Path(sys.executable).with_name("granian")
    options = ["--interface", "wsgi", "--no-ws", "--workers", "2", "--blocking-threads", "4", "--log-level", "error"]
    command = [str(granian), *options, "--port", str(PORT), "cms.wsgi:application"]
    server = subprocess.Popen(command, cwd=ROOT, env=os.environ)
    try:
        end = time.monotonic() + SECONDS_TO_START
        while not _answers():
            if time.monotonic() > end or server.poll() is not None:
                raise SystemExit("the server did not answer")
            time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait(20)


def _answers() -> bool:
    connection = HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def visit(browser: Browser, path: str) -> Visit:
    """One visit with an empty cache, to the end of the page, with a touch or two."""
    context = browser.new_context(**PHONE)
    page = context.new_page()
    session = context.new_cdp_session(page)
    found = Visit()
    _count_bytes(session, found)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    network = {"offline": False, "latency": WAIT_MS, "downloadThroughput": BYTES_PER_SECOND, "uploadThroughput": BYTES_PER_SECOND}
    session.send("Network.emulateNetworkConditions", network)
    page.add_init_script(OBSERVE)
    page.goto(SITE + path, wait_until="load")
    page.wait_for_timeout(OBSERVED_MS)
    seen = page.evaluate("seen")
    found.lcp, found.what = seen["lcp"], seen["what"]
    found.tbt = sum(
        max(0, duration - 50) for start, duration in seen["tasks"] if start + duration > seen["fcp"] and start < OBSERVED_MS
    )
    _scroll_through(page)
    found.cls = page.evaluate("seen.cls")
    found.inp = _touch(page)
    context.close()
    return found


def _count_bytes(session: CDPSession, found: Visit) -> None:
    kinds: dict[str, str] = {}

    def begin(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = _KINDS.get(event["type"], "other")

    def read(event: dict[str, Any]) -> None:
        found.read[kinds.get(event["requestId"], "other")] += event["dataLength"]

    def end(event: dict[str, Any]) -> None:
        found.sent[kinds.get(event["requestId"], "other")] += int(event["encodedDataLength"])

    session.on("Network.responseReceived", begin)
    session.on("Network.dataReceived", read)
    session.on("Network.loadingFinished", end)
    session.send("Network.enable")


def _scroll_through(page: Page) -> None:
    height = page.evaluate("document.documentElement.scrollHeight")
    for top in range(0, height, 600):
        page.evaluate("top => window.scrollTo({top, behavior: 'instant'})", top)
        page.wait_for_timeout(120)
    page.wait_for_load_state("networkidle")
    page.evaluate("window.scrollTo({top: 0, behavior: 'instant'})")
    page.wait_for_timeout(200)


def _touch(page: Page) -> float:
    """The longest wait of opening the outline and touching what is in it; elsewhere of touching a link, which is held."""
    page.evaluate("seen.events.length = 0")
    if page.locator(".outline summary").count():
        page.locator(".outline summary").tap()
        page.wait_for_timeout(600)
        page.locator(".outline li a").first.tap()
    else:
        page.evaluate("document.addEventListener('click', event => event.preventDefault())")
        page.locator("main a:visible").first.tap()
    page.wait_for_timeout(800)
    return float(max(page.evaluate("seen.events"), default=0))


def median_of(visits: list[Visit], read: Any) -> float:
    return statistics.median(read(each) for each in visits)


def summarise(visits: list[Visit]) -> dict[str, float]:
    """The medians of a page's visits, by the names of the columns."""
    figures: dict[str, float] = {
        "LCP, ms": median_of(visits, lambda each: each.lcp),
        "CLS": median_of(visits, lambda each: round(each.cls, 4)),
        "TBT, ms": median_of(visits, lambda each: each.tbt),
        "INP, ms": median_of(visits, lambda each: each.inp),
    }
    for kind in ("HTML", "CSS", "JS", "pictures"):
        figures[f"{kind}, B"] = median_of(visits, lambda each, kind=kind: each.read[kind])
        figures[f"{kind} sent, B"] = median_of(visits, lambda each, kind=kind: each.sent[kind])
    return figures


def find_broken(name: str, figures: dict[str, float]) -> list[str]:
    """Which limits a page breaks, as sentences."""
    broken = [f"{name}: {key} {figures[key]:g}, at most {limit}" for key, limit in LIMITS.items() if figures[key] > limit]
    whole = figures["HTML, B"] + figures["CSS, B"] + figures["JS, B"]
    if name in ARTICLES and whole > MAX_ARTICLE:
        broken.append(f"{name}: {whole:.0f} B without pictures, at most {MAX_ARTICLE}")
    return broken


def print_table(results: dict[str, tuple[dict[str, float], str]]) -> None:
    print("| page | LCP, ms | CLS | TBT, ms | INP, ms | HTML, kB sent (read) | CSS | JS | pictures | largest |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---|")
    for name, (figures, what) in results.items():
        times = [f"{figures['LCP, ms']:.0f}", f"{figures['CLS']:g}", f"{figures['TBT, ms']:.0f}", f"{figures['INP, ms']:.0f}"]
        kinds = ("HTML", "CSS", "JS", "pictures")
        sizes = [f"{figures[f'{kind} sent, B'] / 1000:.1f} ({figures[f'{kind}, B'] / 1000:.1f})" for kind in kinds]
        print(f"| {name} | {' | '.join([*times, *sizes])} | `{what}` |")


def main() -> int:
    make_site()
    chromium = next(path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name)))
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    results: dict[str, tuple[dict[str, float], str]] = {}
    with serve(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        for path in PAGES.values():
            # The first answer of a worker reads its templates, which a site does once a day.
            for _worker in range(4):
                browser.new_context().new_page().goto(SITE + path)
        for context in browser.contexts:
            context.close()
        for name, path in PAGES.items():
            visits = [visit(browser, path) for _round in range(OPTIONS.rounds)]
            results[name] = summarise(visits), visits[-1].what
        browser.close()
    print_table(results)
    broken = [sentence for name, (figures, _what) in results.items() for sentence in find_broken(name, figures)]
    print(f"\nmedian of {OPTIONS.rounds}; sent includes headers")
    for sentence in broken:
        print(f"\nFAIL {sentence}")
    if not broken:
        print("\nok every limit holds")
    shutil.rmtree(DATA, ignore_errors=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
