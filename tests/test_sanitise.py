"""Nothing active reaches a page, and no word is lost without a word about it."""

import re
from unittest.mock import patch

import lxml.html
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from articles.markup import FEATURES, render
from articles.markup import sanitise as sanitising
from articles.markup.page import Page
from articles.markup.sanitise import sanitise

ACTIVE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    "<math><mi xlink:href=javascript:alert(1)>x</mi><annotation-xml><script>alert(1)</script></annotation-xml></math>",
    "<template><s><template><s><img src=x onerror=alert(1)></template>",
    "[a](javascript:alert(1)) [b](JaVaScRiPt&colon;alert(1)) [c](&#106;avascript:alert(1)) [d](data:text/html,x) [e](vbscript:x)",
    "<a href=\"java\tscript:alert(1)\">x</a><a href=' javascript:alert(1)'>y</a><a href='\x01javascript:alert(1)'>z</a>",
    "<form action=//evil.example><input name=q autofocus onfocus=alert(1)><button formaction=javascript:x>go</button></form>",
    "<object data=x></object><embed src=x><base href=//evil.example><meta http-equiv=refresh><link href=x>",
    '```"><script>alert(1)</script>\nx\n```',
    "$\\href{javascript:alert(1)}{x}$ $\\text{<img src=x onerror=alert(1)>}$ $\\style{position:fixed}{x}$",
    "## x {#y onclick=alert(1) style=position:fixed}",
    '[[javascript:alert(1)|x]] ![[x" onerror="alert(1).png]]',
    "> [!<script>alert(1)</script>] x\n> y",
    "{<b onclick=alert(1)>漢|かん} ｜<i onclick=x>漢《かん》",
    '{{< figure src="javascript:alert(1)" alt=\'"><script>alert(1)</script>\' >}} {{< youtube "\\"><script>" >}}',
    "<video src=javascript:alert(1) onplay=x></video><a href=x ping=//evil.example style='background:url(x)'>y</a>",
    '<details open ontoggle=alert(1)><p title="a>b" onclick=alert(1) id=csrfmiddlewaretoken>x',
    '![x](data:image/svg+xml,<svg/onload=alert(1)>) <img src="x" srcset="//evil.example 1x">',
    ":::note[<img src=x onerror=alert(1)>]\nx\n:::\n\n::: details <script>alert(1)</script>\nx\n:::\n",
    ":::<svg/onload=alert(1)>\n:::x<svg/onload=alert(1)>\n",
    '!!! note "<script>alert(1)</script>"\n    x\n\n??? <img/src=x/onerror=alert(1)> "x"\n    y\n',
    '[f:id:ab:20240506101112p:plain:alt="><img src=x onerror=alert(1)>] [https://x"onmouseover=alert(1):embed:cite]',
    "[javascript:alert(1):embed] [https://x:title=<script>alert(1)</script>] ((<img src=x onerror=alert(1)>))",
    '[caption id="x"]<img src=x onerror=alert(1)>"><script>alert(1)</script>[/caption]',
    'x\n{onclick=alert(1) .note style="position:fixed" title="\\"><script>alert(1)</script>" href="javascript:alert(1)"}',
    'import x from "<script>alert(1)</script>"\n\n<X onClick={alert(1)} href="javascript:alert(1)">y</X>',
    '{{ figure(src="javascript:alert(1)", alt="\'><script>alert(1)</script>") }} {% x(<script>) %}',
    '![a|300" onerror="alert(1)](x) ![<script>|20](y)',
    '<input type=checkbox aria-label="x" onfocus=alert(1) autofocus> <pre tabindex=0 onfocus=alert(1) role="alert">x</pre>',
]
FORBIDDEN = {
    "script",
    "iframe",
    "object",
    "embed",
    "form",
    "style",
    "base",
    "meta",
    "link",
    "svg",
    "template",
    "button",
    "textarea",
    "select",
}


def assert_is_inert(html):
    for element in lxml.html.fragment_fromstring(html, create_parent="div").iter():
        assert element.tag not in FORBIDDEN
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            assert name not in {
                "style",
                "srcset",
                "ping",
                "formaction",
                "autofocus",
                "name",
                "target",
            }
            if name in {"href", "src"}:
                scheme, colon, _rest = value.strip().partition(":")
                assert not colon or "/" in scheme or scheme.lower() in {"http", "https", "mailto", "tel"}
            assert name != "id" or value != "csrfmiddlewaretoken"


@pytest.mark.parametrize("text", ACTIVE)
@pytest.mark.parametrize("flavour", ["commonmark", "kramdown", "html"])
def test_nothing_active_survives(text, flavour):
    assert_is_inert(render(f"{text}\n\nAFTER", flavour=flavour, features=FEATURES).html)


@pytest.mark.parametrize("text", ACTIVE)
@pytest.mark.parametrize("flavour", ["commonmark", "kramdown", "html"])
def test_sanitising_a_page_again_changes_nothing(text, flavour):
    html = render(f"{text}\n\nAFTER", flavour=flavour, features=FEATURES).html
    page = Page(frozenset(), ids=set(re.findall(r' id="([^"]*)"', html)))
    assert sanitise(page, html, has_raw_html=False) == html


@pytest.mark.parametrize("flavour", ["commonmark", "kramdown"])
def test_rendering_is_the_same_every_time(flavour):
    text = '- [x] 済\n\n|a|\n|:-|\n|b|\n\n![x](y.png "z") $x^2$'
    assert len({render(text, flavour=flavour, features=FEATURES).html for _ in range(20)}) == 1


