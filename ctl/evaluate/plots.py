"""Plots of an evaluation: CMC curve and reliability. Values in, PNG bytes out."""

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ctl.evaluate.calibration import Reliability

INK: Final = "#1b1f27"
MUTED: Final = "#565d6b"
GRID: Final = "#d5d9e0"
SERIES: Final = ("#0b6a62", "#b3541e")
"""Lines of a plot; they also differ in their marks: discs and squares."""

SCALE: Final = 3
"""Pictures are drawn so much larger and then shrunk, for smooth edges."""


def cmc_picture(curves: dict[str, np.ndarray]) -> bytes:
    """CMC curves as a PNG.

    Args:
        curves: name -> (R,) shares 0..1 at rank 1, 2, …; the same R for all, at most two curves.
    """
    ranks = len(next(iter(curves.values())))
    lowest = min(float(curve.min()) for curve in curves.values())
    plot = _Plot((1, ranks), (max(0.0, np.floor(lowest * 10 - 0.5) / 10), 1.0), "rank", "queries found")
    plot.ticks_x([1, *range(5, ranks + 1, 5)])
    for number, (name, curve) in enumerate(curves.items()):
        plot.line(np.arange(1, ranks + 1), curve, number)
        plot.name(f"{name}: rank-1 {curve[0]:.1%}", number)
    return plot.png()


def reliability_picture(reliability: Reliability) -> bytes:
    """A PNG of what was predicted against what was true; the nearer the diagonal, the better. Bars: share of pairs."""
    plot = _Plot((0, 1), (0, 1), "predicted probability", "share that is the same person")
    plot.ticks_x([0, 0.2, 0.4, 0.6, 0.8, 1])
    plot.bars(reliability.share)
    plot.diagonal()
    filled = reliability.share > 0
    plot.line(reliability.predicted[filled], reliability.observed[filled], 0)
    plot.name(f"Brier {reliability.brier:.3f}, calibration error {reliability.calibration_error:.3f}", 0)
    return plot.png()


class _Plot:
    """Axes with lines on them.

    Args:
        x, y: first and last value of each axis.
        x_name, y_name: written beside them.
    """

    def __init__(self, x: tuple[float, float], y: tuple[float, float], x_name: str, y_name: str) -> None:
        self._x, self._y = x, y
        self._picture = Image.new("RGB", (640 * SCALE, 420 * SCALE), "white")
        self._pen = ImageDraw.Draw(self._picture)
        self._left, self._top, self._right, self._bottom = (side * SCALE for side in (64, 32, 620, 370))
        self._legend = float(self._right)
        for value in np.linspace(*y, 6):
            height = self._place(x[0], value)[1]
            self._pen.line((self._left, height, self._right, height), GRID, SCALE)
            self._text((self._left - 6 * SCALE, height), f"{value:.0%}", "rm", MUTED)
        self._text(((self._left + self._right) / 2, self._bottom + 40 * SCALE), x_name, "mb")
        self._text((10 * SCALE, 20 * SCALE), y_name, "lb")

    def ticks_x(self, values: Sequence[float]) -> None:
        for value in values:
            self._text((self._place(value, self._y[0])[0], self._bottom + 6 * SCALE), f"{value:g}", "mt", MUTED)

    def diagonal(self) -> None:
        self._pen.line((self._place(self._x[0], self._y[0]), self._place(self._x[1], self._y[1])), MUTED, SCALE)

    def bars(self, heights: np.ndarray) -> None:
        """Equally wide, side by side over the whole axis, from its foot."""
        edges = np.linspace(*self._x, len(heights) + 1)
        for left, right, height in zip(edges, edges[1:], heights, strict=False):
            (x0, y0), (x1, y1) = self._place(left, height), self._place(right, self._y[0])
            self._pen.rectangle((x0 + 2 * SCALE, y0, x1 - 2 * SCALE, y1), fill=GRID)

    def line(self, x: np.ndarray, y: np.ndarray, number: int) -> None:
        points = [self._place(a, b) for a, b in zip(x, y, strict=True)]
        self._pen.line(points, SERIES[number], 2 * SCALE, joint="curve")
        for point in points:
            self._mark(point, number)

    def name(self, text: str, number: int) -> None:
        """One entry of the legend, which grows from the right over the plot."""
        self._text((self._legend, 20 * SCALE), text, "rb")
        self._legend -= self._pen.textlength(text, font(13 * SCALE)) + 10 * SCALE
        self._mark((self._legend, 15 * SCALE), number)
        self._legend -= 20 * SCALE

    def png(self) -> bytes:
        return to_png(self._picture)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self._x[0]) / (self._x[1] - self._x[0])
        up = (y - self._y[0]) / (self._y[1] - self._y[0])
        return self._left + across * (self._right - self._left), self._bottom - up * (self._bottom - self._top)

    def _mark(self, point: tuple[float, float], number: int) -> None:
        x, y, r = *point, 4 * SCALE
        draw = self._pen.rectangle if number else self._pen.ellipse
        draw((x - r, y - r, x + r, y + r), fill=SERIES[number])

    def _text(self, where: tuple[float, float], text: str, anchor: str, colour: str = INK) -> None:
        self._pen.text(where, text, colour, font(13 * SCALE), anchor=anchor)


@lru_cache(maxsize=4)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, the same on every machine."""
    return ImageFont.load_default(size)


def to_png(picture: Image.Image) -> bytes:
    """Shrunk from the size it was drawn at."""
    buffer = io.BytesIO()
    small = picture.resize((picture.width // SCALE, picture.height // SCALE), Image.Resampling.LANCZOS)
    small.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
