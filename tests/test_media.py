"""Verifying files and making the copies that readers get."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib

import pytest
from PIL import GifImagePlugin, Image

from articles import media
from articles.findings import RefusedFile
from articles.media import detect_type, is_inline, make_public_copy

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 20 10">{}</svg>'


def make_image(image_format: str, *, mode: str = "RGB", size: tuple[int, int] = (40, 20), **options: object) -> bytes:
    output = io.BytesIO()
    Image.radial_gradient("L").resize(size).convert(mode).save(output, image_format, **options)
    return output.getvalue()


def make_animation(image_format: str, frames: int = 3) -> bytes:
    output = io.BytesIO()
    first, *others = [Image.new("RGB", (30, 20), (80 * (number % 3), 40, 200 - number % 100)) for number in range(frames)]
    first.save(output, image_format, save_all=True, append_images=others, duration=100, loop=0)
    return output.getvalue()


def make_png_header(width: int, height: int) -> bytes:
    """A PNG that states a size and has next to nothing in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def refusal(data: bytes, name: str = "file") -> str:
    with pytest.raises(RefusedFile) as refused:
        make_public_copy(data, name)
    assert name in refused.value.finding.message
    return refused.value.finding.code


@pytest.mark.parametrize(
    ("image_format", "content_type", "extension"),
    [
        ("JPEG", "image/jpeg", "jpg"),
        ("PNG", "image/png", "png"),
        ("WEBP", "image/webp", "webp"),
        ("GIF", "image/gif", "gif"),
        ("AVIF", "image/avif", "avif"),
    ],
)
def test_a_picture_keeps_its_format_whatever_its_name(image_format, content_type, extension):
    copy = make_public_copy(make_image(image_format), "page.html")
    assert (copy.content_type, copy.extension, copy.width, copy.height) == (content_type, extension, 40, 20)
    assert Image.open(io.BytesIO(copy.data)).size == (40, 20)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_metadata_is_stripped_and_orientation_applied(image_format):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010E] = "SECRET PLACE"
    exif.get_ifd(0x8825)[1] = "N"
    copy = make_public_copy(make_image(image_format, exif=exif), "photo")
    assert (copy.width, copy.height) == (20, 40)
    assert b"SECRET" not in copy.data
    assert not Image.open(io.BytesIO(copy.data)).getexif()


def test_comments_of_a_gif_and_text_of_a_png_are_stripped():
    assert b"SECRET" not in make_public_copy(make_image("GIF", comment=b"SECRET"), "a.gif").data
    output = io.BytesIO()
    animation = Image.open(io.BytesIO(make_animation("GIF")))
    animation.save(output, "GIF", save_all=True, comment=b"SECRET")
    assert b"SECRET" not in make_public_copy(output.getvalue(), "b.gif").data
    text = b"tEXtComment\0SECRET"
    png = make_image("PNG")
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    assert b"SECRET" not in make_public_copy(png[:33] + chunk + png[33:], "c.png").data


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "GIF", "AVIF"])
def test_an_animation_keeps_its_frames(image_format):
    copy = make_public_copy(make_animation(image_format), "a")
    assert Image.open(io.BytesIO(copy.data)).n_frames == 3


def test_an_animation_of_too_many_frames_is_refused(monkeypatch):
    monkeypatch.setattr(media, "MAX_FRAMES", 5)
    assert refusal(make_animation("GIF", 9)) == "animation-too-long"
    monkeypatch.setattr(media, "MAX_FRAMES", 500)
    monkeypatch.setattr(media, "MAX_ANIMATION_PIXELS", 1000)
    assert refusal(make_animation("WEBP", 9)) == "animation-too-long"


def test_no_more_frames_of_an_animation_are_decoded_than_it_may_have(monkeypatch):
    seeks = []
    seek = GifImagePlugin.GifImageFile.seek
    monkeypatch.setattr(media, "MAX_ANIMATION_PIXELS", 30 * 20 * 4)
    monkeypatch.setattr(GifImagePlugin.GifImageFile, "seek", lambda image, frame: seeks.append(frame) or seek(image, frame))
    assert refusal(make_animation("GIF", 40)) == "animation-too-long"
    assert max(seeks) == 4


