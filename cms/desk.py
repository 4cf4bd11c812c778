"""The desk as a whole: Django's admin site without its address oracle, and with a way on for a form that outlived its session."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.editorial.overview import read_overview
from cms.errors import show_kept_form
from cms.signing_in import SignInForm

SIGN_IN = "sign-in"
View = TypeVar("View", bound=Callable[..., HttpResponseBase])


# How the desk's own models stand on its first page and beside every list: by what people do, not by the alphabet.
SECTIONS = (
    (gettext_lazy("Texts and pictures"), ("Post", "FrontPage", "MediaFile", "Revision")),
    (gettext_lazy("Categories, tags and by-lines"), ("Category", "Tag", "Series", "Author", "Redirect")),
    (gettext_lazy("The site"), ("SiteSettings",)),
    (gettext_lazy("Imports"), ("ImportRun", "ImportItem", "ProofRun", "TableImport", "Source", "SourceFile")),
)


class DeskSite(AdminSite):
    """``admin.site`` of this project."""

    site_header = "Kawaraban（瓦版）"
    site_title = "Kawaraban（瓦版）"
    index_title = gettext_lazy("Overview")
    login_form = SignInForm

    def get_urls(self) -> list[Any]:
        """Without ``r/<type>/<id>/``, which leads everybody who may sign in to the address of every row, drafts included."""
        return [entry for entry in super().get_urls() if getattr(entry, "name", "") != "view_on_site"]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The first page: what waits for this person, then the list of screens."""
        return super().index(request, {"overview": read_overview(request.user), **(extra_context or {})})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The models that the user may see, in :data:`SECTIONS`; what is in none of them keeps its app's own heading."""
        return [section for app in super().get_app_list(request, app_label) for section in _split(app)]

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """A form that is sent after the session ended is not thrown away: it comes back with a place to sign in."""
        guarded = super().admin_view(view, cacheable)

        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_permission(request) and _may_keep(request):
                refused = self._sign_in(request)
                if refused is not None:
                    return refused
            answer: HttpResponseBase = guarded(request, *args, **kwargs)
            return answer

        return cast(View, inner)

    def _sign_in(self, request: HttpRequest) -> HttpResponseBase | None:
        """Signs in who sent name and password with the form; gives the page that asks for them where they did not."""
        is_answer = f"{SIGN_IN}-username" in request.POST
        form = SignInForm(request, request.POST if is_answer else None, prefix=SIGN_IN)
        if is_answer and form.is_valid():
            login(request, form.get_user())
            return None
        explanation = _(
            "Your sign-in has ended, so nothing was saved. What you sent is still here: sign in, and it is sent again."
        )
        return show_kept_form(request, _("Sign in again"), explanation, form)


def _split(app: dict[str, Any]) -> list[dict[str, Any]]:
    if app["app_label"] != "articles":
        return [app]
    models = {model["object_name"]: model for model in app["models"]}
    sections = [(name, [models.pop(model) for model in members if model in models]) for name, members in SECTIONS]
    sections.append((app["name"], list(models.values())))
    return [{**app, "name": name, "models": members} for name, members in sections if members]


def _may_keep(request: HttpRequest) -> bool:
    """Whether a browser sent a form of the product's own screens: it has our token, which was checked before."""
    return (
        request.method == "POST"
        and settings.CSRF_COOKIE_NAME in request.COOKIES
        and request.path_info.startswith("/admin/articles/")
    )
