"""How long the desk's first page and its list of posts take: ``python benchmarks/desk_list.py [--posts 100000] [--runs 20]``.

Asked are the desk's own addresses, in one process, signed in as a publisher: on a fresh SQLite database, or with
``--database postgres://…/NAME`` on a database of PostgreSQL that is empty and may be filled. Time is that of the whole
answer, from request to bytes; the network and the browser come on top.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# Whoever only fills a site has set these already.
if __name__ == "__main__":
    PARSER = argparse.ArgumentParser(description=__doc__)
    PARSER.add_argument("--posts", type=int, default=100_000)
    PARSER.add_argument("--runs", type=int, default=20)
    PARSER.add_argument("--database", default="")
    OPTIONS = PARSER.parse_args()

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")
    # Without DEBUG, which would keep every query in memory; with a folder of its own, so that no real site is touched.
    os.environ.update(
        SECRET_KEY="only-for-this-benchmark-" + "kawaraban" * 5,
        ALLOWED_HOSTS="testserver",
        SITE_URL="http://testserver",
        DATA_DIR=tempfile.mkdtemp(prefix="kawaraban-desk-list-"),
        DATABASE_URL=OPTIONS.database,
        LOG_LEVEL="ERROR",
    )

    django.setup()

from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from articles.models import Author, Category, Post, PostAuthor, PostCategory  # noqa: E402
from articles.references import search_key  # noqa: E402

AT_ONCE = 1000
SUBJECTS = (
    "電力",
    "図書館",
    "住所",
    "議事録",
    "物価",
    "選挙",
    "倉庫",
    "原稿",
    "縮刷版",
    "道具",
    "予約",
    "半導体",
    "円安",
    "公文書",
)
DOINGS = ("を読み直す", "の見通し", "が届くまで", "の作り方", "をめぐる三つの問い", "のいま", "を数える", "と暮らす", "の記録")
TEXT = "原稿は、書いた人の手を離れた瞬間から旅を始める。どこに置くかという問いは、じつは誰が責任を持つかという問いでもある。" * 30
STATES = (*(Post.State.PUBLISHED,) * 17, Post.State.DRAFT, Post.State.IN_REVIEW, Post.State.WITHDRAWN)
FIRST_DAY = datetime(2010, 1, 1, tzinfo=UTC)
# In one post of five thousand: a word that the list has to look for everywhere.
RARE = "瓦斯"
PAGES = {
    "first page": "/admin/",
    "list, page 1": "/admin/articles/post/",
    "list, page 100": "/admin/articles/post/?p=100",
    "drafts": "/admin/articles/post/?state__exact=draft",
    "in review": "/admin/articles/post/?state__exact=in_review",
    "mine": "/admin/articles/post/?mine=1",
    "category": "/admin/articles/post/?category={category}",
    "by-line": "/admin/articles/post/?author={author}",
    "trash": "/admin/articles/post/?trash=1",
    "search, common (電力)": "/admin/articles/post/?q=電力",
    "search, common, page 20": "/admin/articles/post/?q=電力&p=20",
    f"search, rare ({RARE})": f"/admin/articles/post/?q={RARE}",
    "search, none (井戸)": "/admin/articles/post/?q=井戸",
    "search, by-line (経済)": "/admin/articles/post/?q=経済",
    "search, two words": "/admin/articles/post/?q=電力 記録",
    "search among drafts": "/admin/articles/post/?state__exact=draft&q=電力",
}


def make_posts(number: int, owner: User) -> Iterator[Post]:
    """Posts of an ordinary length, spread over years, states and subjects, the same at every run."""
    for place in range(number):
        title = f"{SUBJECTS[place % len(SUBJECTS)]}{DOINGS[place // 3 % len(DOINGS)]}　その{place}"
        if place % 5000 == 17:
            title = f"{RARE}の灯り　その{place}"
        moment = FIRST_DAY + timedelta(hours=place)
        path = f"/{moment:%Y/%m}/{place}/"
        yield Post(
            title=title,
            path=path,
            search_key=search_key(title, path),
            state=STATES[place % len(STATES)],
            published_at=moment,
            modified_at=moment,
            first_published_at=moment,
            trashed_at=moment if place % 997 == 3 else None,
            owner=owner if place % 50 == 7 else None,
            body=TEXT,
            body_html=f"<p>{TEXT}</p>",
            plain_text=TEXT,
        )


def make_site(number: int) -> tuple[Client, dict[str, int]]:
    """A signed-in publisher's browser, and the keys that the addresses name."""
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    person = User.objects.create_user("publisher", password="x", is_staff=True)
    person.groups.add(Group.objects.get(name="publisher"))
    authors = [
        Author.objects.create(name=f"{name}班{place}") for place, name in enumerate(("経済", "くらし", "政策", "校閲") * 10)
    ]
    categories = [Category.objects.create(name=f"欄{place}") for place in range(30)]
    batch: list[Post] = []
    for post in make_posts(number, person):
        batch.append(post)
        if len(batch) == AT_ONCE:
            store(batch, authors, categories)
            batch = []
    store(batch, authors, categories)
    if connection.vendor == "postgresql":
        # As it does by itself within a minute or so; SQLite never does.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    client = Client()
    client.force_login(person)
    return client, {"category": categories[3].pk, "author": authors[5].pk}


def store(posts: list[Post], authors: list[Author], categories: list[Category]) -> None:
    """Writes posts with one by-line and one category each."""
    rows = Post.objects.bulk_create(posts)
    PostAuthor.objects.bulk_create(PostAuthor(post=row, author=authors[row.pk % len(authors)]) for row in rows)
    PostCategory.objects.bulk_create(PostCategory(post=row, category=categories[row.pk % len(categories)]) for row in rows)


def measure(client: Client, address: str, runs: int) -> list[float]:
    """Milliseconds of each answer, sorted; the first, which fills caches, does not count."""
    times = []
    for _run in range(runs + 1):
        started = time.perf_counter()
        answer = client.get(address)
        times.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, (address, answer.status_code)
    return sorted(times[1:])


def main() -> None:
    """Prints the table."""
    client, keys = make_site(OPTIONS.posts)
    print(f"{OPTIONS.posts:,} posts, {connection.vendor}\n")
    print("| page | median | p95 |\n|---|---:|---:|")
    for name, address in PAGES.items():
        times = measure(client, address.format(**keys), OPTIONS.runs)
        worst = times[min(len(times) - 1, int(len(times) * 0.95))]
        print(f"| {name} | {statistics.median(times):.0f} ms | {worst:.0f} ms |", flush=True)


if __name__ == "__main__":
    main()
