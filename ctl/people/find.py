"""From a clip to people: what kind of clip it is, who is in it, and their crops.

A scene is gone through twice: the first time to look for people and to follow them, the second time to cut out those
that are kept. So of a long one only boxes are held while it isn't known yet who stays.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import numpy as np

from ctl.errors import InputError, Remedy
from ctl.people.boxes import Detections
from ctl.people.crop import cut, person_region
from ctl.people.detect import Detector, shrink
from ctl.people.track import Tracker
from ctl.people.trajectory import Trajectory, trajectory_of
from ctl.progress import Progress
from ctl.types import ClipKind, Tracklet
from ctl.video.reader import Clip, Frame

__all__ = ["Detections", "Detector", "People", "find_people", "guess_kind"]

NARROW: Final = 1.5
"""Height over width from which a clip may be one person's crops: MARS has 2."""

FILLED: Final = 0.7
"""Share of a crop's height that its person takes up."""

TINY: Final = 192
"""A narrow clip of at most this width holds nobody but its person, however they bend."""

LOOKS_PER_SECOND: Final = 5.0
BATCH: Final = 15
"""Frames that a detector gets at once: three seconds."""

BRIDGED_SECONDS: Final = 0.7
"""Between two looks at a person that are no further apart, their box is interpolated."""

MOST_LINES: Final = 1080
"""Pixels of the shorter side of the frames that a detector gets; larger ones are shrunk: a batch stays small."""

HELD_BYTES: Final = 200 * 10**6
"""Frames of a shorter scene, such as seven seconds of 720p, are kept in memory instead of being decoded twice."""

Seen = Callable[[np.ndarray, np.ndarray], None]
"""Told of a frame, (H, W, 3) uint8 RGB, and of the boxes (N, 4) around everybody seen in it: x, y, width, height."""

MOST_PEOPLE: Final = 12
MOST_CROPS: Final = 2400
"""Of one clip: at 256x128 they take 236 MB."""


@dataclass(frozen=True, eq=False)
class People:
    """Everyone found in a clip.

    Args:
        kind: whether the clip was taken as one person's crops or as a scene.
        tracklets: at least one; longest first, then highest mean detection score; ids count from 1.
        dropped: one sentence per person left out, with the reason; ids go on counting.
        notices: sentences about frames of kept people that were left out.
    """

    kind: ClipKind
    tracklets: tuple[Tracklet, ...]
    dropped: tuple[str, ...]
    notices: tuple[str, ...] = ()


def find_people(
    clip: Clip,
    detector: Detector | None,
    image_size: tuple[int, int] = (256, 128),
    min_frames: int = 6,
    kind: ClipKind | None = None,
    on_progress: Progress | None = None,
    on_seen: Seen | None = None,
) -> People:
    """Cut the people out of a clip.

    Args:
        clip: an open clip; read up to three times.
        detector: may be None where kind is "crop".
        image_size: height and width of a crop.
        min_frames: people seen in fewer frames are dropped.
        kind: None guesses it.
        on_progress: called with the share done, 0..1. What it raises ends the work, with the file closed.
        on_seen: called once in a scene, as soon as its first seconds have been looked at.
    Raises:
        InputError: nobody is found, or nobody for long enough, or the clip can't be read.
        ValueError: there is no detector for a clip that isn't known to be a crop.
    """
    report = on_progress or (lambda share: None)
    with clip:
        if kind == "crop":
            return _whole_frames(clip, image_size, report)
        if detector is None:
            raise ValueError("a detector is needed unless kind is 'crop'")
        if kind is None and guess_kind(clip, detector) == "crop":
            return _whole_frames(clip, image_size, report)
        clip.hold(HELD_BYTES)
        trajectories = follow(clip, detector, lambda share: report(0.7 * share), on_seen)
        return _cut_people(clip, trajectories, image_size, min_frames, lambda share: report(0.7 + 0.3 * share))


