"""The search index: writes what posts are found by, and finds them. One behaviour on SQLite and PostgreSQL.

A text is found by its grams: its characters and pairs of characters (:mod:`articles.searchtext`). The index names the posts
that have all grams of a word, newest first; whether the word stands there is then read from the folded text, so that a hit is
exact whatever the index says. Who may be found is asked of ``Post.objects.published()`` at every question: the index holds
drafts, too.

The hits are read in the order of :attr:`SearchEntry.place` and the reading stops at the last that is wanted, so that a word that
stands in every post costs as much as a rare one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import RawSQL
from django.utils import timezone

from articles.models import Post, PostQuerySet, SearchEntry
from articles.searchtext import INDEX_VERSION, LINE, TITLE_MARK, FoundBy, fold_post, post_grams, word_grams

SECONDS = 1.0
"""How long a question may take before it is given up."""
STEPS = 20_000
"""How often SQLite asks whether to go on, in steps of its machine: about once in a millisecond."""
POSTS_AT_ONCE = 200
RANKED, RANKED_TITLES = 150, 50
"""How many hits are compared where the best are to stand first."""

# A place is a minute and, in these bits, who of that minute.
MINUTE_BITS = 10
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
# On PostgreSQL an entry also has the piece of time in which it lies: the newest pieces are looked through first.
_PERIODS = (("\ufdd1a", 26), ("\ufdd1b", 30))
# Pieces that one window names at most; of a site that published nothing for longer, everything is looked through.
_MAX_PERIODS = 100
# What stands for all grams of a text that has more than a vector holds (a megabyte): such a text is read at every question.
_WIDE = "\ufdd2"
_MAX_VECTOR = 800_000

Condition = tuple[str, list[Any]]
"""A piece of SQL and its parameters."""


class TooSlow(Exception):
    """The question took longer than :data:`SECONDS`."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One post that was found. ``text`` is its folded text where it was asked for."""

    place: int
    post: int
    text: str = ""


@dataclass(frozen=True)
class Search:
    """What is looked for: all of ``words``, none of ``excluded`` (folded), among ``posts`` that may be found.

    Only places from ``above`` to before ``below`` are looked at. ``in_title``: every word stands in the title.
    """

    posts: PostQuerySet
    words: Sequence[str] = ()
    excluded: Sequence[str] = ()
    above: int | None = None
    below: int | None = None
    in_title: bool = False


# A search, the condition that a post may be found, and how many hits are wanted.
_Asked = tuple[Search, Condition, int]


# --- Writing --------------------------------------------------------------------------------------------------------


@transaction.atomic
def index_posts(posts: Iterable[Post], prepared: Mapping[int, FoundBy] | None = None) -> int:
    """Writes what ``posts`` are found by, as title, text and date of the instances are; gives the number of new entries.

    Entries that are right already are left alone. A constant number of queries for all together, so give many at once.
    ``prepared`` is what was worked out elsewhere, by number of post; of another title or text it is worked out anew.
    """
    by_key = {post.pk: post for post in posts}
    ready = {
        key: found_by
        for key, found_by in (prepared or {}).items()
        if key in by_key and (by_key[key].title, by_key[key].plain_text) == (found_by.title, found_by.plain_text)
    }
    texts = {key: ready[key].folded if key in ready else fold_post(post.title, post.plain_text) for key, post in by_key.items()}
    stale = []
    for entry in SearchEntry.objects.filter(post__in=list(by_key)):
        key = entry.post_id
        is_same = entry.version == INDEX_VERSION and entry.text == texts[key]
        if is_same and entry.place in places_for(by_key[key]):
            del texts[key]
        else:
            stale.append(entry)
    _remove(stale)
    places = _choose_places([by_key[key] for key in texts])
    entries = [SearchEntry(place=places[key], post_id=key, version=INDEX_VERSION, text=text) for key, text in texts.items()]
    _insert(entries, {key: found_by.grams for key, found_by in ready.items()})
    return len(texts)


@transaction.atomic
def index_some(after: int = 0) -> list[int]:
    """Indexes the next posts with a number above ``after`` that have no entry, or one of another version; gives their numbers."""
    stale = Post.objects.exclude(search_entry__version=INDEX_VERSION).filter(pk__gt=after).order_by("pk")
    # Locked: who saves the text meanwhile must not have the old one indexed.
    posts = list(stale.select_for_update(of=("self",)).only("title", "plain_text", "published_at")[:POSTS_AT_ONCE])
    index_posts(posts)
    return [post.pk for post in posts]


