"""Where posts come from, and the record of each import."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Source(models.Model):
    """A site that files come from. A post's identity across imports is its source and its path in it."""

    name = models.CharField(_("name"), max_length=200, unique=True)
    title = models.CharField(_("title"), max_length=300, blank=True)
    dialect = models.CharField(_("dialect"), max_length=20)
    base_url = models.CharField(_("old address"), max_length=500, blank=True)
    base_path = models.CharField(_("sub-path"), max_length=300, blank=True)
    timezone = models.CharField(_("time zone"), max_length=60)
    language = models.CharField(_("language"), max_length=35, blank=True)
    encoding = models.CharField(_("encoding"), max_length=40, blank=True)
    fingerprint = models.CharField(_("reading"), max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SourceFile(models.Model):
    """A file of a source that is no post: an attachment, a site file, or a text that was refused.

    Kept privately by ``sha256`` and exported as it came, so that a source leaves whole.
    """

    class Role(models.TextChoices):
        ATTACHMENT = "attachment", _("attachment")
        SITE_FILE = "site_file", _("site file")
        REFUSED = "refused", _("refused text")

    source = models.ForeignKey(Source, models.CASCADE, related_name="files", verbose_name=_("source"))
    path = models.CharField(_("path"), max_length=1000)
    role = models.CharField(_("role"), max_length=12, choices=Role)
    size = models.PositiveBigIntegerField(_("size in bytes"), default=0)
    sha256 = models.CharField(_("fingerprint"), max_length=64)
    media = models.ForeignKey(
        "MediaFile", models.SET_NULL, null=True, blank=True, related_name="source_files", verbose_name=_("media file")
    )
    public_path = models.CharField(_("old address"), max_length=1000, blank=True, db_index=True)

    class Meta:
        verbose_name = _("source file")
        verbose_name_plural = _("source files")
        ordering = ["source", "path"]
        constraints = [models.UniqueConstraint(fields=["source", "path"], name="source_file_path_unique")]

    def __str__(self) -> str:
        return self.path


class ImportRun(models.Model):
    """One import. ``totals`` counts its items by verdict."""

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        FINISHED = "finished", _("finished")
        INTERRUPTED = "interrupted", _("interrupted")
        REFUSED = "refused", _("refused")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="import_runs",
        verbose_name=_("by"),
        help_text=_("Empty: the system, by command."),
    )
    label = models.CharField(_("archive"), max_length=300)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.RUNNING)
    options = models.JSONField(_("options"), default=dict, blank=True)
    totals = models.JSONField(_("totals"), default=dict, blank=True)
    findings = models.JSONField(_("findings"), default=list, blank=True)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-started_at", "-pk"]
        permissions = [("import_posts", _("Can import Markdown archives"))]

    def __str__(self) -> str:
        return f"{self.label} ({timezone.localtime(self.started_at):%Y-%m-%d %H:%M})"


class ImportItem(models.Model):
    """What became of one file of a run."""

    class Verdict(models.TextChoices):
        CREATE = "create", _("created")
        UPDATE = "update", _("updated")
        UNCHANGED = "unchanged", _("unchanged")
        CONFLICT = "conflict", _("conflict")
        REFUSED = "refused", _("refused")

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="items", verbose_name=_("import"))
    source = models.ForeignKey(Source, models.SET_NULL, null=True, related_name="+", verbose_name=_("source"))
    path = models.CharField(_("path"), max_length=1000)
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict)
    post = models.ForeignKey("Post", models.SET_NULL, null=True, blank=True, related_name="import_items", verbose_name=_("post"))
    permalink = models.CharField(_("address"), max_length=800, blank=True)
    findings = models.JSONField(_("findings"), default=list, blank=True)

    class Meta:
        verbose_name = _("import item")
        verbose_name_plural = _("import items")
        ordering = ["run", "pk"]
        indexes = [models.Index(fields=["run", "verdict"], name="import_item_verdict")]

    def __str__(self) -> str:
        return f"{self.path}: {self.get_verdict_display()}"
