"""Texts of one generator for readers of another: what is translated, what is left alone, and what is named."""

from __future__ import annotations

import pytest

from articles.formats.translating import TextKind, find_difference, line_of, translate
from articles.markup import DEFAULT_FEATURES

KINDS = {
    name: TextKind(name, "kramdown" if name == "jekyll" else "commonmark", DEFAULT_FEATURES[name])
    for name in ("jekyll", "hugo", "hexo", "obsidian", "zenn")
}
KINDS["here"] = TextKind("", "commonmark", DEFAULT_FEATURES[""])


class Known:
    """One post and one picture that every text can refer to."""

    def page(self, kind: str, target: str) -> str | None:
        return "/2025/ni/" if target in ("2025-04-02-ni", "ni", "二", "posts/ni.md") else None

    def file(self, target: str) -> str | None:
        return "/img/a.png" if target.endswith("a.png") else None

    def rewrite(self, target: str) -> str | None:
        return "/img/a.png" if target == "a.png" else None


def written(text: str, source: str, target: str) -> str:
    return translate(text, KINDS[source], KINDS[target], Known()).text


@pytest.mark.parametrize(
    ("source", "target", "text", "wanted"),
    [
        ("jekyll", "hugo", "{% highlight ruby %}\nputs 1\n{% endhighlight %}\n", "```ruby\nputs 1\n```\n"),
        ("jekyll", "hugo", "[次]({% post_url 2025-04-02-ni %})", "[次](/2025/ni/)"),
        ("jekyll", "hugo", "![図]({{ site.baseurl }}/x.png)", "![図](/x.png)"),
        ("jekyll", "hugo", "## 見出し\n{: #midashi}\n", "## 見出し {#midashi}\n"),
        ("jekyll", "hugo", "[買う](/x){: .btn}", '<a href="/x" class="btn">買う</a>'),
        ("jekyll", "hugo", "{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("hugo", "jekyll", '[次]({{< ref "posts/ni.md" >}})', "[次](/2025/ni/)"),
        ("hugo", "jekyll", '{{< figure src="a.png" alt="図" >}}', "![図](/img/a.png)"),
        ("hugo", "jekyll", "本文 https://example.com/a です", "本文 <https://example.com/a> です"),
        ("hugo", "jekyll", "甲 | 乙", "甲 \\| 乙"),
        ("hugo", "jekyll", "段落\n## 見出し\n", "段落\n\n## 見出し\n"),
        ("hugo", "obsidian", "{{% notice tip %}}\n助け\n{{% /notice %}}", "> [!tip]\n> 助け"),
        ("hugo", "zenn", "{{< youtube abc >}}", "@[youtube](abc)"),
        ("hugo", "hexo", "{{< youtube abc >}}", "{% youtube abc %}"),
        ("hexo", "hugo", "{% post_link ni 続き %}", "[続き](/2025/ni/)"),
        ("hexo", "hugo", "{% codeblock lang:js %}\nx\n{% endcodeblock %}", "```js\nx\n```"),
        ("obsidian", "hugo", "[[二|続き]]と![[a.png|300]]", '[続き](/2025/ni/)と<img src="/img/a.png" alt="" width="300">'),
        ("obsidian", "hugo", "これは==大事==だ", "これは<mark>大事</mark>だ"),
        ("zenn", "hugo", "@[youtube](abc)", "{{< youtube abc >}}"),
        ("zenn", "obsidian", ":::details 題\n中\n:::", '<details class="callout"><summary class="callout-title">題</summary>'),
        ("here", "jekyll", "{漢字|かんじ}", "<ruby>漢字<rp>（</rp><rt>かんじ</rt><rp>）</rp></ruby>"),
        ("here", "zenn", "{漢字|かんじ}", "漢字（かんじ）"),
        ("here", "jekyll", "式 $x$ だ", "式 $$x$$ だ"),
        ("here", "hugo", "これは**「強い」**です", "これは<strong>「強い」</strong>です"),
        ("hugo", "hexo", "用語\n: 説明\n", "<dt>用語</dt>"),
    ],
)
def test_a_construct_becomes_that_of_the_other_generator(source: str, target: str, text: str, wanted: str) -> None:
    assert wanted in written(text, source, target)


@pytest.mark.parametrize("target", ["jekyll", "hugo", "hexo", "obsidian", "zenn"])
@pytest.mark.parametrize(
    "text",
    [
        "段落。\n\n- 一\n- 二\n",
        "```python\nx = {'a': 1}\n```\n",
        "**太字**と*斜体*と`code`\n",
        "> 引用\n\n[題](https://example.com/)\n",
    ],
)
def test_what_all_generators_read_alike_is_not_touched(target: str, text: str) -> None:
    assert written(text, "here", target) == text


def test_code_is_text_and_stays_what_it_is() -> None:
    text = "`[[二]]` と\n\n```\n{漢字|かんじ} ==x== https://example.com/\n```\n"

    assert written(text, "here", "jekyll") == text


def test_what_is_not_known_stays_and_is_named_with_its_line() -> None:
    translation = translate("一\n\n{{< mystery a=1 >}}\n", KINDS["hugo"], KINDS["obsidian"], Known())

    assert "{{< mystery a=1 >}}" in translation.text
    assert [(finding.code, finding.line) for finding in translation.findings] == [("foreign-template-code", 3)]


def test_a_link_to_nowhere_becomes_its_words() -> None:
    translation = translate('[続き]({{< ref "nai" >}})と[[ない頁]]', KINDS["hugo"], KINDS["jekyll"], Known())

    assert translation.text.startswith("続きと")
    assert [finding.code for finding in translation.findings] == ["reference-unresolved"]


def test_line_breaks_stay_where_readers_see_them() -> None:
    assert written("一行目\n二行目\n\n次\n", "zenn", "hugo") == "一行目  \n二行目\n\n次\n"
    assert written("一行目\n二行目\n\n次\n", "hugo", "zenn") == "一行目二行目\n\n次\n"


@pytest.mark.parametrize(
    "text", ["{{< " * 2000, "{% raw %}" * 500, "[" * 5000, "<div>\n\n" * 300, "> [!note]\n" * 300, ":::details\n" * 300]
)
def test_no_text_is_too_odd_to_be_translated(text: str) -> None:
    for source in KINDS:
        for target in ("jekyll", "hugo", "zenn"):
            assert isinstance(written(text, source, target), str)


def test_renderings_are_compared_by_what_they_say() -> None:
    assert find_difference("<p>“一”</p>", '<p class="x">"一"</p>') is None
    assert find_difference('<p><img src="/a.png"></p>', '<img src="/a.png" alt="">') is None
    difference = find_difference("<p>同じ。一</p>", "<p>同じ。二</p>")
    assert difference is not None
    assert (difference.one[-1], difference.other[-1]) == ("一", "二")
    assert line_of("題\n\n同じ。\n一", difference.before) == 3
