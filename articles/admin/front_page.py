"""The front page at the desk: stories are chosen, ordered and looked at, then saved as an edition, for now or for later.

Everything works by sending the form: each button that moves a story gives the page back with the story moved and nothing
saved. The script only sends the same form without leaving the page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.admin.base import CappedPaginator, ReadOnlyAdmin, is_key, show_badge, show_moment
from articles.admin.posts import show_state
from articles.admin.preview import preview_home
from articles.admin.writing import MAX_QUERY, MAX_RESULTS, MAX_WORDS
from articles.editorial.front_page import (
    MAX_PINNED,
    explain_absence,
    newest_number,
    save_edition,
    waits,
    withdraw_edition,
)
from articles.editorial.permissions import can_arrange, visible_posts
from articles.editorial.workflow import EditorialError
from articles.models import FrontPage, FrontSlot, Post
from articles.models.post import HEAVY_FIELDS

EDITIONS_PER_PAGE = 20
#: What a form may bring; more than can be saved, so that whoever chose too many is told and loses none.
MAX_CHOSEN = 50
SAVE, FIND = "save", "find"
_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M"]


@dataclass(slots=True)
class Choice:
    """The keys of the chosen stories, in order. No story is in it twice."""

    lead: int | None = None
    pinned: list[int] = field(default_factory=list)

    @property
    def keys(self) -> list[int]:
        return [*([] if self.lead is None else [self.lead]), *self.pinned]

    def carry_out(self, act: str) -> None:
        """What a button says: ``add``, ``lead``, ``pin``, ``up``, ``down`` or ``remove``, with ``:12``; others change nothing."""
        name, _colon, text = act.partition(":")
        if name not in ("add", "lead", "pin", "up", "down", "remove") or not is_key(text):
            return
        key = int(text)
        if name in ("up", "down"):
            self._move(key, -1 if name == "up" else 1)
        elif name == "add":
            self.pinned += [] if key in self.keys else [key]
        else:
            self._take_off(key)
            if name == "lead":
                self.pinned[:0] = [] if self.lead is None else [self.lead]
                self.lead = key
            elif name == "pin":
                self.pinned.insert(0, key)

    def _take_off(self, key: int) -> None:
        self.pinned = [other for other in self.pinned if other != key]
        if self.lead == key:
            self.lead = None

    def _move(self, key: int, step: int) -> None:
        if key not in self.pinned:
            return
        place = self.pinned.index(key)
        other = place + step
        if 0 <= other < len(self.pinned):
            self.pinned[place], self.pinned[other] = self.pinned[other], key


class TimesForm(forms.Form):
    """When readers get the edition, in the site's zone."""

    starts_at = forms.DateTimeField(label=gettext_lazy("Change of the front page"), required=False, input_formats=_FORMATS)
    ends_at = forms.DateTimeField(label=gettext_lazy("End"), required=False, input_formats=_FORMATS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for entry in self.fields.values():
            entry.widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_FORMATS[0])
        self.fields["starts_at"].help_text = _("Empty: at once.")
        self.fields["ends_at"].help_text = _("Empty: until the next edition. After an end the edition before it is back.")


@dataclass(slots=True)
class Screen:
    """What the page shows: the choice, what it was made from, and what was looked for."""

    choice: Choice
    times: TimesForm
    seen: int
    opened: FrontPage | None = None
    query: str = ""
    refusal: str = ""
    is_changed: bool = False


