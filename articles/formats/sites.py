"""What the dialects share: a site's configuration, the role of each path, and how a folder is looked at."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import encoding, frontmatter
from articles.formats.addresses import (
    clean_address,
    decode_address,
    decode_words,
    is_web_address,
    join_base,
    split_base_url,
    strip_host,
)
from articles.formats.container import Container
from articles.formats.document import FrontMatterFormat
from articles.formats.fields import (
    FieldReader,
    fill_common,
    first_heading,
    flatten_texts,
    merge_config,
    parse_or_none,
    title_from_name,
)

# A dialect module needs this one import.
__all__ = [
    "ATTACHMENT_SUFFIXES",
    "BODY_FEATURES",
    "HTML_SUFFIXES",
    "MARKDOWN_SUFFIXES",
    "TEXT_SUFFIXES",
    "FieldReader",
    "ReadOptions",
    "Recognition",
    "base_features",
    "choose_zone",
    "clean_address",
    "decode_address",
    "decode_words",
    "entries",
    "fill_common",
    "fingerprint",
    "first_heading",
    "flatten_texts",
    "has_front_matter",
    "is_template_page",
    "is_web_address",
    "join_base",
    "list_folders",
    "merge_config",
    "parse_or_none",
    "paths_under",
    "peek",
    "propose_name",
    "read_config",
    "read_people",
    "skip_reason",
    "split_base_url",
    "strip_host",
    "suffix_of",
    "title_from_name",
    "with_zone",
    "zone_named",
]

Recognition = Literal["config", "shape", ""]
"""How a dialect knows a folder as a root of its own: by a configuration file (also inside another root), or by its
shape (only outside every other root). ``recognise`` may return this or a bool, where ``True`` means ``"config"``."""

MARKDOWN_SUFFIXES = frozenset({".md", ".markdown", ".mkdn", ".mkdown", ".mkd", ".mdown", ".mdwn", ".rmd", ".mdx", ".qmd"})
TEXT_SUFFIXES = frozenset({".txt", ".text"})
HTML_SUFFIXES = frozenset({".html", ".htm", ".xhtml"})
ATTACHMENT_SUFFIXES = frozenset(
    [
        ".png",
        ".jpg",
        ".jpeg",
        ".jfif",
        ".gif",
        ".webp",
        ".avif",
        ".svg",
        ".bmp",
        ".ico",
        ".tif",
        ".tiff",
        ".heic",
        ".heif",
        ".apng",
        ".mp3",
        ".m4a",
        ".ogg",
        ".oga",
        ".opus",
        ".wav",
        ".flac",
        ".aac",
        ".mp4",
        ".m4v",
        ".webm",
        ".mov",
        ".ogv",
        ".avi",
        ".vtt",
        ".srt",
        ".pdf",
        ".doc",
        ".docx",
        ".xls",
        ".xlsx",
        ".ppt",
        ".pptx",
        ".odt",
        ".ods",
        ".odp",
        ".epub",
        ".csv",
        ".tsv",
        ".zip",
        ".gz",
        ".ipynb",
        ".kml",
        ".gpx",
        ".canvas",
    ]
)
MAX_PEOPLE = 2_000
BODY_FEATURES = frozenset({"autolinks", "strikethrough", "tables", "tasklists", "footnotes"})
"""GitHub's Markdown: what the CommonMark dialects have in common."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the caller of an import chose. Empty: the site's own configuration, then the generator's rule, decides.

    ``timezone`` is what somebody asked for; ``default_timezone`` is that of the site here, for what names none at all.
    """

    dialect: str = ""
    timezone: str = ""
    language: str = ""
    encoding: str = ""
    default_timezone: str = ""


# --- the files of a site ----------------------------------------------------------------------------------------

_SKIPPED_FOLDERS = {
    ".git": _("It belongs to version control, not to the site."),
    ".svn": _("It belongs to version control, not to the site."),
    ".hg": _("It belongs to version control, not to the site."),
    "__MACOSX": _("It was made by the archiver, not by the site."),
    "node_modules": _("It is an installed package, not part of the site."),
    ".jekyll-cache": _("It is a cache of the generator."),
    ".sass-cache": _("It is a cache of the generator."),
    ".venv": _("It is an installed package, not part of the site."),
    ".ssh": _("It may hold secrets."),
    ".trash": _("It was thrown away."),
}
_SKIPPED_NAMES = re.compile(r"\.DS_Store|Thumbs\.db|desktop\.ini|\._.*|.*\.sw[op]", re.IGNORECASE)
_SECRET_NAMES = re.compile(r"\.env(\..*)?|\.netrc|\.htpasswd|\.npmrc|id_(rsa|dsa|ecdsa|ed25519)|.*\.(pem|key|p12|pfx|kdbx)", re.I)


def skip_reason(path: str) -> str:
    """Why ``path`` is never taken in (English, marked for translation), or ``""``. The same for every dialect."""
    *folders, name = path.split("/")
    for folder in folders:
        if folder in _SKIPPED_FOLDERS:
            return _SKIPPED_FOLDERS[folder]
    if _SECRET_NAMES.fullmatch(name):
        return _("It may hold secrets.")
    if _SKIPPED_NAMES.fullmatch(name):
        return _("It was made by the operating system or an editor, not by the site.")
    return ""


def suffix_of(path: str) -> str:
    """The lower-case suffix with its dot, or ``""``."""
    return PurePosixPath(path).suffix.lower()


def paths_under(container: Container, folder: str, *, without: Iterable[str] = ()) -> Iterator[tuple[str, int]]:
    """Path relative to ``folder`` (``""`` or ``docs/``) and size of each member below it, sorted by path.

    ``without`` names folders (with their final slash, relative to the archive) that are sites of their own.
    """
    others = tuple(without)
    for path in sorted(container.members):
        if path.startswith(folder) and not (others and path.startswith(others)):
            yield path[len(folder) :], container.members[path].size


class _SameContainer:
    """Makes one container a cache key by its identity."""

    def __init__(self, container: Container) -> None:
        self.container = container

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SameContainer) and other.container is self.container

    def __hash__(self) -> int:
        return id(self.container)


@lru_cache(maxsize=2)
def _list_folders(same: _SameContainer) -> dict[str, frozenset[str]]:
    folders: dict[str, set[str]] = {"": set()}
    for path in same.container.members:
        *parents, name = path.split("/")
        folder = ""
        for parent in parents:
            folders[folder].add(parent + "/")
            folder += parent + "/"
            folders.setdefault(folder, set())
        folders[folder].add(name)
    return {folder: frozenset(names) for folder, names in folders.items()}


def list_folders(container: Container) -> dict[str, frozenset[str]]:
    """Every folder (``""``, ``docs/``, ``docs/a/``) of an archive with the names in it; folders end with ``/``."""
    return _list_folders(_SameContainer(container))


def entries(container: Container, folder: str) -> frozenset[str]:
    """The names directly in ``folder`` (``""`` or ``docs/``), folders with a final ``/``; empty where it does not exist."""
    return list_folders(container).get(folder, frozenset())


def has_front_matter(data: bytes) -> bool:
    """Whether a file starts with a front matter delimiter (``---``, ``+++``, ``;;;``, ``{``), BOM and blank lines allowed."""
    start = data[:512].removeprefix(b"\xef\xbb\xbf").lstrip()
    mark = rb"(---(?:ya?ml|json|toml)?|\+\+\+|;;;)[ \t]*\r?\n"
    return bool(re.match(mark, start)) or bool(re.match(rb"\{\s*\"[^\"\r\n]+\"\s*:", start))


def peek(container: Container, path: str) -> bytes:
    """The bytes of a member, to judge what it is; ``b""`` where it cannot be read, which its own reading will report."""
    try:
        return container.read(path)
    except RefusedFile:
        return b""


_TEMPLATE_CODE = re.compile(r"\{%-?\s*(?:for|assign|paginate|capture|if|unless|case|tablerow)\b|\{\{-?\s*content\s*-?\}\}")


def is_template_page(text: str) -> bool:
    """Whether ``text`` is a page made by template control flow (lists of posts, feeds), rather than something written."""
    return bool(_TEMPLATE_CODE.search(text))


def fingerprint(*parts: Any) -> str:
    """A short hash of plain values: equal if and only if the values are (up to JSON)."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


# --- configuration ------------------------------------------------------------------------------------------------


def read_config(container: Container, path: str, format: FrontMatterFormat) -> tuple[dict[str, Any], list[Finding]]:
    """The mapping in the configuration file ``path`` of the archive; ``({}, [finding])`` where it cannot be read."""
    try:
        return dict(frontmatter.parse_config(encoding.decode_text(container.read(path)), format)), []
    except RefusedFile as refused:
        finding = Finding(
            "config-unreadable",
            "warning",
            _("The configuration %(path)s cannot be read, so the generator's defaults are used: %(why)s"),
            {"path": path, "why": refused.finding},
            refused.finding.line,
        )
        return {}, [finding]


def propose_name(base_url: str, folder: str, archive_name: str = "") -> str:
    """The source's name: host and sub-path of ``base_url``, else the folder's name, else the archive's."""
    try:
        parts = urlsplit(base_url)
    except ValueError:
        parts = urlsplit("")
    if parts.netloc and parts.hostname not in ("localhost", "example.com", "example.org", "127.0.0.1"):
        return (parts.netloc.rpartition("@")[2] + parts.path).rstrip("/")
    return PurePosixPath(folder).name or archive_name


def zone_named(name: str, fallback: str = "UTC") -> str:
    """``name`` if it is a time zone of the IANA database, else ``fallback``."""
    try:
        return ZoneInfo(name.strip()).key if name.strip() else fallback
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return fallback


def choose_zone(options: ReadOptions, stated: str = "", generator: str = "") -> str:
    """The zone of dates that name none: what the site states, else what the caller asked for, else the generator's own rule
    (``generator``, where it has one), else that of the site here, else UTC. The same order for every dialect."""
    for name in (stated, options.timezone, generator, options.default_timezone):
        if zone := zone_named(name, ""):
            return zone
    return "UTC"


def with_zone(findings: list[Finding], options: ReadOptions, stated: str, zone: str, key: str) -> list[Finding]:
    """``findings`` of a configuration and what to tell about the zone that :func:`choose_zone` gave: that the name stated is
    none, or that nobody had chosen it. Of a configuration that is not there at all everything is the generator's default.
    ``key`` is the line of the dialect's configuration that states one."""
    if stated and not zone_named(stated, ""):
        template = _(
            "The configuration's time zone “%(stated)s” is no name such as Asia/Tokyo; dates without one are read in %(zone)s."
        )
        return [*findings, Finding("zone-unknown", "warning", template, {"stated": stated[:60], "zone": zone})]
    is_missing = any(finding.code in ("config-missing", "config-unreadable") for finding in findings)
    if stated or is_missing or zone_named(options.timezone, ""):
        return findings
    template = _(
        "The site states no time zone, so dates that name none are read in %(zone)s. "
        "Where that is not what they mean, write “%(key)s” there, or import again with --time-zone Asia/Tokyo "
        "or, at the desk, with another “Time zone” under “How it is read”."
    )
    return [*findings, Finding("zone-assumed", "info", template, {"zone": zone, "key": key})]


def read_people(data: Mapping[str, Any]) -> dict[str, str]:
    """Key → name of the people in a data file or a configuration, each a map with a name: what ``author: key`` means."""
    people: dict[str, str] = {}
    for key, person in list(data.items())[:MAX_PEOPLE]:
        name = person.get("name") or person.get("display_name") if isinstance(person, Mapping) else None
        if isinstance(name, str) and name.strip():
            people[str(key)] = name.strip()
    return people


def base_features(*more: str) -> frozenset[str]:
    """GitHub's set and ``more``."""
    return BODY_FEATURES | frozenset(more)
