"""Everything that no other dialect knows: loose files, Zola, Eleventy, Qiita, MkDocs. Addresses only where a file states one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop as _

from articles.findings import Finding
from articles.formats import frontmatter, sites, terms
from articles.formats.addresses import decode_words
from articles.formats.container import Container
from articles.formats.document import Document, Flavour, FrontMatterFormat, Site, SiteFile, SourceText
from articles.formats.frontmatter import Scalar
from articles.formats.sites import FieldReader, ReadOptions, Recognition

NAME = "plain"

# A generator's configuration: which generator, and in which format it can be read (``""``: it is a program, which is never run).
_CONFIGS: dict[str, tuple[str, FrontMatterFormat]] = {
    "config.toml": ("zola", "toml"),
    "zola.toml": ("zola", "toml"),
    "mkdocs.yml": ("mkdocs", "yaml"),
    "qiita.config.json": ("qiita", "json"),
    "book.toml": ("mdbook", "toml"),
    "_quarto.yml": ("quarto", "yaml"),
    "kawaraban.json": ("kawaraban", "json"),
    "pelicanconf.py": ("pelican", ""),
    "quartz.config.ts": ("quartz", ""),
    ".eleventy.js": ("eleventy", ""),
    **{f"eleventy.config.{suffix}": ("eleventy", "") for suffix in ("js", "mjs", "cjs", "ts")},
    **{f"astro.config.{suffix}": ("astro", "") for suffix in ("mjs", "js", "cjs", "ts", "mts")},
    **{f"docusaurus.config.{suffix}": ("docusaurus", "") for suffix in ("js", "ts", "mjs", "cjs")},
    **{f"gatsby-config.{suffix}": ("gatsby", "") for suffix in ("js", "ts", "mjs")},
    **{f"nuxt.config.{suffix}": ("nuxt", "") for suffix in ("js", "ts", "mjs")},
    ".vitepress/": ("vitepress", ""),
    ".vuepress/": ("vuepress", ""),
}
# Where these keep their texts, so that a README beside the configuration is none of them.
_CONTENT_FOLDERS = {
    "zola": ("content/",),
    "mkdocs": ("docs/",),
    "mdbook": ("src/",),
    "astro": ("src/",),
    "docusaurus": ("docs/", "blog/", "src/", "versioned_docs/", "i18n/"),
    "gatsby": ("content/", "src/", "blog/", "posts/"),
    "nuxt": ("content/",),
    "qiita": ("public/",),
}
_FEATURES = {
    "zola": ("tera",),
    "qiita": ("embeds", "hardbreaks", "math"),
    "eleventy": ("liquid",),
    "mkdocs": ("definition_lists",),
    "quarto": ("definition_lists", "math"),
    "quartz": ("comments", "embeds", "hardbreaks", "highlight", "math", "wikilinks"),
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
_DRAFT_FOLDERS = frozenset({"_drafts", "drafts", "draft", "下書き"})
_PROGRAM = re.compile(r"---(?:js|javascript|coffee|cson)[ \t]*\n")
_DATE_IN_FOLDERS = re.compile(r"/(\d{4})/(\d{2})/(\d{2})/")
_DATE_KEYS = (
    *("date", "published_at", "publishDate", "pubDate", "created_at", "created", "published", "datePublished"),
    *("date_published", "publication_date", "published_on", "posted_at", "posted", "date_created"),
    *("公開日", "投稿日", "日付", "作成日"),
)
_CATEGORY_KEYS = ("taxonomies.categories", "taxonomies.category", "taxonomy.category", "カテゴリ", "カテゴリー")
_DATE_IN_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[-_ ]|$)")


def recognise(container: Container, folder: str) -> Recognition:
    """``"config"`` for a folder with the configuration of a generator that has no dialect of its own."""
    return "config" if _find_configs(container, folder) else ""


def _find_configs(container: Container, folder: str) -> list[str]:
    """The configurations in ``folder``; a ``config.toml`` may be anybody's and counts only with keys of Zola's own."""
    return [
        name
        for name in sorted(sites.entries(container, folder) & _CONFIGS.keys())
        if name != "config.toml" or not _ZOLA_KEYS.isdisjoint(sites.read_config(container, folder + name, "toml")[0])
    ]


def recognise_file(front_matter: Mapping[str, Any], path: str) -> bool:
    """Always: the last resort."""
    return True


def read_site(container: Container, folder: str, options: ReadOptions) -> Site:
    """The files of ``folder``; a name and a base address where a known generator's configuration gives them."""
    raw: dict[str, Any] = {}
    configs = _find_configs(container, folder)
    for name in configs:
        if format := _CONFIGS[name][1]:
            raw = sites.merge_config(raw, sites.read_config(container, folder + name, format)[0])
    stated = next((text for key in _BASE_URL_KEYS if (text := _text(raw, key))), "")
    base_url, base_path = sites.split_base_url(stated)
    site = Site(
        root=folder,
        dialect=NAME,
        name=sites.propose_name(base_url, folder, container.name),
        base_url=base_url,
        base_path=base_path,
        timezone=sites.choose_zone(options),
        language=(_text(raw, "default_language") or options.language).replace("_", "-"),
        title=_text(raw, "title") or _text(raw, "site_name"),
        encoding=options.encoding,
    )
    # In a folder of no known generator, each file shows its own dialect.
    site.config = {
        "is_mixed": not (options.dialect or configs),
        "generator": _CONFIGS[configs[0]][0] if configs else "",
        "people": _read_people(container, folder),
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
    generator = site.config["generator"]
    is_about_repository = name.casefold() == "readme.md" and not path.startswith(_CONTENT_FOLDERS.get(generator, ("",)))
    if (is_about_repository or _REPOSITORY_NAMES.fullmatch(name)) and not sites.has_front_matter(
        sites.peek(container, site.root + path)
    ):
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
    fields.has_other_statuses = site.config.get("is_mixed") is False
    fields.ignore_spelling()
    document = Document(path, sha256, NAME, source, title="")
    document.flavour = "html" if sites.suffix_of(path) in sites.HTML_SUFFIXES else "commonmark"
    document.features = _find_features(site, fields, path) if document.flavour == "commonmark" else frozenset()
    _read_markdown(document, fields)
    document.source_title = fields.text("title", "linkTitle", "題名", "タイトル") or None
    # "published" is a date in some generators, yes or no in others.
    dated = [name for name in _DATE_KEYS if fields.may_be_date(name)]
    document.published_at = fields.date(*dated) or _date_in_path(fields, path)
    document.kind = "article" if document.published_at else "page"
    document.categories = [(name,) for name in fields.split_texts("categories", "category", *_CATEGORY_KEYS)]
    document.tags = _read_tags(fields)
    document.slug = _read_slug(fields)
    document.authors = [site.config.get("people", {}).get(name, name) for name in fields.authors("author", "authors", "著者")]
    _set_address(site, document, fields)
    _set_draft(document, fields)
    hosts = [site.config["host"]] if site.config.get("host") else []
    sites.fill_common(document, fields, base_path=site.base_path, language=site.language, own_hosts=hosts)
    return document


def _read_markdown(document: Document, fields: FieldReader) -> None:
    """Which Markdown the text is written in, where the file says it, as our own exports do."""
    stated = fields.text("markdown")
    if stated not in ("commonmark", "kramdown", "html") or not isinstance(fields.peek_value("markdown_features"), list):
        fields.known.discard("markdown")
        return
    document.flavour = cast(Flavour, stated)
    document.features = frozenset(name for name in fields.texts("markdown_features") if re.fullmatch(r"[a-z_]{1,30}", name))


def _find_features(site: Site, fields: FieldReader, path: str) -> frozenset[str]:
    more = {*_FEATURES.get(site.config.get("generator", ""), ()), *(("mdx",) if path.endswith(".mdx") else ())}
    if _is_hatena(fields):
        more |= {"hatena", "inline_footnotes", "hardbreaks"}
    return sites.base_features("attributes", "callouts", "directives", "wide_autolinks", *more)


def _is_hatena(fields: FieldReader) -> bool:
    """Whether the file was written by an exporter of Hatena Blog's, which notes where the entry can be edited."""
    return fields.peek("EditURL").startswith("https://blog.hatena.ne.jp/")


def _date_in_path(fields: FieldReader, path: str) -> Any:
    """A day that begins the name of the file, or of its folder for an ``index``; or folders of year, month and day."""
    folder, _slash, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    if stem == "index":
        folder, _slash, stem = folder.rpartition("/")
    match = _DATE_IN_NAME.match(stem)
    if match is None and (found := _DATE_IN_FOLDERS.search(f"/{folder}/{stem}/")):
        return sites.parse_or_none("-".join(found.groups()), fields.zone)
    return sites.parse_or_none(match[1], fields.zone) if match else None


def _read_slug(fields: FieldReader) -> str:
    """The last part of a slug that is a path, as Docusaurus and Gatsby take it; ``/`` names the top page and is no slug."""
    text = fields.text("slug")
    if not text.startswith("/") or ".." in text:
        return ""
    fields.values = {key: value for key, value in fields.values.items() if key != "slug"}
    last = decode_words(text.strip("/").rpartition("/")[2])
    return terms.slugify(last) if last else ""


def _read_people(container: Container, folder: str) -> dict[str, str]:
    """Docusaurus's ``authors.yml``: the name of each key."""
    people: dict[str, str] = {}
    for path in ("blog/authors.yml", "blog/authors.yaml"):
        if folder + path in container.members:
            people |= sites.read_people(sites.read_config(container, folder + path, "yaml")[0])
    return people


def _read_tags(fields: FieldReader) -> list[str]:
    """``tags`` of any shape: a list, a text with commas, Qiita's maps with a name, Zola's ``taxonomies.tags``."""
    value = fields.value("tags", "tag", "taxonomies.tags", "taxonomy.tag", "topics", "keywords", "タグ")
    if isinstance(value, Scalar):
        return terms.split(frontmatter.as_text(value))
    if isinstance(value, list):
        return [name for item in value for name in _tag_in(item)]
    return []


def _tag_in(item: Any) -> list[str]:
    if isinstance(item, Mapping):
        return list(sites.flatten_texts(item.get("name") or item.get("label")))
    return list(sites.flatten_texts(item))


def _set_draft(document: Document, fields: FieldReader) -> None:
    """What generators without a dialect here do not write: folders of drafts, ``render: false`` (Zola), ``permalink: false``
    (Eleventy)."""
    if _PROGRAM.match(document.source.body):
        template = _(
            "Its front matter is a program, which is never run, so nobody can tell what it says; it stays a draft. Write YAML."
        )
        document.draft = True
        document.findings.append(Finding("front-matter-language", "warning", template, line=1))
    folder = next((part for part in document.path.split("/")[:-1] if part.casefold() in _DRAFT_FOLDERS), "")
    name = next((key for key in ("render", "permalink") if _is_switched_off(fields, key)), "")
    if folder:
        template = _("It lies in “%(value)s”, where drafts are kept; it stays a draft.")
    elif name:
        template = _("“%(value)s” kept this text off the old site; it stays a draft.")
    else:
        return
    document.draft = True
    document.findings.append(Finding("not-published-there", "info", template, {"value": folder or name}))


def _is_switched_off(fields: FieldReader, key: str) -> bool:
    return fields.flag(key) is False and frontmatter.as_text(fields.value(key)).casefold() in ("false", "no", "off")


def _set_address(site: Site, document: Document, fields: FieldReader) -> None:
    name = next((key for key in ("permalink", "url", "path") if fields.text(key)), "")
    if not name or (name == "permalink" and _is_switched_off(fields, name)):
        return
    text = fields.text(name)
    host = urlsplit(text).hostname or "" if _is_hatena(fields) and sites.is_web_address(text) else site.config.get("host", "")
    address = sites.clean_address(sites.strip_host(text, host))
    if address is None or re.search(r"\{\{|:[a-z_]+", text):
        fields.warn_of_address(name, text)
        return
    document.permalink = sites.join_base(site.base_path, address)
    document.permalink_stated = True
