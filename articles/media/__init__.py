"""Verifies files by their content and makes the copy that readers get. Pure: bytes in, bytes out.

Nothing is believed but the bytes: not the name, not a declared type. An image is decoded and written anew, so that
neither metadata (GPS, serial numbers) nor anything appended to it reaches a reader.
"""

from __future__ import annotations

import io
import math
import posixpath
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import mul
from typing import Any, Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from django.utils.translation import gettext_noop as _
from PIL import GifImagePlugin, Image, ImageOps, ImageStat, JpegImagePlugin

from articles.findings import Finding, RefusedFile

#: Pixels of one picture, as its header states them. A 24 × 36 mm camera has 24 to 45 million.
MAX_PIXELS: Final = 50_000_000
MAX_FRAMES: Final = 500
#: Pixels of all frames of an animation together.
MAX_ANIMATION_PIXELS: Final = 200_000_000
MAX_IMAGE_BYTES: Final = 60_000_000
MAX_SVG_BYTES: Final = 2_000_000
MAX_SVG_DEPTH: Final = 100
MAX_SVG_COPIES: Final = 5_000
_MAX_ICC_BYTES: Final = 600_000

# What Pillow's decoders are known to raise on cut or forged files.
DECODER_ERRORS: Final = (
    *(OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError, MemoryError, OverflowError),
)

_IMAGE_TYPES: Final = {
    "JPEG": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "WEBP": ("image/webp", "webp"),
    "GIF": ("image/gif", "gif"),
    "AVIF": ("image/avif", "avif"),
}

#: Suffix of a public file → its type. What is not here is never served.
SERVED_TYPES: Final = {
    **{extension: content_type for content_type, extension in _IMAGE_TYPES.values()},
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "ogg": "application/ogg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "zip": "application/zip",
    "epub": "application/epub+zip",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_ZIP_SUFFIXES: Final = frozenset({"epub", "docx", "xlsx", "pptx"})
_HEIF_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})
_PRIVATE_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class PublicCopy:
    """What readers get of a file. Sizes in pixels; 0 where the file has none. ``likeness`` as :func:`measure_likeness` has it."""

    data: bytes
    content_type: str
    width: int
    height: int
    extension: str
    likeness: str = ""

    @property
    def is_picture(self) -> bool:
        return self.content_type.startswith("image/")


def make_public_copy(data: bytes, name: str) -> PublicCopy:
    """The cleaned copy of a file of the allowed kinds.

    Images lose their metadata and take their orientation; they keep their format and, within limits, their frames.
    Vector drawings are written anew from a safe list. Documents, sound and film stay as they are and are to be sent
    as downloads. Raises :class:`RefusedFile` with the reason for everything else: keep it privately, do not serve it.
    """
    if (image_format := detect_image(data)) is not None:
        return _clean_image(data, name, image_format)
    if (extension := _detect_attachment(data, name)) is not None:
        return PublicCopy(data, SERVED_TYPES[extension], 0, 0, extension)
    if _looks_like_svg(data):
        return _clean_svg(data, name)
    raise _not_served(data, name)


def foresee_fault(data: bytes, name: str) -> Finding | None:
    """Why :func:`make_public_copy` would refuse a file, as far as its first bytes say it: no pixel is decoded."""
    image_format = detect_image(data)
    try:
        if image_format is not None:
            with _open_image(data, name, image_format):
                return None
    except RefusedFile as refused:
        return refused.finding
    if _detect_attachment(data, name) is None and not _looks_like_svg(data):
        return _not_served(data, name).finding
    return None


def _not_served(data: bytes, name: str) -> RefusedFile:
    if _is_heif(data):
        return _refuse(
            "heif-not-served",
            name,
            _("%(name)s is a HEIC picture, which most browsers do not show; it is kept privately. Save it as JPEG first."),
        )
    return _refuse(
        "media-type-not-served",
        name,
        _("%(name)s is of no type that readers are given; it is kept privately. Use a picture, PDF, sound or film file."),
    )


def is_inline(extension: str) -> bool:
    """Whether a browser may show a public file in the page; every other kind is sent as a download."""
    return SERVED_TYPES.get(extension, "").startswith("image/")


