"""Whether two renderings say the same to a reader: blocks, marks, links, pictures and words, not how they are spelled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import unescape
from itertools import zip_longest
from posixpath import commonprefix
from urllib.parse import unquote

from articles.players import find_player

_TOKEN = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)([^<>]*)>|([^<]+)|<")
_KEPT = frozenset(
    [
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "blockquote",
        "pre",
        "table",
        "tr",
        "td",
        "th",
        "hr",
        "strong",
        "em",
        "code",
        "a",
        "img",
        "del",
        "sup",
        "dl",
        "dt",
        "dd",
        "mark",
        "ruby",
    ]
)
_SAME = {"b": "strong", "i": "em", "s": "del", "strike": "del", "footer": "p"}
_UNSEEN = re.compile(r"<(script|style|annotation)\b.*?</\1>|<!--.*?-->", re.S | re.I)
_EMBED = re.compile(r'<p class="embed[^"]*"><a [^>]*href="([^"]*)"[^>]*>.*?</a></p>', re.S)
_LONE_LINK = re.compile(r'<p><a [^>]*href="(https?://[^"]*)"[^>]*>(?:https?://[^<]*)</a></p>')
_LONE_PICTURE = re.compile(r'<p><img src="(https?://[^"]*)"[^<>]*></p>')
_LONE_CODE = re.compile(r'(^|\n)((?:<span class="(?:template-code|unresolved)">[^<]*</span>[ \t]*)+)(?=\n|$)')
_BARE_LINK = re.compile(r'<a [^<>]*href="([^"]*)"[^<>]*>([^<]*)</a>')
_BARE_ADDRESS = re.compile(r"<p>(https?://[^\s<]+)</p>")
_FORMULA = re.compile(r"<math\b.*?</math>", re.S)
_TAGS = re.compile(r"<[^<>]*>")
_HREF = re.compile(r"""\s(?:href|src)\s*=\s*(?:"([^"]*)"|'([^']*)'|(\S+))""", re.I)
_FOLDED = str.maketrans({"–": "-", "—": "-", "\ufe0e": "", "…": ".", "«": "<", "»": ">"} | dict.fromkeys("\"'“”‘’„‚", ""))
_VOID = frozenset(["area", "br", "col", "embed", "hr", "img", "input", "source", "track", "wbr"])
_BALANCED_TAG = re.compile(r'<(/?)([a-zA-Z][\w-]*)(?:\s+[^\s<>"=]+(?:="[^"]*")?)*\s*(/?)>')
_MOST_BLOCKS = 2_000
_SHOWN = 60
_MARK = "\x01"
_TAIL = 24


def shape(html: str) -> list[str]:
    """The rendering as a list of marks and words. White space, ids, classes, quotation marks and dashes do not count."""
    html = _FORMULA.sub(lambda match: f'<img src="formula:{_TAGS.sub("", match[0])}">', html) if "<math" in html else html
    html = _LONE_CODE.sub(r"\1<p>\2</p>", html) if "<span class=" in html else html
    html = _LONE_PICTURE.sub(_show_film, html) if '<p><img src="http' in html else html
    html = _LONE_LINK.sub(r'<embed to="\1">', _EMBED.sub(r'<embed to="\1">', _UNSEEN.sub("", html)))
    html = _BARE_LINK.sub(_free_address, _BARE_ADDRESS.sub(r'<embed to="\1">', html))
    tokens: list[str] = []
    for token in _tokens(html):
        if _is_mark(token) or not tokens or _is_mark(tokens[-1]):
            tokens.append(token)
        else:
            tokens[-1] += token
    folded = [words for token in tokens if (words := token if _is_mark(token) else _fold_words(token))]
    return _free_pictures(folded)


def _show_film(match: re.Match[str]) -> str:
    """A picture whose address is that of a film is the film, though only some generators know it."""
    return f'<embed to="{match[1]}">' if find_player(unescape(match[1])) else match[0]


def _free_address(match: re.Match[str]) -> str:
    """An address reads the same whether or not it can be followed."""
    target, words = unescape(match[1]), unescape(match[2]).strip()
    return match[2] if target in (words, f"mailto:{words}", f"http://{words}", f"https://{words}") else match[0]


def _free_pictures(tokens: list[str]) -> list[str]:
    """A picture alone in a paragraph and one that stands for itself look the same."""
    freed: list[str] = []
    for token in tokens:
        freed.append(token)
        if token == _MARK + "</p>" and len(freed) > 2 and freed[-3] == _MARK + "<p>" and freed[-2].startswith(_MARK + "<img "):
            freed[-3:] = [freed[-2]]
    return freed


