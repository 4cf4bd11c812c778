"""The library of files: uploads while writing, likeness, where files are shown, replacing in place, deleting safely."""

from __future__ import annotations

from html import unescape
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from articles import lookalikes
from articles.admin import pictures
from articles.admin.pictures import name_upload
from articles.derive import save_derived
from articles.editorial import workflow
from articles.editorial.versions import read_snapshot
from articles.findings import Finding, RefusedFile
from articles.library import add_media, read_original
from articles.lookalikes import compare_pictures, find_alike, keys_of, measure_waiting, near_keys
from articles.media import NO_LIKENESS, count_differences, measure_likeness
from articles.models import Author, MediaBand, MediaFile, MediaPair, Post, SiteLink, SiteSettings, SourceFile
from articles.replacing import replace_file, restore_version
from articles.transfer.exporting import export_posts
from articles.transfer.importing import import_archive
from articles.uses import count_uses, find_kept_uses, find_uses, without_uses
from tests.factories import MediaFileFactory, PostFactory, make_picture
from tests.folders import original_path
from tests.pictures import draw
from tests.test_admin_screens import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]

UPLOAD = "/admin/articles/mediafile/upload/"
LIST = "/admin/articles/mediafile/"


def send(client: Client, data: bytes, name: str = "倉庫.png") -> Any:
    return client.post(UPLOAD, {"file": SimpleUploadedFile(name, data)}, headers={"accept": "application/json"})


def write_post(body: str, path: str = "/kura/", **changes: Any) -> Post:
    return workflow.save_post(Post(), None, {"title": "倉庫街を歩く", "path": path, "body": body, **changes})


# --- Uploads while writing ---


def test_an_upload_is_answered_with_what_the_text_needs() -> None:
    client, person = sign_in("author")
    answer = send(client, draw(1))
    media = MediaFile.objects.get()
    assert (answer.status_code, "no-store" in answer.headers["Cache-Control"]) == (201, True)
    assert answer.json() == {
        "id": media.pk,
        "name": "倉庫.png",
        "alt": "",
        "url": media.url,
        "isDecorative": False,
        "caption": "",
        "credit": "",
        "texts": f"{LIST}{media.pk}/texts/",
        "isNew": True,
        "alike": [],
    }
    assert (media.uploaded_by, len(media.likeness), media.bands.count()) == (person, 16, 4)


def test_the_same_upload_twice_is_one_file_and_anothers_texts_are_not_ones_own_to_change() -> None:
    first, _person = sign_in("author", "first")
    second, _other = sign_in("author", "second")
    known = send(first, draw(1)).json()
    answer = send(second, draw(1), "別名.png")
    assert (answer.status_code, answer.json()["id"], answer.json()["isNew"], answer.json()["texts"]) == (
        200,
        known["id"],
        False,
        "",
    )
    assert MediaFile.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7\n0123456789\n%%EOF\n", "画像ではありません"),
        (b"\x89PNG\r\n\x1a\nbroken", "倉庫.png"),
        (b"<script>", "倉庫.png"),
    ],
)
def test_what_is_no_picture_is_refused_in_words_and_leaves_nothing(data: bytes, said: str, media_root: Path) -> None:
    client, _person = sign_in("author")
    answer = send(client, data)
    assert (answer.status_code, said in answer.json()["complaint"]) == (400, True)
    assert not MediaFile.objects.exists()
    assert not [path for path in media_root.parent.rglob("*") if path.is_file()]


