"""The front page as staff arranged it: editions, each with its stories in order."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from articles.models.post import Post


class FrontPageQuerySet(models.QuerySet["FrontPage"]):
    def running(self, at: datetime | None = None) -> Self:
        """Those whose time it is at the moment ``at`` (default: now), the one that readers see first.

        So a scheduled edition takes over at its minute and needs no job; where one ends, the one before it is back.
        """
        at = at or timezone.now()
        return self.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at), starts_at__lte=at, withdrawn_at__isnull=True).order_by(
            "-starts_at", "-number"
        )


class FrontPage(models.Model):
    """One edition of the front page. Nothing in it changes once it is saved, but that it can be withdrawn.

    ``number`` counts editions. It is unique, so that of two people who save at once one is refused by the database.
    ``made_from`` is the edition that its stories were taken from.
    """

    number = models.PositiveIntegerField(_("number"), unique=True)
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)
    made_from = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("made from"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="front_pages", verbose_name=_("by")
    )
    created_at = models.DateTimeField(_("saved"), default=timezone.now)

    objects = FrontPageQuerySet.as_manager()

    class Meta:
        verbose_name = _("front page")
        verbose_name_plural = _("front page")
        ordering = ["-number"]
        default_permissions = ()
        permissions = [("arrange_front_page", _("Can arrange the front page"))]
        indexes = [models.Index(fields=["-starts_at", "-number"], name="front_page_newest")]

    def __str__(self) -> str:
        return _("Front page no. %(number)d") % {"number": self.number}


class FrontSlot(models.Model):
    """A story's place in an edition. The lead, if there is one, stands first."""

    class Kind(models.TextChoices):
        LEAD = "lead", _("lead")
        PINNED = "pinned", _("pinned")

    edition = models.ForeignKey(FrontPage, models.CASCADE, related_name="slots", verbose_name=_("front page"))
    post = models.ForeignKey(Post, models.CASCADE, related_name="front_slots", verbose_name=_("post"))
    kind = models.CharField(_("kind"), max_length=6, choices=Kind, default=Kind.PINNED)
    position = models.PositiveSmallIntegerField(_("position"))

    class Meta:
        verbose_name = _("place on the front page")
        verbose_name_plural = _("places on the front page")
        ordering = ["edition", "position"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["edition", "post"], name="front_slot_once"),
            models.UniqueConstraint(fields=["edition", "position"], name="front_slot_place"),
        ]

    def __str__(self) -> str:
        return str(self.post)
