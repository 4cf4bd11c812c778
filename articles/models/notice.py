"""What the desk tells people: notices of steps that concern them, and what each of them wants by mail."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Notice(models.Model):
    """One person is told of one step. ``title`` is the post's at that moment, so that it can be named once it is gone.

    ``text`` is what the actor wrote, as the reason of a return. A mail is owed while ``mail_due_at`` is set; the task that
    sends it clears that, or says in ``mail_error`` why it gave up.
    """

    class Kind(models.TextChoices):
        SUBMITTED = "submitted", _("submitted for review")
        RETURNED = "returned", _("returned")
        PUBLISHED = "published", _("published")
        SCHEDULED = "scheduled", _("scheduled")
        WITHDRAWN = "withdrawn", _("withdrawn")

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices", verbose_name=_("recipient"), db_index=False
    )
    kind = models.CharField(_("what happened"), max_length=10, choices=Kind)
    post = models.ForeignKey("Post", models.SET_NULL, null=True, blank=True, related_name="notices", verbose_name=_("post"))
    title = models.CharField(_("title"), max_length=500)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    text = models.TextField(_("reason"), blank=True)
    created_at = models.DateTimeField(_("when"), default=timezone.now)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    mail_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    mail_tries = models.PositiveSmallIntegerField(default=0, editable=False)
    mail_error = models.CharField(max_length=200, blank=True, editable=False)
    mailed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-created_at", "-pk"]
        default_permissions = ()
        indexes = [
            models.Index(fields=["recipient", "-created_at", "-id"], name="notice_newest"),
            # Conditions without a value: SQLite does not use a partial index where the value is a parameter.
            models.Index(fields=["recipient"], condition=Q(read_at__isnull=True), name="notice_unread"),
            models.Index(fields=["mail_due_at"], condition=Q(mail_due_at__isnull=False), name="notice_mail_due"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.title}"


class DeskSettings(models.Model):
    """What one person set for themselves. Without a row: mail for every kind of notice, in the site's language."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="desk_settings")
    unmailed_kinds = models.JSONField(default=list, blank=True)
    language = models.CharField(_("language of mails"), max_length=10, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.user)
