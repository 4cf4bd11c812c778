"""Signing in, and what to do with a forgotten password. Neither tells by words, status or time whether an account exists."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordResetCompleteView, PasswordResetConfirmView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from articles.editorial import accounts
from articles.formats.terms import identity
from articles.queue import enqueue
from cms.throttle import Limit, machine_of

# One name from one machine; one machine with many names; one name from many machines.
PAIR = Limit("sign-in", 10, 15)
MACHINE = Limit("sign-in by machine", 100, 15)
NAME = Limit("sign-in by name", 100, 15)
# Where somebody signed in before, the third does not count: strangers cannot keep the owner of a name out.
HOME = Limit("signed in before", 1, 60 * 24 * 30)
FORGOTTEN = (Limit("forgotten", 5, 60), Limit("forgotten by machine", 30, 60), Limit("forgotten by address", 10, 60))


class SignInForm(AdminAuthenticationForm):
    """The admin's form, which answers only so many tries."""

    def clean(self) -> dict[str, Any]:
        if not (self.cleaned_data.get("username") and self.cleaned_data.get("password")):
            return super().clean()
        name, machine = identity(self.cleaned_data["username"]), machine_of(self.request)
        # Every try is counted before it is looked at, so that many at once are no way round.
        within = [PAIR.take(name, machine), MACHINE.take(machine), NAME.take(name) or HOME.is_known(name, machine)]
        if not all(within):
            raise ValidationError(
                _("Too many tries to sign in. Wait a quarter of an hour and try again, or have a new password sent to you.")
            )
        cleaned: dict[str, Any] = super().clean()
        PAIR.forget(name, machine)
        HOME.forget(name, machine)
        HOME.take(name, machine)
        return cleaned


class ForgottenForm(forms.Form):
    """Which address a link shall go to."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address of your account"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not self.errors:
            address, machine = identity(self.cleaned_data["email"]), machine_of(self.request)
            pair, by_machine, by_address = FORGOTTEN
            if not all([pair.take(address, machine), by_machine.take(machine), by_address.take(address)]):
                raise ValidationError(_("A link was asked for too often. Look into your mail, or wait an hour."))
        return cleaned


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_for_link(request: HttpRequest) -> HttpResponse:
    """Takes an address and has background work look whether it belongs to anybody: the answer is the same, as fast."""
    form = ForgottenForm(request, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        enqueue(accounts.SEND_FORGOTTEN, form.cleaned_data["email"])
        return redirect("admin_password_reset_done")
    context = {**admin.site.each_context(request), "title": _("Forgotten password"), "form": form}
    return TemplateResponse(request, "admin/accounts/forgotten.html", context)


@never_cache
@require_safe
def show_asked(request: HttpRequest) -> HttpResponse:
    """Says that a link is on its way if there is such an account."""
    context = {**admin.site.each_context(request), "title": _("Look into your mail")}
    return TemplateResponse(request, "admin/accounts/forgotten_done.html", context)


class ChoosePassword(PasswordResetConfirmView):
    """The page behind a link: a new password, once. The link itself goes into the session, so that no page leads on with it."""

    template_name = "admin/accounts/choose.html"
    success_url = reverse_lazy("password_reset_complete")

    def get_user(self, uidb64: str) -> User | None:
        """Nobody for an account that is deactivated."""
        found: User | None = super().get_user(uidb64)
        return found if found is not None and found.is_active else None

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        accounts.accept(form.user)
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        title = {"title": _("Choose a password")}
        return {**admin.site.each_context(self.request), **super().get_context_data(**kwargs), **title}


class PasswordChosen(PasswordResetCompleteView):
    """The end: on to signing in."""

    template_name = "admin/accounts/chosen.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        title = {"title": _("Your password is set")}
        return {**admin.site.each_context(self.request), **super().get_context_data(**kwargs), **title}
