"""A Hugo site as its files state it: configuration, languages, content folders, bundles and what branches hand down.

Plain data for :mod:`articles.formats.hugo`, which reads the pages. Keys of a configuration know no case.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from articles.findings import Finding, RefusedFile
from articles.formats import encoding, frontmatter, sites
from articles.formats.container import Container
from articles.formats.document import FrontMatterFormat
from articles.formats.hugo_addresses import PageKind, PathRules, clean_path
from articles.formats.sites import ReadOptions

FORMATS: dict[str, FrontMatterFormat] = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
OWN_CONFIGS = tuple(f"hugo{suffix}" for suffix in FORMATS)
SHARED_CONFIGS = tuple(f"config{suffix}" for suffix in FORMATS)
_DATE_DEFAULTS = {
    "date": ("date", "publishdate", "lastmod"),
    "lastmod": (":git", "lastmod", "date", "publishdate"),
    "publishdate": ("publishdate", "date"),
    "expirydate": ("expirydate",),
}
_DATE_ALIASES = {"lastmod": ("modified",), "publishdate": ("pubdate", "published"), "expirydate": ("unpublishdate",)}
# In these languages the region decides how the text is written; elsewhere it is left out.
_WRITTEN_BY_REGION = frozenset({"zh", "pt"})
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
    disabled_languages: tuple[str, ...] = ()
    ignored_files: tuple[str, ...] = ()
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
    which the file is a mere resource. ``path`` is the logical path, without suffix and language, ``file`` that of the file
    in the content folder.
    """

    language: Language
    kind: PageKind
    folder: str
    base_name: str
    is_leaf: bool
    owner: str | None
    path: str
    file: str = ""

    @property
    def name(self) -> str:
        """The name of the file, or of the folder for an ``index`` and an ``_index``."""
        return self.base_name or posixpath.basename(self.folder)


# --- configuration ------------------------------------------------------------------------------------------------


def read_config(container: Container, folder: str) -> tuple[dict[str, Any], list[Finding]]:
    """The merged configuration with lower-case keys: the root file, then ``config/_default``, then ``config/production``."""
    config: dict[str, Any] = {}
    findings: list[Finding] = []
    root = next((name for name in (*OWN_CONFIGS, *SHARED_CONFIGS) if f"{folder}{name}" in container.members), "")
    for path in ([root] if root else []) + _find_config_files(container, folder):
        read, problems = sites.read_config(container, folder + path, FORMATS[sites.suffix_of(path)])
        findings += problems
        config = sites.merge_config(config, _nest_config(lower_keys(read), path))
    return config, findings


def _find_config_files(container: Container, folder: str) -> list[str]:
    found = [
        path
        for part in ("config/_default/", "config/production/")
        for path, _size in sites.paths_under(container, folder + part)
        for path in (part + path,)
        if sites.suffix_of(path) in FORMATS and path.count("/") == 2
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


def lower_keys(value: Any) -> Any:
    """The value with every key of its maps in lower case, as Hugo holds a configuration."""
    if isinstance(value, Mapping):
        return {str(key).lower(): lower_keys(item) for key, item in value.items()}
    return [lower_keys(item) for item in value] if isinstance(value, list) else value


def read_settings(config: Mapping[str, Any], options: ReadOptions) -> Settings:
    """The settings that a merged configuration with lower-case keys states; bundles and branches are not yet known."""
    stated = {code: mapping_of(values) for code, values in mapping_of(config.get("languages")).items()}
    default = text_of(config.get("defaultcontentlanguage")).lower() or "en"
    if stated and default not in stated:
        default = min(stated, key=lambda code: (_number(stated[code].get("weight")), code))
    if not stated:
        stated = {default: {}}
    is_multihost = any(values.get("baseurl") for values in stated.values())
    in_folder = flag_of(config.get("defaultcontentlanguageinsubdir"))
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
    rules = PathRules(flag_of(config.get("disablepathtolower")), flag_of(config.get("removepathaccents")))
    settings = Settings(languages, default, _read_mounts(config, stated), rules, _read_date_keys(config))
    settings.disabled_kinds = tuple(kind.lower() for kind in texts_of(config.get("disablekinds")))
    settings.disabled_languages = tuple(
        sorted(
            code
            for code, values in stated.items()
            if flag_of(values.get("disabled")) or code in map(str.lower, texts_of(config.get("disablelanguages")))
        )
    )
    settings.ignored_files = tuple(texts_of(config.get("ignorefiles")))
    settings.cascades[("", "")] = _read_cascades(config.get("cascade"))
    return settings


def _name_language(code: str, config: Mapping[str, Any], options: ReadOptions) -> str:
    """The language of the text. A site with one unnamed language is "en" to Hugo; ``languageCode`` knows better."""
    if config.get("languages") or config.get("defaultcontentlanguage"):
        return code
    tag = text_of(config.get("languagecode") or config.get("locale")).replace("_", "-").lower()
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
        timezone=sites.choose_zone(options, text_of(setting("timezone")), "UTC"),
        base_path=sites.split_base_url(text_of(setting("baseurl")))[1],
        title=text_of(setting("title")),
        taxonomies={text_of(plural): singular for singular, plural in mapping_of(taxonomies).items() if text_of(plural)},
        permalinks=_read_permalinks(setting("permalinks")),
        is_ugly=not isinstance(ugly, Mapping) and flag_of(ugly),
        ugly_sections=tuple(sorted(key for key, value in mapping_of(ugly).items() if flag_of(value))),
    )


