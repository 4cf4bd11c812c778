"""Hugo sites: configuration, languages, bundles, cascades and the fields of a page, as Hugo 0.111 reads them.

The address rules are in :mod:`articles.formats.hugo_addresses`. Configuration and front matter keys know no case.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import encoding, frontmatter, sites, terms
from articles.formats.container import Container
from articles.formats.document import Cover, Document, FrontMatterFormat, Site, SiteFile, SourceText
from articles.formats.hugo_addresses import (
    PageFacts,
    PageKind,
    PathRules,
    Target,
    build_permalink,
    build_resource_folder,
    expand_permalink,
    match_path,
    resolve_alias,
    titleise,
)
from articles.formats.sites import FieldReader, ReadOptions, Recognition

NAME = "hugo"

_FORMATS: dict[str, FrontMatterFormat] = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
_OWN_CONFIGS = tuple(f"hugo{suffix}" for suffix in _FORMATS)
_SHARED_CONFIGS = tuple(f"config{suffix}" for suffix in _FORMATS)
# Keys of a config.toml that only Hugo knows; Zola spells base_url and has none of the others.
_HUGO_KEYS = frozenset(
    (
        "baseurl",
        "languagecode",
        "defaultcontentlanguage",
        "defaultcontentlanguageinsubdir",
        "disablekinds",
        "enableemoji",
        "permalinks",
        "mainsections",
        "pygmentsusesclasses",
        "uglyurls",
        "contentdir",
        "outputs",
        "outputformats",
        "paginate",
        "pagination",
        "summarylength",
        "enablerobotstxt",
        "enablegitinfo",
        "builddrafts",
        "buildfuture",
        "params",
        "menu",
        "menus",
        "privacy",
        "module",
    )
)
_ZOLA_KEYS = frozenset(
    ["base_url", "compile_sass", "build_search_index", "generate_feed", "generate_feeds", "feed_filename", "minify_html"]
)
_DATE_DEFAULTS = {
    "date": ("date", "publishdate", "lastmod"),
    "lastmod": (":git", "lastmod", "date", "publishdate"),
    "publishdate": ("publishdate", "date"),
    "expirydate": ("expirydate",),
}
_DATE_ALIASES = {"lastmod": ("modified",), "publishdate": ("pubdate", "published"), "expirydate": ("unpublishdate",)}
_FILE_SIGNS = frozenset(
    ["publishdate", "expirydate", "linktitle", "iscjklanguage", "cascade", "_build", "headless", "lastmod", "translationkey"]
)
_OTHER_MARKUP = frozenset({".org", ".adoc", ".asciidoc", ".ad", ".rst", ".pandoc", ".pdc"})
_PRIVATE_WORDS = frozenset({"draft", "private", "pending", "future", "下書き", "非公開"})
# In these languages the region decides how the text is written; elsewhere it is left out.
_WRITTEN_BY_REGION = frozenset({"zh", "pt"})
_CLIPPING = terms.identity("clippings")
_ASKED_AS = {name.lower(): name for name in ("ignorePublish", "canonicalURL", "featuredImage", "coverImage")}
_HEAD_BYTES = 8192
_DATE_LINE = re.compile(
    r"^[ \t]*[\"']?(date|publishdate|pubdate|published|lastmod|modified)[\"']?[ \t]*[:=][ \t]*(.+?),?[ \t\r]*$",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Language:
    """One language of a site. ``taxonomies`` maps the plural, which front matter uses, to the singular."""

    code: str
    name: str
    prefix: str
    timezone: str
    base_path: str
    title: str
    taxonomies: Mapping[str, str]
    permalinks: Mapping[str, Mapping[str, str]]
    is_ugly: bool
    ugly_sections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder that holds content: ``source`` in the site, ``target`` below ``content``; both end with ``/`` or are empty."""

    source: str
    target: str
    language: str


@dataclass(frozen=True, slots=True)
class Cascade:
    """Front matter that a branch hands down, and to which pages."""

    values: Mapping[str, Any]
    path: str = ""
    kind: str = ""
    language: str = ""


