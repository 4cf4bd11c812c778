"""Merges front matter by key: two changes of neighbouring lines that say different things are no conflict."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from articles.editorial.merge.texts import Merge, conflict_whole, merge_texts
from articles.findings import RefusedFile
from articles.formats import frontmatter, terms
from articles.formats.dates import BadDate, parse_date
from articles.formats.document import FrontMatterFormat
from articles.formats.frontmatter import EditError, Scalar, Value, as_bool, as_int, as_plain, as_text

Path = tuple[str, ...]

TERM_KEYS = frozenset(("tags", "tag", "categories", "category", "keywords", "topics", "authors", "author", "series"))
"""Lists under these keys hold names, of which two spellings may be one."""

_REMARK = re.compile(r"(?:^|[ \t])#[^\n]*", re.MULTILINE)
_WITH_OFFSET = re.compile(r"(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})\Z")


@dataclass(frozen=True, slots=True)
class Head:
    """A front matter block as :func:`articles.formats.frontmatter.split` gives it; ``""`` where a file has none."""

    text: str
    format: FrontMatterFormat = ""


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key that a side changed, with the three values; ``None``: the key is not there.

    ``kind`` is ``ours``, ``theirs``, ``both`` (to the same), ``merged`` (a list to which both added, a text of several
    lines) or ``conflict``; ``value`` is the merged one, and in a conflict the file's, until somebody chooses.
    """

    path: Path
    kind: str
    base: Value | None
    ours: Value | None
    theirs: Value | None
    value: Value | None

    @property
    def name(self) -> str:
        """The key as people write a place in a map: ``cover.alt``."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class HeadMerge:
    """The merge of three blocks.

    ``head`` is the merged block, with ``theirs`` where keys are in conflict. ``lines`` is set instead where the block
    cannot be merged by key (both sides changed its remarks too): its conflicts are then hunks of lines.
    """

    head: Head
    changes: tuple[KeyChange, ...] = ()
    lines: Merge | None = None

    @property
    def conflicts(self) -> list[KeyChange]:
        """The keys about which a person has to decide, in order."""
        return [change for change in self.changes if change.kind == "conflict"] if self.lines is None else []

    @property
    def is_clean(self) -> bool:
        return self.lines is None and not self.conflicts

    def resolve(self, chosen: Mapping[int, Value | None], lines: Mapping[int, Sequence[str]] | None = None) -> Head:
        """The block with the values chosen for each conflict by its number (``None``: without the key).

        ``lines`` decides the hunks where :attr:`lines` is set. Raises KeyError for a conflict that nobody decided,
        EditError where a value cannot be written alone, and RefusedFile where the result is no front matter.
        """
        if self.lines is not None:
            return read_head(self.lines.resolve(lines or {}))
        head = self.head
        for number, change in enumerate(self.conflicts):
            head = write_key(head, change.path, chosen[number])
        return head


def read_head(text: str) -> Head:
    """A text that somebody put together as a block. Raises RefusedFile where it is none, or where more than it is there."""
    found, rest, kind = frontmatter.split(text if not text or text.endswith("\n") else text + "\n")
    frontmatter.parse(found, kind)
    if rest.strip():
        raise EditError("the front matter ends before the text does")
    return Head(found, kind)


def merge_heads(base: Head, ours: Head, theirs: Head, *, ordered: frozenset[str] = frozenset()) -> HeadMerge:
    """Merges what ``ours`` and ``theirs`` made of the block ``base``, key by key, maps inside maps included.

    A key that one side changed is as there; one that both changed to the same meaning (``yes`` and ``true``, one instant
    in two zones) is as in ``theirs``. Lists take the additions and removals of both sides, but not those named in
    ``ordered``, whose order means something. The result is a merge of lines where that says the same; else one of the
    two blocks, in which only the lines of the other side's keys change. Raises RefusedFile for a block that is no
    front matter.
    """
    if ours in (base, theirs):
        return HeadMerge(theirs, tuple(_compare_only(base, theirs, "both" if ours == theirs else "theirs")))
    if theirs == base:
        return HeadMerge(ours, tuple(_compare_only(base, ours, "ours")))
    values = [frontmatter.parse(head.text, head.format) for head in (base, ours, theirs)]
    changes = tuple(_merge_mappings((), values[0], values[1], values[2], ordered))
    by_lines = merge_texts(base.text, ours.text, theirs.text, by_clause=False)
    wanted = _Wanted(changes)
    merged = wanted.find(by_lines, values, base, ours, theirs)
    if merged is None:
        # Lines that merge to something which none of the keys say are one question about the whole block.
        lines = by_lines if by_lines.text is None else conflict_whole(base.text, ours.text, theirs.text)
        return HeadMerge(theirs, changes, lines)
    return HeadMerge(merged, changes)


def write_key(head: Head, path: Path, value: Value | None) -> Head:
    """``head`` with the key as ``value`` says, a change of its own lines only. Raises EditError and RefusedFile."""
    if value is None:
        text = frontmatter.remove_key(head.text, head.format, path) if head.text else ""
        return replace(head, text=text)
    kind = head.format or "yaml"
    return Head(frontmatter.set_key(head.text, kind, path, _as_new(value, kind)), kind)


def show_value(value: Value | None) -> str:
    """A value as text for people: a list one item per line, a map as it could be written."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(str(item) for item in value)
    return str(value) if isinstance(value, str) else as_text(value)


