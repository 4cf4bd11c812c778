"""Three-way re-imports: the last import of a file, the file now, and the post now become one post, or questions to a person.

A file is compared in two layers. Its text is merged as text (:mod:`articles.editorial.merge`), and the fields of the post are
read anew from the merged text as an import reads them. What people decided at the desk and no key of the file says (a
feature of the Markdown, a state of the newsroom) follows the same rule field by field, beside the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_noop as _

from articles.editorial.merge import Answers, FieldQuestion, FileMerge, Head, join_parts, merge_files
from articles.editorial.versions import category_names
from articles.editorial.workflow import LIVE
from articles.findings import Finding
from articles.formats import frontmatter, read_source
from articles.formats.document import Cover, Document, Site, SourceText
from articles.formats.encoding import encode_source, with_text
from articles.formats.terms import slugify
from articles.formats.values import values_of
from articles.markup import render
from articles.markup.document import Rendered, Resolver
from articles.models import Post, PostAuthor, PostCategory, Revision, Series, TaggedPost
from articles.models.taxonomy import term_identity
from articles.sources import source_text

# In Hexo a list of categories is one path in a tree, so that its order is what it says.
ORDERED_KEYS: Mapping[str, frozenset[str]] = {"hexo": frozenset({"categories", "category"})}

SCALARS = (
    "kind",
    "title",
    "slug",
    "language",
    "translation_key",
    "published_at",
    "updated_at",
    "expires_at",
    "series",
    "series_order",
    "cover_alt",
    "cover_caption",
    "custom_excerpt",
    "description",
    "canonical_url",
    "noindex",
    "source_url",
    "flavour",
    "features",
)
"""Fields that a document and a post both have as one value. Lists and the state have rules of their own."""
LISTS = ("authors", "categories", "tags")
MAX_ORDER = 2**31 - 1

MERGED = _(
    "The file changed, and so did the post here: both were brought together (%(here)s changes made here, %(there)s in the file)."
)
BESIDE = Finding("merged", "info", _("The text is the file's; what was decided here beside the text stays."))
SAME_TEXT = Finding("same-text", "info", _("The file says by now what people wrote here."))


class Outcome(StrEnum):
    """What became of a file whose post people changed: the same text on both sides, or one text of two."""

    SAME = "same"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Base:
    """What a post was when its file was last imported."""

    source: SourceText
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be written. ``document`` says all fields, ``file`` is what the imported file says by itself.

    ``state`` and ``cover_id`` are the post's own where the file does not decide them; ``keeps_path``: the address stays,
    whatever the file now asks for. ``is_edited``: the post still says something that the file does not.
    """

    outcome: Outcome
    document: Document
    file: Document
    finding: Finding
    state: str = ""
    cover_id: int | None = None
    keeps_path: bool = False
    is_edited: bool = True


