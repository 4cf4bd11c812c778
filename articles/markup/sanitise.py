"""The last step: an allow-list over the whole document (nh3), and an account of what it took away."""

from __future__ import annotations

import re
from html import unescape
from itertools import combinations

import nh3

from articles.markup import callouts, highlight, maths
from articles.markup.page import Page
from articles.markup.page import gettext_noop as _

#: Words for ``rel`` that survive, in the order in which they are written.
RELATIONS = ("author", "license", "me", "nofollow", "noopener", "noreferrer", "sponsored", "tag", "ugc")

#: The only inputs of a page: boxes of task lists, open and done, which nobody can change.
BOXES = ('<input type="checkbox" disabled="">', '<input type="checkbox" checked="" disabled="">')

SCHEMES = frozenset({"http", "https", "mailto", "tel"})

_FLOW = frozenset(
    [
        "a",
        "abbr",
        "address",
        "article",
        "aside",
        "audio",
        "b",
        "bdi",
        "bdo",
        "blockquote",
        "br",
        "caption",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "i",
        "img",
        "input",
        "ins",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "picture",
        "pre",
        "q",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "section",
        "small",
        "source",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "time",
        "tr",
        "track",
        "u",
        "ul",
        "var",
        "video",
        "wbr",
    ]
)
TAGS = _FLOW | maths.TAGS

_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"id", "lang", "dir", "title", "role", "aria-label", "aria-hidden", "aria-describedby"},
    "a": {"href", "hreflang"},
    "abbr": {"title"},
    "audio": {"src", "controls", "preload", "loop", "muted"},
    "blockquote": {"cite"},
    "col": {"span"},
    "colgroup": {"span"},
    "del": {"cite", "datetime"},
    "details": {"open"},
    "img": {"src", "alt", "width", "height", "loading", "decoding"},
    "input": {"checked"},
    "ins": {"cite", "datetime"},
    "li": {"value"},
    "ol": {"start", "reversed", "type"},
    "pre": {"data-language"},
    "q": {"cite"},
    "source": {"src", "type"},
    "td": {"colspan", "rowspan", "headers"},
    "th": {"colspan", "rowspan", "headers", "scope"},
    "time": {"datetime"},
    "track": {"src", "kind", "srclang", "label"},
    "video": {"src", "controls", "preload", "loop", "muted", "playsinline", "width", "height"},
} | {name: set(maths.ATTRIBUTES - {"display"}) for name in maths.TAGS}

#: Classes that the pages' stylesheet knows and authors may use.
AUTHOR_CLASSES = frozenset(
    [
        "align-left",
        "align-center",
        "align-right",
        "align-justify",
        "small",
        "lead",
        "caption",
        "note",
        "info",
        "tip",
        "warning",
        "danger",
        "caution",
        "important",
        "alert",
        "text-center",
        "text-left",
        "text-right",
        "center",
        "left",
        "right",
        "nowrap",
        "pull-quote",
        "ad",
        "pr",
        "sponsored",
    ]
)
_OWN_CLASSES = frozenset(
    [
        "scroller",
        "code",
        "embed",
        "embed-host",
        "unresolved",
        "template-code",
        "footnotes",
        "footnote-ref",
        "footnote-backref",
        "contains-task-list",
        "task-list-item",
        "math-source",
        "source",
        "wikilink",
        "external",
        "embed-card",
    ]
) | {f"width-{size}" for size in ("small", "medium", "large")}
_EMBED_CLASSES = frozenset(
    f"embed-{name}"
    for name in [
        "youtube",
        "vimeo",
        "gist",
        "tweet",
        "x",
        "instagram",
        "slideshare",
        "speakerdeck",
        "docswell",
        "codepen",
        "jsfiddle",
        "codesandbox",
        "stackblitz",
        "figma",
        "nicovideo",
        "soundcloud",
        "spotify",
        "google",
    ]
)
_GENERAL = AUTHOR_CLASSES | _OWN_CLASSES | callouts.CLASSES | _EMBED_CLASSES

_REL_VALUES = {" ".join(words) for size in range(1, 5) for words in combinations(RELATIONS, size)}

_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags={"script", "style"},
    attributes=_ATTRIBUTES,
    tag_attribute_values={
        "a": {"rel": _REL_VALUES},
        "input": {"type": {"checkbox"}, "disabled": {""}},
        "math": {"display": {"inline", "block"}},
        "div": {"tabindex": {"0"}},
    },
    allowed_classes={name: set(_GENERAL | highlight.CLASSES) if name in {"span", "code"} else set(_GENERAL) for name in _FLOW},
    link_rel=None,
    url_schemes=set(SCHEMES),
    generic_attribute_prefixes=set(),
)

