"""The tables of authors, categories and tags. Two spellings of one name are one term; nothing is ever merged or deleted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from django.db.models import Count, Model, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.editorial.permissions import is_own_category
from articles.editorial.terms import RefusedTerm, check_readable, check_term
from articles.models import Author, Category, PostAuthor, PostCategory, Tag, TaggedPost
from articles.models.taxonomy import term_identity
from articles.sheets.cells import Cell, Missing, as_text, is_empty
from articles.sheets.lists import join_paths, split_paths
from articles.transfer.resources.base import ChunkLoader, Column, Place, TableResource, claim_category, find_by_key
from articles.transfer.resources.widgets import (
    CategoryWidget,
    ChoiceWidget,
    LinksWidget,
    LongTextWidget,
    MediaWidget,
    NamesWidget,
    NumberWidget,
    SlugWidget,
    TextWidget,
    check_name,
)


class NameWidget(TextWidget):
    """A name; only width and case may differ from one that is there, and then it is the same term spelled anew."""

    def check(self, old: Any, new: Any, cell: Cell, loader: ChunkLoader) -> Any:
        return check_name(super().check(old, new, cell, loader))


class TermLoader(ChunkLoader):
    """Terms that a chunk names by number, else by name."""

    def load(self) -> None:
        model = self.resource._meta.model
        names = {term_identity(name) for name in self.texts("name")}
        found = list(model._default_manager.filter(Q(pk__in=self.numbers("id")) | Q(identity__in=names)))
        self.by_id = {term.pk: term for term in found}
        self.by_name = {term.identity: term for term in found}

    def get_instance(self, row: Mapping[str, Cell]) -> Any:
        return find_by_key(row, self.by_id) or self.find_by_name(row)

    def find_by_name(self, row: Mapping[str, Cell]) -> Any:
        name = as_text(row.get("name", Missing.CELL)).strip()
        return self.by_name.get(term_identity(name)) if name else None


class CategoryLoader(TermLoader):
    """Categories have a name among those of one parent."""

    def load(self) -> None:
        super().load()
        self.by_place = {(term.parent_id, term.identity): term for term in self.by_id.values()}

    def find_by_name(self, row: Mapping[str, Cell]) -> Any:
        name = as_text(row.get("name", Missing.CELL)).strip()
        parent: int | None = None
        if not is_empty(row.get("parent", Missing.CELL)):
            paths = split_paths(as_text(row["parent"]))
            places = self.tree.find(paths[0]) if len(paths) == 1 else []
            if len(places) != 1:
                return None
            parent = places[0].pk
        return self.by_place.get((parent, term_identity(name))) if name else None


class TermResource(TableResource):
    """What the three have in common."""

    through: ClassVar[type[Model]]
    key: ClassVar[str]
    compared: ClassVar[tuple[str, ...]]

    class Meta(TableResource.Meta):
        abstract = True
        instance_loader_class = TermLoader

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = self._meta.model._default_manager.all()
        return rows

    def get_exported(self) -> QuerySet[Any]:
        return self.get_queryset().order_by("name", "pk")

    def load_for_export(self, keys: Sequence[int]) -> list[Any]:
        found = self.get_queryset().in_bulk(keys)
        counted = self.through._default_manager.filter(**{f"{self.key}__in": keys}).order_by()
        numbers = dict(counted.values(self.key).annotate(number=Count("pk")).values_list(self.key, "number"))
        for pk, term in found.items():
            term.posts_number = numbers.get(pk, 0)
        return [found[key] for key in keys if key in found]

    def read_posts(self, instance: Any, loader: ChunkLoader) -> int:
        return getattr(instance, "posts_number", 0)

    def read_version(self, instance: Any, loader: ChunkLoader) -> str:
        said = json.dumps([getattr(instance, name) for name in self.compared], ensure_ascii=False, sort_keys=True)
        return "v" + hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def find_versions(self, keys: Sequence[int]) -> dict[int, str]:
        loader: Any = None
        return {pk: self.read_version(term, loader) for pk, term in self.get_queryset().in_bulk(keys).items()}

    def rehearse(self, instance: Any, loader: ChunkLoader) -> None:
        self.require(loader, instance.pk)
        term, changes = copy(instance), loader.current.values
        for name, value in changes.items():
            setattr(term, name, value)
        loader.current.label = term.name
        check_term(term)
        if "name" in changes:
            self.claim(loader, f"name:{term_identity(term.name)}", term.name)
        if changes.get("slug"):
            self.claim(loader, f"slug:{term.slug}", term.slug)

    def carry_out(
        self, object_id: int | None, changes: Mapping[str, Mapping[str, Any]], expected: str, loader: ChunkLoader, note: str
    ) -> Model:
        self.require(loader, object_id)
        model = self._meta.model
        term = model() if object_id is None else self.get_queryset().select_for_update().filter(pk=object_id).first()
        if term is None or (object_id is not None and self.read_version(term, loader) != expected):
            raise RefusedTerm(str(gettext_lazy("The entry was changed by someone since the preview.")))
        for name, value in self.restore(changes, loader).items():
            setattr(term, name, value)
        self.check_right(term, changes, loader)
        check_term(term)
        try:
            with transaction.atomic():
                term.save()
        except IntegrityError as error:
            raise RefusedTerm(
                str(gettext_lazy("Somebody made the same entry at this moment. Compare the table again."))
            ) from error
        saved: Model = term
        return saved

    def check_right(self, term: Any, changes: Mapping[str, Any], loader: ChunkLoader) -> None:
        """Raises RefusedTerm where the user may change terms, but not this one."""


def _columns(*names: str) -> tuple[str, ...]:
    return ("id", "version", "name", *names, "posts")


class TagResource(TermResource):
    model_name = "tag"
    import_permissions = ("articles.add_tag", "articles.change_tag")
    export_permission = "articles.view_tag"
    through, key = TaggedPost, "tag"
    compared = ("name", "slug", "aliases", "description")

    id = Column("id", gettext_lazy("number"), NumberWidget(), kind="number", width=8, is_key=True)
    version = Column("version", gettext_lazy("version (leave it)"), TextWidget(), width=10, is_key=True)
    name = Column("name", gettext_lazy("name"), NameWidget(), width=30, empty="refuse")
    slug = Column("slug", gettext_lazy("slug"), SlugWidget(210), width=24, empty="keep")
    aliases = Column("aliases", gettext_lazy("Other spellings"), NamesWidget(), width=30)
    description = Column("description", gettext_lazy("description"), LongTextWidget(), kind="long", width=50)
    posts = Column("posts", gettext_lazy("posts"), NumberWidget(), kind="number", width=8, is_info=True)

    class Meta(TermResource.Meta):
        abstract = False
        model = Tag
        fields = import_order = export_order = _columns("slug", "aliases", "description")


class AuthorResource(TermResource):
    """By-lines. Which account one belongs to is no column: a by-line gives no rights, an account does."""

    model_name = "author"
    import_permissions = ("articles.add_author", "articles.change_author")
    export_permission = "articles.view_author"
    through, key = PostAuthor, "author"
    compared = ("name", "slug", "kind", "aliases", "bio", "links", "picture_id")

    id = Column("id", gettext_lazy("number"), NumberWidget(), kind="number", width=8, is_key=True)
    version = Column("version", gettext_lazy("version (leave it)"), TextWidget(), width=10, is_key=True)
    name = Column("name", gettext_lazy("name"), NameWidget(), width=30, empty="refuse")
    slug = Column("slug", gettext_lazy("slug"), SlugWidget(210), width=24, empty="keep")
    kind = Column("kind", gettext_lazy("kind"), ChoiceWidget(Author.Kind.choices), width=10, empty="keep")
    aliases = Column("aliases", gettext_lazy("Other spellings"), NamesWidget(), width=30)
    bio = Column("bio", gettext_lazy("profile"), LongTextWidget(), kind="long", width=50)
    links = Column("links", gettext_lazy("Links"), LinksWidget(), kind="long", width=40)
    picture = Column("picture", gettext_lazy("picture"), MediaWidget(), width=24)
    posts = Column("posts", gettext_lazy("posts"), NumberWidget(), kind="number", width=8, is_info=True)

    class Meta(TermResource.Meta):
        abstract = False
        model = Author
        fields = import_order = export_order = _columns("slug", "kind", "aliases", "bio", "links", "picture")


class CategoryResource(TermResource):
    """The tree. A row may lie below one that an earlier row makes."""

    model_name = "category"
    import_permissions = ("articles.add_category", "articles.change_category")
    export_permission = "articles.view_category"
    through, key = PostCategory, "category"
    compared = ("name", "slug", "parent_id", "position", "aliases", "description")

    id = Column("id", gettext_lazy("number"), NumberWidget(), kind="number", width=8, is_key=True)
    version = Column("version", gettext_lazy("version (leave it)"), TextWidget(), width=10, is_key=True)
    name = Column("name", gettext_lazy("name"), NameWidget(), width=30, empty="refuse")
    parent = Column("parent", gettext_lazy("parent category"), CategoryWidget(), width=30)
    slug = Column("slug", gettext_lazy("slug"), SlugWidget(210), width=24, empty="keep")
    position = Column("position", gettext_lazy("position"), NumberWidget(), kind="number", width=8, empty="keep")
    aliases = Column("aliases", gettext_lazy("Other spellings"), NamesWidget(), width=30)
    description = Column("description", gettext_lazy("description"), LongTextWidget(), kind="long", width=50)
    full_slug = Column("full_slug", gettext_lazy("address"), TextWidget(), width=30, is_info=True)
    posts = Column("posts", gettext_lazy("posts"), NumberWidget(), kind="number", width=8, is_info=True)

    class Meta(TermResource.Meta):
        abstract = False
        model = Category
        instance_loader_class = CategoryLoader
        fields = import_order = export_order = _columns("parent", "slug", "position", "aliases", "description", "full_slug")

    def get_exported(self) -> QuerySet[Any]:
        """Parents before their children, so that the table can be read into an empty site."""
        return self.get_queryset().order_by("full_slug", "pk")

    def read_parent(self, instance: Category, loader: ChunkLoader) -> Place | None:
        return loader.tree.get(instance.parent_id)

    def rehearse(self, instance: Category, loader: ChunkLoader) -> None:
        self.require(loader, instance.pk)
        current, term = loader.current, copy(instance)
        values = dict(current.values)
        place: Place | None = values.pop("parent", loader.tree.get(instance.parent_id))
        for name, value in values.items():
            setattr(term, name, value)
        current.label = term.name
        if place is not None and place.pk is None:
            # The parent comes into being by an earlier row: nothing can lie below it yet.
            check_readable(term.name)
        else:
            term.parent = find_parent(place)
            check_term(term)
        self.check_right(term, current.values, loader)
        if "name" in current.values or "parent" in current.values:
            names = (*(place.names if place else ()), term.name)
            self.claim(loader, claim_category(names), join_paths([names]))

    def check_right(self, term: Category, changes: Mapping[str, Any], loader: ChunkLoader) -> None:
        places: list[int | None] = [term.pk] if term.pk is not None else []
        if term.pk is None or "parent" in changes:
            places.append(term.parent_id)
        if changes and not all(is_own_category(loader.user, place) for place in places):
            raise RefusedTerm(_("Your account is limited to some categories, and this place is in none of them."))

    def restore(self, changes: Mapping[str, Mapping[str, Any]], loader: ChunkLoader) -> dict[str, Any]:
        # The row before may have made the parent.
        loader.__dict__.pop("tree", None)
        values = super().restore(changes, loader)
        if "parent" in values:
            values["parent"] = find_parent(values["parent"])
        return values


def find_parent(place: Place | None) -> Category | None:
    """The category at a place, with those above it in hand."""
    if place is None or place.pk is None:
        return None
    rows: QuerySet[Category] = Category.objects.select_related("parent__parent__parent")
    return rows.get(pk=place.pk)
