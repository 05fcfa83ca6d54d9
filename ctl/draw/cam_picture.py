"""Grad-CAM maps on the frames: a picture, a strip and a video."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import cv2
import numpy as np

from ctl.draw import picture
from ctl.draw.palette import CASING, MAGMA, colours, rgb

STRENGTH: Final = 0.85
"""Opacity of the strongest evidence."""

OPAQUE: Final = 1.4
"""Opacity grows so many times as fast as the evidence."""

FAINTEST: Final = 0.35
"""Where on its colour scale the faintest evidence is: darker colours would look like shadows."""

_STRIP_HEIGHT: Final = 320


def colour_map(cam: np.ndarray) -> np.ndarray:
    """(..., h, w) float in 0..1 -> (..., h, w, 3) uint8 RGB: the bright part of magma."""
    return colours(FAINTEST + (1 - FAINTEST) * cam, MAGMA)


def draw_cam(image: np.ndarray, cam: np.ndarray, height: int = picture.DISPLAY_HEIGHT) -> np.ndarray:
    """Lay a map over a picture: where there is no evidence, the picture is as it was.

    Args:
        image: (H, W, 3) uint8 RGB.
        cam: (h, w) float in 0..1, covering the whole picture.
        height: small pictures are enlarged to it.
    Returns:
        (H', W', 3) uint8 RGB, sides even.
    """
    canvas = picture.enlarge(image, height)
    smooth = np.clip(cv2.resize(cam.astype(np.float32), canvas.shape[1::-1], interpolation=cv2.INTER_CUBIC), 0, 1)
    opacity = STRENGTH * np.clip(OPAQUE * smooth[..., None], 0, 1)
    return np.rint(canvas + (colour_map(smooth) - canvas.astype(np.float32)) * opacity).astype(np.uint8)


def cam_strip(images: np.ndarray, cams: np.ndarray, times: Sequence[float] | np.ndarray, count: int = 8) -> np.ndarray:
    """Up to `count` evenly spaced frames side by side: the frame, the frame with its map, and its time.

    Args:
        images: (T, H, W, 3) uint8 RGB.
        cams: (T, h, w) float in 0..1.
        times: T seconds.
    Returns:
        (H', W', 3) uint8 RGB.
    """
    chosen = np.unique(np.linspace(0, len(images) - 1, min(count, len(images))).round().astype(int))
    pieces: list[np.ndarray] = []
    for t in chosen:
        plain, mapped = picture.enlarge(images[t], _STRIP_HEIGHT), draw_cam(images[t], cams[t], _STRIP_HEIGHT)
        title = picture.title_strip(f"{times[t]:.2f} s", "", plain.shape[1])
        column = np.concatenate([title, plain, _gap(2, plain.shape[1]), mapped])
        pieces += [column, _gap(len(column), 4)]
    row = picture.widen(np.concatenate(pieces[:-1], axis=1))
    return np.concatenate([row, cam_legend(row.shape[1])])


def cam_video_frames(
    images: Iterable[np.ndarray], cams: np.ndarray, times: Sequence[float] | np.ndarray
) -> Iterator[np.ndarray]:
    """Frames of a video with the maps on them and a legend below.

    Args:
        images: T pictures (H, W, 3) uint8 RGB of one size, which the maps cover; taken one by one.
        cams: (T, h, w) float in 0..1.
        times: T seconds, written on the frames.
    Yields:
        T pictures (H', W', 3) uint8 RGB, all of one size, sides even.
    """
    for image, cam, time in zip(images, cams, times, strict=True):
        drawn = picture.widen(draw_cam(image, cam))
        width = drawn.shape[1]
        yield np.concatenate([picture.title_strip("Grad-CAM", f"{time:.2f} s", width), drawn, cam_legend(width)])


def cam_legend(width: int) -> np.ndarray:
    """What the colours mean, as a strip (h, width, 3) uint8 with an even height."""
    legend = picture.Legend(width, rows=1)
    legend.write("evidence  ")
    legend.write("none  ", muted=True)
    legend.bar(MAGMA[round(FAINTEST * (len(MAGMA) - 1)) :])
    legend.write("  the clip's most", muted=True)
    return legend.image()


def _gap(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), rgb(CASING), dtype=np.uint8)