@transaction.atomic
def forget_posts(keys: Iterable[int]) -> None:
    """Takes posts out of the index: before their rows are deleted, because the entries go with them."""
    _remove(list(SearchEntry.objects.filter(post__in=list(keys))))


def clear_index() -> None:
    """Empties the index; :func:`index_posts` writes it again. Nothing is found meanwhile."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("INSERT INTO articles_search_grams (articles_search_grams) VALUES ('delete-all')")
    SearchEntry.objects.all().delete()


def count_stale() -> int:
    """How many posts have no entry, or one of another version."""
    return Post.objects.exclude(search_entry__version=INDEX_VERSION).count()


def places_for(post: Post) -> list[int]:
    """The places that an entry of the post may have, the best first.

    The minute of its date decides, so that places lie close together and the index stays small; within a minute the end
    of its number. Where that is taken (a whole archive dated at midnight), the longer ends, which lie in later minutes.
    Posts without a date come before all others, by their number.
    """
    if post.published_at is None:
        return [post.pk]
    minute = (post.published_at - _BEGINNING) // timedelta(minutes=1) << MINUTE_BITS
    return [minute + (post.pk & mask) for mask in (0x3FF, 0xFFFF, 0xFFFFFF)] + [minute + post.pk]


def place_of_moment(moment: datetime) -> int:
    """The first place of a moment's minute."""
    return (moment - _BEGINNING) // timedelta(minutes=1) << MINUTE_BITS


def _choose_places(posts: Sequence[Post]) -> dict[int, int]:
    wanted = {post.pk: places_for(post) for post in posts}
    every = {place for places in wanted.values() for place in places}
    taken = set(SearchEntry.objects.filter(place__in=every).values_list("place", flat=True))
    chosen: dict[int, int] = {}
    for key, places in wanted.items():
        chosen[key] = next(place for place in _tried(places) if place not in taken)
        taken.add(chosen[key])
    return chosen


def _tried(places: Sequence[int]) -> Iterator[int]:
    """The places, then, which takes two posts with numbers a multiple of sixteen millions apart, those behind the last."""
    yield from places
    for step in range(1, 1 << 16):
        yield places[-1] + step


def _insert(entries: Sequence[SearchEntry], ready: Mapping[int, str]) -> None:
    """Writes new entries; ``ready`` are grams that are known, parted by blanks, by number of post."""
    if not entries:
        return
    grams = [ready.get(entry.post_id) or " ".join(post_grams(entry.text)) for entry in entries]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            SearchEntry.objects.bulk_create(entries)
            rows = [(entry.place, found) for entry, found in zip(entries, grams, strict=True)]
            cursor.executemany("INSERT INTO articles_search_grams (rowid, grams) VALUES (%s, %s)", rows)
            return
        columns = []
        for entry, joined in zip(entries, grams, strict=True):
            # Not split(): the sign for a blank in a text is a blank to Python.
            found = joined.split(" ") if joined else []
            is_wide = sum(len(gram.encode()) + 1 for gram in found) > _MAX_VECTOR
            lexemes = [*([_WIDE] if is_wide else found), *_periods_of(entry.place)]
            columns.append((entry.place, entry.post_id, entry.version, entry.text, is_wide, lexemes))
        # Many are entered together, in a tenth of the time; and none is left waiting in the list that every question reads.
        cursor.execute("SET LOCAL gin_pending_list_limit = '16MB'")
        cursor.executemany(
            "INSERT INTO articles_searchentry (place, post_id, version, text, is_wide, grams)"
            " VALUES (%s, %s, %s, %s, %s, array_to_tsvector(%s::text[]))",
            columns,
        )
        cursor.execute("SELECT gin_clean_pending_list('search_entry_grams')")


def _remove(entries: Sequence[SearchEntry]) -> None:
    """Deletes entries. FTS5 has to be told what it holds of a text, which is what the entry's text gave."""
    if not entries:
        return
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO articles_search_grams (articles_search_grams, rowid, grams) VALUES ('delete', %s, %s)",
                [(entry.place, " ".join(post_grams(entry.text))) for entry in entries],
            )
    SearchEntry.objects.filter(pk__in=[entry.pk for entry in entries]).delete()


def _periods_of(place: int) -> list[str]:
    return [f"{mark}{place >> bits}" for mark, bits in _PERIODS]


# --- Finding --------------------------------------------------------------------------------------------------------


def find_hits(search: Search, limit: int, *, skip: int = 0, with_text: bool = False) -> list[Hit]:
    """At most ``limit`` hits, newest first, after the first ``skip``. One query, or two (:func:`_run`). Raises TooSlow."""
    return _run([(search, limit, skip)], with_text=with_text)[0]


