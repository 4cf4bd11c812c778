"""How whole sites are written: where each post and file goes, and the configuration that makes a generator build it.

A layout is a module with ``NAME``, ``FLAVOUR``, ``UNREAD``, ``features_for``, ``file_of``, ``stated_address``, ``target_of``,
``media_of``, ``config_files`` and ``template_file``; see :mod:`articles.formats.layouts.jekyll`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from articles.formats.layouts import hexo, hugo, jekyll, obsidian, plain, zenn
from articles.formats.layouts.base import Counts, PostFacts, SiteFacts

LAYOUTS: dict[str, ModuleType] = {module.NAME: module for module in (jekyll, hugo, obsidian, zenn, hexo, plain)}
"""Every layout but ``original``, in the order in which they are offered."""

__all__ = ["LAYOUTS", "Counts", "PostFacts", "SiteFacts", "layout_path"]


def layout_path(dialect: str, document_fields: Mapping[str, Any]) -> str:
    """Where a post that was made here goes in an export in the layout of ``dialect``, relative to the site's folder.

    ``document_fields`` has ``slug``, and where known ``title``, ``kind`` (``article``, ``page``), ``draft``, ``path`` and
    ``published_at`` (aware, in the site's zone). An article without a date goes where the layout keeps drafts, or
    among the pages where ``draft`` says that it is none. Raises ``KeyError`` for an unknown dialect.
    """
    slug, moment = document_fields["slug"], document_fields.get("published_at")
    post = PostFacts(
        address=document_fields.get("path") or f"/{slug}/",
        slug=slug,
        title=document_fields.get("title") or slug,
        kind=document_fields.get("kind", "article"),
        published_at=moment,
        is_draft=bool(document_fields.get("draft", moment is None)),
    )
    path: str = LAYOUTS[dialect].file_of(post, SiteFacts("", "", "UTC", ("ja",)))
    return path
