"""From an engine's HTML to the HTML of a page, in one pass over its tags.

The engine's tags escape ``<`` and ``>`` in attribute values, so one expression finds them. Authors' own tags that are
written otherwise pass untouched: the sanitiser reads them as a browser does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape, unescape
from urllib.parse import quote, unquote

from articles.markup import headings, ruby, vault, wikilinks
from articles.markup.document import Heading, ResolvedMedia
from articles.markup.embeds import embed_address
from articles.markup.engines import EMBED_MARK, ESCAPE_MARK
from articles.markup.highlight import colour_escaped, scrolling
from articles.markup.maths import to_mathml
from articles.markup.page import (
    CLOSE,
    CODE_MARK,
    OPEN,
    PLACEHOLDER,
    Page,
    merge_attributes,
    read_attributes,
    split_target,
    start_tag,
    unresolved,
)
from articles.markup.page import gettext_noop as _
from articles.markup.sanitise import RELATIONS, SCHEMES, box
from articles.markup.text import WIDE
from articles.players import find_player

_NAMED = "h[1-6]|table|pre|iframe"


def _tag_expression(named: str) -> re.Pattern[str]:
    """Start tags of ``named`` elements (1, attributes 2), their end tags (3), and any start tag with attributes (4, 5)."""
    return re.compile(rf"<(?:({named})(?=[\s/>])([^<>]*)|/({named})\s*|([a-z][a-z0-9]*)\s([^<>]+))>", re.I)


_TAG, _TAG_OR_CODE = _tag_expression(_NAMED), _tag_expression(_NAMED + "|code")
_HREF = re.compile(r'href="([^"]*)"(?: title="([^"]*)")?\s*')
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
# In a list with blank lines the text of an item is a paragraph.
_TASK_MARK = re.compile(rf"\s*(?:<p>)?{OPEN}([0-9]+){CLOSE}")
_HELD_PARAGRAPH = re.compile(rf"<p>((?:\s*{OPEN}[0-9]+{CLOSE})+)\s*</p>")
_HELD_IN_ADDRESS = re.compile(r"%EF%B7%90([0-9]+)%EF%B7%91", re.I)
# comrak writes the class and what stands behind the language in either order, by chance.
_CODE_BLOCK = re.compile(r'<code(?:\s(?:[^<>]*?\s)?class="([^"]*)")?[^<>]*>([^<]*)</code>\s*$')
_LANGUAGE = re.compile(r"(?:language|lang|brush:)-?\s*([^\s\"]+)")
_ALIGN_STYLE = re.compile(r"text-align\s*:\s*(left|center|right|justify)", re.I)
# kramdown's, where ARIA does not have them: the first belongs on the link, the second was withdrawn (DPUB-ARIA 1.1).
_MISPLACED_ROLES = {"sup": "doc-noteref", "li": "doc-endnote"}
_BLOCK_ID = re.compile(r"\s\^([A-Za-z0-9-]{1,60})(?=</(?:p|li|h[1-6])>)")
_MATH_SPAN = re.compile(r'<span data-math-style="(inline|display)">([^<]*)</span>')
_TEX = re.compile(r"\\\((.{1,4000}?)\\\)|\\\[(.{1,4000}?)\\\]", re.S)
_BARE_END = re.compile(f"[{WIDE}\u2018-\u201f\u2026]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_BEFORE_ADDRESS = frozenset(" \n\t>*_~(\"'“‘«")
_NOOPENER = ' rel="noopener"'
_ALONE = re.compile(r'<p><a href="(https?://[^"]+)"( rel="noopener")>([^<]*)</a></p>')
_NAMES = {name: f"align-{name}" for name in ("left", "center", "right", "justify")}
_CELL_ALIGNMENTS = {f'align="{name}"': class_name for name, class_name in _NAMES.items()}
_FILE_SUFFIX = re.compile(r"\.(?!html?$|md$|markdown$|php$|aspx?$)[A-Za-z0-9]{2,5}$")
_MARKDOWN_FILE = re.compile(r"\.(?:md|markdown|mkdn?|mdown|mdx|rmd)$", re.I)
# Obsidian's ``![text|300](picture)`` and ``![300x200](picture)``.
_SIZE_IN_ALT = re.compile(r"(?:(.*)\|)?(\d{1,4})(?:x(\d{1,4}))?", re.S)


class _Heading:
    """A heading under way: where its pieces begin, and what it turned out to be."""

    __slots__ = ("attributes", "end", "id", "level", "start", "stated", "text")

    def __init__(self, level: int, start: int, attributes: dict[str, str]) -> None:
        self.level = level
        self.start = start
        self.attributes = attributes
        self.stated: list[Mapping[str, str]] = []
        self.end = start
        self.id = self.text = ""


class Finisher:
    """One pass over one document. ``pieces`` is the output so far; handlers are named after the tag they take."""

    def __init__(self, page: Page, html: str) -> None:
        self.page = page
        self.html = html
        self.pieces: list[str] = []
        self.at = 0
        self.headings: list[_Heading] = []
        self.open_heading: _Heading | None = None
        self.tables = 0
        self.in_code = 0
        self.embeds_next = False
        self.has_ruby = "ruby" in page.features and ruby.may_hold_ruby(html)
        self.has_written_wikilinks = "wikilinks" in page.features and "[[" in html
        self.has_tex = "math" in page.features and ("\\(" in html or "\\[" in html)
        self.has_held = OPEN in html
        self.dropped_styles = 0
        self.elsewhere = 0
        self.absent: set[str] = set()
        self.is_plain_text = not (self.has_ruby or self.has_written_wikilinks or self.has_tex or self.has_held)
        self.handlers: dict[str, Callable[[re.Match[str], str, str], None]] = {
            "a": self.take_link,
            "img": self.take_image,
            "td": self.take_cell,
            "th": self.take_cell,
            "input": self.take_input,
            "section": self.take_section,
        }

    def run(self) -> str:
        html, pieces = self.html, self.pieces
        search = (_TAG if self.is_plain_text and "language-math" not in html else _TAG_OR_CODE).search
        while match := search(html, self.at):
            start = match.start()
            if self.is_plain_text:
                pieces.append(html[self.at : start])
            else:
                self.take_text(start)
            opened, attribute_text, closed, name, other_text = match.groups()
            if name is not None:
                name = name.lower()
                self.handlers.get(name, self.take_any)(match, name, other_text)
            else:
                self.take_named(match, (opened or closed).lower(), attribute_text or "", closed is not None)
        self.take_text(len(html))
        if self.open_heading is not None:
            self.end_heading(self.open_heading, "")
        if self.dropped_styles:
            self.page.report(
                "style-dropped",
                "info",
                _("%(count)s style attributes were left out: colours and sizes belong to the site. They stay in the source."),
                count=self.dropped_styles,
            )
        if self.elsewhere:
            self.page.report(
                "pictures-elsewhere",
                "info",
                _(
                    "%(count)s pictures of other hosts are links here: a page loads nothing from elsewhere. "
                    "Bring the files into the library, and name those, to show them."
                ),
                count=self.elsewhere,
            )
        return "".join(self.pieces)

    def take_named(self, match: re.Match[str], name: str, attribute_text: str, closing: bool) -> None:
        if name[0] == "h":
            self.take_heading(match, closing, int(name[1]), attribute_text)
        elif name == "pre":
            self.take_pre(match, closing, attribute_text)
        elif name == "table":
            self.take_table(match, closing, attribute_text)
        elif name == "code":
            self.take_code(match, closing, attribute_text)
        else:
            self.take_iframe(match, closing, attribute_text)

    def keep(self, match: re.Match[str]) -> None:
        self.pieces.append(match[0])
        self.at = match.end()

    def put(self, match: re.Match[str], html: str) -> None:
        self.pieces.append(html)
        self.at = match.end()

    def find_end(self, end_tag: str, position: int) -> int:
        """Where ``end_tag`` next stands, or -1. What is not found once is not sought again: thousands of open tags stay cheap."""
        if end_tag in self.absent:
            return -1
        found = self.html.find(end_tag, position)
        if found < 0:
            self.absent.add(end_tag)
        return found

    # Text between tags

    def take_text(self, end: int) -> None:
        if end <= self.at:
            return
        text = self.html[self.at : end]
        self.at = end
        if not self.in_code:
            if self.has_written_wikilinks and "[[" in text:
                text = wikilinks.WRITTEN.sub(self.replace_wikilink, text)
            if self.has_ruby:
                text = ruby.to_html(text)
            if self.has_tex:
                text = _TEX.sub(self.replace_tex, text)
        if self.has_held and OPEN in text:
            text = PLACEHOLDER.sub(self.replace_held, text)
        self.pieces.append(text)

    def replace_wikilink(self, match: re.Match[str]) -> str:
        target = unescape(match[2])
        if match[1]:
            return wikilinks.embed(self.page, target, match[3] or "")
        return wikilinks.link(self.page, target, match[3] or escape(target))

    def replace_tex(self, match: re.Match[str]) -> str:
        return to_mathml(self.page, unescape(match[1] or match[2]), "inline" if match[1] else "block")

    def replace_held(self, match: re.Match[str]) -> str:
        held = self.page.held_at(match[1])
        if held.attributes is not None and self.open_heading is not None:
            self.open_heading.stated.append(held.attributes)
            return ""
        html = held.html
        if "<" not in html or "<pre" in html:
            return html
        return Finisher(self.page, html).run_inner()

    def run_inner(self) -> str:
        """Finishes held HTML: its links and images are references like any others."""
        self.has_held = False
        return self.run()

    # Tags

    def take_any(self, match: re.Match[str], name: str, attribute_text: str) -> None:
        """Any other tag with attributes: nearly always an author's own."""
        if name == "span" and (formula := _MATH_SPAN.match(self.html, match.start())):
            self.put(formula, to_mathml(self.page, unescape(formula[2]), "inline" if formula[1] == "inline" else "block"))
            return
        attributes = read_attributes(attribute_text)
        classes = attributes.get("class", "").split()
        if "math" in classes and "math" in self.page.features and name in {"span", "div"} and self.take_math_element(match, name):
            return
        changed = self.take_style(attributes)
        changed = self.take_id(attributes) or changed
        if attributes.get("role") == _MISPLACED_ROLES.get(name):
            changed = attributes.pop("role", None) is not None or changed
        if name in {"audio", "video", "source", "track"} and "src" in attributes:
            self.take_source(attributes)
            changed = True
        if name in {"audio", "video"}:
            attributes |= {"controls": "", "preload": "none"}
            changed = True
        self.put(match, start_tag(name, attributes)) if changed else self.keep(match)

    def take_source(self, attributes: dict[str, str]) -> None:
        """The address of a film or sound: of one that readers do not get none is left, and the player is empty."""
        if not self.is_internal(attributes["src"]):
            return
        target = split_target(attributes["src"])[0]
        found = self.page.media("image", target)
        if self.page.resolver is not None and (found is None or not found.url):
            self.page.report_file(target, found)
        if found is not None and found.url:
            attributes["src"] = found.url
        elif found is not None:
            del attributes["src"]

    def take_math_element(self, match: re.Match[str], name: str) -> bool:
        """An engine's ``<span class="math">``: TeX between ``\\(`` and ``\\)`` or ``\\[`` and ``\\]``."""
        end = self.find_end(f"</{name}>", match.end())
        if end < 0 or self.html.find("<", match.end()) != end:
            return False
        tex = unescape(self.html[match.end() : end]).strip()
        display = "inline" if name == "span" else "block"
        for opener, closer, kind in (
            ("\\(", "\\)", "inline"),
            ("\\[", "\\]", "block"),
            ("$$", "$$", "block"),
            ("$", "$", "inline"),
        ):
            if tex.startswith(opener) and tex.endswith(closer) and len(tex) >= len(opener) + len(closer):
                tex, display = tex[len(opener) : -len(closer)], kind
                break
        self.pieces.append(to_mathml(self.page, tex, display))
        self.at = end + len(name) + 3
        return True

    def take_style(self, attributes: dict[str, str]) -> bool:
        style = attributes.pop("style", None)
        if style is None:
            return False
        if aligned := _ALIGN_STYLE.search(style):
            attributes["class"] = f"{attributes.get('class', '')} align-{aligned[1].lower()}".strip()
        else:
            self.dropped_styles += 1
        return True

    def take_id(self, attributes: dict[str, str]) -> bool:
        wanted = attributes.pop("id", None) or attributes.pop("name", None)
        if wanted is None:
            return False
        safe = "" if OPEN in wanted else headings.safe_id(wanted)
        if safe and safe not in self.page.ids:
            self.page.ids.add(safe)
            attributes["id"] = safe
        return True

    def take_bare_or_any(self, match: re.Match[str], name: str, attribute_text: str) -> None:
        if attribute_text.strip(" /"):
            self.take_any(match, name, attribute_text)
        else:
            self.keep(match)

    def take_section(self, match: re.Match[str], name: str, attribute_text: str) -> None:
        if 'class="footnotes"' in attribute_text:
            label = escape(self.page.word("footnotes"))
            self.put(match, f'<section class="footnotes" role="doc-endnotes" aria-label="{label}">')
        else:
            self.take_any(match, name, attribute_text)

    def take_heading(self, match: re.Match[str], closing: bool, level: int, attribute_text: str) -> None:
        if not closing:
            if self.open_heading is not None:
                self.end_heading(self.open_heading, "")
            attributes = read_attributes(attribute_text) if attribute_text else {}
            self.open_heading = _Heading(level, len(self.pieces), attributes)
            self.put(match, "")
        elif self.open_heading is not None:
            self.end_heading(self.open_heading, match[0])
            self.at = match.end()
        else:
            self.keep(match)

    def end_heading(self, heading: _Heading, end_tag: str) -> None:
        self.open_heading = None
        inner = "".join(self.pieces[heading.start + 1 :])
        del self.pieces[heading.start + 1 :]
        attributes = heading.attributes
        if heading.stated:
            inner = inner.rstrip()
            attributes = merge_attributes(heading.stated[-1], attributes)
        self.take_style(attributes)
        heading.text = headings.plain(inner).replace(ESCAPE_MARK, "")
        heading.id = headings.claim(self.page, attributes.get("id", ""), heading.text)
        kept = {name: value for name in ("class", "title", "lang", "dir") if (value := attributes.get(name, ""))}
        heading.attributes = {"id": heading.id} | kept
        self.pieces += [inner, "\n" if not end_tag else ""]
        heading.end = len(self.pieces) - 1
        self.headings.append(heading)

    def outline(self, shift: int) -> list[Heading]:
        """Writes the headings' tags, ``shift`` levels lower, and lists them."""
        entries: list[Heading] = []
        for heading in self.headings:
            if heading.level:
                level = min(heading.level + shift, 6)
                self.pieces[heading.start] = start_tag(f"h{level}", heading.attributes)
                self.pieces[heading.end] = f"</h{level}>{self.pieces[heading.end]}"
                if heading.text:
                    entries.append(Heading(level, heading.id, heading.text))
        return entries

    def drop_title(self, title: str) -> bool:
        """Takes out the first H1 where it repeats the post's title. Says whether it did."""
        wanted = "".join(title.split()).casefold()
        first = next((heading for heading in self.headings if heading.level == 1), None)
        if first is None or not wanted or "".join(first.text.split()).casefold() != wanted:
            return False
        self.pieces[first.start : first.end + 1] = [""] * (first.end + 1 - first.start)
        first.level = 0
        return True

    def take_code(self, match: re.Match[str], closing: bool, attribute_text: str) -> None:
        self.in_code = max(self.in_code + (-1 if closing else 1), 0)
        if not closing and "language-math" in attribute_text and "data-math-style" in attribute_text:
            end = self.find_end("</code>", match.end())
            if end >= 0:
                self.in_code -= 1
                self.pieces.append(to_mathml(self.page, unescape(self.html[match.end() : end]), "inline"))
                self.at = end + 7
                return
        self.keep(match)

    def take_pre(self, match: re.Match[str], closing: bool, attribute_text: str) -> None:
        end = -1 if closing else self.find_end("</pre>", match.end())
        code = _CODE_BLOCK.match(self.html, match.end(), end) if end >= 0 else None
        if code is None:
            self.take_bare_or_any(match, "pre", attribute_text)
            if not closing and not self.page.faithful:
                self.name_pre()
            return
        classes = code[1] or ""
        found = _LANGUAGE.search(classes) or _LANGUAGE.search(attribute_text)
        language = unescape(found[1]) if found else ""
        text = code[2]
        if self.has_held and OPEN in text:
            text = PLACEHOLDER.sub(lambda held: escape(self.page.held_at(held[1]).text, quote=False), text)
        if language.lower() in vault.PLUGIN_BLOCKS and "comments" in self.page.features:
            label = scrolling(self.page.word("source"))
            self.pieces.append(f'<pre class="template-code"{label}><code>{text}</code></pre>')
        elif language == "math" and "math" in self.page.features:
            self.pieces.append(f"<p>{to_mathml(self.page, unescape(text), 'block')}</p>")
        else:
            language = re.split(r"[,:{]", language, maxsplit=1)[0]
            plain = f"<pre><code>{text}</code></pre>"
            self.pieces.append(plain if self.page.faithful else colour_escaped(text, language, self.page.word("source")))
        self.at = end + 6

    def name_pre(self) -> None:
        """Makes an author's own ``<pre>``, the last tag written, one that a keyboard can scroll."""
        attributes = read_attributes(self.pieces[-1][4:-1])
        for key in ("tabindex", "role", "aria-label"):
            attributes.pop(key, None)
        self.pieces[-1] = start_tag("pre", attributes)[:-1] + scrolling(self.page.word("source")) + ">"

    def take_table(self, match: re.Match[str], closing: bool, attribute_text: str) -> None:
        if closing:
            self.put(match, "</table></div>" if self.tables else "</table>")
            self.tables = max(self.tables - 1, 0)
            return
        self.tables += 1
        self.pieces.append(f'<div class="scroller" role="group" tabindex="0" aria-label="{self.page.word("table")}">')
        self.take_bare_or_any(match, "table", attribute_text)

    def take_cell(self, match: re.Match[str], name: str, attribute_text: str) -> None:
        if attribute_text in _CELL_ALIGNMENTS:
            self.put(match, f'<{name} class="{_CELL_ALIGNMENTS[attribute_text]}">')
            return
        attributes = read_attributes(attribute_text)
        align = attributes.pop("align", "").lower()
        self.take_style(attributes)
        self.take_id(attributes)
        if align in _NAMES:
            attributes["class"] = f"{attributes.get('class', '')} {_NAMES[align]}".strip()
        self.put(match, start_tag(name, attributes))

    def take_input(self, match: re.Match[str], name: str, attribute_text: str) -> None:
        attributes = read_attributes(attribute_text)
        if attributes.get("type", "").lower() != "checkbox":
            self.put(match, "")
            return
        mark = _TASK_MARK.match(self.html, match.end()) if self.page.tasks else None
        if mark and (sign := self.page.tasks.get(mark[1])):
            self.put_task(match, sign)
            return
        is_checked = "checked" in attributes
        self.put(match, box(self.page.word("done" if is_checked else "open"), is_checked=is_checked))

    def put_task(self, match: re.Match[str], sign: str) -> None:
        """A box with a sign of Obsidian's own: nothing is done yet, and what the sign means stands beside the box."""
        word = vault.TASK_WORDS.get(sign)
        name = self.page.word(word or "open")
        # The box has the word for its name already: read aloud, it would come twice.
        state = f'<span class="task-state" aria-hidden="true">{name}</span>' if word else f"[{escape(sign)}]"
        self.put(match, f"{box(name, is_checked=False)} {state}")

    def take_iframe(self, match: re.Match[str], closing: bool, attribute_text: str) -> None:
        self.at = match.end()
        if closing:
            return
        end = self.find_end("</iframe>", match.end())
        if end >= 0 and self.html.find("<", match.end()) == end:
            self.at = end + 9
        attributes = read_attributes(attribute_text)
        source = attributes.get("src", "")
        card = embed_address(self.page, source, attributes.get("title", ""))
        if card is None:
            self.page.report(
                "iframe-dropped",
                "warning",
                _("The embedded page %(address)s is not from a host that may be embedded, and was left out; link to it instead."),
                address=source[:200] or "?",
            )
        self.pieces.append("" if card is None or self.page.faithful else card)

    # References

    def is_internal(self, address: str) -> bool:
        """Whether an address means something of this site."""
        return bool(address) and not address.startswith(("//", "#", "\\")) and not _SCHEME.match(address)

    def resolve_held(self, address: str, *, keeps_code: bool = True) -> str | None:
        """An address with held references in it, or ``None`` where one of them is unknown, or code that nobody runs."""
        unknown = False

        def replace(match: re.Match[str]) -> str:
            nonlocal unknown
            held = self.page.held_at(match[1])
            unknown = unknown or not held.text or (not keeps_code and held.html.startswith(CODE_MARK))
            return held.text

        address = PLACEHOLDER.sub(replace, _HELD_IN_ADDRESS.sub(rf"{OPEN}\1{CLOSE}", address))
        return None if unknown else address

    def take_link(self, match: re.Match[str], name: str, attribute_text: str) -> None:
        simple = _HREF.fullmatch(attribute_text)
        if simple:
            written = simple[1]
            is_bare = self.html.startswith(("http", "www.", "ftp://", "mailto:"), match.end()) or written.startswith("mailto:")
            is_plain = not is_bare and simple[2] is None and written.startswith(("https://", "http://"))
            if is_plain and "%EF%B7%9" not in written and not self.page.is_ours(written):
                self.put(match, f'<a href="{written}" rel="noopener">')
                return
            attributes = {"href": unescape(written)}
            if simple[2] is not None:
                attributes["title"] = unescape(simple[2])
        else:
            attributes = read_attributes(attribute_text)
        if "data-wikilink" in attributes:
            self.take_wikilink(match, attributes["href"])
            return
        self.take_style(attributes)
        if "class" in attributes and "footnote-backref" in attributes["class"]:
            self.take_back_reference(match, attributes)
            return
        self.take_id(attributes)
        address = attributes.get("href", "")
        if simple and is_bare and simple[2] is None:
            if address.startswith("http://www.") and self.html.startswith("www.", match.end()):
                address = "https" + address[4:]
            if self.take_bare_address(match, address):
                return
        was_held = OPEN in address or "%EF%B7%90" in address.upper()
        if was_held:
            resolved = self.resolve_held(address, keeps_code=False)
            if resolved is None:
                self.put_unresolved(match)
                return
            address = resolved
        if "title" in attributes and OPEN in attributes["title"]:
            attributes["title"] = self.resolve_held(attributes["title"]) or ""
        if not was_held and self.is_internal(address.strip()):
            resolved = self.resolve_address(address)
            if resolved is None:
                self.put_unresolved(match)
                return
            address = resolved
        elif not was_held and self.page.is_ours(address):
            address = self.resolve_absolute(address)
        attributes["href"] = address
        self.write_link(match, attributes)

    def write_link(self, match: re.Match[str], attributes: dict[str, str]) -> None:
        address = attributes["href"].strip()
        attributes.pop("target", None)
        words = set(attributes.pop("rel", "").lower().split())
        words.discard("opener")
        scheme = _SCHEME.match(address)
        if scheme and scheme[0][:-1].lower() not in SCHEMES:
            self.report_address(address)
        if address.startswith("//") or (scheme and scheme[0].lower() in {"http:", "https:"}):
            words.add("noopener")
        relation = [word for word in RELATIONS if word in words][:4]
        if relation:
            attributes["rel"] = " ".join(relation)
        if not address:
            del attributes["href"]
        self.put(match, start_tag("a", attributes))

    def report_address(self, address: str) -> None:
        self.page.report(
            "address-dropped",
            "warning",
            _("The address %(address)s was left out: only http, https, mailto, tel and addresses of this site are allowed."),
            address=address[:100],
        )

    def resolve_address(self, address: str) -> str | None:
        """Where an address of this site leads; ``None`` for a file of Markdown that is no text which readers may see."""
        path, hash_mark, fragment = address.partition("#")
        path, question, query = path.partition("?")
        target = unquote(path)
        if not target:
            return address
        url = None
        if self.page.resolver is not None and _FILE_SUFFIX.search(target):
            found = self.page.resolver.media(target)
            url = found.url if found else None
            if found is not None and not found.url:
                self.page.media("path", target)
                self.page.report_file(target, found)
                return None
        if url is None:
            url = self.page.link("path", target, unquote(fragment)).partition("#")[0]
        else:
            self.page.media("path", target)
        if url:
            return f"{url}{question}{query}{hash_mark}{fragment}"
        return None if self.page.resolver is not None and self.is_lost_markdown(target) else address

    def is_lost_markdown(self, target: str) -> bool:
        """Whether a target is a file of Markdown, and not the Markdown that this site gives out beside a post's page."""
        stem = _MARKDOWN_FILE.sub("", target)
        if stem == target:
            return False
        links = (self.page.resolver.link("path", stem + ending) for ending in ("", "/", ".html")) if self.page.resolver else ()
        return not (target.startswith("/") and any(links))

    def resolve_absolute(self, address: str) -> str:
        """An address of a site that came here: where it leads now, or as it is while nobody knows."""
        path, hash_mark, fragment = address.strip().partition("#")
        path, question, query = path.partition("?")
        target = unquote(path)
        found = self.page.resolver.media(target) if self.page.resolver and _FILE_SUFFIX.search(target) else None
        if found is not None and found.url:
            self.page.media("url", target)
            return found.url
        url = self.page.link("url", target, unquote(fragment)).partition("#")[0]
        return f"{url}{question}{query}{hash_mark}{fragment}" if url else address

    def put_unresolved(self, match: re.Match[str]) -> None:
        """A link to something unknown becomes its text."""
        end = self.find_end("</a>", match.end())
        if end < 0 or self.html.find("<", match.end()) != end:
            self.put(match, '<a class="unresolved">')
            return
        self.pieces.append(unresolved(self.html[match.end() : end]))
        self.at = end + 4

    def take_wikilink(self, match: re.Match[str], href: str) -> None:
        end = self.find_end("</a>", match.end())
        text = self.html[match.end() : end]
        target = unquote(href)
        self.at = end + 4
        if self.pieces and self.pieces[-1].endswith(EMBED_MARK):
            self.pieces[-1] = self.pieces[-1][:-1]
            self.pieces.append(wikilinks.embed(self.page, target, "" if unescape(text) == target else text))
        else:
            self.pieces.append(wikilinks.link(self.page, target, text))

    def take_back_reference(self, match: re.Match[str], attributes: dict[str, str]) -> None:
        end = self.find_end("</a>", match.end())
        if end < 0:
            self.keep(match)
            return
        self.at = end + 4
        href, label = escape(attributes.get("href", "")), escape(self.page.word("back"))
        self.pieces.append(f'<a href="{href}" class="footnote-backref" role="doc-backlink" aria-label="{label}">↩\ufe0e</a>')

    def take_bare_address(self, match: re.Match[str], address: str) -> bool:
        """An address that the engine linked by itself, where it begins or ends beside Japanese. Says whether it was one."""
        end = self.find_end("</a>", match.end())
        text = self.html[match.end() : end] if end >= 0 else ""
        before = self.html[match.start() - 1] if match.start() else " "
        is_loose = before in _BEFORE_ADDRESS
        if (text.isascii() and is_loose) or "<" in text or not _is_same_address(address, unescape(text)):
            return False
        written = unescape(text)
        if any(f"{mark}{written}" in self.page.source for mark in ("](", "<", 'href="', "href='")):
            return False
        is_wide = "wide_autolinks" in self.page.features
        self.at = end + 4
        if not is_loose and not is_wide:
            self.pieces.append(text)
            return True
        stop = _end_of_address(written) if is_wide else _NOT_ASCII.search(written + "\u3000").start()  # type: ignore[union-attr]
        kept = written[:stop]
        if kept.endswith("://"):
            self.pieces.append(text)
            return True
        if stop < len(written) or not kept.isascii():
            address = kept if _SCHEME.match(kept) else "https://" + kept
        if self.page.is_ours(address):
            address = self.resolve_absolute(address)
        self.pieces.append(f'<a href="{escape(address)}"{"" if address.startswith("mailto:") else _NOOPENER}>{escape(kept)}</a>')
        # What follows is text again, and may hold the next address.
        self.pieces.append(_link_bare(escape(written[stop:])) if is_wide else escape(written[stop:]))
        return True

    def take_image(self, match: re.Match[str], name: str, attribute_text: str) -> None:
        attributes = read_attributes(attribute_text.rstrip("/ "))
        self.take_style(attributes)
        self.take_id(attributes)
        for key in ("alt", "title"):
            if OPEN in attributes.get(key, ""):
                attributes[key] = self.resolve_held(attributes[key]) or ""
        if "embeds" in self.page.features and (size := _SIZE_IN_ALT.fullmatch(attributes.get("alt", ""))):
            attributes |= {"alt": size[1] or "", "width": size[2]} | ({"height": size[3]} if size[3] else {})
        source = attributes.get("src", "").strip()
        if OPEN in source or "%EF%B7%90" in source.upper():
            source = self.resolve_held(source) or ""
        if align := _NAMES.get(attributes.pop("align", "").lower()):
            attributes["class"] = f"{attributes.get('class', '')} {align}".strip()
        scheme = _SCHEME.match(source)
        if scheme and "embeds" in self.page.features and self.take_embedded_item(match, source, attributes.get("alt", "")):
            return
        if scheme and scheme[0][:-1].lower() not in SCHEMES:
            self.report_address(source)
        elif self.is_internal(source) or self.page.is_ours(source):
            found = self.page.media("image", split_target(source)[0])
            if self.page.resolver is not None and (found.url == "" if found else self.is_internal(source)):
                self.put_missing_image(match, split_target(source)[0], found, attributes.get("alt", ""))
                return
            if found is not None and found.url:
                source = found.url
                if found.width and found.height and not {"width", "height"} & attributes.keys():
                    attributes |= {"width": str(found.width), "height": str(found.height)}
        elif scheme or source.startswith("//"):
            self.elsewhere += 1
        for key in ("srcset", "sizes", "loading", "decoding"):
            attributes.pop(key, None)
        attributes = {"src": source, "alt": attributes.pop("alt", "")} | attributes
        attributes["src"] = source
        self.put(match, start_tag("img", attributes | {"loading": "lazy", "decoding": "async"}))

    def put_missing_image(self, match: re.Match[str], target: str, found: ResolvedMedia | None, alt: str) -> None:
        """What the picture's text says, else its name, in the place of a picture that readers do not get."""
        self.page.report_file(target, found)
        self.put(match, unresolved(escape(alt or target.rpartition("/")[2]), is_picture=True))

    def take_embedded_item(self, match: re.Match[str], source: str, title: str) -> bool:
        """``![title](address of a film)`` alone in its paragraph, Obsidian's way to embed one. Says whether it was that."""
        is_alone = bool(self.pieces) and self.pieces[-1].endswith("<p>") and self.html.startswith("</p>", match.end())
        card = embed_address(self.page, source, title) if is_alone and find_player(source) else None
        if card is None:
            return False
        self.pieces[-1] = self.pieces[-1].removesuffix("<p>")
        self.pieces.append(card)
        self.at = match.end() + len("</p>")
        return True


