"""How long a search takes: ``python benchmarks/search.py [--posts 100000] [--runs 30] [--database postgres://…/NAME]``.

On a fresh SQLite database, or on one of PostgreSQL that is empty and may be filled. ``hits`` is the question to the database
alone: the places of the first page of hits, among what is public; ``page`` is the whole answer of ``/search/``, from request
to bytes. The texts are made here, the same at every run; words are as frequent as in a newspaper, few in most texts.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PARSER = argparse.ArgumentParser(description=__doc__)
PARSER.add_argument("--posts", type=int, default=100_000)
PARSER.add_argument("--runs", type=int, default=30)
PARSER.add_argument("--database", default="")
OPTIONS = PARSER.parse_args()

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")
# Without DEBUG, which would keep every query in memory; with a folder of its own, so that no real site is touched.
os.environ.update(
    SECRET_KEY="only-for-this-benchmark-" + "kawaraban" * 5,
    ALLOWED_HOSTS="testserver",
    SITE_URL="http://testserver",
    DATA_DIR=tempfile.mkdtemp(prefix="kawaraban-search-"),
    DATABASE_URL=OPTIONS.database,
    LOG_LEVEL="ERROR",
)

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from articles.models import Post, Tag, TaggedPost  # noqa: E402
from articles.search import Search, find_hits, index_posts, rank_hits  # noqa: E402
from articles.site_settings import PAGE_SIZE  # noqa: E402

AT_ONCE = 1000
FIRST_DAY = datetime(2014, 1, 1, tzinfo=UTC)
KANJI = (
    "電力図書館住所議事録物価選挙倉庫原稿縮刷版道具予約半導体円安公文書地方議会予算税制年金医療介護教育大学研究技術産業農業漁業林業"
    "鉄道道路空港港湾天気台風地震津波火山避難復興文化芸術音楽映画演劇文学歴史考古世界平和外交防衛経済金融株式市場銀行保険投資貿易"
)
ENDINGS = (
    "の",
    "を",
    "が",
    "に",
    "は",
    "と",
    "で",
    "から",
    "まで",
    "について",
    "した。",
    "している。",
    "という。",
    "、",
    "ことになる。",
)
# Words that stand in a known share of the posts, one in so many.
PLANTED = {"首相": 2, "水害": 10, "検察": 100, "瓦斯": 1_000, "鵺鳥": 20_000}


def make_words(dice: random.Random) -> list[str]:
    """Five thousand words of two and three characters."""
    return ["".join(dice.choices(KANJI, k=dice.choice((2, 2, 2, 3)))) for _word in range(5000)]


def make_posts(number: int) -> Iterator[Post]:
    """Posts of about a thousand characters over twelve years, nineteen of twenty public."""
    dice = random.Random(20261101)
    words = make_words(dice)
    weights = [1 / (place + 5) for place in range(len(words))]
    step = timedelta(days=12 * 365) / number
    for place in range(number):
        moment = FIRST_DAY + step * place
        planted = [word for word, share in PLANTED.items() if place % share == share // 2]
        body = [word + dice.choice(ENDINGS) for word in [*dice.choices(words, weights, k=240), *planted]]
        dice.shuffle(body)
        title = "".join(dice.choices(words, weights, k=3)) + "の記録" + (planted[0] if planted and place % 7 == 0 else "")
        text = "".join(body)
        yield Post(
            title=f"{title}　その{place}",
            path=f"/{moment:%Y/%m}/{place}/",
            state=Post.State.DRAFT if place % 20 == 3 else Post.State.PUBLISHED,
            published_at=moment,
            body=text,
            body_html=f"<p>{text}</p>",
            plain_text=text,
            excerpt=text[:120],
            character_count=len(text),
        )


def make_site(number: int) -> None:
    """Fills the database, and says what the index costs."""
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    tag = Tag.objects.create(name="特集")
    spent, batch = 0.0, []
    for post in make_posts(number):
        batch.append(post)
        if len(batch) == AT_ONCE:
            spent += store(batch, tag)
            batch = []
    spent += store(batch, tag)
    if connection.vendor == "postgresql":
        # As it does by itself within a minute or so; SQLite never does.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    print(f"{number:,} posts, {connection.vendor}; indexing took {spent / number * 1000:.2f} ms per post of this process's CPU\n")


def store(posts: list[Post], tag: Tag) -> float:
    """Writes posts, every fiftieth with a tag; the seconds of CPU that indexing them took."""
    if not posts:
        return 0.0
    rows = Post.objects.bulk_create(posts)
    TaggedPost.objects.bulk_create(TaggedPost(content_object=row, tag=tag) for row in rows if row.pk % 50 == 0)
    started = time.process_time()
    index_posts(rows)
    return time.process_time() - started


def measure(work: Callable[[], object], runs: int) -> tuple[float, float]:
    """Fastest and median in milliseconds; the first run, which fills caches, does not count."""
    times = []
    for _run in range(runs + 1):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return min(times[1:]), statistics.median(times[1:])


def show(name: str, work: Callable[[], object], goal: str = "") -> None:
    """One line of the table."""
    fastest, median = measure(work, OPTIONS.runs)
    print(f"| {name} | {fastest:.1f} ms | {median:.1f} ms | {goal} |", flush=True)


def main() -> None:
    """Prints the table."""
    make_site(OPTIONS.posts)
    planted = {word: share for word, share in PLANTED.items() if share < OPTIONS.posts}
    client = Client()
    print("| search | fastest | median | goal |\n|---|---:|---:|---:|")
    for word, share in planted.items():
        search = Search(Post.objects.published(), [word])
        assert find_hits(search, PAGE_SIZE), f"a false empty: {word}"
        show(f"hits, newest first, {word} (one of {share:,})", lambda search=search: find_hits(search, PAGE_SIZE + 1), "2 ms")
    for word in ("の", "記録", "首相 検察", "首相 -水害", "という。首相", "井戸端会議"):
        words = [part for part in word.split() if not part.startswith("-")]
        excluded = [part[1:] for part in word.split() if part.startswith("-")]
        search = Search(Post.objects.published(), words, excluded)
        show(
            f"hits, newest first, {word}", lambda search=search: find_hits(search, PAGE_SIZE + 1), "2 ms" if len(word) < 3 else ""
        )
    for word, share in planted.items():
        show(
            f"hits, best first, {word} (one of {share:,})",
            lambda word=word: rank_hits(Search(Post.objects.published(), [word])),
            "20 ms",
        )
    for query in ("首相", "検察", "鵺鳥", "井戸端", "首相&order=best", "検察 tag:特集", "tag:特集", "検察 before:2018"):
        show(f"page, {query}", lambda query=query: client.get(f"/search/?q={query}"))


if __name__ == "__main__":
    main()
