"""A text written for one generator, made to say the same in the Markdown and template code of another.

Only what the other generator would read otherwise is changed; what is not known stays as it stands and is named with its
line. A text that goes where it came from is not touched. Pure: references are looked up by whoever calls.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from articles.findings import Finding
from articles.formats.translating import blocks, prose
from articles.formats.translating.code import CodeTranslator, escape_code
from articles.formats.translating.comparing import Difference, find_difference, is_like, line_of, list_differences
from articles.formats.translating.linking import free_words, rewrite_links
from articles.formats.translating.part import Job, References, TextKind
from articles.markup.page import NONCHARACTERS

__all__ = [
    "Difference",
    "References",
    "TextKind",
    "Translation",
    "find_difference",
    "is_like",
    "line_of",
    "list_differences",
    "translate",
]


@dataclass(slots=True)
class Translation:
    """The new text, and what could not be said in it. Lines count from the start of the text that came."""

    text: str
    findings: list[Finding] = field(default_factory=list)


def translate(
    text: str, source: TextKind, target: TextKind, references: References, *, title: str = "", language: str = "ja"
) -> Translation:
    """``text``, written as ``source``, for readers of ``target``. Never raises on any text.

    ``title`` is the post's, which template code may print; ``language`` is that of words that are added.
    """
    if NONCHARACTERS.search(text):
        text = NONCHARACTERS.sub("\ufffd", text)
    job = Job(source, target, references, title, language, text)
    if source.flavour == "html":
        return Translation(job.restore(_translate_html(job, text)), job.findings)
    written = _Part(job).translate(text)
    return Translation(_squeeze(text, job.restore(written)), job.findings)


class _Part:
    """The steps, in their order; bodies of boxes and quotations go through the same."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def translate(self, text: str) -> str:
        job = self.job
        text = CodeTranslator(job, self._translate_body).run(text)
        if job.source.flavour == "kramdown" and job.target.flavour != "kramdown":
            # Before indented code is looked for: inside HTML there is none to kramdown.
            text = blocks.close_html(text)
        text = prose.hold_verbatim(job, text)
        text = free_words(rewrite_links(job, text))
        if job.loses("callouts") and "[!" in text:
            text = blocks.translate_callouts(job, text, self._translate_body)
        text = prose.translate_bars(job, text)
        if job.source.flavour == "kramdown" and job.target.flavour != "kramdown":
            text = prose.translate_kramdown(job, text)
        if job.target.flavour == "kramdown" and job.source.flavour != "kramdown":
            text = prose.translate_to_kramdown(job, text)
        text = prose.translate_signs(job, text)
        text = prose.translate_breaks(job, text)
        text = prose.escape_signs(job, text)
        return escape_code(text, job.target.features)

    def _translate_body(self, text: str) -> str:
        return self.job.restore(self.translate(text))


def _translate_html(job: Job, text: str) -> str:
    """HTML stays HTML; among Markdown it must be one block, which a blank line or an indented line would end."""
    text = CodeTranslator(job, lambda body: body).run(text)
    text = free_words(rewrite_links(job, text))
    if job.target.flavour != "html":
        text = re.sub(r"\n(?:[ \t]*\n)+", "\n", text.strip("\n")) if "<pre" not in text.lower() else text
        if not re.match(r"\s*<(?:div|section|article|main|p|h[1-6]|ul|ol|table|blockquote|figure|header)\b", text, re.I):
            text = f"<div>\n{text}\n</div>"
    return escape_code(text, job.target.features)


def _squeeze(before: str, after: str) -> str:
    """No more blank lines in a row than were needed: constructs put blank lines around themselves."""
    if before == after:
        return after
    return re.sub(r"\n{4,}", "\n\n\n", after)
