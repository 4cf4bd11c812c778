"""Which differences from a real generator are improvements, and which are faults."""

import lxml.html
import pytest

from articles.markup import GENERATOR_FEATURES, render
from benchmarks.fidelity import is_improvement

# What Hugo 0.111 makes of each text.
IMPROVED = {
    "これは**「大切」**です。": "<p>これは**「大切」**です。</p>",
    "数は**三割。**残りは別だ。": "<p>数は**三割。**残りは別だ。</p>",
    "一つは**「春」**、二つは**「秋」**だ。": "<p>一つは**「春」<strong>、二つは</strong>「秋」**だ。</p>",
    "- 見出しは**（仮）**のまま": "<ul>\n<li>見出しは**（仮）**のまま</li>\n</ul>",
    "名は*「瓦版」*という。": "<p>名は*「瓦版」*という。</p>",
}
REAL = {
    "これは**大切**です。": "<p>これは大切です。</p>",
    "これは\n\n大切です。": "<p>これは大切です。</p>",
    "計算は 2 * 3 * 4 です。": "<p>計算は 2 <em> 3 </em> 4 です。</p>",
    "これは**「大切」**です。[先](a)": "<p>これは**「大切」**です。<a href='b'>先</a></p>",
    "これは**「大切」**です。終": "<p>これは**「大切」**です。</p>",
    "a **b** c": "<p>a **b** c</p>",
    "`これは**「大切」**です`": "<p>これは<strong>「大切」</strong>です</p>",
}


def tokens_of(html):
    found = []

    def walk(element):
        if element.tag != "div":
            found.append(f"<{element.tag} {element.get('href')}>" if element.tag == "a" else f"<{element.tag}>")
        note(element.text)
        for child in element:
            walk(child)
            note(child.tail)
        if element.tag != "div":
            found.append(f"</{element.tag}>")

    def note(text):
        if folded := "".join((text or "").split()):
            found.append(f"text {folded}")

    walk(lxml.html.fragment_fromstring(html, create_parent="div"))
    return found


def here(text):
    return tokens_of(render(text, flavour="commonmark", features=GENERATOR_FEATURES["commonmark"], faithful=True).html)


@pytest.mark.parametrize(("text", "html"), IMPROVED.items())
def test_emphasis_beside_japanese_brackets_and_stops_is_an_improvement(text, html):
    assert is_improvement(tokens_of(html), here(text))


@pytest.mark.parametrize(("text", "html"), REAL.items())
def test_any_other_difference_is_a_fault(text, html):
    assert tokens_of(html) != here(text)
    assert not is_improvement(tokens_of(html), here(text))


def test_what_the_generator_marked_and_we_do_not_is_a_fault():
    assert not is_improvement(here("これは**「大切」**です。"), tokens_of("<p>これは**「大切」**です。</p>"))


def test_equal_documents_differ_by_nothing():
    assert not is_improvement(here("これは**「大切」**です。"), here("これは**「大切」**です。"))
