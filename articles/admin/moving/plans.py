"""The second step: what an import would do, and everything that staff may change about it before it happens."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, F, QuerySet
from django.db.models.fields.json import KT
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, path
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from articles.admin.moving.listing import PER_PAGE, ItemFilter, list_items
from articles.admin.moving.runs import RunScreens, account, count_findings, is_own, run_url
from articles.editorial.permissions import sees_others
from articles.formats import DIALECTS
from articles.models import Author, Category, ImportItem, ImportRun, ImportTerm, Post, Series, Tag
from articles.models.taxonomy import term_identity
from articles.transfer.applying import start_apply
from articles.transfer.choices import MAPPABLE, ON_CONFLICT, BadChoice, Choices, join_category
from articles.transfer.planning import change_choices
from articles.transfer.runs import NotAllowed, State, TransferError

Kind = ImportTerm.Kind
KEYS = "key"
OFFERED = 500
"""How many names a list of suggestions holds."""
SHOWN = 50
ENCODINGS = (("cp932", "CP932（Windows-31J）"), ("euc_jp", "EUC-JP"), ("iso2022_jp", "ISO-2022-JP"), ("latin-1", "Latin-1"))
CONFLICT_LABELS = {
    "merge": gettext_lazy("Bring both changes together; ask where they meet"),
    "keep": gettext_lazy("Keep them and report a conflict"),
    "replace": gettext_lazy("Replace them by the file"),
}
FIELD_LABELS = {
    "title": gettext_lazy("title"),
    "slug": gettext_lazy("last part of the address"),
    "path": gettext_lazy("address"),
    "published_at": gettext_lazy("published"),
    "updated_at": gettext_lazy("updated"),
    "expires_at": gettext_lazy("expires"),
    "language": gettext_lazy("language"),
    "description": gettext_lazy("description"),
    "custom_excerpt": gettext_lazy("excerpt"),
    "canonical_url": gettext_lazy("canonical address"),
    "noindex": gettext_lazy("kept out of search engines"),
    "authors": gettext_lazy("by-lines"),
    "categories": gettext_lazy("categories"),
    "tags": gettext_lazy("tags"),
    "series": gettext_lazy("series"),
    "cover_target": gettext_lazy("cover"),
    "cover_alt": gettext_lazy("cover's alternative text"),
    "cover_caption": gettext_lazy("cover's caption"),
}


class ChoicesForm(forms.Form):
    """How the archive is read. Empty means: as found."""

    source_name = forms.CharField(
        label=gettext_lazy("Source"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("The site the files come from. The same name again updates the same posts."),
    )
    dialect = forms.ChoiceField(label=gettext_lazy("Dialect"), required=False)
    timezone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        required=False,
        help_text=gettext_lazy("For dates that name none, where the site's configuration does not either."),
    )
    language = forms.CharField(
        label=gettext_lazy("Language"), required=False, max_length=35, help_text=gettext_lazy("Such as ja or en.")
    )
    encoding = forms.ChoiceField(
        label=gettext_lazy("Encoding"), required=False, help_text=gettext_lazy("Of files that are not Unicode.")
    )
    default_author = forms.CharField(label=gettext_lazy("By-line where a file names none"), required=False, max_length=200)
    on_conflict = forms.ChoiceField(
        label=gettext_lazy("Posts that people changed here since the last import"), widget=forms.RadioSelect
    )
    withdraw_missing = forms.BooleanField(
        label=gettext_lazy("Withdraw public posts whose files are gone"),
        required=False,
        help_text=gettext_lazy("Otherwise they stay as they are, and are listed."),
    )

    def __init__(self, *args: Any, run: ImportRun, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = _found(run)
        self.fields["source_name"].widget.attrs["placeholder"] = found["name"]
        self.fields["language"].widget.attrs["placeholder"] = found["language"]
        self.fields["default_author"].widget.attrs["list"] = "known-authors"
        self._offer("dialect", [("", _as_found(found["dialect"])), *((name, name) for name in DIALECTS)])
        zones = sorted(zoneinfo.available_timezones())
        self._offer("timezone", [("", _as_found(found["timezone"])), *((zone, zone) for zone in zones)])
        chosen = Choices.from_json(run.choices).encoding
        encodings = [*ENCODINGS, *([(chosen, chosen)] if chosen and chosen not in dict(ENCODINGS) else [])]
        self._offer("encoding", [("", _as_found(found["encoding"])), *encodings])
        may_replace = sees_others(user)
        self._offer(
            "on_conflict",
            [(way, str(CONFLICT_LABELS[way])) for way in ON_CONFLICT if way != "replace" or may_replace],
        )

    def _offer(self, name: str, choices: Iterable[tuple[str, str]]) -> None:
        cast(forms.ChoiceField, self.fields[name]).choices = list(choices)


def _found(run: ImportRun) -> dict[str, str]:
    """What the plan found for each choice; of several sites all that differ."""
    return {
        name: "、".join(dict.fromkeys(str(site[name]) for site in run.sites if site.get(name)))
        for name in ("name", "dialect", "timezone", "language", "encoding")
    }


def _as_found(value: str) -> str:
    return _("As found: %(value)s") % {"value": value} if value else _("As found")


class PlanScreens(RunScreens):
    """The addresses of the plan. Part of the admin of runs."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:object_id>/choices/", view(self.choices_view), name="articles_importrun_choices"),
            path("<int:object_id>/leave-out/", view(self.leave_out_view), name="articles_importrun_leave_out"),
            path("<int:object_id>/terms/", view(self.terms_view), name="articles_importrun_terms"),
            path("<int:object_id>/apply/", view(self.apply_view), name="articles_importrun_apply"),
            *super().get_urls(),
        ]

    def show_plan(self, request: HttpRequest, run: ImportRun, form: ChoicesForm | None = None) -> HttpResponse:
        """The plan: what would happen in one sentence, what to look at, how it is read, and every file."""
        if form is None:
            initial = {name: getattr(Choices.from_json(run.choices), name) for name in ChoicesForm.base_fields}
            form = ChoicesForm(run=run, user=request.user, initial=initial)
        chosen = ItemFilter.read(request.GET)
        context = {
            "form": form,
            "sentence": describe_plan(run),
            "sites": run.sites,
            "findings": count_findings(run),
            "look": list_remarks(run),
            "template_code": list(run.plan.get("template_code", {}).items())[:SHOWN],
            "missing_images": list(run.plan.get("missing_images", {}).items())[:SHOWN],
            "authors": Author.objects.order_by("name").values_list("name", flat=True)[:OFFERED],
            "seen": run.planned_at.isoformat() if run.planned_at else "",
            "may_apply": is_own(run, request.user) and _counts(run)["written"] > 0,
            **list_items(run, chosen, request.GET.get("page"), request.user),
        }
        return self.render_run(request, run, "plan.html", context)

    def choices_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Stores how the archive is to be read, and plans again what that touches."""
        run = self._find_changeable(request, object_id)
        if isinstance(run, HttpResponse):
            return run
        form = ChoicesForm(request.POST, run=run, user=request.user)
        if not form.is_valid():
            return self.show_plan(request, run, form)
        return self._change(request, run, lambda: form.cleaned_data)

    def leave_out_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Leaves files out, or takes them in again: those that were ticked, a folder, or all that the filter shows."""
        run = self._find_changeable(request, object_id)
        if isinstance(run, HttpResponse):
            return run
        chosen = ItemFilter.read(request.POST)
        paths = set(self._meant(run, request.POST, chosen).values_list("path", flat=True))
        if not paths:
            messages.warning(request, _("No file was chosen."))
            return HttpResponseRedirect(run_url(run, query=chosen.as_query()))
        excluded = set(Choices.from_json(run.choices).excluded)
        excluded = excluded - paths if request.POST.get("do", "").startswith("include") else excluded | paths
        return self._change(request, run, lambda: {"excluded": sorted(excluded)}, chosen.as_query())

    def _meant(self, run: ImportRun, form: QueryDict, chosen: ItemFilter) -> QuerySet[ImportItem]:
        items = run.items.all()
        scope = form.get("do", "").partition("-")[2]
        if scope == "filter":
            return chosen.apply(items)
        if scope == "folder":
            folder = form.get("in", "").replace("\x00", "").rstrip("/")
            return items.filter(path__startswith=f"{folder}/") if folder else items.none()
        return items.filter(pk__in=read_keys(form.getlist("item")))

    def terms_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Terms, by-lines and keys that the archive names: merged, mapped, or left as they are."""
        if request.method in ("GET", "HEAD"):
            run = self.find_run(request, object_id)
            if run.state != State.PLANNED:
                return HttpResponseRedirect(run_url(run))
            return self._show_terms(request, run)
        found = self._find_changeable(request, object_id)
        if isinstance(found, HttpResponse):
            return found
        kind = _read_kind(request.POST)
        query = _terms_query(request.POST)
        return self._change(request, found, lambda: read_decisions(found, kind, request.POST), query, "terms")

    def _show_terms(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        kind = _read_kind(request.GET)
        only = request.GET.get("only", "")
        context: dict[str, Any] = {
            "kind": kind,
            "only": only if only in ("new", "proposed") else "",
            "tabs": _list_tabs(run, kind),
            "seen": run.planned_at.isoformat() if run.planned_at else "",
            "query": _terms_query(request.GET),
        }
        if kind == KEYS:
            context |= {"keys": _list_keys(run), "fields": [(name, FIELD_LABELS[name]) for name in MAPPABLE]}
        else:
            context |= _list_terms(run, kind, context["only"], request.GET.get("page"), request.user)
        return self.render_run(request, run, "terms.html", context)

    def apply_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Says in one sentence what will happen, and lets it happen."""
        if request.method in ("GET", "HEAD"):
            run = self.find_run(request, object_id)
            if run.state != State.PLANNED:
                return HttpResponseRedirect(run_url(run))
            context = {
                "sentence": describe_plan(run),
                "details": list_details(run),
                "look": list_remarks(run),
                "seen": run.planned_at.isoformat() if run.planned_at else "",
                "may_apply": is_own(run, request.user) and _counts(run)["written"] > 0,
            }
            return self.render_run(request, run, "apply.html", context)
        found = self._find_changeable(request, object_id)
        if isinstance(found, HttpResponse):
            return found
        try:
            start_apply(found, account(request), planned_at=found.planned_at)
        except NotAllowed as refused:
            raise PermissionDenied(str(refused)) from refused
        except TransferError as refused:
            messages.error(request, str(refused))
        return HttpResponseRedirect(run_url(found))

    # --- changes, all by one way

    def _find_changeable(self, request: HttpRequest, object_id: int) -> ImportRun | HttpResponse:
        """The run whose plan the user may change and has seen as it is now; else the answer that says why not."""
        run = self.find_run(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not is_own(run, request.user):
            raise PermissionDenied
        seen = parse_moment(request.POST.get("seen", ""))
        if run.state != State.PLANNED or seen != run.planned_at:
            messages.warning(request, _("The plan is another one by now. Look at it again, then decide."))
            return HttpResponseRedirect(run_url(run))
        return run

    def _change(
        self, request: HttpRequest, run: ImportRun, decide: Callable[[], Mapping[str, Any]], query: str = "", back: str = "change"
    ) -> HttpResponse:
        """Stores what ``decide`` gives, and leads back; the run's page shows the progress where it is planned again."""
        try:
            changed = change_choices(run, account(request), **decide())
        except NotAllowed as refused:
            raise PermissionDenied(str(refused)) from refused
        except (TransferError, BadChoice) as refused:
            messages.error(request, str(refused))
        else:
            if changed.state == State.PLANNED:
                messages.success(request, _("Noted. The plan is up to date."))
            else:
                return HttpResponseRedirect(run_url(run))
        return HttpResponseRedirect(run_url(run, back, query))


def read_keys(texts: Iterable[str]) -> list[int]:
    """Keys of rows as a form sends them; a database raises for what can be none."""
    return [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19]


def parse_moment(text: str) -> Any:
    """A moment as a hidden field has it; ``None`` for anything else."""
    try:
        return parse_datetime(text)
    except ValueError:
        return None


# --- What a plan says ------------------------------------------------------------------------------------------------


def _counts(run: ImportRun) -> dict[str, int]:
    counts = {name: int(run.totals.get(name, 0)) for name in (*ImportItem.Verdict.values, "excluded")}
    return {**counts, "written": counts["create"] + counts["update"] + counts["withdraw"]}


def describe_plan(run: ImportRun) -> str:
    """What will happen, in one sentence with numbers."""
    counts = _counts(run)
    parts = [
        (counts["create"], ngettext("%(count)d new post is made", "%(count)d new posts are made", counts["create"])),
        (counts["update"], ngettext("%(count)d post is changed", "%(count)d posts are changed", counts["update"])),
        (counts["withdraw"], ngettext("%(count)d post is withdrawn", "%(count)d posts are withdrawn", counts["withdraw"])),
    ]
    said = [text % {"count": count} for count, text in parts if count]
    if not said:
        return _("Nothing is written: no file is new or changed.")
    left = counts["unchanged"] + counts["conflict"] + counts["refused"] + counts["excluded"]
    if left:
        said.append(ngettext("%(count)d file is left as it is", "%(count)d files are left as they are", left) % {"count": left})
    return _("%(what)s.") % {"what": _(", ").join(said)}


def list_details(run: ImportRun) -> list[dict[str, Any]]:
    """The numbers behind the sentence, for the page that asks for confirmation."""
    written = run.items.filter(excluded=False, verdict__in=("create", "update"))
    states = dict(
        written.exclude(mapped=None)
        .annotate(state=KT("mapped__state"))
        .values_list("state")
        .annotate(number=Count("pk"))
        .order_by()
    )
    new = run.terms.filter(existing=None, choice="").values("kind").annotate(number=Count("pk")).order_by("kind")
    rows = [{"label": label, "number": states[name]} for name, label in Post.State.choices if states.get(name)]
    rows += [{"label": _("new: %(kind)s") % {"kind": Kind(entry["kind"]).label}, "number": entry["number"]} for entry in new]
    attachments = sum(int(site.get("attachments", 0)) for site in run.sites)
    if attachments:
        rows.append({"label": _("pictures and other files"), "number": attachments})
    return rows


def list_remarks(run: ImportRun) -> list[dict[str, Any]]:
    """What deserves a look before the import, each with where to look."""
    counts, plan = _counts(run), run.plan
    proposals = run.terms.exclude(proposal="").filter(choice="").count()
    new_terms = run.terms.filter(existing=None).count()
    entries = [
        (counts["conflict"], _("conflicts"), run_url(run, query="verdict=conflict")),
        (counts["refused"], _("files that cannot be read"), run_url(run, query="verdict=refused")),
        (
            plan.get("collisions", 0),
            _("files that ask for a taken address"),
            run_url(run, query="code=permalink-collision"),
        ),
        (plan.get("missing_images_total", 0), _("pictures that are not in the archive"), "#missing-images"),
        (sum(plan.get("template_code", {}).values()), _("pieces of template code that are shown as text"), "#template-code"),
        (counts["missing"] + counts["withdraw"], _("posts whose files are gone"), run_url(run, query="verdict=missing")),
        (proposals, _("spellings that may be one term"), run_url(run, "terms", "only=proposed")),
        (new_terms, _("terms and by-lines that will be made"), run_url(run, "terms", "only=new")),
    ]
    return [{"number": number, "label": label, "address": address} for number, label, address in entries if number]


# --- Terms, by-lines, keys -------------------------------------------------------------------------------------------


def _read_kind(values: QueryDict) -> str:
    kind = values.get("kind", Kind.TAG)
    return kind if kind in (*Kind.values, KEYS) else str(Kind.TAG)


def _terms_query(values: QueryDict) -> str:
    query = {"kind": _read_kind(values)}
    if values.get("only") in ("new", "proposed"):
        query["only"] = str(values["only"])
    if read_keys([values.get("page", "")]):
        query["page"] = str(values["page"])
    return urlencode(query)


def _list_tabs(run: ImportRun, kind: str) -> list[dict[str, Any]]:
    counts = dict(run.terms.values_list("kind").annotate(number=Count("pk")).order_by())
    tabs = [{"name": name, "label": label, "number": counts.get(name, 0)} for name, label in Kind.choices]
    tabs.append({"name": KEYS, "label": _("keys of the front matter"), "number": len(run.plan.get("keys", {}))})
    return [{**tab, "is_chosen": tab["name"] == kind} for tab in tabs]


def _list_terms(run: ImportRun, kind: str, only: str, number: str | None, user: Any) -> dict[str, Any]:
    terms = run.terms.filter(kind=kind)
    open_proposals = terms.exclude(proposal="").filter(choice="").count()
    if only == "new":
        terms = terms.filter(existing=None)
    elif only == "proposed":
        terms = terms.exclude(proposal="")
    page = Paginator(terms.order_by(F("existing").asc(nulls_first=True), "-posts", "name", "pk"), PER_PAGE).get_page(number)
    targets = _author_targets(run) if kind == Kind.AUTHOR else {}
    return {
        "page": page,
        "rows": [
            {
                "term": term,
                "other": [spelling for spelling in term.spellings if spelling != term.name],
                "target": targets.get(term.identity, term.choice),
                "is_accepted": bool(term.proposal and term.choice == term.proposal),
            }
            for term in page.object_list
        ],
        "open_proposals": open_proposals,
        "known": _known_names(kind, user),
        "is_author": kind == Kind.AUTHOR,
    }


def _known_names(kind: str, user: Any) -> list[str]:
    """What may be typed as the target of a term, as suggestions."""
    if kind == Kind.CATEGORY:
        rows = Category.objects.select_related("parent__parent__parent").order_by("position", "name")[:OFFERED]
        return sorted(join_category(_category_names(row)) for row in rows)
    model: Any = {Kind.TAG: Tag, Kind.SERIES: Series, Kind.AUTHOR: Author}[Kind(kind)]
    names = list(model.objects.order_by("name").values_list("name", flat=True)[:OFFERED])
    if kind == Kind.AUTHOR and user.has_perm("articles.change_author"):
        accounts = User.objects.filter(is_active=True, is_staff=True).order_by("username")[:OFFERED]
        names += [f"@{account.get_username()}" for account in accounts]
    return names


def _category_names(category: Category) -> list[str]:
    names: list[str] = []
    row: Category | None = category
    while row is not None and len(names) < 6:
        names.insert(0, row.name)
        row = row.parent
    return names


def _author_targets(run: ImportRun) -> dict[str, str]:
    """Identity of a by-line → what would be typed for its target."""
    choices = Choices.from_json(run.choices)
    keys = {name: {target.get(name, 0) for target in choices.authors.values()} for name in ("author", "user")}
    authors = dict(Author.objects.filter(pk__in=keys["author"]).values_list("pk", "name"))
    accounts = dict(User.objects.filter(pk__in=keys["user"]).values_list("pk", "username"))
    targets = {}
    for identity, target in choices.authors.items():
        account = accounts.get(target.get("user", 0))
        targets[identity] = f"@{account}" if account else authors.get(target.get("author", 0), "")
    return {**choices.terms.get(Kind.AUTHOR, {}), **targets}


def _list_keys(run: ImportRun) -> list[dict[str, Any]]:
    """Keys that stand for no field, the commonest first, with what they are read as."""
    chosen = Choices.from_json(run.choices).fields
    counts: dict[str, int] = dict(run.plan.get("keys", {}))
    # A key that is mapped is no unknown one any more.
    names = [*chosen, *(name for name in counts if name not in chosen)]
    return [{"name": name, "number": counts.get(name, 0), "field": chosen.get(name, "")} for name in names]


def read_decisions(run: ImportRun, kind: str, form: QueryDict) -> dict[str, Any]:
    """What staff decided on the page of one kind, as changes of choices. Raises BadChoice for a by-line that is nobody's."""
    choices = Choices.from_json(run.choices)
    if kind == KEYS:
        return {"fields": _read_fields(run, choices, form)}
    if form.get("act") == "accept-all":
        rows = list(run.terms.filter(kind=kind, choice="").exclude(proposal=""))
        decided = {row.identity: row.proposal for row in rows}
    else:
        rows = list(run.terms.filter(kind=kind, pk__in=read_keys(form.getlist("term"))[:PER_PAGE]))
        decided = {row.identity: _read_target(row, form) for row in rows}
    if kind == Kind.AUTHOR:
        return _decide_authors(choices, decided)
    return {"terms": {**choices.terms, kind: _merge_targets(choices.terms.get(kind, {}), decided)}}


def _read_target(row: ImportTerm, form: QueryDict) -> str:
    typed = form.get(f"to-{row.pk}", "").replace("\x00", "").strip()
    if typed:
        return typed
    return row.proposal if form.get(f"accept-{row.pk}") else ""


def _merge_targets(known: Mapping[str, str], decided: Mapping[str, str]) -> dict[str, str]:
    """Known targets with those decided now; a term that is to be itself has none."""
    merged = {**known, **decided}
    return {identity: name for identity, name in merged.items() if name and term_identity(name) != identity}


def _decide_authors(choices: Choices, decided: Mapping[str, str]) -> dict[str, Any]:
    """By-lines: ``@name`` is an account, a name that is there its by-line, any other one a new name."""
    accounts = {name[1:] for name in decided.values() if name.startswith("@")}
    users = dict(User.objects.filter(username__in=accounts, is_active=True).values_list("username", "pk"))
    rows = Author.objects.filter(identity__in={term_identity(name) for name in decided.values() if name})
    authors = {row.identity: row.pk for row in rows}
    chosen: dict[str, Any] = {name: target for name, target in choices.authors.items() if name not in decided}
    names: dict[str, str] = {name: target for name, target in choices.terms.get(Kind.AUTHOR, {}).items() if name not in decided}
    for identity, target in decided.items():
        if target.startswith("@"):
            if target[1:] not in users:
                raise BadChoice(_("There is no account “%(name)s”. Choose one of the list.") % {"name": target[1:80]})
            chosen[identity] = {"user": users[target[1:]]}
        elif target and term_identity(target) in authors and term_identity(target) != identity:
            chosen[identity] = {"author": authors[term_identity(target)]}
        elif target and term_identity(target) != identity:
            names[identity] = target
    return {"authors": chosen, "terms": {**choices.terms, Kind.AUTHOR: names}}


def _read_fields(run: ImportRun, choices: Choices, form: QueryDict) -> dict[str, str]:
    fields = dict(choices.fields)
    offered = [entry["name"] for entry in _list_keys(run)]
    for place, name in enumerate(offered):
        if (field := form.get(f"field-{place}")) is None or form.get(f"key-{place}") != name:
            continue
        fields[name] = field
    return {name: field for name, field in fields.items() if field}
