"""Smaller copies of a picture for phones and slow lines. Pure: bytes in, bytes out; decoded once, encoded many times.

Every copy is decoded and written anew, so none has metadata. Colours are brought to sRGB, so none needs a profile.
"""

from __future__ import annotations

import colorsys
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from PIL import ExifTags, Image, ImageCms

from articles.media import DECODER_ERRORS, MAX_IMAGE_BYTES, MAX_PIXELS, detect_image
from articles.pictures import CARD, CARD_SIZE, FULL, PLAIN, SQUARE, WIDE

RECIPE: Final = 1
"""Grows whenever the same picture would be encoded differently; names hold it, so that caches keep them for ever."""
SMALLEST: Final = 240
"""Pictures whose longer side is shorter are icons: one file serves every screen."""

_QUARTER_TURNS: Final = (5, 6, 7, 8)
_PLAIN_MODES: Final = ("1", "L", "P", "RGB", "RGBA", "LA", "PA", "CMYK", "YCbCr")
# A step between two widths that saves fewer bytes than a request costs is none.
_STEP: Final = 0.88
_TONES: Final = ((0.34, "dark"), (0.67, "mid"), (1.01, "light"))
_HUES: Final = ((0.14, "warm"), (0.45, "green"), (0.76, "blue"), (1.01, "warm"))


@dataclass(frozen=True, slots=True)
class Shape:
    """One way of cutting a picture: ``ratio`` of width to height, or none for the whole; the widest comes last."""

    widths: tuple[int, ...]
    suffixes: tuple[str, ...]
    ratio: tuple[int, int] | None = None


SHAPES: Final = {
    FULL: Shape((480, 800, 1200, 1600), ("avif", "webp", "jpg")),
    WIDE: Shape((320, 640, 960, 1280), ("avif", "webp", "jpg"), (16, 9)),
    SQUARE: Shape((96, 192, 288), ("avif", "webp", "jpg"), (1, 1)),
    CARD: Shape(CARD_SIZE[:1], ("jpg",), CARD_SIZE),
}


@dataclass(frozen=True, slots=True)
class Variant:
    """One encoded copy."""

    shape: str
    suffix: str
    width: int
    height: int
    data: bytes


class NoVariants(Exception):
    """There is nothing to make of this picture: it moves, is drawn by lines, is an icon, or is of a rare kind."""


