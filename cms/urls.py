"""Addresses of the project. What is not listed here belongs to the public site."""

from django.contrib import admin
from django.urls import include, path

from cms.health import show_alive, show_ready

admin.site.site_header = "Kawaraban（瓦版）"
admin.site.site_title = "Kawaraban（瓦版）"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("healthz", show_alive, name="healthz"),
    path("readyz", show_ready, name="readyz"),
    path("", include("articles.site.urls")),
]
