"""Boxes of single frames to people over time: ByteTrack's two-stage association.

Zhang et al. 2022, "ByteTrack: Multi-Object Tracking by Associating Every Detection Box" (Algorithm 1): boxes with a
high score are given to tracks first; what is left of the tracks may then take boxes with a low score, which are people
half hidden rather than background.

Differs, because looks are a fifth of a second apart, not a thirtieth, and not every look is a close one: boxes are
made larger before they are compared (Yang et al. 2023, C-BIoU); the Kalman filter works in seconds, so frames may come
at any rate; a low score is enough, and a first sight waits, for most of a second instead of one frame. A forbidden pair
gains nothing in the assignment instead of costing a limit.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from ctl.people.boxes import Detections, grow, iou

HIGH_SCORE: Final = 0.3
LOW_SCORE: Final = 0.1

BUFFER: Final = 0.4
"""Boxes grow by this share on every side before they are compared."""

HIGH_IOU: Final = 0.15
LOW_IOU: Final = 0.4
"""Least overlap, of the grown boxes, at which a high or a low score counts as the same person."""

RECENT_S: Final = 0.7
"""Seconds since a person was last seen in which a low score is enough, and a first sight waits for a second one."""

MAX_LOST_S: Final = 1.5
"""Seconds since a person was last seen after which they are given up."""

MEASURED: Final = 0.04
ACCELERATION: Final = 0.6
FIRST_SPEED: Final = 0.8
"""Standard deviations, in body heights (per second, per second²): of a box, of a change of pace, of a first pace."""


class Kalman:
    """Constant velocity of a box's centre and size; the four share one covariance because their noise is alike.

    Args:
        box: (4,) x, y, width, height where the person is first seen.
    """

    def __init__(self, box: np.ndarray) -> None:
        height = box[3]
        self.state = np.stack((_centred(box), np.zeros(4)))  # (2, 4): place in pixels, pixels per second
        self.covariance = np.diag(((MEASURED * height) ** 2, (FIRST_SPEED * height) ** 2))

    @property
    def box(self) -> np.ndarray:
        """(4,) x, y, width, height that the filter expects now."""
        centre, size = self.state[0, :2], np.maximum(self.state[0, 2:], 1)
        return np.concatenate((centre - size / 2, size))

    def predict(self, seconds: float) -> None:
        """Move on in time."""
        move = np.array(((1, seconds), (0, 1)))
        push = np.array((seconds**2 / 2, seconds)) * ACCELERATION * self.box[3]
        self.state = move @ self.state
        self.covariance = move @ self.covariance @ move.T + np.outer(push, push)

    def update(self, box: np.ndarray) -> None:
        """Take in a box that was seen, (4,)."""
        noise = (MEASURED * box[3]) ** 2
        gain = self.covariance[:, 0] / (self.covariance[0, 0] + noise)
        self.state = self.state + gain[:, None] * (_centred(box) - self.state[0])
        self.covariance = self.covariance - np.outer(gain, self.covariance[0])


@dataclass(eq=False)
class Track:
    """One person as the tracker follows them: what was seen, and where they are expected.

    Args:
        motion: the filter.
        frames: numbers of the frames in which the person was seen, ascending.
        times: seconds of those frames.
        boxes: (4,) each, as detected.
        scores: of those boxes.
    """

    motion: Kalman
    frames: list[int]
    times: list[float]
    boxes: list[np.ndarray]
    scores: list[float]

    def see(self, frame: int, time: float, box: np.ndarray, score: float) -> None:
        """Take in where the person is in a further frame."""
        self.motion.update(box)
        self.frames.append(frame)
        self.times.append(time)
        self.boxes.append(box)
        self.scores.append(score)


class Tracker:
    """Follows people through the looks of one clip. Call `update` per frame, in order, then `finish`."""

    def __init__(self) -> None:
        self._active: list[Track] = []
        self._ended: list[Track] = []
        self._time = 0.0

    def update(self, frame: int, time: float, detections: Detections) -> None:
        """Take in the detections of a frame.

        Args:
            frame: its number; must rise from call to call.
            time: its seconds.
            detections: boxes in any order; those below `LOW_SCORE` are ignored.
        """
        for track in self._active:
            track.motion.predict(time - self._time)
        self._time = time
        high = detections[detections.scores >= HIGH_SCORE]
        low = detections[(detections.scores >= LOW_SCORE) & (detections.scores < HIGH_SCORE)]

        confirmed = [track for track in self._active if len(track.frames) > 1]
        seen_once = [track for track in self._active if len(track.frames) == 1]
        missed, high = self._match(confirmed, high, HIGH_IOU, frame, time)
        recent = [track for track in missed if time - track.times[-1] <= RECENT_S]
        self._match(recent, low, LOW_IOU, frame, time)
        unconfirmed, high = self._match(seen_once, high, HIGH_IOU, frame, time)

        given_up = [track for track in missed if time - track.times[-1] > MAX_LOST_S]
        given_up += [track for track in unconfirmed if time - track.times[-1] > RECENT_S]
        self._ended += given_up
        self._active = [track for track in self._active if track not in given_up]
        self._active += [
            Track(Kalman(box), [frame], [time], [box], [score])
            for box, score in zip(high.boxes, high.scores.tolist(), strict=True)
        ]

    def finish(self) -> list[Track]:
        """Everyone who was seen at least twice, in the order of appearance."""
        seen = [track for track in self._ended + self._active if len(track.frames) > 1]
        return sorted(seen, key=lambda track: track.frames[0])

    def _match(
        self, tracks: list[Track], detections: Detections, least_iou: float, frame: int, time: float
    ) -> tuple[list[Track], Detections]:
        """Give detections to tracks; return the tracks and the detections left over."""
        expected = np.array([track.motion.box for track in tracks]).reshape(-1, 4)
        pairs = associate(grow(expected, BUFFER), grow(detections.boxes, BUFFER), least_iou)
        for row, column in pairs:
            tracks[row].see(frame, time, detections.boxes[column], float(detections.scores[column]))
        rows, columns = {row for row, _ in pairs}, [column for _, column in pairs]
        rest = np.setdiff1d(np.arange(len(detections)), columns).astype(np.int64)
        return [track for row, track in enumerate(tracks) if row not in rows], detections[rest]


def associate(a: np.ndarray, b: np.ndarray, least_iou: float) -> list[tuple[int, int]]:
    """One-to-one pairs of boxes with the largest total overlap; pairs below `least_iou` are never made.

    Args:
        a, b: (n, 4) and (m, 4).
    Returns:
        (row of a, row of b), ascending.
    """
    overlap = iou(a, b)
    gain = np.where(overlap >= least_iou, overlap, 0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if gain[row, column] > 0]


def _centred(box: np.ndarray) -> np.ndarray:
    return np.concatenate((box[:2] + box[2:] / 2, box[2:]))
