"""Everything that no other dialect knows: loose files, Zola, Eleventy, Qiita, MkDocs. Addresses only where a file states one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from articles.formats import frontmatter, sites, terms
from articles.formats.container import Container
from articles.formats.document import Document, FrontMatterFormat, Site, SiteFile, SourceText
from articles.formats.frontmatter import Scalar
from articles.formats.sites import FieldReader, ReadOptions, Recognition

NAME = "plain"

_CONFIG_NAMES: dict[str, FrontMatterFormat] = {
    "config.toml": "toml",
    "zola.toml": "toml",
    "mkdocs.yml": "yaml",
    "qiita.config.json": "json",
    ".eleventy.js": "",
    "eleventy.config.js": "",
    "eleventy.config.mjs": "",
    "eleventy.config.cjs": "",
    "astro.config.mjs": "",
    "astro.config.ts": "",
    "docusaurus.config.js": "",
    "docusaurus.config.ts": "",
}
# Keys that only Zola's config.toml has at its top.
_ZOLA_KEYS = frozenset({"base_url", "compile_sass", "generate_feed", "generate_feeds", "build_search_index", "feed_filenames"})
_BASE_URL_KEYS = ("base_url", "site_url", "url")
_MACHINE_FOLDERS = frozenset(
    {
        "_includes",
        "_layouts",
        "_data",
        "templates",
        "layouts",
        "sass",
        "themes",
        "theme",
        "archetypes",
        "scaffolds",
        "dist",
        "build",
    }
)
_REPOSITORY_NAMES = re.compile(
    r"(license|licence|copying|notice|notices|contributing|code_of_conduct|code-of-conduct|security|support|governance|maintainers"
    r"|authors|codeowners|pull_request_template|issue_template|claude|agents)(\.\w+)?",
    re.IGNORECASE,
)
_MACHINE_TEXTS = re.compile(
    r"(robots|humans|ads|app-ads|llms|llms-full|security|requirements.*|cmakelists|readme)\.txt", re.IGNORECASE
)
_DATE_IN_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[-_ ]|$)")


def recognise(container: Container, folder: str) -> Recognition:
    """``"config"`` for a folder with the configuration of a generator that has no dialect of its own."""
    for name in sites.entries(container, folder) & _CONFIG_NAMES.keys():
        if name != "config.toml" or not _ZOLA_KEYS.isdisjoint(sites.read_config(container, folder + name, "toml")[0]):
            return "config"
    return ""


def recognise_file(front_matter: Mapping[str, Any], path: str) -> bool:
    """Always: the last resort."""
    return True


def read_site(container: Container, folder: str, options: ReadOptions) -> Site:
    """The files of ``folder``; a name and a base address where a known generator's configuration gives them."""
    raw: dict[str, Any] = {}
    for name in sorted(sites.entries(container, folder) & _CONFIG_NAMES.keys()):
        if format := _CONFIG_NAMES[name]:
            raw = sites.merge_config(raw, sites.read_config(container, folder + name, format)[0])
    stated = next((text for key in _BASE_URL_KEYS if (text := _text(raw, key))), "")
    base_url, base_path = sites.split_base_url(stated)
    site = Site(
        root=folder,
        dialect=NAME,
        name=sites.propose_name(base_url, folder, container.name),
        base_url=base_url,
        base_path=base_path,
        timezone=sites.zone_named(options.timezone),
        language=(_text(raw, "default_language") or options.language).replace("_", "-"),
        title=_text(raw, "title") or _text(raw, "site_name"),
        encoding=options.encoding,
    )
    # In a folder of no known generator, each file shows its own dialect.
    site.config = {
        "is_mixed": not (options.dialect or sites.entries(container, folder) & _CONFIG_NAMES.keys()),
        "host": (urlsplit(base_url).hostname or "") if base_url else "",
    }
    site.fingerprint = sites.fingerprint(NAME, site.config, site.timezone, site.language, site.base_path, site.encoding)
    for path, size in sites.paths_under(container, folder):
        site.files[path] = _describe_file(site, container, path, size)
    return site


def _text(config: Mapping[str, Any], key: str) -> str:
    value = config.get(key)
    return frontmatter.as_text(value) if isinstance(value, Scalar) else ""


