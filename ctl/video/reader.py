"""Any clip as a stream of upright RGB frames: video files, folders and zips of pictures.

Nothing is held but the frame at hand, so memory doesn't grow with the clip. `open_clip` finds out what the clip is and
checks the limits; `Clip` yields the frames to analyse and says in `info.notices` what it left out.
"""

import stat
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self, TypeVar

import numpy as np

from ctl.errors import InputError, printable
from ctl.types import VideoInfo
from ctl.video import animation, container
from ctl.video.animation import is_animation, read_animation
from ctl.video.container import read_video_file
from ctl.video.limits import LIMITS, Frame, Limits, require_frames
from ctl.video.pictures import is_picture, read_pictures

__all__ = ["LIMITS", "SUFFIXES", "Clip", "Frame", "Limits", "open_clip"]

SUFFIXES: Final = (*container.SUFFIXES, *animation.SUFFIXES, ".zip")
"""Of files that are clips. What a file is, its content says; this is for those who offer files to choose from."""

EARLY: Final = 0.1
"""A frame may come this share of a slot early and still fill it, because containers round their time stamps."""

LEAST_FRAMES: Final = 12
"""A clip is thinned to no fewer: two clips of the model's."""

Picture = Callable[[], np.ndarray]
Payload = TypeVar("Payload")


class Source(Protocol):
    """Where frames come from: `container.VideoFile`, `pictures.Pictures` or `animation.Animation`."""

    @property
    def path(self) -> Path: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def times(self) -> np.ndarray: ...
    @property
    def clocked(self) -> bool: ...
    @property
    def promised_seconds(self) -> float: ...
    @property
    def notices(self) -> tuple[str, ...]: ...
    def shots(self) -> Generator[tuple[float, Picture]]: ...


class Clip:
    """The frames of one clip, one at a time. A context manager; may be iterated again, from the start.

    Leaving the context closes the file, also when the loop over the frames was left early.

    Args:
        source: where the frames come from.
        max_fps, limits: as in `open_clip`.
    Raises:
        InputError: the source has fewer than two frames; on iteration, fewer than two can be decoded.
    """

    def __init__(self, source: Source, max_fps: float | None, limits: Limits) -> None:
        require_frames(source.path.name, len(source.times))
        self._source, self._limits = source, limits
        self._rate = analysis_rate(source.times, max_fps, limits) if source.clocked else None
        self._planned = _chosen_times(source.times, self._rate, limits)
        self._read: list[float] | None = None
        self._running: Generator[Frame] | None = None
        self._holds = False
        self._held: list[Frame] | None = None

    @property
    def path(self) -> Path:
        """The file or folder that is read."""
        return self._source.path

    @property
    def info(self) -> VideoInfo:
        """What is analysed: before the first complete iteration as the container promises, then as it was read."""
        times = self._planned if self._read is None else self._read
        fps = _frames_per_second(times) if self._source.clocked else 0.0
        return VideoInfo(
            source=printable(self.path.name),
            width=self._source.width,
            height=self._source.height,
            fps=fps,
            frames=len(times),
            duration=len(times) / fps if fps else 0.0,
            notices=tuple(self._notices()),
        )

    def __iter__(self) -> Iterator[Frame]:
        self.close()
        self._running = self._frames()
        return self._running

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
        self._held = None

    def hold(self, most_bytes: int) -> None:
        """From the next complete iteration on, keep the frames for further ones, if they take no more than that; they
        are let go with the context."""
        info = self.info
        self._holds = 3 * info.width * info.height * info.frames <= most_bytes

    def close(self) -> None:
        """Close the file."""
        if self._running is not None:
            self._running.close()
            self._running = None

    def _frames(self) -> Generator[Frame]:
        if self._held is not None:
            yield from self._held
            return
        read: list[float] = []
        frames: list[Frame] = []
        with closing(self._source.shots()) as shots:
            for time, picture in choose(shots, self._rate, self._limits):
                frame = Frame(len(read), time, picture())
                read.append(time)
                if self._holds:
                    frames.append(frame)
                yield frame
        require_frames(self.path.name, len(read))
        self._read = read
        self._held = frames if self._holds else None

    def _notices(self) -> Iterator[str]:
        times, limits, planned = self._source.times, self._limits, self._planned
        yield from self._source.notices
        if not self._source.clocked:
            if len(times) > limits.frames:
                yield f"Only the first {limits.frames} of {len(times)} pictures were analysed."
            return
        end = times[-1] + times[-1] / (len(times) - 1)
        if self._source.promised_seconds:
            yield (
                f"The file is cut off: {end:.1f} of {self._source.promised_seconds:.1f} seconds could be read and "
                "were analysed."
            )
        if times[-1] >= limits.seconds:
            yield f"Only the first {limits.seconds:g} of {end:.1f} seconds were analysed."
        if len(planned) < np.count_nonzero(times < limits.seconds):
            slower = _frames_per_second(planned)
            yield f"Thinned from {_frames_per_second(times):.3g} to {slower:.3g} frames per second."
        if self._read is not None and len(self._read) < len(planned):
            yield f"{len(planned) - len(self._read)} of {len(planned)} frames are damaged and were left out."


