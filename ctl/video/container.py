"""Video files through PyAV: time stamps first, pictures one at a time afterwards.

Only the demuxers that the project documents are allowed, and the file is handed over as an open file, never by name. So
a playlist dressed up as an mp4 can't make FFmpeg read other files or addresses.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ctl.errors import InputError
from ctl.video.limits import Limits, require_frames

DEMUXERS: Final = "mov,matroska,avi,gif"
"""FFmpeg's names; `mov` is also mp4, `matroska` also webm."""

SUFFIXES: Final = (".mp4", ".mov", ".m4v", ".webm", ".avi", ".mkv", ".gif")

Orientation = tuple[int, int, int, int]
"""Signs (a, b, c, d) of a display matrix: a source pixel (x, y) is shown at (ax + cy, bx + dy)."""

UPRIGHT: Final[Orientation] = (1, 0, 0, 1)

MISSING_TAIL: Final = 0.9
"""A file whose packets end before this share of the duration in its header was cut off."""


@dataclass(frozen=True, eq=False)
class VideoFile:
    """What one pass over the packets of a video file tells, without decoding a picture.

    Args:
        path: the file.
        width, height: pixels of an upright frame with square pixels.
        orientation: as `orientation` reads it from the first frame.
        times: (n,) float64 seconds from the first frame, ascending, one per packet.
        frame_seconds: how long a frame lasts, on the average.
        promised_seconds: duration in the header of a file that was cut off before it; 0 for a whole file.
    """

    path: Path
    width: int
    height: int
    orientation: Orientation
    times: np.ndarray
    frame_seconds: float
    promised_seconds: float

    clocked: ClassVar[bool] = True

    def shots(self) -> Generator[tuple[float, Callable[[], np.ndarray]]]:
        """Yield, for every frame that decodes, its time in seconds from the first and a function that renders it.

        Rendering gives (height, width, 3) uint8 RGB. Frames that don't decode are left out. Where a time stamp is
        missing or doesn't advance, the frame is placed one `frame_seconds` after the one before.
        """
        last = -self.frame_seconds
        start: float | None = None
        with _open(self.path) as (container, stream):
            stream.thread_type = "AUTO"
            for frame in _decodable(container, stream):
                if start is None:
                    start = frame.time or 0.0
                advance = -1.0 if frame.time is None else frame.time - start - last
                last += advance if advance > 0 else self.frame_seconds
                yield last, partial(_render, frame, self.orientation, (self.width, self.height))


def read_video_file(path: Path, limits: Limits) -> VideoFile:
    """Read the time stamps of a video file.

    Raises:
        InputError: it isn't one of the known containers, holds no picture track or too few frames, or they are too
            large.
    """
    with _open(path) as (container, stream):
        stamps = [_stamp(packet) for packet in _packets(container, stream) if packet.size]
        require_frames(path.name, len(stamps))
        limits.check_size(path.name, stream.width, stream.height)
        seconds = np.array(sorted(stamp for stamp in stamps if stamp is not None))
        declared = (container.duration or 0) / av.time_base
        nominal = float(1 / stream.average_rate) if stream.average_rate else 0.04
    if len(seconds) < len(stamps):
        seconds = np.arange(len(stamps)) * nominal
    times = seconds - seconds[0]
    frame_seconds = float(times[-1] / (len(times) - 1)) or nominal
    end = times[-1] + frame_seconds
    turned, (width, height) = _first_look(path)
    limits.check_size(path.name, width, height)
    promised = declared if end < MISSING_TAIL * declared else 0.0
    return VideoFile(path, width, height, turned, times, frame_seconds, promised)


@contextmanager
def _open(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    with path.open("rb") as file:
        try:
            container = av.open(file, "r", options={"format_whitelist": DEMUXERS})
        except (av.error.FFmpegError, ValueError) as error:
            known = ", ".join(suffix[1:] for suffix in SUFFIXES)
            raise InputError(
                f"{path.name} can't be read as a video: it is damaged, cut off, or not one of {known}."
            ) from error
        with container:
            tracks = [track for track in container.streams.video if not _is_cover(track)]
            if not tracks:
                raise InputError(f"{path.name} holds no picture track: give a clip that shows a person.")
            yield container, tracks[0]


def _is_cover(track: VideoStream) -> bool:
    return bool(track.disposition & track.disposition.__class__.attached_pic)


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet]:
    """The stream's packets, ending quietly where a damaged file stops being readable."""
    try:
        yield from container.demux(stream)
    except av.error.FFmpegError:
        return


def _decodable(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """The frames that decode; damaged ones are skipped."""
    for packet in _packets(container, stream):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            continue
        for frame in frames:
            if isinstance(frame, VideoFrame):
                yield frame


def _stamp(packet: av.Packet) -> float | None:
    ticks = packet.pts if packet.pts is not None else packet.dts
    return None if ticks is None or packet.time_base is None else float(ticks * packet.time_base)


def _first_look(path: Path) -> tuple[Orientation, tuple[int, int]]:
    """The first frame's orientation, and its width and height once that is applied and its pixels are square."""
    with _open(path) as (container, stream):
        frame = next(_decodable(container, stream), None)
        if frame is None:
            return UPRIGHT, (stream.width, stream.height)
        width = round(frame.width * float(stream.sample_aspect_ratio or 1))
        turned = orientation(frame)
        return turned, (frame.height, width) if _quarter_turned(turned) else (width, frame.height)


def orientation(frame: VideoFrame) -> Orientation:
    """Read a frame's display matrix.

    Flags that aren't quarter turns (with or without mirroring) are ignored, as browsers do. To be asked of one frame of
    a file only: PyAV ties a frame to its side data in a circle, so its memory isn't freed at once.
    """
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return UPRIGHT
    a, b, c, d = np.sign(np.frombuffer(matrix, dtype=np.int32)[[0, 1, 3, 4]]).tolist()
    return (a, b, c, d) if abs(a * d - b * c) == 1 and a * b == 0 and c * d == 0 else UPRIGHT


def _quarter_turned(turned: Orientation) -> bool:
    return turned[0] == 0


def _render(frame: VideoFrame, turned: Orientation, size: tuple[int, int]) -> np.ndarray:
    """(height, width, 3) uint8 RGB, upright, with square pixels; size is the upright width and height."""
    a, b, c, d = turned
    width, height = size[::-1] if _quarter_turned(turned) else size
    image = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
    if _quarter_turned(turned):
        return np.ascontiguousarray(image.transpose(1, 0, 2)[::b, ::c])
    return np.ascontiguousarray(image[::d, ::a])
