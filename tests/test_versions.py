"""Kept versions of a post: what differs, what comes back, and who may bring it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from articles.editorial import comparison, versions, workflow
from articles.editorial.comparison import compare, compare_texts, find_stretches
from articles.editorial.workflow import ChangedMeanwhile, NotAllowed, WrongState, restore_revision
from articles.models import Author, Category, MediaFile, Post, Redirect, Revision, Series, Source, Tag
from articles.sources import source_bytes
from tests.people import make_person

State = Post.State
HEAD = "---\ntitle: 川沿いの倉庫 # 仮\nlayout: post\n---\n"


# --- Texts ----------------------------------------------------------------------------------------------------------


def apply(old: list[str], new: list[str], stretches: list[comparison.Stretch]) -> list[str]:
    """``old`` with every stretch replaced by what ``new`` has there."""
    made: list[str] = []
    place = 0
    for first, last, new_first, new_last in stretches:
        made += old[place:first] + new[new_first:new_last]
        place = last
    return made + old[place:]


def count_common(old: list[str], new: list[str]) -> int:
    """The length of the longest common subsequence, by the textbook's table."""
    row = [0] * (len(new) + 1)
    for line in old:
        above = row[:]
        for place, other in enumerate(new):
            row[place + 1] = above[place] + 1 if line == other else max(above[place + 1], row[place])
    return row[-1]


@pytest.mark.parametrize("seed", range(300))
def test_a_difference_leads_from_one_text_to_the_other_by_the_shortest_way(seed: int) -> None:
    chance = random.Random(seed)
    old, new = ([chance.choice("あいう\n") for _place in range(chance.randint(0, 14))] for _text in range(2))
    stretches = find_stretches(old, new)
    assert stretches is not None
    assert apply(old, new, stretches) == new
    edits = sum(last - first + new_last - new_first for first, last, new_first, new_last in stretches)
    assert edits == len(old) + len(new) - 2 * count_common(old, new)


def test_a_changed_line_shows_what_changed_in_it() -> None:
    removed, added = compare_texts("二行目です。ここに文。", "二行目です。そこに文。").lines
    assert (removed.start, removed.changed, removed.end) == ("二行目です。", "こ", "こに文。")
    assert (added.start, added.changed, added.end) == ("二行目です。", "そ", "こに文。")


def test_two_lines_with_nothing_in_common_are_shown_whole() -> None:
    removed, added = compare_texts("朝刊の見出し", "別のことを書いた。").lines
    assert (removed.changed, added.changed) == ("朝刊の見出し", "別のことを書いた。")


def test_lines_far_from_a_change_are_folded_and_numbered_on_both_sides() -> None:
    old = [f"行{number}" for number in range(1, 31)]
    new = [*old[:9], "入れた行", *old[9:]]
    lines = compare_texts("\n".join(old), "\n".join(new)).lines
    assert [(line.kind, line.before, line.after, line.hidden) for line in lines] == [
        ("gap", None, None, 6),
        ("same", 7, 7, 0),
        ("same", 8, 8, 0),
        ("same", 9, 9, 0),
        ("added", None, 10, 0),
        ("same", 10, 11, 0),
        ("same", 11, 12, 0),
        ("same", 12, 13, 0),
        ("gap", None, None, 18),
    ]


def test_a_line_separator_within_a_line_is_part_of_it() -> None:
    assert len(compare_texts("甲\u2028乙\x0c丙", "甲\u2028乙\x0c丁").lines) == 2


@pytest.mark.parametrize(
    ("old", "new", "is_exact"),
    [
        ("\n".join(f"a{number}" for number in range(5000)), "\n".join(f"b{number}" for number in range(5000)), False),
        ("\n" * 20_000 + "甲", "\n" * 19_000 + "乙", False),
        ("x" * 3_000_000, "x" * 1_000_000 + "y" + "x" * 2_000_000, True),
    ],
    ids=["all lines", "many blank lines", "one huge line"],
)
def test_a_difference_of_huge_texts_is_bounded(old: str, new: str, is_exact: bool) -> None:
    difference = compare_texts(old, new)
    assert difference.is_exact is is_exact
    assert len(difference.lines) <= comparison.MAX_LINES
    assert all(len(line.start) + len(line.changed) + len(line.end) < 3000 for line in difference.lines)


