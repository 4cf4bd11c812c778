"""Jekyll: posts, drafts, collections and pages, with the address, title, date and terms that Jekyll 4.3 gives them.

The rules were read in, and are tested against, Jekyll 4.3.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import encoding, frontmatter, sites, terms
from articles.formats.container import Container
from articles.formats.dates import BadDate, describe_bad_date, parse_date
from articles.formats.document import Document, Flavour, Site, SiteFile, SourceText
from articles.formats.frontmatter import Scalar
from articles.formats.jekyll_addresses import STYLES, NoAddress, document_address, page_address, sanitise, static_address
from articles.formats.jekyll_places import CONFIG_NAMES, DATED_NAME, Place, defaults_for, is_output, locate
from articles.formats.sites import FieldReader, ReadOptions, Recognition
from articles.formats.values import site_values

NAME = "jekyll"

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
_MACHINE_TEXTS = frozenset({"robots.txt", "humans.txt", "ads.txt", "llms.txt", "security.txt", "app-ads.txt"})
_PEOPLE_FILES = tuple(f"{stem}.{suffix}" for stem in ("authors", "people", "members") for suffix in ("yml", "yaml", "json"))
_RAW_FOLDERS = frozenset({"layout", "source"})

_POST_NAME = re.compile(r"\d{2,4}-\d{1,2}-\d{1,2}-[^/]*\.[^.]+")
_NAIVE_TIMESTAMP = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|\s+)\d{1,2}:\d\d:\d\d(?:\.\d*)?")
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
    stated_zone = _text(raw, "timezone")
    zone = sites.choose_zone(options, stated_zone, "UTC")
    site = Site(
        root=folder,
        dialect=NAME,
        name=sites.propose_name(base_url + (base_path if base_url else "").rstrip("/"), folder, container.name),
        base_url=base_url,
        base_path=base_path.rstrip("/"),
        timezone=zone,
        language=(_text(raw, "lang") or _text(raw, "locale") or options.language).replace("_", "-"),
        title=_text(raw, "title") or _text(raw, "name"),
        encoding=options.encoding,
        config=_keep_config(raw, has_config=_config_name(container, folder) != ""),
        findings=sites.with_zone(findings, options, stated_zone, zone, "timezone: Asia/Tokyo"),
    )
    site.config["people"] = _read_people(container, folder, raw)
    site.values = site_values(raw)
    site.fingerprint = sites.fingerprint(NAME, site.config, site.timezone, site.language, site.base_path, site.encoding)
    for path, size in sites.paths_under(container, folder):
        site.files[path] = _describe_file(site, container, path, size)
    site.lists = _find_lists(site, container, raw)
    return site


def _find_lists(site: Site, container: Container, raw: Mapping[str, Any]) -> list[list[str]]:
    """The home page, the lists of the plugins that the configuration names, and pages of template code that listed posts."""
    found = [["home", "/"], *_find_plugin_lists(raw)]
    for path, file in site.files.items():
        place = locate(site.config, path) if file.role == "site_file" and sites.suffix_of(path) in sites.HTML_SUFFIXES else None
        if place is None or place.kind != "page" or not _has_yaml_header(data := sites.peek(container, site.root + path)):
            continue
        try:
            source = encoding.decode_source(data, encoding=site.encoding)
            front_matter = frontmatter.parse(source.head, source.format)
        except RefusedFile:
            continue
        stated = FieldReader(front_matter, ZoneInfo(site.timezone)).text("permalink")
        found.append(["list", sanitise(page_address(site.config, place, stated))])
    lists = []
    for kind, address in found:
        decoded = sites.decode_address(re.sub(r"(?:index)?\.html?$", "", address).rstrip("/") + "/")
        if decoded:
            lists.append([kind, sites.join_base(site.base_path, decoded)])
    return lists


def _find_plugin_lists(raw: Mapping[str, Any]) -> Iterator[list[str]]:
    """What jekyll-paginate, jekyll-archives and the themes that read ``tag_archive`` say about addresses."""
    paginated = _text(raw, "paginate_path").rpartition("/")[0]
    if paginated.strip("/"):
        yield ["list", f"/{paginated.strip('/')}/"]
    archives = raw.get("jekyll-archives")
    permalinks = archives.get("permalinks") if isinstance(archives, Mapping) else None
    for kind in ("tag", "category", "year"):
        before, colon, _name = _text(permalinks, kind).partition(":") if isinstance(permalinks, Mapping) else ("", "", "")
        if colon and before.strip("/"):
            yield ["archive" if kind == "year" else kind, f"/{before.strip('/')}/"]
        known = raw.get(f"{kind}_archive")
        if isinstance(known, Mapping) and (path := _text(known, "path").partition("#")[0].strip("/")):
            yield ["archive" if kind == "year" else kind, f"/{path}/"]


def _read_people(container: Container, folder: str, raw: Mapping[str, Any]) -> dict[str, str]:
    """The names behind ``author: key``, where themes look for them: ``authors`` of the configuration, or a data file."""
    authors = raw.get("authors")
    people = sites.read_people(authors) if isinstance(authors, Mapping) else {}
    source = _text(raw, "source").strip("./").rstrip("/")
    data = f"{folder}{source}/" if source else folder
    for name in _PEOPLE_FILES:
        path = f"{data}_data/{name}"
        if path in container.members:
            people = (
                sites.read_people(sites.read_config(container, path, "json" if name.endswith("json") else "yaml")[0]) | people
            )
    return people


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
    return frontmatter.as_text(value) if isinstance(value, Scalar) else ""


def _keep_config(raw: Mapping[str, Any], *, has_config: bool) -> dict[str, Any]:
    """What reading a document needs, in plain data."""
    permalink = _text(raw, "permalink") or "date"
    plugins = {
        *frontmatter.as_list(raw.get("plugins")),
        *frontmatter.as_list(raw.get("gems")),
        *frontmatter.as_list(raw.get("whitelist")),
    }
    kramdown = raw.get("kramdown")
    # Said only where it holds: whatever stands here is part of how a source is read, which a new word would change for all.
    ahead = {"shows_future": True} if frontmatter.as_bool(raw.get("future")) is True else {}
    return {
        **ahead,
        "has_config": has_config,
        "source": _text(raw, "source").strip("./").rstrip("/"),
        "destination": (_text(raw, "destination") or "_site").strip("./"),
        "collections_dir": _text(raw, "collections_dir").strip("/"),
        "collections": _keep_collections(raw.get("collections"), permalink),
        "permalink": permalink,
        "defaults": _keep_defaults(raw.get("defaults")),
        "markdown_ext": ["." + suffix.strip().lower() for suffix in (_text(raw, "markdown_ext") or _DEFAULT_MARKDOWN).split(",")],
        "markdown": (_text(raw, "markdown") or "kramdown").lower(),
        "commonmark": _keep_commonmark(raw.get("commonmark")),
        "hard_wrap": isinstance(kramdown, Mapping) and frontmatter.as_bool(kramdown.get("hard_wrap")) is True,
        "is_plain": isinstance(kramdown, Mapping) and _text(kramdown, "smart_quotes").replace(" ", "") == _PLAIN_QUOTES,
        "include": [".htaccess", *frontmatter.as_list(raw.get("include"))],
        "exclude": [*frontmatter.as_list(raw.get("exclude")), *_DEFAULT_EXCLUDES],
        "converts_without_front_matter": not plugins.isdisjoint({"jekyll-optional-front-matter", "github-pages"}),
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
    posts["permalink"] = posts["permalink"] or STYLES.get(permalink, permalink)
    return collections


def _keep_commonmark(raw: Any) -> list[str]:
    """The features that ``commonmark`` names; GitHub's own where it names none."""
    known = raw if isinstance(raw, Mapping) else {}
    names = [*frontmatter.as_list(known.get("extensions")), *frontmatter.as_list(known.get("options"))]
    named = sorted({_COMMONMARK_NAMES[name.lower()] for name in names if name.lower() in _COMMONMARK_NAMES})
    return named or ["autolinks", "strikethrough", "tables"]


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
    place = locate(site.config, path)
    suffix = sites.suffix_of(path)
    if place.kind == "machine":
        role_reason = _("It was made by the generator.") if is_output(site.config, path) else ""
        return SiteFile(path, "skipped" if role_reason else "site_file", size, role_reason)
    if suffix in sites.ATTACHMENT_SUFFIXES:
        return SiteFile(path, "attachment", size, public_paths=_public_paths(site, place, path))
    if place.kind == "excluded":
        return SiteFile(path, "site_file", size, _("The site's configuration excludes it."))
    if _is_document(site, container, place, path, suffix):
        return SiteFile(path, "document", size)
    is_post = place.kind in ("post", "draft") and not path.rpartition("/")[2].startswith(".")
    reason = _("It is a post in another markup than Markdown.") if is_post else ""
    return SiteFile(path, "site_file", size, reason, is_unread=is_post)


