"""Jekyll: posts, drafts, collections and pages, with the address, title, date and terms that Jekyll 4.3 gives them.

The rules were read in, and are tested against, Jekyll 4.3.1.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import translate
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop as _

from articles.findings import Finding
from articles.formats import frontmatter, sites, terms
from articles.formats.container import Container
from articles.formats.dates import BadDate, describe_bad_date, parse_date
from articles.formats.document import Document, Flavour, Site, SiteFile, SourceText
from articles.formats.sites import FieldReader, ReadOptions, Recognition

NAME = "jekyll"

CONFIG_NAMES = ("_config.yml", "_config.yaml", "_config.toml")
_DEFAULT_EXCLUDES = [
    ".sass-cache",
    ".jekyll-cache",
    "gemfiles",
    "Gemfile",
    "Gemfile.lock",
    "node_modules",
    "vendor/bundle/",
    "vendor/cache/",
    "vendor/gems/",
    "vendor/ruby/",
]
_DEFAULT_MARKDOWN = "markdown,mkdown,mkdn,mkd,md"
_STYLES = {
    "none": "/:categories/:title:output_ext",
    "date": "/:categories/:year/:month/:day/:title:output_ext",
    "ordinal": "/:categories/:year/:y_day/:title:output_ext",
    "pretty": "/:categories/:year/:month/:day/:title/",
    "weekdate": "/:categories/:year/W:week/:short_day/:title:output_ext",
}
_MACHINE_FOLDERS = frozenset({"_layouts", "_includes", "_data", "_sass", "_plugins", "_site"})
_MACHINE_TEXTS = frozenset({"robots.txt", "humans.txt", "ads.txt", "llms.txt", "security.txt", "app-ads.txt"})
_CONVERTED_OUTPUT = {".scss": ".css", ".sass": ".css", ".coffee": ".js"}
_RAW_FOLDERS = frozenset({"layout", "source"})

_DATED_NAME = re.compile(r"(?:.+/)??(\d{2,4}-\d{1,2}-\d{1,2})-([^/]*)(\.[^.]+)", re.DOTALL)
_POST_NAME = re.compile(r"\d{2,4}-\d{1,2}-\d{1,2}-[^/]*\.[^.]+")
_NAIVE_TIMESTAMP = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|\s+)\d{1,2}:\d\d:\d\d(?:\.\d*)?")
_PLACEHOLDER = re.compile(r":([a-z_]+)")

PlaceKind = Literal["post", "draft", "collection", "page", "ignored", "excluded", "machine", "loose"]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file stands in Jekyll's eyes.

    ``label`` is the collection (``posts`` for posts and drafts, ``""`` for pages). ``relative`` is the path as Jekyll's
    defaults and placeholders see it (without ``source`` and ``collections_dir``). ``reason`` says why it is ignored.
    """

    kind: PlaceKind
    relative: str
    label: str = ""
    reason: str = ""


class _NoAddress(Exception):
    """The address template needs what the document does not have; the message is the placeholder's name."""


# --- recognising -----------------------------------------------------------------------------------------------------


def recognise(container: Container, folder: str) -> Recognition:
    """``"config"`` for a folder with a ``_config.yml`` of its own, ``"shape"`` for one that holds dated ``_posts``."""
    names = sites.entries(container, folder)
    if not names.isdisjoint(CONFIG_NAMES):
        return "" if _is_theme(folder, names) else "config"
    if "_posts/" not in names and "_drafts/" not in names:
        return ""
    if not names.isdisjoint({"_layouts/", "_includes/", "_data/"}):
        return "shape"
    return "shape" if any(_is_dated_post(path) for path in _posts_in(container, folder)) else ""


def _is_theme(folder: str, names: frozenset[str]) -> bool:
    """A Hexo theme has a ``_config.yml`` too."""
    return {name + "/" for name in _RAW_FOLDERS} <= names or "themes" in folder.split("/")


def _posts_in(container: Container, folder: str) -> Iterator[str]:
    folders = sites.list_folders(container)
    for name, files in folders.items():
        if name.startswith((folder + "_posts/", folder + "_drafts/")):
            yield from files


def _is_dated_post(name: str) -> bool:
    return _POST_NAME.fullmatch(name) is not None


def recognise_file(front_matter: Mapping[str, Any], path: str) -> bool:
    """Whether one loose file was written for Jekyll: a dated name, or keys that only Jekyll's documents have."""
    name = path.rpartition("/")[2]
    if _is_dated_post(name) and (not front_matter or "layout" in front_matter):
        return True
    if not front_matter.keys().isdisjoint({"redirect_from", "last_modified_at", "excerpt_separator", "render_with_liquid"}):
        return True
    layout = front_matter.get("layout")
    return isinstance(layout, str) and not {"emoji", "topics", "cssclasses", "updated"} & front_matter.keys()


