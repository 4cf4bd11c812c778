"""What changed that readers may see: the outbox that the database writes, and what a row of it means for pages.

Triggers write it and not the verbs: posts change in a dozen places (the desk, imports and their undoing, tables, merges of
terms, the worker), many of them with ``bulk_create`` and ``update``; one that forgot to tell would leave readers with an old
page until somebody noticed. A trigger sees them all, in their transaction, and only where a column is really another.
Triggers are made after every ``migrate`` (:func:`install_triggers`), because SQLite loses them where Django makes a table
anew in order to change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connections, models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Min, Q
from django.utils import timezone

from articles.addresses import bare_form
from articles.models import (
    Author,
    Category,
    Change,
    Correction,
    FrontPage,
    FrontSlot,
    MediaFile,
    PictureVariants,
    Post,
    PostAuthor,
    PostCard,
    PostCategory,
    Redirect,
    RelatedPost,
    Series,
    SiteLink,
    SiteSettings,
    Source,
    Tag,
    TaggedPost,
    TermRedirect,
)
from articles.shown import Marks, Place, place_of

CHANNEL = "kawaraban_changes"
"""What PostgreSQL's NOTIFY names when a transaction with changes ends."""
KEPT = timedelta(hours=1)
"""How long rows are kept: a process that heard nothing for longer forgets all pages."""
SWEPT_AT_ONCE = 5_000
"""Old rows that one statement takes away: on SQLite every writer waits for it."""
MOST_AT_ONCE = 10_000
"""Rows above which it is only said that everything changed: after an import each process would hold its outbox in memory."""
MANY = 300
"""Posts in one portion of changes above which asking for the lists of each costs more than making all pages anew."""


class Aspect(models.TextChoices):
    """How far a change of a post reaches.

    ``TEXT``: pages with its text. ``CARD``: also those that show its title, teaser or picture. ``ENTRY``: also lists that it
    enters or leaves, and what stands beside it there.
    """

    ENTRY = "entry"
    CARD = "card"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the outbox; or, with ``id`` 0, a post or an edition whose minute came."""

    id: int
    turn: int
    kind: str
    key: int = 0
    name: str = ""
    aspect: str = ""
    before: datetime | None = None
    after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Which transactions a moment has seen: those before ``until``, but for the ``missing``, which had not ended (PostgreSQL)."""

    until: int = 0
    missing: frozenset[int] = frozenset()

    def has(self, turn: int) -> bool:
        """Whether the transaction with this number had ended."""
        return turn < self.until and turn not in self.missing


# --- Triggers -------------------------------------------------------------------------------------------------------

_LIVE = "{0}.state IN ('scheduled', 'published') AND {0}.trashed_at IS NULL"
_ENTRY = (
    *("state", "trashed_at", "published_at", "expires_at", "path", "kind", "language", "translation_key"),
    # Which folder of its source a post lies in decides which section it is listed in.
    *("series_id", "series_order", "noindex", "source_id", "source_path"),
)
_CARD = (
    *("title", "cover_id", "cover_alt", "excerpt", "custom_excerpt", "description", "updated_at", "corrected_at"),
    # By its former address a page is known as the one above a list.
    *("character_count", "has_paid_links", "source_permalink"),
)
_TEXT = ("body_html", "body", "outline", "canonical_url", "cover_caption", "source_url", "first_published_at")
#: Columns of files and terms that no page shows.
_UNSHOWN = frozenset(("likeness", "findings", "created_at", "uploaded_by_id", "licence_text"))

_COLUMNS = '("kind", "key", "name", "aspect", "before", "after", "at", "turn")'
Values = tuple[str, str, str, str, str, str]
"""SQL for kind, key, name, aspect, before and after."""


@dataclass(frozen=True, slots=True)
class _Trigger:
    """``when``: a condition over ``OLD`` and ``NEW``, or empty. ``source``: what stands after the values, from FROM on."""

    model: type[models.Model]
    event: str
    name: str
    values: Values
    when: str = ""
    source: str = ""


def _differs(columns: Iterable[str]) -> str:
    """A condition: one of the columns has another value. ``<>`` is written as each database says it of NULLs, too."""
    return " OR ".join(f"OLD.{column} IS_NOT NEW.{column}" for column in columns)


