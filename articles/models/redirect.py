"""Former addresses. A redirect points to a post, never to a string, so that chains cannot form."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Redirect(models.Model):
    """``old_path`` is a decoded path beginning with ``/``. It answers only while the post is public, or 410 when withdrawn."""

    old_path = models.CharField(_("old address"), max_length=800, unique=True)
    post = models.ForeignKey("Post", models.CASCADE, related_name="redirects", verbose_name=_("post"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("redirect")
        verbose_name_plural = _("redirects")
        ordering = ["old_path"]

    def __str__(self) -> str:
        return self.old_path
