"""Signs that one kind of Markdown reads and the other does not, and those that must not begin to be read."""

from __future__ import annotations

import re
from functools import lru_cache

from articles.formats.translating import blocks
from articles.formats.translating.constructs import Remark
from articles.formats.translating.part import Job
from articles.markup.engines import to_html
from articles.markup.page import CLOSE, OPEN
from articles.markup.page import gettext_noop as _
from articles.markup.text import WIDE

_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)]|\[\^[^\]]+\]:|:)[ \t]")
_INDENTED = re.compile(r"(?: {4}|\t)[ \t]*\S")
_PREFORMATTED = re.compile(r"<(pre|script|style|textarea)\b.*?</\1>", re.S | re.I)
_HTML_COMMENT = re.compile(r"<!--.*?-->", re.S)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_HIGHLIGHT = re.compile(r"(?<![=\\])==(?=[^\s=])([^=\n]+?)(?<=[^\s=])==(?!=)")
_COMMENT = re.compile(r"%%(.*?)%%", re.S)
_CJK = "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUBY_BRACES = re.compile(rf"\{{(?=[^{{}}|]*[{_CJK}])([^{{}}|<>\n&]{{1,40}})((?:\|[^{{}}|<>\n&]{{1,40}}){{1,40}})\}}")
_RUBY_AOZORA = re.compile(r"[｜|]([^｜|《》<>\n]{1,60})《([^《》<>\n]{1,60})》")
_DISPLAY = re.compile(r"(?<![\\$])\$\$(?!\$)(.+?)(?<!\\)\$\$", re.S)
_INLINE_MATH = re.compile(r"(?<![\\$\w])\$(?![\s$])([^$\n]+?)(?<![\s\\])\$(?![\d$])")
_TEX = re.compile(r"\\\((.+?)\\\)|\\\[(.+?)\\\]", re.S)
_EMOJI = re.compile(r"(?<![\w:]):([a-z0-9_+-]{1,40}):(?![\w:])")
_DESTINATION = re.compile(r"\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)|^[ >]{0,12}\[[^\]\n^][^\]\n]*\]:[ \t]*\S+", re.M)
_ADDRESS = r"[^\s<>()\"'\]\[、。，．「」『』（）]"
_BARE = re.compile(
    rf"""(?<![<(\w=\[/:.?&;])(https?://{_ADDRESS}*(?:\({_ADDRESS}*\){_ADDRESS}*)*(?:(?<=\))|(?<=[^\s<>()"'.,;:!?*_~\]\[])))"""
)
_NOMARKDOWN = re.compile(r"\{::nomarkdown[^}]*\}(.*?)\{:(?:/nomarkdown|/)\}", re.S)
_KRAMDOWN_COMMENT = re.compile(r"\{::comment[^}]*\}(.*?)\{:(?:/comment|/)\}", re.S)
_OPTIONS = re.compile(r"\{::options[^}]*/\}[ \t]*\n?")
_SPAN_LIST = re.compile(r"\{:((?![:/])[^{}\n]*)\}")
_LINK_WITH_LIST = re.compile(
    rf"(!?)\[([^\[\]\n]*)\]\(((?:[^\s()]|{OPEN}\d+{CLOSE})+)(?:\s+\"([^\"\n]*)\")?\)\{{:((?![:/])[^{{}}\n]*)\}}"
)
_MARKED_WITH_LIST = re.compile(r"(\*\*|\*|__|_)(?=\S)([^*_\n]+?)(?<=\S)\1\{:((?![:/])[^{}\n]*)\}")
_ENTRY = re.compile(r"""#([\w:-]+)|\.([^\s.#{}]+)|([\w:-]+)=(?:"([^"]*)"|'([^']*)')""")
_ABBREVIATION = re.compile(r"^\*\[([^\]\n]{1,100})\]:[ \t]*(.*)\n?", re.M)
_STRONG = re.compile(r"(?<![*\\])\*\*(?![*\s])([^*\n]+?)(?<!\s)\*\*(?!\*)")
_DOUBLE_BACKSLASH = re.compile(r"(?<!\\)\\\\\n")
_NEEDLESS_ESCAPE = re.compile(r"(?<!\\)\\([@/&,;?%^])")
_REFERENCE = re.compile(r"^[ >]{0,12}\[([^\]\n^][^\]\n]*)\]:[ \t]*\S", re.M)
_HELD_LINE = re.compile(f"[ \t>]*{OPEN}\\d+{CLOSE}[ \t]*")
_EMAIL = re.compile(rf"(?<![\w.+:/<@\[{CLOSE}-])([\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{{2,}})(?![\w@])", re.A)
_BACKSLASH_BREAK = re.compile(r"(?<!\\)\\\n")
_ORDERED = re.compile(r"^([ \t>]*\d{1,9})\)(?=[ \t])", re.M)
_NEW_BLOCK = re.compile(
    r"[ \t>]*(?:$|[-*+][ \t]|\d{1,9}[.)][ \t]|#{1,6}[ \t]|\||>|[=-]{3,}[ \t]*$|\[[^\]]+\]:|:::|<|:[ \t]|\$\$)"
)
_INLINE_TAG = re.compile(r"(^|(?<=\s))#(?=[^\s#!-,.:-@\[-^`{-~\u2000-\u206f\u3000-\u303f\uff01-\uff0f])")
_PLAIN_HTML = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?>")


