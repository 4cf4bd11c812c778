"""Template code of other generators, taken out before Markdown is read.

What the allow-list knows is translated; what it does not know is kept, shown as code, and reported. Known names are
those of the generators' own manuals: Hugo's embedded shortcodes, Jekyll's Liquid tags and filters, Hexo's tag plugins,
Zenn's messages and embeds, and the names that themes and plugins share for notices.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

from articles.markup import directives, hatena, vault
from articles.markup.callouts import callout_end, callout_start, kind_of
from articles.markup.document import LinkKind
from articles.markup.embeds import embed_address, embed_item, file_figure
from articles.markup.highlight import code_block
from articles.markup.page import CODE_MARK, SHOWN, Page, split_target
from articles.markup.page import gettext_noop as _
from articles.markup.postlists import PostList, find_post_lists
from articles.markup.source import CodeMap

OPENER = re.compile(r"\{\{[<%]|\{\{|\{%")
CLOSERS = {"{{<": ">}}", "{{%": "%}}", "{{": "}}", "{%": "%}"}
LIQUID_RAW = re.compile(r"\{%-?\s*(?:end)?raw\s*-?%\}")
COMMENTED_SHORTCODE = re.compile(r"\{\{([<%])/\*(.*?)\*/([>%])\}\}", re.S)
_ARGUMENT = re.compile(r"""(?:([\w.:-]+)\s*=\s*)?(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|`([^`]*)`|([^\s"'`]+))""", re.S)
TAG_NAME = re.compile(r"/?\s*[\w./-]+")
_BETWEEN_ARGUMENTS = re.compile(r",\s*(?=[\w-]+\s*=)")
#: Longer template code is not template code but a brace that somebody forgot to close.
MAX_TAG = 4_000


@dataclass(slots=True)
class Tag:
    """One tag: its name, positional and named arguments, and where it stands."""

    name: str
    positional: list[str]
    named: dict[str, str]
    rest: str
    source: str
    line: int
    syntax: str
    inner: str = ""

    def get(self, key: str, position: int | None = None) -> str:
        """A named argument, else the positional one, else ``""``."""
        if key in self.named:
            return self.named[key]
        if position is not None and position < len(self.positional):
            return self.positional[position]
        return ""


#: What a handler gives: Markdown to put in place (placeholders included), or ``None`` where it cannot make sense of the tag.
Handler = Callable[[Page, Tag], "str | None"]


def _block(page: Page, html: str | None) -> str | None:
    return None if html is None else page.hold(html, is_block=True)


def _figure(page: Page, tag: Tag) -> str | None:
    source = tag.get("src", 0) or tag.get("url") or tag.get("image_path") or tag.get("image") or tag.get("filename")
    return _block(page, file_figure(page, source, tag.named)) if source else None


def _embed(service: str, *keys: str) -> Handler:
    def handle(page: Page, tag: Tag) -> str | None:
        item = next((tag.named[key] for key in ("id", "video_id", "url", "src", *keys) if key in tag.named), "")
        if not item and tag.positional:
            wants_two = service == "gist" and len(tag.positional) > 1 and tag.syntax.startswith("{{")
            item = "/".join(tag.positional[:2]) if wants_two else tag.positional[0]
        if service in {"tweet", "x"} and not item.isdecimal() and "://" not in item:
            item = tag.positional[-1] if tag.positional and tag.positional[-1].isdecimal() else ""
        return _block(page, embed_item(page, service, item, tag.named.get("title", ""))) if item else None

    return handle


def _iframe(page: Page, tag: Tag) -> str | None:
    return _block(page, embed_address(page, tag.get("src", 0) or tag.get("url"), tag.named.get("title", "")))


def _reference(kind: LinkKind) -> Handler:
    """A tag that gives an address: of a post, or for Jekyll's ``link`` of a file. Hugo's may name a language."""

    def handle(page: Page, tag: Tag) -> str | None:
        written = tag.get("path", 0) or tag.rest.strip()
        if not written:
            return None
        target, fragment = split_target(written)
        if not target:
            return page.hold(f"#{escape(fragment)}", text=f"#{fragment}")
        if kind == "link" and page.resolver and page.resolver.media(target) is not None:
            found = page.media("link", target)
            url = found.url if found else ""
        else:
            asked = f"?lang={tag.named['lang']}" if tag.named.get("lang") else ""
            url = page.link(kind, target + asked, fragment)
        return page.hold(escape(url or written), text=url)

    return handle


def _post_link(page: Page, tag: Tag) -> str | None:
    if not tag.positional:
        return None
    target, fragment = split_target(tag.positional[0])
    title = " ".join(part for part in tag.positional[1:] if part not in {"true", "false"}) or target
    url = page.link("hexo_post", target, fragment)
    if url:
        return page.hold(f'<a href="{escape(url)}">{escape(title)}</a>', text=url)
    return page.hold(f'<span class="unresolved">{escape(title)}</span>')


def _asset_image(page: Page, tag: Tag) -> str | None:
    parts = [part for part in tag.positional if part]
    at = next((index for index, part in enumerate(parts) if re.search(r"\.\w{2,5}$|^https?:|^/", part)), None)
    if at is None:
        return None
    sizes = [part for part in parts[at + 1 : at + 3] if part.isdecimal()]
    words = parts[at + 1 + len(sizes) :]
    title = words[0] if words else ""
    alt = words[1] if len(words) > 1 else title
    quoted = re.findall(r"'([^']*)'|\"([^\"]*)\"", title)
    if len(quoted) == 2:
        title, alt = ("".join(pair) for pair in quoted)
    attributes = "".join(f' {name}="{size}"' for name, size in zip(("width", "height"), sizes, strict=False))
    label = f' title="{escape(title)}"' if title else ""
    return page.hold(f'<img src="{escape(parts[at])}" alt="{escape(alt)}"{label}{attributes}>')


def _asset_link(page: Page, tag: Tag) -> str | None:
    if not tag.positional:
        return None
    title = " ".join(tag.positional[1:]) or tag.positional[0]
    return page.hold(f'<a href="{escape(tag.positional[0])}">{escape(title)}</a>', text=tag.positional[0])


def _hexo_link(page: Page, tag: Tag) -> str | None:
    at = next((index for index, part in enumerate(tag.positional) if re.match(r"https?://|/", part)), None)
    if at is None:
        return None
    text = " ".join(tag.positional[:at]) or tag.positional[at]
    return page.hold(f'<a href="{escape(tag.positional[at])}">{escape(text)}</a>')


def _code(page: Page, tag: Tag) -> str | None:
    """Jekyll's and Hugo's ``highlight``, Hexo's ``codeblock``: the language is the first bare word or ``lang``."""
    language = tag.named.get("lang", "") or tag.named.get("language", "")
    for part in tag.positional:
        if part.startswith("lang:"):
            language = part[5:]
    words = [part for part in tag.positional if ":" not in part]
    title = ""
    if tag.name in {"codeblock", "code"}:
        title = " ".join(words)
    elif not language and words:
        language = words[0]
    html = code_block(tag.inner.strip("\n") + "\n", language, page.word("source"))
    return page.hold(
        f'<figure class="code">{html}<figcaption>{escape(title)}</figcaption></figure>' if title else html, is_block=True
    )


