"""What a version of a post holds, as people speak of it, and what of it can come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from articles.editorial.terms import find_category, find_known, find_known_tags, find_moved_category
from articles.formats.terms import identity
from articles.library import find_by_fingerprint
from articles.models import Author, Category, MediaFile, Post, PostAuthor, PostCategory, Revision, Series, TaggedPost
from articles.models.taxonomy import term_identity

COLUMNS = (
    "kind",
    "title",
    "slug",
    "path",
    "language",
    "translation_key",
    "published_at",
    "updated_at",
    "embargo_until",
    "expires_at",
    "series",
    "series_order",
    "cover",
    "cover_alt",
    "cover_caption",
    "custom_excerpt",
    "description",
    "canonical_url",
    "noindex",
    "source_url",
    "flavour",
    "features",
    "body",
    "front_matter",
    "extra",
)
RELATIONS = ("authors", "categories", "tags")
EDITABLE = frozenset(COLUMNS + RELATIONS)
REASON = " — "
"""Stands in a note between the step and its reason."""
MOMENTS = ("published_at", "updated_at", "embargo_until", "expires_at")


@dataclass(slots=True)
class Reading:
    """``changes`` as :func:`articles.editorial.workflow.save_post` takes them. ``left_out``: by field, what that version
    had and the desk has no longer."""

    changes: dict[str, Any] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def leave_out(self, name: str, what: str) -> None:
        self.left_out.setdefault(name, []).append(what)


def snapshot(post: Post) -> dict[str, Any]:
    """The whole editable state as plain data: times in UTC as ISO text, authors, terms and cover by natural key, in order."""
    return snapshot_of(
        post,
        authors=[author.name for author in ordered_authors(post)],
        categories=[category_names(category) for category in ordered_categories(post)],
        tags=[tag.name for tag in ordered_tags(post)],
    )


def snapshot_of(post: Post, *, authors: list[str], categories: list[list[str]], tags: list[str]) -> dict[str, Any]:
    """The same where the caller has the names in hand, as an import of thousands of posts does."""
    values: dict[str, Any] = {name: plain_value(getattr(post, name)) for name in COLUMNS if name not in ("series", "cover")}
    values["state"] = str(post.state)
    values["series"] = post.series.name if post.series else ""
    values["cover"] = post.cover.sha256 if post.cover else ""
    values["authors"] = authors
    values["categories"] = categories
    values["tags"] = tags
    return values


def ordered_authors(post: Post) -> list[Author]:
    """The by-lines in the order in which they are printed."""
    return [credit.author for credit in PostAuthor.objects.filter(post=post).select_related("author")]


def ordered_categories(post: Post) -> list[Category]:
    """The categories, the main one first."""
    return [place.category for place in PostCategory.objects.filter(post=post).select_related("category__parent__parent")]


def ordered_tags(post: Post) -> list[Any]:
    """The tags in the order in which the text names them."""
    return [tagged.tag for tagged in TaggedPost.objects.filter(content_object=post).select_related("tag")]


def category_names(category: Category) -> list[str]:
    """The names from the root of the tree down to the category."""
    names = [category.name]
    while category.parent is not None:
        category = category.parent
        names.append(category.name)
    return names[::-1]


def is_milestone(revision: Revision) -> bool:
    """Whether a version is one that people look for: a step was taken, an import brought it, or somebody named it."""
    is_step = revision.kind == Revision.Kind.SAVE and bool(revision.note or revision.origin != Revision.Origin.DESK)
    return bool(revision.label) or is_step


def join_note(step: str, reason: str) -> str:
    """The note of a version: the step, and what its author said about it, in one line."""
    return f"{step}{REASON}{' '.join(reason.split())}" if reason.strip() else step


def describe_step(revision: Revision, *, is_first: bool) -> str:
    """What was done when the version was kept, in the active language. ``is_first``: nothing was kept before it."""
    if revision.kind != Revision.Kind.SAVE:
        return str(revision.get_kind_display())
    if revision.note:
        step, mark, reason = revision.note.partition(REASON)
        return _(step) + mark + reason
    if revision.origin == Revision.Origin.IMPORT:
        return _("imported")
    return _("written") if is_first else _("changed")


def read_snapshot(kept: Mapping[str, Any], present: Mapping[str, Any]) -> Reading:
    """What would have to change so that a post in state ``present`` is what it was as ``kept``; both are snapshots.

    The state is no part of it: no version brings a post before readers. Terms, by-lines and files that were deleted
    since are left out and named, never made anew.
    """
    reading = Reading()
    for name, value in kept.items():
        if name == "state" or name not in present or present[name] == value:
            continue
        find = _FINDERS.get(name)
        reading.changes[name] = find(value, reading) if find else value
    return reading


def _find_moment(value: Any, reading: Reading) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _find_series(value: Any, reading: Reading) -> Series | None:
    found = find_known(Series, [value]).get(term_identity(value)) if value else None
    if value and found is None:
        reading.leave_out("series", value)
    return found


def _find_cover(value: Any, reading: Reading) -> MediaFile | None:
    found = find_by_fingerprint(value) if value else None
    if value and found is None:
        reading.leave_out("cover", value[:12])
    return found


def _find_authors(names: Any, reading: Reading) -> list[Author]:
    known = find_known(Author, names)
    for name in names:
        if term_identity(name) not in known:
            reading.leave_out("authors", name)
    return [known[key] for key in map(term_identity, names) if key in known]


def _find_categories(paths: Any, reading: Reading) -> list[Category]:
    found = []
    for path in paths:
        category: Category | None = None
        for depth, name in enumerate(path):
            if depth and category is None:
                break
            category = find_category(category, name) or find_moved_category(category, name)
        if category is None:
            reading.leave_out("categories", " › ".join(path))
        else:
            found.append(category)
    return found


def _find_tags(names: Any, reading: Reading) -> list[str]:
    known = find_known_tags(names)
    for name in names:
        if identity(name) not in known:
            reading.leave_out("tags", name)
    return [name for name in names if identity(name) in known]


_FINDERS = {
    **dict.fromkeys(MOMENTS, _find_moment),
    "series": _find_series,
    "cover": _find_cover,
    "authors": _find_authors,
    "categories": _find_categories,
    "tags": _find_tags,
}


def plain_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value


def spell_value(name: str, value: Any) -> Any:
    """A value of a change as a snapshot has it: rows by their names, moments as text."""
    if name == "authors":
        return [author.name for author in value]
    if name == "categories":
        return [category_names(category) for category in value]
    if name == "series":
        return value.name if value else ""
    if name == "cover":
        return value.sha256 if value else ""
    return list(value) if name in ("tags", "features") else plain_value(value)


def find_value(name: str, spelled: Any) -> Any:
    """A value of a snapshot as a change has it; without what is not there any more."""
    find = _FINDERS.get(name)
    return find(spelled, Reading()) if find else spelled