def hold_verbatim(job: Job, text: str) -> str:
    """Holds what is no prose: comments of HTML, preformatted text, and indented code."""
    if "<!--" in text:
        text = _HTML_COMMENT.sub(lambda match: job.hold(match[0]), text)
    if "<pre" in text:
        text = _PREFORMATTED.sub(lambda match: job.hold(match[0]), text)
    return _hold_indented(job, text) if "\n    " in text or "\n\t" in text else text


def _hold_indented(job: Job, text: str) -> str:
    """Code by its indentation: behind a blank line, and not below an item of a list."""
    lines = text.split("\n")
    written: list[str] = []
    in_list = False
    number = 0
    while number < len(lines):
        line = lines[number]
        if line.strip() and not line.startswith((" ", "\t")):
            in_list = _ITEM.match(line) is not None or (in_list and bool(lines[number - 1].strip()))
        is_code = _INDENTED.match(line) and not in_list and (not number or not lines[number - 1].strip())
        if not is_code:
            written.append(line)
            number += 1
            continue
        end = number
        while end < len(lines) and (_INDENTED.match(lines[end]) or not lines[end].strip()):
            end += 1
        while not lines[end - 1].strip():
            end -= 1
        written.append(job.hold("\n".join(lines[number:end])))
        number = end
    return "\n".join(written)


def translate_kramdown(job: Job, text: str) -> str:
    """What kramdown alone reads, for CommonMark."""
    if "{::" in text:
        text = job.replace(_NOMARKDOWN, lambda match: match[1], text)
        text = _KRAMDOWN_COMMENT.sub(
            lambda match: job.hold(job.speller.remark(Remark(match[1]), is_block="\n" in match[1].strip("\n"))), text
        )
        text = _OPTIONS.sub("", text)
    text = blocks.translate_block_attributes(job, text)
    if "{:" in text:
        text = _LINK_WITH_LIST.sub(lambda match: _link_with_attributes(job, match), text)
        text = _MARKED_WITH_LIST.sub(lambda match: _marked_with_attributes(job, match), text)
        text = _SPAN_LIST.sub(lambda match: _leave_out_attributes(job, match), text)
    if "*[" in text:
        text = _translate_abbreviations(job, text)
    return blocks.translate_tables(blocks.join_lone_tags(text))


def _read_entries(content: str) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for identity, name, key, double, single in _ENTRY.findall(content):
        if identity:
            attributes["id"] = identity
        elif name:
            attributes["class"] = f"{attributes.get('class', '')} {name}".strip()
        else:
            attributes[key] = double or single
    return attributes


def _spell_attributes(content: str) -> str:
    return "".join(f' {key}="{value}"' for key, value in _read_entries(content).items())


def _link_with_attributes(job: Job, match: re.Match[str]) -> str:
    if not job.target.takes_html:
        return match[0]
    attributes = _spell_attributes(match[5])
    title = f' title="{match[4]}"' if match[4] else ""
    if match[1]:
        return job.hold(f'<img src="{match[3]}" alt="{match[2]}"{title}{attributes}>')
    opening = f'<a href="{match[3]}"{title}{attributes}>'
    return job.hold(opening) + match[2] + job.hold("</a>")