@dataclass(slots=True)
class Settings:
    """All that reading one document needs; plain data. Keys ``(language, folder)`` are of content folders."""

    languages: dict[str, Language]
    default_language: str
    mounts: tuple[Mount, ...]
    rules: PathRules
    date_keys: dict[str, tuple[str, ...]]
    disabled_kinds: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    has_math: bool = False
    cascades: dict[tuple[str, str], list[Cascade]] = field(default_factory=dict)
    leaves: dict[tuple[str, str], str] = field(default_factory=dict)
    branches: dict[tuple[str, str], str] = field(default_factory=dict)
    branch_slugs: dict[tuple[str, str], str] = field(default_factory=dict)
    newest: dict[tuple[str, str], tuple[datetime | None, datetime | None]] = field(default_factory=dict)
    has_sections: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a content file stands: its language, the folder it belongs to, and what it is there.

    ``folder`` is the branch's own for an ``_index``, the one above for a leaf bundle. ``owner`` is the leaf bundle of
    which the file is a mere resource.
    """

    language: Language
    kind: PageKind
    folder: str
    base_name: str
    is_leaf: bool
    owner: str | None
    path: str

    @property
    def name(self) -> str:
        """The name of the file, or of the folder for an ``index`` and an ``_index``."""
        return self.base_name or posixpath.basename(self.folder)


# --- recognition --------------------------------------------------------------------------------------------------


def recognise(container: Container, folder: str) -> Recognition:
    """Whether ``folder`` is the root of a Hugo site: by its configuration, else by ``archetypes`` beside ``content``.

    A ``config.*`` may be another generator's: it counts only with keys of Hugo's own and none of Zola's.
    """
    names = sites.entries(container, folder)
    if re.search(r"(?:^|/)config/[^/]+/$", folder):
        # The configuration of the site above, kept in several files.
        return ""
    if not names.isdisjoint(_OWN_CONFIGS):
        return "config"
    if "config/" in names and not sites.entries(container, f"{folder}config/_default/").isdisjoint(
        (*_OWN_CONFIGS, *_SHARED_CONFIGS)
    ):
        return "config"
    for name in sorted(names.intersection(_SHARED_CONFIGS)):
        keys = set(_lower_keys(sites.read_config(container, folder + name, _FORMATS[sites.suffix_of(name)])[0]))
        if not keys.isdisjoint(_HUGO_KEYS) and keys.isdisjoint(_ZOLA_KEYS):
            return "config"
        if keys:
            return ""
    return "shape" if "content/" in names and not names.isdisjoint({"archetypes/", "layouts/"}) else ""


def recognise_file(front_matter: Mapping[str, Any], path: str) -> bool:
    """Whether a lone file was written for Hugo: an ``_index``, a key that only Hugo has, or PaperMod's ``cover`` map."""
    if re.match(r"_index\.", posixpath.basename(path)):
        return not {"extra", "sort_by", "paginate_by"} & set(front_matter)
    keys = {key.lower() for key in front_matter}
    if {"taxonomies", "extra"} & keys:
        return False
    cover = front_matter.get("cover")
    return bool(keys & _FILE_SIGNS) or (isinstance(cover, Mapping) and "image" in cover)


# --- a site -------------------------------------------------------------------------------------------------------


def read_site(container: Container, folder: str, options: ReadOptions) -> Site:
    """Reads configuration, bundles and cascades of the Hugo site in ``folder``. Bad configuration gives findings."""
    config, findings = _read_config(container, folder)
    settings = read_settings(config, options)
    members = dict(sites.paths_under(container, folder))
    _mark_features(settings, config, members)
    if not any(path.startswith(mount.source) for mount in settings.mounts for path in members):
        settings.mounts = (Mount("", "", ""),)
    _survey_bundles(settings, members)
    _survey_branches(container, folder, settings, members, options)
    default = settings.languages[settings.default_language]
    base_url, base_path = sites.split_base_url(_text(config.get("baseurl")))
    site = Site(
        root=folder,
        dialect=NAME,
        name=sites.propose_name(base_url, folder, container.name),
        base_url=base_url,
        base_path=base_path,
        timezone=default.timezone,
        language=default.name,
        title=default.title,
        encoding=options.encoding,
        config={"hugo": settings},
        findings=findings,
    )
    site.files = _sort_files(container, site, settings, config, members)
    site.fingerprint = sites.fingerprint(repr(settings), options.encoding, options.language)
    return site


def _read_config(container: Container, folder: str) -> tuple[dict[str, Any], list[Finding]]:
    """The merged configuration with lower-case keys: the root file, then ``config/_default``, then ``config/production``."""
    config: dict[str, Any] = {}
    findings: list[Finding] = []
    root = next((name for name in (*_OWN_CONFIGS, *_SHARED_CONFIGS) if f"{folder}{name}" in container.members), "")
    for path in ([root] if root else []) + _find_config_files(container, folder):
        read, problems = sites.read_config(container, folder + path, _FORMATS[sites.suffix_of(path)])
        findings += problems
        config = sites.merge_config(config, _nest_config(_lower_keys(read), path))
    return config, findings


def _find_config_files(container: Container, folder: str) -> list[str]:
    found = [
        path
        for part in ("config/_default/", "config/production/")
        for path, _size in sites.paths_under(container, folder + part)
        for path in (part + path,)
        if sites.suffix_of(path) in _FORMATS and path.count("/") == 2
    ]
    return sorted(
        found, key=lambda path: (not path.startswith("config/_default/"), _config_name(path) not in ("hugo", "config"), path)
    )


def _config_name(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0].lower()


def _nest_config(values: dict[str, Any], path: str) -> dict[str, Any]:
    """``permalinks.toml`` holds what stands under ``permalinks``; ``params.ja.toml`` what ``languages.ja.params`` holds."""
    name = _config_name(path)
    if "/" not in path or name in ("hugo", "config"):
        return values
    key, _dot, language = name.partition(".")
    return {"languages": {language: {key: values}}} if language else {key: values}


def _lower_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key).lower(): _lower_keys(item) for key, item in value.items()}
    return [_lower_keys(item) for item in value] if isinstance(value, list) else value


def read_settings(config: Mapping[str, Any], options: ReadOptions) -> Settings:
    """The settings that a merged configuration with lower-case keys states; bundles and branches are not yet known."""
    stated = {code: _mapping(values) for code, values in _mapping(config.get("languages")).items()}
    default = _text(config.get("defaultcontentlanguage")).lower() or "en"
    if stated and default not in stated:
        default = min(stated, key=lambda code: (_number(stated[code].get("weight")), code))
    if not stated:
        stated = {default: {}}
    is_multihost = any(values.get("baseurl") for values in stated.values())
    in_folder = _flag(config.get("defaultcontentlanguageinsubdir"))
    languages = {
        code: _read_language(
            code,
            config,
            values,
            options,
            prefix="" if is_multihost or len(stated) == 1 or (code == default and not in_folder) else code,
            name=_name_language(code, config, options),
        )
        for code, values in stated.items()
    }
    rules = PathRules(_flag(config.get("disablepathtolower")), _flag(config.get("removepathaccents")))
    settings = Settings(languages, default, _read_mounts(config, stated), rules, _read_date_keys(config))
    settings.disabled_kinds = tuple(kind.lower() for kind in _texts(config.get("disablekinds")))
    settings.cascades[("", "")] = _read_cascades(config.get("cascade"))
    return settings


