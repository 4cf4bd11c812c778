"""Kept versions: what an editor wrote, whole."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Revision(models.Model):
    """The editable state of a post at one moment. ``snapshot`` is what :func:`articles.editorial.workflow.snapshot` gives."""

    class Origin(models.TextChoices):
        IMPORT = "import", _("import")
        DESK = "desk", _("desk")

    post = models.ForeignKey("Post", models.CASCADE, related_name="revisions", verbose_name=_("post"))
    origin = models.CharField(_("origin"), max_length=10, choices=Origin, default=Origin.DESK)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    run = models.ForeignKey("ImportRun", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("import"))
    note = models.CharField(_("note"), max_length=200, blank=True)
    snapshot = models.JSONField(_("snapshot"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        ordering = ["-created_at", "-pk"]
        get_latest_by = ["created_at", "pk"]

    def __str__(self) -> str:
        return f"{self.post_id} {timezone.localtime(self.created_at):%Y-%m-%d %H:%M}"
