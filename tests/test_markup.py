"""Markdown to HTML: what readers see, what editors are told."""

import json
import re
import threading
import time

import pytest

from articles.markup import DEFAULT_FEATURES, FEATURES, GENERATOR_FEATURES, engines, render, render_lines
from articles.markup.document import Heading, Link, ResolvedMedia
from articles.markup.engines import Flavour
from articles.markup.limits import EngineFailed, TooComplex, call_bounded
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
    assert '<div class="scroller" role="group" tabindex="0" aria-label="表"><table>' in html
    assert '<td class="align-center">1</td>' in html
    assert html.rstrip().endswith("</table></div>")


@pytest.mark.parametrize("flavour", ["commonmark", "kramdown"])
def test_boxes_of_a_task_list_are_disabled_and_say_whether_they_are_done(flavour):
    html = render("- [x] 済\n- [ ] 未", flavour=flavour, features=NEW).html
    assert '<input type="checkbox" checked="" disabled="" aria-label="完了">' in html
    assert '<input type="checkbox" disabled="" aria-label="未完了">' in html
    english = render("- [x] a", flavour=flavour, features=NEW, language="en").html
    assert '<input type="checkbox" checked="" disabled="" aria-label="Done">' in english


def test_an_authors_box_says_nothing_but_whether_it_is_done():
    html = html_of('<input type="checkbox" aria-label="送信する"><input type="text" aria-label="x"><input type=image>')
    assert html.count("<input") == 1
    assert 'aria-label="未完了"' in html


@pytest.mark.parametrize(
    ("text", "flavour"),
    [
        ("```\nx\n```", "commonmark"),
        ("    x", "commonmark"),
        ("    x", "kramdown"),
        ("~~~ python\nx\n~~~", "kramdown"),
        ("{% highlight python %}\nx\n{% endhighlight %}", "kramdown"),
        ("<pre>x</pre>", "commonmark"),
        ("<pre tabindex=5 role=alert aria-label=x><b>x</b></pre>", "html"),
        ("> " * 3000 + "x", "commonmark"),
    ],
)
def test_code_that_scrolls_can_be_scrolled_by_keyboard_and_has_a_name(text, flavour):
    features = DEFAULT_FEATURES["jekyll"] | NEW
    assert ' tabindex="0" role="group" aria-label="コード">' in render(text, flavour=flavour, features=features).html
    assert "<pre" in render(text, flavour=flavour, features=features, language="en").html
    assert 'aria-label="Code"' in render(text, flavour=flavour, features=features, language="en").html


def test_what_is_compared_with_a_generator_has_nothing_that_only_pages_need():
    assert render("    x\n\n<pre><b>y</b></pre>", flavour="commonmark", features=NEW, faithful=True).html.count("tabindex") == 0


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
    assert '<math display="block" tabindex="0">' in html_of("$$\nx^2\n$$")
    assert "$x^$" in html_of("$x^$")
    assert codes_of("$x^$") == ["unreadable-formula"]
    assert html_of("$5 and $6", HUGO) == "<p>$5 and $6</p>\n"


def test_code_is_coloured_by_classes_and_an_unknown_language_stays_plain():
    assert '<span class="k">def</span>' in html_of("```python\ndef f(): pass\n```")
    named = ' data-language="nonsense" tabindex="0" role="group" aria-label="コード"'
    assert html_of("```nonsense\n<x>\n```") == f'<pre class="code"{named}><code>&lt;x&gt;\n</code></pre>\n'


def test_mermaid_stays_code():
    html = html_of("```mermaid\ngraph TD;\n```")
    assert html.startswith('<pre class="code" data-language="mermaid" tabindex="0"')
    assert "<code>graph TD;" in html


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


def test_footnotes_of_kramdown_have_only_roles_that_their_elements_may_have():
    html = render("文[^1]。\n\n[^1]: 注。\n", flavour="kramdown").html
    assert '<sup id="fnref:1">' in html
    assert '<li id="fn:1">' in html
    assert 'role="doc-endnotes"' in html


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
    assert rendered.html.startswith('<pre class="source" tabindex="0" role="group" aria-label="コード">')


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


def stumble(text, features):
    return text[len(text)]


def test_a_fault_of_the_engine_is_no_costly_text():
    with pytest.raises(EngineFailed, match="IndexError"):
        call_bounded(stumble, "x", frozenset())


