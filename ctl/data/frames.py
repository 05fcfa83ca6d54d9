"""Reading the frames of tracklets at the model's size, as inference cuts them; often read ones are kept in memory."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from ctl.data.benchmark import TrackletFiles
from ctl.errors import InputError
from ctl.video.pictures import FORMATS
from ctl.video.resize import stretch
from ctl.video.rgb import to_rgb

MEMORY_BYTES: Final = 2 * 10**9
"""What all stores of a run may take together: 20,000 frames of 256×128, half the training part of walkers-v1."""

BLOCK: Final = 512
"""Frames that are kept in one piece. Small pieces, each between others that come and go, took twice their own size."""

LEAVE_OUT: Final = "leave such frames out with --leave-out-damaged (in training: data.leave_out_damaged = true)"


def read_frame(path: Path, image_size: tuple[int, int]) -> np.ndarray:
    """One picture, upright and stretched to (height, width), as (*image_size, 3) uint8 RGB.

    Raises:
        InputError: the picture is missing or damaged.
    """
    with _opened(path) as picture:
        pixels = to_rgb(picture)
    return stretch(pixels, image_size)


def aspect_of(tracklet: TrackletFiles) -> float:
    """Width over height of the largest picture, upright, as `analyze` sees a folder of crops. Raises InputError."""
    sizes: dict[Path, int] = {}
    for path in tracklet.frames:
        with _opened(path) as picture:
            sizes[path] = picture.width * picture.height
    with _opened(max(sizes, key=sizes.__getitem__)) as picture:
        upright = ImageOps.exif_transpose(picture)
    return upright.width / upright.height


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=FORMATS) as picture:
            yield picture
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: fetch the data set again, or {LEAVE_OUT}") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is a damaged picture: fetch it again, or {LEAVE_OUT}") from error


def read_frames(
    tracklet: TrackletFiles, image_size: tuple[int, int], indices: Iterable[int] | None = None
) -> np.ndarray:
    """Frames of a tracklet, all or those at some indices: (T, *image_size, 3) uint8 RGB. Raises InputError."""
    chosen = range(len(tracklet)) if indices is None else indices
    return np.stack([read_frame(tracklet.frames[index], image_size) for index in chosen])


class FrameStore:
    """Reads frames, and keeps them until a budget is spent: decoding and resizing cost 0.8 ms a frame.

    Each process that reads has a store of its own.

    Args:
        image_size: height and width to give.
        memory_bytes: budget of this store; 0 keeps nothing.
    """

    def __init__(self, image_size: tuple[int, int], memory_bytes: int = MEMORY_BYTES) -> None:
        self.image_size = image_size
        self._room = memory_bytes // (image_size[0] * image_size[1] * 3)
        self._places: dict[Path, int] = {}
        self._blocks: list[np.ndarray] = []

    def read(self, tracklet: TrackletFiles, indices: Iterable[int] | None = None) -> np.ndarray:
        """Read frames as `read_frames` does, each file once while there is room."""
        chosen = range(len(tracklet)) if indices is None else indices
        return np.stack([self._read(tracklet.frames[index]) for index in chosen])

    def _read(self, path: Path) -> np.ndarray:
        place = self._places.get(path)
        if place is None:
            frame = read_frame(path, self.image_size)
            place = len(self._places)
            if place == self._room:
                return frame
            if place % BLOCK == 0:
                self._blocks.append(np.empty((min(BLOCK, self._room - place), *self.image_size, 3), np.uint8))
            self._blocks[-1][place % BLOCK] = frame
            self._places[path] = place
        return self._blocks[place // BLOCK][place % BLOCK]
