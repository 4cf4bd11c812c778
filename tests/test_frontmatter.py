"""Front matter: found, parsed as text, edited one key at a time."""

from __future__ import annotations

import difflib
import pickle
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from articles.findings import Finding, RefusedFile
from articles.formats.document import FrontMatterFormat
from articles.formats.frontmatter import (
    EditError,
    Scalar,
    Value,
    as_bool,
    as_date,
    as_int,
    as_list,
    as_plain,
    as_text,
    find_line,
    parse,
    parse_config,
    remove_key,
    set_key,
    split,
)


def read(text: str) -> dict[str, Value]:
    head, _body, kind = split(text)
    return parse(head, kind)


def refuse(text: str) -> Finding:
    with pytest.raises(RefusedFile) as caught:
        read(text)
    return caught.value.finding


def yaml(content: str) -> dict[str, Value]:
    return parse(f"---\n{content}\n---\n", "yaml")


def changed(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.split("\n"), after.split("\n"))
    return [line for line in lines if line[0] in "+-"]


# Splitting


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ("---\na: b\n---\n", "yaml"),
        ("---  \na: b\n---\t\n", "yaml"),
        ("\n \n---\na: b\n---\n", "yaml"),
        ("---\na: b\n...\n", "yaml"),
        ("---\n---\n", "yaml"),
        ("---\n# only a comment\n\n---\n", "yaml"),
        ("---\n日付: 2025-01-01\n---\n", "yaml"),
        ("+++\na = 1\n+++\n", "toml"),
        ('{\n  "a": {"b": "}"}\n}\n', "json"),
        ('{"a": 1}\n', "json"),
        (';;;\n"a": 1\n;;;\n', "json"),
        ('"a": 1,\n"b": 2\n;;;\n', "json"),
        ("title: x\ndate: 2025-01-01\ntags:\n  - a\n- b\n# c\n---\n", "yaml"),
    ],
)
@pytest.mark.parametrize("body", ["", "text\n", "---\nrule first\n", "\nabove\n---\nbelow\n"])
def test_front_matter_of_every_form_is_split_from_any_body(head: str, kind: str, body: str) -> None:
    assert split(head + body) == (head, body, kind)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "---",
        "plain\n",
        "----\na: b\n----\n",
        "---\n\nA rule first, then prose.\n",
        "---\nProse between two rules\nand more of it.\n\n---\nmore\n",
        "Note: a heading\n---\ntext\n",
        "title: a post\n\nOrdinary text with a blank line.\n\n---\nmore\n",
        "{{< figure >}}\n",
        "{: .lead}\ntext\n",
        "{not json}\n",
        '{"a": 1} and text\n',
        " ---\na: b\n---\n",
        "# Heading\n---\n",
    ],
)
def test_an_ordinary_text_has_no_front_matter(text: str) -> None:
    assert split(text) == ("", text, "")


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: T\nstill?\n\nBody\n",
        "---\n# c\n\ndraft: true\n",
        "+++\ntitle = 1\n",
        "+++\n[params]\nx\n",
        '{"a": 1,\n',
        ';;;\n"a": 1\n',
    ],
)
def test_front_matter_that_never_ends_is_refused_with_its_line(text: str) -> None:
    finding = refuse("\n" + text)
    assert (finding.code, finding.line) == ("front-matter-unclosed", 2)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["---", "+++", ";;;", "{", "}", '"a": 1', "a: b", "title: x", "\n", " ", "...", "- a", "é", "text"])
    ).map("".join)
)
@example("---\n---\n---\n")
def test_head_and_body_are_always_the_whole_text(text: str) -> None:
    try:
        head, body, kind = split(text)
    except RefusedFile:
        return
    assert head + body == text
    assert bool(head) == bool(kind)


# Values


@pytest.mark.parametrize("word", ["no", "Yes", "1.10", "2026", "0x1F", "007", "1e3", "2025-11-25", "12:30", "[[X]]", "true"])
def test_a_title_stays_the_text_that_was_written(word: str) -> None:
    assert as_text(yaml(f"title: {word}")["title"]) == word


@pytest.mark.parametrize(
    ("word", "kind"),
    [("no", "bool"), ("y", "str"), ("1_000", "int"), ("1.10", "float"), (".5", "float"), ("~", "null"), ("", "null"),
     ("1.1.1", "str"), ("2025-11-25 04:42:35 +0000", "date"), ("2025-1-5", "date"), ("'no'", "str"),
     ("!!str 5", "str"), (".inf", "float"), ("-", "list")],
)  # fmt: skip
def test_a_value_knows_what_a_generator_would_make_of_it(word: str, kind: str) -> None:
    value = yaml(f"a: {word}" if word != "-" else "a:\n- x")["a"]
    assert (value.kind if isinstance(value, Scalar) else "list") == kind


