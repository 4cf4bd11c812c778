"""Hugo sites: recognised, their files given roles, their pages read as Hugo 0.111 reads them.

What a site states is in :mod:`articles.formats.hugo_site`, the address rules in :mod:`articles.formats.hugo_addresses`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import encoding, frontmatter, sites, terms
from articles.formats.container import Container
from articles.formats.document import Cover, Document, Flavour, Kind, Role, Site, SiteFile, SourceText
from articles.formats.hugo_addresses import (
    PageFacts,
    Target,
    build_permalink,
    build_resource_folder,
    clean_path,
    expand_permalink,
    match_path,
    resolve_alias,
    titleise,
)
from articles.formats.hugo_site import (
    FORMATS,
    OWN_CONFIGS,
    SHARED_CONFIGS,
    Cascade,
    Language,
    Mount,
    Place,
    Settings,
    as_folder,
    date_in_name,
    find_ignoring,
    find_owner,
    find_place,
    flag_of,
    fold_key,
    fold_keys,
    folders_above,
    later,
    list_of,
    lower_keys,
    mapping_of,
    mark_features,
    read_config,
    read_settings,
    survey_branches,
    survey_bundles,
    text_of,
    texts_of,
)
from articles.formats.sites import FieldReader, ReadOptions, Recognition
from articles.formats.values import site_values

NAME = "hugo"

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
_FILE_SIGNS = frozenset(
    ["publishdate", "expirydate", "linktitle", "iscjklanguage", "cascade", "_build", "headless", "lastmod", "translationkey"]
)
_OTHER_MARKUP = frozenset({".org", ".adoc", ".asciidoc", ".ad", ".rst", ".pandoc", ".pdc"})
_ORG_KEYWORD = re.compile(r"^#\+(title|date|slug|url):[ \t]*(\S.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
# The longest name that file systems allow, in bytes: Hugo cannot write a page whose address has a longer part.
_MAX_PART = 255
_CLIPPING = terms.identity("clippings")
_LISTED_TERMS = ("tag", "category", "author", "series")

# --- recognition --------------------------------------------------------------------------------------------------


def recognise(container: Container, folder: str) -> Recognition:
    """Whether ``folder`` is the root of a Hugo site: by its configuration, else by ``archetypes`` beside ``content``.

    A ``config.*`` may be another generator's: it counts only with keys of Hugo's own and none of Zola's.
    """
    names = sites.entries(container, folder)
    if re.search(r"(?:^|/)config/[^/]+/$", folder):
        # The configuration of the site above, kept in several files.
        return ""
    if not names.isdisjoint(OWN_CONFIGS):
        return "config"
    if "config/" in names and not sites.entries(container, f"{folder}config/_default/").isdisjoint(
        (*OWN_CONFIGS, *SHARED_CONFIGS)
    ):
        return "config"
    for name in sorted(names.intersection(SHARED_CONFIGS)):
        keys = set(lower_keys(sites.read_config(container, folder + name, FORMATS[sites.suffix_of(name)])[0]))
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
    config, findings = read_config(container, folder)
    settings = read_settings(config, options)
    members = dict(sites.paths_under(container, folder))
    mark_features(settings, config, members)
    if not any(path.startswith(mount.source) for mount in settings.mounts for path in members):
        settings.mounts = (Mount("", "", ""),)
    survey_bundles(settings, members)
    survey_branches(container, folder, settings, members, options)
    default = settings.languages[settings.default_language]
    base_url, base_path = sites.split_base_url(text_of(config.get("baseurl")))
    own = mapping_of(mapping_of(config.get("languages")).get(settings.default_language))
    stated_zone = text_of(own.get("timezone")) or text_of(config.get("timezone"))
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
        config={"hugo": settings, "shows_future": flag_of(config.get("buildfuture"))},
        findings=sites.with_zone(
            [*findings, *_report_taxonomies(settings)], options, stated_zone, default.timezone, 'timeZone = "Asia/Tokyo"'
        ),
    )
    site.files = _sort_files(container, site, settings, config, members)
    site.lists = _find_lists(site, settings)
    # Where files stand is no configuration: a new post must not make every other one look changed.
    configured = replace(settings, leaves={}, branches={}, newest={})
    site.values = site_values({"params": _read_params(config, settings)}, is_hugo=True)
    site.fingerprint = sites.fingerprint(repr(configured), options.encoding, options.language)
    return site


def _read_params(config: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The site's parameters in the default language, but for those that several languages have each their own of."""
    stated = {code: mapping_of(mapping_of(own).get("params")) for code, own in mapping_of(config.get("languages")).items()}
    params = {**mapping_of(config.get("params")), **stated.get(settings.default_language, {})}
    if len(settings.languages) == 1:
        return params
    own = {str(key).lower() for values in stated.values() for key in values}
    return {key: value for key, value in params.items() if str(key).lower() not in own}


