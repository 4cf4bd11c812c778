"""Draws the icons of phones and home screens from ``static/img/icon.svg``: ``python tests/draw_icons.py [FOLDER]``.

The drawing is a square and lines, so that Pillow alone can draw it: of SVG this reads ``rect`` and paths of M, m, H, h, V,
v, L, l and z. Run it again after a change of the drawing; a test compares what it draws with what is committed.
"""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "static" / "img" / "icon.svg"
#: File → size in pixels, how much of it the drawing fills, and whether it has round corners of its own. A phone cuts the
#: others to shape, so they may not be transparent; of a maskable one it may leave no more than the inner 80 %.
ICONS = {
    "icon-192.png": (192, 1.0, True),
    "icon-512.png": (512, 1.0, True),
    "icon-maskable.png": (512, 0.9, False),
    "apple-touch-icon.png": (180, 1.0, False),
}
FINER = 4
_SVG = "{http://www.w3.org/2000/svg}"
_STEP = re.compile(r"([MmHhVvLlZz])|(-?[0-9]*\.?[0-9]+)")

Point = tuple[float, float]
Line = list[Point]


def draw_icons(folder: Path) -> None:
    """Writes every icon into ``folder``."""
    for name, (size, share, is_round) in ICONS.items():
        draw_icon(size, share, is_round=is_round).save(folder / name, optimize=True)


def draw_icon(size: int, share: float, *, is_round: bool) -> Image.Image:
    """The drawing in ``size`` pixels, in the middle of its own ground."""
    root = ElementTree.parse(SOURCE).getroot()
    ground, path = root.find(f"{_SVG}rect"), root.find(f"{_SVG}path")
    if ground is None or path is None:
        raise SystemExit(f"{SOURCE} holds no rect or no path, which is all that this program draws.")
    side = float(root.attrib["viewBox"].split()[2])
    full = size * FINER
    scale, inset = full * share / side, full * (1 - share) / 2
    image = Image.new("RGBA", (full, full), (0, 0, 0, 0) if is_round else ground.attrib["fill"])
    pen = ImageDraw.Draw(image)
    if is_round:
        pen.rounded_rectangle((0, 0, full - 1, full - 1), float(ground.attrib["rx"]) * scale, fill=ground.attrib["fill"])
    width = round(float(path.attrib["stroke-width"]) * scale)
    for line in read_path(path.attrib["d"]):
        points = [(x * scale + inset, y * scale + inset) for x, y in line]
        for start, end in pairwise(points):
            _draw_stroke(pen, start, end, width, path.attrib["stroke"], is_closed=line[0] == line[-1])
    small = image.resize((size, size), Image.Resampling.LANCZOS)
    return small if is_round else small.convert("RGB")


def read_path(data: str) -> list[Line]:
    """The lines of a path's ``d``. Raises SystemExit for a step that this program does not draw."""
    lines: list[Line] = []
    x = y = 0.0
    command, numbers = "", [(match[1], match[2]) for match in _STEP.finditer(data)]
    if "".join(letter or number for letter, number in numbers) != re.sub(r"[\s,]", "", data):
        raise SystemExit(f"A path of {SOURCE.name} holds a step that this program does not draw: {data}")
    values: list[float] = []
    for letter, number in numbers:
        if letter in ("Z", "z"):
            lines[-1].append(lines[-1][0])
            x, y = lines[-1][0]
        elif letter:
            command, values = letter, []
        else:
            values.append(float(number))
            if len(values) < (1 if command in "HhVv" else 2):
                continue
            x, y = _step(command, values, x, y)
            if command in "Mm":
                lines.append([(x, y)])
            else:
                lines[-1].append((x, y))
            values = []
    return lines


def _step(command: str, values: list[float], x: float, y: float) -> Point:
    if command in "Hh":
        return values[0] + (x if command == "h" else 0), y
    if command in "Vv":
        return x, values[0] + (y if command == "v" else 0)
    return (values[0] + x, values[1] + y) if command in "ml" else (values[0], values[1])


def _draw_stroke(pen: ImageDraw.ImageDraw, start: Point, end: Point, width: int, colour: str, *, is_closed: bool) -> None:
    """An upright or level stroke; those of a closed line reach around their corners."""
    half = width / 2
    (left, right), (top, bottom) = sorted((start[0], end[0])), sorted((start[1], end[1]))
    beyond = half if is_closed else 0
    if top == bottom:
        box = (left - beyond, top - half, right + beyond, bottom + half)
    else:
        box = (left - half, top - beyond, right + half, bottom + beyond)
    pen.rectangle([round(value) for value in box], fill=colour)


if __name__ == "__main__":
    draw_icons(Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE.parent)
