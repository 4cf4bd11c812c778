"""What the dialects share: a site's configuration, the role of each path, addresses, and the common front matter fields."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import encoding, frontmatter, terms
from articles.formats.container import Container
from articles.formats.dates import BadDate, describe_bad_date, parse_date
from articles.formats.document import Cover, Document, FrontMatterFormat
from articles.formats.frontmatter.values import is_null

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
BODY_FEATURES = frozenset({"autolinks", "strikethrough", "tables", "tasklists", "footnotes"})
"""GitHub's Markdown: what the CommonMark dialects have in common."""

MAX_TERMS = 500


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the caller of an import chose. Empty: the site's own configuration, then the generator's rule, decides."""

    dialect: str = ""
    timezone: str = ""
    language: str = ""
    encoding: str = ""


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
    return bool(re.match(rb"(---|\+\+\+|;;;)[ \t]*\r?\n", start)) or bool(re.match(rb"\{\s*\"[^\"\r\n]+\"\s*:", start))


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
        # A comment in front, lest the configuration's own "---" be taken for front matter.
        source = encoding.decode_source(b"#\n" + container.read(path).removeprefix(b"\xef\xbb\xbf"))
        return dict(frontmatter.parse(*_as_front_matter(source.body[1:], format))), []
    except RefusedFile as refused:
        line = refused.finding.line
        finding = Finding(
            "config-unreadable",
            "warning",
            _("The configuration %(path)s cannot be read, so the generator's defaults are used: %(why)s"),
            {"path": path, "why": refused.finding.message},
            line - 1 if line and line > 1 else None,
        )
        return {}, [finding]


def _as_front_matter(text: str, format: FrontMatterFormat) -> tuple[str, FrontMatterFormat]:
    """A configuration in the delimiters that :func:`frontmatter.parse` expects. ``text`` begins with an empty line."""
    if format == "yaml":
        content = re.sub(r"\A((?:[ \t]*(?:#[^\n]*)?\n)*)(?:%[^\n]*\n)*---[ \t]*(?=\n)", r"\1", text)
        return f"---{content}\n---\n", format
    return (f"+++{text}\n+++\n" if format == "toml" else text), format


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


def split_base_url(url: str) -> tuple[str, str]:
    """A site's ``url``/``baseURL`` as ``(base_url, base_path)``: the address without, and its sub-path without, final slash."""
    text = url.strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        return "", ""
    path = clean_address(parts.path) or "/"
    if parts.scheme not in ("http", "https", "") or (parts.scheme and not parts.netloc):
        return "", ""
    return (text.rstrip("/") if parts.netloc else ""), path.rstrip("/")


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


# --- addresses ----------------------------------------------------------------------------------------------------

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def clean_address(text: str) -> str | None:
    """``text`` as a decoded path that starts with ``/``, without query and fragment; ``None`` where it is no path of this site.

    No path are other hosts (``//host``, ``https://host/x``), other schemes, backslashes, control and direction
    characters, also when percent-encoded, dot segments, and the empty text.
    """
    raw = text.strip()
    if not raw or raw.startswith("//") or _SCHEME.match(raw):
        return None
    return decode_address(re.split(r"[?#]", raw, maxsplit=1)[0])


def decode_address(path: str) -> str | None:
    """A percent-encoded ``path`` (no query) decoded to Unicode; ``None`` where a browser or a header could misread it."""
    decoded = unquote(path, errors="strict") if _decodes(path) else path
    if _UNSAFE.search(text := "/" + decoded.lstrip("/")) or (decoded.startswith("//")):
        return None
    if any(part in (".", "..") for part in text.split("/")):
        return None
    return text


def _decodes(path: str) -> bool:
    try:
        unquote(path, errors="strict")
    except UnicodeDecodeError:
        return False
    return True


def strip_host(text: str, host: str) -> str:
    """An absolute address on the site's own ``host`` as its path; anything else as it is."""
    if not host or not is_web_address(text):
        return text
    parts = urlsplit(text)
    return parts.path or "/" if parts.hostname == host.lower() else text


