"""Addresses of the project. What is not listed here belongs to the public site."""

from django.contrib import admin
from django.urls import include, path

from cms.health import show_alive, show_ready
from cms.signing_in import ChoosePassword, PasswordChosen, ask_for_link, show_asked

admin.autodiscover()

urlpatterns = [
    # Named as Django's own page for signing in looks for them.
    path("admin/forgotten/", ask_for_link, name="admin_password_reset"),
    path("admin/forgotten/sent/", show_asked, name="admin_password_reset_done"),
    path("admin/password/<uidb64>/<token>/", ChoosePassword.as_view(), name="password_reset_confirm"),
    path("admin/password/chosen/", PasswordChosen.as_view(), name="password_reset_complete"),
    path("admin/", include("articles.admin.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("articles.api")),
    path("healthz", show_alive, name="healthz"),
    path("readyz", show_ready, name="readyz"),
    path("", include("articles.site.urls")),
]

handler400 = "cms.errors.show_bad_request"
handler403 = "cms.errors.show_forbidden"
handler404 = "cms.errors.show_not_found"
handler500 = "cms.errors.show_server_error"
