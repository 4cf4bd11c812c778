"""What is wrong with a theme, found before a reader does: a folder of templates and static files that come before the site's own.

A template may extend the one whose place it takes (``{% extends "articles/post.html" %}`` in a file of that name) and say
only what differs. Every template is compiled here; what Django passes over in silence, such as a block that no page has,
is reported with the nearest name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.template import Engine, Node, NodeList, Origin, Template, TemplateDoesNotExist, TemplateSyntaxError
from django.template.base import FilterExpression, Token
from django.template.loader_tags import BlockNode, ExtendsNode, IncludeNode
from django.templatetags.static import StaticNode

TEMPLATES, STATIC = "templates", "static"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a theme, and what to do. ``is_fatal``: pages would fail or belong to somebody else."""

    message: str
    hint: str
    is_fatal: bool = True


@dataclass(slots=True)
class _Theme:
    """A theme while it is read. ``names`` are its templates, ``site`` the folder of those whose place it may take."""

    folder: Path
    site: Path
    engine: Engine
    names: list[str]
    used: set[str] = field(default_factory=set)


def find_faults(folder: Path, site: Path, engine: Engine) -> list[Fault]:
    """What is wrong with the theme in ``folder``, in the order of its files.

    ``site`` is the folder of the site's own templates and ``engine`` the one that draws pages, which must read the theme's first.
    """
    if fault := _find_fault_of_folder(folder):
        return [fault]
    theme = _Theme(folder, site, engine, _list_files(folder / TEMPLATES))
    faults: list[Fault] = []
    for name in theme.names:
        faults += _read_template(theme, name)
    return [*faults, *_find_idle(theme)]


def list_static_files(folder: Path) -> list[str]:
    """The static files of a theme, by the names that ``{% static %}`` takes."""
    return _list_files(folder / STATIC)


def _find_fault_of_folder(folder: Path) -> Fault | None:
    remedy = f"Give a folder that holds {TEMPLATES}/, {STATIC}/ or both (docs/theming.md), or leave THEME_DIR out."
    try:
        inside = {path.name for path in folder.iterdir() if path.is_dir()}
        for path in folder.rglob("*"):
            if path.is_file():
                path.open("rb").close()
    except OSError as error:
        return Fault(f"THEME_DIR ({folder}) cannot be read: {error.strerror}: {error.filename}.", remedy)
    if not inside & {TEMPLATES, STATIC}:
        return Fault(f"THEME_DIR ({folder}) holds neither {TEMPLATES}/ nor {STATIC}/.", remedy)
    return None


def _list_files(folder: Path) -> list[str]:
    """Files below a folder as names with slashes. Those that begin with a dot are the system's, not the theme's."""
    names = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    return [name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts)]


def _read_template(theme: _Theme, name: str) -> list[Fault]:
    path = theme.folder / TEMPLATES / name
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return [Fault(f"{path} is no text in UTF-8.", f"Save it as UTF-8; pictures and fonts belong into {STATIC}/.")]
    if fault := _find_owner(theme, name):
        return [fault]
    try:
        template = Template(text, _origin(theme, name), name, theme.engine)
    except TemplateSyntaxError as error:
        token: Token | None = getattr(error, "token", None)
        line = f", line {token.lineno}" if token else ""
        return [Fault(f"{path}{line}: {error}", "Correct it: every page that uses this template would fail.")]
    return [*_find_missing(theme, template), *_find_strangers(theme, template)]


def _find_owner(theme: _Theme, name: str) -> Fault | None:
    """The fault of a template in the place of one of the desk's or of a library's."""
    replaced = _find_replaced(theme, name)
    if replaced is None:
        return None
    place = Path(replaced.origin.name)
    if place.is_relative_to(theme.site) and not place.is_relative_to(theme.site / "admin"):
        return None
    return Fault(
        f"{theme.folder / TEMPLATES / name} would take the place of a template that belongs to the desk or to a library.",
        "Give it another name: a theme changes what readers see.",
    )


def _find_replaced(theme: _Theme, name: str) -> Template | None:
    try:
        return theme.engine.find_template(name, skip=[_origin(theme, name)])[0]
    except TemplateDoesNotExist:
        return None