def test_an_upload_needs_the_token_and_the_right_and_is_bounded_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = Client(enforce_csrf_checks=True)
    checked.force_login(sign_in("author")[1])
    assert send(checked, draw(1)).status_code == 403
    assert send(sign_in("staff")[0], draw(1)).status_code == 403
    monkeypatch.setattr(pictures, "MAX_UPLOAD", 100)
    monkeypatch.setattr(pictures, "MAX_REST", 100)
    client, _person = sign_in("editor")
    assert send(client, draw(1)).status_code == 413
    address = reverse("admin:articles_mediafile_replace", args=[MediaFileFactory().pk])
    assert "小さくしてから" in client.post(address, {"file": SimpleUploadedFile("x.png", draw(1))}, follow=True).text
    MediaFile.objects.all().delete()
    monkeypatch.setattr(pictures, "MAX_REST", 10**6)
    assert send(client, draw(1)).status_code == 400
    assert client.post(UPLOAD).status_code == 400
    assert not MediaFile.objects.exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("倉庫.png", "倉庫.png"),
        ("C:\\写真\\か\u3099く.JPG", "がく.JPG"),
        ("a\u202egnp.exe\x00 \n b.png", "agnp.exe b.png"),
    ],
)
def test_names_of_uploads_are_made_readable(given: str, kept: str) -> None:
    assert name_upload(given) == kept


@pytest.mark.parametrize("given", ["image.png", "", "blob", "Pasted Graphic 2.png", "image (1).png".replace(" (1)", "_1")])
def test_a_picture_without_a_name_of_its_own_is_named_after_the_moment(given: str) -> None:
    assert name_upload(given).startswith(("picture-20", "画像-20"))


def test_texts_are_stored_at_once_and_a_decorative_picture_has_none() -> None:
    client, _person = sign_in("author")
    address = send(client, draw(1)).json()["texts"]
    answer = client.post(address, {"alt": "川沿いの倉庫", "caption": "朝", "credit": "写真部"})
    assert (answer.json()["alt"], answer.json()["credit"]) == ("川沿いの倉庫", "写真部")
    assert "装飾" in client.post(address, {"alt": "倉庫", "is_decorative": "on"}).json()["complaint"]
    assert client.post(address, {"alt": "", "is_decorative": "on"}).json()["isDecorative"]
    assert sign_in("author", "other")[0].post(address, {"alt": "x"}).status_code == 403


# --- Likeness ---


def test_sizes_and_formats_leave_the_likeness_and_other_pictures_have_another() -> None:
    likeness = measure_likeness(draw(1))
    assert count_differences(likeness, measure_likeness(draw(1, (640, 400), "JPEG"))) <= lookalikes.MOST_DIFFERENCES
    assert count_differences(likeness, measure_likeness(draw(2))) > lookalikes.MOST_DIFFERENCES
    assert measure_likeness(make_picture("red", "red")) == NO_LIKENESS
    assert measure_likeness(b"\x89PNG\r\n\x1a\nbroken") == measure_likeness(b"text") == NO_LIKENESS


def test_any_seven_turned_bits_leave_a_quarter_by_which_the_picture_is_found() -> None:
    likeness = f"{0x0123456789ABCDEF:016x}"
    for step in range(1, 9):
        turned = int(likeness, 16)
        for number in range(7):
            turned ^= 1 << (number * step * 5) % 64
        assert near_keys(likeness) & set(keys_of(f"{turned:016x}"))


def test_a_smaller_copy_is_named_at_the_upload() -> None:
    client, _person = sign_in("author")
    known = send(client, draw(3, (640, 400))).json()
    send(client, draw(4))
    assert [other["id"] for other in send(client, draw(3)).json()["alike"]] == [known["id"]]
    pair = MediaPair.objects.get()
    assert pair.first_id == known["id"]
    assert client.post(f"{LIST}alike/", {"pair": pair.pk}).status_code == 302
    assert "media-pairs" not in client.get(f"{LIST}alike/").text


def test_looking_for_what_looks_alike_costs_the_same_however_large_the_library(django_assert_num_queries: Any) -> None:
    media = add_media(draw(5), "a.png")
    for number in range(60):
        MediaFileFactory(likeness=f"{number * 0x0101010101010101 + 7:016x}")
    measure_waiting(100)
    assert MediaBand.objects.count() == 61 * 4
    with django_assert_num_queries(1):  # the quarters; the pictures besides, where there are some
        find_alike(media.likeness, besides=media.pk)
    with django_assert_num_queries(4):  # begin, quarters in, who has one of them, end; pairs besides, where there are some
        compare_pictures([media])


