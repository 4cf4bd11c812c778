"""Makes a site of Japanese posts of any size, the same at every call: what the benchmarks read."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

SUBJECTS = (
    "編集部",
    "読者",
    "原稿",
    "校閲の係",
    "紙面の担当",
    "古い記事",
    "見出し",
    "写真の説明",
    "索引",
    "地方面",
    "夕刊の班",
    "若い記者",
)
PLACES = ("朝の会議で", "締め切りの前に", "書庫の奥で", "机の上で", "検索の結果に", "紙面の隅に", "翌日の版で", "長い連載の中で")
VERBS = (
    "何度も読み返された",
    "静かに書き直された",
    "別の欄へ移された",
    "読み手の手元に届いた",
    "一字ずつ確かめられた",
    "次の号まで残された",
    "短くまとめられた",
    "題だけが先に決まった",
)
TAGS = (
    "AI",
    "経済",
    "政策",
    "くらし",
    "開発",
    "教育",
    "医療",
    "地域",
    "写真",
    "連載",
    "解説",
    "データ",
    "交通",
    "気象",
    "書評",
    "料理",
)
SECTIONS = ("技術動向", "投資分析", "くらし", "政策", "編集の手帖")
DESKS = ("瓦版編集部", "経済班", "くらし班", "開発班")


# What an import computes of every post: outline, summary, counts, plain text for a search, pages of terms and by-lines.
HUGO_PAGE = """<!doctype html><html lang="{{ .Lang }}"><head><meta charset="utf-8"><title>{{ .Title }}</title>
<meta name="description" content="{{ .Summary | plainify }}"></head><body><article><h1>{{ .Title }}</h1>
<p>{{ .Date.Format "2006-01-02" }} {{ .Params.author }} {{ .WordCount }} {{ .ReadingTime }}</p>
{{ .TableOfContents }}{{ .Content }}
<ul>{{ range .GetTerms "tags" }}<li><a href="{{ .RelPermalink }}">{{ .Title }}</a></li>{{ end }}</ul>
{{ with .PrevInSection }}<a href="{{ .RelPermalink }}">{{ .Title }}</a>{{ end }}
{{ with .NextInSection }}<a href="{{ .RelPermalink }}">{{ .Title }}</a>{{ end }}</article></body></html>
"""
HUGO_LIST = """<!doctype html><html><body><h1>{{ .Title }}</h1>{{ range (.Paginate .Pages 20).Pages }}
<article><h2><a href="{{ .RelPermalink }}">{{ .Title }}</a></h2><p>{{ .Summary }}</p></article>{{ end }}
{{ template "_internal/pagination.html" . }}</body></html>
"""
HUGO_SEARCH = """[{{ range $i, $p := .Site.RegularPages }}{{ if $i }},{{ end }}
{"title":{{ .Title | jsonify }},"url":{{ .RelPermalink | jsonify }},"text":{{ .Plain | jsonify }}}{{ end }}]
"""
HUGO_OUTPUTS = (
    '[outputs]\nhome = ["HTML", "RSS", "JSON"]\n[taxonomies]\ntag = "tags"\ncategory = "categories"\nauthor = "author"\n'
)


def add_theme(folder: Path) -> None:
    """Gives a site of :func:`write_site` layouts that make of each post what an import makes of it."""
    layouts = folder / "layouts"
    (layouts / "_default/single.html").write_text(HUGO_PAGE)
    (layouts / "_default/list.html").write_text(HUGO_LIST)
    (layouts / "index.json").write_text(HUGO_SEARCH)
    with (folder / "config.toml").open("a") as config:
        config.write(HUGO_OUTPUTS)


def write_site(folder: Path, count: int, dialect: str, *, size: int = 8500) -> None:
    """``count`` posts of about ``size`` bytes below ``folder`` as a ``hugo`` or ``jekyll`` site with its configuration.

    The layouts show title and text, and nothing else. Dates begin with 2010, thirteen hours apart, or closer where so many
    would not be past today.
    """
    source = random.Random(20261122)
    if dialect == "hugo":
        posts = folder / "content/posts"
        config = (
            'baseURL = "https://bench.example/"\ndefaultContentLanguage = "ja"\ntimeZone = "Asia/Tokyo"\n'
            "[markup.goldmark.renderer]\nunsafe = true\n"
        )
        (folder / "layouts/_default").mkdir(parents=True)
        (folder / "layouts/_default/single.html").write_text("<html><body><h1>{{ .Title }}</h1>{{ .Content }}</body></html>")
        (folder / "layouts/_default/list.html").write_text(
            "<html><body>{{ range first 20 .Pages }}<a href='{{ .RelPermalink }}'>{{ .Title }}</a>{{ end }}</body></html>"
        )
        (folder / "config.toml").write_text(config)
    else:
        posts = folder / "_posts"
        (folder / "_layouts").mkdir(parents=True)
        (folder / "_layouts/post.html").write_text("<html><body><h1>{{ page.title }}</h1>{{ content }}</body></html>")
        (folder / "_config.yml").write_text(
            "url: https://bench.example\ntimezone: Asia/Tokyo\npermalink: /:year/:month/:day/:title/\n"
        )
    posts.mkdir(parents=True)
    start = datetime(2010, 1, 1, 9)
    step = min(timedelta(hours=13), timedelta(days=5800) / max(count, 1))
    for number in range(count):
        day = start + number * step
        name = f"{day:%Y-%m-%d}-post-{number:06}.md"
        (posts / name).write_text(_post(source, number, day, size), encoding="utf-8")


def _sentence(source: random.Random) -> str:
    return f"{source.choice(SUBJECTS)}は{source.choice(PLACES)}{source.choice(VERBS)}。"


def _post(source: random.Random, number: int, day: datetime, size: int) -> str:
    tags = ", ".join(f'"{tag}"' for tag in source.sample(TAGS, 4))
    parts = [
        f'---\nlayout: post\ntitle: "第{number}号 {_sentence(source)[:-1]}"\ndate: {day:%Y-%m-%d %H:%M:%S} +0900\n'
        f'categories: ["{source.choice(SECTIONS)}"]\ntags: [{tags}]\nauthor: "{source.choice(DESKS)}"\n'
        f'description: "{_sentence(source)}"\nreading_time: {source.randint(3, 12)}\n---\n'
    ]
    length, section = len(parts[0].encode()), 0
    while length < size:
        section += 1
        block = [f"\n## {section}、{_sentence(source)[:-1]}\n"]
        block += [
            "\n" + "".join(_sentence(source) for _ in range(6)) + f"**「{source.choice(SUBJECTS)}」**という言葉も残る。\n"
            for _ in range(2)
        ]
        if section % 3 == 1:
            block.append("\n" + "".join(f"- {_sentence(source)}\n" for _ in range(4)))
        if section % 3 == 2:
            block.append(
                "\n| 項目 | 前 | 後 |\n|---|---|---|\n"
                + "".join(f"| {tag} | {source.randint(1, 99)} | {source.randint(1, 99)} |\n" for tag in source.sample(TAGS, 3))
            )
        if section == 3:
            block.append("\n```python\ndef count(lines: list[str]) -> int:\n    return sum(len(line) for line in lines)\n```\n")
        if section % 2:
            block.append(f"\n[前の号](https://example.org/{number}/{section})も読める。\n")
        text = "".join(block)
        parts.append(text)
        length += len(text.encode())
    return "".join(parts)