def _marked_with_attributes(job: Job, match: re.Match[str]) -> str:
    if not job.target.takes_html:
        return match[0]
    name = "strong" if len(match[1]) == 2 else "em"
    return f"{job.hold(f'<{name}{_spell_attributes(match[3])}>')}{match[2]}{job.hold(f'</{name}>')}"


def _leave_out_attributes(job: Job, match: re.Match[str]) -> str:
    template = _("The attributes “%(code)s” were left out: this layout has none there.")
    job.report("attributes-left-out", "info", template, match[0], code=match[0][:80])
    return ""


def _translate_abbreviations(job: Job, text: str) -> str:
    known = dict(_ABBREVIATION.findall(text))
    if not known:
        return text
    text = _ABBREVIATION.sub("", text)
    words = "|".join(re.escape(word) for word in sorted(known, key=len, reverse=True))
    if not job.target.takes_html:
        return text
    pattern = re.compile(rf"(?<![\w<]){words if len(known) == 1 else f'(?:{words})'}(?!\w)")
    parts = _TAG.split(text)
    tags = [*_TAG.findall(text), ""]
    replaced = [
        pattern.sub(lambda match: job.hold(f'<abbr title="{known[match[0]].strip()}">{match[0]}</abbr>'), part) for part in parts
    ]
    return "".join(part + tag for part, tag in zip(replaced, tags, strict=True))


def translate_to_kramdown(job: Job, text: str) -> str:
    """What CommonMark reads and kramdown does not, and what only kramdown would read."""
    text = text.replace("{::", job.hold("\\{::")) if "{::" in text else text
    text = re.sub(r"\{:(?!:)", lambda match: job.hold("\\{:"), text) if "{:" in text else text
    if job.has("block_attributes"):
        text = blocks.as_kramdown_attributes(text)
    if "\\" in text:
        text = _DOUBLE_BACKSLASH.sub(lambda match: job.hold("&#92;") + "\n", text)
        text = _BACKSLASH_BREAK.sub("  \n", text)
        text = _NEEDLESS_ESCAPE.sub(r"\1", text)
    text = _ORDERED.sub(r"\1.", text)
    text = _part_references(text)
    text = blocks.escape_bars(text)
    text = blocks.part_blocks(text, starts_block=lambda line: _starts_code(job, line))
    if not job.has("definition_lists"):
        text = re.sub(r"^([ >]{0,3}):(?=[ \t])", r"\1\\:", text, flags=re.M)
    return blocks.open_html(text)


def _starts_code(job: Job, line: str) -> bool:
    held = _HELD_LINE.fullmatch(line)
    return held is not None and job.restore(held[0]).lstrip(" \t>").startswith(("```", "~~~"))


def _part_references(text: str) -> str:
    """``[a] [b]`` are two links to CommonMark and one to kramdown."""
    if "] [" not in text and "]\n[" not in text:
        return text
    known = {name.casefold() for name in _REFERENCE.findall(text)}

    def part(match: re.Match[str]) -> str:
        return f"[{match[1]}][]{match[2]}" if match[1].casefold() in known else match[0]

    return re.sub(r"(?<![\]!\\])\[([^\[\]\n]+)\]([ \n])(?=\[[^\[\]\n]+\])", part, text) if known else text


# --- signs within paragraphs -----------------------------------------------------------------------------------------------


def translate_signs(job: Job, text: str) -> str:
    """Highlights, comments, emoji and bare addresses."""
    if job.loses("comments") and "%%" in text:
        text = _COMMENT.sub(lambda match: job.hold(job.speller.remark(Remark(match[1]), is_block="\n" in match[1])), text)
    if job.loses("highlight") and "==" in text and job.target.takes_html:
        text = _HIGHLIGHT.sub(lambda match: f"{job.hold('<mark>')}{match[1]}{job.hold('</mark>')}", text)
    if job.loses("attributes"):
        text = blocks.leave_out_heading_attributes(job, text)
    if job.loses("definition_lists"):
        text = blocks.translate_definitions(job, text)
    if job.loses("emoji") and ":" in text:
        text = _EMOJI.sub(lambda match: _emoji(match[1]) or match[0], text)
    if job.loses("autolinks") or (job.loses("wide_autolinks") and not job.wants("autolinks")):
        text = _link_bare_addresses(job, text)
    elif job.loses("wide_autolinks"):
        text = _link_bare_addresses(job, text, only_beside_wide=True)
    if not job.target.takes_html:
        _report_html(job, text)
    return text