def _name_language(code: str, config: Mapping[str, Any], options: ReadOptions) -> str:
    """The language of the text. A site with one unnamed language is "en" to Hugo; ``languageCode`` knows better, or nobody does."""
    if config.get("languages") or config.get("defaultcontentlanguage"):
        return code
    tag = _text(config.get("languagecode") or config.get("locale")).replace("_", "-").lower()
    main = tag.partition("-")[0]
    return (tag if main in _WRITTEN_BY_REGION else main) or options.language


def _read_language(
    code: str, config: Mapping[str, Any], own: Mapping[str, Any], options: ReadOptions, *, prefix: str, name: str
) -> Language:
    def setting(key: str) -> Any:
        return own.get(key) if own.get(key) is not None else config.get(key)

    taxonomies = setting("taxonomies")
    if taxonomies is None:
        taxonomies = {"category": "categories", "tag": "tags"}
    ugly = setting("uglyurls")
    return Language(
        code=code,
        name=name,
        prefix=prefix,
        timezone=sites.zone_named(_text(setting("timezone")), sites.zone_named(options.timezone)),
        base_path=sites.split_base_url(_text(setting("baseurl")))[1],
        title=_text(setting("title")),
        taxonomies={_text(plural): singular for singular, plural in _mapping(taxonomies).items() if _text(plural)},
        permalinks=_read_permalinks(setting("permalinks")),
        is_ugly=not isinstance(ugly, Mapping) and _flag(ugly),
        ugly_sections=tuple(sorted(key for key, value in _mapping(ugly).items() if _flag(value))),
    )


def _read_permalinks(value: Any) -> dict[str, dict[str, str]]:
    """Patterns by kind and section. Hugo up to 0.111 has one map for pages and terms; later ones have one for each kind."""
    patterns: dict[str, dict[str, str]] = {"page": {}, "term": {}, "section": {}, "taxonomy": {}}
    for key, item in _mapping(value).items():
        if isinstance(item, Mapping):
            patterns.setdefault(key, {}).update({_section_key(name): _text(pattern) for name, pattern in item.items()})
        elif pattern := _text(item):
            patterns["page"][_section_key(key)] = patterns["term"][_section_key(key)] = pattern
    return patterns


def _section_key(key: str) -> str:
    return key.strip(" /")