@dataclass(slots=True)
class PostMerge:
    """Three versions of one post, compared. ``document`` is the file as it came; ``held`` are the post's fields now."""

    merger: Merger
    post: Post
    base: Base
    ours: SourceText
    document: Document
    files: FileMerge
    held: Mapping[str, Any]
    readings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fields: tuple[FieldQuestion, ...] = ()

    @property
    def questions(self) -> int:
        """How many decisions a person has to make."""
        head = self.files.head
        lines = len(head.lines.conflicts) if head.lines is not None else 0
        return len(head.conflicts) + lines + len(self.files.body.conflicts) + len(self.fields)

    @property
    def is_file_unchanged(self) -> bool:
        """Whether the file says what it said at the last import."""
        return _is_same_text(self.document.source, self.base.source)

    @property
    def is_same_text(self) -> bool:
        """Whether the file says what the post's own text says."""
        return _is_same_text(self.document.source, self.ours)

    def read(self, source: SourceText) -> Document:
        """A text as a file of this site at this place. Raises RefusedFile."""
        document = read_source(self.merger.site, self.document.path, source, sha256=self.document.sha256)
        self.merger.fill(document)
        return document

    def settle(self, answers: Answers | None = None) -> Decision:
        """The decision, with the answers to all questions where there are any.

        Raises KeyError where one is not answered, EditError where a value cannot be written into its key alone, and
        RefusedFile where what came of it cannot be read as a file of this site.
        """
        answers = answers or Answers()
        head, body = self.files.resolve(keys=answers.keys, head_lines=answers.head_lines, body_lines=answers.body_lines)
        merged = self.read(join_source(self.document.source, head, body))
        chosen = {question.name: answers.fields[question.name] for question in self.fields}
        desk = _DeskFields(self.held, self.base.fields, self.readings, chosen)
        desk.put(merged)
        is_file = _is_same_text(merged.source, self.document.source)
        is_same = is_file and self.is_same_text
        return Decision(
            Outcome.SAME if is_same else Outcome.MERGED,
            merged,
            self.document,
            state=desk.state,
            cover_id=self.post.cover_id if merged.cover and merged.cover.target == self.post.cover_target else None,
            keeps_path=self.readings["base"]["permalink"] == self.readings["theirs"]["permalink"],
            is_edited=not is_file or desk.has_own,
            finding=SAME_TEXT if is_same else self._describe(),
        )

    def _describe(self) -> Finding:
        """What was brought together."""
        if _is_same_text(self.base.source, self.ours):
            return BESIDE
        kinds = [hunk.kind for hunk in self.files.body.hunks] + [change.kind for change in self.files.head.changes]
        both = kinds.count("merged") + kinds.count("both") + kinds.count("conflict")
        params = {"here": kinds.count("ours") + both, "there": kinds.count("theirs") + both}
        return Finding("merged", "info", MERGED, params)


def _is_same_text(one: SourceText, other: SourceText) -> bool:
    return (one.head, one.body) == (other.head, other.body)


def load_bases(posts: Iterable[Post]) -> dict[int, Base]:
    """What posts were at their last import, by key. Two queries whatever their number."""
    revisions = Revision.objects.filter(post__in=[post.pk for post in posts], origin=Revision.Origin.IMPORT)
    # Two steps, as SQLite plans the nested query badly.
    newest = revisions.order_by().values("post").annotate(newest=Max("pk")).values_list("newest", flat=True)
    return {revision.post_id: read_base(revision) for revision in Revision.objects.filter(pk__in=list(newest))}


def read_base(revision: Revision) -> Base:
    """The file and fields that a revision of an import kept."""
    snapshot = revision.snapshot
    head, body = str(snapshot.get("front_matter", "")), str(snapshot.get("body", ""))
    return Base(SourceText(head, body, frontmatter.split(head)[2] if head else ""), snapshot)


class Merger:
    """Compares files of one site with posts that people changed.

    ``fill`` is what an import does with every document that it has read (a default by-line). Call :meth:`prepare` with the
    posts of a chunk first: it costs the same number of queries whatever their number.
    """

    def __init__(self, site: Site, fill: Callable[[Document], None]) -> None:
        self.site, self.fill = site, fill
        self.bases: dict[int, Base] = {}
        self.held: dict[int, dict[str, Any]] = {}

    def prepare(self, posts: Sequence[Post]) -> None:
        """Loads what is needed of posts that are about to be compared."""
        self.bases = load_bases(posts) if posts else {}
        self.held = hold(posts) if posts else {}

    def compare(self, post: Post, document: Document) -> PostMerge:
        """Compares the post with its file, by what both were at the last import.

        ``document`` is the file now, as the site reads it. Without a base everything that differs is a question.
        """
        base = self.bases.get(post.pk) or Base(SourceText("", ""), {})
        ours = source_text(post)
        ordered = ORDERED_KEYS.get(document.dialect, frozenset())
        files = merge_files(base.source, ours, document.source, ordered=ordered)
        merge = PostMerge(self, post, base, ours, document, files, self.held[post.pk])
        merge.readings = {
            "base": said(merge.read(base.source)),
            "ours": said(merge.read(ours)),
            "theirs": said(document),
        }
        merge.fields = tuple(_DeskFields(merge.held, base.fields, merge.readings, {}).find_questions())
        return merge