def parse_or_none(text: str, zone: ZoneInfo) -> datetime | None:
    """The instant that ``text`` names; ``None`` also where it names none."""
    try:
        return parse_date(text, zone)
    except BadDate:
        return None


def join_base(base_path: str, path: str) -> str:
    """``path`` below a site's sub-path."""
    return f"{base_path.rstrip('/')}/{path.lstrip('/')}"


# --- front matter -------------------------------------------------------------------------------------------------

_PRIVILEGED = re.compile(r"id|pk|is_\w+|\w+_id|owner|created_by|updated_by|permissions?|groups?|view_count")
_PUBLIC_WORDS = frozenset({"published", "publish", "public", "live", "done", "公開", "公開済み"})
_STATUS_KEYS = ("status", "state", "post_status", "visibility")
_SECRET_KEYS = ("password", "encrypt", "encrypted")
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
        self.known: set[str] = set()
        self.findings: list[Finding] = []
        self.has_bad_date = False

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
            if found is not None and not isinstance(found, Mapping | list | tuple):
                if text := frontmatter.as_text(found).strip():
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

    def peek(self, name: str) -> str:
        """The text of a key that does not become a field by being looked at."""
        found = self.values.get(name)
        return frontmatter.as_text(found) if isinstance(found, str) else ""

    def flag(self, name: str) -> bool | None:
        """The value as true or false; ``None`` where it is absent or says neither."""
        found = self._look_up(name)
        return None if found is None else frontmatter.as_bool(found)

    def date(self, *names: str, zone: ZoneInfo | None = None) -> datetime | None:
        """The first date; a value that is no date gives a finding, sets ``has_bad_date``, and the next name is tried."""
        for name in names:
            if not (text := self.text(name)):
                continue
            try:
                if instant := parse_date(text, zone or self.zone):
                    return instant
            except BadDate as error:
                self.has_bad_date = True
                self.findings.append(describe_bad_date(error, name, line=self._line(name)))
        return None

    def integer(self, name: str) -> int | None:
        """The value as a whole number of at most nine digits, or ``None``."""
        text = self.text(name)
        return int(text) if re.fullmatch(r"[+-]?[0-9]{1,9}", text) else None

    def is_draft(self) -> bool:
        """Whether any key says that this is not public; where keys contradict each other, the more private one wins.

        ``published`` may be a date (Web Clipper), which says nothing here.
        """
        private, public = self._read_publication_keys()
        if private and public:
            self.warn(
                "draft-contradiction",
                _("“%(private)s” and “%(public)s” contradict each other; it stays a draft. Remove one of them."),
                private[0],
                private=private[0],
                public=public[0],
            )
        return bool(private)

    def _read_publication_keys(self) -> tuple[list[str], list[str]]:
        private: list[str] = []
        public: list[str] = []
        for name, when_public in (
            ("draft", False),
            ("private", False),
            ("ignorePublish", False),
            ("published", True),
            ("publish", True),
        ):
            if (found := self._look_up(name)) is None or not frontmatter.as_text(found).strip():
                continue
            said = frontmatter.as_bool(found)
            if said is None and name in ("published", "publish") and self._is_date(found):
                continue
            if said is None:
                self._warn_unknown_state(name)
            (public if said is when_public else private).append(name)
        for name in _STATUS_KEYS:
            if word := self.text(name).casefold():
                if word not in _PUBLIC_WORDS and word not in ("draft", "private", "pending", "future", "下書き", "非公開"):
                    self._warn_unknown_state(name)
                (public if word in _PUBLIC_WORDS else private).append(name)
        if locked := [name for name in _SECRET_KEYS if self.flag(name) is not False and self.text(name)]:
            private += locked
            self.warn(
                "password", _("“%(key)s” locked this text on the old site; it stays a draft here."), locked[0], key=locked[0]
            )
        return private, public

    def _is_date(self, value: Any) -> bool:
        try:
            return parse_date(frontmatter.as_text(value), self.zone) is not None
        except BadDate:
            return False

    def _warn_unknown_state(self, name: str) -> None:
        self.warn(
            "unknown-status",
            _("“%(key)s: %(value)s” is no state known here; it stays a draft. Write “draft” or “published”."),
            name,
            key=name,
            value=self.text(name)[:80],
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
        scheme = _SCHEME.match(target)
        return not _UNSAFE.search(target) and (not scheme or scheme.group().lower() in ("http:", "https:"))

    def url(self, *names: str) -> str:
        """The first http(s) address; any other value is left out with a finding."""
        for name in names:
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
        text = self.text(*names)
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
            if isinstance(name, str) and _PRIVILEGED.fullmatch(name):
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
        head, _dot, rest = name.partition(".")
        found = self.values.get(name) if name in self.values else self.values.get(head)
        if name not in self.values and rest:
            for part in rest.split("."):
                found = found.get(part) if isinstance(found, Mapping) else None
        if found is None or is_null(found):
            return None
        if (key := name if name in self.own else head) in self.own:
            self.known.add(key)
        return found

    def _line(self, name: str) -> int | None:
        found = self.own.get(name, self.own.get(name.partition(".")[0]))
        return getattr(found, "line", None) or None


def flatten_texts(value: Any) -> Iterator[str]:
    """The texts in a value, lists unrolled; maps and empty texts are left out."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from flatten_texts(item)
    elif value is not None and not isinstance(value, Mapping):
        if text := frontmatter.as_text(value):
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


def is_web_address(text: str) -> bool:
    """Whether ``text`` is an absolute http(s) address with a host and without blanks, quotes, brackets or control characters."""
    if re.search(r"[\s<>\"'`\\]", text) or _UNSAFE.search(text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


# --- titles -------------------------------------------------------------------------------------------------------

_ATX = re.compile(r" {0,3}#[ \t]+(.+?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_MARKS = (
    (re.compile(r"\s*\{[:#][^}]*\}\s*$"), ""),
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
        if previous.strip() and re.fullmatch(r" {0,3}=+[ \t]*", line) and (text := plain_heading(previous)):
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
    return " ".join(stem.replace("_", " ").split()) or pure.name or "untitled"


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
    heading = "" if document.flavour == "html" else first_heading(document.source.body)
    document.title = stated or heading or (document.source_title or "").strip() or title_from_name(document.path)
    document.slug = document.slug or fields.slug("slug")
    document.updated_at = document.updated_at or fields.date(
        "last_modified_at", "updated_at", "updated", "lastmod", "modified", "last_modified"
    )
    document.expires_at = document.expires_at or fields.date("expires_at", "expiryDate", "expirydate", "unpublishdate", "expires")
    document.authors = document.authors or fields.authors("author", "authors")
    document.aliases = document.aliases or fields.aliases(
        document.permalink, "redirect_from", "aliases", "alias", base_path=base_path
    )
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
    )
    document.excerpt = document.excerpt or fields.text("excerpt", "summary")
    document.description = document.description or fields.text("description")
    document.canonical_url = document.canonical_url or fields.url("canonical_url", "canonicalUrl", "canonicalURL", "canonical")
    read_source_url(document, fields, own_hosts)
    document.series = document.series or fields.text("series")
    document.series_order = document.series_order if document.series_order is not None else fields.integer("series_order")
    document.language = document.language or fields.text("lang", "language", "locale").replace("_", "-") or language
    document.translation_key = document.translation_key or fields.text("translation_key", "translationKey", "ref")
    limit_terms(document)
    fields.warn_of_privileged_keys()
    document.front_matter = fields.own
    document.known_keys = frozenset(fields.known)
    document.findings.extend(fields.findings)


def read_source_url(document: Document, fields: FieldReader, own_hosts: Iterable[str]) -> None:
    """Sets ``source_url`` from ``source``/``source_url`` where it is a page on another host, with a finding."""
    name = next((n for n in ("source_url", "source") if is_web_address(fields.text(n))), "")
    if not name:
        if (text := fields.text("source_url")) or _SCHEME.match(text := fields.text("source")):
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


def base_features(*more: str) -> frozenset[str]:
    """GitHub's set and ``more``."""
    return BODY_FEATURES | frozenset(more)
