"""A site for Hexo: every post at the address that it has here, by ``permalink`` in its front matter (Hexo 6 and later)."""

from __future__ import annotations

from articles.formats.layouts.base import Counts, PostFacts, SiteFacts, escape_address, page_stem, quote, stem_of, suffix_for

NAME = "hexo"
FLAVOUR = "commonmark"
UNREAD = frozenset({"expires_at", "authors", "series", "cover_target", "canonical_url", "noindex", "aliases", "translation_key"})

_ALWAYS = frozenset({"autolinks", "strikethrough", "tables", "tasklists", "footnotes", "hexo_tags", "wide_autolinks"})
_SWITCHES = ("typographer", "hardbreaks")


def features_for(counts: Counts) -> frozenset[str]:
    """What its Markdown does in a site of such posts."""
    return _ALWAYS | {name for name in _SWITCHES if counts.is_usual(name)}


def file_of(post: PostFacts, site: SiteFacts) -> str:
    """``source/_posts/slug.md``, ``source/_drafts/slug.md``, or a page in a folder of its address."""
    if post.kept_path:
        return post.kept_path
    if not post.is_listed:
        stem = page_stem(post)
        return f"source/{stem}{suffix_for(post)}" if stem == "index" else f"source/{stem}/index{suffix_for(post)}"
    folder = "_drafts" if post.is_draft else "_posts"
    return f"source/{folder}/{stem_of(post)}{suffix_for(post)}"


def stated_address(post: PostFacts, file: str) -> str:
    """What ``permalink`` says."""
    return escape_address(post.address)


def target_of(address: str, file: str) -> str:
    """How a text refers to a post."""
    return address


def media_of(address: str) -> tuple[str, str]:
    """The file that is served at ``address``, and the address. Hexo leaves out what begins with ``_`` or a dot."""
    parts = [part.lstrip("_.") or "file" for part in address.strip("/").split("/")]
    return "source/" + "/".join(parts), "/" + "/".join(parts)


def config_files(site: SiteFacts) -> dict[str, str]:
    """The configuration; Hexo brings its own theme."""

    def flag(name: str) -> str:
        return "true" if name in site.features else "false"

    text = "\n".join(
        [
            f"title: {quote(site.title)}",
            f"url: {quote(site.base_url)}",
            "root: /",
            f"timezone: {quote(site.timezone)}",
            f"language: {quote(site.language)}",
            "permalink: :year/:month/:day/:title/",
            "new_post_name: :title.md",
            "source_dir: source",
            "public_dir: public",
            "post_asset_folder: false",
            "marked:",
            f"  breaks: {flag('hardbreaks')}",
            f"  smartypants: {flag('typographer')}",
        ]
    )
    return {
        "_config.yml": text + "\n",
        "package.json": '{"private": true, "hexo": {"version": ""}, "dependencies": {"hexo": "^7"}}\n',
    }


def template_file(name: str) -> tuple[str, str]:
    """Hexo falls back to its post template by itself."""
    return "", ""
