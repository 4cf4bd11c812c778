"""Three-way merges: what two sides made of one text becomes one text again, or questions to a person.

Pure, as the layer of texts is: it knows no post, no request and no settings.
"""

from articles.editorial.merge.files import FileMerge, join_parts, merge_files
from articles.editorial.merge.keys import (
    Head,
    HeadMerge,
    KeyChange,
    means_same,
    merge_heads,
    read_head,
    read_value,
    show_value,
    write_key,
)
from articles.editorial.merge.questions import Answer, Answers, FieldQuestion, Question, Unanswered, Way, ask, collect
from articles.editorial.merge.texts import Hunk, HunkKind, Merge, mark_changes, merge_texts, split_clauses
from articles.formats.frontmatter import Value

__all__ = [
    "Answer",
    "Answers",
    "FieldQuestion",
    "FileMerge",
    "Head",
    "HeadMerge",
    "Hunk",
    "HunkKind",
    "KeyChange",
    "Merge",
    "Question",
    "Unanswered",
    "Value",
    "Way",
    "ask",
    "collect",
    "join_parts",
    "mark_changes",
    "means_same",
    "merge_files",
    "merge_heads",
    "merge_texts",
    "read_head",
    "read_value",
    "show_value",
    "split_clauses",
    "write_key",
]
