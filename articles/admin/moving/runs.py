"""One run, whatever its state: the page that fits it, its progress, and the buttons that stop it or let it go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.options import ModelAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.admin.base import read_findings, show_badge, show_moment
from articles.editorial.permissions import can_import, sees_others
from articles.findings import Finding
from articles.models import ImportRun
from articles.transfer.applying import cancel
from articles.transfer.conflicts import list_conflicts
from articles.transfer.planning import start_planning
from articles.transfer.runs import AT_WORK, NotAllowed, State, TransferError, is_stalled, require_undo, resume, stop
from articles.transfer.undoing import UNDOABLE
from articles.transfer.uploads import count_ahead, describe_queue

MAX_EVENTS = 40
HEADINGS = {
    State.UPLOADED: gettext_lazy("Received"),
    State.PLANNING: gettext_lazy("Finding out what will become of every file"),
    State.PLANNED: gettext_lazy("The plan"),
    State.APPLYING: gettext_lazy("Importing"),
    State.FINISHED: gettext_lazy("Imported"),
    State.INTERRUPTED: gettext_lazy("It was interrupted"),
    State.REFUSED: gettext_lazy("It cannot be imported"),
    State.CANCELLED: gettext_lazy("Dropped"),
    State.UNDOING: gettext_lazy("Taking the import back"),
    State.UNDONE: gettext_lazy("Taken back"),
}
STEPS = (
    (gettext_lazy("Bring in"), (State.UPLOADED,)),
    (gettext_lazy("Look at the plan"), (State.PLANNING, State.PLANNED)),
    (gettext_lazy("Import"), (State.APPLYING,)),
    (gettext_lazy("Report"), (State.FINISHED, State.UNDOING, State.UNDONE)),
)


class RunScreens(ModelAdmin):
    """The addresses of a run. Part of the admin of runs."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:object_id>/progress/", view(self.progress_view), name="articles_importrun_progress"),
            path("<int:object_id>/act/<slug:name>/", view(self.act_view), name="articles_importrun_act"),
            *super().get_urls(),
        ]

    def find_run(self, request: HttpRequest, object_id: int | str) -> ImportRun:
        """The run, if it is the user's to see. Raises Http404 alike for one that is not, PermissionDenied without any right."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run: ImportRun | None = self.get_object(request, str(object_id))
        if run is None:
            raise Http404
        return run

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The page of a run: its progress, its plan, or its report."""
        run = self.find_run(request, object_id)
        if request.method == "POST":
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if run.state in AT_WORK or run.state == State.UPLOADED:
            return self.render_run(request, run, "progress.html", {"progress": describe_progress(run)})
        if run.state == State.PLANNED:
            return self.show_plan(request, run)
        return self.show_report(request, run)

    def render_run(self, request: HttpRequest, run: ImportRun, template: str, context: Mapping[str, Any]) -> HttpResponse:
        """A page about the run, within what all of them share."""
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(HEADINGS[State(run.state)]),
            "subtitle": run.label,
            "run": run,
            "badge": show_badge(run.state, run.get_state_display()),
            "started": show_moment(run.started_at),
            "steps": list_steps(run),
            "events": describe_events(run),
            "reason": describe_reason(run),
            "buttons": list_buttons(run, request.user),
            "doors": list_doors(run, request.user),
            "is_own": is_own(run, request.user),
        }
        return TemplateResponse(request, f"admin/articles/importrun/{template}", {**shared, **context})

    def progress_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """How far a run is, as JSON for the page's script."""
        run = self.find_run(request, object_id)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return JsonResponse(describe_progress(run), headers={"Cache-Control": "no-store"})

    def act_view(self, request: HttpRequest, object_id: int, name: str) -> HttpResponse:
        """One of :data:`ACTS` by a button. What cannot be is said on the run's page."""
        run = self.find_run(request, object_id)
        if name not in ACTS:
            raise Http404(_("There is no such step."))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        act, done = ACTS[name]
        try:
            act(run, account(request))
        except NotAllowed as refused:
            raise PermissionDenied(str(refused)) from refused
        except TransferError as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, str(done))
        return HttpResponseRedirect(run_url(run))

    def show_plan(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        """The plan; see :mod:`articles.admin.moving.plans`."""
        raise NotImplementedError

    def show_report(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        """The report; see :mod:`articles.admin.moving.reports`."""
        raise NotImplementedError


ACTS = {
    "stop": (stop, gettext_lazy("It was stopped. What is stored stays.")),
    "resume": (resume, gettext_lazy("It goes on in the background.")),
    "plan": (start_planning, gettext_lazy("It is being planned again.")),
    "cancel": (cancel, gettext_lazy("The plan was dropped. Nothing of it was imported.")),
}


def account(request: HttpRequest) -> User:
    """Who asks: every address of the desk wants an account."""
    return cast(User, request.user)


def run_url(run: ImportRun, name: str = "change", query: str = "") -> str:
    """The address of a page about the run."""
    address = reverse(f"admin:articles_importrun_{name}", args=[run.pk])
    return f"{address}?{query}" if query else address


def is_own(run: ImportRun, user: Any) -> bool:
    """Whether the run is the user's to go on with: a plan is bound to its user."""
    return bool(run.user_id == user.pk and can_import(user))


def may_undo(run: ImportRun, user: Any) -> bool:
    """Whether the user may take the run back, in a state where there is something to take back."""
    if run.state not in UNDOABLE:
        return False
    try:
        require_undo(run, user)
    except NotAllowed:
        return False
    return run.items.filter(written_at__isnull=False).exists() or run.changes.exists()


def list_steps(run: ImportRun) -> list[dict[str, Any]]:
    """The way of a run, with where it is."""
    state = run.interrupted_in or run.state
    if run.state in (State.REFUSED, State.CANCELLED):
        state = State.APPLYING if run.items.filter(applied_at__isnull=False).exists() else State.PLANNING
    at = next((place for place, (_label, states) in enumerate(STEPS) if state in states), 0)
    return [{"label": label, "is_done": place < at, "is_current": place == at} for place, (label, _states) in enumerate(STEPS)]


def list_buttons(run: ImportRun, user: Any) -> list[dict[str, Any]]:
    """What the user can do with the run now, beside what its own page offers. Each posts to the address of an act."""
    own = is_own(run, user)
    buttons = []
    helps = can_import(user) and sees_others(user)
    if run.state == State.INTERRUPTED and run.interrupted_in and (own or (helps and run.interrupted_in == State.UNDOING)):
        buttons.append(("resume", _("Go on"), True))
    if run.state in AT_WORK and (own or helps):
        buttons.append(("stop", _("Stop"), False))
    if own and run.state in (State.PLANNED, State.UPLOADED):
        buttons.append(("plan", _("Plan again"), False))
    if own and run.state in (State.PLANNED, State.UPLOADED, State.INTERRUPTED) and not _is_begun(run):
        buttons.append(("cancel", _("Drop"), False))
    return [
        {"name": name, "label": label, "is_main": is_main, "action": reverse("admin:articles_importrun_act", args=[run.pk, name])}
        for name, label, is_main in buttons
    ]


def _is_begun(run: ImportRun) -> bool:
    return run.items.filter(written_at__isnull=False).exists()


def list_doors(run: ImportRun, user: Any) -> list[dict[str, str]]:
    """Links to the pages about the run that lie elsewhere, as far as the user may open them."""
    doors = []
    if list_conflicts(run, user).exists():
        doors.append({"label": _("Settle conflicts"), "address": reverse("admin:articles_importrun_conflicts", args=[run.pk])})
    if can_import(user):
        proving = reverse("admin:articles_proofrun_add", query={"run": run.pk})
        doors.append({"label": _("Prove addresses"), "address": proving})
    return doors


# --- Progress -------------------------------------------------------------------------------------------------------


def describe_progress(run: ImportRun) -> dict[str, Any]:
    """How far a run is: what the page prints, and its script asks for again and again."""
    is_working = run.state in AT_WORK
    stalled = is_stalled(run)
    ahead = count_ahead(run) if is_working else 0
    waits = is_working and (not run.lease or run.stage == ImportRun.Stage.WAITING)
    step = _("waiting") if waits else run.get_stage_display() if run.stage else run.get_state_display()
    counts = bool(run.total and not waits)
    if stalled:
        text = _("The process that worked on it has ended. A worker takes it up within a minute, or press “Stop” and “Go on”.")
    elif ahead:
        text = describe_queue(ahead)
    elif waits:
        text = _("It begins as soon as a worker is free. You may close this page: it goes on without it.")
    else:
        text = _("You may close this page: it goes on without it.")
    return {
        "state": run.state,
        "heading": str(HEADINGS[State(run.state)]),
        "step": str(step),
        "text": text,
        "counts": _("%(done)d of %(total)d") % {"done": min(run.done, run.total), "total": run.total} if counts else "",
        "done": min(run.done, run.total) if counts else 0,
        "total": run.total if counts else 0,
        "is_working": is_working,
    }


# --- What befell it -------------------------------------------------------------------------------------------------


def describe_events(run: ImportRun) -> list[dict[str, Any]]:
    """The course of the run, the latest first."""
    events = []
    for event in run.events[::-1][:MAX_EVENTS]:
        at = parse_datetime(event.get("at", ""))
        events.append({"at": show_moment(at), **read_findings([event])[0]})
    return events


def describe_reason(run: ImportRun) -> dict[str, Any] | None:
    """Why the run stands still, where it does."""
    if run.state == State.INTERRUPTED:
        return next((entry for entry in describe_events(run) if entry["code"] not in ("planned", "confirmed", "applied")), None)
    if run.state == State.REFUSED and run.findings:
        return read_findings(run.findings)[0]
    return None


def count_findings(run: ImportRun) -> list[dict[str, Any]]:
    """What was found of the archive as a whole."""
    return read_findings(run.findings)


def describe_finding(stored: Mapping[str, Any]) -> str:
    """A stored finding as one sentence in the active language."""
    return Finding.from_json(stored).localised()