# --- the site --------------------------------------------------------------------------------------------------------


def read_site(container: Container, folder: str, options: ReadOptions) -> Site:
    """The site in ``folder``, its configuration and the role of each of its files. Never raises on its content."""
    raw, findings = _read_config(container, folder)
    base_url, _ignored = sites.split_base_url(_text(raw, "url"))
    base_path = sites.clean_address(_text(raw, "baseurl") or "/") or "/"
    site = Site(
        root=folder,
        dialect=NAME,
        name=sites.propose_name(base_url + (base_path if base_url else "").rstrip("/"), folder, container.name),
        base_url=base_url,
        base_path=base_path.rstrip("/"),
        timezone=sites.zone_named(_text(raw, "timezone")),
        language=(_text(raw, "lang") or _text(raw, "locale") or options.language).replace("_", "-"),
        title=_text(raw, "title") or _text(raw, "name"),
        encoding=options.encoding,
        config=_keep_config(raw, has_config=_config_name(container, folder) != ""),
        findings=findings,
    )
    site.fingerprint = sites.fingerprint(NAME, site.config, site.timezone, site.language, site.base_path, site.encoding)
    for path, size in sites.paths_under(container, folder):
        site.files[path] = _describe_file(site, container, path, size)
    return site


def _config_name(container: Container, folder: str) -> str:
    return next((name for name in CONFIG_NAMES if folder + name in container.members), "")


def _read_config(container: Container, folder: str) -> tuple[dict[str, Any], list[Finding]]:
    name = _config_name(container, folder)
    if not name:
        return {}, [
            Finding(
                "config-missing",
                "warning",
                _("No _config.yml was found in %(folder)s, so Jekyll's defaults are used. Add the site's own if it has one."),
                {"folder": folder or "/"},
            )
        ]
    raw, findings = sites.read_config(container, folder + name, "toml" if name.endswith(".toml") else "yaml")
    others = sorted(
        other
        for other in sites.entries(container, folder)
        if re.fullmatch(r"_config[._-].*\.(ya?ml|toml)", other) and other != name
    )
    if others:
        findings.append(
            Finding(
                "config-others",
                "info",
                _("Only %(name)s is read; these were left alone: %(others)s."),
                {"name": name, "others": ", ".join(others)},
            )
        )
    return raw, findings


def _text(config: Mapping[str, Any], key: str) -> str:
    value = config.get(key)
    return frontmatter.as_text(value) if isinstance(value, str) else ""


def _keep_config(raw: Mapping[str, Any], *, has_config: bool) -> dict[str, Any]:
    """What reading a document needs, in plain data."""
    permalink = _text(raw, "permalink") or "date"
    plugins = {
        *frontmatter.as_list(raw.get("plugins")),
        *frontmatter.as_list(raw.get("gems")),
        *frontmatter.as_list(raw.get("whitelist")),
    }
    kramdown = raw.get("kramdown")
    return {
        "has_config": has_config,
        "source": _text(raw, "source").strip("./").rstrip("/"),
        "destination": (_text(raw, "destination") or "_site").strip("./"),
        "collections_dir": _text(raw, "collections_dir").strip("/"),
        "collections": _keep_collections(raw.get("collections"), permalink),
        "permalink": permalink,
        "defaults": _keep_defaults(raw.get("defaults")),
        "markdown_ext": ["." + suffix.strip().lower() for suffix in (_text(raw, "markdown_ext") or _DEFAULT_MARKDOWN).split(",")],
        "markdown": (_text(raw, "markdown") or "kramdown").lower(),
        "smart": not (isinstance(kramdown, Mapping) and "apos" in _text(kramdown, "smart_quotes")),
        "hard_wrap": isinstance(kramdown, Mapping) and frontmatter.as_bool(kramdown.get("hard_wrap")) is True,
        "include": [".htaccess", *frontmatter.as_list(raw.get("include"))],
        "exclude": [*frontmatter.as_list(raw.get("exclude")), *_DEFAULT_EXCLUDES],
        "converts_without_front_matter": not plugins.isdisjoint({"jekyll-optional-front-matter", "github-pages"}),
        "titles_from_headings": "jekyll-titles-from-headings" in plugins,
        "has_emoji": "jemoji" in plugins,
        "host": urlsplit(_text(raw, "url")).hostname or "" if sites.is_web_address(_text(raw, "url")) else "",
    }


