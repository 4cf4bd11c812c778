"""The tools above the text and every key while writing: the one list that the toolbar, its script and the guide read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy, pgettext_lazy

_DIALOG = {"aria-haspopup": "dialog"}


@dataclass(frozen=True, slots=True)
class Tool:
    """One button. ``act`` is its name in js/editor/toolbar.js, ``keys`` its shortcut as ``aria-keyshortcuts`` writes it.

    ``needs`` are Markdown features of which it takes one. ``is_markdown``: it writes Markdown. ``says`` is what the list of
    keys says of it, where that is more than its label.
    """

    act: str
    label: Any
    keys: str = ""
    needs: str = ""
    is_markdown: bool = True
    says: Any = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A line of the list of keys: combinations that do the same or belong together, each as the names of its keys."""

    combinations: tuple[tuple[str, ...], ...]
    says: Any


TOOLS = (
    Tool("bold", gettext_lazy("Bold"), "Control+B"),
    Tool("italic", gettext_lazy("Italic"), "Control+I"),
    Tool(
        "heading",
        gettext_lazy("Heading"),
        "Control+Shift+6",
        says=gettext_lazy("Heading: each press one level deeper, then none"),
    ),
    Tool("link", gettext_lazy("Link"), "Control+K", attributes=_DIALOG),
    Tool("bullets", gettext_lazy("Bullets"), "Control+Shift+8"),
    Tool("numbers", gettext_lazy("Numbers"), "Control+Shift+7"),
    Tool("quote", gettext_lazy("Quotation"), "Control+Shift+9"),
    Tool("code", gettext_lazy("Code"), "Control+E"),
    Tool("table", gettext_lazy("Table"), needs="tables"),
    Tool("footnote", gettext_lazy("Footnote"), needs="footnotes"),
    Tool("ruby", gettext_lazy("Ruby"), needs="ruby"),
    Tool("picture", pgettext_lazy("toolbar", "Picture"), attributes=_DIALOG),
    Tool("callout", gettext_lazy("Box"), needs="callouts zenn directives"),
    Tool(
        "find",
        gettext_lazy("Find"),
        "Control+Shift+H",
        is_markdown=False,
        says=gettext_lazy("Find and replace in the text"),
        attributes={"aria-expanded": "false", "aria-controls": "writing-find"},
    ),
    Tool(
        "full",
        gettext_lazy("Full screen"),
        "Control+Shift+Enter",
        is_markdown=False,
        says=gettext_lazy("Full screen; Escape leaves it"),
        attributes={"aria-pressed": "false"},
    ),
    Tool("help", gettext_lazy("Keys"), "Control+/", is_markdown=False, says=gettext_lazy("This list"), attributes=_DIALOG),
    Tool(
        "guide",
        pgettext_lazy("toolbar", "Markdown"),
        "Control+Shift+/",
        is_markdown=False,
        says=gettext_lazy("The guide to Markdown; Escape closes it and gives the cursor back"),
        attributes=_DIALOG,
    ),
)

# Keys without a button: js/editor/keys.js and text.js hold what they do.
_PLAIN = (
    Shortcut((("Ctrl", "Z"),), gettext_lazy("Undo, also what a button did")),
    Shortcut((("Enter",),), gettext_lazy("In a list or quotation: the next item; on an empty one: the end of the list")),
    Shortcut(
        (("Tab",), ("Shift", "Tab")),
        gettext_lazy("In a list: further in, further out. Everywhere else they leave the text."),
    ),
    Shortcut((("Esc",), ("Tab",)), gettext_lazy("Leaves the text from anywhere, also from a list")),
    Shortcut(
        (("Alt", "F10"),),
        gettext_lazy("From the text to the tools; ← and → move among them, Escape leads back"),
    ),
)

SHORTCUTS = (
    *(
        Shortcut((tuple(tool.keys.replace("Control", "Ctrl").split("+")),), tool.says or tool.label)
        for tool in TOOLS
        if tool.keys
    ),
    *_PLAIN,
)
