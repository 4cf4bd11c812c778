"""Where every post of a new site goes, decided before the first is written: links need to know, and names must not clash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from articles.editorial.workflow import LIVE
from articles.formats.layouts import LAYOUTS, Counts, PostFacts, SiteFacts
from articles.formats.layouts.base import Kind
from articles.formats.names import NameBook
from articles.formats.translating import TextKind
from articles.models import Post, Source

BATCH = 500
PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """``whole``: with every attachment of the sources and, where posts written here leave too, of the library."""

    layout: str
    title: str
    base_url: str
    timezone: str
    language: str
    prefix: str = ""
    whole: bool = False
    with_media: bool = True
    takes_library: bool = False


@dataclass(slots=True)
class Placing:
    """The site's facts; the posts in order of address; the file of each, and how texts refer to it (``goals``)."""

    layout: ModuleType
    options: SiteOptions
    sources: Mapping[int, Source]
    posts: QuerySet[Post]
    names: NameBook = field(default_factory=NameBook)
    site: SiteFacts = field(init=False)
    target: TextKind = field(init=False)
    keys: list[int] = field(default_factory=list)
    files: dict[int, str] = field(default_factory=dict)
    goals: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    translated: set[str] = field(default_factory=set)

    @classmethod
    def decide(cls, posts: QuerySet[Post], sources: Mapping[int, Source], options: SiteOptions) -> Placing:
        """Looks over all posts twice, a few columns each time: for what they have in common, then for their names."""
        placing = cls(LAYOUTS[options.layout], options, sources, posts)
        placing._survey()
        for path in placing.layout.config_files(placing.site):
            placing.names.add(path)
        placing._name_files()
        return placing

    def is_native(self, post: Post) -> bool:
        """Whether the post came from a source of this very layout, so that its file stays what it is."""
        return post.dialect == self.layout.NAME and self._is_native_source(post.source_id)

    def _is_native_source(self, source: int | None) -> bool:
        return source is not None and self.sources[source].dialect == self.layout.NAME

    def zone_of(self, source: int | None) -> ZoneInfo:
        """The zone in which a post's day is counted."""
        return ZoneInfo(self.sources[source].timezone if source is not None else self.options.timezone)

    def _survey(self) -> None:
        features: Counter[str] = Counter()
        languages: Counter[str] = Counter()
        keys: Counter[str] = Counter()
        first_parts: set[str] = set()
        addresses: set[str] = set()
        order: list[tuple[str, int]] = []
        rows = self.posts.values_list("pk", "path", "features", "language", "translation_key")
        for key, path, post_features, language, translation_key in rows.iterator(chunk_size=BATCH):
            order.append((path, key))
            features.update(post_features)
            languages[language] += 1
            keys[translation_key] += 1
            parts = path.strip("/").split("/")
            first_parts.add(parts[0])
            if len(parts) == 1:
                addresses.add(path)
        self.keys = [key for _path, key in sorted(order)]
        self.translated = {key for key, count in keys.items() if key and count > 1}
        counts = Counts(len(order), features, self._has_formulas())
        self.target = TextKind(self.layout.NAME, self.layout.FLAVOUR, self.layout.features_for(counts))
        self.site = SiteFacts(
            self.options.title,
            self.options.base_url,
            self.options.timezone,
            self._order_languages(languages),
            self.target.features,
            frozenset(first_parts),
            frozenset(addresses),
        )

    def _has_formulas(self) -> bool:
        rows = self.posts.filter(body__contains="$").values_list("features", flat=True)
        return any("math" in features or "passthrough" in features for features in rows.iterator(chunk_size=BATCH))

    def _order_languages(self, counted: Counter[str]) -> tuple[str, ...]:
        """The site's own language first: what the options say where some post has it or has none, else the commonest."""
        named = {name: count for name, count in counted.items() if name}
        own = self.options.language
        if named and own not in named and not counted[""]:
            own = min(named, key=lambda name: (-named[name], name))
        return (own, *sorted(name for name in named if name != own))

    def _name_files(self) -> None:
        for row in self._rows():
            facts = self._facts(row)
            file = self.names.claim(self.layout.file_of(facts, self.site))
            self.files[row["pk"]] = file
            goal = self.layout.target_of(facts.address, file)
            self.goals[facts.address] = goal
            if goal != facts.address:
                self.addresses[goal] = facts.address

    def _rows(self) -> Iterator[dict[str, Any]]:
        names = ("pk", "path", "kind", "slug", "title", "language", "published_at", "state", "flavour", "dialect")
        for start in range(0, len(self.keys), BATCH):
            portion = self.keys[start : start + BATCH]
            rows = {row["pk"]: row for row in self.posts.filter(pk__in=portion).values(*names, "source_id", "source_path")}
            yield from (rows[key] for key in portion if key in rows)

    def _facts(self, row: Mapping[str, Any]) -> PostFacts:
        source = row["source_id"]
        keeps = self.layout.NAME == PLAIN or (row["dialect"] == self.layout.NAME and self._is_native_source(source))
        return PostFacts(
            address=row["path"],
            slug=row["slug"],
            title=row["title"],
            kind=cast(Kind, row["kind"]),
            language=row["language"],
            flavour=row["flavour"],
            published_at=row["published_at"].astimezone(self.zone_of(source)) if row["published_at"] else None,
            is_draft=row["state"] not in LIVE,
            kept_path=row["source_path"] if source is not None and keeps else "",
        )

    def facts_of(self, post: Post) -> PostFacts:
        """The facts of a post in hand."""
        return PostFacts(post.path, post.slug, post.title, cast(Kind, post.kind), post.language, post.flavour)
