"""Pictures in which something can be told apart, drawn for this project."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw


def draw(seed: int, size: tuple[int, int] = (320, 200), kind: str = "PNG") -> bytes:
    """A picture of its own for each ``seed``, the same at every size."""
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for number in range(6):
        left, top = (seed * 53 + number * 97) % 220, (seed * 31 + number * 61) % 130
        corners = (left, top, left + 40 + number * 9, top + 30 + number * 7)
        box = [value * size[0] // 320 for value in corners]
        pen.ellipse(box, fill=((seed * 70) % 255, number * 40, 90))
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()
