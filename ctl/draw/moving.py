"""Small moving pictures that need no player: animated WebP, and a still one for those who asked for less motion."""

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np
from PIL import Image

FRAMES: Final = 24
"""At most, of one moving picture."""

QUALITY: Final = 60
EFFORT: Final = 2  # 0..6: more takes longer and saves a little


def spread(count: int, most: int = FRAMES) -> list[int]:
    """At most so many of `count` frames, evenly spread from the first on."""
    return [*range(0, count, -(-count // most))]


def moving_picture(frames: Sequence[np.ndarray], fps: float, height: int, alt: str) -> str:
    """Frames that repeat for ever, as HTML that carries its own pictures.

    Args:
        frames: (H, W, 3) uint8 RGB each, all of one shape, at least one.
        fps: frames per second.
        height: of the picture, in pixels of CSS; twice as many are kept where the frames have them.
        alt: what it shows.
    """
    pictures = [_shrunk(frame, 2 * height) for frame in frames]
    width = round(pictures[0].width * height / pictures[0].height)
    still, moving = _uri(pictures[len(pictures) // 2 :][:1], fps), _uri(pictures, fps)
    return (
        f'<picture><source srcset="{still}" media="(prefers-reduced-motion: reduce)">'
        f'<img src="{moving}" alt="{escape(alt)}" width="{width}" height="{height}"></picture>'
    )


def _shrunk(frame: np.ndarray, height: int) -> Image.Image:
    picture = Image.fromarray(frame)
    if picture.height <= height:
        return picture
    return picture.resize((max(1, round(picture.width * height / picture.height)), height))


def _uri(pictures: Sequence[Image.Image], fps: float) -> str:
    buffer = io.BytesIO()
    options = {"quality": QUALITY, "method": EFFORT, "duration": round(1000 / fps), "loop": 0}
    pictures[0].save(buffer, "WEBP", save_all=True, append_images=pictures[1:], **options)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
