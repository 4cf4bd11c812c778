"""Markdown text to safe HTML, outline, plain text and links. Pure: no database, no request, no settings."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import traceback
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from articles.markup import attributes, callouts, finishing, sanitise, source, templatecode
from articles.markup.document import Rendered, Resolver
from articles.markup.engines import DEFAULT_FEATURES, FEATURES, GENERATOR_FEATURES, Flavour, to_html
from articles.markup.highlight import scrolling
from articles.markup.limits import FAULTS, MAX_CHARACTERS, EngineFailed, TooComplex, check_html_cost
from articles.markup.page import NONCHARACTERS, Page
from articles.markup.page import gettext_noop as _
from articles.markup.text import count_characters, cut, join_lines, make_excerpt, visible_text

#: Grows whenever the same text would render differently, so that stored renderings can be found and made anew.
RENDERER_VERSION = 5

# CommonMark 0.31 drops ``<!doctype html>`` as HTML; Goldmark and older readers show it, and what is shown is not lost.
_LOWER_DECLARATION = re.compile(r"<!(?=[a-z])")
logger = logging.getLogger(__name__)
_TOO_COMPLEX = _(
    "This text is too complex to render: it is too long, too deeply nested, or takes too long. Split or simplify it."
)
_MORE = re.compile(r"<!--\s*(?:more|truncate)\s*-->", re.I)
_AUTHORS_TAG = re.compile(r"<[a-zA-Z/!?]")


def render(
    text: str,
    *,
    flavour: Flavour,
    features: frozenset[str] = frozenset(),
    language: str = "ja",
    resolver: Resolver | None = None,
    title: str = "",
    values: Mapping[str, str | None] | None = None,
    faithful: bool = False,
) -> Rendered:
    """Renders a post's body. Never raises: a text that costs too much gives its escaped source and ``too-complex``; one
    that meets a fault of the renderer gives its escaped source and ``render-failed``, and the log has the traceback.

    ``features`` are names of :data:`FEATURES`. ``language`` is that of the post: words that rendering adds follow it.
    ``title`` is the post's; an H1 that repeats it is left out, because the page shows the title itself; the other
    headings move one level down where the text has an H1 of its own. ``values`` are what the text may print by name, as
    ``site.title`` and ``page.venue`` (:func:`articles.formats.values.values_of`). ``faithful`` leaves headings and code as the
    generator has them, for comparing with it. Lines in findings count from the start of ``text``.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if NONCHARACTERS.search(text):
        text = NONCHARACTERS.sub("\ufffd", text)
    page = Page(features, language, resolver, title, faithful, text, values or {})
    try:
        if len(text) > MAX_CHARACTERS:
            raise TooComplex
        rendered = _render(page, text, flavour)
        if (more := _MORE.search(text)) and not page.faithful:
            rendered.excerpt = _excerpt_before(page, text, more, flavour) or rendered.excerpt
        return rendered
    except (TooComplex, RecursionError, MemoryError):
        template = _(
            "This text is too complex to render: it is too long, too deeply nested, or takes too long. Split or simplify it."
        )
        return _render_as_source(page, text, "too-complex", template)
    except EngineFailed as failure:
        fault = str(failure)
    except FAULTS as error:
        fault = "".join(traceback.format_exception(error))
    return _render_after_fault(page, text, fault)


