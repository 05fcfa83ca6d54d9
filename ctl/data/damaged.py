"""Data sets with holes: frames that are missing or don't decode, left out and counted, if somebody asks for that."""

from dataclasses import dataclass, replace
from typing import Any

from ctl.data.benchmark import Benchmark, TrackletFiles
from ctl.data.frames import read_frame
from ctl.errors import InputError
from ctl.progress import Progress

_TINY = (8, 4)


@dataclass(frozen=True)
class LeftOut:
    """What `leave_out_damaged` took away.

    Args:
        frames: missing or damaged, in all tracklets.
        tracklets: of which no frame was left.
        first: what was said of the first frame; "" if all are there.
    """

    frames: int = 0
    tracklets: int = 0
    first: str = ""

    @property
    def notice(self) -> str:
        """A sentence; "" if all frames are there."""
        if not self.frames:
            return ""
        return (
            f"{self.frames} missing or damaged frames were left out, and with them {self.tracklets} whole tracklets; "
            f"the first: {self.first}"
        )

    def to_json(self) -> dict[str, Any]:
        return {"frames": self.frames, "tracklets": self.tracklets}


def leave_out_damaged(benchmark: Benchmark, on_progress: Progress | None = None) -> tuple[Benchmark, LeftOut]:
    """The benchmark of the frames that can be read; each is decoded once to find out.

    Args:
        on_progress: called with the share of tracklets done, 0..1; may raise to stop.
    """
    parts = [part for split in benchmark.splits for part in (split.train, split.query, split.gallery)]
    tracklets = dict.fromkeys(tracklet for part in parts for tracklet in part)
    kept: dict[TrackletFiles, TrackletFiles | None] = {}
    complaints: list[str] = []
    for done, tracklet in enumerate(tracklets, start=1):
        frames = []
        for frame in tracklet.frames:
            try:
                read_frame(frame, _TINY)
                frames.append(frame)
            except InputError as error:
                complaints.append(str(error))
        kept[tracklet] = replace(tracklet, frames=tuple(frames)) if frames else None
        if on_progress:
            on_progress(done / len(tracklets))

    def left(part: tuple[TrackletFiles, ...]) -> tuple[TrackletFiles, ...]:
        return tuple(rest for tracklet in part if (rest := kept[tracklet]) is not None)

    splits = tuple(
        replace(split, train=left(split.train), query=left(split.query), gallery=left(split.gallery))
        for split in benchmark.splits
    )
    lost = sum(rest is None for rest in kept.values())
    return replace(benchmark, splits=splits), LeftOut(len(complaints), lost, complaints[0] if complaints else "")
