"""Smaller copies of pictures: how they are made, by whom, how pages offer them, and that nothing of it waits for a reader."""

from __future__ import annotations

import io
import re
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from PIL import ExifTags, Image, ImageCms, features

from articles import claims, variants
from articles.claims import claim
from articles.derive import save_derived
from articles.library import add_media, sweep
from articles.media import variants as encoding
from articles.media.variants import SHAPES, NoVariants, PictureSource
from articles.models import Author, MediaFile, PictureVariants, Post
from articles.pictures import FULL, SQUARE, WIDE, Picture, names_in, names_of, place_pictures, write_picture
from articles.replacing import replace_file, restore_version
from articles.transfer.importing import import_archive
from articles.transfer.undoing import undo_import
from tests.factories import PostFactory
from tests.folders import original_path, public_path
from tests.pictures import draw
from tests.test_admin_screens import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]

TOKYO_TOWER = {1: "N", 2: (35.0, 39.0, 31.0), 3: "E", 4: (139.0, 44.0, 44.0)}


def photograph(size: tuple[int, int] = (2400, 1600), kind: str = "JPEG", **options: Any) -> bytes:
    """A picture with much in it, as a camera makes them."""
    noise = Image.effect_noise((size[0] // 4, size[1] // 4), 60).resize(size, Image.Resampling.BICUBIC)
    ramp = Image.linear_gradient("L").resize(size)
    output = io.BytesIO()
    Image.merge("RGB", (noise, ramp, noise.transpose(Image.Transpose.FLIP_LEFT_RIGHT))).save(output, kind, **options)
    return output.getvalue()


def halves(size: tuple[int, int] = (1600, 400)) -> bytes:
    """Red on the left, blue on the right, as a lossless picture."""
    image = Image.new("RGB", size, (220, 20, 20))
    image.paste((20, 20, 220), (size[0] // 2, 0, *size))
    output = io.BytesIO()
    image.save(output, "PNG", compress_level=0)
    return output.getvalue()


def stored(media: MediaFile) -> dict[str, Image.Image]:
    """The variants of a picture as they lie on the disk, by their names."""
    row = PictureVariants.objects.get(media=media)
    return {name: Image.open(io.BytesIO(public_path(name).read_bytes())) for name in names_of(media.public_name, row.shapes)}


def show(body: str, **values: Any) -> Post:
    post = PostFactory(body=body, **values)
    save_derived(post)
    return post


# --- What is made ---


def test_a_photograph_gets_three_formats_in_four_widths_with_its_own_shape() -> None:
    media = add_media(photograph(), "倉庫.jpg")
    assert variants.make_waiting() == 1
    found = stored(media)
    sizes = {(image.format, *image.size) for image in found.values()}
    wanted = [(480, 320), (800, 533), (1200, 800), (1600, 1067)]
    assert sizes == {(kind, *size) for kind in ("AVIF", "WEBP", "JPEG") for size in wanted}
    assert all(re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{16}/_1-[0-9]+\.(avif|webp|jpg)", name) for name in found)
    assert not variants.is_waiting()
    assert variants.make_waiting() == 0


def test_no_variant_says_where_the_picture_was_taken_and_the_original_still_does() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "PRIVATE-NAME"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(TOKYO_TOWER)
    media = add_media(photograph((900, 600), exif=exif, comment=b"PRIVATE-COMMENT"), "塔.jpg")
    PostFactory(cover=media)
    variants.make_waiting()
    original = Image.open(io.BytesIO(original_path(media.sha256).read_bytes()))
    assert original.getexif().get_ifd(ExifTags.IFD.GPSInfo)[2] == TOKYO_TOWER[2]
    for name, image in stored(media).items():
        assert not image.getexif(), name
        assert "icc_profile" not in image.info, name
        assert b"PRIVATE" not in public_path(name).read_bytes(), name


@pytest.mark.parametrize("orientation", range(1, 9))
def test_variants_stand_upright_whatever_way_the_camera_was_held(orientation: int) -> None:
    upright = Image.open(io.BytesIO(halves((800, 500)))).convert("RGB")
    turned = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }[orientation]
    held = upright
    for step in turned:
        held = held.transpose(step)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    output = io.BytesIO()
    held.save(output, "JPEG", exif=exif, quality=100)
    source = PictureSource(output.getvalue())
    first = next(source.encode(FULL))
    copy = Image.open(io.BytesIO(first.data)).convert("RGB")
    assert (copy.size, source.size) == ((800, 500), (800, 500))
    assert copy.getpixel((50, 250))[0] > 150
    assert copy.getpixel((750, 250))[2] > 150


def test_crops_keep_the_focal_point_in_sight_and_follow_it() -> None:
    media = add_media(halves(), "帯.png")
    PostFactory(cover=media)
    MediaFile.objects.filter(pk=media.pk).update(focus_x=100)
    variants.make_waiting()
    wide = [image.convert("RGB") for name, image in stored(media).items() if "_1-wide-100-50-" in name]
    assert wide
    assert all(abs(image.width / image.height - 16 / 9) < 0.02 for image in wide)
    assert all(image.getpixel((5, image.height // 2))[2] > 150 for image in wide)
    before = set(stored(media))
    MediaFile.objects.filter(pk=media.pk).update(focus_x=0)
    assert variants.make_waiting() == 1
    after = stored(media)
    assert all(image.convert("RGB").getpixel((5, 5))[0] > 150 for name, image in after.items() if "-wide-" in name)
    left = before - set(after)
    assert left
    assert not any(public_path(name).exists() for name in left)


def test_only_covers_are_cut_for_cards_and_only_portraits_squarely() -> None:
    plain, cover, portrait = (add_media(photograph((700 + number, 500)), f"{number}.jpg") for number in range(3))
    PostFactory(cover=cover)
    Author.objects.create(name="瓦版編集部", picture=portrait)
    variants.make_waiting()
    shapes = {media.pk: set(PictureVariants.objects.get(media=media).shapes) for media in (plain, cover, portrait)}
    assert shapes == {plain.pk: {FULL}, cover.pk: {FULL, WIDE, "card"}, portrait.pk: {FULL, SQUARE}}
    PostFactory(cover=plain)
    assert variants.make_waiting() == 1
    assert WIDE in PictureVariants.objects.get(media=plain).shapes


@pytest.mark.parametrize("name", ["icon", "gif", "apng", "webp", "svg"])
def test_icons_drawings_and_what_moves_stay_as_they_are(name: str) -> None:
    frames = [Image.effect_noise((600, 400), 20 + number).convert("RGB") for number in range(3)]
    output = io.BytesIO()
    if name == "icon":
        data, file = draw(1, (64, 64)), "icon.png"
    elif name == "svg":
        data, file = b'<svg xmlns="http://www.w3.org/2000/svg" width="600" height="400"><path d="M0 0h9"/></svg>', "図.svg"
    else:
        kind = {"gif": "GIF", "apng": "PNG", "webp": "WEBP"}[name]
        frames[0].save(output, kind, save_all=True, append_images=frames[1:], duration=100)
        data, file = output.getvalue(), f"動.{kind.lower()}"
    media = add_media(data, file)
    post = show(f"![図]({media.url})", cover=media)
    variants.make_waiting()
    assert PictureVariants.objects.get(media=media).shapes == {}
    assert not variants.is_waiting()
    html = Client().get(post.get_absolute_url()).content.decode()
    assert "<picture>" not in html
    assert f'src="{media.url}"' in html


def test_no_variant_is_larger_than_the_picture_itself() -> None:
    flat = Image.new("P", (1000, 700))
    output = io.BytesIO()
    flat.save(output, "PNG", optimize=True)
    media = add_media(output.getvalue(), "表.png")
    variants.make_waiting()
    assert all(public_path(name).stat().st_size < media.size for name in stored(media))


def test_what_is_transparent_stays_so_and_gets_no_colour_behind_it() -> None:
    image = Image.new("RGBA", (900, 600), (0, 0, 0, 0))
    image.paste(Image.effect_noise((450, 600), 80).convert("RGBA"), (0, 0))
    output = io.BytesIO()
    image.save(output, "PNG")
    media = add_media(output.getvalue(), "切り抜き.png")
    variants.make_waiting()
    row = PictureVariants.objects.get(media=media)
    assert set(row.shapes[FULL]) == {"stem", "avif", "webp"}
    assert row.tone == ""
    assert all(image.convert("RGBA").getpixel((image.width - 5, 5))[3] == 0 for image in stored(media).values())


def test_a_wide_gamut_is_brought_to_the_colours_of_every_screen() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    odd = PictureSource(photograph((600, 400), icc_profile=profile))
    assert odd.base.mode == "RGB"
    assert not odd.base.info
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = PictureSource(photograph((600, 400), icc_profile=plain))
    assert Image.open(io.BytesIO(next(source.encode(FULL)).data)).info.get("icc_profile") is None


def test_a_picture_of_too_many_dots_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = photograph((800, 600))
    monkeypatch.setattr(encoding, "MAX_PIXELS", 1000)
    with pytest.raises(ValueError, match="800"):
        PictureSource(data)


def test_a_cut_off_picture_is_no_crash_and_what_is_no_picture_has_no_variants() -> None:
    with pytest.raises(ValueError, match="truncated"):
        PictureSource(photograph((800, 600))[:2000])
    with pytest.raises(NoVariants):
        PictureSource(b"%PDF-1.7")


def test_a_panorama_is_cropped_from_dots_that_it_has() -> None:
    source = PictureSource(photograph((6000, 800)))
    first = next(source.encode(WIDE))
    assert (first.width, first.height, source.base.height) == (1280, 720, 720)


def test_the_colour_that_stands_in_for_a_picture_is_a_class_of_the_style_sheet() -> None:
    css = Path("static/css/lists.css").read_text(encoding="utf-8")
    tones = {f"tone-{shade}-{colour}" for _limit, shade in encoding._TONES for colour in ("grey", "warm", "green", "blue")}
    assert set(re.findall(r"\.(tone-[a-z-]+)", css)) == tones
    for colour in ("white", "black", "red", "navy", "olive", "skyblue", "pink", "gray"):
        output = io.BytesIO()
        Image.new("RGB", (300, 300), colour).save(output, "PNG")
        assert PictureSource(output.getvalue()).tone in tones


# --- Pages ---


def test_a_page_shows_the_plain_copy_until_there_are_variants_and_offers_them_as_soon_as_there_are() -> None:
    media = add_media(photograph(), "倉庫.jpg")
    post = show(f"前文。\n\n![倉庫街]({media.url})\n", cover=None)
    client, path = Client(), post.get_absolute_url()
    before = client.get(path).content.decode()
    assert f'<img src="{media.url}" alt="倉庫街" width="2400" height="1600"' in before
    assert "<picture>" not in before
    html_stored = post.body_html
    variants.make_waiting()
    after = client.get(path).content.decode()
    folder = media.url.rpartition("/")[0]
    assert f'<picture><source type="image/avif" srcset="{folder}/_1-480.avif 480w, ' in after
    assert f'<source type="image/webp" srcset="{folder}/_1-480.webp 480w, ' in after
    assert 'width="2400" height="1600"' in after
    assert 'alt="倉庫街"' in after
    for address in set(re.findall(r"/media/[^ \"]+/_1-[^ \"]+", after)):
        answer = client.get(address)
        assert (answer.status_code, answer["Cache-Control"][-9:]) == (200, "immutable"), address
        assert b"".join(answer)
    # The text as it is stored, which exports and digests compare, knows nothing of it.
    post.refresh_from_db()
    assert post.body_html == html_stored


def test_the_cover_leads_and_pictures_of_the_text_wait_until_they_are_near() -> None:
    cover, other = add_media(photograph((1700, 1000)), "表紙.jpg"), add_media(photograph((1000, 700)), "本文.jpg")
    post = show(f"前文。\n\n![図]({other.url})\n", cover=cover, cover_alt="夕暮れ", categories=["くらし"])
    variants.make_waiting()
    client = Client()
    html = client.get(post.get_absolute_url()).content.decode()
    images = re.findall(r"<img[^>]*>", html)
    assert len(images) == 2
    assert 'fetchpriority="high"' in images[0]
    assert "loading" not in images[0]
    assert 'alt="夕暮れ"' in images[0]
    assert 'loading="lazy"' in images[1]
    assert "fetchpriority" not in images[1]
    home = client.get("/").content.decode()
    lead = re.search(r'<article class="lead">.*?</a>', home, re.DOTALL)
    assert lead
    assert "_1-wide-50-50-1280.avif 1280w" in lead[0]
    assert 'fetchpriority="high"' in lead[0]
    assert 'width="1280" height="720"' in lead[0]
    listed = client.get("/categories/くらし/").content.decode()
    assert "_1-wide-50-50-320.webp 320w" in listed
    assert 'sizes="(min-width: 50rem) 13rem, 26vw"' in listed


def test_a_text_that_begins_with_a_picture_does_not_make_the_reader_wait_for_it() -> None:
    media = add_media(photograph((900, 600)), "冒頭.jpg")
    post = show(f"![冒頭]({media.url})\n\n本文。\n\n![二枚目]({media.url})")
    for _turn in range(2):
        images = re.findall(r"<img[^>]*>", Client().get(post.get_absolute_url()).content.decode())
        assert ["loading" in image for image in images] == [False, True]
        assert 'fetchpriority="high"' in images[0]
        variants.make_waiting()


def test_a_portrait_is_cut_squarely_around_the_focal_point() -> None:
    media = add_media(photograph((900, 1200)), "顔.jpg")
    author = Author.objects.create(name="経済班", picture=media)
    PostFactory(authors=[author])
    variants.make_waiting()
    html = Client().get(author.get_absolute_url()).content.decode()
    assert "_1-square-50-50-96.avif 96w" in html
    assert 'class="portrait tone-' in html
    assert 'width="288" height="288"' in html


def test_a_moved_focal_point_shows_at_once_by_the_style_sheet_until_the_crop_is_made() -> None:
    media = add_media(photograph((800, 500)), "表紙.jpg")
    PostFactory(cover=media)
    variants.make_waiting()
    MediaFile.objects.filter(pk=media.pk).update(focus_x=20)
    html = Client().get("/").content.decode()
    assert "_1-wide-" not in html
    assert 'class="fx-20 tone-' in html
    assert "_1-480.avif" in html
    variants.make_waiting()
    assert "_1-wide-20-50-" in Client().get("/").content.decode()


def test_an_authors_own_picture_element_and_pictures_from_elsewhere_are_left_alone() -> None:
    known = {"/media/aa/0/a.jpg": Picture("/media/aa/0/a.jpg", {FULL: {"stem": "_1", "avif": [480]}}, 900, 600)}
    own = '<picture><source src="x"><img src="/media/aa/0/a.jpg" alt=""></picture>'
    other = '<p>&lt;img src="/media/aa/0/a.jpg"&gt; <img src="https://example.jp/b.png" alt="1 > 0" loading="lazy"></p>'
    assert place_pictures(own + other, known) == own + other
    assert names_in(own + other + '<img src="/media/aa/0/a.jpg" alt="a > b">', "/media/") == ["aa/0/a.jpg"]
    placed = place_pictures('<img src="/media/aa/0/a.jpg" alt="a > b" width="200">', known)
    assert placed.startswith('<picture><source type="image/avif" srcset="/media/aa/0/_1-480.avif 480w" sizes="min(200px, 92vw)">')
    # Nothing moves when it arrives: the height follows from the width that the text gives.
    assert placed.endswith('<img src="/media/aa/0/a.jpg" alt="a > b" width="200" height="133"></picture>')


def test_whatever_a_picture_is_called_its_html_is_escaped() -> None:
    html = write_picture(Picture('/media/"><script>.jpg', {}), FULL, "1rem", {"alt": '"><script>'})
    assert "<script>" not in html
    assert html.count('"') == 4


def test_a_text_with_thousands_of_pictures_asks_for_a_bounded_number() -> None:
    html = "".join(f'<img src="/media/{number}.jpg" alt="">' for number in range(5000))
    assert len(names_in(html, "/media/")) == 400


def test_the_desk_preview_offers_what_the_page_offers() -> None:
    media = add_media(photograph((900, 600)), "倉庫.jpg")
    post = show(f"前文。\n\n![倉庫街]({media.url})\n")
    variants.make_waiting()
    client, _person = sign_in("publisher")
    html = client.get(f"/admin/articles/post/{post.pk}/preview/").content.decode()
    assert "_1-480.avif 480w" in html


def test_feeds_keep_the_whole_picture() -> None:
    media = add_media(photograph((900, 600)), "倉庫.jpg")
    show(f"前文。\n\n![倉庫街]({media.url})\n")
    variants.make_waiting()
    text = Client().get("/rss.xml").content.decode()
    assert media.url in text
    assert "_1-480" not in text


@pytest.mark.parametrize("number", [1, 15])
def test_an_article_costs_four_queries_however_many_pictures_it_shows(number: int, django_assert_num_queries: Any) -> None:
    files = [add_media(photograph((300 + seed, 200)), f"{seed}.jpg") for seed in range(number)]
    cover = add_media(photograph((500, 300)), "表紙.jpg")
    post = show("\n\n".join(f"![図]({media.url})" for media in files), cover=cover, categories=["くらし"], authors=["班"])
    variants.make_waiting()
    with django_assert_num_queries(4):
        html = Client().get(post.get_absolute_url()).content.decode()
    assert html.count("<picture>") == number + 1


@pytest.mark.parametrize("number", [2, 12])
def test_lists_cost_no_query_more_for_pictures(number: int, django_assert_max_num_queries: Any) -> None:
    for seed in range(number):
        PostFactory(cover=add_media(photograph((300 + seed, 200)), f"{seed}.jpg"), categories=["くらし"])
    variants.make_waiting()
    for path in ("/", "/categories/くらし/"):
        with django_assert_max_num_queries(5):
            assert b"_1-wide-" in Client().get(path).content


def test_nothing_is_encoded_while_somebody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    media = add_media(photograph((900, 600)), "倉庫.jpg")
    post = show(f"![倉庫街]({media.url})", cover=media, authors=[Author.objects.create(name="班", picture=media)])

    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("a reader's request made a picture")

    monkeypatch.setattr(variants, "make_variants", refuse)
    monkeypatch.setattr(encoding.PictureSource, "__init__", refuse)
    folder = media.url.rpartition("/")[0]
    for path in ("/", post.get_absolute_url(), "/authors/班/", "/rss.xml", f"{folder}/_1-480.avif", f"{folder}/_9-480.webp"):
        assert Client().get(path).status_code in (200, 302), path


# --- Replaced, deleted, taken back ---


def test_a_variant_that_is_not_there_leads_to_the_whole_picture_and_is_never_kept() -> None:
    media = add_media(photograph((900, 600)), "倉庫.jpg")
    answer = Client().get(f"{media.url.rpartition('/')[0]}/_1-480.avif")
    assert (answer.status_code, unquote(answer["Location"]), answer["Cache-Control"]) == (302, media.url, "no-cache")
    assert Client().get("/media/00/0000000000000000/_1-480.avif").status_code == 404


def test_a_replaced_picture_gets_new_variants_and_the_old_ones_go() -> None:
    media = add_media(photograph((900, 600)), "倉庫.jpg")
    post = show(f"![倉庫街]({media.url})")
    variants.make_waiting()
    old = stored(media)
    with_commit(lambda: replace_file(media, photograph((1000, 700)), "新しい倉庫.jpg", user=None))
    assert not any(public_path(name).exists() for name in old)
    assert "<picture>" not in Client().get(post.get_absolute_url()).content.decode()
    assert unquote(Client().get(f"/media/{next(iter(old))}")["Location"]) == media.url
    assert variants.make_waiting() == 1
    new = stored(media)
    assert not set(old) & set(new)
    assert f"/media/{next(iter(new)).rpartition('/')[0]}/_1-480.avif" in Client().get(post.get_absolute_url()).content.decode()
    with_commit(lambda: restore_version(media.versions.get(), user=None))
    variants.make_waiting()
    assert set(stored(MediaFile.objects.get())) == set(old)
    assert not any(public_path(name).exists() for name in new)


def with_commit(act: Any) -> None:
    """Runs what belongs to the commit of ``act``, which the transaction around a test would put off for ever."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.db.transaction.on_commit", lambda function, *args, **options: later.append(function))
        later: list[Any] = []
        act()
    for function in later:
        function()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_deleting_a_picture_removes_its_variants() -> None:
    media = add_media(photograph((900, 600)), "倉庫.jpg")
    variants.make_waiting()
    names = list(stored(media))
    client, _person = sign_in("publisher")
    client.post(f"/admin/articles/mediafile/{media.pk}/delete/", {"post": "yes"})
    assert not MediaFile.objects.exists()
    assert not PictureVariants.objects.exists()
    assert not any(public_path(name).exists() for name in names)


def test_variants_that_no_row_names_are_swept_up() -> None:
    media, other = (add_media(photograph((900 + number, 600)), f"{number}.jpg") for number in range(2))
    variants.make_waiting()
    lost, kept = list(stored(media)), list(stored(other))
    MediaFile.objects.filter(pk=media.pk).delete()
    removed = sweep(stored_before=timezone.now() + timedelta(minutes=1))
    assert set(lost) <= set(removed)
    assert not any(public_path(name).exists() for name in lost)
    assert all(public_path(name).exists() for name in kept)


def test_variants_lost_with_a_disk_are_made_again_by_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    media = add_media(photograph((900, 600)), "倉庫.jpg")
    call_command("make_variants")
    names = list(stored(media))
    public_path(names[0]).unlink()
    call_command("make_variants")
    assert not public_path(names[0]).exists()
    call_command("make_variants", "--lost")
    assert all(public_path(name).exists() for name in names)


def test_the_command_stops_at_its_limit_and_goes_on_where_it_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(5):
        add_media(draw(seed, (400, 300)), f"{seed}.png")
    call_command("make_variants", "--limit", "2")
    assert PictureVariants.objects.exclude(recipe=0).count() == 2
    call_command("make_variants")
    assert PictureVariants.objects.exclude(recipe=0).count() == 5


def test_an_import_brings_pictures_that_wait_and_its_undo_takes_them_back(tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "content" / "posts" / "kura").mkdir(parents=True)
    (site / "hugo.toml").write_text('baseURL = "https://example.jp/"\n', encoding="utf-8")
    (site / "content" / "posts" / "kura" / "a.jpg").write_bytes(photograph((900, 600)))
    text = "---\ntitle: 倉庫\ndate: 2026-01-02\n---\n![倉庫](a.jpg)\n"
    (site / "content" / "posts" / "kura" / "index.md").write_text(text, encoding="utf-8")
    run = import_archive(site)
    assert variants.make_waiting() == 1
    digest = Post.objects.get().body_html
    assert "<picture>" not in digest
    with_commit(lambda: undo_import(run, None))
    assert not MediaFile.objects.exists()
    assert not PictureVariants.objects.exists()


# --- Workers ---


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_no_variant_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(6):
        add_media(photograph((300 + seed, 400)), f"{seed}.jpg")
    made: list[str] = []
    store = variants.store_derived

    def count(name: str, data: bytes) -> None:
        made.append(name)
        store(name, data)

    monkeypatch.setattr(variants, "store_derived", count)
    start = threading.Barrier(2)
    done: list[int] = []

    def work() -> None:
        try:
            start.wait(10)
            done.append(variants.make_waiting())
        finally:
            connections.close_all()

    if connection.vendor == "sqlite":
        # In memory all threads share one connection, which takes one of them at a time; the claims are what is compared.
        connection.inc_thread_sharing()
    workers = [threading.Thread(target=work) for _number in range(2)]
    try:
        if connection.vendor == "sqlite":
            done.append(variants.make_waiting())
        else:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(60)
    finally:
        if connection.vendor == "sqlite":
            connection.dec_thread_sharing()
    assert sum(done) == 6
    assert len(made) == len(set(made))


def test_what_one_worker_holds_no_other_takes_until_its_time_is_over() -> None:
    media = add_media(photograph((500, 400)), "a.jpg")
    held = claim(PictureVariants, "media", media)
    assert held is not None
    assert claim(PictureVariants, "media", media) is None
    assert not variants.make_variants(media.pk)
    assert not variants.is_waiting()
    PictureVariants.objects.update(until=timezone.now() - claims.LEASE)
    assert variants.make_variants(media.pk)
    # The first one wakes up: what it made is not entered over what the second entered.
    row = PictureVariants.objects.get()
    variants._keep(held, media, (FULL,), variants._Made({}))
    row.refresh_from_db()
    assert row.shapes
    assert all(public_path(name).exists() for name in names_of(media.public_name, row.shapes))


def test_a_picture_replaced_while_it_was_encoded_gets_nothing_of_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    media = add_media(photograph((500, 400)), "a.jpg")
    make, written = variants._make, []

    def replace_meanwhile(found: MediaFile, wanted: Any, there: Any) -> Any:
        made = make(found, wanted, there)
        written.extend(names_of(found.public_name, made.shapes))
        with_commit(lambda: replace_file(MediaFile.objects.get(), photograph((600, 500)), "b.jpg", user=None))
        return made

    monkeypatch.setattr(variants, "_make", replace_meanwhile)
    variants.make_variants(media.pk)
    assert written
    assert not PictureVariants.objects.exists()
    assert not any(public_path(name).exists() for name in written)


def test_a_store_that_refuses_costs_a_finding_and_no_page(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    media = add_media(photograph((900, 600)), "倉庫.jpg")
    post = show(f"![倉庫街]({media.url})", cover=media)
    store, calls = variants.store_derived, []

    def refuse(name: str, data: bytes) -> None:
        calls.append(name)
        if len(calls) > 3:
            raise OSError(28, "No space left on device", name)
        store(name, data)

    monkeypatch.setattr(variants, "store_derived", refuse)
    assert variants.make_waiting() == 1
    row = PictureVariants.objects.get()
    assert (row.shapes, row.tries, row.findings[0]["code"]) == ({}, 1, "variants-failed")
    assert "No space left on device" in caplog.text
    assert not any(public_path(name).exists() for name in calls)
    assert f'src="{media.url}"' in Client().get(post.get_absolute_url()).content.decode()
    client, _person = sign_in("publisher")
    assert "倉庫.jpg" in client.get(f"/admin/articles/mediafile/{media.pk}/change/").content.decode()
    # Not again at once, but later, when there is room.
    assert not variants.is_waiting()
    monkeypatch.undo()
    PictureVariants.objects.update(until=timezone.now() - claims.LEASE)
    assert variants.make_waiting() == 1
    row.refresh_from_db()
    assert row.shapes
    assert not row.findings
    assert row.tries == 0


def test_a_damaged_original_is_tried_a_few_times_and_then_left(caplog: pytest.LogCaptureFixture) -> None:
    media = add_media(photograph((900, 600)), "倉庫.jpg")
    original_path(media.sha256).write_bytes(photograph((900, 600))[:3000])
    for number in range(claims.MAX_TRIES):
        assert variants.make_waiting() == 1, number
        PictureVariants.objects.update(until=timezone.now() - claims.LEASE)
    assert not variants.is_waiting()
    original_path(media.sha256).write_bytes(photograph((900, 600)))
    call_command("make_variants", "--lost")
    row = PictureVariants.objects.get()
    assert row.shapes
    assert (row.tries, row.findings) == (0, [])


def test_a_picture_that_kills_its_worker_is_given_up_after_a_few_tries() -> None:
    media = add_media(photograph((500, 400)), "a.jpg")
    for _number in range(claims.MAX_TRIES):
        assert claim(PictureVariants, "media", media) is not None
        PictureVariants.objects.update(until=timezone.now() - claims.LEASE)
    assert claim(PictureVariants, "media", media) is None
    assert not variants.is_waiting()


def test_a_crop_that_comes_later_leaves_what_is_there_alone_also_where_the_store_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    media = add_media(photograph((500, 400)), "a.jpg")
    variants.make_waiting()
    whole = list(stored(media))
    PostFactory(cover=media)
    calls: list[str] = []

    def refuse(name: str, data: bytes) -> None:
        calls.append(name)
        raise OSError(28, "No space left on device", name)

    with monkeypatch.context() as patch:
        patch.setattr(variants, "store_derived", refuse)
        variants.make_waiting()
    assert calls
    assert all(public_path(name).exists() for name in whole)
    assert set(PictureVariants.objects.get().shapes) == {FULL}
    PictureVariants.objects.update(until=None)
    store = variants.store_derived
    monkeypatch.setattr(variants, "store_derived", lambda name, data: (calls.append(name), store(name, data)))
    variants.make_waiting()
    assert not set(calls) & set(whole)
    assert set(PictureVariants.objects.get().shapes) == {FULL, WIDE, "card"}


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_an_upload_enqueues_the_making_once_and_the_worker_works_it_off() -> None:
    client, _person = sign_in("author")
    for seed in range(3):
        data = SimpleUploadedFile(f"{seed}.jpg", photograph((300 + seed, 300)))
        assert client.post("/admin/articles/mediafile/upload/", {"file": data}).status_code == 201
    assert DBTaskResult.objects.filter(task_path="articles.tasks.make_variants").count() == 1
    call_command("worker", "--once")
    assert PictureVariants.objects.exclude(shapes={}).count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_worker_finds_what_an_import_left_and_gives_way_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(4):
        add_media(photograph((300 + seed, 300)), f"{seed}.jpg")
    monkeypatch.setattr(variants, "TURN_SECONDS", 0.0001)
    call_command("worker", "--once")
    assert PictureVariants.objects.exclude(shapes={}).count() == 4
    assert DBTaskResult.objects.filter(task_path="articles.tasks.make_variants").count() >= 4


def test_this_pillow_writes_what_is_offered() -> None:
    assert features.check("avif")
    assert features.check("webp")
    assert {suffix for shape in SHAPES.values() for suffix in shape.suffixes} == {"avif", "webp", "jpg"}