def _read_date_keys(config: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    stated = _mapping(config.get("frontmatter"))
    return {name: _expand_date_keys(_texts(stated.get(name)) or defaults, defaults) for name, defaults in _DATE_DEFAULTS.items()}


def _expand_date_keys(keys: Sequence[str], defaults: Sequence[str]) -> tuple[str, ...]:
    lowered = [key.lower() for key in keys]
    expanded = [name for key in lowered for name in (defaults if key == ":default" else (key,))]
    return tuple(dict.fromkeys(alias for key in expanded for alias in (key, *_DATE_ALIASES.get(key, ()))))


def _read_mounts(config: Mapping[str, Any], languages: Mapping[str, Mapping[str, Any]]) -> tuple[Mount, ...]:
    """Content folders, the longest first. Mounts of the configuration replace ``contentDir``."""
    mounts = [
        Mount(source, _as_folder(target.removeprefix("content").strip("/")), _mount_language(entry))
        for entry in _list(_mapping(config.get("module")).get("mounts"))
        if isinstance(entry, Mapping)
        for source, target in [(_as_folder(_text(entry.get("source"))), _text(entry.get("target")).strip("/"))]
        if (target == "content" or target.startswith("content/")) and not source.startswith("../")
    ]
    if not mounts:
        common = _text(config.get("contentdir")) or "content"
        by_language = any(values.get("contentdir") for values in languages.values())
        mounts = [
            Mount(_as_folder(_text(values.get("contentdir")) or common), "", code if by_language else "")
            for code, values in languages.items()
        ]
    return tuple(sorted(dict.fromkeys(mounts), key=lambda mount: (-len(mount.source), mount.source, mount.language)))


def _mount_language(entry: Mapping[str, Any]) -> str:
    matrix = _mapping(_mapping(entry.get("sites")).get("matrix"))
    return (_text(entry.get("lang")) or next(iter(_texts(matrix.get("languages"))), "")).lower()


def _as_folder(path: str) -> str:
    clean = posixpath.normpath(path.strip("/") or ".")
    return "" if clean == "." else clean + "/"


def _mark_features(settings: Settings, config: Mapping[str, Any], members: Mapping[str, int]) -> None:
    """What the site's Markdown can do, by ``markup.goldmark`` and the render hooks of its templates."""
    goldmark = _mapping(_mapping(config.get("markup")).get("goldmark"))
    extensions = _mapping(goldmark.get("extensions"))
    parser = _mapping(goldmark.get("parser"))
    attribute = _mapping(parser.get("attribute"))
    extras = _mapping(extensions.get("extras"))
    passthrough = _mapping(extensions.get("passthrough"))
    inline = _list(_mapping(passthrough.get("delimiters")).get("inline"))
    has_passthrough = _flag(passthrough.get("enable"))
    switches = {
        "tables": _flag(extensions.get("table"), True),
        "strikethrough": _flag(extensions.get("strikethrough"), True),
        "autolinks": _flag(extensions.get("linkify"), True),
        "tasklists": _flag(extensions.get("tasklist"), True),
        "footnotes": _is_on(extensions.get("footnote")),
        "definition_lists": _flag(extensions.get("definitionlist"), True),
        "typographer": _is_on(extensions.get("typographer")),
        "attributes": _flag(attribute.get("title"), True),
        "block_attributes": _flag(attribute.get("block")),
        "hardbreaks": _flag(_mapping(goldmark.get("renderer")).get("hardwraps")),
        "emoji": _flag(config.get("enableemoji")),
        "highlight": _flag(_mapping(extras.get("mark")).get("enable")),
        "passthrough": has_passthrough,
        "math": has_passthrough and any("$" in _texts(pair) for pair in inline),
        "callouts": any("_markup/render-blockquote" in path for path in members),
        "shortcodes": True,
    }
    settings.features = tuple(sorted(name for name, is_on in switches.items() if is_on))
    params = _mapping(config.get("params"))
    settings.has_math = any(_flag(params.get(key)) for key in ("math", "katex", "mathjax"))


def _is_on(value: Any) -> bool:
    """An extension that is a switch, or a map with ``enable`` (later versions) or ``disable``; on by default."""
    if isinstance(value, Mapping):
        return _flag(value.get("enable"), True) and not _flag(value.get("disable"))
    return _flag(value, True)


# --- bundles, branches, cascades ------------------------------------------------------------------------------------


def _survey_bundles(settings: Settings, members: Mapping[str, int]) -> None:
    """Notes which content folders are leaf bundles (``index.md``) and which are branches (``_index.md``)."""
    for path in members:
        if not _is_page_file(path) or (found := _locate(settings, path)) is None:
            continue
        language, folder, stem = found
        if stem == "index" and folder:
            settings.leaves[(language, folder)] = path
        elif stem == "_index":
            settings.branches[(language, folder)] = path
        settings.has_sections = settings.has_sections or (bool(folder) and stem not in ("index", "_index"))


def _is_page_file(path: str) -> bool:
    suffix = sites.suffix_of(path)
    return suffix in sites.MARKDOWN_SUFFIXES or suffix in sites.HTML_SUFFIXES


def _locate(settings: Settings, path: str) -> tuple[str, str, str] | None:
    """Language, content folder and name (no suffix, no language) of a file; ``None`` outside the content folders."""
    mount = next((mount for mount in settings.mounts if path.startswith(mount.source)), None)
    if mount is None:
        return None
    folder, name = posixpath.split(mount.target + path[len(mount.source) :])
    stem = posixpath.splitext(name)[0]
    language = mount.language if mount.language in settings.languages else settings.default_language
    base, dot, code = stem.rpartition(".")
    if dot and base and code in settings.languages:
        stem, language = base, code
    # Hugo takes any index.* for a bundle, be the middle part a language or not.
    for name in ("index", "_index"):
        if stem.startswith(name + "."):
            stem = name
    return language, folder, stem


def _find_place(settings: Settings, path: str) -> Place | None:
    located = _locate(settings, path)
    if located is None:
        return None
    code, folder, stem = located
    language = settings.languages[code]
    logical = posixpath.join("/", folder) if stem in ("index", "_index") else posixpath.join("/", folder, stem)
    owner = _find_owner(settings, code, posixpath.dirname(folder) if stem == "index" else folder)
    if stem == "_index" and owner is None:
        return Place(language, _kind_of_branch(folder, language), folder, "", False, None, logical)
    if stem == "index" and folder and owner is None:
        above, base_name = posixpath.split(folder)
        return Place(language, "page", above, base_name, True, None, logical)
    return Place(language, "page", folder, stem, False, owner, logical)


def _find_owner(settings: Settings, language: str, folder: str) -> str | None:
    while folder:
        if (language, folder) in settings.leaves:
            return folder
        folder = posixpath.dirname(folder)
    return None


def _kind_of_branch(folder: str, language: Language) -> PageKind:
    if not folder:
        return "home"
    if folder in language.taxonomies:
        return "taxonomy"
    return "term" if folder.partition("/")[0] in language.taxonomies else "section"


def _survey_branches(
    container: Container, root: str, settings: Settings, members: Mapping[str, int], options: ReadOptions
) -> None:
    """Reads every ``_index``: what it hands down, its slug, and whether its date must come from the pages below it."""
    undated: list[tuple[str, str]] = []
    for key, path in sorted(settings.branches.items()):
        values = _lower_keys(_read_head(container, root + path, options))
        if cascades := _read_cascades(values.get("cascade")):
            settings.cascades[key] = cascades
        settings.branch_slugs[key] = _text(values.get("slug")) or _text(values.get("title"))
        if not any(values.get(name) for names in settings.date_keys.values() for name in names):
            undated.append(key)
    if undated:
        _date_branches(container, root, settings, members, undated)


def _read_head(container: Container, path: str, options: ReadOptions) -> dict[str, Any]:
    """The front matter of one file; nothing where it is refused, which its own reading will report."""
    try:
        source = encoding.decode_source(container.read(path), encoding=options.encoding)
        return dict(frontmatter.parse(source.head, source.format))
    except RefusedFile:
        return {}


def _read_cascades(value: Any) -> list[Cascade]:
    cascades = []
    for entry in _list(value) if isinstance(value, list) else [value]:
        if not isinstance(entry, Mapping):
            continue
        values = _fold_keys(entry)
        target = _fold_keys(_mapping(values.pop("_target", None)) or _mapping(values.pop("target", None)))
        values.update(_fold_keys(_mapping(values.pop("params", None))))
        cascades.append(Cascade(values, _text(target.get("path")), _text(target.get("kind")), _text(target.get("lang"))))
    return cascades


def _date_branches(
    container: Container, root: str, settings: Settings, members: Mapping[str, int], undated: Sequence[tuple[str, str]]
) -> None:
    """A section without dates has the newest date and change of the pages below it (Hugo's rule)."""
    wanted = set(undated)
    for path in members:
        located = _locate(settings, path) if _is_page_file(path) else None
        if located is None or not any((located[0], folder) in wanted for folder in _folders_above(located[1])):
            continue
        found = _scan_dates(container.read(root + path)[:_HEAD_BYTES], settings, located)
        for key in ((located[0], folder) for folder in _folders_above(located[1])):
            if key in wanted:
                old = settings.newest.get(key, (None, None))
                settings.newest[key] = (_later(old[0], found[0]), _later(old[1], found[1]))


def _folders_above(folder: str) -> Iterator[str]:
    """``a/b``, ``a`` and the top folder."""
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment), default=None)


