"""Which front matter key of which dialect says what a field says: how a change at the desk is written into the file."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from articles.formats import frontmatter
from articles.formats.document import FrontMatterFormat
from articles.formats.frontmatter import Value, as_bool, as_text
from articles.formats.states import (
    NOINDEX_KEYS,
    ROBOTS_KEY,
    STATE_KEYS,
    fold_state_key,
    read_state,
    says_noindex,
    without_noindex,
    write_state,
)

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
    "noindex",
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
    "noindex": NOINDEX_KEYS,
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
        "noindex": NOINDEX_KEYS[::-1],
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
_MAX_STATE_KEYS = 12
WRITABLE = frozenset(_COMMON)
"""The fields that :func:`write_fields` takes."""
_LISTS = frozenset(("authors", "categories", "tags"))
_IN_COVER: dict[str, tuple[str, ...]] = {
    "cover_target": ("image", "src", "path", "url", "feature", "teaser"),
    "cover_alt": ("alt",),
    "cover_caption": ("caption",),
}


def main_key(dialect: str, field: Field) -> str:
    """The key by which the dialect itself knows a field. Raises KeyError for an unknown field."""
    return _OWN.get(dialect, {}).get(field, _COMMON[field])[0]


@dataclass(frozen=True, slots=True)
class Change:
    """One key to write. ``value`` ``None`` removes the key."""

    key: tuple[str, ...]
    value: Any


def write_fields(head: str, format: FrontMatterFormat, dialect: str, changes: Mapping[Field, Any], zone: ZoneInfo) -> str:
    """``head`` with ``changes`` written into it, each as a change of the file's own key, or of the dialect's where it has none.

    Values: texts; aware datetimes; ``draft`` and ``noindex`` a bool; ``authors``, ``tags`` lists of names; ``categories`` a
    list of names. Empty values remove the key. ``zone`` is the one in which a date is spelled where the file's own date does
    not say. A text without front matter gets a block. Raises :class:`articles.formats.frontmatter.EditError` where a
    key cannot be changed alone, and RefusedFile where ``head`` cannot be read.
    """
    for field, value in changes.items():
        # Several keys may say that a text is a draft, or not for search engines; nothing else takes more than one change.
        for _again in range(_MAX_STATE_KEYS if field in ("draft", "noindex") and not value else 1):
            mapping = frontmatter.parse(head, format) if head.strip() else {}
            change = find_change(mapping, dialect, field, value, zone)
            if change is None:
                break
            if change.value is None:
                head = frontmatter.remove_key(head, format or "yaml", change.key)
            else:
                head = frontmatter.set_key(head, format or "yaml", change.key, change.value)
    return head


def find_change(mapping: Mapping[str, Value], dialect: str, field: Field, value: Any, zone: ZoneInfo) -> Change | None:
    """What to write for one field; ``None`` where the file already says it or has nothing to remove."""
    names = _OWN.get(dialect, {}).get(field) or _COMMON[field]
    if field == "draft":
        return _change_draft(mapping, names, dialect, bool(value), zone)
    if field == "noindex":
        return _change_noindex(mapping, names, bool(value))
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


def _change_draft(
    mapping: Mapping[str, Value], names: tuple[str, ...], dialect: str, draft: bool, zone: ZoneInfo
) -> Change | None:
    """Only keys that hold a yes or no count: ``published: 2025-11-18`` of a web clipping is a date.

    A key in words (``status: draft``) is changed first, as it would contradict any other. A text that becomes public needs
    every key that says otherwise changed, one call for each; to make it private one key is enough.
    """
    readings = {key: read_state(key, value, zone, has_other_statuses=dialect != "plain") for key, value in mapping.items()}
    if not draft:
        for key, reading in readings.items():
            if reading in ("private", "unknown", "unlisted") and (value := write_state(key, mapping[key])) is not None:
                return Change((key,), value)
    elif worded := next((key for key in mapping if readings[key] == "public" and as_bool(mapping[key]) is None), None):
        return Change((worded,), "下書き" if not as_text(mapping[worded]).isascii() else "draft")
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


def _change_noindex(mapping: Mapping[str, Value], names: tuple[str, ...], noindex: bool) -> Change | None:
    said = next((key for key, value in mapping.items() if says_noindex(key, value)), None)
    if noindex:
        return None if said else Change((_own_key(mapping, names) or names[0],), True)
    if said is None:
        return None
    return Change((said,), without_noindex(mapping[said]) if said.casefold() == ROBOTS_KEY else None)


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


# --- a whole block ---------------------------------------------------------------------------------------------------

_ORDER: tuple[Field, ...] = (
    "title",
    "published_at",
    "updated_at",
    "expires_at",
    "draft",
    "path",
    "language",
    "authors",
    "categories",
    "tags",
    "series",
    "description",
    "custom_excerpt",
    "canonical_url",
    "noindex",
)
_ALIAS_KEYS = {"hugo": "aliases", "hexo": "alias", "plain": "aliases"}
"""Where former addresses stand; ``redirect_from`` elsewhere. Obsidian's own ``aliases`` are other titles of a note."""
_COVER_MAPS = {"hugo": ("cover", "image", True), "jekyll": ("image", "path", False)}
"""The key of a cover, that of its address inside it, and whether a map is written also where there is no text for it."""
_RENAMED = {"translation_key": {"hugo": "translationKey"}}
_ZENN_TOPICS = 5
_NOT_IN_TOPIC = re.compile(r"[^\w\u3005\u30fc]+|_")
_COVER_PARTS = frozenset(("image", "src", "path", "url", "feature", "file", "teaser", "alt", "caption"))
_PERSON_PARTS = frozenset(("name", "display_name", "displayName", "title", "nick", "nickname", "login", "username"))