@admin.register(FrontPage)
class FrontPageAdmin(ReadOnlyAdmin):
    """One screen in place of a list and a form. Editions are never changed; saving makes a new one."""

    # --- Who may ---

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        """For the first page: whoever sees the screen changes by it, though no version ever changes."""
        may = can_arrange(cast(User, request.user))
        return {"add": False, "change": may, "delete": False, "view": may}

    def has_module_permission(self, request: HttpRequest) -> bool:
        return can_arrange(cast(User, request.user))

    def has_view_permission(self, request: HttpRequest, obj: FrontPage | None = None) -> bool:
        return can_arrange(cast(User, request.user))

    def _demand_right(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    # --- Addresses ---

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("preview/", view(self.preview_view), name="articles_frontpage_preview"),
            path("<int:object_id>/withdraw/", view(self.withdraw_view), name="articles_frontpage_withdraw"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The screen. ``?edition=`` fills it with that edition; without, it holds what readers see now."""
        self._demand_right(request)
        if request.method == "POST":
            return self._work(request)
        asked = request.GET.get("edition", "")
        edition = self._find_edition(asked) if asked else FrontPage.objects.running().first()
        return self._show(request, self._open(edition))

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """An edition, opened in the screen."""
        self._demand_right(request)
        edition = self.get_object(request, object_id)
        if request.method == "POST":
            raise PermissionDenied
        return HttpResponseRedirect(f"{_screen_url()}?edition={edition.number}")

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """An edition never changes: the list of all of them is the history."""
        self._demand_right(request)
        self.get_object(request, object_id)
        return HttpResponseRedirect(f"{_screen_url()}#editions")

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """The site's own front page with the stories of the form, at the moment of its change. Nothing is saved."""
        self._demand_right(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        times = TimesForm(request.POST)
        starts_at = times.cleaned_data.get("starts_at") if times.is_valid() else None
        now = timezone.now()
        return preview_home(_read_choice(request).keys, max(starts_at or now, now))

    def withdraw_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Takes a scheduled edition back."""
        self._demand_right(request)
        edition = self.get_object(request, str(object_id))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            withdraw_edition(cast(User, request.user), edition)
        except EditorialError as error:
            messages.error(request, str(error))
        else:
            self.log_change(request, edition, [{"changed": {"fields": [_("withdrawn")]}}])
            messages.success(request, _("No. %(number)d is withdrawn and will not come.") % {"number": edition.number})
        return HttpResponseRedirect(f"{_screen_url()}#editions")

    # --- What a sent form does ---

    def _work(self, request: HttpRequest) -> HttpResponse:
        act = request.POST.get("act", "")
        asked, seen = request.POST.get("opened", ""), request.POST.get("seen", "")
        screen = Screen(
            choice=_read_choice(request),
            times=TimesForm(request.POST),
            seen=int(seen) if is_key(seen) else 0,
            opened=self._find_edition(asked) if asked else None,
            query=request.POST.get("q", "").replace("\x00", "")[:MAX_QUERY],
            is_changed=True,
        )
        if act == SAVE:
            return self._save(request, screen)
        screen.choice.carry_out(act)
        return self._show(request, screen, act)

    def _save(self, request: HttpRequest, screen: Screen) -> HttpResponse:
        if not screen.times.is_valid():
            screen.refusal = _("Please correct the times below. Nothing was saved.")
            return self._show(request, screen)
        posts = _load(screen.choice.keys)
        lead = posts.get(screen.choice.lead or 0)
        pinned = [posts[key] for key in screen.choice.pinned if key in posts]
        try:
            edition = save_edition(
                cast(User, request.user), lead, pinned, seen=screen.seen, made_from=screen.opened, **screen.times.cleaned_data
            )
        except EditorialError as error:
            # What is sent next has seen the others' edition: the message names it, so saving again is a decision.
            screen.refusal, screen.seen = str(error), newest_number()
            return self._show(request, screen)
        self.log_addition(request, edition, [{"added": {}}])
        messages.success(request, _describe_saved(edition))
        return HttpResponseRedirect(_screen_url())

    # --- The page ---

    def _open(self, edition: FrontPage | None) -> Screen:
        now = timezone.now()
        choice, times = Choice(), {}
        if edition is not None:
            for slot in edition.slots.order_by("position"):
                if slot.kind == FrontSlot.Kind.LEAD:
                    choice.lead = slot.post_id
                else:
                    choice.pinned.append(slot.post_id)
            if waits(edition, now):
                times["starts_at"] = edition.starts_at
            if edition.ends_at is not None and edition.ends_at > now:
                times["ends_at"] = edition.ends_at
        return Screen(choice, TimesForm(initial=times), newest_number(), edition)

    def _show(self, request: HttpRequest, screen: Screen, act: str = "") -> HttpResponse:
        now = timezone.now()
        starts_at = screen.times.cleaned_data.get("starts_at") if screen.times.is_bound and screen.times.is_valid() else None
        starts_at = starts_at or screen.times.initial.get("starts_at")
        at = max(starts_at, now) if starts_at else now
        posts = _load(screen.choice.keys)
        screen.choice.pinned = [key for key in screen.choice.pinned if key in posts]
        lead = posts.get(screen.choice.lead or 0)
        rows = [_row(posts[key], at) for key in screen.choice.pinned]
        current = FrontPage.objects.running(now).first()
        page = CappedPaginator(_editions(), EDITIONS_PER_PAGE).get_page(request.GET.get("page"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": capfirst(self.opts.verbose_name),
            "screen": screen,
            "lead": _row(lead, at) if lead else None,
            "rows": rows,
            "leader": next((row["post"] for row in rows if not row["reason"]), None),
            "said": _describe_act(act, posts),
            "found": self._find(request, screen),
            "zone": timezone.get_default_timezone_name(),
            "is_later": at > now,
            "moment": show_moment(at),
            "current": current,
            "is_opened_current": screen.opened is not None and current is not None and screen.opened.pk == current.pk,
            "opened_waits": screen.opened is not None and waits(screen.opened, now),
            "page": page,
            "editions": [_edition_row(edition, current, now) for edition in page],
            "limit": MAX_PINNED,
        }
        return TemplateResponse(request, "admin/articles/frontpage/screen.html", context)

    def _find(self, request: HttpRequest, screen: Screen) -> list[dict[str, Any]]:
        """Articles by words of title, address or by-line, newest first; without words, those with a date."""
        user = cast(User, request.user)
        posts = visible_posts(user).filter(trashed_at__isnull=True, kind=Post.Kind.ARTICLE).order_by("-published_at", "-pk")
        words = " ".join(screen.query.split()[:MAX_WORDS])
        if words:
            posts, _has_duplicates = self.admin_site.get_model_admin(Post).get_search_results(request, posts, words)
        else:
            posts = posts.filter(published_at__isnull=False)
        rows = posts.defer(*HEAVY_FIELDS)[:MAX_RESULTS]
        chosen = set(screen.choice.keys)
        return [{"post": post, "state": show_state(post), "is_chosen": post.pk in chosen} for post in rows]

    def _find_edition(self, number: str) -> FrontPage:
        edition = FrontPage.objects.filter(number=int(number)).first() if is_key(number) else None
        if edition is None:
            raise Http404(_("There is no such edition of the front page."))
        return edition


def _screen_url() -> str:
    return reverse("admin:articles_frontpage_changelist")


def _read_choice(request: HttpRequest) -> Choice:
    """The stories that a form names, in its order; what is no key, or named twice, is left out."""
    lead = request.POST.get("lead", "")
    choice = Choice(int(lead) if is_key(lead) else None)
    keys = dict.fromkeys(int(key) for key in request.POST.getlist("pinned")[:MAX_CHOSEN] if is_key(key))
    choice.pinned = [key for key in keys if key != choice.lead]
    return choice


def _load(keys: Iterable[int]) -> dict[int, Post]:
    return {post.pk: post for post in Post.objects.filter(pk__in=list(keys)).light()}


def _row(post: Post, at: datetime) -> dict[str, Any]:
    return {
        "post": post,
        "state": show_state(post),
        "moment": show_moment(post.published_at),
        "reason": explain_absence(post, at),
    }


def _editions() -> QuerySet[FrontPage]:
    slots = FrontSlot.objects.select_related("post").only("edition_id", "kind", "position", "post__title").order_by("position")
    editions = FrontPage.objects.select_related("user", "made_from").order_by("-number")
    return editions.prefetch_related(Prefetch("slots", queryset=slots))


def _edition_row(edition: FrontPage, current: FrontPage | None, now: datetime) -> dict[str, Any]:
    stories = list(edition.slots.all())
    is_waiting = waits(edition, now)
    if edition.withdrawn_at is not None:
        badge = show_badge("withdrawn", _("withdrawn"))
    elif current is not None and edition.pk == current.pk:
        badge = show_badge("published", _("the current front page"))
    elif is_waiting:
        badge = show_badge("scheduled", _("scheduled"))
    else:
        badge = show_badge("past", _("past"))
    return {
        "edition": edition,
        "badge": badge,
        "starts": show_moment(edition.starts_at),
        "ends": show_moment(edition.ends_at) if edition.ends_at else "",
        "saved": show_moment(edition.created_at),
        "who": edition.user.get_username() if edition.user else _("someone"),
        "first": stories[0].post.title if stories else "",
        "more": max(len(stories) - 1, 0),
        "is_waiting": is_waiting,
    }


def _describe_saved(edition: FrontPage) -> str:
    if edition.starts_at > edition.created_at:
        moment = date_format(timezone.localtime(edition.starts_at), "SHORT_DATETIME_FORMAT")
        return _("No. %(number)d is saved. Readers get it from %(moment)s.") % {
            "number": edition.number,
            "moment": moment,
        }
    return _("No. %(number)d is saved. It is the front page now.") % {"number": edition.number}


def _describe_act(act: str, posts: dict[int, Post]) -> str:
    """What a button did, for those who do not see the story move."""
    name, _colon, key = act.partition(":")
    said = {
        "add": _("Pinned: %(title)s"),
        "lead": _("Now the lead: %(title)s"),
        "pin": _("Now pinned: %(title)s"),
        "up": _("Moved up: %(title)s"),
        "down": _("Moved down: %(title)s"),
        "remove": _("A story was taken off."),
    }
    template = said.get(name, "")
    post = posts.get(int(key)) if is_key(key) else None
    if "%(" in template:
        return template % {"title": post.title} if post else ""
    return template
