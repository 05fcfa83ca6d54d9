"""Part of a clip as a file of its own."""

from dataclasses import replace
from pathlib import Path

from ctl.errors import InputError
from ctl.video.limits import LIMITS, MINIMUM_FRAMES
from ctl.video.reader import open_clip
from ctl.video.writer import write_video


def write_cut(clip: Path, part: Path, start: float, end: float, max_fps: float | None = None) -> None:
    """Write the seconds from start up to end as an mp4, however long the clip is.

    Args:
        clip: with a clock; see `open_clip`.
        part: the mp4.
        start, end: seconds.
        max_fps: frames per second at most; all where it is None.
    Raises:
        InputError: the clip can't be read, or fewer than two frames lie between start and end.
    """
    with open_clip(clip, max_fps, replace(LIMITS, seconds=end, frames=10**6)) as frames:
        info = frames.info
        if not info.fps or (min(end, info.duration) - start) * info.fps < MINIMUM_FRAMES - 0.5:
            raise InputError(f"Too little is left of {info.source}: keep at least {MINIMUM_FRAMES} frames.")
        write_video(part, (frame.at((info.height, info.width)) for frame in frames if frame.time >= start), info.fps)
