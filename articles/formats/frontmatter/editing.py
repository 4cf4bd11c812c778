"""Changes one key of a front matter text and nothing else: comments, order, quotes and blank lines stay as they are.

YAML is edited by hand at the places that libyaml's marks give, and proved by parsing the result: the wanted value must
be there and every other value as before. Where that fails ruamel.yaml's round trip is tried, which may reformat
neighbours; where that fails too, the edit is refused. TOML goes through tomlkit, JSON through the places of its values.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeAlias, Union
from zoneinfo import ZoneInfo

import tomlkit
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError as RuamelError
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable, String
from yaml._yaml import CParser
from yaml.events import MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from articles.findings import RefusedFile
from articles.formats import dates
from articles.formats.document import FrontMatterFormat
from articles.formats.frontmatter.reading import content_span, parse
from articles.formats.frontmatter.values import Scalar, Value, as_bool, as_int, is_null

NewValue: TypeAlias = Union[str, bool, int, float, datetime, date, Sequence["NewValue"], Mapping[str, "NewValue"], None]  # noqa: UP007
Key: TypeAlias = str | tuple[str, ...]

_DELIMITERS = {"yaml": ("---\n", "---\n"), "toml": ("+++\n", "+++\n"), "json": ("", "\n")}
_SPACED_DATE = re.compile(r"['\"]?[0-9]{4}-[0-9]{2}-[0-9]{2} ")
_ISO_OFFSET = re.compile(r"[+-][0-9]{2}:[0-9]{2}['\"]?\Z")
_DAY_ONLY = re.compile(r"['\"]?[0-9]{4}-[0-9]{2}-[0-9]{2}['\"]?\Z")
_OFFSET_WRITTEN = re.compile(r"(?:Z|[+-][0-9]{2}:?[0-9]{2})\Z")
_COMMENT = re.compile(r"[ \t]+#[^\n]*")
_DATE_MODELS = ("", "2000-01-01 00:00:00 +0000", "2000-01-01 00:00:00 +00:00")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\x85": "\\N", "\u2028": "\\L", "\u2029": "\\P"}


class EditError(ValueError):
    """The key cannot be changed without changing more than it, or the value cannot be written. The text is as it was."""


def set_key(head: str, format: FrontMatterFormat, key: Key, value: NewValue) -> str:
    """``head`` with ``key`` set to ``value``, replaced in its place or added at the end.

    ``key`` is a top-level key, or a path of keys (``("cover", "alt")``); missing parents are made. ``value`` is text,
    bool, number, date or datetime, ``None`` (the key stays, empty), a list or a mapping of these, or a :class:`Scalar`
    of another block, which stays a plain word or number where it is one. Quotes, list style
    and the form of a date follow the old value, else the neighbours. An empty ``head`` gets a block in ``format``
    (YAML by default). A value equal to the present one changes nothing.

    Raises :class:`EditError`, and :class:`articles.findings.RefusedFile` if ``head`` itself cannot be parsed.
    """
    path = (key,) if isinstance(key, str) else key
    if not path or not all(path):
        raise EditError("a key is needed")
    kind: FrontMatterFormat = format or "yaml"
    if not head:
        opening, closing = _DELIMITERS[kind]
        head = opening + ("{}" if kind == "json" else "") + closing
    before = parse(head, kind)
    if _has(before, path) and _says(_get(before, path), value, kind):
        return head
    return _edit(head, kind, path, value, before, remove=False)


def remove_key(head: str, format: FrontMatterFormat, key: Key) -> str:
    """``head`` without ``key`` (a key or a path of keys). A missing key changes nothing; comments stay.

    A mapping whose only key goes, goes with it. Raises as :func:`set_key` does.
    """
    path = (key,) if isinstance(key, str) else key
    before = parse(head, format)
    if not path or not _has(before, path):
        return head
    while len(path) > 1 and len(_as_mapping(_get(before, path[:-1]))) == 1:
        path = path[:-1]
    return _edit(head, format, path, None, before, remove=True)


def _edit(
    head: str, format: FrontMatterFormat, path: tuple[str, ...], value: NewValue, before: dict[str, Value], *, remove: bool
) -> str:
    """Tries the editors of the format in turn; the first result that is right wins."""
    start, end = content_span(head, format)
    content = head[start:end]
    editors = {"yaml": (_edit_yaml, _edit_with_ruamel), "toml": (_edit_toml,), "json": (_edit_json,)}[format]
    problem = ""
    for editor in editors:
        try:
            edited = head[:start] + editor(content, path, value, remove) + head[end:]
            after = parse(edited, format)
        except (EditError, RefusedFile) as error:
            problem = str(error)
            continue
        if _is_wanted(before, after, path, value, format, remove):
            return edited
    raise EditError(f"{'.'.join(path)} cannot be changed alone. {problem}".strip())


# What the result must be


def _has(values: Value, path: tuple[str, ...]) -> bool:
    for key in path:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def _get(values: Value, path: tuple[str, ...]) -> Value:
    for key in path:
        values = _as_mapping(values)[key]
    return values


def _as_mapping(value: Value) -> dict[str, Value]:
    return value if isinstance(value, dict) else {}


def _is_wanted(
    before: Value, after: Value, path: tuple[str, ...], value: NewValue, format: FrontMatterFormat, remove: bool
) -> bool:
    """Whether ``after`` is ``before`` with only ``path`` changed, order included."""
    old, new = _as_mapping(before), _as_mapping(after)
    key, rest = path[0], path[1:]
    if not isinstance(after, dict) or [name for name in new if name != key] != [name for name in old if name != key]:
        return False
    if any(new[name] != old[name] for name in new if name != key):
        return False
    if rest:
        return key in new and _is_wanted(old.get(key, Scalar("")), new[key], rest, value, format, remove)
    if remove:
        return key not in new
    return key in new and _is_same(new[key], value, format)


def _says(found: Value, wanted: NewValue, format: FrontMatterFormat) -> bool:
    """Whether the file already says this, in its own spelling: ``2026`` for the text "2026", another zone's same instant."""
    if isinstance(found, list) and isinstance(wanted, list | tuple) and len(found) == len(wanted):
        return all(_says(item, new, format) for item, new in zip(found, wanted, strict=True))
    if isinstance(found, Scalar) and isinstance(wanted, str):
        return found == wanted
    if isinstance(found, Scalar) and isinstance(wanted, datetime) and wanted.tzinfo is not None:
        try:
            return _OFFSET_WRITTEN.search(found) is not None and dates.parse_date(found, ZoneInfo("UTC")) == wanted
        except dates.BadDate:
            return False
    return _is_same(found, wanted, format)