def _keep_collections(raw: Any, permalink: str) -> dict[str, dict[str, Any]]:
    collections: dict[str, dict[str, Any]] = {}
    if isinstance(raw, Mapping):
        for label, metadata in raw.items():
            known = metadata if isinstance(metadata, Mapping) else {}
            output = known.get("output")
            is_written = output is not None and frontmatter.as_text(output) != "" and frontmatter.as_bool(output) is not False
            collections[_clean_label(label)] = {"output": is_written, "permalink": _text(known, "permalink") or None}
    elif isinstance(raw, list):
        collections = {_clean_label(label): {"output": False, "permalink": None} for label in frontmatter.as_list(raw)}
    posts = collections.setdefault("posts", {"output": True, "permalink": None})
    posts["output"] = True
    posts["permalink"] = posts["permalink"] or _STYLES.get(permalink, permalink)
    return collections


def _clean_label(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9_\-.]", "", str(label))


def _keep_defaults(raw: Any) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for entry in raw if isinstance(raw, list) else ():
        if not isinstance(entry, Mapping) or not isinstance(entry.get("values"), Mapping):
            continue
        scope = entry.get("scope")
        if not isinstance(scope, Mapping):
            # Jekyll applies a set without scope to everything, with the precedence of an empty path.
            scope = {}
        kind = {"page": "pages", "post": "posts", "draft": "drafts"}.get(_text(scope, "type"), _text(scope, "type"))
        kept.append({"path": _text(scope, "path"), "type": kind if "type" in scope else None, "values": dict(entry["values"])})
    return kept


def _describe_file(site: Site, container: Container, path: str, size: int) -> SiteFile:
    if reason := sites.skip_reason(path):
        return SiteFile(path, "skipped", size, reason)
    place = _locate(site.config, path)
    suffix = sites.suffix_of(path)
    if place.kind == "machine":
        role_reason = _("It was made by the generator.") if _is_output(site.config, path) else ""
        return SiteFile(path, "skipped" if role_reason else "site_file", size, role_reason)
    if suffix in sites.ATTACHMENT_SUFFIXES:
        return SiteFile(path, "attachment", size, public_paths=_public_paths(site, place, path))
    if place.kind == "excluded":
        return SiteFile(path, "site_file", size, _("The site's configuration excludes it."))
    if _is_document(site, container, place, path, suffix):
        return SiteFile(path, "document", size)
    return SiteFile(path, "site_file", size)


def _is_output(config: Mapping[str, Any], path: str) -> bool:
    return path.startswith((config["destination"] + "/", "_site/"))


def _is_document(site: Site, container: Container, place: _Place, path: str, suffix: str) -> bool:
    """Markdown always is one; HTML and text where front matter, or a dated name in ``_posts``, makes Jekyll read it."""
    name = path.rpartition("/")[2]
    if suffix in sites.MARKDOWN_SUFFIXES or suffix in site.config["markdown_ext"]:
        return not (name.startswith(".") or any(part.startswith(".") for part in path.split("/")[:-1]))
    if suffix not in sites.HTML_SUFFIXES | sites.TEXT_SUFFIXES or name in _MACHINE_TEXTS:
        return False
    if place.kind in ("post", "draft") and suffix in sites.HTML_SUFFIXES | sites.TEXT_SUFFIXES:
        return True
    data = container.read(site.root + path)
    if not _has_yaml_header(data):
        return False
    if place.kind == "collection":
        return True
    return not sites.is_template_page(data.decode("utf-8", "replace"))


def _has_yaml_header(data: bytes) -> bool:
    return re.match(rb"---\s*\r?\n", data[:200]) is not None


def _public_paths(site: Site, place: _Place, path: str) -> tuple[str, ...]:
    if place.kind == "page":
        return (sites.join_base(site.base_path, place.relative),)
    if place.kind == "collection" and site.config["collections"][place.label]["output"]:
        address = sites.decode_address(_static_address(site.config, place))
        return (sites.join_base(site.base_path, address),) if address else ()
    return ()


# --- where a file stands -----------------------------------------------------------------------------------------------


def _locate(config: Mapping[str, Any], path: str) -> _Place:
    """Follows Jekyll's reader from the source folder down to the file."""
    source = config["source"]
    if source and not path.startswith(source + "/"):
        return _Place("machine", path)
    inner = path[len(source) + 1 :] if source else path
    parts = inner.split("/")
    if parts[0] in _MACHINE_FOLDERS or inner in CONFIG_NAMES or _is_output(config, inner):
        return _Place("machine", inner)
    return _follow(config, inner, parts)


