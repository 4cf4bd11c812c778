"""Themes: templates and static files that come before the site's own, what is said of broken ones, what the guide promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.checks import ERROR, WARNING, CheckMessage

from articles import checks
from tests.factories import PostFactory

ROOT = Path(__file__).resolve().parent.parent
GUIDES = [ROOT / "docs" / "theming.md", ROOT / "docs" / "theming.ja.md"]
_FILE = re.compile(r"^`((?:templates|static)/[^`]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"\{% block (\w+)")


def read_example(guide: Path) -> dict[str, str]:
    """The files of the theme in a guide, by their path."""
    return dict(_FILE.findall(guide.read_text(encoding="utf-8")))


def write_theme(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@pytest.fixture
def theme(settings, tmp_path):
    """Puts a theme of the given files into use, as ``THEME_DIR`` does."""

    def use(files: dict[str, str | bytes]) -> Path:
        folder = write_theme(tmp_path / "theme", files)
        settings.THEME_DIR = folder
        # A folder that is not there makes no difference to either.
        first = {**django_settings.TEMPLATES[0], "DIRS": [folder / "templates", ROOT / "templates"]}
        settings.TEMPLATES = [first]
        settings.STATICFILES_DIRS = [folder / "static", ROOT / "static"] if (folder / "static").is_dir() else [ROOT / "static"]
        return folder

    return use


def complaints(level: int) -> list[CheckMessage]:
    return [message for message in checks.check_theme(None) if message.level == level]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_theme_of_the_guide_is_whole_and_has_no_fault(theme, guide):
    files = read_example(guide)
    assert set(files) == {
        "templates/base.html",
        "templates/articles/post.html",
        "templates/theme/letters.html",
        "static/theme/accent.css",
    }
    theme(files)
    assert checks.check_theme(None) == []


@pytest.mark.django_db
@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_theme_of_the_guide_changes_its_blocks_and_nothing_else(client, theme, guide):
    post = PostFactory(authors=["経済班"], tags=["電力"])
    plain = client.get(post.path).content.decode()
    theme(read_example(guide))
    themed = client.get(post.path).content.decode()
    assert '<link rel="stylesheet" href="/static/theme/accent.css">' in themed
    assert '<p class="meta signed">' in themed
    assert "文・経済班" in themed
    assert themed.index("お便りをお寄せください") < themed.index('<footer class="after">')
    assert "電力" in themed
    begin, end = '<div class="prose">', '<footer class="after">'
    assert plain.partition(begin)[2].partition(end)[0].strip() in themed
    assert client.get("/no-such-page/").content.decode().count("theme/accent.css") == 1


@pytest.mark.django_db
def test_a_theme_changes_the_articles_of_every_list(client, theme):
    theme({"templates/articles/_partials/card.html": _extending("articles/_partials/card.html", "card_meta", "<p>目印</p>")})
    for _number in range(3):
        PostFactory(tags=["電力"])
    assert client.get("/tags/電力/").content.decode().count("<p>目印</p>") == 3
    assert client.get("/").content.decode().count("<p>目印</p>") == 2  # beside the lead


@pytest.mark.django_db
def test_a_theme_changes_the_links_below_an_article(client, theme):
    theme({"templates/articles/_partials/step.html": "<li>目印 {{ label }} {{ other.title }}</li>"})
    PostFactory(title="前の話")
    post = PostFactory(title="次の話")
    assert "<li>目印 前の記事 前の話</li>" in client.get(post.get_absolute_url()).content.decode()


@pytest.mark.django_db
def test_without_a_theme_nothing_is_checked_and_nothing_added(client):
    assert django_settings.THEME_DIR is None
    assert checks.check_theme(None) == []


def _extending(name: str, block: str, text: str = "") -> str:
    return f'{{% extends "{name}" %}}\n{{% block {block} %}}{text}{{% endblock %}}\n'


@pytest.mark.parametrize(
    ("files", "said", "hint"),
    [
        (
            {"templates/articles/post.html": '{% extends "articles/post.html" %}\n\n{% block byline %}{% endblok %}'},
            "articles/post.html, line 3: Invalid block tag",
            "Correct it",
        ),
        (
            {"templates/articles/post.html": _extending("articles/posts.html", "byline")},
            "there is no template 'articles/posts.html'",
            "Did you mean 'articles/post.html'?",
        ),
        (
            {"templates/articles/post.html": _extending("articles/post.html", "byline", '{% include "theme/mine.html" %}')},
            "line 2: there is no template 'theme/mine.html'",
            "",
        ),
        (
            {"templates/base.html": _extending("base.html", "theme", '{% load static %}{% static "accent.css" %}')},
            "line 2: there is no static file 'accent.css'",
            "Put it into",
        ),
        (
            {"templates/base.html": _extending("base.html", "theme", "あ").encode("cp932")},
            "base.html is no text in UTF-8",
            "Save it as UTF-8",
        ),
        ({"templates/admin/base.html": "<p>x</p>"}, "admin/base.html would take the place of a template that", "another name"),
        ({"templates/admin/index.html": "<p>x</p>"}, "belongs to the desk", "another name"),
        ({"notes.txt": "x"}, "holds neither templates/ nor static/", "docs/theming.md"),
    ],
)
def test_what_would_break_a_page_is_an_error_with_its_place_and_remedy(theme, files, said, hint):
    theme(files)
    (error,) = complaints(ERROR)
    assert said in error.msg
    assert hint in (error.hint or "")


@pytest.mark.parametrize("block", ["bylin", "by_line", "article_heder"])
def test_a_block_that_no_page_has_is_a_warning_that_names_the_nearest(theme, block):
    theme({"templates/articles/post.html": _extending("articles/post.html", block, "x")})
    assert complaints(ERROR) == []
    (warning,) = complaints(WARNING)
    assert f"line 2: no page has a block '{block}'" in warning.msg
    assert warning.hint == ("Did you mean 'article_header'?" if block.startswith("article") else "Did you mean 'byline'?")


def test_a_new_block_inside_a_known_one_is_drawn_and_needs_no_warning(theme):
    theme({"templates/articles/post.html": _extending("articles/post.html", "byline", "{% block mine %}{% endblock %}")})
    assert checks.check_theme(None) == []


def test_a_template_under_a_mistyped_name_is_a_warning_that_names_the_nearest(theme):
    theme({"templates/articles/pots.html": "<p>x</p>", "templates/.DS_Store": b"\x00\xff"})
    (warning,) = checks.check_theme(None)
    assert "articles/pots.html takes the place of no template" in warning.msg
    assert warning.hint == "Did you mean 'articles/post.html'?"


def test_a_theme_that_is_not_there_is_an_error_with_its_remedy(settings, tmp_path):
    settings.THEME_DIR = tmp_path / "nowhere"
    (error,) = checks.check_theme(None)
    assert "cannot be read: No such file or directory" in error.msg
    assert "leave THEME_DIR out" in error.hint


def test_a_theme_that_may_not_be_read_is_an_error(theme, monkeypatch):
    folder = theme({"static/theme/accent.css": ""})

    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    (error,) = checks.check_theme(None)
    assert error.msg == f"THEME_DIR ({folder}) cannot be read: Permission denied: {folder / 'static/theme/accent.css'}."


def test_static_files_that_nobody_gathered_are_told_of_before_the_pages_fail(theme, settings, tmp_path):
    theme({"static/theme/accent.css": ""})
    assert checks.check_theme_is_gathered(None) == []
    manifest = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    settings.STATIC_ROOT = tmp_path / "gathered"
    settings.STORAGES = {**django_settings.STORAGES, "staticfiles": manifest}
    (warning,) = checks.check_theme_is_gathered(None)
    assert "theme/accent.css" in warning.msg
    assert "collectstatic" in warning.hint


# --- What the guides promise ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_guide_names_every_block_of_every_template(guide):
    listed = {}
    for row in re.findall(r"^\| `([\w/]+\.html)` \| .+? \| (.+) \|$", guide.read_text(encoding="utf-8"), re.MULTILINE):
        listed[row[0]] = re.findall(r"`(\w+)`", row[1])
    public = [path for path in (ROOT / "templates").rglob("*.html") if "admin" not in path.parts]
    names = {path.relative_to(ROOT / "templates").as_posix(): path for path in public}
    blocks = {name: _BLOCK.findall(path.read_text(encoding="utf-8")) for name, path in names.items()}
    assert listed == {name: found for name, found in blocks.items() if found}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_guide_names_every_token(guide):
    sheet = (ROOT / "static/css/tokens.css").read_text(encoding="utf-8")
    tokens = re.findall(r"(--[\w-]+):", sheet.partition(":root {")[2].partition("}")[0])
    assert re.findall(r"^\| `(--[\w-]+)` \|", guide.read_text(encoding="utf-8"), re.MULTILINE) == tokens


def test_both_guides_have_the_same_theme():
    assert read_example(GUIDES[0]) == read_example(GUIDES[1])
