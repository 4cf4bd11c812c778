"""Obsidian vaults and web clippings.

What is public: a vault is somebody's notebook, so a note is a draft unless the file itself says that it is public
(``publish: true``, which is Obsidian Publish's own rule, ``published: true``, ``dg-publish: true``, ``draft: false`` or a
public ``status``). A date makes nothing public: daily notes and clippings have one too. Clippings and templates are
drafts whatever they say. ``aliases`` are other titles here, not addresses.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop as _

from articles.findings import Finding
from articles.formats import frontmatter, sites, terms
from articles.formats.container import Container
from articles.formats.document import Cover, Document, Site, SiteFile, SourceText
from articles.formats.sites import FieldReader, ReadOptions, Recognition

NAME = "obsidian"

_FEATURES = ("callouts", "comments", "embeds", "hardbreaks", "highlight", "inline_footnotes", "math", "wikilinks")
_PUBLIC_KEYS = ("publish", "published", "dg-publish")
_PUBLIC_WORDS = frozenset({"published", "publish", "public", "公開", "公開済み"})
_CLIPPING = terms.identity("clippings")
_DATE_KEYS = (
    *("date", "published_at", "published", "created", "date created", "created_at", "dg-created", "creation date"),
    *("公開日", "作成日", "日付"),
)
_TEMPLATE_FOLDERS = frozenset({"templates", "template", "_templates", "テンプレート"})
_TEMPLATE_SETTINGS = (
    (".obsidian/templates.json", "folder"),
    (".obsidian/plugins/templater-obsidian/data.json", "templates_folder"),
)
_WIKILINK = re.compile(r"!?\[\[([^\]|#]*)(?:#[^\]|]*)?(?:\|([^\]]*))?\]\]")
_DATE_IN_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[-_ ]|$)")
# What holds no tags: code, comments of both kinds, maths, links and addresses.
_NOT_TEXT = re.compile(
    r"^(?P<fence> {0,3}(`{3,}|~{3,})).*?(?:^ {0,3}\2[`~]*[ \t]*$|\Z)|(?P<tick>`+)(?!`).*?(?<!`)(?P=tick)(?!`)"
    r"|%%.*?(?:%%|\Z)|<!--.*?(?:-->|\Z)|\$\$.*?(?:\$\$|\Z)|\[\[.*?\]\]",
    re.DOTALL | re.MULTILINE,
)
# Letters, digits and marks of any script, emoji, ``_ - /``; at least one that is no digit.
_INLINE_TAG = re.compile(
    r"(?:^|(?<=\s))#(?![\d/]+(?:[\s,.;:!?)\]、。]|\Z))([^\s#!-,.:-@\[-^`{-~\u2000-\u206f\u3000-\u303f\uff01-\uff0f]+)"
)


def recognise(container: Container, folder: str) -> Recognition:
    """``"config"`` for a folder with Obsidian's own ``.obsidian``."""
    return "config" if ".obsidian/" in sites.entries(container, folder) else ""


def recognise_file(front_matter: Mapping[str, Any], path: str) -> bool:
    """Whether a lone file came from Obsidian: its own keys, a clipping's tag, or a link to a note as a value."""
    if not {"cssclasses", "cssclass", "publish", "dg-publish"}.isdisjoint(front_matter):
        return True
    tags = frontmatter.as_list(front_matter.get("tags"))
    return _CLIPPING in map(terms.identity, tags) or any(_has_wikilink(value) for value in front_matter.values())


def _has_wikilink(value: Any) -> bool:
    if isinstance(value, list):
        return any(_has_wikilink(item) for item in value)
    return isinstance(value, str) and _WIKILINK.fullmatch(value.strip()) is not None


def read_site(container: Container, folder: str, options: ReadOptions) -> Site:
    """The vault in ``folder``: its notes, attachments and where its templates are. Never raises on its content."""
    names, findings = _find_template_folders(container, folder)
    app: dict[str, Any] = {}
    if f"{folder}.obsidian/app.json" in container.members:
        app, problems = sites.read_config(container, f"{folder}.obsidian/app.json", "json")
        findings += problems
    site = Site(
        root=folder,
        dialect=NAME,
        name=sites.propose_name("", folder, container.name),
        timezone=sites.choose_zone(options),
        language=options.language,
        encoding=options.encoding,
        config={"templates": names, "is_strict": frontmatter.as_bool(app.get("strictLineBreaks")) is True},
        findings=findings,
    )
    site.fingerprint = sites.fingerprint(NAME, site.config, site.timezone, site.language, site.encoding)
    site.files = {path: _describe_file(path, size) for path, size in sites.paths_under(container, folder)}
    return site


