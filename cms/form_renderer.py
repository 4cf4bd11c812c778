"""Writes the simplest fields of forms without the template engine, byte for byte as Django's own templates do.

A list of the desk has fifty boxes to tick, the form of a post more than a hundred options, and each of them is two or three
templates within each other: a quarter of such a page's time. Every other field, and each of these whose template an app
replaces, is drawn from its template.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from django import forms
from django.forms.renderers import DjangoTemplates
from django.template.defaultfilters import stringformat
from django.utils.formats import localize
from django.utils.functional import Promise
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString
from django.utils.timezone import is_aware, localtime

Widget = Mapping[str, Any]
"""What Django gives a field's template as ``widget`` (``Widget.get_context``)."""

_FOLDER = "django/forms/widgets/"
_OPTION = f"{_FOLDER}select_option.html"
_BOXES = (f"{_FOLDER}checkbox_option.html", f"{_FOLDER}radio_option.html")
_ERRORS = ("django/forms/errors/list/default.html", "django/forms/errors/list/ul.html")
# What the templates below include.
_INNER = (
    *(f"{_FOLDER}{name}.html" for name in ("attrs", "input", "input_option", "multiple_input")),
    *(_OPTION, *_BOXES, *_ERRORS, "django/forms/attrs.html"),
)
_HOME = Path(forms.__file__).parent / "templates"


class Renderer(DjangoTemplates):
    """Django's renderer of forms, quicker for fields of one line, boxes, texts and choices."""

    def __init__(self) -> None:
        self._is_own: dict[str, bool] = {}

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        """The HTML of a field or of a list of errors, as text that the caller marks as safe."""
        write = _WRITERS.get(template_name)
        written = write(context) if write is not None and self._is_djangos(template_name) else None
        return str(super().render(template_name, context, request)) if written is None else written.strip()

    def _is_djangos(self, template_name: str) -> bool:
        """Whether the template, and those in it, are Django's own: an app may have put its own in their place."""
        if template_name not in self._is_own:
            origins = [Path(self.get_template(name).origin.name) for name in (template_name, *_INNER)]
            self._is_own[template_name] = all(origin.is_relative_to(_HOME) for origin in origins)
        return self._is_own[template_name]


def _show(value: Any) -> str:
    """``{{ value }}`` in a template that escapes."""
    if isinstance(value, str):
        return value if isinstance(value, SafeString) else escape(value)
    if isinstance(value, datetime) and is_aware(value):
        value = localtime(value)
    shown: Any = value if isinstance(value, Promise) else str(localize(value))
    return str(conditional_escape(shown))


def _text(value: Any) -> str:
    """``{{ value|stringformat:'s' }}``: without the marks of thousands that a language has."""
    return value if isinstance(value, SafeString) else escape(stringformat(value, "s"))


def _write_attributes(attributes: Mapping[str, Any] | None) -> str:
    return "".join(
        f" {_show(name)}" if value is True else f' {_show(name)}="{_text(value)}"'
        for name, value in (attributes or {}).items()
        if value is not False
    )


def _write_input(widget: Widget) -> str:
    value = widget.get("value")
    shown = "" if value is None else f' value="{_text(value)}"'
    return f'<input type="{_show(widget["type"])}" name="{_show(widget["name"])}"{shown}{_write_attributes(widget["attrs"])}>'


def _write_textarea(widget: Widget) -> str:
    value = widget.get("value")
    text = _show(value) if value else ""
    return f'<textarea name="{_show(widget["name"])}"{_write_attributes(widget["attrs"])}>\n{text}</textarea>'


def _write_option(widget: Widget) -> str:
    return f'<option value="{_text(widget["value"])}"{_write_attributes(widget["attrs"])}>{_show(widget["label"])}</option>'


def _write_select(widget: Widget) -> str | None:
    options = _write_groups(
        widget, (_OPTION,), lambda option: f"\n  {_write_option(option)}\n", '\n  <optgroup label="', '">', "</optgroup>"
    )
    start = f'<select name="{_show(widget["name"])}"{_write_attributes(widget["attrs"])}>'
    return None if options is None else f"{start}{options}\n</select>"


def _write_boxes(widget: Widget) -> str | None:
    """Several boxes to tick, or one of several."""
    boxes = _write_groups(
        widget, _BOXES, lambda option: f"<div>\n    {_write_box(option)}</div>", "\n  <div><label>", "</label>", "</div>"
    )
    attributes = widget["attrs"]
    shown = "".join(f' {name}="{_show(attributes[name])}"' for name in ("id", "class") if attributes.get(name))
    return None if boxes is None else f"<div{shown}>{boxes}\n</div>"


def _write_groups(
    widget: Widget, templates: tuple[str, ...], write: Callable[[Widget], str], before: str, behind: str, end: str
) -> str | None:
    """The options, each group between its name (``before``, ``behind``) and ``end``.

    ``None`` where an option has a template other than ``templates``.
    """
    pieces = []
    for group, options, _number in widget["optgroups"]:
        if any(option["template_name"] not in templates for option in options):
            return None
        written = "".join(map(write, options))
        pieces.append(f"{before}{_show(group)}{behind}{written}\n  {end}" if group else written)
    return "".join(pieces)


def _write_box(option: Widget) -> str:
    """A box with its label, and the line ends of the three files that Django makes it from."""
    box = f"{_write_input(option)}\n"
    if option["wrap_label"]:
        name = option["attrs"].get("id")
        target = f' for="{_show(name)}"' if name else ""
        box = f"<label{target}>{box} {_show(option['label'])}</label>"
    return f"{box}\n\n"


def _write_label(context: Mapping[str, Any]) -> str:
    label = _show(context["label"])
    if not context["use_tag"]:
        return label
    tag = _show(context["tag"])
    return f"<{tag}{_write_attributes(context['attrs'])}>{label}</{tag}>"


_INPUTS = (
    "input",
    "text",
    "number",
    "email",
    "url",
    "hidden",
    "password",
    "checkbox",
    "date",
    "datetime",
    "time",
    "search",
    "tel",
)


def _of_widget(write: Callable[[Widget], str | None]) -> Callable[[Mapping[str, Any]], str | None]:
    return lambda context: write(context["widget"])


_WRITERS: dict[str, Callable[[Mapping[str, Any]], str | None]] = {
    **{f"{_FOLDER}{name}.html": _of_widget(_write_input) for name in _INPUTS},
    f"{_FOLDER}textarea.html": _of_widget(_write_textarea),
    f"{_FOLDER}select.html": _of_widget(_write_select),
    f"{_FOLDER}checkbox_select.html": _of_widget(_write_boxes),
    f"{_FOLDER}radio.html": _of_widget(_write_boxes),
    # A form asks for the errors of each of its fields, and most have none.
    **dict.fromkeys(_ERRORS, lambda context: None if context["errors"] else ""),
    "django/forms/label.html": _write_label,
}
"""Template → what writes the same from its context, or gives ``None`` for what only the template can."""
