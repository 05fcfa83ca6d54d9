"""Part of a clip as a file of its own."""

from pathlib import Path

from ctl.errors import InputError
from ctl.video.limits import LIMITS, MINIMUM_FRAMES, Limits
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
    reach = Limits(end, 10**6, LIMITS.megabytes, LIMITS.width, LIMITS.height)
    with open_clip(clip, max_fps, reach) as frames:
        info = frames.info
        if not info.fps or (end - start) * info.fps < MINIMUM_FRAMES:
            raise InputError(f"Too little is left of {info.source}: keep at least {MINIMUM_FRAMES} frames.")
        write_video(part, (frame.at((info.height, info.width)) for frame in frames if frame.time >= start), info.fps)