def find_many(searches: Sequence[Search], limit: int) -> list[list[Hit]]:
    """The newest hits of each of the searches, in one query or two. Raises TooSlow."""
    return _run([(search, limit, 0) for search in searches], with_text=False) if searches else []


def rank_hits(search: Search) -> tuple[list[Hit], bool]:
    """The hits, the best first, and whether there are more than were looked at. One query, or two. Raises TooSlow.

    Looked at are the newest :data:`RANKED` hits, and the newest of those with all words in the title: of a word that stands in
    every other post nobody looks for the ten thousandth. A word in the title counts most, then how often and how early the
    text has it for its length; of equals, the newer stands first.
    """
    in_title, newest = _run([(replace(search, in_title=True), RANKED_TITLES, 0), (search, RANKED + 1, 0)], with_text=True)
    pool = {hit.post: hit for hit in [*in_title, *newest[:RANKED]]}
    ranked = sorted(pool.values(), key=lambda hit: (-_score(hit.text, search.words), -hit.place))
    return ranked, len(newest) > RANKED


def _score(folded: str, words: Sequence[str]) -> float:
    """How well a text fits. Computed here, from the text, so that it is the same on every database."""
    title, _line, text = folded.partition(LINE)
    score = 0.0
    for word in words:
        number = text.count(word)
        score += 4.0 * (word in title) + number / (number + 0.5 + len(text) / 1500) + 0.3 * (word in text[:200])
    return score


def _run(wanted: Sequence[tuple[Search, int, int]], *, with_text: bool) -> list[list[Hit]]:
    """The hits for each search, its limit and what it skips, newest first.

    One query on SQLite; on PostgreSQL one, or two where the newest piece of time does not have enough.
    """
    public = {id(search.posts): _public_sql(search.posts) for search, _limit, _skip in wanted}
    asked = [(search, public[id(search.posts)], limit + skip) for search, limit, skip in wanted]
    found = (_ask_sqlite if connection.vendor == "sqlite" else _ask_postgresql)(asked, with_text)
    return [hits[skip:] for hits, (_search, _limit, skip) in zip(found, wanted, strict=True)]


def _ask_sqlite(asked: Sequence[_Asked], with_text: bool) -> list[list[Hit]]:
    return _ask([(*_sqlite_query(search, public, limit), limit) for search, public, limit in asked], with_text)


def _ask_postgresql(asked: Sequence[_Asked], with_text: bool) -> list[list[Hit]]:
    """Looks through the newest piece of time, and through the rest where that does not give enough.

    Not in one statement: planning a window takes longer than looking through it, and most questions need one.
    """
    windows = [_windows(search) for search, _public, _limit in asked]
    newest = [_postgresql_query(*each, stretch[:1]) for each, stretch in zip(asked, windows, strict=True)]
    found = _ask([(*query, limit) for query, (_search, _public, limit) in zip(newest, asked, strict=True)], with_text)
    short = [
        number
        for number, (_search, _public, limit) in enumerate(asked)
        if len(found[number]) < limit and len(windows[number]) > 1
    ]
    older = []
    for number in short:
        search, public, limit = asked[number]
        left = limit - len(found[number])
        older.append((*_postgresql_query(search, public, left, windows[number][1:]), left))
    for number, hits in zip(short, _ask(older, with_text), strict=True):
        # A post may be given an earlier date between the two.
        seen = {hit.post for hit in found[number]}
        found[number] += [hit for hit in hits if hit.post not in seen]
    return found


def _ask(queries: Sequence[tuple[str, Sequence[Any], int]], with_text: bool) -> list[list[Hit]]:
    """The hits of each query, which has a text, parameters and a limit, in one statement."""
    if not queries:
        return []
    texts: list[str] = []
    params: list[Any] = []
    for number, (text, values, limit) in enumerate(queries):
        column = "e.text" if with_text else "''"
        texts.append(
            f"SELECT * FROM (SELECT {number}, h.place, h.post_id, {column} FROM ({text}) h"  # noqa: S608
            + (" JOIN articles_searchentry e ON e.place = h.place" if with_text else "")
            + f" ORDER BY h.place DESC LIMIT {int(limit)}) q{number}"
        )
        params += values
    found: list[list[Hit]] = [[] for _query in queries]
    for number, place, post, text in _execute(" UNION ALL ".join(texts), params):
        found[number].append(Hit(place, post, text))
    # A union promises no order.
    return [sorted(hits, key=lambda hit: -hit.place) for hits in found]