def _scan_dates(data: bytes, settings: Settings, located: tuple[str, str, str]) -> tuple[datetime | None, datetime | None]:
    """Date and last change by the lines of a front matter block: a full parse of every page for this would be dear."""
    text = data.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    mark = text[:3]
    end = text.find("\n" + mark, 3) if mark in ("---", "+++") else len(text) if text.startswith("{") else 0
    values = {key.lower(): value for key, value in _DATE_LINE.findall(text[: max(end, 0)])}
    code, folder, stem = located
    zone = ZoneInfo(settings.languages[code].timezone)

    def read(key: str) -> datetime | None:
        if key == ":filename":
            return _date_in_name(posixpath.basename(folder) if stem == "index" else stem, zone)[0]
        return sites.parse_or_none(values.get(key, "").partition(" #")[0].strip("\"' "), zone)

    chains = (settings.date_keys["date"], settings.date_keys["lastmod"])
    date, lastmod = (next((moment for key in keys if (moment := read(key))), None) for keys in chains)
    return date, lastmod


def _date_in_name(name: str, zone: ZoneInfo) -> tuple[datetime | None, str]:
    """``2024-05-06-hello`` is a date and a slug, as ``:filename`` reads it."""
    if not re.match(r"\d{4}-\d\d-\d\d", name):
        return None, ""
    return sites.parse_or_none(name[:10], zone), name[10:].strip(" -_")


# --- the files ------------------------------------------------------------------------------------------------------


def _sort_files(
    container: Container, site: Site, settings: Settings, config: Mapping[str, Any], members: Mapping[str, int]
) -> dict[str, SiteFile]:
    static = _find_static_folders(config)
    assets = _as_folder(_text(config.get("assetdir")) or "assets")
    folders: dict[str, str] = {}

    def folder_of(index: str) -> str:
        """Where a bundle's resources are published; read once, and only for bundles that hold some."""
        if index not in folders:
            folders[index] = _read_resource_folder(container, site, index)
        return folders[index]

    files = {}
    for path, size in members.items():
        role, reason, public = "site_file", "", ()
        suffix = sites.suffix_of(path)
        if reason := sites.skip_reason(path):
            role = "skipped"
        elif any(path.startswith(mount.source) for mount in settings.mounts):
            role, reason = _role_in_content(container, site.root + path, suffix)
            if role == "attachment":
                public = tuple(_public_paths(settings, path, folder_of))
        elif suffix in sites.ATTACHMENT_SUFFIXES and (source := next((s for s in (*static, assets) if path.startswith(s)), None)):
            role = "attachment"
            public = (sites.join_base(site.base_path, static.get(source, "") + path[len(source) :]),)
        files[path] = SiteFile(path, role, size, reason, public)
    return files


def _find_static_folders(config: Mapping[str, Any]) -> dict[str, str]:
    """Folders that are published as they stand, and below which path."""
    own = [values.get("staticdir") for values in map(_mapping, _mapping(config.get("languages")).values())]
    folders = {_as_folder(text): "" for value in (config.get("staticdir"), *own) for text in _texts(value)}
    for entry in map(_mapping, _list(_mapping(config.get("module")).get("mounts"))):
        target = _text(entry.get("target")).strip("/")
        if target == "static" or target.startswith("static/"):
            folders[_as_folder(_text(entry.get("source")))] = _as_folder(target.removeprefix("static").strip("/"))
    return {source: target for source, target in folders.items() if source} or {"static/": ""}


def _role_in_content(container: Container, path: str, suffix: str) -> tuple[Any, str]:
    if suffix in sites.MARKDOWN_SUFFIXES or suffix in sites.HTML_SUFFIXES:
        return "document", ""
    if suffix in sites.TEXT_SUFFIXES and sites.has_front_matter(container.read(path)):
        return "document", ""
    if suffix in _OTHER_MARKUP:
        return "site_file", _("It is written in another markup language than Markdown and is kept as it stands.")
    return ("attachment", "") if suffix in sites.ATTACHMENT_SUFFIXES else ("site_file", "")