def test_a_null_reads_as_missing_and_the_word_null_as_a_word_where_asked() -> None:
    assert as_text(yaml("a: null")["a"]) == ""
    assert as_text(yaml("a: null")["a"], null=None) == "null"
    assert as_text(yaml("a: ~")["a"], null=None) == ""
    assert as_text(None) == ""


def test_a_mapping_or_list_as_a_title_is_shown_as_yaml_and_never_as_python() -> None:
    assert as_text(yaml("a: {b: c, d: [1, no]}")["a"]) == "{b: c, d: [1, no]}"
    assert as_text(yaml("a: [Draft] ")["a"]) == "[Draft]"


def test_template_code_that_yaml_takes_for_a_mapping_is_text() -> None:
    assert yaml("created: {{date}}\nnext: x") == {"created": "{{date}}", "next": "x"}


def test_lists_of_terms_leave_out_nulls_and_keep_words_links_and_mappings_as_written() -> None:
    values = yaml("a: [no, 1.10, '', null, ~, [[X]]]\nb: [[Desk]]\nc: x, y\nd:\n  - C++: a tour\n  -\ne:\nf: {g: h}")
    assert as_list(values["a"]) == ["no", "1.10", "null", "[[X]]"]
    assert as_list(values["b"]) == ["[[Desk]]"]
    assert as_list(values["c"]) == ["x, y"]
    assert as_list(values["c"], split=lambda text: text.split(", ")) == ["x", "y"]
    assert as_list(values["d"]) == ["C++: a tour"]
    assert as_list(values["e"]) == as_list(values["f"]) == as_list(None) == []


def test_truth_numbers_and_dates_are_read_from_their_text() -> None:
    assert [as_bool(Scalar(word)) for word in ("true", "Yes", "ON", "1", "false", "no", "0", "maybe", "")] == [
        True, True, True, True, False, False, False, None, None,
    ]  # fmt: skip
    assert [as_int(Scalar(word)) for word in ("7", "-1_000", "3.0", "1.5", "9" * 19, "x")] == [7, -1000, 3, None, None, None]
    assert as_date(Scalar("2025-11-25"), ZoneInfo("UTC")) == datetime(2025, 11, 25, tzinfo=UTC)
    assert as_plain(yaml("a: [1, no, 1.10, 1.5, null, x]")["a"]) == [1, False, "1.10", 1.5, None, "x"]


def test_a_value_keeps_its_line_and_quotes_through_a_worker_process() -> None:
    value = yaml("# c\na: 'x'")["a"]
    again = pickle.loads(pickle.dumps(value))
    assert (again, again.quoted, again.line, again.kind) == ("x", True, 3, "str")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ('+++\na = "x"\nn = 1.10\nb = true\nd = 2025-11-25\nl = ["y"]\n[p]\nq = 1\n+++\n', "toml"),
        ('{"a": "x", "n": 1.10, "b": true, "d": "2025-11-25", "l": ["y"], "p": {"q": 1}}\n', "json"),
        ('"a": "x", "n": 1.10, "b": true, "d": "2025-11-25", "l": ["y"], "p": {"q": 1}\n;;;\n', "json"),
    ],
)
def test_toml_and_json_give_the_same_texts(head: str, kind: FrontMatterFormat) -> None:
    assert parse(head, kind) == {"a": "x", "n": "1.10", "b": "true", "d": "2025-11-25", "l": ["y"], "p": {"q": "1"}}


def test_unicode_line_separators_stay_in_a_value() -> None:
    assert yaml("a: x\u2028y\x85z\nb: c") == {"a": "x\u2028y\x85z", "b": "c"}


def test_the_line_of_a_key_is_that_of_the_whole_file() -> None:
    assert find_line("\n---\n# c\ntitle: x\ntags: [y]\n---\n", "yaml", "tags") == 5
    assert find_line("+++\ntitle = 1\n+++\n", "toml", "title") == 2
    assert find_line("---\na: b\n---\n", "yaml", "c") is None