def _follow(config: Mapping[str, Any], inner: str, parts: list[str]) -> _Place:
    collections_dir = config["collections_dir"]
    relative = inner.removeprefix(collections_dir + "/") if collections_dir else inner
    for depth, part in enumerate(parts[:-1]):
        parent = "/".join(parts[:depth])
        inside = not collections_dir or parent == collections_dir or parent.startswith(collections_dir + "/")
        if part in ("_posts", "_drafts") and inside:
            return _place_post(config, part, parent, "/".join(parts[depth + 1 :]), relative)
        if part[0] == "_" and part[1:] in config["collections"] and parent == collections_dir:
            return _place_in_collection(config, part[1:], "/".join(parts[depth + 1 :]), relative)
        if reason := _why_hidden(config, part, parent, is_folder=True):
            return _hide(config, reason, parts, relative)
    if reason := _why_hidden(config, parts[-1], "/".join(parts[:-1])):
        return _Place("excluded" if reason == "excluded" else "ignored", inner, reason=reason)
    return _Place("page", inner)


def _hide(config: Mapping[str, Any], reason: str, parts: list[str], relative: str) -> _Place:
    if reason == "excluded":
        return _Place("excluded", relative, reason=reason)
    label = parts[0][1:] if parts[0].startswith("_") and not config["has_config"] else ""
    if label:
        return _Place("ignored", relative, label, reason="no-config")
    return _Place("machine" if any(part.startswith(".") for part in parts[:-1]) else "ignored", relative, reason=reason)


def _place_post(config: Mapping[str, Any], folder: str, parent: str, entry: str, relative: str) -> _Place:
    base = f"{parent}/{folder}" if parent else folder
    if reason := _why_hidden(config, entry, base):
        return _Place("excluded" if reason == "excluded" else "ignored", relative, "posts", reason)
    if folder == "_drafts":
        return _Place("draft", relative, "posts")
    if not _DATED_NAME.fullmatch(entry):
        return _Place("ignored", relative, "posts", "undated")
    return _Place("post", relative, "posts")


def _place_in_collection(config: Mapping[str, Any], label: str, entry: str, relative: str) -> _Place:
    if reason := _why_hidden(config, entry, "_" + label):
        return _Place("excluded" if reason == "excluded" else "ignored", relative, label, reason)
    return _Place("collection", relative, label)


def _why_hidden(config: Mapping[str, Any], entry: str, base: str, *, is_folder: bool = False) -> str:
    """``"excluded"`` or ``"special"`` where Jekyll's entry filter leaves ``entry`` of the folder ``base`` out, else ``""``."""
    name = entry.rpartition("/")[2]
    included = _matches_any(config["include"], entry, is_folder) or _matches_any(config["include"], name, is_folder)
    if included:
        return ""
    if entry.endswith("."):
        return "special"
    full = f"{base}/{entry}" if base else entry
    if _matches_any([pattern for pattern in config["exclude"] if pattern not in config["include"]], full, is_folder):
        return "excluded"
    return "special" if entry[0] in "._#~" or name[0] in "._#~" or entry.endswith("~") else ""


def _matches_any(patterns: list[str], entry: str, is_folder: bool) -> bool:
    return any(
        _matches(pattern.strip("/") if pattern.endswith("/") and is_folder else pattern.lstrip("/"), entry)
        for pattern in patterns
    )


def _matches(pattern: str, entry: str) -> bool:
    """Ruby's ``File.fnmatch?`` without flags (``*`` crosses ``/``), or a plain beginning, as Jekyll compares."""
    return bool(pattern) and (entry.startswith(pattern) or _compile_glob(pattern).match(entry) is not None)


@lru_cache(maxsize=256)
def _compile_glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


# --- defaults ----------------------------------------------------------------------------------------------------------


def _defaults_for(config: Mapping[str, Any], relative: str, kind: str) -> dict[str, Any]:
    """The front matter that ``defaults`` give a file: longer paths win over shorter, typed over untyped, later over earlier."""
    merged: dict[str, Any] = {}
    strongest: Mapping[str, Any] | None = None
    for entry in config["defaults"]:
        if not _applies(config, entry, relative, kind):
            continue
        if strongest is None or _has_precedence(strongest, entry):
            merged = sites.merge_config(merged, entry["values"])
            strongest = entry
        else:
            merged = sites.merge_config(entry["values"], merged)
    return merged