def _shown_columns(model: type[models.Model]) -> list[str]:
    return [column for field in model._meta.concrete_fields if (column := field.column) and column not in _UNSHOWN]


def _quoted(text: str) -> str:
    return f"'{text}'"


def _live(row: str) -> str:
    return _LIVE.format(row)


def _post_triggers() -> Iterator[_Trigger]:
    def values(row: str, aspect: str, before: str, after: str) -> Values:
        return ("'post'", f"{row}.id", "''", aspect, before, after)

    entry, card, text = (_quoted(aspect) for aspect in Aspect.values)
    yield _Trigger(Post, "INSERT", "comes", values("NEW", entry, "NEW.published_at", "NEW.published_at"), _live("NEW"))
    yield _Trigger(Post, "DELETE", "goes", values("OLD", entry, "OLD.published_at", "OLD.published_at"), _live("OLD"))
    entered, shown = _differs(_ENTRY), _differs(_CARD)
    aspect = f"CASE WHEN {entered} THEN {entry} WHEN {shown} THEN {card} ELSE {text} END"
    is_live = f"(({_live('OLD')}) OR ({_live('NEW')}))"
    changed = f"{is_live} AND ({entered} OR {shown} OR {_differs(_TEXT)})"
    yield _Trigger(Post, "UPDATE", "changes", values("NEW", aspect, "OLD.published_at", "NEW.published_at"), changed)
    left = ("'member'", "NEW.id", "'series:' || s.slug", "''", "OLD.published_at", "NEW.published_at")
    source = f"FROM {Series._meta.db_table} s WHERE s.id = OLD.series_id"
    yield _Trigger(Post, "UPDATE", "leaves_series", left, f"{is_live} AND OLD.series_id IS_NOT NEW.series_id", source)


def _member_triggers() -> Iterator[_Trigger]:
    """Posts that come under a term, or leave it."""
    for model, post, kind, term, slug in (
        (PostCategory, "post_id", "category", Category, "full_slug"),
        (PostAuthor, "post_id", "author", Author, "slug"),
        (TaggedPost, "content_object_id", "tag", Tag, "slug"),
    ):
        for event, row in (("INSERT", "NEW"), ("DELETE", "OLD"), ("UPDATE", "OLD"), ("UPDATE", "NEW")):
            values = ("'member'", "p.id", f"'{kind}:' || t.{slug}", "''", "p.published_at", "p.published_at")
            tables = f"FROM {Post._meta.db_table} p, {term._meta.db_table} t"
            source = f"{tables} WHERE p.id = {row}.{post} AND t.id = {row}.{kind}_id AND {_live('p')}"
            when = _differs(_shown_columns(model)) if event == "UPDATE" else ""
            yield _Trigger(model, event, f"member_{event}_{row}".lower(), values, when, source)


def _other_triggers() -> Iterator[_Trigger]:
    def about(kind: str, key: str = "0", name: str = "''", aspect: str = "''") -> Values:
        return (_quoted(kind), key, name, aspect, "NULL", "NULL")

    def each(model: type[models.Model], name: str, values: str | Values, source: str = "") -> Iterator[_Trigger]:
        """The same at every event; ``ROW`` stands for the row as it is, or was."""
        for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            when = _differs(_shown_columns(model)) if event == "UPDATE" else ""
            filled = tuple(value.replace("ROW", row) for value in values)
            yield _Trigger(model, event, f"{name}_{event}".lower(), filled, when, source.replace("ROW", row))  # type: ignore[arg-type]

    for term, kind, slug in (
        (Tag, "tag", "slug"),
        (Author, "author", "slug"),
        (Series, "series", "slug"),
        (Category, "category", "full_slug"),
    ):
        for event in ("UPDATE", "DELETE"):
            when = _differs(_shown_columns(term)) if event == "UPDATE" else ""
            yield _Trigger(term, event, f"term_{event}".lower(), about("term", "OLD.id", f"'{kind}:' || OLD.{slug}"), when)
    for event in ("UPDATE", "DELETE"):
        when = "OLD.public_name <> ''" + (f" AND ({_differs(_shown_columns(MediaFile))})" if event == "UPDATE" else "")
        yield _Trigger(MediaFile, event, f"file_{event}".lower(), about("file", "OLD.id", "OLD.public_name"), when)
    files = f"FROM {MediaFile._meta.db_table} m WHERE m.id = ROW.media_id AND m.public_name <> ''"
    yield from each(PictureVariants, "variants", about("file", "m.id", "m.public_name"), files)
    posts = f"FROM {Post._meta.db_table} p WHERE p.id = ROW.post_id AND {_live('p')}"
    yield from each(PostCard, "card", about("post", "p.id", aspect=_quoted(Aspect.TEXT)), posts)
    yield from each(Redirect, "former", about("post", "p.id", aspect=_quoted(Aspect.TEXT)), posts)
    yield from each(TermRedirect, "former", about("term", "ROW.id", "ROW.kind || ':' || ROW.old_slug"))
    yield from each(Correction, "correction", about("post", "p.id", aspect=_quoted(Aspect.CARD)), posts)
    yield from each(RelatedPost, "related", about("related", "p.id"), posts)
    yield from each(FrontPage, "edition", about("front"))
    yield from each(FrontSlot, "slot", about("front"))
    yield from each(SiteSettings, "settings", about("frame"))
    yield from each(SiteLink, "link", about("frame"))
    yield from each(Category, "frame", about("frame"))
    # Which lists an old site had decides what pages above them show, wherever these stand.
    yield _Trigger(Source, "UPDATE", "lists", about("all"), _differs(("lists",)))