def read_value(text: str, like: Sequence[Value | None]) -> Value:
    """What a person typed for a key whose values are ``like``: a list from lines, a text, or a plain word or number."""
    text = text.replace("\r\n", "\n").strip("\n")
    if any(isinstance(value, list) for value in like):
        return [Scalar(line.strip(), quoted=_is_text(like)) for line in text.split("\n") if line.strip()]
    return Scalar(text, quoted=_is_text(like))


def _is_text(like: Sequence[Value | None]) -> bool:
    """Whether the key holds text, so that ``no`` typed into it is that word."""
    found: list[Any] = []
    for value in like:
        found += value if isinstance(value, list) else [value]
    return any(isinstance(value, Scalar) and value.kind == "str" for value in found)


# --- What the keys come to


def _compare_only(base: Head, changed: Head, kind: str) -> Iterator[KeyChange]:
    """The keys that one side alone changed (or both alike)."""
    before, after = frontmatter.parse(base.text, base.format), frontmatter.parse(changed.text, changed.format)
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if not means_same(old, new):
            here, there = (old if kind == "theirs" else new), (old if kind == "ours" else new)
            yield KeyChange((key,), kind, old, here, there, new)


def _merge_mappings(
    path: Path, base: Mapping[str, Value], ours: Mapping[str, Value], theirs: Mapping[str, Value], ordered: frozenset[str]
) -> Iterator[KeyChange]:
    for key in dict.fromkeys((*theirs, *ours, *base)):
        yield from _merge_key((*path, key), base.get(key), ours.get(key), theirs.get(key), ordered)


def _merge_key(
    path: Path, base: Value | None, ours: Value | None, theirs: Value | None, ordered: frozenset[str]
) -> Iterator[KeyChange]:
    if means_same(ours, theirs):
        if not means_same(base, theirs):
            yield KeyChange(path, "both", base, ours, theirs, theirs)
    elif means_same(ours, base):
        yield KeyChange(path, "theirs", base, ours, theirs, theirs)
    elif means_same(theirs, base):
        yield KeyChange(path, "ours", base, ours, theirs, ours)
    elif isinstance(ours, dict) and isinstance(theirs, dict) and (base is None or isinstance(base, dict)):
        yield from _merge_mappings(path, base or {}, ours, theirs, ordered)
    else:
        merged = _merge_values(path, base, ours, theirs, ordered)
        kind = "conflict" if merged is None else "merged"
        yield KeyChange(path, kind, base, ours, theirs, theirs if merged is None else merged)


def _merge_values(
    path: Path, base: Value | None, ours: Value | None, theirs: Value | None, ordered: frozenset[str]
) -> Value | None:
    """One value out of two that both differ from the base, or ``None``."""
    if isinstance(ours, list) and isinstance(theirs, list) and (base is None or isinstance(base, list)):
        return None if path[-1] in ordered else _merge_lists(base or [], ours, theirs, path[-1] in TERM_KEYS)
    if isinstance(base, str) and isinstance(ours, str) and isinstance(theirs, str) and "\n" in ours and "\n" in theirs:
        text = merge_texts(base, ours, theirs).text
        return None if text is None else Scalar(text, "str", True)
    return None