def test_a_fault_in_the_helper_process_brings_its_traceback_along_and_the_next_text_is_served():
    results = []

    def work():
        try:
            call_bounded(stumble, "x", frozenset())
        except EngineFailed as failure:
            results.append(str(failure))
        results.append(call_bounded(answer, "字", frozenset()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert "in stumble" in results[0]
    assert "IndexError" in results[0]
    assert results[1:] == ["<p>字</p>"]


@pytest.mark.parametrize(
    ("flavour", "place", "name"), [("kramdown", engines.kramdown, "to_html"), ("commonmark", engines.comrak, "render_markdown")]
)
def test_a_fault_of_the_renderer_shows_the_source_tells_editors_and_is_logged(monkeypatch, caplog, flavour, place, name):
    monkeypatch.setattr(place, name, lambda *arguments: stumble("", ""))
    rendered = render("*本文* <b>\n\n二つ目", flavour=flavour, features=NEW, title="題")
    (finding,) = rendered.findings
    assert (finding.code, finding.severity) == ("render-failed", "error")
    assert "*本文* &lt;b&gt;\n\n二つ目" in rendered.html
    assert rendered.plain_text == "*本文* <b>\n二つ目"
    (record,) = caplog.records
    assert "IndexError" in record.getMessage()
    assert finding.params["digest"] in record.getMessage()
    assert "題" in record.getMessage()


def test_running_out_of_depth_is_no_fault(caplog):
    assert codes_of("> " * 3000 + "x") == ["too-complex"]
    assert not caplog.records


BLOCKS = GENERATOR_FEATURES["commonmark"] | {"block_attributes", "callouts"}


@pytest.mark.parametrize(
    ("heading", "tag", "text"),
    [
        ('## a {#x .note k="v w"}', '<h2 id="x" class="note">', "a"),
        ("## a {#x-y.z}", '<h2 id="x-y.z">', "a"),
        ('## a {id="foo" class="note tip"}', '<h2 id="foo" class="note tip">', "a"),
        ("## a{#x}", '<h2 id="x">', "a"),
        ("## a {#x} ##", '<h2 id="x">', "a"),
        ("## a { #x, .note }", '<h2 id="x" class="note">', "a"),
        ("## a {#_a_ .note}", '<h2 id="_a_" class="note">', "a"),
        ('## a *b* {#x title="it\'s"}', '<h2 id="x" title="it&#x27;s">', "a b"),
        ("a {#x}\n---", '<h2 id="x">', "a"),
        ("> ## a {#x}", '<h2 id="x">', "a"),
        ("- ## a {#x}", '<h2 id="x">', "a"),
        ("## a {}", '<h2 id="a">', "a"),
        ("## a {#}", '<h2 id="a">', "a"),
        ('## a {#x style="text-align:center"}', '<h2 id="x" class="align-center">', "a"),
        (r"## a \{#x}", '<h2 id="a-x">', "a {#x}"),
        ("## a `{#x}`", '<h2 id="a-x">', "a {#x}"),
        ("## a {#x} b", '<h2 id="a-x-b">', "a {#x} b"),
        ("## a {:#x}", '<h2 id="a-x">', "a {:#x}"),
        ("## a {x}", '<h2 id="a-x">', "a {x}"),
        ("## a {title='x'}", '<h2 id="a-titlex">', "a {title=‘x’}"),
    ],
)
def test_attributes_of_a_heading_are_read_as_hugo_reads_them(heading, tag, text):
    rendered = render(heading, flavour="commonmark", features=GENERATOR_FEATURES["commonmark"])
    assert tag.replace("&#x27;", "'") in rendered.html
    assert [entry.text for entry in rendered.outline] == [text]


@pytest.mark.parametrize("text", ["a {#x}\n\n---", "- a {#x}\n---", "```\n## a {#x}\n```", "| a {#x}\n|---|\n", "    ## a {#x}"])
def test_what_is_no_heading_keeps_its_braces(text):
    assert "{#x}" in html_of(text, GENERATOR_FEATURES["commonmark"])


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a\n{.note}", '<p class="note">a</p>'),
        ("a\nb\n{#x .note .tip lang=en}", '<p class="note tip" lang="en" id="x">a\nb</p>'),
        ("a\n{.note}\nb", '<p class="note">a</p>\n<p>b</p>'),
        ("- a\n- b\n{.note}", '<ul class="note">\n<li>a</li>'),
        ("1. a\n{.note}", '<ol class="note">\n<li>a</li>'),
        ("- a\n  {.note}\n- b", "<ul>\n<li>a\n</li>\n<li>b</li>"),
        ("- a\n\n  b\n  {.note}", '<p class="note">b</p>\n</li>'),
        ("- a\n  - b\n  {.note}", '<li>a\n<ul class="note">'),
        ("> a\n{.note}", '<blockquote class="note">\n<p>a</p>'),
        ("> a\n> {.note}", '<blockquote>\n<p class="note">a</p>'),
        ("> [!TIP]\n> a\n{.note}", '<div class="callout callout-tip note" role="note">'),
        ("|a|\n|-|\n|b|\n{.note}", '<table class="note">'),
        ("a\n: b\n{.note}", '<dl class="note">'),
        ("***\n{.note}", '<hr class="note">'),
        ("# a\n{.note}", 'class="note">a</h'),
        ("# a {.tip}\n{.note #x}", 'id="x" class="tip note">a</h'),
        ("a\n  {.note}", '<p class="note">a</p>'),
        ("a\n{.note\n.tip}", '<p class="note tip">a</p>'),
        ("a\n{.note}{.tip}", '<p class="note">a</p>'),
        ("a\n{.note}\n{.tip}", '<p class="note tip">a</p>'),
        ('a\n{style="text-align:right"}', '<p class="align-right">a</p>'),
        ("a\n{}", "<p>a</p>"),
        ("a\n\n{.note}\nb", "<p>a</p>\n<p>b</p>"),
        ("{.note}\nb", "<p>b</p>"),
        ("```\nx\n```\n{.note}", "</code></pre>\n"),
        ("a\n    {.note}", "<p>a\n{.note}</p>"),
        ("a {.note}", "<p>a {.note}</p>"),
        ("a\n{.note} b", "<p>a\n{.note} b</p>"),
        ("a\n{note}", "<p>a\n{note}</p>"),
        ("```\na\n{.note}\n```", "a\n{.note}\n</code>"),
        ("    a\n    {.note}", "a\n{.note}\n</code>"),
        ("<div>a</div>\n{.note}", "<div>a</div>\n{.note}"),
        ("<div>\n{.note}\n</div>", "<div>\n{.note}\n</div>"),
        ("a\n{.theirs}", "<p>a</p>"),
    ],
)
def test_attributes_of_a_block_belong_to_the_block_before_them(text, html):
    rendered = render(text, flavour="commonmark", features=BLOCKS)
    assert html in rendered.html
    assert "<!--" not in rendered.html