def open_clip(path: Path, max_fps: float | None = None, limits: Limits = LIMITS) -> Clip:
    """Find out what a clip is and make it ready to be read.

    Args:
        path: a video file, an animated picture, a folder of pictures or a zip of pictures.
        max_fps: thin a faster clip to this many frames per second; None keeps all that the limits allow.
            Pictures have no clock: they are never thinned, and their `info.fps` is 0.
        limits: what a clip may be.
    Raises:
        InputError: the clip is missing, empty, not a video, too large, or has fewer than two frames.
    """
    path = path.absolute()  # "." has no name of its own
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise InputError(f"{path.name} doesn't exist: check the path.") from error
    except OSError as error:
        raise InputError(f"{path.name} can't be opened: {error.strerror}.") from error
    if stat.S_ISDIR(status.st_mode):
        return Clip(read_pictures(path, limits), None, limits)
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path.name} is neither a file nor a folder.")
    size = status.st_size
    if size == 0:
        raise InputError(f"{path.name} is empty.")
    if size > limits.megabytes * 10**6:
        raise InputError(f"{path.name} has {size / 1e6:.0f} MB, more than {limits.megabytes} MB: cut or compress it.")
    if _is_zip(path):
        return Clip(read_pictures(path, limits), None, limits)
    if is_animation(path):
        return Clip(read_animation(path, limits), max_fps, limits)
    if is_picture(path):
        raise InputError(f"{path.name} is a still picture: give a video, or a folder or zip of at least two pictures.")
    return Clip(read_video_file(path, limits), max_fps, limits)


def analysis_rate(times: np.ndarray, max_fps: float | None, limits: Limits) -> float | None:
    """Frames per second to analyse: a long clip is thinned rather than cut at `limits.frames`, and a short one is not
    thinned to fewer than `LEAST_FRAMES`.

    Args:
        times: (n,) seconds of all frames, ascending from 0.
        max_fps: what the caller wants at most.
    Returns:
        None where every frame is analysed.
    """
    seen = Limits(limits.seconds, frames=len(times))
    chosen = len(_chosen_times(times, max_fps, seen))
    if chosen < LEAST_FRAMES < len(times):
        return LEAST_FRAMES / float(times[-1])
    if chosen < LEAST_FRAMES:
        return None
    if chosen <= limits.frames:
        return max_fps
    return limits.frames / min(times[-1] + times[-1] / (len(times) - 1), limits.seconds)


def choose(
    shots: Iterable[tuple[float, Payload]], rate: float | None, limits: Limits
) -> Iterator[tuple[float, Payload]]:
    """The shots to analyse: within the limits, and at most one in each slot of 1 / rate seconds.

    Args:
        shots: (seconds, anything), ascending.
        rate: slots per second; None takes every shot.
    """
    slot, taken = -1, 0
    for time, payload in shots:
        if time >= limits.seconds or taken == limits.frames:
            return
        here = slot + 1 if rate is None else int(time * rate + EARLY)
        if here > slot:
            slot, taken = here, taken + 1
            yield time, payload


def _chosen_times(times: np.ndarray, rate: float | None, limits: Limits) -> list[float]:
    return [time for time, _ in choose(((float(time), None) for time in times), rate, limits)]


def _frames_per_second(times: np.ndarray | list[float]) -> float:
    span = times[-1] - times[0]
    return float((len(times) - 1) / span) if span > 0 else 0.0


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError as error:
        raise InputError(f"{path.name} can't be opened: {error.strerror}.") from error