def _describe_file(site: Site, container: Container, path: str, size: int) -> SiteFile:
    if reason := sites.skip_reason(path):
        return SiteFile(path, "skipped", size, reason)
    *folders, name = path.split("/")
    suffix = sites.suffix_of(path)
    if any(part.startswith(".") or part in _MACHINE_FOLDERS for part in folders) or name.startswith("."):
        return SiteFile(path, "site_file", size)
    if suffix in sites.ATTACHMENT_SUFFIXES:
        return SiteFile(path, "attachment", size, public_paths=(sites.join_base(site.base_path, _strip_public(path)),))
    if _REPOSITORY_NAMES.fullmatch(name) and not sites.has_front_matter(sites.peek(container, site.root + path)):
        return SiteFile(path, "site_file", size)
    return SiteFile(path, "document" if _is_document(site, container, path, name, suffix) else "site_file", size)


def _strip_public(path: str) -> str:
    head, _slash, rest = path.partition("/")
    return rest if head in ("public", "static") and rest else path


def _is_document(site: Site, container: Container, path: str, name: str, suffix: str) -> bool:
    if suffix in sites.MARKDOWN_SUFFIXES:
        return True
    if suffix not in sites.TEXT_SUFFIXES | sites.HTML_SUFFIXES or _MACHINE_TEXTS.fullmatch(name):
        return False
    data = sites.peek(container, site.root + path)
    if not sites.has_front_matter(data):
        # A lone file is what somebody wants to bring in, whatever its name says.
        return len(container.members) == 1
    return suffix in sites.TEXT_SUFFIXES or not sites.is_template_page(data.decode("utf-8", "replace"))


def read_document(site: Site, path: str, source: SourceText, front_matter: Mapping[str, Any], sha256: str) -> Document:
    """The document at ``path``. Its address is the one it states, else none: the house pattern then applies."""
    fields = FieldReader(front_matter, ZoneInfo(site.timezone))
    document = Document(path, sha256, NAME, source, title="")
    document.flavour = "html" if sites.suffix_of(path) in sites.HTML_SUFFIXES else "commonmark"
    document.features = frozenset() if document.flavour == "html" else sites.base_features("callouts", "wide_autolinks")
    document.source_title = fields.text("title", "linkTitle") or None
    names = ["date", "published_at", "publishDate", "pubDate", "created_at", "created"]
    # A date in some generators, yes or no in others.
    names += [] if frontmatter.as_bool(fields.values.get("published")) is not None else ["published"]
    document.published_at = fields.date(*names) or _date_in_name(fields, path)
    document.kind = "article" if document.published_at else "page"
    document.categories = [(name,) for name in fields.split_texts("categories", "category")]
    document.tags = _read_tags(fields)
    _set_address(site, document, fields)
    hosts = [site.config["host"]] if site.config.get("host") else []
    sites.fill_common(document, fields, base_path=site.base_path, language=site.language, own_hosts=hosts)
    return document


def _date_in_name(fields: FieldReader, path: str) -> Any:
    match = _DATE_IN_NAME.match(path.rpartition("/")[2].rpartition(".")[0])
    return sites.parse_or_none(match[1], fields.zone) if match else None


def _read_tags(fields: FieldReader) -> list[str]:
    """``tags`` of any shape: a list, a text with commas, Qiita's maps with a name, Zola's ``taxonomies.tags``."""
    value = fields.value("tags", "tag", "taxonomies.tags", "topics", "keywords")
    if isinstance(value, Scalar):
        return terms.split(frontmatter.as_text(value))
    if isinstance(value, list):
        return [name for item in value for name in _tag_in(item)]
    return []


def _tag_in(item: Any) -> list[str]:
    if isinstance(item, Mapping):
        return list(sites.flatten_texts(item.get("name")))
    return list(sites.flatten_texts(item))


def _set_address(site: Site, document: Document, fields: FieldReader) -> None:
    name = next((key for key in ("permalink", "url", "path") if fields.text(key)), "")
    if not name:
        return
    text = fields.text(name)
    address = sites.clean_address(sites.strip_host(text, site.config.get("host", "")))
    if address is None or re.search(r"\{\{|:[a-z_]+", text):
        fields.warn_of_address(name, text)
        return
    document.permalink = sites.join_base(site.base_path, address)
    document.permalink_stated = True
