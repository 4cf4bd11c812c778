"""Markdown to HTML: what readers see, what editors are told."""

import json
import threading
import time

import pytest

from articles.markup import DEFAULT_FEATURES, FEATURES, render, render_lines
from articles.markup.document import Heading, Link, ResolvedMedia
from articles.markup.limits import TooComplex, call_bounded
from articles.markup.source import CodeMap, find_code
from articles.markup.text import cut

NEW = DEFAULT_FEATURES[""]
HUGO = DEFAULT_FEATURES["hugo"]
JEKYLL = DEFAULT_FEATURES["jekyll"] | DEFAULT_FEATURES[""]


class Library:
    """A site with one post and one picture."""

    def link(self, kind, target):
        return {
            "編集方針": "/2026/01/policy/",
            "posts/policy.md": "/2026/01/policy/",
            "/old/": "/new/",
            "2020-01-01-x": "/x/",
        }.get(target)

    def media(self, target):
        if target.endswith("desk.png"):
            return ResolvedMedia("/media/desk.abc.png", 800, 600)
        return ResolvedMedia("/media/report.pdf", is_image=False) if target.endswith("report.pdf") else None


def html_of(text, features=NEW, **options):
    return render(text, flavour="commonmark", features=frozenset(features), **options).html


def codes_of(text, features=NEW, **options):
    return [finding.code for finding in render(text, flavour="commonmark", features=frozenset(features), **options).findings]


def test_every_default_feature_is_a_known_feature():
    assert all(features <= FEATURES for features in DEFAULT_FEATURES.values())


def test_a_line_break_between_japanese_characters_is_no_space():
    assert html_of("日本の\n新聞") == "<p>日本の新聞</p>\n"
    assert html_of("日本の**太字**\n新聞") == "<p>日本の<strong>太字</strong>新聞</p>\n"
    assert html_of("a word\nanother") == "<p>a word\nanother</p>\n"
    assert html_of("한국\n신문") == "<p>한국\n신문</p>\n"


def test_a_line_break_in_code_stays():
    assert "一行\n二行" in html_of("```\n一行\n二行\n```")


def test_bold_beside_japanese_brackets_is_bold():
    assert html_of("これは**「大切」**です") == "<p>これは<strong>「大切」</strong>です</p>\n"


def test_heading_ids_are_readable_unique_and_explicit_ids_win():
    rendered = render("## 見出し　一つ\n\n## 見出し　一つ\n\n## 別 {#betsu}", flavour="commonmark", features=NEW)
    assert [heading.id for heading in rendered.outline] == ["見出し-一つ", "見出し-一つ-1", "betsu"]
    assert '<h2 id="betsu">別</h2>' in rendered.html


def test_a_heading_cannot_take_an_id_of_the_pages_own():
    assert 'id="text-csrfmiddlewaretoken"' in html_of("## x {#csrfmiddlewaretoken}")
    assert 'id="text-id_title"' in html_of('<p id="id_title">x</p>')


def test_headings_move_down_where_the_text_has_an_h1_of_its_own():
    rendered = render("# 一\n\n## 二", flavour="commonmark", features=NEW)
    assert rendered.outline == [Heading(2, "一", "一"), Heading(3, "二", "二")]
    assert "<h1" in render("# 一", flavour="commonmark", features=NEW, faithful=True).html


def test_an_h1_that_repeats_the_title_is_left_out_with_a_finding():
    rendered = render("# 題 名\n\n本文", flavour="commonmark", features=NEW, title="題名")
    assert rendered.html.strip() == "<p>本文</p>"
    assert rendered.outline == []
    assert [finding.code for finding in rendered.findings] == ["title-repeated"]


def test_a_table_scrolls_and_is_aligned_by_class():
    html = html_of("|a|b|\n|:-:|--:|\n|1|2|")
    assert '<div class="scroller" role="region" tabindex="0" aria-label="表"><table>' in html
    assert '<td class="align-center">1</td>' in html
    assert html.rstrip().endswith("</table></div>")