def _is_same_address(address: str, written: str) -> bool:
    given, shown = unquote(address).casefold(), unquote(written).casefold()
    return given in {shown, f"http://{shown}", f"https://{shown}", f"mailto:{shown}"}


def _end_of_address(written: str) -> int:
    """Where a bare address ends: before the first wide character, unless that begins a part of the path by itself.

    So 「https://example.com/を見る」 ends before を, while 「https://example.com/wiki/日本」 keeps 日本: a part of a path that
    begins with hiragana is taken for the sentence going on. Punctuation always ends it.
    """
    position = 0
    while wide := _BARE_END.search(written, position):
        at = wide.start()
        character = wide[0]
        host_done = "/" in written[:at].partition("://")[2]
        begins_part = written[at - 1] in "/=#_-" if at else False
        if not (host_done and begins_part) or not character.isalpha() or "\u3041" <= character <= "\u309f":
            return at
        position = at + 1
        while position < len(written) and written[position].isalpha() and not written[position].isascii():
            position += 1
        if position < len(written) and written[position].isascii() and written[position] not in "/?#=&%-_.":
            return position
    return len(written)


_BARE = re.compile(r"https?://[A-Za-z0-9][!-%'-;=?-~]*(?:&amp;[!-%'-;=?-~]*)*")