@pytest.mark.parametrize(
    "tag", ["template", "math", "svg", "select", "textarea", "title", "noscript", "xmp", "plaintext", "button", "object"]
)
def test_the_text_after_an_unclosed_element_is_not_lost(tag):
    rendered = render(f"<p>前</p>\n<{tag}>中\n\n後の段落\n", flavour="commonmark", features=FEATURES)
    assert "後の段落" in rendered.plain_text
    assert "words-lost" not in [finding.code for finding in rendered.findings]


def test_lost_words_are_reported_with_their_number():
    rendered = render("前\n\n<!-- 開いたまま\n\n失われる言葉\n", flavour="commonmark", features=FEATURES)
    lost = [finding for finding in rendered.findings if finding.code == "words-lost"]
    assert len(lost) == 1
    assert lost[0].params["words"] == 11


def test_a_closed_comment_is_no_loss():
    assert render("前<!-- メモ -->後", flavour="commonmark", features=FEATURES).findings == []


def test_a_style_element_is_left_out_with_a_finding():
    rendered = render("<style>p{display:none}</style>\n\n本文", flavour="commonmark", features=FEATURES)
    assert [finding.code for finding in rendered.findings] == ["style-dropped"]
    assert rendered.plain_text == "本文"


def test_an_author_cannot_give_out_an_id_twice_or_hide_one():
    html = render('## 甲\n\n<p id="甲">x</p><p title="a>b" id="乙">y</p>', flavour="commonmark", features=FEATURES).html
    assert html.count('id="甲"') == 1
    assert "乙" not in html


def test_classes_come_from_a_fixed_set():
    html = render('<p class="admin-overlay note">x</p>', flavour="commonmark", features=FEATURES).html
    assert html == '<p class="note">x</p>\n'


def test_template_code_in_an_attribute_leaves_no_mark():
    features = frozenset({"liquid"})
    html = render('<p id="{{ page.x }}" title="{{ page.y }}">x</p>', flavour="kramdown", features=features).html
    assert not any("\ufdd0" <= character <= "\ufdef" for character in html)


def test_a_text_field_becomes_no_input():
    assert "<input" not in render('<input type="text" name="q">', flavour="html").html


@pytest.mark.parametrize(
    ("text", "flavour"), [("- [ ] x", "kramdown"), ('<p class="theirs">x</p>\n\n{: .theirs}\ny', "kramdown")]
)
def test_of_a_class_that_no_stylesheet_here_knows_nothing_is_left(text, flavour):
    html = render(text, flavour=flavour, features=FEATURES).html
    assert "class=" not in html.replace('class="task-list-item"', "")


def test_a_text_about_an_empty_class_stays_as_it_is():
    assert '<code>&lt;p class=""&gt; class=""</code>' in render('`<p class=""> class=""`', flavour="commonmark").html


NOT_THE_ENGINES = [
    "<script>",
    "<p onclick=alert(1)>x</p>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="&#106;avascript:x">x</a>',
    '<a href="//elsewhere.example/">x</a>',
    '<a href="/a" onclick="x">x</a>',
    '<img src="data:image/svg+xml,x" alt="" loading="lazy" decoding="async">',
    '<h2 id="a"style="x">x</h2>',
    '<span class="embed-host">x</span>',
    "a < b",
    "<p",
    "<p>x</p><!-- -->",
    '<a href="/a">x<a href="/b">y</a></a>',
]


@pytest.mark.parametrize("html", NOT_THE_ENGINES)
def test_html_that_no_engine_writes_goes_through_the_cleaner(html):
    assert not sanitising._is_engines_own(html)


_FRAGMENTS = st.sampled_from(
    [
        '本文 **「強調」** と `code` と "quotes" & < > &nbsp; &lt;b&gt;\n\n',
        '## 見出し & "題"\n\n',
        "- [ ] 箱\n- 項目\n  1. 中\n\n",
        "3. 三\n4. 四\n\n",
        "| a | b |\n|:-:|--:|\n| 1 | 2 |\n\n",
        "[語](https://example.org/?a=1&b=2 \"題 'x'\") と [内](/a/b/#c) と <https://example.org/語>\n\n",
        "https://example.org/a?b=1&amp;c を見る\n\n",
        "[外 https://example.org/x 側](https://example.net/)\n\n",
        '![絵 "x"](https://example.org/a.png) ![b](/b.png)\n\n',
        '```python\nx = "<b>"\n```\n\n',
        '```a"b&c\n\n\nx\n```\n\n',
        "> 引用\n> > 中\n\n---\n\n",
        "語\n: 説明\n\n",
        "脚注[^1]\n\n[^1]: 注\n\n",
        "行末  \n次\u00a0の行\n\n",
        "$a < b$ と ~~消す~~ と ==印==\n\n",
    ]
)


@settings(deadline=None)
@given(st.lists(_FRAGMENTS, max_size=8), st.sampled_from(["commonmark", "kramdown"]))
def test_passing_the_engines_html_on_gives_what_the_cleaner_gives(fragments, flavour):
    text = "".join(fragments)
    rendered = render(text, flavour=flavour, features=FEATURES - {"typographer"})
    with patch.object(sanitising, "_is_engines_own", lambda html: False):
        cleaned = render(text, flavour=flavour, features=FEATURES - {"typographer"})
    assert rendered.html == cleaned.html