def _is_same(found: Value, wanted: NewValue, format: FrontMatterFormat) -> bool:
    """Whether a parsed value says what was wanted: the same text, the same truth, the same instant."""
    if isinstance(wanted, Mapping):
        if not isinstance(found, dict) or list(found) != list(wanted):
            return not wanted and is_null(found)
        return all(_is_same(found[key], item, format) for key, item in wanted.items())
    if isinstance(wanted, list | tuple):
        if not isinstance(found, list) or len(found) != len(wanted):
            return False
        return all(_is_same(item, new, format) for item, new in zip(found, wanted, strict=True))
    if not isinstance(found, Scalar):
        return False
    return _is_same_scalar(found, wanted, format)


def _is_same_scalar(found: Scalar, wanted: NewValue, format: FrontMatterFormat) -> bool:
    if wanted is None:
        return is_null(found) or (format == "toml" and found == "")
    if isinstance(wanted, bool):
        return found.kind == "bool" and as_bool(found) is wanted
    if isinstance(wanted, int):
        return found.kind == "int" and (as_int(found) == wanted or found == str(wanted))
    if isinstance(wanted, float):
        return found.kind == "float" and float(found.replace("_", "")) == wanted
    if isinstance(wanted, datetime):
        return found in (wanted.isoformat(), *(_spell_date(wanted, model) for model in _DATE_MODELS))
    if isinstance(wanted, date):
        return found == wanted.isoformat()
    # A text that its file would make something else of (no, 2026, null) is not the text that was wanted.
    return found == wanted and (found.kind == "str" or (isinstance(wanted, Scalar) and not wanted.quoted))


