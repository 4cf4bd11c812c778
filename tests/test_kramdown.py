"""The kramdown engine: golden pairs in archives/kramdown (each checked against kramdown 2.4), and its bounds."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from articles.markup.kramdown import to_html

PAIRS = sorted((Path(__file__).parent / "archives" / "kramdown").glob("*.md"))

#: Marks that start something, for texts that start much and end nothing.
MARKS = (
    "[", "![", "[a](", '[a](b "', "*", "**a ", "*a _b ", "*<b>", "<b>[", "`", "~~a ", "$$", "{:", '{: a="', "{::", '"', "'",
    "<", '<a b="', "<!--", "<div>", '<div markdown="1">\n', "<pre>", "&", "a|", "|-|\n", "- ", "> ", "> - ", "# ", ": ",
    "a\n: b\n", "[^a]: ", "*[a]: b\n", "[a]: ", "^\n", "```a\n", "~~~\n", "    a\n", "\t", "\\", "(", "<code>", "<http:",
)  # fmt: skip


@pytest.mark.parametrize("source", PAIRS, ids=lambda path: path.stem)
def test_a_text_becomes_the_html_beside_it(source: Path) -> None:
    wanted = source.with_suffix(".html").read_text(encoding="utf-8")
    assert to_html(source.read_bytes().decode()) == wanted.removesuffix("\n")


def test_there_are_golden_pairs_and_each_is_complete() -> None:
    assert len(PAIRS) >= 60
    assert all(path.with_suffix(".html").exists() for path in PAIRS)


@pytest.mark.parametrize("opening", ["「", "（", "『", "【", "〈"])
def test_bold_beside_japanese_brackets_is_bold(opening: str) -> None:
    closing = {"「": "」", "（": "）", "『": "』", "【": "】", "〈": "〉"}[opening]
    assert to_html(f"前の**{opening}日本語{closing}**の後") == f"<p>前の<strong>{opening}日本語{closing}</strong>の後</p>"


def test_hard_breaks_are_made_only_where_the_feature_is_on() -> None:
    assert to_html("一\n二") == "<p>一\n二</p>"
    assert to_html("一\n二", frozenset({"hardbreaks"})) == "<p>一<br />\n二</p>"


def test_headings_have_no_ids_of_ours_where_these_are_off() -> None:
    assert to_html("# 一\n\n# 二 {#two}", auto_ids=False) == '<h1>一</h1>\n\n<h1 id="two">二</h1>'


def test_an_empty_contents_list_leaves_nothing() -> None:
    assert to_html("* x\n{:toc}\n\ntext", auto_ids=False) == "<p>text</p>"


def test_footnotes_can_refer_to_footnotes_and_to_themselves() -> None:
    html = to_html("a[^1]\n\n[^1]: b[^2]\n\n[^2]: c[^1]")
    assert html.count('<li id="fn:') == 2
    assert 'id="fnref:1:1"' in html


def test_attribute_lists_that_name_each_other_end() -> None:
    assert to_html("{:a: b .x}\n{:b: a .y}\n\ntext\n{: a}").startswith("<p class=")


def test_tables_do_not_fill_short_rows_without_limit() -> None:
    html = to_html("|".join("a" * 3000) + "|\n" + "a|b\n" * 1000)
    assert html.count("<td") < 60_000


@pytest.fixture
def shallow_stack() -> Iterator[None]:
    """Few frames left, as deep inside a web server."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 600)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.usefixtures("shallow_stack")
def test_text_that_opens_much_and_closes_nothing_ends_without_deep_recursion(mark: str) -> None:
    assert isinstance(to_html(mark * 3000), str)


@pytest.mark.parametrize(
    "text",
    [
        "".join("  " * depth + "* word\n" for depth in range(400)),
        "> " * 3000 + "word",
        "".join("> - " * depth + "word\n" for depth in range(100)),
        '<div markdown="1">\n' * 500 + "word\n" + "</div>\n" * 500,
        "<div>" * 3000 + "word" + "</div>" * 3000,
        "<b>" * 3000 + "word" + "</b>" * 3000,
        "[" * 5000 + "word" + "]" * 5000,
        "[a]: b\n\n" + "[" * 5000 + "word" + "]" * 5000,
        "*<b>*<b>*<b>[*<i>*[<b>*<u>_<b>*<b>* word\n\n" * 50,
    ],
    ids=["lists", "quotes", "both", "markdown-in-html", "html", "html-spans", "brackets", "labels", "half-open-marks"],
)
@pytest.mark.usefixtures("shallow_stack")
def test_deep_nesting_keeps_its_words_without_deep_recursion(text: str) -> None:
    assert to_html(text).count("word") == text.count("word")


def test_a_hard_break_after_two_blanks_is_one_break() -> None:
    assert to_html("一  \n二", frozenset({"hardbreaks"})) == "<p>一<br />\n二</p>"


def test_a_backslash_line_break_before_a_mark_is_a_break() -> None:
    assert to_html("end\\\n**bold**") == "<p>end<br />\n<strong>bold</strong></p>"


def test_abbreviations_are_found_beside_a_backslash_line_break() -> None:
    assert to_html("HTML\\\nend\n\n*[HTML]: x") == '<p><abbr title="x">HTML</abbr><br />\nend</p>'


_PIECES = st.sampled_from(
    [*MARKS, "\n", "\n\n", " ", "  \n", "    ", "あ", "a", "*", "]", ")", "}", "</div>", "</b>", "-->", "|", "1. ", "---\n", "x"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES, max_size=40).map("".join))
def test_no_text_raises(text: str) -> None:
    assert isinstance(to_html(text), str)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_characters_are_taken(text: str) -> None:
    assert isinstance(to_html(text), str)
