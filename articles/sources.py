"""The source text of a post: the record. Everything that changes it goes through here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext_noop as _

from articles.findings import Finding, RefusedFile
from articles.formats import frontmatter, writing
from articles.formats.document import FrontMatterFormat, SourceText
from articles.formats.encoding import encode_source, with_text
from articles.models import Post

ENCODING_CHANGED = "encoding-changed"
MAX_UNFIT = 5
UNFIT = _(
    "%(encoding)s, in which the file came, has no “%(characters)s”: the whole file is UTF-8 from now on, also in an export. "
    "Take these characters out, and it is %(encoding)s again."
)
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
    makes the file UTF-8, which is noted among the findings of the source; once it can, the file is as it was. Line ends
    from a browser's form become ``\\n``. Raises RefusedFile where the front matter cannot be read.
    """
    original = source_text(post)
    came_in = _encoding_before(post) if original.raw is None else ""
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
    if came_in:
        original = replace(original, encoding=came_in)
    edited = with_text(original, head, text)
    frontmatter.parse(edited.head, edited.format)
    post.front_matter, post.body, post.front_matter_format = edited.head, edited.body, edited.format
    post.encoding, post.bom, post.newline = edited.encoding, edited.bom, edited.newline
    post.source_bytes = edited.raw
    if edited.encoding != original.encoding or came_in:
        note_encoding(post, original.encoding)


def describe_unfit(text: str, encoding: str) -> Finding | None:
    """What becomes of a file in ``encoding`` once its text is ``text``; ``None`` where the encoding holds it."""
    unfit = find_unfit(text, encoding)
    if not unfit:
        return None
    params = {"characters": " ".join(unfit[:MAX_UNFIT]) + (" …" if len(unfit) > MAX_UNFIT else ""), "encoding": encoding}
    return Finding(ENCODING_CHANGED, "warning", UNFIT, params)


def find_unfit(text: str, encoding: str) -> list[str]:
    """The characters of a text that an encoding lacks, each once, in their order."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return [character for character in dict.fromkeys(text) if not _holds(encoding, character)]
    return []


def encoding_findings(post: Post) -> tuple[Finding, ...]:
    """What is noted of a file that is written in another encoding than it came in."""
    return tuple(Finding.from_json(finding) for finding in post.source_findings if finding["code"] == ENCODING_CHANGED)


def _holds(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _encoding_before(post: Post) -> str:
    """The encoding in which a file came that became UTF-8 since; ``""`` where it did not."""
    return next((str(finding.params["encoding"]) for finding in encoding_findings(post)), "")


def note_encoding(post: Post, encoding: str) -> None:
    """Says of a file that came in ``encoding`` what its text does not let it keep, in step with the text; saves nothing."""
    finding = describe_unfit(post.front_matter + post.body, encoding)
    noted = [finding.as_json()] if finding else []
    post.source_findings = [*(known for known in post.source_findings if known["code"] != ENCODING_CHANGED), *noted]
    post.findings = [*noted, *(known for known in post.findings if known["code"] != ENCODING_CHANGED)]


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
