"""Drawing on pictures: enlarging, anti-aliased marks with transparency, and caption strips. RGB uint8 everywhere."""

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ctl.draw.palette import CASING, THEMES, ColourScale, colours, rgb

DISPLAY_HEIGHT: Final = 720
"""Pixels that small crops are enlarged to before anything is drawn on them."""

MIN_WIDTH: Final = 400
"""Pixels that a legend needs."""

_TEXT: Final = THEMES["dark"].text
_SUBPIXEL: Final = 4  # cv2's fixed-point bits


def enlarge(image: np.ndarray, height: int = DISPLAY_HEIGHT) -> np.ndarray:
    """Scale a picture up, smoothly, until it is `height` high; larger ones stay. Sides come out even, as H.264 wants.

    Args:
        image: (H, W, 3) uint8.
    Returns:
        (H', W', 3) uint8, a copy.
    """
    factor = max(1.0, height / image.shape[0])
    size = tuple(2 * max(1, round(side * factor / 2)) for side in image.shape[1::-1])
    return image.copy() if size == image.shape[1::-1] else cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)


def draw_boxes(image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """A copy of a picture (H, W, 3) uint8 with boxes (n, 4) on it: x, y, width, height in pixels."""
    canvas, width = image.copy(), max(2.0, image.shape[0] / 180)
    for x, y, w, h in boxes:
        corners = np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], dtype=np.float64)
        sides = np.stack([corners, np.roll(corners, -1, axis=0)], axis=1)
        for colour, more in ((CASING, 2.0), (THEMES["dark"].accent, 0.0)):
            draw_lines(canvas, sides, colour, 0.9, width + more)
    return canvas


def draw_lines(canvas: np.ndarray, segments: np.ndarray, colour: str, alpha: float, width: float) -> None:
    """Draw segments as one shape, so that a dash or a joint of two is no darker than the rest; changes `canvas`.

    Args:
        canvas: (H, W, 3) uint8.
        segments: (S, 2, 2) float, both ends' x and y in pixels.
        alpha: 0..1.
        width: pixels, at least 1.
    """
    thickness = max(1, round(width))
    patch = _Patch(canvas, segments.reshape(-1, 2), thickness)
    cv2.polylines(patch.mask, list(patch.fixed(segments)), False, 255, thickness, cv2.LINE_AA, _SUBPIXEL)
    patch.blend(colour, alpha)


def draw_polygon(canvas: np.ndarray, corners: np.ndarray, colour: str, alpha: float) -> None:
    """Fill a convex polygon of (K, 2) corners; changes `canvas`."""
    patch = _Patch(canvas, corners, 1)
    cv2.fillConvexPoly(patch.mask, patch.fixed(corners), 255, cv2.LINE_AA, _SUBPIXEL)
    patch.blend(colour, alpha)


def draw_disc(canvas: np.ndarray, centre: np.ndarray, radius: float, colour: str, alpha: float) -> None:
    """Fill a circle around (2,) x and y; changes `canvas`."""
    patch = _Patch(canvas, centre[None], radius + 1)
    x, y = patch.fixed(centre[None])[0]
    cv2.circle(patch.mask, (int(x), int(y)), round(radius * 2**_SUBPIXEL), 255, -1, cv2.LINE_AA, _SUBPIXEL)
    patch.blend(colour, alpha)


class _Patch:
    """The part of a canvas that one mark touches, and the mark's coverage of it."""

    def __init__(self, canvas: np.ndarray, points: np.ndarray, margin: float) -> None:
        limit = np.array(canvas.shape[1::-1])
        x0, y0 = np.clip(np.floor(points.min(axis=0) - margin), 0, limit - 1).astype(int)
        x1, y1 = np.clip(np.ceil(points.max(axis=0) + margin) + 1, (x0 + 1, y0 + 1), limit).astype(int)
        self.pixels = canvas[y0:y1, x0:x1]  # one pixel at least, as cv2 wants, even for a mark outside the picture
        self.mask = np.zeros(self.pixels.shape[:2], dtype=np.uint8)
        self.origin = np.array([x0, y0])

    def fixed(self, points: np.ndarray) -> np.ndarray:
        """Points of the canvas as cv2's fixed-point numbers of the patch."""
        return np.rint((points - self.origin) * 2**_SUBPIXEL).astype(np.int32)

    def blend(self, colour: str, alpha: float) -> None:
        touched = self.mask.nonzero()
        cover = self.mask[touched][:, None] * np.float32(alpha / 255)
        below = self.pixels[touched]
        self.pixels[touched] = np.rint(below + (np.array(rgb(colour), dtype=np.float32) - below) * cover)


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, the same on every machine. It has no arrows, dashes or Greek letters."""
    return ImageFont.load_default(size)


def widen(image: np.ndarray, width: int = MIN_WIDTH) -> np.ndarray:
    """Centre a narrow picture between dark bars, so that the text over and under it has room."""
    missing = max(0, width - image.shape[1])
    return cv2.copyMakeBorder(image, 0, 0, missing // 2, missing - missing // 2, cv2.BORDER_CONSTANT, value=rgb(CASING))


def title_strip(left: str, right: str, width: int) -> np.ndarray:
    """One line of text at both ends of a dark strip (h, width, 3) uint8 with an even height."""
    title = Legend(width, rows=1)
    title.write(left)
    title.write_right(right)
    return title.image()


class Legend:
    """A dark strip that is filled from left to right, row by row; letters grow with its width.

    Args:
        width: pixels.
        rows: lines of text.
    """

    def __init__(self, width: int, rows: int) -> None:
        self._size = max(16, width // 25)  # a phone shows the strip 360 pixels wide
        self._row = 2 * round(0.8 * self._size)
        self._picture = Image.new("RGB", (width, rows * self._row + 2 * (self._size // 4)), CASING)
        self._pen = ImageDraw.Draw(self._picture)
        self._font = _font(self._size)
        self._x, self._y = float(self._size), self._size // 4 + self._row / 2

    def next_row(self) -> None:
        self._x, self._y = float(self._size), self._y + self._row

    def write(self, text: str, muted: bool = False) -> None:
        self._pen.text((self._x, self._y), text, THEMES["dark"].muted if muted else _TEXT, self._font, anchor="lm")
        self._x += self._pen.textlength(text, self._font)

    def write_right(self, text: str) -> None:
        self._pen.text((self._picture.width - self._size, self._y), text, _TEXT, self._font, anchor="rm")

    def bar(self, scale: ColourScale) -> None:
        """A colour scale from low to high."""
        left, length, half = round(self._x), 5 * self._size, self._size // 3
        for x, colour in enumerate(colours(np.linspace(0, 1, length), scale), start=left):
            self._pen.line((x, self._y - half, x, self._y + half), tuple(colour.tolist()))
        self._x += length

    def dash(self, colour: str) -> None:
        step = self._size * 0.7
        for k in range(2):
            self._pen.line((self._x + k * step, self._y, self._x + (k + 0.6) * step, self._y), colour, 2)
        self._x += 2 * step

    def dot(self, colour: str) -> None:
        radius = self._size * 0.32
        pixels = np.array(self._picture)  # Pillow's own circles have jagged rims
        draw_disc(pixels, np.array([self._x + radius, self._y]), radius, colour, 1.0)
        self._picture.paste(Image.fromarray(pixels))
        self._x += 2 * radius

    def image(self) -> np.ndarray:
        """(h, width, 3) uint8."""
        return np.asarray(self._picture)
