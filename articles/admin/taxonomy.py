"""By-lines, categories, tags, series and former addresses."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, IntegerField, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from taggit.admin import Tag as LibraryTag

from articles.admin.base import EditorialAdmin, by_identity, isolate, show_moment
from articles.admin.fields import MAX_TYPED_NAME, LinksField, NamesField, refuse_long_names
from articles.admin.meanwhile import MergingAdmin, MergingForm
from articles.admin.pictures import check_picture
from articles.admin.tables import TablesMixin
from articles.admin.term_merging import TermMerging
from articles.admin.terms import OwnCategories, TermCare, check_place
from articles.editorial.permalinks import BadAddress, claim_former, read_former
from articles.editorial.permissions import only_of_visible
from articles.formats.terms import identity, slugify
from articles.models import Author, Category, MediaFile, Post, PostAuthor, PostCategory, Redirect, Series, Tag, TaggedPost
from articles.transfer.resources import RESOURCES

# The library brings a screen for its own tag model, which this product does not use.
admin.site.unregister(LibraryTag)


class TermForm(MergingForm):
    """A term whose name no other has in another width or case."""

    aliases = NamesField(label=gettext_lazy("Other spellings"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (field := self.fields.get("name")) is not None and len(self.initial.get("name") or "") <= MAX_TYPED_NAME:
            field.widget.attrs["maxlength"] = MAX_TYPED_NAME
            field.help_text = _("At most %(limit)d characters.") % {"limit": MAX_TYPED_NAME}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name != self.initial.get("name"):
            refuse_long_names([name])
        if not identity(name):
            raise ValidationError(_("This name shows nothing. Give it letters or digits."))
        self._refuse_second(identity(name))
        return name

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        # What the address cannot hold becomes what it can; an empty one is made from the name, once.
        return slugify(slug) if slug else self.instance.slug

    def _refuse_second(self, key: str) -> None:
        self._refuse(by_identity(self._meta.model._default_manager.all(), key, self.instance.pk))

    def _refuse(self, held: Model | None) -> None:
        if held is not None:
            raise ValidationError(
                _("“%(name)s” is there already, and width and case make no difference. Use that one.") % {"name": held}
            )


class TagForm(TermForm):
    class Meta:
        model = Tag
        fields = ["name", "slug", "aliases", "description"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "slug" in self.fields:
            self.fields["slug"].required = False


class SeriesForm(TermForm):
    class Meta:
        model = Series
        fields = ["name", "slug", "aliases", "description"]


class AuthorForm(TermForm):
    links = LinksField(label=gettext_lazy("Links"))

    class Meta:
        model = Author
        fields = ["name", "kind", "slug", "aliases", "bio", "picture", "links", "user"]

    def clean_picture(self) -> MediaFile | None:
        return check_picture(self.cleaned_data["picture"], self.initial.get("picture"))


class CategoryForm(TermForm):
    user: Any = None

    class Meta:
        model = Category
        fields = ["name", "parent", "slug", "position", "aliases", "description"]

    def _refuse_second(self, key: str) -> None:
        """Names are told apart among the children of one parent, which is read after the name."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        parent: Category | None = self.cleaned_data.get("parent")
        above = parent
        while above is not None:
            if above.pk == self.instance.pk:
                self.add_error("parent", _("A category cannot lie below itself. Choose another parent."))
                return cleaned
            above = above.parent
        if "parent" in self.changed_data or self.instance.pk is None:
            check_place(self, self.user)
        siblings = Category.objects.filter(parent=parent)
        held = by_identity(siblings, identity(self.cleaned_data.get("name", "")), self.instance.pk)
        try:
            self._refuse(held)
        except ValidationError as error:
            self.add_error("name", error)
        return cleaned


class CountedAdmin(TermMerging, TermCare, MergingAdmin):
    """A list with the number of posts; ``through`` and ``key`` say where they are counted, for the rows shown only."""

    through: type[Model]
    key = ""
    form: type[forms.ModelForm]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = self.through._default_manager.filter(**{self.key: OuterRef("pk")}).order_by()
        counted = rows.values(self.key).annotate(number=Count("pk")).values("number")
        return super().get_queryset(request).annotate(number_of_posts=Coalesce(Subquery(counted, IntegerField()), 0))

    def is_shown(self, obj: Any) -> bool:
        rows = self.through._default_manager.filter(**{self.key: obj.pk})
        posts = "content_object" if self.through is TaggedPost else "post"
        return Post.objects.published().dated().filter(pk__in=rows.values(posts)).exists()

    @admin.display(description=gettext_lazy("posts"), ordering="number_of_posts")
    def posts_line(self, row: Any) -> int:
        return int(row.number_of_posts)

    @admin.display(description=gettext_lazy("name"), ordering="name")
    def name_line(self, row: Any) -> SafeString:
        return isolate(row.name)


