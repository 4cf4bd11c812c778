"""What a reader may have meant by an unknown address: public posts only, and never many rows."""

from __future__ import annotations

from django.utils import timezone

from articles.addresses import letter_pairs, likeness, spellings_of
from articles.models import Post

MAX_SUGGESTIONS = 5
_NEIGHBOURS = 100
_NEWEST = 300
_LIKENESS = 0.3


def suggest_posts(path: str) -> list[Post]:
    """Public posts whose title or address resembles ``path``, best first; two queries with few rows each.

    Looked through are the posts in the same folder and the newest ones: an unknown address is cheap to ask for, so
    it must be cheap to answer.
    """
    wanted = letter_pairs(path)
    # No post has such an address, and PostgreSQL refuses NUL even in a question.
    if not wanted or path not in spellings_of(path):
        return []
    posts = Post.objects.published().only("title", "path", "language")
    folder = path.rstrip("/").rpartition("/")[0] + "/"
    # In the root folder everything is near: there, what begins alike.
    start = folder if folder != "/" else path[:3]
    near = posts.filter(path__gte=start, path__lt=start + "\uffff").order_by("path")[:_NEIGHBOURS]
    newest = posts.dated().filter(published_at__lte=timezone.now())[:_NEWEST]
    candidates = {post.pk: post for post in [*near, *newest]}.values()
    scored = [(likeness(wanted, post.title, post.path), post) for post in candidates]
    best = sorted((pair for pair in scored if pair[0] >= _LIKENESS), key=lambda pair: -pair[0])
    return [post for _score, post in best[:MAX_SUGGESTIONS]]
