"""Terms that became one, and what it takes to have them apart again."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class TermMerge(models.Model):
    """One merge of terms. The terms are gone; ``record`` is what brings them back, and in which shape is said where it is
    written (:mod:`articles.editorial.term_merges`). ``into_key`` is the key of the term that stayed, which may be gone too.
    """

    kind = models.CharField(_("kind"), max_length=10)
    into_key = models.BigIntegerField(editable=False)
    into_name = models.CharField(_("stays"), max_length=200)
    names = models.JSONField(_("merged"), default=list)
    number_of_posts = models.PositiveIntegerField(_("posts"), default=0)
    record = models.JSONField(default=dict, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    created_at = models.DateTimeField(_("merged at"), auto_now_add=True)
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True)

    class Meta:
        verbose_name = _("merge of terms")
        verbose_name_plural = _("merges of terms")
        ordering = ["-pk"]
        default_permissions = ()
        indexes = [models.Index(fields=["kind", "-id"], name="term_merge_newest")]

    def __str__(self) -> str:
        return f"{'、'.join(self.names)} → {self.into_name}"
