"""Corrections: what a newsroom says in public of a mistake in a text that readers have."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from articles.models.post import Post


class Correction(models.Model):
    """One statement on a post, plain text. It stands beside the source text, which it never changes.

    Only the verbs of :mod:`articles.editorial.corrections` write rows, as they keep ``Post.corrected_at`` with them.
    """

    post = models.ForeignKey(Post, models.CASCADE, related_name="corrections", verbose_name=_("post"))
    text = models.TextField(_("text"))
    corrected_at = models.DateTimeField(_("corrected"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        ordering = ["corrected_at", "pk"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.text
