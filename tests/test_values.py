"""Values that a text prints by name, as its generator prints them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from articles.derive import derive, values_for
from articles.editorial import workflow
from articles.formats import frontmatter
from articles.formats.document import SourceText
from articles.formats.values import MAX_LENGTH, MAX_VALUES, flatten_values, names_in, site_values, values_of
from articles.markup import render
from articles.markup.limits import MAX_PRINTED
from articles.models import Post, Source
from articles.transfer.importing import import_archive
from articles.transfer.undoing import undo_import
from tests.people import make_person
from tests.test_importing import write_site

LIQUID = frozenset({"liquid"})
CONFIG = "title: 川辺だより\nauthor:\n  name: 編集室\nissues: 24\nopen: true\nrepo: https://example.jp/code\nempty:\n"
JEKYLL = "---\ntitle: 号外\nvenue: 公民館\nprice: 0500\nauthor: 朝刊班\n---\n"


def write_jekyll(folder: Path, body: str, config: str = CONFIG) -> Path:
    return write_site(folder, {"_config.yml": config, "_posts/2025-04-01-a.md": JEKYLL + body})


def html_of(text: str, **values: str | None) -> str:
    named = {name.replace("_", "."): value for name, value in values.items()}
    return render(text, flavour="commonmark", features=LIQUID, values=named).html


def read(yaml: str) -> dict[str, Any]:
    return dict(frontmatter.parse_config(yaml, "yaml"))


# --- What a value is --------------------------------------------------------------------------------------------------


def test_values_have_dotted_names() -> None:
    assert flatten_values(read("a:\n  b:\n    c: 深い\n")) == {"a": None, "a.b": None, "a.b.c": "深い"}


@pytest.mark.parametrize(
    ("written", "liquid", "hugo"),
    [
        *(("公民館", "公民館", "公民館"), ('"0500"', "0500", "0500"), ("0500", "320", "320"), ("0x10", "16", "16")),
        *(("1_000", "1000", "1000"), ("-7", "-7", "-7"), ("1.50", "1.5", "1.5"), ("2.0", "2.0", "2"), ("yes", "true", "true")),
        *(("12:30", None, "12:30"), ("2025-11-25", None, None), ("2025-11-25 10:00:00", None, None), ("[1, 2]", None, None)),
        *(("~", "", None), ("1.5e300", None, None), ("'2025-11-25'", "2025-11-25", "2025-11-25")),
    ],
)
def test_a_value_is_spelled_as_its_generator_prints_it_or_not_at_all(written: str, liquid: str | None, hugo: str | None) -> None:
    found = read(f"Key: {written}\n")
    assert flatten_values(found) == {"Key": liquid}
    assert flatten_values(found, is_hugo=True) == {"key": hugo}


def test_values_are_bounded_and_those_of_the_top_level_come_first() -> None:
    many = read("deep:\n" + "".join(f"  k{number}: x\n" for number in range(MAX_VALUES + 5)) + "title: 題\n")
    found = flatten_values(many)
    assert len(found) == MAX_VALUES
    assert found["title"] == "題"
    assert flatten_values(read(f"long: {'長' * (MAX_LENGTH + 1)}\n")) == {"long": None}
    assert "a.b.c.d.e" not in flatten_values(read("a: {b: {c: {d: {e: x}}}}\n"))


@pytest.mark.parametrize(
    "key", ["password", "api_key", "apiKey", "secret", "github_token", "deploy", "key", "disqus.secret_key", "private_note"]
)
def test_a_configuration_gives_no_secrets(key: str) -> None:
    above, _dot, name = key.partition(".")
    text = f"{above}:\n  {name}: s3cr3t\n" if name else f"{above}: s3cr3t\n"
    assert "s3cr3t" not in str(site_values(read(text + "title: 題\nkeywords: 川\nmonkey: 猿\n")))
    assert set(site_values(read(text + "title: 題\nkeywords: 川\nmonkey: 猿\n"))) == {
        "site.title",
        "site.keywords",
        "site.monkey",
    }


def test_a_text_that_prints_nothing_is_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontmatter, "parse", None)
    source = SourceText("---\ntitle: 題\n---\n", "{{< figure >}} {{ x }} {{<parameter>}} site.title", "yaml")
    assert values_of(source, frozenset({"liquid", "shortcodes"}), {"site.title": "題"}) == {}
    assert values_of(SourceText("", "{{ site.title }}"), frozenset(), {"site.title": "題"}) == {}


def test_names_are_those_that_template_code_prints() -> None:
    text = '{{ site.title }} {{-site.a.b-}} {{< param "Venue" >}} {{% param x.y %}} site.no {{ site.filtered | upcase }}'
    assert names_in(text) == {"site.title", "site.a.b", "site.params.venue", "site.params.x.y"}


# --- In a text --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{{ site.title }}です", "川辺だよりです"),
        ("{{site.author.name}}", "編集室"),
        ("{{- page.venue -}}", "公民館"),
        ("[課題]({{ site.repo }}/issues)", '<a href="https://example.jp/code/issues"'),
        ("{{ site.unknown }}", "{{ site.unknown }}"),
        ("{{ site.list }}", "{{ site.list }}"),
        ("{{ site.title | upcase }}", "{{ site.title | upcase }}"),
        ("`{{ site.title }}`", "<code>{{ site.title }}</code>"),
    ],
)
def test_a_value_stands_where_the_text_names_it(text: str, shown: str) -> None:
    values = {"site_title": "川辺だより", "site_author_name": "編集室", "page_venue": "公民館", "site_list": None}
    assert shown in html_of(text, **values, site_repo="https://example.jp/code")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("前 {{ site.x }}", "<script>alert(1)</script>"), ("前 {{ site.x }}", '<img src="x" onerror="alert(1)">')),
        *(("前 {{ site.x }}", "<div"), ("前 {{ site.x }}", "<!--"), ("前 {{ site.x }}", "[x](javascript:alert(1))")),
        *(("前 <{{ site.x }} b", "style>"), ("前 <{{ site.x }} b", "textarea>"), ("前 <{{ site.x }} b", "title>")),
    ],
)
def test_a_value_is_sanitised_like_the_text_and_swallows_nothing_behind_it(text: str, value: str) -> None:
    html = html_of(f"{text}\n\n後ろの段落", site_x=value)
    assert "後ろの段落" in re.sub("<!--.*?-->", "", html)
    assert not re.search("<script|<style|<textarea|onerror|href", html)


def test_a_value_brings_no_placeholders_and_no_other_line_ends() -> None:
    assert "\ufdd0" not in html_of("**太** {{ site.x }}", site_x="\ufdd00\ufdd1\uffff")
    assert "\r" not in html_of("{{ site.x }}", site_x="一\r\n二")


def test_a_text_that_prints_too_much_shows_its_source() -> None:
    value = "長" * 1000
    found = render(
        "{{ site.x }}\n\n" * (MAX_PRINTED // 1000 + 1), flavour="commonmark", features=LIQUID, values={"site.x": value}
    )
    assert [finding.code for finding in found.findings] == ["too-complex"]
    assert len(found.html) < MAX_PRINTED


# --- Imports ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_import_of_jekyll_shows_what_the_site_and_the_page_say_of_themselves(tmp_path: Path) -> None:
    body = "{{ site.title }}、{{ site.author.name }}、{{ site.issues }}号、{{ site.open }}、{{ page.venue }}、"
    import_archive(write_jekyll(tmp_path / "site", body + "{{ page.price }}円、{{ page.author }}"))
    post = Post.objects.get()
    assert "川辺だより、編集室、24号、true、公民館、320円、朝刊班" in post.body_html
    assert post.findings == []
    shown = post.body_html
    derive(post)
    assert post.body_html == shown


@pytest.mark.django_db
def test_only_values_that_texts_of_the_site_print_are_kept(tmp_path: Path) -> None:
    site = write_jekyll(tmp_path / "site", "{{ site.title }}", CONFIG + "deploy:\n  pass: s3cr3t\nplan: 非公開\n")
    import_archive(site)
    assert Source.objects.get().values == {"site.title": "川辺だより"}


@pytest.mark.django_db
def test_what_is_written_at_the_desk_brings_no_value_of_the_configuration(tmp_path: Path) -> None:
    site = write_jekyll(tmp_path / "site", "{{ site.title }}", CONFIG + "plan: 非公開の話\n")
    import_archive(site)
    text = {"body": "{{ site.title }}と{{ site.plan }}\n"}
    workflow.save_post(Post.objects.get(), make_person("publisher"), text)
    import_archive(site)
    (site / "_config.yml").write_text(CONFIG.replace("川辺だより", "川岸だより") + "plan: 非公開の話\n")
    import_archive(site)
    post = Post.objects.get()
    assert "川岸だよりと" in post.body_html
    assert "非公開の話" not in post.body_html
    assert "site.plan" in post.body_html


@pytest.mark.django_db
def test_an_edit_of_the_front_matter_at_the_desk_changes_what_is_printed(tmp_path: Path) -> None:
    import_archive(write_jekyll(tmp_path / "site", "{{ page.venue }}、{{ page.more }}"))
    head = Post.objects.get().front_matter
    changes = {"front_matter": head.replace("公民館", "市民会館").replace("title:", "more: 追加\ntitle:", 1)}
    workflow.save_post(Post.objects.get(), make_person("publisher"), changes)
    assert "市民会館、追加" in Post.objects.get().body_html


@pytest.mark.django_db
@pytest.mark.parametrize("is_edited", [False, True])
def test_a_value_that_changed_is_shown_after_the_next_import_and_undone_with_it(tmp_path: Path, is_edited: bool) -> None:
    site = write_jekyll(tmp_path / "site", "{{ site.title }}")
    import_archive(site)
    if is_edited:
        workflow.save_post(Post.objects.get(), make_person("publisher"), {"title": "直した題"})
    (site / "_config.yml").write_text(CONFIG.replace("川辺だより", "川岸だより"))
    run = import_archive(site)
    assert "川岸だより" in Post.objects.get().body_html
    assert Source.objects.get().values == {"site.title": "川岸だより"}
    undo_import(run, None)
    assert Source.objects.get().values == {"site.title": "川辺だより"}
    assert "川辺だより" in Post.objects.get().body_html


@pytest.mark.django_db
def test_a_first_import_is_undone_whole(tmp_path: Path) -> None:
    undo_import(import_archive(write_jekyll(tmp_path / "site", "{{ site.title }}")), None)
    assert not Source.objects.exists()
    assert not Post.objects.exists()


@pytest.mark.django_db
def test_a_conflict_shows_the_value_that_changed_too(tmp_path: Path) -> None:
    site = write_jekyll(tmp_path / "site", "{{ site.title }}の話\n")
    import_archive(site)
    workflow.save_post(Post.objects.get(), make_person("publisher"), {"body": "{{ site.title }}の甲\n"})
    write_jekyll(site, "{{ site.title }}の乙\n", CONFIG.replace("川辺だより", "川岸だより"))
    import_archive(site)
    assert "川岸だよりの甲" in Post.objects.get().body_html


@pytest.mark.django_db
def test_the_same_import_again_and_one_with_another_setting_write_no_post(tmp_path: Path) -> None:
    site = write_jekyll(tmp_path / "site", "{{ site.title }}")
    import_archive(site)
    assert import_archive(site).totals == {"unchanged": 1}
    (site / "_config.yml").write_text(CONFIG + "unrelated: 3\n")
    with CaptureQueriesContext(connection) as queries:
        assert import_archive(site).totals == {"unchanged": 1}
    assert not [query for query in queries if query["sql"].startswith('UPDATE "articles_post"')]


@pytest.mark.django_db
def test_posts_of_a_source_without_values_print_them_after_the_next_import(tmp_path: Path) -> None:
    site = write_jekyll(tmp_path / "site", "{{ site.title }}")
    import_archive(site)
    Source.objects.update(values={})
    post = Post.objects.get()
    derive(post)
    post.save()
    assert "site.title" in post.body_html
    import_archive(site)
    assert "川辺だより" in Post.objects.get().body_html


@pytest.mark.django_db
def test_hexo_prints_what_the_page_says_of_itself_by_the_bare_name(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "_config.yml": "title: 川辺だより\ntheme: landscape\npermalink: :year/:title/\nsource_dir: source\n",
        "package.json": '{"dependencies": {"hexo": "7"}}',
        "source/_posts/a.md": "---\ntitle: 甲\nvenue: 公民館\ndate: 2025-04-01\n---\n{{ venue }}と{{ title }}、{{ site.x }}\n",
    }
    import_archive(write_site(tmp_path / "site", files))
    html = Post.objects.get().body_html
    assert "公民館と甲" in html
    assert "site.x" in html


@pytest.mark.django_db
@pytest.mark.parametrize("code", ['{{< param "venue" >}}', "{{% param venue %}}", '{{< param "Venue" >}}'])
def test_hugos_param_is_of_the_page_and_else_of_the_site(tmp_path: Path, code: str) -> None:
    files: dict[str, str | bytes] = {
        "hugo.toml": 'title = "川辺だより"\n[params]\nvenue = "市民会館"\nminVersion = "1.20"\ndate = "設定の日"\n',
        "content/posts/a.md": f'---\ntitle: 甲\nvenue: 公民館\n---\n{code}と{{{{< param "minVersion" >}}}}',
        "content/posts/b.md": f"---\ntitle: 乙\n---\n{code}",
        "content/posts/c.md": '---\ntitle: 丙\ndate: 2025-04-01\n---\n{{< param "title" >}} {{< param "date" >}}',
    }
    import_archive(write_site(tmp_path / "site", files))
    shown = dict(Post.objects.values_list("title", "plain_text"))
    assert shown["甲"] == "公民館と1.20"
    assert shown["乙"] == "市民会館"
    assert shown["丙"] == "丙"
    [finding] = Post.objects.get(title="丙").findings
    assert finding["code"] == "unknown-template-code"


@pytest.mark.django_db
def test_hugos_parameters_that_each_language_has_of_its_own_are_not_guessed(tmp_path: Path) -> None:
    config = 'defaultContentLanguage = "ja"\n[params]\ngreet = "既定"\nplace = "川辺"\n'
    config += '[languages.ja]\nweight = 1\n[languages.ja.params]\ngreet = "こんにちは"\n'
    config += '[languages.en]\nweight = 2\n[languages.en.params]\ngreet = "Hello"\n'
    files: dict[str, str | bytes] = {
        "hugo.toml": config,
        "content/posts/a.md": '---\ntitle: 甲\n---\n{{< param "place" >}}',
        "content/posts/a.en.md": '---\ntitle: A\n---\n{{< param "greet" >}}',
    }
    import_archive(write_site(tmp_path / "site", files))
    assert Post.objects.get(title="甲").plain_text == "川辺"
    assert "既定" not in Post.objects.get(title="A").body_html
    assert "こんにちは" not in Post.objects.get(title="A").body_html


def test_hugos_param_prints_text_and_no_markdown() -> None:
    values = {"page.x": "**a** <b>c</b>"}
    html = render("{{< param x >}}", flavour="commonmark", features=frozenset({"shortcodes"}), values=values).html
    assert "**a** &lt;b&gt;c&lt;/b&gt;" in html
    html = render("{{% param x %}}", flavour="commonmark", features=frozenset({"shortcodes"}), values=values).html
    assert "<strong>a</strong> &lt;b&gt;c&lt;/b&gt;" in html


@pytest.mark.django_db
def test_a_post_that_prints_nothing_costs_no_query_for_its_values(django_assert_num_queries: Any, tmp_path: Path) -> None:
    import_archive(write_jekyll(tmp_path / "site", "本文"))
    post = Post.objects.get()
    with django_assert_num_queries(0):
        assert values_for(post) == {}