def _applies(config: Mapping[str, Any], entry: Mapping[str, Any], relative: str, kind: str) -> bool:
    if entry["type"] is not None and entry["type"] != kind:
        return False
    scope = entry["path"]
    if not scope:
        return True
    prefix = config["collections_dir"] + "/" if config["collections_dir"] else ""
    scope = scope.removeprefix(prefix)
    return _matches_path_glob(scope, relative) if "*" in scope else relative.startswith(scope)


def _has_precedence(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    old_length, new_length = (len(_clean_scope(entry["path"])) for entry in (old, new))
    if new_length != old_length:
        return new_length >= old_length
    return new["type"] is not None or old["type"] is None


def _clean_scope(path: str) -> str:
    """Jekyll drops the first slash and, from a path with one, the last character (as if it were a slash)."""
    return path[1:].rstrip("/") if path.startswith("/") else path


def _matches_path_glob(pattern: str, path: str) -> bool:
    """Whether some parent of ``path``, or ``path`` itself, matches as ``Dir.glob`` would find it."""
    compiled = _compile_path_glob(pattern.strip("/"))
    parts = path.split("/")
    return any(compiled.fullmatch("/".join(parts[: depth + 1])) for depth in range(len(parts)))


@lru_cache(maxsize=256)
def _compile_path_glob(pattern: str) -> re.Pattern[str]:
    rules = ((r"\*\*/", r"(?:[^/.][^/]*/)*"), (r"\*+", r"[^/]*"), (r"\?", r"[^/]"), (r"\{[^{}]*\}", ""), (r"\[[^\]]+\]", ""))
    tokens = re.compile("|".join(f"({rule})" for rule, _regex in rules))
    result, at = "", 0
    for match in tokens.finditer(pattern):
        result += re.escape(pattern[at : match.start()])
        at = match.end()
        if match[4]:
            result += "(?:" + "|".join(re.escape(choice) for choice in match[4][1:-1].split(",")) + ")"
        elif match[5]:
            result += "[" + re.escape(match[5][1:-1]).replace(r"\-", "-") + "]"
        else:
            result += rules[(match.lastindex or 1) - 1][1]
    return re.compile(result + re.escape(pattern[at:]))


# --- the document ------------------------------------------------------------------------------------------------------


def read_document(site: Site, path: str, source: SourceText, front_matter: Mapping[str, Any], sha256: str) -> Document:
    """The document at ``path``, as Jekyll reads it with this site's configuration."""
    is_loose = site.dialect != NAME
    config = _keep_config({}, has_config=False) if is_loose else site.config
    place = _Place("loose", path, "posts") if is_loose else _locate(config, path)
    zone = ZoneInfo(site.timezone)
    fields = FieldReader(front_matter, zone, defaults=_defaults_for(config, place.relative, place.label or "pages"))
    document = Document(path, sha256, NAME, source, title="")
    document.flavour = _flavour_of(config, path)
    document.features = _features_of(config, document.flavour)
    name_date, name_slug = _read_name(place, path)
    document.published_at = _read_date(fields, name_date, zone)
    is_page = place.kind == "page" or (place.kind == "ignored" and not place.label)
    document.kind = "page" if is_page or (document.published_at is None and place.label != "posts") else "article"
    document.categories, categories = _read_categories(fields, place)
    document.tags = _read_tags(fields)
    stated = fields.text("title")
    document.source_title = stated or (None if is_page else _titleise(name_slug)) or None
    document.slug = fields.slug("slug") or (terms.slugify(name_slug) if place.kind in ("post", "draft") else "")
    if not is_loose or fields.text("permalink"):
        _set_address(site, document, fields, place, name_slug, categories)
    _set_draft(document, place, config)
    hosts = [config["host"]] if config["host"] else []
    sites.fill_common(document, fields, base_path=site.base_path, language=site.language, own_hosts=hosts)
    return document


def _flavour_of(config: Mapping[str, Any], path: str) -> Flavour:
    if sites.suffix_of(path) in sites.HTML_SUFFIXES:
        return "html"
    return "commonmark" if "commonmark" in config["markdown"] else "kramdown"


def _features_of(config: Mapping[str, Any], flavour: Flavour) -> frozenset[str]:
    names = {"liquid"}
    if flavour == "kramdown":
        names |= {"tables", "footnotes", "strikethrough", "definition_lists", "attributes", "math", "autolinks"} - {"autolinks"}
    elif flavour == "commonmark":
        names |= sites.BODY_FEATURES
    if flavour != "html" and config["smart"]:
        names.add("typographer")
    if config["has_emoji"]:
        names.add("emoji")
    return frozenset(names)


def _read_name(place: _Place, path: str) -> tuple[str, str]:
    """The date and the slug in a file name; the date is ``""`` where there is none."""
    name = path.rpartition("/")[2]
    if match := _DATED_NAME.fullmatch(name):
        return match[1], match[2].rstrip(".")
    stem, dot, _suffix = name.rpartition(".")
    return "", (stem if dot else name).rstrip(".")


def _read_date(fields: FieldReader, name_date: str, zone: ZoneInfo) -> datetime | None:
    """Front matter first, then the file name. A timestamp with seconds and no offset is UTC, as Ruby's YAML reads it;
    every other date without offset is a clock reading in the site's zone."""
    value = fields.value("date")
    if isinstance(value, str):
        text = _expand_digits(frontmatter.as_text(value))
        plain = not getattr(value, "quoted", False)
        is_utc = plain and _NAIVE_TIMESTAMP.fullmatch(text) is not None
        try:
            if instant := parse_date(text, ZoneInfo("UTC") if is_utc else zone):
                return instant.astimezone(zone)
        except BadDate as error:
            fields.has_bad_date = True
            fields.findings.append(describe_bad_date(error, "date", line=getattr(value, "line", None) or None))
    elif value is not None:
        fields.has_bad_date = True
        fields.findings.append(describe_bad_date(BadDate(frontmatter.as_text(value)), "date"))
    return _read_name_date(name_date, zone) if name_date else None


def _expand_digits(text: str) -> str:
    """Ruby reads 20251125, 202511251030 and 20251125103000 as dates."""
    if not re.fullmatch(r"(19|20)\d{6}(\d{4}(\d\d)?)?", text):
        return text
    time = text[8:]
    clock = f" {time[:2]}:{time[2:4]}:{time[4:] or '00'}" if time else ""
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}{clock}"


