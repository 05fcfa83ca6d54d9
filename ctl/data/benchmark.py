"""What a data set is once it has been read: tracklets on disk, and who is searched for among whom."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

JUNK: Final = -1
"""Person of a tracklet that shows nobody in particular (MARS): it is left out of every ranking."""
DISTRACTOR: Final = 0
"""Person of a tracklet whose person nobody searches for (MARS): it stays in the gallery as a negative."""


@dataclass(frozen=True, slots=True)
class TrackletFiles:
    """One person seen by one camera, as pictures on disk.

    Args:
        frames: files in the order of time; never empty.
        person: ≥ 1, or `JUNK`, or `DISTRACTOR`. Numbers mean nothing outside their data set.
        camera: ≥ 0.
    """

    frames: tuple[Path, ...]
    person: int
    camera: int

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True, slots=True)
class Split:
    """One division of a data set. Training persons and test persons are disjoint.

    Args:
        train: what a model may learn from; empty if the data set has only a test part.
        query: each is searched for in the gallery.
        gallery: what is ranked. May contain the queries themselves: same person and same camera is never a hit.
    """

    train: tuple[TrackletFiles, ...]
    query: tuple[TrackletFiles, ...]
    gallery: tuple[TrackletFiles, ...]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A data set under its protocol.

    Args:
        name: "mars", "ilids-vid", "prid2011", "ls-vid", "walkers" or "folder".
        protocol: one sentence that says how queries and gallery were made; goes into every report.
        splits: one, or ten if the field averages over ten.
    """

    name: str
    protocol: str
    splits: tuple[Split, ...]