_CARRIED = frozenset(
    [
        "aliases",
        "alias",
        "redirect_from",
        "category_paths",
        "translation_key",
        "translationkey",
        "ref",
        "source",
        "source_url",
        "series_order",
        "series_weight",
        "dg-publish",
        "password",
        "encrypt",
        "encrypted",
        "markdown",
        "markdown_features",
        *(name.casefold() for names in _COMMON.values() for name in names),
        *(name.casefold() for own in _OWN.values() for names in own.values() for name in names),
    ]
)
"""Keys that some dialect reads a field from: one that became no field where it stood must not become one elsewhere."""
_ACTED_ON_ALWAYS: dict[str, frozenset[str]] = {
    # What would take a page out of the build, move it, or ask for an output that is not there.
    "hugo": frozenset(("build", "_build", "headless", "outputs", "cascade")),
    "jekyll": frozenset(("redirect_to", "pagination", "collection")),
}
_ACTED_ON = {
    "hugo": _ACTED_ON_ALWAYS["hugo"] | {"markup", "iscjklanguage", "linktitle", "layout", "type"},
    "jekyll": _ACTED_ON_ALWAYS["jekyll"] | {"render_with_liquid", "excerpt_separator", "content", "name", "ext", "output"},
    "hexo": frozenset(("id", "skip_render")),
}
"""Keys that a generator acts on, where a text of another dialect means something else by them."""


def compose(
    dialect: str,
    fields: Mapping[str, Any],
    *,
    aliases: Iterable[str] = (),
    extra: Mapping[str, Any] | None = None,
    zone: ZoneInfo,
    origin: str = "",
) -> str:
    """A front matter block in ``dialect`` that says ``fields``; keys of ``extra`` follow as they are.

    ``fields`` are those of :func:`write_fields` and ``series_order``, ``translation_key``, ``source_url``,
    ``category_paths`` (lists of names, outermost first), ``editorial_state``, ``render_with_liquid``, and for ``plain``
    ``flavour`` and ``features``. ``origin`` is the dialect that ``extra`` comes from. A public post needs no word for it
    but in dialects whose default is private (Obsidian, Zenn). A key of ``extra`` that would mean something of its own in
    ``dialect`` is written as ``kept_<key>``.
    """
    said = {name: value for name, value in fields.items() if value not in (None, "", [], ())}
    if dialect == "hexo" and "categories" in said:
        said["categories"] = said.pop("category_paths", None) or [[name] for name in said["categories"]]
    block: dict[str, Any] = {}
    for field in _ORDER:
        if field in said or (field == "draft" and "draft" in fields):
            _say(block, dialect, field, said.get(field, False), zone)
    _say_cover(block, dialect, said)
    if aliases := list(aliases):
        block[_ALIAS_KEYS.get(dialect, "redirect_from")] = aliases
    if "render_with_liquid" in fields:
        block["render_with_liquid"] = fields["render_with_liquid"]
    for name in ("series_order", "translation_key", "source_url", "category_paths", "editorial_state"):
        if name in said:
            block[_RENAMED.get(name, {}).get(dialect, name)] = said[name]
    if dialect == "plain" and "flavour" in said:
        block |= {"markdown": said["flavour"], "markdown_features": list(said.get("features", []))}
    if dialect == "zenn":
        block = _as_zenn(block, said, extra or {})
    reserved = _CARRIED | (_ACTED_ON_ALWAYS if origin == dialect else _ACTED_ON).get(dialect, frozenset())
    for key, value in (extra or {}).items():
        _keep(block, dialect, key, value, reserved)
    return frontmatter.dump(block)


