"""Where a file stands in Jekyll's eyes: post, draft, collection, page or left out; and the ``defaults`` that apply there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any, Literal

from articles.formats import sites

CONFIG_NAMES = ("_config.yml", "_config.yaml", "_config.toml")
_MACHINE_FOLDERS = frozenset({"_layouts", "_includes", "_data", "_sass", "_plugins", "_site"})
DATED_NAME = re.compile(r"(?:.+/)??(\d{2,4}-\d{1,2}-\d{1,2})-([^/]*)(\.[^.]+)", re.DOTALL)

PlaceKind = Literal["post", "draft", "collection", "page", "ignored", "excluded", "machine", "loose"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file stands in Jekyll's eyes.

    ``label`` is the collection (``posts`` for posts and drafts, ``""`` for pages). ``relative`` is the path as Jekyll's
    defaults and placeholders see it (without ``source`` and ``collections_dir``). ``reason`` says why it is ignored.
    """

    kind: PlaceKind
    relative: str
    label: str = ""
    reason: str = ""


def locate(config: Mapping[str, Any], path: str) -> Place:
    """Follows Jekyll's reader from the source folder down to the file."""
    source = config["source"]
    if source and not path.startswith(source + "/"):
        return Place("machine", path)
    inner = path[len(source) + 1 :] if source else path
    parts = inner.split("/")
    if parts[0] in _MACHINE_FOLDERS or inner in CONFIG_NAMES or is_output(config, inner):
        return Place("machine", inner)
    return _follow(config, inner, parts)


def _follow(config: Mapping[str, Any], inner: str, parts: list[str]) -> Place:
    collections_dir = config["collections_dir"]
    relative = inner.removeprefix(collections_dir + "/") if collections_dir else inner
    for depth, part in enumerate(parts[:-1]):
        parent = "/".join(parts[:depth])
        inside = not collections_dir or parent == collections_dir or parent.startswith(collections_dir + "/")
        if part in ("_posts", "_drafts") and inside:
            return _place_post(config, part, parent, "/".join(parts[depth + 1 :]), relative)
        if part[0] == "_" and part[1:] in config["collections"] and parent == collections_dir:
            return _place_in_collection(config, part[1:], "/".join(parts[depth + 1 :]), relative)
        if reason := _why_hidden(config, part, parent, is_folder=True):
            return _hide(config, reason, parts, relative)
    if reason := _why_hidden(config, parts[-1], "/".join(parts[:-1])):
        return Place("excluded" if reason == "excluded" else "ignored", inner, reason=reason)
    return Place("page", inner)


def _hide(config: Mapping[str, Any], reason: str, parts: list[str], relative: str) -> Place:
    if reason == "excluded":
        return Place("excluded", relative, reason=reason)
    label = parts[0][1:] if parts[0].startswith("_") and not config["has_config"] else ""
    if label:
        return Place("ignored", relative, label, reason="no-config")
    return Place("machine" if any(part.startswith(".") for part in parts[:-1]) else "ignored", relative, reason=reason)


def _place_post(config: Mapping[str, Any], folder: str, parent: str, entry: str, relative: str) -> Place:
    base = f"{parent}/{folder}" if parent else folder
    if reason := _why_hidden(config, entry, base):
        return Place("excluded" if reason == "excluded" else "ignored", relative, "posts", reason)
    if folder == "_drafts":
        return Place("draft", relative, "posts")
    if not DATED_NAME.fullmatch(entry):
        return Place("ignored", relative, "posts", "undated")
    return Place("post", relative, "posts")


def _place_in_collection(config: Mapping[str, Any], label: str, entry: str, relative: str) -> Place:
    if reason := _why_hidden(config, entry, "_" + label):
        return Place("excluded" if reason == "excluded" else "ignored", relative, label, reason)
    return Place("collection", relative, label)


