"""Posts at the desk: who reaches which address, what the form saves, and the back doors that stay closed."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from articles.editorial import versions, workflow
from articles.models import Author, Category, MediaFile, Post, Redirect, Revision, Tag
from tests.people import make_person

pytestmark = pytest.mark.django_db
State = Post.State
SECRET = "誰にも見せない題"


def sign_in(role: str, name: str = "") -> tuple[Client, Any]:
    person = make_person(role, name)
    client = Client()
    client.force_login(person)
    return client, person


def post_url(name: str, *args: Any) -> str:
    return reverse(f"admin:articles_post_{name}", args=args)


def fields(post: Post | None = None, **changes: Any) -> dict[str, Any]:
    """What the browser would send for the form of ``post``, or for an empty one, with ``changes``."""
    values: dict[str, Any] = {
        "title": post.title if post else "川沿いの倉庫",
        "body": post.body if post else "本文。",
        "path": post.path if post else "",
        "kind": post.kind if post else "article",
        "flavour": post.flavour if post else "commonmark",
        "features": post.features if post else ["tables", "footnotes"],
        "tags": "、".join(tag.name for tag in versions.ordered_tags(post)) if post else "",
        "front_matter": post.front_matter if post else "",
        "postauthor_set-TOTAL_FORMS": 0,
        "postauthor_set-INITIAL_FORMS": 0,
        "postcategory_set-TOTAL_FORMS": 0,
        "postcategory_set-INITIAL_FORMS": 0,
    }
    if post:
        values["seen"] = post.modified_at.isoformat()
        if post.published_at:
            local = timezone.localtime(post.published_at)
            values |= {"published_at_0": f"{local:%Y-%m-%d}", "published_at_1": f"{local:%H:%M:%S}"}
    return values | changes


def make_post(owner: Any, state: str = State.DRAFT, *, trashed: bool = False) -> Post:
    post = workflow.save_post(Post(), None, {"title": SECRET, "body": "本文。"})
    now = timezone.now()
    Post.objects.filter(pk=post.pk).update(
        owner=owner,
        state=state,
        trashed_at=now if trashed else None,
        published_at=now if state == State.PUBLISHED else None,
        first_published_at=now if state == State.PUBLISHED else None,
    )
    post.refresh_from_db()
    return post


# --- Address × role × whose post × state ----------------------------------------------------------------------------

# Address → method → role → answers for: own draft, own live, other's draft, other's live, other's in the trash.
# A post that may not be seen answers like one that does not exist (404); a right that is lacking is 403; 302 is done.
SEES_OWN = (200, 200, 404, 404, 404)
SEES_ALL = (200, 200, 200, 200, 200)
NOTHING = (404, 404, 404, 404, 404)
MATRIX: dict[tuple[str, str], dict[str, tuple[int, ...]]] = {
    ("change", "GET"): {
        "staff": NOTHING,
        "author": SEES_OWN,
        "importer": SEES_OWN,
        "editor": SEES_ALL,
        "publisher": SEES_ALL,
        "superuser": SEES_ALL,
    },
    ("change", "POST"): {
        "staff": NOTHING,
        "author": (302, 403, 404, 404, 404),
        "importer": (302, 403, 404, 404, 404),
        "editor": (302, 302, 302, 302, 403),
        "publisher": (302, 302, 302, 302, 403),
        "superuser": (302, 302, 302, 302, 403),
    },
    ("history", "GET"): {
        "staff": NOTHING,
        "author": SEES_OWN,
        "importer": SEES_OWN,
        "editor": SEES_ALL,
        "publisher": SEES_ALL,
        "superuser": SEES_ALL,
    },
    ("compare", "GET"): {
        "staff": NOTHING,
        "author": SEES_OWN,
        "importer": SEES_OWN,
        "editor": SEES_ALL,
        "publisher": SEES_ALL,
        "superuser": SEES_ALL,
    },
    # The version of a public post comes back as a draft beside it.
    ("restore_version", "POST"): {
        "staff": NOTHING,
        "author": (302, 403, 404, 404, 404),
        "importer": (302, 403, 404, 404, 404),
        "editor": (302, 302, 302, 302, 403),
        "publisher": (302, 302, 302, 302, 403),
        "superuser": (302, 302, 302, 302, 403),
    },
    ("restore_version", "GET"): {
        "staff": NOTHING,
        "author": (405, 403, 404, 404, 404),
        "importer": (405, 403, 404, 404, 404),
        "editor": (405, 405, 405, 405, 403),
        "publisher": (405, 405, 405, 405, 403),
        "superuser": (405, 405, 405, 405, 403),
    },
    ("preview", "GET"): {
        "staff": NOTHING,
        "author": SEES_OWN,
        "importer": SEES_OWN,
        "editor": SEES_ALL,
        "publisher": SEES_ALL,
        "superuser": SEES_ALL,
    },
    ("preview", "POST"): {
        "staff": NOTHING,
        "author": (200, 403, 404, 404, 404),
        "importer": (200, 403, 404, 404, 404),
        "editor": (200, 200, 200, 200, 403),
        "publisher": (200, 200, 200, 200, 403),
        "superuser": (200, 200, 200, 200, 403),
    },
    ("name_version", "POST"): {
        "staff": NOTHING,
        "author": (302, 403, 404, 404, 404),
        "importer": (302, 403, 404, 404, 404),
        "editor": (302, 302, 302, 302, 403),
        "publisher": (302, 302, 302, 302, 403),
        "superuser": (302, 302, 302, 302, 403),
    },
    # What is kept or noted touches no post; a page that is opened to write asks for the right to change.
    **{
        (name, "POST"): {
            "staff": NOTHING,
            "author": (200, 403, 404, 404, 404),
            "importer": (200, 403, 404, 404, 404),
            "editor": (200, 200, 200, 200, 403),
            "publisher": (200, 200, 200, 200, 403),
            "superuser": (200, 200, 200, 200, 403),
        }
        for name in ("keep", "present")
    },
    # Whoever may change the post brings together what they wrote; the version tried here is in the post already (404).
    ("join", "GET"): {
        "staff": NOTHING,
        "author": (404, 403, 404, 404, 404),
        "importer": (404, 403, 404, 404, 404),
        "editor": (404, 404, 404, 404, 403),
        "publisher": (404, 404, 404, 404, 403),
        "superuser": (404, 404, 404, 404, 403),
    },
    ("delete", "GET"): {
        "staff": NOTHING,
        "author": (403, 403, 404, 404, 404),
        "importer": (403, 403, 404, 404, 404),
        "editor": (403, 403, 403, 403, 403),
        "publisher": SEES_ALL,
        "superuser": SEES_ALL,
    },
    ("delete", "POST"): {
        "staff": NOTHING,
        "author": (403, 403, 404, 404, 404),
        "importer": (403, 403, 404, 404, 404),
        "editor": (403, 403, 403, 403, 403),
        "publisher": (302, 302, 302, 302, 302),
        "superuser": (302, 302, 302, 302, 302),
    },
    # The step tried here is "withdraw": a draft that may be withdrawn in principle answers 302 with the reason.
    ("verb", "POST"): {
        "staff": NOTHING,
        "author": (403, 403, 404, 404, 404),
        "importer": (403, 403, 404, 404, 404),
        "editor": (403, 403, 403, 403, 403),
        "publisher": (302, 302, 302, 302, 403),
        "superuser": (302, 302, 302, 302, 403),
    },
    ("duplicate", "POST"): {
        "staff": NOTHING,
        **dict.fromkeys(("author", "importer"), (302, 302, 404, 404, 404)),
        **dict.fromkeys(("editor", "publisher", "superuser"), (302,) * 5),
    },
    ("duplicate", "GET"): {
        "staff": NOTHING,
        **dict.fromkeys(("author", "importer"), (405, 405, 404, 404, 404)),
        **dict.fromkeys(("editor", "publisher", "superuser"), (405,) * 5),
    },
    # A correction is public at once: it is the publishers', and of what readers have.
    **{
        ("correct", method): {
            "staff": NOTHING,
            **dict.fromkeys(("author", "importer"), (403, 403, 404, 404, 404)),
            "editor": (403,) * 5,
            **dict.fromkeys(("publisher", "superuser"), (302, 200, 302, 200, 403)),
        }
        for method in ("GET", "POST")
    },
    # The post tried here has no such correction.
    ("take_back_correction", "POST"): {
        "staff": NOTHING,
        **dict.fromkeys(("author", "importer"), (403, 403, 404, 404, 404)),
        "editor": (403,) * 5,
        **dict.fromkeys(("publisher", "superuser"), (404, 404, 404, 404, 403)),
    },
    # No such view: whoever sees no posts is not even told that.
    ("forget_view", "POST"): {
        "staff": (403,) * 5,
        **dict.fromkeys(("author", "importer", "editor", "publisher", "superuser"), NOTHING),
    },
    ("verb", "GET"): dict.fromkeys(("editor", "publisher", "superuser"), (405,) * 5)
    | {"staff": NOTHING, "author": (405, 405, 404, 404, 404), "importer": (405, 405, 404, 404, 404)},
}
WITHOUT_POST = {
    ("changelist", "GET"): {"staff": 403},
    ("add", "GET"): {"staff": 403},
    ("export", "GET"): {"staff": 403},
    ("preview_new", "POST"): {"staff": 403},
    ("import", "GET"): {"staff": 403},
    ("archive", "GET"): {"staff": 403},
    ("search", "GET"): {"staff": 403},
    ("search", "POST"): {"staff": 403, **dict.fromkeys(("author", "importer", "editor", "publisher", "superuser"), 405)},
    ("keep_new", "POST"): {"staff": 403},
    ("markdown", "GET"): {"staff": 403},
    ("markdown_render", "POST"): {"staff": 403},
    ("keep_view", "POST"): {"staff": 403, **dict.fromkeys(("author", "importer", "editor", "publisher", "superuser"), 302)},
    ("keep_view", "GET"): {"staff": 403, **dict.fromkeys(("author", "importer", "editor", "publisher", "superuser"), 405)},
    ("preview_new", "GET"): dict.fromkeys(("staff", "author", "importer", "editor", "publisher", "superuser"), 405),
}
ROLES = ("staff", "author", "importer", "editor", "publisher", "superuser")


def list_own_addresses() -> set[str]:
    names = (pattern.name for pattern in admin.site._registry[Post].get_urls() if isinstance(pattern, URLPattern))
    return {name.removeprefix("articles_post_") for name in names if name}


def arguments_of(name: str, post: Post, verb: str) -> tuple[Any, ...]:
    """What stands in the places of an address."""
    if name == "verb":
        return (post.pk, verb)
    if name == "take_back_correction":
        return (post.pk, 0)
    return (post.pk, post.revisions.latest().pk) if name in ("restore_version", "name_version", "join") else (post.pk,)


def test_every_address_of_posts_has_a_row_in_the_matrix() -> None:
    assert list_own_addresses() == {name for name, _method in [*MATRIX, *WITHOUT_POST]}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("name", "method"), MATRIX)
def test_each_role_gets_the_answer_of_the_matrix(name: str, method: str, role: str) -> None:
    client, person = sign_in(role)
    other = make_person("author", "other")
    posts = [
        make_post(person),
        make_post(person, State.PUBLISHED),
        make_post(other),
        make_post(other, State.PUBLISHED),
        make_post(other, trashed=True),
    ]
    answers = []
    for post in posts:
        address = post_url(name, *arguments_of(name, post, "withdraw"))
        if name == "compare":
            address += f"?before={post.revisions.latest().pk}"
        data = {"post": "yes"} if name == "delete" else fields(post, title="変えた題")
        response = client.get(address) if method == "GET" else client.post(address, data)
        answers.append(response.status_code)
        if response.status_code in (403, 404):
            assert SECRET not in response.content.decode()
    assert tuple(answers) == MATRIX[name, method][role]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("name", "method"), WITHOUT_POST)
def test_addresses_without_a_post_ask_for_the_right(name: str, method: str, role: str) -> None:
    client, _person = sign_in(role)
    response = client.get(post_url(name)) if method == "GET" else client.post(post_url(name), fields())
    assert response.status_code == WITHOUT_POST[name, method].get(role, 200)


def test_nobody_gets_in_without_signing_in() -> None:
    post = make_post(None)
    for name, _method in [*MATRIX, *WITHOUT_POST]:
        arguments = () if (name, _method) in WITHOUT_POST else arguments_of(name, post, "publish")
        for response in (Client().get(post_url(name, *arguments)), Client().post(post_url(name, *arguments), fields(post))):
            assert response.status_code == 302
            assert "/admin/login/" in response["Location"]


def test_a_post_that_may_not_be_seen_answers_like_one_that_is_not_there() -> None:
    client, _person = sign_in("author")
    hidden = client.get(post_url("change", make_post(None).pk))
    absent = client.get(post_url("change", 999_999))
    assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content)


# --- The form -------------------------------------------------------------------------------------------------------


def test_an_author_writes_a_post_with_tags_by_line_and_category() -> None:
    client, person = sign_in("author")
    desks = [Author.objects.create(name=name) for name in ("一班", "二班")]
    category = Category.objects.create(name="技術")
    Tag.objects.create(name="AI")
    Tag.objects.create(name="Smith, Jones")
    data = fields(
        tags='ＡＩ、"Smith, Jones"',
        **{
            "postauthor_set-TOTAL_FORMS": 2,
            "postauthor_set-0-author": desks[0].pk,
            "postauthor_set-0-position": 2,
            "postauthor_set-1-author": desks[1].pk,
            "postauthor_set-1-position": 1,
            "postcategory_set-TOTAL_FORMS": 1,
            "postcategory_set-0-category": category.pk,
        },
    )
    response = client.post(post_url("add"), data)
    post = Post.objects.get()
    assert response["Location"] == post_url("change", post.pk)
    assert (post.state, post.owner) == (State.DRAFT, person)
    kept = versions.snapshot(post)
    assert (kept["authors"], kept["tags"], kept["categories"]) == (["二班", "一班"], ["AI", "Smith, Jones"], [["技術"]])
    assert client.get(response["Location"]).status_code == 200


def test_an_author_cannot_make_new_tags() -> None:
    client, _person = sign_in("author")
    response = client.post(post_url("add"), fields(tags="新しいタグ"))
    assert "tags" in response.context["adminform"].form.errors
    assert not Tag.objects.exists()


def test_opening_and_saving_without_a_change_changes_nothing() -> None:
    client, person = sign_in("publisher")
    post = workflow.save_post(
        Post(),
        person,
        {"title": "題", "body": "一\n\n二  \n", "tags": ["A, B", "日本"], "description": "前\n後\n", "path": "/x/"},
    )
    page = client.get(post_url("change", post.pk)).content.decode()
    form = client.get(post_url("change", post.pk)).context["adminform"].form
    sent = {name: form[name].value() for name in form.fields}
    sent["tags"] = form.fields["tags"].prepare_value(sent["tags"])
    # Browsers send line ends as CR LF.
    sent = {name: value.replace("\n", "\r\n") if isinstance(value, str) else value for name, value in sent.items()}
    data = fields(post) | {name: value for name, value in sent.items() if value not in (None, "")}
    assert "一\n\n二" in page
    client.post(post_url("change", post.pk), data)
    assert Revision.objects.count() == 1


def test_a_save_on_top_of_another_is_refused_and_the_text_stays_in_the_form() -> None:
    client, person = sign_in("editor")
    post = workflow.save_post(Post(), person, {"title": "題", "body": "はじめ"})
    data = fields(post, body="わたしの長い文章")
    workflow.save_post(post, make_person("publisher"), {"body": "先に保存された文章"})
    response = client.post(post_url("change", post.pk), data)
    page = response.content.decode()
    assert response.status_code == 200
    assert "わたしの長い文章" in page
    assert "publisher" in "".join(response.context["adminform"].form.non_field_errors())
    assert client.post(post_url("change", post.pk), data).status_code == 200
    post.refresh_from_db()
    assert post.body == "先に保存された文章"


def test_a_form_without_the_moment_it_is_based_on_is_refused() -> None:
    client, person = sign_in("editor")
    post = workflow.save_post(Post(), person, {"title": "題"})
    assert client.post(post_url("change", post.pk), fields(post, seen="", body="x")).status_code == 200
    assert Revision.objects.count() == 1


@pytest.mark.parametrize("path", ["/admin/x/", "/a b/", "/taken/"])
def test_an_address_that_cannot_be_is_an_error_beside_its_field(path: str) -> None:
    client, person = sign_in("editor")
    workflow.save_post(Post(), person, {"title": "先客", "path": "/taken/"})
    response = client.post(post_url("add"), fields(path=path))
    assert "path" in response.context["adminform"].form.errors


def test_keys_that_fields_stand_for_are_not_changed_in_the_raw_front_matter() -> None:
    client, person = sign_in("publisher")
    post = workflow.save_post(Post(), person, {"title": "題", "front_matter": "---\ntitle: 題\nlayout: post\n---\n"})
    Post.objects.filter(pk=post.pk).update(extra={"layout": "post"})
    for changed in ("---\ntitle: 別\nlayout: post\n---\n", "---\ntitle: [\n---\n"):
        response = client.post(post_url("change", post.pk), fields(post, front_matter=changed))
        assert "front_matter" in response.context["adminform"].form.errors
    response = client.post(post_url("change", post.pk), fields(post, front_matter="---\ntitle: 題\nlayout: page\n---\n"))
    assert response.status_code == 302


def test_unknown_front_matter_keys_are_shown_escaped() -> None:
    client, person = sign_in("publisher")
    post = workflow.save_post(Post(), person, {"title": "題"})
    Post.objects.filter(pk=post.pk).update(extra={"<script>k</script>": "<img src=x onerror=alert(1)>"})
    page = client.get(post_url("change", post.pk)).content.decode()
    assert "&lt;script&gt;k" in page
    assert "<img src=x" not in page


# --- Buttons --------------------------------------------------------------------------------------------------------


def buttons(client: Client, post: Post | None = None) -> list[str]:
    address = post_url("add") if post is None else post_url("change", post.pk)
    return [button.name for button in client.get(address).context["buttons"]]


def test_buttons_follow_right_and_state() -> None:
    author, person = sign_in("author")
    publisher, _publisher = sign_in("publisher")
    post = make_post(person)
    assert buttons(author) == ["", "submit"]
    assert buttons(author, post) == ["", "submit", "trash"]
    assert buttons(publisher, post) == ["", "submit", "schedule", "publish", "trash"]
    post = workflow.submit_for_review(post, person)
    assert buttons(author, post) == ["return"]
    post = workflow.publish(post, None)
    assert buttons(author, post) == []
    assert buttons(publisher, post) == ["", "publish", "withdraw", "trash"]
    assert buttons(sign_in("editor")[0], post) == ["", "submit"]
    post = workflow.save_draft(post, None, {"title": "直した題"}).post
    assert buttons(publisher, post) == ["", "publish", "discard", "withdraw", "trash"]
    post = workflow.move_to_trash(post, None)
    assert buttons(publisher, post) == ["restore"]


def test_publish_and_withdraw_by_button() -> None:
    client, _person = sign_in("publisher")
    client.post(post_url("add"), fields(_verb="publish"))
    post = Post.objects.get()
    assert client.get(post.get_absolute_url()).status_code == 200
    client.post(post_url("change", post.pk), fields(post, _verb="withdraw"))
    assert client.get(post.get_absolute_url()).status_code == 410


def test_scheduling_needs_a_date_to_come() -> None:
    client, _person = sign_in("publisher")
    assert client.post(post_url("add"), fields(_verb="schedule")).status_code == 200
    later = timezone.localtime() + timedelta(days=2)
    when = {"published_at_0": f"{later:%Y-%m-%d}", "published_at_1": "09:00:00"}
    client.post(post_url("add"), fields(_verb="schedule", **when))
    assert Post.objects.get().state == State.SCHEDULED


@pytest.mark.parametrize("verb", ["publish", "withdraw", "schedule", "nonsense"])
def test_an_author_who_forges_a_button_changes_nothing(verb: str) -> None:
    client, _person = sign_in("author")
    later = {"published_at_0": "2099-01-01", "published_at_1": "09:00:00"}
    response = client.post(post_url("add"), fields(_verb=verb, **later))
    assert response.status_code in (200, 404)
    assert not Post.objects.exists()


def test_state_owner_and_first_publication_are_no_fields() -> None:
    client, person = sign_in("author")
    now = timezone.now().isoformat()
    client.post(
        post_url("add"),
        fields(state="published", owner=1, first_published_at=now, _saveasnew="1", body_html="<script>", is_edited="", source=1),
    )
    post = Post.objects.get()
    assert (post.state, post.owner, post.first_published_at) == (State.DRAFT, person, None)
    assert "<script>" not in post.body_html


def test_an_authors_taken_back_submission_is_a_draft_again() -> None:
    client, person = sign_in("author")
    post = workflow.submit_for_review(make_post(person), person)
    assert client.post(post_url("verb", post.pk, "return")).status_code == 302
    post.refresh_from_db()
    assert post.state == State.DRAFT


# --- Lists, bulk actions, look-ups ----------------------------------------------------------------------------------


def test_lists_and_searches_show_only_what_may_be_seen() -> None:
    client, person = sign_in("author")
    make_post(None)
    workflow.save_post(Post(), person, {"title": "自分の記事"})
    for query in ("", "?q=見せない", "?all=", "?trash=1", "?mine=1"):
        assert SECRET not in client.get(post_url("changelist") + query).content.decode()
    assert "自分の記事" in client.get(post_url("changelist")).content.decode()


def test_a_search_finds_two_characters_in_title_address_and_by_line() -> None:
    client, person = sign_in("editor")
    desk = Author.objects.create(name="朝刊班")
    workflow.save_post(Post(), person, {"title": "川沿いの倉庫", "path": "/kura/", "authors": [desk]})
    for word, found in (
        ("倉庫", True),
        ("kura", True),
        ("朝刊", True),
        ("倉庫　朝刊", True),
        ("夕刊", False),
        ("\x00倉庫", True),
    ):
        page = client.get(post_url("changelist"), {"q": word}).content.decode()
        assert ("川沿いの倉庫" in page) == found, word


def test_bulk_actions_ask_for_each_post_and_name_no_foreign_title() -> None:
    client, person = sign_in("author")
    foreign, own = make_post(None), workflow.save_post(Post(), person, {"title": "自分の下書き"})
    data = {"action": "trash_chosen", "_selected_action": [foreign.pk, own.pk], "select_across": "1"}
    page = client.post(post_url("changelist"), data)
    assert SECRET not in page.content.decode()
    assert [post.pk for post in page.context["touched"]] == [own.pk]
    page = client.post(post_url("changelist"), data | {"confirmed": "trash_chosen"}, follow=True).content.decode()
    assert SECRET not in page
    assert list(Post.objects.filter(trashed_at__isnull=False)) == [own]


def test_there_is_no_bulk_deletion_and_no_editing_in_lists() -> None:
    client, person = sign_in("superuser")
    post = make_post(person)
    client.post(post_url("changelist"), {"action": "delete_selected", "_selected_action": [post.pk], "post": "yes"})
    data = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": post.pk, "form-0-state": "published", "_save": "1"}
    client.post(post_url("changelist"), data)
    post.refresh_from_db()
    assert post.state == State.DRAFT
    assert all(not model_admin.list_editable for model_admin in admin.site._registry.values())


@pytest.mark.parametrize(
    "query",
    [
        "owner__password__startswith=a",
        "body__contains=a",
        "authors__user__password__startswith=a",
        "front_matter__regex=a",
        "revisions__snapshot__contains=a",
        "published_at__gte=2020-01-01",
    ],
)
def test_lists_answer_no_question_that_they_do_not_offer(query: str) -> None:
    client, _person = sign_in("editor")
    assert client.get(post_url("changelist") + "?" + query).status_code == 400


def test_autocompletion_offers_no_foreign_posts() -> None:
    client, _person = sign_in("publisher")
    author, _author = sign_in("author")
    make_post(None)
    query = {"app_label": "articles", "model_name": "redirect", "field_name": "post", "term": "見せない"}
    assert SECRET in client.get(reverse("admin:autocomplete"), query).json()["results"][0]["text"]
    answer = author.get(reverse("admin:autocomplete"), query)
    assert SECRET not in answer.content.decode("unicode_escape", "ignore")


def test_a_list_costs_the_same_number_of_queries_whatever_its_length(django_assert_num_queries: Any) -> None:
    client, person = sign_in("editor")
    desk = Author.objects.create(name="朝刊班")
    cover = MediaFile.objects.create(sha256="a" * 64, name="a.png", content_type="image/png", public_name="aa/a.png")
    for number in range(4):
        workflow.save_post(Post(), person, {"title": f"記事{number}", "authors": [desk], "cover": cover})
    # session, user, permissions (own, groups'), assigned categories, kept views, categories, by-lines and sources for the
    # filters, count, rows, by-lines, their authors, unread notices
    with django_assert_num_queries(14):
        client.get(post_url("changelist"))
    for number in range(20):
        workflow.save_post(Post(), person, {"title": f"続き{number}", "authors": [desk], "cover": cover})
    with django_assert_num_queries(14):
        client.get(post_url("changelist"))


# --- Preview --------------------------------------------------------------------------------------------------------


def test_a_preview_shows_what_is_in_the_form_and_saves_nothing() -> None:
    client, person = sign_in("editor")
    desk = Author.objects.create(name="朝刊班")
    post = workflow.save_post(Post(), person, {"title": "保存した題", "body": "保存した文。"})
    before = Post.objects.values().get(pk=post.pk)
    data = fields(
        post,
        title="書きかけの題",
        body="**書きかけ**の文。",
        tags="未登録のタグ",
        **{"postauthor_set-TOTAL_FORMS": 1, "postauthor_set-0-author": desk.pk},
    )
    page = client.post(post_url("preview", post.pk), data).content.decode()
    assert "書きかけの題" in page
    assert "<strong>書きかけ</strong>" in page
    assert "朝刊班" in page
    assert "未登録のタグ" in page
    assert "保存した" not in page
    assert Post.objects.values().get(pk=post.pk) == before
    assert (Tag.objects.count(), Revision.objects.count()) == (0, 1)


def test_a_preview_of_a_new_post_needs_no_save_and_survives_gaps() -> None:
    client, _person = sign_in("author")
    response = client.post(post_url("preview_new"), fields(title="", body="本文だけ。", published_at_0="いつか"))
    assert response.status_code == 200
    assert "本文だけ。" in response.content.decode()
    assert not Post.objects.exists()


def test_a_preview_is_stored_nowhere_and_shown_in_frames_of_the_desk_only() -> None:
    client, person = sign_in("editor")
    post = workflow.save_post(Post(), person, {"title": "題"})
    response = client.get(post_url("preview", post.pk))
    assert "no-store" in response["Cache-Control"]
    assert "noindex" in response["X-Robots-Tag"]
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert "ETag" not in response


def test_a_preview_is_the_page_that_readers_get() -> None:
    client, person = sign_in("publisher")
    post = workflow.publish(
        workflow.save_post(Post(), person, {"title": "題", "body": "## 見出し\n\n本文。", "tags": ["AI"]}), person
    )
    preview = client.get(post_url("preview", post.pk)).content.decode()
    public = Client().get(post.get_absolute_url()).content.decode()
    # But for the script, which no preview may run.
    assert preview == re.sub(r'<script src="[^"]*" defer></script>', "", public)


# --- Moving -------------------------------------------------------------------------------------------------------


def test_moving_a_public_post_by_the_form_leaves_a_redirect() -> None:
    client, person = sign_in("publisher")
    post = workflow.publish(workflow.save_post(Post(), person, {"title": "題", "path": "/old/"}), person)
    client.post(post_url("change", post.pk), fields(post, path="/new/"))
    assert Client().get("/old/").status_code == 200
    client.post(post_url("change", post.pk), fields(Post.objects.get(), path="/new/", _verb="publish"))
    assert Redirect.objects.get().old_path == "/old/"
    assert Client().get("/old/")["Location"] == "/new/"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("はじめての記事　テスト", "はじめての記事　テスト"),
        ("  前後の  空白　 ", "前後の  空白"),
        ("一行目\r\n 二行目\n\n三行目", "一行目 二行目 三行目"),
    ],
)
def test_a_title_keeps_its_blanks_and_loses_its_line_ends(typed: str, kept: str) -> None:
    client, _person = sign_in("editor")
    client.post(post_url("add"), fields(title=typed))
    assert Post.objects.get().title == kept


def test_what_a_save_says_tells_changes_that_are_not_public_from_those_that_are() -> None:
    client, person = sign_in("publisher")
    post = workflow.publish(workflow.save_post(Post(), person, {"title": "川沿いの倉庫", "body": "本文。"}), person)
    answer = client.post(post_url("change", post.pk), fields(post, body="直した。"), follow=True)
    [said] = [str(message) for message in answer.context["messages"]]
    assert "まだ公開していません" in said
    post.refresh_from_db()
    answer = client.post(post_url("change", post.pk), fields(post, body="直した。", _verb="publish"), follow=True)
    [said] = [str(message) for message in answer.context["messages"]]
    assert "公開中です" in said
