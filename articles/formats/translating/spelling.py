"""Constructs written in the Markdown, HTML or template code of a dialect."""

from __future__ import annotations

import re
from html import escape
from urllib.parse import quote

from articles.formats.translating.constructs import Code, Details, Embed, Figure, Notice, Quotation, Remark
from articles.markup.callouts import kind_of
from articles.markup.embeds import SERVICES
from articles.markup.engines import to_html
from articles.markup.page import WORDS

# What each generator has a tag of its own for. Hugo's for X and Instagram ask those hosts while building, which fails.
_TAGS = {
    "hugo": {"youtube": "{{{{< youtube {} >}}}}", "vimeo": "{{{{< vimeo {} >}}}}", "gist": "{{{{< gist {} >}}}}"},
    "hexo": {"youtube": "{{% youtube {} %}}", "vimeo": "{{% vimeo {} %}}", "gist": "{{% gist {} %}}"},
    "zenn": {
        name: f"@[{name}]({{}})" for name in ("youtube", "speakerdeck", "docswell", "codepen", "jsfiddle", "stackblitz", "figma")
    },
}
_ALERTS = frozenset({"warning", "caution", "danger", "failure", "bug"})
_FOR_PATHS = "/~!$&'*+,;=:@-._%"


def spell_address(address: str) -> str:
    """An address as a destination of Markdown: percent-encoded where it would end too early."""
    return "".join(quote(char, safe=_FOR_PATHS + "?#") if char.isascii() else char for char in address)


def embed_address(embed: Embed) -> str:
    """The address that an embed is of; ``""`` for a service that has none here."""
    if not embed.service:
        return embed.item
    template = SERVICES.get(embed.service)
    return template.format(embed.item) if template else ""


