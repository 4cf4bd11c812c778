"""A text under translation: what is settled already is held back, so that no later step reads it again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from articles.findings import Finding, Severity
from articles.formats.translating.spelling import Speller
from articles.markup.page import CLOSE, OPEN, PLACEHOLDER

_MAX_FINDINGS_PER_CODE = 20
_KRAMDOWN = frozenset({"attributes", "block_attributes", "definition_lists", "footnotes", "tables"})


@dataclass(frozen=True, slots=True)
class TextKind:
    """One way of writing: a generator's dialect, the flavour of its Markdown, and what is switched on in it."""

    dialect: str
    flavour: str
    features: frozenset[str]

    def reads(self, feature: str) -> bool:
        """Whether a construct means something in it. kramdown has some that its features do not name, for none is a switch."""
        return feature in self.features or (self.flavour == "kramdown" and feature in _KRAMDOWN)

    @property
    def takes_html(self) -> bool:
        """Whether its readers see HTML written among Markdown."""
        return self.dialect != "zenn"


class References(Protocol):
    """Finds where the references of one text lead in the site that is being written. Nothing of it raises."""

    def page(self, kind: str, target: str) -> str | None:
        """How the new text names the page that template code or a wikilink names; ``None`` where it is unknown."""
        ...

    def file(self, target: str) -> str | None:
        """How the new text names a file of the site; ``None`` where it is unknown."""
        ...

    def rewrite(self, target: str) -> str | None:
        """What to write for a relative or absolute path in a link; ``None`` where it may stay as it is."""
        ...


@dataclass(slots=True)
class Job:
    """What all parts of one text share."""

    source: TextKind
    target: TextKind
    references: References
    title: str
    language: str
    text: str
    held: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    speller: Speller = field(init=False)

    def __post_init__(self) -> None:
        self.speller = Speller(self.target.dialect, self.target.flavour, self.language)

    def has(self, feature: str) -> bool:
        """Whether the text was written with a feature."""
        return self.source.reads(feature)

    def wants(self, feature: str) -> bool:
        """Whether the new text is read with a feature."""
        return self.target.reads(feature)

    def loses(self, feature: str) -> bool:
        """Whether a construct of the text means nothing where it goes."""
        return self.source.reads(feature) and not self.target.reads(feature)

    def gains(self, feature: str) -> bool:
        """Whether signs that were plain text would be read as a construct where the text goes."""
        return self.target.reads(feature) and not self.source.reads(feature)

    def hold(self, text: str) -> str:
        """Keeps ``text`` back and gives its placeholder."""
        self.held.append(text)
        return f"{OPEN}{len(self.held) - 1}{CLOSE}"

    def restore(self, text: str) -> str:
        """The text with everything that was held back; what is held may hold placeholders itself."""
        for _round in range(50):
            if OPEN not in text:
                break
            text = PLACEHOLDER.sub(lambda match: self.held[int(match[1])], text)
        return text

    def report(self, code: str, severity: Severity, template: str, snippet: str, /, **params: str) -> None:
        """Notes what could not be said, with the line of ``snippet`` in the text that came; at most twenty of one code."""
        count = self.counts[code] = self.counts.get(code, 0) + 1
        if count <= _MAX_FINDINGS_PER_CODE:
            self.findings.append(Finding(code, severity, template, params, self.line_of(snippet)))

    def line_of(self, snippet: str) -> int | None:
        """The line, from 1, on which ``snippet`` first stands in the text that came."""
        first = snippet.strip().split("\n")[0]
        at = self.text.find(first) if first else -1
        return self.text.count("\n", 0, at) + 1 if at >= 0 else None

    def replace(self, pattern: re.Pattern[str], by: Callable[[re.Match[str]], str], text: str) -> str:
        """``text`` with every match replaced by what ``by`` gives, held back so that it is not read again."""

        def hold(match: re.Match[str]) -> str:
            written = by(match)
            return written if written == match[0] else self.hold(written)

        return pattern.sub(hold, text)