def list_triggers() -> list[_Trigger]:
    """All of them, in one order."""
    return [*_post_triggers(), *_member_triggers(), *_other_triggers()]


def install_triggers(connection: BaseDatabaseWrapper) -> None:
    """Makes the triggers of a database anew, whatever of them is there."""
    statements = _sqlite_statements if connection.vendor == "sqlite" else _postgres_statements
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for trigger in _triggers_of(connection):
            for statement in statements(trigger):
                cursor.execute(statement)


def remove_triggers(connection: BaseDatabaseWrapper) -> None:
    """Takes the triggers of a database away, before their table goes."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for trigger in list_triggers():
            name, table = _name_of(trigger), trigger.model._meta.db_table
            if connection.vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            else:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
                cursor.execute(f"DROP FUNCTION IF EXISTS {name}()")


def before_migrate(using: str, **_options: Any) -> None:
    """For ``pre_migrate``: SQLite renames no table that a trigger names, PostgreSQL changes no column that one compares."""
    connection = connections[using]
    if _has_table(connection):
        remove_triggers(connection)


def after_migrate(using: str, **_options: Any) -> None:
    """For ``post_migrate``: the triggers again, and all pages forgotten, for meanwhile nothing was told."""
    connection = connections[using]
    if _has_table(connection) and not has_triggers(connection):
        install_triggers(connection)
        forget_all_pages(using)


def _has_table(connection: BaseDatabaseWrapper) -> bool:
    return Change._meta.db_table in connection.introspection.table_names()


def has_triggers(connection: BaseDatabaseWrapper) -> bool:
    """Whether all of them are there, by their names."""
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        there = {name for (name,) in cursor.fetchall()}
    return all(_name_of(trigger) in there for trigger in _triggers_of(connection))


def _triggers_of(connection: BaseDatabaseWrapper) -> list[_Trigger]:
    """Those whose tables there are: a migration back takes tables away of which the program knows."""
    tables = set(connection.introspection.table_names())
    return [trigger for trigger in list_triggers() if trigger.model._meta.db_table in tables]


def _name_of(trigger: _Trigger) -> str:
    return f"change_{trigger.model._meta.model_name}_{trigger.name}"


def _sqlite_statements(trigger: _Trigger) -> Iterator[str]:
    name, table = _name_of(trigger), trigger.model._meta.db_table
    when = f" WHEN {trigger.when}" if trigger.when else ""
    values = ", ".join((*trigger.values, "strftime('%Y-%m-%d %H:%M:%f', 'now')", "0"))
    insert = f"INSERT INTO {Change._meta.db_table} {_COLUMNS} SELECT {values} {trigger.source}"
    yield f"DROP TRIGGER IF EXISTS {name}"
    yield f"CREATE TRIGGER {name} AFTER {trigger.event} ON {table}{when} BEGIN {insert}; END".replace("IS_NOT", "IS NOT")


def _postgres_statements(trigger: _Trigger) -> Iterator[str]:
    name, table = _name_of(trigger), trigger.model._meta.db_table
    values = ", ".join((*trigger.values, "clock_timestamp()", _THIS_TURN))
    insert = f"INSERT INTO {Change._meta.db_table} {_COLUMNS} SELECT {values} {trigger.source};"
    body = f"{insert} IF FOUND THEN PERFORM pg_notify('{CHANNEL}', ''); END IF; RETURN NULL;"
    when = f" WHEN ({trigger.when})" if trigger.when else ""
    for statement in (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN {body} END $body$",
        f"DROP TRIGGER IF EXISTS {name} ON {table}",
        f"CREATE TRIGGER {name} AFTER {trigger.event} ON {table} FOR EACH ROW{when} EXECUTE FUNCTION {name}()",
    ):
        yield statement.replace("IS_NOT", "IS DISTINCT FROM")


# --- Reading --------------------------------------------------------------------------------------------------------


_THIS_TURN = "pg_current_xact_id()::text::bigint"
# Not the greatest there is: the table is emptied, and numbers go on.
_LAST_TURN = "SELECT COALESCE(MAX(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'articles_change'"
_SNAPSHOT = "SELECT pg_current_snapshot()::text"
_ROWS_SINCE = """
    SELECT id, id, kind, key, name, aspect, "before", "after" FROM articles_change WHERE id >= %s ORDER BY id LIMIT %s