def test_pictures_of_an_import_are_compared_afterwards_a_few_at_a_time() -> None:
    for number in range(3):
        add_media(draw(6, (320 + number, 200)), f"{number}.png")
    MediaFile.objects.update(likeness="")
    assert (measure_waiting(2), MediaPair.objects.count()) == (2, 1)
    call_command("measure_pictures")
    assert (measure_waiting(10), MediaPair.objects.count()) == (0, 3)


# --- The library's list ---


def test_the_list_finds_two_japanese_letters_in_every_text_and_says_how_many_posts_show_a_file() -> None:
    client, person = sign_in("editor")
    media = add_media(draw(7), "a.png", alt="川沿いの倉庫街", user=person)
    add_media(draw(8), "b.png", user=person)
    write_post(f"![]({media.url})")
    write_post(f"![]({media.url})", "/two/", cover=media)
    page = client.get(LIST, {"q": "倉庫　川沿"}).text
    assert ("a.png" in page, "b.png" in page, "2本" in page) == (True, False, True)


def test_the_list_is_filtered_by_what_is_missing(client: Client) -> None:
    client, person = sign_in("editor")
    used = add_media(draw(9), "used.png", user=person)
    add_media(draw(10), "lone.png", alt="倉庫", user=None)
    write_post(f"![]({used.url})")
    for query, shown, hidden in (
        ("use=none", "lone.png", "used.png"),
        ("alt=missing", "used.png", "lone.png"),
        ("mine=1", "used.png", "lone.png"),
        ("kind=picture", "used.png", "nothing"),
    ):
        page = client.get(f"{LIST}?{query}").text
        assert (shown in page, hidden in page) == (True, False), query
    assert "used.png" not in client.get(f"{LIST}?licence__exact=cc0").text


def test_the_list_costs_the_same_number_of_queries_whatever_its_length(django_assert_max_num_queries: Any) -> None:
    client, person = sign_in("editor")
    for number in range(3):
        media = MediaFileFactory(name=f"{number}.png", uploaded_by=person)
        PostFactory(cover=media)
    # session, user, permissions (own, groups'), count, rows, former files, covers, links; portraits, settings and the same two
    with django_assert_max_num_queries(14):
        client.get(LIST)
    for number in range(20):
        picture = MediaFileFactory(name=f"x{number}.png", uploaded_by=person)
        PostFactory(cover=picture)
        Author.objects.create(name=f"署名{number}", picture=picture)
    with django_assert_max_num_queries(14):
        client.get(LIST)


def test_the_page_of_a_file_names_only_posts_that_one_may_see() -> None:
    client, person = sign_in("author")
    media = add_media(draw(11), "a.png", user=person)
    write_post(f"![]({media.url})", "/secret-post/")
    page = client.get(f"{LIST}{media.pk}/change/").text
    assert ("secret-post" in page, "記事1本に出ています" in page, "ほか1本" in page) == (False, True, True)


def test_a_picture_used_as_cover_and_in_the_text_of_one_post_counts_once() -> None:
    media = add_media(draw(12), "a.png")
    write_post(f"![]({media.url})", cover=media)
    Author.objects.create(name="写真部", picture=add_media(draw(13), "b.png"))
    assert count_uses([media]) == {media.pk: find_uses(media).count()} == {media.pk: 1}
    assert not without_uses(MediaFile.objects.all()).exists()


# --- Focus and rights ---