def _read_name_date(text: str, zone: ZoneInfo) -> datetime | None:
    year, month, day = text.split("-")
    if len(year) == 2:
        year = ("20" if int(year) < 69 else "19") + year
    try:
        return parse_date(f"{year.zfill(4)}-{month.zfill(2)}-{day.zfill(2)}", zone)
    except BadDate:
        return None


def _titleise(slug: str) -> str:
    return " ".join(part[:1].upper() + part[1:].lower() for part in re.sub(r"-+\Z", "", slug).split("-"))


def _set_draft(document: Document, place: _Place, config: Mapping[str, Any]) -> None:
    """What Jekyll's default build would not write is a draft here, with the reason."""
    if place.kind == "draft":
        document.draft = True
    elif place.kind in ("ignored", "excluded", "machine"):
        document.draft = True
        document.findings.append(_describe_ignored(place))
    elif place.kind == "collection" and not config["collections"][place.label]["output"]:
        document.draft = True
        document.findings.append(
            Finding(
                "not-published-there",
                "warning",
                _("The collection “%(name)s” has no pages of its own on the old site, so this stays a draft."),
                {"name": place.label},
            )
        )


def _describe_ignored(place: _Place) -> Finding:
    templates = {
        "undated": _("Jekyll leaves it out: a file in _posts needs a name like 2025-11-25-title.md. It stays a draft."),
        "no-config": _("Without the site's _config.yml nobody can tell whether this collection was public. It stays a draft."),
    }
    template = templates.get(place.reason, _("Jekyll leaves it out because of its name or place. It stays a draft."))
    return Finding("not-published-there", "warning", template)


# --- terms -------------------------------------------------------------------------------------------------------------


def _read_categories(fields: FieldReader, place: _Place) -> tuple[list[tuple[str, ...]], list[str]]:
    """Categories as paths of one (Jekyll has no tree), and as the list of texts that addresses are made of."""
    if place.kind not in ("post", "draft", "collection", "ignored") or not place.label:
        found = _plural(fields, "category", "categories")
        return [(name,) for name in found], found
    found = _folder_categories(place)
    if (value := fields.value("categories")) is not None:
        found += [name for name in _split_or_list(value) if name not in found]
    found += list(sites.flatten_texts(fields.value("category")))
    names = list(dict.fromkeys(found))
    return [(name,) for name in names], names


