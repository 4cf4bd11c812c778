"""Posts: articles and standing pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import connections, models
from django.db.models import F, Func, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from taggit.managers import TaggableManager
from taggit.models import ItemBase

from articles.formats.dates import EARLIEST, LATEST
from articles.models.people import Author
from articles.models.taxonomy import Category, Tag
from articles.routes import path_address

HEAVY_FIELDS = ("body", "front_matter", "body_html", "plain_text", "source_bytes", "extra", "outline", "findings")

#: What the desk, imports and exports keep of a post; no page for readers shows it.
BOOKKEEPING_FIELDS = (
    *("state", "slug", "created_at", "modified_at", "trashed_at", "expires_at", "embargo_until", "cover_target"),
    *("flavour", "features", "front_matter_format", "dialect", "encoding", "bom", "newline", "source_findings"),
    *("source_title", "source_path", "source_permalink", "source_sha256", "source_fingerprint"),
    *("is_edited", "owner", "pending", "pending_submitted_at", "renderer_version"),
    *("name_key", "title_key", "address_key", "search_key"),
)


class ShownDateTimeField(models.DateTimeField):
    """A moment that can be shown in every zone on Earth.

    The first hours of the year 1 and the last of 9999 are in no year that Python knows in zones west or east of Greenwich: a
    row that holds them (a table, a program) comes out as the nearest moment that is, so that it can stand on a page.
    """

    def from_db_value(self, value: datetime | None, *_args: Any) -> datetime | None:
        return value if value is None else min(max(value, EARLIEST), LATEST)

    def deconstruct(self) -> Any:
        """For migrations it is the ordinary field: its column is the same, and a large table need not be written anew."""
        name, _path, args, keywords = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, keywords


class PostQuerySet(models.QuerySet["Post"]):
    def published(self, at: datetime | None = None) -> Self:
        """What the public may see at the moment ``at`` (default: now). The one definition, used everywhere."""
        at = at or timezone.now()
        return self.filter(
            Q(published_at__isnull=True) | Q(published_at__lte=at),
            Q(expires_at__isnull=True) | Q(expires_at__gt=at),
            state__in=[Post.State.SCHEDULED, Post.State.PUBLISHED],
            trashed_at__isnull=True,
        )

    def dated(self) -> Self:
        """Articles with a date, newest first: what lists, feeds and archives show."""
        return self.filter(kind=Post.Kind.ARTICLE, published_at__isnull=False).order_by("-published_at", "-pk")

    def pages(self) -> Self:
        """The standing pages, by the index that holds nothing else: the kind is in the statement, which SQLite requires."""
        return self.filter(Func(F("kind"), template="%(expressions)s = 'page'", output_field=models.BooleanField()))

    def withheld(self) -> Self:
        """Those that are in no state for readers, by the index that holds nothing else, as with :meth:`pages`."""
        states = "%(expressions)s IN ('draft', 'in_review', 'withdrawn')"
        return self.filter(Func(F("state"), template=states, output_field=models.BooleanField()))

    def below(self, folder: str) -> Self:
        """Those whose address begins with ``folder``, by the index of addresses on either database."""
        if connections[self.db].vendor == "sqlite":
            # SQLite has no use for an index where a LIKE names an escape, as Django's does.
            return self.filter(path__gte=folder, path__lt=folder + "\U0010ffff")
        return self.filter(path__startswith=folder)

    def in_folder(self, source: int, folder: str) -> Self:
        """Those whose file lies in ``folder`` of a source or below it, by the index of files."""
        if connections[self.db].vendor == "sqlite":
            return self.filter(source=source, source_path__gte=folder, source_path__lt=folder + "\U0010ffff")
        return self.filter(source=source, source_path__startswith=folder)

    def with_related(self) -> Self:
        """Everything a public page prints of a post, in a constant number of queries."""
        return self.select_related("cover", "series").prefetch_related("authors", "categories", "tags")

    def light(self) -> Self:
        """Without the texts, for lists."""
        return self.defer(*HEAVY_FIELDS)

    def for_cards(self) -> Self:
        """What a card or an entry of a feed may show: neither the texts nor what only the desk reads, half of the columns."""
        return self.defer(*HEAVY_FIELDS, *BOOKKEEPING_FIELDS)


class Post(models.Model):
    """An article or a standing page. The row is what the public sees; the source text is the record.

    ``front_matter + body`` is the source text with ``\\n`` as line end; with ``encoding``, ``bom`` and ``newline``
    it gives the file's bytes, unless ``source_bytes`` holds them. ``path`` is the permalink, decoded.
    ``source_permalink`` is the address that the file had at its last import; ``path`` differs where that was taken.
    ``extra`` are the front matter keys that no field here stands for. ``source_findings`` are those of reading the
    file; ``findings`` holds them with those of the rendering. ``pending`` is the draft beside the row, where somebody wrote
    on what readers see: it becomes the row when it is published. ``pending_submitted_at`` is set while that waits for review.
    ``corrected_at`` is the time of the newest of the ``corrections``, so that lists need not ask for them. ``noindex`` asks
    search engines to leave out a post that readers have.
    """

    class Kind(models.TextChoices):
        ARTICLE = "article", _("article")
        PAGE = "page", _("standing page")

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        IN_REVIEW = "in_review", _("in review")
        SCHEDULED = "scheduled", _("scheduled")
        PUBLISHED = "published", _("published")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Flavour(models.TextChoices):
        COMMONMARK = "commonmark", "CommonMark"
        KRAMDOWN = "kramdown", "kramdown"
        HTML = "html", "HTML"

    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.ARTICLE)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    title = models.CharField(_("title"), max_length=500)
    source_title = models.CharField(_("title in the file"), max_length=500, blank=True, null=True)
    slug = models.CharField(_("slug"), max_length=200, blank=True)
    path = models.CharField(
        _("address"), max_length=800, unique=True, blank=True, help_text=_("Empty: made from the date and the title.")
    )
    language = models.CharField(_("language"), max_length=35, blank=True)
    translation_key = models.CharField(_("translation key"), max_length=300, blank=True, db_index=True)

    published_at = ShownDateTimeField(_("published"), null=True, blank=True)
    first_published_at = ShownDateTimeField(_("first published"), null=True, blank=True, editable=False)
    updated_at = ShownDateTimeField(_("updated"), null=True, blank=True)
    embargo_until = ShownDateTimeField(_("embargo until"), null=True, blank=True)
    expires_at = ShownDateTimeField(_("expires"), null=True, blank=True)
    corrected_at = models.DateTimeField(_("corrected"), null=True, blank=True, editable=False)
    trashed_at = models.DateTimeField(_("in the trash since"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    modified_at = models.DateTimeField(_("saved"), default=timezone.now, editable=False)

    authors: models.ManyToManyField[Author, PostAuthor] = models.ManyToManyField(
        Author, through="PostAuthor", related_name="posts", verbose_name=_("authors"), blank=True
    )
    categories: models.ManyToManyField[Category, PostCategory] = models.ManyToManyField(
        Category, through="PostCategory", related_name="posts", verbose_name=_("categories"), blank=True
    )
    tags = TaggableManager(through="TaggedPost", verbose_name=_("tags"), blank=True)
    series = models.ForeignKey("Series", models.SET_NULL, null=True, blank=True, related_name="posts", verbose_name=_("series"))
    series_order = models.PositiveIntegerField(_("number in the series"), null=True, blank=True)

    cover = models.ForeignKey("MediaFile", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("cover"))
    cover_target = models.CharField(_("cover in the file"), max_length=1000, blank=True)
    cover_alt = models.CharField(_("alternative text of the cover"), max_length=500, blank=True)
    cover_caption = models.TextField(_("caption of the cover"), blank=True)
    custom_excerpt = models.TextField(_("excerpt"), blank=True, help_text=_("Empty: the first paragraph."))
    description = models.TextField(_("description for search engines"), blank=True)
    canonical_url = models.CharField(_("canonical address"), max_length=1000, blank=True)
    noindex = models.BooleanField(_("kept out of search engines"), default=False)
    source_url = models.CharField(_("address of the quoted source"), max_length=1000, blank=True)

    flavour = models.CharField(_("Markdown flavour"), max_length=10, choices=Flavour, default=Flavour.COMMONMARK)
    features = models.JSONField(_("Markdown features"), default=list, blank=True)
    body = models.TextField(_("text"), blank=True)
    front_matter = models.TextField(_("front matter"), blank=True)
    front_matter_format = models.CharField(_("front matter format"), max_length=4, blank=True)
    extra = models.JSONField(_("other front matter keys"), default=dict, blank=True, editable=False)

    source = models.ForeignKey(
        "Source", models.PROTECT, null=True, blank=True, related_name="posts", verbose_name=_("source"), editable=False
    )
    source_path = models.CharField(_("path in the source"), max_length=1000, blank=True, editable=False)
    source_permalink = models.CharField(_("address in the source"), max_length=800, blank=True, editable=False)
    dialect = models.CharField(_("dialect"), max_length=20, blank=True, editable=False)
    encoding = models.CharField(max_length=40, default="utf-8", editable=False)
    bom = models.BooleanField(default=False, editable=False)
    newline = models.CharField(max_length=2, default="\n", editable=False)
    source_bytes = models.BinaryField(null=True, blank=True, editable=False)
    source_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    source_fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    source_findings = models.JSONField(default=list, blank=True, editable=False)
    is_edited = models.BooleanField(
        _("edited here"), default=False, editable=False, help_text=_("Whether people changed it since the last import.")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="owned_posts",
        verbose_name=_("belongs to"),
        editable=False,
    )

    pending = models.ForeignKey(
        "Revision",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        verbose_name=_("unpublished changes"),
    )
    pending_submitted_at = models.DateTimeField(null=True, blank=True, editable=False)

    body_html = models.TextField(editable=False, blank=True)
    outline = models.JSONField(editable=False, default=list, blank=True)
    excerpt = models.TextField(_("excerpt as shown"), editable=False, blank=True)
    plain_text = models.TextField(editable=False, blank=True)
    character_count = models.PositiveIntegerField(_("characters"), editable=False, default=0)
    # The default of the database is for processes of the version before, while an upgrade goes on.
    has_paid_links = models.BooleanField(_("links that are paid for"), editable=False, default=False, db_default=False)
    findings = models.JSONField(_("findings"), editable=False, default=list, blank=True)
    renderer_version = models.PositiveIntegerField(editable=False, default=0)
    # What references find it by (articles.references.name_key): the file's name, the title, the end of its address.
    name_key = models.CharField(max_length=60, editable=False, blank=True, default="")
    title_key = models.CharField(max_length=60, editable=False, blank=True, default="")
    address_key = models.CharField(max_length=60, editable=False, blank=True, default="")
    # What the desk's list is searched in (articles.references.search_key): title and address, folded.
    search_key = models.CharField(max_length=640, editable=False, blank=True, default="")

    objects = PostQuerySet.as_manager()

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        ordering = ["-published_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_path"], condition=Q(source__isnull=False), name="post_source_path_unique"
            ),
        ]
        indexes = [
            # What lists filter and search by stands behind the order, so that one which leaves most posts out reads the index
            # alone, a small part of the table. None begins with the state: SQLite would take that for what is public, which is
            # nearly all, and sort the whole of it.
            models.Index(fields=["-published_at", "-id", "state", "trashed_at", "search_key"], name="post_newest_first"),
            models.Index(fields=["renderer_version"], name="post_renderer_version"),
            models.Index(fields=["-modified_at", "-id", "state"], condition=Q(trashed_at__isnull=True), name="post_last_saved"),
            models.Index(fields=["name_key"], name="post_name_key"),
            models.Index(fields=["title_key"], name="post_title_key"),
            models.Index(fields=["address_key"], name="post_address_key"),
            models.Index(fields=["owner", "state", "-modified_at", "-id"], name="post_owner_saved"),
            # Without the many that never expire: else SQLite would look up by it what "has not expired", which is nearly all.
            models.Index(fields=["expires_at"], condition=Q(expires_at__isnull=False), name="post_expires"),
            models.Index(
                fields=["pending_submitted_at"], condition=Q(pending_submitted_at__isnull=False), name="post_changes_in_review"
            ),
            models.Index(fields=["-trashed_at", "-id"], condition=Q(trashed_at__isnull=False), name="post_trash"),
            # An article in a language that few have would read all posts to find the one before it.
            models.Index(fields=["language", "-published_at", "-id"], name="post_of_language"),
            models.Index(fields=["path"], condition=Q(kind="page"), name="post_pages"),
            models.Index(
                fields=["state", "-published_at", "-id"],
                condition=Q(state__in=["draft", "in_review", "withdrawn"]),
                name="post_withheld",
            ),
            models.Index(fields=["-published_at", "-id"], condition=Q(pending__isnull=False), name="post_with_changes"),
            models.Index(fields=["-published_at", "-id"], condition=Q(is_edited=True), name="post_edited"),
            # PostgreSQL uses that of the constraint for no beginning of a path, where the database sorts by a language's rules.
            models.Index(
                fields=["source", "source_path"], opclasses=["int8_ops", "varchar_pattern_ops"], name="post_folder_of_source"
            ),
        ]
        permissions = [
            ("publish_post", _("Can publish, schedule and withdraw posts")),
            ("review_post", _("Can review posts")),
            ("change_others_post", _("Can change posts of other people")),
            ("export_posts", _("Can export posts")),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """The permalink, percent-encoded, below the script prefix."""
        return path_address(self.path)

    @property
    def is_live(self) -> bool:
        """Whether it is before readers or on the way there, so that what people write on it stays beside it until published."""
        return self.state in (self.State.SCHEDULED, self.State.PUBLISHED)

    @property
    def last_updated_at(self) -> datetime | None:
        """When readers last got something new: the stated update or the newest correction, whichever is later."""
        return max(filter(None, (self.updated_at, self.corrected_at)), default=None)

    @property
    def is_public(self) -> bool:
        """Whether the public may see it now: the same rule as :meth:`PostQuerySet.published`, for one row in hand."""
        now = timezone.now()
        return (
            self.is_live
            and self.trashed_at is None
            and (self.published_at is None or self.published_at <= now)
            and (self.expires_at is None or self.expires_at > now)
        )


class PostAuthor(models.Model):
    post = models.ForeignKey(Post, models.CASCADE)
    author = models.ForeignKey("Author", models.CASCADE, verbose_name=_("author"))
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = _("author")
        verbose_name_plural = _("authors")
        constraints = [models.UniqueConstraint(fields=["post", "author"], name="post_author_once")]

    def __str__(self) -> str:
        return str(self.author)


class PostCategory(models.Model):
    post = models.ForeignKey(Post, models.CASCADE)
    category = models.ForeignKey("Category", models.CASCADE, verbose_name=_("category"))
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        constraints = [models.UniqueConstraint(fields=["post", "category"], name="post_category_once")]

    def __str__(self) -> str:
        return str(self.category)


class TaggedPost(ItemBase):
    content_object = models.ForeignKey(Post, models.CASCADE, related_name="tagged_items")
    tag = models.ForeignKey(Tag, models.CASCADE, related_name="tagged_posts")

    # Of a base class without types, mypy cannot see the managers.
    objects: ClassVar[models.Manager[TaggedPost]]
    _default_manager: ClassVar[models.Manager[TaggedPost]]

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["content_object", "tag"], name="post_tag_once")]

    @classmethod
    def tags_for(cls, model: Any, instance: Any = None, **extra_filters: Any) -> Any:
        filters = dict(extra_filters)
        if instance is not None:
            filters["tagged_posts__content_object"] = instance
        return cls.tag_model()._default_manager.filter(**filters).distinct()


class PostLink(models.Model):
    """A reference from a post's text to something of the same site, as :class:`articles.markup.document.Link` has it.

    ``key`` is its :func:`articles.references.link_key`: by it a post that arrives or changes finds who may mean it.
    """

    post = models.ForeignKey(Post, models.CASCADE, related_name="links")
    kind = models.CharField(max_length=12)
    target = models.CharField(max_length=1000)
    fragment = models.CharField(max_length=300, blank=True)
    url = models.CharField(max_length=1000, blank=True)
    key = models.CharField(max_length=60, blank=True, default="")

    class Meta:
        verbose_name = _("link")
        verbose_name_plural = _("links")
        ordering = ["pk"]
        # Not partial: SQLite does not use a partial index where the value is a parameter.
        indexes = [
            models.Index(fields=["url", "key"], name="post_link_url_key"),
            models.Index(fields=["key"], name="post_link_key"),
        ]

    def __str__(self) -> str:
        return self.target