def test_a_line_in_braces_is_text_where_the_site_has_not_switched_block_attributes_on():
    assert html_of("a\n{.note}", GENERATOR_FEATURES["commonmark"]) == "<p>a\n{.note}</p>\n"


def test_attributes_of_a_block_pass_the_sanitiser_like_any_others():
    written = '{#csrfmiddlewaretoken onclick="alert(1)" style="position:fixed" title="\\"><script>" href="javascript:x"}'
    assert html_of(f"a\n{written}", BLOCKS) == '<p title="&quot;&gt;&lt;script&gt;" id="text-csrfmiddlewaretoken">a</p>\n'


@pytest.mark.parametrize(
    "text", ["> " * 20000 + "x\n{.a}", "<ul>" * 20000 + "\n\nx\n{.a}", "x\n{.a}\n" * 9000, "# {" + ".a" * 90000]
)
def test_attribute_lists_cost_no_more_than_their_length(text):
    assert render(text, flavour="commonmark", features=BLOCKS).html


def test_a_bare_address_without_a_scheme_is_taken_for_a_secure_one():
    assert 'href="https://www.example.com/x"' in html_of("www.example.com/x を見る")
    assert 'href="https://www.example.com"' in html_of("www.example.com", GENERATOR_FEATURES["commonmark"])
    assert 'href="http://www.example.com"' in html_of("http://www.example.com")


def test_what_is_left_of_a_japanese_host_is_no_link():
    assert html_of("http://日本.jp/パス", GENERATOR_FEATURES["commonmark"]) == "<p>http://日本.jp/パス</p>\n"


