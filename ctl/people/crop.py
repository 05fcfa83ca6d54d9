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


_STEADY: Final = 5  # frames on either side, of some ten a second


@dataclass(frozen=True, eq=False)
class Framing:
    """A moving window on the source that follows one person, for drawing on.

    Its pictures have the size of the largest box and its margin, in the source's pixels unless they would be longer
    than their longest side. It stays inside the frame if it can, and comes nearer when the person gets smaller.

    Args:
        size: height and width in pixels of the pictures it gives, both even.
        affines: (T, 2, 3) float64; `affines[t] @ (x, y, 1)` is where source pixel (x, y) is in picture t.
        regions: (T, 4) float64, what each picture shows: x, y, width, height in source pixels.
    """

    size: tuple[int, int]
    affines: np.ndarray
    regions: np.ndarray

    def place(self, xy: np.ndarray) -> np.ndarray:
        """(T, J, 2) in source pixels -> (T, J, 2) float32 in pixels of the pictures."""
        return (xy @ self.affines[:, :, :2].transpose(0, 2, 1) + self.affines[:, None, :, 2]).astype(np.float32)


def frame_person(
    tracklet: Tracklet, source_size: tuple[int, int], margin: float = 0.15, longest_side: int = 640
) -> Framing:
    """Where to look to follow a person.

    Args:
        tracklet: whom to follow.
        source_size: height and width of the source's frames.
        margin: share of the largest box to show on every side.
        longest_side: in pixels.
    """
    source = np.array(source_size[::-1], dtype=np.float64)
    largest = np.minimum(tracklet.boxes[:, 2:].max(axis=0) * (1 + 2 * margin), source)  # width, height
    scale = min(1.0, longest_side / largest.max())
    width, height = (2 * max(1, round(side * scale / 2)) for side in largest.tolist())
    heights = _smoothed(tracklet.boxes[:, 3])
    extents = largest * (heights / heights.max())[:, None]  # (T, 2)
    centres = tracklet.boxes[:, :2] + tracklet.boxes[:, 2:] / 2
    corners = np.clip(centres - extents / 2, 0, source - extents)  # (T, 2)
    zoom = np.array((width, height)) / extents  # (T, 2)
    affines = np.concatenate((zoom[:, :, None] * np.eye(2), -(corners * zoom)[:, :, None]), axis=2)
    regions = np.concatenate((corners, extents), axis=1)
    return Framing((height, width), affines, regions)


def _smoothed(heights: np.ndarray) -> np.ndarray:
    """(T,) float64, means over half a second on either side, so that a window doesn't pump with every box."""
    padded = np.pad(heights.astype(np.float64), _STEADY, mode="edge")
    return np.convolve(padded, np.full(2 * _STEADY + 1, 1 / (2 * _STEADY + 1)), mode="valid")


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


def source_views(
    path: Path, tracklet: Tracklet, framing: Framing, max_fps: float | None = None, limits: Limits = LIMITS
) -> Iterator[np.ndarray]:
    """Read a clip again and yield the T pictures (h, w, 3) uint8 that a framing shows, one at a time.

    Args:
        path, max_fps, limits: as the clip was opened when the tracklet was found.
        tracklet, framing: whom to follow, and how.
    Raises:
        InputError: the clip can't be read any more.
    """
    regions = dict(zip(tracklet.frames.tolist(), framing.regions, strict=True))
    with open_clip(path, max_fps, limits) as clip:
        size = clip.info.height, clip.info.width
        for frame in clip:
            if frame.index in regions:
                yield cut(frame.at(size), regions[frame.index], framing.size)
            if frame.index >= tracklet.frames[-1]:
                return
