"""TeX to MathML, without JavaScript. A formula that cannot be read stays visible as its source."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape

from latex2mathml import exceptions
from latex2mathml.converter import convert

from articles.markup.page import Page
from articles.markup.page import gettext_noop as _

#: Characters of one formula; the converter works recursively.
MAX_CHARACTERS = 4_000
#: Formulas of one text that are converted; further ones stay as source.
MAX_FORMULAS = 1_500
_MAX_BRACES = 60

#: What latex2mathml raises on malformed TeX: its own errors have no base of their own, and it trips over its own trees.
_FAULTS: tuple[type[Exception], ...] = (
    *(value for value in vars(exceptions).values() if isinstance(value, type) and issubclass(value, Exception)),
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RecursionError,
    StopIteration,
)

TAGS = frozenset(
    [
        "math",
        "mi",
        "mn",
        "mo",
        "ms",
        "mtext",
        "mspace",
        "mrow",
        "mfrac",
        "msqrt",
        "mroot",
        "mstyle",
        "merror",
        "mpadded",
        "mphantom",
        "msub",
        "msup",
        "msubsup",
        "munder",
        "mover",
        "munderover",
        "mmultiscripts",
        "mprescripts",
        "mtable",
        "mtr",
        "mtd",
        "menclose",
        "none",
    ]
)
ATTRIBUTES = frozenset(
    [
        "accent",
        "accentunder",
        "align",
        "columnalign",
        "columnlines",
        "columnspacing",
        "depth",
        "display",
        "displaystyle",
        "fence",
        "form",
        "height",
        "linethickness",
        "lspace",
        "mathsize",
        "mathvariant",
        "maxsize",
        "minsize",
        "notation",
        "movablelimits",
        "rowlines",
        "rowspacing",
        "rspace",
        "scriptlevel",
        "separator",
        "stretchy",
        "symmetric",
        "voffset",
        "width",
    ]
)
_NAMESPACE = re.compile(r' xmlns="[^"]*"')


@lru_cache(maxsize=2048)
def _mathml(tex: str, display: str) -> str | None:
    depth = deepest = 0
    for character in tex:
        depth += (character == "{") - (character == "}")
        deepest = max(deepest, depth)
    if len(tex) > MAX_CHARACTERS or deepest > _MAX_BRACES:
        return None
    try:
        mathml = _NAMESPACE.sub("", convert(tex, display=display))
    except _FAULTS:
        return None
    # One that is wider than its column is scrolled, by the keyboard too.
    return mathml.replace('<math display="block"', '<math display="block" tabindex="0"', 1)


def to_mathml(page: Page, tex: str, display: str) -> str:
    """``tex`` (plain text, without delimiters) as MathML; ``display`` is ``inline`` or ``block``."""
    tex = tex.strip()
    mathml = _mathml(tex, display) if tex and page.count("formula") <= MAX_FORMULAS else None
    if mathml is not None:
        return mathml
    page.report(
        "unreadable-formula", "warning", _("The formula “%(tex)s” cannot be shown as mathematics; correct its TeX."), tex=tex[:80]
    )
    delimiter = "$$" if display == "block" else "$"
    return f'<code class="math-source">{escape(delimiter + tex + delimiter)}</code>'
