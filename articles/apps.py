"""The application: everything editorial."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from articles import checks  # noqa: F401  reading the module registers its checks


class ArticlesConfig(AppConfig):
    name = "articles"
    verbose_name = _("Articles")
