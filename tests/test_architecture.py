"""Who may import whom (docs/architecture.md), read from the source."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def read_layers() -> dict[str, int]:
    """Module → layer, from the table in docs/architecture.md: 0 pure, 1 state, 2 derived, 3 verbs, 4 journeys, 5 doors."""
    rows = re.findall(r"^\| (\d) \w+ \|([^|]*)\|", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {f"articles.{name}": int(layer) for layer, names in rows for name in re.findall(r"`([\w.]+)`", names)}


LAYERS = read_layers()
# The application's configuration reads the checks so that they are registered; templates of the site use its tags.
# The desk's preview is the page as readers will see it, so the site's own view function draws it.
# The site as files is what the site answers, started by a command.
# The read API says in another form what the pages say, so it asks the same functions.
DOORS_THAT_MEET = {
    ("articles.apps", "articles.checks"),
    ("articles.admin.preview", "articles.site"),
    ("articles.api", "articles.site"),
    ("articles.management.commands.publish_static", "articles.site.publishing"),
}
READERS = ("articles.site", "articles.templatetags", "articles.api")
WRITERS = ("articles.transfer", "articles.editorial")
# Migrations speak of models as they were; they are no part of the picture.
OUTSIDE = ("articles.migrations",)

HOMES = {
    "markdown": ("articles.markup.engines", "articles.markup.kramdown"),
    "comrak": ("articles.markup.engines",),
    "nh3": ("articles.markup.sanitise",),
    "pygments": ("articles.markup",),
    "latex2mathml": ("articles.markup",),
    "budoux": ("articles.markup", "articles.templatetags", "articles.derive", "articles.media.cards"),
    "import_export": ("articles.transfer.resources", "articles.admin"),
    "PIL": ("articles.media",),
    # The desk has to unregister the list of tags that the library brings.
    "taggit": ("articles.models", "articles.transfer.resources", "articles.admin"),
    "ruamel": ("articles.formats.frontmatter",),
    "tomlkit": ("articles.formats.frontmatter",),
    "yaml": ("articles.formats.frontmatter",),
    "charset_normalizer": ("articles.formats.encoding",),
    "environ": ("cms.settings",),
    "ninja": ("articles.api",),
    "pydantic": ("articles.api",),
    "boto3": ("articles.stores.s3",),
    "botocore": ("articles.stores.s3",),
}


@dataclass(frozen=True)
class Import:
    module: str
    target: str
    line: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def list_sources(package: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def read_imports(module: str, path: Path) -> Iterator[Import]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (Import(module, alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield Import(module, full if is_module(full) else str(node.module), node.lineno)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def unit_of(name: str) -> str:
    return max((unit for unit in LAYERS if is_in(name, unit)), key=len, default="")


def may_meet(found: Import) -> bool:
    return any(is_in(found.module, door) and is_in(found.target, other) for door, other in DOORS_THAT_MEET)


ARTICLES = [(name, path) for name, path in list_sources("articles") if not any(is_in(name, out) for out in OUTSIDE)]
IMPORTS = [found for name, path in ARTICLES for found in read_imports(name, path)]
OUR_IMPORTS = [found for found in IMPORTS if is_in(found.target, "articles")]


def test_the_picture_names_all_six_layers() -> None:
    assert set(LAYERS.values()) == set(range(6))


def test_every_module_has_a_layer() -> None:
    unknown = [name for name, _ in ARTICLES if name not in ("articles", "articles.samples") and not unit_of(name)]
    assert unknown == [], "add it to the table of layers in docs/architecture.md"


def test_a_layer_imports_only_what_lies_below() -> None:
    wrong = []
    for found in OUR_IMPORTS:
        unit, target = unit_of(found.module), unit_of(found.target)
        if unit == target or not unit or not target or may_meet(found):
            continue
        if LAYERS[target] > LAYERS[unit] or LAYERS[target] == LAYERS[unit] == 5:
            wrong.append(str(found))
    assert wrong == []


def test_the_public_side_only_reads() -> None:
    wrong = [
        str(found)
        for found in OUR_IMPORTS
        if any(is_in(found.module, reader) for reader in READERS) and any(is_in(found.target, writer) for writer in WRITERS)
    ]
    assert wrong == []


def test_the_pure_layer_knows_no_database_no_request_and_no_settings() -> None:
    wrong = [
        str(found)
        for found in IMPORTS
        if LAYERS.get(unit_of(found.module)) == 0 and is_in(found.target, "django") and not is_in(found.target, "django.utils")
    ]
    assert wrong == []


def test_relative_imports_are_not_used() -> None:
    wrong = [
        f"{name}:{node.lineno}"
        for package in ("articles", "cms")
        for name, path in list_sources(package)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert wrong == []


def test_articles_never_import_the_project() -> None:
    assert [str(found) for found in IMPORTS if is_in(found.target, "cms")] == []


@pytest.mark.parametrize("library", sorted(HOMES))
def test_each_library_has_one_home(library: str) -> None:
    cms = [found for name, path in list_sources("cms") for found in read_imports(name, path)]
    wrong = [
        str(found)
        for found in IMPORTS + cms
        if is_in(found.target, library) and not any(is_in(found.module, home) for home in HOMES[library])
    ]
    assert wrong == []


def test_dialects_never_import_each_other() -> None:
    dialects = {f"articles.formats.{name}" for name in ("jekyll", "hugo", "obsidian", "zenn", "hexo", "plain")}
    wrong = [
        str(found)
        for found in OUR_IMPORTS
        for dialect in dialects
        if is_in(found.target, dialect) and not is_in(found.module, dialect) and found.module != "articles.formats"
    ]
    assert wrong == []


def test_nothing_is_imported_inside_a_function() -> None:
    wrong = [
        f"{name}:{inner.lineno}"
        for package in ("articles", "cms")
        for name, path in list_sources(package)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert wrong == []


def test_no_handler_catches_everything() -> None:
    wrong = [
        f"{name}:{node.lineno}"
        for package in ("articles", "cms")
        for name, path in list_sources(package)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and catches_everything(node)
    ]
    assert wrong == []


def catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException")) for kind in caught)


def test_the_bootstrap_needs_nothing_but_python() -> None:
    wrong = [
        str(found)
        for found in read_imports("cms.bootstrap", ROOT / "cms" / "bootstrap.py")
        if found.target.split(".")[0] not in sys.stdlib_module_names
    ]
    assert wrong == []
