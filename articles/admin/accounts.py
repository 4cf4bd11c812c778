"""Accounts and groups: whoever manages accounts can give nobody, themselves included, a right they do not hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from articles.admin.base import EditorialAdmin, ForgivingAdmin, ForgivingMixin, KeyChoiceField, show_badge
from articles.editorial import accounts
from articles.editorial.accounts import Newcomer, RefusedAccount, may_manage
from articles.editorial.permissions import assigned_categories
from articles.models import Assignment

# What makes an account somebody else's: only a superuser sets it.
ENTRUSTED = ("is_superuser", "groups", "user_permissions")

admin.site.unregister(User)
admin.site.unregister(Group)


class RoleField(forms.ModelChoiceField):
    """A group by what people of that role do."""

    def label_from_instance(self, obj: Any) -> str:
        return name_role(obj.name)


class InviteForm(forms.ModelForm):
    """Who is invited. The roles are those that the inviting person may give."""

    email = forms.EmailField(label=gettext_lazy("E-mail address"), help_text=gettext_lazy("The link goes there."))
    role = RoleField(
        label=gettext_lazy("Role"),
        queryset=Group.objects.none(),
        help_text=gettext_lazy("Only roles are offered whose every right you hold yourself."),
    )

    class Meta:
        model = User
        fields = ("username", "last_name", "first_name", "email", "role")
        labels = {"username": gettext_lazy("Name for signing in")}

    def __init__(self, manager: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keys = [group.pk for group in accounts.grantable_groups(manager)]
        self.fields["role"].queryset = Group.objects.filter(pk__in=keys).order_by("pk")  # type: ignore[attr-defined]

    def newcomer(self) -> Newcomer:
        data = self.cleaned_data
        return Newcomer(data["username"], data["email"], data["role"], data["last_name"], data["first_name"])


class RightsField(KeyChoiceField):
    """Rights by what they are about and what they let people do, in the language of the desk."""

    def label_from_instance(self, obj: Any) -> str:
        return name_right(obj)


def offered_rights(held: QuerySet[Permission] | None) -> QuerySet[Permission]:
    """Rights of what has a screen here, and those that an account or group holds already, which a save must not take away."""
    screens = ContentType.objects.get_for_models(*admin.site._registry).values()
    offered = Q(content_type__in=[kind.pk for kind in screens])
    if held is not None:
        offered |= Q(pk__in=held.values("pk"))
    return Permission.objects.filter(offered).select_related("content_type")


def name_right(right: Permission) -> str:
    """``記事：削除``; one that a site made itself keeps its name."""
    model = right.content_type.model_class()
    if model is None:
        return str(right)
    verb = right.codename.removesuffix(f"_{model._meta.model_name}")
    own = dict(model._meta.permissions).get(right.codename)
    return _("%(what)s: %(may)s") % {"what": model._meta.verbose_name_plural, "may": own or VERBS.get(verb, right.name)}


class RightsForm(forms.ModelForm):
    """A form with a field of rights, which is named by ``rights``."""

    rights = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (field := self.fields.get(self.rights)) is not None:
            held = getattr(self.instance, self.rights).all() if self.instance.pk is not None else None
            cast(RightsField, field).queryset = offered_rights(held)


class RoleForm(RightsForm):
    rights = "permissions"


class AccountForm(RightsForm, UserChangeForm):
    """Django's own, which leaves nobody without a superuser."""

    rights = "user_permissions"

    def clean_is_superuser(self) -> bool:
        wanted = bool(self.cleaned_data["is_superuser"])
        if not wanted and accounts.is_last_superuser(User.objects.get(pk=self.instance.pk)):
            raise ValidationError(_("This is the last superuser. Make another one first."))
        return wanted