def _public_sql(posts: PostQuerySet) -> Condition:
    """A condition on the entry ``e``: its post may be found."""
    text, params = posts.filter(pk=RawSQL("e.post_id", [])).order_by().values("pk").query.sql_with_params()
    return text, list(params)


def _text_conditions(column: str, find: str, words: Sequence[str], excluded: Sequence[str], *, in_title: bool) -> Condition:
    """What is read from the folded text: that all ``words`` stand in it, or in its title, and none of ``excluded``."""
    texts: list[str] = []
    params: list[Any] = []
    for word in words:
        texts.append(f"{find}({column}, %s) BETWEEN 1 AND {find}({column}, %s)" if in_title else f"{find}({column}, %s) > 0")
        params += [word, LINE] if in_title else [word]
    for word in excluded:
        texts.append(f"{find}({column}, %s) = 0")
        params.append(word)
    return " AND ".join(texts), params


def _grams(search: Search) -> list[str]:
    mark = TITLE_MARK if search.in_title else ""
    return list(dict.fromkeys(mark + gram for word in search.words for gram in word_grams(word)))


def _is_short(word: str) -> bool:
    """Whether a word is one gram, so that the index alone says which texts have it."""
    return len(word) <= 2


def _sqlite_query(search: Search, public: Condition, limit: int) -> Condition:
    """Walks the index from the newest place down. CROSS JOIN keeps SQLite from beginning at another table."""
    texts: list[str] = []
    params: list[Any] = []
    source, place = "articles_searchentry e", "e.place"
    if search.words:
        source, place = "articles_search_grams g CROSS JOIN articles_searchentry e ON e.place = g.rowid", "g.rowid"
        match = " AND ".join(f'"{gram}"' for gram in _grams(search))
        for word in filter(_is_short, search.excluded):
            match = f'({match}) NOT "{word_grams(word)[0]}"'
        texts.append("g.articles_search_grams MATCH %s")
        params.append(match)
    for sign, bound in ((">=", search.above), ("<", search.below)):
        if bound is not None:
            texts.append(f"{place} {sign} %s")
            params.append(bound)
    params += public[1]
    content, values = _text_conditions("e.text", "instr", search.words, search.excluded, in_title=search.in_title)
    params += values
    # SQLite asks subqueries last, and so would read the texts of all hits before it asked which of them have a rare tag.
    texts.append(f"CASE WHEN EXISTS ({public[0]}) THEN {content} ELSE 0 END" if content else f"EXISTS ({public[0]})")
    where = " AND ".join(texts)
    return f"SELECT {place} AS place, e.post_id FROM {source} WHERE {where} ORDER BY {place} DESC LIMIT {limit}", params  # noqa: S608


def _windows(search: Search) -> list[_Window]:
    """The stretches of places to look through, the newest first: an inverted index gives its hits in no order."""
    top = min(place_of_moment(timezone.now()), math.inf if search.below is None else search.below)
    newest = min(_newest.find(), top)
    windows: list[_Window] = []
    upper = search.below
    for mark, bits in _PERIODS if search.words else ():
        # Up to the present, whatever the newest was a minute ago. And the one after: places of a minute may lie days later.
        first, last = (int(newest) >> bits) - 1, (int(top) >> bits) + 1
        if last - first > _MAX_PERIODS:
            continue
        lower = first << bits
        periods = [f"{mark}{period}" for period in range(last, first - 1, -1)]
        windows.append(_Window(periods, max(lower, search.above or 0), upper))
        if lower <= (search.above or 0):
            return windows
        top = upper = lower
    return [*windows, _Window([], search.above, upper)]


def _postgresql_query(search: Search, public: Condition, limit: int, windows: Sequence[_Window]) -> Condition:
    """Looks through windows in their order, until there are enough hits."""
    texts: list[str] = []
    params: list[Any] = []
    for number, window in enumerate(windows):
        text, values = _window_query(search, window, public, limit)
        texts.append(f"SELECT * FROM ({text}) w{number}")  # noqa: S608
        params += values
    return f"SELECT * FROM ({' UNION ALL '.join(texts)}) u LIMIT {limit}", params  # noqa: S608


@dataclass(slots=True)
class _Newest:
    """The newest place of all, looked up once a minute: where the windows begin on a site that published nothing for years."""

    place: int = 0
    read_at: float = -math.inf

    def find(self) -> int:
        """The place as it was at most a minute ago. A wrong one costs time, never hits."""
        if time.monotonic() - self.read_at > 60:
            self.place = SearchEntry.objects.order_by("-place").values_list("place", flat=True).first() or 0
            self.read_at = time.monotonic()
        return self.place


