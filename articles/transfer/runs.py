"""The life of an import run: which state leads where, who holds it, and how it ends.

One process works on a run. It holds a *lease*: its name on the row, renewed with every chunk in the chunk's own
transaction. Whoever lost the lease (a process that slept too long and was taken for dead) therefore cannot commit
a chunk any more. One run at a time may write; the database holds that by a unique column, so that two processes which look
at the same moment cannot both go.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from articles.editorial.permissions import can_import, sees_others
from articles.findings import Finding
from articles.models import ImportRun
from articles.queue import Stopping, enqueue, has_ended, name_holder, name_process, stop_if_asked
from articles.stores import StoreError

State = ImportRun.State
AT_WORK = (State.PLANNING, State.APPLYING, State.UNDOING)
TASKS = {
    State.PLANNING: "articles.tasks.plan_import",
    State.APPLYING: "articles.tasks.apply_import",
    State.UNDOING: "articles.tasks.undo_import",
}

LEASE_SECONDS = 60
"""A holder on another machine that said nothing for so long is taken for dead."""
HUNG_SECONDS = 15 * 60
"""A holder whose process is there, but which said nothing for so long, hangs."""
BEAT_SECONDS = 5
TURN_SECONDS = 5
"""How long a run waits before it looks again whether another one has ended."""
MAX_TAKEN_UP = 3
"""A run whose process died so often without finishing a chunk would kill every worker."""
MAX_EVENTS = 200
STORE_SECONDS = 30
"""How long a run waits before it asks a shared store again that failed. Less than a lease: nobody takes it for lost."""
MAX_STORE_TRIES = 60

STOPPED = gettext_noop("The process was stopped. The import goes on by itself when a worker runs, or with “Resume”.")
NO_ROOM = gettext_noop("There is no room on the disk (%(reason)s). Make room, then resume; what is stored stays.")
DISK = gettext_noop("A file could not be read or written: %(reason)s. See to it, then resume; what is stored stays.")
STORE_AWAY = gettext_noop(
    "A file was not stored, because the media store failed: %(reason)s. It is tried again by itself; what is stored stays."
)
STORE_DOWN = gettext_noop(
    "A file was not stored, because the media store failed: %(reason)s. See to the store (/readyz), then resume; what is "
    "stored stays."
)
DATABASE = gettext_noop("The database did not answer (%(reason)s). Resume once it does; what is stored stays.")
BROKE_OFF = gettext_noop("It broke off by a fault of the product (%(reason)s). Report it; resume tries again.")
DIED = gettext_noop("Its process had ended at %(done)s of %(total)s. Resume it: what is stored stays.")
TAKEN_UP = gettext_noop("Its process had ended at %(done)s of %(total)s; it was taken up again.")
GIVEN_UP = gettext_noop("Its process ended %(times)s times at %(done)s of %(total)s. Look at the server, then resume.")
NO_RIGHT = gettext_noop("%(user)s may not import any more, so it stopped. Give the right back and resume, or undo it.")
OTHER_RIGHT = gettext_noop("The right of %(user)s to publish changed meanwhile, so it stopped. Resume goes on by the new right.")
STOPPED_BY = gettext_noop("%(user)s stopped it.")


class TransferError(Exception):
    """Something that cannot be done with a run now. The message is a sentence for the person, in the active language."""


class NotAllowed(TransferError):
    """The user may not do this with this run."""


class WrongState(TransferError):
    """The run is not in a state from which this leads on, or changed since the user saw it."""


class SiteIsBusy(TransferError):
    """Another run is writing. ``holder`` is that run."""

    def __init__(self, holder: ImportRun, message: str = "") -> None:
        super().__init__(message or _("Import %(run)s (“%(label)s”) is running. One runs at a time.") % name_run(holder))
        self.holder = holder


class SameArchive(SiteIsBusy):
    """The same archive is being imported right now."""

    def __init__(self, holder: ImportRun) -> None:
        super().__init__(
            holder,
            _("The same archive is being imported right now, as import %(run)s (“%(label)s”). Wait for its report.")
            % name_run(holder),
        )


class LostLease(Exception):
    """This process no longer holds the run: it was stopped, or taken over. Nothing more may be written."""


class RightsLost(Exception):
    """The account lost what the run needs. ``finding`` says what."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def name_run(run: ImportRun) -> dict[str, Any]:
    return {"run": run.pk, "label": run.label}


