"""Deletes terms: the posts that had them stay, and each keeps a version that says what it lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from articles.editorial.permissions import Account
from articles.editorial.terms import Term
from articles.editorial.versions import category_names, join_note, snapshot_of
from articles.models import Author, Category, Post, PostAuthor, PostCategory, PostQuerySet, Revision, Series, Tag, TaggedPost
from articles.related import mark_waiting

CHUNK = 100
BEFORE = gettext_noop("as it was before")
TAKEN = gettext_noop("a term was deleted")

#: Of each kind: the rows that give it to posts, and their columns of the term and of the post.
_MEMBERS: Mapping[type, tuple[Any, str, str]] = {
    Tag: (TaggedPost, "tag", "content_object"),
    Category: (PostCategory, "category", "post"),
    Author: (PostAuthor, "author", "post"),
}


def posts_with(terms: Sequence[Term]) -> PostQuerySet:
    """All posts that have one of ``terms``, which are of one kind; of a category not those in the ones below it."""
    keys = [term.pk for term in terms]
    if not terms or isinstance(terms[0], Series):
        return Post.objects.filter(series__in=keys)
    model, term, post = _MEMBERS[type(terms[0])]
    return Post.objects.filter(pk__in=model.objects.filter(**{f"{term}__in": keys}).order_by().values(post))


def count_posts(terms: Sequence[Term]) -> dict[int, int]:
    """How many posts have each of ``terms``, which are of one kind, by key; those without posts are left out. One query."""
    if not terms:
        return {}
    model, column, _post = _MEMBERS.get(type(terms[0]), (Post, "series", "pk"))
    rows = model.objects.filter(**{f"{column}__in": [term.pk for term in terms]}).order_by()
    return dict(rows.values_list(column).annotate(number=Count("pk")))


@transaction.atomic
def delete_terms(terms: Sequence[Term], user: Account | None) -> int:
    """Deletes terms of one kind. Gives the number of posts that lost one.

    Raises ProtectedError for a category with others below it. Queries: those of a chunk of posts, and what goes.
    """
    number = 0
    for chunk in _chunks(terms):
        _keep_versions(chunk, terms, user)
        number += len(chunk)
    if terms:
        type(terms[0])._default_manager.filter(pk__in=[term.pk for term in terms]).delete()
    return number


def _chunks(terms: Sequence[Term]) -> Iterator[list[Post]]:
    last = 0
    rows = posts_with(terms).select_related("series", "cover").defer("body_html", "plain_text", "outline", "source_bytes")
    while chunk := list(rows.select_for_update(of=("self",)).filter(pk__gt=last).order_by("pk")[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


def _keep_versions(posts: Sequence[Post], terms: Sequence[Term], user: Account | None) -> None:
    """Keeps each post as it was, where no version says so yet, and as it is without the terms."""
    now = timezone.now()
    gone = {(type(term), term.pk) for term in terms}
    before, after, lost = _take_snapshots(posts, gone)
    kept = _newest_snapshots(posts)
    Revision.objects.bulk_create(
        [Revision(post=post, note=BEFORE, snapshot=before[post.pk]) for post in posts if kept.get(post.pk) != before[post.pk]]
    )
    Revision.objects.bulk_create(
        [
            Revision(
                post=post,
                user_id=user.pk if user else None,
                note=join_note(TAKEN, "、".join(lost[post.pk]))[:200],
                snapshot=after[post.pk],
            )
            for post in posts
        ]
    )
    Post.objects.filter(pk__in=[post.pk for post in posts]).update(modified_at=now)
    mark_waiting(posts)


Snapshots = dict[int, dict[str, Any]]


def _take_snapshots(posts: Sequence[Post], gone: set[tuple[type, int]]) -> tuple[Snapshots, Snapshots, dict[int, list[str]]]:
    """Snapshots of posts with and without the terms that go, and the names of those that each loses. Three queries."""
    rows: dict[int, list[tuple[str, Any]]] = defaultdict(list)
    for credit in PostAuthor.objects.filter(post__in=posts).select_related("author"):
        rows[credit.post_id].append(("authors", credit.author))
    # As deep as an import makes categories: a deeper one would cost a query of its own.
    for place in PostCategory.objects.filter(post__in=posts).select_related("category__parent__parent__parent__parent"):
        rows[place.post_id].append(("categories", place.category))
    for tagged in TaggedPost.objects.filter(content_object__in=posts).select_related("tag"):
        rows[tagged.content_object_id].append(("tags", tagged.tag))
    before, after, lost = {}, {}, {}
    for post in posts:
        held = [*rows[post.pk], *([("series", post.series)] if post.series else [])]
        before[post.pk] = _snapshot(post, held)
        staying = [(name, term) for name, term in held if (type(term), term.pk) not in gone]
        after[post.pk] = _snapshot(post, staying)
        if post.series and (Series, post.series.pk) in gone:
            after[post.pk]["series"] = ""
        lost[post.pk] = [term.name for _name, term in held if (type(term), term.pk) in gone]
    return before, after, lost


def _snapshot(post: Post, held: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names: dict[str, list[Any]] = {"authors": [], "categories": [], "tags": []}
    for name, term in held:
        if name in names:
            names[name].append(category_names(term) if name == "categories" else term.name)
    return snapshot_of(post, **names)


def _newest_snapshots(posts: Sequence[Post]) -> dict[int, Any]:
    """What the newest saved version of each post holds. Two queries, as SQLite plans the nested one badly."""
    saved = Revision.objects.filter(Q(kind=Revision.Kind.SAVE), post__in=[post.pk for post in posts])
    newest = list(saved.order_by().values("post").annotate(newest=Max("pk")).values_list("newest", flat=True))
    return dict(Revision.objects.filter(pk__in=newest).values_list("post_id", "snapshot"))