def _find_lists(site: Site, settings: Settings) -> list[list[str]]:
    """Home page, taxonomies and sections of each language: Hugo writes a list for each, whether it has a file or not."""
    found: list[list[str]] = []
    homes: dict[str, str] = {}
    for code, language in settings.languages.items():
        homes[code] = sites.join_base(language.base_path, f"{language.prefix}/" if language.prefix else "")
        found.append(["home", homes[code]])
        if not language.prefix and len(settings.languages) > 1:
            # Hugo writes a page there that leads to the language without a prefix.
            found.append(["home", sites.join_base(language.base_path, f"{code}/")])
        for plural, singular in language.taxonomies.items():
            kind = singular if singular in _LISTED_TERMS else "terms"
            found += [[kind, homes[code] + folder] for folder in _taxonomy_folders(language, plural, settings)]
    for path, file in sorted(site.files.items()):
        place = find_place(settings, path) if file.role == "document" else None
        if place is not None and place.folder:
            section = clean_path(place.folder.partition("/")[0], settings.rules)
            found.append([_section_kind(place, path), f"{homes[place.language.code]}{section}/"])
    unique = dict.fromkeys(map(tuple, found))
    return [list(one) for one in unique]


def _section_kind(place: Place, path: str) -> str:
    """With the folder that holds the files of the section; without one where a mount puts parts of a section together."""
    below = place.file.strip("/").partition("/")[2]
    return f"section:{path.removesuffix(below)}" if path.endswith("/" + below) else "section"


def _taxonomy_folders(language: Language, plural: str, settings: Settings) -> Iterator[str]:
    """Below which folders of a language a taxonomy has its terms; a pattern of ``permalinks`` moves them to its beginning."""
    yield clean_path(plural, settings.rules) + "/"
    if moved := language.permalinks.get("term", {}).get(plural, "").partition(":")[0].strip("/"):
        yield clean_path(moved, settings.rules) + "/"


def _report_taxonomies(settings: Settings) -> Iterator[Finding]:
    """A finding for each taxonomy that this product has no lists for: nothing of it is lost, and nothing of it is shown."""
    names = {
        plural: None
        for one in settings.languages.values()
        for plural, name in one.taxonomies.items()
        if name not in _LISTED_TERMS
    }
    for plural in names:
        template = _(
            "The taxonomy “%(name)s” has no lists here. Its terms stay in the front matter and are not shown; its addresses lead "
            "to the tag or category of that name, else to the front page. Write the terms as tags if readers should find them."
        )
        yield Finding("taxonomy-not-shown", "warning", template, {"name": plural})


# --- the files ------------------------------------------------------------------------------------------------------


def _sort_files(
    container: Container, site: Site, settings: Settings, config: Mapping[str, Any], members: Mapping[str, int]
) -> dict[str, SiteFile]:
    static = _find_static_folders(config)
    assets = as_folder(text_of(config.get("assetdir")) or "assets")
    folders: dict[str, str] = {}

    def folder_of(index: str) -> str:
        """Where a bundle's resources are published; read once, and only for bundles that hold some."""
        if index not in folders:
            folders[index] = _read_resource_folder(container, site, index)
        return folders[index]

    files = {}
    for path, size in members.items():
        role: Role = "site_file"
        public: tuple[str, ...] = ()
        suffix = sites.suffix_of(path)
        if reason := sites.skip_reason(path):
            role = "skipped"
        elif any(path.startswith(mount.source) for mount in settings.mounts):
            role, reason = _role_in_content(container, site.root + path, suffix)
            if role == "attachment":
                public = tuple(_public_paths(settings, path, folder_of))
            elif reason:
                files[path] = SiteFile(path, role, size, reason, is_unread=True, lost=_find_lost_address(container, site, path))
                continue
        elif suffix in sites.ATTACHMENT_SUFFIXES and (source := next((s for s in (*static, assets) if path.startswith(s)), None)):
            role = "attachment"
            public = (sites.join_base(site.base_path, static.get(source, "") + path[len(source) :]),)
        files[path] = SiteFile(path, role, size, reason, public)
    return files


