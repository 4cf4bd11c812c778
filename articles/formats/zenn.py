"""Zenn: ``articles/<slug>.md`` and the chapters of ``books/<slug>/``, as zenn-cli keeps them in a repository.

Source of the rules: Zenn's guides to the CLI, to articles and to books. Times without a zone are Japanese.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import encoding, frontmatter, sites
from articles.formats.container import Container
from articles.formats.document import Document, Site, SiteFile, SourceText
from articles.formats.sites import FieldReader, ReadOptions, Recognition

NAME = "zenn"

_ZONE = "Asia/Tokyo"
_SAMPLE = 5
_FEATURES = ("embeds", "hardbreaks", "math", "zenn")


def recognise(container: Container, folder: str) -> Recognition:
    """``"config"`` for a folder where zenn-cli is installed, ``"shape"`` for one whose articles have Zenn's keys."""
    names = sites.entries(container, folder)
    if names.isdisjoint({"articles/", "books/"}):
        return ""
    if "package.json" in names and b'"zenn-cli"' in container.read(f"{folder}package.json"):
        return "config"
    articles = sorted(name for name in sites.entries(container, f"{folder}articles/") if name.endswith(".md"))
    heads = (_read_head(container, f"{folder}articles/{name}") for name in articles[:_SAMPLE])
    return "shape" if any(recognise_file(head, "") for head in heads) else ""


def _read_head(container: Container, path: str) -> dict[str, Any]:
    try:
        source = encoding.decode_source(container.read(path))
        return dict(frontmatter.parse(source.head, source.format))
    except RefusedFile:
        return {}


def recognise_file(front_matter: Mapping[str, Any], path: str) -> bool:
    """Whether a lone file was written for Zenn: ``topics`` with an ``emoji`` or a ``type`` of Zenn's."""
    return "topics" in front_matter and ("emoji" in front_matter or front_matter.get("type") in ("tech", "idea"))


def read_site(container: Container, folder: str, options: ReadOptions) -> Site:
    """The articles, books and pictures in ``folder``. Never raises on its content."""
    site = Site(
        root=folder,
        dialect=NAME,
        name=sites.propose_name("", folder, container.name),
        timezone=sites.choose_zone(options, generator=_ZONE),
        language=options.language or "ja",
        encoding=options.encoding,
    )
    books: dict[str, dict[str, Any]] = {}
    for path, size in sites.paths_under(container, folder):
        site.files[path] = _describe_file(path, size)
        if re.fullmatch(r"books/[^/]+/config\.ya?ml", path):
            values, findings = sites.read_config(container, folder + path, "yaml")
            site.findings += findings
            books[path.split("/")[1]] = _read_book(values)
    if options.dialect == NAME and not any(file.role == "document" for file in site.files.values()):
        _take_all_texts(site)
    site.config = {"books": books}
    site.lists = [["tag", "/topics/"]]
    site.fingerprint = sites.fingerprint(NAME, site.config, site.timezone, site.language, site.encoding)
    return site


def _take_all_texts(site: Site) -> None:
    """Articles outside their usual folder, which the caller says are Zenn's."""
    for path, file in site.files.items():
        if file.role == "site_file" and sites.suffix_of(path) in sites.MARKDOWN_SUFFIXES:
            site.files[path] = SiteFile(path, "document", file.size)


def _read_book(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": frontmatter.as_text(values.get("title")),
        "topics": frontmatter.as_list(values.get("topics")),
        "is_public": frontmatter.as_bool(values.get("published")) is True,
        "is_paid": (frontmatter.as_int(values.get("price")) or 0) > 0,
        "chapters": frontmatter.as_list(values.get("chapters")),
    }


def _describe_file(path: str, size: int) -> SiteFile:
    if reason := sites.skip_reason(path):
        return SiteFile(path, "skipped", size, reason)
    if re.fullmatch(r"articles/[^/]+\.md|books/[^/]+/[^/]+\.md", path):
        return SiteFile(path, "document", size)
    if sites.suffix_of(path) in sites.ATTACHMENT_SUFFIXES and path.startswith(("images/", "books/")):
        return SiteFile(path, "attachment", size, public_paths=("/" + path,))
    return SiteFile(path, "site_file", size)


def read_document(site: Site, path: str, source: SourceText, front_matter: Mapping[str, Any], sha256: str) -> Document:
    """An article, or a chapter of a book. Raises RefusedFile for more topics than one text may have."""
    fields = FieldReader(front_matter, ZoneInfo(site.timezone if site.dialect == NAME else _ZONE))
    document = Document(path, sha256, NAME, source, title="", features=sites.base_features(*_FEATURES))
    document.source_title = fields.text("title") or None
    # Zenn knows minutes only, and no ``date``: where another program wrote one, it is the exact time.
    document.published_at = fields.date("date") or fields.date("published_at")
    parts = path.split("/")
    if site.dialect == NAME and parts[0] == "books" and len(parts) == 3:
        _read_chapter(document, fields, parts[1], site.config["books"].get(parts[1], {}))
    else:
        _read_article(document, fields, has_address=site.dialect == NAME and parts[0] == "articles")
    sites.fill_common(document, fields, language=site.language or "ja")
    return document


def _read_article(document: Document, fields: FieldReader, *, has_address: bool) -> None:
    stem = posixpath.splitext(posixpath.basename(document.path))[0]
    # Zenn takes five topics without blanks or signs; our own exports keep all tags beside them.
    document.tags = fields.split_texts("tags") or fields.split_texts("topics")
    document.categories = [(name,) for name in fields.split_texts("categories", "category")]
    if has_address:
        _set_address(document, fields, stem)
    if fields.flag("published") is None:
        _keep_private(document, "not-published", _("“published” is missing, and Zenn shows only what says “published: true”."))


def _set_address(document: Document, fields: FieldReader, stem: str) -> None:
    """Zenn's own address, by the slug; it is a former one where the file states another, as our own exports do."""
    own = sites.decode_address(f"/articles/{stem}")
    stated = fields.text("permalink")
    document.permalink = (sites.clean_address(stated) if stated else None) or own
    document.permalink_stated = document.permalink != own
    if document.permalink_stated and own:
        document.aliases = [own]


def _read_chapter(document: Document, fields: FieldReader, slug: str, book: Mapping[str, Any]) -> None:
    """A chapter is as public as its book; those of a paid book only where they are free."""
    stem = posixpath.splitext(posixpath.basename(document.path))[0]
    number, dot, name = stem.partition(".")
    chapter = name if dot and number.isascii() and number.isdigit() else stem
    document.permalink = sites.decode_address(f"/books/{slug}/viewer/{chapter}")
    document.series = book.get("title") or slug
    document.tags = list(book.get("topics", []))
    order = book.get("chapters", [])
    if chapter in order:
        document.series_order = order.index(chapter) + 1
    elif chapter != stem:
        document.series_order = int(number) if len(number) < 10 else None
    if not book.get("is_public"):
        _keep_private(
            document, "not-published", _("The book of this chapter was not published on Zenn; the chapter stays a draft.")
        )
    elif book.get("is_paid") and fields.flag("free") is not True:
        _keep_private(
            document, "paid", _("This chapter was sold on Zenn; it stays a draft so that nobody gives it away by accident.")
        )


def _keep_private(document: Document, code: str, template: str) -> None:
    document.draft = True
    document.findings.append(Finding(code, "warning", template))
