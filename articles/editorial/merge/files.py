"""Merges whole files: the front matter by key, the text by lines and clauses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from articles.editorial.merge.keys import Head, HeadMerge, merge_heads
from articles.editorial.merge.texts import Merge, merge_texts
from articles.formats import frontmatter
from articles.formats.document import SourceText
from articles.formats.frontmatter import Value


@dataclass(frozen=True, slots=True)
class FileMerge:
    """The merge of three files, in its two parts."""

    head: HeadMerge
    body: Merge

    @property
    def is_clean(self) -> bool:
        """Whether nobody has to decide anything."""
        return self.head.is_clean and self.body.text is not None

    @property
    def parts(self) -> tuple[Head, str] | None:
        """The merged front matter and text, or ``None`` where there is a conflict."""
        text = self.body.text
        return (self.head.head, text) if self.head.is_clean and text is not None else None

    def resolve(
        self,
        *,
        keys: Mapping[int, Value | None] | None = None,
        head_lines: Mapping[int, Sequence[str]] | None = None,
        body_lines: Mapping[int, Sequence[str]] | None = None,
    ) -> tuple[Head, str]:
        """Front matter and text with what was chosen for each conflict, by its number in its part.

        Raises as :meth:`articles.editorial.merge.HeadMerge.resolve` does.
        """
        return self.head.resolve(keys or {}, head_lines), self.body.resolve(body_lines or {})


def merge_files(base: SourceText, ours: SourceText, theirs: SourceText, *, ordered: frozenset[str] = frozenset()) -> FileMerge:
    """Merges what ``ours`` and ``theirs`` made of the file ``base``; ``ordered`` as for :func:`merge_heads`.

    Only ``head``, ``format`` and ``body`` are looked at; in which bytes the result is written is the caller's to say.
    Raises RefusedFile where one of the blocks is no front matter.
    """
    heads = [Head(source.head, source.format) for source in (base, ours, theirs)]
    return FileMerge(merge_heads(*heads, ordered=ordered), merge_texts(base.body, ours.body, theirs.body))


def join_parts(head: Head, text: str) -> tuple[Head, str]:
    """Front matter and text as whoever reads the file will split them, which may be elsewhere than where they were joined."""
    block = head.text if not head.text or head.text.endswith("\n") or not text else head.text + "\n"
    found, rest, kind = frontmatter.split(block + text)
    return Head(found, kind), rest
