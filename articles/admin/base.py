"""What every screen of the desk shares: closed look-ups, 404 for what is not there or not shown, and how things are printed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList, ChangeListSearchForm
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.core.validators import ProhibitNullCharactersValidator
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from articles.findings import Finding

COUNTED_ROWS = 10_000
LARGEST_KEY = 2**63 - 1
_KEY = re.compile("[0-9]{1,19}")
SEVERITIES = ("error", "warning", "info")


class PlainTextField(forms.CharField):
    """Text of several lines as it was typed: nothing is stripped, and a browser's line ends become ``\\n``.

    So a text that nobody touched counts as unchanged, and its file stays the same to the byte.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"strip": False, "widget": forms.Textarea, **options})

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return not self.disabled and self.to_python(initial) != self.to_python(data)


class CappedPaginator(Paginator):
    """Counts and leafs through rows up to a limit only: on a large archive the whole count would cost more than the page.

    ``known`` is how many there are, where that stands somewhere already.
    """

    def __init__(self, object_list: Any, per_page: Any, *args: Any, known: int | None = None, **options: Any) -> None:
        super().__init__(object_list, per_page, *args, **options)
        self.known = known

    @cached_property
    def count(self) -> int:
        if self.known is not None:
            return min(self.known, COUNTED_ROWS)
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by().values("pk")[:COUNTED_ROWS].count()

    def page(self, number: Any) -> Page:
        """Which rows they are first, then the rows: a database that sorts or skips would take all their columns with it."""
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        if not self.count:
            return Page(rows.none(), number, self)
        keys = rows.select_related(None).prefetch_related(None).values("pk")[start : min(start + self.per_page, self.count)]
        return Page(rows.filter(pk__in=keys), number, self)


def is_key(text: object) -> bool:
    """Whether a posted value can be a row's key: a database raises for any other, also where it is only asked for."""
    return _KEY.fullmatch(key := str(text)) is not None and int(key) <= LARGEST_KEY


class KeySelect(AutocompleteSelect):
    """Django's autocompletion, whose form comes back with an error where its own would end in a 500."""

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        return super().optgroups(name, [key for key in value if key == "" or is_key(key)], attr)


class KeyChoiceField(forms.ModelMultipleChoiceField):
    """The same for several choices."""

    def _check_values(self, value: Any) -> Any:
        for key in value if isinstance(value, list | tuple) else ():
            if not is_key(key):
                raise ValidationError(self.error_messages["invalid_pk_value"], code="invalid_pk_value", params={"pk": key})
        return super()._check_values(value)  # type: ignore[misc]


class ListSearchForm(ChangeListSearchForm):
    """The search box of a list."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        message = _("The words in the search box hold a character that cannot be stored (NUL). Type them again.")
        self.fields[SEARCH_VAR].validators = [ProhibitNullCharactersValidator(message)]


class DeskList(ChangeList):
    """A list whose search box says in its own words what it cannot look for."""

    search_form_class = ListSearchForm


class ForgivingMixin(BaseModelAdmin):
    """For every screen and every row of a form: what cannot be a key is refused in words, never by the database."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", KeySelect(db_field, self.admin_site, using=kwargs.get("using")))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **{"form_class": KeyChoiceField, **kwargs})


class ForgivingAdmin(ForgivingMixin, admin.ModelAdmin):
    """The same for the lists and their actions."""

    paginator = CappedPaginator
    show_full_result_count = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return DeskList

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> list[Any]:
        """What the history says of a save, with fields as the catalogue has them.

        Django writes the heading of a field, with a capital, which no catalogue of this site's own models knows.
        """
        message: list[Any] = super().construct_change_message(request, form, formsets, add)
        models_of_forms = [form._meta.model, *(rows.model for rows in formsets or ())]
        with translation.override(None):
            names = {
                capfirst(str(field.verbose_name)): str(field.verbose_name)
                for model in models_of_forms
                for field in (*model._meta.fields, *model._meta.many_to_many)
            }
        for entry in message:
            if fields := entry.get("changed", {}).get("fields"):
                entry["changed"]["fields"] = [names.get(label, label) for label in fields]
        return message

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any) -> Any:
        if all(map(is_key, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            return super().response_action(request, queryset, *args)
        messages.error(request, _("One of the chosen entries is none of this list. Choose them again."))
        return HttpResponseRedirect(request.get_full_path())


class EditorialAdmin(ForgivingAdmin):
    """The base of all screens."""

    list_per_page = 50
    list_max_show_all = 200

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Headed by what is listed: Django's own "Select … to change" is no newsroom's word."""
        title = {"title": self.opts.verbose_name_plural}
        return super().changelist_view(request, title | (extra_context or {}))

    show_facets = admin.ShowFacets.NEVER
    save_as = False
    # Not every database refuses by itself what the column of another cannot hold.
    formfield_overrides = {
        models.TextField: {"form_class": PlainTextField},
        models.PositiveIntegerField: {"max_value": 2**31 - 1},
        models.PositiveSmallIntegerField: {"max_value": 2**15 - 1},
    }

    def view_on_site(self, obj: Any) -> str | None:
        """The address for readers, where they have something to read there."""
        return obj.get_absolute_url() if hasattr(obj, "get_absolute_url") and self.is_shown(obj) else None

    def is_shown(self, obj: Any) -> bool:
        """Whether the address of a row answers readers."""
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only the filters that the list itself offers; any other look-up is a question asked of the data."""
        filters = self.get_list_filter(request)
        own = {getattr(entry, "parameter_name", None) for entry in filters}
        if lookup in own:
            return True
        offered = {"id", "pk", *(entry for entry in filters if isinstance(entry, str))}
        # A filter of our own over one column takes its other spellings, too: addresses of lists are kept and passed on.
        offered |= {str(name).removesuffix("__exact") for name in own if str(name).endswith("__exact")}
        return lookup.split("__")[0] in offered and super().lookup_allowed(lookup, value, request)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The object. Raises Http404 alike for one that is not there and one that the user may not see."""
        found = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404(_("There is no such entry, or it is not yours to see."))
        return found


class ReadOnlyAdmin(EditorialAdmin):
    """A record that the product writes and nobody edits."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def isolate(text: object) -> SafeString:
    """Foreign text in a line of ours: escaped, and its writing direction kept to itself."""
    return format_html("<bdi>{}</bdi>", text)


def show_moment(moment: datetime | None) -> SafeString | str:
    """A time in the site's zone, with the machine's form beside it."""
    if moment is None:
        return "–"
    return format_html(
        '<time datetime="{}">{}</time>', moment.isoformat(), date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")
    )


def show_badge(kind: str, label: str) -> SafeString:
    """A state or verdict as a small label; ``kind`` chooses its colour."""
    return format_html('<span class="badge is-{}">{}</span>', kind, label)


def read_findings(stored: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Stored findings in the active language, errors first, as the templates print them."""
    findings = [Finding.from_json(data) for data in stored]
    shown = [
        {"code": found.code, "severity": found.severity, "line": found.line, "message": found.localised()} for found in findings
    ]
    return sorted(shown, key=lambda entry: SEVERITIES.index(str(entry["severity"])))


def show_findings(stored: Iterable[Mapping[str, Any]]) -> SafeString | str:
    """Stored findings as a list, or a dash."""
    findings = read_findings(stored)
    return render_to_string("admin/articles/_findings.html", {"findings": findings}) if findings else "–"


def by_identity(rows: QuerySet[Any], identity: str, besides: int | None) -> Any:
    """The row that has the identity already, other than the one being edited."""
    return rows.filter(identity=identity).exclude(pk=besides).first()
