"""Deletes terms: the posts that had them stay, and each keeps a version that says what it lost."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import transaction
from django.utils.translation import gettext_noop

from articles.editorial.permissions import Account
from articles.editorial.term_posts import MEMBERS, Held, change_terms, name_terms, portions, posts_with
from articles.editorial.terms import Term
from articles.models import Post

TAKEN = gettext_noop("a term was deleted")


@transaction.atomic
def delete_terms(terms: Sequence[Term], user: Account | None) -> int:
    """Deletes terms of one kind. Gives the number of posts that lost one.

    Raises ProtectedError for a category with others below it. Queries: those of a portion of posts, and what goes.
    """
    number = 0
    for posts in portions(posts_with(terms)):
        change_terms(posts, partial(_take, terms), _name_lost, user)
        number += len(posts)
    if terms:
        type(terms[0])._default_manager.filter(pk__in=[term.pk for term in terms]).delete()
    return number


def _take(terms: Sequence[Term], posts: Sequence[Post]) -> None:
    keys, kind = [post.pk for post in posts], type(terms[0])
    if kind not in MEMBERS:
        Post.objects.filter(pk__in=keys).update(series=None)
        return
    model, term, post = MEMBERS[kind]
    model.objects.filter(**{f"{post}__in": keys, f"{term}__in": [row.pk for row in terms]}).delete()


def _name_lost(before: Held, after: Held) -> str:
    staying = {(name, term.pk) for name, term in after}
    return name_terms(TAKEN, [term.name for name, term in before if (name, term.pk) not in staying])
