"""Template code of a text, translated: the first step, because Markdown's own signs mean nothing inside it."""

from __future__ import annotations

import re
from collections.abc import Callable

from articles.formats.translating.constructs import (
    Code,
    Construct,
    Details,
    Embed,
    Figure,
    FileReference,
    Markdown,
    Notice,
    PageReference,
    Quotation,
    Remark,
    Words,
)
from articles.formats.translating.linking import NOWHERE, UNRESOLVED
from articles.formats.translating.part import Job
from articles.formats.translating.reading import (
    PAIRED,
    SIMPLE,
    VERBATIM,
    Tag,
    family_of,
    find_end,
    param,
    read_tag,
    site_value,
)
from articles.formats.translating.spelling import spell_address
from articles.markup.page import gettext_noop as _
from articles.markup.source import CodeMap
from articles.markup.templatecode import COMMENTED_SHORTCODE, LIQUID_RAW, OPENER

_SHOWN = 80
_MARKER = re.compile(r"([ \t>]*)(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?")
_ZENN_IMAGE = re.compile(r"!\[([^\]\n]*)\]\(([^\s()]+)[ \t]+=(\d*)x(\d*)\)")
_FENCE_INFO = re.compile(r"\A([^`~\n]*(?:`{3,}|~{3,}))([^\n]*)")
_SERVICE = re.compile(r"[\w./@~-]{1,200}")