# Refusals


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        ("a: b\na: c", "duplicate-key", 3),
        ("x:\n  a: b\n  a: c", "duplicate-key", 4),
        ("a: &x 1", "alias", 2),
        ("a: 1\nb: *x", "alias", 3),
        ("a: &t [x, *t]", "alias", 2),
        ("<<: {a: b}", "merge-key", 2),
        ("a: !!python/object/apply:os.system ['x']", "yaml-tag", 2),
        ("a: !ruby/object:X y", "yaml-tag", 2),
        ("a: " + "9" * 6000, "number-too-long", 2),
        ("a: " + "[" * 21 + "]" * 21, "front-matter-too-deep", 2),
        ("a: [" + "x," * 501 + "]", "front-matter-too-long", 2),
        ("- a\n- b", "not-a-mapping", 2),
        ("a: b\n\tc: d", "bad-yaml", 3),
        ("tags:\n\t- a", "bad-yaml", 3),
        ("a: 1\ntitle: One: two", "bad-yaml", 3),
        ("a: 1\nstray\nb: 2", "bad-yaml", 3),
        ("a: x\n--- \tb: c", "several-documents", 3),
        ("a: b\nc: x\x1b[0m", "control-character", 3),
        ('a: "x\\0y"', "control-character", 2),
        ("a: x\n" + "#" * 300_000, "front-matter-too-large", 2),
    ],
)
def test_yaml_that_is_not_plain_front_matter_is_refused_with_its_line(content: str, code: str, line: int) -> None:
    finding = refuse(f"---\n{content}\n---\nbody\n")
    assert (finding.code, finding.line) == (code, line)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("+++\na = 1\na = 2\n+++\n", "duplicate-key", 3),
        ("+++\na = 1\nb = \n+++\n", "bad-toml", 3),
        ("+++\na = " + "9" * 6000 + "\n+++\n", "bad-toml", 2),
        ("+++\na = " + "[" * 30 + "]" * 30 + "\n+++\n", "front-matter-too-deep", 2),
        ("+++\na" + ".a" * 50_000 + " = 1\n+++\n", "front-matter-too-deep", 2),
        ('+++\na = "\\u0000"\n+++\n', "control-character", 2),
        ('{"a": 1,\n"b": NaN}\n', "bad-json", 2),
        ('{"a": 1e999}\n', "bad-json", 1),
        ('{"a": 1,\n"a": 2}\n', "duplicate-key", 2),
        ('{"a": 1,\n}\n', "bad-json", 2),
        ('{"a": ' + "[" * 30 + "]" * 30 + "}\n", "front-matter-too-deep", 1),
        ('{"a": "\\ud800"}\n', "control-character", 1),
    ],
)
def test_toml_and_json_are_refused_with_the_line(text: str, code: str, line: int) -> None:
    finding = refuse(text)
    assert (finding.code, finding.line) == (code, line)


def test_a_configuration_may_use_anchors_and_merge_keys_but_no_bomb() -> None:
    text = "---\nbase: &b {x: 1, y: 2}\nsite:\n  <<: *b\n  y: 3\nagain: *b\n"
    assert parse_config(text, "yaml")["site"] == {"x": "1", "y": "3"}
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    with pytest.raises(RefusedFile):
        parse_config(bomb, "yaml")
    with pytest.raises(RefusedFile):
        parse_config("a: &a [*a]\n", "yaml")


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["a: ", "b", "- ", "[", "]", "{", "}", "'", '"', "\n", "  ", "&x ", "*x", "!t ", "|", "#", ": ", "1", "\t"]
        )
    ).map("".join)
)
def test_no_front_matter_raises_anything_but_a_refusal(content: str) -> None:
    for kind, mark in (("yaml", "---"), ("toml", "+++"), ("json", ";;;")):
        try:
            parse(f"{mark}\n{content}\n{mark}\n", kind)  # type: ignore[arg-type]
        except RefusedFile as refused:
            assert refused.finding.message  # noqa: PT017


# Editing

HEAD = """---
# a note of the desk
title: "古い題"   # shown large
date: 2025-11-25 04:42:35 +0000
tags: [AI, "x y", 技術]
categories:
  - one
  - 'two'   # kept

draft: false
cover:
    image: a.png
    alt: 'x'
empty:
text: |
  first
  second

last: yes
---
"""
TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=9)))


