"""Archives and Documents: what files of a Markdown site say, whichever generator they were written for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import encoding as encodings
from articles.formats import frontmatter, hexo, hugo, jekyll, obsidian, plain, sites, zenn
from articles.formats.container import Container
from articles.formats.document import Document, Site, SourceText
from articles.formats.fields import rename_keys
from articles.formats.layouts import layout_path
from articles.formats.sites import ReadOptions, Recognition

__all__ = ["DIALECTS", "find_sites", "layout_path", "read_document", "recognise_file"]

DIALECTS: dict[str, ModuleType] = {
    hugo.NAME: hugo,
    hexo.NAME: hexo,
    jekyll.NAME: jekyll,
    zenn.NAME: zenn,
    obsidian.NAME: obsidian,
    plain.NAME: plain,
}
"""All dialects in the order in which they are tried; ``plain`` takes what nobody else knows, so it stays last."""


def find_sites(
    container: Container,
    *,
    dialect: str = "",
    timezone: str = "",
    language: str = "",
    encoding: str = "",
    default_timezone: str = "",
) -> list[Site]:
    """The sites in an archive, sorted by their folder; every member belongs to exactly one of them.

    A root is found by its configuration file (also inside another root), else by its shape (outside every other root);
    what is left belongs to a ``plain`` root at the folder that the left-over files have in common. ``dialect`` reads
    the whole archive as one: its own roots where it knows any, else one root at the common folder. ``timezone`` (IANA)
    and ``language`` count where a site says nothing; ``default_timezone`` where neither the site nor the rule of its generator
    nor ``timezone`` says one; ``encoding`` is that of its files that are not Unicode. Raises
    ``KeyError`` for an unknown dialect. An empty archive has no site.
    """
    options = ReadOptions(dialect, timezone, language, encoding, default_timezone)
    modules = {dialect: DIALECTS[dialect]} if dialect else DIALECTS
    roots = _find_roots(container, modules)
    rest = [path for path in container.members if not _is_under(path, roots)]
    if rest:
        _add_rest(container, roots, rest, dialect or plain.NAME)
    return [_read_site(container, folder, DIALECTS[name], roots, options) for folder, name in sorted(roots.items())]


def _find_roots(container: Container, modules: Mapping[str, ModuleType]) -> dict[str, str]:
    """Folder → dialect, for the roots that some dialect recognises."""
    strengths: dict[Recognition, dict[str, str]] = {"config": {}, "shape": {}}
    for folder in sorted(sites.list_folders(container)):
        for name, module in modules.items():
            if strength := _strength(module.recognise(container, folder)):
                strengths[strength].setdefault(folder, name)
    roots = {folder: name for folder, name in strengths["config"].items() if not _is_machinery(folder)}
    for folder, name in strengths["shape"].items():
        if not _is_under(folder, roots) and not _is_machinery(folder):
            roots[folder] = name
    return roots


def _strength(recognised: Recognition | bool) -> Recognition:
    if recognised is True:
        return "config"
    return recognised or ""


def _is_machinery(folder: str) -> bool:
    """A configuration inside a theme, a package or a hidden folder is no site of its own."""
    return any(part in ("node_modules", "themes", "vendor", "_vendor", "_site") for part in folder.split("/"))


def _is_under(path: str, roots: Mapping[str, str]) -> bool:
    return any(path.startswith(root) for root in roots)


def _add_rest(container: Container, roots: dict[str, str], rest: list[str], name: str) -> None:
    folder = _common_folder(rest)
    # A root's identity is its folder: what stands beside a nested root goes to the nearest folder that is still free.
    while folder in roots:
        folder = folder.rstrip("/").rpartition("/")[0]
        folder = folder + "/" if folder else ""
        if not folder:
            break
    roots.setdefault(folder, name)


def _common_folder(paths: list[str]) -> str:
    first, last = min(paths).split("/")[:-1], max(paths).split("/")[:-1]
    common: list[str] = []
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        common.append(one)
    return "/".join(common) + "/" if common else ""


def _read_site(container: Container, folder: str, module: ModuleType, roots: Mapping[str, str], options: ReadOptions) -> Site:
    nested = tuple(root for root in roots if root != folder and root.startswith(folder))
    if not nested:
        return module.read_site(container, folder, options)
    own = {path: member for path, member in container.members.items() if not path.startswith(nested)}
    return module.read_site(replace(container, members=own), folder, options)


def read_document(site: Site, path: str, data: bytes, *, sha256: str = "") -> Document:
    """The document that the bytes of ``path`` (relative to the site's root) hold, in the site's dialect.

    ``sha256`` is that of ``data``, where the caller has it. In a ``plain`` site each file is read in the dialect that its
    front matter shows. Raises
    :class:`articles.findings.RefusedFile` for bytes and front matter that cannot be read.
    """
    source = encodings.decode_source(data, encoding=site.encoding)
    if not source.head and not source.body:
        template = _("The file is empty. Write a text into it, or leave it out.")
        raise RefusedFile(Finding("empty-file", "error", template))
    return read_source(site, path, source, sha256=sha256 or hashlib.sha256(data).hexdigest())


def read_source(site: Site, path: str, source: SourceText, *, sha256: str) -> Document:
    """The document that a decoded text holds, as :func:`read_document` reads a file's bytes. Raises RefusedFile likewise."""
    front_matter = frontmatter.parse(source.head, source.format)
    module = DIALECTS[site.dialect]
    if site.config.get("is_mixed"):
        module = recognise_file(front_matter, path)
    if not site.field_names:
        document: Document = module.read_document(site, path, source, front_matter, sha256)
        return document
    renamed, origins = rename_keys(front_matter, site.field_names, module.NAME)
    document = module.read_document(site, path, source, renamed, sha256)
    document.front_matter = front_matter
    document.known_keys = frozenset(origins.get(key, key) for key in document.known_keys)
    return document


def recognise_file(front_matter: Mapping[str, Any], path: str) -> ModuleType:
    """The dialect of one loose file; ``plain`` where nothing shows another."""
    return next((module for module in DIALECTS.values() if module.recognise_file(front_matter, path)), plain)
