"""What people and fields of a post are called at the desk."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Field
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from articles.editorial.workflow import local_text
from articles.models import Post


def name_user(user: Any) -> str:
    """A person's name in the order of the language, else the name of the account; ``None`` is the system."""
    if user is None:
        return _("the system")
    if not (user.first_name and user.last_name):
        return str(user.get_full_name() or user.get_username())
    return _("%(first_name)s %(last_name)s") % {"first_name": user.first_name, "last_name": user.last_name}


def label_of(name: str) -> str:
    """A field's name in the words of the form."""
    special = {"body": _("text"), "tags": _("tags"), "extra": _("other front matter keys")}
    if name in special:
        return capfirst(special[name])
    return capfirst(str(getattr(Post._meta.get_field(name), "verbose_name", name)))


def describe_value(name: str, value: Any) -> str:
    """A field's value, or a snapshot's, as people read it."""
    if value in (None, "", [], {}):
        return "–"
    if isinstance(value, datetime):
        return local_text(value)
    if isinstance(value, list | tuple):
        return "、".join(" › ".join(entry) if isinstance(entry, list | tuple) else str(entry) for entry in value)
    field = Post._meta.get_field(name)
    return str(dict(field.flatchoices).get(value, value)) if isinstance(field, Field) else str(value)