def _is_document(site: Site, container: Container, place: Place, path: str, suffix: str) -> bool:
    """Markdown always is one; HTML and text where front matter, or a dated name in ``_posts``, makes Jekyll read it."""
    name = path.rpartition("/")[2]
    if suffix in sites.MARKDOWN_SUFFIXES or suffix in site.config["markdown_ext"]:
        return place.kind != "ignored" or not any(part.startswith(".") for part in path.split("/"))
    if suffix not in sites.HTML_SUFFIXES | sites.TEXT_SUFFIXES or name in _MACHINE_TEXTS:
        return False
    if place.kind in ("post", "draft") and suffix in sites.HTML_SUFFIXES | sites.TEXT_SUFFIXES:
        return True
    data = sites.peek(container, site.root + path)
    if not _has_yaml_header(data):
        return False
    if place.kind == "collection":
        return True
    return not sites.is_template_page(data.decode("utf-8", "replace"))


def _has_yaml_header(data: bytes) -> bool:
    return re.match(rb"---\s*\r?\n", data[:200]) is not None


def _public_paths(site: Site, place: Place, path: str) -> tuple[str, ...]:
    if place.kind == "page":
        return (sites.join_base(site.base_path, place.relative),)
    if place.kind == "collection" and site.config["collections"][place.label]["output"]:
        address = sites.decode_address(static_address(site.config, place))
        return (sites.join_base(site.base_path, address),) if address else ()
    return ()


