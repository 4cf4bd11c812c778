"""Categories (a tree), tags and series. Two spellings that differ in width or case are one term."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from taggit.models import TagBase

from articles.formats.terms import identity, slugify
from articles.routes import address_of

MAX_NAME = 200


class IdentifiedTerm(models.Model):
    """What every term has: one shown spelling, the other spellings met, and the identity that joins them."""

    identity = models.CharField(_("identity"), max_length=250, editable=False)
    aliases = models.JSONField(_("other spellings"), default=list, blank=True)
    description = models.TextField(_("description"), blank=True)

    class Meta:
        abstract = True


def term_identity(name: str) -> str:
    """What makes two names one term, as the columns hold them: a few letters grow eighteenfold under NFKC."""
    return identity(name[:MAX_NAME])[:250]


def free_slug(model: type[models.Model], wanted: str, field: str = "slug", exclude_pk: Any = None) -> str:
    """``wanted``, or ``wanted-2``, ``wanted-3`` … whichever no other row of ``model`` has in ``field``."""
    rows = model._default_manager.exclude(pk=exclude_pk)
    candidate, number = wanted, 1
    while rows.filter(**{field: candidate}).exists():
        number += 1
        candidate = f"{wanted}-{number}"
    return candidate


class Tag(IdentifiedTerm, TagBase):
    """A tag. Its name is the first spelling met; identity is NFKC and case fold (``AI`` = ``ＡＩ`` = ``ai``)."""

    name = models.CharField(_("name"), max_length=MAX_NAME, unique=True)
    slug = models.CharField(_("slug"), max_length=210, unique=True)

    # Of a base class without types, mypy cannot see the manager.
    objects: ClassVar[models.Manager[Tag]]

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["identity"], name="tag_identity_unique")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.identity = term_identity(self.name)
        if not self.slug:
            self.slug = free_slug(Tag, slugify(self.name), exclude_pk=self.pk)
        models.Model.save(self, *args, **kwargs)

    def get_absolute_url(self) -> str:
        return address_of("tag", self.slug)


class Category(IdentifiedTerm):
    """A category in a tree. ``full_slug`` is the slugs from the root down, joined by ``/``; ``depth`` of a root is 0."""

    name = models.CharField(_("name"), max_length=MAX_NAME)
    slug = models.CharField(_("slug"), max_length=210, blank=True)
    full_slug = models.CharField(_("address"), max_length=700, unique=True, editable=False)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("parent category")
    )
    position = models.PositiveIntegerField(_("position"), default=0, help_text=_("Smaller numbers stand first."))

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["position", "full_slug"]
        constraints = [
            models.UniqueConstraint(fields=["parent", "identity"], name="category_identity_unique"),
            models.UniqueConstraint(
                fields=["identity"], condition=models.Q(parent__isnull=True), name="category_root_identity_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Also moves the addresses of everything below."""
        self.identity = term_identity(self.name)
        if not self.slug:
            self.slug = slugify(self.name)[:130]
        prefix = f"{self.parent.full_slug}/" if self.parent else ""
        self.full_slug = free_slug(Category, prefix + self.slug, "full_slug", self.pk)
        self.slug = self.full_slug.removeprefix(prefix)
        super().save(*args, **kwargs)
        for child in self.children.all():
            if not child.full_slug.startswith(self.full_slug + "/"):
                child.save()

    def get_absolute_url(self) -> str:
        return address_of("category", self.full_slug)


class Series(IdentifiedTerm):
    """Posts that belong together in an order (連載)."""

    name = models.CharField(_("name"), max_length=MAX_NAME)
    slug = models.CharField(_("slug"), max_length=210, unique=True, blank=True)

    class Meta:
        verbose_name = _("series")
        verbose_name_plural = _("series")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["identity"], name="series_identity_unique")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.identity = term_identity(self.name)
        if not self.slug:
            self.slug = free_slug(Series, slugify(self.name), exclude_pk=self.pk)
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return address_of("series", self.slug)
