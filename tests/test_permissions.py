"""Who may do what: role × verb × whose post × state, against a table written out here."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from articles.editorial.permissions import Verb, can, can_arrange, can_import, visible_posts
from articles.models import Post
from tests.people import ROLES, make_person

pytestmark = pytest.mark.django_db
State = Post.State
STATES = tuple(State.values)

# Role → verb → states in which it may be done with one's own post, then with somebody else's.
EVERY = frozenset(STATES)
NONE: frozenset[str] = frozenset()
DRAFT = frozenset({State.DRAFT})
QUIET = frozenset({State.DRAFT, State.IN_REVIEW, State.WITHDRAWN})
# To change is not to publish: what is written on a public post stays beside it. To update is.
AUTHOR = {
    Verb.VIEW: (EVERY, NONE),
    Verb.CHANGE: (DRAFT, NONE),
    Verb.UPDATE: (DRAFT, NONE),
    Verb.SUBMIT: (DRAFT, NONE),
    Verb.RETURN: (frozenset({State.DRAFT, State.IN_REVIEW}), NONE),
    Verb.PUBLISH: (NONE, NONE),
    Verb.WITHDRAW: (NONE, NONE),
    Verb.TRASH: (DRAFT, NONE),
    Verb.DELETE: (NONE, NONE),
}
EDITOR = {
    Verb.VIEW: (EVERY, EVERY),
    Verb.CHANGE: (EVERY, EVERY),
    Verb.UPDATE: (QUIET, QUIET),
    Verb.SUBMIT: (EVERY, EVERY),
    Verb.RETURN: (EVERY, EVERY),
    Verb.PUBLISH: (NONE, NONE),
    Verb.WITHDRAW: (NONE, NONE),
    Verb.TRASH: (QUIET, QUIET),
    Verb.DELETE: (NONE, NONE),
}
ALL = dict.fromkeys(AUTHOR, (EVERY, EVERY))
NOTHING = dict.fromkeys(AUTHOR, (NONE, NONE))
TABLE = {
    "staff": NOTHING,
    "author": AUTHOR,
    "importer": AUTHOR,
    "editor": EDITOR,
    "publisher": ALL,
    "superuser": ALL,
}


@pytest.mark.parametrize("role", TABLE)
def test_every_verb_is_allowed_exactly_where_the_table_says(role: str) -> None:
    person, other = make_person(role), make_person("author", "other")
    wrong = []
    for verb, (own, others) in TABLE[role].items():
        for owner, states in ((person, own), (other, others)):
            for state in STATES:
                post = Post(pk=1, state=state, owner=owner)
                if can(person, verb, post) != (state in states):
                    wrong.append((role, verb, owner.username, state))
    assert wrong == []


@pytest.mark.parametrize("role", TABLE)
def test_in_the_trash_a_post_can_only_be_seen_restored_and_deleted(role: str) -> None:
    person = make_person(role)
    post = Post(pk=1, state=State.DRAFT, owner=person, trashed_at=timezone.now())
    allowed = {verb for verb in Verb if verb is not Verb.ADD and can(person, verb, post)}
    assert allowed <= {Verb.VIEW, Verb.RESTORE, Verb.DELETE}
    assert (Verb.RESTORE in allowed) == (role != "staff")


def test_a_post_outside_the_trash_cannot_be_restored() -> None:
    assert not can(make_person("superuser"), Verb.RESTORE, Post(pk=1))


def test_every_verb_has_a_row_in_the_table() -> None:
    assert {*AUTHOR, Verb.ADD, Verb.RESTORE} == set(Verb)


def test_nobody_signed_in_may_do_nothing_and_sees_nothing() -> None:
    Post.objects.create(title="記事", path="/a/")
    assert not any(can(AnonymousUser(), verb, Post(pk=1)) for verb in Verb)
    assert not can_import(AnonymousUser())
    assert not visible_posts(AnonymousUser()).exists()


def test_the_system_may_do_everything() -> None:
    assert all(can(None, verb, Post(pk=1)) for verb in Verb)
    assert can_import(None)


def test_a_deactivated_account_loses_every_right() -> None:
    person = make_person("superuser")
    person.is_active = False
    assert not any(can(person, verb, Post(pk=1, owner=person)) for verb in Verb)


def test_a_post_without_an_owner_belongs_to_no_author() -> None:
    assert not can(make_person("author"), Verb.VIEW, Post(pk=1))


@pytest.mark.parametrize("role", ["staff", *ROLES])
def test_only_importers_and_superusers_may_import(role: str) -> None:
    assert can_import(make_person(role)) == (role == "importer")
    assert can_import(make_person("superuser"))


@pytest.mark.parametrize("role", ["staff", *ROLES])
def test_only_publishers_and_superusers_may_arrange_the_front_page(role: str) -> None:
    assert can_arrange(make_person(role)) == (role == "publisher")
    assert can_arrange(make_person("superuser"))


@pytest.mark.parametrize(("role", "number"), [("staff", 0), ("author", 1), ("importer", 1), ("editor", 2), ("publisher", 2)])
def test_the_desk_shows_ones_own_posts_or_everyones(role: str, number: int) -> None:
    person = make_person(role)
    Post.objects.create(title="自分の記事", path="/own/", owner=person)
    Post.objects.create(title="他の人の記事", path="/other/")
    assert visible_posts(person).count() == number