def _spell_date(value: datetime | date, old: str) -> str:
    """A date in the form of the old one: day only, ``2025-11-25 10:00:00 +0900``, or RFC 3339."""
    if not isinstance(value, datetime):
        return value.isoformat()
    if _SPACED_DATE.match(old):
        text = value.strftime("%H:%M:%S")
        day = value.date().isoformat()
        offset = value.strftime("%z")[:5]
        if offset and _ISO_OFFSET.search(old):
            offset = offset[:3] + ":" + offset[3:]
        return f"{day} {text} {offset}".rstrip()
    return value.replace(microsecond=0).isoformat()


# YAML


@dataclass(slots=True)
class _Node:
    """A YAML node with its place in the text. ``end`` is that of its last leaf: no comment or blank line after it."""

    start: int
    end: int
    kind: str
    flow: bool = False
    style: str = ""
    text: str = ""
    items: list[_Node] = field(default_factory=list)
    keys: list[_Node] = field(default_factory=list)

    def find(self, key: str) -> int | None:
        for number, node in enumerate(self.keys):
            if node.text == key:
                return number
        return None


class _Composer:
    def __init__(self, content: str) -> None:
        self.content = content
        self.next: Any = CParser(content).get_event

    def compose(self) -> _Node | None:
        """The top node, or ``None`` for a block that holds nothing."""
        self.next()
        self.next()
        event = self.next()
        if not isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent):
            return None
        return self._node(event)

    def _node(self, event: Any) -> _Node:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, ScalarEvent):
            if event.style in ("|", ">"):
                end = start + len(self.content[start:end].rstrip(" \n"))
            return _Node(start, end, "scalar", style=event.style or "", text=event.value)
        if isinstance(event, SequenceStartEvent):
            node = _Node(start, end, "list", bool(event.flow_style))
            while not isinstance(event := self.next(), SequenceEndEvent):
                node.items.append(self._node(event))
        else:
            node = _Node(start, end, "mapping", bool(event.flow_style))
            while not isinstance(event := self.next(), MappingEndEvent):
                node.keys.append(self._node(event))
                node.items.append(self._node(self.next()))
        node.end = event.end_mark.index if node.flow else node.items[-1].end
        return node


def _edit_yaml(content: str, path: tuple[str, ...], value: NewValue, remove: bool) -> str:
    return _YamlEditor(content).edit(path, value, remove)


