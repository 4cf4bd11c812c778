"""Old addresses at the desk: a list is proved, told address by address, and what is missing is led to the nearest post."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast
from urllib.parse import quote

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.encoding import uri_to_iri
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from articles.addresses import host_of
from articles.admin.base import CappedPaginator, ReadOnlyAdmin, isolate, read_findings, show_badge, show_moment
from articles.editorial.permissions import can_import, sees_others, visible_posts
from articles.findings import RefusedFile
from articles.formats.address_lists import MAX_BYTES, collect
from articles.models import ImportRun, ProofItem, ProofRun, Source
from articles.transfer.proving import (
    PROVED,
    Step,
    addresses_of_run,
    addresses_of_source,
    begin_proof,
    continue_proof,
    make_redirects,
    plan_redirects,
    stored_proofs,
    totals_of,
    write_csv,
    write_json,
)

ADD_REDIRECT = "articles.add_redirect"
ITEMS_PER_PAGE = 100
MAX_FILES = 20
MAX_PASTED = 2_000_000
MAX_STEPS = 500
"""Redirects that are shown and made at once."""
SECONDS = 2.0
"""How long one request goes on with a proof. A page that runs asks again and again."""
RECENT_RUNS = 20
ALL_SOURCES = "all"
MAX_DIGITS = 18
"""Of a key: more do not fit into the database's integers."""


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files, as a list."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"widget": FilesInput(), "required": False, **options})

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = data if isinstance(data, list | tuple) else [data] if data else []
        if len(files) > MAX_FILES:
            raise ValidationError(_("Give at most %(limit)d files at once.") % {"limit": MAX_FILES})
        for file in files:
            if (file.size or 0) > MAX_BYTES:
                raise ValidationError(
                    _("“%(name)s” is larger than %(limit)s. Divide it, or use the command prove_urls on the server.")
                    % {"name": file.name, "limit": filesizeformat(MAX_BYTES)}
                )
        return [super(FilesField, self).clean(file, initial) for file in files]