def _find_template_folders(container: Container, folder: str) -> tuple[list[str], list[Finding]]:
    """Folders of templates that the vault's settings name, each with its final slash; and what could not be read."""
    found: set[str] = set()
    findings: list[Finding] = []
    for path, key in _TEMPLATE_SETTINGS:
        if folder + path in container.members:
            values, problems = sites.read_config(container, folder + path, "json")
            findings += problems
            found.add(frontmatter.as_text(values.get(key)).strip("/"))
    return sorted(f"{name}/" for name in found if name), findings


def _describe_file(path: str, size: int) -> SiteFile:
    if reason := sites.skip_reason(path):
        return SiteFile(path, "skipped", size, reason)
    if any(part.startswith(".") for part in path.split("/")):
        return SiteFile(path, "site_file", size)
    if path.lower().endswith(".excalidraw.md"):
        return SiteFile(path, "site_file", size, _("It is a drawing of a plugin and holds no text."), is_unread=True)
    suffix = sites.suffix_of(path)
    if suffix in (".canvas", ".base"):
        return SiteFile(path, "site_file", size, _("Only Obsidian can draw it."), is_unread=True)
    if suffix in sites.MARKDOWN_SUFFIXES:
        return SiteFile(path, "document", size)
    return SiteFile(path, "attachment" if suffix in sites.ATTACHMENT_SUFFIXES else "site_file", size)


def read_document(site: Site, path: str, source: SourceText, front_matter: Mapping[str, Any], sha256: str) -> Document:
    """A note, a clipping or a template. Raises RefusedFile for more tags than one text may have."""
    fields = FieldReader(front_matter, ZoneInfo(site.timezone))
    fields.has_other_statuses = True
    fields.ignore_spelling()
    stem = posixpath.splitext(posixpath.basename(path))[0]
    document = Document(path, sha256, NAME, source, title="", source_title=stem)
    config = site.config if site.dialect == NAME else {}
    document.features = sites.base_features(*_FEATURES) - ({"hardbreaks"} if config.get("is_strict") else frozenset())
    document.tags = _read_tags(fields, source.body)
    document.categories = [(name,) for name in _unlink(fields, "categories", "category")]
    # ``published`` is a day to the clipper and a switch to others.
    dated = [key for key in _DATE_KEYS if fields.may_be_date(key)]
    document.published_at = fields.date(*dated) or _date_in_name(fields, stem)
    document.kind = "article" if document.published_at else "page"
    is_clipping = _read_origin(document, fields)
    _set_address(document, fields, path)
    document.series = next(iter(_unlink(fields, "series")), "")
    if cover := fields.cover("cover", "image", "banner"):
        document.cover = Cover(_unlink_text(cover.target), cover.alt, cover.caption)
    # Other titles of the note: they stay in the front matter for the links that use them.
    fields.values = {
        key: value for key, value in front_matter.items() if key not in ("aliases", "alias", "series", "author", "authors")
    }
    is_template = _is_template(config, path)
    _set_state(document, fields, is_clipping=is_clipping, is_template=is_template)
    sites.fill_common(document, fields, language=site.language)
    if is_template:
        # Its heading is template code, such as {{title}}.
        document.title = stem
    return document


def _date_in_name(fields: FieldReader, stem: str) -> Any:
    """A daily note is named for its day."""
    match = _DATE_IN_NAME.match(stem)
    return sites.parse_or_none(match[1], fields.zone) if match else None


def _is_template(config: Mapping[str, Any], path: str) -> bool:
    folders = path.lower().split("/")[:-1]
    return path.startswith(tuple(config.get("templates", ()))) or not _TEMPLATE_FOLDERS.isdisjoint(folders)