def test_the_focal_point_reaches_readers_as_classes_of_a_fixed_set() -> None:
    assert MediaFile(focus_x=84, focus_y=12).focus_class == "fx-80 fy-10"
    assert MediaFile().focus_class == ""
    css = Path("static/css/lists.css").read_text("utf-8") + Path("static/css/admin.css").read_text("utf-8")
    for value in {*range(0, 101, 10)} - {50}:
        assert css.count(f".fx-{value} ") == css.count(f".fy-{value} ") == 2
    media = add_media(draw(14), "a.png")
    MediaFile.objects.filter(pk=media.pk).update(focus_x=0)
    PostFactory(cover=media)
    assert 'class="fx-0"' in Client().get("/").text


def test_rights_and_focus_are_changed_by_whom_the_file_belongs_to() -> None:
    client, person = sign_in("author")
    media = add_media(draw(15), "a.png", user=person)
    values = {
        "alt": "倉庫",
        "caption": "",
        "credit": "写真部",
        "licence": "cc-by",
        "licence_text": "",
        "focus_x": 10,
        "focus_y": 101,
    }
    address = f"{LIST}{media.pk}/change/"
    page = client.post(address, {**values, "licence_url": "javascript:alert(1)"})
    assert page.status_code == 200
    saved = client.post(address, {**values, "focus_y": 90, "licence_url": "https://creativecommons.org/licenses/by/4.0/"})
    media.refresh_from_db()
    assert (saved.status_code, media.licence, media.focus_x, media.focus_y) == (302, "cc-by", 10, 90)


# --- Replacing in place ---


@pytest.mark.django_db(transaction=True)
def test_every_post_shows_the_new_picture_and_no_text_is_touched(media_root: Path) -> None:
    media = add_media(draw(16), "a.png", alt="倉庫")
    post = write_post(f"![倉庫]({media.url}) [原寸]({media.url})", cover=media)
    body, former = post.body, media.url
    assert replace_file(media, draw(17, (200, 100)), "b.png", user=None) == 1
    post.refresh_from_db()
    media.refresh_from_db()
    assert (post.body, post.cover, media.alt) == (body, media, "倉庫")
    assert (former in post.body_html, post.body_html.count(media.url)) == (False, 2)
    assert 'width="200"' in post.body_html
    assert not (media_root / former.removeprefix("/media/")).exists()
    assert (media_root / media.public_name).exists()
    answer = Client().get(former)
    assert (answer.status_code, answer.headers["Location"], answer.headers["Cache-Control"]) == (302, media.url, "no-cache")
    assert count_uses([media]) == {media.pk: 1}


@pytest.mark.django_db(transaction=True)
def test_a_former_picture_comes_back_at_its_former_address() -> None:
    media = add_media(draw(18), "a.png")
    first, first_url = media.sha256, media.url
    replace_file(media, draw(19), "b.png", user=None)
    second = media.sha256
    restore_version(media.versions.get(), user=None)
    media.refresh_from_db()
    assert (media.sha256, media.url, media.name, media.versions.get().sha256) == (first, first_url, "a.png", second)
    assert read_original(second) == draw(19)
    assert b"".join(Client().get(first_url).streaming_content)  # type: ignore[attr-defined]


def test_a_former_picture_that_is_uploaded_again_is_an_entry_of_its_own_with_an_address_of_its_own() -> None:
    media = add_media(draw(20), "a.png")
    former = media.url
    post = write_post(f"![]({former})")
    replace_file(media, draw(21), "b.png", user=None)
    again = add_media(draw(20), "a.png")
    assert (again.pk != media.pk, again.url != former) == (True, True)
    save_derived(post)
    assert media.url in post.body_html


@pytest.mark.parametrize(
    ("data", "code"), [("same", "same-picture"), ("other", "in-library"), (b"%PDF-1.7\n0123456789\n%%EOF\n", "not-a-picture")]
)
def test_what_cannot_take_the_place_is_refused_and_nothing_changes(data: Any, code: str) -> None:
    media = add_media(draw(22), "a.png")
    add_media(draw(23), "other.png")
    given = {"same": draw(22), "other": draw(23)}.get(data, data)
    with pytest.raises(RefusedFile) as refused:
        replace_file(media, given, "x", user=None)
    assert refused.value.finding.code == code
    assert not media.versions.exists()
    document = add_media(b"%PDF-1.7\n0123456789\n%%EOF\n", "a.pdf")
    with pytest.raises(RefusedFile):
        replace_file(document, draw(24), "x.png", user=None)