def detect_type(data: bytes, name: str) -> str:
    """The type of a file by its content, for the record; ``application/octet-stream`` where it is none we serve."""
    if (image_format := detect_image(data)) is not None:
        return _IMAGE_TYPES[image_format][0]
    if (extension := _detect_attachment(data, name)) is not None:
        return SERVED_TYPES[extension]
    return SERVED_TYPES["svg"] if _looks_like_svg(data) else _PRIVATE_TYPE


def _refuse(code: str, name: str, template: str, **params: Any) -> RefusedFile:
    return RefusedFile(Finding(code, "warning", template, {"name": name, **params}))


# --- Images ---------------------------------------------------------------------------------------------------------


def detect_image(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis"):
        return "AVIF"
    return None


def _clean_image(data: bytes, name: str, image_format: str) -> PublicCopy:
    with _open_image(data, name, image_format) as image:
        return _encode(image, image_format, _options(image, image_format, data))


@contextmanager
def _open_image(data: bytes, name: str, image_format: str) -> Iterator[Image.Image]:
    """The picture, not decoded yet. Raises RefusedFile for one that is too large, and where its decoding fails."""
    if len(data) > MAX_IMAGE_BYTES:
        raise _refuse(
            "image-too-heavy",
            name,
            _("%(name)s has %(size)s bytes, more than the %(limit)s a picture may have. Save it smaller."),
            size=len(data),
            limit=MAX_IMAGE_BYTES,
        )
    try:
        with warnings.catch_warnings():
            # Pillow only warns about pictures up to twice its own limit.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)
            with Image.open(io.BytesIO(data), formats=[image_format]) as image:
                _check_size(image, name)
                yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(name) from error
    except DECODER_ERRORS as error:
        raise _refuse(
            "image-broken",
            name,
            _("%(name)s begins like a picture but cannot be decoded; it may be cut off. Get it again from where it came."),
        ) from error


def _too_many_pixels(name: str) -> RefusedFile:
    return _refuse(
        "image-too-large",
        name,
        _("%(name)s has more than %(limit)s pixels. Save it smaller."),
        limit=f"{MAX_PIXELS:,}",
    )


def _check_size(image: Image.Image, name: str) -> None:
    """Before a pixel is decoded: what the header states."""
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        raise _too_many_pixels(name)
    frames = _count_frames(image)
    if frames > MAX_FRAMES or (frames > 1 and frames * pixels > MAX_ANIMATION_PIXELS):
        raise _refuse(
            "animation-too-long",
            name,
            _("%(name)s is an animation of more than %(frames)s frames or %(limit)s pixels in all. Use a film file instead."),
            frames=MAX_FRAMES,
            limit=f"{MAX_ANIMATION_PIXELS:,}",
        )


def _count_frames(image: Image.Image) -> int:
    if not isinstance(image, GifImagePlugin.GifImageFile):
        return int(getattr(image, "n_frames", 1))
    # ``n_frames`` of a GIF walks through the whole file, however many frames it has; every step decodes a frame.
    count, most = 1, min(MAX_FRAMES, MAX_ANIMATION_PIXELS // max(1, image.width * image.height))
    try:
        while count <= most:
            image.seek(count)
            count += 1
    except EOFError:
        pass
    image.seek(0)
    return count


def _encode(image: Image.Image, image_format: str, options: dict[str, Any]) -> PublicCopy:
    content_type, extension = _IMAGE_TYPES[image_format]
    output = io.BytesIO()
    if getattr(image, "is_animated", False):
        image.load()
        likeness = _measure(image)
        image.info.pop("comment", None)
        image.save(output, image_format, save_all=True, **options)
        width, height = image.size
    else:
        still = _bare(ImageOps.exif_transpose(image))
        likeness = _measure(still)
        still.save(output, image_format, **options)
        width, height = still.size
    return PublicCopy(output.getvalue(), content_type, width, height, extension, likeness)


def _options(image: Image.Image, image_format: str, data: bytes) -> dict[str, Any]:
    options: dict[str, Any] = {}
    profile = image.info.get("icc_profile")
    # Without its profile a wide-gamut picture changes colour; a profile says nothing about its author.
    if isinstance(profile, bytes) and 0 < len(profile) <= _MAX_ICC_BYTES and image.mode != "CMYK":
        options["icc_profile"] = profile
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        options |= {"progressive": True, "optimize": image.width * image.height <= 12_000_000}
        if image.mode in ("L", "RGB") and image.quantization:
            # The picture's own tables: written anew, it loses next to nothing.
            options["qtables"] = image.quantization
            sampling = JpegImagePlugin.get_sampling(image)
            if sampling >= 0:
                options["subsampling"] = sampling
        else:
            options["quality"] = 90
    elif image_format == "WEBP":
        # A lossless picture (VP8L) is a screenshot or a diagram: written with losses it would be soft and larger.
        options |= {"lossless": b"VP8L" in data and b"VP8 " not in data, "quality": 88, "method": 4}
    elif image_format == "AVIF":
        options |= {"quality": 75, "speed": 8}
    elif image_format == "GIF":
        options["comment"] = b""
    return options


def _bare(image: Image.Image) -> Image.Image:
    """The pixels and what is needed to show them: no EXIF, no comments, no text chunks."""
    image.load()
    kept: dict[str | tuple[int, int], Any] = {key: image.info[key] for key in ("transparency", "background") if key in image.info}
    still = image.convert("RGB") if image.mode in ("CMYK", "YCbCr", "LAB", "HSV", "F") else image.copy()
    still.info.clear()
    if image.mode in ("P", "L", "RGB", "1"):
        still.info.update(kept)
    return still


# --- Likeness -------------------------------------------------------------------------------------------------------

#: A picture in which nothing can be told apart is like every other of its kind.
NO_LIKENESS: Final = "-"
_SIDE: Final = 32
_KEPT: Final = 8
_FEWEST_BITS: Final = 4
#: Shades below which a difference is noise of the compression; a gradient would else differ from itself saved again.
_QUANTUM: Final = 48.0
_WAVES: Final = tuple(
    tuple(math.cos(math.pi * (2 * place + 1) * wave / (2 * _SIDE)) for place in range(_SIDE)) for wave in range(_KEPT + 1)
)


def measure_likeness(data: bytes) -> str:
    """What a picture looks like, in 64 bits (hexadecimal): pictures that look alike differ in few of them.

    :data:`NO_LIKENESS` for what is no picture of dots, cannot be decoded, or shows nothing but a shade or two.
    """
    image_format = detect_image(data)
    if image_format is None:
        return NO_LIKENESS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)
            with Image.open(io.BytesIO(data), formats=[image_format]) as image:
                if image.width * image.height > MAX_PIXELS:
                    return NO_LIKENESS
                # A JPEG is decoded at an eighth of its size where that is enough.
                image.draft("RGB", (_SIDE * 4, _SIDE * 4))
                return _measure(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, *DECODER_ERRORS):
        return NO_LIKENESS


def count_differences(one: str, other: str) -> int:
    """In how many of their 64 bits two likenesses differ; 64 where one is none."""
    if len(one) != 16 or len(other) != 16:
        return 64
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _measure(image: Image.Image) -> str:
    """The signs of the picture's slowest waves (a perceptual hash): sizes, formats and small retouches leave them alone."""
    try:
        grey = _shrink(image)
    except ValueError:
        # A rare mode that Pillow writes but does not turn into grey: no reason to refuse the picture.
        return NO_LIKENESS
    if ImageStat.Stat(grey).stddev[0] < 2:
        return NO_LIKENESS
    pixels = grey.tobytes()
    rows = [[sum(map(mul, wave, pixels[start : start + _SIDE])) for wave in _WAVES] for start in range(0, _SIDE * _SIDE, _SIDE)]
    columns = list(zip(*rows, strict=True))
    waves = [round(sum(map(mul, _WAVES[down], columns[across])) / _QUANTUM) for down, across in _PLACES]
    middle = sorted(waves)[len(waves) // 2]
    bits = int("".join("1" if wave > middle else "0" for wave in waves), 2)
    return f"{bits:016x}" if bits.bit_count() >= _FEWEST_BITS else NO_LIKENESS


def _shrink(image: Image.Image) -> Image.Image:
    """The picture in grey, small, on white where it is transparent."""
    half = (_SIDE * 2, _SIDE * 2)
    if image.mode in ("P", "PA", "LA", "RGBA") or "transparency" in image.info:
        small = image.convert("RGBA").resize(half, Image.Resampling.BOX, reducing_gap=2.0)
        ground = Image.new("RGBA", half, "white")
        ground.alpha_composite(small)
        grey = ground.convert("L")
    else:
        plain = image if image.mode == "RGB" else image.convert("L")
        grey = plain.resize(half, Image.Resampling.BOX, reducing_gap=2.0).convert("L")
    return grey.resize((_SIDE, _SIDE), Image.Resampling.BOX)


# The slowest wave of all is the brightness of the whole, which is no likeness.
_PLACES: Final = tuple(divmod(number, _KEPT) for number in range(1, _KEPT * _KEPT + 1))


# --- Vector drawings ------------------------------------------------------------------------------------------------

_SVG_NAMESPACE: Final = "http://www.w3.org/2000/svg"
_XLINK_NAMESPACE: Final = "http://www.w3.org/1999/xlink"
_XML_NAMESPACE: Final = "http://www.w3.org/XML/1998/namespace"

_SVG_ELEMENT_NAMES: Final = """
    svg g defs symbol use title desc path rect circle ellipse line polyline polygon text tspan textPath image marker
    linearGradient radialGradient stop clipPath mask pattern filter style switch view
    feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap
    feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feMerge feMergeNode feMorphology
    feOffset fePointLight feSpecularLighting feSpotLight feTile feTurbulence"""
_SVG_ELEMENTS: Final = frozenset(_SVG_ELEMENT_NAMES.split())
# Left out with what is in them: they describe the drawing and show nothing.
_SVG_DROPPED: Final = frozenset({"metadata"})
_SVG_ATTRIBUTE_NAMES: Final = """
    id class style lang x y x1 y1 x2 y2 dx dy cx cy r rx ry fx fy fr width height viewBox preserveAspectRatio version
    d points pathLength transform gradientTransform gradientUnits patternTransform patternUnits patternContentUnits
    spreadMethod offset clipPathUnits maskUnits maskContentUnits markerUnits markerWidth markerHeight refX refY orient
    filterUnits primitiveUnits in in2 result stdDeviation mode type values operator k1 k2 k3 k4 order kernelMatrix divisor
    bias targetX targetY edgeMode preserveAlpha surfaceScale diffuseConstant specularConstant specularExponent azimuth
    elevation pointsAtX pointsAtY pointsAtZ limitingConeAngle z scale xChannelSelector yChannelSelector radius
    baseFrequency numOctaves seed stitchTiles tableValues slope intercept amplitude exponent kernelUnitLength
    textLength lengthAdjust rotate startOffset method spacing side href role tabindex
    requiredFeatures systemLanguage requiredExtensions data-name
    alignment-baseline baseline-shift clip clip-path clip-rule color color-interpolation color-interpolation-filters
    color-rendering cursor direction display dominant-baseline enable-background fill fill-opacity fill-rule filter
    flood-color flood-opacity font font-family font-feature-settings font-size font-size-adjust font-stretch font-style
    font-variant font-weight glyph-orientation-horizontal glyph-orientation-vertical image-rendering isolation kerning
    letter-spacing lighting-color marker marker-end marker-mid marker-start mask mix-blend-mode opacity overflow
    paint-order pointer-events shape-rendering stop-color stop-opacity stroke stroke-dasharray stroke-dashoffset
    stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity stroke-width text-anchor text-decoration
    text-rendering unicode-bidi vector-effect visibility word-spacing writing-mode"""
_SVG_ATTRIBUTES: Final = frozenset(_SVG_ATTRIBUTE_NAMES.split())
_CSS_ESCAPE_OR_CODE: Final = re.compile(r"\\|@|expression|javascript|behaviou?r|-moz-binding|<", re.IGNORECASE)
_CSS_URL: Final = re.compile(r"url\s*\(\s*[\"']?\s*([^)\"']*)", re.IGNORECASE)
_CSS_FETCHING: Final = re.compile(r"(?:image-set|image|src|cross-fade|element)\s*\(", re.IGNORECASE)
_RASTER_DATA: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp|avif);base64,[A-Za-z0-9+/=\s]*\Z")
_LENGTH: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(?:px)?\s*\Z")


def _looks_like_svg(data: bytes) -> bool:
    start = data[:4096].lower()
    return b"<svg" in start and b"<html" not in start


class _SvgWriter:
    """Reads a drawing with expat and writes it anew from the safe list. A document type stops it: no entities, no DTD."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pieces: list[str] = []
        self.open: list[str] = []
        self.css: list[str] = []
        self.skipping = 0
        self.size = (0, 0)
        self.ids: list[str] = []
        self.uses: dict[str, list[str]] = {}

    def refuse(self, what: str) -> RefusedFile:
        return _refuse(
            "svg-unsafe",
            self.name,
            _("%(name)s has %(what)s, which no drawing for readers may have; it is kept, not served. Export it as plain SVG."),
            what=what[:120],
        )

    def doctype(self, doctype_name: str, system_id: str | None, public_id: str | None, has_internal_subset: int) -> None:
        if has_internal_subset:
            raise self.refuse("<!DOCTYPE [")

    def entity(self, *args: object) -> None:
        raise self.refuse("<!ENTITY>")

    def outside(self, context: str, base: str | None, system_id: str | None, public_id: str | None) -> int:
        raise self.refuse("<!ENTITY SYSTEM>")

    def start(self, qualified: str, attributes: dict[str, str]) -> None:
        if self.skipping:
            self.skipping += 1
            return
        namespace, _separator, tag = qualified.rpartition(" ")
        if (namespace and namespace != _SVG_NAMESPACE) or tag in _SVG_DROPPED:
            if namespace == "http://www.w3.org/1999/xhtml":
                raise self.refuse(f"<{tag}>")
            self.skipping = 1
            return
        if tag not in _SVG_ELEMENTS or (not self.open and tag != "svg"):
            raise self.refuse(f"<{tag}>")
        if len(self.open) >= MAX_SVG_DEPTH:
            raise self.refuse(f"{MAX_SVG_DEPTH} <{tag}>")
        kept = self.safe_attributes(tag, attributes)
        if not self.open:
            self.size = _svg_size(kept)
            kept = {"xmlns": _SVG_NAMESPACE, "xmlns:xlink": _XLINK_NAMESPACE, **kept}
        if self.open and self.open[-1] == "style":
            raise self.refuse(f"<style><{tag}>")
        self.open.append(tag)
        self.ids.append(kept.get("id", ""))
        if tag == "use":
            self.record_use(kept.get("href", kept.get("xlink:href", "")))
        self.pieces.append(f"<{tag}{''.join(f' {key}={quoteattr(value)}' for key, value in kept.items())}>")

    def end(self, qualified: str) -> None:
        if self.skipping:
            self.skipping -= 1
            return
        tag = self.open.pop()
        self.ids.pop()
        if tag == "style":
            self.check_css("".join(self.css))
            self.css.clear()
        self.pieces.append(f"</{tag}>")

    def text(self, text: str) -> None:
        if self.skipping:
            return
        if self.open and self.open[-1] == "style":
            # In parts (CDATA, references) a rule could hide from the check; it is made at the end of the element.
            self.css.append(text)
        self.pieces.append(escape(text))

    def record_use(self, reference: str) -> None:
        for holder in {"", *self.ids}:
            self.uses.setdefault(holder, []).append(reference.strip().lstrip("#"))

    def count_copies(self, holder: str = "", path: tuple[str, ...] = ()) -> int:
        """How many copies ``<use>`` makes in all: a few dozen that copy each other can make millions."""
        total = 0
        for target in self.uses.get(holder, []) if len(path) < 10 else []:
            if target and target not in path:
                total += 1 + self.count_copies(target, (*path, target))
            if total > MAX_SVG_COPIES:
                raise self.refuse(f"more than {MAX_SVG_COPIES} copies (<use>)")
        return total

    def safe_attributes(self, tag: str, attributes: dict[str, str]) -> dict[str, str]:
        kept: dict[str, str] = {}
        for qualified, value in attributes.items():
            namespace, _separator, key = qualified.rpartition(" ")
            if key.lower().startswith("on"):
                raise self.refuse(key)
            if namespace == _XLINK_NAMESPACE:
                if key != "href":
                    continue
                key = "xlink:href"
            elif namespace == _XML_NAMESPACE and key in ("space", "lang"):
                key = f"xml:{key}"
            elif namespace or not (key in _SVG_ATTRIBUTES or key.startswith(("aria-", "data-"))):
                continue
            if key in ("href", "xlink:href"):
                self.check_reference(tag, value)
            elif key == "style" or "(" in value:
                self.check_css(value)
            kept[key] = value
        return kept

    def check_reference(self, tag: str, value: str) -> None:
        target = value.strip()
        if target.startswith("#") or (tag == "image" and _RASTER_DATA.match(target)):
            return
        raise self.refuse(f'href="{target[:60]}"')

    def check_css(self, text: str) -> None:
        if _CSS_ESCAPE_OR_CODE.search(text) or _CSS_FETCHING.search(text):
            raise self.refuse(text.strip()[:60])
        for target in _CSS_URL.findall(text):
            if not target.startswith("#"):
                raise self.refuse(f"url({target[:60]})")


def _svg_size(attributes: dict[str, str]) -> tuple[int, int]:
    width, height = (_LENGTH.match(attributes.get(key, "")) for key in ("width", "height"))
    if width and height:
        return _whole(width[1]), _whole(height[1])
    numbers = re.split(r"[\s,]+", attributes.get("viewBox", "").strip())
    if len(numbers) == 4 and all(_LENGTH.match(number) for number in numbers[2:]):
        return _whole(numbers[2]), _whole(numbers[3])
    return 0, 0


def _whole(number: str) -> int:
    return min(round(float(number)), 100_000) if len(number) < 12 else 0


def _clean_svg(data: bytes, name: str) -> PublicCopy:
    writer = _SvgWriter(name)
    if len(data) > MAX_SVG_BYTES:
        raise writer.refuse(f"{len(data)} bytes")
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = writer.doctype
    parser.EntityDeclHandler = writer.entity
    parser.UnparsedEntityDeclHandler = writer.entity
    parser.ExternalEntityRefHandler = writer.outside
    parser.StartElementHandler = writer.start
    parser.EndElementHandler = writer.end
    parser.CharacterDataHandler = writer.text
    try:
        parser.Parse(data, True)
        writer.count_copies()
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise _refuse(
            "svg-broken",
            name,
            _("%(name)s looks like a drawing but is not well-formed XML (%(reason)s). Export it again as SVG or PNG."),
            reason=str(error)[:120],
        ) from error
    return PublicCopy("".join(writer.pieces).encode(), SERVED_TYPES["svg"], *writer.size, "svg")


# --- Documents, sound and film --------------------------------------------------------------------------------------


def _is_heif(data: bytes) -> bool:
    """Whether the file is a picture as telephones take them. Its container is that of films, which it must not pass for."""
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS


def _detect_attachment(data: bytes, name: str) -> str | None:
    """The suffix of an allowed download by its first bytes; the name only tells kinds of zip apart."""
    if data.startswith(b"%PDF-"):
        return "pdf" if b"%%EOF" in data[-2048:] else None
    if data.startswith(b"ID3") or (len(data) > 4 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2):
        return "mp3"
    if data[4:8] == b"ftyp" and not _is_heif(data):
        return {b"M4A ": "m4a", b"M4B ": "m4a", b"qt  ": "mov"}.get(data[8:12], "mp4")
    if data.startswith(b"\x1aE\xdf\xa3"):
        return "webm" if b"webm" in data[:64] else None
    if data.startswith(b"OggS"):
        return "ogg"
    if data.startswith(b"fLaC"):
        return "flac"
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data.startswith(b"PK\x03\x04"):
        suffix = posixpath.splitext(name)[1].lstrip(".").lower()
        return suffix if suffix in _ZIP_SUFFIXES else "zip"
    return None
