"""What a finding says, in which language, and after it was stored."""

from __future__ import annotations

import json

import pytest
from django.utils import translation

from articles.findings import Finding
from articles.formats.container import _SKIPPED_NAMES, _SKIPPED_REASONS
from articles.formats.sites import _SKIPPED_FOLDERS

INNER = Finding("bad-yaml", "error", "Line %(line)s is not valid TOML: %(problem)s. Correct it.", {"line": 3, "problem": "x"}, 3)
OUTER = "The configuration %(path)s cannot be read, so the generator's defaults are used: %(why)s"


def stored(finding: Finding) -> Finding:
    """As it comes back from a report."""
    return Finding.from_json(json.loads(json.dumps(finding.as_json())))


def test_the_reason_why_a_file_is_left_out_is_said_in_the_readers_language() -> None:
    finding = Finding("skipped", "info", "“%(path)s” is left out: %(reason)s.", {"path": ".env", "reason": "secrets"})
    for kept in (finding, stored(finding)):
        assert kept.message == "“.env” is left out: secrets."
        with translation.override("ja"):
            assert kept.localised() == "「.env」は取り込みの対象外です（秘密の情報を含みうるファイル）。"


def test_every_reason_to_leave_a_file_out_is_translated() -> None:
    with translation.override("ja"):
        for reason in {*_SKIPPED_NAMES.values(), *_SKIPPED_REASONS.values(), *_SKIPPED_FOLDERS.values()}:
            assert translation.gettext(reason) != reason, reason


def test_what_the_system_says_of_a_file_is_translated_where_it_is_known() -> None:
    template = "“%(path)s” cannot be read: %(reason)s. Check that it exists and may be read."
    with translation.override("ja"):
        for reason, said in (("Permission denied", "権限がありません"), ("Not so well known", "Not so well known"), ("", "（）")):
            assert said in Finding("unreadable", "error", template, {"path": "a", "reason": reason}).localised()


def test_a_finding_within_a_finding_keeps_its_own_words() -> None:
    finding = Finding("config-unreadable", "warning", OUTER, {"path": "hugo.toml", "why": INNER})
    for kept in (finding, stored(finding), stored(stored(finding))):
        assert kept.message.endswith("are used: Line 3 is not valid TOML: x. Correct it.")
        with translation.override("ja"):
            assert kept.localised().endswith("3行目が TOML として正しくありません：x。直してください。")


@pytest.mark.parametrize("name", ["path", "title", "value"])
def test_what_people_wrote_is_never_translated(name: str) -> None:
    with translation.override("ja"):
        assert Finding("x", "info", f"%({name})s", {name: "draft"}).localised() == "draft"