def _public_paths(settings: Settings, path: str, folder_of: Callable[[str], str]) -> Iterator[str]:
    """Where Hugo publishes a file of a content folder: with its bundle, else where it stands."""
    mount = next(mount for mount in settings.mounts if path.startswith(mount.source))
    inside = mount.target + path[len(mount.source) :]
    folder = posixpath.dirname(inside)
    is_found = False
    for code in settings.languages:
        bundle = _find_owner(settings, code, folder)
        index = settings.leaves[(code, bundle)] if bundle else settings.branches.get((code, folder))
        if index and (published := folder_of(index)):
            is_found = True
            yield published + (posixpath.relpath(inside, bundle) if bundle else posixpath.basename(inside))
    if not is_found:
        language = settings.languages.get(mount.language) or settings.languages[settings.default_language]
        yield sites.join_base(language.base_path, posixpath.join(language.prefix, inside))


def _read_resource_folder(container: Container, site: Site, path: str) -> str:
    try:
        source = encoding.decode_source(container.read(site.root + path), encoding=site.encoding)
        document = read_document(site, path, source, frontmatter.parse(source.head, source.format), "")
    except RefusedFile:
        return ""
    return build_resource_folder(document.permalink, is_stated=document.permalink_stated) if document.permalink else ""


# --- a document -----------------------------------------------------------------------------------------------------


def _fold_key(key: Any) -> str:
    """One spelling for keys that know no case: lower, but as the shared readers ask for them."""
    lowered = str(key).lower()
    return _ASKED_AS.get(lowered, lowered)


