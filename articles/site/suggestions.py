"""What a reader may have meant by an unknown address: public posts only, and never many rows."""

from __future__ import annotations

import re
from urllib.parse import unquote

from django.utils import timezone

from articles.formats.terms import identity
from articles.models import Post

MAX_SUGGESTIONS = 5
_NEIGHBOURS = 100
_NEWEST = 300
_LIKENESS = 0.3
_NOISE = re.compile(r"\.(?:html?|php|md)$|^index$|^[0-9]{1,4}$")
_BREAKS = re.compile(r"[\W_]+")


def suggest_posts(path: str) -> list[Post]:
    """Public posts whose title or address resembles ``path``, best first; two queries with few rows each.

    Looked through are the posts in the same folder and the newest ones: an unknown address is cheap to ask for, so
    it must be cheap to answer.
    """
    wanted = _pairs(path)
    if not wanted:
        return []
    posts = Post.objects.published().only("title", "path", "language")
    folder = path.rstrip("/").rpartition("/")[0] + "/"
    # In the root folder everything is near: there, what begins alike.
    start = folder if folder != "/" else path[:3]
    near = posts.filter(path__gte=start, path__lt=start + "\uffff").order_by("path")[:_NEIGHBOURS]
    newest = posts.dated().filter(published_at__lte=timezone.now())[:_NEWEST]
    candidates = {post.pk: post for post in [*near, *newest]}.values()
    scored = [(_likeness(wanted, post), post) for post in candidates]
    best = sorted((pair for pair in scored if pair[0] >= _LIKENESS), key=lambda pair: -pair[0])
    return [post for _score, post in best[:MAX_SUGGESTIONS]]


def _likeness(wanted: set[str], post: Post) -> float:
    """How much of the wanted text (0 to 1) the title or the address has, whichever has more."""
    return max(len(wanted & _pairs(text)) / len(wanted) for text in (post.title, post.path))


def _pairs(text: str) -> set[str]:
    """Pairs of neighbouring letters within words: they need no dictionary, in any language."""
    parts = [_NOISE.sub("", part) for part in unquote(text)[:400].split("/")]
    words = [word for part in parts for word in _BREAKS.split(identity(part)) if not _NOISE.match(word)]
    return {word[at : at + 2] for word in words for at in range(len(word) - 1)}
