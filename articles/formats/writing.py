"""Which front matter key of which dialect says what a field says: how a change at the desk is written into the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from articles.formats import frontmatter
from articles.formats.document import FrontMatterFormat
from articles.formats.frontmatter import Value, as_bool, as_text

Field = Literal[
    "title",
    "slug",
    "path",
    "published_at",
    "updated_at",
    "expires_at",
    "draft",
    "language",
    "description",
    "custom_excerpt",
    "canonical_url",
    "authors",
    "categories",
    "tags",
    "series",
    "cover_target",
    "cover_alt",
    "cover_caption",
]

# Every list begins with the key that the dialect itself documents; the others are used where a file has them already.
_COMMON: dict[Field, tuple[str, ...]] = {
    "title": ("title",),
    "slug": ("slug",),
    "path": ("permalink", "url"),
    "published_at": ("date", "published_at", "created_at", "created"),
    "updated_at": ("last_modified_at", "lastmod", "updated", "updated_at", "modified"),
    "expires_at": ("expires_at", "expiryDate"),
    "draft": ("draft", "published", "publish", "private", "ignorePublish"),
    "language": ("lang", "language", "locale"),
    "description": ("description",),
    "custom_excerpt": ("excerpt", "summary"),
    "canonical_url": ("canonical_url", "canonicalURL", "canonical"),
    "authors": ("author", "authors"),
    "categories": ("categories", "category"),
    "tags": ("tags", "tag", "keywords"),
    "series": ("series",),
    "cover_target": ("image", "cover", "cover_image", "thumbnail", "featured_image"),
    "cover_alt": ("image_alt", "cover_alt"),
    "cover_caption": ("image_caption", "cover_caption"),
}
_OWN: dict[str, dict[Field, tuple[str, ...]]] = {
    "jekyll": {"draft": ("published", "draft", "publish", "private")},
    "hugo": {
        "path": ("url",),
        "published_at": ("publishDate", "date"),
        "updated_at": ("lastmod", "updated", "last_modified_at", "modified"),
        "expires_at": ("expiryDate",),
        "custom_excerpt": ("summary", "excerpt"),
        "canonical_url": ("canonicalURL", "canonical_url", "canonical"),
        "authors": ("authors", "author"),
        "cover_target": ("cover", "image", "featured_image", "thumbnail", "images"),
    },
    "hexo": {
        "updated_at": ("updated", "lastmod", "last_modified_at"),
        "draft": ("published", "draft"),
        "cover_target": ("cover", "thumbnail", "image", "banner"),
    },
    "zenn": {
        "published_at": ("published_at",),
        "draft": ("published",),
        "tags": ("topics",),
    },
    "obsidian": {
        "draft": ("publish", "draft", "published"),
        "published_at": ("date", "published", "created"),
        "authors": ("author", "authors"),
    },
}
_WRITTEN_WHERE_ABSENT: dict[str, dict[Field, str]] = {"hugo": {"published_at": "date"}}
_PUBLIC_WHEN_TRUE = frozenset(("published", "publish"))
_PRIVATE_BY_DEFAULT = frozenset(("obsidian", "zenn"))
_STATE_WORDS = ("status", "state", "post_status", "visibility")
_PRIVATE_WORDS = frozenset(("draft", "private", "pending", "future", "下書き", "非公開"))
_LISTS = frozenset(("authors", "categories", "tags"))
_IN_COVER: dict[str, tuple[str, ...]] = {
    "cover_target": ("image", "src", "path", "url", "feature", "teaser"),
    "cover_alt": ("alt",),
    "cover_caption": ("caption",),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One key to write. ``value`` ``None`` removes the key."""

    key: tuple[str, ...]
    value: Any


def write_fields(head: str, format: FrontMatterFormat, dialect: str, changes: Mapping[Field, Any], zone: ZoneInfo) -> str:
    """``head`` with ``changes`` written into it, each as a change of the file's own key, or of the dialect's where it has none.

    Values: texts; aware datetimes; ``draft`` a bool; ``authors``, ``tags`` lists of names; ``categories`` a list of
    names. Empty values remove the key. ``zone`` is the one in which a date is spelled where the file's own date does
    not say. A text without front matter gets a block. Raises :class:`articles.formats.frontmatter.EditError` where a
    key cannot be changed alone, and RefusedFile where ``head`` cannot be read.
    """
    for field, value in changes.items():
        mapping = frontmatter.parse(head, format) if head.strip() else {}
        change = find_change(mapping, dialect, field, value, zone)
        if change is None:
            continue
        if change.value is None:
            head = frontmatter.remove_key(head, format or "yaml", change.key)
        else:
            head = frontmatter.set_key(head, format or "yaml", change.key, change.value)
    return head