_NAMED_VALUE = re.compile(r"(?:site|page)(?:\.[\w-]+)+", re.ASCII)
_BARE_NAME = re.compile(r"[a-zA-Z_]\w*(?:\.\w+)*", re.ASCII)


def _site_value(page: Page, tag: Tag) -> str | None:
    """``{{ site.baseurl }}`` and its like: this site's own addresses start at its root."""
    expression = tag.rest.strip()
    name, *filters = [part.strip() for part in expression.split("|")]
    if name in {"site.url", "site.baseurl", "site.github.url"} and not filters:
        return ""
    if not filters and _NAMED_VALUE.fullmatch(name):
        return page.print_value(name) if "liquid" in page.features or name == "page.title" else None
    if not filters and "hexo_tags" in page.features and _BARE_NAME.fullmatch(name):
        return page.print_value(f"page.{name}")
    literal = re.fullmatch(r"""["'](.*)["']""", name)
    if (
        literal
        and filters
        and all(re.fullmatch(r"(?:relative_url|absolute_url|prepend:.*|escape|uri_escape)", item) for item in filters)
    ):
        return literal[1]
    if literal and not filters:
        return literal[1]
    return None


def _param(page: Page, tag: Tag) -> str | None:
    """Hugo's ``param``: what the page says of itself, else what the site does; capitals make no difference to its keys."""
    key = tag.get("name", 0).lower()
    wanted = (f"page.{key}", f"page.params.{key}", f"site.params.{key}")
    name = next((name for name in wanted if name in page.values), "page.title" if key == "title" else "")
    value = page.print_value(name)
    if value is None:
        return None
    shown = escape(value, quote=False)
    return page.hold(shown, text=escape(value)) if tag.syntax == "{{<" else shown


