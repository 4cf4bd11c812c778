"""Nothing active reaches a page, and no word is lost without a word about it."""

import re

import lxml.html
import pytest

from articles.markup import FEATURES, render
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
