"""Who may do what with a post: one table, read by every verb and every screen.

A rule names the model permission that the verb needs, and the one it needs besides in certain states. On a post that
belongs to someone else, every verb needs ``change_others_post`` too. Groups (importer, author, editor, publisher) are
sets of these permissions, made by a migration; superusers hold them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet

from articles.models import Post

Account = User | AnonymousUser


class Verb(StrEnum):
    """What can be done with a post."""

    VIEW = "view"
    ADD = "add"
    CHANGE = "change"
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


# Readers see the row, so that saving a post which is public or will be is publishing.
_CHANGING: Mapping[str, str] = MappingProxyType(
    {
        Post.State.IN_REVIEW: "review_post",
        Post.State.SCHEDULED: "publish_post",
        Post.State.PUBLISHED: "publish_post",
        Post.State.WITHDRAWN: "review_post",
    }
)

RULES: Mapping[Verb, Rule] = MappingProxyType(
    {
        Verb.VIEW: Rule("view_post", in_trash=None),
        Verb.ADD: Rule("add_post"),
        Verb.CHANGE: Rule("change_post", _CHANGING),
        Verb.SUBMIT: Rule("change_post", _CHANGING),
        Verb.RETURN: Rule("change_post", {**_CHANGING, Post.State.IN_REVIEW: ""}),
        Verb.PUBLISH: Rule("publish_post"),
        Verb.WITHDRAW: Rule("publish_post"),
        Verb.TRASH: Rule("change_post", _CHANGING),
        Verb.RESTORE: Rule("change_post", _CHANGING, in_trash=True),
        Verb.DELETE: Rule("delete_post", in_trash=None),
    }
)

OTHERS = "change_others_post"
IMPORT = "articles.import_posts"


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
    return not besides or _has(user, besides)


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
        return posts
    if user.pk is None or not _has(user, RULES[Verb.VIEW].permission):
        return posts.none()
    return posts.filter(owner=user.pk)


def can_import(user: Account | None) -> bool:
    """Whether the user may import archives. What an import makes public needs :attr:`Verb.PUBLISH` besides."""
    return user is None or user.has_perm(IMPORT)


def _has(user: Account, permission: str) -> bool:
    return user.has_perm(f"articles.{permission}")