def test_equal_snapshots_have_no_difference_and_unequal_ones_name_the_fields() -> None:
    kept = {"title": "題", "body": "一\n二", "tags": ["AI"]}
    assert compare(kept, kept).is_empty
    found = compare(kept, {"title": "別題", "body": "一\n三", "tags": ["AI"], "extra": {"a": 1}})
    assert [(field.name, field.before, field.after) for field in found.fields] == [
        ("title", "題", "別題"),
        ("extra", None, {"a": 1}),
    ]
    assert found.front_matter is None
    assert found.body is not None


# --- The way back ---------------------------------------------------------------------------------------------------


@pytest.fixture
def editor(db: None) -> Any:
    return make_person("editor")


def first_version(post: Post) -> Revision:
    return post.revisions.order_by("pk")[0]


def write(user: Any, **changes: Any) -> Post:
    return workflow.save_post(Post(), user, {"title": "川沿いの倉庫", "body": "一\n二\n", **changes})


def test_a_version_comes_back_whole_and_is_kept_as_a_new_one(editor: Any) -> None:
    desk, section = Author.objects.create(name="朝刊班"), Category.objects.create(name="技術")
    picture = MediaFile.objects.create(sha256="a" * 64, name="表紙.png", public_name="aa/x.png")
    post = write(
        editor,
        authors=[desk],
        categories=[Category.objects.create(name="印刷", parent=section)],
        tags=["AI", "編集"],
        cover=picture,
        series=Series.objects.create(name="連載"),
        published_at=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        description="説明",
    )
    kept = versions.snapshot(post)
    others = {"authors": [], "categories": [], "tags": [], "cover": None, "series": None, "published_at": None}
    post = workflow.save_post(post, editor, {"title": "別題", "body": "三\n", "description": "", **others})
    restored = restore_revision(first_version(post), editor, expected=post.modified_at)
    assert restored.is_changed
    assert restored.left_out == {}
    assert versions.snapshot(restored.post) == kept
    assert "<p>" in Post.objects.get().body_html
    newest = Revision.objects.latest()
    assert (newest.note, newest.user, newest.snapshot, Revision.objects.count()) == (
        "restored an earlier version",
        editor,
        kept,
        3,
    )


def test_the_version_that_is_there_already_is_not_kept_twice(editor: Any) -> None:
    post = write(editor)
    assert not restore_revision(first_version(post), editor).is_changed
    assert Revision.objects.count() == 1


@pytest.mark.parametrize("state", [State.DRAFT, State.IN_REVIEW, State.WITHDRAWN])
def test_a_version_never_changes_the_state(editor: Any, state: str) -> None:
    post = workflow.publish(write(editor), None)
    version = Revision.objects.latest()
    post = workflow.save_post(workflow.withdraw(post, None), None, {"body": "あと"})
    Post.objects.filter(pk=post.pk).update(state=state)
    restored = restore_revision(version, editor)
    assert (restored.post.state, restored.post.body, restored.post.is_public) == (state, "一\n二\n", False)


def test_a_version_of_a_public_post_comes_back_as_a_draft_beside_it(editor: Any) -> None:
    post = workflow.save_post(workflow.publish(write(editor), None), None, {"body": "あと"})
    restored = restore_revision(first_version(post), make_person("publisher"))
    post.refresh_from_db()
    assert (post.body, post.state) == ("あと", State.PUBLISHED)
    assert restored.is_changed
    assert post.pending.snapshot["body"] == "一\n二\n"
    published = workflow.publish(post, None)
    assert (published.body, published.pending) == ("一\n二\n", None)


def test_only_who_may_change_the_post_brings_a_version_back(editor: Any) -> None:
    post = workflow.save_post(write(editor), editor, {"body": "あと"})
    for role in ("author", "importer", "staff"):
        with pytest.raises(NotAllowed):
            restore_revision(first_version(post), make_person(role))
    with pytest.raises(ChangedMeanwhile):
        restore_revision(first_version(post), editor, expected=datetime(2020, 1, 1, tzinfo=UTC))
    trashed = workflow.move_to_trash(post, editor)
    with pytest.raises(WrongState):
        restore_revision(first_version(trashed), editor)
    assert Post.objects.get().body == "あと"