class Speller:
    """Writes constructs for one dialect and flavour. ``language`` is that of the words it adds."""

    def __init__(self, dialect: str, flavour: str, language: str) -> None:
        self.dialect, self.flavour = dialect, flavour
        self.words = WORDS.get(language.split("-")[0].lower(), WORDS["en"])

    # --- blocks

    def code(self, code: Code) -> str:
        longest = max((len(run) for run in re.findall("`{3,}", code.text)), default=2)
        fence = "`" * (longest + 1)
        info = code.language
        if code.title and self.dialect == "zenn":
            return f"{fence}{info}:{code.title}\n{code.text}\n{fence}"
        block = f"{fence}{info}\n{code.text}\n{fence}"
        if not code.title:
            return block
        if self.dialect == "obsidian":
            return f"**{code.title}**\n\n{block}"
        return self._wrap('<figure class="code">', f"{block}\n\n<figcaption>{escape(code.title)}</figcaption>", "</figure>")

    def figure(self, figure: Figure) -> str:
        if figure.is_simple:
            return self._image(figure)
        if self.dialect == "hugo":
            return self._hugo_figure(figure)
        if self.dialect in ("obsidian", "zenn"):
            image = self._image(figure)
            image = f"[{image}]({spell_address(figure.link)})" if figure.link else image
            words = " ".join(filter(None, (figure.title, figure.caption, figure.credit)))
            return f"{image}\n*{words}*" if words else image
        return self._html_figure(figure)

    def _image(self, figure: Figure) -> str:
        source = spell_address(figure.source)
        if not (figure.width or figure.height):
            return f"![{_escape_text(figure.alt)}]({source})"
        if self.dialect == "zenn":
            return f"![{_escape_text(figure.alt)}]({source} ={figure.width}x{figure.height})"
        if self.dialect == "obsidian":
            size = figure.width + (f"x{figure.height}" if figure.height and figure.width else "")
            return f"![{_escape_text(figure.alt)}|{size}]({source})" if size else f"![{_escape_text(figure.alt)}]({source})"
        sizes = "".join(f' {name}="{value}"' for name, value in (("width", figure.width), ("height", figure.height)) if value)
        return f'<img src="{escape(figure.source)}" alt="{escape(figure.alt)}"{sizes}>'

    def _hugo_figure(self, figure: Figure) -> str:
        named = {
            "src": figure.source,
            "alt": figure.alt,
            "title": figure.title,
            "caption": figure.caption,
            "link": figure.link,
            "width": figure.width,
            "height": figure.height,
            "attr": figure.credit,
            "attrlink": figure.credit_link,
        }
        said = " ".join(f'{name}="{_escape_argument(value)}"' for name, value in named.items() if value)
        return f"{{{{< figure {said} >}}}}"

    def _html_figure(self, figure: Figure) -> str:
        simple = Figure(figure.source, figure.alt, width=figure.width, height=figure.height)
        sizes = "".join(f' {name}="{value}"' for name, value in (("width", simple.width), ("height", simple.height)) if value)
        image = f'<img src="{escape(figure.source)}" alt="{escape(figure.alt)}"{sizes}>'
        if figure.link:
            image = f'<a href="{escape(figure.link)}">{image}</a>'
        lines = [f"<strong>{escape(figure.title)}</strong>"] if figure.title else []
        lines += [escape(figure.caption)] if figure.caption else []
        if figure.credit:
            credit = escape(figure.credit)
            lines.append(f'<a href="{escape(figure.credit_link)}">{credit}</a>' if figure.credit_link else credit)
        caption = f"<figcaption>{' '.join(lines)}</figcaption>" if lines else ""
        return f"<figure>{image}{caption}</figure>"

    def embed(self, embed: Embed) -> str:
        """The generator's own tag, else the address alone in its line; ``""`` where there is none."""
        template = _TAGS.get(self.dialect, {}).get(embed.service)
        if template:
            item = embed.item.replace("/", " ") if embed.service == "gist" and self.dialect == "hugo" else embed.item
            return template.format(item)
        address = embed_address(embed)
        if not address:
            return ""
        return address if self.dialect in ("zenn", "obsidian", "plain") else f"<{address}>"

    def notice(self, notice: Notice) -> str:
        kind = kind_of(notice.kind) or "note"
        title = notice.title or (self.words[kind] if kind_of(notice.kind) and notice.kind.isascii() else notice.kind)
        if self.dialect == "obsidian":
            shown = f" {notice.title}" if notice.title or not notice.kind.isascii() else ""
            return quote_lines(f"[!{notice.kind}]{notice.fold}{shown}\n{notice.body.strip(chr(10))}")
        if self.dialect == "zenn":
            if notice.fold:
                return _zenn_block("details", title, notice.body)
            body = f"**{title}**\n\n{notice.body.strip(chr(10))}" if notice.title else notice.body
            return _zenn_block("message", "alert" if kind in _ALERTS else "", body)
        classes, title = f"callout callout-{kind}", inline_html(title)
        if notice.fold:
            is_open = " open" if notice.fold == "+" else ""
            opening = f'<details class="{classes}"{is_open}><summary class="callout-title">{title}</summary>'
            return self._wrap(opening, notice.body, "</details>")
        return self._wrap(f'<div class="{classes}" role="note">\n<p class="callout-title">{title}</p>', notice.body, "</div>")

    def details(self, details: Details) -> str:
        summary = details.summary or self.words["details"]
        if self.dialect == "zenn":
            return _zenn_block("details", summary, details.body)
        is_open = " open" if details.is_open else ""
        opening = f'<details class="callout"{is_open}><summary class="callout-title">{escape(summary)}</summary>'
        return self._wrap(opening, details.body, "</details>")

    def quotation(self, quotation: Quotation) -> str:
        if not quotation.credit:
            return quote_lines(quotation.body.strip("\n"))
        if self.dialect in ("obsidian", "zenn"):
            plain = re.sub(r'<a href="([^"]*)">([^<]*)</a>', r"[\2](\1)", quotation.credit)
            return quote_lines(quotation.body.strip("\n") + "\n\n" + re.sub(r"</?\w+[^>]*>", "", plain))
        return self._wrap(
            "<blockquote>", f"{quotation.body.strip(chr(10))}\n\n<footer>{quotation.credit}</footer>", "</blockquote>"
        )

    def remark(self, remark: Remark, *, is_block: bool) -> str:
        """What no reader sees, in the source only: for most a definition that no link uses."""
        text = remark.text.strip()
        if not text:
            return ""
        if self.dialect == "obsidian":
            return f"%%{text.replace('%%', '% %')}%%"
        if not is_block:
            return ""
        lines = [line.strip().replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n") if line.strip()]
        return "\n".join(f'[//]: # "{line}"' for line in lines)

    def _wrap(self, opening: str, body: str, closing: str) -> str:
        """Markdown inside HTML: CommonMark reads it between blank lines, kramdown where it is told to."""
        if self.flavour == "kramdown":
            opening = re.sub(r"^<(\w+)", r'<\1 markdown="1"', opening, count=1)
        return f"{opening}\n\n{body.strip(chr(10))}\n\n{closing}"


def inline_html(text: str) -> str:
    """A line of Markdown as HTML, for a title that stands in HTML."""
    return to_html(text, "commonmark", frozenset({"strikethrough"})).strip().removeprefix("<p>").removesuffix("</p>")


def quote_lines(text: str) -> str:
    """The lines as a quotation."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _zenn_block(name: str, argument: str, body: str) -> str:
    colons = ":" * (max((len(run) for run in re.findall(r"^:{3,}", body, re.M)), default=2) + 1)
    return f"{colons}{name} {argument}".rstrip() + f"\n{body.strip(chr(10))}\n{colons}"


def _escape_text(text: str) -> str:
    return re.sub(r"([\[\]\\])", r"\\\1", text)


def _escape_argument(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