class StandingFilter(admin.SimpleListFilter):
    """Who can sign in, who is waited for, who is shut out."""

    title = gettext_lazy("standing")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("active", gettext_lazy("active")),
            ("invited", gettext_lazy("invited, not yet accepted")),
            ("deactivated", gettext_lazy("deactivated")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() == "active":
            return queryset.filter(is_active=True, invitation__isnull=True)
        if self.value() == "invited":
            return queryset.filter(is_active=True, invitation__isnull=False)
        return queryset.filter(is_active=False) if self.value() == "deactivated" else queryset


class AssignmentRows(ForgivingMixin, admin.StackedInline):
    """To which categories an account is limited. Nobody widens their own limits, nor, being limited, another's."""

    model = Assignment
    fields = ("category",)
    autocomplete_fields = ("category",)
    extra = 0
    verbose_name = gettext_lazy("assigned category")
    verbose_name_plural = gettext_lazy("Limited to these categories and those below them; without any, to none")

    def _may(self, request: HttpRequest, obj: User | None) -> bool:
        if request.user.is_superuser:
            return True
        may_limit = obj is not None and obj.pk != request.user.pk and assigned_categories(request.user) is None
        return may_limit and request.user.has_perm("auth.change_user") and may_manage(request.user, cast(User, obj))

    def has_view_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return request.user.has_perm("auth.view_user")

    def has_add_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return self._may(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return self._may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return self._may(request, obj)


@admin.register(User)
class AccountAdmin(ForgivingAdmin, UserAdmin):
    """Django's own screens without their back door to more rights; whether an account is open is set by buttons alone."""

    form = AccountForm
    inlines = (AssignmentRows,)
    list_display = ("username", "last_name", "first_name", "email", "roles", "standing")
    list_filter = (StandingFilter, "is_superuser", "groups")
    list_per_page = EditorialAdmin.list_per_page
    change_list_template = "admin/accounts/list.html"
    change_form_template = "admin/accounts/form.html"
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def get_inline_instances(self, request: HttpRequest, obj: User | None = None) -> list[Any]:
        """A new account gets its limits once it is there."""
        return [] if obj is None else super().get_inline_instances(request, obj)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **_as_rights(db_field), **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).select_related("invitation").prefetch_related("groups")

    @admin.display(description=gettext_lazy("roles"))
    def roles(self, account: User) -> str:
        names = [name_role(group.name) for group in account.groups.all()]
        return "、".join([_("superuser"), *names] if account.is_superuser else names) or "–"

    @admin.display(description=gettext_lazy("standing"), ordering="is_active")
    def standing(self, account: User) -> SafeString:
        return show_standing(account)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or may_manage(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if not super().has_delete_permission(request, obj):
            return False
        return obj is None or (may_manage(request.user, obj) and not accounts.is_last_superuser(obj))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without the bulk deletion, which asks for the right to delete but not for each account."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fixed = (*super().get_readonly_fields(request, obj), "last_login", "date_joined", "is_active")
        if request.user.is_superuser:
            return fixed
        if obj is None:
            return (*fixed, *ENTRUSTED)
        # Whoever sets another's address can have the password of that account sent to themselves.
        others = () if obj.pk == request.user.pk else ("username", "email", "password")
        own = ("is_staff",) if obj.pk == request.user.pk else ()
        return (*fixed, *ENTRUSTED, *others, *own)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Another's password is set by a superuser; one's own on the page that asks for the old one."""
        if not request.user.is_superuser:
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        if lookup == StandingFilter.parameter_name:
            return True
        offered = ("id", "is_superuser", "groups")
        return lookup.split("__")[0] in offered and super().lookup_allowed(lookup, value, request)

    # --- Addresses of its own ---

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("invite/", view(self.invite_view), name="auth_user_invite"),
            path("<int:object_id>/step/<slug:name>/", view(self.step_view), name="auth_user_step"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {"title": _("Accounts"), "may_invite": accounts.may_invite(request.user)}
        return super().changelist_view(request, context | (extra_context or {}))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        account: User | None = kwargs.get("obj")
        if account is not None and account.pk is not None:
            context |= {"steps": list_steps(request.user, account), "standing": show_standing(account)}
        return super().render_change_form(request, context, *args, **kwargs)

    @method_decorator(never_cache)
    def invite_view(self, request: HttpRequest) -> HttpResponse:
        """Asks whom to invite, and in which role; then shows the link once, for those whom no mail reaches."""
        if not accounts.may_invite(request.user):
            raise PermissionDenied
        form = InviteForm(request.user, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                account = accounts.invite(cast(User, request.user), form.newcomer())
            except RefusedAccount as refused:
                form.add_error(None, str(refused))
            else:
                self.log_addition(request, account, [{"added": {}}])
                return self._show_link(request, account)
        context = {"form": form, "title": _("Invite a colleague")}
        return self._render(request, "invite", context)

    @method_decorator(never_cache)
    def step_view(self, request: HttpRequest, object_id: int, name: str) -> HttpResponse:
        """One step with an account, by its verb, which asks for the right again."""
        account = self.get_object(request, str(object_id))
        if account is None or not self.has_view_permission(request, account):
            raise PermissionDenied
        if name not in STEPS:
            raise Http404(_("There is no such step."))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not may_manage(request.user, account):
            raise PermissionDenied
        label, act, done = STEPS[name]
        try:
            act(request.user, account)
        except RefusedAccount as refused:
            messages.error(request, str(refused))
            return HttpResponseRedirect(reverse("admin:auth_user_change", args=[object_id]))
        if name == "revoke":
            messages.success(request, done % {"name": account.username})
            return HttpResponseRedirect(reverse("admin:auth_user_changelist"))
        self.log_change(request, account, str(label))
        if name == "again":
            account.refresh_from_db()
            return self._show_link(request, account)
        messages.success(request, done % {"name": account.username, "email": account.email})
        return HttpResponseRedirect(reverse("admin:auth_user_change", args=[object_id]))

    def _show_link(self, request: HttpRequest, account: User) -> HttpResponse:
        """The link of an invitation, on this answer only: a new account can do no more than whoever made it."""
        context = {"account": account, "link": accounts.make_link(account), "title": _("The invitation is on its way")}
        return self._render(request, "invited", context)

    def _render(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, f"admin/accounts/{name}.html", shared | context)


@admin.register(Group)
class RoleAdmin(ForgivingAdmin, GroupAdmin):
    """A group is a set of rights, so that changing one is giving rights: superusers only."""

    form = RoleForm

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **_as_rights(db_field), **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)


def _as_rights(db_field: Any) -> dict[str, Any]:
    return {"form_class": RightsField} if db_field.related_model is Permission else {}


Step = tuple[Any, Callable[[Any, User], Any], Any]

VERBS = {
    "add": gettext_lazy("add"),
    "change": gettext_lazy("change"),
    "delete": gettext_lazy("delete"),
    "view": gettext_lazy("view"),
}
STEPS: dict[str, Step] = {
    "again": (gettext_lazy("Send the invitation again"), accounts.invite_again, ""),
    "revoke": (
        gettext_lazy("Revoke the invitation"),
        accounts.revoke,
        gettext_lazy("The invitation of “%(name)s” is revoked and the account removed."),
    ),
    "reset": (
        gettext_lazy("Send a link for a new password"),
        accounts.send_reset,
        gettext_lazy("A link for a new password is on its way to %(email)s."),
    ),
    "deactivate": (
        gettext_lazy("Deactivate the account"),
        accounts.deactivate,
        gettext_lazy("“%(name)s” is deactivated and signed out everywhere. What they wrote stays."),
    ),
    "reactivate": (
        gettext_lazy("Reactivate the account"),
        accounts.reactivate,
        gettext_lazy("“%(name)s” can sign in again."),
    ),
}
ROLES = {
    "author": gettext_lazy("author: own drafts"),
    "importer": gettext_lazy("importer: own drafts, and archives"),
    "editor": gettext_lazy("editor: everyone's texts, and reviews"),
    "publisher": gettext_lazy("publisher: publishes, schedules and withdraws"),
    "administrator": gettext_lazy("administrator: all of it, and accounts"),
}


def name_role(name: str) -> str:
    """A group as its people are called; one that a site made itself keeps its name."""
    return str(ROLES[name]) if name in ROLES else name


def is_waited_for(account: User) -> bool:
    """Whether the account's owner has not yet set a password."""
    return hasattr(account, "invitation")


def show_standing(account: User) -> SafeString:
    """Whether an account can be used, as a small label."""
    if not account.is_active:
        return show_badge("withdrawn", _("deactivated"))
    if is_waited_for(account):
        return show_badge("in_review", _("invited"))
    return show_badge("published", _("active"))


def list_steps(manager: Any, account: User) -> list[dict[str, Any]]:
    """What ``manager`` can do with an account now, as buttons."""
    if not may_manage(manager, account):
        return []
    names = []
    if is_waited_for(account) and manager.has_perm("auth.add_user"):
        names += ["again", "revoke"]
    elif account.is_active and account.email and account.pk != manager.pk:
        names.append("reset")
    if account.pk != manager.pk:
        names.append("deactivate" if account.is_active else "reactivate")
    return [
        {"label": STEPS[name][0], "url": reverse("admin:auth_user_step", args=[account.pk, name]), "name": name} for name in names
    ]
