"""Template code of the generators read as constructs, from the allow-list that the renderer has (``markup.templatecode``)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from urllib.parse import unquote

from articles.formats.translating.constructs import (
    Code,
    Construct,
    Details,
    Embed,
    Figure,
    FileReference,
    Markdown,
    Notice,
    PageReference,
    Quotation,
    Remark,
    Words,
)
from articles.markup.callouts import kind_of
from articles.markup.templatecode import CLOSERS, MAX_TAG, NOTICES, TAG_NAME, read_arguments

_SERVICES = frozenset({"youtube", "vimeo", "gist", "tweet", "x", "instagram", "nicovideo", "jsfiddle"})
_DETAILS = frozenset({"details", "collapse", "expand"})


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag: its name, its arguments, and its place in the text."""

    name: str
    positional: tuple[str, ...]
    named: dict[str, str]
    rest: str
    opener: str
    start: int
    end: int

    @property
    def is_end(self) -> bool:
        return self.name.startswith("/") or (self.opener == "{%" and self.name.startswith("end"))

    def get(self, key: str, position: int | None = None) -> str:
        """A named argument, else the positional one, else ``""``."""
        if key in self.named:
            return self.named[key]
        if position is not None and position < len(self.positional):
            return self.positional[position]
        return ""


def read_tag(text: str, match: re.Match[str]) -> Tag | None:
    """The tag that begins at a match of :data:`articles.markup.templatecode.OPENER`; ``None`` where it never ends."""
    opener, start = match[0], match.start()
    closer = CLOSERS[opener]
    end = text.find(closer, start)
    if end < 0 or end - start > MAX_TAG:
        return None
    content = text[start + len(opener) : end].strip().removeprefix("-").removesuffix("-").strip()
    if opener in ("{{<", "{{%"):
        content = content.removesuffix("/").strip()
    end += len(closer)
    if opener == "{{":
        return Tag("{{", (), {}, content, opener, start, end)
    name = TAG_NAME.match(content)
    rest = content[name.end() :] if name else content
    positional, named = read_arguments(rest)
    return Tag(re.sub(r"\s", "", name[0]) if name else "", tuple(positional), named, rest, opener, start, end)


def find_end(text: str, tag: Tag, position: int) -> tuple[int, int]:
    """Where the content of a pair ends, and its end tag: that which closes it, pairs of the same name inside counted."""
    name = re.escape(tag.name)
    if tag.opener == "{%":
        pattern = rf"\{{%-?\s*(end)?{name}\b[^%]*?-?%\}}"
    else:
        pattern = rf"\{{\{{[<%]\s*(/)?\s*{name}\b[^{{}}]*?[>%]\}}\}}"
    depth = 1
    for match in re.compile(pattern).finditer(text, position):
        depth += -1 if match[1] else 1
        if depth == 0:
            return match.start(), match.end()
    return 0, 0


# --- what the tags mean ----------------------------------------------------------------------------------------------

Meaning = Callable[[Tag], "Construct | None"]
BodyMeaning = Callable[[Tag, str], "Construct | None"]


def _figure(tag: Tag) -> Construct | None:
    source = tag.get("src", 0) or tag.get("url") or tag.get("image_path") or tag.get("image") or tag.get("filename")
    if not source:
        return None
    get = tag.named.get
    sizes = {name: size for name in ("width", "height") if (size := get(name, "")).isdecimal()}
    return Figure(
        source,
        get("alt", ""),
        get("caption", ""),
        get("title", ""),
        get("link", ""),
        sizes.get("width", ""),
        sizes.get("height", ""),
        get("attr", ""),
        get("attrlink", ""),
    )


def _embed(service: str) -> Meaning:
    def read(tag: Tag) -> Construct | None:
        item = next((tag.named[key] for key in ("id", "video_id", "url", "src") if key in tag.named), "")
        if not item and tag.positional:
            wants_two = service == "gist" and len(tag.positional) > 1 and tag.opener.startswith("{{")
            item = "/".join(tag.positional[:2]) if wants_two else tag.positional[0]
        if service in ("tweet", "x") and not item.isdecimal() and "://" not in item:
            item = next((part for part in reversed(tag.positional) if part.isdecimal()), "")
        if "://" in item:
            return Embed("", item)
        return Embed(service, item) if item else None

    return read


def _address(tag: Tag) -> Construct | None:
    address = tag.get("src", 0) or tag.get("url")
    return Embed("", "https:" + address if address.startswith("//") else address) if "//" in address else None


def _reference(kind: str) -> Meaning:
    def read(tag: Tag) -> Construct | None:
        written = tag.get("path", 0) or tag.rest.strip()
        if not written:
            return None
        path, _hash, fragment = written.partition("#")
        return PageReference(kind, unquote(path.partition("?")[0]), unquote(fragment))

    return read


def _post_link(tag: Tag) -> Construct | None:
    if not tag.positional:
        return None
    path, _hash, fragment = tag.positional[0].partition("#")
    title = " ".join(part for part in tag.positional[1:] if part not in ("true", "false")) or path
    return PageReference("hexo_post", unquote(path), unquote(fragment), title)


def _asset_image(tag: Tag) -> Construct | None:
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
    width, height = (*sizes, "", "")[:2]
    return Figure(parts[at], alt, width=width, height=height)


def _asset_link(tag: Tag) -> Construct | None:
    return FileReference(tag.positional[0], " ".join(tag.positional[1:]) or tag.positional[0]) if tag.positional else None


def _asset_path(tag: Tag) -> Construct | None:
    return FileReference(tag.rest.strip()) if tag.rest.strip() else None


def _hexo_link(tag: Tag) -> Construct | None:
    at = next((index for index, part in enumerate(tag.positional) if re.match(r"https?://|/", part)), None)
    if at is None:
        return None
    text = " ".join(tag.positional[:at]) or tag.positional[at]
    return Markdown(f"[{text}]({tag.positional[at]})")


