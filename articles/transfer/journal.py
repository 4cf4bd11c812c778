"""What a run found before it wrote: kept with every chunk, in the chunk's transaction, so that undo finds all of it or none."""

from __future__ import annotations

import base64
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Model
from django.utils import timezone

from articles.derive import DERIVED_FIELDS
from articles.models import (
    Author,
    Category,
    ImportChange,
    ImportItem,
    ImportRun,
    MediaFile,
    Post,
    PostAuthor,
    PostCategory,
    PostLink,
    Redirect,
    Series,
    Source,
    SourceFile,
    Tag,
    TaggedPost,
)

MODELS: Mapping[str, type[Model]] = {
    model._meta.model_name or "": model for model in (Source, SourceFile, MediaFile, Tag, Category, Series, Author, Post)
}
LINK_FIELDS = ("kind", "target", "fragment", "url", "key")


class Journal:
    """Collects the rows beside posts that a chunk makes or changes; :meth:`flush` stores them in one statement.

    ``run`` ``None`` keeps nothing: a trial changes nothing.
    """

    def __init__(self, run: ImportRun | None) -> None:
        self.run = run
        self.rows: dict[tuple[str, int], ImportChange] = {}

    def made(self, rows: Iterable[Model]) -> None:
        """Notes rows that were inserted just now."""
        for row in rows:
            self._note(row, None, record(row))

    def changed(self, row: Model, before: Mapping[str, Any]) -> None:
        """Notes that ``row`` had the values ``before`` in those columns until now."""
        self._note(row, before, {name: plain_value(getattr(row, name)) for name in before})

    def removed(self, row: Model) -> None:
        """Notes a row that goes."""
        self._note(row, record(row), {})

    def flush(self) -> None:
        """Stores what was noted since the last time. Belongs into the transaction of what it tells of."""
        if self.run is not None and self.rows:
            ImportChange.objects.bulk_create(self.rows.values())
        self.rows = {}

    def forget(self) -> None:
        """Drops what was noted: its transaction was rolled back."""
        self.rows = {}

    def _note(self, row: Model, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
        if self.run is None:
            return
        key = (row._meta.model_name or "", row.pk)
        earlier = self.rows.get(key)
        if earlier is None:
            plain = None if before is None else {name: plain_value(value) for name, value in before.items()}
            self.rows[key] = ImportChange(run=self.run, model=key[0], object_id=key[1], before=plain, after=dict(after))
            return
        if earlier.before is not None:
            for name, value in (before or {}).items():
                earlier.before.setdefault(name, plain_value(value))
        earlier.after = {**earlier.after, **after}


def note_written(item: ImportItem, before: bytes, post: Post) -> None:
    """Journals that the run wrote the post of ``item`` outside its chunks, as a resolved conflict does; undo gives it back.

    ``before`` is what :func:`capture` gave before the first change. Belongs into the transaction of the change.
    """
    if item.written_at is None:
        item.before = before
    item.post, item.written_at, item.applied_at = post, post.modified_at, timezone.now()
    item.save(update_fields=["before", "post", "written_at", "applied_at", "verdict", "resolution", "permalink"])


def note_relinked(run: ImportRun, posts: Sequence[Post]) -> None:
    """Keeps the derived columns and references of posts that are about to be rendered again, but for those the run wrote itself.

    Two queries and one statement, whatever the number of posts.
    """
    own = set(
        ImportItem.objects.filter(run=run, post__in=[post.pk for post in posts], written_at__isnull=False).values_list(
            "post_id", flat=True
        )
    )
    others = [post for post in posts if post.pk not in own]
    if not others:
        return
    links = _group_links([post.pk for post in others])
    ImportChange.objects.bulk_create(
        [
            ImportChange(
                run=run,
                model="post",
                object_id=post.pk,
                before={**{name: getattr(post, name) for name in DERIVED_FIELDS}, "links": links[post.pk]},
                after={"modified_at": plain_value(post.modified_at)},
            )
            for post in others
        ]
    )


# --- Posts, whole ---------------------------------------------------------------------------------------------------


def capture(posts: Sequence[Post]) -> dict[int, bytes]:
    """The whole state of posts as they are in the database, by key, packed; five queries whatever their number.

    The instances must be as they were read: capture first, change then.
    """
    keys = [post.pk for post in posts]
    if not keys:
        return {}
    states: dict[int, dict[str, Any]] = {post.pk: {"columns": record(post)} for post in posts}
    for name, rows in (("authors", PostAuthor), ("categories", PostCategory)):
        found = defaultdict(list)
        term = name.removesuffix("s") if name == "authors" else "category"
        for key, *values in (
            rows.objects.filter(post__in=keys).order_by("position", "pk").values_list("post_id", f"{term}_id", "position")
        ):
            found[key].append(values)
        for key in keys:
            states[key][name] = found[key]
    tags = defaultdict(list)
    for key, tag in TaggedPost.objects.filter(content_object__in=keys).order_by("pk").values_list("content_object_id", "tag_id"):
        tags[key].append(tag)
    redirects = defaultdict(list)
    for key, path in Redirect.objects.filter(post__in=keys).order_by("pk").values_list("post_id", "old_path"):
        redirects[key].append(path)
    links = _group_links(keys)
    return {key: pack({**states[key], "tags": tags[key], "redirects": redirects[key], "links": links[key]}) for key in states}


def _group_links(keys: Sequence[int]) -> dict[int, list[list[str]]]:
    links: dict[int, list[list[str]]] = defaultdict(list)
    for key, *values in PostLink.objects.filter(post__in=keys).order_by("pk").values_list("post_id", *LINK_FIELDS):
        links[key].append(values)
    return links


def pack(state: Mapping[str, Any]) -> bytes:
    """A state as it is stored: rendered articles are long and shrink to a fifth."""
    return zlib.compress(json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"), 1)


def unpack(data: bytes | memoryview) -> dict[str, Any]:
    """The state that :func:`pack` stored."""
    state: dict[str, Any] = json.loads(zlib.decompress(data).decode("utf-8", "surrogatepass"))
    return state


# --- Rows as plain data ---------------------------------------------------------------------------------------------


def record(row: Model) -> dict[str, Any]:
    """Every column of the row but its key, as plain data; :func:`write_back` reads it."""
    return {
        field.attname: plain_value(getattr(row, field.attname)) for field in row._meta.concrete_fields if not field.primary_key
    }


def write_back(row: Model, values: Mapping[str, Any]) -> None:
    """Sets the columns of ``values`` on the instance; saves nothing. Columns that are gone from the model are passed over."""
    fields = {field.attname: field for field in row._meta.concrete_fields}
    for name, value in values.items():
        if field := fields.get(name):
            setattr(row, name, field.to_python(value) if value is not None and not field.is_relation else value)


def plain_value(value: Any) -> Any:
    """A column's value as JSON holds it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview | bytearray):
        return base64.b64encode(bytes(value)).decode("ascii")
    return value
