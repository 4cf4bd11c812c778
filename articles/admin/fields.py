"""Form fields in the words of a newsroom: names on one line, links one per line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.formats import terms

_QUOTED = re.compile(r'"([^"]*)"')
_NEEDS_QUOTES = re.compile("[、，,\u3000\r\n]")
LINK_SCHEMES = ("http", "https", "mailto")


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
        names = self.to_python(value)
        for name in names:
            if len(name) > 200:
                raise ValidationError(_("“%(name)s…” is longer than 200 characters.") % {"name": name[:40]})
            if "\x00" in name:
                raise ValidationError(_("A name cannot contain a NUL character."))
        return names

    def has_changed(self, initial: Any, data: Any) -> bool:
        return not self.disabled and [str(name) for name in initial or []] != self.to_python(data)


def join_names(names: Iterable[str]) -> str:
    """Names as one line that :func:`split_names` reads back."""
    return "、".join(f'"{name}"' if _NEEDS_QUOTES.search(name) else name for name in names)


def split_names(text: str) -> list[str]:
    """The names in a line: those in quotes whole, the rest at ``、`` ``，`` ``,`` and full-width spaces."""
    names: dict[str, str] = {}
    for place, part in enumerate(_QUOTED.split(text)):
        # The pattern has one group, so every second part is what stood between quotes.
        for name in [part.strip()] if place % 2 else terms.split(part):
            if terms.identity(name):
                names.setdefault(terms.identity(name), name)
    return list(names.values())


class LinksField(forms.CharField):
    """Links of a profile, one ``label address`` per line; gives a list of ``{"label", "url"}``."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("help_text", gettext_lazy("One per line: a label, a space, and the address (https://…)."))
        super().__init__(**{"required": False, "widget": forms.Textarea(attrs={"rows": 3}), **options})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return "\n".join(f"{entry.get('label', '')} {entry.get('url', '')}".strip() for entry in value)
        return value

    def to_python(self, value: Any) -> list[dict[str, str]]:  # type: ignore[override]
        if isinstance(value, list):
            return value
        return [_read_link(line) for line in (value or "").splitlines() if line.strip()]

    def clean(self, value: Any) -> list[dict[str, str]]:
        return self.to_python(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return not self.disabled and self.prepare_value(initial or []) != (data or "").replace("\r\n", "\n").strip()


def _read_link(line: str) -> dict[str, str]:
    label, _blank, url = line.strip().rpartition(" ")
    if urlsplit(url).scheme not in LINK_SCHEMES:
        raise ValidationError(_("“%(line)s” does not end in an address that begins with https://.") % {"line": line.strip()[:80]})
    return {"label": label.strip() or url, "url": url}
