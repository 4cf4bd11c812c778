"""A site that Jekyll 4 builds: every post at the address that it has here, whatever Jekyll's own patterns are."""

from __future__ import annotations

from articles.formats.layouts.base import Counts, PostFacts, SiteFacts, escape_address, page_stem, quote, stem_of, suffix_for
from articles.formats.names import safe_path

NAME = "jekyll"
FLAVOUR = "kramdown"
UNREAD = frozenset(
    {"updated_at", "expires_at", "authors", "series", "cover_target", "canonical_url", "noindex", "aliases", "translation_key"}
)
"""Fields that Jekyll itself does nothing with; plugins and themes do, by the keys written."""

_ALWAYS = frozenset({"liquid", "tables", "strikethrough", "footnotes", "math"})
_SWITCHES = ("typographer", "hardbreaks")
_HIDDEN = "_.#~"
_PLAIN_QUOTES = """  smart_quotes: "apos,apos,quot,quot"
  typographic_symbols:
    {hellip: "...", mdash: "---", ndash: "--", laquo: "<<", raquo: ">>", laquo_space: "<< ", raquo_space: " >>"}
"""
_DEFAULT = """<!DOCTYPE html>
<html lang="{{ page.lang | default: site.lang }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ page.title | default: site.title | strip_html | escape }}</title>
</head>
<body>
<main>
{{ content }}
</main>
</body>
</html>
"""
_POST = """---
layout: default
---
<article>
<h1>{{ page.title | escape }}</h1>
{% if page.date %}<p><time datetime="{{ page.date | date_to_xmlschema }}">{{ page.date | date: "%Y-%m-%d" }}</time></p>{% endif %}
<div class="text">
{{ content }}
</div>
</article>
"""


def features_for(counts: Counts) -> frozenset[str]:
    """What its Markdown does in a site of such posts."""
    return _ALWAYS | {name for name in _SWITCHES if counts.is_usual(name)}


def file_of(post: PostFacts, site: SiteFacts) -> str:
    """``_posts/2025-11-25-slug.md``, ``_drafts/slug.md``, or a page where its address is."""
    if post.kept_path:
        return post.kept_path
    if not post.is_listed:
        return page_stem(post) + suffix_for(post)
    if post.is_draft or post.published_at is None:
        return f"_drafts/{stem_of(post)}{suffix_for(post)}"
    return f"_posts/{post.published_at.date().isoformat()}-{stem_of(post)}{suffix_for(post)}"


def stated_address(post: PostFacts, file: str) -> str:
    """What ``permalink`` says: a colon begins a placeholder."""
    return escape_address(post.address, ":")


def target_of(address: str, file: str) -> str:
    """How a text refers to a post."""
    return address


def media_of(address: str) -> tuple[str, str]:
    """The file that is served at ``address``, and the address. Jekyll leaves out what begins with ``_`` or a dot."""
    parts = [part.lstrip(_HIDDEN) or "file" for part in safe_path(address).split("/")]
    path = "/".join(parts) if any(part[:1] in _HIDDEN for part in address.strip("/").split("/") if part) else address.strip("/")
    return path, "/" + path


def config_files(site: SiteFacts) -> dict[str, str]:
    """The configuration and the two templates that a build needs; a theme may replace them."""
    lines = [
        f"title: {quote(site.title)}",
        f"url: {quote(site.base_url)}",
        'baseurl: ""',
        f"timezone: {quote(site.timezone)}",
        f"lang: {quote(site.language)}",
        "permalink: pretty",
        "# Former addresses stand in redirect_from: add jekyll-redirect-from, and what your theme asks for.",
        "plugins: []",
        "kramdown:",
        "  input: GFM",
        f"  hard_wrap: {'true' if 'hardbreaks' in site.features else 'false'}",
    ]
    text = "\n".join(lines) + "\n"
    if "typographer" not in site.features:
        text += _PLAIN_QUOTES
    text += 'defaults:\n  - scope: {path: ""}\n    values: {layout: "post"}\n'
    return {"_config.yml": text, "_layouts/default.html": _DEFAULT, "_layouts/post.html": _POST}


def template_file(name: str) -> tuple[str, str]:
    """A stand-in for a layout that front matter asks for, and its path."""
    return f"_layouts/{name}.html", "---\nlayout: post\n---\n{{ content }}\n"