# --- the document ------------------------------------------------------------------------------------------------------


def read_document(site: Site, path: str, source: SourceText, front_matter: Mapping[str, Any], sha256: str) -> Document:
    """The document at ``path``, as Jekyll reads it with this site's configuration."""
    is_loose = site.dialect != NAME
    config = _keep_config({}, has_config=False) if is_loose else site.config
    place = Place("loose", path, "posts") if is_loose else locate(config, path)
    zone = ZoneInfo(site.timezone)
    defaults = defaults_for(config, place.relative, place.label or "pages")
    if place.kind == "page":
        # Jekyll asks a page's own front matter only.
        defaults.pop("published", None)
    fields = FieldReader(front_matter, zone, defaults=defaults)
    fields.has_other_statuses = not is_loose
    document = Document(path, sha256, NAME, source, title="")
    document.flavour = _flavour_of(config, path)
    document.features = _features_of(config, document.flavour)
    if fields.flag("render_with_liquid") is False:
        document.features -= {"liquid"}
    name_date, name_slug = _read_name(place, path)
    document.published_at = _read_date(fields, name_date, zone)
    is_page = place.kind == "page" or (place.kind == "ignored" and not place.label)
    document.kind = "page" if is_page or (document.published_at is None and place.label != "posts") else "article"
    document.categories, categories = _read_categories(fields, place, defaults)
    document.tags = _read_tags(fields)
    document.source_title = _read_title(fields, None if is_page else _titleise(name_slug))
    people = config.get("people", {})
    document.authors = [people.get(name, name) for name in fields.authors("author", "authors")]
    document.slug = fields.slug("slug") or (terms.slugify(name_slug) if place.kind in ("post", "draft") else "")
    if not is_loose or fields.text("permalink"):
        _set_address(config, site.base_path, document, fields, place, name_slug, categories)
    _set_draft(document, place, config)
    document.shows_future = config.get("shows_future", False)
    hosts = [config["host"]] if config["host"] else []
    sites.fill_common(document, fields, base_path=site.base_path, language=site.language, own_hosts=hosts)
    return document


def _read_title(fields: FieldReader, fallback: str | None) -> str | None:
    """A title of nothing in quotes is one to Jekyll; a key with no value is not."""
    title = fields.values.get("title")
    if isinstance(title, str) and not title.strip() and getattr(title, "quoted", False):
        return ""
    return fields.text("title") or fallback


def _flavour_of(config: Mapping[str, Any], path: str) -> Flavour:
    if sites.suffix_of(path) in sites.HTML_SUFFIXES:
        return "html"
    return "commonmark" if "commonmark" in config["markdown"] else "kramdown"