# --- Rights ---------------------------------------------------------------------------------------------------------


def require_import(user: User | None) -> None:
    """Raises NotAllowed where ``user`` may not import; ``None`` is the system."""
    if user is not None and not can_import(user):
        raise NotAllowed(_("You may not import. Ask an administrator for the right."))


def require_own(run: ImportRun, user: User | None) -> None:
    """Raises NotAllowed unless ``user`` is who made the run: a plan is bound to its user."""
    require_import(user)
    if user is not None and run.user_id != user.pk:
        raise NotAllowed(_("This plan is %(user)s's. Upload the archive yourself to import it.") % {"user": run.user or "–"})


def require_undo(run: ImportRun, user: User | None) -> None:
    """Raises NotAllowed where ``user`` may not undo the run: others' runs need the right to change others' posts besides."""
    require_import(user)
    if user is not None and run.user_id != user.pk and not sees_others(user):
        raise NotAllowed(_("This import is not yours. Undoing it needs the right to change posts of other people."))


def load_user(run: ImportRun) -> User | None:
    """The run's account as it is now, with fresh rights; ``None`` for the system. Raises RightsLost where it may not import."""
    if run.user_id is None:
        if run.options.get("user"):
            raise RightsLost(Finding("rights-lost", "error", NO_RIGHT, {"user": run.options["user"]}))
        return None
    user = User.objects.filter(pk=run.user_id, is_active=True).first()
    if user is None or not can_import(user):
        raise RightsLost(Finding("rights-lost", "error", NO_RIGHT, {"user": str(run.user)}))
    return user


# --- Events ---------------------------------------------------------------------------------------------------------


def add_event(run: ImportRun, finding: Finding, user: User | None = None) -> list[dict[str, Any]]:
    """Notes on the instance what befell the run, when and by whom; saves nothing. Gives all its events."""
    event = {"at": timezone.now().isoformat(), "user": user.get_username() if user else "", **finding.as_json()}
    run.events = [*run.events, event][-MAX_EVENTS:]
    return run.events


# --- Leases ---------------------------------------------------------------------------------------------------------

_held: set[str] = set()
_held_lock = threading.Lock()


class Lease:
    """This process's hold on a run. Every write of the run's content begins with :meth:`hold`, in its transaction."""

    def __init__(self, run: ImportRun, token: str) -> None:
        self.run, self.token, self.state = run, token, run.state
        self._said = time.monotonic()

    def hold(self, **progress: Any) -> None:
        """Renews the lease and writes ``progress``. Inside a transaction nobody can take the run over until it ends.

        Raises LostLease where someone did.
        """
        rows = ImportRun.objects.filter(pk=self.run.pk, lease=self.token, state=self.state)
        if not rows.update(heartbeat_at=timezone.now(), **progress):
            raise LostLease
        for name, value in progress.items():
            setattr(self.run, name, value)
        self._said = time.monotonic()

    def beat(self) -> None:
        """Says now and then that this process lives, between writes. Raises LostLease, and Stopping where it is asked to stop."""
        stop_if_asked()
        if time.monotonic() - self._said > BEAT_SECONDS:
            self.hold()

    def end(self, state: str, **fields: Any) -> None:
        """Gives the run back in ``state``. Raises LostLease where someone took it over."""
        self.hold(state=state, lease="", writer=None, stage="", **fields)
        self.forget()

    def queue_again(self) -> None:
        """Gives the run back as it was before it was taken: to be taken up by the next worker."""
        self.hold(lease="", writer=None, stage=ImportRun.Stage.WAITING)
        self.forget()

    @property
    def is_held(self) -> bool:
        return self.token in _held

    def forget(self) -> None:
        """Notes that this process no longer works on the run, whatever the database says."""
        with _held_lock:
            _held.discard(self.token)