def test_a_task_list_has_disabled_boxes():
    assert html_of("- [x] 済").count('<input type="checkbox" checked="" disabled="">') == 1


def test_a_footnote_links_there_and_back():
    html = html_of("本文[^注]\n\n[^注]: 説明")
    assert 'href="#fn-%E6%B3%A8"' in html
    assert 'id="fn-%E6%B3%A8"' in html
    assert 'aria-label="本文の脚注番号へ戻る"' in html


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("> [!NOTE]\n> 本文", "注記"),
        ("> [!注意] 気をつける\n> 本文", "気をつける"),
        ("> [!注意]\n> 本文", "注意"),
        ("> [!独自]\n> 本文", "独自"),
    ],
)
def test_callouts_have_a_title_in_the_pages_language(source, title):
    assert f'<p class="callout-title">{title}</p>' in html_of(source)
    assert "<p>本文</p>" in html_of(source)


def test_a_folded_callout_becomes_details_and_callouts_nest():
    html = html_of("> [!tip]- 題\n> 本文\n>\n> > [!bug]+\n> > 中")
    assert '<details class="callout callout-tip"><summary class="callout-title">題</summary>' in html
    assert '<details class="callout callout-bug" open=""><summary class="callout-title">不具合</summary>' in html
    assert html.count("</details>") == 2
    assert "Tip" in html_of("> [!tip]\n> x", language="en")


def test_ruby_in_both_spellings():
    ruby = "<ruby>漢字<rp>（</rp><rt>かんじ</rt><rp>）</rp></ruby>"
    assert html_of("{漢字|かんじ}と｜漢字《かんじ》") == f"<p>{ruby}と{ruby}</p>\n"
    assert html_of("{東京|とう|きょう}").count("<rt>") == 2
    assert "<ruby>" not in html_of("`{漢字|かんじ}` と {a|b}")


def test_maths_is_mathml_and_an_unreadable_formula_stays_visible():
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in html_of("$x^2$")
    assert "$x^$" in html_of("$x^$")
    assert codes_of("$x^$") == ["unreadable-formula"]
    assert html_of("$5 and $6", HUGO) == "<p>$5 and $6</p>\n"


def test_code_is_coloured_by_classes_and_an_unknown_language_stays_plain():
    assert '<span class="k">def</span>' in html_of("```python\ndef f(): pass\n```")
    assert html_of("```nonsense\n<x>\n```") == '<pre class="code" data-language="nonsense"><code>&lt;x&gt;\n</code></pre>\n'


def test_mermaid_stays_code():
    assert html_of("```mermaid\ngraph TD;\n```").startswith('<pre class="code" data-language="mermaid"><code>graph TD;')


def test_wikilinks_are_resolved_and_recorded():
    rendered = render("[[編集方針|方針]]と[[未知]]と[[編集方針#目的]]", flavour="commonmark", features=NEW, resolver=Library())
    assert '<a class="wikilink" href="/2026/01/policy/">方針</a>' in rendered.html
    assert '<span class="unresolved">未知</span>' in rendered.html
    assert 'href="/2026/01/policy/#目的"' in rendered.html
    assert Link("wikilink", "未知") in rendered.links


def test_an_embedded_picture_gets_its_size_and_one_in_code_stays_text():
    assert '<img src="/media/desk.abc.png" alt="" width="400" height="300"' in html_of("![[desk.png|400]]", resolver=Library())
    assert "<code>![[desk.png]]</code>" in html_of("`![[desk.png]]`")
    assert html_of("![[編集方針]]", resolver=Library()).startswith('<p><a class="wikilink embed" href="/2026/01/policy/">')


def test_wikilinks_are_text_where_the_feature_is_off():
    assert html_of("[[x]]", HUGO) == "<p>[[x]]</p>\n"


