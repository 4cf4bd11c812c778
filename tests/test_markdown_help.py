"""The guide to Markdown: its results are those of the site, what is off is said to be off, and there is one list of keys."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from articles.admin import markdown_help
from articles.admin.markdown_guide import EXAMPLES, KRAMDOWN_NEVER, KRAMDOWN_OWN, PICTURE, Example
from articles.admin.markdown_help import FLAVOURS, MAX_EXAMPLE
from articles.admin.tools import SHORTCUTS, TOOLS
from articles.formats.translating import list_differences
from articles.markup import DEFAULT_FEATURES, FEATURES, render
from tests.people import make_person

pytestmark = pytest.mark.django_db
GUIDE, RENDER = "/admin/articles/post/markdown/", "/admin/articles/post/markdown/render/"
EDITOR = Path(settings.BASE_DIR) / "static" / "js" / "editor"


def sign_in(role: str = "author") -> Client:
    client = Client()
    client.force_login(make_person(role))
    return client


def results_in(html: str) -> dict[str, str]:
    """Example → what the page shows as its result."""
    found = re.findall(r'id="guide-source-([\w-]+)".*?<div class="prose" lang="\w+">(.*?)</div></template>', html, re.DOTALL)
    return {name: shown.strip() for name, shown in found}


def render_plain(source: str, flavour: str, features: frozenset[str], language: str = "ja") -> str:
    return render(source, flavour=FLAVOURS[flavour], features=features, language=language).html


# --- The examples ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_every_example_shows_what_it_says(example: Example, flavour: str, language: str) -> None:
    source = example.source(flavour, language)
    assert source.strip() == source
    assert len(source) < MAX_EXAMPLE
    rendered = render(source, flavour=FLAVOURS[flavour], features=DEFAULT_FEATURES[""], language=language)
    assert [finding.code for finding in rendered.findings if finding.severity == "error"] == []
    if example.feature and not (flavour == "kramdown" and example.feature in KRAMDOWN_OWN | KRAMDOWN_NEVER):
        without = render_plain(source, flavour, DEFAULT_FEATURES[""] - {example.feature, "wide_autolinks"}, language)
        assert rendered.html != without


def test_no_example_shows_the_signs_it_explains() -> None:
    for flavour in FLAVOURS:
        for example in EXAMPLES:
            if example.name in ("code", "escapes") or (example.name, flavour) == ("attributes", "commonmark"):
                continue
            html = render_plain(example.source(flavour, "ja").replace(PICTURE, "/a.svg"), flavour, DEFAULT_FEATURES[""])
            plain = re.sub(r"<[^>]*>", "", html)
            assert re.findall(r"\*|~~|==|\[\[|\[\^|\{|《|\$|`|^#|:---", plain) == [], (example.name, flavour)


def test_bold_beside_japanese_brackets_is_bold() -> None:
    example = next(example for example in EXAMPLES if example.name == "emphasis")
    for flavour in FLAVOURS:
        assert "<strong>「とても大事」</strong>" in render_plain(example.source(flavour, "ja"), flavour, frozenset())


def test_what_kramdown_has_of_its_own_and_never_is_as_stated() -> None:
    assert KRAMDOWN_OWN | KRAMDOWN_NEVER <= FEATURES
    for example in EXAMPLES:
        source = example.source("kramdown", "ja")
        if example.feature in KRAMDOWN_OWN | KRAMDOWN_NEVER:
            features = frozenset({example.feature})
            assert render_plain(source, "kramdown", features) == render_plain(source, "kramdown", frozenset()), example.name


def test_names_of_examples_are_those_of_addresses_and_occur_once() -> None:
    names = [example.name for example in EXAMPLES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z-]+", name) for name in names)
    assert {example.feature for example in EXAMPLES} - {""} <= FEATURES


# --- The page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_result_is_the_sites_own_rendering(flavour: str, language: str) -> None:
    html = sign_in().get(GUIDE, {"flavour": flavour}, headers={"accept-language": language}).text
    shown = results_in(html)
    assert list(shown) == [example.name for example in EXAMPLES]
    for example in EXAMPLES:
        source = example.source(flavour, language)
        if PICTURE not in source:
            assert shown[example.name] == render_plain(source, flavour, DEFAULT_FEATURES[""], language).strip()
            assert source in unescape(html)


def test_what_a_post_has_switched_off_is_said_to_be_off_and_shown_as_readers_get_it() -> None:
    client = sign_in()
    plain = client.get(GUIDE, {"features": "tables ruby nonsense"}).text
    off = len([example for example in EXAMPLES if example.feature not in ("", "tables", "ruby")])
    assert plain.count('class="guide-note"') == off
    assert "<ruby>" in results_in(plain)["ruby"]
    assert "[^1]" not in results_in(plain)["footnotes"].replace("^1", "")
    assert "==要点==" in results_in(plain)["highlight"]
    assert client.get(GUIDE).text.count('class="guide-note"') == 0
    assert 'class="guide-note"' in client.get(GUIDE, {"features": ""}).text


def test_what_the_other_flavour_makes_of_an_example_is_shown_where_readers_would_see_a_difference() -> None:
    html = sign_in().get(GUIDE).text
    parts = dict(re.findall(r'data-example="([\w-]+)"(.*?)(?=class="guide-example")', html, re.DOTALL))
    for example in EXAMPLES:
        source = example.source("commonmark", "ja")
        ours, theirs = (render_plain(source, flavour, DEFAULT_FEATURES[""]) for flavour in FLAVOURS)
        assert ('class="guide-other"' in parts[example.name]) == bool(list_differences(ours, theirs, 1)), example.name
    assert 'class="guide-other"' in parts["ruby"]
    assert 'class="guide-other"' not in parts["quotes"]


def test_a_post_in_html_is_told_that_markdown_is_not_read() -> None:
    assert sign_in().get(GUIDE, {"flavour": "html"}).text.count('class="guide-note"') == 1


@pytest.mark.parametrize(
    "query", [{"flavour": "x"}, {"features": "<script>"}, {"features": "a" * 50_000}, {"flavour": ""}], ids=str
)
def test_odd_questions_are_answered_with_the_guide(query: dict[str, str]) -> None:
    answer = sign_in().get(GUIDE, query)
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;" not in answer.text


def test_the_panel_is_the_content_alone() -> None:
    answer = sign_in().get(GUIDE, {"panel": "1"})
    assert answer.text.strip().startswith('<div class="guide"')
    assert "no-store" in answer.headers["Cache-Control"]
    assert results_in(answer.text) == results_in(sign_in("editor").get(GUIDE).text)


def test_the_page_is_without_script_or_style_of_its_own_and_every_example_has_one_heading() -> None:
    html = sign_in().get(GUIDE).text
    assert re.findall(r"<script(?![^>]*src=)[^>]*>", html) == []
    assert re.search(r'\sstyle="', html) is None
    assert all(html.count(f'id="guide-{example.name}"') == 1 for example in EXAMPLES)


def test_results_are_rendered_once_and_ask_nothing_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    client = sign_in()
    client.get(GUIDE)
    monkeypatch.setattr(markdown_help, "render", None)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(GUIDE).status_code == 200
    assert [query["sql"] for query in captured if "articles_post" in query["sql"]] == []


# --- Typing in an example -------------------------------------------------------------------------------------------


def test_a_changed_example_is_rendered_in_the_flavour_and_with_the_features_of_the_page() -> None:
    client = sign_in()
    sent = {"text": "**「強い」**と==印==", "flavour": "commonmark", "features": "highlight"}
    answer = client.post(RENDER, sent)
    assert answer.json() == {"html": render_plain(sent["text"], "commonmark", frozenset({"highlight"}))}
    assert "no-store" in answer.headers["Cache-Control"]
    assert "script-src 'none'" in answer.headers["Content-Security-Policy"]
    kramdown = client.post(RENDER, {"text": "語\n: 意味", "flavour": "kramdown", "features": ""}).json()["html"]
    assert "<dl>" in kramdown


def test_what_is_typed_is_sanitised_as_every_text_of_the_site() -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>\n\n[a](javascript:alert(1))\n\n<style>*{}</style>"
    client = sign_in()
    for flavour in FLAVOURS:
        html = client.post(RENDER, {"text": attack, "flavour": flavour}).json()["html"]
        assert re.findall(r"<script|<style|<[^>]*onerror|<[^>]*javascript:", html) == []


def test_an_example_is_bounded_and_refused_in_words() -> None:
    client = sign_in()
    assert client.post(RENDER, {"text": "あ" * MAX_EXAMPLE}).status_code == 200
    answer = client.post(RENDER, {"text": "あ" * (MAX_EXAMPLE + 1)})
    assert answer.status_code == 413
    assert f"{MAX_EXAMPLE:,}" in answer.json()["complaint"]


@pytest.mark.parametrize(
    "sent", [{}, {"text": "\x00"}, {"text": "a", "flavour": "html"}, {"text": "a", "features": "x"}], ids=str
)
def test_odd_text_is_no_error(sent: dict[str, str]) -> None:
    assert sign_in().post(RENDER, sent).status_code == 200


def test_only_those_who_write_may_read_and_render_and_nothing_is_sent_without_a_token() -> None:
    for role, status in (("staff", 403), ("author", 200), ("editor", 200)):
        client = sign_in(role)
        assert client.get(GUIDE).status_code == status
        assert client.post(RENDER, {"text": "a"}).status_code == status
        assert client.get(RENDER).status_code == (405 if status == 200 else 403)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_person("publisher"))
    assert strict.post(RENDER, {"text": "a"}).status_code == 403
    assert Client().get(GUIDE).status_code == 302


# --- One list of tools and keys -------------------------------------------------------------------------------------


def test_the_form_and_the_guide_print_the_same_list_of_keys() -> None:
    client = sign_in()
    form, guide = (client.get(address).text for address in ("/admin/articles/post/add/", GUIDE))
    tables = [re.search(r'<table class="writing-keys">.*?</table>', html, re.DOTALL) for html in (form, guide)]
    assert tables[0]
    assert tables[1]
    assert tables[0][0] == tables[1][0]
    assert tables[0][0].count('<tr><th scope="row">') == len(SHORTCUTS)
    for tool in TOOLS:
        assert f'data-act="{tool.act}"' in form
        if tool.keys:
            assert f'aria-keyshortcuts="{tool.keys}"' in form


def test_every_tool_has_its_act_and_no_script_has_keys_of_its_own() -> None:
    acts = (EDITOR / "toolbar.js").read_text(encoding="utf-8").partition("const ACTS = {")[2].partition("};")[0]
    assert set(re.findall(r"^    (\w+):", acts, re.MULTILINE)) == {tool.act for tool in TOOLS}
    keys = (EDITOR / "keys.js").read_text(encoding="utf-8")
    assert "aria-keyshortcuts" in keys
    assert not [tool.act for tool in TOOLS if f'"{tool.act}"' in keys]


def test_no_two_tools_share_a_key() -> None:
    keys: list[Any] = [tool.keys for tool in TOOLS if tool.keys]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_headings_and_notes_are_written_in_both_languages(language: str) -> None:
    with translation.override(language):
        texts = [str(text) for example in EXAMPLES for text in (example.heading, example.note)]
    japanese = [
        text for text in texts if re.search("[\u3040-\u30ff\u4e00-\u9fff]", re.sub("「.*?」|（.*?）|\\(.*?\\)", "", text))
    ]
    assert (len(japanese) >= len(texts) - 1) if language == "ja" else japanese == []
