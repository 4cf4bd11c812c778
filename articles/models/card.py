"""The generated picture that other sites show beside a link to a post which has no cover."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from articles.models.media import DerivedFile
from articles.models.post import Post


class PostCard(DerivedFile):
    """``name`` is the file below ``MEDIA_ROOT``, empty where none could be made; ``key`` stands for all that is written on it.

    ``made_at`` is when it was last compared with its post.
    """

    post = models.OneToOneField(Post, models.CASCADE, related_name="card", verbose_name=_("post"))
    name = models.CharField(max_length=60, blank=True, default="", editable=False, db_index=True)
    key = models.CharField(max_length=64, blank=True, default="", editable=False)
    made_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("card")
        verbose_name_plural = _("cards")
        ordering = ["pk"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        """Its address, or ``""`` where there is none."""
        return settings.MEDIA_URL + self.name if self.name else ""