"""
# In one statement, and so in one snapshot.
_ROWS_AND_POSITION = """
    WITH now AS (SELECT pg_current_snapshot()::text AS snapshot)
    SELECT now.snapshot, c.id, c.turn, c.kind, c.key, c.name, c.aspect, c."before", c."after"
    FROM now LEFT JOIN articles_change c ON c.turn >= %s ORDER BY c.id LIMIT %s
"""
# Of each transaction its last row, which whoever reads again knows it by.
_TURNS_SINCE = {
    "sqlite": "SELECT MAX(id), MAX(id) FROM articles_change WHERE id >= %s",
    "postgresql": "SELECT MAX(id), turn FROM articles_change WHERE turn >= %s GROUP BY turn",
}


def change_connection() -> BaseDatabaseWrapper:
    """The connection of the outbox: the one that is written to, so that no replica's delay hides a change."""
    return connections[router.db_for_write(Change)]


def find_position(since: datetime | None = None) -> tuple[int, Seen]:
    """Where :func:`read_changes` begins: at what is told from now on, or since a moment of the last :data:`KEPT`."""
    is_sqlite = change_connection().vendor == "sqlite"
    with change_connection().cursor() as cursor:
        cursor.execute(_LAST_TURN if is_sqlite else _SNAPSHOT)
        found = cursor.fetchone()[0]
    position, seen = (found, Seen(found)) if is_sqlite else _read_snapshot(found)
    if since is None:
        return position, seen
    told = Change.objects.using(change_connection().alias).filter(at__gte=since)
    first = told.aggregate(turn=Min("pk" if is_sqlite else "turn"))["turn"]
    return (position if first is None else min(position, first)), seen


def read_changes(position: int) -> tuple[list[Row], int, Seen]:
    """The rows at ``position`` and later, the position for the next time, and which transactions were seen.

    A row has its ``turn``; on SQLite that is its key, because one writes at a time. On PostgreSQL transactions end in another
    order than that in which their rows were numbered; so the position is the oldest that has not ended, and rows of later ones
    are read again until it has: whoever reads knows them by their ``id``. In the place of more than :data:`MOST_AT_ONCE` rows
    each transaction says in one that everything changed.
    """
    with change_connection().cursor() as cursor:
        if cursor.db.vendor == "sqlite":
            cursor.execute(_ROWS_SINCE, [position, MOST_AT_ONCE + 1])
            rows = _bounded(cursor, position, cursor.fetchall())
            position = rows[-1].id + 1 if rows else position
            return rows, position, Seen(position)
        cursor.execute(_ROWS_AND_POSITION, [position, MOST_AT_ONCE + 1])
        found = cursor.fetchall()
        rows = _bounded(cursor, position, [row[1:] for row in found if row[1] is not None])
        return rows, *_read_snapshot(found[0][0])


