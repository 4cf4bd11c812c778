"""Tells a hub (WebSub) that feeds hold something new, so that readers who subscribed there have it at once.

Only where ``WEBSUB_HUB`` names one. Background work, tried again a bounded number of times: nobody waits for a hub, and a
reader who looks for himself misses nothing.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from django.conf import settings

from articles.feed_links import feeds_of
from articles.mail import absolute, one_line
from articles.models import Post
from articles.queue import enqueue

logger = logging.getLogger(__name__)

PING = "articles.tasks.ping_hub"
WAITS = (1, 5, 30, 120)
"""Minutes until the next try."""
SECONDS = 20
"""For a hub that hangs."""
AT_ONCE = 50
"""Addresses in one request."""
TOO_MANY_REQUESTS, SERVER_FAULT = 429, 500


def announce(post: Post) -> None:
    """Has the hub told, after the commit, of the feeds in which a post stands that readers can see now."""
    if settings.WEBSUB_HUB and post.is_public and post.kind == Post.Kind.ARTICLE and post.published_at is not None:
        enqueue(PING, post.pk)


def ping(key: int, tries: int = 0) -> None:
    """Tells the hub of a post's feeds; tried again later where it does not answer or is at fault itself."""
    post = Post.objects.published().filter(pk=key).select_related("series").first()
    if post is None or not settings.WEBSUB_HUB:
        return
    topics = list_topics(post)
    try:
        for start in range(0, len(topics), AT_ONCE):
            _tell(topics[start : start + AT_ONCE])
    except (OSError, HTTPException) as error:
        _try_again(key, tries, error)


def list_topics(post: Post) -> list[str]:
    """The whole addresses of the feeds in which a post stands: the site's, and those of its terms. Four queries."""
    links = list(feeds_of())
    for full_slug in post.categories.values_list("full_slug", flat=True):
        parts = full_slug.split("/")
        links += [link for count in range(1, len(parts) + 1) for link in feeds_of("category", "/".join(parts[:count]))]
    links += [link for slug in post.tags.values_list("slug", flat=True) for link in feeds_of("tag", slug)]
    links += [link for slug in post.authors.values_list("slug", flat=True) for link in feeds_of("author", slug)]
    if post.series is not None:
        links += feeds_of("series", post.series.slug)
    return list(dict.fromkeys(absolute(link.address) for link in links))


def _tell(topics: list[str]) -> None:
    # The specification leaves this to hubs; they all take what PubSubHubbub 0.3 had: the same name for every address.
    body = urlencode([("hub.mode", "publish"), *(("hub.url", topic) for topic in topics)]).encode("ascii")
    request = Request(settings.WEBSUB_HUB, body, {"User-Agent": "Kawaraban"})  # noqa: S310 - the setting takes web addresses only
    with urlopen(request, timeout=SECONDS):  # noqa: S310
        pass


def _try_again(key: int, tries: int, error: OSError | HTTPException) -> None:
    reason = one_line(str(error) or type(error).__name__)[:200]
    is_final = isinstance(error, HTTPError) and error.code < SERVER_FAULT and error.code != TOO_MANY_REQUESTS
    if isinstance(error, HTTPError):
        error.close()
    if is_final or tries >= len(WAITS):
        logger.error("post %s: the hub was not told of it: %s", key, reason)
        return
    logger.warning("post %s: the hub was not told of it yet and is tried again: %s", key, reason)
    enqueue(PING, key, tries + 1, delay=timedelta(minutes=WAITS[tries]))
