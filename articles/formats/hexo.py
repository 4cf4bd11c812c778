"""Hexo: posts, drafts and pages below ``source/``, with the addresses and the category tree that Hexo gives them.

The rules are those of Hexo's documentation and of Hexo 5 to 7 (filters ``post_permalink`` and ``new_post_path``).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import encoding, frontmatter, sites, terms
from articles.formats.container import Container
from articles.formats.document import Document, Site, SiteFile, SourceText
from articles.formats.frontmatter import Scalar
from articles.formats.sites import FieldReader, ReadOptions, Recognition

NAME = "hexo"

_CONFIG_NAMES = ("_config.yml", "_config.yaml", "_config.json")
_OWN_KEYS = frozenset(
    [
        "new_post_name",
        "source_dir",
        "public_dir",
        "post_asset_folder",
        "filename_case",
        "titlecase",
        "default_category",
        "pretty_urls",
        "skip_render",
        "per_page",
        "render_drafts",
        "archive_dir",
        "tag_dir",
        "category_dir",
        "code_dir",
        "i18n_dir",
        "external_link",
        "default_layout",
        "permalink_defaults",
    ]
)
_POST_FOLDERS = ("_posts/", "_drafts/")
_DATED_NAME = re.compile(r"\d{2,4}-\d{1,2}-\d{1,2}-[^/]*\.[^.]+")
_DATE_SEGMENTS = {
    "year": r"\d{4}",
    "month": r"\d{2}",
    "day": r"\d{2}",
    "i_month": r"\d{1,2}",
    "i_day": r"\d{1,2}",
    "hash": r"[0-9a-f]{12}",
}
_THEME_KEYS = frozenset({"top_img", "photos", "abbrlink", "toc_number", "copyright_author", "hide_comments"})
_SPECIAL = re.compile(r"[\s~`!@#$%^&*()\-_+=\[\]{}|\\;:\"'<>,.?/]+")


# --- recognising -----------------------------------------------------------------------------------------------------


def recognise(container: Container, folder: str) -> Recognition:
    """``"config"`` for a ``_config.yml`` with Hexo's keys or beside ``source/_posts``; ``"shape"`` for its folders alone."""
    names = sites.entries(container, folder)
    name = next((name for name in _CONFIG_NAMES if name in names), "")
    has_posts = "_posts/" in sites.entries(container, folder + "source/")
    if name:
        if "_posts/" in names or "_layouts/" in names or "_includes/" in names:
            return ""
        if "source/" in names and (has_posts or "scaffolds/" in names):
            return "config"
        raw = sites.read_config(container, folder + name, "json" if name.endswith("json") else "yaml")[0]
        return "config" if len(_OWN_KEYS & raw.keys()) >= 2 else ""
    if not has_posts:
        return ""
    posts = sites.entries(container, folder + "source/_posts/")
    is_jekyll = any(_DATED_NAME.fullmatch(post) for post in posts)
    return "shape" if "scaffolds/" in names or not is_jekyll else ""


def recognise_file(front_matter: Mapping[str, Any], path: str) -> bool:
    """Whether one loose file lies in Hexo's folders, or has keys that only Hexo's themes and plugins read."""
    if "source/_posts/" in f"/{path}" and not _DATED_NAME.fullmatch(path.rpartition("/")[2]):
        return True
    return not _THEME_KEYS.isdisjoint(front_matter)


# --- the site --------------------------------------------------------------------------------------------------------