def _origin(theme: _Theme, name: str) -> Origin:
    """Where the engine finds the theme's template. Two are one only where their loader is the same, too."""
    path = str(theme.folder / TEMPLATES / name)
    sources = (origin for loader in theme.engine.template_loaders for origin in loader.get_template_sources(name))
    return next((origin for origin in sources if origin.name == path), Origin(path, name))


def _find_missing(theme: _Theme, template: Template) -> Iterator[Fault]:
    """Templates and static files that are named and not there."""
    where = template.origin.name
    extended = [(node, _literal(node.parent_name), [template.origin]) for node in _find(template, ExtendsNode)]
    included: list[tuple[Node, str, list[Origin]]] = [
        (node, _literal(node.template), []) for node in _find(template, IncludeNode)
    ]
    for node, name, skip in extended + included:
        theme.used.add(name)
        if name and not _exists(theme.engine, name, skip):
            known = (*theme.names, *_list_files(theme.site))
            yield Fault(f"{where}, line {_line(node)}: there is no template {name!r}.", _nearest(name, known))
    for node in _find(template, StaticNode):
        name = _literal(node.path)
        if name and finders.find(name) is None:
            hint = _nearest(name, list_static_files(theme.folder)) or f"Put it into {theme.folder / STATIC}."
            yield Fault(f"{where}, line {_line(node)}: there is no static file {name!r}.", hint)


def _exists(engine: Engine, name: str, skip: list[Origin]) -> bool:
    try:
        engine.find_template(name, skip=skip)
    except TemplateDoesNotExist:
        return False
    except (TemplateSyntaxError, UnicodeDecodeError):
        # Reported where that template is read itself.
        return True
    return True


def _find_strangers(theme: _Theme, template: Template) -> Iterator[Fault]:
    """Blocks that no parent has: Django never draws them."""
    try:
        parents = list(_find_parents(template, theme.engine))
    except (TemplateDoesNotExist, TemplateSyntaxError, UnicodeDecodeError):
        return
    if not parents:
        return
    known = {block.name for each in parents for block in _find(each, BlockNode)}
    for block in _outermost_strangers(template.nodelist, known):
        yield Fault(
            f"{template.origin.name}, line {_line(block)}: no page has a block {block.name!r}, so it is never shown.",
            _nearest(block.name, sorted(known)) or f"{parents[0].name} has: {', '.join(sorted(known))}.",
            is_fatal=False,
        )


def _outermost_strangers(nodes: Iterable[Node], known: set[str]) -> Iterator[BlockNode]:
    """What stands inside a block that is known is drawn with it, whatever its name."""
    for node in nodes:
        if isinstance(node, BlockNode):
            if node.name not in known:
                yield node
            continue
        for attribute in node.child_nodelists:
            yield from _outermost_strangers(getattr(node, attribute, None) or NodeList(), known)


def _find_parents(template: Template, engine: Engine) -> Iterator[Template]:
    """What a template extends, nearest first, as far as its names are written out."""
    history = [template.origin]
    while extending := _find(template, ExtendsNode):
        name = _literal(extending[0].parent_name)
        if not name:
            return
        template, origin = engine.find_template(name, skip=history)
        history.append(origin)
        yield template


def _find_idle(theme: _Theme) -> Iterator[Fault]:
    """Templates under a name that nothing asks for, mostly mistyped."""
    for name in theme.names:
        if name in theme.used or _find_replaced(theme, name) is not None:
            continue
        yield Fault(
            f"{theme.folder / TEMPLATES / name} takes the place of no template, and none of the theme's names it.",
            _nearest(name, _list_files(theme.site)) or "Remove it, or include it where it belongs.",
            is_fatal=False,
        )


def _find(template: Template, kind: type[Any]) -> list[Any]:
    return template.nodelist.get_nodes_by_type(kind)


def _line(node: Node) -> int:
    return (node.token.lineno if node.token else None) or 1


def _literal(expression: FilterExpression) -> str:
    """The text of an expression that is one, else nothing: what a variable holds is known only when a page is drawn."""
    return str(expression.var) if isinstance(expression.var, str) and not expression.filters else ""


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"Did you mean {near[0]!r}?" if near else ""