def _find_static_folders(config: Mapping[str, Any]) -> dict[str, str]:
    """Folders that are published as they stand, and below which path."""
    own = [values.get("staticdir") for values in map(mapping_of, mapping_of(config.get("languages")).values())]
    folders = {as_folder(text): "" for value in (config.get("staticdir"), *own) for text in texts_of(value)}
    for entry in map(mapping_of, list_of(mapping_of(config.get("module")).get("mounts"))):
        target = text_of(entry.get("target")).strip("/")
        if target == "static" or target.startswith("static/"):
            folders[as_folder(text_of(entry.get("source")))] = as_folder(target.removeprefix("static").strip("/"))
    return {source: target for source, target in folders.items() if source} or {"static/": ""}


def _role_in_content(container: Container, path: str, suffix: str) -> tuple[Role, str]:
    if suffix in sites.MARKDOWN_SUFFIXES or suffix in sites.HTML_SUFFIXES:
        return "document", ""
    if suffix in sites.TEXT_SUFFIXES and sites.has_front_matter(container.read(path)):
        return "document", ""
    if suffix in _OTHER_MARKUP:
        return "site_file", _("It is written in another markup language than Markdown and is kept as it stands.")
    return ("attachment", "") if suffix in sites.ATTACHMENT_SUFFIXES else ("site_file", "")


def _find_lost_address(container: Container, site: Site, path: str) -> str:
    """The address that Hugo gave a page in another markup; ``""`` where a pattern asks for what cannot be read here."""
    try:
        source = encoding.decode_source(container.read(site.root + path), encoding=site.encoding)
        values = frontmatter.parse(source.head, source.format) if source.head else dict(_ORG_KEYWORD.findall(source.body[:4_000]))
        document = read_document(site, path, source, values, "")
    except RefusedFile:
        return ""
    place = find_place(site.config[NAME], path)
    has_pattern = place is not None and place.folder.partition("/")[0] in place.language.permalinks.get(place.kind, {})
    is_known = not has_pattern or (document.published_at and document.source_title)
    return document.permalink or "" if is_known else ""


def _public_paths(settings: Settings, path: str, folder_of: Callable[[str], str]) -> Iterator[str]:
    """Where Hugo publishes a file of a content folder: with its bundle, else where it stands."""
    mount = next(mount for mount in settings.mounts if path.startswith(mount.source))
    inside = mount.target + path[len(mount.source) :]
    folder = posixpath.dirname(inside)
    is_found = False
    for code in settings.languages:
        bundle = find_owner(settings, code, folder)
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
    mark_features(settings, {}, {})
    return settings