def _read_permalinks(value: Any) -> dict[str, dict[str, str]]:
    """Patterns by kind and section. Hugo up to 0.111 has one map for pages and terms; later ones have one for each kind."""
    patterns: dict[str, dict[str, str]] = {"page": {}, "term": {}, "section": {}, "taxonomy": {}}
    for key, item in mapping_of(value).items():
        if isinstance(item, Mapping):
            patterns.setdefault(key, {}).update({_section_key(name): text_of(pattern) for name, pattern in item.items()})
        elif pattern := text_of(item):
            patterns["page"][_section_key(key)] = patterns["term"][_section_key(key)] = pattern
    return patterns


def _section_key(key: str) -> str:
    return key.strip(" /")


def _read_date_keys(config: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    stated = mapping_of(config.get("frontmatter"))
    return {
        name: _expand_date_keys(texts_of(stated.get(name)) or defaults, defaults) for name, defaults in _DATE_DEFAULTS.items()
    }


def _expand_date_keys(keys: Sequence[str], defaults: Sequence[str]) -> tuple[str, ...]:
    lowered = [key.lower() for key in keys]
    expanded = [name for key in lowered for name in (defaults if key == ":default" else (key,))]
    return tuple(dict.fromkeys(alias for key in expanded for alias in (key, *_DATE_ALIASES.get(key, ()))))


def _read_mounts(config: Mapping[str, Any], languages: Mapping[str, Mapping[str, Any]]) -> tuple[Mount, ...]:
    """Content folders, the longest first. Mounts of the configuration replace ``contentDir``."""
    mounts = [
        Mount(source, as_folder(target.removeprefix("content").strip("/")), _mount_language(entry))
        for entry in list_of(mapping_of(config.get("module")).get("mounts"))
        if isinstance(entry, Mapping)
        for source, target in [(as_folder(text_of(entry.get("source"))), text_of(entry.get("target")).strip("/"))]
        if (target == "content" or target.startswith("content/")) and not source.startswith("../")
    ]
    if not mounts:
        common = text_of(config.get("contentdir")) or "content"
        by_language = any(values.get("contentdir") for values in languages.values())
        mounts = [
            Mount(as_folder(text_of(values.get("contentdir")) or common), "", code if by_language else "")
            for code, values in languages.items()
        ]
    return tuple(sorted(dict.fromkeys(mounts), key=lambda mount: (-len(mount.source), mount.source, mount.language)))


def _mount_language(entry: Mapping[str, Any]) -> str:
    matrix = mapping_of(mapping_of(entry.get("sites")).get("matrix"))
    return (text_of(entry.get("lang")) or next(iter(texts_of(matrix.get("languages"))), "")).lower()


def as_folder(path: str) -> str:
    """A path as a prefix of the paths in it: with a slash at the end, or empty for the root."""
    clean = posixpath.normpath(path.strip("/") or ".")
    return "" if clean == "." else clean + "/"


def mark_features(settings: Settings, config: Mapping[str, Any], members: Mapping[str, int]) -> None:
    """What the site's Markdown can do, by ``markup.goldmark`` and the render hooks of its templates."""
    goldmark = mapping_of(mapping_of(config.get("markup")).get("goldmark"))
    extensions = mapping_of(goldmark.get("extensions"))
    parser = mapping_of(goldmark.get("parser"))
    attribute = mapping_of(parser.get("attribute"))
    extras = mapping_of(extensions.get("extras"))
    passthrough = mapping_of(extensions.get("passthrough"))
    inline = list_of(mapping_of(passthrough.get("delimiters")).get("inline"))
    has_passthrough = flag_of(passthrough.get("enable"))
    switches = {
        "tables": flag_of(extensions.get("table"), True),
        "strikethrough": flag_of(extensions.get("strikethrough"), True),
        "autolinks": flag_of(extensions.get("linkify"), True),
        "tasklists": flag_of(extensions.get("tasklist"), True),
        "footnotes": _is_on(extensions.get("footnote")),
        "definition_lists": flag_of(extensions.get("definitionlist"), True),
        "typographer": _is_on(extensions.get("typographer")),
        "attributes": flag_of(attribute.get("title"), True),
        "block_attributes": flag_of(attribute.get("block")),
        "hardbreaks": flag_of(mapping_of(goldmark.get("renderer")).get("hardwraps")),
        "emoji": flag_of(config.get("enableemoji")),
        "highlight": flag_of(mapping_of(extras.get("mark")).get("enable")),
        "passthrough": has_passthrough,
        "math": has_passthrough and any("$" in texts_of(pair) for pair in inline),
        "callouts": any("_markup/render-blockquote" in path for path in members),
        "shortcodes": True,
    }
    settings.features = tuple(sorted(name for name, is_on in switches.items() if is_on))
    params = mapping_of(config.get("params"))
    settings.has_math = any(flag_of(params.get(key)) for key in ("math", "katex", "mathjax"))


def _is_on(value: Any) -> bool:
    """An extension that is a switch, or a map with ``enable`` (later versions) or ``disable``; on by default."""
    if isinstance(value, Mapping):
        return flag_of(value.get("enable"), True) and not flag_of(value.get("disable"))
    return flag_of(value, True)


_SIMPLE_PATTERN = re.compile(r"\^?(?:[\w/ -]|\\[.\w/+-]|\.[*+]?|\[\^?[\w/.-]+\][*+]?)*\$?")


def find_ignoring(settings: Settings, path: str) -> str:
    """The expression of ``ignoreFiles`` that matches the file, or ``""``.

    Only expressions without groups and with at most two repetitions are followed: any other could take for ever.
    """
    return next((pattern for pattern in settings.ignored_files if (e := _compile_simple(pattern)) and e.search("/" + path)), "")


@lru_cache(maxsize=64)
def _compile_simple(pattern: str) -> re.Pattern[str] | None:
    repetitions = len(re.findall(r"(?<!\\)[*+]", pattern))
    if len(pattern) > 200 or repetitions > 2 or not _SIMPLE_PATTERN.fullmatch(pattern):
        return None
    try:
        return re.compile(pattern)
    except re.error:
        return None


# --- bundles, branches, cascades ------------------------------------------------------------------------------------


def survey_bundles(settings: Settings, members: Mapping[str, int]) -> None:
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


def find_place(settings: Settings, path: str) -> Place | None:
    """Where a content file stands; ``None`` outside the content folders."""
    located = _locate(settings, path)
    if located is None:
        return None
    code, folder, stem = located
    language = settings.languages[code]
    mount = next(mount for mount in settings.mounts if path.startswith(mount.source))
    file = "/" + mount.target + path[len(mount.source) :]
    logical = posixpath.join("/", folder) if stem in ("index", "_index") else posixpath.join("/", folder, stem)
    owner = find_owner(settings, code, posixpath.dirname(folder) if stem == "index" else folder)
    if stem == "_index" and owner is None:
        return Place(language, _kind_of_branch(folder, language), folder, "", False, None, logical, file)
    if stem == "index" and folder and owner is None:
        above, base_name = posixpath.split(folder)
        return Place(language, "page", above, base_name, True, None, logical, file)
    return Place(language, "page", folder, stem, False, owner, logical, file)


def find_owner(settings: Settings, language: str, folder: str) -> str | None:
    """The leaf bundle that holds ``folder``, the nearest first; ``None`` where none does."""
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


def survey_branches(
    container: Container, root: str, settings: Settings, members: Mapping[str, int], options: ReadOptions
) -> None:
    """Reads every ``_index``: what it hands down, its slug, and whether its date must come from the pages below it."""
    undated: list[tuple[str, str]] = []
    for key, path in sorted(settings.branches.items()):
        values = lower_keys(_read_head(container, root + path, options))
        if cascades := _read_cascades(values.get("cascade")):
            settings.cascades[key] = cascades
        settings.branch_slugs[key] = text_of(values.get("slug")) or text_of(values.get("title"))
        if not any(values.get(name) for names in settings.date_keys.values() for name in names):
            undated.append(key)
    if undated:
        _date_branches(container, root, settings, members, undated, options)


def _read_head(container: Container, path: str, options: ReadOptions) -> dict[str, Any]:
    """The front matter of one file; nothing where it is refused, which its own reading will report."""
    try:
        source = encoding.decode_source(container.read(path), encoding=options.encoding)
        return dict(frontmatter.parse(source.head, source.format))
    except RefusedFile:
        return {}


def _read_cascades(value: Any) -> list[Cascade]:
    cascades = []
    for entry in list_of(value) if isinstance(value, list) else [value]:
        if not isinstance(entry, Mapping):
            continue
        values = fold_keys(entry)
        target = fold_keys(mapping_of(values.pop("_target", None)) or mapping_of(values.pop("target", None)))
        values.update(fold_keys(mapping_of(values.pop("params", None))))
        cascades.append(Cascade(values, text_of(target.get("path")), text_of(target.get("kind")), text_of(target.get("lang"))))
    return cascades


def _date_branches(
    container: Container,
    root: str,
    settings: Settings,
    members: Mapping[str, int],
    undated: Sequence[tuple[str, str]],
    options: ReadOptions,
) -> None:
    """A section without dates has the newest date and change of the pages and sections below it, a term and a taxonomy those
    of the pages that bear them (Hugo's rule)."""
    wanted = set(undated)
    taxonomies = {key for key in wanted if key[1].partition("/")[0] in settings.languages[key[0]].taxonomies}
    for path in members:
        located = _locate(settings, path) if _is_page_file(path) else None
        if located is None:
            continue
        keys = {(located[0], folder) for folder in folders_above(located[1])} & wanted
        if taxonomies:
            values = lower_keys(_read_head(container, root + path, options))
            keys |= set(_taxonomy_folders(settings, located[0], values)) & taxonomies
        if not keys:
            continue
        found = _scan_dates(container.read(root + path)[:_HEAD_BYTES], settings, located)
        for key in keys:
            old = settings.newest.get(key, (None, None))
            settings.newest[key] = (later(old[0], found[0]), later(old[1], found[1]))


def _taxonomy_folders(settings: Settings, code: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The content folders that would hold the taxonomies and terms which a page's front matter names."""
    for plural in settings.languages[code].taxonomies:
        for number, term in enumerate(texts_of(values.get(plural.lower()))):
            if not number:
                yield code, plural
            yield code, posixpath.join(plural, clean_path(term, settings.rules))


def folders_above(folder: str) -> Iterator[str]:
    """``a/b``, ``a`` and the top folder."""
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two moments; ``None`` where neither is known."""
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
            return date_in_name(posixpath.basename(folder) if stem == "index" else stem, zone)[0]
        return sites.parse_or_none(values.get(key, "").partition(" #")[0].strip("\"' "), zone)

    chains = (settings.date_keys["date"], settings.date_keys["lastmod"])
    date, lastmod = (next((moment for key in keys if (moment := read(key))), None) for keys in chains)
    appears = read("publishdate") or date
    # With a date to come, a section that readers see today would vanish until then; Hugo leaves such pages out, too.
    if appears and appears > datetime.now(UTC):
        return None, None
    return date, lastmod


def date_in_name(name: str, zone: ZoneInfo) -> tuple[datetime | None, str]:
    """``2024-05-06-hello`` is a date and a slug, as ``:filename`` reads it; a last dot begins a suffix to it."""
    if not re.match(r"\d{4}-\d\d-\d\d", name):
        return None, ""
    return sites.parse_or_none(name[:10], zone), posixpath.splitext(name)[0][10:].strip(" -_")


# --- readings of values -------------------------------------------------------------------------------------


def fold_key(key: Any) -> str:
    """One spelling for keys that know no case: lower, but as the shared readers ask for them."""
    lowered = str(key).lower()
    return _ASKED_AS.get(lowered, lowered)


def fold_keys(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with its keys in the one spelling of :func:`fold_key`."""
    return {fold_key(key): value for key, value in mapping.items()}


def mapping_of(value: Any) -> Mapping[str, Any]:
    """A map, or an empty one for any other value."""
    return value if isinstance(value, Mapping) else {}


def list_of(value: Any) -> list[Any]:
    """A list, or an empty one for any other value."""
    return value if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """A text or number as text; ``""`` for maps, lists and nothing."""
    return "" if value is None or isinstance(value, Mapping | list) else frontmatter.as_text(value).strip()


def texts_of(value: Any) -> list[str]:
    """The texts in a list, or the one text; empty ones left out."""
    return [text for item in (value if isinstance(value, list) else [value]) if (text := text_of(item))]


def flag_of(value: Any, default: bool = False) -> bool:
    """A yes or no; ``default`` for any other value."""
    said = None if value is None or isinstance(value, Mapping | list) else frontmatter.as_bool(value)
    return default if said is None else said


def _number(value: Any) -> int:
    text = text_of(value)
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else 0