def _include(page: Page, tag: Tag) -> str | None:
    """Jekyll's ``include``: only the file names that themes share for a figure or a player mean anything here."""
    if not tag.positional:
        return None
    stem = re.sub(r"\.\w+$", "", tag.positional[0].rpartition("/")[2]).lower()
    inner = Tag(stem, tag.positional[1:], tag.named, "", tag.source, tag.line, tag.syntax)
    if stem in {"figure", "image", "img", "picture"}:
        return _figure(page, inner)
    service = {"youtubeplayer": "youtube", "youtube_player": "youtube", "twitter": "tweet"}.get(stem, stem)
    if stem in {"video", "embed"} and "provider" in tag.named:
        service = tag.named["provider"]
    return (
        _embed(service)(page, inner) if service in {"youtube", "vimeo", "gist", "tweet", "x", "instagram", "nicovideo"} else None
    )


def _nothing(page: Page, tag: Tag) -> str | None:
    return ""


_SIMPLE: dict[str, dict[str, Handler]] = {
    "shortcodes": {
        "figure": _figure,
        "image": _figure,
        "img": _figure,
        "youtube": _embed("youtube"),
        "vimeo": _embed("vimeo"),
        "gist": _embed("gist"),
        "tweet": _embed("tweet"),
        "twitter": _embed("tweet"),
        "twitter_simple": _embed("tweet"),
        "vimeo_simple": _embed("vimeo"),
        "instagram_simple": _embed("instagram"),
        "x": _embed("x"),
        "x_simple": _embed("x"),
        "instagram": _embed("instagram"),
        "ref": _reference("ref"),
        "relref": _reference("relref"),
        "param": _param,
        "toc": _nothing,
    },
    "liquid": {
        "link": _reference("link"),
        "post_url": _reference("post_url"),
        "include": _include,
        "include_cached": _include,
        "youtube": _embed("youtube"),
        "vimeo": _embed("vimeo"),
        "gist": _embed("gist"),
        "twitter": _embed("tweet"),
        "{{": _site_value,
    },
    "hexo_tags": {
        "post_link": _post_link,
        "post_path": _reference("hexo_post"),
        "asset_img": _asset_image,
        "asset_path": lambda page, tag: page.hold(escape(tag.rest.strip()), text=tag.rest.strip()),
        "asset_link": _asset_link,
        "img": _asset_image,
        "image": _asset_image,
        "link": _hexo_link,
        "iframe": _iframe,
        "youtube": _embed("youtube"),
        "vimeo": _embed("vimeo"),
        "gist": _embed("gist"),
        "jsfiddle": _embed("jsfiddle"),
        "{{": _site_value,
    },
    "tera": {
        "figure": _figure,
        "image": _figure,
        "img": _figure,
        "youtube": _embed("youtube"),
        "vimeo": _embed("vimeo"),
        "gist": _embed("gist"),
        "tweet": _embed("tweet"),
        "x": _embed("x"),
        "toc": _nothing,
    },
}