def test_a_colon_further_in_than_its_term_begins_no_definition():
    features = GENERATOR_FEATURES["commonmark"]
    assert html_of("項目\n : 値", features) == "<p>項目\n: 値</p>\n"
    assert "<dd>値</dd>" in html_of("項目\n: 値", features)
    assert "<dd>値</dd>" in html_of("- 項目\n  : 値", features)
    assert "項目\n : 値" in html_of("```\n項目\n : 値\n```", features)


PLAIN = DEFAULT_FEATURES["plain"]
OBSIDIAN = DEFAULT_FEATURES["obsidian"]


@pytest.mark.parametrize(
    ("text", "classes", "title"),
    [
        (":::note\n本文\n:::", "callout callout-note", "注記"),
        (":::tip[題]\n本文\n:::", "callout callout-tip", "題"),
        ("::: warning 題 名\n本文\n:::", "callout callout-warning", "題 名"),
        (":::note warn\n本文\n:::", "callout callout-warning", "警告"),
        (":::note alert\n本文\n:::", "callout callout-danger", "危険"),
        (":::caution{icon=x}\n本文\n:::", "callout callout-caution", "注意"),
        ('!!! warning "題"\n    本文\n', "callout callout-warning", "題"),
        ("!!! note\n    本文\n", "callout callout-note", "注記"),
    ],
)
def test_notices_of_generators_without_template_code_become_callouts(text, classes, title):
    html = html_of(text + "\n\n続き", PLAIN)
    assert f'<div class="{classes}" role="note">\n<p class="callout-title">{title}</p>\n\n<p>本文</p>\n</div>' in html
    assert html.rstrip().endswith("<p>続き</p>")


def test_folds_nest_and_hold_markdown():
    html = html_of("::::details 開く\n- a\n\n:::info\nb\n:::\n::::\n\n??? tip\n    c\n\n    !!! note\n        d\n", PLAIN)
    assert html.count("<details") == html.count("</details>") == 2
    assert html.count("<div") == html.count("</div>") == 2
    assert '<summary class="callout-title">開く</summary>\n<ul>' in html


def test_an_unknown_container_is_kept_shown_and_reported_with_its_line():
    rendered = render("x\n\n::: code-group\n```js\na\n```\n:::\n", flavour="commonmark", features=PLAIN)
    assert '<span class="template-code">::: code-group</span>' in rendered.html
    assert [(finding.code, finding.line) for finding in rendered.findings] == [("unknown-template-code", 3)]


@pytest.mark.parametrize(
    "text", ["```\n:::note\nx\n:::\n```", "    !!! note\n        x", "比率は 3:::2 だ", "すごい!!! note", ":::"]
)
def test_what_only_looks_like_a_notice_stays(text):
    assert "callout" not in html_of(text, PLAIN)


@pytest.mark.parametrize("text", ["[[toc]]", "[TOC]", "[[_TOC_]]", "@[toc](目次)"])
def test_a_mark_for_a_table_of_contents_leaves_nothing(text):
    assert html_of(f"a\n\n{text}\n\nb", PLAIN) == "<p>a</p>\n<p>b</p>\n"


def test_many_containers_cost_no_more_than_their_length():
    text = "".join(f"{':' * (3 + number % 50)}note\n" for number in range(30_000)) + ":::\n" * 30_000
    assert codes_of(text, PLAIN) == ["too-complex"]


def test_modules_and_components_of_mdx_are_marked_and_reported():
    text = (
        'import X from "../x";\nexport const a = {\n  b: 1,\n};\n\n# 題\n\n<X client:load>中身</X>\n\n{/* 注 */}\n\n`import y`\n'
    )
    rendered = render(text, flavour="commonmark", features=PLAIN | {"mdx"})
    assert '<span class="template-code">import X from' in rendered.html
    assert "中身" in rendered.html
    assert "注 */" not in rendered.html
    assert [finding.params["name"] for finding in rendered.findings] == ["import/export", "<X>"]


def test_shortcodes_of_zola_are_translated_or_reported():
    features = PLAIN | {"tera"}
    assert "watch?v=abc" in html_of('{{ youtube(id="abc", autoplay=true) }}', features)
    assert "<figcaption>図</figcaption>" in html_of('{{ figure(src="/a.png", caption="図") }}', features)
    rendered = render("{{ mystery(a=1) }}\n\n{% quote() %}\nx\n{% end %}\n", flavour="commonmark", features=features)
    assert [finding.params["name"] for finding in rendered.findings] == ["mystery", "quote", "end"]


