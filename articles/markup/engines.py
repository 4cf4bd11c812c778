"""Markdown text to raw HTML: which features exist, what each dialect has by default, and the engine of each flavour."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import comrak

from articles.markup import kramdown
from articles.markup.limits import TooComplex, call_bounded
from articles.markup.source import CodeMap, mark_lone_backticks

Flavour = Literal["commonmark", "kramdown", "html"]

_COMMON = frozenset({"tables", "strikethrough", "tasklists", "footnotes", "autolinks"})

#: Every name that may stand in ``Post.features``.
FEATURES = _COMMON | {
    "attributes",
    "block_attributes",
    "callouts",
    "comments",
    "definition_lists",
    "directives",
    "embeds",
    "emoji",
    "hardbreaks",
    "hatena",
    "hexo_tags",
    "highlight",
    "inline_footnotes",
    "liquid",
    "math",
    "mdx",
    "passthrough",
    "ruby",
    "shortcodes",
    "tera",
    "typographer",
    "wide_autolinks",
    "wikilinks",
    "zenn",
}

# ``autolinks`` follows Goldmark: a bare address begins after a blank or ``*_~(`` and is ASCII. With ``wide_autolinks`` it
# begins after any Japanese character too, and a part of its path may be Japanese.

#: What a post has where its site's configuration says nothing. The key ``""`` is a post made here.
DEFAULT_FEATURES: dict[str, frozenset[str]] = {
    "": _COMMON
    | {"attributes", "callouts", "definition_lists", "embeds", "highlight", "math", "ruby"}
    | {"wide_autolinks", "wikilinks"},
    "jekyll": frozenset({"tables", "strikethrough", "footnotes", "math", "liquid"}),
    "hugo": _COMMON | {"attributes", "callouts", "definition_lists", "shortcodes", "typographer"},
    "obsidian": _COMMON
    | {"callouts", "comments", "embeds", "hardbreaks", "highlight", "inline_footnotes", "math", "wide_autolinks", "wikilinks"},
    "zenn": _COMMON | {"embeds", "hardbreaks", "math", "wide_autolinks", "zenn"},
    "hexo": _COMMON | {"hardbreaks", "hexo_tags", "wide_autolinks"},
    "plain": _COMMON | {"attributes", "callouts", "directives", "wide_autolinks"},
}

#: The generator's own set, with which fidelity to it is measured.
GENERATOR_FEATURES: dict[str, frozenset[str]] = {
    "commonmark": _COMMON | {"attributes", "definition_lists", "typographer"},
    "kramdown": frozenset({"tables", "strikethrough", "footnotes", "math"}),
}

#: Footnotes written in the line of one text; comrak takes time quadratic in them.
MAX_INLINE_FOOTNOTES = 5_000

#: Stands before ``[[`` while comrak reads, so that an embed is read as a wikilink: code keeps it, and gets its ``!`` back.
EMBED_MARK = "\ufdd2"

#: Stands between the brackets of an escaped ``\\[[``, so that nothing takes them for a wikilink once the backslash is gone.
ESCAPE_MARK = "\ufdd5"

#: Stands for a single tilde while comrak reads: 「10~20、30~40」 is no deletion, and no other generator here thinks so.
_TILDE_MARK = "\ufdd3"
_LONE_TILDE = re.compile(r"~(?<!~~)(?<!\\~)(?!~)")
# A definition with several paragraphs, which comrak runs together unless a blank line stands before it.
_LONG_DEFINITION = re.compile(r"^(?=:[ \t]+\S.*(?:\n(?![:\n]).+){0,20}\n\n(?: {2,}|\t)\S)", re.M)
# A colon that stands further in than the line above it begins no definition for goldmark.
_LOOSE_COLON = re.compile(r"^((?![-*+>]|\d{1,9}[.)])[^\s:|#][^\n]*\n(?:[ \t]*\n)? {1,3})(?=:[ \t])", re.M)
_BACKTICK_MARK = "\ufdd4"
_DOUBLE_BACKTICK = re.compile(r"``(?<!```)(?!`)")
_TERMS = re.compile(r"<dt>([^<]*)</dt>")

# comrak stops resolving reference links once they have grown by the length of the text; a short text may repeat one often.
_ROOM_FOR_REFERENCES = "\n" + " " * 8_000 + "\n"

_ComrakOptions = tuple[comrak.ExtensionOptions, comrak.ParseOptions, comrak.RenderOptions]


@lru_cache(maxsize=64)
def _comrak_options(features: frozenset[str]) -> _ComrakOptions:
    extensions, parsing, rendering = comrak.ExtensionOptions(), comrak.ParseOptions(), comrak.RenderOptions()
    extensions.cjk_friendly_emphasis = True
    extensions.table = "tables" in features
    extensions.strikethrough = "strikethrough" in features
    extensions.tasklist = "tasklists" in features
    extensions.footnotes = "footnotes" in features
    extensions.inline_footnotes = "inline_footnotes" in features
    extensions.autolink = "autolinks" in features
    extensions.highlight = "highlight" in features
    extensions.shortcodes = "emoji" in features
    extensions.description_lists = "definition_lists" in features
    extensions.math_dollars = extensions.math_code = "math" in features
    extensions.math_latex = "passthrough" in features
    extensions.wikilinks_title_after_pipe = "wikilinks" in features
    parsing.smart = "typographer" in features
    # To Obsidian a box with any sign in it is a task that is not open.
    parsing.relaxed_tasklist_matching = "comments" in features
    rendering.unsafe_ = True
    rendering.full_info_string = True
    rendering.hardbreaks = "hardbreaks" in features
    return extensions, parsing, rendering


def kramdown_as_measured(text: str, features: frozenset[str]) -> str:
    """kramdown's HTML with no ids but the author's, as the reference that fidelity is measured with has it."""
    return kramdown.to_html(text, features, auto_ids=False)


def to_html(text: str, flavour: Flavour, features: frozenset[str], *, heading_ids: bool = True) -> str:
    """The engine's HTML, not yet sanitised. ``flavour`` is ``commonmark`` or ``kramdown``.

    Without ``heading_ids`` kramdown's ``{:toc}`` lists only headings that have ids of their own.

    Raises :class:`TooComplex` where the kramdown engine does not end within its time or there are too many inline
    footnotes, ``EngineFailed`` where it has a fault.
    """
    if flavour == "kramdown":
        return call_bounded(kramdown.to_html if heading_ids else kramdown_as_measured, text, features)
    if "inline_footnotes" in features and text.count("^[") > MAX_INLINE_FOOTNOTES:
        raise TooComplex
    if "wikilinks" in features and "\\[[" in text:
        text = text.replace("\\[[", f"\\[{ESCAPE_MARK}[")
    if "wikilinks" in features and "![[" in text:
        text = text.replace("![[", EMBED_MARK + "[[")
    if "definition_lists" in features and "\n " in text:
        text = _escape_loose_colons(text)
    has_definitions = "definition_lists" in features and "\n:" in text
    if has_definitions:
        text = _separate_long_definitions(text)
    has_tildes = "~" in text and "strikethrough" in features
    if has_tildes:
        text = _LONE_TILDE.sub(_TILDE_MARK, text)
    if "``" in text and _DOUBLE_BACKTICK.search(text):
        text = mark_lone_backticks(text, _BACKTICK_MARK)
    if "]:" in text:
        text += _ROOM_FOR_REFERENCES
    html: str = comrak.render_markdown(text, *_comrak_options(features))
    if _BACKTICK_MARK in text:
        html = html.replace(_BACKTICK_MARK, "`")
    if has_tildes:
        html = html.replace(_TILDE_MARK, "~").replace("%EF%B7%93", "~")
    if has_definitions:
        html = _TERMS.sub(lambda match: "\n".join(f"<dt>{line}</dt>" for line in match[1].split("\n")), html)
    return html


def _escape_loose_colons(text: str) -> str:
    if not any(f"\n{blanks}:" in text for blanks in (" ", "  ", "   ")):
        return text
    code = CodeMap(text)
    return _LOOSE_COLON.sub(lambda match: match[1] + ("" if code.region_at(match.end()) else "\\"), text)


def _separate_long_definitions(text: str) -> str:
    code = CodeMap(text)
    return _LONG_DEFINITION.sub(lambda match: "" if code.region_at(match.start()) else "\n", text)


__all__ = ["DEFAULT_FEATURES", "EMBED_MARK", "ESCAPE_MARK", "FEATURES", "GENERATOR_FEATURES", "TooComplex", "to_html"]
