"""Three-way merges of texts and front matter. All texts here were written for these tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from articles.editorial.merge import (
    Head,
    HeadMerge,
    Merge,
    mark_changes,
    means_same,
    merge_files,
    merge_heads,
    merge_texts,
    read_value,
    show_value,
    split_clauses,
)
from articles.editorial.merge.files import join_parts
from articles.editorial.merge.sequences import Budget, find_edits
from articles.editorial.merge.texts import MAX_CLAUSED
from articles.findings import RefusedFile
from articles.formats import frontmatter
from articles.formats.document import SourceText
from articles.formats.frontmatter import EditError, Scalar

# Few different lines, so that edits meet; among them blank ones, ends without meaning, and one of several clauses.
LINES = ["", "", "甲", "乙", "丙", "# 題", "- 一つ", "朝は白い。昼は青い。夜は黒い。", "One. Two! Three?", "x\u2028y"]
some_lines = st.lists(st.sampled_from(LINES), max_size=14)
texts = st.builds(lambda lines, end: "\n".join(lines) + end, some_lines, st.sampled_from(["", "\n"]))
CLAUSES = ["朝は、", "白い。", "昼は", "「青い」", "夜は！", "黒い。", "Then. ", "No"]
paragraphs = st.lists(st.sampled_from(CLAUSES), min_size=1, max_size=8).map("".join)


def spell(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def kinds(merge: Merge) -> list[str]:
    return [hunk.kind for hunk in merge.hunks]


# --- Texts


@given(texts, texts)
@example("", "\n")
@example("a", "a\n")
@example("a\r\nb\r\n", "a\nb\n")
@example("a\r\nb\n", "a\rb\r\n")
def test_a_text_that_one_side_left_alone_becomes_what_the_other_side_has(base: str, changed: str) -> None:
    assert merge_texts(base, base, changed).text == changed
    assert merge_texts(base, changed, base).text == changed


@given(texts, texts)
@example("a\n", "")
def test_the_same_change_on_both_sides_counts_once(base: str, changed: str) -> None:
    assert merge_texts(base, changed, changed).text == changed


@given(texts, texts, texts)
@example("甲", "甲\n", "乙")
@example("甲", "\n", "\n甲")
@example("\n乙\n乙", "甲\n\n乙", "甲\n乙\n甲")
@example("\n\n", "\n甲\n\n", "甲\n甲")
def test_it_does_not_matter_which_side_is_called_ours(base: str, ours: str, theirs: str) -> None:
    one, other = merge_texts(base, ours, theirs), merge_texts(base, theirs, ours)

    assert one.text == other.text
    swapped = {"ours": "theirs", "theirs": "ours"}
    assert kinds(one) == [swapped.get(kind, kind) for kind in kinds(other)]


@given(texts, texts, texts)
def test_the_hunks_cover_each_text_once_and_in_order(base: str, ours: str, theirs: str) -> None:
    merge = merge_texts(base, ours, theirs)

    for text, side in ((base, "base"), (ours, "ours"), (theirs, "theirs")):
        lines = [line for hunk in merge.hunks for line in getattr(hunk, side)]
        assert lines == (text.removesuffix("\n").split("\n") if text else [])


@given(texts, texts, texts)
def test_every_line_of_a_merge_by_lines_comes_from_one_of_the_three(base: str, ours: str, theirs: str) -> None:
    text = merge_texts(base, ours, theirs, by_clause=False).text

    if text is not None:
        assert set(text.split("\n")) <= {*base.split("\n"), *ours.split("\n"), *theirs.split("\n"), ""}


@given(paragraphs, paragraphs, paragraphs)
def test_every_clause_of_a_merge_by_clauses_comes_from_one_of_the_three(base: str, ours: str, theirs: str) -> None:
    text = merge_texts(base, ours, theirs).text

    if text is not None:
        assert set(split_clauses(text)) <= {clause for source in (base, ours, theirs) for clause in split_clauses(source)}


@given(texts, texts, texts)
def test_a_merge_without_conflict_holds_every_change_that_one_side_made(base: str, ours: str, theirs: str) -> None:
    merge = merge_texts(base, ours, theirs)

    for hunk in merge.hunks:
        if hunk.kind in ("same", "ours"):
            assert hunk.theirs == hunk.base
            assert hunk.merged == hunk.ours
        if hunk.kind in ("same", "theirs"):
            assert hunk.ours == hunk.base
            assert hunk.merged == hunk.theirs
        if hunk.kind == "both":
            assert hunk.merged == hunk.ours == hunk.theirs
        assert (hunk.merged is None) == (hunk.kind == "conflict")


@given(some_lines, some_lines)
def test_edits_turn_one_sequence_into_the_other_and_lie_apart(old: list[str], new: list[str]) -> None:
    rebuilt: list[str] = []
    place = -1
    for edit in find_edits(old, new):
        assert edit.start > place or place == -1
        rebuilt += old[max(place, 0) : edit.start]
        rebuilt += new[edit.new_start : edit.new_end]
        place = edit.end
    rebuilt += old[max(place, 0) :]
    assert rebuilt == new


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed, so its merges cannot be compared with ours")
@given(
    st.lists(st.integers(0, 40), max_size=20, unique=True),
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from("+-=")), max_size=5),
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from("+-=")), max_size=5),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_texts_whose_lines_all_differ_merge_exactly_as_in_git(
    tmp_path: Path, base: list[int], ours: list[tuple[int, str]], theirs: list[tuple[int, str]]
) -> None:
    def change(edits: list[tuple[int, str]], mark: str) -> str:
        lines = [f"行{number}" for number in base]
        for count, (place, act) in enumerate(edits):
            place = min(place, len(lines))
            if act != "+" and place < len(lines):
                del lines[place]
            if act != "-":
                lines.insert(place, f"{mark}{count}")
        return spell(*lines)

    versions = {"base": spell(*(f"行{number}" for number in base)), "ours": change(ours, "机"), "theirs": change(theirs, "外")}
    for name, text in versions.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    files = [str(tmp_path / name) for name in ("ours", "base", "theirs")]
    git = subprocess.run(["git", "merge-file", "-p", *files], capture_output=True, check=False)

    merged = merge_texts(versions["base"], versions["ours"], versions["theirs"], by_clause=False).text

    assert merged == (git.stdout.decode() if git.returncode == 0 else None)


def test_changes_of_different_lines_are_merged_and_of_adjacent_lines_are_a_conflict() -> None:
    base = spell("- 一", "- 二", "- 三")

    assert merge_texts(base, spell("- 壱", "- 二", "- 三"), spell("- 一", "- 二", "- 参")).text == spell("- 壱", "- 二", "- 参")
    assert kinds(merge_texts(base, spell("- 壱", "- 二", "- 三"), spell("- 一", "- 弐", "- 三"))) == ["conflict", "same"]


def test_two_insertions_in_one_place_are_a_conflict_because_nobody_knows_their_order() -> None:
    merge = merge_texts(spell("一", "二"), spell("一", "机", "二"), spell("一", "外", "二"))

    assert [(hunk.base, hunk.ours, hunk.theirs) for hunk in merge.conflicts] == [((), ("机",), ("外",))]
    assert merge.text is None


def test_what_both_sides_changed_alike_is_no_part_of_a_conflict() -> None:
    merge = merge_texts(spell("a"), spell("同じ", "机", "末"), spell("同じ", "外", "末"))

    assert [(hunk.kind, hunk.ours) for hunk in merge.hunks] == [("both", ("同じ",)), ("conflict", ("机",)), ("both", ("末",))]


def test_a_change_that_goes_on_where_both_sides_changed_alike_is_no_conflict() -> None:
    """The repository took over what the desk had exported, and went on writing in the same place."""
    base = spell("旧い段落", "次の段落", "終わり")

    assert merge_texts(
        base, spell("新しい段落", "次の段落", "終わり"), spell("新しい段落", "直した段落", "終わり")
    ).text == spell("新しい段落", "直した段落", "終わり")
    appended = spell("新しい段落", "", "加えた段落", "次の段落", "終わり")
    assert merge_texts(base, spell("新しい段落", "次の段落", "終わり"), appended).text == appended


def test_text_removed_on_one_side_and_rewritten_on_the_other_is_a_conflict() -> None:
    merge = merge_texts(spell("一", "", "二", "三"), spell("一", ""), spell("一", "", "二を直す", "三を直す"))

    assert [(hunk.ours, hunk.theirs) for hunk in merge.conflicts] == [((), ("二を直す", "三を直す"))]


def test_a_paragraph_in_one_line_is_merged_by_clauses_that_do_not_overlap() -> None:
    base = spell("朝は白く、昼は青く、夜は黒い。そして眠る。")

    merged = merge_texts(
        base, spell("朝は淡く、昼は青く、夜は黒い。そして眠る。"), spell("朝は白く、昼は青く、夜は暗い。そして眠る。")
    )

    assert merged.text == spell("朝は淡く、昼は青く、夜は暗い。そして眠る。")
    assert kinds(merged) == ["merged"]


def test_changes_in_one_sentence_that_touch_are_a_conflict_and_in_neighbouring_sentences_are_none() -> None:
    base = spell("朝は白く、昼は青い。夜は黒い。")

    assert merge_texts(base, spell("朝は淡く、昼は青い。夜は黒い。"), spell("朝は白く、昼は赤い。夜は黒い。")).text is None
    assert merge_texts(base, spell("朝は白く、昼は赤い。夜は黒い。"), spell("朝は白く、昼は青い。夜は暗い。")).text == spell(
        "朝は白く、昼は赤い。夜は暗い。"
    )


def test_a_sentence_that_no_longer_ends_is_not_joined_to_a_changed_one() -> None:
    base = spell("昼は青い。夜は黒い。")

    assert merge_texts(base, spell("昼は青く、夜は黒い。"), spell("昼は青い。夜は暗い。")).text is None


def test_latin_text_is_merged_by_sentences() -> None:
    base = spell("The desk is old. The lamp is new. The chair is gone.")

    merged = merge_texts(
        base,
        spell("The desk is older. The lamp is new. The chair is gone."),
        spell("The desk is old. The lamp is new. The chair is back."),
    )

    assert merged.text == spell("The desk is older. The lamp is new. The chair is back.")


def test_neighbouring_paragraphs_in_one_stretch_are_merged_and_neighbouring_lines_of_one_sentence_are_not() -> None:
    wrapped = spell("原稿は旅をする", "机から机へ", "渡りながら。")

    assert (
        merge_texts(
            wrapped, spell("草稿は旅をする", "机から机へ", "渡りながら。"), spell("原稿は旅をする", "人から人へ", "渡りながら。")
        ).text
        is None
    )


@pytest.mark.parametrize("fence", ["```", "~~~~"])
def test_code_is_merged_by_lines_only(fence: str) -> None:
    def page(line: str) -> str:
        return spell("前", f"{fence} python", line, fence, "後")

    merge = merge_texts(page("a = 1. b = 2. c = 3. d"), page("a = 9. b = 2. c = 3. d"), page("a = 1. b = 2. c = 8. d"))

    assert merge.text is None
    outside = merge_texts(page("x") + spell("a. b. c. d"), page("x") + spell("A. b. c. d"), page("x") + spell("a. b. C. d"))
    assert outside.text == page("x") + spell("A. b. C. d")


def test_line_ends_are_merged_as_a_value_of_their_own() -> None:
    assert merge_texts("一\r\n二\r\n", "一\n二\n", "一\r\n二\r\n三\r\n").text == "一\n二\n三\n"
    assert merge_texts("一\n二\n", "一\n弐\n", "一\r\n二\r\n").text == "一\r\n弐\r\n"
    assert merge_texts("一\n二\n", "一\r二\r", "一\r\n二\r\n").text == merge_texts("一\n二\n", "一\r\n二\r\n", "一\r二\r").text


def test_in_a_text_that_mixes_line_ends_they_belong_to_their_lines() -> None:
    assert merge_texts("一\r\n二\n三\n四\n", "一\r\n弐\n三\n四\n", "一\r\n二\n三\n四\r\n").text == "一\r\n弐\n三\n四\r\n"


def test_a_missing_last_line_end_is_no_change_of_the_last_line() -> None:
    assert merge_texts("一\n二", "一\n二\n三", "壱\n二\n").text == "壱\n二\n三\n"


def test_texts_that_are_empty_or_become_so() -> None:
    assert merge_texts("", "", "").text == ""
    assert merge_texts("一\n", "", "一\n").text == ""
    assert merge_texts("", "一\n", "二\n").text is None
    assert merge_texts("一\n", "", "二\n").text is None


def test_a_resolved_merge_is_the_text_with_what_was_chosen() -> None:
    merge = merge_texts(
        spell("一", "二", "三", "四", "五"), spell("壱", "二", "机", "四", "五"), spell("一", "二", "外", "四", "伍")
    )

    assert merge.resolve({0: ["外", "机"]}) == spell("壱", "二", "外", "机", "四", "伍")
    assert merge.resolve({0: []}) == spell("壱", "二", "四", "伍")
    with pytest.raises(KeyError):
        merge.resolve({})


def test_hostile_texts_cost_a_bounded_number_of_steps_and_end_as_one_large_conflict() -> None:
    """Two letters at random in tens of thousands of lines: nothing occurs once, and everything occurs everywhere."""
    state = 7
    columns: list[list[str]] = []
    for _ in range(3):
        lines = []
        for _ in range(20_000):
            state = (state * 1_103_515_245 + 12_345) % 2**31
            lines.append("ab"[state >> 16 & 1])
        columns.append(lines)

    merge = merge_texts(*("\n".join(lines) for lines in columns))

    assert merge.text is None
    assert sum(len(hunk.ours) for hunk in merge.hunks) == 20_000
    budget = Budget(5_000)
    find_edits(columns[0], columns[1], budget)
    assert -20_000 < budget.left <= 0


def test_a_line_that_is_too_long_for_clauses_is_a_conflict() -> None:
    line = "長い、" * (MAX_CLAUSED // 3)

    assert merge_texts(line + "終", "初" + line + "終", line + "了").text is None


def test_what_differs_in_a_line_is_marked_in_whole_words() -> None:
    assert mark_changes("The old desk", "The new desk") == [("The ", False), ("new", True), (" desk", False)]
    assert mark_changes("原稿を渡す", "草稿を渡す") == [("草稿", True), ("を渡す", False)]
    assert mark_changes("", "新しい") == [("新しい", True)]
    assert mark_changes("同じ", "同じ") == [("同じ", False)]
    assert mark_changes("x" * 30_000, "y" * 10) == [("y" * 10, True)]


# --- Front matter


def block(*lines: str) -> Head:
    return Head(spell("---", *lines, "---"), "yaml")


def changed_keys(merge: HeadMerge) -> dict[str, str]:
    return {change.name: change.kind for change in merge.changes}


def test_two_sides_that_change_different_keys_of_adjacent_lines_are_merged() -> None:
    merge = merge_heads(
        block("title: 春", "date: 2026-04-01", "mood: 晴れ"),
        block("title: 初夏", "date: 2026-04-01", "mood: 晴れ"),
        block("title: 春", "date: 2026-05-01", "mood: 晴れ"),
    )

    assert merge.head == block("title: 初夏", "date: 2026-05-01", "mood: 晴れ")
    assert changed_keys(merge) == {"title": "ours", "date": "theirs"}
    assert merge.is_clean


def test_keys_that_both_sides_added_stand_once_each() -> None:
    merge = merge_heads(block("title: 春"), block("title: 春", "lang: ja"), block("title: 春", "draft: true", "weight: 5"))

    assert merge.head == block("title: 春", "draft: true", "weight: 5", "lang: ja")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("draft: yes", "draft: true"),
        ("title: '夏'", "title: 夏"),
        ("date: 2026-04-01 09:00:00 +0900", "date: 2026-04-01T00:00:00Z"),
        ("tags: [a, b]", "tags:\n  - a\n  - b"),
        ("weight: 10", "weight: 1_0"),
    ],
)
def test_a_key_that_both_changed_to_the_same_meaning_is_spelled_as_in_the_file(ours: str, theirs: str) -> None:
    merge = merge_heads(block("title: 春"), block("x: 1", ours), block(theirs, "x: 1"))

    assert merge.is_clean
    assert theirs.split("\n")[0] in merge.head.text


@pytest.mark.parametrize(
    ("first", "second"), [("date: 2026-04-01", "date: 2026-04-02"), ("v: '1'", "v: 2"), ("v: no", "v: 'no way'")]
)
def test_values_that_only_look_alike_are_a_conflict(first: str, second: str) -> None:
    merge = merge_heads(block("z: 1"), block("z: 1", first), block("z: 1", second))

    assert [change.kind for change in merge.changes] == ["conflict"]


def test_a_key_that_both_changed_otherwise_is_a_conflict_that_a_person_decides() -> None:
    merge = merge_heads(block("title: 春", "a: 1"), block("title: 夏", "a: 1"), block("title: 秋", "a: 2"))

    assert [(change.name, change.base, change.ours, change.theirs) for change in merge.conflicts] == [("title", "春", "夏", "秋")]
    assert merge.head == block("title: 秋", "a: 2")
    assert merge.resolve({0: Scalar("夏")}) == block("title: 夏", "a: 2")
    assert merge.resolve({0: None}) == block("a: 2")


def test_a_key_removed_on_one_side_and_changed_on_the_other_is_a_conflict() -> None:
    merge = merge_heads(block("title: 春", "mood: 晴れ"), block("title: 春"), block("title: 春", "mood: 雨"))

    assert [(change.name, change.ours, change.theirs) for change in merge.conflicts] == [("mood", None, "雨")]


def test_lists_take_what_both_sides_added_and_lose_what_either_removed() -> None:
    merge = merge_heads(block("tags: [AI, 原稿, 机]"), block("tags: [AI, 机, 編集]"), block("tags: [校閲, AI, 原稿, 机, 新聞]"))

    assert merge.head == block("tags: [校閲, AI, 机, 新聞, 編集]")
    assert changed_keys(merge) == {"tags": "merged"}


def test_two_spellings_of_a_tag_that_both_sides_added_are_one() -> None:
    merge = merge_heads(block("tags: [原稿]"), block("tags: [原稿, AI]"), block("tags: [原稿, ＡＩ]"))

    assert merge.head == block("tags: [原稿, ＡＩ]")


def test_a_list_whose_order_means_something_or_was_changed_is_a_conflict() -> None:
    base, ours, theirs = block("categories: [a, b]"), block("categories: [a, b, c]"), block("categories: [a, b, d]")

    assert merge_heads(base, ours, theirs).head == block("categories: [a, b, d, c]")
    assert not merge_heads(base, ours, theirs, ordered=frozenset({"categories"})).is_clean
    assert not merge_heads(base, block("categories: [b, a]"), theirs).is_clean


def test_maps_are_merged_inside() -> None:
    merge = merge_heads(
        block("cover:", "  image: a.png", "  alt: 机"),
        block("cover:", "  image: a.png", "  alt: 古い机"),
        block("cover:", "  image: b.png", "  alt: 机"),
    )

    assert merge.head == block("cover:", "  image: b.png", "  alt: 古い机")
    assert changed_keys(merge) == {"cover.image": "theirs", "cover.alt": "ours"}


def test_a_text_of_several_lines_is_merged_by_lines() -> None:
    def described(*lines: str) -> Head:
        return block("title: 春", "description: |", *(f"  {line}" for line in lines))

    merge = merge_heads(described("一。", "二。", "三。"), described("壱。", "二。", "三。"), described("一。", "二。", "参。"))

    assert merge.head == described("壱。", "二。", "参。")


def test_remarks_of_either_side_are_kept_or_asked_about_and_never_lost() -> None:
    base = block("# 前", "title: 春", "date: 2026-04-01")

    theirs_only = merge_heads(
        base, block("# 前", "title: 夏", "date: 2026-04-01"), block("# 後", "title: 春", "date: 2026-05-01")
    )
    ours_only = merge_heads(base, block("# 机", "title: 夏", "date: 2026-04-01"), block("# 前", "title: 春", "date: 2026-05-01"))
    both = merge_heads(base, block("# 机", "title: 夏", "date: 2026-04-01"), block("# 外", "title: 春", "date: 2026-05-01"))

    assert theirs_only.head == block("# 後", "title: 夏", "date: 2026-05-01")
    assert ours_only.head == block("# 机", "title: 夏", "date: 2026-05-01")
    assert not both.is_clean
    assert both.lines is not None
    chosen = {number: hunk.ours for number, hunk in enumerate(both.lines.conflicts)}
    assert both.resolve({}, chosen) == block("# 机", "title: 夏", "date: 2026-04-01")


def test_a_block_of_another_format_takes_the_keys_of_the_desk() -> None:
    toml = Head('+++\ntitle = "春"\nweight = 3\n+++\n', "toml")

    merge = merge_heads(block("title: 春", "weight: 3"), block("title: 夏", "weight: 3", "date: 2026-04-01", "toc: true"), toml)

    assert merge.head == Head('+++\ntitle = "夏"\nweight = 3\ndate = 2026-04-01\ntoc = true\n+++\n', "toml")


@pytest.mark.parametrize(
    ("format", "base", "ours", "theirs", "merged"),
    [
        (
            "toml",
            '+++\ntitle = "春"\nweight = 3\n+++\n',
            '+++\ntitle = "夏"\nweight = 3\n+++\n',
            '+++\ntitle = "春"\nweight = 4\n+++\n',
            '+++\ntitle = "夏"\nweight = 4\n+++\n',
        ),
        (
            "json",
            '{\n  "title": "春",\n  "weight": 3\n}\n',
            '{\n  "title": "夏",\n  "weight": 3\n}\n',
            '{\n  "title": "春",\n  "weight": 4\n}\n',
            '{\n  "title": "夏",\n  "weight": 4\n}\n',
        ),
    ],
)
def test_toml_and_json_are_merged_by_key_too(format: str, base: str, ours: str, theirs: str, merged: str) -> None:
    assert merge_heads(Head(base, format), Head(ours, format), Head(theirs, format)).head == Head(merged, format)  # type: ignore[arg-type]


def test_front_matter_that_only_one_side_has() -> None:
    assert merge_heads(Head(""), block("title: 春"), Head("")).head == block("title: 春")
    assert merge_heads(Head(""), block("title: 春"), block("tags: [a]")).head == block("tags: [a]", "title: 春")
    gone = merge_heads(block("title: 春"), block("title: 夏"), Head(""))
    assert [(change.ours, change.theirs) for change in gone.conflicts] == [("夏", None)]
    assert gone.resolve({0: Scalar("夏")}) == block("title: 夏")


def test_a_number_or_date_of_the_desk_stays_one_in_the_file() -> None:
    merge = merge_heads(
        block("title: 春", "z: 1"),
        block("title: 春", "weight: 1.10", "date: 2026-04-01 09:00:00 +0900", "z: 1"),
        block("title: 秋", "x: 2", "z: 1"),
    )

    assert merge.head == block("title: 秋", "x: 2", "z: 1", "weight: 1.10", "date: 2026-04-01 09:00:00 +0900")


KEYS = ["title", "tags", "cover", "draft"]
values_of_keys = st.sampled_from(["春", "no", "2026", "[a, b]", "[b]", "[a, c]", "{alt: x}", "{alt: y, n: 1}", "'x: y'"])
blocks = st.dictionaries(st.sampled_from(KEYS), values_of_keys, max_size=4).map(
    lambda found: block(*(f"{key}: {value}" for key, value in found.items()))
)


@given(blocks, blocks, blocks)
def test_a_merged_block_says_what_each_key_came_to(base: Head, ours: Head, theirs: Head) -> None:
    merge = merge_heads(base, ours, theirs)

    assert merge.lines is None
    found = frontmatter.parse(merge.head.text, merge.head.format)
    for change in merge.changes:
        value = found
        for key in change.path:
            value = value.get(key) if isinstance(value, dict) else None  # type: ignore[assignment]
        if change.kind != "merged":
            assert means_same(value, change.value)  # type: ignore[arg-type]
    # No key has come from nowhere.
    assert set(found) <= {
        *frontmatter.parse(base.text, "yaml"),
        *frontmatter.parse(ours.text, "yaml"),
        *frontmatter.parse(theirs.text, "yaml"),
    }


@given(blocks, blocks)
def test_a_block_that_one_side_left_alone_is_the_other_sides(base: Head, changed: Head) -> None:
    assert merge_heads(base, base, changed).head == changed
    assert merge_heads(base, changed, base).head == changed
    assert merge_heads(base, changed, changed).head == changed


@given(blocks, blocks, blocks)
def test_which_keys_are_in_conflict_does_not_depend_on_the_side(base: Head, ours: Head, theirs: Head) -> None:
    one, other = merge_heads(base, ours, theirs), merge_heads(base, theirs, ours)

    assert sorted(change.name for change in one.conflicts) == sorted(change.name for change in other.conflicts)


def test_what_a_person_types_for_a_key_is_read_as_its_values_are() -> None:
    assert show_value([Scalar("a"), Scalar("b")]) == "a\nb"
    assert show_value(None) == ""
    assert show_value({"alt": Scalar("x")}) == "{alt: x}"
    assert read_value("a\n\n b \n", [[Scalar("z")], None]) == ["a", "b"]
    assert read_value("no", [Scalar("はい"), None]).quoted  # type: ignore[union-attr]
    typed = read_value("2026-05-01", [Scalar("2026-04-01"), Scalar("2026-04-02")])
    assert isinstance(typed, Scalar)
    assert typed.kind == "date"


# --- Files


def source(head: Head, body: str) -> SourceText:
    return SourceText(head.text, body, head.format)


def test_a_file_is_merged_in_its_two_parts() -> None:
    merge = merge_files(
        source(block("title: 春"), spell("", "一。", "", "二。")),
        source(block("title: 夏"), spell("", "壱。", "", "二。")),
        source(block("title: 春", "draft: true"), spell("", "一。", "", "弐。")),
    )

    assert merge.is_clean
    assert merge.parts == (block("title: 夏", "draft: true"), spell("", "壱。", "", "弐。"))


def test_a_file_with_conflicts_in_both_parts_is_put_together_from_what_was_chosen() -> None:
    merge = merge_files(
        source(block("title: 春"), spell("一")), source(block("title: 夏"), spell("机")), source(block("title: 秋"), spell("外"))
    )

    assert merge.parts is None
    assert merge.resolve(keys={0: Scalar("冬")}, body_lines={0: ("机", "外")}) == (block("title: 冬"), spell("机", "外"))


def test_a_text_that_begins_like_front_matter_is_split_as_a_reader_of_the_file_will() -> None:
    assert join_parts(Head(""), spell("---", "title: 春", "---", "本文")) == (block("title: 春"), spell("本文"))
    assert join_parts(Head("---\ntitle: 春\n---", "yaml"), spell("本文")) == (block("title: 春"), spell("本文"))


def test_what_is_put_together_as_front_matter_must_be_that() -> None:
    from_lines = merge_heads(block("# a", "title: 春"), block("# b", "title: 夏"), block("# c", "title: 秋"))
    assert from_lines.lines is not None
    with pytest.raises(RefusedFile):
        from_lines.resolve({}, {0: ("title: 夏", "title: 秋")})
    with pytest.raises(EditError):
        from_lines.resolve({}, {0: ("title: 夏", "---", "title: 秋")})