class CodeTranslator:
    """One pass over one part of a text."""

    def __init__(self, job: Job, translate_part: Callable[[str], str]) -> None:
        self.job = job
        self.translate_part = translate_part
        self.reported: set[str] = set()

    def run(self, text: str) -> str:
        """``text`` with its template code translated, and all code held back."""
        if self.job.has("zenn"):
            text = self._translate_zenn(text)
        runs_code = self.job.source.features & {"shortcodes", "liquid", "hexo_tags"} and ("{{" in text or "{%" in text)
        code = CodeMap(text if self.job.source.flavour != "html" else "")
        pieces: list[str] = []
        at = 0
        if runs_code:
            at = self._take_tags(text, code, pieces)
        for start, end in code.regions:
            if start >= at:
                pieces += [text[at:start], self._hold_code(text[start:end])]
                at = end
        pieces.append(text[at:])
        return "".join(pieces)

    def _take_tags(self, text: str, code: CodeMap, pieces: list[str]) -> int:
        at = position = 0
        while match := OPENER.search(text, position):
            start = match.start()
            position = match.end()
            if region := code.region_at(start):
                if region[0] >= at:
                    at = self._skip_code(text, code, at, region[0], pieces)
                    pieces += [text[at : region[0]], self._hold_code(text[region[0] : region[1]])]
                    at = region[1]
                position = max(position, region[1])
                continue
            family = family_of(match[0], self.job.source.features)
            if not family:
                continue
            tag = read_tag(text, match)
            if tag is None:
                continue
            at = self._skip_code(text, code, at, start, pieces)
            if start < at:
                continue
            construct, end = self._take(text, tag, family)
            at = position = self._place(text, at, start, end, construct, pieces)
        return at

    def _skip_code(self, text: str, code: CodeMap, at: int, until: int, pieces: list[str]) -> int:
        """Holds the code between two tags; gives where the text goes on."""
        for start, end in code.regions:
            if at <= start and end <= until:
                pieces += [text[at:start], self._hold_code(text[start:end])]
                at = end
            elif start >= until:
                break
        return at

    def _hold_code(self, source: str) -> str:
        """Code is text; the marks that say "this is no template code" go, and come where the new generator needs its own."""
        if self.job.has("shortcodes"):
            source = COMMENTED_SHORTCODE.sub(r"{{\1\2\3}}", source)
        if self.job.has("liquid") or self.job.has("hexo_tags"):
            source = LIQUID_RAW.sub("", source)
        if self.job.target.flavour == "kramdown" and self.job.source.flavour != "kramdown":
            source = _FENCE_INFO.sub(self._shorten_info, source)
        return self.job.hold(escape_code(source, self.job.target.features))

    def _shorten_info(self, match: re.Match[str]) -> str:
        """kramdown takes one word behind a fence, and no fence with more."""
        info = match[2].strip()
        language = re.split(r"[\s{]", info, maxsplit=1)[0]
        if language != info:
            template = _("What stands behind “%(code)s” at a block of code was left out: this layout takes the language alone.")
            self.job.report("code-options-left-out", "info", template, match[0], code=f"{match[1].strip()}{language}")
        return match[1] + language

    def _take(self, text: str, tag: Tag, family: str) -> tuple[Construct | None, int]:
        """What a tag means, and where it ends with its content."""
        source = text[tag.start : tag.end]
        if commented := COMMENTED_SHORTCODE.fullmatch(source):
            return Words(f"{{{{{commented[1]}{commented[2]}{commented[3]}}}}}"), tag.end
        if tag.is_end:
            return None, tag.end
        if reader := VERBATIM[family].get(tag.name):
            inner_end, after = find_end(text, tag, tag.end)
            if after:
                return reader(tag, text[tag.end : inner_end]), after
        if reader := PAIRED[family].get(tag.name):
            inner_end, after = find_end(text, tag, tag.end)
            if after:
                body = self.translate_part(text[tag.end : inner_end].strip("\n"))
                return reader(tag, body), after
        if tag.opener == "{{":
            return site_value(tag, self.job.title), tag.end
        if tag.name == "param" and family == "shortcodes":
            return param(tag, self.job.title), tag.end
        simple = SIMPLE[family].get(tag.name)
        return (simple(tag) if simple else None), tag.end

    def _place(self, text: str, at: int, start: int, end: int, construct: Construct | None, pieces: list[str]) -> int:
        """Writes what stands for a tag, and gives where the text goes on."""
        source = text[start:end]
        written = None if construct is None else self._spell(construct, source)
        if written is None:
            self._report_unknown(source)
            shown = source if self.job.target.flavour == "html" else _escape_words(source)
            pieces += [text[at:start], self.job.hold(escape_code(shown, self.job.target.features))]
        elif _is_block(construct, written):
            return self._place_block(text, at, start, end, written, pieces)
        else:
            pieces += [text[at:start], written if NOWHERE in written else self.job.hold(written)]
        return end

    def _place_block(self, text: str, at: int, start: int, end: int, written: str, pieces: list[str]) -> int:
        """A block in lines of its own, with blank lines around it, at the indentation (list, quotation) of its line."""
        line_start = max(text.rfind("\n", 0, start) + 1, at)
        before = text[line_start:start]
        marker = _MARKER.fullmatch(before)
        if marker is None:
            # Words stand before it in the line.
            pieces += [text[at:start].rstrip(" \t"), "\n\n"]
            indent = ""
        else:
            indent = marker[1] + " " * (len(before) - len(marker[1]))
            previous = text[at:line_start].rstrip("\n").rpartition("\n")[2] if text[at:line_start].endswith("\n") else ""
            is_open = previous.strip(" \t>") and not text[at:line_start].endswith("\n\n") and before == marker[1]
            pieces += [text[at:line_start], f"{indent.rstrip()}\n" if is_open else "", before]
        pieces.append(self.job.hold(("\n" + indent).join(written.split("\n")) if indent else written))
        line_end = text.find("\n", end)
        rest = text[end : line_end if line_end >= 0 else len(text)]
        if rest.strip():
            pieces.append(f"\n{indent.rstrip()}\n{indent}")
            return end + len(rest) - len(rest.lstrip())
        if line_end >= 0 and text[line_end + 1 :].split("\n", 1)[0].strip(" \t>"):
            pieces.append(f"\n{indent.rstrip()}")
        return end

    def _spell(self, construct: Construct, source: str) -> str | None:
        speller = self.job.speller
        match construct:
            case Code():
                return escape_code(speller.code(construct), self.job.target.features)
            case Figure():
                address = self._file(construct.source)
                link = self.job.references.rewrite(construct.link) or construct.link if construct.link else ""
                return speller.figure(_with(construct, address, link))
            case Embed():
                return speller.embed(construct) or None
            case PageReference():
                return self._spell_page(construct, source)
            case FileReference():
                address = self._file(construct.target)
                return f"[{construct.text}]({spell_address(address)})" if construct.text else spell_address(address)
            case Notice():
                return speller.notice(construct)
            case Details():
                return speller.details(construct)
            case Quotation():
                return speller.quotation(construct)
            case Remark():
                return self._spell_remark(construct, source)
            case Words():
                return escape_code(_escape_words(construct.text), self.job.target.features)
            case Markdown():
                return construct.text

    def _file(self, written: str) -> str:
        """The address of a picture or file as the new text names it; as written where it is of another host or unknown."""
        if "://" in written or written.startswith("//"):
            return written
        return self.job.references.rewrite(written) or written

    def _spell_page(self, reference: PageReference, source: str) -> str | None:
        fragment = f"#{reference.fragment}" if reference.fragment else ""
        if not reference.target:
            return fragment or None
        address = self.job.references.page(reference.kind, reference.target)
        if address is None:
            self.job.report("reference-unresolved", "warning", UNRESOLVED, source, code=source[:_SHOWN])
            return reference.text or f"{NOWHERE}{reference.target}{NOWHERE}"
        spelled = spell_address(address) + fragment
        return f"[{reference.text}]({spelled})" if reference.text else spelled

    def _spell_remark(self, remark: Remark, source: str) -> str:
        written = self.job.speller.remark(remark, is_block="\n" in source or source.startswith(("{%", "{{")))
        if not written and remark.text.strip():
            template = _("The remark “%(text)s” was left out: this layout has no place for it.")
            self.job.report("remark-left-out", "info", template, source, text=remark.text.strip()[:_SHOWN])
        return written

    def _report_unknown(self, source: str) -> None:
        name = source.strip("{%<> \t\n-/").split()[:1]
        if name and name[0] not in self.reported:
            self.reported.add(name[0])
            template = _("The template code “%(code)s” is not known; it stays as it is. Rewrite it by hand.")
            self.job.report("foreign-template-code", "warning", template, source, code=source[:_SHOWN])

    # --- Zenn

    def _translate_zenn(self, text: str) -> str:
        """Zenn's messages, details, cards and sizes of pictures."""
        if self.job.wants("zenn"):
            return text
        code = CodeMap(text)
        text = _ZENN_IMAGE.sub(lambda match: match[0] if code.region_at(match.start()) else self._zenn_image(match), text)
        if ":::" not in text and "@[" not in text:
            return text
        lines = text.split("\n")
        return "\n".join(self._zenn_lines(lines, CodeMap(text)))

    def _zenn_image(self, match: re.Match[str]) -> str:
        figure = Figure(self._file(match[2]), match[1], width=match[3], height=match[4])
        return self.job.hold(self.job.speller.figure(figure))

    def _zenn_lines(self, lines: list[str], code: CodeMap) -> list[str]:
        written: list[str] = []
        offset = number = 0
        while number < len(lines):
            line = lines[number]
            in_code = code.region_at(offset) is not None
            offset += len(line) + 1
            number += 1
            opened = None if in_code else re.match(r"(:{3,})[ \t]*(message|details)\b[ \t]*(.*)$", line)
            if opened and (end := _zenn_end(lines, number, len(opened[1]))):
                body = self.translate_part("\n".join(lines[number:end]))
                offset += sum(len(inner) + 1 for inner in lines[number : end + 1])
                number = end + 1
                written += ["", self.job.hold(self._zenn_block(opened[2], opened[3].strip(), body)), ""]
            elif not in_code and (card := re.match(r"@\[(\w+)\]\(([^)\n]*)\)[ \t]*$", line)):
                written += ["", self.job.hold(self._zenn_card(card, line)), ""]
            else:
                written.append(line)
        return written

    def _zenn_block(self, name: str, argument: str, body: str) -> str:
        if name == "details":
            return self.job.speller.details(Details(argument, body))
        return self.job.speller.notice(Notice("warning" if argument == "alert" else "info", "", body))

    def _zenn_card(self, card: re.Match[str], line: str) -> str:
        item = card[2].strip()
        if "://" in item or not _SERVICE.fullmatch(item):
            return self.job.speller.embed(Embed("", item)) if "://" in item else line
        return self.job.speller.embed(Embed(card[1], item)) or line


