"""The application: everything editorial."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from articles import checks  # noqa: F401  reading the module registers its checks


class ArticlesConfig(AppConfig):
    name = "articles"
    verbose_name = _("Articles")

    def ready(self) -> None:
        # By name: they read the models, which are not there yet while this module is read.
        pre_migrate.connect(import_string("articles.changes.before_migrate"), sender=self)
        post_migrate.connect(import_string("articles.changes.after_migrate"), sender=self)