def test_pictures_and_paths_are_offered_to_the_site():
    rendered = render(
        "![机](img/desk.png) [旧](/old/?a=1#b) [表](report.pdf)", flavour="commonmark", features=NEW, resolver=Library()
    )
    assert '<img src="/media/desk.abc.png" alt="机" width="800" height="600" loading="lazy" decoding="async">' in rendered.html
    assert 'href="/new/?a=1#b"' in rendered.html
    assert 'href="/media/report.pdf"' in rendered.html
    assert Link("path", "/old/", "b", "/new/") in rendered.links
    assert Link("image", "img/desk.png", "", "/media/desk.abc.png") in rendered.links


def test_links_to_other_sites_get_noopener_and_keep_sponsored():
    assert 'rel="noopener"' in html_of("[x](https://example.com/)")
    html = html_of('<a href="https://example.com" rel="sponsored opener nofollow" target="_blank">x</a>')
    assert 'rel="nofollow noopener sponsored"' in html
    assert "target" not in html


@pytest.mark.parametrize(
    ("source", "address", "rest"),
    [
        ("詳細はhttps://example.com/を見る", "https://example.com/", "を見る"),
        ("（https://example.com/a）と", "https://example.com/a", "）と"),
        ("「https://example.com」", "https://example.com", "」"),
        ("https://example.com/wiki/瓦版。", "https://example.com/wiki/瓦版", "。"),
    ],
)
def test_a_bare_address_ends_before_japanese_punctuation(source, address, rest):
    assert f">{address}</a>{rest}" in html_of(source)


def test_two_bare_addresses_with_a_japanese_comma_are_two_links():
    assert html_of("https://a.example/、https://b.example/").count("<a ") == 2


def test_a_link_written_out_is_not_cut():
    assert ">https://example.com/。x</a>" in html_of("[https://example.com/。x](https://example.com/。x)")


def test_a_range_with_tildes_is_no_deletion():
    assert html_of("10~20、30~40と~~削除~~") == "<p>10~20、30~40と<del>削除</del></p>\n"


def test_a_definition_list_keeps_several_terms_and_paragraphs():
    html = html_of("甲\n乙\n:   説明\n\n    続き\n")
    assert "<dt>甲</dt>\n<dt>乙</dt>" in html
    assert "<p>説明</p>" in html
    assert "<p>続き</p>" in html


def test_hugo_shortcodes_from_the_list_are_translated():
    html = html_of('{{< figure src="img/desk.png" alt="机" caption="編集部" >}}', HUGO, resolver=Library())
    assert html.startswith('<figure><img src="/media/desk.abc.png"')
    assert "<figcaption>編集部</figcaption>" in html
    assert 'href="https://www.youtube.com/watch?v=abc123"' in html_of("{{< youtube abc123 >}}", HUGO)
    assert 'href="/2026/01/policy/"' in html_of('[方針]({{< ref "posts/policy.md" >}})', HUGO, resolver=Library())
    assert '<span class="k">def</span>' in html_of("{{< highlight python >}}\ndef f(): pass\n{{< /highlight >}}", HUGO)
    assert "<p><strong>中</strong></p>" in html_of('{{< details summary="題" >}}\n**中**\n{{< /details >}}', HUGO)


def test_an_unknown_reference_keeps_its_text_and_is_recorded():
    rendered = render('[方針]({{< relref "no.md" >}})', flavour="commonmark", features=HUGO)
    assert rendered.html == '<p><span class="unresolved">方針</span></p>\n'
    assert rendered.links == [Link("relref", "no.md")]


def test_unknown_template_code_stays_visible_and_is_reported_with_its_line():
    rendered = render("一\n\n{{< mystery a=1 >}}\n", flavour="commonmark", features=HUGO)
    assert '<span class="template-code">{{&lt; mystery a=1 &gt;}}</span>' in rendered.html
    assert [(finding.code, finding.line, finding.params["name"]) for finding in rendered.findings] == [
        ("unknown-template-code", 3, "mystery")
    ]