class _Page:
    """Reads one document; its steps share the merged front matter and the place in the content folder."""

    def __init__(
        self, site: Site, settings: Settings, path: str, source: SourceText, front_matter: Mapping[str, Any], sha256: str
    ) -> None:
        self.site = site
        self.settings = settings
        place = find_place(settings, path)
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
        own = fold_keys(front_matter)
        self.fields = FieldReader(own, self.zone)
        self.fields.has_other_statuses = True
        self.fields.values = self.values = self._merge_values(own)
        self.document = Document(path, sha256, NAME, source, title="", flavour=self._find_flavour())
        self._read(front_matter)

    def _merge_values(self, own: dict[str, Any]) -> dict[str, Any]:
        """The file's keys, its ``params``, then what the branches above hand down, the nearest first, then the site."""
        values = dict(own)
        for key, value in fold_keys(mapping_of(own.get("params"))).items():
            values.setdefault(key, value)
        code = self.place.language.code
        start = self.place.folder
        levels = [self.settings.cascades.get((code, folder), []) for folder in folders_above(start)]
        for cascade in (cascade for level in (*levels, self.settings.cascades.get(("", ""), [])) for cascade in level):
            if self._matches(cascade):
                for key, value in cascade.values.items():
                    values.setdefault(key, value)
        return values

    def _matches(self, cascade: Cascade) -> bool:
        place = self.place
        # Hugo 0.111 compares the file's path, later versions the logical one; both are what somebody meant.
        paths = {place.path, place.path + ".md", place.file or place.path}
        return (
            (not cascade.path or any(match_path(cascade.path, path) for path in paths))
            and (not cascade.kind or match_path(cascade.kind, place.kind))
            and (not cascade.language or match_path(cascade.language, place.language.code))
        )

    def _find_flavour(self) -> Flavour:
        return "html" if self.suffix in sites.HTML_SUFFIXES or text_of(self.values.get("markup")) == "html" else "commonmark"

    def _read(self, front_matter: Mapping[str, Any]) -> None:
        document, fields, language = self.document, self.fields, self.place.language
        stated = fields.text("title")
        document.source_title = stated or None
        self._read_dates()
        self._read_address(stated)
        self._read_terms()
        self._check_build_options()
        self._check_origin()
        document.shows_future = self.site.config.get("shows_future", False)
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
        document.known_keys = frozenset(key for key in front_matter if fold_key(key) in fields.known)

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
        self.document.published_at = later(self.date, self._read_date(keys["publishdate"]))
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
            return date_in_name(self.place.name, self.zone)[0]
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
        if address is not None and not _fits(address):
            self.fields.warn_of_address("title", address)
        elif address is not None:
            document.permalink = sites.join_base(place.language.base_path, address)
            document.permalink_stated = bool(url)
            document.aliases = self._read_aliases(address)
            self._note_changed_slug(slug, address)

    def _is_raw_file(self) -> bool:
        """HTML without front matter is published as a file, not made into a page."""
        return self.suffix in sites.HTML_SUFFIXES and not self.document.source.head

    def _read_slug(self) -> str:
        """The slug as Hugo writes it into the address; a safe form of it becomes ``Document.slug``."""
        stated = self.fields.text("slug").strip("-")
        if stated:
            # What becomes of it in the address is Hugo's rule, and said with the address.
            self.document.slug = terms.slugify(sites.decode_words(stated))
        elif not self.fields.has("slug") and self._is_dated_by_name():
            _date, stated = date_in_name(self.place.name, self.zone)
            self.document.slug = terms.slugify(stated) if stated else ""
        return stated

    def _note_changed_slug(self, slug: str, address: str) -> None:
        """Says where Hugo writes a slug otherwise than the file does, if only the case is not all that differs."""
        written = clean_path(slug, self.settings.rules)
        if self.fields.has("slug") and written.casefold() != slug.casefold() and written in address:
            template = _("In the address the slug “%(value)s” became “%(slug)s”, as Hugo writes it.")
            self.fields.warn("slug-changed", template, "slug", value=slug[:80], slug=written[:80])

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
        for folder in folders_above(place.folder):
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
        names = {singular: fold_key(plural) for plural, singular in self.place.language.taxonomies.items()}
        self.document.categories = [(text,) for text in self.fields.texts(names.get("category", "categories"), "categories")]
        self.document.tags = self.fields.texts(names.get("tag", "tags"), "tags")
        self.document.series = next(iter(self.fields.texts(names.get("series", "series"), "series")), "")
        order = self.fields.integer("series_order")
        self.document.series_order = order if order is not None else self.fields.integer("series_weight")
        author_key = names.get("author", "authors")
        self.document.authors = self.fields.authors("author", author_key, *([] if author_key == "authors" else ["authors"]))

    def _check_build_options(self) -> None:
        """Pages that the old site never rendered have no address; those that no list showed either stay drafts."""
        options = mapping_of(self.values.get("build")) or mapping_of(self.values.get("_build"))
        listed, render = text_of(options.get("list")).lower(), text_of(options.get("render")).lower()
        if pattern := find_ignoring(self.settings, self.document.path):
            self._withhold(_("The site's configuration leaves it out (%(value)s); it stays a draft."), f"ignoreFiles: {pattern}")
        elif self.place.language.code in self.settings.disabled_languages:
            self._withhold(
                _("The site's configuration leaves it out (%(value)s); it stays a draft."),
                f"languages: {self.place.language.code}",
            )
        is_headless = self.place.is_leaf and frontmatter.as_bool(self.values.get("headless")) is True
        self.is_listed = listed not in ("never", "local", "false")
        if self.place.owner is not None:
            self._withhold(
                _(
                    "It is a resource of the bundle “%(value)s”, which showed it; the old site gave it no address. "
                    "It stays a draft; the address named for it opens only if somebody publishes it here."
                ),
                self.place.owner,
            )
        elif is_headless or (render in ("never", "false") and listed in ("never", "false")):
            self._withhold(
                _(
                    "The old site showed it nowhere by itself (%(value)s); it stays a draft. "
                    "The address named for it is this site's, and opens only if somebody publishes it here."
                ),
                "headless: true" if is_headless else "render: never",
            )
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

    def _find_kind(self) -> Kind:
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
        for entry in map(mapping_of, list_of(self.values.get("resources"))):
            name, target = text_of(entry.get("name")).lower(), text_of(entry.get("src"))
            if target and "*" not in target and re.match(r"(cover|feature|thumb|header|banner)", name):
                return Cover(target, text_of(mapping_of(entry.get("params")).get("alt")), text_of(entry.get("title")))
        return None


def _is_safe_part(text: str) -> bool:
    """Whether a slug or a stated address stays on this site, below the folder it is put in, and can be a file."""
    return sites.decode_address("/" + text.lstrip("/")) is not None and not text.startswith("//") and _fits(text)


def _fits(address: str) -> bool:
    return all(len(part.encode("utf-8", "surrogatepass")) <= _MAX_PART for part in address.split("/"))