def _link_bare(text: str) -> str:
    def replace(match: re.Match[str]) -> str:
        address = match[0].rstrip(".,:;!?")
        return f'<a href="{address}" rel="noopener">{address}</a>{match[0][len(address) :]}'

    return _BARE.sub(replace, text)


def free_held_blocks(page: Page, html: str) -> str:
    """Frees held blocks from the paragraphs that the engine made around their placeholders."""

    def free(match: re.Match[str]) -> str:
        numbers = PLACEHOLDER.findall(match[1])
        return match[1] if any(page.held_at(number).is_block for number in numbers) else match[0]

    return _HELD_PARAGRAPH.sub(free, html)


def mark_block_ids(page: Page, html: str) -> str:
    """Obsidian's ``^block`` at the end of a paragraph becomes an id that a wikilink can name."""

    def replace(match: re.Match[str]) -> str:
        identity = page.claim_id("block-" + match[1])
        return f'<span id="{identity}"></span>'

    return _BLOCK_ID.sub(replace, html)


def mark_lone_addresses(html: str) -> str:
    """A paragraph that is nothing but a bare address becomes a card."""

    def replace(match: re.Match[str]) -> str:
        if unescape(match[3]) != unescape(match[1]):
            return match[0]
        return f'<p class="embed"><a class="embed" href="{match[1]}"{match[2]}>{match[3]}</a></p>'

    return _ALONE.sub(replace, html)


def resolve_held_in_attributes(page: Page, html: str) -> str:
    """Puts the text of held HTML where an author's attribute has its placeholder."""
    html = _HELD_IN_ADDRESS.sub(lambda match: quote(page.held_at(match[1]).text), html)
    return PLACEHOLDER.sub(lambda match: escape(page.held_at(match[1]).text), html)


def restore_embed_marks(html: str) -> str:
    """Gives ``!`` back to what only looked like an embed (code, brackets that were no wikilink), and ends escapes."""
    return html.replace(EMBED_MARK, "!").replace(ESCAPE_MARK, "")