def _render(page: Page, text: str, flavour: Flavour) -> Rendered:
    features = page.features
    if flavour == "html":
        html = templatecode.translate(page, text, is_html=True)
        if page.held:
            html = finishing.free_held_blocks(page, html)
    else:
        prepared = templatecode.translate(page, text)
        if "comments" in features and "%%" in prepared:
            prepared = source.remove_comments(prepared)
        if flavour == "commonmark" and _LOWER_DECLARATION.search(prepared):
            prepared = _hold_declarations(page, prepared)
        if flavour == "commonmark":
            prepared = attributes.hold(page, prepared)
        html = to_html(prepared, flavour, features, heading_ids=not page.faithful)
        if page.held:
            html = finishing.free_held_blocks(page, html)
        if "callouts" in features and "[!" in html:
            html = callouts.translate(page, html)
        if "block_attributes" in features:
            html = attributes.attach(page, html)
    has_raw_html = page.has_printed_tags or _AUTHORS_TAG.search(text) is not None
    if has_raw_html:
        html = sanitise.drop_raw_elements(page, html)
    finisher = finishing.Finisher(page, html)
    finisher.run()
    if page.title and not page.faithful and finisher.drop_title(page.title):
        page.report(
            "title-repeated",
            "info",
            _("The text begins with its own title “%(title)s”; the page shows it once."),
            title=page.title,
        )
    shift = int(not page.faithful and any(heading.level == 1 for heading in finisher.headings))
    outline = finisher.outline(shift)
    html = _polish(page, "".join(finisher.pieces))
    if has_raw_html:
        html = sanitise.free_swallowed_text(html)
    check_html_cost(html, has_raw_html=has_raw_html or bool(page.held))
    html = sanitise.sanitise(page, html, has_raw_html=has_raw_html)
    plain = visible_text(html, has_line_per_block=not (has_raw_html or page.held))
    excerpt = make_excerpt(html, page.title) or cut(" ".join(plain.split()))
    return Rendered(html, outline, plain, excerpt, count_characters(plain), page.links, page.findings)


def _excerpt_before(page: Page, text: str, more: re.Match[str], flavour: Flavour) -> str:
    """What stands before the author's own mark for "read on", where that is no code; of several paragraphs too."""
    if flavour != "html" and source.CodeMap(text).region_at(more.start()):
        return ""
    opening = Page(page.features, page.language, None, page.title, source=text[: more.start()], values=page.values)
    return cut(" ".join(_render(opening, text[: more.start()], flavour).plain_text.split()))


def _hold_declarations(page: Page, text: str) -> str:
    code = source.CodeMap(text)
    held = page.hold("&lt;!", text="<!")
    return _LOWER_DECLARATION.sub(lambda match: match[0] if code.region_at(match.start()) else held, text)


def _polish(page: Page, html: str) -> str:
    """What is done on the whole text, each only where its mark occurs."""
    features = page.features
    if page.held:
        html = finishing.resolve_held_in_attributes(page, html)
    if "wikilinks" in features:
        html = finishing.restore_embed_marks(html)
        if " ^" in html:
            html = finishing.mark_block_ids(page, html)
    if "embeds" in features and '<p><a href="http' in html:
        html = finishing.mark_lone_addresses(html)
    return join_lines(html)


def _render_after_fault(page: Page, text: str, fault: str) -> Rendered:
    """A bug must neither look like a costly text nor stop an import: it is logged, and the post shows its source meanwhile."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    logger.error("Rendering failed for the text %s (“%s”, %d characters): %s", digest, page.title[:80], len(text), fault)
    template = _(
        "This text could not be rendered because of a fault in the program, not in the text; its source is shown. "
        "Nothing is lost. Tell whoever runs the site: the log says more under %(digest)s."
    )
    return _render_as_source(page, text, "render-failed", template, digest=digest)


def _render_as_source(page: Page, text: str, code: str, template: str, **params: Any) -> Rendered:
    page.report(code, "error", template, **params)
    shown = text[:MAX_CHARACTERS]
    plain = "\n".join(line for line in (line.strip() for line in shown.split("\n")) if line)
    return Rendered(
        f'<pre class="source"{scrolling(page.word("source"))}>{escape(shown.lstrip(chr(10)), quote=False)}</pre>',
        [],
        plain,
        cut(" ".join(plain[:2000].split())),
        count_characters(plain),
        [],
        page.findings,
    )


def render_lines(in_path: Path, out_path: Path, flavour: Flavour) -> int:
    """Renders each line of a JSONL file with the features of the flavour's generator; returns the number of lines.

    Reads ``{"path", "markdown"}`` and writes ``{"path", "html"}``: what a fidelity measurement compares.
    """
    features = GENERATOR_FEATURES.get(flavour, frozenset())
    count = 0
    with in_path.open(encoding="utf-8") as lines, out_path.open("w", encoding="utf-8") as out:
        for line in lines:
            row = json.loads(line)
            rendered = render(row["markdown"], flavour=flavour, features=features, faithful=True)
            out.write(json.dumps({"path": row["path"], "html": rendered.html}, ensure_ascii=False) + "\n")
            count += 1
    return count


__all__ = ["DEFAULT_FEATURES", "FEATURES", "GENERATOR_FEATURES", "RENDERER_VERSION", "Rendered", "render", "render_lines"]
