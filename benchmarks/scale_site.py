"""Fills a database with a newspaper of any size, quickly and the same at every call: what ``scale.py`` measures.

Every row that an import leaves behind is there: posts with their derived columns, by-lines, sections, tags, references, a kept
version, the journal, former addresses, the search index; and what workers and editors add to it. Texts are a few hundred, each
rendered once by the product; titles, addresses, dates and terms are each post's own.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import connection, transaction

from articles.derive import apply_rendered, link_rows
from articles.editorial.versions import snapshot_of
from articles.formats.document import SourceText
from articles.formats.encoding import encode_source
from articles.formats.terms import slugify
from articles.markup import render
from articles.markup.document import Link, Rendered
from articles.models import (
    Author,
    Category,
    ImportItem,
    ImportRun,
    MediaFile,
    Post,
    PostAuthor,
    PostCategory,
    Redirect,
    RelatedPost,
    Revision,
    Series,
    Source,
    SourceFile,
    Tag,
    TaggedPost,
)
from articles.models.taxonomy import term_identity
from articles.references import name_key
from articles.search import index_posts
from articles.transfer.rows import insert_all, insert_rows
from benchmarks.corpus import DESKS, SUBJECTS, _sentence

AT_ONCE = 1000
TEXTS = 200
TAGS, AUTHORS, SERIES = 5_000, 200, 100
SECTIONS = 8
FIRST_DAY = datetime(2010, 1, 1, tzinfo=UTC)
YEARS = 16.5
#: Of twenty posts, as in a newsroom: nearly all are public.
STATES = (*(Post.State.PUBLISHED,) * 17, Post.State.DRAFT, Post.State.IN_REVIEW, Post.State.WITHDRAWN)
#: A word that stands in one post of so many.
PLANTED = {"首相": 2, "水害": 10, "検察": 100, "瓦斯": 1_000, "鵺鳥": 5_000}
#: A tag of a fifth of the posts, all of them from the first third of the years: newest first, it is far down.
FORMER_TAG = "以前の特集"
RARE_TAG = "一度だけの話"


@dataclass(slots=True)
class Terms:
    """The rows that posts are given, and how often each of the tags comes."""

    categories: list[Category]
    authors: list[Author]
    series: list[Series]
    tags: list[Tag]
    weights: list[float]
    media: list[MediaFile] = field(default_factory=list)


@dataclass(slots=True)
class Site:
    """What was filled in. ``newest`` is the last date."""

    posts: int
    publisher: User
    run: ImportRun
    newest: datetime


@dataclass(frozen=True, slots=True)
class Text:
    """A body, as it is written and as it is rendered."""

    body: str
    rendered: Rendered


def fill(posts: int, *, tags: int = TAGS, texts: int = TEXTS, with_search: bool = True) -> Site:
    """``posts`` posts over :data:`YEARS` years into an empty, migrated database."""
    dice = random.Random(20261126)
    publisher = User.objects.create_user("publisher", password="x", is_staff=True)
    publisher.groups.add(*Group.objects.filter(name__in=["publisher", "importer"]))
    source = Source.objects.create(
        name="bench.example", dialect="hugo", base_url="https://bench.example", timezone="Asia/Tokyo", language="ja"
    )
    run = ImportRun.objects.create(user=publisher, label="bench.zip", state=ImportRun.State.FINISHED, moment=FIRST_DAY)
    terms = _make_terms(tags)
    terms.media = _make_media(max(posts // 5, 5), source, publisher)
    pool = [_make_text(dice, number) for number in range(texts)]
    step = timedelta(days=YEARS * 365) / posts
    for start in range(0, posts, AT_ONCE):
        with transaction.atomic():
            _Chunk(dice, source, run, publisher, terms, pool, step, posts).write(
                range(start, min(start + AT_ONCE, posts)), with_search=with_search
            )
    run.totals = {"create": posts}
    run.save()
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        # As it does by itself within a minute or so. SQLite never makes statistics by itself, so none are made here.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    return Site(posts, publisher, run, FIRST_DAY + step * (posts - 1))


def _make_terms(tags: int) -> Terms:
    roots = [Category.objects.create(name=f"部門{number}", position=number) for number in range(SECTIONS)]
    below = [Category.objects.create(name=f"{root.name}の欄{number}", parent=root) for root in roots for number in (1, 2)]
    authors = [Author(name=name, slug=slugify(name), identity=term_identity(name)) for name in _names(AUTHORS, DESKS, "担当")]
    series = [Series(name=name, slug=slugify(name), identity=term_identity(name)) for name in _names(SERIES, SUBJECTS, "連載")]
    names = [FORMER_TAG, RARE_TAG, *_names(tags, SUBJECTS, "話題")]
    rows = [Tag(name=name, slug=slugify(name), identity=term_identity(name)) for name in names]
    for made in (authors, series, rows):
        type(made[0])._default_manager.bulk_create(made, batch_size=500)  # type: ignore[arg-type]
    return Terms([*roots, *below], authors, series, rows, list(accumulate(1 / (place + 3) for place in range(tags))))


def _names(number: int, words: Sequence[str], suffix: str) -> Iterator[str]:
    for place in range(number):
        yield f"{words[place % len(words)]}{suffix}{place}"


def _make_media(number: int, source: Source, user: User) -> list[MediaFile]:
    """Rows of pictures; their files are not on the disk."""
    rows = []
    for place in range(number):
        sha256 = hashlib.sha256(f"picture {place}".encode()).hexdigest()
        rows.append(
            MediaFile(
                sha256=sha256,
                name=f"picture-{place}.jpg",
                content_type="image/jpeg",
                size=180_000 + place,
                width=1600,
                height=900,
                public_name=f"{sha256[:2]}/{sha256[:16]}/picture-{place}.jpg",
                alt="" if place % 3 == 0 else f"写真 {place}",
                uploaded_by=user,
            )
        )
    MediaFile.objects.bulk_create(rows, batch_size=500)
    SourceFile.objects.bulk_create(
        (
            SourceFile(
                source=source,
                path=f"static/images/{media.name}",
                role=SourceFile.Role.ATTACHMENT,
                size=media.size,
                sha256=media.sha256,
                media=media,
                public_path=f"/images/{media.name}",
                name_key=name_key(media.name),
            )
            for media in rows
        ),
        batch_size=500,
    )
    return rows


def _make_text(dice: random.Random, number: int) -> Text:
    """About 3 KB of Markdown with headings, a list and a table, as the product renders it."""
    parts = []
    for section in range(1, 4):
        parts.append(f"## {section}、{_sentence(dice)[:-1]}\n\n" + "".join(_sentence(dice) for _ in range(7)) + "\n\n")
        parts.append("".join(f"- {_sentence(dice)}\n" for _ in range(3)) + "\n")
    parts.append(f"| 項目 | 前 | 後 |\n|---|---|---|\n| {number} | {dice.randint(1, 99)} | {dice.randint(1, 99)} |\n\n")
    body = "".join(parts)
    return Text(body, render(body, flavour="commonmark"))


@dataclass(slots=True)
class _Chunk:
    """One portion of posts with everything that hangs on them."""

    dice: random.Random
    source: Source
    run: ImportRun
    user: User
    terms: Terms
    pool: list[Text]
    step: timedelta
    total: int

    def write(self, places: range, *, with_search: bool) -> None:
        posts = [self._make_post(place) for place in places]
        insert_all(posts)
        tags = [self._tags_of(place) for place in places]
        rows = list(zip(places, posts, tags, strict=True))
        authors, sections = self.terms.authors, self.terms.categories
        insert_rows(
            PostAuthor, ("post", "author", "position"), [(post.pk, authors[self._author(n)].pk, 0) for n, post, _t in rows]
        )
        insert_rows(
            PostCategory,
            ("post", "category", "position"),
            [
                (post.pk, sections[(place + shift) % len(sections)].pk, number)
                for place, post, _tags in rows
                for number, shift in enumerate((0, 5) if place % 5 == 0 else (0,))
            ],
        )
        insert_rows(TaggedPost, ("content_object", "tag"), [(post.pk, tag.pk) for _n, post, found in rows for tag in found])
        insert_all([row for place, post, _tags in rows for row in link_rows(post, self._links(place))])
        insert_all([self._revision(post, place, found) for place, post, found in rows])
        insert_all([self._item(post) for post in posts])
        insert_all([Redirect(old_path=f"/old/{n}.html", post=post, created_at=FIRST_DAY) for n, post, _t in rows if n % 3 == 0])
        related = [
            (post.pk, other.pk, number) for _n, post, _t in rows for number, other in enumerate(self._related(post, posts), 1)
        ]
        insert_rows(RelatedPost, ("post", "other", "position"), related)
        if with_search:
            index_posts(posts)

    def _make_post(self, place: int) -> Post:
        text = self.pool[place % len(self.pool)]
        moment = FIRST_DAY + self.step * place
        subject = SUBJECTS[place // 7 % len(SUBJECTS)]
        words = [word for word, share in PLANTED.items() if place % share == share // 2]
        title = f"{subject}{self.dice.choice(('の記録', 'を読む', 'のいま', 'の見通し'))}　その{place}"
        if words and place % 7 == 0:
            title = f"{words[-1]}と{title}"
        ending = f"{_sentence(self.dice)}{'、'.join(words)}という語も残る。"
        is_page = place % 500 == 250
        post = Post(
            source=self.source,
            kind=Post.Kind.PAGE if is_page else Post.Kind.ARTICLE,
            state=STATES[place % 20],
            title=title,
            source_title=title,
            slug=f"post-{place}",
            path=f"/{moment:%Y/%m}/post-{place}/",
            language="en" if place % 50 == 11 else "",
            translation_key=f"text-{place // 50}" if place % 50 in (11, 12) else "",
            published_at=None if is_page else moment,
            first_published_at=moment,
            updated_at=moment + timedelta(days=1) if place % 10 == 0 else None,
            expires_at=moment + timedelta(days=20_000) if place % 300 == 0 else None,
            trashed_at=moment if place % 997 == 3 else None,
            created_at=moment,
            modified_at=moment,
            series=self.terms.series[place // 10 % len(self.terms.series)] if place % 10 == 4 else None,
            series_order=place // 10 // len(self.terms.series) + 1 if place % 10 == 4 else None,
            cover=self.terms.media[place // 5] if place % 5 == 1 and place // 5 < len(self.terms.media) else None,
            description=_sentence(self.dice) if place % 3 == 0 else "",
            body=f"{text.body}{ending}\n",
            front_matter=f'---\ntitle: "{title}"\ndate: {moment.isoformat()}\n---\n',
            front_matter_format="yaml",
            features=[],
            source_path=f"content/posts/{moment:%Y-%m}/post-{place}.md",
            source_permalink=f"/{moment:%Y/%m}/post-{place}/",
            dialect="hugo",
            owner=self.user if place % 50 == 7 else None,
        )
        apply_rendered(post, text.rendered)
        post.body_html += f"<p>{ending}</p>\n"
        post.plain_text += f"\n{ending}"
        written = encode_source(SourceText(post.front_matter, post.body, "yaml"))
        post.source_sha256 = hashlib.sha256(written).hexdigest()
        return post

    def _author(self, place: int) -> int:
        """A few by-lines write most."""
        return min(int(self.dice.paretovariate(0.7)) - 1, len(self.terms.authors) - 1) if place % 4 else 0

    def _tags_of(self, place: int) -> list[Tag]:
        """Four of the ordinary ones, frequent and rare as words are, and the two special ones where they belong."""
        chosen = self.dice.choices(self.terms.tags[2:], cum_weights=self.terms.weights, k=4)
        if place < self.total // 3 and place % 5 < 3:
            chosen.append(self.terms.tags[0])
        if place == self.total // 2 // 20 * 20 + 6:
            chosen.append(self.terms.tags[1])
        return list({tag.pk: tag for tag in chosen}.values())

    def _links(self, place: int) -> list[Link]:
        """To two other posts and one picture."""
        picture = self.terms.media[place % len(self.terms.media)]
        others = [(place * 7 + shift) % self.total for shift in (11, 503)]
        paths = [f"/{FIRST_DAY + self.step * other:%Y/%m}/post-{other}/" for other in others]
        links = [Link("path", path, url=path) for path in paths]
        return [*links, Link("media", f"/images/{picture.name}", url=picture.url)]

    def _revision(self, post: Post, place: int, tags: Sequence[Tag]) -> Revision:
        author = self.terms.authors[place % len(self.terms.authors)].name
        snapshot = snapshot_of(
            post, authors=[author], categories=[[self.terms.categories[0].name]], tags=[tag.name for tag in tags]
        )
        origin = Revision.Origin.IMPORT
        return Revision(post=post, origin=origin, user=self.user, run=self.run, created_at=post.created_at, snapshot=snapshot)

    def _item(self, post: Post) -> ImportItem:
        values: dict[str, Any] = {"claim": post.path, "permalink": post.path, "applied_at": FIRST_DAY, "written_at": FIRST_DAY}
        verdict = ImportItem.Verdict.CREATE
        path = post.source_path
        return ImportItem(
            run=self.run,
            source=self.source,
            path=path,
            size=3000,
            sha256=post.source_sha256,
            verdict=verdict,
            post=post,
            **values,
        )

    def _related(self, post: Post, posts: Sequence[Post]) -> list[Post]:
        return [other for other in self.dice.sample(posts, min(5, len(posts))) if other is not post][:4]
