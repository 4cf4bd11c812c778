"""Pictures in a real browser: pasted, dropped and chosen while somebody writes; slow and lost networks; the library."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from articles.library import add_media
from articles.lookalikes import compare_pictures
from articles.models import MediaFile
from tests.browser.test_writing import sign_in, tool, write
from tests.browser.waiting import click_through, run_axe, settle, wait_until
from tests.pictures import draw

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

UPLOAD = "**/admin/articles/mediafile/upload/"
BRING = """([kind, files, plain, selector]) => {
  const data = new DataTransfer();
  for (const [name, type, content] of files) {
    data.items.add(new File([Uint8Array.from(atob(content), sign => sign.charCodeAt(0))], name, {type}));
  }
  if (plain) data.setData("text/plain", plain);
  const options = {bubbles: true, cancelable: true};
  const event = kind === "paste"
    ? new ClipboardEvent("paste", {...options, clipboardData: data})
    : new DragEvent(kind, {...options, dataTransfer: data});
  return !document.querySelector(selector).dispatchEvent(event);
}"""


def bring(page: Page, kind: str, *files: tuple[str, bytes], plain: str = "", to: str = "#id_body", of: str = "image/png") -> bool:
    """Pastes or drops files; whether the page took them over."""
    packed = [[name, of, base64.b64encode(data).decode()] for name, data in files]
    return bool(page.evaluate(BRING, [kind, packed, plain, to]))


@pytest.fixture
def form(page: Page, live_site: Any, media_root: Any) -> Page:
    """An empty form with the cursor in the text."""
    sign_in(page, live_site, "publisher")
    page.goto(f"{live_site.url}/admin/articles/post/add/")
    page.locator("#id_body").focus()
    expect(page.locator("#id_body")).to_be_focused()
    return page


def panel(page: Page) -> Any:
    return page.locator("#writing-describe")


def expect_text(page: Page, pattern: str) -> None:
    expect(page.locator("#id_body")).to_have_value(re.compile(f"^{pattern}$"))


def test_a_pasted_picture_stands_where_it_was_pasted_while_the_writer_writes_on(form: Page) -> None:
    held: list[Route] = []
    form.route(UPLOAD, lambda route: held.append(route))
    write(form, "前«»後")
    assert bring(form, "paste", ("image.png", draw(1)))
    expect(panel(form)).to_be_visible()
    expect(form.locator("#id_body")).to_be_focused()
    form.keyboard.press("Control+End")
    form.keyboard.insert_text("、続き")
    expect(form.locator(".writing-upload")).to_have_count(1)
    expect_text(form, "前後、続き")
    wait_until(form, lambda: held)
    held[0].continue_()
    expect_text(form, r"前!\[\]\(/media/\S+\.png\)後、続き")
    form.keyboard.insert_text("。")
    expect_text(form, r"前!\[\]\(/media/\S+\.png\)後、続き。")
    media = MediaFile.objects.get()
    assert re.fullmatch(r"画像-\d{8}-\d{6}\.png", media.name)
    form.keyboard.press("Control+z")
    form.keyboard.press("Control+z")
    expect_text(form, "前後、続き")


def test_a_passage_with_a_picture_of_itself_is_pasted_as_text(form: Page) -> None:
    assert not bring(form, "paste", ("image.png", draw(1)), plain="表の中身")
    assert bring(form, "paste", ("倉庫.png", draw(1)), plain="倉庫.png")
    expect_text(form, r"!\[\]\(/media/\S+/倉庫\.png\)")


def test_what_it_shows_is_asked_for_and_answered_by_keyboard(form: Page) -> None:
    write(form, "前\n\n«»")
    bring(form, "paste", ("倉庫.png", draw(2)))
    expect_text(form, r"前\n\n!\[\]\(/media/\S+\)")
    expect(panel(form)).to_be_visible()
    form.keyboard.press("Tab")
    expect(form.locator("#writing-alt")).to_be_focused()
    form.keyboard.press("Enter")
    expect(panel(form).locator(".writing-complaint")).not_to_be_empty()
    expect(form.locator("#writing-alt")).to_be_focused()
    form.keyboard.insert_text("川沿いの[倉庫]")
    form.keyboard.press("Enter")
    expect(panel(form)).to_be_hidden()
    expect(form.locator("#id_body")).to_be_focused()
    expect_text(form, r"前\n\n!\[川沿いの\\\[倉庫\\\]\]\(/media/\S+\)")
    expect(form.locator(".writing-tray-said")).to_have_text("説明を保存しました。")
    assert MediaFile.objects.get().alt == "川沿いの[倉庫]"


def test_a_decorative_picture_has_no_text_and_escape_leaves_the_question(form: Page) -> None:
    bring(form, "paste", ("線.png", draw(3)))
    expect(panel(form)).to_contain_text("線.png")
    form.locator("#writing-alt").focus()
    panel(form).get_by_role("checkbox").check()
    panel(form).locator("[data-part=save]").click()
    expect(form.locator(".writing-tray-said")).to_have_text("説明を保存しました。")
    assert MediaFile.objects.get().is_decorative
    expect(panel(form)).to_be_hidden()
    bring(form, "paste", ("次.png", draw(4)))
    expect(panel(form)).to_contain_text("次.png")
    form.locator("#writing-alt").focus()
    form.keyboard.press("Escape")
    expect(panel(form)).to_be_hidden()
    expect(form.locator("#id_body")).to_be_focused()


def test_several_dropped_pictures_come_in_order_and_are_asked_for_one_by_one(form: Page) -> None:
    write(form, "")
    assert bring(form, "drop", *((f"{name}.png", draw(number)) for number, name in enumerate("甲乙丙", 5)))
    expect_text(form, r"!\[\]\(\S+/甲\.png\)\n\n!\[\]\(\S+/乙\.png\)\n\n!\[\]\(\S+/丙\.png\)")
    for name in "甲乙丙":
        expect(panel(form)).to_contain_text(f"{name}.png")
        form.locator("#writing-alt").fill(f"{name}の図")
        form.locator("#writing-alt").press("Enter")
    expect(panel(form)).to_be_hidden()
    expect_text(form, r"!\[甲の図\]\(\S+\)\n\n!\[乙の図\]\(\S+\)\n\n!\[丙の図\]\(\S+\)")


def test_a_picture_is_chosen_from_the_dialog_with_its_upload_button(form: Page) -> None:
    write(form, "本文«»")
    tool(form, "picture")
    form.locator("#writing-picture input[type=file]").set_input_files(
        [{"name": "机.png", "mimeType": "image/png", "buffer": draw(8)}]
    )
    expect(form.locator("#writing-picture")).to_be_hidden()
    expect_text(form, r"本文!\[\]\(/media/\S+/机\.png\)")


def test_progress_is_shown_and_spoken_and_an_upload_can_be_stopped(form: Page) -> None:
    client = form.context.new_cdp_session(form)
    client.send("Network.enable")
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000}
    client.send("Network.emulateNetworkConditions", conditions)
    # Some thirty seconds' worth: a quarter is soon told, and the end is far when it is stopped.
    noise = Image.effect_noise((2000, 1600), 90)
    file = io.BytesIO()
    noise.save(file, "PNG")
    write(form, "前«»")
    bring(form, "paste", ("大.png", file.getvalue()))
    expect(form.locator(".writing-tray-said")).to_contain_text(re.compile(r"大\.png: \d+％"))
    expect(form.locator(".writing-upload progress")).not_to_have_attribute("value", "0")
    form.locator("[data-upload=cancel]").click()
    expect(form.locator(".writing-upload")).to_have_count(0)
    expect(panel(form)).to_be_hidden()
    expect_text(form, "前")
    assert not MediaFile.objects.exists()


def test_after_a_lost_network_the_picture_is_kept_and_sent_again(form: Page) -> None:
    form.route(UPLOAD, lambda route: route.abort("internetdisconnected"))
    write(form, "前«»後")
    bring(form, "paste", ("倉庫.png", draw(9)))
    row = form.locator(".writing-upload")
    expect(row).to_contain_text("ネットワーク")
    expect_text(form, "前後")
    form.unroute(UPLOAD)
    row.locator("[data-upload=retry]").click()
    expect_text(form, r"前!\[\]\(/media/\S+\)後")
    expect(row).to_have_count(0)


def test_what_the_server_refuses_leaves_nothing_in_the_text(form: Page) -> None:
    write(form, "前«»後")
    bring(form, "paste", ("倉庫.png", b"\x89PNG\r\n\x1a\nbroken"))
    expect(form.locator(".writing-upload.is-fault")).to_contain_text("倉庫.png")
    form.locator("[data-upload=cancel]").click()
    expect(form.locator(".writing-upload")).to_have_count(0)
    expect_text(form, "前後")
    assert not MediaFile.objects.exists()


def test_a_session_that_has_ended_leads_to_the_sign_in_and_keeps_the_picture(form: Page, live_site: Any) -> None:
    form.context.clear_cookies(name="sessionid")
    bring(form, "paste", ("倉庫.png", draw(10)))
    row = form.locator(".writing-upload")
    expect(row.get_by_role("link")).to_have_attribute("href", "/admin/login/")
    sign_in(form, live_site, "editor")
    row.locator("[data-upload=retry]").click()
    expect_text(form, r"!\[\]\(/media/\S+\)")


def test_nothing_is_put_into_the_text_under_an_open_composition(form: Page) -> None:
    held: list[Route] = []
    form.route(UPLOAD, lambda route: held.append(route))
    write(form, "前«»")
    bring(form, "paste", ("倉庫.png", draw(11)))
    expect(form.locator(".writing-upload")).to_have_count(1)
    client = form.context.new_cdp_session(form)
    client.send("Input.imeSetComposition", {"selectionStart": 3, "selectionEnd": 3, "text": "そうこ"})
    wait_until(form, lambda: held)
    with form.expect_response(UPLOAD):
        held[0].continue_()
    expect(form.locator(".writing-upload")).to_have_count(0)
    expect_text(form, "前そうこ")
    client.send("Input.insertText", {"text": "倉庫"})
    expect_text(form, r"前!\[\]\(/media/\S+\)倉庫")


def test_a_picture_that_looks_like_one_of_the_library_is_offered_instead(form: Page) -> None:
    known = add_media(draw(12, (640, 400)), "元の写真.png", alt="川沿いの倉庫")
    compare_pictures([known])
    bring(form, "paste", ("縮小.png", draw(12)))
    expect(panel(form)).to_contain_text("川沿いの倉庫")
    form.locator("[data-part=use]").click()
    expect_text(form, rf"!\[川沿いの倉庫\]\({re.escape(known.url)}\)")


def test_what_somebody_is_writing_of_a_picture_that_the_library_knows_stays(form: Page) -> None:
    held: list[Route] = []
    form.route(UPLOAD, lambda route: held.append(route))
    known = add_media(draw(21), "倉庫.png", alt="川沿いの倉庫")
    bring(form, "paste", ("倉庫.png", draw(21)))
    form.locator("#writing-alt").fill("夜の倉庫")
    wait_until(form, lambda: held)
    held[0].continue_()
    expect_text(form, rf"!\[\]\({re.escape(known.url)}\)")
    expect(form.locator("#writing-alt")).to_have_value("夜の倉庫")
    form.locator("#writing-alt").press("Enter")
    expect_text(form, rf"!\[夜の倉庫\]\({re.escape(known.url)}\)")


def test_a_cover_is_uploaded_and_its_text_goes_into_the_field(form: Page) -> None:
    form.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    bring(form, "drop", ("表紙.png", draw(13)), to=".field-cover")
    form.locator("#writing-alt").fill("夜の机")
    form.locator("#writing-alt").press("Enter")
    expect(form.locator("#id_cover_alt")).to_have_value("夜の机")
    expect(form.locator("#id_cover")).to_have_value(str(MediaFile.objects.get().pk))
    expect(form.locator(".field-cover .select2-selection__rendered")).to_contain_text("表紙.png")
    expect_text(form, "")


def test_a_file_dropped_beside_its_target_does_not_take_the_place_of_the_page(form: Page) -> None:
    assert bring(form, "drop", ("倉庫.png", draw(14)), to=".desk-bar")
    assert bring(form, "drop", ("原稿.txt", b"text"), of="text/plain")
    expect(form.locator(".writing-said")).to_contain_text("画像")
    assert not MediaFile.objects.exists()


def test_the_panel_and_its_uploads_are_for_everybody(form: Page) -> None:
    form.route(UPLOAD, lambda route: route.abort("internetdisconnected"))
    bring(form, "paste", ("倉庫.png", draw(15)))
    expect(form.locator(".writing-upload.is-fault")).to_be_visible()
    violations = run_axe(form)
    assert [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in violations] == []


def test_the_focal_point_is_set_by_keyboard_and_by_a_press_and_shown_in_crops(
    page: Page, live_site: Any, media_root: Any
) -> None:
    person = sign_in(page, live_site, "publisher")
    media = add_media(draw(16), "倉庫.png", user=person)
    page.goto(f"{live_site.url}/admin/articles/mediafile/{media.pk}/change/")
    settle(page)
    slider = page.locator("#id_focus_x")
    slider.focus()
    expect(slider).to_be_focused()
    page.keyboard.press("Home")
    crop = page.locator(".focus-crop img").first
    expect(crop).to_have_css("object-position", "0% 50%")
    whole = page.locator(".focus-whole")
    box = wait_until(page, whole.bounding_box, lambda box: box and box["width"] and box["height"])
    assert box
    whole.click(position={"x": box["width"] * 0.8, "y": box["height"] * 0.2})
    expect(page.locator("#id_focus_y")).to_have_value(re.compile("19|20|21"))
    assert [rule["id"] for rule in run_axe(page)] == []
    page.locator("input[name=_save]").click()
    page.wait_for_url("**/mediafile/")
    media.refresh_from_db()
    assert (79 <= media.focus_x <= 81, media.focus_class) == (True, "fx-80 fy-20")


def test_a_picture_is_replaced_and_brought_back_and_the_pages_are_for_everybody(
    page: Page, live_site: Any, media_root: Any
) -> None:
    person = sign_in(page, live_site, "publisher")
    media = add_media(draw(17), "倉庫.png", alt="倉庫", user=person)
    page.goto(f"{live_site.url}/admin/articles/mediafile/{media.pk}/replace/")
    assert [rule["id"] for rule in run_axe(page)] == []
    page.set_input_files("input[type=file]", {"name": "新しい倉庫.png", "mimeType": "image/png", "buffer": draw(18)})
    click_through(page.locator(".submit-row button"))
    expect(page.locator(".messagelist")).to_contain_text("差し替えました")
    expect(page.locator(".media-versions")).to_contain_text("倉庫.png")
    assert [rule["id"] for rule in run_axe(page)] == []
    click_through(page.locator(".media-versions button"))
    expect(page.locator(".media-versions")).to_contain_text("新しい倉庫.png")
    media.refresh_from_db()
    assert (media.name, media.alt) == ("倉庫.png", "倉庫")


def test_the_list_and_the_pairs_that_look_alike_are_for_everybody(page: Page, live_site: Any, media_root: Any) -> None:
    person = sign_in(page, live_site, "publisher")
    compare_pictures([add_media(draw(19, size), f"{size[0]}.png", user=person) for size in ((640, 400), (320, 200))])
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    for address in ("", "add/", f"{MediaFile.objects.latest('pk').pk}/delete/", "alike/"):
        page.goto(f"{live_site.url}/admin/articles/mediafile/{address}")
        assert (address, [rule["id"] for rule in run_axe(page)]) == (address, [])
    click_through(page.locator(".media-pairs button"))
    expect(page.locator(".media-pairs")).to_have_count(0)


LIST_FITS = """() => [document.documentElement.scrollWidth <= innerWidth,
  document.querySelector('.results').scrollWidth <= document.querySelector('.results').clientWidth,
  Math.max(...[...document.querySelectorAll('#result_list tbody tr')].map(row => row.getBoundingClientRect().height)) < 200,
  [...document.querySelectorAll('.name-ending')].every(ending => ending.getClientRects().length === 1)]"""


def test_the_list_of_files_fits_with_long_names_and_breaks_none_in_its_ending(
    page: Page, live_site: Any, media_root: Any
) -> None:
    sign_in(page, live_site, "publisher")
    add_media(
        draw(71),
        "川沿いの倉庫街を歩く市民の見学会で撮った夕方の煉瓦造りの倉庫と運河にかかる橋の全景" * 2 + ".jpeg",
        alt="夕方の倉庫街",
    )
    add_media(draw(72), "a" * 66 + ".png")
    add_media(b"<!doctype html>", "fake.jpg")
    MediaFile.objects.update(credit="写真部 山田花子", licence="all-rights-reserved")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{live_site.url}/admin/articles/mediafile/")
        assert page.evaluate(LIST_FITS) == [True] * 4, width
