"""The record of a proof: a list of old addresses, and what the site answered to each."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ProofRun(models.Model):
    """One list of addresses, checked a portion at a time; ``total`` and ``done`` count its items.

    ``hosts`` are those that the list's absolute addresses may have besides the known ones.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        FINISHED = "finished", _("finished")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="proof_runs", verbose_name=_("by")
    )
    label = models.CharField(_("list"), max_length=300)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.RUNNING)
    total = models.PositiveIntegerField(_("addresses"), default=0)
    done = models.PositiveIntegerField(_("checked"), default=0)
    hosts = models.JSONField(_("hosts"), default=list, blank=True)
    findings = models.JSONField(_("findings"), default=list, blank=True)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("proof of addresses")
        verbose_name_plural = _("proofs of addresses")
        ordering = ["-started_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.label} ({timezone.localtime(self.started_at):%Y-%m-%d %H:%M})"


class ProofItem(models.Model):
    """What one address answered. ``outcome`` is empty until it was asked.

    ``path`` is the decoded path that was asked for, ``location`` where the answer led (decoded), ``candidate`` the public
    post that an address without an answer most likely meant.
    """

    class Outcome(models.TextChoices):
        OK = "ok", _("answers")
        MOVED = "moved", _("leads on in one step")
        GONE = "gone", _("withdrawn (410)")
        MISSING = "missing", _("not found")
        CHAIN = "chain", _("leads on in more than one step")
        ASTRAY = "astray", _("leads to another host")
        ERROR = "error", _("error")
        UNREACHABLE = "unreachable", _("no answer")
        FOREIGN = "foreign", _("another host, not asked")
        UNUSABLE = "unusable", _("no address")

    class Note(models.TextChoices):
        NOT_PUBLIC = "not-public", _("The post of this address is not public yet.")
        QUERY = "query", _("What follows “?” plays no part here.")
        NOT_SERVED = "not-served", _("This file of the old site is kept, but not shown to readers.")
        TEMPORARY = "temporary", _("The redirect is not a permanent one.")

    run = models.ForeignKey(ProofRun, models.CASCADE, related_name="items", verbose_name=_("proof of addresses"))
    address = models.CharField(_("address"), max_length=2000)
    path = models.CharField(_("path"), max_length=2000, blank=True)
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome, blank=True)
    status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    location = models.CharField(_("leads to"), max_length=2000, blank=True)
    candidate = models.ForeignKey(
        "Post", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("nearest post")
    )
    note = models.CharField(_("note"), max_length=12, choices=Note, blank=True)

    class Meta:
        verbose_name = _("proved address")
        verbose_name_plural = _("proved addresses")
        ordering = ["run", "pk"]
        indexes = [models.Index(fields=["run", "outcome", "id"], name="proof_item_outcome")]

    def __str__(self) -> str:
        return self.address
