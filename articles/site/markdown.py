"""``….md``: a post's text for readers who want the text alone. Only what its page shows."""

from __future__ import annotations

import json
import re
from html import unescape

from django.utils import timezone

from articles.models import Post
from articles.routes import path_address
from articles.site.article import canonical_url
from articles.site.listing import Credits

_COMMENTS = re.compile(
    r"<!--.*?(?:-->|\Z)"  # HTML; one that never closes hides the rest
    r"|%%.*?%%"  # Obsidian
    r"|\{%-?\s*comment\b.*?%\}.*?(?:\{%-?\s*endcomment\s*-?%\}|\Z)"  # Liquid
    r"|\{::comment\b[^}]*\}.*?(?:\{:/(?:comment)?\}|\Z)"  # kramdown
    r"|\{\{[<%]?-?\s*/\*.*?\*/\s*-?[>%]?\}\}"  # Hugo
    r"|\{#.*?#\}"
    r"|(?m:^[ ]{0,3}\[[^\]\n]+\]:[ \t]*(?:#|<>)[ \t]+(?:\(.*\)|\".*\"|'.*')[ \t]*$)",  # [//]: # (a well-known trick)
    re.DOTALL,
)
_TAG = re.compile(r"<[^>]*>")
_BLANKS = re.compile(r"\s+")


def public_markdown(post: Post, credits: Credits) -> str:
    """Title, date, authors, terms and canonical address as front matter, then the text without its comments."""
    lines = [f"title: {_quote(post.title)}"]
    if post.published_at:
        lines.append(f"date: {timezone.localtime(post.published_at).isoformat()}")
    for key, names in (("authors", credits.authors), ("categories", credits.categories), ("tags", credits.tags)):
        if names:
            lines += [f"{key}:", *(f"  - {_quote(name.name)}" for name in names)]
    lines.append(f"canonical: {_quote(canonical_url(post))}")
    return "---\n" + "\n".join(lines) + "\n---\n\n" + without_comments(post.body, post.body_html).strip("\n") + "\n"


def markdown_address(post: Post) -> str:
    """Where the text of a post is, percent-encoded: ``/a/b/`` → ``/a/b.md``, ``/`` → ``/index.md``."""
    return path_address((post.path.rstrip("/") or "/index") + ".md")


def without_comments(body: str, body_html: str) -> str:
    """``body`` without its comments. What looks like one but stands on the page (in a code sample) stays.

    Asking the page instead of parsing the source again: two parsers that disagree about where code begins would show
    what the page hides.
    """
    visible = _squeeze(unescape(_TAG.sub("", body_html)))
    return _COMMENTS.sub(lambda comment: comment[0] if _squeeze(comment[0]) in visible else "", body)


def _squeeze(text: str) -> str:
    return _BLANKS.sub("", text)


def _quote(text: str) -> str:
    """A YAML scalar in double quotes; JSON's are a subset."""
    return json.dumps(text, ensure_ascii=False)