#: Tags whose content is text and not Markdown: content up to the end tag is taken whole.
_VERBATIM: dict[str, dict[str, Handler]] = {
    "shortcodes": {"highlight": _code, "comment": _nothing},
    "liquid": {"highlight": _code, "comment": _nothing, "raw": lambda page, tag: _as_text(page, tag.inner)},
    "hexo_tags": {
        "codeblock": _code,
        "code": _code,
        "raw": lambda page, tag: _as_text(page, tag.inner),
    },
    "tera": {},
}


def _as_text(page: Page, text: str) -> str:
    """Template code that is meant to be read: braces are held back so that nothing here takes them for code again."""
    return re.sub(r"\{(?=[{%])|\{\{|\{%", lambda match: page.hold(match[0], text=match[0]), text)


Ends = tuple[str, str]


def _details(page: Page, tag: Tag) -> Ends | None:
    summary = tag.get("summary") or tag.get("title", 0) or tag.rest.strip() or page.word("details")
    is_open = " open" if tag.get("open") == "true" else ""
    return f'<details class="callout"{is_open}><summary class="callout-title">{escape(summary)}</summary>', "</details>"


def _notice(page: Page, tag: Tag) -> Ends | None:
    first = tag.get("type", 0)
    if kind_of(tag.name) and not (tag.get("type") or kind_of(first)):
        # The name itself is the kind, so what follows it is a title; NexT's styles are none.
        title = "" if first in _NOTICE_STYLES else first
        return callout_start(page, tag.name, escape(tag.named.get("title", title))), callout_end("")
    return callout_start(page, first or "note", escape(_strip_styles(tag.get("title", 1)))), callout_end("")


def _strip_styles(title: str) -> str:
    return "" if title in _NOTICE_STYLES else title


def _quotation(page: Page, tag: Tag) -> Ends | None:
    text = tag.rest.strip()
    address = re.search(r"(?:^|\s)(https?://\S+)", text)
    title = text[address.end() :].strip() if address else ""
    author = (text[: address.start()] if address else text).strip().strip("\"'")
    credit = escape(author)
    if address:
        credit += f' <cite><a href="{escape(address[1])}">{escape(title or address[1])}</a></cite>'
    return "<blockquote>", f"<footer>{credit.strip()}</footer></blockquote>" if credit.strip() else "</blockquote>"


_NOTICE_STYLES = frozenset({"default", "primary", "no-icon", "simple", "modern", "flat", "disabled"})
NOTICES = [
    "notice",
    "note",
    "tip",
    "info",
    "warning",
    "danger",
    "caution",
    "important",
    "admonition",
    "callout",
    "alert",
    "hint",
    "success",
    "error",
    "attention",
    "message",
]
PairHandler = Callable[[Page, Tag], "Ends | None"]
_FOLDED: dict[str, PairHandler] = {"details": _details, "collapse": _details, "expand": _details}
_PAIRED: dict[str, dict[str, PairHandler]] = {
    "shortcodes": _FOLDED | dict.fromkeys(NOTICES, _notice),
    "liquid": {},
    "tera": {},
    "hexo_tags": {"blockquote": _quotation, "quote": _quotation, "pullquote": lambda page, tag: ("<blockquote>", "</blockquote>")}
    | dict.fromkeys(["note", "message"], _notice),
}


def read_arguments(text: str) -> tuple[list[str], dict[str, str]]:
    """What stands behind a tag's name: positional and named arguments, without their quotes."""
    positional: list[str] = []
    named: dict[str, str] = {}
    for match in _ARGUMENT.finditer(text):
        value = next(group for group in match.groups()[1:] if group is not None) if match.lastindex else ""
        if match[1] is None or (match[2] is match[3] is match[4] is None and "://" in match[0]):
            positional.append(match[0] if match[1] is not None else value)
        else:
            named[match[1]] = value.replace('\\"', '"')
    return positional, named


def _read_call(content: str, source: str, line: int, syntax: str) -> Tag:
    """Zola's ``name(key="value", …)``."""
    name, _bracket, arguments = content.partition("(")
    _positional, named = read_arguments(_BETWEEN_ARGUMENTS.sub(" ", arguments.rstrip().removesuffix(")")))
    return Tag(name.strip()[:40], [], named, "", source, line, syntax)


@dataclass
class _Translator:
    """One pass over one text."""

    page: Page
    text: str
    features: frozenset[str]
    code: CodeMap
    pieces: list[str] = field(default_factory=list)
    at: int = 0
    open_tags: list[tuple[str, str]] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    ends: dict[str, tuple[int, int]] = field(default_factory=dict)
    counted_to: int = 0
    line: int = 1
    lists: dict[int, PostList] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if "liquid" in self.features:
            self.lists = {one.start: one for one in find_post_lists(self.text, self.code)}

    def run(self) -> str:
        position = 0
        while match := OPENER.search(self.text, position):
            position = self.take(match.start(), match[0])
        self.pieces.append(self.text[self.at :])
        while self.open_tags:
            self.pieces.append(self.page.hold(self.open_tags.pop()[1], is_block=True))
        return "".join(self.pieces)

    def take(self, start: int, opener: str) -> int:
        """Handles what begins at ``start``; returns where to go on searching."""
        family = self.family(opener)
        if family is None or opener in self.missing:
            return start + len(opener)
        if region := self.code.region_at(start):
            self.take_code(region)
            return region[1]
        closer = CLOSERS[opener]
        end = self.text.find(closer, start)
        if end < 0:
            self.missing.add(opener)
            return start + len(opener)
        if end - start > MAX_TAG:
            return start + len(opener)
        end += len(closer)
        source = self.text[start:end]
        commented = COMMENTED_SHORTCODE.fullmatch(source)
        if commented:
            shown = f"{{{{{commented[1]}{commented[2]}{commented[3]}}}}}"
            self.put(start, end, self.page.hold(escape(shown), text=shown))
            return end
        return self.take_tag(family, opener, source, start, end)

    def family(self, opener: str) -> str | None:
        if opener in {"{{<", "{{%"}:
            return "shortcodes" if "shortcodes" in self.features else None
        if "tera" in self.features:
            return "tera"
        if "liquid" in self.features:
            return "liquid"
        return "hexo_tags" if "hexo_tags" in self.features else None

    def take_code(self, region: tuple[int, int]) -> None:
        """Code is text; only the marks that say "this is no template code" go, as they do for a reader of the old site."""
        start, end = region
        source = self.text[start:end]
        if "{{" in source and "shortcodes" in self.features:
            source = COMMENTED_SHORTCODE.sub(r"{{\1\2\3}}", source)
        if "raw" in source and ("liquid" in self.features or "hexo_tags" in self.features):
            source = LIQUID_RAW.sub("", source)
        if source != self.text[start:end]:
            self.put(start, end, source)

    def take_tag(self, family: str, opener: str, source: str, start: int, end: int) -> int:
        tag = self.read(opener, source, start)
        if left_out := self.lists.get(start):
            self.leave_out(left_out, tag)
            return left_out.end
        if tag.name.startswith("/") or (opener == "{%" and tag.name.startswith("end")):
            self.close(family, tag, start, end)
            return end
        if handler := _VERBATIM[family].get(tag.name):
            inner_end, after = self.find_end(tag, opener, end)
            if after:
                tag.inner = self.text[end:inner_end]
                self.put(start, after, handler(self.page, tag) or "")
                return after
        if pairing := _PAIRED[family].get(tag.name):
            ends = pairing(self.page, tag)
            if ends is not None and self.find_end(tag, opener, end)[1]:
                self.open_tags.append((tag.name, ends[1]))
                self.put(start, end, self.alone(start, self.page.hold(ends[0], is_block=True)))
                return end
        simple = _SIMPLE[family].get("{{" if opener == "{{" and family != "tera" else tag.name)
        result = simple(self.page, tag) if simple else None
        if result is None:
            result = self.unknown_code(tag)
        self.put(start, end, result)
        return end

    def read(self, opener: str, source: str, start: int) -> Tag:
        content = source[len(opener) : -len(CLOSERS[opener])].strip().removeprefix("-").removesuffix("-")
        if opener in {"{{<", "{{%"}:
            content = content.removesuffix("/")
        content = content.strip()
        self.line += self.text.count("\n", self.counted_to, start)
        self.counted_to = start
        if "tera" in self.features:
            return _read_call(content, source, self.line, opener)
        name_match = TAG_NAME.match(content) if opener != "{{" else None
        name = re.sub(r"\s", "", name_match[0]) if name_match else content[:40]
        rest = content[name_match.end() :] if name_match else content
        positional, named = read_arguments(rest) if opener != "{{" else ([], {})
        return Tag(name, positional, named, rest, source, self.line, opener)

    def find_end(self, tag: Tag, opener: str, position: int) -> tuple[int, int]:
        """Where the content of a pair ends and where its end tag ends; zeros where it has none."""
        key = f"{opener}{tag.name}"
        found = self.ends.get(key, (0, 0))
        if found[0] >= position or found[0] < 0:
            return found if found[1] else (0, 0)
        if opener == "{%":
            pattern = rf"\{{%-?\s*end{re.escape(tag.name)}\s*-?%\}}"
        else:
            pattern = rf"\{{\{{[<%]\s*/\s*{re.escape(tag.name)}\s*[>%]\}}\}}"
        match = re.compile(pattern).search(self.text, position)
        self.ends[key] = (match.start(), match.end()) if match else (-1, 0)
        return self.ends[key] if match else (0, 0)

    def close(self, family: str, tag: Tag, start: int, end: int) -> None:
        name = tag.name.lstrip("/") if tag.name.startswith("/") else tag.name.removeprefix("end")
        if self.open_tags and self.open_tags[-1][0] == name:
            self.put(start, end, self.alone(start, self.page.hold(self.open_tags.pop()[1], is_block=True)))
        else:
            self.put(start, end, self.unknown_code(tag))

    def leave_out(self, found: PostList, tag: Tag) -> None:
        """Code that listed posts goes whole: its pieces would be links without an address and titles without a text."""
        self.page.report(
            "post-list-left-out",
            "warning",
            _("The template code that listed posts here is left out: %(source)s. This site has lists of its own; link to one."),
            tag.line,
            source=found.tag[:SHOWN],
        )
        self.put(found.start, found.end, "")

    def unknown_code(self, tag: Tag) -> str:
        name = tag.name.lstrip("/")
        base = (name.removeprefix("end") if tag.syntax == "{%" else name) or name
        self.page.report_template_code(base, tag.source, tag.line)
        shown = escape(tag.source)
        return self.page.hold(f"{CODE_MARK}{shown}</span>", text=tag.source)

    def put(self, start: int, end: int, replacement: str) -> None:
        self.pieces += [self.text[self.at : start], replacement]
        self.at = end

    def alone(self, start: int, placeholder: str) -> str:
        """A placeholder as a paragraph of its own, at the indentation (list, quotation) of the line it stands in."""
        line_start = self.text.rfind("\n", 0, start) + 1
        indentation = re.match(r"[ \t>]*", self.text[line_start : min(start, line_start + 40)])
        prefix = indentation[0] if indentation else ""
        return f"\n{prefix.rstrip()}\n{prefix}{placeholder}\n{prefix.rstrip()}\n{prefix}"