def is_dead(run: ImportRun) -> bool:
    """Whether the process that holds the run has ended or hangs."""
    if not run.lease:
        return False
    quiet = timezone.now() - run.heartbeat_at if run.heartbeat_at else timedelta.max
    ended = has_ended(run.lease)
    if ended is None:
        return quiet > timedelta(seconds=LEASE_SECONDS)
    if run.lease.startswith(name_process() + "/"):
        return run.lease not in _held
    return ended or quiet > timedelta(seconds=HUNG_SECONDS)


def is_stalled(run: ImportRun) -> bool:
    """Whether a run that says it is at work is not: what a page shows beside its state."""
    return run.state in AT_WORK and is_dead(run)


def take(run: ImportRun, *, writes: bool) -> Lease:
    """This process's lease on ``run``, which is in a state of :data:`AT_WORK` and held by nobody.

    A run whose process died is taken over. Raises SiteIsBusy (SameArchive) where ``writes`` and another one writes,
    WrongState where another process holds this one.
    """
    if writes:
        _free_writer(run)
    run.refresh_from_db()
    if run.state not in AT_WORK:
        raise WrongState(_("Import %(run)s is not to be worked on: it is “%(state)s”.") % _state_of(run))
    if run.lease and not is_dead(run):
        raise WrongState(_("Import %(run)s is being worked on already.") % {"run": run.pk})
    lease = Lease(run, name_holder())
    # Before the row says so: another thread of this process would take the lease for a dead one's.
    with _held_lock:
        _held.add(lease.token)
    taken = 0
    try:
        taken = _write_lease(run, lease.token, writes=writes)
    finally:
        if not taken:
            lease.forget()
    if not taken:
        raise WrongState(_("Import %(run)s is being worked on already.") % {"run": run.pk})
    run.refresh_from_db()
    return lease


def _write_lease(run: ImportRun, token: str, *, writes: bool) -> int:
    rows = ImportRun.objects.filter(pk=run.pk, state=run.state, lease=run.lease)
    try:
        with transaction.atomic():
            return rows.update(lease=token, heartbeat_at=timezone.now(), writer=1 if writes else None)
    except IntegrityError:
        holder = ImportRun.objects.filter(writer=1).exclude(pk=run.pk).first()
        if holder is None:
            # It ended between the two statements.
            return 0
        if is_same_archive(run, holder) and holder.state == State.APPLYING:
            raise SameArchive(holder) from None
        raise SiteIsBusy(holder) from None


def is_same_archive(run: ImportRun, other: ImportRun) -> bool:
    """Whether two runs take in the same bytes, or the same folder."""
    return bool(run.sha256 and run.sha256 == other.sha256) or bool(
        not run.is_upload and run.location and run.location == other.location
    )


def _free_writer(run: ImportRun) -> None:
    """Takes the right to write from another run whose process died. That run waits to be taken up, or resumed."""
    holder = ImportRun.objects.filter(writer=1).exclude(pk=run.pk).first()
    if holder is not None and is_dead(holder):
        _take_up(holder)


def wait_and_take(run: ImportRun, *, writes: bool, tell: Callable[[str], None] | None = None) -> Lease:
    """Like :func:`take`, but waits while another run writes. ``tell`` gets one sentence when waiting begins.

    Raises SameArchive at once: the archive's own import is under way.
    """
    lease = None
    told = False
    try:
        while lease is None:
            try:
                lease = take(run, writes=writes)
            except SameArchive:
                raise
            except SiteIsBusy as busy:
                if tell is not None and not told:
                    tell(str(busy))
                told = True
                waiting = ImportRun.objects.filter(pk=run.pk, lease="")
                waiting.update(heartbeat_at=timezone.now(), stage=ImportRun.Stage.WAITING)
                stop_if_asked()
                time.sleep(1)
    finally:
        if lease is None:
            ImportRun.objects.filter(pk=run.pk, lease="", state=run.state).update(
                state=State.INTERRUPTED, interrupted_in=run.state, stage=""
            )
    return lease


def _state_of(run: ImportRun) -> dict[str, Any]:
    return {"run": run.pk, "state": run.get_state_display()}


# --- From state to state --------------------------------------------------------------------------------------------