def test_what_was_deleted_since_is_left_out_and_named(editor: Any) -> None:
    desk, section = Author.objects.create(name="朝刊班"), Category.objects.create(name="技術")
    post = write(editor, authors=[desk], categories=[section], tags=["AI"], series=Series.objects.create(name="連載"))
    post = workflow.save_post(post, editor, {"body": "あと", "authors": [], "categories": [], "tags": [], "series": None})
    for model in (Author, Category, Tag, Series):
        model.objects.all().delete()
    restored = restore_revision(first_version(post), editor)
    assert restored.left_out == {"authors": ["朝刊班"], "categories": ["技術"], "tags": ["AI"], "series": ["連載"]}
    assert (restored.post.body, Tag.objects.count()) == ("一\n二\n", 0)


def test_a_former_address_comes_back_and_one_that_is_taken_does_not(editor: Any) -> None:
    post = workflow.publish(write(editor, path="/old/"), None)
    post = workflow.save_post(workflow.withdraw(post, None), None, {"path": "/new/"})
    assert Redirect.objects.get().old_path == "/old/"
    restored = restore_revision(first_version(post), editor)
    assert (restored.post.path, Redirect.objects.get().old_path) == ("/old/", "/new/")

    post = workflow.save_post(write(editor, path="/mine/"), editor, {"path": "/moved/", "body": "あと"})
    write(editor, path="/mine/")
    restored = restore_revision(first_version(post), editor)
    assert restored.left_out == {"path": ["/mine/"]}
    assert (restored.post.path, restored.post.body) == ("/moved/", "一\n二\n")


def test_the_file_of_an_imported_post_is_what_it_was_but_for_what_must_differ(editor: Any) -> None:
    source = Source.objects.create(name="旧サイト", dialect="jekyll", timezone="Asia/Tokyo")
    post = write(editor, front_matter=HEAD, path="/kura/")
    Post.objects.filter(pk=post.pk).update(source=source, source_path="a.md", dialect="jekyll", extra={"layout": "post"})
    post.refresh_from_db()
    original = source_bytes(post)
    version = Revision.objects.create(post=post, snapshot=versions.snapshot(post))
    post = workflow.save_post(post, editor, {"title": "別題", "body": "あと", "tags": ["AI"]})
    post = restore_revision(version, editor).post
    assert source_bytes(post) == original
    post = workflow.publish(post, None)
    public = Revision.objects.latest()
    post = workflow.save_post(workflow.withdraw(post, None), None, {"body": "さらに"})
    text = source_bytes(restore_revision(public, editor).post).decode()
    assert "published: false" in text
    assert text.endswith("一\n二\n")


# --- At the desk ----------------------------------------------------------------------------------------------------


def sign_in(role: str, name: str = "") -> tuple[Client, Any]:
    person = make_person(role, name)
    client = Client()
    client.force_login(person)
    return client, person


def url(name: str, *args: Any) -> str:
    return reverse(f"admin:articles_post_{name}", args=args)


@pytest.mark.django_db
def test_the_history_names_who_when_and_what_newest_first() -> None:
    client, person = sign_in("publisher")
    person.first_name, person.last_name = "花子", "山田"
    person.save()
    post = workflow.publish(workflow.save_post(write(person), None, {"body": "あと"}), person)
    page = client.get(url("history", post.pk))
    assert [row["who"] for row in page.context["rows"]] == ["山田 花子", "システム", "山田 花子"]
    assert page.context["rows"][0]["step"] == "公開"
    assert f'datetime="{Revision.objects.latest().created_at.isoformat()}"' in page.text


