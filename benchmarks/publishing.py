"""What the site as files costs: ``python benchmarks/publishing.py [--posts 1000]``.

Makes posts with tags, sections and by-lines in a database of its own, then publishes: all of it, again with nothing changed,
again asking for every page, after one changed title, after a new post, and one address by itself. Says for each the seconds,
the files written and removed, and at the end how much memory the process took at most. Production settings, SQLite.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PARSER = argparse.ArgumentParser(description=__doc__)
PARSER.add_argument("--posts", type=int, default=1000)
OPTIONS = PARSER.parse_args()

DATA = Path(tempfile.mkdtemp(prefix="kawaraban-publishing-"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")
os.environ.update(DEBUG="false", SECRET_KEY="only-for-measuring-" + "kawaraban" * 5, ALLOWED_HOSTS="localhost")
os.environ.update(DATA_DIR=str(DATA), LOG_LEVEL="ERROR", DATABASE_URL="", SITE_URL="http://localhost")

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from articles.models import Author, Category, Post, PostAuthor, PostCategory, Tag, TaggedPost  # noqa: E402
from articles.site.publishing import publish  # noqa: E402

PARAGRAPH = "原稿は、書いた人の手を離れた瞬間から旅を始める。どこに置くかという問いは、誰が責任を持つかという問いでもある。"
TERMS = 20
AT_ONCE = 2000


def make_site(count: int) -> None:
    """The rows of ``count`` posts, as an import would leave them; four an hour."""
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    sections = [Category.objects.create(name=f"欄{number}") for number in range(TERMS)]
    tags = [Tag.objects.create(name=f"タグ{number}") for number in range(TERMS)]
    authors = [Author.objects.create(name=f"班{number}") for number in range(TERMS)]
    text, html = "\n\n".join([PARAGRAPH] * 12), f"<p>{PARAGRAPH}</p>\n" * 12
    now = timezone.now()
    for start in range(0, count, AT_ONCE):
        posts = [
            make_post(number, now - timedelta(minutes=15 * number + 1), text, html)
            for number in range(start, min(start + AT_ONCE, count))
        ]
        made = Post.objects.bulk_create(posts)
        rows = list(enumerate(made, start))
        PostCategory.objects.bulk_create(PostCategory(post=post, category=sections[n % TERMS], position=0) for n, post in rows)
        PostAuthor.objects.bulk_create(PostAuthor(post=post, author=authors[n % TERMS], position=0) for n, post in rows)
        TaggedPost.objects.bulk_create(TaggedPost(content_object=post, tag=tags[n // 3 % TERMS]) for n, post in rows)


def make_post(number: int, moment: object, text: str, html: str) -> Post:
    """One public post, not saved."""
    return Post(
        title=f"記事はどこに住むのか　その{number}",
        slug=f"a{number}",
        path=f"/2026/a{number}/",
        state=Post.State.PUBLISHED,
        published_at=moment,
        body=text,
        body_html=html,
        plain_text=text,
        excerpt=PARAGRAPH,
        character_count=len(text),
    )


def main() -> None:
    folder = DATA / "www" / "site"
    try:
        make_site(OPTIONS.posts)
        print(f"{OPTIONS.posts} posts\n\n| run | seconds | written | unchanged | removed |\n|---|---:|---:|---:|---:|")
        measure("the whole site", folder)
        measure("nothing changed", folder)
        measure("nothing changed, every page asked (`--all`)", folder, everything=True)
        Post.objects.filter(slug=f"a{OPTIONS.posts // 2}").update(title="新しい題名")
        measure("one title changed", folder)
        make_post(OPTIONS.posts, timezone.now() - timedelta(seconds=1), PARAGRAPH, f"<p>{PARAGRAPH}</p>").save()
        measure("one new post", folder)
        Post.objects.filter(slug="a1").update(title="もう一つの題名")
        measure("one address by itself", folder, only=["/2026/a1/"])
        print(f"\nMemory at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")
    finally:
        shutil.rmtree(DATA, ignore_errors=True)


def measure(name: str, folder: Path, *, everything: bool = False, only: list[str] | None = None) -> None:
    """One run, as a row of the table."""
    began = time.perf_counter()
    report = publish(folder, everything=everything, only=only)
    seconds = time.perf_counter() - began
    print(f"| {name} | {seconds:.1f} | {report.written} | {report.unchanged} | {report.removed} |", flush=True)
    assert report.refused == [], report.refused[:3]


if __name__ == "__main__":
    main()