@pytest.mark.django_db(transaction=True)
def test_an_import_leaves_as_it_came_and_shows_what_took_the_place(tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "_posts").mkdir(parents=True)
    (site / "img").mkdir()
    (site / "_config.yml").write_text("timezone: Asia/Tokyo\n", "utf-8")
    text = "---\ntitle: 倉庫\nimage: /img/a.png\n---\n![倉庫](/img/a.png)\n"
    (site / "_posts" / "2025-01-01-kura.md").write_text(text, "utf-8")
    (site / "img" / "a.png").write_bytes(draw(25))
    import_archive(site)
    media = MediaFile.objects.get()
    replace_file(media, draw(26), "b.png", user=None)
    post = Post.objects.get()
    assert (media.url in post.body_html, post.cover) == (True, media)
    import_archive(site)
    assert (SourceFile.objects.get(path="img/a.png").media, MediaFile.objects.count()) == (media, 1)
    export_posts(tmp_path / "original")
    assert (tmp_path / "original" / "_posts" / "2025-01-01-kura.md").read_text("utf-8") == text
    assert (tmp_path / "original" / "img" / "a.png").read_bytes() == draw(25)
    export_posts(tmp_path / "hugo", layout="hugo")
    pictures_out = [path.read_bytes() for path in (tmp_path / "hugo").rglob("*.png")]
    assert pictures_out == [draw(26)]


def test_a_kept_version_finds_its_cover_by_what_took_its_place() -> None:
    media = add_media(draw(27), "a.png")
    post = write_post("本文", cover=media)
    before = workflow.snapshot(post)
    replace_file(media, draw(28), "b.png", user=None)
    post.refresh_from_db()
    assert read_snapshot(before, {**workflow.snapshot(post), "cover": ""}).changes["cover"] == media


def test_only_whom_the_file_belongs_to_replaces_it_and_the_page_says_what_happens() -> None:
    client, person = sign_in("author")
    own, other = add_media(draw(29), "a.png", user=person), add_media(draw(30), "b.png")
    write_post(f"![]({own.url})")
    address = reverse("admin:articles_mediafile_replace", args=[own.pk])
    assert "記事1本" in client.get(address).text
    assert client.post(reverse("admin:articles_mediafile_replace", args=[other.pk])).status_code == 403
    refused = client.post(address, {"file": SimpleUploadedFile("x.png", draw(30))})
    assert "別の項目として" in refused.text
    done = client.post(address, {"file": SimpleUploadedFile("x.png", draw(31))}, follow=True)
    assert "この画像に戻す" in done.text
    version = own.versions.get()
    restore = reverse("admin:articles_mediafile_restore", args=[own.pk, version.pk])
    assert client.get(restore).status_code == 405
    assert client.post(reverse("admin:articles_mediafile_restore", args=[own.pk, version.pk + 9])).status_code == 404
    original_path(version.sha256).unlink()
    assert "ディスクから読めません" in client.post(restore, follow=True).text


# --- Deleting safely ---


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_file_goes_with_all_its_copies_once_nothing_shows_it(media_root: Path) -> None:
    client, person = sign_in("publisher")
    media = add_media(draw(32), "a.png", user=person)
    replace_file(media, draw(33), "b.png", user=person)
    post = write_post(f"![]({media.url})", "/shown/")
    address = reverse("admin:articles_mediafile_delete", args=[media.pk])
    refused = client.post(address, {"post": "yes"}, follow=True)
    assert ("倉庫街を歩く" in refused.text, MediaFile.objects.count()) == (True, 1)
    workflow.save_post(post, None, {"body": "画像のない本文"})
    assert [kept.pk for kept in find_kept_uses(media)] == [post.pk]
    assert "倉庫街を歩く" in client.get(address).text
    client.post(address, {"post": "yes"})
    assert not MediaFile.objects.exists()
    assert not [path for path in media_root.parent.rglob("*") if path.is_file()]