@pytest.mark.django_db
def test_the_history_costs_the_same_whatever_its_length_and_is_cut_into_pages(django_assert_num_queries: Any) -> None:
    client, person = sign_in("publisher")
    post = write(person)
    for number in range(3):
        post = workflow.save_post(post, person, {"body": f"{number}"})
    # session, user, permissions (own, groups'), assigned categories, post, number of versions, their first, those of the page,
    # unread notices
    with django_assert_num_queries(10):
        client.get(url("history", post.pk))
    for number in range(60):
        Revision.objects.create(post=post, user=person, snapshot={"body": "x" * number})
    with django_assert_num_queries(10):
        page = client.get(url("history", post.pk))
    assert len(page.context["rows"]) == 50
    assert len(client.get(url("history", post.pk), {"page": "2"}).context["rows"]) == 14


@pytest.mark.django_db
def test_a_comparison_escapes_what_people_wrote() -> None:
    client, person = sign_in("publisher")
    evil = '<script>alert(1)</script>\u202egpj <img src=x onerror="alert(2)">'
    post = workflow.save_post(
        write(person, title=evil, body=evil, tags=["<b>"]), person, {"title": f"{evil}!", "body": f"{evil}?"}
    )
    page = client.get(url("compare", post.pk), {"before": first_version(post).pk, "after": "now"}).text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.django_db
def test_any_two_versions_are_compared_and_none_of_another_post() -> None:
    client, person = sign_in("publisher")
    post = write(person)
    for body in ("二", "三"):
        post = workflow.save_post(post, person, {"body": body})
    one, two, three = post.revisions.order_by("pk")
    difference = client.get(url("compare", post.pk), {"before": two.pk, "after": three.pk}).context["comparison"]
    assert [piece for block in difference.body.blocks for piece in block.pieces] == [("removed", "二"), ("added", "三")]
    assert client.get(url("compare", post.pk), {"before": three.pk, "after": "now"}).context["comparison"].is_empty
    other = write(person, path="/other/")
    for query in ({"before": first_version(other).pk}, {"before": "x"}, {"before": one.pk, "after": "9" * 30}, {}):
        assert client.get(url("compare", post.pk), query).status_code == 404, query
    assert client.post(url("restore_version", post.pk, first_version(other).pk), {"seen": "x"}).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("is_public", [False, True])
def test_where_only_what_is_gone_differs_the_button_says_so_and_names_it(is_public: bool) -> None:
    client, person = sign_in("publisher")
    desk, section = Author.objects.create(name="朝刊班"), Category.objects.create(name="技術")
    post = write(person, authors=[desk], categories=[section], path="/kura/")
    if is_public:
        post = workflow.publish(post, person)
    version = post.revisions.latest()
    desk.delete()
    section.delete()
    post.refresh_from_db()
    seen = {"seen": post.modified_at.isoformat()}
    answer = client.post(url("restore_version", post.pk, version.pk), seen, follow=True)
    said = [str(message) for message in answer.context["messages"]]
    assert any("朝刊班" in line for line in said)
    assert any("技術" in line for line in said)
    assert not any("同じなので" in line for line in said)
    assert Revision.objects.filter(post=post).latest() == version


@pytest.mark.django_db
def test_a_draft_gets_a_version_back_by_button_and_a_stale_page_does_not() -> None:
    client, person = sign_in("author")
    post = workflow.save_post(write(person), person, {"body": "あと"})
    page = client.get(url("compare", post.pk), {"before": first_version(post).pk})
    way = page.context["ways_back"][0]
    answer = client.post(way["restore_url"], {"seen": page.context["seen"]}, follow=True)
    assert "一\n二" in answer.text
    assert [message.level_tag for message in answer.context["messages"]] == ["success"]
    answer = client.post(way["restore_url"], {"seen": page.context["seen"]}, follow=True)
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]
    for seen in ("", "いつか", "2026-02-31T00:00:00Z"):
        answer = client.post(way["restore_url"], {"seen": seen}, follow=True)
        assert [message.level_tag for message in answer.context["messages"]] == ["error"], seen
    assert Revision.objects.count() == 3


