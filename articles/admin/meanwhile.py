"""Two people at one form: what was saved meanwhile is brought together with what is sent, field by field.

A form carries what its writer saw (:data:`SEEN`). Where the row says something else by now, a field that the writer left
alone takes the newer value, and one that both changed stops the save: the form comes back with what was typed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.contrib.admin.utils import quote
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import router, transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from articles.admin.base import EditorialAdmin, is_key
from articles.admin.naming import name_user
from articles.admin.post_form import restore_nothing
from articles.editorial.workflow import local_text

SEEN = "seen"
MAX_VALUE = 300
LISTED = "、"


@dataclass(frozen=True, slots=True)
class Clash:
    """A field that two people changed; the values as people read them."""

    name: str
    theirs: str
    ours: str


class MergingForm(forms.ModelForm):
    """A form of a row that others may save meanwhile. Its page sends :meth:`seen` back as :data:`SEEN`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        restore_nothing(self)
        self.clashes: list[Clash] = []
        self.is_damaged = False
        self.opened: datetime | None = None
        if self.is_bound and self.instance.pk is not None and SEEN in self.data:
            self._bring_together()

    def seen(self) -> str:
        """What the row says in the fields of this form, for the comparison when it comes back."""
        return json.dumps({"at": timezone.now(), "values": self._present()}, cls=DjangoJSONEncoder, ensure_ascii=False)

    def full_clean(self) -> None:
        super().full_clean()
        if not self.is_bound:
            return
        if self.is_damaged:
            self.add_error(None, _("This page was incomplete, so nothing was saved. What you typed is still here: save again."))
        if self.clashes:
            self.add_error(None, self._describe())
        for clash in self.clashes:
            template = _("Saved meanwhile: “%(theirs)s”. You typed: “%(ours)s”.")
            self.add_error(clash.name, ValidationError(template % {"theirs": clash.theirs, "ours": clash.ours}))

    def _bring_together(self) -> None:
        """Puts what only others changed into what was sent, and notes what both changed."""
        base, self.opened = _read_seen(self.data[SEEN])
        self.is_damaged = base is None
        data = cast(QueryDict, self.data).copy()
        for name, present in self._present().items():
            field, key = self.fields[name], self.add_prefix(name)
            sent = _spell(field, field.widget.value_from_datadict(self.data, self.files, key))
            if present == sent or (base is not None and present == base.get(name, present)):
                continue
            # Where it is not known what the writer had seen, whatever differs is shown: saving again would undo it unseen.
            if base is not None and sent == base[name]:
                _put(data, field, key, present)
            else:
                self.clashes.append(Clash(name, _show(field, present), _show(field, sent)))
        self.data = data

    def _present(self) -> dict[str, Any]:
        fields = {name: field for name, field in self.fields.items() if not isinstance(field, forms.FileField)}
        return {name: _spell(field, field.prepare_value(self.initial.get(name))) for name, field in fields.items()}

    def _describe(self) -> str:
        labels = LISTED.join(str(self.fields[clash.name].label) for clash in self.clashes)
        entries = LogEntry.objects.filter(
            content_type=get_content_type_for_model(self.instance), object_id=quote(self.instance.pk)
        ).select_related("user")
        # The newest alone: the admin writes one for each save.
        entry = entries.order_by("-action_time", "-pk").first()
        rest = _(
            "Both of you changed: %(fields)s. Nothing was saved, and all that you typed is still here. Compare the two, then "
            "save again, which puts yours in the place of theirs."
        ) % {"fields": labels}
        if entry is None or self.opened is None or entry.action_time < self.opened:
            return _("It was changed after you had opened this page.") + " " + rest
        said = _("%(who)s saved it at %(moment)s, after you had opened this page.")
        return said % {"who": name_user(entry.user), "moment": local_text(entry.action_time)} + " " + rest


class MergingAdmin(EditorialAdmin):
    """A screen whose form is a :class:`MergingForm`. While one is compared and saved, nobody else writes the row."""

    change_form_template = "admin/articles/merging_form.html"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        if request.method == "POST" and is_key(object_id):
            self._lock(int(object_id))
        return super().get_object(request, object_id, from_field)

    def _lock(self, key: int) -> None:
        """Waits for whoever writes the row. By itself: a list that counts has groups, which no database locks."""
        connection = transaction.get_connection(router.db_for_write(self.model))
        if connection.in_atomic_block:
            list(self.model._base_manager.select_for_update().filter(pk=key).values_list("pk"))

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        """For a row that is gone, the page says so and shows what was typed, which would else be lost."""
        try:
            return super().changeform_view(request, object_id, *args, **kwargs)
        except Http404 as missing:
            if request.method != "POST" or object_id is None or not self.has_change_permission(request):
                raise
            return self._show_gone(request, str(missing))

    def _show_gone(self, request: HttpRequest, reason: str) -> HttpResponse:
        form = self.get_form(request, None, change=True)(request.POST, label_suffix="")
        typed = [
            (field.label, text)
            for name, field in form.fields.items()
            if isinstance(field, forms.CharField) and (text := str(form[name].value() or ""))
        ]
        messages.error(request, _("Nothing was saved: somebody may have deleted this meanwhile, or joined it with another."))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": reason,
            "typed": typed,
        }
        return TemplateResponse(request, "admin/articles/gone.html", context, status=404)


def _read_seen(text: str) -> tuple[Mapping[str, Any] | None, datetime | None]:
    """What a form of ours says of itself; no values where it is damaged."""
    try:
        read = json.loads(text)
        values, moment = read["values"], parse_datetime(read["at"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None, None
    is_whole = isinstance(values, dict) and moment is not None and timezone.is_aware(moment)
    return (values, moment) if is_whole else (None, None)


def _spell(field: forms.Field, value: Any) -> Any:
    """A value as it is compared: what was typed and what is stored are one where they mean the same."""
    if isinstance(field, forms.BooleanField):
        return bool(field.to_python(value))
    if isinstance(field, forms.ModelChoiceField):
        # Without asking the database: the key says it.
        return "" if value is None else str(value)
    try:
        read = field.prepare_value(field.to_python(value))
    except ValidationError:
        return str(value)
    return "" if read is None else read


def _put(data: Any, field: forms.Field, key: str, value: Any) -> None:
    """Sends ``value`` as the field's."""
    if isinstance(field, forms.BooleanField) and not value:
        data.pop(key, None)
    else:
        data[key] = "on" if value is True else str(value)


def _show(field: forms.Field, value: Any) -> str:
    if value is True or value is False:
        return _("yes") if value else _("no")
    if isinstance(field, forms.ModelChoiceField):
        found = field.queryset.filter(pk=value).first() if is_key(value) else None  # type: ignore[union-attr]
        return str(found) if found is not None else _("(empty)")
    if isinstance(field, forms.ChoiceField):
        value = dict(cast(Any, field.choices)).get(value, value)
    return Truncator(str(value)).chars(MAX_VALUE) or _("(empty)")