def translate_bars(job: Job, text: str) -> str:
    """Ruby and formulas, in which a bar is no cell of a table."""
    if job.loses("ruby"):
        text = job.replace(_RUBY_BRACES, lambda match: _ruby_braces(job, match), text)
        text = job.replace(_RUBY_AOZORA, lambda match: _ruby(job, [match[1]], [match[2]]), text)
    return translate_formulas(job, text)


def _ruby_braces(job: Job, match: re.Match[str]) -> str:
    base, readings = match[1], match[2][1:].split("|")
    if len(readings) == 1:
        return _ruby(job, [base], readings)
    return _ruby(job, list(base), readings) if len(base) == len(readings) else match[0]


def _ruby(job: Job, bases: list[str], readings: list[str]) -> str:
    if not job.target.takes_html:
        return f"{''.join(bases)}（{''.join(readings)}）"
    parts = (f"{base}<rp>（</rp><rt>{reading}</rt><rp>）</rp>" for base, reading in zip(bases, readings, strict=True))
    return f"<ruby>{''.join(parts)}</ruby>"


def translate_formulas(job: Job, text: str) -> str:
    """Between ``$…$`` and ``$$…$$`` (most), ``$$…$$`` for both (kramdown), and ``\\(…\\)`` (Hugo's passthrough)."""
    source_is_kramdown, target_is_kramdown = job.source.flavour == "kramdown", job.target.flavour == "kramdown"
    if job.has("passthrough") and not job.wants("passthrough") and "\\" in text:
        text = _TEX.sub(lambda match: _formula(job, match[1] or match[2], is_block=match[1] is None), text)
    if not job.has("math") or "$" not in text:
        return text
    if source_is_kramdown and not target_is_kramdown:
        return _DISPLAY.sub(lambda match: _formula(job, match[1], is_block=_is_alone(text, match)), text)
    if target_is_kramdown and not source_is_kramdown:
        text = _DISPLAY.sub(lambda match: job.hold(f"$${match[1]}$$"), text)
        return _INLINE_MATH.sub(lambda match: job.hold(f"$${match[1]}$$"), text)
    # The same signs on both sides: held, so that nothing is escaped inside.
    text = _DISPLAY.sub(lambda match: job.hold(match[0]), text)
    return _INLINE_MATH.sub(lambda match: job.hold(match[0]), text)


def _formula(job: Job, tex: str, *, is_block: bool) -> str:
    if job.target.flavour == "kramdown":
        return job.hold(f"$${tex}$$")
    return job.hold(f"$${tex}$$" if is_block else f"${tex.strip()}$")


def _is_alone(text: str, match: re.Match[str]) -> bool:
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    end = text.find("\n", match.end())
    after = text[match.end() : end if end >= 0 else len(text)]
    return not before.strip(" \t>") and not after.strip()


@lru_cache(maxsize=2048)
def _emoji(name: str) -> str:
    """The sign that ``:name:`` stands for, or ``""``."""
    html = to_html(f":{name}:", "commonmark", frozenset({"emoji"}))
    sign = html.strip().removeprefix("<p>").removesuffix("</p>")
    return "" if sign.startswith(":") or "<" in sign else sign


def _link_bare_addresses(job: Job, text: str, *, only_beside_wide: bool = False) -> str:
    """Addresses in the text, in angle brackets: ``only_beside_wide`` those that only our own Japanese rule finds."""

    def link(match: re.Match[str]) -> str:
        before = text[match.start() - 1 : match.start()]
        if before == CLOSE or (only_beside_wide and (not before or before in " \n\t>*_~(")):
            return match[0]
        return job.hold(f"<{match[1]}>")

    if "://" not in text and "@" not in text:
        return text
    text = _DESTINATION.sub(lambda match: job.hold(match[0]), text)
    text = _TAG.sub(lambda match: job.hold(match[0]), text)
    text = _BARE.sub(link, text)
    return text if only_beside_wide else _EMAIL.sub(lambda match: job.hold(f"<{match[1]}>"), text)


