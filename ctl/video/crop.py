"""Cutting people out of frames: the re-ID crop, and larger views to draw on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from ctl.types import Tracklet
from ctl.video.limits import LIMITS, Limits
from ctl.video.reader import open_clip

MARGIN: Final = 0.05
"""A person's box grows by this share of its height on every side."""


@dataclass(frozen=True, eq=False)
class View:
    """A person and their surroundings in one frame.

    Args:
        frame: number among the analysed frames of the clip.
        image: (h, w, 3) uint8 RGB, even sides, the same for all views of a tracklet.
        affine: (2, 3) float64; `affine @ (x, y, 1)` is where source pixel (x, y) is in the image.
    """

    frame: int
    image: np.ndarray
    affine: np.ndarray


def person_region(boxes: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """What to cut out around detected people: `MARGIN` around the box, then the model's aspect.

    Args:
        boxes: (T, 4) as detected.
        image_size: height and width of the model's input.
    Returns:
        (T, 4) boxes of the same centre that hold the detected ones and have the aspect of image_size.
    """
    sizes = boxes[:, 2:] + 2 * MARGIN * boxes[:, 3:]  # (T, 2) width, height
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    aspect = image_size[1] / image_size[0]
    height = np.maximum(sizes[:, 1], sizes[:, 0] / aspect)
    sizes = np.stack((height * aspect, height), axis=1)
    return np.concatenate((centres - sizes / 2, sizes), axis=1).astype(np.float32)


def cut(image: np.ndarray, box: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """One region, resized with antialiasing; outside the frame its border pixels are repeated.

    Args:
        image: (H, W, 3) uint8.
        box: (4,) x, y, width, height in pixels, of any size and place.
        image_size: height and width to give.
    Returns:
        (*image_size, 3) uint8.
    """
    x, y, width, height = (float(value) for value in box)
    left, top = int(np.floor(x)), int(np.floor(y))
    columns = np.arange(left, int(np.ceil(x + width)) + 1).clip(0, image.shape[1] - 1)
    rows = np.arange(top, int(np.ceil(y + height)) + 1).clip(0, image.shape[0] - 1)
    region = Image.fromarray(image[rows[:, None], columns])
    inner = (x - left, y - top, x - left + width, y - top + height)
    return np.asarray(region.resize(image_size[::-1], Image.Resampling.BILINEAR, box=inner))


def source_crops(
    path: Path,
    tracklet: Tracklet,
    max_fps: float | None = None,
    limits: Limits = LIMITS,
    margin: float = 0.15,
    longest_side: int = 640,
) -> Iterator[View]:
    """Read a clip again and yield each frame of a tracklet as a view that follows the person, for drawing on.

    One frame is held at a time. The view has the size of the largest box and its margin, stays inside the frame where
    it can, and keeps the source's pixels unless it would be longer than `longest_side`.

    Args:
        path, max_fps, limits: as the clip was opened when the tracklet was found.
        tracklet: whom to follow.
        margin: share of the largest box to show on every side.
        longest_side: in pixels.
    Raises:
        InputError: the clip can't be read any more.
    """
    with open_clip(path, max_fps, limits) as clip:
        source = np.array((clip.info.width, clip.info.height))
        size = np.minimum(tracklet.boxes[:, 2:].max(axis=0) * (1 + 2 * margin), source)
        scale = min(1.0, longest_side / size.max())
        width, height = (2 * max(1, round(side * scale / 2)) for side in size.tolist())
        centres = tracklet.boxes[:, :2] + tracklet.boxes[:, 2:] / 2
        corners = np.clip(centres - size / 2, 0, source - size)
        places = dict(zip(tracklet.frames.tolist(), corners, strict=True))
        zoom = np.array((width, height)) / size
        for frame in clip:
            if frame.index in places:
                corner = places[frame.index]
                image = cut(frame.image, np.concatenate((corner, size)), (height, width))
                yield View(frame.index, image, np.column_stack((np.diag(zoom), -corner * zoom)))
            if frame.index >= tracklet.frames[-1]:
                return
