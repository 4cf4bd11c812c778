"""Colours for code, as classes. The stylesheet is the site's; no style attribute, no JavaScript."""

from __future__ import annotations

from functools import lru_cache
from html import escape, unescape

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES, Token
from pygments.util import ClassNotFound

#: Longer code stays plain: a reader gains nothing from 2,000 coloured lines, and lexers are slow.
MAX_CHARACTERS = 30_000
#: Characters in one line; some lexers take time quadratic in it.
_MAX_LINE = 2_000

#: Every class that highlighting can give.
CLASSES = frozenset(name for name in STANDARD_TYPES.values() if name)

_PLAIN = frozenset({"", "text", "txt", "plain", "plaintext", "plain_text", "none", "nohighlight", "mermaid", "math", "output"})
_ALIASES = {"shell": "bash", "sh": "bash", "zsh": "bash", "golang": "go", "vue": "html", "svelte": "html", "jsonc": "json"}


@lru_cache(maxsize=128)
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(_ALIASES.get(language, language), stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@lru_cache(maxsize=512)
def _class_of(kind: object) -> str:
    token = kind
    while token not in STANDARD_TYPES:
        token = token.parent  # type: ignore[attr-defined]
    return STANDARD_TYPES[token]  # type: ignore[index]


_UNCOLOURED = frozenset({Token, Token.Text, Token.Text.Whitespace, Token.Name, Token.Punctuation})


@lru_cache(maxsize=256)
def colour(code: str, language: str) -> str:
    """``code`` (plain text) as escaped HTML with ``<span class>``; only escaped where it is long or its language unknown."""
    if language in _PLAIN or len(code) > MAX_CHARACTERS or max(map(len, code.split("\n"))) > _MAX_LINE:
        return escape(code, quote=False)
    lexer = _lexer(language)
    if lexer is None:
        return escape(code, quote=False)
    pieces: list[str] = []
    run, run_class = "", ""
    for _at, kind, value in lexer.get_tokens_unprocessed(code):
        name = "" if kind in _UNCOLOURED else _class_of(kind)
        if name != run_class and run:
            pieces.append(_span(run, run_class))
            run = ""
        run += value
        run_class = name
    pieces.append(_span(run, run_class))
    return "".join(pieces)


def _span(text: str, name: str) -> str:
    escaped = escape(text, quote=False)
    return f'<span class="{name}">{escaped}</span>' if name else escaped


def scrolling(name: str) -> str:
    """The attributes with which a ``<pre>`` can be scrolled by keyboard. ``name`` is what a screen reader calls it.

    A group and no region: a page would have a landmark for each of its samples, all of one name.
    """
    return f' tabindex="0" role="group" aria-label="{escape(name)}"'


def code_block(code: str, language: str, name: str) -> str:
    """A whole code block from plain text. ``language`` is what the author wrote after the fence, ``name`` the word for code."""
    language = language.strip().lower()
    label = f' data-language="{escape(language[:40])}"' if language else ""
    return f'<pre class="code"{label}{scrolling(name)}><code>{colour(code, language)}</code></pre>'


def colour_escaped(code_html: str, language: str, name: str) -> str:
    """As :func:`code_block`, from an engine's escaped text."""
    return code_block(unescape(code_html), language, name)
