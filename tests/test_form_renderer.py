"""Fields that are written without their templates are what the templates make of them, to the byte."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.forms.renderers import DjangoTemplates
from django.forms.utils import ErrorList
from django.test import RequestFactory
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy, override

from cms.form_renderer import _WRITERS, Renderer
from tests.people import make_person

OWN, DJANGOS = Renderer(), DjangoTemplates()
CHOICES = [
    ("", "---------"),
    (1, "一"),
    (1234567, 1234567),
    (Decimal("1234.5"), Decimal("1234.5")),
    ("<b>", "<b>&amp;"),
    ("safe", mark_safe("<i>斜</i>")),
    ("lazy", gettext_lazy("Published")),
    (None, None),
    (datetime.date(2026, 1, 2), datetime.date(2026, 1, 2)),
    ("組", [("a", "甲"), ("b", "\"乙'")]),
    (gettext_lazy("Draft"), [((1, 2), (1, 2))]),
]
VALUES = [
    None,
    "",
    "本文 <script>&amp;\"'",
    "\n先頭の改行",
    mark_safe("<i>斜</i>"),
    gettext_lazy("Published"),
    0,
    1234567,
    Decimal("1234567.89"),
    True,
    False,
    (1, 2),
    datetime.date(2026, 1, 2),
    datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
]
ATTRIBUTES = [
    {},
    {"id": "id_x", "required": True, "disabled": False, "maxlength": 1000, "data-x": "<\"'&>", "title": mark_safe("&amp;")},
    {"aria-label": gettext_lazy("Published"), "placeholder": None, "rows": 10, "step": 0.5, "data-pair": (1, 2)},
]
WIDGETS: list[forms.Widget] = [
    *(kind() for kind in (forms.TextInput, forms.NumberInput, forms.EmailInput, forms.URLInput, forms.HiddenInput)),
    *(kind() for kind in (forms.PasswordInput, forms.CheckboxInput, forms.Textarea, forms.TimeInput)),
    *(kind() for kind in (forms.DateInput, forms.DateTimeInput)),
    *(kind(choices=CHOICES) for kind in (forms.Select, forms.SelectMultiple, forms.RadioSelect, forms.CheckboxSelectMultiple)),
    forms.NullBooleanSelect(),
    forms.ClearableFileInput(),
]


@pytest.mark.parametrize("language", ["ja", "en", "de"])
@pytest.mark.parametrize("widget", WIDGETS, ids=lambda widget: type(widget).__name__)
def test_a_field_is_what_its_template_makes_of_it(widget: forms.Widget, language: str) -> None:
    with override(language):
        for value in VALUES:
            for attributes in ATTRIBUTES:
                own = widget.render('名"前', value, attributes, renderer=OWN)
                assert own == widget.render('名"前', value, attributes, renderer=DJANGOS), (value, attributes)
                assert hasattr(own, "__html__")


def test_every_writer_has_a_template_of_django_s() -> None:
    """A template that the next Django renames or drops is noticed here."""
    assert all(OWN._is_djangos(name) for name in _WRITERS)


def test_a_choice_with_a_template_of_its_own_keeps_it() -> None:
    class Odd(forms.Select):
        option_template_name = "django/forms/widgets/radio_option.html"

    assert Odd(choices=CHOICES).render("x", 1, renderer=OWN) == Odd(choices=CHOICES).render("x", 1, renderer=DJANGOS)


def test_a_template_that_an_app_replaces_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Template:
        class origin:
            name = "/srv/theme/templates/django/forms/widgets/attrs.html"

    renderer = Renderer()
    real = renderer.get_template

    def get_template(name: str) -> Any:
        return Template if name.endswith("attrs.html") else real(name)

    monkeypatch.setattr(renderer, "get_template", get_template)
    assert not renderer._is_djangos("django/forms/widgets/text.html")


def test_errors_are_shown_where_there_are_some() -> None:
    for errors in ([], ["<b> fehlt"]):
        own, djangos = ErrorList(errors, renderer=OWN), ErrorList(errors, renderer=DJANGOS)
        assert (str(own), own.as_ul(), own.as_text()) == (str(djangos), djangos.as_ul(), djangos.as_text())
    assert "&lt;b&gt; fehlt" in ErrorList(["<b> fehlt"], renderer=OWN).render()


def draw(field: forms.BoundField) -> list[str]:
    labels = [field.label_tag(attrs={"class": '"x"'}), field.label_tag(" <b> ", label_suffix=""), field.legend_tag()]
    return [field.as_widget(), *labels, field.errors.as_ul(), str(field.errors)]


def test_a_label_is_what_its_template_makes_of_it() -> None:
    for prefix in ("id_%s", False):
        for renderer in (OWN, DJANGOS):
            form = forms.Form(auto_id=prefix, renderer=renderer)
            form.fields["x"] = forms.CharField(label=mark_safe(" <i>斜</i> & "), required=True)
            form.fields["y"] = forms.ChoiceField(label="<b>", choices=CHOICES, widget=forms.RadioSelect)
            if renderer is OWN:
                drawn = [draw(form[name]) for name in form.fields]
        assert drawn == [draw(form[name]) for name in form.fields]


@pytest.mark.django_db
def test_every_form_of_the_desk_is_what_its_templates_make_of_it() -> None:
    request = RequestFactory().get("/admin/")
    request.user = make_person("superuser")
    seen = 0
    for model_admin in admin.site._registry.values():
        form: Any = model_admin.get_form(request)()
        for field in form:
            form.renderer = OWN
            own = draw(field)
            form.renderer = DJANGOS
            assert own == draw(field), (model_admin, field.name)
            seen += 1
    assert seen > 50
