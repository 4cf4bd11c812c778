"""Terms that become one: what goes where, who may do it, and that undoing it leaves nothing behind."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from articles.editorial import workflow
from articles.editorial.term_merges import merge_terms, undo_merge
from articles.editorial.terms import RefusedTerm, find_category
from articles.editorial.versions import ordered_authors, ordered_categories, ordered_tags
from articles.models import (
    Assignment,
    Author,
    Category,
    Post,
    PostAuthor,
    PostCategory,
    SavedView,
    Series,
    SiteLink,
    SiteSettings,
    Source,
    Tag,
    TaggedPost,
    TermMerge,
    TermRedirect,
)
from articles.transfer.exporting import export_posts
from articles.transfer.importing import import_archive
from tests.factories import CategoryFactory, PostFactory, SeriesFactory
from tests.people import make_person
from tests.test_former_terms import FEEDS, FOLDERS, leads, write_posts
from tests.test_terms_at_the_desk import said, sign_in

pytestmark = pytest.mark.django_db

FIELDS = {"category": "categories", "tag": "tags", "author": "authors"}
MODELS: dict[str, Any] = {"category": Category, "tag": Tag, "author": Author, "series": Series}
ORDERED = {"category": ordered_categories, "tag": ordered_tags, "author": ordered_authors}


def make_terms(kind: str, *names: str) -> list[Any]:
    if kind == "series":
        return [SeriesFactory(name=name) for name in names]
    if kind == "category":
        return [CategoryFactory(name=name) for name in names]
    return [MODELS[kind].objects.create(name=name) for name in names]


def make_post(kind: str, *names: str, **fields: Any) -> Post:
    """A public post with the terms of these names, in their order."""
    if kind == "series":
        return PostFactory(series=Series.objects.get(name=names[0]), **fields)
    rows = [MODELS[kind].objects.get(name=name) for name in names]
    return PostFactory(**{FIELDS[kind]: names if kind == "tag" else rows}, **fields)


def names_of(post: Post, kind: str) -> list[str]:
    post = Post.objects.get(pk=post.pk)
    if kind == "series":
        return [post.series.name] if post.series else []
    return [term.name for term in ORDERED[kind](post)]


def everything() -> list[Any]:
    """All that a merge changes, but times, versions and the record itself."""
    rows: list[Any] = []
    for model in (*MODELS.values(), SiteLink):
        rows += [(model.__name__, sorted(row.items(), key=str)) for row in model.objects.order_by("pk").values()]
    rows += [list(model.objects.order_by("pk").values()) for model in (PostAuthor, PostCategory, TaggedPost)]
    redirects = TermRedirect.objects.order_by("kind", "old_slug")
    rows += [list(redirects.values("kind", "old_slug", *MODELS)), list(Post.objects.order_by("pk").values("pk", "series"))]
    return rows


def lead_from(address: str) -> Category | None:
    """The category below one that came back: what its address was meanwhile leads on, too, and is taken away here."""
    former = TermRedirect.objects.get(kind="category", old_slug=address)
    former.delete()
    return former.category


# --- What goes where --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FOLDERS)
def test_posts_of_the_term_that_goes_have_the_one_that_stays(client: Client, kind: str) -> None:
    goes, stays = make_terms(kind, "サーバ", "サーバー")
    posts = [make_post(kind, "サーバ"), make_post(kind, "サーバー")]
    merge = merge_terms([goes], stays, None)
    assert [names_of(post, kind) for post in posts] == [["サーバー"], ["サーバー"]]
    assert not MODELS[kind].objects.filter(pk=goes.pk).exists()
    assert (merge.number_of_posts, str(merge)) == (1, "サーバ → サーバー")
    page = client.get(f"/{FOLDERS[kind]}/サーバー/").content.decode()
    assert all(post.title in page for post in posts)


@pytest.mark.parametrize("kind", FOLDERS)
def test_the_address_and_the_feeds_of_the_term_that_went_lead_on_in_one_step(client: Client, kind: str) -> None:
    goes, stays = make_terms(kind, "旧", "サーバー")
    goes.name, goes.slug = "サーバ", "サーバ"
    goes.save()
    make_post(kind, "サーバ")
    merge_terms([goes], stays, None)
    folder = FOLDERS[kind]
    for former in ("サーバ", "旧"):
        assert leads(client, f"/{folder}/{former}/") == f"/{folder}/サーバー/"
        for feed in FEEDS:
            assert leads(client, f"/{folder}/{former}/{feed}") == f"/{folder}/サーバー/{feed}"


@pytest.mark.parametrize("kind", FIELDS)
def test_a_post_with_both_has_the_one_once_in_the_place_of_the_first(kind: str) -> None:
    goes, _other, stays = make_terms(kind, "甲", "乙", "丙")
    post = make_post(kind, "甲", "乙", "丙")
    merge_terms([goes], stays, None)
    assert names_of(post, kind) == ["丙", "乙"]


@pytest.mark.parametrize("kind", FOLDERS)
def test_several_become_one_at_once_and_what_was_empty_is_taken_over(kind: str) -> None:
    first, second, stays = make_terms(kind, "甲", "乙", "丙")
    text = "bio" if kind == "author" else "description"
    for term, words in ((first, ""), (second, "乙の説明")):
        setattr(term, text, words)
        term.aliases = [f"{term.name}の別名"]
        term.save()
    merge_terms([first, second], stays, None)
    stays.refresh_from_db()
    assert getattr(stays, text) == "乙の説明"
    assert stays.aliases == ["甲", "甲の別名", "乙", "乙の別名"]


@pytest.mark.parametrize("kind", FOLDERS)
def test_each_post_keeps_a_version_before_and_one_that_says_what_was_done(kind: str) -> None:
    person = make_person("publisher")
    goes, stays = make_terms(kind, "サーバ", "サーバー")
    post = make_post(kind, "サーバ")
    modified = post.modified_at
    merge_terms([goes], stays, person)
    newest, before = post.revisions.all()
    assert newest.user == person
    assert "サーバ → サーバー" in newest.note
    field = FIELDS.get(kind, "series")
    assert "サーバー" in str(newest.snapshot[field])
    assert "サーバー" not in str(before.snapshot[field])
    post.refresh_from_db()
    assert post.modified_at > modified
    workflow.restore_revision(before, person)
    assert names_of(post, kind) == ["サーバー"]


def test_what_lies_below_a_category_goes_along_and_its_addresses_lead_on(client: Client) -> None:
    goes, stays = make_terms("category", "電脳", "技術")
    child = CategoryFactory(name="記憶", parent=goes)
    grandchild = CategoryFactory(name="磁気", parent=child)
    PostFactory(categories=[grandchild])
    merge_terms([goes], stays, None)
    grandchild.refresh_from_db()
    assert grandchild.full_slug == "技術/記憶/磁気"
    assert leads(client, "/categories/電脳/記憶/磁気/") == "/categories/技術/記憶/磁気/"
    assert leads(client, "/categories/電脳/") == "/categories/技術/"


def test_a_category_and_one_below_it_become_a_third_together() -> None:
    goes, stays = make_terms("category", "電脳", "技術")
    below = CategoryFactory(name="記憶", parent=goes)
    deepest = CategoryFactory(name="磁気", parent=below)
    post = PostFactory(categories=[below, goes])
    before = everything()
    merge = merge_terms([goes, below], stays, None)
    deepest.refresh_from_db()
    assert deepest.full_slug == "技術/磁気"
    assert names_of(post, "category") == ["技術"]
    undo_merge(merge, None)
    assert lead_from("技術/磁気") == deepest
    assert everything() == before


def test_links_of_the_site_lead_to_the_one_that_stays() -> None:
    goes, stays = make_terms("tag", "サーバ", "サーバー")
    version = SiteSettings.objects.create(number=1)
    link = SiteLink.objects.create(settings=version, place="navigation", position=0, label="機械", tag=goes)
    merge_terms([goes], stays, None)
    link.refresh_from_db()
    assert link.tag == stays


def test_every_relation_to_a_term_is_one_that_a_merge_knows() -> None:
    """A new one has to be given to the term that stays, or it is deleted with the one that goes."""
    known = {"TermRedirect", "Post", "TaggedPost", "PostCategory", "PostAuthor", "SiteLink", "Category", "Assignment"}
    for model in MODELS.values():
        related = [field for field in model._meta.get_fields(include_hidden=True) if field.auto_created and not field.concrete]
        assert {field.related_model.__name__ for field in related} <= known


# --- Files ------------------------------------------------------------------------------------------------------------


def test_files_name_the_term_that_stays_by_the_name_of_the_one_that_went(tmp_path: Path) -> None:
    import_archive(write_posts(tmp_path / "site", 1))
    for kind, model in MODELS.items():
        [stays] = make_terms(kind, f"統合{kind}")
        merge_terms(list(model.objects.exclude(pk=stays.pk)), stays, None)
    counts = [model.objects.count() for model in MODELS.values()]
    import_archive(write_posts(tmp_path / "site", 1, 2))
    assert [model.objects.count() for model in MODELS.values()] == counts
    for title in ("第1話", "第2話"):
        post = Post.objects.get(title=title)
        assert [names_of(post, kind) for kind in MODELS] == [[f"統合{kind}"] for kind in MODELS]


def test_an_export_is_identical_after_a_merge_and_a_later_edit_touches_its_own_line_only(tmp_path: Path) -> None:
    site = write_posts(tmp_path / "site", 1, tag="電算, コンピュータ")
    import_archive(site)
    merge_terms([Tag.objects.get(name="電算")], Tag.objects.get(name="コンピュータ"), None)
    written = (site / "_posts/2025-04-01-n1.md").read_text()
    assert exported(tmp_path / "first") == written
    workflow.save_post(Post.objects.get(), make_person("publisher"), {"title": "直した題"})
    assert exported(tmp_path / "second") == written.replace("第1話", "直した題")


def exported(folder: Path) -> str:
    export_posts(folder)
    return next(folder.rglob("2025-04-01-n1.md")).read_text()


# --- What cannot be merged --------------------------------------------------------------------------------------------


def refuse(terms: list[Any], into: Any) -> str:
    before = everything()
    with pytest.raises(RefusedTerm) as refused:
        merge_terms(terms, into, None)
    assert everything() == before
    assert not TermMerge.objects.exists()
    return str(refused.value)


def test_a_category_cannot_become_one_that_lies_below_it() -> None:
    [above] = make_terms("category", "上")
    below = CategoryFactory(name="下", parent=above)
    assert "上" in refuse([above], below)


def test_two_of_one_name_below_them_are_named() -> None:
    first, second, stays = make_terms("category", "甲", "乙", "丙")
    for parent in (first, second):
        CategoryFactory(name="速報", parent=parent)
    assert "速報" in refuse([first, second], stays)
    CategoryFactory(name="速報", parent=stays)
    assert "速報" in refuse([first], stays)


def test_a_category_that_accounts_are_limited_to_stays() -> None:
    goes, stays = make_terms("category", "甲", "乙")
    Assignment.objects.create(user=make_person("editor"), category=goes)
    assert "甲" in refuse([goes], stays)


def test_a_by_line_of_an_account_stays() -> None:
    goes, stays = make_terms("author", "甲", "乙")
    goes.user = make_person("author")
    goes.save()
    assert "甲" in refuse([goes], stays)


def test_a_term_that_is_gone_meanwhile_is_named() -> None:
    goes, stays = make_terms("tag", "甲", "乙")
    Tag.objects.filter(pk=goes.pk).delete()
    assert "甲" in refuse([goes], stays)


# --- Undoing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FOLDERS)
def test_undoing_leaves_everything_as_it_was(kind: str) -> None:
    first, second, stays = make_terms(kind, "甲", "乙", "丙")
    first.name, first.slug, first.aliases = "新甲", "shinko", ["コウ"]
    first.save()
    second.description = second.bio = "乙の説明"
    second.save()
    stays.aliases = ["ヘイ"]
    stays.save()
    for names in (["新甲"], ["乙"], ["丙"], ["乙", "新甲"], ["丙", "乙"], ["新甲", "丙", "乙"]):
        make_post(kind, *names)
    if kind == "category":
        CategoryFactory(name="子", parent=first)
    before = everything()
    merge = merge_terms([first, second], stays, None)
    assert everything() != before
    assert undo_merge(merge, None) == (4 if kind == "series" else 5)
    if kind == "category":
        assert lead_from("丙/子") == Category.objects.get(name="子")
    assert everything() == before
    merge.refresh_from_db()
    assert merge.undone_at is not None


def test_a_post_that_lost_the_term_since_does_not_get_it_back() -> None:
    goes, stays = make_terms("tag", "甲", "乙")
    kept, changed = make_post("tag", "甲"), make_post("tag", "甲")
    gone = make_post("tag", "甲")
    merge = merge_terms([goes], stays, None)
    TaggedPost.objects.filter(content_object=changed).delete()
    gone.delete()
    later = make_post("tag", "乙")
    assert undo_merge(merge, None) == 1
    assert [names_of(post, "tag") for post in (kept, changed, later)] == [["甲"], [], ["乙"]]


@pytest.mark.parametrize("kind", FOLDERS)
def test_undoing_keeps_versions_too(kind: str) -> None:
    goes, stays = make_terms(kind, "甲", "乙")
    post = make_post(kind, "甲")
    merge = merge_terms([goes], stays, None)
    undo_merge(merge, make_person("publisher"))
    newest = post.revisions.first()
    assert newest is not None
    assert "甲" in newest.note
    assert "甲" in str(newest.snapshot[FIELDS.get(kind, "series")])


def test_merges_into_one_are_undone_from_the_newest() -> None:
    first, second, stays = make_terms("tag", "甲", "乙", "丙")
    post = make_post("tag", "甲", "乙")
    before = everything()
    older, newer = merge_terms([first], stays, None), merge_terms([second], stays, None)
    with pytest.raises(RefusedTerm, match="丙"):
        undo_merge(older, None)
    undo_merge(newer, None)
    undo_merge(older, None)
    assert everything() == before
    assert names_of(post, "tag") == ["甲", "乙"]


def test_a_merge_of_the_one_that_stayed_is_undone_before() -> None:
    first, second, third = make_terms("category", "甲", "乙", "丙")
    make_post("category", "甲")
    before = everything()
    older, newer = merge_terms([first], second, None), merge_terms([second], third, None)
    with pytest.raises(RefusedTerm, match="乙"):
        undo_merge(older, None)
    undo_merge(newer, None)
    undo_merge(older, None)
    assert everything() == before


def test_a_merge_is_undone_once() -> None:
    goes, stays = make_terms("tag", "甲", "乙")
    merge = merge_terms([goes], stays, None)
    undo_merge(merge, None)
    with pytest.raises(RefusedTerm):
        undo_merge(merge, None)


def test_a_name_that_is_taken_since_keeps_the_merge_as_it_is() -> None:
    goes, stays = make_terms("tag", "甲", "乙")
    merge = merge_terms([goes], stays, None)
    Tag.objects.create(name="甲")
    before = everything()
    with pytest.raises(RefusedTerm, match="甲"):
        undo_merge(merge, None)
    assert everything() == before
    merge.refresh_from_db()
    assert merge.undone_at is None


def test_a_place_that_is_gone_since_keeps_the_merge_as_it_is() -> None:
    above, stays = make_terms("category", "上", "丙")
    goes = CategoryFactory(name="下", parent=above)
    merge = merge_terms([goes], stays, None)
    above.delete()
    with pytest.raises(RefusedTerm, match="下"):
        undo_merge(merge, None)
    assert not Category.objects.filter(name="下").exists()


def test_merging_and_undoing_cost_the_same_queries_for_few_posts_and_many() -> None:
    counts = []
    for number in (2, 20):
        goes, stays = make_terms("tag", f"甲{number}", f"乙{number}")
        for _post in range(number):
            make_post("tag", goes.name, categories=[CategoryFactory()], authors=["班"], series=SeriesFactory())
        with CaptureQueriesContext(connection) as queries:
            undo_merge(merge_terms([goes], stays, None), None)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_slug_that_is_taken_since_gives_the_term_that_comes_back_a_number(kind: str) -> None:
    goes, stays, third = make_terms(kind, "甲", "乙", "丙")
    goes.slug = "ko"
    goes.save()
    merge = merge_terms([goes], stays, None)
    third.slug = "ko"
    third.save()
    undo_merge(merge, None)
    assert set(MODELS[kind].objects.values_list("name", "slug")) == {("甲", "ko-2"), ("乙", "乙"), ("丙", "ko")}


@pytest.mark.parametrize("kind", FIELDS)
def test_a_post_that_was_edited_since_keeps_its_order_when_a_merge_is_undone(kind: str) -> None:
    person = make_person("publisher")
    goes, _stays, third = make_terms(kind, "甲", "乙", "丙")
    post = make_post(kind, "甲")
    merge = merge_terms([goes], MODELS[kind].objects.get(name="乙"), None)
    stays = MODELS[kind].objects.get(name="乙")
    workflow.save_post(Post.objects.get(pk=post.pk), person, {FIELDS[kind]: [third, stays] if kind != "tag" else ["丙", "乙"]})
    undo_merge(merge, None)
    assert names_of(post, kind) == ["丙", "甲"]


def test_a_key_that_was_given_again_is_not_written_over() -> None:
    goes, stays = make_terms("tag", "甲", "乙")
    merge = merge_terms([goes], stays, None)
    Tag.objects.create(pk=goes.pk, name="無関係")
    with pytest.raises(RefusedTerm, match="甲"):
        undo_merge(merge, None)
    assert Tag.objects.get(pk=goes.pk).name == "無関係"


def test_the_note_of_an_undone_merge_names_the_term_whatever_its_number() -> None:
    goes, stays = make_terms("tag", "甲", "乙")
    category = Category.objects.create(pk=goes.pk, name="欄")
    post = PostFactory(tags=["甲"], categories=[category])
    undo_merge(merge_terms([goes], stays, None), None)
    newest = post.revisions.first()
    assert newest is not None
    assert newest.note.endswith("甲")


def test_a_note_says_what_stayed_however_long_the_names_are() -> None:
    *go, stays = make_terms("tag", *(f"{number}{'長' * 190}" for number in range(5)), "残るもの")
    post = make_post("tag", go[0].name)
    merge_terms(go, stays, None)
    newest = post.revisions.first()
    assert newest is not None
    assert newest.note.endswith("→ 残るもの")


# --- What follows a term besides --------------------------------------------------------------------------------------


def test_names_that_an_import_joined_with_a_by_line_are_joined_with_the_one_that_stays() -> None:
    goes, stays = make_terms("author", "山田", "整理部")
    chosen_before = {"authors": {"taro": {"author": goes.pk}, "hana": {"author": stays.pk}}, "default_author": "x"}
    source = Source.objects.create(name="旧サイト", dialect="jekyll", timezone="Asia/Tokyo", choices=chosen_before)
    merge = merge_terms([goes], stays, None)
    source.refresh_from_db()
    assert source.choices["authors"] == {"taro": {"author": stays.pk}, "hana": {"author": stays.pk}}
    undo_merge(merge, None)
    source.refresh_from_db()
    assert source.choices == chosen_before


@pytest.mark.parametrize("kind", ["category", "author"])
def test_saved_lists_are_filtered_by_the_one_that_stays(kind: str) -> None:
    goes, stays = make_terms(kind, "甲", "乙")
    view = SavedView.objects.create(user=make_person("editor"), name="甲だけ", query=f"{kind}={goes.pk}&q=%E5%B7%9D")
    other = SavedView.objects.create(user=view.user, name="ほか", query=f"{kind}={goes.pk}1")
    merge = merge_terms([goes], stays, None)
    view.refresh_from_db()
    other.refresh_from_db()
    assert view.query == f"{kind}={stays.pk}&q=%E5%B7%9D"
    assert other.query == f"{kind}={goes.pk}1"
    undo_merge(merge, None)
    view.refresh_from_db()
    assert view.query == f"{kind}={goes.pk}&q=%E5%B7%9D"


def test_a_category_with_a_slug_of_its_own_is_found_at_its_former_place_by_old_versions() -> None:
    [above] = make_terms("category", "上")
    goes = Category.objects.create(name="甲", slug="tech")
    stays = CategoryFactory(name="乙", parent=above)
    post = PostFactory(categories=[goes])
    merge = merge_terms([goes], stays, None)
    before = post.revisions.last()
    assert before is not None
    restored = workflow.restore_revision(before, make_person("publisher"))
    assert not restored.left_out
    undo_merge(merge, None)
    assert not TermRedirect.objects.filter(old_slug="甲").exists()


def test_a_name_that_a_sibling_has_or_had_stays_the_siblings() -> None:
    above, goes = make_terms("category", "上", "甲")
    sibling = CategoryFactory(name="甲", parent=above)
    sibling.name = "丁"
    sibling.save()
    stays = CategoryFactory(name="乙", parent=above)
    merge_terms([goes], stays, None)
    assert find_category(above, "甲") == sibling


# --- At the desk ------------------------------------------------------------------------------------------------------


def listed(kind: str) -> str:
    return reverse(f"admin:articles_{kind}_changelist")


def chosen(*terms: Any, **data: Any) -> dict[str, Any]:
    return {"action": "merge_chosen", "_selected_action": [term.pk for term in terms], **data}


@pytest.mark.parametrize("kind", FOLDERS)
def test_the_desk_asks_which_one_stays_and_proposes_the_one_with_most_posts(kind: str) -> None:
    client, person = sign_in("publisher")
    goes, stays = make_terms(kind, "サーバ", "サーバー")
    make_post(kind, "サーバー")
    page = client.post(listed(kind), chosen(goes, stays)).content.decode()
    assert f'value="{stays.pk}" checked' in page
    assert MODELS[kind].objects.count() == 2
    done = client.post(listed(kind), chosen(goes, stays, confirmed="merge_chosen", stays=goes.pk))
    assert done.status_code == 302
    assert reverse(f"admin:articles_{kind}_merges") in said(done)
    assert MODELS[kind].objects.get() == goes
    assert LogEntry.objects.get().user == person
    merges = client.get(reverse(f"admin:articles_{kind}_merges")).content.decode()
    assert "サーバー → サーバ" in merges
    undo = reverse(f"admin:articles_{kind}_undo_merge", args=[TermMerge.objects.get().pk])
    assert undo in merges
    assert client.get(undo).status_code == 405
    assert client.post(undo).status_code == 302
    assert MODELS[kind].objects.count() == 2
    assert undo not in client.get(reverse(f"admin:articles_{kind}_merges")).content.decode()


def test_names_that_may_be_one_stand_together_with_a_button() -> None:
    client, _person = sign_in("publisher")
    make_terms("tag", "サーバ", "サーバー", "新聞")
    page = client.get(reverse("admin:articles_tag_merges")).content.decode()
    assert "サーバ" in page
    assert "新聞" not in page
    above = CategoryFactory(name="上")
    CategoryFactory(name="サーバ", parent=above)
    CategoryFactory(name="サーバー")
    assert "サーバ" not in client.get(reverse("admin:articles_category_merges")).content.decode()
    CategoryFactory(name="サーバー", parent=above)
    assert "サーバ" in client.get(reverse("admin:articles_category_merges")).content.decode()


def test_what_cannot_be_merged_is_said_on_the_page_that_asks() -> None:
    client, _person = sign_in("publisher")
    above = CategoryFactory(name="上")
    below = CategoryFactory(name="下", parent=above)
    answer = client.post(listed("category"), chosen(above, below, confirmed="merge_chosen", stays=below.pk))
    assert answer.status_code == 200
    assert "上" in said(answer)
    assert Category.objects.count() == 2


@pytest.mark.parametrize("number", [1, 101])
def test_one_alone_and_too_many_are_refused_in_words(number: int) -> None:
    client, _person = sign_in("publisher")
    Tag.objects.bulk_create([Tag(name=f"語{i}", slug=f"go{i}", identity=f"語{i}") for i in range(number)])
    answer = client.post(listed("tag"), chosen(*Tag.objects.all()))
    assert said(answer)
    assert Tag.objects.count() == number


@pytest.mark.parametrize("stays", ["", "x", "999999", "9" * 40])
def test_a_choice_that_is_none_of_them_asks_again(stays: str) -> None:
    client, _person = sign_in("publisher")
    terms = make_terms("tag", "甲", "乙")
    answer = client.post(listed("tag"), chosen(*terms, confirmed="merge_chosen", stays=stays))
    assert answer.status_code == 200
    assert Tag.objects.count() == 2


@pytest.mark.parametrize("role", ["importer", "author"])
def test_who_may_not_delete_terms_merges_none(role: str) -> None:
    client, _person = sign_in(role)
    goes, stays = make_terms("tag", "甲", "乙")
    client.post(listed("tag"), chosen(goes, stays, confirmed="merge_chosen", stays=stays.pk))
    assert Tag.objects.count() == 2
    assert client.get(reverse("admin:articles_tag_merges")).status_code == 403
    merge = merge_terms([goes], stays, None)
    assert client.post(reverse("admin:articles_tag_undo_merge", args=[merge.pk])).status_code == 403
    assert Tag.objects.count() == 1


def test_a_limited_account_merges_its_own_categories_only() -> None:
    client, person = sign_in("publisher")
    own, other = make_terms("category", "内", "外")
    below, second = CategoryFactory(name="下", parent=own), CategoryFactory(name="二", parent=own)
    Assignment.objects.create(user=person, category=own)
    client.post(listed("category"), chosen(below, other, confirmed="merge_chosen", stays=below.pk))
    assert Category.objects.count() == 4
    client.post(listed("category"), chosen(below, second, confirmed="merge_chosen", stays=below.pk))
    assert Category.objects.count() == 3
    third = CategoryFactory(name="三")
    merge = merge_terms([third], other, None)
    assert client.post(reverse("admin:articles_category_undo_merge", args=[merge.pk])).status_code == 403


def test_a_merge_of_another_kind_is_not_found() -> None:
    client, _person = sign_in("publisher")
    goes, stays = make_terms("tag", "甲", "乙")
    merge = merge_terms([goes], stays, None)
    assert client.post(reverse("admin:articles_series_undo_merge", args=[merge.pk])).status_code == 404
    assert client.post(reverse("admin:articles_series_undo_merge", args=[10**30])).status_code == 404


def test_the_page_of_merges_costs_the_same_queries_for_few_and_many() -> None:
    client, person = sign_in("publisher")
    counts = []
    for number in (1, 12):
        for index in range(number):
            make_terms("tag", f"サーバ{number}{index}甲ー", f"サーバー{number}{index}甲")
            goes, stays = make_terms("tag", f"行{number}{index}", f"残{number}{index}")
            merge_terms([goes], stays, person)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse("admin:articles_tag_merges")).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_pages_about_categories_cost_the_same_queries_for_few_and_many() -> None:
    client, _person = sign_in("publisher")
    counts = []
    for number in (1, 12):
        for index in range(number):
            above = CategoryFactory(name=f"上{number}{index}", parent=CategoryFactory(name=f"最上{number}{index}"))
            for name in ("サーバ", "サーバー"):
                CategoryFactory(name=name, parent=above)
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("admin:articles_category_merges"))
            client.post(listed("category"), chosen(*Category.objects.filter(name__startswith="サーバ")))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_lists_lead_to_the_page_of_merges_for_those_who_may() -> None:
    for kind in FOLDERS:
        merges = reverse(f"admin:articles_{kind}_merges")
        assert merges in sign_in("publisher", f"a-{kind}")[0].get(listed(kind)).content.decode()
        assert merges not in sign_in("author", f"b-{kind}")[0].get(listed(kind)).content.decode()


def test_a_limited_account_undoes_nothing_that_would_come_back_outside_its_categories() -> None:
    client, person = sign_in("publisher")
    own, outside = make_terms("category", "内", "外")
    below = CategoryFactory(name="内の下", parent=own)
    Assignment.objects.create(user=person, category=own)
    foreign, own_merge = merge_terms([outside], own, None), merge_terms([below], own, None)
    page = client.get(reverse("admin:articles_category_merges")).content.decode()
    undo = [reverse("admin:articles_category_undo_merge", args=[merge.pk]) for merge in (foreign, own_merge)]
    assert undo[0] not in page
    assert undo[1] in page
    assert client.post(undo[0]).status_code == 403
    assert not Category.objects.filter(name="外").exists()
    assert client.post(undo[1]).status_code == 302
    assert Category.objects.filter(name="内の下").exists()


def test_older_merges_are_reached_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("articles.admin.term_merging.MAX_SHOWN", 2)
    client, _person = sign_in("publisher")
    [stays] = make_terms("tag", "残")
    merges = [merge_terms(make_terms("tag", f"行{number}"), stays, None) for number in range(3)]
    oldest = reverse("admin:articles_tag_undo_merge", args=[merges[0].pk])
    address = reverse("admin:articles_tag_merges")
    assert oldest not in client.get(address).content.decode()
    assert oldest in client.get(f"{address}?page=2").content.decode()
    assert client.get(f"{address}?page=x").status_code == 200


def test_a_limited_account_is_shown_its_own_proposals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("articles.admin.term_merging.MAX_SHOWN", 1)
    client, person = sign_in("publisher")
    own, other = make_terms("category", "ん内", "あ外")
    for parent, name in ((own, "ンサーバ"), (other, "アサーバ")):
        CategoryFactory(name=name, parent=parent)
        CategoryFactory(name=f"{name}ー", parent=parent)
    Assignment.objects.create(user=person, category=own)
    page = client.get(reverse("admin:articles_category_merges")).content.decode()
    assert "ンサーバ" in page
    assert "アサーバ" not in page


def test_names_of_nothing_but_separators_are_not_proposed() -> None:
    client, _person = sign_in("publisher")
    make_terms("tag", "・", "・・", "-・")
    assert "bulk-term" not in client.get(reverse("admin:articles_tag_merges")).content.decode()


def test_categories_of_one_name_are_told_apart_by_those_above_them() -> None:
    client, _person = sign_in("publisher")
    above, other = make_terms("category", "社会", "政治")
    terms = [CategoryFactory(name="速報", parent=parent) for parent in (above, other)]
    page = client.post(listed("category"), chosen(*terms)).content.decode()
    assert "社会 › 速報" in page
    assert str(merge_terms(terms[:1], terms[1], None)) == "社会 › 速報 → 政治 › 速報"


def test_a_merge_whose_remaining_term_is_gone_has_no_button() -> None:
    client, _person = sign_in("publisher")
    goes, stays = make_terms("tag", "甲", "乙")
    merge = merge_terms([goes], stays, None)
    stays.delete()
    undo = reverse("admin:articles_tag_undo_merge", args=[merge.pk])
    assert undo not in client.get(reverse("admin:articles_tag_merges")).content.decode()
    assert client.post(undo).status_code == 302


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_merge_and_a_save_of_one_of_its_posts_do_not_wait_for_each_other() -> None:
    person = make_person("publisher")
    goes, stays, third = make_terms("category", "甲", "乙", "丙")
    post = make_post("category", "甲", state=Post.State.DRAFT)
    saved, failures = threading.Event(), []

    def merge() -> None:
        saved.wait(10)
        try:
            merge_terms([goes], stays, None)
        except DatabaseError as error:
            failures.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=merge)
    thread.start()
    with transaction.atomic():
        workflow.save_post(Post.objects.get(pk=post.pk), person, {"categories": [third, goes]})
        saved.set()
        time.sleep(1)
    thread.join(20)
    assert failures == []
    assert names_of(post, "category") == ["丙", "乙"]