def test_a_portrait_is_used_by_its_by_line_and_not_deleted_under_it() -> None:
    client, person = sign_in("publisher")
    media = add_media(draw(41), "肖像.png", alt="肖像", user=person)
    byline = Author.objects.create(name="山田花子", picture=media)
    form = reverse("admin:articles_author_change", args=[byline.pk])
    assert (form in client.get(f"{LIST}{media.pk}/change/").text, "署名1件" in client.get(LIST).text) == (True, True)
    refused = client.post(f"{LIST}{media.pk}/delete/", {"post": "yes"}, follow=True)
    byline.refresh_from_db()
    assert (form in refused.text, "山田花子" in refused.text, byline.picture) == (True, True, media)


def test_a_file_to_which_the_navigation_leads_is_used() -> None:
    client, person = sign_in("publisher")
    media = add_media(b"%PDF-1.4\n%%EOF\n", "料金表.pdf", user=person)
    version = SiteSettings.objects.create(number=1)
    SiteLink.objects.create(settings=version, place="navigation", position=0, label="料金", address=media.url)
    assert not without_uses(MediaFile.objects.all()).exists()
    refused = client.post(f"{LIST}{media.pk}/delete/", {"post": "yes"}, follow=True)
    assert (MediaFile.objects.count(), "サイトの設定" in refused.text) == (1, True)
    # What no longer holds keeps nothing.
    SiteSettings.objects.create(number=2)
    assert without_uses(MediaFile.objects.all()).get() == media


def test_every_column_that_names_a_file_is_known_to_the_counting_of_uses() -> None:
    """Whoever adds one to a model adds it to articles/uses.py and to the undoing of imports, then here."""
    known = {
        ("Post", "cover"),
        ("Author", "picture"),
        ("SiteSettings", "logo"),
        ("SiteSettings", "logo_dark"),
        # Belongs to the file and goes with it, or is told at its deletion (an import's own original).
        ("SourceFile", "media"),
        ("MediaVersion", "media"),
        ("PictureVariants", "media"),
        ("MediaBand", "media"),
        ("MediaPair", "first"),
        ("MediaPair", "second"),
    }
    found = {
        (model.__name__, field.name)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.concrete and field.related_model is MediaFile
    }
    assert found == known


# --- Files that are there already, and files that readers do not get ---


def add_by_form(client: Client, data: bytes, name: str = "倉庫.png", **texts: str) -> Any:
    sent = {"file": SimpleUploadedFile(name, data), "licence": "", **texts}
    return client.post(f"{LIST}add/", sent, follow=True)


def said_by(answer: Any) -> list[tuple[str, str]]:
    return [(message.level_tag, str(message)) for message in answer.context["messages"]]


def test_a_file_that_is_there_already_gets_the_texts_that_it_lacks_and_loses_none() -> None:
    client, person = sign_in("editor")
    media = add_media(draw(51), "倉庫.png", alt="もとの説明", user=None)
    answer = add_by_form(client, draw(51), "別名.png", alt="新しい説明", credit="本紙", licence="cc-by")
    media.refresh_from_db()
    assert (media.alt, media.credit, media.licence, media.name) == ("もとの説明", "本紙", "cc-by", "倉庫.png")
    assert answer.redirect_chain[-1][0] == f"{LIST}{media.pk}/change/"
    ((level, said),) = said_by(answer)
    assert level == "warning"
    for part in (f'href="{LIST}{media.pk}/change/"', "もとの説明", "新しい説明", "クレジット"):
        assert part in said
    assert [entry.action_flag for entry in LogEntry.objects.filter(user=person)] == [CHANGE]


