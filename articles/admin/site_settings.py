"""The settings of the site at the desk: one form, without a list. Saving makes a new version; none is lost.

Everything works by sending the form: the buttons that move a link give the page back with the link moved and nothing saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.admin.base import CappedPaginator, ReadOnlyAdmin, is_key, show_moment
from articles.colours import DEFAULTS, is_colour
from articles.editorial.permalinks import BadAddress, check_pattern, fill_pattern
from articles.editorial.permissions import can_set_up
from articles.editorial.settings import (
    FIELDS,
    MAX_LINKS,
    Change,
    Draft,
    Faults,
    Row,
    bring_together,
    explain_absences,
    find_changes,
    find_faults,
    list_versions,
    newest,
    read_draft,
    save_settings,
)
from articles.editorial.workflow import ChangedMeanwhile, EditorialError
from articles.mail import one_line
from articles.models import Category, Post, SiteLink, SiteSettings, Tag
from articles.site_settings import PAGE_SIZE, PERMALINK

VERSIONS_PER_PAGE = 10
SUGGESTED = 60
BLANK_ROWS = 2
#: What a form may bring; more than can be saved, so that whoever typed too many is told and loses none.
MAX_ROWS = 60
MAX_TYPED = 2000
SAVE = "save"
_COLOURS = ("accent_light", "accent_dark", "paper_light", "paper_dark")

#: The parts of the form: its heading, what it is for, the fields, the place of its links.
PARTS: tuple[tuple[str, Any, Any, tuple[str, ...], str], ...] = (
    (
        "name",
        gettext_lazy("Name and masthead"),
        gettext_lazy("What is empty is as the server’s configuration has it."),
        ("name", "description", "logo", "logo_dark"),
        "",
    ),
    (
        "navigation",
        gettext_lazy("Navigation"),
        gettext_lazy("The line below the masthead. Without any link, the sections stand there."),
        (),
        "navigation",
    ),
    (
        "footer",
        gettext_lazy("Foot of the page"),
        gettext_lazy("Without any link, the front page, the archive, the tags, the search and the feeds stand there."),
        ("footer_text", "copyright"),
        "footer",
    ),
    (
        "social",
        gettext_lazy("Accounts elsewhere"),
        gettext_lazy("They stand in the foot, and search engines are told that they are the site’s."),
        (),
        "social",
    ),
    (
        "colours",
        gettext_lazy("Colours"),
        gettext_lazy("As # and six digits. Text has to stay readable: what falls short of 4.5 : 1 is not saved."),
        _COLOURS,
        "",
    ),
    ("lists", gettext_lazy("Addresses and lists"), "", ("permalink", "posts_per_page"), ""),
    (
        "advertising",
        gettext_lazy("Advertising labels"),
        gettext_lazy("They stand on what holds links that were paid for."),
        ("advertising_label", "advertising_label_short"),
        "",
    ),
    (
        "analytics",
        gettext_lazy("Counting visits"),
        gettext_lazy(
            "Off, no reader’s browser asks another server for anything. On, every page loads a script from the address below: "
            "whoever runs that server learns of each visit the reader’s IP address, browser, page and where they came from, and "
            "the script may send more. Say so in your privacy policy, and ask for consent where the law demands it."
        ),
        ("has_analytics", "analytics_script", "analytics_domain"),
        "",
    ),
)


class SettingsForm(forms.ModelForm):
    """The fields of one version; what they may say is :func:`articles.editorial.settings.find_faults`'s."""

    class Meta:
        model = SiteSettings
        fields = FIELDS
        widgets = {"footer_text": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        placeholders = {
            "name": settings.SITE_NAME,
            "description": settings.SITE_DESCRIPTION,
            "permalink": PERMALINK,
            "posts_per_page": PAGE_SIZE,
            "analytics_script": "https://stats.example.jp/script.js",
            "analytics_domain": settings.SITE_URL.partition("://")[2],
            "advertising_label": _("Contains advertising links"),
            "advertising_label_short": _("Advertising links"),
            "copyright": "© 2026 …",
            **{f"{part}_{scheme}": getattr(DEFAULTS[scheme], part) for part in ("accent", "paper") for scheme in DEFAULTS},
        }
        for name, text in placeholders.items():
            self.fields[name].widget.attrs["placeholder"] = text
        helps = {
            "logo": _("A picture of the library, shown in the place of the name and read aloud as the name."),
            "logo_dark": _("Shown in its place on dark screens. Empty: the same."),
            "footer_text": _("Plain text. Lines stay as you type them."),
            "permalink": _(
                "{year}, {month}, {day} and {slug}, such as /{year}/{month}/{slug}/. Only posts that have no address yet "
                "follow it: those that have one keep it, drafts too."
            ),
            "posts_per_page": _("From 5 to 100. Feeds and the search have their own number."),
            "analytics_domain": _("What the script is told as data-domain. Empty: nothing."),
            "advertising_label_short": _("Empty: as on an article."),
        }
        for name, text in helps.items():
            self.fields[name].help_text = text

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        for name, value in values.items():
            if isinstance(value, str):
                values[name] = "\n".join(map(one_line, value.splitlines())) if name == "footer_text" else one_line(value)
        for name in _COLOURS:
            values[name] = _spell_colour(values.get(name, ""))
        return values


def _spell_colour(text: str) -> str:
    """``B32`` and ``#BB3322`` as ``#bb3322``; anything else as it is, to be refused with the remedy."""
    digits = text.lower().removeprefix("#")
    colour = "#" + ("".join(digit * 2 for digit in digits) if len(digits) == 3 else digits)
    return colour if digits and is_colour(colour) else text


@dataclass(slots=True)
class Screen:
    """What the page shows: the form, the links, the version that it has seen, and what is to be said."""

    form: SettingsForm
    links: dict[str, list[Row]]
    seen: int
    faults: Faults = field(default_factory=Faults)
    opened: SiteSettings | None = None
    refusal: str = ""
    theirs: list[Change] = field(default_factory=list)
    both: frozenset[str] = frozenset()
    said: str = ""
    focus: str = ""


@admin.register(SiteSettings)
class SiteSettingsAdmin(ReadOnlyAdmin):
    """One screen in place of a list and a form. Versions are never changed; saving makes a new one."""

    autocomplete_fields = ("logo", "logo_dark")

    # --- Who may ---

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        """For the first page: whoever sees the screen changes by it, though no version ever changes."""
        may = can_set_up(cast(User, request.user))
        return {"add": False, "change": may, "delete": False, "view": may}

    def has_module_permission(self, request: HttpRequest) -> bool:
        return can_set_up(cast(User, request.user))

    def has_view_permission(self, request: HttpRequest, obj: SiteSettings | None = None) -> bool:
        return can_set_up(cast(User, request.user))

    def _demand_right(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    # --- Addresses ---

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The form. ``?version=`` fills it with that version; without, it holds what readers see now."""
        self._demand_right(request)
        if request.method == "POST":
            return self._work(request)
        asked = request.GET.get("version", "")
        known = newest()
        version = self._find_version(asked) if asked else known
        draft = read_draft(version)
        screen = Screen(
            form=self._form(request, initial=_as_data(draft)),
            links={place: list(rows) for place, rows in draft.links.items()},
            seen=known.number if known else 0,
            opened=version if version and known and version.pk != known.pk else None,
        )
        return self._show(request, screen)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A version, opened in the form."""
        self._demand_right(request)
        version = self.get_object(request, object_id)
        if request.method == "POST":
            raise PermissionDenied
        return HttpResponseRedirect(f"{_screen_url()}?version={version.number}")

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """A version never changes: the list of all of them is the history."""
        self._demand_right(request)
        self.get_object(request, object_id)
        return HttpResponseRedirect(f"{_screen_url()}#versions")

    # --- What a sent form does ---

    def _work(self, request: HttpRequest) -> HttpResponse:
        act, seen = request.POST.get("act", ""), request.POST.get("seen", "")
        screen = Screen(form=self._form(request, request.POST), links=_read_rows(request), seen=int(seen) if is_key(seen) else 0)
        if act.partition(":")[0] in ("up", "down", "remove"):
            _move(screen, act)
            return self._show(request, screen)
        is_valid = screen.form.is_valid()
        draft = Draft({name: screen.form.cleaned_data.get(name) for name in FIELDS}, screen.links)
        if is_valid:
            screen.faults = find_faults(draft)
        if not is_valid or screen.faults:
            _tell_faults(screen)
            return self._show(request, screen)
        if act != SAVE:
            screen.said = _("Everything here can be saved. Nothing is saved yet.")
            return self._show(request, screen)
        return self._save(request, screen, draft)

    def _save(self, request: HttpRequest, screen: Screen, draft: Draft) -> HttpResponse:
        try:
            version = save_settings(cast(User, request.user), draft, seen=screen.seen)
        except ChangedMeanwhile as error:
            return self._show(request, self._bring_together(request, screen, draft, str(error)))
        except EditorialError as error:
            screen.refusal = str(error)
            return self._show(request, screen)
        if version is None:
            messages.info(request, _("Nothing differs from what readers see: nothing was saved."))
        else:
            self.log_addition(request, version, [{"added": {}}])
            messages.success(request, _("No. %(number)d is saved. Readers see it now.") % {"number": version.number})
        return HttpResponseRedirect(_screen_url())

    def _bring_together(self, request: HttpRequest, screen: Screen, ours: Draft, refusal: str) -> Screen:
        """The form with what only others changed taken over; what is sent next has seen their version."""
        known = newest()
        base = read_draft(list_versions().filter(number=screen.seen).first())
        theirs = read_draft(known)
        merged = bring_together(base, ours, theirs)
        their_changes = find_changes(base, theirs)
        ours_changed = {change.name for change in find_changes(base, ours)}
        return Screen(
            form=self._form(request, _as_data(merged)),
            links={place: list(rows) for place, rows in merged.links.items()},
            seen=known.number if known else 0,
            refusal=refusal,
            theirs=their_changes,
            both=frozenset(change.name for change in their_changes if change.name in ours_changed),
        )

    # --- The page ---

    def _form(self, request: HttpRequest, data: Any = None, initial: Any = None) -> SettingsForm:
        form = SettingsForm(data, initial=initial, label_suffix="")
        for name in self.autocomplete_fields:
            column = cast(Any, SiteSettings._meta.get_field(name))
            made = cast(Any, self.formfield_for_foreignkey(column, request))
            made.label, made.help_text = form.fields[name].label, form.fields[name].help_text
            form.fields[name] = made
        return form

    def _show(self, request: HttpRequest, screen: Screen) -> HttpResponse:
        absences = explain_absences(screen.links)
        page = CappedPaginator(list_versions(), VERSIONS_PER_PAGE).get_page(request.GET.get("page"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": capfirst(self.opts.verbose_name),
            "media": self.media + screen.form.media,
            "screen": screen,
            "parts": [_part(screen, absences, *part) for part in PARTS],
            "errors": _list_errors(screen),
            "example": _example(screen.form["permalink"].value() or PERMALINK),
            "samples": _samples(screen.form),
            "suggestions": _suggest(),
            "page": page,
            "versions": _describe_versions(list(page)),
        }
        return TemplateResponse(request, "admin/articles/sitesettings/screen.html", context)

    def _find_version(self, number: str) -> SiteSettings:
        version = list_versions().filter(number=int(number)).first() if is_key(number) else None
        if version is None:
            raise Http404(_("There is no such version of the settings."))
        return version


def _screen_url() -> str:
    return reverse("admin:articles_sitesettings_changelist")


# --- Links ----------------------------------------------------------------------------------------------------------


def _read_rows(request: HttpRequest) -> dict[str, list[Row]]:
    """The links that a form names, in its order, without the empty ones."""
    rows: dict[str, list[Row]] = {}
    for place in MAX_LINKS:
        labels = request.POST.getlist(f"{place}-label")[:MAX_ROWS]
        targets = request.POST.getlist(f"{place}-target")[:MAX_ROWS]
        typed = [
            Row(one_line(label[:MAX_TYPED]), one_line(target[:MAX_TYPED])) for label, target in zip(labels, targets, strict=False)
        ]
        rows[place] = [row for row in typed if row.label or row.target]
    return rows


def _move(screen: Screen, act: str) -> None:
    """What a button says: ``up``, ``down`` or ``remove``, with ``:navigation:2``; others change nothing."""
    name, _colon, rest = act.partition(":")
    place, _colon, number = rest.partition(":")
    rows = screen.links.get(place, [])
    if not is_key(number) or int(number) >= len(rows):
        return
    at = int(number)
    row = rows.pop(at)
    said = {"up": _("Moved up: %(label)s"), "down": _("Moved down: %(label)s"), "remove": _("Taken out: %(label)s")}
    screen.said = said[name] % {"label": row.label or row.target}
    if name == "remove":
        screen.focus = f"remove:{place}:{min(at, len(rows) - 1)}" if rows else f"{place}-label"
        return
    to = max(0, min(len(rows), at + (-1 if name == "up" else 1)))
    rows.insert(to, row)
    # At either end one of the two buttons is off.
    other = "down" if to == 0 else "up" if to == len(rows) - 1 else name
    screen.focus = f"{other}:{place}:{to}"


def _show_rows(screen: Screen, place: str, absences: Mapping[tuple[str, int], str]) -> list[dict[str, Any]]:
    rows = screen.links[place]
    shown = [
        {
            "number": number,
            "label": row.label,
            "target": row.target,
            "error": screen.faults.links.get((place, number), ""),
            "is_label_wrong": (place, number) in screen.faults.labels,
            "absence": absences.get((place, number), ""),
            "is_first": number == 0,
            "is_last": number == len(rows) - 1,
        }
        for number, row in enumerate(rows)
    ]
    blank = {"label": "", "target": "", "is_blank": True}
    return [*shown, *({**blank, "number": len(rows) + number} for number in range(BLANK_ROWS))]


def _suggest() -> list[tuple[str, str]]:
    """Addresses of this site that a link may lead to, with what stands there."""
    categories = Category.objects.only("name", "full_slug")[:SUGGESTED]
    pages = Post.objects.published().filter(kind=Post.Kind.PAGE).order_by("path").only("title", "path")[:SUGGESTED]
    tags = Tag.objects.only("name", "slug")[:SUGGESTED]
    known = [(category.get_absolute_url(), f"{category.name} – {_('category')}") for category in categories]
    known += [(post.get_absolute_url(), f"{post.title} – {_('standing page')}") for post in pages]
    known += [(tag.get_absolute_url(), f"{tag.name} – {_('tag')}") for tag in tags]
    return [*known, (reverse("articles:search"), _("Search")), (reverse("articles:feeds"), _("Subscribe"))]


# --- What is said ---------------------------------------------------------------------------------------------------


def _part(
    screen: Screen,
    absences: Mapping[tuple[str, int], str],
    name: str,
    heading: Any,
    words: Any,
    fields: tuple[str, ...],
    place: str,
) -> dict[str, Any]:
    return {
        "name": name,
        "heading": heading,
        "words": words,
        "fields": [screen.form[entry] for entry in fields],
        "place": place,
        "rows": _show_rows(screen, place, absences) if place else [],
        "limit": MAX_LINKS.get(place),
        "target_label": _("Address of the account") if place == SiteLink.Place.SOCIAL else _("Leads to"),
    }


def _tell_faults(screen: Screen) -> None:
    for name, message in screen.faults.fields.items():
        screen.form.add_error(name, message)
    screen.refusal = _("Some of it cannot be saved. Nothing was saved, and all that you typed is still here.")


def _list_errors(screen: Screen) -> list[tuple[str, str]]:
    """Every error with the place on the page that it is about."""
    fields = [
        (f"id_{name}", f"{screen.form.fields[name].label}: {message}")
        for name, found in screen.form.errors.items()
        if name in screen.form.fields
        for message in cast(Any, found)
    ]
    links = [
        (f"{place}-{number}-{'label' if (place, number) in screen.faults.labels else 'target'}", message)
        for (place, number), message in screen.faults.links.items()
    ]
    return [*fields, *links]


def _example(pattern: str) -> str:
    """The address that a post of today would get; empty for a pattern that cannot be."""
    pattern = one_line(pattern)
    try:
        check_pattern(pattern)
    except BadAddress:
        return ""
    return fill_pattern(pattern, _("river-warehouse"), timezone.localtime())


def _samples(form: SettingsForm) -> list[dict[str, str]]:
    """Paper, text and accent of both schemes as the form has them, as far as they are colours."""
    samples = []
    for scheme, label in (("light", _("On light screens")), ("dark", _("On dark screens"))):
        chosen = {part: _spell_colour(str(form[f"{part}_{scheme}"].value() or "")) for part in ("paper", "accent")}
        found = {part: colour if is_colour(colour) else getattr(DEFAULTS[scheme], part) for part, colour in chosen.items()}
        samples.append({"label": label, "ink": DEFAULTS[scheme].ink, **found})
    return samples


def _as_data(draft: Draft) -> Mapping[str, Any]:
    """The values of a draft as a form is filled with them."""
    return {name: getattr(value, "pk", value) for name, value in draft.values.items()}


def _describe_versions(versions: list[SiteSettings]) -> list[dict[str, Any]]:
    """Each version with what it changed; the last on a page is held against the one that comes after it."""
    if not versions:
        return []
    before = list_versions().filter(number__lt=versions[-1].number).first()
    drafts = [read_draft(version) for version in (*versions, before)]
    return [
        {
            "version": version,
            "who": version.user.get_username() if version.user else _("someone"),
            "saved": show_moment(version.created_at),
            "changes": find_changes(drafts[place + 1], drafts[place]),
        }
        for place, version in enumerate(versions)
    ]
