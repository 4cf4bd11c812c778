"""The fields that all dialects read alike from front matter, and where a title comes from when it has none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import frontmatter, terms
from articles.formats.addresses import SCHEME, UNSAFE, clean_address, decode_words, is_web_address, join_base
from articles.formats.dates import BadDate, describe_bad_date, parse_date
from articles.formats.document import Cover, Document
from articles.formats.frontmatter.values import Scalar, is_null
from articles.formats.states import ROBOTS_KEY, StateReading, fold_state_key, read_state, says_noindex
from articles.formats.writing import main_key

MAX_TERMS = 500

_PRIVILEGED = re.compile(r"id|pk|is_\w+|\w+_id|owner|created_by|updated_by|permissions?|groups?|view_count")
# What Eleventy takes for the time of a file or a commit.
_NO_DATES = frozenset({"last modified", "created", "git last modified", "git created"})
_UPDATED_KEYS = (
    *("last_modified_at", "updated_at", "updated", "lastmod", "modified", "last_modified"),
    *("lastUpdated", "last_updated", "updatedDate", "dateUpdated", "date_updated", "dateModified", "modified_at"),
    *("last_update.date", "更新日"),
)
_NAME_KEYS = ("name", "display_name", "displayName", "title", "nick", "nickname", "login", "username")


class FieldReader:
    """Reads the common fields from one file's front matter; collects findings, and which keys became fields.

    ``values`` is what the generator sees (with a site's defaults merged in); ``own`` is the file's own mapping.
    Every method takes the names to look for, first hit wins; a name with a dot looks into a nested map
    (``cover.image``). Nothing raises on bad input. ``known`` holds only keys that are in ``own``.
    """

    def __init__(self, own: Mapping[str, Any], zone: ZoneInfo, *, defaults: Mapping[str, Any] | None = None) -> None:
        self.own = own
        self.values: Mapping[str, Any] = merge_config(defaults, own) if defaults else own
        self.zone = zone
        #: To a generator with a key of its own for drafts, ``status: completed`` is a field like any other. Where the generator
        #: is not known, a word that means nothing here is read as private.
        self.has_other_statuses = False
        self._folded: dict[str, str] = {}
        self.known: set[str] = set()
        self.findings: list[Finding] = []
        self.has_bad_date = False

    def ignore_spelling(self) -> None:
        """From now on ``publishedAt``, ``Published-At`` and ``published_at`` are one key: for files of editors and generators
        that agree on no spelling. A key spelled as it is asked for comes first."""
        self._folded = {}
        for key in self.values:
            if isinstance(key, str):
                self._folded.setdefault(fold_state_key(key), key)

    def _spelled(self, names: Iterable[str]) -> Iterable[str]:
        """The names as the file spells them, each once, so that nothing is said twice of one key."""
        if not self._folded:
            return names
        return dict.fromkeys(name if name in self.values else self._folded.get(fold_state_key(name), name) for name in names)

    def value(self, *names: str) -> Any:
        """The first value that is there and not null, as :mod:`articles.formats.frontmatter` gave it; else ``None``."""
        for name in names:
            found = self._look_up(name)
            if found is not None:
                return found
        return None

    def has(self, name: str) -> bool:
        """Whether the key is there, be it null."""
        return name in self.values

    def text(self, *names: str) -> str:
        """The first value that is a text, a number or the like, as the file spells it, trimmed; else ``""``."""
        for name in names:
            found = self._look_up(name)
            if found is not None and not isinstance(found, Mapping | list | tuple) and (text := frontmatter.as_text(found)):
                return text
        return ""

    def texts(self, *names: str) -> list[str]:
        """The first value as a list of texts, a lone text being a list of one. Empty ones and maps are left out."""
        for name in names:
            found = self._look_up(name)
            if found is not None:
                return list(flatten_texts(found))
        return []

    def split_texts(self, *names: str) -> list[str]:
        """Like :meth:`texts`, but a lone text is separated at commas of every width, as :func:`terms.split` does."""
        found = self.value(*names)
        if found is None or isinstance(found, Mapping):
            return []
        return list(flatten_texts(found)) if isinstance(found, list | tuple) else terms.split(frontmatter.as_text(found))

    def may_be_date(self, name: str) -> bool:
        """Whether the key is there and says neither yes nor no; it does not become a field by being asked for."""
        found = self.values.get(name)
        if found is None and (self._folded or "." in name):
            first, _dot, _rest = name.partition(".")
            found = self.values.get(self._folded.get(fold_state_key(first), first))
        return found is not None and frontmatter.as_bool(found) is None

    def peek(self, name: str) -> Scalar:
        """The text of a key that does not become a field by being looked at."""
        found = self.values.get(name)
        if found is None and self._folded:
            found = self.values.get(self._folded.get(fold_state_key(name), name))
        return found if isinstance(found, Scalar) and not is_null(found) else Scalar("")

    def peek_value(self, name: str) -> Any:
        """The value of a key that does not become a field by being looked at."""
        return self.values.get(name)

    def flag(self, name: str) -> bool | None:
        """The value as true or false; ``None`` where it is absent or says neither."""
        found = self._look_up(name)
        return None if found is None else frontmatter.as_bool(found)

    def date(self, *names: str, zone: ZoneInfo | None = None) -> datetime | None:
        """The first date; a value that is no date gives a finding, sets ``has_bad_date``, and the next name is tried."""
        for name in self._spelled(names):
            if name not in self.values and "." not in name:
                continue
            if not (text := self.text(name)) and not (text := self._shape(name)):
                continue
            if text.casefold() in _NO_DATES:
                continue
            try:
                if instant := parse_date(text, zone or self.zone):
                    return instant
            except BadDate as error:
                self.has_bad_date = True
                self.findings.append(describe_bad_date(error, name, line=self._line(name)))
        return None

    def _shape(self, name: str) -> str:
        """How a list or a map under ``name`` reads where a text is expected; ``""`` for an empty one and for anything else."""
        found = self._look_up(name)
        return "[…]" if found and isinstance(found, list | tuple) else "{…}" if found and isinstance(found, Mapping) else ""

    def integer(self, name: str) -> int | None:
        """The value as a whole number of at most nine digits, or ``None``."""
        text = self.text(name)
        return int(text) if re.fullmatch(r"[+-]?[0-9]{1,9}", text) else None

    def is_draft(self) -> bool:
        """Whether any key says that this is not public; where keys contradict each other, the more private one wins.

        ``published`` may be a date (Web Clipper), which says nothing here. What the old site only kept out of its lists is
        a draft too: there is no such state here, and a list shows more people more than they could see before.
        """
        said: dict[StateReading, list[str]] = {}
        for key, value in self.values.items():
            if reading := read_state(key, value, self.zone, has_other_statuses=self.has_other_statuses):
                said.setdefault("private" if reading == "unknown" else reading, []).append(key)
                if reading == "unknown":
                    self._warn_unknown_state(key)
                if key in self.own:
                    self.known.add(key)
        self._warn_of_states(said)
        return bool(said.keys() - {"public"})

    def is_noindex(self) -> bool:
        """Whether any key keeps the text out of search engines. ``robots`` stays a key of its own: it may say more."""
        found = [key for key, value in self.values.items() if isinstance(key, str) and says_noindex(key, value)]
        for key in found:
            if key.casefold() != ROBOTS_KEY:
                self.value(key)
        return bool(found)

    def _warn_of_states(self, said: Mapping[StateReading, list[str]]) -> None:
        if "private" in said and "public" in said:
            private, public = said["private"][0], said["public"][0]
            self.warn(
                "draft-contradiction",
                _("“%(private)s” and “%(public)s” contradict each other; it stays a draft. Remove one of them."),
                private,
                private=private,
                public=public,
            )
        if locked := said.get("secret"):
            self.warn(
                "password", _("“%(key)s” locked this text on the old site; it stays a draft here."), locked[0], key=locked[0]
            )
        if unlisted := said.get("unlisted"):
            self.warn(
                "unlisted",
                _("“%(key)s” kept this text out of the old site's lists; it stays a draft. Publish it if everyone may see it."),
                unlisted[0],
                key=unlisted[0],
            )

    def _warn_unknown_state(self, name: str) -> None:
        self.warn(
            "unknown-status",
            _("“%(key)s: %(value)s” is no state known here; it stays a draft. Write “draft” or “published”."),
            name,
            key=name,
            value=frontmatter.as_text(self.values.get(name))[:80],
        )

    def authors(self, *names: str) -> list[str]:
        """Bylines from a text, a list, maps with a name (WordPress too), or a map of names; each once, in order."""
        found = [name for key in names for name in _names_in(self._look_up(key))]
        return list(dict.fromkeys(found))

    def cover(self, *names: str) -> Cover | None:
        """The first cover: a text, a map (``image``/``src``/``path``/``url``/``feature``/``teaser``), or a list's first."""
        for name in names:
            if cover := _cover_in(self._look_up(name)):
                if self._is_safe_target(cover.target):
                    alt = cover.alt or self.text(f"{name}_alt", f"{name}Alt", "image_alt", "cover_alt", "alt")
                    caption = cover.caption or self.text(f"{name}_caption", "image_caption", "cover_caption")
                    return Cover(cover.target, alt, caption)
                self.warn(
                    "unsafe-address", _("“%(key)s” names no picture on this or another site; it is left out."), name, key=name
                )
        return None

    def _is_safe_target(self, target: str) -> bool:
        scheme = SCHEME.match(target)
        return not UNSAFE.search(target) and (not scheme or scheme.group().lower() in ("http:", "https:"))

    def url(self, *names: str) -> str:
        """The first http(s) address; any other value is left out with a finding."""
        for name in self._spelled(names):
            if not (text := self.text(name)):
                continue
            if is_web_address(text):
                return text
            self.warn(
                "unsafe-address",
                _("“%(key)s” must be an address that starts with http:// or https://; “%(value)s” is left out."),
                name,
                key=name,
                value=text[:80],
            )
        return ""

    def aliases(self, permalink: str | None, *names: str, base_path: str = "") -> list[str]:
        """Old addresses of this site, decoded; unsafe ones, the home page and the document's own are left out."""
        kept: dict[str, None] = {}
        for name in names:
            for text in self.texts(name):
                address = clean_address(text)
                if address is None or address == "/":
                    self.warn(
                        "unsafe-alias",
                        _("“%(value)s” in “%(key)s” is no former address on this site; it is left out."),
                        name,
                        key=name,
                        value=text[:80],
                    )
                    continue
                full = join_base(base_path, address)
                if permalink is None or full.rstrip("/") != permalink.rstrip("/"):
                    kept[full] = None
        return list(kept)

    def slug(self, *names: str) -> str:
        """The first slug, made safe (``[\\w-]{1,200}``); one that had to change beyond its case gives a finding."""
        text = decode_words(self.text(*names))
        if not text:
            return ""
        slug = terms.slugify(text)
        if slug != terms.identity(text):
            self.warn(
                "slug-changed",
                _("The slug “%(value)s” became “%(slug)s”: only letters, digits, - and _ can be part of an address."),
                names[0],
                value=text[:80],
                slug=slug,
            )
        return slug

    def warn_of_privileged_keys(self) -> None:
        """Says which keys look like columns of a database: they stay visible and set nothing."""
        for name in self.own:
            if isinstance(name, str) and _PRIVILEGED.fullmatch(name) and name not in self.known:
                self.warn(
                    "privileged-key",
                    _("“%(key)s” sets nothing here and is kept as it stands. Remove it if it is not needed."),
                    name,
                    key=name,
                )

    def warn_of_address(self, key: str, value: str) -> None:
        """Says that ``key`` states no address that this site can have."""
        self.warn(
            "unsafe-address",
            _("“%(key)s: %(value)s” is no address that this site can have, so a new one is made. Write a path such as /about/."),
            key,
            key=key,
            value=value[:80],
        )

    def warn(self, code: str, template: str, name: str, /, **params: str) -> None:
        """Adds a warning at the line of the key ``name``."""
        self.findings.append(Finding(code, "warning", template, params, self._line(name)))

    def _look_up(self, name: str) -> Any:
        # Some eighty names are looked up in every file, and most are not there.
        found = self.values.get(name)
        if found is None and not self._folded and "." not in name:
            return None
        if found is None and self._folded and name not in self.values:
            first, dot, rest = name.partition(".")
            name = self._folded.get(fold_state_key(first), first) + dot + rest
            found = self.values.get(name)
        if found is None and "." in name and name not in self.values:
            found = self._look_into(name)
        if found is None or is_null(found):
            return None
        if (key := name if name in self.own else name.partition(".")[0]) in self.own:
            self.known.add(key)
        return found

    def _look_into(self, dotted_name: str) -> Any:
        found: Any = self.values
        for part in dotted_name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def _line(self, name: str) -> int | None:
        found = self.own.get(name, self.own.get(name.partition(".")[0]))
        return getattr(found, "line", None) or None


def flatten_texts(value: Any) -> Iterator[str]:
    """The texts in a value, lists unrolled; maps and empty texts are left out."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from flatten_texts(item)
    elif value is not None and not isinstance(value, Mapping) and (text := frontmatter.as_text(value)):
        yield text


def _names_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key in _NAME_KEYS:
            if isinstance(found := value.get(key), str) and found.strip():
                yield found.strip()
                return
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _names_in(item)
    elif value is not None and (text := frontmatter.as_text(value).strip()):
        yield text


def _cover_in(value: Any) -> Cover | None:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return _cover_in(value[0]) if value else None
    if isinstance(value, Mapping):
        target = next(
            (t for key in ("image", "src", "path", "url", "feature", "file", "teaser") if (t := _plain(value.get(key)))), ""
        )
        return Cover(target, _plain(value.get("alt")), _plain(value.get("caption"))) if target else None
    target = _plain(value)
    # A true or false only switches a theme's picture on or off.
    return Cover(target) if target and frontmatter.as_bool(value) is None else None


def _plain(value: Any) -> str:
    return "" if value is None or isinstance(value, Mapping | list | tuple) else frontmatter.as_text(value).strip()


def merge_config(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``over``, maps merged key by key; a null in ``over`` changes nothing."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = merge_config(old, value)
        elif key not in merged or not is_null(value):
            merged[key] = value
    return merged


def rename_keys(front_matter: Mapping[str, Any], names: Mapping[str, Any], dialect: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The front matter with keys called as ``dialect`` calls the fields that staff chose for them (``writer`` → ``author``).

    A file that has the dialect's own key keeps its meaning. Besides gives, per new name, the key that the file has.
    """
    present = {key.casefold() for key in front_matter}
    renamed: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key, value in front_matter.items():
        name = main_key(dialect, names[key]) if key in names else key
        if name != key and (name.casefold() in present or name in origins):
            name = key
        if name != key:
            origins[name] = key
        renamed[name] = value
    return renamed, origins


def parse_or_none(text: str, zone: ZoneInfo) -> datetime | None:
    """The instant that ``text`` names; ``None`` also where it names none."""
    try:
        return parse_date(text, zone)
    except BadDate:
        return None


# --- titles -------------------------------------------------------------------------------------------------------

_ATX = re.compile(r" {0,3}#[ \t]+(.+?)[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}=+[ \t]*")
_MAY_BE_HEADING = re.compile(r"^ {0,3}(?:#[ \t]|=+[ \t]*$)", re.MULTILINE)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_MARKS = (
    (re.compile(r"\s*\{[:#.][^}]*\}\s*$"), ""),
    (re.compile(r"!?\[\[(?:[^\]|]*\|)?([^\]]*)\]\]"), r"\1"),
    (re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])"), r"\1"),
    (re.compile(r"<[^>]*>"), ""),
    (re.compile(r"(`+)(.+?)\1"), r"\2"),
    (re.compile(r"(\*\*|__|~~|==)(?=\S)(.+?)\1"), r"\2"),
    (re.compile(r"(?<!\w)([*_])(?=\S)(.+?)\1(?!\w)"), r"\2"),
    (re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
)


def first_heading(body: str) -> str:
    """The text of the first level-one heading outside fenced code, without marks; ``""`` where there is none."""
    if not _MAY_BE_HEADING.search(body):
        return ""
    fence = ""
    previous = ""
    for line in body.split("\n")[:2000]:
        if match := _FENCE.match(line):
            mark = match[1]
            if not fence:
                fence = mark
            elif mark.startswith(fence):
                fence = ""
            continue
        if fence:
            continue
        if (match := _ATX.match(line)) and (text := plain_heading(match[1])):
            return text
        if previous.strip() and _UNDERLINE.fullmatch(line) and (text := plain_heading(previous)):
            return text
        previous = line
    return ""


def plain_heading(text: str) -> str:
    """A heading's text without its Markdown marks, at most 300 characters."""
    plain = text.strip()[:1000]
    for pattern, replacement in _MARKS:
        plain = pattern.sub(replacement, plain)
    return " ".join(plain.split())[:300]


def title_from_name(path: str) -> str:
    """What a file name says: the name without suffix, or the folder's for an ``index``; blanks for ``_``. Never empty."""
    pure = PurePosixPath(path)
    stem = pure.stem
    if stem.casefold() in ("index", "_index", "readme") and pure.parent.name:
        stem = pure.parent.name
    return " ".join(decode_words(stem).replace("_", " ").split()) or pure.name or "untitled"


# --- the common fields in one step -------------------------------------------------------------------------------


def fill_common(
    document: Document, fields: FieldReader, *, base_path: str = "", language: str = "", own_hosts: Iterable[str] = ()
) -> None:
    """Fills what all dialects read alike, leaving alone what the dialect has set: draft state is only ever made stricter.

    Set before: ``permalink``, ``source_title`` and ``published_at`` as the generator has them, and terms.
    ``own_hosts`` are hosts of the site itself, so that a ``source`` there is no quoted page.
    """
    if fields.is_draft() or fields.has_bad_date:
        document.draft = True
    stated = fields.text("title")
    if not stated and isinstance(fields.value("title"), Mapping | list | tuple):
        fields.warn("title-not-text", _("“title” is not a text, so the title was taken from elsewhere. Write a text."), "title")
    heading = "" if stated or document.flavour == "html" else first_heading(document.source.body)
    document.title = stated or heading or (document.source_title or "").strip() or title_from_name(document.path)
    document.slug = document.slug or fields.slug("slug")
    # VitePress and others take yes or no for "show the time of the last commit".
    dated = [name for name in _UPDATED_KEYS if fields.may_be_date(name)]
    document.updated_at = document.updated_at or fields.date(*dated)
    document.expires_at = document.expires_at or fields.date("expires_at", "expiryDate", "expirydate", "unpublishdate", "expires")
    document.authors = document.authors or fields.authors("author", "authors")
    stated_aliases = fields.aliases(document.permalink, "redirect_from", "aliases", "alias", base_path=base_path)
    document.aliases = list(dict.fromkeys([*document.aliases, *stated_aliases]))
    document.cover = document.cover or fields.cover(
        "cover",
        "image",
        "cover_image",
        "coverImage",
        "featured_image",
        "featuredImage",
        "thumbnail",
        "header.teaser",
        "header.image",
        "header.overlay_image",
        "banner",
        "heroImage",
        "feature_image",
        "ogImage",
        "eyecatch",
        "アイキャッチ",
    )
    document.excerpt = document.excerpt or fields.text("excerpt", "summary", "custom_excerpt", "要約")
    document.description = document.description or fields.text("description", "seoDescription", "meta_description", "概要")
    document.noindex = fields.is_noindex()
    document.canonical_url = document.canonical_url or fields.url("canonical_url", "canonicalUrl", "canonicalURL", "canonical")
    read_source_url(document, fields, own_hosts)
    document.series = document.series or fields.text("series")
    document.series_order = document.series_order if document.series_order is not None else fields.integer("series_order")
    document.language = document.language or fields.text("lang", "language", "locale").replace("_", "-") or language
    document.translation_key = document.translation_key or fields.text("translation_key", "translationKey", "ref")
    read_category_paths(document, fields)
    limit_terms(document)
    fields.warn_of_privileged_keys()
    document.front_matter = fields.own
    document.known_keys = frozenset(fields.known)
    document.findings.extend(fields.findings)


def read_category_paths(document: Document, fields: FieldReader) -> None:
    """Takes the tree of the categories from ``category_paths``, which our own exports write where a dialect has no tree.

    Only where it names the very categories that the file has: whoever changed those since meant what they wrote.
    """
    value = fields.peek_value("category_paths")
    if not isinstance(value, list):
        return
    paths = [path for item in value if (path := tuple(flatten_texts(item)))]
    named = {terms.identity(name) for path in paths for name in path}
    if paths and named == {terms.identity(name) for path in document.categories for name in path}:
        document.categories = paths
        fields.known.add("category_paths")


def read_source_url(document: Document, fields: FieldReader, own_hosts: Iterable[str]) -> None:
    """Sets ``source_url`` from ``source``/``source_url`` where it is a page on another host, with a finding."""
    name = next((n for n in ("source_url", "source") if is_web_address(fields.text(n))), "")
    if not name:
        if (text := fields.text("source_url")) or SCHEME.match(text := fields.text("source")):
            fields.warn(
                "unsafe-address",
                _("“source” must be an address that starts with http:// or https://; “%(value)s” is left out."),
                "source",
                value=text[:80],
            )
        return
    address = fields.text(name)
    if (urlsplit(address).hostname or "") in set(own_hosts):
        return
    document.source_url = address
    if "source-elsewhere" not in {finding.code for finding in document.findings}:
        fields.findings.append(
            Finding(
                "source-elsewhere",
                "info",
                _("“%(key)s” names a page on another site: %(url)s. Check that this text may be published."),
                {"key": name, "url": address[:200]},
                None,
            )
        )


def limit_terms(document: Document) -> None:
    """Drops terms that show nothing or are written twice the same. Raises RefusedFile for more than ``MAX_TERMS``."""
    if len(document.tags) > MAX_TERMS or len(document.categories) > MAX_TERMS:
        raise RefusedFile(
            Finding(
                "too-many-terms",
                "error",
                _("%(count)s tags or categories on one text; at most %(limit)s are taken in. Shorten the list."),
                {"count": max(len(document.tags), len(document.categories)), "limit": MAX_TERMS},
            )
        )
    document.tags = list(dict.fromkeys(tag for tag in document.tags if terms.identity(tag)))
    document.categories = list(dict.fromkeys(path for path in document.categories if path))
