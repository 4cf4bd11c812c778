"""A term that moves or is renamed is found where it was: by readers, by programs, and by the next import."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from articles.editorial.terms import find_category, find_known, find_or_make_tags
from articles.editorial.versions import read_snapshot
from articles.formats.terms import slugify
from articles.models import Author, Category, Post, Series, Source, Tag, TermRedirect
from articles.models.taxonomy import term_identity
from articles.site.publishing import addresses
from articles.transfer import planning
from articles.transfer.choices import category_identity
from articles.transfer.digest import content_digest
from articles.transfer.importing import import_archive
from articles.transfer.resources.base import Tree
from articles.transfer.storing import TermBook
from tests.factories import CategoryFactory, PostFactory, SeriesFactory
from tests.test_importing import write_site
from tests.test_planning import plan as make_plan

pytestmark = pytest.mark.django_db
FEEDS = ("rss.xml", "atom.xml", "feed.json")
FOLDERS = {"category": "categories", "tag": "tags", "author": "authors", "series": "series"}


def leads(client: Client, path: str) -> str:
    """Where an address leads in one step, decoded; its status where it leads nowhere. The target must answer 200."""
    response = client.get(quote(path, safe="/?="))
    if response.status_code != 301:
        return str(response.status_code)
    location = response.headers["Location"]
    assert client.get(location).status_code == 200, location
    return unquote(location)


def make_term(kind: str, name: str = "旧称") -> Any:
    """A term that one public post has."""
    match kind:
        case "category":
            term: Any = CategoryFactory(name=name)
            PostFactory(categories=[term])
        case "tag":
            PostFactory(tags=[name])
            term = Tag.objects.get(name=name)
        case "author":
            PostFactory(authors=[name])
            term = Author.objects.get(name=name)
        case _:
            term = SeriesFactory(name=name)
            PostFactory(series=term)
    return term


def set_slug(term: Any, slug: str) -> None:
    term.slug = slug
    term.save()


# --- Addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_term_whose_slug_changed_is_reached_under_the_former_one_with_its_feeds(client: Client, kind: str) -> None:
    set_slug(make_term(kind), "新")
    folder = FOLDERS[kind]
    assert leads(client, f"/{folder}/旧称/") == f"/{folder}/新/"
    assert leads(client, f"/{folder}/旧称") == f"/{folder}/新/"
    assert leads(client, f"/{folder}/旧称/?before=2026") == f"/{folder}/新/"
    for feed in FEEDS:
        assert leads(client, f"/{folder}/旧称/{feed}") == f"/{folder}/新/{feed}"


def test_a_category_that_moves_takes_those_below_it_along(client: Client) -> None:
    above, other = CategoryFactory(name="甲"), CategoryFactory(name="乙")
    moved = CategoryFactory(name="丙", parent=above)
    PostFactory(categories=[CategoryFactory(name="丁", parent=moved)])
    moved.parent = other
    moved.save()
    assert leads(client, "/categories/甲/丙/") == "/categories/乙/丙/"
    assert leads(client, "/categories/甲/丙/丁/") == "/categories/乙/丙/丁/"
    assert leads(client, "/categories/甲/丙/丁/atom.xml") == "/categories/乙/丙/丁/atom.xml"


def test_a_term_that_moved_twice_is_one_step_away_and_one_that_moved_back_stands_there(client: Client) -> None:
    term = make_term("tag")
    set_slug(term, "二")
    set_slug(term, "三")
    assert leads(client, "/tags/旧称/") == leads(client, "/tags/二/") == "/tags/三/"
    set_slug(term, "旧称")
    assert leads(client, "/tags/旧称/") == "200"
    assert leads(client, "/tags/三/") == "/tags/旧称/"
    assert set(TermRedirect.objects.values_list("old_slug", flat=True)) == {"二", "三"}


def test_a_live_term_or_post_at_a_former_address_wins(client: Client) -> None:
    term = make_term("tag")
    set_slug(term, "新")
    PostFactory(path="/tags/旧称/")
    assert leads(client, "/tags/旧称/") == "200"
    Post.objects.filter(path="/tags/旧称/").delete()
    PostFactory(tags=["別の語"])
    set_slug(Tag.objects.get(name="別の語"), "旧称")
    assert leads(client, "/tags/旧称/") == "200"
    TermRedirect.objects.filter(old_slug="別の語").delete()
    assert not TermRedirect.objects.exists()


def test_a_former_address_answers_only_while_readers_can_open_the_term(client: Client) -> None:
    set_slug(make_term("series"), "新")
    Post.objects.update(state=Post.State.DRAFT)
    assert leads(client, "/series/旧称/") == "404"
    assert leads(client, "/series/旧称/rss.xml") == "404"
    Series.objects.get().delete()
    assert leads(client, "/series/旧称/") == "404"
    assert not TermRedirect.objects.exists()


@pytest.mark.parametrize("path", ["/tags/nothing/", "/tags/nothing/rss.xml", "/categories/no/thing/feed.json"])
def test_an_unknown_list_or_feed_costs_one_query_more_for_former_addresses(client: Client, path: str) -> None:
    PostFactory()
    client.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 404
    assert sum("articles_termredirect" in query["sql"] for query in queries.captured_queries) == 1


def test_former_addresses_are_among_what_is_published_as_files_and_in_the_digest() -> None:
    term = make_term("author")
    before = content_digest()
    set_slug(term, "shin")
    set_slug(term, "旧称")
    assert content_digest() != before
    listed = {unquote(address) for address in addresses.leading_on()}
    assert {"/authors/shin/", "/authors/shin/rss.xml", "/authors/shin/feed.json"} <= listed


@pytest.mark.parametrize("kind", FOLDERS)
def test_an_emptied_slug_keeps_the_address(kind: str) -> None:
    term = make_term(kind)
    set_slug(term, "kyusho")
    set_slug(term, "")
    term.refresh_from_db()
    assert term.slug == "kyusho"
    assert Category.objects.filter(full_slug="kyusho").exists() == (kind == "category")


# --- Names ------------------------------------------------------------------------------------------------------------

FILE = "---\ntitle: {title}\ndate: 2025-04-0{day}\ntags: [{tag}]\ncategories: [{category}]\n"
FILE += "series: {series}\nauthor: {author}\n---\n本文\n"


def write_posts(folder: Path, *days: int, **names: str) -> Path:
    named = {"tag": "電算", "category": "技術", "series": "移転記", "author": "整理部"} | names
    files: dict[str, str | bytes] = {"_config.yml": "title: 紙面\n"}
    files |= {f"_posts/2025-04-0{day}-n{day}.md": FILE.format(title=f"第{day}話", day=day, **named) for day in days}
    return write_site(folder, files)


def count_terms() -> list[int]:
    return [model.objects.count() for model in (Tag, Category, Series, Author)]


def rename(term: Any, name: str) -> None:
    term.name, term.slug = name, slugify(name)
    term.save()


def test_the_next_import_finds_renamed_terms_by_the_names_that_its_files_have(client: Client, tmp_path: Path) -> None:
    import_archive(write_posts(tmp_path / "site", 1))
    before = count_terms()
    for model in (Tag, Category, Series, Author):
        rename(model.objects.get(), f"新{model.__name__}")
    import_archive(write_posts(tmp_path / "site", 1, 2))
    assert count_terms() == before
    post = Post.objects.get(title="第2話")
    assert [tag.name for tag in post.tags.all()] == ["新Tag"]
    assert [row.name for row in post.categories.all()] == ["新Category"]
    assert [row.name for row in post.authors.all()] == ["新Author"]
    assert post.series is not None
    assert post.series.name == "新Series"
    assert Tag.objects.get().aliases == ["電算"]
    assert leads(client, "/tags/電算/") == "/tags/新tag/"


def test_the_plan_of_an_import_knows_renamed_terms_too(tmp_path: Path) -> None:
    import_archive(write_posts(tmp_path / "site", 1))
    above = Category.objects.create(name="部")
    for model in (Tag, Category, Series, Author):
        row = model.objects.exclude(pk=above.pk if model is Category else 0).get()
        rename(row, f"新{model.__name__}")
    known = {kind: planning._find_terms_here(kind) for kind in ("tag", "category", "series", "author")}
    names = {"tag": "電算", "series": "移転記", "author": "整理部"}
    shown = {kind: known[kind][term_identity(name)][1] for kind, name in names.items()}
    assert shown == {"tag": "新Tag", "series": "新Series", "author": "新Author"}
    assert known["category"][category_identity(["技術"])][1] == "新Category"


def test_a_file_with_both_names_of_a_term_gives_it_once(tmp_path: Path) -> None:
    rename(Tag.objects.create(name="電算"), "コンピュータ")
    import_archive(write_posts(tmp_path / "site", 1, tag="電算, コンピュータ, ｺﾝﾋﾟｭｰﾀ"))
    assert [tag.name for tag in Post.objects.get().tags.all()] == ["コンピュータ"]
    assert Tag.objects.get().aliases == ["電算", "ｺﾝﾋﾟｭｰﾀ"]


def test_a_category_that_moved_is_found_at_its_former_place_by_the_next_import(tmp_path: Path) -> None:
    import_archive(write_posts(tmp_path / "site", 1))
    moved = Category.objects.get()
    moved.parent = Category.objects.create(name="文化")
    moved.save()
    import_archive(write_posts(tmp_path / "site", 2))
    assert Category.objects.count() == 2
    assert Post.objects.get(title="第2話").categories.get() == moved


def test_a_moved_category_is_found_when_the_import_writes_all_posts_in_it_anew(tmp_path: Path) -> None:
    site = write_posts(tmp_path / "site", 1)
    import_archive(site)
    moved = Category.objects.get()
    moved.parent = Category.objects.create(name="文化")
    moved.save()
    path = site / "_posts/2025-04-01-n1.md"
    path.write_text(path.read_text().replace("本文", "直した本文"))
    import_archive(site)
    assert Post.objects.get().categories.get() == moved


@pytest.mark.usefixtures("media_root")
def test_a_category_that_moved_is_no_category_of_another_site_and_the_plan_says_so(tmp_path: Path) -> None:
    import_archive(write_posts(tmp_path / "site", 1))
    moved = Category.objects.get()
    moved.parent = Category.objects.create(name="文化")
    moved.save()
    other = {
        "_config.yml": "title: 別の紙面\nurl: https://other.example\n",
        "_posts/2025-05-01-m.md": FILE.format(title="別", day=5, tag="t", category="技術", series="s", author="a"),
    }
    [term] = make_plan(None, other).terms.filter(kind="category")
    assert (term.name, term.existing) == ("技術", None)
    import_archive(write_site(tmp_path / "other", other))
    own = Post.objects.get(title="別").categories.get()
    assert (own.name, own.parent, own.full_slug) == ("技術", None, "技術-2")
    assert TermRedirect.objects.get().category == moved


@pytest.mark.usefixtures("media_root")
def test_the_plan_shows_where_a_category_of_its_source_lies_now(tmp_path: Path) -> None:
    import_archive(write_posts(tmp_path / "site", 1))
    moved = Category.objects.get(name="技術")
    moved.parent = Category.objects.create(name="文化")
    moved.save()
    files = {path.relative_to(tmp_path / "site").as_posix(): path.read_bytes() for path in (tmp_path / "site").rglob("*.*")}
    files["_posts/2025-04-02-n2.md"] = FILE.format(
        title="第2話", day=2, tag="電算", category="技術", series="移転記", author="整理部"
    ).encode()
    run = make_plan(None, files)
    assert [site["source"] for site in run.sites] == [Post.objects.get().source_id]
    shown = {term.name: term.existing for term in run.terms.filter(kind="category")}
    import_archive(write_site(tmp_path / "site", files))
    came = Post.objects.get(title="第2話").categories.all()
    assert {row.pk for row in came} == set(shown.values())
    assert shown == {"文化 / 技術": moved.pk}


def test_plan_and_import_follow_a_moved_category_to_what_lies_below_it() -> None:
    source, moved = Source.objects.create(name="紙面"), CategoryFactory(name="技術")
    below = CategoryFactory(name="印刷", parent=moved)
    PostFactory(categories=[below], source=source)
    moved.parent = CategoryFactory(name="文化")
    moved.save()
    path = ("技術", "印刷")
    assert TermBook(source=source).category(path) == below
    foreseen = planning._find_moved_categories([path, ("技術", "活字")], [source.pk])
    assert foreseen == {category_identity(path): (below.pk, "文化 / 技術 / 印刷")}
    assert planning._find_moved_categories([path], [Source.objects.create(name="別").pk]) == {}


def test_a_choice_of_one_source_says_nothing_about_the_names_in_another(tmp_path: Path) -> None:
    house = Author.objects.create(name="甲新聞")
    first = write_posts(tmp_path / "first", 1, author="編集部", tag="お知らせ", category="告知")
    import_archive(first)
    source = Source.objects.get()
    source.choices = {
        "authors": {"編集部": {"author": house.pk}},
        "terms": {"tag": {"お知らせ": "甲のお知らせ"}, "category": {"告知": "甲の告知"}, "series": {"移転記": "甲の移転記"}},
    }
    source.save()
    for model in (Post, Tag, Series, Category):
        model._default_manager.all().delete()
    Author.objects.exclude(pk=house.pk).delete()
    import_archive(first)
    chosen = Post.objects.get()
    assert chosen.authors.get() == house
    assert chosen.tags.get().name == "甲のお知らせ"
    second = write_posts(tmp_path / "second", 2, author="編集部", tag="お知らせ", category="告知")
    (second / "_config.yml").write_text("title: 別の紙面\nurl: https://other.example\n")
    import_archive(second)
    post = Post.objects.get(title="第2話")
    assert post.source != chosen.source
    assert post.authors.get().name == "編集部"
    assert post.tags.get().name == "お知らせ"
    assert post.categories.get().name == "告知"
    assert post.series is not None
    assert post.series.name == "移転記"
    assert not [row for model in (Author, Tag, Category, Series) for row in model._default_manager.exclude(aliases=[])]


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_name_leads_to_the_term_that_had_it_last(kind: str) -> None:
    model = {"category": Category, "tag": Tag, "author": Author, "series": Series}[kind]
    first: Any = model._default_manager.create(name="AI")
    rename(first, "人工知能")
    assert first.aliases == ["AI"]
    second: Any = model._default_manager.create(name="ＡＩ")
    first.refresh_from_db()
    assert first.aliases == []
    rename(second, "生成AI")
    found = find_category(None, "AI") if kind == "category" else find_known(model, ["AI"])["ai"]
    assert found == second


def test_a_category_takes_a_name_only_from_those_beside_it() -> None:
    above = Category.objects.create(name="文化")
    beside, below = Category.objects.create(name="技術"), Category.objects.create(name="技術", parent=above)
    for row in (beside, below):
        rename(row, "電算")
    Category.objects.create(name="技術")
    beside.refresh_from_db()
    below.refresh_from_db()
    assert (beside.aliases, below.aliases) == ([], ["技術"])
    moved = Category.objects.get(name="技術")
    moved.parent = above
    moved.save()
    below.refresh_from_db()
    assert below.aliases == []


def test_taking_a_name_costs_the_same_whatever_the_number_of_terms_and_nothing_where_it_stays() -> None:
    def count(save: Any) -> int:
        with CaptureQueriesContext(connection) as queries:
            save()
        return sum('"aliases"' in query["sql"] and "articles_tag" in query["sql"] for query in queries.captured_queries)

    tag = Tag.objects.create(name="甲")
    unchanged = count(tag.save)
    few = count(lambda: Tag.objects.create(name="乙"))
    for number in range(20):
        rename(Tag.objects.create(name=f"旧{number}"), f"新{number}")
    assert count(tag.save) == unchanged == 2  # What is stored, and the row.
    assert count(lambda: Tag.objects.create(name="丙")) == few == 2  # The row, and who had the name.


@pytest.mark.parametrize("kind", FOLDERS)
def test_only_a_slug_that_somebody_gives_takes_the_former_address_of_another_term(client: Client, kind: str) -> None:
    term = make_term(kind, "ai")
    set_slug(term, "jinko")
    model = type(term)
    other = model._default_manager.create(name="ＡＩ!")
    assert other.slug == "ai-2"
    assert leads(client, f"/{FOLDERS[kind]}/ai/") == f"/{FOLDERS[kind]}/jinko/"
    model._default_manager.create(name="与えられた", slug="ai")
    assert not TermRedirect.objects.filter(old_slug="ai").exists()


def test_a_tag_typed_in_a_post_leaves_the_former_address_of_another_alone() -> None:
    set_slug(make_term("tag", "ai"), "jinko")
    assert [tag.slug for tag in find_or_make_tags(["ＡＩ!"])] == ["ai-2"]
    assert TermRedirect.objects.get().old_slug == "ai"


def test_a_former_name_that_staff_took_away_makes_a_new_term_that_leaves_the_former_address_alone(
    client: Client, tmp_path: Path
) -> None:
    import_archive(write_posts(tmp_path / "site", 1))
    for model in (Tag, Category, Series, Author):
        row = model.objects.get()
        rename(row, f"新{model.__name__}")
        row.aliases = []
        row.save()
        row.refresh_from_db()
        assert row.aliases == []
    import_archive(write_posts(tmp_path / "site", 2))
    assert count_terms() == [2, 2, 2, 2]
    assert leads(client, "/tags/電算/") == "/tags/新tag/"
    assert leads(client, "/categories/技術/") == "/categories/新category/"
    assert leads(client, "/tags/電算-2/") == leads(client, "/categories/技術-2/") == "200"


def test_a_term_has_its_own_name_before_it_is_the_former_one_of_another() -> None:
    rename(Tag.objects.create(name="電算"), "コンピュータ")
    own = Tag.objects.create(name="電算")
    assert find_or_make_tags(["電算"]) == [own]
    rename(own, "電子計算機")
    rename(own, "電算")
    assert own.aliases == ["電子計算機"]


def test_the_desk_tables_and_versions_find_a_term_by_its_former_name() -> None:
    tag, author = Tag.objects.create(name="電算"), Author.objects.create(name="整理部")
    series, above = Series.objects.create(name="移転記"), Category.objects.create(name="技術")
    below = Category.objects.create(name="印刷", parent=above)
    for term in (tag, author, series, above, below):
        rename(term, f"新{term.name}")
    assert find_or_make_tags(["電算"]) == [tag]
    kept = {"tags": ["電算"], "authors": ["整理部"], "series": "移転記", "categories": [["技術", "印刷"]]}
    reading = read_snapshot(kept, dict.fromkeys(kept))
    assert reading.left_out == {}
    assert reading.changes == {"tags": ["電算"], "authors": [author], "series": series, "categories": [below]}
    assert [place.pk for place in Tree().find(["技術", "印刷"])] == [below.pk]
