"""Who is credited: a person or a desk, with or without an account; and which account works for which category."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from articles.models.taxonomy import LastingTerm
from articles.routes import address_of


class Author(LastingTerm):
    """A by-line. ``links`` is a list of ``{"label", "url"}``."""

    class Kind(models.TextChoices):
        PERSON = "person", _("person")
        DESK = "desk", _("desk")

    name = models.CharField(_("name"), max_length=200)
    slug = models.CharField(_("slug"), max_length=210, unique=True, blank=True)
    identity = models.CharField(_("identity"), max_length=250, unique=True, editable=False)
    aliases = models.JSONField(_("other spellings"), default=list, blank=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.PERSON)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="byline",
        verbose_name=_("account"),
        help_text=_("The person who signs in, if this by-line has an account."),
    )
    bio = models.TextField(_("profile"), blank=True)
    picture = models.ForeignKey("MediaFile", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("picture"))
    links = models.JSONField(_("links"), default=list, blank=True)

    class Meta:
        verbose_name = _("author")
        verbose_name_plural = _("authors")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return address_of("author", self.slug)


class Assignment(models.Model):
    """Limits an account to a category and those below it; with several, to all of these. Without any there is no limit."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="assignments", verbose_name=_("account"))
    category = models.ForeignKey("Category", models.CASCADE, related_name="assignments", verbose_name=_("category"))

    class Meta:
        verbose_name = _("assigned category")
        verbose_name_plural = _("assigned categories")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["user", "category"], name="assignment_once")]

    def __str__(self) -> str:
        return str(self.category)