class _YamlEditor:
    def __init__(self, content: str) -> None:
        self.content = content if not content or content.endswith("\n") else content + "\n"
        self.top = _Composer(self.content).compose()

    def edit(self, path: tuple[str, ...], value: NewValue, remove: bool) -> str:
        if self.top is None or self.top.kind == "scalar":
            return self.content + self._spell_entry(path[0], _nest(path[1:], value), "", None)
        node = self.top
        for depth, key in enumerate(path):
            if node.kind != "mapping":
                raise EditError(f"{'.'.join(path[:depth])} is no mapping")
            number = node.find(key)
            if number is None:
                return self._add(node, key, _nest(path[depth + 1 :], value))
            if depth == len(path) - 1:
                return self._remove(node, number) if remove else self._replace(node, number, value)
            child = node.items[number]
            if child.kind == "scalar" and child.text in ("", "~", "null"):
                return self._replace(node, number, _nest(path[depth + 1 :], value))
            node = child
        raise EditError(f"{'.'.join(path)} was not found")

    def _replace(self, parent: _Node, number: int, value: NewValue) -> str:
        key, old = parent.keys[number], parent.items[number]
        colon = self._find_colon(key)
        if parent.flow:
            text = " " + self._spell_flow(value, old)
            return self._swap(colon, max(old.end, colon), text)
        indent = self._indent_of(key)
        if isinstance(value, list | tuple | Mapping) and value:
            text = self._spell_collection(value, indent, old)
        elif old.style == "|" and isinstance(value, str) and "\n" in value:
            text = " " + self._spell_literal(value, indent)
        else:
            text = (" " + self._spell_scalar(value, old)).rstrip()
        if (old.kind == "scalar" and old.style not in ("|", ">")) or old.flow:
            start, end = colon, max(old.end, colon)
            if "\n" in text and (comment := _COMMENT.match(self.content, end)):
                # A comment behind the old value would land behind the new one's last line: it goes behind the key.
                text, end = comment[0] + text, comment.end()
            return self._swap(start, end, text)
        return self._swap(colon, max(old.end, colon), text)

    def _add(self, parent: _Node, key: str, value: NewValue) -> str:
        if parent.flow:
            spelled = f"{self._spell_plain(key)}: {self._spell_flow(value, None)}"
            inside = self.content[parent.start + 1 : parent.end - 1]
            comma = ", " if inside.strip() and not inside.rstrip().endswith(",") else ""
            place = parent.start + 1 + len(inside.rstrip())
            return self._swap(place, place, comma + spelled)
        indent = self._indent_of(parent.keys[0])
        place = self._line_end(parent.end)
        return self._swap(place, place, self._spell_entry(key, value, indent, parent))

    def _remove(self, parent: _Node, number: int) -> str:
        key, old = parent.keys[number], parent.items[number]
        end = max(old.end, self._find_colon(key))
        if parent.flow:
            if number + 1 < len(parent.keys):
                return self._swap(key.start, parent.keys[number + 1].start, "")
            start = parent.items[number - 1].end if number else key.start
            return self._swap(start, end, "")
        start = self.content.rfind("\n", 0, key.start) + 1
        if self.content[start : key.start].strip():
            raise EditError("the key does not begin its line")
        return self._swap(start, self._line_end(end), "")

    def _swap(self, start: int, end: int, text: str) -> str:
        return self.content[:start] + text + self.content[end:]

    def _line_end(self, place: int) -> int:
        found = self.content.find("\n", place)
        return found + 1 if found >= 0 else len(self.content)

    def _find_colon(self, key: _Node) -> int:
        """The place after the colon that follows a key."""
        found = re.compile(r"[ \t]*:").match(self.content, key.end)
        if found is None:
            raise EditError(f"{key.text} is not followed by a colon")
        return found.end()

    def _indent_of(self, key: _Node) -> str:
        start = self.content.rfind("\n", 0, key.start) + 1
        before = self.content[start : key.start]
        return " " * len(before)

    def _spell_entry(self, key: str, value: NewValue, indent: str, parent: _Node | None) -> str:
        if isinstance(value, list | tuple | Mapping) and value:
            return f"{indent}{self._spell_plain(key)}:{self._spell_collection(value, indent, None)}\n"
        return f"{indent}{self._spell_plain(key)}: {self._spell_scalar(value, self._find_model(value, parent))}".rstrip() + "\n"

    def _find_model(self, value: NewValue, parent: _Node | None) -> _Node | None:
        """A neighbour whose quotes or date form a new value takes over: the last of its kind."""
        if parent is None:
            return None
        scalars = [node for node in parent.items if node.kind == "scalar" and node.style in ("", "'", '"')]
        if isinstance(value, datetime):
            dated = [node for node in scalars if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]", node.text)]
            return dated[-1] if dated else None
        if not isinstance(value, str):
            return None
        texts = [node for node in scalars if Scalar(node.text, quoted=bool(node.style)).kind == "str"]
        quoted = [node for node in texts if node.style]
        return quoted[-1] if quoted and len(quoted) * 2 >= len(texts) else None

    def _spell_scalar(self, value: NewValue, old: _Node | None) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        style = old.style if old is not None and old.style in ("'", '"') else ""
        if isinstance(value, datetime | date):
            text = _spell_date(value, old.text if old is not None else "")
            return f"{style}{text}{style}"
        if isinstance(value, str):
            return self._spell_text(value, style, flow=False)
        return self._spell_flow(value, old)

    def _spell_text(self, text: str, style: str, *, flow: bool) -> str:
        if not style and _is_plain(text, flow=flow):
            return text
        # A number, date or word of another file's front matter stays what it is there.
        if isinstance(text, Scalar) and not text.quoted and text.kind != "str" and _stands_plain(text, flow=flow):
            return str(text)
        if style == "'" and not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]", text):
            return "'" + text.replace("'", "''") + "'"
        return '"' + "".join(_escape(char) for char in text) + '"'

    def _spell_plain(self, key: str) -> str:
        return key if _is_plain_key(key) else '"' + "".join(_escape(char) for char in key) + '"'

    def _spell_literal(self, text: str, indent: str) -> str:
        chomp = "" if text.endswith("\n") and not text.endswith("\n\n") else "-"
        if text.endswith("\n\n") or re.match(r"[ \n]", text):
            return self._spell_text(text, '"', flow=False)
        lines = text.removesuffix("\n").split("\n")
        return f"|{chomp}\n" + "\n".join(f"{indent}  {line}".rstrip(" ") if not line else f"{indent}  {line}" for line in lines)

    def _spell_flow(self, value: NewValue, old: _Node | None) -> str:
        if isinstance(value, Mapping):
            pairs = (f"{self._spell_plain(key)}: {self._spell_flow(item, None)}" for key, item in value.items())
            return "{" + ", ".join(pairs) + "}"
        if isinstance(value, list | tuple):
            return "[" + ", ".join(self._spell_items(value, old, flow=True)) + "]"
        if isinstance(value, str):
            style = old.style if old is not None and old.style in ("'", '"') else ""
            return self._spell_text(value, style, flow=True)
        return self._spell_scalar(value, old) or "null"

    def _spell_items(self, values: Sequence[NewValue], old: _Node | None, *, flow: bool) -> list[str]:
        """Items as they stand in the old list; new ones with the quotes of the old ones."""
        model = old if old is not None and old.kind == "list" and old.items else self._find_list()
        known: dict[str, str] = {}
        style = ""
        if model is not None:
            scalars = [node for node in model.items if node.kind == "scalar" and node.style in ("", "'", '"')]
            quoted = [node.style for node in scalars if node.style]
            style = quoted[0] if quoted and len(quoted) * 2 >= len(scalars) else ""
            if model is old and model.flow == flow:
                known = {node.text: self.content[node.start : node.end] for node in scalars}
        spelled: list[str] = []
        for value in values:
            if isinstance(value, str):
                spelled.append(known.get(value) or self._spell_text(value, style, flow=flow))
            else:
                spelled.append(self._spell_flow(value, None))
        return spelled

    def _find_list(self) -> _Node | None:
        lists = [node for node in (self.top.items if self.top is not None else []) if node.kind == "list" and node.items]
        return lists[-1] if lists else None

    def _spell_collection(self, value: Any, indent: str, old: _Node | None) -> str:
        """What stands after the colon for a list or mapping that is not empty."""
        if old is not None and old.kind in ("list", "mapping") and old.flow:
            return " " + self._spell_flow(value, old)
        if isinstance(value, Mapping):
            lines = []
            for key, item in value.items():
                lines.append(self._spell_entry(key, item, indent + "  ", None).rstrip("\n"))
            return "\n" + "\n".join(lines)
        model = old if old is not None and old.kind == "list" else self._find_list()
        if model is None or model.flow:
            return " " + self._spell_flow(value, old)
        column = model.items[0].start - (self.content.rfind("\n", 0, model.items[0].start) + 1)
        line = self.content[model.items[0].start - column : model.items[0].start]
        dash = line.rstrip()[:-1] if line.rstrip().endswith("-") else "  "
        if old is None or old.kind != "list":
            dash = indent + dash[:2]
        return "\n" + "\n".join(f"{dash}- {item}" for item in self._spell_items(value, old, flow=False))


