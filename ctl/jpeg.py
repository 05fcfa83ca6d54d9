"""Pictures as JPEG files in memory."""

import io

import numpy as np
from PIL import Image


def encode_jpeg(picture: np.ndarray | Image.Image, quality: int, *, optimize: bool = False) -> bytes:
    """A picture, (H, W, 3) uint8 RGB or Pillow's, as a JPEG file.

    Args:
        quality: 1..95.
        optimize: spend time on a smaller file of the same picture.
    """
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=optimize)
    return buffer.getvalue()


def open_jpeg(data: bytes) -> Image.Image:
    """A JPEG file as Pillow's lazy picture: its size is known, its pixels are decoded on use.

    Raises OSError if it is no JPEG.
    """
    return Image.open(io.BytesIO(data), formats=["JPEG"])
