"""What smaller copies of pictures save a reader and cost a worker: ``python benchmarks/variants.py [--pictures 12]``.

Makes photographs of 12 million dots (the same at every run), a lead, a list and an article with them, and asks for the pages
in Chromium as a phone and as a screen do: before there are variants, and after. Then says what one picture cost to make,
what a card cost, and how much memory the process took at most. Bytes are those of bodies, as the browser received them.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PARSER = argparse.ArgumentParser(description=__doc__)
PARSER.add_argument("--pictures", type=int, default=12)
OPTIONS = PARSER.parse_args()

DATA = Path(tempfile.mkdtemp(prefix="kawaraban-variants-"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")
# Playwright's loop runs in this thread, which Django takes for an asynchronous caller.
os.environ.update(DEBUG="true", DATA_DIR=str(DATA), LOG_LEVEL="ERROR", DATABASE_URL="", DJANGO_ALLOW_ASYNC_UNSAFE="true")

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402
from photographs import SIZE, make_photograph  # noqa: E402
from playwright.sync_api import Browser, Response, sync_playwright  # noqa: E402

from articles import cards, variants  # noqa: E402
from articles.derive import save_derived  # noqa: E402
from articles.library import add_media, has_derived  # noqa: E402
from articles.models import Category, MediaFile, PictureVariants, Post, PostCard, PostCategory  # noqa: E402
from articles.pictures import names_of  # noqa: E402

SCREENS = {"phone, 390 px, 3 dots per px": (390, 844, 3), "screen, 1280 px, 1 dot per px": (1280, 900, 1)}
SECONDS_TO_START = 60


def make_site() -> Post:
    """The posts, and the one with pictures in its text."""
    call_command("migrate", verbosity=0)
    section = Category.objects.create(name="くらし")
    files = [add_media(make_photograph(number), f"写真{number}.jpg") for number in range(OPTIONS.pictures)]
    posts = []
    for number, media in enumerate(files):
        body = "原稿は、書いた人の手を離れた瞬間から旅を始める。\n\n" * 12
        if number == 0:
            body += "\n\n".join(f"![図]({other.url})\n\n{body}" for other in files[1:4])
        post = Post(title=f"写真で歩く町　その{number}", path=f"/p{number}/", state=Post.State.PUBLISHED, body=body, cover=media)
        post.published_at = timezone.now() - timedelta(hours=number + 1)
        post.save()
        save_derived(post)
        PostCategory.objects.create(post=post, category=section)
        posts.append(post)
    plain = Post.objects.create(
        title="円安が小さな出版社に与えた、見えにくい三つの影響について",
        path="/plain/",
        state=Post.State.PUBLISHED,
        kind=Post.Kind.PAGE,
    )
    save_derived(plain)
    return posts[0]


@contextmanager
def serve() -> Iterator[str]:
    """The site in another process, at the address given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(ROOT / "manage.py"), "runserver", "--noreload", "--skip-checks", f"127.0.0.1:{port}"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def count_bytes(browser: Browser, address: str, screen: tuple[int, int, int]) -> tuple[int, int, int]:
    """Bytes of pictures before scrolling, after scrolling to the end, and of the page itself."""
    width, height, dots = screen
    context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=dots)
    page = context.new_page()
    received: list[Response] = []
    page.on("response", lambda response: received.append(response))
    page.goto(address, wait_until="networkidle")
    first = _sum(received)
    page.evaluate(
        "async () => { for (let y = 0; y < document.body.scrollHeight; y += 300)"
        " { window.scrollTo(0, y); await new Promise(r => setTimeout(r, 60)); } }"
    )
    page.wait_for_load_state("networkidle")
    moved = page.evaluate(
        "() => new Promise(r => new PerformanceObserver((l, o) => { o.disconnect();"
        " r(l.getEntries().reduce((s, e) => s + (e.hadRecentInput ? 0 : e.value), 0)) })"
        ".observe({type: 'layout-shift', buffered: true}) || setTimeout(() => r(0), 300))"
    )
    whole, html = _sum(received), len(received[0].body())
    context.close()
    if moved > 0:
        print(f"FAIL layout shift {moved:.4f} at {address}")
    return first, whole, html


def _sum(received: list[Response]) -> int:
    pictures = {response.url: response for response in received if "/media/" in response.url and response.ok}
    return sum(len(response.body()) for response in pictures.values())


def measure_pages(browser: Browser, post: Post) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Bytes by page and screen."""
    pages = {"front page": "/", "section": "/categories/くらし/", "article with 4 pictures": post.path}
    visits = [(page, path, screen, size) for page, path in pages.items() for screen, size in SCREENS.items()]
    with serve() as site:
        return {(page, screen): count_bytes(browser, site + path, size) for page, path, screen, size in visits}


def make_all() -> list[float]:
    """CPU seconds of each picture, made one by one."""
    seconds = []
    for key in list(variants.find_waiting().values_list("pk", flat=True)):
        before = time.process_time()
        variants.make_variants(key)
        seconds.append(time.process_time() - before)
    return seconds


def main() -> int:
    post = make_site()
    chromium = next(path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name)))
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        before = measure_pages(browser, post)
        seconds = make_all()
        after = measure_pages(browser, post)
        browser.close()
    print(f"{OPTIONS.pictures} photographs of {SIZE[0]} × {SIZE[1]} dots, {_kilobytes(_size_of_originals())} each\n")
    print("| page | as | pictures before, kB | after, kB | share | before scrolling, kB | HTML before, kB | after, kB |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for (page, screen), (_first, whole, html) in before.items():
        first_now, whole_now, html_now = after[page, screen]
        figures = [_kilobytes(whole), _kilobytes(whole_now), f"{whole_now / whole:.1%}", _kilobytes(first_now)]
        print(f"| {page} | {screen} | {' | '.join(figures)} | {html / 1000:.1f} | {html_now / 1000:.1f} |")
    _print_costs(seconds)
    is_small = all(after[key][1] < before[key][1] / 4 for key in before)
    print(f"\n{'ok' if is_small else 'FAIL'} every page sends less than a quarter of the bytes")
    shutil.rmtree(DATA, ignore_errors=True)
    return 0 if is_small else 1


def _print_costs(seconds: list[float]) -> None:
    rows = PictureVariants.objects.select_related("media")
    names = [names_of(row.media.public_name, row.shapes) for row in rows]
    stored = [sum((DATA / "media" / name).stat().st_size for name in files if has_derived(name)) for files in names]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    begun = time.process_time()
    made = cards.make_waiting(everything=True)
    card = (time.process_time() - begun) / max(made, 1)
    print("\n| of one | CPU, s | files | kB |\n|---|---:|---:|---:|")
    print(
        f"| cover (whole and crops) | {statistics.median(seconds):.2f} | {statistics.median(map(len, names)):.0f} |"
        f" {_kilobytes(int(statistics.median(stored)))} |"
    )
    sizes = [(DATA / "media" / name).stat().st_size for name in PostCard.objects.exclude(name="").values_list("name", flat=True)]
    if sizes:
        print(f"| card | {card:.2f} | 1 | {_kilobytes(sizes[0])} |")
    print(f"\npeak of the process: {peak} MiB")


def _size_of_originals() -> int:
    return int(statistics.median(MediaFile.objects.values_list("size", flat=True)))


def _kilobytes(number: int) -> str:
    return f"{number / 1000:,.0f}"


if __name__ == "__main__":
    sys.exit(main())
