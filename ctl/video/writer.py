"""Frames to an H.264 file that browsers play."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Final
from uuid import uuid4

import av
import numpy as np

QUALITY: Final = "20"
"""libx264's constant rate factor: 18 can't be told from the source, 23 is its default."""

BT709: Final = 1
"""FFmpeg's number of the HD colour space, for matrix, primaries and transfer alike."""


def write_video(path: Path, frames: Iterable[np.ndarray], fps: float) -> None:
    """Write an mp4: H.264, yuv420p, index in front, sides made even by repeating the last row or column.

    The file appears under its name only once it is complete; if anything fails, nothing is left behind. One frame is
    held at a time.

    Args:
        path: ends in .mp4; an older file is replaced.
        frames: (H, W, 3) uint8 RGB each, all of the same size, at least one.
        fps: frames per second, > 0.
    Raises:
        ValueError: there are no frames, or they differ in size.
        OSError: the folder can't be written.
    """
    unfinished = path.with_name(f".{path.stem}-{uuid4().hex}{path.suffix}")
    try:
        _encode(unfinished, frames, fps)
        unfinished.chmod(0o644)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _encode(path: Path, frames: Iterable[np.ndarray], fps: float) -> None:
    rate = Fraction(fps).limit_denominator(1001)
    first_shape: tuple[int, ...] | None = None
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": QUALITY, "preset": "veryfast"})
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        for image in frames:
            if first_shape is None:
                first_shape = image.shape
                stream.height, stream.width = (side + side % 2 for side in image.shape[:2])
            if image.shape != first_shape:
                raise ValueError(f"frames must all be {first_shape}, got {image.shape}")
            padded = np.pad(image, [(0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)], mode="edge")
            frame = av.VideoFrame.from_ndarray(padded, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=BT709)))
        if first_shape is None:
            raise ValueError("a video needs at least one frame")
        container.mux(stream.encode())
