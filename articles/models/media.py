"""Files of the library: the original is kept privately and exported as it came; readers get a cleaned copy."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class MediaFile(models.Model):
    """One file by content. ``public_name`` is its path below ``MEDIA_ROOT``, or empty where readers do not get it."""

    sha256 = models.CharField(_("fingerprint"), max_length=64, unique=True, editable=False)
    name = models.CharField(_("file name"), max_length=255)
    content_type = models.CharField(_("type"), max_length=100)
    size = models.PositiveBigIntegerField(_("size in bytes"), default=0)
    width = models.PositiveIntegerField(_("width"), default=0)
    height = models.PositiveIntegerField(_("height"), default=0)
    public_name = models.CharField(_("public file"), max_length=400, blank=True, editable=False)
    alt = models.CharField(_("alternative text"), max_length=500, blank=True)
    caption = models.TextField(_("caption"), blank=True)
    credit = models.CharField(_("credit"), max_length=200, blank=True)
    findings = models.JSONField(_("findings"), default=list, blank=True, editable=False)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("uploaded by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("media file")
        verbose_name_plural = _("media files")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        """The address readers get it at, or ``""`` where it is not served."""
        return settings.MEDIA_URL + self.public_name if self.public_name else ""

    @property
    def is_image(self) -> bool:
        return self.content_type.startswith("image/")