# Elements whose start tag changes how a parser reads all that follows: unclosed, they swallow the rest of an article.
_SWALLOWING = re.compile(
    r"</?(?:template|svg|select|option|optgroup|noscript|noframes|noembed|frameset|frame|xmp|plaintext|textarea|title|iframe|head|body|"
    r"html|object|applet|button|marquee|text|tspan|form|fieldset|foreignobject|desc|mglyph|malignmark|annotation-xml|annotation|semantics)"
    r"(?=[\s/>])[^<>]*>",
    re.I,
)
_RAW = re.compile(r"<(script|style)(?=[\s/>])", re.I)
_MATH = re.compile(r"</?math(?=[\s/>])[^<>]*>", re.I)
_COMMENT_OPEN = "<!--"
_WRITTEN_ID = re.compile(r' id="([^"]*)"')
_INPUT = re.compile(r"<input[^>]*>")
_PRE_BREAK = re.compile(r"(<pre(?: [^>]*)?>)\n+")
_ID = re.compile(r'(<[a-z][^<>]*?) id="([^"]*)"')
_TAGS = re.compile(r"<[^<>]*>")
_WORD = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff]+|\d+|[\u3040-\u30ff\u3400-\u9fff]")


def drop_raw_elements(page: Page, html: str) -> str:
    """Takes ``<script>`` and ``<style>`` out with their content, and says so. Without an end tag only the tag goes."""
    if not _RAW.search(html):
        return html
    pieces: list[str] = []
    at = 0
    lower = html.lower()
    unclosed: set[str] = set()
    while match := _RAW.search(html, at):
        name = match[1].lower()
        end = -1 if name in unclosed else lower.find(f"</{name}", match.end())
        pieces.append(html[at : match.start()])
        if end < 0:
            unclosed.add(name)
            at = match.end()
        else:
            closed = html.find(">", end)
            at = closed + 1 if closed >= 0 else len(html)
        page.report(
            f"{name}-dropped",
            "warning",
            _("A <%(name)s> element was left out: articles carry no scripts and no styles of their own. It stays in the source."),
            name=name,
        )
    return "".join(pieces) + html[at:]


def free_swallowed_text(html: str) -> str:
    """Takes out the tags, not the text, of elements that make a parser drop what follows them."""
    html = _SWALLOWING.sub("", html)
    if _MATH.search(html) and not _is_math_balanced(html):
        html = _MATH.sub("", html)
    return html


def _is_math_balanced(html: str) -> bool:
    inside = False
    for match in _MATH.finditer(html):
        closing = match[0][1] == "/"
        if closing != inside:
            return False
        inside = not closing
    return not inside


def count_words(html: str) -> int:
    """Latin words, numbers and Japanese characters in the text of ``html``, comments left out."""
    return len(_WORD.findall(unescape(_TAGS.sub(" ", _drop_comments(html)))))


def _drop_comments(html: str) -> str:
    pieces: list[str] = []
    at = 0
    while (start := html.find(_COMMENT_OPEN, at)) >= 0:
        end = html.find("-->", start)
        if end < 0:
            break
        pieces.append(html[at:start])
        at = end + 3
    return "".join(pieces) + html[at:]


def sanitise(page: Page, html: str, *, has_raw_html: bool) -> str:
    """``html`` reduced to what a page may hold; ids are only those that ``page`` has given out.

    ``has_raw_html`` says that an author's own HTML is in it: then the words before and after are compared.
    """
    clean = _CLEANER.clean(html)
    if has_raw_html:
        lost = count_words(html) - count_words(clean)
        if lost > 0:
            page.report(
                "words-lost",
                "warning",
                _("%(words)s words could not be shown because of unclosed or unknown HTML around them; correct that HTML."),
                words=lost,
            )
    ids = page.ids
    if not ids.issuperset(_WRITTEN_ID.findall(clean)):
        clean = _ID.sub(lambda match: match[0] if unescape(match[2]) in ids else match[1], clean)
    if "<input" in clean:
        clean = _INPUT.sub(lambda match: match[0] if match[0] in BOXES else "", clean)
    if "<pre" in clean:
        clean = _PRE_BREAK.sub(r"\1", clean)
    return clean