def _why_hidden(config: Mapping[str, Any], entry: str, base: str, *, is_folder: bool = False) -> str:
    """``"excluded"`` or ``"special"`` where Jekyll's entry filter leaves ``entry`` of the folder ``base`` out, else ``""``."""
    name = entry.rpartition("/")[2]
    included = _matches_any(config["include"], entry, is_folder) or _matches_any(config["include"], name, is_folder)
    if included:
        return ""
    if entry.endswith("."):
        return "special"
    full = f"{base}/{entry}" if base else entry
    if _matches_any([pattern for pattern in config["exclude"] if pattern not in config["include"]], full, is_folder):
        return "excluded"
    return "special" if entry[0] in "._#~" or name[0] in "._#~" or entry.endswith("~") else ""


def _matches_any(patterns: list[str], entry: str, is_folder: bool) -> bool:
    return any(
        _matches(pattern.strip("/") if pattern.endswith("/") and is_folder else pattern.lstrip("/"), entry)
        for pattern in patterns
    )


def _matches(pattern: str, entry: str) -> bool:
    """Ruby's ``File.fnmatch?`` without flags (``*`` crosses ``/``), or a plain beginning, as Jekyll compares."""
    return bool(pattern) and (entry.startswith(pattern) or _compile_glob(pattern).match(entry) is not None)


@lru_cache(maxsize=256)
def _compile_glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


# --- defaults ----------------------------------------------------------------------------------------------------------


def defaults_for(config: Mapping[str, Any], relative: str, kind: str) -> dict[str, Any]:
    """The front matter that ``defaults`` give a file: longer paths win over shorter, typed over untyped, later over earlier."""
    merged: dict[str, Any] = {}
    strongest: Mapping[str, Any] | None = None
    for entry in config["defaults"]:
        if not _applies(config, entry, relative, kind):
            continue
        if strongest is None or _has_precedence(strongest, entry):
            merged = sites.merge_config(merged, entry["values"])
            strongest = entry
        else:
            merged = sites.merge_config(entry["values"], merged)
    return merged


def _applies(config: Mapping[str, Any], entry: Mapping[str, Any], relative: str, kind: str) -> bool:
    if entry["type"] is not None and entry["type"] != kind:
        return False
    scope = entry["path"]
    if not scope:
        return True
    prefix = config["collections_dir"] + "/" if config["collections_dir"] else ""
    scope = scope.removeprefix(prefix)
    return _matches_path_glob(scope, relative) if "*" in scope else relative.startswith(scope)


def _has_precedence(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    old_length, new_length = (len(_clean_scope(entry["path"])) for entry in (old, new))
    if new_length != old_length:
        return new_length >= old_length
    return new["type"] is not None or old["type"] is None


def _clean_scope(path: str) -> str:
    """Jekyll drops the first slash and, from a path with one, the last character (as if it were a slash)."""
    return path[1:].rstrip("/") if path.startswith("/") else path


def _matches_path_glob(pattern: str, path: str) -> bool:
    """Whether some parent of ``path``, or ``path`` itself, matches as ``Dir.glob`` would find it."""
    compiled = _compile_path_glob(pattern.strip("/"))
    parts = path.split("/")
    return any(compiled.fullmatch("/".join(parts[: depth + 1])) for depth in range(len(parts)))


@lru_cache(maxsize=256)
def _compile_path_glob(pattern: str) -> re.Pattern[str]:
    rules = ((r"\*\*/", r"(?:[^/.][^/]*/)*"), (r"\*+", r"[^/]*"), (r"\?", r"[^/]"), (r"\{[^{}]*\}", ""), (r"\[[^\]]+\]", ""))
    tokens = re.compile("|".join(f"({rule})" for rule, _regex in rules))
    result, at = "", 0
    for match in tokens.finditer(pattern):
        result += re.escape(pattern[at : match.start()])
        at = match.end()
        if match[4]:
            result += "(?:" + "|".join(re.escape(choice) for choice in match[4][1:-1].split(",")) + ")"
        elif match[5]:
            result += "[" + re.escape(match[5][1:-1]).replace(r"\-", "-") + "]"
        else:
            result += rules[(match.lastindex or 1) - 1][1]
    return re.compile(result + re.escape(pattern[at:]))


def is_output(config: Mapping[str, Any], path: str) -> bool:
    """Whether ``path`` lies where the generator writes to."""
    return path.startswith((config["destination"] + "/", "_site/"))