_KRAMDOWN_FEATURES = frozenset({"liquid", "typographer", "tables", "strikethrough", "footnotes", "math"})
# What switches kramdown's typographic quotes off; there is no option for it by name.
_PLAIN_QUOTES = "apos,apos,quot,quot"
_COMMONMARK_NAMES = {
    "autolink": "autolinks",
    "strikethrough": "strikethrough",
    "table": "tables",
    "tasklist": "tasklists",
    "footnotes": "footnotes",
    "smart": "typographer",
    "hardbreaks": "hardbreaks",
}


def _features_of(config: Mapping[str, Any], flavour: Flavour) -> frozenset[str]:
    if flavour == "html":
        return frozenset({"liquid"})
    features = _KRAMDOWN_FEATURES if flavour == "kramdown" else frozenset({"liquid", *config["commonmark"]})
    more = {name for name, key in (("emoji", "has_emoji"), ("hardbreaks", "hard_wrap")) if config[key]}
    return (features | more) - ({"typographer"} if config["is_plain"] else frozenset())


def _read_name(place: Place, path: str) -> tuple[str, str]:
    """The date and the slug in a file name; the date is ``""`` where there is none."""
    name = path.rpartition("/")[2]
    if match := DATED_NAME.fullmatch(name):
        return match[1], match[2].rstrip(".")
    stem, dot, _suffix = name.rpartition(".")
    return "", (stem if dot else name).rstrip(".")


def _read_date(fields: FieldReader, name_date: str, zone: ZoneInfo) -> datetime | None:
    """Front matter first, then the file name. A timestamp with seconds and no offset is UTC, as Ruby's YAML reads it;
    every other date without offset is a clock reading in the site's zone."""
    value = fields.value("date")
    if isinstance(value, Scalar):
        text = frontmatter.as_text(value)
        plain = not getattr(value, "quoted", False)
        is_utc = plain and _NAIVE_TIMESTAMP.fullmatch(text) is not None
        try:
            if instant := _parse_date(text, ZoneInfo("UTC") if is_utc else zone):
                return instant.astimezone(zone)
        except BadDate as error:
            fields.has_bad_date = True
            fields.findings.append(describe_bad_date(error, "date", line=getattr(value, "line", None) or None))
    elif value is not None:
        fields.has_bad_date = True
        fields.findings.append(describe_bad_date(BadDate(frontmatter.as_text(value)), "date"))
    return _read_name_date(name_date, zone) if name_date else None


_RUBY_DATES = (
    re.compile(r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)(?:(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)?)?"),
    re.compile(
        r"(?P<y>\d{4})[-/.](?P<m>\d\d?)[-/.](?P<d>\d\d?)(?:[Tt\s]+(?P<H>\d\d?):(?P<M>\d\d)(?::(?P<S>\d\d))?)?(?P<rest>[^:]*)"
    ),
    re.compile(r"(?P<d>\d\d?)/(?P<m>\d\d?)/(?P<y>\d{4})(?:\s+(?P<H>\d\d?):(?P<M>\d\d)(?::(?P<S>\d\d))?)?(?P<rest>[^:]*)"),
)


_RUBY_ZONES = frozenset(["UTC", "UT", "GMT", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "AM", "PM"])


def _parse_date(text: str, zone: ZoneInfo) -> datetime | None:
    """What Ruby's ``Time.parse`` makes of ``text``. Beyond :func:`parse_date` it reads bare digits, day/month/year, and a
    date with anything between it and its offset; it knows the names of few zones and passes over the others; of a clock
    reading that occurs twice it takes the second. Raises BadDate."""
    named = re.search(r"(?<=\d)\s+([A-Za-z]{2,5})\Z", text)
    if named and named[1].upper() not in _RUBY_ZONES:
        text = text[: named.start()]
    try:
        instant = parse_date(text, zone)
        return instant.replace(fold=1).astimezone(UTC).astimezone(zone) if instant and instant.tzinfo is zone else instant
    except BadDate:
        found = next((match for pattern in _RUBY_DATES if (match := pattern.fullmatch(text.strip()[:80]))), None)
        if found is None:
            raise
    parts = found.groupdict(default="00")
    offset = re.search(r"[+-]\d\d:?\d\d\Z", parts.get("rest", ""))
    clock = f"{parts['H']:0>2}:{parts['M']}:{parts['S']} {offset[0] if offset else ''}"
    return parse_date(f"{parts['y']}-{parts['m']:0>2}-{parts['d']:0>2} {clock}".rstrip(), zone)