@pytest.mark.parametrize("side", [12_000, 20_000, 60_000])
def test_a_picture_of_too_many_pixels_is_refused_by_its_header(side):
    tracemalloc.start()
    assert refusal(make_png_header(side, side), "bomb.png") == "image-too-large"
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_a_picture_that_is_cut_off_is_refused(image_format):
    data = make_image(image_format, size=(300, 200))
    assert refusal(data[: len(data) // 2]) == "image-broken"
    assert refusal(data[:14] + bytes(64)) == "image-broken"


def test_what_is_hidden_behind_a_picture_does_not_reach_readers():
    copy = make_public_copy(make_image("GIF") + b"PK\x03\x04 a whole archive", "both.gif")
    assert b"PK\x03\x04" not in copy.data


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_png_is_taken(mode):
    output = io.BytesIO()
    Image.new(mode, (8, 8)).save(output, "PNG")
    assert make_public_copy(output.getvalue(), "a.png").width == 8


def test_a_cmyk_jpeg_becomes_one_that_browsers_show():
    copy = make_public_copy(make_image("JPEG", mode="CMYK"), "print.jpg")
    assert Image.open(io.BytesIO(copy.data)).mode == "RGB"


def test_a_transparent_palette_stays_transparent():
    output = io.BytesIO()
    picture = Image.radial_gradient("L").convert("P")
    picture.save(output, "PNG", transparency=picture.getpixel((0, 0)))
    copy = make_public_copy(output.getvalue(), "a.png")
    assert Image.open(io.BytesIO(copy.data)).convert("RGBA").getpixel((0, 0))[3] == 0


def test_a_plain_drawing_is_served_without_its_metadata():
    drawing = SVG.format(
        '<metadata><rdf:RDF xmlns:rdf="urn:rdf">SECRET</rdf:RDF></metadata><!-- SECRET --><title>図</title>'
        '<defs><linearGradient id="a"><stop offset="0" style="stop-color:#b3261e"/></linearGradient></defs>'
        '<path d="M0 0h20v10z" fill="url(#a)"/><use xlink:href="#a"/><text>A &amp; B</text>'
    )
    copy = make_public_copy(drawing.encode(), "figure.svg")
    assert (copy.content_type, copy.width, copy.height) == ("image/svg+xml", 20, 10)
    assert b"SECRET" not in copy.data
    assert "A &amp; B" in copy.data.decode()
    assert make_public_copy(copy.data, "figure.svg").data == copy.data


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<path onload="alert(1)"/>',
        '<path ONLOAD="alert(1)"/>',
        "<foreignObject><p/></foreignObject>",
        '<a href="javascript:alert(1)"><path/></a>',
        '<use href="https://evil.example/a.svg#b"/>',
        '<use xlink:href="//evil.example/a.svg#b"/>',
        '<image href="https://evil.example/a.png"/>',
        '<image href="data:image/svg+xml;base64,PHN2Zz4="/>',
        '<set attributeName="href" to="javascript:alert(1)"/>',
        '<animate attributeName="href" values="javascript:alert(1)"/>',
        "<style>@import url(https://evil.example/a.css);</style>",
        "<style>@im<![CDATA[port 'https://evil.example/a.css']]>;</style>",
        "<style>path { fill: u\\72l(https://evil.example/) }</style>",
        '<path style="background: url(https://evil.example/a.png)"/>',
        '<path fill="url(https://evil.example/a.svg#b)"/>',
        '<path style="background: image-set(&quot;https://evil.example/a.png&quot; 1x)"/>',
        '<body xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></body>',
        '<handler xmlns:ev="urn:x" type="text/javascript">alert(1)</handler>',
        "<g>" * 200 + "</g>" * 200,
        '<g id="a"><use href="#b"/><use href="#b"/></g>'
        + "".join(f'<g id="{chr(98 + n)}">{f"""<use href="#{chr(99 + n)}"/>""" * 10}</g>' for n in range(8)),
    ],
)
def test_a_drawing_that_could_act_is_not_served(inside):
    assert refusal(SVG.format(inside).encode(), "x.svg") == "svg-unsafe"


def test_a_drawing_with_entities_is_refused_unread():
    bomb = '<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + SVG.format("<text>&b;</text>")
    assert refusal(bomb.encode()) == "svg-unsafe"
    outside = '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + SVG.format("<text>&a;</text>")
    assert refusal(outside.encode()) == "svg-unsafe"


def test_a_drawing_that_is_no_xml_is_refused():
    assert refusal(b"<svg><path></svg>", "x.svg") == "svg-broken"


@pytest.mark.parametrize(
    ("data", "name", "content_type"),
    [
        (b"%PDF-1.7\n...\n%%EOF\n", "a.pdf", "application/pdf"),
        (b"ID3\x04\0", "a.mp3", "audio/mpeg"),
        (b"\0\0\0\x18ftypisom", "a.mp4", "video/mp4"),
        (b"OggS\0", "a.ogg", "application/ogg"),
        (b"PK\x03\x04", "report.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (b"PK\x03\x04", "evil.jar", "application/zip"),
    ],
)
def test_documents_sound_and_film_are_downloads(data, name, content_type):
    copy = make_public_copy(data, name)
    assert (copy.content_type, copy.data) == (content_type, data)
    assert not is_inline(copy.extension)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<script>alert(1)</script>", "x.html"),
        (b"<script>alert(1)</script>", "x.png"),
        (b"<!doctype html><html><svg></svg></html>", "x.svg"),
        (b"alert(1)", "x.js"),
        (b"<?php system($_GET[0]);", "x.php"),
        (b"MZ\x90\0", "x.exe"),
        (b"FWS\x06", "x.swf"),
        (b"<?xml version='1.0'?><a/>", "x.xml"),
        (b"AddType text/html .png", ".htaccess"),
        (b"%PDF-1.4 /JS (app.alert(1))", "x.pdf"),
        (b"", "empty.png"),
    ],
)
def test_active_and_unknown_files_are_kept_from_readers(data, name):
    assert refusal(data, name) == "media-type-not-served"
    assert detect_type(data, name) == "application/octet-stream"


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"hevc", b"mif1"])
def test_a_telephones_picture_does_not_pass_for_a_film(brand):
    data = b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic"
    assert refusal(data, "IMG_0001.HEIC") == "heif-not-served"
    assert detect_type(data, "IMG_0001.HEIC") == "application/octet-stream"