def move(run: ImportRun, sources: tuple[str, ...], state: str, **fields: Any) -> None:
    """Moves a run that nobody holds from one of ``sources`` to ``state``, if it is still there and as the caller has it.

    Raises WrongState where another click or process was first.
    """
    rows = ImportRun.objects.filter(pk=run.pk, state__in=sources, planned_at=run.planned_at, lease="")
    if not rows.update(state=state, heartbeat_at=timezone.now(), **fields):
        run.refresh_from_db()
        raise WrongState(
            _("Import %(run)s is “%(state)s” by now, or was planned again. Open it once more and look.") % _state_of(run)
        )
    run.refresh_from_db()


def queue(run: ImportRun, sources: tuple[str, ...], state: str, **fields: Any) -> None:
    """Moves the run to the working ``state`` and enqueues its task. Raises WrongState as :func:`move`."""
    with transaction.atomic():
        move(run, sources, state, stage=ImportRun.Stage.WAITING, done=0, interrupted_in="", **fields)
        enqueue(TASKS[State(state)], run.pk)


def resume(run: ImportRun, user: User | None) -> None:
    """Goes on with an interrupted run, in the background. Raises NotAllowed, WrongState."""
    require_undo(run, user) if run.interrupted_in == State.UNDOING else require_own(run, user)
    if run.interrupted_in not in AT_WORK:
        raise WrongState(
            _("Import %(run)s cannot be resumed. Import the archive again: what did not change stays.") % name_run(run)
        )
    queue(run, (State.INTERRUPTED,), run.interrupted_in)


def stop(run: ImportRun, user: User | None) -> None:
    """Stops a run at work: its process notices at its next chunk, which it does not write. Raises NotAllowed, WrongState.

    A plan that is stopped is cancelled; an import or undo is interrupted, to be resumed or undone.
    """
    require_undo(run, user)
    event = Finding("stopped", "warning", STOPPED_BY, {"user": str(user) if user else "–"})
    with transaction.atomic():
        row = ImportRun.objects.select_for_update().get(pk=run.pk)
        if row.state not in AT_WORK:
            raise WrongState(_("Import %(run)s is not at work: it is “%(state)s”.") % _state_of(row))
        add_event(row, event, user)
        row.interrupted_in = "" if row.state == State.PLANNING else row.state
        row.state = State.CANCELLED if row.state == State.PLANNING else State.INTERRUPTED
        row.lease, row.writer, row.stage = "", None, ""
        row.save(update_fields=["events", "interrupted_in", "state", "lease", "writer", "stage"])
    run.refresh_from_db()


def take_up() -> int:
    """Enqueues runs whose process died and runs whose task was lost; gives their number. A worker calls it now and then."""
    lost = timezone.now() - timedelta(seconds=LEASE_SECONDS)
    runs = list(ImportRun.objects.filter(state__in=AT_WORK))
    return sum(
        _take_up(run) for run in runs if is_dead(run) or (not run.lease and (run.heartbeat_at is None or run.heartbeat_at < lost))
    )


def _take_up(run: ImportRun) -> int:
    """Frees the run from its dead process and enqueues it, unless that would be in vain; gives 1 if it was enqueued."""
    place = {"done": run.done, "total": run.total}
    rows = ImportRun.objects.filter(pk=run.pk, state=run.state, lease=run.lease, heartbeat_at=run.heartbeat_at)
    fields: dict[str, Any] = {"lease": "", "writer": None, "heartbeat_at": timezone.now(), "stage": ImportRun.Stage.WAITING}
    goes_on = can_go_on(run)
    if run.lease:
        times = sum(1 for event in run.events if event["code"] == "taken-up" and event["params"] == as_texts(place))
        goes_on = goes_on and times < MAX_TAKEN_UP
        if times >= MAX_TAKEN_UP:
            finding = Finding("given-up", "error", GIVEN_UP, {**place, "times": times + 1})
        else:
            finding = Finding("taken-up", "info", TAKEN_UP if goes_on else DIED, place)
        fields["events"] = add_event(run, finding)
    if not goes_on:
        fields |= {"state": State.INTERRUPTED, "interrupted_in": run.state, "stage": ""}
    with transaction.atomic():
        if not rows.update(**fields) or not goes_on:
            return 0
        enqueue(TASKS[State(run.state)], run.pk)
    return 1


