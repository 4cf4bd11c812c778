"""What a worker does with a run: takes it if it may, works it off, or looks again later."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from articles.findings import Finding
from articles.models import ImportRun
from articles.queue import enqueue
from articles.transfer import applying, importing, planning, undoing
from articles.transfer.passages import Progress
from articles.transfer.runs import (
    TASKS,
    TURN_SECONDS,
    Lease,
    SameArchive,
    SiteIsBusy,
    State,
    WrongState,
    add_event,
    move,
    require_own,
    take,
    wait_and_take,
)

logger = logging.getLogger(__name__)

WORK: Mapping[str, Callable[[Lease], ImportRun]] = {
    State.PLANNING: planning.work_off,
    State.APPLYING: applying.work_off,
    State.UNDOING: undoing.work_off,
}


def work(key: int, state: str) -> None:
    """Works on the run ``key`` where it is in ``state`` and nobody else holds it. Does nothing otherwise: a task may come twice.

    While another run writes, the task is enqueued anew for a little later, so that the worker is free for other things.
    """
    run = ImportRun.objects.filter(pk=key, state=state).first()
    if run is None:
        return
    try:
        lease = take(run, writes=state != State.PLANNING)
    except SameArchive as same:
        _give_back(run, same.holder)
    except SiteIsBusy:
        waiting = ImportRun.objects.filter(pk=key, lease="")
        waiting.update(heartbeat_at=timezone.now(), stage=ImportRun.Stage.WAITING)
        enqueue(TASKS[State(state)], key, delay=timedelta(seconds=TURN_SECONDS))
    except WrongState:
        # Another worker has it.
        return
    else:
        logger.info("import %s: %s", key, state)
        if state == State.APPLYING and run.planned_at is None:
            importing.work_off(lease)
        else:
            WORK[state](lease)


def go_on(
    run: ImportRun, user: User | None, *, progress: Progress | None = None, tell: Callable[[str], None] | None = None
) -> ImportRun:
    """Goes on with an interrupted run in this process. Raises NotAllowed, WrongState, SameArchive."""
    if run.interrupted_in == State.UNDOING or run.state == State.UNDOING:
        return undoing.undo_import(run, user, tell=tell)
    if run.planned_at is None and run.state != State.PLANNING and run.interrupted_in != State.PLANNING:
        return importing.resume_import(run, user, progress=progress, tell=tell)
    require_own(run, user)
    if run.state == State.INTERRUPTED:
        move(run, (State.INTERRUPTED,), run.interrupted_in, interrupted_in="")
    state = run.state
    return WORK[state](wait_and_take(run, writes=state != State.PLANNING, tell=tell))


def _give_back(run: ImportRun, holder: ImportRun) -> None:
    """The same archive is being imported by another run: this one is told, and waits for a person."""
    finding = Finding("same-archive", "error", importing.SAME, {"run": holder.pk, "label": holder.label})
    state = State.PLANNED if run.planned_at else State.REFUSED
    rows = ImportRun.objects.filter(pk=run.pk, lease="", state=State.APPLYING)
    rows.update(state=state, stage="", events=add_event(run, finding), findings=[finding.as_json(), *run.findings])
