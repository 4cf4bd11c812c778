"""The posts that have a term, and the version that each keeps when terms leave it or others take their place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Count, Max, Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from articles.editorial.permissions import Account
from articles.editorial.terms import Term
from articles.editorial.versions import category_names, join_note, snapshot_of
from articles.models import Author, Category, Post, PostAuthor, PostCategory, PostQuerySet, Revision, Series, Tag, TaggedPost
from articles.related import mark_waiting

CHUNK = 100
MAX_NOTE = 200
BEFORE = gettext_noop("as it was before")

#: Of each kind: the rows that give it to posts, and their columns of the term and of the post. A series is a column of the post.
MEMBERS: Mapping[type, tuple[Any, str, str]] = {
    Tag: (TaggedPost, "tag", "content_object"),
    Category: (PostCategory, "category", "post"),
    Author: (PostAuthor, "author", "post"),
}
Held = list[tuple[str, Term]]
"""What a post has, by the names that its versions use, in their order."""


def posts_with(terms: Sequence[Term]) -> PostQuerySet:
    """All posts that have one of ``terms``, which are of one kind; of a category not those in the ones below it."""
    keys = [term.pk for term in terms]
    if not terms or isinstance(terms[0], Series):
        return Post.objects.filter(series__in=keys)
    model, term, post = MEMBERS[type(terms[0])]
    return Post.objects.filter(pk__in=model.objects.filter(**{f"{term}__in": keys}).order_by().values(post))


def count_posts(terms: Sequence[Term]) -> dict[int, int]:
    """How many posts have each of ``terms``, which are of one kind, by key; those without posts are left out. One query."""
    if not terms:
        return {}
    model, column, _post = MEMBERS.get(type(terms[0]), (Post, "series", "pk"))
    rows = model.objects.filter(**{f"{column}__in": [term.pk for term in terms]}).order_by()
    return dict(rows.values_list(column).annotate(number=Count("pk")))


def portions(posts: PostQuerySet) -> Iterator[list[Post]]:
    """Posts in portions, by key, locked until the transaction ends; without the columns that a version does not hold."""
    last = 0
    rows = posts.select_related("series", "cover").defer("body_html", "plain_text", "outline", "source_bytes")
    while chunk := list(rows.select_for_update(of=("self",)).filter(pk__gt=last).order_by("pk")[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


def change_terms(
    posts: Sequence[Post], act: Callable[[Sequence[Post]], None], note: Callable[[Held, Held], str], user: Account | None
) -> None:
    """Lets ``act`` change the terms of ``posts``, a portion, and keeps each post as it was and as it is then.

    ``note`` says of a post what was done, from what it had and what it has. As it was is kept where no version says so yet.
    """
    before = _read_held(posts)
    snapshots = {post.pk: _snapshot(post, before[post.pk]) for post in posts}
    kept = _newest_snapshots(posts)
    act(posts)
    after = _read_held(posts)
    Revision.objects.bulk_create(
        [
            Revision(post=post, note=BEFORE, snapshot=snapshots[post.pk])
            for post in posts
            if kept.get(post.pk) != snapshots[post.pk]
        ]
    )
    Revision.objects.bulk_create(
        [
            Revision(
                post=post,
                user_id=user.pk if user else None,
                note=note(before[post.pk], after[post.pk])[:MAX_NOTE],
                snapshot=_snapshot(post, after[post.pk]),
            )
            for post in posts
        ]
    )
    Post.objects.filter(pk__in=[post.pk for post in posts]).update(modified_at=timezone.now())
    mark_waiting(posts)


def name_terms(step: str, names: Sequence[str]) -> str:
    """A note of a version: the step, and the names that it was about."""
    return join_note(step, "、".join(names))


def _read_held(posts: Sequence[Post]) -> dict[int, Held]:
    """The by-lines, terms and series of posts, as the database has them now. Four queries."""
    held: dict[int, Held] = defaultdict(list)
    for credit in PostAuthor.objects.filter(post__in=posts).select_related("author"):
        held[credit.post_id].append(("authors", credit.author))
    # As deep as an import makes categories: a deeper one would cost a query of its own.
    for place in PostCategory.objects.filter(post__in=posts).select_related("category__parent__parent__parent__parent"):
        held[place.post_id].append(("categories", place.category))
    for tagged in TaggedPost.objects.filter(content_object__in=posts).select_related("tag"):
        held[tagged.content_object_id].append(("tags", tagged.tag))
    keys = [post.pk for post in posts]
    for post in Post.objects.filter(pk__in=keys, series__isnull=False).select_related("series").only("series"):
        if post.series is not None:
            held[post.pk].append(("series", post.series))
    return held


def _snapshot(post: Post, held: Held) -> dict[str, Any]:
    names: dict[str, list[Any]] = {"authors": [], "categories": [], "tags": [], "series": []}
    for name, term in held:
        names[name].append(category_names(term) if isinstance(term, Category) else term.name)
    series = names.pop("series")
    return {**snapshot_of(post, **names), "series": series[0] if series else ""}


def _newest_snapshots(posts: Sequence[Post]) -> dict[int, Any]:
    """What the newest saved version of each post holds. Two queries, as SQLite plans the nested one badly."""
    saved = Revision.objects.filter(Q(kind=Revision.Kind.SAVE), post__in=[post.pk for post in posts])
    newest = list(saved.order_by().values("post").annotate(newest=Max("pk")).values_list("newest", flat=True))
    return dict(Revision.objects.filter(pk__in=newest).values_list("post_id", "snapshot"))
