"""A person's trajectory through a clip: the boxes of single looks made into a box for every frame."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ctl.people.track import Track

SMOOTHING: Final = (0.25, 0.5, 0.25)
"""Weights of the look before, the look itself and the look after."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Where one person is, frame by frame.

    Args:
        frames: (T,) int64, numbers among the analysed frames, ascending; may have gaps.
        times: (T,) float64 seconds.
        boxes: (T, 4) float64 x, y, width, height around the person.
        scores: (T,) float32 in 0..1, the detector's; interpolated where the person wasn't looked at.
    """

    frames: np.ndarray
    times: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)

    def thinned(self, most: int) -> "Trajectory":
        """At most so many frames of it, evenly spread."""
        if len(self) <= most:
            return self
        rows = np.linspace(0, len(self) - 1, most).round().astype(np.int64)
        return Trajectory(self.frames[rows], self.times[rows], self.boxes[rows], self.scores[rows])


def trajectory_of(track: Track, times: np.ndarray, bridged_seconds: float) -> Trajectory:
    """Smooth a track's boxes and interpolate between looks no more than `bridged_seconds` apart.

    Longer gaps stay gaps: nobody knows where the person was.

    Args:
        track: seen at least once.
        times: (F,) seconds of all analysed frames of the clip.
        bridged_seconds: longest gap to fill.
    """
    seen = np.array(track.frames)
    seen_times = times[seen]
    bridged = np.diff(seen_times) <= bridged_seconds  # (looks - 1,)
    runs = [
        np.arange(here, there if joined else here + 1)
        for here, there, joined in zip(seen[:-1], seen[1:], bridged, strict=True)
    ]
    frames = np.concatenate((*runs, seen[-1:]))
    boxes = smooth(np.array(track.boxes, dtype=np.float64), bridged)
    at = times[frames]
    return Trajectory(
        frames=frames,
        times=at,
        boxes=np.stack([np.interp(at, seen_times, column) for column in boxes.T], axis=1),
        scores=np.interp(at, seen_times, track.scores).astype(np.float32),
    )


def smooth(boxes: np.ndarray, joined: np.ndarray) -> np.ndarray:
    """(n, 4) boxes averaged with their neighbours; the first and last, and those beside a gap, stay as they are.

    Args:
        boxes: (n, 4).
        joined: (n - 1,) bool, whether a box and the next belong to one run.
    """
    smoothed = boxes.copy()
    inside = np.flatnonzero(joined[:-1] & joined[1:]) + 1
    before, itself, after = SMOOTHING
    smoothed[inside] = before * boxes[inside - 1] + itself * boxes[inside] + after * boxes[inside + 1]
    return smoothed
