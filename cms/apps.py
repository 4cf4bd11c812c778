"""The admin with this project's own site in it. Apart from ``cms.desk``, which needs models and so is read later."""

from django.contrib.admin.apps import SimpleAdminConfig

from cms import checks  # noqa: F401 - registers them


class DeskConfig(SimpleAdminConfig):
    default_site = "cms.desk.DeskSite"
