"""Loops of Liquid over a site's own posts and pages: what they printed, this site lists by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from articles.markup.source import CodeMap

_TAG = re.compile(
    r"\{%-?\s*(?P<name>(?:end)?(?:for|tablerow|if|raw|comment)|assign)\b"
    r"(?P<rest>[^%]{0,400}(?:%(?!\})[^%]{0,400}){0,8})%\}"
)
#: Not other collections, data files or lists of the configuration, which may hold words of their own.
_LISTED = r"(?:site\.(?:posts|pages|html_pages|documents|categories|tags|related_posts)|paginator\.posts)"
_OVER = re.compile(rf"\s*[\w-]+\s+in\s+(?:{_LISTED}|(?P<name>[\w-]+))(?![\w.-])")
_ASSIGNED = re.compile(rf"\s*(?P<name>[\w-]+)\s*=\s*{_LISTED}(?![\w-])")
_PAGED = re.compile(r"\s*paginator\.")
_VERBATIM = ("raw", "comment")


@dataclass(frozen=True, slots=True)
class PostList:
    """Where the code of a list stands; ``tag`` is the one that it begins with."""

    start: int
    end: int
    tag: str


def find_post_lists(text: str, code: CodeMap | None = None) -> list[PostList]:
    """The loops over posts or pages in ``text``, the lists that they go over and the steps through their pages, in order.

    None lies in another. What ``code`` says to be code, or Liquid's ``raw`` holds, is text about such loops. One scan.
    """
    if "{%" not in text:
        return []
    found: list[PostList] = []
    assigned: dict[str, list[PostList]] = {}
    opened: list[tuple[str, re.Match[str], bool]] = []
    verbatim = ""
    for match in _TAG.finditer(text):
        name, rest = match["name"], match["rest"]
        if verbatim:
            verbatim = "" if name == f"end{verbatim}" else verbatim
        elif code is not None and code.region_at(match.start()):
            continue
        elif name in _VERBATIM:
            verbatim = name
        elif name == "assign" and (given := _ASSIGNED.match(rest)):
            assigned.setdefault(given["name"], []).append(PostList(match.start(), match.end(), match[0]))
        elif name in ("for", "tablerow"):
            over = _OVER.match(rest)
            is_list = over is not None and (over["name"] is None or over["name"] in assigned)
            if over and over["name"] in assigned:
                found += assigned[over["name"]]
                # The name stays known; what it was given is found once, however many loops go over it.
                assigned[over["name"]] = []
            opened.append((name, match, is_list))
        elif name == "if":
            opened.append((name, match, _PAGED.match(rest) is not None))
        elif name.startswith("end") and opened and opened[-1][0] == name.removeprefix("end"):
            _name, first, is_list = opened.pop()
            if is_list:
                found.append(PostList(first.start(), match.end(), first[0]))
    return _keep_outermost(found)


def _keep_outermost(found: list[PostList]) -> list[PostList]:
    """In order, without those that lie in another."""
    kept: list[PostList] = []
    for one in sorted(found, key=lambda one: one.start):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept
