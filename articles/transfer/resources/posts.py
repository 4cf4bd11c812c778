"""The table of posts. Every row is saved by the verbs of ``articles.editorial.workflow``; no column sets a state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from articles.editorial import permalinks, workflow
from articles.editorial.permissions import Verb, visible_posts
from articles.findings import Finding
from articles.models import Post
from articles.sheets.cells import Cell, Missing, as_text
from articles.sheets.table import shorten
from articles.transfer.resources.base import ChunkLoader, Column, Place, TableResource, find_by_key, is_new, stored_value
from articles.transfer.resources.widgets import (
    AuthorsWidget,
    CategoriesWidget,
    ChoiceWidget,
    LanguageWidget,
    LongTextWidget,
    MediaWidget,
    MomentWidget,
    NumberWidget,
    PathWidget,
    SeriesWidget,
    SlugWidget,
    TagsWidget,
    TextWidget,
    UrlWidget,
    compose,
    decode_path,
)

# Texts that no row needs; the record itself is needed to rehearse a change of the file.
_UNREAD = ("body_html", "plain_text", "outline", "findings", "source_findings")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = (
    "id",
    "version",
    "source",
    "source_path",
    "title",
    "state",
    "path",
    "slug",
    "kind",
    "language",
    "published_at",
    "updated_at",
    "expires_at",
    "authors",
    "categories",
    "tags",
    "series",
    "series_order",
    "custom_excerpt",
    "description",
    "cover",
    "cover_alt",
    "cover_caption",
    "canonical_url",
    "source_url",
    "translation_key",
    "character_count",
    "body",
)


class PostLoader(ChunkLoader):
    """The posts that a chunk names by number, by their file, or by their address."""

    def load(self) -> None:
        rows = self.resource.get_queryset()
        ids, paths = self.numbers("id"), {decode_path(text) or "" for text in self.texts("path")}
        sources, files = self.texts("source"), self.texts("source_path")
        named = Q(pk__in=ids) | Q(path__in={compose(path) for path in paths if path})
        if sources and files:
            named |= Q(source__name__in=sources, source_path__in=files)
        found = list(with_relations(rows.filter(named)))
        self.by_id = {post.pk: post for post in found}
        self.by_path = {post.path: post for post in found}
        self.by_file = {(post.source.name, post.source_path): post for post in found if post.source}

    def get_instance(self, row: Mapping[str, Cell]) -> Post | None:
        """By number; the file, where the row names one, must be the same. Else by file, else by address, else a new post."""
        source, file = (as_text(row.get(name, Missing.CELL)).strip() for name in ("source", "source_path"))
        post: Post | None = find_by_key(row, self.by_id)
        if post is not None:
            own = (post.source.name, post.source_path) if post.source else ("", "")
            if (source and source != own[0]) or (file and compose(file) != compose(own[1])):
                raise ValidationError(
                    _("Number %(id)s belongs to the file “%(own)s”, the row says “%(file)s”. Were columns sorted apart?"),
                    code="key-mismatch",
                    params={"id": post.pk, "own": shorten(own[1] or "-"), "file": shorten(file or source)},
                )
            return post
        if source and file:
            post = self.by_file.get((source, file))
            if post is None:
                raise ValidationError(
                    _(
                        "The source “%(source)s” has no post of the file “%(file)s” that you may see. "
                        "Empty both cells for a new post."
                    ),
                    code="unknown-file",
                    params={"source": shorten(source), "file": shorten(file)},
                )
            return post
        path = as_text(row.get("path", Missing.CELL)).strip()
        return self.by_path.get(compose(decode_path(path) or "")) if path else None


class PostResource(TableResource):
    """Posts. New rows are drafts of whoever imports, unless the state says otherwise and the right is there."""

    model_name = "post"
    label_column = "title"
    import_permissions = ("articles.add_post", "articles.change_post")
    export_permission = "articles.view_post"

    id = Column("id", gettext_lazy("number"), NumberWidget(), kind="number", width=8, is_key=True)
    version = Column("version", gettext_lazy("version (leave it)"), TextWidget(), width=10, is_key=True)
    source = Column("source", gettext_lazy("source"), TextWidget(), width=14, is_key=True)
    source_path = Column("source_path", gettext_lazy("path in the source"), TextWidget(), width=20, is_key=True)
    title = Column("title", gettext_lazy("Title"), TextWidget(500), width=46, empty="refuse")
    state = Column("state", gettext_lazy("state"), ChoiceWidget(Post.State.choices), width=12, empty="keep", aliases=("status",))
    path = Column("path", gettext_lazy("Address"), PathWidget(), width=36, empty="keep", aliases=("address", "permalink"))
    slug = Column("slug", gettext_lazy("slug"), SlugWidget(200), width=20, empty="keep")
    kind = Column("kind", gettext_lazy("Article or standing page"), ChoiceWidget(Post.Kind.choices), width=12, empty="keep")
    language = Column("language", gettext_lazy("Language"), LanguageWidget(35), width=8)
    published_at = Column(
        "published_at",
        gettext_lazy("Date of publication"),
        MomentWidget(),
        kind="moment",
        width=20,
        aliases=("date", "published"),
    )
    updated_at = Column(
        "updated_at",
        gettext_lazy("Date of update, as readers see it"),
        MomentWidget(),
        kind="moment",
        width=20,
        aliases=("updated",),
    )
    expires_at = Column("expires_at", gettext_lazy("Leaves the site"), MomentWidget(), kind="moment", width=20)
    authors = Column("authors", gettext_lazy("By-lines"), AuthorsWidget(), width=22, aliases=("author",))
    categories = Column("categories", gettext_lazy("Categories"), CategoriesWidget(), width=24, aliases=("category",))
    tags = Column("tags", gettext_lazy("Tags"), TagsWidget(), width=30, aliases=("tag",))
    series = Column("series", gettext_lazy("Series"), SeriesWidget(), width=16)
    series_order = Column("series_order", gettext_lazy("number in the series"), NumberWidget(), kind="number", width=10)
    custom_excerpt = Column(
        "custom_excerpt", gettext_lazy("Excerpt in lists"), LongTextWidget(), kind="long", width=40, aliases=("excerpt",)
    )
    description = Column("description", gettext_lazy("Description for search engines"), LongTextWidget(), kind="long", width=40)
    cover = Column("cover", gettext_lazy("Cover"), MediaWidget(), width=20)
    cover_alt = Column("cover_alt", gettext_lazy("What the picture shows"), TextWidget(500), width=24)
    cover_caption = Column("cover_caption", gettext_lazy("Caption"), LongTextWidget(), kind="long", width=24)
    canonical_url = Column(
        "canonical_url", gettext_lazy("Original address, where this text was published first"), UrlWidget(1000), width=24
    )
    source_url = Column("source_url", gettext_lazy("Address of the quoted source"), UrlWidget(1000), width=24)
    translation_key = Column("translation_key", gettext_lazy("translation key"), TextWidget(300), width=16)
    character_count = Column("character_count", gettext_lazy("characters"), NumberWidget(), kind="number", width=8, is_info=True)
    body = Column("body", gettext_lazy("Text (Markdown)"), LongTextWidget(), kind="long", width=60, is_heavy=True)

    class Meta(TableResource.Meta):
        abstract = False
        model = Post
        instance_loader_class = PostLoader
        fields = _COLUMNS
        import_order = export_order = _COLUMNS

    # --- Out ---

    def get_queryset(self) -> QuerySet[Post]:
        return Post.objects.all() if self.user is None else visible_posts(self.user)

    def get_exported(self) -> QuerySet[Post]:
        return (
            self.get_queryset()
            .filter(trashed_at__isnull=True)
            .order_by(
                # Databases disagree about where entries without a date stand.
                F("published_at").desc(nulls_last=True),
                "-pk",
            )
        )

    def load_for_export(self, keys: Sequence[int]) -> list[Post]:
        posts = with_relations(self.get_queryset().filter(pk__in=keys).defer("front_matter", "source_bytes", "extra"))
        found = {post.pk: post for post in posts}
        return [found[key] for key in keys if key in found]

    def read_version(self, instance: Post, loader: ChunkLoader) -> str:
        return spell_version(instance.modified_at)

    def read_source(self, instance: Post, loader: ChunkLoader) -> str:
        return instance.source.name if instance.source else ""

    def read_state(self, instance: Post, loader: ChunkLoader) -> str:
        """The state as readers would put it: whether a post is scheduled or published is said by its date."""
        if is_new(instance) or instance.state not in workflow.LIVE:
            return str(instance.state)
        waits = instance.published_at is not None and instance.published_at > timezone.now()
        return str(Post.State.SCHEDULED if waits else Post.State.PUBLISHED)

    def read_authors(self, instance: Post, loader: ChunkLoader) -> list[Any]:
        return [] if is_new(instance) else [credit.author for credit in instance.postauthor_set.all()]

    def read_categories(self, instance: Post, loader: ChunkLoader) -> list[Place]:
        if is_new(instance):
            return []
        places = (loader.tree.get(row.category_id) for row in instance.postcategory_set.all())
        return [place for place in places if place is not None]

    def read_tags(self, instance: Post, loader: ChunkLoader) -> list[str]:
        return [] if is_new(instance) else [tagged.tag.name for tagged in instance.tagged_items.all()]

    # --- In ---

    def rehearse(self, instance: Post, loader: ChunkLoader) -> None:
        current = loader.current
        changes, wanted = split_state(current.values)
        row = copy(instance)
        if is_new(instance):
            self._refuse_second(changes, loader)
        step = workflow.find_step(row, wanted) if wanted else None
        if step in workflow.STEPS_BEFORE_SAVING:
            workflow.rehearse_step(row, self.user, step)
            row.state = wanted or row.state
            step = None
        if changes or is_new(instance):
            row = workflow.rehearse(row, self.user, changes)
        if wanted in workflow.LIVE:
            self._judge_date(row, wanted, current, is_step=step is not None)
        if step is not None:
            workflow.rehearse_step(row, self.user, step, at=date_to_come(row))
        if row.path != instance.path:
            self.claim(loader, f"path:{row.path}", row.path)
            if "path" not in changes and not is_new(instance):
                current.remark(
                    Finding("address-follows", "info", _("The address becomes “%(path)s”."), {}), "info", path=shorten(row.path)
                )
        current.label = row.title
        if is_new(instance):
            current.changes.setdefault("path", {"old": "", "new": row.path, "value": None})

    def _judge_date(self, row: Post, wanted: str, current: Any, *, is_step: bool) -> None:
        to_come = date_to_come(row) is not None
        if wanted == Post.State.PUBLISHED and to_come:
            template = _("The date is to come, so that the post will be public from then on, and not now.")
            current.remark(Finding("will-be-scheduled", "warning", template, {}), "warning")
        elif wanted == Post.State.SCHEDULED and is_step and not to_come:
            raise ValidationError(_("To schedule the post, give a date to come."), code="no-date-to-come")

    def _refuse_second(self, changes: Mapping[str, Any], loader: ChunkLoader) -> None:
        """A row that names no post makes one. Where the very post seems to be there, the row lacks its number.

        So that a table read twice makes nothing twice: a post at the address that the row's post would get, or an undated
        one with the same title, is not to be had a second time under “-2”.
        """
        new = Post(**{name: changes[name] for name in ("title", "slug", "kind", "published_at") if name in changes})
        path = changes.get("path") or permalinks.house_path(new)
        self.claim(loader, f"house:{path}", path)
        there = permalinks.find_holder(path, new)
        if there is None and new.published_at is None and "path" not in changes:
            new.slug = new.slug or path.strip("/").rpartition("/")[2]
            same = Post.objects.filter(title=new.title, slug=new.slug, published_at__isnull=True, trashed_at__isnull=True)
            there = same.values_list("pk", flat=True).first()
        if there is not None:
            raise ValidationError(
                _(
                    "There is a post at “%(path)s” already. To change it, write its number into the row; for another post, "
                    "write another slug or address."
                ),
                code="post-exists",
                params={"path": shorten(path)},
            )

    def carry_out(
        self, object_id: int | None, changes: Mapping[str, Mapping[str, Any]], expected: str, loader: ChunkLoader, note: str
    ) -> Post:
        # A new post's address is shown and not asked for: it is made when the post is.
        stored = {name: change for name, change in changes.items() if stored_value(change) is not None or name != "path"}
        values, wanted = split_state(self.restore(stored, loader))
        post = Post() if object_id is None else Post(pk=object_id, path="")
        seen = read_spelled(expected)
        if object_id is not None:
            post = self._open(object_id, seen)
        step = workflow.find_step(post, wanted) if wanted else None
        if step in workflow.STEPS_BEFORE_SAVING:
            post = take_step(post, self.user, step, expected=seen)
            seen, step = post.modified_at, None
        if values or object_id is None:
            post = workflow.save_post(post, self.user, values, expected=seen, note=note)
            seen = post.modified_at
        if step is not None:
            post = take_step(post, self.user, step, expected=seen)
        return post

    def _open(self, object_id: int, seen: datetime | None) -> Post:
        post: Post | None = self.get_queryset().filter(pk=object_id).first()
        if post is None or (seen is not None and post.modified_at != seen):
            raise workflow.ChangedMeanwhile(str(gettext_lazy("The post was saved by someone since the preview.")))
        return post

    def find_versions(self, keys: Sequence[int]) -> dict[int, str]:
        rows = Post.objects.filter(pk__in=keys).values_list("pk", "modified_at")
        return {pk: spell_version(modified_at) for pk, modified_at in rows}


def with_relations(posts: Any) -> Iterable[Post]:
    """Posts with all that a row prints, in five queries whatever their number."""
    rows: Iterable[Post] = (
        posts.defer(*_UNREAD)
        .select_related("source", "series", "cover")
        .prefetch_related("postauthor_set__author", "postcategory_set", "tagged_items__tag")
    )
    return rows


def split_state(values: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The changes that a save takes, and the state that is wanted, which takes a verb."""
    changes = {name: value for name, value in values.items() if name != "state"}
    return changes, str(values.get("state", ""))


def take_step(post: Post, user: Any, step: Verb, *, expected: datetime | None) -> Post:
    """Does what leads to the state that a row wants."""
    if step is Verb.SUBMIT:
        return workflow.submit_for_review(post, user, expected=expected)
    if step is Verb.RETURN:
        return workflow.return_to_draft(post, user, expected=expected)
    if step is Verb.WITHDRAW:
        return workflow.withdraw(post, user, expected=expected)
    return workflow.publish(post, user, date_to_come(post), expected=expected)


def date_to_come(post: Post) -> datetime | None:
    """The post's date where it is to come."""
    return post.published_at if post.published_at is not None and post.published_at > timezone.now() else None


def spell_version(moment: datetime) -> str:
    """The moment of the last save as one word that no spreadsheet program takes for a number or a date."""
    return f"v{(moment - _EPOCH) // timedelta(microseconds=1)}"


def read_spelled(version: str) -> datetime | None:
    return _EPOCH + timedelta(microseconds=int(version[1:])) if version[1:].isdigit() else None