def translate(page: Page, text: str, *, is_html: bool = False) -> str:
    """``text`` with its template code translated to placeholders that :mod:`articles.markup.finishing` resolves.

    ``is_html`` says that nothing in the text is code by Markdown's rules. Findings name the line within ``text``.
    """
    features = page.features
    if "[/caption]" in text:
        text = _translate_captions(page, text)
    if "=" in text and "[" in text:
        _report_wordpress_codes(page, text, is_html=is_html)
    if not is_html and "hatena" in features:
        text = hatena.translate(page, text)
    if not is_html and "mdx" in features:
        text = directives.translate_mdx(page, text)
    if not is_html and "directives" in features:
        text = directives.translate(page, text)
    if not is_html and "zenn" in features and (":::" in text or "@[" in text or " =" in text):
        text = _translate_zenn(page, text)
    if not is_html and "comments" in features:
        text = vault.translate(page, text)
    if features & {"shortcodes", "liquid", "hexo_tags", "tera"} and ("{{" in text or "{%" in text):
        text = _Translator(page, text, features, CodeMap("" if is_html else text)).run()
    return text


_CAPTION = re.compile(
    r"\[caption[^\]\n]{0,400}\](?P<picture>\s*(?:<a [^<>]{0,1000}>\s*)?"
    r"(?:<img [^<>]{0,2000}>|!\[[^\]\n]{0,400}\]\([^)\n]{0,1000}\))(?:\s*</a>)?)(?P<text>[^\[]{0,2000})\[/caption\]"
)


