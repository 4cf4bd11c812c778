"""Form fields in the words of a newsroom: names on one line, links one per line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.sheets.lists import join_links, join_names, split_links, split_names

#: What a new name of a term may have at the desk. Imports keep longer ones, up to the column's length.
MAX_TYPED_NAME = 80


def refuse_long_names(names: Iterable[str]) -> None:
    """Raises ValidationError for new names of terms that would fill a page above a story."""
    for name in names:
        if len(name) > MAX_TYPED_NAME:
            message = _("“%(name)s…” has %(number)d characters; a new name has at most %(limit)d.")
            raise ValidationError(message % {"name": name[:40], "number": len(name), "limit": MAX_TYPED_NAME})


class NamesField(forms.CharField):
    """Names on one line, as ``AI、編集、"Smith, Jones"``; gives a list in which no name occurs in two spellings."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("help_text", gettext_lazy("Separate with 、 or a comma; put a name that contains one in quotes."))
        super().__init__(**{"required": False, **options})

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        return join_names(str(entry) for entry in value)

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        if isinstance(value, list):
            return value
        return split_names(value or "")

    def clean(self, value: Any) -> list[str]:
        _refuse_unstorable(value)
        names = self.to_python(value)
        for name in names:
            if len(name) > 200:
                raise ValidationError(_("“%(name)s…” is longer than 200 characters.") % {"name": name[:40]})
        return names

    def has_changed(self, initial: Any, data: Any) -> bool:
        return not self.disabled and [str(name) for name in initial or []] != self.to_python(data)


def _refuse_unstorable(value: Any) -> None:
    """What Django's own text fields refuse, for fields whose value is a list."""
    if isinstance(value, str):
        ProhibitNullCharactersValidator()(value)


class LinksField(forms.CharField):
    """Links of a profile, one ``label address`` per line; gives a list of ``{"label", "url"}``."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("help_text", gettext_lazy("One per line: a label, a space, and the address (https://…)."))
        super().__init__(**{"required": False, "widget": forms.Textarea(attrs={"rows": 3}), **options})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return join_links(value)
        return value

    def to_python(self, value: Any) -> list[dict[str, str]]:  # type: ignore[override]
        if isinstance(value, list):
            return value
        try:
            return split_links(value or "")
        except ValueError as error:
            template = _("“%(line)s” does not end in an address that begins with https://.")
            raise ValidationError(template % {"line": str(error)[:80]}) from error

    def clean(self, value: Any) -> list[dict[str, str]]:
        _refuse_unstorable(value)
        return self.to_python(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return not self.disabled and self.prepare_value(initial or []) != (data or "").replace("\r\n", "\n").strip()
