"""Smaller copies of a picture: what they are called, and the HTML from which a browser chooses one. Pure: texts in, texts out.

What there is of a picture is plain data, as :class:`articles.models.PictureVariants` keeps it in ``shapes``::

    {"full": {"stem": "_1", "avif": [480, 800], "webp": [480, 800], "jpg": [480, 800]},
     "wide": {"stem": "_1-wide-50-30", "focus": [50, 30], "size": [800, 450], "avif": [320, 640]}}

A file lies beside the copy that readers get: ``<folder>/<stem>-<width>.<suffix>``. No copy's own name begins with ``_``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape, unescape
from typing import Any, Final

from articles.addresses import host_of

FULL: Final = "full"
"""The whole picture."""
WIDE: Final = "wide"
"""Cards of lists and the lead: 16 to 9 around the focal point."""
SQUARE: Final = "square"
"""Portraits of by-lines."""
CARD: Final = "card"
"""What other sites show beside a link: one JPEG, 1.91 to 1, around the focal point."""

CARD_SIZE: Final = (1200, 630)
"""Of generated cards, and the most that a cover is cropped to."""

MODERN: Final = (("avif", "image/avif"), ("webp", "image/webp"))
"""Suffixes that not every browser takes, with their types, the best first."""
PLAIN: Final = "jpg"
SUFFIXES: Final = ("avif", "webp", "jpg")

MAX_IN_TEXT: Final = 400
"""Pictures of one text that are looked up; those after them show the plain copy."""
_DARK: Final = "(prefers-color-scheme: dark)"
SIZES_IN_TEXT: Final = "(min-width: 46rem) 42rem, 92vw"
_EARLY: Final = 700
"""Characters of HTML before a text's first picture, so that it is seen without scrolling."""

# As the renderer and the sanitiser write a picture: the address first, every value in double quotes.
_IMAGE = re.compile(r'(<picture[\s>].*?</picture>)|<img src="([^"]*)"((?: [a-z-]+(?:="[^"]*")?)*)>', re.DOTALL)
_WIDTH = re.compile(r' width="([0-9]{1,5})"')
_HEIGHT = re.compile(r' height="[^"]*"')
_WAITS = re.compile(r' loading="[a-z]*"')

_NAMES_HOST = re.compile(r'<img src="(?:https?:)?//', re.IGNORECASE)
_ELSEWHERE = re.compile(
    r'(?P<open><a[\s>])|(?P<close></a>)|<img src="(?P<source>(?:https?:)?//[^"]*)"(?P<rest>(?: [a-z-]+(?:="[^"]*")?)*)>',
    re.IGNORECASE,
)
_ALT = re.compile(r' alt="([^"]*)"')
_DOT = re.compile(r' (?:width|height)="[01](?:px)?"')

Shapes = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for a page. ``address`` is that of the copy for readers; ``shapes`` may be empty, ``tone`` too.

    ``tone`` is the class that colours its place in lists until it arrives; an article keeps its place free without one.
    """

    address: str
    shapes: Shapes
    width: int = 0
    height: int = 0
    tone: str = ""

    @property
    def folder(self) -> str:
        """The address below which its variants lie, with its slash."""
        return folder_of(self.address)

    def address_of(self, shape: str, width: int, suffix: str) -> str:
        """The address of one variant."""
        return f"{self.folder}{self.shapes[shape]['stem']}-{width}.{suffix}"


def folder_of(name: str) -> str:
    """The part of a name or address before the file's own name, with its slash."""
    return name[: name.rfind("/") + 1]


def stem_of(recipe: int, shape: str, focus: tuple[int, int] | None = None) -> str:
    """How names of a shape's variants begin. They name the recipe and the focal point: with another one they are others."""
    parts = [f"_{recipe}", *([] if shape == FULL else [shape]), *(str(part) for part in focus or ())]
    return "-".join(parts)


def names_of(public_name: str, shapes: Shapes) -> list[str]:
    """The names below ``MEDIA_ROOT`` of all variants of a picture."""
    folder = folder_of(public_name)
    kinds = [(made, suffix) for made in shapes.values() for suffix in SUFFIXES]
    return [f"{folder}{made['stem']}-{width}.{suffix}" for made, suffix in kinds for width in made.get(suffix, ())]


def write_picture(picture: Picture, shape: str, sizes: str, attributes: Mapping[str, str | int | None]) -> str:
    """An ``<img>`` with ``attributes`` (``None`` leaves one out), within a ``<picture>`` where ``shape`` has variants.

    Width and height are those of the shape, so that nothing moves when the picture arrives.
    """
    made = picture.shapes.get(shape, {})
    width, height = made.get("size") or (picture.width, picture.height)
    values: dict[str, str | int | None] = {"src": picture.address}
    if made.get(PLAIN):
        values |= {"srcset": _list(picture, shape, PLAIN), "sizes": sizes}
    if width and height:
        values |= {"width": width, "height": height}
    image = f"<img{_write(values | dict(attributes))}>"
    sources = "".join(_sources(picture, shape, sizes))
    return f"<picture>{sources}{image}</picture>" if sources else image


