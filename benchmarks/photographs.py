"""Pictures that weigh what a camera's do, the same at every run."""

from __future__ import annotations

import io
import random

from PIL import Image, ImageChops

SIZE = (4000, 3000)
CAMERA_QUALITY = 92


def make_photograph(seed: int, size: tuple[int, int] = SIZE) -> bytes:
    """Clouds of every size in three colours: as much detail as a picture of leaves and sky, and the same at every run."""
    numbers = random.Random(seed)
    channels = []
    for _channel in range(3):
        total = Image.new("L", size, 128)
        for octave in range(2, 11, 2):
            small = (2**octave, 2**octave * 3 // 4)
            noise = Image.frombytes("L", small, numbers.randbytes(small[0] * small[1])).resize(size, Image.Resampling.BICUBIC)
            total = ImageChops.blend(total, noise, 0.42 / (octave / 2))
        channels.append(total)
    output = io.BytesIO()
    Image.merge("RGB", channels).save(output, "JPEG", quality=CAMERA_QUALITY)
    return output.getvalue()