def _bounded(cursor: Any, position: int, found: Sequence[Sequence[Any]]) -> list[Row]:
    if len(found) <= MOST_AT_ONCE:
        return [_as_row(row) for row in found]
    # Later than what was found: it says too much of a transaction that ended in between, which is read again.
    cursor.execute(_TURNS_SINCE[cursor.db.vendor], [position])
    return [Row(id, turn, "all") for id, turn in cursor.fetchall()]


def _read_snapshot(text: str) -> tuple[int, Seen]:
    """The oldest open transaction and what is seen, of PostgreSQL's ``xmin:xmax:list of open ones``."""
    oldest, until, missing = text.split(":")
    return int(oldest), Seen(int(until), frozenset(map(int, missing.split(","))) if missing else frozenset())


def _as_row(values: Sequence[Any]) -> Row:
    id, turn, kind, key, name, aspect, before, after = values
    return Row(id, turn, kind, key, name, aspect, _read_time(before), _read_time(after))


def _read_time(value: Any) -> datetime | None:
    """A time as a cursor gives it: SQLite's as the text that Django stored, in UTC."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else timezone.make_aware(moment, timezone.get_fixed_timezone(0))


def find_due(after: datetime, until: datetime) -> list[Row]:
    """What readers see, or do not see any more, since a moment between the two (the second included), without any change."""
    posts = (
        Post.objects.filter(
            Q(published_at__gt=after, published_at__lte=until) | Q(expires_at__gt=after, expires_at__lte=until),
            state__in=[Post.State.SCHEDULED, Post.State.PUBLISHED],
            trashed_at__isnull=True,
        )
        .order_by()
        .values_list("pk", "published_at")
    )
    rows = [Row(0, 0, "post", pk, aspect=Aspect.ENTRY, before=moment, after=moment) for pk, moment in posts]
    if FrontPage.objects.filter(Q(starts_at__gt=after, starts_at__lte=until) | Q(ends_at__gt=after, ends_at__lte=until)).exists():
        rows.append(Row(0, 0, "front"))
    return rows


def find_next_due(after: datetime) -> datetime | None:
    """The next moment at which :func:`find_due` will find something, as far as is known now."""
    live = Post.objects.filter(state__in=[Post.State.SCHEDULED, Post.State.PUBLISHED], trashed_at__isnull=True).order_by()
    moments = [
        live.filter(published_at__gt=after).order_by("published_at").values_list("published_at", flat=True).first(),
        live.filter(expires_at__gt=after).order_by("expires_at").values_list("expires_at", flat=True).first(),
        FrontPage.objects.filter(starts_at__gt=after).order_by("starts_at").values_list("starts_at", flat=True).first(),
        FrontPage.objects.filter(ends_at__gt=after).order_by("ends_at").values_list("ends_at", flat=True).first(),
    ]
    return min((moment for moment in moments if moment is not None), default=None)


def forget_old_changes() -> int:
    """Takes away rows that every process has read long ago, at most :data:`SWEPT_AT_ONCE`. Gives their number."""
    old = Change.objects.filter(at__lt=timezone.now() - KEPT).order_by("pk").values("pk")[:SWEPT_AT_ONCE]
    return Change.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()[0]


def forget_all_pages(using: str | None = None) -> None:
    """Has every process forget all pages: after a change that the database does not know of, as of a theme."""
    connection = connections[using] if using else change_connection()
    turn = 0 if connection.vendor == "sqlite" else models.Func(template=_THIS_TURN, output_field=models.BigIntegerField())
    Change.objects.using(connection.alias).create(kind="all", turn=turn)


# --- What it means for pages ----------------------------------------------------------------------------------------


def mark(rows: Iterable[Row]) -> Marks:
    """What rows mean for pages, as things stand now. A few queries, whatever their number; none where no post is among them.

    Asked later than the change it is no less right: a page is another one if what it shows is not what stands there *now*.
    """
    marks = Marks()
    entries: dict[int, set[datetime | None]] = {}
    for row in rows:
        match row.kind:
            case "post":
                _mark_post(marks, row, entries)
            case "member":
                marks.keys |= {f"card:{row.key}", f"text:{row.key}"}
                for name in _lists_of(row.name):
                    marks.places[name] |= _dates(row)
                marks.keys.add(f"index:{row.name.partition(':')[0]}")
                # The navigation shows what has something public.
                marks.frame = True
            case "term":
                marks.keys |= {row.name, f"index:{row.name.partition(':')[0]}"}
                marks.frame = True
            case "file":
                marks.keys.add(f"file:{row.name}")
                # It may be the logo.
                marks.frame = True
            case "related":
                marks.keys.add(f"related:{row.key}")
            case "front":
                marks.keys.add("front")
            case "frame":
                marks.frame = True
            case _:
                marks.everything = True
    if len(entries) > MANY:
        marks.everything = True
    elif entries:
        _mark_entries(marks, entries)
    return marks


def _dates(row: Row) -> set[Place | None]:
    """The places of a row; of a post without a date the whole list."""
    return {place_of(moment) if moment else None for moment in (row.before, row.after)}


def _mark_post(marks: Marks, row: Row, entries: dict[int, set[datetime | None]]) -> None:
    marks.keys.add(f"text:{row.key}")
    if row.aspect != Aspect.TEXT:
        marks.keys |= {f"card:{row.key}", f"name:{row.key}"}
    if row.aspect == Aspect.ENTRY:
        entries.setdefault(row.key, set()).update((row.before, row.after))


def _lists_of(name: str) -> list[str]:
    """A list, and those that hold it: a category's members stand in the categories above it, too."""
    kind, _colon, slug = name.partition(":")
    if kind != "category":
        return [name]
    parts = slug.split("/")
    return [f"category:{'/'.join(parts[:count])}" for count in range(1, len(parts) + 1)]