def _translate_captions(page: Page, text: str) -> str:
    """``[caption …]picture text[/caption]`` of WordPress as a figure."""
    start = page.hold("<figure>", is_block=True)

    def replace(match: re.Match[str]) -> str:
        end = page.hold(f"<figcaption>{escape(match['text'].strip())}</figcaption></figure>", is_block=True)
        return f"\n\n{start}\n\n{match['picture'].strip()}\n\n{end}\n\n"

    return _CAPTION.sub(replace, text)


_WORDPRESS = re.compile(
    r"""\[([a-z][a-z0-9_-]{2,40})(?:[ ]+[a-zA-Z_-]{1,40}=(?:"[^"\]\n]{0,400}"|'[^'\]\n]{0,400}')){1,20}[ ]*/?\](?![(\[:])"""
)


def _report_wordpress_codes(page: Page, text: str, *, is_html: bool) -> None:
    """Names ``[gallery ids="1,2"]`` and its like, once each: the export of a WordPress site leaves them in the text."""
    code: CodeMap | None = None
    names: set[str] = set()
    for match in _WORDPRESS.finditer(text):
        code = code or CodeMap("" if is_html else text)
        if match[1] in names or code.region_at(match.start()):
            continue
        names.add(match[1])
        page.report_template_code(match[1], match[0], text.count("\n", 0, match.start()) + 1)


_ZENN = re.compile(r"^(:{3,})[ \t]*(\w*)[ \t]*([^\n]*)$|^@\[(\w+)\]\(([^)\n]*)\)[ \t]*$|(\]\([^\s()]+)[ \t]+=\d*x\d*\)", re.M)


def _translate_zenn(page: Page, text: str) -> str:
    code = CodeMap(text)
    stack: list[tuple[int, str]] = []

    def replace(match: re.Match[str]) -> str:
        if code.region_at(match.start()):
            return match[0]
        if match[6]:
            return match[6] + ")"
        if match[4]:
            held = embed_item(page, match[4], match[5].strip()) or _plain_card(match[5].strip())
            return match[0] if held is None else "\n" + page.hold(held, is_block=True) + "\n"
        return _zenn_container(page, match, stack)

    return _ZENN.sub(replace, text) + "".join("\n\n" + page.hold(end, is_block=True) for _level, end in reversed(stack))


def _zenn_container(page: Page, match: re.Match[str], stack: list[tuple[int, str]]) -> str:
    level, name, argument = len(match[1]), match[2], match[3].strip()
    if not name:
        if not any(opened == level for opened, _end in stack):
            return match[0]
        ends = []
        while stack:
            opened, end = stack.pop()
            ends.append(end)
            if opened == level:
                break
        return "\n" + page.hold("".join(ends), is_block=True) + "\n"
    if name == "message":
        start, end = callout_start(page, "warning" if argument == "alert" else "info", ""), callout_end("")
    elif name == "details":
        title = escape(argument) or page.word("details")
        start, end = f'<details class="callout"><summary class="callout-title">{title}</summary>', "</details>"
    else:
        return match[0]
    stack.append((level, end))
    return "\n" + page.hold(start, is_block=True) + "\n"


def _plain_card(address: str) -> str | None:
    if not address.startswith(("https://", "http://")):
        return None
    return f'<p class="embed"><a class="embed" href="{escape(address)}" rel="noopener">{escape(address)}</a></p>'
