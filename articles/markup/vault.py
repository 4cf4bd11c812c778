"""What only Obsidian and its plugins understand: signs of tasks, which are translated, and code, which is marked and reported."""

from __future__ import annotations

import re
from html import escape

from articles.markup.page import Page
from articles.markup.source import CodeMap

#: Languages of fenced blocks that are no code to be read but something that a plugin draws.
PLUGIN_BLOCKS = frozenset(
    (
        *("base", "button", "chart", "dataview", "dataviewjs", "kanban", "leaflet", "meta-bind", "meta-bind-button"),
        *("query", "tasks", "templater", "tracker"),
    )
)
#: Files that only Obsidian draws: nothing can be shown in the place of their embed.
DRAWINGS = (".canvas", ".excalidraw", ".excalidraw.md", ".base")
#: Sign in the box of a task → the word for it (``articles.markup.page.WORDS``). A box with any other sign is open.
TASK_WORDS = {"-": "cancelled", ">": "deferred"}

_TASK = re.compile(r"^(?:[ \t>]|(?:[-*+]|\d{1,9}[.)])(?=[ \t]))*(?:[-*+]|\d{1,9}[.)])[ \t]+\[([^\s\[\]xX])\][ \t](?=\S)", re.M)
_TEMPLATER = re.compile(r"<%.{1,2000}?%>", re.S)
_FENCE = re.compile(r"[^`~\n]*[`~]{3,}[ \t]*([\w-]+)")
#: The functions of Dataview's query language, written in small letters: ``=SUM(A1:A3)`` is a sheet's.
_FUNCTIONS = (
    *("object", "list", "array", "date", "dur", "number", "string", "link", "embed", "elink", "typeof"),
    *("round", "trunc", "floor", "ceil", "min", "max", "sum", "product", "average", "minby", "maxby", "reduce"),
    *("contains", "icontains", "econtains", "containsword", "extract", "sort", "reverse", "length", "nonnull", "firstvalue"),
    *("all", "any", "none", "join", "filter", "unique", "map", "flat", "slice"),
    *("regextest", "regexmatch", "regexreplace", "replace", "lower", "upper", "split", "startswith", "endswith"),
    *("padleft", "padright", "substring", "truncate", "default", "ldefault", "choice", "display", "hash", "striptime"),
    *("dateformat", "durationformat", "currencyformat", "localtime", "meta"),
)
#: What follows ``$=`` is JavaScript, whatever it is; an arrow and signs that compare are somebody's code to be read.
_INLINE_QUERY = re.compile(rf"=\s*(?:this[.\[]|dv\.|\[\[|(?:{'|'.join(_FUNCTIONS)})\()|\$=\s*[^\s=>]")


def translate(page: Page, text: str) -> str:
    """``text`` with a mark behind each box whose sign is Obsidian's own, and plugins' code held back. Lines stay in place."""
    code = CodeMap(text) if "`" in text or "~~~" in text or "<%" in text else None
    text = _hold_code(page, text, code) if code else text
    if "tasklists" in page.features and "] " in text:
        text = _mark_tasks(page, text)
    return text


def _mark_tasks(page: Page, text: str) -> str:
    """Indented code may look like a task, so the text itself stays as it is: what follows the box says what it is."""
    code = CodeMap(text)

    def mark(match: re.Match[str]) -> str:
        return match[0] if code.region_at(match.start()) else match[0] + page.hold_task(match[1])

    return _TASK.sub(mark, text)


def _hold_code(page: Page, text: str, code: CodeMap) -> str:
    pieces: list[str] = []
    at = line = 0
    counted = 0
    found = [(start, end) for start, end in code.regions]
    found += [match.span() for match in _TEMPLATER.finditer(text) if not code.region_at(match.start())]
    for start, end in sorted(found):
        if start < at:
            continue
        name = _name_of(text[start:end])
        if not name:
            continue
        line += text.count("\n", counted, start)
        counted = start
        page.report_template_code(name, text[start:end], line + 1)
        if _is_fence(text[start:end]):
            # The engine reads it; the finishing marks it by its language.
            continue
        source = text[start:end]
        pieces += [text[at:start], page.hold(f'<span class="template-code">{escape(source)}</span>', text=source)]
        at = end
    return "".join(pieces) + text[at:]


def _name_of(source: str) -> str:
    """By what name to report a region of code, or ``""`` for code that is meant to be read."""
    if source.startswith("<%"):
        words = re.sub(r"^<%[-_*+~]*\s*|\s*[-_]?%>$", "", source).split()
        return (words[0].partition("(")[0] if words else "<%")[:40] or "<%"
    if _is_fence(source):
        fence = _FENCE.match(source)
        language = fence[1].lower() if fence else ""
        return language if language in PLUGIN_BLOCKS else ""
    return "dataview" if _INLINE_QUERY.match(source.strip("`").strip()) else ""


def _is_fence(source: str) -> bool:
    return "\n" in source and re.match(r"(?:[ \t>]|(?:[-*+]|\d{1,9}[.)])[ \t])*(?:`{3}|~{3})", source) is not None