def _read_tags(fields: FieldReader, body: str) -> list[str]:
    """Tags of the front matter (a list, or a text with commas or blanks), then those within the text, each once."""
    stated: list[str] = []
    for text in fields.texts("tags", "tag"):
        stated += re.split(r"[,\s、，]+", text) if isinstance(fields.value("tags", "tag"), str) else [text]
    found = [tag.strip().lstrip("#").strip("/") for tag in (*stated, *_find_inline_tags(body))]
    kept: dict[str, str] = {}
    for tag in found:
        kept.setdefault(terms.identity(tag), tag)
    return [tag for name, tag in kept.items() if name]


def _find_inline_tags(body: str) -> Iterator[str]:
    if "#" not in body:
        return
    for match in _INLINE_TAG.finditer(_NOT_TEXT.sub(" x ", body)):
        tag = match[1].strip("/")
        if tag and not re.fullmatch(r"[\d/]+", tag):
            yield tag


def _unlink(fields: FieldReader, *names: str) -> list[str]:
    """Names that may be written as links to notes: ``[[Desk|the desk]]`` is "the desk", ``[[People/Desk]]`` is "Desk"."""
    return [name for text in fields.texts(*names) if (name := _unlink_text(text))]


def _unlink_text(text: str) -> str:
    match = _WIKILINK.fullmatch(text.strip())
    if match is None:
        return text.strip()
    return (match[2] or posixpath.basename(match[1])).strip()


def _read_origin(document: Document, fields: FieldReader) -> bool:
    """Sets the bylines, and says whether the text is somebody else's: a clipping, whose ``author`` is a quoted source.

    A clipping has the tag or the category ``clippings``, or a ``source`` on another host and no byline of the vault's
    own. A link to a note is how the clipper writes whom it quotes, and how a reading list names a book's author: it is a
    byline only in a note that says it is public, and ``[[@Name]]`` never is.
    """
    names = fields.texts("author", "authors")
    linked = [name for name in names if _WIKILINK.fullmatch(name.strip())]
    own = [name for name in fields.authors("author", "authors") if name not in linked and not name.startswith("@")]
    has_source = any(sites.is_web_address(fields.text(key)) for key in ("source", "source_url"))
    groups = {terms.identity(name) for name in (*document.tags, *(path[0] for path in document.categories))}
    if _CLIPPING in groups or (has_source and not own):
        fields.known -= {"author", "authors"}
        return True
    if _says_public(fields):
        own += [_unlink_text(name) for name in linked if "@" not in name]
    document.authors = own
    if not own:
        fields.known -= {"author", "authors"}
    return False


def _set_address(document: Document, fields: FieldReader, path: str) -> None:
    """``permalink`` of Obsidian Publish; the path that Publish gives by itself, blanks as ``+``, becomes an old address."""
    stated = fields.text("permalink", "dg-permalink")
    if stated:
        document.permalink = sites.clean_address("/" + stated.lstrip("/") if not urlsplit(stated).scheme else stated)
        document.permalink_stated = document.permalink is not None
        if document.permalink is None:
            fields.warn_of_address("permalink", stated)
    if fields.flag("publish") is True:
        address = sites.decode_address("/" + posixpath.splitext(path)[0].replace(" ", "+").replace("%", "%25"))
        document.aliases = [address] if address and address != document.permalink else []


def _set_state(document: Document, fields: FieldReader, *, is_clipping: bool, is_template: bool) -> None:
    """Drafts, each with the reason that an editor can act on."""
    if is_clipping:
        _keep_private(
            document, "web-clipping", "warning", _("This is a clipping of somebody else's page; it stays a private draft.")
        )
    elif is_template:
        _keep_private(document, "template", "info", _("This is a template for notes, not a text; it stays a draft."))
    elif any(fields.flag(key) is False for key in _PUBLIC_KEYS) or fields.flag("draft") is True:
        document.draft = True
    elif not _says_public(fields):
        _keep_private(
            document,
            "vault-note",
            "info",
            _("Nothing in this note says that it is public, so it stays a draft. Publish it here, or write “publish: true”."),
        )


def _says_public(fields: FieldReader) -> bool:
    """Whether any key opens the note; a key that closes it again is weighed where all drafts are."""
    is_open = any(fields.flag(key) is True for key in _PUBLIC_KEYS) or fields.flag("draft") is False
    return is_open or fields.text("status").casefold() in _PUBLIC_WORDS


def _keep_private(document: Document, code: str, severity: Any, template: str) -> None:
    document.draft = True
    document.findings.append(Finding(code, severity, template))