def _is_mark(token: str) -> bool:
    """Whether a token is a tag: words may begin with ``<`` too."""
    return token[0] == _MARK


def _tokens(html: str) -> Iterator[str]:
    loose: list[bool] = []
    for closing, name, attributes, words in _TOKEN.findall(html):
        if words:
            if folded := re.sub(r"\s+", "", unescape(words)):
                yield folded
            continue
        tag = _SAME.get(name.lower(), name.lower())
        if tag == "embed":
            yield f"{_MARK}<embed {unescape(attributes.partition('=')[2].strip(chr(34)))}>"
        if tag in ("li", "dd", "td", "th"):
            loose.append(True) if not closing else loose and loose.pop()
        if tag not in _KEPT or (tag == "p" and loose):
            continue
        if closing:
            if tag not in ("img", "hr"):
                yield f"{_MARK}</{tag}>"
        elif tag in ("a", "img"):
            yield f"{_MARK}<{tag} {_target(attributes)}>"
        else:
            yield f"{_MARK}<{tag}>"


def _target(attributes: str) -> str:
    found = _HREF.search(attributes)
    address = unescape(next((group for group in found.groups() if group), "")) if found else ""
    return "#" if address.startswith("#") else unquote(address.partition("#")[0])


def _fold_words(words: str) -> str:
    folded = words.translate(_FOLDED).replace("<<", "<").replace(">>", ">")
    return re.sub(r"-+", "-", re.sub(r"\.+", ".", folded))


def is_like(one: str, other: str) -> bool:
    """Whether two renderings say the same."""
    return one == other or shape(one) == shape(other)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two renderings first part: what stands there in each, and the words before it, without blanks."""

    one: str
    other: str
    before: str


def find_difference(one: str, other: str) -> Difference | None:
    """Where two renderings first part; ``None`` where they say the same."""
    if one == other:
        return None
    ours, theirs = shape(one), shape(other)
    if ours == theirs:
        return None
    at = next((number for number, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), None)
    at = min(len(ours), len(theirs)) if at is None else at
    before = "".join(token for token in ours[:at] if not _is_mark(token))
    first, second = (tokens[at] if at < len(tokens) else _MARK for tokens in (ours, theirs))
    if not (_is_mark(first) or _is_mark(second)):
        # Both are words: the difference is inside them.
        same = len(commonprefix([first, second]))
        back = max(same - 8, 0)
        return Difference(_cut(first[back:]), _cut(second[back:]), before + first[:same])
    return Difference(_show(ours, at), _show(theirs, at), before)


def list_differences(one: str, other: str, limit: int) -> list[Difference]:
    """Where two sanitised renderings part, block by block, at most ``limit`` of them; :func:`find_difference` stops at one."""
    if one == other:
        return []
    ours, theirs = _split_blocks(one), _split_blocks(other)
    keys = [[tuple(shape(block)) for block in blocks] for blocks in (ours, theirs)]
    found: list[Difference] = []
    for tag, start, end, other_start, other_end in SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for pair in zip_longest(ours[start:end], theirs[other_start:other_end], fillvalue=""):
            if difference := find_difference(*pair):
                found.append(difference)
            if len(found) == limit:
                return found
    return found


def _split_blocks(html: str) -> list[str]:
    """The outermost elements, each with the words before it; the comparison of very many of them would take too long."""
    blocks: list[str] = []
    depth = start = 0
    for tag in _BALANCED_TAG.finditer(html):
        if tag[2].lower() in _VOID or tag[3]:
            change = 0
        else:
            change = -1 if tag[1] else 1
        depth += change
        if depth == 0 and len(blocks) < _MOST_BLOCKS:
            blocks.append(html[start : tag.end()])
            start = tag.end()
    return [block for block in (*blocks, html[start:]) if block.strip()]


def line_of(text: str, words: str) -> int | None:
    """The line of ``text``, from 1, after which ``words`` (without blanks, as a reader sees them) have been said.

    ``None`` where they are not found: what stands before a difference may have been made by template code.
    """
    wanted = re.sub(r"\W+", "", words)[-_TAIL:]
    if not wanted:
        return 1
    squeezed: list[str] = []
    lines: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        kept = re.sub(r"\W+", "", line)
        squeezed.append(kept)
        lines += [number] * len(kept)
    at = "".join(squeezed).find(wanted)
    return lines[at + len(wanted) - 1] if at >= 0 else None


def _show(tokens: list[str], at: int) -> str:
    return _cut(" ".join(token.lstrip(_MARK) for token in tokens[at : at + 3])) or "–"


def _cut(text: str) -> str:
    return text[:_SHOWN] + ("…" if len(text) > _SHOWN else "")