def read_site(container: Container, folder: str, options: ReadOptions) -> Site:
    """The site in ``folder``, its configuration and the role of each of its files. Never raises on its content."""
    raw, findings = _read_config(container, folder)
    base_url, url_path = sites.split_base_url(_text(raw, "url"))
    root = sites.clean_address(_text(raw, "root") or url_path or "/") or "/"
    languages = frontmatter.as_list(raw.get("language"))
    stated_zone = _text(raw, "timezone")
    zone = sites.choose_zone(options, stated_zone)
    site = Site(
        root=folder,
        dialect=NAME,
        name=sites.propose_name(base_url, folder, container.name),
        base_url=base_url,
        base_path=root.rstrip("/"),
        timezone=zone,
        language=(languages[0] if languages else options.language).replace("_", "-"),
        title=_text(raw, "title"),
        encoding=options.encoding,
        config=_keep_config(raw, languages),
        findings=sites.with_zone(findings, options, stated_zone, zone, "timezone: Asia/Tokyo"),
    )
    site.fingerprint = sites.fingerprint(NAME, site.config, site.timezone, site.language, site.base_path, site.encoding)
    paths = dict(sites.paths_under(container, folder))
    asset_addresses = _find_asset_addresses(site, container, paths)
    for path, size in paths.items():
        site.files[path] = _describe_file(site, container, path, size, asset_addresses)
    site.lists = _find_lists(raw, site.base_path)
    return site


def _find_lists(raw: Mapping[str, Any], base_path: str) -> list[list[str]]:
    """The folders that Hexo's generators of lists write to."""
    folders = {"tag": ("tag_dir", "tags"), "category": ("category_dir", "categories"), "archive": ("archive_dir", "archives")}
    found = [["home", f"{base_path}/"]]
    for kind, (key, usual) in folders.items():
        address = sites.clean_address("/" + (_text(raw, key) or usual).strip("/") + "/")
        if address and address != "/":
            found.append([kind, sites.join_base(base_path, address)])
    return found


def _read_config(container: Container, folder: str) -> tuple[dict[str, Any], list[Finding]]:
    for name in _CONFIG_NAMES:
        if folder + name in container.members:
            return sites.read_config(container, folder + name, "json" if name.endswith("json") else "yaml")
    finding = Finding(
        "config-missing",
        "warning",
        _("No _config.yml was found in %(folder)s, so Hexo's defaults are used. Add the site's own if it has one."),
        {"folder": folder or "/"},
    )
    return {}, [finding]


def _text(config: Mapping[str, Any], key: str) -> str:
    value = config.get(key)
    return frontmatter.as_text(value) if isinstance(value, Scalar) else ""


def _is_on(config: Mapping[str, Any], key: str, default: bool) -> bool:
    value = config.get(key)
    said = frontmatter.as_bool(value) if isinstance(value, Scalar) else None
    return default if said is None else said