class ProofForm(forms.Form):
    """Which addresses are to be proved: those of a source or an import, files, or pasted lines; exactly one of them."""

    source = forms.ChoiceField(
        label=gettext_lazy("Source"), required=False, help_text=gettext_lazy("The addresses that its site is known to have had.")
    )
    run = forms.ChoiceField(
        label=gettext_lazy("Import"), required=False, help_text=gettext_lazy("The addresses of its files, and of their sources.")
    )
    uploads = FilesField(
        label=gettext_lazy("Sitemap or table"),
        help_text=gettext_lazy(
            "sitemap.xml of the old site (also .gz; of an index, its parts with it), a table with a column “url”, or lines."
        ),
    )
    pasted = forms.CharField(
        label=gettext_lazy("Addresses"),
        required=False,
        max_length=MAX_PASTED,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text=gettext_lazy("One per line."),
    )
    hosts = forms.CharField(
        label=gettext_lazy("Old hosts"),
        required=False,
        max_length=1000,
        help_text=gettext_lazy(
            "Of the list, where no source names them: old.example.jp. Addresses of other hosts are not asked for."
        ),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        names = [(str(pk), name) for pk, name in Source.objects.order_by("name").values_list("pk", "name")]
        self._offer("source", [("", "–"), *([(ALL_SOURCES, _("All sources"))] if len(names) > 1 else []), *names])
        keys = list(visible_runs(user).order_by("-pk").values_list("pk", flat=True)[:RECENT_RUNS])
        asked = str(self.data.get("run") or self.initial.get("run") or "")
        if asked.isascii() and asked.isdigit() and len(asked) < MAX_DIGITS:
            keys.append(int(asked))
        runs = visible_runs(user).filter(pk__in=keys).order_by("-pk")
        self._offer("run", [("", "–"), *((str(run.pk), str(run)) for run in runs)])

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        cast(forms.ChoiceField, self.fields[name]).choices = choices

    def clean_hosts(self) -> list[str]:
        hosts = []
        for text in self.cleaned_data["hosts"].replace(",", " ").replace("、", " ").split():
            host = host_of(text if "//" in text else f"//{text}")
            if not host:
                raise ValidationError(_("“%(host)s” is no host. Give one like old.example.jp.") % {"host": text[:80]})
            hosts.append(host)
        return hosts

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        given = [name for name in ("source", "run", "uploads", "pasted") if cleaned.get(name)]
        if not self.errors and len(given) != 1:
            raise ValidationError(_("Choose one list: a source, an import, files, or lines that you paste."))
        return cleaned

    def begin(self) -> ProofRun:
        """Keeps the chosen list. Raises RefusedFile where the files or lines are none."""
        chosen = self.cleaned_data
        if chosen["source"]:
            sources = Source.objects.order_by("pk")
            label = _("All sources")
            if chosen["source"] != ALL_SOURCES:
                sources = sources.filter(pk=chosen["source"])
                label = sources[0].name
            return begin_proof(self.user, label, (address for source in sources for address in addresses_of_source(source)))
        if chosen["run"]:
            run = visible_runs(self.user).get(pk=chosen["run"])
            return begin_proof(self.user, str(run), addresses_of_run(run))
        if chosen["uploads"]:
            files = [(file.name or "", file.read()) for file in chosen["uploads"]]
        else:
            files = [(_("Pasted lines"), chosen["pasted"].encode("utf-8", "replace"))]
        addresses, findings = collect(files)
        label = "、".join(name for name, _data in files)
        return begin_proof(self.user, label, addresses, findings=findings, hosts=chosen["hosts"])


def visible_runs(user: Any) -> QuerySet[ImportRun]:
    """The imports that the user may see: one's own, and everyone's for those who see everyone's posts."""
    return ImportRun.objects.all() if sees_others(user) else ImportRun.objects.filter(user=user.pk)


@admin.register(ProofRun)
class ProofRunAdmin(ReadOnlyAdmin):
    """Proofs: one's own, and everyone's for those who see everyone's posts."""

    list_display = ("label_line", "state_badge", "done_line", "user", "started_line")
    list_filter = ("state",)
    list_select_related = ("user",)
    search_fields = ("label",)
    change_list_template = "admin/articles/proofrun/list.html"

    class Media:
        js = ("js/proof.js",)

    # --- Who may

    def has_module_permission(self, request: HttpRequest) -> bool:
        return can_import(cast(User, request.user))

    def has_view_permission(self, request: HttpRequest, obj: ProofRun | None = None) -> bool:
        return can_import(cast(User, request.user))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return can_import(cast(User, request.user))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProofRun]:
        runs: QuerySet[ProofRun] = super().get_queryset(request)
        return runs if sees_others(cast(User, request.user)) else runs.filter(user=request.user.pk)

    def _open(self, request: HttpRequest, object_id: str) -> ProofRun:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return cast(ProofRun, self.get_object(request, object_id))

    # --- Pages

    def get_urls(self) -> list[Any]:
        steps: list[URLPattern] = [
            path("<path:object_id>/continue/", self.admin_site.admin_view(self.continue_view), name="articles_proofrun_continue"),
            path("<path:object_id>/report.csv", self.admin_site.admin_view(self.csv_view), name="articles_proofrun_csv"),
            path("<path:object_id>/report.json", self.admin_site.admin_view(self.json_view), name="articles_proofrun_json"),
            path("<path:object_id>/lead/", self.admin_site.admin_view(self.lead_view), name="articles_proofrun_lead"),
        ]
        return [*steps, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The choice of a list. Short ones are proved in this request."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        initial = {"source": request.GET.get("source", ""), "run": request.GET.get("run", "")}
        sent = (request.POST, request.FILES) if request.method == "POST" else (None, None)
        form = ProofForm(*sent, user=cast(User, request.user), initial=initial)
        if form.is_valid():
            try:
                run = form.begin()
            except RefusedFile as refused:
                form.add_error(None, refused.finding.localised())
            else:
                continue_proof(run.pk, seconds=SECONDS)
                return HttpResponseRedirect(_report_of(run))
        context = {**self._context(request), "title": _("Prove old addresses"), "form": form}
        return TemplateResponse(request, "admin/articles/proofrun/new.html", context)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The report: totals, and the addresses, of one outcome or of all."""
        run = self._open(request, object_id)
        if request.method == "POST":
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        outcome = request.GET.get("outcome", "")
        items = run.items.exclude(outcome="").select_related("candidate").order_by("pk")
        if outcome in ProofItem.Outcome.values:
            items = items.filter(outcome=outcome)
        page = CappedPaginator(items, ITEMS_PER_PAGE).get_page(request.GET.get("page"))
        counts = totals_of(run)
        may_lead = request.user.has_perm(ADD_REDIRECT)
        rows = list(_rows(page.object_list, request, may_lead=may_lead))
        context = {
            **self._context(request),
            "title": _("Proof of old addresses"),
            "subtitle": run.label,
            "run": run,
            "started": show_moment(run.started_at),
            "findings": read_findings(run.findings),
            "proved": sum(counts.get(name, 0) for name in PROVED),
            "asked": sum(counts.values()),
            "outcomes": [
                {"name": name, "label": label, "number": counts[name], "is_chosen": name == outcome}
                for name, label in ProofItem.Outcome.choices
                if counts.get(name)
            ],
            "outcome": outcome,
            "page": page,
            "rows": rows,
            "may_lead": may_lead and any(row["candidate"] for row in rows),
        }
        return TemplateResponse(request, "admin/articles/proofrun/report.html", context)

    def continue_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Goes on with a proof for a moment, and says how far it is."""
        run = self._open(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        run = continue_proof(run.pk, seconds=SECONDS)
        if "application/json" not in request.headers.get("Accept", ""):
            return HttpResponseRedirect(_report_of(run))
        said = _("%(done)d of %(total)d addresses") % {"done": run.done, "total": run.total}
        is_finished = run.state == ProofRun.State.FINISHED
        return JsonResponse({"done": run.done, "total": run.total, "said": said, "is_finished": is_finished})

    def csv_view(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        run = self._open(request, object_id)
        lines = write_csv(stored_proofs(run, _outcome_in(request)))
        return _download(lines, f"addresses-{run.pk}.csv", "text/csv; charset=utf-8")

    def json_view(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        run = self._open(request, object_id)
        about = {
            "proof": run.pk,
            "list": run.label,
            "user": run.user.get_username() if run.user else "",
            "started": timezone.localtime(run.started_at).isoformat(),
            "state": run.state,
            "total": run.total,
            "totals": totals_of(run),
            "findings": run.findings,
        }
        return _download(
            write_json(stored_proofs(run, _outcome_in(request)), about), f"addresses-{run.pk}.json", "application/json"
        )

    def lead_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Makes the redirects that were chosen, each bound to the post that the page showed; several only after a preview."""
        run = self._open(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm(ADD_REDIRECT):
            raise PermissionDenied
        if single := request.POST.get("single"):
            steps = self._chosen(request, run, [single])
        else:
            steps = self._chosen(request, run, request.POST.getlist("chosen"))
            if steps and "confirmed" not in request.POST:
                context = {**self._context(request), "title": _("Lead old addresses on"), "run": run, "subtitle": run.label}
                context |= {"steps": steps, "possible": sum(not step.refusal for step in steps)}
                return TemplateResponse(request, "admin/articles/proofrun/lead.html", context)
        taken = make_redirects(run, steps)
        self._tell(request, steps, taken)
        return HttpResponseRedirect(_report_of(run, request.POST.get("outcome", "")))

    def _chosen(self, request: HttpRequest, run: ProofRun, chosen: list[str]) -> list[Step]:
        """What would be made of ``item:post`` pairs; pairs that the report does not show any more are left out."""
        pairs = dict(_read_pair(text) for text in chosen[:MAX_STEPS])
        items = run.items.filter(pk__in=pairs).select_related("candidate").order_by("pk")
        visible = set(visible_posts(cast(User, request.user)).filter(pk__in=pairs.values()).values_list("pk", flat=True))
        return plan_redirects(item for item in items if pairs[item.pk] == item.candidate_id and item.candidate_id in visible)

    def _tell(self, request: HttpRequest, steps: list[Step], taken: list[Step]) -> None:
        if taken:
            template = ngettext("%(count)d redirect was made.", "%(count)d redirects were made.", len(taken))
            messages.success(request, template % {"count": len(taken)})
        for step in [step for step in steps if step.refusal][:10]:
            messages.warning(request, f"{step.path}: {step.refusal}")
        if not steps:
            messages.warning(request, _("Nothing was chosen that can be led on. Choose rows with a nearest post."))

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}

    # --- Columns

    @admin.display(description=gettext_lazy("list"), ordering="label")
    def label_line(self, run: ProofRun) -> SafeString:
        return isolate(run.label)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, run: ProofRun) -> SafeString:
        return show_badge(run.state, run.get_state_display())

    @admin.display(description=gettext_lazy("checked"))
    def done_line(self, run: ProofRun) -> str:
        return f"{run.done} / {run.total}"

    @admin.display(description=gettext_lazy("started"), ordering="started_at")
    def started_line(self, run: ProofRun) -> SafeString | str:
        return show_moment(run.started_at)


def _rows(items: Iterable[ProofItem], request: HttpRequest, *, may_lead: bool) -> Iterator[dict[str, Any]]:
    shown = list(items)
    keys = [item.candidate_id for item in shown if item.candidate_id]
    visible = set(visible_posts(cast(User, request.user)).filter(pk__in=keys).values_list("pk", flat=True)) if may_lead else set()
    for item in shown:
        post = (
            item.candidate if item.outcome == ProofItem.Outcome.MISSING and item.candidate and item.candidate.is_public else None
        )
        yield {
            "item": item,
            "address": show_address(item.address),
            "location": show_address(item.location),
            "badge": show_badge(item.outcome, item.get_outcome_display()),
            "post": post,
            "candidate": post if post and post.pk in visible else None,
            "pair": f"{item.pk}:{item.candidate_id}",
        }


def show_address(address: str) -> str:
    """The address as people read it: percent signs only where a character has no form that can be printed."""
    return "".join(char if char.isprintable() else quote(char, safe="") for char in uri_to_iri(address))


def _read_pair(text: str) -> tuple[int, int]:
    """An item and a post as ``12:34``; what is none names nothing."""
    item, _colon, post = text.partition(":")
    is_pair = item.isascii() and post.isascii() and item.isdigit() and post.isdigit() and len(text) < 40
    return (int(item), int(post)) if is_pair else (0, 0)


def _outcome_in(request: HttpRequest) -> str:
    outcome = request.GET.get("outcome", "")
    return outcome if outcome in ProofItem.Outcome.values else ""


def _report_of(run: ProofRun, outcome: str = "") -> str:
    address = reverse("admin:articles_proofrun_change", args=[run.pk])
    return f"{address}?outcome={outcome}#addresses" if outcome in ProofItem.Outcome.values else address


def _download(lines: Iterable[str], name: str, content_type: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
