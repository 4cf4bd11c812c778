"""The source text of a post: the record. Everything that changes it goes through here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import frontmatter, writing
from articles.formats.document import FrontMatterFormat, SourceText
from articles.formats.encoding import encode_source, with_text
from articles.models import Post

NOT_FOUND = _("This is no front matter: begin and end it with a line “---” (YAML) or “+++” (TOML).")


def source_text(post: Post) -> SourceText:
    """The post's source text as the file layer has it."""
    return SourceText(
        head=post.front_matter,
        body=post.body,
        format=format_of(post),
        encoding=post.encoding,
        bom=post.bom,
        newline=post.newline,
        raw=bytes(post.source_bytes) if post.source_bytes is not None else None,
    )


def format_of(post: Post) -> FrontMatterFormat:
    """How the front matter is written. The column holds nothing else: only :func:`set_text` and imports write it."""
    return cast(FrontMatterFormat, post.front_matter_format)


def source_bytes(post: Post) -> bytes:
    """The bytes of the post's file: those that came, where nobody changed the text."""
    return encode_source(source_text(post))


def set_text(post: Post, *, front_matter: str | None = None, body: str | None = None) -> None:
    """Replaces the front matter block, the text or both on the instance; saves nothing.

    Lines that stay keep their own line ends, also in a file that mixes them. A text that its old encoding cannot hold
    makes the file UTF-8. Line ends from a browser's form become ``\\n``. Raises RefusedFile where the front matter
    cannot be read.
    """
    original = source_text(post)
    head = original.head if front_matter is None else with_line_feeds(front_matter)
    text = original.body if body is None else with_line_feeds(body)
    if (head, text) == (original.head, original.body):
        return
    if head and text and not head.endswith("\n"):
        head += "\n"
    if head != original.head or not head:
        # Whoever reads the exported file will split it anew: what it takes for front matter must be that here too.
        wanted = head.strip()
        head, text, _format = frontmatter.split(head + text)
        if wanted and not head:
            raise RefusedFile(Finding("front-matter-not-found", "error", NOT_FOUND))
    edited = with_text(original, head, text)
    frontmatter.parse(edited.head, edited.format)
    post.front_matter, post.body, post.front_matter_format = edited.head, edited.body, edited.format
    post.encoding, post.bom, post.newline = edited.encoding, edited.bom, edited.newline
    post.source_bytes = edited.raw


def with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def write_fields(post: Post, changes: Mapping[writing.Field, Any]) -> None:
    """Writes changed fields into the front matter of the instance as changes of the file's own keys; saves nothing.

    Values as in :func:`articles.formats.writing.write_fields`. A post made here, which has no file yet, is left alone.
    """
    if post.source is None and not post.front_matter:
        return
    zone = ZoneInfo(post.source.timezone if post.source else settings.TIME_ZONE)
    head = writing.write_fields(post.front_matter, format_of(post), post.dialect, changes, zone)
    set_text(post, front_matter=head)