def _report_html(job: Job, text: str) -> None:
    found = _PLAIN_HTML.search(job.restore(text)) if "<" in text or OPEN in text else None
    if found and not found[0].startswith(("<http", "<br")):
        template = _("Zenn shows HTML as it is written: “%(code)s”. Rewrite it as Markdown.")
        job.report("html-not-shown", "warning", template, found[0], code=found[0][:80])


# --- line breaks -------------------------------------------------------------------------------------------------------------


def translate_breaks(job: Job, text: str) -> str:
    """A line break in a paragraph is one for the reader in some generators, and a blank in others."""
    if job.loses("hardbreaks"):
        return _each_break(text, lambda line: line if line.endswith(("  ", "\\")) else line.rstrip() + "  \n")
    if job.gains("hardbreaks"):
        return _each_break(text, _join)
    return text


def _join(line: str) -> str:
    if line.endswith(("  ", "\\")):
        return line.rstrip(" \\") + "\n"
    line = line.rstrip()
    return line if re.search(f"[{WIDE}]$", line) else line + " "


def _each_break(text: str, change: object) -> str:
    lines = text.split("\n")
    tables = blocks._table_lines(lines)
    written: list[str] = []
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        is_inner = (
            number not in tables
            and line.strip(" \t>") != ""
            and not re.match(r"[ \t>]*(?:#{1,6}[ \t]|[=-]{3,}[ \t]*$|\[[^\]]+\]:|<|\|)", line)
            and not _NEW_BLOCK.match(following)
            and not line.startswith("    ")
            and not re.search(f"{OPEN}\\d+{CLOSE}[ \t]*$", line)
            and not re.match(f"[ \t>]*{OPEN}", following)
        )
        if is_inner:
            changed: str = change(line)  # type: ignore[operator]
            joins = not changed.endswith("\n")
            written.append(changed.rstrip("\n") if not joins else changed)
            if joins:
                lines[number + 1] = re.sub(r"^[ \t>]*", "", following)
            else:
                written.append("\n")
        else:
            written += [line, "\n"]
    return "".join(written).removesuffix("\n")


# --- signs that must stay signs -----------------------------------------------------------------------------------------------


def escape_signs(job: Job, text: str) -> str:
    """What would begin to mean something where the text goes."""
    if job.gains("wikilinks") and "[[" in text:
        text = text.replace("[[", job.hold("\\[\\["))
    if job.gains("highlight") and "==" in text:
        text = _HIGHLIGHT.sub(lambda match: f"{job.hold(chr(92) + '==')}{match[1]}{job.hold(chr(92) + '==')}", text)
    if job.gains("comments") and "%%" in text:
        text = text.replace("%%", job.hold("%\\%"))
    if job.gains("passthrough") and "\\" in text:
        text = text.replace("\\[", job.hold("&#91;")).replace("\\(", job.hold("&#40;"))
    if job.gains("math") and "$" in text:
        sign = "$$" if job.target.flavour == "kramdown" else "$"
        text = text.replace(sign, job.hold("\\$" * len(sign)))
    if job.target.dialect == "obsidian" and job.source.dialect != "obsidian" and "#" in text:
        text = _INLINE_TAG.sub(lambda match: match[1] + job.hold("\\#"), text)
    if job.target.dialect in ("hugo", "hexo") and job.source.flavour != "html" and "**" in text:
        text = _STRONG.sub(lambda match: _spell_strong(job, text, match), text)
    return text


def _spell_strong(job: Job, text: str, match: re.Match[str]) -> str:
    """Bold that touches a bracket or a full stop on its inner side and a letter outside, which CommonMark does not see."""
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    inner = match[1]
    opens = _is_sign(inner[0]) and _is_letter(before)
    closes = _is_sign(inner[-1]) and _is_letter(after)
    if not (opens or closes):
        return match[0]
    return f"{job.hold('<strong>')}{inner}{job.hold('</strong>')}"


def _is_letter(char: str) -> bool:
    return bool(char) and char.isalnum()


def _is_sign(char: str) -> bool:
    return not char.isalnum() and not char.isspace() and char not in f"{OPEN}{CLOSE}"