def join_source(source: SourceText, head: Head, body: str) -> SourceText:
    """``source`` with another text, in its encoding and line ends; lines that stay keep their bytes."""
    block, text = join_parts(head, body)
    return with_text(source, block.text, text)


def render_document(document: Document, resolver: Resolver, site: Mapping[str, str]) -> Rendered:
    """The document as an import renders it. ``site`` holds the values that the texts of its site print by name."""
    return render(
        document.source.body,
        flavour=document.flavour,
        features=document.features,
        language=document.language or settings.LANGUAGE_CODE,
        resolver=resolver,
        title=document.title,
        values=values_of(document.source, document.features, site),
    )


def file_bytes(document: Document) -> bytes:
    """The bytes of the file that was read."""
    return encode_source(document.source)


# --- Fields, as a document says them, a post has them, and a revision kept them ----------------------------------------


def said(document: Document) -> dict[str, Any]:
    """The fields of a document in the form in which a post holds them, and the address that it asks for."""
    cover = document.cover or Cover("")
    order = document.series_order
    return {
        "kind": document.kind,
        "title": _shorten(document.title, 500),
        "slug": (document.slug or slugify(document.title))[:200],
        "language": document.language[:35],
        "translation_key": document.translation_key[:300],
        "published_at": document.published_at,
        "updated_at": document.updated_at,
        "expires_at": document.expires_at,
        "series": document.series,
        "series_order": order if order is not None and 0 <= order <= MAX_ORDER else None,
        "cover_alt": _shorten(cover.alt, 500),
        "cover_caption": cover.caption,
        "custom_excerpt": document.excerpt,
        "description": document.description,
        "canonical_url": document.canonical_url[:1000],
        "noindex": document.noindex,
        "source_url": document.source_url[:1000],
        "flavour": document.flavour,
        "features": sorted(document.features),
        "authors": list(document.authors),
        "categories": [list(path) for path in document.categories],
        "tags": list(document.tags),
        "state": Post.State.DRAFT if document.draft else Post.State.PUBLISHED,
        "permalink": document.permalink,
    }


def hold(posts: Sequence[Post]) -> dict[int, dict[str, Any]]:
    """The same fields as posts have them now, by key. A constant number of queries."""
    series = {row.pk: row.name for row in Series.objects.filter(pk__in={post.series_id for post in posts if post.series_id})}
    held: dict[int, dict[str, Any]] = {}
    for post in posts:
        held[post.pk] = {name: getattr(post, name) for name in SCALARS if name != "series"} | {
            "series": series.get(post.series_id or 0, ""),
            "features": sorted(post.features),
            "state": post.state,
            **{name: [] for name in LISTS},
        }
    keys = list(held)
    for credit in PostAuthor.objects.filter(post__in=keys).select_related("author"):
        held[credit.post_id]["authors"].append(credit.author.name)
    # As deep as an import makes categories: a deeper one would cost a query of its own.
    parents = "category__parent__parent__parent__parent"
    for place in PostCategory.objects.filter(post__in=keys).select_related(parents):
        held[place.post_id]["categories"].append(category_names(place.category))
    for tagged in TaggedPost.objects.filter(content_object__in=keys).select_related("tag"):
        held[tagged.content_object_id]["tags"].append(tagged.tag.name)
    return held