def test_template_code_in_code_is_text():
    assert "<code>{{&lt; youtube x &gt;}}</code>" in html_of("`{{< youtube x >}}`", HUGO)
    assert "{{&lt; youtube x &gt;}}" in html_of("```\n{{</* youtube x */>}}\n```", HUGO)
    assert codes_of("```\n{{< mystery >}}\n```", HUGO) == []


def test_hexo_tags_from_the_list_are_translated():
    features = DEFAULT_FEATURES["hexo"]
    assert '<span class="k">def</span>' in html_of("{% codeblock lang:python %}\ndef f(): pass\n{% endcodeblock %}", features)
    assert '<img src="/media/desk.abc.png"' in html_of("{% asset_img desk.png 題 %}", features, resolver=Library())
    assert "<footer>編集部</footer></blockquote>" in html_of("{% blockquote 編集部 %}\n引用\n{% endblockquote %}", features)


def test_zenn_messages_and_embeds():
    html = html_of(":::message alert\n本文\n:::\n\n@[youtube](abc123)\n", DEFAULT_FEATURES["zenn"])
    assert '<div class="callout callout-warning" role="note">' in html
    assert "watch?v=abc123" in html


def test_obsidian_comments_are_not_shown():
    assert html_of("見え%%隠れ%%る `%%x%%`", DEFAULT_FEATURES["obsidian"]) == "<p>見える <code>%%x%%</code></p>\n"


def test_liquid_from_the_list_is_translated_before_kramdown_reads():
    rendered = render(
        "[x]({% post_url 2020-01-01-x %}) {{ site.baseurl }}/a\n\n{% raw %}{{ y }}{% endraw %}\n\n"
        "{% highlight ruby %}\nputs 1\n{% endhighlight %}\n",
        flavour="kramdown",
        features=JEKYLL,
        resolver=Library(),
    )
    assert 'href="/x/"' in rendered.html
    assert "{{ y }}" in rendered.html
    assert 'data-language="ruby"' in rendered.html
    assert rendered.findings == []


def test_an_iframe_of_an_allowed_host_becomes_a_link_and_another_is_reported():
    html = html_of('<iframe src="https://www.youtube.com/embed/abc123"></iframe>')
    assert 'href="https://www.youtube.com/watch?v=abc123"' in html
    assert "<iframe" not in html
    assert codes_of('<iframe src="https://evil.example/"></iframe>') == ["iframe-dropped"]


def test_the_excerpt_is_the_first_paragraph_that_is_not_the_title():
    rendered = render("題名\n\n![](a.png)\n\n本文です。" + "字" * 300, flavour="commonmark", features=NEW, title="題名")
    assert rendered.excerpt.startswith("本文です。")
    assert len(rendered.excerpt) == 200
    assert rendered.excerpt.endswith("…")


def test_an_excerpt_does_not_cut_an_english_word():
    assert cut("word " * 60).endswith("word…")


def test_plain_text_leaves_out_code_readings_and_footnote_marks():
    rendered = render("{漢字|かんじ}[^1]です\n\n```\ncode\n```\n\n[^1]: 注", flavour="commonmark", features=NEW)
    assert rendered.plain_text == "漢字です\n注"
    assert rendered.character_count == 5


def test_html_is_sanitised_only():
    rendered = render("<h2>見出し</h2><p onclick=x>*本文*</p>", flavour="html")
    assert rendered.html == '<h2 id="見出し">見出し</h2><p>*本文*</p>'


def test_a_style_attribute_is_left_out_with_a_finding():
    assert html_of('<p style="color:red">x</p>') == "<p>x</p>\n"
    assert codes_of('<p style="color:red">x</p>') == ["style-dropped"]
    assert 'class="align-center"' in html_of('<p style="text-align: center">x</p>')


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "\ufdd00\ufdd1",
        "\ufdd2[[x]]",
        "[[",
        "![[",
        "{{<",
        "{%",
        ">" * 500,
        "*" * 999,
        "$" * 99,
        "[!",
        "> [!",
        "|" * 99,
        "｜《》",
    ],
)
def test_any_text_renders_with_every_feature(text):
    for flavour in ("commonmark", "kramdown", "html"):
        assert isinstance(render(text, flavour=flavour, features=FEATURES).html, str)