def find_change(mapping: Mapping[str, Value], dialect: str, field: Field, value: Any, zone: ZoneInfo) -> Change | None:
    """What to write for one field; ``None`` where the file already says it or has nothing to remove."""
    names = _OWN.get(dialect, {}).get(field) or _COMMON[field]
    if field == "draft":
        return _change_draft(mapping, names, dialect, bool(value))
    if field in _IN_COVER and (cover := _change_in_cover(mapping, field, value)):
        return cover
    own = _own_key(mapping, names)
    if value in ("", None, []):
        return Change((own,), None) if own else None
    key = own or _WRITTEN_WHERE_ABSENT.get(dialect, {}).get(field) or names[0]
    if isinstance(value, datetime):
        value = value.astimezone(_zone_of(mapping.get(own or ""), zone))
    if field in _LISTS:
        value = list(value)
        if len(value) == 1 and own and isinstance(mapping[own], str):
            value = value[0]
    return Change((key,), value)


def _own_key(mapping: Mapping[str, Value], names: tuple[str, ...]) -> str | None:
    """The file's own spelling of the first of ``names`` that it has: Hugo's keys are case-insensitive."""
    spelled = {name.casefold(): name for name in mapping}
    return next((spelled[name.casefold()] for name in names if name.casefold() in spelled), None)


def _change_draft(mapping: Mapping[str, Value], names: tuple[str, ...], dialect: str, draft: bool) -> Change | None:
    """Only keys that hold a yes or no count: ``published: 2025-11-18`` of a web clipping is a date.

    A key in words (``status: draft``) is changed first, as it would contradict any other.
    """
    for name in (_own_key(mapping, (key,)) for key in _STATE_WORDS):
        if name and (as_text(mapping[name]).casefold() in _PRIVATE_WORDS) is not draft:
            return Change((name,), "draft" if draft else "published")
    present = [name for name in (_own_key(mapping, (key,)) for key in names) if name and as_bool(mapping[name]) is not None]
    for name in present:
        wanted = draft if name.casefold() not in _PUBLIC_WHEN_TRUE else not draft
        if as_bool(mapping[name]) is not wanted:
            return Change((name,), wanted)
    if present:
        return None
    key = next(name for name in names if _own_key(mapping, (name,)) is None)
    wanted = draft if key not in _PUBLIC_WHEN_TRUE else not draft
    return Change((key,), wanted) if draft or dialect in _PRIVATE_BY_DEFAULT else None


def _change_in_cover(mapping: Mapping[str, Value], field: str, value: Any) -> Change | None:
    for name in ("cover", "image", "header"):
        holder = mapping.get(name)
        if isinstance(holder, dict):
            inner = next((key for key in _IN_COVER[field] if key in holder), _IN_COVER[field][0])
            if as_text(holder.get(inner)) == (value or ""):
                return None
            return Change((name, inner), value or None)
    return None


def _zone_of(old: Value | None, zone: ZoneInfo) -> Any:
    """The zone in which the file's own date is spelled, so that a change of the hour is not also one of the offset."""
    text = as_text(old)
    if text:
        try:
            if moment := frontmatter.as_date(old, zone):
                return moment.tzinfo
        except ValueError:
            return zone
    return zone


_ALIAS_KEYS = {"jekyll": "redirect_from", "hugo": "aliases"}


def compose(dialect: str, fields: Mapping[Field, Any], *, aliases: list[str], extra: Mapping[str, Any], zone: ZoneInfo) -> str:
    """A front matter block in ``dialect`` that says ``fields``; unknown keys follow as they are.

    A public post needs no word for it but in dialects whose default is private (Obsidian, Zenn). Obsidian's own
    ``aliases`` are titles, so former addresses are left out there.
    """
    said = {field: value for field, value in fields.items() if value not in (None, "", [])}
    head = write_fields("", "", dialect, said, zone)
    if key := _ALIAS_KEYS.get(dialect) if aliases else None:
        head = frontmatter.set_key(head, "yaml", key, aliases)
    taken = frontmatter.parse(head, "yaml") if head else {}
    for key, value in extra.items():
        if key == "aliases" and dialect != "obsidian":
            # A vault's aliases are other titles; elsewhere they would be read as addresses.
            key = "alternative_titles"
        if key not in taken:
            head = frontmatter.set_key(head, "yaml", key, value)
    return head