def _nest(path: tuple[str, ...], value: NewValue) -> NewValue:
    for key in reversed(path):
        value = {key: value}
    return value


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if code < 0x20 or 0x7F <= code < 0xA0:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code in (0xFEFF, 0xFFFE, 0xFFFF) else char


def _is_plain(text: str, *, flow: bool) -> bool:
    """Whether the text can stand without quotes and stays that text. Asked of the parser, not of a list of signs."""
    return bool(text) and Scalar(text).kind == "str" and _stands_plain(text, flow=flow)


def _stands_plain(text: str, *, flow: bool) -> bool:
    if text != text.strip() or "\n" in text or (flow and not text):
        return False
    try:
        found = parse(f"---\nk: [{text}, x]\n---\n" if flow else f"---\nk: {text}\n---\n", "yaml")
    except RefusedFile:
        return False
    value = found["k"][0] if flow and isinstance(found["k"], list) and len(found["k"]) == 2 else found["k"]
    return isinstance(value, Scalar) and value == text and not value.quoted and list(found) == ["k"]


def _is_plain_key(key: str) -> bool:
    return re.fullmatch(r"[^\W\d][\w-]*", key) is not None or (_is_plain(key, flow=True) and ":" not in key)


def _edit_with_ruamel(content: str, path: tuple[str, ...], value: NewValue, remove: bool) -> str:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    sequence = re.search(r"^[^\s#-][^\n]*:[ \t]*\n( *)-( +)", content, re.MULTILINE)
    offset = len(sequence[1]) if sequence else 0
    yaml.indent(mapping=2, sequence=offset + 1 + len(sequence[2]) if sequence else 2, offset=offset)
    try:
        data = yaml.load(content) or {}
        parent = data
        for key in path[:-1]:
            if parent.get(key) is None:
                parent[key] = {}
            parent = parent[key]
        if remove:
            del parent[path[-1]]
        else:
            parent[path[-1]] = _plain(value)
        out = io.StringIO()
        yaml.dump(data, out)
    except (RuamelError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise EditError(str(error)) from error
    return out.getvalue()


def _plain(value: NewValue) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


# TOML


def _edit_toml(content: str, path: tuple[str, ...], value: NewValue, remove: bool) -> str:
    try:
        document = tomlkit.parse(content)
        parent: Any = document
        for key in path[:-1]:
            if key not in parent:
                parent[key] = tomlkit.table()
            parent = parent[key]
            if not isinstance(parent, AbstractTable | dict):
                raise EditError(f"{key} is no table")
        if remove:
            del parent[path[-1]]
        else:
            parent[path[-1]] = _spell_toml(value, parent.get(path[-1]))
        return tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError, KeyError) as error:
        raise EditError(str(error)) from error


