"""Accounts and groups: whoever manages accounts can give nobody, themselves included, a right they do not hold."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from articles.admin.base import EditorialAdmin

# What makes an account somebody else's: only a superuser sets it.
ENTRUSTED = ("is_superuser", "groups", "user_permissions")

admin.site.unregister(User)
admin.site.unregister(Group)


def may_manage(manager: Any, account: User) -> bool:
    """Whether ``manager`` may change ``account``: never a superuser's, nor one with a right that the manager lacks."""
    if manager.is_superuser:
        return True
    if account.is_superuser:
        return False
    # Inactive accounts report no permissions; what they would hold when switched on again is what counts.
    held = User(pk=account.pk, is_active=True).get_all_permissions()
    return held <= manager.get_all_permissions()


@admin.register(User)
class AccountAdmin(UserAdmin):
    """Django's own screens without their back door to more rights."""

    list_display = ("username", "last_name", "first_name", "email", "is_staff", "is_active")
    list_per_page = EditorialAdmin.list_per_page
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or may_manage(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or may_manage(request.user, obj))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without the bulk deletion, which asks for the right to delete but not for each account."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fixed = (*super().get_readonly_fields(request, obj), "last_login", "date_joined")
        if request.user.is_superuser:
            return fixed
        if obj is None:
            return (*fixed, *ENTRUSTED)
        # Whoever sets another's address can have the password of that account sent to themselves.
        others = () if obj.pk == request.user.pk else ("username", "email", "password")
        own = ("is_staff", "is_active") if obj.pk == request.user.pk else ()
        return (*fixed, *ENTRUSTED, *others, *own)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Another's password is set by a superuser; one's own on the page that asks for the old one."""
        if not request.user.is_superuser:
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup.split("__")[0] in ("id", *self.list_filter) and super().lookup_allowed(lookup, value, request)


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """A group is a set of rights, so that changing one is giving rights: superusers only."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)