@admin.register(Tag)
class TagAdmin(TablesMixin, CountedAdmin):
    form = TagForm
    resource_classes = (RESOURCES["tag"],)
    through, key = TaggedPost, "tag"
    list_display = ("name_line", "slug", "posts_line")
    search_fields = ("name", "slug", "identity")
    ordering = ("name",)


@admin.register(Series)
class SeriesAdmin(CountedAdmin):
    form = SeriesForm
    change_list_template = "admin/articles/term/list.html"
    list_display = ("name_line", "slug", "posts_line")
    search_fields = ("name", "slug", "identity")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return EditorialAdmin.get_queryset(self, request).annotate(number_of_posts=Count("posts"))

    def is_shown(self, obj: Any) -> bool:
        return Post.objects.published().dated().filter(series=obj).exists()


@admin.register(Category)
class CategoryAdmin(OwnCategories, TablesMixin, CountedAdmin):
    form = CategoryForm
    resource_classes = (RESOURCES["category"],)
    through, key = PostCategory, "category"
    list_display = ("name_line", "full_slug", "position", "posts_line")
    list_select_related = ("parent",)
    search_fields = ("name", "full_slug", "identity")
    autocomplete_fields = ("parent",)

    def is_shown(self, obj: Category) -> bool:
        below = Category.objects.filter(Q(pk=obj.pk) | Q(full_slug__startswith=obj.full_slug + "/"))
        members = PostCategory.objects.filter(category__in=below).values("post")
        return Post.objects.published().dated().filter(pk__in=members).exists()

    @admin.display(description=gettext_lazy("name"), ordering="full_slug")
    def name_line(self, row: Category) -> SafeString:
        return isolate("　" * row.full_slug.count("/") + row.name)


@admin.register(Author)
class AuthorAdmin(TablesMixin, CountedAdmin):
    form = AuthorForm
    resource_classes = (RESOURCES["author"],)
    through, key = PostAuthor, "author"
    list_display = ("name_line", "kind", "slug", "posts_line")
    list_filter = ("kind",)
    search_fields = ("name", "slug", "identity")
    autocomplete_fields = ("picture", "user")

    def get_readonly_fields(self, request: HttpRequest, obj: Author | None = None) -> tuple[str, ...]:
        """Which account a by-line belongs to is said by those who may see accounts."""
        return () if request.user.has_perm("auth.view_user") else ("user",)


class RedirectForm(MergingForm):
    class Meta:
        model = Redirect
        fields = ["old_path", "post"]
        help_texts = {
            "old_path": gettext_lazy(
                "As in “/2019/05/spring/”: what follows the host. "
                "From a whole address, as https://old.example.jp/2019/05/spring/, it is taken by itself."
            ),
            "post": gettext_lazy("Where readers get to, wherever it moves. Type a word of its title, or its address."),
        }

    def clean_old_path(self) -> str:
        try:
            return read_former(self.cleaned_data["old_path"])
        except BadAddress as bad:
            raise ValidationError(str(bad)) from bad

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        post, old_path = self.cleaned_data.get("post"), self.cleaned_data.get("old_path")
        if post is None or not old_path:
            return cleaned
        try:
            self.cleaned_data["old_path"] = claim_former(post, old_path, self.instance)
        except BadAddress as bad:
            self.add_error("old_path", str(bad))
        return cleaned


@admin.register(Redirect)
class RedirectAdmin(TablesMixin, MergingAdmin):
    form = RedirectForm
    resource_classes = (RESOURCES["redirect"],)
    list_display = ("old_path_line", "post_line", "created_line")
    list_select_related = ("post",)
    search_fields = ("old_path", "post__path")
    autocomplete_fields = ("post",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return only_of_visible(super().get_queryset(request), request.user)

    @admin.display(description=gettext_lazy("created"), ordering="pk")
    def created_line(self, row: Redirect) -> SafeString | str:
        return show_moment(row.created_at)

    @admin.display(description=gettext_lazy("old address"), ordering="old_path")
    def old_path_line(self, row: Redirect) -> SafeString:
        return isolate(row.old_path)

    @admin.display(description=gettext_lazy("leads to"))
    def post_line(self, row: Redirect) -> SafeString:
        return isolate(row.post.path)