def _spell_toml(value: NewValue, old: Any) -> Any:
    """A TOML item; TOML has no null, so ``None`` is an empty text."""
    if value is None:
        return ""
    if isinstance(value, datetime) and isinstance(old, String):
        return _spell_date(value, str(old))
    if isinstance(value, str):
        literal = isinstance(old, String) and old.as_string().startswith("'") and "'" not in value and value.isprintable()
        return tomlkit.string(str(value), literal=literal)
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        table.update({key: _spell_toml(item, None) for key, item in value.items()})
        return table
    if isinstance(value, list | tuple):
        array = tomlkit.array()
        array.extend([_spell_toml(item, None) for item in value])
        return array.multiline("\n" in old.as_string()) if isinstance(old, tomlkit.items.Array) else array
    return value


# JSON

_JSON_SPACE = re.compile(r"[ \t\n]*")
_JSON_READER = json.JSONDecoder()


@dataclass(slots=True)
class _JsonEntry:
    """A key with the places of itself and of its value."""

    key: str
    key_start: int
    start: int
    end: int


def _edit_json(content: str, path: tuple[str, ...], value: NewValue, remove: bool) -> str:
    start = _skip(content, 0)
    if not content.startswith("{", start):
        # Hexo's form without braces.
        return _edit_json("{" + content + "}", path, value, remove)[1:-1]
    for depth, key in enumerate(path):
        entries, end = _list_entries(content, start)
        number = next((number for number, entry in enumerate(entries) if entry.key == key), None)
        if number is None:
            return _add_json(content, start, end, entries, key, _nest(path[depth + 1 :], value))
        entry = entries[number]
        if depth == len(path) - 1:
            if remove:
                return _remove_json(content, start, entries, number)
            return content[: entry.start] + _spell_json(value, content, entry) + content[entry.end :]
        start = entry.start
        if not content.startswith("{", start):
            raise EditError(f"{key} is no object")
    raise EditError(f"{'.'.join(path)} was not found")


