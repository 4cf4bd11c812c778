"""The neutral form between dialects: what a file of a Markdown site says, before any database is touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from articles.findings import Finding

FrontMatterFormat = Literal["yaml", "toml", "json", ""]
Role = Literal["document", "attachment", "site_file", "skipped"]
Kind = Literal["article", "page"]
Flavour = Literal["commonmark", "kramdown", "html"]


@dataclass(slots=True)
class SourceText:
    """A decoded file, from which :func:`articles.formats.encoding.encode_source` gives the same bytes again.

    ``head + body`` is the whole text with line ends as ``\\n``. ``head`` is the front matter block verbatim: what
    stands before it (blank lines), both delimiters and the line end after the closing one; ``""`` where there is
    none. ``newline`` is the file's line end (``\\n``, ``\\r\\n`` or ``\\r``). ``raw`` holds the original bytes only
    where encoding the text does not give them back (mixed line ends, ISO-2022-JP); else ``None``.
    """

    head: str
    body: str
    format: FrontMatterFormat = ""
    encoding: str = "utf-8"
    bom: bool = False
    newline: str = "\n"
    raw: bytes | None = None


@dataclass(slots=True)
class Cover:
    """``target`` is the address or path as the file writes it."""

    target: str
    alt: str = ""
    caption: str = ""


@dataclass(slots=True)
class Document:
    """One post or standing page, as its dialect and site configuration read it. Times are aware.

    ``permalink`` is a decoded Unicode path beginning with ``/`` (no host, no query, base path and language prefix
    included), or ``None`` where the site has no rule of its own for it: the house pattern then applies.
    ``permalink_stated`` is true only where the file itself states the address (``permalink``, ``url``, ``path``).
    ``categories`` are paths in a tree, outermost first. ``aliases`` are old addresses, same form as ``permalink``.
    ``front_matter`` is the parsed mapping in the file's own spelling and order; values are those of
    :mod:`articles.formats.frontmatter`. ``known_keys`` names the top-level keys that became fields here; the rest
    are shown to editors as they stand.
    ``source_title`` is what the generator had (``None``: nothing); ``title`` is never empty. ``shows_future`` says that the
    old site showed texts before their date.
    """

    path: str
    sha256: str
    dialect: str
    source: SourceText
    title: str
    kind: Kind = "article"
    flavour: Flavour = "commonmark"
    features: frozenset[str] = frozenset()
    front_matter: Mapping[str, Any] = field(default_factory=dict)
    known_keys: frozenset[str] = frozenset()
    source_title: str | None = None
    slug: str = ""
    permalink: str | None = None
    permalink_stated: bool = False
    aliases: list[str] = field(default_factory=list)
    draft: bool = False
    published_at: datetime | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None
    authors: list[str] = field(default_factory=list)
    categories: list[tuple[str, ...]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    series: str = ""
    series_order: int | None = None
    cover: Cover | None = None
    excerpt: str = ""
    description: str = ""
    canonical_url: str = ""
    noindex: bool = False
    source_url: str = ""
    language: str = ""
    translation_key: str = ""
    findings: list[Finding] = field(default_factory=list)
    shows_future: bool = False


@dataclass(slots=True)
class SiteFile:
    """What one path of a site is. ``public_paths`` are the addresses at which the old site served an attachment.

    ``is_unread`` says of a site file that somebody wrote it to be read and that it is no document here; ``reason`` says
    why, and ``lost`` is the address that it had, as far as that is known.
    """

    path: str
    role: Role
    size: int = 0
    reason: str = ""
    public_paths: tuple[str, ...] = ()
    is_unread: bool = False
    lost: str = ""


@dataclass(slots=True)
class Site:
    """One detected site root in an archive. Plain data: it is sent to worker processes.

    ``root`` is the folder inside the archive (``""`` or ``docs/``); all paths below are relative to it.
    ``dialect`` is the root's dialect; a single file may still be read in another (``plain`` roots).
    ``name`` proposes the source's name (``url``/``baseURL`` without scheme, else the folder's name).
    ``base_path`` is the sub-path of ``url``/``baseURL`` without a trailing slash. ``timezone`` is an IANA name:
    that of the configuration, else that of the generator's rule, else what the caller gave.
    ``field_names`` are keys of the front matter that are read as a field which this dialect knows by another key.
    ``config`` is whatever the dialect needs to read a document without reading another file.
    ``values`` are what its texts may print by name, ``site.title`` for one (:mod:`articles.formats.values`).
    ``fingerprint`` changes when configuration or options change the reading of an unchanged file.
    ``lists`` are the lists that the old site had, as ``[kind, address]``: an address is a decoded path that ends with
    ``/``, base path and language prefix included; the kind is ``home``, ``section`` (of what stands below), ``list``
    or ``archive`` (by date), or what the parts below name: ``tag``, ``category``, ``author``, ``series``, or ``terms``
    of a taxonomy that is none of these. ``section:content/news/`` says also in which folder its files lie.
    """

    root: str
    dialect: str
    name: str
    base_url: str = ""
    base_path: str = ""
    timezone: str = "UTC"
    language: str = ""
    title: str = ""
    encoding: str = ""
    field_names: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    files: dict[str, SiteFile] = field(default_factory=dict)
    lists: list[list[str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    fingerprint: str = ""