_newest = _Newest()


@dataclass(frozen=True, slots=True)
class _Window:
    """A stretch of places, and the lexemes of the pieces of time that it lies in; none: all."""

    periods: Sequence[str]
    lower: int | None
    upper: int | None


def _window_query(search: Search, window: _Window, public: Condition, limit: int) -> Condition:
    """The inner query sorts what the index names; the outer one asks of each in turn, until there are enough.

    ``OFFSET 0`` keeps PostgreSQL from asking of all at once, which would read every text and every post. ``place + 0`` keeps it
    from walking all entries by their place, as it would for a word that it thinks frequent: it takes what it then reads of each,
    a vector of many pages, for nothing.
    """
    place = "place + 0" if search.words else "place"
    inner: list[str] = []
    params: list[Any] = []
    if search.words:
        inner.append("grams @@ %s::tsquery")
        params.append(_tsquery(search, window.periods))
    for sign, bound in ((">=", window.lower), ("<", window.upper)):
        if bound is not None:
            inner.append(f"{place} {sign} %s")
            params.append(bound)
    where = f" WHERE {' AND '.join(inner)}" if inner else ""
    outer = [f"EXISTS ({public[0]} OFFSET 0)"]
    params += public[1]
    long_words = [word for word in search.words if search.in_title or not _is_short(word)]
    long_excluded = [word for word in search.excluded if not search.words or not _is_short(word)]
    for before, words, excluded in (("", long_words, long_excluded), ("NOT e.is_wide OR ", search.words, search.excluded)):
        content, values = _text_conditions("t.text", "strpos", words, excluded, in_title=search.in_title)
        if content:
            text = f"SELECT 1 FROM articles_searchentry t WHERE t.place = e.place AND {content} OFFSET 0"  # noqa: S608
            outer.append(f"({before}EXISTS ({text}))")
            params += values
    return (
        f"SELECT e.place, e.post_id FROM (SELECT place, post_id, is_wide, {place} AS ordered FROM articles_searchentry{where}"  # noqa: S608
        f" ORDER BY ordered DESC) e WHERE {' AND '.join(outer)} ORDER BY e.ordered DESC LIMIT {limit}",
        params,
    )


def _tsquery(search: Search, periods: Sequence[str]) -> str:
    """The question as PostgreSQL reads it. Grams hold no ASCII, so no quote and no backslash."""
    wanted = [f"'{gram}'" for gram in _grams(search)]
    unwanted = [f"!'{word_grams(word)[0]}'" for word in search.excluded if _is_short(word)]
    query = f"({' & '.join([*wanted, *unwanted])} | '{_WIDE}')"
    quoted = " | ".join(f"'{period}'" for period in periods)
    return f"{query} & ({quoted})" if periods else query


def _execute(sql: str, params: Sequence[Any]) -> list[Any]:
    """The rows of a question that may not take long. Raises TooSlow."""
    # A reader's question may go to a copy of the database.
    database = connections[router.db_for_read(SearchEntry)]
    with database.cursor() as cursor, _bounded(database):
        if database.vendor == "sqlite":
            cursor.execute(sql, params)
            return cursor.fetchall()
        # In one message, which is one transaction where there is no other around it. A parallel plan would forget the order of
        # the windows, reading all entries is never right where an index names them, and compiling a plan takes longer than it.
        limits = {
            "statement_timeout": int(SECONDS * 1000),
            "max_parallel_workers_per_gather": 0,
            "enable_seqscan": "off",
            "jit": "off",
        }
        before = "".join(f"SET LOCAL {name} = {value}; " for name, value in limits.items())
        after = "".join(f"; SET LOCAL {name} = DEFAULT" for name in limits)
        cursor.execute(before + sql + after, params)
        for _limit in limits:
            cursor.nextset()
        return cursor.fetchall()


@contextmanager
def _bounded(database: BaseDatabaseWrapper) -> Iterator[None]:
    """Gives up what takes too long. PostgreSQL has a limit of its own; SQLite asks now and then whether to go on."""
    database.ensure_connection()
    watched = database.connection if database.vendor == "sqlite" else None
    if watched is not None:
        deadline = time.monotonic() + SECONDS
        watched.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
    try:
        yield
    except OperationalError as error:
        if any(word in str(error) for word in ("interrupted", "statement timeout")):
            raise TooSlow from error
        raise
    finally:
        if watched is not None:
            watched.set_progress_handler(None, 0)
