"""Differences as readers see them: clauses in Japanese, words elsewhere."""

from __future__ import annotations

import random

import pytest

from articles.editorial.clauses import Block, compare_clauses, split_tokens


def changed(before: str, after: str) -> list[tuple[str, str]]:
    return [piece for block in compare_clauses(before, after).blocks for piece in block.pieces if piece[0] != "same"]


def test_a_changed_clause_is_shown_whole() -> None:
    before = "机を移すときに失われやすいのは、本文よりも日付である。次の文はそのまま。"
    after = "机を移すときに失われやすいのは、署名よりも日付である。次の文はそのまま。"
    assert changed(before, after) == [("removed", "本文よりも日付である。"), ("added", "署名よりも日付である。")]


def test_words_that_are_set_apart_are_compared_one_by_one() -> None:
    before, after = "The quick brown fox jumps over the dog.", "The quick red fox jumps over the dog."
    assert changed(before, after) == [("removed", "brown"), ("added", "red")]


def test_mixed_text_is_compared_by_both() -> None:
    before, after = "版はGit 2.39で、二年前に出た。", "版はGit 2.47で、二年前に出た。"
    assert changed(before, after) == [("removed", "39"), ("added", "47")]


def test_quotations_and_their_full_stops_belong_to_their_clause() -> None:
    assert split_tokens("「はい。」と言った。それから？") == ["「はい。」", "と言った。", "それから？"]


def test_lines_far_from_a_change_are_counted() -> None:
    lines = [f"{number}行目の文章。" for number in range(30)]
    blocks = compare_clauses("\n".join(lines), "\n".join([*lines[:15], "変えた行。", *lines[16:]])).blocks
    assert (blocks[0], blocks[-1]) == (Block(hidden=14), Block(hidden=13))


def test_two_texts_with_nothing_in_common_are_shown_one_after_the_other() -> None:
    assert changed("まったく別の文。", "Something else entirely") == [
        ("removed", "まったく別の文。"),
        ("added", "Something else entirely"),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_the_pieces_lead_from_one_text_to_the_other(seed: int) -> None:
    chance = random.Random(seed)
    words = ["机。", "紙、", "word ", "a", "\n", "「引用」", "を", "　", "é", "漢字", "𠮷"]
    before = "".join(chance.choices(words, k=40))
    after = "".join(word if chance.random() < 0.8 else chance.choice(words) for word in split_tokens(before))
    blocks = compare_clauses(before, after).blocks
    old = [text for block in blocks for kind, text in block.pieces if kind != "added"]
    new = [text for block in blocks for kind, text in block.pieces if kind != "removed"]
    if not any(block.hidden for block in blocks) and before != after:
        assert "".join(old).replace("\n", "") == before.replace("\n", "")
        assert "".join(new).replace("\n", "") == after.replace("\n", "")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("あ" * 300_000, "い" * 300_000),
        ("a b " * 50_000, "b a " * 50_000),
        ("\n" * 100_000, "x\n" * 100_000),
        ("。" * 200_000, "、" * 200_000),
    ],
)
def test_huge_texts_end_and_show_a_bounded_part(before: str, after: str) -> None:
    difference = compare_clauses(before, after)
    assert sum(len(text) for block in difference.blocks for _kind, text in block.pieces) < 200_000
    assert difference.removed * difference.added > 0
