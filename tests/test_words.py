"""One word for one thing: the glossary of CONTRIBUTING.md, held against the catalogue and the Japanese documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_catalogue import PO, ROOT, read_po

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
# Parts of longer words that mean something else.
_LONGER = re.compile("リソース|メールアドレス|IP アドレス|代替テキスト|テキストエリア")


def read_glossary(text: str) -> dict[str, str]:
    """Word not to be used → the one that stands for the thing, from the table below "Words"."""
    table = text.partition("\n## Words\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.split("\n") if line.startswith("|")]
    return {word: said for _english, said, _what, wrong in rows[2:] for word in wrong.split("、") if word}


def find_wrong(text: str, glossary: dict[str, str]) -> list[str]:
    rest = _LONGER.sub("", text)
    return [f"{word} → {said}: {text[:60]}" for word, said in glossary.items() if word in rest]


GLOSSARY = read_glossary(CONTRIBUTING.read_text(encoding="utf-8"))


def test_the_glossary_is_read() -> None:
    assert GLOSSARY["アドレス"] == "住所"
    assert len(GLOSSARY) > 15
    assert find_wrong("旧アドレスの記事", {"アドレス": "住所"})
    assert not find_wrong("メールアドレスとリソース", {"アドレス": "住所", "ソース": "元のサイト"})


def test_the_catalogue_uses_the_words_of_the_glossary() -> None:
    said = [text for entry in read_po(PO) for text in entry.translations]
    assert [wrong for text in said for wrong in find_wrong(text, GLOSSARY)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.ja.md")), ids=lambda path: path.name)
def test_the_japanese_documents_use_the_words_of_the_glossary(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    assert [f"{number}: {wrong}" for number, line in enumerate(lines, 1) for wrong in find_wrong(line, GLOSSARY)] == []