def _read_name_date(text: str, zone: ZoneInfo) -> datetime | None:
    year, month, day = text.split("-")
    if len(year) == 2:
        year = ("20" if int(year) < 69 else "19") + year
    try:
        return parse_date(f"{year.zfill(4)}-{month.zfill(2)}-{day.zfill(2)}", zone)
    except BadDate:
        return None


def _titleise(slug: str) -> str:
    return " ".join(part[:1].title() + part[1:].lower() for part in re.sub(r"-+\Z", "", slug).split("-"))


def _set_draft(document: Document, place: Place, config: Mapping[str, Any]) -> None:
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


def _describe_ignored(place: Place) -> Finding:
    templates = {
        "undated": _("Jekyll leaves it out: a file in _posts needs a name like 2025-11-25-title.md. It stays a draft."),
        "no-config": _("Without the site's _config.yml nobody can tell whether this collection was public. It stays a draft."),
    }
    template = templates.get(place.reason, _("Jekyll leaves it out because of its name or place. It stays a draft."))
    return Finding("not-published-there", "warning", template)


# --- terms -------------------------------------------------------------------------------------------------------------


def _read_categories(fields: FieldReader, place: Place, defaults: Mapping[str, Any]) -> tuple[list[tuple[str, ...]], list[str]]:
    """Categories as paths of one (Jekyll has no tree), and as the list of texts that addresses are made of."""
    if place.kind not in ("post", "draft", "collection", "ignored") or not place.label:
        found = _plural(fields, "category", "categories")
        return [(name,) for name in found], found
    above, single = _folder_categories(place), list(sites.flatten_texts(fields.value("category")))
    # Folders, defaults and the file add up; everywhere else the file replaces the defaults.
    stated = (defaults.get("categories"), fields.value("categories"))
    names = dict.fromkeys([*above, *(name for value in stated for name in _split_or_list(value)), *single])
    # A term ends at a Japanese comma; to Jekyll, which made the address, it is a letter like any other.
    parts = dict.fromkeys([*above, *(part for value in stated for part in _words_or_list(value)), *single])
    return [(name,) for name in names], list(parts)


def _folder_categories(place: Place) -> list[str]:
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
    for word in _words_or_list(value):
        yield from [part for part in re.split("[、，\u3000]+", word) if part] if isinstance(value, Scalar) else [word]


def _words_or_list(value: Any) -> Iterator[str]:
    """A list's texts, or a text separated at blanks alone."""
    if isinstance(value, Scalar):
        yield from (word for word in re.split(r"[ \t\r\n\f\v\0]+", frontmatter.as_text(value)) if word)
    else:
        yield from sites.flatten_texts(value)


# --- addresses ---------------------------------------------------------------------------------------------------------


def _set_address(
    config: Mapping[str, Any],
    base_path: str,
    document: Document,
    fields: FieldReader,
    place: Place,
    slug: str,
    categories: list[str],
) -> None:
    stated, permalink = fields.own.get("permalink"), fields.text("permalink")
    document.permalink_stated = isinstance(stated, Scalar) and frontmatter.as_text(stated) != ""
    try:
        if _is_static(config, document, place):
            address = static_address(config, place)
        elif place.kind == "page" or not place.label:
            address = page_address(config, place, permalink)
        else:
            address = document_address(config, place, permalink, fields.text("slug") or slug, document.published_at, categories)
    except NoAddress as missing:
        _report_no_address(document, fields, str(missing))
        return
    decoded = sites.decode_address(sanitise(address))
    if decoded is None:
        fields.warn(
            "unsafe-address", _("The address “%(value)s” cannot be used; a new one is made."), "permalink", value=address[:80]
        )
        document.permalink_stated = False
        return
    document.permalink = sites.join_base(base_path, decoded)


def _report_no_address(document: Document, fields: FieldReader, missing: str) -> None:
    document.permalink_stated = False
    if missing == "date":
        fields.warn("no-date", _("Its old address depends on a date, and there is none. Give it a date."), "date")
    else:
        fields.warn(
            "unknown-placeholder", _("Jekyll knows no “:%(name)s” in an address; a new one is made."), "permalink", name=missing
        )


def _is_static(config: Mapping[str, Any], document: Document, place: Place) -> bool:
    """Without front matter Jekyll copies a file as it stands, but for posts; a byte order mark hides it from Jekyll too."""
    if place.kind in ("post", "draft") or (config["converts_without_front_matter"] and place.kind == "page"):
        return False
    source = document.source
    return place.kind in ("page", "collection") and (source.format != "yaml" or source.bom or not source.head.startswith("---"))
