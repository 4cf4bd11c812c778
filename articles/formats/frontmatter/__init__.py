"""Front matter: found, read and edited as text, so that what nobody edits stays as it was written.

``reading`` splits and parses, ``values`` holds what a value is and how it is read, ``editing`` changes one key,
``dumping`` writes a whole block anew.
"""

from articles.formats.frontmatter.dumping import dump
from articles.formats.frontmatter.editing import EditError, remove_key, set_key
from articles.formats.frontmatter.reading import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_NODES,
    find_line,
    parse,
    parse_config,
    split,
)
from articles.formats.frontmatter.values import (
    Kind,
    Scalar,
    Value,
    as_bool,
    as_date,
    as_int,
    as_list,
    as_plain,
    as_text,
)

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_ITEMS",
    "MAX_NODES",
    "EditError",
    "Kind",
    "Scalar",
    "Value",
    "as_bool",
    "as_date",
    "as_int",
    "as_list",
    "as_plain",
    "as_text",
    "dump",
    "find_line",
    "parse",
    "parse_config",
    "remove_key",
    "set_key",
    "split",
]
