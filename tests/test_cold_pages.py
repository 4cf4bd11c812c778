"""What is drawn once in a process, or written without its template, has the bytes that the templates give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.template import Context, Engine, TemplateSyntaxError
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation

from articles import site_settings
from articles.models import MediaFile, Post, SiteLink, SiteSettings
from articles.site.listing import as_cards, attach_credits
from articles.templatetags import card_tags, site_tags
from articles.templatetags.card_tags import card
from tests.factories import PostFactory, SeriesFactory, make_newsroom

pytestmark = pytest.mark.django_db
ARGUMENTS: tuple[dict[str, Any], ...] = (
    {"level": 3},
    {"level": 2, "text": "always", "picture": True, "place": "entry", "loads": "eager"},
    {"level": 3, "text": "without-picture", "picture": True},
)


@pytest.fixture
def posts(media_root: Any) -> list[Post]:
    """Cards of every kind: with covers, series, other languages, paid links, notes of staff, marks that have to be escaped."""
    make_newsroom()
    PostFactory(title='A <b> & "c"', path="/a'b&c/", custom_excerpt="<i> & 'x'", language="en", authors=["O'Neil & Söhne"])
    PostFactory(
        title="頁", path="/page/", kind=Post.Kind.PAGE, published_at=None, series=SeriesFactory(name="連載<>"), series_order=0
    )
    PostFactory(title="短い", path="/short/", excerpt="", custom_excerpt="", body="")
    rows = list(as_cards(Post.objects.all()))
    attach_credits(rows)
    rows[0].staff_note = "読者には<まだ>"  # type: ignore[attr-defined]
    return rows


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("label", ["", "広告<br>"])
def test_a_card_has_the_bytes_of_its_template(posts: list[Post], language: str, label: str) -> None:
    site = site_settings.Settings(version=1, name="瓦版", description="", advertising_label_short=label)
    shown = {"language": language, "site": site}
    for post in posts:
        for arguments in ARGUMENTS:
            with translation.override(language):
                drawn = render_to_string("articles/_partials/card.html", {**shown, "post": post, **arguments})
                assert card(Context(shown), post, **arguments) == drawn


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("words", [(), ("前の記事 <&>",), ("前へ", "prev")])
def test_a_link_to_another_article_has_the_bytes_of_its_template(
    posts: list[Post], language: str, words: tuple[str, ...]
) -> None:
    for spoken in ("ja", "en"):
        shown = {"language": language, "interface_language": spoken, "site_language": "ja"}
        for post in posts:
            with translation.override(spoken):
                named = dict(zip(("label", "rel"), words, strict=False))
                drawn = render_to_string(card_tags.STEP, {**shown, "other": post, **named})
                assert card_tags.step(Context(shown), post, *words) == drawn


def test_a_theme_that_has_a_card_or_a_part_of_it_is_asked_for_each(posts: list[Post], tmp_path: Path, settings: Any) -> None:
    for name in card_tags.TEMPLATES:
        folder = tmp_path / Path(name).stem
        file = folder / "templates" / name
        file.parent.mkdir(parents=True)
        file.write_text("他の{{ post.title }}")
        settings.THEME_DIR = folder
        assert card_tags.is_themed(*card_tags.TEMPLATES), name
    settings.THEME_DIR = tmp_path / "none"
    assert not card_tags.is_themed(*card_tags.TEMPLATES)


def _pages(client: Client) -> dict[str, bytes]:
    found = {}
    for language in ("", "en"):
        for post in Post.objects.published().filter(language=language)[:6]:
            found[post.get_absolute_url()] = client.get(post.get_absolute_url()).content
    for page in (
        "/",
        "/feeds/",
        "/categories/くらし/",
        "/categories/開発者/",
        "/tags/",
        "/tags/ai/",
        "/2026/11/",
        "/nothing/",
        "/search/?q=AI",
    ):
        found[page] = client.get(page).content
    return found


def _set(number: int, **fields: Any) -> SiteSettings:
    site = SiteSettings.objects.create(number=number, **fields)
    site_settings.forget()
    return site


def _versions() -> Iterator[None]:
    """The site as it comes, under two versions of its settings, and with a section less."""
    yield
    site = _set(1, name="青い瓦版", copyright="© 瓦版", logo=MediaFile.objects.first())
    SiteLink.objects.create(settings=site, place="navigation", position=0, label="AI", address="/tags/ai/")
    SiteLink.objects.create(settings=site, place="footer", position=0, label="約束", address="/promise/")
    site_settings.forget()
    yield
    _set(2, name="赤い瓦版", paper_light="#ffffff")
    yield
    Post.objects.filter(postcategory__category__name="くらし").update(state=Post.State.WITHDRAWN)
    site_settings.forget()
    yield


def test_what_is_remembered_is_what_would_be_drawn(posts: list[Post], client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    for _version in _versions():
        remembered = _pages(client)
        with monkeypatch.context() as patch:
            patch.setattr(site_tags.RememberedNode, "render", lambda self, context: self.nodelist.render(context))
            drawn.append(_pages(client))
        assert remembered == drawn[-1]
    assert len({_frame(pages["/feeds/"]) for pages in drawn}) == 4


def _frame(body: bytes) -> tuple[bytes, bytes]:
    """What stands before a page's own matter, and after it."""
    return body.partition(b'<main id="main"')[0].partition(b"<body>")[2], body.rpartition(b"</main>")[2]


def test_a_block_may_not_be_remembered() -> None:
    text = "{% load site_tags %}{% remember site %}{% block a %}{% endblock %}{% endremember %}"
    with pytest.raises(TemplateSyntaxError, match="holds no block"):
        Engine(libraries={"site_tags": "articles.templatetags.site_tags"}).from_string(text)


def test_what_a_place_keeps_is_bounded() -> None:
    text = "{% load site_tags %}{% remember word %}{{ word }}{% endremember %}"
    made = Engine(libraries={"site_tags": "articles.templatetags.site_tags"}).from_string(text)
    for number in range(site_tags.MAX_DRAWN * 2 + 3):
        assert made.render(Context({"word": f"w{number}"})) == f"w{number}"
    node = made.nodelist.get_nodes_by_type(site_tags.RememberedNode)[0]
    assert len(node.drawn) <= site_tags.MAX_DRAWN  # type: ignore[attr-defined]