def test_the_notation_of_hatena_becomes_pictures_cards_links_and_footnotes():
    features = PLAIN | {"hatena", "inline_footnotes"}
    html = html_of(
        "[:contents]\n\n前[f:id:kawara:20240506101112p:plain:alt=絵]後((注（補足）です))\n\n[https://example.com/a:embed:cite]\n\n"
        "[https://example.com/b:title=題]と`((x))`\n",
        features,
    )
    assert '<img src="https://cdn-ak.f.st-hatena.com/images/fotolife/k/kawara/20240506/20240506101112.png" alt="絵"' in html
    assert "注（補足）です <a" in html
    assert '<p class="embed"><a class="embed" href="https://example.com/a"' in html
    assert '<a href="https://example.com/b" rel="noopener">題</a>と<code>((x))</code>' in html
    assert "contents" not in html


@pytest.mark.parametrize(
    "picture", ['<img src="a.png" alt="絵">', '<a href="/b/"><img src="a.png" alt="絵"></a>', "![絵](a.png)"]
)
def test_a_caption_of_wordpress_becomes_a_figure(picture):
    rendered = render(f'[caption id="x" width="300"]{picture} 説明<b>[/caption]', flavour="commonmark", features=PLAIN)
    assert "<figure>" in rendered.html
    assert '<img src="a.png" alt="絵"' in rendered.html
    assert "<figcaption>説明&lt;b&gt;</figcaption></figure>" in rendered.html
    assert rendered.findings == []


@pytest.mark.parametrize("flavour", ["commonmark", "kramdown"])
def test_the_excerpt_ends_where_the_author_says_read_on(flavour):
    text = "一つ目。\n\n二つ目。\n\n<!-- more -->\n\n三つ目。\n"
    assert render(text, flavour=flavour, features=HUGO).excerpt == "一つ目。 二つ目。"
    assert render(text.replace("more", "other"), flavour=flavour, features=HUGO).excerpt == "一つ目。"
    assert render("`<!--more-->`\n\n本文", flavour=flavour, features=HUGO).excerpt.startswith("<!--more-->")
    assert render("<!--more-->\n\n本文", flavour=flavour, features=HUGO).excerpt == "本文"


@pytest.mark.parametrize(
    ("code", "kind", "title"),
    [
        ("{% note info %}", "info", "情報"),
        ("{% note success no-icon %}", "success", "成功"),
        ("{% note danger 題 %}", "danger", "題"),
        ("{% note 題 %}", "note", "題"),
        ("{% note default %}", "note", "注記"),
    ],
)
def test_the_first_word_of_a_notice_is_its_kind_or_its_title(code, kind, title):
    html = html_of(f"{code}\nx\n{{% endnote %}}", DEFAULT_FEATURES["hexo"])
    assert f'callout-{kind}" role="note">\n<p class="callout-title">{title}</p>' in html


def test_template_code_alone_in_a_paragraph_keeps_the_paragraph():
    assert html_of("{% mystery %}", DEFAULT_FEATURES["hexo"]) == '<p><span class="template-code">{% mystery %}</span></p>\n'


def test_an_obsidian_picture_has_the_size_that_its_text_ends_with():
    assert '<img src="a.png" alt="絵" width="200"' in html_of("![絵|200](a.png)", OBSIDIAN)
    assert '<img src="a.png" alt="" width="300" height="200"' in html_of("![300x200](a.png)", OBSIDIAN)
    assert 'alt="絵|200"' in html_of("![絵|200](a.png)", HUGO)


def test_any_sign_in_a_box_is_a_task_to_obsidian():
    assert html_of("- [/] 半ば\n- [ ] 未\n- [x] 済", OBSIDIAN).count("<input") == 3
    assert html_of("- [/] 半ば", HUGO).count("<input") == 0


def test_more_inline_footnotes_than_any_text_has_are_too_complex():
    assert codes_of("^[" * 100_000, OBSIDIAN) == ["too-complex"]


