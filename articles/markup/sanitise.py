"""The last step: an allow-list over the whole document (nh3), and an account of what it took away."""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape
from itertools import combinations

import nh3

from articles.markup import callouts, highlight, maths
from articles.markup.page import WORDS, Page
from articles.markup.page import gettext_noop as _

#: Words for ``rel`` that survive, in the order in which they are written.
RELATIONS = ("author", "license", "me", "nofollow", "noopener", "noreferrer", "sponsored", "tag", "ugc")


SCHEMES = frozenset({"http", "https", "mailto", "tel"})


def box(name: str, *, is_checked: bool) -> str:
    """A box of a task list, which nobody can change. ``name`` is what a screen reader calls it."""
    return f'<input type="checkbox"{" checked=" + chr(34) * 2 if is_checked else ""} disabled="" aria-label="{name}">'


#: The only inputs that a page may hold.
_BOXES = frozenset(
    box(words[key], is_checked=key == "done") for words in WORDS.values() for key in ("open", "done", "cancelled", "deferred")
)

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
        "embed-title",
        "unresolved",
        "missing-picture",
        "template-code",
        "footnotes",
        "footnote-ref",
        "footnote-backref",
        "contains-task-list",
        "task-list-item",
        "task-state",
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
        "math": {"display": {"inline", "block"}, "tabindex": {"0"}},
        "div": {"tabindex": {"0"}},
        "pre": {"tabindex": {"0"}},
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
# Of a class list that holds none of ours the cleaner leaves the attribute.
_NO_CLASS = re.compile(r'(<[a-z][^<>]*?) class=""')
_TAGS = re.compile(r"<[^<>]*>")
_VALUE = '(?:[^"<>&\xa0]|&amp;)*'
# Any tag, or mere "<", but those that carry nothing.
_TELLING_TAG = re.compile(
    r"<(?!/?(?:p|h[1-6]|ul|ol|li|blockquote|strong|em|del|mark|code|table|thead|tbody|tr|th|td|dl|dt|dd)>|/(?:a|pre|div|span)>"
    r"|[bh]r(?: /)?>)[^<>]*>?"
)
# Tags that the engines and the finishing write, attributes and all. What follows ``href`` and ``src`` decides the scheme.
_ENGINES_TAG = re.compile(
    "|".join(
        [
            rf'<h[1-6] id="{_VALUE}">',
            rf'<a href="(?:https?://|mailto:|/(?!/)|#){_VALUE}"(?: title="{_VALUE}")?(?: rel="noopener")?>',
            rf'<img src="(?:https?://|/(?!/)){_VALUE}" alt="{_VALUE}"(?: title="{_VALUE}")?(?: width="[0-9]+" height="[0-9]+")?'
            r' loading="lazy" decoding="async">',
            rf'<pre class="code"(?: data-language="{_VALUE}")? tabindex="0" role="group" aria-label="{_VALUE}">',
            rf'<input type="checkbox"(?: checked="")? disabled="" aria-label="{_VALUE}">',
            rf'<span class="(?:{"|".join(sorted(highlight.CLASSES | {"unresolved", "unresolved missing-picture"}))})">',
            r'<t[hd] class="align-(?:left|center|right)">',
            rf'<div class="scroller" role="group" tabindex="0" aria-label="{_VALUE}">',
            r'<ol start="[0-9]+">',
        ]
    )
)
_LINK_TAG = re.compile(r"<(/?)a[ >]")
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


@lru_cache(maxsize=4096)
def _is_engines_tag(tag: str) -> bool:
    return _ENGINES_TAG.fullmatch(tag) is not None


def _is_engines_own(html: str) -> bool:
    """Whether every tag, whole, is one that :data:`_ENGINES_TAG` lists, so that cleaning would change nothing but spelling.

    An engine closes what it opens; only links may have been written one inside another, by a bare address in a link's text.
    """
    if not all(map(_is_engines_tag, set(_TELLING_TAG.findall(html)))):
        return False
    links = _LINK_TAG.findall(html) if "<a " in html else []
    return not any(links[::2]) and all(links[1::2])


def _normalise(html: str) -> str:
    """Writes HTML of :func:`_is_engines_own` as the cleaner would."""
    if "&quot;" in html:
        html = html.replace("&quot;", '"')
    if " />" in html:
        html = html.replace("<br />", "<br>").replace("<hr />", "<hr>")
    return html.replace("\xa0", "&nbsp;") if "\xa0" in html else html


def sanitise(page: Page, html: str, *, has_raw_html: bool) -> str:
    """``html`` reduced to what a page may hold; ids are only those that ``page`` has given out.

    ``has_raw_html`` says that an author's own HTML is in it: then the words before and after are compared.
    """
    clean = _normalise(html) if not has_raw_html and _is_engines_own(html) else _CLEANER.clean(html)
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
        clean = _INPUT.sub(lambda match: match[0] if match[0] in _BOXES else "", clean)
    if ' class=""' in clean:
        clean = _NO_CLASS.sub(r"\1", clean)
    if "<pre" in clean:
        clean = _PRE_BREAK.sub(r"\1", clean)
    return clean