@pytest.mark.django_db
def test_a_version_of_a_public_post_opens_in_the_form_and_waits_for_the_button() -> None:
    client, person = sign_in("publisher")
    desk = Author.objects.create(name="朝刊班")
    post = workflow.publish(write(person, tags=["AI"], authors=[desk]), person)
    version = first_version(post)
    post = workflow.save_post(post, person, {"body": "今の文", "tags": [], "authors": []})
    page = client.get(url("compare", post.pk), {"before": version.pk})
    answer = client.get(page.context["ways_back"][0]["form_url"])
    form = answer.context["adminform"].form
    assert (form["body"].value(), form["tags"].value()) == ("一\n二\n", "AI")
    assert [row.initial["author"] for row in answer.context["inline_admin_formsets"][0].formset.forms] == [desk.pk]
    post.refresh_from_db()
    assert post.body == "今の文"


@pytest.mark.django_db
def test_a_history_of_anothers_draft_answers_like_one_that_is_not_there() -> None:
    client, _person = sign_in("author")
    post = workflow.save_post(Post(), None, {"title": "誰にも見せない題"})
    version = first_version(post)
    for address in (url("history", post.pk), url("compare", post.pk) + f"?before={version.pk}"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert "見せない" not in answer.text
    assert client.post(url("restore_version", post.pk, version.pk)).status_code == 404


@pytest.mark.django_db
def test_who_may_see_but_not_change_compares_and_restores_nothing() -> None:
    client, person = sign_in("staff")
    person.user_permissions.add(*Permission.objects.filter(codename__in=["view_post", "change_others_post"]))
    post = workflow.save_post(write(None), None, {"body": "あと"})
    page = client.get(url("compare", post.pk), {"before": first_version(post).pk})
    assert page.status_code == 200
    assert page.context["ways_back"] == []
    assert client.post(url("restore_version", post.pk, first_version(post).pk)).status_code == 403
    assert timezone.now() > Post.objects.get().modified_at


def test_a_version_from_before_publication_comes_back_without_taking_the_date_from_readers(editor: Any) -> None:
    publisher = make_person("publisher")
    post = workflow.save_post(Post(), publisher, {"title": "倉庫", "body": "初稿。"})
    post = workflow.publish(post, publisher)
    date = timezone.now() - timedelta(days=400)
    Post.objects.filter(pk=post.pk).update(published_at=date)
    post.refresh_from_db()
    workflow.save_draft(post, publisher, {"body": "直した稿。"})
    restore_revision(first_version(post), publisher)
    post.refresh_from_db()
    workflow.publish(post, publisher)
    post.refresh_from_db()
    assert (post.body, post.published_at) == ("初稿。", date)


def test_a_draft_that_nobody_has_read_takes_back_that_it_had_no_date(editor: Any) -> None:
    post = workflow.save_post(Post(), editor, {"title": "倉庫", "body": "初稿。"})
    workflow.save_draft(post, editor, {"published_at": timezone.now() - timedelta(days=3)})
    restore_revision(first_version(post), editor)
    post.refresh_from_db()
    assert post.published_at is None


def test_the_front_matter_of_a_version_from_before_publication_gets_the_date_that_stays(editor: Any) -> None:
    publisher = make_person("publisher")
    post = workflow.save_post(Post(), publisher, {"title": "川沿いの倉庫", "body": "初稿。", "front_matter": HEAD})
    post = workflow.publish(post, publisher)
    workflow.save_draft(post, publisher, {"body": "直した稿。"})
    said = next(line for line in post.front_matter.splitlines() if line.startswith("date:"))
    restore_revision(first_version(post), publisher)
    post.refresh_from_db()
    assert said in post.pending.snapshot["front_matter"].splitlines()


def test_a_version_that_has_its_date_from_elsewhere_gets_none_into_its_front_matter(editor: Any) -> None:
    date = timezone.now() - timedelta(days=3)
    post = workflow.save_post(Post(), None, {"title": "川沿いの倉庫", "body": "初稿。", "front_matter": HEAD})
    Post.objects.filter(pk=post.pk).update(published_at=date)
    post.refresh_from_db()
    Revision.objects.update(snapshot=versions.snapshot(post))
    assert "date:" not in post.front_matter
    workflow.save_draft(post, None, {"body": "直した稿。"})
    restore_revision(first_version(post), editor)
    post.refresh_from_db()
    assert (post.body, post.published_at, post.front_matter) == ("初稿。", date, HEAD)