def test_a_footnote_may_stand_in_the_line():
    assert "fn-" in html_of("本文^[注]", OBSIDIAN)
    assert "^[注]" in html_of("本文^[注]", HUGO)


def test_the_caption_of_a_figure_is_markdown_and_its_alternative_text():
    html = html_of('{{< figure src="/a.png" caption="図の*説明* [出典](https://example.org)" attr="**撮影**" >}}', HUGO)
    assert "<figcaption>図の<em>説明</em> " in html
    assert '<a href="https://example.org" rel="noopener">出典</a>' in html
    assert "<strong>撮影</strong></figcaption>" in html
    assert 'alt="図の説明 出典"' in html
    assert 'alt=""' in html_of('{{< figure src="/a.png" caption="図" alt="" >}}', HUGO)
    assert "<figcaption>1. 一位 &lt;</figcaption>" in html_of('{{< figure src="/a.png" caption="1. 一位 <" >}}', HUGO)


def test_an_escaped_wikilink_is_text_also_in_code():
    assert html_of(r"\[[編集方針]] と `\[[編集方針]]`", resolver=Library()) == (
        "<p>[[編集方針]] と <code>\\[[編集方針]]</code></p>\n"
    )


def test_a_wikilink_to_a_place_in_a_note_reads_as_people_say_it():
    assert ">編集方針 &gt; 目的</a>" in html_of("[[編集方針#目的]]", resolver=Library())
    assert ">編集方針</a>" in html_of("[[編集方針#^abc]]", resolver=Library())
    assert ">別</a>" in html_of("[[編集方針#目的|別]]", resolver=Library())


@pytest.mark.parametrize("line", ["## 見出し", "- 項目", "1. 項目", "> * 項目"])
def test_a_stray_backtick_reaches_no_further_than_its_paragraph(line):
    html = html_of(f"閉じない ` 印\n{line}\n`` a`b `` を見る", GENERATOR_FEATURES["commonmark"])
    assert "<code>a`b</code>" in html


# --- Template code that listed posts ------------------------------------------------------------------------------------

LOOPED = """ようこそ。

{% assign all = site.posts | where: "lang", "ja" %}
{% for post in all %}
- [{{ post.title }}]({{ post.url }}) {% for tag in post.tags %}{{ tag }}{% endfor %}
{% endfor %}
{% if paginator.total_pages > 1 %}<a href="{{ paginator.next_page_path }}">次</a>{% endif %}

おわり。
"""


def test_a_loop_over_posts_is_left_out_and_reported_and_the_words_around_it_stay() -> None:
    rendered = render(LOOPED, flavour="kramdown", features=DEFAULT_FEATURES["jekyll"])
    assert rendered.plain_text.split() == ["ようこそ。", "おわり。"]
    assert not {"{", "%", "href"} & set(re.findall(r"[{%]|href", rendered.html))
    assert {finding.code for finding in rendered.findings} == {"post-list-left-out"}


def test_a_loop_over_anything_else_and_one_in_code_stay_as_they_stand() -> None:
    other = render("{% for n in (1..3) %}回{% endfor %}\n", flavour="kramdown", features=DEFAULT_FEATURES["jekyll"])
    assert other.html.count("template-code") == 2
    sample = render(
        "```liquid\n{% for post in site.posts %}\n{% endfor %}\n```\n", flavour="kramdown", features=DEFAULT_FEATURES["jekyll"]
    )
    assert "endfor" in sample.html
    assert not sample.findings


@pytest.mark.parametrize(
    ("text", "dialect", "flavour"),
    [
        ("[次へ]({{ page.next.url }})\n", "jekyll", "kramdown"),
        ('<a href="{{ page.next.url }}">次へ</a>\n', "jekyll", "kramdown"),
        ('<a href="{{ page.next.url }}"><b>次へ</b></a>\n', "jekyll", "html"),
        ("[次へ]({{< mystery >}})\n", "hugo", "commonmark"),
        ("[次へ](/a/{% mystery %}/)\n", "hexo", "commonmark"),
    ],
)
def test_no_link_leads_to_template_code(text: str, dialect: str, flavour: Flavour) -> None:
    rendered = render(text, flavour=flavour, features=DEFAULT_FEATURES[dialect])
    assert "href" not in rendered.html
    assert "次へ" in rendered.plain_text
    assert "unknown-template-code" in {finding.code for finding in rendered.findings}