def write_themed(light: Picture, dark: Picture | None, sizes: str, attributes: Mapping[str, str | int | None]) -> str:
    """A whole picture as :func:`write_picture` does it, in whose place ``dark`` stands on screens that are dark."""
    plain = write_picture(light, FULL, sizes, attributes)
    if dark is None:
        return plain
    sources = "".join(_sources(dark, FULL, sizes, media=_DARK))
    values = {"srcset": dark.address, "media": _DARK, "width": dark.width or None, "height": dark.height or None}
    inner = plain.removeprefix("<picture>").removesuffix("</picture>")
    return f"<picture>{sources}<source{_write(values)}>{inner}</picture>"


def names_in(html: str, media_url: str) -> list[str]:
    """The names below ``MEDIA_ROOT`` of the pictures that a rendered text shows, at most :data:`MAX_IN_TEXT`."""
    if media_url not in html:
        return []
    addresses = (unescape(match[2]) for match in _IMAGE.finditer(html) if match[2])
    names = dict.fromkeys(address.removeprefix(media_url) for address in addresses if address.startswith(media_url))
    return list(names)[:MAX_IN_TEXT]


def place_pictures(html: str, pictures: Mapping[str, Picture], *, leads: bool = False) -> str:
    """A rendered text in which the ``pictures`` (by their addresses) offer their variants; the rest stays to the letter.

    ``leads``: no picture stands above the text, so that one at its very beginning is loaded at once.
    """
    if not (pictures or leads) or "<img" not in html:
        return html
    first = next((match.start() for match in _IMAGE.finditer(html) if match[2]), -1)

    def place(match: re.Match[str]) -> str:
        if match[1]:
            # An author's own <picture>: one within another is none.
            return match[0]
        attributes = match[3]
        if leads and match.start() == first and first < _EARLY:
            attributes = _WAITS.sub("", attributes) + ' fetchpriority="high"'
        picture = pictures.get(unescape(match[2]))
        made = picture.shapes.get(FULL) if picture else None
        if picture is None or made is None:
            return f'<img src="{match[2]}"{attributes}>'
        width = _WIDTH.search(attributes)
        if width and picture.width and not _HEIGHT.search(attributes):
            # A text may give the width alone; without both, what follows would move when the picture arrives.
            attributes += f' height="{max(1, round(int(width[1]) * picture.height / picture.width))}"'
        # A picture that its text makes smaller needs no more dots than that.
        sizes = f"min({width[1]}px, 92vw)" if width and int(width[1]) < min(picture.width, 672) else SIZES_IN_TEXT
        plain = _write({"srcset": _list(picture, FULL, PLAIN), "sizes": sizes}) if made.get(PLAIN) else ""
        image = f'<img src="{match[2]}"{attributes}{plain}>'
        sources = "".join(_sources(picture, FULL, sizes))
        return f"<picture>{sources}{image}</picture>" if sources else image

    return _IMAGE.sub(place, html)


def link_elsewhere(html: str, site: str) -> str:
    """A rendered text whose pictures of other hosts are links to them: the site's policy lets no page load those.

    ``site`` is its own address. A link says what the picture's text said, and whose it is; within a link there is that
    alone. A picture of one dot, which only counts readers, goes.
    """
    if not _NAMES_HOST.search(html):
        return html
    is_linked = False

    def replace(match: re.Match[str]) -> str:
        nonlocal is_linked
        if match["open"] or match["close"]:
            is_linked = bool(match["open"])
            return match[0]
        source = unescape(match["source"])
        if source.startswith(site + "/"):
            return match[0]
        if _DOT.search(match["rest"]):
            return ""
        host = escape(host_of(source) or source)
        alt = _ALT.search(match["rest"])
        label = f'{alt[1]} <span class="embed-host">{host}</span>' if alt and alt[1].strip() else host
        return f'<span class="elsewhere">{label}</span>' if is_linked else _link(match["source"], label)

    return _ELSEWHERE.sub(replace, html)


def _link(address: str, label: str) -> str:
    return f'<a class="elsewhere" href="{address}" rel="noopener">{label}</a>'


def _sources(picture: Picture, shape: str, sizes: str, *, media: str | None = None) -> Iterator[str]:
    for suffix, content_type in MODERN:
        if picture.shapes.get(shape, {}).get(suffix):
            values = {"type": content_type, "srcset": _list(picture, shape, suffix), "sizes": sizes, "media": media}
            yield f"<source{_write(values)}>"


def _list(picture: Picture, shape: str, suffix: str) -> str:
    widths = picture.shapes[shape][suffix]
    return ", ".join(f"{picture.address_of(shape, width, suffix)} {width}w" for width in widths)


def _write(attributes: Mapping[str, str | int | None]) -> str:
    return "".join(f' {name}="{escape(str(value))}"' for name, value in attributes.items() if value is not None)
