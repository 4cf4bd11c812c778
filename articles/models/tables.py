"""The record of each table that came in: what it said, what was shown before anything changed, and what became of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class TableImport(models.Model):
    """One table. It belongs to one account and one session; what may be confirmed is what was shown, and once.

    ``sha256`` is of the file, ``plan_sha256`` of what was shown; ``columns`` are the columns that are read, ``totals``
    counts rows by verdict. Empty ``user``: the system, by command.
    """

    class State(models.TextChoices):
        READING = "reading", _("being read")
        PLANNING = "planning", _("being compared")
        PLANNED = "planned", _("waits for confirmation")
        APPLYING = "applying", _("being written")
        FINISHED = "finished", _("finished")
        CANCELLED = "cancelled", _("cancelled")

    class Model(models.TextChoices):
        POST = "post", _("posts")
        AUTHOR = "author", _("authors")
        CATEGORY = "category", _("categories")
        TAG = "tag", _("tags")
        REDIRECT = "redirect", _("redirects")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="table_imports", verbose_name=_("by")
    )
    session_hash = models.CharField(max_length=64, blank=True, editable=False)
    model = models.CharField(_("what it changes"), max_length=10, choices=Model)
    label = models.CharField(_("table"), max_length=300)
    format = models.CharField(_("format"), max_length=10)
    sha256 = models.CharField(_("fingerprint"), max_length=64)
    size = models.PositiveBigIntegerField(_("size in bytes"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.READING)
    options = models.JSONField(_("options"), default=dict, blank=True)
    columns = models.JSONField(_("columns"), default=list, blank=True)
    rows_total = models.PositiveIntegerField(_("rows"), default=0)
    totals = models.JSONField(_("totals"), default=dict, blank=True)
    findings = models.JSONField(_("findings"), default=list, blank=True)
    plan_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(_("uploaded"), default=timezone.now, db_index=True)
    planned_at = models.DateTimeField(_("compared"), null=True, blank=True)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("table import")
        verbose_name_plural = _("table imports")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.label} ({timezone.localtime(self.created_at):%Y-%m-%d %H:%M})"


class TableRow(models.Model):
    """One row. ``number`` is the sheet's own. ``cells`` are as read (by column; a column not in it was missing),
    ``source_findings`` are those of reading them.

    ``changes`` is, by column, ``{"old", "new", "value"}``: both as shown, and what is written where that is not the text that is
    shown. ``expected`` is the version of
    the object that was compared. ``claims`` is what the row will hold that no other row may.
    """

    class Verdict(models.TextChoices):
        CREATE = "create", _("new")
        UPDATE = "update", _("changed")
        UNCHANGED = "unchanged", _("unchanged")
        CONFLICT = "conflict", _("conflict")
        REFUSED = "refused", _("refused")

    class Outcome(models.TextChoices):
        APPLIED = "applied", _("saved")
        REFUSED = "refused", _("refused")

    run = models.ForeignKey(TableImport, models.CASCADE, related_name="rows", verbose_name=_("table import"))
    number = models.PositiveIntegerField(_("row"))
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    object_id = models.BigIntegerField(null=True, blank=True)
    label = models.CharField(_("entry"), max_length=300, blank=True)
    cells = models.JSONField(default=dict, blank=True)
    source_findings = models.JSONField(default=list, blank=True)
    changes = models.JSONField(default=dict, blank=True)
    expected = models.CharField(max_length=64, blank=True)
    findings = models.JSONField(_("findings"), default=list, blank=True)
    claims = models.JSONField(default=list, blank=True)

    class Meta:
        verbose_name = _("row of a table import")
        verbose_name_plural = _("rows of table imports")
        ordering = ["run", "number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="table_row_once")]
        indexes = [models.Index(fields=["run", "verdict", "outcome"], name="table_row_verdict")]

    def __str__(self) -> str:
        return f"{self.number}: {self.get_verdict_display()}"
