"""The sample clips that the page offers."""

import json
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from ctl.files import ROOT, read_bytes
from ctl.video.reader import open_clip

SAMPLES: Final = ROOT / "assets" / "samples"
POSTER_FRAME: Final = 9


@dataclass(frozen=True, eq=False)
class Sample:
    """One clip to try.

    Args:
        title: under its thumbnail.
        note: one sentence about it.
        clip: the file.
        poster: (H, W, 3) uint8 RGB, an early frame.
    """

    title: str
    note: str
    clip: Path
    poster: np.ndarray

    @property
    def name(self) -> str:
        """In addresses: the file's, without its suffix."""
        return self.clip.stem


def read_samples(folder: Path = SAMPLES) -> tuple[Sample, ...]:
    """What samples.json says is to be shown, in its order. Raises InputError where it or a clip can't be read."""
    entries = json.loads(read_bytes(folder / "samples.json"))
    shown = [(entry, folder / entry["file"]) for entry in entries if entry["shown"]]
    return tuple(Sample(entry["title"], entry["note"], clip, _poster(clip)) for entry, clip in shown)


def _poster(clip: Path) -> np.ndarray:
    with open_clip(clip) as frames:
        *_, last = islice(frames, POSTER_FRAME + 1)
    return last.image