def as_texts(params: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as a stored finding has them."""
    return {name: str(value) for name, value in params.items()}


def can_go_on(run: ImportRun) -> bool:
    """Whether a worker may take the run up by itself: a command's own import is its operator's to resume."""
    return run.state != State.APPLYING or run.planned_at is not None


def count_items(run: ImportRun) -> dict[str, int]:
    """The run's items by verdict; what staff left out counts apart."""
    counts = Counter(run.items.filter(excluded=False).values_list("verdict", flat=True).order_by())
    if excluded := run.items.filter(excluded=True).count():
        counts["excluded"] = excluded
    return dict(counts)


# --- What goes wrong ------------------------------------------------------------------------------------------------


@contextmanager
def held(lease: Lease) -> Iterator[None]:
    """Work under a lease: however it ends, the run says so and can be resumed.

    What the person can mend (room on the disk, the database, rights) ends here, with its reason on the run, and is not
    raised on; the caller reads ``run.state``. A fault of the product is noted and raised. LostLease ends quietly: the run is
    another's. KeyboardInterrupt leaves the run resumable and is raised.
    """
    run = lease.run
    try:
        yield
    except LostLease:
        lease.forget()
        run.refresh_from_db()
    except Stopping:
        with suppress(LostLease):
            if can_go_on(run):
                with transaction.atomic():
                    lease.queue_again()
                    enqueue(TASKS[State(lease.state)], run.pk)
            else:
                interrupt(lease, Finding("stopped", "warning", STOPPED))
    except RightsLost as lost:
        interrupt(lease, lost.finding)
    except StoreError as error:
        _wait_for_store(lease, _describe_os_error(error))
    except OSError as error:
        template = NO_ROOM if _is_full(error) else DISK
        interrupt(lease, Finding("disk", "error", template, {"reason": _describe_os_error(error)}))
    except (OperationalError, InterfaceError) as error:
        renew_connection()
        template = NO_ROOM if _is_full(error) else DATABASE
        interrupt(lease, Finding("database", "error", template, {"reason": str(error).split("\n")[0][:200]}))
    finally:
        if lease.is_held:
            interrupt(lease, _describe_end(sys.exc_info()[1]))


def _wait_for_store(lease: Lease, reason: str) -> None:
    """Gives the run back to be gone on with in a while; after many tries in vain, or where a command works on it, to a person."""
    run = lease.run
    tries = next((number for number, event in enumerate(reversed(run.events)) if event["code"] != "store-away"), len(run.events))
    if not can_go_on(run) or tries >= MAX_STORE_TRIES:
        interrupt(lease, Finding("store-down", "error", STORE_DOWN, {"reason": reason}))
        return
    events = add_event(run, Finding("store-away", "warning", STORE_AWAY, {"reason": reason}))
    with suppress(LostLease), transaction.atomic():
        lease.hold(events=events)
        lease.queue_again()
        enqueue(TASKS[State(lease.state)], run.pk, delay=timedelta(seconds=STORE_SECONDS))


def _describe_end(error: BaseException | None) -> Finding:
    if error is None or isinstance(error, KeyboardInterrupt | SystemExit):
        return Finding("stopped", "warning", STOPPED)
    return Finding("broke-off", "error", BROKE_OFF, {"reason": f"{type(error).__name__}: {error}"[:200]})


def renew_connection() -> None:
    """Drops a dead connection, so that the next statement makes a new one. Not within a transaction, which it would end."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def interrupt(lease: Lease, finding: Finding) -> None:
    """Gives the run back as interrupted, with the reason. Raises a database error where even that cannot be written: then
    the run is found by its silent lease."""
    try:
        with suppress(LostLease):
            events = add_event(lease.run, finding)
            lease.end(State.INTERRUPTED, interrupted_in=lease.state, events=events, totals=count_items(lease.run))
    finally:
        lease.forget()


def _is_full(error: BaseException) -> bool:
    text = str(error).lower()
    return getattr(error, "errno", None) in (28, 122) or "disk is full" in text or "no space left" in text


def _describe_os_error(error: OSError) -> str:
    return f"{error.strerror or type(error).__name__}: {error.filename}" if error.filename else str(error.strerror or error)
