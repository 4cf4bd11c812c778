"""Which post an address means: exactly, spelled otherwise, or formerly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Value
from django.db.models.functions import Substr
from django.utils import timezone

from articles.addresses import spellings_of
from articles.models import Post, PostQuerySet, Redirect
from articles.models.post import BOOKKEEPING_FIELDS
from articles.statements import fetch

#: Columns that no public page prints.
UNSHOWN_FIELDS = (
    *("body", "front_matter", "plain_text", "source_bytes", "extra", "findings"),
    # Which file a page came from says whether it stands above a list.
    *(name for name in BOOKKEEPING_FIELDS if name not in ("source_path", "source_permalink")),
)


@dataclass(frozen=True, slots=True)
class Found:
    """``post`` is public. ``is_exact``: it stands at this very address; otherwise the reader is sent to it.

    ``is_same_page``: only the final slash or the index file differ, so that no former address of another post may come between.
    ``rank`` says how far the spelling under which it was found is from what was asked for; 0 is the nearest.
    """

    post: Post
    is_exact: bool
    is_same_page: bool = False
    rank: int = 0


def shown(posts: PostQuerySet) -> PostQuerySet:
    """With what an article's page prints; ``opening`` is the beginning of its text."""
    return (
        posts.select_related("cover__variants", "series", "card")
        .defer(*UNSHOWN_FIELDS)
        .annotate(opening=Substr("plain_text", 1, 400))
    )


def posts_at(now: datetime, paths: list[str]) -> PostQuerySet:
    """The public posts at ``paths``, with what their pages print."""
    return shown(Post.objects.published(now).filter(path__in=paths))


def find_post(path: str) -> Found | None:
    """The public post at ``path`` (decoded, beginning with ``/``) or at another spelling of it; one query."""
    spellings = list(spellings_of(path))
    if not spellings:
        return None
    rows = {post.path: post for post in fetch(posts_at, timezone.now(), spellings)}
    found = next(((rank, rows[spelling]) for rank, spelling in enumerate(spellings) if spelling in rows), None)
    if found is None:
        return None
    rank, post = found
    return Found(post, post.path == path, _page_of(post.path) == _page_of(path), rank)


def _page_of(path: str) -> str:
    return path.removesuffix("index.html").rstrip("/")


@dataclass(frozen=True, slots=True)
class Former:
    """What an address was: that of ``post``, which is public and stands elsewhere now; or of something withdrawn."""

    post: Post | None = None
    is_withdrawn: bool = False
    rank: int = 0


_STATE_COLUMNS = ("path", "state", "published_at", "expires_at", "trashed_at", "first_published_at")


def find_former(path: str) -> Former:
    """What stood at ``path`` or at another spelling of it; one query.

    A redirect whose post is not public says nothing, unless the post was taken back after readers had seen it.
    """
    spellings = list(spellings_of(path))
    if not spellings:
        return Former()
    holders = Post.objects.filter(path__in=spellings).order_by().values_list(Value(0), "path", *_STATE_COLUMNS)
    redirects = Redirect.objects.filter(old_path__in=spellings).order_by()
    columns = [f"post__{name}" for name in _STATE_COLUMNS]
    rows = holders.union(redirects.values_list(Value(1), "old_path", *columns), all=True)
    posts = [(kind, spelling, Post(**dict(zip(_STATE_COLUMNS, values, strict=True)))) for kind, spelling, *values in rows]
    former = {spelling: post for kind, spelling, post in posts if kind == 1 and post.is_public}
    for rank, spelling in enumerate(spellings):
        if spelling in former:
            return Former(former[spelling], rank=rank)
    return Former(is_withdrawn=any(_was_withdrawn(post) for _kind, _spelling, post in posts))


def _was_withdrawn(post: Post) -> bool:
    """What was withdrawn before its day came was never there for readers, and stays unknown to them."""
    was_public = post.first_published_at is not None or (post.published_at is not None and post.published_at <= timezone.now())
    return was_public and post.state == Post.State.WITHDRAWN and post.trashed_at is None
