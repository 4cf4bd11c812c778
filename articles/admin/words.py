"""Texts of Django's own admin that this project's catalogue says anew. A catalogue keeps only what some code says."""

from django.utils.translation import gettext_noop

# Django's Japanese puts blanks around the names in them, which no newsroom writes.
SAID_ANEW = (
    gettext_noop("Add %s"),
    gettext_noop("Change %s"),
    gettext_noop("View %s"),
    gettext_noop("Add another %(verbose_name)s"),
    gettext_noop("Delete selected %(verbose_name_plural)s"),
    gettext_noop("Cannot delete %(name)s"),
)