def _include(tag: Tag) -> Construct | None:
    if not tag.positional:
        return None
    stem = re.sub(r"\.\w+$", "", tag.positional[0].rpartition("/")[2]).lower()
    inner = Tag(stem, tag.positional[1:], tag.named, "", tag.opener, tag.start, tag.end)
    if stem in ("figure", "image", "img", "picture"):
        return _figure(inner)
    service = {"youtubeplayer": "youtube", "youtube_player": "youtube", "twitter": "tweet"}.get(stem, stem)
    if stem in ("video", "embed") and "provider" in tag.named:
        service = tag.named["provider"]
    return _embed(service)(inner) if service in _SERVICES else None


def _nothing(tag: Tag) -> Construct | None:
    return Markdown("")


def _code(tag: Tag, inner: str) -> Construct:
    language = tag.named.get("lang", "") or tag.named.get("language", "")
    for part in tag.positional:
        if part.startswith("lang:"):
            language = part[5:]
    words = [part for part in tag.positional if ":" not in part]
    title = ""
    if tag.name in ("codeblock", "code"):
        title = " ".join(words)
    elif not language and words:
        language = words[0]
    return Code(inner.strip("\n"), language, title)


def site_value(tag: Tag, title: str) -> Construct | None:
    """``{{ site.baseurl }}`` and its like: a site's own addresses start at its root."""
    name, *filters = [part.strip() for part in tag.rest.split("|")]
    if name in ("site.url", "site.baseurl", "site.github.url") and not filters:
        return Markdown("")
    if name == "page.title" and not filters:
        return Markdown(title)
    literal = re.fullmatch(r"""["'](.*)["']""", name)
    known = r"(?:relative_url|absolute_url|prepend:.*|escape|uri_escape)"
    if literal and all(re.fullmatch(known, item) for item in filters):
        return Markdown(literal[1])
    return None


def param(tag: Tag, title: str) -> Construct | None:
    """``{{< param title >}}``."""
    return Markdown(title) if tag.get("name", 0).lower() == "title" and title else None


SIMPLE: dict[str, dict[str, Meaning]] = {
    "shortcodes": {
        **dict.fromkeys(["figure", "image", "img"], _figure),
        **{name: _embed(name) for name in ("youtube", "vimeo", "gist", "tweet", "x", "instagram")},
        **dict.fromkeys(["twitter", "twitter_simple"], _embed("tweet")),
        "vimeo_simple": _embed("vimeo"),
        "x_simple": _embed("x"),
        "instagram_simple": _embed("instagram"),
        "ref": _reference("ref"),
        "relref": _reference("relref"),
        "toc": _nothing,
    },
    "liquid": {
        "link": _reference("path"),
        "post_url": _reference("post_url"),
        **dict.fromkeys(["include", "include_cached"], _include),
        **{name: _embed(name) for name in ("youtube", "vimeo", "gist")},
        "twitter": _embed("tweet"),
    },
    "hexo_tags": {
        "post_link": _post_link,
        "post_path": _reference("hexo_post"),
        **dict.fromkeys(["asset_img", "img", "image"], _asset_image),
        "asset_path": _asset_path,
        "asset_link": _asset_link,
        "link": _hexo_link,
        "iframe": _address,
        **{name: _embed(name) for name in ("youtube", "vimeo", "gist", "jsfiddle")},
    },
}


def _raw(tag: Tag, inner: str) -> Construct:
    return Words(inner)


def _remark(tag: Tag, inner: str) -> Construct:
    return Remark(inner)


VERBATIM: dict[str, dict[str, BodyMeaning]] = {
    "shortcodes": {"highlight": _code, "comment": _remark},
    "liquid": {"highlight": _code, "comment": _remark, "raw": _raw},
    "hexo_tags": {"codeblock": _code, "code": _code, "raw": _raw},
}
"""Tags whose content is text and not Markdown."""


def _details(tag: Tag, body: str) -> Construct:
    return Details(tag.get("summary") or tag.get("title", 0) or tag.rest.strip(), body, tag.get("open") == "true")


def _notice(tag: Tag, body: str) -> Construct:
    kind = tag.get("type") or (tag.name if kind_of(tag.name) else tag.get("type", 0)) or "note"
    return Notice(kind, tag.get("title", 1), body)


def _quotation(tag: Tag, body: str) -> Construct:
    text = tag.rest.strip()
    address = re.search(r"(?:^|\s)(https?://\S+)", text)
    title = text[address.end() :].strip() if address else ""
    author = (text[: address.start()] if address else text).strip().strip("\"'")
    credit = escape(author)
    if address:
        credit += f' <cite><a href="{escape(address[1])}">{escape(title or address[1])}</a></cite>'
    return Quotation(body, credit.strip())


def _plain_quotation(tag: Tag, body: str) -> Construct:
    return Quotation(body)


PAIRED: dict[str, dict[str, BodyMeaning]] = {
    "shortcodes": {**dict.fromkeys(NOTICES, _notice), **dict.fromkeys(_DETAILS, _details)},
    "liquid": {},
    "hexo_tags": {
        **dict.fromkeys(["blockquote", "quote"], _quotation),
        "pullquote": _plain_quotation,
        **dict.fromkeys(["note", "message"], _notice),
    },
}
"""Tags whose content is Markdown."""


def family_of(opener: str, features: frozenset[str]) -> str:
    """Which generator runs what begins with ``opener``, where the features switch it on."""
    if opener in ("{{<", "{{%"):
        return "shortcodes" if "shortcodes" in features else ""
    return "liquid" if "liquid" in features else "hexo_tags" if "hexo_tags" in features else ""