@pytest.mark.parametrize(
    ("key", "value", "lines"),
    [
        ("title", "新しい: 題", ['- title: "古い題"   # shown large', '+ title: "新しい: 題"   # shown large']),
        ("date", TIME, ["- date: 2025-11-25 04:42:35 +0000", "+ date: 2026-01-02 03:04:05 +0900"]),
        ("tags", ["AI", "新", "a, b"], ['- tags: [AI, "x y", 技術]', '+ tags: [AI, 新, "a, b"]']),
        ("categories", ["one", "three"], ["-   - 'two'   # kept", "+   - 'three'   # kept"]),
        ("draft", True, ["- draft: false", "+ draft: true"]),
        (("cover", "alt"), "it's", ["-     alt: 'x'", "+     alt: 'it''s'"]),
        (("cover", "caption"), "c", ["+     caption: 'c'"]),
        ("empty", "x", ["- empty:", "+ empty: x"]),
        (("empty", "a"), 1, ["+   a: 1"]),
        ("text", "one\ntwo\n", ["-   first", "-   second", "+   one", "+   two"]),
        ("last", False, ["- last: yes", "+ last: false"]),
        ("new", "no", ['+ new: "no"']),
        ("new", ["a"], ["+ new:", "+   - 'a'"]),
        ("title", "古い題", []),
        ("date", datetime(2025, 11, 25, 13, 42, 35, tzinfo=timezone(timedelta(hours=9))), []),
    ],
)
def test_changing_one_key_changes_only_its_lines(key: str | tuple[str, ...], value: object, lines: list[str]) -> None:
    assert [line for line in changed(HEAD, set_key(HEAD, "yaml", key, value)) if line[0] != "?"] == lines  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "lines"),
    [
        ("title", ['- title: "古い題"   # shown large']),
        ("categories", ["- categories:", "-   - one", "-   - 'two'   # kept"]),
        (("cover", "alt"), ["-     alt: 'x'"]),
        ("text", ["- text: |", "-   first", "-   second"]),
        ("missing", []),
    ],
)
def test_removing_a_key_removes_only_its_lines(key: str | tuple[str, ...], lines: list[str]) -> None:
    assert changed(HEAD, remove_key(HEAD, "yaml", key)) == lines


def test_the_last_key_of_a_mapping_takes_the_mapping_with_it() -> None:
    assert remove_key("---\na: b\nc:\n  d: e\n---\n", "yaml", ("c", "d")) == "---\na: b\n---\n"


@pytest.mark.parametrize(
    ("kind", "head"), [("", "---\ntitle: x\n---\n"), ("toml", '+++\ntitle = "x"\n+++\n'), ("json", '{\n  "title": "x"\n}\n')]
)
def test_a_text_without_front_matter_gets_a_block(kind: FrontMatterFormat, head: str) -> None:
    assert set_key("", kind, "title", "x") == head


def test_toml_is_changed_one_key_at_a_time() -> None:
    head = "+++\n# c\ntitle = \"a\" # t\nlit = 'b'\n\n[params]\n  x = 1 # one\n+++\n"
    assert changed(head, set_key(head, "toml", "title", "n")) == ['- title = "a" # t', '+ title = "n" # t']
    assert changed(head, set_key(head, "toml", "lit", "n")) == ["- lit = 'b'", "+ lit = 'n'"]
    assert [line for line in changed(head, set_key(head, "toml", ("params", "x"), 2)) if line[0] != "?"] == [
        "-   x = 1 # one",
        "+   x = 2 # one",
    ]
    assert parse(set_key(head, "toml", "draft", True), "toml")["draft"] == "true"
    assert changed(head, remove_key(head, "toml", "lit")) == ["- lit = 'b'"]


def test_json_is_changed_one_key_at_a_time() -> None:
    head = '{\n    "title": "a",\n    "tags": [\n        "x"\n    ],\n    "o": {"p": 1}\n}\n\n'
    assert changed(head, set_key(head, "json", "title", "題")) == ['-     "title": "a",', '+     "title": "題",']
    assert changed(head, set_key(head, "json", ("o", "p"), 2)) == ['-     "o": {"p": 1}', '+     "o": {"p": 2}']
    assert changed(head, set_key(head, "json", "tags", ["x", "y"])) == ['-         "x"', '+         "x",', '+         "y"']
    assert changed(head, remove_key(head, "json", "title")) == ['-     "title": "a",']
    assert set_key('"a": 1\n;;;\n', "json", "a", 2) == '"a": 2\n;;;\n'


def test_a_key_below_a_text_cannot_be_set() -> None:
    with pytest.raises(EditError):
        set_key("---\na: b\n---\n", "yaml", ("a", "c"), "x")


_KEYS = st.sampled_from(["title", "date", "tags", "categories", "draft", "cover", "empty", "text", "last", "new", "日付", "a b"])
_TEXTS = st.text(
    alphabet=st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff\ufffe\uffff"), max_size=20
)


@settings(deadline=None, max_examples=200)
@given(_KEYS, _TEXTS | st.booleans() | st.integers(-9999, 9999) | st.lists(_TEXTS, max_size=4) | st.none())
@example("title", "- # : no")
@example("tags", ["", "null", "#x", "a: b"])
def test_any_value_can_be_set_and_every_other_line_stays(key: str, value: object) -> None:
    edited = set_key(HEAD, "yaml", key, value)  # type: ignore[arg-type]
    found = parse(edited, "yaml")
    before = parse(HEAD, "yaml")
    assert {name: item for name, item in found.items() if name != key} == {
        name: item for name, item in before.items() if name != key
    }
    if isinstance(value, str):
        assert found[key] == value
    if isinstance(value, list):
        assert found[key] == value
    assert "# a note of the desk" in edited