@pytest.mark.parametrize(
    "text",
    ["> " * 3000 + "x", "".join(f"{'  ' * depth}- x\n" for depth in range(600)), "<div>" * 9000, "<b>" * 9000, "<pre>" * 9000],
)
def test_deep_nesting_is_too_complex_and_shows_its_source(text):
    rendered = render(text, flavour="commonmark", features=NEW)
    assert [finding.code for finding in rendered.findings] == ["too-complex"]
    assert rendered.html.startswith('<pre class="source">')


def test_nested_messages_are_too_complex_and_not_slow():
    assert codes_of(":::message\n" * 9000, DEFAULT_FEATURES["zenn"]) == ["too-complex"]


def test_generics_in_prose_are_not_too_deep():
    assert "too-complex" not in codes_of("Vec<T> と " * 300)


def sleep_long(text, features):
    time.sleep(30)
    return text


def answer(text, features):
    return f"<p>{text}</p>"


def recurse(text, features):
    return recurse(text, features)


def test_a_slow_engine_is_ended_in_the_main_thread():
    with pytest.raises(TooComplex):
        call_bounded(sleep_long, "x", frozenset(), 0.05)


def test_an_engine_without_depth_left_is_too_complex():
    with pytest.raises(TooComplex):
        call_bounded(recurse, "x", frozenset())


def test_a_slow_engine_is_ended_in_a_thread_and_the_next_text_is_served():
    results = []

    def work():
        try:
            call_bounded(sleep_long, "x", frozenset(), 0.05)
        except TooComplex:
            results.append("ended")
        results.append(call_bounded(answer, "字", frozenset()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert results == ["ended", "<p>字</p>"]


def test_code_is_found_in_fences_and_spans():
    text = "a `b` c\n\n```\n`d\n```\n``e ` f`` `g"
    assert [text[start:end] for start, end in find_code(text)] == ["`b`", "```\n`d\n```", "``e ` f``"]
    assert CodeMap(text).region_at(3) == (2, 5)
    assert CodeMap(text).region_at(0) is None


def test_code_keeps_its_language_in_whatever_order_the_engine_writes_its_attributes():
    rendered = {render('```yml title="設定"\n題: 1\n```\n', flavour="commonmark").html for _time in range(30)}
    assert len(rendered) == 1
    assert 'data-language="yml"' in rendered.pop()


def test_render_lines_answers_every_line(tmp_path):
    (tmp_path / "in.jsonl").write_text(json.dumps({"path": "a.md", "markdown": "# 題", "html": ""}) + "\n", encoding="utf-8")
    assert render_lines(tmp_path / "in.jsonl", tmp_path / "out.jsonl", "commonmark") == 1
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8")) == {"path": "a.md", "html": '<h1 id="題">題</h1>\n'}


def test_template_code_in_an_html_text_is_translated_and_what_is_unknown_is_named():
    text = '<p><a href="{% post_url 2020-01-01-x %}">x</a></p>\n    <p>{% raw %}{{ a }}{% endraw %}</p>\n<p>{% unknown %}</p>\n'

    rendered = render(text, flavour="html", features=frozenset({"liquid"}), resolver=Library())

    assert '<a href="/x/">x</a>' in rendered.html
    assert "<p>{{ a }}</p>" in rendered.html
    assert [(finding.code, finding.line) for finding in rendered.findings] == [("unknown-template-code", 3)]


def test_codes_that_wordpress_left_in_a_text_are_named_once():
    text = 'a\n\n[gallery ids="1,2"]\n\n[gallery ids="3"]\n\n`[audio src="x"]` and [a link](x "title=\'y\'") and [note="x"]\n'

    rendered = render(text, flavour="commonmark", features=frozenset())

    assert [(finding.code, finding.line, finding.params["name"]) for finding in rendered.findings] == [
        ("unknown-template-code", 3, "gallery")
    ]
