"""Tells improvements apart from faults where a document's structure differs from a real generator's.

An improvement is emphasis that the generator did not see: CommonMark leaves the asterisks of ``は**「大切」**です`` as they
stand, because of the bracket beside them. A document counts as improved where undoing exactly such emphasis makes it equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from articles.markup.text import WIDE

#: Marks in a sequence of tokens, as the Markdown that makes them. Underscores do the same and count as asterisks.
_MARKS = {"<strong>": "**", "</strong>": "**", "<em>": "*", "</em>": "*", "<del>": "~~", "</del>": "~~"}
_SIGNS = frozenset("*~")
_WIDE = re.compile(f"[{WIDE}\u2018-\u201f\u2026]")

#: One character of text or one tag, and whether it is a mark that was made of Markdown's signs.
Atom = tuple[str, bool]


def is_improvement(wanted: Sequence[str], given: Sequence[str]) -> bool:
    """Whether ``given`` differs from ``wanted`` only by emphasis beside Japanese characters, which ``wanted`` shows as signs.

    Both are tokens of a document in order: ``<p>``, ``</p>``, ``<a …>``, and ``text …`` for what stands between them.
    """
    old, new = list(_atoms(wanted)), list(_atoms(given))
    if len(old) != len(new) or any(a[0] != b[0] for a, b in zip(old, new, strict=True)):
        return False
    changed = [index for index, (a, b) in enumerate(zip(old, new, strict=True)) if a[1] != b[1]]
    return bool(changed) and all(new[index][1] and _stands_beside_wide(new, index) for index in changed)


def _atoms(tokens: Sequence[str]) -> Iterator[Atom]:
    for token in tokens:
        if token in _MARKS:
            for sign in _MARKS[token]:
                yield sign, True
        elif token.startswith("text "):
            for character in token[5:]:
                yield "*" if character == "_" else character, False
        else:
            yield token, False


def _stands_beside_wide(atoms: Sequence[Atom], index: int) -> bool:
    """Whether the run of signs around ``index`` touches a Japanese character: nothing else makes emphasis an improvement."""
    first, last = index, index
    while first and atoms[first - 1][0] in _SIGNS:
        first -= 1
    while last + 1 < len(atoms) and atoms[last + 1][0] in _SIGNS:
        last += 1
    beside = [atoms[at][0] for at in (first - 1, last + 1) if 0 <= at < len(atoms)]
    return any(_WIDE.fullmatch(character) for character in beside)
