"""Values that a text prints by name, as its generator knew them."""

from __future__ import annotations

from pathlib import Path

import pytest

from articles.derive import derive, values_for
from articles.editorial import workflow
from articles.formats.values import MAX_LENGTH, MAX_VALUES, flatten_values, name_values
from articles.markup import render
from articles.models import Post, Source
from articles.transfer.importing import import_archive
from tests.people import make_person
from tests.test_importing import write_site

LIQUID = frozenset({"liquid"})
CONFIG = "title: 川辺だより\nauthor:\n  name: 編集室\nissues: 24\nopen: true\nrepo: https://example.jp/code\nempty:\n"
JEKYLL = "---\ntitle: 号外\nvenue: 公民館\nprice: 0500\n---\n"


def write_jekyll(folder: Path, body: str, config: str = CONFIG) -> Path:
    return write_site(folder, {"_config.yml": config, "_posts/2025-04-01-a.md": JEKYLL + body})


def html_of(text: str, **values: str) -> str:
    return render(
        text, flavour="commonmark", features=LIQUID, values={name.replace("_", "."): v for name, v in values.items()}
    ).html


# --- Pure -------------------------------------------------------------------------------------------------------------


def test_values_have_dotted_names_and_lists_and_nothing_are_none() -> None:
    found = flatten_values({"a": {"b": {"c": "深い"}}, "n": 1.5, "yes": True, "list": [1], "none": None})
    assert found == {"a.b.c": "深い", "n": "1.5", "yes": "true"}


def test_values_are_bounded_in_number_length_and_depth() -> None:
    many = flatten_values({str(number): "x" for number in range(MAX_VALUES + 5)})
    assert len(many) == MAX_VALUES
    assert flatten_values({"long": "長" * (MAX_LENGTH + 1), "a": {"b": {"c": {"d": {"e": "x"}}}}, "nul": "\0"}) == {}


def test_a_text_that_prints_nothing_needs_no_values() -> None:
    assert name_values("本文", {"title": "題"}, {}) == {}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{{ site.title }}です", "川辺だよりです"),
        ("{{site.author.name}}", "編集室"),
        ("{{- page.venue -}}", "公民館"),
        ("[課題]({{ site.repo }}/issues)", '<a href="https://example.jp/code/issues"'),
        ("{{ site.unknown }}", "{{ site.unknown }}"),
        ("{{ site.title | upcase }}", "{{ site.title | upcase }}"),
        ("`{{ site.title }}`", "<code>{{ site.title }}</code>"),
    ],
)
def test_a_value_stands_where_the_text_names_it(text: str, shown: str) -> None:
    values = {"site_title": "川辺だより", "site_author_name": "編集室", "page_venue": "公民館"}
    assert shown in html_of(text, **values, site_repo="https://example.jp/code")


@pytest.mark.parametrize(
    "value", ["<script>alert(1)</script>", '<img src="x" onerror="alert(1)">', "<div", "<!--", "[x](javascript:alert(1))"]
)
def test_a_value_is_sanitised_like_the_text_and_swallows_nothing_behind_it(value: str) -> None:
    html = html_of("前 {{ site.x }}\n\n後ろの段落", site_x=value)
    assert "後ろの段落" in html
    assert "<script" not in html
    assert "onerror" not in html
    assert "href" not in html


# --- Imports ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_import_of_jekyll_shows_what_the_site_and_the_page_say_of_themselves(tmp_path: Path) -> None:
    body = "{{ site.title }}、{{ site.author.name }}、{{ site.issues }}号、{{ site.open }}、{{ page.venue }}、{{ page.price }}円"
    import_archive(write_jekyll(tmp_path / "site", body))
    post = Post.objects.get()
    assert "川辺だより、編集室、24号、true、公民館、0500円" in post.body_html
    assert post.findings == []
    shown = post.body_html
    derive(post)
    assert post.body_html == shown


@pytest.mark.django_db
def test_an_edit_at_the_desk_goes_on_showing_them(tmp_path: Path) -> None:
    import_archive(write_jekyll(tmp_path / "site", "{{ site.title }}"))
    post = workflow.save_post(Post.objects.get(), make_person("publisher"), {"body": "{{ site.title }}と{{ page.venue }}\n"})
    assert "川辺だよりと公民館" in Post.objects.get(pk=post.pk).body_html


@pytest.mark.django_db
def test_a_new_description_is_shown_where_the_text_prints_it(tmp_path: Path) -> None:
    import_archive(write_jekyll(tmp_path / "site", "{{ page.description }}"))
    post = workflow.save_post(Post.objects.get(), make_person("publisher"), {"description": "川の話"})
    assert "川の話" in Post.objects.get(pk=post.pk).body_html


@pytest.mark.django_db
def test_a_value_that_changed_is_shown_after_the_next_import(tmp_path: Path) -> None:
    site = write_jekyll(tmp_path / "site", "{{ site.title }}")
    import_archive(site)
    (site / "_config.yml").write_text(CONFIG.replace("川辺だより", "川岸だより"))
    import_archive(site)
    assert "川岸だより" in Post.objects.get().body_html
    assert Source.objects.get().values["title"] == "川岸だより"


@pytest.mark.django_db
def test_the_same_import_again_writes_nothing(tmp_path: Path) -> None:
    site = write_jekyll(tmp_path / "site", "{{ site.title }}")
    import_archive(site)
    assert import_archive(site).totals["unchanged"] == 1


@pytest.mark.django_db
@pytest.mark.parametrize("code", ['{{< param "venue" >}}', "{{% param venue %}}", '{{< param "Venue" >}}'])
def test_hugos_param_is_of_the_page_and_else_of_the_site(tmp_path: Path, code: str) -> None:
    files: dict[str, str | bytes] = {
        "hugo.toml": 'title = "川辺だより"\n[params]\nvenue = "市民会館"\nminVersion = "1.20"\n',
        "content/posts/a.md": f'---\ntitle: 甲\nvenue: 公民館\n---\n{code}と{{{{< param "minVersion" >}}}}',
        "content/posts/b.md": f"---\ntitle: 乙\n---\n{code}",
        "content/posts/c.md": '---\ntitle: 丙\n---\n{{< param "title" >}} {{< param "nothing" >}}',
    }
    import_archive(write_site(tmp_path / "site", files))
    shown = dict(Post.objects.values_list("title", "plain_text"))
    assert shown["甲"] == "公民館と1.20"
    assert shown["乙"] == "市民会館"
    assert shown["丙"] == "丙"
    [finding] = Post.objects.get(title="丙").findings
    assert finding["code"] == "unknown-template-code"


@pytest.mark.django_db
def test_a_post_that_prints_nothing_costs_no_query_for_its_values(django_assert_num_queries, tmp_path: Path) -> None:
    import_archive(write_jekyll(tmp_path / "site", "本文"))
    post = Post.objects.get()
    with django_assert_num_queries(0):
        assert values_for(post) == {}