def _skip(content: str, place: int) -> int:
    found = _JSON_SPACE.match(content, place)
    return found.end() if found else place


def _list_entries(content: str, start: int) -> tuple[list[_JsonEntry], int]:
    """The entries of the object at ``start``, and the place of its closing brace."""
    entries: list[_JsonEntry] = []
    place = _skip(content, start + 1)
    while not content.startswith("}", place):
        key, key_end = _JSON_READER.raw_decode(content, place)
        value_start = _skip(content, _skip(content, key_end) + 1)
        _value, value_end = _JSON_READER.raw_decode(content, value_start)
        entries.append(_JsonEntry(key, place, value_start, value_end))
        place = _skip(content, value_end)
        if content.startswith(",", place):
            place = _skip(content, place + 1)
    return entries, place


def _spell_json(value: NewValue, content: str, entry: _JsonEntry) -> str:
    old = content[entry.start : entry.end]
    if isinstance(value, datetime | date):
        value = _spell_date(value, old)
    if "\n" in old and isinstance(value, list | tuple | Mapping):
        line = content[content.rfind("\n", 0, entry.key_start) + 1 : entry.key_start]
        indent = line if not line.strip() else ""
        inner = re.search(r"\n([ \t]+)\S", old)
        step = inner[1].removeprefix(indent) if inner else "  "
        return json.dumps(value, ensure_ascii=False, indent=step, default=_spell_json_date).replace("\n", "\n" + indent)
    return json.dumps(value, ensure_ascii=False, default=_spell_json_date)


def _spell_json_date(value: object) -> str:
    if isinstance(value, datetime | date):
        return _spell_date(value, "")
    raise EditError(f"{type(value).__name__} cannot be written as JSON")


def _add_json(content: str, start: int, end: int, entries: list[_JsonEntry], key: str, value: NewValue) -> str:
    spelled = json.dumps(key, ensure_ascii=False) + ": " + json.dumps(value, ensure_ascii=False, default=_spell_json_date)
    if not entries:
        return content[: start + 1] + "\n  " + spelled + "\n" + content[end:]
    # First, as a key behind the last would also change the line before it by a comma.
    first = entries[0].key_start
    gap = content[start + 1 : first]
    if gap.strip() or "\n" not in gap:
        gap = " "
    return content[:first] + spelled + "," + gap + content[first:]


def _remove_json(content: str, start: int, entries: list[_JsonEntry], number: int) -> str:
    if number + 1 < len(entries):
        return content[: entries[number].key_start] + content[entries[number + 1].key_start :]
    before = entries[number - 1].end if number else start + 1
    return content[:before] + content[entries[number].end :]
