"""Kept versions: what an editor wrote, whole; and who has a post open."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class RevisionQuerySet(models.QuerySet["Revision"]):
    def saved(self) -> Self:
        """What somebody saved: the versions that the post had, or that its draft had."""
        return self.filter(kind=Revision.Kind.SAVE)

    def open(self) -> Self:
        """What was written and is not in the post: nobody saved it, brought it together or threw it away since."""
        return self.exclude(kind=Revision.Kind.SAVE).filter(settled_at__isnull=True)


class Revision(models.Model):
    """The editable state of a post at one moment. ``snapshot`` is what :func:`articles.editorial.versions.snapshot` gives.

    ``base`` is the version that the text was written on: of a draft beside a public post the public one, of what was kept
    by itself or set aside the one that its writer had opened. ``session`` names the open form that it came from. What was
    kept by itself is written over for some minutes from ``begun_at`` on, so that hours of writing are some dozen versions.
    """

    class Origin(models.TextChoices):
        IMPORT = "import", _("import")
        DESK = "desk", _("desk")
        MERGE = "merge", _("merge")

    class Kind(models.TextChoices):
        SAVE = "save", _("saved")
        AUTOSAVE = "autosave", _("kept by itself")
        SET_ASIDE = "set_aside", _("set aside")

    post = models.ForeignKey("Post", models.CASCADE, related_name="revisions", verbose_name=_("post"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.SAVE)
    origin = models.CharField(_("origin"), max_length=10, choices=Origin, default=Origin.DESK)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    run = models.ForeignKey("ImportRun", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("import"))
    base = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("written on"))
    note = models.CharField(_("note"), max_length=200, blank=True)
    label = models.CharField(_("name of the version"), max_length=100, blank=True)
    session = models.CharField(max_length=32, blank=True, editable=False)
    snapshot = models.JSONField(_("snapshot"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    begun_at = models.DateTimeField(null=True, blank=True, editable=False)
    settled_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[models.Manager[Revision]] = RevisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        ordering = ["-created_at", "-pk"]
        get_latest_by = ["created_at", "pk"]

    def __str__(self) -> str:
        moment = date_format(timezone.localtime(self.created_at), "SHORT_DATETIME_FORMAT")
        return gettext("version of %(moment)s") % {"moment": moment}


class Presence(models.Model):
    """One open form of a post. Its page says every few seconds that it is still there.

    A form that was saved stays for a while with ``closed_at``: what it had sent before may come in later.
    """

    session = models.CharField(max_length=32)
    post = models.ForeignKey("Post", models.CASCADE, related_name="presences")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    opened_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(default=timezone.now)
    is_writing = models.BooleanField(default=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("open form")
        verbose_name_plural = _("open forms")
        ordering = ["opened_at", "pk"]
        constraints = [models.UniqueConstraint(fields=["user", "session"], name="presence_once")]

    def __str__(self) -> str:
        return f"{self.user} – {self.post}"