def _mark_entries(marks: Marks, entries: dict[int, set[datetime | None]]) -> None:
    """Posts that came, went, moved, or will be found elsewhere."""
    marks.frame = True
    public = {
        post.pk: post
        for post in Post.objects.published()
        .filter(pk__in=entries)
        .order_by()
        .only("pk", "path", "language", "translation_key", "published_at", "series_id", "series_order")
    }
    for pk, moments in entries.items():
        if pk not in public:
            marks.gone |= {f"name:{pk}", f"card:{pk}", f"text:{pk}"}
        places = {place_of(moment) for moment in moments if moment is not None}
        marks.places["time"] |= places
        if None in moments:
            marks.places["undated"].add(None)
        if post := public.get(pk):
            marks.addresses.add(bare_form(post.path))
            marks.places[f"beside:{post.language}"] |= places
            if post.translation_key:
                marks.places[f"translation:{post.translation_key}"].add(None)
    _mark_lists(marks, entries)
    _mark_series(marks, public.values())
    marks.keys |= {
        f"related:{pk}" for pk in RelatedPost.objects.filter(other__in=entries).order_by().values_list("post", flat=True)
    }
    if FrontSlot.objects.filter(post__in=entries).exists():
        marks.keys.add("front")


def _mark_lists(marks: Marks, entries: dict[int, set[datetime | None]]) -> None:
    """The lists of the terms that the posts have now; those that they left, rows of their own tell."""
    rows = (
        TaggedPost.objects.filter(content_object__in=entries)
        .order_by()
        .values_list(models.Value("tag"), "content_object_id", "tag__slug")
        .union(
            PostAuthor.objects.filter(post__in=entries).order_by().values_list(models.Value("author"), "post_id", "author__slug"),
            PostCategory.objects.filter(post__in=entries)
            .order_by()
            .values_list(models.Value("category"), "post_id", "category__full_slug"),
            Post.objects.filter(pk__in=entries, series__isnull=False)
            .order_by()
            .values_list(models.Value("series"), "pk", "series__slug"),
            all=True,
        )
    )
    for kind, pk, slug in rows:
        marks.keys.add(f"index:{kind}")
        places = {place_of(moment) if moment else None for moment in entries[pk]}
        for name in _lists_of(f"{kind}:{slug}"):
            marks.places[name] |= places


def _mark_series(marks: Marks, posts: Iterable[Post]) -> None:
    for post in posts:
        if post.series_id and post.published_at:
            marks.places[f"part:{post.series_id}"].add(series_place(post))


def series_place(post: Post) -> Place:
    """Where a dated post stands in its series: those with a number first, the others by date."""
    assert post.published_at is not None  # only dated posts are parts
    return (int(post.series_order is None), post.series_order or 0, *place_of(post.published_at))