def snapshot_of_file(document: Document, snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """What a revision keeps of the file itself; ``snapshot`` is that of the merged post, for what the file does not say."""
    fields = said(document)
    values = {name: _plain(fields[name]) for name in (*SCALARS, *LISTS, "state")}
    texts = {"front_matter": document.source.head, "body": document.source.body}
    return {**snapshot, **values, **texts}


class _DeskFields:
    """What people decided here beside the text, by the three-way rule.

    ``held`` is what the post has, ``kept`` what it had after its last import; ``readings`` what the texts say: ``base``,
    ``ours`` and ``theirs``. A field that is as it was after the import, or as its own text says, is the text's affair.
    """

    def __init__(
        self,
        held: Mapping[str, Any],
        kept: Mapping[str, Any],
        readings: Mapping[str, Mapping[str, Any]],
        chosen: Mapping[str, str],
    ) -> None:
        self.held, self.kept, self.readings, self.chosen = held, kept, readings, chosen
        self.state = ""
        self.has_own = False

    def find_questions(self) -> Iterable[FieldQuestion]:
        """Fields that were decided here and changed there, each to something else."""
        for name in (*SCALARS, "state"):
            if self._is_own(name) and self._rule(name) == "":
                base, theirs = self.readings["base"][name], self.readings["theirs"][name]
                yield FieldQuestion(name, base, self.held[name], theirs)

    def put(self, document: Document) -> None:
        """Gives the merged document what was decided here."""
        for name in SCALARS:
            if self._is_own(name) and self._side(name) == "ours":
                _put(document, name, self.held[name])
                self.has_own = True
        for name in LISTS:
            if self._is_own(name):
                self._put_list(document, name)
        if self._is_own("state") and self._side("state") == "ours":
            self.state, self.has_own = self.held["state"], True

    def _is_own(self, name: str) -> bool:
        mine = _comparable(name, self.held[name])
        if name in self.kept and mine == _comparable(name, _revive(name, self.kept[name])):
            return False
        # A withdrawn post stays so, whatever the file says; its text says that it is a draft.
        if name == "state" and self.held[name] == Post.State.WITHDRAWN:
            return False
        return mine != _comparable(name, self.readings["ours"][name])

    def _rule(self, name: str) -> str:
        theirs = _comparable(name, self.readings["theirs"][name])
        if theirs == _comparable(name, self.readings["base"][name]):
            return "ours"
        return "theirs" if theirs == _comparable(name, self.held[name]) else ""

    def _side(self, name: str) -> str:
        return self._rule(name) or self.chosen[name]

    def _put_list(self, document: Document, name: str) -> None:
        """The merged list with what differs here from the post's own text: names added and taken away beside it."""
        mine = {_identify(entry): entry for entry in self.held[name]}
        own_text = {_identify(entry): entry for entry in self.readings["ours"][name]}
        merged = {_identify(entry): entry for entry in said(document)[name]}
        result = {key: entry for key, entry in merged.items() if key in mine or key not in own_text}
        result |= {key: entry for key, entry in mine.items() if key not in own_text and key not in result}
        if list(result) != list(merged):
            entries = list(result.values())
            setattr(document, name, [tuple(entry) for entry in entries] if name == "categories" else entries)
            self.has_own = True


def _put(document: Document, name: str, value: Any) -> None:
    if name.startswith("cover_"):
        cover = document.cover or Cover("")
        document.cover = replace(cover, **{name.removeprefix("cover_"): value})
    elif name == "custom_excerpt":
        document.excerpt = value
    elif name == "features":
        document.features = frozenset(value)
    else:
        setattr(document, name, value)


def _comparable(name: str, value: Any) -> Any:
    if name == "state":
        return "live" if value in LIVE else value
    if name == "series":
        return term_identity(value) if value else ""
    if name in LISTS:
        return [_identify(entry) for entry in value]
    return list(value) if isinstance(value, tuple) else value


def _identify(entry: str | Sequence[str]) -> tuple[str, ...]:
    return (term_identity(entry),) if isinstance(entry, str) else tuple(term_identity(name) for name in entry)


def _revive(name: str, value: Any) -> Any:
    """A value of a snapshot as a post has it."""
    return parse_datetime(value) if name.endswith("_at") and isinstance(value, str) else value


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