class PictureSource:
    """A picture, decoded once, of which copies are made.

    Raises :class:`NoVariants` for what is better left as it is, ValueError for what cannot be decoded or is larger than
    pictures may be (it was accepted once, so the stored file was damaged).
    """

    def __init__(self, data: bytes) -> None:
        image_format = detect_image(data)
        if image_format is None:
            raise NoVariants
        if len(data) > MAX_IMAGE_BYTES:
            raise ValueError(f"{len(data)} bytes")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                warnings.simplefilter("ignore", UserWarning)
                with Image.open(io.BytesIO(data), formats=[image_format]) as image:
                    self._read(image)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning, *DECODER_ERRORS) as error:
            raise ValueError(str(error)[:200]) from error
        self.is_drawing = image_format in ("PNG", "GIF")
        self.limit = len(data)

    def _read(self, image: Image.Image) -> None:
        if getattr(image, "is_animated", False) or max(image.size) < SMALLEST or image.mode not in _PLAIN_MODES:
            raise NoVariants
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width} × {image.height}")
        turned = image.getexif().get(ExifTags.Base.Orientation) in _QUARTER_TURNS
        self.size = (image.height, image.width) if turned else image.size
        # Enough for the widest whole copy, and for the widest crop of a very wide or high picture.
        scale = min(1.0, max(SHAPES[FULL].widths[-1] / self.size[0], 720 / self.size[1]))
        wanted = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        profile = image.info.get("icc_profile")
        # A JPEG is decoded at a half, a quarter or an eighth of its size where that is enough.
        image.draft("RGB", wanted)
        image.load()
        whole = _as_colours(image)
        # A copy of the whole would need its memory twice.
        still = whole.copy() if whole.size == wanted else whole.resize(wanted, Image.Resampling.LANCZOS, reducing_gap=3.0)
        self.base = _to_srgb(_turn(still, image), profile)
        self.is_opaque = self.base.mode == "RGB"

    @property
    def tone(self) -> str:
        """The class of its colour, shown until it arrives (``tone-dark-blue``); none where it is transparent."""
        if not self.is_opaque:
            return ""
        red, green, blue = self.base.resize((1, 1), Image.Resampling.BOX).tobytes()
        hue, lightness, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
        shade = next(name for limit, name in _TONES if lightness < limit)
        colour = next(name for limit, name in _HUES if hue < limit) if saturation > 0.15 else "grey"
        return f"tone-{shade}-{colour}"

    def measure(self, shape: str) -> tuple[int, int]:
        """The size of a shape's widest copy."""
        left, _top, right, _bottom = self._box(shape, (50, 50))
        width = min(round((right - left) * self.size[0] / self.base.width), SHAPES[shape].widths[-1])
        return self._scale(shape, width)

    def _scale(self, shape: str, width: int) -> tuple[int, int]:
        across, down = SHAPES[shape].ratio or self.size
        return width, max(1, round(width * down / across))

    def encode(self, shape: str, focus: tuple[int, int] = (50, 50)) -> Iterator[Variant]:
        """The copies of a shape, one at a time, the widest of each format first.

        A format whose widest copy is no smaller than the file itself is left out: it would save nothing. But for the card,
        whose form is what matters.
        """
        widest = self.measure(shape)
        cut = self.base.crop(self._box(shape, focus))
        smaller = [step for step in SHAPES[shape].widths if step < widest[0] * _STEP]
        sizes = [widest, *(self._scale(shape, step) for step in reversed(smaller))]
        copies = [cut.resize(size, Image.Resampling.LANCZOS) if cut.size != size else cut for size in sizes]
        for suffix in SHAPES[shape].suffixes:
            if suffix == PLAIN and not self.is_opaque:
                continue
            for copy in copies:
                data = self._write(copy, suffix)
                if len(data) >= self.limit and shape != CARD:
                    break
                yield Variant(shape, suffix, *copy.size, data)

    def _box(self, shape: str, focus: tuple[int, int]) -> tuple[int, int, int, int]:
        """What of the decoded picture a shape shows: placed as ``object-position`` places it, so that no crop jumps."""
        width, height = self.base.size
        ratio = SHAPES[shape].ratio
        if ratio is None:
            return 0, 0, width, height
        cut_width = min(width, round(height * ratio[0] / ratio[1]))
        cut_height = min(height, round(width * ratio[1] / ratio[0]))
        left, top = round((width - cut_width) * focus[0] / 100), round((height - cut_height) * focus[1] / 100)
        return left, top, left + max(1, cut_width), top + max(1, cut_height)

    def _write(self, image: Image.Image, suffix: str) -> bytes:
        output = io.BytesIO()
        options: dict[str, Any]
        if suffix == "avif":
            # Letters and lines in a drawing keep their colours.
            sharp = {"quality": 75, "subsampling": "4:4:4"} if self.is_drawing else {"quality": 58}
            options = {"speed": 8, "max_threads": 1, **sharp}
        elif suffix == "webp":
            options = {"quality": 88 if self.is_drawing else 78, "method": 4}
        else:
            options = {"quality": 88 if self.is_drawing else 78, "progressive": True, "optimize": True}
        image.save(output, {"avif": "AVIF", "webp": "WEBP", "jpg": "JPEG"}[suffix], **options)
        return output.getvalue()


def _as_colours(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        clear = image if image.mode == "RGBA" else image.convert("RGBA")
        return clear if clear.getchannel("A").getextrema()[0] != 255 else clear.convert("RGB")
    return image.convert("RGB")


def _turn(still: Image.Image, image: Image.Image) -> Image.Image:
    """A small copy, upright: turning the whole picture would need its memory twice."""
    method = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return still.transpose(method) if method is not None else still


def _to_srgb(image: Image.Image, profile: object) -> Image.Image:
    if not isinstance(profile, bytes) or not profile:
        image.info.clear()
        return image
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        colours = image.convert("RGB")
        colours = ImageCms.profileToProfile(colours, given, ImageCms.createProfile("sRGB"), outputMode="RGB") or colours
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        # A damaged profile, or one for ink: a browser would not use it either.
        colours = image.convert("RGB")
    if image.mode == "RGBA":
        colours.putalpha(image.getchannel("A"))
    colours.info.clear()
    return colours
