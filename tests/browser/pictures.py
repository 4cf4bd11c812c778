"""Pictures of pages for the documentation: with ``KAWARABAN_DOCS_IMAGES=true`` the browser tests write them anew."""

from __future__ import annotations

import io
import os
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
WRITES_IMAGES = os.environ.get("KAWARABAN_DOCS_IMAGES", "") == "true"
DESK: ViewportSize = {"width": 1180, "height": 820}
LOCALES = {"ja": "ja-JP", "en": "en-GB"}


def show(page: Page, name: str, size: ViewportSize = DESK) -> None:
    """A picture of the upper part of the page, ``size`` large, where pictures are asked for."""
    if not WRITES_IMAGES:
        return
    IMAGES.mkdir(parents=True, exist_ok=True)
    data = page.screenshot(clip={"x": 0, "y": 0, "width": size["width"], "height": size["height"]})
    image = Image.open(io.BytesIO(data)).convert("RGB").quantize(64)
    image.save(IMAGES / f"{name}.png", optimize=True)