def _say(block: dict[str, Any], dialect: str, field: Field, value: Any, zone: ZoneInfo) -> None:
    names = _OWN.get(dialect, {}).get(field) or _COMMON[field]
    if field == "draft":
        if change := _change_draft({}, names, dialect, bool(value), zone):
            block[change.key[0]] = change.value
        return
    key = _WRITTEN_WHERE_ABSENT.get(dialect, {}).get(field) or names[0]
    if field == "noindex" and not value:
        return
    if isinstance(value, datetime):
        value = value.astimezone(zone)
    elif field == "categories" and dialect == "hexo":
        # A flat list is one path in the tree.
        value = value[0] if len(value) == 1 and not isinstance(value[0], str) else [list(path) for path in value]
    elif field in _LISTS:
        value = list(value)
        if field == "authors" and key == "author" and len(value) == 1:
            value = value[0]
    block[key] = value


def _say_cover(block: dict[str, Any], dialect: str, said: Mapping[str, Any]) -> None:
    target = said.get("cover_target")
    if not target:
        return
    words = {name: said[f"cover_{name}"] for name in ("alt", "caption") if f"cover_{name}" in said}
    key, inner, always = _COVER_MAPS.get(dialect, ("", "", False))
    if key and (words or always):
        block[key] = {inner: target, **words}
        return
    key = (_OWN.get(dialect, {}).get("cover_target") or _COMMON["cover_target"])[0]
    block[key] = target
    block |= {f"{key}_{name}": word for name, word in words.items()}


def _as_zenn(block: dict[str, Any], said: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Zenn asks for an emoji and a type, takes five topics without blanks or signs, and times in minutes of Japan."""
    topics = [topic for name in said.get("tags", []) if (topic := _NOT_IN_TOPIC.sub("", name).lower())]
    topics = list(dict.fromkeys(topics))[:_ZENN_TOPICS]
    kind = extra.get("type")
    zenn: dict[str, Any] = {
        "title": block.pop("title", ""),
        "emoji": extra.get("emoji") or "📰",
        "type": kind if kind in ("tech", "idea") else "idea",
        "topics": topics,
    }
    block.pop("topics", None)
    zenn["published"] = block.pop("published", False)
    if moment := block.pop("published_at", None):
        zenn["published_at"] = moment.astimezone(ZoneInfo("Asia/Tokyo")).strftime("%Y-%m-%d %H:%M")
        zenn["date"] = moment
    if topics != said.get("tags", []):
        zenn["tags"] = list(said.get("tags", []))
    return zenn | block


def _keep(block: dict[str, Any], dialect: str, key: str, value: Any, reserved: frozenset[str]) -> None:
    """Adds a key that became no field, beside what is written already."""
    if key in block and isinstance(block[key], Mapping) and isinstance(value, Mapping):
        block[key] = {**value, **block[key]}
        return
    if dialect == "zenn" and key in ("emoji", "type") and block.get(key) == value:
        return
    folded = key.casefold()
    if key == "aliases":
        # Of a vault: other titles of the note.
        if dialect != "obsidian":
            key = "alternative_titles"
    elif folded in reserved or fold_state_key(key) in STATE_KEYS or folded in map(str.casefold, block):
        if isinstance(value, Mapping) and not (_COVER_PARTS | _PERSON_PARTS) & value.keys() and key not in block:
            block[key] = value
            return
        key = f"kept_{key}"
    block.setdefault(key, value)


def find_leftovers(front_matter: Mapping[str, Value], unknown: Container[str]) -> dict[str, Value]:
    """What of a file's front matter became no field: the keys in ``unknown``, and parts of maps that others only looked into.

    ``cover: {image: a.png, hidden: true}`` leaves ``cover: {hidden: true}``.
    """
    left: dict[str, Value] = {}
    for key, value in front_matter.items():
        if key in unknown:
            left[key] = value
        elif isinstance(value, dict):
            rest = {inner: item for inner, item in value.items() if inner not in _COVER_PARTS | _PERSON_PARTS}
            if rest:
                left[key] = rest
    return left
