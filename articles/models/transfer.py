"""Where posts come from, and the record of each import."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from articles.references import name_key


class Source(models.Model):
    """A site that files come from. A post's identity across imports is its source and its path in it.

    ``choices`` are those of its last import that say how files are read: later imports read the same files alike.
    ``lists`` are the addresses of its lists, as :attr:`articles.formats.document.Site.lists` has them, and ``values`` those
    that its texts print by name, and no others: what else a configuration holds is not for whoever writes here.
    """

    name = models.CharField(_("name"), max_length=200, unique=True)
    title = models.CharField(_("title"), max_length=300, blank=True)
    dialect = models.CharField(_("dialect"), max_length=20)
    base_url = models.CharField(_("old address"), max_length=500, blank=True)
    base_path = models.CharField(_("sub-path"), max_length=300, blank=True)
    timezone = models.CharField(_("time zone"), max_length=60)
    language = models.CharField(_("language"), max_length=35, blank=True)
    encoding = models.CharField(_("encoding"), max_length=40, blank=True)
    fingerprint = models.CharField(_("reading"), max_length=64, blank=True, editable=False)
    choices = models.JSONField(default=dict, blank=True, editable=False)
    lists = models.JSONField(_("addresses of lists"), default=list, blank=True, editable=False)
    values = models.JSONField(default=dict, blank=True, editable=False)
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
    name_key = models.CharField(max_length=60, editable=False, blank=True, default="")

    class Meta:
        verbose_name = _("source file")
        verbose_name_plural = _("source files")
        ordering = ["source", "path"]
        constraints = [models.UniqueConstraint(fields=["source", "path"], name="source_file_path_unique")]
        indexes = [models.Index(fields=["name_key"], name="source_file_name_key")]

    def __str__(self) -> str:
        return self.path

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Also writes what references find the file by. ``bulk_create`` passes this by: give ``name_key`` there."""
        self.name_key = name_key(self.path)
        if (names := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*names, "name_key"}
        super().save(*args, **kwargs)


class ImportRun(models.Model):
    """One move of an archive into this site: planned, applied, reported, and taken back if staff ask for it.

    ``location`` is the archive: an upload kept below ``PRIVATE_ROOT``, or in the private store (``store:…``), or a folder or
    file of the server. ``sha256`` and ``size`` say which bytes were seen: those of the file, or of a folder's list of files.
    ``options`` is how a command was called, ``choices`` what staff decided for a plan. ``sites`` has an entry per site root
    of the archive, ``plan`` what the plan found over all files, ``totals`` the number of items by verdict, ``undo_totals`` by
    what their undo gave. ``events`` are findings with ``at`` and ``user``: who planned, applied, stopped or undid it, and why
    it stopped.

    ``moment`` is the "now" of all decisions, so that a resumed run decides as an undisturbed one. While a process
    works on the run, ``lease`` names the process and ``heartbeat_at`` is when it last said so; ``writer`` is 1 for
    the one run that may write, which the database holds unique. ``interrupted_in`` is the state a stopped run goes on from.
    """

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("uploaded")
        PLANNING = "planning", _("being planned")
        PLANNED = "planned", _("planned")
        APPLYING = "applying", _("being imported")
        FINISHED = "finished", _("finished")
        INTERRUPTED = "interrupted", _("interrupted")
        REFUSED = "refused", _("refused")
        CANCELLED = "cancelled", _("cancelled")
        UNDOING = "undoing", _("being undone")
        UNDONE = "undone", _("undone")

    class Stage(models.TextChoices):
        WAITING = "waiting", _("waiting")
        OPENING = "opening", _("opening the archive")
        FILES = "files", _("storing files")
        DOCUMENTS = "documents", _("reading texts")
        LINKS = "links", _("resolving links")
        MISSING = "missing", _("looking for what went")
        POSTS = "posts", _("taking posts back")
        CLEARING = "clearing", _("clearing away")

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
    location = models.CharField(_("place"), max_length=1000, blank=True, editable=False)
    is_upload = models.BooleanField(_("uploaded"), default=False, editable=False)
    size = models.PositiveBigIntegerField(_("size in bytes"), default=0, editable=False)
    sha256 = models.CharField(_("fingerprint"), max_length=64, blank=True, editable=False)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.UPLOADED)
    interrupted_in = models.CharField(_("interrupted while"), max_length=12, blank=True, editable=False)
    options = models.JSONField(_("options"), default=dict, blank=True)
    choices = models.JSONField(_("choices"), default=dict, blank=True, editable=False)
    sites = models.JSONField(_("sites"), default=list, blank=True, editable=False)
    plan = models.JSONField(_("plan"), default=dict, blank=True, editable=False)
    totals = models.JSONField(_("totals"), default=dict, blank=True)
    undo_totals = models.JSONField(_("undone"), default=dict, blank=True, editable=False)
    findings = models.JSONField(_("findings"), default=list, blank=True)
    events = models.JSONField(_("course"), default=list, blank=True, editable=False)
    stage = models.CharField(_("step"), max_length=12, choices=Stage, blank=True, editable=False)
    done = models.PositiveIntegerField(_("done"), default=0, editable=False)
    total = models.PositiveIntegerField(_("of"), default=0, editable=False)
    lease = models.CharField(max_length=200, blank=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True, editable=False)
    writer = models.PositiveSmallIntegerField(null=True, blank=True, unique=True, editable=False)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    planned_at = models.DateTimeField(_("planned"), null=True, blank=True, editable=False)
    moment = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True, editable=False)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("undone by"),
        editable=False,
    )

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-started_at", "-pk"]
        permissions = [("import_posts", _("Can import Markdown archives"))]

    def __str__(self) -> str:
        return f"{self.label} ({timezone.localtime(self.started_at):%Y-%m-%d %H:%M})"


