"""Which post an address means: exactly, spelled otherwise, or formerly."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from django.db.models import Q
from django.db.models.functions import Substr
from django.utils import timezone

from articles.addresses import MAX_PATH
from articles.models import Post, PostQuerySet, Redirect

#: Files that stand for their folder.
INDEXES = ("index.html", "index.htm", "index.php")
_SUFFIXES = (".html", ".htm")
# No post has these in its address, and PostgreSQL refuses NUL and surrogates even in a question.
_IMPOSSIBLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

#: Columns that no public page prints.
UNSHOWN_FIELDS = ("body", "front_matter", "plain_text", "source_bytes", "extra", "findings", "source_findings")


@dataclass(frozen=True, slots=True)
class Found:
    """``post`` is public. ``is_exact``: it stands at this very address; otherwise the reader is sent to it."""

    post: Post
    is_exact: bool


def shown(posts: PostQuerySet) -> PostQuerySet:
    """With what an article's page prints; ``opening`` is the beginning of its text."""
    return posts.select_related("cover", "series").defer(*UNSHOWN_FIELDS).annotate(opening=Substr("plain_text", 1, 400))


def find_post(path: str) -> Found | None:
    """The public post at ``path`` (decoded, beginning with ``/``) or at another spelling of it; one query."""
    spellings = list(spellings_of(path))
    if not spellings:
        return None
    rows = {post.path: post for post in shown(Post.objects.published().filter(path__in=spellings))}
    post = next((rows[spelling] for spelling in spellings if spelling in rows), None)
    return Found(post, post.path == path) if post else None


def find_redirect(path: str) -> Post | None:
    """The public post that had this address; one query."""
    spellings = list(spellings_of(path))
    redirects = Redirect.objects.filter(old_path__in=spellings).select_related("post").defer("post__body", "post__body_html")
    by_path = {redirect.old_path: redirect.post for redirect in redirects}
    return next((by_path[spelling] for spelling in spellings if spelling in by_path and by_path[spelling].is_public), None)


def is_withdrawn(path: str) -> bool:
    """Whether a post that has or had this address was taken back after readers had seen it; one query."""
    spellings = list(spellings_of(path))
    # By subquery: joined with the redirects, every post would be looked at.
    has_address = Q(path__in=spellings) | Q(pk__in=Redirect.objects.filter(old_path__in=spellings).values("post"))
    # What was withdrawn before its day came was never there for readers, and stays unknown to them.
    was_public = Q(first_published_at__isnull=False) | Q(published_at__lte=timezone.now())
    return Post.objects.filter(has_address, was_public, state=Post.State.WITHDRAWN, trashed_at__isnull=True).exists()


def spellings_of(path: str) -> Iterator[str]:
    """The addresses that ``path`` may mean, best first, each once. Nothing for what no post can have."""
    if len(path) > MAX_PATH or _IMPOSSIBLE.search(path):
        return
    seen = set()
    bases = [
        path,
        unicodedata.normalize("NFC", path),
        unquote(unicodedata.normalize("NFC", path)),
        unicodedata.normalize("NFD", path),
    ]
    for spelling in [*bases, *(variant for base in bases for variant in _variants(base))]:
        if spelling not in seen and spelling.startswith("/") and not _IMPOSSIBLE.search(spelling):
            seen.add(spelling)
            yield spelling


def _variants(path: str) -> Iterator[str]:
    """With and without final slash, index file and suffix, as generators and servers differ about them."""
    stem = path
    folder, _slash, name = path.rpartition("/")
    if name in INDEXES:
        stem = folder
    else:
        for suffix in _SUFFIXES:
            stem = stem.removesuffix(suffix)
    stem = stem.rstrip("/")
    yield stem + "/"
    if stem:
        yield stem
        yield stem + ".html"
    yield stem + "/index.html"
