r"""Patterns that several readers share.

All are matched at a position, so none begins with ``^``. White space is ASCII only, as kramdown has it: a full-width
space is text. Repetitions over arbitrary text are bounded, which keeps hostile input linear.
"""

from __future__ import annotations

import re
import unicodedata

WHITE = " \t\r\n\f\v"
S = r"[ \t\r\n\f\v]"
STRIPPED = WHITE + "\0"

#: An XML name with an optional namespace, as HTML tags and attributes are named.
NAME_PART = r"[^\W\d](?:[-\w.])*+"
UNAME = rf"{NAME_PART}(?::{NAME_PART})?+"

WORD = "[A-Za-z0-9_]"
ID_NAME = rf"{WORD}(?:{WORD}|-)*+"
#: The inside of an attribute list; the look ahead keeps braces that never close cheap.
LIST_BODY = r"(?=[^}]{1,2000}+\})(?:\\\}|[^}]){1,2000}"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SPAN_ELEMENTS = _names(
    "a abbr acronym b big bdo br button cite code del dfn em i img input ins kbd label mark option q rb rbc rp rt rtc ruby"
    " samp select small span strong sub sup tt u var"
)
BLOCK_ELEMENTS = _names(
    "address article aside applet body blockquote caption col colgroup dd div dl dt fieldset figcaption footer form h1 h2 h3"
    " h4 h5 h6 header hgroup hr html head iframe legend menu li main map nav ol optgroup p pre section summary table tbody"
    " td th thead tfoot tr ul"
)
VOID_ELEMENTS = _names("area base br col command embed hr img input keygen link meta param source track wbr")
BLOCK_CONTENT = _names(
    "address applet article aside blockquote body dd details div dl fieldset figure figcaption footer form header hgroup"
    " iframe li main map menu nav noscript object section summary td"
)
SPAN_CONTENT = _names(
    "a abbr acronym b bdo big button cite caption del dfn dt em h1 h2 h3 h4 h5 h6 i ins label legend optgroup p q rb rbc rp"
    " rt rtc ruby select small span strong sub sup th tt"
)
RAW_CONTENT = _names("script style math option textarea pre code kbd samp var")
KNOWN_ELEMENTS = SPAN_ELEMENTS | BLOCK_ELEMENTS | VOID_ELEMENTS | BLOCK_CONTENT | SPAN_CONTENT | RAW_CONTENT


def content_model(tag: str) -> str:
    """How the content of an element is read by default: ``block``, ``span`` or ``raw``."""
    if tag in BLOCK_CONTENT:
        return "block"
    return "span" if tag in SPAN_CONTENT else "raw"


#: Elements that may start a line without ending the paragraph before it.
_RUNNING = "|".join(sorted(SPAN_ELEMENTS | {"script"}, key=len, reverse=True))

BLANK = re.compile(rf"{S}*\n")
BLOCK_ATTRIBUTES = rf"\{{:(?!:|/)({LIST_BODY})\}}{S}*?\n"
BLOCK_ATTRIBUTES_LINE = re.compile(rf" {{0,3}}{BLOCK_ATTRIBUTES}")
END_MARK = re.compile(rf"\^{S}*?\n")
HTML_START = rf"<(?!(?:{_RUNNING})\b)(?>{UNAME})"
HTML_STOP = rf"</(?!(?:{_RUNNING})\b)(?>{UNAME}){S}*+>"

#: What a lazy line (one that continues a block without its indent or marker) cannot start with.
_LAZY_END = rf"{S}*\n| {{0,3}}{BLOCK_ATTRIBUTES}|{END_MARK.pattern}| {{0,3}}{HTML_STOP}| {{0,3}}{HTML_START}"
LAZY_END = re.compile(_LAZY_END)
LAZY_END_STARTS = frozenset(WHITE + "{^<")
NOT_LAZY_IN_CODE = re.compile(rf" {{0,3}}{BLOCK_ATTRIBUTES}|{END_MARK.pattern}| {{0,3}}{HTML_STOP}| {{0,3}}{HTML_START}")

#: The rest of a line after a list marker. The bar is kramdown's own oddity: ``*|x`` starts a list.
TAIL = r"[\t| ][^\n]*\n"
LIST_START = re.compile(rf" {{0,3}}(?:[+*-]|[0-9]+\.){TAIL}")
PARAGRAPH_END = re.compile(
    rf"{_LAZY_END}| {{0,3}}(?:[+*-]|[0-9]+\.){TAIL}|#{{1,6}}[\t ]| {{0,3}}:{TAIL}| {{0,3}}>| {{0,3}}[~`]{{3}}"
)
PARAGRAPH_END_STARTS = frozenset(WHITE + "{^<+*-0123456789#:>~`")

RULE = re.compile(r" {0,3}(\*|-|_)[ \t]*\1[ \t]*\1(?:\1|[ \t])*\n")
BLOCK_BOUNDARY = re.compile(rf"{S}*\n|{END_MARK.pattern}| {{0,3}}{BLOCK_ATTRIBUTES}|\Z")

_EXTENSION_NAMES = r"comment|nomarkdown|options"
EXTENSION_START = re.compile(rf"\{{::({_EXTENSION_NAMES})(?:{S}((?:\\\}}|[^}}]){{0,2000}}?)|)(/)?\}}")
EXTENSION_STOP = {name: re.compile(rf"\{{:/(?:{name})?\}}") for name in _EXTENSION_NAMES.split("|")}
EXTENSION_BLOCK_STOP = {
    name: re.compile(rf"^ {{0,3}}\{{:/(?:{name})?\}}{S}*?\n", re.MULTILINE) for name in _EXTENSION_NAMES.split("|")
}

_ATTRIBUTE = r"""(?>\s++(?>UNAME)(?:\s*+=\s*+(?:\w+|"[^"]*+"|'[^']*+'))?+)""".replace(r"\s", S).replace("UNAME", UNAME)
#: Groups: name, attributes, the slash of ``<br/>``.
HTML_TAG = re.compile(rf"<((?>{UNAME}))({_ATTRIBUTE}*+){S}*+(/)?>")
HTML_CLOSE_TAG = re.compile(rf"</((?>{UNAME})){S}*+>")
HTML_ATTRIBUTE = re.compile(rf"""{S}*+({UNAME})(?:{S}*+={S}*+(?:(\w+)|"([^"]*+)"|'([^']*+)'))?""")
HTML_OPENING = re.compile(rf"<(?:{UNAME}|!--|/)")

CODE_INDENT = re.compile(r"^(?:\t| {4})", re.MULTILINE)


def line_after(text: str, position: int) -> int:
    """The position after the line that holds ``position``."""
    end = text.find("\n", position)
    return len(text) if end < 0 else end + 1


def is_blank(text: str) -> bool:
    """Is there nothing but ASCII white space in ``text``?"""
    return not text.strip(WHITE)


def is_letter(character: str) -> bool:
    """Is it a letter, or a mark that is part of one (a vowel sign)? For the rule on underscores within words."""
    if character.isalpha():
        return True
    category = unicodedata.category(character)
    return category in ("Mc", "Nl") or (category == "Mn" and not unicodedata.combining(character))


def normalise_link_id(identifier: str) -> str:
    """What makes two link ids the same: case and the amount of white space do not count."""
    return re.sub(rf"{S}+", " ", identifier).lower()
