"""The Japanese catalogue is complete and compiled. English is what the code itself says, so it needs none."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "articles" / "locale" / "ja" / "LC_MESSAGES"
PO, MO = FOLDER / "django.po", FOLDER / "django.mo"

# Function → how many of its first arguments are texts, and whether the first one is a context.
FUNCTIONS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), (1, False)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, False)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), (2, True)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), (2, True)),
}
_STRING = r"u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
_TEMPLATE_CALL = re.compile(rf"\b(n?p?gettext|_)\(\s*{_STRING}(?:\s*,\s*{_STRING})?")
_PLACE = re.compile(r"%\((\w+)\)[sd]|%[sd]|\{(\w*)\}")


@dataclass
class Entry:
    """One entry of a catalogue. ``key`` is ``context\\x04text`` where there is a context."""

    key: str = ""
    plural: str = ""
    translations: list[str] = field(default_factory=list)
    is_fuzzy: bool = False


def read_po(path: Path) -> list[Entry]:
    """The entries of a ``.po`` file, its header and what is obsolete left out."""
    return [entry for block in path.read_text(encoding="utf-8").split("\n\n") if (entry := read_entry(block)) and entry.key]


def read_entry(block: str) -> Entry | None:
    entry, texts, name = Entry(), {}, ""
    for line in block.split("\n"):
        if line.startswith("#,") and "fuzzy" in line:
            entry.is_fuzzy = True
        elif match := re.match(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?) (".*")$', line):
            name = match[1]
            texts[name] = ast.literal_eval(match[2])
        elif line.startswith('"') and name:
            texts[name] += ast.literal_eval(line)
    if "msgid" not in texts:
        return None
    entry.key = f"{texts['msgctxt']}\x04{texts['msgid']}" if "msgctxt" in texts else texts["msgid"]
    entry.plural = texts.get("msgid_plural", "")
    entry.translations = [text for key, text in sorted(texts.items()) if key.startswith("msgstr")]
    return entry


def find_texts() -> Iterator[tuple[str, str]]:
    """(file, key) of every text of the interface, from code and templates."""
    for path in sorted((ROOT / "articles").rglob("*.py")) + sorted((ROOT / "cms").rglob("*.py")):
        for key in find_in_code(path.read_text(encoding="utf-8")):
            yield str(path.relative_to(ROOT)), key
    for folder in (ROOT / "templates", ROOT / "articles"):
        for path in sorted(folder.rglob("*.html")) + sorted(folder.rglob("*.txt")) + sorted(folder.rglob("*.xml")):
            if "samples" not in path.parts:
                for key in find_in_template(path.read_text(encoding="utf-8")):
                    yield str(path.relative_to(ROOT)), key


def find_in_code(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
        count, _has_context = FUNCTIONS.get(name, (0, False))
        texts = [argument.value for argument in node.args[:count] if isinstance(argument, ast.Constant)]
        if count and len(texts) == count and all(isinstance(text, str) and text for text in texts):
            yield "\x04".join(map(str, texts))


def find_in_template(source: str) -> Iterator[str]:
    for match in _TEMPLATE_CALL.finditer(templatize(source)):
        first = ast.literal_eval(match[2])
        yield f"{first}\x04{ast.literal_eval(match[3])}" if "pgettext" in match[1] and match[3] else first


def places(text: str) -> set[str]:
    return {match[0] for match in _PLACE.finditer(text.replace("%%", ""))}


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return read_po(PO)


def test_every_text_is_translated(entries: list[Entry]) -> None:
    done = {entry.key for entry in entries if entry.translations and all(entry.translations)}
    missing = sorted({f"{path}: {key!r}" for path, key in find_texts() if key not in done})
    assert missing == [], "add it to articles/locale/ja (CONTRIBUTING.md says how)"


def test_no_translation_is_a_guess(entries: list[Entry]) -> None:
    assert [entry.key for entry in entries if entry.is_fuzzy] == []


def test_no_translation_loses_a_place(entries: list[Entry]) -> None:
    wrong = []
    for entry in entries:
        allowed = places(entry.key) | places(entry.plural)
        # A plural may leave the number out; everything else may neither vanish nor appear.
        needed = places(entry.key) & places(entry.plural) if entry.plural else places(entry.key)
        wrong += [entry.key for text in entry.translations if text and not (needed <= places(text) <= allowed)]
    assert wrong == []


def test_the_compiled_catalogue_is_that_of_the_texts(entries: list[Entry]) -> None:
    with MO.open("rb") as file:
        catalogue = gettext.GNUTranslations(file)._catalog
    compiled = {(key if isinstance(key, str) else key[0]): text for key, text in catalogue.items() if key != ""}
    expected = {entry.key: entry.translations[0] for entry in entries if all(entry.translations) and not entry.is_fuzzy}
    assert compiled == expected, "compile it: CONTRIBUTING.md says how"


def test_texts_are_found_in_code_and_templates() -> None:
    code = 'x = _("One")\ny = pgettext("page", "Next")\nz = other("No")\nw = ngettext("a", "b", n)'
    assert list(find_in_code(code)) == ["One", "page\x04Next", "a"]
    template = (
        '{% load i18n %}{% translate "Home" %}{% blocktranslate with a=b %}It\'s {{ a }}{% endblocktranslate %}{{ x|f:_("Y") }}'
    )
    assert sorted(find_in_template(template)) == ["Home", "It's %(a)s", "Y"]
    assert list(find_in_template('{% translate "May" context "month" %}')) == ["month\x04May"]


def test_a_catalogue_is_read_as_gettext_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "django.po"
    path.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain\\n"\n\n#, fuzzy\nmsgctxt "c"\nmsgid "a\\"b"\nmsgstr ""\n"x"\n"y"\n\n'
        '#~ msgid "old"\n#~ msgstr "alt"\n\nmsgid "n"\nmsgid_plural "ns"\nmsgstr[0] "m"\n',
        encoding="utf-8",
    )
    first, second = read_po(path)
    assert (first.key, first.translations, first.is_fuzzy) == ('c\x04a"b', ["xy"], True)
    assert (second.key, second.plural, second.translations) == ("n", "ns", ["m"])
