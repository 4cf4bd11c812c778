"""Attribute lists: ``{: #id .class key="value" reference}``."""

from __future__ import annotations

import re

from articles.markup.kramdown.grammar import ID_NAME, S
from articles.markup.kramdown.tree import AttributeList

_ID = r"#[A-Za-z][\w:-]*+"
_CLASS = rf"\.(?:(?!{S})[^.#])++"
_ENTRY = re.compile(
    rf"""(?:\A|{S})(?:({ID_NAME})=(?:"((?:\\.|[^"\\])*+)"|'((?:\\.|[^'\\])*+)')|({ID_NAME})|((?:{_ID}|{_CLASS})++))"""
    rf"""(?={S}|\Z)""",
    re.DOTALL,
)
_ID_OR_CLASS = re.compile(rf"{_ID}|{_CLASS}")
_ESCAPED = {'"': re.compile(r'\\([}"])'), "'": re.compile(r"\\([}'])")}


def read_attribute_list(source: str, into: AttributeList) -> None:
    """Add to ``into`` what ``source``, the text between the braces, says. What cannot be read is left out."""
    attributes = into.attributes
    for key, double, single, reference, signs in _ENTRY.findall(source):
        if reference:
            into.references.append(reference)
        elif key:
            attributes[key] = _ESCAPED['"'].sub(r"\1", double) if double else _ESCAPED["'"].sub(r"\1", single)
        else:
            for sign in _ID_OR_CLASS.findall(signs):
                if sign[0] == "#":
                    attributes["id"] = sign[1:]
                else:
                    attributes["class"] = f"{attributes.get('class', '')} {sign[1:]}".lstrip()


def is_for_html(given: AttributeList) -> bool:
    """Is raw output meant for HTML, or for every format?"""
    kinds = given.attributes.get("type", "").split()
    return not kinds or "html" in kinds
