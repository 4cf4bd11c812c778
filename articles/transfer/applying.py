"""Carries a plan out in the background, chunk by chunk; what is not as the plan saw it stops it before it is written."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from articles.findings import Finding
from articles.library import mend
from articles.models import ImportRun
from articles.queue import enqueue
from articles.transfer.archives import fetch_archive, remove_upload
from articles.transfer.choices import Choices
from articles.transfer.importing import carry_out
from articles.transfer.passages import Passage, fingerprint_archive
from articles.transfer.planning import UPLOAD_CHANGED, describe_stale
from articles.transfer.runs import (
    TASKS,
    Lease,
    State,
    WrongState,
    add_event,
    count_items,
    held,
    load_user,
    move,
    queue,
    require_own,
)
from articles.transfer.storing import StalePlan

APPLIED = gettext_noop("It was imported.")
CONFIRMED = gettext_noop("%(user)s confirmed the plan.")
CANCELLED = gettext_noop("%(user)s dropped it.")


def start_apply(run: ImportRun, user: User | None, *, planned_at: datetime | None) -> None:
    """Enqueues the import of what the plan says. ``planned_at`` is that of the plan which the user has looked at.

    Raises NotAllowed for another user than the plan's, and WrongState where it was planned anew since or runs already.
    """
    require_own(run, user)
    if run.state != State.PLANNED or run.planned_at != planned_at:
        raise WrongState(
            _("Import %(run)s is “%(state)s” by now, or was planned again. Open it once more and look.")
            % {"run": run.pk, "state": run.get_state_display()}
        )
    event = Finding("confirmed", "info", CONFIRMED, {"user": str(user) if user else "–"})
    queue(run, (State.PLANNED,), State.APPLYING, events=add_event(run, event, user))


def cancel(run: ImportRun, user: User | None) -> None:
    """Drops a run of which nothing was written, and its upload. Raises NotAllowed, WrongState."""
    require_own(run, user)
    if run.items.filter(written_at__isnull=False).exists():
        raise WrongState(_("A part of import %(run)s is written already. Resume it, or undo it.") % {"run": run.pk})
    event = Finding("cancelled", "info", CANCELLED, {"user": str(user) if user else "–"})
    move(run, (State.UPLOADED, State.PLANNED, State.INTERRUPTED), State.CANCELLED, events=add_event(run, event, user))
    remove_upload(run)


def work_off(lease: Lease) -> ImportRun:
    """Carries out the plan of the run of ``lease``, or goes on with it; however it ends, the run says so."""
    run = lease.run
    with held(lease):
        user = load_user(run)
        if run.changes.exists() or run.items.filter(applied_at__isnull=False).exists():
            # The process before this one may have died between a commit and the files that belong to it.
            mend()
        else:
            lease.hold(moment=now())
        try:
            if not _is_as_planned(run, lease):
                return run
            passage = Passage(run, lease, Choices.from_json(run.choices), user, is_planned=True)
            carry_out(passage)
        except StalePlan as stale:
            _plan_again(lease, stale)
            return run
        lease.end(
            State.FINISHED,
            finished_at=now(),
            totals=count_items(run),
            findings=[finding.as_json() for finding in passage.findings],
            events=add_event(run, Finding("applied", "info", APPLIED), user),
            interrupted_in="",
        )
    return run


def _is_as_planned(run: ImportRun, lease: Lease) -> bool:
    """Whether the archive is the one that was planned. Raises StalePlan for a folder in which files came or went."""
    _size, sha256 = fingerprint_archive(fetch_archive(run))
    if sha256 == run.sha256:
        return True
    if not run.is_upload:
        raise StalePlan([(run.label, "archive")])
    findings = [Finding("upload-changed", "error", UPLOAD_CHANGED).as_json()]
    lease.end(State.REFUSED, findings=findings, finished_at=now(), totals=count_items(run))
    return False


def _plan_again(lease: Lease, stale: StalePlan) -> None:
    """Ends the attempt before what changed is written; what was written stays journalled, and the rest is planned anew."""
    run = lease.run
    for finding in describe_stale(stale):
        add_event(run, finding)
    with transaction.atomic():
        plan = {name: value for name, value in run.plan.items() if name != "scope"}
        lease.end(State.PLANNING, events=run.events, plan=plan)
        enqueue(TASKS[State.PLANNING], run.pk)