class ImportItem(models.Model):
    """What is to become, or became, of one file of a run; or of a post whose file went.

    ``claim`` is the address that the file asks for, ``permalink`` the one that the post gets. ``seen`` is what the plan saw
    of the post: ``{"post", "modified_at", "source_sha256"}``. ``mapped`` are the fields as read, for display. ``applied_at`` is
    the journal: it is set in the transaction that wrote the post, ``written_at`` being the post's ``modified_at`` from then
    on, and ``before`` (packed by ``articles.transfer.journal``) the whole post as it was. ``resolution`` is that of a conflict
    of texts: ``{"state": "open", "questions"}``, and once a person decided ``{"state": "settled", "by", "at", "answers"}``.
    """

    class Verdict(models.TextChoices):
        CREATE = "create", _("created")
        UPDATE = "update", _("updated")
        UNCHANGED = "unchanged", _("unchanged")
        CONFLICT = "conflict", _("conflict")
        REFUSED = "refused", _("refused")
        MISSING = "missing", _("file gone")
        WITHDRAW = "withdraw", _("withdrawn")

    class Undo(models.TextChoices):
        REMOVED = "removed", _("removed")
        RESTORED = "restored", _("as before")
        KEPT = "kept", _("kept")

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="items", verbose_name=_("import"))
    source = models.ForeignKey(Source, models.SET_NULL, null=True, related_name="+", verbose_name=_("source"))
    path = models.CharField(_("path"), max_length=1000)
    size = models.PositiveBigIntegerField(_("size in bytes"), default=0)
    sha256 = models.CharField(_("fingerprint"), max_length=64, blank=True)
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict)
    excluded = models.BooleanField(_("left out"), default=False)
    post = models.ForeignKey("Post", models.SET_NULL, null=True, blank=True, related_name="import_items", verbose_name=_("post"))
    claim = models.CharField(_("address in the source"), max_length=800, blank=True)
    permalink = models.CharField(_("address"), max_length=800, blank=True)
    findings = models.JSONField(_("findings"), default=list, blank=True)
    seen = models.JSONField(null=True, blank=True, editable=False)
    mapped = models.JSONField(_("fields"), null=True, blank=True, editable=False)
    applied_at = models.DateTimeField(_("applied"), null=True, blank=True, editable=False)
    written_at = models.DateTimeField(null=True, blank=True, editable=False)
    before = models.BinaryField(null=True, blank=True, editable=False)
    resolution = models.JSONField(_("resolution"), null=True, blank=True, editable=False)
    undo = models.CharField(_("undone"), max_length=8, choices=Undo, blank=True, editable=False)
    undo_findings = models.JSONField(_("why it was kept"), default=list, blank=True, editable=False)

    class Meta:
        verbose_name = _("import item")
        verbose_name_plural = _("import items")
        ordering = ["run", "pk"]
        indexes = [
            models.Index(fields=["run", "verdict"], name="import_item_verdict"),
            models.Index(fields=["run", "path"], name="import_item_path"),
            models.Index(fields=["run"], condition=models.Q(resolution__isnull=False), name="import_item_resolution"),
            models.Index(fields=["sha256"], condition=models.Q(verdict="conflict"), name="import_item_conflict"),
        ]

    def __str__(self) -> str:
        return f"{self.path}: {self.get_verdict_display()}"


class ImportChange(models.Model):
    """A row that a run made (``before`` is null) or changed beside its items' posts. ``after`` is what the run left there.

    ``model`` is the model's name; for ``post`` it is what resolving references changed in a post that no item wrote.
    """

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="changes", verbose_name=_("import"))
    model = models.CharField(max_length=40)
    object_id = models.BigIntegerField()
    before = models.JSONField(null=True)
    after = models.JSONField(default=dict)
    undo = models.CharField(_("undone"), max_length=8, choices=ImportItem.Undo, blank=True)
    undo_findings = models.JSONField(_("why it was kept"), default=list, blank=True)

    class Meta:
        verbose_name = _("import change")
        verbose_name_plural = _("import changes")
        ordering = ["run", "pk"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.model} {self.object_id}"


class ImportTerm(models.Model):
    """A term or by-line that a plan met: how often, in which spellings, and with which other it may be one.

    ``existing`` is the key of the row that this site has for it, empty where the run would make one. ``proposal`` is the name
    of a term, here or in the archive, from which it differs only in how it is spelt; ``choice`` the name that staff decided on.
    """

    class Kind(models.TextChoices):
        TAG = "tag", _("tag")
        CATEGORY = "category", _("category")
        SERIES = "series", _("series")
        AUTHOR = "author", _("author")

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="terms", verbose_name=_("import"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    name = models.CharField(_("name"), max_length=1200)
    identity = models.CharField(max_length=1300)
    spellings = models.JSONField(_("spellings"), default=list, blank=True)
    posts = models.PositiveIntegerField(_("posts"), default=0)
    existing = models.BigIntegerField(null=True, blank=True)
    proposal = models.CharField(_("proposed"), max_length=1200, blank=True)
    choice = models.CharField(_("becomes"), max_length=1200, blank=True)

    class Meta:
        verbose_name = _("term of an import")
        verbose_name_plural = _("terms of an import")
        ordering = ["run", "kind", "pk"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