def _folder_categories(place: _Place) -> list[str]:
    """The folders above ``_posts`` or ``_drafts``; a folder named like the file is none, as in Jekyll."""
    special = "_drafts" if place.kind == "draft" else "_posts" if place.label == "posts" else "_" + place.label
    if place.relative.startswith(special):
        return []
    *_folders, name = place.relative.split("/")
    above = place.relative.split(special, 1)[0]
    return [part for part in above.split("/") if part and part not in (special, name)]


def _read_tags(fields: FieldReader) -> list[str]:
    return _plural(fields, "tag", "tags")


def _plural(fields: FieldReader, singular: str, plural: str) -> list[str]:
    if (value := fields.value(singular)) is not None:
        return list(sites.flatten_texts(value))
    return list(_split_or_list(fields.value(plural)))


def _split_or_list(value: Any) -> Iterator[str]:
    """A list's texts, or a text separated at blanks as Ruby's ``split`` does, and at Japanese separators."""
    if isinstance(value, str) and not isinstance(value, Mapping):
        for word in re.split(r"[ \t\r\n\f\v\0]+", frontmatter.as_text(value)):
            yield from (part for part in re.split("[、，\u3000]+", word) if part)
    else:
        yield from sites.flatten_texts(value)


# --- addresses ---------------------------------------------------------------------------------------------------------


def _set_address(site: Site, document: Document, fields: FieldReader, place: _Place, slug: str, categories: list[str]) -> None:
    document.permalink_stated = bool(frontmatter.as_text(document_permalink := fields.own.get("permalink"))) and isinstance(
        document_permalink, str
    )
    permalink = fields.text("permalink")
    try:
        if _is_static(site, document, place):
            address = _static_address(site.config, place)
        elif place.kind == "page" or not place.label:
            address = _page_address(site.config, place, permalink)
        else:
            address = _document_address(site.config, document, fields, place, permalink, slug, categories)
    except _NoAddress as missing:
        _report_no_address(document, fields, str(missing), permalink)
        return
    decoded = sites.decode_address(_sanitise(address))
    if decoded is None:
        fields.warn(
            "unsafe-address", _("The address “%(value)s” cannot be used; a new one is made."), "permalink", value=address[:80]
        )
        document.permalink_stated = False
        return
    document.permalink = sites.join_base(site.base_path, decoded)


def _report_no_address(document: Document, fields: FieldReader, missing: str, permalink: str) -> None:
    document.permalink_stated = False
    if missing == "date":
        fields.warn("no-date", _("Its old address depends on a date, and there is none. Give it a date."), "date")
    else:
        fields.warn(
            "unknown-placeholder", _("Jekyll knows no “:%(name)s” in an address; a new one is made."), "permalink", name=missing
        )


def _is_static(site: Site, document: Document, place: _Place) -> bool:
    """Without front matter Jekyll copies a file as it stands, but for posts; a byte order mark hides it from Jekyll too."""
    if place.kind in ("post", "draft") or (site.config["converts_without_front_matter"] and place.kind == "page"):
        return False
    source = document.source
    return place.kind in ("page", "collection") and (source.format != "yaml" or source.bom or not source.head.startswith("---"))


def _static_address(config: Mapping[str, Any], place: _Place) -> str:
    suffix = PurePosixPath(place.relative).suffix
    stem = place.relative[: len(place.relative) - len(suffix)].rstrip(".")
    if place.kind != "collection":
        return _escape("/" + stem.rstrip("/") + suffix)
    values = {
        "collection": place.label,
        "path": stem.replace("_" + place.label, "", 1),
        "output_ext": "",
        "name": PurePosixPath(stem).name,
        "title": "",
    }
    address = _collection_template(config, place.label)
    for name, value in values.items():
        address = address.replace(":" + name, _escape(value))
    return _sanitise(address).removesuffix("/") + suffix


def _page_address(config: Mapping[str, Any], place: _Place, permalink: str) -> str:
    folder, _slash, name = place.relative.rpartition("/")
    suffix = PurePosixPath(name).suffix
    basename = (name.removesuffix(suffix) if suffix else name).rstrip(".")
    output = _output_suffix(config, suffix, permalink)
    template = permalink or _page_template(config, basename, output)
    for key, value in (("path", "/" + folder), ("basename", basename), ("output_ext", output)):
        template = template.replace(":" + key, _escape(value))
    return template


def _page_template(config: Mapping[str, Any], basename: str, output: str) -> str:
    if output not in sites.HTML_SUFFIXES:
        return "/:path/:basename:output_ext"
    return "/:path/" if basename == "index" else _with_suffix("/:path/:basename", config["permalink"])