def _merge_lists(base: list[Value], ours: list[Value], theirs: list[Value], are_terms: bool) -> list[Value] | None:
    """What both sides added, without what either removed; ``None`` where a side changed the order.

    A new item of ours stands behind the item behind which it stands there, after what the file has new in that place.
    """
    before, here, there = ({_identify(item, are_terms): item for item in items} for items in (base, ours, theirs))
    if len(before) < len(base) or len(here) < len(ours) or len(there) < len(theirs):
        return None
    for side in (here, there):
        if [key for key in before if key in side] != [key for key in side if key in before]:
            return None
    result = [key for key in there if key in here or key not in before]
    previous = ""
    for key in here:
        if key not in before and key not in result:
            place = result.index(previous) + 1 if previous in result else 0
            while place < len(result) and result[place] not in here and result[place] not in before:
                place += 1
            result.insert(place, key)
        previous = key if key in result else previous
    return [there[key] if key in there else here[key] for key in result]


def _identify(item: Value, is_term: bool) -> str:
    if isinstance(item, str):
        return "text " + (terms.identity(item) or item if is_term else item)
    return "data " + json.dumps(as_plain(item), ensure_ascii=False)


def means_same(first: Value | None, second: Value | None) -> bool:
    """Whether two values say the same, however they are spelled: quotes, ``yes`` and ``true``, one instant in two zones."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(means_same(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(means_same, first, second))
    if not isinstance(first, Scalar) or not isinstance(second, Scalar):
        return first is None and second is None
    return first == second or _mean(first) == _mean(second)


def _mean(value: Scalar) -> Any:
    """What generators make of a value; two texts mean the same only where they are the same."""
    kind = value.kind
    if kind == "bool":
        return as_bool(value)
    if kind == "null":
        return ("null",)
    if kind == "int" and (number := as_int(value)) is not None:
        return ("int", number)
    if kind == "date" and _WITH_OFFSET.search(value):
        try:
            return parse_date(value, ZoneInfo("UTC"))
        except BadDate:
            return str(value)
    return str(value)


# --- The block that says it


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Finds a text whose keys are as ``changes`` say."""

    changes: tuple[KeyChange, ...]

    def find(self, by_lines: Merge, values: list[dict[str, Value]], base: Head, ours: Head, theirs: Head) -> Head | None:
        has_conflict = any(change.kind == "conflict" for change in self.changes)
        if by_lines.text is not None and not has_conflict and (merged := self._read(by_lines.text, ours.format)):
            return merged
        # From one side's block, with the other side's keys written into it; the file's own block comes first.
        for start, other, kept in ((theirs, ours, "theirs"), (ours, theirs, "ours")):
            if not _changes_remarks(base, other) and (edited := self._edit(start, kept)):
                return edited
        return None

    def _read(self, text: str, format: FrontMatterFormat) -> Head | None:
        """The merge of lines as a block, if its keys are as wanted."""
        try:
            head = read_head(text)
            found = frontmatter.parse(head.text, head.format)
        except (RefusedFile, EditError):
            return None
        return head if head.format == format and all(_agrees(_get(found, c.path), c) for c in self.changes) else None

    def _edit(self, start: Head, kept: str) -> Head | None:
        head = start
        try:
            for change in self.changes:
                present = change.theirs if kept == "theirs" else change.ours
                if not _is_spelled_as(present, change.value):
                    head = write_key(head, change.path, change.value)
        except (EditError, RefusedFile):
            return None
        return head


def _agrees(found: Value | None, change: KeyChange) -> bool:
    if change.kind == "merged" and isinstance(found, list) and isinstance(change.value, list):
        # By lines the additions of both sides may stand in another order.
        are_terms = change.path[-1] in TERM_KEYS
        return sorted(_identify(item, are_terms) for item in found) == sorted(_identify(item, are_terms) for item in change.value)
    return means_same(found, change.value)


def _get(values: Value | None, path: Path) -> Value | None:
    for key in path:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def _is_spelled_as(present: Value | None, wanted: Value | None) -> bool:
    return means_same(present, wanted) if present is not None and wanted is not None else present is wanted


def _changes_remarks(base: Head, changed: Head) -> bool:
    """Whether a side changed remarks, which keys do not say and would be lost."""
    return _REMARK.findall(base.text) != _REMARK.findall(changed.text)


def _as_new(value: Value, format: FrontMatterFormat) -> Any:
    """A parsed value as :func:`articles.formats.frontmatter.set_key` takes it: plain words and numbers stay such."""
    if isinstance(value, dict):
        return {key: _as_new(item, format) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_new(item, format) for item in value]
    if value.kind == "str" or format == "yaml":
        return value
    if value.kind == "date" and format == "toml":
        return _as_moment(value)
    plain = as_plain(value)
    return str(value) if plain is None and format == "toml" else plain


def _as_moment(value: Scalar) -> Any:
    for kind in (date, datetime):
        try:
            return kind.fromisoformat(value)
        except ValueError:
            continue
    return str(value)
