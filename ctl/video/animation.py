"""Animated WebP and PNG as clips: FFmpeg reads neither, Pillow both. (GIFs are read as video files.)"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from PIL import Image, ImageOps

from ctl.errors import InputError
from ctl.video.limits import Limits, require_frames
from ctl.video.rgb import to_rgb

FORMATS: Final = ("WEBP", "PNG")
SUFFIXES: Final = (".webp", ".png", ".apng")

SHORTEST_S: Final = 0.02
"""Frames that claim less, or nothing, are shown for a tenth of a second, as browsers do."""


@dataclass(frozen=True, eq=False)
class Animation:
    """An animated picture.

    Args:
        path: the file.
        width, height: pixels of a frame, upright.
        times: (n,) float64 seconds from the first frame.
    """

    path: Path
    width: int
    height: int
    times: np.ndarray

    clocked: ClassVar[bool] = True
    promised_seconds: ClassVar[float] = 0.0
    notices: ClassVar[tuple[str, ...]] = ()

    def shots(self) -> Generator[tuple[float, Callable[[], np.ndarray]]]:
        """Yield each frame's time and a function that gives it as (height, width, 3) uint8 RGB, until the next one."""
        with _opened(self.path) as picture:
            for number, time in enumerate(self.times.tolist()):
                picture.seek(number)
                yield time, partial(to_rgb, picture)


def is_animation(path: Path) -> bool:
    """Whether a file is a picture of several frames."""
    try:
        with Image.open(path, formats=FORMATS) as picture:
            return getattr(picture, "is_animated", False)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def read_animation(path: Path, limits: Limits) -> Animation:
    """Read when the frames are shown; each is decoded once for that, up to the limits.

    Raises:
        InputError: the file is damaged, its frames are too large, or it has one only.
    """
    times, shown = list[float](), 0.0
    with _opened(path) as picture:
        limits.check_size(path.name, *picture.size)
        width, height = ImageOps.exif_transpose(picture).size
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            picture.load()
            times.append(shown)
            seconds = float(picture.info.get("duration", 0)) / 1000
            shown += seconds if seconds >= SHORTEST_S else 0.1
            if shown > limits.seconds:
                break
    require_frames(path.name, len(times))
    return Animation(path, width, height, np.array(times))


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=FORMATS) as picture:
            yield picture
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise InputError(f"{path.name} is a damaged animation: export it again.") from error
