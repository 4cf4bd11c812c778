"""Cards that other sites show beside links: how a title is set, which letters are drawn, when they are made and for whom."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from PIL import Image

from articles import cards, variants
from articles.checks import check_card_font
from articles.editorial import workflow
from articles.library import add_media, sweep
from articles.media import cards as drawing
from articles.media.cards import LEFT, NOT_FIRST, NOT_LAST, PALETTE, RIGHT, CardText, draw_card, legible, set_title, split_phrases
from articles.media.fonts import Face, NoFont, find_faces
from articles.models import Author, Category, Post, PostCard
from tests.factories import HEADLINES, MediaFileFactory, PostFactory
from tests.folders import public_path
from tests.test_variants import photograph

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]

TITLES = [
    *(title for title, _section, _author in HEADLINES),
    "円安が小さな出版社に与えた、見えにくい三つの影響について現場の声を集めた（上）、そして次の一年に備えて編集部ができること",
    "「「「入れ子」」」の、かぎ括弧。そして……三点リーダー──ダッシュ",
    "Kubernetes 1.31 で Pod が落ちる原因を調べて分かった、12 の落とし穴と回避策（後編）",
    "Where articles live: keeping manuscripts as files for the next hundred years, and then some more of them",
    "とても長い題名" * 40,
    "https://example.jp/" + "a" * 300,
    "。" * 300,
    "（" * 300,
    "ー",
]


@pytest.fixture(scope="module")
def faces() -> tuple[Face, ...]:
    """The fonts of this machine; the tests are skipped where it has no Japanese one."""
    try:
        return find_faces()
    except NoFont as missing:
        pytest.skip(f"{missing} On Debian: apt install fonts-ipaexfont-gothic")


def opened(card: PostCard) -> Image.Image:
    return Image.open(io.BytesIO(public_path(card.name).read_bytes()))


# --- How a title is set ---


@pytest.mark.parametrize("title", TITLES)
def test_no_line_is_wider_than_its_place_and_none_is_lost_below(title: str, faces: tuple[Face, ...]) -> None:
    setting = set_title(title, faces)
    pen = drawing._Pen(None, faces)
    assert all(pen.measure(line, setting.size) <= RIGHT - LEFT for line in setting.lines)
    assert len(setting.lines) * setting.size * drawing.LEADING <= drawing.TITLE_BOTTOM - drawing.TITLE_TOP
    shown = "".join(setting.lines).replace(" ", "")
    if setting.is_cut:
        assert shown.endswith("…")
        assert title.replace(" ", "").startswith(shown[:-1])
    else:
        assert shown == title.replace(" ", "")


@pytest.mark.parametrize(
    "title", [title for title in TITLES if set(title) - NOT_FIRST - NOT_LAST and not title.startswith("http")]
)
def test_no_line_begins_or_ends_with_a_sign_that_may_not_stand_there(title: str, faces: tuple[Face, ...]) -> None:
    lines = set_title(title, faces).lines
    assert not [line for line in lines[1:] if line[0] in NOT_FIRST]
    assert not [line for line in lines[:-1] if line[-1] in NOT_LAST]


def test_a_title_breaks_between_phrases_and_never_within_a_word(faces: tuple[Face, ...]) -> None:
    setting = set_title("円安が小さな出版社に与えた、見えにくい三つの影響について現場の声を集めた", faces)
    assert setting.lines == ("円安が小さな出版社に与えた、", "見えにくい三つの影響について", "現場の声を集めた")
    words = ["Where", "articles", "live:", "keeping", "manuscripts", "as", "files"]
    assert [part.strip() for part in split_phrases(" ".join(words))] == words
    assert all("Kubernetes" in part for part in split_phrases("新しいKubernetesの話") if "K" in part)


def test_lines_are_even_so_that_no_word_stands_alone_on_the_last(faces: tuple[Face, ...]) -> None:
    setting = set_title("再生可能エネルギーの出力制御、九州で何が起きているのか", faces)
    pen = drawing._Pen(None, faces)
    widths = [pen.measure(line, setting.size) for line in setting.lines]
    assert min(widths) > max(widths) * 0.5


def test_the_ellipsis_follows_no_comma_and_no_opening_bracket(faces: tuple[Face, ...]) -> None:
    pen = drawing._Pen(None, faces)
    for width in range(80, 700, 13):
        cut = pen.shorten("瓦版、編集部（経済）、校閲班「文化」、くらし班", 30, width)
        assert pen.measure(cut, 30) <= width
        assert not cut.endswith(("、…", "（…", "「…"))


# --- Which letters are drawn ---


def test_emoji_and_signs_that_no_font_has_are_left_out_and_never_drawn_as_boxes(faces: tuple[Face, ...]) -> None:
    assert legible("🎉新機能🚀のお知らせ👨‍👩‍👧‍👦❤️\u200b", faces) in ("新機能のお知らせ", "新機能のお知らせ❤")
    assert legible("一\n二　三\t四\x00", faces) == "一 二 三 四"
    for sign in "\ue000\U000f0000\U0010ffff":
        assert not any(face.has(sign) for face in faces)


def test_a_title_that_would_lose_a_letter_gets_no_card(faces: tuple[Face, ...]) -> None:
    rare = next(chr(code) for code in range(0x2A6D0, 0x20000, -1) if not any(face.has(chr(code)) for face in faces))
    for title in (f"{rare}野家の朝", "مرحبا بالعالم", "🎉🎉", "", " \u200b "):
        assert legible(title, faces) is None
        assert draw_card(CardText(title), faces) is None
    assert draw_card(CardText("朝", byline=f"{rare}田"), faces) is not None


def test_every_letter_of_a_card_has_a_glyph(faces: tuple[Face, ...]) -> None:
    pen = drawing._Pen(None, faces)
    text = legible("髙島屋と﨑、Ångström と Ωμέγα と Привет、①㈱", faces) or ""
    assert text
    assert all(face.has(letter) for face, part in pen.runs(text) for letter in part)
    # The probe itself: a letter that the first face lacks is told from one that it has.
    assert faces[0].has("漢")
    assert not faces[0].has("\U0010fffe")


def test_a_card_has_the_size_that_sites_ask_for_and_the_look_of_its_section(faces: tuple[Face, ...]) -> None:
    looks = set()
    for colour in range(len(PALETTE)):
        data = draw_card(CardText("記事はどこに住むのか", "技術動向", "瓦版編集部", "瓦版", colour), faces)
        assert data is not None
        image = Image.open(io.BytesIO(data))
        assert (image.format, image.size) == ("PNG", (1200, 630))
        assert len(data) < 60_000
        looks.add(image.convert("RGB").getpixel((5, 300)))
    assert len(looks) == len(PALETTE)


# --- Fonts ---


def test_a_font_that_is_none_or_has_no_japanese_letters_is_refused_by_name(tmp_path: Path, settings: Any) -> None:
    false = tmp_path / "no.ttf"
    false.write_bytes(b"no font")
    with pytest.raises(NoFont, match=r"no\.ttf, which cannot be read"):
        find_faces(str(false))
    settings.CARD_FONT = str(false)
    (warning,) = check_card_font(None)
    assert warning.id == "kawaraban.W004"
    assert "apt install" in str(warning.hint)


def test_without_a_japanese_font_nothing_is_made_and_pages_stand(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    def find_none(chosen: str = "") -> tuple[Face, ...]:
        raise NoFont("No font with Japanese letters was found.")

    for module in ("articles.cards", "articles.checks", "articles.management.commands.make_cards"):
        monkeypatch.setattr(f"{module}.find_faces", find_none)
    post = PostFactory()
    assert not cards.is_waiting()
    assert cards.make_waiting() == 0
    assert cards.make_card(post.pk)
    assert PostCard.objects.get().name == ""
    html = Client().get(post.get_absolute_url()).content.decode()
    assert "og:image" not in html
    assert '<meta name="twitter:card" content="summary">' in html
    assert check_card_font(None)[0].id == "kawaraban.W004"
    with pytest.raises(CommandError, match="fonts-morisawa-bizud-gothic"):
        call_command("make_cards")


# --- When they are made ---


@pytest.mark.usefixtures("faces")
def test_the_head_of_a_page_names_the_card_with_its_size_and_its_words() -> None:
    post = PostFactory(title="二文字の検索", categories=["開発者"], authors=["開発班"])
    assert cards.make_waiting() == 1
    html = Client().get(post.get_absolute_url()).content.decode()
    card = PostCard.objects.get()
    assert re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{16}/_card\.png", card.name)
    assert f'<meta property="og:image" content="http://testserver/media/{card.name}">' in html
    assert '<meta property="og:image:width" content="1200">\n<meta property="og:image:height" content="630">' in html
    assert '<meta property="og:image:alt" content="二文字の検索">' in html
    assert '<meta name="twitter:card" content="summary_large_image">' in html
    assert f'"image": ["http://testserver/media/{card.name}"]' in html
    answer = Client().get(f"/media/{card.name}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert b"".join(answer)
    assert opened(card).size == (1200, 630)


@pytest.mark.usefixtures("faces")
def test_a_cover_comes_first_cropped_by_its_focal_point_as_soon_as_that_is_made() -> None:
    media = add_media(photograph((1500, 1500)), "表紙.jpg", alt="夕暮れの倉庫")
    post = PostFactory(cover=media, cover_alt="")
    page = lambda: Client().get(post.get_absolute_url()).content.decode()  # noqa: E731
    assert 'og:image:width" content="1500"' in page()
    variants.make_waiting()
    html = page()
    assert "/_1-card-50-50-1200.jpg" in html
    assert 'og:image:width" content="1200">\n<meta property="og:image:height" content="630"' in html
    assert 'og:image:alt" content="夕暮れの倉庫"' in html
    cards.make_waiting(everything=True)
    assert not PostCard.objects.exclude(name="").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("faces")
def test_publishing_and_a_new_title_have_the_card_made_and_the_old_one_goes() -> None:
    post = workflow.save_post(Post(), None, {"title": "はじめの題", "body": "本文。"})
    assert not DBTaskResult.objects.filter(task_path="articles.tasks.make_card").exists()
    post = workflow.publish(post, None)
    assert DBTaskResult.objects.filter(task_path="articles.tasks.make_card").count() == 1
    call_command("worker", "--once")
    first = PostCard.objects.get().name
    assert first
    workflow.save_post(post, None, {"title": "次の題"})
    call_command("worker", "--once")
    second = PostCard.objects.get().name
    assert second not in ("", first)
    assert not public_path(first).exists()
    workflow.withdraw(Post.objects.get(), None)
    call_command("worker", "--once")
    assert PostCard.objects.get().name == ""
    assert not public_path(second).exists()


@pytest.mark.usefixtures("faces")
def test_a_save_that_changes_nothing_on_the_card_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    post = PostFactory()
    cards.make_waiting()
    before = PostCard.objects.get().name
    monkeypatch.setattr(cards, "draw_card", lambda *_arguments: pytest.fail("drawn again"))
    Post.objects.filter(pk=post.pk).update(modified_at=timezone.now() + timedelta(seconds=1))
    assert cards.make_waiting() == 1
    assert PostCard.objects.get().name == before
    assert not cards.is_waiting()


@pytest.mark.usefixtures("faces")
def test_drafts_posts_in_the_trash_and_withdrawn_ones_have_no_card_and_scheduled_ones_an_unguessable_one() -> None:
    PostFactory(state=Post.State.DRAFT)
    PostFactory(state=Post.State.WITHDRAWN)
    PostFactory(trashed_at=timezone.now())
    assert not cards.is_waiting()
    waits = PostFactory(state=Post.State.SCHEDULED, published_at=timezone.now() + timedelta(days=1), title="同じ題")
    other = PostFactory(title="同じ題")
    assert cards.make_waiting() == 2
    names = {card.post_id: card.name for card in PostCard.objects.all()}
    assert names[waits.pk]
    assert names[waits.pk] != names[other.pk]
    assert names[waits.pk] not in Client().get("/").content.decode() + Client().get("/rss.xml").content.decode()


@pytest.mark.usefixtures("faces")
def test_sections_differ_in_colour_and_what_lies_below_one_looks_like_it() -> None:
    roots = [Category.objects.create(name=name) for name in ("政策", "くらし")]
    below = Category.objects.create(name="食", parent=roots[1])
    for section in (*roots, below):
        PostFactory(categories=[section])
    cards.make_waiting()
    colours = [opened(card).convert("RGB").getpixel((5, 300)) for card in PostCard.objects.order_by("post_id")]
    assert colours[0] != colours[1] == colours[2]


@pytest.mark.usefixtures("faces")
def test_the_command_makes_an_archive_and_finds_what_a_new_name_changed(capsys: pytest.CaptureFixture[str]) -> None:
    long_ago = timezone.now() - timedelta(days=900)
    author = Author.objects.create(name="古い名")
    for _number in range(3):
        PostFactory(authors=[author], modified_at=long_ago)
    assert not cards.is_waiting()
    call_command("make_cards", "--limit", "2")
    assert PostCard.objects.exclude(name="").count() == 2
    call_command("make_cards")
    before = set(PostCard.objects.values_list("name", flat=True))
    assert len(before) == 3
    call_command("make_cards")
    assert set(PostCard.objects.values_list("name", flat=True)) == before
    Author.objects.update(name="新しい名")
    call_command("make_cards", "--all")
    assert not set(PostCard.objects.values_list("name", flat=True)) & before


@pytest.mark.usefixtures("faces")
def test_a_store_that_refuses_leaves_the_page_without_a_card_and_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    post = PostFactory()

    def refuse(name: str, data: bytes) -> None:
        raise OSError(28, "No space left on device", name)

    monkeypatch.setattr(cards, "store_derived", refuse)
    assert cards.make_waiting() == 1
    assert "No space left on device" in caplog.text
    assert PostCard.objects.get().findings[0]["code"] == "card-failed"
    assert "og:image" not in Client().get(post.get_absolute_url()).content.decode()
    assert not cards.is_waiting()
    monkeypatch.undo()
    PostCard.objects.update(until=timezone.now() - timedelta(minutes=1))
    assert cards.make_waiting() == 1
    assert PostCard.objects.get().name


@pytest.mark.usefixtures("faces")
def test_the_card_of_a_post_that_is_gone_is_swept_up() -> None:
    kept, gone = PostFactory(), PostFactory()
    cards.make_waiting()
    names = {card.post_id: card.name for card in PostCard.objects.all()}
    Post.objects.filter(pk=gone.pk).delete()
    sweep(stored_before=timezone.now() + timedelta(minutes=1))
    assert not public_path(names[gone.pk]).exists()
    assert public_path(names[kept.pk]).exists()


@pytest.mark.usefixtures("faces")
def test_a_page_with_a_card_costs_four_queries(django_assert_num_queries: Any) -> None:
    post = PostFactory(categories=["くらし"], authors=["くらし班"])
    PostFactory()
    cards.make_waiting()
    with django_assert_num_queries(4):
        assert b"og:image" in Client().get(post.get_absolute_url()).content


def test_nothing_is_drawn_while_somebody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    post = PostFactory()
    monkeypatch.setattr(cards, "draw_card", lambda *_arguments: pytest.fail("drawn in a request"))
    for path in ("/", post.get_absolute_url(), "/rss.xml"):
        assert Client().get(path).status_code == 200


def test_a_cover_without_a_known_size_names_none() -> None:
    post = PostFactory(cover=MediaFileFactory(width=0, height=0))
    html = Client().get(post.get_absolute_url()).content.decode()
    assert "og:image:width" not in html
    assert 'property="og:image"' in html
