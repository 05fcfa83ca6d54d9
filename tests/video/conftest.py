"""Clips that the tests write with PyAV, so that what they hold is known exactly."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

CODECS = {
    ".mp4": ("libx264", "yuv420p"),
    ".mov": ("libx264", "yuv420p"),
    ".mkv": ("libx264", "yuv420p"),
    ".webm": ("libvpx", "yuv420p"),
    ".avi": ("mpeg4", "yuv420p"),
    ".gif": ("gif", "rgb8"),
}

WriteClip = Callable[..., Path]


@pytest.fixture
def write_clip(tmp_path: Path) -> WriteClip:
    """A function that encodes frames into tmp_path: (name, frames, fps=25, ticks=None, still=None) -> path.

    `ticks` are the frames' time stamps in milliseconds; without them frames come 1 / fps apart. `still` is a picture
    that becomes a track of its own, before that of the frames.
    """

    def write(
        name: str,
        frames: Sequence[np.ndarray],
        fps: int = 25,
        ticks: Sequence[int] | None = None,
        still: np.ndarray | None = None,
    ) -> Path:
        path = tmp_path / name
        codec, pixels = CODECS[path.suffix]
        with av.open(str(path), "w") as container:
            if still is not None:
                thumbnail = container.add_stream("mjpeg", rate=1)
                thumbnail.height, thumbnail.width = still.shape[:2]
                thumbnail.pix_fmt = "yuvj420p"
            stream = container.add_stream(codec, rate=fps)
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = pixels
            stream.codec_context.time_base = Fraction(1, 1000) if ticks else Fraction(1, fps)
            if still is not None:
                container.mux(thumbnail.encode(av.VideoFrame.from_ndarray(still, format="rgb24")))
                container.mux(thumbnail.encode())
            for number, image in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
                frame.time_base = stream.codec_context.time_base
                frame.pts = ticks[number] if ticks else number
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return write


@pytest.fixture
def grey_ramp() -> Callable[..., list[np.ndarray]]:
    """A function (count, height=48, width=64) -> frames, each of one grey that tells its number."""

    def make(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
        return [np.full((height, width, 3), grey_of(number, count), dtype=np.uint8) for number in range(count)]

    return make


def grey_of(number: int, count: int) -> int:
    return round(20 + 200 * number / max(1, count - 1))
