"""Who may do what with a post: one table, read by every verb and every screen.

A rule names the model permission that the verb needs, and the one it needs besides in certain states. On a post that
belongs to someone else, every verb needs ``change_others_post`` too. Groups (importer, author, editor, publisher) are
sets of these permissions, made by a migration; superusers hold them all.

Whoever has assignments is limited to their categories and all below them: other people's posts are seen where one of their
categories is among these, and worked on where all are; what readers get is decided there alone, for one's own posts too.
Of categories themselves they change only these. Superusers have no limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, OuterRef, Q, QuerySet

from articles.models import Assignment, Category, Post, PostCategory

Account = User | AnonymousUser
State = Post.State


class Verb(StrEnum):
    """What can be done with a post. To update is to change what readers see, at once; to change may leave that as it is."""

    VIEW = "view"
    ADD = "add"
    CHANGE = "change"
    UPDATE = "update"
    SUBMIT = "submit"
    RETURN = "return"
    PUBLISH = "publish"
    WITHDRAW = "withdraw"
    TRASH = "trash"
    RESTORE = "restore"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Rule:
    """``permission`` is always needed, ``by_state[state]`` besides. ``in_trash``: only in the trash, only outside it, or both."""

    permission: str
    by_state: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    in_trash: bool | None = False


# What people write on a public post stays beside it until it is published.
_WRITING: Mapping[str, str] = MappingProxyType(
    dict.fromkeys((State.IN_REVIEW, State.SCHEDULED, State.PUBLISHED, State.WITHDRAWN), "review_post")
)
# Readers see the row, so that changing that of a post which is public or will be is publishing.
_UPDATING: Mapping[str, str] = MappingProxyType({**_WRITING, State.SCHEDULED: "publish_post", State.PUBLISHED: "publish_post"})

RULES: Mapping[Verb, Rule] = MappingProxyType(
    {
        Verb.VIEW: Rule("view_post", in_trash=None),
        Verb.ADD: Rule("add_post"),
        Verb.CHANGE: Rule("change_post", _WRITING),
        Verb.UPDATE: Rule("change_post", _UPDATING),
        Verb.SUBMIT: Rule("change_post", _WRITING),
        Verb.RETURN: Rule("change_post", {**_WRITING, State.IN_REVIEW: ""}),
        Verb.PUBLISH: Rule("publish_post"),
        Verb.WITHDRAW: Rule("publish_post"),
        Verb.TRASH: Rule("change_post", _UPDATING),
        Verb.RESTORE: Rule("change_post", _UPDATING, in_trash=True),
        Verb.DELETE: Rule("delete_post", in_trash=None),
    }
)

_BEFORE_READERS = (Verb.PUBLISH, Verb.WITHDRAW)
OTHERS = "change_others_post"
IMPORT = "articles.import_posts"
EXPORT = "articles.export_posts"
ARRANGE = "articles.arrange_front_page"
SET_UP = "articles.change_sitesettings"


def can(user: Account | None, verb: Verb | str, post: Post | None = None) -> bool:
    """Whether ``user`` may do ``verb`` with ``post``, as both are now; without a post, with some post of their own.

    ``None`` for the user is the system itself (a command), which may do everything.
    """
    if user is None:
        return True
    rule = RULES[Verb(verb)]
    if not _has(user, rule.permission):
        return False
    if post is None or post.pk is None:
        return True
    if rule.in_trash is not None and rule.in_trash != (post.trashed_at is not None):
        return False
    if not owns(user, post) and not _has(user, OTHERS):
        return False
    besides = rule.by_state.get(post.state, "")
    if besides and not _has(user, besides):
        return False
    return _is_assigned(user, Verb(verb), post)


def assigned_categories(user: Account) -> frozenset[int] | None:
    """The keys of the categories that the user is limited to, with all below them; ``None`` without a limit.

    Read once for each user object, which lives as long as a request.
    """
    if user.pk is None or getattr(user, "is_superuser", False):
        return None
    known: dict[str, frozenset[int] | None] = user.__dict__
    if "_assigned_categories" not in known:
        keys = list(Assignment.objects.filter(user=user.pk).values_list("category_id", flat=True))
        known["_assigned_categories"] = _with_branches(keys) if keys else None
    return known["_assigned_categories"]


def is_own_category(user: Account | None, key: int | None) -> bool:
    """Whether the category with this key is one that the user may change; ``None``: the place above all of them."""
    limit = None if user is None else assigned_categories(user)
    return limit is None or key in limit


def _with_branches(keys: list[int]) -> frozenset[int]:
    found: set[int] = set()
    while keys:
        found.update(keys)
        keys = list(Category.objects.filter(parent__in=keys).exclude(pk__in=found).values_list("pk", flat=True))
    return frozenset(found)


def _is_assigned(user: Account, verb: Verb, post: Post) -> bool:
    limit = assigned_categories(user)
    if limit is None or (owns(user, post) and verb not in _BEFORE_READERS):
        return True
    keys = set(PostCategory.objects.filter(post=post.pk).values_list("category_id", flat=True))
    return bool(keys & limit) and (verb is Verb.VIEW or keys <= limit)


def owns(user: Account, post: Post) -> bool:
    """Whether the post belongs to the user. A by-line is a credit and gives no rights, nor does an import that names one."""
    return user.pk is not None and post.owner_id == user.pk


def sees_others(user: Account) -> bool:
    """Whether posts of other people are shown to the user at the desk."""
    return _has(user, RULES[Verb.VIEW].permission) and _has(user, OTHERS)


def visible_posts(user: Account) -> QuerySet[Post]:
    """The posts that the desk may show to the user: lists, searches, histories and choices are made from this."""
    posts = Post.objects.all()
    if sees_others(user):
        limit = assigned_categories(user)
        if limit is None:
            return posts
        assigned = PostCategory.objects.filter(post=OuterRef("pk"), category__in=limit)
        return posts.filter(Q(owner=user.pk) | Exists(assigned))
    if user.pk is None or not _has(user, RULES[Verb.VIEW].permission):
        return posts.none()
    return posts.filter(owner=user.pk)


def only_of_visible(rows: QuerySet[Any], user: Account) -> QuerySet[Any]:
    """Those of ``rows`` whose ``post`` the user may see. For who sees all they are not joined with all posts."""
    seen = visible_posts(user)
    return rows.filter(post__in=seen) if seen.query.where else rows


def can_import(user: Account | None) -> bool:
    """Whether the user may import archives. What an import makes public needs :attr:`Verb.PUBLISH` besides."""
    return user is None or user.has_perm(IMPORT)


def can_export(user: Account | None) -> bool:
    """Whether the user may take out the posts that :func:`visible_posts` shows them."""
    return user is None or user.has_perm(EXPORT)


def can_arrange(user: Account | None) -> bool:
    """Whether the user may arrange the front page, which shows the stories of everyone."""
    return user is None or (user.has_perm(ARRANGE) and sees_others(user))


def can_set_up(user: Account | None) -> bool:
    """Whether the user may change the site's settings, which every page shows."""
    return user is None or user.has_perm(SET_UP)


def _has(user: Account, permission: str) -> bool:
    return user.has_perm(f"articles.{permission}")
