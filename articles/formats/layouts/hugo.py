"""A site that Hugo builds: every post at the address that it has here, by ``url`` in its front matter."""

from __future__ import annotations

import re

from articles.formats.layouts.base import Counts, PostFacts, SiteFacts, escape_address, page_stem, quote, stem_of, suffix_for

NAME = "hugo"
FLAVOUR = "commonmark"
UNREAD = frozenset({"authors", "series", "cover_target", "canonical_url", "noindex"})
"""Fields that Hugo itself shows nowhere; themes do, by the keys written."""

_ALWAYS = frozenset({"tables", "strikethrough", "tasklists", "footnotes", "attributes", "block_attributes", "shortcodes"})
_SWITCHES = ("autolinks", "typographer", "hardbreaks", "emoji", "definition_lists")
_TAXONOMIES = {"category": "categories", "tag": "tags", "author": "authors", "series": "series"}
_FOLDERS = ("posts", "articles", "entries", "texts")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*")
_WRITTEN_WITHOUT_BLANKS = ("ja", "zh")
_BASE = """<!DOCTYPE html>
<html lang="{{ .Site.Language.Lang }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ .Title | default .Site.Title }}</title>
</head>
<body>
<main>
{{ block "main" . }}{{ end }}
</main>
</body>
</html>
"""
_SINGLE = """{{ define "main" }}<article>
<h1>{{ .Title }}</h1>
{{ with .Date }}{{ if not .IsZero }}<p>
<time datetime="{{ .Format "2006-01-02T15:04:05Z07:00" }}">{{ .Format "2006-01-02" }}</time>
</p>
{{ end }}{{ end }}<div class="text">
{{ .Content }}
</div>
</article>{{ end }}
"""
_LIST = """{{ define "main" }}<h1>{{ .Title }}</h1>
<div class="text">
{{ .Content }}
</div>
<ul>
{{ range .Pages }}<li><a href="{{ .RelPermalink }}">{{ .LinkTitle }}</a></li>
{{ end }}</ul>{{ end }}
"""


def features_for(counts: Counts) -> frozenset[str]:
    """What its Markdown does in a site of such posts."""
    formulas = {"math", "passthrough"} if counts.has_formulas else set()
    return _ALWAYS | {name for name in _SWITCHES if counts.is_usual(name)} | formulas


def file_of(post: PostFacts, site: SiteFacts) -> str:
    """``content/posts/slug.md``; pages below ``content/pages/``, where dated ones would be articles, or at the top."""
    if post.kept_path:
        return post.kept_path
    code = language_code(post.language, site)
    suffix = suffix_for(post) if code == site_code(site) else f".{code}{suffix_for(post)}"
    if post.address == "/" or post.address == f"/{code}/" != f"/{site_code(site)}/":
        return f"content/_index{suffix}"
    if post.is_listed:
        return f"content/{folder_of(site)}/{stem_of(post)}{suffix}"
    if post.published_at is not None:
        return f"content/{page_stem(post).replace('/', '-')}{suffix}"
    return f"content/{folder_of(site, 'pages')}/{page_stem(post)}{suffix}"


def folder_of(site: SiteFacts, wanted: str = "posts") -> str:
    """A section whose own list stands at no post's address."""
    choices = (wanted, *(name for name in _FOLDERS if name != "posts" or wanted == "posts"))
    return next((name for name in choices if f"/{name}/" not in site.addresses), f"{wanted}-list")


def site_code(site: SiteFacts) -> str:
    """The code of the site's own language."""
    code = site.language.lower()
    return code if _LANGUAGE.fullmatch(code) else "en"


def language_code(language: str, site: SiteFacts) -> str:
    """The code of a post's language; the site's own for what Hugo takes for no language."""
    code = language.lower()
    return code if _LANGUAGE.fullmatch(code) and language in site.languages else site_code(site)


def stated_address(post: PostFacts, file: str) -> str:
    """What ``url`` says; the home page of a language cannot be told to be elsewhere."""
    return "" if file.startswith("content/_index.") else escape_address(post.address)


def target_of(address: str, file: str) -> str:
    """How a text refers to a post."""
    return address


def media_of(address: str) -> tuple[str, str]:
    """The file that is served at ``address``, and the address."""
    return "static/" + address.strip("/"), address


def config_files(site: SiteFacts) -> dict[str, str]:
    """The configuration, and a theme of two templates that ``theme`` names: another takes its place by that line."""
    codes = list(dict.fromkeys([site_code(site), *(language_code(name, site) for name in site.languages)]))
    lists_in_the_way = sorted(site.first_parts & set(_TAXONOMIES.values()))

    def flag(name: str) -> str:
        return "true" if name in site.features else "false"

    lines = [
        f"baseURL = {quote(site.base_url.rstrip('/') + '/')}",
        f"title = {quote(site.title)}",
        f"languageCode = {quote(codes[0])}",
        f"defaultContentLanguage = {quote(codes[0])}",
        f"timeZone = {quote(site.timezone)}",
        'theme = "kawaraban"',
        f"enableEmoji = {flag('emoji')}",
    ]
    if any(code.startswith(_WRITTEN_WITHOUT_BLANKS) for code in codes):
        lines.append("hasCJKLanguage = true")
    if lists_in_the_way:
        lines += [f"# Posts stand at addresses below {', '.join(lists_in_the_way)}, where Hugo would put lists of terms."]
        lines += ['disableKinds = ["taxonomy", "term"]']
    lines += ["", "[taxonomies]", *(f"{one} = {quote(many)}" for one, many in _TAXONOMIES.items())]
    if len(codes) > 1:
        for weight, code in enumerate(codes, 1):
            lines += ["", f"[languages.{code}]", f"weight = {weight}"]
    lines += [
        "",
        "# A text without a date of change has none, instead of that of its publication.",
        "[frontmatter]",
        'lastmod = ["lastmod"]',
        "",
        "[markup.goldmark.renderer]",
        "unsafe = true",
        f"hardWraps = {flag('hardbreaks')}",
        "",
        "[markup.goldmark.parser.attribute]",
        "title = true",
        "block = true",
        "",
        "[markup.goldmark.extensions]",
        f"linkify = {flag('autolinks')}",
        f"typographer = {flag('typographer')}",
        f"definitionList = {flag('definition_lists')}",
    ]
    if "math" in site.features:
        lines += [
            "",
            "# Formulas: Hugo 0.122 and later leave them as they are written.",
            "[markup.goldmark.extensions.passthrough]",
            "enable = true",
            "[markup.goldmark.extensions.passthrough.delimiters]",
            'block = [["$$", "$$"], ["\\\\[", "\\\\]"]]',
            'inline = [["$", "$"], ["\\\\(", "\\\\)"]]',
        ]
    theme = "themes/kawaraban/layouts/_default/"
    return {
        "hugo.toml": "\n".join(lines) + "\n",
        f"{theme}baseof.html": _BASE,
        f"{theme}single.html": _SINGLE,
        f"{theme}list.html": _LIST,
    }


def template_file(name: str) -> tuple[str, str]:
    """Hugo falls back to its default template by itself."""
    return "", ""