def guess_kind(clip: Clip, detector: Detector) -> ClipKind:
    """A crop is narrow and filled by one person from top to bottom; anything else is a scene.

    Where the shape and size leave it open, five frames of the first two seconds are looked at: a street filmed upright
    with a phone is as narrow.
    """
    info = clip.info
    if info.height < NARROW * info.width:
        return "scene"
    if info.width <= TINY:
        return "crop"
    step = max(1, min(info.frames, round(2 * info.fps) or 50) // 5)
    with closing(iter(clip)) as frames:  # type: ignore[type-var]
        looks = detector([frame.at((info.height, info.width)) for frame in islice(frames, 0, 5 * step, step)])
    filled = [people.boxes[:, 3] >= FILLED * info.height for people in looks]
    alone = [count == 1 for count in (int(tall.sum()) for tall in filled)]
    return "crop" if sum(alone) > len(looks) / 2 else "scene"


def follow(clip: Clip, detector: Detector, report: Progress, on_seen: Seen | None = None) -> list[Trajectory]:
    """Look for people about `LOOKS_PER_SECOND`, follow them, and fill in where they are between the looks."""
    step = max(1, round(clip.info.fps / LOOKS_PER_SECOND))
    size = clip.info.height, clip.info.width
    scale = min(1.0, MOST_LINES / min(size))
    tracker = Tracker()
    times: list[float] = []
    batch: list[Frame] = []

    def look() -> None:
        looks = detector([frame.image for frame in batch])
        if on_seen is not None and batch[0].index == 0:
            middle = len(batch) // 2
            on_seen(batch[middle].image, looks[middle].boxes)
        for frame, detections in zip(batch, looks, strict=True):
            tracker.update(frame.index, frame.time, Detections(detections.boxes / scale, detections.scores))
        batch.clear()
        report(len(times) / max(len(times), clip.info.frames))

    for frame in clip:
        times.append(frame.time)
        if frame.index % step == 0:
            batch.append(replace(frame, image=shrink(frame.at(size), scale)))
        if len(batch) == BATCH:
            look()
    if batch:
        look()
    return [trajectory_of(track, np.array(times), BRIDGED_SECONDS) for track in tracker.finish()]


def _cut_people(
    clip: Clip,
    trajectories: list[Trajectory],
    image_size: tuple[int, int],
    min_frames: int,
    report: Progress,
) -> People:
    """Decide who stays, then read the clip again for their crops."""
    name = clip.info.source
    if not trajectories:
        raise InputError(f"No person was found in {name}", Remedy.SAY_CROP)
    trajectories = sorted(trajectories, key=lambda trajectory: (-len(trajectory), -trajectory.scores.mean()))
    kept = [trajectory for trajectory in trajectories if len(trajectory) >= min_frames][:MOST_PEOPLE]
    dropped = [
        f"Person {number} is left out: {_reason(trajectory, min_frames)}."
        for number, trajectory in enumerate(trajectories[len(kept) :], start=len(kept) + 1)
    ]
    if not kept:
        raise InputError(f"Nobody stays in {name} for long enough ({dropped[0].rstrip('.')})", Remedy.SAY_CROP)
    share = MOST_CROPS // len(kept)
    notices = tuple(
        f"Of person {number}, {share} of {len(trajectory)} frames are analysed, evenly spread."
        for number, trajectory in enumerate(kept, start=1)
        if len(trajectory) > share
    )
    tracklets = _cut(clip, [trajectory.thinned(share) for trajectory in kept], image_size, report)
    return People("scene", tuple(tracklets), tuple(dropped), notices)


def _reason(trajectory: Trajectory, min_frames: int) -> str:
    if len(trajectory) < min_frames:
        return f"seen in {len(trajectory)} frames, and {min_frames} are needed"
    return f"only the {MOST_PEOPLE} seen longest are analysed"


def _cut(
    clip: Clip, trajectories: list[Trajectory], image_size: tuple[int, int], report: Progress
) -> Iterator[Tracklet]:
    regions = [person_region(trajectory.boxes, image_size) for trajectory in trajectories]
    crops = [np.zeros((len(trajectory), *image_size, 3), dtype=np.uint8) for trajectory in trajectories]
    wanted: dict[int, list[tuple[int, int]]] = {}  # frame -> (person, row)
    for person, trajectory in enumerate(trajectories):
        for row, frame in enumerate(trajectory.frames.tolist()):
            wanted.setdefault(frame, []).append((person, row))
    size = clip.info.height, clip.info.width
    for frame in clip:
        for person, row in wanted.get(frame.index, ()):
            crops[person][row] = cut(frame.at(size), regions[person][row], image_size)
        report((frame.index + 1) / max(frame.index + 1, clip.info.frames))
    for person, trajectory in enumerate(trajectories):
        yield Tracklet(
            person + 1, crops[person], regions[person], trajectory.frames, trajectory.times, trajectory.scores
        )


def _whole_frames(clip: Clip, image_size: tuple[int, int], report: Progress) -> People:
    """One tracklet of all frames, each stretched to image_size by itself, as the field does with MARS's crops."""
    crops: list[np.ndarray] = []
    times: list[float] = []
    whole = np.array((0, 0, clip.info.width, clip.info.height), dtype=np.float32)
    for frame in clip:
        crops.append(frame.at(image_size))
        times.append(frame.time)
        report(len(crops) / max(len(crops), clip.info.frames))
    count = len(crops)
    tracklet = Tracklet(
        id=1,
        crops=np.stack(crops),
        boxes=np.tile(whole, (count, 1)),
        frames=np.arange(count),
        times=np.array(times),
        detection_scores=np.ones(count, dtype=np.float32),
    )
    return People("crop", (tracklet,), ())
