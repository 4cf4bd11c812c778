"""Addresses of the desk that belong to no model."""

from django.contrib import admin
from django.urls import path

from articles.admin import notices

app_name = "desk"
view = admin.site.admin_view

urlpatterns = [
    path("notices/", view(notices.show_notices), name="notices"),
    path("notices/read/", view(notices.mark_read), name="notices_read"),
    path("notices/<int:notice_id>/open/", view(notices.open_notice), name="notice_open"),
    path("settings/", view(notices.show_settings), name="settings"),
]