def _zenn_end(lines: list[str], number: int, colons: int) -> int:
    """The line that closes a block opened with so many colons; 0 where none does."""
    depth = 1
    for index in range(number, len(lines)):
        if re.match(rf":{{{colons}}}[ \t]*(message|details)\b", lines[index]):
            depth += 1
        elif re.match(rf":{{{colons}}}[ \t]*$", lines[index]):
            depth -= 1
            if depth == 0:
                return index
    return 0


def _with(figure: Figure, source: str, link: str) -> Figure:
    return Figure(
        source,
        figure.alt,
        figure.caption,
        figure.title,
        link,
        figure.width,
        figure.height,
        figure.credit,
        figure.credit_link,
    )


def _is_block(construct: Construct | None, written: str) -> bool:
    if isinstance(construct, Figure):
        return not construct.is_simple or written.startswith(("<figure", "{{"))
    if isinstance(construct, Remark):
        return "[//]:" in written
    return isinstance(construct, Code | Embed | Notice | Details | Quotation)


def _escape_words(text: str) -> str:
    """Template code to be read: a tag of HTML must not begin inside it."""
    return re.sub(r"(\{\{)<(?=[A-Za-z/!])", r"\1&lt;", text) if "{{<" in text else text


_SHORTCODE = re.compile(r"\{\{([<%])(?!/\*)(.*?)([>%])\}\}", re.S)
_NUNJUCKS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.S)


def escape_code(text: str, features: frozenset[str]) -> str:
    """``text`` so that a generator with these features shows its template code and runs none of it.

    Jekyll has a switch for a whole file, ``render_with_liquid``, which leaves the text alone.
    """
    if "shortcodes" in features and "{{" in text:
        return _SHORTCODE.sub(r"{{\1/*\2*/\3}}", text)
    if "hexo_tags" in features and ("{{" in text or "{%" in text or "{#" in text):
        if text.startswith(("```", "~~~", "`")):
            return text
        return _NUNJUCKS.sub(lambda match: f"{{% raw %}}{match[0]}{{% endraw %}}", text)
    return text
