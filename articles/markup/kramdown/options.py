"""``{::options … /}``: the settings a text may change for itself."""

from __future__ import annotations

import re

from articles.markup.kramdown.tree import Settings

_SWITCHES = ("auto_ids", "parse_block_html", "parse_span_html")
_RANGE = re.compile(r"([1-6])\.\.([1-6])")


def apply_options(settings: Settings, given: dict[str, str]) -> None:
    """Change ``settings`` by the options that are known and well formed; leave the others."""
    for name in _SWITCHES:
        value = given.get(name, "").strip().lower()
        if value:
            setattr(settings, name, value not in ("false", "no", "f", "n", "nil", "0"))
    levels = given.get("toc_levels", "")
    span = _RANGE.fullmatch(levels.strip())
    if span is not None:
        settings.toc_levels = frozenset(range(int(span[1]), int(span[2]) + 1))
    elif levels:
        settings.toc_levels = frozenset(int(digit) for digit in re.findall(r"[1-6]", levels))
    if re.fullmatch(r"-?[0-9]", given.get("header_offset", "").strip()):
        settings.header_offset = int(given["header_offset"])
    if re.fullmatch(r"[0-9]{1,6}", given.get("footnote_nr", "").strip()):
        settings.first_footnote = int(given["footnote_nr"])
