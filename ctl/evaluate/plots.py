"""Plots of an evaluation: CMC curve and reliability. Values in, PNG bytes out."""

import io
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ctl.draw.palette import GRID, INK, MUTED, SERIES
from ctl.evaluate.calibration import Reliability

MARKS: Final = ("o", "s")
DPI: Final = 100
SIZE: Final = (640, 420)
AXES: Final = (64, 32, 620, 370)
"""Of a picture in pixels: width and height; left, top, right and bottom of its axes."""


def cmc_picture(curves: dict[str, np.ndarray]) -> bytes:
    """CMC curves as a PNG.

    Args:
        curves: name -> (R,) shares 0..1 at rank 1, 2, …; the same R for all, at most two curves.
    """
    ranks = len(next(iter(curves.values())))
    lowest = min(float(curve.min()) for curve in curves.values())
    figure, axes = _axes("rank", "queries found")
    axes.set(xlim=(1, ranks), ylim=(max(0.0, np.floor(lowest * 10 - 0.5) / 10), 1), xticks=[1, *range(5, ranks + 1, 5)])
    for number, (name, curve) in enumerate(curves.items()):
        _line(axes, np.arange(1, ranks + 1), curve, f"{name}: rank-1 {curve[0]:.1%}", number)
    return _to_png(figure)


def reliability_picture(reliability: Reliability) -> bytes:
    """A PNG of what was predicted against what was true; the nearer the diagonal, the better. Bars: share of pairs."""
    figure, axes = _axes("predicted probability", "share that is the same person")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    bins = len(reliability.share)
    axes.bar((np.arange(bins) + 0.5) / bins, reliability.share, 0.93 / bins, color=GRID)
    axes.plot((0, 1), (0, 1), color=MUTED, linewidth=1)
    filled = reliability.share > 0
    label = f"Brier {reliability.brier:.3f}, calibration error {reliability.calibration_error:.3f}"
    _line(axes, reliability.predicted[filled], reliability.observed[filled], label, 0)
    return _to_png(figure)


def _axes(x_name: str, y_name: str) -> tuple[Figure, Axes]:
    """A picture with empty axes at `AXES`, with shares along y."""
    (width, height), (left, top, right, bottom) = SIZE, AXES
    figure = Figure((width / DPI, height / DPI), DPI)
    axes = figure.add_axes((left / width, 1 - bottom / height, (right - left) / width, (bottom - top) / height))
    axes.set_xlabel(x_name, color=INK)
    axes.set_ylabel(y_name, color=INK, labelpad=0)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.tick_params(length=0, labelcolor=MUTED)
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    return figure, axes


def _line(axes: Axes, x: np.ndarray, y: np.ndarray, label: str, number: int) -> None:
    axes.plot(x, y, color=SERIES[number], marker=MARKS[number], label=label, clip_on=False, zorder=3)


def _to_png(figure: Figure) -> bytes:
    figure.legend(loc="upper right", ncols=2, frameon=False, labelcolor=INK)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