def _fold_keys(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {_fold_key(key): value for key, value in mapping.items()}


def read_document(site: Site, path: str, source: SourceText, front_matter: Mapping[str, Any], sha256: str) -> Document:
    """One page as Hugo reads it in ``site``; a lone file of another root is read with Hugo's defaults and no address.

    Raises :class:`RefusedFile` for more terms than one text may have.
    """
    settings = site.config.get("hugo") if site.dialect == NAME else None
    page = _Page(site, settings or _defaults_for(site), path, source, front_matter, sha256)
    if settings is None:
        page.document.permalink = None
    return page.document


def _defaults_for(site: Site) -> Settings:
    settings = read_settings({}, ReadOptions(timezone=site.timezone, language=site.language))
    settings.mounts = (Mount("", "", ""),)
    _mark_features(settings, {}, {})
    return settings


class _Page:
    """Reads one document; its steps share the merged front matter and the place in the content folder."""

    def __init__(
        self, site: Site, settings: Settings, path: str, source: SourceText, front_matter: Mapping[str, Any], sha256: str
    ) -> None:
        self.site = site
        self.settings = settings
        place = _find_place(settings, path)
        if place is None:
            language = settings.languages[settings.default_language]
            place = Place(
                language,
                "page",
                posixpath.dirname(path),
                posixpath.splitext(posixpath.basename(path))[0],
                False,
                None,
                "/" + path,
            )
        self.place = place
        self.zone = ZoneInfo(place.language.timezone)
        self.suffix = sites.suffix_of(path)
        own = _fold_keys(front_matter)
        self.fields = FieldReader(own, self.zone)
        self.fields.values = self.values = self._merge_values(own)
        self.document = Document(path, sha256, NAME, source, title="", flavour=self._find_flavour())
        self._read(front_matter)

    def _merge_values(self, own: dict[str, Any]) -> dict[str, Any]:
        """The file's keys, its ``params``, then what the branches above hand down, the nearest first, then the site."""
        values = dict(own)
        for key, value in _fold_keys(_mapping(own.get("params"))).items():
            values.setdefault(key, value)
        code = self.place.language.code
        start = self.place.folder
        levels = [self.settings.cascades.get((code, folder), []) for folder in _folders_above(start)]
        for cascade in (cascade for level in (*levels, self.settings.cascades.get(("", ""), [])) for cascade in level):
            if self._matches(cascade):
                for key, value in cascade.values.items():
                    values.setdefault(key, value)
        # To Hugo a status is a field of the theme like any other; only a word that plainly says "not public" counts.
        for key in ("status", "state", "post_status", "visibility"):
            if _text(values.get(key)).casefold() not in _PRIVATE_WORDS:
                values.pop(key, None)
        return values

    def _matches(self, cascade: Cascade) -> bool:
        place = self.place
        paths = (place.path, place.path + ".md")
        return (
            (not cascade.path or any(match_path(cascade.path, path) for path in paths))
            and (not cascade.kind or match_path(cascade.kind, place.kind))
            and (not cascade.language or match_path(cascade.language, place.language.code))
        )

    def _find_flavour(self) -> Any:
        return "html" if self.suffix in sites.HTML_SUFFIXES or _text(self.values.get("markup")) == "html" else "commonmark"

    def _read(self, front_matter: Mapping[str, Any]) -> None:
        document, fields, language = self.document, self.fields, self.place.language
        stated = fields.text("title")
        document.source_title = stated or None
        self._read_dates()
        self._read_address(stated)
        self._read_terms()
        self._check_build_options()
        self._check_origin()
        document.language = language.name
        document.kind = self._find_kind()
        document.features = self._find_features()
        document.translation_key = self._find_translation_key()
        document.cover = self._find_cover()
        document.canonical_url = fields.url("canonicalURL", "canonical", "canonical_url")
        sites.fill_common(document, fields, base_path=language.base_path)
        if not stated:
            document.title = fields.text("linktitle") or self._title_without_key()
        document.front_matter = front_matter
        document.known_keys = frozenset(key for key in front_matter if _fold_key(key) in fields.known)

    def _title_without_key(self) -> str:
        """H1, else the site's title for home, else the folder's name made a title as Hugo does for a section."""
        place, document = self.place, self.document
        if document.flavour != "html" and (heading := sites.first_heading(document.source.body)):
            return heading
        if place.kind == "home" and place.language.title:
            return place.language.title
        if place.kind != "page" and place.folder:
            return titleise(posixpath.basename(place.folder)) or document.title
        return document.title

    # dates

    def _read_dates(self) -> None:
        """``published_at`` is the date shown, or the later ``publishDate`` before which Hugo does not publish."""
        keys = self.settings.date_keys
        self.dates: dict[str, datetime | None] = {}
        self.date = self._read_date(keys["date"])
        lastmod = self._read_date(keys["lastmod"])
        if self.place.kind != "page" and not self.date and not lastmod:
            newest = self.settings.newest.get((self.place.language.code, self.place.folder), (None, None))
            self.date, lastmod = newest
        self.document.published_at = _later(self.date, self._read_date(keys["publishdate"]))
        self.document.updated_at = lastmod
        self.document.expires_at = self._read_date(keys["expirydate"])

    def _read_date(self, keys: Sequence[str]) -> datetime | None:
        """The first of ``keys`` that names a date. A key stands in several chains, and is read once."""
        for key in keys:
            if key not in self.dates:
                self.dates[key] = self._read_date_key(key)
            if moment := self.dates[key]:
                return moment
        return None

    def _read_date_key(self, key: str) -> datetime | None:
        if key == ":filename":
            return _date_in_name(self.place.name, self.zone)[0]
        return None if key.startswith(":") or self._is_switch(key) else self.fields.date(key)

    def _is_switch(self, key: str) -> bool:
        """``published: false`` is a state, not a date."""
        return key == "published" and frontmatter.as_bool(self.values.get(key)) is not None

    # address

    def _read_address(self, title: str) -> None:
        document, place, settings = self.document, self.place, self.settings
        slug = self._read_slug()
        if place.owner is not None or self.suffix in sites.TEXT_SUFFIXES:
            return
        url = self.fields.text("url")
        if url and re.match(r"https?:", url, re.IGNORECASE):
            url = sites.clean_address(re.sub(r"^https?://[^/]*", "", url, flags=re.IGNORECASE) or "/") or ""
        for key, value in (("url", url), ("slug", slug)):
            if value and not _is_safe_part(value):
                self.fields.warn_of_address(key, value)
                url, slug = ("", slug) if key == "url" else (url, "")
        if ":" in url:
            # Tokens in a stated address came with Hugo 0.131.
            url = expand_permalink(url, self._collect_facts(title, slug), settings.rules) or url
        expanded = "" if url else self._expand(title, slug)
        is_ugly = place.language.is_ugly or self._section() in place.language.ugly_sections
        target = Target(place.kind, place.folder, slug or place.base_name, url, expanded, place.language.prefix, is_ugly)
        if self._is_raw_file():
            path = "/" + posixpath.join(place.language.prefix, place.folder, posixpath.basename(document.path))
        else:
            path = build_permalink(target, settings.rules)
        address = sites.decode_address(path)
        if address is not None:
            document.permalink = sites.join_base(place.language.base_path, address)
            document.permalink_stated = bool(url)
            document.aliases = self._read_aliases(address)

    def _is_raw_file(self) -> bool:
        """HTML without front matter is published as a file, not made into a page."""
        return self.suffix in sites.HTML_SUFFIXES and not self.document.source.head

    def _read_slug(self) -> str:
        """The slug as Hugo writes it into the address; a safe form of it becomes ``Document.slug``."""
        stated = self.fields.text("slug").strip("-")
        if stated:
            self.document.slug = self.fields.slug("slug")
        elif not self.fields.has("slug") and self._is_dated_by_name():
            _date, stated = _date_in_name(self.place.name, self.zone)
            self.document.slug = terms.slugify(stated) if stated else ""
        return stated

    def _is_dated_by_name(self) -> bool:
        """Whether the ``date`` chain got as far as ``:filename``: reading stops at the first key that names a date."""
        for key in self.settings.date_keys["date"]:
            if key == ":filename":
                return True
            if self.dates.get(key):
                return False
        return False

    def _section(self) -> str:
        return self.place.folder.partition("/")[0]

    def _expand(self, title: str, slug: str) -> str:
        pattern = self.place.language.permalinks.get(self.place.kind, {}).get(self._section(), "")
        return expand_permalink(pattern, self._collect_facts(title, slug), self.settings.rules) if pattern else ""

    def _collect_facts(self, title: str, slug: str) -> PageFacts:
        """What a pattern may ask of this page."""
        code, sections = self.place.language.code, self._current_sections()
        slugs = (
            self.settings.branch_slugs.get((code, "/".join(sections[: index + 1])), "") or name
            for index, name in enumerate(sections)
            if name
        )
        return PageFacts(title, slug, self.place.name, self._section(), sections, self.date, list(slugs))

    def _current_sections(self) -> list[str]:
        """The nearest folder above that is a section: one with an ``_index``, else the first.

        To Hugo 0.111 a first folder without an ``_index`` has an empty part behind it, which ``:sections[last]`` finds.
        """
        place = self.place
        if place.kind != "page":
            return place.folder.split("/")
        for folder in _folders_above(place.folder):
            if folder and (place.language.code, folder) in self.settings.branches:
                return folder.split("/")
        return [self._section(), ""] if place.folder else []

    def _read_aliases(self, address: str) -> list[str]:
        """``aliases``: relative ones start beside the page. The key is done with afterwards."""
        resolved = []
        for alias in self.fields.texts("aliases"):
            if alias.startswith("//") or "\\" in alias or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", alias):
                resolved.append(alias)
            else:
                is_stated, is_ugly = self.document.permalink_stated, self.place.language.is_ugly
                # An alias is a path as it stands: what would end a path in an address is part of it.
                path = resolve_alias(alias, address, is_stated=is_stated, is_ugly=is_ugly) or alias
                resolved.append(path.replace("#", "%23").replace("?", "%3F"))
        self.values["aliases"] = resolved
        aliases = self.fields.aliases(self.document.permalink, "aliases", base_path=self.place.language.base_path)
        self.values.pop("aliases", None)
        return aliases

    # everything else

    def _read_terms(self) -> None:
        names = {singular: _fold_key(plural) for plural, singular in self.place.language.taxonomies.items()}
        self.document.categories = [(text,) for text in self.fields.texts(names.get("category", "categories"), "categories")]
        self.document.tags = self.fields.texts(names.get("tag", "tags"), "tags")
        self.document.series = next(iter(self.fields.texts(names.get("series", "series"), "series")), "")
        order = self.fields.integer("series_order")
        self.document.series_order = order if order is not None else self.fields.integer("series_weight")
        author_key = names.get("author", "authors")
        self.document.authors = self.fields.authors("author", author_key, *([] if author_key == "authors" else ["authors"]))

    def _check_build_options(self) -> None:
        """Pages that the old site never rendered have no address; those that no list showed either stay drafts."""
        options = _mapping(self.values.get("build")) or _mapping(self.values.get("_build"))
        listed, render = _text(options.get("list")).lower(), _text(options.get("render")).lower()
        is_headless = self.place.is_leaf and frontmatter.as_bool(self.values.get("headless")) is True
        self.is_listed = listed not in ("never", "local", "false")
        if self.place.owner is not None:
            self._withhold(
                _("It is a resource of the bundle “%(value)s”, which showed it; it stays a draft with no address of its own."),
                self.place.owner,
            )
        elif is_headless or (render in ("never", "false") and listed in ("never", "false")):
            self._withhold(_("The old site showed it nowhere by itself (%(value)s); it stays a draft."), "render: never")
        elif render in ("never", "false", "link") or self.place.kind in self.settings.disabled_kinds:
            self._withhold(
                _("The old site showed it in lists only (%(value)s); it becomes a page of its own. Check that it should."),
                f"render: {render or 'never'}",
                is_draft=False,
            )

    def _check_origin(self) -> None:
        """Sites kept with Obsidian hold its web clippings too: somebody else's text, whose author is no byline here."""
        if _CLIPPING not in map(terms.identity, self.document.tags):
            return
        self.document.draft = True
        self.document.authors = []
        for key in ("author", "authors"):
            self.values.pop(key, None)
            self.fields.known.discard(key)
        self.document.findings.append(
            Finding("web-clipping", "warning", _("This is a clipping of somebody else's page; it stays a private draft."))
        )

    def _withhold(self, template: str, value: str, *, is_draft: bool = True) -> None:
        document = self.document
        document.draft = document.draft or is_draft
        if value != "render: link":
            document.permalink, document.permalink_stated, document.aliases = None, False, []
        document.findings.append(Finding("not-rendered", "info", template, {"value": value}))

    def _find_kind(self) -> Any:
        """Articles are dated pages in a section; at the top only on a site that has no sections."""
        if self.place.kind != "page" or not self.is_listed or not self.document.published_at:
            return "page"
        return "article" if self.place.folder or not self.settings.has_sections else "page"

    def _find_features(self) -> frozenset[str]:
        """The site's; a page that asks its theme for formulas gets those between ``$$`` and ``\\(`` … ``\\)``."""
        asks = [frontmatter.as_bool(self.values.get(key)) for key in ("math", "katex", "mathjax")]
        has_math = True in asks or (self.settings.has_math and False not in asks)
        return frozenset(self.settings.features) | (frozenset({"passthrough"}) if has_math else frozenset())

    def _find_translation_key(self) -> str:
        """Hugo's own key: kind and path without language, or what the front matter states."""
        place = self.place
        if stated := self.fields.text("translationkey"):
            return f"{place.kind}/{stated}"
        if place.kind != "page":
            return posixpath.join(place.kind, place.folder).rstrip("/")
        return posixpath.join("page", place.folder, place.base_name, "index" if place.is_leaf else "").rstrip("/")

    def _find_cover(self) -> Cover | None:
        """The theme's cover, else ``images`` of Hugo's own templates, else a resource named as one."""
        names = ("cover", "featured_image", "featuredImage", "featureimage", "image", "thumbnail", "banner", "images")
        if cover := self.fields.cover(*names):
            return cover
        for entry in map(_mapping, _list(self.values.get("resources"))):
            name, target = _text(entry.get("name")).lower(), _text(entry.get("src"))
            if target and "*" not in target and re.match(r"(cover|feature|thumb|header|banner)", name):
                return Cover(target, _text(_mapping(entry.get("params")).get("alt")), _text(entry.get("title")))
        return None


# --- readings of configuration values -------------------------------------------------------------------------------


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, Mapping | list) else frontmatter.as_text(value).strip()


def _texts(value: Any) -> list[str]:
    return [text for item in (value if isinstance(value, list) else [value]) if (text := _text(item))]


def _flag(value: Any, default: bool = False) -> bool:
    said = None if value is None or isinstance(value, Mapping | list) else frontmatter.as_bool(value)
    return default if said is None else said


def _is_safe_part(text: str) -> bool:
    """Whether a slug or a stated address stays on this site, below the folder it is put in."""
    return sites.decode_address("/" + text.lstrip("/")) is not None and not text.startswith("//")


def _number(value: Any) -> int:
    text = _text(value)
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else 0
