"""What a clip may be, and the one picture type that decoding gives."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ctl.errors import InputError
from ctl.video.resize import stretch


@dataclass(frozen=True)
class Limits:
    """Bounds on one clip.

    Args:
        seconds: a longer clip is cut here, with a notice.
        frames: analysed frames; a clip with more is thinned to fit, one without a clock is cut, both with a notice.
        megabytes: (10⁶ bytes) size of the file; a folder isn't measured.
        width, height: long and short side of a frame in pixels, in either orientation.
    """

    seconds: float = 60.0
    frames: int = 900
    megabytes: int = 100
    width: int = 3840
    height: int = 2160

    def check_size(self, name: str, width: int, height: int) -> None:
        """Raises InputError where a frame of `width` x `height` pixels is empty or too large."""
        if min(width, height) < 1:
            raise InputError(f"{name} has no picture size: it is damaged, please export it again.")
        if max(width, height) > self.width or min(width, height) > self.height:
            raise InputError(
                f"{name} is {width}x{height} pixels, more than {self.width}x{self.height} (4K): scale it down first."
            )


LIMITS: Final = Limits()
MINIMUM_FRAMES: Final = 2


def require_frames(name: str, count: int) -> None:
    """Raises InputError where a clip has fewer than `MINIMUM_FRAMES` frames."""
    if count < MINIMUM_FRAMES:
        how_many = "only one frame" if count else "no frame"
        raise InputError(f"{name} holds {how_many} that can be read: at least {MINIMUM_FRAMES} are needed.")


@dataclass(frozen=True, eq=False)
class Frame:
    """One analysed frame.

    Args:
        index: from 0, counting analysed frames only.
        time: seconds from the first frame of the clip; index / 25 where the source has no clock.
        image: (H, W, 3) uint8 RGB, upright: the orientation flag is applied. All frames of a video file have one size;
            of a clip of pictures each has its own.
    """

    index: int
    time: float
    image: np.ndarray

    def at(self, size: tuple[int, int]) -> np.ndarray:
        """The image at a height and width: (*size, 3) uint8."""
        return stretch(self.image, size)