def test_of_a_file_of_somebody_else_nothing_is_changed_and_what_was_typed_is_said() -> None:
    media = add_media(draw(52), "倉庫.png", user=None)
    client, _person = sign_in("author")
    answer = add_by_form(client, draw(52), alt="新しい説明")
    media.refresh_from_db()
    ((level, said),) = said_by(answer)
    assert (media.alt, level, "新しい説明" in said, LogEntry.objects.count()) == ("", "warning", True, 0)


def test_a_decorative_picture_gets_no_text_by_a_second_upload() -> None:
    client, _person = sign_in("editor")
    media = add_media(draw(53), "線.png", user=None)
    MediaFile.objects.filter(pk=media.pk).update(is_decorative=True)
    assert "飾りの線" in said_by(add_by_form(client, draw(53), alt="飾りの線"))[0][1]
    media.refresh_from_db()
    assert (media.alt, media.is_decorative) == ("", True)


def test_a_new_file_is_added_with_its_texts_in_green() -> None:
    client, person = sign_in("author")
    answer = add_by_form(client, draw(54), alt="川", credit="本紙")
    media = MediaFile.objects.get()
    assert (media.alt, media.credit, media.uploaded_by) == ("川", "本紙", person)
    assert [level for level, _said in said_by(answer)] == ["success"]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<!doctype html><script>alert(1)</script>", "fake.jpg"),
        (b"<!doctype html><p>x", "page.html"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1", "x.heic"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "evil.svg"),
    ],
)
def test_a_file_that_readers_cannot_get_is_named_at_once_on_its_page_and_in_the_list(data: bytes, name: str) -> None:
    client, _person = sign_in("editor")
    answer = add_by_form(client, data, name)
    media = MediaFile.objects.get()
    reason = Finding.from_json(media.findings[0]).localised()
    ((level, said),) = said_by(answer)
    assert (media.public_name, level) == ("", "warning")
    assert reason in unescape(said)
    page = lxml.html.fromstring(client.get(f"{LIST}{media.pk}/change/").text)
    (warning,) = page.find_class("media-warning")
    assert reason in warning.text_content()
    assert not [fold for fold in warning.iterancestors() if "collapse" in (fold.get("class") or "")]
    shown = client.get(f"{LIST}?kind=unserved")
    assert reason in unescape(shown.text)
    assert "代替テキストなし" not in shown.text
    assert name not in client.get(f"{LIST}?alt=missing").text


# --- Fields of forms that show a picture ---


def test_a_field_of_a_picture_offers_and_takes_only_what_can_be_shown() -> None:
    client, person = sign_in("publisher")
    picture = add_media(draw(61), "肖像.png", user=person)
    others = [
        add_media(b"%PDF-1.4\n%%EOF\n", "肖像.pdf", user=person),
        add_media(b"<svg><script/></svg>", "肖像.svg", user=person),
    ]
    for model, field in (("author", "picture"), ("post", "cover"), ("sitesettings", "logo")):
        query = {"app_label": "articles", "model_name": model, "field_name": field, "term": "肖像"}
        found = client.get("/admin/autocomplete/", query).json()["results"]
        assert [row["id"] for row in found] == [str(picture.pk)], model
    byline = Author.objects.create(name="山田")
    address = reverse("admin:articles_author_change", args=[byline.pk])
    sent = {"name": "山田", "kind": "person", "slug": "山田", "aliases": "", "bio": "", "links": ""}
    for other in others:
        assert other.name in client.post(address, {**sent, "picture": other.pk}).text
        assert Author.objects.get().picture is None
    assert client.post(address, {**sent, "picture": picture.pk}).status_code == 302
    # What stands there from before hinders no other change.
    Author.objects.update(picture=others[0])
    assert client.post(address, {**sent, "bio": "記者", "picture": others[0].pk}).status_code == 302
    assert (Author.objects.get().bio, Author.objects.get().picture) == ("記者", others[0])
