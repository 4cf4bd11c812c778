"""Terms and slugs: identity, addresses, splitting."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from articles.formats import terms


@pytest.mark.parametrize("spelling", ["AI", "ＡＩ", "ai", " ai ", "a\u200bi", "\u202eAI\u202c", "\ufeffAi"])
def test_widths_cases_blanks_and_invisible_characters_make_no_second_term(spelling: str) -> None:
    assert terms.identity(spelling) == "ai"


def test_composed_and_decomposed_spellings_are_one_term() -> None:
    assert terms.identity("caf\u00e9") == terms.identity("cafe\u0301")
    assert terms.identity("が") == terms.identity("か\u3099")


def test_the_languages_c_c_plus_plus_and_c_sharp_are_three_terms_with_three_slugs() -> None:
    names = ["C", "C++", "C#"]
    assert len({terms.identity(name) for name in names}) == 3
    assert [terms.slugify(name) for name in names] == ["c", "c-plus-plus", "c-sharp"]


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("機械学習 入門", "機械学習-入門"),
        ("データ・ベース", "データ-ベース"),
        ("ﾊﾝｶｸ", "ハンカク"),
        ("Hello, World!", "hello-world"),
        ("../../admin", "admin"),
        ("<img src=x onerror=y>", "img-src-x-onerror-y"),
        ("ad\u200bmin", "admin"),
        ("safe\u202egnp.exe", "safegnp-exe"),
        ("#1 tip", "1-tip"),
        ("snake_case", "snake_case"),
        ("Z\u0334\u0335algo", "zalgo"),
        ("a\\b", "a-b"),
    ],
)
def test_a_slug_keeps_letters_and_digits_of_every_script_and_nothing_else(text: str, slug: str) -> None:
    assert terms.slugify(text) == slug


def test_a_text_of_emoji_alone_has_a_stable_slug_of_its_own() -> None:
    assert terms.slugify("🎉") == terms.slugify("🎉\ufe0f") != terms.slugify("🎂")
    assert re.fullmatch(r"x-[0-9a-f]{8}", terms.slugify("🎉"))


def test_a_long_slug_is_cut_between_words() -> None:
    slug = terms.slugify("lorem ipsum " * 100)
    assert len(slug) <= 200
    assert slug.endswith(("-lorem", "-ipsum"))


@given(st.text())
def test_every_slug_fits_the_rule_and_is_its_own_slug(text: str) -> None:
    slug = terms.slugify(text)
    assert re.fullmatch(r"[\w-]{1,200}", slug)
    assert unicodedata.is_normalized("NFC", slug)
    assert terms.slugify(slug) == slug


@given(st.text())
def test_an_identity_is_its_own_identity(text: str) -> None:
    assert terms.identity(terms.identity(text)) == terms.identity(text)


def test_japanese_and_ascii_commas_and_full_width_spaces_separate_terms_but_blanks_do_not() -> None:
    assert terms.split("AI、政治，経済,machine learning\u3000文化") == ["AI", "政治", "経済", "machine learning", "文化"]


def test_splitting_drops_empty_parts_and_second_spellings() -> None:
    assert terms.split("、AI,, ＡＩ ,\u200b,") == ["AI"]
