"""Pictures in the public templates: the copy that a browser needs, the sizes that keep the page from moving."""

from __future__ import annotations

from django import template
from django.utils.encoding import iri_to_uri
from django.utils.safestring import SafeString, mark_safe

from articles.models import MediaFile
from articles.pictures import FULL, Picture, write_picture

register = template.Library()

#: How wide a picture stands at each place of the templates, as ``sizes`` says it; style sheets decide.
SIZES = {
    "lead": "(min-width: 76rem) 45rem, (min-width: 56rem) 60vw, 92vw",
    "card": "(min-width: 56rem) 17rem, (min-width: 36rem) 45vw, 92vw",
    "entry": "(min-width: 50rem) 13rem, 26vw",
    "cover": "(min-width: 59rem) 54rem, 92vw",
    "portrait": "6rem",
}


@register.simple_tag
def picture(media: MediaFile, place: str, shape: str = FULL, alt: str = "", classes: str = "", loads: str = "lazy") -> SafeString:
    """A library picture at one of the places of :data:`SIZES`, in a shape of :mod:`articles.pictures`.

    ``loads`` is ``lazy`` below the first screen, ``eager`` on it, ``first`` for the one picture that a page is opened for.
    While there are no variants of the shape, the whole picture stands there, and the style sheet crops it.
    """
    found = media.picture
    shown = Picture(iri_to_uri(found.address), found.shapes, found.width, found.height, found.tone)
    is_cut = shape in found.shapes
    focus = "" if is_cut or shape == FULL else media.focus_class
    names = [classes, focus, "" if place == "cover" else found.tone]
    attributes: dict[str, str | int | None] = {
        "class": " ".join(filter(None, names)) or None,
        "alt": alt,
        "loading": "lazy" if loads == "lazy" else None,
        "fetchpriority": "high" if loads == "first" else None,
        "decoding": "async",
    }
    # Without the crop the whole picture's own variants serve: they are cropped on the screen, by the focal point.
    return mark_safe(write_picture(shown, shape if is_cut else FULL, SIZES[place], attributes))