def _texts_of(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {str(key): frontmatter.as_text(text) for key, text in value.items() if isinstance(text, Scalar)}


def _keep_config(raw: Mapping[str, Any], languages: list[str]) -> dict[str, Any]:
    """What reading a document needs, in plain data."""
    pretty = raw.get("pretty_urls")
    pretty = pretty if isinstance(pretty, Mapping) else {}
    marked = raw.get("marked")
    url = _text(raw, "url")
    return {
        "source": (_text(raw, "source_dir") or "source").strip("./") + "/",
        "public": (_text(raw, "public_dir") or "public").strip("./") + "/",
        "permalink": _text(raw, "permalink") or ":year/:month/:day/:title/",
        "permalink_defaults": _texts_of(raw.get("permalink_defaults")),
        "new_post_name": _text(raw, "new_post_name") or ":title.md",
        "default_category": _text(raw, "default_category") or "uncategorized",
        "category_map": _texts_of(raw.get("category_map")),
        "filename_case": _text(raw, "filename_case") or "0",
        "post_asset_folder": _is_on(raw, "post_asset_folder", False),
        "trailing_index": _is_on(pretty, "trailing_index", True),
        "trailing_html": _is_on(pretty, "trailing_html", True),
        "skip_render": frontmatter.as_list(raw.get("skip_render")),
        "include": frontmatter.as_list(raw.get("include")),
        "languages": languages,
        "breaks": not isinstance(marked, Mapping) or _is_on(marked, "breaks", True),
        "smart": not isinstance(marked, Mapping) or _is_on(marked, "smartypants", True),
        "host": (urlsplit(url).hostname or "") if sites.is_web_address(url) else "",
    }


def _describe_file(site: Site, container: Container, path: str, size: int, assets: Mapping[str, str]) -> SiteFile:
    if reason := sites.skip_reason(path):
        return SiteFile(path, "skipped", size, reason)
    if path.startswith((site.config["public"], ".deploy")):
        return SiteFile(path, "skipped", size, _("It was made by the generator."))
    source = site.config["source"]
    if not path.startswith(source):
        return SiteFile(path, "site_file", size)
    inner, suffix = path[len(source) :], sites.suffix_of(path)
    if suffix in sites.ATTACHMENT_SUFFIXES:
        return SiteFile(path, "attachment", size, public_paths=_public_paths(site, inner, assets))
    if suffix in sites.MARKDOWN_SUFFIXES:
        is_document = not (_is_hidden(inner) and inner.startswith("_data/"))
    else:
        is_document = suffix in sites.HTML_SUFFIXES | sites.TEXT_SUFFIXES and sites.has_front_matter(
            sites.peek(container, site.root + path)
        )
    return SiteFile(path, "document" if is_document else "site_file", size)


def _public_paths(site: Site, inner: str, assets: Mapping[str, str]) -> tuple[str, ...]:
    if not inner.startswith(_POST_FOLDERS):
        return () if _is_hidden(inner) else (sites.join_base(site.base_path, inner),)
    folder, _slash, name = inner.rpartition("/")
    while folder and folder not in assets:
        folder, _slash, parent = folder.rpartition("/")
        name = f"{parent}/{name}"
    return (assets[folder] + name,) if folder else ()


def _find_asset_addresses(site: Site, container: Container, paths: Mapping[str, int]) -> dict[str, str]:
    """Folder of a post's own files (below ``source``) → the address that they are served under, with a final slash."""
    source = site.config["source"]
    if not site.config["post_asset_folder"]:
        return {}
    folders = {path[len(source) :].rpartition("/")[0] for path in paths if path.startswith(source + "_posts/")}
    found: dict[str, str] = {}
    for path in paths:
        inner = path[len(source) :].rpartition(".")[0] if path.startswith(source) else ""
        is_post = inner in folders and sites.suffix_of(path) in sites.MARKDOWN_SUFFIXES
        if is_post and (address := _read_permalink(site, container, path)):
            found[inner] = address if address.endswith("/") else address.rpartition("/")[0] + "/"
    return found


def _read_permalink(site: Site, container: Container, path: str) -> str | None:
    try:
        source = encoding.decode_source(container.read(site.root + path), encoding=site.encoding)
        return read_document(site, path, source, frontmatter.parse(source.head, source.format), "").permalink
    except RefusedFile:
        return None


def _is_hidden(inner: str) -> bool:
    return any(part.startswith(("_", ".")) for part in inner.split("/"))


# --- the document ----------------------------------------------------------------------------------------------------


def read_document(site: Site, path: str, source: SourceText, front_matter: Mapping[str, Any], sha256: str) -> Document:
    """The document at ``path``, as Hexo reads it with this site's configuration."""
    is_loose = site.dialect != NAME
    config = _keep_config({}, []) if is_loose else site.config
    inner = path.removeprefix(config["source"])
    zone = ZoneInfo(site.timezone)
    fields = FieldReader(front_matter, zone)
    fields.has_other_statuses = not is_loose
    document = Document(path, sha256, NAME, source, title="")
    document.flavour = "html" if sites.suffix_of(path) in sites.HTML_SUFFIXES else "commonmark"
    document.features = _features_of(config, document)
    in_posts = inner.startswith(_POST_FOLDERS)
    info = _read_name(config, inner.partition("/")[2]) if in_posts else {"title": sites.title_from_name(path)}
    document.published_at = fields.date("date") or _date_of_name(info, zone)
    document.kind = "article" if in_posts or (is_loose and document.published_at) else "page"
    document.source_title = fields.text("title") or None
    document.categories = _read_categories(fields)
    document.tags = fields.split_texts("tags") or fields.split_texts("tag")
    document.language = fields.text("lang", "language").replace("_", "-") or _language_of(config, inner)
    document.slug = fields.slug("slug") or (terms.slugify(info["title"].rpartition("/")[2]) if in_posts else "")
    if in_posts and not is_loose:
        _set_post_address(site, document, fields, info)
    else:
        _set_page_address(site, document, fields, inner, is_loose=is_loose)
    if inner.startswith("_drafts/"):
        document.draft = True
    elif _is_ignored(config, inner, in_posts):
        document.draft = True
        document.findings.append(
            Finding("not-published-there", "warning", _("Hexo leaves it out because of its name or place. It stays a draft."))
        )
    hosts = [config["host"]] if config["host"] else []
    sites.fill_common(document, fields, base_path=site.base_path, language=site.language, own_hosts=hosts)
    return document


def _features_of(config: Mapping[str, Any], document: Document) -> frozenset[str]:
    if document.flavour == "html":
        return frozenset({"hexo_tags"})
    more = {name for name, key in (("typographer", "smart"), ("hardbreaks", "breaks")) if config[key]}
    return sites.base_features("hexo_tags", "wide_autolinks", *more)


def _is_ignored(config: Mapping[str, Any], inner: str, in_posts: bool) -> bool:
    visible = inner.partition("/")[2] if in_posts else inner
    return _is_hidden(visible) and not any(fnmatchcase(inner, pattern) for pattern in config["include"])


def _language_of(config: Mapping[str, Any], inner: str) -> str:
    first = inner.split("/", 1)[0]
    return first.replace("_", "-") if "/" in inner and first in config["languages"] else ""


def _read_name(config: Mapping[str, Any], path: str) -> dict[str, str]:
    """What ``new_post_name`` finds in a file name: ``title`` (also Hexo's slug), and parts of a date."""
    stem = path.rpartition(".")[0] or path
    rule = config["new_post_name"].rpartition(".")[0] or config["new_post_name"]
    pattern, at = "", 0
    seen: set[str] = set()
    for match in re.finditer(r":(\w+)", rule):
        name = match[1]
        pattern += re.escape(rule[at : match.start()])
        pattern += f"(?P={name})" if name in seen else f"(?P<{name}>{_DATE_SEGMENTS.get(name, '.+?')})"
        seen.add(name)
        at = match.end()
    found = re.fullmatch(pattern + re.escape(rule[at:]), stem) if seen and all(name.isidentifier() for name in seen) else None
    parts = {key: value for key, value in (found.groupdict() if found else {}).items() if value is not None}
    parts.setdefault("title", slugize(stem))
    return parts


def _date_of_name(info: Mapping[str, str], zone: ZoneInfo) -> datetime | None:
    month, day = info.get("month") or info.get("i_month"), info.get("day") or info.get("i_day")
    if "year" in info and month and day:
        return sites.parse_or_none(f"{info['year']}-{month:0>2}-{day:0>2}", zone)
    return None


def _read_categories(fields: FieldReader) -> list[tuple[str, ...]]:
    """A flat list is one path from the root down; where one entry is a list, every entry is a path of its own."""
    value = fields.value("categories", "category")
    if not isinstance(value, list):
        return [(name,) for name in fields.split_texts("categories", "category")]
    if any(isinstance(item, list) for item in value):
        return [path for item in value if (path := tuple(sites.flatten_texts(item)))]
    path = tuple(sites.flatten_texts(value))
    return [path] if path else []


# --- addresses -------------------------------------------------------------------------------------------------------


def _set_post_address(site: Site, document: Document, fields: FieldReader, info: Mapping[str, str]) -> None:
    config = site.config
    if stated := fields.text("permalink"):
        document.permalink_stated = True
        if config["post_asset_folder"] and not stated.endswith(("/", ".html")):
            stated += "/"
        _keep_address(site, document, fields, stated)
        return
    values = _placeholders(config, document, fields, info)
    missing = [name for name in re.findall(r":(\w+)", config["permalink"]) if values.get(name) is None]
    if missing:
        fields.warn(
            "no-address",
            _("Its old address needs “%(name)s”, which it does not have. A new one is made."),
            "date",
            name=missing[0],
        )
        return
    _keep_address(
        site, document, fields, re.sub(r":(\w+)", lambda match: str(values[match[1]]).replace("%", "%25"), config["permalink"])
    )


def _placeholders(
    config: Mapping[str, Any], document: Document, fields: FieldReader, info: Mapping[str, str]
) -> dict[str, str | None]:
    slug, moment = fields.text("slug") or info["title"], document.published_at
    values: dict[str, str | None] = dict(config["permalink_defaults"])
    values |= {key: text for key in fields.own if isinstance(key, str) and (text := fields.peek(key))}
    values |= {key: value for key, value in info.items() if key not in _DATE_SEGMENTS}
    values |= {
        "id": fields.peek("id") or None,
        "title": slug,
        "name": slug.rpartition("/")[2],
        "post_title": slugize(document.source_title or "", case="1"),
        "category": _category_slug(config, document.categories[-1]) if document.categories else config["default_category"],
    }
    return values | _date_values(moment, slug)


def _date_values(moment: datetime | None, slug: str) -> dict[str, str | None]:
    names = ["year", "month", "day", "hour", "minute", "second", "i_month", "i_day", "timestamp", "hash"]
    if moment is None:
        return dict.fromkeys(names)
    stamp = str(int(moment.timestamp()))
    return {
        "year": f"{moment.year:04d}",
        "month": f"{moment.month:02d}",
        "day": f"{moment.day:02d}",
        "hour": f"{moment.hour:02d}",
        "minute": f"{moment.minute:02d}",
        "second": f"{moment.second:02d}",
        "i_month": str(moment.month),
        "i_day": str(moment.day),
        "timestamp": stamp,
        # Hexo's own rule for a short unique name; nothing is protected by it.
        "hash": hashlib.sha1((slug + stamp).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:12],
    }


def _category_slug(config: Mapping[str, Any], path: tuple[str, ...]) -> str:
    return "/".join(slugize(config["category_map"].get(name, name), case=config["filename_case"]) for name in path)


def slugize(text: str, *, case: str = "0") -> str:
    """Hexo's ``slugize``: no diacritics on Latin letters, no control characters, runs of blanks and ASCII signs become
    one ``-``; ``case`` 1 is lower, 2 upper."""
    plain = "".join(_fold(char) for char in text if unicodedata.category(char) != "Cc")
    slug = re.sub("-{2,}", "-", _SPECIAL.sub("-", plain)).strip("-")
    return {"1": slug.lower(), "2": slug.upper()}.get(case, slug)


def _fold(char: str) -> str:
    if not "\u00c0" <= char <= "\u024f":
        return char
    base = unicodedata.normalize("NFD", char)[0]
    return base if base.isascii() else char


def _set_page_address(site: Site, document: Document, fields: FieldReader, inner: str, *, is_loose: bool) -> None:
    if stated := fields.text("permalink"):
        document.permalink_stated = True
        _keep_address(site, document, fields, stated)
        return
    if is_loose or (_is_hidden(inner) and not inner.startswith(_POST_FOLDERS)):
        return
    config = site.config
    if any(fnmatchcase(inner, pattern) for pattern in config["skip_render"]):
        _keep_address(site, document, fields, inner.replace("%", "%25"))
        return
    stem = inner.rpartition(".")[0].replace("%", "%25")
    if stem == "index" or stem.endswith("/index"):
        _keep_address(site, document, fields, stem.removesuffix("index") or "/")
        if document.permalink and config["trailing_index"]:
            document.aliases.append(document.permalink + "index.html")
    else:
        _keep_address(site, document, fields, stem + (".html" if config["trailing_html"] else ""))


def _keep_address(site: Site, document: Document, fields: FieldReader, text: str) -> None:
    path = re.sub("/{2,}", "/", sites.strip_host(text, site.config.get("host", "")))
    if (address := sites.clean_address(path)) is None:
        document.permalink_stated = False
        fields.warn_of_address("permalink", text)
        return
    document.permalink = sites.join_base(site.base_path, address)
