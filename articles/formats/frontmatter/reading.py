"""Splits a text into front matter and body, and parses the front matter without making anything but text of it."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date, datetime, time
from typing import Any

from django.utils.translation import gettext_noop as _
from yaml import MarkedYAMLError, YAMLError
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.reader import ReaderError

from articles.findings import Finding, RefusedFile
from articles.formats.document import FrontMatterFormat
from articles.formats.frontmatter.values import Scalar, Value

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_ITEMS = 500
MAX_NODES = 20_000
_MAX_DIGITS = 1000

# Eleventy and Gatsby name the language of a block behind its opening delimiter.
_OPEN = re.compile(r"(?:[ \t]*\n)*(---|\+\+\+|;;;)(?:(?<=---)(ya?ml|json|toml|js|javascript|coffee|cson))?[ \t]*(?:\n|\Z)")
_CLOSE = {
    "---": re.compile(r"^(?:---|\.\.\.)[ \t]*$\n?", re.MULTILINE),
    "+++": re.compile(r"^\+\+\+[ \t]*$\n?", re.MULTILINE),
    ";;;": re.compile(r"^;;;[ \t]*$\n?", re.MULTILINE),
}
_FORMATS: dict[str, FrontMatterFormat] = {"---": "yaml", "+++": "toml", ";;;": "json"}
_LANGUAGES: dict[str | None, FrontMatterFormat] = {"yaml": "yaml", "yml": "yaml", "json": "json", "toml": "toml"}

_KEY = r"""(?:"[^"\n]*"|'[^'\n]*'|[^\s\[\]{}"'#&*!|>%@`,?:-][^\n:]{0,80}?)"""
_YAML_KEY_LINE = re.compile(rf"^[ \t]*{_KEY}[ \t]*:(?=[ \t\n]|\Z)", re.MULTILINE)
_FIRST_TEXT = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*+[ \t]*([^\n])")
_LOOKS_OPEN = {
    "---": re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*[A-Za-z_][\w-]*[ \t]*:(?:[ \t\n]|\Z)"),
    "+++": re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*(?:\[[\w.\"-]+\][ \t]*\n|[A-Za-z_][\w.-]*[ \t]*=)"),
    ";;;": re.compile(r"[ \t\n]*\{?[ \t\n]*\"[^\"\n]*\"[ \t]*:"),
}
_JSON_OPEN = re.compile(r"(?:[ \t]*\n)*(?=\{[ \t\n]*(?:\}|\"[^\"\n]*\"[ \t\n]*:))")
_JSON_TOKEN = re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|[{}\[\]]')
_JSON_END = re.compile(r"[ \t]*(?:\n|\Z)")
_TOML_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|' + r"'''.*?'''" + r'|"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'|#[^\n]*|[\[\]{}]", re.DOTALL
)
_TOML_DOTTED = re.compile(r"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){20}")
# Hexo lets the opening delimiter out. An ordinary text may hold a "Note: …" line above a rule, so the first key must be
# one that Hexo or another generator knows, and no line of the block may be anything but front matter.
_HEXO_FIRST = re.compile(
    r"(?:title|layout|date|updated|author|categories|category|tags|permalink|description|excerpt|id|slug|published|comments"
    r"|lang|cover|thumbnail|keywords|draft)[ \t]*:(?=[ \t\n])"
)
_HEXO_LINE = re.compile(rf"{_KEY}[ \t]*:(?:[ \t].*)?|[ \t]+\S.*|-[ \t]+\S.*|#.*")
_HEXO_JSON_FIRST = re.compile(r"\"[^\"\n]*\"[ \t]*:")

# YAML 1.1 takes these for line ends; in a text they are characters, as in YAML 1.2.
_UNICODE_BREAKS = {0x85: "\ue085", 0x2028: "\ue828", 0x2029: "\ue829"}
_UNICODE_BREAKS_BACK = {ord(stand_in): chr(code) for code, stand_in in _UNICODE_BREAKS.items()}
_HAS_UNICODE_BREAK = re.compile("[\x85\u2028\u2029]")

# No database, feed or log takes these: NUL, other controls, half a surrogate pair.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

_CORE = "tag:yaml.org,2002:"
_CORE_TAGS = frozenset(_CORE + name for name in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map"))


def split(text: str) -> tuple[str, str, FrontMatterFormat]:
    """``(head, body, format)`` of a text with line ends ``\\n``; ``head + body == text`` always.

    ``head`` is the front matter with blank lines before it, both delimiters and the line end after the closing one.
    Read are YAML between ``---`` and ``---`` or ``...``, TOML between ``+++``, a JSON object at the start, Hexo's JSON
    between ``;;;``, any of them behind ``---json`` and its like, and Hexo's blocks with no opening delimiter. Blanks after
    a delimiter are allowed; ``----`` is none. Prose between two rules, with no line that could be a key, is body.

    Raises :class:`RefusedFile` where front matter begins and never ends: taken for text it could publish a draft.
    """
    opening = _OPEN.match(text)
    if opening is None:
        return _split_without_delimiter(text)
    mark, language = opening[1], opening[2]
    if language and language not in _LANGUAGES:
        # A program, which is never run: plain.py keeps such a text private.
        return "", text, ""
    closing = _CLOSE[mark].search(text, opening.end())
    if closing is None:
        if language or _LOOKS_OPEN[mark].match(text, opening.end()):
            raise RefusedFile(_describe_unclosed(mark, text.count("\n", 0, opening.start(1)) + 1))
        return "", text, ""
    if mark == "---" and not language and _is_prose(text[opening.end() : closing.start()]):
        return "", text, ""
    return text[: closing.end()], text[closing.end() :], _LANGUAGES.get(language, _FORMATS[mark])


def parse(head: str, format: FrontMatterFormat) -> dict[str, Value]:
    """The mapping that ``head`` (from :func:`split`) holds, in its order; every scalar is its text (:class:`Scalar`).

    Raises :class:`RefusedFile`, with the line in the whole file, for what is not valid, for duplicate keys, for
    aliases, merge keys and tags, and for what is too large (:data:`MAX_BYTES`), too deep (:data:`MAX_DEPTH`) or too
    long (:data:`MAX_ITEMS` in a list).
    """
    if not format:
        return {}
    start, end = content_span(head, format)
    return _parse(head[start:end], format, head.count("\n", 0, start) + 1, has_aliases=False)


def parse_config(text: str, format: FrontMatterFormat) -> dict[str, Value]:
    """The mapping that a whole configuration file holds: no delimiters, but a YAML document mark may stand first.

    As :func:`parse`, except that YAML aliases and merge keys are followed, as configurations do use them; what they
    repeat counts towards :data:`MAX_NODES`, and an alias inside its own anchor is refused.
    """
    return _parse(text, format, 1, has_aliases=True) if format else {}


def _parse(content: str, format: FrontMatterFormat, first_line: int, *, has_aliases: bool) -> dict[str, Value]:
    if len(content) > MAX_BYTES:
        raise _refuse(
            "front-matter-too-large",
            _("The front matter has %(size)s characters; %(limit)s are allowed. Move data into the text or a data file."),
            first_line,
            size=len(content),
            limit=MAX_BYTES,
        )
    if format == "yaml":
        return _YamlReader(content, first_line, has_aliases).read()
    if format == "toml":
        return _read_toml(content, first_line)
    return _read_json(content, first_line)


def find_line(head: str, format: FrontMatterFormat, key: str) -> int | None:
    """The line of a top-level key in the whole file, or ``None``. ``head`` must be one that :func:`parse` accepts."""
    start, end = content_span(head, format)
    name = re.escape(key)
    separator = r"[ \t]*=" if format == "toml" else r"[ \t]*:"
    indent = r"[ \t{]*" if format == "json" else ""
    found = re.compile(rf"^{indent}(?:{name}|\"{name}\"|'{name}'){separator}", re.MULTILINE).search(head, start, end)
    return head.count("\n", 0, found.start()) + 1 if found else None


def content_span(head: str, format: FrontMatterFormat) -> tuple[int, int]:
    """Where the front matter stands between its delimiters: start and end in ``head``."""
    opening = _OPEN.match(head)
    start = opening.end() if opening else 0
    stripped = head.rstrip(" \t\n")
    last_line = stripped.rfind("\n") + 1
    if format == "json" and stripped[last_line:] != ";;;" and opening is None:
        return start, len(head)
    return start, max(start, last_line)


def _split_without_delimiter(text: str) -> tuple[str, str, FrontMatterFormat]:
    if opening := _JSON_OPEN.match(text):
        return _split_json(text, opening.end())
    if _HEXO_FIRST.match(text):
        closing = _CLOSE["---"].search(text)
        if closing and closing[0][0] == "-":
            lines = text[: closing.start() - 1].split("\n")
            if all(_HEXO_LINE.fullmatch(line) for line in lines):
                return text[: closing.end()], text[closing.end() :], "yaml"
    elif _HEXO_JSON_FIRST.match(text) and (closing := _CLOSE[";;;"].search(text)):
        return text[: closing.end()], text[closing.end() :], "json"
    return "", text, ""


def _split_json(text: str, start: int) -> tuple[str, str, FrontMatterFormat]:
    depth = 0
    for token in _JSON_TOKEN.finditer(text, start):
        char = token[0][0]
        if char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if not depth:
                ending = _JSON_END.match(text, token.end())
                return (text[: ending.end()], text[ending.end() :], "json") if ending else ("", text, "")
    raise RefusedFile(_describe_unclosed("{", text.count("\n", 0, start) + 1))


def _is_prose(content: str) -> bool:
    """Whether what stands between two rules cannot be front matter: some text, and no line that could be a key."""
    if _YAML_KEY_LINE.search(content):
        return False
    first = _FIRST_TEXT.match(content)
    return first is not None and first[1] not in "-[]{}\"'!&*?%|>@`:,\t~"


def _describe_unclosed(mark: str, line: int) -> Finding:
    return Finding(
        "front-matter-unclosed",
        "error",
        _("The front matter that begins in line %(line)s with “%(mark)s” is never closed. Add the closing “%(closing)s”."),
        {"line": line, "mark": mark, "closing": "}" if mark == "{" else mark},
        line,
    )


def _refuse(code: str, template: str, line: int, **params: object) -> RefusedFile:
    return RefusedFile(Finding(code, "error", template, {"line": line, **params}, line))


def _refuse_depth(line: int) -> RefusedFile:
    template = _("Line %(line)s nests deeper than %(limit)s levels. Flatten it.")
    return _refuse("front-matter-too-deep", template, line, limit=MAX_DEPTH)


def _refuse_items(line: int) -> RefusedFile:
    return _refuse(
        "front-matter-too-long",
        _("The list that begins in line %(line)s has more than %(limit)s items. Shorten it."),
        line,
        limit=MAX_ITEMS,
    )


def _refuse_duplicate(key: str, line: int) -> RefusedFile:
    return _refuse(
        "duplicate-key",
        _("The key “%(key)s” stands in line %(line)s for a second time. Remove one of the two: only one could count."),
        line,
        key=key[:80],
    )


def _refuse_number(line: int) -> RefusedFile:
    return _refuse(
        "number-too-long",
        _("The number in line %(line)s has more digits than any program reads. Shorten it, or put it in quotes."),
        line,
    )


def _measure_height(value: Value) -> int:
    """How many levels a value nests: 0 for a text."""
    if isinstance(value, str):
        return 0
    items = value.values() if isinstance(value, dict) else value
    return 1 + max((_measure_height(item) for item in items), default=0)


def _refuse_character(code: int, line: int) -> RefusedFile:
    return _refuse(
        "control-character",
        _("There is a control character (U+%(point)s) in line %(line)s of the front matter. Remove it."),
        line,
        point=f"{code:04X}",
    )


class _YamlReader:
    """Builds texts, lists and mappings from libyaml's events: no object is constructed, no alias or tag followed."""

    def __init__(self, content: str, first_line: int, has_aliases: bool = False) -> None:
        self.anchors: dict[str, tuple[Value, int]] | None = {} if has_aliases else None
        self.nodes = 0
        self.has_stand_ins = _HAS_UNICODE_BREAK.search(content) is not None
        self.content = content.translate(_UNICODE_BREAKS) if self.has_stand_ins else content
        self.first_line = first_line

    def read(self) -> dict[str, Value]:
        # A mark of its own at the start would be swallowed as a byte order mark and shift every position.
        if self.content.startswith("\ufeff"):
            raise _refuse_character(0xFEFF, self.first_line)
        try:
            parser = CParser(self.content)
            self.next: Any = parser.get_event
            return self._read_stream()
        except ReaderError as error:
            line = self.content.count("\n", 0, self._find_character(error)) + self.first_line
            raise _refuse_character(error.character, line) from error
        except YAMLError as error:
            raise self._refuse_syntax(error) from error

    def _read_stream(self) -> dict[str, Value]:
        self.next()
        event = self.next()
        if type(event) is StreamEndEvent:
            return {}
        value = self._read_node(self.next(), 1)
        self.next()
        event = self.next()
        if type(event) is DocumentStartEvent:
            raise _refuse(
                "several-documents",
                _("A second YAML document begins in line %(line)s. One file is one post: remove the line “---” or “...”."),
                self._line(event),
            )
        if isinstance(value, dict):
            return value
        if isinstance(value, Scalar) and not value.quoted and value in ("", "~", "null"):
            return {}
        raise _refuse(
            "not-a-mapping",
            _("The front matter that begins in line %(line)s is not a mapping. Write one “key: value” on each line."),
            self.first_line,
        )

    def _read_node(self, event: Any, depth: int) -> Value:
        kind = type(event)
        if kind is AliasEvent or event.anchor is not None:
            return self._read_shared(event, depth)
        if kind is ScalarEvent:
            return self._read_scalar(event)
        return self._read_collection(event, depth)

    def _read_collection(self, event: Any, depth: int) -> Value:
        if event.tag is not None:
            self._check_tag(event)
        if depth > MAX_DEPTH:
            raise _refuse_depth(self._line(event))
        if type(event) is SequenceStartEvent:
            return self._read_list(event, depth)
        return self._read_mapping(event, depth)

    def _read_shared(self, event: Any, depth: int) -> Value:
        """An anchored or repeated value of a configuration. A repeated value is one object, so a bomb costs nothing here;
        the limit is for whoever walks it."""
        if self.anchors is not None and type(event) is not AliasEvent:
            before = self.nodes
            value = self._read_scalar(event) if type(event) is ScalarEvent else self._read_collection(event, depth)
            self.anchors[event.anchor] = (value, self.nodes - before)
            return value
        if self.anchors is None or event.anchor not in self.anchors:
            raise _refuse(
                "alias",
                _("Line %(line)s uses an anchor or alias (“&%(name)s”). Write the value out, or put it in quotes if it is text."),
                self._line(event),
                name=str(event.anchor)[:80],
            )
        value, nodes = self.anchors[event.anchor]
        self.nodes += nodes + 1
        if self.nodes > MAX_NODES:
            raise _refuse_items(self._line(event))
        if depth + _measure_height(value) > MAX_DEPTH:
            raise _refuse_depth(self._line(event))
        return value

    def _read_scalar(self, event: Any) -> Scalar:
        text: str = event.value
        style = event.style
        line: int = self._line(event)
        if self.has_stand_ins:
            text = text.translate(_UNICODE_BREAKS_BACK)
        # Raw ones do not get past libyaml; escapes do.
        if style == '"' and (found := _UNSTORABLE.search(text)):
            raise _refuse_character(ord(found[0]), line)
        if event.tag is not None:
            self._check_tag(event)
            return Scalar(text, "str" if event.tag in ("!", _CORE + "str") else "", bool(style), line)
        if len(text) > _MAX_DIGITS and not style and text[1:].replace("_", "").isdigit():
            raise _refuse_number(line)
        return Scalar(text, "", bool(style), line)

    def _read_list(self, start: Any, depth: int) -> list[Value]:
        items: list[Value] = []
        while type(event := self.next()) is not SequenceEndEvent:
            if len(items) == MAX_ITEMS:
                raise _refuse_items(self._line(start))
            items.append(self._read_node(event, depth + 1))
        self.nodes += len(items)
        return items

    def _read_mapping(self, start: Any, depth: int) -> Value:
        mapping: dict[str, Value] = {}
        merged: dict[str, Value] = {}
        while type(event := self.next()) is not MappingEndEvent:
            if type(event) is not ScalarEvent or event.anchor is not None:
                if type(event) is AliasEvent or event.anchor is not None:
                    self._read_node(event, depth)
                return self._read_template(start, event, depth)
            key = str(self._read_scalar(event))
            if key in mapping:
                raise _refuse_duplicate(key, self._line(event))
            if key == "<<" and not event.style:
                merged |= self._read_merged(event, depth)
                continue
            mapping[key] = self._read_node(self.next(), depth + 1)
        self.nodes += len(mapping)
        return {**merged, **mapping} if merged else mapping

    def _read_merged(self, key: Any, depth: int) -> dict[str, Value]:
        """What ``<<`` brings in: a mapping, or several of which the first wins."""
        line = self._line(key)
        if self.anchors is None:
            raise _refuse("merge-key", _("Line %(line)s uses the merge key “<<”. Write the keys out."), line)
        value = self._read_node(self.next(), depth + 1)
        merged: dict[str, Value] = {}
        for source in value if isinstance(value, list) else [value]:
            if not isinstance(source, dict):
                raise _refuse("merge-key", _("The merge key “<<” in line %(line)s names no mapping. Write the keys out."), line)
            merged = {**source, **merged}
        return merged

    def _read_template(self, start: Any, key: Any, depth: int) -> Scalar:
        """The text of ``{{date}}``, which YAML takes for a mapping whose key is a mapping."""
        self._read_node(key, depth + 1)
        event = self.next()
        while type(event) is not MappingEndEvent:
            self._read_node(event, depth + 1)
            event = self.next()
        text = self.content[start.start_mark.index : self._end(event)]
        return Scalar(text.translate(_UNICODE_BREAKS_BACK), "str", False, self._line(start))

    def _line(self, event: Any) -> int:
        """The line of an event in the whole file."""
        return int(event.start_mark.line) + self.first_line

    def _end(self, event: Any) -> int:
        return int(event.end_mark.index)

    def _check_tag(self, event: Any) -> None:
        if event.tag != "!" and event.tag not in _CORE_TAGS:
            raise _refuse(
                "yaml-tag",
                _("Line %(line)s uses the tag “%(tag)s”. Remove it, or put the value in quotes if it is text."),
                self._line(event),
                tag=str(event.tag)[:80],
            )

    def _find_character(self, error: ReaderError) -> int:
        # libyaml counts bytes in some versions and characters in others; the first such character is the one.
        return max(self.content.find(chr(error.character)), 0)

    def _refuse_syntax(self, error: YAMLError) -> RefusedFile:
        mark = error.problem_mark or error.context_mark if isinstance(error, MarkedYAMLError) else None
        problem = str(getattr(error, "problem", "") or error)
        if mark is None:
            return _refuse("bad-yaml", _("The front matter is not valid YAML: %(problem)s."), self.first_line, problem=problem)
        lines = self.content.split("\n")
        line = mark.line + self.first_line
        text = lines[mark.line] if mark.line < len(lines) else ""
        if "tab" in problem or "\t" in text[: mark.column + 1]:
            return _refuse("bad-yaml", _("Line %(line)s is indented with a tab, which YAML does not allow. Use blanks."), line)
        if "mapping values are not allowed" in problem:
            template = _("Line %(line)s has a second “: ” in one value. Put the value in quotes.")
            return _refuse("bad-yaml", template, line)
        if "expected ':'" in problem and isinstance(error, MarkedYAMLError) and error.context_mark is not None:
            line = error.context_mark.line + self.first_line
            template = _("Line %(line)s is neither “key: value” nor the continuation of the line before. Correct or indent it.")
            return _refuse("bad-yaml", template, line)
        template = _("Line %(line)s is not valid YAML: %(problem)s. Put the value in quotes, or correct it.")
        return _refuse("bad-yaml", template, line, problem=problem)


def _read_toml(content: str, first_line: int) -> dict[str, Value]:
    _check_depth(content, _TOML_TOKEN, first_line)
    # Python's reader takes minutes over one key of 100,000 parts.
    bare = _TOML_TOKEN.sub(_blank_token, content)
    if found := _TOML_DOTTED.search(bare):
        raise _refuse_depth(first_line + bare.count("\n", 0, found.start()))
    try:
        data = tomllib.loads(content, parse_float=lambda text: Scalar(text, "float"))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        line = first_line + (int(found[1]) - 1 if found else content.rstrip("\n").count("\n"))
        problem = re.sub(r" \(at .*\)$", "", str(error))
        if "overwrite" in problem or "twice" in problem:
            template = _("Line %(line)s gives a key or table a second time. Remove one of the two.")
            raise _refuse("duplicate-key", template, line) from error
        template = _("Line %(line)s is not valid TOML: %(problem)s. Correct it.")
        raise _refuse("bad-toml", template, line, problem=problem) from error
    except RecursionError as error:
        raise _refuse_depth(first_line) from error
    except ValueError as error:
        # Integers of more than 4,300 digits, and dates such as 30 February.
        template = _("A number or date in the front matter that begins in line %(line)s is impossible. Correct it.")
        raise _refuse("bad-toml", template, first_line) from error
    return _convert_mapping(data, 2, first_line)


def _blank_token(token: re.Match[str]) -> str:
    """A string as one letter and its line ends; a comment as nothing but them; a bracket as it is."""
    text = token[0]
    if text in ("[", "]", "{", "}"):
        return text
    return ("" if text.startswith("#") else "q") + "\n" * text.count("\n")


def _read_json(content: str, first_line: int) -> dict[str, Value]:
    _check_depth(content, _JSON_TOKEN, first_line)
    text = content if content.lstrip(" \t\n").startswith("{") else "{" + content + "}"
    # A brace put before the content moves no line.
    try:
        data = _JSON.decode(text.strip(" \t\n"))
    except json.JSONDecodeError as error:
        leading = len(text) - len(text.lstrip(" \t\n"))
        line = first_line + text.count("\n", 0, leading) + error.lineno - 1
        template = _("Line %(line)s is not valid JSON: %(problem)s. Correct it.")
        raise _refuse("bad-json", template, line, problem=error.msg) from error
    except _BadJson as error:
        raise error.locate(content, first_line) from error
    return _convert_mapping(data, 2, first_line)


class _BadJson(ValueError):
    """Something that Python's reader would let pass; ``token`` is what to look for to tell the line."""

    def __init__(self, token: str, *, is_duplicate: bool = False) -> None:
        super().__init__(token)
        self.token = token
        self.is_duplicate = is_duplicate

    def locate(self, content: str, first_line: int) -> RefusedFile:
        place = content.find(self.token)
        if self.is_duplicate:
            place = max(content.find(self.token, place + 1), place)
            return _refuse_duplicate(self.token.strip('"'), first_line + content.count("\n", 0, max(place, 0)))
        line = first_line + content.count("\n", 0, max(place, 0))
        return _refuse(
            "bad-json",
            _("The number “%(token)s” in line %(line)s is no number in JSON. Correct it, or put it in quotes."),
            line,
            token=self.token[:40],
        )


def _read_json_int(text: str) -> Scalar:
    if len(text) > _MAX_DIGITS:
        raise _BadJson(text)
    return Scalar(text, "int")


def _read_json_float(text: str) -> Scalar:
    if float(text) in (float("inf"), float("-inf")):
        raise _BadJson(text)
    return Scalar(text, "float")


def _refuse_json_constant(text: str) -> Any:
    raise _BadJson(text)


def _build_json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        seen: set[str] = set()
        for key, _value in pairs:
            if key in seen:
                raise _BadJson(json.dumps(key, ensure_ascii=False), is_duplicate=True)
            seen.add(key)
    return mapping


_JSON = json.JSONDecoder(
    object_pairs_hook=_build_json_object,
    parse_int=_read_json_int,
    parse_float=_read_json_float,
    parse_constant=_refuse_json_constant,
)


def _check_depth(content: str, token: re.Pattern[str], first_line: int) -> None:
    """Before parsing: Python's readers recurse."""
    depth = 0
    for found in token.finditer(content):
        char = found[0]
        if char in ("[", "{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise _refuse_depth(first_line + content.count("\n", 0, found.start()))
        elif char in ("]", "}"):
            depth -= 1


def _convert(value: Any, depth: int, line: int) -> Value:
    """A value of Python's JSON or TOML reader as text, list or mapping."""
    if isinstance(value, Scalar):
        return value
    if isinstance(value, str):
        _check_storable(value, line)
        return Scalar(value, "str", True)
    if value is None:
        return Scalar("null", "null")
    if isinstance(value, bool):
        return Scalar("true" if value else "false", "bool")
    if isinstance(value, int):
        if value.bit_length() > 3 * _MAX_DIGITS:
            raise _refuse_number(line)
        return Scalar(str(value), "int")
    if isinstance(value, datetime | date | time):
        return Scalar(value.isoformat(), "date")
    if depth > MAX_DEPTH:
        raise _refuse_depth(line)
    if isinstance(value, list):
        if len(value) > MAX_ITEMS:
            raise _refuse_items(line)
        return [_convert(item, depth + 1, line) for item in value]
    return _convert_mapping(value, depth + 1, line)


def _convert_mapping(values: dict[str, Any], depth: int, line: int) -> dict[str, Value]:
    for key in values:
        _check_storable(key, line)
    return {key: _convert(item, depth, line) for key, item in values.items()}


def _check_storable(text: str, line: int) -> None:
    if found := _UNSTORABLE.search(text):
        raise _refuse_character(ord(found[0]), line)
