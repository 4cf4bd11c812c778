"""What the guide to Markdown shows: each construct with a sentence on it and a source to try, in Japanese and in English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy, pgettext_lazy

#: Stands in a source for the address of a picture that every site has.
PICTURE = "{{picture}}"

# kramdown's own grammar has these whatever a post's features are, and knows nothing of those.
KRAMDOWN_OWN = frozenset({"tables", "strikethrough", "tasklists", "footnotes", "definition_lists", "math"})
KRAMDOWN_NEVER = frozenset({"highlight", "autolinks", "attributes"})


@dataclass(frozen=True, slots=True)
class Example:
    """One entry. ``sources`` by language; ``kramdown`` where that flavour writes the thing another way.

    ``feature`` is the switch of a post that it needs, empty for what every post has. ``is_inline``: part of a line, which
    is put where the cursor is and not on lines of its own.
    """

    name: str
    heading: Any
    note: Any
    sources: Mapping[str, str]
    kramdown: Mapping[str, str] = field(default_factory=dict)
    feature: str = ""
    is_inline: bool = False

    def source(self, flavour: str, language: str) -> str:
        """What is written for it in a flavour; ``language`` is ``ja`` or ``en``."""
        return (flavour == "kramdown" and self.kramdown.get(language)) or self.sources[language]


EXAMPLES = (
    Example(
        "paragraphs",
        gettext_lazy("Paragraphs and line breaks"),
        gettext_lazy(
            "A blank line begins a paragraph. A single line end between Japanese letters disappears, between words it is a "
            "blank; for a line break, end the line with two blanks or a backslash."
        ),
        {
            "ja": "一つ目の段落です。\n行を折っても、\n続けて組まれます。\n\n二つ目です。  \nここで改行。\\\nここでも改行。",
            "en": "The first paragraph.\nA line end in it\nis a blank.\n\nThe second one.  \nHere the line breaks.\\\nAnd here.",
        },
    ),
    Example(
        "headings",
        gettext_lazy("Headings"),
        gettext_lazy(
            "One # is the title of the page, so that headings begin with ##. Each further # is one level below. They make "
            "the list of contents, and readers can link to each."
        ),
        {"ja": "## 大きな見出し\n\n### 小さな見出し\n\n本文です。", "en": "## A heading\n\n### A smaller one\n\nThe text."},
    ),
    Example(
        "heading-ids",
        gettext_lazy("An address for a heading"),
        gettext_lazy("Stays the same when the words of the heading change."),
        {
            "ja": "## 住所のある見出し {#kura}\n\n[見出しへ](#kura)",
            "en": "## With an address {#store}\n\n[To the heading](#store)",
        },
        feature="attributes",
    ),
    Example(
        "emphasis",
        gettext_lazy("Bold and italic"),
        gettext_lazy(
            "Two stars are bold, one is italic. Beside Japanese brackets and full stops both work here, which other systems "
            "print as stars. No blanks belong inside the stars."
        ),
        {
            "ja": "これは**「とても大事」**です。**強い。**とても*弱い*。",
            "en": 'This is **"very" important**, and this *less* so.',
        },
        is_inline=True,
    ),
    Example(
        "strikethrough",
        gettext_lazy("Struck out"),
        gettext_lazy("Two tildes on each side. For a correction that readers should see, say when and why beside it."),
        {"ja": "開場は~~十時~~九時です。", "en": "Doors open at ~~ten~~ nine."},
        feature="strikethrough",
        is_inline=True,
    ),
    Example(
        "highlight",
        gettext_lazy("Marked with a pen"),
        gettext_lazy("kramdown has no sign for it; the HTML element mark works in both."),
        {"ja": "ここが==要点==です。", "en": "This is ==the point==."},
        {"ja": "ここが<mark>要点</mark>です。", "en": "This is <mark>the point</mark>."},
        feature="highlight",
        is_inline=True,
    ),
    Example(
        "links",
        gettext_lazy("Links"),
        gettext_lazy(
            "The words in square brackets, the address in round ones. A post of this site is named by its address; Ctrl+K "
            "looks for it."
        ),
        {
            "ja": "[社の案内](/about/)と[外のサイト](https://example.jp/)。",
            "en": "[About us](/about/) and [another site](https://example.com/).",
        },
        is_inline=True,
    ),
    Example(
        "wikilinks",
        gettext_lazy("Links by title"),
        gettext_lazy(
            "The title of a post in double brackets finds it, also when its address changes. After a bar stand the words that "
            "readers see; in kramdown a bar ends a cell, so that the title stands alone. A title that nothing has yet is "
            "underlined with dots."
        ),
        {"ja": "くわしくは[[川沿いの倉庫]]、または[[川沿いの倉庫|前回]]へ。", "en": "See [[The store by the river]]."},
        {"ja": "くわしくは[[川沿いの倉庫]]へ。", "en": "See [[The store by the river]]."},
        feature="wikilinks",
        is_inline=True,
    ),
    Example(
        "autolinks",
        gettext_lazy("Bare addresses"),
        gettext_lazy("An address is a link by itself. In kramdown it stands between < and >."),
        {"ja": "https://example.jp/ を見る。", "en": "See https://example.com/ first."},
        {"ja": "<https://example.jp/> を見る。", "en": "See <https://example.com/> first."},
        feature="autolinks",
        is_inline=True,
    ),
    Example(
        "lists",
        gettext_lazy("Lists"),
        gettext_lazy(
            "A minus makes a bullet, a number with a dot a numbered entry; both need a blank behind them. What stands further "
            "in belongs to the entry above it."
        ),
        {
            "ja": "- 紙\n- 筆\n  - 太い筆\n  - 細い筆\n\n1. 書く\n2. 直す\n3. 出す",
            "en": "- Paper\n- Pens\n  - thick\n  - thin\n\n1. Write\n2. Correct\n3. Publish",
        },
    ),
    Example(
        "tasks",
        gettext_lazy("Lists to tick off"),
        gettext_lazy("Readers see the boxes and cannot change them."),
        {"ja": "- [x] 日付を確かめる\n- [ ] 署名を確かめる", "en": "- [x] Check the date\n- [ ] Check the by-line"},
        feature="tasklists",
    ),
    Example(
        "quotes",
        gettext_lazy("Quotations"),
        gettext_lazy("> before each line. Say below it whose words they are."),
        {
            "ja": "> 移せる、ということは、\n> 戻せる、ということである。\n>\n> ――編集の手帖",
            "en": "> What can be moved\n> can be moved back.\n>\n> — The desk's notebook",
        },
    ),
    Example(
        "code",
        gettext_lazy("Code"),
        gettext_lazy(
            "Within a line between backticks; of several lines between two lines of three, the name of the language behind "
            "the first. In code every sign is only itself."
        ),
        {
            "ja": "`**そのまま**`と出ます。\n\n```python\ndef count(folder):\n    return len(list(folder))  # 原稿の本数\n```",
            "en": "`**as it is**` is shown.\n\n```python\ndef count(folder):\n    return len(list(folder))  # manuscripts\n```",
        },
    ),
    Example(
        "tables",
        gettext_lazy("Tables"),
        gettext_lazy(
            "Bars between the cells, a line of minuses below the head; colons in it align the column. Cells copied from a "
            "spreadsheet become a table with the tool for tables."
        ),
        {
            "ja": "| 品 | 数 |\n|:---|---:|\n| 紙 | 120 |\n| 筆 | 8 |",
            "en": "| Thing | Number |\n|:---|---:|\n| Paper | 120 |\n| Pens | 8 |",
        },
        feature="tables",
    ),
    Example(
        "footnotes",
        gettext_lazy("Footnotes"),
        gettext_lazy("The same name at the place and before the note; the note may stand anywhere. Readers see numbers."),
        {
            "ja": "瓦版は速報でした[^1]。\n\n[^1]: 江戸時代の一枚刷り。",
            "en": "It was printed at once[^1].\n\n[^1]: On a single sheet.",
        },
        feature="footnotes",
    ),
    Example(
        "ruby",
        gettext_lazy("Ruby"),
        gettext_lazy(
            "The reading stands behind a bar; with a bar for each letter it is set letter by letter. In kramdown and in tables "
            "a bar ends a cell: write ｜, the word, and the reading between 《 and 》."
        ),
        {
            "ja": "{瓦版|かわらばん}を読む。{東京|とう|きょう}の朝。",
            "en": "{瓦版|kawaraban}, a broadsheet of old {東京|Tō|kyō}.",
        },
        {
            "ja": "｜瓦版《かわらばん》を読む。｜東京《とうきょう》の朝。",
            "en": "｜瓦版《kawaraban》, a broadsheet of old ｜東京《Tōkyō》.",
        },
        feature="ruby",
        is_inline=True,
    ),
    Example(
        "dots",
        gettext_lazy("Emphasis dots (圏点)"),
        gettext_lazy("There is no sign of their own: they are ruby, a dot for each letter."),
        {"ja": "ここが{要点|・|・}です。", "en": "This is the {要点|・|・}."},
        {"ja": "ここが｜要《・》｜点《・》です。", "en": "This is the ｜要《・》｜点《・》."},
        feature="ruby",
        is_inline=True,
    ),
    Example(
        "pictures",
        gettext_lazy("Pictures"),
        gettext_lazy(
            "In the square brackets stands what the picture shows, for those who do not see it. The tool for pictures finds "
            "those of the library and writes this line."
        ),
        {"ja": f"![瓦版の印、朱の四角]({PICTURE})", "en": f"![The mark of the site, a red square]({PICTURE})"},
    ),
    Example(
        "callouts",
        pgettext_lazy("guide", "Boxes"),
        gettext_lazy(
            "A quotation that begins with its kind: NOTE, TIP, IMPORTANT, WARNING, CAUTION, also in Japanese (注、重要、警告). "
            "Behind it may stand a title; a minus folds the box."
        ),
        {
            "ja": "> [!NOTE]\n> 数字は編集部で数えたものです。\n\n> [!WARNING] 住所について\n> 変える前に転送を用意します。",
            "en": "> [!NOTE]\n> The numbers are our own.\n\n> [!WARNING] Addresses\n> Make the redirect first.",
        },
        feature="callouts",
    ),
    Example(
        "definitions",
        gettext_lazy("Terms and what they mean"),
        gettext_lazy("The term on a line of its own, a colon and a blank before what it means."),
        {"ja": "瓦版\n: 江戸時代の速報\n\n号外\n: 急ぎの新聞", "en": "Lead\n: The first story\n\nExtra\n: A paper in a hurry"},
        feature="definition_lists",
    ),
    Example(
        "maths",
        gettext_lazy("Formulas"),
        gettext_lazy("LaTeX between dollar signs, one on each side in a line and two for a line of its own; kramdown takes two."),
        {"ja": "面積は $\\pi r^2$ です。\n\n$$\n\\frac{a+b}{2}\n$$", "en": "The area is $\\pi r^2$.\n\n$$\n\\frac{a+b}{2}\n$$"},
        {
            "ja": "面積は $$\\pi r^2$$ です。\n\n$$\n\\frac{a+b}{2}\n$$",
            "en": "The area is $$\\pi r^2$$.\n\n$$\n\\frac{a+b}{2}\n$$",
        },
        feature="math",
    ),
    Example(
        "embeds",
        gettext_lazy("Videos and posts of other sites"),
        gettext_lazy(
            "The address alone in its paragraph becomes a poster that loads the video when a reader presses it, and nothing "
            "before. A picture that is a link to the video, alone in its paragraph, is the picture of the poster."
        ),
        {"ja": "https://www.youtube.com/watch?v=xxxxxxxxxxx", "en": "https://www.youtube.com/watch?v=xxxxxxxxxxx"},
        {"ja": "<https://www.youtube.com/watch?v=xxxxxxxxxxx>", "en": "<https://www.youtube.com/watch?v=xxxxxxxxxxx>"},
        feature="embeds",
    ),
    Example(
        "rule",
        gettext_lazy("A break between scenes"),
        gettext_lazy("Three minuses between two blank lines; directly below a line they would make it a heading."),
        {"ja": "前の場面。\n\n---\n\n次の場面。", "en": "One scene.\n\n---\n\nThe next one."},
    ),
    Example(
        "attributes",
        gettext_lazy("Attribute lists"),
        gettext_lazy("Of kramdown alone: an address or a class for the paragraph above. CommonMark shows them as they stand."),
        {"ja": "この段落には住所があります。\n{: #kokode}", "en": "This paragraph has an address.\n{: #here}"},
    ),
    Example(
        "html",
        "HTML",
        gettext_lazy("Harmless elements work as they are: keys, folds, small letters. Scripts, styles and forms are left out."),
        {
            "ja": "<kbd>Ctrl</kbd>+<kbd>F</kbd> で探し、H<sub>2</sub>O と書きます。",
            "en": "Press <kbd>Ctrl</kbd>+<kbd>F</kbd>, write H<sub>2</sub>O.",
        },
        is_inline=True,
    ),
    Example(
        "escapes",
        gettext_lazy("Signs that are only themselves"),
        gettext_lazy("A backslash before a sign takes its meaning away."),
        {"ja": "\\*星\\*はそのまま、\\# も見出しになりません。", "en": "\\*Stars\\* stay, and \\# makes no heading."},
        is_inline=True,
    ),
)