def _with_suffix(template: str, style: str) -> str:
    if style == "pretty" or style.endswith("/"):
        return template + "/"
    return template + (":output_ext" if style in ("date", "ordinal", "none") or style.endswith(":output_ext") else "")


def _collection_template(config: Mapping[str, Any], label: str) -> str:
    known = config["collections"].get(label) or {}
    return known.get("permalink") or _with_suffix("/:collection/:path", config["permalink"])


def _output_suffix(config: Mapping[str, Any], suffix: str, permalink: str) -> str:
    if permalink and not permalink.endswith("/") and (stated := PurePosixPath(permalink).suffix):
        return stated
    if suffix.lower() in config["markdown_ext"]:
        return ".html"
    return _CONVERTED_OUTPUT.get(suffix, suffix)


def _document_address(
    config: Mapping[str, Any],
    document: Document,
    fields: FieldReader,
    place: _Place,
    permalink: str,
    name_slug: str,
    categories: list[str],
) -> str:
    suffix = PurePosixPath(place.relative).suffix
    basename = PurePosixPath(place.relative).name.removesuffix(suffix)
    special = "_" + place.label
    slug = fields.text("slug") or name_slug
    moment = document.published_at
    if moment is None and place.kind == "collection":
        moment = None
    values: dict[str, str] = {
        "collection": place.label,
        "path": place.relative[: len(place.relative) - len(suffix)].replace(special, "", 1).rstrip("."),
        "name": slugify(basename),
        "title": slugify(slug, pretty=True, cased=True),
        "slug": slugify(slug),
        "categories": "/".join(dict.fromkeys(name.lower() for name in categories)),
        "slugified_categories": "/".join(dict.fromkeys(slugify(name) for name in categories)),
        "output_ext": _output_suffix(config, suffix, permalink),
    }
    return _PLACEHOLDER.sub(
        lambda match: _substitute(match[1], values, moment), permalink or _collection_template(config, place.label)
    )


def _substitute(name: str, values: Mapping[str, str], moment: datetime | None) -> str:
    tail = ""
    if name not in values and name not in _TIME_FORMATS and name.endswith("_"):
        name, tail = name[:-1], "_"
    if name in values:
        return _escape(values[name]) + tail
    if name not in _TIME_FORMATS:
        raise _NoAddress(name)
    if moment is None:
        raise _NoAddress("date")
    return _TIME_FORMATS[name].format(**_time_parts(moment)) + tail


_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_TIME_FORMATS = {
    "year": "{d.year:04d}",
    "month": "{d.month:02d}",
    "day": "{d.day:02d}",
    "hour": "{d.hour:02d}",
    "minute": "{d.minute:02d}",
    "second": "{d.second:02d}",
    "i_day": "{d.day}",
    "i_month": "{d.month}",
    "short_month": "{month:.3}",
    "long_month": "{month}",
    "short_year": "{short_year:02d}",
    "w_year": "{week[0]:04d}",
    "week": "{week[1]:02d}",
    "w_day": "{week[2]}",
    "short_day": "{day:.3}",
    "long_day": "{day}",
    "y_day": "{ordinal:03d}",
}


def _time_parts(moment: datetime) -> dict[str, Any]:
    """Parts of a date in English, whatever the process's locale."""
    return {
        "d": moment,
        "month": _MONTHS[moment.month - 1],
        "day": _DAYS[moment.weekday()],
        "short_year": moment.year % 100,
        "week": moment.isocalendar(),
        "ordinal": moment.timetuple().tm_yday,
    }


_PRETTY_EXTRA = frozenset("._~!$&'()+,;=@")


def slugify(text: str, *, pretty: bool = False, cased: bool = False) -> str:
    """Jekyll's ``slugify``: runs of other than marks, letters and decimal digits (``pretty`` keeps ``._~!$&'()+,;=@`` too)
    become one ``-``, one ``-`` is cut at each end, and without ``cased`` the result is lower case."""
    kept = "".join(char if _stays_in_slug(char, pretty) else "\0" for char in text)
    slug = re.sub("\0+", "-", kept).removeprefix("-").removesuffix("-")
    return slug if cased else slug.lower()


def _stays_in_slug(char: str, pretty: bool) -> bool:
    kind = unicodedata.category(char)
    return kind[0] in "LM" or kind == "Nd" or (pretty and char in _PRETTY_EXTRA)


def _escape(value: str) -> str:
    """A value stands in an address as it is; its own percent signs must survive the decoding."""
    return value.replace("%", "%25")


def _sanitise(address: str) -> str:
    return re.sub("/{2,}", "/", f"/{address}".replace("..", "/").replace("./", ""))
